//! The null of who serves: a group's sessions stay where they are, and its accounts exchange them.
//!
//! Shifting accounts against each other ([`super::co_activity`]) breaks what they do at the same hours, and a group that is
//! awake together (a class, the buyers of one gateway) then follows each other less closely, though nobody deals anything out.
//! Here the hours stay: a draw is an assignment of the observed sessions to the accounts, as likely as any other in which each
//! account has as many as it had, each within [`REACH`] of where it had it, and none within the session gap of another of its
//! own. What is left to differ is the order in which accounts that are there start.
//!
//! Steps: a chain of exchanges of two sessions' accounts, symmetric, so that all assignments are equally likely in the long
//! run; it leads from the observed assignment to a common one, and from there anew for each draw. So the observed one and the
//! draws are exchangeable, however slowly the chain mixes. Cost: [`ATTEMPTS`] attempts a session and draw, each a
//! few searches among the sessions of two accounts. Reference: Besag & Clifford 1989, "Generalized Monte Carlo significance tests",
//! doi:10.1093/biomet/76.4.633 (the parallel method).

use std::ops::Range;

use super::alignment::{DAY, Day, Recent};
use super::random::{Stream, key};

/// How far from where it was, in milliseconds, an account may have a session of its own in a draw.
const REACH: i64 = 4 * 3_600_000;
/// Exchanges tried for each session.
const ATTEMPTS: usize = 4;

/// The sessions of a sample of accounts.
pub(crate) struct Sessions {
    /// Times of the first and last event of each, by start.
    spans: Vec<(i64, i64)>,
    /// By account, and one more: where its sessions begin among those of all accounts. No exchange changes how many it has.
    starts: Vec<usize>,
    /// Places from one session to the furthest that starts within reach of it.
    breadth: usize,
    gap: i64,
    observed: Assignment,
    /// Where the chain for each draw begins.
    hub: Assignment,
}

/// Who has which session.
#[derive(Clone)]
struct Assignment {
    /// By session.
    accounts: Vec<u32>,
    /// By session, which one its account had before.
    origins: Vec<u32>,
    /// By account, its sessions in order.
    own: Vec<u32>,
}

impl Sessions {
    /// The sessions of events by day and time; a pause of `gap` milliseconds ends one.
    pub(crate) fn new(days: &[Day], events: &[u64], account_count: usize, gap: i64, seed: u64) -> Sessions {
        let (mut sessions, mut open) = (Vec::<(i64, i64, u32)>::new(), vec![None::<usize>; account_count]);
        for day in days {
            for &event in &events[day.events.clone()] {
                let (at, account) = (i64::from(day.number) * DAY + (event >> 32) as i64, event as u32);
                match open[account as usize] {
                    Some(session) if at - sessions[session].1 <= gap => sessions[session].1 = at,
                    _ => {
                        open[account as usize] = Some(sessions.len());
                        sessions.push((at, at, account));
                    }
                }
            }
        }
        let spans: Vec<(i64, i64)> = sessions.iter().map(|&(start, end, _)| (start, end)).collect();
        let within = |at: usize| spans[at..].partition_point(|span| span.0 <= spans[at].0 + REACH) - 1;
        let mut own: Vec<u32> = (0..sessions.len() as u32).collect();
        own.sort_by_key(|&session| sessions[session as usize].2);
        let starts = (0..=account_count as u32).map(|account| own.partition_point(|&at| sessions[at as usize].2 < account));
        let observed = Assignment {
            accounts: sessions.iter().map(|session| session.2).collect(),
            origins: (0..sessions.len() as u32).collect(),
            own: own.clone(),
        };
        let mut found = Sessions {
            starts: starts.collect(),
            breadth: (0..spans.len()).map(within).max().unwrap_or(0),
            spans,
            gap,
            hub: observed.clone(),
            observed,
        };
        found.hub = found.exchanged(&found.observed, key(&[seed, u64::MAX]));
        found
    }

    /// Sum of the stack distances of all returns, and their number, as observed.
    pub(crate) fn observed(&self) -> (usize, usize) {
        self.distances(&self.observed)
    }

    /// The same of a draw.
    pub(crate) fn draw(&self, seed: u64) -> (usize, usize) {
        self.distances(&self.exchanged(&self.hub, seed))
    }

    /// The end of a chain from an assignment.
    fn exchanged(&self, from: &Assignment, seed: u64) -> Assignment {
        let (mut assignment, mut stream) = (from.clone(), Stream::new(seed));
        let count = self.spans.len();
        if self.breadth == 0 {
            return assignment;
        }
        for _ in 0..count * ATTEMPTS {
            let (one, other) = (stream.below(count), 1 + stream.below(self.breadth));
            if one + other < count {
                self.exchange(&mut assignment, one, one + other);
            }
        }
        assignment
    }

    /// Exchanges the accounts of two sessions, if both may have the other's.
    fn exchange(&self, assignment: &mut Assignment, one: usize, other: usize) {
        let Assignment { accounts, origins, own } = assignment;
        let reaches = |origin: u32, to: usize| (self.spans[origin as usize].0 - self.spans[to].0).abs() <= REACH;
        let (left, right) = (accounts[one], accounts[other]);
        if left != right
            && reaches(origins[one], other)
            && reaches(origins[other], one)
            && self.is_free(&own[self.own(left)], other, one)
            && self.is_free(&own[self.own(right)], one, other)
        {
            accounts.swap(one, other);
            origins.swap(one, other);
            replace(&mut own[self.own(left)], one as u32, other as u32);
            replace(&mut own[self.own(right)], other as u32, one as u32);
        }
    }

    /// Where the sessions of an account are among those of all.
    fn own(&self, account: u32) -> Range<usize> {
        self.starts[account as usize]..self.starts[account as usize + 1]
    }

    /// Whether an account without the session `without` of its `own` has none within the gap of the session `of`.
    fn is_free(&self, own: &[u32], of: usize, without: usize) -> bool {
        let (start, end) = self.spans[of];
        let place = own.partition_point(|&session| (session as usize) < of);
        let others = |session: &&u32| **session as usize != without;
        let before = own[..place].iter().rev().find(others).is_none_or(|&at| self.spans[at as usize].1 + self.gap < start);
        before && own[place..].iter().find(others).is_none_or(|&at| end + self.gap < self.spans[at as usize].0)
    }

    /// As [`super::alignment::Alignment::stack_distance`], before its means.
    fn distances(&self, assignment: &Assignment) -> (usize, usize) {
        let mut recent = Recent::default();
        let since = assignment.accounts.iter().filter_map(|&account| recent.start(account));
        since.fold((0, 0), |(distance, returns), since| (distance + since, returns + 1))
    }
}

/// Puts `new` in the place of `old` in an ascending list and moves it to where it belongs.
fn replace(list: &mut [u32], old: u32, new: u32) {
    let from = list.partition_point(|&at| at < old);
    let to = list.partition_point(|&at| at < new);
    list[from] = new;
    if from < to { list[from..to].rotate_left(1) } else { list[to..=from].rotate_right(1) }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    const GAP: i64 = 1_800_000;
    const MINUTE: i64 = 60_000;

    /// The sessions of (minutes since the start, account).
    fn sessions(events: &[(i64, u32)], account_count: usize) -> Sessions {
        let mut events: Vec<(i64, u32)> = events.iter().map(|&(minute, account)| (minute * MINUTE, account)).collect();
        events.sort_unstable();
        let (days, packed) = super::super::alignment::by_day(&events);
        Sessions::new(&days, &packed, account_count, GAP, 7)
    }

    fn is_allowed(sessions: &Sessions, accounts: &[u32]) -> bool {
        let same = |one: usize, other: usize| accounts[one] == accounts[other];
        let apart = |one: usize, other: usize| sessions.spans[one].1 + GAP < sessions.spans[other].0;
        (0..accounts.len()).all(|other| (0..other).all(|one| !same(one, other) || apart(one, other)))
    }

    #[test]
    fn a_pause_ends_a_session() {
        let found = sessions(&[(0, 0), (10, 0), (20, 1), (41, 0), (50, 1), (81, 1)], 2);
        let minutes: Vec<(i64, i64)> = found.spans.iter().map(|span| (span.0 / MINUTE, span.1 / MINUTE)).collect();
        assert_eq!(minutes, [(0, 10), (20, 50), (41, 41), (81, 81)]);
        assert_eq!(found.observed.accounts, [0, 1, 0, 1]);
        // Each return passes over the one other account.
        assert_eq!(found.observed(), (2, 2));
    }

    #[test]
    fn all_allowed_assignments_are_equally_likely() {
        // Two accounts with two sessions and one with one; the last is out of reach of all others.
        let found = sessions(&[(0, 0), (20, 1), (40, 0), (70, 2), (500, 1)], 3);
        let draws = 20_000;
        let mut counts = BTreeMap::<Vec<u32>, u32>::new();
        for draw in 0..draws {
            // Five sessions are few attempts: the chain goes on until it has forgotten where it began.
            let chain = (0..10).fold(found.hub.clone(), |from, part| found.exchanged(&from, key(&[draw, part])));
            *counts.entry(chain.accounts).or_default() += 1;
        }
        let mut all = BTreeSet::new();
        for number in 0..3u32.pow(5) {
            let accounts: Vec<u32> = (0..5).map(|at| number / 3u32.pow(at) % 3).collect();
            let held = |account: u32| accounts.iter().filter(|&&other| other == account).count();
            if (held(0), held(1), held(2), accounts[4]) == (2, 2, 1, 1) && is_allowed(&found, &accounts) {
                all.insert(accounts);
            }
        }
        assert_eq!(counts.keys().cloned().collect::<BTreeSet<_>>(), all);
        let expected = draws as f64 / all.len() as f64;
        let chi: f64 = counts.values().map(|&count| (f64::from(count) - expected).powi(2) / expected).sum();
        // Mean + 5 standard deviations of chi-square.
        let freedom = (all.len() - 1) as f64;
        assert!(chi < freedom + 5.0 * (2.0 * freedom).sqrt(), "{counts:?} {chi}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_draw_is_an_allowed_assignment_within_reach(
            events in prop::collection::vec((0i64..3_000, 0u32..6), 2..80),
            seed in 0u64..1_000,
        ) {
            let found = sessions(&events, 6);
            prop_assert!(is_allowed(&found, &found.observed.accounts));
            let drawn = found.exchanged(&found.hub, seed);
            prop_assert!(is_allowed(&found, &drawn.accounts));
            for (at, &origin) in drawn.origins.iter().enumerate() {
                prop_assert_eq!(drawn.accounts[at], found.observed.accounts[origin as usize]);
                prop_assert!((found.spans[at].0 - found.spans[origin as usize].0).abs() <= REACH);
            }
            for account in 0..6 {
                let own: Vec<u32> = (0..drawn.accounts.len() as u32).filter(|&at| drawn.accounts[at as usize] == account).collect();
                prop_assert_eq!(&drawn.own[found.own(account)], &own[..]);
            }
            let origins: BTreeSet<u32> = drawn.origins.iter().copied().collect();
            prop_assert_eq!(origins.len(), drawn.origins.len());
        }
    }
}
