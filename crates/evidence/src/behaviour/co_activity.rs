//! The exact-time null: every account keeps its days, its volume on each day, its profile of the day, the rhythm inside a
//! day and what it repeats from day to day; only the alignment between accounts is broken.
//!
//! With F the account's cumulative profile of the day (module `operational_time`), an event at time of day t has operational time
//! u = F(t), uniform if the account follows its profile. A draw adds one uniform offset for
//! each account, the same on all of its days, modulo 1, and maps back: a circular shift inside the account's own daily profile.
//! An offset for each day would dissolve what timers do: jobs that start at the same times every day follow each other in one
//! order, with nobody who deals them out.
//!
//! There are two such profiles, of the account's events and of its active hours (one a day and hour, however much it did). With
//! sixty requests in one go at some hour of a night, the first draws all other days of the account into that night, as if
//! people who run a set of prompts were in step in their afternoons; the second takes such a run out of the evening on which a
//! crowd met for it. So what may have come about by either is no evidence (as for one clock, [`Shift::ByClock`], and the hours that
//! everybody's clock strikes, [`Shift::ByHours`], and those of each account's own day, [`Shift::ByDays`]).
//!
//! What hits everybody at one moment, an outage that ends, no shift keeps; that is asked of strangers ([`Alignments::of_strangers`]).
//!
//! A large group is read in several samples of its accounts, each from its own stretch of time, and what they show is summed,
//! of what happened and of each draw: a verdict that hung on one sample would be a draw itself.
//!
//! The tests of exact times (synchrony, anti-bunching, succession) read the same draws, made once: each p-value is valid by
//! itself, and whoever combines them allows for any dependence ([`super::combine`]).
//!
//! Cost of a draw: O(n log n) in the events of a day, for each day of the sample; samples are drawn in parallel.

use std::ops::Range;

use graph::AccountId;
use rayon::prelude::*;

use super::BehaviourConfig;
use super::alignment::{Alignment, DAY, Day, Seen, align, packed};
use super::exchange::Sessions;
use super::operational_time::{HOUR, OperationalTime, modulo_one, time_of_day};
use super::population::{Matched, Population, STRANGERS};
use super::random::{Stream, group_key, key, samples};
use crate::Facts;

/// Samples of fewer accounts, or fewer events, have no exact times to speak of.
pub(crate) const FEWEST_ACCOUNTS: usize = 2;
pub(crate) const FEWEST_EVENTS: usize = 40;

/// Draws of each group of strangers.
const DRAWS_OF_STRANGERS: u64 = 5;

/// The sampled events of a group and their alignments, each made when it is first asked for.
pub(crate) struct Alignments {
    samples: Vec<Sample>,
    /// The accounts of the first sample, and where their events start.
    first: (Vec<AccountId>, i64),
    gap: i64,
    observed: Alignment,
    /// By [`Shift`].
    draws: [Vec<Alignment>; 5],
}

/// A group of strangers.
pub(crate) struct Strangers {
    pub(crate) accounts: usize,
    /// What they did.
    pub(crate) observed: Alignment,
    pub(crate) draws: Vec<Alignment>,
}

/// One sample of a group.
struct Sample {
    events: Shiftable,
    seed: u64,
    /// The draw in the making.
    shifted: Shifted,
    seen: Seen,
}

impl Alignments {
    /// Samples a group; `None` if that leaves fewer than two accounts or forty events.
    pub(crate) fn new(facts: &Facts<'_>, members: &[AccountId], config: &BehaviourConfig) -> Option<Alignments> {
        let active: Vec<AccountId> =
            members.iter().copied().filter(|&account| facts.activity.of(account).time.len() > 1).collect();
        let seed = group_key(config.seed, 1, members);
        let chosen = samples(&active, config.timed_accounts, config.timed_samples, config.seed);
        let sample = |(number, chosen): (u64, Vec<AccountId>)| {
            let seed = if number == 0 { seed } else { key(&[seed, u64::MAX - number]) };
            let start = common_start(facts, &chosen)?;
            Some(((chosen.clone(), start), Sample::new(facts, &chosen, start, seed, config)?))
        };
        let (starts, mut samples): (Vec<_>, Vec<Sample>) = (0..).zip(chosen).filter_map(sample).unzip();
        let gap = i64::from(config.session_gap) * 1000;
        let observed = Alignment::sum(samples.iter_mut().map(|sample| sample.observed(gap)));
        let first = starts.into_iter().next()?;
        Some(Alignments { samples, first, gap, observed, draws: Default::default() })
    }

    /// What [`STRANGERS`] groups of as many accounts that aren't members, of the same pathways and volumes, did from the same time
    /// on, each with [`DRAWS_OF_STRANGERS`] draws; a group of no more than forty events is left out. `None` if there are too few
    /// others.
    pub(crate) fn of_strangers(
        &self,
        facts: &Facts<'_>,
        population: &Population,
        members: &[AccountId],
        shift: Shift,
        config: &BehaviourConfig,
    ) -> Option<Vec<Strangers>> {
        let (accounts, start) = &self.first;
        let matched = Matched::new(facts, population, accounts, members)?;
        let of_group = |number: u64| {
            let seed = key(&[self.samples[0].seed, u64::MAX / 2 - number]);
            let chosen = matched.others(population, &mut Stream::new(seed));
            let mut sample = Sample::new(facts, &chosen, *start, seed, config)?;
            Some(Strangers {
                accounts: chosen.len(),
                observed: sample.observed(self.gap),
                draws: (0..DRAWS_OF_STRANGERS).map(|draw| sample.draw(shift, draw, self.gap)).collect(),
            })
        };
        Some((0..STRANGERS).into_par_iter().filter_map(of_group).collect())
    }

    /// Number of accounts of a sample.
    pub(crate) fn account_count(&self) -> usize {
        self.samples[0].events.account_count()
    }

    /// What happened.
    pub(crate) fn observed(&self) -> &Alignment {
        &self.observed
    }

    /// The sessions of each sample, as its accounts can exchange them.
    pub(crate) fn sessions(&self) -> Vec<Sessions> {
        let accounts = self.account_count();
        let of_sample =
            |Sample { events, seed, .. }: &Sample| Sessions::new(&events.days, &events.observed, accounts, self.gap, *seed);
        self.samples.iter().map(of_sample).collect()
    }

    /// The `n`-th draw.
    pub(crate) fn draw(&mut self, shift: Shift, n: usize) -> &Alignment {
        let Alignments { samples, gap, draws, .. } = self;
        let draws = &mut draws[shift as usize];
        while draws.len() <= n {
            let number = draws.len() as u64;
            let of_samples: Vec<Alignment> = samples.par_iter_mut().map(|sample| sample.draw(shift, number, *gap)).collect();
            draws.push(Alignment::sum(of_samples.into_iter()));
        }
        &draws[n]
    }
}

impl Sample {
    fn new(facts: &Facts<'_>, chosen: &[AccountId], start: i64, seed: u64, config: &BehaviourConfig) -> Option<Sample> {
        let events = Shiftable::new(facts, chosen, start, config)?;
        Some(Sample { seen: Seen::new(events.account_count()), events, seed, shifted: Shifted::default() })
    }

    fn observed(&mut self, gap: i64) -> Alignment {
        align(&self.events.days, &self.events.observed, gap, &mut self.seen)
    }

    fn draw(&mut self, shift: Shift, number: u64, gap: i64) -> Alignment {
        let Sample { events, seed, shifted, seen } = self;
        let seed = key(&[*seed, number]);
        let days = match shift {
            Shift::InProfile | Shift::InActiveHours => {
                events.in_profile(&events.operational[shift as usize], seed, &mut shifted.events);
                &events.days
            }
            Shift::ByHours => {
                events.by_hours(seed, &mut shifted.events);
                &events.days
            }
            Shift::ByDays => {
                events.by_days(seed, shifted);
                &shifted.days
            }
            Shift::ByClock => {
                events.by_clock(seed, shifted);
                &shifted.days
            }
        };
        align(days, &shifted.events, gap, seen)
    }
}

/// What time an account is shifted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shift {
    /// Its own operational time, by the profile of its events.
    InProfile,
    /// The same by the profile of its active hours.
    InActiveHours,
    /// The clock: all that it did, by up to a day. Whatever it repeats, every hour or every seven, it goes on to repeat.
    ByClock,
    /// The hours of each day, turned by as many: jobs that start at full hours, as everybody's do, go on to start together.
    ByHours,
    /// Its days, turned by as many within the time in which it was there, whole weeks where it was there for three: whatever it does at
    /// the same time of day, since its jobs start then or the log knows no seconds, goes on to be at that time.
    ByDays,
}

/// The events of a sample, ready to be shifted. An event is its millisecond of the day, then its account in the lower half.
struct Shiftable {
    /// Ascending.
    days: Vec<Day>,
    /// The events of one account on one day, by day and account.
    turns: Vec<Turn>,
    /// The observed events, by time.
    observed: Vec<u64>,
    /// By account: its first day in the sample, and the days from then to its last.
    spans: Vec<(u32, u32)>,
    /// By what the accounts' profiles are of: events, active hours.
    operational: [OperationalTime; 2],
}

/// Events that were shifted, by time, and their days; those of the sample where none has left its day.
#[derive(Default)]
struct Shifted {
    days: Vec<Day>,
    events: Vec<u64>,
    /// Those that have left the day in the making for the next.
    late: Vec<u64>,
}

struct Turn {
    account: u32,
    events: Range<usize>,
}

impl Shiftable {
    /// `timed_events` consecutive events of each account, all from one stretch of time. `None` if that leaves fewer than two
    /// accounts or forty events.
    fn new(facts: &Facts<'_>, chosen: &[AccountId], start: i64, config: &BehaviourConfig) -> Option<Shiftable> {
        // (day, account, millisecond of the day)
        let (mut events, mut by_events, mut by_hours) = (Vec::new(), Vec::new(), Vec::new());
        for &account in chosen {
            let time = facts.activity.of(account).time;
            let from = time.partition_point(|&at| at < start).min(time.len().saturating_sub(config.timed_events));
            let part = &time[from..time.len().min(from + config.timed_events)];
            let local = by_events.len() as u32;
            let (mut counts, mut active, mut last) = ([0.0; 24], [0.0; 24], i64::MIN);
            for &at in part {
                let (of_day, hour) = (at.rem_euclid(DAY), at.div_euclid(HOUR as i64));
                events.push((at.div_euclid(DAY), local, of_day));
                counts[hour.rem_euclid(24) as usize] += 1.0;
                active[hour.rem_euclid(24) as usize] += f64::from(hour != last);
                last = hour;
            }
            by_events.push(counts);
            by_hours.push(active);
        }
        if by_events.len() < FEWEST_ACCOUNTS || events.len() < FEWEST_EVENTS {
            return None;
        }
        events.sort_unstable();
        let operational = [by_events, by_hours].map(|hours| OperationalTime::new(&hours, &events));
        let mut observed: Vec<u64> = events.iter().map(|&(_, account, at)| packed(at, account)).collect();
        let (first, mut days, mut turns) = (events[0].0, Vec::new(), Vec::new());
        for of_day in events.chunk_by(|left, right| left.0 == right.0) {
            let (first_turn, first_event) = (turns.len(), turns.last().map_or(0, |turn: &Turn| turn.events.end));
            for turn in of_day.chunk_by(|left, right| left.1 == right.1) {
                let from = turns.last().map_or(0, |turn| turn.events.end);
                turns.push(Turn { account: turn[0].1, events: from..from + turn.len() });
            }
            let range = first_event..first_event + of_day.len();
            observed[range.clone()].sort_unstable();
            days.push(Day { number: (of_day[0].0 - first) as u32, turns: first_turn..turns.len(), events: range });
        }
        let mut spans = vec![(u32::MAX, 0u32); operational[0].profiles.len()];
        for &(day, account, _) in &events {
            let (day, (from, to)) = ((day - first) as u32, &mut spans[account as usize]);
            (*from, *to) = ((*from).min(day), (*to).max(day));
        }
        spans.iter_mut().for_each(|(from, to)| *to = to.saturating_sub(*from) + 1);
        Some(Shiftable { days, turns, observed, spans, operational })
    }

    fn account_count(&self) -> usize {
        self.operational[0].profiles.len()
    }

    /// By account: how far a draw shifts it, of a day.
    fn offsets(&self, seed: u64) -> Vec<f64> {
        (0..self.account_count()).map(|account| Stream::new(key(&[seed, account as u64])).unit()).collect()
    }

    /// One draw in operational time, by time, into `out`: the events of a day stay in its range.
    fn in_profile(&self, time: &OperationalTime, seed: u64, out: &mut Vec<u64>) {
        out.clear();
        let offsets = self.offsets(seed);
        for day in &self.days {
            for turn in &self.turns[day.turns.clone()] {
                let (offset, profile) = (offsets[turn.account as usize], &time.profiles[turn.account as usize]);
                let shifted = |&place: &f64| time_of_day(profile, modulo_one(place + offset));
                out.extend(time.places[turn.events.clone()].iter().map(|place| packed(shifted(place), turn.account)));
            }
            out[day.events.clone()].sort_unstable();
        }
    }

    /// One draw of [`Shift::ByDays`], by time, into `out`.
    fn by_days(&self, seed: u64, out: &mut Shifted) {
        const WEEK: u32 = 7;
        // By account: how many days are turned, and by how many. What is left over of whole weeks stays.
        let turns: Vec<(u32, u32)> = (self.offsets(seed).into_iter().zip(&self.spans))
            .map(|(offset, &(_, span))| {
                let unit = if span >= 3 * WEEK { WEEK } else { 1 };
                (span / unit * unit, (offset * f64::from(span / unit)) as u32 * unit)
            })
            .collect();
        let mut moved: Vec<(u32, u64)> = Vec::with_capacity(self.observed.len());
        for day in &self.days {
            moved.extend(self.observed[day.events.clone()].iter().map(|&event| {
                let account = event as u32 as usize;
                let ((first, _), (turned, by)) = (self.spans[account], turns[account]);
                let since = day.number - first;
                (first + if since < turned { (since + by) % turned } else { since }, event)
            }));
        }
        moved.sort_unstable();
        let Shifted { days, events, .. } = out;
        days.clear();
        events.clear();
        for of_day in moved.chunk_by(|left, right| left.0 == right.0) {
            let from = events.len();
            events.extend(of_day.iter().map(|&(_, event)| event));
            days.push(Day { number: of_day[0].0, turns: 0..0, events: from..events.len() });
        }
    }

    /// One draw of [`Shift::ByHours`], by time, into `out`: the events of a day stay in its range.
    fn by_hours(&self, seed: u64, out: &mut Vec<u64>) {
        out.clear();
        let by: Vec<i64> = self.offsets(seed).into_iter().map(|offset| ((offset * 24.0).floor() * HOUR) as i64).collect();
        for day in &self.days {
            let turned = |&event: &u64| packed(((event >> 32) as i64 + by[event as u32 as usize]) % DAY, event as u32);
            out.extend(self.observed[day.events.clone()].iter().map(turned));
            out[day.events.clone()].sort_unstable();
        }
    }

    /// One draw of [`Shift::ByClock`], by time, into `out`: what happens in a day does in that or in the next.
    fn by_clock(&self, seed: u64, out: &mut Shifted) {
        let by: Vec<i64> = self.offsets(seed).into_iter().map(|offset| (offset * DAY as f64) as i64).collect();
        let Shifted { days, events, late } = out;
        days.clear();
        events.clear();
        // A day holds what was late for the one before, and what of its own isn't.
        let mut fill = |number: u32, own: &[u64]| {
            let from = events.len();
            events.append(late);
            for &event in own {
                let (at, account) = ((event >> 32) as i64 + by[event as u32 as usize], event as u32);
                if at < DAY { events.push(packed(at, account)) } else { late.push(packed(at - DAY, account)) }
            }
            if events.len() > from {
                events[from..].sort_unstable();
                days.push(Day { number, turns: 0..0, events: from..events.len() });
            }
        };
        let mut next = 0;
        for day in &self.days {
            if next < day.number {
                fill(next, &[]);
            }
            fill(day.number, &self.observed[day.events.clone()]);
            next = day.number + 1;
        }
        fill(next, &[]);
    }
}

/// Where the consecutive events start: the median of the accounts' middle events less a margin, so that the stretches overlap.
fn common_start(facts: &Facts<'_>, chosen: &[AccountId]) -> Option<i64> {
    let mut middles: Vec<i64> = chosen
        .iter()
        .map(|&account| {
            let time = facts.activity.of(account).time;
            time[time.len() / 2]
        })
        .collect();
    middles.sort_unstable();
    middles.get(middles.len() / 2).map(|&middle| middle - middle.rem_euclid(DAY))
}

#[cfg(test)]
mod tests {
    use super::super::operational_time::operational;
    use super::super::toy::Toy;
    use super::*;

    fn shiftable(world: &Toy) -> Shiftable {
        let (facts, members) = (world.facts(), world.members(6));
        let start = common_start(&facts, &members).expect("they are active");
        Shiftable::new(&facts, &members, start, &BehaviourConfig::default()).expect("enough events")
    }

    #[test]
    fn a_draw_by_the_clock_keeps_every_gap() {
        let world = Toy::independent(6, 40, 4);
        let events = shiftable(&world);
        let times_of = |account: u32, days: &[Day], events: &[u64]| -> Vec<i64> {
            let at = |day: &Day, event: u64| i64::from(day.number) * DAY + (event >> 32) as i64;
            let of_day =
                |day: &Day| events[day.events.clone()].iter().map(|&event| (event, at(day, event))).collect::<Vec<_>>();
            days.iter().flat_map(of_day).filter(|&(event, _)| event as u32 == account).map(|(_, at)| at).collect()
        };
        let mut shifted = Shifted::default();
        events.by_clock(7, &mut shifted);
        let Shifted { days, events: shifted, late } = shifted;
        assert!(late.is_empty());
        assert_eq!(shifted.len(), events.observed.len());
        assert!(days.iter().all(|day| shifted[day.events.clone()].is_sorted()));
        assert!(days.windows(2).all(|two| two[0].number < two[1].number && two[0].events.end == two[1].events.start));
        let mut shifts: Vec<i64> = (0..6)
            .map(|account| {
                let (before, after) = (times_of(account, &events.days, &events.observed), times_of(account, &days, &shifted));
                let by = after[0] - before[0];
                assert!((0..DAY).contains(&by));
                assert!(before.iter().zip(&after).all(|(before, after)| after - before == by));
                by
            })
            .collect();
        shifts.dedup();
        assert_eq!(shifts.len(), 6, "each account is shifted by itself");
    }

    #[test]
    fn a_draw_keeps_every_account_on_its_days_and_its_gaps_in_operational_time() {
        let world = Toy::independent(6, 40, 3);
        let events = shiftable(&world);
        let accounts = |events: &[u64], day: &Day| {
            let mut accounts: Vec<u32> = events[day.events.clone()].iter().map(|&event| event as u32).collect();
            accounts.sort_unstable();
            accounts
        };
        for time in &events.operational {
            let mut shifted = Vec::new();
            events.in_profile(time, 7, &mut shifted);
            assert_ne!(shifted, events.observed);
            for day in &events.days {
                assert_eq!(accounts(&shifted, day), accounts(&events.observed, day));
                assert!(shifted[day.events.clone()].is_sorted());
                for turn in &events.turns[day.turns.clone()] {
                    let profile = &time.profiles[turn.account as usize];
                    let of_turn = shifted[day.events.clone()].iter().filter(|&&event| event as u32 == turn.account);
                    let places: Vec<f64> = of_turn.map(|event| operational(profile, (event >> 32) as i64)).collect();
                    // Shifted back by the offset of the first, they are where they were.
                    let nearest = |place: f64, all: &[f64]| {
                        all.iter()
                            .map(|other| ((place - other).rem_euclid(1.0) + 0.5).fract() - 0.5)
                            .fold(1.0, |a: f64, b| a.min(b.abs()))
                    };
                    let first = time.places[turn.events.start];
                    let fits = places.iter().any(|&place| {
                        let back: Vec<f64> = places.iter().map(|other| other - place + first).collect();
                        time.places[turn.events.clone()].iter().all(|&place| nearest(place, &back) < 1e-4)
                    });
                    assert!(fits, "{places:?}");
                }
            }
        }
    }
}
