//! What would it look like? Synthetic worlds with known truth, and metrics of a clustering against truth.
//!
//! No public data set holds API access logs with known proxy networks. This crate makes some: a population with homes,
//! carriers, cards and habits; look-alikes that share as much as a network does, for reasons of their own; and networks run by
//! operators who register in bursts, warm accounts up, spread work with a scheduler and replace what is banned. Parameters come
//! from published figures where there are any and are assumptions otherwise, so **results on a synthetic world never establish
//! accuracy in the field**.
//!
//! | you want | call |
//! |---|---|
//! | a world in files | [`write_world`] |
//! | its events in memory, window by window | [`generate`] with a [`WorldSink`] |
//! | a clustering scored | [`metrics::evaluate`] |
//! | an estimate from partly labelled truth | [`metrics::estimate_from_sample`] |
//!
//! A world is a function of its [`WorldConfig`], to the byte, at any number of threads. Memory grows with accounts, not with
//! events. No detector lives here, and nothing of the engine is imported.
//!
//! ```
//! use synth::{Event, Tier, World, WorldConfig, WorldSink, generate};
//!
//! struct Count(usize);
//! impl WorldSink for Count {
//!     type Error = synth::Error;
//!     fn window(&mut self, _: &World, events: &[Event]) -> Result<(), synth::Error> {
//!         self.0 += events.len();
//!         Ok(())
//!     }
//! }
//!
//! let mut count = Count(0);
//! let world = generate(&WorldConfig::new(Tier::Xs, 7), &mut count, &mut |_| {})?;
//! assert_eq!(world.account_count(), 1_024);
//! assert!(count.0 > 60_000);
//! # Ok::<(), synth::Error>(())
//! ```
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
#[cfg(test)]
mod proportions;
mod random;
pub mod world;
mod write;

pub use config::{DAYS, EVASIVE_PARAPHRASE, Knobs, Scenario, Scheduling, Tier, WorldConfig};
pub use error::Error;
pub use event::Event;
pub use world::{Progress, World, WorldSink, generate};
pub use write::{Format, NetworkSummary, WorldSummary, is_world, write_world};
