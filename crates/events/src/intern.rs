//! Which provisional id has this string? One table for all threads.
//!
//! Strings are spread over shards by a randomly seeded hash (strings are chosen by attackers); each shard is a table behind a
//! lock, with open addressing (linear probing). Provisional ids depend on timing and never leave the crate:
//! [`Interner::sorted`] is what numbers names canonically.
//!
//! 1. A [`Slot`] is half a line of a processor's cache: a provisional id, and the name itself if it is of up to [`SHORT`]
//!    bytes. So most searches look at one place in memory. Of a longer name it has hash and length, and where in the shard's
//!    arena it lies.
//! 2. [`Lookups`] collects some thousand names, goes through them shard by shard, and looks at all first places of a shard
//!    before anything is done about what was found there, so that the processor waits for many places at once.
//!
//! Memory: 4 bytes a name, 32 a slot, of which half to four fifths are taken, and the bytes of long names.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ahash::RandomState;
use rayon::prelude::*;

use crate::names::Names;

const SHARDS: usize = 256;

/// Bytes of a name that a slot has room for.
const SHORT: usize = KEY - 1;

/// Bytes of a key.
const KEY: usize = 28;

/// The first byte of the key of a free slot.
const FREE: u8 = 0;

/// The first byte of the key of a name that is longer than [`SHORT`].
const LONG: u8 = u8::MAX;

/// Slots of a new table.
const FIRST: usize = 16;

/// Names that are looked up together: their keys stay in a processor's second cache.
const TOGETHER: usize = 1 << 13;

/// The id of what wasn't found.
const NOWHERE: u32 = u32::MAX;

/// A name as it is compared: its length and one, then its bytes and zeros. Of a long name [`LONG`], hash, length, and place in
/// an arena.
type Key = [u8; KEY];

/// A place of a table.
#[derive(Clone, Copy)]
#[repr(C, align(32))]
struct Slot {
    /// Within the shard.
    id: u32,
    key: Key,
}

struct Shard {
    slots: Vec<Slot>,
    /// The slot of each id.
    slot_of: Vec<u32>,
    /// Long names.
    arena: Vec<u8>,
}

/// A set of byte strings with provisional ids.
pub(crate) struct Interner {
    shards: Vec<Mutex<Shard>>,
    seed: RandomState,
    turn: AtomicUsize,
}

/// A name that is looked up.
#[derive(Clone, Copy)]
struct Probe {
    hash: u64,
    key: Key,
    /// The caller's number of it.
    at: u32,
}

/// Names that are looked up together.
pub(crate) struct Lookups<'i> {
    interner: &'i Interner,
    probes: Vec<Probe>,
    arena: Vec<u8>,
    order: Vec<u16>,
    found: Vec<u32>,
}

fn word(key: &Key, at: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&key[at..at + 8]);
    u64::from_le_bytes(bytes)
}

/// The name of a key; a long one lies in an arena.
fn name_of<'k>(key: &'k Key, arena: &'k [u8]) -> &'k [u8] {
    match key[0] {
        LONG => {
            let start = word(key, 17) as usize;
            &arena[start..start + word(key, 9) as usize]
        }
        length => &key[1..usize::from(length)],
    }
}

/// The key of a name of two pieces, and its hash; a long name goes to an arena.
fn key_of(seed: &RandomState, prefix: &[u8], name: &[u8], arena: &mut Vec<u8>) -> (Key, u64) {
    let (mut key, length) = ([0; KEY], prefix.len() + name.len());
    if length <= SHORT {
        key[0] = length as u8 + 1;
        key[1..=prefix.len()].copy_from_slice(prefix);
        key[1 + prefix.len()..=length].copy_from_slice(name);
        return (key, seed.hash_one(key));
    }
    let start = arena.len();
    arena.extend_from_slice(prefix);
    arena.extend_from_slice(name);
    let hash = seed.hash_one(&arena[start..]);
    (long_key(hash, length, start), hash)
}

fn long_key(hash: u64, length: usize, start: usize) -> Key {
    let mut key = [0; KEY];
    key[0] = LONG;
    key[1..9].copy_from_slice(&hash.to_le_bytes());
    key[9..17].copy_from_slice(&(length as u64).to_le_bytes());
    key[17..25].copy_from_slice(&(start as u64).to_le_bytes());
    key
}

impl Default for Shard {
    fn default() -> Self {
        Shard { slots: vec![Slot { id: 0, key: [FREE; KEY] }; FIRST], slot_of: Vec::new(), arena: Vec::new() }
    }
}

impl Shard {
    fn name(&self, id: u32) -> &[u8] {
        name_of(&self.slots[self.slot_of[id as usize] as usize].key, &self.arena)
    }

    fn home(&self, hash: u64) -> usize {
        // The low bits are the shard's; the high ones as a fraction of all slots.
        (((hash >> 32) * self.slots.len() as u64) >> 32) as usize
    }

    /// The slot after a slot.
    fn after(&self, at: usize) -> usize {
        if at + 1 == self.slots.len() { 0 } else { at + 1 }
    }

    /// The id of a short name, if it stands in the first place where it might.
    #[inline]
    fn at_home(&self, probe: &Probe) -> u32 {
        let slot = &self.slots[self.home(probe.hash)];
        if slot.key == probe.key && probe.key[0] != LONG { slot.id } else { NOWHERE }
    }

    /// The id of a name, added if it is new; nothing if there are too many.
    fn intern(&mut self, seed: &RandomState, probe: &Probe, arena: &[u8]) -> Option<u32> {
        let mut at = self.home(probe.hash);
        while self.slots[at].key[0] != FREE {
            let (slot, key) = (&self.slots[at], &probe.key);
            let same = match key[0] {
                LONG => slot.key[..17] == key[..17] && name_of(&slot.key, &self.arena) == name_of(key, arena),
                _ => slot.key == *key,
            };
            if same {
                return Some(slot.id);
            }
            at = self.after(at);
        }
        let id = u32::try_from(self.slot_of.len()).ok().filter(|&id| id < u32::MAX / SHARDS as u32 - 16)?;
        let mut key = probe.key;
        if key[0] == LONG {
            let name = name_of(&probe.key, arena);
            key = long_key(probe.hash, name.len(), self.arena.len());
            self.arena.extend_from_slice(name);
        }
        self.slots[at] = Slot { id, key };
        self.slot_of.push(at as u32);
        if self.slot_of.len() * 5 > self.slots.len() * 4 {
            self.grow(seed);
        }
        Some(id)
    }

    fn grow(&mut self, seed: &RandomState) {
        let room = vec![Slot { id: 0, key: [FREE; KEY] }; self.slots.len() * 3 / 2];
        let old = std::mem::replace(&mut self.slots, room);
        for slot in old.into_iter().filter(|slot| slot.key[0] != FREE) {
            let hash = if slot.key[0] == LONG { word(&slot.key, 1) } else { seed.hash_one(slot.key) };
            let mut at = self.home(hash);
            while self.slots[at].key[0] != FREE {
                at = self.after(at);
            }
            self.slots[at] = slot;
            self.slot_of[slot.id as usize] = at as u32;
        }
    }
}

impl Lookups<'_> {
    /// Adds a name of two pieces, which the caller has numbered.
    #[inline]
    pub(crate) fn push(&mut self, prefix: &[u8], name: &[u8], at: u32) {
        let (key, hash) = key_of(&self.interner.seed, prefix, name, &mut self.arena);
        self.probes.push(Probe { hash, key, at });
    }

    /// Whether it is time to look them up.
    pub(crate) fn is_full(&self) -> bool {
        self.probes.len() >= TOGETHER
    }

    /// Calls back with the number and provisional id of each name, in no particular order, and forgets them. New names are
    /// added.
    pub(crate) fn look_up(&mut self, mut visit: impl FnMut(u32, Option<u32>)) {
        let Lookups { interner, probes, arena, order, found } = self;
        let mut next = [0u16; SHARDS + 1];
        probes.iter().for_each(|probe| next[probe.hash as usize % SHARDS + 1] += 1);
        for shard in 0..SHARDS {
            next[shard + 1] += next[shard];
        }
        let starts = next;
        order.resize(probes.len(), 0);
        for (at, probe) in probes.iter().enumerate() {
            let slot = &mut next[probe.hash as usize % SHARDS];
            order[usize::from(*slot)] = at as u16;
            *slot += 1;
        }
        // Threads start at different shards, so as not to wait for each other.
        let turn = interner.turn.fetch_add(97, Ordering::Relaxed);
        for shard in (0..SHARDS).map(|step| (turn + step) % SHARDS) {
            let mine = &order[usize::from(starts[shard])..usize::from(starts[shard + 1])];
            if mine.is_empty() {
                continue;
            }
            let mut guard = lock(&interner.shards[shard]);
            found.clear();
            found.extend(mine.iter().map(|&at| guard.at_home(&probes[usize::from(at)])));
            for (&at, &id) in mine.iter().zip(&*found) {
                let probe = &probes[usize::from(at)];
                let id = if id == NOWHERE { guard.intern(&interner.seed, probe, arena) } else { Some(id) };
                visit(probe.at, id.map(|id| id * SHARDS as u32 + shard as u32));
            }
        }
        probes.clear();
        arena.clear();
    }
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
        let mut arena = Vec::new();
        let (key, hash) = key_of(&self.seed, &[], name, &mut arena);
        let shard = hash as usize % SHARDS;
        let id = lock(&self.shards[shard]).intern(&self.seed, &Probe { hash, key, at: 0 }, &arena);
        id.map(|id| id * SHARDS as u32 + shard as u32)
    }

    /// No names yet, to be looked up together.
    pub(crate) fn lookups(&self) -> Lookups<'_> {
        let (order, found) = (Vec::new(), Vec::new());
        Lookups { interner: self, probes: Vec::with_capacity(TOGETHER), arena: Vec::new(), order, found }
    }

    /// An upper bound of the provisional ids.
    pub(crate) fn bound(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).slot_of.len()).max().unwrap_or(0) * SHARDS
    }

    /// Bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        let bytes = |shard: &Shard| size_of_val(&shard.slots[..]) + shard.slot_of.capacity() * 4 + shard.arena.capacity();
        self.shards.iter().map(|shard| bytes(&lock(shard))).sum()
    }

    /// Forgets all names. Ids that were given mean nothing any more.
    pub(crate) fn clear(&self) {
        self.shards.iter().for_each(|shard| *lock(shard) = Shard::default());
    }

    /// Copies of about so many names, from everywhere.
    pub(crate) fn sample(&self, count: usize) -> Vec<Vec<u8>> {
        let names: usize = self.shards.iter().map(|shard| lock(shard).slot_of.len()).sum();
        let every = names / count + 1;
        let of = |shard: &Mutex<Shard>| -> Vec<Vec<u8>> {
            let shard = lock(shard);
            (0..shard.slot_of.len() as u32).step_by(every).map(|at| shard.name(at).to_vec()).collect()
        };
        self.shards.iter().flat_map(of).collect()
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
        let known = |at: usize, shard: &Shard, visit: &mut dyn FnMut(u32, &[u8])| {
            for slot in shard.slots.iter().filter(|slot| slot.key[0] != FREE) {
                let (id, name) = (slot.id * SHARDS as u32 + at as u32, name_of(&slot.key, &shard.arena));
                if used(id, name) {
                    visit(id, name);
                }
            }
        };
        let counts = self.shards.par_iter().enumerate().map(|(at, shard)| {
            let mut count = 0;
            known(at, &lock(shard), &mut |_, _| count += 1);
            count
        });
        let counts: Vec<usize> = counts.collect();
        // One list from the beginning, because it is a large one.
        let mut order = vec![(0u128, 0u32); counts.iter().sum()];
        let (mut rest, mut pieces) = (&mut order[..], Vec::with_capacity(SHARDS));
        for &count in &counts {
            let (piece, after) = rest.split_at_mut(count);
            pieces.push(piece);
            rest = after;
        }
        pieces.into_par_iter().enumerate().for_each(|(at, piece)| {
            let mut slots = piece.iter_mut();
            known(at, &lock(&self.shards[at]), &mut |id, name| {
                let (prefix, name) = key(name);
                if let Some(slot) = slots.next() {
                    *slot = (head(prefix, name), id);
                }
            });
        });
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
        let mut all = Names::default();
        all.offsets.reserve_exact(ids.len());
        // Some at a time, for all of them are much.
        for ids in ids.chunks(CHUNK * 4 * rayon::current_num_threads()) {
            let chunks: Vec<Names> = ids
                .par_chunks(CHUNK)
                .map(|ids| {
                    let mut names = Names::default();
                    ids.iter().for_each(|&id| names.push(&shards[id as usize % SHARDS].name(id / SHARDS as u32)[skip..]));
                    names
                })
                .collect();
            for names in chunks {
                let start = all.bytes.len() as u64;
                all.offsets.extend(names.offsets[1..].iter().map(|end| start + end));
                all.bytes.extend_from_slice(&names.bytes);
            }
        }
        all.bytes.shrink_to_fit();
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
        let (mut lookups, mut seen) = (interner.lookups(), 0);
        for round in 0..2 {
            for n in 0..800u32 {
                let text = n.to_string();
                lookups.push(&text.as_bytes()[..round], &text.as_bytes()[round..], n);
            }
            lookups.look_up(|at, id| {
                seen += 1;
                assert!(at >= 700 || id == Some(ids[at as usize]));
            });
        }
        assert_eq!(seen, 1600);
        assert!(ids.iter().all(|&id| (id as usize) < interner.bound()));
    }

    #[test]
    fn names_of_every_length_are_told_apart_and_found_again() {
        let interner = Interner::new();
        let names: Vec<Vec<u8>> =
            (0..90usize).flat_map(|length| (0..60u8).map(move |last| [vec![b'x'; length], vec![last]].concat())).collect();
        let mut lookups = interner.lookups();
        let mut ids = vec![None; names.len()];
        names.iter().enumerate().for_each(|(at, name)| lookups.push(&name[..1], &name[1..], at as u32));
        lookups.look_up(|at, id| ids[at as usize] = id);
        for (name, id) in names.iter().zip(&ids) {
            assert_eq!(interner.intern(name), *id);
            assert_eq!(interner.name(id.unwrap()), *name);
        }
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), names.len());
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
