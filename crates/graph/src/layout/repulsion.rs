//! How strongly is each vertex pushed by all the others?
//!
//! Two vertices at distance `d` repel each other with `scaling * mass * mass / d`. Up to [`EXACT`] vertices all pairs are
//! compared, above that far ones are lumped together (Barnes-Hut). A leaf's points share one walk over the tree: a cell counts
//! as one body for all of them if it is far enough from the leaf's bounding box, hence from each of its points. So every point
//! is treated at least as exactly as the same `theta` would treat it alone, and the inner loop runs over plain arrays.
//!
//! Vertices at the same place don't repel each other (there is no direction to go), so [`Repulsion::part_coincident`] moves
//! them apart by a hair, in order of their index. Cost: O(n log n). Sums are made leaf by leaf in a fixed order: the same on
//! any number of threads.
//!
//! Reference: Barnes, Hut (1986), A hierarchical O(N log N) force-calculation algorithm, Nature 324:446, doi:10.1038/324446a0.

use rayon::prelude::*;

use super::local::CHUNK;
use super::quadtree::{Inside, Leaf, Quadtree};

/// Vertices up to which all pairs are compared.
pub(super) const EXACT: usize = 192;

/// Leaves that one task walks for.
const LEAVES_OF_A_TASK: usize = 32;

/// Squared distance below which two points are at the same place.
const SAME_PLACE: f32 = 1e-12;

/// Sums that run side by side in the inner loop.
const LANES: usize = 8;

/// The pushes on each vertex, and the memory to compute them in.
#[derive(Debug, Default)]
pub(super) struct Repulsion {
    tree: Quadtree,
    /// All bodies, where all pairs are compared.
    bodies: Bodies,
    /// Pushes, in Morton order if the tree was walked.
    push_x: Vec<f32>,
    push_y: Vec<f32>,
    /// Where each vertex stands in Morton order; empty if pushes stand in the order of the vertices.
    place_of: Vec<u32>,
}

/// Bodies that push: what one leaf's walk found.
#[derive(Debug, Default)]
struct Bodies {
    x: Vec<f32>,
    y: Vec<f32>,
    mass: Vec<f32>,
}

impl Repulsion {
    /// Computes the push on each vertex, without the factor `scaling * mass` of the vertex itself.
    pub(super) fn update(&mut self, x: &mut [f32], y: &mut [f32], masses: &[f32], theta: f32) {
        self.push_x.resize(x.len(), 0.0);
        self.push_y.resize(x.len(), 0.0);
        if x.len() <= EXACT || theta <= 0.0 {
            self.compare_all(x, y, masses);
        } else {
            self.part_coincident(x, y, masses, theta);
            self.walk_tree();
        }
    }

    /// Moves coincident vertices apart. Small components need it once, at the start: there, repulsion keeps apart what is
    /// apart.
    pub(super) fn part_coincident(&mut self, x: &mut [f32], y: &mut [f32], masses: &[f32], theta: f32) {
        self.tree.rebuild(x, y, masses, theta);
        if self.tree.part_coincident(x, y) {
            self.tree.rebuild(x, y, masses, theta);
        }
    }

    /// The push on a vertex.
    pub(super) fn on(&self, vertex: usize) -> [f32; 2] {
        let place = self.place_of.get(vertex).map_or(vertex, |&place| place as usize);
        [self.push_x[place], self.push_y[place]]
    }

    /// The vertices in Morton order.
    pub(super) fn morton_order(&self) -> &[u32] {
        &self.tree.order
    }

    fn compare_all(&mut self, x: &[f32], y: &[f32], masses: &[f32]) {
        let bodies = &mut self.bodies;
        bodies.clear();
        bodies.extend(x, y, masses);
        bodies.pad();
        // Pushes stand in the order of the vertices.
        self.place_of.clear();
        if x.len() <= CHUNK {
            bodies.push_all(x, y, &mut self.push_x, &mut self.push_y);
            return;
        }
        let bodies = &*bodies;
        let pushes = self.push_x.par_chunks_mut(CHUNK).zip(self.push_y.par_chunks_mut(CHUNK));
        pushes
            .zip(x.par_chunks(CHUNK).zip(y.par_chunks(CHUNK)))
            .for_each(|((push_x, push_y), (x, y))| bodies.push_all(x, y, push_x, push_y));
    }

    fn walk_tree(&mut self) {
        let tree = &self.tree;
        self.place_of.resize(tree.order.len(), 0);
        for (place, &vertex) in tree.order.iter().enumerate() {
            self.place_of[vertex as usize] = place as u32;
        }
        let mut tasks = Vec::with_capacity(tree.leaves.len().div_ceil(LEAVES_OF_A_TASK));
        let (mut rest_x, mut rest_y) = (self.push_x.as_mut_slice(), self.push_y.as_mut_slice());
        for (run, leaves) in tree.leaves.chunks(LEAVES_OF_A_TASK).enumerate() {
            let points = (leaves[leaves.len() - 1].end - leaves[0].first) as usize;
            let (push_x, later_x) = rest_x.split_at_mut(points);
            let (push_y, later_y) = rest_y.split_at_mut(points);
            (rest_x, rest_y) = (later_x, later_y);
            tasks.push((run * LEAVES_OF_A_TASK, leaves, push_x, push_y));
        }
        tasks.into_par_iter().for_each_init(Bodies::default, |bodies, (first_leaf, leaves, push_x, push_y)| {
            for (at, leaf) in leaves.iter().enumerate() {
                bodies.collect(tree, (first_leaf + at) as u32, leaf);
                let points = leaf.first as usize..leaf.end as usize;
                let slots = (leaf.first - leaves[0].first) as usize..(leaf.end - leaves[0].first) as usize;
                let (push_x, push_y) = (&mut push_x[slots.clone()], &mut push_y[slots]);
                bodies.push_all(&tree.xs[points.clone()], &tree.ys[points], push_x, push_y);
            }
        });
    }
}

impl Bodies {
    /// Walks the tree for one leaf.
    fn collect(&mut self, tree: &Quadtree, own: u32, leaf: &Leaf) {
        self.clear();
        let mut at = 0;
        while let Some(cell) = tree.cells.get(at) {
            // The distance from the nearest corner or side of the leaf's box.
            let gap_x = ((cell.x - leaf.middle[0]).abs() - leaf.half[0]).max(0.0);
            let gap_y = ((cell.y - leaf.middle[1]).abs() - leaf.half[1]).max(0.0);
            if gap_x * gap_x + gap_y * gap_y > cell.opening && cell.inside != Inside::Leaf(own) {
                self.x.push(cell.x);
                self.y.push(cell.y);
                self.mass.push(cell.mass);
                at = cell.skip as usize;
                continue;
            }
            if let Inside::Leaf(number) = cell.inside {
                let other = tree.leaves[number as usize];
                if number == own || !other.crowded {
                    let points = other.first as usize..other.end as usize;
                    self.extend(&tree.xs[points.clone()], &tree.ys[points.clone()], &tree.masses[points]);
                }
            }
            at += 1;
        }
        self.pad();
    }

    fn clear(&mut self) {
        self.x.clear();
        self.y.clear();
        self.mass.clear();
    }

    fn extend(&mut self, x: &[f32], y: &[f32], mass: &[f32]) {
        self.x.extend_from_slice(x);
        self.y.extend_from_slice(y);
        self.mass.extend_from_slice(mass);
    }

    /// Fills up the last lanes with bodies that weigh nothing.
    fn pad(&mut self) {
        let length = self.x.len().next_multiple_of(LANES);
        self.x.resize(length, 0.0);
        self.y.resize(length, 0.0);
        self.mass.resize(length, 0.0);
    }

    /// The pushes of all bodies on some points.
    fn push_all(&self, x: &[f32], y: &[f32], push_x: &mut [f32], push_y: &mut [f32]) {
        for at in 0..x.len() {
            (push_x[at], push_y[at]) = self.push(x[at], y[at]);
        }
    }

    /// Sum over bodies of `mass / d`, away from the body: `mass * (dx, dy) / d^2`.
    fn push(&self, x: f32, y: f32) -> (f32, f32) {
        let (mut sum_x, mut sum_y) = ([0f32; LANES], [0f32; LANES]);
        let (bodies_x, _) = self.x.as_chunks::<LANES>();
        let (bodies_y, _) = self.y.as_chunks::<LANES>();
        let (masses, _) = self.mass.as_chunks::<LANES>();
        for ((body_x, body_y), mass) in bodies_x.iter().zip(bodies_y).zip(masses) {
            for lane in 0..LANES {
                let (dx, dy) = (x - body_x[lane], y - body_y[lane]);
                let square = dx * dx + dy * dy;
                let factor = if square > SAME_PLACE { mass[lane] / square } else { 0.0 };
                sum_x[lane] += dx * factor;
                sum_y[lane] += dy * factor;
            }
        }
        (sum_x.iter().sum(), sum_y.iter().sum())
    }
}

impl Quadtree {
    /// Moves vertices that share one place onto a small sunflower around it; says whether there were any.
    fn part_coincident(&self, x: &mut [f32], y: &mut [f32]) -> bool {
        let mut found = false;
        let mut rank = 0u32;
        for at in 1..self.order.len() {
            if (self.xs[at], self.ys[at]) != (self.xs[at - 1], self.ys[at - 1]) {
                rank = 0;
                continue;
            }
            rank += 1;
            found = true;
            let (middle_x, middle_y) = (self.xs[at], self.ys[at]);
            // Wide enough to make a difference in 24 bits of mantissa.
            let step = (middle_x.abs().max(middle_y.abs()) * 1e-6).max(0.01);
            let [offset_x, offset_y] = super::start::sunflower(rank, step);
            let vertex = self.order[at] as usize;
            (x[vertex], y[vertex]) = (middle_x + offset_x, middle_y + offset_y);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::with_threads;

    /// All pairs in double precision.
    fn naive(x: &[f32], y: &[f32], masses: &[f32]) -> Vec<[f64; 2]> {
        let push = |one: usize| {
            let mut sum = [0f64; 2];
            for other in (0..x.len()).filter(|&other| other != one) {
                let (dx, dy) = (f64::from(x[one]) - f64::from(x[other]), f64::from(y[one]) - f64::from(y[other]));
                let factor = f64::from(masses[other]) / (dx * dx + dy * dy);
                sum = [sum[0] + dx * factor, sum[1] + dy * factor];
            }
            sum
        };
        (0..x.len()).map(push).collect()
    }

    /// Scattered points with a dense corner; deterministic.
    fn scattered(count: usize) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
        let random = |at: usize, salt: u64| {
            let mixed =
                (at as u64 + salt).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (at as u64 * 7 + salt).wrapping_mul(0xbf58_476d);
            (mixed.wrapping_mul(0x94d0_49bb_1331_11eb) >> 40) as f32 / (1u64 << 24) as f32
        };
        let spread = |at: usize| if at.is_multiple_of(3) { 20.0 } else { 1_000.0 };
        (
            (0..count).map(|at| random(at, 1) * spread(at)).collect(),
            (0..count).map(|at| random(at, 99) * spread(at)).collect(),
            (0..count).map(|at| 1.0 + (at % 7) as f32).collect(),
        )
    }

    /// The mean error, in parts of the mean push.
    fn error_at(theta: f32, count: usize) -> f64 {
        let (mut x, mut y, masses) = scattered(count);
        let mut repulsion = Repulsion::default();
        repulsion.update(&mut x, &mut y, &masses, theta);
        let expected = naive(&x, &y, &masses);
        let (mut error, mut size) = (0.0, 0.0);
        for (vertex, push) in expected.iter().enumerate() {
            let found = repulsion.on(vertex);
            error += (f64::from(found[0]) - push[0]).hypot(f64::from(found[1]) - push[1]);
            size += push[0].hypot(push[1]);
        }
        error / size
    }

    #[test]
    fn two_bodies_push_each_other_by_mass_over_distance() {
        let mut repulsion = Repulsion::default();
        repulsion.update(&mut [0.0, 4.0], &mut [0.0, 3.0], &[2.0, 10.0], 1.2);
        let (one, other) = (repulsion.on(0), repulsion.on(1));
        assert!((one[0] + 10.0 * 4.0 / 25.0).abs() < 1e-6 && (one[1] + 10.0 * 3.0 / 25.0).abs() < 1e-6);
        assert!((other[0] - 2.0 * 4.0 / 25.0).abs() < 1e-6 && (other[1] - 2.0 * 3.0 / 25.0).abs() < 1e-6);
    }

    #[test]
    fn theta_0_is_exact_and_theta_1_2_is_close() {
        assert!(error_at(0.0, 1_500) < 1e-4);
        assert!(error_at(0.05, 1_500) < 1e-3);
        assert!(error_at(1.2, 1_500) < 0.03, "{}", error_at(1.2, 1_500));
    }

    #[test]
    fn one_thread_and_many_agree() {
        let (x, y, masses) = scattered(20_000);
        let run = || {
            let (mut x, mut y, mut repulsion) = (x.clone(), y.clone(), Repulsion::default());
            repulsion.update(&mut x, &mut y, &masses, 1.2);
            (0..x.len()).map(|vertex| repulsion.on(vertex).map(f32::to_bits)).collect::<Vec<_>>()
        };
        assert_eq!(with_threads(1, run), with_threads(4, run));
    }

    #[test]
    fn a_hundred_thousand_points_at_one_place_come_apart() {
        // One far point makes the finest cell wide: nearly all points stay in one, crowded.
        let (mut x, mut y, masses) = (vec![5.0; 100_000], vec![-5.0; 100_000], vec![1.0; 100_000]);
        x[99_999] = 1e9;
        let mut repulsion = Repulsion::default();
        repulsion.update(&mut x, &mut y, &masses, 1.2);
        let mut places: Vec<_> = x.iter().zip(&y).map(|(x, y)| (x.to_bits(), y.to_bits())).collect();
        places.sort_unstable();
        places.dedup();
        assert!(places.len() > 99_000, "{} places", places.len());
        assert!((0..x.len()).all(|vertex| repulsion.on(vertex).iter().all(|push| push.is_finite())));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn every_point_and_all_mass_is_in_the_tree(
            points in prop::collection::vec((-3i8..4, -3i8..4, 1u8..5), 1..400), scale in prop_oneof![Just(1e-3f32), Just(1.0), Just(1e6)],
        ) {
            let x: Vec<f32> = points.iter().map(|point| f32::from(point.0) * scale).collect();
            let y: Vec<f32> = points.iter().map(|point| f32::from(point.1) * scale).collect();
            let masses: Vec<f32> = points.iter().map(|point| f32::from(point.2)).collect();
            let mut tree = Quadtree::default();
            tree.rebuild(&x, &y, &masses, 1.2);
            let total: f32 = masses.iter().sum();
            prop_assert!((tree.cells[0].mass - total).abs() < 1e-3 * total);
            prop_assert_eq!(tree.cells[0].skip as usize, tree.cells.len());
            let mut order = tree.order.clone();
            order.sort_unstable();
            prop_assert!(order.iter().enumerate().all(|(at, &vertex)| at == vertex as usize));
            let mut next = 0;
            for leaf in &tree.leaves {
                prop_assert!(leaf.first == next && leaf.end - leaf.first <= super::super::quadtree::LEAF as u32);
                next = leaf.end;
            }
            prop_assert_eq!(next as usize, points.len());
        }
    }
}
