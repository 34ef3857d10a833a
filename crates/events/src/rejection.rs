//! What is said of a row that was left out, or of a field that its row was kept without?
//!
//! Where it is and what was wrong with it; the value only if it can't identify anyone.

use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::normalise::Reason;

/// A row that was left out, or a field of a row that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The file.
    pub file: String,
    /// The row group, in Parquet.
    pub row_group: Option<u64>,
    /// The line (text, from 1) or the row within its group (Parquet, from 0).
    pub row: u64,
    /// The column, by our name.
    pub field: String,
    /// What was wrong with it.
    pub reason: Reason,
    /// The value, if it can't identify anyone; else its length.
    pub value: String,
    /// Whether the row was kept, without this field.
    pub kept: bool,
}

impl fmt::Display for Rejection {
    /// Where it is, and the value if it can't identify anyone.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row_group {
            None => write!(formatter, "{}, line {}, ", self.file, self.row)?,
            Some(row_group) => write!(formatter, "{}, row {} of row group {row_group}, ", self.file, self.row)?,
        }
        let value = if self.value == "(0 bytes)" { "" } else { &self.value };
        write!(formatter, "{}{}{value}", self.field, if value.is_empty() { "" } else { ": " })
    }
}

impl Serialize for Rejection {
    /// `file`, `line` (text) or `row_group` and `row` (Parquet), `field`, `reason`, `value`, and `kept` where the rest of the row was.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("file", &self.file)?;
        match self.row_group {
            None => map.serialize_entry("line", &self.row)?,
            Some(row_group) => {
                map.serialize_entry("row_group", &row_group)?;
                map.serialize_entry("row", &self.row)?;
            }
        }
        map.serialize_entry("field", &self.field)?;
        map.serialize_entry("reason", &self.reason)?;
        map.serialize_entry("value", &self.value)?;
        if self.kept {
            map.serialize_entry("kept", &true)?;
        }
        map.end()
    }
}
