//! Where rows wait until everything has been read: many rows of one account become one run of merged sightings and bare events.
//!
//! 1. Rows of a block ([`crate::block`]) become a [`Part`]: per account its events, and its sightings, of which those of one
//!    identifier are merged.
//! 2. [`Runs`](crate::runs::Runs) goes over the runs of many parts account by account.
//!
//! Merging is associative and commutative: neither the borders of blocks nor threads show in the end.
//!
//! Memory: 12 bytes an event, 4 more each where there are requests and tokens, 2 where there are millions of manners, 16 a sighting, 12 a run. Cost: O(rows).

use std::collections::HashSet;

use graph::{NONE_U32, Seconds};
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
