//! The canonical form of each kind of value, and why a value has none.

pub mod forwarded;
pub mod ip;
pub mod kind;
pub mod payment;
pub mod pseudonym;
pub mod time;

use std::borrow::Cow;

use serde::Serialize;

use crate::options::{ALLOW_KINDS, COLUMNS, MAP, SCHEMA};

/// Why a row was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// No account.
    MissingAccount,
    /// A long row without a kind.
    MissingKind,
    /// A kind with characters other than letters, digits, `_`, `-`, `.`, or longer than 64.
    BadKind,
    /// A kind that isn't known, where unknown kinds aren't allowed.
    UnknownKind,
    /// Not UTF-8.
    InvalidUtf8,
    /// NUL or another control character.
    ControlCharacter,
    /// A value of more than 1024 bytes, or a line of more than 8 MiB.
    TooLong,
    /// Not an IP address.
    BadIp,
    /// Not a time.
    BadTime,
    /// A time more than a day ahead.
    FutureTime,
    /// A time before the year 2000.
    AncientTime,
    /// Not a whole number.
    BadNumber,
    /// Not a number of tokens.
    BadTokens,
    /// Not a status of HTTP.
    BadStatus,
    /// Another number of fields than the header has.
    FieldCount,
    /// A line in quoted text of a column that can't have lines.
    QuotedLines,
    /// A line that isn't a JSON object.
    BadJson,
    /// An object or array where a value was expected.
    NestedValue,
    /// One name with two values in a JSON object.
    FieldTwice,
    /// A field that means nothing to us, where the schema is strict.
    UnknownField,
    /// A model, capability or pathway beyond those that can be numbered, of which those of most rows are.
    TooManyLabels,
    /// A time in another unit than most of the file's.
    OtherTimeUnit,
    /// The last line of a file, which no newline ends and which isn't whole.
    LastLineCut,
    /// A float that is no whole number, or too large to be exact, where an id was expected.
    FractionalId,
}

const REASONS: [Reason; 24] = [
    Reason::MissingAccount,
    Reason::MissingKind,
    Reason::BadKind,
    Reason::UnknownKind,
    Reason::InvalidUtf8,
    Reason::ControlCharacter,
    Reason::TooLong,
    Reason::BadIp,
    Reason::BadTime,
    Reason::FutureTime,
    Reason::AncientTime,
    Reason::BadNumber,
    Reason::BadTokens,
    Reason::BadStatus,
    Reason::FieldCount,
    Reason::QuotedLines,
    Reason::BadJson,
    Reason::NestedValue,
    Reason::FieldTwice,
    Reason::UnknownField,
    Reason::TooManyLabels,
    Reason::OtherTimeUnit,
    Reason::LastLineCut,
    Reason::FractionalId,
];

impl Reason {
    /// Whether it is somebody's way to write what isn't needed: told, and held against neither the row nor the run.
    pub(crate) fn is_only_told(self) -> bool {
        self == Reason::BadStatus
    }

    /// The reason as it stands in the rejects file.
    pub fn name(self) -> &'static str {
        match self {
            Reason::MissingAccount => "missing_account",
            Reason::MissingKind => "missing_kind",
            Reason::BadKind => "bad_kind",
            Reason::UnknownKind => "unknown_kind",
            Reason::InvalidUtf8 => "invalid_utf8",
            Reason::ControlCharacter => "control_character",
            Reason::TooLong => "too_long",
            Reason::BadIp => "bad_ip",
            Reason::BadTime => "bad_time",
            Reason::FutureTime => "future_time",
            Reason::AncientTime => "ancient_time",
            Reason::BadNumber => "bad_number",
            Reason::BadTokens => "bad_tokens",
            Reason::BadStatus => "bad_status",
            Reason::FieldCount => "field_count",
            Reason::QuotedLines => "quoted_lines",
            Reason::BadJson => "bad_json",
            Reason::NestedValue => "nested_value",
            Reason::FieldTwice => "field_twice",
            Reason::UnknownField => "unknown_field",
            Reason::TooManyLabels => "too_many_labels",
            Reason::OtherTimeUnit => "other_time_unit",
            Reason::LastLineCut => "last_line_cut",
            Reason::FractionalId => "fractional_id",
        }
    }

    /// What was expected instead.
    pub fn expected(self) -> Cow<'static, str> {
        let expected = match self {
            Reason::MissingAccount => "every row needs an account",
            Reason::MissingKind => "every row needs a kind",
            Reason::BadKind => "a kind has letters, digits, _, - and ., 64 of them at most",
            Reason::UnknownKind => return Cow::Owned(format!("declare it with {MAP}, or give {ALLOW_KINDS}")),
            Reason::InvalidUtf8 => "UTF-8 was expected",
            Reason::ControlCharacter => "text without control characters was expected",
            Reason::TooLong => "values of at most 1024 bytes, in lines of at most 8 MiB, were expected",
            Reason::BadIp => "an IPv4 or IPv6 address was expected, a list of hops that ends in some, or nothing",
            Reason::BadTime => {
                "a time as 2026-05-01T10:00:00Z or a number since the epoch was expected (a day and a time of day in two columns are \
                 to be joined into one)"
            }
            Reason::FutureTime => "a time of at most a day from now was expected",
            Reason::AncientTime => "a time since the year 2000 was expected, or nothing",
            Reason::BadNumber => "a whole number from 1 to 4,294,967,295 was expected",
            Reason::BadTokens => "a whole number was expected, or nothing",
            Reason::BadStatus => "a number as 200 or 429 was expected, or nothing",
            Reason::FieldCount => "as many fields as the header has were expected",
            Reason::QuotedLines => {
                "text over several lines was expected in a prompt only, or where nothing is read: a quote that isn't one?"
            }
            Reason::BadJson => "one JSON object a line was expected",
            Reason::NestedValue => {
                return Cow::Owned(format!(
                    "text or a number was expected; name a field in an object by its path with {COLUMNS} (ip=client.ip), and flatten \
                     lists, with jq for instance"
                ));
            }
            Reason::FieldTwice => "one value for each name in an object was expected: readers differ in which of two they take",
            Reason::UnknownField => return Cow::Owned(format!("leave it out, or give {SCHEMA} auto")),
            Reason::OtherTimeUnit => {
                "a time as most of the file's are, in RFC 3339 or the same unit since the epoch, was expected"
            }
            Reason::LastLineCut => {
                "a whole line with a newline at its end was expected: the last line is cut, so the file wasn't written or copied to its end"
            }
            Reason::FractionalId => {
                "an id as text or as a whole number was expected, and not as a float with a fraction, or so large that it lost digits"
            }
            Reason::TooManyLabels => {
                "at most 65,535 different models, capabilities or pathways were expected; those of most rows are kept"
            }
        };
        Cow::Borrowed(expected)
    }

    /// The reason of a name.
    pub(crate) fn of_name(name: &str) -> Option<Reason> {
        REASONS.into_iter().find(|reason| reason.name() == name)
    }

    pub(crate) fn code(self) -> u32 {
        self as u32
    }

    pub(crate) fn of_code(code: u32) -> Reason {
        REASONS[code as usize]
    }
}

/// Longest value that is kept.
pub const MAX_VALUE_BYTES: usize = 1024;

/// What systems write where they have nothing to write.
const ABSENT: [&str; 12] =
    ["-", "\\N", "null", "(null)", "<null>", "nil", "none", "nan", "n/a", "#n/a", "undefined", "unknown"];

/// Whether a value is a word for nothing, in any case: accounts that share it would share nothing.
pub fn is_absent(text: &str) -> bool {
    text.len() <= 9 && ABSENT.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// A value as text: trimmed, UTF-8, at most [`MAX_VALUE_BYTES`], without control characters. May be empty.
///
/// # Errors
/// Which of these it isn't.
pub fn text(raw: &[u8]) -> Result<&str, Reason> {
    // Without a way out in between, so that many bytes are looked at at once.
    if raw.len() <= MAX_VALUE_BYTES && raw.iter().fold(true, |plain, byte| plain & (0x21..=0x7e).contains(byte)) {
        return std::str::from_utf8(raw).map_err(|_| Reason::InvalidUtf8);
    }
    let trimmed = raw.trim_ascii();
    if trimmed.len() > MAX_VALUE_BYTES {
        return Err(Reason::TooLong);
    }
    let text = std::str::from_utf8(trimmed).map_err(|_| Reason::InvalidUtf8)?;
    if text.chars().any(char::is_control) { Err(Reason::ControlCharacter) } else { Ok(text.trim()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_trimmed_and_checked() {
        assert_eq!(text("\u{a0} é\t".as_bytes()), Ok("é"));
        assert_eq!(text(b"a\0b"), Err(Reason::ControlCharacter));
        assert_eq!(text(b"a\xffb"), Err(Reason::InvalidUtf8));
        assert_eq!(text(&[b'a'; 1025]), Err(Reason::TooLong));
    }

    #[test]
    fn words_for_nothing_are_told_from_values() {
        assert!(["NULL", "None", "\\N", "-", "N/A", "Unknown"].into_iter().all(is_absent));
        assert!(!["", "0", "no", "nonesuch", "na", "null-7", "--"].into_iter().any(is_absent));
    }

    #[test]
    fn codes_and_reasons_are_inverse() {
        for (code, reason) in REASONS.iter().enumerate() {
            assert_eq!(reason.code() as usize, code);
            assert_eq!(Reason::of_code(code as u32), *reason);
            assert_eq!(Reason::of_name(reason.name()), Some(*reason));
        }
    }
}
