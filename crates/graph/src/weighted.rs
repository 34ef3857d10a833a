//! An undirected weighted graph in compressed sparse rows: what components, communities and layouts run on.
//!
//! Each edge between two different vertices stands in both rows with the same weight; a self-loop stands once. A vertex's
//! *strength* is the sum of its row, self-loops counted twice; the *total weight* is half the sum of all strengths (`m` in the
//! literature).

use crate::GraphError;

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

    /// Builds from an edge list; parallel edges are summed in list order, `(a, b)` and `(b, a)` are the same edge.
    /// O(edges log edges); for tests, examples and small graphs.
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
        entries.sort_by_key(|&(source, target, _)| (source, target));
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

    /// Number of vertices.
    pub fn vertex_count(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Number of stored entries: twice the edges between different vertices, plus the self-loops.
    pub fn entry_count(&self) -> usize {
        self.targets.len()
    }

    /// Number of vertices on the left side, if the graph is bipartite.
    pub fn left_count(&self) -> Option<u32> {
        self.left_count
    }

    /// Row starts; length vertices + 1.
    pub fn offsets(&self) -> &[u64] {
        &self.offsets
    }

    /// All rows' targets.
    pub fn targets(&self) -> &[u32] {
        &self.targets
    }

    /// All rows' weights.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// The neighbours of a vertex, ascending.
    pub fn neighbors_of(&self, vertex: u32) -> &[u32] {
        &self.targets[self.row(vertex)]
    }

    /// The weights of a vertex's edges, in the order of its neighbours.
    pub fn weights_of(&self, vertex: u32) -> &[f32] {
        &self.weights[self.row(vertex)]
    }

    fn row(&self, vertex: u32) -> std::ops::Range<usize> {
        self.offsets[vertex as usize] as usize..self.offsets[vertex as usize + 1] as usize
    }
}
