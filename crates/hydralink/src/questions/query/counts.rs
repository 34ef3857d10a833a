//! How much and when: exchanges and spans of a node, and accounts by network and by how they belong.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use graph::build::earliest;
use graph::{AccountId, BipartiteGraph, IdentifierId, NO_TIME};

use crate::dataset::Dataset;
use crate::results::{Labelling, Membership};

/// Exchanges of an account: those with a time, or the most that any one identifier shows where there are none.
pub fn exchanges_of(dataset: &Dataset, account: AccountId) -> u64 {
    let activity = dataset.activity().of(account);
    if !activity.time.is_empty() {
        return match activity.requests {
            [] => activity.time.len() as u64,
            requests => requests.iter().map(|&requests| u64::from(requests)).sum(),
        };
    }
    dataset.graph().sightings_of(account).map(|sighting| u64::from(sighting.count)).max().unwrap_or(0)
}

/// Tokens of the exchanges with a time of some accounts; `None` where the store knows of none.
pub fn tokens_of(dataset: &Dataset, accounts: impl IntoIterator<Item = AccountId>) -> Option<u64> {
    let activity = dataset.activity();
    let of_account = |account| activity.of(account).tokens.iter().map(|&tokens| u64::from(tokens)).sum::<u64>();
    if activity.columns().tokens.is_empty() {
        return None;
    }
    // Of an event that doesn't say them a store has 0.
    Some(accounts.into_iter().map(of_account).sum()).filter(|&tokens| tokens > 0)
}

/// First and last time of an account: of its events, and of its sightings where it has no event with a time. A sighting that a
/// store cuts off ([`crate::as_of`](mod@crate::as_of)) goes on to the cut; events don't.
pub fn span_of_account(dataset: &Dataset, account: AccountId) -> (u32, u32) {
    let times = dataset.activity().of(account).time;
    if let (Some(&first), Some(&last)) = (times.first(), times.last()) {
        let second = |millis: i64| u32::try_from(millis / 1000).unwrap_or(NO_TIME);
        return (second(first), second(last));
    }
    dataset.graph().sightings_of(account).fold((NO_TIME, NO_TIME), |(first, last), sighting| {
        (earliest(first, sighting.first_seen), last.max(sighting.last_seen))
    })
}

/// First and last sighting of an identifier.
pub fn span_of_identifier(graph: &BipartiteGraph, identifier: IdentifierId) -> (u32, u32) {
    let columns = graph.columns();
    graph.sightings_of_identifier(identifier).iter().fold((NO_TIME, NO_TIME), |(first, last), &position| {
        let position = position as usize;
        (earliest(first, columns.first_seen[position]), last.max(columns.last_seen[position]))
    })
}

pub(crate) fn exchanges_of_identifier(graph: &BipartiteGraph, identifier: IdentifierId) -> u64 {
    let counts = graph.columns().counts.as_slice();
    graph.sightings_of_identifier(identifier).iter().map(|&position| u64::from(counts[position as usize])).sum()
}

/// The flagged network that most of some accounts belong to, the stronger of equals, and their share.
pub(crate) fn flagged_share(results: Option<&Labelling>, accounts: &[u32]) -> (Option<String>, f64) {
    let mut members: BTreeMap<u32, usize> = BTreeMap::new();
    for &account in accounts {
        if let Some(results) = results.filter(|results| results.flagged_network_of(AccountId(account)).is_some()) {
            *members.entry(results.network_of[account as usize]).or_default() += 1;
        }
    }
    let most = members.iter().max_by_key(|&(&network, &count)| (count, Reverse(network)));
    most.map_or((None, 0.0), |(&network, &count)| {
        let id = results.map(|results| results.head(network as usize).id.clone());
        (id, count as f64 / accounts.len() as f64)
    })
}

/// Accounts of a network by how they belong: core, fringe, ambiguous.
pub fn count_memberships(members: &[(AccountId, Membership)]) -> [u64; 3] {
    let mut counts = [0; 3];
    for (_, membership) in members {
        counts[*membership as usize] += 1;
    }
    counts
}
