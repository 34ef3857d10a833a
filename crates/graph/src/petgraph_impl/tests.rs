//! petgraph's algorithms on our graph, against petgraph's own and ours.

use std::collections::BTreeSet;

use petgraph::algo;
use petgraph::graph::{NodeIndex, UnGraph};
use petgraph::visit::{Bfs, Dfs};
use proptest::prelude::*;

use super::*;
use crate::testing::{any_bipartite, bipartite};
use crate::{IdentifierFilter, Keep, bipartite_components, cohesion};

#[test]
fn both_sides_of_a_sighting_show_one_edge() {
    let graph = bipartite(2, 2, &[(0, 1), (1, 0), (1, 1)]);
    let seen = |vertex| graph.edges(VertexId(vertex)).map(|edge| (edge.target.0, edge.position)).collect::<Vec<_>>();
    assert_eq!([seen(0), seen(1), seen(2), seen(3)], [vec![(3, 0)], vec![(2, 1), (3, 2)], vec![(1, 1)], vec![(0, 0), (1, 2)]]);
    assert!(graph.is_adjacent(&(), VertexId(3), VertexId(0)) && !graph.is_adjacent(&(), VertexId(0), VertexId(1)));
    assert_eq!(graph.vertex(VertexId(3)), Vertex::Identifier(IdentifierId(1)));
    assert!(CostedGraph::new(&graph, &[1.0]).is_err());
}

#[test]
fn a_set_of_vertices_forgets() {
    let mut set = VertexSet::empty(70);
    assert!(set.visit(VertexId(69)) && !set.visit(VertexId(69)) && set.is_visited(&VertexId(69)));
    assert!(set.unvisit(VertexId(69)) && !set.unvisit(VertexId(69)) && !set.is_visited(&VertexId(69)));
}

/// The same graph copied into petgraph's own type: the oracle.
fn copied(view: &CostedGraph<'_>) -> UnGraph<(), f32> {
    let mut copy = UnGraph::new_undirected();
    for _ in 0..view.graph.vertex_count() {
        copy.add_node(());
    }
    for position in 0..view.graph.sighting_count() {
        let sighting = view.graph.sighting(position);
        let cost = view.costs[sighting.identifier.index()];
        if cost.is_finite() {
            let identifier = view.graph.vertex_of_identifier(sighting.identifier);
            copy.add_edge(NodeIndex::new(sighting.account.index()), NodeIndex::new(identifier.0 as usize), cost);
        }
    }
    copy
}

fn any_costs() -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec(prop_oneof![4 => (1u8..9).prop_map(f32::from), 1 => Just(f32::INFINITY), 1 => Just(f32::NAN)], 16)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn algorithms_agree_with_a_copied_graph(graph in any_bipartite(), costs in any_costs()) {
        let view = CostedGraph::new(&graph, &costs[..graph.identifier_count()]).expect("one cost each");
        let copy = copied(&view);
        prop_assert_eq!(view.edge_count(), copy.edge_count());
        prop_assert_eq!(view.edge_references().count(), copy.edge_count());
        prop_assert_eq!(algo::connected_components(&view), algo::connected_components(&copy));
        let points = |ids: Vec<usize>| ids.into_iter().collect::<BTreeSet<_>>();
        prop_assert_eq!(
            points(algo::articulation_points::articulation_points(&view).into_iter().map(|vertex| vertex.0 as usize).collect()),
            points(algo::articulation_points::articulation_points(&copy).into_iter().map(NodeIndex::index).collect())
        );
        let Some(last) = graph.vertex_count().checked_sub(1) else { return Ok(()) };
        let (start, there) = (VertexId(0), NodeIndex::new(0));
        let distances = algo::dijkstra(&view, start, None, |edge| edge.cost());
        let expected = algo::dijkstra(&copy, there, None, |edge| *edge.weight());
        prop_assert_eq!(distances.len(), expected.len());
        for (vertex, distance) in distances {
            prop_assert_eq!(expected.get(&NodeIndex::new(vertex.0 as usize)), Some(&distance));
        }
        let second = algo::k_shortest_path(&view, start, None, 2, |edge| edge.cost());
        let expected = algo::k_shortest_path(&copy, there, None, 2, |edge| *edge.weight());
        prop_assert_eq!(second.len(), expected.len());
        for (vertex, distance) in second {
            prop_assert_eq!(expected.get(&NodeIndex::new(vertex.0 as usize)), Some(&distance));
        }
        let goal = VertexId(last as u32);
        let path = algo::astar(&view, start, |vertex| vertex == goal, |edge| edge.cost(), |_| 0.0);
        let expected = algo::astar(&copy, there, |node| node.index() == last, |edge| *edge.weight(), |_| 0.0);
        prop_assert_eq!(path.as_ref().map(|path| path.0), expected.map(|path| path.0));
        for pair in path.map_or(Vec::new(), |path| path.1).windows(2) {
            prop_assert!(view.is_adjacent(&(), pair[0], pair[1]));
        }
    }

    #[test]
    fn searches_and_bridges_agree_with_our_own(graph in any_bipartite(), marks in prop::collection::vec(any::<bool>(), 16)) {
        let marks = &marks[..graph.identifier_count()];
        let costs: Vec<f32> = marks.iter().map(|&open| if open { 1.0 } else { f32::INFINITY }).collect();
        let view = CostedGraph::new(&graph, &costs).expect("one cost each");
        let filter = IdentifierFilter { keep: Keep::Marked(marks), ..Default::default() };
        let mut bridges: Vec<u32> = algo::bridges::bridges(&view).map(|edge| edge.id()).collect();
        bridges.sort_unstable();
        prop_assert_eq!(bridges, cohesion(&graph, &filter).bridges);

        let components = bipartite_components(&graph, &IdentifierFilter::default());
        for start in 0..graph.vertex_count() as u32 {
            let mut reached = vec![false; graph.vertex_count()];
            let mut search = Bfs::new(&graph, VertexId(start));
            while let Some(vertex) = search.next(&graph) {
                reached[vertex.0 as usize] = true;
            }
            let mut count = 0;
            let mut search = Dfs::new(&graph, VertexId(start));
            while let Some(vertex) = search.next(&graph) {
                prop_assert!(reached[vertex.0 as usize]);
                count += 1;
            }
            prop_assert_eq!(count, reached.iter().filter(|&&reached| reached).count());
            for vertex in 0..graph.vertex_count() as u32 {
                prop_assert_eq!(reached[vertex as usize], components.label_of(vertex) == components.label_of(start));
            }
        }
    }
}
