//! Nothing in a file shall be about fewer than `k` accounts (k-anonymity, Sweeney 2002, doi:10.1142/S0218488502001648).
//!
//! 1. *Networks* of fewer than `k` accounts were not chosen. *Identifiers* and hubs of fewer than `k` of the accounts that are
//!    drawn are left out, and counted.
//! 2. *Attributes*: country, tier, pathway and the week in which an account was made are shown where at least `k` accounts of
//!    the file show the same. The others lose the week, then also the tier, the country and the pathway, until `k` of those
//!    that have come so far show the same; the rest show nothing.
//! 3. *Times* are cut to the day and all *counts* of nodes, edges, hubs and ties (exchanges, degrees in the data and in the
//!    file, sightings, accounts) to their first digit. When an account was banned isn't told.
//! 4. *Measures* of an account that hardly another one has: bits of its membership are rounded to tens and its confidence to tenths,
//!    bits of edges (they tell how many share the identifier) to whole ones, and communities and components of fewer than `k`
//!    accounts of the file have no number.
//!
//! What it doesn't do: the edges stay, and whoever knows of an account with which of the identifiers drawn it was seen may
//! still find it among those that share them. k-anonymity of a graph would take its structure, which is the evidence.

use std::collections::HashMap;

use graph::{NO_TIME, NONE_U16, Seconds};

use super::view::{ACCOUNT, ExportGraph, ExportNode};

const DAY: Seconds = 86_400;
const WEEK: Seconds = 7 * DAY;

/// Leaves out and coarsens what is about fewer than `k` accounts, in a graph whose every account is a node. O(nodes + edges).
pub(crate) fn k_anonymous(graph: &mut ExportGraph<'_>, k: u32) {
    drop_small(graph, k);
    graph.count_degrees();
    coarsen(graph);
    hide_small_groups(graph, k, |node| &mut node.community);
    hide_small_groups(graph, k, |node| &mut node.component);
    hide_rare_attributes(graph, k);
    graph.about.level.push_str(&format!("; nothing about fewer than {k} accounts"));
}

fn drop_small(graph: &mut ExportGraph<'_>, k: u32) {
    graph.count_degrees();
    let stays: Vec<bool> = graph.nodes.iter().map(|node| !node.is_identifier() || node.degree_shown >= k).collect();
    let place: Vec<u32> =
        stays.iter().scan(0, |next, &stays| Some(std::mem::replace(next, *next + u32::from(stays)))).collect();
    let mut stay = stays.iter();
    graph.nodes.retain(|_| *stay.next().expect("one for each node"));
    graph.left_out.small_identifiers = (stays.len() - graph.nodes.len()) as u64;
    let edges = graph.edges.len();
    graph.edges.retain(|edge| stays[edge.target as usize]);
    graph.left_out.sightings += (edges - graph.edges.len()) as u64;
    for edge in &mut graph.edges {
        (edge.source, edge.target) = (place[edge.source as usize], place[edge.target as usize]);
    }
    graph.hubs.retain(|hub| hub.accounts >= k);
    for network in &mut graph.networks {
        network.tied_by.retain(|tie| tie.members >= u64::from(k));
    }
}

fn coarsen(graph: &mut ExportGraph<'_>) {
    for node in &mut graph.nodes {
        (node.first_seen, node.last_seen) = (to(node.first_seen, DAY), to(node.last_seen, DAY));
        node.exact_degree = Some(node.degree);
        for count in [&mut node.exchanges, &mut node.degree, &mut node.hub_sightings] {
            *count = first_digit(*count);
        }
        for count in [&mut node.degree_shown, &mut node.accounts] {
            *count = first_digit(u64::from(*count)) as u32;
        }
        (node.banned_at, node.shown_banned) = (NO_TIME, false);
        node.created_at = to(node.created_at, WEEK);
        node.evidence_bits = node.evidence_bits.map(|bits| (bits / 10.0).round() * 10.0);
        node.confidence = node.confidence.map(|confidence| (confidence * 10.0).round() / 10.0);
    }
    for edge in &mut graph.edges {
        (edge.first_seen, edge.last_seen) = (to(edge.first_seen, DAY), to(edge.last_seen, DAY));
        edge.count = first_digit(edge.count);
        edge.weight = edge.weight.round().max(1.0);
    }
    for hub in &mut graph.hubs {
        (hub.accounts, hub.degree) = (first_digit(u64::from(hub.accounts)) as u32, first_digit(hub.degree));
    }
    for tie in graph.networks.iter_mut().flat_map(|network| &mut network.tied_by) {
        for count in [&mut tie.members, &mut tie.accounts, &mut tie.members_lost_without] {
            *count = first_digit(*count);
        }
        tie.exclusivity = (tie.exclusivity * 10.0).round() / 10.0;
    }
    let day = |time: &mut Option<String>| {
        if let Some(time) = time {
            time.truncate("2026-01-01".len());
            time.push_str("T00:00:00Z");
        }
    };
    for network in &mut graph.networks {
        let ties = network.tied_by.iter_mut().flat_map(|tie| [&mut tie.first_seen, &mut tie.last_seen]);
        ties.chain([&mut network.first_seen, &mut network.last_seen]).for_each(day);
    }
}

/// Takes away the numbers of groups of fewer than `k` accounts, from their identifiers as well.
fn hide_small_groups(graph: &mut ExportGraph<'_>, k: u32, group: for<'n> fn(&'n mut ExportNode<'_>) -> &'n mut Option<u32>) {
    let mut accounts: HashMap<u32, u32> = HashMap::new();
    for node in graph.nodes.iter_mut().filter(|node| node.kind == ACCOUNT) {
        group(node).iter().for_each(|&group| *accounts.entry(group).or_default() += 1);
    }
    for node in &mut graph.nodes {
        let number = group(node);
        *number = number.filter(|group| accounts.get(group).is_some_and(|&count| count >= k));
    }
}

/// What an account shows of itself.
type Shown = (Seconds, u16, u16, u16);

fn hide_rare_attributes(graph: &mut ExportGraph<'_>, k: u32) {
    let shown = |node: &ExportNode<'_>| -> Shown { (node.created_at, node.tier, node.country, node.pathway) };
    let coarser: [fn(&mut ExportNode<'_>); 4] = [
        |node| node.created_at = NO_TIME,
        |node| node.tier = NONE_U16,
        |node| node.country = NONE_U16,
        |node| node.pathway = NONE_U16,
    ];
    let mut rare: Vec<usize> = (0..graph.nodes.len()).filter(|&at| graph.nodes[at].kind == ACCOUNT).collect();
    for coarsen in coarser {
        let mut counts: HashMap<Shown, u32> = HashMap::new();
        rare.iter().for_each(|&at| *counts.entry(shown(&graph.nodes[at])).or_default() += 1);
        rare.retain(|&at| counts[&shown(&graph.nodes[at])] < k);
        rare.iter().for_each(|&at| coarsen(&mut graph.nodes[at]));
    }
}

/// A share in tenths, upwards: beside a count that is rounded one that is exact would tell it.
pub(super) fn in_tenths(share: f64) -> f64 {
    (share * 10.0).ceil() / 10.0
}

/// A time cut to a whole number of steps.
fn to(time: Seconds, step: Seconds) -> Seconds {
    if time == NO_TIME { NO_TIME } else { (time - time % step).max(1) }
}

/// A count with all digits but its first 0.
pub(super) fn first_digit(count: u64) -> u64 {
    let scale = count.checked_ilog10().map_or(1, |digits| 10u64.pow(digits));
    count / scale * scale
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing;
    use super::super::view::ExportEdge;
    use super::*;

    #[test]
    fn counts_keep_their_first_digit_and_times_their_day() {
        assert_eq!([0, 7, 10, 19, 987].map(first_digit), [0, 7, 10, 10, 900]);
        assert_eq!((to(NO_TIME, DAY), to(86_399, DAY), to(86_401, DAY)), (NO_TIME, 1, 86_400));
    }

    proptest! {
        /// Every combination of attributes that is shown is shown by k accounts, every identifier is of k, and what is there
        /// was there.
        #[test]
        fn nothing_is_about_fewer_than_k(
            accounts in prop::collection::vec((0u16..3, 0u16..2, 0u16..4, 1u32..4, prop::collection::btree_set(0u32..5, 0..4)), 0..40),
            k in 1u32..7,
        ) {
            let mut graph = testing::empty();
            graph.kinds.push("ip".to_owned());
            let kind = graph.kinds.len() as u16 - 1;
            for (at, (country, tier, pathway, week, seen)) in accounts.iter().enumerate() {
                let account_degree = seen.len() as u64 + 12;
                let made = week * WEEK + at as u32 * 3_600;
                let (country, tier, pathway) = (*country, *tier, *pathway);
                let node = ExportNode::new(ACCOUNT, format!("a{at}"));
                let node = ExportNode { evidence_bits: Some(13.7 + at as f32), confidence: Some(0.987), community: Some(*week), ..node };
                graph.nodes.push(ExportNode { country, tier, pathway, created_at: made, accounts: 1, degree: account_degree, ..node });
            }
            let users = |identifier: u32| accounts.iter().filter(|account| account.4.contains(&identifier)).count() as u32;
            for identifier in 0..5 {
                let (accounts, degree) = (users(identifier), u64::from(users(identifier)) + 11);
                graph.nodes.push(ExportNode { accounts, degree, ..ExportNode::new(kind, format!("i{identifier}")) });
            }
            for (at, account) in accounts.iter().enumerate() {
                let edge = ExportEdge { source: at as u32, target: 0, weight: 0.3 + at as f32, count: 17, first_seen: 90_000, last_seen: 90_000 };
                let targets = account.4.iter().map(|&identifier| accounts.len() as u32 + identifier);
                graph.edges.extend(targets.map(|target| ExportEdge { target, ..edge }));
            }
            let before = graph.clone();
            k_anonymous(&mut graph, k);
            let of_accounts = |graph: &ExportGraph<'_>| graph.nodes.iter().filter(|node| node.kind == ACCOUNT).count();
            prop_assert_eq!(of_accounts(&graph), accounts.len());
            let shown = |node: &ExportNode<'_>| (node.created_at, node.tier, node.country, node.pathway);
            let nothing = (NO_TIME, NONE_U16, NONE_U16, NONE_U16);
            for node in graph.nodes.iter().filter(|node| node.kind == ACCOUNT && shown(node) != nothing) {
                let same = graph.nodes.iter().filter(|other| other.kind == ACCOUNT && shown(other) == shown(node)).count();
                prop_assert!(same as u32 >= k);
            }
            for node in graph.nodes.iter().filter(|node| node.kind == ACCOUNT) {
                prop_assert_eq!((node.evidence_bits.map(|bits| bits % 10.0), node.confidence), (Some(0.0), Some(1.0)));
                let same = |other: &&ExportNode<'_>| other.kind == ACCOUNT && other.community == node.community;
                prop_assert!(node.community.is_none() || graph.nodes.iter().filter(same).count() as u32 >= k);
            }
            prop_assert!(graph.edges.iter().all(|edge| edge.weight.fract() == 0.0 && edge.weight >= 1.0));
            let kept: Vec<u32> = (0..5).filter(|&identifier| users(identifier) >= k).collect();
            prop_assert_eq!(graph.nodes.len() - of_accounts(&graph), kept.len());
            prop_assert_eq!(graph.edges.len() as u32, kept.iter().map(|&identifier| users(identifier)).sum::<u32>());
            prop_assert_eq!(graph.left_out.small_identifiers, 5 - kept.len() as u64);
            for node in &graph.nodes {
                let counts = [node.degree, node.degree_shown.into(), node.hub_sightings, node.exchanges, node.accounts.into()];
                prop_assert_eq!(counts, counts.map(first_digit));
                prop_assert!(node.degree >= node.degree_shown.into());
            }
            let name = |graph: &ExportGraph<'_>, node: u32| graph.nodes[node as usize].value.to_string();
            let pair = |graph: &ExportGraph<'_>, edge: &ExportEdge| (name(graph, edge.source), name(graph, edge.target));
            let pairs = |graph: &ExportGraph<'_>| graph.edges.iter().map(|edge| pair(graph, edge)).collect::<Vec<_>>();
            let all = pairs(&before);
            prop_assert!(pairs(&graph).iter().all(|pair| all.contains(pair)));
        }
    }
}
