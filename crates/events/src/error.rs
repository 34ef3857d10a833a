//! Why an input can't become a graph: each error says where, what was expected, and what to try next.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use graph::GraphError;
use thiserror::Error;

use crate::header::no_header;
use crate::options::{CARD_TOKENS, COLUMNS, MAX_BAD, MEMORY_LIMIT, OptionName, REJECTS};

/// What stops an ingest. Values of identifiers are never part of a message.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EventError {
    /// A file that can't be read, or isn't what it says it is.
    #[error("{file}: {problem}; {hint}")]
    Input {
        /// The file, and the place in it where known.
        file: String,
        /// What was found, and what was expected.
        problem: String,
        /// What to try next.
        hint: String,
    },
    /// The caller's stream of batches broke off. What it said is the source, for whoever knows its kind.
    #[error("{name}: the stream of batches broke off: {source}; look at what made it")]
    Stream {
        /// The stream.
        name: String,
        /// What it said.
        source: arrow_schema::ArrowError,
    },
    /// A file that was found in a folder or by a pattern, and isn't read as events.
    #[error("{error}; if {name} holds no events, move it away, or call it _{name}: names that begin with _ are left out")]
    Found {
        /// What is wrong with it.
        error: Box<EventError>,
        /// Its own name.
        name: String,
    },
    /// A required column isn't there.
    #[error("{file}: no column {column}; {}", nearest_hint(.nearest.as_deref(), .column, .found))]
    MissingColumn {
        /// The file.
        file: String,
        /// The column that is required.
        column: String,
        /// The column of the file whose name is nearest.
        nearest: Option<String>,
        /// The columns of the file that it could be.
        found: Vec<String>,
    },
    /// A setting that can't be meant.
    #[error("{option} is {value}; {expected} was expected")]
    Setting {
        /// Its name.
        option: OptionName,
        /// What it is.
        value: String,
        /// What it can be.
        expected: &'static str,
    },
    /// A column that a map names isn't there.
    #[error(
        "{file}: no column {theirs:?}, which the map has for {column}; {}write it as a list, [{theirs:?}], where only some files have it",
        .nearest.as_ref().map(|near| format!("did you mean {near:?}? or ")).unwrap_or_default()
    )]
    NoMappedColumn {
        /// The file.
        file: String,
        /// Our name of it.
        column: String,
        /// The name that the map has for it.
        theirs: String,
        /// The column of the file whose name is nearest.
        nearest: Option<String>,
    },
    /// A name in the map that means nothing.
    #[error("{file}: unknown {what} {name:?}{}", .nearest.as_ref().map(|near| format!("; did you mean {near:?}?")).unwrap_or_default())]
    UnknownName {
        /// The map file.
        file: String,
        /// What kind of name it is.
        what: String,
        /// The name.
        name: String,
        /// The nearest name that means something.
        nearest: Option<String>,
    },
    /// A raw card number. The value isn't kept anywhere.
    #[error(
        "{file}: {position}: column {field} holds what looks like a raw card number (13 to 19 digits with a valid check digit); \
         nothing was kept; replace card numbers by tokens or keyed hashes and run again, or say with {CARD_TOKENS} that they are \
         tokens, a few of which are all digits"
    )]
    RawCard {
        /// The file.
        file: String,
        /// Where in it.
        position: String,
        /// The column.
        field: String,
    },
    /// One time column with more than one unit.
    #[error(
        "{file}: column {field} mixes timestamps in {first} and {second}, so no unit can be trusted; \
         write the whole column as RFC 3339 or in one epoch unit"
    )]
    MixedTime {
        /// The file.
        file: String,
        /// The column.
        field: String,
        /// One unit, and the first row that has it.
        first: String,
        /// Another.
        second: String,
    },
    /// More bad rows than allowed.
    #[error("{}", too_many_bad(*.bad, *.kept, *.rows, *.allowed, .reason, .rejects.as_deref()))]
    TooManyBad {
        /// Rows with something that can't be read.
        bad: u64,
        /// Those of them that would have been kept without it.
        kept: u64,
        /// Rows read.
        rows: u64,
        /// Rows that may be bad.
        allowed: u64,
        /// The most frequent reason, where it was met first, and what was expected.
        reason: String,
        /// The file in which all of them are, if one was asked for.
        rejects: Option<String>,
    },
    /// More bad rows in one file than allowed.
    #[error(
        "{file}: {rejected} of its {rows} rows are rejected, {allowed} are allowed of a file by itself; most often: {reason}; {}, or \
         allow more with {MAX_BAD} (a share as .01, or 1%)",
        see(.rejects.as_deref())
    )]
    BadFile {
        /// The file.
        file: String,
        /// Its rows that are rejected.
        rejected: u64,
        /// Its rows.
        rows: u64,
        /// Rows that may be rejected.
        allowed: u64,
        /// The most frequent reason, where it was met first, and what was expected.
        reason: String,
        /// The file in which all of them are, if one was asked for.
        rejects: Option<String>,
    },
    /// More of something than can be numbered.
    #[error("more than {bound} different {what}; {}", .what.hint())]
    TooMany {
        /// What there is too much of.
        what: Numbered,
        /// How many there can be.
        bound: u64,
    },
    /// Prompts in a second batch: the masked texts of the first weren't kept.
    #[error(
        "the store has templates mined from prompts, whose texts aren't kept, so more prompts can't be mined together with them; \
         build the store again from all files, or give prompt_template_hash in place of prompt"
    )]
    PromptsAgain,
    /// What doesn't fit into the memory limit can't be kept on disk.
    #[error(
        "cannot {action} what is beyond the memory limit in {folder}: {source}; make room there, or give more memory ({MEMORY_LIMIT})"
    )]
    Spill {
        /// Where.
        folder: String,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// A stream can't be copied to disk.
    #[error("cannot copy {name}, which is a stream, to {folder}: {source}; make room there, or give a file")]
    Copy {
        /// The stream.
        name: String,
        /// Where to.
        folder: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Rejected rows can't be written down.
    #[error("cannot write {file}: {source}; choose a path for {REJECTS} that can be written, and has room")]
    Rejects {
        /// The file that they go to.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A finished column can't be kept.
    #[error("cannot write {column}: {source}; {}", room_for(source))]
    Keep {
        /// Its name.
        column: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The caller asked to stop.
    #[error("stopped on request; nothing was written")]
    Cancelled,
    /// The columns don't make a graph.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

impl EventError {
    /// A side table, which no map speaks of, lacks a column that has to be there under one of some names.
    pub(crate) fn no_column(file: &Path, names: &[&str], found: &[String]) -> Self {
        let (first, others) = names.split_first().expect("a column has a name");
        let others = if others.is_empty() { String::new() } else { format!(" (or {})", others.join(", ")) };
        let hint = format!("call the column that holds it so{others}{}", among(found));
        no_header(EventError::input(file, format!("no column {first}"), hint), file, found)
    }

    /// The same of a file that nobody named.
    pub(crate) fn of_found(self, file: &Path) -> Self {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        EventError::Found { error: Box::new(self), name }
    }

    /// Whether a file, be it one that nobody named, lacks a column that a map names.
    pub fn lacks_mapped_column(&self) -> bool {
        match self {
            EventError::NoMappedColumn { .. } => true,
            EventError::Found { error, .. } => error.lacks_mapped_column(),
            _ => false,
        }
    }

    /// Rejected rows can't be written down.
    pub(crate) fn rejects(path: &Path, source: std::io::Error) -> Self {
        EventError::Rejects { file: path.display().to_string(), source }
    }

    /// An input error about a path.
    pub(crate) fn input(file: &Path, problem: impl ToString, hint: impl Into<String>) -> Self {
        EventError::Input { file: file.display().to_string(), problem: problem.to_string(), hint: hint.into() }
    }
}

/// What helps a column that can't be kept: what is written is mapped into memory.
fn room_for(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::OutOfMemory => "the process may not have so much memory (ulimit -v)",
        _ => "make room, or choose another place for the store",
    }
}

/// What is numbered, so that there can be too much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Numbered {
    /// Accounts.
    Accounts,
    /// Identifiers.
    Identifiers,
    /// Accounts and identifiers of a store and of what is added to it.
    Names,
    /// Kinds of identifiers.
    Kinds,
    /// Models, capabilities or pathways.
    Labels,
    /// What differs in model, capability or status.
    Manners,
    /// What one column of the account table says.
    AccountLabels,
}

impl Numbered {
    fn hint(self) -> &'static str {
        match self {
            Numbered::Kinds => {
                "a store has no more: check that the column entity_kind names kinds and not their values, leave out tables [kinds.NAME] \
                 of the map, or build several stores"
            }
            _ => "check that the right column is mapped to it",
        }
    }
}

impl fmt::Display for Numbered {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Numbered::Accounts => "accounts",
            Numbered::Identifiers => "identifiers",
            Numbered::Names => "values in the store and the new events",
            Numbered::Kinds => "kinds of identifiers",
            Numbered::Labels => "models, capabilities or pathways",
            Numbered::Manners => "combinations of model, capability and status",
            Numbered::AccountLabels => "labels in one column of the account table",
        })
    }
}

/// A few rows are tolerated always, but not if they are all there are.
fn too_many_bad(bad: u64, kept: u64, rows: u64, allowed: u64, reason: &str, rejects: Option<&str>) -> String {
    let see = see(rejects);
    if bad == rows {
        let kept = if kept > 0 { format!(" ({kept} in a field that the row could go without)") } else { String::new() };
        return format!("all {rows} rows are bad{kept}; most often: {reason}; {see}");
    }
    let rejected = bad - kept;
    let what = match rejected > allowed {
        true if kept > 0 => {
            format!(
                "{rejected} of {rows} rows are rejected, {allowed} are allowed (beside {kept} with a field that they can go without)"
            )
        }
        true => format!("{rejected} of {rows} rows are rejected, {allowed} are allowed"),
        false => format!("{kept} of {rows} rows have a field that can't be read, {allowed} are allowed"),
    };
    format!("{what}; most often: {reason}; {see}, or allow more with {MAX_BAD} (a share as .01, or 1%)")
}

/// Where bad rows are to be seen.
fn see(rejects: Option<&str>) -> String {
    rejects.map_or_else(|| format!("see them with {REJECTS} FILE"), |file| format!("see them in {file}"))
}

/// Columns that an error names.
const NAMED: usize = 12;

fn nearest_hint(nearest: Option<&str>, column: &str, found: &[String]) -> String {
    match nearest {
        Some(near) => format!("nearest is {near:?}: rename it, or use {COLUMNS} {column}={near:?}"),
        None => format!("name the column that holds it with {COLUMNS} {column}=NAME{}", among(found)),
    }
}

/// The columns that there are, where there are any.
pub(crate) fn among(found: &[String]) -> String {
    if found.is_empty() {
        return String::new();
    }
    let more = if found.len() > NAMED { format!(" and {} more", found.len() - NAMED) } else { String::new() };
    format!("; among {}{more}", found[..found.len().min(NAMED)].join(", "))
}

/// What is wrong with a TOML file, and where, in one line.
pub fn in_one_line(text: &str, error: &toml::de::Error) -> String {
    let what = error.message().replace('\n', "; ");
    match error.span().and_then(|span| text.get(..span.start)) {
        Some(before) => format!("line {}: {what}", before.matches('\n').count() + 1),
        None => what,
    }
}

/// Bytes of a name that are repeated, and that are compared with others: nobody calls anything by more, and whoever writes a log
/// can name a column by megabytes.
pub const SHOWN: usize = 256;

/// A name as it is repeated: the beginning of a long one, and how long it is.
///
/// ```
/// assert_eq!(events::shortened("client.ip"), "client.ip");
/// assert_eq!(events::shortened(&"ä".repeat(1000)), "ä".repeat(128) + "... (2000 bytes)");
/// ```
pub fn shortened(name: &str) -> Cow<'_, str> {
    if name.len() <= SHOWN {
        return Cow::Borrowed(name);
    }
    let end = (0..=SHOWN).rev().find(|&at| name.is_char_boundary(at)).unwrap_or(0);
    Cow::Owned(format!("{}... ({} bytes)", &name[..end], name.len()))
}

/// The candidate nearest to a name, if any is near enough to be worth naming.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let short = |name: &str| name.len() <= SHOWN;
    candidates
        .into_iter()
        .filter(|candidate| short(name) && short(candidate))
        .map(|candidate| (strsim::jaro_winkler(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|&(similarity, _)| similarity > 0.75)
        .max_by(|one, other| one.0.total_cmp(&other.0).then_with(|| other.1.cmp(one.1)))
        .map(|(_, candidate)| candidate.to_string())
}
