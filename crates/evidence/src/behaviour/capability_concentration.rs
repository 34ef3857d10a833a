//! TMP-3: do the accounts ask for few kinds of things, as a campaign does?
//!
//! Definition: s = mean of the accounts' shares of each capability class (each account counts once); value = 1 - H(s) /
//! ln(classes), 0 for an even mix, 1 for a single class. Beside it, as a second statistic, KL(s || population's matched mix): a
//! group can be focused on what everybody asks (entropy) or on what nobody asks (divergence; 0 for a mix that is more even than
//! the population's, which is no focus). Null: as many accounts, each drawn from the population's accounts of the same pathway
//! and volume. p over both by smallest rank. Assumption: benign groups of one purpose exist (a translation batch); the test
//! says "focused", not "operated".
//!
//! *Power*: the share of these accounts, of `LEADERS` drawn, such that a group of as many accounts, all with the one's mix,
//! would have p <= .05. It is low for a group too small to stand out, and where what it could do most do anyway. A column by
//! which the population's accounts aren't told apart (everybody logs in, looks and signs up alike) has no such groups, and the
//! power is the level itself. Told apart: *agreement* k = (a - b) / (1 - b), a the probability that two events of one account
//! are of one class, b that two events of different accounts are (the intraclass correlation; unbiased, 0 where all mixes are
//! the same, 1 where each account does one thing), is [`TOLD_APART`] or more. Without power a group that isn't focused is no
//! evidence: `None`, as without the column; one that is counts, and takes from no case ([`crate::score`]).
//!
//! Cost: `panel_events` events an account, then (draws + `POWER_DRAWS`) x accounts x classes. References: Kullback & Leibler
//! 1951, doi:10.1214/aoms/1177729694; Cohen 1988, Statistical Power Analysis for the Behavioral Sciences,
//! doi:10.4324/9780203771587.

use graph::{AccountId, NONE_U16};
use rayon::prelude::*;

use super::chance::monte_carlo;
use super::population::Matched;
use super::random::{Stream, group_key, key, sample};
use super::{BehaviourConfig, Population};
use crate::{Facts, Signal};

/// Groups with fewer accounts of known capability give no signal.
pub(crate) const FEWEST_ACCOUNTS: usize = 3;
/// Accounts with fewer events of known capability have no shares.
pub(crate) const FEWEST_EVENTS: usize = 5;
/// Agreement from which accounts are told apart by what they ask: Cohen's medium effect, 6% of the variance.
pub const TOLD_APART: f64 = 0.06;
/// Accounts whose mix a group could have, and null groups to compare it with.
const LEADERS: u64 = 32;
const POWER_DRAWS: usize = 99;
/// Level of the test that power is of.
const LEVEL: f64 = 0.05;

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
    let power = match population.capability_agreement {
        Some(agreement) if agreement >= TOLD_APART => {
            let usual: Vec<[f64; 2]> = (0..POWER_DRAWS as u64).map(|draw| statistics(&null_group(draw))).collect();
            let is_found = |leader: u64| {
                let mut stream = Stream::new(key(&[seed, LEADERS, leader]));
                let position = matched.draw(&mut stream).nth(leader as usize % known.len());
                position.is_some_and(|position| {
                    let mut mix = vec![0.0; classes];
                    add(&mut mix, &population.features[position].capability);
                    let of_mix = statistics(&mix);
                    monte_carlo(&of_mix, POWER_DRAWS, |draw, out| out.copy_from_slice(&usual[draw])).p_value <= LEVEL
                })
            };
            (0..LEADERS).filter(|&leader| is_found(leader)).count() as f64 / LEADERS as f64
        }
        _ => LEVEL,
    };
    let signal = Signal {
        value: observed[0],
        expected: chance.expected[0],
        bits: chance.bits,
        p_value: Some(chance.p_value),
        power: Some(power),
    };
    Some(signal).filter(|signal| signal.has_power() || chance.p_value <= LEVEL)
}

/// How much more alike two events of one account are in class than two accounts', over at most `panel_events` events each;
/// `None` without two accounts and two classes.
pub(crate) fn agreement(facts: &Facts<'_>, accounts: &[AccountId], classes: usize, config: &BehaviourConfig) -> Option<f64> {
    let counts: Vec<Vec<f32>> =
        accounts.par_iter().filter_map(|&account| class_counts(facts, account, classes, config)).collect();
    let (mut within, mut same, mut mix) = (0.0, 0.0, vec![0.0; classes]);
    for counts in &counts {
        let total: f64 = counts.iter().copied().map(f64::from).sum();
        for (sum, count) in mix.iter_mut().zip(counts.iter().copied().map(f64::from)) {
            within += count * (count - 1.0) / (total * (total - 1.0));
            same += (count / total).powi(2);
            *sum += count / total;
        }
    }
    let accounts = counts.len() as f64;
    let between = (mix.iter().map(|sum| sum * sum).sum::<f64>() - same) / (accounts * (accounts - 1.0));
    (between < 1.0).then(|| (within / accounts - between) / (1.0 - between))
}

/// Number of capability classes in the input; 0 without the column.
pub(crate) fn class_count(facts: &Facts<'_>) -> usize {
    let column = facts.activity.columns().capability.as_slice();
    column.par_iter().filter(|&&class| class != NONE_U16).max().map_or(0, |&class| usize::from(class) + 1)
}

/// An account's share of each class, over at most `panel_events` evenly spaced events; `None` with too few.
pub(crate) fn shares(facts: &Facts<'_>, account: AccountId, classes: usize, config: &BehaviourConfig) -> Option<Vec<f32>> {
    let mut counts = class_counts(facts, account, classes, config)?;
    let total: f32 = counts.iter().sum();
    counts.iter_mut().for_each(|count| *count /= total);
    Some(counts)
}

/// The same as numbers of events.
fn class_counts(facts: &Facts<'_>, account: AccountId, classes: usize, config: &BehaviourConfig) -> Option<Vec<f32>> {
    let events = facts.activity.of(account).capability;
    let stride = events.len().div_ceil(config.panel_events.max(1)).max(1);
    let mut counts = vec![0.0f32; classes];
    for &class in events.iter().step_by(stride).filter(|&&class| class != NONE_U16) {
        counts[usize::from(class)] += 1.0;
    }
    (counts.iter().sum::<f32>() >= FEWEST_EVENTS as f32).then_some(counts)
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

    /// 400 accounts of two kinds, one in `nth` of the second: how alike they are, and the test of 200 random groups of them,
    /// and of ten more who do the third thing only, beside them.
    fn of_two_kinds(kinds: [[usize; 3]; 2], nth: usize, size: usize) -> (f64, Vec<Option<Signal>>, Option<Signal>) {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        let mut weights: Vec<[usize; 3]> = (0..400).map(|account| kinds[usize::from(account % nth == nth - 1)]).collect();
        let world = Toy::doing(&weights, 20, 3);
        let others = world.members(400);
        let population = Population::new(&world.facts(), &config);
        let test = |seed| {
            let group = sample(&others, size, key(&[seed]));
            capability_concentration(&world.facts(), &population, &group, &config)
        };
        let random = (0..200).map(test).collect();
        weights.extend([[0, 0, 1]; 10]);
        let world = Toy::doing(&weights, 20, 3);
        let population = Population::new(&world.facts(), &config);
        let focused = capability_concentration(&world.facts(), &population, &world.members(410)[400..], &config);
        (agreement(&world.facts(), &others, 3, &config).unwrap(), random, focused)
    }

    fn found(groups: &[Option<Signal>]) -> usize {
        groups.iter().flatten().filter(|signal| signal.p_value <= Some(LEVEL)).count()
    }

    #[test]
    fn what_everybody_does_alike_is_no_evidence_unless_a_group_does_not() {
        for kinds in [[[3, 6, 1]; 2], [[36, 3, 1]; 2], [[3, 6, 1], [6, 8, 2]]] {
            let (agreement, random, focused) = of_two_kinds(kinds, 2, 30);
            assert!(agreement.abs() < TOLD_APART, "{agreement}");
            assert!(focused.is_some_and(|signal| signal.bits > 5.0), "{kinds:?}");
            // Whatever is told of a random group is one of the p-values that chance brings: 10 of 200, and three deviations.
            assert_eq!(random.iter().flatten().count(), found(&random), "{kinds:?}");
            assert!(found(&random) <= 19, "{kinds:?}: {}", found(&random));
        }
    }

    #[test]
    fn where_accounts_are_told_apart_a_group_like_the_others_goes_on_speaking_against_it() {
        let (agreement, random, _) = of_two_kinds([[9, 1, 0], [1, 9, 0]], 2, 30);
        assert!(agreement > 0.5, "{agreement}");
        assert!(random.iter().all(|group| group.as_ref().is_some_and(Signal::has_power)) && found(&random) <= 19);
        // Nine in ten do one thing, so that four who do may be anybody; a hundred may not.
        let (_, few, _) = of_two_kinds([[1, 0, 0], [0, 1, 0]], 10, 4);
        assert!(few.iter().flatten().count() == found(&few) && found(&few) <= 19, "{}", found(&few));
        let (_, many, _) = of_two_kinds([[1, 0, 0], [0, 1, 0]], 10, 100);
        assert!(many.iter().all(|group| group.as_ref().is_some_and(Signal::has_power)) && found(&many) <= 19);
    }

    #[test]
    fn agreement_by_hand() {
        let config = BehaviourConfig::default();
        // Two accounts do one thing each, always; then the same one.
        let of =
            |weights: &[[usize; 3]]| agreement(&Toy::doing(weights, 10, 1).facts(), &[AccountId(0), AccountId(1)], 3, &config);
        assert_eq!(of(&[[1, 0, 0], [0, 1, 0]]), Some(1.0));
        assert_eq!(of(&[[1, 0, 0], [1, 0, 0]]), None);
    }
}
