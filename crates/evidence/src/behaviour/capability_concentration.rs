//! TMP-3: do the accounts ask for few kinds of things, as a campaign does?
//!
//! Definition: s = mean of the accounts' shares of each capability class (each account counts once); value = 1 - H(s) /
//! ln(classes), 0 for an even mix, 1 for a single class. Beside it, as a second statistic, KL(s || population's matched mix): a
//! group can be focused on what everybody asks (entropy) or on what nobody asks (divergence; 0 for a mix that is more even than
//! the population's, which is no focus). Null: as many accounts, each
//! drawn from the population's accounts of the same pathway and volume. p over both by smallest rank. Assumption: benign groups
//! of one purpose exist (a translation batch); the test says "focused", not "operated". Cost: `panel_events` events an account,
//! then draws x accounts x classes. Reference: Kullback & Leibler 1951, doi:10.1214/aoms/1177729694.

use graph::{AccountId, NONE_U16};

use super::chance::monte_carlo;
use super::population::Matched;
use super::random::{Stream, group_key, key, sample};
use super::{BehaviourConfig, Population};
use crate::{Facts, Signal};

/// Groups with fewer accounts of known capability give no signal.
const FEWEST_ACCOUNTS: usize = 3;
/// Accounts with fewer events of known capability have no shares.
const FEWEST_EVENTS: usize = 5;

/// Tests a group for focus on few capability classes.
pub fn capability_concentration(
    facts: &Facts<'_>,
    population: &Population,
    members: &[AccountId],
    config: &BehaviourConfig,
) -> Option<Signal> {
    let classes = population.capability_count;
    if classes < 2 {
        return None;
    }
    let (mut known, mut own) = (Vec::new(), vec![0.0; classes]);
    for account in sample(members, config.sampled_accounts, config.seed) {
        if let Some(shares) = shares(facts, account, classes, config) {
            known.push(account);
            add(&mut own, &shares);
        }
    }
    if known.len() < FEWEST_ACCOUNTS {
        return None;
    }
    let matched = Matched::new(facts, population, &known, members)?
        .keep(population, members, |position| !population.features[position].capability.is_empty())?;
    let seed = group_key(config.seed, 3, members);
    let null_group = |draw: u64| {
        let mut sums = vec![0.0; classes];
        for position in matched.draw(&mut Stream::new(key(&[seed, draw]))) {
            add(&mut sums, &population.features[position].capability);
        }
        sums
    };
    // The population's matched mix: 32 draws that the test itself doesn't use.
    let mut mix = vec![0.0; classes];
    for draw in 0..32 {
        for (sum, part) in mix.iter_mut().zip(null_group(u64::MAX - draw)) {
            *sum += part;
        }
    }
    let usual = concentration(&mix);
    let statistics = |sums: &[f64]| {
        let focus = concentration(sums);
        [focus, if focus < usual { 0.0 } else { divergence(sums, &mix) }]
    };
    let observed = statistics(&own);
    let chance = monte_carlo(&observed, config.draws, |draw, out| {
        out.copy_from_slice(&statistics(&null_group(draw as u64)));
    });
    Some(Signal { value: observed[0], expected: chance.expected[0], bits: chance.bits, p_value: Some(chance.p_value) })
}

/// Number of capability classes in the input; 0 without the column.
pub(crate) fn class_count(facts: &Facts<'_>) -> usize {
    use rayon::prelude::*;
    let column = facts.activity.columns().capability.as_slice();
    column.par_iter().filter(|&&class| class != NONE_U16).max().map_or(0, |&class| usize::from(class) + 1)
}

/// An account's share of each class, over at most `panel_events` evenly spaced events; `None` with too few.
pub(crate) fn shares(facts: &Facts<'_>, account: AccountId, classes: usize, config: &BehaviourConfig) -> Option<Vec<f32>> {
    let events = facts.activity.of(account).capability;
    let stride = events.len().div_ceil(config.panel_events.max(1)).max(1);
    let mut counts = vec![0.0f32; classes];
    for &class in events.iter().step_by(stride).filter(|&&class| class != NONE_U16) {
        counts[usize::from(class)] += 1.0;
    }
    let total: f32 = counts.iter().sum();
    counts.iter_mut().for_each(|count| *count /= total);
    (total >= FEWEST_EVENTS as f32).then_some(counts)
}

fn add(sums: &mut [f64], shares: &[f32]) {
    for (sum, &share) in sums.iter_mut().zip(shares) {
        *sum += f64::from(share);
    }
}

/// 1 - H / ln(classes).
fn concentration(sums: &[f64]) -> f64 {
    let total: f64 = sums.iter().sum();
    let entropy: f64 = sums.iter().filter(|&&sum| sum > 0.0).map(|&sum| -(sum / total) * (sum / total).ln()).sum();
    1.0 - entropy / (sums.len() as f64).ln()
}

/// KL(s || q) in nats, q smoothed by half a unit a class.
fn divergence(sums: &[f64], mix: &[f64]) -> f64 {
    let (total, mass) = (sums.iter().sum::<f64>(), mix.iter().sum::<f64>() + 0.5 * mix.len() as f64);
    let terms = sums.iter().zip(mix).filter(|&(&sum, _)| sum > 0.0);
    terms.map(|(&sum, &part)| (sum / total) * ((sum / total) / ((part + 0.5) / mass)).ln()).sum()
}

#[cfg(test)]
mod tests {
    use super::super::toy::{self, Toy};
    use super::*;

    #[test]
    fn hand_values() {
        assert!(concentration(&[1.0, 1.0, 1.0, 1.0]).abs() < 1e-12);
        assert!((concentration(&[3.0, 0.0, 0.0, 0.0]) - 1.0).abs() < 1e-12);
        // KL((1, 0) || (1/2, 1/2)) = ln 2.
        assert!((divergence(&[1.0, 0.0], &[7.0, 7.0]) - 2f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn null_is_uniform_and_a_campaign_is_found() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        let world = Toy::mixed(400, 30, 20, 5);
        let facts = world.facts();
        let population = Population::new(&facts, &config);
        let p = |members: &[AccountId]| capability_concentration(&facts, &population, members, &config);
        toy::assert_super_uniform(300, |seed| p(&world.random_group(10, seed)).unwrap().p_value);
        assert!(p(&world.planted()).unwrap().p_value.unwrap() <= 0.01);
        assert!(p(&world.planted()).unwrap().bits > 3.0);
    }
}
