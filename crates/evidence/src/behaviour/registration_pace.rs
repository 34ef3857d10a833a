//! Were the accounts made at an even pace, as a script makes one when the last one's credit is used up?
//!
//! Definition: the group's creations in windows of each width in [`WIDTHS`] that follow each other from the first creation to the
//! last, and the variance of these counts over their mean; the less, the more even. Value: that at the width at which it is
//! furthest below its expectation; 1 is about chance, 0 a clock. Nulls: the first and the last
//! creation stay, and the others are drawn from everybody's creations in between, nights and weekends as they were; or any time
//! in between is as likely. Everybody's creations have bursts, of classes and of other operators, so that most people's are more
//! even than theirs: only what is more even than independent creations at a constant rate as well is a pace. p over all
//! widths by smallest rank; the null that says less counts. People sign up when they do: no harmless story brings it. Cost: draws x n. Reference: the index of
//! dispersion, Fisher, Thornton & Mackenzie 1922, doi:10.1111/j.1744-7348.1922.tb05962.x.

use graph::AccountId;

use super::chance::monte_carlo;
use super::random::{Stream, group_key, key};
use super::registration_bursts::{FEWEST_OTHERS, creations, draw_creations, ranks};
use super::{BehaviourConfig, Population};
use crate::{Facts, Signal};

/// Widths of the windows in seconds.
pub const WIDTHS: [f64; 3] = [10_800.0, 43_200.0, 86_400.0];
/// Fewer known creation times have no pace.
pub(crate) const FEWEST: usize = 20;
/// Fewer windows of a width tell none.
const FEWEST_WINDOWS: usize = 4;

/// Tests a group for creation at an even pace. `None` with few known creation times, or all within three windows of the least
/// width.
pub fn registration_pace(
    facts: &Facts<'_>,
    population: &Population,
    members: &[AccountId],
    config: &BehaviourConfig,
) -> Option<Signal> {
    let mut times = creations(facts, members, config);
    if times.len() < FEWEST || population.created.len() < FEWEST_OTHERS {
        return None;
    }
    let (first, last) = (times[0], times[times.len() - 1]);
    let windows: Vec<(f64, usize)> = WIDTHS
        .into_iter()
        .map(|width| (width, ((last - first) / width) as usize))
        .filter(|&(_, count)| count >= FEWEST_WINDOWS)
        .collect();
    if windows.is_empty() {
        return None;
    }
    let ranks = ranks(population, first, last);
    let evenness = |times: &[f64], out: &mut [f64]| {
        for (even, &(width, count)) in out.iter_mut().zip(&windows) {
            *even = -dispersion(times, first, width, count);
        }
    };
    let mut observed = vec![0.0; windows.len()];
    evenness(&times, &mut observed);
    let seed = group_key(config.seed, 14, members);
    let mut chance = monte_carlo(&observed, config.draws, |draw, out| {
        let inner = 1..times.len() - 1;
        draw_creations(population, ranks, key(&[seed, draw as u64]), &mut times[inner]);
        evenness(&times, out);
    });
    if chance.p_value <= 0.1 {
        let anywhere = monte_carlo(&observed, config.draws, |draw, out| {
            let mut stream = Stream::new(key(&[seed, u64::MAX, draw as u64]));
            let inner = 1..times.len() - 1;
            times[inner].fill_with(|| first + (last - first) * stream.unit());
            evenness(&times, out);
        });
        chance = chance.weaker(anywhere);
    }
    let both = observed.iter().zip(&chance.expected).map(|(observed, expected)| (-observed, -expected));
    let (value, expected) = both.min_by(|one, other| (one.0 / one.1).total_cmp(&(other.0 / other.1)))?;
    Some(Signal { value, expected, bits: chance.bits, p_value: Some(chance.p_value), power: None })
}

/// Variance over mean of the counts in `count` windows from `first`; times beyond the last are left out. O(times + windows).
fn dispersion(times: &[f64], first: f64, width: f64, count: usize) -> f64 {
    let mut counts = vec![0.0f64; count];
    for window in times.iter().map(|time| ((time - first) / width) as usize).filter(|&window| window < count) {
        counts[window] += 1.0;
    }
    let mean = counts.iter().sum::<f64>() / count as f64;
    counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / (count as f64 * mean.max(f64::MIN_POSITIVE))
}

#[cfg(test)]
mod tests {
    use super::super::toy::{self, Toy};
    use super::*;

    #[test]
    fn dispersion_by_hand() {
        // Counts 2, 0, 1 and one beyond: mean 1, variance 2/3.
        assert!((dispersion(&[0.0, 9.0, 25.0, 31.0], 0.0, 10.0, 3) - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn null_is_super_uniform_and_an_even_pace_is_found() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        let (scattered, paced) = (Toy::made(400, 60, false, 4), Toy::made(400, 60, true, 4));
        let p = |world: &Toy, members: &[AccountId]| {
            let facts = world.facts();
            registration_pace(&facts, &Population::new(&facts, &config), members, &config)?.p_value
        };
        toy::assert_super_uniform(300, |seed| p(&scattered, &scattered.random_group(30, seed)));
        assert!(p(&scattered, &scattered.planted()) > Some(0.05));
        assert!(p(&paced, &paced.planted()) <= Some(0.01));
    }

    #[test]
    fn who_is_only_more_even_than_a_population_of_bursts_keeps_no_pace() {
        // Of 400 accounts 300 are made in three hours; 60 of the others, at any time of two months, are people.
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        let mut bits = 0.0f64;
        for seed in 0..20 {
            let mut world = Toy::made(400, 0, false, seed);
            let first = world.accounts.created_at[0];
            let made = world.accounts.created_at.iter().enumerate();
            let made: Vec<_> = made.map(|(at, &created)| if at < 300 { first + at as u32 % 10_800 } else { created }).collect();
            world.accounts.created_at = made.into();
            let (facts, members) = (world.facts(), world.members(400).split_off(340));
            let pace = registration_pace(&facts, &Population::new(&facts, &config), &members, &config);
            bits = bits.max(pace.expect("creations are known").bits);
        }
        assert!(bits < 4.0, "{bits}");
    }
}
