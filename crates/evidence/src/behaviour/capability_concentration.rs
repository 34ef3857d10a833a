//! Do the accounts ask for few kinds of things, as a campaign does?
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
//! Cost: `panel_events` events an account, then (draws + `POWER_DRAWS`) x accounts x classes that one account asks for, however
//! many the column has: logs may give every request a class of its own. References: Kullback & Leibler
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
    let (mut known, mut own) = (Vec::new(), Sums::new(classes));
    for account in sample(members, config.sampled_accounts, config.seed) {
        if let Some(shares) = shares(facts, account, config) {
            known.push(account);
            own.add(&shares);
        }
    }
    if known.len() < FEWEST_ACCOUNTS {
        return None;
    }
    let matched = Matched::new(facts, population, &known, members)?
        .keep(population, members, |position| !population.features[position].capability.is_empty())?;
    let seed = group_key(config.seed, 3, members);
    let shares_of = |position: usize| population.features[position].capability.as_slice();
    let draw_into = |sums: &mut Sums, draw: u64| {
        sums.clear();
        matched.draw(&mut Stream::new(key(&[seed, draw]))).for_each(|position| sums.add(shares_of(position)));
    };
    // The population's matched mix: 32 draws that the test itself doesn't use.
    let (mut sums, mut mix) = (Sums::new(classes), vec![0.0; classes]);
    for draw in 0..32 {
        draw_into(&mut sums, u64::MAX - draw);
        sums.ascending().for_each(|(class, sum)| mix[class] += sum);
    }
    let mix = Mix::new(mix);
    let observed = mix.statistics(&mut own);
    let mut of_draw = |draw: usize| {
        draw_into(&mut sums, draw as u64);
        mix.statistics(&mut sums)
    };
    let chance = monte_carlo(&observed, config.draws, |draw, out| out.copy_from_slice(&of_draw(draw)));
    let power = match population.capability_agreement {
        Some(agreement) if agreement >= TOLD_APART => {
            let usual: Vec<[f64; 2]> = (0..POWER_DRAWS).map(of_draw).collect();
            let mut is_found = |leader: u64| {
                let mut stream = Stream::new(key(&[seed, LEADERS, leader]));
                let position = matched.draw(&mut stream).nth(leader as usize % known.len());
                position.is_some_and(|position| {
                    sums.clear();
                    sums.add(shares_of(position));
                    monte_carlo(&mix.statistics(&mut sums), POWER_DRAWS, |draw, out| out.copy_from_slice(&usual[draw])).p_value
                        <= LEVEL
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
    let counts: Vec<Vec<(u16, f32)>> =
        accounts.par_iter().filter_map(|&account| class_counts(facts, account, config)).collect();
    let (mut within, mut same, mut mix) = (0.0, 0.0, vec![0.0; classes]);
    for counts in &counts {
        let total: f64 = counts.iter().map(|&(_, count)| f64::from(count)).sum();
        for (class, count) in counts.iter().map(|&(class, count)| (usize::from(class), f64::from(count))) {
            within += count * (count - 1.0) / (total * (total - 1.0));
            same += (count / total).powi(2);
            mix[class] += count / total;
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

/// An account's share of each class that it asks for, over at most `panel_events` evenly spaced events, by class; `None` with too
/// few.
pub(crate) fn shares(facts: &Facts<'_>, account: AccountId, config: &BehaviourConfig) -> Option<Vec<(u16, f32)>> {
    let mut counts = class_counts(facts, account, config)?;
    let total: f32 = counts.iter().map(|&(_, count)| count).sum();
    counts.iter_mut().for_each(|(_, count)| *count /= total);
    Some(counts)
}

/// The same as numbers of events.
fn class_counts(facts: &Facts<'_>, account: AccountId, config: &BehaviourConfig) -> Option<Vec<(u16, f32)>> {
    let events = facts.activity.of(account).capability;
    let stride = events.len().div_ceil(config.panel_events.max(1)).max(1);
    let mut asked: Vec<u16> = events.iter().step_by(stride).copied().filter(|&class| class != NONE_U16).collect();
    asked.sort_unstable();
    (asked.len() >= FEWEST_EVENTS).then(|| asked.chunk_by(u16::eq).map(|run| (run[0], run.len() as f32)).collect())
}

/// Shares summed over accounts, by class; what it costs to fill, read and empty follows from the classes that somebody asks for.
struct Sums {
    of: Vec<f64>,
    /// Classes with a sum, each once; in the order of their first accounts until [`Sums::ascending`].
    asked: Vec<u16>,
}

impl Sums {
    fn new(classes: usize) -> Sums {
        Sums { of: vec![0.0; classes], asked: Vec::new() }
    }

    fn clear(&mut self) {
        self.asked.drain(..).for_each(|class| self.of[usize::from(class)] = 0.0);
    }

    fn add(&mut self, shares: &[(u16, f32)]) {
        for &(class, share) in shares {
            let sum = &mut self.of[usize::from(class)];
            if *sum == 0.0 {
                self.asked.push(class);
            }
            *sum += f64::from(share);
        }
    }

    /// Each class with its sum, in ascending order, so that sums of sums are the same bytes whoever came first.
    fn ascending(&mut self) -> impl Iterator<Item = (usize, f64)> + Clone + '_ {
        self.asked.sort_unstable();
        self.asked.iter().map(|&class| (usize::from(class), self.of[usize::from(class)]))
    }
}

/// What groups are compared with: the population's matched mix.
struct Mix {
    of: Vec<f64>,
    /// Its sum, smoothed by half a unit a class.
    mass: f64,
    concentration: f64,
}

impl Mix {
    fn new(of: Vec<f64>) -> Mix {
        let mass = of.iter().sum::<f64>() + 0.5 * of.len() as f64;
        let asked = of.iter().copied().enumerate().filter(|&(_, sum)| sum > 0.0);
        Mix { mass, concentration: concentration(asked, of.len()), of }
    }

    /// Concentration, and divergence from this mix (0 for sums that are more even).
    fn statistics(&self, sums: &mut Sums) -> [f64; 2] {
        let asked = sums.ascending();
        let focus = concentration(asked.clone(), self.of.len());
        [focus, if focus < self.concentration { 0.0 } else { self.divergence(asked) }]
    }

    /// KL(s || q) in nats, q smoothed.
    fn divergence(&self, asked: impl Iterator<Item = (usize, f64)> + Clone) -> f64 {
        let total: f64 = asked.clone().map(|(_, sum)| sum).sum();
        asked.map(|(class, sum)| (sum / total) * ((sum / total) / ((self.of[class] + 0.5) / self.mass)).ln()).sum()
    }
}

/// 1 - H / ln(classes), from the sums over 0.
fn concentration(asked: impl Iterator<Item = (usize, f64)> + Clone, classes: usize) -> f64 {
    let total: f64 = asked.clone().map(|(_, sum)| sum).sum();
    let entropy: f64 = asked.map(|(_, sum)| -(sum / total) * (sum / total).ln()).sum();
    1.0 - entropy / (classes as f64).ln()
}

#[cfg(test)]
mod tests {
    use super::super::toy::{self, Toy};
    use super::*;

    #[test]
    fn hand_values() {
        let of = |sums: &[f64]| {
            let asked: Vec<(u16, f32)> = (0..).zip(sums.iter().map(|&sum| sum as f32)).filter(|&(_, sum)| sum > 0.0).collect();
            let mut all = Sums::new(sums.len());
            all.add(&asked);
            all
        };
        let even = Mix::new(vec![1.0; 4]);
        assert!(even.statistics(&mut of(&[1.0, 1.0, 1.0, 1.0]))[0].abs() < 1e-12);
        assert!((even.statistics(&mut of(&[3.0, 0.0, 0.0, 0.0]))[0] - 1.0).abs() < 1e-12);
        // KL((1, 0) || (1/2, 1/2)) = ln 2.
        assert!((Mix::new(vec![7.0, 7.0]).statistics(&mut of(&[1.0, 0.0]))[1] - 2f64.ln()).abs() < 1e-12);
    }

    /// What was counted before leaves nothing behind, and the order of accounts is none of classes.
    #[test]
    fn sums_are_emptied_and_ascend() {
        let mut sums = Sums::new(5);
        sums.add(&[(0, 0.5), (3, 0.5)]);
        sums.clear();
        sums.add(&[(4, 1.0)]);
        sums.add(&[(1, 0.25), (4, 0.75)]);
        assert_eq!(sums.ascending().collect::<Vec<_>>(), [(1, 0.25), (4, 1.75)]);
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
