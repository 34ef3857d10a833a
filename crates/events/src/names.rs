//! Which string does an id stand for, and which id a string?
//!
//! All names in one byte arena, in ascending order, with the end of each in an offsets array: no allocation a name, and a
//! lookup is a binary search. [`NamesRef`] is the same over borrowed arrays, for a store that maps them.

/// Owned names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// Start of each name, and the arena's length; length names + 1.
    pub offsets: Vec<u64>,
    /// The names, one after the other.
    pub bytes: Vec<u8>,
}

/// Borrowed names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamesRef<'a> {
    /// Start of each name, and the arena's length; length names + 1.
    pub offsets: &'a [u64],
    /// The names, one after the other.
    pub bytes: &'a [u8],
}

impl Default for Names {
    fn default() -> Self {
        Names { offsets: vec![0], bytes: Vec::new() }
    }
}

impl Names {
    /// Appends a name; the caller keeps the order.
    pub fn push(&mut self, name: &[u8]) {
        self.bytes.extend_from_slice(name);
        self.offsets.push(self.bytes.len() as u64);
    }

    /// The same names, borrowed.
    pub fn as_ref(&self) -> NamesRef<'_> {
        NamesRef { offsets: &self.offsets, bytes: &self.bytes }
    }

    /// Number of names.
    pub fn len(&self) -> usize {
        self.as_ref().len()
    }

    /// Whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name of an id.
    pub fn name(&self, id: u32) -> &[u8] {
        self.as_ref().name(id)
    }

    /// The name of an id as text.
    pub fn text(&self, id: u32) -> &str {
        self.as_ref().text(id)
    }

    /// The id of a name among all names. Right only where all names ascend (accounts). O(log names).
    pub fn find(&self, name: &[u8]) -> Option<u32> {
        self.as_ref().find(name)
    }

    /// The id of a name within an ascending range of ids, such as one kind's identifiers. O(log names).
    pub fn find_in(&self, range: std::ops::Range<u32>, name: &[u8]) -> Option<u32> {
        self.as_ref().find_in(range, name)
    }
}

impl<'a> NamesRef<'a> {
    /// Number of names.
    pub fn len(self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Whether there is no name.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The name of an id; empty if a damaged offset leads nowhere.
    pub fn name(self, id: u32) -> &'a [u8] {
        let range = self.offsets[id as usize] as usize..self.offsets[id as usize + 1] as usize;
        self.bytes.get(range).unwrap_or_default()
    }

    /// The name of an id as text; names are UTF-8 by construction.
    pub fn text(self, id: u32) -> &'a str {
        std::str::from_utf8(self.name(id)).unwrap_or_default()
    }

    /// The id of a name among all names. Right only where all names ascend (accounts). O(log names).
    pub fn find(self, name: &[u8]) -> Option<u32> {
        self.find_in(0..self.len() as u32, name)
    }

    /// The id of a name within an ascending range of ids, such as one kind's identifiers. O(log names).
    pub fn find_in(self, range: std::ops::Range<u32>, name: &[u8]) -> Option<u32> {
        let (mut low, mut high) = (range.start, range.end);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.name(middle).cmp(name) {
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_at_its_id() {
        let mut names = Names::default();
        for name in ["", "a", "ab", "b"] {
            names.push(name.as_bytes());
        }
        for id in 0..4 {
            assert_eq!(names.find(names.name(id)), Some(id));
        }
        assert_eq!(names.find(b"aa"), None);
        assert_eq!(names.find_in(2..4, b"a"), None);
        assert_eq!(names.text(2), "ab");
    }
}
