//! The score card in words, for those who have to defend it and those whom it is held against.
//!
//! A signal has a *phrase*, for a list, and a *sentence*: what was found and what its null expects, in the units of the
//! signal's own definition ([`evidence::behaviour`], [`evidence::NamedSignal`]). A signal made of tests is told by the tests
//! that speak for it. Sentences say what was measured, and not what it means: that is for the bits.

use std::collections::BTreeMap;

use evidence::behaviour::registration_bursts;
use evidence::{SignalFamily, SignalName, TestName};
use graph::AccountId;

use super::ScoreParts;
use crate::counted::percent;
use crate::dataset::{Allowed, Dataset};
use crate::detect::DetectConfig;
use crate::results::{Network, SignalLine};

/// Bits from which a signal, or a test of one, is told as found.
const TOLD_BITS: f64 = 1.0;

/// What the words of a network's signals go by beside their numbers; nothing where the settings of the detection can't be read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    /// How the score comes about.
    parts: Option<ScoreParts>,
    /// The seconds within which most of its accounts were made, if that was measured.
    burst: Option<f64>,
}

impl Told {
    pub(super) fn of(
        dataset: &Dataset,
        network: &Network,
        members: &[AccountId],
        parts: Option<ScoreParts>,
        config: Option<&DetectConfig>,
    ) -> Told {
        let nobody = Allowed::default();
        let line = network.signals.get(&SignalName::RegistrationBursts).and_then(Option::as_ref);
        let burst = line.zip(config).and_then(|(line, config)| {
            registration_bursts::window_of(&dataset.facts_on(dataset.graph(), &nobody), members, line.value, &config.behaviour)
        });
        Told { parts, burst }
    }

    /// What is to be known of a signal that isn't in the score.
    fn not_counted<Kind>(&self, name: &SignalName<Kind>, bits: f64) -> &'static str {
        let by_behaviour = self.parts.is_some_and(|parts| parts.by_behaviour.is_some());
        match name.family() {
            SignalFamily::Habits if bits > 0.0 => " (Not counted in the score, only against harmless stories.)",
            SignalFamily::Other if bits > 0.0 && by_behaviour => " (Not counted in the score.)",
            _ => "",
        }
    }
}

/// What was found, strongest first: signals that speak for an operator.
pub(super) fn findings(network: &Network, with: Told) -> Vec<String> {
    told(network, with, Side::For).iter().map(Reason::with_bits).collect()
}

/// Signals that speak against it, worst first, but for those whose bits would be told as none.
pub(super) fn counter_evidence(network: &Network, with: Told) -> Vec<String> {
    told(network, with, Side::Against).iter().map(Reason::with_bits).collect()
}

/// Why signals couldn't be measured, by their names.
pub(super) fn not_measured(dataset: &Dataset, network: &Network, members: &[AccountId]) -> BTreeMap<String, String> {
    let nobody = Allowed::default();
    let facts = dataset.facts_on(dataset.graph(), &nobody);
    let missing = network.signals.iter().filter(|(_, line)| line.is_none());
    missing.map(|(name, _)| (name.to_string(), evidence::why_not_measured(&facts, name, members))).collect()
}

/// What a signal speaks for.
#[derive(Clone, Copy)]
pub(super) enum Side {
    /// An operator.
    For,
    /// A harmless explanation.
    Against,
}

/// A signal in words.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reason {
    /// Its bits, of its own sign.
    pub(crate) bits: f64,
    /// What was measured.
    pub(crate) sentence: String,
    /// The same for somebody who doesn't know what bits are.
    pub(crate) plainly: String,
    /// What is to be known of a signal that isn't in the score.
    pub(crate) note: &'static str,
}

impl Reason {
    fn with_bits(&self) -> String {
        format!("{:+.1} bits: {}{}", self.bits, self.sentence, self.note)
    }
}

/// The signals of a side that are told, those that say most first.
pub(super) fn told(network: &Network, with: Told, side: Side) -> Vec<Reason> {
    let size = |line: &SignalLine| match side {
        Side::For => line.bits,
        Side::Against => -line.bits,
    };
    let fewest = match side {
        Side::For => TOLD_BITS,
        Side::Against => 0.05,
    };
    let measured = network.signals.iter().filter_map(|(name, line)| Some((name, line.as_ref()?)));
    let mut lines: Vec<(&SignalName<String>, &SignalLine)> = measured.filter(|(_, line)| size(line) >= fewest).collect();
    lines.sort_by(|a, b| size(b.1).total_cmp(&size(a.1)).then(a.0.cmp(b.0)));
    let said = |(name, line): (&SignalName<String>, &SignalLine)| {
        let sentence = sentence(name, line, with);
        Reason {
            bits: line.bits,
            plainly: plainly(name, line).unwrap_or_else(|| sentence.clone()),
            sentence,
            note: with.not_counted(name, line.bits),
        }
    };
    lines.into_iter().map(said).collect()
}

/// Of a signal that is itself of bits, what it says without them.
fn plainly(signal: &SignalName<String>, line: &SignalLine) -> Option<String> {
    match signal {
        SignalName::Membership if line.bits >= 0.0 => Some(
            "Half of its accounts or more each have more in common with the others than accounts that do not belong together have."
                .to_owned(),
        ),
        SignalName::Membership => Some(
            "Half of its accounts or more each have no more in common with the others than accounts that do not belong together \
             have."
                .to_owned(),
        ),
        _ => None,
    }
}

/// What a signal of behaviour, or of shape, says, in a few words.
pub(crate) fn phrase<Kind>(signal: &SignalName<Kind>) -> &'static str {
    match signal {
        SignalName::BanAndReplace => "new accounts follow their bans",
        SignalName::CapabilityConcentration => "they ask for fewer kinds of work than others",
        SignalName::CrossLinked => "what they share crosses their cards",
        SignalName::DiurnalPhase => "their hours don't fit the countries that they declare",
        SignalName::LaunchPivot => "they took up a new model sooner than others",
        SignalName::OneQueue => "their requests look dealt out by one queue",
        SignalName::RegistrationBursts => "more of them made at a time than of others",
        SignalName::RegistrationPace => "made at a more even pace than others",
        SignalName::RegularUse => "used more regularly than others",
        SignalName::Synchrony => "active at the same moments more than chance gives",
        SignalName::TemplateFanOut => "new prompts reach them sooner than others",
        SignalName::Tenure => "in full use sooner after they were made than others",
        SignalName::AgedAccounts => "aged accounts",
        SignalName::Membership => "membership",
        SignalName::OfficeHours => "office hours",
        SignalName::OwnHours => "own hours",
        SignalName::Sharing(_) => "what they share repeats",
        SignalName::Turns => "turns",
    }
}

/// What was measured, in one sentence or more.
fn sentence(signal: &SignalName<String>, line: &SignalLine, with: Told) -> String {
    let (value, expected) = (line.value, line.expected);
    let (found, usual) = (amount(value), amount(expected));
    let (share, usual_share) = (percent(value), percent(expected));
    match signal {
        SignalName::AgedAccounts => format!(
            "By that its accounts were {} old when first in full use, where such accounts are {}: accounts of long ago look like \
             people's. It counts against the case by shape alone.",
            length(value * 24.0),
            length(expected * 24.0)
        ),
        SignalName::Tenure => format!(
            "From when its accounts were made to their first full day it took {}; of accounts of the same pathway and volume that were \
             made while the log ran, too, {}.",
            length(value * 24.0),
            length(expected * 24.0)
        ),
        SignalName::BanAndReplace => format!(
            "{share} of the bans are followed by a new account that shares an identifier with the banned one; {usual_share} if the \
             bans had fallen at other times, or on others of it at the same ages. How soon new accounts follow, whatever they \
             share, counts as well."
        ),
        SignalName::CapabilityConcentration => format!(
            "How few kinds of work it asks for, from 0 (an even mix) to 1 (one kind): {found}; accounts of the same pathway and \
             volume, {usual}."
        ),
        SignalName::CrossLinked => format!(
            "{share} of its accounts are on one card (or, where nobody knows cards, one device) with others of it and share two or \
             more things, which it keeps to itself, with its accounts on other cards, one of them a prompt where it is known what \
             they ask; of harmless groups put together, {usual_share}."
        ),
        SignalName::DiurnalPhase => format!(
            "The hours of its accounts lie {} {} than is usual in the countries that they declare (where none is known, for everybody); \
             what counts is by how much more they are out of step with these than others are.",
            length(value.abs()),
            if value < 0.0 { "earlier" } else { "later" }
        ),
        SignalName::LaunchPivot => format!(
            "In the first hours after a release {share} of its exchanges went to the new model; of accounts of the same pathway \
             and volume, {usual_share}."
        ),
        SignalName::Membership => {
            format!("Half of its accounts belong to it by {found} bits of evidence of their own, or by more.")
        }
        SignalName::OfficeHours => format!(
            "{share} of its exchanges are in its best nine hours of Monday to Friday or of Sunday to Thursday; in a week without rhythm, {usual_share}."
        ),
        SignalName::OwnHours => {
            format!(
                "Its accounts differ from each other in their hours {} as much as anybody's do; on one clock, not at all.",
                // An estimate of a variance: about as often below 0 as above where there is none.
                percent(value.max(0.0))
            )
        }
        SignalName::RegistrationBursts => {
            let window = with.burst.map_or("one burst".to_owned(), |seconds| length(seconds / 3_600.0));
            format!(
                "{found} of its accounts were made within {window}; of as many accounts made by everybody about then, {usual}."
            )
        }
        SignalName::RegistrationPace => format!(
            "How many of its accounts were made in a day, or a part of one, varies by {found} of their mean, where an even pace has \
             0; of as many made by everybody in that time, by {usual}."
        ),
        SignalName::Synchrony => format!(
            "Of the moments at which either of two of its accounts is active, both are at {share}; {usual_share} if each kept \
             its days and hours by itself."
        ),
        SignalName::TemplateFanOut => format!(
            "A new prompt reaches half of its users within {}; other prompts of as many users, within {}.",
            length(value),
            length(expected)
        ),
        SignalName::Turns => format!(
            "{share} of the requests with its own prompts come from the account that made the one before; in a random order, \
             {usual_share}."
        ),
        SignalName::Sharing(kind) => format!(
            "{kind}: {share} of its sightings repeat one of another of its accounts; in random groups of as many, {usual_share}."
        ),
        SignalName::OneQueue => by_tests("How its requests are dealt out", line),
        SignalName::RegularUse => by_tests("How regularly its accounts are used", line),
    }
}

/// What a composed signal is about, and what its tests found, the strongest first.
fn by_tests(subject: &str, line: &SignalLine) -> String {
    let mut tests: Vec<(&TestName, &SignalLine)> = line.tests.iter().filter(|(_, test)| test.bits >= TOLD_BITS).collect();
    tests.sort_by(|a, b| b.1.bits.total_cmp(&a.1.bits).then(a.0.cmp(b.0)));
    if tests.is_empty() {
        return format!("{subject}: none of the tests finds more than chance gives.");
    }
    let found: Vec<String> = tests.into_iter().map(|(&test, line)| tested(test, line.value, line.expected)).collect();
    format!("{subject}: {}", found.join(" "))
}

/// What a test says that a composed signal is made of.
fn tested(test: TestName, value: f64, expected: f64) -> String {
    let (found, usual) = (amount(value), amount(expected));
    let (share, usual_share) = (percent(value), percent(expected));
    match test {
        TestName::AntiBunching => format!(
            "Two of its accounts are active within the same moments {found} times, independent accounts would be {usual} times: \
             whoever deals requests out doesn't send two at once."
        ),
        TestName::EvenLoad => {
            format!("How uneven loads are from account to account, from 0 (dealt out evenly) over 1 (chance): {found}.")
        }
        TestName::HandOff => format!(
            "{share} of the rejected requests are followed within seconds by another of its accounts with the same prompt; \
             {usual_share} would be had any other request nearby been rejected instead."
        ),
        TestName::SessionCutoff => format!(
            "{share} of the sessions that end about a round time-to-live end just before it, not just after; of everybody's, \
             or with the same pauses in another order, {usual_share}."
        ),
        TestName::Succession => format!(
            "How long the account has rested that is next, from 0 (it was the last) to 1 (it rested longest): {found}; with \
             its accounts' times moved against each other, or their sessions exchanged, {usual}."
        ),
    }
}

/// A number to three figures, or as a whole.
pub(super) fn amount(value: f64) -> String {
    // Zero without a sign.
    let value = value + 0.0;
    match value.abs() {
        size if size >= 99.95 || value.fract() == 0.0 => format!("{value:.0}"),
        size => {
            let decimals = (2 - size.log10().floor() as i32).clamp(1, 6) as usize;
            format!("{value:.decimals$}")
        }
    }
}

/// Hours in the unit that says most.
fn length(hours: f64) -> String {
    let of = |count: f64, unit: &str| format!("{} {unit}{}", amount(count), if amount(count) == "1" { "" } else { "s" });
    match hours {
        hours if hours >= 48.0 => of(hours / 24.0, "day"),
        hours if hours >= 1.0 => of(hours, "hour"),
        hours if hours * 60.0 >= 1.0 => of(hours * 60.0, "minute"),
        hours => of(hours * 3_600.0, "second"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(value: f64, expected: f64, bits: f64) -> SignalLine {
        SignalLine { value, expected, bits, p_value: None, beyond_draws: false, power: None, tests: Default::default() }
    }

    #[test]
    fn numbers_keep_the_figures_that_tell_them_apart() {
        assert_eq!(
            [0.0, 0.000_52, 0.025, 0.967, 7.3, 48.36, 2_074.0].map(amount),
            ["0", "0.000520", "0.0250", "0.967", "7.30", "48.4", "2074"]
        );
        assert_eq!([0.0, 0.000_52, 0.031, 0.099_6, 0.968_8].map(percent), ["0%", "0.052%", "3.1%", "10%", "97%"]);
        assert_eq!([0.01, 0.5, 7.3, 173.6].map(length), ["36 seconds", "30 minutes", "7.30 hours", "7.23 days"]);
        assert_eq!([1.0, 1.0 / 60.0].map(length), ["1 hour", "1 minute"]);
    }

    #[test]
    fn a_signal_is_told_by_its_strongest_tests() {
        let mut queue = line(2.1, 0.0, 11.8);
        queue.tests.insert(TestName::AntiBunching, line(2_074.0, 1_918.8, -1.0));
        queue.tests.insert(TestName::HandOff, line(0.968_8, 0.154_4, 12.4));
        let told = sentence(&SignalName::OneQueue, &queue, Told::default());
        assert!(told.contains("97% of the rejected requests") && told.contains("15%") && !told.contains("2074"), "{told}");
        assert!(told.starts_with("How its requests are dealt out: 97%") && !told.contains('?'), "{told}");
    }

    #[test]
    fn a_burst_has_its_window_and_what_is_not_counted_is_said_to_be() {
        let with = Told { burst: Some(86_400.0), ..Told::default() };
        let told = sentence(&SignalName::RegistrationBursts, &line(9.0, 3.1, 4.0), with);
        assert_eq!(
            told,
            "9 of its accounts were made within 24 hours; of as many accounts made by everybody about then, 3.10."
        );
        assert!(with.not_counted(&SignalName::<String>::OwnHours, 4.6).contains("Not counted"));
        assert_eq!(with.not_counted(&SignalName::<String>::OwnHours, -4.6), "");
        // Beside no case by behaviour, what else is known counts in full.
        assert_eq!(with.not_counted(&SignalName::<String>::Tenure, 2.0), "");
    }
}
