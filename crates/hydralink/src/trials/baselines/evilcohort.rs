//! EVILCOHORT: communities of accounts that log in from the same machines.
//!
//! 1. *Project* accounts on accounts by shared addresses, w(a, b) = addresses that both used;
//! 2. *filter* edges below a weight threshold s, against NATs and re-assigned addresses that two accounts share by chance;
//! 3. *cluster* by Louvain; communities of at least two accounts are reported.
//!
//! The paper chooses s on labelled data; the default here is the least that removes chance pairs. Its further filters (logs per
//! time, user-agent correlation) need data of a mail service and are not part of the clustering. Cost: see
//! [`super::projection`]. Reference: Stringhini et al., USENIX Security 2015,
//! usenix.org/conference/usenixsecurity15/technical-sessions/presentation/stringhini.

use graph::{BipartiteGraph, KindId, NONE_U32, WeightedGraph};

use super::Groups;
use super::projection::{projection, within_budget};
use crate::error::Error;

/// Settings of [`evilcohort`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvilcohortConfig {
    /// Fewest shared addresses of an edge: s.
    pub least_shared: u32,
    /// Seed of Louvain.
    pub seed: u64,
}

impl Default for EvilcohortConfig {
    fn default() -> Self {
        EvilcohortConfig { least_shared: 2, seed: 1 }
    }
}

/// Finds the communities.
///
/// # Errors
/// [`Error::Community`] or [`Error::Graph`] if the projection is no graph, which a valid store never causes.
pub fn evilcohort(
    graph: &BipartiteGraph,
    kinds: &[KindId],
    pair_budget: u64,
    config: &EvilcohortConfig,
) -> Result<Groups, Error> {
    let identifiers = within_budget(graph, kinds, pair_budget);
    let pairs = projection(graph, &identifiers.open, config.least_shared);
    let edges: Vec<(u32, u32, f32)> = pairs.iter().map(|&(a, b, shared)| (a, b, shared as f32)).collect();
    let projected = WeightedGraph::from_edges(graph.account_count(), &edges)?;
    let search = community::LouvainConfig { seed: config.seed, ..Default::default() };
    let found = community::louvain(&projected, None, &search)?;
    let mut labels = vec![NONE_U32; graph.account_count()];
    for &(a, b, _) in &pairs {
        for account in [a, b] {
            labels[account as usize] = found.partition.labels()[account as usize];
        }
    }
    Ok(Groups { note: identifiers.note(pair_budget), ..Groups::of_labels(&labels, 2) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::graph_of;

    #[test]
    fn two_cohorts_and_a_chance_pair() {
        // Accounts 0-2 share addresses 0 and 1, accounts 3-5 share 2 and 3; 2 and 3 share address 4 only; 6 shares one with
        // nobody.
        let mut edges = vec![(2, 4), (3, 4), (6, 5)];
        for (accounts, addresses) in [([0, 1, 2], [0, 1]), ([3, 4, 5], [2, 3])] {
            edges.extend(accounts.iter().flat_map(|&account| addresses.map(|address| (account, address))));
        }
        let graph = graph_of(7, 6, &edges);
        let found = evilcohort(&graph, &[KindId(0)], 1_000, &EvilcohortConfig::default()).unwrap();
        assert_eq!((found.group_of, found.note), (vec![0, 0, 0, 1, 1, 1, NONE_U32], None));
        let tight = evilcohort(&graph, &[KindId(0)], 1, &EvilcohortConfig::default()).unwrap();
        assert!(tight.note.is_some_and(|note| note.contains("left out")) && tight.group_of.iter().all(|&at| at == NONE_U32));
    }
}
