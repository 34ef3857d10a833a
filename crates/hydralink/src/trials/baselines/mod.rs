//! How do simpler and published methods fare on the same store and the same truth?
//!
//! | name | rule |
//! |---|---|
//! | `union_on_any` | connected components of everything (as an identity graph that merges on any match) |
//! | `components_N` | the same without identifiers of more than N accounts |
//! | `components` | connected components of the identifiers that `detect` lets link |
//! | [`evilcohort`] | projection on accounts by shared addresses, weight threshold, Louvain |
//! | [`fraudar`] | greedy densest blocks, camouflage-resistant, iterated |
//! | [`co_action`] | pairs that act on one object within seconds, top percentile |
//! | [`volume`] | accounts of unusual volume |
//!
//! A baseline returns groups of accounts, largest first, and is scored like ours. Groups are not ranked or tested further: none
//! of the methods does that. No projection of a hub is ever made: where pairs would exceed [`BaselineConfig::pair_budget`] the
//! identifiers with most pairs are left out, and the line says so.

pub mod co_action;
pub mod evilcohort;
pub mod fraudar;
pub mod projection;
pub mod volume;

use std::collections::BTreeMap;

use evidence::KindRole;
use graph::{BipartiteGraph, IdentifierFilter, KindId, NONE_U32};
use serde::Serialize;
use synth::metrics::{Evaluation, Score};

use crate::dataset::Dataset;
use crate::error::Error;
use crate::evaluate::{Truth, predicted};
use crate::observe::{Observer, Steps};
use crate::results::Results;

/// Settings of all baselines.
#[derive(Clone, Debug, PartialEq)]
pub struct BaselineConfig {
    /// Degree caps of the capped components.
    pub caps: Vec<usize>,
    /// Most pairs of accounts that a projection counts.
    pub pair_budget: u64,
    /// Settings of EVILCOHORT.
    pub evilcohort: evilcohort::EvilcohortConfig,
    /// Blocks that FRAUDAR takes out one after the other.
    pub fraudar_blocks: usize,
    /// Settings of percentile co-action.
    pub co_action: co_action::CoActionConfig,
    /// Deviations of log volume above the mean from which an account is flagged.
    pub volume_deviations: f64,
}

impl Default for BaselineConfig {
    fn default() -> Self {
        BaselineConfig {
            caps: vec![10, 20, 100],
            pair_budget: 50_000_000,
            evilcohort: evilcohort::EvilcohortConfig::default(),
            fraudar_blocks: 10,
            co_action: co_action::CoActionConfig::default(),
            volume_deviations: 3.0,
        }
    }
}

/// Groups that a baseline found.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Groups {
    /// Group of each account, numbered from 0 by size, or `NONE_U32`.
    pub group_of: Vec<u32>,
    /// What had to be left out, if anything.
    pub note: Option<String>,
}

impl Groups {
    /// Number of groups.
    pub fn count(&self) -> usize {
        self.group_of.iter().filter(|&&group| group != NONE_U32).max().map_or(0, |&last| last as usize + 1)
    }

    /// Groups of at least `least` accounts of any labelling, numbered by size and then smallest member. O(accounts log groups).
    pub(crate) fn of_labels(labels: &[u32], least: usize) -> Self {
        let mut members: BTreeMap<u32, (usize, u32)> = BTreeMap::new();
        for (account, &label) in labels.iter().enumerate().filter(|(_, label)| **label != NONE_U32) {
            members.entry(label).or_insert((0, account as u32)).0 += 1;
        }
        let mut order: Vec<(u32, (usize, u32))> = members.into_iter().filter(|(_, (size, _))| *size >= least).collect();
        order.sort_by_key(|&(_, (size, first))| (std::cmp::Reverse(size), first));
        let number: BTreeMap<u32, u32> = order.iter().enumerate().map(|(at, &(label, _))| (label, at as u32)).collect();
        Groups { group_of: labels.iter().map(|label| number.get(label).copied().unwrap_or(NONE_U32)).collect(), note: None }
    }
}

/// One method's line of the comparison.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BaselineLine {
    /// The method.
    pub method: String,
    /// Groups it found.
    pub networks: u64,
    /// Accounts in them.
    pub accounts: u64,
    /// Over pairs of accounts.
    pub pairwise: Score,
    /// B-cubed.
    pub b_cubed: Score,
    /// Over accounts: is it operated at all?
    pub membership: Score,
    /// Share of the largest true network that lies in one group.
    pub largest_recall: f64,
    /// Share of that group which belongs to it.
    pub largest_precision: f64,
    /// Legitimate accounts in its groups, in a million.
    pub benign_flagged_per_million: f64,
    /// What was left out, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl BaselineLine {
    fn of(method: String, groups: &Groups, evaluation: &Evaluation) -> Self {
        let largest = evaluation.networks.first();
        BaselineLine {
            method,
            networks: groups
                .group_of
                .iter()
                .filter(|&&group| group != NONE_U32)
                .collect::<std::collections::BTreeSet<_>>()
                .len() as u64,
            accounts: groups.group_of.iter().filter(|&&group| group != NONE_U32).count() as u64,
            pairwise: evaluation.pairwise,
            b_cubed: evaluation.b_cubed,
            membership: evaluation.membership,
            largest_recall: largest.map_or(0.0, |network| network.recall),
            largest_precision: largest.map_or(0.0, |network| network.precision),
            benign_flagged_per_million: evaluation.benign_flagged_per_million,
            note: groups.note.clone(),
        }
    }
}

/// Ours and every baseline against the same truth. The observer is told the name of each before it runs.
///
/// # Errors
/// [`Error::Interrupted`]; [`Error::Synth`] if truth and answer don't fit.
pub fn compare(
    dataset: &Dataset,
    results: &Results,
    truth: &Truth,
    config: &BaselineConfig,
    observer: &dyn Observer,
) -> Result<Vec<BaselineLine>, Error> {
    results.labelling().check_of(dataset)?;
    let graph = dataset.graph();
    let mut lines = Vec::new();
    let mut add = |method: &str, run: &dyn Fn() -> Result<Groups, Error>| -> Result<(), Error> {
        Steps::of(observer).begin(method)?;
        let groups = run()?;
        let names: Vec<String> = (0..groups.count()).map(|group| format!("{method}-{}", group + 1)).collect();
        let evaluation = truth.score(&groups.group_of, &names)?;
        lines.push(BaselineLine::of(method.to_owned(), &groups, &evaluation));
        Ok(())
    };
    add("hydralink", &|| Ok(Groups { group_of: predicted(results), note: None }))?;
    add("union_on_any", &|| Ok(capped_components(graph, usize::MAX)))?;
    for &cap in &config.caps {
        add(&format!("components_{cap}"), &|| Ok(capped_components(graph, cap)))?;
    }
    add("components", &|| Ok(Groups::of_labels(&results.labelling.components[..graph.account_count()], 2)))?;
    add("evilcohort", &|| {
        let links = address_kinds(dataset);
        evilcohort::evilcohort(graph, &links, config.pair_budget, &config.evilcohort)
    })?;
    add("fraudar", &|| Ok(fraudar::groups(graph, config.fraudar_blocks)))?;
    add("co_action", &|| Ok(co_action::co_action(dataset.activity(), config.pair_budget, &config.co_action)))?;
    add("volume", &|| Ok(volume::volume(dataset, config.volume_deviations)))?;
    Ok(lines)
}

/// Connected components over identifiers of at most `cap` accounts.
fn capped_components(graph: &BipartiteGraph, cap: usize) -> Groups {
    let partition = graph::bipartite_components(graph, &IdentifierFilter { max_degree: cap, ..IdentifierFilter::default() });
    Groups::of_labels(&partition.labels()[..graph.account_count()], 2)
}

/// The kinds that say where traffic comes from; all kinds where there is none.
fn address_kinds(dataset: &Dataset) -> Vec<KindId> {
    let of = |wanted: &dyn Fn(KindRole) -> bool| -> Vec<KindId> {
        let roles = dataset.roles().iter().enumerate();
        roles.filter(|(_, role)| wanted(**role)).map(|(kind, _)| KindId::of_index(kind)).collect()
    };
    let addresses = of(&|role| role == KindRole::Address);
    if addresses.is_empty() { of(&|_| true) } else { addresses }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::graph_of;

    #[test]
    fn groups_are_numbered_by_size_and_small_ones_left_out() {
        let groups = Groups::of_labels(&[7, 3, 3, 9, 9, 9, NONE_U32], 2);
        assert_eq!(groups.group_of, [NONE_U32, 1, 1, 0, 0, 0, NONE_U32]);
        assert_eq!(groups.count(), 2);
    }

    #[test]
    fn a_cap_cuts_the_hub() {
        // Identifier 0 joins all four accounts, 1 joins two of them.
        let graph = graph_of(4, 2, &[(0, 0), (1, 0), (2, 0), (3, 0), (0, 1), (1, 1)]);
        assert_eq!(capped_components(&graph, usize::MAX).group_of, [0, 0, 0, 0]);
        assert_eq!(capped_components(&graph, 2).group_of, [0, 0, NONE_U32, NONE_U32]);
    }
}
