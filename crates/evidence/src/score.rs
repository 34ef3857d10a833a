//! How strong is the case against a candidate, in bits?
//!
//! ```text
//! sum(F)    = sum over families in F, and signals in each, strongest first, of discount^rank * bits
//! story     = max(0, bits of the best harmless story)
//! evidence  = sum(structure) + sum(behaviour)
//! score     = sum(structure) * 2^-story + sum(behaviour) - story
//! ```
//!
//! *Structure* is the families membership and sharing: they rule out chance, not a harmless story. A story that fits explains them, so
//! they count only with the odds that it does not hold. *Behaviour* (all other families) speaks against the story and counts
//! in full. Signals of one family look at the same thing and are discounted; negative bits count in full, so that dependence
//! can't make a case stronger than its best signal plus discounted others. A signal whose input is missing is `None` and adds
//! nothing.
//!
//! Sharing signals compare the *repeat share* of a kind (1 - distinct / sightings) with that of random groups of as many
//! sightings drawn from the population, `1 - E[distinct] / s` where
//! `E[distinct] = sum over identifiers of 1 - (1 - d_i / S)^s`. So size cancels: a large group repeats popular identifiers by
//! chance, and that is what is expected of it. More distinct identifiers among as many sightings never raise the value (SC-3).
//!
//! Null of the p-values: the `s` sightings are drawn independently in proportion to degree; the number of repeats is then
//! asymptotically Poisson, with mean `s - E[distinct]`, for the sparse kinds that carry evidence; the p-value is that Poisson's upper tail.

use graph::{IdentifierId, KindId};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use statrs::distribution::{DiscreteCDF, Poisson};

use crate::benign::{BenignLikelihood, BenignVerdict};
use crate::config::ScoreConfig;
use crate::members::{Candidate, Role};
use crate::structure::KindShape;
use crate::{Facts, Signal};

/// What a signal looks at; signals of one family are dependent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalFamily {
    /// Who is tied to whom.
    Membership,
    /// Which identifiers repeat.
    Sharing,
    /// When accounts act and come.
    Timing,
    /// What accounts ask.
    Content,
    /// Anything else.
    Other,
}

/// A signal with its name; `None` where the input is missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamedSignal {
    /// A stable name for tables and files.
    pub name: String,
    /// What it looks at.
    pub family: SignalFamily,
    /// The measurement.
    pub signal: Option<Signal>,
}

/// The case for and against one candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreCard {
    /// All signals, also the missing ones.
    pub signals: Vec<NamedSignal>,
    /// The best harmless story.
    pub benign: BenignLikelihood,
    /// The case for an operator, before the harmless story is subtracted.
    pub evidence_bits: f64,
    /// The case after it.
    pub score_bits: f64,
    /// What to say first: kinds by how many members share them.
    pub why: Vec<Reason>,
}

/// "`members` accounts share `identifiers` identifiers of `kind`".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The kind's index.
    pub kind: u8,
    /// Members with a shared identifier of the kind.
    pub members: u32,
    /// Identifiers of the kind on two or more members.
    pub identifiers: u32,
}

/// What a random group of sightings repeats: the null of the sharing signals. Computed once for a data set.
#[derive(Clone, Debug, PartialEq)]
pub struct SharingNull {
    /// By kind: (degree, number of identifiers with it), ascending.
    degrees: Vec<Vec<(u32, u32)>>,
}

impl SharingNull {
    /// Counts the degrees of every kind. O(identifiers).
    pub fn of(facts: Facts<'_>) -> Self {
        let degrees = (0..facts.graph.kind_count())
            .into_par_iter()
            .map(|kind| {
                let range = facts.graph.identifiers_of_kind(KindId(kind as u8));
                let mut all: Vec<u32> =
                    range.map(|identifier| facts.graph.identifier_degree(IdentifierId(identifier)) as u32).collect();
                all.sort_unstable();
                all.chunk_by(|left, right| left == right).map(|run| (run[0], run.len() as u32)).collect()
            })
            .collect();
        SharingNull { degrees }
    }

    /// Expected distinct identifiers among `sightings` drawn in proportion to degree.
    pub fn expected_distinct(&self, kind: u8, sightings: u32) -> f64 {
        let degrees = &self.degrees[usize::from(kind)];
        let total: f64 = degrees.iter().map(|&(degree, number)| f64::from(degree) * f64::from(number)).sum();
        let draws = f64::from(sightings);
        degrees
            .iter()
            .map(|&(degree, number)| {
                let missed = draws * (-f64::from(degree) / total).ln_1p();
                f64::from(number) * -missed.exp_m1()
            })
            .sum()
    }
}

/// Adds up the case. `behaviour` holds the signals of the behavioural tests.
pub fn score_network(
    candidate: &Candidate,
    verdict: &BenignVerdict,
    null: &SharingNull,
    behaviour: &[NamedSignal],
    config: &ScoreConfig,
) -> ScoreCard {
    let mut signals = vec![membership_signal(candidate, config)];
    signals.extend(verdict.structure.kinds.iter().map(|shape| sharing_signal(shape, null, config)));
    signals.extend_from_slice(behaviour);
    let (structure, behaviour) = combine(&signals, config);
    let benign = verdict.best();
    let mut why: Vec<Reason> = verdict
        .structure
        .kinds
        .iter()
        .filter(|shape| shape.shared > 0)
        .map(|shape| Reason { kind: shape.kind, members: shape.sharing_members, identifiers: shape.shared })
        .collect();
    why.sort_by_key(|reason| (std::cmp::Reverse(reason.members), reason.identifiers, reason.kind));
    let story = benign.bits.max(0.0);
    let score_bits = structure * (-story).exp2() + behaviour - story;
    ScoreCard { signals, benign, evidence_bits: structure + behaviour, score_bits, why }
}

/// Indices of score cards, strongest case first, ties to the lower index.
pub fn rank_networks(cards: &[ScoreCard]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..cards.len()).collect();
    order.sort_by(|&left, &right| cards[right].score_bits.total_cmp(&cards[left].score_bits).then(left.cmp(&right)));
    order
}

/// Dependence-aware sums of the structural and of the behavioural families: see the module's formula.
fn combine(signals: &[NamedSignal], config: &ScoreConfig) -> (f64, f64) {
    let mut present: Vec<(SignalFamily, f64)> = signals
        .iter()
        .filter_map(|named| {
            let bits = named.signal.as_ref()?.bits;
            Some((named.family, bits.clamp(-config.signal_bits, config.signal_bits)))
        })
        .collect();
    present.sort_by(|left, right| left.0.cmp(&right.0).then(right.1.total_cmp(&left.1)));
    let (mut structure, mut behaviour) = (0.0, 0.0);
    for family in present.chunk_by(|left, right| left.0 == right.0) {
        let mut factor = 1.0;
        let sum = family.iter().fold(0.0, |sum, &(_, bits)| {
            let counted = if bits > 0.0 { factor * bits } else { bits };
            factor *= config.dependence_discount;
            sum + counted
        });
        match family[0].0 {
            SignalFamily::Membership | SignalFamily::Sharing => structure += sum,
            SignalFamily::Timing | SignalFamily::Content | SignalFamily::Other => behaviour += sum,
        }
    }
    (structure, behaviour)
}

/// Median log2 odds of the members that are not ambiguous; 0 is even odds.
fn membership_signal(candidate: &Candidate, config: &ScoreConfig) -> NamedSignal {
    let mut bits: Vec<f32> =
        candidate.members.iter().filter(|member| member.role != Role::Ambiguous).map(|member| member.bits).collect();
    bits.sort_unstable_by(f32::total_cmp);
    let signal = bits.get(bits.len() / 2).map(|&median| {
        let value = f64::from(median);
        let capped = value.clamp(-config.signal_bits, config.signal_bits);
        Signal { value, expected: 0.0, bits: capped, p_value: None }
    });
    NamedSignal { name: "membership".to_owned(), family: SignalFamily::Membership, signal }
}

/// The repeat share of one kind against random groups of as many sightings.
fn sharing_signal(shape: &KindShape, null: &SharingNull, config: &ScoreConfig) -> NamedSignal {
    let sightings = f64::from(shape.sightings);
    let expected_repeats = (sightings - null.expected_distinct(shape.kind, shape.sightings)).max(1e-9);
    let repeats = sightings - f64::from(shape.distinct);
    // Half a repeat is added to both, so that nothing observed and nothing expected is no evidence.
    let bits = ((repeats + 0.5) / (expected_repeats + 0.5)).log2().clamp(-config.signal_bits, config.signal_bits);
    let p_value = if repeats < 1.0 {
        Some(1.0)
    } else {
        Poisson::new(expected_repeats).ok().map(|poisson| poisson.sf(repeats as u64 - 1))
    };
    let signal = Signal { value: repeats / sightings, expected: expected_repeats / sightings, bits, p_value };
    NamedSignal { name: format!("sharing_{}", shape.kind), family: SignalFamily::Sharing, signal: Some(signal) }
}
