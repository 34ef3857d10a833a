//! What can be chosen about a drawing?
//!
//! The settings of ForceAtlas2 under the names and with the defaults of Gephi, but for the edge weights: raw weights of account
//! data span orders of magnitude and pull heavy clusters into one blob, so their logarithm is the default here.

/// The settings of a layout.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayoutConfig {
    /// Iterations at most; each component stops before that when it has settled.
    pub iterations: u32,
    /// A component has settled when its vertices move less than this in an iteration, on average. 0 never settles.
    pub settled: f32,
    /// A component of [`LARGE`] vertices and more has settled as well when its shape changes by less than this share in
    /// [`BETWEEN_LOOKS`] iterations: the mean length of its edges by pull, in units of the root mean square distance from the
    /// middle. It then cools. 0 never settles.
    pub steady: f32,
    /// How strongly vertices repel each other.
    pub scaling: Scaling,
    /// How strongly each vertex is drawn to the middle of its component.
    pub gravity: f32,
    /// How gravity depends on distance.
    pub gravity_mode: GravityMode,
    /// How the attraction along an edge depends on distance.
    pub attraction: Attraction,
    /// Whether attraction is shared out among a hub's edges.
    pub hubs: Hubs,
    /// How an edge's weight becomes its pull.
    pub edge_weights: EdgeWeights,
    /// Barnes-Hut: a cell counts as one body from `size / theta` on. Larger is faster and less exact; 0 compares all pairs.
    pub theta: f32,
    /// How much swinging is tolerated: larger is faster and less precise.
    pub jitter_tolerance: f32,
    /// The radius of a vertex without edges; one of degree `d` has `1 + log2(d + 1) / 4` times that.
    pub vertex_radius: f32,
    /// What happens to overlapping vertices at the end.
    pub overlaps: Overlaps,
}

/// How strongly vertices repel each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scaling {
    /// As Gephi chooses: [`SCALING_OF_SMALL`] for graphs of fewer than [`SMALL`] vertices, else [`SCALING_OF_LARGE`].
    BySize,
    /// This much.
    Fixed(f32),
}

/// Gephi's scaling for small graphs.
pub const SCALING_OF_SMALL: f32 = 10.0;
/// Gephi's scaling for the others.
pub const SCALING_OF_LARGE: f32 = 2.0;
/// Vertices from which on a graph isn't small.
pub const SMALL: usize = 100;

/// Vertices from which on a component settles by its shape.
pub const LARGE: usize = 4096;
/// Iterations between two looks at a shape.
pub const BETWEEN_LOOKS: u32 = 20;

/// How gravity depends on distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GravityMode {
    /// The same at any distance.
    Constant,
    /// Proportional to the distance ("strong gravity").
    Proportional,
}

/// How the attraction along an edge depends on distance `d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attraction {
    /// `d`.
    Linear,
    /// `ln(1 + d)`: "LinLog mode", which draws clusters tighter and further apart (Noack 2007).
    Logarithmic,
}

/// Whether attraction is shared out among a hub's edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hubs {
    /// No: hubs end up in the middle.
    Attract,
    /// The pull of an edge is divided by the mass of its heavier end, and multiplied by the mean mass: "dissuade hubs", which
    /// sends hubs to the rim. (Gephi takes the edge's source, which an undirected graph doesn't have.)
    Dissuade,
}

/// What happens to overlapping vertices at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlaps {
    /// Nothing.
    Keep,
    /// They push each other apart in this many passes at most; those that still overlap go to the nearest free places.
    Remove {
        /// Passes at most.
        passes: u32,
    },
}

/// Passes that push overlapping vertices apart, unless told otherwise.
pub const OVERLAP_PASSES: u32 = 30;

/// How an edge's weight `w` becomes its pull.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EdgeWeights {
    /// `w` to this power: Gephi's "edge weight influence". 0 ignores weights, 1 is Gephi's default.
    Power(f32),
    /// `ln(1 + w)`.
    Logarithmic,
}

impl Default for LayoutConfig {
    fn default() -> Self {
        LayoutConfig {
            iterations: 500,
            settled: 1e-3,
            steady: 2e-3,
            scaling: Scaling::BySize,
            gravity: 1.0,
            gravity_mode: GravityMode::Constant,
            attraction: Attraction::Linear,
            hubs: Hubs::Attract,
            edge_weights: EdgeWeights::Logarithmic,
            theta: 1.2,
            jitter_tolerance: 1.0,
            vertex_radius: 1.0,
            overlaps: Overlaps::Remove { passes: OVERLAP_PASSES },
        }
    }
}

impl Scaling {
    /// The number, for a graph of so many vertices.
    pub fn for_vertices(self, vertex_count: usize) -> f32 {
        match self {
            Scaling::Fixed(scaling) => scaling,
            Scaling::BySize if vertex_count < SMALL => SCALING_OF_SMALL,
            Scaling::BySize => SCALING_OF_LARGE,
        }
    }
}

impl EdgeWeights {
    /// The pull of an edge. Weights that aren't positive numbers pull nothing.
    pub fn pull_of(self, weight: f32) -> f32 {
        if weight.is_nan() || weight <= 0.0 {
            return 0.0;
        }
        match self {
            EdgeWeights::Logarithmic => weight.min(f32::MAX).ln_1p(),
            EdgeWeights::Power(0.0) => 1.0,
            EdgeWeights::Power(1.0) => weight.min(f32::MAX),
            EdgeWeights::Power(influence) => weight.powf(influence).min(f32::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_become_pulls() {
        assert_eq!(EdgeWeights::Power(0.0).pull_of(7.0), 1.0);
        assert_eq!(EdgeWeights::Power(0.5).pull_of(9.0), 3.0);
        assert!((EdgeWeights::Logarithmic.pull_of(1.0) - 2f32.ln()).abs() < 1e-6);
        for weights in [EdgeWeights::Power(1.0), EdgeWeights::Power(0.0), EdgeWeights::Logarithmic] {
            assert!([-1.0, 0.0, f32::NAN].iter().all(|&weight| weights.pull_of(weight) == 0.0));
            assert!(weights.pull_of(f32::INFINITY).is_finite());
        }
    }

    #[test]
    fn scaling_follows_gephi() {
        assert_eq!([99, 100].map(|count| Scaling::BySize.for_vertices(count)), [10.0, 2.0]);
        assert_eq!(Scaling::Fixed(3.0).for_vertices(5), 3.0);
    }
}
