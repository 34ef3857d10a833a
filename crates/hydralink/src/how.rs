//! What joined a network, in which order, and what would it be without the identifier that holds it together?
//!
//! 1. *Ties*: the bits between two members by the rule of detection ([`crate::ties`]). Up to [`EXACT_MEMBERS`] members every
//!    pair is looked at; above, the pairs that stand next to each other on some identifier, which join whatever identifiers
//!    join.
//! 2. *Joins*: a maximum spanning tree of the ties (Kruskal 1956, doi:10.1090/S0002-9939-1956-0078686-7), strongest first: its
//!    edges are the merges of the single-linkage dendrogram (Gower & Ross 1969, doi:10.2307/2346439). Cut at any number of
//!    bits, it gives the groups that ties of that many bits and more hold together.
//! 3. *Held by*: leave one identifier out. A member is *lost* if its tie to the network is then no longer enough (the test of
//!    detection's fragility; for each member the [`evidence::members::LEFT_OUT`] strongest identifiers are tried, as only they
//!    can matter); the network falls into *pieces*: components of the members that stay over the network's other identifiers.
//!
//! Cost: O(pairs * row) + O(sightings of the network) for each identifier that is reported.

use std::cmp::Reverse;

use graph::{AccountId, IdentifierId};
use petgraph::unionfind::UnionFind;
use rayon::prelude::*;
use serde::Serialize;

use crate::dataset::Dataset;
use crate::error::Error;
use crate::node::Node;
use crate::results::{Labelling, Membership};
use crate::ties::{Group, Ties, shared};

/// Up to this many members all pairs are looked at: two million.
pub const EXACT_MEMBERS: usize = 2_000;
/// Identifiers that [`How::held_by`] tries; all of them would say little of the rest.
const TRIED: usize = 50;
/// Identifiers that a join names.
const NAMED: usize = 3;
/// Heights at which the dendrogram is cut.
const LEVELS: usize = 8;

/// How a network hangs together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct How {
    /// The network.
    pub network: String,
    /// Its accounts, core and fringe.
    pub accounts: u64,
    /// Whether every pair was looked at.
    pub exact: bool,
    /// Bits that two kinds of shared identifiers must carry to tie two accounts.
    pub tie_needs: f64,
    /// Groups at some heights of the dendrogram, strongest ties first.
    pub levels: Vec<Level>,
    /// The merges, strongest first: one less than the accounts if all hang together.
    pub joins: Vec<Join>,
    /// The identifiers without which it would lose most.
    pub held_by: Vec<HeldBy>,
}

/// The groups that ties of so many bits and more hold together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Level {
    /// Bits.
    pub bits: f64,
    /// Groups, single accounts not counted.
    pub groups: u64,
    /// Accounts of the largest.
    pub largest: u64,
    /// Accounts in any group.
    pub joined: u64,
}

/// Two groups that came together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Join {
    /// Bits of the tie.
    pub bits: f64,
    /// The tied account of the one group.
    pub first: String,
    /// The tied account of the other.
    pub second: String,
    /// Accounts of the two groups before.
    pub accounts: (u64, u64),
    /// Identifiers that the two accounts share, the most telling first, at most three.
    pub by: Vec<String>,
    /// Identifiers that they share in all.
    pub shared: u64,
}

/// What the network would be without one identifier.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HeldBy {
    /// `KIND:VALUE`.
    pub identifier: String,
    /// Class.
    pub class: String,
    /// Members seen with it.
    pub members: u64,
    /// All accounts seen with it.
    pub accounts: u64,
    /// Bits of sharing it.
    pub bits: f64,
    /// Members whose tie to the network is not enough without it.
    pub members_lost: u64,
    /// Pieces of two and more that the others fall into.
    pub pieces: u64,
    /// Accounts of the largest piece.
    pub largest_piece: u64,
}

/// Explains how a network hangs together.
///
/// # Errors
/// As [`Ties::of`].
pub fn how(dataset: &Dataset, results: &Labelling, network: usize) -> Result<How, Error> {
    let ties = Ties::of(dataset, results)?;
    let members = members_of(results, network);
    let tree = spanning_tree(&ties, dataset, &members);
    Ok(How {
        network: results.head(network).id.clone(),
        accounts: members.len() as u64,
        exact: members.len() <= EXACT_MEMBERS,
        tie_needs: ties.terms().needed(true, 1),
        levels: levels(&tree, members.len()),
        joins: joins(&ties, dataset, &members, &tree),
        held_by: held_by(&ties, &members, network),
    })
}

/// The identifiers on which something hangs: without one of them members are lost, or the rest falls into several pieces. Worst
/// first.
///
/// # Errors
/// As [`Ties::of`].
pub fn fragile(dataset: &Dataset, results: &Labelling, network: usize) -> Result<Vec<HeldBy>, Error> {
    let ties = Ties::of(dataset, results)?;
    let mut held = held_by(&ties, &members_of(results, network), network);
    held.retain(|held| held.members_lost > 0 || held.pieces > 1);
    Ok(held)
}

/// Core and fringe, ascending.
fn members_of(results: &Labelling, network: usize) -> Vec<u32> {
    let belongs = |(account, how): (AccountId, Membership)| (how != Membership::Ambiguous).then_some(account.0);
    results.members_of(network).into_iter().filter_map(belongs).collect()
}

/// A tie between two members, as positions in the list of members.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Edge {
    bits: f64,
    first: u32,
    second: u32,
}

/// Kruskal: the strongest ties that join two groups, strongest first, ties of equal bits by the lower accounts.
fn spanning_tree(ties: &Ties<'_>, dataset: &Dataset, members: &[u32]) -> Vec<Edge> {
    let bits = |&(first, second): &(u32, u32)| {
        let tie = ties.between(AccountId(members[first as usize]), AccountId(members[second as usize]));
        (tie.bits > 0.0).then_some(Edge { bits: tie.bits, first, second })
    };
    let count = members.len() as u32;
    let mut edges: Vec<Edge> = if members.len() <= EXACT_MEMBERS {
        let rows = (0..count).into_par_iter().with_min_len(8);
        rows.flat_map_iter(|first| (first + 1..count).filter_map(move |second| bits(&(first, second)))).collect()
    } else {
        neighbouring_pairs(dataset, members).par_iter().with_min_len(256).filter_map(bits).collect()
    };
    edges.par_sort_unstable_by(|a, b| b.bits.total_cmp(&a.bits).then((a.first, a.second).cmp(&(b.first, b.second))));
    let mut groups = UnionFind::<u32>::new(members.len());
    edges.retain(|edge| groups.union(edge.first, edge.second));
    edges
}

/// The pairs of members that follow each other on an identifier, in the order of their ids.
fn neighbouring_pairs(dataset: &Dataset, members: &[u32]) -> Vec<(u32, u32)> {
    let rows = members.iter().enumerate().flat_map(|(position, &member)| {
        dataset.linking_graph().identifiers_of(AccountId(member)).iter().map(move |&identifier| (identifier, position as u32))
    });
    let mut seen: Vec<(u32, u32)> = rows.collect();
    seen.par_sort_unstable();
    let mut pairs: Vec<(u32, u32)> =
        seen.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| (pair[0].1, pair[1].1)).collect();
    pairs.par_sort_unstable();
    pairs.dedup();
    pairs
}

/// Walks the tree from its strongest edge and tells, after each, the sizes of the two groups that it joined.
fn merge<'t>(tree: &'t [Edge], members: usize) -> impl Iterator<Item = (&'t Edge, (u64, u64))> + 't {
    let mut groups = UnionFind::<u32>::new(members);
    let mut sizes = vec![1u64; members];
    tree.iter().map(move |edge| {
        let (left, right) = (groups.find(edge.first), groups.find(edge.second));
        let before = (sizes[left as usize], sizes[right as usize]);
        groups.union(left, right);
        sizes[groups.find(left) as usize] = before.0 + before.1;
        (edge, before)
    })
}

fn levels(tree: &[Edge], members: usize) -> Vec<Level> {
    let (mut groups, mut joined, mut largest) = (0u64, 0u64, 0u64);
    let mut all: Vec<Level> = Vec::new();
    for (edge, (left, right)) in merge(tree, members) {
        match (left, right) {
            (1, 1) => (groups, joined) = (groups + 1, joined + 2),
            (1, _) | (_, 1) => joined += 1,
            _ => groups -= 1,
        }
        largest = largest.max(left + right);
        all.push(Level { bits: edge.bits, groups, largest, joined });
    }
    let last = all.len().saturating_sub(1);
    let mut chosen: Vec<usize> = (1..=LEVELS).map(|level| last * level / LEVELS).collect();
    chosen.dedup();
    chosen.into_iter().filter_map(|at| all.get(at).copied()).collect()
}

fn joins(ties: &Ties<'_>, dataset: &Dataset, members: &[u32], tree: &[Edge]) -> Vec<Join> {
    let graph = dataset.linking_graph();
    let join = |(edge, accounts): (&Edge, (u64, u64))| {
        let [first, second] = [edge.first, edge.second].map(|position| AccountId(members[position as usize]));
        let mut by: Vec<(f64, u32)> = shared(graph.identifiers_of(first), graph.identifiers_of(second))
            .map(|identifier| (ties.bits_of(IdentifierId(identifier)), identifier))
            .filter(|&(bits, _)| bits > 0.0)
            .collect();
        by.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let label = |&(_, identifier): &(f64, u32)| dataset.label_of(Node::Identifier(IdentifierId(identifier)));
        Join {
            bits: edge.bits,
            first: dataset.account_name(first).to_owned(),
            second: dataset.account_name(second).to_owned(),
            accounts,
            by: by.iter().take(NAMED).map(label).collect(),
            shared: by.len() as u64,
        }
    };
    merge(tree, members.len()).map(join).collect()
}

/// Leaves out, one at a time, the identifiers that members need most or that most members have.
fn held_by(ties: &Ties<'_>, members: &[u32], network: usize) -> Vec<HeldBy> {
    let (dataset, results) = (ties.dataset(), ties.results());
    let group = &ties.group(network);
    let graph = dataset.linking_graph();
    let row_of = |member: u32| graph.identifiers_of(AccountId(member)).iter().copied();
    // Identifiers that say something and that at least two members share, ascending; below they go by their place among these.
    let mut shared: Vec<u32> = members.iter().flat_map(|&member| row_of(member)).collect();
    shared.par_sort_unstable();
    shared.dedup();
    shared.retain(|&identifier| group.held(IdentifierId(identifier)) >= 2 && ties.bits_of(IdentifierId(identifier)) > 0.0);
    let place = |identifier: u32| shared.binary_search(&identifier).ok().map(|place| place as u32);
    let rows: Vec<Vec<u32>> = members.par_iter().map(|&member| row_of(member).filter_map(place).collect()).collect();
    let mut counts = vec![0u64; shared.len()];
    rows.iter().flatten().for_each(|&place| counts[place as usize] += 1);
    // The members that are lost without each.
    let needed: Vec<Vec<u32>> = members.par_iter().map(|&member| needed_by(ties, AccountId(member), group)).collect();
    let mut lost = vec![Vec::new(); shared.len()];
    for (position, needed) in needed.iter().enumerate() {
        needed.iter().filter_map(|&identifier| place(identifier)).for_each(|place| lost[place as usize].push(position as u32));
    }
    let mut order: Vec<u32> = (0..shared.len() as u32).filter(|&place| counts[place as usize] > 0).collect();
    order.sort_by_key(|&place| (Reverse(lost[place as usize].len()), Reverse(counts[place as usize])));
    order.truncate(TRIED);
    let held_by = |place: u32| {
        let (id, gone) = (IdentifierId(shared[place as usize]), &lost[place as usize]);
        let pieces = pieces(&rows, shared.len(), gone, place);
        HeldBy {
            identifier: dataset.label_of(Node::Identifier(id)),
            class: results.class_of(id).to_owned(),
            members: counts[place as usize],
            accounts: graph.identifier_degree(id) as u64,
            bits: ties.bits_of(id),
            members_lost: gone.len() as u64,
            pieces: pieces.len() as u64,
            largest_piece: pieces.first().copied().unwrap_or(0),
        }
    };
    order.into_par_iter().map(held_by).collect()
}

/// The identifiers without which a member's tie to the group isn't enough.
fn needed_by(ties: &Ties<'_>, member: AccountId, group: &Group) -> Vec<u32> {
    let ballots = ties.ballots(member, group);
    if !ties.to_group_by(member, group, ballots.iter().copied()).accepted {
        return Vec::new();
    }
    let mut strongest = ballots.clone();
    strongest.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    strongest.truncate(evidence::members::LEFT_OUT);
    let without = |left_out: IdentifierId| {
        let rest = ballots.iter().copied().filter(|&(identifier, _)| identifier != left_out);
        ties.to_group_by(member, group, rest).accepted
    };
    strongest.into_iter().map(|(identifier, _)| identifier).filter(|&id| !without(id)).map(|id| id.0).collect()
}

/// Sizes of the components, two and more, that members other than `gone` (ascending) form without an identifier; largest first.
/// `rows` hold identifiers below `identifiers`.
fn pieces(rows: &[Vec<u32>], identifiers: usize, gone: &[u32], without: u32) -> Vec<u64> {
    let mut groups = UnionFind::<u32>::new(rows.len());
    let mut first_with = vec![u32::MAX; identifiers];
    let stays: Vec<u32> = (0..rows.len() as u32).filter(|position| gone.binary_search(position).is_err()).collect();
    for &position in &stays {
        for &identifier in rows[position as usize].iter().filter(|&&identifier| identifier != without) {
            let first = &mut first_with[identifier as usize];
            *first = position.min(*first);
            groups.union(*first, position);
        }
    }
    let mut sizes = vec![0u64; rows.len()];
    stays.iter().for_each(|&position| sizes[groups.find_mut(position) as usize] += 1);
    sizes.retain(|&size| size > 1);
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn edge(bits: f64, first: u32, second: u32) -> Edge {
        Edge { bits, first, second }
    }

    #[test]
    fn a_chain_of_joins_counts_its_groups() {
        // 0-1 at 9 bits, 2-3 at 8, the two pairs at 5, and 4 at 2.
        let tree = [edge(9.0, 0, 1), edge(8.0, 2, 3), edge(5.0, 1, 2), edge(2.0, 3, 4)];
        let sizes: Vec<(u64, u64)> = merge(&tree, 5).map(|(_, sizes)| sizes).collect();
        assert_eq!(sizes, [(1, 1), (1, 1), (2, 2), (4, 1)]);
        let levels = levels(&tree, 5);
        let last = levels[levels.len() - 1];
        assert_eq!((last.bits, last.groups, last.largest, last.joined), (2.0, 1, 5, 5));
        assert!(levels.iter().any(|level| (level.bits, level.groups, level.joined) == (8.0, 2, 4)));
    }

    #[test]
    fn without_its_bridge_a_network_falls_into_two_pieces() {
        // Members 0-1 share 10, 2-3 share 11, all share 12.
        let rows = vec![vec![10, 12], vec![10, 12], vec![11, 12], vec![11, 12]];
        assert_eq!(pieces(&rows, 13, &[], 12), [2, 2]);
        assert_eq!(pieces(&rows, 13, &[], 10), [4]);
        assert!(pieces(&rows, 13, &[0, 1, 2], 12).is_empty());
    }

    proptest! {
        /// Against a flood fill over members that share an identifier.
        #[test]
        fn pieces_are_components(rows in proptest::collection::vec(proptest::collection::btree_set(0u32..6, 0..3), 1..8), without in 0u32..6) {
            let rows: Vec<Vec<u32>> = rows.into_iter().map(|row| row.into_iter().collect()).collect();
            let linked = |a: usize, b: usize| rows[a].iter().any(|id| *id != without && rows[b].contains(id));
            let mut seen = vec![false; rows.len()];
            let mut expected = Vec::new();
            for start in 0..rows.len() {
                let (mut open, mut size) = (vec![start], 0u64);
                while let Some(at) = open.pop() {
                    if !std::mem::replace(&mut seen[at], true) {
                        size += 1;
                        open.extend((0..rows.len()).filter(|&other| linked(at, other)));
                    }
                }
                expected.extend(Some(size).filter(|&size| size > 1));
            }
            expected.sort_unstable_by(|a, b| b.cmp(a));
            prop_assert_eq!(pieces(&rows, 6, &[], without), expected);
        }
    }
}
