//! One network in full: what an analyst puts before an appeal board.
//!
//! Everything in a dossier is taken from the results and the store; nothing is estimated here. [`text`] and [`markdown`] print
//! the same content.

mod case;
mod decided;
mod mix;
mod verdict;
mod verify;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::assess::Given;
use crate::dataset::Dataset;
use crate::query;
use crate::results::{Labelling, Network, SignalLine, TyingIdentifier};
use crate::roles::{self, AccountRole};

pub use case::CaseOfNetwork;
pub use verify::{VerifiedDossier, verify};

use crate::how::{self, HeldBy};

/// Identifiers that a dossier names as fragile; `how` has the rest.
const NAMED_FRAGILE: usize = 10;
/// Members that a dossier names; the rest are counted, and listed by `members --network`.
pub const NAMED_MEMBERS: usize = 20;

/// A network with its timeline, its mix, and its strongest members.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Dossier {
    /// The network and its score card.
    #[serde(flatten)]
    pub network: Network,
    /// Score threshold of the run.
    pub threshold: f64,
    /// Whether it is flagged, and how far the score is from the threshold.
    pub verdict: String,
    /// What is to be said of accounts that were named and not found ([`crate::assess`](mod@crate::assess)).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given: Option<Given>,
    /// What people had said of its accounts before it was found: lists, and who is known-good.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub decided: Vec<String>,
    /// Its case, if anybody decided about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<CaseOfNetwork>,
    /// Exchanges of its accounts per day: (date, exchanges).
    pub timeline: Vec<(String, u64)>,
    /// Accounts made per day: (date, accounts).
    pub registrations: Vec<(String, u64)>,
    /// Accounts by pathway.
    pub pathways: BTreeMap<String, u64>,
    /// Exchanges by model.
    pub models: BTreeMap<String, u64>,
    /// Accounts by country.
    pub countries: BTreeMap<String, u64>,
    /// Accounts already banned.
    pub banned: u64,
    /// Accounts that belong or touch it, by role ([`crate::roles`]).
    pub roles: BTreeMap<&'static str, u64>,
    /// The members with the most evidence.
    pub strongest_members: Vec<query::Member>,
    /// Skeletons of the templates that tie it together, where prompts were mined at ingest.
    pub skeletons: BTreeMap<String, String>,
    /// Broad attributes that members show at least twice as often as all accounts do: no part of the score.
    pub attributes: Vec<Attribute>,
    /// Signals that speak against it, worst first.
    pub counter_evidence: Vec<String>,
    /// What the network would lose without one identifier, worst first; empty if nothing hangs on a single one.
    pub fragile: Vec<HeldBy>,
    /// What would change the verdict.
    pub would_change: Vec<String>,
}

/// A client, an autonomous system, an issuer of cards or the like.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Attribute {
    /// `KIND:VALUE`.
    pub identifier: String,
    /// Members seen with it.
    pub members: u64,
    /// Their share of all members.
    pub share: f64,
    /// The share of the accounts seen with it among all that have the kind.
    pub expected: f64,
}

impl Dossier {
    /// What people said of its accounts before it was found, and of it since, a line each.
    pub fn decided_lines(&self) -> Vec<String> {
        self.decided.iter().cloned().chain(self.case.iter().flat_map(CaseOfNetwork::lines)).collect()
    }
}

/// Puts the dossier of a network together. Reads its members' activity once.
pub fn dossier(dataset: &Dataset, results: &Labelling, network: &Network) -> Dossier {
    let index = network.index();
    let belonging = results.belonging(index);
    let tables = dataset.tables();
    let (days, mix) = (mix::days(dataset, &belonging), mix::mix(dataset, &belonging));
    let mut order = belonging.clone();
    order.sort_by(|a, b| results.evidence_bits[b.index()].total_cmp(&results.evidence_bits[a.index()]).then(a.cmp(b)));
    order.truncate(NAMED_MEMBERS);
    let strongest_members = order.into_iter().map(|account| query::member(dataset, results, account)).collect();
    let skeletons = tables.skeletons.iter().filter(|(identifier, ..)| {
        dataset.naming().shows_skeletons()
            && results.network_of_identifier.get(*identifier as usize).is_some_and(|&network| network as usize == index)
    });
    let skeletons = skeletons
        .map(|(identifier, skeleton, _)| (dataset.identifier_names().name_of(*identifier).to_owned(), skeleton.clone()))
        .collect();
    let mut fragile = how::fragile(dataset, results, index).unwrap_or_default();
    fragile.truncate(NAMED_FRAGILE);
    let threshold = results.run.threshold;
    let attributes = mix::attributes(dataset, results, &belonging);
    Dossier {
        verdict: verdict::verdict(network, threshold),
        given: None,
        decided: decided::decided(dataset, results, index).unwrap_or_default(),
        case: case::case_of(dataset, &network.id, &belonging),
        fragile,
        would_change: results.run.detect_config().map(|config| verdict::would_change(network, &config)).unwrap_or_default(),
        counter_evidence: counter_evidence(network),
        attributes,
        threshold,
        timeline: days.exchanges,
        registrations: mix.registrations,
        pathways: mix.pathways,
        models: days.models,
        countries: mix.countries,
        banned: mix.banned,
        roles: roles::counts(dataset, results, index),
        strongest_members,
        skeletons,
        network: network.clone(),
    }
}

fn counter_evidence(network: &Network) -> Vec<String> {
    let mut against: Vec<(&String, &SignalLine)> = network
        .signals
        .iter()
        .filter_map(|(name, signal)| Some((name, signal.as_ref()?)))
        .filter(|(_, signal)| signal.bits < 0.0)
        .collect();
    against.sort_by(|a, b| a.1.bits.total_cmp(&b.1.bits).then(a.0.cmp(b.0)));
    against
        .into_iter()
        .map(|(name, signal)| {
            format!("{name}: {:.3} where {:.3} is expected ({:+.1} bits)", signal.value, signal.expected, signal.bits)
        })
        .collect()
}

/// The dossier as text for a terminal.
pub fn text(dossier: &Dossier) -> String {
    render(dossier, &Plain)
}

/// The dossier as Markdown: tables, and names from the logs as code, so that nothing in them is taken for markup.
pub fn markdown(dossier: &Dossier) -> String {
    render(dossier, &Markdown)
}

/// How a dossier's parts are set.
trait Style {
    fn title(&self, title: &str) -> String;
    fn heading(&self, heading: &str) -> String;
    fn item(&self, item: &str) -> String;
    fn name(&self, name: &str, width: usize) -> String;
    /// A sentence that may quote names and remarks.
    fn prose(&self, text: &str) -> String;
    /// Columns: heading, width, and whether it is a number.
    fn table(&self, columns: &[(&str, usize, bool)], rows: &[Vec<String>]) -> String;
}

struct Plain;

impl Style for Plain {
    fn title(&self, title: &str) -> String {
        format!("{title}\n")
    }

    fn heading(&self, heading: &str) -> String {
        format!("\n{heading}\n\n")
    }

    fn item(&self, item: &str) -> String {
        format!("{item}\n")
    }

    fn name(&self, name: &str, width: usize) -> String {
        shorten(name, width)
    }

    fn prose(&self, text: &str) -> String {
        text.to_owned()
    }

    fn table(&self, columns: &[(&str, usize, bool)], rows: &[Vec<String>]) -> String {
        let line = |cells: Vec<&str>| {
            let cells = cells
                .into_iter()
                .zip(columns)
                .map(|(cell, &(_, width, number))| if number { format!("{cell:>width$}") } else { format!("{cell:<width$}") });
            format!("{}\n", cells.collect::<Vec<String>>().join(" ").trim_end())
        };
        let head = line(columns.iter().map(|&(heading, ..)| heading).collect());
        rows.iter().fold(head, |text, row| text + &line(row.iter().map(String::as_str).collect()))
    }
}

struct Markdown;

impl Style for Markdown {
    fn title(&self, title: &str) -> String {
        format!("# {}\n\n", escaped(title))
    }

    fn heading(&self, heading: &str) -> String {
        format!("\n## {heading}\n\n")
    }

    fn item(&self, item: &str) -> String {
        format!("* {item}\n")
    }

    /// As code: backticks and bars, which would end it, and line breaks are replaced.
    fn name(&self, name: &str, _width: usize) -> String {
        let held = name.replace('`', "\u{2b9}").replace('|', "\u{a6}").replace(|c: char| c.is_control(), " ");
        if held.is_empty() { String::new() } else { format!("`{held}`") }
    }

    fn prose(&self, text: &str) -> String {
        escaped(text).replace(|c: char| c.is_control(), " ")
    }

    fn table(&self, columns: &[(&str, usize, bool)], rows: &[Vec<String>]) -> String {
        let heads: Vec<&str> = columns.iter().map(|&(heading, ..)| heading).collect();
        let rules: Vec<&str> = columns.iter().map(|&(_, _, number)| if number { "---:" } else { "---" }).collect();
        let head = format!("| {} |\n| {} |\n", heads.join(" | "), rules.join(" | "));
        rows.iter().fold(head, |text, row| format!("{text}| {} |\n", row.join(" | ")))
    }
}

/// Text in which nothing is markup.
fn escaped(text: &str) -> String {
    text.chars()
        .flat_map(|c| matches!(c, '*' | '_' | '`' | '<' | '[' | '|' | '\\').then_some('\\').into_iter().chain([c]))
        .collect()
}

fn render(dossier: &Dossier, style: &dyn Style) -> String {
    let network = &dossier.network;
    let title = match dossier.given {
        Some(_) => format!("Accounts of a list: {}", network.why),
        None => format!("{} (rank {}): {}", network.id, network.rank, network.why),
    };
    let mut out = style.title(&title);
    let mut put = |text: String| out.push_str(&text);
    put(style.item(&format!(
        "{} accounts ({} core, {} fringe; {} more touch it), {} exchanges, {} to {}; {} already banned",
        network.accounts,
        network.core,
        network.fringe,
        network.ambiguous,
        network.events,
        network.first_seen.as_deref().unwrap_or("?"),
        network.last_seen.as_deref().unwrap_or("?"),
        dossier.banned,
    )));
    dossier.given.iter().flat_map(Given::lines).for_each(|line| put(style.item(&style.prose(&line))));
    if dossier.roles.keys().any(|role| *role != AccountRole::OperatorOwned.name()) {
        let counts = dossier.roles.iter().map(|(role, count)| format!("{count} {}", role.replace('_', " ")));
        put(style.item(&format!("by role: {}", counts.collect::<Vec<String>>().join(", "))));
    }
    put(style.item(&format!("score {:.1} bits; {}", network.score, dossier.verdict)));
    let story = network.benign_hypothesis.replace('_', " ");
    put(style.item(&format!("best benign hypothesis: {story} ({:+.1} bits)", network.benign_bits)));
    if dossier.given.is_none() {
        put(style.item(&chance_line(network)));
        put(style.item(&reruns_line(network)));
    }
    let decided = dossier.decided_lines();
    if !decided.is_empty() {
        put(style.heading("Decided by people"));
        decided.iter().for_each(|line| put(style.item(&style.prose(line))));
    }
    put(style.heading("Score card"));
    put(signal_table(network, style));
    put(style.heading("Tied together by"));
    put(tie_table(network, style));
    put(format!("\n{} sightings with suppressed hubs were not used.\n", network.suppressed_sightings));
    put(style.heading("What hangs on one identifier"));
    put(fragile_table(dossier, style));
    if !dossier.counter_evidence.is_empty() {
        put(style.heading("What speaks against it"));
        dossier.counter_evidence.iter().for_each(|line| put(style.item(line)));
    }
    if !dossier.would_change.is_empty() {
        put(style.heading("What would change the verdict"));
        dossier.would_change.iter().for_each(|line| put(style.item(line)));
    }
    for (heading, days) in [("Exchanges a day", &dossier.timeline), ("Accounts made a day", &dossier.registrations)] {
        // Of equal peaks the first.
        if let (Some((first, _)), Some((last, _)), Some((peak, most))) =
            (days.first(), days.last(), days.iter().rev().max_by_key(|(_, count)| *count))
        {
            put(style.heading(heading));
            let values = crate::time::without_gaps(days).map_or(Vec::new(), |(_, counts)| counts);
            put(style.item(&format!("{}  {first} to {last}, busiest {peak} with {most}", sparkline(&values))));
        }
    }
    for (title, counts) in [("Pathways", &dossier.pathways), ("Models", &dossier.models), ("Countries", &dossier.countries)] {
        if !counts.is_empty() {
            put(style.heading(title));
            put(style.item(&largest(counts)));
        }
    }
    if !dossier.attributes.is_empty() {
        put(style.heading("More common among members than among all (no part of the score)"));
        put(attribute_table(dossier, style));
    }
    if !dossier.skeletons.is_empty() {
        put(style.heading("Templates"));
        dossier.skeletons.iter().for_each(|(id, skeleton)| put(style.item(&format!("{id}  {}", style.name(skeleton, 100)))));
    }
    put(style.heading("Strongest members"));
    put(member_table(dossier, style));
    let named = dossier.strongest_members.len() as u64;
    if named < network.accounts {
        put(format!("\n... and {} more\n", network.accounts - named));
    }
    out
}

/// What chance says of a network that was searched for.
fn chance_line(network: &Network) -> String {
    network.q_value.map_or("q-value: not calibrated (run `hydralink calibrate` on this store)".to_owned(), |q| {
        format!("q-value {q:.4} (against chance, not against harmless reasons)")
    })
}

/// What reruns say of it.
fn reruns_line(network: &Network) -> String {
    network.stability.map_or("stability: not measured (run `hydralink consensus` on this store)".to_owned(), |found| {
        let ranks = found.ranks.map_or(String::new(), |(best, worst)| format!(", at rank {best} to {worst}"));
        format!(
            "stability {:.2}: found again in {} of {} reruns without some of the sightings, over the threshold in {}{ranks}",
            found.similarity, found.recovered, found.runs, found.flagged
        )
    })
}

fn signal_table(network: &Network, style: &dyn Style) -> String {
    let row = |name: String, signal: &SignalLine| {
        vec![
            name,
            format!("{:.4}", signal.value),
            format!("{:.4}", signal.expected),
            format!("{:+.2}", signal.bits),
            signal.p_value.map_or(String::new(), |p| format!("{p:.2e}")),
        ]
    };
    let rows_of = |(name, signal): (&String, &Option<SignalLine>)| match signal {
        None => vec![vec![name.clone(), "n/a".to_owned(), String::new(), String::new(), String::new()]],
        Some(signal) => {
            let tests = signal.tests.iter().map(|(test, line)| row(format!("- {test}"), line));
            std::iter::once(row(name.clone(), signal)).chain(tests).collect()
        }
    };
    let rows: Vec<Vec<String>> = network.signals.iter().flat_map(rows_of).collect();
    style.table(&[("signal", 28, false), ("value", 10, true), ("expected", 10, true), ("bits", 8, true), ("p", 9, true)], &rows)
}

fn attribute_table(dossier: &Dossier, style: &dyn Style) -> String {
    let row = |attribute: &Attribute| {
        vec![
            style.name(&attribute.identifier, 44),
            attribute.members.to_string(),
            format!("{:.0}%", attribute.share * 100.0),
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
            tie.members.to_string(),
            tie.accounts.to_string(),
            format!("{:.0}%", tie.exclusivity * 100.0),
            tie.class.replace('_', " "),
        ]
    };
    let rows: Vec<Vec<String>> = network.tied_by.iter().map(row).collect();
    let columns =
        [("identifier", 44, false), ("members", 8, true), ("accounts", 8, true), ("own", 5, true), ("class", 16, false)];
    style.table(&columns, &rows)
}

fn fragile_table(dossier: &Dossier, style: &dyn Style) -> String {
    if dossier.fragile.is_empty() {
        return style.item("nothing: no single identifier holds it together");
    }
    let row = |held: &HeldBy| {
        let (lost, pieces, largest) = (held.members_lost, held.pieces, held.largest_piece);
        vec![
            style.name(&held.identifier, 44),
            held.members.to_string(),
            lost.to_string(),
            pieces.to_string(),
            largest.to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = dossier.fragile.iter().map(row).collect();
    let columns = [("without", 44, false), ("members", 8, true), ("lost", 6, true), ("pieces", 7, true), ("largest", 8, true)];
    style.table(&columns, &rows)
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
    let shown: Vec<String> = order.iter().take(8).map(|(name, count)| format!("{name} {count}")).collect();
    let more = if more > 0 { format!(", {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

/// A string cut to `width` characters, with an ellipsis where something was cut.
fn shorten(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width - 1).chain(['…']).collect()
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

    #[test]
    fn markdown_takes_nothing_from_the_logs_for_markup() {
        assert_eq!(Markdown.name("a`b|c\n# d", 9), "`a\u{2b9}b\u{a6}c # d`");
        assert_eq!(escaped("prompt_template <b>"), "prompt\\_template \\<b>");
        let table = Markdown.table(&[("x", 3, false), ("y", 3, true)], &[vec!["1".to_owned(), "2".to_owned()]]);
        assert_eq!(table, "| x | y |\n| --- | ---: |\n| 1 | 2 |\n");
    }

    #[test]
    fn what_is_cut_is_seen_to_be_cut() {
        assert_eq!(shorten("abcdef", 4), "abc…");
        assert_eq!(shorten("abcd", 4), "abcd");
    }
}
