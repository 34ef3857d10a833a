//! What would a list of actions that somebody else made do?
//!
//! The list names accounts to ban and identifiers to act on. Everything is counted as for a plan ([`super`]): exchanges stopped
//! on history, benign accounts expected to be hit (an account that belongs to a flagged network with confidence `c` is benign
//! with `1 - c`, any other one surely), and for each network that the list touches, what is left of it and which identifiers
//! would go on joining what is left. Cost: O(members of those networks + sightings of their identifiers and of the list's).

use std::collections::{BTreeMap, BTreeSet};

use graph::{AccountId, IdentifierId};
use serde::Serialize;

use super::interval::poisson_binomial;
use super::stopped::{Reach, Stakes};
use super::{Collateral, Replacement, Reviewed, Target, benign_expected, collateral, groups_left, replacement, reviewed};
use crate::dataset::Dataset;
use crate::error::Error;
use crate::node::Node;
use crate::query;
use crate::results::{Labelling, Membership};

/// Identifiers named that go on joining a network.
const JOINING: usize = 5;

/// One network that a list touches.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NetworkImpact {
    /// Its id.
    pub network: String,
    /// Accounts that belong.
    pub accounts: u64,
    /// How many of them the list bans.
    pub banned: u64,
    /// Exchanges of the network on record.
    pub exchanges: u64,
    /// How many of them stop.
    pub exchanges_stopped: u64,
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
pub struct Impact {
    /// Accounts that it bans.
    pub accounts_banned: u64,
    /// Identifiers that it acts on.
    pub identifiers_acted_on: u64,
    /// Accounts banned that belong to no flagged network: nothing here speaks for it.
    pub outside_networks: u64,
    /// The first of these accounts.
    pub outside_named: Vec<String>,
    /// Accounts and identifiers of the list that an allow list or a rejected case calls known-good.
    pub known_good: Vec<String>,
    /// Exchanges of the store.
    pub exchanges: u64,
    /// How many of them stop.
    pub exchanges_stopped: u64,
    /// Benign accounts expected to be hit.
    pub benign_expected: f64,
    /// 95% interval of the same.
    pub benign_interval: (u64, u64),
    /// Exchanges of benign accounts that are expected to be stopped with them.
    pub benign_exchanges_expected: f64,
    /// Benign accounts hit, by country.
    pub benign_by_country: BTreeMap<String, Collateral>,
    /// The same by pathway.
    pub benign_by_pathway: BTreeMap<String, Collateral>,
    /// What people found harmless so far, where they decided anything.
    pub reviewed: Option<Reviewed>,
    /// Flagged networks with an account or identifier on the list, by rank.
    pub networks: Vec<NetworkImpact>,
}

/// Accounts outside all networks that are named.
const NAMED: usize = 20;

/// Counts what a list of nodes would do.
///
/// # Errors
/// As [`Dataset::cases`] and [`Labelling::networks`].
pub fn impact(dataset: &Dataset, results: &Labelling, nodes: &[Node]) -> Result<Impact, Error> {
    let list: BTreeSet<Target> = nodes.iter().map(|node| target(*node)).collect();
    let listed_accounts: Vec<u32> = list.iter().filter_map(|target| account_of(*target)).collect();
    let listed_identifiers: Vec<u32> = list.iter().filter_map(|target| identifier_of(*target)).collect();

    // Whoever is hit and belongs to a flagged network counts for it; all others are benign.
    let places: BTreeSet<u32> = touched_networks(dataset, results, &list);
    let belongs = |account: u32| {
        let (_, membership) = results.flagged_network_of(AccountId(account))?;
        (membership != Membership::Ambiguous).then(|| results.network_of[account as usize])
    };
    let members: Vec<u32> = (0..dataset.graph().account_count() as u32)
        .filter(|&account| belongs(account).is_some_and(|network| places.contains(&network)))
        .collect();
    let doubt = |account: u32| 1.0 - f64::from(results.confidence[account as usize]).clamp(0.0, 1.0);
    let mut reached: Vec<(u32, f64)> = members.iter().map(|&member| (member, doubt(member))).collect();
    let outside: Vec<u32> = listed_accounts.iter().copied().filter(|&account| belongs(account).is_none()).collect();
    reached.extend(outside.iter().map(|&account| (account, 1.0)));
    reached.sort_by_key(|&(account, _)| account);
    let stakes = Stakes::new(dataset, &reached, &listed_identifiers);
    let mut reach = Reach::new(&stakes);
    list.iter().for_each(|&target| reach.take(target));

    let cards = results.networks(dataset, &places.iter().map(|&place| place as usize).collect::<Vec<usize>>())?;
    let networks = cards.iter().map(|network| {
        let place = network.index() as u32;
        let of_it: Vec<u32> = members.iter().copied().filter(|&member| results.network_of[member as usize] == place).collect();
        let own: Vec<u32> = (0..dataset.graph().identifier_count() as u32)
            .filter(|&identifier| results.network_of_identifier[identifier as usize] == place)
            .collect();
        let free: Vec<u32> = own.into_iter().filter(|own| !list.contains(&Target::Identifier(*own))).collect();
        let groups = groups_left(&reach, &of_it, &free);
        NetworkImpact {
            network: network.id.clone(),
            accounts: of_it.len() as u64,
            banned: of_it.iter().filter(|&&member| reach.is_banned(member)).count() as u64,
            exchanges: of_it.iter().map(|&member| query::exchanges_of(dataset, AccountId(member))).sum(),
            exchanges_stopped: reach.stopped_of(&of_it).round() as u64,
            members_left: groups.iter().sum(),
            members_still_linked: groups.iter().filter(|&&size| size > 1).sum(),
            largest_group_left: groups.iter().copied().max().unwrap_or(0),
            still_joined_by: still_joined_by(&reach, &of_it, &free),
            replacement: replacement(dataset, &of_it, network),
        }
    });
    let networks = networks.collect();
    let allowed = dataset.allowed()?;
    let is_good = |target: &&Target| match **target {
        Target::Account(account) => allowed.accounts.get(account as usize).copied().unwrap_or(false),
        Target::Identifier(identifier) => allowed.identifiers.get(identifier as usize).copied().unwrap_or(false),
    };
    let hit: Vec<u32> = reach.hit().map(|(account, _)| account).collect();
    let label = |account: &u32| dataset.label_of(Node::Account(AccountId(*account)));
    Ok(Impact {
        accounts_banned: listed_accounts.len() as u64,
        identifiers_acted_on: listed_identifiers.len() as u64,
        outside_networks: outside.len() as u64,
        outside_named: outside.iter().take(NAMED).map(label).collect(),
        known_good: list.iter().filter(is_good).map(|target| dataset.label_of(node(*target))).collect(),
        exchanges: (0..dataset.graph().account_count() as u32)
            .map(|account| query::exchanges_of(dataset, AccountId(account)))
            .sum(),
        exchanges_stopped: reach.stopped_of(&hit).round() as u64,
        benign_expected: benign_expected(&reach),
        benign_interval: poisson_binomial(hit.iter().map(|&account| stakes.risk_of(account))),
        benign_exchanges_expected: reach.benign_stopped(),
        benign_by_country: collateral(&reach, &dataset.accounts().country, &dataset.tables().countries),
        benign_by_pathway: collateral(&reach, &dataset.accounts().pathway, &dataset.tables().pathways),
        reviewed: reviewed(dataset, listed_accounts.len())?,
        networks,
    })
}

fn target(node: Node) -> Target {
    match node {
        Node::Account(account) => Target::Account(account.0),
        Node::Identifier(identifier) => Target::Identifier(identifier.0),
    }
}

fn node(target: Target) -> Node {
    match target {
        Target::Account(account) => Node::Account(AccountId(account)),
        Target::Identifier(identifier) => Node::Identifier(IdentifierId(identifier)),
    }
}

fn account_of(target: Target) -> Option<u32> {
    if let Target::Account(account) = target { Some(account) } else { None }
}

fn identifier_of(target: Target) -> Option<u32> {
    if let Target::Identifier(identifier) = target { Some(identifier) } else { None }
}

/// Places of the flagged networks that the list's accounts, or accounts seen with its identifiers, belong to.
fn touched_networks(dataset: &Dataset, results: &Labelling, list: &BTreeSet<Target>) -> BTreeSet<u32> {
    let network = |account: u32| results.flagged_network_of(AccountId(account)).map(|_| results.network_of[account as usize]);
    let touched = list.iter().flat_map(|&target| match target {
        Target::Account(account) => network(account).into_iter().collect::<Vec<u32>>(),
        Target::Identifier(identifier) => {
            dataset.graph().accounts_of(IdentifierId(identifier)).iter().filter_map(|&account| network(account)).collect()
        }
    });
    touched.collect()
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
