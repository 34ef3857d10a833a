//! When things happen: the sixty days, the hours of the day, the two launches.
//!
//! A day's profile is turned into operational time: a uniform quantity on [0, 1) maps to the time of day at which that share of
//! the day's traffic has passed, so a renewal process in operational time becomes one with a daily rhythm.

use crate::config::DAYS;
use crate::random::{Domain, Streams};

/// Monday 2026-03-02 00:00 UTC, in milliseconds since the Unix epoch.
pub const START_MILLIS: i64 = 1_772_409_600_000;
/// Milliseconds in a minute.
pub(crate) const MINUTE: i64 = 60_000;
/// Milliseconds in an hour.
pub(crate) const HOUR: i64 = 60 * MINUTE;
/// Milliseconds in a day.
pub(crate) const DAY: i64 = 24 * HOUR;
/// The first launch: day 30, 12:00 UTC.
pub(crate) const LAUNCH: i64 = 30 * DAY + 12 * HOUR;
/// The second launch: day 48, 12:00 UTC.
pub(crate) const SECOND_LAUNCH: i64 = 48 * DAY + 12 * HOUR;
/// The end of the world.
pub(crate) const END: i64 = DAYS as i64 * DAY;

/// Model names; the last two are launched within the sixty days.
pub const MODELS: [&str; 5] = ["atlas-3-mini", "atlas-3", "atlas-3-pro", "atlas-4", "atlas-4-pro"];
/// When each model was released, in milliseconds after the start.
pub(crate) const RELEASED: [i64; 5] = [-210 * DAY, -210 * DAY, -120 * DAY, LAUNCH, SECOND_LAUNCH];
/// The model of the first launch.
pub(crate) const NEW_MODEL: u8 = 3;
/// The model of the second launch.
pub(crate) const NEWER_MODEL: u8 = 4;

/// When people, offices and machines are at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Rhythm {
    Leisure,
    Office,
    Machine,
    Relay,
}

const HOURLY: [[f64; 24]; 3] = [
    [1.2, 0.7, 0.4, 0.3, 0.3, 0.4, 0.9, 1.8, 2.6, 3.1, 3.4, 3.6, 3.8, 3.7, 3.8, 4.0, 4.2, 4.4, 4.7, 5.2, 5.6, 5.4, 4.2, 2.4],
    [0.2, 0.1, 0.1, 0.1, 0.1, 0.2, 0.6, 2.0, 5.6, 8.5, 9.2, 8.6, 5.8, 7.6, 9.0, 8.8, 8.0, 6.0, 3.0, 1.6, 1.2, 1.0, 0.7, 0.4],
    [3.3, 3.2, 3.1, 3.0, 3.0, 3.1, 3.3, 3.7, 4.2, 4.7, 5.0, 5.1, 4.9, 5.0, 5.2, 5.2, 5.1, 4.8, 4.5, 4.3, 4.2, 4.0, 3.8, 3.5],
];
/// A relay's traffic: .6 by the working day of UTC+8, .4 flat.
const RELAY_OFFICE_SHARE: f64 = 0.6;
const STEPS: usize = 1_024;

/// The inverse distribution functions of the rhythms.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    inverse: Vec<[f64; STEPS + 1]>,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let relay: [f64; 24] = std::array::from_fn(|hour| {
            let office: f64 = HOURLY[1].iter().sum();
            RELAY_OFFICE_SHARE * HOURLY[1][hour] / office + (1.0 - RELAY_OFFICE_SHARE) / 24.0
        });
        let profiles = [HOURLY[0], HOURLY[1], HOURLY[2], relay];
        Clock { inverse: profiles.iter().map(invert).collect() }
    }

    /// The time of day, in milliseconds of local time, at operational time `share`.
    #[inline]
    pub(crate) fn time_of_day(&self, rhythm: Rhythm, share: f64) -> i64 {
        let at = share.clamp(0.0, 1.0 - 1e-12) * STEPS as f64;
        let (step, rest) = (at as usize, at.fract());
        let table = &self.inverse[rhythm as usize];
        ((table[step] + (table[step + 1] - table[step]) * rest) * HOUR as f64) as i64
    }
}

/// Hour of the day as a function of the share of traffic that has passed.
fn invert(hourly: &[f64; 24]) -> [f64; STEPS + 1] {
    let total: f64 = hourly.iter().sum();
    let mut passed = [0.0; 25];
    for hour in 0..24 {
        passed[hour + 1] = passed[hour] + hourly[hour] / total;
    }
    std::array::from_fn(|step| {
        let share = step as f64 / STEPS as f64;
        let hour = passed[1..24].partition_point(|&edge| edge <= share);
        hour as f64 + ((share - passed[hour]) / (passed[hour + 1] - passed[hour])).min(1.0)
    })
}

/// How much of an average day's traffic falls on this day of the week.
pub(crate) fn weekday_factor(rhythm: Rhythm, day: u32) -> f64 {
    let weekend = day % 7 >= 5;
    match (rhythm, weekend) {
        (Rhythm::Leisure, false) => 0.96,
        (Rhythm::Leisure, true) => 1.1,
        (Rhythm::Office, false) => 1.36,
        (Rhythm::Office, true) => 0.1,
        (Rhythm::Machine, false) => 1.06,
        (Rhythm::Machine, true) => 0.85,
        (Rhythm::Relay, _) => 1.0,
    }
}

/// When a legitimate account of adoption quantile `quantile` turns to a model after its launch, in milliseconds; never for
/// most.
///
/// 2% of accounts within 6 hours and for good, 8% within 24 hours, 45% after 30 days.
fn adoption_delay(quantile: f64) -> Option<i64> {
    let hours = match quantile {
        q if q < 0.02 => 6.0 * q / 0.02,
        q if q < 0.08 => 6.0 + 18.0 * (q - 0.02) / 0.06,
        q if q < 0.45 => 24.0 * (30.0_f64).powf((q - 0.08) / 0.37),
        _ => return None,
    };
    Some((hours * HOUR as f64) as i64)
}

/// The model a legitimate account calls at `millis` after the start.
pub(crate) fn benign_model(streams: &Streams, account: u64, millis: i64, chance: f64) -> u8 {
    for (launch, model) in [(SECOND_LAUNCH, NEWER_MODEL), (LAUNCH, NEW_MODEL)] {
        if millis >= launch {
            let quantile = streams.unit(Domain::Adoption, account, u64::from(model));
            let switched = adoption_delay(quantile).is_some_and(|delay| millis >= launch + delay);
            if switched && (quantile < 0.02 || chance < 0.95) {
                return model;
            }
        }
    }
    older_model(streams.unit(Domain::Adoption, account, 0), chance)
}

/// A model from before the launches: each account has a favourite, called nine times of ten.
pub(crate) fn older_model(taste: f64, chance: f64) -> u8 {
    let favourite = if taste < 0.35 {
        0
    } else if taste < 0.85 {
        1
    } else {
        2
    };
    if chance < 0.9 { favourite } else { (favourite + 1) % 3 }
}

/// The share of a pivoting campaign on the new model: logistic with its midpoint 9 hours after the launch, saturating at 47.5%.
pub(crate) fn pivot_share(millis: i64) -> f64 {
    let hours = (millis - LAUNCH) as f64 / HOUR as f64;
    if hours < 0.0 { 0.0 } else { 0.475 / (1.0 + (-(hours - 9.0) / 2.5).exp()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operational_time_inverts_the_profile() {
        let clock = Clock::new();
        for rhythm in [Rhythm::Leisure, Rhythm::Office, Rhythm::Machine, Rhythm::Relay] {
            let times: Vec<i64> = (0..10_000).map(|at| clock.time_of_day(rhythm, f64::from(at) / 1e4)).collect();
            assert!(times.is_sorted() && times[0] >= 0 && times[9_999] < DAY);
        }
        let morning = (0..10_000).filter(|&at| clock.time_of_day(Rhythm::Office, f64::from(at) / 1e4) < 12 * HOUR).count();
        let expected = HOURLY[1][..12].iter().sum::<f64>() / HOURLY[1].iter().sum::<f64>();
        assert!((morning as f64 / 1e4 - expected).abs() < 0.002, "{morning}");
    }

    #[test]
    fn launches_are_adopted_at_the_stated_pace() {
        let streams = Streams::new(3);
        let share = |hours: i64| {
            let at = LAUNCH + hours * HOUR;
            (0..20_000).filter(|&account| benign_model(&streams, account, at, 0.5) == NEW_MODEL).count() as f64 / 2e4
        };
        // Four standard errors of a share near .08 of 20,000 are .008.
        assert!((share(6) - 0.02).abs() < 0.005 && (share(24) - 0.08).abs() < 0.008, "{} {}", share(6), share(24));
        assert!((pivot_share(LAUNCH + 9 * HOUR) - 0.2375).abs() < 1e-9);
        let day_after = pivot_share(LAUNCH + 24 * HOUR);
        assert!((0.45..=0.5).contains(&day_after) && pivot_share(LAUNCH - 1) == 0.0);
    }
}
