//! Does each account keep hours of its own, as people and timers do and accounts that one clock runs don't?
//!
//! Definition: an account's profile of half of the days (even and odd ones, UTC) is the share of its active eighths of a day
//! that fall on each eighth; d = profile - mean profile of the group in that half, and h = mean over accounts of d(even) .
//! d(odd), times n / (n - 1). Halves share no day, so however little is known of an account, and however its requests come in
//! sittings, h has expectation 0 where the accounts' days are drawn from one profile; it is the variance between accounts of
//! what lasts. Value: h over h of the population's panel, 1 where members differ from each other as much as anybody, 0 where
//! they don't (dealt out by one queue, or people of one office). `None` where the population itself hasn't hours that are clear
//! of 0 by four standard errors.
//!
//! Bits: log2 of the ratio of two stated normal densities at the value, 0 +- .15 for one clock and 1 +- .5 for people or
//! timers (1 for any value above it), both widened by the value's standard error, and no less than -[`MOST_BITS`]. Negative bits
//! speak against a group that is an operator's by its shape alone: a pool whose customers stay with their accounts has hours of
//! its own too, and is found by its behaviour. Positive ones speak for no operator, since offices keep one clock as well: they
//! count against the harmless stories of people or projects that have nothing to do with each other ([`crate::benign`]). Cost:
//! the active eighths of `sampled_accounts` accounts, a search each. Reference for the split halves: Spearman 1910,
//! doi:10.1111/j.2044-8295.1910.tb00206.x.

use graph::AccountId;
use statrs::distribution::{Continuous, Normal};

use super::random::sample;
use super::{BehaviourConfig, Population};
use crate::{Facts, Signal};

/// Parts of a day.
const EIGHTHS: usize = 8;
const EIGHTH: i64 = 10_800_000;
/// Accounts with fewer active days in either half have no profile.
pub(crate) const FEWEST_DAYS: usize = 3;
/// Groups with fewer profiles give no signal.
pub(crate) const FEWEST_ACCOUNTS: usize = 4;
/// Fewer accounts of the panel with a profile are no population.
pub(crate) const FEWEST_OTHERS: usize = 20;
/// Standard errors by which the population's accounts must differ.
const CLEAR: f64 = 4.0;
/// Most bits that hours of their own take.
pub const MOST_BITS: f64 = 12.0;
/// Mean and deviation of the value where one clock runs all accounts, and where each has its own.
const ONE_CLOCK: (f64, f64) = (0.0, 0.15);
const OWN_CLOCKS: (f64, f64) = (1.0, 0.5);

/// Accounts that differ more than this aren't people's, who differ as everybody does: a queue strictly in turn at a steady pace
/// gives each account minutes of its own.
const MOST_OF_PEOPLE: f64 = OWN_CLOCKS.0 + 2.0 * OWN_CLOCKS.1;

/// The odds, at most 1, that one clock runs the accounts rather than that each keeps hours as people do; 1 where they differ more
/// than people.
pub fn one_clock(own_hours: &Signal) -> f64 {
    if own_hours.value > MOST_OF_PEOPLE { 1.0 } else { own_hours.bits.min(0.0).exp2() }
}

/// Profiles of the even and of the odd days.
pub(crate) type Halves = [[f64; EIGHTHS]; 2];

/// How much the accounts of a group, or of a panel, differ in hours that last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Lasting {
    variance: f64,
    standard_error: f64,
}

/// Tests whether a group's accounts keep hours of their own.
pub fn own_hours(
    facts: &Facts<'_>,
    population: &Population,
    members: &[AccountId],
    config: &BehaviourConfig,
) -> Option<Signal> {
    let everybody = population.lasting?;
    let chosen = sample(members, config.sampled_accounts, config.seed);
    let profiles: Vec<Halves> = chosen.into_iter().filter_map(|account| halves_of(facts, account)).collect();
    let own = Lasting::of(&profiles, FEWEST_ACCOUNTS)?;
    let (value, error) = (own.variance / everybody.variance, own.standard_error / everybody.variance);
    let density =
        |at: f64, (mean, deviation)| Normal::new(mean, error.hypot(deviation)).map(|normal: Normal| normal.ln_pdf(at)).ok();
    // Who differs more than most people do keeps hours of its own all the same.
    let bits = (density(value, ONE_CLOCK)? - density(value.min(OWN_CLOCKS.0), OWN_CLOCKS)?) / std::f64::consts::LN_2;
    Some(Signal { value, expected: OWN_CLOCKS.0, bits: bits.clamp(-MOST_BITS, MOST_BITS), p_value: None, power: None })
}

/// How much everybody differs; `None` where that isn't clear.
pub(crate) fn reference(profiles: &[Halves]) -> Option<Lasting> {
    Lasting::of(profiles, FEWEST_OTHERS).filter(|everybody| everybody.variance > CLEAR * everybody.standard_error)
}

/// An account's profiles; `None` with too few days.
pub(crate) fn halves_of(facts: &Facts<'_>, account: AccountId) -> Option<Halves> {
    let time = facts.activity.of(account).time;
    let (mut counts, mut days, mut last) = ([[0.0f64; EIGHTHS]; 2], [0; 2], None);
    let mut from = 0;
    while from < time.len() {
        let eighth = time[from].div_euclid(EIGHTH);
        let day = eighth.div_euclid(EIGHTHS as i64);
        let half = day.rem_euclid(2) as usize;
        counts[half][eighth.rem_euclid(EIGHTHS as i64) as usize] += 1.0;
        days[half] += usize::from(last != Some(day));
        last = Some(day);
        from += time[from..].partition_point(|&at| at < (eighth + 1) * EIGHTH);
    }
    for half in &mut counts {
        let all: f64 = half.iter().sum();
        half.iter_mut().for_each(|count| *count /= all);
    }
    (days.into_iter().min() >= Some(FEWEST_DAYS)).then_some(counts)
}

impl Lasting {
    fn of(profiles: &[Halves], fewest: usize) -> Option<Self> {
        if profiles.len() < fewest {
            return None;
        }
        let count = profiles.len() as f64;
        let mut means: Halves = [[0.0; EIGHTHS]; 2];
        for (at, part) in profiles.iter().flat_map(|halves| halves.as_flattened()).enumerate() {
            means.as_flattened_mut()[at % (2 * EIGHTHS)] += part / count;
        }
        let product = |[even, odd]: &Halves| {
            let parts = (0..EIGHTHS).map(|at| (even[at] - means[0][at]) * (odd[at] - means[1][at]));
            parts.sum::<f64>() * count / (count - 1.0)
        };
        let products: Vec<f64> = profiles.iter().map(product).collect();
        let variance = products.iter().sum::<f64>() / count;
        let spread = products.iter().map(|product| (product - variance).powi(2)).sum::<f64>() / (count - 1.0);
        Some(Lasting { variance, standard_error: (spread / count).sqrt() })
    }
}

#[cfg(test)]
mod tests {
    use super::super::toy::Toy;
    use super::*;

    /// 400 accounts with hours of their own, then 40 of one queue that deals out at all hours.
    fn world(seed: u64) -> Toy {
        Toy::with_hours(400, 40, 60, seed)
    }

    #[test]
    fn one_clock_says_nothing_and_own_clocks_speak_against() {
        let config = BehaviourConfig::default();
        for seed in 0..20 {
            let world = world(seed);
            let facts = world.facts();
            let population = Population::new(&facts, &config);
            let test = |members: &[AccountId]| own_hours(&facts, &population, members, &config).expect("hours are known");
            let (pool, people) = (test(&world.planted()), test(&world.random_group(40, seed)));
            assert!(pool.value.abs() < 0.35 && pool.bits > -1.0, "{pool:?}");
            assert!((0.5..2.0).contains(&people.value) && people.bits < -3.0, "{people:?}");
        }
    }

    #[test]
    fn what_lasts_has_expectation_zero_under_one_clock_however_little_is_known() {
        // 300 pools of 12 accounts with some 12 events each: the mean value is within 4 standard errors of 0.
        let values: Vec<f64> = (0..300)
            .filter_map(|seed| {
                let pool = Toy::independent(12, 12, seed);
                let profiles: Vec<Halves> =
                    pool.members(12).into_iter().filter_map(|account| halves_of(&pool.facts(), account)).collect();
                Lasting::of(&profiles, FEWEST_ACCOUNTS).map(|lasting| lasting.variance)
            })
            .collect();
        let count = values.len() as f64;
        assert!(count > 250.0, "{count}");
        let mean = values.iter().sum::<f64>() / count;
        let deviation = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
        assert!(mean.abs() < 4.0 * deviation / count.sqrt(), "{mean} {deviation}");
    }

    #[test]
    fn who_differs_more_than_people_do_may_be_run_by_one_clock() {
        let signal = |value: f64| Signal { value, expected: 1.0, bits: -4.0, p_value: None, power: None };
        assert_eq!((one_clock(&signal(1.5)), one_clock(&signal(6.0))), (0.0625, 1.0));
    }

    #[test]
    fn where_nobody_has_hours_there_is_no_signal() {
        let world = Toy::with_hours(0, 200, 60, 1);
        let (facts, config) = (world.facts(), BehaviourConfig::default());
        assert_eq!(own_hours(&facts, &Population::new(&facts, &config), &world.members(40), &config), None);
    }
}
