//! What a node was seen with.

use std::cmp::Reverse;

use serde::Serialize;

use super::{ordered, ties_as_shown};
use crate::dataset::Dataset;
use crate::error::Error;
use crate::node::Node;
use crate::results::Labelling;
use crate::time::rfc3339;

/// One neighbour of a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Neighbor {
    /// The node whose neighbour it is.
    pub of: String,
    /// `account:ID` or `KIND:VALUE`.
    pub node: String,
    /// Exchanges that showed both.
    pub exchanges: u64,
    /// First seen together.
    pub first_seen: Option<String>,
    /// Last seen together.
    pub last_seen: Option<String>,
    /// How many nodes the neighbour itself was seen with.
    pub degree: u64,
    /// Weight of the link in bits, in the graph that a detection searches, once one was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bits: Option<f32>,
    /// Class of the identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Flagged network.
    pub network: Option<String>,
}

/// What a node was seen with: strongest link first once a detection was run, else rarest identifier first.
///
/// # Errors
/// As [`show`](super::show).
pub fn neighbors(dataset: &Dataset, results: Option<&Labelling>, node: Node) -> Result<Vec<Neighbor>, Error> {
    Ok(nearest(dataset, results, node, None, usize::MAX)?.0.collect())
}

/// The first of [`neighbors`], of one kind if one is named (`account`, or a kind of identifier by its name or another word for it),
/// and how many there are. Rows are made as they are asked for; until then a neighbour takes 24 bytes, and where names are shown as
/// pseudonyms those that stand equal have a name each.
///
/// # Errors
/// As [`show`](super::show).
pub fn nearest<'a>(
    dataset: &'a Dataset,
    results: Option<&'a Labelling>,
    node: Node,
    kind: Option<&str>,
    most: usize,
) -> Result<(impl Iterator<Item = Neighbor> + 'a, usize), Error> {
    dataset.check(results, [node])?;
    let graph = dataset.graph();
    let of_identifiers = kind.and_then(|kind| dataset.kind_called(kind));
    let is_of_kind = |near: Node| match (kind, near) {
        (None, _) => true,
        (Some(kind), Node::Account(_)) => kind == "account",
        (Some(_), Node::Identifier(identifier)) => Some(graph.kind_of(identifier)) == of_identifiers,
    };
    let near = |node: Node, position: usize| {
        let bits = results.map_or(0.0, |results| results.weights[position]);
        Near { bits: Reverse(ordered(f64::from(bits))), degree: node.degree(graph) as u32, node, position: position as u32 }
    };
    let mut found: Vec<Near> = match node {
        Node::Account(account) => {
            let row = graph.identifiers_of(account).iter().zip(graph.sighting_range(account));
            row.map(|(&identifier, position)| near(Node::identifier(identifier), position)).collect()
        }
        Node::Identifier(identifier) => {
            let column = graph.accounts_of(identifier).iter().zip(graph.sightings_of_identifier(identifier));
            column.map(|(&account, &position)| near(Node::account(account), position as usize)).collect()
        }
    };
    found.retain(|near| is_of_kind(near.node));
    let count = found.len();
    if most < count {
        // Those that stand where the last of the first stands are kept with it: their names decide.
        let key = |near: &Near| (near.bits, near.degree);
        let last = key(found.select_nth_unstable_by_key(most.saturating_sub(1), key).1);
        found.retain(|near| key(near) <= last);
    }
    let of = dataset.label_of(node);
    let columns = graph.columns();
    let row = move |near: Near| {
        let (network, class) = match (results, near.node) {
            (None, _) => (None, None),
            (Some(results), Node::Account(account)) => (results.flagged_network_of(account).map(|found| found.0), None),
            (Some(results), Node::Identifier(id)) => (results.tied_network(id), Some(results.class_of(id).to_owned())),
        };
        let (node, position) = (near.node, near.position as usize);
        Neighbor {
            of: of.clone(),
            node: dataset.label_of(node),
            exchanges: u64::from(columns.counts[position]),
            first_seen: rfc3339(columns.first_seen[position]),
            last_seen: rfc3339(columns.last_seen[position]),
            degree: u64::from(near.degree),
            bits: results.map(|results| results.weights[position]),
            class,
            network: network.filter(|network| network.flagged).map(|network| network.id.clone()),
        }
    };
    by_name(dataset, &mut found);
    found.truncate(most);
    Ok((found.into_iter().map(row), count))
}

/// Sorts neighbours; those that stand equal by name.
fn by_name(dataset: &Dataset, found: &mut [Near]) {
    // Names stand in byte order: those of a kind are in the order of their numbers, as long as they are shown as they are.
    let kind = |near: &Near| match near.node {
        Node::Account(_) => "account",
        Node::Identifier(identifier) => dataset.kind_name(dataset.graph().kind_of(identifier)),
    };
    let number = |near: &Near| match near.node {
        Node::Account(account) => account.0,
        Node::Identifier(identifier) => identifier.0,
    };
    let key = |near: &Near| (near.bits, near.degree);
    found.sort_unstable_by(|a, b| {
        key(a).cmp(&key(b)).then_with(|| kind(a).cmp(kind(b))).then_with(|| number(a).cmp(&number(b)))
    });
    ties_as_shown(dataset, found, key, |near| near.node);
}

/// A neighbour before it has a name.
struct Near {
    bits: Reverse<u64>,
    degree: u32,
    node: Node,
    /// Of the sighting: a store has fewer than 2^32.
    position: u32,
}
