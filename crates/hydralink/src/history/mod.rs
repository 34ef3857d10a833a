//! What was, and what became of it.

pub mod as_of;
pub mod diff;
pub mod lineage;
