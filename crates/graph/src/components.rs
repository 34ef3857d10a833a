//! Which accounts hang together at all?
//!
//! A connected component is a largest set of vertices in which every two are joined by a path. [`connected_components`] labels
//! the components of a [`WeightedGraph`] (every stored entry joins, whatever its weight), [`bipartite_components`] those of the
//! typed graph through an [`IdentifierFilter`]: "payment instruments only", "no identifier of more than 50 accounts".
//!
//! Steps (Afforest):
//! 1. *sample*: link every vertex to its first [`SAMPLED_NEIGHBORS`] neighbours, which finds most of a giant component. In a
//!    graph of fewer edges than that, link every edge once instead, and go to step 4;
//! 2. *giant*: find the most frequent root among [`PROBES`] vertices (inside the groups of a partition: of each group);
//! 3. *finish*: link the other neighbours of every vertex outside the giant component. An edge between the giant and the rest
//!    is seen from its other end, an edge inside needs no look: most of the edges are never read;
//! 4. number the components canonically ([`Partition`]).
//!
//! The label of a component while it grows is its smallest vertex, so the result depends neither on threads nor on edge order.
//! Cost: O(vertices + edges) in practice (the forest's depth stays near 1), 4 bytes a vertex; nothing but the rows is read.
//! [`verify_components`] checks an answer by breadth-first search, which shares no code with the above.
//!
//! Reference: Sutton, Ben-Nun, Barak (2018), Optimizing parallel graph connectivity computation via subgraph sampling, IPDPS,
//! doi:10.1109/IPDPS.2018.00012.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use rayon::prelude::*;

use crate::filter::{OpenRows, Rows};
use crate::union_find::AtomicForest;
use crate::{BipartiteGraph, GraphError, IdentifierFilter, Partition, WeightedGraph};

/// Neighbours of each vertex that are linked before the giant component is looked for; the paper's value.
pub const SAMPLED_NEIGHBORS: usize = 2;

/// Vertices asked for their root when looking for the giant component; the reference implementation's value.
pub const PROBES: usize = 1024;

/// Vertices a task takes at least.
const TASK: usize = 1024;

/// The connected components of an undirected graph.
pub fn connected_components(graph: &WeightedGraph) -> Partition {
    components(graph)
}

/// The connected components over the identifiers that the filter lets through. Vertices are accounts, then identifiers; an
/// identifier that is closed is a component of its own.
///
/// # Panics
/// If the filter marks another number of identifiers than the graph has.
pub fn bipartite_components(graph: &BipartiteGraph, filter: &IdentifierFilter<'_>) -> Partition {
    components(&OpenRows::new(graph, filter))
}

/// The connected components of every group by itself: over edges of positive weight between vertices of one group.
///
/// # Panics
/// If the partition has another number of vertices than the graph.
pub fn components_within(graph: &WeightedGraph, partition: &Partition) -> Partition {
    assert_eq!(graph.vertex_count(), partition.vertex_count(), "the partition is of another graph");
    components(&Within { graph, labels: partition.labels(), group_count: partition.group_count() })
}

/// The edges of positive weight inside the groups of a partition.
struct Within<'a> {
    graph: &'a WeightedGraph,
    labels: &'a [u32],
    group_count: usize,
}

impl Rows for Within<'_> {
    fn vertex_count(&self) -> usize {
        self.graph.vertex_count()
    }

    /// An upper bound.
    fn edge_count(&self) -> usize {
        self.graph.entry_count() / 2
    }

    fn neighbors(&self, vertex: u32) -> impl Iterator<Item = u32> + '_ {
        let row = self.graph.neighbors_of(vertex).iter().zip(self.graph.weights_of(vertex));
        let own = self.labels[vertex as usize];
        row.filter(move |&(&target, &weight)| weight > 0.0 && self.labels[target as usize] == own).map(|(&target, _)| target)
    }

    fn each_edge_once(&self, vertex: u32) -> impl Iterator<Item = u32> + '_ {
        self.neighbors(vertex).take_while(move |&neighbor| neighbor < vertex)
    }

    fn group_of(&self, vertex: u32) -> usize {
        self.labels[vertex as usize] as usize
    }

    /// The root that most members of each group have, ties to the lower.
    fn giants(&self, forest: &AtomicForest) -> Vec<u32> {
        let count = self.labels.len();
        let vertices = || (0..count as u32).into_par_iter().with_min_len(TASK);
        let size_of: Vec<AtomicU32> = vertices().map(|_| AtomicU32::new(0)).collect();
        vertices().for_each(|vertex| {
            size_of[forest.parent_of(vertex) as usize].fetch_add(1, Relaxed);
        });
        let best_of: Vec<AtomicU64> = (0..self.group_count).map(|_| AtomicU64::new(0)).collect();
        vertices().filter(|&root| forest.parent_of(root) == root).for_each(|root| {
            let size = size_of[root as usize].load(Relaxed);
            best_of[self.group_of(root)].fetch_max((u64::from(size) << 32) | u64::from(!root), Relaxed);
        });
        best_of.into_iter().map(|best| !(best.into_inner() as u32)).collect()
    }
}

/// Checks by breadth-first search that a partition's groups are the connected components.
///
/// # Errors
/// [`GraphError::Length`] if it labels another number of vertices, [`GraphError::ComponentCut`] if an edge joins two groups,
/// [`GraphError::ComponentJoined`] if a group holds vertices that no path joins.
pub fn verify_components(graph: &WeightedGraph, partition: &Partition) -> Result<(), GraphError> {
    verify(graph, partition)
}

/// [`verify_components`] for [`bipartite_components`].
///
/// # Errors
/// As [`verify_components`].
///
/// # Panics
/// If the filter marks another number of identifiers than the graph has.
pub fn verify_bipartite_components(
    graph: &BipartiteGraph,
    filter: &IdentifierFilter<'_>,
    partition: &Partition,
) -> Result<(), GraphError> {
    verify(&OpenRows::new(graph, filter), partition)
}

fn components(rows: &impl Rows) -> Partition {
    // The first of the sampled links needs no race: before any other, every vertex may hang under a lower neighbour.
    let forest = AtomicForest::hung(rows.vertex_count(), |vertex| {
        rows.neighbors(vertex).next().map_or(vertex, |first| first.min(vertex))
    });
    let vertices = || (0..rows.vertex_count() as u32).into_par_iter().with_min_len(TASK);
    if rows.edge_count() <= SAMPLED_NEIGHBORS * rows.vertex_count() {
        vertices().for_each(|vertex| rows.each_edge_once(vertex).for_each(|neighbor| forest.link(vertex, neighbor)));
        return Partition::from_smallest_members(forest.into_labels());
    }
    vertices().for_each(|vertex| {
        rows.neighbors(vertex).take(SAMPLED_NEIGHBORS).for_each(|neighbor| forest.link(vertex, neighbor));
    });
    forest.compress();
    let giants = rows.giants(&forest);
    let is_outside = |vertex: &u32| forest.parent_of(*vertex) != giants[rows.group_of(*vertex)];
    vertices().filter(is_outside).for_each(|vertex| {
        for neighbor in rows.neighbors(vertex).skip(SAMPLED_NEIGHBORS) {
            forest.link(vertex, neighbor);
        }
    });
    Partition::from_smallest_members(forest.into_labels())
}

/// The root that most of the evenly spaced probes have. A poor guess costs time, never correctness.
pub(crate) fn most_frequent_root(forest: &AtomicForest, vertex_count: usize) -> u32 {
    let probes = PROBES.min(vertex_count);
    let mut roots: Vec<u32> = (0..probes).map(|probe| forest.parent_of((probe * vertex_count / probes) as u32)).collect();
    roots.sort_unstable();
    roots.chunk_by(|one, two| one == two).max_by_key(|run| run.len()).map_or(0, |run| run[0])
}

fn verify(rows: &impl Rows, partition: &Partition) -> Result<(), GraphError> {
    let (expected, found) = (rows.vertex_count() as u64, partition.vertex_count() as u64);
    if expected != found {
        return Err(GraphError::Length { column: "component labels", expected, found });
    }
    const NOBODY: u32 = u32::MAX;
    let mut first_of_group = vec![NOBODY; partition.group_count()];
    let mut reached = vec![false; rows.vertex_count()];
    let mut queue = std::collections::VecDeque::new();
    for start in 0..rows.vertex_count() as u32 {
        if std::mem::replace(&mut reached[start as usize], true) {
            continue;
        }
        let group = partition.label_of(start);
        let first = std::mem::replace(&mut first_of_group[group as usize], start);
        if first != NOBODY {
            return Err(GraphError::ComponentJoined { one: first, other: start });
        }
        queue.push_back(start);
        while let Some(vertex) = queue.pop_front() {
            for neighbor in rows.neighbors(vertex) {
                if partition.label_of(neighbor) != group {
                    return Err(GraphError::ComponentCut { source_vertex: vertex, target_vertex: neighbor });
                }
                if !std::mem::replace(&mut reached[neighbor as usize], true) {
                    queue.push_back(neighbor);
                }
            }
        }
    }
    Ok(())
}

impl Rows for WeightedGraph {
    fn vertex_count(&self) -> usize {
        WeightedGraph::vertex_count(self)
    }

    fn edge_count(&self) -> usize {
        self.entry_count() / 2
    }

    fn neighbors(&self, vertex: u32) -> impl Iterator<Item = u32> + '_ {
        self.neighbors_of(vertex).iter().copied()
    }

    fn each_edge_once(&self, vertex: u32) -> impl Iterator<Item = u32> + '_ {
        // Rows ascend: the lower neighbours come first.
        self.neighbors_of(vertex).iter().copied().take_while(move |&neighbor| neighbor < vertex)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{any_bipartite, any_weighted, bipartite, bipartite_of_kinds, with_threads};
    use crate::{Keep, KindId, Kinds};

    #[test]
    fn components_by_hand() {
        let edges = [(0, 4, 1.0), (4, 2, 1.0), (1, 3, 0.0), (5, 5, 1.0)];
        let graph = WeightedGraph::from_edges(7, &edges).expect("in range");
        let partition = connected_components(&graph);
        assert_eq!(partition.labels(), [0, 1, 0, 1, 0, 2, 3]);
        assert_eq!(partition.sizes(), [3, 2, 1, 1]);
    }

    #[test]
    fn groups_fall_apart_where_no_positive_edge_holds_them() {
        // A path 0 - 1 - 2 - 3 whose middle edge weighs nothing; 4 touches 0 only.
        let graph = WeightedGraph::from_edges(5, &[(0, 1, 1.0), (1, 2, 0.0), (2, 3, 1.0), (0, 4, 1.0)]).expect("in range");
        let found = components_within(&graph, &Partition::from_labels(vec![0, 0, 0, 0, 1]));
        assert_eq!(found.labels(), [0, 0, 1, 1, 2]);
        let alternating = components_within(&graph, &Partition::from_labels(vec![0, 1, 0, 1, 0]));
        assert_eq!(alternating.labels(), [0, 1, 2, 3, 0]);
    }

    #[test]
    fn payment_only_components_ignore_addresses() {
        // Addresses 0 and 1 (kind 0) chain accounts 0, 1 and 2; payment instrument 2 (kind 1) joins accounts 2 and 3.
        let pairs = [(0, 0), (1, 0), (1, 1), (2, 1), (2, 2), (3, 2)];
        let graph = bipartite_of_kinds(4, &[0, 2, 3], &pairs);
        assert_eq!(bipartite_components(&graph, &IdentifierFilter::default()).group_count(), 1);
        let payment = IdentifierFilter { kinds: Kinds::Only(&[KindId(1)]), ..Default::default() };
        assert_eq!(bipartite_components(&graph, &payment).labels(), [1, 2, 0, 0, 3, 4, 0]);
    }

    #[test]
    fn the_verifier_rejects_wrong_answers() {
        let graph = WeightedGraph::from_edges(4, &[(0, 1, 1.0), (2, 3, 1.0)]).expect("in range");
        let check = |labels| verify_components(&graph, &Partition::from_labels(labels));
        assert_eq!(check(vec![0, 0, 2, 2]), Ok(()));
        assert_eq!(check(vec![0, 0, 0, 0]), Err(GraphError::ComponentJoined { one: 0, other: 2 }));
        assert_eq!(check(vec![0, 0, 2, 3]), Err(GraphError::ComponentCut { source_vertex: 2, target_vertex: 3 }));
        assert_eq!(check(vec![0]), Err(GraphError::Length { column: "component labels", expected: 4, found: 1 }));
    }

    #[test]
    fn nothing_and_nobody() {
        let empty = bipartite(0, 0, &[]);
        assert_eq!(bipartite_components(&empty, &IdentifierFilter::default()).vertex_count(), 0);
        let lonely = WeightedGraph::from_edges(3, &[]).expect("in range");
        assert_eq!(connected_components(&lonely).sizes(), [1, 1, 1]);
    }

    /// A giant component, a hub row, long chains and many pairs: enough vertices for every task boundary. With more `ties` in
    /// the giant component than [`SAMPLED_NEIGHBORS`] vertices' worth, it is sampled.
    fn world(ties: u32) -> BipartiteGraph {
        let accounts = 20_000u32;
        let mut pairs = Vec::new();
        for account in 0..accounts {
            let scattered = (u64::from(account) * 2_654_435_761 % 6_000) as u32;
            if account % 3 == 0 {
                pairs.extend((0..ties).map(|tie| (account, 8_000 + (scattered + tie) % 40)));
            } else if account % 3 == 1 {
                pairs.push((account, scattered));
                pairs.push((account, (scattered + 1) % 3_000));
            } else {
                pairs.push((account, 9_000 + account / 6));
            }
        }
        bipartite(accounts as usize, 13_000, &pairs)
    }

    #[test]
    fn one_thread_and_many_agree_and_the_search_confirms() {
        for (ties, sampled) in [(1, false), (12, true)] {
            let graph = world(ties);
            assert_eq!(graph.sighting_count() > SAMPLED_NEIGHBORS * graph.vertex_count(), sampled);
            for filter in [IdentifierFilter::default(), IdentifierFilter { max_degree: 5, ..Default::default() }] {
                let one = with_threads(1, || bipartite_components(&graph, &filter));
                for threads in [2, 3, 8] {
                    assert_eq!(one, with_threads(threads, || bipartite_components(&graph, &filter)));
                }
                assert_eq!(verify_bipartite_components(&graph, &filter, &one), Ok(()));
            }
        }
    }

    /// Oracle: labels spread along edges until nothing changes.
    fn spread(vertex_count: usize, edges: &[(u32, u32)]) -> Partition {
        let mut labels: Vec<u32> = (0..vertex_count as u32).collect();
        loop {
            let before = labels.clone();
            for &(one, two) in edges {
                let low = labels[one as usize].min(labels[two as usize]);
                (labels[one as usize], labels[two as usize]) = (low, low);
            }
            if labels == before {
                return Partition::from_labels(labels);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn as_label_spreading(graph in any_weighted()) {
            let edges: Vec<_> = (0..graph.vertex_count() as u32)
                .flat_map(|vertex| graph.neighbors_of(vertex).iter().map(move |&neighbor| (vertex, neighbor)))
                .collect();
            let found = connected_components(&graph);
            prop_assert_eq!(verify_components(&graph, &found), Ok(()));
            prop_assert_eq!(found, spread(graph.vertex_count(), &edges));
        }

        #[test]
        fn as_label_spreading_through_any_filter(
            graph in any_bipartite(), marks in prop::collection::vec(any::<bool>(), 16), max_degree in 0usize..8, kind in 0u8..3,
        ) {
            let kinds = [KindId(kind)];
            let filter = IdentifierFilter {
                kinds: if kind == 2 { Kinds::All } else { Kinds::Only(&kinds) },
                keep: Keep::Marked(&marks[..graph.identifier_count()]),
                max_degree,
            };
            let open = filter.open_identifiers(&graph);
            let accounts = graph.account_count() as u32;
            let edges: Vec<_> = (0..accounts)
                .flat_map(|account| graph.identifiers_of(crate::AccountId(account)).iter().map(move |&id| (account, id)))
                .filter(|&(_, identifier)| open[identifier as usize])
                .map(|(account, identifier)| (account, accounts + identifier))
                .collect();
            let found = bipartite_components(&graph, &filter);
            prop_assert_eq!(verify_bipartite_components(&graph, &filter, &found), Ok(()));
            prop_assert_eq!(found, spread(graph.vertex_count(), &edges));
        }
    }
}
