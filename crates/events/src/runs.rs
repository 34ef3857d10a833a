//! How are the runs of many parts gone over account by account?
//!
//! In any order of accounts: that is how parts ([`crate::gather`]) are merged into one, written to disk, and in the end numbered.
//! Cost: a counting sort of the runs.

use std::ops::Range;
use std::sync::Arc;

use graph::NONE_U32;
use rayon::prelude::*;

use crate::gather::{Merger, Part, RunOf};

/// The runs of some parts, in an order of accounts.
pub(crate) struct Runs<'p> {
    groups: Vec<Arc<Group<'p>>>,
}

/// The runs of parts with accounts that stand together in that order.
struct Group<'p> {
    /// In the order of time, where parts of a log in the order of time were given.
    parts: Vec<&'p Part>,
    /// The lowest key.
    first: u32,
    /// Start of each key's runs, from `first` on, and their number.
    starts: Vec<u32>,
    /// (part, run) by key, then by part.
    runs: Vec<(u32, u32)>,
}

impl<'p> Group<'p> {
    /// A counting sort: O(runs + highest key - lowest key).
    fn new(parts: &[&'p Part], key: impl Fn(u32) -> u32) -> Self {
        let mut parts = parts.to_vec();
        parts.sort_by_key(|part| part.events.first().map(|event| event.seconds));
        let keys: Vec<u32> = parts.iter().flat_map(|part| &part.runs).map(|run| key(run.account)).collect();
        let there = || keys.iter().copied().filter(|&key| key != NONE_U32);
        let (first, last) = (there().min().unwrap_or(0), there().max().unwrap_or(0));
        let mut starts = vec![0u32; (last - first) as usize + 3];
        // Two places further on: after the next step a key's slot is where its next run goes, and in the end where it ends.
        there().for_each(|key| starts[(key - first) as usize + 2] += 1);
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut runs = vec![(0, 0); starts[starts.len() - 1] as usize];
        let mut keys = keys.into_iter();
        for (at, part) in parts.iter().enumerate() {
            for (run, key) in (0..part.runs.len()).zip(&mut keys).filter(|&(_, key)| key != NONE_U32) {
                let slot = &mut starts[(key - first) as usize + 1];
                runs[*slot as usize] = (at as u32, run as u32);
                *slot += 1;
            }
        }
        Group { parts, first, starts, runs }
    }

    /// The keys that it has, and more beyond the last one.
    fn keys(&self) -> Range<u32> {
        self.first..self.first + self.starts.len() as u32 - 2
    }

    /// Where the runs of some of its keys lie.
    fn range(&self, keys: &Range<u32>) -> Range<usize> {
        let place = |key: u32| self.starts[(key.clamp(self.first, self.keys().end) - self.first) as usize] as usize;
        place(keys.start)..place(keys.end)
    }
}

impl<'p> Runs<'p> {
    /// Orders runs by a key of their accounts; accounts without a key (`NONE_U32`) don't occur. The keys of each group of parts
    /// should stand close together. Runs of one account come in the order of time where the parts of a log in the order of
    /// time were given.
    pub(crate) fn new(groups: &[Vec<&'p Part>], key: impl Fn(u32) -> u32 + Sync) -> Self {
        Runs { groups: groups.par_iter().map(|parts| Arc::new(Group::new(parts, &key))).collect() }
    }

    /// These runs and those of one more group of parts.
    pub(crate) fn with<'q>(&self, more: &[&'q Part], key: impl Fn(u32) -> u32) -> Runs<'q>
    where
        'p: 'q,
    {
        let mut groups: Vec<Arc<Group<'q>>> = self.groups.clone();
        if !more.is_empty() {
            groups.push(Arc::new(Group::new(more, key)));
        }
        Runs { groups }
    }

    /// The runs of a range of keys, ascending. What is in them hasn't been looked at.
    pub(crate) fn within(&self, keys: &Range<u32>) -> Vec<(u32, RunOf<'p>)> {
        let there = self.groups.iter().filter(|group| !group.range(keys).is_empty());
        let groups: Vec<&Group<'p>> = there.map(|group| &**group).collect();
        let mut found = Vec::with_capacity(groups.iter().map(|group| group.range(keys).len()).sum());
        for key in keys.clone() {
            for group in &groups {
                let runs = &group.runs[group.range(&(key..key + 1))];
                found.extend(runs.iter().map(|&(part, run)| (key, group.parts[part as usize].run(run as usize))));
            }
        }
        found
    }

    /// One part from all runs of a range of keys, in their order.
    pub(crate) fn merged(&self, keys: &Range<u32>) -> Part {
        let mut merged = Part::default();
        self.merge(keys, &mut merged);
        merged.shrink();
        merged
    }

    /// One part from all runs, in the order of their keys.
    pub(crate) fn all_merged(&self) -> Part {
        /// Runs looked at together: their list stays in a processor's second cache.
        const TOGETHER: u64 = 1 << 12;
        let parts = || self.groups.iter().flat_map(|group| &group.parts);
        let mut merged = Part {
            runs: Vec::new(),
            sightings: Vec::with_capacity(parts().map(|part| part.sightings.len()).sum()),
            events: Vec::with_capacity(parts().map(|part| part.events.len()).sum()),
            requests: Vec::new(),
            tokens: Vec::new(),
            beyond: Vec::new(),
        };
        let (first, end) = self
            .groups
            .iter()
            .fold((u32::MAX, 0), |(first, end), group| (first.min(group.keys().start), end.max(group.keys().end)));
        let runs: usize = self.groups.iter().map(|group| group.runs.len()).sum();
        let step = u64::from(end.saturating_sub(first)) * TOGETHER / (runs as u64).max(1);
        // A few runs far apart are one range.
        let step = u32::try_from(step).unwrap_or(u32::MAX).max(1);
        for start in (first..end).step_by(step as usize) {
            self.merge(&(start..end.min(start.saturating_add(step))), &mut merged);
        }
        merged.shrink();
        merged
    }

    fn merge(&self, keys: &Range<u32>, merged: &mut Part) {
        let mut merger = Merger::default();
        let any = |has: fn(&Part) -> bool| self.groups.iter().flat_map(|group| &group.parts).any(|part| has(part));
        let counted = any(|part| !part.requests.is_empty());
        let with_tokens = any(|part| !part.tokens.is_empty());
        let with_beyond = any(|part| !part.beyond.is_empty());
        for runs in self.within(keys).chunk_by(|one, other| one.0 == other.0) {
            merger.begin(&merged.sightings);
            for (_, run) in runs {
                run.sightings.iter().for_each(|&seen| merger.add(&mut merged.sightings, seen));
                merged.events.extend_from_slice(run.events);
                match run.requests {
                    [] if counted => merged.requests.resize(merged.events.len(), 1),
                    requests => merged.requests.extend_from_slice(requests),
                }
                match run.tokens {
                    [] if with_tokens => merged.tokens.resize(merged.events.len(), 0),
                    tokens => merged.tokens.extend_from_slice(tokens),
                }
                match run.beyond {
                    [] if with_beyond => merged.beyond.resize(merged.events.len(), 0),
                    beyond => merged.beyond.extend_from_slice(beyond),
                }
            }
            merged.end_run(runs[0].1.account);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use graph::NO_TIME;
    use proptest::prelude::*;

    use super::*;
    use crate::block::tests::{row, second_range};
    use crate::block::{Block, Row};
    use crate::gather::Event;
    use crate::manners;

    type Content = BTreeMap<u32, (BTreeMap<u32, (u32, u32, u32)>, usize)>;

    /// Tokens of an event.
    fn tokens_at(seconds: u32) -> u32 {
        if seconds < 25 { 0 } else { seconds }
    }

    /// The manner of an event.
    fn manner_at(seconds: u32) -> u32 {
        if seconds < 40 { seconds } else { seconds << manners::BITS | 7 }
    }

    /// Accounts with their sightings, merged, and their number of events.
    fn content(parts: &[Part]) -> Content {
        let mut content: Content = BTreeMap::new();
        for run in parts.iter().flat_map(|part| (0..part.runs.len()).map(|at| part.run(at))) {
            let account = content.entry(run.account).or_default();
            account.1 += run.events.len();
            let tokens = |at: usize| run.tokens.get(at).copied().unwrap_or(0);
            assert!(run.events.iter().enumerate().all(|(at, event)| tokens(at) == tokens_at(event.seconds)));
            let beyond = |at: usize| run.beyond.get(at).copied().unwrap_or(0);
            assert!(run.events.iter().enumerate().all(|(at, event)| event.manner(beyond(at)) == manner_at(event.seconds)));
            for seen in run.sightings {
                let known = account.0.entry(seen.identifier).or_insert((0, u32::MAX, 0));
                known.0 += seen.count;
                known.1 = known.1.min(seen.first_seen.wrapping_sub(1));
                known.2 = known.2.max(seen.last_seen);
            }
        }
        content
    }

    /// Of two accounts so far apart that their range has more than 32 bits, one or both were lost.
    #[test]
    fn accounts_far_apart_are_merged() {
        for last in [(1 << 21) - 1, 1 << 21, 1 << 26] {
            let mut block = Block::default();
            for account in [0, last] {
                let event = Event::new(30, 0, NONE_U32, manner_at(30));
                block.push(&Row { event, tokens: tokens_at(30), ..row(account, 30, 1) }, [7]);
            }
            block.settle(second_range, |_, _| {});
            let part = block.close(|part| part.clone()).swap_remove(1);
            let merged = Runs::new(&[vec![&part]], |account| account).all_merged();
            assert_eq!(content(&[merged]), content(&[part]), "{last}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn merging_in_any_order_keeps_everything(
            rows in prop::collection::vec((0u32..300, 0u32..50, 1u32..4, prop::collection::vec(0u32..90, 0..4)), 0..300),
            cut in 0usize..300,
        ) {
            let part = |rows: &[(u32, u32, u32, Vec<u32>)]| {
                let mut block = Block::default();
                for (account, time, requests, seen) in rows {
                    let manner = manner_at(*time);
                    let event = Event::new(*time, 0, NONE_U32, manner);
                    let beyond = manners::beyond(manner);
                    let row = Row { event, beyond, tokens: tokens_at(*time), ..row(*account, *time, *requests) };
                    block.push(&row, seen.iter().copied());
                }
                block.settle(second_range, |_, _| {});
                block.close(|part| part.clone()).swap_remove(1)
            };
            let cut = cut.min(rows.len());
            let parts = [part(&rows[..cut]), part(&rows[cut..])];
            let mut expected: Content = BTreeMap::new();
            for (account, time, requests, seen) in &rows {
                let entry = expected.entry(*account).or_default();
                entry.1 += usize::from(*time != NO_TIME);
                for &identifier in seen {
                    let known = entry.0.entry(identifier).or_insert((0, u32::MAX, 0));
                    *known = (known.0 + requests, known.1.min(time.wrapping_sub(1)), known.2.max(*time));
                }
            }
            prop_assert_eq!(content(&parts), expected.clone());
            let runs = Runs::new(&[vec![&parts[0], &parts[1]]], |account| 299 - account);
            let merged = [runs.merged(&(0..150)), runs.merged(&(150..300))];
            prop_assert_eq!(content(&[runs.all_merged()]), expected.clone());
            let apart = Runs::new(&[vec![&parts[0]]], |account| 299 - account);
            prop_assert_eq!(content(&[apart.with(&[&parts[1]], |account| 299 - account).all_merged()]), expected.clone());
            prop_assert_eq!(content(&merged), expected);
            let accounts: Vec<u32> = merged.iter().flat_map(|part| &part.runs).map(|run| run.account).collect();
            prop_assert!(accounts.is_sorted_by(|one, other| one > other));
        }
    }
}
