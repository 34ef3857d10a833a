//! The planted networks: who operates which accounts, what they share, how a relay spreads work over them.

pub(crate) mod plan;
pub(crate) mod recruit;
pub(crate) mod relay;
pub(crate) mod roster;
pub(crate) mod upkeep;
