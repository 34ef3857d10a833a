//! What each account did, event by event, in time order: the columns that the behavioural tests read.
//!
//! For account `a`, positions `offsets[a] .. offsets[a + 1]` are its events, ascending in time. A behaviour column that the
//! input didn't have is empty, so that "not available" can't be mistaken for zero. Events without a timestamp are not here;
//! they count only as sightings.
//!
//! Memory: 8 bytes an event for the time, and 2, 2, 2, 4, 4 and 4 for each of the other columns that is there.

use crate::{AccountId, Column, GraphError};

/// The columns an [`Activity`] is made of; what a store keeps.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivityColumns {
    /// Start of each account's events; length accounts + 1.
    pub offsets: Column<u64>,
    /// Milliseconds since the Unix epoch, ascending within an account.
    pub time: Column<i64>,
    /// Model of each event (an index into the store's model names), or `NONE_U16`; empty if the input had none.
    pub model: Column<u16>,
    /// Capability class of each event (an index into the store's capability names), or `NONE_U16`; empty if the input had none.
    pub capability: Column<u16>,
    /// HTTP-like status of each event, or `NONE_U16`; empty if the input had none.
    pub status: Column<u16>,
    /// Prompt template of each event as an identifier id, or `NONE_U32`; empty if the input had none.
    pub template: Column<u32>,
    /// Exchanges that each event stands for; empty if every event stands for one.
    pub requests: Column<u32>,
    /// Tokens of each event, of all its exchanges together; 0 where unknown, and empty if the input had none.
    pub tokens: Column<u32>,
}

impl ActivityColumns {
    /// No events, for `account_count` accounts.
    pub fn empty(account_count: usize) -> Self {
        ActivityColumns {
            offsets: vec![0; account_count + 1].into(),
            time: Column::default(),
            model: Column::default(),
            capability: Column::default(),
            status: Column::default(),
            template: Column::default(),
            requests: Column::default(),
            tokens: Column::default(),
        }
    }
}

/// All accounts' events. Immutable.
#[derive(Clone, Debug, PartialEq)]
pub struct Activity {
    columns: ActivityColumns,
}

/// One account's events: slices of equal length, or empty where the input had no such column.
#[derive(Clone, Copy, Debug)]
pub struct ActivityOf<'a> {
    /// Milliseconds since the Unix epoch, ascending.
    pub time: &'a [i64],
    /// Model, or `NONE_U16`.
    pub model: &'a [u16],
    /// Capability class, or `NONE_U16`.
    pub capability: &'a [u16],
    /// Status, or `NONE_U16`.
    pub status: &'a [u16],
    /// Template identifier, or `NONE_U32`.
    pub template: &'a [u32],
    /// Exchanges each event stands for.
    pub requests: &'a [u32],
    /// Tokens of each event, or 0.
    pub tokens: &'a [u32],
}

impl Activity {
    /// Takes columns whose lengths agree. O(1).
    ///
    /// # Errors
    /// [`GraphError`] names the column that doesn't fit.
    pub fn from_columns(columns: ActivityColumns) -> Result<Self, GraphError> {
        if columns.offsets.first() != Some(&0) {
            return Err(GraphError::Offsets { column: "activity offsets", at: 0 });
        }
        let events = columns.offsets[columns.offsets.len() - 1];
        let lengths = [
            ("activity time", columns.time.len(), false),
            ("activity model", columns.model.len(), true),
            ("activity capability", columns.capability.len(), true),
            ("activity status", columns.status.len(), true),
            ("activity template", columns.template.len(), true),
            ("activity requests", columns.requests.len(), true),
            ("activity tokens", columns.tokens.len(), true),
        ];
        for (column, found, optional) in lengths {
            if found as u64 != events && !(optional && found == 0) {
                return Err(GraphError::Length { column, expected: events, found: found as u64 });
            }
        }
        Ok(Activity { columns })
    }

    /// The columns, for a store to write.
    pub fn columns(&self) -> &ActivityColumns {
        &self.columns
    }

    /// Number of accounts.
    pub fn account_count(&self) -> usize {
        self.columns.offsets.len() - 1
    }

    /// Number of events with a time.
    pub fn event_count(&self) -> usize {
        self.columns.time.len()
    }

    /// One account's events.
    pub fn of(&self, account: AccountId) -> ActivityOf<'_> {
        fn part<T>(column: &[T], range: std::ops::Range<usize>) -> &[T] {
            if column.is_empty() { &[] } else { &column[range] }
        }
        let columns = &self.columns;
        let range = columns.offsets[account.index()] as usize..columns.offsets[account.index() + 1] as usize;
        ActivityOf {
            time: &columns.time[range.clone()],
            model: part(&columns.model, range.clone()),
            capability: part(&columns.capability, range.clone()),
            status: part(&columns.status, range.clone()),
            template: part(&columns.template, range.clone()),
            requests: part(&columns.requests, range.clone()),
            tokens: part(&columns.tokens, range),
        }
    }
}
