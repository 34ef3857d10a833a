//! What the phases run on: rows of weights of any width, and a mass per vertex for the null model.

/// The masses of a null model: numbers that add up, with a symmetric product. The expected weight between two sets of
/// vertices is λ · `product` of their masses.
pub(crate) trait Mass: Copy + Send + Sync {
    const ZERO: Self;
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    fn product(self, other: Self) -> f64;
}

/// Strength (modularity) or size (CPM).
impl Mass for f64 {
    const ZERO: Self = 0.0;
    fn plus(self, other: Self) -> Self {
        self + other
    }
    fn minus(self, other: Self) -> Self {
        self - other
    }
    fn product(self, other: Self) -> f64 {
        self * other
    }
}

/// Left and right strength (Barber): only pairs across the sides are expected.
impl Mass for [f64; 2] {
    const ZERO: Self = [0.0; 2];
    fn plus(self, other: Self) -> Self {
        [self[0] + other[0], self[1] + other[1]]
    }
    fn minus(self, other: Self) -> Self {
        [self[0] - other[0], self[1] - other[1]]
    }
    fn product(self, other: Self) -> f64 {
        self[0] * other[1] + self[1] * other[0]
    }
}

/// An edge weight: f32 in the input, f64 in aggregates.
pub(crate) trait Weight: Copy + Into<f64> + Send + Sync {}
impl Weight for f32 {}
impl Weight for f64 {}

/// A borrowed network. Rows as in [`graph::WeightedGraph`], except that aggregate rows don't ascend.
#[derive(Clone, Copy)]
pub(crate) struct Network<'a, W, M> {
    pub(crate) offsets: &'a [u64],
    pub(crate) targets: &'a [u32],
    pub(crate) weights: &'a [W],
    pub(crate) masses: &'a [M],
}

impl<W: Weight, M: Mass> Network<'_, W, M> {
    pub(crate) fn vertex_count(&self) -> usize {
        self.masses.len()
    }

    pub(crate) fn degree_of(&self, vertex: u32) -> usize {
        (self.offsets[vertex as usize + 1] - self.offsets[vertex as usize]) as usize
    }

    pub(crate) fn neighbors_of(&self, vertex: u32) -> &[u32] {
        &self.targets[self.offsets[vertex as usize] as usize..self.offsets[vertex as usize + 1] as usize]
    }

    /// The row of a vertex, its self-loop included.
    pub(crate) fn row_of(&self, vertex: u32) -> impl Iterator<Item = (u32, f64)> {
        let row = self.offsets[vertex as usize] as usize..self.offsets[vertex as usize + 1] as usize;
        self.targets[row.clone()].iter().zip(&self.weights[row]).map(|(&target, &weight)| (target, weight.into()))
    }
}

/// A network that owns its rows: the aggregate of a finer one.
pub(crate) struct Aggregate<M> {
    pub(crate) offsets: Vec<u64>,
    pub(crate) targets: Vec<u32>,
    pub(crate) weights: Vec<f64>,
    pub(crate) masses: Vec<M>,
}

impl<M: Mass> Aggregate<M> {
    pub(crate) fn network(&self) -> Network<'_, f64, M> {
        Network { offsets: &self.offsets, targets: &self.targets, weights: &self.weights, masses: &self.masses }
    }
}

/// Sums of weights by label. A short list is searched; past [`Tally::SHORT`] labels a dense array takes over, of which only
/// the touched places are reset.
#[derive(Default)]
pub(crate) struct Tally {
    dense: Vec<f64>,
    seen: Vec<bool>,
    labels: Vec<u32>,
    short: Vec<(u32, f64)>,
}

impl Tally {
    /// Rows up to this length are searched linearly.
    const SHORT: usize = 16;

    /// Sums `row` by label into (label, sum) pairs in order of first appearance. `label_count` bounds the labels.
    pub(crate) fn sum(&mut self, degree: usize, label_count: usize, row: impl Iterator<Item = (u32, f64)>) -> &[(u32, f64)] {
        self.short.clear();
        if degree <= Tally::SHORT {
            for (label, weight) in row {
                match self.short.iter_mut().find(|(other, _)| *other == label) {
                    Some((_, sum)) => *sum += weight,
                    None => self.short.push((label, weight)),
                }
            }
            return &self.short;
        }
        if self.dense.len() < label_count {
            self.dense.resize(label_count, 0.0);
            self.seen.resize(label_count, false);
        }
        for (label, weight) in row {
            if !self.seen[label as usize] {
                self.seen[label as usize] = true;
                self.labels.push(label);
            }
            self.dense[label as usize] += weight;
        }
        for label in self.labels.drain(..) {
            self.short.push((label, self.dense[label as usize]));
            self.dense[label as usize] = 0.0;
            self.seen[label as usize] = false;
        }
        &self.short
    }
}
