//! How tightly something hangs together: cohesion of a network, dense blocks, accounts in lockstep.

use hydralink::cases::{self, Listed, Named};
use hydralink::cohesion::{self, Cohesion};
use hydralink::dense::{self, DenseBlock};
use hydralink::lockstep::{self, LockstepConfig, LockstepCore};
use hydralink::{AccountId, Dataset, Labelling};

use super::find::MEMBER;
use super::several;
use crate::Found;
use crate::args;
use crate::output::{Field, Output, counted, grouped};

/// Prints how a network holds together.
pub(crate) fn cohesion(arguments: &args::Cohesion, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open(&arguments.store)?;
    let results = dataset.labelling()?;
    let of_one = |id: &String| {
        let network = dataset.network_index(&results, id)?;
        dataset.expect_reading_of_network(&results, network);
        Ok(cohesion::cohesion(&dataset, &results, network, arguments.alpha, arguments.beta)?)
    };
    let print = |found: &Cohesion, output: &mut Output| Ok(output.one(found, cohesion_text)?);
    several::answer(&several::networks(&arguments.id)?, of_one, print, output)
}

/// Cores and identifiers that the text names; JSON has all cores.
const SHOWN: usize = 10;

fn cohesion_text(found: &Cohesion) -> String {
    let asked = found.alpha_beta_core;
    let mut lines = vec![
        format!(
            "{}: {} and {} that {} something of two of them, {}, {}",
            found.network,
            counted(found.accounts, "account"),
            counted(found.identifiers, "identifier"),
            if found.identifiers == 1 { "says" } else { "say" },
            counted(found.sightings, "sighting"),
            counted(found.components, "component")
        ),
        format!(
            "{} {} (two accounts with two identifiers); {:.1}% of the chances for one were taken",
            grouped(found.butterflies),
            if found.butterflies == 1 { "butterfly" } else { "butterflies" },
            found.clustering * 100.0
        ),
        format!(
            "({}, {})-core: {} with {}",
            asked.alpha,
            asked.beta,
            counted(asked.accounts, "account"),
            counted(asked.identifiers, "identifier")
        ),
        format!(
            "{}; the largest holds {} and {}",
            counted(found.blocks, "block"),
            counted(found.largest_block_accounts, "account"),
            counted(found.largest_block, "sighting")
        ),
        format!(
            "what would split it: {}, {}, {}",
            counted(found.bridges, "sighting"),
            counted(found.articulation_accounts, "account"),
            counted(found.articulation_identifiers, "identifier")
        ),
    ];
    let left = |pieces: u64, largest: u64| format!("{}, the largest of {}", counted(pieces, "piece"), grouped(largest));
    lines.extend(found.separating_accounts.iter().take(SHOWN).map(|one| {
        let (account, identifiers) = (&one.account_id, counted(one.identifiers, "identifier"));
        format!("  without account:{account} ({identifiers}): {}", left(one.pieces, one.largest))
    }));
    lines.extend(found.separating.iter().take(SHOWN).map(|one| {
        format!("  without {} ({}): {}", one.identifier, counted(one.members, "member"), left(one.pieces, one.largest))
    }));
    lines.extend(found.bridging.iter().take(SHOWN).map(|one| {
        format!(
            "  account:{} with {} alone joins {} to the rest",
            one.account_id,
            one.identifier,
            counted(one.cut_off, "account")
        )
    }));
    lines.push("\nCores, in which each has so many of the others".to_owned());
    lines.push(format!("{:>9} {:>9} {:>12}", "at least", "accounts", "identifiers"));
    // All of them, or steps of equal length with the first and the innermost.
    let (count, steps) = (found.cores.len(), SHOWN.min(found.cores.len()));
    let shown = (0..steps).map(|step| if steps > 1 { step * (count - 1) / (steps - 1) } else { 0 });
    lines.extend(shown.map(|at| {
        let core = found.cores[at];
        format!("{:>9} {:>9} {:>12}", grouped(core.alpha.into()), grouped(core.accounts), grouped(core.identifiers))
    }));
    lines.push(String::new());
    lines.join("\n")
}

/// Prints the densest blocks, or the accounts of one.
pub(crate) fn dense(arguments: &args::Dense, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open(&arguments.store)?;
    let results = dataset.labelling_if_any()?;
    let wanted = arguments.accounts_of.map_or(arguments.blocks, |block| block.max(1));
    let blocks = dense::dense_blocks(&dataset, results.as_ref(), wanted)?;
    match arguments.accounts_of {
        None => Ok(output.records(&blocks, BLOCK)?),
        Some(block) => print_accounts(
            &dataset,
            results.as_ref(),
            blocks.get(block.wrapping_sub(1)).map(|found| &found.members[..]),
            output,
        ),
    }
}

const BLOCK: &[Field<DenseBlock>] = &[
    Field::number("rank", |row| row.rank.to_string()),
    Field::number("accounts", |row| row.accounts.to_string()),
    Field::number("identifiers", |row| row.identifiers.to_string()),
    Field::number("density", |row| format!("{:.3}", row.density)),
    Field::number("bound", |row| format!("{:.3}", row.bound)),
    Field::text("network", |row| row.network.clone().unwrap_or_default()),
    Field::of("network_share", Field::number("share", |row| format!("{:.0}%", row.network_share * 100.0))),
];

/// Prints the cores of accounts in lockstep, or the accounts of one.
pub(crate) fn lockstep(arguments: &args::Lockstep, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open(&arguments.store)?;
    let results = dataset.labelling_if_any()?;
    let config = LockstepConfig {
        accounts: arguments.accounts,
        identifiers: arguments.identifiers,
        within: hydralink::time::length_of(&arguments.within)?,
        share: arguments.share,
    };
    let found = lockstep::lockstep(&dataset, results.as_ref(), &arguments.kind, &config)?;
    if found.too_common > 0 {
        output.say(&format!(
            "{} with more than {} accounts {} left out",
            counted(found.too_common, "identifier"),
            grouped(lockstep::MOST as u64),
            if found.too_common == 1 { "was" } else { "were" }
        ))?;
    }
    match arguments.accounts_of {
        None => Ok(output.records(&found.cores, CORE)?),
        Some(core) => {
            let core = found.cores.get(core.wrapping_sub(1)).map(|found| &found.members[..]);
            print_accounts(&dataset, results.as_ref(), core, output)
        }
    }
}

const CORE: &[Field<LockstepCore>] = &[
    Field::number("rank", |row| row.rank.to_string()),
    Field::number("accounts", |row| row.accounts.to_string()),
    Field::number("identifiers", |row| row.identifiers.to_string()),
    Field::spare(1, Field::number("filled", |row| format!("{:.0}%", row.filled * 100.0))),
    Field::text("first", |row| row.first.clone().unwrap_or_default()),
    Field::spare(2, Field::text("last", |row| row.last.clone().unwrap_or_default())),
    Field::text("network", |row| row.network.clone().unwrap_or_default()),
    Field::of("network_share", Field::number("share", |row| format!("{:.0}%", row.network_share * 100.0))),
    Field::csv("example"),
];

/// Prints accounts with their labels, or as bare names where nothing was detected.
fn print_accounts(
    dataset: &Dataset,
    results: Option<&Labelling>,
    accounts: Option<&[AccountId]>,
    output: &mut Output,
) -> anyhow::Result<Found> {
    let Some(accounts) = accounts else { anyhow::bail!("there are fewer than that: leave out --accounts-of to see them") };
    print_listed(&cases::list_accounts(dataset, results, accounts)?, output)
}

/// Prints accounts, as far as something is known of them.
pub(crate) fn print_listed(listed: &Listed, output: &mut Output) -> anyhow::Result<Found> {
    Ok(match listed {
        Listed::Labelled(accounts) => output.records(accounts, MEMBER)?,
        Listed::Named(accounts) => {
            output.records(accounts, &[Field::name("account_id", |row: &Named| row.account_id.clone())])?
        }
    })
}
