//! Small graphs and stores for the tests of this crate.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use events::IngestConfig;
use graph::build::graph_from_sightings;
use graph::{AccountId, BipartiteGraph, IdentifierId, Sighting};

use crate::dataset::Dataset;
use crate::error::Error;
use crate::observe::{Observer, Progress, Unobserved};

/// A graph of one kind from (account, identifier) pairs.
pub(crate) fn graph_of(accounts: usize, identifiers: u32, pairs: &[(u32, u32)]) -> BipartiteGraph {
    let sighting = |&(account, identifier): &(u32, u32)| Sighting {
        account: AccountId(account),
        identifier: IdentifierId(identifier),
        count: 1,
        first_seen: 1,
        last_seen: 1,
    };
    graph_from_sightings(pairs.iter().map(sighting).collect(), accounts, vec![0, identifiers]).expect("a graph")
}

/// A key of these bytes, at least 32.
pub(crate) fn key(folder: &Path, bytes: &[u8]) -> crate::privacy::Key {
    let path = folder.join("key");
    std::fs::write(&path, bytes).expect("a key file");
    #[cfg(unix)]
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a key file");
    crate::privacy::Key::read(&path).expect("a key file")
}

/// The second from which on [`store_of_events`] counts.
pub(crate) const START: u32 = 1_772_323_200;

/// Wide events (account, address, template, second) as a CSV file; those after the twentieth second have tokens.
pub(crate) fn events_file(folder: &Path, name: &str, rows: &[(u32, u32, u32, u32)]) -> PathBuf {
    let mut events = "timestamp,account_id,ip,prompt_template_hash,model,tokens\n".to_owned();
    for (account, address, template, second) in rows {
        let time = START + second;
        let (model, tokens) = (template % 2, second.saturating_sub(20));
        events.push_str(&format!("{time},acct{account:04},198.51.100.{address},t{template},m{model},{tokens}\n"));
    }
    let file = folder.join(format!("{name}.csv"));
    std::fs::write(&file, events).expect("the events are written");
    file
}

/// A store of [`events_file`].
pub(crate) fn store_of_events(folder: &Path, name: &str, rows: &[(u32, u32, u32, u32)]) -> PathBuf {
    let path = folder.join(name);
    crate::build::build(&[events_file(folder, name, rows)], &path, &IngestConfig::default(), &Unobserved).expect("a store");
    path
}

/// What a store holds, by name.
#[derive(Debug, PartialEq)]
pub(crate) struct Content {
    /// (account, identifier, first seen, last seen).
    pub(crate) sightings: Vec<(String, String, u32, u32)>,
    /// (account, time, template, model).
    pub(crate) events: Vec<(String, i64, String, String)>,
    pub(crate) identifiers: Vec<String>,
    /// By event; empty if none has any.
    pub(crate) tokens: Vec<u32>,
}

impl Content {
    /// The same with the times at which sightings began, which are cut where they had begun before, left out.
    pub(crate) fn without_first_times(mut self) -> Self {
        self.sightings.iter_mut().for_each(|sighting| sighting.2 = 0);
        self
    }

    /// The same with the times at which sightings ended, which are cut where they went on, left out.
    pub(crate) fn without_last_times(mut self) -> Self {
        self.sightings.iter_mut().for_each(|sighting| sighting.3 = 0);
        self
    }
}

/// Reads a store, which has to be valid.
pub(crate) fn content(path: &Path) -> Content {
    let dataset = Dataset::open(path).expect("a store");
    dataset.graph().validate().expect("a graph");
    dataset.store().verify().expect("whole sections");
    let accounts = || (0..dataset.graph().account_count() as u32).map(AccountId);
    let name = |account: AccountId| dataset.account_name(account).to_owned();
    let sightings = accounts().flat_map(|account| dataset.graph().sightings_of(account));
    let seen = |seen: Sighting| (name(seen.account), dataset.stored_label(seen.identifier), seen.first_seen, seen.last_seen);
    let events = accounts().flat_map(|account| {
        let events = dataset.activity().of(account);
        let row = |at: usize| {
            let template = dataset.stored_label(IdentifierId(events.template[at]));
            (name(account), events.time[at], template, dataset.tables().models[events.model[at] as usize].clone())
        };
        (0..events.time.len()).map(row).collect::<Vec<_>>()
    });
    let identifiers = (0..dataset.graph().identifier_count() as u32).map(|id| dataset.stored_label(IdentifierId(id)));
    Content {
        sightings: sightings.map(seen).collect(),
        events: events.collect(),
        identifiers: identifiers.collect(),
        tokens: dataset.activity().columns().tokens.to_vec(),
    }
}

/// Stops the work at one of its phases.
struct StopAfter {
    /// Phases until then.
    left: AtomicUsize,
}

impl Observer for StopAfter {
    fn begins(&self, _: Progress<'_>) {
        // Once it is stopped nothing begins.
        self.left.fetch_sub(1, Ordering::SeqCst);
    }

    fn cancelled(&self) -> bool {
        self.left.load(Ordering::SeqCst) == 0
    }
}

/// Work on a store that is interrupted at each of its phases, which has to leave every file of the store as it was, until it is
/// done.
pub(crate) fn interrupted_everywhere<T>(store: &Path, work: impl Fn(&dyn Observer) -> Result<T, Error>) -> T {
    let before = files(store);
    for phases in 1.. {
        match work(&StopAfter { left: AtomicUsize::new(phases) }) {
            Err(Error::Interrupted) => assert_eq!(files(store), before, "after {phases} phases"),
            done => {
                assert!(phases > 5, "there is a detection to interrupt");
                return done.expect("what was interrupted can be begun again");
            }
        }
    }
    unreachable!("work has an end")
}

/// Hashes of the files of a store, by name.
fn files(store: &Path) -> BTreeMap<String, blake3::Hash> {
    let entries = std::fs::read_dir(store).expect("a store").map(|entry| entry.expect("an entry"));
    let hash = |entry: std::fs::DirEntry| {
        let bytes = std::fs::read(entry.path()).expect("a file");
        (entry.file_name().to_string_lossy().into_owned(), blake3::hash(&bytes))
    };
    entries.map(hash).collect()
}
