//! What is unusual about a delivery of events, and may be reason enough not to take it in.
//!
//! An update tells all of it ([`BuildSummary::drift`]) and goes on. A job that runs at night can ask to be stopped instead
//! ([`super::UpdateConfig::fail_on`]): once a store holds a spoilt delivery, only a build without it takes that out again.

use std::fmt;
use std::str::FromStr;

use events::EventError;
use serde::Serialize;

use super::BuildSummary;
use super::summary::MissingColumn;
use crate::error::Error;

/// Something unusual about what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Drift {
    /// A file lacks a column that the store has values of.
    Missing,
    /// A column of a file or of the account table has no value in any row, and the store knows such values.
    Empty,
    /// All rows of a file have one address, card or template.
    OneValue,
    /// None of the accounts that were read was known before.
    NewAccounts,
    /// Accounts occur in two spellings.
    AlikeAccounts,
    /// A file's name had been read with other content.
    ReadBefore,
    /// A file has no rows, or nothing at all.
    NoRows,
    /// The last line of a file is cut: it wasn't written or copied to its end.
    Cut,
    /// More than half of the rows of a file are rejected.
    MostlyRejected,
    /// A column means nothing and wasn't read.
    Ignored,
    /// Rows have another row's event id with other content.
    Conflicts,
    /// Less than half of the rows of a side table speak of anything in the events.
    Tables,
}

impl Drift {
    /// Every kind.
    pub const ALL: [Drift; 12] = [
        Drift::Missing,
        Drift::Empty,
        Drift::OneValue,
        Drift::NewAccounts,
        Drift::AlikeAccounts,
        Drift::ReadBefore,
        Drift::NoRows,
        Drift::Cut,
        Drift::MostlyRejected,
        Drift::Ignored,
        Drift::Conflicts,
        Drift::Tables,
    ];

    /// The word for it, as `--fail-on` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Drift::Missing => "missing",
            Drift::Empty => "empty",
            Drift::OneValue => "one_value",
            Drift::NewAccounts => "new_accounts",
            Drift::AlikeAccounts => "alike_accounts",
            Drift::ReadBefore => "read_before",
            Drift::NoRows => "no_rows",
            Drift::Cut => "cut",
            Drift::MostlyRejected => "mostly_rejected",
            Drift::Ignored => "ignored",
            Drift::Conflicts => "conflicts",
            Drift::Tables => "tables",
        }
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Drift {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let word = text.trim().replace('-', "_");
        Drift::ALL.into_iter().find(|drift| drift.name() == word).ok_or_else(|| {
            let names: Vec<&str> = Drift::ALL.iter().map(|drift| drift.name()).collect();
            format!("{text} is none of {}", names.join(", "))
        })
    }
}

/// A kind of drift, and where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Drifted {
    /// The kind.
    pub drift: Drift,
    /// Where, and what of.
    pub what: String,
}

/// What stopped an ingest. A file that lacks a column that a map names is a delivery like any other that lacks one.
pub(super) fn or_drift(error: EventError, fail_on: &[Drift]) -> Error {
    if error.lacks_mapped_column() && fail_on.contains(&Drift::Missing) {
        return Error::Drift { found: vec![Drifted { drift: Drift::Missing, what: error.to_string() }] };
    }
    error.into()
}

impl BuildSummary {
    /// All that is unusual about what this run read, in the order of [`Drift`].
    pub fn drift(&self) -> Vec<Drifted> {
        let mut found = Vec::new();
        let mut add = |drift, what: String| found.push(Drifted { drift, what });
        let of_columns = |columns: &[MissingColumn], text: &dyn Fn(&str) -> String| -> Vec<String> {
            let others = |files: u64| if files > 1 { format!(" and {} more", files - 1) } else { String::new() };
            columns.iter().map(|one| format!("{}{}: {}", one.first, others(one.files), text(&one.column))).collect()
        };
        let missing = of_columns(&self.missing, &|column| format!("no column {column}"));
        missing.into_iter().for_each(|what| add(Drift::Missing, what));
        let empty = of_columns(&self.empty, &|column| format!("no row has a value of {column}"));
        empty.into_iter().for_each(|what| add(Drift::Empty, what));
        let one_value = of_columns(&self.one_value, &|column| format!("all rows have the same {column}"));
        one_value.into_iter().for_each(|what| add(Drift::OneValue, what));
        if let Some(accounts) = self.all_new_accounts {
            add(Drift::NewAccounts, format!("all {accounts} accounts that were read are new"));
        }
        if let Some(alike) = &self.alike_accounts {
            add(Drift::AlikeAccounts, format!("{} and {} are most probably one account", alike.first, alike.plain));
        }
        self.read_before.iter().for_each(|file| add(Drift::ReadBefore, format!("{file} was read before, with other content")));
        let without_rows = self.without_rows.iter().chain(&self.notes.blank);
        without_rows.for_each(|file| add(Drift::NoRows, format!("{file} has no rows")));
        self.notes.cut.iter().for_each(|file| add(Drift::Cut, format!("the last line of {file} is cut")));
        for read in &self.notes.mostly_rejected {
            add(
                Drift::MostlyRejected,
                format!("{}: {} of {} rows are rejected ({})", read.file, read.rejected, read.rows, read.reason),
            );
        }
        for ignored in self.ignored.iter().filter(|ignored| ignored.repeats.is_none()) {
            add(Drift::Ignored, format!("column {} means nothing and was not read", ignored.column));
        }
        if self.new_conflicting_events > 0 {
            add(
                Drift::Conflicts,
                format!("rows beyond the first of their event id, with other content: {}", self.new_conflicting_events),
            );
        }
        for read in self.tables.iter().filter(|read| read.fits_few()) {
            add(
                Drift::Tables,
                format!("{}: {} of {} rows speak of anything in the events", read.file, read.matched, read.rows),
            );
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_by_its_name() {
        for drift in Drift::ALL {
            assert_eq!(drift.name().parse(), Ok(drift));
            assert_eq!(serde_json::to_value(drift).unwrap(), drift.name());
        }
        assert_eq!("one-value".parse(), Ok(Drift::OneValue));
        assert!("nothing".parse::<Drift>().unwrap_err().contains("missing, empty, one_value"));
    }
}
