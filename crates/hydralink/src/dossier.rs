//! One network in full: what an analyst puts before an appeal board.
//!
//! Everything in a dossier is taken from the results and the store; nothing is estimated here. [`text`] and [`markdown`] print the
//! same content.

use std::collections::BTreeMap;
use std::fmt::Write;

use graph::{AccountId, NO_TIME, NONE_U16};
use serde::Serialize;

use crate::dataset::Dataset;
use crate::query;
use crate::results::{Membership, Network, Results, SignalLine};

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
    /// The members with the most evidence.
    pub strongest_members: Vec<query::Member>,
    /// Skeletons of the templates that tie it together, where prompts were mined at ingest.
    pub skeletons: BTreeMap<String, String>,
    /// Signals that speak against it, worst first.
    pub counter_evidence: Vec<String>,
}

/// Puts the dossier of a network together. Reads its members' activity once.
pub fn dossier(dataset: &Dataset, results: &Results, index: usize) -> Dossier {
    let network = results.networks[index].clone();
    let members: Vec<(AccountId, Membership)> = results.members_of(index);
    let belonging: Vec<AccountId> =
        members.iter().filter(|(_, how)| *how != Membership::Ambiguous).map(|&(account, _)| account).collect();
    let (tables, accounts) = (dataset.tables(), dataset.accounts());
    let mut timeline: BTreeMap<String, u64> = BTreeMap::new();
    let mut models: BTreeMap<String, u64> = BTreeMap::new();
    let mut by_day: BTreeMap<i64, u64> = BTreeMap::new();
    let mut by_model: BTreeMap<u16, u64> = BTreeMap::new();
    for &account in &belonging {
        let activity = dataset.activity().of(account);
        for (at, &time) in activity.time.iter().enumerate() {
            let requests = activity.requests.get(at).map_or(1, |&requests| u64::from(requests));
            *by_day.entry(time.div_euclid(MILLISECONDS_A_DAY)).or_default() += requests;
            if let Some(&model) = activity.model.get(at).filter(|&&model| model != NONE_U16) {
                *by_model.entry(model).or_default() += requests;
            }
        }
    }
    timeline.extend(by_day.into_iter().map(|(day, exchanges)| (date(day), exchanges)));
    models.extend(by_model.into_iter().map(|(model, exchanges)| (name(&tables.models, model), exchanges)));
    let mut registrations: BTreeMap<String, u64> = BTreeMap::new();
    let (mut pathways, mut countries): (BTreeMap<String, u64>, BTreeMap<String, u64>) = Default::default();
    let mut banned = 0;
    for &account in &belonging {
        let at = account.index();
        if let Some(&made) = accounts.created_at.get(at).filter(|&&made| made != NO_TIME) {
            *registrations.entry(date(i64::from(made) / SECONDS_A_DAY)).or_default() += 1;
        }
        for (column, names, counts) in
            [(&accounts.pathway, &tables.pathways, &mut pathways), (&accounts.country, &tables.countries, &mut countries)]
        {
            if let Some(&word) = column.get(at).filter(|&&word| word != NONE_U16) {
                *counts.entry(name(names, word)).or_default() += 1;
            }
        }
        banned += u64::from(accounts.banned_at.get(at).is_some_and(|&time| time != NO_TIME));
    }
    let mut order = belonging.clone();
    order.sort_by(|a, b| results.evidence_bits[b.index()].total_cmp(&results.evidence_bits[a.index()]).then(a.cmp(b)));
    order.truncate(NAMED_MEMBERS);
    let strongest_members = order.into_iter().map(|account| query::member(dataset, results, account)).collect();
    let skeletons = tables.skeletons.iter().filter(|(identifier, ..)| {
        results.network_of_identifier.get(*identifier as usize).is_some_and(|&network| network as usize == index)
    });
    let skeletons = skeletons
        .map(|(identifier, skeleton, _)| (dataset.identifier_names().name_of(*identifier).to_owned(), skeleton.clone()))
        .collect();
    let threshold = results.run.threshold;
    Dossier {
        verdict: verdict(&network, threshold),
        counter_evidence: counter_evidence(&network),
        threshold,
        timeline: timeline.into_iter().collect(),
        registrations: registrations.into_iter().collect(),
        pathways,
        models,
        countries,
        banned,
        strongest_members,
        skeletons,
        network,
    }
}

const MILLISECONDS_A_DAY: i64 = 86_400_000;
const SECONDS_A_DAY: i64 = 86_400;

fn date(day: i64) -> String {
    let time = crate::time::rfc3339((day * SECONDS_A_DAY).clamp(1, i64::from(u32::MAX)) as u32).unwrap_or_default();
    time.split('T').next().unwrap_or_default().to_owned()
}

fn name(names: &[String], index: u16) -> String {
    names.get(index as usize).cloned().unwrap_or_default()
}

/// How far the score is from the threshold.
fn verdict(network: &Network, threshold: f64) -> String {
    let margin = network.score - threshold;
    if network.flagged {
        format!("flagged, {margin:.1} bits over the threshold of {threshold:.1}")
    } else {
        format!("not flagged: {:.1} bits short of the threshold of {threshold:.1}", -margin)
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
    render(dossier, |title| format!("\n{title}\n"))
}

/// The dossier as Markdown.
pub fn markdown(dossier: &Dossier) -> String {
    render(dossier, |title| format!("\n## {title}\n\n"))
}

fn render(dossier: &Dossier, heading: impl Fn(&str) -> String) -> String {
    let network = &dossier.network;
    let mut out = String::new();
    // Writing into a String cannot fail.
    let mut put = |line: String| {
        let _ = writeln!(out, "{line}");
    };
    put(format!("{} (rank {}): {}", network.id, network.rank, network.why));
    put(format!(
        "{} accounts ({} core, {} fringe; {} more touch it), {} exchanges, {} to {}",
        network.accounts,
        network.core,
        network.fringe,
        network.ambiguous,
        network.events,
        network.first_seen.as_deref().unwrap_or("?"),
        network.last_seen.as_deref().unwrap_or("?"),
    ));
    put(format!("score {:.1} bits; {}", network.score, dossier.verdict));
    put(format!("best benign hypothesis: {} ({:+.1} bits)", network.benign_hypothesis, network.benign_bits));
    match network.q_value {
        Some(q) => put(format!("q-value {q:.4} (against chance, not against harmless reasons)")),
        None => put("q-value: not calibrated (run `hydralink calibrate` on this store)".to_owned()),
    }
    put(heading("Score card"));
    put(format!("{:<26} {:>12} {:>12} {:>9} {:>9}", "signal", "value", "expected", "bits", "p"));
    for (name, signal) in &network.signals {
        put(match signal {
            None => format!("{name:<26} {:>12}", "n/a"),
            Some(signal) => format!(
                "{name:<26} {:>12.4} {:>12.4} {:>+9.2} {:>9}",
                signal.value,
                signal.expected,
                signal.bits,
                signal.p_value.map_or(String::new(), |p| format!("{p:.2e}")),
            ),
        });
    }
    put(heading("Tied together by"));
    for tie in &network.tied_by {
        put(format!(
            "{:<44} {:>6} of {:>6} accounts {:>4.0}%  {}{}",
            shorten(&tie.identifier, 44),
            tie.members,
            tie.accounts,
            tie.exclusivity * 100.0,
            tie.class,
            if tie.members_lost_without > 0 {
                format!("; without it {} members fall away", tie.members_lost_without)
            } else {
                String::new()
            },
        ));
    }
    put(format!(
        "{} sightings with suppressed hubs were not used; fragility {:.0}% (members lost without the one identifier that matters most)",
        network.suppressed_sightings,
        network.fragility * 100.0
    ));
    if !dossier.counter_evidence.is_empty() {
        put(heading("What speaks against it"));
        dossier.counter_evidence.iter().for_each(|line| put(line.clone()));
    }
    if !dossier.timeline.is_empty() {
        put(heading("Exchanges a day"));
        let values: Vec<u64> = dossier.timeline.iter().map(|&(_, count)| count).collect();
        let peak = values.iter().copied().max().unwrap_or(0);
        put(format!(
            "{}  {} to {}, peak {peak}",
            sparkline(&values),
            dossier.timeline[0].0,
            dossier.timeline[dossier.timeline.len() - 1].0
        ));
    }
    if !dossier.registrations.is_empty() {
        put(heading("Accounts made a day"));
        let values: Vec<u64> = dossier.registrations.iter().map(|&(_, count)| count).collect();
        let peak = dossier.registrations.iter().max_by_key(|(_, count)| *count);
        put(format!(
            "{}  busiest {}",
            sparkline(&values),
            peak.map_or(String::new(), |(day, count)| format!("{day} with {count}"))
        ));
    }
    for (title, counts) in [("Pathways", &dossier.pathways), ("Models", &dossier.models), ("Countries", &dossier.countries)] {
        if !counts.is_empty() {
            put(heading(title));
            put(largest(counts));
        }
    }
    if !dossier.skeletons.is_empty() {
        put(heading("Templates"));
        dossier.skeletons.iter().for_each(|(id, skeleton)| put(format!("{id}  {}", shorten(skeleton, 100))));
    }
    put(heading("Strongest members"));
    for member in &dossier.strongest_members {
        put(format!(
            "{:<32} {:<7} confidence {:.2} {:>8.1} bits",
            shorten(&member.account_id, 32),
            member.membership.unwrap_or_default(),
            member.confidence.unwrap_or_default(),
            member.evidence_bits.unwrap_or_default()
        ));
    }
    let named = dossier.strongest_members.len() as u64;
    if named < network.accounts {
        put(format!("... and {} more", network.accounts - named));
    }
    put(format!("{} already banned", dossier.banned));
    out
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
    fn what_is_cut_is_seen_to_be_cut() {
        assert_eq!(shorten("abcdef", 4), "abc…");
        assert_eq!(shorten("abcd", 4), "abcd");
    }
}
