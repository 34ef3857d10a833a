//! What the phases run on: rows of weights of any width, and a mass per vertex for the null model.
//!
//! Networks have no self-loops: what lies within a vertex is the same under every partition, so no gain depends on it.
//!
//! Masses are whole numbers (of a unit so small that rounding to it is below the rounding of the weights' own sums): their sums
//! don't depend on the order of addition, so that many threads may add to one community at once.

use std::ops::Range;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use rayon::prelude::*;

/// Rows that one task makes at most ...
const TASK_ROWS: usize = 2048;
/// ... unless they have this room together.
const TASK_ENTRIES: usize = 1 << 14;

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
    #[inline]
    fn plus(self, other: Self) -> Self {
        self + other
    }
    #[inline]
    fn minus(self, other: Self) -> Self {
        self - other
    }
    #[inline]
    fn product(self, other: Self) -> f64 {
        self as f64 * other as f64
    }
    #[inline]
    fn into_cell(self) -> AtomicI64 {
        AtomicI64::new(self)
    }
    #[inline]
    fn of(cell: &AtomicI64) -> Self {
        cell.load(Relaxed)
    }
    #[inline]
    fn add_to(self, cell: &AtomicI64) {
        cell.fetch_add(self, Relaxed);
    }
    #[inline]
    fn store_in(self, cell: &AtomicI64) {
        cell.store(self, Relaxed);
    }
}

/// Left and right strength (Barber): only pairs across the sides are expected.
impl Mass for [i64; 2] {
    type Cell = [AtomicI64; 2];
    const ZERO: Self = [0; 2];
    #[inline]
    fn plus(self, other: Self) -> Self {
        [self[0] + other[0], self[1] + other[1]]
    }
    #[inline]
    fn minus(self, other: Self) -> Self {
        [self[0] - other[0], self[1] - other[1]]
    }
    #[inline]
    fn product(self, other: Self) -> f64 {
        self[0] as f64 * other[1] as f64 + self[1] as f64 * other[0] as f64
    }
    #[inline]
    fn into_cell(self) -> [AtomicI64; 2] {
        self.map(AtomicI64::new)
    }
    #[inline]
    fn of(cell: &[AtomicI64; 2]) -> Self {
        [cell[0].load(Relaxed), cell[1].load(Relaxed)]
    }
    #[inline]
    fn add_to(self, cell: &[AtomicI64; 2]) {
        cell[0].fetch_add(self[0], Relaxed);
        cell[1].fetch_add(self[1], Relaxed);
    }
    #[inline]
    fn store_in(self, cell: &[AtomicI64; 2]) {
        cell[0].store(self[0], Relaxed);
        cell[1].store(self[1], Relaxed);
    }
}

/// An edge weight: f32 in the input, f64 in aggregates.
pub(crate) trait Weight: Copy + Default + Into<f64> + Send + Sync + 'static {}
impl Weight for f32 {}
impl Weight for f64 {}

/// Weighted rows without self-loops, every edge in both; they need not ascend, and there may be unused room between them.
pub(crate) struct Network<W, M> {
    /// Where each row starts ...
    starts: Vec<u64>,
    /// ... and how many entries it has.
    degrees: Vec<u32>,
    targets: Vec<u32>,
    weights: Vec<W>,
    pub(crate) masses: Vec<M>,
    /// Vertices below this number have no edges among themselves, nor have the others: 0 unless the network is known to be
    /// bipartite.
    pub(crate) left_count: usize,
}

/// The edges of one vertex.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a, W> {
    pub(crate) targets: &'a [u32],
    pub(crate) weights: &'a [W],
}

impl<'a, W: Weight> Row<'a, W> {
    #[inline]
    pub(crate) fn iter(self) -> impl Iterator<Item = (u32, f64)> + 'a {
        self.targets.iter().zip(self.weights).map(|(&target, &weight)| (target, weight.into()))
    }
}

impl<W: Weight, M: Mass> Network<W, M> {
    pub(crate) fn vertex_count(&self) -> usize {
        self.masses.len()
    }

    #[inline]
    pub(crate) fn degree_of(&self, vertex: u32) -> usize {
        self.degrees[vertex as usize] as usize
    }

    #[inline]
    pub(crate) fn row_of(&self, vertex: u32) -> Row<'_, W> {
        let start = self.starts[vertex as usize] as usize;
        let row = start..start + self.degree_of(vertex);
        Row { targets: &self.targets[row.clone()], weights: &self.weights[row] }
    }

    /// Builds a network of which row r has at most `room[r]` entries: runs of rows are written in parallel, each where the room
    /// of the rows before it ends.
    pub(crate) fn build(room: &[u32], left_count: usize, write: impl Fn(Range<usize>, &mut Writer<'_, W, M>) + Sync) -> Self {
        let count = room.len();
        let runs = runs(room);
        let entries: usize = runs.iter().map(|&(_, entries)| entries).sum();
        let (mut starts, mut degrees, mut masses) = (vec![0u64; count], vec![0u32; count], vec![M::ZERO; count]);
        // Pages that nothing is written to are never touched.
        let (mut targets, mut weights) = (vec![0u32; entries], vec![W::default(); entries]);
        let (mut to_starts, mut to_degrees, mut to_masses) = (&mut starts[..], &mut degrees[..], &mut masses[..]);
        let (mut to_targets, mut to_weights) = (&mut targets[..], &mut weights[..]);
        let mut base = 0;
        let mut tasks = Vec::with_capacity(runs.len());
        for (rows, entries) in runs {
            const WHOLE: &str = "runs are cut from the whole";
            let writer = Writer {
                starts: to_starts.split_off_mut(..rows.len()).expect(WHOLE),
                degrees: to_degrees.split_off_mut(..rows.len()).expect(WHOLE),
                masses: to_masses.split_off_mut(..rows.len()).expect(WHOLE),
                targets: to_targets.split_off_mut(..entries).expect(WHOLE),
                weights: to_weights.split_off_mut(..entries).expect(WHOLE),
                base,
                row: 0,
                row_start: 0,
                end: 0,
            };
            base += entries as u64;
            tasks.push((rows, writer));
        }
        tasks.into_par_iter().with_max_len(1).for_each(|(rows, mut writer)| write(rows, &mut writer));
        Network { starts, degrees, targets, weights, masses, left_count }
    }
}

/// Consecutive rows that one task makes, and their room: cut where there is enough for a task.
fn runs(room: &[u32]) -> Vec<(Range<usize>, usize)> {
    let mut runs = Vec::new();
    let (mut first, mut entries) = (0, 0);
    for (row, &most) in room.iter().enumerate() {
        entries += most as usize;
        if entries >= TASK_ENTRIES || row + 1 - first == TASK_ROWS || row + 1 == room.len() {
            runs.push((first..row + 1, entries));
            (first, entries) = (row + 1, 0);
        }
    }
    runs
}

/// Some consecutive rows of a network, being made by one task.
pub(crate) struct Writer<'a, W, M> {
    starts: &'a mut [u64],
    degrees: &'a mut [u32],
    masses: &'a mut [M],
    targets: &'a mut [u32],
    weights: &'a mut [W],
    /// The entries before these rows.
    base: u64,
    row: usize,
    row_start: usize,
    end: usize,
}

impl<W: Weight, M: Mass> Writer<'_, W, M> {
    #[inline]
    pub(crate) fn push(&mut self, target: u32, weight: W) {
        self.targets[self.end] = target;
        self.weights[self.end] = weight;
        self.end += 1;
    }

    /// Ends the row whose entries have been pushed.
    #[inline]
    pub(crate) fn end_row(&mut self, mass: M) {
        self.starts[self.row] = self.base + self.row_start as u64;
        self.degrees[self.row] = (self.end - self.row_start) as u32;
        self.masses[self.row] = mass;
        self.row += 1;
        self.row_start = self.end;
    }
}
