//! Which fields of nested objects are read?

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use crate::error::{EventError, nearest};
use crate::json::DEEPEST;
use crate::schema::{COMPARED, fold, is_nearly};

/// The fields of JSON objects that are read; those in an object in it by their path, with dots.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    /// Names of fields, each with a slot of its own.
    pub(crate) slots: BTreeMap<String, usize>,
    /// By column the slots of its names. An object says what it has under the first of them, whatever the order of its fields:
    /// whoever orders them must not choose.
    pub(crate) columns: Vec<Vec<usize>>,
    pub(crate) objects: BTreeSet<String>,
    /// Whether every object is entered, to find out what there is.
    pub(crate) all: bool,
    /// Columns that a map names and the first objects lack.
    pub(crate) lacking: Vec<Mapped>,
}

/// A column by our name, and by the one that a map has for it.
#[derive(Clone, Debug)]
pub(crate) struct Mapped {
    pub(crate) ours: String,
    pub(crate) name: String,
}

impl Mapped {
    /// The error of a file that hasn't got it.
    pub(crate) fn is_missing(&self, file: &Path, header: &[String]) -> EventError {
        let Mapped { ours, name } = self;
        EventError::NoMappedColumn {
            file: file.display().to_string(),
            column: ours.clone(),
            theirs: name.clone(),
            nearest: nearest(name, header.iter().map(String::as_str)),
        }
    }
}

/// The names of fields that objects had, as they were written.
pub(crate) type Keys = BTreeMap<String, Key>;

/// Names that are remembered, beside those of ours: a log could have one of its own in each object.
pub(crate) const MOST_KEYS: usize = 1000;

/// A name of a field that objects had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Key {
    /// Where it is looked for.
    pub(crate) slot: Option<usize>,
    /// Whether it is written as we write it.
    pub(crate) exact: bool,
    /// Rows of which it was read.
    pub(crate) rows: u64,
}

impl Fields {
    /// Everything there is, in objects by its path.
    pub(crate) fn all() -> Fields {
        Fields { all: true, ..Fields::default() }
    }

    /// Slots.
    pub(crate) fn width(&self) -> usize {
        self.slots.len()
    }

    /// Adds a column that may have any of some names; its number.
    pub(crate) fn add_column(&mut self, names: impl Iterator<Item = String>) -> usize {
        let slots = names.map(|name| {
            let next = self.slots.len();
            *self.slots.entry(name).or_insert(next)
        });
        let slots = slots.collect();
        self.columns.push(slots);
        self.columns.len() - 1
    }

    /// A field by its name, whatever its case, and by that of one that is in no object whatever its separators.
    pub(crate) fn key(&self, path: &str) -> Key {
        let folded = || if self.leads_to(path) { None } else { self.slots.get(&fold(path)) };
        let exact = self.slots.get(path);
        let slot = exact.or_else(|| self.slots.get(&path.to_lowercase())).or_else(folded).copied();
        Key { slot, exact: exact.is_some(), rows: 0 }
    }

    /// Whether a name is the path of a field in an object that fields are mapped in.
    pub(crate) fn leads_to(&self, path: &str) -> bool {
        // No object of ours lies deeper, and a name of dots alone may be a whole header.
        let objects = path.match_indices('.').take(DEEPEST);
        !self.objects.is_empty() && objects.into_iter().any(|(at, _)| self.holds(&path[..at]))
    }

    /// Whether fields are mapped in the object of this path.
    pub(crate) fn holds(&self, path: &str) -> bool {
        self.all || !self.objects.is_empty() && self.objects.contains(&path.to_lowercase())
    }
}

/// The error of a file that lacks a column, with what is in its objects by paths: those that no map named weren't entered.
pub(crate) fn with_paths(error: EventError, paths: impl FnOnce() -> Vec<String>) -> EventError {
    let EventError::MissingColumn { file, column, nearest, found } = error else { return error };
    let outside: HashSet<String> = found.into_iter().collect();
    let within = |path: &String| path.contains('.') || outside.contains(path);
    let found: Vec<String> = paths().into_iter().filter(within).collect();
    let nearest = nearest.or_else(|| found.iter().take(COMPARED).find(|path| is_nearly(path, &column)).cloned());
    EventError::MissingColumn { file, column, nearest, found }
}
