//! What harmless story would explain a candidate, and how well?
//!
//! Each hypothesis, and the operator it competes with, states for each share of [`Structure`] how it is distributed: a Beta
//! density. A hypothesis' bits are
//!
//! ```text
//! bits(h | o) = sum over shares x of clamp(log2 Beta_h(x) / Beta_o(x), -cap, cap)
//! bits(h)     = size(h) - log2(mean over o of 2^-bits(h | o))
//! ```
//!
//! where `o` is an operator who shares cards and many addresses between accounts, one who does so behind a few addresses, or one
//! who pays for an own card and an own address for each, and shares are kept off 0 and 1 by half a member, so that a small group
//! says less than a large one. A share that is missing, or of which a hypothesis states nothing, adds nothing. Positive bits: the
//! harmless story fits better than an operator does.
//!
//! The densities are stated priors (the table of module `stories`), not fits: they say in numbers what an analyst would say in
//! words. One card or one organisation for all is a company; many cards each over several accounts are an operator's mesh.

use serde::{Deserialize, Serialize};
use statrs::function::beta::ln_beta;

use crate::config::BenignConfig;
use crate::stories::{Beta, Expectation, HYPOTHESES, OPERATORS};
use crate::structure::Structure;

/// A harmless story.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BenignHypothesis {
    /// One organisation, one card, one network, office hours.
    Enterprise,
    /// One organisation, a card for each of its departments, one network or a few, office hours.
    Departments,
    /// One place of work that is open every day: one address, people's hours, a card for each department or client.
    Workplace,
    /// One organisation that says who it is, and its services: a card for each department, a few addresses, day and night.
    Services,
    /// One network, everybody's own card, many templates.
    Campus,
    /// One network, everybody's own card, no template in common.
    CarrierNat,
    /// One card for many clients who share nothing else.
    Agency,
    /// A few cards for many customers, each at home and with work of their own; what they have in common is a starter kit.
    Reseller,
    /// One network and one template, everybody's own card.
    Class,
    /// A crowd that came for one occasion.
    Hackathon,
    /// A crowd that runs one public prompt set, each from its own place.
    BenchmarkCrowd,
    /// A few accounts behind one front door.
    Family,
    /// A few accounts of one person who farms free credit.
    FreeCreditRing,
    /// The keys of many projects on one build service: its address, each project's own card and prompts.
    BuildService,
    /// People who come upon the same content, as they follow the same thing.
    Audience,
}

impl BenignHypothesis {
    /// All of them.
    pub fn all() -> impl Iterator<Item = BenignHypothesis> {
        HYPOTHESES.iter().map(|&(hypothesis, _)| hypothesis)
    }

    /// Whether the story itself brings the behaviour that a signal of this name measures: a class does its homework in the same
    /// evening and every exercise once, a crowd tries the new model on the same prompts, hence at the same hours and for one
    /// purpose, a company's timers load its accounts evenly. No story brings a shared queue or accounts that replace banned ones.
    pub fn brings(self, signal: &str) -> bool {
        let brought: &[&str] = match self {
            BenignHypothesis::Enterprise | BenignHypothesis::Departments | BenignHypothesis::Workplace => {
                &["diurnal_phase", "registration_bursts", "template_fan_out", "capability_concentration", "regular_use"]
            }
            BenignHypothesis::Services => &[
                "diurnal_phase",
                "registration_bursts",
                "template_fan_out",
                "capability_concentration",
                "synchrony",
                "regular_use",
            ],
            BenignHypothesis::Campus | BenignHypothesis::CarrierNat | BenignHypothesis::Family => &["diurnal_phase"],
            BenignHypothesis::Agency | BenignHypothesis::Reseller => &["diurnal_phase", "registration_bursts", "regular_use"],
            BenignHypothesis::Class => {
                &["diurnal_phase", "registration_bursts", "template_fan_out", "synchrony", "regular_use"]
            }
            BenignHypothesis::Hackathon => {
                &["diurnal_phase", "registration_bursts", "template_fan_out", "synchrony", "launch_pivot", "regular_use"]
            }
            BenignHypothesis::BenchmarkCrowd => {
                &["template_fan_out", "capability_concentration", "synchrony", "launch_pivot", "diurnal_phase", "regular_use"]
            }
            BenignHypothesis::FreeCreditRing => &["diurnal_phase", "registration_bursts"],
            BenignHypothesis::BuildService => &["diurnal_phase", "capability_concentration", "synchrony", "regular_use"],
            BenignHypothesis::Audience => {
                &["diurnal_phase", "template_fan_out", "capability_concentration", "launch_pivot", "tenure"]
            }
        };
        brought.contains(&signal)
    }

    /// Whether a signal of this name is of behaviour that no story brings.
    pub(crate) fn none_brings(signal: &str) -> bool {
        matches!(signal, "one_queue" | "ban_and_replace")
    }

    /// Whether the story is of a crowd of strangers, who pay for themselves: hardly two of them share a card.
    fn is_of_strangers(self) -> bool {
        use BenignHypothesis::*;
        matches!(self, Campus | CarrierNat | Class | Hackathon | BenchmarkCrowd)
    }
}

/// One hypothesis with its bits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BenignLikelihood {
    /// The story.
    pub hypothesis: BenignHypothesis,
    /// Log2 likelihood ratio of the story against an operator.
    pub bits: f64,
}

impl BenignLikelihood {
    /// No story at all.
    pub(crate) const UNTOLD: BenignLikelihood =
        BenignLikelihood { hypothesis: BenignHypothesis::Campus, bits: f64::NEG_INFINITY };

    /// Whether the story says what shape a group has. Where nobody knows cards nor addresses a story is silent: it has exactly
    /// 0 bits. An audience says only that people follow the same thing.
    pub(crate) fn tells_shape(&self) -> bool {
        self.hypothesis != BenignHypothesis::Audience && self.bits != 0.0
    }
}

/// All hypotheses, the most likely first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BenignVerdict {
    /// Descending bits, ties in the order of the enum.
    pub likelihoods: Vec<BenignLikelihood>,
    /// What they were computed from.
    pub structure: Structure,
}

impl BenignVerdict {
    /// The most likely story.
    pub fn best(&self) -> BenignLikelihood {
        self.likelihoods[0]
    }
}

/// Own templates by member, over two months, from which a group is as broad as not. Stated, not fitted.
const BREADTH: f64 = 16.0;
/// Most bits that one share may add to or take from a story.
const SHARE_BITS: f64 = 6.0;
/// Bits by which operators of few accounts are rarer than families, free-credit rings and friends with one interest of as many,
/// and operators of many are more frequent than such families and rings.
const SIZE_BITS: f64 = 8.0;

/// Weighs every harmless story against an operator.
pub fn explain_benign(structure: &Structure, config: &BenignConfig) -> BenignVerdict {
    // Where nobody knows what people pay with and where they come from, these stories are silent: office days alone are no
    // company. An audience is told only there: of people whose cards and addresses are known, stories that say more are. And what
    // a story stands on has to be known: a crowd's prompts, how much of what a reseller's customers ask they have in common, a place
    // of work's address and hours, and of services that several cards pay for day and night, as anybody's would be, whose they are.
    let known = structure.top_payment.or(structure.top_address).or(structure.top_organisation).is_some();
    let bits_of = |hypothesis: BenignHypothesis, expectation: &Expectation| {
        let (of_few, of_many) = match hypothesis {
            BenignHypothesis::Family | BenignHypothesis::FreeCreditRing => (SIZE_BITS, -2.0 * SIZE_BITS),
            BenignHypothesis::Audience => (SIZE_BITS, 0.0),
            _ => (-SIZE_BITS, 0.0),
        };
        let size = if structure.size <= config.ring_accounts { of_few } else { of_many };
        // One over the mean of the odds.
        let odds_of = |operator| (-bits_of_shares(structure, (hypothesis, expectation), operator)).exp2();
        size - (OPERATORS.iter().map(odds_of).sum::<f64>() / OPERATORS.len() as f64).log2()
    };
    let mut likelihoods: Vec<BenignLikelihood> = HYPOTHESES
        .iter()
        .filter(|(hypothesis, _)| match hypothesis {
            BenignHypothesis::Audience => !known && structure.interest > Some(0.0),
            BenignHypothesis::BenchmarkCrowd => !known || structure.top_template.is_some(),
            BenignHypothesis::Reseller => structure.focus.is_some(),
            BenignHypothesis::Workplace => structure.single_address.is_some() && structure.profile_peak.is_some(),
            BenignHypothesis::Services => structure.declared_organisation.is_some(),
            _ => true,
        })
        .map(|(hypothesis, expectation)| {
            let told = known || *hypothesis == BenignHypothesis::Audience;
            let bits = if told { bits_of(*hypothesis, expectation) } else { 0.0 };
            BenignLikelihood { hypothesis: *hypothesis, bits }
        })
        .collect();
    likelihoods.sort_by(|left, right| right.bits.total_cmp(&left.bits).then(left.hypothesis.cmp(&right.hypothesis)));
    BenignVerdict { likelihoods, structure: structure.clone() }
}

/// Sum of the shares' log2 density ratios, each within [`SHARE_BITS`]; thrice that for the cards and devices of strangers, of whom each
/// has an own one, and for the nights of a place of work, which nothing else tells from a machine room; twice for what another
/// story can't do without: projects on a build service have its address and not each other's prompts, departments have their
/// offices and office days, services their organisation, a reseller its few cards and its customers
/// work of their own.
fn bits_of_shares(structure: &Structure, (hypothesis, story): (BenignHypothesis, &Expectation), operator: &Expectation) -> f64 {
    use BenignHypothesis::{BuildService, Departments, Reseller, Services, Workplace};
    const TWICE: f64 = 2.0 * SHARE_BITS;
    const THRICE: f64 = 3.0 * SHARE_BITS;
    let within = |most: f64, essential: bool| if essential { most } else { SHARE_BITS };
    let mesh_bits = within(THRICE, hypothesis.is_of_strangers());
    let address_bits = within(TWICE, matches!(hypothesis, BuildService | Departments | Workplace));
    let weekday_bits = within(TWICE, hypothesis == Departments);
    let organisation_bits = within(TWICE, hypothesis == Services);
    let night_bits = within(THRICE, hypothesis == Workplace);
    let shares = [
        (structure.top_payment, story.top_payment, operator.top_payment, within(TWICE, hypothesis == Reseller)),
        (structure.top_address, story.top_address, operator.top_address, address_bits),
        (structure.single_address, story.single_address, operator.single_address, address_bits),
        (structure.top_template, story.top_template, operator.top_template, SHARE_BITS),
        (structure.top_organisation, story.top_organisation, operator.top_organisation, organisation_bits),
        (structure.payment_mesh, story.payment_mesh, operator.payment_mesh, mesh_bits),
        (structure.cross_linked, story.cross_linked, operator.cross_linked, TWICE),
        (structure.device_mesh, story.device_mesh, operator.device_mesh, mesh_bits),
        (structure.occasion, story.occasion, operator.occasion, SHARE_BITS),
        (structure.interest, story.interest, operator.interest, SHARE_BITS),
        (structure.burst, story.burst, operator.burst, SHARE_BITS),
        (structure.own_templates.map(breadth), story.breadth, operator.breadth, SHARE_BITS),
        (structure.focus, story.focus, operator.focus, TWICE),
        (structure.weekdays, story.weekdays, operator.weekdays, weekday_bits),
    ];
    let margin = 0.5 / (f64::from(structure.size) + 1.0);
    let of_shares: f64 = shares
        .into_iter()
        .filter_map(|(share, here, there, most)| {
            let share = share?.clamp(margin, 1.0 - margin);
            let ratio = ln_density(share, here?) - ln_density(share, there?);
            Some((ratio / std::f64::consts::LN_2).clamp(-most, most))
        })
        .sum();
    // An operator's accounts may keep the hours of its customers: a day like people's says nothing, one without a night is not
    // people's in one place.
    let without_a_night = |peak: f64, (alpha, beta): Beta| {
        let peak = peak.min(alpha / (alpha + beta));
        (ln_density(peak, (alpha, beta)) / std::f64::consts::LN_2).clamp(-night_bits, 0.0)
    };
    of_shares + structure.profile_peak.zip(story.profile_peak).map_or(0.0, |(peak, of_people)| without_a_night(peak, of_people))
}

/// A number of templates as a share: half at [`BREADTH`]. A course brings an assignment a week, a hackathon a starter kit; an
/// operator's accounts bring all that its customers ask.
fn breadth(templates: f64) -> f64 {
    templates / (templates + BREADTH)
}

/// Natural log of the Beta density.
pub(crate) fn ln_density(share: f64, (alpha, beta): Beta) -> f64 {
    (alpha - 1.0) * share.ln() + (beta - 1.0) * (1.0 - share).ln() - ln_beta(alpha, beta)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(size: u32) -> Structure {
        Structure {
            size,
            kinds: Vec::new(),
            top_payment: None,
            top_address: None,
            single_address: None,
            top_template: None,
            top_organisation: None,
            declared_organisation: None,
            payment_mesh: None,
            cross_linked: None,
            device_mesh: None,
            occasion: None,
            interest: None,
            burst: None,
            own_templates: None,
            focus: None,
            weekdays: None,
            profile_peak: None,
        }
    }

    /// The bits of one story.
    fn bits_of(hypothesis: BenignHypothesis, structure: &Structure) -> f64 {
        let of = explain_benign(structure, &BenignConfig::default()).likelihoods;
        of.into_iter().find(|likelihood| likelihood.hypothesis == hypothesis).expect("it is told").bits
    }

    #[test]
    fn one_card_one_office_one_organisation_is_an_enterprise() {
        let structure = Structure {
            top_payment: Some(1.0),
            top_address: Some(0.9),
            top_template: Some(0.8),
            top_organisation: Some(1.0),
            payment_mesh: Some(0.0),
            weekdays: Some(0.95),
            ..shape(80)
        };
        let best = explain_benign(&structure, &BenignConfig::default()).best();
        assert_eq!(best.hypothesis, BenignHypothesis::Enterprise);
        assert!(best.bits > 10.0, "{best:?}");
    }

    #[test]
    fn many_cards_each_over_several_accounts_fit_no_story() {
        let structure = Structure {
            top_payment: Some(0.05),
            top_address: Some(0.03),
            top_template: Some(0.1),
            top_organisation: Some(0.0),
            payment_mesh: Some(0.8),
            weekdays: Some(0.71),
            ..shape(600)
        };
        let best = explain_benign(&structure, &BenignConfig::default()).best();
        assert!(best.bits < -5.0, "{best:?}");
    }

    #[test]
    fn services_on_several_cards_are_harmless_only_where_their_organisation_is_declared() {
        let structure = |declared: Option<f64>| Structure {
            top_payment: Some(0.35),
            top_address: Some(1.0),
            top_template: Some(1.0),
            top_organisation: declared,
            declared_organisation: declared,
            payment_mesh: Some(0.65),
            cross_linked: Some(1.0),
            own_templates: Some(5.0),
            weekdays: Some(0.71),
            profile_peak: Some(0.45),
            ..shape(20)
        };
        let best = |declared: Option<f64>| explain_benign(&structure(declared), &BenignConfig::default()).best();
        let declared = best(Some(1.0));
        assert!(declared.hypothesis == BenignHypothesis::Services && declared.bits > 5.0, "{declared:?}");
        assert!(best(None).bits < -5.0, "{:?}", best(None));
        assert!(best(Some(0.0)).bits < -5.0, "{:?}", best(Some(0.0)));
    }

    #[test]
    fn cards_behind_one_address_are_a_place_of_work_by_peoples_hours_alone() {
        let best = |single_address: f64, peak: f64| {
            let structure = Structure {
                top_payment: Some(0.3),
                top_address: Some(1.0),
                single_address: Some(single_address),
                top_template: Some(0.95),
                payment_mesh: Some(0.6),
                cross_linked: Some(0.9),
                own_templates: Some(12.0),
                weekdays: Some(0.71),
                profile_peak: Some(peak),
                ..shape(20)
            };
            explain_benign(&structure, &BenignConfig::default()).best()
        };
        let workplace = best(1.0, 0.95);
        assert!(workplace.hypothesis == BenignHypothesis::Workplace && workplace.bits > 3.0, "{workplace:?}");
        assert!(best(1.0, 0.46).bits < -5.0, "round the clock: {:?}", best(1.0, 0.46));
        assert!(best(0.1, 0.95).bits < -5.0, "everybody on ten addresses: {:?}", best(0.1, 0.95));
    }

    #[test]
    fn customers_of_a_reseller_have_work_of_their_own() {
        let best = |focus: f64| {
            let structure = Structure {
                top_payment: Some(0.37),
                top_address: Some(0.01),
                top_template: Some(0.7),
                payment_mesh: Some(0.6),
                cross_linked: Some(0.65),
                own_templates: Some(2.0),
                focus: Some(focus),
                weekdays: Some(0.72),
                ..shape(165)
            };
            explain_benign(&structure, &BenignConfig::default()).best()
        };
        let customers = best(0.08);
        assert!(customers.hypothesis == BenignHypothesis::Reseller && customers.bits > 1.0, "{customers:?}");
        assert!(best(0.5).bits < -5.0, "{:?}", best(0.5));
    }

    #[test]
    fn a_course_behind_one_address_is_a_class() {
        let structure = Structure {
            top_payment: Some(0.01),
            top_address: Some(0.7),
            top_template: Some(0.99),
            payment_mesh: Some(0.0),
            ..shape(300)
        };
        let verdict = explain_benign(&structure, &BenignConfig::default());
        assert!(matches!(verdict.best().hypothesis, BenignHypothesis::Class | BenignHypothesis::Hackathon));
        assert!(verdict.best().bits > 5.0);
    }

    #[test]
    fn a_class_has_a_few_templates_of_its_own_and_not_hundreds() {
        // Everybody on some template, no card in common, few on any one address.
        let bits = |own_templates: Option<f64>| {
            let structure = Structure {
                top_payment: Some(0.1),
                top_address: Some(0.1),
                top_template: Some(1.0),
                payment_mesh: Some(0.1),
                own_templates,
                ..shape(16)
            };
            bits_of(BenignHypothesis::Class, &structure)
        };
        let [unknown, one, eight, hundreds] = [None, Some(1.0), Some(8.0), Some(300.0)].map(bits);
        // Beta(1, 4) at 1/17 and 1/3: 3.33 and 1.19 times as likely as anything.
        assert!((one - unknown - 3.3344f64.log2()).abs() < 1e-3, "{one} {unknown}");
        assert!((eight - unknown - 1.1852f64.log2()).abs() < 1e-3, "{eight} {unknown}");
        assert!((hundreds - unknown + SHARE_BITS).abs() < 1e-9, "{hundreds} {unknown}");
    }

    #[test]
    fn people_who_share_nothing_but_content_are_an_audience_unless_their_addresses_are_known() {
        let bits = |structure: Structure| {
            let of = explain_benign(&structure, &BenignConfig::default()).likelihoods;
            of.into_iter().find(|likelihood| likelihood.hypothesis == BenignHypothesis::Audience).map(|found| found.bits)
        };
        let crowd = |interest: f64, own: f64| Structure { interest: Some(interest), own_templates: Some(own), ..shape(99) };
        // 99 members: shares stop at .995. Beta(12, .7) there and Beta(1, 4) at 1/17, over 1 each.
        let expected = (ln_density(0.995, (12.0, 0.7)) / std::f64::consts::LN_2) + 3.3344f64.log2();
        assert!((bits(crowd(1.0, 1.0)).expect("an audience") - expected).abs() < 1e-3);
        assert!(bits(crowd(1.0, 100.0)) < bits(crowd(1.0, 1.0)), "hundreds of things in common are no interest");
        assert!(bits(crowd(0.3, 1.0)).expect("an audience") < -2.0, "most of what they share is something else");
        assert_eq!(bits(crowd(0.0, 1.0)), None);
        assert_eq!(bits(Structure { top_address: Some(0.1), ..crowd(1.0, 1.0) }), None);
    }

    #[test]
    fn departments_with_a_card_each_are_a_company_in_office_hours_only() {
        let best = |weekdays: f64| {
            let structure = Structure {
                top_payment: Some(0.2),
                top_address: Some(0.6),
                top_template: Some(0.95),
                payment_mesh: Some(0.8),
                weekdays: Some(weekdays),
                ..shape(60)
            };
            explain_benign(&structure, &BenignConfig::default()).best()
        };
        assert_eq!(best(0.97).hypothesis, BenignHypothesis::Departments);
        assert!(best(0.97).bits > 5.0, "{:?}", best(0.97));
        assert!(best(0.72).bits < -3.0, "{:?}", best(0.72));
    }

    #[test]
    fn many_cards_on_one_address_are_projects_on_a_build_service_unless_they_ask_the_same() {
        let structure = |top_address: f64, cross_linked: f64| Structure {
            top_payment: Some(0.15),
            top_address: Some(top_address),
            top_template: Some(0.45),
            payment_mesh: Some(0.85),
            cross_linked: Some(cross_linked),
            own_templates: Some(3.0),
            weekdays: Some(0.76),
            ..shape(170)
        };
        let best = explain_benign(&structure(0.8, 0.0), &BenignConfig::default()).best();
        assert!(best.hypothesis == BenignHypothesis::BuildService && best.bits > 4.0, "{best:?}");
        assert!(bits_of(BenignHypothesis::BuildService, &structure(0.05, 0.0)) < -3.0);
        assert!(bits_of(BenignHypothesis::BuildService, &structure(0.8, 0.9)) < -5.0);
    }

    #[test]
    fn a_day_without_a_night_speaks_against_people_in_one_place_and_a_day_like_theirs_says_nothing() {
        let bits = |hypothesis: BenignHypothesis, peak: Option<f64>| {
            let structure = Structure { top_address: Some(0.7), top_template: Some(0.9), profile_peak: peak, ..shape(60) };
            bits_of(hypothesis, &structure)
        };
        let class = |peak| bits(BenignHypothesis::Class, peak);
        assert_eq!(class(Some(0.67)), class(None));
        assert!((class(Some(0.42)) - class(None) - ln_density(0.42, (18.0, 9.0)) / std::f64::consts::LN_2).abs() < 1e-9);
        assert!(class(Some(0.42)) < class(None) - 2.0);
        let crowd = |peak| bits(BenignHypothesis::BenchmarkCrowd, peak);
        assert_eq!(crowd(Some(0.42)), crowd(None));
    }

    #[test]
    fn a_crowd_with_one_prompt_set_is_told_only_where_prompts_are_known() {
        let is_told = |structure: &Structure| {
            let of = explain_benign(structure, &BenignConfig::default()).likelihoods;
            of.iter().any(|likelihood| likelihood.hypothesis == BenignHypothesis::BenchmarkCrowd)
        };
        let unknown = Structure { top_payment: Some(0.01), top_address: Some(0.01), ..shape(900) };
        assert!(!is_told(&unknown));
        assert!(is_told(&Structure { top_template: Some(0.9), ..unknown }));
    }

    #[test]
    fn what_is_missing_says_nothing() {
        let verdict = explain_benign(&shape(5), &BenignConfig::default());
        assert!(verdict.likelihoods.iter().all(|likelihood| likelihood.bits == 0.0));
    }

    #[test]
    fn densities_integrate_to_one() {
        let stories = HYPOTHESES.iter().map(|(_, expectation)| expectation).chain(&OPERATORS);
        for story in stories {
            for beta in [story.top_payment, story.top_address, story.payment_mesh, story.weekdays].into_iter().flatten() {
                // Substituting x = t^4 (1 on the other side by symmetry) tames the poles at 0 and 1.
                let half = |beta: Beta| -> f64 {
                    let steps = 20_000;
                    let width = 0.5f64.powf(0.25) / f64::from(steps);
                    (0..steps)
                        .map(|step| {
                            let t = (f64::from(step) + 0.5) * width;
                            ln_density(t.powi(4), beta).exp() * 4.0 * t.powi(3) * width
                        })
                        .sum()
                };
                let integral = half(beta) + half((beta.1, beta.0));
                assert!((integral - 1.0).abs() < 1e-3, "{beta:?}: {integral}");
            }
        }
    }
}
