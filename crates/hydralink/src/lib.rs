//! Links accounts that share infrastructure and finds the proxy networks among them.
//!
//! A [`Dataset`] is an open store; everything is asked of it.

#![deny(missing_docs)]

pub mod dataset;
pub mod error;
pub mod export;
pub mod names;
pub mod node;
pub mod results;
pub mod store;

pub use dataset::{Allowed, Dataset};
pub use error::Error;
pub use node::Node;
pub use results::{Membership, Network, Results, Run, SignalLine, TyingIdentifier};
pub use store::Store;
