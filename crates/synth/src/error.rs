//! What can go wrong while a world is made or scored.

use std::path::PathBuf;

/// Why a world could not be made or a comparison not scored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A knob is outside its range.
    #[error("{knob} is {found}; expected {expected}")]
    Knob {
        /// Name of the knob.
        knob: &'static str,
        /// What was asked for.
        found: f64,
        /// The values that make sense.
        expected: &'static str,
    },
    /// A file could not be written.
    #[error("cannot write {}: {source}; is the folder writable and the disk not full?", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file of the folder has a name that a file of the world gets, and isn't one.
    #[error("{} is there, and is no file of an earlier world: nothing was written over it; name another folder", path.display())]
    Occupied {
        /// The file.
        path: PathBuf,
    },
    /// Parquet refused the events.
    #[error("cannot encode {} as Parquet: {source}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the encoder said.
        source: parquet::errors::ParquetError,
    },
    /// Columns of a comparison differ in length.
    #[error(
        "{column} has {found} accounts where the truth has {expected}; all columns describe the same accounts in the same order"
    )]
    Length {
        /// Name of the column.
        column: &'static str,
        /// Its length.
        found: usize,
        /// The length of the truth.
        expected: usize,
    },
    /// A label has no name.
    #[error("{column} holds the label {label}, but only {names} names were given")]
    Label {
        /// Name of the column.
        column: &'static str,
        /// The label.
        label: u32,
        /// How many names there are.
        names: usize,
    },
}
