//! When was this? RFC 3339, the time of a common log line (Apache's), or a number of seconds, milli-, micro- or nanoseconds
//! since the Unix epoch.
//!
//! The years 2000 to 2100 occupy disjoint ranges of numbers in the four epoch units (9.5e8 to 4.1e9 seconds, a thousand times
//! that in milliseconds, ...), so each number names its unit. The unit of a file is that of more than half of its first times
//! ([`FirstUnits`]), and times in another are rejected: one client that writes its own stops nobody else. A file of which no unit
//! can be told, and in which two occur, is refused as a whole ([`UnitsSeen`]): one of them must be wrong, and no value tells which.

use std::fmt;
use std::str::FromStr;

use jiff::tz::{Offset, TimeZone};

use super::{Reason, is_absent};

/// Where times without an offset were written down: UTC unless said otherwise.
///
/// When clocks go back an hour of local time occurs twice: its first occurrence is taken. When they go forward an hour doesn't
/// occur: a time in it is read with the offset that held before, and so lies after the change. (RFC 5545, section 3.3.5.)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zone(Option<TimeZone>);

impl Zone {
    /// Coordinated universal time.
    pub(crate) const UTC: Zone = Zone(None);

    /// The time, in milliseconds since the epoch, at which clocks there show what UTC's show at `millis`.
    pub fn of_local(&self, millis: i64) -> i64 {
        let Some(zone) = &self.0 else { return millis };
        let Ok(shown) = jiff::Timestamp::from_millisecond(millis) else { return millis };
        let civil = Offset::UTC.to_datetime(shown);
        zone.to_ambiguous_timestamp(civil).compatible().map_or(millis, jiff::Timestamp::as_millisecond)
    }
}

impl FromStr for Zone {
    type Err = String;

    /// `UTC`, a name of the IANA time zone database, or an offset (`+02:00`).
    fn from_str(text: &str) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("utc") || text.eq_ignore_ascii_case("z") {
            return Ok(Zone::UTC);
        }
        if let Some(rest) = text.strip_prefix(['+', '-']) {
            let seconds =
                offset(text.as_bytes()).ok_or_else(|| format!("{text} is no offset; write one as +02:00 (found {rest:?})"))?;
            let offset = i32::try_from(seconds).ok().and_then(|seconds| Offset::from_seconds(seconds).ok());
            return offset.map(|offset| Zone(Some(TimeZone::fixed(offset)))).ok_or_else(|| format!("{text} is out of range"));
        }
        TimeZone::get(text).map(|zone| Zone(Some(zone))).map_err(|_| {
            let names: Vec<String> = jiff::tz::db().available().map(|name| name.as_str().to_string()).collect();
            let near = crate::error::nearest(text, names.iter().map(String::as_str));
            let hint = near.map_or(String::new(), |near| format!("; did you mean {near}?"));
            format!("unknown time zone {text}{hint} (UTC, an offset such as +02:00, or an IANA name such as Europe/Berlin)")
        })
    }
}

impl fmt::Display for Zone {
    /// As it is read.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(zone) = &self.0 else { return out.write_str("UTC") };
        match (zone.iana_name(), zone.to_fixed_offset()) {
            (Some(name), _) => out.write_str(name),
            (None, Ok(offset)) => {
                let minutes = offset.seconds().abs() / 60;
                let sign = if offset.is_negative() { '-' } else { '+' };
                write!(out, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
            (None, Err(_)) => out.write_str("UTC"),
        }
    }
}

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    /// RFC 3339; without an offset it is of the caller's [`Zone`].
    Rfc3339,
    /// Seconds since the epoch.
    Seconds,
    /// Milliseconds since the epoch.
    Millis,
    /// Microseconds since the epoch.
    Micros,
    /// Nanoseconds since the epoch.
    Nanos,
}

const UNITS: [Unit; 5] = [Unit::Rfc3339, Unit::Seconds, Unit::Millis, Unit::Micros, Unit::Nanos];

impl Unit {
    /// The unit's name.
    pub fn name(self) -> &'static str {
        ["RFC 3339", "epoch seconds", "epoch milliseconds", "epoch microseconds", "epoch nanoseconds"][self as usize]
    }
}

const YEAR_2000: i64 = 946_684_800;
const YEAR_2100: i64 = 4_102_444_800;

/// Reads a time as milliseconds since the epoch; nothing if it is empty or a word for nothing. RFC 3339 without an offset is of
/// `zone`.
///
/// # Errors
/// [`Reason::BadTime`], [`Reason::AncientTime`].
pub fn parse(raw: &[u8], zone: &Zone) -> Result<Option<(i64, Unit)>, Reason> {
    let text = raw.trim_ascii();
    if text.is_empty() {
        return Ok(None);
    }
    let is_float = memchr::memchr2(b'e', b'E', text).is_some();
    let written_out = if is_float { without_exponent(text) } else { None };
    let text = written_out.as_deref().unwrap_or(text);
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 && std::str::from_utf8(text).is_ok_and(is_absent) {
        return Ok(None);
    }
    if digits == text.len() {
        let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(Reason::BadTime)?;
        return epoch(number).map(Some);
    }
    if text[0] == b'-' && text[1..].iter().all(u8::is_ascii_digit) {
        return Err(Reason::AncientTime);
    }
    if digits >= 9 && text[digits] == b'.' {
        let (whole, fraction) = (&text[..digits], &text[digits + 1..]);
        if !fraction.iter().all(u8::is_ascii_digit) {
            return Err(Reason::BadTime);
        }
        let number: i64 = std::str::from_utf8(whole).ok().and_then(|text| text.parse().ok()).ok_or(Reason::BadTime)?;
        let (millis, unit) = epoch(number)?;
        return Ok(Some(match unit {
            Unit::Seconds => (millis + thousandths(fraction), unit),
            // A float of so many nanoseconds is wrong by up to 128 of them: of 123 ms it may have 122.9999.
            Unit::Nanos => ((number + 500) / 1000 / 1000, unit),
            _ => (millis, unit),
        }));
    }
    let (millis, local) = rfc3339(text).or_else(|| rfc3339(&of_common_log(text)?)).ok_or(Reason::BadTime)?;
    let millis = if local { zone.of_local(millis) } else { millis };
    if millis < YEAR_2000 * 1000 { Err(Reason::AncientTime) } else { Ok(Some((millis, Unit::Rfc3339))) }
}

/// A number with an exponent (`1.7723232e+12`) without it, digit by digit, so that none is lost; always with a point, for it is a
/// float's. Nothing if it is none, or no number that can be a time.
fn without_exponent(text: &[u8]) -> Option<Vec<u8>> {
    let at = memchr::memchr2(b'e', b'E', text)?;
    let (mantissa, exponent) = (&text[..at], std::str::from_utf8(&text[at + 1..]).ok()?);
    let point = memchr::memchr(b'.', mantissa).unwrap_or(mantissa.len());
    let fraction = mantissa.get(point + 1..).unwrap_or_default();
    let digits = [&mantissa[..point], fraction].concat();
    let exponent: usize = exponent.strip_prefix('+').unwrap_or(exponent).parse().ok()?;
    let whole = point + exponent;
    if point == 0 || whole > LONGEST_NUMBER || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digit = |at: usize| digits.get(at).copied().unwrap_or(b'0');
    let mut plain: Vec<u8> = (0..whole).map(digit).collect();
    plain.push(b'.');
    plain.extend(digits.get(whole..).filter(|left| !left.is_empty()).unwrap_or(b"0"));
    Some(plain)
}

/// Digits of the largest number that is a time, in nanoseconds.
const LONGEST_NUMBER: usize = 19;

/// Whether this is a day alone (`2026-03-01`).
pub(crate) fn is_day(raw: &[u8]) -> bool {
    let text = raw.trim_ascii();
    text.len() == DAY_LENGTH && rfc3339(text).is_some()
}

const DAY_LENGTH: usize = "2026-03-01".len();

/// Whether this is what systems write that must write a time where there is none: nothing or less since the epoch, a time on the
/// epoch's day, wherever that was, or before it, or a day of zeros.
pub(crate) fn is_zero(raw: &[u8]) -> bool {
    const DAY: i64 = 86_400_000;
    let text = raw.trim_ascii();
    let is_number =
        |digits: &[u8]| digits.iter().any(u8::is_ascii_digit) && digits.iter().all(|&byte| b"0123456789.".contains(&byte));
    let is_least = match text.strip_prefix(b"-") {
        Some(digits) => is_number(digits),
        None => is_number(text) && text.iter().all(|&byte| b"0.".contains(&byte)),
    };
    is_least || text.starts_with(b"0000-00-00") || rfc3339(text).is_some_and(|(millis, _)| millis < DAY)
}

/// A number since the epoch, its unit told by its size.
///
/// # Errors
/// [`Reason::AncientTime`] below any unit's range, [`Reason::BadTime`] between or above them.
pub fn epoch(number: i64) -> Result<(i64, Unit), Reason> {
    for (unit, scale) in [(Unit::Seconds, 1i64), (Unit::Millis, 1000), (Unit::Micros, 1_000_000), (Unit::Nanos, 1_000_000_000)]
    {
        let range = YEAR_2000 * scale..YEAR_2100.saturating_mul(scale);
        if range.contains(&number) {
            let millis = if scale == 1 { number * 1000 } else { number / (scale / 1000) };
            return Ok((millis, unit));
        }
    }
    Err(if number < YEAR_2000 { Reason::AncientTime } else { Reason::BadTime })
}

fn thousandths(fraction: &[u8]) -> i64 {
    (0..3).fold(0, |sum, at| sum * 10 + fraction.get(at).map_or(0, |byte| i64::from(byte - b'0')))
}

/// RFC 3339 with `T`, `t` or a space, an optional fraction, and `Z`, an offset or nothing; whether it was nothing. Seconds may be
/// missing, and so may all but the day, which is its midnight. Offsets are also read as PostgreSQL (`+00`), `strftime` (`+0200`),
/// Ruby (` +0200`) and Go (` +0200 CEST`) write them.
fn rfc3339(text: &[u8]) -> Option<(i64, bool)> {
    let number = |range: std::ops::Range<usize>| -> Option<i64> {
        text.get(range)?.iter().try_fold(0i64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
    };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let is_day = text.len() == DAY_LENGTH;
    let has_seconds = text.get(16) == Some(&b':');
    let (hour, minute) = if is_day { (0, 0) } else { (number(11..13)?, number(14..16)?) };
    let second = if has_seconds { number(17..19)? } else { 0 };
    let of_time = || matches!(text[10], b'T' | b't' | b' ') && text[13] == b':';
    let punctuation = text[4] == b'-' && text[7] == b'-' && (is_day || of_time());
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        _ => return None,
    };
    if !punctuation || day < 1 || day > days || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut rest: &[u8] = match (is_day, has_seconds) {
        (true, _) => &[],
        (_, true) => &text[19..],
        _ => &text[16..],
    };
    let mut millis = 0;
    if let Some(fraction) = rest.strip_prefix(b".").or_else(|| rest.strip_prefix(b",")).filter(|_| has_seconds) {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return None;
        }
        millis = thousandths(&fraction[..digits]);
        rest = &fraction[digits..];
    }
    let offset = match rest {
        b"" | b"Z" | b"z" | b" UTC" => 0,
        _ => offset(spaced(rest))?,
    };
    // Days from civil, H. Hinnant, "chrono-compatible low-level date algorithms".
    let shifted = year - i64::from(month <= 2);
    let era = shifted.div_euclid(400);
    let of_era = shifted - era * 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(((days * 86_400 + hour * 3600 + minute * 60 + second - offset) * 1000 + millis, rest.is_empty()))
}

/// The time of a common log line (`10/Oct/2000:13:55:36 -0700`, with or without its brackets) as RFC 3339 has it.
fn of_common_log(text: &[u8]) -> Option<Vec<u8>> {
    const MONTHS: [&[u8; 3]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    let text = text.strip_prefix(b"[").and_then(|text| text.strip_suffix(b"]")).unwrap_or(text);
    let (day, month, year, rest) = (text.get(..2)?, text.get(3..6)?, text.get(7..11)?, text.get(12..)?);
    let month = MONTHS.iter().position(|known| known.eq_ignore_ascii_case(month))? + 1;
    if (text[2], text[6], text[11]) != (b'/', b'/', b':') {
        return None;
    }
    Some([year, format!("-{month:02}-").as_bytes(), day, b"T", rest].concat())
}

/// An offset without the space before it, and without the zone's abbreviation behind it.
fn spaced(text: &[u8]) -> &[u8] {
    let Some(text) = text.strip_prefix(b" ") else { return text };
    match text.iter().position(|&byte| byte == b' ') {
        Some(end) if text[end + 1..].iter().all(u8::is_ascii_alphabetic) => &text[..end],
        _ => text,
    }
}

/// Seconds east of UTC: `+02:00`, `+0200` or `+02`.
fn offset(text: &[u8]) -> Option<i64> {
    match text {
        [_, _, _] => offset(&[text, b":00"].concat()),
        [sign, h1, h2, m1, m2] => offset(&[*sign, *h1, *h2, b':', *m1, *m2]),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] if [h1, h2, m1, m2].iter().all(|byte| byte.is_ascii_digit()) => {
            let two = |high: &u8, low: &u8| i64::from(high - b'0') * 10 + i64::from(low - b'0');
            let (hours, minutes) = (two(h1, h2), two(m1, m2));
            let seconds = (hours * 60 + minutes) * if *sign == b'+' { 60 } else { -60 };
            (hours <= 23 && minutes <= 59).then_some(seconds)
        }
        _ => None,
    }
}

/// The units of the first times of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FirstUnits {
    counts: [usize; 5],
    days: usize,
}

impl FirstUnits {
    /// Rows that are looked at.
    pub const ROWS: usize = 1000;

    /// Counts a time that can be read.
    pub fn note(&mut self, time: Result<Option<(i64, Unit)>, Reason>) {
        if let Ok(Some((_, unit))) = time {
            self.counts[unit as usize] += 1;
        }
    }

    /// The same of a time as it is written.
    pub(crate) fn note_text(&mut self, raw: &[u8], zone: &Zone) {
        self.days += usize::from(is_day(raw));
        self.note(parse(raw, zone));
    }

    /// Whether all of them are days.
    pub(crate) fn are_days(&self) -> bool {
        self.days > 0 && self.days == self.counts.iter().sum::<usize>()
    }

    /// The unit of more than half of them.
    pub fn most(&self) -> Option<Unit> {
        let all: usize = self.counts.iter().sum();
        UNITS.into_iter().find(|&unit| 2 * self.counts[unit as usize] > all)
    }
}

/// The first place at which each unit occurred in a column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitsSeen {
    first: [Option<u64>; 5],
}

impl UnitsSeen {
    /// Notes a unit at a row.
    pub fn note(&mut self, unit: Unit, row: u64) {
        let first = &mut self.first[unit as usize];
        if first.is_none_or(|known| row < known) {
            *first = Some(row);
        }
    }

    /// Adds what was seen elsewhere in the column.
    pub fn merge(&mut self, other: &UnitsSeen) {
        for (mine, theirs) in self.first.iter_mut().zip(other.first) {
            *mine = match (*mine, theirs) {
                (Some(one), Some(two)) => Some(one.min(two)),
                (one, two) => one.or(two),
            };
        }
    }

    /// Two units and their rows, if there are two.
    pub fn mixed(&self) -> Option<[(Unit, u64); 2]> {
        let mut seen = UNITS.into_iter().filter_map(|unit| self.first[unit as usize].map(|row| (unit, row)));
        Some([seen.next()?, seen.next()?])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn common_log_lines_are_read() {
        let read = |text: &str| parse(text.as_bytes(), &Zone::default()).map(|found| found.map(|(millis, _)| millis));
        let expected = Ok(Some(971_211_336_000));
        assert_eq!(read("10/Oct/2000:13:55:36 -0700"), expected);
        assert_eq!(read("[10/Oct/2000:13:55:36 -0700]"), expected);
        assert_eq!(read("10/Oct/2000:20:55:36"), expected, "without an offset it is of the zone");
        for bad in ["31/Feb/2026:00:00:00 +0000", "10/Okt/2000:13:55:36 -0700", "02/02/2026 00:00:38", "10/Oct/2000 13:55:36"] {
            assert_eq!(read(bad), Err(Reason::BadTime), "{bad}");
        }
    }

    #[test]
    fn one_instant_in_every_spelling() {
        let at = 1_700_000_000_123;
        for text in ["2023-11-14T22:13:20.123Z", "2023-11-14 22:13:20.1239", "2023-11-15T00:13:20.123+02:00", "1700000000.123"]
        {
            assert_eq!(parse(text.as_bytes(), &Zone::default()).unwrap().unwrap().0, at, "{text}");
        }
        for text in ["1700000000123", "1700000000123456", "1700000000123456789"] {
            assert_eq!(parse(text.as_bytes(), &Zone::default()).unwrap().unwrap().0, at, "{text}");
        }
        let spellings = ["+02", "+0200", " +0200", " +0200 CEST", " +02:00"];
        for text in spellings.map(|offset| format!("2023-11-15 00:13:20,123{offset}")) {
            assert_eq!(parse(text.as_bytes(), &Zone::default()).unwrap().unwrap().0, at, "{text}");
        }
        for nothing in [" ", "NULL", "\\N", "-"] {
            assert_eq!(parse(nothing.as_bytes(), &Zone::default()), Ok(None));
        }
        let floats = [
            ("1.700000000123e+09", Unit::Seconds),
            ("1.700000000123e+12", Unit::Millis),
            ("17000000001234.56E+2", Unit::Micros),
            // The float that is nearest to ...123,000,000.
            ("1.700000000123e18", Unit::Nanos),
            ("1.7000000001229999e18", Unit::Nanos),
            ("1700000000122999808.0", Unit::Nanos),
        ];
        for (text, unit) in floats {
            assert_eq!(parse(text.as_bytes(), &Zone::default()), Ok(Some((at, unit))), "{text}");
        }
    }

    #[test]
    fn seconds_and_the_time_of_day_may_be_missing() {
        let berlin: Zone = "Europe/Berlin".parse().unwrap();
        let read = |text: &str, zone: &Zone| parse(text.as_bytes(), zone).unwrap().unwrap();
        let utc = Zone::default();
        for text in ["2026-03-01 10:00", "2026-03-01T10:00Z", "2026-03-01T12:00+02:00", "01/Mar/2026:10:00 +0000"] {
            assert_eq!(read(text, &utc), read("2026-03-01T10:00:00Z", &utc), "{text}");
        }
        assert_eq!(read("2026-03-01", &utc), read("2026-03-01T00:00:00Z", &utc));
        assert_eq!(read("2026-03-01", &berlin), read("2026-02-28T23:00:00Z", &utc), "a day is its midnight there");
        assert!(is_day(b" 2026-03-01") && !is_day(b"2026-03-01T10:00Z") && !is_day(b"2026-13-01") && !is_day(b"0123456789"));
    }

    #[test]
    fn what_is_no_time_is_rejected() {
        for text in [
            "2023-02-29T00:00:00Z",
            "2023-13-01T00:00:00Z",
            "yesterday",
            "2023-11-1",
            "2023-02-29",
            "2023-11-14T22",
            "2023-11-14T22:13.5",
            "2023-11-14T22:1",
            "50000000000",
            "1.7e",
            "1.7e-9",
            "1.7723232e99",
            ".17723232e13",
            "1.77x3232e12",
            "2023-11-14T22:13:20+2",
            "2023-11-14T22:13:20+020",
            "2023-11-14T22:13:20 +0200 7",
            "2023-11-14T22:13:20 CEST",
        ] {
            assert_eq!(parse(text.as_bytes(), &Zone::default()), Err(Reason::BadTime), "{text}");
        }
        for text in ["0", "-5", "1999-12-31T23:59:59Z", "12345"] {
            assert_eq!(parse(text.as_bytes(), &Zone::default()), Err(Reason::AncientTime), "{text}");
        }
    }

    #[test]
    fn local_times_follow_the_clocks_of_their_zone() {
        let read = |zone: &str, text: &str| parse(text.as_bytes(), &zone.parse().unwrap()).unwrap().unwrap().0;
        let berlin = |text| read("Europe/Berlin", text);
        assert_eq!(berlin("2025-01-15T12:00:00"), berlin("2025-01-15T11:00:00Z"));
        assert_eq!(berlin("2025-07-15 12:00:00.5"), berlin("2025-07-15T10:00:00.5Z"));
        // 02:30 occurred twice on this day: the first time, in summer time.
        assert_eq!(berlin("2025-10-26T02:30:00"), berlin("2025-10-26T00:30:00Z"));
        // 02:30 never occurred on this day: half an hour after clocks went from 02:00 to 03:00.
        assert_eq!(berlin("2025-03-30T02:30:00"), berlin("2025-03-30T01:30:00Z"));
        assert_eq!(read("-05:30", "2025-01-15T12:00:00"), berlin("2025-01-15T17:30:00Z"));
        assert_eq!(read("utc", "2025-01-15T12:00:00"), berlin("2025-01-15T12:00:00Z"));
        for text in ["UTC", "Europe/Berlin", "+02:00", "-09:30"] {
            assert_eq!(text.parse::<Zone>().unwrap().to_string(), text);
        }
        assert_eq!("+00".parse::<Zone>().unwrap().to_string().parse::<Zone>().unwrap().of_local(5), 5);
        let unknown = "Europe/Berlim".parse::<Zone>().unwrap_err();
        assert!(unknown.contains("Europe/Berlin?"), "{unknown}");
        assert!("+2".parse::<Zone>().is_err());
    }

    #[test]
    fn two_units_are_noticed_in_any_order() {
        let mut one = UnitsSeen::default();
        one.note(Unit::Millis, 9);
        let mut other = UnitsSeen::default();
        other.note(Unit::Seconds, 4);
        assert_eq!(one.mixed(), None);
        one.merge(&other);
        assert_eq!(one.mixed(), Some([(Unit::Seconds, 4), (Unit::Millis, 9)]));
    }

    proptest! {
        #[test]
        fn agrees_with_jiff_and_never_panics(seconds in YEAR_2000..YEAR_2100, bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let text = jiff::Timestamp::from_second(seconds).unwrap().to_string();
            prop_assert_eq!(parse(text.as_bytes(), &Zone::default()), Ok(Some((seconds * 1000, Unit::Rfc3339))));
            let _ = parse(&bytes, &Zone::default());
        }
    }
}
