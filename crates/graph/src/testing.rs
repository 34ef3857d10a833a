//! Small and random graphs for this crate's tests.

use proptest::prelude::*;

use crate::{BipartiteColumns, BipartiteGraph, WeightedGraph};

/// A bipartite graph of one kind from (account, identifier) pairs in any order; repeated pairs are one sighting.
pub(crate) fn bipartite(account_count: usize, identifier_count: usize, pairs: &[(u32, u32)]) -> BipartiteGraph {
    bipartite_of_kinds(account_count, &[0, identifier_count as u32], pairs)
}

/// The same with kinds.
pub(crate) fn bipartite_of_kinds(account_count: usize, kind_starts: &[u32], pairs: &[(u32, u32)]) -> BipartiteGraph {
    let identifier_count = kind_starts[kind_starts.len() - 1] as usize;
    let mut pairs = pairs.to_vec();
    pairs.sort_unstable();
    pairs.dedup();
    let offsets = |count: usize, side: &dyn Fn(usize) -> u32| {
        let mut offsets = vec![0u64; count + 1];
        (0..pairs.len()).for_each(|position| offsets[side(position) as usize + 1] += 1);
        (0..count).for_each(|row| offsets[row + 1] += offsets[row]);
        offsets
    };
    let mut reverse: Vec<u32> = (0..pairs.len() as u32).collect();
    reverse.sort_by_key(|&position| (pairs[position as usize].1, position));
    let columns = BipartiteColumns {
        kind_starts: kind_starts.to_vec().into(),
        account_offsets: offsets(account_count, &|position| pairs[position].0).into(),
        identifiers: pairs.iter().map(|pair| pair.1).collect::<Vec<_>>().into(),
        counts: (1..=pairs.len() as u32).collect::<Vec<_>>().into(),
        first_seen: vec![0; pairs.len()].into(),
        last_seen: vec![0; pairs.len()].into(),
        identifier_offsets: offsets(identifier_count, &|position| pairs[position].1).into(),
        accounts: reverse.iter().map(|&position| pairs[position as usize].0).collect::<Vec<_>>().into(),
        identifier_sightings: reverse.into(),
    };
    let graph = BipartiteGraph::from_columns(columns).expect("columns agree");
    graph.validate().expect("columns are sound");
    graph
}

/// Random bipartite graphs of up to 24 accounts and 16 identifiers in two kinds, from sparse to dense.
pub(crate) fn any_bipartite() -> impl Strategy<Value = BipartiteGraph> {
    (0usize..24, 0u32..16, 0u32..16).prop_flat_map(|(accounts, identifiers, split)| {
        let pair = (0..accounts.max(1) as u32, 0..identifiers.max(1));
        let most = if accounts == 0 || identifiers == 0 { 0 } else { 60 };
        prop::collection::vec(pair, 0..=most)
            .prop_map(move |pairs| bipartite_of_kinds(accounts, &[0, split.min(identifiers), identifiers], &pairs))
    })
}

/// Random undirected graphs of up to 40 vertices, self-loops included, weights 1 to 8.
pub(crate) fn any_weighted() -> impl Strategy<Value = WeightedGraph> {
    (1usize..40).prop_flat_map(|vertices| {
        let edge = (0..vertices as u32, 0..vertices as u32, (1u8..=8).prop_map(f32::from));
        prop::collection::vec(edge, 0..80).prop_map(move |edges| WeightedGraph::from_edges(vertices, &edges).expect("in range"))
    })
}

/// Runs `work` in a pool of `threads` threads.
pub(crate) fn with_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool").install(work)
}
