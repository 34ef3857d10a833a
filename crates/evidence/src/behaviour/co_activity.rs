//! The exact-time null: every account keeps its days, its volume on each day, its profile of the day, the rhythm inside a
//! day and what it repeats from day to day; only the alignment between accounts is broken.
//!
//! With F the account's cumulative profile of the day (24 hours, its own counts and a little of the group's profile, [`PRIOR`]),
//! an event at time of day t has operational time u = F(t), uniform if the account follows its profile. A draw adds one uniform
//! offset for each account, the same on all of its days, modulo 1, and maps back: a circular shift inside the account's own daily
//! profile. An offset for each day would dissolve what timers do: jobs that start at the same times every day follow each other
//! in one order, with nobody who deals them out.
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

/// With so many events an account's own profile says as much as the group's; of `n` more the group's weighs `PRIOR^2 / (n + PRIOR)`
/// events: jobs that run in one hour of the day must not stray into others in a draw.
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
    /// By [`Shift`].
    draws: [Vec<Alignment>; 2],
    /// The events of the draw in the making.
    shifted: Vec<u64>,
    seen: Seen,
}

impl Alignments {
    /// Samples a group; `None` if that leaves fewer than two accounts or forty events.
    pub(crate) fn new(facts: &Facts<'_>, members: &[AccountId], config: &BehaviourConfig) -> Option<Alignments> {
        let events = Shiftable::new(facts, members, config)?;
        let (gap, mut seen) = (i64::from(config.session_gap) * 1000, Seen::new(events.profiles.len()));
        let observed = align(&events.days, &events.observed, gap, &mut seen);
        let seed = group_key(config.seed, 1, members);
        Some(Alignments { events, seed, gap, observed, draws: Default::default(), shifted: Vec::new(), seen })
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
    pub(crate) fn draw(&mut self, shift: Shift, n: usize) -> &Alignment {
        let draws = &mut self.draws[shift as usize];
        while draws.len() <= n {
            let seed = key(&[self.seed, draws.len() as u64]);
            draws.push(match shift {
                Shift::InProfile => {
                    self.events.shift(seed, &mut self.shifted);
                    align(&self.events.days, &self.shifted, self.gap, &mut self.seen)
                }
                Shift::ByClock => {
                    let (days, shifted) = self.events.by_clock(seed);
                    align(&days, &shifted, self.gap, &mut self.seen)
                }
            });
        }
        &draws[n]
    }
}

/// What time an account is shifted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shift {
    /// Its own operational time.
    InProfile,
    /// The clock: all that it did, by up to a day. Whatever it repeats, every hour or every seven, it goes on to repeat.
    ByClock,
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
                turns.push(Turn { account: turn[0].1, events: from..from + turn.len() });
            }
            let range = first_event..first_event + of_day.len();
            observed[range.clone()].sort_unstable();
            days.push(Day { number: (of_day[0].0 - first) as u32, turns: first_turn..turns.len(), events: range });
        }
        Some(Shiftable { days, turns, places, observed, profiles })
    }

    /// By account: how far a draw shifts it, of a day.
    fn offsets(&self, seed: u64) -> Vec<f64> {
        (0..self.profiles.len()).map(|account| Stream::new(key(&[seed, account as u64])).unit()).collect()
    }

    /// One draw of [`Shift::InProfile`], by time, into `out`: the events of a day stay in its range.
    fn shift(&self, seed: u64, out: &mut Vec<u64>) {
        out.clear();
        let offsets = self.offsets(seed);
        for day in &self.days {
            for turn in &self.turns[day.turns.clone()] {
                let (offset, profile) = (offsets[turn.account as usize], &self.profiles[turn.account as usize]);
                let shifted = |&place: &f64| time_of_day(profile, modulo_one(place + offset));
                out.extend(self.places[turn.events.clone()].iter().map(|place| packed(shifted(place), turn.account)));
            }
            out[day.events.clone()].sort_unstable();
        }
    }

    /// One draw of [`Shift::ByClock`]: its days, and its events by time.
    fn by_clock(&self, seed: u64) -> (Vec<Day>, Vec<u64>) {
        let offsets = self.offsets(seed);
        let mut events: Vec<(i64, u32)> = Vec::with_capacity(self.observed.len());
        for day in &self.days {
            let start = i64::from(day.number) * DAY;
            events.extend(self.observed[day.events.clone()].iter().map(|&event| {
                let account = event as u32;
                (start + (event >> 32) as i64 + (offsets[account as usize] * DAY as f64) as i64, account)
            }));
        }
        events.sort_unstable();
        by_day(&events)
    }
}

/// The days of (milliseconds since the first day, account), ascending, and these as [`align`] takes them.
fn by_day(events: &[(i64, u32)]) -> (Vec<Day>, Vec<u64>) {
    let mut days: Vec<Day> = Vec::new();
    for of_day in events.chunk_by(|one, other| one.0 / DAY == other.0 / DAY) {
        let from = days.last().map_or(0, |day| day.events.end);
        days.push(Day { number: (of_day[0].0 / DAY) as u32, turns: 0..0, events: from..from + of_day.len() });
    }
    (days, events.iter().map(|&(at, account)| packed(at % DAY, account)).collect())
}

fn packed(of_day: i64, account: u32) -> u64 {
    (of_day as u64) << 32 | u64::from(account)
}

/// Scratch of [`align`]: by account the last window of each width, and the last event.
struct Seen {
    windows: Vec<[u32; WIDTHS.len()]>,
    events: Vec<i64>,
    /// Accounts by the start of their last session, the latest at the end.
    recent: Vec<u32>,
}

impl Seen {
    fn new(account_count: usize) -> Self {
        Seen { windows: vec![[0; WIDTHS.len()]; account_count], events: vec![0; account_count], recent: Vec::new() }
    }
}

/// Measures an alignment: `events` by day and time. A pause of `gap` milliseconds ends a session. All widths go through the
/// events together, and without branches: which event opens a window is as good as random.
fn align(days: &[Day], events: &[u64], gap: i64, seen: &mut Seen) -> Alignment {
    const NO_WINDOW: u32 = u32::MAX;
    seen.windows.fill([NO_WINDOW; WIDTHS.len()]);
    seen.events.fill(i64::MIN / 2);
    seen.recent.clear();
    // The current window of each width and the accounts seen in it so far.
    let (mut window, mut count) = ([NO_WINDOW; WIDTHS.len()], [0u32; WIDTHS.len()]);
    let (mut pairs, mut total) = ([0u64; WIDTHS.len()], [0u64; WIDTHS.len()]);
    let (mut distance, mut returns) = (0usize, 0usize);
    for day in days {
        for &event in &events[day.events.clone()] {
            let (of_day, account) = ((event >> 32) as u32, event as u32);
            // Every width is a part of a day.
            let second = day.number * 86_400 + of_day / 1000;
            let last = &mut seen.windows[account as usize];
            for at in 0..WIDTHS.len() {
                let here = second / WIDTHS[at];
                let before = if here == window[at] { count[at] } else { 0 };
                // A pair with each of those before, once in a window.
                let opens = u32::from(last[at] != here);
                pairs[at] += u64::from(before * opens);
                total[at] += u64::from(opens);
                count[at] = before + opens;
                (window[at], last[at]) = (here, here);
            }
            let at = i64::from(day.number) * DAY + i64::from(of_day);
            let last = std::mem::replace(&mut seen.events[account as usize], at);
            if at - last > gap {
                // Accounts that started a session since this one last did.
                if let Some(place) = seen.recent.iter().rposition(|&other| other == account) {
                    distance += seen.recent.len() - 1 - place;
                    returns += 1;
                    seen.recent.remove(place);
                }
                seen.recent.push(account);
            }
        }
    }
    let others = seen.events.len().saturating_sub(1).max(1);
    Alignment {
        pairs: pairs.map(|pairs| pairs as f64),
        windows: total.map(|total| total as f64),
        stack_distance: distance as f64 / (returns.max(1) * others) as f64,
        returns,
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
    let events = counts.iter().sum::<f64>();
    let prior = PRIOR * PRIOR / (events + PRIOR);
    let mut profile = [0.0; 25];
    for hour in 0..24 {
        profile[hour + 1] = profile[hour] + (counts[hour] + prior * pooled[hour]) / (events + prior);
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

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

    /// The alignment of (day, millisecond of the day, account), ascending.
    fn aligned(events: &[(u32, i64, u32)], account_count: usize, gap: i64) -> Alignment {
        let events: Vec<(i64, u32)> = events.iter().map(|&(day, at, account)| (i64::from(day) * DAY + at, account)).collect();
        let (days, events) = by_day(&events);
        align(&days, &events, gap, &mut Seen::new(account_count))
    }

    #[test]
    fn pairs_are_of_distinct_accounts_in_one_window() {
        // The first second holds accounts 0, 1, 2 (0 twice): 3 pairs. The third holds account 1 alone, which the first ten seconds
        // have already; the next day is another window of any width.
        let found = aligned(&[(0, 0, 0), (0, 1, 0), (0, 20, 1), (0, 999, 2), (0, 2_000, 1), (1, 0, 2)], 3, 1);
        assert_eq!(found.pairs, [3.0; WIDTHS.len()]);
        assert_eq!(found.windows, [5.0, 4.0, 4.0, 4.0, 4.0]);
    }

    #[test]
    fn stack_distance_of_a_round_is_one_and_of_a_pair_is_small() {
        let turns = |accounts: u32| -> Vec<(u32, i64, u32)> {
            (0..30).map(|turn| (0, i64::from(turn) * 10_000, turn % accounts)).collect()
        };
        let round = aligned(&turns(5), 5, 1_000);
        assert_eq!((round.stack_distance, round.returns), (1.0, 25));
        assert_eq!(aligned(&turns(2), 5, 1_000).stack_distance, 0.25);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// All widths at once count what sets of windows, width by width and pair by pair, have in common.
        #[test]
        fn an_alignment_is_what_sets_of_windows_say(
            mut events in prop::collection::vec((0u32..3, 0i64..20_000_000, 0u32..6), 1..120),
            spread in 1i64..1_000,
        ) {
            events.iter_mut().for_each(|event| event.1 /= spread);
            events.sort_unstable();
            let found = aligned(&events, 6, 60_000);
            for (at, width) in WIDTHS.into_iter().enumerate() {
                let windows: Vec<BTreeSet<(u32, i64)>> = (0..6)
                    .map(|account| {
                        let own = events.iter().filter(|event| event.2 == account);
                        own.map(|&(day, time, _)| (day, time / (1_000 * i64::from(width)))).collect()
                    })
                    .collect();
                let pairs: usize = (0..6)
                    .flat_map(|left| (0..left).map(move |right| (left, right)))
                    .map(|(left, right)| windows[left].intersection(&windows[right]).count())
                    .sum();
                prop_assert_eq!(found.pairs[at], pairs as f64);
                prop_assert_eq!(found.windows[at], windows.iter().map(BTreeSet::len).sum::<usize>() as f64);
            }
        }
    }

    #[test]
    fn a_draw_by_the_clock_keeps_every_gap() {
        let world = Toy::independent(6, 40, 4);
        let events = Shiftable::new(&world.facts(), &world.members(6), &BehaviourConfig::default()).expect("enough events");
        let times_of = |account: u32, days: &[Day], events: &[u64]| -> Vec<i64> {
            let at = |day: &Day, event: u64| i64::from(day.number) * DAY + (event >> 32) as i64;
            let of_day =
                |day: &Day| events[day.events.clone()].iter().map(|&event| (event, at(day, event))).collect::<Vec<_>>();
            days.iter().flat_map(of_day).filter(|&(event, _)| event as u32 == account).map(|(_, at)| at).collect()
        };
        let (days, shifted) = events.by_clock(7);
        assert_eq!(shifted.len(), events.observed.len());
        assert!(days.iter().all(|day| shifted[day.events.clone()].is_sorted()));
        let mut shifts: Vec<i64> = (0..6)
            .map(|account| {
                let (before, after) = (times_of(account, &events.days, &events.observed), times_of(account, &days, &shifted));
                let by = after[0] - before[0];
                assert!((0..DAY).contains(&by));
                assert!(before.iter().zip(&after).all(|(before, after)| after - before == by));
                by
            })
            .collect();
        shifts.dedup();
        assert_eq!(shifts.len(), 6, "each account is shifted by itself");
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
