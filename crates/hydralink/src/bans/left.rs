//! What is left after actions, and what comes instead?
//!
//! Members that aren't banned stay joined by the identifiers of their network that weren't acted on: groups are components over
//! these, found in O(sightings of the members left). What comes instead is told by how fast the network made accounts before.

use std::collections::BTreeSet;

use graph::{AccountId, IdentifierId};

use super::stopped::{Gain, Reach};
use super::{Replacement, Target};
use crate::dataset::Dataset;
use crate::interval::garwood;
use crate::results::Network;

/// The identifiers that weren't acted on.
pub(super) fn not_acted_on(own: &[u32], taken: &[(Target, Gain)]) -> Vec<u32> {
    let acted: BTreeSet<Target> = taken.iter().map(|&(target, _)| target).collect();
    own.iter().copied().filter(|&identifier| !acted.contains(&Target::Identifier(identifier))).collect()
}

/// Sizes of the groups of members that aren't banned, joined by the identifiers of the network that weren't acted on.
pub(super) fn groups_left(reach: &Reach<'_>, members: &[u32], free: &[u32]) -> Vec<u64> {
    let graph = reach.stakes.dataset.graph();
    let mut left = vec![false; graph.account_count()];
    let left_over: Vec<u32> = members.iter().copied().filter(|&account| !reach.is_banned(account)).collect();
    left_over.iter().for_each(|&account| left[account as usize] = true);
    let mut open = vec![false; graph.identifier_count()];
    free.iter().for_each(|&identifier| open[identifier as usize] = true);
    let mut sizes = Vec::new();
    for first in left_over {
        if !std::mem::take(&mut left[first as usize]) {
            continue;
        }
        let (mut group, mut next) = (vec![first], 0);
        while let Some(&account) = group.get(next) {
            next += 1;
            for &identifier in graph.identifiers_of(AccountId(account)) {
                if std::mem::take(&mut open[identifier as usize]) {
                    let others = graph.accounts_of(IdentifierId(identifier)).iter().copied();
                    group.extend(others.filter(|&other| std::mem::take(&mut left[other as usize])));
                }
            }
        }
        sizes.push(group.len() as u64);
    }
    sizes
}

/// Accounts made a week between the first and the last creation, which itself starts the clock.
pub(super) fn replacement(dataset: &Dataset, members: &[u32], network: &Network) -> Option<Replacement> {
    let created = &dataset.accounts().created_at;
    let members = members.iter().filter_map(|&account| created.get(account as usize).copied());
    let times: Vec<u32> = members.filter(|&time| time != graph::NO_TIME).collect();
    let (first, last) = (times.iter().min()?, times.iter().max()?);
    let weeks = f64::from(last - first) / (7.0 * 86_400.0);
    if weeks <= 0.0 {
        return None;
    }
    let made = times.len() as u64 - 1;
    let interval = garwood(made);
    let signal = network.signals.get("ban_and_replace");
    Some(Replacement {
        accounts_a_week: made as f64 / weeks,
        interval: (interval.0 / weeks, interval.1 / weeks),
        regeneration: signal.and_then(|signal| Some(signal.as_ref()?.value)),
    })
}
