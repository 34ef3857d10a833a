//! The view of more accounts than can be drawn: a node for each group of accounts.
//!
//! 1. *Groups*: the accounts of a chosen network are one group; chosen accounts without a network are grouped by community.
//! 2. *Order*: networks by rank, then communities by size, largest first, ties to the lower label. Where the groups alone would
//!    take more than half of the limit, only that half is kept.
//! 3. *Identifiers*: those that carry evidence in at least two kept groups, those that join most groups first, ties to the
//!    lower id, as many as the limit leaves room for.
//! 4. *Edges*: one a pair of group and identifier, with the sums over the group's accounts.
//!
//! What steps 2 and 3 drop is counted in [`LeftOut`](super::view::LeftOut). Cost: O(sightings log sightings) time and one
//! group's sightings of memory.

use graph::{AccountId, IdentifierId, NONE_U32};

use super::choose::{Chosen, widen};
use super::view::{COMMUNITY, ExportEdge, ExportGraph, ExportNode};

/// A group of accounts, in the order in which groups are drawn: networks first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Network(u32),
    Community(u32),
}

/// A group and its accounts, ascending.
type Members = (Group, Vec<u32>);

/// Fills the graph with at most `max_nodes` nodes.
pub(crate) fn fill<'a>(chosen: &Chosen<'a>, max_nodes: usize, graph: &mut ExportGraph<'a>) {
    graph.about.collapsed = true;
    let (groups, dropped) = groups(chosen, max_nodes);
    graph.left_out.groups = dropped.len() as u64;
    graph.left_out.accounts = dropped.iter().map(|(_, accounts)| accounts.len() as u64).sum();
    let mut joined = vec![0u32; chosen.tied.len()];
    for (_, accounts) in &groups {
        for tie in ties(chosen, accounts) {
            joined[chosen.touched.place(tie.target)] += 1;
        }
    }
    let kept = keep_identifiers(chosen, &mut joined, max_nodes - groups.len(), graph);
    let mut node_of = joined;
    node_of.fill(NONE_U32);
    let mut identifiers: Vec<ExportNode<'a>> = Vec::with_capacity(kept.len());
    for identifier in kept {
        node_of[chosen.touched.place(identifier)] = (groups.len() + identifiers.len()) as u32;
        identifiers.push(chosen.identifier_node(IdentifierId(identifier)));
    }
    for (source, (group, accounts)) in groups.iter().enumerate() {
        graph.left_out.accounts_collapsed += accounts.len() as u64;
        graph.nodes.push(group_node(chosen, *group, accounts));
        for tie in ties(chosen, accounts) {
            let target = node_of[chosen.touched.place(tie.target)];
            if target == NONE_U32 {
                graph.left_out.sightings += u64::from(tie.source);
                continue;
            }
            graph.edges.push(ExportEdge { source: source as u32, target, ..tie });
        }
    }
    for (_, accounts) in &dropped {
        graph.left_out.sightings += ties(chosen, accounts).iter().map(|tie| u64::from(tie.source)).sum::<u64>();
    }
    graph.nodes.append(&mut identifiers);
}

/// The groups that are kept and those that are dropped, with their accounts.
fn groups(chosen: &Chosen<'_>, max_nodes: usize) -> (Vec<Members>, Vec<Members>) {
    let group_of = |account: u32| match chosen.network_of(AccountId(account)) {
        Some(network) => Group::Network(network),
        None => Group::Community(chosen.results.communities.get(account as usize).copied().unwrap_or(NONE_U32)),
    };
    let mut accounts: Vec<(Group, u32)> = chosen.accounts.iter().map(|&account| (group_of(account), account)).collect();
    accounts.sort_unstable();
    let mut groups: Vec<Members> = accounts
        .chunk_by(|a, b| a.0 == b.0)
        .map(|members| (members[0].0, members.iter().map(|&(_, account)| account).collect()))
        .collect();
    groups.sort_by_key(|(group, accounts)| match *group {
        Group::Network(rank) => (0, rank, 0),
        Group::Community(label) => (1, u32::MAX - accounts.len() as u32, label),
    });
    let limit = if groups.len() > max_nodes / 2 { max_nodes.div_ceil(2) } else { groups.len() };
    let dropped = groups.split_off(limit.min(groups.len()));
    (groups, dropped)
}

/// The identifiers that are drawn, ascending; counts the others.
fn keep_identifiers(chosen: &Chosen<'_>, joined: &mut [u32], room: usize, graph: &mut ExportGraph<'_>) -> Vec<u32> {
    let mut joining = chosen.counted_twice(joined);
    // Those within one group join nothing at this distance.
    let within = chosen.tied.iter().zip(joined.iter()).filter(|&(&tied, &joined)| tied >= 2 && joined < 2).count();
    graph.left_out.single_identifiers += within as u64;
    joining.sort_by_key(|&identifier| (std::cmp::Reverse(joined[chosen.touched.place(identifier)]), identifier));
    graph.left_out.identifiers = joining.len().saturating_sub(room) as u64;
    joining.truncate(room);
    joining.sort_unstable();
    joining
}

/// A group's sightings with evidence, one an identifier, ascending; `source` is the number of sightings behind it.
fn ties(chosen: &Chosen<'_>, accounts: &[u32]) -> Vec<ExportEdge> {
    let mut ties: Vec<ExportEdge> = Vec::new();
    for &account in accounts {
        chosen.each_tie(AccountId(account), |tie| ties.push(ExportEdge { source: 1, ..tie }));
    }
    // Stable: the sums run over the accounts in ascending order.
    ties.sort_by_key(|tie| tie.target);
    ties.dedup_by(|next, sum| {
        let same = next.target == sum.target;
        if same {
            sum.source += 1;
            sum.weight += next.weight;
            sum.count += next.count;
            widen(&mut sum.first_seen, &mut sum.last_seen, next.first_seen, next.last_seen);
        }
        same
    });
    ties
}

/// The node that stands for a group.
fn group_node<'a>(chosen: &Chosen<'a>, group: Group, accounts: &[u32]) -> ExportNode<'a> {
    let mut node = match group {
        Group::Network(network) => chosen.network_node(network),
        Group::Community(NONE_U32) => ExportNode::new(COMMUNITY, "none"),
        Group::Community(label) => {
            let mut node = ExportNode::new(COMMUNITY, format!("community-{label}"));
            node.community = Some(label);
            node
        }
    };
    node.accounts = accounts.len() as u32;
    for &account in accounts {
        let member = chosen.account_node(AccountId(account));
        node.degree += member.degree;
        node.hub_sightings += member.hub_sightings;
        node.exchanges += member.exchanges;
        widen(&mut node.first_seen, &mut node.last_seen, member.first_seen, member.last_seen);
    }
    node
}
