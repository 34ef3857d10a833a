//! TMP-2: does one scheduler deal the requests out over the accounts?
//!
//! Works without any shared address or card. Three sub-tests, each with its own null:
//! 1. *anti-bunching*: coincidences of different accounts within a minute, ten minutes and an hour, against the shifts of the
//!    co-activity module and, if there are fewer than by these, by the clock as well, which keep every sitting whole; the
//!    larger p counts. A queue excludes what independent accounts sometimes do. Value: coincidences observed, at the width that
//!    misses most of those expected; fewer than expected is evidence.
//! 2. *succession*: stack distance (accounts that started since this one last did) / (accounts - 1), mean over session starts;
//!    1 for least-recently-used dealing. Against the same two shifts; by the clock every rhythm stays whole. So an account's
//!    own regularity is not evidence, and none is where accounts keep nearly the strictest order whatever they are shifted by.
//!    Below 1/2, which dealing at random gives, by a margin of .04: a crowd in sittings comes a little above its draws.
//! 3. *hand-off*: after a 429 or 403, another member starts on the same template within `hand_off_window`; against the same
//!    question asked at times up to two minutes away, one draw for each rejection: requests are rejected when many are made,
//!    and a crowd's load is no hand-off.
//!
//! One strong sub-test suffices, and the tests share events: the p-value is the harmonic mean p ([`super::combine`]), and the
//! bits are those of the mean of the tests' e-values, which is an e-value whatever the dependence. That loads are even, which
//! other things than a queue bring as well, is a signal of its own ([`super::regular_use`]).
//!
//! Cost: as synchrony; hand-off reads at most [`WINDOWS`] windows of two hours.
//! Reference for stack distance: Mattson et al. 1970, doi:10.1147/sj.92.0078.

use graph::{AccountId, NONE_U32};

use super::BehaviourConfig;
use super::alignment::{Alignment, WIDTHS};
use super::chance::{bits_of_p, monte_carlo};
use super::co_activity::{Alignments, Shift};
use super::combine::combined;
use super::random::{Stream, group_key, key, sample};
use crate::{Facts, Signal};

/// The widths of a coincidence among the [`WIDTHS`]: a minute, ten, an hour. How many requests a queue deals out decides which
/// of these two accounts hardly ever share.
const SLOTS: [usize; 3] = [2, 3, 4];
const _: () = assert!(WIDTHS[SLOTS[0]] == 60 && WIDTHS[SLOTS[1]] == 600 && WIDTHS[SLOTS[2]] == 3_600);
/// Windows of two hours in which hand-offs are looked for.
pub const WINDOWS: usize = 16;
/// (template, time, account).
type Use = (u32, i64, u32);
const HOUR: i64 = 3_600_000;
/// Accounts whose shifted times follow each other in so strict an order, of at most 1, have each a rhythm of its own (jobs that
/// start every two hours): what they lack to 1 is where shifted times begin and end, and what they do besides.
const OWN_ORDER: f64 = 0.8;
/// Mean stack distance of requests that are dealt out at random. Below it sittings lie over any order, and shifted ones are not
/// quite those that happened: there it must be larger than in the draws by this much.
const AT_RANDOM: f64 = 0.5;
const LEAST_GAIN: f64 = 0.04;
/// How far from a rejection it is asked who starts by chance: as busy a time.
const NEARBY: i64 = 120_000;

/// The three sub-signals and their combination.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct OneQueue {
    /// Accounts avoid each other.
    pub anti_bunching: Option<Signal>,
    /// The longest idle account is next.
    pub succession: Option<Signal>,
    /// A rejected request moves to another member.
    pub hand_off: Option<Signal>,
    /// All of the above; value and expectation are -log10 of the harmonic mean p and of 1.
    pub combined: Option<Signal>,
}

impl OneQueue {
    /// The sub-signals that could be measured, with their names.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Signal)> {
        [("anti_bunching", &self.anti_bunching), ("succession", &self.succession), ("hand_off", &self.hand_off)]
            .into_iter()
            .filter_map(|(name, signal)| Some((name, signal.as_ref()?)))
    }
}

/// Runs the three sub-tests and combines them.
pub fn one_queue(facts: &Facts<'_>, members: &[AccountId], config: &BehaviourConfig) -> OneQueue {
    of_alignments(facts, members, Alignments::new(facts, members, config).as_mut(), config)
}

/// The sub-tests on alignments that are there already.
pub(crate) fn of_alignments(
    facts: &Facts<'_>,
    members: &[AccountId],
    mut alignments: Option<&mut Alignments>,
    config: &BehaviourConfig,
) -> OneQueue {
    let mut found = OneQueue {
        anti_bunching: alignments.as_mut().and_then(|alignments| anti_bunching(alignments, config)),
        succession: alignments.as_mut().and_then(|alignments| succession(alignments, config)),
        hand_off: hand_off(facts, members, config),
        combined: None,
    };
    found.combined = combined([&found.anti_bunching, &found.succession, &found.hand_off]);
    found
}

/// Sub-test 1, as the width that says most shows it. `None` where chance expects fewer than five coincidences at any width.
fn anti_bunching(alignments: &mut Alignments, config: &BehaviourConfig) -> Option<Signal> {
    let windows = alignments.observed().windows;
    // A shift stretches sittings over more windows, or fewer: coincidences are counted as if over as many as were observed.
    let coincidences = |alignment: &Alignment| {
        SLOTS.map(|slot| -alignment.pairs[slot] * (windows[slot] / alignment.windows[slot].max(1.0)).powi(2))
    };
    let observed = coincidences(alignments.observed());
    let mut against = |shift| {
        let chance = monte_carlo(&observed, config.draws, |draw, out| {
            out.copy_from_slice(&coincidences(alignments.draw(shift, draw)));
        });
        let both = observed.iter().zip(&chance.expected).map(|(observed, expected)| (-observed, -expected));
        let missing = |&(observed, expected): &(f64, f64)| (expected - observed) / expected.sqrt();
        let most = both.filter(|&(_, expected)| expected >= 5.0).max_by(|one, other| missing(one).total_cmp(&missing(other)));
        most.map(|(value, expected)| Signal { value, expected, bits: chance.bits, p_value: Some(chance.p_value) })
    };
    let found = against(Shift::InProfile)?;
    if found.p_value > Some(0.1) {
        return Some(found);
    }
    against(Shift::ByClock).map(|by_clock| if by_clock.bits < found.bits { by_clock } else { found })
}

/// Sub-test 2. `None` with fewer than three accounts or twenty returns.
fn succession(alignments: &mut Alignments, config: &BehaviourConfig) -> Option<Signal> {
    let observed = alignments.observed().stack_distance;
    if alignments.account_count() < 3 || alignments.observed().returns < 20 {
        return None;
    }
    let asked = if observed < AT_RANDOM { observed - LEAST_GAIN } else { observed };
    let mut against =
        |shift| monte_carlo(&[asked], config.draws, |draw, out| out[0] = alignments.draw(shift, draw).stack_distance);
    let mut chance = against(Shift::InProfile);
    if chance.p_value <= 0.1 {
        let by_clock = against(Shift::ByClock);
        if by_clock.expected[0] >= OWN_ORDER {
            let (expected, bits) = (by_clock.expected[0], bits_of_p(1.0));
            return Some(Signal { value: observed, expected, bits, p_value: Some(1.0) });
        }
        if by_clock.bits < chance.bits {
            chance = by_clock;
        }
    }
    Some(Signal { value: observed, expected: chance.expected[0], bits: chance.bits, p_value: Some(chance.p_value) })
}

/// Sub-test 3.
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
        out[0] = count(&mut || stream.below(2 * NEARBY as usize) as i64 - NEARBY);
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
        let test = |world: &Toy| one_queue(&world.facts(), &world.members(8), &config);
        let nulls: Vec<OneQueue> = (0..200).map(|seed| test(&Toy::independent(8, 60, seed))).collect();
        toy::assert_super_uniform(200, |seed| nulls[seed as usize].anti_bunching.as_ref()?.p_value);
        toy::assert_super_uniform(200, |seed| nulls[seed as usize].succession.as_ref()?.p_value);
        toy::assert_super_uniform(200, |seed| nulls[seed as usize].hand_off.as_ref()?.p_value);
        toy::assert_super_uniform(200, |seed| nulls[seed as usize].combined.as_ref()?.p_value);
        let queues: Vec<OneQueue> = (0..20).map(|seed| test(&Toy::round_robin(8, 60, seed))).collect();
        let share = |part: fn(&OneQueue) -> &Option<Signal>| {
            queues.iter().filter(|queue| part(queue).as_ref().is_some_and(|signal| signal.p_value <= Some(0.01))).count()
        };
        // The e-values of the nulls are e-values: at most 1 on average, up to the scatter of 200.
        let mean = |queues: &[OneQueue]| {
            let bits = queues.iter().filter_map(|queue| Some(queue.combined.as_ref()?.bits));
            bits.map(f64::exp2).sum::<f64>() / queues.len() as f64
        };
        assert!(mean(&nulls) < 2.0 && mean(&queues) > 50.0, "{} {}", mean(&nulls), mean(&queues));
        assert!(share(|queue| &queue.succession) >= 19);
        assert!(share(|queue| &queue.hand_off) >= 19);
        // Of 99 draws no p-value of several tests is below .01; the e-value is not bound by that.
        assert!(queues.iter().filter(|queue| queue.combined.as_ref().is_some_and(|signal| signal.bits > 5.0)).count() >= 19);
    }

    #[test]
    fn requests_at_a_steady_pace_keep_the_accounts_apart() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        for (events, seed) in [(20, 1), (60, 2), (150, 3)] {
            let world = Toy::paced(20, events, seed);
            let found = one_queue(&world.facts(), &world.members(20), &config);
            let apart = found.anti_bunching.expect("enough coincidences by chance");
            assert!(apart.value < 0.8 * apart.expected && apart.p_value <= Some(0.01), "{events}: {apart:?}");
        }
    }

    #[test]
    fn jobs_that_keep_a_rhythm_of_their_own_make_no_queue() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        for (period, seed) in [(2, 1), (2, 2), (2, 3), (3, 4), (5, 5), (5, 6), (7, 7), (7, 8)] {
            let world = Toy::jobs(20, period, seed);
            let found = one_queue(&world.facts(), &world.members(20), &config);
            let succession = found.succession.expect("enough returns");
            assert!(succession.value > 0.9 && succession.bits < 1.0, "every {period} hours: {succession:?}");
            assert!(found.combined.is_some_and(|signal| signal.bits < 5.0), "every {period} hours");
        }
    }

    #[test]
    fn timers_follow_each_other_in_one_order_without_a_queue() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        for (burst, seed) in [(1, 1), (1, 2), (6, 3), (6, 4), (12, 5), (12, 6)] {
            let world = Toy::timers(20, burst, seed);
            let found = one_queue(&world.facts(), &world.members(20), &config);
            let succession = found.succession.expect("enough returns");
            assert!(succession.value > 0.95 && succession.bits < 1.0, "{burst} {succession:?}");
            assert!(found.combined.is_some_and(|signal| signal.bits < 1.0), "{burst}");
        }
    }

    #[test]
    fn a_crowd_that_is_rejected_when_it_is_busy_hands_nothing_off() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        let hand_off = |seed| {
            let world = Toy::busy(40, 120, seed);
            hand_off(&world.facts(), &world.members(40), &config)
        };
        toy::assert_super_uniform(100, |seed| hand_off(seed)?.p_value);
    }
}
