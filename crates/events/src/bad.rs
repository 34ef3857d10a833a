//! How many bad rows are too many, of a run and of each of its files?
//!
//! A few may always be bad, and beyond that a share. Among the rows of a large run those of one file would be few, though all of
//! them are rejected, so that a file is asked by itself too: of one with at least [`FEW_ROWS`] rows up to half, but no more
//! than [`MIN_BAD_ROWS`], may be rejected, or the share if that is more. A smaller one fails nothing, but is told if more than
//! half of it is rejected.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::config::{FEW_ROWS, MAX_UNREAD, MIN_BAD_ROWS};
use crate::error::EventError;
use crate::normalise::Reason;
use crate::rejection::Rejection;

/// What is out of the ordinary about files that were read, or found and not read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FileNotes {
    /// Files without a byte, or of nothing but blank lines.
    pub blank: Vec<String>,
    /// Files whose last line is cut: no newline ends it, and it isn't whole.
    pub cut: Vec<String>,
    /// Links in folders that were read, to folders or to nothing, which are not followed; pipes and devices there, and links to
    /// them, which are not opened.
    pub links: Vec<String>,
    /// Files whose times are days.
    pub days: Vec<String>,
    /// Files of which more than half of the rows were rejected.
    pub mostly_rejected: Vec<RejectedFile>,
}

/// A file of which more than half of the rows were rejected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RejectedFile {
    /// Its path.
    pub file: String,
    /// Rows.
    pub rows: u64,
    /// Those that were rejected.
    pub rejected: u64,
    /// The most frequent reason.
    pub reason: &'static str,
}

/// Bad rows, of a run or of a file.
#[derive(Default)]
pub(crate) struct Bad {
    /// By reason, how many there are.
    rows: BTreeMap<Reason, u64>,
    /// The first for each reason.
    first: HashMap<Reason, Rejection>,
}

impl Bad {
    /// Notes one of those that are added: where a reason is met first is told.
    pub(crate) fn note(&mut self, rejection: &Rejection) {
        self.first.entry(rejection.reason).or_insert_with(|| rejection.clone());
    }

    /// Adds rows by their number.
    pub(crate) fn add(&mut self, reason: Reason, rows: u64) {
        *self.rows.entry(reason).or_default() += rows;
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.rows.values().sum()
    }

    /// Whether there are any for this reason.
    pub(crate) fn has(&self, reason: Reason) -> bool {
        self.rows.contains_key(&reason)
    }

    /// The most frequent reason, and how many rows it has.
    fn foremost(&self) -> Option<(Reason, u64)> {
        let most = self.rows.iter().max_by_key(|(reason, count)| (**count, std::cmp::Reverse(**reason)));
        most.map(|(reason, count)| (*reason, *count))
    }

    /// The same in words, with what was expected and where it was met first.
    fn why(&self) -> String {
        self.foremost().map_or(String::new(), |(reason, count)| {
            let first = self.first.get(&reason).map_or(String::new(), |first| format!("; the first in {first}"));
            format!("{} ({count}): {}{first}", reason.name(), reason.expected())
        })
    }

    /// What these are of a file with so many rows, if they are most of it.
    pub(crate) fn most_of(&self, file: &str, rows: u64) -> Option<RejectedFile> {
        let (rejected, (reason, _)) = (self.count(), self.foremost()?);
        let reason = reason.name();
        (2 * rejected > rows).then(|| RejectedFile { file: file.to_owned(), rows, rejected, reason })
    }

    /// The error of a file of which these are too many.
    pub(crate) fn fail_file(&self, file: &str, rows: u64, max_bad: f64, rejects: Option<&str>) -> Option<EventError> {
        let (rejected, allowed) = (self.count(), allowed_of_file(rows, max_bad));
        (rejected > allowed).then(|| EventError::BadFile {
            file: file.to_owned(),
            rejected,
            rows,
            allowed,
            reason: self.why(),
            rejects: rejects.map(str::to_owned),
        })
    }

    /// The error of a run of which these are too many. Whoever writes a field that can't be read must not be able to stop
    /// everybody's run; a column of them is another thing. What is asked of is this run: on top of a large base a file of
    /// nothing but bad rows would be few.
    pub(crate) fn fail_run(&self, run: &Run, max_bad: f64, rejects: Option<&str>) -> Option<EventError> {
        let &Run { rows, rejected, kept, is_first } = run;
        let allowed = MIN_BAD_ROWS.max((max_bad * rows as f64) as u64);
        let unread = (max_bad.max(MAX_UNREAD) * rows as f64) as u64;
        let bad = rejected + kept;
        // A few events on top of many may all lack something.
        let all = if is_first { bad } else { rejected };
        if rejected <= allowed && kept <= allowed.max(unread) && (all < rows || rows == 0) {
            return None;
        }
        let allowed = if rejected > allowed { allowed } else { allowed.max(unread) };
        Some(EventError::TooManyBad { bad, kept, rows, allowed, reason: self.why(), rejects: rejects.map(str::to_owned) })
    }
}

/// What a run read.
pub(crate) struct Run {
    pub(crate) rows: u64,
    pub(crate) rejected: u64,
    /// Rows that were kept without a field.
    pub(crate) kept: u64,
    /// Whether nothing had been read before.
    pub(crate) is_first: bool,
}

/// Rows of a file that may be rejected.
fn allowed_of_file(rows: u64, max_bad: f64) -> u64 {
    if rows < FEW_ROWS {
        return rows;
    }
    MIN_BAD_ROWS.min(rows / 2).max((max_bad * rows as f64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_a_small_file_may_be_rejected_and_a_share_of_a_large_one() {
        let allowed = [9, 10, 11, 150, 1_000, 1_000_000].map(|rows| allowed_of_file(rows, 0.001));
        assert_eq!(allowed, [9, 5, 5, 75, 100, 1_000]);
        assert_eq!([10, 1_000].map(|rows| allowed_of_file(rows, 1.0)), [10, 1_000]);
        assert_eq!([10, 1_000].map(|rows| allowed_of_file(rows, 0.0)), [5, 100]);
    }
}
