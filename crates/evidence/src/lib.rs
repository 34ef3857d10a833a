//! Why do we believe it?
//!
//! Pure functions of the graph, the activity and a partition: identifiers are classified and weighted, communities become
//! candidate networks with members and roles, behavioural tests compare each candidate with its null, and a score card adds
//! the evidence up in bits. Every number has a null model or a stated definition; a signal whose input is missing is
//! [`None`], never 0.

#![deny(missing_docs)]

pub mod behaviour;
pub mod facts;
pub mod signal;

pub use facts::{AccountTable, Facts, KindRole};
pub use signal::Signal;
