//! What the tests of exact times read of one alignment of accounts: who is active in the same windows, and in which order
//! sessions start.
//!
//! Cost: O(events), and the accounts for each session start.

use std::ops::Range;

/// Milliseconds of a day.
pub(crate) const DAY: i64 = 86_400_000;

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

impl Alignment {
    /// What samples of as many accounts each show together.
    pub(crate) fn sum(samples: impl Iterator<Item = Alignment>) -> Alignment {
        let mut whole = Alignment::default();
        let mut distance = 0.0;
        for sample in samples {
            for at in 0..WIDTHS.len() {
                whole.pairs[at] += sample.pairs[at];
                whole.windows[at] += sample.windows[at];
            }
            distance += sample.stack_distance * sample.returns as f64;
            whole.returns += sample.returns;
        }
        whole.stack_distance = distance / whole.returns.max(1) as f64;
        whole
    }
}

/// The events of one day.
pub(crate) struct Day {
    /// Days since the first of the sample.
    pub(crate) number: u32,
    pub(crate) turns: Range<usize>,
    pub(crate) events: Range<usize>,
}

/// The days of (milliseconds since the first day, account), ascending, and these as [`align`] takes them.
#[cfg(test)]
pub(crate) fn by_day(events: &[(i64, u32)]) -> (Vec<Day>, Vec<u64>) {
    let mut days: Vec<Day> = Vec::new();
    for of_day in events.chunk_by(|one, other| one.0 / DAY == other.0 / DAY) {
        let from = days.last().map_or(0, |day| day.events.end);
        days.push(Day { number: (of_day[0].0 / DAY) as u32, turns: 0..0, events: from..from + of_day.len() });
    }
    (days, events.iter().map(|&(at, account)| packed(at % DAY, account)).collect())
}

/// An event: its millisecond of the day, then its account in the lower half.
pub(crate) fn packed(of_day: i64, account: u32) -> u64 {
    (of_day as u64) << 32 | u64::from(account)
}

/// Scratch of [`align`]: by account the last window of each width, and the last event.
pub(crate) struct Seen {
    windows: Vec<[u32; WIDTHS.len()]>,
    events: Vec<i64>,
    recent: Recent,
}

/// Accounts by the start of their last session, the latest at the end.
#[derive(Default)]
pub(crate) struct Recent(Vec<u32>);

impl Recent {
    /// Starts a session; of an account that had one before, how many others have started since.
    pub(crate) fn start(&mut self, account: u32) -> Option<usize> {
        let since = self.0.iter().rposition(|&other| other == account).map(|place| {
            self.0.remove(place);
            self.0.len() - place
        });
        self.0.push(account);
        since
    }
}

impl Seen {
    pub(crate) fn new(account_count: usize) -> Self {
        Seen { windows: vec![[0; WIDTHS.len()]; account_count], events: vec![0; account_count], recent: Recent::default() }
    }
}

/// Measures an alignment: `events` by day and time. A pause of `gap` milliseconds ends a session. All widths go through the
/// events together, and without branches: which event opens a window is as good as random.
pub(crate) fn align(days: &[Day], events: &[u64], gap: i64, seen: &mut Seen) -> Alignment {
    const NO_WINDOW: u32 = u32::MAX;
    seen.windows.fill([NO_WINDOW; WIDTHS.len()]);
    seen.events.fill(i64::MIN / 2);
    seen.recent.0.clear();
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
            if at - last > gap
                && let Some(since) = seen.recent.start(account)
            {
                distance += since;
                returns += 1;
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

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
}
