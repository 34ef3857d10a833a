//! Small graphs for the tests of this crate.

use graph::build::graph_from_sightings;
use graph::{AccountId, BipartiteGraph, IdentifierId, Sighting};

/// A graph of one kind from (account, identifier) pairs.
pub(crate) fn graph_of(accounts: usize, identifiers: u32, pairs: &[(u32, u32)]) -> BipartiteGraph {
    let sighting = |&(account, identifier): &(u32, u32)| Sighting {
        account: AccountId(account),
        identifier: IdentifierId(identifier),
        count: 1,
        first_seen: 1,
        last_seen: 1,
    };
    graph_from_sightings(pairs.iter().map(sighting).collect(), accounts, vec![0, identifiers]).expect("a graph")
}
