//! The exact-time null: every account keeps its days, its volume on each day, its profile of the day and the rhythm inside a
//! day; only the alignment between accounts is broken.
//!
//! With F the account's cumulative profile of the day (24 hours, its own counts plus [`PRIOR`] events of the group's profile),
//! an event at time of day t has operational time u = F(t), uniform if the account follows its profile. A draw adds one uniform
//! offset for each account and day, modulo 1, and maps back: a circular shift inside the account's own daily profile. Cost of a
//! draw: O(n log n) in the events of the sample.

use graph::AccountId;

use super::BehaviourConfig;
use super::random::{Stream, key, sample};
use crate::Facts;

/// Weight, in events, of the group's profile in an account's.
const PRIOR: f64 = 8.0;
/// Milliseconds of a day.
const DAY: i64 = 86_400_000;
const HOUR: f64 = 3_600_000.0;

/// The sampled events of a group, ready to be shifted.
pub(crate) struct Shiftable {
    /// Milliseconds and local account of each event, by account and time.
    pub(crate) events: Vec<(i64, u32)>,
    /// Cumulative profile of each account, 25 values from 0 to 1.
    profiles: Vec<[f64; 25]>,
    /// Number of sampled accounts.
    pub(crate) account_count: usize,
}

impl Shiftable {
    /// Samples a group: `timed_accounts` accounts, `timed_events` consecutive events each, all from one stretch of time. `None`
    /// if fewer than two accounts or forty events are left.
    pub(crate) fn new(facts: &Facts<'_>, members: &[AccountId], config: &BehaviourConfig) -> Option<Shiftable> {
        let active: Vec<AccountId> =
            members.iter().copied().filter(|&account| facts.activity.of(account).time.len() > 1).collect();
        let chosen = sample(&active, config.timed_accounts, config.seed);
        let start = common_start(facts, &chosen)?;
        let (mut events, mut hours) = (Vec::new(), Vec::new());
        for &account in &chosen {
            let time = facts.activity.of(account).time;
            let from = time.partition_point(|&at| at < start).min(time.len().saturating_sub(config.timed_events));
            let part = &time[from..time.len().min(from + config.timed_events)];
            let local = hours.len() as u32;
            let mut counts = [0.0; 24];
            for &at in part {
                events.push((at, local));
                counts[(at.rem_euclid(DAY) as f64 / HOUR) as usize] += 1.0;
            }
            hours.push(counts);
        }
        if hours.len() < 2 || events.len() < 40 {
            return None;
        }
        let mut pooled = [0.0f64; 24];
        for counts in &hours {
            for hour in 0..24 {
                pooled[hour] += counts[hour] / events.len() as f64;
            }
        }
        let profiles = hours.iter().map(|counts| cumulative(counts, &pooled)).collect();
        Some(Shiftable { events, profiles, account_count: hours.len() })
    }

    /// The observed events, by time.
    pub(crate) fn observed(&self) -> Vec<(i64, u32)> {
        let mut events = self.events.clone();
        events.sort_unstable();
        events
    }

    /// One draw, by time.
    pub(crate) fn shifted(&self, seed: u64) -> Vec<(i64, u32)> {
        let mut shifted: Vec<(i64, u32)> = self
            .events
            .iter()
            .map(|&(at, account)| {
                let day = at.div_euclid(DAY);
                let offset = Stream::new(key(&[seed, u64::from(account), day as u64])).unit();
                let profile = &self.profiles[account as usize];
                let place = (operational(profile, at.rem_euclid(DAY)) + offset).fract();
                (day * DAY + time_of_day(profile, place), account)
            })
            .collect();
        shifted.sort_unstable();
        shifted
    }
}

/// Where the consecutive events start: the median of the accounts' middle events less a margin, so that the stretches overlap.
fn common_start(facts: &Facts<'_>, chosen: &[AccountId]) -> Option<i64> {
    let mut middles: Vec<i64> = chosen
        .iter()
        .map(|&account| {
            let time = facts.activity.of(account).time;
            time[time.len() / 2]
        })
        .collect();
    middles.sort_unstable();
    middles.get(middles.len() / 2).map(|&middle| middle - middle.rem_euclid(DAY))
}

fn cumulative(counts: &[f64; 24], pooled: &[f64; 24]) -> [f64; 25] {
    let total: f64 = counts.iter().sum::<f64>() + PRIOR;
    let mut profile = [0.0; 25];
    for hour in 0..24 {
        profile[hour + 1] = profile[hour] + (counts[hour] + PRIOR * pooled[hour]) / total;
    }
    profile
}

/// u = F(t).
fn operational(profile: &[f64; 25], time: i64) -> f64 {
    let hours = time as f64 / HOUR;
    let hour = (hours as usize).min(23);
    profile[hour] + (hours - hour as f64) * (profile[hour + 1] - profile[hour])
}

/// t = F^-1(u); inside an hour of probability 0 (never reached by u < 1) the hour's start.
fn time_of_day(profile: &[f64; 25], place: f64) -> i64 {
    let hour = (profile.partition_point(|&sum| sum <= place) - 1).min(23);
    let width = profile[hour + 1] - profile[hour];
    let inside = if width > 0.0 { ((place - profile[hour]) / width).clamp(0.0, 1.0) } else { 0.0 };
    (((hour as f64 + inside) * HOUR) as i64).min(DAY - 1)
}

/// Pairs of accounts active in the same window, summed over windows of `width` milliseconds, and active account-windows.
pub(crate) fn co_active(events: &[(i64, u32)], width: i64, seen: &mut [i64]) -> (f64, f64) {
    let (mut pairs, mut total, mut window, mut count) = (0.0, 0.0, i64::MIN, 0.0);
    for &(at, account) in events {
        let here = at.div_euclid(width);
        if here != window {
            pairs += count * (count - 1.0) / 2.0;
            total += count;
            (window, count) = (here, 0.0);
        }
        let last = &mut seen[account as usize];
        if *last != here {
            *last = here;
            count += 1.0;
        }
    }
    seen.fill(i64::MIN);
    (pairs + count * (count - 1.0) / 2.0, total + count)
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

    #[test]
    fn co_active_counts_pairs_of_distinct_accounts() {
        // Window 0 holds accounts 0, 1, 2 (0 twice): 3 pairs. Window 2 holds account 1 alone.
        let events = [(1, 0), (2, 0), (3, 1), (9, 2), (25, 1)];
        assert_eq!(co_active(&events, 10, &mut [i64::MIN; 3]), (3.0, 4.0));
    }
}
