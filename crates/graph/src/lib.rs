//! Who touches what?
//!
//! The typed bipartite graph of accounts and identifiers, and the algorithms that need nothing but its shape.
//! There are no strings here, no input or output, no clock and no randomness: an account is a dense [`AccountId`],
//! an identifier a dense [`IdentifierId`], and everything is immutable once built.
//!
//! | type | what it holds |
//! |---|---|
//! | [`BipartiteGraph`] | every sighting, readable from both sides |
//! | [`Activity`] | per account, its events in time order |
//! | [`WeightedGraph`] | an undirected weighted graph: what components, communities and layouts run on |
//! | [`Partition`] | a labelling of vertices, numbered by size and then smallest member |
//! | [`DisjointSets`] | members that are joined one pair after another |
//!
//! | function | what it finds |
//! |---|---|
//! | [`connected_components`], [`bipartite_components`] | who hangs together at all, through an [`IdentifierFilter`] |
//! | [`hub_sweep`] | the components at every hub threshold, in one pass |
//! | [`cohesion()`](cohesion::cohesion), [`core_numbers`], [`alpha_beta_core`] | what hangs on a single link, and what holds many times over |
//! | [`layout()`](layout::layout) | what it looks like |
//!
//! petgraph's algorithms run on the graph itself: see [`petgraph_impl`].

#![deny(missing_docs)]

pub mod activity;
pub mod bipartite;
pub mod build;
pub mod butterflies;
pub mod cohesion;
pub mod column;
pub mod components;
pub mod cores;
pub mod error;
pub mod filter;
pub mod ids;
pub mod layout;
pub mod network_type;
pub mod partition;
pub mod petgraph_impl;
pub mod sweep;
#[cfg(test)]
mod testing;
mod union_find;
mod until;
pub mod weighted;

pub use activity::{Activity, ActivityColumns, ActivityOf};
pub use bipartite::{BipartiteColumns, BipartiteGraph, Sighting};
pub use butterflies::{Butterflies, butterflies};
pub use cohesion::{Cohesion, cohesion};
pub use column::Column;
pub use components::{
    bipartite_components, components_within, connected_components, verify_bipartite_components, verify_components,
};
pub use cores::{AlphaBetaCore, CoreNumbers, alpha_beta_core, core_numbers};
pub use error::GraphError;
pub use filter::{IdentifierFilter, Keep, Kinds};
pub use ids::{AccountId, IdentifierId, KindId, NO_TIME, NONE_U16, NONE_U32, Seconds};
pub use layout::{Layout, LayoutConfig, Start, layout, layout_while};
pub use network_type::NetworkType;
pub use partition::Partition;
pub use petgraph_impl::{CostedGraph, SightingEdge, Vertex, VertexId};
pub use sweep::{HubStep, hub_sweep};
pub use union_find::{DisjointSets, Joined};
pub use weighted::WeightedGraph;
