//! What would a list of actions that somebody else made do?
//!
//! The list names accounts to ban and identifiers to act on. Everything is counted as for a plan ([`super`]): exchanges stopped
//! on history, benign accounts expected to be hit (an account of a flagged network is benign if the network is none, and with
//! `1 - c` if it is one and the account belongs with confidence `c`; any other one surely), and for each network that the list
//! touches, what is left of it and which identifiers would go on joining what is left. Cost: O(members of those networks +
//! sightings of their identifiers and of the list's).

use std::collections::{BTreeMap, BTreeSet};

use graph::{AccountId, IdentifierId};
use serde::Serialize;

use super::left::{groups_left, replacement};
use super::stopped::{Group, Reach, Stakes};
use super::{Harm, Replacement, Target, Traffic, banned, belonging, harm, labels};
use crate::dataset::Dataset;
use crate::error::Error;
use crate::lineage;
use crate::node::Node;
use crate::results::Labelling;
use crate::review::Chances;
use crate::roles::{AccountRole, is_compromised, with_role};

/// Identifiers named that go on joining a network.
const JOINING: usize = 5;

/// One network that a list touches.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NetworkImpact {
    /// Its id.
    pub network: String,
    /// The chance that it is a network ([`crate::review`](mod@crate::review)).
    pub chance: f64,
    /// Accounts of it that are hit, by bans or through identifiers: harmless, all of them, if it is none.
    pub benign_if_none: u64,
    /// Accounts that belong.
    pub accounts: u64,
    /// Those of them that are banned already and therefore left out; 0 as if nobody were.
    pub already_banned: u64,
    /// How many of them the list bans.
    pub banned: u64,
    /// What of the network's traffic stops.
    #[serde(flatten)]
    pub traffic: Traffic,
    /// Members that aren't banned.
    pub members_left: u64,
    /// Those of them that an identifier of the network which isn't acted on still joins to another.
    pub members_still_linked: u64,
    /// The largest group of those.
    pub largest_group_left: u64,
    /// The identifiers that join most of them, with how many: what to act on next.
    pub still_joined_by: Vec<(String, u64)>,
    /// What to expect as replacement; nothing without two creation times.
    pub replacement: Option<Replacement>,
}

/// What a list of actions does.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Impact {
    /// Accounts that it bans.
    pub accounts_banned: u64,
    /// Those of them that are banned already: of them there is nothing to stop, unless what a ban would have stopped was asked for.
    pub already_banned: u64,
    /// Identifiers that it acts on.
    pub identifiers_acted_on: u64,
    /// Accounts banned that belong to no flagged network: nothing here speaks for it.
    pub outside_networks: u64,
    /// The first of these accounts.
    pub outside_named: Vec<String>,
    /// Accounts of the list that an operator came to use beside their owners ([`crate::roles`]): harmless, and hit.
    pub compromised: Vec<String>,
    /// Accounts of the list that may be taken over from their owners: held to be the operator's, to be looked at before a ban.
    pub possibly_taken_over: Vec<String>,
    /// Accounts of the list that have nothing of their network but addresses ([`crate::roles`]): to be looked at before a ban.
    pub possible_customers: Vec<String>,
    /// Accounts and identifiers of the list that an allow list or a rejected case calls known-good.
    pub known_good: Vec<String>,
    /// What of the store's traffic stops.
    #[serde(flatten)]
    pub traffic: Traffic,
    /// Whom that hits.
    #[serde(flatten)]
    pub harm: Harm,
    /// Flagged networks with an account or identifier on the list, by rank.
    pub networks: Vec<NetworkImpact>,
}

/// Accounts outside all networks that are named.
const NAMED: usize = 20;

/// Counts what a list of nodes would do; `as_if_unbanned`: would have done before anybody was banned.
///
/// # Errors
/// As [`Dataset::cases`] and [`Labelling::networks`].
pub fn impact(dataset: &Dataset, results: &Labelling, nodes: &[Node], as_if_unbanned: bool) -> Result<Impact, Error> {
    dataset.check(Some(results), nodes.iter().copied())?;
    let is_out_of_reach = |account: u32| !as_if_unbanned && dataset.is_banned(AccountId(account));
    let list: BTreeSet<Target> = nodes.iter().map(|&node| node.into()).collect();
    let (mut accounts, mut identifiers) = (Vec::new(), Vec::new());
    for target in &list {
        match *target {
            Target::Account(account) => accounts.push(account),
            Target::Identifier(identifier) => identifiers.push(identifier),
        }
    }

    // Whoever is hit and belongs to a flagged network counts for it; all others are benign.
    let belongs_to =
        |account: u32| results.flagged_network_of(AccountId(account)).map(|_| results.network_of[account as usize] as usize);
    let acted_on = || accounts.iter().copied().filter(|&account| !is_out_of_reach(account));
    let outside: Vec<u32> = acted_on().filter(|&account| belongs_to(account).is_none()).collect();
    let met = identifiers.iter().flat_map(|&identifier| dataset.graph().accounts_of(IdentifierId(identifier)));
    let places: BTreeSet<usize> = accounts.iter().chain(met).filter_map(|&account| belongs_to(account)).collect();
    let touched = results.networks(dataset, &places.into_iter().collect::<Vec<usize>>())?;
    let (chances, cases) = (Chances::of(dataset, results)?, dataset.cases()?);
    let allowed = dataset.allowed()?;
    let group = |network| belonging(dataset, results, network, &chances, &cases, &allowed).0;
    let mut groups: Vec<Group> = touched.iter().map(group).collect();
    let everyone: Vec<Vec<u32>> = groups.iter_mut().map(|group| group.leave_in_reach(is_out_of_reach)).collect();
    groups.push(Group { chance: 1.0, members: outside.iter().map(|&account| (account, 1.0)).collect() });
    let stakes = Stakes::new(dataset, &groups, &identifiers, is_out_of_reach);
    let mut reach = Reach::new(&stakes);
    let is_taken = |target: &Target| !matches!(target, Target::Account(account) if is_out_of_reach(*account));
    list.iter().filter(|target| is_taken(target)).for_each(|&target| reach.take(target));

    let last_event = lineage::last_event(dataset)?;
    let networks = touched.iter().zip(&groups).zip(&everyone).map(|((network, group), everyone)| {
        let members: Vec<u32> = group.members.iter().map(|&(account, _)| account).collect();
        let mut free = results.own_identifiers(dataset, network.index()).into_owned();
        free.retain(|&own| !list.contains(&Target::Identifier(own)));
        let groups = groups_left(&reach, &members, &free);
        NetworkImpact {
            network: network.id.clone(),
            chance: group.chance,
            benign_if_none: members.iter().filter(|&&member| reach.is_hit(member)).count() as u64,
            accounts: everyone.len() as u64,
            already_banned: (everyone.len() - members.len()) as u64,
            banned: members.iter().filter(|&&member| reach.is_banned(member)).count() as u64,
            traffic: Traffic::of_members(&reach, &members),
            members_left: groups.iter().sum(),
            members_still_linked: groups.iter().filter(|&&size| size > 1).sum(),
            largest_group_left: groups.iter().copied().max().unwrap_or(0),
            still_joined_by: still_joined_by(&reach, &members, &free),
            replacement: replacement(dataset, results, everyone, network, last_event),
        }
    });
    let networks = networks.collect();
    let is_good = |node: &&Node| match **node {
        Node::Account(account) => allowed.has_account(account),
        Node::Identifier(identifier) => allowed.identifiers.get(identifier.index()).copied().unwrap_or(false),
    };
    let good: BTreeMap<Target, &Node> = nodes.iter().filter(is_good).map(|node| (Target::from(*node), node)).collect();
    let hit: Vec<u32> = reach.hit().map(|(account, _)| account).collect();
    Ok(Impact {
        accounts_banned: accounts.len() as u64,
        already_banned: accounts.iter().filter(|&&account| dataset.is_banned(AccountId(account))).count() as u64,
        identifiers_acted_on: identifiers.len() as u64,
        outside_networks: outside.len() as u64,
        outside_named: labels(dataset, outside.iter().take(NAMED).copied().map(AccountId)),
        compromised: labels(dataset, banned(&reach).filter(|&account| is_compromised(dataset, results, account))),
        possibly_taken_over: labels(dataset, with_role(dataset, results, banned(&reach), AccountRole::PossiblyTakenOver)),
        possible_customers: labels(dataset, with_role(dataset, results, banned(&reach), AccountRole::PossiblyACustomer)),
        known_good: good.into_values().map(|node| dataset.label_of(*node)).collect(),
        traffic: Traffic::of_store(results, &reach, &hit),
        harm: harm(&reach)?,
        networks,
    })
}

/// Of the identifiers that weren't acted on, those that join most of the members that aren't banned.
fn still_joined_by(reach: &Reach<'_>, members: &[u32], free: &[u32]) -> Vec<(String, u64)> {
    let graph = reach.stakes.dataset.graph();
    let left = |account: &&u32| members.binary_search(account).is_ok() && !reach.is_banned(**account);
    let mut joined: Vec<(u64, u32)> = free
        .iter()
        .map(|&identifier| (graph.accounts_of(IdentifierId(identifier)).iter().filter(left).count() as u64, identifier))
        .filter(|&(joined, _)| joined > 1)
        .collect();
    joined.sort_unstable_by_key(|&(joined, identifier)| (std::cmp::Reverse(joined), identifier));
    let label = |identifier| reach.stakes.dataset.label_of(Node::Identifier(IdentifierId(identifier)));
    joined.into_iter().take(JOINING).map(|(joined, identifier)| (label(identifier), joined)).collect()
}

#[cfg(test)]
mod tests {
    use events::IngestConfig;

    use super::*;
    use crate::observe::Unobserved;

    /// Of an account with one long and three short exchanges; its templates are known to the events, its addresses aren't.
    fn tokens_stopped(tokens: [&str; 4], nodes: &[&str]) -> (Option<u64>, Option<u64>, Option<f64>, bool) {
        let folder = tempfile::tempdir().unwrap();
        let mut text = "timestamp,account_id,ip,template,tokens\n".to_owned();
        for (second, tokens) in tokens.iter().enumerate() {
            let (address, template) = (1 + second / 2, if second == 0 { "long" } else { "short" });
            text.push_str(&format!("2026-03-01T00:00:0{second}Z,a,198.51.100.{address},{template},{tokens}\n"));
        }
        text.push_str("2026-03-01T00:00:09Z,b,198.51.100.9,short,\n");
        let (events, store) = (folder.path().join("events.csv"), folder.path().join("store"));
        std::fs::write(&events, text).unwrap();
        crate::build(&[events], &store, &IngestConfig::default(), &Unobserved).unwrap();
        crate::detect(&store, &crate::DetectConfig::default(), &Unobserved).unwrap();
        let dataset = Dataset::open(&store).unwrap();
        let nodes: Vec<Node> = nodes.iter().map(|node| dataset.node(node).unwrap()).collect();
        let impact = impact(&dataset, &dataset.labelling().unwrap(), &nodes, false).unwrap();
        let Traffic { tokens, tokens_stopped, tokens_estimated, .. } = impact.traffic;
        (tokens, tokens_stopped, impact.harm.benign_tokens_expected, tokens_estimated)
    }

    #[test]
    fn tokens_are_counted_where_events_say_them_and_else_estimated() {
        let of = |nodes: &[&str]| tokens_stopped(["970", "10", "10", "10"], nodes);
        assert_eq!(of(&["account:a"]), (Some(1000), Some(1000), Some(1000.0), false));
        // A quarter of the exchanges, and nearly all tokens.
        assert_eq!(of(&["prompt_template_hash:long"]), (Some(1000), Some(970), Some(970.0), false));
        // Half of the exchanges: taken to be half of the tokens.
        assert_eq!(of(&["ip:198.51.100.1"]), (Some(1000), Some(500), Some(500.0), true));
        // Of the long one nothing goes on; of the short ones what isn't on the address.
        assert_eq!(of(&["prompt_template_hash:long", "ip:198.51.100.1"]).1, Some(985));
        // Nobody says how many it had: that is not none.
        assert_eq!(of(&["account:b"]), (Some(1000), None, None, false));
        // Both of its addresses are all of it.
        assert_eq!(of(&["ip:198.51.100.1", "ip:198.51.100.2"]), (Some(1000), Some(1000), Some(1000.0), false));
        assert_eq!(tokens_stopped(["", "0", "", ""], &["account:a"]), (None, None, None, false));
    }
}
