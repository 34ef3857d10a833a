//! One section: a file of little-endian numbers and its checksum.
//!
//! This is the only module with `unsafe` in it: the call that maps a file, and the loan of the map's bytes to a column that
//! keeps the map alive. Both are sound only while nobody changes a mapped file. We don't: section files are written once under
//! a fresh name, and what is removed stays readable under its map. Another program that writes into one while it is mapped
//! makes behaviour undefined, and one that cuts it short ends the process (SIGBUS): the system offers no map that prevents it.

use std::fs::File;
use std::io::{self, Write};
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use events::Element;
use graph::Column;
use memmap2::Mmap;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};
use zerocopy::{FromBytes, IntoBytes};

use super::manifest::SectionEntry;
use crate::error::Error;

/// What a question is going to read of the large sections of a store. The system is told, so that from a cold disk it fetches
/// single pages where reading ahead would be wasted, and reads ahead where most of a section will be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reading {
    /// Single places of every section: a question about one node.
    Points,
    /// Many places of the sections that join accounts, which are read ahead up to 16 MiB, and single places of all others, such
    /// as the names of what is shown in the end: a question that walks from account to account.
    Joins,
    /// Many places of every section: those of up to 16 MiB are read ahead.
    Scattered,
    /// Sections from end to end, or so many places that it comes to the same: all are read ahead.
    Whole,
}

impl Reading {
    /// The most bytes that a section of this name may have to be read ahead; larger ones are read at single places.
    #[cfg(unix)]
    fn whole(self, name: &str) -> usize {
        match self {
            Reading::Joins if !JOINING.contains(&name) => SMALL_SECTION as usize,
            Reading::Points => SMALL_SECTION as usize,
            Reading::Joins | Reading::Scattered => 16 << 20,
            Reading::Whole => usize::MAX,
        }
    }
}

/// Sections of what joins accounts: looked up for every sighting, or for every account that one leads to.
#[cfg(unix)]
const JOINING: [&str; 4] = ["graph.account_offsets", "result.small_degrees", "result.policies", "result.network_of"];

/// Sections up to this many bytes are checked against their checksum whenever a store is opened (1 MiB).
pub const SMALL_SECTION: u64 = 1 << 20;

/// [`SMALL_SECTION`]; to fuzz targets and where tests say so all sections are large.
fn small_section() -> u64 {
    #[cfg(test)]
    if ALL_LARGE.get() {
        return 0;
    }
    if cfg!(fuzzing) { 0 } else { SMALL_SECTION }
}

#[cfg(test)]
thread_local! {
    static ALL_LARGE: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Work of a test for which no section is small enough to be checked when a store is opened (on this thread).
#[cfg(test)]
pub(crate) fn with_large_sections<T>(work: impl FnOnce() -> T) -> T {
    ALL_LARGE.set(true);
    let done = work();
    ALL_LARGE.set(false);
    done
}

#[cfg(target_endian = "big")]
compile_error!("stores are little-endian and mapped as they are; big-endian machines are not supported");

/// A mapped section.
#[derive(Debug)]
pub(crate) struct Mapped {
    map: Arc<Mmap>,
    element: String,
}

impl Mapped {
    /// Tells the system what will be read, so that it reads no more around each place than that. Of no consequence if it can't
    /// be told.
    pub(crate) fn expect(&self, name: &str, reading: Reading) {
        #[cfg(unix)]
        if self.map.len() > SMALL_SECTION as usize {
            let places = self.map.len() > reading.whole(name);
            drop(self.map.advise(if places { memmap2::Advice::Random } else { memmap2::Advice::Normal }));
        }
    }

    /// Has the system fetch the whole section.
    pub(crate) fn fetch(&self) {
        #[cfg(unix)]
        if self.map.len() > SMALL_SECTION as usize {
            drop(self.map.advise(memmap2::Advice::WillNeed));
        }
    }

    /// The section's bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// The section as an array.
    pub(crate) fn column<T: Element>(&self) -> Result<Column<T>, String> {
        if self.element != T::NAME {
            return Err(format!("expected elements of type {}, found {}", T::NAME, self.element));
        }
        lent(&self.map).ok_or_else(|| format!("{} bytes are not whole {}s", self.map.len(), T::NAME))
    }

    /// Compares the bytes with the checksum that was recorded when they were written.
    pub(crate) fn check(&self, entry: &SectionEntry) -> Result<(), String> {
        let found = xxh3_128(&self.map);
        if found == entry.checksum {
            Ok(())
        } else {
            Err(format!("checksum is {found:032x}, expected {:032x}", entry.checksum))
        }
    }
}

/// A column of the bytes that somebody keeps, nothing if these are no whole elements. `O` is a map, and in tests what stands for
/// one: its bytes stay where they are and as they are for as long as it lives, wherever it is moved.
fn lent<O: Deref<Target = [u8]> + Send + Sync + 'static, T: Element>(owner: &Arc<O>) -> Option<Column<T>> {
    let slice = <[T]>::ref_from_bytes(owner).ok()?;
    // SAFETY: the slice lies in the owner's bytes, which stay where they are until the last `Arc` to it goes; the column holds
    // one, and lends the slice for no longer than itself.
    #[allow(unsafe_code)]
    let slice = unsafe { std::slice::from_raw_parts::<'static, T>(slice.as_ptr(), slice.len()) };
    Some(Column::kept_by(owner.clone(), slice))
}

/// Maps one section and checks its length, and its checksum if it is small. What the system refuses is no damage: a file that
/// isn't there, isn't there yet or any more, and [`Error::Io`] as all else.
pub(crate) fn map(store: &Path, entry: &SectionEntry) -> Result<Mapped, Error> {
    let damaged = |what: String| Error::StoreDamaged { store: store.to_owned(), section: entry.name.clone(), what };
    let path = store.join(&entry.file);
    let file = File::open(&path).map_err(|error| Error::io("open", &path, error))?;
    let found = file.metadata().map_err(|error| Error::io("read", &path, error))?.len();
    if found != entry.bytes {
        return Err(damaged(format!("{}: {found} bytes, expected {}", entry.file, entry.bytes)));
    }
    // SAFETY: a section file is never written to after the rename that made its manifest visible; it is replaced under another
    // name (other programs: see the module). The length was checked above, and all element types accept any bit pattern
    // (`FromBytes`), so a file that was damaged before gives wrong numbers.
    #[allow(unsafe_code)]
    let map = unsafe { Mmap::map(&file) }.map_err(|error| Error::io("map", &path, error))?;
    let mapped = Mapped { map: Arc::new(map), element: entry.element.clone() };
    mapped.expect("", Reading::Points);
    if entry.bytes <= small_section() {
        mapped.check(entry).map_err(damaged)?;
    }
    Ok(mapped)
}

/// A section in the making: its file, and the checksum of what is in it.
pub(crate) struct SectionWriter {
    entry: SectionEntry,
    file: File,
    hash: Box<Xxh3>,
}

impl SectionWriter {
    /// An empty section of a name in a new file.
    pub(crate) fn create<T: Element>(store: &Path, name: &str, file: String) -> io::Result<Self> {
        let out = File::create_new(store.join(&file))?;
        let entry = SectionEntry { name: name.to_owned(), file, element: T::NAME.to_owned(), bytes: 0, checksum: 0 };
        Ok(SectionWriter { entry, file: out, hash: Box::default() })
    }

    /// Appends values.
    pub(crate) fn append<T: Element>(&mut self, values: &[T]) -> io::Result<()> {
        // Small enough to be still in the processor's caches when it is written.
        for chunk in values.as_bytes().chunks(1 << 18) {
            self.hash.update(chunk);
            self.file.write_all(chunk)?;
            self.entry.bytes += chunk.len() as u64;
        }
        Ok(())
    }

    /// What the manifest will say, and the file, to be synced before it says so.
    pub(crate) fn finish(mut self) -> (SectionEntry, File) {
        self.entry.checksum = self.hash.digest128();
        (self.entry, self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stands for a map, which Miri can't make: what is `unsafe` here but the call that maps can be asked of it.
    struct Words(Vec<u64>);

    impl Deref for Words {
        type Target = [u8];

        fn deref(&self) -> &[u8] {
            self.0.as_bytes()
        }
    }

    #[test]
    fn a_column_keeps_what_it_was_lent() {
        let owner = Arc::new(Words(vec![1, 2 << 32 | 3]));
        let column: Column<u32> = lent(&owner).unwrap();
        drop(owner);
        let other = column.clone();
        drop(column);
        let read = std::thread::spawn(move || other.as_slice().to_vec());
        assert_eq!(read.join().unwrap(), [1, 0, 3, 2]);
        assert!(lent::<_, u64>(&Arc::new(Words(Vec::new()))).unwrap().is_empty());
    }
}
