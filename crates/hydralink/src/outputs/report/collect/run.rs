//! The run's header, its key numbers and limits, and the distributions.

use std::collections::BTreeMap;

use graph::{AccountId, IdentifierId, KindId, NO_TIME};

use super::super::{DegreeHistogram, InputFile, KeyNumbers, Rejected, Rule, RunHeader, SizeCount};
use crate::dataset::Dataset;
use crate::error::Error;
use crate::results::{NetworkHead, Results};
use crate::review::beliefs;
use crate::time::rfc3339;

pub(super) fn run_header(dataset: &Dataset, results: &Results) -> RunHeader {
    let manifest = dataset.manifest();
    let mut hasher = blake3::Hasher::new();
    for section in &manifest.sections {
        hasher.update(section.name.as_bytes());
        hasher.update(&section.checksum.to_le_bytes());
    }
    let columns = dataset.graph().columns();
    let first = columns.first_seen.iter().copied().filter(|&time| time != NO_TIME).min().unwrap_or(NO_TIME);
    let mut rules = vec![
        Rule { name: "score threshold".to_owned(), value: format!("{} bits", results.labelling.run.threshold) },
        Rule { name: "seed".to_owned(), value: results.labelling.run.seed.to_string() },
    ];
    // Every setting of the run, as `section.name`: what TOML says in tables.
    let mut table = String::new();
    rules.extend(results.labelling.run.lists.iter().map(|list| Rule {
        name: format!("list: {}", list.says),
        value: format!("{} entries, xxh3-128:{}", list.entries, list.hash),
    }));
    for line in results.labelling.run.config.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            table = format!("{name}.");
        } else if let Some((name, value)) = line.split_once(" = ").filter(|(name, _)| *name != "seed") {
            rules.push(Rule { name: format!("{table}{name}"), value: value.to_owned() });
        }
    }
    RunHeader {
        run_id: format!("run-{}", &hasher.finalize().to_hex()[..12]),
        tool_version: results.labelling.run.tool.clone(),
        generated_at: String::new(),
        inputs: manifest
            .inputs
            .iter()
            .map(|input| InputFile { name: input.name.clone(), hash: format!("xxh3-128:{}", input.hash), rows: input.rows })
            .collect(),
        rules,
        rows_read: manifest.inputs.iter().filter(|input| !input.duplicate).map(|input| input.rows).sum(),
        rejected: manifest.rejected.iter().map(|(reason, rows)| Rejected { reason: reason.clone(), rows: *rows }).collect(),
        unread: crate::build::unread(dataset).unwrap_or_default().fields,
        first_event: rfc3339(first).unwrap_or_default(),
        last_event: rfc3339(dataset.graph().last_seen()).unwrap_or_default(),
    }
}

pub(super) fn key_numbers(dataset: &Dataset, results: &Results) -> Result<KeyNumbers, Error> {
    let graph = dataset.graph();
    let beliefs = beliefs(dataset, &results.labelling)?;
    let counts = |network: &NetworkHead, place: usize| network.flagged && !beliefs[place].is_rejected();
    let inside: Vec<AccountId> = (0..graph.account_count() as u32)
        .map(AccountId)
        .filter(|&account| {
            let place = results.labelling.network_of[account.index()] as usize;
            results.labelling.flagged_network_of(account).is_some_and(|(network, _)| counts(network, place))
        })
        .collect();
    let heads = || results.labelling.heads().iter().zip(0..).filter(|(network, _)| network.flagged);
    Ok(KeyNumbers {
        accounts: graph.account_count() as u64,
        identifiers: graph.identifier_count() as u64,
        sightings: graph.sighting_count() as u64,
        events: dataset.activity().event_count() as u64,
        networks: heads().filter(|&(network, place)| counts(network, place)).count() as u64,
        networks_rejected: heads().filter(|&(_, place)| beliefs[place].is_rejected()).count() as u64,
        accounts_in_networks: inside.len() as u64,
        accounts_banned: inside.iter().filter(|&&account| dataset.is_banned(account)).count() as u64,
    })
}

/// What this run can't tell, from what its data lack.
pub(super) fn limits(dataset: &Dataset, results: &Results) -> Vec<String> {
    let mut limits = Vec::new();
    if results.networks.iter().any(|network| network.flagged && network.q_value.is_none()) {
        limits.push(
            "q-values are not calibrated: the score is evidence in bits under stated models, not an error rate.".to_owned(),
        );
    }
    limits.push("Confidence is the model's odds that an account belongs; it is no measured error rate.".to_owned());
    let missing: Vec<String> = match results.networks.first() {
        None => Vec::new(),
        Some(first) => first
            .signals
            .keys()
            .filter(|name| results.networks.iter().all(|network| matches!(network.signals.get(*name), Some(None) | None)))
            .map(|name| name.to_string().replace('_', " "))
            .collect(),
    };
    if !missing.is_empty() {
        limits.push(format!("Not measured in any network, for want of input or of enough events: {}.", missing.join(", ")));
    }
    if dataset.accounts().created_at.is_empty() {
        limits.push("There is no account table: creation dates, bans, countries and pathways are unknown.".to_owned());
    }
    if dataset.activity().event_count() == 0 {
        limits.push("Events carry no time: nothing that needs the order of events was tested.".to_owned());
    }
    let suppressed = results.labelling.run.suppressed_sightings;
    if suppressed > 0 {
        limits.push(format!("{suppressed} sightings with hubs linked nobody on their own; they count where another identifier ties accounts, or never."));
    }
    limits
}

/// How many things have each size, ascending.
fn histogram(sizes: impl Iterator<Item = u64>) -> Vec<SizeCount> {
    let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
    for size in sizes.filter(|&size| size > 0) {
        *counts.entry(size).or_default() += 1;
    }
    counts.into_iter().map(|(size, count)| SizeCount { size, count }).collect()
}

/// Components by their accounts.
pub(super) fn component_sizes(dataset: &Dataset, results: &Results) -> Vec<SizeCount> {
    let labels = &results.labelling.components[..dataset.graph().account_count()];
    let mut accounts = vec![0u64; labels.iter().map(|&label| label as usize + 1).max().unwrap_or(0)];
    for &label in labels {
        accounts[label as usize] += 1;
    }
    histogram(accounts.into_iter())
}

pub(super) fn degree_histograms(dataset: &Dataset, results: &Results) -> Vec<DegreeHistogram> {
    let graph = dataset.graph();
    let of_kind = |kind: KindId| {
        let identifiers = || graph.identifiers_of_kind(kind).map(IdentifierId);
        let degree = |identifier: IdentifierId| graph.identifier_degree(identifier) as u64;
        let cut = identifiers()
            .filter(|&identifier| degree(identifier) > 1 && results.labelling.is_cut(identifier))
            .map(degree)
            .min();
        DegreeHistogram { kind: dataset.kind_name(kind).to_owned(), hub_cut: cut, bins: histogram(identifiers().map(degree)) }
    };
    graph.kinds().map(of_kind).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_every_size_once() {
        let bins = histogram([2, 1, 2, 0, 7].into_iter());
        assert_eq!(bins.iter().map(|bin| (bin.size, bin.count)).collect::<Vec<_>>(), [(1, 1), (2, 2), (7, 1)]);
    }
}
