//! A shared, immutable array that may live in memory or in a mapped file.
//!
//! The graph doesn't know where its numbers are kept: a [`Column`] hands out one slice, whoever owns it. Hoist the slice
//! (`let counts = column.as_slice();`) out of hot loops: each call goes through the owner.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// An immutable array of `T` with shared ownership.
#[derive(Clone)]
pub struct Column<T: 'static> {
    owner: Arc<dyn AsRef<[T]> + Send + Sync>,
}

impl<T: 'static> Column<T> {
    /// Wraps any owner of a slice, for instance a section of a mapped file. The owner must always return the same slice.
    pub fn new(owner: impl AsRef<[T]> + Send + Sync + 'static) -> Self {
        Column { owner: Arc::new(owner) }
    }

    /// The elements.
    pub fn as_slice(&self) -> &[T] {
        (*self.owner).as_ref()
    }
}

impl<T: Send + Sync + 'static> From<Vec<T>> for Column<T> {
    fn from(values: Vec<T>) -> Self {
        Column::new(values)
    }
}

impl<T: Send + Sync + 'static> Default for Column<T> {
    fn default() -> Self {
        Column::from(Vec::new())
    }
}

impl<T: 'static> Deref for Column<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.as_slice()
    }
}

impl<T: fmt::Debug + 'static> fmt::Debug for Column<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().fmt(formatter)
    }
}

impl<T: PartialEq + 'static> PartialEq for Column<T> {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}
