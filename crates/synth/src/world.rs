//! A planned world, and its events in order of time.
//!
//! 1. **Plan**: accounts, homes, gateways, sites, cards, pools: a few dozen bytes an account (see `benign::population`,
//!    `fraud::plan`).
//! 2. **Window**: a fixed number of days, about a million events. Legitimate accounts are simulated in parallel, each from its
//!    own stream; relays step by step, because their schedulers remember, in parallel over relays.
//! 3. The window's events are sorted by (time, account, ...), a total order, and handed to the sink.
//!
//! Memory: the plan and one window. The world is a function of its configuration alone: thread count changes nothing.

use rayon::prelude::*;

use crate::account::NONE;
use crate::benign;
use crate::calendar::{Clock, DAY};
use crate::config::{DAYS, Scenario, Tier, WorldConfig};
use crate::error::Error;
use crate::event::{Event, Origin};
use crate::fraud;
use crate::geography::Geography;
use crate::random::{Domain, Streams, shuffle};
use rand::RngExt;

/// Accounts simulated by one task.
const BLOCK: usize = 2_048;
/// Viral prompts in sixty days.
const VIRAL_PROMPTS: u32 = 20;

/// Takes a world's events, window by window, in order of time.
pub trait WorldSink {
    /// What can go wrong while events are taken.
    type Error;

    /// Takes the events of one window, sorted.
    ///
    /// # Errors
    /// Whatever stops the sink; it stops the generator too.
    fn window(&mut self, world: &World, events: &[Event]) -> Result<(), Self::Error>;
}

/// How far the generator is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Days whose events have been handed over.
    pub days: u32,
    /// Days in all.
    pub of_days: u32,
    /// Events handed over.
    pub events: u64,
}

/// A prompt that goes round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Viral {
    pub(crate) number: u32,
    /// Share of the population that sends it.
    pub(crate) reach: f64,
}

/// A planned world.
#[derive(Debug)]
pub struct World {
    pub(crate) config: WorldConfig,
    pub(crate) streams: Streams,
    pub(crate) geography: Geography,
    pub(crate) clock: Clock,
    pub(crate) population: benign::population::Population,
    pub(crate) viral_on: Vec<Vec<Viral>>,
    pub(crate) benign_count: u32,
    pub(crate) pools: Vec<fraud::plan::Pool>,
    pub(crate) operated: Vec<fraud::plan::Operated>,
}

impl World {
    /// Plans a world.
    ///
    /// # Errors
    /// [`Error::Knob`] if a knob is outside its range.
    pub fn plan(config: &WorldConfig) -> Result<Self, Error> {
        config.check()?;
        let streams = Streams::new(config.seed);
        let geography = Geography::new(&streams);
        let population = benign::population::plan(config, &streams, &geography);
        let benign_count = population.accounts.len() as u32;
        let viral_on = viral(&streams);
        let mut world = World {
            config: *config,
            streams,
            geography,
            clock: Clock::new(),
            population,
            viral_on,
            benign_count,
            pools: Vec::new(),
            operated: Vec::new(),
        };
        if config.has_networks() {
            fraud::plan::plant(&mut world);
        }
        Ok(world)
    }

    /// The configuration it was planned from.
    pub fn config(&self) -> &WorldConfig {
        &self.config
    }

    /// Accounts in all.
    pub fn account_count(&self) -> usize {
        self.population.accounts.len()
    }

    /// Accounts that no network operates; they come first in the numbering of accounts.
    pub fn benign_count(&self) -> usize {
        self.benign_count as usize
    }

    /// Name of the network that operates an account, if one does.
    pub fn network_of(&self, account: u32) -> Option<&str> {
        let operated = self.operated.get(account.checked_sub(self.benign_count)? as usize)?;
        Some(&self.pools[operated.pool as usize].network)
    }

    /// Name of the look-alike group of an account, if it is in one.
    pub fn group_of(&self, account: u32) -> Option<&str> {
        match self.population.accounts[account as usize].group {
            NONE => None,
            group => Some(&self.population.groups[group as usize]),
        }
    }

    /// Whether labels name networks: a shuffled world has no structure to find.
    pub fn has_labels(&self) -> bool {
        self.config.has_networks() && self.config.scenario != Scenario::Shuffled
    }

    /// Days generated at a time: about a million events, and the same whatever the number of threads.
    fn days_per_window(&self) -> u32 {
        match self.config.tier {
            Tier::Xs => DAYS,
            Tier::S => 20,
            Tier::M => 6,
            Tier::L => 1,
        }
    }

    pub(crate) fn window(&self, relays: &mut [fraud::relay::Relay], from: u32, to: u32) -> Vec<Event> {
        let operated = fraud::relay::window(self, relays, from, to);
        let accounts = self.population.accounts.len();
        let blocks: Vec<Vec<Event>> = (0..accounts.div_ceil(BLOCK))
            .into_par_iter()
            .map(|block| {
                let mut events = Vec::new();
                for number in block * BLOCK..((block + 1) * BLOCK).min(accounts) {
                    for day in from..to {
                        if number < self.benign_count as usize {
                            benign::day::simulate(self, number as u32, day, &mut events);
                        } else {
                            fraud::upkeep::simulate(self, number as u32, day, &mut events);
                        }
                    }
                }
                events
            })
            .collect();
        let mut events = Vec::with_capacity(operated.len() + blocks.iter().map(Vec::len).sum::<usize>());
        events.extend(operated);
        for block in blocks {
            events.extend(block);
        }
        events.par_sort_unstable();
        if self.config.scenario == Scenario::Shuffled {
            self.shuffle_days(&mut events);
        }
        events
    }

    /// Deals each day's exchanges to that day's accounts at random, keeping every account's and every identifier's degree.
    fn shuffle_days(&self, events: &mut [Event]) {
        for day in events.chunk_by_mut(|a, b| a.millis / DAY == b.millis / DAY) {
            let number = (day[0].millis / DAY) as u64;
            let mut order: Vec<u32> = (0..day.len() as u32).collect();
            for salt in 0..3 {
                shuffle(&mut order, &mut self.streams.stream(Domain::Shuffle, number << 2 | salt));
                let source = day.to_vec();
                for (event, &from) in day.iter_mut().zip(&order) {
                    let from = &source[from as usize];
                    match salt {
                        0 => event.address = from.address,
                        1 => event.card = from.card,
                        _ => (event.template, event.capability) = (from.template, from.capability),
                    }
                }
            }
        }
    }
}

/// Plans a world and hands its events to a sink, window by window.
///
/// # Errors
/// [`Error`] from the plan, or the sink's.
pub fn generate<S: WorldSink>(config: &WorldConfig, sink: &mut S, observer: &mut dyn FnMut(Progress)) -> Result<World, S::Error>
where
    S::Error: From<Error>,
{
    let world = World::plan(config)?;
    let mut relays = fraud::relay::start(&world);
    let (mut from, mut count) = (0, 0);
    while from < DAYS {
        let to = (from + world.days_per_window()).min(DAYS);
        let events = world.window(&mut relays, from, to);
        count += events.len() as u64;
        sink.window(&world, &events)?;
        from = to;
        observer(Progress { days: from, of_days: DAYS, events: count });
    }
    Ok(world)
}

fn viral(streams: &Streams) -> Vec<Vec<Viral>> {
    let mut on = vec![Vec::new(); DAYS as usize];
    let mut rng = streams.stream(Domain::Viral, 0);
    for number in 0..VIRAL_PROMPTS {
        let reach = 0.005 * 8.0_f64.powf(rng.random());
        let first = rng.random_range(0..DAYS - 3) as usize;
        for running in &mut on[first..first + 3] {
            running.push(Viral { number, reach });
        }
    }
    on
}

/// Counts of a world, gathered while it streams by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) events: u64,
    pub(crate) by_origin: [u64; 4],
    pub(crate) exchanges: Vec<u32>,
    pub(crate) campaign: Vec<u32>,
}

impl Tally {
    pub(crate) fn add(&mut self, world: &World, events: &[Event]) {
        self.exchanges.resize(world.account_count(), 0);
        self.campaign.resize(world.account_count(), 0);
        self.events += events.len() as u64;
        for event in events {
            self.by_origin[event.origin as usize] += 1;
            self.exchanges[event.account as usize] += 1;
            self.campaign[event.account as usize] += u32::from(event.origin == Origin::Campaign);
        }
    }
}
