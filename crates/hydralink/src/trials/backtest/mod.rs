//! When would these networks have been found?
//!
//! 1. *Cut*: the store as it stood at the end of each interval: sightings, events, bans and releases up to then, under the numbers
//!    that [`crate::as_of`](mod@crate::as_of) gives it, so that [`crate::detect`](mod@crate::detect) there, with the same
//!    configuration, finds the same.
//! 2. *Rerun* the whole chain of [`crate::detect`](mod@crate::detect) on it, with the configuration of the last detection.
//! 3. *Compare* with the truth, or with the networks that the store holds: a flagged candidate is a network's when at least
//!    half of its accounts are that network's. The *alarm* is the first cut with such a candidate; at the first cut where such
//!    candidates hold half of the network's accounts seen by then, its *half* was found.
//! 4. *Follow*: ids from cut to cut, and how well each network keeps its own (module `identity`).
//!
//! Hindsight that stays: rows that were delivered later count from their timestamps on (when they arrived isn't kept, so where logs
//! come late, alarms would have come later too); templates that were mined from prompts are those of all prompts, networks
//! of addresses, the decisions of the case log and the lists of the last detection are today's (neither of which a store as
//! of that time has), and a sighting's count is only capped at what its account had done by then. Cost: a detection and a
//! copy for each cut, on what there was by then.

mod identity;

use std::collections::BTreeMap;

use evidence::Candidate;
use graph::{AccountId, NONE_U32, Seconds};
use serde::Serialize;

use crate::chain::{Chain, find_candidates};
use crate::dataset::{Allowed, Dataset};
use crate::detect::DetectConfig;
use crate::error::Error;
use crate::evaluate::Labels;
use crate::observe::{Observer, Steps};
use crate::results::Labelling;
use crate::subset::{Kept, Part};
use crate::time::rfc3339;

pub use identity::Identity;
use identity::{Identities, Networks};

/// Accounts that belong together: the truth, or what the store holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Groups {
    /// Group of each account, an index into `names`, or `NONE_U32`.
    pub group_of: Vec<u32>,
    /// Names of the groups.
    pub names: Vec<String>,
    /// By group, the accounts that it is said to have and the store doesn't.
    pub unknown: Vec<u64>,
}

impl From<Labels> for Groups {
    fn from(labels: Labels) -> Self {
        Groups { group_of: labels.label_of, names: labels.names, unknown: labels.unknown_of }
    }
}

impl Groups {
    /// The flagged networks of a store.
    pub fn flagged(results: &Labelling) -> Self {
        Groups {
            group_of: results.flagged_networks(),
            names: results.heads().iter().filter(|head| head.flagged).map(|head| head.id.clone()).collect(),
            unknown: Vec::new(),
        }
    }
}

/// What was found of a network at a cut.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Alarm {
    /// The cut, RFC 3339.
    pub at: String,
    /// Hours since the network's first event.
    pub hours: f64,
    /// Share of the network's exchanges that had happened by then, 0 to 1.
    pub leaked: f64,
    /// Accounts of the network that were flagged.
    pub flagged: u64,
    /// Accounts of the network that had been seen.
    pub seen: u64,
    /// Accounts of nobody's or of other networks that were flagged with them.
    pub others: u64,
}

/// When one network would have been found.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FoundWhen {
    /// Its name in the truth, or its id.
    pub network: String,
    /// Its accounts in the store.
    pub accounts: u64,
    /// Accounts that the truth names and the store doesn't have: left out.
    pub unknown_accounts: u64,
    /// Its exchanges that have a time.
    pub exchanges: u64,
    /// Its first event, RFC 3339.
    pub first_event: Option<String>,
    /// The first cut with a candidate of its.
    pub alarm: Option<Alarm>,
    /// The first cut with half of what had been seen of it.
    pub half: Option<Alarm>,
    /// Ids that its largest flagged candidate had over the cuts (module `identity`).
    pub ids: u64,
    /// How often that was another one than at the cut before that flagged it.
    pub switches: u64,
}

/// One cut.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Cut {
    /// Its time, RFC 3339.
    pub at: String,
    /// Accounts seen by then.
    pub accounts: u64,
    /// Candidates over the threshold.
    pub flagged: u64,
    /// Those of them of which less than half is any one network's.
    pub others: u64,
    /// Accounts in these others.
    pub accounts_of_others: u64,
}

/// What a backtest found.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Backtest {
    /// By group, largest first.
    pub networks: Vec<FoundWhen>,
    /// In order of time.
    pub cuts: Vec<Cut>,
    /// How well networks kept their ids from cut to cut.
    pub identity: Identity,
}

/// Reruns the last detection on the store as it stood after each `every` seconds.
///
/// # Errors
/// [`Error::Usage`] if `every` is 0 or nothing in the store has a time; [`Error::Interrupted`] where the observer stops it.
pub fn backtest(
    dataset: &Dataset,
    results: &Labelling,
    groups: &Groups,
    every: Seconds,
    observer: &dyn Observer,
) -> Result<Backtest, Error> {
    let detect = results.run.detect_config()?;
    let times = cuts(dataset, every)?;
    let allowed = dataset.allowed()?;
    let mut told: Vec<(FoundWhen, History)> =
        (0..).zip(accounts_of(groups)).map(|(group, accounts)| not_yet_found(dataset, groups, group, accounts)).collect();
    let mut lines = Vec::with_capacity(times.len());
    let mut identities = Identities::default();
    for (done, &time) in times.iter().enumerate() {
        let steps = Steps::after(observer, done as u64, times.len() as u64);
        let (kept, chain) = found_until(dataset, time, &allowed, &detect, steps)?;
        let seen = |account: u32| kept.has_account(AccountId(account));
        let group_of = kept.by_account(&groups.group_of);
        let accounts = group_of.len() as u64;
        let threshold = detect.linkage.score.threshold_bits;
        let candidates = &chain.candidates.networks;
        let is_over: Vec<bool> = chain.cards.iter().map(|card| card.score_bits >= threshold).collect();
        let over = candidates.iter().zip(&is_over).filter(|(_, over)| **over);
        let (cut, flagged) = of_cut(time, accounts, over.map(|(candidate, _)| candidate), &group_of);
        lines.push(cut);
        let ranked = evidence::rank_networks(&chain.cards).into_iter().map(|at| (&candidates[at], is_over[at])).collect();
        identities.note(of_store(&kept, ranked, &group_of), &groups.group_of, seen);
        for (&group, &sums) in &flagged {
            let (told, history) = &mut told[group as usize];
            told.note(dataset, history, time, sums, seen);
        }
    }
    Steps::after(observer, times.len() as u64, times.len() as u64).begin("summing up")?;
    let with_ids = |(group, (told, _)): (u32, (FoundWhen, History))| {
        let (ids, switches) = identities.of_group(group);
        FoundWhen { ids, switches, ..told }
    };
    let mut networks: Vec<FoundWhen> = (0u32..).zip(told).map(with_ids).collect();
    networks.sort_by_key(|network| std::cmp::Reverse(network.accounts));
    Ok(Backtest { networks, cuts: lines, identity: identities.told() })
}

/// The candidates of a cut, by rank and each with whether it is flagged, under the numbers of the store.
fn of_store(kept: &Kept, ranked: Vec<(&Candidate, bool)>, group_of: &[u32]) -> Networks {
    let mut networks = Networks::default();
    for (candidate, flagged) in ranked {
        let own = candidate.identifiers.iter().map(|own| kept.old_identifier(own.identifier));
        networks.found.members.push(candidate.accounts().map(|account| kept.old_account(account)).collect());
        networks.found.identifiers.push(own.collect());
        networks.flagged.push(flagged);
        networks.group.push(mostly_of(candidate, group_of).map(|of| of.0));
    }
    networks
}

/// What the chain finds in the store as it stood at the end of a second, under the numbers of what is kept of it.
fn found_until(
    dataset: &Dataset,
    time: Seconds,
    allowed: &Allowed,
    detect: &DetectConfig,
    steps: Steps<'_>,
) -> Result<(Kept, Chain), Error> {
    steps.begin("cutting")?;
    let then = Dataset::open(dataset.path())?.until(time)?;
    let kept = Kept::seen(&then);
    let part = Part::of(&kept, &then, allowed)?;
    drop(then);
    let chain = find_candidates(part.facts_until(time), detect, &[], steps)?;
    Ok((kept, chain))
}

/// The accounts of each group, ascending.
fn accounts_of(groups: &Groups) -> Vec<Vec<u32>> {
    let mut accounts = vec![Vec::new(); groups.names.len()];
    for (account, &group) in (0u32..).zip(&groups.group_of).filter(|(_, group)| **group != NONE_U32) {
        accounts[group as usize].push(account);
    }
    accounts
}

/// A group before the first cut.
fn not_yet_found(dataset: &Dataset, groups: &Groups, group: usize, accounts: Vec<u32>) -> (FoundWhen, History) {
    let history = History::of(dataset, accounts);
    let told = FoundWhen {
        network: groups.names[group].clone(),
        accounts: history.accounts.len() as u64,
        unknown_accounts: groups.unknown.get(group).copied().unwrap_or(0),
        exchanges: history.exchanges_until(dataset, Seconds::MAX),
        first_event: history.first_event.and_then(rfc3339),
        alarm: None,
        half: None,
        ids: 0,
        switches: 0,
    };
    (told, history)
}

impl FoundWhen {
    /// A cut flags some of the group's accounts, with others.
    fn note(
        &mut self,
        dataset: &Dataset,
        history: &History,
        time: Seconds,
        (flagged, others): (u64, u64),
        seen: impl Fn(u32) -> bool,
    ) {
        if self.half.is_some() {
            return;
        }
        let known = history.accounts.iter().filter(|&&account| seen(account)).count() as u64;
        let first = history.first_event.unwrap_or(time);
        let now = Alarm {
            at: rfc3339(time).unwrap_or_default(),
            hours: f64::from(time.saturating_sub(first)) / 3600.0,
            leaked: history.exchanges_until(dataset, time) as f64 / (self.exchanges.max(1)) as f64,
            flagged,
            seen: known,
            others,
        };
        self.alarm.get_or_insert_with(|| now.clone());
        if 2 * flagged >= known {
            self.half = Some(now);
        }
    }
}

/// What is flagged at a cut; and by group that holds half or more of a network its flagged accounts, and others' with them.
fn of_cut<'c>(
    time: Seconds,
    accounts: u64,
    over: impl Iterator<Item = &'c Candidate>,
    group_of: &[u32],
) -> (Cut, BTreeMap<u32, (u64, u64)>) {
    let mut cut = Cut { at: rfc3339(time).unwrap_or_default(), accounts, flagged: 0, others: 0, accounts_of_others: 0 };
    let mut flagged: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for candidate in over {
        let size = candidate.accounts().count() as u64;
        if size == 0 {
            continue;
        }
        cut.flagged += 1;
        match mostly_of(candidate, group_of) {
            Some((group, own)) => {
                let sums = flagged.entry(group).or_default();
                *sums = (sums.0 + own, sums.1 + size - own);
            }
            None => {
                cut.others += 1;
                cut.accounts_of_others += size;
            }
        }
    }
    (cut, flagged)
}

/// The ends of the intervals, from the day of the first event to the one that holds the last.
fn cuts(dataset: &Dataset, every: Seconds) -> Result<Vec<Seconds>, Error> {
    const DAY: i64 = 86_400;
    let time = &dataset.activity().columns().time;
    let (first, last) = time.iter().fold((i64::MAX, i64::MIN), |(first, last), &at| (first.min(at), last.max(at)));
    if every == 0 || first > last {
        return Err(Error::Usage("a backtest needs events with times, and cuts at least a second apart".to_owned()));
    }
    let (start, last) = (first.div_euclid(1000 * DAY) * DAY, last.div_euclid(1000));
    let ends = (1..).map(|cut| start + cut * i64::from(every) - 1);
    let mut cuts: Vec<Seconds> = ends.take_while(|&end| end < last).map(|end| end as Seconds).collect();
    cuts.push(last as Seconds);
    Ok(cuts)
}

/// The group that at least half of a candidate's accounts belong to, and how many.
fn mostly_of(candidate: &Candidate, group_of: &[u32]) -> Option<(u32, u64)> {
    owner(candidate.accounts(), group_of).filter(|&(_, own)| 2 * own >= candidate.accounts().count() as u64)
}

/// The group that most of some accounts belong to, and how many; of equal ones the first.
fn owner(accounts: impl Iterator<Item = u32>, group_of: &[u32]) -> Option<(u32, u64)> {
    let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
    for group in accounts.map(|account| group_of[account as usize]).filter(|&group| group != NONE_U32) {
        *counts.entry(group).or_default() += 1;
    }
    counts.into_iter().max_by_key(|&(group, count)| (count, std::cmp::Reverse(group)))
}

/// One group's accounts and their events.
struct History {
    accounts: Vec<u32>,
    first_event: Option<Seconds>,
}

impl History {
    fn of(dataset: &Dataset, accounts: Vec<u32>) -> Self {
        let first = accounts.iter().filter_map(|&account| dataset.activity().of(AccountId(account)).time.first()).min();
        History { first_event: first.map(|at| at.div_euclid(1000) as Seconds), accounts }
    }

    /// Exchanges up to the end of a second.
    fn exchanges_until(&self, dataset: &Dataset, time: Seconds) -> u64 {
        let of_account = |&account: &u32| {
            let events = dataset.activity().of(AccountId(account));
            let count = events.time.partition_point(|&at| at < (i64::from(time) + 1) * 1000);
            match events.requests {
                [] => count as u64,
                requests => requests[..count].iter().map(|&requests| u64::from(requests)).sum(),
            }
        };
        self.accounts.iter().map(of_account).sum()
    }
}

#[cfg(test)]
mod tests {
    use events::IngestConfig;
    use synth::{Format, Tier, WorldConfig};

    use super::*;
    use crate::detect::{detect, find_networks};
    use crate::observe::Unobserved;
    use crate::results::Membership;
    use crate::rules::Lists;

    #[test]
    fn a_cut_is_what_a_detection_of_the_store_as_of_then_finds() {
        let folder = tempfile::tempdir().unwrap();
        let [world, store, past] = ["world", "store", "past"].map(|name| folder.path().join(name));
        synth::write_world(&world, &WorldConfig::new(Tier::Xs, 2), Format::Parquet, &mut |_| {}).unwrap();
        let ingest = IngestConfig {
            accounts: Some(world.join("accounts.csv")),
            releases: Some(world.join("releases.csv")),
            ..IngestConfig::default()
        };
        crate::build(&[world.join("events.parquet")], &store, &ingest, &Unobserved).unwrap();
        let config = DetectConfig::default();
        detect(&store, &config, &Unobserved).unwrap();
        let dataset = Dataset::open(&store).unwrap();
        let times = cuts(&dataset, 15 * 86_400).unwrap();
        for &time in &times[..3] {
            let allowed = dataset.allowed().unwrap();
            let (kept, chain) = found_until(&dataset, time, &allowed, &config, Steps::of(&Unobserved)).unwrap();
            crate::as_of(&store, time, &past, &Unobserved).unwrap();
            let then = Dataset::open(&past).unwrap();
            assert!(then.graph().account_count() < dataset.graph().account_count() || time == times[2]);
            let found = find_networks(&then, &config, &Lists::default(), Steps::of(&Unobserved)).unwrap();
            let of_then: Vec<(f64, Vec<&str>)> = (found.networks.iter())
                .map(|network| {
                    let members = found.labelling().members_of(network.index()).into_iter();
                    let belonging = members.filter(|&(_, how)| how != Membership::Ambiguous);
                    (network.score, belonging.map(|(account, _)| then.account_name(account)).collect())
                })
                .collect();
            let names: Vec<&str> = (0..dataset.graph().account_count() as u32)
                .map(AccountId)
                .filter(|&account| kept.has_account(account))
                .map(|account| dataset.account_name(account))
                .collect();
            let of_cut: Vec<(f64, Vec<&str>)> = evidence::rank_networks(&chain.cards)
                .into_iter()
                .map(|at| {
                    let accounts = chain.candidates.networks[at].accounts();
                    (chain.cards[at].score_bits, accounts.map(|account| names[account as usize]).collect())
                })
                .collect();
            assert!(!of_cut.is_empty());
            assert_eq!(of_cut, of_then);
        }
    }
}
