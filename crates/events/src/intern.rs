//! Which provisional id has this string? One table for all threads.
//!
//! Strings are spread over shards by a randomly seeded hash (strings are chosen by attackers); each shard is an arena, offsets and a
//! `HashTable<u32>`, behind a lock that is held for one insertion. Callers keep a cache of their own in front ([`crate::memo`]), so
//! that a lock is taken once per distinct value and chunk, not per row. Provisional ids depend on timing and never leave the crate:
//! what [`Interner::with_entries`] shows is sorted by the caller to number names canonically.

use std::sync::{Mutex, MutexGuard, PoisonError};

use ahash::RandomState;
use hashbrown::HashTable;

pub(crate) const SHARDS: usize = 64;

#[derive(Default)]
struct Shard {
    table: HashTable<u32>,
    ends: Vec<u64>,
    bytes: Vec<u8>,
}

/// A set of byte strings with provisional ids.
pub(crate) struct Interner {
    shards: Vec<Mutex<Shard>>,
    seed: RandomState,
}

impl Shard {
    fn name(&self, at: u32) -> &[u8] {
        let start = if at == 0 { 0 } else { self.ends[at as usize - 1] as usize };
        &self.bytes[start..self.ends[at as usize] as usize]
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Interner {
    pub(crate) fn new() -> Self {
        Interner { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), seed: RandomState::new() }
    }

    /// The provisional id of a string, or nothing if there are too many. Below `u32::MAX - 1024`.
    pub(crate) fn intern(&self, name: &[u8]) -> Option<u32> {
        let hash = self.seed.hash_one(name);
        let shard_at = (hash >> 58) as usize;
        let mut guard = lock(&self.shards[shard_at]);
        let shard = &mut *guard;
        if let Some(&at) = shard.table.find(hash, |&at| shard.name(at) == name) {
            return Some(at * SHARDS as u32 + shard_at as u32);
        }
        let at = u32::try_from(shard.ends.len()).ok().filter(|&at| at < u32::MAX / SHARDS as u32 - 16)?;
        shard.bytes.extend_from_slice(name);
        shard.ends.push(shard.bytes.len() as u64);
        let Shard { table, ends, bytes } = shard;
        let seed = &self.seed;
        table.insert_unique(hash, at, |&at| {
            let start = if at == 0 { 0 } else { ends[at as usize - 1] as usize };
            seed.hash_one(&bytes[start..ends[at as usize] as usize])
        });
        Some(at * SHARDS as u32 + shard_at as u32)
    }

    /// An upper bound of the provisional ids.
    pub(crate) fn bound(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).ends.len()).max().unwrap_or(0) * SHARDS
    }

    /// Calls back with all strings and their provisional ids, while the table is locked.
    pub(crate) fn with_entries<T>(&self, visit: impl FnOnce(Vec<(&[u8], u32)>) -> T) -> T {
        let guards: Vec<_> = self.shards.iter().map(lock).collect();
        let mut entries = Vec::with_capacity(guards.iter().map(|shard| shard.ends.len()).sum());
        for (shard_at, shard) in guards.iter().enumerate() {
            for at in 0..shard.ends.len() as u32 {
                entries.push((shard.name(at), at * SHARDS as u32 + shard_at as u32));
            }
        }
        visit(entries)
    }
}

#[cfg(test)]
mod tests {
    use rayon::prelude::*;

    use super::*;

    #[test]
    fn equal_strings_share_an_id_over_threads() {
        let interner = Interner::new();
        let ids: Vec<u32> =
            (0..20_000u32).into_par_iter().map(|n| interner.intern((n % 700).to_string().as_bytes()).unwrap()).collect();
        for n in 0..20_000 {
            assert_eq!(ids[n], ids[n % 700]);
        }
        interner.with_entries(|entries| assert_eq!(entries.len(), 700));
        assert!(ids.iter().all(|&id| (id as usize) < interner.bound()));
    }
}
