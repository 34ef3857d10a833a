//! The exact-time null: every account keeps its days, its volume on each day, its profile of the day and the rhythm inside a
//! day; only the alignment between accounts is broken.
//!
//! With F the account's cumulative profile of the day (24 hours, its own counts plus [`PRIOR`] events of the group's profile),
//! an event at time of day t has operational time u = F(t), uniform if the account follows its profile. A draw adds one uniform
//! offset for each account and day, modulo 1, and maps back: a circular shift inside the account's own daily profile.
//!
//! The tests of exact times (synchrony, anti-bunching, succession) read the same draws, made once: each p-value is valid by
//! itself, and whoever combines them allows for any dependence ([`super::combine`]).
//!
//! Cost of a draw: O(n log n) in the events of a day, for each day of the sample.

use std::ops::Range;

use graph::AccountId;

use super::BehaviourConfig;
use super::random::{Stream, group_key, key, sample};
use crate::Facts;

/// Weight, in events, of the group's profile in an account's.
const PRIOR: f64 = 8.0;
/// Milliseconds of a day.
const DAY: i64 = 86_400_000;
const HOUR: f64 = 3_600_000.0;

/// Widths of the windows of co-activity in seconds, each a part of a day: 1 s to 1 h.
pub(crate) const WIDTHS: [u32; 5] = [1, 10, 60, 600, 3_600];

/// What the tests of exact times read of one alignment of the accounts, the observed one or a draw.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Alignment {
    /// By width: pairs of accounts active in the same window, summed over windows.
    pub(crate) pairs: [f64; WIDTHS.len()],
    /// By width: windows in which an account is active, summed over accounts.
    pub(crate) windows: [f64; WIDTHS.len()],
    /// Mean over returning session starts of (accounts that started since) / (accounts - 1).
    pub(crate) stack_distance: f64,
    /// Session starts of accounts that started before.
    pub(crate) returns: usize,
}

/// The sampled events of a group and their alignments, each made when it is first asked for.
pub(crate) struct Alignments {
    events: Shiftable,
    seed: u64,
    gap: i64,
    observed: Alignment,
    draws: Vec<Alignment>,
    /// The events of the draw in the making, and the last window of each account.
    shifted: Vec<u64>,
    seen: Vec<u32>,
}

impl Alignments {
    /// Samples a group; `None` if that leaves fewer than two accounts or forty events.
    pub(crate) fn new(facts: &Facts<'_>, members: &[AccountId], config: &BehaviourConfig) -> Option<Alignments> {
        let events = Shiftable::new(facts, members, config)?;
        let (gap, mut seen) = (i64::from(config.session_gap) * 1000, vec![u32::MAX; events.profiles.len()]);
        let observed = align(&events.days, &events.observed, gap, &mut seen);
        let seed = group_key(config.seed, 1, members);
        Some(Alignments { events, seed, gap, observed, draws: Vec::new(), shifted: Vec::new(), seen })
    }

    /// Number of sampled accounts.
    pub(crate) fn account_count(&self) -> usize {
        self.events.profiles.len()
    }

    /// What happened.
    pub(crate) fn observed(&self) -> &Alignment {
        &self.observed
    }

    /// The `n`-th draw.
    pub(crate) fn draw(&mut self, n: usize) -> &Alignment {
        while self.draws.len() <= n {
            self.events.shift(key(&[self.seed, self.draws.len() as u64]), &mut self.shifted);
            self.draws.push(align(&self.events.days, &self.shifted, self.gap, &mut self.seen));
        }
        &self.draws[n]
    }
}

/// The events of a sample, ready to be shifted. An event is its millisecond of the day, then its account in the lower half.
struct Shiftable {
    /// Ascending.
    days: Vec<Day>,
    /// The events of one account on one day, by day and account.
    turns: Vec<Turn>,
    /// Operational time of each event, by turn and time.
    places: Vec<f64>,
    /// The observed events, by time.
    observed: Vec<u64>,
    /// Cumulative profile of each account, 25 values from 0 to 1.
    profiles: Vec<[f64; 25]>,
}

struct Day {
    /// Days since the first of the sample.
    number: u32,
    turns: Range<usize>,
    events: Range<usize>,
}

struct Turn {
    account: u32,
    /// Days since the epoch: what names the turn's offset.
    day: i64,
    events: Range<usize>,
}

impl Shiftable {
    /// Samples a group: `timed_accounts` accounts, `timed_events` consecutive events each, all from one stretch of time. `None`
    /// if fewer than two accounts or forty events are left.
    fn new(facts: &Facts<'_>, members: &[AccountId], config: &BehaviourConfig) -> Option<Shiftable> {
        let active: Vec<AccountId> =
            members.iter().copied().filter(|&account| facts.activity.of(account).time.len() > 1).collect();
        let chosen = sample(&active, config.timed_accounts, config.seed);
        let start = common_start(facts, &chosen)?;
        // (day, account, millisecond of the day)
        let (mut events, mut hours) = (Vec::new(), Vec::new());
        for &account in &chosen {
            let time = facts.activity.of(account).time;
            let from = time.partition_point(|&at| at < start).min(time.len().saturating_sub(config.timed_events));
            let part = &time[from..time.len().min(from + config.timed_events)];
            let local = hours.len() as u32;
            let mut counts = [0.0; 24];
            for &at in part {
                let of_day = at.rem_euclid(DAY);
                events.push((at.div_euclid(DAY), local, of_day));
                counts[(of_day as f64 / HOUR) as usize] += 1.0;
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
        let profiles: Vec<[f64; 25]> = hours.iter().map(|counts| cumulative(counts, &pooled)).collect();
        events.sort_unstable();
        let places = events.iter().map(|&(_, account, at)| operational(&profiles[account as usize], at)).collect();
        let mut observed: Vec<u64> = events.iter().map(|&(_, account, at)| packed(at, account)).collect();
        let (first, mut days, mut turns) = (events[0].0, Vec::new(), Vec::new());
        for of_day in events.chunk_by(|left, right| left.0 == right.0) {
            let (first_turn, first_event) = (turns.len(), turns.last().map_or(0, |turn: &Turn| turn.events.end));
            for turn in of_day.chunk_by(|left, right| left.1 == right.1) {
                let from = turns.last().map_or(0, |turn| turn.events.end);
                turns.push(Turn { account: turn[0].1, day: turn[0].0, events: from..from + turn.len() });
            }
            let range = first_event..first_event + of_day.len();
            observed[range.clone()].sort_unstable();
            days.push(Day { number: (of_day[0].0 - first) as u32, turns: first_turn..turns.len(), events: range });
        }
        Some(Shiftable { days, turns, places, observed, profiles })
    }

    /// One draw, by time, into `out`: the events of a day stay in its range.
    fn shift(&self, seed: u64, out: &mut Vec<u64>) {
        out.clear();
        for day in &self.days {
            for turn in &self.turns[day.turns.clone()] {
                let offset = Stream::new(key(&[seed, u64::from(turn.account), turn.day as u64])).unit();
                let profile = &self.profiles[turn.account as usize];
                out.extend(
                    self.places[turn.events.clone()]
                        .iter()
                        .map(|&place| packed(time_of_day(profile, modulo_one(place + offset)), turn.account)),
                );
            }
            out[day.events.clone()].sort_unstable();
        }
    }
}

fn packed(of_day: i64, account: u32) -> u64 {
    (of_day as u64) << 32 | u64::from(account)
}

/// Measures an alignment: `events` by day and time. A pause of `gap` milliseconds ends a session; `seen` is a scratch of one
/// place an account.
fn align(days: &[Day], events: &[u64], gap: i64, seen: &mut [u32]) -> Alignment {
    let by_day = || days.iter().flat_map(|day| events[day.events.clone()].iter().map(|&event| (day.number, event)));
    let mut found = Alignment::default();
    for (at, width) in WIDTHS.into_iter().enumerate() {
        let in_a_day = 86_400 / width;
        let windows = by_day().map(|(day, event)| (day * in_a_day + (event >> 32) as u32 / (1000 * width), event as u32));
        (found.pairs[at], found.windows[at]) = co_active(windows, seen);
    }
    let times = by_day().map(|(day, event)| (i64::from(day) * DAY + (event >> 32) as i64, event as u32));
    (found.stack_distance, found.returns) = mean_stack_distance(times, seen.len(), gap);
    found
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

/// The fraction of a number from 0 to 2.
fn modulo_one(sum: f64) -> f64 {
    if sum >= 1.0 { sum - 1.0 } else { sum }
}

/// t = F^-1(u); inside an hour of probability 0 (never reached by u < 1) the hour's start.
fn time_of_day(profile: &[f64; 25], place: f64) -> i64 {
    // Counting all is faster than a search: it takes no guesses.
    let hour = profile[1..24].iter().map(|&sum| usize::from(sum <= place)).sum::<usize>();
    let width = profile[hour + 1] - profile[hour];
    let inside = if width > 0.0 { ((place - profile[hour]) / width).clamp(0.0, 1.0) } else { 0.0 };
    (((hour as f64 + inside) * HOUR) as i64).min(DAY - 1)
}

/// Pairs of accounts active in the same window, summed over windows, and active account-windows; `events` are windows and
/// accounts, by window.
fn co_active(events: impl Iterator<Item = (u32, u32)>, seen: &mut [u32]) -> (f64, f64) {
    seen.fill(u32::MAX);
    let (mut pairs, mut total, mut window, mut count) = (0u64, 0u64, u32::MAX, 0u64);
    for (here, account) in events {
        if here != window {
            (window, count) = (here, 0);
        }
        let last = &mut seen[account as usize];
        if *last != here {
            *last = here;
            // A pair with each of those before.
            pairs += count;
            count += 1;
            total += 1;
        }
    }
    (pairs as f64, total as f64)
}

/// Mean over returning session starts of (accounts that started since) / (accounts - 1), and the number of returns.
fn mean_stack_distance(events: impl Iterator<Item = (i64, u32)>, account_count: usize, gap: i64) -> (f64, usize) {
    let mut last_event = vec![i64::MIN / 2; account_count];
    let mut recent: Vec<u32> = Vec::with_capacity(account_count);
    let (mut sum, mut returns) = (0usize, 0usize);
    for (at, account) in events {
        let starts = at - last_event[account as usize] > gap;
        last_event[account as usize] = at;
        if !starts {
            continue;
        }
        // `recent` lists accounts by their last start, the latest at the end.
        if let Some(place) = recent.iter().rposition(|&other| other == account) {
            sum += recent.len() - 1 - place;
            returns += 1;
            recent.remove(place);
        }
        recent.push(account);
    }
    (sum as f64 / (returns.max(1) * account_count.saturating_sub(1).max(1)) as f64, returns)
}

#[cfg(test)]
mod tests {
    use super::super::toy::Toy;
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
        let events = [(0, 0), (0, 0), (0, 1), (0, 2), (2, 1)];
        assert_eq!(co_active(events.into_iter(), &mut [0; 3]), (3.0, 4.0));
    }

    #[test]
    fn stack_distance_of_a_round_is_one_and_of_a_pair_is_small() {
        let round = (0..30).map(|turn| (turn * 10_000, (turn % 5) as u32));
        assert_eq!(mean_stack_distance(round, 5, 1_000), (1.0, 25));
        let pair = (0..30).map(|turn| (turn * 10_000, (turn % 2) as u32));
        assert_eq!(mean_stack_distance(pair, 5, 1_000).0, 0.25);
    }

    #[test]
    fn a_draw_keeps_every_account_on_its_days_and_its_gaps_in_operational_time() {
        let world = Toy::independent(6, 40, 3);
        let events = Shiftable::new(&world.facts(), &world.members(6), &BehaviourConfig::default()).expect("enough events");
        let accounts = |events: &[u64], day: &Day| {
            let mut accounts: Vec<u32> = events[day.events.clone()].iter().map(|&event| event as u32).collect();
            accounts.sort_unstable();
            accounts
        };
        let mut shifted = Vec::new();
        events.shift(7, &mut shifted);
        assert_ne!(shifted, events.observed);
        for day in &events.days {
            assert_eq!(accounts(&shifted, day), accounts(&events.observed, day));
            assert!(shifted[day.events.clone()].is_sorted());
            for turn in &events.turns[day.turns.clone()] {
                let profile = &events.profiles[turn.account as usize];
                let of_turn = shifted[day.events.clone()].iter().filter(|&&event| event as u32 == turn.account);
                let places: Vec<f64> = of_turn.map(|event| operational(profile, (event >> 32) as i64)).collect();
                // Shifted back by the offset of the first, they are where they were.
                let nearest = |place: f64, all: &[f64]| {
                    all.iter()
                        .map(|other| ((place - other).rem_euclid(1.0) + 0.5).fract() - 0.5)
                        .fold(1.0, |a: f64, b| a.min(b.abs()))
                };
                let first = events.places[turn.events.start];
                let fits = places.iter().any(|&place| {
                    let back: Vec<f64> = places.iter().map(|other| other - place + first).collect();
                    events.places[turn.events.clone()].iter().all(|&place| nearest(place, &back) < 1e-4)
                });
                assert!(fits, "{places:?}");
            }
        }
    }
}
