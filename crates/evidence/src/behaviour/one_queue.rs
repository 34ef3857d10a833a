//! TMP-2: does one scheduler deal the requests out over the accounts?
//!
//! Works without any shared address or card. Five sub-tests, each with its own null:
//! 1. *under-dispersion*: X = sum over days and accounts of (n - m)^2 / m, n an account's events on a day on which all of the
//!    group's sampled accounts were alive, m the day's mean. Under independent Poisson accounts with one rate, the days' counts
//!    are multinomial: E X = sum (k - 1), Var X = sum 2 (k - 1)(1 - 1/N). Different rates and bursts only raise X, so the lower
//!    tail of the matching gamma distribution is a conservative p. Value X / E X; 1 = independent, 0 = dealt out evenly.
//! 2. *anti-bunching*: coincidences of different accounts within a minute, against the shifted days of the co-activity module:
//!    a queue excludes what independent accounts sometimes do. Value: coincidences observed; fewer than expected is evidence.
//! 3. *succession*: stack distance (accounts that started since this one last did) / (accounts - 1), mean over session starts;
//!    1 for least-recently-used dealing. Same null, so an account's own regularity is not evidence.
//! 4. *session cut-off*: sessions that end in the last tenth before a time-to-live in [`LIVES`] against the tenth after it;
//!    binomial, with the population's own ratio (at least 1/2) as the null; Bonferroni over the lives.
//! 5. *hand-off*: after a 429 or 403, another member starts on the same template within `hand_off_window`; against the same
//!    question asked at times up to an hour away, one draw for each rejection.
//!
//! Combined by the harmonic mean p (see [`super::combine`]): one strong sub-test suffices, and the tests share events.
//! Cost: as synchrony; hand-off reads at most [`WINDOWS`] windows of two hours.
//! References: the dispersion test is Fisher's (Cochran 1954, doi:10.2307/3001616); stack distance: Mattson et al. 1970,
//! doi:10.1147/sj.92.0078.

use std::collections::BTreeMap;

use graph::{AccountId, NONE_U32, Seconds};
use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, Gamma};

use super::chance::{closed_form, monte_carlo};
use super::co_activity::{Alignments, WIDTHS};
use super::combine::harmonic_mean_p;
use super::random::{Stream, group_key, key, sample};
use super::{BehaviourConfig, Population};
use crate::{Facts, Signal};

/// The width of a coincidence, a minute, among the [`WIDTHS`].
const SLOT: usize = 2;
/// Times-to-live of a sticky session, in seconds.
pub const LIVES: [Seconds; 5] = [600, 900, 1_800, 3_600, 7_200];
/// Windows of two hours in which hand-offs are looked for.
pub const WINDOWS: usize = 16;
/// (template, time, account).
type Use = (u32, i64, u32);
const DAY: i64 = 86_400_000;
const HOUR: i64 = 3_600_000;

/// The five sub-signals and their combination.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct OneQueue {
    /// Counts are more even than chance.
    pub under_dispersion: Option<Signal>,
    /// Accounts avoid each other.
    pub anti_bunching: Option<Signal>,
    /// The longest idle account is next.
    pub succession: Option<Signal>,
    /// Sessions end at a time-to-live.
    pub session_cutoff: Option<Signal>,
    /// A rejected request moves to another member.
    pub hand_off: Option<Signal>,
    /// All of the above; value and expectation are -log10 of the harmonic mean p and of 1.
    pub combined: Option<Signal>,
}

impl OneQueue {
    /// The sub-signals that could be measured, with their names.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Signal)> {
        [
            ("under_dispersion", &self.under_dispersion),
            ("anti_bunching", &self.anti_bunching),
            ("succession", &self.succession),
            ("session_cutoff", &self.session_cutoff),
            ("hand_off", &self.hand_off),
        ]
        .into_iter()
        .filter_map(|(name, signal)| Some((name, signal.as_ref()?)))
    }
}

/// Runs the five sub-tests and combines them.
pub fn one_queue(facts: &Facts<'_>, population: &Population, members: &[AccountId], config: &BehaviourConfig) -> OneQueue {
    of_alignments(facts, population, members, Alignments::new(facts, members, config).as_mut(), config)
}

/// The sub-tests on alignments that are there already.
pub(crate) fn of_alignments(
    facts: &Facts<'_>,
    population: &Population,
    members: &[AccountId],
    mut alignments: Option<&mut Alignments>,
    config: &BehaviourConfig,
) -> OneQueue {
    let mut found = OneQueue {
        under_dispersion: under_dispersion(facts, members, config),
        anti_bunching: alignments.as_mut().and_then(|alignments| anti_bunching(alignments, config)),
        succession: alignments.as_mut().and_then(|alignments| succession(alignments, config)),
        session_cutoff: session_cutoff(facts, population, members, config),
        hand_off: hand_off(facts, members, config),
        combined: None,
    };
    let p_values: Vec<f64> = found.iter().filter_map(|(_, signal)| signal.p_value).collect();
    found.combined = harmonic_mean_p(&p_values).map(|p| closed_form(-p.log10(), 0.0, p));
    found
}

/// Sub-test 1.
pub fn under_dispersion(facts: &Facts<'_>, members: &[AccountId], config: &BehaviourConfig) -> Option<Signal> {
    let chosen = sample(members, config.sampled_accounts, config.seed);
    let mut days: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for &account in &chosen {
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
    let (mut statistic, mut mean, mut variance) = (0.0, 0.0, 0.0);
    for counts in days.values() {
        let (accounts, total) = (counts.len() as f64, counts.iter().sum::<f64>());
        if accounts < 2.0 || total < accounts {
            continue;
        }
        let expected = total / accounts;
        statistic += counts.iter().map(|count| (count - expected).powi(2) / expected).sum::<f64>();
        mean += accounts - 1.0;
        variance += 2.0 * (accounts - 1.0) * (1.0 - 1.0 / total);
    }
    if mean < 20.0 {
        return None;
    }
    let gamma = Gamma::new(mean * mean / variance, mean / variance).ok()?;
    Some(closed_form(statistic / mean, 1.0, gamma.cdf(statistic)))
}

/// Sub-test 2. `None` where chance expects fewer than five coincidences.
fn anti_bunching(alignments: &mut Alignments, config: &BehaviourConfig) -> Option<Signal> {
    const { assert!(WIDTHS[SLOT] == 60) };
    let observed = alignments.observed().pairs[SLOT];
    let chance = monte_carlo(&[-observed], config.draws, |draw, out| out[0] = -alignments.draw(draw).pairs[SLOT]);
    let expected = -chance.expected[0];
    (expected >= 5.0).then_some(Signal { value: observed, expected, bits: chance.bits, p_value: Some(chance.p_value) })
}

/// Sub-test 3. `None` with fewer than three accounts or twenty returns.
fn succession(alignments: &mut Alignments, config: &BehaviourConfig) -> Option<Signal> {
    let observed = alignments.observed().stack_distance;
    if alignments.account_count() < 3 || alignments.observed().returns < 20 {
        return None;
    }
    let chance = monte_carlo(&[observed], config.draws, |draw, out| out[0] = alignments.draw(draw).stack_distance);
    Some(Signal { value: observed, expected: chance.expected[0], bits: chance.bits, p_value: Some(chance.p_value) })
}

/// Sub-test 4.
pub fn session_cutoff(
    facts: &Facts<'_>,
    population: &Population,
    members: &[AccountId],
    config: &BehaviourConfig,
) -> Option<Signal> {
    let mut lengths: Vec<Seconds> = sample(members, config.sampled_accounts, config.seed)
        .into_iter()
        .flat_map(|account| session_lengths(facts, account, config))
        .collect();
    lengths.sort_unstable();
    let mut best: Option<(f64, f64, f64)> = None;
    for life in LIVES {
        let (before, after) = around(&lengths, life);
        let (usual_before, usual_after) = around(&population.sessions, life);
        let usual = ((usual_before + 1) as f64 / (usual_before + usual_after + 2) as f64).max(0.5);
        if before + after < 20 {
            continue;
        }
        // P(at least `before` of all).
        let p = Binomial::new(usual, before + after).ok()?.sf(before.saturating_sub(1)).max(f64::MIN_POSITIVE);
        let p = if before == 0 { 1.0 } else { p };
        if best.is_none_or(|found| p < found.0) {
            best = Some((p, before as f64 / (before + after) as f64, usual));
        }
    }
    best.map(|(p, share, usual)| closed_form(share, usual, (p * LIVES.len() as f64).min(1.0)))
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
    let time = facts.activity.of(account).time;
    let gap = i64::from(config.session_gap) * 1000;
    time[..time.len().min(config.panel_events)]
        .chunk_by(|left, right| right - left <= gap)
        .filter(|session| session.len() > 1)
        .map(|session| ((session[session.len() - 1] - session[0] + 500) / 1000) as Seconds)
        .collect()
}

/// Sub-test 5.
pub fn hand_off(facts: &Facts<'_>, members: &[AccountId], config: &BehaviourConfig) -> Option<Signal> {
    let columns = facts.activity.columns();
    if columns.status.is_empty() || columns.template.is_empty() {
        return None;
    }
    let windows = rejection_windows(facts, members, config);
    let (mut starts, mut rejections) = (Vec::<Use>::new(), Vec::<Use>::new());
    for &account in members {
        let events = facts.activity.of(account);
        for &start in &windows {
            let from = events.time.partition_point(|&at| at < start);
            for at in from..events.time.len() {
                let time = events.time[at];
                if time >= start + 2 * HOUR {
                    break;
                }
                let (template, rejected) = (events.template[at], matches!(events.status[at], 403 | 429));
                if template == NONE_U32 {
                    continue;
                }
                if rejected && (HOUR / 2..HOUR * 3 / 2).contains(&(time - start)) {
                    rejections.push((template, time, account.0));
                }
                // A start: the account wasn't busy with this template in the last window's length.
                let busy = (0..at).rev().take_while(|&before| time - events.time[before] <= window_of(config));
                if !rejected && !busy.into_iter().any(|before| events.template[before] == template) {
                    starts.push((template, time, account.0));
                }
            }
        }
    }
    starts.sort_unstable();
    rejections.sort_unstable();
    rejections.truncate(4_096);
    if rejections.len() < 10 {
        return None;
    }
    let taken_over = |template: u32, from: i64, account: u32| {
        let first = starts.partition_point(|start| (start.0, start.1) <= (template, from));
        let near = starts[first..].iter().take_while(|start| start.0 == template && start.1 <= from + window_of(config));
        near.into_iter().any(|start| start.2 != account)
    };
    let count = |shift: &mut dyn FnMut() -> i64| {
        rejections.iter().filter(|&&(template, at, account)| taken_over(template, at + shift(), account)).count() as f64
    };
    let observed = count(&mut || 0);
    let seed = group_key(config.seed, 6, members);
    let chance = monte_carlo(&[observed], config.draws, |draw, out| {
        let mut stream = Stream::new(key(&[seed, draw as u64]));
        // Half an hour either way: both sides of the window were read.
        out[0] = count(&mut || stream.below(HOUR as usize) as i64 - HOUR / 2);
    });
    let total = rejections.len() as f64;
    Some(Signal {
        value: observed / total,
        expected: chance.expected[0] / total,
        bits: chance.bits,
        p_value: Some(chance.p_value),
    })
}

fn window_of(config: &BehaviourConfig) -> i64 {
    i64::from(config.hand_off_window) * 1000
}

/// Starts of disjoint two-hour windows around rejections of sampled accounts, evenly spaced over those found.
fn rejection_windows(facts: &Facts<'_>, members: &[AccountId], config: &BehaviourConfig) -> Vec<i64> {
    let mut hours: Vec<i64> = sample(members, config.sampled_accounts, config.seed)
        .into_iter()
        .flat_map(|account| {
            let events = facts.activity.of(account);
            let rejected = events.status.iter().zip(events.time).filter(|(status, _)| matches!(**status, 403 | 429));
            rejected.map(|(_, &at)| at.div_euclid(HOUR)).take(256).collect::<Vec<_>>()
        })
        .collect();
    hours.sort_unstable();
    // Windows an hour apart would read events twice: keep every second hour.
    hours.dedup_by(|next, kept| *next < *kept + 2);
    let stride = hours.len().div_ceil(WINDOWS).max(1);
    hours.into_iter().step_by(stride).map(|hour| hour * HOUR - HOUR / 2).collect()
}

#[cfg(test)]
mod tests {
    use super::super::toy::{self, Toy};
    use super::*;

    #[test]
    fn nulls_are_super_uniform_and_a_round_robin_is_found() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        let reference = Toy::mixed(200, 30, 0, 3);
        let population = Population::new(&reference.facts(), &config);
        let test = |world: &Toy| one_queue(&world.facts(), &population, &world.members(8), &config);
        let nulls: Vec<OneQueue> = (0..200).map(|seed| test(&Toy::independent(8, 60, seed))).collect();
        toy::assert_super_uniform(200, |seed| nulls[seed as usize].under_dispersion.as_ref()?.p_value);
        toy::assert_super_uniform(200, |seed| nulls[seed as usize].succession.as_ref()?.p_value);
        toy::assert_super_uniform(200, |seed| nulls[seed as usize].hand_off.as_ref()?.p_value);
        toy::assert_super_uniform(200, |seed| nulls[seed as usize].combined.as_ref()?.p_value);
        let queues: Vec<OneQueue> = (0..20).map(|seed| test(&Toy::round_robin(8, 60, seed))).collect();
        let share = |part: fn(&OneQueue) -> &Option<Signal>| {
            queues.iter().filter(|queue| part(queue).as_ref().is_some_and(|signal| signal.p_value <= Some(0.01))).count()
        };
        assert!(share(|queue| &queue.under_dispersion) >= 19);
        assert!(share(|queue| &queue.succession) >= 19);
        assert!(share(|queue| &queue.hand_off) >= 19);
        assert!(share(|queue| &queue.combined) >= 19);
    }

    #[test]
    fn sessions_cut_at_an_hour_are_found() {
        let lengths: Vec<Seconds> = (0..40).map(|session| 3_300 + session * 7).collect();
        assert_eq!(around(&lengths, 3_600), (40, 0));
    }
}
