//! What do the signals of each family add up to, as far as a harmless story leaves them, and how strong is the case that the sums
//! make?
//!
//! The formula, with its reasons, is that of [`super`].

use super::NamedSignal;
use crate::Signal;
use crate::behaviour::own_hours::one_clock;
use crate::benign::{BenignHypothesis, BenignLikelihood};
use crate::config::ScoreConfig;
use crate::names::{SignalFamily, SignalName};

/// A score and what it is made of, in bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Breakdown {
    /// The sums of the families, as far as the story leaves them.
    pub cases: Cases,
    /// Structure, as far as the story leaves it.
    pub against_story: f64,
    /// The case by behaviour; `None` where what is known of behaviour adds to the shape, as timing or content weren't measured,
    /// or content by tests without power only.
    pub by_behaviour: Option<f64>,
    /// The case by shape; `None` where nobody knows what it would rest on.
    pub by_shape: Option<f64>,
    /// The score.
    pub score: f64,
}

/// The sums of the families; `None` where nothing of a family could be measured.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cases {
    /// Membership and sharing.
    pub structure: f64,
    /// When accounts act and come.
    pub timing: Option<f64>,
    /// What accounts ask.
    pub content: Option<f64>,
    /// The signals that no story brings, strongest first and discounted; never negative.
    pub no_story_brings: f64,
    /// Whether any test of what they ask would rather have found something than not.
    pub content_has_power: bool,
    /// Whether the group is more than harmless parts.
    pub cross_linked: Option<f64>,
    /// Whether the accounts keep habits of their own; never positive.
    pub habits: f64,
    /// Anything else.
    pub other: f64,
}

impl Cases {
    /// The case as strong as its weakest part; `None` unless timing and content were measured.
    pub(super) fn weakest(self, told: BenignLikelihood, config: &ScoreConfig) -> Option<Breakdown> {
        let against_story = self.structure - told.bits.max(0.0);
        let by_behaviour = against_story.min(self.timing?).min(self.not_of_one_place(config)?);
        let by_shape = self.by_shape(told);
        let score = by_behaviour.max(by_shape.unwrap_or(f64::NEG_INFINITY)) + self.other.min(0.0);
        Some(Breakdown { cases: self, against_story, by_behaviour: Some(by_behaviour), by_shape, score })
    }

    /// What rules out a crowd that only sits in one place; `None` where nothing of content was measured.
    pub fn not_of_one_place(&self, config: &ScoreConfig) -> Option<f64> {
        Some(self.content? + self.beside_content(config))
    }

    /// What counts beside content in that: what no story brings, as the second signal of a family.
    pub fn beside_content(&self, config: &ScoreConfig) -> f64 {
        config.dependence_discount * self.no_story_brings
    }

    /// The shape and what is known of behaviour, added up.
    pub(super) fn added(self, told: BenignLikelihood) -> Breakdown {
        let story = told.bits.max(0.0);
        let behaviour = self.timing.unwrap_or(0.0) + self.content.unwrap_or(0.0) + self.other;
        let behaviour = if self.structure < 0.0 { behaviour.min(self.no_story_brings) } else { behaviour };
        let by_shape = told.tells_shape().then(|| self.of_shape(told));
        let against_story = self.structure * (-story).exp2() - story;
        let score = by_shape.unwrap_or(against_story) + behaviour;
        Breakdown { cases: self, against_story, by_behaviour: None, by_shape, score }
    }

    /// The case that the shape makes by itself; `None` where nobody knows whether the group is more than harmless parts.
    pub fn by_shape(&self, told: BenignLikelihood) -> Option<f64> {
        self.cross_linked?;
        Some(self.of_shape(told))
    }

    /// The weakest part of the shape, against chance, against the story and, where it was measured, against harmless parts,
    /// less what habits of its accounts take.
    fn of_shape(&self, told: BenignLikelihood) -> f64 {
        self.structure.min(-told.bits).min(self.cross_linked.unwrap_or(f64::INFINITY)) + self.habits.min(0.0)
    }
}

/// Dependence-aware sums of the families: see the formula of [`super`].
pub fn cases_of<Kind>(signals: &[NamedSignal<Kind>], config: &ScoreConfig) -> Cases {
    Cases { no_story_brings: no_story_brings(signals, |_| 1.0, config), ..sums(signals, |_, bits| bits, config) }
}

/// What is left of the case if a harmless story is told: signals that the story brings count by the odds that it does not hold,
/// given those that no story brings.
pub fn cases_left<Kind>(signals: &[NamedSignal<Kind>], told: BenignLikelihood, config: &ScoreConfig) -> Cases {
    let misfit = 1.0 - told.bits.min(0.0).exp2();
    let unlikely = |name: &SignalName<Kind>| if told.hypothesis.brings(name) { misfit } else { 1.0 };
    let no_story_brings = no_story_brings(signals, unlikely, config);
    let unexplained = 1.0 - (told.bits - no_story_brings).exp2().min(1.0);
    // Office hours speak for a company and no other story.
    let of_office = |named: &NamedSignal<Kind>| matches!(named.name, SignalName::OfficeHours);
    // Timers bring even loads, and each account's keeps hours of its own.
    let own_hours = signals.iter().find(|named| matches!(named.name, SignalName::OwnHours));
    let one_clock = own_hours.and_then(|named| named.signal.as_ref()).map_or(1.0, one_clock);
    let of_timers = |named: &NamedSignal<Kind>| matches!(named.name, SignalName::RegularUse);
    let left = |named: &NamedSignal<Kind>, bits: f64| match (bits > 0.0, told.hypothesis.brings(&named.name)) {
        (true, brings) if of_timers(named) => one_clock * if brings { unexplained * bits } else { bits },
        (true, true) => unexplained * bits,
        (false, true) if of_office(named) => (1.0 - unexplained) * bits,
        (false, false) if of_office(named) => 0.0,
        _ => bits,
    };
    Cases { no_story_brings, ..sums(signals, left, config) }
}

/// The sum of the signals that no story of people or customers brings, by the rule of a family, each by a part of its bits.
fn no_story_brings<Kind>(signals: &[NamedSignal<Kind>], part: impl Fn(&SignalName<Kind>) -> f64, config: &ScoreConfig) -> f64 {
    let of_operators = signals.iter().filter(|named| BenignHypothesis::none_brings(&named.name));
    let counted =
        |named: &NamedSignal<Kind>| Some(part(&named.name) * named.signal.as_ref()?.bits.clamp(0.0, config.signal_bits));
    let mut bits: Vec<f64> = of_operators.filter_map(counted).collect();
    bits.sort_unstable_by(|left, right| right.total_cmp(left));
    of_family(bits.into_iter(), config)
}

/// The sums of the families, where `counted` says what is left of a signal's bits; without what no story brings.
fn sums<Kind>(signals: &[NamedSignal<Kind>], counted: impl Fn(&NamedSignal<Kind>, f64) -> f64, config: &ScoreConfig) -> Cases {
    let mut present: Vec<(SignalFamily, f64)> = signals
        .iter()
        .filter_map(|named| {
            let bits = counted(named, named.signal.as_ref()?.bits);
            Some((named.name.family(), bits.clamp(-config.signal_bits, config.signal_bits)))
        })
        .collect();
    present.sort_by(|left, right| left.0.cmp(&right.0).then(right.1.total_cmp(&left.1)));
    let of_content = signals.iter().filter(|named| named.name.family() == SignalFamily::Content);
    let content_has_power = of_content.filter_map(|named| named.signal.as_ref()).any(Signal::has_power);
    let mut cases = Cases { content_has_power, ..Cases::default() };
    for family in present.chunk_by(|left, right| left.0 == right.0) {
        let sum = of_family(family.iter().map(|&(_, bits)| bits), config);
        match family[0].0 {
            SignalFamily::Membership | SignalFamily::Sharing => cases.structure += sum,
            SignalFamily::Timing => cases.timing = Some(sum),
            SignalFamily::Content => cases.content = Some(sum),
            SignalFamily::CrossLinked => cases.cross_linked = Some(sum),
            // What speaks for an operator here speaks against some stories, and has been counted there.
            SignalFamily::Habits => cases.habits = family.iter().map(|&(_, bits)| bits.min(0.0)).sum(),
            SignalFamily::Other => cases.other += sum,
        }
    }
    cases
}

/// The sum of a family's bits, strongest first: each is discounted once more than the one before, and negative ones count in full.
fn of_family(strongest_first: impl Iterator<Item = f64>, config: &ScoreConfig) -> f64 {
    let mut factor = 1.0;
    strongest_first.fold(0.0, |sum, bits| {
        let counted = if bits > 0.0 { factor * bits } else { bits };
        factor *= config.dependence_discount;
        sum + counted
    })
}
