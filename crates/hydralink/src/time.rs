//! Times as people and other tools read them.

use graph::{NO_TIME, Seconds};

/// RFC 3339 in UTC with whole seconds, or `None` where the input gave no time.
pub fn rfc3339(seconds: Seconds) -> Option<String> {
    if seconds == NO_TIME {
        return None;
    }
    jiff::Timestamp::from_second(i64::from(seconds)).ok().map(|time| time.to_string())
}

/// The later of two first sightings is lost, the earlier kept; `NO_TIME` never wins.
pub(crate) fn earliest(a: Seconds, b: Seconds) -> Seconds {
    match (a, b) {
        (NO_TIME, time) | (time, NO_TIME) => time,
        _ => a.min(b),
    }
}
