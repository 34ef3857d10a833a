//! Against an attacker who pays: `redteam`.

use std::path::Path;

use hydralink::redteam::{self, Evasion, RedteamConfig, RedteamLine};

use super::super::read;
use crate::Found;
use crate::args::{Redteam, Shared};
use crate::output::{Field, Output};
use crate::progress::Progress;

/// Prints detection against attacker budget, and writes the curve.
pub(super) fn run_redteam(arguments: &Redteam, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
    let config = RedteamConfig {
        tier: read::tier_of(arguments.tier),
        seed: arguments.seed,
        seeds: arguments.seeds,
        budgets: arguments.budget.clone(),
        evasions: if arguments.evasion.is_empty() { Evasion::ALL.to_vec() } else { arguments.evasion.clone() },
    };
    std::fs::create_dir_all(&arguments.directory)?;
    let bar = Progress::new(shared, "worlds", Some(0), false);
    let lines = redteam::redteam(&arguments.directory, &config, &bar)?;
    drop(bar);
    let curve = arguments.directory.join("redteam.csv");
    write_curve(&curve, &lines)?;
    let found = output.records(&lines, CURVE)?;
    output.say(&format!("the curve: {}", curve.display()))?;
    Ok(found)
}

/// Writes beside and renames.
fn write_curve(path: &Path, lines: &[RedteamLine]) -> anyhow::Result<()> {
    let partial = path.with_extension("csv.partial");
    let mut writer = csv::Writer::from_path(&partial)?;
    for line in lines {
        writer.serialize(line)?;
    }
    writer.flush()?;
    std::fs::rename(&partial, path)?;
    Ok(())
}

const CURVE: &[Field<RedteamLine>] = &[
    Field::text("evasion", |line| line.evasion.clone()),
    Field::number("budget", |line| format!("{:.2}", line.budget)),
    Field::csv("worlds"),
    Field::of("addresses_per_account", Field::number("ip/account", |line| format!("{:.2}", line.addresses_per_account))),
    Field::of("cards_per_account", Field::number("card/account", |line| format!("{:.2}", line.cards_per_account))),
    Field::csv("exchanges_per_account_day"),
    Field::number("precision", |line| format!("{:.3}", line.precision)),
    Field::number("recall", |line| format!("{:.3}", line.recall)),
    Field::of("f1", Field::number("F1", |line| format!("{:.3}", line.f1))),
    Field::of("b_cubed_f1", Field::number("B3 F1", |line| format!("{:.3}", line.b_cubed_f1))),
    Field::of("largest_recall", Field::number("largest", |line| format!("{:.2}", line.largest_recall))),
    Field::number("found", |line| format!("{:.2}", line.found)),
    Field::of("benign_flagged", Field::number("benign", |line| format!("{:.1}", line.benign_flagged))),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_of_csv_has_fields_of_its_lines() {
        let line = serde_json::to_value(RedteamLine::default()).expect("plain data serialises");
        assert!(CURVE.iter().all(|field| line.get(field.json).is_some()), "{line}");
    }
}
