//! Were the accounts made in bursts?
//!
//! Definition: the scan statistic: the largest number of the group's creations in any window of each width in [`WIDTHS`]; value
//! = that of the width with the largest ratio to its expectation. Null: as many creations drawn from the population's creation
//! times from [`MARGIN`] before the group's first to as long after its last: days on which everybody signs up are in the null.
//! Where hardly anybody else signed up then (fewer than `FEWEST_OTHERS` of the population's sample), the group would be its own
//! null; it is compared with all of the population's times. p over all widths by smallest rank. Assumption: a benign onboarding
//! (a class, a company) also comes in bursts; the test says "made together", not by whom. Cost: draws x n log n, n at most
//! 2,000 (a sample). Reference: Naus 1965, doi:10.1080/01621459.1965.10480810; Kulldorff 1997, doi:10.1080/03610929708831995.

use graph::AccountId;

use super::chance::monte_carlo;
use super::random::{Stream, group_key, key, sample};
use super::{BehaviourConfig, Population};
use crate::{AccountTable, Facts, Signal};

/// Widths of the scanning window in seconds.
pub const WIDTHS: [f64; 3] = [600.0, 3_600.0, 86_400.0];
/// Time on either side of the group's creations that the null covers, in seconds: a fortnight.
pub const MARGIN: f64 = 14.0 * 86_400.0;
/// Members that represent a larger group.
const SAMPLE: usize = 2_000;
/// Fewer known creation times give no signal.
pub(crate) const FEWEST: usize = 5;
/// Fewer known creation times of everybody, or of others about then, are no population.
pub(crate) const FEWEST_OTHERS: usize = 20;

/// Tests a group for creation in bursts.
pub fn registration_bursts(
    facts: &Facts<'_>,
    population: &Population,
    members: &[AccountId],
    config: &BehaviourConfig,
) -> Option<Signal> {
    let mut times = creations(facts, members, config);
    if times.len() < FEWEST || population.created.len() < FEWEST_OTHERS {
        return None;
    }
    let then = (times[0] - MARGIN, times[times.len() - 1] + MARGIN);
    let mut about_then = ranks(population, then.0, then.1);
    if others_made(facts, population, members, then) < FEWEST_OTHERS {
        about_then = ranks(population, f64::NEG_INFINITY, f64::INFINITY);
    }
    let mut observed = [0.0; WIDTHS.len()];
    scan(&times, &mut observed);
    let seed = group_key(config.seed, 7, members);
    let chance = monte_carlo(&observed, config.draws, |draw, out| {
        draw_creations(population, about_then, key(&[seed, draw as u64]), &mut times);
        times.sort_unstable_by(f64::total_cmp);
        scan(&times, out);
    });
    let ratio = |at: usize| observed[at] / chance.expected[at];
    let best = (0..WIDTHS.len()).reduce(|best, at| if ratio(at) > ratio(best) { at } else { best })?;
    Some(Signal {
        value: observed[best],
        expected: chance.expected[best],
        bits: chance.bits,
        p_value: Some(chance.p_value),
        power: None,
    })
}

/// The width of the window that a signal's value is of, in seconds: the narrowest in which as many were made, as wider ones
/// expect no fewer. `None` where no window holds as many, as when the members or the creation times are others.
pub fn window_of(facts: &Facts<'_>, members: &[AccountId], value: f64, config: &BehaviourConfig) -> Option<f64> {
    let mut most = [0.0; WIDTHS.len()];
    scan(&creations(facts, members, config), &mut most);
    WIDTHS.into_iter().zip(most).find(|&(_, most)| most == value).map(|(width, _)| width)
}

/// When the members were made, in seconds since 1970, ascending, as far as that is known; of a large group a sample.
pub(crate) fn creations(facts: &Facts<'_>, members: &[AccountId], config: &BehaviourConfig) -> Vec<f64> {
    let created = facts.accounts.created_at.as_slice();
    let known = |account: AccountId| AccountTable::known(created, account);
    let mut times: Vec<f64> = sample(members, SAMPLE, config.seed).into_iter().filter_map(known).map(f64::from).collect();
    times.sort_unstable_by(f64::total_cmp);
    times
}

/// How many of the population's sample of creation times from the first to the last are not of members.
fn others_made(facts: &Facts<'_>, population: &Population, members: &[AccountId], (first, last): (f64, f64)) -> usize {
    let is_then = |&time: &u32| first <= f64::from(time) && f64::from(time) <= last;
    let sampled = members.iter().filter(|account| account.index().is_multiple_of(population.created_stride));
    let known = sampled.filter_map(|&account| AccountTable::known(&facts.accounts.created_at, account));
    let everybody = population.created.partition_point(|&time| f64::from(time) <= last)
        - population.created.partition_point(|&time| f64::from(time) < first);
    everybody - known.filter(is_then).count()
}

/// The ranks, in the population, of a null's first and last time.
pub(crate) fn ranks(population: &Population, first: f64, last: f64) -> (f64, f64) {
    let rank = |time: f64| population.created.partition_point(|&other| f64::from(other) < time) as f64;
    ((rank(first) - 1.0).max(0.0), rank(last).min(population.created.len() as f64 - 1.0))
}

/// Replaces times by as many of the population's between two ranks, in no order.
pub(crate) fn draw_creations(population: &Population, (low, high): (f64, f64), seed: u64, times: &mut [f64]) {
    let mut stream = Stream::new(seed);
    for time in times {
        *time = quantile(&population.created, low + stream.unit() * (high - low));
    }
}

/// The most times in any window of each width. `times` ascends.
fn scan(times: &[f64], out: &mut [f64]) {
    for (most, width) in out.iter_mut().zip(WIDTHS) {
        let (mut from, mut largest) = (0, 0);
        for to in 0..times.len() {
            while times[to] - times[from] >= width {
                from += 1;
            }
            largest = largest.max(to - from + 1);
        }
        *most = largest as f64;
    }
}

/// The population's creation time at a fractional rank, linear between neighbours.
fn quantile(created: &[u32], rank: f64) -> f64 {
    let below = (rank as usize).min(created.len() - 1);
    let above = (below + 1).min(created.len() - 1);
    f64::from(created[below]) + (rank - below as f64) * (f64::from(created[above]) - f64::from(created[below]))
}

#[cfg(test)]
mod tests {
    use super::super::toy::{self, Toy};
    use super::*;

    #[test]
    fn scan_by_hand() {
        let mut out = [0.0; 3];
        scan(&[0.0, 599.0, 600.0, 4_000.0, 90_000.0], &mut out);
        assert_eq!(out, [2.0, 3.0, 4.0]);
    }

    #[test]
    fn who_is_made_in_an_hour_of_a_month_in_which_nobody_else_is_came_in_a_burst() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        let mut world = Toy::made(400, 40, false, 4);
        let made = world.accounts.created_at.iter().enumerate();
        let a_month_later = world.accounts.created_at[0] + 60 * 86_400;
        let made: Vec<_> = made.map(|(at, &created)| if at < 400 { created } else { a_month_later + at as u32 }).collect();
        world.accounts.created_at = made.into();
        let facts = world.facts();
        let found = registration_bursts(&facts, &Population::new(&facts, &config), &world.planted(), &config);
        assert!(found.as_ref().is_some_and(|found| found.p_value <= Some(0.01)), "{found:?}");
    }

    #[test]
    fn a_pool_larger_than_its_sample_is_not_its_own_null() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        for pool in [1_500, 3_000] {
            let mut world = Toy::made(10_000, pool, false, 4);
            let hour = world.accounts.created_at[0] + 90 * 86_400;
            let made = world.accounts.created_at.iter().enumerate();
            let made: Vec<_> =
                made.map(|(at, &created)| if at < 10_000 { created } else { hour + (at % 3_600) as u32 }).collect();
            world.accounts.created_at = made.into();
            let facts = world.facts();
            let found = registration_bursts(&facts, &Population::new(&facts, &config), &world.planted(), &config);
            assert!(found.as_ref().is_some_and(|found| found.p_value <= Some(0.01)), "{pool}: {found:?}");
        }
    }

    #[test]
    fn who_is_made_when_everybody_is_is_compared_with_these_however_few_of_everybody_are_looked_at() {
        let config = BehaviourConfig { draws: 99, created_sample: 1_000, ..BehaviourConfig::default() };
        let mut world = Toy::made(4_000, 0, false, 4);
        // Most of all within a month, between years of the others.
        let days = |at: usize| (60 + at as u32) * 86_400;
        let made = |(at, &created): (usize, &u32)| match at % 9 {
            0..5 => created,
            5 | 6 => created + days(at),
            _ => created - days(at),
        };
        let made: Vec<u32> = world.accounts.created_at.iter().enumerate().map(made).collect();
        world.accounts.created_at = made.into();
        let (facts, population) = (world.facts(), Population::new(&world.facts(), &config));
        let then: Vec<AccountId> = (0..4_000).filter(|at| at % 9 < 5).map(AccountId).collect();
        let p = |seed| registration_bursts(&facts, &population, &sample(&then, 600, seed), &config)?.p_value;
        toy::assert_super_uniform(60, p);
    }

    #[test]
    fn null_is_super_uniform_and_a_burst_is_found() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        let world = Toy::mixed(400, 30, 20, 4);
        let facts = world.facts();
        let population = Population::new(&facts, &config);
        let p = |members: &[AccountId]| registration_bursts(&facts, &population, members, &config).unwrap().p_value;
        toy::assert_super_uniform(300, |seed| p(&world.random_group(12, seed)));
        assert!(p(&world.planted()).unwrap() <= 0.03);
        let found = registration_bursts(&facts, &population, &world.planted(), &config).unwrap();
        let window = window_of(&facts, &world.planted(), found.value, &config).expect("a window holds as many");
        let mut most = [0.0; WIDTHS.len()];
        scan(&creations(&facts, &world.planted(), &config), &mut most);
        assert_eq!(most[WIDTHS.iter().position(|&width| width == window).unwrap()], found.value);
        assert_eq!(window_of(&facts, &world.planted(), 0.5, &config), None);
    }
}
