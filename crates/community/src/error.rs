//! What can be wrong with a request for communities.

use thiserror::Error;

/// Why no communities were returned.
#[non_exhaustive]
#[derive(Clone, Debug, Error, PartialEq)]
pub enum CommunityError {
    /// An edge weight is negative or not finite.
    #[error("entry {at} of the graph has weight {found}, expected a finite weight of at least 0; drop or clip such edges")]
    Weight {
        /// Position in the graph's entries.
        at: usize,
        /// The offending weight.
        found: f32,
    },
    /// A setting is outside its range.
    #[error("{name} is {found}, expected {expected}")]
    Setting {
        /// Name of the field.
        name: &'static str,
        /// What it was.
        found: f64,
        /// What it should be.
        expected: &'static str,
    },
    /// The start partition is of another graph.
    #[error("the start partition has {found} vertices, the graph has {expected}; start from none")]
    Start {
        /// Vertices of the graph.
        expected: usize,
        /// Vertices of the partition.
        found: usize,
    },
    /// The quality function needs a bipartite graph.
    #[error(
        "{quality} needs to know the graph's left side, and the graph has none; build it with a left count or use modularity"
    )]
    Sides {
        /// Name of the quality function.
        quality: &'static str,
    },
}
