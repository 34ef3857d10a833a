//! Which far points can count as one?
//!
//! A quadtree over points in Morton order, flat: cells stand in depth-first order, and each knows where the next one outside of
//! it is, so that a walk is one loop over an array. A cell holds its mass, its centre of mass, and the distance from which on
//! it may count as one body: `size / theta`, where `size` is twice the greatest distance of a point from the centre, as in
//! Gephi.
//!
//! Steps: 1. quantise positions to as many bits as leave room for the index in 64, interleave, sort; 2. split runs of equal
//! prefixes down to leaves of at most [`LEAF`] points, leaving out cells with one child; 3. sum up from the leaves.
//!
//! Points closer to each other than the finest cell (the extent over 2^20 or so) can't be split by position. They are cut into
//! leaves by index, and such *crowded* leaves never open to others: the cost stays O(n log n) for any input.

use rayon::prelude::*;

use super::local::CHUNK;

/// Points of a leaf at most.
pub(super) const LEAF: usize = 24;

/// A cell of the tree.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cell {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) mass: f32,
    /// Square of the distance beyond which the cell counts as one body.
    pub(super) opening: f32,
    /// The next cell in depth-first order that isn't inside this one.
    pub(super) skip: u32,
    pub(super) inside: Inside,
}

/// What a cell holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Inside {
    /// More cells, the first of which comes next.
    #[default]
    Cells,
    /// The leaf of this number.
    Leaf(u32),
}

/// A run of points that are near each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaf {
    pub(super) first: u32,
    pub(super) end: u32,
    /// Middle and half extent of its bounding box.
    pub(super) middle: [f32; 2],
    pub(super) half: [f32; 2],
    /// Whether its points couldn't be told from its neighbours' by position.
    pub(super) crowded: bool,
}

/// Points in Morton order and the cells above them.
#[derive(Clone, Debug, Default)]
pub(super) struct Quadtree {
    pub(super) cells: Vec<Cell>,
    pub(super) leaves: Vec<Leaf>,
    /// The points, in Morton order.
    pub(super) xs: Vec<f32>,
    pub(super) ys: Vec<f32>,
    pub(super) masses: Vec<f32>,
    /// The vertex of each point.
    pub(super) order: Vec<u32>,
    keys: Vec<u64>,
    /// Bits of a key below which there is no position, only the index.
    index_bits: u32,
    inverse_theta: f32,
}

/// What a cell's parent needs to know of it.
struct Summary {
    x: f32,
    y: f32,
    mass: f32,
    /// A bound on the distance of any of its points from its centre.
    reach: f32,
    low: [f32; 2],
    high: [f32; 2],
}

impl Quadtree {
    /// Sorts the points and builds the cells, in the memory of the last time. All coordinates must be finite.
    pub(super) fn rebuild(&mut self, x: &[f32], y: &[f32], masses: &[f32], theta: f32) {
        self.inverse_theta = if theta > 0.0 { 1.0 / theta } else { f32::INFINITY };
        self.sort(x, y);
        let order = &self.order;
        let gather = |from: &[f32], to: &mut Vec<f32>| {
            order.par_iter().with_min_len(CHUNK).map(|&vertex| from[vertex as usize]).collect_into_vec(to);
        };
        gather(x, &mut self.xs);
        gather(y, &mut self.ys);
        gather(masses, &mut self.masses);
        self.cells.clear();
        self.leaves.clear();
        if !self.order.is_empty() {
            self.split(0, self.order.len());
        }
    }

    /// Morton keys above, indices below, in one number.
    fn sort(&mut self, x: &[f32], y: &[f32]) {
        let bounds = |values: &[f32]| {
            values
                .par_chunks(CHUNK)
                .map(|chunk| chunk.iter().fold([f32::MAX, f32::MIN], |[low, high], &at| [low.min(at), high.max(at)]))
                .reduce(|| [f32::MAX, f32::MIN], |one, other| [one[0].min(other[0]), one[1].max(other[1])])
        };
        let ([x_low, x_high], [y_low, y_high]) = (bounds(x), bounds(y));
        let axis_bits = ((x.len().max(1) as u64 - 1).leading_zeros() / 2).min(24);
        self.index_bits = 64 - 2 * axis_bits;
        let extent = f64::from(x_high) - f64::from(x_low);
        let extent = extent.max(f64::from(y_high) - f64::from(y_low)).max(f64::MIN_POSITIVE);
        let most = ((1u64 << axis_bits) - 1) as f64;
        let quantise = |at: f32, low: f32| ((f64::from(at) - f64::from(low)) / extent * most) as u64;
        let index_bits = self.index_bits;
        x.par_iter()
            .zip(y)
            .enumerate()
            .with_min_len(CHUNK)
            .map(|(index, (&x, &y))| {
                let key = spread_bits(quantise(x, x_low)) | (spread_bits(quantise(y, y_low)) << 1);
                (key << index_bits) | index as u64
            })
            .collect_into_vec(&mut self.keys);
        self.keys.par_sort_unstable();
        let mask = (1u64 << index_bits) - 1;
        self.keys.par_iter().with_min_len(CHUNK).map(|key| (key & mask) as u32).collect_into_vec(&mut self.order);
    }

    /// Makes the cell of a run of points.
    fn split(&mut self, first: usize, end: usize) -> Summary {
        if end - first <= LEAF {
            return self.push_leaf(first, end, false);
        }
        // The highest bit in which they differ; whole pairs of bits are levels of the tree.
        let differing = self.keys[first] ^ self.keys[end - 1];
        let bit = (64 - differing.leading_zeros()).next_multiple_of(2);
        let cell = self.cells.len();
        self.cells.push(Cell::default());
        let mut parts = Vec::with_capacity(4);
        if bit <= self.index_bits {
            for start in (first..end).step_by(LEAF) {
                parts.push(self.push_leaf(start, (start + LEAF).min(end), true));
            }
        } else {
            let shift = bit - 2;
            let mut start = first;
            while start < end {
                let digit = self.keys[start] >> shift;
                let stop = start + self.keys[start..end].partition_point(|key| key >> shift == digit);
                parts.push(self.split(start, stop));
                start = stop;
            }
        }
        self.finish(cell, Inside::Cells, &parts)
    }

    fn push_leaf(&mut self, first: usize, end: usize, crowded: bool) -> Summary {
        let cell = self.cells.len();
        self.cells.push(Cell::default());
        let parts: Vec<Summary> = (first..end)
            .map(|at| {
                let (x, y) = (self.xs[at], self.ys[at]);
                Summary { x, y, mass: self.masses[at], reach: 0.0, low: [x, y], high: [x, y] }
            })
            .collect();
        let summary = self.finish(cell, Inside::Leaf(self.leaves.len() as u32), &parts);
        let middle = [0, 1].map(|axis| 0.5 * (summary.low[axis] + summary.high[axis]));
        // The far corner, whichever way the middle was rounded.
        let half = [0, 1].map(|axis| (summary.high[axis] - middle[axis]).max(middle[axis] - summary.low[axis]));
        self.leaves.push(Leaf { first: first as u32, end: end as u32, middle, half, crowded });
        summary
    }

    /// Fills in a cell whose parts are there.
    fn finish(&mut self, cell: usize, inside: Inside, parts: &[Summary]) -> Summary {
        let mass: f32 = parts.iter().map(|part| part.mass).sum();
        let [x, y] = [0, 1].map(|axis| {
            let moment = |part: &Summary| part.mass / mass * if axis == 0 { part.x } else { part.y };
            parts.iter().map(moment).sum::<f32>()
        });
        let mut low = [f32::MAX; 2];
        let mut high = [f32::MIN; 2];
        let mut reach = 0f32;
        for part in parts {
            for axis in 0..2 {
                low[axis] = low[axis].min(part.low[axis]);
                high[axis] = high[axis].max(part.high[axis]);
            }
            reach = reach.max((part.x - x).hypot(part.y - y) + part.reach);
        }
        let corner = (high[0] - x).max(x - low[0]).hypot((high[1] - y).max(y - low[1]));
        let reach = reach.min(corner);
        // size / theta; a cell without extent is exact at any distance.
        let opening = if reach > 0.0 { (2.0 * reach * self.inverse_theta).powi(2) } else { 0.0 };
        self.cells[cell] = Cell { x, y, mass, opening, skip: self.cells.len() as u32, inside };
        Summary { x, y, mass, reach, low, high }
    }
}

/// Puts a 0 between any two bits of the lower half.
fn spread_bits(value: u64) -> u64 {
    let mut bits = value & 0xffff_ffff;
    for (shift, mask) in [
        (16, 0x0000_ffff_0000_ffff),
        (8, 0x00ff_00ff_00ff_00ff),
        (4, 0x0f0f_0f0f_0f0f_0f0f),
        (2, 0x3333_3333_3333_3333),
        (1, 0x5555_5555_5555_5555),
    ] {
        bits = (bits | (bits << shift)) & mask;
    }
    bits
}
