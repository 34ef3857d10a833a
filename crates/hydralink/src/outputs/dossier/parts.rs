//! How does a score come about?
//!
//! The two cases that a network can be flagged on, each as strong as its weakest part ([`evidence::ScoreConfig`] and the module
//! of [`evidence::score_against`] have the formula): what each part has and what it rules out.

use evidence::{BenignLikelihood, Breakdown, broken_down, cases_left};
use serde::Serialize;

use super::verdict::{hypothesis_of, named_signals};
use crate::detect::DetectConfig;
use crate::results::Network;

/// A score and its parts, in bits, against the best benign hypothesis.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ScoreParts {
    /// Who is tied to whom, and what repeats.
    pub structure: f64,
    /// The same, less what the hypothesis explains.
    pub structure_left: f64,
    /// When accounts act and come; absent where nothing of it was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timing: Option<f64>,
    /// The same, less what the hypothesis brings: what counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timing_left: Option<f64>,
    /// What accounts ask; absent where nothing of it was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<f64>,
    /// The same, less what the hypothesis brings: what counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_left: Option<f64>,
    /// What counts beside content, where the case by behaviour does: what no hypothesis brings, discounted.
    pub no_hypothesis_brings: f64,
    /// How badly the shape fits any harmless hypothesis.
    pub fits_no_hypothesis: f64,
    /// Whether it is more than harmless parts; absent where cards and devices are unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cross_linked: Option<f64>,
    /// What hours of their own and age take from the case by shape.
    pub habits: f64,
    /// What else takes from the score, or adds to it where timing or content are unknown.
    pub other: f64,
    /// The case by behaviour; absent unless timing and content were measured, by tests that could have found something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_behaviour: Option<f64>,
    /// The case by shape; absent where nobody knows what it would rest on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_shape: Option<f64>,
    /// The score.
    pub score: f64,
}

impl ScoreParts {
    pub(super) fn of(network: &Network, config: &DetectConfig) -> ScoreParts {
        let told = BenignLikelihood { hypothesis: hypothesis_of(network), bits: network.benign_bits };
        let signals = named_signals(network);
        let Breakdown { cases, against_story, by_behaviour, by_shape, score } =
            broken_down(&signals, told, &config.linkage.score);
        let before = cases_left(&signals, BenignLikelihood { bits: f64::NEG_INFINITY, ..told }, &config.linkage.score);
        ScoreParts {
            structure: cases.structure,
            structure_left: against_story,
            timing: before.timing,
            timing_left: cases.timing,
            content: before.content,
            content_left: cases.content,
            no_hypothesis_brings: cases.beside_content(&config.linkage.score),
            fits_no_hypothesis: -told.bits,
            cross_linked: cases.cross_linked,
            habits: cases.habits.min(0.0),
            other: if by_behaviour.is_some() { cases.other.min(0.0) } else { cases.other },
            by_behaviour,
            by_shape,
            score,
        }
    }

    /// Rows of a table: part, bits, and what the part rules out.
    pub fn rows(&self) -> Vec<[String; 3]> {
        let row = |part: &str, bits: f64, rules_out: &str| [part.to_owned(), format!("{bits:+.1}"), rules_out.to_owned()];
        let unmeasured = |part: &str| [part.to_owned(), "n/a".to_owned(), String::new()];
        let part =
            |name: &str, bits: Option<f64>, out: &str| bits.map_or_else(|| unmeasured(name), |bits| row(name, bits, out));
        let mut rows = Vec::new();
        if let Some(bits) = self.by_behaviour {
            rows.push(row("by behaviour: the weakest of", bits, ""));
            rows.push(row("- structure, less the story", self.structure_left, "chance, and the harmless story"));
            rows.push(part("- timing, less the story", self.timing_left, "a crowd that only uses the same thing"));
            let content = self.content_left.map(|bits| bits + self.no_hypothesis_brings);
            rows.push(part("- content, less the story", content, "a crowd that only sits in one place"));
            if self.no_hypothesis_brings > 0.0 {
                rows.push(row("  of that no story brings", self.no_hypothesis_brings, ""));
            }
        }
        if let Some(bits) = self.by_shape {
            rows.push(row("by shape: the weakest of", bits, ""));
            rows.push(row("- structure", self.structure, "chance"));
            rows.push(row("- fits no harmless story", self.fits_no_hypothesis, "each harmless story by itself"));
            rows.extend(self.cross_linked.map(|bits| row("- cross-linked", bits, "harmless groups put together")));
            if self.habits < 0.0 {
                rows.push(row("  less hours of their own, and age", self.habits, ""));
            }
        }
        match (self.by_behaviour, self.by_shape) {
            (Some(_), _) if self.other < 0.0 => rows.push(row("less what else speaks against it", self.other, "")),
            (Some(_), _) => {}
            (None, by_shape) => {
                if by_shape.is_none() {
                    rows.push(row("structure, less the story", self.structure_left, "chance, and the harmless story"));
                }
                rows.push(part("and timing, less the story", self.timing_left, "a crowd that only uses the same thing"));
                rows.push(part("and content, less the story", self.content_left, "a crowd that only sits in one place"));
                rows.push(row("and what else is known", self.other, ""));
            }
        }
        let stronger = if self.by_behaviour.is_some() && self.by_shape.is_some() { "the stronger case" } else { "" };
        rows.push(row("score", self.score, stronger));
        rows
    }
}
