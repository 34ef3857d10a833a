//! What the input said, and what of it couldn't be read.

use std::borrow::Cow;
use std::collections::BTreeMap;

use graph::{Activity, BipartiteGraph, Column, Seconds};
use rayon::prelude::*;

use crate::bad::FileNotes;
use crate::event_ids::EventIds;
use crate::names::Names;
use crate::normalise::Reason;
use crate::rejection::Rejection;
use crate::repeats::Repeats;
use crate::schema::KindEntry;
use crate::session::Session;
use crate::tables::{AccountAttributes, SideTables, TableRead};

/// One source file.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct FileRead {
    /// Its path.
    pub file: String,
    /// The xxh3-128 of its bytes, and of what its folders say of its rows, in hexadecimal; empty for Arrow record
    /// batches.
    pub hash: String,
    /// Rows read.
    pub rows: u64,
    /// Those of them that were rejected.
    pub rejected: u64,
    /// Whether it is standard input or a pipe, whose name says nothing of what comes from it.
    #[serde(skip)]
    pub stream: bool,
    /// Whether it was skipped because the same bytes had been read.
    pub duplicate: bool,
    /// Columns that mean nothing to us.
    pub ignored: Vec<String>,
    /// Columns that weren't read because another one means the same, with our name of it.
    pub repeated: Vec<(String, String)>,
    /// Main columns it doesn't have.
    pub missing: Vec<String>,
    /// Other columns that it could have and doesn't: of interest where other files have them.
    #[serde(skip)]
    pub lacking: Vec<String>,
    /// Columns that its objects have under several names.
    pub several: Vec<SeveralNames>,
    /// In how many rows its columns hold something.
    pub filled: Vec<FilledColumn>,
}

impl FileRead {
    /// A file that was read before: its path, its hash and its rows.
    pub fn known(file: String, hash: String, rows: u64) -> Self {
        FileRead { file, hash, rows, ..FileRead::default() }
    }
}

/// What a column of a file holds.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct FilledColumn {
    /// Our name of it.
    pub column: String,
    /// Rows that have a value in it, be it one that can't be read.
    pub rows: u64,
    /// Whether all of them name the same account, or the same identifier.
    pub one_value: bool,
}

/// A column that the objects of a JSON Lines file don't all have under the same name.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct SeveralNames {
    /// Our name of it.
    pub column: String,
    /// Theirs, each with the rows of which it was read.
    pub names: Vec<(String, u64)>,
}

impl SeveralNames {
    /// The names of a column.
    pub fn new(column: String, names: Vec<(String, u64)>) -> Self {
        SeveralNames { column, names }
    }
}

/// A mined template.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Template {
    /// Its identifier.
    pub identifier: u32,
    /// Its text with everything particular masked.
    pub skeleton: String,
    /// Distinct masked texts made from it.
    pub variants: u32,
}

/// Everything the input said, in numbers and names.
#[derive(Clone, Debug)]
pub struct Ingested {
    /// Accounts in byte order: position is id.
    pub account_names: Names,
    /// Kinds in byte order.
    pub kind_names: Vec<String>,
    /// Identifiers by kind, in byte order within a kind: position is id.
    pub identifier_names: Names,
    /// Who touches what.
    pub graph: BipartiteGraph,
    /// Who did what when.
    pub activity: Activity,
    /// Which events came from long rows; empty if none did.
    pub long_events: Column<u8>,
    /// The pathway that events gave each account, as an index into `event_pathways`; empty if they gave none.
    pub event_pathway: Vec<u16>,
    /// Pathways that events gave, in byte order.
    pub event_pathways: Vec<String>,
    /// What the account table says; pathways from the events where the table has none.
    pub accounts: AccountAttributes,
    /// Models, in byte order.
    pub models: Vec<String>,
    /// Capability classes, in byte order.
    pub capabilities: Vec<String>,
    /// Releases: (model index, time), in order of time.
    pub releases: Vec<(u16, Seconds)>,
    /// Known-good identifiers that occur, with reasons, ascending.
    pub allowed_identifiers: Vec<(u32, String)>,
    /// Known-good accounts that occur, with reasons, ascending.
    pub allowed_accounts: Vec<(u32, String)>,
    /// Mined templates, ascending by identifier.
    pub templates: Vec<Template>,
    /// Kinds declared by the map.
    pub declared_kinds: BTreeMap<String, KindEntry>,
    /// How the side tables that were given fit the events.
    pub tables: Vec<TableRead>,
    /// The side tables to be kept.
    pub side_tables: SideTables,
    /// Accounts that are most probably one.
    pub alike: Option<AlikeAccounts>,
    /// The files.
    pub files: Vec<FileRead>,
    /// Files that lay among those that were read and are no events: what engines leave beside their data.
    pub left_out: Vec<String>,
    /// Files that have columns and no rows.
    pub without_rows: Vec<String>,
    /// What else is out of the ordinary about them.
    pub notes: FileNotes,
    /// What is said of bad rows where there are more than may be, and these are to be told ([`crate::TooManyBad::Tell`]).
    pub too_many_bad: Option<String>,
    /// Rows read, bad ones included.
    pub rows: u64,
    /// Those of them that this run read, and not an earlier one on top of which it was made.
    pub new_rows: u64,
    /// Those of them that were left out because they had been read.
    pub new_duplicates: u64,
    /// Rows of this run that were left out because they are of accounts that were forgotten.
    pub forgotten_rows: u64,
    /// Rows rejected, by reason.
    pub rejected: BTreeMap<Reason, u64>,
    /// Rows that were kept without a field that can't be read.
    pub kept_rows: u64,
    /// Those fields, by our name of them and the reason.
    pub unread: Vec<UnreadField>,
    /// The first rejections, of rows and of fields.
    pub examples: Vec<Rejection>,
    /// Addresses that are not globally routed, and so link nobody.
    pub unroutable: u64,
    /// Identifiers given by a word for nothing, such as `NULL` or `unknown`.
    pub absent: u64,
    /// Addresses that were lists of hops (`X-Forwarded-For`), of which the client's was taken.
    pub forwarded: u64,
    /// Prompts too short to link anybody.
    pub short_prompts: u64,
    /// Prompts that share words with more templates than they were compared with, so that they may have one of their own.
    pub crowded_prompts: u64,
    /// Events older than the last of the base, which counted all the same; 0 without a base.
    pub late_events: u64,
    /// Rows of this run without a time: sightings, and no events.
    pub rows_without_time: u64,
    /// Events that had an id, and rows that were left out because they had been read.
    pub event_ids: EventIds,
    /// Rows that say what another one says, where they were looked for ([`crate::IngestConfig::repeats`]).
    pub repeats: Option<Repeats>,
}

/// A field that couldn't be read in some rows, which were kept without it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct UnreadField {
    /// Our name of it.
    pub field: String,
    /// Why, as in the rejects file.
    pub reason: String,
    /// Rows.
    pub rows: u64,
}

/// Accounts that are the same number, written with leading zeros or as a fraction (`00042`, `42.0`) and without: most probably one
/// that was text in one file and a number in another. Or the same text in small letters and in others (`USR_1`, `usr_1`).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct AlikeAccounts {
    /// Accounts whose plain number, or whose id in small letters, is another account.
    pub accounts: u64,
    /// The first of them.
    pub first: String,
    /// How the other is written: its number, or in small letters.
    pub plain: String,
}

impl AlikeAccounts {
    /// Looks for them; of pseudonyms nobody can tell. O(accounts + those with zeros × log accounts).
    pub(crate) fn of(session: &Session<'_>, accounts: &Names) -> Option<AlikeAccounts> {
        if session.config.pseudonym.is_some() {
            return None;
        }
        let is_alike = |id: &u32| plain(accounts.text(*id)).is_some_and(|plain| accounts.find(plain.as_bytes()).is_some());
        let alike: Vec<u32> = (0..accounts.len() as u32).into_par_iter().filter(is_alike).collect();
        let first = accounts.text(*alike.first()?);
        let plain = plain(first)?.into_owned();
        Some(AlikeAccounts { accounts: alike.len() as u64, first: first.to_owned(), plain })
    }
}

/// How an id might be written elsewhere, if otherwise.
fn plain(text: &str) -> Option<Cow<'_, str>> {
    let small = || text.bytes().any(|byte| byte.is_ascii_uppercase()).then(|| Cow::Owned(text.to_ascii_lowercase()));
    plain_number(text).map(Cow::Borrowed).or_else(small)
}

/// A number without leading zeros and without a fraction of zeros, where it is written with any.
fn plain_number(text: &str) -> Option<&str> {
    let whole = text.split_once('.').filter(|(_, zeros)| !zeros.is_empty() && zeros.bytes().all(|digit| digit == b'0'));
    let whole = whole.map_or(text, |(whole, _)| whole);
    let stripped = whole.trim_start_matches('0');
    let plain = if stripped.is_empty() { whole.get(whole.len().saturating_sub(1)..)? } else { stripped };
    (!plain.is_empty() && plain.len() < text.len() && plain.bytes().all(|digit| digit.is_ascii_digit())).then_some(plain)
}

impl Ingested {
    /// Rows rejected for any reason.
    pub fn rejected_count(&self) -> u64 {
        self.rejected.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_from_what_is_written_with_zeros() {
        let plain = ["00042", "42.0", "042.00", "000", "0.0"].map(plain_number);
        assert_eq!(plain, [Some("42"), Some("42"), Some("42"), Some("0"), Some("0")]);
        let none = ["42", "0", "", ".0", "42.5", "0x42", "user-042", "1.2.3", "042.", "-07"].map(plain_number);
        assert_eq!(none, [None; 10]);
    }
}
