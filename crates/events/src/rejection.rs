//! What is said of a row that was left out, or of a field that its row was kept without?
//!
//! Where it is and what was wrong with it; the value only if it can't identify anyone.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::normalise::Reason;
use crate::normalise::payment::holds_card_number;

/// Longest value that is repeated, in bytes.
const LONGEST_OPEN: usize = 40;

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

impl Rejection {
    /// The text of a field that is repeated as it is: of a time or a number what is written as one (`31.02.2026`, `12 Mar 26 5 PM`,
    /// `-1`) and holds neither a card number nor an address, of a kind what could be the name of one. A column that was taken for
    /// another may hold anything.
    pub(crate) fn open_value<'r>(field: &str, raw: &'r [u8]) -> Option<&'r str> {
        let text = std::str::from_utf8(raw).ok().filter(|text| text.len() <= LONGEST_OPEN && !holds_card_number(text))?;
        let is_written = |signs: &[u8], longest_word: usize| {
            let words = text.split(|letter: char| !letter.is_ascii_alphabetic());
            let others = text.bytes().filter(|byte| !byte.is_ascii_alphabetic());
            others.into_iter().all(|byte| signs.contains(&byte)) && words.into_iter().all(|word| word.len() <= longest_word)
        };
        let is_address = |part: &str| part.parse::<IpAddr>().is_ok() || part.parse::<SocketAddr>().is_ok();
        let is_open = match field {
            _ if text.split([' ', ',', '/']).any(is_address) => false,
            // Names of months and zones; no word of a name or an address of mail.
            "timestamp" => is_written(b"0123456789 :.,+-/", 3),
            "requests" | "tokens" => is_written(b"0123456789 .,+-", 1),
            "entity_kind" => is_written(b"_- ", LONGEST_OPEN),
            _ => false,
        };
        is_open.then_some(text)
    }
}

impl fmt::Display for Rejection {
    /// Where it is, and the value if it can't identify anyone.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row_group {
            None => write!(formatter, "{}, line {}, ", self.file, self.row)?,
            Some(row_group) => write!(formatter, "{}, row {} of row group {row_group}, ", self.file, self.row)?,
        }
        let value = &self.value;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_written_as_a_time_or_a_number_is_repeated() {
        let is_open = |field: &str, text: &str| Rejection::open_value(field, text.as_bytes()).is_some();
        for text in ["31.02.2026", "2026-13-01T00:00:00Z", "12 Mar 26 5:00 PM UTC", "-1", ""] {
            assert!(is_open("timestamp", text), "{text}");
        }
        assert!(is_open("requests", "1e999") && is_open("tokens", "-3.5") && is_open("entity_kind", "credit_card"));
        // A card number, an address of mail, a name, a token, an address; and whatever an account is called.
        let closed = [
            "4111 1111 1111 1111",
            "4111111111111111 12/27",
            "4111-1111-1111-1111",
            "ann@example.org",
            "Alice Smith",
            "fp_9f3a",
        ];
        let addresses = ["203.0.113.7", "203.0.113.7:443", "10.0.0.1, 203.0.113.7", "203.0.113.0/24", "2001:db8::1"];
        for text in closed.into_iter().chain(addresses) {
            for field in ["timestamp", "requests", "tokens"] {
                assert!(!is_open(field, text), "{field}: {text}");
            }
        }
        assert!(
            !is_open("account_id", "7")
                && !is_open("entity_kind", "ann@example.org")
                && !is_open("tokens", "1".repeat(41).as_str())
        );
    }
}
