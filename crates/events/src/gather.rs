//! Where rows wait until everything has been read: many rows of one account become one run of merged sightings and bare events.
//!
//! 1. Rows of a block ([`crate::block`]) become a [`Part`]: per account its events, and its sightings, of which those of one
//!    identifier are merged.
//! 2. [`Runs`] goes over the runs of many parts account by account, in any order of accounts: that is how parts are merged into
//!    one, written to disk, and in the end numbered.
//!
//! Merging is associative and commutative: neither the borders of blocks nor threads show in the end.
//!
//! Memory: 16 bytes an event, 16 a sighting, 12 a run. Cost: O(rows), and a sort of the runs.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use graph::{NONE_U16, NONE_U32, Seconds};
use rayon::prelude::*;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// What happened at a time: a [`graph::build::Moment`] without account and requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable)]
#[repr(C)]
pub(crate) struct Event {
    pub(crate) seconds: Seconds,
    pub(crate) template: u32,
    pub(crate) millis: u16,
    pub(crate) model: u16,
    pub(crate) capability: u16,
    pub(crate) status: u16,
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
}

/// Which behaviour columns say anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Present {
    pub(crate) model: bool,
    pub(crate) capability: bool,
    pub(crate) status: bool,
    pub(crate) template: bool,
    pub(crate) requests: bool,
    pub(crate) long: bool,
}

impl Present {
    /// Notes an event.
    #[inline]
    pub(crate) fn note(&mut self, event: &Event, requests: u32) {
        let long = event.status == graph::build::LONG_STATUS;
        self.model |= event.model != NONE_U16;
        self.capability |= event.capability != NONE_U16;
        self.status |= event.status != NONE_U16 && !long;
        self.template |= event.template != NONE_U32;
        self.requests |= requests != 1;
        self.long |= long;
    }

    /// Adds what another part has.
    pub(crate) fn merge(&mut self, other: Present) {
        self.model |= other.model;
        self.capability |= other.capability;
        self.status |= other.status;
        self.template |= other.template;
        self.requests |= other.requests;
        self.long |= other.long;
    }
}

/// The pathways that events gave each account; nearly always one.
#[derive(Debug, Default)]
pub(crate) struct Pathways {
    first: Vec<u16>,
    more: HashSet<(u32, u16)>,
}

impl Pathways {
    /// Notes a pathway.
    pub(crate) fn add(&mut self, account: u32, pathway: u16) {
        let at = account as usize;
        if at >= self.first.len() {
            self.first.resize((at + 1).next_power_of_two(), NONE_U16);
        }
        match self.first[at] {
            NONE_U16 => self.first[at] = pathway,
            known if known == pathway => {}
            _ => drop(self.more.insert((account, pathway))),
        }
    }

    /// All of them: (account, pathway), in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, u16)> + '_ {
        let first = self.first.iter().enumerate().filter(|&(_, &pathway)| pathway != NONE_U16);
        first.map(|(account, &pathway)| (account as u32, pathway)).chain(self.more.iter().copied())
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
            requests: if self.requests.is_empty() { &[] } else { &self.requests[events] },
        }
    }

    /// Bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.runs[..])
            + size_of_val(&self.sightings[..])
            + size_of_val(&self.events[..])
            + size_of_val(&self.requests[..])
    }

    /// What waits until the end should not wait in lists twice its size.
    pub(crate) fn shrink(&mut self) {
        self.runs.shrink_to_fit();
        self.sightings.shrink_to_fit();
        self.events.shrink_to_fit();
        self.requests.shrink_to_fit();
    }
}

/// One account's items in one part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunOf<'p> {
    pub(crate) account: u32,
    pub(crate) sightings: &'p [Seen],
    pub(crate) events: &'p [Event],
    pub(crate) requests: &'p [u32],
}

/// Runs as (key of the account, run).
type Order = Arc<Vec<(u32, u32)>>;

/// The runs of some parts, in an order of accounts.
pub(crate) struct Runs<'p> {
    /// A part, and its runs, ascending.
    parts: Vec<(&'p Part, Order)>,
}

impl<'p> Runs<'p> {
    /// Orders runs by a key of their accounts; accounts without a key (`NONE_U32`) don't occur. Runs of one account come in the
    /// order of time where the parts of a log in the order of time were given.
    pub(crate) fn new(parts: &[&'p Part], key: impl Fn(u32) -> u32 + Sync) -> Self {
        let mut parts = parts.to_vec();
        parts.sort_by_key(|part| part.events.first().map(|event| event.seconds));
        let parts = parts.par_iter().map(|&part| {
            let mut order: Vec<(u32, u32)> =
                part.runs.iter().enumerate().map(|(at, run)| (key(run.account), at as u32)).collect();
            if !order.is_sorted() {
                order.sort_unstable();
            }
            (part, Arc::new(order))
        });
        Runs { parts: parts.collect() }
    }

    /// These runs and those of more parts.
    pub(crate) fn with<'q>(&self, more: &[&'q Part], key: impl Fn(u32) -> u32 + Sync) -> Runs<'q>
    where
        'p: 'q,
    {
        let mut parts: Vec<(&'q Part, _)> = self.parts.iter().map(|(part, order)| (*part, order.clone())).collect();
        parts.append(&mut Runs::new(more, key).parts);
        Runs { parts }
    }

    /// The runs of a range of keys, ascending. What is in them hasn't been looked at.
    pub(crate) fn within(&self, keys: &Range<u32>) -> Vec<(u32, RunOf<'p>)> {
        let mut found = Vec::new();
        for (at, (_, order)) in self.parts.iter().enumerate() {
            let start = order.partition_point(|&(key, _)| key < keys.start);
            let runs = order[start..].iter().take_while(|&&(key, _)| key < keys.end);
            found.extend(runs.map(|&(key, run)| (key, at as u32, run)));
        }
        // Stable, because that sort finds the runs that are in order already and merges them.
        found.sort();
        found.into_iter().map(|(key, part, run)| (key, self.parts[part as usize].0.run(run as usize))).collect()
    }

    /// One part from all runs of a range of keys, in their order.
    pub(crate) fn merged(&self, keys: &Range<u32>) -> Part {
        let mut merged = Part::default();
        let mut merger = Merger::default();
        let counted = self.parts.iter().any(|(part, _)| !part.requests.is_empty());
        for runs in self.within(keys).chunk_by(|one, other| one.0 == other.0) {
            merger.begin(&merged.sightings);
            for (_, run) in runs {
                run.sightings.iter().for_each(|&seen| merger.add(&mut merged.sightings, seen));
                merged.events.extend_from_slice(run.events);
                match run.requests {
                    [] if counted => merged.requests.resize(merged.events.len(), 1),
                    requests => merged.requests.extend_from_slice(requests),
                }
            }
            merged.end_run(runs[0].1.account);
        }
        merged.shrink();
        merged
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use graph::NO_TIME;
    use proptest::prelude::*;

    use super::*;
    use crate::block::Block;
    use crate::block::tests::row;

    type Content = BTreeMap<u32, (BTreeMap<u32, (u32, u32, u32)>, usize)>;

    /// Accounts with their sightings, merged, and their number of events.
    fn content(parts: &[Part]) -> Content {
        let mut content: Content = BTreeMap::new();
        for run in parts.iter().flat_map(|part| (0..part.runs.len()).map(|at| part.run(at))) {
            let account = content.entry(run.account).or_default();
            account.1 += run.events.len();
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
                rows.iter().for_each(|(account, time, requests, seen)| block.push(&row(*account, *time, *requests), seen.iter().copied()));
                block.settle(|_, _| {})
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
            let runs = Runs::new(&[&parts[0], &parts[1]], |account| 299 - account);
            let merged = [runs.merged(&(0..150)), runs.merged(&(150..300))];
            prop_assert_eq!(content(&merged), expected);
            let accounts: Vec<u32> = merged.iter().flat_map(|part| &part.runs).map(|run| run.account).collect();
            prop_assert!(accounts.is_sorted_by(|one, other| one > other));
        }
    }
}
