//! What does each kind of identifier and each signal contribute?
//!
//! The chain of [`crate::detect`](mod@crate::detect) is run again, with the configuration of the last detection, without one
//! part at a time:
//! - *without a kind*: its sightings are taken out of the graph, and events lose the templates if it was that kind; the kind's
//!   place stays, so that everything else keeps its number;
//! - *without a signal*: it is missing on every score card, as if its input were.
//!
//! A part that can be left out without loss is redundant on this data, not useless: two parts may stand in for each other.
//! Cost: one detection a line, without writing.

use events::schema::TEMPLATE_KIND;
use evidence::{Facts, Role, SignalName};
use graph::{Activity, BipartiteGraph, Column, GraphError, IdentifierFilter, KindId, Kinds, NONE_U32};
use serde::Serialize;
use synth::metrics::{Evaluation, Score};

use crate::chain::{Chain, find_candidates};
use crate::dataset::Dataset;
use crate::error::Error;
use crate::evaluate::Truth;
use crate::observe::{Observer, Steps, Unobserved};
use crate::results::Results;

/// How right the chain is without one part.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AblationLine {
    /// `nothing`, `kind NAME` or `signal NAME`.
    pub without: String,
    /// Networks over the threshold.
    pub networks: u64,
    /// Over pairs of accounts.
    pub pairwise: Score,
    /// B-cubed.
    pub b_cubed: Score,
    /// Share of the largest true network that lies in one network.
    pub largest_recall: f64,
    /// Legitimate accounts flagged.
    pub benign_flagged: u64,
    /// Change of pairwise F1 against the whole chain.
    pub f1_change: f64,
    /// Accounts that the truth labels and the store doesn't have: left out.
    pub unknown_labels: u64,
}

/// Runs the chain whole and without each part. The observer is told what is left out before each run.
///
/// # Errors
/// [`Error::Interrupted`]; as [`crate::detect()`].
pub fn ablate(
    dataset: &Dataset,
    results: &Results,
    truth: &Truth,
    observer: &dyn Observer,
) -> Result<Vec<AblationLine>, Error> {
    results.labelling().check_of(dataset)?;
    let config = results.labelling.run.detect_config()?;
    let allowed = dataset.allowed()?;
    let facts = dataset.facts(&allowed);
    let mut lines: Vec<AblationLine> = Vec::new();
    let mut add = |without: String, facts: Facts<'_>, missing: &[SignalName]| -> Result<(), Error> {
        Steps::of(observer).begin(&without)?;
        let chain = find_candidates(facts, &config, missing, Steps::of(&Unobserved))?;
        let (found, networks) = flagged(&chain, facts.graph.account_count(), config.linkage.score.threshold_bits);
        let names: Vec<String> = (0..chain.cards.len()).map(|rank| format!("{}", rank + 1)).collect();
        let whole = lines.first().map(|line| line.pairwise.f1);
        lines.push(AblationLine::of(without, networks, &truth.score(&found, &names)?, whole, truth.networks.unknown_accounts));
        Ok(())
    };
    add("nothing".to_owned(), facts, &[])?;
    for kind in facts.graph.kinds() {
        let graph = without_kind(facts.graph, kind)?;
        // Events know the templates of one kind only.
        let activity = match dataset.kind_name(kind) {
            TEMPLATE_KIND => without_templates(facts.activity)?,
            _ => facts.activity.clone(),
        };
        let reduced = Facts { graph: &graph, activity: &activity, ..facts };
        add(format!("kind {}", dataset.kind_name(kind)), reduced, &[])?;
    }
    for signal in SignalName::BEHAVIOUR {
        let name = signal.with_kind(|kind| dataset.kind_name(kind).to_owned());
        add(format!("signal {name}"), facts, &[signal])?;
    }
    Ok(lines)
}

impl AblationLine {
    fn of(without: String, networks: u64, evaluation: &Evaluation, whole: Option<f64>, unknown_labels: u64) -> Self {
        AblationLine {
            without,
            networks,
            pairwise: evaluation.pairwise,
            b_cubed: evaluation.b_cubed,
            largest_recall: evaluation.networks.first().map_or(0.0, |network| network.recall),
            benign_flagged: evaluation.benign_flagged,
            f1_change: whole.map_or(0.0, |whole| evaluation.pairwise.f1 - whole),
            unknown_labels,
        }
    }
}

/// The network of each account by rank among those over the threshold, and how many these are.
fn flagged(chain: &Chain, accounts: usize, threshold: f64) -> (Vec<u32>, u64) {
    let mut network_of = vec![NONE_U32; accounts];
    let mut networks = 0;
    for (rank, index) in evidence::rank_networks(&chain.cards).into_iter().enumerate() {
        let mut members =
            chain.candidates.networks[index].members.iter().filter(|member| member.role != Role::Ambiguous).peekable();
        if chain.cards[index].score_bits < threshold || members.peek().is_none() {
            continue;
        }
        networks += 1;
        for member in members {
            network_of[member.account as usize] = rank as u32;
        }
    }
    (network_of, networks)
}

/// The graph without the sightings of a kind; its identifiers stay, with no accounts.
fn without_kind(graph: &BipartiteGraph, kind: KindId) -> Result<BipartiteGraph, GraphError> {
    let others: Vec<KindId> = graph.kinds().filter(|&other| other != kind).collect();
    let open = IdentifierFilter { kinds: Kinds::Only(&others), ..IdentifierFilter::default() }.open_identifiers(graph);
    graph.with_sightings(|sighting| open[sighting.identifier.index()].then_some(sighting))
}

fn without_templates(activity: &Activity) -> Result<Activity, GraphError> {
    let mut columns = activity.columns().clone();
    columns.template = Column::default();
    Activity::from_columns(columns)
}

#[cfg(test)]
mod tests {
    use graph::{AccountId, IdentifierId, Sighting};

    use super::*;

    #[test]
    fn a_kind_is_taken_out_and_the_rest_keeps_its_numbers() {
        let sighting = |account, identifier| Sighting {
            account: AccountId(account),
            identifier: IdentifierId(identifier),
            count: 1,
            first_seen: 1,
            last_seen: 2,
        };
        // Kind 0 has identifiers 0 and 1, kind 1 has 2.
        let graph =
            graph::build::graph_from_sightings(vec![sighting(0, 0), sighting(0, 2), sighting(1, 1)], 2, vec![0, 2, 3]).unwrap();
        let reduced = without_kind(&graph, KindId(0)).unwrap();
        reduced.validate().unwrap();
        assert_eq!((reduced.account_count(), reduced.identifier_count(), reduced.sighting_count()), (2, 3, 1));
        assert_eq!(reduced.identifiers_of(AccountId(0)), [2]);
        assert!(reduced.identifiers_of(AccountId(1)).is_empty());
    }
}
