//! Where do forces carry the vertices of one component?
//!
//! ForceAtlas2: all vertices repel each other, edges pull their ends together, gravity pulls everything to the middle:
//!
//! ```text
//! repulsion   F = scaling * mass1 * mass2 / d                     mass = degree + 1
//! attraction  F = pull * d          LinLog: pull * ln(1 + d)      dissuade hubs: / heavier mass, * mean mass
//! gravity     F = gravity * mass         strong: gravity * mass * d
//! ```
//!
//! The speed adapts (all sums over vertices):
//! 1. *swinging* `mass * |F - F'|` is how erratic a vertex is, *traction* `mass * |F + F'| / 2` how purposeful, with `F'` the
//!    force of the iteration before;
//! 2. the tolerated jitter grows with `traction / n^2`, within limits that grow with `sqrt(n)`;
//! 3. the global speed aims at `jitter * efficiency * traction / swinging`, and rises by half at most in one iteration; the
//!    efficiency drops when swinging is out of bounds and recovers when it isn't;
//! 4. a vertex moves by `F * speed / (1 + sqrt(speed * swinging))`: who swings, slows down.
//!
//! The vertices of a large component swing long after its shape has come about. So a look is taken at the shape now and then;
//! when it is steady, the component *cools*: for the last [`COOLING`] iterations, which aren't the authors', the speed falls by
//! [`COOLED_BY`] each time, so that what still swings comes to rest where it is. (An operator's 50,000 vertices and 2.1 million
//! edges take 120 iterations instead of 500. Energy, of which both forces and gravity are the slope, falls by 95% of what it falls
//! between iterations 40 and 500.)
//!
//! Constants are those of the authors' implementation in Gephi; unlike there, constant gravity fades out within one unit of the
//! middle, so that a star's hub comes to rest. Cost of an iteration: O(n log n + edges). Each vertex sums its own
//! edges in the order of its row, and sums over vertices are made chunk by chunk in order: the result is the same bit for bit
//! on any number of threads. Every [`REORDER`] iterations, vertices are renumbered along the Morton curve, which keeps
//! neighbours in the plane neighbours in memory.
//!
//! Reference: Jacomy, Venturini, Heymann, Bastian (2014), ForceAtlas2, a continuous graph layout algorithm for handy network
//! visualization designed for the Gephi software, PLoS ONE 9(6):e98679, doi:10.1371/journal.pone.0098679.

use rayon::prelude::*;

use super::GoesOn;
use super::config::{Attraction, BETWEEN_LOOKS, GravityMode, Hubs, LARGE, LayoutConfig};
use super::local::{CHUNK, LocalGraph, permuted};
use super::repulsion::Repulsion;

/// Iterations between two renumberings.
const REORDER: u32 = 25;
/// Vertices from which on renumbering pays.
const REORDER_FROM: usize = 4096;
/// Iterations of a component that cools.
const COOLING: u32 = 20;
/// What is left of the speed after each of them.
const COOLED_BY: f64 = 0.85;

/// The paper's factor between `sqrt(n)` and the jitter tolerated.
const JITTER_OF_ROOT: f64 = 0.05;
/// The most jitter tolerated, in units of the configured tolerance.
const MOST_JITTER: f64 = 10.0;
/// How much swinging per traction counts as erratic.
const ERRATIC: f64 = 2.0;
/// The least efficiency.
const LEAST_EFFICIENCY: f64 = 0.05;
/// The speed above which efficiency no longer recovers.
const MOST_SPEED: f64 = 1000.0;
/// The share by which the speed may rise in an iteration.
const MOST_RISE: f64 = 0.5;

/// Moves a component's vertices from where they start until they settle: their places, in the order of `graph.original` at the
/// start. Unsettled where nobody wants them any more.
pub(super) fn simulate(
    graph: LocalGraph,
    start: &[[f32; 2]],
    scaling: f32,
    config: &LayoutConfig,
    goes_on: GoesOn<'_>,
) -> Vec<[f32; 2]> {
    let mut simulation = Simulation::new(graph, start);
    let mut speed = Speed::default();
    let looks = config.steady > 0.0 && simulation.x.len() >= LARGE;
    let (mut shape, mut last) = (f64::MAX, config.iterations);
    for iteration in 0..config.iterations {
        if !goes_on() {
            break;
        }
        if iteration % REORDER == REORDER - 1 && simulation.x.len() >= REORDER_FROM {
            simulation.renumber();
        }
        let Simulation { x, y, graph, repulsion, .. } = &mut simulation;
        repulsion.update(x, y, &graph.masses, config.theta);
        let totals = simulation.sum_forces(scaling, config);
        let cools = last < config.iterations;
        if cools {
            speed.speed *= COOLED_BY;
        } else {
            speed.adapt(totals, simulation.x.len(), config.jitter_tolerance);
        }
        let moved = simulation.advance(speed.speed as f32);
        if moved < f64::from(config.settled) * simulation.x.len() as f64 || iteration == last {
            break;
        }
        if looks && !cools && iteration % BETWEEN_LOOKS == BETWEEN_LOOKS - 1 {
            let now = simulation.shape();
            if (now - shape).abs() < f64::from(config.steady) * now {
                last = iteration + COOLING;
            }
            shape = now;
        }
    }
    simulation.into_places()
}

struct Simulation {
    graph: LocalGraph,
    /// The number each vertex had at the start.
    first_number: Vec<u32>,
    x: Vec<f32>,
    y: Vec<f32>,
    /// Force of this iteration, and of the last until this one is summed.
    forces: Vec<[f32; 2]>,
    swinging: Vec<f32>,
    repulsion: Repulsion,
}

/// Sums over all vertices.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Totals {
    swinging: f64,
    traction: f64,
}

impl Simulation {
    fn new(graph: LocalGraph, start: &[[f32; 2]]) -> Self {
        let count = graph.vertex_count();
        let mut simulation = Simulation {
            graph,
            first_number: (0..count as u32).collect(),
            x: start.iter().map(|place| place[0]).collect(),
            y: start.iter().map(|place| place[1]).collect(),
            forces: vec![[0.0; 2]; count],
            swinging: vec![0.0; count],
            repulsion: Repulsion::default(),
        };
        let Simulation { graph, x, y, repulsion, .. } = &mut simulation;
        repulsion.part_coincident(x, y, &graph.masses, 0.0);
        simulation
    }

    /// Sums the forces on each vertex, and how they differ from the last ones.
    fn sum_forces(&mut self, scaling: f32, config: &LayoutConfig) -> Totals {
        let Simulation { graph, x, y, forces, swinging, repulsion, .. } = self;
        let (x, y) = (x.as_slice(), y.as_slice());
        let mean_mass = graph.masses.iter().map(|&mass| f64::from(mass)).sum::<f64>() / graph.masses.len().max(1) as f64;
        let chunks = forces.par_chunks_mut(CHUNK).zip(swinging.par_chunks_mut(CHUNK)).enumerate();
        let totals: Vec<Totals> = chunks
            .map(|(chunk, (forces, swinging))| {
                let mut totals = Totals::default();
                for (at, (force, swinging)) in forces.iter_mut().zip(swinging).enumerate() {
                    let vertex = chunk * CHUNK + at;
                    let mass = graph.masses[vertex];
                    let push = repulsion.on(vertex);
                    let pull = attraction(graph, x, y, vertex, mean_mass as f32, config);
                    let to_middle = gravity(x[vertex], y[vertex], mass, config);
                    let new = [0, 1].map(|axis| scaling * mass * push[axis] - pull[axis] - to_middle * [x, y][axis][vertex]);
                    *swinging = mass * (new[0] - force[0]).hypot(new[1] - force[1]);
                    totals.swinging += f64::from(*swinging);
                    totals.traction += f64::from(0.5 * mass * (new[0] + force[0]).hypot(new[1] + force[1]));
                    *force = new;
                }
                totals
            })
            .collect();
        totals.iter().fold(Totals::default(), |sum, part| Totals {
            swinging: sum.swinging + part.swinging,
            traction: sum.traction + part.traction,
        })
    }

    /// Moves each vertex along its force; the sum of the distances.
    fn advance(&mut self, speed: f32) -> f64 {
        let Simulation { x, y, forces, swinging, .. } = self;
        let chunks = x.par_chunks_mut(CHUNK).zip(y.par_chunks_mut(CHUNK));
        let moved: Vec<f64> = chunks
            .zip(forces.par_chunks(CHUNK).zip(swinging.par_chunks(CHUNK)))
            .map(|((x, y), (forces, swinging))| {
                let mut moved = 0.0;
                for at in 0..x.len() {
                    let factor = speed / (1.0 + (speed * swinging[at]).sqrt());
                    let step = forces[at].map(|force| force * factor);
                    if step.iter().all(|step| step.is_finite()) {
                        x[at] = (x[at] + step[0]).clamp(-FAR, FAR);
                        y[at] = (y[at] + step[1]).clamp(-FAR, FAR);
                        moved += f64::from(step[0].hypot(step[1]));
                    }
                }
                moved
            })
            .collect();
        moved.iter().sum()
    }

    /// Mean length of the edges by their pull, in units of the root mean square distance from the middle.
    fn shape(&self) -> f64 {
        let Simulation { graph, x, y, .. } = self;
        let chunks: Vec<[f64; 3]> = (0..x.len().div_ceil(CHUNK))
            .into_par_iter()
            .map(|chunk| {
                let [mut lengths, mut pulls, mut squares] = [0.0; 3];
                for vertex in chunk * CHUNK..((chunk + 1) * CHUNK).min(x.len()) {
                    for (neighbor, pull) in graph.row(vertex) {
                        lengths += f64::from(pull * (x[vertex] - x[neighbor]).hypot(y[vertex] - y[neighbor]));
                        pulls += f64::from(pull);
                    }
                    squares += f64::from(x[vertex]).powi(2) + f64::from(y[vertex]).powi(2);
                }
                [lengths, pulls, squares]
            })
            .collect();
        let [lengths, pulls, squares] = chunks.iter().fold([0.0; 3], |sum, part| [0, 1, 2].map(|at| sum[at] + part[at]));
        lengths / pulls / (squares / x.len() as f64).sqrt()
    }

    fn renumber(&mut self) {
        let order = self.repulsion.morton_order();
        self.graph = self.graph.reordered(order);
        self.first_number = permuted(&self.first_number, order);
        self.x = permuted(&self.x, order);
        self.y = permuted(&self.y, order);
        self.forces = permuted(&self.forces, order);
    }

    fn into_places(self) -> Vec<[f32; 2]> {
        let mut places = vec![[0.0; 2]; self.x.len()];
        for (vertex, &first) in self.first_number.iter().enumerate() {
            places[first as usize] = [self.x[vertex], self.y[vertex]];
        }
        places
    }
}

/// Nothing goes further than this from the middle: squares of distances stay finite.
const FAR: f32 = 1e15;

/// The pull of a vertex's edges, towards itself from where the neighbours are: to be subtracted.
fn attraction(graph: &LocalGraph, x: &[f32], y: &[f32], vertex: usize, mean_mass: f32, config: &LayoutConfig) -> [f32; 2] {
    let (mut sum_x, mut sum_y) = (0.0, 0.0);
    for (neighbor, pull) in graph.row(vertex) {
        let (dx, dy) = (x[vertex] - x[neighbor], y[vertex] - y[neighbor]);
        let shared = match config.hubs {
            Hubs::Attract => pull,
            Hubs::Dissuade => pull * mean_mass / graph.masses[vertex].max(graph.masses[neighbor]),
        };
        let factor = match config.attraction {
            Attraction::Linear => shared,
            Attraction::Logarithmic => {
                let distance = dx.hypot(dy);
                if distance > 0.0 { shared * distance.ln_1p() / distance } else { 0.0 }
            }
        };
        sum_x += dx * factor;
        sum_y += dy * factor;
    }
    [sum_x, sum_y]
}

/// Within this distance of the middle, constant gravity fades to nothing. A force that keeps its size up to the very middle
/// would throw whoever is there to and fro forever.
const MIDDLE: f32 = 1.0;

/// The pull to the middle, per unit of distance from it.
fn gravity(x: f32, y: f32, mass: f32, config: &LayoutConfig) -> f32 {
    match config.gravity_mode {
        GravityMode::Proportional => config.gravity * mass,
        GravityMode::Constant => config.gravity * mass / x.hypot(y).max(MIDDLE),
    }
}

/// The global speed, and how well it has worked.
#[derive(Clone, Copy, Debug)]
struct Speed {
    speed: f64,
    efficiency: f64,
}

impl Default for Speed {
    fn default() -> Self {
        Speed { speed: 1.0, efficiency: 1.0 }
    }
}

impl Speed {
    fn adapt(&mut self, totals: Totals, vertex_count: usize, tolerance: f32) {
        let Totals { swinging, traction } = totals;
        let (count, tolerance) = (vertex_count as f64, f64::from(tolerance));
        let usual = JITTER_OF_ROOT * count.sqrt();
        let mut jitter = tolerance * (usual * traction / (count * count)).min(MOST_JITTER).max(usual.sqrt());
        if swinging / traction > ERRATIC {
            if self.efficiency > LEAST_EFFICIENCY {
                self.efficiency *= 0.5;
            }
            jitter = jitter.max(tolerance);
        }
        let target = if swinging > 0.0 { jitter * self.efficiency * traction / swinging } else { f64::MAX };
        if swinging > jitter * traction {
            if self.efficiency > LEAST_EFFICIENCY {
                self.efficiency *= 0.7;
            }
        } else if self.speed < MOST_SPEED {
            self.efficiency *= 1.3;
        }
        self.speed += (target - self.speed).min(MOST_RISE * self.speed);
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::{EdgeWeights, Scaling};
    use super::super::start::{Start, starting_places};
    use super::*;
    use crate::WeightedGraph;
    use crate::testing::with_threads;

    fn local(vertex_count: usize, edges: &[(u32, u32, f32)]) -> LocalGraph {
        let graph = WeightedGraph::from_edges(vertex_count, edges).expect("in range");
        let everything: Vec<u32> = (0..vertex_count as u32).collect();
        LocalGraph::new(&graph, &everything, &everything, EdgeWeights::Power(1.0))
    }

    fn settings() -> LayoutConfig {
        LayoutConfig { iterations: 3_000, settled: 1e-6, steady: 0.0, scaling: Scaling::Fixed(2.0), ..LayoutConfig::default() }
    }

    fn distance_of_a_pair(weight: f32, config: &LayoutConfig) -> f64 {
        let places = simulate(local(2, &[(0, 1, weight)]), &[[1.0, 0.5], [-1.0, 0.0]], 2.0, config, &|| true);
        f64::from((places[0][0] - places[1][0]).hypot(places[0][1] - places[1][1]))
    }

    #[test]
    fn a_pair_comes_to_rest_where_the_forces_cancel() {
        // Masses 2: repulsion 2 * 2 * 2 / d; attraction w * d; gravity 1 * 2. So w d + 2 = 8 / d.
        let distance = distance_of_a_pair(0.5, &settings());
        assert!((distance - (20f64.sqrt() - 2.0)).abs() < 1e-3, "{distance}");
        // Near the middle, gravity fades: each is d / 2 < 1 from it, so w d + 2 d / 2 = 8 / d.
        let distance = distance_of_a_pair(3.0, &settings());
        assert!((distance - 2f64.sqrt()).abs() < 1e-3, "{distance}");
        // LinLog: ln(1 + d) + 2 = 8 / d, without closed form.
        let distance = distance_of_a_pair(1.0, &LayoutConfig { attraction: Attraction::Logarithmic, ..settings() });
        assert!((distance.ln_1p() + 2.0 - 8.0 / distance).abs() < 1e-2, "{distance}");
        // Strong gravity: each is d / 2 from the middle, w d + 2 d / 2 = 8 / d.
        let distance = distance_of_a_pair(1.0, &LayoutConfig { gravity_mode: GravityMode::Proportional, ..settings() });
        assert!((distance - 2.0).abs() < 1e-3, "{distance}");
        // Dissuaded, with masses 2 and mean mass 2: the same as linear.
        let distance = distance_of_a_pair(1.0, &LayoutConfig { hubs: Hubs::Dissuade, ..settings() });
        assert!((distance - 2.0).abs() < 1e-3, "{distance}");
    }

    #[test]
    fn heavy_ties_draw_their_ends_together() {
        let [light, heavy] = [1.0, 20.0].map(|weight| distance_of_a_pair(weight, &settings()));
        assert!(heavy < 0.5 * light);
    }

    #[test]
    fn the_speed_follows_the_paper() {
        // n = 400: usual jitter 1, at least 1, so it is 1 here. Swinging below traction: efficiency recovers, speed rises by
        // half.
        let mut speed = Speed::default();
        speed.adapt(Totals { swinging: 10.0, traction: 100.0 }, 400, 1.0);
        assert!((speed.speed - 1.5).abs() < 1e-12 && (speed.efficiency - 1.3).abs() < 1e-12);
        // Erratic: efficiency halves, then drops by .3 more; the target is 1 * .65 * 100 / 300.
        speed.adapt(Totals { swinging: 300.0, traction: 100.0 }, 400, 1.0);
        assert!((speed.speed - 0.65 / 3.0).abs() < 1e-12 && (speed.efficiency - 0.455).abs() < 1e-12);
        // Nothing swings, nothing pulls: no division by zero.
        speed.adapt(Totals::default(), 400, 1.0);
        assert!(speed.speed.is_finite());
    }

    /// Two dense halves joined by one edge.
    fn two_halves(half: u32) -> Vec<(u32, u32, f32)> {
        let mut edges = vec![(0, half, 1.0)];
        for side in [0, half] {
            for vertex in 0..half {
                for step in [1, 2, 5, 11] {
                    edges.push((side + vertex, side + (vertex * 3 + step) % half, 1.0));
                }
            }
        }
        edges
    }

    #[test]
    fn clusters_come_apart() {
        let half = 300;
        let graph = local(2 * half as usize, &two_halves(half));
        let (original, start) = (graph.original.clone(), starting_places(&graph, Start::Spiral));
        let places = simulate(graph, &start, 2.0, &LayoutConfig { iterations: 300, ..LayoutConfig::default() }, &|| true);
        let mean = |left: bool| {
            let these: Vec<_> =
                places.iter().zip(&original).filter(|&(_, &vertex)| (vertex < half) == left).map(|(place, _)| place).collect();
            [0, 1].map(|axis| these.iter().map(|place| f64::from(place[axis])).sum::<f64>() / these.len() as f64)
        };
        let (one, other) = (mean(true), mean(false));
        let apart = (one[0] - other[0]).hypot(one[1] - other[1]);
        let nearer = places.iter().zip(&original).filter(|&(place, &vertex)| {
            let to = |middle: [f64; 2]| (f64::from(place[0]) - middle[0]).hypot(f64::from(place[1]) - middle[1]);
            (to(one) < to(other)) == (vertex < half)
        });
        assert!(apart > 10.0 && nearer.count() > 590, "{apart}");
    }

    /// A large component settles long before the last iteration, in the shape that all of them give.
    #[test]
    fn a_large_component_stops_when_its_shape_is_steady() {
        // Each vertex with four at random.
        let other = |vertex: u32, step: u32| (vertex * 4 + step).wrapping_mul(2_654_435_769) >> 12;
        let four = |vertex: u32| (0..4).map(move |step| (vertex, other(vertex, step) % 5_000, 1.0));
        let edges: Vec<_> = (0..5_000).flat_map(four).collect();
        let drawn = |iterations: u32, steady: f32| {
            let graph = local(5_000, &edges);
            let (original, start) = (graph.original.clone(), starting_places(&graph, Start::Spiral));
            let config = LayoutConfig { iterations, steady, settled: 0.0, ..LayoutConfig::default() };
            let mut places = vec![[0.0; 2]; 5_000];
            for (place, &vertex) in simulate(graph, &start, 2.0, &config, &|| true).into_iter().zip(&original) {
                places[vertex as usize] = place;
            }
            places
        };
        let shape = |places: &[[f32; 2]]| {
            let length = |&(one, other, _): &(u32, u32, f32)| {
                let [one, other] = [places[one as usize], places[other as usize]];
                f64::from((one[0] - other[0]).hypot(one[1] - other[1]))
            };
            let squares: f64 = places.iter().flatten().map(|&at| f64::from(at).powi(2)).sum();
            edges.iter().map(length).sum::<f64>() / edges.len() as f64 / (squares / 5_000.0).sqrt()
        };
        let early = drawn(200, LayoutConfig::default().steady);
        // More iterations would change nothing: it had stopped before that many.
        assert!(early == drawn(500, LayoutConfig::default().steady) && early != drawn(200, 0.0));
        let whole = shape(&drawn(500, 0.0));
        assert!((shape(&early) / whole - 1.0).abs() < 0.005, "{} and {whole}", shape(&early));
    }

    #[test]
    fn one_thread_and_many_agree_bit_for_bit() {
        let run = || {
            let graph = local(6_000, &two_halves(3_000));
            let start = starting_places(&graph, Start::Spiral);
            simulate(graph, &start, 2.0, &LayoutConfig { iterations: 130, steady: 0.1, ..LayoutConfig::default() }, &|| true)
        };
        assert_eq!(with_threads(1, run), with_threads(4, run));
    }

    #[test]
    fn a_star_of_ten_thousand_stays_finite() {
        let edges: Vec<_> = (1..10_000).map(|leaf| (0, leaf, 1e6)).collect();
        for attraction in [Attraction::Linear, Attraction::Logarithmic] {
            let graph = local(10_000, &edges);
            let config = LayoutConfig { iterations: 40, attraction, edge_weights: EdgeWeights::Power(1.0), ..settings() };
            let places = simulate(graph, &vec![[0.0; 2]; 10_000], 2.0, &config, &|| true);
            assert!(places.iter().flatten().all(|at| at.is_finite()));
            let mut apart: Vec<_> = places.iter().map(|place| place.map(f32::to_bits)).collect();
            apart.sort_unstable();
            apart.dedup();
            assert!(apart.len() > 9_900);
        }
    }
}
