//! How firm is the verdict, and what would change it?
//!
//! Counterfactuals by the score's own formula ([`evidence::score_against`]): the score without each signal in turn, the bits of
//! a harmless story that would bring it to the threshold, and, where it is below, what the weakest part of the case lacks.

use evidence::{BenignHypothesis, BenignLikelihood, Cases, NamedSignal, Signal, SignalName, cases_left, score_against};

use crate::detect::{DetectConfig, word};
use crate::results::Network;

/// More bits than any story or signal has.
const MOST_BITS: f64 = 1e3;

/// How far the score is from the threshold.
pub(crate) fn verdict(network: &Network, threshold: f64) -> String {
    let margin = network.score - threshold;
    if network.flagged && margin < 0.0 {
        format!("confirmed by people, {:.1} bits short of the threshold of {threshold:.1}", -margin)
    } else if network.flagged {
        format!("flagged, {margin:.1} bits over the threshold of {threshold:.1}")
    } else {
        format!("not flagged: {:.1} bits short of the threshold of {threshold:.1}", -margin)
    }
}

/// Sentences, the likeliest change first.
pub(crate) fn would_change(network: &Network, config: &DetectConfig) -> Vec<String> {
    let (score, threshold) = (&config.linkage.score, config.linkage.score.threshold_bits);
    let signals = named_signals(network);
    let told = BenignLikelihood { hypothesis: hypothesis_of(network), bits: network.benign_bits };
    let mut lines = Vec::new();
    let mut without: Vec<(f64, &SignalName<String>)> = (0..signals.len())
        .filter(|&left_out| signals[left_out].signal.is_some())
        .map(|left_out| {
            let mut rest = signals.clone();
            rest[left_out].signal = None;
            (score_against(&rest, told, score), &signals[left_out].name)
        })
        .collect();
    without.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(b.1)));
    if network.score >= threshold {
        let flipping: Vec<String> = without
            .iter()
            .filter(|&&(bits, _)| bits < threshold)
            .map(|&(bits, name)| format!("{name} ({bits:.1} bits left)"))
            .collect();
        match (flipping.is_empty(), without.first()) {
            (false, _) => {
                lines.push(format!("Without any one of these signals it would not be flagged: {}.", flipping.join(", ")))
            }
            (true, Some(&(bits, name))) => lines.push(format!(
                "No single signal: it stays flagged without any one of them, at the least with {bits:.1} bits, without {name}."
            )),
            (true, None) => {}
        }
        let story = story_needed(&signals, told.hypothesis, config);
        lines.push(format!(
            "The story that leaves least of the case, {}, has {:.1} bits; with {story:.1} it would explain it.",
            network.benign_hypothesis.replace('_', " "),
            network.benign_bits
        ));
    } else {
        let cases = cases_left(&signals, told, score);
        let structure = cases.structure - network.benign_bits.max(0.0);
        let parts = [("structure", Some(structure)), ("timing", cases.timing), ("content", cases.not_of_one_place(score))];
        for (name, bits) in parts {
            match bits {
                None => lines.push(format!("Evidence of {name}, which could not be measured here.")),
                Some(bits) if bits < threshold => {
                    lines.push(format!(
                        "{:.1} bits more of {name}: the case is as strong as its weakest part, and this has {bits:.1}.",
                        threshold - bits
                    ));
                }
                Some(_) => {}
            }
        }
        lines.extend(shape_lacks(&cases, told, threshold));
    }
    lines
}

/// What the shape lacks to be enough without behaviour.
fn shape_lacks(cases: &Cases, told: BenignLikelihood, threshold: f64) -> Option<String> {
    let parts = [
        ("structure", cases.structure),
        ("a shape that fits no harmless story", -told.bits),
        ("cross-linked accounts", cases.cross_linked?),
    ];
    let (weakest, bits) = parts.into_iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
    let habits = match cases.habits {
        habits if habits < 0.0 => format!(", and habits of their own take {:.1}", -habits),
        _ => String::new(),
    };
    Some(format!(
        "Or {:.1} bits more for its shape alone: its weakest part, {weakest}, has {bits:.1}{habits}.",
        threshold - cases.by_shape(told)?
    ))
}

/// The story that the network's score was told.
pub(super) fn hypothesis_of(network: &Network) -> BenignHypothesis {
    let named = BenignHypothesis::all().find(|hypothesis| word(hypothesis) == network.benign_hypothesis);
    named.unwrap_or(BenignHypothesis::Campus)
}

/// The bits of a harmless story at which the score meets the threshold, by bisection: the score never rises with the story.
fn story_needed(signals: &[NamedSignal<String>], hypothesis: BenignHypothesis, config: &DetectConfig) -> f64 {
    let score = &config.linkage.score;
    let (mut low, mut high) = (-MOST_BITS, MOST_BITS);
    for _ in 0..64 {
        let middle = (low + high) / 2.0;
        let flagged = score_against(signals, BenignLikelihood { hypothesis, bits: middle }, score) >= score.threshold_bits;
        *(if flagged { &mut low } else { &mut high }) = middle;
    }
    high
}

/// The score card as the score's formula takes it.
pub(super) fn named_signals(network: &Network) -> Vec<NamedSignal<String>> {
    let signal = |line: &crate::results::SignalLine| Signal {
        value: line.value,
        expected: line.expected,
        bits: line.bits,
        p_value: line.p_value,
        power: line.power,
    };
    let lines = network.signals.iter();
    lines.map(|(name, line)| NamedSignal::new(name.clone(), line.as_ref().map(signal))).collect()
}
