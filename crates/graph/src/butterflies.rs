//! How often do two accounts share two identifiers?
//!
//! A *butterfly* is two accounts and two identifiers, each account seen with both: the smallest thing in a bipartite graph that
//! hangs together twice. A chance meeting (one address) makes none; an operator's accounts that share addresses and cards make
//! many. The *clustering* says which share of the chances was taken: of all paths of three sightings, the share that a fourth
//! closes.
//!
//! Steps: 1. number vertices by degree, ties by their place in the graph; 2. from each vertex go to neighbours and on to their
//! neighbours, each time to lower numbers only; 3. `m` ways to the same end are `m (m - 1) / 2` butterflies. Each is counted
//! once, at its highest vertex. The paths of three sightings are the sum over sightings of
//! `(d(account) - 1) (d(identifier) - 1)`, and a butterfly holds four of them.
//!
//! Cost: O(sum over sightings of the smaller of the two degrees) on all threads, 8 bytes a sighting and 4 bytes a vertex and
//! thread. All sums are whole numbers.
//!
//! Reference: Wang, Lin, Qin, Zhang, Zhang (2019), Vertex priority based butterfly counting for large-scale bipartite networks,
//! doi:10.14778/3339490.3339497; Robins, Alexander (2004), Small worlds among interlocking directors,
//! doi:10.1023/B:CMOT.0000032580.12184.c0.

use rayon::prelude::*;

use crate::{AccountId, BipartiteGraph, IdentifierId, Vertex, VertexId};

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Butterflies {
    /// Pairs of accounts with pairs of identifiers that both were seen with.
    pub count: u64,
    /// Paths of three sightings.
    pub paths: u64,
}

impl Butterflies {
    /// The share of the paths of three sightings that a fourth closes; 0 if there are none.
    pub fn clustering(&self) -> f64 {
        if self.paths == 0 { 0.0 } else { 4.0 * self.count as f64 / self.paths as f64 }
    }
}

/// Counts the butterflies of a graph.
pub fn butterflies(graph: &BipartiteGraph) -> Butterflies {
    let rows = ByDegree::of(graph);
    let vertices = graph.vertex_count();
    // Every way to an end makes one butterfly with each way found before.
    let at_highest = |ways: &mut Vec<u32>, top: u32| {
        let mut count = 0u64;
        for end in rows.below(top, top).flat_map(|middle| rows.below(middle, top)) {
            let way = &mut ways[end as usize];
            count += u64::from(*way);
            *way += 1;
        }
        for end in rows.below(top, top).flat_map(|middle| rows.below(middle, top)) {
            ways[end as usize] = 0;
        }
        count
    };
    let tops = (0..vertices as u32).into_par_iter().with_min_len(TASK);
    let count = tops.map_init(|| vec![0u32; vertices], at_highest).sum();
    let others = |degree: usize| degree.saturating_sub(1) as u64;
    let paths_over = |account: AccountId| {
        let degrees = graph.identifiers_of(account).iter().map(|&id| graph.identifier_degree(IdentifierId(id)));
        others(graph.account_degree(account)) * degrees.map(others).sum::<u64>()
    };
    Butterflies { count, paths: (0..graph.account_count() as u32).map(|account| paths_over(AccountId(account))).sum() }
}

/// Vertices of a task at least.
const TASK: usize = 256;

/// Every vertex's neighbours, in numbers that ascend with degree, ascending.
struct ByDegree {
    offsets: Vec<usize>,
    neighbors: Vec<u32>,
}

impl ByDegree {
    fn of(graph: &BipartiteGraph) -> Self {
        let row = |vertex: u32| match graph.vertex(VertexId(vertex)) {
            Vertex::Account(account) => (graph.identifiers_of(account), graph.account_count() as u32),
            Vertex::Identifier(identifier) => (graph.accounts_of(identifier), 0),
        };
        let mut vertices: Vec<u32> = (0..graph.vertex_count() as u32).collect();
        vertices.sort_by_key(|&vertex| row(vertex).0.len());
        let mut number = vec![0u32; vertices.len()];
        vertices.iter().zip(0..).for_each(|(&vertex, at)| number[vertex as usize] = at);
        let (mut offsets, mut neighbors) = (vec![0], Vec::with_capacity(2 * graph.sighting_count()));
        for &vertex in &vertices {
            let (of_vertex, base) = row(vertex);
            let from = neighbors.len();
            neighbors.extend(of_vertex.iter().map(|neighbor| number[(neighbor + base) as usize]));
            neighbors[from..].sort_unstable();
            offsets.push(neighbors.len());
        }
        ByDegree { offsets, neighbors }
    }

    /// The neighbours of a vertex below a number.
    fn below(&self, vertex: u32, bound: u32) -> impl Iterator<Item = u32> {
        let row = &self.neighbors[self.offsets[vertex as usize]..self.offsets[vertex as usize + 1]];
        row.iter().copied().take_while(move |&neighbor| neighbor < bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::graph_from_sightings;
    use crate::{AccountId, IdentifierId, Sighting};
    use proptest::prelude::*;

    fn graph_of(pairs: &[(u32, u32)]) -> BipartiteGraph {
        let sighting = |&(account, identifier): &(u32, u32)| Sighting {
            account: AccountId(account),
            identifier: IdentifierId(identifier),
            count: 1,
            first_seen: 1,
            last_seen: 1,
        };
        graph_from_sightings(pairs.iter().map(sighting).collect(), 8, vec![0, 8]).unwrap()
    }

    #[test]
    fn a_complete_block_takes_every_chance() {
        // 3 accounts with 4 identifiers: 3 pairs of accounts times 6 pairs of identifiers, and every path is closed.
        let pairs: Vec<(u32, u32)> = (0..3).flat_map(|account| (0..4).map(move |identifier| (account, identifier))).collect();
        let found = butterflies(&graph_of(&pairs));
        assert_eq!(found, Butterflies { count: 18, paths: 72 });
        assert!((found.clustering() - 1.0).abs() < 1e-12);
        // A star shares one thing only.
        assert_eq!(butterflies(&graph_of(&[(0, 0), (1, 0), (2, 0)])), Butterflies::default());
    }

    proptest! {
        /// Against all pairs of accounts.
        #[test]
        fn every_pair_of_accounts_is_counted(pairs in proptest::collection::btree_set((0u32..8, 0u32..8), 0..40)) {
            let pairs: Vec<(u32, u32)> = pairs.into_iter().collect();
            let graph = graph_of(&pairs);
            let mut expected = 0;
            for one in 0..8u32 {
                for other in one + 1..8 {
                    let both = (0..8).filter(|&id| pairs.contains(&(one, id)) && pairs.contains(&(other, id))).count() as u64;
                    expected += both * both.saturating_sub(1) / 2;
                }
            }
            prop_assert_eq!(butterflies(&graph).count, expected);
            prop_assert!(butterflies(&graph).clustering() <= 1.0);
        }
    }
}
