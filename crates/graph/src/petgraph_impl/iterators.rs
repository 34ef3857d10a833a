//! What do the visit traits hand out?
//!
//! Iterators over the columns, as they lie: a step is one or two array reads. The order is ascending by the other end, and for
//! all edges that of the sighting columns.

use super::{CostedGraph, SightingEdge, Vertex, VertexId};
use crate::BipartiteGraph;

/// The edges of one vertex, ascending by the other end.
#[derive(Clone, Debug)]
pub struct Edges<'a> {
    source: VertexId,
    /// Ids of the other ends on their side.
    ids: &'a [u32],
    /// What to add to an id to make it a vertex.
    shift: u32,
    /// Positions of an identifier's sightings; an account's are contiguous, so `first` is enough.
    positions: &'a [u32],
    first: u32,
}

impl<'a> Edges<'a> {
    pub(super) fn of(graph: &'a BipartiteGraph, source: VertexId) -> Self {
        match graph.vertex(source) {
            Vertex::Account(account) => Edges {
                source,
                ids: graph.identifiers_of(account),
                shift: graph.account_count() as u32,
                positions: &[],
                first: graph.sighting_range(account).start as u32,
            },
            Vertex::Identifier(identifier) => Edges {
                source,
                ids: graph.accounts_of(identifier),
                shift: 0,
                positions: graph.sightings_of_identifier(identifier),
                first: 0,
            },
        }
    }
}

impl Iterator for Edges<'_> {
    type Item = SightingEdge<u32>;

    fn next(&mut self) -> Option<SightingEdge<u32>> {
        let (&id, rest) = self.ids.split_first()?;
        self.ids = rest;
        let position = match self.positions.split_first() {
            Some((&position, rest)) => {
                self.positions = rest;
                position
            }
            None => {
                self.first += 1;
                self.first - 1
            }
        };
        Some(SightingEdge { source: self.source, target: VertexId(id + self.shift), position, weight: position })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.ids.len(), Some(self.ids.len()))
    }
}

/// The neighbours of one vertex, ascending.
#[derive(Clone, Debug)]
pub struct Neighbors<'a>(Edges<'a>);

impl<'a> Neighbors<'a> {
    pub(super) fn of(graph: &'a BipartiteGraph, vertex: VertexId) -> Self {
        Neighbors(Edges::of(graph, vertex))
    }
}

impl Iterator for Neighbors<'_> {
    type Item = VertexId;

    fn next(&mut self) -> Option<VertexId> {
        self.0.next().map(|edge| edge.target)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

/// All edges of the graph, each once, from its account, in the order of the sighting columns.
#[derive(Clone, Debug)]
pub struct AllEdges<'a> {
    graph: &'a BipartiteGraph,
    next_account: u32,
    current: Edges<'a>,
}

impl<'a> AllEdges<'a> {
    pub(super) fn of(graph: &'a BipartiteGraph) -> Self {
        let nothing = Edges { source: VertexId(0), ids: &[], shift: 0, positions: &[], first: 0 };
        AllEdges { graph, next_account: 0, current: nothing }
    }
}

impl Iterator for AllEdges<'_> {
    type Item = SightingEdge<u32>;

    fn next(&mut self) -> Option<SightingEdge<u32>> {
        loop {
            if let Some(edge) = self.current.next() {
                return Some(edge);
            }
            if self.next_account as usize == self.graph.account_count() {
                return None;
            }
            self.current = Edges::of(self.graph, VertexId(self.next_account));
            self.next_account += 1;
        }
    }
}

/// The open ones among some edges, with their costs.
#[derive(Clone, Debug)]
pub struct Costed<'a, Inner> {
    view: CostedGraph<'a>,
    edges: Inner,
}

impl<'a, Inner> Costed<'a, Inner> {
    pub(super) fn of(view: CostedGraph<'a>, edges: Inner) -> Self {
        Costed { view, edges }
    }
}

impl<Inner: Iterator<Item = SightingEdge<u32>>> Iterator for Costed<'_, Inner> {
    type Item = SightingEdge<f32>;

    fn next(&mut self) -> Option<SightingEdge<f32>> {
        let view = self.view;
        self.edges.find_map(|edge| view.costed(edge))
    }
}

/// The neighbours of one vertex through open identifiers, ascending.
#[derive(Clone, Debug)]
pub struct CostedNeighbors<'a>(Costed<'a, Edges<'a>>);

impl<'a> CostedNeighbors<'a> {
    pub(super) fn of(view: CostedGraph<'a>, vertex: VertexId) -> Self {
        CostedNeighbors(Costed::of(view, Edges::of(view.graph, vertex)))
    }
}

impl Iterator for CostedNeighbors<'_> {
    type Item = VertexId;

    fn next(&mut self) -> Option<VertexId> {
        self.0.next().map(|edge| edge.target)
    }
}

/// All vertices, ascending.
#[derive(Clone, Debug)]
pub struct Vertices(std::ops::Range<u32>);

impl Vertices {
    pub(super) fn of(graph: &BipartiteGraph) -> Self {
        Vertices(0..graph.vertex_count() as u32)
    }
}

impl Iterator for Vertices {
    type Item = VertexId;

    fn next(&mut self) -> Option<VertexId> {
        self.0.next().map(VertexId)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}
