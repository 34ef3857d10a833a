//! Whom do actions hit?

use std::cmp::Reverse;
use std::collections::BTreeMap;

use graph::{AccountId, NONE_U16};
use rayon::prelude::*;

use super::stopped::Reach;
use super::{Collateral, Harm, Reviewed};
use crate::dataset::Dataset;
use crate::error::Error;
use crate::interval::{clopper_pearson, poisson_binomial};

/// Whom the actions taken hit.
pub(super) fn harm(reach: &Reach<'_>) -> Result<Harm, Error> {
    let dataset = reach.stakes.dataset;
    let (accounts, tables) = (dataset.accounts(), dataset.tables());
    // How many there are of each word is asked of all accounts.
    ["accounts.country", "accounts.pathway", "accounts.tier"].iter().for_each(|column| dataset.store().fetch(column));
    let by_word =
        |column: &[u16], names: &[String]| collateral(reach, column, NONE_U16, |word| names.get(usize::from(word)).cloned());
    Ok(Harm {
        benign_expected: benign_expected(reach),
        benign_interval: benign_interval(reach),
        benign_exchanges_expected: reach.benign_stopped(),
        benign_by_country: by_word(&accounts.country, &tables.countries),
        benign_by_pathway: by_word(&accounts.pathway, &tables.pathways),
        benign_by_tier: by_word(&accounts.tier, &tables.tiers),
        benign_by_as: collateral(reach, &homes(dataset), 0, |asn| Some(format!("AS{asn}"))),
        reviewed: reviewed(dataset, reach.hit().filter(|(_, hit)| hit.banned).count())?,
    })
}

pub(super) fn benign_interval(reach: &Reach<'_>) -> (u64, u64) {
    poisson_binomial(reach.hit().map(|(account, _)| reach.stakes.risk_of(account)))
}

pub(super) fn benign_expected(reach: &Reach<'_>) -> f64 {
    reach.hit().map(|(account, _)| reach.stakes.risk_of(account)).sum()
}

/// Words that a table counts: all but the highest numbers of autonomous systems.
const LARGEST_TABLE: usize = 1 << 20;

/// Accounts hit by what a column says of each.
fn collateral<W: Copy + Ord + Into<u32>>(
    reach: &Reach<'_>,
    column: &[W],
    unknown: W,
    name: impl Fn(W) -> Option<String>,
) -> BTreeMap<String, Collateral> {
    let mut groups: BTreeMap<W, Collateral> = BTreeMap::new();
    for (account, _) in reach.hit() {
        let Some(&word) = column.get(account as usize).filter(|&&word| word != unknown) else { continue };
        let group = groups.entry(word).or_default();
        group.hit += 1;
        group.risks.push(reach.stakes.risk_of(account));
    }
    // All accounts are counted: a table of words up to the last that was hit.
    let last = groups.last_key_value().map_or(0, |(&word, _)| word.into() as usize + 1);
    let mut accounts = vec![0u64; last.min(LARGEST_TABLE)];
    if last <= LARGEST_TABLE {
        column.iter().for_each(|&word| accounts.get_mut(word.into() as usize).into_iter().for_each(|count| *count += 1));
        groups.iter_mut().for_each(|(&word, group)| group.accounts = accounts[word.into() as usize]);
    } else {
        column.iter().for_each(|word| groups.get_mut(word).into_iter().for_each(|group| group.accounts += 1));
    }
    let named = groups.into_iter().filter_map(|(word, mut group)| {
        group.benign_expected = group.risks.iter().sum();
        group.benign_interval = poisson_binomial(group.risks.iter().copied());
        Some((name(word)?, group))
    });
    named.collect()
}

/// By account, the autonomous system that most of its exchanges came from, the lower number of equals; 0 where none is known.
/// Empty if none was looked up. O(sightings).
fn homes(dataset: &Dataset) -> Vec<u32> {
    let (graph, asns) = (dataset.graph(), dataset.asns());
    if asns.is_empty() {
        return Vec::new();
    }
    let home = |account: u32| {
        let mut exchanges: BTreeMap<u32, u64> = BTreeMap::new();
        for sighting in graph.sightings_of(AccountId(account)) {
            let asn = asns[sighting.identifier.index()];
            if asn != 0 {
                *exchanges.entry(asn).or_default() += u64::from(sighting.count);
            }
        }
        exchanges.into_iter().max_by_key(|&(asn, count)| (count, Reverse(asn))).map_or(0, |(asn, _)| asn)
    };
    (0..graph.account_count() as u32).into_par_iter().with_min_len(1 << 10).map(home).collect()
}

/// What people decided, and what it says about the accounts that a plan bans.
fn reviewed(dataset: &Dataset, banned: usize) -> Result<Option<Reviewed>, Error> {
    let cases = dataset.cases()?;
    let harmless = cases.rejected_accounts().count() as u64;
    let decided = harmless + cases.confirmed_accounts().count() as u64;
    if decided == 0 {
        return Ok(None);
    }
    let share = clopper_pearson(harmless, decided);
    Ok(Some(Reviewed {
        decided,
        harmless,
        harmless_share_interval: share,
        benign_banned_interval: (share.0 * banned as f64, share.1 * banned as f64),
    }))
}
