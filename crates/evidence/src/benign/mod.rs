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
//! where `o` is an operator who shares cards and many addresses between accounts, one who does so behind a few addresses, one
//! who pays for an own card and an own address for each, or one with an own card for each behind exits all over the world
//! (asked only where shared addresses lie in many networks, no place's day is seen and prompts are known); and shares are kept off
//! 0 and 1 by half a member, so that a small group says less than a large one. A share that is missing, or of which a hypothesis
//! states nothing, adds nothing. Positive bits: the harmless story fits better than an operator does.
//!
//! The densities are stated priors (the table of module `stories`), not fits: they say in numbers what an analyst would say in
//! words. One card or one organisation for all is a company; many cards each over several accounts are an operator's mesh.

use serde::{Deserialize, Serialize};
use statrs::function::beta::ln_beta;

use crate::behaviour::own_hours::one_clock;
use crate::config::BenignConfig;
use crate::names::SignalName;
use crate::stories::{AROUND_THE_CLOCK, Beta, Expectation, HYPOTHESES, OF_ONE_PLACE, OPERATORS};
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
    /// One customer who spreads a load over keys of its own: one card for all, a few addresses, day and night.
    LoadBalancer,
    /// One network, everybody's own card, many templates.
    Campus,
    /// One network, everybody's own card, no template in common.
    CarrierNat,
    /// One card for many clients who share nothing else.
    Agency,
    /// A few cards for many customers, each at home and with work of their own; what they have in common is a starter kit.
    Reseller,
    /// People at home whose work somebody deals out and pays for, with a few cards for all of them.
    HomeWorkers,
    /// One network and one template, everybody's own card.
    Class,
    /// Everybody at home, on an own card, with one template after the other in common.
    Course,
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

    /// Whether the story itself brings the behaviour that a signal measures: a class does its homework in the same evening, in one
    /// subject and every exercise once, a crowd tries the new model on the same prompts, hence at the same hours and for one
    /// purpose, a company's timers load its accounts evenly, and so do those of one person's few accounts, at the same moments. A
    /// shared queue is brought only by who owns all of the accounts and says so, by one card or one organisation for all. No story
    /// brings accounts that replace banned ones, or accounts made at an even pace.
    pub fn brings<Kind>(self, signal: &SignalName<Kind>) -> bool {
        use SignalName::{
            CapabilityConcentration, DiurnalPhase, LaunchPivot, OfficeHours, OneQueue, RegistrationBursts, RegularUse,
            Synchrony, TemplateFanOut, Tenure,
        };
        match self {
            BenignHypothesis::Enterprise | BenignHypothesis::Departments | BenignHypothesis::Workplace => matches!(
                signal,
                DiurnalPhase | RegistrationBursts | TemplateFanOut | CapabilityConcentration | RegularUse | OfficeHours
            ),
            BenignHypothesis::Services | BenignHypothesis::LoadBalancer => matches!(
                signal,
                DiurnalPhase
                    | RegistrationBursts
                    | TemplateFanOut
                    | CapabilityConcentration
                    | Synchrony
                    | RegularUse
                    | OfficeHours
                    | OneQueue
            ),
            BenignHypothesis::Campus | BenignHypothesis::CarrierNat => matches!(signal, DiurnalPhase),
            BenignHypothesis::Family => matches!(signal, DiurnalPhase | Synchrony | RegularUse),
            BenignHypothesis::Agency | BenignHypothesis::Reseller => {
                matches!(signal, DiurnalPhase | RegistrationBursts | RegularUse | OfficeHours)
            }
            BenignHypothesis::HomeWorkers => matches!(
                signal,
                DiurnalPhase | RegistrationBursts | TemplateFanOut | CapabilityConcentration | Synchrony | OfficeHours
            ),
            BenignHypothesis::Class | BenignHypothesis::Course => matches!(
                signal,
                DiurnalPhase | RegistrationBursts | TemplateFanOut | CapabilityConcentration | Synchrony | RegularUse
            ),
            BenignHypothesis::Hackathon => {
                matches!(signal, DiurnalPhase | RegistrationBursts | TemplateFanOut | Synchrony | LaunchPivot | RegularUse)
            }
            BenignHypothesis::BenchmarkCrowd => {
                matches!(signal, TemplateFanOut | CapabilityConcentration | Synchrony | LaunchPivot | DiurnalPhase | RegularUse)
            }
            BenignHypothesis::FreeCreditRing => {
                matches!(signal, DiurnalPhase | RegistrationBursts | Synchrony | RegularUse)
            }
            BenignHypothesis::BuildService => matches!(signal, DiurnalPhase | CapabilityConcentration | Synchrony | RegularUse),
            BenignHypothesis::Audience => {
                matches!(signal, DiurnalPhase | TemplateFanOut | CapabilityConcentration | LaunchPivot | Tenure)
            }
        }
    }

    /// Whether a signal is of behaviour that no story of people or customers brings.
    pub(crate) fn none_brings<Kind>(signal: &SignalName<Kind>) -> bool {
        matches!(signal, SignalName::OneQueue | SignalName::BanAndReplace)
    }

    /// Whether the story is of people or projects that have nothing to do with each other but what it says: each has hours of its
    /// own.
    pub(crate) fn is_of_many(self) -> bool {
        use BenignHypothesis::*;
        match self {
            Campus | CarrierNat | Agency | Reseller | HomeWorkers | Course | BenchmarkCrowd | BuildService | Audience => true,
            Enterprise | Departments | Workplace | Services | LoadBalancer | Class | Hackathon | Family | FreeCreditRing => {
                false
            }
        }
    }

    /// Whether the story is of a crowd of strangers, who pay for themselves: hardly two of them share a card.
    fn is_of_strangers(self) -> bool {
        use BenignHypothesis::*;
        matches!(self, Campus | CarrierNat | Class | Course | Hackathon | BenchmarkCrowd)
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
#[derive(Clone, Debug, PartialEq)]
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
/// How fast few accounts become many: six are .89 few where eight are called few, nine .41 and twelve .11.
const SIZE_SLOPE: f64 = 6.0;

/// Where no network holds so large a share of the shared addresses, they lie all over the world.
const ALL_OVER: f64 = 0.5;

/// Weighs every harmless story against an operator.
pub fn explain_benign(structure: &Structure, config: &BenignConfig) -> BenignVerdict {
    // Where nobody knows what people pay with and where they come from, these stories are silent: office days alone are no
    // company. An audience is told only there: of people whose cards and addresses are known, stories that say more are. And
    // what a story stands on has to be known: a crowd's prompts, how much of what a reseller's customers ask they have in
    // common, a place of work's address and hours, people's homes and who pays for their work, who pays for keys behind one load
    // balancer and where it stands, and of services that several cards pay for day and night, as anybody's would be, whose they
    // are.
    let known = structure.top_payment.or(structure.top_address).or(structure.top_organisation).is_some();
    let all_over = structure.top_template.and(structure.top_network).is_some_and(|share| share < ALL_OVER)
        && around_the_clock(structure) > 0.5;
    let operators = if all_over { &OPERATORS[..] } else { &OPERATORS[..OPERATORS.len() - 1] };
    let bits_of = |hypothesis: BenignHypothesis, expectation: &Expectation| {
        let (of_few, of_many) = match hypothesis {
            BenignHypothesis::Family | BenignHypothesis::FreeCreditRing => (SIZE_BITS, -2.0 * SIZE_BITS),
            BenignHypothesis::Audience => (SIZE_BITS, 0.0),
            _ => (-SIZE_BITS, 0.0),
        };
        let size = of_many + share_of_few(structure.size, config.ring_accounts) * (of_few - of_many);
        // One over the mean of the odds.
        let odds_of = |operator| (-bits_of_shares(structure, (hypothesis, expectation), operator)).exp2();
        size - (operators.iter().map(odds_of).sum::<f64>() / operators.len() as f64).log2()
    };
    let mut likelihoods: Vec<BenignLikelihood> = HYPOTHESES
        .iter()
        .filter(|(hypothesis, _)| match hypothesis {
            BenignHypothesis::Audience => !known && structure.interest > Some(0.0),
            BenignHypothesis::BenchmarkCrowd | BenignHypothesis::Course => !known || structure.top_template.is_some(),
            BenignHypothesis::Reseller => structure.focus.is_some(),
            BenignHypothesis::HomeWorkers => structure.large_payments.is_some() && structure.own_addresses.is_some(),
            BenignHypothesis::Workplace => structure.single_address.is_some() && structure.profile_peak.is_some(),
            BenignHypothesis::Services => structure.declared_organisation.is_some(),
            BenignHypothesis::LoadBalancer => structure.top_payment.is_some() && structure.top_address.is_some(),
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

/// How far so many accounts are few, 1 to 0: the logistic law of the log of their number, half at half an account above `few`.
fn share_of_few(accounts: u32, few: u32) -> f64 {
    1.0 / (1.0 + (f64::from(accounts) / (f64::from(few) + 0.5)).powf(SIZE_SLOPE))
}

/// Sum of the shares' log2 density ratios, each within [`SHARE_BITS`]; thrice that for the cards and devices of strangers, of
/// whom each has an own one, and for the nights of a place of work, which nothing else tells from a machine room; twice for
/// what another story can't do without: projects on a build service have its address and not each other's prompts, departments
/// have their offices and office days, services their organisation, a reseller its few cards and its customers work of their
/// own, people who work at home somebody who pays, who spreads a load over keys its one card.
fn bits_of_shares(structure: &Structure, (hypothesis, story): (BenignHypothesis, &Expectation), operator: &Expectation) -> f64 {
    use BenignHypothesis::{BuildService, Departments, HomeWorkers, LoadBalancer, Reseller, Services, Workplace};
    const TWICE: f64 = 2.0 * SHARE_BITS;
    const THRICE: f64 = 3.0 * SHARE_BITS;
    let within = |most: f64, essential: bool| if essential { most } else { SHARE_BITS };
    let card_bits = within(TWICE, matches!(hypothesis, Reseller | LoadBalancer));
    let mesh_bits = within(THRICE, hypothesis.is_of_strangers());
    let address_bits = within(TWICE, matches!(hypothesis, BuildService | Departments | Workplace));
    let payer_bits = within(TWICE, hypothesis == HomeWorkers);
    let weekday_bits = within(TWICE, hypothesis == Departments);
    let organisation_bits = within(TWICE, hypothesis == Services);
    let night_bits = within(THRICE, hypothesis == Workplace);
    let shares = [
        (structure.top_payment, story.top_payment, operator.top_payment, card_bits),
        (structure.top_address, story.top_address, operator.top_address, address_bits),
        (structure.single_address, story.single_address, operator.single_address, address_bits),
        (structure.large_payments, story.large_payments, operator.large_payments, payer_bits),
        (structure.own_addresses, story.own_addresses, operator.own_addresses, SHARE_BITS),
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
    // People who sit in one place and ask the same have addresses of one network or a few. So may an operator; and where nobody
    // knows what they ask, customers of one vendor share exits in many networks. So do people of one place who have to go through
    // such a vendor: their days say where they are.
    let in_one_network = structure.top_template.and(structure.top_network).zip(story.top_network);
    let elsewhere = in_one_network.map_or(0.0, |(share, of_one_place)| {
        let share = share.clamp(margin, 1.0 - margin);
        around_the_clock(structure) * (ln_density(share, of_one_place) / std::f64::consts::LN_2).clamp(-TWICE, 0.0)
    });
    let in_one_place = structure.profile_peak.zip(story.profile_peak);
    let night = in_one_place.map_or(0.0, |(peak, of_people)| without_a_night(peak, of_people));
    // Who is at home may be anywhere: together they have no night if each has one of its own.
    let anywhere = hypothesis == BenignHypothesis::Course;
    let clock = if hypothesis.is_of_many() { bits_of_one_clock(structure) } else { 0.0 };
    let one_clock = structure.own_hours.as_ref().filter(|_| anywhere).map_or(1.0, one_clock);
    of_shares - clock + night * one_clock + elsewhere
}

/// How much one clock says against people or projects that have nothing to do with each other: nothing if it may be the day of one
/// place.
fn bits_of_one_clock(structure: &Structure) -> f64 {
    let own_hours = structure.own_hours.as_ref().map_or(0.0, |own_hours| own_hours.bits.clamp(0.0, SHARE_BITS));
    own_hours * around_the_clock(structure)
}

/// The chance that a candidate's hours are not the day of one place, one in two before they are looked at; 0 where they aren't
/// known.
fn around_the_clock(structure: &Structure) -> f64 {
    structure.profile_peak.map_or(0.0, |peak| {
        let peak = peak.clamp(0.01, 0.99);
        let in_one_place = (ln_density(peak, OF_ONE_PLACE) - ln_density(peak, AROUND_THE_CLOCK)).exp();
        1.0 / (1.0 + in_one_place)
    })
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
mod tests;
