//! The open store: where it is, who looks, and how it looks in a notebook.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hydralink::arrow::Opened;
use hydralink::counted::counted;
use hydralink::export::Level;
use hydralink::node::Name;
use hydralink::privacy::{self, Key};
use hydralink::{AccountId, Dataset, Error, Labelling, Node};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::usage;
use crate::find;
use crate::work::asked;

/// A store on disk: what `build()` wrote and `open()` opens.
///
/// Each call reads the store as it is then, so that a detection by another process is seen at once. Nodes are named as on the
/// command line: `account:ID`, `KIND:VALUE`, or a bare value that is unambiguous; networks by id (`PN-...`) or rank.
#[pyclass(frozen, module = "hydralink")]
pub(crate) struct Store {
    pub(crate) path: PathBuf,
    key_file: Option<PathBuf>,
    level: Level,
    built: Option<Py<PyAny>>,
}

impl Store {
    /// A store that is there, asked with this key at this level.
    pub(crate) fn at(path: PathBuf, key_file: Option<PathBuf>, level: Level) -> Result<Self, Error> {
        // It stays the same store where the process goes elsewhere.
        let path = std::path::absolute(&path).unwrap_or(path);
        let key_file = key_file.map(|file| std::path::absolute(&file).unwrap_or(file));
        let store = Store { path, key_file, level, built: None };
        store.dataset()?;
        Ok(store)
    }

    /// Another store, asked in the same way.
    pub(crate) fn beside(&self, path: PathBuf) -> Result<Self, Error> {
        Store::at(path, self.key_file.clone(), self.level)
    }

    /// The same, with what its build counted.
    pub(crate) fn built(self, built: Py<PyAny>) -> Self {
        Store { built: Some(built), ..self }
    }

    /// The key, if there is one; read from its file each time, and kept nowhere.
    pub(crate) fn key(&self) -> Result<Option<Key>, Error> {
        privacy::read_key(self.key_file.as_ref())
    }

    pub(crate) fn level(&self) -> Level {
        self.level
    }

    /// Opens it to look at it.
    pub(crate) fn dataset(&self) -> Result<Dataset, Error> {
        let (dataset, key) = (Dataset::open(&self.path)?, self.key()?);
        let dataset = match &key {
            Some(key) => dataset.with_key(key)?,
            None => dataset,
        };
        dataset.at_level(self.level, key.as_ref())
    }

    /// Opens it to act on it: with its key, everything as stored.
    pub(crate) fn as_stored(&self) -> Result<Dataset, Error> {
        let dataset = Dataset::open(&self.path)?;
        match self.key()? {
            Some(key) => dataset.with_key(&key),
            None => Ok(dataset),
        }
    }

    /// An error of what acts on everything as stored, at this store's level: neither whose name is near to what was typed is said, nor
    /// who of a network is known-good, and why.
    pub(crate) fn unnamed(&self, error: Error) -> Error {
        match error {
            error if self.level == Level::Full => error,
            Error::Unknown { .. } => {
                let what = "what was asked for (value not repeated)".to_owned();
                Error::Unknown { what, hint: String::new(), nearest: Vec::new() }
            }
            Error::KnownGood { .. } => {
                Error::KnownGood { account: "(not named at this level)".to_owned(), reason: String::new() }
            }
            error => error,
        }
    }

    /// Opens it with its labels.
    pub(crate) fn labelled(&self) -> Result<(Dataset, Labelling), Error> {
        let dataset = self.dataset()?;
        let labelling = dataset.labelling()?;
        Ok((dataset, labelling))
    }

    /// Opens it for tables.
    pub(crate) fn reading(&self) -> Result<Arc<Opened>, Error> {
        Ok(Arc::new(Opened::of(self.dataset()?)?))
    }
}

/// The account that a text names, for a question about accounts only.
pub(crate) fn account(dataset: &Dataset, text: &str) -> Result<AccountId, Error> {
    dataset.account_named(&text.into())
}

/// The nodes that texts name; the first that the store doesn't have is an error.
pub(crate) fn nodes(dataset: &Dataset, names: &[Name]) -> Result<Vec<Node>, Error> {
    names.iter().map(|name| dataset.named(name)).collect()
}

/// One of some words.
pub(crate) fn word<T: Copy>(option: &str, given: &str, words: &[(&str, T)]) -> Result<T, Error> {
    let found = words.iter().find(|(word, _)| *word == given).map(|&(_, value)| value);
    let there: Vec<&str> = words.iter().map(|&(word, _)| word).collect();
    found.ok_or_else(|| usage(format!("{option}={given:?}: one of {} was expected", there.join(", "))))
}

const LEVELS: [Level; 3] = [Level::Full, Level::Analyst, Level::Redact];

/// Opens a store.
///
/// `key_file` names the file with the key of its pseudonyms, where it was built with one. `level` says how much of identifying
/// values is shown: "full"; "analyst" (addresses by prefix, the rest as pseudonyms) and "redact" (pseudonyms only) need a key.
/// Opening takes milliseconds at any size.
#[pyfunction]
#[pyo3(signature = (path, *, key_file = None, level = "full"))]
pub(crate) fn open(py: Python<'_>, path: PathBuf, key_file: Option<PathBuf>, level: &str) -> PyResult<Store> {
    let store = path.clone();
    asked(py, &[store], || Store::at(path, key_file, word("level", level, &LEVELS.map(|level| (level.name(), level)))?))
}

#[pymethods]
impl Store {
    /// Where it is.
    #[getter]
    fn folder(&self) -> &Path {
        &self.path
    }

    /// Pickled as what opens it again, in a worker process for example: its path, its key's file and its level.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (&Path,))> {
        let with = PyDict::new(py);
        with.set_item("key_file", self.key_file.as_deref())?;
        with.set_item("level", self.level.name())?;
        let opening = (py.import("hydralink")?.getattr("open")?,);
        Ok((py.import("functools")?.getattr("partial")?.call(opening, Some(&with))?, (&self.path,)))
    }

    fn __fspath__(&self) -> &OsStr {
        self.path.as_os_str()
    }

    /// What the build counted, as the command line's JSON has it; None for a store that was opened.
    #[getter]
    fn build_summary(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.built.as_ref().map(|built| built.clone_ref(py))
    }

    /// Whether networks were looked for.
    #[getter]
    fn detected(&self, py: Python<'_>) -> PyResult<bool> {
        asked(py, &[&self.path], || Ok(self.dataset()?.labelling_if_any()?.is_some()))
    }

    /// The kinds of identifiers, in the order in which they are stored.
    #[getter]
    fn kinds(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        asked(py, &[&self.path], || Ok(self.dataset()?.tables().kinds.clone()))
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let found = asked(py, &[&self.path], || {
            let dataset = self.dataset()?;
            let found = match dataset.labelling_if_any()? {
                Some(labels) => counted(labels.places(false).len() as u64, "network"),
                None => "not detected yet".to_owned(),
            };
            let (accounts, sightings) = (dataset.graph().account_count(), dataset.graph().sighting_count());
            Ok(format!("{accounts} accounts, {sightings} sightings, {found}"))
        });
        // Debuggers and logs ask for this where something went wrong already.
        let found = found.unwrap_or_else(|error| format!("can't be read: {}", error.value(py)));
        format!("<hydralink.Store {}: {found}>", self.path.display())
    }

    /// The summary and the first of the ranked networks, for a notebook.
    fn _repr_html_(&self, py: Python<'_>) -> PyResult<String> {
        asked(py, &[&self.path], || find::html(&self.path, &self.dataset()?))
    }
}
