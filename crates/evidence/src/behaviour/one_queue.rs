//! Does one scheduler deal the requests out over the accounts?
//!
//! Works without any shared address or card. Three sub-tests, each with its own null:
//! 1. *anti-bunching*: coincidences of different accounts within a minute, ten minutes and an hour, against the shifts of the
//!    co-activity module and, if there are fewer than by these, by the clock as well, which keep every sitting whole; the
//!    larger p counts. A queue excludes what independent accounts sometimes do. Value: coincidences observed, at the width that
//!    misses most of those expected; fewer than expected is evidence.
//! 2. *succession*: stack distance (accounts that started since this one last did) / (accounts - 1), mean over session starts;
//!    1 for least-recently-used dealing. Against four nulls, of which the largest p counts: the same two shifts (by the clock
//!    every rhythm stays whole, so an account's own regularity is not evidence), the clock by whole hours, and accounts that
//!    exchange their sessions (module `exchange`), which keeps the hours that a group has in common: whoever sits in one lesson
//!    starts within one morning, dealt out or not. Shifts must be exceeded by a tenth (`MODEL_ERROR`).
//! 3. *hand-off*: after a 429 or 403, another member starts on the same template within `hand_off_window`; against the same
//!    question where the rejection fell on any other request with the template in the same four minutes (or on the same), and
//!    the rejected one went through. Jobs that all start at the full hour are followed by others whether they are rejected or
//!    not, and so is a crowd under load. Of rejections with one template in the same four minutes one is taken, at random: under
//!    the null their places are then independent, and how many are followed is a Poisson binomial, whose tail is exact.
//!
//! One strong sub-test suffices, and the tests share events: the p-value is the harmonic mean p ([`super::combine`]), and the
//! bits are those of the mean of the tests' e-values, which is an e-value whatever the dependence. That loads are even, which
//! other things than a queue bring as well, is a signal of its own ([`super::regular_use`]).
//!
//! Cost: as synchrony, and as much again for the exchanges where the first shift leaves a case, until one of the other nulls explains
//! the order; hand-off reads at most [`WINDOWS`] windows of two hours.
//! Reference for stack distance: Mattson et al. 1970, doi:10.1147/sj.92.0078.

use std::collections::HashMap;

use graph::{AccountId, NONE_U32};

use super::BehaviourConfig;
use super::alignment::{Alignment, WIDTHS};
use super::chance::{MODEL_ERROR, closed_form, monte_carlo, monte_carlo_of};
use super::co_activity::{Alignments, Shift};
use super::combine::combined;
use super::exchange::Sessions;
use super::random::{Stream, key, sample};
use crate::bicm::upper_tail;
use crate::starts::{Busy, Start, Starts};
use crate::{Facts, Signal, TestName};

/// The widths of a coincidence among the [`WIDTHS`]: a minute, ten, an hour. How many requests a queue deals out decides which
/// of these two accounts hardly ever share.
const SLOTS: [usize; 3] = [2, 3, 4];
const _: () = assert!(WIDTHS[SLOTS[0]] == 60 && WIDTHS[SLOTS[1]] == 600 && WIDTHS[SLOTS[2]] == 3_600);
/// Windows of two hours in which hand-offs are looked for.
pub const WINDOWS: usize = 64;
/// Rejections of one account that stand for more.
pub(crate) const OWN_REJECTIONS: usize = 256;
/// Groups with fewer rejections have no hand-offs.
pub(crate) const FEWEST_REJECTIONS: usize = 10;
/// Groups with fewer coincidences by chance can't avoid any.
pub(crate) const FEWEST_COINCIDENCES: f64 = 5.0;
/// An order has so many accounts and returns.
pub(crate) const FEWEST_ACCOUNTS: usize = 3;
pub(crate) const FEWEST_RETURNS: usize = 20;
const HOUR: i64 = 3_600_000;
/// Requests in one such interval could have been rejected as well.
pub(crate) const NEARBY: i64 = 240_000;

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
    pub fn iter(&self) -> impl Iterator<Item = (TestName, &Signal)> {
        let tests = [
            (TestName::AntiBunching, &self.anti_bunching),
            (TestName::Succession, &self.succession),
            (TestName::HandOff, &self.hand_off),
        ];
        tests.into_iter().filter_map(|(name, signal)| Some((name, signal.as_ref()?)))
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
        let most = both
            .filter(|&(_, expected)| expected >= FEWEST_COINCIDENCES)
            .max_by(|one, other| missing(one).total_cmp(&missing(other)));
        most.map(|(value, expected)| Signal { value, expected, bits: chance.bits, p_value: Some(chance.p_value), power: None })
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
    if alignments.account_count() < FEWEST_ACCOUNTS || alignments.observed().returns < FEWEST_RETURNS {
        return None;
    }
    let tested = observed / (1.0 + MODEL_ERROR);
    let mut chance = monte_carlo(&[tested], config.draws, |draw, out| {
        out[0] = alignments.draw(Shift::InProfile, draw).stack_distance;
    });
    if chance.p_value <= 0.1 {
        let samples = alignments.sessions();
        let of_sessions = mean_distance(samples.iter().map(Sessions::observed), alignments);
        let nulls = [&tested, &tested, &of_sessions].map(std::slice::from_ref);
        let [by_clock, by_hours, exchanged] = monte_carlo_of(nulls, config.draws, |null, draw, out| {
            out[0] = match null {
                0 => alignments.draw(Shift::ByClock, draw).stack_distance,
                1 => alignments.draw(Shift::ByHours, draw).stack_distance,
                _ => {
                    let of_sample = |(at, sessions): (u64, &Sessions)| sessions.draw(key(&[config.seed, draw as u64, at]));
                    mean_distance((0..).zip(&samples).map(of_sample), alignments)
                }
            };
        });
        chance = chance.weaker(by_clock).weaker(by_hours).weaker(exchanged);
    }
    Some(Signal {
        value: observed,
        expected: chance.expected[0],
        bits: chance.bits,
        p_value: Some(chance.p_value),
        power: None,
    })
}

/// The stack distance of samples of one group, of (sum, number of returns) of each.
fn mean_distance(samples: impl Iterator<Item = (usize, usize)>, alignments: &Alignments) -> f64 {
    let (distance, returns) = samples.fold((0, 0), |sum, (distance, returns)| (sum.0 + distance, sum.1 + returns));
    distance as f64 / (returns.max(1) * (alignments.account_count() - 1)) as f64
}

/// Sub-test 3.
pub fn hand_off(facts: &Facts<'_>, members: &[AccountId], config: &BehaviourConfig) -> Option<Signal> {
    let columns = facts.activity.columns();
    if columns.status.is_empty() || columns.template.is_empty() {
        return None;
    }
    let scene = HandOffs::of(facts, members, &rejection_windows(facts, members, config), config);
    if scene.rejections.len() < FEWEST_REJECTIONS {
        return None;
    }
    let followed = scene.rejections.iter().filter(|rejection| rejection.followed).count();
    let chances: Vec<(f64, f64)> = scene.rejections.iter().map(|rejection| (1.0, scene.chance(rejection))).collect();
    let tail = upper_tail(&chances, followed as u32);
    let total = scene.rejections.len() as f64;
    Some(closed_form(followed as f64 / total, tail.expected / total, tail.p_value))
}

/// Rejections, and the accepted requests around them that could as well have been the rejected ones.
struct HandOffs {
    /// Accepted requests, by template, then time.
    accepted: Vec<Request>,
    rejections: Vec<Rejection>,
    window: i64,
}

/// A request; module `starts` says with which an account starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Request {
    template: u32,
    time: i64,
    account: u32,
    starts: bool,
    /// Whether another account starts on the template within the window after it.
    followed: bool,
}

struct Rejection {
    request: Request,
    followed: bool,
    /// The accepted requests with the template in the same interval.
    near: std::ops::Range<usize>,
}

impl HandOffs {
    fn of(facts: &Facts<'_>, members: &[AccountId], windows: &[i64], config: &BehaviourConfig) -> HandOffs {
        let window = window_of(config);
        let (mut accepted, mut rejected) = (Vec::<Request>::new(), Vec::<Request>::new());
        let mut busy = Busy::new(window);
        for &account in members {
            let events = facts.activity.of(account);
            let first = rejected.len();
            for &start in windows {
                busy.clear();
                let from = events.time.partition_point(|&at| at < start - window);
                for at in from..events.time.len() {
                    let (time, template) = (events.time[at], events.template[at]);
                    if time >= start + 2 * HOUR {
                        break;
                    }
                    if template == NONE_U32 {
                        continue;
                    }
                    let starts = busy.starts(template, time);
                    let request = Request { template, time, account: account.0, starts, followed: false };
                    match is_rejection(events.status[at]) {
                        _ if time < start => {}
                        true if (HOUR / 2..HOUR * 3 / 2).contains(&(time - start)) => rejected.push(request),
                        true => {}
                        false => accepted.push(request),
                    }
                }
            }
            // Whoever has requests rejected at will speaks for one account only.
            let own = thinned(&rejected[first..], OWN_REJECTIONS);
            rejected.truncate(first);
            rejected.extend(own);
        }
        accepted.sort_unstable();
        rejected.sort_unstable();
        let starts_of = |requests: &[Request]| {
            let started = requests.iter().filter(|request| request.starts);
            Starts::new(started.map(|&Request { time, account, .. }| Start { time, account, rejected: false }).collect())
        };
        let of_templates = accepted.chunk_by(|one, other| one.template == other.template);
        let starts: HashMap<u32, Starts> = of_templates.map(|of| (of[0].template, starts_of(of))).collect();
        let follows = |request: &Request| {
            let starts = starts.get(&request.template);
            starts.is_some_and(|starts| starts.follower(request.account, request.time, window, |at| at).is_some())
        };
        accepted.iter_mut().for_each(|request| request.followed = follows(request));
        let rejections = rejected.chunk_by(|one, other| one.interval() == other.interval()).map(|in_interval| {
            let (template, interval) = in_interval[0].interval();
            let any = Stream::new(key(&[config.seed, u64::from(template), interval as u64])).below(in_interval.len());
            let place = |at: i64| accepted.partition_point(|other| (other.template, other.time) < (template, at));
            let near = place(interval * NEARBY)..place((interval + 1) * NEARBY);
            Rejection { request: in_interval[any], followed: follows(&in_interval[any]), near }
        });
        HandOffs { rejections: rejections.collect(), accepted, window }
    }

    /// The chance that another account follows if the rejection falls on any of the requests nearby, the rejected one among them.
    fn chance(&self, rejection: &Rejection) -> f64 {
        let request = rejection.request;
        let would_be_followed = |other: &&Request| {
            let behind = (1..=self.window).contains(&(request.time - other.time));
            other.followed || (behind && request.starts && request.account != other.account)
        };
        let near = &self.accepted[rejection.near.clone()];
        let followed = near.iter().filter(would_be_followed).count() + usize::from(rejection.followed);
        followed as f64 / (near.len() + 1) as f64
    }
}

impl Request {
    /// Its template, and its place among intervals of [`NEARBY`].
    fn interval(&self) -> (u32, i64) {
        (self.template, self.time.div_euclid(NEARBY))
    }
}

/// Whether a request with this status was turned away, and may be sent again.
pub(crate) fn is_rejection(status: u16) -> bool {
    matches!(status, 403 | 429)
}

/// At most so many of these, evenly spaced.
fn thinned<T: Copy>(all: &[T], most: usize) -> impl Iterator<Item = T> + use<T> {
    let count = all.len().min(most);
    (0..count).map(|at| all[at * all.len() / count]).collect::<Vec<T>>().into_iter()
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
            let rejected = events.status.iter().zip(events.time).filter(|(status, _)| is_rejection(**status));
            let mut hours: Vec<i64> = rejected.map(|(_, &at)| at.div_euclid(HOUR)).collect();
            hours.dedup();
            thinned(&hours, OWN_REJECTIONS)
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
    fn a_class_in_one_room_is_no_queue() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        let of = |seed| {
            let world = Toy::class(30, seed);
            let mut alignments = Alignments::new(&world.facts(), &world.members(30), &config)?;
            succession(&mut alignments, &config)
        };
        toy::assert_super_uniform(100, |seed| of(seed)?.p_value);
    }

    #[test]
    fn jobs_that_keep_a_rhythm_of_their_own_make_no_queue() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        // Within a minute, or as late as the next account's or several accounts' turn; and some left out.
        let late = [(1, 1_000), (10, 1_000), (30, 1_000), (1, 10), (10, 10), (30, 3)];
        let seeds = [(2, 1), (2, 2), (2, 3), (3, 4), (5, 5), (5, 6), (7, 7), (7, 8)];
        for ((period, seed), late) in seeds.into_iter().flat_map(|each| late.map(|late| (each, late))) {
            let world = Toy::jobs(20, period, late, seed);
            let found = one_queue(&world.facts(), &world.members(20), &config);
            let succession = found.succession.expect("enough returns");
            // On time they follow each other in nearly one order.
            let least = if late == (1, 1_000) { 0.9 } else { 0.7 };
            assert!(succession.value > least && succession.bits < 1.0, "every {period} hours, {late:?}: {succession:?}");
            assert!(found.combined.is_some_and(|signal| signal.bits < 5.0), "every {period} hours, {late:?}");
        }
    }

    #[test]
    fn requests_dealt_out_in_turn_as_they_come_are_a_queue_however_many_each_account_gets() {
        // Of so many requests each account has nearly a rhythm of its own.
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        for (accounts, events, seed) in [(8, 60, 1), (14, 60, 2), (14, 250, 3), (24, 250, 4), (40, 250, 5)] {
            let world = Toy::round_robin(accounts, events, seed);
            let mut alignments = Alignments::new(&world.facts(), &world.members(accounts as u32), &config).unwrap();
            let found = succession(&mut alignments, &config).expect("enough returns");
            assert!(found.value > 0.95 && found.bits > 5.0, "{accounts} accounts, {events} each: {found:?}");
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

    #[test]
    fn jobs_that_start_together_hand_nothing_off() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        let of = |seed| {
            let world = Toy::hourly(24, seed);
            hand_off(&world.facts(), &world.members(24), &config)
        };
        let usual = of(0).expect("requests are rejected");
        assert!(usual.value > 0.8 && usual.expected > 0.8, "{usual:?}");
        toy::assert_super_uniform(100, |seed| of(seed)?.p_value);
    }

    #[test]
    fn hand_offs_of_those_who_know_nothing_of_each_other_are_worth_nothing() {
        let config = BehaviourConfig::default();
        type World = fn(u64) -> Toy;
        let worlds: [(&str, World, u32); 4] = [
            ("independent", |seed| Toy::independent(8, 60, seed), 8),
            ("busy", |seed| Toy::busy(40, 120, seed), 40),
            ("hourly", |seed| Toy::hourly(24, seed), 24),
            ("outage", |seed| Toy::outage(40, 60, seed), 40),
        ];
        for (name, world, members) in worlds {
            let bits = |seed| {
                let world = world(seed);
                hand_off(&world.facts(), &world.members(members), &config).map(|signal| signal.bits)
            };
            let all: Vec<f64> = (0..200).filter_map(bits).collect();
            let mean = all.iter().copied().map(f64::exp2).sum::<f64>() / all.len() as f64;
            let most = all.iter().copied().fold(f64::MIN, f64::max);
            assert!(all.len() > 100 && mean < 1.5 && most < 6.0, "{name}: {} groups, mean {mean}, most {most}", all.len());
        }
    }

    #[test]
    fn rejections_made_at_will_hide_no_hand_off() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        for count in [10, 300] {
            let world = Toy::round_robin(8, 60, 1).with_rejected_before(count);
            let found = hand_off(&world.facts(), &world.members(8), &config).expect("requests are rejected");
            assert!(found.p_value <= Some(0.01), "{count}: {found:?}");
        }
    }
}
