//! What the phases run on: rows of weights of any width, and a mass per vertex for the null model.
//!
//! Networks have no self-loops: what lies within a vertex is the same under every partition, so no gain depends on it.
//!
//! Masses are whole numbers (of a unit so small that rounding to it is below the rounding of the weights' own sums): their sums
//! don't depend on the order of addition, so that many threads may add to one community at once.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use rayon::prelude::*;

/// The masses of a null model: numbers that add up, with a symmetric product. The expected weight between two sets of
/// vertices is λ · `product` of their masses.
pub(crate) trait Mass: Copy + Send + Sync {
    /// A mass that threads share.
    type Cell: Send + Sync;
    const ZERO: Self;
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    fn product(self, other: Self) -> f64;
    fn into_cell(self) -> Self::Cell;
    fn of(cell: &Self::Cell) -> Self;
    fn add_to(self, cell: &Self::Cell);
    fn store_in(self, cell: &Self::Cell);
}

/// Strength (modularity) or size (CPM).
impl Mass for i64 {
    type Cell = AtomicI64;
    const ZERO: Self = 0;
    fn plus(self, other: Self) -> Self {
        self + other
    }
    fn minus(self, other: Self) -> Self {
        self - other
    }
    fn product(self, other: Self) -> f64 {
        self as f64 * other as f64
    }
    fn into_cell(self) -> AtomicI64 {
        AtomicI64::new(self)
    }
    fn of(cell: &AtomicI64) -> Self {
        cell.load(Relaxed)
    }
    fn add_to(self, cell: &AtomicI64) {
        cell.fetch_add(self, Relaxed);
    }
    fn store_in(self, cell: &AtomicI64) {
        cell.store(self, Relaxed);
    }
}

/// Left and right strength (Barber): only pairs across the sides are expected.
impl Mass for [i64; 2] {
    type Cell = [AtomicI64; 2];
    const ZERO: Self = [0; 2];
    fn plus(self, other: Self) -> Self {
        [self[0] + other[0], self[1] + other[1]]
    }
    fn minus(self, other: Self) -> Self {
        [self[0] - other[0], self[1] - other[1]]
    }
    fn product(self, other: Self) -> f64 {
        self[0] as f64 * other[1] as f64 + self[1] as f64 * other[0] as f64
    }
    fn into_cell(self) -> [AtomicI64; 2] {
        self.map(AtomicI64::new)
    }
    fn of(cell: &[AtomicI64; 2]) -> Self {
        [cell[0].load(Relaxed), cell[1].load(Relaxed)]
    }
    fn add_to(self, cell: &[AtomicI64; 2]) {
        cell[0].fetch_add(self[0], Relaxed);
        cell[1].fetch_add(self[1], Relaxed);
    }
    fn store_in(self, cell: &[AtomicI64; 2]) {
        cell[0].store(self[0], Relaxed);
        cell[1].store(self[1], Relaxed);
    }
}

/// An edge weight: f32 in the input, f64 in aggregates.
pub(crate) trait Weight: Copy + Default + Into<f64> + Send + Sync {}
impl Weight for f32 {}
impl Weight for f64 {}

/// Weighted rows without self-loops, every edge in both; they need not ascend.
pub(crate) struct Network<W, M> {
    pub(crate) offsets: Vec<u64>,
    pub(crate) targets: Vec<u32>,
    pub(crate) weights: Vec<W>,
    pub(crate) masses: Vec<M>,
    /// Vertices below this number have no edges among themselves, nor have the others: 0 unless the network is known to be
    /// bipartite.
    pub(crate) left_count: usize,
}

impl<W: Weight, M: Mass> Network<W, M> {
    pub(crate) fn vertex_count(&self) -> usize {
        self.masses.len()
    }

    pub(crate) fn degree_of(&self, vertex: u32) -> usize {
        (self.offsets[vertex as usize + 1] - self.offsets[vertex as usize]) as usize
    }

    pub(crate) fn neighbors_of(&self, vertex: u32) -> &[u32] {
        &self.targets[self.range(vertex)]
    }

    pub(crate) fn row_of(&self, vertex: u32) -> impl Iterator<Item = (u32, f64)> {
        let row = self.range(vertex);
        self.targets[row.clone()].iter().zip(&self.weights[row]).map(|(&target, &weight)| (target, weight.into()))
    }

    fn range(&self, vertex: u32) -> std::ops::Range<usize> {
        self.offsets[vertex as usize] as usize..self.offsets[vertex as usize + 1] as usize
    }
}

/// Some consecutive rows of a network, made by one task.
pub(crate) struct Rows<W, M> {
    /// Where each row ends.
    pub(crate) ends: Vec<u64>,
    pub(crate) targets: Vec<u32>,
    pub(crate) weights: Vec<W>,
    pub(crate) masses: Vec<M>,
}

impl<W: Weight, M: Mass> Rows<W, M> {
    pub(crate) fn with_capacity(rows: usize) -> Self {
        let (targets, weights) = (Vec::new(), Vec::new());
        Rows { ends: Vec::with_capacity(rows), targets, weights, masses: Vec::with_capacity(rows) }
    }

    /// Ends the row whose entries have been pushed.
    pub(crate) fn end_row(&mut self, mass: M) {
        self.ends.push(self.targets.len() as u64);
        self.masses.push(mass);
    }

    /// Puts runs of rows together, in order.
    pub(crate) fn join(runs: Vec<Self>, left_count: usize) -> Network<W, M> {
        let (vertices, entries) =
            runs.iter().fold((0, 0), |(vertices, entries), run| (vertices + run.ends.len(), entries + run.targets.len()));
        let (mut offsets, mut masses) = (vec![0u64; vertices + 1], vec![M::ZERO; vertices]);
        let (mut targets, mut weights) = (vec![0u32; entries], vec![W::default(); entries]);
        let mut slots = Vec::with_capacity(runs.len());
        let (mut to_offsets, mut to_masses) = (&mut offsets[1..], &mut masses[..]);
        let (mut to_targets, mut to_weights) = (&mut targets[..], &mut weights[..]);
        let mut start = 0;
        for run in &runs {
            slots.push((
                to_offsets.split_off_mut(..run.ends.len()).expect("as long as all runs"),
                to_masses.split_off_mut(..run.ends.len()).expect("as long as all runs"),
                to_targets.split_off_mut(..run.targets.len()).expect("as long as all runs"),
                to_weights.split_off_mut(..run.targets.len()).expect("as long as all runs"),
                start,
                run,
            ));
            start += run.targets.len() as u64;
        }
        slots.into_par_iter().for_each(|(offsets, masses, targets, weights, start, run)| {
            offsets.iter_mut().zip(&run.ends).for_each(|(offset, end)| *offset = start + end);
            masses.copy_from_slice(&run.masses);
            targets.copy_from_slice(&run.targets);
            weights.copy_from_slice(&run.weights);
        });
        Network { offsets, targets, weights, masses, left_count }
    }
}
