//! One network in full: what an analyst puts before an appeal board.
//!
//! Everything in a dossier is taken from the results and the store; nothing is estimated here. [`text`] and [`markdown`] print
//! the same content.

mod case;
mod decided;
mod doings;
mod made_from;
mod mix;
mod parts;
mod text;
mod verdict;
mod verify;
pub(crate) mod words;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::assess::Given;
use crate::dataset::Dataset;
use crate::error::Error;
use crate::export::Level;
use crate::node::Node;
use crate::query;
use crate::results::{Labelling, Network};
use crate::roles;
pub(crate) use words::Reason;
use words::{Side, Told};

pub use case::CaseOfNetwork;
pub(crate) use doings::Doings;
pub use made_from::MadeFrom;
pub(crate) use mix::days;
pub use parts::ScoreParts;
pub use text::{markdown, picture_of_days, sparkline, text};
pub use verify::{VerifiedDossier, verify};

use crate::how::HeldBy;

/// Identifiers that a dossier names as fragile; `how` has the rest.
const NAMED_FRAGILE: usize = 10;
/// Members that a dossier names; the rest are counted, and listed by `members --network`.
pub const NAMED_MEMBERS: usize = 20;

/// A network with its timeline, its mix, and its strongest members.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Dossier {
    /// The network and its score card.
    #[serde(flatten)]
    pub network: Network,
    /// How much of names it shows, if that isn't everything: what [`verify()`] takes it by.
    #[serde(skip_serializing_if = "Level::is_full")]
    pub level: Level,
    /// What it was made from; absent if the case log can't be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_from: Option<MadeFrom>,
    /// Score threshold of the run.
    pub threshold: f64,
    /// Whether it is flagged, and how far the score is from the threshold.
    pub verdict: String,
    /// What is to be said of accounts that were named and not found ([`crate::assess`](mod@crate::assess)).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given: Option<Given>,
    /// What people had said of its accounts before it was found: lists, and who is known-good.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub decided: Vec<String>,
    /// Its case, if anybody decided about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<CaseOfNetwork>,
    /// Tokens of its accounts' exchanges, where the events say them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Exchanges of its accounts per day: (date, exchanges).
    pub timeline: Vec<(String, u64)>,
    /// Accounts made per day: (date, accounts).
    pub registrations: Vec<(String, u64)>,
    /// Accounts by pathway.
    pub pathways: BTreeMap<String, u64>,
    /// Exchanges by model.
    pub models: BTreeMap<String, u64>,
    /// Accounts by country.
    pub countries: BTreeMap<String, u64>,
    /// Accounts already banned.
    pub banned: u64,
    /// Accounts that belong or touch it, by role ([`crate::roles`]).
    pub roles: BTreeMap<&'static str, u64>,
    /// The members with the most evidence.
    pub strongest_members: Vec<query::Member>,
    /// Skeletons of the templates that tie it together, where prompts were mined at ingest.
    pub skeletons: BTreeMap<String, String>,
    /// Broad attributes that members show at least twice as often as all accounts do: no part of the score.
    pub attributes: Vec<Attribute>,
    /// How the score comes about; absent where the settings of the detection can't be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score_parts: Option<ScoreParts>,
    /// What was found, in words: signals that speak for an operator, strongest first.
    pub findings: Vec<String>,
    /// Signals that speak against it, in words, worst first.
    pub counter_evidence: Vec<String>,
    /// By signal that couldn't be measured: what nobody knows, or what the test needs at least.
    pub not_measured: BTreeMap<String, String>,
    /// What the network would lose without one identifier, the ten worst first; empty if nothing hangs on a single one.
    pub fragile: Vec<HeldBy>,
    /// How many such identifiers there are.
    pub fragile_in_all: u64,
    /// What would change the verdict.
    pub would_change: Vec<String>,
}

/// A client, an autonomous system, an issuer of cards or the like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Attribute {
    /// `KIND:VALUE`.
    pub identifier: String,
    /// Members seen with it.
    pub members: u64,
    /// Their share of all members.
    pub share: f64,
    /// The share of the accounts seen with it among all that have the kind.
    pub expected: f64,
}

impl Dossier {
    /// What people said of its accounts before it was found, and of it since, a line each.
    pub fn decided_lines(&self) -> Vec<String> {
        self.decided.iter().cloned().chain(self.case.iter().flat_map(CaseOfNetwork::lines)).collect()
    }

    /// What couldn't be measured and why, a line for each reason.
    pub fn not_measured_lines(&self) -> Vec<String> {
        let mut by_reason = BTreeMap::<&str, Vec<&str>>::new();
        for (signal, why) in &self.not_measured {
            by_reason.entry(why).or_default().push(signal);
        }
        let mut lines: Vec<String> = by_reason.iter().map(|(why, of)| format!("{}: {why}.", of.join(", "))).collect();
        lines.sort_unstable();
        lines
    }
}

/// What was found of a network and what speaks against it, each signal by itself.
pub(crate) fn reasons(dataset: &Dataset, results: &Labelling, network: &Network) -> [Vec<Reason>; 2] {
    let config = results.run.detect_config().ok();
    let parts = config.as_ref().map(|config| ScoreParts::of(network, config));
    let with = Told::of(dataset, network, &results.belonging(network.index()), parts, config.as_ref());
    [Side::For, Side::Against].map(|side| words::told(network, with, side))
}

/// Puts the dossier of a network together. Of one that isn't flagged, and where the detection kept nothing, it reads its
/// members' rows and activity once.
///
/// # Errors
/// [`Error::Usage`] if the labels, or the network, are of another store, or of it before an update or another detection.
pub fn dossier(dataset: &Dataset, results: &Labelling, network: &Network) -> Result<Dossier, Error> {
    results.check_card(dataset, network)?;
    let index = network.index();
    let belonging = results.belonging(index);
    let tables = dataset.tables();
    // A document that can't be read is as good as none: what it says is found anew.
    let kept = results.details.doings(dataset, index).ok().flatten();
    let doings = kept.unwrap_or_else(|| Doings::found(dataset, results, index));
    let mut order = belonging.clone();
    order.sort_by(|a, b| results.evidence_bits[b.index()].total_cmp(&results.evidence_bits[a.index()]).then(a.cmp(b)));
    query::ties_as_shown(
        dataset,
        &mut order,
        |account| results.evidence_bits[account.index()].to_bits(),
        |&account| Node::Account(account),
    );
    order.truncate(NAMED_MEMBERS);
    let strongest_members = order.into_iter().map(|account| query::member(dataset, results, account)).collect();
    let skeletons = tables.skeletons.iter().filter(|(identifier, skeleton, _)| {
        dataset.naming().shows_skeletons()
            && !skeleton.is_empty()
            && results.network_of_identifier.get(*identifier as usize).is_some_and(|&network| network as usize == index)
    });
    let skeletons = skeletons
        .map(|(identifier, skeleton, _)| (dataset.identifier_names().name_of(*identifier).to_owned(), skeleton.clone()))
        .collect();
    let threshold = results.run.threshold;
    let config = results.run.detect_config().ok();
    let score_parts = config.as_ref().map(|config| ScoreParts::of(network, config));
    let with = Told::of(dataset, network, &belonging, score_parts, config.as_ref());
    Ok(Dossier {
        level: dataset.naming().level(),
        made_from: MadeFrom::of(dataset, results).ok(),
        verdict: verdict::verdict(network, threshold),
        given: None,
        decided: decided::decided(dataset, results, index).unwrap_or_default(),
        case: case::case_of(dataset, &network.id, &belonging),
        fragile_in_all: doings.fragile_in_all.max(doings.fragile.len() as u64),
        fragile: doings.fragile.into_iter().take(NAMED_FRAGILE).collect(),
        would_change: config.as_ref().map(|config| verdict::would_change(network, config)).unwrap_or_default(),
        score_parts,
        findings: words::findings(network, with),
        counter_evidence: words::counter_evidence(network, with),
        not_measured: words::not_measured(dataset, network, &belonging),
        attributes: mix::foremost(doings.attributes),
        threshold,
        tokens: doings.tokens,
        timeline: doings.days.exchanges,
        registrations: doings.mix.registrations,
        pathways: doings.mix.pathways,
        models: doings.days.models,
        countries: doings.mix.countries,
        banned: doings.mix.banned,
        roles: roles::counts(dataset, results, index),
        strongest_members,
        skeletons,
        network: network.clone(),
    })
}
