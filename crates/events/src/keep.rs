//! Where finished columns go: into memory, or piece by piece into a store's files, so that none is ever held whole.

use std::io;

use graph::Column;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A number that columns hold.
pub trait Element: FromBytes + IntoBytes + Immutable + KnownLayout + Copy + Default + Send + Sync + 'static {
    /// The type's name.
    const NAME: &'static str;
}

macro_rules! elements {
    ($($type:ident),*) => { $(impl Element for $type { const NAME: &'static str = stringify!($type); })* };
}
elements!(u8, u16, u32, u64, i64, f32, f64);

/// Takes columns in the making.
pub trait Keeper: Sync {
    /// A column in the making.
    type Growing<T: Element>: Growing<T>;

    /// Starts the column of a name.
    ///
    /// # Errors
    /// A file that can't be made.
    fn begin<T: Element>(&self, name: &'static str) -> io::Result<Self::Growing<T>>;
}

/// A column in the making.
pub trait Growing<T>: Send {
    /// Appends values.
    ///
    /// # Errors
    /// A full disk, for instance.
    fn append(&mut self, values: &[T]) -> io::Result<()>;

    /// The whole column.
    ///
    /// # Errors
    /// As [`Growing::append`].
    fn finish(self) -> io::Result<Column<T>>;
}

/// Keeps columns in memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct InMemory;

impl Keeper for InMemory {
    type Growing<T: Element> = Vec<T>;

    fn begin<T: Element>(&self, _name: &'static str) -> io::Result<Vec<T>> {
        Ok(Vec::new())
    }
}

impl<T: Element> Growing<T> for Vec<T> {
    fn append(&mut self, values: &[T]) -> io::Result<()> {
        self.extend_from_slice(values);
        Ok(())
    }

    fn finish(mut self) -> io::Result<Column<T>> {
        self.shrink_to_fit();
        Ok(self.into())
    }
}
