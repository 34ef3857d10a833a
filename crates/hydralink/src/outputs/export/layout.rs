//! From the graph that is written to the graph that a layout runs on, and back.
//!
//! Weights are `ln(1 + bits)`, at most [`HEAVIEST`]: force-directed layouts draw clusters of heavy edges into single points
//! otherwise.

use ::graph::WeightedGraph;

use super::view::ExportGraph;
use crate::error::Error;

/// Edges don't pull harder than one of `e^3 - 1`, about 19 bits.
pub const HEAVIEST: f32 = 3.0;

/// The graph for a layout: vertex `v` is node `v`. O(nodes + edges).
///
/// # Errors
/// [`Error::Graph`] for an edge that ends outside the nodes.
pub fn layout_graph(graph: &ExportGraph<'_>) -> Result<WeightedGraph, Error> {
    let count = graph.nodes.len();
    let mut offsets = vec![0u64; count + 1];
    for edge in &graph.edges {
        for end in [edge.source, edge.target] {
            if end as usize >= count {
                let (found, bound) = (u64::from(end), count as u64);
                return Err(::graph::GraphError::OutOfRange { column: "edges", at: 0, found, bound }.into());
            }
            offsets[end as usize + 1] += 1;
        }
    }
    for vertex in 0..count {
        offsets[vertex + 1] += offsets[vertex];
    }
    let mut next = offsets.clone();
    let mut targets = vec![0u32; graph.edges.len() * 2];
    let mut weights = vec![0f32; graph.edges.len() * 2];
    // Edges ascend by (source, target), and a source is numbered before its targets: every row comes out ascending.
    for edge in &graph.edges {
        for (end, other) in [(edge.source, edge.target), (edge.target, edge.source)] {
            let at = next[end as usize] as usize;
            next[end as usize] += 1;
            targets[at] = other;
            weights[at] = edge.weight.ln_1p().min(HEAVIEST);
        }
    }
    // A projection has no other side.
    let left = graph.nodes.partition_point(|node| !node.is_identifier());
    Ok(WeightedGraph::from_rows(offsets, targets, weights, (left < count).then_some(left as u32))?)
}

/// Puts the nodes where a layout says.
///
/// # Errors
/// The layout's own; [`Error::Usage`] if it returned another number of places than there are nodes.
pub fn place(
    graph: &mut ExportGraph<'_>,
    positions: impl Fn(&WeightedGraph) -> Result<Vec<[f32; 2]>, Error>,
) -> Result<(), Error> {
    let places = positions(&layout_graph(graph)?)?;
    if places.len() != graph.nodes.len() {
        return Err(Error::Usage(format!("the layout placed {} of {} nodes", places.len(), graph.nodes.len())));
    }
    for (node, place) in graph.nodes.iter_mut().zip(places) {
        node.position = Some(place);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::testing;

    #[test]
    fn rows_ascend_and_mirror_each_other() {
        let graph = testing::toy();
        let weighted = layout_graph(&graph).unwrap();
        assert_eq!(weighted.entry_count(), graph.edges.len() * 2);
        for vertex in 0..weighted.vertex_count() as u32 {
            let row = weighted.neighbors_of(vertex);
            assert!(row.windows(2).all(|pair| pair[0] < pair[1]));
            for &other in row {
                assert!(weighted.neighbors_of(other).contains(&vertex));
            }
        }
        assert!(weighted.weights().iter().all(|&weight| weight > 0.0 && weight <= HEAVIEST));
    }

    #[test]
    fn a_layout_of_another_size_is_refused() {
        let mut graph = testing::toy();
        assert!(matches!(place(&mut graph, |_| Ok(Vec::new())), Err(Error::Usage(_))));
        place(&mut graph, |weighted| Ok(vec![[1.0, 2.0]; weighted.vertex_count()])).unwrap();
        assert_eq!(graph.nodes[0].position, Some([1.0, 2.0]));
    }
}
