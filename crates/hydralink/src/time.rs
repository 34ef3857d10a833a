//! Times as people and other tools read them.

use graph::{NO_TIME, Seconds};

use crate::error::Error;

/// RFC 3339 in UTC with whole seconds, or `None` where the input gave no time.
pub fn rfc3339(seconds: Seconds) -> Option<String> {
    if seconds == NO_TIME {
        return None;
    }
    jiff::Timestamp::from_second(i64::from(seconds)).ok().map(|time| time.to_string())
}

/// The first and the last second that a time names: `2026-03-03` (that day, UTC) or RFC 3339.
///
/// # Errors
/// [`Error::Usage`] with what was expected.
pub fn seconds_of(text: &str) -> Result<(Seconds, Seconds), Error> {
    let day = text.parse::<jiff::civil::Date>().ok().filter(|_| text.len() == "2026-03-03".len());
    let second = match day {
        Some(day) => day.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|start| start.timestamp().as_second()),
        None => text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second),
    };
    let length = if day.is_some() { 86_400 } else { 1 };
    let seconds = second.and_then(|first| {
        let last = Seconds::try_from(first + length - 1).ok()?;
        Some((Seconds::try_from(first).ok()?, last))
    });
    seconds.filter(|&(first, _)| first != NO_TIME).ok_or_else(|| {
        Error::Usage(format!("{text} is no time: give a day (2026-03-03, in UTC) or RFC 3339 (2026-03-03T12:00:00Z)"))
    })
}

/// A length of time in seconds, as in `90d` or `12 hours`.
///
/// # Errors
/// [`Error::Usage`] with what was expected.
pub fn length_of(text: &str) -> Result<Seconds, Error> {
    let length = events::normalise::kind::Length::try_from(text.to_owned());
    length.map(|length| length.0).map_err(|_| Error::Usage(format!("{text} is no length of time such as 90d or 12h")))
}

/// Counts of the days (`YYYY-MM-DD`, ascending) that have any, as the first day and the counts of all days up to the last.
pub(crate) fn without_gaps(days: &[(String, u64)]) -> Option<(jiff::civil::Date, Vec<u64>)> {
    let parsed: std::collections::BTreeMap<jiff::civil::Date, u64> =
        days.iter().filter_map(|(day, count)| Some((day.parse().ok()?, *count))).collect();
    let (&first, &last) = (parsed.first_key_value()?.0, parsed.last_key_value()?.0);
    let all = first.series(jiff::Span::new().days(1)).take_while(|day| *day <= last);
    Some((first, all.map(|day| parsed.get(&day).copied().unwrap_or(0)).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_meant_up_to_its_end() {
        assert_eq!(seconds_of("1970-01-02").unwrap(), (86_400, 2 * 86_400 - 1));
        assert_eq!(seconds_of("1970-01-02T00:00:00Z").unwrap(), (86_400, 86_400));
        assert_eq!(seconds_of("1970-01-02T01:00:00+01:00").unwrap(), (86_400, 86_400));
        assert_eq!(length_of("90d").unwrap(), 90 * 86_400);
        assert!(length_of("90").is_err());
        for text in ["", "yesterday", "2026-02-30", "1960-01-01", "2200-01-01"] {
            assert!(matches!(seconds_of(text), Err(Error::Usage(what)) if what.contains("2026-03-03")), "{text}");
        }
    }

    #[test]
    fn days_without_any_are_zero_and_not_missing() {
        let days = [("2026-02-27".to_owned(), 3), ("2026-03-02".to_owned(), 5)];
        let (first, counts) = without_gaps(&days).expect("days");
        assert_eq!((first.to_string().as_str(), counts), ("2026-02-27", vec![3, 0, 0, 5]));
        assert_eq!(without_gaps(&[]), None);
    }
}
