//! Where does each vertex begin?
//!
//! Without a random number: on a sunflower (Vogel's spiral, which fills a disc evenly) in breadth-first order, so that
//! neighbours start near each other; or community by community, each on a disc of its own, so that the simulation needn't
//! untangle what is known already; or wherever the caller says. O(n) and O(communities^1.5).
//!
//! Reference: Vogel (1979), A better way to construct the sunflower head, doi:10.1016/0025-5564(79)90080-4.

use std::f64::consts::PI;

use super::local::LocalGraph;
use super::packing::pack_circles;
use crate::Partition;

/// Where each vertex begins.
#[derive(Clone, Copy, Debug)]
pub enum Start<'a> {
    /// On a spiral, in breadth-first order from each component's heaviest vertex.
    Spiral,
    /// The communities of a component side by side, the largest in the middle.
    Communities(&'a Partition),
    /// At these places, such as an earlier layout's; vertices without a finite place begin in the middle.
    Places(&'a [[f32; 2]]),
}

/// Space between neighbours at the start.
const SPACING: f32 = 4.0;

/// Point `rank` of a sunflower around the origin: `spacing * sqrt(rank)` out, one golden angle further than the last.
pub(super) fn sunflower(rank: u32, spacing: f32) -> [f32; 2] {
    let golden_angle = PI * (3.0 - 5f64.sqrt());
    let (sine, cosine) = (f64::from(rank) * golden_angle).sin_cos();
    let radius = f64::from(spacing) * f64::from(rank).sqrt();
    [(radius * cosine) as f32, (radius * sine) as f32]
}

/// The starting places of a component's vertices.
pub(super) fn starting_places(graph: &LocalGraph, start: Start<'_>) -> Vec<[f32; 2]> {
    match start {
        Start::Spiral => (0..graph.vertex_count() as u32).map(|vertex| sunflower(vertex, SPACING)).collect(),
        Start::Communities(partition) => by_community(graph, partition),
        Start::Places(places) => {
            let finite = |place: [f32; 2]| if place.iter().all(|at| at.is_finite()) { place } else { [0.0; 2] };
            graph.original.iter().map(|&vertex| finite(places[vertex as usize])).collect()
        }
    }
}

fn by_community(graph: &LocalGraph, partition: &Partition) -> Vec<[f32; 2]> {
    // Communities of this component, largest part first, ties to the lower number; their vertices in breadth-first order.
    let mut by_label: Vec<(u32, u32)> =
        graph.original.iter().enumerate().map(|(vertex, &original)| (partition.label_of(original), vertex as u32)).collect();
    by_label.sort_unstable();
    let mut communities: Vec<&[(u32, u32)]> = by_label.chunk_by(|one, other| one.0 == other.0).collect();
    communities.sort_by_key(|members| std::cmp::Reverse(members.len()));
    let radii: Vec<f64> = communities.iter().map(|members| f64::from(SPACING) * (members.len() as f64).sqrt()).collect();
    let mut places = vec![[0.0; 2]; graph.vertex_count()];
    for (members, middle) in communities.iter().zip(pack_circles(&radii)) {
        for (rank, &(_, vertex)) in members.iter().enumerate() {
            let offset = sunflower(rank as u32, SPACING);
            places[vertex as usize] = [middle[0] as f32 + offset[0], middle[1] as f32 + offset[1]];
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::super::config::EdgeWeights;
    use super::*;
    use crate::WeightedGraph;

    #[test]
    fn a_sunflower_fills_its_disc_evenly() {
        let points: Vec<_> = (0..2_000).map(|rank| sunflower(rank, 1.0)).collect();
        for (at, one) in points.iter().enumerate() {
            assert!((one[0].hypot(one[1]) - (at as f32).sqrt()).abs() < 1e-3);
            let nearest = points[..at].iter().map(|other| (one[0] - other[0]).hypot(one[1] - other[1]));
            assert!(nearest.fold(f32::MAX, f32::min) > 0.9);
        }
    }

    #[test]
    fn communities_start_apart() {
        let edges: Vec<_> = (1..60).map(|vertex| (0, vertex, 1.0)).collect();
        let graph = WeightedGraph::from_edges(60, &edges).expect("in range");
        let everything: Vec<u32> = (0..60).collect();
        let local = LocalGraph::new(&graph, &everything, &everything, EdgeWeights::Logarithmic);
        let partition = Partition::from_labels((0..60).map(|vertex| vertex % 3).collect());
        let places = starting_places(&local, Start::Communities(&partition));
        for (one, &vertex) in local.original.iter().enumerate() {
            for (other, &neighbor) in local.original.iter().enumerate().take(one) {
                let apart = (places[one][0] - places[other][0]).hypot(places[one][1] - places[other][1]);
                let same = partition.label_of(vertex) == partition.label_of(neighbor);
                assert!(apart > 0.0 && (!same || apart < 2.0 * SPACING * 20f32.sqrt()));
            }
        }
        let given = vec![[f32::NAN, 1.0]; 60];
        assert!(starting_places(&local, Start::Places(&given)).iter().all(|place| *place == [0.0; 2]));
    }
}
