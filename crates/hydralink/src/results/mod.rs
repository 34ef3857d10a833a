//! What a detection leaves in the store: labels of every account and identifier, and the networks.
//!
//! Networks are numbered by rank from 0 ([`Labelling::network_index`]). A number that no network has is [`Error::Unknown`]
//! wherever an answer can be an error, and nothing where it is a list. Labels of another store, or of a store before an
//! update, are refused.

use evidence::Classification;
use graph::{Column, IdentifierId};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

mod card;
pub(crate) mod details;
mod fits;
pub(crate) mod foremost;
pub(crate) mod groups;
mod of_node;
pub(crate) mod tying;

pub use card::{Membership, Network, NetworkHead, Run, SignalLine, TyingIdentifier};
use details::Details;
use foremost::Foremost;
pub use foremost::Totals;
use groups::Groups;
pub(crate) use of_node::KEEP;
use tying::Tying;

use crate::consensus::Consensus;
use crate::dataset::Dataset;
use crate::detect::last::not_detected;
use crate::detect::{Labels, last};
use crate::error::Error;
use crate::options::to_detect;
use crate::rules::{self, Lists};
use crate::store::StoreWriter;

/// What the last detection says of every account and identifier: all that questions about nodes need. Opening reads a few bytes
/// a network; the rest lies where it is.
#[derive(Clone, Debug)]
pub struct Labelling {
    /// The run.
    pub run: Run,
    /// Networks by rank, without their cards.
    pub(crate) heads: Vec<NetworkHead>,
    /// Component of each vertex (accounts, then identifiers).
    pub components: Column<u32>,
    /// Community of each vertex.
    pub communities: Column<u32>,
    /// Network of each account as an index into [`Results::networks`], or `NONE_U32`.
    pub network_of: Column<u32>,
    /// Membership code of each account (0 core, 1 fringe, 2 ambiguous).
    pub(crate) membership: Column<u8>,
    /// Confidence of each membership, 0..1.
    pub confidence: Column<f32>,
    /// Evidence of each membership, in bits.
    pub evidence_bits: Column<f32>,
    /// Class of each identifier, an index into [`Labelling::class_names`].
    pub classes: Column<u8>,
    /// Policy of each identifier, an index into [`Labelling::policy_names`].
    pub policies: Column<u8>,
    /// Inter-quartile range, in seconds, of the times at which its accounts first had each identifier; NaN where few or no
    /// times are known.
    pub spread_seconds: Column<f32>,
    /// Weight of each sighting, in bits; 0 where suppressed.
    pub weights: Column<f32>,
    /// Network of each identifier that ties one together, or `NONE_U32`.
    pub network_of_identifier: Column<u32>,
    /// Names of the classes.
    pub class_names: Vec<String>,
    /// Names of the policies.
    pub policy_names: Vec<String>,
    /// Where in the section of cards each network's begins, and the last ends.
    pub(crate) card_offsets: Column<u64>,
    /// The nodes with most of everything.
    pub(crate) foremost: Foremost,
    /// Who is in each network, with what.
    pub(crate) groups: Groups,
    /// Which identifiers tie each network.
    pub(crate) tying: Tying,
    /// How each flagged network hangs together, and what its members did.
    pub(crate) details: Details,
    /// What reruns on perturbed copies say, where they belong to this detection.
    pub(crate) consensus: Option<Consensus>,
    /// What tells the facts that it is about from others; `None` of labels of another time, whose numbers were made to fit.
    pub(crate) facts: Option<u128>,
}

/// What the last detection says of every node ([`Results::labelling`]), and its networks with their cards.
#[derive(Clone, Debug)]
pub struct Results {
    pub(crate) labelling: Labelling,
    /// All candidates by rank; those that are held to be a network are [flagged](Network::flagged).
    pub networks: Vec<Network>,
    /// The lists that the detection was run with.
    pub(crate) lists: Lists,
}

fn named<'a>(names: &'a [String], codes: &[u8], identifier: IdentifierId) -> &'a str {
    codes.get(identifier.index()).and_then(|&code| names.get(code as usize)).map_or("", String::as_str)
}

/// A column of enum values as codes, with the names that serialise them, ascending.
fn coded<T: Serialize + Copy + Ord>(values: &[T]) -> (Column<u8>, Vec<String>) {
    let distinct: std::collections::BTreeSet<T> = values.iter().copied().collect();
    let distinct: Vec<T> = distinct.into_iter().collect();
    let name = |value: &T| match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        other => format!("{other:?}"),
    };
    let codes: Vec<u8> = values.iter().map(|value| distinct.binary_search(value).map_or(u8::MAX, |code| code as u8)).collect();
    (codes.into(), distinct.iter().map(name).collect())
}

/// The part of the labelling that is kept as JSON.
#[derive(Serialize, Deserialize)]
struct Summary {
    run: Run,
    heads: Vec<NetworkHead>,
    class_names: Vec<String>,
    policy_names: Vec<String>,
}

/// The sections of the summary, of the networks' cards, one JSON document after the other, and of where each begins.
pub(crate) const SUMMARY: &str = "result.summary";
const NETWORKS: &str = "result.networks";
const OFFSETS: &str = "result.network_offsets";
/// A section that results of older versions don't have.
const SPREADS: &str = "result.spread_seconds";

impl Labelling {
    /// Reads the labelling of a store. O(networks).
    pub(crate) fn open(dataset: &Dataset) -> Result<Self, Error> {
        let store = dataset.store();
        if store.has(SUMMARY) && !store.has(OFFSETS) {
            return Err(Error::Usage(format!(
                "the networks of {} were found by an older version: {}",
                crate::store::quoted(store.path()),
                to_detect(store.path())
            )));
        }
        let summary: Option<Summary> = store.json(SUMMARY)?;
        let summary = summary.ok_or_else(|| not_detected(dataset))?;
        let mut labelling = Labelling {
            run: summary.run,
            heads: summary.heads,
            class_names: summary.class_names,
            policy_names: summary.policy_names,
            components: store.column("result.components")?,
            communities: store.column("result.communities")?,
            network_of: store.column("result.network_of")?,
            membership: store.column("result.membership")?,
            confidence: store.column("result.confidence")?,
            evidence_bits: store.column("result.evidence_bits")?,
            classes: store.column("result.classes")?,
            policies: store.column("result.policies")?,
            spread_seconds: if store.has(SPREADS) { store.column(SPREADS)? } else { Column::default() },
            weights: store.column("result.weights")?,
            network_of_identifier: store.column("result.network_of_identifier")?,
            card_offsets: store.column(OFFSETS)?,
            foremost: Foremost::open(store)?,
            groups: Groups::open(store)?,
            tying: Tying::open(store)?,
            details: Details::open(store)?,
            consensus: None,
            facts: Some(dataset.facts_mark()),
        };
        labelling.consensus = Consensus::current(dataset, &labelling)?;
        Ok(labelling)
    }

    /// The networks whose places are asked for, with their cards. Reads those cards alone.
    ///
    /// # Errors
    /// [`Error::StoreDamaged`] if a card can't be read, [`Error::Unknown`] for a number that no network has, and
    /// [`Error::Usage`] if the labels are of another dataset, or of an earlier detection.
    pub fn networks(&self, dataset: &Dataset, places: &[usize]) -> Result<Vec<Network>, Error> {
        self.check_of(dataset)?;
        places.iter().try_for_each(|&place| self.check_number(place))?;
        // Before a detection there are no cards to read.
        if places.is_empty() {
            return Ok(Vec::new());
        }
        let cards: Column<u8> = dataset.store().column(NETWORKS)?;
        // The labels that a detection answered know no places of cards in a store; theirs are of its last detection.
        let offsets = match self.card_offsets.is_empty() {
            true => dataset.store().column(OFFSETS)?,
            false => self.card_offsets.clone(),
        };
        if offsets.len() != self.heads.len() + 1 {
            return Err(Error::Usage("the labels are of an earlier detection: read them again".to_owned()));
        }
        let q_values = crate::calibrate::current(dataset, self)?.map(|calibration| calibration.q_values(self));
        let harmless = q_values.as_ref().map(|_| crate::calibrate::harmless_shares(self));
        let read = |&place: &usize| {
            let bounds = [offsets[place], offsets[place + 1]].map(|at| at as usize);
            let damaged = |what: String| dataset.store().damaged(NETWORKS, &what);
            let card = cards.get(bounds[0]..bounds[1]).ok_or_else(|| damaged("a card lies outside".to_owned()))?;
            let mut network: Network = serde_json::from_slice(card).map_err(|error| damaged(error.to_string()))?;
            if !dataset.naming().is_full() {
                network.tied_by.iter_mut().for_each(|tie| tie.identifier = dataset.naming().labelled(dataset, &tie.identifier));
            }
            network.count_left_out();
            network.stability = self.consensus.as_ref().and_then(|consensus| consensus.of_network(place));
            network.q_value = q_values.as_ref().and_then(|q_values| q_values[place]);
            network.q_harmless = harmless.as_ref().and_then(|shares| shares[place]);
            Ok(network)
        };
        places.par_iter().with_min_len(64).map(read).collect()
    }

    /// One network with its card.
    ///
    /// # Errors
    /// As [`Labelling::networks`].
    pub fn network(&self, dataset: &Dataset, place: usize) -> Result<Network, Error> {
        Ok(self.networks(dataset, &[place])?.remove(0))
    }

    /// The labels of a detection; its columns of other things are empty, and the rest is filled in by whoever has it.
    pub(crate) fn of_labels(labels: Labels) -> Self {
        Labelling {
            run: Run::default(),
            heads: Vec::new(),
            components: Column::default(),
            communities: Column::default(),
            network_of: labels.network_of.into(),
            membership: labels.membership.into(),
            confidence: labels.confidence.into(),
            evidence_bits: labels.evidence_bits.into(),
            classes: Column::default(),
            policies: Column::default(),
            spread_seconds: Column::default(),
            weights: Column::default(),
            network_of_identifier: labels.network_of_identifier.into(),
            class_names: Vec::new(),
            policy_names: Vec::new(),
            card_offsets: Column::default(),
            foremost: Foremost::default(),
            groups: Groups::default(),
            tying: Tying::default(),
            details: Details::default(),
            consensus: None,
            facts: None,
        }
    }

    /// The same with classes and policies, numbered in the order of their names, and what they were decided by.
    pub(crate) fn with_classes(self, classification: &Classification) -> Self {
        let (classes, class_names) = coded(&classification.classes);
        let (policies, policy_names) = coded(&classification.policies);
        let spreads: Vec<f32> = classification.features.iter().map(|features| features.spread_seconds).collect();
        Labelling { classes, class_names, policies, policy_names, spread_seconds: spreads.into(), ..self }
    }

    /// Nothing but the classes of identifiers, for rules that ask for them.
    pub(crate) fn of_classes(dataset: &Dataset, classification: &Classification) -> Self {
        let graph = dataset.graph();
        Labelling::of_labels(Labels::new(graph.account_count(), graph.identifier_count())).with_classes(classification)
    }

    /// The same detection with these labels and this network alone.
    pub(crate) fn with_labels(&self, labels: Labels, network: &Network) -> Self {
        Labelling {
            heads: vec![network.head()],
            network_of: labels.network_of.into(),
            membership: labels.membership.into(),
            confidence: labels.confidence.into(),
            evidence_bits: labels.evidence_bits.into(),
            network_of_identifier: labels.network_of_identifier.into(),
            card_offsets: Column::default(),
            groups: Groups::default(),
            tying: Tying::default(),
            details: Details::default(),
            consensus: None,
            ..self.clone()
        }
    }

    /// Networks by rank, without their cards.
    pub fn heads(&self) -> &[NetworkHead] {
        &self.heads
    }

    /// Where the flagged networks stand among them; with `all` every candidate.
    pub fn places(&self, all: bool) -> Vec<usize> {
        (0..self.heads.len()).filter(|&place| all || self.heads[place].flagged).collect()
    }
}

impl Results {
    /// Reads the results of a store, every network with its card.
    pub(crate) fn open(dataset: &Dataset) -> Result<Self, Error> {
        let labelling = Labelling::open(dataset)?;
        let places: Vec<usize> = (0..labelling.heads.len()).collect();
        let networks = labelling.networks(dataset, &places)?;
        Ok(Results { labelling, networks, lists: Lists::kept_in(dataset)? })
    }

    /// The results of a detection from its parts: networks by rank, and the lists that it was run with.
    pub(crate) fn new(labelling: Labelling, networks: Vec<Network>, lists: Lists) -> Self {
        let heads = networks.iter().map(Network::head).collect();
        Results { labelling: Labelling { heads, ..labelling }, networks, lists }
    }

    /// What the detection says of every account and identifier.
    pub fn labelling(&self) -> &Labelling {
        &self.labelling
    }

    /// The same with what is looked up where it would take too long to count: the nodes with most of everything, who is in each
    /// network, and how each flagged one hangs together.
    pub(crate) fn indexed(mut self, dataset: &Dataset) -> Result<Self, Error> {
        self.labelling.foremost = Foremost::of(dataset, &self.labelling)?;
        self.labelling.groups = Groups::of(dataset, &self.labelling);
        self.labelling.details = Details::of(dataset, &self.labelling)?;
        Ok(self)
    }

    /// Puts results into a store.
    pub(crate) fn write(&self, writer: &mut StoreWriter) -> Result<(), Error> {
        let labelling = &self.labelling;
        writer.forget("result.");
        writer.forget(last::SECTION);
        let summary = Summary {
            run: labelling.run.clone(),
            heads: labelling.heads.clone(),
            class_names: labelling.class_names.clone(),
            policy_names: labelling.policy_names.clone(),
        };
        writer.put(SUMMARY, &serde_json::to_vec(&summary).expect("plain data serialises"))?;
        let (mut cards, mut offsets) = (Vec::new(), vec![0u64]);
        for network in &self.networks {
            serde_json::to_writer(&mut cards, network).expect("plain data serialises");
            cards.push(b'\n');
            offsets.push(cards.len() as u64);
        }
        writer.put(NETWORKS, &cards)?;
        writer.put(OFFSETS, &offsets)?;
        writer.put("result.components", &labelling.components)?;
        writer.put("result.communities", &labelling.communities)?;
        writer.put("result.network_of", &labelling.network_of)?;
        writer.put("result.membership", &labelling.membership)?;
        writer.put("result.confidence", &labelling.confidence)?;
        writer.put("result.evidence_bits", &labelling.evidence_bits)?;
        writer.put("result.classes", &labelling.classes)?;
        writer.put("result.policies", &labelling.policies)?;
        writer.put(SPREADS, &labelling.spread_seconds)?;
        writer.put("result.weights", &labelling.weights)?;
        writer.put("result.network_of_identifier", &labelling.network_of_identifier)?;
        if !self.lists.is_empty() {
            writer.put(rules::SECTION, &serde_json::to_vec(&self.lists).expect("plain data serialises"))?;
        }
        labelling.groups.write(writer)?;
        labelling.tying.write(writer)?;
        labelling.details.write(writer)?;
        labelling.foremost.write(writer)
    }
}

#[cfg(test)]
mod tests {
    use graph::AccountId;

    use super::*;
    use crate::testing::store_of_events;
    use crate::{self as hydralink, DetectConfig, Unobserved, bans, cohesion, detect, how, layers, links};

    /// A few accounts on a few addresses.
    fn store(folder: &std::path::Path) -> std::path::PathBuf {
        let row = |at: u32| (at % 24, at % 3, at % 5, 40 * at);
        let store = store_of_events(folder, "store", &(0..240).map(row).collect::<Vec<_>>());
        detect(&store, &DetectConfig::default(), &Unobserved).expect("a detection");
        store
    }

    #[test]
    fn labels_of_other_facts_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let (_example, one) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/example_store.rs"));
        let [one, other] = [one, store(folder.path())].map(|path| Dataset::open(&path).expect("a store"));
        let labels = one.labelling().expect("labels");
        let (first, second) = (AccountId(0), AccountId(1));
        assert!(links::why(&one, &labels, first, second).is_ok());
        // A detection of the same facts makes labels that fit them.
        let again = detect(one.path(), &DetectConfig { seed: 7, ..DetectConfig::default() }, &Unobserved).expect("a detection");
        assert!(links::why(&one, again.labelling(), first, second).is_ok());
        let refused = |error: Error| assert!(error.to_string().contains("the labels aren't those of"), "{error}");
        refused(links::why(&other, &labels, first, second).expect_err("other facts"));
        refused(labels.networks(&other, &[]).expect_err("other facts"));
        refused(other.network_index(&labels, "1").expect_err("other facts"));
        refused(how::how(&other, &labels, 0).expect_err("other facts"));
        let results = one.results().expect("results");
        // What makes no sense is named.
        for least_share in [-0.1, 1.1, f64::NAN] {
            let config = layers::LayersConfig { least_share, ..layers::LayersConfig::default() };
            let error = layers::layers(&one, &results, &config).expect_err("no share").to_string();
            assert!(error.starts_with("least_share is") && error.contains("from 0 to 1"), "{error}");
        }
        for benign_budget in [-1.0, f64::NAN] {
            let config = bans::PlanConfig { benign_budget, ..bans::PlanConfig::default() };
            let error = bans::plan_bans(&one, &labels, &results.networks[0], &config).expect_err("no budget").to_string();
            assert!(error.starts_with("benign_budget is"), "{error}");
        }
        refused(layers::layers(&other, &results, &layers::LayersConfig::default()).expect_err("other facts"));
    }

    #[test]
    fn numbers_that_no_network_has_are_unknown_everywhere() {
        let folder = tempfile::tempdir().expect("a folder");
        let dataset = Dataset::open(&store(folder.path())).expect("a store");
        let labels = dataset.labelling().expect("labels");
        for network in [labels.heads().len(), usize::MAX] {
            let unknown = [
                labels.network(&dataset, network).err(),
                labels.networks(&dataset, &[network]).err(),
                how::how(&dataset, &labels, network).err(),
                how::fragile(&dataset, &labels, network).err(),
                cohesion::cohesion(&dataset, &labels, network, 2, 2).err(),
                links::overlap(&dataset, &labels, network, network).err(),
            ];
            assert!(unknown.iter().all(|error| matches!(error, Some(Error::Unknown { .. }))), "{unknown:?}");
            assert!(labels.belonging(network).is_empty() && labels.members_of(network).is_empty());
        }
    }
}
