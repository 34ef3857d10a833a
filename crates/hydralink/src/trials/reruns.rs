//! What is common to the commands that run the last detection again and again: how each rerun gets a seed of its own.

/// The seed of a rerun: those of one run's reruns follow each other, those of another run lie elsewhere.
pub(crate) fn seed_of(seed: u64, rerun: u32) -> u64 {
    seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(u64::from(rerun))
}
