//! What is left after actions, and what comes instead?
//!
//! Members that aren't banned stay joined by the identifiers of their network that weren't acted on: groups are components over
//! these, found in O(accounts of these identifiers). What comes instead is told by how fast the network made accounts before,
//! and whether it still does.

use std::collections::BTreeSet;

use evidence::SignalName;
use graph::{AccountId, IdentifierId, Seconds};
use petgraph::unionfind::UnionFind;

use super::stopped::{Gain, Reach};
use super::{Replacement, Target};
use crate::dataset::Dataset;
use crate::interval::garwood;
use crate::lineage;
use crate::results::{Labelling, Network};
use crate::roles::AccountRole;

/// The identifiers that weren't acted on.
pub(super) fn not_acted_on(own: &[u32], taken: &[(Target, Gain)]) -> Vec<u32> {
    let acted: BTreeSet<Target> = taken.iter().map(|&(target, _)| target).collect();
    own.iter().copied().filter(|&identifier| !acted.contains(&Target::Identifier(identifier))).collect()
}

/// Sizes of the groups of members that aren't banned, joined by the identifiers of the network that weren't acted on.
pub(super) fn groups_left(reach: &Reach<'_>, members: &[u32], free: &[u32]) -> Vec<u64> {
    let graph = reach.stakes.dataset.graph();
    let left: Vec<u32> = members.iter().copied().filter(|&account| !reach.is_banned(account)).collect();
    if left.is_empty() {
        return Vec::new();
    }
    // By account, one more than its position among those left.
    let mut positions = vec![0u32; graph.account_count()];
    left.iter().zip(1u32..).for_each(|(&account, position)| positions[account as usize] = position);
    let mut groups = UnionFind::<u32>::new(left.len());
    for &identifier in free {
        let joined = graph.accounts_of(IdentifierId(identifier)).iter();
        let mut joined = joined.filter_map(|&account| positions[account as usize].checked_sub(1));
        if let Some(first) = joined.next() {
            joined.for_each(|other| _ = groups.union(first, other));
        }
    }
    let mut sizes = vec![0u64; left.len()];
    groups.into_labeling().into_iter().for_each(|group| sizes[group as usize] += 1);
    sizes.retain(|&size| size > 0);
    sizes
}

/// A time without new accounts after which none is expected.
const QUIET_DAYS: f64 = 14.0;

/// Of so many creations, one in so many that came first is left out of a pace, and one at either end of the time within which most
/// came: an account that was bought or taken over was made long before.
const ENDS: usize = 20;

/// Accounts made a week between the first creation, which itself starts the clock, and the last event; of those that are held to
/// be the operator's own, for those of others were made when it suited these, and without the earliest twentieth.
pub(super) fn replacement(
    dataset: &Dataset,
    results: &Labelling,
    members: &[u32],
    network: &Network,
    last_event: Seconds,
) -> Option<Replacement> {
    let created = &dataset.accounts().created_at;
    let is_own = |account: u32| {
        let role = results.groups.role(dataset, results, AccountId(account));
        role.is_none_or(|role| role == AccountRole::OperatorOwned)
    };
    let own = members.iter().filter(|&&account| is_own(account));
    let made = own.filter_map(|&account| created.get(account as usize).copied());
    let mut times: Vec<Seconds> = made.filter(|&time| time != graph::NO_TIME).collect();
    times.sort_unstable();
    let (bans, late) = lineage::bans(dataset, members, last_event);
    let signal = network.signals.get(&SignalName::BanAndReplace).and_then(Option::as_ref);
    // Measured of all bans; none of the late ones was made up for.
    let regeneration =
        signal.filter(|_| bans > late).map(|signal| (signal.value * bans as f64 / (bans - late) as f64).min(1.0));
    pace(&times, last_event, regeneration)
}

/// The pace of some creations, ascending.
fn pace(times: &[Seconds], last_event: Seconds, regeneration: Option<f64>) -> Option<Replacement> {
    const DAY: f64 = 86_400.0;
    let ends = times.len() / ENDS;
    let most = times.get(ends..times.len() - ends)?;
    let within = most.last()? - most.first()?;
    let times = &times[ends..];
    let (&first, &last) = (times.first()?, times.last()?);
    let weeks = f64::from(last_event.max(last) - first) / (7.0 * DAY);
    if last == first {
        return None;
    }
    let made = times.len() as u64 - 1;
    let interval = garwood(made);
    let days_since = f64::from(last_event.saturating_sub(last)) / DAY;
    Some(Replacement {
        made,
        made_within_days: f64::from(within) / DAY,
        days_since,
        accounts_a_week: made as f64 / weeks,
        interval: (interval.0 / weeks, interval.1 / weeks),
        regeneration,
        expected: days_since <= QUIET_DAYS || regeneration.is_some_and(|share| share > 0.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_that_of_all_the_time_there_was() {
        const DAY: Seconds = 86_400;
        let start = 1_772_323_200;
        // Fifteen in two days, and none in the four weeks since: half an account a day, and no sign of more.
        let times: Vec<Seconds> = (0..15).map(|at| start + at * DAY / 7).collect();
        let of = |days: Seconds, regeneration| pace(&times, start + days * DAY, regeneration).expect("a pace");
        let long_ago = of(35, Some(0.0));
        assert!((long_ago.accounts_a_week - 14.0 / 5.0).abs() < 1e-9 && !long_ago.expected, "{long_ago:?}");
        assert_eq!((long_ago.made, long_ago.made_within_days, long_ago.days_since), (14, 2.0, 33.0));
        // Just now, or where bans were made up for, it is.
        assert!(of(3, None).expected && of(35, Some(0.1)).expected);
        assert!((of(2, None).accounts_a_week - 49.0).abs() < 1e-9);
        assert_eq!(pace(&times[..1], start, None), None);
        assert_eq!(pace(&[], start, None), None);
    }

    #[test]
    fn one_in_twenty_at_either_end_makes_no_span() {
        const DAY: Seconds = 86_400;
        let start = 1_772_323_200;
        // A hundred in ten days, beside five of half a year before and five of a month after.
        let mut times: Vec<Seconds> = (0..100).map(|at| start + at * DAY / 10).collect();
        times.extend((0..5).map(|at| start - 180 * DAY + at));
        times.extend((0..5).map(|at| start + 40 * DAY + at));
        times.sort_unstable();
        let found = pace(&times, start + 70 * DAY, None).expect("a pace");
        assert!((found.made_within_days - 9.9).abs() < 1e-9 && found.days_since < 30.0, "{found:?}");
        assert!((found.accounts_a_week - 10.4).abs() < 0.1, "{found:?}");
    }
}
