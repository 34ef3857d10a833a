//! What does it look like?
//!
//! [`layout`] draws a [`WeightedGraph`] in the plane, so that vertices which are tied lie together: ForceAtlas2, as Gephi users
//! know it, component by component, and the components packed on one sheet.
//!
//! Steps:
//! 1. *components*: each is drawn alone, all in parallel, so that small ones don't drift to a far ring;
//! 2. *start*: without a random number ([`Start`]);
//! 3. *simulate*: forces and adaptive speed (Barnes-Hut above a few hundred vertices);
//! 4. *overlaps*: discs of vertices are pushed apart;
//! 5. *pack*: components of [`PACKED_FROM`] vertices and more as circles, the largest in the middle; below them the small ones
//!    in rows, by size;
//! 6. *fit*: shrink the sheet into [`SHEET`] units around the origin, if it is larger.
//!
//! The result is the same bit for bit for any number of threads. Cost: O(iterations * (n log n + edges)).
//!
//! References: see the modules; Jacomy, Venturini, Heymann, Bastian (2014), doi:10.1371/journal.pone.0098679.

pub mod config;
mod local;
mod overlap;
mod packing;
mod quadtree;
mod repulsion;
mod simulation;
mod start;

use rayon::prelude::*;

pub use config::{Attraction, EdgeWeights, GravityMode, Hubs, LayoutConfig, Overlaps, Scaling};
use local::LocalGraph;
pub use start::Start;

use crate::{GraphError, WeightedGraph, connected_components};

/// Positions lie between minus and plus this many units.
pub const SHEET: f32 = 5000.0;

/// Vertices from which on a component is packed as a circle, and not put into the rows below.
pub const PACKED_FROM: u32 = 10;

/// Components at most that are packed as circles.
pub const MOST_PACKED: usize = 4096;

/// Space around a component, in radii of a vertex.
const MARGIN: f64 = 2.0;

/// Whether somebody still wants a drawing.
pub type GoesOn<'a> = &'a (dyn Fn() -> bool + Sync);

/// A drawing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// The place of each vertex.
    pub places: Vec<[f32; 2]>,
    /// The radius of each vertex's disc.
    pub radii: Vec<f32>,
}

/// Draws a graph.
///
/// # Errors
/// [`GraphError::Length`] if `start` knows another number of vertices than the graph has.
pub fn layout(graph: &WeightedGraph, start: Start<'_>, config: &LayoutConfig) -> Result<Layout, GraphError> {
    Ok(layout_while(graph, start, config, &|| true)?.expect("nobody stops it"))
}

/// [`layout`] for as long as `goes_on` says so, which is asked at each iteration, from any thread; `None` where it was stopped.
///
/// # Errors
/// As [`layout`].
pub fn layout_while(
    graph: &WeightedGraph,
    start: Start<'_>,
    config: &LayoutConfig,
    goes_on: GoesOn<'_>,
) -> Result<Option<Layout>, GraphError> {
    let known = match start {
        Start::Spiral => graph.vertex_count(),
        Start::Communities(partition) => partition.vertex_count(),
        Start::Places(places) => places.len(),
    };
    if known != graph.vertex_count() {
        let (expected, found) = (graph.vertex_count() as u64, known as u64);
        return Err(GraphError::Length { column: "starting places", expected, found });
    }
    let scaling = config.scaling.for_vertices(graph.vertex_count());
    let partition = connected_components(graph);
    let (offsets, members) = partition.members();
    let mut place_of = vec![0u32; graph.vertex_count()];
    for range in offsets.windows(2) {
        let members = &members[range[0] as usize..range[1] as usize];
        members.iter().enumerate().for_each(|(place, &vertex)| place_of[vertex as usize] = place as u32);
    }
    let drawings: Vec<Drawing> = (0..partition.group_count())
        .into_par_iter()
        .with_max_len(1)
        .map(|component| {
            let members = &members[offsets[component] as usize..offsets[component + 1] as usize];
            Drawing::new(graph, members, &place_of, start, scaling, config, goes_on)
        })
        .collect();
    if !goes_on() {
        return Ok(None);
    }
    let middles = pack(&drawings, config);
    let mut sheet = Layout { places: vec![[0.0; 2]; graph.vertex_count()], radii: vec![0.0; graph.vertex_count()] };
    for (drawing, middle) in drawings.iter().zip(middles) {
        for (at, &vertex) in drawing.vertices.iter().enumerate() {
            sheet.places[vertex as usize] = [0, 1].map(|axis| (middle[axis] + f64::from(drawing.places[at][axis])) as f32);
            sheet.radii[vertex as usize] = drawing.radii[at];
        }
    }
    sheet.fit();
    Ok(Some(sheet))
}

/// One component, drawn around its own middle.
struct Drawing {
    vertices: Vec<u32>,
    places: Vec<[f32; 2]>,
    radii: Vec<f32>,
    /// Of a circle around the middle that holds all discs.
    reach: f64,
}

impl Drawing {
    fn new(
        graph: &WeightedGraph,
        members: &[u32],
        place_of: &[u32],
        start: Start<'_>,
        scaling: f32,
        config: &LayoutConfig,
        goes_on: GoesOn<'_>,
    ) -> Self {
        let local = LocalGraph::new(graph, members, place_of, config.edge_weights);
        let radii: Vec<f32> = local.masses.iter().map(|mass| config.vertex_radius * (1.0 + 0.25 * mass.log2())).collect();
        let vertices = local.original.clone();
        if let [_] = members {
            return Drawing { vertices, places: vec![[0.0; 2]], reach: f64::from(radii[0]), radii };
        }
        let start = start::starting_places(&local, start);
        let mut places = simulation::simulate(local, &start, scaling, config, goes_on);
        if let Overlaps::Remove { passes } = config.overlaps {
            overlap::remove_overlaps(&mut places, &radii, passes);
        }
        let middle = [0, 1].map(|axis| {
            let [low, high] =
                places.iter().fold([f32::MAX, f32::MIN], |[low, high], place| [low.min(place[axis]), high.max(place[axis])]);
            0.5 * low + 0.5 * high
        });
        places.iter_mut().for_each(|place| *place = [place[0] - middle[0], place[1] - middle[1]]);
        let reach =
            places.iter().zip(&radii).map(|(place, radius)| f64::from(place[0].hypot(place[1]) + radius)).fold(0.0, f64::max);
        Drawing { vertices, places, radii, reach }
    }
}

/// Where each drawing's middle goes.
fn pack(drawings: &[Drawing], config: &LayoutConfig) -> Vec<[f64; 2]> {
    let margin = MARGIN * f64::from(config.vertex_radius);
    let widest_first = |mut drawings_of: Vec<usize>| {
        drawings_of.sort_by(|&one, &other| drawings[other].reach.total_cmp(&drawings[one].reach).then(one.cmp(&other)));
        drawings_of
    };
    // Drawings come by size, so the circles are the first ones.
    let circle_count = drawings.partition_point(|drawing| drawing.vertices.len() >= PACKED_FROM as usize).min(MOST_PACKED);
    let (circles, squares) =
        (widest_first((0..circle_count).collect()), widest_first((circle_count..drawings.len()).collect()));
    let mut middles = vec![[0.0; 2]; drawings.len()];
    let radii: Vec<f64> = circles.iter().map(|&drawing| drawings[drawing].reach + margin).collect();
    let centres = packing::pack_circles(&radii);
    // The box around the circles.
    let edge = |axis: usize, sign: f64| {
        centres.iter().zip(&radii).map(|(centre, radius)| sign * centre[axis] + radius).reduce(f64::max).unwrap_or(0.0)
    };
    let (left, right, bottom) = (-edge(0, -1.0), edge(0, 1.0), -edge(1, -1.0));
    circles.iter().zip(&centres).for_each(|(&drawing, &centre)| middles[drawing] = centre);
    let sides: Vec<f64> = squares.iter().map(|&drawing| 2.0 * drawings[drawing].reach + margin).collect();
    let area: f64 = sides.iter().map(|side| side * side).sum();
    let shelves = packing::pack_shelves(&sides, (right - left).max(area.sqrt()));
    squares.iter().zip(shelves).for_each(|(&drawing, [x, y])| middles[drawing] = [left + x, bottom + y]);
    middles
}

impl Layout {
    /// Centres the sheet, and shrinks it to within [`SHEET`].
    fn fit(&mut self) {
        let edge = |axis: usize, sign: f32| {
            let discs = self.places.iter().zip(&self.radii);
            discs.map(|(place, radius)| f64::from(sign * place[axis] + radius)).fold(f64::MIN, f64::max)
        };
        let sides = [0, 1].map(|axis| (-edge(axis, -1.0), edge(axis, 1.0)));
        let half = sides.iter().map(|(low, high)| 0.5 * (high - low)).fold(0.0, f64::max);
        let shrink = (f64::from(SHEET) / half).min(1.0);
        for place in &mut self.places {
            for axis in 0..2 {
                let middle = 0.5 * (sides[axis].0 + sides[axis].1);
                place[axis] = ((f64::from(place[axis]) - middle) * shrink) as f32;
            }
        }
        self.radii.iter_mut().for_each(|radius| *radius = (f64::from(*radius) * shrink) as f32);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Partition;
    use crate::testing::{any_weighted, with_threads};

    fn quick() -> LayoutConfig {
        LayoutConfig { iterations: 60, ..LayoutConfig::default() }
    }

    fn check(sheet: &Layout) {
        for (place, radius) in sheet.places.iter().zip(&sheet.radii) {
            assert!(radius.is_finite() && place.iter().all(|at| at.is_finite() && at.abs() <= SHEET), "{place:?} {radius}");
        }
    }

    /// Components of many sizes: a ring of 600, stars of 2 to 40, and vertices alone.
    fn archipelago() -> WeightedGraph {
        let mut edges: Vec<_> = (0..600u32).map(|vertex| (vertex, (vertex + 1) % 600, 1.0)).collect();
        let mut next = 600u32;
        for leaves in 1..40 {
            edges.extend((1..=leaves).map(|leaf| (next, next + leaf, leaf as f32)));
            next += leaves + 1;
        }
        WeightedGraph::from_edges(next as usize + 500, &edges).expect("in range")
    }

    #[test]
    fn components_never_overlap_and_the_largest_is_in_the_middle() {
        let graph = archipelago();
        let config = LayoutConfig { iterations: 200, ..LayoutConfig::default() };
        let sheet = layout(&graph, Start::Spiral, &config).expect("a start that fits");
        check(&sheet);
        let components = connected_components(&graph);
        let mut boxes = vec![[f32::MAX, f32::MAX, f32::MIN, f32::MIN]; components.group_count()];
        for (vertex, place) in sheet.places.iter().enumerate() {
            let reach = &mut boxes[components.label_of(vertex as u32) as usize];
            *reach = [reach[0].min(place[0]), reach[1].min(place[1]), reach[2].max(place[0]), reach[3].max(place[1])];
        }
        // A grid of all places: no vertex of another component within two radii.
        let mut order: Vec<usize> = (0..sheet.places.len()).collect();
        order.sort_by(|&one, &other| sheet.places[one][0].total_cmp(&sheet.places[other][0]));
        for (rank, &one) in order.iter().enumerate() {
            for &other in order[rank + 1..].iter().take_while(|&&other| sheet.places[other][0] - sheet.places[one][0] < 3.0) {
                let apart =
                    (sheet.places[one][0] - sheet.places[other][0]).hypot(sheet.places[one][1] - sheet.places[other][1]);
                let reach = sheet.radii[one] + sheet.radii[other];
                assert!(apart > 0.99 * reach, "vertices {one} and {other} are {apart} apart, their discs reach {reach}");
            }
        }
        let middle_of = |reach: [f32; 4]| (0.5 * (reach[0] + reach[2])).hypot(0.5 * (reach[1] + reach[3]));
        assert!(
            components.sizes()[0] == 600
                && boxes[1..40].iter().filter(|&&other| middle_of(other) < middle_of(boxes[0])).count() < 8
        );
    }

    #[test]
    fn a_drawing_stops_when_nobody_wants_it() {
        use std::sync::atomic::{AtomicU32, Ordering};
        let asked = AtomicU32::new(0);
        let goes_on = || asked.fetch_add(1, Ordering::Relaxed) < 100;
        let config = LayoutConfig { settled: 0.0, ..LayoutConfig::default() };
        assert_eq!(layout_while(&archipelago(), Start::Spiral, &config, &goes_on), Ok(None));
        // Once for each component at most after it was said.
        assert!(asked.into_inner() <= 100 + 41, "it went on");
    }

    #[test]
    fn one_thread_and_many_agree_bit_for_bit() {
        let graph = archipelago();
        let run = || layout(&graph, Start::Spiral, &quick()).expect("a start that fits");
        assert_eq!(with_threads(1, run), with_threads(4, run));
    }

    #[test]
    fn a_hundred_thousand_vertices_alone_fill_a_square() {
        let graph = WeightedGraph::from_edges(100_000, &[]).expect("in range");
        let sheet = layout(&graph, Start::Spiral, &LayoutConfig::default()).expect("a start that fits");
        check(&sheet);
        let mut places: Vec<_> = sheet.places.iter().map(|place| place.map(f32::to_bits)).collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), 100_000);
        let width = sheet.places.iter().map(|place| place[0]).fold(f32::MIN, f32::max);
        let height = sheet.places.iter().map(|place| place[1]).fold(f32::MIN, f32::max);
        assert!((width / height - 1.0).abs() < 0.05);
    }

    #[test]
    fn a_wide_sheet_is_shrunk_and_nothing_is_an_empty_one() {
        let edges: Vec<_> = (0..30_000u32).map(|vertex| (vertex, vertex + 1, 1e-6)).collect();
        let graph = WeightedGraph::from_edges(30_001, &edges).expect("in range");
        let far: Vec<_> = (0..30_001).map(|vertex| [vertex as f32 * 10.0, 0.0]).collect();
        let config = LayoutConfig { iterations: 1, overlaps: Overlaps::Keep, ..LayoutConfig::default() };
        let sheet = layout(&graph, Start::Places(&far), &config).expect("a start that fits");
        check(&sheet);
        assert!(sheet.radii[0] < 0.1 && sheet.places.iter().any(|place| place[0] > 4_900.0));
        let nothing = WeightedGraph::from_edges(0, &[]).expect("in range");
        assert_eq!(layout(&nothing, Start::Spiral, &config), Ok(Layout::default()));
        assert!(layout(&nothing, Start::Places(&far), &config).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn any_graph_from_any_start_is_drawn(graph in any_weighted(), labels in prop::collection::vec(0u32..4, 40), same in -1.0f32..1.0) {
            let count = graph.vertex_count();
            let labels: Vec<u32> = labels[..count].iter().map(|&label| label.min(count as u32 - 1)).collect();
            let communities = Partition::from_labels(labels);
            let coincident = vec![[same, f32::NAN]; count];
            for start in [Start::Spiral, Start::Communities(&communities), Start::Places(&coincident)] {
                check(&layout(&graph, start, &quick()).expect("a start that fits"));
            }
        }
    }
}
