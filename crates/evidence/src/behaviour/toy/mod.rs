//! Small worlds for the tests of the tests: accounts that know nothing of each other ([`crowds`]), and accounts with one planted
//! habit ([`planted`]).

mod crowds;
mod planted;

use graph::{AccountId, Activity, ActivityColumns, BipartiteColumns, BipartiteGraph, Seconds};

use super::alignment::DAY;
use super::random::{Stream, key};
use crate::{AccountTable, Facts, KindRole, Signal};

const HOUR: i64 = 3_600_000;
/// A Monday, midnight.
const START: i64 = 19_723 * DAY;
const DAYS: i64 = 14;

#[derive(Clone, Copy)]
struct Event {
    time: i64,
    model: u16,
    capability: u16,
    status: u16,
    template: u32,
}

fn event(time: i64) -> Event {
    Event { time, model: 0, capability: 0, status: 200, template: 0 }
}

/// One owned world.
pub(crate) struct Toy {
    graph: BipartiteGraph,
    activity: Activity,
    pub(crate) accounts: AccountTable,
    releases: Vec<(u16, Seconds)>,
    benign: usize,
    planted: usize,
}

/// The share of p-values at or below .05, .1 and .2 is no larger than that, within three standard errors.
pub(crate) fn assert_super_uniform(runs: u64, p: impl Fn(u64) -> Option<f64>) {
    let found: Vec<f64> = (0..runs).filter_map(p).collect();
    assert!(found.len() as u64 >= runs / 2, "only {} of {runs} runs gave a p-value", found.len());
    for level in [0.05, 0.1, 0.2] {
        let (count, total) = (found.iter().filter(|&&p| p <= level).count() as f64, found.len() as f64);
        let limit = level * total + 3.0 * (level * (1.0 - level) * total).sqrt();
        assert!(count <= limit, "{count} of {total} p-values are at most {level}");
    }
}

/// In sixty worlds the signal of 24 strangers is as their null says, in p-values and in bits, and that of the planted accounts has
/// five bits.
pub(crate) fn assert_told_apart(world: impl Fn(u64) -> Toy, signal: impl Fn(&Toy, &[AccountId]) -> Signal) {
    let (runs, mut small, mut ratios, mut found) = (60, 0, 0.0, 0);
    for seed in 0..runs {
        let world = world(seed);
        let (stranger, operator) = (signal(&world, &world.random_group(24, seed)), signal(&world, &world.planted()));
        small += u64::from(stranger.p_value.expect("it has one") <= 0.05);
        ratios += stranger.bits.exp2();
        found += u64::from(operator.bits >= 5.0);
    }
    assert!(small <= 6 && ratios < 1.5 * runs as f64 && found >= 55, "{small} {ratios} {found}");
}

impl Toy {
    pub(crate) fn facts(&self) -> Facts<'_> {
        Facts {
            graph: &self.graph,
            activity: &self.activity,
            roles: &[KindRole::Template],
            limits: &[],
            accounts: &self.accounts,
            allowed_identifiers: &[],
            allowed_accounts: &[],
            must: &[],
            cannot: &[],
            network_types: &[],
            address_networks: None,
            releases: &self.releases,
        }
    }

    pub(crate) fn members(&self, count: u32) -> Vec<AccountId> {
        (0..count).map(AccountId).collect()
    }

    /// The same accounts, each of which has `count` requests rejected within the half hour before its first event, each with a
    /// template of its own.
    pub(crate) fn with_rejected_before(mut self, count: usize) -> Toy {
        let mut rows = self.rows();
        for (account, row) in rows.iter_mut().enumerate() {
            let first = row.first().map_or(START, |event| event.time);
            let spam = |number: usize| Event {
                status: 429,
                template: (1_000 + account * count + number) as u32,
                ..event(first - HOUR / 2 + number as i64 * HOUR / 2 / count as i64)
            };
            row.extend((0..count).map(spam));
        }
        let accounts = std::mem::take(&mut self.accounts);
        Toy::of(rows, &[], accounts)
    }

    /// The same accounts, one of which has an event at another time as well; they share nothing.
    pub(crate) fn with_event_at(mut self, account: usize, time: i64) -> Toy {
        let (mut rows, accounts) = (self.rows(), std::mem::take(&mut self.accounts));
        rows[account].push(event(time));
        Toy::of(rows, &[], accounts)
    }

    /// The same accounts, which share nothing.
    pub(crate) fn without_sightings(mut self) -> Toy {
        self.graph = graph_of(self.activity.account_count(), &[]);
        self
    }

    /// What each account did.
    fn rows(&self) -> Vec<Vec<Event>> {
        let row = |account| {
            let events = self.activity.of(AccountId(account));
            let one = |at: usize| Event {
                time: events.time[at],
                model: events.model[at],
                capability: events.capability[at],
                status: events.status[at],
                template: events.template[at],
            };
            (0..events.time.len()).map(one).collect()
        };
        (0..self.activity.account_count() as u32).map(row).collect()
    }

    pub(crate) fn planted(&self) -> Vec<AccountId> {
        (self.benign as u32..(self.benign + self.planted) as u32).map(AccountId).collect()
    }

    pub(crate) fn random_group(&self, size: usize, seed: u64) -> Vec<AccountId> {
        let benign: Vec<AccountId> = (0..self.benign as u32).map(AccountId).collect();
        super::random::sample(&benign, size, key(&[seed, 77]))
    }

    pub(crate) fn users_of_template(&self, number: usize) -> Vec<AccountId> {
        self.graph.accounts_of(graph::IdentifierId(8 + number as u32)).iter().map(|&account| AccountId(account)).collect()
    }

    fn of(mut rows: Vec<Vec<Event>>, sightings: &[(u32, u32, Seconds)], accounts: AccountTable) -> Toy {
        rows.iter_mut().for_each(|row| row.sort_by_key(|event| event.time));
        let mut offsets = vec![0u64];
        rows.iter().for_each(|row| offsets.push(offsets[offsets.len() - 1] + row.len() as u64));
        let all: Vec<Event> = rows.concat();
        let activity = ActivityColumns {
            offsets: offsets.into(),
            time: all.iter().map(|event| event.time).collect::<Vec<_>>().into(),
            model: all.iter().map(|event| event.model).collect::<Vec<_>>().into(),
            capability: all.iter().map(|event| event.capability).collect::<Vec<_>>().into(),
            status: all.iter().map(|event| event.status).collect::<Vec<_>>().into(),
            template: all.iter().map(|event| event.template).collect::<Vec<_>>().into(),
            requests: Vec::new().into(),
            tokens: (0..all.len() as u32).collect::<Vec<_>>().into(),
        };
        Toy {
            graph: graph_of(rows.len(), sightings),
            activity: Activity::from_columns(activity).unwrap(),
            accounts,
            releases: Vec::new(),
            benign: rows.len(),
            planted: 0,
        }
    }
}

/// An event at a time of the working day more often than at night.
fn ordinary(stream: &mut Stream) -> Event {
    let spread = (stream.below(12 * HOUR as usize) + stream.below(12 * HOUR as usize)) as i64;
    let status = if stream.below(12) == 0 { 429 } else { 200 };
    let template = stream.below(3) as u32;
    Event { status, template, ..event(START + stream.below(DAYS as usize) as i64 * DAY + spread) }
}

fn graph_of(accounts: usize, sightings: &[(u32, u32, Seconds)]) -> BipartiteGraph {
    let mut rows = sightings.to_vec();
    rows.sort_unstable();
    rows.dedup_by_key(|row| (row.0, row.1));
    let identifiers = rows.iter().map(|row| row.1 as usize + 1).max().unwrap_or(0);
    let mut reverse: Vec<(u32, u32, u32)> = rows.iter().enumerate().map(|(at, row)| (row.1, row.0, at as u32)).collect();
    reverse.sort_unstable();
    let starts = |count: usize, id: &dyn Fn(usize) -> u32| -> Vec<u64> {
        let ids: Vec<u32> = (0..rows.len()).map(id).collect();
        (0..=count).map(|bound| ids.partition_point(|&id| (id as usize) < bound) as u64).collect()
    };
    let graph = BipartiteGraph::from_columns(BipartiteColumns {
        kind_starts: vec![0, identifiers as u32].into(),
        account_offsets: starts(accounts, &|at| rows[at].0).into(),
        identifiers: rows.iter().map(|row| row.1).collect::<Vec<_>>().into(),
        counts: vec![1; rows.len()].into(),
        first_seen: rows.iter().map(|row| row.2).collect::<Vec<_>>().into(),
        last_seen: rows.iter().map(|row| row.2).collect::<Vec<_>>().into(),
        identifier_offsets: starts(identifiers, &|at| reverse[at].0).into(),
        accounts: reverse.iter().map(|entry| entry.1).collect::<Vec<_>>().into(),
        identifier_sightings: reverse.iter().map(|entry| entry.2).collect::<Vec<_>>().into(),
    })
    .unwrap();
    graph.validate().unwrap();
    graph
}
