//! The side tables: accounts, releases and the known-good list. Small next to the events, read whole.

use std::collections::HashMap;
use std::hash::Hash;
use std::io::Read;
use std::path::Path;

use graph::{NO_TIME, NONE_U16, NONE_U32, Seconds};
use rayon::prelude::*;

use crate::error::{EventError, shortened};
use crate::names::Names;
use crate::normalise::{self, time};
use crate::session::Session;
use crate::source;

/// What the account table says, one entry an account; a column is empty where the input had none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountAttributes {
    /// When the account was made, or `NO_TIME`.
    pub created_at: Vec<Seconds>,
    /// When it was banned, or `NO_TIME`.
    pub banned_at: Vec<Seconds>,
    /// Index into `countries`, or `NONE_U16`.
    pub country: Vec<u16>,
    /// Index into `tiers`, or `NONE_U16`.
    pub tier: Vec<u16>,
    /// Index into `pathways`, or `NONE_U16`.
    pub pathway: Vec<u16>,
    /// Index into `statuses`, or `NONE_U16`.
    pub status: Vec<u16>,
    /// Index into `labels`, or `NONE_U16`.
    pub label: Vec<u16>,
    /// Index into `orgs`, or `NONE_U32`.
    pub org: Vec<u32>,
    /// Countries, in byte order.
    pub countries: Vec<String>,
    /// Tiers, in byte order.
    pub tiers: Vec<String>,
    /// Pathways, in byte order.
    pub pathways: Vec<String>,
    /// Statuses (active, banned, closed), in byte order.
    pub statuses: Vec<String>,
    /// Labels that the table's owner gave, in byte order.
    pub labels: Vec<String>,
    /// Organisations, in byte order.
    pub orgs: Vec<String>,
}

/// How a side table fits the events.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
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
    /// Columns that mean nothing.
    pub ignored: Vec<String>,
}

/// A small CSV or TSV file, as strings.
pub(crate) struct Table {
    header: Vec<String>,
    rows: Vec<csv::StringRecord>,
}

impl Table {
    pub(crate) fn read(path: &Path) -> Result<Table, EventError> {
        let mut bytes = Vec::new();
        source::open(path)?
            .read_to_end(&mut bytes)
            .map_err(|error| EventError::input(path, error, "the file is damaged or truncated; copy it again"))?;
        let delimiter = source::delimiter_of(bytes.split(|&byte| byte == b'\n').next().unwrap_or_default());
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(&bytes[..]);
        let (mut header, mut rows) = (Vec::new(), Vec::new());
        for record in reader.records() {
            let record = record.map_err(|error| EventError::input(path, error, "write the file as UTF-8 CSV"))?;
            if header.is_empty() {
                header = record.iter().map(str::to_lowercase).collect();
            } else if record.len() == header.len() {
                rows.push(record);
            } else {
                let line = line_of(&record);
                let problem = format!("line {line} has {} fields, the header has {}", record.len(), header.len());
                return Err(EventError::input(path, problem, "quote fields that hold the delimiter"));
            }
        }
        if header.is_empty() {
            return Err(EventError::input(path, "empty file", "a header line was expected"));
        }
        Ok(Table { header, rows })
    }

    /// How the table fits the events: by row what it speaks of, and whether that is in them; and the columns that say of what a row
    /// speaks, and what it says of it.
    fn fit<T: Eq + Hash>(
        &self,
        (table, path): (&'static str, &Path),
        of_what: &[&str],
        says: &[&str],
        of_row: impl Iterator<Item = (T, bool)>,
    ) -> TableRead {
        let means = |name: &str| of_what.contains(&name) || says.contains(&name);
        let says: Vec<usize> = (0..self.header.len()).filter(|&at| says.contains(&&*self.header[at])).collect();
        let (mut matched, mut conflicting) = (0, 0);
        let mut first: HashMap<T, usize, ahash::RandomState> = HashMap::default();
        for (at, (what, is_there)) in of_row.enumerate() {
            matched += u64::from(is_there);
            let earlier = *first.entry(what).or_insert(at);
            conflicting += u64::from(says.iter().any(|&column| self.rows[earlier][column] != self.rows[at][column]));
        }
        let ignored = self.header.iter().filter(|name| !means(name)).map(|name| shortened(name).into_owned()).collect();
        TableRead { table, file: path.display().to_string(), rows: self.rows.len() as u64, matched, conflicting, ignored }
    }

    fn column(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.header.iter().position(|found| found == name))
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
            Ok(time) => Ok(time.map_or(NO_TIME, |(millis, _)| (millis / 1000) as u32)),
            Err(reason) => {
                let problem = format!("line {}, column {}: {}", line_of(row), self.header[column], reason.name());
                Err(EventError::input(path, problem, "write times as RFC 3339 or epoch seconds"))
            }
        }
    }
}

fn line_of(row: &csv::StringRecord) -> u64 {
    row.position().map_or(0, csv::Position::line)
}

/// Columns that say whom a row of the account table is about; the first that it has counts.
pub const ACCOUNT_COLUMNS: [&str; 3] = ["account_id", "account", "user_id"];

/// Further columns of the account table that mean something to us.
const ATTRIBUTES: [&str; 11] =
    ["created_at", "created", "banned_at", "banned", "country", "tier", "plan", "pathway", "status", "label", "org"];

/// The columns of the release table.
const RELEASE_COLUMNS: [&str; 2] = ["model", "released_at"];

/// The columns of the known-good list.
const ALLOW_COLUMNS: [&str; 3] = ["kind", "value", "reason"];

/// Every column of the side tables that means something to us.
fn known() -> impl Iterator<Item = &'static str> {
    ACCOUNT_COLUMNS.into_iter().chain(ATTRIBUTES).chain(RELEASE_COLUMNS).chain(ALLOW_COLUMNS)
}

/// A side table as CSV with only the columns that mean something to us, to be kept and read again by a later ingest.
///
/// # Errors
/// It can't be read.
pub fn known_columns(path: &Path) -> Result<Vec<u8>, EventError> {
    let mut bytes = Vec::new();
    let damaged = |error| EventError::input(path, error, "the file is damaged or truncated; copy it again");
    source::open(path)?.read_to_end(&mut bytes).map_err(damaged)?;
    let delimiter = source::delimiter_of(bytes.split(|&byte| byte == b'\n').next().unwrap_or_default());
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(&bytes[..]);
    let (mut kept, mut record) = (Vec::new(), csv::ByteRecord::new());
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut first = true;
    while reader.read_byte_record(&mut record).map_err(|error| EventError::input(path, error, "write the file as UTF-8 CSV"))? {
        if std::mem::take(&mut first) {
            let lower = |field: &[u8]| String::from_utf8_lossy(field).trim().to_lowercase();
            record = record.iter().map(|field| lower(field).into_bytes()).collect();
            kept.extend((0..record.len()).filter(|&at| known().any(|known| known.as_bytes() == &record[at])));
        }
        let fields = kept.iter().map(|&at| record.get(at).unwrap_or_default().trim_ascii());
        writer.write_record(fields).map_err(|error| EventError::input(path, error, "make room in memory"))?;
    }
    writer.into_inner().map_err(|error| EventError::input(path, error, "make room in memory"))
}

/// Reads the account table; the first row of an account counts.
pub(crate) fn accounts(
    session: &Session<'_>,
    path: &Path,
    names: &Names,
) -> Result<(AccountAttributes, TableRead), EventError> {
    let table = Table::read(path)?;
    let key = table.required(path, &ACCOUNT_COLUMNS)?;
    let mut row_of = vec![usize::MAX; names.len()];
    let mut out = AccountAttributes::default();
    let text = |at: usize| normalise::text(table.rows[at][key].as_bytes()).unwrap_or_default();
    let find = |at: usize| names.find(session.canonical_account(text(at)).as_bytes());
    let found: Vec<Option<u32>> = (0..table.rows.len()).into_par_iter().map(find).collect();
    for (at, id) in found.iter().enumerate().filter_map(|(at, id)| Some((at, (*id)?))) {
        row_of[id as usize] = row_of[id as usize].min(at);
    }
    let whose = found.iter().enumerate().map(|(at, id)| (text(at), id.is_some()));
    let fit = table.fit(("accounts", path), &ACCOUNT_COLUMNS, &ATTRIBUTES, whose);
    let times = |wanted: &[&str]| -> Result<Vec<Seconds>, EventError> {
        let Some(column) = table.column(wanted) else { return Ok(Vec::new()) };
        let time = |&at: &usize| if at == usize::MAX { Ok(NO_TIME) } else { table.time(path, at, column) };
        // The first error of several is told, whatever the threads.
        row_of.par_iter().map(time).collect::<Vec<_>>().into_iter().collect()
    };
    out.created_at = times(&["created_at", "created"])?;
    out.banned_at = times(&["banned_at", "banned"])?;
    let labels = |(wanted, bound): &(&[&str], u64)| -> Result<(Vec<u32>, Vec<String>), EventError> {
        let Some(column) = table.column(wanted) else { return Ok((Vec::new(), Vec::new())) };
        let shown = |text: &str| match wanted[0] {
            "status" => text.to_lowercase(),
            "org" => session.pseudonym("org", text),
            _ => text.to_string(),
        };
        let text = |at: usize| table.rows.get(at).map_or("", |row| &row[column]);
        let mut index_of: HashMap<&str, u32, ahash::RandomState> =
            row_of.iter().map(|&at| text(at)).filter(|text| !text.is_empty()).map(|text| (text, NONE_U32)).collect();
        let mut list: Vec<String> = index_of.keys().map(|text| shown(text)).collect();
        list.sort_unstable();
        list.dedup();
        if list.len() as u64 >= *bound {
            return Err(EventError::TooMany { what: "labels in one column of the account table", bound: *bound });
        }
        for (text, index) in &mut index_of {
            *index = list.binary_search(&shown(text)).map_or(NONE_U32, |index| index as u32);
        }
        let indices = row_of.iter().map(|&at| index_of.get(text(at)).copied().unwrap_or(NONE_U32)).collect();
        Ok((indices, list))
    };
    let narrow =
        |wide: Vec<u32>| -> Vec<u16> { wide.into_iter().map(|index| u16::try_from(index).unwrap_or(NONE_U16)).collect() };
    let small = u64::from(NONE_U16);
    let wanted: [(&[&str], u64); 6] = [
        (&["country"], small),
        (&["tier", "plan"], small),
        (&["pathway"], small),
        (&["status"], small),
        (&["label"], small),
        (&["org"], u64::from(NONE_U32)),
    ];
    let mut found = wanted.par_iter().map(labels).collect::<Vec<_>>().into_iter();
    let mut next = || found.next().unwrap_or_else(|| Ok((Vec::new(), Vec::new())));
    let [(country, countries), (tier, tiers), (pathway, pathways), (status, statuses), (label, own_labels), (org, orgs)] =
        [next()?, next()?, next()?, next()?, next()?, next()?];
    (out.country, out.tier, out.pathway, out.status) = (narrow(country), narrow(tier), narrow(pathway), narrow(status));
    (out.countries, out.tiers, out.pathways, out.statuses) = (countries, tiers, pathways, statuses);
    (out.label, out.labels) = (narrow(label), own_labels);
    // A column that nobody fills in is none: that nobody declares an organisation says nothing of anybody.
    (out.org, out.orgs) = (if orgs.is_empty() { Vec::new() } else { org }, orgs);
    Ok((out, fit))
}

/// Reads the release table: (model, time), in order of time.
pub(crate) fn releases(path: &Path, models: &[String]) -> Result<(Vec<(String, Seconds)>, TableRead), EventError> {
    let table = Table::read(path)?;
    let (model, released) = (table.required(path, &["model"])?, table.required(path, &["released_at"])?);
    let mut releases = (0..table.rows.len())
        .map(|at| Ok((table.rows[at][model].to_owned(), table.time(path, at, released)?)))
        .collect::<Result<Vec<_>, EventError>>()?;
    let models = table.rows.iter().map(|row| (&row[model], models.iter().any(|known| *known == row[model])));
    let fit = table.fit(("releases", path), &RELEASE_COLUMNS[..1], &RELEASE_COLUMNS[1..], models);
    releases.sort_by(|one, other| (one.1, &one.0).cmp(&(other.1, &other.0)));
    Ok((releases, fit))
}

/// A line of the known-good list: kind, canonical value, reason.
type Listed = (String, String, String);

/// Reads the known-good list, and how it fits events in which a kind's value is there or not.
pub(crate) fn allowed(
    session: &Session<'_>,
    path: &Path,
    is_there: impl Fn(&str, &str) -> bool,
) -> Result<(Vec<Listed>, TableRead), EventError> {
    let table = Table::read(path)?;
    let (kind, value) = (table.required(path, &["kind"])?, table.required(path, &["value"])?);
    let reason = table.column(&["reason"]);
    let mut list = Vec::new();
    for fields in &table.rows {
        let name = crate::schema::kind_name(&fields[kind]);
        let (name, canonical) = if matches!(name.as_str(), "account" | "account_id") {
            ("account".to_string(), Ok(session.canonical_account(&fields[value])))
        } else {
            let canonical = session.canonical_identifier(&name, &fields[value]);
            (name, canonical)
        };
        match canonical {
            Ok(canonical) => {
                list.push((name, canonical.into_owned(), reason.map_or_else(String::new, |at| fields[at].to_owned())))
            }
            // It links nobody, and is in no events.
            Err(crate::session::UNROUTABLE) => list.push((name, fields[value].to_owned(), String::new())),
            Err(_) => {
                let problem = format!("line {}: the value is no {name}", line_of(fields));
                return Err(EventError::input(path, problem, "correct or remove the line"));
            }
        }
    }
    let whose = list.iter().map(|(kind, value, _)| ((kind, value), is_there(kind, value)));
    let fit = table.fit(("allow", path), &ALLOW_COLUMNS[..2], &ALLOW_COLUMNS[2..], whose);
    list.sort();
    list.dedup_by(|next, kept| (&next.0, &next.1) == (&kept.0, &kept.1));
    Ok((list, fit))
}
