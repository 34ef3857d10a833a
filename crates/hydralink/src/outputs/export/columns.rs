//! The attribute dictionary: what every format says of a node and of an edge, under one set of names.
//!
//! | node column | meaning |
//! |---|---|
//! | `kind`, `value` | what it is; together unique |
//! | `network`, `rank`, `network_score` | the network it belongs to or ties together |
//! | `membership`, `confidence`, `evidence_bits` | how an account belongs, how surely if its network is one, on how much evidence |
//! | `role`, `known_good` | as what an account belongs or touches ([`crate::roles`]), and whether nothing is to be done about it |
//! | `class`, `policy` | how an identifier was classified and used |
//! | `accounts` | chosen accounts behind the node |
//! | `degree`, `degree_shown`, `hub_sightings` | neighbours in the data, in this file, and suppressed ones |
//! | `exchanges`, `first_seen`, `last_seen` | how much and when in the whole data, as `show` tells it; edges say it of the pair |
//! | `created_at`, `banned_at`, `country`, `tier`, `pathway` | what the account table says |
//! | `community`, `component` | labels of the last detection |
//!
//! An edge has `relation` (the identifier's kind), `weight` (bits), `count` (exchanges), `first_seen` and `last_seen`; in a
//! projection `relation` is `account`, `weight` the bits of all that the two share, and `count` the identifiers. A value
//! that isn't known is left out, never written as 0 or as an empty number.

use graph::{NO_TIME, Seconds};
use jiff::Timestamp;

use super::view::{ACCOUNT, ExportEdge, ExportGraph, ExportNode};
use crate::results::Membership;
use crate::roles::AccountRole;

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Text,
    Whole,
    Real,
    Time,
    Flag,
}

/// A value of a column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Text(&'a str),
    Whole(u64),
    Single(f32),
    Double(f64),
    Time(Seconds),
    Flag(bool),
    Missing,
}

/// A named column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named {
    pub(crate) name: &'static str,
    pub(crate) kind: Type,
}

const fn named(name: &'static str, kind: Type) -> Named {
    Named { name, kind }
}

/// Columns of a node, in the order of [`node_cells`].
pub(crate) const NODE_COLUMNS: [Named; 26] = [
    named("kind", Type::Text),
    named("value", Type::Text),
    named("network", Type::Text),
    named("rank", Type::Whole),
    named("network_score", Type::Real),
    named("membership", Type::Text),
    named("confidence", Type::Real),
    named("evidence_bits", Type::Real),
    named("class", Type::Text),
    named("policy", Type::Text),
    named("accounts", Type::Whole),
    named("degree", Type::Whole),
    named("degree_shown", Type::Whole),
    named("hub_sightings", Type::Whole),
    named("exchanges", Type::Whole),
    named("first_seen", Type::Time),
    named("last_seen", Type::Time),
    named("created_at", Type::Time),
    named("banned_at", Type::Time),
    named("country", Type::Text),
    named("tier", Type::Text),
    named("pathway", Type::Text),
    named("community", Type::Whole),
    named("component", Type::Whole),
    named("role", Type::Text),
    named("known_good", Type::Flag),
];

/// Columns of an edge, in the order of [`edge_cells`].
pub(crate) const EDGE_COLUMNS: [Named; 5] = [
    named("relation", Type::Text),
    named("weight", Type::Real),
    named("count", Type::Whole),
    named("first_seen", Type::Time),
    named("last_seen", Type::Time),
];

/// What is known of a node.
pub(crate) fn node_cells<'a>(graph: &'a ExportGraph<'_>, node: &'a ExportNode<'_>) -> [Cell<'a>; NODE_COLUMNS.len()] {
    let network = graph.network_of(node);
    [
        Cell::Text(graph.kind_name(node)),
        Cell::Text(&node.value),
        Cell::text(network.map(|network| network.id.as_str())),
        Cell::whole(network.map(|network| network.rank)),
        Cell::double(network.map(|network| network.score)),
        Cell::text(node.shown_membership().map(Membership::name)),
        Cell::single(node.confidence),
        Cell::single(node.evidence_bits),
        Cell::text(graph.class_name(node.class)),
        Cell::text(graph.policy_name(node.policy)),
        Cell::count(graph.told(node.accounts.into())),
        Cell::count(graph.told(node.degree)),
        Cell::count(graph.told(node.degree_shown.into())),
        Cell::count(graph.told(node.hub_sightings)),
        Cell::count(graph.told(node.exchanges)),
        Cell::time(node.first_seen),
        Cell::time(node.last_seen),
        Cell::time(node.created_at),
        Cell::time(node.banned_at),
        Cell::text(graph.country_name(node)),
        Cell::text(graph.tier_name(node)),
        Cell::text(graph.pathway_name(node)),
        Cell::whole(node.community),
        Cell::whole(node.component),
        Cell::text(node.shown_role().map(AccountRole::name)),
        known_good(graph, node),
    ]
}

/// Whether an account is known-good; missing where so little is told that few may be.
pub(crate) fn known_good(graph: &ExportGraph<'_>, node: &ExportNode<'_>) -> Cell<'static> {
    if node.kind == ACCOUNT && graph.about.least == 0 { Cell::Flag(node.known_good) } else { Cell::Missing }
}

/// What is known of an edge.
pub(crate) fn edge_cells<'a>(graph: &'a ExportGraph<'_>, edge: &ExportEdge) -> [Cell<'a>; EDGE_COLUMNS.len()] {
    [
        Cell::Text(graph.kind_name(&graph.nodes[edge.target as usize])),
        Cell::Single(edge.weight),
        Cell::count(graph.told(edge.count)),
        Cell::time(edge.first_seen),
        Cell::time(edge.last_seen),
    ]
}

impl<'a> Cell<'a> {
    /// Text; an empty one is missing.
    pub(crate) fn text(value: Option<&'a str>) -> Self {
        value.filter(|value| !value.is_empty()).map_or(Cell::Missing, Cell::Text)
    }

    /// A count.
    pub(crate) fn count(value: Option<u64>) -> Self {
        value.map_or(Cell::Missing, Cell::Whole)
    }

    /// A whole number.
    pub(crate) fn whole(value: Option<u32>) -> Self {
        value.map_or(Cell::Missing, |value| Cell::Whole(u64::from(value)))
    }

    /// A real number; one that isn't finite is missing.
    pub(crate) fn single(value: Option<f32>) -> Self {
        value.filter(|value| value.is_finite()).map_or(Cell::Missing, Cell::Single)
    }

    /// A real number; one that isn't finite is missing.
    pub(crate) fn double(value: Option<f64>) -> Self {
        value.filter(|value| value.is_finite()).map_or(Cell::Missing, Cell::Double)
    }

    /// A time; `NO_TIME` is missing.
    pub(crate) fn time(value: Seconds) -> Self {
        if value == NO_TIME { Cell::Missing } else { Cell::Time(value) }
    }
}

/// A time as RFC 3339 in UTC, whole seconds.
pub(crate) fn rfc3339(seconds: Seconds) -> Timestamp {
    Timestamp::from_second(i64::from(seconds)).expect("every u32 of seconds is a time that jiff knows")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_missing() {
        assert_eq!(
            [Cell::text(Some("")), Cell::single(Some(f32::NAN)), Cell::time(NO_TIME), Cell::whole(None)],
            [Cell::Missing; 4]
        );
        assert_eq!(rfc3339(1_767_225_600).to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(rfc3339(Seconds::MAX).to_string(), "2106-02-07T06:28:15Z");
    }
}
