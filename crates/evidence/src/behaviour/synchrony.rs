//! Are the accounts active at the same instants more often than their own habits explain?
//!
//! Definition, at each scale w (1 s, 10 s, 1 min, 10 min, 1 h): J(w) = sum over pairs of |A and B| / sum over pairs of |A or
//! B|, where A and B are the sets of windows of width w in which an account of the sampled group is active: a Jaccard index
//! over all pairs at once. Nulls: each account's days are circularly shifted inside its own daily profile, that of its events and
//! that of its active hours (see the co-activity module): whoever keeps office hours, or works on the same days, keeps doing so
//! in the null; or all that an account did is moved by whole hours, so that timers of strangers, which start on the hour or the
//! minute, start together in the null as well; or its days are turned, so that everybody's own jobs at full working hours, and times
//! that a log cuts to minutes, are no evidence. p of J, less a tenth ([`super::chance::MODEL_ERROR`]), over all scales by the
//! smallest rank; the null that says least counts.
//!
//! What hits everybody at one moment is in none of them: after an outage all queues start at once. So strangers are asked, groups
//! of as many accounts of the same pathways and volumes that aren't members, from the same time on. By how much they exceed what
//! their own draws expect (R, pooled), and by how much more they differ from each other than their draws do (F, a ratio of standard
//! deviations; both at least 1), is what these times bring about by themselves, and
//!
//! ```text
//! J' = m + (J / 1.1 - R m) / F        m: the mean of the group's own draws
//! ```
//!
//! is ranked among the draws in place of J, where that has half a bit or more. Accounts of an operator that are among the
//! strangers take from the evidence of others. The signal's value and expectation are those of the scale with the largest ratio of observed to expected, R m.
//!
//! Steps: sample accounts and events; J at every scale; draws; rank. Cost: draws x events log events of the sample (at most
//! `timed_samples * timed_accounts * timed_events`), some milliseconds a sample.
//! Assumption: given its profile and its volume of the day, an account's times don't depend on the other accounts'.
//! Reference: Amarasingham et al. 2012, "Conditional modeling and the jitter method of spike resampling",
//! doi:10.1152/jn.00633.2011; Pacheco et al. 2021, doi:10.1609/icwsm.v15i1.18075 (coordination as co-action).

use graph::AccountId;

use super::alignment::{Alignment, WIDTHS};
use super::chance::{Chance, MODEL_ERROR, monte_carlo_of};
use super::co_activity::{Alignments, Shift, Strangers};
use super::population::WORTH_ASKING;
use super::{BehaviourConfig, Population};
use crate::{Facts, Signal};

/// Tests a group for activity at the same instants.
pub fn synchrony(
    facts: &Facts<'_>,
    population: &Population,
    members: &[AccountId],
    config: &BehaviourConfig,
) -> Option<Signal> {
    let mut alignments = Alignments::new(facts, members, config)?;
    Some(of_alignments(facts, population, members, &mut alignments, config))
}

/// The test on alignments that are there already.
pub(crate) fn of_alignments(
    facts: &Facts<'_>,
    population: &Population,
    members: &[AccountId],
    alignments: &mut Alignments,
    config: &BehaviourConfig,
) -> Signal {
    let accounts = alignments.account_count() as f64;
    let observed = similarity(alignments.observed(), accounts);
    let tested = observed.map(|observed| observed / (1.0 + MODEL_ERROR));
    let mut null = Shift::InProfile;
    let [mut chance] = against([null], &tested, alignments, config);
    if chance.p_value <= 0.1 {
        let others = [Shift::InActiveHours, Shift::ByHours, Shift::ByDays];
        let of_others = against(others, &tested, alignments, config);
        for (shift, other) in others.into_iter().zip(of_others) {
            if other.bits < chance.bits {
                (null, chance) = (shift, other);
            }
        }
    }
    if chance.bits > WORTH_ASKING
        && let Some(strangers) = alignments.of_strangers(facts, population, members, null, config)
    {
        let common = Common::of(&strangers);
        let expected: Scales = std::array::from_fn(|at| chance.expected[at]);
        let tested =
            std::array::from_fn(|at| expected[at] + (tested[at] - common.ratio[at] * expected[at]) / common.spread[at]);
        let [beside_strangers] = against([null], &tested, alignments, config);
        chance = chance.weaker(beside_strangers);
        chance.expected = (0..WIDTHS.len()).map(|at| common.ratio[at] * expected[at]).collect();
    }
    let ratio = |at: usize| (observed[at] + 1e-6) / (chance.expected[at] + 1e-6);
    let best = (1..WIDTHS.len()).fold(0, |best, at| if ratio(at) > ratio(best) { at } else { best });
    Signal {
        value: observed[best],
        expected: chance.expected[best],
        bits: chance.bits,
        p_value: Some(chance.p_value),
        power: None,
    }
}

/// The test of these statistics against shifts of which any may hold.
fn against<const SHIFTS: usize>(
    shifts: [Shift; SHIFTS],
    tested: &Scales,
    alignments: &mut Alignments,
    config: &BehaviourConfig,
) -> [Chance; SHIFTS] {
    let accounts = alignments.account_count() as f64;
    monte_carlo_of([&tested[..]; SHIFTS], config.draws, |null, draw, statistics| {
        statistics.copy_from_slice(&similarity(alignments.draw(shifts[null], draw), accounts));
    })
}

/// A number for each of [`WIDTHS`].
type Scales = [f64; WIDTHS.len()];

/// What strangers have in common, by scale: R and F of the module.
struct Common {
    ratio: Scales,
    spread: Scales,
}

impl Common {
    fn of(strangers: &[Strangers]) -> Common {
        let of_group = |group: &Strangers| {
            let similarity = |alignment| similarity(alignment, group.accounts as f64);
            (similarity(&group.observed), group.draws.iter().map(similarity).collect::<Vec<Scales>>())
        };
        let groups: Vec<(Scales, Vec<Scales>)> = strangers.iter().map(of_group).collect();
        let mut common = Common { ratio: [1.0; WIDTHS.len()], spread: [1.0; WIDTHS.len()] };
        for at in 0..WIDTHS.len() {
            let mean = |draws: &[Scales]| draws.iter().map(|draw| draw[at]).sum::<f64>() / draws.len() as f64;
            let (seen, expected) = groups
                .iter()
                .fold((0.0, 0.0), |(seen, expected), (observed, draws)| (seen + observed[at], expected + mean(draws)));
            if expected <= 0.0 {
                continue;
            }
            let ratio = seen / expected;
            // Variances, of groups about what they have in common and of draws about their mean; the former has that mean's as well.
            let (mut between, mut within) = (0.0, 0.0);
            for (observed, draws) in &groups {
                let mean = mean(draws);
                between += (observed[at] - ratio * mean).powi(2);
                within += draws.iter().map(|draw| (draw[at] - mean).powi(2)).sum::<f64>() / (draws.len() - 1) as f64;
            }
            common.ratio[at] = ratio.max(1.0);
            if within > 0.0 {
                let of_mean = 1.0 + 1.0 / groups[0].1.len() as f64;
                common.spread[at] = (between / within / of_mean).sqrt().max(1.0);
            }
        }
        common
    }
}

/// J at every scale.
fn similarity(alignment: &Alignment, accounts: f64) -> Scales {
    std::array::from_fn(|at| {
        let (shared, windows) = (alignment.pairs[at], alignment.windows[at]);
        // Each pair's union: |A| + |B| - |A and B|; every account is in (n - 1) pairs.
        let union = (accounts - 1.0) * windows - shared;
        if union > 0.0 { shared / union } else { 0.0 }
    })
}

#[cfg(test)]
mod tests {
    use super::super::toy::{self, Toy};
    use super::*;

    fn synchrony_of(world: &Toy, members: &[AccountId], config: &BehaviourConfig) -> Option<Signal> {
        let facts = world.facts();
        synchrony(&facts, &Population::new(&facts, config), members, config)
    }

    #[test]
    fn null_is_uniform_and_a_broadcast_is_found() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        let p = |world: &Toy| synchrony_of(world, &world.members(8), &config).unwrap();
        toy::assert_super_uniform(200, |seed| p(&Toy::independent(8, 40, seed)).p_value);
        let found = (0..20).filter(|&seed| p(&Toy::broadcast(8, 40, seed)).p_value.unwrap() <= 0.01).count();
        assert!(found >= 19, "{found}");
    }

    #[test]
    fn strangers_who_each_run_a_set_of_prompts_in_one_go_are_not_in_step() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        let p = |world: &Toy| synchrony_of(world, &world.planted(), &config)?.p_value;
        toy::assert_super_uniform(100, |seed| p(&Toy::runs(0, 30, seed)));
    }

    #[test]
    fn timers_of_strangers_that_start_on_the_hour_are_not_in_step() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        let signal = |seed| {
            let world = Toy::hourly(24, seed);
            synchrony_of(&world, &world.members(24), &config).expect("they are active")
        };
        assert!((0..20).all(|seed| signal(seed).bits <= 0.0), "{:?}", signal(0));
    }

    #[test]
    fn strangers_with_jobs_in_working_hours_are_not_in_step_nor_are_those_whose_log_knows_no_seconds() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        for (jobs, cut) in [(true, 1), (false, 60_000)] {
            let p = |seed: u64| {
                let world = Toy::at_work(24, jobs, cut, seed);
                synchrony_of(&world, &world.members(24), &config).expect("they are active").p_value
            };
            toy::assert_super_uniform(60, p);
        }
    }

    #[test]
    fn strangers_whose_jobs_wait_for_the_end_of_an_outage_are_not_in_step_and_an_operator_is_all_the_same() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        toy::assert_told_apart(
            |seed| Toy::waiting(300, 40, seed),
            |world, members| synchrony_of(world, members, &config).expect("they are active"),
        );
    }

    #[test]
    fn too_little_data_is_not_a_zero() {
        let world = Toy::independent(2, 3, 1);
        assert_eq!(synchrony_of(&world, &world.members(2), &BehaviourConfig::default()), None);
    }
}
