//! What the input said, and what of it couldn't be read.

use std::collections::BTreeMap;

use graph::{Activity, BipartiteGraph, Column, Seconds};

use crate::event_ids::EventIds;
use crate::names::Names;
use crate::normalise::Reason;
use crate::rows::Rejection;
use crate::schema::KindEntry;
use crate::tables::AccountAttributes;

/// One source file.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct FileRead {
    /// Its path.
    pub file: String,
    /// The xxh3-128 of its bytes, in hexadecimal; empty for standard input and Arrow record batches.
    pub hash: String,
    /// Rows read.
    pub rows: u64,
    /// Whether it was skipped because the same bytes had been read.
    pub duplicate: bool,
    /// Columns that mean nothing to us.
    pub ignored: Vec<String>,
    /// Columns that weren't read because another one means the same, with our name of it.
    pub repeated: Vec<(String, String)>,
    /// Main columns it doesn't have.
    pub missing: Vec<String>,
    /// Columns that its objects have under several names.
    pub several: Vec<SeveralNames>,
}

/// A column that the objects of a JSON Lines file don't all have under the same name.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SeveralNames {
    /// Our name of it.
    pub column: String,
    /// Theirs, each with the rows of which it was read.
    pub names: Vec<(String, u64)>,
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
    /// The files.
    pub files: Vec<FileRead>,
    /// Files that lay among those that were read and are no events: what engines leave beside their data.
    pub left_out: Vec<String>,
    /// Files that have columns and no rows.
    pub without_rows: Vec<String>,
    /// Rows read, bad ones included.
    pub rows: u64,
    /// Those of them that this run read, and not an earlier one on top of which it was made.
    pub new_rows: u64,
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
    /// Events that had an id, and rows that were left out because they had been read.
    pub event_ids: EventIds,
}

/// A field that couldn't be read in some rows, which were kept without it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct UnreadField {
    /// Our name of it.
    pub field: String,
    /// Why, as in the rejects file.
    pub reason: String,
    /// Rows.
    pub rows: u64,
}

impl Ingested {
    /// Rows rejected for any reason.
    pub fn rejected_count(&self) -> u64 {
        self.rejected.values().sum()
    }
}
