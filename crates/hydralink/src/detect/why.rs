//! Why a network, in one line: what the accounts share, and what decided.
//!
//! A network is flagged on the stronger of two cases, by behaviour or by shape ([`crate::dossier::ScoreParts`]), and what is no
//! part of that one, or isn't counted in it, didn't decide, however strong it is. By behaviour the strongest signals of timing and
//! of content are named, since the case needs both; by shape, that no harmless story fits and what crosses its cards. Where the
//! two are added up, the strongest of all that is.

use evidence::{
    BenignLikelihood, Breakdown, Cases, NamedSignal, Origin, ScoreCard, ScoreConfig, SignalFamily, SignalName, broken_down,
    cases_left,
};

use crate::dossier::words;
use crate::results::Network;

/// Bits from which a signal is named.
const NAMED_BITS: f64 = 2.0;
/// Bits that a sum of the case loses without a signal, for it to be counted in it.
const COUNTED_BITS: f64 = 1.0;
/// Signals that are named.
const NAMED: usize = 2;

/// A reason and its bits.
type Said = (&'static str, f64);

/// One line: what the accounts share, and what the stronger case rests on.
pub(super) fn why(network: &Network, card: &ScoreCard, origin: Origin, score: &ScoreConfig) -> String {
    let shared: Vec<String> = network.identifiers_by_kind.iter().map(|(kind, &count)| format!("{} {kind}", count)).collect();
    let how = match origin {
        Origin::Common | Origin::Given => "share",
        Origin::Turns => "take turns at",
        Origin::HandedOn => "take up each other's rejected requests and share",
        Origin::Queue => "take turns in one queue and share",
        // No two of them are tied: one shares an address with another, a card with a third.
        Origin::Infrastructure => "act as one along chains of",
    };
    let mut text = match shared.join(", ") {
        none if none.is_empty() && origin == Origin::Given => {
            format!("{} accounts share nothing that they mostly keep to themselves", network.accounts)
        }
        none if none.is_empty() && origin == Origin::HandedOn => {
            format!("{} accounts take up each other's rejected requests", network.accounts)
        }
        none if none.is_empty() && origin == Origin::Queue => {
            format!("{} accounts take turns in one queue", network.accounts)
        }
        none if none.is_empty() => format!("{} accounts act as one", network.accounts),
        shared => format!("{} accounts {how} {shared} that they mostly keep to themselves", network.accounts),
    };
    for (phrase, bits) in decided(&card.signals, card.benign, score) {
        text.push_str(&format!("; {phrase} (+{bits:.0} bits)"));
    }
    text
}

/// What the stronger case rests on beside who is tied to whom, strongest first.
fn decided<Kind: Clone + Ord>(signals: &[NamedSignal<Kind>], told: BenignLikelihood, score: &ScoreConfig) -> Vec<Said> {
    let of = |families: &[SignalFamily]| counted(signals, told, score, families);
    let mut said = match broken_down(signals, told, score) {
        Breakdown { by_behaviour: Some(behaviour), by_shape: Some(shape), .. } if shape > behaviour => {
            let fits_none = ("no harmless story fits their shape", -told.bits);
            let mut said = of(&[SignalFamily::CrossLinked]);
            said.extend((fits_none.1 >= NAMED_BITS).then_some(fits_none));
            said
        }
        Breakdown { by_behaviour: Some(_), .. } => {
            let (timing, content) = (of(&[SignalFamily::Timing]), of(&[SignalFamily::Content]));
            let (mut said, mut rest) = (Vec::new(), Vec::new());
            for family in [timing, content] {
                said.extend(family.iter().copied().take(1));
                rest.extend(family.into_iter().skip(1));
            }
            rest.sort_by(|a, b| b.1.total_cmp(&a.1));
            said.extend(rest);
            said
        }
        _ => of(&[SignalFamily::Timing, SignalFamily::Content, SignalFamily::CrossLinked, SignalFamily::Other]),
    };
    said.truncate(NAMED);
    said.sort_by(|a, b| b.1.total_cmp(&a.1));
    said
}

/// The signals of some families that the case counts, strongest first, of equals in the order of their names: the sum of their
/// family would be less without them.
fn counted<Kind: Clone + Ord>(
    signals: &[NamedSignal<Kind>],
    told: BenignLikelihood,
    score: &ScoreConfig,
    families: &[SignalFamily],
) -> Vec<Said> {
    let all = cases_left(signals, told, score);
    let is_counted = |at: usize, family: SignalFamily| {
        let mut others = signals.to_vec();
        others.remove(at);
        let others = cases_left(&others, told, score);
        sum_of(&all, family) - sum_of(&others, family) >= COUNTED_BITS
    };
    let of_families = signals.iter().enumerate().filter_map(|(at, named)| {
        let (bits, family) = (named.signal.as_ref()?.bits, named.name.family());
        let is_named = bits >= NAMED_BITS && families.contains(&family) && is_counted(at, family);
        is_named.then_some((&named.name, bits))
    });
    let mut found: Vec<(&SignalName<Kind>, f64)> = of_families.collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
    found.into_iter().map(|(name, bits)| (words::phrase(name), bits)).collect()
}

/// The sum of a family, nothing where it wasn't measured.
fn sum_of(cases: &Cases, family: SignalFamily) -> f64 {
    match family {
        SignalFamily::Membership | SignalFamily::Sharing => cases.structure,
        SignalFamily::Timing => cases.timing.unwrap_or(0.0),
        SignalFamily::Content => cases.content.unwrap_or(0.0),
        SignalFamily::CrossLinked => cases.cross_linked.unwrap_or(0.0),
        SignalFamily::Habits => cases.habits,
        SignalFamily::Other => cases.other,
    }
}

#[cfg(test)]
mod tests {
    use evidence::{BenignHypothesis, Signal};

    use super::*;

    fn decided_by(lines: &[(SignalName<String>, f64)]) -> Vec<Said> {
        let signal = |bits: f64| Signal { value: 1.0, expected: 0.0, bits, p_value: None, power: None };
        let signals: Vec<NamedSignal<String>> =
            lines.iter().map(|(name, bits)| NamedSignal::new(name.clone(), Some(signal(*bits)))).collect();
        decided(&signals, BenignLikelihood { hypothesis: BenignHypothesis::Campus, bits: -11.0 }, &ScoreConfig::default())
    }

    #[test]
    fn a_line_names_what_decided_and_nothing_else() {
        use SignalName::{
            CapabilityConcentration, CrossLinked, Membership, OneQueue, OwnHours, Synchrony, TemplateFanOut, Tenure,
        };
        // By behaviour: one of timing and one of content, though content has two that are stronger; age isn't counted.
        let behaviour = [
            (Membership, 20.0),
            (CrossLinked, 0.0),
            (TemplateFanOut, 12.4),
            (CapabilityConcentration, 11.9),
            (Tenure, 11.5),
            (OneQueue, 9.0),
            (OwnHours, 4.5),
        ];
        let named = ["new prompts reach them sooner than others", "their requests look dealt out by one queue"];
        assert_eq!(decided_by(&behaviour).into_iter().map(|said| said.0).collect::<Vec<_>>(), named);
        // By shape: prompts that came fast are no part of it.
        let shape = [(Membership, 20.0), (CrossLinked, 12.0), (TemplateFanOut, 12.4), (Synchrony, -1.0), (Tenure, -1.0)];
        assert_eq!(
            decided_by(&shape),
            [("what they share crosses their cards", 12.0), ("no harmless story fits their shape", 11.0)]
        );
        // Nobody knows what they ask: all that is known adds up, age as well.
        let added = [(Membership, 20.0), (Tenure, 11.5), (OneQueue, 9.0), (OwnHours, 4.5)];
        assert_eq!(decided_by(&added).len(), 2);
        assert_eq!(decided_by(&added)[0], ("in full use sooner after they were made than others", 11.5));
    }
}
