//! An undirected weighted graph in compressed sparse rows: what components, communities and layouts run on.
//!
//! Each edge between two different vertices stands in both rows with the same weight; a self-loop stands once. A vertex's
//! *strength* is the sum of its row, self-loops counted twice; the *total weight* is half the sum of all strengths (`m` in the
//! literature).

use rayon::prelude::*;

use crate::{BipartiteGraph, GraphError};

/// Rows a task takes when a graph is built in parallel.
const TASK: usize = 2048;

/// An undirected weighted graph. Immutable.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightedGraph {
    offsets: Vec<u64>,
    targets: Vec<u32>,
    weights: Vec<f32>,
    left_count: Option<u32>,
}

impl WeightedGraph {
    /// Takes symmetric rows; each row's targets ascend. `left_count` is the number of vertices on the left side (ids below it)
    /// when the graph is bipartite. O(vertices).
    ///
    /// # Errors
    /// Lengths that don't agree, offsets that go down, targets out of range.
    pub fn from_rows(
        offsets: Vec<u64>,
        targets: Vec<u32>,
        weights: Vec<f32>,
        left_count: Option<u32>,
    ) -> Result<Self, GraphError> {
        let edges = targets.len() as u64;
        if weights.len() as u64 != edges {
            return Err(GraphError::Length { column: "weights", expected: edges, found: weights.len() as u64 });
        }
        if offsets.first() != Some(&0) {
            return Err(GraphError::Offsets { column: "offsets", at: 0 });
        }
        if let Some(at) = offsets.windows(2).position(|pair| pair[0] > pair[1]) {
            return Err(GraphError::Offsets { column: "offsets", at: at as u64 + 1 });
        }
        let last = offsets[offsets.len() - 1];
        if last != edges {
            return Err(GraphError::Length { column: "targets", expected: last, found: edges });
        }
        let bound = offsets.len() as u64 - 1;
        if let Some(at) = targets.iter().position(|&target| u64::from(target) >= bound) {
            return Err(GraphError::OutOfRange { column: "targets", at: at as u64, found: u64::from(targets[at]), bound });
        }
        Ok(WeightedGraph { offsets, targets, weights, left_count })
    }

    /// Builds from an edge list; `(a, b)` and `(b, a)` are the same edge. Parallel edges are summed in ascending order of
    /// weight, so that the order of the list doesn't matter. O(edges log edges); for tests, examples and small graphs.
    ///
    /// # Errors
    /// A vertex out of range.
    pub fn from_edges(vertex_count: usize, edges: &[(u32, u32, f32)]) -> Result<Self, GraphError> {
        let mut entries: Vec<(u32, u32, f32)> = Vec::with_capacity(edges.len() * 2);
        for &(source, target, weight) in edges {
            entries.push((source, target, weight));
            if source != target {
                entries.push((target, source, weight));
            }
        }
        entries.sort_unstable_by(|one, two| (one.0, one.1).cmp(&(two.0, two.1)).then(one.2.total_cmp(&two.2)));
        let mut merged: Vec<(u32, u32, f32)> = Vec::with_capacity(entries.len());
        for entry in entries {
            match merged.last_mut() {
                Some(last) if (last.0, last.1) == (entry.0, entry.1) => last.2 += entry.2,
                _ => merged.push(entry),
            }
        }
        let mut offsets = vec![0u64; vertex_count + 1];
        for (at, &(source, ..)) in merged.iter().enumerate() {
            if source as usize >= vertex_count {
                let (at, found, bound) = (at as u64, u64::from(source), vertex_count as u64);
                return Err(GraphError::OutOfRange { column: "edges", at, found, bound });
            }
            offsets[source as usize + 1] += 1;
        }
        for vertex in 0..vertex_count {
            offsets[vertex + 1] += offsets[vertex];
        }
        let (targets, weights) = merged.iter().map(|&(_, target, weight)| (target, weight)).unzip();
        WeightedGraph::from_rows(offsets, targets, weights, None)
    }

    /// Builds from pairs of vertices, `(a, b)` with `a < b`, ascending and without repeats: edges that weigh 1. Each pair goes
    /// straight to the end of both rows. O(vertices + pairs).
    ///
    /// # Errors
    /// A vertex out of range.
    pub fn from_pairs(vertex_count: usize, pairs: &[(u32, u32)]) -> Result<Self, GraphError> {
        debug_assert!(pairs.iter().all(|pair| pair.0 < pair.1) && pairs.is_sorted_by(|one, two| one < two), "ascending pairs");
        if let Some(at) = pairs.iter().position(|pair| pair.1 as usize >= vertex_count) {
            let (found, bound) = (u64::from(pairs[at].1), vertex_count as u64);
            return Err(GraphError::OutOfRange { column: "pairs", at: at as u64, found, bound });
        }
        let mut offsets = vec![0u64; vertex_count + 1];
        for vertex in pairs.iter().flat_map(|&(a, b)| [a, b]) {
            offsets[vertex as usize + 1] += 1;
        }
        for vertex in 0..vertex_count {
            offsets[vertex + 1] += offsets[vertex];
        }
        // A row's lower neighbours come in pairs that begin with them, hence before its higher ones.
        let (mut ends, mut targets) = (offsets[..vertex_count].to_vec(), vec![0u32; 2 * pairs.len()]);
        for (vertex, target) in pairs.iter().flat_map(|&(a, b)| [(a, b), (b, a)]) {
            let end = &mut ends[vertex as usize];
            targets[*end as usize] = target;
            *end += 1;
        }
        let weights = vec![1.0; targets.len()];
        WeightedGraph::from_rows(offsets, targets, weights, None)
    }

    /// The bipartite graph with a weight for each sighting: vertices are accounts, then identifiers. A weight that isn't a
    /// positive number (zero, negative, NaN or infinite) drops its edge. O(sightings + vertices), in parallel.
    ///
    /// # Errors
    /// [`GraphError::Length`] if there isn't one weight for each sighting, [`GraphError::TooMany`] if vertices outgrow their
    /// ids.
    pub fn from_bipartite(graph: &BipartiteGraph, weights: &[f32]) -> Result<Self, GraphError> {
        let (expected, found) = (graph.sighting_count() as u64, weights.len() as u64);
        if expected != found {
            return Err(GraphError::Length { column: "sighting weights", expected, found });
        }
        if graph.vertex_count() as u64 > u64::from(u32::MAX) {
            let (found, bound) = (graph.vertex_count() as u64, u64::from(u32::MAX));
            return Err(GraphError::TooMany { what: "vertices", found, bound });
        }
        let account_count = graph.account_count();
        let columns = graph.columns();
        let (account_offsets, identifiers) = (columns.account_offsets.as_slice(), columns.identifiers.as_slice());
        let (identifier_offsets, accounts) = (columns.identifier_offsets.as_slice(), columns.accounts.as_slice());
        let positions = columns.identifier_sightings.as_slice();
        // One row of either side: (target, position of the weight).
        let entry = |vertex: usize, at: usize| {
            if vertex < account_count {
                (identifiers[at] + account_count as u32, at)
            } else {
                (accounts[at], positions[at] as usize)
            }
        };
        let row_of = |vertex: usize| {
            let (offsets, row) =
                if vertex < account_count { (account_offsets, vertex) } else { (identifier_offsets, vertex - account_count) };
            offsets[row] as usize..offsets[row + 1] as usize
        };
        rows_in_parallel(graph.vertex_count(), Some(account_count as u32), |vertex, row| {
            for at in row_of(vertex) {
                let (target, position) = entry(vertex, at);
                let weight = weights[position];
                if weight > 0.0 && weight.is_finite() {
                    row.push((target, weight));
                }
            }
        })
    }

    /// Number of vertices.
    #[inline]
    pub fn vertex_count(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Number of stored entries: twice the edges between different vertices, plus the self-loops.
    #[inline]
    pub fn entry_count(&self) -> usize {
        self.targets.len()
    }

    /// Number of vertices on the left side, if the graph is bipartite.
    #[inline]
    pub fn left_count(&self) -> Option<u32> {
        self.left_count
    }

    /// Row starts; length vertices + 1.
    #[inline]
    pub fn offsets(&self) -> &[u64] {
        &self.offsets
    }

    /// All rows' targets.
    #[inline]
    pub fn targets(&self) -> &[u32] {
        &self.targets
    }

    /// All rows' weights.
    #[inline]
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// The neighbours of a vertex, ascending.
    #[inline]
    pub fn neighbors_of(&self, vertex: u32) -> &[u32] {
        &self.targets[self.row(vertex)]
    }

    /// The weights of a vertex's edges, in the order of its neighbours.
    #[inline]
    pub fn weights_of(&self, vertex: u32) -> &[f32] {
        &self.weights[self.row(vertex)]
    }

    #[inline]
    fn row(&self, vertex: u32) -> std::ops::Range<usize> {
        self.offsets[vertex as usize] as usize..self.offsets[vertex as usize + 1] as usize
    }
}

/// Targets and weights of some rows.
type Entries = Vec<(u32, f32)>;

/// Builds a graph from a function that pushes a vertex's row: fixed runs of rows in parallel, put together in order.
fn rows_in_parallel(
    vertex_count: usize,
    left_count: Option<u32>,
    push_row: impl Fn(usize, &mut Entries) + Sync,
) -> Result<WeightedGraph, GraphError> {
    let runs: Vec<(Vec<u64>, Entries)> = (0..vertex_count.div_ceil(TASK))
        .into_par_iter()
        .map(|run| {
            let (mut ends, mut entries) = (Vec::with_capacity(TASK), Entries::new());
            for vertex in run * TASK..((run + 1) * TASK).min(vertex_count) {
                push_row(vertex, &mut entries);
                ends.push(entries.len() as u64);
            }
            (ends, entries)
        })
        .collect();
    let entry_count = runs.iter().map(|(_, entries)| entries.len()).sum();
    let (mut targets, mut weights) = (vec![0u32; entry_count], vec![0f32; entry_count]);
    let mut offsets = Vec::with_capacity(vertex_count + 1);
    offsets.push(0);
    let mut slots = Vec::with_capacity(runs.len());
    let (mut rest_of_targets, mut rest_of_weights) = (targets.as_mut_slice(), weights.as_mut_slice());
    for (ends, entries) in &runs {
        let start = offsets[offsets.len() - 1];
        offsets.extend(ends.iter().map(|end| start + end));
        let (these_targets, later_targets) = rest_of_targets.split_at_mut(entries.len());
        let (these_weights, later_weights) = rest_of_weights.split_at_mut(entries.len());
        slots.push((these_targets, these_weights, entries));
        (rest_of_targets, rest_of_weights) = (later_targets, later_weights);
    }
    slots.into_par_iter().for_each(|(targets, weights, entries)| {
        for (at, &(target, weight)) in entries.iter().enumerate() {
            (targets[at], weights[at]) = (target, weight);
        }
    });
    WeightedGraph::from_rows(offsets, targets, weights, left_count)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{any_bipartite, bipartite, with_threads};

    #[test]
    fn only_positive_weights_make_edges() {
        let graph = bipartite(2, 3, &[(0, 0), (0, 1), (1, 0), (1, 1), (1, 2)]);
        let weights = [0.5, f32::NAN, 2.0, 0.0, f32::INFINITY];
        let weighted = WeightedGraph::from_bipartite(&graph, &weights).expect("one weight each");
        assert_eq!((weighted.neighbors_of(0), weighted.neighbors_of(1)), ([2].as_slice(), [2].as_slice()));
        assert_eq!((weighted.neighbors_of(2), weighted.weights_of(2)), ([0, 1].as_slice(), [0.5, 2.0].as_slice()));
        assert_eq!((weighted.left_count(), weighted.entry_count(), weighted.vertex_count()), (Some(2), 4, 5));
        assert!(WeightedGraph::from_bipartite(&graph, &weights[1..]).is_err());
    }

    #[test]
    fn the_order_of_an_edge_list_doesn_t_matter() {
        let mut edges = vec![(0, 1, 0.1), (1, 0, 0.7), (0, 1, 1e-8), (2, 2, 3.0), (1, 0, 0.2), (2, 2, 0.3)];
        let one = WeightedGraph::from_edges(3, &edges).expect("in range");
        for _ in 0..edges.len() {
            edges.rotate_left(1);
            assert_eq!(WeightedGraph::from_edges(3, &edges).expect("in range"), one);
        }
        assert!((one.weights_of(0)[0] - 1.0).abs() < 1e-6);
    }

    #[test]
    fn one_thread_and_many_build_the_same() {
        let pairs: Vec<_> = (0..30_000u32).map(|at| (at % 7_001, at * 31 % 4_999)).collect();
        let graph = bipartite(7_001, 4_999, &pairs);
        let weights: Vec<f32> = (0..graph.sighting_count()).map(|at| (at % 5) as f32).collect();
        let build = || WeightedGraph::from_bipartite(&graph, &weights).expect("one weight each");
        let one = with_threads(1, build);
        assert_eq!(one, with_threads(4, build));
    }

    #[test]
    fn a_pair_beyond_the_last_vertex_is_told() {
        let error = WeightedGraph::from_pairs(2, &[(0, 1), (1, 2)]).unwrap_err();
        assert_eq!(error, GraphError::OutOfRange { column: "pairs", at: 1, found: 2, bound: 2 });
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(80))]

        #[test]
        fn from_pairs_as_from_an_edge_list(pairs in prop::collection::btree_set((0u32..12, 0u32..12), 0..60)) {
            let pairs: Vec<(u32, u32)> = pairs.into_iter().filter(|pair| pair.0 < pair.1).collect();
            let edges: Vec<_> = pairs.iter().map(|&(a, b)| (a, b, 1.0)).collect();
            let expected = WeightedGraph::from_edges(12, &edges).expect("in range");
            prop_assert_eq!(WeightedGraph::from_pairs(12, &pairs).expect("in range"), expected);
        }

        #[test]
        fn from_bipartite_as_from_an_edge_list(graph in any_bipartite(), weights in prop::collection::vec(-1i8..4, 60)) {
            let weights: Vec<f32> = weights[..graph.sighting_count()].iter().map(|&weight| f32::from(weight)).collect();
            let edges: Vec<_> = (0..graph.sighting_count())
                .filter(|&position| weights[position] > 0.0)
                .map(|position| {
                    let sighting = graph.sighting(position);
                    (sighting.account.0, graph.account_count() as u32 + sighting.identifier.0, weights[position])
                })
                .collect();
            let expected = WeightedGraph::from_edges(graph.vertex_count(), &edges).expect("in range");
            let found = WeightedGraph::from_bipartite(&graph, &weights).expect("one weight each");
            prop_assert_eq!((found.offsets(), found.targets(), found.weights()),
                (expected.offsets(), expected.targets(), expected.weights()));
        }
    }
}
