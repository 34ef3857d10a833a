//! The account table: when accounts were made and banned, and whose they are.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use graph::{NO_TIME, NONE_U16, NONE_U32, Seconds};
use rayon::prelude::*;

use super::{Read, Table, TableRead, left_out};
use crate::error::{EventError, Numbered};
use crate::names::Names;
use crate::normalise;
use crate::session::Session;

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

/// Columns that say whom a row of the account table is about; the first that it has counts.
pub const ACCOUNT_COLUMNS: [&str; 3] = ["account_id", "account", "user_id"];

/// Columns of the account table that mean something to us, each with its other names.
const COLUMNS: [&[&str]; 9] = [
    &ACCOUNT_COLUMNS,
    &["created_at", "created"],
    &["banned_at", "banned"],
    &["country"],
    &["tier", "plan"],
    &["pathway"],
    &["status"],
    &["label"],
    &["org"],
];

/// Reads the account table. Of an account the first row counts; where the table that is given has no row of one, or no column, the
/// table that the store kept does, and so where a column has no value in any row and several accounts would lose theirs.
pub(crate) fn accounts(
    session: &Session<'_>,
    path: Option<&Path>,
    kept: Option<&[u8]>,
    names: &Names,
) -> Result<Read<AccountAttributes>, EventError> {
    let (mut given, mut fit) = path.map(|path| given(session, path, names)).transpose()?.unzip();
    // What was kept under a key is in pseudonyms.
    let before = Table::kept(kept)?.map(Table::without_absent);
    let before = before.map(|kept| one_each(kept.in_our_words(&COLUMNS, |_, field| Cow::Borrowed(field))));
    if let (Some(given), Some(fit), Some(before)) = (&mut given, &mut fit, &before) {
        fit.empty = given.emptied(before);
        *given = given.without(&fit.empty);
    }
    let table = Table::standing(given, before, &COLUMNS);
    Ok(Read { what: attributes(&table, names)?, fit, kept: table.to_keep(left_out(session)) })
}

/// The table that is given, in our words, and how it fits the events.
fn given(session: &Session<'_>, path: &Path, names: &Names) -> Result<(Table, TableRead), EventError> {
    let mut table = Table::read(path, &COLUMNS)?.without_absent();
    let key = table.required(path, &ACCOUNT_COLUMNS)?;
    let forgotten = table.leave_out(|row| session.is_forgotten(text(&row[key])));
    let is_there = |row: &csv::StringRecord| names.find(session.canonical_account(text(&row[key])).as_bytes()).is_some();
    let found: Vec<bool> = table.rows.par_iter().map(is_there).collect();
    let whose = table.rows.iter().map(|row| text(&row[key])).zip(found);
    let fit = table.fit(("accounts", path), &COLUMNS, 1, whose);
    // Also of accounts that only a later batch brings: whoever gives the table is there now.
    let times = |names: &[&str]| -> Result<Vec<Seconds>, EventError> {
        let Some(column) = table.column(names) else { return Ok(Vec::new()) };
        let times: Vec<_> = (0..table.rows.len()).into_par_iter().map(|at| table.time(path, at, column)).collect();
        // The first error of several is told, whatever the threads.
        times.into_iter().collect()
    };
    let lives = times(COLUMNS[1])?.into_iter().zip(times(COLUMNS[2])?);
    let banned_before_made = lives.filter(|&(made, banned)| banned != NO_TIME && banned < made).count() as u64;
    let cell = |ours: &str, field| match ours {
        "account_id" if text(field).is_empty() => Cow::Borrowed(""),
        "account_id" => session.canonical_account(text(field)),
        "org" if !field.is_empty() => Cow::Owned(session.pseudonym("org", field)),
        _ => Cow::Borrowed(field),
    };
    Ok((one_each(table.in_our_words(&COLUMNS, cell)), TableRead { forgotten, banned_before_made, ..fit }))
}

fn text(field: &str) -> &str {
    normalise::text(field.as_bytes()).unwrap_or_default()
}

/// The first row of each account.
fn one_each(mut table: Table) -> Table {
    table.rows.dedup_by(|next, first| next[0] == first[0]);
    table
}

/// What a table in our words says of accounts.
fn attributes(table: &Table, names: &Names) -> Result<AccountAttributes, EventError> {
    let mut row_of = vec![usize::MAX; names.len()];
    let found: Vec<Option<u32>> = table.rows.par_iter().map(|row| names.find(row[0].as_bytes())).collect();
    for (at, id) in found.iter().enumerate().filter_map(|(at, id)| Some((at, (*id)?))) {
        row_of[id as usize] = at;
    }
    let mut out = AccountAttributes::default();
    let times = |wanted: &[&str]| -> Result<Vec<Seconds>, EventError> {
        let Some(column) = table.column(wanted) else { return Ok(Vec::new()) };
        let time = |&at: &usize| if at == usize::MAX { Ok(NO_TIME) } else { table.time(Table::kept_path(), at, column) };
        row_of.par_iter().map(time).collect()
    };
    out.created_at = times(COLUMNS[1])?;
    out.banned_at = times(COLUMNS[2])?;
    let labels = |(wanted, bound): &(&[&str], u64)| -> Result<(Vec<u32>, Vec<String>), EventError> {
        let Some(column) = table.column(wanted) else { return Ok((Vec::new(), Vec::new())) };
        let shown = |text: &str| match wanted[0] {
            "status" => text.to_lowercase(),
            _ => text.to_string(),
        };
        let text = |at: usize| table.rows.get(at).map_or("", |row| &row[column]);
        let mut index_of: HashMap<&str, u32, ahash::RandomState> =
            row_of.iter().map(|&at| text(at)).filter(|text| !text.is_empty()).map(|text| (text, NONE_U32)).collect();
        let mut list: Vec<String> = index_of.keys().map(|text| shown(text)).collect();
        list.sort_unstable();
        list.dedup();
        if list.len() as u64 >= *bound {
            return Err(EventError::TooMany { what: Numbered::AccountLabels, bound: *bound });
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
        (&["tier"], small),
        (&["pathway"], small),
        (&["status"], small),
        (&["label"], small),
        (&["org"], u64::from(NONE_U32)),
    ];
    let mut found = wanted.par_iter().map(labels).collect::<Vec<_>>().into_iter();
    let mut next = || found.next().unwrap_or_else(|| Ok((Vec::new(), Vec::new())));
    let [(country, countries), (tier, tiers), (pathway, pathways), (status, statuses), (label, own_labels), (org, orgs)] =
        [next()?, next()?, next()?, next()?, next()?, next()?];
    (out.country, out.tier, out.status) = (narrow(country), narrow(tier), narrow(status));
    (out.countries, out.tiers, out.statuses) = (countries, tiers, statuses);
    (out.label, out.labels) = (narrow(label), own_labels);
    // A column that nobody fills in is none: that nobody declares an organisation says nothing of anybody, and pathways that events
    // say stand where the table says none.
    (out.pathway, out.pathways) = (if pathways.is_empty() { Vec::new() } else { narrow(pathway) }, pathways);
    (out.org, out.orgs) = (if orgs.is_empty() { Vec::new() } else { org }, orgs);
    Ok(out)
}
