//! Names of accounts and identifiers, read where they lie in the mapped file.
//!
//! Names stand in byte order, so an id is found by binary search: no table is loaded and opening costs nothing.

use std::ops::Range;

use graph::Column;

/// How far one name is from another, in letters that differ. Nobody types a name of more than [`events::SHOWN`] bytes: of longer
/// ones, which a list may have by the megabyte, none is near another. Cost: O(product of their lengths).
pub(crate) fn distance(one: &str, other: &str) -> usize {
    if one.len().max(other.len()) > events::SHOWN { usize::MAX } else { strsim::damerau_levenshtein(one, other) }
}

/// A sorted list of names: name `i` is bytes `offsets[i] .. offsets[i + 1]`.
#[derive(Clone, Debug, Default)]
pub struct NameTable {
    offsets: Column<u64>,
    bytes: Column<u8>,
}

impl NameTable {
    /// Wraps the two columns of a table. `offsets` has one entry more than there are names.
    pub(crate) fn new(offsets: Column<u64>, bytes: Column<u8>) -> Self {
        NameTable { offsets, bytes }
    }

    /// The same names, as the ingest knows them.
    pub(crate) fn as_names(&self) -> events::NamesRef<'_> {
        events::NamesRef { offsets: self.offsets.as_slice(), bytes: self.bytes.as_slice() }
    }

    /// Number of names.
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Whether there are no names.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name of an id; empty for an id that is out of range or whose bytes are damaged.
    pub fn name_of(&self, id: u32) -> &str {
        std::str::from_utf8(self.bytes_of(id as usize)).unwrap_or_default()
    }

    /// The id of a name within a sorted range of ids. O(log names).
    pub fn find(&self, range: Range<u32>, name: &str) -> Option<u32> {
        let at = self.lower_bound(range.clone(), name);
        (at < range.end && self.bytes_of(at as usize) == name.as_bytes()).then_some(at)
    }

    /// The first id in a sorted range whose name isn't below `name`.
    pub fn lower_bound(&self, range: Range<u32>, name: &str) -> u32 {
        let (mut low, mut high) = (range.start, range.end);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.bytes_of(middle as usize) < name.as_bytes() {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    fn bytes_of(&self, id: usize) -> &[u8] {
        let (offsets, bytes) = (self.offsets.as_slice(), self.bytes.as_slice());
        match (offsets.get(id), offsets.get(id + 1)) {
            (Some(&start), Some(&end)) => bytes.get(start as usize..end as usize).unwrap_or_default(),
            _ => &[],
        }
    }
}
