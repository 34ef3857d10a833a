//! What can be wrong with the columns of a graph.

use thiserror::Error;

/// Why a set of columns isn't a graph.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum GraphError {
    /// A column doesn't have the length that the others imply.
    #[error("column {column}: expected {expected} elements, found {found}")]
    Length {
        /// The column's name.
        column: &'static str,
        /// The length implied by the other columns.
        expected: u64,
        /// The length found.
        found: u64,
    },
    /// An offsets column goes down, or doesn't start at 0.
    #[error("column {column}: offsets must start at 0 and never go down; entry {at} does not")]
    Offsets {
        /// The column's name.
        column: &'static str,
        /// The first entry that is wrong.
        at: u64,
    },
    /// An id points outside its table.
    #[error("column {column}: entry {at} holds {found}, but ids end before {bound}")]
    OutOfRange {
        /// The column's name.
        column: &'static str,
        /// The entry.
        at: u64,
        /// What it holds.
        found: u64,
        /// The number of ids there are.
        bound: u64,
    },
    /// More of something than the ids can count.
    #[error("{what}: {found} is more than this build can number ({bound})")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many there are.
        found: u64,
        /// How many there can be.
        bound: u64,
    },
    /// An edge joins two groups of what should be connected components.
    #[error("vertices {source_vertex} and {target_vertex} are joined by an edge, but stand in different components")]
    ComponentCut {
        /// One end of the edge.
        source_vertex: u32,
        /// The other end.
        target_vertex: u32,
    },
    /// One group holds vertices that no path joins.
    #[error("vertices {one} and {other} stand in one component, but no path joins them")]
    ComponentJoined {
        /// A vertex of the group.
        one: u32,
        /// A vertex that can't be reached from it.
        other: u32,
    },
}
