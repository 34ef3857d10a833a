//! A dossier as text for a terminal and as Markdown: one order of parts, two styles.

use std::collections::BTreeMap;

use evidence::{SignalFamily, SignalName};

use super::words::amount;
use super::{Attribute, Dossier, ScoreParts};
use crate::assess::Given;
use crate::consensus::Scores;
use crate::counted::{counted, grouped, percent};
use crate::how::HeldBy;
use crate::outputs::style::{Markdown, Plain, Style, items};
use crate::query;
use crate::results::{Network, SignalLine, TyingIdentifier};
use crate::roles::AccountRole;

/// The dossier as text for a terminal, whose printer breaks lines of prose.
pub fn text(dossier: &Dossier) -> String {
    render(dossier, &Plain)
}

/// The dossier as Markdown: tables, and names from the logs as code, so that nothing in them is taken for markup.
pub fn markdown(dossier: &Dossier) -> String {
    render(dossier, &Markdown)
}

fn render(dossier: &Dossier, style: &dyn Style) -> String {
    let network = &dossier.network;
    let title = match dossier.given {
        Some(_) => format!("Accounts of a list: {}", network.why),
        None => format!("{} (rank {}): {}", network.id, network.rank, network.why),
    };
    let mut out = style.title(&title);
    out.push_str(&summary(dossier, style));
    let mut section = |heading: &str, text: String| {
        if !text.is_empty() {
            out.push_str(&style.heading(heading));
            out.push_str(&text);
        }
    };
    section("Decided by people", items(&dossier.decided_lines(), style));
    section("What was found", items(&dossier.findings, style));
    section("What speaks against it", items(&dossier.counter_evidence, style));
    section("What could not be measured", items(&dossier.not_measured_lines(), style));
    section("How the score comes about", dossier.score_parts.as_ref().map_or(String::new(), |parts| parts_table(parts, style)));
    section("Score card", signal_table(network, style));
    section("Tied together by", tie_table(network, style) + &suppressed_item(network, style));
    section("What hangs on one identifier", fragile_table(dossier, style));
    section("What would change the verdict", items(&dossier.would_change, style));
    section("Exchanges a day", days_items(&dossier.timeline, style));
    section("Accounts made a day", days_items(&dossier.registrations, style));
    for (heading, counts) in [("Pathways", &dossier.pathways), ("Models", &dossier.models), ("Countries", &dossier.countries)] {
        section(heading, if counts.is_empty() { String::new() } else { style.item(&style.prose(&largest(counts))) });
    }
    if !dossier.attributes.is_empty() {
        section("More common among members than among all (no part of the score)", attribute_table(dossier, style));
    }
    let skeletons = dossier
        .skeletons
        .iter()
        .map(|(id, skeleton)| style.item(&format!("{}  {}", style.name(id, 100), style.name(skeleton, 100))));
    section("Templates", skeletons.collect());
    section("Strongest members", member_table(dossier, style));
    let named = dossier.strongest_members.len() as u64;
    if named < network.accounts {
        out.push_str(&format!("\n... and {} more\n", grouped(network.accounts - named)));
    }
    out
}

/// How large, as what, how likely: the items below the title.
fn summary(dossier: &Dossier, style: &dyn Style) -> String {
    let network = &dossier.network;
    let tokens = dossier.tokens.map_or(String::new(), |tokens| format!(" with {}", counted(tokens, "token")));
    let size = format!(
        "{} ({} core, {} fringe; {} more {} it), {}{tokens}, {}; {} already banned",
        counted(network.accounts, "account"),
        grouped(network.core),
        grouped(network.fringe),
        grouped(network.ambiguous),
        if network.ambiguous == 1 { "touches" } else { "touch" },
        counted(network.events, "exchange"),
        match (&network.first_seen, &network.last_seen) {
            (Some(first), Some(last)) => format!("{first} to {last}"),
            _ => "at unknown times".to_owned(),
        },
        grouped(dossier.banned),
    );
    let mut lines = vec![style.prose(&size)];
    lines.extend(dossier.given.iter().flat_map(Given::lines).map(|line| style.prose(&line)));
    if dossier.roles.keys().any(|role| *role != AccountRole::OperatorOwned.name()) {
        let counts = dossier.roles.iter().map(|(role, count)| format!("{} {}", grouped(*count), role.replace('_', " ")));
        lines.push(format!("by role: {}", counts.collect::<Vec<String>>().join(", ")));
    }
    lines.push(format!("score {:.1} bits; {}", network.score, dossier.verdict));
    let story = network.benign_hypothesis.replace('_', " ");
    lines.push(format!("best benign hypothesis: {story} ({:+.1} bits)", network.benign_bits));
    if dossier.given.is_none() {
        lines.extend([chance_line(network), reruns_line(network, dossier.threshold)]);
    }
    lines.iter().map(|line| style.item(line)).collect()
}

/// What joins nobody by itself, below the ties.
fn suppressed_item(network: &Network, style: &dyn Style) -> String {
    let suppressed = network.suppressed_sightings;
    if suppressed == 0 {
        return String::new();
    }
    let (sightings, are) = if suppressed == 1 { ("sighting", "is") } else { ("sightings", "are") };
    let said = format!(
        "{} {sightings} {are} with identifiers that don't link on their own: they brought nobody in, and count where \
         another identifier ties the accounts (policy co_occurrence_only in `hubs`) or never (drop)",
        grouped(suppressed)
    );
    format!("\n{}", style.item(&style.prose(&said)))
}

/// Counts by day as a picture and in words, an item each; nothing of no days.
fn days_items(days: &[(String, u64)], style: &dyn Style) -> String {
    picture_of_days(days).iter().flatten().map(|line| style.item(line)).collect()
}

/// Counts by day (`YYYY-MM-DD`, ascending) as a picture, and in words their ends and their peak, of equal ones the first; nothing of
/// no days.
pub fn picture_of_days(days: &[(String, u64)]) -> Option<[String; 2]> {
    let ((first, _), (last, _)) = (days.first()?, days.last()?);
    let (peak, most) = days.iter().rev().max_by_key(|(_, count)| *count)?;
    let values = crate::time::without_gaps(days).map_or(Vec::new(), |(_, counts)| counts);
    Some([sparkline(&values), format!("{first} to {last}, busiest {peak} with {}", grouped(*most))])
}

/// What chance says of a network that was searched for.
fn chance_line(network: &Network) -> String {
    network.q_value.map_or("q-value: not calibrated (run `hydralink calibrate` on this store)".to_owned(), |q| {
        let harmless = network.q_harmless.unwrap_or(0.0).min(q);
        format!(
            "q-value {q:.4}: of the networks that score as much, chance may explain {:.4}, harmless stories {harmless:.4}",
            q - harmless
        )
    })
}

/// What reruns say of it.
fn reruns_line(network: &Network, threshold: f64) -> String {
    network.stability.map_or("stability: not measured (run `hydralink consensus` on this store)".to_owned(), |found| {
        let ranks = found.ranks.map_or(String::new(), |(best, worst)| format!(", at rank {best} to {worst}"));
        let scores = found.scores.map_or(String::new(), |Scores { lowest, median, highest }| {
            format!(", with {lowest:.1} to {highest:.1} bits (half of them up to {median:.1})")
        });
        let doubt = found.doubt(network.score >= threshold).map_or(String::new(), |doubt| format!("; {doubt}"));
        format!(
            "stability {:.2}: found again in {} of {} reruns without some of the sightings and with other draws, over the threshold \
             in {}{ranks}{scores}{doubt}",
            found.similarity, found.recovered, found.runs, found.flagged
        )
    })
}

fn parts_table(parts: &ScoreParts, style: &dyn Style) -> String {
    let rows: Vec<Vec<String>> =
        parts.rows().into_iter().map(|[part, bits, out]| vec![part, bits, format!("  {out}")]).collect();
    style.table(&[("part", 34, false), ("bits", 6, true), ("  rules out", 40, false)], &rows)
}

/// Signals by what they look at, of each the strongest first and what couldn't be measured last.
fn signal_table(network: &Network, style: &dyn Style) -> String {
    let row = |part: &str, name: String, signal: &SignalLine| {
        vec![
            part.to_owned(),
            name,
            amount(signal.value),
            amount(signal.expected),
            format!("{:+.2}", signal.bits),
            signal.p_value.map_or(String::new(), |p| probability(p) + if signal.beyond_draws { "*" } else { "" }),
        ]
    };
    let mut lines: Vec<(&SignalName<String>, &Option<SignalLine>)> = network.signals.iter().collect();
    let bits = |line: &Option<SignalLine>| line.as_ref().map_or(f64::NEG_INFINITY, |line| line.bits);
    lines.sort_by(|a, b| a.0.family().cmp(&b.0.family()).then(bits(b.1).total_cmp(&bits(a.1))).then(a.0.cmp(b.0)));
    let rows_of = |(name, signal): (&SignalName<String>, &Option<SignalLine>)| {
        let part = part_of(name.family());
        let Some(signal) = signal else {
            return vec![vec![
                part.to_owned(),
                name.to_string(),
                "n/a".to_owned(),
                String::new(),
                String::new(),
                String::new(),
            ]];
        };
        let tests = signal.tests.iter().map(|(test, line)| row("", format!("- {test}"), line));
        std::iter::once(row(part, name.to_string(), signal)).chain(tests).collect()
    };
    let rows: Vec<Vec<String>> = lines.into_iter().flat_map(rows_of).collect();
    let columns = [
        ("part", 9, false),
        ("signal", 28, false),
        ("value", 8, true),
        ("expected", 8, true),
        ("bits", 7, true),
        ("p", 8, true),
    ];
    let beyond = network.signals.values().flatten().any(|signal| signal.beyond_draws);
    let table = style.table(&columns, &rows);
    if beyond { format!("{table}\n{}", style.item(&style.prose(BEYOND_DRAWS))) } else { table }
}

/// What a star beside a p-value says.
const BEYOND_DRAWS: &str = "* beyond all draws: the p-value is what these say, the bits rest on the tail fitted to them.";

/// The part of a case that a signal belongs to.
fn part_of(family: SignalFamily) -> &'static str {
    match family {
        SignalFamily::Membership | SignalFamily::Sharing => "structure",
        SignalFamily::Timing => "timing",
        SignalFamily::Content => "content",
        SignalFamily::CrossLinked => "shape",
        SignalFamily::Habits => "habits",
        SignalFamily::Other => "other",
    }
}

/// A p-value, as a decimal where it is a readable one.
fn probability(p: f64) -> String {
    if p >= 0.001 { format!("{p:.3}") } else { format!("{p:.0e}") }
}

fn attribute_table(dossier: &Dossier, style: &dyn Style) -> String {
    let row = |attribute: &Attribute| {
        vec![
            style.name(&attribute.identifier, 44),
            grouped(attribute.members),
            percent(attribute.share),
            format!("{:.1}%", attribute.expected * 100.0),
        ]
    };
    let rows: Vec<Vec<String>> = dossier.attributes.iter().map(row).collect();
    style.table(&[("attribute", 44, false), ("members", 8, true), ("inside", 7, true), ("of all", 7, true)], &rows)
}

fn tie_table(network: &Network, style: &dyn Style) -> String {
    let row = |tie: &TyingIdentifier| {
        vec![
            style.name(&tie.identifier, 44),
            grouped(tie.members),
            grouped(tie.accounts),
            percent(tie.exclusivity),
            tie.class.replace('_', " "),
        ]
    };
    let rows: Vec<Vec<String>> = network.tied_by.iter().map(row).collect();
    let columns =
        [("identifier", 44, false), ("members", 8, true), ("accounts", 8, true), ("own", 5, true), ("class", 16, false)];
    let table = style.table(&columns, &rows);
    match network.tied_by_left_out {
        0 => table,
        more => table + &style.item(&format!("{} more {} it", grouped(more), if more == 1 { "ties" } else { "tie" })),
    }
}

fn fragile_table(dossier: &Dossier, style: &dyn Style) -> String {
    if dossier.fragile.is_empty() {
        return style.item("nothing: no single identifier holds it together");
    }
    let row = |held: &HeldBy| {
        let (lost, pieces, largest) = (held.members_lost, held.pieces, held.largest_piece);
        vec![style.name(&held.identifier, 44), grouped(held.members), grouped(lost), grouped(pieces), grouped(largest)]
    };
    let rows: Vec<Vec<String>> = dossier.fragile.iter().map(row).collect();
    let columns = [("without", 44, false), ("members", 8, true), ("lost", 6, true), ("pieces", 7, true), ("largest", 8, true)];
    let more = dossier.fragile_in_all - rows.len() as u64;
    let more = if more > 0 { style.item(&format!("and {} more", grouped(more))) } else { String::new() };
    style.table(&columns, &rows) + &more
}

fn member_table(dossier: &Dossier, style: &dyn Style) -> String {
    let row = |member: &query::Member| {
        vec![
            style.name(&member.account_id, 32),
            member.membership.unwrap_or_default().to_owned(),
            member.role.map_or("", AccountRole::name).replace('_', " "),
            format!("{:.2}", member.confidence.unwrap_or_default()),
            format!("{:.1}", member.evidence_bits.unwrap_or_default()),
        ]
    };
    let rows: Vec<Vec<String>> = dossier.strongest_members.iter().map(row).collect();
    style.table(
        &[("account", 32, false), ("membership", 10, false), ("role", 22, false), ("confidence", 10, true), ("bits", 7, true)],
        &rows,
    )
}

/// The eight largest counts of a map, and how many more there are.
fn largest(counts: &BTreeMap<String, u64>) -> String {
    let mut order: Vec<(&String, &u64)> = counts.iter().collect();
    order.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let more = order.len().saturating_sub(8);
    let shown: Vec<String> = order.iter().take(8).map(|(name, count)| format!("{name} {}", grouped(**count))).collect();
    let more = if more > 0 { format!(", {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

/// Values as bars of eight heights, at most 60 of them: neighbouring values are summed.
pub fn sparkline(values: &[u64]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let width = values.len().div_ceil(60).max(1);
    let sums: Vec<u64> = values.chunks(width).map(|chunk| chunk.iter().sum()).collect();
    let peak = sums.iter().copied().max().unwrap_or(0).max(1);
    sums.iter().map(|&sum| BARS[((sum * 7 + peak / 2) / peak).min(7) as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sparkline_scales_to_its_peak() {
        assert_eq!(sparkline(&[0, 7, 14]), "▁▅█");
        assert_eq!(sparkline(&[]), "");
        assert_eq!(sparkline(&vec![1; 120]).chars().count(), 60);
    }
}
