//! What can be on a score card?
//!
//! Every signal, and every test that a composed signal is made of, is a variant here; its wire name, its family and its place
//! among the others are said in this module and nowhere else, so that a signal that nobody has placed doesn't compile. The
//! variants stand in the order of their names: sorting signals sorts their names.
//!
//! A sharing signal is of one kind of identifier. Detection numbers kinds ([`graph::KindId`]), a card that is kept names them,
//! so that it can be read without the data set: `SignalName` and `SignalName<String>`.

use std::fmt;
use std::str::FromStr;

use graph::KindId;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What a signal looks at; signals of one family are dependent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalFamily {
    /// Who is tied to whom, or takes turns with whom.
    Membership,
    /// Which identifiers repeat.
    Sharing,
    /// When accounts act and come.
    Timing,
    /// What accounts ask.
    Content,
    /// Whether the group is more than harmless parts.
    CrossLinked,
    /// Whether the accounts look like people's: hours of their own, and an age.
    Habits,
    /// Anything else.
    Other,
}

/// One line of a score card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignalName<Kind = KindId> {
    /// Accounts older than others: evidence for people.
    AgedAccounts,
    /// New accounts follow bans.
    BanAndReplace,
    /// Few capability classes.
    CapabilityConcentration,
    /// Other identifiers cross the cards of the group.
    CrossLinked,
    /// Active at hours that don't fit the declared country.
    DiurnalPhase,
    /// Joint move to a new model.
    LaunchPivot,
    /// What ties each member to the others.
    Membership,
    /// Active in one office's hours: evidence for a benign group.
    OfficeHours,
    /// One scheduler deals out the requests.
    OneQueue,
    /// Each account keeps hours of its own: evidence for people.
    OwnHours,
    /// Accounts made in bursts.
    RegistrationBursts,
    /// Accounts are made at an even pace.
    RegistrationPace,
    /// Accounts are used as evenly as a machine would.
    RegularUse,
    /// Identifiers of one kind repeat among the members.
    Sharing(Kind),
    /// Exact-time co-activity.
    Synchrony,
    /// New templates reach all members at once.
    TemplateFanOut,
    /// New accounts at full use.
    Tenure,
    /// Accounts take turns at one prompt.
    Turns,
}

/// A sharing signal's name is this and its kind's.
const SHARING: &str = "sharing_";

impl<Kind> SignalName<Kind> {
    /// The behavioural signals: those of [`crate::behaviour::measure`].
    pub const BEHAVIOUR: [Self; 14] = [
        Self::Synchrony,
        Self::OneQueue,
        Self::RegularUse,
        Self::CapabilityConcentration,
        Self::LaunchPivot,
        Self::BanAndReplace,
        Self::RegistrationBursts,
        Self::RegistrationPace,
        Self::DiurnalPhase,
        Self::OfficeHours,
        Self::OwnHours,
        Self::AgedAccounts,
        Self::TemplateFanOut,
        Self::Tenure,
    ];

    /// The signals of what ties a group, sharing apart.
    const STRUCTURE: [Self; 3] = [Self::Membership, Self::Turns, Self::CrossLinked];

    /// What the signal looks at.
    pub fn family(&self) -> SignalFamily {
        match self {
            SignalName::Membership | SignalName::Turns => SignalFamily::Membership,
            SignalName::Sharing(_) => SignalFamily::Sharing,
            SignalName::BanAndReplace
            | SignalName::DiurnalPhase
            | SignalName::OneQueue
            | SignalName::RegistrationBursts
            | SignalName::RegistrationPace
            | SignalName::RegularUse
            | SignalName::Synchrony => SignalFamily::Timing,
            SignalName::CapabilityConcentration | SignalName::LaunchPivot | SignalName::TemplateFanOut => SignalFamily::Content,
            SignalName::CrossLinked => SignalFamily::CrossLinked,
            SignalName::AgedAccounts | SignalName::OwnHours => SignalFamily::Habits,
            SignalName::OfficeHours | SignalName::Tenure => SignalFamily::Other,
        }
    }

    /// The same signal where kinds are known under other names.
    pub fn with_kind<Other>(self, renamed: impl FnOnce(Kind) -> Other) -> SignalName<Other> {
        match self {
            SignalName::AgedAccounts => SignalName::AgedAccounts,
            SignalName::BanAndReplace => SignalName::BanAndReplace,
            SignalName::CapabilityConcentration => SignalName::CapabilityConcentration,
            SignalName::CrossLinked => SignalName::CrossLinked,
            SignalName::DiurnalPhase => SignalName::DiurnalPhase,
            SignalName::LaunchPivot => SignalName::LaunchPivot,
            SignalName::Membership => SignalName::Membership,
            SignalName::OfficeHours => SignalName::OfficeHours,
            SignalName::OneQueue => SignalName::OneQueue,
            SignalName::OwnHours => SignalName::OwnHours,
            SignalName::RegistrationBursts => SignalName::RegistrationBursts,
            SignalName::RegistrationPace => SignalName::RegistrationPace,
            SignalName::RegularUse => SignalName::RegularUse,
            SignalName::Sharing(kind) => SignalName::Sharing(renamed(kind)),
            SignalName::Synchrony => SignalName::Synchrony,
            SignalName::TemplateFanOut => SignalName::TemplateFanOut,
            SignalName::Tenure => SignalName::Tenure,
            SignalName::Turns => SignalName::Turns,
        }
    }

    /// The wire name; of a sharing signal the part before the kind.
    fn stem(&self) -> &'static str {
        match self {
            SignalName::AgedAccounts => "aged_accounts",
            SignalName::BanAndReplace => "ban_and_replace",
            SignalName::CapabilityConcentration => "capability_concentration",
            SignalName::CrossLinked => "cross_linked",
            SignalName::DiurnalPhase => "diurnal_phase",
            SignalName::LaunchPivot => "launch_pivot",
            SignalName::Membership => "membership",
            SignalName::OfficeHours => "office_hours",
            SignalName::OneQueue => "one_queue",
            SignalName::OwnHours => "own_hours",
            SignalName::RegistrationBursts => "registration_bursts",
            SignalName::RegistrationPace => "registration_pace",
            SignalName::RegularUse => "regular_use",
            SignalName::Sharing(_) => SHARING,
            SignalName::Synchrony => "synchrony",
            SignalName::TemplateFanOut => "template_fan_out",
            SignalName::Tenure => "tenure",
            SignalName::Turns => "turns",
        }
    }
}

impl fmt::Display for SignalName<String> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SignalName::Sharing(kind) => write!(out, "{SHARING}{kind}"),
            other => out.write_str(other.stem()),
        }
    }
}

impl FromStr for SignalName<String> {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        if let Some(kind) = name.strip_prefix(SHARING) {
            return Ok(SignalName::Sharing(kind.to_owned()));
        }
        let all = || Self::STRUCTURE.into_iter().chain(Self::BEHAVIOUR);
        all().find(|signal| signal.stem() == name).ok_or_else(|| UnknownName {
            what: "signal",
            name: name.to_owned(),
            known: all().map(|signal| signal.stem().to_owned()).chain([format!("{SHARING}KIND")]).collect(),
        })
    }
}

/// A test that a composed signal is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TestName {
    /// Accounts of one queue avoid each other.
    AntiBunching,
    /// Counts are more even than chance.
    EvenLoad,
    /// A rejected request moves to another member.
    HandOff,
    /// Sessions end at a time-to-live.
    SessionCutoff,
    /// The longest idle account is next.
    Succession,
}

impl TestName {
    /// All of them.
    pub const ALL: [TestName; 5] =
        [TestName::AntiBunching, TestName::EvenLoad, TestName::HandOff, TestName::SessionCutoff, TestName::Succession];

    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            TestName::AntiBunching => "anti_bunching",
            TestName::EvenLoad => "even_load",
            TestName::HandOff => "hand_off",
            TestName::SessionCutoff => "session_cutoff",
            TestName::Succession => "succession",
        }
    }
}

impl fmt::Display for TestName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for TestName {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        TestName::ALL.into_iter().find(|test| test.as_str() == name).ok_or_else(|| UnknownName {
            what: "test",
            name: name.to_owned(),
            known: TestName::ALL.map(|test| test.as_str().to_owned()).to_vec(),
        })
    }
}

/// A name that is none of a signal or a test.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownName {
    /// What it should have named: `signal` or `test`.
    pub what: &'static str,
    /// What was found.
    pub name: String,
    /// What it could have been.
    pub known: Vec<String>,
}

impl fmt::Display for UnknownName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "there is no {} {:?}; there are {}", self.what, self.name, self.known.join(", "))
    }
}

impl std::error::Error for UnknownName {}

impl Serialize for SignalName<String> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SignalName<String> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Serialize for TestName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for TestName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<SignalName<String>> {
        let sharing = ["ip", "a_kind_of_ours"].map(|kind| SignalName::Sharing(kind.to_owned()));
        SignalName::STRUCTURE.into_iter().chain(SignalName::BEHAVIOUR).chain(sharing).collect()
    }

    #[test]
    fn names_are_read_as_they_are_written_and_sort_as_text_does() {
        let mut signals = all();
        assert!(signals.iter().all(|signal| signal.to_string().parse().as_ref() == Ok(signal)));
        let mut names: Vec<String> = signals.iter().map(SignalName::to_string).collect();
        signals.sort();
        names.sort();
        assert_eq!(signals.iter().map(SignalName::to_string).collect::<Vec<_>>(), names);
        assert!(TestName::ALL.iter().all(|test| test.as_str().parse() == Ok(*test)));
        assert!(TestName::ALL.is_sorted_by_key(|test| test.as_str()));
    }

    #[test]
    fn an_unknown_name_is_told_what_there_is() {
        let error = "synchronie".parse::<SignalName<String>>().unwrap_err().to_string();
        assert!(error.starts_with("there is no signal \"synchronie\"; there are membership, "), "{error}");
        assert!(error.ends_with("tenure, sharing_KIND"), "{error}");
        assert!("succesion".parse::<TestName>().unwrap_err().to_string().ends_with("session_cutoff, succession"));
    }
}
