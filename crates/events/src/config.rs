//! What the caller decides about an ingest, and how it can watch it.

use std::path::PathBuf;

use graph::Seconds;

use crate::enrich::EnrichmentFile;
use crate::error::EventError;
use crate::forgotten::ForgottenAccounts;
use crate::normalise::forwarded::TrustedProxies;
use crate::normalise::pseudonym::Pseudonyms;
use crate::normalise::time::Zone;
use crate::options;
use crate::schema::ColumnName;

/// Share of rows that may be bad.
pub const MAX_BAD: f64 = 0.001;

/// Rows that may always be bad, however small the input.
pub const MIN_BAD_ROWS: u64 = 100;

/// Rows from which on a file is asked by itself how many of them are rejected.
pub const FEW_ROWS: u64 = 10;

/// Share of rows that may be kept without a field that can't be read.
pub const MAX_UNREAD: f64 = 0.1;

/// Settings of an ingest.
#[derive(Clone, Debug)]
pub struct IngestConfig {
    /// The account table (`account_id,created_at,banned_at,tier,country,org,pathway`).
    pub accounts: Option<PathBuf>,
    /// The release table (`model,released_at`).
    pub releases: Option<PathBuf>,
    /// The known-good list (`kind,value,reason`; kind `account` for accounts).
    pub allow: Option<PathBuf>,
    /// The column map; see [`crate::schema`].
    pub map: Option<PathBuf>,
    /// Columns named beside the map; they go before it.
    pub columns: Vec<ColumnName>,
    /// Where rejected rows, and fields that rows were kept without, are written, as JSON Lines.
    pub rejects: Option<PathBuf>,
    /// Share of rows that may be rejected, 0..1, of the run and of each file; of a run at least [`MIN_BAD_ROWS`] always may, and so of a
    /// file, or half of its rows where that is less; one with less than [`FEW_ROWS`] fails nothing by itself. Of rows that are kept
    /// without a field it is [`MAX_UNREAD`] where that is more, and only of the run.
    pub max_bad: f64,
    /// What more of them do.
    pub too_many_bad: TooManyBad,
    /// Whether rows that say what another row says are looked for ([`crate::Ingested::repeats`]), as [`crate::profile()`] does.
    pub repeats: bool,
    /// Whether payment instruments are known to be tokens: none is taken for a raw card number, though some are all digits.
    pub card_tokens: bool,
    /// Whether long events may bring kinds that are neither known by name nor declared in the map.
    pub allow_kinds: bool,
    /// Applied to every account and identifier before it is kept.
    pub pseudonym: Option<Pseudonyms>,
    /// Accounts whose rows are left out, in events and in side tables.
    pub forgotten: Option<ForgottenAccounts>,
    /// Files that say whose networks addresses are in.
    pub enrich: Vec<EnrichmentFile>,
    /// Which hops of a list of addresses (`X-Forwarded-For`) are proxies of ours; if absent [`TrustedProxies::Private`], and of a
    /// store that goes on what was said before.
    pub trusted_proxies: Option<TrustedProxies>,
    /// What times without an offset are of, in events; side tables are UTC. If absent UTC, and of a store that goes on what was
    /// said before.
    pub zone: Option<Zone>,
    /// What a column that means nothing does.
    pub schema: SchemaMode,
    /// The time that "future" is measured from; the clock's if absent.
    pub now: Option<Seconds>,
    /// Bytes of memory that the ingest aims to stay below: what waits beyond goes to `spill`. No limit if absent.
    pub memory_limit: Option<u64>,
    /// The folder on whose disk that happens, and where streams are copied to; the system's for temporary files if absent.
    pub spill: Option<PathBuf>,
}

impl Default for IngestConfig {
    fn default() -> Self {
        IngestConfig {
            accounts: None,
            releases: None,
            allow: None,
            map: None,
            columns: Vec::new(),
            rejects: None,
            max_bad: MAX_BAD,
            too_many_bad: TooManyBad::Fail,
            repeats: false,
            card_tokens: false,
            allow_kinds: true,
            pseudonym: None,
            forgotten: None,
            enrich: Vec::new(),
            trusted_proxies: None,
            zone: None,
            schema: SchemaMode::Auto,
            now: None,
            memory_limit: None,
            spill: None,
        }
    }
}

impl IngestConfig {
    /// Refuses what can't be meant.
    pub(crate) fn check(&self) -> Result<(), EventError> {
        match (0.0..=1.0).contains(&self.max_bad) {
            true => Ok(()),
            false => Err(EventError::Setting {
                option: options::MAX_BAD,
                value: self.max_bad.to_string(),
                expected: "a share from 0 to 1",
            }),
        }
    }

    /// Which hops are proxies of ours.
    pub(crate) fn trusted_proxies(&self) -> &TrustedProxies {
        static PRIVATE: TrustedProxies = TrustedProxies::Private;
        self.trusted_proxies.as_ref().unwrap_or(&PRIVATE)
    }

    /// What times without an offset are of.
    pub(crate) fn zone(&self) -> &Zone {
        static UTC: Zone = Zone::UTC;
        self.zone.as_ref().unwrap_or(&UTC)
    }
}

/// What a column that means nothing does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SchemaMode {
    /// It is ignored and listed. A field that can't be read is left out of its row, unless it is the account or the time.
    #[default]
    Auto,
    /// It is an error that names the nearest known one. In JSON Lines the fields of the first 1000 lines are checked. A field
    /// that can't be read rejects its row.
    Strict,
}

/// What more bad rows do than may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TooManyBad {
    /// They fail the run.
    #[default]
    Fail,
    /// They are told beside what was read ([`crate::Ingested::too_many_bad`]): for whoever looks at the data first.
    Tell,
}

/// Watches an ingest; called between batches, by one thread at a time.
pub trait IngestObserver: Sync {
    /// Bytes of all sources, once known; 0 where standard input makes that impossible.
    fn started(&self, _total_bytes: u64) {}

    /// What comes after reading: the name of each phase as it begins.
    fn phase(&self, _name: &'static str) {}

    /// Bytes and rows read so far.
    fn progressed(&self, _bytes: u64, _rows: u64) {}

    /// Whether to stop.
    fn cancelled(&self) -> bool {
        false
    }
}

/// An observer that looks away.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl IngestObserver for Unobserved {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_cannot_be_meant_are_refused_before_anything_is_read() {
        let told = |config: &IngestConfig| {
            let nowhere = [PathBuf::from("nowhere.csv")];
            crate::ingest(&nowhere, config, &crate::Unobserved).err().map(|error| error.to_string())
        };
        for max_bad in [5.0, -1.0, f64::NAN] {
            let told = told(&IngestConfig { max_bad, ..IngestConfig::default() }).expect("an error");
            assert!(told.starts_with("`max_bad` is "), "{told}");
        }
        assert!(told(&IngestConfig::default()).expect("no such file").contains("nowhere.csv"));
    }
}
