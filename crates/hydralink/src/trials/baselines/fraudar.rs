//! FRAUDAR: the densest blocks of accounts and identifiers, where widely shared identifiers count for less.
//!
//! g(S) = f(S) / |S|, f(S) = sum over sightings inside S of 1 / ln(d + 5), d the identifier's degree; S holds accounts and
//! identifiers.
//! 1. *peel*: take away the vertex whose sightings inside S weigh least, by a priority tree, until nothing is left;
//! 2. *choose* the S with the largest g on the way: at least half of the optimum, whatever camouflage accounts add;
//!    The largest weight that a taken vertex had is the *bound*: no S is denser, for the first vertex of a denser one to be
//!    taken would have weighed more inside it;
//! 3. *iterate*: take the block's sightings out, degrees anew, and peel again.
//!
//! Cost O(sightings log vertices) a block. Ties go to the lower vertex.
//! Reference: Hooi et al., KDD 2016, doi:10.1145/2939672.2939747.

use graph::{AccountId, BipartiteGraph, IdentifierId, NONE_U32};

use super::Groups;

/// The constant of the column weights 1 / ln(d + c), from the paper.
pub const COLUMN_CONSTANT: f64 = 5.0;

/// One dense block.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Block {
    /// Its accounts, ascending.
    pub accounts: Vec<u32>,
    /// Its identifiers, ascending.
    pub identifiers: Vec<u32>,
    /// g of the block.
    pub density: f64,
    /// What g of no block of the same sightings exceeds; at most twice the density.
    pub bound: f64,
}

/// The first `count` blocks as groups; an account is in the first block that holds it.
pub fn groups(graph: &BipartiteGraph, count: usize) -> Groups {
    let mut group_of = vec![NONE_U32; graph.account_count()];
    for (at, block) in blocks(graph, count).iter().enumerate() {
        for &account in &block.accounts {
            let group = &mut group_of[account as usize];
            if *group == NONE_U32 {
                *group = at as u32;
            }
        }
    }
    Groups::of_labels(&group_of, 2)
}

/// The first `count` blocks, each of what the ones before have left; fewer if nothing is left.
pub fn blocks(graph: &BipartiteGraph, count: usize) -> Vec<Block> {
    let mut alive = vec![true; graph.sighting_count()];
    let mut blocks = Vec::new();
    while blocks.len() < count {
        let Some(block) = densest_block(graph, &alive) else { break };
        for &account in &block.accounts {
            for position in graph.sighting_range(AccountId(account)) {
                if block.identifiers.binary_search(&graph.columns().identifiers[position]).is_ok() {
                    alive[position] = false;
                }
            }
        }
        blocks.push(block);
    }
    blocks
}

/// The block with the largest g that peeling meets; `None` if no sighting is alive.
fn densest_block(graph: &BipartiteGraph, alive: &[bool]) -> Option<Block> {
    let accounts = graph.account_count();
    let identifiers = graph.columns().identifiers.as_slice();
    let live_degree = |identifier: u32| {
        let sightings = graph.sightings_of_identifier(IdentifierId(identifier));
        sightings.iter().filter(|&&position| alive[position as usize]).count()
    };
    let weights: Vec<f64> = (0..graph.identifier_count() as u32)
        .map(|identifier| 1.0 / (live_degree(identifier) as f64 + COLUMN_CONSTANT).ln())
        .collect();
    // The weight of each vertex's live sightings; a vertex without any is not in S to begin with.
    let mut priorities = vec![f64::INFINITY; graph.vertex_count()];
    let mut mass = 0.0;
    for account in 0..accounts {
        for position in graph.sighting_range(AccountId(account as u32)).filter(|&position| alive[position]) {
            let identifier = identifiers[position] as usize;
            for vertex in [account, accounts + identifier] {
                let priority = &mut priorities[vertex];
                *priority = if priority.is_finite() { *priority + weights[identifier] } else { weights[identifier] };
            }
            mass += weights[identifier];
        }
    }
    let mut left = priorities.iter().filter(|priority| priority.is_finite()).count();
    if left == 0 {
        return None;
    }
    let mut tree = PriorityTree::new(priorities);
    let mut order = Vec::with_capacity(left);
    let (mut best, mut best_at, mut bound) = (mass / left as f64, 0, 0.0f64);
    while left > 1 {
        let (vertex, priority) = tree.least();
        tree.set(vertex, f64::INFINITY);
        order.push(vertex);
        bound = bound.max(priority);
        mass -= priority;
        left -= 1;
        let mut lighten = |other: usize, weight: f64| {
            let now = tree.priority(other);
            if now.is_finite() {
                tree.set(other, now - weight);
            }
        };
        if vertex < accounts {
            for position in graph.sighting_range(AccountId(vertex as u32)).filter(|&position| alive[position]) {
                let identifier = identifiers[position] as usize;
                lighten(accounts + identifier, weights[identifier]);
            }
        } else {
            let identifier = IdentifierId((vertex - accounts) as u32);
            for (&account, &position) in graph.accounts_of(identifier).iter().zip(graph.sightings_of_identifier(identifier)) {
                if alive[position as usize] {
                    lighten(account as usize, weights[identifier.index()]);
                }
            }
        }
        let density = mass / left as f64;
        if density > best {
            (best, best_at) = (density, order.len());
        }
    }
    order.push(tree.least().0);
    let mut kept = order.split_off(best_at);
    kept.sort_unstable();
    let split = kept.partition_point(|&vertex| vertex < accounts);
    Some(Block {
        accounts: kept[..split].iter().map(|&vertex| vertex as u32).collect(),
        identifiers: kept[split..].iter().map(|&vertex| (vertex - accounts) as u32).collect(),
        density: best,
        // Sums are rounded.
        bound: bound.max(best),
    })
}

/// A complete binary tree over vertices whose inner nodes hold the least priority below them: least in O(1) plus the way down,
/// change in O(log n).
#[derive(Clone, Debug)]
struct PriorityTree {
    leaves: usize,
    nodes: Vec<f64>,
}

impl PriorityTree {
    fn new(priorities: Vec<f64>) -> Self {
        let leaves = priorities.len().next_power_of_two();
        let mut nodes = vec![f64::INFINITY; 2 * leaves];
        nodes[leaves..leaves + priorities.len()].copy_from_slice(&priorities);
        for at in (1..leaves).rev() {
            nodes[at] = nodes[2 * at].min(nodes[2 * at + 1]);
        }
        PriorityTree { leaves, nodes }
    }

    /// The vertex of least priority, the lowest of equals, and its priority.
    fn least(&self) -> (usize, f64) {
        let mut at = 1;
        while at < self.leaves {
            at = if self.nodes[2 * at] <= self.nodes[2 * at + 1] { 2 * at } else { 2 * at + 1 };
        }
        (at - self.leaves, self.nodes[at])
    }

    fn priority(&self, vertex: usize) -> f64 {
        self.nodes[self.leaves + vertex]
    }

    fn set(&mut self, vertex: usize, priority: f64) {
        let mut at = self.leaves + vertex;
        self.nodes[at] = priority;
        while at > 1 {
            at /= 2;
            self.nodes[at] = self.nodes[2 * at].min(self.nodes[2 * at + 1]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::testing::graph_of;

    #[test]
    fn a_dense_block_is_found_through_camouflage() {
        // Accounts 0-3 each use identifiers 0-3 (16 sightings); identifier 4 is used by everyone, 0-3 included; 4-9 have one of
        // their own.
        let mut edges: Vec<(u32, u32)> =
            (0..4).flat_map(|account| (0..4).map(move |identifier| (account, identifier))).collect();
        edges.extend((0..10).map(|account| (account, 4)));
        edges.extend((4..10).map(|account| (account, account + 1)));
        let graph = graph_of(10, 11, &edges);
        let found = blocks(&graph, 2);
        assert_eq!((found[0].accounts.clone(), found[0].identifiers.clone()), (vec![0, 1, 2, 3], vec![0, 1, 2, 3, 4]));
        // 16 sightings at 1 / ln 9 and four at 1 / ln 15, over nine vertices.
        let density = (16.0 / 9f64.ln() + 4.0 / 15f64.ln()) / 9.0;
        assert!((found[0].density - density).abs() < 1e-12);
        assert!(found[1].accounts.iter().all(|&account| account >= 4), "{found:?}");
        assert_eq!(groups(&graph, 1).group_of[..5], [0, 0, 0, 0, NONE_U32]);
        assert!(blocks(&graph_of(3, 2, &[]), 4).is_empty());
    }

    /// g of a set of vertices.
    fn density(edges: &BTreeSet<(u32, u32)>, inside: u32) -> f64 {
        let degree = |identifier: u32| edges.iter().filter(|edge| edge.1 == identifier).count() as f64;
        let held = |vertex: u32| inside >> vertex & 1 == 1;
        let mass: f64 = edges
            .iter()
            .filter(|&&(account, identifier)| held(account) && held(5 + identifier))
            .map(|&(_, identifier)| 1.0 / (degree(identifier) + COLUMN_CONSTANT).ln())
            .sum();
        mass / f64::from(inside.count_ones())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// The guarantee of the paper, against all subsets, and the density said is the density of what is returned.
        #[test]
        fn at_least_half_of_the_optimum(raw in prop::collection::vec((0u32..5, 0u32..5), 1..20)) {
            let edges: BTreeSet<(u32, u32)> = raw.into_iter().collect();
            let graph = graph_of(5, 5, &edges.iter().copied().collect::<Vec<_>>());
            let block = blocks(&graph, 1).remove(0);
            let inside = block.accounts.iter().map(|&at| 1 << at).chain(block.identifiers.iter().map(|&at| 1 << (5 + at))).sum();
            prop_assert!((density(&edges, inside) - block.density).abs() < 1e-9);
            let optimum = (1u32..1 << 10).map(|inside| density(&edges, inside)).fold(0.0, f64::max);
            prop_assert!(block.density >= optimum / 2.0 - 1e-12, "{} {optimum}", block.density);
        }

        #[test]
        fn the_tree_is_a_minimum(values in prop::collection::vec(0u8..20, 1..30), changes in prop::collection::vec((0usize..30, 0u8..20), 0..40)) {
            let mut plain: Vec<f64> = values.iter().map(|&value| f64::from(value)).collect();
            let mut tree = PriorityTree::new(plain.clone());
            for (at, value) in changes {
                let at = at % plain.len();
                plain[at] = f64::from(value);
                tree.set(at, plain[at]);
                let least = plain.iter().copied().fold(f64::INFINITY, f64::min);
                let first = plain.iter().position(|&value| value == least).unwrap();
                prop_assert_eq!(tree.least(), (first, least));
            }
        }
    }
}
