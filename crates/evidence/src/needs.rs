//! Why could a signal not be measured?
//!
//! A test whose input is missing, or that has too little data, gives `None`. Which of the two it was is asked of the same facts
//! afterwards: the first input that nobody has, or else the least that the test takes. Cost: O(members).

use graph::AccountId;

use crate::behaviour::{
    ban_and_replace, capability_concentration, co_activity, diurnal_phase, launch_pivot, one_queue, own_hours, population,
    registration_bursts, registration_pace, template_fan_out, tenure,
};
use crate::cross_linked::RING_ROLES;
use crate::{AccountTable, Facts, KindRole, SignalName};

/// Something that not every log and account table says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Times,
    Models,
    Capabilities,
    Prompts,
    Releases,
    Creations,
    Bans,
    CardsOrDevices,
}

impl Input {
    /// Whether anybody has it: of the account table and of identifiers, any of the members.
    fn is_known(self, facts: &Facts<'_>, members: &[AccountId]) -> bool {
        let (columns, table) = (facts.activity.columns(), facts.accounts);
        let known_time = |column: &[u32]| members.iter().any(|&account| AccountTable::known(column, account).is_some());
        match self {
            Input::Times => !columns.time.is_empty(),
            Input::Models => !columns.model.is_empty(),
            Input::Capabilities => !columns.capability.is_empty(),
            Input::Prompts => facts.roles.contains(&KindRole::Template),
            Input::Releases => !facts.releases.is_empty(),
            Input::Creations => known_time(&table.created_at),
            Input::Bans => known_time(&table.banned_at),
            Input::CardsOrDevices => {
                let rings = facts.identifiers_of_role(|role| RING_ROLES.contains(&role));
                members.iter().any(|&account| facts.has_any(account, &rings))
            }
        }
    }

    fn missing(self) -> &'static str {
        match self {
            Input::Times => "the events say no times",
            Input::Models => "the events say no models",
            Input::Capabilities => "the events say no capabilities",
            Input::Prompts => "nobody knows what accounts ask (prompt_template_hash)",
            Input::Releases => "no releases of models are known",
            Input::Creations => "nobody knows when its accounts were made (created_at)",
            Input::Bans => "none of its accounts is known to be banned (banned_at)",
            Input::CardsOrDevices => "nobody knows the cards or devices of its accounts",
        }
    }
}

/// Why a signal of a group could not be measured, in words: what nobody knows, or what the test needs at least. `members`: the
/// group, ascending.
pub fn why_not_measured<Kind>(facts: &Facts<'_>, signal: &SignalName<Kind>, members: &[AccountId]) -> String {
    let missing = inputs_of(signal).iter().find(|input| !input.is_known(facts, members));
    missing.map_or_else(|| least(signal), |input| input.missing().to_owned())
}

/// What a signal is measured from, beside the graph.
fn inputs_of<Kind>(signal: &SignalName<Kind>) -> &'static [Input] {
    match signal {
        SignalName::Membership | SignalName::Sharing(_) => &[],
        SignalName::Synchrony
        | SignalName::OneQueue
        | SignalName::RegularUse
        | SignalName::DiurnalPhase
        | SignalName::OfficeHours
        | SignalName::OwnHours => &[Input::Times],
        SignalName::Turns | SignalName::TemplateFanOut => &[Input::Times, Input::Prompts],
        SignalName::CapabilityConcentration => &[Input::Capabilities],
        SignalName::LaunchPivot => &[Input::Models, Input::Releases],
        SignalName::BanAndReplace => &[Input::Creations, Input::Bans],
        SignalName::RegistrationBursts | SignalName::RegistrationPace => &[Input::Creations],
        SignalName::AgedAccounts | SignalName::Tenure => &[Input::Times, Input::Creations],
        SignalName::CrossLinked => &[Input::CardsOrDevices],
    }
}

/// The least that a test takes where its inputs are known.
fn least<Kind>(signal: &SignalName<Kind>) -> String {
    let too_little = match signal {
        SignalName::Membership => "members that are more than ambiguous".to_owned(),
        SignalName::Sharing(_) => "members that have the kind".to_owned(),
        SignalName::Turns => "requests with prompts of its own".to_owned(),
        SignalName::CrossLinked => "members with cards or devices that something but their turns brought together".to_owned(),
        SignalName::Synchrony => format!(
            "{} accounts with two events each, and {} events in all",
            co_activity::FEWEST_ACCOUNTS,
            co_activity::FEWEST_EVENTS
        ),
        SignalName::OneQueue => format!(
            "{} moments that two accounts would have in common by chance, or {} accounts that come back {} times, or {} rejected \
             requests",
            one_queue::FEWEST_COINCIDENCES,
            one_queue::FEWEST_ACCOUNTS,
            one_queue::FEWEST_RETURNS,
            one_queue::FEWEST_REJECTIONS
        ),
        SignalName::RegularUse => "accounts that were active together on twenty days or so".to_owned(),
        SignalName::CapabilityConcentration => format!(
            "two capabilities in the log, {} accounts with {} events each, and accounts like these to compare them with",
            capability_concentration::FEWEST_ACCOUNTS,
            capability_concentration::FEWEST_EVENTS
        ),
        SignalName::LaunchPivot => format!(
            "{} accounts that were active right after a release, accounts like these that were, and {} groups with an address, a card or a credential in common",
            launch_pivot::FEWEST_ADOPTERS,
            launch_pivot::FEWEST_CLUSTERS
        ),
        SignalName::BanAndReplace => format!("{} bans", ban_and_replace::FEWEST_BANS),
        SignalName::RegistrationBursts => format!(
            "{} accounts whose creation is known, and {} others",
            registration_bursts::FEWEST,
            registration_bursts::FEWEST_OTHERS
        ),
        SignalName::RegistrationPace => {
            format!("{} accounts whose creation is known, over some days", registration_pace::FEWEST)
        }
        SignalName::DiurnalPhase => format!(
            "{} accounts with a rhythm of the day, {} others with one to say what is usual where each is, and accounts like \
             these to compare them with",
            diurnal_phase::FEWEST_ACCOUNTS,
            diurnal_phase::FEWEST_PHASES
        ),
        SignalName::OfficeHours => format!(
            "{} accounts with {} events each, over a week",
            diurnal_phase::FEWEST_ACCOUNTS,
            diurnal_phase::FEWEST_EVENTS
        ),
        SignalName::OwnHours => format!(
            "{} accounts that something but their turns brought together, and {} others, that were active on {} even and {} odd \
             days",
            own_hours::FEWEST_ACCOUNTS,
            own_hours::FEWEST_OTHERS,
            own_hours::FEWEST_DAYS,
            own_hours::FEWEST_DAYS
        ),
        SignalName::Tenure => format!(
            "{} accounts with {} events each, and half of those whose creation is known, that were made while the log ran and \
             whose first {} days it holds (or half as many days as it has, if that is less, but at least {}), and {} others like \
             these",
            tenure::FEWEST_ACCOUNTS,
            tenure::FEWEST_EVENTS,
            tenure::FOLLOWED,
            tenure::FEWEST_FOLLOWED,
            population::FEWEST
        ),
        SignalName::AgedAccounts => format!(
            "{} accounts with {} events each whose creation is known, and accounts like these",
            tenure::FEWEST_ACCOUNTS,
            tenure::FEWEST_EVENTS
        ),
        SignalName::TemplateFanOut => format!(
            "prompts of {} users or more who are mostly its own, {} others as common, and a group that its addresses and cards \
             alone didn't propose",
            template_fan_out::FEWEST_USERS,
            template_fan_out::FEWEST_REFERENCES
        ),
    };
    format!("too little data: it needs {too_little}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::behaviour::{BehaviourConfig, Population, measure};
    use crate::toy::{Toy, planted};

    #[test]
    fn every_signal_that_is_not_measured_has_a_reason_that_names_what_is_missing() {
        // Sightings without events nor an account table.
        let (toy, network): (Toy, _) = planted(600, 60);
        let facts = toy.facts();
        let members: Vec<AccountId> = network.map(AccountId).collect();
        let config = BehaviourConfig::default();
        let signals = measure(&facts, &Population::new(&facts, &config), &members, &config);
        let missing: Vec<SignalName> =
            signals.all().into_iter().filter(|(_, signal)| signal.is_none()).map(|(name, _)| name).collect();
        assert_eq!(missing, SignalName::BEHAVIOUR);
        let because = |name: SignalName| why_not_measured(&facts, &name, &members);
        assert_eq!(because(SignalName::Synchrony), "the events say no times");
        assert_eq!(because(SignalName::RegistrationPace), "nobody knows when its accounts were made (created_at)");
        assert_eq!(because(SignalName::LaunchPivot), "the events say no models");
        // Cards are known, of nobody in an empty group.
        assert_eq!(why_not_measured(&facts, &SignalName::<graph::KindId>::CrossLinked, &[]), Input::CardsOrDevices.missing());
        assert!(because(SignalName::CrossLinked).starts_with("too little data"), "{}", because(SignalName::CrossLinked));
    }
}
