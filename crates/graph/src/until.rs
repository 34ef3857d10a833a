//! What was known at an earlier time, and what has been seen since?
//!
//! *Until*: the graph and the activity as they stood at the end of a second, with the same vertices. A sighting is there once
//! its pair had been seen; one that went on is cut off. Its count is that of the end, capped at the exchanges that its account had
//! by then: which events a sighting is made of isn't kept.
//!
//! *Since*: the same with what went on from the beginning of a second. Sightings without a time are always there. Events can
//! also be chosen one by one ([`Activity::with_events`]).
//! O(sightings + events).

use std::ops::Range;

use rayon::prelude::*;

use crate::{AccountId, Activity, ActivityColumns, BipartiteGraph, Column, GraphError, NO_TIME, Seconds};

/// Sightings that one task takes at least.
const TASK: usize = 1 << 16;

impl Activity {
    /// The events up to the end of a second.
    ///
    /// # Errors
    /// [`GraphError`] if the columns don't fit together, which those of a valid activity always do.
    pub fn until(&self, time: Seconds) -> Result<Activity, GraphError> {
        let end = (i64::from(time) + 1) * 1000;
        self.part(|row, times| row.start..row.start + times.partition_point(|&at| at < end))
    }

    /// The events from the beginning of a second on.
    ///
    /// # Errors
    /// As [`Activity::until`].
    pub fn since(&self, time: Seconds) -> Result<Activity, GraphError> {
        let start = i64::from(time) * 1000;
        self.part(|row, times| row.start + times.partition_point(|&at| at < start)..row.end)
    }

    /// The events of which `is_kept` says so, by their positions in the columns; it is asked in parallel.
    ///
    /// # Errors
    /// As [`Activity::until`].
    pub fn with_events(&self, is_kept: impl Fn(usize) -> bool + Sync) -> Result<Activity, GraphError> {
        let accounts = (0..self.account_count()).into_par_iter().with_min_len(1024);
        let runs: Vec<Vec<Range<usize>>> =
            accounts.map(|account| runs_of(self.row(account).filter(|&at| is_kept(at)))).collect();
        let counts = runs.iter().map(|runs| runs.iter().map(Range::len).sum());
        self.of_runs(counts, &runs.concat())
    }

    /// Of each account's row, a part; `of` gets the row and its times.
    fn part(&self, of: impl Fn(Range<usize>, &[i64]) -> Range<usize>) -> Result<Activity, GraphError> {
        let rows = (0..self.account_count()).map(|account| self.row(account));
        let kept: Vec<Range<usize>> = rows.map(|row| of(row.clone(), &self.columns().time[row])).collect();
        self.of_runs(kept.iter().map(Range::len), &kept)
    }

    /// Where an account's events are in the columns.
    fn row(&self, account: usize) -> Range<usize> {
        let offsets = &self.columns().offsets;
        offsets[account] as usize..offsets[account + 1] as usize
    }

    /// The events of some runs of the columns; `counts`: how many of them each account has.
    fn of_runs(&self, counts: impl Iterator<Item = usize>, kept: &[Range<usize>]) -> Result<Activity, GraphError> {
        let columns = self.columns();
        let mut offsets = vec![0u64];
        offsets.extend(counts.scan(0, |sum, count| {
            *sum += count as u64;
            Some(*sum)
        }));
        Activity::from_columns(ActivityColumns {
            offsets: offsets.into(),
            time: part(&columns.time, kept),
            model: part(&columns.model, kept),
            capability: part(&columns.capability, kept),
            status: part(&columns.status, kept),
            template: part(&columns.template, kept),
            requests: part(&columns.requests, kept),
            tokens: part(&columns.tokens, kept),
        })
    }
}

/// Ascending positions as runs without a gap.
fn runs_of(positions: impl Iterator<Item = usize>) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for at in positions {
        match runs.last_mut() {
            Some(run) if run.end == at => run.end += 1,
            _ => runs.push(at..at + 1),
        }
    }
    runs
}

/// The kept ranges of a column, which may be empty as a whole.
fn part<T: Copy>(column: &Column<T>, kept: &[Range<usize>]) -> Column<T>
where
    Column<T>: std::ops::Deref<Target = [T]> + From<Vec<T>>,
{
    if column.is_empty() {
        return Vec::new().into();
    }
    kept.iter().flat_map(|row| column[row.clone()].iter().copied()).collect::<Vec<T>>().into()
}

impl BipartiteGraph {
    /// The first time of any sighting, or `NO_TIME`. O(sightings).
    pub fn first_seen(&self) -> Seconds {
        let times = self.columns().first_seen.par_iter().with_min_len(TASK).copied();
        times.filter(|&time| time != NO_TIME).min().unwrap_or(NO_TIME)
    }

    /// The last time of any sighting, or `NO_TIME`. O(sightings).
    pub fn last_seen(&self) -> Seconds {
        self.columns().last_seen.par_iter().with_min_len(TASK).copied().max().unwrap_or(NO_TIME)
    }

    /// How many sightings began before a second and went on from its beginning: what [`BipartiteGraph::since`] cuts, and
    /// [`BipartiteGraph::until`] the second before. O(sightings).
    pub fn going_on_at(&self, time: Seconds) -> usize {
        let spans = self.columns().first_seen.iter().zip(self.columns().last_seen.iter());
        spans.filter(|&(&first, &last)| first != NO_TIME && first < time && last >= time).count()
    }

    /// The sightings up to the end of a second; `activity` is that of the same time.
    ///
    /// # Errors
    /// [`GraphError`] if the parts don't fit together, which a valid graph always does.
    pub fn until(&self, time: Seconds, activity: &Activity) -> Result<BipartiteGraph, GraphError> {
        let exchanges = exchanges(activity);
        self.with_sightings(|mut sighting| {
            if sighting.first_seen != NO_TIME {
                sighting.last_seen = sighting.last_seen.min(time);
                sighting.count = sighting.count.min(exchanges[sighting.account.index()].max(1));
            }
            (sighting.first_seen == NO_TIME || sighting.first_seen <= time).then_some(sighting)
        })
    }

    /// The sightings that went on from the beginning of a second on; `activity` is that from the same time. What began before it
    /// begins with the first event of its account since: if all began with the second, whoever has been on one card for years
    /// would have come to it in one minute.
    ///
    /// # Errors
    /// As [`BipartiteGraph::until`].
    pub fn since(&self, time: Seconds, activity: &Activity) -> Result<BipartiteGraph, GraphError> {
        let exchanges = exchanges(activity);
        self.with_sightings(|mut sighting| {
            if sighting.first_seen != NO_TIME && sighting.first_seen < time {
                let times = activity.of(sighting.account).time;
                let first = times.first().map_or(time, |&at| (at / 1000) as Seconds);
                sighting.first_seen = first.clamp(time, sighting.last_seen.max(time));
                sighting.count = sighting.count.min(exchanges[sighting.account.index()].max(1));
            }
            (sighting.last_seen == NO_TIME || sighting.last_seen >= time).then_some(sighting)
        })
    }
}

/// By account what counts of sightings count: an event of an aggregated log stands for many.
fn exchanges(activity: &Activity) -> Vec<u32> {
    let of = |account: usize| {
        let events = activity.of(AccountId(account as u32));
        match events.requests {
            [] => events.time.len() as u32,
            requests => requests.iter().fold(0, |sum: u32, &of_event| sum.saturating_add(of_event)),
        }
    };
    (0..activity.account_count()).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::graph_from_sightings;
    use crate::{IdentifierId, Sighting};

    #[test]
    fn what_came_later_is_gone_and_what_went_on_is_cut_off() {
        let seen = |account, identifier, first_seen, last_seen| Sighting {
            account: AccountId(account),
            identifier: IdentifierId(identifier),
            count: 5,
            first_seen,
            last_seen,
        };
        let all = vec![seen(0, 0, 10, 20), seen(0, 1, 16, 30), seen(1, 1, 12, 15), seen(1, 2, NO_TIME, NO_TIME)];
        let graph = graph_from_sightings(all, 2, vec![0, 3]).unwrap();
        let columns = ActivityColumns {
            offsets: vec![0, 3, 4].into(),
            time: vec![10_000, 15_999, 16_000, 12_000].into(),
            model: vec![1, 2, 3, 4].into(),
            tokens: vec![10, 0, 30, 40].into(),
            ..ActivityColumns::empty(2)
        };
        let activity = Activity::from_columns(columns).unwrap();
        let then = activity.until(15).unwrap();
        assert_eq!((then.of(AccountId(0)).time, then.of(AccountId(0)).model), (&[10_000, 15_999][..], &[1, 2][..]));
        assert_eq!(then.of(AccountId(1)).time, [12_000]);
        assert!(then.of(AccountId(0)).status.is_empty());
        assert_eq!((then.of(AccountId(0)).tokens, then.of(AccountId(1)).tokens), (&[10, 0][..], &[40][..]));
        let graph_then = graph.until(15, &then).unwrap();
        let first: Vec<Sighting> = graph_then.sightings_of(AccountId(0)).collect();
        assert_eq!(first, [Sighting { count: 2, ..seen(0, 0, 10, 15) }]);
        let second: Vec<Sighting> = graph_then.sightings_of(AccountId(1)).collect();
        assert_eq!(second, [Sighting { count: 1, ..seen(1, 1, 12, 15) }, seen(1, 2, NO_TIME, NO_TIME)]);
        assert_eq!(graph_then.identifier_count(), 3);
        assert_eq!((graph.last_seen(), graph.going_on_at(16), graph.going_on_at(13)), (30, 1, 2));
        let since = activity.since(13).unwrap();
        assert_eq!((since.of(AccountId(0)).time, since.of(AccountId(1)).time.len()), (&[15_999, 16_000][..], 0));
        let graph_since = graph.since(13, &since).unwrap();
        let first: Vec<Sighting> = graph_since.sightings_of(AccountId(0)).collect();
        assert_eq!(first, [Sighting { count: 2, ..seen(0, 0, 15, 20) }, seen(0, 1, 16, 30)]);
        let second: Vec<Sighting> = graph_since.sightings_of(AccountId(1)).collect();
        assert_eq!(second, [Sighting { count: 1, ..seen(1, 1, 13, 15) }, seen(1, 2, NO_TIME, NO_TIME)]);
        // Where an event stands for several exchanges, they count, and at most so many as a number can be.
        let of_many = |requests: Vec<u32>| {
            let columns = ActivityColumns { requests: requests.into(), ..activity.columns().clone() };
            let activity = Activity::from_columns(columns).unwrap();
            let (then, since) = (activity.until(15).unwrap(), activity.since(13).unwrap());
            let count = |graph: BipartiteGraph| graph.sightings_of(AccountId(0)).next().unwrap().count;
            [count(graph.until(15, &then).unwrap()), count(graph.since(13, &since).unwrap())]
        };
        assert_eq!(of_many(vec![3, 1, 1, 1]), [4, 2]);
        assert_eq!(of_many(vec![1, u32::MAX, u32::MAX, 1]), [5, 5]);
        // At the end everything is there; counts are at most the account's events.
        assert_eq!(activity.until(40).unwrap(), activity);
        assert_eq!(graph.until(40, &activity).unwrap().sighting_count(), graph.sighting_count());
    }
}
