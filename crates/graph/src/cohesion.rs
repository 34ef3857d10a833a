//! On which single link or identifier does a component hang?
//!
//! A *bridge* is a sighting whose loss splits a component; an *articulation* vertex is an account or identifier whose loss
//! does. A *two-edge component* is what remains joined without the bridges; a *block* (biconnected component) is a largest set
//! of sightings without an articulation vertex inside. Two groups that share one carrier's address meet in an articulation
//! identifier; a network that shares addresses and cards many times over is one block.
//!
//! Steps, in one depth-first search from each account: 1. number vertices in the order of discovery; 2. `low` of a vertex is
//! the least number that its subtree reaches by one edge besides the tree; 3. tree edge (u, v) is a bridge if `low(v) >
//! number(u)`, and u separates v's subtree if `low(v) >= number(u)`; stacks of open vertices and sightings are cut there.
//!
//! Cost: O(vertices + sightings), without recursion: a path of a million vertices needs no stack of the thread. Memory: 12
//! bytes a vertex, 8 bytes a sighting, 12 bytes a vertex on the longest path. Closed identifiers stand alone and articulate
//! nothing.
//!
//! Reference: Hopcroft, Tarjan (1973), Algorithm 447: efficient algorithms for graph manipulation, doi:10.1145/362248.362272.

use crate::filter::{OpenRows, Rows};
use crate::{AccountId, BipartiteGraph, IdentifierFilter, IdentifierId, NONE_U32, Partition};

/// What hangs on what.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cohesion {
    /// Positions of the sightings that are bridges, ascending.
    pub bridges: Vec<u32>,
    /// Accounts whose loss splits a component, ascending.
    pub articulation_accounts: Vec<AccountId>,
    /// Identifiers whose loss splits a component, ascending.
    pub articulation_identifiers: Vec<IdentifierId>,
    /// Two-edge components: of vertices, accounts first.
    pub two_edge_components: Partition,
    /// The block of each sighting, or `NONE_U32` if its identifier is closed. Blocks are numbered by their count of sightings,
    /// largest first, then by first sighting.
    pub block_of: Vec<u32>,
    /// Sightings of each block, never ascending.
    pub block_sizes: Vec<u32>,
}

/// Finds bridges, articulation vertices, two-edge components and blocks over the identifiers that the filter lets through.
///
/// # Panics
/// If the filter marks another number of identifiers than the graph has.
pub fn cohesion(graph: &BipartiteGraph, filter: &IdentifierFilter<'_>) -> Cohesion {
    let rows = OpenRows::new(graph, filter);
    let mut search = Search::new(rows, graph.sighting_count());
    for vertex in 0..graph.vertex_count() as u32 {
        if search.number_of[vertex as usize] == UNSEEN {
            search.explore(vertex);
        }
    }
    search.into_cohesion()
}

const UNSEEN: u32 = u32::MAX;

/// A vertex on the path from the root to where the search stands.
struct Frame {
    vertex: u32,
    /// The sighting by which it was found; `NONE_U32` for the root.
    found_by: u32,
    /// The next entry of its row to look at.
    next: u32,
}

struct Search<'a> {
    rows: OpenRows<'a>,
    discovered: u32,
    number_of: Vec<u32>,
    low: Vec<u32>,
    separates: Vec<bool>,
    bridges: Vec<u32>,
    /// The least vertex of each vertex's two-edge component, once closed.
    two_edge: Vec<u32>,
    open_vertices: Vec<u32>,
    /// The first sighting of each sighting's block, once closed.
    block_of: Vec<u32>,
    open_sightings: Vec<u32>,
}

impl<'a> Search<'a> {
    fn new(rows: OpenRows<'a>, sighting_count: usize) -> Self {
        let vertex_count = rows.vertex_count();
        Search {
            rows,
            discovered: 0,
            number_of: vec![UNSEEN; vertex_count],
            low: vec![0; vertex_count],
            separates: vec![false; vertex_count],
            bridges: Vec::new(),
            two_edge: vec![0; vertex_count],
            open_vertices: Vec::new(),
            block_of: vec![NONE_U32; sighting_count],
            open_sightings: Vec::new(),
        }
    }

    fn explore(&mut self, root: u32) {
        let mut path = vec![self.discover(root, NONE_U32)];
        let mut children_of_root = 0;
        while let Some(frame) = path.last_mut() {
            let vertex = frame.vertex;
            if frame.next < self.rows.row_length(vertex) {
                let entry = self.rows.entry(vertex, frame.next);
                frame.next += 1;
                let Some((neighbor, sighting)) = entry.filter(|&(_, sighting)| sighting != frame.found_by) else { continue };
                let number = self.number_of[neighbor as usize];
                if number == UNSEEN {
                    self.open_sightings.push(sighting);
                    path.push(self.discover(neighbor, sighting));
                } else if number < self.number_of[vertex as usize] {
                    self.open_sightings.push(sighting);
                    self.low[vertex as usize] = self.low[vertex as usize].min(number);
                }
                continue;
            }
            let found_by = frame.found_by;
            path.pop();
            if self.low[vertex as usize] == self.number_of[vertex as usize] {
                self.close_two_edge_component(vertex);
            }
            if let Some(parent) = path.last() {
                let is_root = path.len() == 1;
                children_of_root += u32::from(is_root);
                self.leave(parent.vertex, vertex, found_by, is_root && children_of_root == 1);
            }
        }
    }

    fn discover(&mut self, vertex: u32, found_by: u32) -> Frame {
        self.number_of[vertex as usize] = self.discovered;
        self.low[vertex as usize] = self.discovered;
        self.discovered += 1;
        self.open_vertices.push(vertex);
        Frame { vertex, found_by, next: 0 }
    }

    /// Goes back from a child to its parent. A root separates its subtrees only from the second one on.
    fn leave(&mut self, parent: u32, child: u32, found_by: u32, is_first_of_root: bool) {
        let (low, number) = (self.low[child as usize], self.number_of[parent as usize]);
        self.low[parent as usize] = self.low[parent as usize].min(low);
        if low > number {
            self.bridges.push(found_by);
        }
        if low >= number {
            self.separates[parent as usize] |= !is_first_of_root;
            self.close_block(found_by);
        }
    }

    /// Takes the vertices from `first` on off the stack: nothing but a bridge leads out of them.
    fn close_two_edge_component(&mut self, first: u32) {
        let start = self.open_vertices.iter().rposition(|&vertex| vertex == first).expect("a vertex on the path is open");
        let members = self.open_vertices.split_off(start);
        let least = members.iter().copied().min().unwrap_or(first);
        members.iter().for_each(|&vertex| self.two_edge[vertex as usize] = least);
    }

    /// Takes the sightings from `first` on off the stack: they are one block.
    fn close_block(&mut self, first: u32) {
        let start = self.open_sightings.iter().rposition(|&sighting| sighting == first).expect("a tree edge is open");
        let members = self.open_sightings.split_off(start);
        let least = members.iter().copied().min().unwrap_or(first);
        members.iter().for_each(|&sighting| self.block_of[sighting as usize] = least);
    }

    fn into_cohesion(mut self) -> Cohesion {
        self.bridges.sort_unstable();
        let marked = |marks: &[bool]| (0..marks.len() as u32).filter(|&at| marks[at as usize]).collect::<Vec<_>>();
        let (accounts, identifiers) = self.separates.split_at(self.rows.account_count());
        let articulation_accounts = marked(accounts).into_iter().map(AccountId).collect();
        let articulation_identifiers = marked(identifiers).into_iter().map(IdentifierId).collect();
        let (block_of, block_sizes) = number_blocks(self.block_of);
        Cohesion {
            bridges: self.bridges,
            articulation_accounts,
            articulation_identifiers,
            two_edge_components: Partition::from_smallest_members(self.two_edge),
            block_of,
            block_sizes,
        }
    }
}

/// Numbers blocks by size, then first sighting, and leaves `NONE_U32` as it is.
fn number_blocks(mut first_of: Vec<u32>) -> (Vec<u32>, Vec<u32>) {
    let mut size_of = vec![0u32; first_of.len()];
    first_of.iter().filter(|&&first| first != NONE_U32).for_each(|&first| size_of[first as usize] += 1);
    let mut order: Vec<u32> = (0..first_of.len() as u32).filter(|&first| size_of[first as usize] > 0).collect();
    order.sort_by_key(|&first| std::cmp::Reverse(size_of[first as usize]));
    let sizes = order.iter().map(|&first| size_of[first as usize]).collect();
    let mut number_of = size_of;
    order.iter().enumerate().for_each(|(number, &first)| number_of[first as usize] = number as u32);
    for block in first_of.iter_mut().filter(|block| **block != NONE_U32) {
        *block = number_of[*block as usize];
    }
    (first_of, sizes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{any_bipartite, bipartite};
    use crate::{Keep, bipartite_components};

    #[test]
    fn two_squares_and_a_tail_by_hand() {
        // Accounts 0, 1 share identifiers 0, 1; accounts 2, 3 share 2, 3; identifier 4 joins accounts 1 and 2; account 4 has
        // only 3.
        let pairs = [(0, 0), (0, 1), (1, 0), (1, 1), (1, 4), (2, 2), (2, 3), (2, 4), (3, 2), (3, 3), (4, 3)];
        let found = cohesion(&bipartite(5, 5, &pairs), &IdentifierFilter::default());
        assert_eq!(found.bridges, [4, 7, 10]);
        assert_eq!(found.articulation_accounts, [AccountId(1), AccountId(2)]);
        assert_eq!(found.articulation_identifiers, [IdentifierId(3), IdentifierId(4)]);
        assert_eq!(found.two_edge_components.labels(), [0, 0, 1, 1, 2, 0, 0, 1, 1, 3]);
        assert_eq!(found.block_of, [0, 0, 0, 0, 2, 1, 1, 3, 1, 1, 4]);
        assert_eq!(found.block_sizes, [4, 4, 1, 1, 1]);
    }

    #[test]
    fn a_closed_identifier_holds_nothing_together() {
        let graph = bipartite(2, 2, &[(0, 0), (1, 0), (1, 1)]);
        let filter = IdentifierFilter { keep: Keep::Marked(&[false, true]), ..Default::default() };
        let found = cohesion(&graph, &filter);
        assert_eq!((found.bridges, found.block_of), (vec![2], vec![NONE_U32, NONE_U32, 0]));
        assert!(found.articulation_identifiers.is_empty() && found.articulation_accounts.is_empty());
    }

    #[test]
    fn a_path_of_a_million_vertices_needs_no_recursion() {
        let count = 500_000u32;
        let pairs: Vec<_> = (0..count).flat_map(|at| [(at, at), (at, (at + 1).min(count - 1))]).collect();
        let found = cohesion(&bipartite(count as usize, count as usize, &pairs), &IdentifierFilter::default());
        assert_eq!(found.bridges.len(), 2 * count as usize - 1);
        assert_eq!(found.articulation_identifiers.len(), count as usize - 1);
        assert_eq!(found.two_edge_components.group_count(), 2 * count as usize);
    }

    /// Components left when one sighting and one vertex (either may be none) are taken away, the vertex itself not counted.
    fn components_without(graph: &BipartiteGraph, sighting: u32, vertex: u32) -> Partition {
        let accounts = graph.account_count() as u32;
        let mut pairs = Vec::new();
        for account in 0..accounts {
            for position in graph.sighting_range(AccountId(account)) {
                let identifier = graph.columns().identifiers[position];
                if position as u32 != sighting && account != vertex && accounts + identifier != vertex {
                    pairs.push((account, identifier));
                }
            }
        }
        let without = bipartite(accounts as usize, graph.identifier_count(), &pairs);
        bipartite_components(&without, &IdentifierFilter::default())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn as_taking_everything_away_once(graph in any_bipartite()) {
            let found = cohesion(&graph, &IdentifierFilter::default());
            let accounts = graph.account_count() as u32;
            let whole = components_without(&graph, NONE_U32, NONE_U32).group_count();
            let bridges: Vec<u32> = (0..graph.sighting_count() as u32)
                .filter(|&sighting| components_without(&graph, sighting, NONE_U32).group_count() > whole)
                .collect();
            // A vertex taken away is left alone: the others are in one component more than before if it only hung on.
            let separating: Vec<u32> = (0..graph.vertex_count() as u32)
                .filter(|&vertex| components_without(&graph, NONE_U32, vertex).group_count() > whole + 1)
                .collect();
            let articulation: Vec<u32> = found.articulation_accounts.iter().map(|account| account.0)
                .chain(found.articulation_identifiers.iter().map(|identifier| accounts + identifier.0))
                .collect();
            prop_assert_eq!(articulation, separating);

            let pairs: Vec<(u32, u32)> = (0..graph.sighting_count())
                .map(|position| (graph.sighting(position).account.0, graph.sighting(position).identifier.0))
                .collect();
            let strong: Vec<_> = (0..pairs.len() as u32).filter(|at| !bridges.contains(at)).map(|at| pairs[at as usize]).collect();
            let rest = bipartite(accounts as usize, graph.identifier_count(), &strong);
            let two_edge = bipartite_components(&rest, &IdentifierFilter::default());
            prop_assert_eq!(&found.two_edge_components, &two_edge);
            prop_assert_eq!(&found.bridges, &bridges);

            // Two sightings that meet in a vertex are in one block just if some path joins their other ends without it.
            for one in 0..pairs.len() {
                for other in 0..one {
                    let (meet, ends) = if pairs[one].0 == pairs[other].0 {
                        (pairs[one].0, [accounts + pairs[one].1, accounts + pairs[other].1])
                    } else if pairs[one].1 == pairs[other].1 {
                        (accounts + pairs[one].1, [pairs[one].0, pairs[other].0])
                    } else {
                        continue;
                    };
                    let without = components_without(&graph, NONE_U32, meet);
                    let joined = without.label_of(ends[0]) == without.label_of(ends[1]);
                    prop_assert_eq!(found.block_of[one] == found.block_of[other], joined);
                }
            }
        }
    }
}
