//! Which rows say exactly what another row says, and which files have them in common?
//!
//! A row without an event id counts each time that it is read: an export that was given twice doubles what its accounts
//! did. Nobody can tell that from two requests of one second; so nothing is left out, but [`crate::profile()`] counts such
//! rows and names the files. What a row says is what the content of an event with an id is ([`crate::event_ids`]).
//!
//! Memory is bounded: of [`MOST`] different rows on, those are kept of which the hash of account and time ends in a zero bit,
//! then in two, and so on. Which they are doesn't depend on the order of rows, and each is kept with all its repetitions, so
//! that counts times the number of rows that one stands for are estimates without bias. Cost: a hash of account and time a
//! row, and one of all that it says a kept row; 40 bytes a kept row, with the room of the table.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// Different rows that are kept.
pub(crate) const MOST: usize = 1 << 20;

/// Tables, each with a lock, so that threads seldom wait.
const TABLES: usize = 64;

/// The bits that choose: enough for 2^44 rows.
const CHOOSES: u64 = (1 << 24) - 1;

/// No file.
const NONE: u32 = u32::MAX;

/// Rows that two files have in common from which on they are named: as a share of the smaller file's, and as a number that
/// was seen.
const MANY_SHARE: f64 = 0.01;
const MANY: u64 = 10;

/// Rows that say what another row says.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Repeats {
    /// Rows without an event id that say exactly what an earlier row says; each of them counts.
    pub rows: u64,
    /// Of how many different rows one was looked at: 1 if none was left out, and else the numbers here are estimates.
    pub one_of: u64,
    /// Files that have many rows in common, with event ids or without.
    pub files: Vec<FilesAlike>,
}

/// Two files with rows in common.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct FilesAlike {
    /// The one that was read first.
    pub first: String,
    /// The other.
    pub second: String,
    /// Rows of the second that say exactly what one of the first says.
    pub rows: u64,
    /// All rows of the second.
    pub of_rows: u64,
}

/// A row, and how often it was read.
struct Known {
    hash: u64,
    /// The file that had it first, and the next one that had it.
    first: u32,
    other: u32,
    times: u32,
    /// Of these, in other files than the first.
    elsewhere: u32,
    has_id: bool,
}

/// The rows read so far, shared by all threads.
pub(crate) struct Seen {
    /// The number of the file that is read; files are read one after the other.
    file: AtomicU32,
    /// Zero bits in which kept hashes end.
    bits: AtomicU32,
    most: usize,
    tables: Vec<Mutex<HashTable<Known>>>,
}

impl Seen {
    pub(crate) fn new(most: usize) -> Self {
        Seen {
            file: AtomicU32::new(0),
            bits: AtomicU32::new(0),
            most: most / TABLES,
            tables: (0..TABLES).map(|_| Mutex::default()).collect(),
        }
    }

    /// What is read from now on is of this file.
    pub(crate) fn begin(&self, file: usize) {
        self.file.store(file as u32, Ordering::Relaxed);
    }

    /// Whether rows of an account and a time with this hash are noted.
    pub(crate) fn is_kept(&self, choice: u64) -> bool {
        ends_in(choice, self.bits.load(Ordering::Relaxed))
    }

    /// Takes note of a row, by the hash that chooses it and the hash of all that it says.
    pub(crate) fn note(&self, choice: u64, said: u64, has_id: bool) {
        let hash = (choice & CHOOSES) | (said & !CHOOSES);
        let file = self.file.load(Ordering::Relaxed);
        let mut table = self.tables[(hash >> 58) as usize % TABLES].lock().unwrap_or_else(PoisonError::into_inner);
        // The low bits of what is kept are zero, the high ones chose the table.
        let place = |hash: u64| hash.rotate_left(32);
        match table.entry(place(hash), |known| known.hash == hash, |known| place(known.hash)) {
            Entry::Occupied(mut found) => {
                let known = found.get_mut();
                known.times = known.times.saturating_add(1);
                if known.first != file {
                    known.elsewhere = known.elsewhere.saturating_add(1);
                    known.other = known.other.min(file);
                }
            }
            Entry::Vacant(free) => {
                free.insert(Known { hash, first: file, other: NONE, times: 1, elsewhere: 0, has_id });
            }
        }
        while table.len() > self.most {
            let bits = self.bits.load(Ordering::Relaxed);
            // Another table may have been full already; what it let go this one need not keep.
            if table.iter().all(|known| ends_in(known.hash, bits)) {
                self.step_from(bits);
            }
            table.retain(|known| self.is_kept(known.hash));
        }
    }

    /// One more bit for a table that was full with so many. If another one was full with as many, one step is enough for both.
    fn step_from(&self, bits: u32) {
        let _ = self.bits.compare_exchange(bits, bits + 1, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// What was found, for files of these names and numbers of rows.
    pub(crate) fn found(&self, files: &[(String, u64)]) -> Repeats {
        let bits = self.bits.load(Ordering::Relaxed);
        let (mut rows, mut pairs) = (0, BTreeMap::<(u32, u32), u64>::new());
        for table in &self.tables {
            let table = table.lock().unwrap_or_else(PoisonError::into_inner);
            for known in table.iter().filter(|known| known.hash.trailing_zeros() >= bits) {
                rows += if known.has_id { 0 } else { u64::from(known.times) - 1 };
                if known.other != NONE {
                    *pairs.entry((known.first, known.other)).or_default() += u64::from(known.elsewhere);
                }
            }
        }
        let alike = |((first, second), seen): ((u32, u32), u64)| {
            let (first, second) = (files.get(first as usize)?, files.get(second as usize)?);
            let rows = (seen << bits).min(second.1);
            let many = seen >= MANY && rows as f64 >= MANY_SHARE * first.1.min(second.1) as f64;
            many.then(|| FilesAlike { first: first.0.clone(), second: second.0.clone(), rows, of_rows: second.1 })
        };
        Repeats { rows: rows << bits, one_of: 1 << bits, files: pairs.into_iter().filter_map(alike).collect() }
    }
}

/// Whether a hash ends in so many zero bits.
fn ends_in(hash: u64, bits: u32) -> bool {
    hash.trailing_zeros() >= bits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(row: u64) -> u64 {
        u64::from_le_bytes(blake3::hash(&row.to_le_bytes()).as_bytes()[..8].try_into().expect("eight bytes"))
    }

    fn found(most: usize, files: &[std::ops::Range<u64>]) -> Repeats {
        let seen = Seen::new(most);
        for (at, rows) in files.iter().enumerate() {
            seen.begin(at);
            rows.clone().filter(|&row| seen.is_kept(hash(row))).for_each(|row| seen.note(hash(row), hash(row), false));
        }
        let named = files.iter().enumerate().map(|(at, rows)| (format!("f{at}"), rows.end - rows.start));
        seen.found(&named.collect::<Vec<_>>())
    }

    #[test]
    fn files_with_rows_in_common_are_named() {
        let all = found(MOST, &[0..1000, 900..2000, 5000..6000]);
        let alike = FilesAlike { first: "f0".to_owned(), second: "f1".to_owned(), rows: 100, of_rows: 1100 };
        assert_eq!(all, Repeats { rows: 100, one_of: 1, files: vec![alike] });
        // A few at midnight are none to be named.
        assert_eq!(found(MOST, &[0..1000, 991..2000]), Repeats { rows: 9, one_of: 1, files: vec![] });
    }

    #[test]
    fn a_sample_is_bounded_and_its_counts_are_near() {
        let some = found(TABLES * 16, &[0..100_000, 50_000..150_000]);
        assert!(some.one_of >= 128 && some.files.len() == 1, "{some:?}");
        // 150,000 rows, one of 256 kept: so the 50,000 repetitions are some 195 seen, give or take 14.
        assert!((some.rows as f64 - 50_000.0).abs() < 15_000.0, "{some:?}");
        assert_eq!(some, found(TABLES * 16, &[0..100_000, 50_000..150_000]));
    }

    /// Each took one, so that estimates depended on who came first.
    #[test]
    fn tables_that_are_full_at_once_take_one_step() {
        let seen = Seen::new(MOST);
        let bits = seen.bits.load(Ordering::Relaxed);
        (0..2).for_each(|_| seen.step_from(bits));
        assert!(seen.is_kept(0b10) && !seen.is_kept(1));
        seen.step_from(bits + 1);
        assert!(seen.is_kept(0b100) && !seen.is_kept(0b10));
    }

    #[test]
    fn repetitions_of_events_with_ids_are_counted_elsewhere() {
        let seen = Seen::new(MOST);
        (0..2).for_each(|_| seen.note(7, 7, true));
        (0..3).for_each(|_| seen.note(9, 9, false));
        assert_eq!(seen.found(&[("f".to_owned(), 5)]).rows, 2);
    }
}
