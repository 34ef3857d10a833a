//! The release table, and the known-good list.

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::Path;

use graph::Seconds;

use super::{Read, Table, TableRead, left_out, line_of};
use crate::error::EventError;
use crate::session::Session;

/// The columns of the release table.
const RELEASE_COLUMNS: [&[&str]; 2] = [&["model"], &["released_at"]];

/// The columns of the known-good list.
const ALLOW_COLUMNS: [&[&str]; 3] = [&["kind"], &["value"], &["reason"]];

/// Reads the release table: (model, time), in order of time. Of a model that the table that is given doesn't have, what the store
/// kept counts.
pub(crate) fn releases(
    path: Option<&Path>,
    kept: Option<&[u8]>,
    models: &[String],
) -> Result<Read<Vec<(String, Seconds)>>, EventError> {
    let in_our_words = |table: &Table| table.in_our_words(&RELEASE_COLUMNS, |_, field| Cow::Borrowed(field));
    let (given, fit) = path.map(|path| given_releases(path, models)).transpose()?.unzip();
    let before = Table::kept(kept)?.map(Table::without_absent).as_ref().map(in_our_words);
    let table = Table::standing(given.as_ref().map(in_our_words), before, &RELEASE_COLUMNS);
    let release = |at: usize| Ok((table.rows[at][0].to_owned(), table.time(Table::kept_path(), at, 1)?));
    let mut what = (0..table.rows.len()).map(release).collect::<Result<Vec<_>, EventError>>()?;
    what.sort_by(|one, other| (one.1, &one.0).cmp(&(other.1, &other.0)));
    Ok(Read { what, fit, kept: table.to_keep(&[]) })
}

/// The release table that is given, and how it fits the events.
fn given_releases(path: &Path, models: &[String]) -> Result<(Table, TableRead), EventError> {
    let table = Table::read(path, &RELEASE_COLUMNS)?.without_absent();
    let (model, released) = (table.required(path, &["model"])?, table.required(path, &["released_at"])?);
    (0..table.rows.len()).try_for_each(|at| table.time(path, at, released).map(drop))?;
    let models = table.rows.iter().map(|row| (&row[model], models.iter().any(|known| *known == row[model])));
    let fit = table.fit(("releases", path), &RELEASE_COLUMNS, 1, models);
    Ok((table, fit))
}

/// A line of the known-good list: kind, canonical value, reason.
type Listed = (String, String, String);

/// Reads the known-good list, and how it fits events in which a kind's value is there or not. One that is given takes the place of
/// the one that the store kept: who is no longer on it is no longer known to be good.
pub(crate) fn allowed(
    session: &Session<'_>,
    path: Option<&Path>,
    kept: Option<&[u8]>,
    is_there: impl Fn(&str, &str) -> bool,
) -> Result<Read<Vec<Listed>>, EventError> {
    // What was kept under a key is in pseudonyms.
    let is_canonical = session.config.pseudonym.is_some();
    let before = Table::kept(kept)?.map(|table| {
        listed(&table, Table::kept_path(), |kind, value| match is_canonical {
            true => Ok(Cow::Borrowed(value)),
            false => canonical(session, kind, value),
        })
    });
    let before = before.transpose()?;
    let (list, fit) = match (path, before) {
        (Some(path), before) => {
            let mut table = Table::read(path, &ALLOW_COLUMNS)?;
            let forgotten = leave_out_forgotten(session, &mut table, path)?;
            let list = listed(&table, path, |kind, value| canonical(session, kind, value))?;
            let whose = list.iter().map(|(kind, value, _)| ((kind, value), is_there(kind, value)));
            let fit = table.fit(("allow", path), &ALLOW_COLUMNS, 2, whose);
            let on_it: HashSet<(&str, &str)> = list.iter().map(|(kind, value, _)| (kind.as_str(), value.as_str())).collect();
            let lacks = |(kind, value, _): &&Listed| !on_it.contains(&(kind.as_str(), value.as_str()));
            let no_longer = before.iter().flatten().filter(lacks).count() as u64;
            (list, Some(TableRead { no_longer, forgotten, ..fit }))
        }
        (None, Some(list)) => (list, None),
        (None, None) => return Ok(Read { what: Vec::new(), fit: None, kept: None }),
    };
    // An address that isn't routed links nobody, and is in no events.
    let mut what: Vec<Listed> = list.into_iter().filter(|(_, value, _)| !value.is_empty()).collect();
    what.sort();
    what.dedup_by(|next, first| (&next.0, &next.1) == (&first.0, &first.1));
    let rows = what.iter().map(|(kind, value, reason)| csv::StringRecord::from_iter([kind, value, reason])).collect();
    let header = ALLOW_COLUMNS.iter().map(|names| names[0].to_owned()).collect();
    let kept = Some(Table { header, rows }.to_csv(left_out(session)));
    Ok(Read { what, fit, kept })
}

/// Leaves out the lines of a known-good list about accounts that were forgotten, and says how many those were.
fn leave_out_forgotten(session: &Session<'_>, table: &mut Table, path: &Path) -> Result<u64, EventError> {
    let (kind, value) = (table.required(path, &["kind"])?, table.required(path, &["value"])?);
    Ok(table.leave_out(|row| is_account(&row[kind]) && session.is_forgotten(&row[value])))
}

/// Whether a kind means an account.
fn is_account(kind: &str) -> bool {
    matches!(crate::schema::kind_name(kind).as_str(), "account" | "account_id")
}

/// The lines of a known-good list; the value is empty where it is none that links anybody.
fn listed<'t>(
    table: &'t Table,
    path: &Path,
    canonical: impl Fn(&str, &'t str) -> Result<Cow<'t, str>, u32>,
) -> Result<Vec<Listed>, EventError> {
    let (kind, value) = (table.required(path, &["kind"])?, table.required(path, &["value"])?);
    let reason = table.column(&["reason"]);
    let line = |fields: &'t csv::StringRecord| {
        let name = if is_account(&fields[kind]) { "account".to_owned() } else { crate::schema::kind_name(&fields[kind]) };
        match canonical(&name, &fields[value]) {
            Ok(value) => Ok((name, value.into_owned(), reason.map_or_else(String::new, |at| fields[at].to_owned()))),
            Err(crate::session::UNROUTABLE) => Ok((name, String::new(), String::new())),
            Err(_) => {
                let problem = format!("line {}: the value is no {name}", line_of(fields));
                Err(EventError::input(path, problem, "correct or remove the line"))
            }
        }
    };
    table.rows.iter().map(line).collect()
}

/// The canonical form of an account or identifier.
fn canonical<'t>(session: &Session<'_>, kind: &str, value: &'t str) -> Result<Cow<'t, str>, u32> {
    match kind {
        "account" => Ok(session.canonical_account(value)),
        kind => session.canonical_identifier(kind, value),
    }
}
