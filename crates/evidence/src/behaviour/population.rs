//! What do accounts like these do when nobody runs them? The reference that the nulls draw from.
//!
//! A stratified panel: for every stratum (pathway, log2 of events) at most `panel_size` accounts, those with the smallest
//! hashes, each with its features. A null group for `n` members is `n` panel accounts, each from its member's stratum, never a
//! member. The m panel accounts of a stratum are themselves a sample of what its accounts do, so each draw takes its accounts
//! from a resample of them (m with replacement): null groups then vary by 1 / n + 1 / m, as a group and a panel of one law
//! differ, instead of by 1 / n, which finds something in anybody where a pathway has few other accounts (Efron 1979,
//! doi:10.1214/aos/1176344552). Strata with fewer than [`FEWEST`] candidates are widened to neighbouring volumes of the same
//! pathway, then to all. Also: the phases of the day of accounts of every country, creation times (a sorted sample), how fast
//! templates spread by degree, how abruptly reference clusters (accounts that share an address, a card or a credential) adopt
//! releases, and session lengths.
//!
//! Cost: two hashes and sorts of the accounts, O(accounts log accounts); then O(panel + countries) accounts are read, at most
//! `panel_events` events each. Parallel; the same bytes at any number of threads.

use std::ops::Range;

use graph::{AccountId, IdentifierId, NO_TIME, NONE_U16, Seconds};
use rayon::prelude::*;

use super::random::{Stream, key};
use super::{
    BehaviourConfig, capability_concentration, diurnal_phase, launch_pivot, own_hours, regular_use, template_fan_out, tenure,
};
use crate::{Facts, KindRole};

/// Groups of strangers ([`Matched::others`]) that a group is compared to where no null knows what the times bring about by
/// themselves.
pub(crate) const STRANGERS: u64 = 19;
/// With no more bits, of a p-value of .07, strangers aren't asked: in the tests of exact times it takes a quarter of the time of
/// all draws.
pub(crate) const WORTH_ASKING: f64 = 0.5;
/// A stratum with fewer candidates than this is widened.
pub(crate) const FEWEST: usize = 20;

/// What is known of one panel account.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Features {
    /// Share of each capability class that it asks for, by class; empty without events of known class.
    pub(crate) capability: Vec<(u16, f32)>,
    /// Share of the new model after each release (mean over horizons), or NaN.
    pub(crate) launch: Vec<f32>,
    /// Phase of the day in turns, if the account is regular enough to have one.
    pub(crate) phase: Option<f64>,
    /// Tenure features.
    pub(crate) tenure: Option<tenure::Tenure>,
}

/// The population's side of every test. Made once, read by all candidates.
#[derive(Clone, Debug, PartialEq)]
pub struct Population {
    /// (stratum key, panel range), ascending.
    strata: Vec<(u64, Range<u32>)>,
    pub(crate) accounts: Vec<AccountId>,
    pub(crate) features: Vec<Features>,
    /// Number of capability classes seen.
    pub(crate) capability_count: usize,
    /// How much more alike two events of one account are in capability than two accounts'.
    pub(crate) capability_agreement: Option<f64>,
    /// Phases of the day that say what is usual in each country.
    pub(crate) phases: diurnal_phase::Phases,
    /// How far panel accounts are from their country's phase, by position; `None` for those without a phase.
    pub(crate) deviations: Vec<Option<diurnal_phase::Deviation>>,
    /// A sorted sample of creation times.
    pub(crate) created: Vec<Seconds>,
    /// Of so many accounts one is in that sample: those whose number it divides.
    pub(crate) created_stride: usize,
    /// (degree bucket, ln seconds to half of the adopters, template) of reference templates, sorted by bucket.
    pub(crate) fan_out: Vec<(u8, f64, IdentifierId)>,
    /// (cluster size, adoption statistic, what its accounts share) of reference clusters, sorted.
    pub(crate) cluster_launch: Vec<(u32, f64, IdentifierId)>,
    /// How much panel accounts differ in the hours that they keep.
    pub(crate) lasting: Option<own_hours::Lasting>,
    /// The days that the log holds, since the epoch.
    pub(crate) days: std::ops::Range<i64>,
    /// Session lengths in seconds of panel accounts, sorted.
    pub(crate) sessions: Vec<Seconds>,
}

impl Population {
    /// Reads the population once.
    pub fn new(facts: &Facts<'_>, config: &BehaviourConfig) -> Population {
        let (strata, accounts) = choose_panel(facts, config);
        let capability_count = capability_concentration::class_count(facts);
        let days = tenure::days_of(facts);
        let created_stride = facts.accounts.created_at.len().div_ceil(config.created_sample.max(1)).max(1);
        let features: Vec<Features> = accounts
            .par_iter()
            .map(|&account| Features {
                capability: capability_concentration::shares(facts, account, config).unwrap_or_default(),
                launch: launch_pivot::adoption(facts, account),
                phase: diurnal_phase::phase_of(facts, account, config),
                tenure: tenure::tenure_of(facts, account, &days),
            })
            .collect();
        let phases = diurnal_phase::Phases::new(facts, &accounts, &features, config);
        let mut sessions: Vec<Seconds> =
            accounts.par_iter().flat_map_iter(|&account| regular_use::session_lengths(facts, account, config)).collect();
        sessions.par_sort_unstable();
        let halves: Vec<own_hours::Halves> =
            accounts.par_iter().filter_map(|&account| own_hours::halves_of(facts, account)).collect();
        Population {
            lasting: own_hours::reference(&halves),
            deviations: diurnal_phase::deviations(facts, &accounts, &features, &phases),
            phases,
            created: created_sample(facts, created_stride),
            created_stride,
            fan_out: template_fan_out::reference(facts, config),
            cluster_launch: launch_pivot::reference_clusters(facts, &reference_clusters(facts, config), config),
            strata,
            capability_agreement: capability_concentration::agreement(facts, &accounts, capability_count, config),
            accounts,
            features,
            capability_count,
            days,
            sessions,
        }
    }

    /// Panel positions of one stratum's neighbourhood that are not members.
    fn candidates(&self, stratum: u64, members: &[AccountId]) -> Vec<u32> {
        let (pathway, bucket) = (stratum >> 8, (stratum & 255) as i64);
        let mut found = Vec::new();
        for reach in [0, 1, 2, 64] {
            let low = (pathway << 8) | (bucket - reach).max(0) as u64;
            let high = (pathway << 8) | (bucket + reach).min(255) as u64;
            self.collect(low, high, members, &mut found);
            if found.len() >= FEWEST {
                return found;
            }
        }
        self.collect(0, u64::MAX, members, &mut found);
        found
    }

    fn collect(&self, low: u64, high: u64, members: &[AccountId], found: &mut Vec<u32>) {
        found.clear();
        let range = self.strata.partition_point(|part| part.0 < low)..self.strata.partition_point(|part| part.0 <= high);
        for (_, positions) in &self.strata[range] {
            found.extend(
                positions.clone().filter(|&position| members.binary_search(&self.accounts[position as usize]).is_err()),
            );
        }
    }
}

/// Panel accounts that can stand in for each of a group's accounts.
pub(crate) struct Matched {
    /// For each account of the group, which list.
    list_of: Vec<usize>,
    lists: Vec<Vec<u32>>,
}

impl Matched {
    /// Matches `group` (a sample of `members`) on pathway and volume. `None` if the panel has nobody else.
    pub(crate) fn new(
        facts: &Facts<'_>,
        population: &Population,
        group: &[AccountId],
        members: &[AccountId],
    ) -> Option<Matched> {
        let keys: Vec<u64> = group.iter().map(|&account| stratum_of(facts, account)).collect();
        let mut distinct = keys.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let lists: Vec<Vec<u32>> = distinct.iter().map(|&stratum| population.candidates(stratum, members)).collect();
        if lists.iter().any(|list| list.len() < FEWEST) {
            return None;
        }
        let list_of = keys.iter().map(|stratum| distinct.partition_point(|other| other < stratum)).collect();
        Some(Matched { list_of, lists })
    }

    /// Keeps, in every list, only positions whose features pass; a list of too few is widened to all that pass, and `None` if
    /// these are too few.
    pub(crate) fn keep(
        mut self,
        population: &Population,
        members: &[AccountId],
        mut passes: impl FnMut(usize) -> bool,
    ) -> Option<Matched> {
        let mut all: Option<Vec<u32>> = None;
        for list in &mut self.lists {
            list.retain(|&position| passes(position as usize));
            if list.len() < FEWEST {
                let all = all.get_or_insert_with(|| {
                    let mut all = Vec::new();
                    population.collect(0, u64::MAX, members, &mut all);
                    all.retain(|&position| passes(position as usize));
                    all
                });
                if all.len() < FEWEST {
                    return None;
                }
                list.clone_from(all);
            }
        }
        Some(self)
    }

    /// For each account another one, without repeats, ascending.
    pub(crate) fn others(&self, population: &Population, stream: &mut Stream) -> Vec<AccountId> {
        let one = |&number: &usize| {
            let list = &self.lists[number];
            population.accounts[list[stream.below(list.len())] as usize]
        };
        let mut others: Vec<AccountId> = self.list_of.iter().map(one).collect();
        others.sort_unstable();
        others.dedup();
        others
    }

    /// One null group: a panel position for each account, from a resample of the panel that the stream's next number names.
    pub(crate) fn draw<'a>(&'a self, stream: &'a mut Stream) -> impl Iterator<Item = usize> + 'a {
        let resample = stream.next();
        self.list_of.iter().map(move |&number| {
            let list = &self.lists[number];
            let place = stream.below(list.len());
            list[Stream::new(key(&[resample, number as u64, place as u64])).below(list.len())] as usize
        })
    }
}

/// Whether most of the accounts that have an identifier are members, by at most 64 of them, evenly spaced.
pub(crate) fn mostly(facts: &Facts<'_>, identifier: IdentifierId, members: &[AccountId]) -> bool {
    let users = facts.graph.accounts_of(identifier);
    let stride = users.len().div_ceil(64).max(1);
    let (inside, looked) = users.iter().step_by(stride).fold((0, 0), |(inside, looked), &user| {
        (inside + usize::from(members.binary_search(&AccountId(user)).is_ok()), looked + 1)
    });
    2 * inside > looked
}

/// Stratum of an account: pathway, then log2 of its events.
fn stratum_of(facts: &Facts<'_>, account: AccountId) -> u64 {
    let pathway = facts.accounts.pathway.get(account.index()).copied().unwrap_or(NONE_U16);
    let bucket = (facts.activity.of(account).time.len() as u64 + 1).ilog2();
    (u64::from(pathway) << 8) | u64::from(bucket)
}

fn choose_panel(facts: &Facts<'_>, config: &BehaviourConfig) -> (Vec<(u64, Range<u32>)>, Vec<AccountId>) {
    let mut ranked: Vec<(u64, u64, AccountId)> = (0..facts.activity.account_count() as u32)
        .into_par_iter()
        .map(AccountId)
        .filter(|&account| !facts.activity.of(account).time.is_empty())
        .map(|account| (stratum_of(facts, account), key(&[config.seed, u64::from(account.0)]), account))
        .collect();
    ranked.par_sort_unstable();
    let (mut strata, mut accounts) = (Vec::new(), Vec::new());
    for group in ranked.chunk_by(|left, right| left.0 == right.0) {
        let start = accounts.len() as u32;
        accounts.extend(group.iter().take(config.panel_size).map(|entry| entry.2));
        strata.push((group[0].0, start..accounts.len() as u32));
    }
    (strata, accounts)
}

fn created_sample(facts: &Facts<'_>, stride: usize) -> Vec<Seconds> {
    let created = facts.accounts.created_at.as_slice();
    let mut sample: Vec<Seconds> = created.iter().copied().step_by(stride).filter(|&time| time != NO_TIME).collect();
    sample.par_sort_unstable();
    sample
}

/// Identifiers whose accounts serve as reference clusters: addresses, cards and credentials, at most
/// `config.reference_clusters` for each power of two of their degree, those with the smallest hashes.
fn reference_clusters(facts: &Facts<'_>, config: &BehaviourConfig) -> Vec<IdentifierId> {
    let mut ranked: Vec<(u32, u64, IdentifierId)> = (facts.graph.kinds())
        .filter(|kind| matches!(facts.roles[kind.index()], KindRole::Address | KindRole::Payment | KindRole::Credential))
        .collect::<Vec<_>>()
        .into_par_iter()
        .flat_map(|kind| facts.graph.identifiers_of_kind(kind).into_par_iter().map(IdentifierId))
        .filter(|&identifier| facts.graph.identifier_degree(identifier) >= launch_pivot::FEWEST_ADOPTERS)
        .map(|identifier| {
            let bucket = facts.graph.identifier_degree(identifier).ilog2();
            (bucket, key(&[config.seed, u64::from(identifier.0)]), identifier)
        })
        .collect();
    ranked.par_sort_unstable();
    let groups = ranked.chunk_by(|left, right| left.0 == right.0);
    groups.flat_map(|group| group.iter().take(config.reference_clusters).map(|entry| entry.2)).collect()
}
