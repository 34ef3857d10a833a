//! The cheapest chains between two vertices, where passing through an identifier has a price.
//!
//! The `k` cheapest chains without loops, by Yen's algorithm: 1. the cheapest; 2. for each vertex of the chain found last, from
//! where it left the chain that it is a detour of (those before had their turn then: Lawler's improvement), the cheapest detour
//! that keeps the way up to there and leaves it by another edge than every chain found before; 3. the cheapest detour is the
//! next chain. Two searches from both ends come first; what the goal's knows tells A* the way, for without it
//! each of Yen's searches between two strangers floods the graph, and no detour is followed once it must cost more than those
//! that suffice. (petgraph's A* can't be told to give up, and keeps its costs in hash tables: between some strangers in world l
//! it took a minute.) Cost: one guided search for each vertex of each chain found, and memory for two costs and a vertex, a
//! vertex, where a search goes.
//!
//! Reference: Yen (1971), Finding the k shortest loopless paths in a network, doi:10.1287/mnsc.17.11.712;
//! Lawler (1972), A procedure for computing the K best solutions to discrete optimization problems, doi:10.1287/mnsc.18.7.401.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use ahash::AHashSet;
use graph::{AccountId, BipartiteGraph, IdentifierId, Vertex, VertexId};

/// What an edge of an identifier costs; infinite if it is no way.
pub(super) type Costing<'a> = dyn Fn(IdentifierId) -> f32 + 'a;

/// Yen's algorithm.
pub(super) fn cheapest(
    graph: &BipartiteGraph,
    costs: &Costing<'_>,
    ends: [VertexId; 2],
    k: usize,
) -> Vec<(f32, Vec<VertexId>)> {
    let walk = Walk { graph, costs };
    let Some(ahead) = Ahead::of(&walk, ends, k) else { return Vec::new() };
    let mut search = Search::new(&walk, &ahead, ends[1]);
    // Costs are positive, so their bits order as they do.
    let keyed = |cost: f32, chain: Vec<VertexId>| (cost.to_bits(), chain);
    let mut found: Vec<(f32, Vec<VertexId>)> = Vec::new();
    // With the place at which each left the chain that it is a detour of.
    let mut candidates: BTreeMap<(u32, Vec<VertexId>), usize> = BTreeMap::new();
    let all_open = Closed { root: &[], spur: ends[0], left_by: BTreeSet::new() };
    candidates.extend(search.run(&all_open, f32::INFINITY).map(|(cost, chain)| (keyed(cost, chain), 0)));
    while let Some(((cost, chain), left_at)) = candidates.pop_first() {
        found.push((f32::from_bits(cost), chain.clone()));
        if found.len() >= k {
            break;
        }
        for at in left_at..chain.len() - 1 {
            let same_root = |other: &&Vec<VertexId>| other.len() > at + 1 && other[..=at] == chain[..=at];
            let left_by = found.iter().map(|(_, known)| known).filter(same_root).map(|other| other[at + 1]).collect();
            let closed = Closed { root: &chain[..at], spur: chain[at], left_by };
            let root_cost: f32 = chain[..=at].windows(2).map(|pair| walk.edge_cost(pair[0], pair[1])).sum();
            // With the detours at hand k paths are known already: one that costs more than the last of them can't be among the k.
            let dearest = candidates.keys().nth(k - found.len() - 1).map_or(f32::INFINITY, |(cost, _)| f32::from_bits(*cost));
            if let Some((detour, rest)) = search.run(&closed, dearest - root_cost) {
                candidates.insert(keyed(root_cost + detour, [closed.root, &rest].concat()), at);
            }
        }
    }
    found
}

/// A number for each vertex that a search reached, 0 for all others. A search reaches vertices all over the graph but few of
/// them: they lie in blocks that are made when one of their vertices is reached.
struct Sparse {
    /// By block of vertices, its place among `cells`; 0 is a block of zeros.
    blocks: Vec<u32>,
    cells: Vec<[u32; BLOCK]>,
}

/// Vertices of a block: a cache line.
const BLOCK: usize = 16;

impl Sparse {
    fn new(vertices: usize) -> Self {
        Sparse { blocks: vec![0; vertices.div_ceil(BLOCK)], cells: vec![[0; BLOCK]] }
    }

    fn of(&self, vertex: VertexId) -> u32 {
        let at = vertex.0 as usize;
        self.cells[self.blocks[at / BLOCK] as usize][at % BLOCK]
    }

    fn set(&mut self, vertex: VertexId, value: u32) {
        let at = vertex.0 as usize;
        let block = &mut self.blocks[at / BLOCK];
        if *block == 0 {
            *block = self.cells.len() as u32;
            self.cells.push([0; BLOCK]);
        }
        self.cells[*block as usize][at % BLOCK] = value;
    }
}

/// The least cost known of each vertex.
struct Costs(Sparse);

impl Costs {
    fn new(vertices: usize) -> Self {
        Costs(Sparse::new(vertices))
    }

    /// Infinite where none is known.
    fn of(&self, vertex: VertexId) -> f32 {
        self.0.of(vertex).checked_sub(1).map_or(f32::INFINITY, f32::from_bits)
    }

    fn set(&mut self, vertex: VertexId, cost: f32) {
        self.0.set(vertex, cost.to_bits() + 1);
    }

    fn forget(&mut self, vertex: VertexId) {
        self.0.set(vertex, 0);
    }
}

/// The graph as searches walk it.
struct Walk<'a> {
    graph: &'a BipartiteGraph,
    costs: &'a Costing<'a>,
}

impl Walk<'_> {
    /// Visits the neighbours of a vertex with what it costs to go there, and tells how many there are.
    fn from(&self, vertex: VertexId, mut visit: impl FnMut(VertexId, f32)) -> usize {
        match self.graph.vertex(vertex) {
            Vertex::Account(account) => {
                let row = self.graph.identifiers_of(account);
                for &identifier in row {
                    let cost = (self.costs)(IdentifierId(identifier));
                    if cost.is_finite() {
                        visit(self.graph.vertex_of_identifier(IdentifierId(identifier)), cost);
                    }
                }
                row.len()
            }
            Vertex::Identifier(identifier) => {
                let (row, cost) = (self.graph.accounts_of(identifier), (self.costs)(identifier));
                for &account in row {
                    visit(self.graph.vertex_of_account(AccountId(account)), cost);
                }
                row.len()
            }
        }
    }

    /// What it costs to go on from a vertex at least: accounts lead on at once, an identifier to its accounts.
    fn onward(&self, vertex: VertexId) -> f32 {
        match self.graph.vertex(vertex) {
            Vertex::Account(_) => 0.0,
            Vertex::Identifier(identifier) => (self.costs)(identifier),
        }
    }

    fn edge_cost(&self, a: VertexId, b: VertexId) -> f32 {
        match (self.graph.vertex(a), self.graph.vertex(b)) {
            (Vertex::Identifier(identifier), _) | (_, Vertex::Identifier(identifier)) => (self.costs)(identifier),
            _ => 0.0,
        }
    }
}

/// What one of Yen's searches may not use: the vertices before its start, and the edges by which chains found before left that.
struct Closed<'a> {
    root: &'a [VertexId],
    spur: VertexId,
    left_by: BTreeSet<VertexId>,
}

impl Closed<'_> {
    fn open(&self, from: VertexId, to: VertexId) -> bool {
        let shut = (from == self.spur && self.left_by.contains(&to)) || (to == self.spur && self.left_by.contains(&from));
        !shut && !self.root.contains(&to)
    }
}

/// Edges that are looked at to see whether the goal lies in a blind alley.
const ALLEY: usize = 20_000;

/// A* towards one goal, many times over. Its arrays are as long as the graph has vertices and are cleaned where they were used.
struct Search<'a> {
    walk: &'a Walk<'a>,
    ahead: &'a Ahead,
    goal: VertexId,
    costs: Costs,
    /// Of a vertex that was reached, the one it was reached from.
    before: Sparse,
    reached: Vec<VertexId>,
    /// (bits of the bound of a whole chain, vertex, bits of the cost up to it).
    open: BinaryHeap<Reverse<(u32, u32, u32)>>,
}

impl<'a> Search<'a> {
    fn new(walk: &'a Walk<'a>, ahead: &'a Ahead, goal: VertexId) -> Self {
        let (costs, before) = (Costs::new(walk.graph.vertex_count()), Sparse::new(walk.graph.vertex_count()));
        Search { walk, ahead, goal, costs, before, reached: Vec::new(), open: BinaryHeap::new() }
    }

    /// The cheapest way from the spur to the goal, if one costs no more than `dearest`.
    fn run(&mut self, closed: &Closed<'_>, dearest: f32) -> Option<(f32, Vec<VertexId>)> {
        if self.in_blind_alley(closed) {
            return None;
        }
        self.reached.drain(..).for_each(|vertex| self.costs.forget(vertex));
        self.open.clear();
        self.reach(closed.spur, closed.spur, 0.0, dearest);
        while let Some(Reverse((_, vertex, bits))) = self.open.pop() {
            let (vertex, cost) = (VertexId(vertex), f32::from_bits(bits));
            if vertex == self.goal {
                return Some((cost, self.way_to_goal(closed.spur)));
            }
            if cost <= self.costs.of(vertex) {
                self.walk.from(vertex, |next, edge| {
                    if closed.open(vertex, next) {
                        self.reach(next, vertex, cost + edge, dearest);
                    }
                });
            }
        }
        None
    }

    fn reach(&mut self, vertex: VertexId, from: VertexId, cost: f32, dearest: f32) {
        let known = self.costs.of(vertex);
        let bound = cost + self.ahead.bound(self.walk, vertex);
        if cost < known && bound <= dearest {
            if known.is_infinite() {
                self.reached.push(vertex);
            }
            self.costs.set(vertex, cost);
            self.before.set(vertex, from.0);
            self.open.push(Reverse((bound.to_bits(), vertex.0, cost.to_bits())));
        }
    }

    fn way_to_goal(&self, spur: VertexId) -> Vec<VertexId> {
        let mut way = vec![self.goal];
        while way[way.len() - 1] != spur {
            way.push(VertexId(self.before.of(way[way.len() - 1])));
        }
        way.reverse();
        way
    }

    /// Whether all that can be reached from the goal is soon seen and the spur isn't among it. The search forwards would flood
    /// the graph to learn that.
    fn in_blind_alley(&self, closed: &Closed<'_>) -> bool {
        let (mut seen, mut open) = (AHashSet::from([self.goal]), vec![self.goal]);
        let (mut looked_at, mut met) = (0, self.goal == closed.spur);
        while let Some(vertex) = open.pop().filter(|_| !met) {
            looked_at += match self.walk.graph.vertex(vertex) {
                Vertex::Account(account) => self.walk.graph.account_degree(account),
                Vertex::Identifier(identifier) => self.walk.graph.identifier_degree(identifier),
            };
            if looked_at > ALLEY {
                return false;
            }
            self.walk.from(vertex, |next, _| {
                if closed.open(vertex, next) {
                    met |= next == closed.spur;
                    if seen.insert(next) {
                        open.push(next);
                    }
                }
            });
        }
        !met
    }
}

/// What is known of the cost from a vertex to the goal, so that no search walks away from it.
///
/// Two searches by Dijkstra, one from each end, take turns, the cheaper frontier first, until their frontiers together cost as
/// much as the best chain they met on. An identifier's accounts are read when the search would settle them, not when it gets to
/// the identifier: of the identifiers around the last accounts, which are most and lie anywhere in the store, none is. Two
/// searches meet all the same where both got to one identifier. Of the goal's search remain the exact costs inside its radius;
/// outside, the radius is a lower bound for accounts, and for identifiers the radius and what leads from there to an account.
/// The smaller of the two never overestimates and falls by no more than an edge costs, so A* with it finds what Dijkstra finds. It is the same for all of Yen's searches: closing vertices and edges only makes chains dearer. Ikeda et al.
/// 1994, doi:10.1109/VNIS.1994.396824.
struct Ahead {
    costs: Costs,
    radius: f32,
}

/// Keeps a bound a bound where sums of costs are rounded.
const ROUNDING: f32 = 1.0 - 1e-5;

/// Edges that the goal's search may look at in any case: more costs a store that isn't in memory more than it saves.
const LOOK_AHEAD: usize = 20_000;

impl Ahead {
    /// `None` if no chain joins the ends.
    fn of(walk: &Walk<'_>, ends: [VertexId; 2], k: usize) -> Option<Self> {
        let mut sides = ends.map(|end| Frontier::new(walk, end));
        let mut met = f32::INFINITY;
        while let [Some(one), Some(other)] = [sides[0].next_cost(walk), sides[1].next_cost(walk)] {
            if one + other >= met {
                break;
            }
            let [start, goal] = &mut sides;
            let (near, far) = if one < other { (start, goal) } else { (goal, start) };
            near.settle(walk, |vertex, cost| met = met.min(cost + far.costs.of(vertex)));
        }
        // The goal's search goes on for a little: each of Yen's searches walks where it hasn't been. A single search walks where
        // the two have been.
        let allowed = if k > 1 { LOOK_AHEAD } else { 0 };
        while sides[1].relaxed < allowed && sides[1].next_cost(walk).is_some_and(|radius| radius < met) && met.is_finite() {
            sides[1].settle(walk, |_, _| ());
        }
        // Without a meeting one side's component is settled whole, and doesn't hold the other end.
        let radius = sides[1].next_cost(walk).unwrap_or(f32::INFINITY);
        let [_, Frontier { costs, .. }] = sides;
        met.is_finite().then_some(Ahead { costs, radius })
    }

    /// A lower bound of the cost from a vertex to the goal.
    fn bound(&self, walk: &Walk<'_>, vertex: VertexId) -> f32 {
        self.costs.of(vertex).min(self.radius + walk.onward(vertex)) * ROUNDING
    }
}

/// One of the two searches: the least cost known of each vertex, and those still to settle.
struct Frontier {
    costs: Costs,
    /// (bits of the least cost of an account that a vertex leads to, vertex): costs are positive, so their bits order as they do.
    open: BinaryHeap<Reverse<(u32, u32)>>,
    /// Edges looked at.
    relaxed: usize,
}

impl Frontier {
    fn new(walk: &Walk<'_>, end: VertexId) -> Self {
        let mut costs = Costs::new(walk.graph.vertex_count());
        costs.set(end, 0.0);
        Frontier { costs, open: BinaryHeap::from([Reverse((walk.onward(end).to_bits(), end.0))]), relaxed: 0 }
    }

    /// Cost of the account, or of the accounts behind an identifier, that is settled next, once entries that a cheaper way
    /// outdated are gone.
    fn next_cost(&mut self, walk: &Walk<'_>) -> Option<f32> {
        while let Some(&Reverse((bits, vertex))) = self.open.peek() {
            let (cost, vertex) = (f32::from_bits(bits), VertexId(vertex));
            if cost <= self.costs.of(vertex) + walk.onward(vertex) {
                return Some(cost);
            }
            self.open.pop();
        }
        None
    }

    /// Settles what [`Frontier::next_cost`] tells the cost of, and tells `reached` of every vertex that it leads to cheaper than
    /// was known.
    fn settle(&mut self, walk: &Walk<'_>, mut reached: impl FnMut(VertexId, f32)) {
        let Some(Reverse((_, vertex))) = self.open.pop() else { return };
        let cost = self.costs.of(VertexId(vertex));
        self.relaxed += walk.from(VertexId(vertex), |next, edge| {
            let cost = cost + edge;
            if cost < self.costs.of(next) {
                self.costs.set(next, cost);
                self.open.push(Reverse(((cost + walk.onward(next)).to_bits(), next.0)));
                reached(next, cost);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::graph_of;
    use proptest::prelude::*;

    /// All chains without loops from `chain`'s end to the goal, with their costs, by trying every one.
    fn all(
        graph: &BipartiteGraph,
        costs: &[f32],
        chain: &mut Vec<VertexId>,
        goal: VertexId,
        out: &mut Vec<(f32, Vec<VertexId>)>,
    ) {
        let at = chain[chain.len() - 1];
        if at == goal {
            let identifiers = chain.iter().filter_map(|&vertex| match graph.vertex(vertex) {
                Vertex::Identifier(identifier) => Some(2.0 * costs[identifier.index()]),
                Vertex::Account(_) => None,
            });
            out.push((identifiers.sum(), chain.clone()));
            return;
        }
        let next: Vec<VertexId> = match graph.vertex(at) {
            Vertex::Account(account) => {
                graph.identifiers_of(account).iter().map(|&id| graph.vertex_of_identifier(IdentifierId(id))).collect()
            }
            Vertex::Identifier(identifier) => {
                graph.accounts_of(identifier).iter().map(|&account| graph.vertex_of_account(AccountId(account))).collect()
            }
        };
        for vertex in next {
            if !chain.contains(&vertex) {
                chain.push(vertex);
                all(graph, costs, chain, goal, out);
                chain.pop();
            }
        }
    }

    #[test]
    fn the_rare_card_comes_before_the_hub() {
        // Accounts 0 and 1 share hub 0 (cost 4) and, through account 2, identifiers 1 and 2 (cost 1 each).
        let graph = graph_of(3, 3, &[(0, 0), (1, 0), (0, 1), (2, 1), (2, 2), (1, 2)]);
        let costs = |identifier: IdentifierId| [2.0, 0.5, 0.5][identifier.index()];
        let found = cheapest(&graph, &costs, [VertexId(0), VertexId(1)], 5);
        let costs: Vec<f32> = found.iter().map(|&(cost, _)| cost).collect();
        assert_eq!(costs, [2.0, 4.0]);
        assert_eq!(found[1].1, [VertexId(0), VertexId(3), VertexId(1)]);
    }

    proptest! {
        #[test]
        fn yen_finds_the_cheapest_of_all_chains(pairs in proptest::collection::vec((0u32..5, 0u32..5), 1..14), k in 1usize..8) {
            let graph = graph_of(5, 5, &pairs);
            let costs: Vec<f32> = (0..5u8).map(|identifier| 1.0 + f32::from(identifier) / 4.0).collect();
            let costing = |identifier: IdentifierId| costs[identifier.index()];
            let found = cheapest(&graph, &costing, [VertexId(0), VertexId(1)], k);
            let mut expected = Vec::new();
            all(&graph, &costs, &mut vec![VertexId(0)], VertexId(1), &mut expected);
            let mut costs_of_all: Vec<f32> = expected.iter().map(|&(cost, _)| cost).collect();
            costs_of_all.sort_by(f32::total_cmp);
            costs_of_all.truncate(k);
            prop_assert_eq!(found.iter().map(|&(cost, _)| cost).collect::<Vec<_>>(), costs_of_all);
            let distinct: BTreeSet<&Vec<VertexId>> = found.iter().map(|(_, chain)| chain).collect();
            prop_assert_eq!(distinct.len(), found.len());
            prop_assert!(found.iter().all(|found| expected.contains(found)));
        }
    }
}
