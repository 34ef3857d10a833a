//! What an account shares with a network: what speaks for it, and what says nothing.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use graph::{AccountId, IdentifierId};
use serde::Serialize;

use super::Ballot;
use crate::dataset::Dataset;
use crate::node::Node;
use crate::results::Labelling;
use crate::ties::{Group, Ties};
use crate::time::rfc3339;

/// Identifiers that are listed as not counted; those that most members share.
pub const NOT_COUNTED: usize = 20;

/// An identifier that speaks for the network.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Ground {
    /// `KIND:VALUE`.
    pub identifier: String,
    /// Class.
    pub class: String,
    /// What it says for the network, before discounts for several of one kind.
    pub bits: f64,
    /// Accounts of the network seen with it, core and fringe.
    pub members: u64,
    /// Other accounts seen with it that only touch the network, and count for a tie as members do.
    pub touching: u64,
    /// All accounts seen with it.
    pub accounts: u64,
    /// Exchanges of the account that showed it.
    pub exchanges: u64,
    /// First of them, RFC 3339, if known.
    pub first_seen: Option<String>,
    /// Last of them.
    pub last_seen: Option<String>,
}

impl Ground {
    /// The days between which it was seen.
    pub fn days(&self) -> String {
        let day = |time: &Option<String>| time.as_deref().map_or("?", |time| &time[..time.len().min(10)]).to_owned();
        format!("{} to {}", day(&self.first_seen), day(&self.last_seen))
    }
}

/// An identifier that says nothing.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NotCounted {
    /// `KIND:VALUE`.
    pub identifier: String,
    /// Class.
    pub class: String,
    /// Accounts of the network seen with it, core and fringe.
    pub members: u64,
    /// Other accounts seen with it that only touch the network, and count for a tie as members do.
    pub touching: u64,
    /// All accounts seen with it.
    pub accounts: u64,
}

/// How many accounts but this one have an identifier and only touch the group.
fn touching<'g>(results: &Labelling, account: AccountId, group: &'g Group<'_>) -> impl Fn(IdentifierId) -> u64 + 'g {
    let is_ambiguous = results.membership_of(account).is_some_and(|(_, how)| !how.belongs());
    let own = if is_ambiguous { group.beside(account).own } else { 0 };
    move |identifier| u64::from(group.held(identifier) - group.belonging(identifier) - own)
}

pub(crate) fn grounds(
    dataset: &Dataset,
    results: &Labelling,
    account: AccountId,
    group: &Group<'_>,
    ballots: &[Ballot],
) -> Vec<Ground> {
    let graph = dataset.graph();
    let touching = touching(results, account, group);
    let ground = |&(identifier, bits): &Ballot| {
        let sighting = graph.sighting_between(account, identifier)?;
        Some(Ground {
            identifier: dataset.label_of(Node::Identifier(identifier)),
            class: results.class_of(identifier).to_owned(),
            bits,
            members: u64::from(group.belonging(identifier)),
            touching: touching(identifier),
            accounts: graph.identifier_degree(identifier) as u64,
            exchanges: u64::from(sighting.count),
            first_seen: rfc3339(sighting.first_seen),
            last_seen: rfc3339(sighting.last_seen),
        })
    };
    ballots.iter().filter_map(ground).collect()
}

/// What an account shares with others of a group and isn't counted: the first [`NOT_COUNTED`], and how many there are.
pub(crate) fn not_counted(
    ties: &Ties<'_>,
    account: AccountId,
    group: &Group<'_>,
    ballots: &[Ballot],
) -> (Vec<NotCounted>, u64) {
    let (dataset, results) = (ties.dataset(), ties.results());
    let graph = dataset.graph();
    let touching = touching(results, account, group);
    let counted: BTreeSet<IdentifierId> = ballots.iter().map(|&(identifier, _)| identifier).collect();
    let has = graph.identifiers_of(account).iter().copied().map(IdentifierId);
    let mut shared: Vec<IdentifierId> =
        has.filter(|identifier| group.held(*identifier) >= 2 && !counted.contains(identifier)).collect();
    shared.sort_by_key(|&identifier| (Reverse(group.held(identifier)), identifier));
    let all = shared.len() as u64;
    shared.truncate(NOT_COUNTED);
    let row = |identifier: IdentifierId| NotCounted {
        identifier: dataset.label_of(Node::Identifier(identifier)),
        class: results.class_of(identifier).to_owned(),
        members: u64::from(group.belonging(identifier)),
        touching: touching(identifier),
        accounts: graph.identifier_degree(identifier) as u64,
    };
    (shared.into_iter().map(row).collect(), all)
}
