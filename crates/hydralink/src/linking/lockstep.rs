//! Which accounts took up the same identifiers within the same times?
//!
//! A *core* is `n` accounts or more and `m` identifiers or more of one kind (prompt templates, say), where for a window of time
//! of each identifier, no longer than `dt`, each account first had at least a share `rho` of the identifiers in their windows,
//! and each identifier was first had in its window by at least `rho` of the accounts.
//!
//! From each identifier as a seed, those with the busiest window first: 1. its accounts in that window; 2. the identifiers that
//! at least `rho` of these had within one window; 3. the accounts that had at least `rho` of these in their windows; 2. and 3.
//! again until nothing changes ([`ROUNDS`] at most). Identifiers of a core seed no further one. The windows are where the data
//! are densest, so that a slow crowd that comes upon the same things over weeks is no core.
//!
//! It is a local search: what it finds is a core by the definition, which can be checked; that it finds all is not promised.
//! Identifiers with more than [`MOST`] accounts are left out, and counted. Cost: rounds times the sightings of the accounts of
//! a seed, for each seed.
//!
//! Reference: Beutel, Xu, Guruswami, Palow, Faloutsos (2013), CopyCatch: stopping group attacks by spotting lockstep behavior
//! in social networks, doi:10.1145/2488388.2488400.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use graph::{AccountId, BipartiteGraph, IdentifierId, KindId, NO_TIME, Seconds};
use rayon::prelude::*;
use serde::Serialize;

use crate::dataset::Dataset;
use crate::error::Error;
use crate::node::Node;
use crate::query::flagged_share;
use crate::results::Labelling;
use crate::time::rfc3339;

/// Accounts from which on an identifier is too common to be taken up by agreement.
pub const MOST: usize = 20_000;

/// Rounds after which a seed is left as it is.
pub const ROUNDS: usize = 10;

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LockstepConfig {
    /// Accounts of a core at least; 2 or more.
    pub accounts: usize,
    /// Identifiers of a core at least; 2 or more.
    pub identifiers: usize,
    /// Longest window.
    pub within: Seconds,
    /// Share of the others that each account and each identifier needs, over a half to 1.
    pub share: f64,
}

impl Default for LockstepConfig {
    /// Ten accounts on five identifiers, each within a day, four fifths of the others.
    fn default() -> Self {
        LockstepConfig { accounts: 10, identifiers: 5, within: 86_400, share: 0.8 }
    }
}

/// The cores of a kind of identifier.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Lockstep {
    /// Identifiers that were seeds.
    pub seeds: u64,
    /// Identifiers that were left out, because too many accounts have them.
    pub too_common: u64,
    /// Largest first.
    pub cores: Vec<LockstepCore>,
}

/// Accounts in lockstep.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LockstepCore {
    /// 1 for the largest.
    pub rank: u64,
    /// Its accounts.
    pub accounts: u64,
    /// Its identifiers.
    pub identifiers: u64,
    /// Pairs of both that fall into the windows, of all pairs.
    pub filled: f64,
    /// When the first window begins.
    pub first: Option<String>,
    /// When the last window ends.
    pub last: Option<String>,
    /// The flagged network that most of the accounts belong to, and their share.
    pub network: Option<String>,
    /// The share of the accounts that belong to it.
    pub network_share: f64,
    /// An identifier of it, for an example.
    pub example: String,
    /// Its accounts, ascending.
    #[serde(skip)]
    pub members: Vec<AccountId>,
}

/// Seeds that are looked at side by side.
const CHUNK: usize = 32;

/// Identifiers with the window in which each counts.
type Windows = BTreeMap<u32, (Seconds, Seconds)>;

/// Finds the cores of a kind of identifier.
///
/// # Errors
/// [`Error::Usage`] for numbers that make no sense, [`Error::Unknown`] for a kind that the store doesn't have.
pub fn lockstep(
    dataset: &Dataset,
    results: Option<&Labelling>,
    kind: &str,
    config: &LockstepConfig,
) -> Result<Lockstep, Error> {
    if config.accounts < 2 || config.identifiers < 2 || !(config.share > 0.5 && config.share <= 1.0) {
        let what = "a core has at least two accounts and two identifiers, and a share over 50% up to 100%";
        return Err(Error::Usage(what.to_owned()));
    }
    dataset.check(results, [])?;
    let graph = dataset.linking_graph();
    let kind = dataset.kind(kind)?;
    let range = graph.identifiers_of_kind(kind);
    let too_common = range.clone().filter(|&id| graph.identifier_degree(IdentifierId(id)) > MOST).count() as u64;
    let search = Search { graph, kind, config };
    let busiest = |id: u32| Some((Reverse(search.window_of(id)?.0), id));
    let mut seeds: Vec<(Reverse<usize>, u32)> = range.into_par_iter().with_min_len(1024).filter_map(busiest).collect();
    seeds.par_sort_unstable();
    let (mut taken, mut found) = (BTreeSet::new(), Vec::new());
    // Side by side, and taken in their order: what an earlier core of the same chunk has is looked for in vain, and no more.
    for chunk in seeds.chunks(CHUNK) {
        let is_free = |seed: u32, taken: &BTreeSet<u32>| !taken.contains(&seed);
        let core = |&(_, seed): &(Reverse<usize>, u32)| is_free(seed, &taken).then(|| search.core_of_seed(seed)).flatten();
        let cores: Vec<Option<(Vec<u32>, Windows)>> = chunk.par_iter().map(core).collect();
        for (&(_, seed), core) in chunk.iter().zip(cores) {
            if let Some((accounts, windows)) = core.filter(|_| is_free(seed, &taken)) {
                taken.extend(windows.keys().copied());
                found.push((accounts, windows));
            }
        }
    }
    found.sort_by(|one, other| (other.0.len(), other.1.len()).cmp(&(one.0.len(), one.1.len())).then(one.0.cmp(&other.0)));
    found.dedup_by(|one, other| one.0 == other.0);
    let cores = found.into_iter().zip(1u64..).map(|((accounts, windows), rank)| {
        let (network, network_share) = flagged_share(results, &accounts);
        let held: usize = windows.iter().map(|(&id, &window)| search.had(id, window, &accounts)).sum();
        LockstepCore {
            rank,
            accounts: accounts.len() as u64,
            identifiers: windows.len() as u64,
            filled: held as f64 / (accounts.len() * windows.len()) as f64,
            first: windows.values().map(|window| window.0).min().and_then(rfc3339),
            last: windows.values().map(|window| window.1).max().and_then(rfc3339),
            network,
            network_share,
            example: windows.keys().next().map_or(String::new(), |&id| dataset.label_of(Node::identifier(id))),
            members: accounts.into_iter().map(AccountId).collect(),
        }
    });
    Ok(Lockstep { seeds: seeds.len() as u64, too_common, cores: cores.collect() })
}

struct Search<'a> {
    graph: &'a BipartiteGraph,
    kind: KindId,
    config: &'a LockstepConfig,
}

impl Search<'_> {
    /// When accounts first had an identifier, ascending; those of unknown time are left out.
    fn times(&self, identifier: u32) -> Vec<(Seconds, u32)> {
        let identifier = IdentifierId(identifier);
        let first_seen = self.graph.columns().first_seen.as_slice();
        let seen = self.graph.accounts_of(identifier).iter().zip(self.graph.sightings_of_identifier(identifier));
        let mut times: Vec<(Seconds, u32)> = seen.map(|(&account, &at)| (first_seen[at as usize], account)).collect();
        times.retain(|&(time, _)| time != NO_TIME);
        times.sort_unstable();
        times
    }

    /// The busiest window of an identifier that can be a seed: accounts in it, and where it lies.
    fn window_of(&self, identifier: u32) -> Option<(usize, (Seconds, Seconds))> {
        let degree = self.graph.identifier_degree(IdentifierId(identifier));
        if !(self.config.accounts..=MOST).contains(&degree) {
            return None;
        }
        let times: Vec<Seconds> = self.times(identifier).into_iter().map(|(time, _)| time).collect();
        busiest(&times, self.config.within).filter(|&(count, _)| count >= self.config.accounts)
    }

    /// The core that a seed leads to, if it does.
    fn core_of_seed(&self, seed: u32) -> Option<(Vec<u32>, Windows)> {
        let (_, window) = self.window_of(seed)?;
        let mut accounts = in_window(&self.times(seed), window);
        let mut windows = Windows::new();
        for _ in 0..ROUNDS {
            let next = self.identifiers_of(&accounts);
            if next.len() < self.config.identifiers {
                return None;
            }
            let of_these = self.accounts_of(&next);
            if of_these.len() < self.config.accounts {
                return None;
            }
            let settled = of_these == accounts && next == windows;
            (accounts, windows) = (of_these, next);
            if settled {
                return Some((accounts, windows));
            }
        }
        // Not settled: a core all the same if every identifier still has its share.
        let enough =
            |(&id, &window): (&u32, &(Seconds, Seconds))| self.had(id, window, &accounts) >= self.needed(accounts.len());
        windows.iter().all(enough).then_some((accounts, windows))
    }

    fn needed(&self, of: usize) -> usize {
        (self.config.share * of as f64).ceil() as usize
    }

    /// How many of these accounts first had an identifier in a window.
    fn had(&self, identifier: u32, window: (Seconds, Seconds), accounts: &[u32]) -> usize {
        in_window(&self.times(identifier), window).iter().filter(|account| accounts.binary_search(account).is_ok()).count()
    }

    /// Identifiers that enough of these accounts first had within one window.
    fn identifiers_of(&self, accounts: &[u32]) -> Windows {
        let mut times: Vec<(u32, Seconds)> = Vec::new();
        for &account in accounts {
            let row = self.graph.sightings_of(AccountId(account)).filter(|sighting| sighting.first_seen != NO_TIME);
            let of_kind = row.filter(|sighting| self.graph.kind_of(sighting.identifier) == self.kind);
            let rare = of_kind.filter(|sighting| self.graph.identifier_degree(sighting.identifier) <= MOST);
            times.extend(rare.map(|sighting| (sighting.identifier.0, sighting.first_seen)));
        }
        times.sort_unstable();
        let needed = self.needed(accounts.len()).max(2);
        let of_one = times.chunk_by(|one, other| one.0 == other.0).filter(|times| times.len() >= needed);
        let windowed = of_one.filter_map(|times| {
            let window = busiest(&times.iter().map(|&(_, time)| time).collect::<Vec<_>>(), self.config.within)?;
            (window.0 >= needed).then_some((times[0].0, window.1))
        });
        windowed.collect()
    }

    /// Accounts that first had enough of these identifiers in their windows, ascending.
    fn accounts_of(&self, windows: &Windows) -> Vec<u32> {
        let mut seen: Vec<u32> = windows.iter().flat_map(|(&id, &window)| in_window(&self.times(id), window)).collect();
        seen.sort_unstable();
        let needed = self.needed(windows.len());
        seen.chunk_by(|one, other| one == other).filter(|times| times.len() >= needed).map(|times| times[0]).collect()
    }
}

/// Accounts whose time lies in a window, ascending.
fn in_window(times: &[(Seconds, u32)], (first, last): (Seconds, Seconds)) -> Vec<u32> {
    let mut accounts: Vec<u32> =
        times.iter().filter(|&&(time, _)| (first..=last).contains(&time)).map(|&(_, account)| account).collect();
    accounts.sort_unstable();
    accounts
}

/// The window of a length that holds most of these times, ascending: how many, and from the first to the last of them. The
/// earliest of equals.
fn busiest(times: &[Seconds], within: Seconds) -> Option<(usize, (Seconds, Seconds))> {
    let (mut start, mut best) = (0, None::<(usize, (Seconds, Seconds))>);
    for (end, &last) in times.iter().enumerate() {
        while times[start] < last.saturating_sub(within) {
            start += 1;
        }
        let count = end + 1 - start;
        if best.is_none_or(|(most, _)| count > most) {
            best = Some((count, (times[start], last)));
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::store_of_events;

    #[test]
    fn the_busiest_window_is_the_earliest_of_equals() {
        assert_eq!(busiest(&[1, 5, 6, 7, 20, 21, 22], 2), Some((3, (5, 7))));
        assert_eq!(busiest(&[], 2), None);
        assert_eq!(busiest(&[4], 0), Some((1, (4, 4))));
    }

    const CONFIG: LockstepConfig = LockstepConfig { accounts: 4, identifiers: 3, within: 60, share: 0.75 };

    /// Accounts 0 to 4 take up templates 0 to 3 within a minute each, but for one of twenty; accounts 5 to 14 come upon them
    /// all over the day.
    fn planted() -> Vec<(u32, u32, u32, u32)> {
        let mut rows = Vec::new();
        for template in 0..4u32 {
            for account in (0..5).filter(|&account| (account, template) != (4, 3)) {
                rows.push((account, account + 1, template, template * 7200 + account * 10));
            }
            for account in 5..15u32 {
                rows.push((account, account + 1, template, (account * 7919 + template * 104_729) % 86_400));
            }
        }
        rows
    }

    #[test]
    fn who_moves_together_is_found_and_a_slow_crowd_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let dataset = Dataset::open(&store_of_events(folder.path(), "store", &planted())).unwrap();
        let found = lockstep(&dataset, None, "prompt_template_hash", &CONFIG).unwrap();
        let cores: Vec<(Vec<u32>, u64)> =
            found.cores.iter().map(|core| (core.members.iter().map(|account| account.0).collect(), core.identifiers)).collect();
        assert_eq!(cores, [(vec![0, 1, 2, 3, 4], 4)], "{found:?}");
        assert!((found.cores[0].filled - 0.95).abs() < 1e-12);
        let strict = LockstepConfig { share: 1.0, ..CONFIG };
        let strict = lockstep(&dataset, None, "prompt_template_hash", &strict).unwrap();
        assert_eq!(strict.cores.iter().map(|core| (core.accounts, core.identifiers)).collect::<Vec<_>>(), [(5, 3), (4, 4)]);
        let slow: Vec<_> = planted().into_iter().filter(|row| row.0 >= 5).collect();
        let dataset = Dataset::open(&store_of_events(folder.path(), "slow", &slow)).unwrap();
        assert_eq!(lockstep(&dataset, None, "prompt_template_hash", &CONFIG).unwrap().cores, []);
        let nonsense = LockstepConfig { share: 0.5, ..CONFIG };
        assert!(matches!(lockstep(&dataset, None, "ip", &nonsense), Err(Error::Usage(_))));
        assert!(matches!(lockstep(&dataset, None, "card", &CONFIG), Err(Error::Unknown { .. })));
    }
}
