//! What does the simulation know of a component?
//!
//! Its vertices numbered from 0 in breadth-first order from the heaviest, so that neighbours lie near each other in memory;
//! rows of neighbours with pulls instead of weights; and masses (degree + 1). Self-loops are left out. O(edges) to build and to
//! reorder.

use rayon::prelude::*;

use super::config::EdgeWeights;
use crate::WeightedGraph;

/// Vertices a task takes.
pub(super) const CHUNK: usize = 4096;

/// One component, renumbered.
#[derive(Clone, Debug, Default)]
pub(super) struct LocalGraph {
    /// The vertex of the whole graph that each vertex is.
    pub(super) original: Vec<u32>,
    pub(super) offsets: Vec<u32>,
    pub(super) targets: Vec<u32>,
    pub(super) pulls: Vec<f32>,
    /// Degree + 1.
    pub(super) masses: Vec<f32>,
}

impl LocalGraph {
    /// The component made of `members`; `place_of[v]` is where vertex `v` stands among the members of its component.
    pub(super) fn new(graph: &WeightedGraph, members: &[u32], place_of: &[u32], edge_weights: EdgeWeights) -> Self {
        let order = breadth_first(graph, members, place_of);
        let mut number_of_place = vec![0u32; members.len()];
        for (number, &vertex) in order.iter().enumerate() {
            number_of_place[place_of[vertex as usize] as usize] = number as u32;
        }
        let number_of = |vertex: u32| number_of_place[place_of[vertex as usize] as usize];
        let mut local = LocalGraph { offsets: vec![0], original: order, ..LocalGraph::default() };
        for &vertex in &local.original {
            for (&target, &weight) in graph.neighbors_of(vertex).iter().zip(graph.weights_of(vertex)) {
                if target != vertex {
                    local.targets.push(number_of(target));
                    local.pulls.push(edge_weights.pull_of(weight));
                }
            }
            let start = local.offsets[local.offsets.len() - 1];
            local.offsets.push(local.targets.len() as u32);
            local.masses.push((local.targets.len() as u32 - start + 1) as f32);
        }
        local
    }

    pub(super) fn vertex_count(&self) -> usize {
        self.original.len()
    }

    pub(super) fn row(&self, vertex: usize) -> impl Iterator<Item = (usize, f32)> + '_ {
        let row = self.offsets[vertex] as usize..self.offsets[vertex + 1] as usize;
        self.targets[row.clone()].iter().zip(&self.pulls[row]).map(|(&target, &pull)| (target as usize, pull))
    }

    /// The same component with vertex `order[v]` as vertex `v`.
    pub(super) fn reordered(&self, order: &[u32]) -> Self {
        let mut number_of = vec![0u32; order.len()];
        order.iter().enumerate().for_each(|(number, &vertex)| number_of[vertex as usize] = number as u32);
        let rows: Vec<(Vec<u32>, Vec<f32>)> = order
            .par_chunks(CHUNK)
            .map(|chunk| {
                let entries = chunk.iter().flat_map(|&vertex| self.row(vertex as usize));
                entries.map(|(target, pull)| (number_of[target], pull)).unzip()
            })
            .collect();
        let mut offsets = Vec::with_capacity(order.len() + 1);
        offsets.push(0);
        for &vertex in order {
            let degree = self.offsets[vertex as usize + 1] - self.offsets[vertex as usize];
            offsets.push(offsets[offsets.len() - 1] + degree);
        }
        let (targets, pulls): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        LocalGraph {
            original: permuted(&self.original, order),
            offsets,
            targets: targets.concat(),
            pulls: pulls.concat(),
            masses: permuted(&self.masses, order),
        }
    }
}

/// `values[order[v]]` for each `v`.
pub(super) fn permuted<T: Copy + Send + Sync>(values: &[T], order: &[u32]) -> Vec<T> {
    order.par_iter().with_min_len(CHUNK).map(|&at| values[at as usize]).collect()
}

/// The members in breadth-first order from the one of most edges, ties to the lower.
fn breadth_first(graph: &WeightedGraph, members: &[u32], place_of: &[u32]) -> Vec<u32> {
    let place_of = |vertex: u32| place_of[vertex as usize] as usize;
    let root = members.iter().copied().max_by_key(|&vertex| (graph.neighbors_of(vertex).len(), std::cmp::Reverse(vertex)));
    let mut order: Vec<u32> = root.into_iter().collect();
    let mut seen = vec![false; members.len()];
    order.iter().for_each(|&vertex| seen[place_of(vertex)] = true);
    let mut next = 0;
    while let Some(&vertex) = order.get(next) {
        next += 1;
        for &neighbor in graph.neighbors_of(vertex) {
            if !std::mem::replace(&mut seen[place_of(neighbor)], true) {
                order.push(neighbor);
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square_with_a_tail() -> LocalGraph {
        let edges = [(1, 3, 1.0), (3, 5, 2.0), (5, 7, 3.0), (7, 1, 4.0), (7, 8, 5.0), (7, 7, 9.0)];
        let graph = WeightedGraph::from_edges(9, &edges).expect("in range");
        LocalGraph::new(&graph, &[1, 3, 5, 7, 8], &[0, 0, 0, 1, 0, 2, 0, 3, 4], EdgeWeights::Power(1.0))
    }

    #[test]
    fn a_component_is_numbered_from_its_heaviest_vertex() {
        let local = square_with_a_tail();
        assert_eq!(local.original, [7, 1, 5, 8, 3]);
        assert_eq!(local.masses, [4.0, 3.0, 3.0, 2.0, 3.0]);
        assert_eq!(local.row(0).collect::<Vec<_>>(), [(1, 4.0), (2, 3.0), (3, 5.0)]);
    }

    #[test]
    fn reordering_there_and_back_is_nothing() {
        let local = square_with_a_tail();
        let turned = local.reordered(&[4, 2, 0, 1, 3]);
        assert_eq!(turned.original, [3, 5, 7, 1, 8]);
        assert_eq!(turned.row(1).collect::<Vec<_>>(), [(0, 2.0), (2, 3.0)]);
        let back = turned.reordered(&[2, 3, 1, 4, 0]);
        assert_eq!((back.offsets, back.targets, back.pulls), (local.offsets, local.targets, local.pulls));
    }
}
