//! Was this event read before?
//!
//! A row that carries an event id (`event_id`, `request_id`) counts once, however often it was delivered: in one file, in
//! several, or in a later batch. Per distinct row 16 bytes are kept: 64 bits of its id's hash and 64 bits of its content's
//! hash.
//!
//! * Same id, same content: a *duplicate*. Counted, and nothing else of it is.
//! * Same id, other content: a *conflict*. All of them count as events, and of those of one id all but one are counted as
//!   conflicts. No row wins over another, so the result doesn't depend on the order of rows, files or batches; and whoever can
//!   choose ids can't hide an event behind another.
//! * No id: the row counts.
//!
//! The content is the used columns as they were written, but for times and numbers, whose values count; empty ones are left
//! out, so that the format and the columns nobody uses make no difference. In long events, where one event has a row for each
//! identifier, the kind and the value belong to the id.
//!
//! Hashes are BLAKE3, keyed where a store keeps pseudonyms; each rotation of the key hashes the hashes again. A row is lost by
//! accident only if all 128 bits agree: among n events with probability below n² / 2^129, 10^-21 for 10^9. A conflict is
//! counted that is none with probability below n² / 2^65, 3 % for 10^9.
//!
//! Cost: two hashes a row that has an id; 17 to 35 bytes a distinct row while reading (a hash table at 7/16 to 7/8), 16 in the
//! store.

use std::sync::{Mutex, PoisonError};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::normalise::pseudonym::{Pseudonyms, pair_again};

/// Tables, each with a lock, so that threads seldom wait.
const TABLES: usize = 64;

/// Context of the key where there are no pseudonyms; never changes.
const OPEN: &str = "hydralink 2026 event ids v1";

/// The events that were counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventIds {
    /// Hashes of id and content by turns, ascending by pair.
    pub pairs: Vec<u64>,
    /// Rows that were left out, because they had been read.
    pub duplicates: u64,
}

impl EventIds {
    /// Conflicts: of the counted rows with one id, all but one. An id with three contents is two.
    pub fn conflicts(&self) -> u64 {
        let (pairs, _) = self.pairs.as_chunks::<2>();
        pairs.windows(2).filter(|two| two[0][0] == two[1][0]).count() as u64
    }
}

/// One id and its content, hashed.
pub(crate) struct Event {
    id: blake3::Hasher,
    content: blake3::Hasher,
}

impl Event {
    /// 64 bits each of its id and of its content.
    pub(crate) fn pair(&self) -> [u64; 2] {
        [&self.id, &self.content].map(|hasher| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
            u64::from_le_bytes(bytes)
        })
    }
}

/// Whom a row tells what it says.
pub(crate) trait Told {
    /// Something that tells the event from others.
    fn identify(&mut self, part: &[u8]);

    /// Something that the event says.
    fn say(&mut self, column: &str, value: &[u8]);
}

impl Told for Event {
    fn identify(&mut self, part: &[u8]) {
        add(&mut self.id, part);
    }

    fn say(&mut self, column: &str, value: &[u8]) {
        add(&mut self.content, column.as_bytes());
        add(&mut self.content, value);
    }
}

/// All of it in one text.
impl Told for Vec<u8> {
    fn identify(&mut self, part: &[u8]) {
        self.extend_from_slice(&(part.len() as u64).to_le_bytes());
        self.extend_from_slice(part);
    }

    fn say(&mut self, column: &str, value: &[u8]) {
        self.identify(column.as_bytes());
        self.identify(value);
    }
}

/// Length first, so that no two lists of parts are one text.
fn add(hasher: &mut blake3::Hasher, part: &[u8]) {
    hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
}

/// The events counted so far, shared by all threads.
pub(crate) struct Counted {
    key: [u8; 32],
    /// Of the rotations since.
    later: Vec<[u8; 32]>,
    tables: Vec<Mutex<HashTable<[u64; 2]>>>,
}

impl Counted {
    pub(crate) fn new(pseudonyms: Option<&Pseudonyms>) -> Self {
        let secret = pseudonyms.map_or(String::new(), Pseudonyms::event_secret);
        Counted {
            key: blake3::derive_key(OPEN, secret.as_bytes()),
            later: pseudonyms.map_or(Vec::new(), Pseudonyms::event_keys),
            tables: (0..TABLES).map(|_| Mutex::default()).collect(),
        }
    }

    pub(crate) fn event(&self) -> Event {
        Event { id: blake3::Hasher::new_keyed(&self.key), content: blake3::Hasher::new_keyed(&self.key) }
    }

    /// Whether an event of these hashes is a new one; from now on it isn't.
    pub(crate) fn is_new(&self, pair: [u64; 2]) -> bool {
        self.insert(self.later.iter().fold(pair, |pair, key| pair_again(key, pair)))
    }

    fn insert(&self, pair: [u64; 2]) -> bool {
        // The hashes are BLAKE3's: any of their bits spread evenly.
        let hash = |pair: &[u64; 2]| pair[0] ^ pair[1].rotate_left(32);
        let mut table = self.tables[pair[1] as usize % TABLES].lock().unwrap_or_else(PoisonError::into_inner);
        match table.entry(hash(&pair), |known| *known == pair, hash) {
            Entry::Occupied(_) => false,
            Entry::Vacant(free) => {
                free.insert(pair);
                true
            }
        }
    }

    /// Takes over what an earlier ingest counted.
    pub(crate) fn seed(&self, pairs: &[u64]) {
        for &pair in pairs.as_chunks::<2>().0 {
            self.insert(pair);
        }
    }

    /// All pairs, ascending.
    pub(crate) fn sorted(&self) -> Vec<u64> {
        let mut pairs: Vec<[u64; 2]> = Vec::new();
        for table in &self.tables {
            pairs.extend(table.lock().unwrap_or_else(PoisonError::into_inner).drain());
        }
        pairs.sort_unstable();
        pairs.into_flattened()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(counted: &Counted, id: &str, content: &str) -> bool {
        let mut event = counted.event();
        event.identify(id.as_bytes());
        event.say("account_id", content.as_bytes());
        counted.is_new(event.pair())
    }

    #[test]
    fn a_duplicate_is_old_and_a_conflict_is_new_but_counted() {
        let counted = Counted::new(None);
        assert!(event(&counted, "r1", "a"));
        assert!(!event(&counted, "r1", "a"));
        assert!(event(&counted, "r1", "b"));
        assert!(event(&counted, "r2", "a"));
        assert!(event(&counted, "r1", "c"), "a second conflict, and the first row is none");
        let ids = EventIds { pairs: counted.sorted(), duplicates: 1 };
        assert_eq!((ids.pairs.len(), ids.conflicts()), (8, 2));
    }

    #[test]
    fn a_key_changes_every_hash() {
        let (open, keyed) = (Counted::new(None), Counted::new(Some(&Pseudonyms::new([7; 32]))));
        assert!(event(&open, "r1", "a") && event(&keyed, "r1", "a"));
        let (open, keyed) = (open.sorted(), keyed.sorted());
        assert!(open.iter().zip(&keyed).all(|(one, other)| one != other));
    }

    #[test]
    fn a_rotation_counts_the_same_events() {
        let (old, new) = (Pseudonyms::new([7; 32]), Pseudonyms::new([8; 32]));
        let before = Counted::new(Some(&old));
        let events = [("r1", "a"), ("r1", "b"), ("r2", "a")];
        assert!(events.iter().all(|(id, content)| event(&before, id, content)));
        let pairs = new.event_ids_again(&before.sorted());
        assert_eq!(EventIds { pairs: pairs.clone(), duplicates: 0 }.conflicts(), 1);
        let after = Counted::new(Some(&old.rotated(&new)));
        after.seed(&pairs);
        assert!(events.iter().all(|(id, content)| !event(&after, id, content)));
        assert!(event(&after, "r3", "a"));
    }

    proptest! {
        #[test]
        fn counts_what_a_set_counts(rows in prop::collection::vec((0u8..8, 0u8..3), 0..60)) {
            let counted = Counted::new(None);
            let mut known = std::collections::BTreeSet::new();
            for &(id, content) in &rows {
                prop_assert_eq!(event(&counted, &id.to_string(), &content.to_string()), known.insert((id, content)));
            }
            let ids: std::collections::BTreeSet<u8> = known.iter().map(|&(id, _)| id).collect();
            let again = EventIds { pairs: counted.sorted(), duplicates: 0 };
            prop_assert_eq!(again.conflicts() as usize, known.len() - ids.len());
            let later = Counted::new(None);
            later.seed(&again.pairs);
            for &(id, content) in &rows {
                prop_assert!(!event(&later, &id.to_string(), &content.to_string()));
            }
        }
    }
}
