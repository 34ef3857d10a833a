//! How strong is the case against a candidate, in bits?
//!
//! ```text
//! sum(F)    = sum over families in F, and signals in each, strongest first, of discount^rank * bits
//! fit       = bits of a harmless story: log2 likelihood ratio of the shape, story against operator
//! story     = max(0, fit)
//! structure = sum(membership) + sum(sharing)
//! behaviour = sum(timing) + sum(content) + sum(other), at most `against` where structure < 0
//! shape     = min(structure, -fit, sum(cross-linked)) + min(0, sum(habits))
//! weakest   = max(shape, min(structure - story, sum(timing), sum(content) + discount * against)) + min(0, sum(other))
//! added     = shape + behaviour                                               if cards or addresses are known
//!           = structure * 2^-story + behaviour - story                        else
//! case      = weakest                                                         if timing and content were measured
//!           = max(weakest, added)                                               the same, content by tests without power only
//!           = added                                                           else
//! score     = least case over all harmless stories
//! ```
//!
//! Against each story, the signals that the story itself brings ([`crate::BenignHypothesis::brings`]: a class starts an assignment
//! in one evening) count only with the odds that it does not hold, `1 - min(1, 2^(fit - against))`; office hours, which speak for a
//! company, take from the case with the odds that it does, where the story is a company's. `against`: the sum, by the rule of a
//! family, of the signals that no story of people or customers brings (a queue that hands work to whoever rested longest, accounts
//! that replace banned ones); nothing if they find nothing. What the story at hand brings all the same (a customer's load balancer
//! has a queue over its own keys) counts by the odds of its fit alone. The sum speaks against the story itself, so that the story
//! explains less of the rest.
//! Whatever the story, even loads are what timers bring, each account's with hours of its own: they count by the odds that it is
//! one clock ([`crate::behaviour::own_hours::one_clock`]).
//!
//! A case is as strong as its weakest part, as each part rules out another harmless explanation. There are two cases that a
//! group can be flagged on.
//!
//! * *Behaviour*: structure rules out chance, timing a crowd that merely uses the same thing (a class, users of one tool),
//!   content a crowd that merely sits in one place (a carrier's gateway, an office). An operator's accounts are alike in all
//!   three. Nor does sitting in one place bring what no story brings (`against`): it counts a second time, as the second signal
//!   of a family does. So customers' prompts, which spread as slowly as anybody's, don't hide the one queue that they go through.
//! * *Shape*: structure rules out chance, the fit every single harmless story, the cross-linked share a group put together of
//!   several (two agencies, rings behind one gateway). An operator that times its accounts like strangers still has a mesh of
//!   cards that addresses and prompts cross. Accounts that each keep hours of their own ([`crate::behaviour::own_hours`]) are
//!   people's, or timers, and so may accounts be that are older than others. Behaviour isn't needed: tests of it that find
//!   nothing cost up to a bit each, and are no evidence against an operator whose times are like strangers'.
//!
//! Where timing or content wasn't measured, what is known adds up. But people who signed up on one day are new together, and a list
//! of them may be drawn up for just that: where nothing ties the accounts, so that structure is less than nothing, behaviour counts
//! by what no story brings at most.
//!
//! *Structure* is the families membership (with the turns of a candidate that only these proposed, module `dealt`) and sharing
//! ([`crate::sharing`]): they rule out chance, not a harmless story. Signals of one family look at the same thing and are
//! discounted; negative bits count in full, so that dependence can't make a case stronger than its best signal plus discounted
//! others. A signal whose input is missing is `None` and adds nothing, and so is one of a test that could hardly have found
//! anything and didn't ([`Signal::has_power`]); what such a test finds all the same doesn't make a case weaker than if nobody
//! had looked. Where nobody knows cards nor addresses, stories say nothing of a shape, and structure counts with the odds that
//! no audience explains it.

mod cases;

pub use cases::{Breakdown, Cases, cases_left, cases_of};
use graph::KindId;

use crate::Signal;
use crate::benign::{BenignLikelihood, BenignVerdict};
use crate::candidate::{Candidate, Role};
use crate::config::ScoreConfig;
use crate::names::{SignalName, TestName};
use crate::sharing::{SharingNull, sharing_signal};

/// A signal with its name; `None` where the input is missing. `Kind`: how kinds are told, see [`SignalName`].
#[derive(Clone, Debug, PartialEq)]
pub struct NamedSignal<Kind = KindId> {
    /// What was measured.
    pub name: SignalName<Kind>,
    /// The measurement.
    pub signal: Option<Signal>,
    /// The tests that it is made of, if several. They explain it, and count for nothing beside it.
    pub tests: Vec<(TestName, Signal)>,
}

impl<Kind> NamedSignal<Kind> {
    /// A signal that is made of no others.
    pub fn new(name: SignalName<Kind>, signal: Option<Signal>) -> Self {
        NamedSignal { name, signal, tests: Vec::new() }
    }
}

/// The case for and against one candidate.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreCard {
    /// All signals, also the missing ones.
    pub signals: Vec<NamedSignal>,
    /// The harmless story that leaves least of the case.
    pub benign: BenignLikelihood,
    /// The case for an operator, before any harmless story is told.
    pub evidence_bits: f64,
    /// The case after it.
    pub score_bits: f64,
    /// What to say first: kinds by how many members share them.
    pub why: Vec<Reason>,
}

/// "`members` accounts share `identifiers` identifiers of `kind`".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The kind.
    pub kind: KindId,
    /// Members with a shared identifier of the kind.
    pub members: u32,
    /// Identifiers of the kind on two or more members.
    pub identifiers: u32,
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
    let mut why: Vec<Reason> = verdict
        .structure
        .kinds
        .iter()
        .filter(|shape| shape.shared > 0)
        .map(|shape| Reason { kind: shape.kind, members: shape.sharing_members, identifiers: shape.shared })
        .collect();
    why.sort_by_key(|reason| (std::cmp::Reverse(reason.members), reason.identifiers, reason.kind));
    let mut strongest = (verdict.best(), f64::INFINITY);
    for &likelihood in &verdict.likelihoods {
        let score = score_against(&signals, likelihood, config);
        if score < strongest.1 {
            strongest = (likelihood, score);
        }
    }
    let evidence_bits = score_against(&signals, BenignLikelihood::UNTOLD, config);
    let (benign, score_bits) = strongest;
    ScoreCard { signals, benign, evidence_bits, score_bits, why }
}

/// The score of signals against a harmless story, by the formula of the module.
pub fn score_against<Kind>(signals: &[NamedSignal<Kind>], told: BenignLikelihood, config: &ScoreConfig) -> f64 {
    broken_down(signals, told, config).score
}

/// How the score of signals against a harmless story comes about.
pub fn broken_down<Kind>(signals: &[NamedSignal<Kind>], told: BenignLikelihood, config: &ScoreConfig) -> Breakdown {
    let cases = cases_left(signals, told, config);
    let added = cases.added(told);
    match cases.weakest(told, config) {
        Some(weakest) if cases.content_has_power || weakest.score >= added.score => weakest,
        _ => added,
    }
}

/// Indices of score cards, strongest case first, ties to the lower index.
pub fn rank_networks(cards: &[ScoreCard]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..cards.len()).collect();
    order.sort_by(|&left, &right| cards[right].score_bits.total_cmp(&cards[left].score_bits).then(left.cmp(&right)));
    order
}

/// Median log2 odds of the members that are not ambiguous; 0 is even odds.
fn membership_signal(candidate: &Candidate, config: &ScoreConfig) -> NamedSignal {
    let mut bits: Vec<f32> =
        candidate.members.iter().filter(|member| member.role != Role::Ambiguous).map(|member| member.bits).collect();
    bits.sort_unstable_by(f32::total_cmp);
    let signal = bits.get(bits.len() / 2).map(|&median| {
        let value = f64::from(median);
        let capped = value.clamp(-config.signal_bits, config.signal_bits);
        Signal { value, expected: 0.0, bits: capped, p_value: None, power: None }
    });
    NamedSignal::new(SignalName::Membership, signal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SignalFamily;
    use crate::benign::{BenignHypothesis, explain_benign};
    use crate::candidate::{Fragility, Member, Origin};
    use crate::config::BenignConfig;
    use crate::structure::measure_structure;
    use crate::toy::{Touch, Toy, planted};
    use crate::{Facts, KindRole};

    fn candidate(accounts: std::ops::Range<u32>) -> Candidate {
        let member = |account| Member { account, role: Role::Core, bits: 8.0, confidence: 0.99 };
        Candidate {
            members: accounts.map(member).collect(),
            identifiers: Vec::new(),
            suppressed: 0,
            fragility: Fragility { identifier: None, lost: 0 },
            origin: Origin::Common,
        }
    }

    fn card_of(facts: Facts<'_>, candidate: &Candidate, behaviour: &[NamedSignal]) -> ScoreCard {
        let structure = measure_structure(facts, candidate, None, &BenignConfig::default());
        let verdict = explain_benign(&structure, &BenignConfig::default());
        score_network(candidate, &verdict, &SharingNull::of(facts), behaviour, &ScoreConfig::default())
    }

    fn signal(bits: f64, family: SignalFamily) -> NamedSignal {
        let signal = Signal { value: bits, expected: 0.0, bits, p_value: None, power: None };
        let name = match family {
            SignalFamily::Membership => SignalName::Membership,
            SignalFamily::Sharing => SignalName::Sharing(KindId(0)),
            // No story brings it, so that stories leave all of its bits; nor does it speak against any.
            SignalFamily::Timing => SignalName::RegistrationPace,
            SignalFamily::Content => SignalName::CapabilityConcentration,
            SignalFamily::CrossLinked => SignalName::CrossLinked,
            SignalFamily::Habits => SignalName::OwnHours,
            SignalFamily::Other => SignalName::Tenure,
        };
        NamedSignal::new(name, Some(signal))
    }

    #[test]
    fn a_planted_network_outscores_a_random_group() {
        let (toy, network) = planted(3_000, 300);
        let planted = card_of(toy.facts(), &candidate(network), &[]);
        let random = card_of(toy.facts(), &candidate(0..300), &[]);
        assert!(planted.score_bits > random.score_bits + 3.0, "{planted:?} {random:?}");
        assert_eq!(planted.why[0].members, 300);
        assert_eq!(rank_networks(&[random, planted]), [1, 0]);
    }

    #[test]
    fn missing_is_not_zero_and_dependence_is_discounted() {
        let (toy, network) = planted(600, 60);
        let found = candidate(network);
        let without = card_of(toy.facts(), &found, &[]).evidence_bits;
        let missing = NamedSignal::new(SignalName::Synchrony, None);
        assert_eq!(card_of(toy.facts(), &found, &[missing]).evidence_bits, without);
        let twice = [signal(8.0, SignalFamily::Timing), signal(8.0, SignalFamily::Timing)];
        assert!((card_of(toy.facts(), &found, &twice).evidence_bits - without - 12.0).abs() < 1e-9);
        let apart = [signal(8.0, SignalFamily::Timing), signal(8.0, SignalFamily::Other)];
        assert!((card_of(toy.facts(), &found, &apart).evidence_bits - without - 16.0).abs() < 1e-9);
    }

    #[test]
    fn with_full_logs_a_case_is_as_strong_as_its_weakest_part() {
        let (toy, network) = planted(600, 60);
        let found = candidate(network);
        let structure = card_of(toy.facts(), &found, &[]).evidence_bits;
        assert!(structure > 12.0, "{structure}");
        for (timing, content, expected) in [(8.0, 12.0, 8.0), (12.0, -1.0, -1.0), (99.0, 99.0, structure.min(20.0))] {
            let signals = [signal(timing, SignalFamily::Timing), signal(content, SignalFamily::Content)];
            let card = card_of(toy.facts(), &found, &signals);
            assert!((card.evidence_bits - expected).abs() < 1e-9, "{} {expected}", card.evidence_bits);
        }
    }

    #[test]
    fn what_timers_bring_counts_by_the_odds_that_one_clock_runs_the_accounts() {
        let timing = |own_hours: f64, name: SignalName| {
            let of = |name: SignalName, value: f64, bits: f64| {
                NamedSignal::new(name, Some(Signal { value, expected: 0.0, bits, p_value: None, power: None }))
            };
            let signals = [of(SignalName::OwnHours, 1.0, own_hours), of(name, 12.0, 12.0)];
            cases_left(&signals, BenignLikelihood::UNTOLD, &ScoreConfig::default()).timing.expect("a signal of timing")
        };
        assert_eq!((timing(0.0, SignalName::RegularUse), timing(-3.0, SignalName::RegularUse)), (12.0, 1.5));
        // What is in step beyond the hours that each keeps isn't explained by these.
        assert_eq!(timing(-3.0, SignalName::Synchrony), 12.0);
    }

    #[test]
    fn a_test_without_power_takes_nothing_from_a_case() {
        use SignalFamily::{Content, CrossLinked, Membership, Timing};
        let told = |bits| BenignLikelihood { hypothesis: BenignHypothesis::Campus, bits };
        let score = |shape: f64, timing: f64, content: Option<(f64, Option<f64>)>| {
            let mut signals = vec![signal(20.0, Membership), signal(12.0, CrossLinked), signal(timing, Timing)];
            signals.extend(content.map(|(bits, power)| {
                let of_content = signal(bits, Content);
                NamedSignal { signal: of_content.signal.map(|signal| Signal { power, ..signal }), ..of_content }
            }));
            score_against(&signals, told(-shape), &ScoreConfig::default())
        };
        // The sign-up farm: nobody looked; nobody could have found anything, and chance did; whoever could have didn't.
        assert_eq!(score(5.0, 12.0, None), 17.0);
        assert_eq!(score(5.0, 12.0, Some((1.0, Some(0.05)))), 18.0);
        assert_eq!(score(5.0, 12.0, Some((1.0, Some(0.9)))), 5.0);
        assert_eq!(score(5.0, 12.0, Some((1.0, None))), 5.0);
        // What it finds all the same is a case as any other, where the shape is none.
        assert_eq!(score(-15.0, 9.0, None), -6.0);
        assert_eq!(score(-15.0, 9.0, Some((10.0, Some(0.05)))), 5.0);
        for (shape, timing, bits) in [(-20.0, 3.0, 1.0), (-3.0, 8.0, 4.0), (8.0, -1.0, 12.0)] {
            assert!(score(shape, timing, Some((bits, Some(0.05)))) >= score(shape, timing, None), "{shape} {timing} {bits}");
        }
    }

    #[test]
    fn a_fitting_story_explains_structure_but_not_behaviour() {
        // Fifty accounts on one card, one address and one template, beside a thousand others.
        let mut touches: Vec<Touch> =
            (0..1_000).flat_map(|account| (0..3).map(move |kind| (account, kind, account, 0))).collect();
        touches.extend((1_000..1_050).flat_map(|account| (0..3).map(move |kind| (account, kind, 1_000, 0))));
        let toy = Toy::new(&[KindRole::Address, KindRole::Payment, KindRole::Template], 1_050, &touches);
        let company = candidate(1_000..1_050);
        let quiet = card_of(toy.facts(), &company, &[]);
        // Nobody knows its hours, which would tell an office from keys behind one load balancer: one customer's it is either way.
        assert_eq!(quiet.benign.hypothesis, BenignHypothesis::LoadBalancer);
        assert!(quiet.evidence_bits > 10.0 && quiet.score_bits < 0.0, "{quiet:?}");
        let busy = card_of(toy.facts(), &company, &[signal(15.0, SignalFamily::Timing)]);
        assert!((busy.score_bits - quiet.score_bits - 15.0).abs() < 1e-9);
    }

    #[test]
    fn a_queue_speaks_against_the_story_that_explains_the_rest() {
        let story = |hypothesis, bits| BenignLikelihood { hypothesis, bits };
        let config = ScoreConfig::default();
        let score = |timing: SignalName, told| {
            let signals = [
                signal(15.0, SignalFamily::Membership),
                NamedSignal { name: timing, ..signal(10.0, SignalFamily::Timing) },
                signal(10.0, SignalFamily::Content),
            ];
            score_against(&signals, told, &config)
        };
        // A company's timers load its accounts evenly, and its work is of one kind: nothing is left.
        assert!(score(SignalName::RegularUse, story(BenignHypothesis::Enterprise, 2.0)).abs() < 1e-9);
        // It has no queue. What hands work to whoever rested longest leaves 2^(2 - 10) of the story.
        assert!((score(SignalName::OneQueue, story(BenignHypothesis::Enterprise, 2.0)) - 10.0).abs() < 0.1);
        // Of a story that fits much better than an operator, it leaves all: structure has a bit more.
        assert!((score(SignalName::OneQueue, story(BenignHypothesis::Enterprise, 14.0)) - 1.0).abs() < 1e-9);
        // Who spreads a load over keys of its own has one; accounts that replace banned ones it has not.
        assert!(score(SignalName::OneQueue, story(BenignHypothesis::LoadBalancer, 2.0)).abs() < 1e-9);
        assert!((score(SignalName::BanAndReplace, story(BenignHypothesis::LoadBalancer, 2.0)) - 10.0).abs() < 0.1);
        // Where that fits badly the queue counts as against any other story.
        assert!((score(SignalName::OneQueue, story(BenignHypothesis::LoadBalancer, -9.0)) - 10.0).abs() < 0.1);
    }

    #[test]
    fn customers_prompts_do_not_hide_the_queue_that_they_go_through() {
        let score = |timing: SignalName, bits: f64, content: f64| {
            let signals = [
                signal(15.0, SignalFamily::Membership),
                NamedSignal { name: timing, ..signal(bits, SignalFamily::Timing) },
                signal(content, SignalFamily::Content),
            ];
            score_against(&signals, BenignLikelihood::UNTOLD, &ScoreConfig::default())
        };
        // A crowd in one place may be in step or evenly loaded; half of what it doesn't bring counts beside its prompts.
        assert_eq!(score(SignalName::Synchrony, 12.0, -0.5), -0.5);
        assert_eq!(score(SignalName::OneQueue, 12.0, -0.5), 5.5);
        assert_eq!(score(SignalName::BanAndReplace, 4.0, -0.5), 1.5);
        let both = [SignalName::BanAndReplace, SignalName::OneQueue]
            .map(|name| NamedSignal { name, ..signal(8.0, SignalFamily::Timing) });
        assert_eq!(cases_of(&both, &ScoreConfig::default()).no_story_brings, 12.0);
        // What finds nothing takes nothing, and a case stays as weak as its times.
        assert_eq!(score(SignalName::OneQueue, -1.0, 8.0), -1.0);
        assert_eq!(score(SignalName::OneQueue, 4.0, 8.0), 4.0);
    }

    #[test]
    fn a_shape_that_fits_no_story_is_enough_if_the_group_is_more_than_its_parts() {
        let told = |bits: f64| BenignLikelihood { hypothesis: BenignHypothesis::Campus, bits };
        let score = |signals: &[NamedSignal], bits: f64| score_against(signals, told(bits), &ScoreConfig::default());
        let of = |structure: f64, linked: f64, timing: f64, content: f64| {
            use SignalFamily::*;
            vec![signal(structure, Membership), signal(linked, CrossLinked), signal(timing, Timing), signal(content, Content)]
        };
        // Each of three parts is the weakest in turn; behaviour that tests find nothing in neither takes nor adds anything.
        assert_eq!(score(&of(20.0, 12.0, -1.0, 0.5), -8.0), 8.0);
        assert_eq!(score(&of(20.0, 6.0, 0.0, 3.0), -8.0), 6.0);
        assert_eq!(score(&of(4.0, 12.0, 0.0, 0.0), -8.0), 4.0);
        // Strangers' parts, or a story that fits, leave what behaviour makes of it.
        assert_eq!(score(&of(20.0, -5.0, 2.0, 3.0), -8.0), 2.0);
        assert_eq!(score(&of(20.0, 12.0, 9.0, 8.0), 3.0), 8.0);
        // Without timing and content the shape is all there is, where cards are known.
        let bare = |linked: f64| vec![signal(20.0, SignalFamily::Membership), signal(linked, SignalFamily::CrossLinked)];
        assert_eq!((score(&bare(12.0), -8.0), score(&bare(-5.0), -8.0), score(&bare(12.0), 2.0)), (8.0, -5.0, -2.0));
        // Nobody knows cards nor addresses: stories are silent.
        assert_eq!(score(&[signal(20.0, SignalFamily::Membership)], 0.0), 20.0);
    }
}
