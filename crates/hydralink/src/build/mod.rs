//! From event logs to a store.
//!
#![doc = include_str!("../../docs/input.md")]

mod by_name;
mod kept;
mod strangers;

use std::collections::{BTreeMap, HashSet};
use std::mem::take;
use std::path::{Path, PathBuf};

use events::schema::Map;
use events::{
    AlikeAccounts, Base, EventIds, FileRead, IngestConfig, Ingested, Profile, SeveralNames, SideTables, Sources, TableRead,
    Template, UnreadField,
};

use crate::as_of;
pub(crate) use crate::build::by_name::ByName;
use crate::dataset::{DECLARED_KINDS, Dataset};
use crate::enrich;
use crate::error::Error;
use crate::lineage;
use crate::observe::{Ingesting, Observer, Steps};
use crate::privacy;
use crate::store::{self, InputFile, StoreWriter};

/// What a build read and kept.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct BuildSummary {
    /// Rows read, by an update with those that the store had.
    pub rows: u64,
    /// Rows of this run.
    pub new_rows: u64,
    /// Those of them that repeat an event that was read.
    pub new_duplicates: u64,
    /// Rows rejected, by an update with those of earlier runs.
    pub rejected: u64,
    /// Rejected rows by reason.
    pub rejected_by_reason: Vec<(String, u64)>,
    /// Rows of this run that were rejected.
    pub new_rejected: u64,
    /// Those by reason.
    pub new_rejected_by_reason: Vec<(String, u64)>,
    /// Rows kept without a field that can't be read, by an update with those of earlier runs.
    pub kept_rows: u64,
    /// Those fields, by name and reason.
    pub unread: Vec<UnreadField>,
    /// Rows of this run that were kept without a field.
    pub new_kept_rows: u64,
    /// Those fields, by name and reason.
    pub new_unread: Vec<UnreadField>,
    /// Accounts.
    pub accounts: u64,
    /// Identifiers by kind.
    pub identifiers: Vec<(String, u64)>,
    /// Sightings.
    pub sightings: u64,
    /// Events with a time.
    pub timed_events: u64,
    /// Rows that were left out, because an event of the same id and content had been read; by an update with those of earlier
    /// runs.
    pub duplicate_events: u64,
    /// Values that are addresses which aren't routed on the internet and link nobody.
    pub unroutable: u64,
    /// Identifiers given by a word for nothing, such as `NULL` or `unknown`, and read as missing.
    pub absent: u64,
    /// Addresses that were lists of hops (`X-Forwarded-For`), of which the client's was taken.
    pub forwarded: u64,
    /// Prompts too short to link anybody.
    pub short_prompts: u64,
    /// Prompts that share words with more templates than they were compared with, so that they may have one of their own.
    pub crowded_prompts: u64,
    /// Events older than the last that the store had before an update; they count all the same.
    pub late_events: u64,
    /// Rows whose event id another row has with other content; both were counted. By an update with those that the store had.
    pub conflicting_events: u64,
    /// Those that this run added.
    pub new_conflicting_events: u64,
    /// Addresses whose network is known by the files of `--enrich`.
    pub enriched: u64,
    /// Files that were skipped, because the same bytes had been read.
    pub already_read: Vec<String>,
    /// Files of this run under whose name the store had read other content, which goes on counting.
    pub read_before: Vec<String>,
    /// Files that lay among those that were read and are no events: what engines leave beside their data.
    pub left_out: Vec<String>,
    /// Files that have columns and no rows.
    pub without_rows: Vec<String>,
    /// Main columns that files of this run lack, though the store has what such a column says.
    pub missing: Vec<MissingColumn>,
    /// Columns of files of this run without a value in any row, though the store has what such a column says.
    pub empty: Vec<MissingColumn>,
    /// Addresses, cards and templates of which files of this run, of at least [`MANY_ROWS`] rows of several accounts, have one.
    pub one_value: Vec<MissingColumn>,
    /// In how many rows of this run each column has a value.
    pub filled: Vec<(String, u64)>,
    /// How the side tables that were given fit the events.
    pub tables: Vec<TableRead>,
    /// Accounts that an update brought, if they are several, the store had many, and not one of these occurs in what was read:
    /// another population, or ids that are written otherwise than before.
    pub all_new_accounts: Option<u64>,
    /// Accounts that are most probably one, written with zeros and without.
    pub alike_accounts: Option<AlikeAccounts>,
    /// Columns of the files that were read that mean nothing.
    pub ignored: Vec<IgnoredColumn>,
    /// Columns that the objects of JSON Lines files don't all have under the same name, with the rows of each.
    pub several_names: Vec<SeveralNames>,
    /// Whether labels of the account table or reasons of the allow list were left out, for under a key nobody is to read them.
    pub texts_left_out: bool,
    /// Whether the store was written: not if every file was skipped or has no row, and no table given that says anything new.
    pub changed: bool,
    /// Whether networks that had been found before an update were dropped with that: not if all it brought had been read.
    pub networks_dropped: bool,
}

/// Rows from which on it is told that a file has one address, card or template.
pub const MANY_ROWS: u64 = 100;

/// A main column that some files lack, where others don't.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct MissingColumn {
    /// Our name of it.
    pub column: String,
    /// Files without it.
    pub files: u64,
    /// The first of them.
    pub first: String,
}

/// Columns of files, such as those that they lack, by the first file of which it is so.
fn columns_of<'f, C: IntoIterator<Item = &'f str>>(
    files: &'f [FileRead],
    columns: impl Fn(&'f FileRead) -> C,
) -> Vec<MissingColumn> {
    let mut by_name: BTreeMap<&str, MissingColumn> = BTreeMap::new();
    for file in files.iter().filter(|file| !file.duplicate && file.rows > 0) {
        for column in columns(file) {
            let none = || MissingColumn { column: column.to_owned(), files: 0, first: file.file.clone() };
            by_name.entry(column).or_insert_with(none).files += 1;
        }
    }
    let mut missing: Vec<MissingColumn> = by_name.into_values().collect();
    missing.sort_by(|one, other| (&one.first, one.files).cmp(&(&other.first, other.files)));
    missing
}

/// A column that was read over.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct IgnoredColumn {
    /// Its name.
    pub column: String,
    /// Files that have it.
    pub files: u64,
    /// What it may have been meant to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meant: Option<&'static str>,
    /// What it means, if it wasn't read because another column means that too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeats: Option<String>,
}

/// The columns of files that mean nothing, by name; without those that are known and have no use.
pub fn ignored_columns(files: &[FileRead]) -> Vec<IgnoredColumn> {
    let mut by_name: BTreeMap<(&str, Option<&str>), u64> = BTreeMap::new();
    let nothing = files.iter().flat_map(|file| &file.ignored).map(|column| (column.as_str(), None));
    let repeated = files.iter().flat_map(|file| &file.repeated).map(|(column, ours)| (column.as_str(), Some(ours.as_str())));
    nothing.chain(repeated).for_each(|column| *by_name.entry(column).or_default() += 1);
    let read = by_name.into_iter().map(|((column, repeats), files)| {
        let meant = events::schema::meant_by(column).filter(|_| repeats.is_none());
        IgnoredColumn { column: column.to_owned(), files, meant, repeats: repeats.map(str::to_owned) }
    });
    read.filter(|ignored| ignored.meant.is_none_or(|meant| !ignored.column.trim().eq_ignore_ascii_case(meant))).collect()
}

/// The columns that objects have under several names, over all files.
pub fn several_names(files: &[FileRead]) -> Vec<SeveralNames> {
    let mut by_column: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for SeveralNames { column, names } in files.iter().flat_map(|file| &file.several) {
        let known = by_column.entry(column).or_default();
        names.iter().for_each(|(name, rows)| *known.entry(name).or_default() += rows);
    }
    let names = |names: BTreeMap<&str, u64>| names.into_iter().map(|(name, rows)| (name.to_owned(), rows)).collect();
    by_column.into_iter().map(|(column, of)| SeveralNames { column: column.to_owned(), names: names(of) }).collect()
}

/// In how many rows of some files each column has a value, in byte order.
pub fn filled_columns(files: &[FileRead]) -> Vec<(String, u64)> {
    let mut by_column: BTreeMap<&str, u64> = BTreeMap::new();
    let filled = files.iter().flat_map(|file| &file.filled);
    filled.for_each(|filled| *by_column.entry(&filled.column).or_default() += filled.rows);
    by_column.into_iter().map(|(column, rows)| (column.to_owned(), rows)).collect()
}

/// The addresses, cards and templates of which a file of several accounts has one.
fn one_value(file: &FileRead) -> impl Iterator<Item = &str> {
    let one = |column: &str| file.filled.iter().any(|filled| filled.column == column && filled.one_value);
    let many = file.rows >= MANY_ROWS && !one("account_id");
    ["ip", "payment_instrument", "prompt_template_hash"].into_iter().filter(move |column| many && one(column))
}

/// Reads event logs and describes them, without a store.
///
/// # Errors
/// [`Error::Events`] for input that can't be read; [`Error::Interrupted`].
pub fn profile<'a>(sources: impl Into<Sources<'a>>, config: &IngestConfig, observer: &dyn Observer) -> Result<Profile, Error> {
    Ok(events::profile(sources, config, &Ingesting::new(observer))?)
}

/// Reads events into a store at `path`, replacing the one that is there when all is done.
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
    let enrichment = enrich::open(config)?;
    let mut writer = StoreWriter::create(path)?;
    // Another writer may have been there in between.
    privacy::check_key(path, store::key_id_at(path).as_deref(), key_id.as_deref())?;
    writer.set_key_id(key_id);
    let sealed = config.pseudonym.as_ref().map(events::Pseudonyms::sealed);
    privacy::put_sealed_keys(&mut writer, &sealed.unwrap_or_default())?;
    let config = &spilling_beside(path, config);
    let mut ingested = events::ingest_into(&writer, None, sources, config, &Ingesting::new(observer))?;
    let side_tables = take(&mut ingested.side_tables);
    if observer.cancelled() {
        return Err(Error::Interrupted);
    }
    let enriched = enrich::put(&mut writer, &ingested, &enrichment, None)?;
    let texts_left_out = config.pseudonym.is_some() && leave_texts_out(&mut ingested);
    let summary = BuildSummary { enriched, texts_left_out, ..summarise(&ingested) };
    Steps::of(observer).begin("writing")?;
    put(&mut writer, ingested)?;
    keep_tables(&mut writer, &side_tables)?;
    keep_map(&mut writer, config)?;
    if observer.cancelled() {
        return Err(Error::Interrupted);
    }
    writer.commit()?;
    Ok(summary)
}

/// Reads more events into the store at `path`: the same result as building everything at once, whatever the order of the
/// batches. Files whose bytes the store has are skipped, and so are those without a row; if that leaves nothing, and no table says
/// anything new, the store stays as it is. There need not be events where there is a table. A table of accounts or of releases
/// stands over the one that the store has, row by row and column by column; a known-good list and a map take the place of the
/// store's. Results of an earlier
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
    as_of::refuse(&Dataset::open(path)?)?;
    let sources = sources.into();
    let tables_given = says_something(config);
    if sources.files.is_empty() && sources.batches.is_empty() && !tables_given {
        return Err(Error::Usage("nothing to read: name events, or a table (--accounts, --releases, --allow)".to_owned()));
    }
    let key_id = config.pseudonym.as_ref().map(events::Pseudonyms::key_id);
    privacy::check_key(path, store::key_id_at(path).as_deref(), key_id.as_deref())?;
    let enrichment = enrich::open(config)?;
    let mut writer = StoreWriter::create(path)?;
    // As it is now that nobody else can change it.
    let dataset = Dataset::open(path)?;
    as_of::refuse(&dataset)?;
    // What is written gets checksums of its own: damage that is carried over would never be found again.
    dataset.store().verify()?;
    privacy::check_key(path, dataset.manifest().key_id.as_deref(), key_id.as_deref())?;
    writer.set_key_id(key_id);
    let sealed = privacy::sealed_keys(dataset.store())?;
    privacy::put_sealed_keys(&mut writer, &sealed)?;
    let mut config = spilling_beside(path, config);
    config.pseudonym = config.pseudonym.map(|key| privacy::unsealed(path, key, &sealed)).transpose()?;
    // The section's file is the map itself.
    config.map = config.map.or_else(|| dataset.store().file_of(MAP));
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
        files: (manifest.inputs.iter())
            .map(|file| FileRead { file: file.name.clone(), hash: file.hash.clone(), rows: file.rows, ..FileRead::default() })
            .collect(),
        rejected: manifest.rejected.iter().cloned().collect(),
        kept_rows: unread.rows,
        unread: unread.fields,
    };
    let mut ingested = events::ingest_into(&writer, Some(&base), sources, &config, &Ingesting::new(observer))?;
    let side_tables = take(&mut ingested.side_tables);
    // What was declared of kinds holds on: the map of another system says nothing of them.
    for (kind, entry) in dataset.declared_kinds() {
        ingested.declared_kinds.entry(kind.clone()).or_insert_with(|| entry.clone());
    }
    let new_files = &ingested.files[base.files.len()..];
    let read_before = read_before(&base.files, new_files);
    let summary = BuildSummary { read_before, ..of_this_run(summarise(&ingested), &base, conflicts) };
    let nothing_new = new_files.iter().all(|file| file.duplicate || file.rows == 0);
    if nothing_new && !tables_given {
        return Ok(BuildSummary { changed: false, ..summary });
    }
    let summary = BuildSummary { all_new_accounts: strangers::all_new_accounts(&dataset, &ingested), ..summary };
    let enriched = enrich::put(&mut writer, &ingested, &enrichment, Some(&dataset))?;
    let texts_left_out = config.pseudonym.is_some() && leave_texts_out(&mut ingested);
    let summary = BuildSummary { enriched, texts_left_out, ..summary };
    lineage::carry(&dataset, &ingested, &mut writer)?;
    Steps::of(observer).begin("writing")?;
    put(&mut writer, ingested)?;
    keep_tables(&mut writer, &side_tables)?;
    keep_map(&mut writer, &config)?;
    if observer.cancelled() {
        return Err(Error::Interrupted);
    }
    let before = dataset.manifest();
    if nothing_new && writer.has_what(before, |section| !is_found(section)) {
        return Ok(BuildSummary { changed: false, ..summary });
    }
    let same = writer.has_what(before, |section| !is_found(section) && !BESIDE_FACTS.contains(&section));
    if same {
        writer.keep(before, is_found);
    }
    let networks_dropped = !same && dataset.labelling_if_any().is_ok_and(|found| found.is_some());
    writer.commit()?;
    Ok(BuildSummary { networks_dropped, ..summary })
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
const BESIDE_FACTS: [&str; 7] = [ACCOUNTS, RELEASES, ALLOW, MAP, EVENT_IDS, DUPLICATE_EVENTS, UNREAD];

/// The files under whose name others were read before.
fn read_before(before: &[FileRead], files: &[FileRead]) -> Vec<String> {
    // What has no bytes to tell it by, a stream or a table, has no name of its own either.
    let named = |file: &&FileRead| !file.hash.is_empty() && !file.duplicate;
    let path = |file: &FileRead| std::path::absolute(&file.file).unwrap_or_else(|_| PathBuf::from(&file.file));
    let known: HashSet<PathBuf> = before.iter().filter(named).map(path).collect();
    files.iter().filter(named).filter(|file| known.contains(&path(file))).map(|file| file.file.clone()).collect()
}

/// What is beyond the memory limit goes to the disk of the store, unless said otherwise.
fn spilling_beside(store: &Path, config: &IngestConfig) -> IngestConfig {
    IngestConfig { spill: config.spill.clone().or_else(|| Some(store.to_owned())), ..config.clone() }
}

/// Sections of the side tables, which hold names.
pub(crate) const SIDE_TABLES: [&str; 4] = [ACCOUNTS, RELEASES, ALLOW, MAP];
pub(crate) const ACCOUNTS: &str = "inputs.accounts";
const RELEASES: &str = "inputs.releases";
pub(crate) const ALLOW: &str = "inputs.allow";
const MAP: &str = "inputs.map";

/// Leaves out what people wrote: labels of the account table and reasons of the allow list, which may name anybody. Says
/// whether there was any.
pub(crate) fn leave_texts_out(ingested: &mut Ingested) -> bool {
    let accounts = &mut ingested.accounts;
    let reasons = ingested.allowed_identifiers.iter_mut().chain(&mut ingested.allowed_accounts).map(|(_, reason)| reason);
    let mut any = !accounts.labels.is_empty();
    (accounts.label, accounts.labels) = (Vec::new(), Vec::new());
    for reason in reasons {
        any |= !reason.is_empty();
        reason.clear();
    }
    any
}

/// Keeps the side tables, for they speak of accounts, models and identifiers that only a later batch may bring.
pub(crate) fn keep_tables(writer: &mut StoreWriter, tables: &SideTables) -> Result<(), Error> {
    let SideTables { accounts, releases, allow } = tables;
    for (section, table) in [(ACCOUNTS, accounts), (RELEASES, releases), (ALLOW, allow)] {
        if let Some(table) = table {
            writer.put(section, table)?;
        }
    }
    Ok(())
}

/// Keeps the map, for the next batch has the same columns. It names columns and kinds, and nobody.
fn keep_map(writer: &mut StoreWriter, config: &IngestConfig) -> Result<(), Error> {
    if config.map.is_none() && config.columns.is_empty() {
        return Ok(());
    }
    writer.put(MAP, toml::to_string(&Map::of(config)?).expect("a map can be written").as_bytes())
}

/// Hashes of the ids and contents of events that were counted; they hold no names.
const EVENT_IDS: &str = "inputs.event_ids";
const DUPLICATE_EVENTS: &str = "inputs.duplicate_events";

/// The events of a store that had ids.
pub(crate) fn event_ids(dataset: &Dataset) -> Result<EventIds, Error> {
    let store = dataset.store();
    if !store.has(EVENT_IDS) {
        return Ok(EventIds::default());
    }
    let duplicates = store.column::<u64>(DUPLICATE_EVENTS)?.iter().sum();
    Ok(EventIds { pairs: store.column::<u64>(EVENT_IDS)?.to_vec(), duplicates })
}

/// The fields that rows were kept without; stores where there are none don't have it.
const UNREAD: &str = "inputs.unread";

/// What [`UNREAD`] holds.
#[derive(Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Unread {
    /// Rows that lack at least one field.
    pub(crate) rows: u64,
    /// The fields.
    pub(crate) fields: Vec<UnreadField>,
}

/// The fields that rows of a store were kept without.
pub(crate) fn unread(dataset: &Dataset) -> Result<Unread, Error> {
    Ok(dataset.store().json(UNREAD)?.unwrap_or_default())
}

fn summarise(ingested: &Ingested) -> BuildSummary {
    let starts = &ingested.graph.columns().kind_starts;
    let kinds = ingested.kind_names.iter().zip(starts.windows(2));
    let has = |column: &str| match column {
        "timestamp" => ingested.activity.event_count() > 0,
        kind => kinds.clone().any(|(known, range)| known == kind && range[0] < range[1]),
    };
    BuildSummary {
        missing: columns_of(&ingested.files, |file| file.missing.iter().map(String::as_str).filter(|column| has(column))),
        empty: columns_of(&ingested.files, |file| {
            let empty = file.filled.iter().filter(|filled| filled.rows == 0 && has(&filled.column));
            empty.map(|filled| filled.column.as_str())
        }),
        one_value: columns_of(&ingested.files, one_value),
        filled: filled_columns(&ingested.files),
        tables: ingested.tables.clone(),
        all_new_accounts: None,
        alike_accounts: ingested.alike.clone(),
        read_before: Vec::new(),
        left_out: ingested.left_out.clone(),
        without_rows: ingested.without_rows.clone(),
        rows: ingested.rows,
        new_rows: ingested.new_rows,
        new_duplicates: ingested.new_duplicates,
        rejected: ingested.rejected_count(),
        rejected_by_reason: rejected_by_reason(ingested),
        new_rejected: ingested.rejected_count(),
        new_rejected_by_reason: rejected_by_reason(ingested),
        kept_rows: ingested.kept_rows,
        unread: ingested.unread.clone(),
        new_kept_rows: ingested.kept_rows,
        new_unread: ingested.unread.clone(),
        accounts: ingested.graph.account_count() as u64,
        identifiers: kinds.clone().map(|(kind, range)| (kind.clone(), u64::from(range[1] - range[0]))).collect(),
        sightings: ingested.graph.sighting_count() as u64,
        timed_events: ingested.activity.event_count() as u64,
        duplicate_events: ingested.event_ids.duplicates,
        unroutable: ingested.unroutable,
        absent: ingested.absent,
        forwarded: ingested.forwarded,
        short_prompts: ingested.short_prompts,
        crowded_prompts: ingested.crowded_prompts,
        late_events: ingested.late_events,
        conflicting_events: ingested.event_ids.conflicts(),
        new_conflicting_events: ingested.event_ids.conflicts(),
        enriched: 0,
        texts_left_out: false,
        already_read: ingested.files.iter().filter(|file| file.duplicate).map(|file| file.file.clone()).collect(),
        ignored: ignored_columns(&ingested.files),
        several_names: several_names(&ingested.files),
        changed: true,
        networks_dropped: false,
    }
}

/// A summary with what an update did, and not the runs before it, in the fields that say so.
fn of_this_run(summary: BuildSummary, before: &Base<'_>, conflicts_before: u64) -> BuildSummary {
    let old = |reason: &str| before.rejected.get(reason).copied().unwrap_or(0);
    let new = summary.rejected_by_reason.iter().map(|(reason, rows)| (reason.clone(), rows - old(reason)));
    let by_reason: Vec<(String, u64)> = new.filter(|(_, rows)| *rows > 0).collect();
    let old = |field: &UnreadField| {
        let same = |one: &&UnreadField| (&one.field, &one.reason) == (&field.field, &field.reason);
        before.unread.iter().find(same).map_or(0, |one| one.rows)
    };
    let new = summary.unread.iter().map(|field| UnreadField { rows: field.rows - old(field), ..field.clone() });
    BuildSummary {
        new_rejected: by_reason.iter().map(|(_, rows)| rows).sum(),
        new_rejected_by_reason: by_reason,
        new_kept_rows: summary.kept_rows - before.kept_rows,
        new_unread: new.filter(|field| field.rows > 0).collect(),
        new_conflicting_events: summary.conflicting_events.saturating_sub(conflicts_before),
        ..summary
    }
}

fn rejected_by_reason(ingested: &Ingested) -> Vec<(String, u64)> {
    ingested.rejected.iter().map(|(reason, &count)| (reason.name().to_owned(), count)).collect()
}

/// Puts the columns that an ingest gives to its keeper into a store; for what was not ingested into it.
pub(crate) fn put_columns(writer: &mut StoreWriter, ingested: &Ingested) -> Result<(), Error> {
    let graph = ingested.graph.columns();
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
    // Stores of events without tokens don't have it.
    if !activity.tokens.is_empty() {
        writer.put("activity.tokens", &activity.tokens)?;
    }
    writer.put("inputs.long_events", &ingested.long_events)
}

/// Puts everything else that was ingested into a store.
pub(crate) fn put(writer: &mut StoreWriter, ingested: Ingested) -> Result<(), Error> {
    writer.put("graph.kind_starts", &ingested.graph.columns().kind_starts)?;
    let accounts = &ingested.accounts;
    writer.put("accounts.created_at", &accounts.created_at)?;
    writer.put("accounts.banned_at", &accounts.banned_at)?;
    writer.put("accounts.country", &accounts.country)?;
    writer.put("accounts.tier", &accounts.tier)?;
    writer.put("accounts.pathway", &accounts.pathway)?;
    writer.put("accounts.org", &accounts.org)?;
    for (column, codes, words) in
        [("status", &accounts.status, &accounts.statuses), ("label", &accounts.label, &accounts.labels)]
    {
        if !words.is_empty() {
            writer.put(&format!("accounts.{column}"), codes)?;
            writer.put(&format!("accounts.{column}_words"), words.join("\n").as_bytes())?;
        }
    }
    writer.put("accounts.name_offsets", &ingested.account_names.offsets)?;
    writer.put("accounts.name_bytes", &ingested.account_names.bytes)?;
    writer.put("identifiers.name_offsets", &ingested.identifier_names.offsets)?;
    writer.put("identifiers.name_bytes", &ingested.identifier_names.bytes)?;
    let mut files: Vec<InputFile> = ingested
        .files
        .iter()
        .filter(|file| !file.duplicate)
        .map(|file| InputFile { name: file.file.clone(), hash: file.hash.clone(), rows: file.rows, duplicate: false })
        .collect();
    // By content, so that the order in which batches came leaves no trace.
    files.sort_by(|one, other| (&one.hash, &one.name).cmp(&(&other.hash, &other.name)));
    writer.set_inputs(files, rejected_by_reason(&ingested));
    writer.put("inputs.event_pathway", &ingested.event_pathway)?;
    writer.put("inputs.event_pathways", ingested.event_pathways.join("\n").as_bytes())?;
    // Stores of events without ids have neither.
    if !ingested.event_ids.pairs.is_empty() {
        writer.put(EVENT_IDS, &ingested.event_ids.pairs)?;
        writer.put(DUPLICATE_EVENTS, &[ingested.event_ids.duplicates])?;
    }
    if ingested.kept_rows > 0 {
        let unread = Unread { rows: ingested.kept_rows, fields: ingested.unread.clone() };
        writer.put(UNREAD, &serde_json::to_vec(&unread).expect("plain data serialises"))?;
    }
    if !ingested.declared_kinds.is_empty() {
        writer.put(DECLARED_KINDS, &serde_json::to_vec(&ingested.declared_kinds).expect("plain data serialises"))?;
    }
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
