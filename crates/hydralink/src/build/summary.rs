//! What did a build or an update read, keep and leave out?

use std::collections::{BTreeMap, BTreeSet};

use events::{AlikeAccounts, Base, FileNotes, FileRead, Ingested, SeveralNames, TableRead, UnreadField};
use graph::NONE_U16;
use rayon::prelude::*;

use super::Replaced;

/// What a build read and kept.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct BuildSummary {
    /// Rows read, by an update with those that the store had.
    pub rows: u64,
    /// Rows of this run.
    pub new_rows: u64,
    /// Those of them that repeat an event that was read.
    pub new_duplicates: u64,
    /// Rows of this run that were left out, because they are of accounts that were forgotten; those of side tables are counted there.
    pub forgotten_rows: u64,
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
    /// Templates that were mined from prompts. Their texts aren't kept, so no update can add prompts to the store.
    pub mined_templates: u64,
    /// Events older than the last that the store had before an update; they count all the same.
    pub late_events: u64,
    /// Rows of this run without a time: what they say was seen with whom counts, and they are no exchanges.
    pub rows_without_time: u64,
    /// Sightings that stand for 4,294,967,295 exchanges, the most that are kept: more are counted as so many.
    pub capped_sightings: u64,
    /// Conflicts: of the rows with one event id and different content, which were all counted, all but one. By an update with those
    /// that the store had.
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
    /// What else is out of the ordinary about the files.
    #[serde(flatten)]
    pub notes: FileNotes,
    /// Columns that files of this run lack, though the store has what such a column says.
    pub missing: Vec<MissingColumn>,
    /// Columns of files of this run without a value in any row, though the store has what such a column says. Also of the account
    /// table: of what it lacks in all rows the store keeps what it has, if that is of several accounts.
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
    /// Whether the store had been calibrated: the q-values were those of the detection before an update, and are gone with it until
    /// [`crate::calibrate()`] makes others.
    pub calibration_dropped: bool,
    /// Networks over the threshold, where an update detected again ([`crate::update_and_detect`]).
    pub networks_found: Option<u64>,
    /// What became of the store that a build replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced: Option<Replaced>,
}

/// Rows from which on it is told that a file has one address, card or template.
pub const MANY_ROWS: u64 = 100;

/// A column that some files lack, where others don't.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct MissingColumn {
    /// Our name of it.
    pub column: String,
    /// Files without it.
    pub files: u64,
    /// The first of them.
    pub first: String,
}

/// Columns of files, such as those that they lack, by the first file of which it is so.
pub(super) fn columns_of<'f, C: IntoIterator<Item = &'f str>>(
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
#[non_exhaustive]
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
    for SeveralNames { column, names, .. } in files.iter().flat_map(|file| &file.several) {
        let known = by_column.entry(column).or_default();
        names.iter().for_each(|(name, rows)| *known.entry(name).or_default() += rows);
    }
    let names = |names: BTreeMap<&str, u64>| names.into_iter().map(|(name, rows)| (name.to_owned(), rows)).collect();
    by_column.into_iter().map(|(column, of)| SeveralNames::new(column.to_owned(), names(of))).collect()
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

/// The columns that a file could have, and hasn't.
fn lacked_by(file: &FileRead) -> impl Iterator<Item = &str> {
    file.missing.iter().chain(&file.lacking).map(String::as_str)
}

/// The columns that some file lacks, or has nothing in, and of which values were read all the same: from other files, or by an
/// earlier run. O(events) at most.
fn known_columns(ingested: &Ingested) -> BTreeSet<&str> {
    let starts = &ingested.graph.columns().kind_starts;
    let activity = ingested.activity.columns();
    let has = |column: &str| match column {
        "timestamp" => ingested.activity.event_count() > 0,
        "event_id" => !ingested.event_ids.pairs.is_empty(),
        "model" => !ingested.models.is_empty(),
        "capability" => !ingested.capabilities.is_empty(),
        "pathway" => !ingested.event_pathways.is_empty(),
        "status" => activity.status.par_iter().any(|&status| status != NONE_U16),
        "requests" => activity.requests.par_iter().any(|&requests| requests > 1),
        "tokens" => !activity.tokens.is_empty(),
        kind => (ingested.kind_names.iter().zip(starts.windows(2))).any(|(known, range)| known == kind && range[0] < range[1]),
    };
    let columns_in_doubt = ingested.files.iter().flat_map(|file| {
        let empty = file.filled.iter().filter(|filled| filled.rows == 0).map(|filled| filled.column.as_str());
        lacked_by(file).chain(empty)
    });
    let in_doubt: BTreeSet<&str> = columns_in_doubt.collect();
    in_doubt.into_iter().filter(|column| has(column)).collect()
}

pub(super) fn summarise(ingested: &Ingested) -> BuildSummary {
    let starts = &ingested.graph.columns().kind_starts;
    let kinds = ingested.kind_names.iter().zip(starts.windows(2));
    let known = known_columns(ingested);
    let has = |column: &&str| known.contains(*column);
    let empty = columns_of(&ingested.files, |file| {
        // Of rows that are all rejected it is said why, and nothing of their columns.
        let empty = file.filled.iter().filter(|filled| filled.rows == 0 && file.rejected < file.rows);
        empty.map(|filled| filled.column.as_str()).filter(has)
    });
    let of_tables = ingested.tables.iter().flat_map(|table| {
        table.empty.iter().map(|(column, _)| MissingColumn { column: column.clone(), files: 1, first: table.file.clone() })
    });
    BuildSummary {
        missing: columns_of(&ingested.files, |file| lacked_by(file).filter(has)),
        empty: empty.into_iter().chain(of_tables).collect(),
        one_value: columns_of(&ingested.files, one_value),
        filled: filled_columns(&ingested.files),
        tables: ingested.tables.clone(),
        all_new_accounts: None,
        alike_accounts: ingested.alike.clone(),
        read_before: Vec::new(),
        left_out: ingested.left_out.clone(),
        without_rows: ingested.without_rows.clone(),
        notes: ingested.notes.clone(),
        rows: ingested.rows,
        new_rows: ingested.new_rows,
        new_duplicates: ingested.new_duplicates,
        forgotten_rows: ingested.forgotten_rows,
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
        mined_templates: ingested.templates.len() as u64,
        late_events: ingested.late_events,
        rows_without_time: ingested.rows_without_time,
        capped_sightings: ingested.graph.columns().counts.par_iter().filter(|&&count| count == u32::MAX).count() as u64,
        conflicting_events: ingested.event_ids.conflicts(),
        new_conflicting_events: ingested.event_ids.conflicts(),
        enriched: 0,
        texts_left_out: false,
        already_read: ingested.files.iter().filter(|file| file.duplicate).map(|file| file.file.clone()).collect(),
        ignored: ignored_columns(&ingested.files),
        several_names: several_names(&ingested.files),
        changed: true,
        networks_dropped: false,
        networks_found: None,
        calibration_dropped: false,
        replaced: None,
    }
}

/// A summary with what an update did, and not the runs before it, in the fields that say so.
pub(super) fn of_this_run(summary: BuildSummary, before: &Base<'_>, conflicts_before: u64) -> BuildSummary {
    let old = |reason: &str| before.rejected.get(reason).copied().unwrap_or(0);
    let new = summary.rejected_by_reason.iter().map(|(reason, rows)| (reason.clone(), rows - old(reason)));
    let by_reason: Vec<(String, u64)> = new.filter(|(_, rows)| *rows > 0).collect();
    let old = |field: &UnreadField| {
        let same = |one: &&UnreadField| (&one.field, &one.reason) == (&field.field, &field.reason);
        before.unread.iter().find(same).map_or(0, |one| one.rows)
    };
    let new = summary.unread.iter().map(|field| {
        let mut new = field.clone();
        new.rows -= old(field);
        new
    });
    BuildSummary {
        new_rejected: by_reason.iter().map(|(_, rows)| rows).sum(),
        new_rejected_by_reason: by_reason,
        new_kept_rows: summary.kept_rows - before.kept_rows,
        new_unread: new.filter(|field| field.rows > 0).collect(),
        new_conflicting_events: summary.conflicting_events.saturating_sub(conflicts_before),
        ..summary
    }
}

pub(super) fn rejected_by_reason(ingested: &Ingested) -> Vec<(String, u64)> {
    ingested.rejected.iter().map(|(reason, &count)| (reason.name().to_owned(), count)).collect()
}
