//! Would the same networks be found if a little had not been seen?
//!
//! 1. *Perturb*: leave out each sighting and each event with probability `left_out` ([`evidence::perturb`]), and give the searches
//!    and the behavioural tests another seed.
//! 2. *Rerun* the whole chain of [`crate::detect`](mod@crate::detect), with the configuration of the last detection.
//! 3. *Match*: a network is found again as the candidate with the largest Jaccard similarity of their accounts, J = |A and B| /
//!    |A or B|. *Stability* is the mean of J over the runs; a network is *recovered* in a run with J >= [`RECOVERED`] and
//!    *dissolved* in one with J <= [`DISSOLVED`]. An account's *consensus* is the share of runs in which it is a member of
//!    what its network is found again as.
//! 4. *Rank*: each rerun ranks its candidates by score as a detection does. A network's *range* is the lowest and the highest
//!    rank of what it is found again as, over the reruns in which it is found with more similarity than [`DISSOLVED`]. Reruns
//!    are exchangeable, so that another one would fall into the range of `n` with probability `(n - 1) / (n + 1)` at least,
//!    ties aside: .90 of 20. That is about what leaving out sightings does, not a confidence interval of a true rank.
//!    Its *scores* are the lowest, the middle and the highest over the same reruns, and *flagged* counts those of them in which
//!    that score is over the threshold, whatever the detection itself made of it.
//! 5. *Keep*: a few columns, with the key of the detection they belong to. After another detection they are stale and count
//!    no more.
//!
//! Stories of harmless groups go by sightings and fit less without some, so that scores of the reruns may lie above the
//! detection's, by four bits in one network of ours; with nothing left out they say what draws do.
//!
//! Stability says that a result doesn't hang on single sightings or on the draw of a search, not that it is right: a campus is
//! found again as surely as a pool. By Hennig (2007, doi:10.1016/j.csda.2006.11.025) clusters below .6 should not be trusted,
//! and those of .85 or more are highly stable. The account's share is the co-assignment of consensus clustering (Lancichinetti
//! & Fortunato 2012, doi:10.1038/srep00336), to the network instead of to each other account. Cost: a detection and a copy of
//! the graph for each run, one after the other, each in parallel inside.

use std::collections::BTreeMap;
use std::path::Path;

use evidence::Facts;
use evidence::perturb::{perturbed_activity, perturbed_graph};
use graph::{Column, NONE_U32};
use serde::{Deserialize, Serialize};

use super::reruns;
use crate::calibrate::key_of;
use crate::chain::{Chain, find_candidates};
use crate::dataset::Dataset;
use crate::error::Error;
use crate::observe::{Observer, Steps};
use crate::options::{self, LEFT_OUT};
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
/// Sections that an older version's don't have.
const RANKS: &str = "consensus.ranks";
const SCORES: &str = "consensus.scores";

/// How to perturb.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConsensusConfig {
    /// Reruns.
    pub runs: u32,
    /// Share of the sightings, and of the events, that a rerun leaves out, 0 to 1.
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
#[non_exhaustive]
pub struct Stability {
    /// Mean Jaccard similarity to what it is found again as, 0 to 1.
    pub similarity: f64,
    /// Reruns.
    pub runs: u32,
    /// Reruns with a similarity of [`RECOVERED`] or more.
    pub recovered: u32,
    /// Reruns with a similarity of [`DISSOLVED`] or less.
    pub dissolved: u32,
    /// Reruns in which what it is found again as, with more similarity than that, is over the threshold, whether or not the
    /// detection itself flags it.
    pub flagged: u32,
    /// The best and the worst rank of what it is found again as; `None` where it never is, and where an older version reran.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ranks: Option<(u32, u32)>,
    /// The scores of what it is found again as; `None` where it never is, and where an older version reran.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scores: Option<Scores>,
}

/// The scores of one network over the reruns, in bits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Scores {
    /// The lowest.
    pub lowest: f64,
    /// The middle one; of an even number the mean of the two in the middle.
    pub median: f64,
    /// The highest.
    pub highest: f64,
}

impl Scores {
    /// Of the scores in no order; `None` of none.
    fn of(scores: &mut [f64]) -> Option<Self> {
        scores.sort_unstable_by(f64::total_cmp);
        let (&lowest, &highest) = (scores.first()?, scores.last()?);
        let median = (scores[(scores.len() - 1) / 2] + scores[scores.len() / 2]) / 2.0;
        Some(Scores { lowest, median, highest })
    }
}

impl Stability {
    /// What the reruns make of a verdict, where it isn't what the detection makes of it in nearly all of them.
    ///
    /// `flagged`: whether its score is over the threshold. What people confirmed reruns don't look at.
    pub fn doubt(&self, flagged: bool) -> Option<String> {
        let Stability { runs, flagged: over, .. } = *self;
        let agree = if flagged { over } else { runs - over };
        // What nineteen of twenty say is said.
        (20 * agree < 19 * runs).then(|| format!("the verdict is undecided: {agree} of {runs} reruns come to it"))
    }
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
    /// By network: lowest, median and highest score, not a number where it is never found again; empty likewise.
    scores: Column<f32>,
    /// By account.
    accounts: Column<f32>,
}

impl Consensus {
    /// Reruns.
    pub(crate) fn runs(&self) -> u32 {
        self.runs
    }

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
            scores: if store.has(SCORES) { store.column(SCORES)? } else { Column::default() },
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
        let scores = match self.scores.get(3 * place..3 * place + 3) {
            Some(&[lowest, median, highest]) if !median.is_nan() => {
                Some(Scores { lowest: lowest.into(), median: median.into(), highest: highest.into() })
            }
            _ => None,
        };
        (!similarity.is_nan()).then_some(Stability {
            similarity,
            runs: self.runs,
            recovered,
            dissolved,
            flagged,
            ranks,
            scores,
        })
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
        return Err(Error::Usage(format!(
            "no reruns, no consensus: {} is at least 1, and 20 or more tell something",
            options::RUNS
        )));
    }
    if !(0.0..1.0).contains(&config.left_out) {
        return Err(Error::Usage(format!("{LEFT_OUT} {}: a share from 0 to below 1 was expected", config.left_out)));
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
    writer.put(SCORES, &agreement.scores())?;
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
        let how = Membership::of_code(results.membership[account]);
        if how.is_some_and(Membership::belongs) { results.network_of[account] } else { NONE_U32 }
    };
    let labels = (0..facts.graph.account_count()).map(belongs).collect();
    let mut agreement = Agreement::new(labels, results.heads().len());
    for done in 0..config.runs {
        let steps = Steps::after(observer, done.into(), config.runs.into());
        steps.begin("perturbing")?;
        let seed = reruns::seed_of(config.seed, done);
        let graph = perturbed_graph(facts.graph, config.left_out, seed)?;
        let activity = perturbed_activity(facts.activity, config.left_out, seed)?;
        let perturbed = Facts { graph: &graph, activity: &activity, ..facts };
        let chain = find_candidates(perturbed, &detect.redrawn(seed), &[], steps)?;
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
    /// By network: the scores of what it is found again as.
    scores: Vec<Vec<f64>>,
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
            scores: vec![Vec::new(); networks],
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
                self.scores[network].push(chain.cards[candidate as usize].score_bits);
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

    /// By network: lowest, median and highest score, not numbers where it is never found again.
    fn scores(&self) -> Vec<f32> {
        let of = |scores: &Vec<f64>| {
            let found = Scores::of(&mut scores.clone());
            found.map_or([f32::NAN; 3], |Scores { lowest, median, highest }| [lowest, median, highest].map(|bits| bits as f32))
        };
        self.scores.iter().flat_map(of).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_summed_up_by_rank() {
        assert_eq!(Scores::of(&mut []), None);
        assert_eq!(Scores::of(&mut [6.0, 4.5, 5.0]), Some(Scores { lowest: 4.5, median: 5.0, highest: 6.0 }));
        assert_eq!(Scores::of(&mut [7.0, 4.0, 5.0, 6.0]), Some(Scores { lowest: 4.0, median: 5.5, highest: 7.0 }));
    }

    #[test]
    fn a_verdict_is_undecided_where_reruns_come_to_another() {
        let of = |over: u32| Stability {
            similarity: 1.0,
            runs: 20,
            recovered: 20,
            dissolved: 0,
            flagged: over,
            ranks: None,
            scores: None,
        };
        assert_eq!((of(20).doubt(true), of(19).doubt(true), of(0).doubt(false), of(1).doubt(false)), (None, None, None, None));
        assert_eq!(of(18).doubt(true).as_deref(), Some("the verdict is undecided: 18 of 20 reruns come to it"));
        assert_eq!(of(20).doubt(false).as_deref(), Some("the verdict is undecided: 0 of 20 reruns come to it"));
    }
}
