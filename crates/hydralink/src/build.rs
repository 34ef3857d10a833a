//! From event logs to a store.

use std::path::{Path, PathBuf};

use events::{IngestConfig, IngestObserver, Ingested};

use crate::error::Error;
use crate::privacy;
use crate::store::{self, InputFile, StoreWriter};

/// What a build read and kept.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct BuildSummary {
    /// Rows read.
    pub rows: u64,
    /// Rows rejected.
    pub rejected: u64,
    /// Rejected rows by reason.
    pub rejected_by_reason: Vec<(String, u64)>,
    /// Accounts.
    pub accounts: u64,
    /// Identifiers by kind.
    pub identifiers: Vec<(String, u64)>,
    /// Sightings.
    pub sightings: u64,
    /// Events with a time.
    pub timed_events: u64,
}

/// Reads events into a store at `path`, replacing the one that is there when all is done.
///
/// # Errors
/// [`Error::StoreKey`] if the store at `path` holds pseudonyms of a key that isn't given, [`Error::Events`] for input that can't be read, [`Error::Interrupted`], and as [`StoreWriter::create`]; whatever happens, the store at
/// `path` is then as it was.
pub fn build(
    sources: &[PathBuf],
    path: &Path,
    config: &IngestConfig,
    observer: &dyn IngestObserver,
) -> Result<BuildSummary, Error> {
    let key_id = config.pseudonym.as_ref().map(events::Pseudonyms::key_id);
    privacy::check_key(path, store::key_id_at(path).as_deref(), key_id.as_deref())?;
    let mut writer = StoreWriter::create(path)?;
    writer.set_key_id(key_id);
    let ingested = events::ingest(sources, config, observer)?;
    if observer.cancelled() {
        return Err(Error::Interrupted);
    }
    let summary = summarise(&ingested);
    put(&mut writer, ingested)?;
    if observer.cancelled() {
        return Err(Error::Interrupted);
    }
    writer.commit()?;
    Ok(summary)
}

fn summarise(ingested: &Ingested) -> BuildSummary {
    let starts = &ingested.graph.columns().kind_starts;
    let kinds = ingested.kind_names.iter().zip(starts.windows(2));
    BuildSummary {
        rows: ingested.rows,
        rejected: ingested.rejected_count(),
        rejected_by_reason: rejected_by_reason(ingested),
        accounts: ingested.graph.account_count() as u64,
        identifiers: kinds.map(|(kind, range)| (kind.clone(), u64::from(range[1] - range[0]))).collect(),
        sightings: ingested.graph.sighting_count() as u64,
        timed_events: ingested.activity.event_count() as u64,
    }
}

fn rejected_by_reason(ingested: &Ingested) -> Vec<(String, u64)> {
    ingested.rejected.iter().map(|(reason, &count)| (reason.name().to_owned(), count)).collect()
}

/// Puts everything that was ingested into a store.
pub(crate) fn put(writer: &mut StoreWriter, ingested: Ingested) -> Result<(), Error> {
    let graph = ingested.graph.columns();
    writer.put("graph.kind_starts", &graph.kind_starts)?;
    writer.put("graph.account_offsets", &graph.account_offsets)?;
    writer.put("graph.identifiers", &graph.identifiers)?;
    writer.put("graph.counts", &graph.counts)?;
    writer.put("graph.first_seen", &graph.first_seen)?;
    writer.put("graph.last_seen", &graph.last_seen)?;
    writer.put("graph.identifier_offsets", &graph.identifier_offsets)?;
    writer.put("graph.accounts", &graph.accounts)?;
    writer.put("graph.identifier_sightings", &graph.identifier_sightings)?;
    let activity = ingested.activity.columns();
    writer.put("activity.offsets", &activity.offsets)?;
    writer.put("activity.time", &activity.time)?;
    writer.put("activity.model", &activity.model)?;
    writer.put("activity.capability", &activity.capability)?;
    writer.put("activity.status", &activity.status)?;
    writer.put("activity.template", &activity.template)?;
    writer.put("activity.requests", &activity.requests)?;
    let accounts = &ingested.accounts;
    writer.put("accounts.created_at", &accounts.created_at)?;
    writer.put("accounts.banned_at", &accounts.banned_at)?;
    writer.put("accounts.country", &accounts.country)?;
    writer.put("accounts.tier", &accounts.tier)?;
    writer.put("accounts.pathway", &accounts.pathway)?;
    writer.put("accounts.org", &accounts.org)?;
    writer.put("accounts.name_offsets", &ingested.account_names.offsets)?;
    writer.put("accounts.name_bytes", &ingested.account_names.bytes)?;
    writer.put("identifiers.name_offsets", &ingested.identifier_names.offsets)?;
    writer.put("identifiers.name_bytes", &ingested.identifier_names.bytes)?;
    let files = ingested.files.iter().map(|file| InputFile {
        name: file.file.clone(),
        hash: file.hash.clone(),
        rows: file.rows,
        duplicate: file.duplicate,
    });
    writer.set_inputs(files.collect(), rejected_by_reason(&ingested));
    let tables = writer.tables();
    tables.kinds = ingested.kind_names;
    tables.models = ingested.models;
    tables.capabilities = ingested.capabilities;
    tables.countries = ingested.accounts.countries;
    tables.tiers = ingested.accounts.tiers;
    tables.pathways = ingested.accounts.pathways;
    tables.orgs = ingested.accounts.orgs;
    tables.releases = ingested.releases;
    tables.allowed_identifiers = ingested.allowed_identifiers;
    tables.allowed_accounts = ingested.allowed_accounts;
    tables.skeletons =
        ingested.templates.into_iter().map(|mined| (mined.identifier, mined.skeleton, u64::from(mined.variants))).collect();
    Ok(())
}
