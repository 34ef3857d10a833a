//! What commands that run the last detection again and again have in common.

use crate::error::Error;

/// Where the reruns are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RerunStep {
    /// Reruns that are done.
    pub done: u32,
    /// All reruns.
    pub of: u32,
    /// What is being done in the next.
    pub phase: &'static str,
}

/// Tells each phase of the rerun after `done` of `of`; [`Error::Interrupted`] where `observe` says to stop.
pub(crate) fn told(observe: &dyn Fn(RerunStep) -> bool, done: u32, of: u32) -> impl Fn(&'static str) -> Result<(), Error> + '_ {
    move |phase| if observe(RerunStep { done, of, phase }) { Ok(()) } else { Err(Error::Interrupted) }
}

/// The seed of a rerun: those of one run's reruns follow each other, those of another run lie elsewhere.
pub(crate) fn seed_of(seed: u64, rerun: u32) -> u64 {
    seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(u64::from(rerun))
}
