//! Synthetic worlds with known truth, and metrics of a clustering against truth.
#![deny(missing_docs)]

mod account;
mod benign;
pub mod calendar;
pub mod clients;
mod config;
mod error;
pub mod event;
mod fraud;
mod geography;
pub mod metrics;
mod names;
mod random;
pub mod world;
mod write;

pub use config::{DAYS, Knobs, Scenario, Scheduling, Tier, WorldConfig};
pub use error::Error;
pub use world::{Progress, World, WorldSink, generate};
pub use write::{Format, NetworkSummary, WorldSummary, write_world};
