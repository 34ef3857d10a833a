//! Where rows wait until everything has been read: many rows of one account become one run of merged sightings and bare events.
//!
//! 1. Rows of a block ([`crate::block`]) become a [`Part`]: per account its events, and its sightings, of which those of one
//!    identifier are merged.
//! 2. [`Runs`] goes over the runs of many parts account by account, in any order of accounts: that is how parts are merged into
//!    one, written to disk, and in the end numbered.
//!
//! Merging is associative and commutative: neither the borders of blocks nor threads show in the end.
//!
//! Memory: 12 bytes an event, 4 more each where there are requests and tokens, 2 where there are millions of manners, 16 a sighting, 12 a run. Cost: O(rows), and a
//! sort of the runs.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use graph::{NONE_U32, Seconds};
use rayon::prelude::*;
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::manners;
use crate::ranges::RANGES;

/// What happened at a time: a [`graph::build::Moment`] without requests and tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(crate) struct Event {
    pub(crate) seconds: Seconds,
    pub(crate) template: u32,
    /// Bits of the manner's number, then ten of milliseconds.
    rest: u32,
}

impl Event {
    /// Bits of milliseconds.
    const MILLIS: u32 = u32::BITS - manners::BITS;

    /// Of a time, its milliseconds (below 1000), a template, and the number of a manner ([`crate::manners`]), of which what is
    /// [`manners::beyond`] stands beside.
    pub(crate) fn new(seconds: Seconds, millis: u16, template: u32, manner: u32) -> Event {
        Event { seconds, template, rest: manner << Event::MILLIS | u32::from(millis) }
    }

    /// Milliseconds past the second.
    pub(crate) fn millis(&self) -> u16 {
        (self.rest & ((1 << Event::MILLIS) - 1)) as u16
    }

    /// The number of its manner, with what stands beside.
    pub(crate) fn manner(&self, beyond: u16) -> u32 {
        self.rest >> Event::MILLIS | u32::from(beyond) << manners::BITS
    }
}

/// A sighting of the account whose run it stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(crate) struct Seen {
    pub(crate) identifier: u32,
    pub(crate) count: u32,
    pub(crate) first_seen: Seconds,
    pub(crate) last_seen: Seconds,
}

/// One account's items in a part: they end here, and start where those of the run before end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(crate) struct Run {
    pub(crate) account: u32,
    pub(crate) sightings: u32,
    pub(crate) events: u32,
}

/// Items account by account; each account has one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) runs: Vec<Run>,
    pub(crate) sightings: Vec<Seen>,
    pub(crate) events: Vec<Event>,
    /// Requests of each event; empty if all are 1.
    pub(crate) requests: Vec<u32>,
    /// Tokens of each event; empty if all are 0.
    pub(crate) tokens: Vec<u32>,
    /// Of each event what its manner is [`manners::beyond`]; empty if all are 0.
    pub(crate) beyond: Vec<u16>,
}

/// Which behaviour columns say anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Present {
    pub(crate) model: bool,
    pub(crate) capability: bool,
    pub(crate) status: bool,
    pub(crate) template: bool,
    pub(crate) requests: bool,
    pub(crate) tokens: bool,
    pub(crate) long: bool,
}

impl Present {
    /// Notes an event; of its manner see [`manners::note`].
    #[inline]
    pub(crate) fn note(&mut self, event: &Event, requests: u32, tokens: u32) {
        self.template |= event.template != NONE_U32;
        self.requests |= requests != 1;
        self.tokens |= tokens != 0;
    }

    /// Adds what another part has.
    pub(crate) fn merge(&mut self, other: Present) {
        self.model |= other.model;
        self.capability |= other.capability;
        self.status |= other.status;
        self.template |= other.template;
        self.requests |= other.requests;
        self.tokens |= other.tokens;
        self.long |= other.long;
    }
}

/// The pathways that events gave each account; nearly always one.
#[derive(Debug, Default)]
pub(crate) struct Pathways {
    first: Vec<u32>,
    more: HashSet<(u32, u32)>,
}

impl Pathways {
    /// Notes a pathway.
    pub(crate) fn add(&mut self, account: u32, pathway: u32) {
        let at = account as usize;
        if at >= self.first.len() {
            self.first.resize((at + 1).next_power_of_two(), NONE_U32);
        }
        match self.first[at] {
            NONE_U32 => self.first[at] = pathway,
            known if known == pathway => {}
            _ => drop(self.more.insert((account, pathway))),
        }
    }

    /// Leaves each account one, of several that with the lowest rank.
    pub(crate) fn choose(&mut self, ranks: &[u32]) {
        let rank = |pathway: u32| ranks[pathway as usize];
        for (account, pathway) in self.more.drain() {
            let chosen = &mut self.first[account as usize];
            if rank(pathway) < rank(*chosen) {
                *chosen = pathway;
            }
        }
    }

    /// The chosen ones: (account, pathway).
    pub(crate) fn chosen(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let first = self.first.iter().enumerate().filter(|&(_, &pathway)| pathway != NONE_U32);
        first.map(|(account, &pathway)| (account as u32, pathway))
    }
}

/// Merges the sightings of one run that are of one identifier: a direct-mapped cache from identifiers to positions in the run.
/// Where two identifiers fight for a place a sighting may come twice, which the last merge mends.
pub(crate) struct Merger {
    places: Vec<u32>,
    start: usize,
}

impl Default for Merger {
    fn default() -> Self {
        Merger { places: vec![0; 1 << Merger::BITS], start: 0 }
    }
}

impl Merger {
    const BITS: u32 = 10;

    pub(crate) fn begin(&mut self, sightings: &[Seen]) {
        self.start = sightings.len();
    }

    #[inline]
    pub(crate) fn add(&mut self, sightings: &mut Vec<Seen>, seen: Seen) {
        // Multiplicative hashing (Knuth); a place from an earlier run is recognised by its position.
        let place = &mut self.places[(seen.identifier.wrapping_mul(0x9e37_79b1) >> (32 - Self::BITS)) as usize];
        match sightings.get_mut(*place as usize) {
            Some(known) if *place as usize >= self.start && known.identifier == seen.identifier => known.merge(&seen),
            _ => {
                *place = sightings.len() as u32;
                sightings.push(seen);
            }
        }
    }
}

impl Seen {
    fn merge(&mut self, other: &Seen) {
        self.count = self.count.saturating_add(other.count);
        self.first_seen = graph::build::earliest(self.first_seen, other.first_seen);
        self.last_seen = self.last_seen.max(other.last_seen);
    }
}

impl Part {
    /// Adds an event to the run of an account. Requests are kept from the first event that has more than one on, tokens from
    /// the first that has any, and so is what a manner's number is beyond the event's room.
    #[inline]
    pub(crate) fn add_event(&mut self, event: Event, requests: u32, tokens: u32, beyond: u16) {
        if beyond != 0 || !self.beyond.is_empty() {
            self.beyond.resize(self.events.len(), 0);
            self.beyond.push(beyond);
        }
        if requests != 1 || !self.requests.is_empty() {
            self.requests.resize(self.events.len(), 1);
            self.requests.push(requests);
        }
        if tokens != 0 || !self.tokens.is_empty() {
            self.tokens.resize(self.events.len(), 0);
            self.tokens.push(tokens);
        }
        self.events.push(event);
    }

    /// Forgets everything; its memory stays.
    pub(crate) fn clear(&mut self) {
        self.runs.clear();
        self.sightings.clear();
        self.events.clear();
        self.requests.clear();
        self.tokens.clear();
        self.beyond.clear();
    }

    /// Ends the run of an account: what was pushed since the last one is its.
    pub(crate) fn end_run(&mut self, account: u32) {
        let (sightings, events) = (self.sightings.len() as u32, self.events.len() as u32);
        self.runs.push(Run { account, sightings, events });
    }

    /// The items of a run.
    pub(crate) fn run(&self, at: usize) -> RunOf<'_> {
        let start = if at == 0 { Run::default() } else { self.runs[at - 1] };
        let end = self.runs[at];
        let events = start.events as usize..end.events as usize;
        RunOf {
            account: end.account,
            sightings: &self.sightings[start.sightings as usize..end.sightings as usize],
            events: &self.events[events.clone()],
            requests: if self.requests.is_empty() { &[] } else { &self.requests[events.clone()] },
            tokens: if self.tokens.is_empty() { &[] } else { &self.tokens[events.clone()] },
            beyond: if self.beyond.is_empty() { &[] } else { &self.beyond[events] },
        }
    }

    /// Its runs in parts by range, of which one is given for each run.
    pub(crate) fn apart(&self, range_of: &[u16]) -> Vec<Part> {
        let mut parts: Vec<Part> = (0..RANGES).map(|_| Part::default()).collect();
        for (at, &range) in range_of.iter().enumerate() {
            let (run, part) = (self.run(at), &mut parts[usize::from(range)]);
            part.sightings.extend_from_slice(run.sightings);
            part.events.extend_from_slice(run.events);
            part.requests.extend_from_slice(run.requests);
            part.tokens.extend_from_slice(run.tokens);
            part.beyond.extend_from_slice(run.beyond);
            part.end_run(run.account);
        }
        parts.iter_mut().for_each(Part::shrink);
        parts
    }

    /// Bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.runs[..])
            + size_of_val(&self.sightings[..])
            + size_of_val(&self.events[..])
            + size_of_val(&self.requests[..])
            + size_of_val(&self.tokens[..])
            + size_of_val(&self.beyond[..])
    }

    /// What waits until the end should not wait in lists twice its size.
    pub(crate) fn shrink(&mut self) {
        self.runs.shrink_to_fit();
        self.sightings.shrink_to_fit();
        self.events.shrink_to_fit();
        self.requests.shrink_to_fit();
        self.tokens.shrink_to_fit();
        self.beyond.shrink_to_fit();
    }
}

/// One account's items in one part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunOf<'p> {
    pub(crate) account: u32,
    pub(crate) sightings: &'p [Seen],
    pub(crate) events: &'p [Event],
    pub(crate) requests: &'p [u32],
    pub(crate) tokens: &'p [u32],
    pub(crate) beyond: &'p [u16],
}

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
        const TOGETHER: usize = 1 << 12;
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
        let step = ((end.saturating_sub(first)) as usize * TOGETHER / runs.max(1)).max(1);
        for start in (first..end).step_by(step) {
            self.merge(&(start..end.min(start.saturating_add(step as u32))), &mut merged);
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
