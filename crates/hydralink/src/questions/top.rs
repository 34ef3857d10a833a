//! Which nodes have most of something?
//!
//! | by | of an account | of an identifier |
//! |---|---|---|
//! | degree | identifiers it was seen with | accounts it was seen with |
//! | events | its exchanges | exchanges that showed it |
//! | bits | evidence of its membership in a network | `bits * (accounts - 1)`: what it adds to the ties that join its accounts |
//!
//! Cost: the first thousand are kept by the detection; beyond them O(nodes of the kind), for `events` their sightings.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rayon::prelude::*;
use serde::Serialize;

use crate::dataset::Dataset;
use crate::detect::last::not_detected;
use crate::error::Error;
use crate::node::Node;
use crate::query::{self, kept_then_scanned, nodes_as_shown, ordered};
use crate::results::foremost::Of;
use crate::results::{Labelling, Totals};
use crate::store::Reading;
use crate::ties::Ties;
use crate::time::rfc3339;

/// What nodes are ranked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum By {
    /// Nodes they were seen with.
    Degree,
    /// Exchanges.
    Events,
    /// Evidence.
    Bits,
}

/// One node of the ranking.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TopNode {
    /// `account:ID` or `KIND:VALUE`.
    pub node: String,
    /// `account`, or the kind of identifier.
    pub kind: String,
    /// Nodes it was seen with.
    pub degree: u64,
    /// Exchanges.
    pub exchanges: u64,
    /// Evidence, as the module defines it; nothing for an account of no candidate network, or before a detection.
    pub bits: Option<f64>,
    /// Class of an identifier.
    pub class: Option<String>,
    /// Flagged network.
    pub network: Option<String>,
    /// First seen.
    pub first_seen: Option<String>,
    /// Last seen.
    pub last_seen: Option<String>,
}

/// Nodes of a kind, most first, ties to the lower id: `account`, a kind of identifier, or all identifiers. Without the results of a
/// detection rows have no bits, class and network, and nothing can be ranked by bits.
///
/// # Errors
/// [`Error::Unknown`] for a kind that the store doesn't have; [`Error::NotDetected`] for bits where no results are given; as
/// [`Ties::of`].
pub fn top<'a>(
    dataset: &'a Dataset,
    results: Option<&'a Labelling>,
    by: By,
    kind: Option<&str>,
) -> Result<impl Iterator<Item = TopNode> + 'a, Error> {
    if results.is_none() && by == By::Bits {
        return Err(not_detected(dataset));
    }
    let ties = results.map(|results| Ties::of(dataset, results)).transpose()?;
    let graph = dataset.graph();
    let (ids, of) = match kind {
        Some("account") => (0..graph.account_count() as u32, Of::Accounts),
        Some(kind) => {
            let kind = dataset.kind(kind)?;
            (graph.identifiers_of_kind(kind), Of::Kind(kind))
        }
        None => (0..graph.identifier_count() as u32, Of::Identifiers),
    };
    let node: fn(u32) -> Node = if of == Of::Accounts { Node::account } else { Node::identifier };
    let kept = results.map_or(&[][..], |results| results.foremost.list(graph, by, of));
    let ranking = ties.clone();
    let scanned = move || {
        dataset.expect(Reading::Whole);
        let ids = ids.into_par_iter().with_min_len(4096);
        let ranked: Vec<(u64, Reverse<u32>)> =
            ids.map(|id| (measured(dataset, ranking.as_ref(), by, node(id)), Reverse(id))).collect();
        // Few of millions are asked for: a heap hands them out without sorting the rest.
        let mut order = BinaryHeap::from(ranked);
        std::iter::from_fn(move || order.pop()).map(|(_, Reverse(id))| id)
    };
    let (measuring, nodes) = (ties.clone(), kept_then_scanned(kept, scanned).map(node));
    let nodes = nodes_as_shown(dataset, nodes, move |node| measured(dataset, measuring.as_ref(), by, node));
    Ok(nodes.map(move |node| row(dataset, ties.as_ref(), node)))
}

/// What a node is ranked by, as a number that orders as it does.
pub(crate) fn measured(dataset: &Dataset, ties: Option<&Ties<'_>>, by: By, node: Node) -> u64 {
    ordered(match by {
        By::Degree => node.degree(dataset.graph()) as f64,
        By::Events => exchanges(dataset, node) as f64,
        By::Bits => ties.and_then(|ties| bits(dataset, ties, node)).unwrap_or(f64::NEG_INFINITY),
    })
}

fn exchanges(dataset: &Dataset, node: Node) -> u64 {
    match node {
        Node::Account(account) => query::exchanges_of(dataset, account),
        Node::Identifier(identifier) => query::exchanges_of_identifier(dataset.graph(), identifier),
    }
}

fn bits(dataset: &Dataset, ties: &Ties<'_>, node: Node) -> Option<f64> {
    match node {
        Node::Account(account) => {
            let results = ties.results();
            results.membership_of(account).map(|_| f64::from(results.evidence_bits[account.index()]))
        }
        Node::Identifier(identifier) => {
            let others = dataset.graph().identifier_degree(identifier).saturating_sub(1);
            Some(ties.bits_of(identifier) * others as f64)
        }
    }
}

fn row(dataset: &Dataset, ties: Option<&Ties<'_>>, node: Node) -> TopNode {
    let results = ties.map(Ties::results);
    let (kind, class, network, exchanges, span) = match node {
        Node::Account(account) => {
            let network =
                results.and_then(|results| results.flagged_network_of(account)).map(|(network, _)| network.id.clone());
            let exchanges = query::exchanges_of(dataset, account);
            ("account", None, network, exchanges, query::span_of_account(dataset, account))
        }
        Node::Identifier(identifier) => {
            let network = results.and_then(|results| results.tied_network(identifier)).filter(|network| network.flagged);
            let network = network.map(|network| network.id.clone());
            let totals =
                results.map_or_else(|| Totals::of(dataset, identifier), |results| results.totals_of(dataset, identifier));
            let Totals { exchanges, first_seen, last_seen } = totals;
            let class = results.map(|results| results.class_of(identifier).to_owned());
            (dataset.identifier_name(identifier).0, class, network, exchanges, (first_seen, last_seen))
        }
    };
    TopNode {
        node: dataset.label_of(node),
        kind: kind.to_owned(),
        degree: node.degree(dataset.graph()) as u64,
        exchanges,
        bits: ties.and_then(|ties| bits(dataset, ties, node)),
        class,
        network,
        first_seen: rfc3339(span.0),
        last_seen: rfc3339(span.1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_order_as_their_floats(one in prop::num::f64::ANY, other in prop::num::f64::ANY) {
            prop_assert_eq!(ordered(one).cmp(&ordered(other)), one.total_cmp(&other));
        }
    }
}
