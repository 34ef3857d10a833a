//! What is said of one network, of one account's place in it, and of the run that found it.

use std::collections::BTreeMap;

use evidence::{SignalName, TestName};
use serde::{Deserialize, Serialize};

use crate::consensus::Stability;
use crate::detect::DetectConfig;
use crate::error::Error;
use crate::rules::ListFile;

/// How an account belongs to a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Membership {
    /// Tied by several independent identifiers that the network keeps to itself.
    Core,
    /// Tied by fewer, but more than chance explains.
    Fringe,
    /// Touches the network; the evidence doesn't decide. Never to be banned on this alone.
    Ambiguous,
}

impl Membership {
    /// All values, in the order of their codes.
    pub const ALL: [Membership; 3] = [Membership::Core, Membership::Fringe, Membership::Ambiguous];

    /// The word used in every output.
    pub fn name(self) -> &'static str {
        match self {
            Membership::Core => "core",
            Membership::Fringe => "fringe",
            Membership::Ambiguous => "ambiguous",
        }
    }

    /// Whether an account that belongs so is a member, core or fringe; another one only touches the network.
    pub fn belongs(self) -> bool {
        match self {
            Membership::Core | Membership::Fringe => true,
            Membership::Ambiguous => false,
        }
    }

    /// The code in the store.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }

    pub(crate) fn of_code(code: u8) -> Option<Self> {
        Membership::ALL.get(code as usize).copied()
    }
}

/// One line of a network's score card.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SignalLine {
    /// The measured value.
    pub value: f64,
    /// What the null expects of a group of this size.
    pub expected: f64,
    /// Log2 likelihood ratio, operator against benign.
    pub bits: f64,
    /// Tail probability under the null, where the signal has a test.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub p_value: Option<f64>,
    /// Whether what was measured lies beyond all draws of the null: the p-value is what these say, and the bits rest on the tail
    /// that is fitted to them.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub beyond_draws: bool,
    /// Probability that the test finds such a group that is what it looks for, where it says.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub power: Option<f64>,
    /// The tests that the signal is made of, if several: what its bits come from. They count for nothing beside it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub tests: BTreeMap<TestName, SignalLine>,
}

/// One identifier that ties a network together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TyingIdentifier {
    /// `KIND:VALUE`.
    pub identifier: String,
    /// Class, as in `hubs`.
    pub class: String,
    /// Members seen with it.
    pub members: u64,
    /// Accounts seen with it, inside and outside.
    pub accounts: u64,
    /// Members / accounts: 1 when the network keeps it to itself.
    pub exclusivity: f64,
    /// First and last sighting by a member, RFC 3339, if known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub first_seen: Option<String>,
    /// Last sighting by a member.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_seen: Option<String>,
    /// Members that would no longer be tied to the rest if this identifier were not counted.
    pub members_lost_without: u64,
}

/// A network as the analyst sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Network {
    /// Stable id, `PN-` and eight hex digits; kept over detections while most members stay.
    pub id: String,
    /// 1 for the strongest.
    pub rank: u32,
    /// Accounts that belong (core and fringe).
    pub accounts: u64,
    /// Accounts tied by several independent identifiers.
    pub core: u64,
    /// Accounts tied by fewer.
    pub fringe: u64,
    /// Accounts that touch it without belonging.
    pub ambiguous: u64,
    /// Identifiers that tie it together, by kind.
    pub identifiers_by_kind: BTreeMap<String, u64>,
    /// Exchanges of its accounts.
    pub events: u64,
    /// First event of a member, RFC 3339.
    pub first_seen: Option<String>,
    /// Last event of a member.
    pub last_seen: Option<String>,
    /// Evidence in bits for one operator against the best benign hypothesis.
    pub score: f64,
    /// Expected share of false networks among those ranked as high or higher, by chance and by harmless stories together;
    /// `None` until `calibrate` was run.
    pub q_value: Option<f64>,
    /// How much of it harmless stories are expected to explain, if scores are what they say; the rest is chance.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub q_harmless: Option<f64>,
    /// Whether it is found again where a little is left out; `None` until `consensus` was run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stability: Option<Stability>,
    /// Whether the score is over the threshold of the run.
    pub flagged: bool,
    /// The benign hypothesis that explains it best.
    pub benign_hypothesis: String,
    /// Its likelihood in bits.
    pub benign_bits: f64,
    /// One line: why.
    pub why: String,
    /// The score card; a signal whose input is missing is `null`.
    pub signals: BTreeMap<SignalName<String>, Option<SignalLine>>,
    /// The strongest of these identifiers first, at most 25; [`super::Labelling::tying_identifiers`] gives all.
    pub tied_by: Vec<TyingIdentifier>,
    /// How many more tie it, and aren't among them.
    #[serde(default)]
    pub tied_by_left_out: u64,
    /// Sightings of members with identifiers that don't link on their own: they count where another one ties the accounts.
    pub suppressed_sightings: u64,
    /// Share of members lost by leaving out the one identifier that matters most.
    pub fragility: f64,
}

/// What a detection was run with and what it went through.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Run {
    /// Version of the tool.
    pub tool: String,
    /// Seed.
    pub seed: u64,
    /// Score threshold, in bits.
    pub threshold: f64,
    /// Score, in bits, at which odds are even.
    #[serde(default = "even_bits")]
    pub even_bits: f64,
    /// The configuration, as TOML.
    pub config: String,
    /// Components with at least two accounts.
    pub components: u64,
    /// Accounts in the largest component.
    pub largest_component: u64,
    /// Communities.
    pub communities: u64,
    /// Quality of the partition.
    pub quality: f64,
    /// Sightings with suppressed identifiers.
    pub suppressed_sightings: u64,
    /// What ties were judged by.
    #[serde(default)]
    pub terms: evidence::TieTerms,
    /// The rules and lists that it was run with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lists: Vec<ListFile>,
    /// Records of the case log that it went by; `None` if it was made before that was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decisions: Option<u64>,
}

/// Where a detection doesn't say it: it was made before that was a setting.
fn even_bits() -> f64 {
    evidence::ScoreConfig::default().even_bits
}

impl Run {
    /// The configuration it was run with.
    ///
    /// # Errors
    /// [`Error::Usage`] if it was written by a version whose settings this one doesn't know.
    pub fn detect_config(&self) -> Result<DetectConfig, Error> {
        DetectConfig::of_toml(&self.config)
    }
}

impl Network {
    /// Where it stands in [`super::Results::networks`], and what labels call it.
    pub fn index(&self) -> usize {
        self.rank as usize - 1
    }

    /// Counts the identifiers that tie it and aren't named.
    pub(crate) fn count_left_out(&mut self) {
        let all = self.identifiers_by_kind.values().sum::<u64>();
        self.tied_by_left_out = all.saturating_sub(self.tied_by.len() as u64);
    }

    /// What labels lead to.
    pub(crate) fn head(&self) -> NetworkHead {
        let Network { id, accounts, score, flagged, .. } = self;
        NetworkHead { id: id.clone(), accounts: *accounts, score: *score, flagged: *flagged }
    }
}

/// What a label of an account leads to without reading the networks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NetworkHead {
    /// Its id.
    pub id: String,
    /// Accounts that belong.
    pub accounts: u64,
    /// Evidence in bits.
    pub score: f64,
    /// Whether the score is over the threshold of the run.
    pub flagged: bool,
}
