//! One section: a file of little-endian numbers and its checksum.
//!
//! This is the only module with `unsafe` in it: one call that maps a file. The map is read-only and private to us by protocol:
//! section files are written once under a fresh name and never changed, so the bytes under a map stay as they are.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use graph::Column;
use memmap2::Mmap;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::manifest::SectionEntry;
use crate::error::Error;

/// Sections up to this many bytes are checked against their checksum whenever a store is opened (4 MiB: under a millisecond).
pub const SMALL_SECTION: u64 = 4 << 20;

#[cfg(target_endian = "big")]
compile_error!("stores are little-endian and mapped as they are; big-endian machines are not supported");

/// A number that sections can hold.
pub(crate) trait Element: FromBytes + IntoBytes + Immutable + KnownLayout + Copy + Send + Sync + 'static {
    /// The type's name in manifests.
    const NAME: &'static str;
}

macro_rules! elements {
    ($($type:ident),*) => { $(impl Element for $type { const NAME: &'static str = stringify!($type); })* };
}
elements!(u8, u16, u32, u64, i64, f32);

/// A mapped section.
#[derive(Debug)]
pub(crate) struct Mapped {
    map: Arc<Mmap>,
    element: String,
}

/// The part of a mapped section that a [`Column`] keeps alive.
struct MappedColumn<T> {
    map: Arc<Mmap>,
    element: std::marker::PhantomData<T>,
}

impl<T: Element> AsRef<[T]> for MappedColumn<T> {
    fn as_ref(&self) -> &[T] {
        <[T]>::ref_from_bytes(&self.map).expect("alignment and length were checked when the column was made")
    }
}

impl Mapped {
    /// The section's bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// The section as an array.
    pub(crate) fn column<T: Element>(&self, _name: &str) -> Result<Column<T>, String> {
        if self.element != T::NAME {
            return Err(format!("expected elements of type {}, found {}", T::NAME, self.element));
        }
        <[T]>::ref_from_bytes(&self.map).map_err(|_| format!("{} bytes are not whole {}s", self.map.len(), T::NAME))?;
        Ok(Column::new(MappedColumn::<T> { map: self.map.clone(), element: std::marker::PhantomData }))
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

/// Maps one section and checks its length, and its checksum if it is small.
pub(crate) fn map(store: &Path, entry: &SectionEntry) -> Result<Mapped, Error> {
    let damaged = |what: String| Error::StoreDamaged { store: store.to_owned(), section: entry.name.clone(), what };
    let path = store.join(&entry.file);
    let file = File::open(&path).map_err(|error| damaged(format!("{}: {error}", entry.file)))?;
    let found = file.metadata().map_err(|error| damaged(format!("{}: {error}", entry.file)))?.len();
    if found != entry.bytes {
        return Err(damaged(format!("{}: {found} bytes, expected {}", entry.file, entry.bytes)));
    }
    // SAFETY: the file is opened read-only, and by the store's protocol a section file is never written to after the rename that
    // made its manifest visible; it is replaced under another name. The length was checked above. All element types accept any
    // bit pattern (`FromBytes`), so even a file changed behind our back yields wrong numbers, not undefined values of a type.
    #[allow(unsafe_code)]
    let map = unsafe { Mmap::map(&file) }.map_err(|error| damaged(format!("{}: cannot map: {error}", entry.file)))?;
    let mapped = Mapped { map: Arc::new(map), element: entry.element.clone() };
    if entry.bytes <= SMALL_SECTION {
        mapped.check(entry).map_err(damaged)?;
    }
    Ok(mapped)
}

/// Writes one section and syncs it.
pub(crate) fn write<T: Element>(store: &Path, name: &str, file: &str, values: &[T]) -> io::Result<SectionEntry> {
    let bytes = values.as_bytes();
    let mut out = File::create_new(store.join(file))?;
    let mut hash = Xxh3::new();
    for chunk in bytes.chunks(8 << 20) {
        hash.update(chunk);
        out.write_all(chunk)?;
    }
    out.sync_all()?;
    Ok(SectionEntry {
        name: name.to_owned(),
        file: file.to_owned(),
        element: T::NAME.to_owned(),
        bytes: bytes.len() as u64,
        checksum: hash.digest128(),
    })
}
