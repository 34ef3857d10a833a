//! What does one cell say: a code of the session, a time, or a number?
//!
//! Numbers are those of requests, tokens and statuses, as text or as numbers of a column.

use graph::build::LONG_STATUS;

use crate::normalise::{Reason, is_absent};
use crate::session::{EMPTY, rejected};

/// One cell of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cell {
    /// A resolved value.
    Code(u32),
    /// A time, in milliseconds.
    Time(i64),
    /// A count.
    Number(u32),
}

/// Whether a field is empty or a word for nothing.
pub(crate) fn is_nothing(text: &[u8]) -> bool {
    text.is_empty() || std::str::from_utf8(text).is_ok_and(is_absent)
}

/// A count: digits, at least 1; empty is 1.
pub(crate) fn requests(raw: &[u8]) -> Cell {
    let text = raw.trim_ascii();
    if is_nothing(text) {
        return Cell::Number(1);
    }
    match std::str::from_utf8(whole(text)).ok().and_then(|text| text.parse::<u64>().ok()) {
        Some(number) => requests_number(Some(i64::try_from(number).unwrap_or(i64::MAX))),
        None => Cell::Code(rejected(Reason::BadNumber)),
    }
}

/// A count from a number.
pub(crate) fn requests_number(number: Option<i64>) -> Cell {
    match number {
        None => Cell::Number(1),
        Some(number) => match u32::try_from(number) {
            Ok(number) if number > 0 => Cell::Number(number),
            // So many are no requests: another column, or a time.
            _ => Cell::Code(rejected(Reason::BadNumber)),
        },
    }
}

/// The digits of a whole number, which may be those of a float or decimal without a fraction (pandas, where some are missing).
pub(crate) fn whole(text: &[u8]) -> &[u8] {
    match memchr::memchr(b'.', text) {
        Some(at) if at > 0 && at + 1 < text.len() && text[at + 1..].iter().all(|&digit| digit == b'0') => &text[..at],
        _ => text,
    }
}

/// Tokens: the digits of a whole number; empty is 0, not known.
pub(crate) fn tokens(raw: &[u8]) -> Cell {
    let text = raw.trim_ascii();
    if is_nothing(text) {
        return Cell::Number(0);
    }
    match std::str::from_utf8(whole(text)).ok().and_then(|text| text.parse::<u64>().ok()) {
        Some(number) => Cell::Number(u32::try_from(number).unwrap_or(u32::MAX)),
        None => Cell::Code(rejected(Reason::BadTokens)),
    }
}

/// Tokens from a number; nothing is 0, not known.
pub(crate) fn tokens_number(number: Option<i64>) -> Cell {
    match u64::try_from(number.unwrap_or(0)) {
        Ok(number) => Cell::Number(u32::try_from(number).unwrap_or(u32::MAX)),
        Err(_) => Cell::Code(rejected(Reason::BadTokens)),
    }
}

/// A status from a number below 65534.
pub(crate) fn status_number(number: Option<i64>) -> Cell {
    let Some(number) = number else { return Cell::Code(EMPTY) };
    match u16::try_from(number) {
        Ok(number) if number < LONG_STATUS => Cell::Number(u32::from(number)),
        _ => Cell::Code(rejected(Reason::BadStatus)),
    }
}

/// A status: the digits of a number below 65534, or nothing.
pub(crate) fn status(raw: &[u8]) -> Cell {
    let text = raw.trim_ascii();
    if is_nothing(text) {
        return Cell::Code(EMPTY);
    }
    let number = std::str::from_utf8(whole(text)).ok().and_then(|text| text.parse().ok());
    number.map_or(Cell::Code(rejected(Reason::BadStatus)), |number| status_number(Some(number)))
}
