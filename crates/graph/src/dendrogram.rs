//! At which strength does each group of accounts come together?
//!
//! Lowering a threshold from the strongest tie to the weakest merges components two by two; the record of these merges is a
//! [`Dendrogram`] (single linkage), which holds the components of every threshold at once: [`Dendrogram::cut`] gives them in
//! linear time. [`edge_dendrogram`] sweeps the weights of a [`WeightedGraph`]; [`identifier_dendrogram`] a weight for each
//! identifier, which joins all of its accounts at that weight.
//!
//! Steps: 1. sort ties by weight, strongest first, ties of equal weight by id; 2. link their ends; 3. record each link that
//! joined two components. Which vertices a cut joins doesn't depend on the order within equal weights. Cost: O(edges log
//! edges), and O(sightings + identifiers log identifiers) for identifiers; ties without a number for a weight (NaN) never link.
//!
//! Reference: Gower, Ross (1969), Minimum spanning trees and single linkage cluster analysis, Applied Statistics 18:54,
//! doi:10.2307/2346439.

use rayon::prelude::*;

use crate::union_find::SizedForest;
use crate::{BipartiteGraph, GraphError, Partition, WeightedGraph};

/// One merge of two components.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Merge {
    /// The weight at which they come together.
    pub weight: f32,
    /// The component with the smaller least vertex: a leaf if below `leaf_count`, else merge number `left - leaf_count`.
    pub left: u32,
    /// The other component.
    pub right: u32,
    /// Vertices of both.
    pub size: u32,
}

/// All merges, strongest first: the components of every threshold.
#[derive(Clone, Debug, PartialEq)]
pub struct Dendrogram {
    /// Vertices that can merge.
    pub leaf_count: u32,
    /// The merges, in descending order of weight.
    pub merges: Vec<Merge>,
}

/// The merges of a graph's vertices as the weight threshold goes down.
pub fn edge_dendrogram(graph: &WeightedGraph) -> Dendrogram {
    let mut edges: Vec<(u64, u32)> = (0..graph.vertex_count() as u32)
        .into_par_iter()
        .with_min_len(1024)
        .flat_map_iter(|source| {
            let row = graph.neighbors_of(source).iter().zip(graph.weights_of(source));
            row.filter(move |&(&target, weight)| source < target && !weight.is_nan())
                .map(move |(&target, &weight)| ((u64::from(descending(weight)) << 32) | u64::from(source), target))
        })
        .collect();
    edges.par_sort_unstable();
    let mut growing = Growing::new(graph.vertex_count());
    for (key, target) in edges {
        growing.link(key as u32, target, weight_of((key >> 32) as u32));
    }
    growing.dendrogram
}

/// The merges of a graph's accounts as the threshold on the identifiers' weights goes down.
///
/// # Errors
/// [`GraphError::Length`] if there isn't one weight for each identifier.
pub fn identifier_dendrogram(graph: &BipartiteGraph, weights: &[f32]) -> Result<Dendrogram, GraphError> {
    let (expected, found) = (graph.identifier_count() as u64, weights.len() as u64);
    if expected != found {
        return Err(GraphError::Length { column: "identifier weights", expected, found });
    }
    let mut order: Vec<u64> = (0..weights.len())
        .filter(|&identifier| !weights[identifier].is_nan())
        .map(|identifier| (u64::from(descending(weights[identifier])) << 32) | identifier as u64)
        .collect();
    order.par_sort_unstable();
    let mut growing = Growing::new(graph.account_count());
    for key in order {
        let accounts = graph.accounts_of(crate::IdentifierId(key as u32));
        for pair in accounts.windows(2) {
            growing.link(pair[0], pair[1], weight_of((key >> 32) as u32));
        }
    }
    Ok(growing.dendrogram)
}

impl Dendrogram {
    /// The components when ties of `threshold` and stronger link. O(vertices + merges).
    pub fn cut(&self, threshold: f32) -> Partition {
        let kept = self.merges.partition_point(|merge| merge.weight >= threshold);
        // A component is known by its least vertex, which its left branch holds.
        let mut least: Vec<u32> = (0..self.leaf_count).collect();
        let mut labels: Vec<u32> = (0..self.leaf_count).collect();
        for merge in &self.merges[..kept] {
            let (left, right) = (least[merge.left as usize], least[merge.right as usize]);
            least.push(left);
            labels[right as usize] = left;
        }
        // Labels point to lower vertices only, so one ascending pass follows them to the end.
        for vertex in 0..labels.len() {
            labels[vertex] = labels[labels[vertex] as usize];
        }
        Partition::from_smallest_members(labels)
    }

    /// The weight at which two vertices come together; `None` if they never do. O(merges).
    pub fn joins_at(&self, one: u32, other: u32) -> Option<f32> {
        if one == other {
            return Some(f32::INFINITY);
        }
        let mut held = [one, other];
        for (number, merge) in self.merges.iter().enumerate() {
            for node in &mut held {
                if *node == merge.left || *node == merge.right {
                    *node = self.leaf_count + number as u32;
                }
            }
            if held[0] == held[1] {
                return Some(merge.weight);
            }
        }
        None
    }
}

/// A dendrogram under construction.
struct Growing {
    forest: SizedForest,
    /// Of each root, its component's node in the dendrogram and least vertex.
    node_of: Vec<(u32, u32)>,
    dendrogram: Dendrogram,
}

impl Growing {
    fn new(leaf_count: usize) -> Self {
        Growing {
            forest: SizedForest::new(leaf_count),
            node_of: (0..leaf_count as u32).map(|vertex| (vertex, vertex)).collect(),
            dendrogram: Dendrogram { leaf_count: leaf_count as u32, merges: Vec::new() },
        }
    }

    fn link(&mut self, one: u32, other: u32, weight: f32) {
        let Some(joined) = self.forest.link(one, other) else { return };
        let (one, other) = (self.node_of[joined.root as usize], self.node_of[joined.child as usize]);
        let (left, right) = if one.1 < other.1 { (one, other) } else { (other, one) };
        let merges = &mut self.dendrogram.merges;
        self.node_of[joined.root as usize] = (self.dendrogram.leaf_count + merges.len() as u32, left.1);
        merges.push(Merge { weight, left: left.0, right: right.0, size: joined.root_size + joined.child_size });
    }
}

/// Maps weights to integers in descending order, `-0` and `0` to the same one.
fn descending(weight: f32) -> u32 {
    let bits = (weight + 0.0).to_bits();
    if bits >> 31 == 1 { bits } else { !bits ^ (1 << 31) }
}

/// The inverse of [`descending`].
fn weight_of(order: u32) -> f32 {
    f32::from_bits(if order >> 31 == 1 { order } else { !(order ^ (1 << 31)) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{any_bipartite, any_weighted, bipartite};
    use crate::{IdentifierFilter, Keep, bipartite_components, connected_components};

    #[test]
    fn merges_by_hand() {
        let graph = WeightedGraph::from_edges(5, &[(0, 1, 5.0), (2, 3, 7.0), (1, 2, 2.0), (0, 3, 1.0)]).expect("in range");
        let dendrogram = edge_dendrogram(&graph);
        assert_eq!(
            dendrogram.merges,
            [
                Merge { weight: 7.0, left: 2, right: 3, size: 2 },
                Merge { weight: 5.0, left: 0, right: 1, size: 2 },
                Merge { weight: 2.0, left: 6, right: 5, size: 4 },
            ]
        );
        assert_eq!(dendrogram.cut(5.0).labels(), [0, 0, 1, 1, 2]);
        assert_eq!(dendrogram.cut(5.5).labels(), [1, 2, 0, 0, 3]);
        assert_eq!(dendrogram.joins_at(0, 3), Some(2.0));
        assert_eq!(dendrogram.joins_at(0, 4), None);
    }

    #[test]
    fn weights_keep_their_order_and_value() {
        let weights = [f32::INFINITY, 3.5, f32::MIN_POSITIVE, 0.0, -1.0, f32::NEG_INFINITY];
        assert!(weights.windows(2).all(|pair| descending(pair[0]) < descending(pair[1])));
        assert!(weights.iter().all(|&weight| weight_of(descending(weight)) == weight));
        assert_eq!(descending(-0.0), descending(0.0));
    }

    #[test]
    fn missing_weights_never_link() {
        let graph = bipartite(2, 1, &[(0, 0), (1, 0)]);
        assert_eq!(identifier_dendrogram(&graph, &[f32::NAN]).expect("one weight").merges, []);
        let expected = GraphError::Length { column: "identifier weights", expected: 1, found: 0 };
        assert_eq!(identifier_dendrogram(&graph, &[]), Err(expected));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn every_cut_is_the_components_of_the_stronger_edges(graph in any_weighted()) {
            let dendrogram = edge_dendrogram(&graph);
            for threshold in 0..20 {
                let threshold = threshold as f32;
                let mut edges = Vec::new();
                for vertex in 0..graph.vertex_count() as u32 {
                    for (&other, &weight) in graph.neighbors_of(vertex).iter().zip(graph.weights_of(vertex)) {
                        if weight >= threshold && vertex <= other {
                            edges.push((vertex, other, weight));
                        }
                    }
                }
                let stronger = WeightedGraph::from_edges(graph.vertex_count(), &edges).expect("in range");
                prop_assert_eq!(dendrogram.cut(threshold), connected_components(&stronger));
            }
        }

        #[test]
        fn every_cut_is_the_components_of_the_stronger_identifiers(
            graph in any_bipartite(), weights in prop::collection::vec((0u8..6).prop_map(f32::from), 16),
        ) {
            let weights = &weights[..graph.identifier_count()];
            let dendrogram = identifier_dendrogram(&graph, weights).expect("one weight each");
            for threshold in 0..7 {
                let marks: Vec<bool> = weights.iter().map(|&weight| weight >= threshold as f32).collect();
                let filter = IdentifierFilter { keep: Keep::Marked(&marks), ..Default::default() };
                let components = bipartite_components(&graph, &filter);
                let accounts = components.labels()[..graph.account_count()].to_vec();
                // Account labels may exceed the account count: number them densely before comparing.
                let mut dense = std::collections::BTreeMap::new();
                let labels = accounts.into_iter().map(|label| { let next = dense.len() as u32; *dense.entry(label).or_insert(next) });
                prop_assert_eq!(dendrogram.cut(threshold as f32), Partition::from_labels(labels.collect()));
            }
        }
    }
}
