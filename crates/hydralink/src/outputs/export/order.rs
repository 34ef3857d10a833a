//! In which order do nodes stand whose names are hidden?
//!
//! Accounts and identifiers are numbered in the order of their names. A file in that order, with pseudonyms in place of names, would
//! give away who is who to whoever has a list of the names. So where a kind is shown by pseudonyms, or by less than the whole, its
//! nodes stand in the order of what is shown. O(nodes log nodes + edges log edges).

use std::cmp::Reverse;

use super::view::{ACCOUNT, ExportGraph};

/// Puts the nodes of each kind, and what is listed beside them, in the order of what is shown of them.
pub(super) fn by_what_is_shown(graph: &mut ExportGraph<'_>) {
    let of_kind = |at: &u32| graph.nodes[*at as usize].kind;
    let mut order: Vec<u32> = (0..graph.nodes.len() as u32).collect();
    // Nodes of a kind stand together, but for accounts beside groups, which have their ranks.
    for run in order.chunk_by_mut(|one, other| of_kind(one) == of_kind(other)) {
        let node = &graph.nodes[run[0] as usize];
        if node.kind == ACCOUNT || node.is_identifier() {
            run.sort_by(|&one, &other| graph.nodes[one as usize].value.cmp(&graph.nodes[other as usize].value));
        }
    }
    let mut place = vec![0u32; order.len()];
    order.iter().zip(0..).for_each(|(&old, new)| place[old as usize] = new);
    let mut nodes: Vec<Option<_>> = std::mem::take(&mut graph.nodes).into_iter().map(Some).collect();
    graph.nodes = order.iter().filter_map(|&old| nodes[old as usize].take()).collect();
    for edge in &mut graph.edges {
        let ends = [edge.source, edge.target].map(|end| place[end as usize]);
        // Of a projection the first comes first; identifiers come after accounts as they are.
        (edge.source, edge.target) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
    }
    graph.edges.sort_unstable_by_key(|edge| (edge.source, edge.target));
    graph.hubs.sort_by(|one, other| {
        (one.kind, Reverse(one.accounts), &one.value).cmp(&(other.kind, Reverse(other.accounts), &other.value))
    });
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::super::view::{ExportEdge, ExportHub, ExportNode, NETWORK};
    use super::*;

    #[test]
    fn nodes_stand_in_the_order_of_what_is_shown_and_edges_lead_where_they_led() {
        let mut graph = testing::empty();
        graph.kinds.extend(["ip".to_owned(), "card".to_owned()]);
        let (ip, card) = (graph.kinds.len() as u16 - 2, graph.kinds.len() as u16 - 1);
        let named = [
            (NETWORK, "PN-2"),
            (NETWORK, "PN-1"),
            (ACCOUNT, "c"),
            (ACCOUNT, "a"),
            (ACCOUNT, "b"),
            (ip, "z"),
            (ip, "y"),
            (card, "x"),
        ];
        graph.nodes = named.iter().map(|&(kind, value)| ExportNode::new(kind, value)).collect();
        let edge = |(source, target)| ExportEdge { source, target, weight: 1.0, count: 1, first_seen: 0, last_seen: 0 };
        graph.edges = [(0, 5), (1, 7), (2, 4), (2, 6), (3, 5), (4, 7)].map(edge).to_vec();
        let hub = |value: &'static str, accounts| ExportHub {
            kind: ip,
            value: value.into(),
            class: None,
            policy: None,
            accounts,
            degree: 9,
            known_good: false,
        };
        graph.hubs = vec![hub("q", 2), hub("p", 2), hub("r", 3)];
        let pairs = |graph: &ExportGraph<'_>| {
            let name = |node: u32| graph.nodes[node as usize].value.to_string();
            let mut pairs: Vec<[String; 2]> = graph.edges.iter().map(|edge| [name(edge.source), name(edge.target)]).collect();
            pairs.iter_mut().for_each(|pair| pair.sort());
            pairs.sort();
            pairs
        };
        let before = pairs(&graph);
        by_what_is_shown(&mut graph);
        let values: Vec<&str> = graph.nodes.iter().map(|node| &*node.value).collect();
        assert_eq!(values, ["PN-2", "PN-1", "a", "b", "c", "y", "z", "x"]);
        assert_eq!(pairs(&graph), before);
        assert!(
            graph.edges.is_sorted_by_key(|edge| (edge.source, edge.target))
                && graph.edges.iter().all(|edge| edge.source < edge.target)
        );
        assert_eq!(graph.hubs.iter().map(|hub| &*hub.value).collect::<Vec<_>>(), ["r", "p", "q"]);
    }
}
