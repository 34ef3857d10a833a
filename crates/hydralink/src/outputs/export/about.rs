//! What a file says about itself before its first node, and what no reader will show as it is.

use std::fmt::Write;

use serde::Serialize;

use super::anonymity::first_digit;
use super::columns::rfc3339;
use super::view::ExportGraph;
use super::xml;

/// Values that a format or a known reader changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Fidelity {
    /// Characters that XML 1.0 can't hold: dropped from GraphML and GEXF, kept in the other formats.
    pub characters_dropped: u64,
    /// Values that hold `INF`, which Gephi shows as `Infinity`.
    pub values_with_inf: u64,
}

/// Looks through all values once.
pub fn fidelity(graph: &ExportGraph<'_>) -> Fidelity {
    let mut fidelity = Fidelity::default();
    for node in &graph.nodes {
        fidelity.characters_dropped += xml::illegal_in(&node.value);
        fidelity.values_with_inf += u64::from(node.value.contains("INF"));
    }
    fidelity
}

/// The file's description, several lines.
pub(crate) fn text(graph: &ExportGraph<'_>) -> String {
    let (about, left) = (&graph.about, &graph.left_out);
    let mut text = String::new();
    let mut line = |what: &str| {
        text.push_str(what);
        text.push('\n');
    };
    line(&format!("{}: {}", about.tool, about.selection));
    let view = if about.collapsed { "collapsed: a node stands for each group of accounts" } else { "every account is a node" };
    line(&format!("{} nodes, {} edges; {view}; values: {}", graph.nodes.len(), graph.edges.len(), about.level));
    if about.as_of != graph::NO_TIME {
        line(&format!("data up to {}", rfc3339(about.as_of)));
    }
    let mut counts = String::new();
    for (count, what) in [
        (left.accounts_collapsed, "accounts are only counted in their group"),
        (left.accounts, "accounts are left out (limit of nodes)"),
        (left.groups, "groups are left out (limit of nodes)"),
        (left.identifiers, "identifiers that join several are left out (limit of nodes)"),
        (left.single_identifiers, "identifiers join nothing here and are left out"),
        (left.hubs, "shared identifiers are suppressed as hubs and left out"),
        (left.hub_sightings, "sightings with hubs are left out"),
        (left.sightings, "other sightings are left out"),
        (left.needless_identifiers, "identifiers aren't needed to tie anybody (--minimal)"),
        (left.small_identifiers, "identifiers are of too few accounts to be shown (--k)"),
        (left.small_networks, "networks are of too few accounts to be shown (--k)"),
        (left.rejected_networks, "networks are rejected cases (--network names one all the same)"),
    ] {
        if count == 0 {
            continue;
        }
        match graph.told(count) {
            Some(count) if about.least == 0 => writeln!(counts, "not drawn: {count} {what}"),
            Some(count) => writeln!(counts, "not drawn: {} or more {what}", first_digit(count)),
            None => writeln!(counts, "not drawn: fewer than {} {what}", about.least),
        }
        .expect("a string takes everything");
    }
    text.push_str(if counts.is_empty() { "nothing of the selection is left out\n" } else { &counts });
    let fidelity = fidelity(graph);
    if fidelity.characters_dropped > 0 {
        writeln!(text, "{} characters that XML cannot hold were dropped", fidelity.characters_dropped).expect("as above");
    }
    if fidelity.values_with_inf > 0 {
        writeln!(text, "{} values hold INF, which Gephi shows as Infinity", fidelity.values_with_inf).expect("as above");
    }
    text.push_str(
        "weight: evidence in bits that sharing the identifier carries; size: square root of degree_shown; \
         degree counts the whole data; network_score in bits\n",
    );
    text
}
