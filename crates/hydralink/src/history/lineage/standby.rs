//! Does a network keep accounts in reserve, and did it wake them after bans before?
//!
//! - *Silent*: members that aren't banned and have had no exchange for [`super::DORMANT`] or longer (or never), while the
//!   network has. Silent ones that were used like the others are *spent*: active on at least half as many days as its accounts
//!   are on average, and never back after a silence as long. The others *wait*: hardly used yet, or coming and going.
//!   Null: the days on which an account was active fall anywhere between its start (when it was made, or when anything of the
//!   network was first seen, if that was later) and now, independently; one that was active on `d` of `T` days is silent for
//!   the last week by chance with `(1 - 7/T)^d`, and one that is younger than a week never; and none falls silent less often
//!   than the accounts do that were used like the others. Over all members that aren't banned and would wait, were they silent,
//!   that gives how many are expected to, and p is the tail of the Poisson binomial. Accounts of one or two requests are mostly
//!   silent whoever has them: they make no reserve. People who come and go in spells of weeks make p too small.
//! - *Waking*: a member's first exchange after so long a silence, or so long after the account was made, if that was after the
//!   store's first exchange: nobody knows what it did before. It *follows a ban* if
//!   it comes within `window` after the ban of another member.
//! - Null: wakings fall anywhere between the network's first and last exchange, independently. Each follows a ban by chance
//!   with the probability `c`, the share of that time that lies within `window` after a ban; of `w` wakings `w c` are expected,
//!   and p is the binomial's upper tail. Its assumption is what it tests: that wakings don't know of bans. Wakings that come
//!   together for another reason (a release, a Monday) make p too small; it is a lead, not a verdict.
//!
//! Cost: O(events of the members + bans log bans).

use graph::{AccountId, NO_TIME, Seconds};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use statrs::distribution::{Beta, ContinuousCDF};

use super::record::{DORMANT, banned_by, last_seen};
use crate::dataset::Dataset;
use crate::interval::Count;
use crate::query;

/// Accounts that wait are named up to this many.
const NAMED: usize = 10;

/// Accounts in reserve.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Standby {
    /// Members that aren't banned and have been silent for a week, while the network was not, and that were hardly used before,
    /// or come and go.
    pub waiting: u64,
    /// Members that aren't banned and as silent, but were used like the others before and never came back: used up.
    pub spent: u64,
    /// How many as busy as its members would be silent so long by chance.
    pub waiting_expected: f64,
    /// Probability of as many waiting by chance; `None` where none waits.
    pub waiting_p_value: Option<f64>,
    /// Some of them, those silent for longest first.
    pub accounts: Vec<String>,
    /// Times at which a member woke from a week's silence or started a week after it was made.
    pub wakings: u64,
    /// Those within the window after another member's ban.
    pub after_bans: u64,
    /// What chance would give of those.
    pub expected: f64,
    /// Probability of as many by chance; `None` without bans or wakings.
    pub p_value: Option<f64>,
}

/// The reserve of a network of these members, ascending.
pub(super) fn standby(dataset: &Dataset, members: &[u32], as_of: Seconds, window: Seconds) -> Standby {
    let mut found = Standby::default();
    let last = last_seen(dataset, members.iter().copied());
    if last == NO_TIME || as_of == NO_TIME {
        return found;
    }
    let first = members
        .par_iter()
        .map(|&account| query::span_of_account(dataset, AccountId(account)).0)
        .filter(|&time| time != NO_TIME)
        .min()
        .unwrap_or(last);
    if as_of.saturating_sub(last) < DORMANT {
        count_waiting(dataset, members, first, as_of, &mut found);
    }
    let mut bans: Vec<(Seconds, u32)> =
        members.iter().filter_map(|&account| Some((banned_by(dataset, account, as_of)?, account))).collect();
    bans.sort_unstable();
    let since = dataset.graph().first_seen();
    let wakings: Vec<(Seconds, u32)> = members
        .par_iter()
        .flat_map_iter(|&account| wakings(dataset, account, since).into_iter().map(move |time| (time, account)))
        .collect();
    (found.wakings, found.after_bans, found.expected, found.p_value) = follow(&wakings, &bans, first, last, window);
    found
}

/// How an account was used.
struct Used {
    account: u32,
    /// Days with an exchange.
    days: usize,
    /// Whether it came back after a silence.
    comes_and_goes: bool,
    silent_since: Seconds,
    /// Whether it is silent now.
    silent: bool,
}

impl Used {
    fn of(dataset: &Dataset, account: u32, as_of: Seconds) -> Used {
        let times = dataset.activity().of(AccountId(account)).time;
        let day_of = |millis: &i64| millis.div_euclid(86_400_000);
        let silence = i64::from(DORMANT) * 1_000;
        let silent_since = last_seen(dataset, std::iter::once(account));
        Used {
            account,
            days: times.chunk_by(|one, other| day_of(one) == day_of(other)).count(),
            comes_and_goes: times.windows(2).any(|pair| pair[1] - pair[0] >= silence),
            silent_since,
            silent: silent_since == NO_TIME || as_of.saturating_sub(silent_since) >= DORMANT,
        }
    }
}

/// Counts who waits and who is spent.
fn count_waiting(dataset: &Dataset, members: &[u32], first: Seconds, as_of: Seconds, found: &mut Standby) {
    let used: Vec<Used> = members.par_iter().map(|&account| Used::of(dataset, account, as_of)).collect();
    let active = used.iter().filter(|one| one.days > 0).count();
    let enough = used.iter().map(|one| one.days).sum::<usize>() as f64 / active.max(1) as f64 / 2.0;
    let live = used.into_iter().filter(|one| !dataset.is_banned(AccountId(one.account)));
    let (would_wait, others): (Vec<Used>, Vec<Used>) = live.partition(|one| one.comes_and_goes || (one.days as f64) < enough);
    found.spent = others.iter().filter(|one| one.silent).count() as u64;
    let fall_silent = found.spent as f64 / others.len().max(1) as f64;
    let mut waiting: Vec<(Seconds, u32)> =
        would_wait.iter().filter(|one| one.silent).map(|one| (one.silent_since, one.account)).collect();
    waiting.sort_unstable();
    found.waiting = waiting.len() as u64;
    if found.waiting > 0 {
        let silent = |one: &Used| silent_by_chance(dataset, one, first, as_of).max(fall_silent);
        let silent: Vec<f64> = would_wait.iter().map(silent).collect();
        found.waiting_expected = silent.iter().sum();
        found.waiting_p_value = Some(Count::of_trials(silent).at_least(found.waiting));
    }
    let names = waiting.iter().take(NAMED).map(|&(_, account)| dataset.shown_account(AccountId(account)).into_owned());
    found.accounts = names.collect();
}

/// The probability that an account is silent for the last week if its active days fall anywhere.
fn silent_by_chance(dataset: &Dataset, used: &Used, first: Seconds, as_of: Seconds) -> f64 {
    let created = dataset.accounts().created_at.get(used.account as usize).copied().filter(|&time| time != NO_TIME);
    silent_of(used.days, as_of.saturating_sub(created.map_or(first, |time| time.max(first))))
}

/// The same for one that was active on so many days since so many seconds.
fn silent_of(days: usize, seconds: Seconds) -> f64 {
    if seconds <= DORMANT {
        return 0.0;
    }
    (1.0 - f64::from(DORMANT) / f64::from(seconds)).powi(days as i32)
}

/// Times at which an account woke, of a store whose first exchange was at `since`.
fn wakings(dataset: &Dataset, account: u32, since: Seconds) -> Vec<Seconds> {
    let exchanges = dataset.activity().of(AccountId(account)).time;
    let seconds = |&milliseconds: &i64| Seconds::try_from(milliseconds / 1_000).unwrap_or(0);
    let created = dataset.accounts().created_at.get(account as usize).copied().filter(|&time| time != NO_TIME && time >= since);
    let before = created.into_iter().chain(exchanges.iter().map(seconds));
    // Without a creation the first exchange wakes nobody.
    let after = exchanges.iter().map(seconds).skip(usize::from(created.is_none()));
    before.zip(after).filter(|&(before, after)| after.saturating_sub(before) >= DORMANT).map(|(_, after)| after).collect()
}

/// (wakings, those after another's ban, expected of those, p). `bans` ascend.
fn follow(
    wakings: &[(Seconds, u32)],
    bans: &[(Seconds, u32)],
    first: Seconds,
    last: Seconds,
    window: Seconds,
) -> (u64, u64, f64, Option<f64>) {
    let follows = |&(time, account): &(Seconds, u32)| {
        let from = bans.partition_point(|ban| ban.0 < time.saturating_sub(window));
        bans[from..].iter().take_while(|ban| ban.0 < time).any(|ban| ban.1 != account)
    };
    let count = wakings.len() as u64;
    let after = wakings.iter().filter(|waking| follows(waking)).count() as u64;
    let covered = covered(bans, first, last, window);
    let expected = count as f64 * covered;
    let known = count > 0 && !bans.is_empty() && last > first;
    (count, after, expected, known.then(|| upper_tail(count, after, covered)))
}

/// Share of the time from `first` to `last` that lies within `window` after a ban.
fn covered(bans: &[(Seconds, u32)], first: Seconds, last: Seconds, window: Seconds) -> f64 {
    let (mut sum, mut until) = (0u64, first);
    for &(time, _) in bans {
        let (from, to) = (time.max(until), time.saturating_add(window).min(last));
        if to > from {
            sum += u64::from(to - from);
            until = to;
        }
    }
    sum as f64 / f64::from((last - first).max(1))
}

/// Probability of at least `successes` of `trials`, each with `probability`: the regularised incomplete beta function
/// I_p(k, n - k + 1).
fn upper_tail(trials: u64, successes: u64, probability: f64) -> f64 {
    if successes == 0 || probability >= 1.0 {
        return 1.0;
    }
    if probability <= 0.0 {
        return 0.0;
    }
    Beta::new(successes as f64, (trials - successes) as f64 + 1.0).map_or(1.0, |beta| beta.cdf(probability))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_that_overlap_count_once() {
        // Of 0..1000: 100..150, 120..170 and 980..1000 are covered.
        let bans = [(100, 0), (120, 1), (980, 2)];
        assert_eq!(covered(&bans, 0, 1000, 50), 0.09);
    }

    /// A store of accounts, each with the days on which it had an exchange, one address for all.
    fn used_on(folder: &std::path::Path, name: &str, days: &[Vec<u32>]) -> Dataset {
        let rows: Vec<(u32, u32, u32, u32)> = (0u32..)
            .zip(days)
            .flat_map(|(account, days)| days.iter().map(move |day| (account, 1, 0, day * 86_400 + account)))
            .collect();
        Dataset::open(&crate::testing::store_of_events(folder, name, &rows)).unwrap()
    }

    #[test]
    fn accounts_that_were_used_up_are_no_reserve() {
        let folder = tempfile::tempdir().unwrap();
        let reserve = |dataset: &Dataset| {
            let members: Vec<u32> = (0..dataset.graph().account_count() as u32).collect();
            standby(dataset, &members, dataset.graph().last_seen(), 86_400)
        };
        // Forty in turn, each for fifteen days: those that are done are silent, and will be.
        let turns: Vec<Vec<u32>> = (0..40).map(|start| (start..start + 15).collect()).collect();
        let found = reserve(&used_on(folder.path(), "turns", &turns));
        assert_eq!((found.waiting, found.spent, found.waiting_p_value), (0, 33, None), "{found:?}");
        // One of them hardly used is as silent as the others are, once they are done.
        let mut young = turns.clone();
        young.extend([vec![3], vec![9, 10]]);
        let found = reserve(&used_on(folder.path(), "young", &young));
        assert!(found.waiting == 2 && found.waiting_p_value.is_some_and(|p| p > 0.3), "{found:?}");
        // Ten that are always busy, six that were tried on five days and left alone since, four that come and go.
        let busy: Vec<u32> = (0..60).collect();
        let mut kept = vec![busy; 10];
        kept.extend(vec![vec![20, 21, 22, 23, 24]; 6]);
        kept.extend(vec![(0..50).filter(|day| day / 10 % 2 == 0).collect(); 4]);
        let found = reserve(&used_on(folder.path(), "kept", &kept));
        assert!((found.waiting, found.spent) == (10, 0) && found.waiting_p_value.is_some_and(|p| p < 0.001), "{found:?}");
        assert_eq!(found.accounts[0], "acct0010");
    }

    #[test]
    fn accounts_of_a_request_or_two_are_silent_by_chance_and_busy_ones_are_not() {
        const DAY: Seconds = 86_400;
        // One active day of 42: five sixths. As many waiting as there are such accounts is no reserve.
        assert!((silent_of(1, 42 * DAY) - 5.0 / 6.0).abs() < 1e-12);
        assert_eq!((silent_of(0, 42 * DAY), silent_of(3, 6 * DAY)), (1.0, 0.0));
        let of = |count: usize, days: usize| Count::of_trials(vec![silent_of(days, 42 * DAY); count]);
        assert!(of(8, 1).at_least(8) > 0.2, "8 of 8 with one request each");
        // Eight that were active on five days each, or fifty on two, are one.
        assert!(of(8, 5).at_least(8) < 0.01 && of(50, 2).at_least(50) < 1e-6);
        assert!((of(8, 5).at_least(0) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_tail_is_the_binomials() {
        // P(X >= 2), n = 3, p = 1/2: 3/8 + 1/8.
        assert!((upper_tail(3, 2, 0.5) - 0.5).abs() < 1e-12);
        // P(X >= 1), n = 10, p = 0.1: 1 - 0.9^10.
        assert!((upper_tail(10, 1, 0.1) - (1.0 - 0.9f64.powi(10))).abs() < 1e-12);
        assert_eq!((upper_tail(3, 0, 0.0), upper_tail(3, 1, 0.0), upper_tail(3, 3, 1.0)), (1.0, 0.0, 1.0));
    }

    #[test]
    fn an_account_does_not_wake_after_its_own_ban() {
        let bans = [(100, 7)];
        assert_eq!(follow(&[(110, 7)], &bans, 0, 1000, 50).1, 0);
        assert_eq!(follow(&[(110, 8)], &bans, 0, 1000, 50).1, 1);
        // Neither at the ban nor long after it.
        assert_eq!(follow(&[(100, 8), (151, 8)], &bans, 0, 1000, 50).1, 0);
    }

    /// Under the null p is no smaller than it says: P(p <= a) <= a.
    #[test]
    fn p_is_super_uniform_where_wakings_know_of_no_bans() {
        let mut state = 1u64;
        let mut below = |bound: u32| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) % u64::from(bound)) as u32
        };
        let worlds = 2_000;
        let mut small = [0u32; 3];
        for _ in 0..worlds {
            let mut bans: Vec<(Seconds, u32)> = (0..6).map(|ban| (below(100_000), ban)).collect();
            bans.sort_unstable();
            let wakings: Vec<(Seconds, u32)> = (0..20).map(|at| (below(100_000), 100 + at)).collect();
            let p = follow(&wakings, &bans, 0, 100_000, 4_000).3.expect("bans and wakings");
            for (count, level) in small.iter_mut().zip([0.01, 0.05, 0.2]) {
                *count += u32::from(p <= level);
            }
        }
        // Three standard errors above the level at most.
        for (count, level) in small.into_iter().zip([0.01f64, 0.05, 0.2]) {
            let limit = level + 3.0 * (level * (1.0 - level) / f64::from(worlds)).sqrt();
            assert!(f64::from(count) / f64::from(worlds) <= limit, "{count} of {worlds} at {level}");
        }
    }

    #[test]
    fn wakings_after_bans_are_found() {
        let bans: Vec<(Seconds, u32)> = (0..6).map(|ban| (10_000 * ban + 5_000, ban)).collect();
        let wakings: Vec<(Seconds, u32)> = bans.iter().map(|&(time, ban)| (time + 60, 100 + ban)).collect();
        let (count, after, expected, p) = follow(&wakings, &bans, 0, 60_000, 600);
        assert_eq!((count, after), (6, 6));
        assert!(expected < 0.4 && p.expect("a test") < 1e-6, "{expected} {p:?}");
    }
}
