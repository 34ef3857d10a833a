//! How do two accounts hang together, by anybody's algorithm?
//!
//! [`BipartiteGraph`] implements petgraph's visit traits, so that its searches, shortest paths, bridges and the rest run on the
//! graph as it lies in memory or in a mapped file: nothing is copied. A node is a [`VertexId`]: accounts first, then
//! identifiers. An edge is a [`SightingEdge`], known by its position in the sighting columns; that position is also its weight,
//! so that a cost function can look up whatever it wants.
//!
//! [`CostedGraph`] is the view that path queries want: the caller gives a cost for each identifier (a hub costs more), an edge
//! costs what its identifier does, and an identifier of cost infinity or NaN is closed.
//!
//! ```
//! use graph::petgraph_impl::CostedGraph;
//! use graph::{AccountId, BipartiteColumns, BipartiteGraph};
//! use petgraph::algo::astar;
//!
//! // Accounts 0 and 2 share the hub 0; account 1 links them by identifiers 1 and 2.
//! let columns = BipartiteColumns {
//!     kind_starts: vec![0, 3].into(),
//!     account_offsets: vec![0, 2, 4, 6].into(),
//!     identifiers: vec![0, 1, 1, 2, 0, 2].into(),
//!     counts: vec![1; 6].into(),
//!     first_seen: vec![0; 6].into(),
//!     last_seen: vec![0; 6].into(),
//!     identifier_offsets: vec![0, 2, 4, 6].into(),
//!     accounts: vec![0, 2, 0, 1, 1, 2].into(),
//!     identifier_sightings: vec![0, 4, 1, 2, 3, 5].into(),
//! };
//! let graph = BipartiteGraph::from_columns(columns)?;
//! let view = CostedGraph::new(&graph, &[9.0, 1.0, 1.0])?;
//! let goal = graph.vertex_of_account(AccountId(2));
//! let found = astar(&view, graph.vertex_of_account(AccountId(0)), |vertex| vertex == goal, |edge| edge.cost(), |_| 0.0);
//! let (cost, path) = found.expect("a path");
//! assert_eq!((cost, path.len()), (4.0, 5));
//! # Ok::<(), graph::GraphError>(())
//! ```
//!
//! Cost: a neighbour is one array read; `is_adjacent` is O(log degree). Node sets are bitmaps.

use petgraph::Undirected;
use petgraph::visit::{
    Data, EdgeCount, EdgeIndexable, EdgeRef, GetAdjacencyMatrix, GraphBase, GraphProp, IntoEdgeReferences, IntoEdges,
    IntoNeighbors, IntoNodeIdentifiers, IntoNodeReferences, NodeCompactIndexable, NodeCount, NodeIndexable, NodeRef, VisitMap,
    Visitable,
};

pub use iterators::{AllEdges, Costed, CostedNeighbors, Edges, Neighbors, Vertices};

use crate::{AccountId, BipartiteGraph, GraphError, IdentifierId};

mod iterators;

/// A vertex of the bipartite graph as a whole: accounts are `0..account_count`, identifiers come after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VertexId(pub u32);

/// What a [`VertexId`] stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vertex {
    /// An account.
    Account(AccountId),
    /// An identifier.
    Identifier(IdentifierId),
}

/// A sighting as an edge, seen from one of its ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SightingEdge<Weight> {
    source: VertexId,
    target: VertexId,
    position: u32,
    weight: Weight,
}

/// A bipartite graph in which each edge costs what its identifier does.
#[derive(Clone, Copy, Debug)]
pub struct CostedGraph<'a> {
    graph: &'a BipartiteGraph,
    costs: &'a [f32],
}

impl BipartiteGraph {
    /// The vertex of an account.
    pub fn vertex_of_account(&self, account: AccountId) -> VertexId {
        VertexId(account.0)
    }

    /// The vertex of an identifier.
    pub fn vertex_of_identifier(&self, identifier: IdentifierId) -> VertexId {
        VertexId(self.account_count() as u32 + identifier.0)
    }

    /// What a vertex stands for.
    pub fn vertex(&self, vertex: VertexId) -> Vertex {
        match vertex.0.checked_sub(self.account_count() as u32) {
            None => Vertex::Account(AccountId(vertex.0)),
            Some(identifier) => Vertex::Identifier(IdentifierId(identifier)),
        }
    }
}

impl<'a> CostedGraph<'a> {
    /// Views a graph through costs of its identifiers. A cost that isn't finite closes its identifier; searches for shortest
    /// paths want the others not to be negative.
    ///
    /// # Errors
    /// [`GraphError::Length`] if there isn't one cost for each identifier.
    pub fn new(graph: &'a BipartiteGraph, costs: &'a [f32]) -> Result<Self, GraphError> {
        let (expected, found) = (graph.identifier_count() as u64, costs.len() as u64);
        if expected != found {
            return Err(GraphError::Length { column: "identifier costs", expected, found });
        }
        Ok(CostedGraph { graph, costs })
    }

    /// The graph behind the view.
    pub fn graph(&self) -> &'a BipartiteGraph {
        self.graph
    }

    /// The same edge with its cost, unless its identifier is closed.
    fn costed(self, edge: SightingEdge<u32>) -> Option<SightingEdge<f32>> {
        let identifier = edge.source.0.max(edge.target.0) as usize - self.graph.account_count();
        let SightingEdge { source, target, position, .. } = edge;
        let weight = self.costs[identifier];
        weight.is_finite().then_some(SightingEdge { source, target, position, weight })
    }
}

impl<Weight> SightingEdge<Weight> {
    /// The position in the sighting columns.
    pub fn position(&self) -> usize {
        self.position as usize
    }
}

impl SightingEdge<f32> {
    /// What the edge costs.
    pub fn cost(&self) -> f32 {
        self.weight
    }
}

impl<Weight: Copy> EdgeRef for SightingEdge<Weight> {
    type NodeId = VertexId;
    type EdgeId = u32;
    type Weight = Weight;

    fn source(&self) -> VertexId {
        self.source
    }

    fn target(&self) -> VertexId {
        self.target
    }

    fn weight(&self) -> &Weight {
        &self.weight
    }

    fn id(&self) -> u32 {
        self.position
    }
}

impl NodeRef for VertexId {
    type NodeId = VertexId;
    type Weight = VertexId;

    fn id(&self) -> VertexId {
        *self
    }

    fn weight(&self) -> &VertexId {
        self
    }
}

/// A set of vertices: one bit each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VertexSet(Vec<u64>);

impl VertexSet {
    fn empty(vertex_count: usize) -> Self {
        VertexSet(vec![0; vertex_count.div_ceil(64)])
    }
}

impl VisitMap<VertexId> for VertexSet {
    fn visit(&mut self, vertex: VertexId) -> bool {
        let (word, bit) = (&mut self.0[vertex.0 as usize / 64], 1 << (vertex.0 % 64));
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    fn is_visited(&self, vertex: &VertexId) -> bool {
        self.0[vertex.0 as usize / 64] & (1 << (vertex.0 % 64)) != 0
    }

    fn unvisit(&mut self, vertex: VertexId) -> bool {
        let (word, bit) = (&mut self.0[vertex.0 as usize / 64], 1 << (vertex.0 % 64));
        let was_there = *word & bit != 0;
        *word &= !bit;
        was_there
    }
}

/// The traits that don't depend on how edges are weighed; `$graph` finds the bipartite graph in `$self`.
macro_rules! implement_shape {
    ($type:ty, $weight:ty, |$self:ident| $graph:expr) => {
        impl GraphBase for $type {
            type EdgeId = u32;
            type NodeId = VertexId;
        }

        impl Data for $type {
            type NodeWeight = VertexId;
            type EdgeWeight = $weight;
        }

        impl GraphProp for $type {
            type EdgeType = Undirected;
        }

        impl NodeCount for $type {
            fn node_count(&$self) -> usize {
                $graph.vertex_count()
            }
        }

        impl NodeIndexable for $type {
            fn node_bound(&$self) -> usize {
                $graph.vertex_count()
            }

            fn to_index(&self, vertex: VertexId) -> usize {
                vertex.0 as usize
            }

            fn from_index(&self, index: usize) -> VertexId {
                VertexId(index as u32)
            }
        }

        impl NodeCompactIndexable for $type {}

        impl EdgeIndexable for $type {
            fn edge_bound(&$self) -> usize {
                $graph.sighting_count()
            }

            fn to_index(&self, position: u32) -> usize {
                position as usize
            }

            fn from_index(&self, index: usize) -> u32 {
                index as u32
            }
        }

        impl Visitable for $type {
            type Map = VertexSet;

            fn visit_map(&$self) -> VertexSet {
                VertexSet::empty($graph.vertex_count())
            }

            fn reset_map(&$self, map: &mut VertexSet) {
                map.0.clear();
                map.0.resize($graph.vertex_count().div_ceil(64), 0);
            }
        }

        impl IntoNodeIdentifiers for &$type {
            type NodeIdentifiers = Vertices;

            fn node_identifiers($self) -> Vertices {
                Vertices::of($graph)
            }
        }

        impl IntoNodeReferences for &$type {
            type NodeRef = VertexId;
            type NodeReferences = Vertices;

            fn node_references(self) -> Vertices {
                self.node_identifiers()
            }
        }
    };
}

implement_shape!(BipartiteGraph, u32, |self| self);
implement_shape!(CostedGraph<'_>, f32, |self| self.graph);

impl EdgeCount for BipartiteGraph {
    fn edge_count(&self) -> usize {
        self.sighting_count()
    }
}

impl EdgeCount for CostedGraph<'_> {
    /// O(identifiers).
    fn edge_count(&self) -> usize {
        let open = (0..self.costs.len()).filter(|&identifier| self.costs[identifier].is_finite());
        open.map(|identifier| self.graph.identifier_degree(IdentifierId(identifier as u32))).sum()
    }
}

impl<'a> IntoNeighbors for &'a BipartiteGraph {
    type Neighbors = Neighbors<'a>;

    fn neighbors(self, vertex: VertexId) -> Neighbors<'a> {
        Neighbors::of(self, vertex)
    }
}

impl<'a> IntoNeighbors for &CostedGraph<'a> {
    type Neighbors = CostedNeighbors<'a>;

    fn neighbors(self, vertex: VertexId) -> CostedNeighbors<'a> {
        CostedNeighbors::of(*self, vertex)
    }
}

impl<'a> IntoEdgeReferences for &'a BipartiteGraph {
    type EdgeRef = SightingEdge<u32>;
    type EdgeReferences = AllEdges<'a>;

    fn edge_references(self) -> AllEdges<'a> {
        AllEdges::of(self)
    }
}

impl<'a> IntoEdgeReferences for &CostedGraph<'a> {
    type EdgeRef = SightingEdge<f32>;
    type EdgeReferences = Costed<'a, AllEdges<'a>>;

    fn edge_references(self) -> Costed<'a, AllEdges<'a>> {
        Costed::of(*self, AllEdges::of(self.graph))
    }
}

impl<'a> IntoEdges for &'a BipartiteGraph {
    type Edges = Edges<'a>;

    fn edges(self, vertex: VertexId) -> Edges<'a> {
        Edges::of(self, vertex)
    }
}

impl<'a> IntoEdges for &CostedGraph<'a> {
    type Edges = Costed<'a, Edges<'a>>;

    fn edges(self, vertex: VertexId) -> Costed<'a, Edges<'a>> {
        Costed::of(*self, Edges::of(self.graph, vertex))
    }
}

impl GetAdjacencyMatrix for BipartiteGraph {
    type AdjMatrix = ();

    fn adjacency_matrix(&self) {}

    fn is_adjacent(&self, _matrix: &(), one: VertexId, other: VertexId) -> bool {
        match (self.vertex(one.min(other)), self.vertex(one.max(other))) {
            (Vertex::Account(account), Vertex::Identifier(identifier)) => self.sighting_between(account, identifier).is_some(),
            _ => false,
        }
    }
}

impl GetAdjacencyMatrix for CostedGraph<'_> {
    type AdjMatrix = ();

    fn adjacency_matrix(&self) {}

    fn is_adjacent(&self, _matrix: &(), one: VertexId, other: VertexId) -> bool {
        let is_open = |vertex| match self.graph.vertex(vertex) {
            Vertex::Identifier(identifier) => self.costs[identifier.index()].is_finite(),
            Vertex::Account(_) => true,
        };
        is_open(one) && is_open(other) && self.graph.is_adjacent(&(), one, other)
    }
}

#[cfg(test)]
mod tests;
