//! Are accounts used as evenly as a machine would?
//!
//! Two sub-tests, each with its own null:
//! 1. *even load*: X = sum over days and accounts of (n - m)^2 / m, n an account's events on a day between its first and its
//!    last, m the mean of the k sampled accounts of which that is such a day. Under independent Poisson accounts with one rate, the
//!    days' counts are multinomial: E X = sum (k - 1), Var X = sum 2 (k - 1)(1 - 1/N). Different rates and bursts only raise X, so
//!    the lower tail of the matching gamma distribution is a conservative p; a quota, or timers that everybody has, lower it. So
//!    groups of strangers are asked, of as many accounts of the same pathways and volumes: the mean R of their X / E X, each at
//!    most 1, and how much more these differ than by that law times R (F, a ratio of deviations, at least 1) make it R E X and
//!    R^2 F^2 Var X. Value X / E X, expected R; 0 = dealt out evenly.
//! 2. *session cut-off*: sessions that end in the last tenth before a time-to-live in [`LIVES`] against the tenth after it, one
//!    of each account, since an account's jobs may take ten minutes each; binomial, Bonferroni over the lives. The null is the
//!    largest of three ratios: 1/2; the population's own; and that of the same accounts with the pauses within their sessions
//!    exchanged among these. Where requests are rare most sessions have two, and none of these is longer than the pause that
//!    ends a session: lengths pile up below it, in any order of the pauses.
//!
//! A queue ([`super::one_queue`]) deals evenly, and sticky sessions end at their time-to-live. So do a company's timers,
//! exercises that everybody does once, exams and the harness of a benchmark: harmless stories bring this
//! ([`crate::BenignHypothesis::brings`]). As an operator's accounts differ as well, uneven use is no evidence against one: bits
//! are 0 or more, which takes the mean of the e-value under the null to 2 at most.
//!
//! Cost: the events of the sampled accounts.
//! Reference: the dispersion test is Fisher's (Cochran 1954, doi:10.2307/3001616).

use std::collections::BTreeMap;

use graph::{AccountId, Seconds};
use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, Gamma};

use super::alignment::DAY;
use super::chance::closed_form;
use super::combine::combined;
use super::population::{Matched, STRANGERS, WORTH_ASKING};
use super::random::{Stream, group_key, key, sample};
use super::{BehaviourConfig, Population};
use crate::{Facts, Signal, TestName};

/// Fewer accounts with a session about a time-to-live say nothing of it.
const FEWEST_SESSIONS: u64 = 12;
/// Times that the pauses of an account's sessions are exchanged.
const EXCHANGES: u64 = 16;
/// Times-to-live of a sticky session, in seconds.
pub const LIVES: [Seconds; 5] = [600, 900, 1_800, 3_600, 7_200];

/// The two sub-signals and their combination.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct RegularUse {
    /// Counts are more even than chance.
    pub even_load: Option<Signal>,
    /// Sessions end at a time-to-live.
    pub session_cutoff: Option<Signal>,
    /// Both; value and expectation are -log10 of the harmonic mean p and of 1.
    pub combined: Option<Signal>,
}

impl RegularUse {
    /// The sub-signals that could be measured, with their names.
    pub fn iter(&self) -> impl Iterator<Item = (TestName, &Signal)> {
        let tests = [(TestName::EvenLoad, &self.even_load), (TestName::SessionCutoff, &self.session_cutoff)];
        tests.into_iter().filter_map(|(name, signal)| Some((name, signal.as_ref()?)))
    }
}

/// Runs both sub-tests and combines them.
pub fn regular_use(facts: &Facts<'_>, population: &Population, members: &[AccountId], config: &BehaviourConfig) -> RegularUse {
    let even_load = even_load(facts, population, members, config);
    let session_cutoff = session_cutoff(facts, population, members, config);
    let combined = combined([&even_load, &session_cutoff]);
    let combined = combined.map(|signal| Signal { bits: signal.bits.max(0.0), ..signal });
    RegularUse { even_load, session_cutoff, combined }
}

/// Sub-test 1.
pub fn even_load(
    facts: &Facts<'_>,
    population: &Population,
    members: &[AccountId],
    config: &BehaviourConfig,
) -> Option<Signal> {
    let chosen = sample(members, config.sampled_accounts, config.seed);
    let load = Load::of(facts, &chosen)?;
    let alone = closed_form(load.ratio(), 1.0, load.lower_tail(1.0, 1.0)?);
    let matched = if alone.bits > WORTH_ASKING { Matched::new(facts, population, &chosen, members) } else { None };
    let Some(matched) = matched else { return Some(alone) };
    let seed = group_key(config.seed, 17, members);
    let of_strangers = |number: u64| Load::of(facts, &matched.others(population, &mut Stream::new(key(&[seed, number]))));
    let strangers: Vec<Load> = (0..STRANGERS).filter_map(of_strangers).collect();
    if strangers.len() < 2 {
        return Some(alone);
    }
    let number = strangers.len() as f64;
    let mean = strangers.iter().map(|load| load.ratio().min(1.0)).sum::<f64>() / number;
    let between = strangers.iter().map(|load| (load.ratio().min(1.0) - mean).powi(2)).sum::<f64>() / (number - 1.0);
    let within = strangers.iter().map(|load| load.variance / (load.mean * load.mean)).sum::<f64>() / number;
    let spread = ((between / within).sqrt() / mean).max(1.0);
    Some(closed_form(load.ratio(), mean, load.lower_tail(mean, spread)?))
}

/// How evenly accounts are used: X of the module, and its mean and variance where they are independent and alike.
struct Load {
    statistic: f64,
    mean: f64,
    variance: f64,
}

impl Load {
    /// `None` if fewer than twenty counts are free.
    fn of(facts: &Facts<'_>, accounts: &[AccountId]) -> Option<Load> {
        let mut days: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
        for &account in accounts {
            let time = facts.activity.of(account).time;
            let (Some(first), Some(last)) = (time.first(), time.last()) else { continue };
            // Neither the first nor the last day: they are cut short.
            let (mut day, end) = (first.div_euclid(DAY) + 1, last.div_euclid(DAY));
            while day < end {
                let from = time.partition_point(|&at| at < day * DAY);
                let to = from + time[from..].partition_point(|&at| at < (day + 1) * DAY);
                days.entry(day).or_default().push((to - from) as f64);
                day += 1;
            }
        }
        let mut load = Load { statistic: 0.0, mean: 0.0, variance: 0.0 };
        for counts in days.values() {
            let (accounts, total) = (counts.len() as f64, counts.iter().sum::<f64>());
            if accounts < 2.0 || total < accounts {
                continue;
            }
            let expected = total / accounts;
            load.statistic += counts.iter().map(|count| (count - expected).powi(2) / expected).sum::<f64>();
            load.mean += accounts - 1.0;
            load.variance += 2.0 * (accounts - 1.0) * (1.0 - 1.0 / total);
        }
        (load.mean >= 20.0).then_some(load)
    }

    fn ratio(&self) -> f64 {
        self.statistic / self.mean
    }

    /// P(no more than X), by the gamma law of X times `ratio`, with `spread` times its deviation.
    fn lower_tail(&self, ratio: f64, spread: f64) -> Option<f64> {
        let (mean, variance) = (ratio * self.mean, (ratio * spread).powi(2) * self.variance);
        let gamma = Gamma::new(mean * mean / variance, mean / variance).ok()?;
        Some(gamma.cdf(self.statistic))
    }
}

/// Sub-test 2.
pub fn session_cutoff(
    facts: &Facts<'_>,
    population: &Population,
    members: &[AccountId],
    config: &BehaviourConfig,
) -> Option<Signal> {
    let chosen = sample(members, config.sampled_accounts, config.seed);
    let of_accounts: Vec<Vec<Seconds>> = chosen.iter().map(|&account| session_lengths(facts, account, config)).collect();
    let seed = group_key(config.seed, 19, members);
    let exchanged: Vec<Vec<Vec<Seconds>>> = (0..EXCHANGES)
        .map(|number| {
            let of = |&account| {
                exchanged_lengths(facts, account, config, &mut Stream::new(key(&[seed, number, u64::from(account.0)])))
            };
            chosen.iter().map(of).collect()
        })
        .collect();
    let mut best: Option<(f64, f64, f64)> = None;
    for life in LIVES {
        let (before, after) = around(&one_of_each(&of_accounts, life), life);
        if before + after < FEWEST_SESSIONS {
            continue;
        }
        let in_any_order = exchanged.iter().map(|of_accounts| around(&one_of_each(of_accounts, life), life));
        let in_any_order = in_any_order.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let ratio = |(before, after): (u64, u64)| (before + 1) as f64 / (before + after + 2) as f64;
        let usual = ratio(around(&population.sessions, life)).max(ratio(in_any_order)).max(0.5);
        // P(at least `before` of all).
        let p = Binomial::new(usual, before + after).ok()?.sf(before.saturating_sub(1)).max(f64::MIN_POSITIVE);
        let p = if before == 0 { 1.0 } else { p };
        if best.is_none_or(|found| p < found.0) {
            best = Some((p, before as f64 / (before + after) as f64, usual));
        }
    }
    best.map(|(p, share, usual)| closed_form(share, usual, (p * LIVES.len() as f64).min(1.0)))
}

/// Of each account that has any the middle one of its sessions that end about a time; ascending.
fn one_of_each(of_accounts: &[Vec<Seconds>], life: Seconds) -> Vec<Seconds> {
    let near = |length: &Seconds| (life - life / 10 + 1..=life + life / 10).contains(length);
    let one = |sessions: &Vec<Seconds>| {
        let about: Vec<Seconds> = sessions.iter().copied().filter(near).collect();
        about.get(about.len() / 2).copied()
    };
    let mut lengths: Vec<Seconds> = of_accounts.iter().filter_map(one).collect();
    lengths.sort_unstable();
    lengths
}

/// Sessions that end in the last tenth before a time, and in the tenth after it.
fn around(lengths: &[Seconds], life: Seconds) -> (u64, u64) {
    let count = |from: Seconds, to: Seconds| {
        (lengths.partition_point(|&length| length <= to) - lengths.partition_point(|&length| length <= from)) as u64
    };
    (count(life - life / 10, life), count(life, life + life / 10))
}

/// Lengths of an account's sessions of more than one event, over its first `panel_events` events.
pub(crate) fn session_lengths(facts: &Facts<'_>, account: AccountId, config: &BehaviourConfig) -> Vec<Seconds> {
    sessions(facts, account, config).map(|session| rounded(session[session.len() - 1] - session[0])).collect()
}

/// The same with as many events in each, and the pauses between them in any order over all sessions.
fn exchanged_lengths(facts: &Facts<'_>, account: AccountId, config: &BehaviourConfig, stream: &mut Stream) -> Vec<Seconds> {
    let pauses_of = |session: &[i64]| session.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<i64>>();
    let mut pauses: Vec<i64> = sessions(facts, account, config).flat_map(pauses_of).collect();
    for last in (1..pauses.len()).rev() {
        pauses.swap(last, stream.below(last + 1));
    }
    let mut rest = pauses.as_slice();
    let length = |session: &[i64]| {
        let (own, others) = rest.split_at(session.len() - 1);
        rest = others;
        rounded(own.iter().sum())
    };
    sessions(facts, account, config).map(length).collect()
}

/// Times of each session of more than one event.
fn sessions<'a>(facts: &Facts<'a>, account: AccountId, config: &BehaviourConfig) -> impl Iterator<Item = &'a [i64]> + use<'a> {
    let time = facts.activity.of(account).time;
    let gap = i64::from(config.session_gap) * 1000;
    time[..time.len().min(config.panel_events)]
        .chunk_by(move |left, right| right - left <= gap)
        .filter(|session| session.len() > 1)
}

/// Milliseconds as whole seconds.
fn rounded(milliseconds: i64) -> Seconds {
    ((milliseconds + 500) / 1000) as Seconds
}

#[cfg(test)]
mod tests {
    use super::super::toy::{self, Toy};
    use super::*;

    fn even_of(world: &Toy, members: &[AccountId], config: &BehaviourConfig) -> Option<Signal> {
        let facts = world.facts();
        even_load(&facts, &Population::new(&facts, config), members, config)
    }

    #[test]
    fn under_a_daily_quota_everybody_is_used_evenly_and_who_is_dealt_to_still_more() {
        let config = BehaviourConfig::default();
        toy::assert_told_apart(
            |seed| Toy::capped(300, seed),
            |world, members| even_of(world, members, &config).expect("there are enough days"),
        );
    }

    #[test]
    fn even_loads_are_found_and_the_null_is_super_uniform() {
        let config = BehaviourConfig::default();
        let even = |world: &Toy| even_of(world, &world.members(8), &config);
        toy::assert_super_uniform(200, |seed| even(&Toy::independent(8, 60, seed))?.p_value);
        let dealt = (0..20).filter(|&seed| even(&Toy::round_robin(8, 60, seed)).is_some_and(|load| load.p_value <= Some(0.01)));
        assert!(dealt.count() >= 19);
    }

    #[test]
    fn requests_now_and_then_end_no_session_and_sticky_ones_do() {
        let config = BehaviourConfig::default();
        let cut_off = |world: &Toy| {
            let facts = world.facts();
            session_cutoff(&facts, &Population::new(&facts, &config), &world.planted(), &config).expect("there are sessions")
        };
        // At this pace a session has two requests or three, and hardly any is longer than the pause that ends it.
        let world = Toy::pausing(200, 200, 4_800_000.0, None, 0);
        let lengths: Vec<_> =
            world.planted().iter().map(|&account| session_lengths(&world.facts(), account, &config)).collect();
        let (before, after) = around(&one_of_each(&lengths, 1_800), 1_800);
        assert!(before >= 100 && before > 2 * after, "{before} {after}");
        for pause in [1_200_000.0, 2_400_000.0, 4_800_000.0] {
            let rare = (0..20).filter(|&seed| cut_off(&Toy::pausing(200, 200, pause, None, seed)).p_value <= Some(0.05));
            assert!(rare.count() <= 3, "{pause}");
        }
        for life in [600, 1_800] {
            let cut = cut_off(&Toy::pausing(200, 60, f64::from(life) * 20.0, Some(i64::from(life) * 1_000), 1));
            assert!(cut.p_value < Some(1e-4), "{life}: {cut:?}");
        }
    }

    #[test]
    fn one_account_does_not_make_a_habit_of_all() {
        let bot: Vec<Seconds> = vec![570; 400];
        let people = [vec![640, 30, 7], vec![590, 1_000], vec![], vec![20]];
        let all: Vec<Vec<Seconds>> = std::iter::once(bot).chain(people).collect();
        assert_eq!(around(&one_of_each(&all, 600), 600), (2, 1));
    }

    #[test]
    fn sessions_cut_at_an_hour_are_found() {
        let lengths: Vec<Seconds> = (0..40).map(|session| 3_300 + session * 7).collect();
        assert_eq!(around(&lengths, 3_600), (40, 0));
    }
}
