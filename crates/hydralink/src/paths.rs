//! The strongest chains of evidence between two nodes.
//!
//! A chain alternates accounts and identifiers. Passing through an identifier with `d` of the store's `N` accounts costs
//! `log2(d) + 1`: the wider an identifier is shared, the less it says, and every hop costs something. The cheapest chain is therefore the
//! one through the fewest and rarest identifiers; its *bits* are those of its weakest identifier, `log2(N / d)`. Dijkstra by
//! [`petgraph::algo::astar()`] on our graph. Each further chain is the cheapest that avoids one identifier of a chain before it, so that
//! it names other evidence: an analyst wants independent reasons, not detours. Cost: one search a chain and identifier.

use std::collections::BTreeSet;

use graph::{CostedGraph, Vertex, VertexId};
use serde::Serialize;

use crate::dataset::Dataset;
use crate::error::Error;
use crate::node::Node;

/// One chain.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EvidencePath {
    /// Bits of the weakest identifier on the way.
    pub bits: f64,
    /// Sum of the costs.
    pub cost: f64,
    /// Steps.
    pub hops: Vec<Hop>,
}

/// One node of a chain.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hop {
    /// `account:ID` or `KIND:VALUE`.
    pub node: String,
    /// Bits of an identifier; nothing for an account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bits: Option<f64>,
    /// Accounts of an identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accounts: Option<u64>,
}

/// The `k` strongest chains between two nodes, strongest first; fewer if there are fewer.
///
/// # Errors
/// [`Error::Usage`] if the two are the same node.
pub fn paths(dataset: &Dataset, from: Node, to: Node, k: usize) -> Result<Vec<EvidencePath>, Error> {
    if from == to {
        return Err(Error::Usage(format!("{} is one node; name two", dataset.label_of(from))));
    }
    let graph = dataset.graph();
    let offsets = graph.columns().identifier_offsets.as_slice();
    let costs: Vec<f32> = offsets.windows(2).map(|pair| cost_of((pair[1] - pair[0]) as f64) / 2.0).collect();
    let ends = [VertexId(from.vertex(dataset)), VertexId(to.vertex(dataset))];
    let mut found: Vec<(f32, Vec<VertexId>)> = Vec::new();
    let mut candidates: BTreeSet<(u32, Vec<u32>)> = BTreeSet::new();
    let search = |closed: &BTreeSet<u32>| -> Result<Option<(f32, Vec<VertexId>)>, Error> {
        let mut open = costs.clone();
        for &identifier in closed {
            open[identifier as usize] = f32::INFINITY;
        }
        let view = CostedGraph::new(graph, &open)?;
        Ok(petgraph::algo::astar(&view, ends[0], |vertex| vertex == ends[1], |edge| edge.cost(), |_| 0.0))
    };
    let identifier = |vertex: VertexId| match graph.vertex(vertex) {
        Vertex::Identifier(identifier) => Some(identifier.0),
        Vertex::Account(_) => None,
    };
    let keyed =
        |(cost, chain): (f32, Vec<VertexId>)| (cost.to_bits(), chain.into_iter().map(|vertex| vertex.0).collect::<Vec<u32>>());
    candidates.extend(search(&BTreeSet::new())?.map(keyed));
    while let Some((cost, chain)) = candidates.pop_first() {
        let chain: Vec<VertexId> = chain.into_iter().map(VertexId).collect();
        found.push((f32::from_bits(cost), chain));
        if found.len() >= k {
            break;
        }
        let (_, newest) = &found[found.len() - 1];
        for spur in newest.iter().copied().filter(|vertex| !ends.contains(vertex)).filter_map(identifier) {
            let other = search(&BTreeSet::from([spur]))?;
            if let Some((cost, chain)) = other.filter(|(_, chain)| found.iter().all(|(_, known)| known != chain)) {
                candidates.insert(keyed((cost, chain)));
            }
        }
    }
    let accounts = graph.account_count() as f64;
    let paths = found.into_iter().map(|(cost, chain)| {
        let hops: Vec<Hop> = chain
            .into_iter()
            .map(|vertex| {
                let node = Node::of_vertex(dataset, vertex.0);
                let degree = match node {
                    Node::Account(_) => None,
                    Node::Identifier(identifier) => Some(graph.identifier_degree(identifier) as u64),
                };
                Hop {
                    node: dataset.label_of(node),
                    bits: degree.map(|degree| (accounts / degree as f64).log2()),
                    accounts: degree,
                }
            })
            .collect();
        let bits = hops.iter().filter_map(|hop| hop.bits).fold(f64::INFINITY, f64::min);
        EvidencePath { bits, cost: f64::from(cost), hops }
    });
    Ok(paths.collect())
}

/// What passing through an identifier of this degree costs.
fn cost_of(degree: f64) -> f32 {
    (degree.max(1.0).log2() + 1.0) as f32
}
