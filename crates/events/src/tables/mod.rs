//! The side tables: accounts, releases and the known-good list. Small next to the events, read whole.
//!
//! A store keeps them in our words, so that an update goes by what was said before: a table that is given stands over the one
//! that was kept, row by row and column by column. The known-good list is taken as a whole.

mod accounts;
mod listed;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::io::Read as _;
use std::path::Path;

use csv::StringRecord;
use graph::{NO_TIME, Seconds};
use rayon::prelude::*;

pub(crate) use accounts::accounts;
pub use accounts::{ACCOUNT_COLUMNS, AccountAttributes};
pub(crate) use listed::{allowed, releases};

use crate::batches::parquet_as_csv;
use crate::error::EventError;
use crate::normalise::{is_absent, time};
use crate::schema::{fold, named_or_counted};
use crate::session::Session;
use crate::source;

/// What is to be kept of the side tables, so that a later ingest that names none goes by them: CSV under our names of the columns,
/// in pseudonyms where there is a key, in order. None for a table that nobody gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SideTables {
    /// Facts of accounts, one row each, also of those that no event names yet.
    pub accounts: Option<Vec<u8>>,
    /// Models and when they were released.
    pub releases: Option<Vec<u8>>,
    /// Known-good identifiers and accounts.
    pub allow: Option<Vec<u8>>,
}

/// How a side table fits the events.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct TableRead {
    /// `accounts`, `releases` or `allow`.
    pub table: &'static str,
    /// The file.
    pub file: String,
    /// Rows.
    pub rows: u64,
    /// Those whose account, model or identifier occurs in the events.
    pub matched: u64,
    /// Those of what an earlier row speaks of too and says otherwise; of an account the first row counts.
    pub conflicting: u64,
    /// Of an account table, the rows whose account was banned before it was made.
    pub banned_before_made: u64,
    /// Of a known-good list, the lines that the store had and this one lacks, and that count no more.
    pub no_longer: u64,
    /// Rows that were left out because they are of accounts that were forgotten; `rows` are the others.
    pub forgotten: u64,
    /// Columns that mean nothing.
    pub ignored: Vec<String>,
    /// Columns without a value in any row, of which the store had values for several accounts of the table, and how many: it keeps
    /// them.
    pub empty: Vec<(String, u64)>,
}

impl TableRead {
    /// Whether less than half of its rows speak of anything in the events: ids that are written otherwise, or another table.
    pub fn fits_few(&self) -> bool {
        2 * self.matched < self.rows
    }
}

/// A side table that was read, together with what the store had kept of it.
pub(crate) struct Read<T> {
    /// What they say of the events.
    pub(crate) what: T,
    /// How the one that was given fits them.
    pub(crate) fit: Option<TableRead>,
    /// What is to be kept.
    pub(crate) kept: Option<Vec<u8>>,
}

/// Whether a column is called so, whatever its case and separators: as columns of events are known.
fn is_called(column: &str, name: &str) -> bool {
    fold(column.trim()) == fold(name)
}

/// Whether a column of this name is one of these, each by its names.
fn means(columns: &[&[&str]], name: &str) -> bool {
    columns.iter().any(|names| names.iter().any(|known| is_called(name, known)))
}

/// Columns in which people write what they like, which may name anybody.
const TEXTS: [&str; 2] = ["label", "reason"];

/// The columns that a store keeps no field of.
fn left_out(session: &Session<'_>) -> &'static [&'static str] {
    if session.config.pseudonym.is_some() { &TEXTS } else { &[] }
}

/// Some columns of a table of the caller's own, read as the side tables are: CSV, TSV or Parquet; plain, `.gz` or `.zst`; `-` is stdin.
/// By row the fields of the columns that are asked for: each by its names, of which the first that is there counts, whatever its
/// case and separators, and by what every row says where the table doesn't have it, if it need not.
/// Cost: the whole table in memory.
///
/// # Errors
/// [`EventError::Input`] if the file can't be read, a column that must be there is missing, or a row has more or fewer fields than
/// the header.
pub fn columns_of<const N: usize>(path: &Path, columns: [(&[&str], Option<&str>); N]) -> Result<Vec<[String; N]>, EventError> {
    let table = Table::read(path, &columns.map(|(names, _)| names))?;
    let mut places = [Err(""); N];
    for (place, (names, otherwise)) in places.iter_mut().zip(columns) {
        *place = match (table.column(names), otherwise) {
            (None, Some(text)) => Err(text),
            _ => Ok(table.required(path, names)?),
        };
    }
    Ok(table.rows.iter().map(|row| places.map(|place| place.map_or_else(str::to_owned, |at| row[at].to_owned()))).collect())
}

/// A small CSV, TSV or Parquet file, as strings.
#[derive(Default)]
pub(crate) struct Table {
    header: Vec<String>,
    rows: Vec<StringRecord>,
}

impl Table {
    /// Reads a table of which these columns mean something.
    pub(crate) fn read(path: &Path, columns: &[&[&str]]) -> Result<Table, EventError> {
        let is_ours = |name: &str| means(columns, name);
        if let Some(csv) = parquet_as_csv(path, &is_ours)? {
            return Table::of(&csv, path);
        }
        let mut bytes = Vec::new();
        source::open(path)?
            .read_to_end(&mut bytes)
            .map_err(|error| EventError::input(path, error, "the file is damaged or truncated; copy it again"))?;
        Table::of(&bytes, path)
    }

    fn of(bytes: &[u8], path: &Path) -> Result<Table, EventError> {
        source::refuse_utf_16(path, bytes)?;
        let delimiter = source::delimiter_of(bytes.split(|&byte| byte == b'\n').next().unwrap_or_default());
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(bytes);
        let (mut header, mut rows) = (Vec::new(), Vec::new());
        for record in reader.records() {
            let record = record.map_err(|error| EventError::input(path, error, "write the file as UTF-8 CSV"))?;
            if header.is_empty() {
                header = record.iter().map(str::to_owned).collect();
            } else if record.len() == header.len() {
                rows.push(record);
            } else {
                let line = line_of(&record);
                let fields = if record.len() == 1 { "field" } else { "fields" };
                let problem = format!("line {line} has {} {fields}, the header has {}", record.len(), header.len());
                return Err(EventError::input(path, problem, "quote fields that hold the delimiter"));
            }
        }
        if header.is_empty() {
            return Err(EventError::input(path, "empty file", "a header line was expected"));
        }
        Ok(Table { header, rows })
    }

    /// The table that a store kept, if it did.
    fn kept(bytes: Option<&[u8]>) -> Result<Option<Table>, EventError> {
        bytes.map(|bytes| Table::of(bytes, Table::kept_path())).transpose()
    }

    /// What stands for the path of a table that was kept.
    fn kept_path() -> &'static Path {
        Path::new("a table of the store")
    }

    /// As CSV, without some columns.
    fn to_csv(&self, without: &[&str]) -> Vec<u8> {
        let stays: Vec<bool> = self.header.iter().map(|name| !without.contains(&name.as_str())).collect();
        let mut writer = csv::Writer::from_writer(Vec::new());
        let header = StringRecord::from_iter(&self.header);
        for row in std::iter::once(&header).chain(&self.rows) {
            let fields = row.iter().zip(&stays).filter_map(|(field, stays)| stays.then_some(field));
            writer.write_record(fields).expect("records of one length are written to memory");
        }
        writer.into_inner().expect("nothing is left to be written")
    }

    /// The same with only these columns, each under the first of its names; `cell` puts a field of one into our form. Ascending by
    /// the first column, which says of what a row speaks; rows in which it is empty are left out.
    fn in_our_words<'t>(
        &'t self,
        columns: &[&[&'static str]],
        cell: impl Fn(&'static str, &'t str) -> Cow<'t, str> + Sync,
    ) -> Table {
        let ours = |names: &&[&'static str]| Some((names[0], self.column(names)?));
        let found: Vec<(&str, usize)> = columns.iter().filter_map(ours).collect();
        let row = |row: &'t StringRecord| -> StringRecord { found.iter().map(|&(ours, at)| cell(ours, &row[at])).collect() };
        let mut rows: Vec<StringRecord> = self.rows.par_iter().map(row).filter(|row| !row[0].is_empty()).collect();
        // Stable: of rows about the same the first stays the first.
        rows.par_sort_by(|one, other| one[0].cmp(&other[0]));
        Table { header: found.into_iter().map(|(ours, _)| ours.to_owned()).collect(), rows }
    }

    /// Columns without a value in any row, where the kept table has values for several of those of whom the rows speak, and how many:
    /// an export that lost a column, and nothing that anybody meant to say of each of them. In our words, as `kept` is.
    fn emptied(&self, kept: &Table) -> Vec<(String, u64)> {
        let says = |row: &StringRecord, at: usize| !row[at].is_empty() && !is_absent(&row[at]);
        let named: HashSet<&str, ahash::RandomState> = self.rows.iter().map(|row| &row[0]).collect();
        let empty = (1..self.header.len()).filter(|&at| !self.rows.iter().any(|row| says(row, at)));
        let values = empty.filter_map(|at| {
            let old_at = kept.column(&[&self.header[at]])?;
            let values = kept.rows.iter().filter(|row| named.contains(&row[0]) && says(row, old_at)).count();
            Some((self.header[at].clone(), values as u64))
        });
        values.filter(|&(_, values)| values > 1).collect()
    }

    /// The same without some columns.
    fn without(&self, columns: &[(String, u64)]) -> Table {
        let stays = |at: &usize| columns.iter().all(|(name, _)| *name != self.header[*at]);
        let places: Vec<usize> = (0..self.header.len()).filter(stays).collect();
        let row = |row: &StringRecord| -> StringRecord { places.iter().map(|&at| &row[at]).collect() };
        Table { header: places.iter().map(|&at| self.header[at].clone()).collect(), rows: self.rows.iter().map(row).collect() }
    }

    /// The table that is given over the one that was kept, or the one that there is; without columns where there is none.
    fn standing(given: Option<Table>, kept: Option<Table>, columns: &[&[&'static str]]) -> Table {
        match (given, kept) {
            (Some(given), Some(kept)) => given.over(&kept, columns),
            (given, kept) => given.or(kept).unwrap_or_default(),
        }
    }

    /// The same without words for nothing, which are values of nobody.
    fn without_absent(mut self) -> Table {
        self.rows.par_iter_mut().filter(|row| row.iter().any(is_absent)).for_each(|row| {
            let mut left: StringRecord = row.iter().map(|field| if is_absent(field) { "" } else { field }).collect();
            left.set_position(row.position().cloned());
            *row = left;
        });
        self
    }

    /// What is to be kept, without some columns; nothing of no table.
    fn to_keep(&self, without: &[&str]) -> Option<Vec<u8>> {
        (!self.header.is_empty()).then(|| self.to_csv(without))
    }

    /// This table, and an earlier one where this has no row about something, or no column. Both in our words, of these columns.
    fn over(&self, before: &Table, columns: &[&[&'static str]]) -> Table {
        let places = |names: &&[&'static str]| (names[0], (self.column(&names[..1]), before.column(&names[..1])));
        let there = |(_, (new, old)): &(&str, (Option<usize>, Option<usize>))| new.or(*old).is_some();
        let (header, places): (Vec<&str>, Vec<_>) = columns.iter().map(places).filter(there).unzip();
        let row_of = |new: Option<&StringRecord>, old: Option<&StringRecord>| -> StringRecord {
            let field = |&(at, old_at): &(Option<usize>, Option<usize>)| match (new.zip(at), old.zip(old_at)) {
                (Some((row, at)), _) | (None, Some((row, at))) => row[at].to_owned(),
                (None, None) => String::new(),
            };
            places.iter().map(field).collect()
        };
        let first_of: HashMap<&str, &StringRecord, ahash::RandomState> =
            before.rows.iter().rev().map(|row| (&row[0], row)).collect();
        let named: HashSet<&str, ahash::RandomState> = self.rows.iter().map(|row| &row[0]).collect();
        let given = self.rows.iter().map(|row| row_of(Some(row), first_of.get(&row[0]).copied()));
        let left = before.rows.iter().filter(|row| !named.contains(&row[0])).map(|row| row_of(None, Some(row)));
        let mut rows: Vec<StringRecord> = given.chain(left).collect();
        rows.par_sort_by(|one, other| one[0].cmp(&other[0]));
        Table { header: header.into_iter().map(str::to_owned).collect(), rows }
    }

    /// How the table fits the events: by row what it speaks of, and whether that is in them. `columns` are those that mean
    /// something, of which the first `keys` say of what a row speaks.
    fn fit<T: Eq + Hash>(
        &self,
        (table, path): (&'static str, &Path),
        columns: &[&[&str]],
        keys: usize,
        of_row: impl Iterator<Item = (T, bool)>,
    ) -> TableRead {
        let says: Vec<usize> = (0..self.header.len()).filter(|&at| means(&columns[keys..], &self.header[at])).collect();
        let (mut matched, mut conflicting) = (0, 0);
        let mut first: HashMap<T, usize, ahash::RandomState> = HashMap::default();
        for (at, (what, is_there)) in of_row.enumerate() {
            matched += u64::from(is_there);
            let earlier = *first.entry(what).or_insert(at);
            conflicting += u64::from(says.iter().any(|&column| self.rows[earlier][column] != self.rows[at][column]));
        }
        let ignored = self.header.iter().enumerate().filter(|(_, name)| !means(columns, name));
        let ignored = ignored.map(|(at, name)| named_or_counted(name, at)).collect();
        TableRead {
            table,
            file: path.display().to_string(),
            rows: self.rows.len() as u64,
            matched,
            conflicting,
            banned_before_made: 0,
            no_longer: 0,
            forgotten: 0,
            ignored,
            empty: Vec::new(),
        }
    }

    /// Leaves out rows, and says how many those were.
    fn leave_out(&mut self, which: impl Fn(&StringRecord) -> bool + Sync) -> u64 {
        let all = self.rows.len();
        self.rows = std::mem::take(&mut self.rows).into_par_iter().filter(|row| !which(row)).collect();
        (all - self.rows.len()) as u64
    }

    fn column(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.header.iter().position(|found| is_called(found, name)))
    }

    fn required(&self, path: &Path, names: &[&str]) -> Result<usize, EventError> {
        self.column(names).ok_or_else(|| EventError::no_column(path, names, &self.header))
    }

    fn time(&self, path: &Path, at: usize, column: usize) -> Result<Seconds, EventError> {
        let row = &self.rows[at];
        // In tables a day is enough: its beginning.
        if let Some(day) = row[column].parse::<jiff::civil::Date>().ok().filter(|_| row[column].len() == "2026-03-03".len()) {
            let start = day.to_zoned(jiff::tz::TimeZone::UTC).map(|start| start.timestamp().as_second());
            return Ok(start.ok().and_then(|second| Seconds::try_from(second).ok()).unwrap_or(NO_TIME));
        }
        match time::parse(row[column].as_bytes(), &time::Zone::default()) {
            // Beyond what seconds can say lies what systems write for never.
            Ok(time) => Ok(time.and_then(|(millis, _)| Seconds::try_from(millis / 1000).ok()).unwrap_or(NO_TIME)),
            Err(_) if time::is_zero(row[column].as_bytes()) => Ok(NO_TIME),
            Err(reason) => {
                let problem = format!("line {}, column {}: {}", line_of(row), self.header[column], reason.name());
                Err(EventError::input(path, problem, "write times as RFC 3339 or epoch seconds"))
            }
        }
    }
}

fn line_of(row: &StringRecord) -> u64 {
    row.position().map_or(0, csv::Position::line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        Table::of(text.as_bytes(), Path::new("table.csv")).unwrap()
    }

    #[test]
    fn what_systems_write_for_never_is_no_time() {
        let time = |text: &str| {
            let table = table(&format!("account_id,banned_at\na,{text}\n"));
            table.time(Path::new("table.csv"), 0, 1)
        };
        let never = [
            "9999-12-31T23:59:59Z",
            "9999-12-31",
            "2106-02-07T06:28:16Z",
            "0001-01-01T00:00:00Z",
            "0001-01-01",
            "0000-00-00 00:00:00",
            "1970-01-01T00:00:00Z",
            "1970-01-01T01:00:00",
            "1970-01-01",
            "0",
            "0.0",
            "-62135596800",
            "NULL",
            "",
        ];
        for text in never {
            assert_eq!(time(text).unwrap(), NO_TIME, "{text}");
        }
        assert_eq!(time("2106-02-07T06:28:15Z").unwrap(), u32::MAX);
        assert_eq!(time("2026-03-03").unwrap(), 1_772_496_000);
        // Nobody's zero, but days where seconds were expected, or no time at all.
        for text in ["20514", "1985-03-01T00:00:00Z", "yesterday", "-", "--1"] {
            assert_eq!(time(text).is_ok(), text == "-", "{text}");
        }
    }

    #[test]
    fn columns_are_known_whatever_their_case_and_separators() {
        let table = table("Account-ID,created at,bannedAt,Colour\na,2026-03-01,2026-03-02,red\n");
        assert_eq!([&["account_id"], &["created_at"], &["banned_at"]].map(|names| table.column(names)), [0, 1, 2].map(Some));
        let fit = table.fit(
            ("accounts", Path::new("f")),
            &[&["account_id"], &["created_at"], &["banned_at"]],
            1,
            std::iter::empty::<(u8, bool)>(),
        );
        assert_eq!((fit.ignored, table.header[3].as_str()), (vec!["Colour".to_owned()], "Colour"));
    }

    #[test]
    fn words_for_nothing_are_left_out_of_a_table() {
        let table = table("account_id,org,tier\na,NULL,free\nb,-,n/a\n").without_absent();
        assert_eq!(table.rows.iter().map(|row| &row[1]).collect::<Vec<_>>(), ["", ""]);
        assert_eq!([&table.rows[0][2], &table.rows[1][2]], ["free", ""]);
        assert_eq!(line_of(&table.rows[1]), 3);
    }
}
