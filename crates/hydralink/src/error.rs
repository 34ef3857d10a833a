//! What can go wrong between the analyst's question and the answer.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error as ThisError;

use crate::options::{FAIL_ON, to_detect};

/// Why an operation failed. Each message says where, what was expected, what was found, and what to try; options that it names are
/// fields, unless the program says that they are something else ([`crate::messages_are_for`]).
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// A file operation failed.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The path isn't a store.
    #[error("{path} is not a hydralink store: {what}", path = path.display())]
    NotAStore {
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The store was written by a newer version.
    #[error("{store} has store format {found}; this build reads up to {newest}: use a newer hydralink, or build the store again", store = store.display())]
    StoreVersion {
        /// The store.
        store: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format this build reads.
        newest: u32,
    },
    /// A section is missing, truncated or altered.
    #[error("{store}: section {section} is damaged: {what}; build the store again", store = store.display())]
    StoreDamaged {
        /// The store.
        store: PathBuf,
        /// The section.
        section: String,
        /// What is wrong with it.
        what: String,
    },
    /// Another process is writing the store, or another thread of this one.
    #[error("{store} is being written by {}; try again when it has finished", writer(*.process), store = store.display())]
    StoreBusy {
        /// The store.
        store: PathBuf,
        /// That process's id, where it left it.
        process: Option<u32>,
    },
    /// What was to be written rests on a store that another process, or another thread, has replaced.
    #[error("{store} was changed since it was opened; open it again, and try again", store = .store.display())]
    StoreChanged {
        /// The store.
        store: PathBuf,
    },
    /// An account that is to be confirmed is known-good.
    #[error(
        "account:{account} is on the allow list the store was built with{reason}; build without that line before confirming it"
    )]
    KnownGood {
        /// Its name.
        account: String,
        /// Why it is, in brackets; or nothing.
        reason: String,
    },
    /// A key file is refused.
    #[error("key file {path} is refused: {what}", path = path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why.
        what: String,
    },
    /// The store holds pseudonyms of another key, or plain values.
    #[error("{store} holds {held}, and {what}", store = store.display(), held = held_under(needed.as_deref()))]
    StoreKey {
        /// The store.
        store: PathBuf,
        /// Id of the key it was built with; `None` if it holds plain values.
        needed: Option<String>,
        /// What was given.
        what: String,
    },
    /// The chain of the case log is broken.
    #[error(
        "{store}: the case log is broken at record {record}: {what}; restore CASES.jsonl from a backup, or move it away to start a new log",
        store = store.display()
    )]
    CaseLog {
        /// The store.
        store: PathBuf,
        /// The first record that is wrong, from 1.
        record: u64,
        /// What is wrong with it.
        what: String,
    },
    /// The store has no detection results yet, or none any more.
    #[error("{} has no networks{why}: {} first", store.display(), to_detect(store))]
    NotDetected {
        /// The store.
        store: PathBuf,
        /// " yet", or why not.
        why: &'static str,
    },
    /// No such account, identifier or network.
    #[error("{what} not found in the store{hint}")]
    Unknown {
        /// What was asked for.
        what: String,
        /// "; did you mean ...?", or nothing.
        hint: String,
        /// The names that are meant, nearest first.
        nearest: Vec<String>,
    },
    /// A dossier says something else than the store.
    #[error("{path} is {dossier} in the dossier, but the store gives {store}{since}")]
    Differs {
        /// The value, as a path of names.
        path: String,
        /// What the dossier says.
        dossier: String,
        /// What the store gives.
        store: String,
        /// "; since the dossier was made, ... changed", or nothing.
        since: String,
    },
    /// The input has what the caller asked to be stopped by ([`crate::build::Drift`]).
    #[error("nothing was written, as {FAIL_ON} asks: {}", all_of(.found))]
    Drift {
        /// What was found.
        found: Vec<crate::build::Drifted>,
    },
    /// A model that comes to no solution.
    #[error("{what} has no solution within {iterations} iterations: a degree is still missed by {:.2e} of itself", .residual)]
    NotConverged {
        /// The model.
        what: String,
        /// The largest share of a degree that is missed.
        residual: f64,
        /// Iterations.
        iterations: usize,
    },
    /// The question can't be answered as asked.
    #[error("{0}")]
    Usage(String),
    /// The columns don't make a graph.
    #[error(transparent)]
    Graph(#[from] graph::GraphError),
    /// The input couldn't be read.
    #[error(transparent)]
    Events(events::EventError),
    /// The community search refused its input.
    #[error(transparent)]
    Community(#[from] community::CommunityError),
    /// A synthetic world couldn't be made, or truth and answer couldn't be compared.
    #[error(transparent)]
    Synth(#[from] synth::Error),
    /// The caller asked to stop.
    #[error("interrupted; nothing was changed")]
    Interrupted,
}

/// Everything unusual that was found.
fn all_of(found: &[crate::build::Drifted]) -> String {
    let named: Vec<String> = found.iter().map(|one| format!("{}: {}", one.drift, one.what)).collect();
    named.join("; ")
}

/// Who has a store's lock: a process, or this one.
fn writer(process: Option<u32>) -> String {
    match process {
        Some(process) if process == std::process::id() => "another thread of this process".to_owned(),
        Some(process) => format!("another process ({process})"),
        None => "another process".to_owned(),
    }
}

pub(crate) fn held_under(key: Option<&str>) -> String {
    key.map_or_else(|| "plain values, under no key".to_owned(), |key| format!("pseudonyms under key {key}"))
}

impl From<events::EventError> for Error {
    fn from(error: events::EventError) -> Self {
        match error {
            events::EventError::Cancelled => Error::Interrupted,
            setting @ events::EventError::Setting { .. } => Error::Usage(setting.to_string()),
            error => Error::Events(error),
        }
    }
}

impl Error {
    /// A word for what went wrong, for programs to tell errors apart: it stays when a message changes.
    pub fn kind(&self) -> &'static str {
        match self {
            Error::Io { .. } => "io",
            Error::NotAStore { .. } => "not_a_store",
            Error::StoreVersion { .. } => "store_version",
            Error::StoreDamaged { .. } => "store_damaged",
            Error::StoreBusy { .. } => "store_busy",
            Error::StoreChanged { .. } => "store_changed",
            Error::KnownGood { .. } => "known_good",
            Error::KeyFile { .. } => "key_file",
            Error::StoreKey { .. } => "store_key",
            Error::CaseLog { .. } => "case_log",
            Error::NotDetected { .. } => "not_detected",
            Error::Unknown { .. } => "unknown_id",
            Error::Differs { .. } => "differs",
            Error::Drift { .. } => "drift",
            Error::NotConverged { .. } => "not_converged",
            Error::Usage(_) => "usage",
            Error::Graph(_) => "graph",
            // Not what was read, but what is written.
            Error::Events(_) if self.io_error().is_some() => "io",
            Error::Events(_) => "input",
            Error::Community(_) => "community",
            Error::Synth(_) => "synth",
            Error::Interrupted => "interrupted",
        }
    }

    /// What the system said, where a file operation failed, or what an ingest writes.
    pub fn io_error(&self) -> Option<&io::Error> {
        match self {
            Error::Io { source, .. }
            | Error::Events(
                events::EventError::Spill { source, .. }
                | events::EventError::Copy { source, .. }
                | events::EventError::Keep { source, .. }
                | events::EventError::Rejects { source, .. },
            ) => Some(source),
            _ => None,
        }
    }

    /// A failed file operation.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Error::Io { action, path: path.to_owned(), source }
    }

    /// The system's random numbers, for what needs them.
    pub(crate) fn random(bytes: &mut [u8], for_what: &str) -> Result<(), Self> {
        let drawn = getrandom::fill(bytes).map_err(|error| io::Error::other(error.to_string()));
        drawn.map_err(|error| Error::io("draw random numbers for", Path::new(for_what), error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_writes_is_named() {
        let said = |process| Error::StoreBusy { store: PathBuf::from("store"), process }.to_string();
        assert!(said(Some(1)).contains("written by another process (1); try again"));
        assert!(said(None).contains("written by another process; try again"));
        assert!(said(Some(std::process::id())).contains("written by another thread of this process; try again"));
    }
}
