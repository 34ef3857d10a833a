//! From event logs to a store.
//!
#![doc = include_str!("../../docs/input.md")]

mod by_name;
mod drift;
mod kept;
mod replaced;
mod sections;
mod strangers;
mod summary;

use std::collections::HashSet;
use std::io;
use std::mem::take;
use std::path::{Path, PathBuf};

use events::{Base, FileRead, ForgottenAccounts, IngestConfig, Profile, Sources, Template};
use tempfile::TempDir;

use crate::as_of;
pub(crate) use crate::build::by_name::ByName;
pub use crate::build::drift::{Drift, Drifted};
use crate::build::replaced::Before;
pub use crate::build::replaced::Replaced;
pub(crate) use crate::build::sections::{
    ACCOUNTS, ALLOW, ReadAs, SIDE_TABLES, event_ids, leave_texts_out, map_of, put, put_columns, unread,
};
use crate::build::sections::{DUPLICATE_EVENTS, EVENT_IDS, MAP, READ_AS, RELEASES, UNREAD, keep_map, keep_tables};
use crate::build::summary::columns_of;
pub use crate::build::summary::{
    BuildSummary, IgnoredColumn, MANY_ROWS, MissingColumn, filled_columns, ignored_columns, several_names,
};
use crate::build::summary::{of_this_run, summarise};
use crate::calibrate;
use crate::dataset::Dataset;
use crate::detect::{LastDetection, detect_staged, last};
use crate::enrich;
use crate::error::Error;
use crate::lineage;
use crate::observe::{Ingesting, Observer, Steps};
use crate::options;
use crate::privacy;
use crate::store::{self, StoreWriter};

/// Reads event logs and describes them, without a store.
///
/// # Errors
/// [`Error::Events`] for input that can't be read; [`Error::Interrupted`].
pub fn profile<'a>(sources: impl Into<Sources<'a>>, config: &IngestConfig, observer: &dyn Observer) -> Result<Profile, Error> {
    Ok(events::profile(sources, config, &Ingesting::new(observer))?)
}

/// Reads events into a store at `path`, replacing the one that is there when all is done. Of that, two things go on where the accounts
/// are the same: what became of which network ([`crate::lineage`]), so that the next detection gives the same networks the same ids, and
/// who was forgotten ([`crate::privacy::forget()`]). What was found is dropped; [`BuildSummary::replaced`] tells all of it.
///
/// # Errors
/// [`Error::StoreKey`] if the store at `path` holds pseudonyms of a key that isn't given, [`Error::Events`] for input that
/// can't be read, [`Error::Interrupted`], and as [`StoreWriter::create`]; whatever happens, the store at `path` is then as it
/// was.
pub fn build<'a>(
    sources: impl Into<Sources<'a>>,
    path: &Path,
    config: &IngestConfig,
    observer: &dyn Observer,
) -> Result<BuildSummary, Error> {
    let key_id = config.pseudonym.as_ref().map(events::Pseudonyms::key_id);
    privacy::check_key(path, store::key_id_at(path).as_deref(), key_id.as_deref())?;
    spare_stores(config, path)?;
    let enrichment = enrich::open(config)?;
    let mut writer = StoreWriter::create(path)?;
    // Another writer may have been there in between.
    privacy::check_key(path, store::key_id_at(path).as_deref(), key_id.as_deref())?;
    writer.set_key_id(key_id);
    let before = Before::at(path);
    let sealed = config.pseudonym.as_ref().map(events::Pseudonyms::sealed);
    privacy::put_sealed_keys(&mut writer, &sealed.unwrap_or_default())?;
    let config = &leaving_out(before.as_ref().and_then(Before::forgotten), spilling_beside(path, config));
    let mut ingested = events::ingest_into(&writer, None, sources, config, &Ingesting::new(observer))?;
    let side_tables = take(&mut ingested.side_tables);
    if observer.cancelled() {
        return Err(Error::Interrupted);
    }
    let enriched = enrich::put(&mut writer, &ingested, &enrichment, None)?;
    let texts_left_out = config.pseudonym.is_some() && leave_texts_out(&mut ingested);
    let replaced = before.map(|before| before.keep(&ingested, &mut writer)).transpose()?;
    let summary = BuildSummary { enriched, texts_left_out, replaced, ..summarise(&ingested) };
    Steps::of(observer).begin("writing")?;
    put(&mut writer, ingested)?;
    keep_tables(&mut writer, &side_tables)?;
    keep_map(&mut writer, config)?;
    ReadAs::of(config).keep(&mut writer)?;
    if observer.cancelled() {
        return Err(Error::Interrupted);
    }
    writer.commit()?;
    Ok(summary)
}

/// Reads more events into the store at `path`: the same result as building everything at once, whatever the order of the
/// batches. Files whose bytes the store has are skipped, and so are those without a row; if that leaves nothing, and no table says
/// anything new, the store stays as it is. There need not be events where there is a table. A table of accounts or of releases
/// stands over the one that the store has, row by row and column by column; a known-good list, a map, a zone and
/// trusted proxies take the place of the store's, from then on. Results of an earlier
/// detection are dropped, unless all that came had been read and the tables say the same; what became of which network is kept
/// ([`crate::lineage`]), so that the next detection gives the same networks the same ids.
///
/// # Errors
/// As [`build`], and [`Error::NotAStore`] if there is no store; [`Error::StoreDamaged`] if a checksum is wrong, and the store is
/// left alone; [`Error::StoreKey`] also for a key where the store has none;
/// [`Error::Usage`] for a store that [`crate::as_of()`] made.
pub fn update<'a>(
    sources: impl Into<Sources<'a>>,
    path: &Path,
    config: &IngestConfig,
    observer: &dyn Observer,
) -> Result<BuildSummary, Error> {
    update_with(sources, path, config, &UpdateConfig::default(), observer)
}

/// The same, and detects again with the settings and lists of the last detection. New facts and networks become visible at once:
/// until then the store answers as before, and if anything fails it goes on doing so. Where nothing new came, networks stay as
/// they are.
///
/// # Errors
/// As [`update`] and [`crate::detect()`]; [`Error::Usage`] if the settings of the last detection can't be read.
pub fn update_and_detect<'a>(
    sources: impl Into<Sources<'a>>,
    path: &Path,
    config: &IngestConfig,
    observer: &dyn Observer,
) -> Result<BuildSummary, Error> {
    update_with(sources, path, config, &UpdateConfig { detect: true, ..UpdateConfig::default() }, observer)
}

/// What an update does beside reading.
#[derive(Clone, Debug, Default)]
pub struct UpdateConfig {
    /// Detect again, as [`update_and_detect`].
    pub detect: bool,
    /// What stops the update before anything is written.
    pub fail_on: Vec<Drift>,
    /// Read and say what would be, and write nothing; nothing is detected then either.
    pub dry_run: bool,
}

/// As [`update`] or [`update_and_detect`], unless what was read has what the caller wants to be stopped by.
///
/// # Errors
/// As these, and [`Error::Drift`]; the store is then as it was.
pub fn update_with<'a>(
    sources: impl Into<Sources<'a>>,
    path: &Path,
    config: &IngestConfig,
    then: &UpdateConfig,
    observer: &dyn Observer,
) -> Result<BuildSummary, Error> {
    updated(sources.into(), path, config, then, observer)
}

fn updated(
    sources: Sources<'_>,
    path: &Path,
    config: &IngestConfig,
    then: &UpdateConfig,
    observer: &dyn Observer,
) -> Result<BuildSummary, Error> {
    as_of::refuse(&Dataset::open(path)?)?;
    spare_stores(config, path)?;
    let tables_given = says_something(config);
    if sources.files.is_empty() && sources.batches.is_empty() && !tables_given {
        return Err(Error::Usage(format!(
            "nothing to read: name events, or a table ({}, {}, {})",
            options::ACCOUNTS,
            options::RELEASES,
            options::ALLOW
        )));
    }
    let key_id = config.pseudonym.as_ref().map(events::Pseudonyms::key_id);
    privacy::check_same_key(path, store::key_id_at(path).as_deref(), key_id.as_deref())?;
    let enrichment = enrich::open(config)?;
    let (mut writer, elsewhere) = writer_of(path, then.dry_run)?;
    // As it is now that nobody else can change it.
    let dataset = Dataset::open(path)?;
    as_of::refuse(&dataset)?;
    // What is written gets checksums of its own: damage that is carried over would never be found again.
    dataset.store().verify()?;
    let labelling = unless_needed(dataset.labelling_if_any(), then.detect)?;
    let last = unless_needed(LastDetection::with(&dataset, labelling.as_ref()), then.detect)?;
    let detection = then.detect.then(|| last.clone().unwrap_or_default());
    privacy::check_same_key(path, dataset.manifest().key_id.as_deref(), key_id.as_deref())?;
    writer.set_key_id(key_id);
    let sealed = privacy::sealed_keys(dataset.store())?;
    privacy::put_sealed_keys(&mut writer, &sealed)?;
    let forgotten = privacy::forgotten_accounts(dataset.store())?;
    privacy::put_forgotten(&mut writer, forgotten.as_ref())?;
    let beside = elsewhere.as_ref().map_or(path, TempDir::path);
    let mut config = leaving_out(forgotten.as_ref(), spilling_beside(beside, config));
    config.pseudonym = config.pseudonym.map(|key| privacy::unsealed(path, key, &sealed)).transpose()?;
    // The section's file is the map itself.
    config.map = config.map.or_else(|| dataset.store().file_of(MAP));
    let read_as = ReadAs::of_store(&dataset)?;
    read_as.fill_in(&mut config)?;
    let something_said = tables_given || ReadAs::of(&config) != read_as;
    let (long_events, event_pathway) =
        (dataset.store().column::<u8>("inputs.long_events")?, dataset.store().column::<u16>("inputs.event_pathway")?);
    let (event_ids, unread) = (event_ids(&dataset)?, unread(&dataset)?);
    let event_pathways = dataset.event_pathways()?;
    let (manifest, tables) = (dataset.manifest(), dataset.tables());
    let conflicts = event_ids.conflicts();
    let base = Base {
        account_names: dataset.account_names().as_names(),
        kind_names: &tables.kinds,
        identifier_names: dataset.identifier_names().as_names(),
        graph: dataset.graph(),
        activity: dataset.activity(),
        long_events: &long_events,
        models: &tables.models,
        capabilities: &tables.capabilities,
        event_pathway: &event_pathway,
        event_pathways: &event_pathways,
        event_ids: &event_ids.pairs,
        duplicate_events: event_ids.duplicates,
        templates: (tables.skeletons.iter())
            .map(|(identifier, skeleton, variants)| Template {
                identifier: *identifier,
                skeleton: skeleton.clone(),
                variants: *variants as u32,
            })
            .collect(),
        side_tables: kept::side_tables(&dataset)?,
        files: (manifest.inputs.iter()).map(|file| FileRead::known(file.name.clone(), file.hash.clone(), file.rows)).collect(),
        rejected: manifest.rejected.iter().cloned().collect(),
        kept_rows: unread.rows,
        unread: unread.fields,
    };
    let ingested = events::ingest_into(&writer, Some(&base), sources, &config, &Ingesting::new(observer));
    let mut ingested = ingested.map_err(|error| drift::or_drift(error, &then.fail_on))?;
    let side_tables = take(&mut ingested.side_tables);
    let not_looked_for: Vec<&str> = not_looked_for(&dataset, &ingested);
    // What was declared of kinds holds on: the map of another system says nothing of them.
    for (kind, entry) in dataset.declared_kinds() {
        ingested.declared_kinds.entry(kind.clone()).or_insert_with(|| entry.clone());
    }
    let new_files = &ingested.files[base.files.len()..];
    let read_before = read_before(&base.files, new_files);
    let mut summary = BuildSummary { read_before, ..of_this_run(summarise(&ingested), &base, conflicts) };
    summary.missing.extend(columns_of(new_files, |file| {
        not_looked_for.iter().copied().filter(|kind| !file.filled.iter().any(|filled| filled.column == *kind))
    }));
    let summary = BuildSummary { all_new_accounts: strangers::all_new_accounts(&dataset, &ingested), ..summary };
    let found: Vec<Drifted> = summary.drift().into_iter().filter(|one| then.fail_on.contains(&one.drift)).collect();
    if !found.is_empty() {
        return Err(Error::Drift { found });
    }
    if then.dry_run {
        return Ok(BuildSummary { changed: false, ..summary });
    }
    let nothing_new = new_files.iter().all(|file| file.duplicate || file.rows == 0);
    let had_networks = labelling.is_some();
    let stays = had_networks || detection.is_none();
    if nothing_new && !something_said && stays {
        return Ok(BuildSummary { changed: false, ..summary });
    }
    let enriched = enrich::put(&mut writer, &ingested, &enrichment, Some(&dataset))?;
    let texts_left_out = config.pseudonym.is_some() && leave_texts_out(&mut ingested);
    let summary = BuildSummary { enriched, texts_left_out, ..summary };
    let had_calibration = calibrate::is_calibrated(&dataset, labelling.as_ref())?;
    lineage::carry(&dataset, &ingested, &mut writer)?;
    Steps::of(observer).begin("writing")?;
    put(&mut writer, ingested)?;
    keep_tables(&mut writer, &side_tables)?;
    keep_map(&mut writer, &config)?;
    ReadAs::of(&config).keep(&mut writer)?;
    if observer.cancelled() {
        return Err(Error::Interrupted);
    }
    let before = dataset.manifest();
    if nothing_new && stays && writer.has_what(before, |section| !is_found(section) && section != last::SECTION) {
        return Ok(BuildSummary { changed: false, ..summary });
    }
    let same = writer.has_what(before, |section| !is_found(section) && !BESIDE_FACTS.contains(&section));
    if same {
        writer.keep(before, is_found);
    }
    let outdated = !(same && had_networks);
    let (mut networks_dropped, mut networks_found) = (had_networks && outdated, None);
    if let Some(LastDetection { config, lists }) = detection.filter(|_| outdated) {
        let (next, found) = detect_staged(writer, &config, &lists, dataset.cases()?, observer)?;
        writer = next;
        let flagged = found.labelling().heads().iter().filter(|head| head.flagged).count();
        (networks_dropped, networks_found) = (false, Some(flagged as u64));
    } else if let Some(last) = last.filter(|_| outdated) {
        last.keep(&mut writer)?;
    }
    writer.commit()?;
    Ok(BuildSummary { networks_dropped, networks_found, calibration_dropped: outdated && had_calibration, ..summary })
}

/// The kinds that a store has by columns that an earlier map named, and of which the map that was read by says nothing.
fn not_looked_for<'d>(dataset: &'d Dataset, ingested: &events::Ingested) -> Vec<&'d str> {
    let declared = dataset.declared_kinds().iter().filter(|(_, entry)| entry.column.is_some());
    let is_there = |kind: &str| dataset.kind(kind).is_ok_and(|kind| !dataset.graph().identifiers_of_kind(kind).is_empty());
    let kinds = declared.map(|(kind, _)| kind.as_str());
    kinds.filter(|kind| !ingested.declared_kinds.contains_key(*kind) && is_there(kind)).collect()
}

/// Where the store is written anew: beside what it is, or, if that is only to be told and can't be written, among the system's
/// temporary files.
fn writer_of(path: &Path, dry_run: bool) -> Result<(StoreWriter, Option<TempDir>), Error> {
    match StoreWriter::create(path) {
        Err(Error::Io { source, .. }) if dry_run && is_read_only(&source) => {
            let folder = tempfile::tempdir().map_err(|error| Error::io("create a folder in", &std::env::temp_dir(), error))?;
            Ok((StoreWriter::create(&folder.path().join("store"))?, Some(folder)))
        }
        writer => Ok((writer?, None)),
    }
}

fn is_read_only(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied)
}

/// Refuses to write rejected rows among the files of a store, or where one is being made.
fn spare_stores(config: &IngestConfig, store: &Path) -> Result<(), Error> {
    let Some(rejects) = &config.rejects else { return Ok(()) };
    store::refuse_among_files(rejects)?;
    let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if whole(rejects).starts_with(whole(store)) { Err(store::among_files(rejects, store)) } else { Ok(()) }
}

/// What was found before, and by which settings: where it can't be read and isn't gone by, there is none, for it is dropped.
fn unless_needed<T>(read: Result<Option<T>, Error>, needed: bool) -> Result<Option<T>, Error> {
    if needed { read } else { Ok(read.ok().flatten()) }
}

/// Whether an update is given something beside events.
fn says_something(config: &IngestConfig) -> bool {
    let tables = [&config.accounts, &config.releases, &config.allow, &config.map];
    tables.into_iter().any(Option::is_some) || !config.columns.is_empty() || !config.enrich.is_empty()
}

/// Whether a section is what was found in a store, and not what it was made of.
fn is_found(section: &str) -> bool {
    ["result.", "calibration.", "consensus."].into_iter().any(|found| section.starts_with(found))
}

/// Sections on which nothing that is found depends: what was read of the side tables stands in others.
const BESIDE_FACTS: [&str; 9] = [ACCOUNTS, RELEASES, ALLOW, MAP, READ_AS, EVENT_IDS, DUPLICATE_EVENTS, UNREAD, last::SECTION];

/// The files under whose name others were read before.
fn read_before(before: &[FileRead], files: &[FileRead]) -> Vec<String> {
    // A table has no bytes to tell it by, and neither it nor a stream has a name of its own.
    let named = |file: &&FileRead| !file.hash.is_empty() && !file.duplicate && !file.stream;
    let path = |file: &FileRead| std::path::absolute(&file.file).unwrap_or_else(|_| PathBuf::from(&file.file));
    let known: HashSet<PathBuf> = before.iter().filter(named).map(path).collect();
    files.iter().filter(named).filter(|file| known.contains(&path(file))).map(|file| file.file.clone()).collect()
}

/// What is beyond the memory limit goes to the disk of the store, unless said otherwise.
fn spilling_beside(store: &Path, config: &IngestConfig) -> IngestConfig {
    IngestConfig { spill: config.spill.clone().or_else(|| Some(store.to_owned())), ..config.clone() }
}

/// Rows of whoever a store has forgotten are left out; of whom else it was said where it has forgotten nobody.
fn leaving_out(forgotten: Option<&ForgottenAccounts>, config: IngestConfig) -> IngestConfig {
    IngestConfig { forgotten: forgotten.cloned().or_else(|| config.forgotten.clone()), ..config }
}
