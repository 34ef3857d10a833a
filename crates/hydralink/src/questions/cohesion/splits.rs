//! What falls apart without one sighting, one account or one identifier, and into what?
//!
//! Where the bridges are is known ([`graph::cohesion`](mod@graph::cohesion)). Two-edge components and the bridges between them
//! are a forest; the accounts on either side of a bridge are counted from its leaves up, for all bridges at once. What a vertex
//! leaves is counted by joining everything else.
//!
//! Cost: O(vertices) for all bridges; O(sightings) for each vertex that is left out.

use std::cmp::Reverse;

use graph::{AccountId, BipartiteGraph, IdentifierId};
use petgraph::unionfind::UnionFind;

/// What is left without something: parts with accounts in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Left {
    /// Parts.
    pub(super) pieces: u64,
    /// Accounts of the largest.
    pub(super) largest: u64,
}

/// What is left without an account.
pub(super) fn without_account(graph: &BipartiteGraph, gone: AccountId) -> Left {
    left(graph, |account, _| account != gone, |account| account != gone)
}

/// What is left without an identifier.
pub(super) fn without_identifier(graph: &BipartiteGraph, gone: IdentifierId) -> Left {
    left(graph, |_, identifier| identifier != gone, |_| true)
}

fn left(graph: &BipartiteGraph, joins: impl Fn(AccountId, IdentifierId) -> bool, counts: impl Fn(AccountId) -> bool) -> Left {
    let accounts = graph.account_count();
    let mut parts: UnionFind<u32> = UnionFind::new(accounts + graph.identifier_count());
    for account in (0..accounts as u32).map(AccountId) {
        for &identifier in graph.identifiers_of(account) {
            if joins(account, IdentifierId(identifier)) {
                parts.union(account.0, accounts as u32 + identifier);
            }
        }
    }
    let mut sizes = vec![0u64; accounts + graph.identifier_count()];
    for account in (0..accounts as u32).filter(|&account| counts(AccountId(account))) {
        sizes[parts.find(account) as usize] += 1;
    }
    Left { pieces: sizes.iter().filter(|&&size| size > 0).count() as u64, largest: sizes.into_iter().max().unwrap_or(0) }
}

/// Each bridge with the accounts on its smaller side, most first; ties to the earlier sighting.
pub(super) fn bridges(graph: &BipartiteGraph, held: &graph::Cohesion) -> Vec<(AccountId, IdentifierId, u64)> {
    let (accounts, part_of) = (graph.account_count(), held.two_edge_components.labels());
    let mut inside = vec![0u64; held.two_edge_components.group_count()];
    part_of[..accounts].iter().for_each(|&part| inside[part as usize] += 1);
    let ends: Vec<(AccountId, IdentifierId)> = held
        .bridges
        .iter()
        .map(|&position| graph.sighting(position as usize))
        .map(|sighting| (sighting.account, sighting.identifier))
        .collect();
    let mut beside: Vec<Vec<(u32, usize)>> = vec![Vec::new(); inside.len()];
    for (bridge, (account, identifier)) in ends.iter().enumerate() {
        let (one, other) = (part_of[account.index()], part_of[accounts + identifier.index()]);
        beside[one as usize].push((other, bridge));
        beside[other as usize].push((one, bridge));
    }
    let mut smaller = vec![0u64; ends.len()];
    let mut seen = vec![false; inside.len()];
    for root in 0..inside.len() as u32 {
        if seen[root as usize] || beside[root as usize].is_empty() {
            continue;
        }
        // Parents before children: (part, the bridge to its parent, the parent).
        seen[root as usize] = true;
        let mut order: Vec<(u32, Option<(usize, u32)>)> = vec![(root, None)];
        let mut at = 0;
        while at < order.len() {
            let part = order[at].0;
            for &(next, bridge) in &beside[part as usize] {
                if !std::mem::replace(&mut seen[next as usize], true) {
                    order.push((next, Some((bridge, part))));
                }
            }
            at += 1;
        }
        for &(part, above) in order.iter().rev() {
            if let Some((bridge, parent)) = above {
                smaller[bridge] = inside[part as usize];
                inside[parent as usize] += inside[part as usize];
            }
        }
        let all = inside[root as usize];
        for (bridge, _) in order.iter().filter_map(|(_, above)| *above) {
            smaller[bridge] = smaller[bridge].min(all - smaller[bridge]);
        }
    }
    let mut found: Vec<(AccountId, IdentifierId, u64)> =
        ends.into_iter().zip(smaller).map(|((account, identifier), cut)| (account, identifier, cut)).collect();
    found.sort_by_key(|&(_, _, cut_off)| Reverse(cut_off));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use graph::build::graph_from_sightings;
    use graph::{IdentifierFilter, NO_TIME, Sighting};
    use proptest::prelude::*;

    fn graph(pairs: &[(u32, u32)], accounts: usize, identifiers: u32) -> BipartiteGraph {
        let mut pairs = pairs.to_vec();
        pairs.sort_unstable();
        pairs.dedup();
        let sighting = |&(account, identifier): &(u32, u32)| Sighting {
            account: AccountId(account),
            identifier: IdentifierId(identifier),
            count: 1,
            first_seen: NO_TIME,
            last_seen: NO_TIME,
        };
        graph_from_sightings(pairs.iter().map(sighting).collect(), accounts, vec![0, identifiers]).expect("a graph")
    }

    #[test]
    fn two_squares_joined_by_one_account() {
        // Accounts 0 and 1 share identifiers 0 and 1; accounts 3 and 4 share 2 and 3; account 2 was seen with 1 and 2.
        let joined = graph(&[(0, 0), (0, 1), (1, 0), (1, 1), (2, 1), (2, 2), (3, 2), (3, 3), (4, 2), (4, 3)], 5, 4);
        let held = graph::cohesion(&joined, &IdentifierFilter::default());
        assert_eq!(held.articulation_accounts, [AccountId(2)]);
        assert_eq!(without_account(&joined, AccountId(2)), Left { pieces: 2, largest: 2 });
        assert_eq!(without_identifier(&joined, IdentifierId(1)), Left { pieces: 2, largest: 3 });
        assert_eq!(without_identifier(&joined, IdentifierId(0)), Left { pieces: 1, largest: 5 });
        let bridges = bridges(&joined, &held);
        assert_eq!(bridges, [(AccountId(2), IdentifierId(1), 2), (AccountId(2), IdentifierId(2), 2)]);
    }

    proptest! {
        /// Against leaving each bridge out.
        #[test]
        fn either_side_of_a_bridge_is_what_leaving_it_out_leaves(
            pairs in prop::collection::vec((0u32..9, 0u32..9), 0..26),
        ) {
            let graph = graph(&pairs, 9, 9);
            let held = graph::cohesion(&graph, &IdentifierFilter::default());
            let found = bridges(&graph, &held);
            prop_assert_eq!(found.len(), held.bridges.len());
            for (account, identifier, smaller) in found {
                let whole = left(&graph, |_, _| true, |_| true);
                let cut = left(&graph, |one, other| (one, other) != (account, identifier), |_| true);
                // Only accounts on both sides make another piece.
                prop_assert_eq!(cut.pieces - whole.pieces, u64::from(smaller > 0));
                let side = {
                    let parts = |skip: bool| {
                        let joins = |one: AccountId, other: IdentifierId| !skip || (one, other) != (account, identifier);
                        let mut union: UnionFind<u32> = UnionFind::new(18);
                        for one in 0..9u32 {
                            for &other in graph.identifiers_of(AccountId(one)) {
                                if joins(AccountId(one), IdentifierId(other)) {
                                    union.union(one, 9 + other);
                                }
                            }
                        }
                        let home = union.find(account.0);
                        (0..9u32).filter(|&one| union.find(one) == home).count() as u64
                    };
                    let (with, without) = (parts(false), parts(true));
                    without.min(with - without)
                };
                prop_assert_eq!(smaller, side);
            }
        }
    }
}
