//! Times as people and other tools read them.

use graph::{NO_TIME, Seconds};

/// RFC 3339 in UTC with whole seconds, or `None` where the input gave no time.
pub fn rfc3339(seconds: Seconds) -> Option<String> {
    if seconds == NO_TIME {
        return None;
    }
    jiff::Timestamp::from_second(i64::from(seconds)).ok().map(|time| time.to_string())
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
    fn days_without_any_are_zero_and_not_missing() {
        let days = [("2026-02-27".to_owned(), 3), ("2026-03-02".to_owned(), 5)];
        let (first, counts) = without_gaps(&days).expect("days");
        assert_eq!((first.to_string().as_str(), counts), ("2026-02-27", vec![3, 0, 0, 5]));
        assert_eq!(without_gaps(&[]), None);
    }
}
