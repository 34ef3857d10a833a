//! Would the same networks be found if a little had not been seen?
//!
//! 1. *Perturb*: leave out each sighting with probability `left_out` ([`evidence::perturb`]), and give the searches another
//!    seed.
//! 2. *Rerun* the whole chain of [`crate::detect`](mod@crate::detect), with the configuration of the last detection.
//! 3. *Match*: a network is found again as the candidate with the largest Jaccard similarity of their accounts, J = |A and B| /
//!    |A or B|. *Stability* is the mean of J over the runs; a network is *recovered* in a run with J >= [`RECOVERED`] and
//!    *dissolved* in one with J <= [`DISSOLVED`]. An account's *consensus* is the share of runs in which it is a member of
//!    what its network is found again as.
//! 4. *Rank*: each rerun ranks its candidates by score as a detection does. A network's *range* is the lowest and the highest
//!    rank of what it is found again as, over the reruns in which it is found with more similarity than [`DISSOLVED`]. Reruns
//!    are exchangeable, so that another one would fall into the range of `n` with probability `(n - 1) / (n + 1)` at least,
//!    ties aside: .90 of 20. That is about what leaving out sightings does, not a confidence interval of a true rank.
//! 5. *Keep*: a few columns, with the key of the detection they belong to. After another detection they are stale and count
//!    no more.
//!
//! Stability says that a result doesn't hang on single sightings or on the draw of a search, not that it is right: a campus is
//! found again as surely as a pool. By Hennig (2007, doi:10.1016/j.csda.2006.11.025) clusters below .6 should not be trusted,
//! and those of .85 or more are highly stable. The account's share is the co-assignment of consensus clustering (Lancichinetti
//! & Fortunato 2012, doi:10.1038/srep00336), to the network instead of to each other account. Cost: a detection and a copy of
//! the graph for each run, one after the other, each in parallel inside.

use std::collections::BTreeMap;
use std::path::Path;

use evidence::Facts;
use evidence::perturb::perturbed_graph;
use graph::{Column, NONE_U32};
use serde::{Deserialize, Serialize};

use super::reruns;
use crate::calibrate::key_of;
use crate::chain::{Chain, find_candidates};
use crate::dataset::Dataset;
use crate::detect::DetectConfig;
use crate::error::Error;
use crate::observe::{Observer, Steps};
use crate::results::{Labelling, Membership};
use crate::store::StoreWriter;

/// From this similarity on a network is recovered.
pub const RECOVERED: f64 = 0.75;
/// Up to this similarity a network is dissolved.
pub const DISSOLVED: f64 = 0.5;

/// The sections that keep a consensus: what was run, then columns by network or account.
const SUMMARY: &str = "consensus.summary";
const SIMILARITY: &str = "consensus.similarity";
const RUNS: &str = "consensus.runs";
const ACCOUNTS: &str = "consensus.accounts";
/// A section that an older version's don't have.
const RANKS: &str = "consensus.ranks";

/// How to perturb.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConsensusConfig {
    /// Reruns.
    pub runs: u32,
    /// Share of the sightings that a rerun leaves out, 0 to 1.
    pub left_out: f64,
    /// Seed of the perturbations.
    pub seed: u64,
}

impl Default for ConsensusConfig {
    fn default() -> Self {
        ConsensusConfig { runs: 20, left_out: 0.1, seed: 1 }
    }
}

/// How stable one network is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stability {
    /// Mean Jaccard similarity to what it is found again as, 0 to 1.
    pub similarity: f64,
    /// Reruns.
    pub runs: u32,
    /// Reruns with a similarity of [`RECOVERED`] or more.
    pub recovered: u32,
    /// Reruns with a similarity of [`DISSOLVED`] or less.
    pub dissolved: u32,
    /// Reruns in which what it is found again as, with more similarity than that, is over the threshold.
    pub flagged: u32,
    /// The best and the worst rank of what it is found again as; `None` where it never is, and where an older version reran.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ranks: Option<(u32, u32)>,
}

/// What a store keeps of a consensus.
#[derive(Clone, Debug)]
pub struct Consensus {
    runs: u32,
    /// By network.
    similarity: Column<f32>,
    /// By network: recovered, dissolved, flagged.
    counts: Column<u32>,
    /// By network: best and worst rank, [`NONE_U32`] where it is never found again; empty where an older version reran.
    ranks: Column<u32>,
    /// By account.
    accounts: Column<f32>,
}

impl Consensus {
    /// The consensus of this very detection, if the store keeps one.
    pub(crate) fn current(dataset: &Dataset, results: &Labelling) -> Result<Option<Self>, Error> {
        let store = dataset.store();
        let summary: Option<Summary> = store.json(SUMMARY)?;
        let Some(summary) = summary.filter(|summary| summary.detection == key_of(dataset, results)) else { return Ok(None) };
        Ok(Some(Consensus {
            runs: summary.runs,
            similarity: store.column(SIMILARITY)?,
            counts: store.column(RUNS)?,
            ranks: if store.has(RANKS) { store.column(RANKS)? } else { Column::default() },
            accounts: store.column(ACCOUNTS)?,
        }))
    }

    /// How stable the network at a place is; `None` for candidates without members.
    pub fn of_network(&self, place: usize) -> Option<Stability> {
        let similarity = f64::from(*self.similarity.get(place)?);
        let &[recovered, dissolved, flagged] = self.counts.get(3 * place..3 * place + 3)? else { return None };
        let ranks = match self.ranks.get(2 * place..2 * place + 2) {
            Some(&[best, worst]) if best != NONE_U32 => Some((best, worst)),
            _ => None,
        };
        (!similarity.is_nan()).then_some(Stability { similarity, runs: self.runs, recovered, dissolved, flagged, ranks })
    }

    /// Share of the reruns in which an account is a member of what its network is found again as; `None` for accounts that are
    /// no network's.
    pub fn of_account(&self, account: u32) -> Option<f32> {
        self.accounts.get(account as usize).copied().filter(|share| !share.is_nan())
    }
}

/// What was run.
#[derive(Serialize, Deserialize)]
struct Summary {
    detection: String,
    seed: u64,
    left_out: f64,
    runs: u32,
}

/// Reruns the last detection on perturbed copies of the store and keeps how far they agree with it. Where the observer
/// stops the work, the store is as it was.
///
/// # Errors
/// [`Error::NotDetected`] before `detect`; [`Error::Usage`] for no runs or a share that isn't one; [`Error::StoreDamaged`] if a
/// checksum is wrong; as [`StoreWriter::amend`]; [`Error::Interrupted`].
pub fn consensus(path: &Path, config: &ConsensusConfig, observer: &dyn Observer) -> Result<(), Error> {
    if config.runs == 0 {
        return Err(Error::Usage("no reruns, no consensus: --runs is at least 1, and 20 or more tell something".to_owned()));
    }
    if !(0.0..1.0).contains(&config.left_out) {
        return Err(Error::Usage(format!("--left-out {}: a share from 0 to below 1 was expected", config.left_out)));
    }
    let mut writer = StoreWriter::amend(path)?;
    let dataset = Dataset::open(path)?;
    dataset.store().verify()?;
    let results = dataset.labelling()?;
    let agreement = rerun(&dataset, &results, config, observer)?;
    Steps::after(observer, config.runs.into(), config.runs.into()).begin("writing")?;
    let summary =
        Summary { detection: key_of(&dataset, &results), seed: config.seed, left_out: config.left_out, runs: config.runs };
    writer.put(SUMMARY, &serde_json::to_vec(&summary).expect("plain data serialises"))?;
    writer.put(SIMILARITY, &agreement.similarities(config.runs))?;
    writer.put(RUNS, &agreement.counts)?;
    writer.put(RANKS, &agreement.ranks)?;
    writer.put(ACCOUNTS, &agreement.shares(config.runs))?;
    writer.commit()
}

/// The reruns: a pure function of the store and the configuration.
fn rerun(
    dataset: &Dataset,
    results: &Labelling,
    config: &ConsensusConfig,
    observer: &dyn Observer,
) -> Result<Agreement, Error> {
    let detect = results.run.detect_config()?;
    let allowed = dataset.allowed()?;
    let facts = dataset.facts(&allowed);
    let belongs = |account: usize| {
        let member = results.membership[account] != Membership::Ambiguous as u8;
        if member { results.network_of[account] } else { NONE_U32 }
    };
    let labels = (0..facts.graph.account_count()).map(belongs).collect();
    let mut agreement = Agreement::new(labels, results.heads().len());
    for done in 0..config.runs {
        let steps = Steps::after(observer, done.into(), config.runs.into());
        steps.begin("perturbing")?;
        let seed = reruns::seed_of(config.seed, done);
        let graph = perturbed_graph(facts.graph, config.left_out, seed)?;
        let perturbed = Facts { graph: &graph, ..facts };
        let chain = find_candidates(perturbed, &DetectConfig { seed, ..detect.clone() }, &[], steps)?;
        agreement.add(&chain, detect.linkage.score.threshold_bits);
    }
    Ok(agreement)
}

/// What reruns say, summed up.
struct Agreement {
    /// By account: the network it is a member of, or `NONE_U32`.
    labels: Vec<u32>,
    /// By network: its accounts.
    sizes: Vec<u32>,
    /// By network: the sum of its similarities.
    similarity: Vec<f64>,
    /// By network: recovered, dissolved, flagged.
    counts: Vec<u32>,
    /// By network: best and worst rank of what it is found again as.
    ranks: Vec<u32>,
    /// By account: runs in which it is a member of what its network is found again as.
    with_network: Vec<u32>,
}

impl Agreement {
    fn new(labels: Vec<u32>, networks: usize) -> Self {
        let sizes = sizes_of(&labels, networks);
        let with_network = vec![0; labels.len()];
        Agreement {
            labels,
            sizes,
            similarity: vec![0.0; networks],
            counts: vec![0; 3 * networks],
            ranks: vec![NONE_U32; 2 * networks],
            with_network,
        }
    }

    /// Takes a run into account.
    fn add(&mut self, chain: &Chain, threshold: f64) {
        let candidates = &chain.candidates.networks;
        let mut found = vec![NONE_U32; self.labels.len()];
        for (index, candidate) in candidates.iter().enumerate() {
            candidate.accounts().for_each(|account| found[account as usize] = index as u32);
        }
        let sizes = sizes_of(&found, candidates.len());
        // (network, candidate) -> accounts in both; ascending, so that of equal candidates the first is taken.
        let mut shared: BTreeMap<(u32, u32), u32> = BTreeMap::new();
        for (&network, &candidate) in self.labels.iter().zip(&found).filter(|&(&a, &b)| a != NONE_U32 && b != NONE_U32) {
            *shared.entry((network, candidate)).or_default() += 1;
        }
        let mut best: Vec<(f64, u32)> = vec![(0.0, NONE_U32); self.sizes.len()];
        for (&(network, candidate), &both) in &shared {
            let either = self.sizes[network as usize] + sizes[candidate as usize] - both;
            let similarity = f64::from(both) / f64::from(either);
            if similarity > best[network as usize].0 {
                best[network as usize] = (similarity, candidate);
            }
        }
        let mut rank_of = vec![0u32; candidates.len()];
        (1..).zip(evidence::rank_networks(&chain.cards)).for_each(|(rank, candidate)| rank_of[candidate] = rank);
        for (network, &(similarity, candidate)) in best.iter().enumerate() {
            self.similarity[network] += similarity;
            let flagged = similarity > DISSOLVED && chain.cards[candidate as usize].score_bits >= threshold;
            let events = [similarity >= RECOVERED, similarity <= DISSOLVED, flagged];
            (0..3).for_each(|at| self.counts[3 * network + at] += u32::from(events[at]));
            if similarity > DISSOLVED {
                let (rank, seen) = (rank_of[candidate as usize], &mut self.ranks[2 * network..2 * network + 2]);
                // Nothing is larger than no rank, and nothing smaller but it.
                seen[1] = if seen[0] == NONE_U32 { rank } else { seen[1].max(rank) };
                seen[0] = seen[0].min(rank);
            }
        }
        for (account, runs) in self.with_network.iter_mut().enumerate() {
            let label = self.labels[account];
            *runs += u32::from(label != NONE_U32 && found[account] != NONE_U32 && best[label as usize].1 == found[account]);
        }
    }

    /// By network, not a number where it has no members.
    fn similarities(&self, runs: u32) -> Vec<f32> {
        let mean = |(&sum, &size): (&f64, &u32)| if size == 0 { f32::NAN } else { (sum / f64::from(runs)) as f32 };
        self.similarity.iter().zip(&self.sizes).map(mean).collect()
    }

    /// By account, not a number where it is no member.
    fn shares(&self, runs: u32) -> Vec<f32> {
        let share = |(&count, &label): (&u32, &u32)| if label == NONE_U32 { f32::NAN } else { count as f32 / runs as f32 };
        self.with_network.iter().zip(&self.labels).map(share).collect()
    }
}

fn sizes_of(labels: &[u32], groups: usize) -> Vec<u32> {
    let mut sizes = vec![0; groups];
    labels.iter().filter(|&&label| label != NONE_U32).for_each(|&label| sizes[label as usize] += 1);
    sizes
}
