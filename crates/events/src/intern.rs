//! Which provisional id has this string? One table for all threads.
//!
//! Strings are spread over shards by a randomly seeded hash (strings are chosen by attackers); each shard is an arena, offsets
//! and a hash table of (hash, position), behind a lock. [`Interner::intern_all`] takes the strings of a whole dictionary shard
//! by shard: a lock is taken once a shard, and a shard stays in the processor's caches while it is asked. Provisional ids
//! depend on timing and never leave the crate: [`Interner::sorted`] is what numbers names canonically. Within a shard all
//! strings go through each step of the search together ([`Shard::find_all`]), so that the processor waits for many places in
//! memory at once, not for one after the other.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ahash::RandomState;
use hashbrown::HashTable;
use rayon::prelude::*;

use crate::names::Names;

const SHARDS: usize = 256;

/// The position of what wasn't found.
const NOWHERE: u32 = u32::MAX;

#[derive(Default)]
struct Shard {
    /// (high half of the hash, position).
    table: HashTable<(u32, u32)>,
    ends: Vec<u64>,
    bytes: Vec<u8>,
}

/// A set of byte strings with provisional ids.
pub(crate) struct Interner {
    shards: Vec<Mutex<Shard>>,
    seed: RandomState,
    turn: AtomicUsize,
}

impl Shard {
    fn name(&self, at: u32) -> &[u8] {
        let start = if at == 0 { 0 } else { self.ends[at as usize - 1] as usize };
        &self.bytes[start..self.ends[at as usize] as usize]
    }

    /// For each string, by its hash, the position of one that is likely to be equal, and where that one's bytes are.
    fn find_all(&self, hashes: impl Iterator<Item = u64>, found: &mut Vec<(u32, Range<usize>)>) {
        found.clear();
        found.extend(hashes.map(|hash| {
            let high = (hash >> 32) as u32;
            let entry = self.table.find(spread(high), |&(known, _)| known == high);
            (entry.map_or(NOWHERE, |&(_, at)| at), 0..0)
        }));
        for (at, bytes) in found.iter_mut().filter(|(at, _)| *at != NOWHERE) {
            let start = if *at == 0 { 0 } else { self.ends[*at as usize - 1] as usize };
            *bytes = start..self.ends[*at as usize] as usize;
        }
    }

    /// The position of a string, added if it is new; nothing if there are too many.
    fn intern(&mut self, hash: u64, name: &[u8]) -> Option<u32> {
        let high = (hash >> 32) as u32;
        let slot = spread(high);
        if let Some(&(_, at)) = self.table.find(slot, |&(known, at)| known == high && self.name(at) == name) {
            return Some(at);
        }
        let at = u32::try_from(self.ends.len()).ok().filter(|&at| at < u32::MAX / SHARDS as u32 - 16)?;
        self.bytes.extend_from_slice(name);
        self.ends.push(self.bytes.len() as u64);
        self.table.insert_unique(slot, (high, at), |&(high, _)| spread(high));
        Some(at)
    }
}

fn spread(high: u32) -> u64 {
    u64::from(high).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The first bytes of a name as a number that orders as the name does, past a prefix.
fn head(prefix: u8, name: &[u8]) -> u128 {
    let mut head = [0u8; 16];
    head[0] = prefix;
    let length = name.len().min(15);
    head[1..=length].copy_from_slice(&name[..length]);
    u128::from_be_bytes(head)
}

impl Interner {
    pub(crate) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Interner { shards, seed: RandomState::new(), turn: AtomicUsize::new(0) }
    }

    /// The provisional id of a string, or nothing if there are too many. Below `u32::MAX - 1024`.
    pub(crate) fn intern(&self, name: &[u8]) -> Option<u32> {
        let hash = self.seed.hash_one(name);
        let shard = hash as usize % SHARDS;
        lock(&self.shards[shard]).intern(hash, name).map(|at| at * SHARDS as u32 + shard as u32)
    }

    /// Calls back with the position and provisional id of each string, in no particular order.
    pub(crate) fn intern_all(&self, names: &Names, mut visit: impl FnMut(usize, Option<u32>)) {
        let hashes: Vec<u64> = (0..names.len() as u32).map(|at| self.seed.hash_one(names.name(at))).collect();
        let mut next = [0u32; SHARDS + 1];
        hashes.iter().for_each(|&hash| next[hash as usize % SHARDS + 1] += 1);
        for shard in 0..SHARDS {
            next[shard + 1] += next[shard];
        }
        let starts = next;
        let mut order = vec![0u32; hashes.len()];
        for (at, &hash) in hashes.iter().enumerate() {
            let slot = &mut next[hash as usize % SHARDS];
            order[*slot as usize] = at as u32;
            *slot += 1;
        }
        // Threads start at different shards, so as not to wait for each other.
        let turn = self.turn.fetch_add(97, Ordering::Relaxed);
        let mut likely = Vec::new();
        for shard in (0..SHARDS).map(|step| (turn + step) % SHARDS) {
            let mine = &order[starts[shard] as usize..starts[shard + 1] as usize];
            if mine.is_empty() {
                continue;
            }
            let mut guard = lock(&self.shards[shard]);
            guard.find_all(mine.iter().map(|&at| hashes[at as usize]), &mut likely);
            for (&at, (position, bytes)) in mine.iter().zip(&likely) {
                let name = names.name(at);
                let known = *position != NOWHERE && guard.bytes[bytes.clone()] == *name;
                let found = if known { Some(*position) } else { guard.intern(hashes[at as usize], name) };
                visit(at as usize, found.map(|at| at * SHARDS as u32 + shard as u32));
            }
        }
    }

    /// An upper bound of the provisional ids.
    pub(crate) fn bound(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).ends.len()).max().unwrap_or(0) * SHARDS
    }

    /// Bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        let bytes = |shard: &Shard| shard.bytes.capacity() + shard.ends.capacity() * 8 + shard.table.capacity() * 9;
        self.shards.iter().map(|shard| bytes(&lock(shard))).sum()
    }

    /// A copy of a name.
    pub(crate) fn name(&self, id: u32) -> Vec<u8> {
        lock(&self.shards[id as usize % SHARDS]).name(id / SHARDS as u32).to_vec()
    }

    /// The provisional ids of some names in order of `key`: a prefix, and a name. No lock is held while threads work together.
    pub(crate) fn sorted(
        &self,
        used: impl Fn(u32, &[u8]) -> bool + Sync,
        key: impl Fn(&[u8]) -> (u8, &[u8]) + Sync,
    ) -> Vec<u32> {
        let heads = self.shards.par_iter().enumerate().map(|(at, shard)| {
            let shard = lock(shard);
            let ids = (0..shard.ends.len() as u32).map(|local| (local, local * SHARDS as u32 + at as u32));
            let heads = ids.filter(|&(local, id)| used(id, shard.name(local))).map(|(local, id)| {
                let (prefix, name) = key(shard.name(local));
                (head(prefix, name), id)
            });
            heads.collect::<Vec<_>>()
        });
        let mut order = heads.collect::<Vec<_>>().concat();
        order.par_sort_unstable();
        // Names of equal heads are compared whole.
        let mut ties: Vec<&mut [(u128, u32)]> = order.chunk_by_mut(|one, other| one.0 == other.0).collect();
        ties.retain(|tied| tied.len() > 1);
        ties.into_par_iter().for_each(|tied| {
            let mut names: Vec<_> = tied.iter().map(|&(head, id)| (self.name(id), (head, id))).collect();
            names.sort_unstable_by(|one, other| key(&one.0).cmp(&key(&other.0)));
            tied.iter_mut().zip(names).for_each(|(slot, (_, entry))| *slot = entry);
        });
        order.into_iter().map(|(_, id)| id).collect()
    }

    /// The names of some ids in their order, each without its first `skip` bytes. To be called when no more names come.
    pub(crate) fn names(&self, ids: &[u32], skip: usize) -> Names {
        const CHUNK: usize = 1 << 14;
        let shards: Vec<MutexGuard<'_, Shard>> = self.shards.iter().map(lock).collect();
        let shards: Vec<&Shard> = shards.iter().map(|shard| &**shard).collect();
        let chunks: Vec<Names> = ids
            .par_chunks(CHUNK)
            .map(|ids| {
                let mut names = Names::default();
                ids.iter().for_each(|&id| names.push(&shards[id as usize % SHARDS].name(id / SHARDS as u32)[skip..]));
                names
            })
            .collect();
        let mut all = Names::default();
        all.offsets.reserve_exact(ids.len());
        all.bytes.reserve_exact(chunks.iter().map(|names| names.bytes.len()).sum());
        for names in chunks {
            let start = all.bytes.len() as u64;
            all.offsets.extend(names.offsets[1..].iter().map(|end| start + end));
            all.bytes.extend_from_slice(&names.bytes);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use rayon::prelude::*;

    use super::*;

    #[test]
    fn equal_strings_share_an_id_over_threads_and_ways() {
        let interner = Interner::new();
        let ids: Vec<u32> =
            (0..20_000u32).into_par_iter().map(|n| interner.intern((n % 700).to_string().as_bytes()).unwrap()).collect();
        for n in 0..20_000 {
            assert_eq!(ids[n], ids[n % 700]);
        }
        let mut names = Names::default();
        (0..800).for_each(|n: u32| names.push(n.to_string().as_bytes()));
        let mut seen = 0;
        interner.intern_all(&names, |at, id| {
            seen += 1;
            assert!(at >= 700 || id == Some(ids[at]));
        });
        assert_eq!(seen, 800);
        assert!(ids.iter().all(|&id| (id as usize) < interner.bound()));
    }

    #[test]
    fn names_are_sorted_by_prefix_and_then_whole() {
        let interner = Interner::new();
        let long = "the first fifteen bytes are the same: ";
        let names: Vec<String> =
            (0..90).map(|n| if n % 2 == 0 { format!("{long}{}", 90 - n) } else { n.to_string() }).collect();
        names.iter().for_each(|name| assert!(interner.intern(name.as_bytes()).is_some()));
        let key = |name: &'_ [u8]| u8::from(name.len() < 5);
        let ids = interner.sorted(|_, _| true, |name| (key(name), name));
        let sorted = interner.names(&ids, 0);
        let mut expected: Vec<&[u8]> = names.iter().map(String::as_bytes).collect();
        expected.sort_unstable_by_key(|name| (key(name), *name));
        assert_eq!((0..90).map(|at| sorted.name(at)).collect::<Vec<_>>(), expected);
        assert_eq!(interner.names(&ids[..1], 4).name(0), &expected[0][4..]);
    }
}
