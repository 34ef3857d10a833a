//! Who belongs together? Louvain and Leiden communities of a weighted graph: parallel, deterministic, audited.
//!
//! [`leiden`] and [`louvain`] take a [`graph::WeightedGraph`] and return [`Communities`], [`leiden_partition`] nothing but
//! the partition; [`audit`] checks what they promise. The crate knows no accounts, names or time.
//!
//! ```
//! use community::{LeidenConfig, leiden};
//! let edges = [(0, 1, 1.0), (1, 2, 1.0), (0, 2, 1.0), (3, 4, 1.0), (4, 5, 1.0), (3, 5, 1.0), (2, 3, 1.0)];
//! let graph = graph::WeightedGraph::from_edges(6, &edges).unwrap();
//! let found = leiden(&graph, None, &LeidenConfig::default()).unwrap();
//! assert_eq!(found.partition.labels(), [0, 0, 0, 1, 1, 1]);
//! ```
#![deny(missing_docs)]

mod config;
mod error;
mod leiden;
mod objective;

mod aggregation;
mod local_moving;
mod reduction;
mod refinement;

mod groups;
mod network;
mod random;
mod tally;

mod audit;

pub use audit::{Audit, ResolutionLimit, audit, resolution_limit, unseparated};
pub use config::{Effort, LeidenConfig, LouvainConfig, Quality, QualityConfig};
pub use error::CommunityError;
pub use leiden::{Communities, Hierarchy, leiden, leiden_partition, louvain};
pub use objective::quality;
