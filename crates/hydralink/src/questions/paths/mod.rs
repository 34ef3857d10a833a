//! The strongest chains of evidence between two nodes.
//!
//! A chain alternates accounts and identifiers. Passing through an identifier with `d` accounts costs `log2(d) + 1`: the wider
//! an identifier is shared, the less it says (a hub is dear), and every hop costs something. The cheapest chain is therefore
//! the one through the fewest and rarest identifiers. Its *bits* are those of its weakest identifier: by the rule of the last
//! detection, which discounts hubs ([`crate::ties`]), or `log2(N / d)` where there was none.
//!
//! How they are found stands in `search`.

mod search;

use graph::{BipartiteGraph, IdentifierId, VertexId};
use serde::Serialize;

use crate::dataset::Dataset;
use crate::error::Error;
use crate::links::are_two;
use crate::node::Node;
use crate::results::foremost::Foremost;
use crate::ties::Ties;
use search::cheapest;

/// One chain.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
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
#[non_exhaustive]
pub struct Hop {
    /// Where it is.
    #[serde(skip)]
    pub at: Node,
    /// `account:ID` or `KIND:VALUE`, as the level shows it.
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
pub fn paths(dataset: &Dataset, ties: Option<&Ties<'_>>, from: Node, to: Node, k: usize) -> Result<Vec<EvidencePath>, Error> {
    are_two(dataset, ties, from, to)?;
    let graph = dataset.linking_graph();
    // Degrees that were kept are those of all sightings.
    let kept = ties.filter(|_| std::ptr::eq(graph, dataset.graph()));
    let kept = kept.map_or_else(Foremost::default, |ties| ties.results().foremost.clone());
    let costs = EdgeCosts::new(graph, kept, [from, to]);
    let costs = |identifier: IdentifierId| costs.of(identifier);
    let ends = [VertexId(from.vertex(dataset)), VertexId(to.vertex(dataset))];
    let accounts = graph.account_count() as f64;
    let hop = |vertex: VertexId| {
        let node = Node::of_vertex(dataset, vertex.0);
        let (degree, bits) = match node {
            Node::Account(_) => (None, None),
            Node::Identifier(identifier) => {
                let degree = graph.identifier_degree(identifier);
                let surprise = || (accounts / degree as f64).log2();
                (Some(degree as u64), Some(ties.map_or_else(surprise, |ties| ties.bits_of(identifier))))
            }
        };
        Hop { at: node, node: dataset.label_of(node), bits, accounts: degree }
    };
    let found = cheapest(graph, &costs, ends, k).into_iter().map(|(cost, chain)| {
        let hops: Vec<Hop> = chain.into_iter().map(hop).collect();
        let bits = hops.iter().filter_map(|hop| hop.bits).fold(f64::INFINITY, f64::min);
        EvidencePath { bits, cost: f64::from(cost), hops }
    });
    Ok(found.collect())
}

/// What the edges of identifiers cost: half of passing through.
struct EdgeCosts<'a> {
    graph: &'a BipartiteGraph,
    /// Degrees where the detection kept them: a tenth of the memory that offsets lie in.
    kept: Foremost,
    by_degree: Vec<f32>,
    /// Where chains begin and end.
    ends: [Node; 2],
}

impl<'a> EdgeCosts<'a> {
    fn new(graph: &'a BipartiteGraph, kept: Foremost, ends: [Node; 2]) -> Self {
        EdgeCosts { graph, kept, by_degree: (0..1024).map(|degree| cost_of(degree) / 2.0).collect(), ends }
    }

    /// Infinite where nothing leads on: what one account has, which is most of what accounts have, ends no chain but its own.
    fn of(&self, identifier: IdentifierId) -> f32 {
        let degree = self.kept.degree(self.graph, identifier);
        if degree < 2 && !self.ends.contains(&Node::Identifier(identifier)) {
            return f32::INFINITY;
        }
        self.by_degree.get(degree).copied().unwrap_or_else(|| cost_of(degree as u64) / 2.0)
    }
}

/// What passing through an identifier of this degree costs.
fn cost_of(degree: u64) -> f32 {
    (degree.max(1) as f64).log2() as f32 + 1.0
}
