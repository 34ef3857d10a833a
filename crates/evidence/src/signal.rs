//! One line of a score card.

/// A measured signal of one candidate network beside what its null expects.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Signal {
    /// The measured value; the signal's definition gives its unit.
    pub value: f64,
    /// What the null expects of a group of this size and volume.
    pub expected: f64,
    /// Log2 likelihood ratio of operator against benign that the value carries; may be negative.
    pub bits: f64,
    /// Probability, under the null, of a value at least this extreme; `None` where the signal has no test.
    pub p_value: Option<f64>,
    /// Probability of a p-value of at most .05 in a group of this size that is what the test looks for, as far as the
    /// population knows such groups; `None` where the test doesn't say, and is taken to find them.
    pub power: Option<f64>,
}

impl Signal {
    /// Power below which finding nothing says nothing.
    pub const LEAST_POWER: f64 = 0.5;

    /// Whether the test would rather have found something than not.
    pub fn has_power(&self) -> bool {
        self.power.is_none_or(|power| power >= Signal::LEAST_POWER)
    }
}
