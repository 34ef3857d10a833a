//! Which fields of nested objects are read?

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::error::EventError;
use crate::schema::{COMPARED, fold, is_nearly};

/// The fields of JSON objects that are read; those in an object in it by their path, with dots.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    pub(crate) slots: BTreeMap<String, usize>,
    pub(crate) objects: BTreeSet<String>,
    /// Whether every object is entered, to find out what there is.
    pub(crate) all: bool,
    /// Slots.
    pub(crate) width: usize,
}

impl Fields {
    /// Everything there is, in objects by its path.
    pub(crate) fn all() -> Fields {
        Fields { all: true, ..Fields::default() }
    }

    /// The slot of a field, whatever its case, and of one that is in no object whatever its separators.
    pub(crate) fn slot(&self, path: &str) -> Option<usize> {
        let folded = || if self.leads_to(path) { None } else { self.slots.get(&fold(path)) };
        let lower = || if path.contains('.') { self.slots.get(&path.to_lowercase()) } else { None };
        self.slots.get(path).or_else(lower).or_else(folded).copied()
    }

    /// Whether a name is the path of a field in an object that fields are mapped in.
    pub(crate) fn leads_to(&self, path: &str) -> bool {
        !self.objects.is_empty() && path.match_indices('.').any(|(at, _)| self.holds(&path[..at]))
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
