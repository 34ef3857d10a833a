//! A world on disk: events, accounts, releases, cards, and the truth.
//!
//! Every file is written beside its name and renamed when complete; `world.json` comes last, so a folder that has one is whole.
//! Until then there is [`BEGUN`], by which a run that was interrupted is known; what has neither is somebody's, and stays.
//! Events stream through; what stays in memory is the plan and one window.

mod csv;
mod parquet;
mod tables;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::WorldConfig;
use crate::error::Error;
use crate::event::Event;
use crate::world::{Progress, Tally, World, WorldSink, generate};

/// File format of the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `events.parquet`: dictionary-encoded, zstd.
    Parquet,
    /// `events.csv`.
    Csv,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WorldSummary {
    /// What the world was made from.
    pub config: WorldConfig,
    /// Format of the events.
    pub format: Format,
    /// Accounts in all.
    pub accounts: u64,
    /// Accounts that no network operates.
    pub benign_accounts: u64,
    /// Accounts that networks operate.
    pub operated_accounts: u64,
    /// Events in all.
    pub events: u64,
    /// Events of legitimate accounts.
    pub benign_events: u64,
    /// Exchanges of campaigns.
    pub campaign_exchanges: u64,
    /// Exchanges of relays' customers.
    pub customer_exchanges: u64,
    /// Warm-up and keep-alive exchanges of operators.
    pub warm_up_exchanges: u64,
    /// Each planted network.
    pub networks: Vec<NetworkSummary>,
    /// Look-alike groups with at least two members.
    pub groups: u64,
    /// Accounts in look-alike groups.
    pub grouped_accounts: u64,
}

/// One planted network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NetworkSummary {
    /// Its name in `labels.csv`.
    pub network: String,
    /// Accounts ever.
    pub accounts: u64,
    /// Accounts that sent anything.
    pub seen: u64,
    /// Accounts banned within the sixty days.
    pub banned: u64,
    /// Accounts that replaced a banned one.
    pub replacements: u64,
    /// Exchanges of its accounts.
    pub exchanges: u64,
    /// Exchanges of campaigns on its accounts.
    pub campaign_exchanges: u64,
}

/// Says that a folder is whole.
const SUMMARY: &str = "world.json";

/// Says that one is being written, or was when something ended it.
const BEGUN: &str = ".world.begun";

/// The events, in one format or the other.
const PARQUET: &str = "events.parquet";
const CSV: &str = "events.csv";
const EVENTS: [&str; 2] = [PARQUET, CSV];

/// Whether a folder holds a world, be it one that was begun.
pub fn is_world(folder: &Path) -> bool {
    [SUMMARY, BEGUN].iter().any(|name| folder.join(name).is_file())
}

/// Begins a world in a folder, over an earlier one if there is one.
fn begin(folder: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(folder).map_err(|source| Error::Write { path: folder.to_owned(), source })?;
    if !is_world(folder) {
        let names = EVENTS.iter().chain(&tables::NAMES).chain([&SUMMARY]);
        let mut paths = names.map(|name| folder.join(name));
        if let Some(path) = paths.find(|path| path.symlink_metadata().is_ok()) {
            return Err(Error::Occupied { path });
        }
    }
    let begun = folder.join(BEGUN);
    File::create(&begun).map_err(|source| Error::Write { path: begun, source })?;
    // A folder written before is not whole until this run has finished, and its events may have the other format.
    for path in EVENTS.iter().chain([&SUMMARY]).map(|name| folder.join(name)).filter(|path| path.exists()) {
        std::fs::remove_file(&path).map_err(|source| Error::Write { path, source })?;
    }
    Ok(())
}

/// Makes a world and writes it to a folder.
///
/// Writes `events.parquet` or `events.csv`, `accounts.csv`, `releases.csv`, `cards.csv`; the truth: `labels.csv` (operated
/// members of planted networks), `groups.csv` (look-alikes), `truth_accounts.csv`, `truth_templates.csv`; and `world.json`, the
/// returned summary.
///
/// # Errors
/// [`Error::Knob`] for an impossible configuration, [`Error::Occupied`] if files of these names are there that no earlier world
/// left, [`Error::Write`] or [`Error::Parquet`] if a file can't be written. Files begun are removed.
pub fn write_world(
    folder: &Path,
    config: &WorldConfig,
    format: Format,
    observer: &mut dyn FnMut(Progress),
) -> Result<WorldSummary, Error> {
    config.check()?;
    begin(folder)?;
    let (world, tally) = match format {
        Format::Csv => {
            let file = Pending::create(folder, CSV)?;
            let mut sink = Tallied { inner: csv::CsvEvents::start(file)?, tally: Tally::default() };
            let world = generate(config, &mut sink, observer)?;
            sink.inner.finish()?;
            (world, sink.tally)
        }
        Format::Parquet => {
            let file = Pending::create(folder, PARQUET)?;
            let mut sink = Tallied { inner: parquet::ParquetEvents::start(file)?, tally: Tally::default() };
            let world = generate(config, &mut sink, observer)?;
            sink.inner.finish()?;
            (world, sink.tally)
        }
    };
    tables::write(folder, &world, &tally)?;
    let summary = summarise(&world, format, &tally);
    let mut file = Pending::create(folder, SUMMARY)?;
    let text = serde_json::to_string_pretty(&summary).unwrap_or_default();
    file.write(text.as_bytes())?;
    file.write(b"\n")?;
    file.finish()?;
    // The world is whole; that it was begun is no news any more.
    let _ = std::fs::remove_file(folder.join(BEGUN));
    Ok(summary)
}

/// Counts what passes.
struct Tallied<S> {
    inner: S,
    tally: Tally,
}

impl<S: WorldSink<Error = Error>> WorldSink for Tallied<S> {
    type Error = Error;

    fn window(&mut self, world: &World, events: &[Event]) -> Result<(), Error> {
        self.tally.add(world, events);
        self.inner.window(world, events)
    }
}

fn summarise(world: &World, format: Format, tally: &Tally) -> WorldSummary {
    let benign = world.benign_count();
    let sum = |counts: &[u32]| counts.iter().map(|&count| u64::from(count)).sum::<u64>();
    let networks = world
        .pools
        .iter()
        .map(|pool| {
            let of = |counts: &[u32]| pool.accounts.iter().map(|&at| u64::from(counts[at as usize])).sum();
            let count = |wanted: &dyn Fn(u32) -> bool| pool.accounts.iter().filter(|&&at| wanted(at)).count() as u64;
            NetworkSummary {
                network: pool.network.clone(),
                accounts: pool.accounts.len() as u64,
                seen: count(&|at| tally.exchanges[at as usize] > 0),
                banned: count(&|at| world.population.accounts[at as usize].banned != crate::account::NEVER),
                replacements: count(&|at| world.operated[at as usize - benign].predecessor != crate::account::NONE),
                exchanges: of(&tally.exchanges),
                campaign_exchanges: of(&tally.campaign),
            }
        })
        .collect();
    let mut sizes = vec![0u64; world.population.groups.len()];
    for account in world.population.accounts.iter().filter(|account| account.group != crate::account::NONE) {
        sizes[account.group as usize] += 1;
    }
    WorldSummary {
        config: world.config,
        format,
        accounts: world.account_count() as u64,
        benign_accounts: benign as u64,
        operated_accounts: (world.account_count() - benign) as u64,
        events: tally.events,
        benign_events: sum(&tally.exchanges[..benign]),
        campaign_exchanges: tally.by_origin[2],
        customer_exchanges: tally.by_origin[3],
        warm_up_exchanges: tally.by_origin[1],
        networks,
        groups: sizes.iter().filter(|&&size| size > 1).count() as u64,
        grouped_accounts: sizes.iter().filter(|&&size| size > 1).sum(),
    }
}

/// A file under a temporary name; gone if it isn't finished.
#[derive(Debug)]
pub(crate) struct Pending {
    out: Option<BufWriter<File>>,
    partial: PathBuf,
    path: PathBuf,
}

impl Pending {
    fn create(folder: &Path, name: &str) -> Result<Self, Error> {
        let (path, partial) = (folder.join(name), folder.join(format!(".{name}.partial")));
        let file = File::create(&partial).map_err(|source| Error::Write { path: path.clone(), source })?;
        Ok(Pending { out: Some(BufWriter::with_capacity(1 << 20, file)), partial, path })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.write_all(bytes).map_err(|source| Error::Write { path: self.path.clone(), source })
    }

    /// Flushes, syncs and renames.
    fn finish(mut self) -> Result<(), Error> {
        let wrong = |source: std::io::Error| Error::Write { path: self.path.clone(), source };
        let mut out = self.out.take().expect("a pending file is finished once");
        out.flush().map_err(wrong)?;
        out.get_ref().sync_all().map_err(wrong)?;
        drop(out);
        std::fs::rename(&self.partial, &self.path).map_err(wrong)
    }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.out.as_mut().expect("a pending file is open until it is finished").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // After a rename there is nothing under this name; before it, a failed run must not leave half a file.
        drop(self.out.take());
        let _ = std::fs::remove_file(&self.partial);
    }
}
