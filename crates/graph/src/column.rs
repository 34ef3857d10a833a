//! A shared, immutable array that may live in memory or in a mapped file.
//!
//! The graph doesn't know where its numbers are kept: a [`Column`] is one slice, whoever owns it.

use std::any::Any;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// An immutable array of `T` with shared ownership.
#[derive(Clone)]
pub struct Column<T: 'static>(Kept<T>);

#[derive(Clone)]
enum Kept<T: 'static> {
    Here(Arc<Vec<T>>),
    /// The slice is valid for as long as `_owner` is: it never leaves the column without the column's lifetime.
    Elsewhere {
        slice: &'static [T],
        _owner: Arc<dyn Any + Send + Sync>,
    },
}

impl<T: 'static> Column<T> {
    /// A slice that somebody else keeps, for instance a section of a mapped file; the column keeps the owner alive as long as
    /// itself. Whoever shortens the life of `slice` below `'static` answers for it: see the store's one `unsafe` module.
    pub fn kept_by(owner: Arc<dyn Any + Send + Sync>, slice: &'static [T]) -> Self {
        Column(Kept::Elsewhere { slice, _owner: owner })
    }

    /// The elements.
    #[inline]
    pub fn as_slice(&self) -> &[T] {
        match &self.0 {
            Kept::Here(values) => values,
            Kept::Elsewhere { slice, .. } => slice,
        }
    }
}

impl<T: Send + Sync + 'static> From<Vec<T>> for Column<T> {
    fn from(values: Vec<T>) -> Self {
        Column(Kept::Here(Arc::new(values)))
    }
}

impl<T: Send + Sync + 'static> Default for Column<T> {
    fn default() -> Self {
        Column::from(Vec::new())
    }
}

impl<T: 'static> Deref for Column<T> {
    type Target = [T];

    #[inline]
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
