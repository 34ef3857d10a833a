//! From a store to its ranked networks.
//!
//! 1. *Classify* every identifier and *weigh* every sighting ([`evidence::classify`], [`evidence::weigh`]).
//! 2. *Components* and *communities* (Leiden) of the weighted bipartite graph itself.
//! 3. *Corroborate*: which accounts are tied by more than one identifier that the group keeps to itself.
//! 4. *Propose* what behaves alike and takes turns at one prompt ([`evidence::Corroborator::taking_turns`]) or hangs together by
//!    infrastructure alone ([`evidence::Corroborator::on_infrastructure`]).
//! 5. *Measure* each candidate's behaviour against its nulls, *score* it against the best benign hypothesis, join pieces of one
//!    network, *rank*. Lists of what is known beforehand have the last word on who belongs ([`crate::rules`]).
//! 6. *Keep*: labels and networks become sections of the store; ids stay with a network while most of its members do.

mod config;
pub(crate) mod last;
mod why;

use std::collections::BTreeMap;
use std::path::Path;

use evidence::{Candidate, Classification, Role, ScoreCard, ScoreConfig, SignalName};
use graph::build::earliest;
use graph::{AccountId, IdentifierId, NONE_U32, Partition};
use serde::Serialize;

pub use config::{DetectConfig, Resolution, SettingChange};
pub use last::LastDetection;

use crate::cases;
use crate::cases::Cases;
use crate::chain::{Chain, find_candidates};
use crate::dataset::Dataset;
use crate::error::Error;
use crate::lineage;
use crate::observe::{Observer, Steps};
use crate::query;
use crate::results::tying::{Own, Tying, tying_identifier};
use crate::results::{Labelling, Membership, Network, Results, Run, SignalLine, TyingIdentifier};
use crate::rules::Lists;
use crate::store::StoreWriter;
use crate::time::rfc3339;

/// Identifiers that a network lists by name; the rest are counted.
const NAMED_IDENTIFIERS: usize = 25;

/// Finds the networks of a store and keeps them in it. Where the observer stops the work, the store is as it was.
///
/// # Errors
/// As [`Dataset::open`] and [`StoreWriter::amend`]; [`Error::StoreDamaged`] if a checksum is wrong; [`Error::Interrupted`].
pub fn detect(path: &Path, config: &DetectConfig, observer: &dyn Observer) -> Result<Results, Error> {
    detect_by(path, config, &Lists::default(), observer)
}

/// [`detect`] by lists of what is known beforehand ([`crate::rules`]); they are kept with the results.
///
/// # Errors
/// As [`detect`].
pub fn detect_by(path: &Path, config: &DetectConfig, lists: &Lists, observer: &dyn Observer) -> Result<Results, Error> {
    let mut writer = StoreWriter::amend(path)?;
    let steps = Steps::of(observer);
    let dataset = Dataset::open(path)?;
    steps.begin("checking")?;
    dataset.store().verify()?;
    let results = put_networks(&dataset, config, lists, steps, &mut writer)?;
    writer.commit()?;
    Ok(results)
}

/// Runs a detection on what a change is going to make of a store. Its results go into the change, so that they become visible
/// with what they are about. `cases` are the decisions under the names of then.
pub(crate) fn detect_staged(
    writer: StoreWriter,
    config: &DetectConfig,
    lists: &Lists,
    cases: Cases,
    observer: &dyn Observer,
) -> Result<(StoreWriter, Results), Error> {
    let (mut writer, staged) = writer.staged()?;
    let staged = Dataset::of(staged)?.with_cases(cases);
    let results = put_networks(&staged, config, lists, Steps::of(observer), &mut writer)?;
    Ok((writer, results))
}

/// Finds the networks of a data set and puts them into a change, for which the observer is asked a last time.
fn put_networks(
    dataset: &Dataset,
    config: &DetectConfig,
    lists: &Lists,
    steps: Steps<'_>,
    writer: &mut StoreWriter,
) -> Result<Results, Error> {
    let results = find_networks(dataset, &config.clone().settled(), lists, steps)?;
    steps.begin("writing")?;
    let results = results.indexed(dataset)?;
    results.write(writer)?;
    lineage::record_run(dataset, &results, writer)?;
    steps.begin("writing")?;
    Ok(results)
}

/// The chain of [`detect`] without the writing: a pure function of the data set, the configuration and the lists.
pub(crate) fn find_networks(
    dataset: &Dataset,
    config: &DetectConfig,
    lists: &Lists,
    steps: Steps<'_>,
) -> Result<Results, Error> {
    config.check()?;
    let allowed = dataset.allowed_by(lists)?;
    let linkage = &config.linkage;
    let Chain { classification, weights, components, communities, candidates, cards } =
        find_candidates(dataset.facts(&allowed), config, &[], steps)?;
    steps.begin("ranking")?;
    let cases = dataset.cases()?;
    let confirmed = cases::confirmed(dataset, &cases);
    let order = rank(&confirmed, &candidates, &cards);
    let account_count = dataset.graph().account_count();
    let mut labels = Labels::new(account_count, dataset.graph().identifier_count());
    let mut networks = Vec::with_capacity(order.len());
    for (rank, &index) in order.iter().enumerate() {
        let (candidate, card) = (&candidates.networks[index], &cards[index]);
        labels.put(rank as u32, candidate);
        let mut network = describe(dataset, &classification, candidate, card, rank as u32 + 1, &linkage.score);
        network.flagged |= network.accounts > 0 && is_confirmed(&confirmed, candidate);
        networks.push(network);
    }
    lineage::keep_ids(dataset, &labels, &mut networks)?;
    let linked = components.sizes().iter().filter(|&&size| size > 1).count() as u64;
    let run = Run {
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        seed: config.seed,
        threshold: linkage.score.threshold_bits,
        even_bits: linkage.score.even_bits,
        config: config.to_toml(),
        components: linked,
        largest_component: largest_component(&components, account_count),
        communities: communities.partition.group_count() as u64,
        quality: communities.quality,
        suppressed_sightings: weights.suppressed.iter().map(|&count| u64::from(count)).sum(),
        terms: candidates.terms.clone(),
        lists: lists.files.clone(),
        decisions: Some(cases.entries().len() as u64),
    };
    let labelling = Labelling {
        facts: Some(dataset.facts_mark()),
        run,
        components: components.labels().to_vec().into(),
        communities: communities.partition.labels().to_vec().into(),
        weights: of_all_sightings(dataset, weights.sighting_weights).into(),
        tying: Tying::of(order.iter().map(|&index| &candidates.networks[index])),
        ..Labelling::of_labels(labels).with_classes(&classification)
    };
    Ok(Results::new(labelling, networks, lists.clone()))
}

/// What can be said of a store in which nothing was detected yet: the classes and weights of its identifiers by the default settings,
/// and no network. Cost: O(sightings).
///
/// # Errors
/// As [`Dataset::cases`].
pub fn undetected(dataset: &Dataset) -> Result<Labelling, Error> {
    let linkage = evidence::LinkageConfig::default();
    let allowed = dataset.allowed()?;
    let facts = dataset.facts(&allowed);
    let classification = evidence::classify_identifiers(facts, &linkage.classify);
    let weights = evidence::weigh_sightings(facts, &classification, &linkage.weigh);
    let labels = Labels::new(dataset.graph().account_count(), dataset.graph().identifier_count());
    Ok(Labelling {
        facts: Some(dataset.facts_mark()),
        weights: of_all_sightings(dataset, weights.sighting_weights).into(),
        ..Labelling::of_labels(labels).with_classes(&classification)
    })
}

/// The weights of the sightings that link as weights of all sightings: those that no longer link weigh nothing.
fn of_all_sightings(dataset: &Dataset, weights: Vec<f32>) -> Vec<f32> {
    let (all, linking) = (dataset.graph(), dataset.linking_graph());
    if all.sighting_count() == linking.sighting_count() {
        return weights;
    }
    let mut of_all = Vec::with_capacity(all.sighting_count());
    for account in (0..all.account_count() as u32).map(AccountId) {
        let mut linked = linking.identifiers_of(account).iter().zip(&weights[linking.sighting_range(account)]).peekable();
        let row = all.identifiers_of(account).iter();
        of_all
            .extend(row.map(|identifier| linked.next_if(|(linking, _)| *linking == identifier).map_or(0.0, |(_, &bits)| bits)));
    }
    of_all
}

/// Strongest first; of equal scores the one with more confirmed accounts, then as [`evidence::rank_networks`] has it.
fn rank(confirmed: &[bool], candidates: &evidence::Candidates, cards: &[ScoreCard]) -> Vec<usize> {
    let seeds = |index: usize| {
        let members = candidates.networks[index].members.iter();
        members.filter(|member| member.role != Role::Ambiguous && confirmed[member.account as usize]).count()
    };
    let mut order = evidence::rank_networks(cards);
    // The sort is stable.
    order.sort_by(|&a, &b| cards[b].score_bits.total_cmp(&cards[a].score_bits).then_with(|| seeds(b).cmp(&seeds(a))));
    order
}

/// Whether people confirmed most of those who belong to a candidate: then it is a network, whatever it scores.
fn is_confirmed(confirmed: &[bool], candidate: &Candidate) -> bool {
    let belonging = || candidate.members.iter().filter(|member| member.role != Role::Ambiguous);
    2 * belonging().filter(|member| confirmed[member.account as usize]).count() > belonging().count()
}

/// The labels of accounts and identifiers in the making.
pub(crate) struct Labels {
    pub(crate) network_of: Vec<u32>,
    pub(crate) membership: Vec<u8>,
    pub(crate) confidence: Vec<f32>,
    pub(crate) evidence_bits: Vec<f32>,
    pub(crate) network_of_identifier: Vec<u32>,
}

impl Labels {
    pub(crate) fn new(accounts: usize, identifiers: usize) -> Self {
        Labels {
            network_of: vec![NONE_U32; accounts],
            membership: vec![0; accounts],
            confidence: vec![0.0; accounts],
            evidence_bits: vec![0.0; accounts],
            network_of_identifier: vec![NONE_U32; identifiers],
        }
    }

    pub(crate) fn put(&mut self, network: u32, candidate: &Candidate) {
        for member in &candidate.members {
            let at = member.account as usize;
            self.network_of[at] = network;
            self.membership[at] = membership(member.role).code();
            self.confidence[at] = member.confidence;
            self.evidence_bits[at] = member.bits;
        }
        for own in &candidate.identifiers {
            self.network_of_identifier[own.identifier as usize] = network;
        }
    }
}

fn membership(role: Role) -> Membership {
    match role {
        Role::Core => Membership::Core,
        Role::Fringe => Membership::Fringe,
        Role::Ambiguous => Membership::Ambiguous,
    }
}

fn largest_component(components: &Partition, account_count: usize) -> u64 {
    let mut accounts = vec![0u64; components.group_count()];
    for &label in &components.labels()[..account_count] {
        accounts[label as usize] += 1;
    }
    accounts.into_iter().max().unwrap_or(0)
}

/// A candidate in the analyst's words.
pub(crate) fn describe(
    dataset: &Dataset,
    classification: &Classification,
    candidate: &Candidate,
    card: &ScoreCard,
    rank: u32,
    score: &ScoreConfig,
) -> Network {
    let mut counts = [0u64; 3];
    let (mut events, mut first, mut last) = (0u64, graph::NO_TIME, graph::NO_TIME);
    for member in &candidate.members {
        let how = membership(member.role);
        counts[how as usize] += 1;
        if how.belongs() {
            let account = AccountId(member.account);
            events += query::exchanges_of(dataset, account);
            let span = query::span_of_account(dataset, account);
            (first, last) = (earliest(first, span.0), last.max(span.1));
        }
    }
    let mut by_kind: BTreeMap<String, u64> = BTreeMap::new();
    for own in &candidate.identifiers {
        *by_kind.entry(dataset.identifier_name(IdentifierId(own.identifier)).0.to_owned()).or_default() += 1;
    }
    let accounts = counts[0] + counts[1];
    let lost = u64::from(candidate.fragility.lost);
    // The chain numbers kinds; people read their names.
    let name_of = |signal: SignalName| signal.with_kind(|kind| dataset.kind_name(kind).to_owned());
    let signals: BTreeMap<SignalName<String>, Option<SignalLine>> =
        card.signals.iter().map(|named| (name_of(named.name), line_of(named))).collect();
    let mut network = Network {
        id: String::new(),
        rank,
        accounts,
        core: counts[0],
        fringe: counts[1],
        ambiguous: counts[2],
        identifiers_by_kind: by_kind,
        events,
        first_seen: rfc3339(first),
        last_seen: rfc3339(last),
        score: card.score_bits,
        q_value: None,
        q_harmless: None,
        stability: None,
        flagged: card.score_bits >= score.threshold_bits && accounts > 0,
        benign_hypothesis: word(&card.benign.hypothesis),
        benign_bits: card.benign.bits,
        why: String::new(),
        signals,
        tied_by: tying_identifiers(dataset, classification, candidate),
        tied_by_left_out: 0,
        suppressed_sightings: candidate.suppressed,
        fragility: if accounts == 0 { 0.0 } else { lost as f64 / accounts as f64 },
    };
    network.count_left_out();
    network.why = why::why(&network, card, candidate.origin, score);
    network
}

fn line_of(named: &evidence::NamedSignal) -> Option<SignalLine> {
    let line = |signal: &evidence::Signal, tests: BTreeMap<_, SignalLine>| SignalLine {
        value: signal.value,
        expected: signal.expected,
        bits: signal.bits,
        p_value: signal.p_value,
        beyond_draws: match tests.is_empty() {
            true => evidence::behaviour::chance::is_beyond_draws(signal),
            false => tests.values().any(|test| test.beyond_draws),
        },
        power: signal.power,
        tests,
    };
    let tests = named.tests.iter().map(|(name, test)| (*name, line(test, BTreeMap::new()))).collect();
    Some(line(named.signal.as_ref()?, tests))
}

/// The word that serialises an enum.
pub(crate) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// The identifiers that tie most members, most exclusive first among equals.
fn tying_identifiers(dataset: &Dataset, classification: &Classification, candidate: &Candidate) -> Vec<TyingIdentifier> {
    let is_member = |account: u32| candidate.member(account).is_some();
    let named = candidate.strongest_first().into_iter().take(NAMED_IDENTIFIERS);
    named
        .map(|own| {
            let identifier = IdentifierId(own.identifier);
            let class = word(&classification.classes[identifier.index()]);
            let fragile = candidate.fragility.identifier == Some(own.identifier);
            let lost = if fragile { u64::from(candidate.fragility.lost) } else { 0 };
            tying_identifier(dataset, Own { identifier, members: own.members, accounts: own.accounts, lost }, &class, is_member)
        })
        .collect()
}
