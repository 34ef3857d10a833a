//! What is asked of accounts, identifiers, pairs and networks.

pub mod appeal;
pub mod assess;
pub mod cohesion;
pub mod expand;
pub mod filter;
pub mod how;
pub mod info;
pub mod layers;
pub mod links;
mod nearest;
pub(crate) mod of_both;
pub mod paths;
pub mod query;
pub mod roles;
pub mod significance;
pub mod ties;
pub mod top;
pub mod why_not;
