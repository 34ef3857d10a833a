//! What would the network be if a hub of its members linked like any other identifier?
//!
//! Suppressed is not absent: a carrier's gateway or a popular template that members share brought nobody in, and how many accounts
//! it would have brought says why. Counted is one hub at a time and one step: its accounts beside the network's, not those that
//! further identifiers would add. Cost: O(sightings of the network).

use graph::IdentifierId;
use serde::{Deserialize, Serialize};

use crate::node::Node;
use crate::ties::{Group, Ties};

/// The name of the policy of identifiers that link at a weight that falls with their degree.
const DOWN_WEIGHT: &str = "down_weight";
/// Hubs that are named: those that would bring most.
const NAMED: usize = 50;

/// A hub that links nobody on its own, and what the network would be if it did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KeptOut {
    /// `KIND:VALUE`.
    pub identifier: String,
    /// Class.
    pub class: String,
    /// What it may do: `co_occurrence_only` or `drop`.
    pub policy: String,
    /// Core and fringe accounts seen with it.
    pub members: u64,
    /// All accounts seen with it.
    pub accounts: u64,
    /// Accounts of the network and the hub together.
    pub would_be: u64,
}

/// The hubs that two members at least were seen with, those first that would bring most accounts.
pub(super) fn kept_out(ties: &Ties<'_>, group: &Group<'_>, members: u64) -> Vec<KeptOut> {
    let (dataset, results) = (ties.dataset(), ties.results());
    let row = |identifier: IdentifierId| {
        let own = u64::from(group.belonging(identifier));
        let accounts = dataset.linking_graph().identifier_degree(identifier) as u64;
        (own > 1).then(|| (members + accounts - own, own, accounts, identifier))
    };
    // What links at a lower weight isn't kept out.
    let is_out = |id: &IdentifierId| results.is_cut(*id) && results.policy_of(*id) != DOWN_WEIGHT;
    let cut = group.holdings().map(|(identifier, _)| IdentifierId(identifier)).filter(is_out);
    let mut rows: Vec<(u64, u64, u64, IdentifierId)> = cut.filter_map(row).collect();
    rows.sort_by_key(|&(would_be, own, _, identifier)| (std::cmp::Reverse((would_be, own)), identifier));
    rows.truncate(NAMED);
    let told = |(would_be, own, accounts, identifier): (u64, u64, u64, IdentifierId)| KeptOut {
        identifier: dataset.label_of(Node::Identifier(identifier)),
        class: results.class_of(identifier).to_owned(),
        policy: results.policy_of(identifier).to_owned(),
        members: own,
        accounts,
        would_be,
    };
    rows.into_iter().map(told).collect()
}
