//! What a store remembers of earlier detections: numbers of accounts and identifiers, no names.
//!
//! Names would have to be found and erased when somebody is forgotten; numbers are renumbered with everything else, by an
//! update ([`History::carry`]) and by an erasure ([`History::without`]). Section `lineage.history`, as JSON: a few bytes for
//! each account that ever belonged to a candidate. What is added to it has defaults, so that stores of earlier versions go on, and
//! earlier versions read those of this one. When detections ran stands in a section of its own, `lineage.ran_at`: all else is a
//! function of the data.

use std::collections::BTreeMap;

use events::Ingested;
use graph::{NO_TIME, NONE_U32, Seconds};
use serde::{Deserialize, Serialize};

use super::Since;
use super::cause::Cause;
use super::ids::MEMORY;
use crate::build::ByName;
use crate::dataset::Dataset;
use crate::error::Error;
use crate::store::StoreWriter;

/// Name of the section.
pub(crate) const SECTION: &str = "lineage.history";

/// Name of the section of the clock's times: seconds since 1970 of each run, 0 for those of which it isn't known.
const RAN_AT: &str = "lineage.ran_at";

/// All detections that found something else than the one before, and what they knew.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct History {
    pub(crate) runs: Vec<Run>,
    /// Every network that ever had an id, by id.
    pub(crate) networks: Vec<Remembered>,
    /// By run, then as the networks ranked.
    pub(crate) events: Vec<Happened>,
    /// Why the store has less than at the last run, if all that came since is that something was let go of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) less: Option<Cause>,
}

/// One detection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    /// Time of the last event in the data, the clock of all that is said of this run; `NO_TIME` without times.
    pub(crate) as_of: Seconds,
    /// What names the data: a hash of its files' hashes.
    pub(crate) data: String,
    pub(crate) accounts: u64,
    pub(crate) flagged: u64,
    /// Bits from which on a candidate was a network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) threshold: Option<f64>,
    /// When it ran, by the clock: seconds since 1970; 0 if that isn't known.
    #[serde(skip)]
    pub(crate) ran_at: u64,
}

impl Run {
    fn clock(&self) -> Seconds {
        Seconds::try_from(self.ran_at).unwrap_or(NO_TIME)
    }

    /// The last event of the data; without times when it ran.
    fn time(&self) -> Seconds {
        if self.as_of == NO_TIME { self.clock() } else { self.as_of }
    }
}

/// Where a network stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Standing {
    /// Never over the threshold.
    Candidate,
    /// Flagged, with an exchange in the last week of the data.
    Active,
    /// Flagged, and silent for a week or longer.
    Dormant,
    /// All its accounts are banned, or no detection finds it any more.
    Closed,
}

impl Standing {
    /// The word used in every output.
    pub fn name(self) -> &'static str {
        match self {
            Standing::Candidate => "candidate",
            Standing::Active => "active",
            Standing::Dormant => "dormant",
            Standing::Closed => "closed",
        }
    }
}

/// A network as it was when it was last found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Remembered {
    pub(crate) id: String,
    /// Core and fringe accounts with the run, from 0, that last had them; ascending.
    pub(crate) members: Vec<(u32, u32)>,
    /// Its own identifiers, ascending.
    pub(crate) identifiers: Vec<u32>,
    /// Run, from 0, that found it first and last.
    pub(crate) first_run: u32,
    pub(crate) last_run: u32,
    pub(crate) standing: Standing,
    /// What it scored then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) score: Option<f64>,
    /// How many of the accounts that belonged then the store has nothing of since, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) gone: BTreeMap<Cause, u64>,
    /// The accounts that belonged then and were banned, ascending: those that are banned of the others were banned since, whenever
    /// that was and the store was told. `None` where an earlier version didn't note it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) banned: Option<Vec<u32>>,
}

impl Remembered {
    /// A network that a run finds first.
    pub(crate) fn new(id: String, run: u32) -> Self {
        Remembered {
            id,
            members: Vec::new(),
            identifiers: Vec::new(),
            first_run: run,
            last_run: run,
            standing: Standing::Candidate,
            score: None,
            gone: BTreeMap::new(),
            banned: None,
        }
    }

    /// A run finds it with these: it remembers accounts for [`MEMORY`] runs.
    pub(crate) fn found_again(&mut self, run: u32, members: Vec<u32>, identifiers: Vec<u32>) {
        self.last_run = run;
        let mut last_had: BTreeMap<u32, u32> = self.members.iter().copied().collect();
        last_had.extend(members.into_iter().map(|account| (account, run)));
        last_had.retain(|_, &mut last| last + MEMORY > run);
        self.members = last_had.into_iter().collect();
        self.identifiers = identifiers;
    }

    /// The accounts that belonged when it was last found.
    pub(crate) fn current(&self) -> impl Iterator<Item = u32> + '_ {
        self.members.iter().filter(|member| member.1 == self.last_run).map(|member| member.0)
    }

    /// How many accounts belonged then of which the store has nothing since.
    pub(crate) fn gone(&self) -> u64 {
        self.gone.values().sum()
    }

    /// Why it has nothing of most of them.
    pub(crate) fn most_gone(&self) -> Option<Cause> {
        self.gone.iter().max_by_key(|(_, accounts)| **accounts).map(|(&cause, _)| cause)
    }
}

/// Something that happened to a network between a run and the one before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Happened {
    pub(crate) run: u32,
    pub(crate) network: String,
    pub(crate) event: String,
    /// Ids that it comes from, other than its own.
    pub(crate) from: Vec<String>,
    pub(crate) before: u64,
    pub(crate) after: u64,
    pub(crate) gained: u64,
    pub(crate) lost: u64,
    pub(crate) banned: u64,
    pub(crate) carried: u64,
    /// The identifiers that most of the accounts gained were seen with.
    pub(crate) carriers: Vec<(u32, u32)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<Cause>,
    /// What it scored, and which it was, if it was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) score: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rank: Option<u32>,
}

impl History {
    /// The history of a store; of one that an older version detected, what its last results say.
    pub(crate) fn open(dataset: &Dataset) -> Result<Self, Error> {
        if let Some(mut history) = dataset.store().json::<History>(SECTION)? {
            let ran_at = dataset.store().column_or_empty::<u64>(RAN_AT)?;
            history.runs.iter_mut().zip(&ran_at[..]).for_each(|(run, &time)| run.ran_at = time);
            return Ok(history);
        }
        let mut history = History::default();
        if let Some(results) = dataset.results_if_any()? {
            super::record::record(&mut history, dataset, &results);
        }
        Ok(history)
    }

    /// Puts it into a store.
    pub(crate) fn write(&self, writer: &mut StoreWriter) -> Result<(), Error> {
        writer.put(SECTION, &serde_json::to_vec(self).expect("plain data serialises"))?;
        writer.put(RAN_AT, &self.runs.iter().map(|run| run.ran_at).collect::<Vec<u64>>())
    }

    /// Since when a network is on record: the last event of the data of the detection that found it first, or where no event has a
    /// time when that ran.
    pub(crate) fn since(&self, id: &str) -> Seconds {
        let network = self.networks.iter().find(|network| network.id == id);
        network.and_then(|network| self.runs.get(network.first_run as usize)).map_or(NO_TIME, Run::time)
    }

    /// The same of the first detection.
    pub(crate) fn first(&self) -> Seconds {
        self.runs.first().map_or(NO_TIME, Run::time)
    }

    /// When the last detection on record ran, by the clock; `NO_TIME` where that isn't known.
    pub(crate) fn last_ran_at(&self) -> Seconds {
        self.runs.last().map_or(NO_TIME, Run::clock)
    }

    /// How many detections somebody has seen who asks for what came since.
    pub(crate) fn seen(&self, since: Since) -> u64 {
        match since {
            Since::Run(run) => run,
            Since::Time(time) => {
                let ran = |run: &Run| run.ran_at > 0 && run.ran_at <= u64::from(time);
                self.runs.iter().rposition(ran).map_or(0, |at| at as u64 + 1)
            }
        }
    }

    /// The networks of which accounts or identifiers are left, and those of which nothing is.
    pub(crate) fn left(&self) -> (u64, u64) {
        let left = |network: &&Remembered| !network.members.is_empty() || !network.identifiers.is_empty();
        let left = self.networks.iter().filter(left).count() as u64;
        (left, self.networks.len() as u64 - left)
    }

    /// The history of a store in the numbers of what an update makes of it.
    pub(crate) fn carry(dataset: &Dataset, ingested: &Ingested) -> Result<Self, Error> {
        let new = ByName { dataset, ingested };
        let history = History { less: None, ..History::open(dataset)? };
        Ok(history.renumbered(|old| new.account(old), |old| new.identifier(old)))
    }

    /// The same in other numbers, without what has none any more, and why it hasn't.
    pub(crate) fn without(
        mut self,
        account: impl Fn(u32) -> Option<u32>,
        identifier: impl Fn(u32) -> Option<u32>,
        why: Cause,
    ) -> Self {
        for network in &mut self.networks {
            let gone = network.current().filter(|&old| account(old).is_none()).count() as u64;
            if gone > 0 {
                *network.gone.entry(why).or_default() += gone;
            }
        }
        // A build reads other logs, and a new key lets go of nothing.
        self.less = Some(why).filter(|why| matches!(why, Cause::Expired | Cause::Forgotten));
        self.renumbered(account, identifier)
    }

    /// The same in other numbers, without what has none.
    pub(crate) fn renumbered(mut self, account: impl Fn(u32) -> Option<u32>, identifier: impl Fn(u32) -> Option<u32>) -> Self {
        for network in &mut self.networks {
            network.members = network.members.iter().filter_map(|&(old, run)| Some((account(old)?, run))).collect();
            network.members.sort_unstable();
            network.identifiers = network.identifiers.iter().filter_map(|&old| identifier(old)).collect();
            network.identifiers.sort_unstable();
            if let Some(banned) = &mut network.banned {
                *banned = banned.iter().filter_map(|&old| account(old)).collect();
                banned.sort_unstable();
            }
        }
        for happened in &mut self.events {
            happened.carriers =
                happened.carriers.iter().filter_map(|&(old, accounts)| Some((identifier(old)?, accounts))).collect();
        }
        self
    }
}

/// A lookup in a column of new numbers, as `renumbered` wants it.
pub(crate) fn number_in(numbers: &[u32]) -> impl Fn(u32) -> Option<u32> + '_ {
    |old| numbers.get(old as usize).copied().filter(|&new| new != NONE_U32)
}
