//! Dense ids: the only names that exist between ingest and export.

/// Whole seconds since the Unix epoch; [`NO_TIME`] where the input gave none. Good until the year 2106.
pub type Seconds = u32;

/// The [`Seconds`] of something without a timestamp. Real times before the year 2000 are refused at ingest.
pub const NO_TIME: Seconds = 0;

/// A missing value in a `u16` column (model, capability, status).
pub const NONE_U16: u16 = u16::MAX;

/// A missing value in a `u32` column (template, label).
pub const NONE_U32: u32 = u32::MAX;

/// An account: the left side of the graph, `0..account_count`, in the byte order of the accounts' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub u32);

/// An identifier: the right side of the graph, `0..identifier_count`, in the order of (kind, value bytes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdentifierId(pub u32);

/// The kind of an identifier (`ip`, `payment_instrument`, ...), in the byte order of the kinds' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KindId(pub u8);

impl AccountId {
    /// The id as an array index.
    #[inline]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl IdentifierId {
    /// The id as an array index.
    #[inline]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl KindId {
    /// The kind at an array index.
    ///
    /// # Panics
    /// If the index is over 255: a graph has at most as many kinds as a byte tells apart.
    #[inline]
    pub fn of_index(index: usize) -> Self {
        KindId(u8::try_from(index).expect("a graph has at most 256 kinds"))
    }

    /// The id as an array index.
    #[inline]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}
