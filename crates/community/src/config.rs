//! What to optimise, and how hard to try.

/// The function a partition is judged by; its formulas stand in [`crate::quality`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quality {
    /// Newman and Girvan's modularity against the configuration model.
    #[default]
    Modularity,
    /// The constant Potts model: every vertex has size 1.
    Cpm,
    /// The constant Potts model in which only left vertices have size 1, right ones 0. Needs a bipartite graph.
    CpmLeft,
    /// Barber's bipartite modularity. Needs a bipartite graph.
    Barber,
}

/// A quality function with its parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QualityConfig {
    /// The function.
    pub quality: Quality,
    /// Resolution γ: larger values give smaller communities. For the constant Potts model the density a community must exceed.
    pub resolution: f64,
    /// The total weight `m` of the null model; `None` takes the graph's own. Give the whole graph's to work exactly on a
    /// connected part of it.
    pub total_weight: Option<f64>,
}

impl Default for QualityConfig {
    fn default() -> Self {
        QualityConfig { quality: Quality::Modularity, resolution: 1.0, total_weight: None }
    }
}

/// How many times the whole algorithm is repeated, each time from the partition found before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effort {
    /// [`Effort::FAST_PASSES`] passes, in which rounds of local moving end while there is still a little to gain: no community is
    /// disconnected, but a vertex may be better off elsewhere.
    #[default]
    Fast,
    /// Until a pass no longer improves the quality, at most [`Effort::MOST_PASSES`] times.
    Converge,
}

impl Effort {
    /// Passes of [`Effort::Fast`]: the second finds most of what the first missed, at a fraction of its cost.
    pub const FAST_PASSES: usize = 2;
    /// Bound on the passes of [`Effort::Converge`].
    pub const MOST_PASSES: usize = 100;

    /// A round of local moving that gains less than this much quality ends the phase, in the first pass. A tenth of it in the
    /// second, and so on: what a round leaves undone, the next pass finds.
    pub const LEAST_GAIN: f64 = 3e-3;
    /// From this pass on, rounds go on until nothing gains.
    const THOROUGH: usize = 2;

    /// The quality that a round must gain in a pass.
    pub(crate) fn least_gain(self, pass: usize) -> f64 {
        if pass < Effort::THOROUGH { Effort::LEAST_GAIN / 10f64.powi(pass as i32) } else { 0.0 }
    }

    /// Whether the search may end after some passes if the last hardly gained anything.
    pub(crate) fn may_end(self, passes: usize) -> bool {
        self == Effort::Converge && passes > Effort::THOROUGH
    }

    pub(crate) fn passes(self) -> usize {
        match self {
            Effort::Fast => Effort::FAST_PASSES,
            Effort::Converge => Effort::MOST_PASSES,
        }
    }
}

/// Settings of [`crate::leiden`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeidenConfig {
    /// What to optimise.
    pub objective: QualityConfig,
    /// How often to repeat.
    pub effort: Effort,
    /// Randomness θ of the refinement, in mean edge weights: a merge of gain g is chosen with probability ∝ exp(g / θ).
    pub randomness: f64,
    /// Seed of the visiting orders and of the refinement.
    pub seed: u64,
}

impl LeidenConfig {
    /// The value of the paper's experiments.
    pub const RANDOMNESS: f64 = 0.01;
}

impl Default for LeidenConfig {
    fn default() -> Self {
        let randomness = LeidenConfig::RANDOMNESS;
        LeidenConfig { objective: QualityConfig::default(), effort: Effort::Fast, randomness, seed: 0 }
    }
}

/// Settings of [`crate::louvain`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LouvainConfig {
    /// What to optimise.
    pub objective: QualityConfig,
    /// How often to repeat.
    pub effort: Effort,
    /// Seed of the visiting orders.
    pub seed: u64,
}
