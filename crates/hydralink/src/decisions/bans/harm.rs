//! Whom do actions hit?

use std::cmp::Reverse;
use std::collections::BTreeMap;

use graph::{AccountId, NONE_U16};
use rayon::prelude::*;

use super::stopped::{Reach, Stakes};
use super::{Collateral, Harm, Reviewed};
use crate::cases;
use crate::dataset::Dataset;
use crate::error::Error;
use crate::interval::{Count, clopper_pearson};

/// Benign accounts among some.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Benign {
    pub(super) expected: f64,
    pub(super) interval: (u64, u64),
    /// If all networks are ones.
    pub(super) if_network: f64,
    pub(super) interval_if_network: (u64, u64),
}

/// Whom the actions taken hit.
pub(super) fn harm(reach: &Reach<'_>) -> Result<Harm, Error> {
    let dataset = reach.stakes.dataset;
    let (accounts, tables) = (dataset.accounts(), dataset.tables());
    // How many there are of each word is asked of all accounts.
    ["accounts.country", "accounts.pathway", "accounts.tier"].iter().for_each(|column| dataset.store().fetch(column));
    let by_word =
        |column: &[u16], names: &[String]| collateral(reach, column, NONE_U16, |word| names.get(usize::from(word)).cloned());
    let all = benign(reach.stakes, reach.hit().map(|(account, _)| account));
    Ok(Harm {
        benign_expected: all.expected,
        benign_interval: all.interval,
        benign_if_network: all.if_network,
        benign_interval_if_network: all.interval_if_network,
        benign_exchanges_expected: reach.benign_stopped(),
        benign_tokens_expected: reach.benign_tokens_stopped(),
        benign_by_country: by_word(&accounts.country, &tables.countries),
        benign_by_pathway: by_word(&accounts.pathway, &tables.pathways),
        benign_by_tier: by_word(&accounts.tier, &tables.tiers),
        benign_by_as: collateral(reach, &homes(dataset), 0, |asn| Some(format!("AS{asn}"))),
        reviewed: reviewed(reach)?,
    })
}

/// How many of some accounts are benign: a sum over networks of the module's mixture.
pub(super) fn benign(stakes: &Stakes<'_>, accounts: impl IntoIterator<Item = u32>) -> Benign {
    // By group, with its chance: what is risked if it is a network. Ascending, so that sums are the same however hits came.
    let mut groups: BTreeMap<u32, (f64, Vec<f64>)> = BTreeMap::new();
    for account in accounts {
        let (group, chance) = stakes.group_of(account);
        groups.entry(group).or_insert((chance, Vec::new())).1.push(stakes.risk_of(account));
    }
    let mut benign = Benign::default();
    let (mut either, mut right) = (Count::certain(0), Count::certain(0));
    for (chance, risks) in groups.into_values() {
        let (expected, all) = (risks.iter().sum::<f64>(), risks.len() as u64);
        benign.if_network += expected;
        // p r + (1 - p) n, exact where nothing is left to doubt.
        benign.expected += expected + (1.0 - chance) * (all as f64 - expected);
        let count = Count::of_trials(risks);
        right = right.plus(&count);
        either = either.plus(&count.or(chance, Count::certain(all)));
    }
    (benign.interval, benign.interval_if_network) = (holding(either.interval(), benign.expected), right.interval());
    benign
}

/// An interval with what is expected, where that is half an account or more beyond it: nearly all of a mixture may lie at one end.
fn holding((low, high): (u64, u64), expected: f64) -> (u64, u64) {
    let low = if low as f64 - expected >= 0.5 { expected.floor() as u64 } else { low };
    (low, if expected - high as f64 >= 0.5 { expected.ceil() as u64 } else { high })
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
        group.who.push(account);
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
        let benign = benign(reach.stakes, std::mem::take(&mut group.who));
        (group.benign_expected, group.benign_interval) = (benign.expected, benign.interval);
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

/// What people decided, and what it says about the accounts that a plan bans of networks that they haven't decided about.
fn reviewed(reach: &Reach<'_>) -> Result<Option<Reviewed>, Error> {
    let dataset = reach.stakes.dataset;
    // A verdict leaves no doubt whether a network is one.
    let is_open =
        |account: u32| (0.0..1.0).contains(&reach.stakes.group_of(account).1) && reach.stakes.group_of(account).1 > 0.0;
    let open = reach.hit().filter(|&(account, hit)| hit.banned && is_open(account)).count();
    let cases = dataset.cases()?;
    let verdicts: Vec<bool> = cases.cases().iter().filter_map(|case| cases::verdict_of(&cases, case)).collect();
    if verdicts.is_empty() || open == 0 {
        return Ok(None);
    }
    let harmless_cases = verdicts.iter().filter(|&&is_network| !is_network).count() as u64;
    let harmless = cases.rejected_accounts().count() as u64;
    let share = clopper_pearson(harmless_cases, verdicts.len() as u64);
    Ok(Some(Reviewed {
        cases: verdicts.len() as u64,
        harmless_cases,
        decided: harmless + cases.confirmed_accounts().count() as u64,
        harmless,
        harmless_share_interval: share,
        benign_banned_interval: (share.0 * open as f64, share.1 * open as f64),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_holds_what_is_expected() {
        // 120 accounts, a network with chance .022: nearly always all of them, 117.4 on average.
        let mixed = Count::of_trials([0.0; 120]).or(0.022, Count::certain(120));
        assert_eq!((mixed.interval(), holding(mixed.interval(), 120.0 * 0.978)), ((120, 120), (117, 120)));
        assert_eq!(holding((0, 0), 2.4), (0, 3));
        assert_eq!((holding((120, 120), 119.7), holding((0, 0), 0.02)), ((120, 120), (0, 0)));
    }
}
