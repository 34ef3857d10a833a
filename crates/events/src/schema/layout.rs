//! The columns of one file that are used, and those that aren't.

use crate::error::shortened;
use crate::ingested::SeveralNames;
use crate::normalise::time::Unit;
use crate::schema::meaning::{MEANINGS, Use};

/// A column's name as it is told; where it has none (pandas writes its index so), which it is.
pub(crate) fn named_or_counted(name: &str, at: usize) -> String {
    if !name.trim().is_empty() {
        return shortened(name).into_owned();
    }
    let number = at + 1;
    let end = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("a column without a name (the {number}{end})")
}

/// Whether rows of one sighting have such a column.
pub(super) fn keep_in_long(usage: &Use) -> bool {
    matches!(usage, Use::Time | Use::Account | Use::EventId | Use::Kind | Use::Value | Use::Requests | Use::Tokens)
}

/// One used column.
#[derive(Clone, Debug)]
pub(crate) struct LayoutColumn {
    pub(crate) ours: String,
    pub(crate) usage: Use,
    pub(crate) index: usize,
    /// Whether its values may be lists of hops.
    pub(crate) addresses: bool,
    /// What it holds in rows that don't say it themselves, by the name of a folder that the file is in.
    pub(crate) of_folder: Option<Vec<u8>>,
}

/// The used columns of a file.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) long: bool,
    pub(crate) columns: Vec<LayoutColumn>,
    /// Where the event's id is among the columns.
    pub(crate) event_id: Option<usize>,
    pub(crate) ignored: Vec<String>,
    /// Columns that would mean what another one means, and so aren't read, with our name of it.
    pub(crate) repeated: Vec<(String, String)>,
    pub(crate) missing: Vec<String>,
    /// Other columns that rows of its form can have, and these don't.
    pub(crate) lacking: Vec<String>,
    /// Columns that objects have under several names.
    pub(crate) several: Vec<SeveralNames>,
    pub(crate) width: usize,
    /// What its times are in, if that can be told.
    pub(crate) unit: Option<Unit>,
    /// Whether its times are days.
    pub(crate) days: bool,
}

impl Layout {
    /// The column of times.
    pub(crate) fn time(&self) -> Option<&LayoutColumn> {
        self.columns.iter().find(|column| column.usage == Use::Time)
    }

    /// Whether a column of ours is read, if the file has it.
    pub(crate) fn reads(&self, ours: &str) -> bool {
        self.columns.iter().any(|column| column.ours == ours)
    }

    pub(super) fn new(mut columns: Vec<LayoutColumn>, header: &[String]) -> Self {
        let has = |wanted: Use| columns.iter().any(|column| column.usage == wanted);
        let (long, mined) = (has(Use::Kind) && has(Use::Value), has(Use::Prompt));
        // A kind without a value, or a value without a kind, says nothing.
        let half = |usage: &Use| matches!(usage, Use::Kind | Use::Value);
        columns.retain(|column| if long { keep_in_long(&column.usage) } else { !half(&column.usage) });
        let ignored = (0..header.len())
            .filter(|&index| columns.iter().all(|column| column.index != index))
            .map(|index| named_or_counted(&header[index], index))
            .collect();
        // Templates are made of prompts where there are some.
        let missing = MEANINGS[..5]
            .iter()
            .filter(|(ours, _)| !(long || mined && *ours == "prompt_template_hash"))
            .filter(|(ours, _)| columns.iter().all(|column| column.ours != *ours))
            .map(|(ours, _)| (*ours).to_string())
            .collect();
        let event_id = columns.iter().position(|column| column.usage == Use::EventId);
        Layout {
            long,
            columns,
            event_id,
            ignored,
            repeated: Vec::new(),
            missing,
            lacking: Vec::new(),
            several: Vec::new(),
            width: header.len(),
            unit: None,
            days: false,
        }
    }
}
