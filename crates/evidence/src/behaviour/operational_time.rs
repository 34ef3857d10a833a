//! What time it is for an account, by its own profile of the day.
//!
//! F is the account's cumulative profile of the day (24 hours, its own and a little of the group's, [`PRIOR`]): an event at time of
//! day t has operational time u = F(t), uniform from 0 to 1 if the account follows its profile. Cost: O(hours) an event.

use super::alignment::DAY;

/// With so many events an account's own profile says as much as the group's; of `n` more the group's weighs `PRIOR^2 / (n +
/// PRIOR)` events: jobs that run in one hour of the day must not stray into others in a draw.
const PRIOR: f64 = 8.0;
/// Milliseconds.
pub(crate) const HOUR: f64 = 3_600_000.0;

/// What time it is for each account, by its profile.
pub(crate) struct OperationalTime {
    /// Cumulative profile of each account, 25 values from 0 to 1.
    pub(crate) profiles: Vec<[f64; 25]>,
    /// Of each event, by turn and time.
    pub(crate) places: Vec<f64>,
}

impl OperationalTime {
    /// By account its hours, and the events as (day, account, millisecond of the day).
    pub(crate) fn new(hours: &[[f64; 24]], events: &[(i64, u32, i64)]) -> OperationalTime {
        let total: f64 = hours.iter().flatten().sum();
        let pooled: [f64; 24] = std::array::from_fn(|hour| hours.iter().map(|own| own[hour]).sum::<f64>() / total);
        let profiles: Vec<[f64; 25]> = hours.iter().map(|own| cumulative(own, &pooled)).collect();
        let places = events.iter().map(|&(_, account, at)| operational(&profiles[account as usize], at)).collect();
        OperationalTime { profiles, places }
    }
}

fn cumulative(counts: &[f64; 24], pooled: &[f64; 24]) -> [f64; 25] {
    let events = counts.iter().sum::<f64>();
    let prior = PRIOR * PRIOR / (events + PRIOR);
    let mut profile = [0.0; 25];
    for hour in 0..24 {
        profile[hour + 1] = profile[hour] + (counts[hour] + prior * pooled[hour]) / (events + prior);
    }
    profile
}

/// u = F(t).
pub(crate) fn operational(profile: &[f64; 25], time: i64) -> f64 {
    let hours = time as f64 / HOUR;
    let hour = (hours as usize).min(23);
    profile[hour] + (hours - hour as f64) * (profile[hour + 1] - profile[hour])
}

/// The fraction of a number from 0 to 2.
pub(crate) fn modulo_one(sum: f64) -> f64 {
    if sum >= 1.0 { sum - 1.0 } else { sum }
}

/// t = F^-1(u); inside an hour of probability 0 (never reached by u < 1) the hour's start.
pub(crate) fn time_of_day(profile: &[f64; 25], place: f64) -> i64 {
    // Counting all is faster than a search: it takes no guesses.
    let hour = profile[1..24].iter().map(|&sum| usize::from(sum <= place)).sum::<usize>();
    let width = profile[hour + 1] - profile[hour];
    let inside = if width > 0.0 { ((place - profile[hour]) / width).clamp(0.0, 1.0) } else { 0.0 };
    (((hour as f64 + inside) * HOUR) as i64).min(DAY - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operational_time_inverts() {
        let mut counts = [0.0; 24];
        counts[9] = 30.0;
        counts[14] = 10.0;
        let profile = cumulative(&counts, &[1.0 / 24.0; 24]);
        for time in (0..DAY).step_by(1_234_567) {
            assert!((time_of_day(&profile, operational(&profile, time)) - time).abs() <= 1);
        }
    }
}
