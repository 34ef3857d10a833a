//! Are the accounts new and at full use, as accounts made for a purpose are?
//!
//! Definition, for an account with a creation time: *age at burst* = days from creation to its first day with at least half of
//! its largest daily count; *warm-up* = that day comes after the first active day and every active day before it stays below a
//! fifth of the largest count. Statistics of a group: -mean ln(1 + age at burst), and the share of warmed-up accounts, each of
//! the accounts' first [`FOLLOWED`] days (half of the log, if that is less, and no fewer than [`FEWEST_FOLLOWED`]), and of
//! those that the log holds these days of: what an account did before the log begins nobody knows, and of one that was made in
//! the last week only bursts in its first week could be seen. Null: such accounts of the population, matched on pathway and
//! volume. p over both by smallest rank. Value: mean age in days, back from the logarithm. Not measured where less than half of
//! the group is followed, or hardly anybody else: what would be left to compare new accounts with are old ones, and any new
//! accounts are newer than these.
//!
//! *Aged accounts*: where that finds nothing, draws say whether the accounts, followed or not, are older at their burst in the log
//! than chance explains. The bits of that p speak against a case on shape alone, at most [`MOST_AGAINST`], since aged accounts can
//! be bought. Assumption: a benign class is also new and busy; the test doesn't tell the two apart. Cost: one binary search for
//! each active day of at most `sampled_accounts` accounts. Reference: the warm-up of bought accounts is described in Thomas et
//! al. 2013, USENIX Security, "Trafficking fraudulent accounts"; p by Westfall & Young (see [`super::chance`]).

use std::ops::Range;

use graph::AccountId;
use rayon::prelude::*;

use super::alignment::DAY;
use super::chance::monte_carlo;
use super::population::Matched;
use super::random::{Stream, group_key, key, sample};
use super::{BehaviourConfig, Population};
use crate::{AccountTable, Facts, Signal};

/// Fewer members with a tenure give no signal.
pub(crate) const FEWEST_ACCOUNTS: usize = 3;
/// Accounts with fewer events have no burst.
pub(crate) const FEWEST_EVENTS: usize = 5;

/// Most bits that accounts older than others take.
pub const MOST_AGAINST: f64 = 6.0;

/// Days after its creation that an account is followed.
pub const FOLLOWED: i64 = 14;
/// In fewer days nobody comes to full use late.
pub const FEWEST_FOLLOWED: i64 = 4;

/// One account's tenure features.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tenure {
    /// In the log.
    pub burst: Burst,
    /// In its first days; `None` where the log doesn't hold them.
    pub first: Option<Burst>,
}

/// When an account came to full use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Burst {
    /// Days from creation to the first day of at least half of the largest daily count.
    pub age: f64,
    /// A quiet start came before it.
    pub warmed_up: bool,
}

/// Tests a group for new accounts at full use, and for accounts older than chance explains (bits of 0 and less).
pub fn tenure(
    facts: &Facts<'_>,
    population: &Population,
    members: &[AccountId],
    config: &BehaviourConfig,
) -> (Option<Signal>, Option<Signal>) {
    let chosen = sample(members, config.sampled_accounts, config.seed);
    let known: Vec<(AccountId, Tenure)> =
        chosen.into_iter().filter_map(|account| Some((account, tenure_of(facts, account, &population.days)?))).collect();
    let new = of_new(facts, population, members, &known, config);
    let aged = if new.as_ref().is_some_and(|new| new.bits >= 0.0) {
        new.clone().map(|new| Signal { bits: 0.0, p_value: None, ..new })
    } else {
        of_aged(facts, population, members, &known, config)
    };
    (new, aged)
}

fn of_new(
    facts: &Facts<'_>,
    population: &Population,
    members: &[AccountId],
    known: &[(AccountId, Tenure)],
    config: &BehaviourConfig,
) -> Option<Signal> {
    let followed: Vec<&(AccountId, Tenure)> = known.iter().filter(|of| of.1.first.is_some()).collect();
    if followed.len() < FEWEST_ACCOUNTS || 2 * followed.len() < known.len() {
        return None;
    }
    let accounts: Vec<AccountId> = followed.iter().map(|of| of.0).collect();
    let of = |position: usize| population.features[position].tenure.and_then(|tenure| tenure.first);
    let matched =
        Matched::new(facts, population, &accounts, members)?.keep(population, members, |position| of(position).is_some())?;
    let statistics = |group: &mut dyn Iterator<Item = Burst>| {
        let (mut count, mut age, mut warmed) = (0.0, 0.0, 0.0);
        for account in group {
            count += 1.0;
            age -= account.age.ln_1p();
            warmed += f64::from(u8::from(account.warmed_up));
        }
        [age / count, warmed / count]
    };
    let observed = statistics(&mut followed.iter().filter_map(|of| of.1.first));
    let seed = group_key(config.seed, 9, members);
    let chance = monte_carlo(&observed, config.draws, |draw, out| {
        let mut stream = Stream::new(key(&[seed, draw as u64]));
        out.copy_from_slice(&statistics(&mut matched.draw(&mut stream).filter_map(of)));
    });
    let (value, expected) = (days(observed[0]), days(chance.expected[0]));
    Some(Signal { value, expected, bits: chance.bits, p_value: Some(chance.p_value), power: None })
}

fn of_aged(
    facts: &Facts<'_>,
    population: &Population,
    members: &[AccountId],
    known: &[(AccountId, Tenure)],
    config: &BehaviourConfig,
) -> Option<Signal> {
    if known.len() < FEWEST_ACCOUNTS {
        return None;
    }
    let accounts: Vec<AccountId> = known.iter().map(|of| of.0).collect();
    let of = |position: usize| population.features[position].tenure;
    let matched =
        Matched::new(facts, population, &accounts, members)?.keep(population, members, |position| of(position).is_some())?;
    let mean = |group: &mut dyn Iterator<Item = Tenure>| {
        let (mut count, mut age) = (0.0, 0.0);
        for account in group {
            count += 1.0;
            age += account.burst.age.ln_1p();
        }
        age / count
    };
    let observed = mean(&mut known.iter().map(|of| of.1));
    let seed = group_key(config.seed, 9, members);
    let older = monte_carlo(&[observed], config.draws, |draw, out| {
        let mut stream = Stream::new(key(&[seed, draw as u64]));
        out[0] = mean(&mut matched.draw(&mut stream).filter_map(of));
    });
    let (value, expected) = (days(-observed), days(-older.expected[0]));
    let bits = 0.0 - older.bits.clamp(0.0, MOST_AGAINST);
    Some(Signal { value, expected, bits, p_value: Some(older.p_value), power: None })
}

/// Days back from -mean ln(1 + days).
fn days(statistic: f64) -> f64 {
    (-statistic).exp() - 1.0
}

/// Tenure features of one account; `None` without a creation time or with too few events. `log`: the days that the log holds.
pub fn tenure_of(facts: &Facts<'_>, account: AccountId, log: &Range<i64>) -> Option<Tenure> {
    let created = (i64::from(AccountTable::known(&facts.accounts.created_at, account)?) * 1000).div_euclid(DAY);
    let time = facts.activity.of(account).time;
    if time.len() < FEWEST_EVENTS {
        return None;
    }
    let (mut days, mut from) = (Vec::new(), 0);
    while from < time.len() {
        let day = time[from].div_euclid(DAY);
        let to = from + time[from..].partition_point(|&at| at < (day + 1) * DAY);
        days.push((day, to - from));
        from = to;
    }
    let burst_of = |days: &[(i64, usize)]| -> Option<Burst> {
        let largest = days.iter().map(|day| day.1).max()?;
        let burst = days.iter().position(|day| 2 * day.1 >= largest)?;
        let warmed_up = burst > 0 && days[..burst].iter().all(|day| 5 * day.1 <= largest);
        Some(Burst { age: (days[burst].0 - created).max(0) as f64, warmed_up })
    };
    let followed = FOLLOWED.min((log.end - log.start) / 2);
    let until = created + followed;
    let is_followed = followed >= FEWEST_FOLLOWED && log.contains(&created) && until <= log.end;
    let first_days = &days[..days.partition_point(|day| day.0 < until)];
    Some(Tenure { burst: burst_of(&days)?, first: burst_of(first_days).filter(|_| is_followed) })
}

/// The days that a log holds, of UTC, since the epoch: from the first event of all but one in a hundred accounts, and of ten or
/// more of all but one, to the last. One wrong time doesn't move them.
pub(crate) fn days_of(facts: &Facts<'_>) -> Range<i64> {
    let accounts = || (0..facts.graph.account_count() as u32).into_par_iter().with_min_len(1024);
    let of = |end: fn(&[i64]) -> Option<&i64>| {
        let mut ends: Vec<i64> =
            accounts().filter_map(|account| end(facts.activity.of(AccountId(account)).time).copied()).collect();
        ends.par_sort_unstable();
        ends
    };
    let (firsts, lasts) = (of(<[i64]>::first), of(<[i64]>::last));
    let left_out = (firsts.len() / 100).max(usize::from(firsts.len() >= 10));
    match (firsts.get(left_out), lasts.len().checked_sub(1 + left_out)) {
        (Some(first), Some(last)) => first.div_euclid(DAY)..lasts[last].div_euclid(DAY) + 1,
        _ => 0..0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::toy::{self, Toy};
    use super::*;

    #[test]
    fn new_accounts_are_as_new_ones_are_wherever_the_log_begins_and_those_in_full_use_at_once_are_found() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        let (old, young) = (600, 200);
        let world = Toy::growing(60, (old, young, 20), 6);
        let (facts, population) = (world.facts(), Population::new(&world.facts(), &config));
        let test = |members: &[AccountId]| tenure(&facts, &population, members, &config);
        let made_in_the_log: Vec<AccountId> = (old as u32..(old + young) as u32).map(AccountId).collect();
        let group = |seed| super::sample(&made_in_the_log, 20, key(&[seed]));
        toy::assert_super_uniform(300, |seed| test(&group(seed)).0?.p_value);
        let planted = test(&world.planted()).0.expect("they are followed");
        assert!(planted.p_value <= Some(0.02) && planted.value < planted.expected, "{planted:?}");
        // Of accounts from before the log nobody knows when they came to full use.
        assert_eq!(test(&(0..20).map(AccountId).collect::<Vec<_>>()).0, None);
    }

    #[test]
    fn new_accounts_are_not_compared_with_old_ones_where_few_others_are_new() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        for (others, seed) in [5, 12, 19].into_iter().flat_map(|others| (0..4).map(move |seed| (others, seed))) {
            let world = Toy::growing(21, (400, 25 + others, 0), seed);
            let (facts, population) = (world.facts(), Population::new(&world.facts(), &config));
            let young: Vec<AccountId> = (400..425 + others as u32).map(AccountId).collect();
            let group = super::sample(&young, 25, key(&[seed]));
            assert_eq!(tenure(&facts, &population, &group, &config).0, None, "{others} others, {seed}");
        }
    }

    #[test]
    fn who_is_followed_for_a_day_or_two_is_not_measured() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        for (days, is_measured) in [(2, false), (3, false), (7, false), (8, true)] {
            let world = Toy::growing(days, (300, 0, 150), 3);
            let (facts, population) = (world.facts(), Population::new(&world.facts(), &config));
            assert_eq!(population.days.end - population.days.start, days);
            let made = |account: &AccountId| world.accounts.created_at[account.index()];
            let mut group = world.planted();
            group.sort_by_key(|account| (made(account), *account));
            group.truncate(10);
            group.sort_unstable();
            assert_eq!(tenure(&facts, &population, &group, &config).0.is_some(), is_measured, "{days} days");
        }
    }

    #[test]
    fn one_wrong_time_does_not_move_the_days_of_a_small_log() {
        for (old, young) in [(6, 4), (40, 20), (400, 200)] {
            let days = days_of(&Toy::growing(30, (old, young, 0), 1).facts());
            assert_eq!(days.end - days.start, 30);
            for wrong in [-3_000 * DAY, days.end * DAY + 3_000 * DAY] {
                let world = Toy::growing(30, (old, young, 0), 1).with_event_at(2, wrong);
                assert_eq!(days_of(&world.facts()), days, "{old} {young} {wrong}");
            }
        }
    }

    #[test]
    fn accounts_older_than_others_look_like_peoples() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        let world = Toy::mixed(400, 30, 0, 6);
        let (facts, population) = (world.facts(), Population::new(&world.facts(), &config));
        let aged = |members: &[AccountId]| tenure(&facts, &population, members, &config).1;
        toy::assert_super_uniform(300, |seed| aged(&world.random_group(10, seed))?.p_value.or(Some(1.0)));
        // The oldest tenth.
        let age = |account| Some((tenure_of(&facts, account, &population.days)?.burst.age, account));
        let mut by_age: Vec<(f64, AccountId)> = (0..400).map(AccountId).filter_map(age).collect();
        by_age.sort_by(|left, right| right.0.total_cmp(&left.0));
        let mut oldest: Vec<AccountId> = by_age[..40].iter().map(|&(_, account)| account).collect();
        oldest.sort_unstable();
        assert!(aged(&oldest).is_some_and(|aged| aged.bits <= -5.0), "{:?}", aged(&oldest));
    }
}
