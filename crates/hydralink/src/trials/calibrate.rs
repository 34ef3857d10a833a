//! How many of these networks would chance alone have given on this very data?
//!
//! 1. *Copy*: [`evidence::behaviour::null_copy`] rewires the user's own data: degrees per kind and week, life spans, hourly
//!    volumes stay; who shares what with whom, and exact coincidences in time, do not.
//! 2. *Rerun*: the whole chain of [`crate::detect`](mod@crate::detect), with the configuration of the last detection, on each
//!    copy.
//! 3. *Compare*: expected false networks at each score and a q-value for each network, as defined in
//!    [`evidence::behaviour::false_networks`].
//! 4. *Keep*: the copies' scores become the section `calibration.summary`, with the key of the detection they belong to. After
//!    another detection they are stale, are said to be, and give no q-value.
//!
//! Null copies are about chance. Harmless groups share on purpose too, and a copy dissolves them like networks; so a network's
//! q-value adds the share that harmless stories are expected to explain of all that score as much. Cost: a null copy and a
//! detection for each of the K copies, one after the other, each in parallel inside.

use std::path::Path;

use evidence::behaviour::false_networks;
use evidence::behaviour::null_copy::null_copy;
use evidence::{Facts, Role};
use serde::{Deserialize, Serialize};

use super::reruns;
use crate::chain::find_candidates;
use crate::dataset::Dataset;
use crate::detect::DetectConfig;
use crate::error::Error;
use crate::observe::{Observer, Steps};
use crate::options::COPIES;
use crate::results::Labelling;
use crate::store::StoreWriter;

pub use evidence::behaviour::false_networks::Reliability;

/// The section that keeps a calibration.
const SECTION: &str = "calibration.summary";

/// Null copies below which they say nothing of chances ([`crate::review`](mod@crate::review), [`crate::bans`]): in so few a
/// score that chance gives seldom is reached by none, or by too many.
pub const TELLING_COPIES: usize = 20;

/// How to calibrate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CalibrateConfig {
    /// Null copies. The least q-value that K copies can give is 1 / (K + 1).
    pub copies: u32,
    /// Seed of the copies.
    pub seed: u64,
}

impl Default for CalibrateConfig {
    fn default() -> Self {
        CalibrateConfig { copies: 20, seed: 1 }
    }
}

/// The scores that the chain gives on null copies of a store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Calibration {
    /// Key of the detection it belongs to.
    pub detection: String,
    /// Seed of the copies.
    pub seed: u64,
    /// Scores of the candidates in each copy, highest first.
    pub copies: Vec<Vec<f64>>,
}

/// What chance gives at one score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ThresholdLine {
    /// Candidates with at least this score; from the threshold on they are networks.
    pub score: f64,
    /// In the data.
    pub candidates: u64,
    /// In a null copy, on average.
    pub expected_false: f64,
    /// Upper 95% limit of that.
    pub upper: f64,
    /// Share of null copies with at least one.
    pub copies_with_any: f64,
}

impl Calibration {
    /// The q-value of each network, in their order; `None` for candidates without members: the share of networks that score as
    /// much which chance or a harmless story would explain.
    pub fn q_values(&self, results: &Labelling) -> Vec<Option<f64>> {
        let q_values = false_networks::q_values_against(&scores_of(results), &self.copies, results.run.threshold);
        with_harmless(results, q_values)
    }

    /// What a q-value bounds, estimated: the share of all that score as much as each network which chance gives in the mean of the
    /// copies, or a harmless story would explain. It has no least value, and is what the chances of [`crate::review`](mod@crate::review)
    /// go by.
    pub(crate) fn expected_shares(&self, results: &Labelling) -> Vec<Option<f64>> {
        with_harmless(results, false_networks::estimated_shares(&scores_of(results), &self.copies))
    }

    /// The least q-value that its copies can give: 1 / (K + 1).
    pub fn least_q_value(&self) -> f64 {
        false_networks::least_q_value(self.copies.len())
    }

    /// The share of all networks that chance is expected to give, at most 1.
    pub(crate) fn false_share(&self, results: &Labelling) -> f64 {
        let expected = false_networks::expected_false(&self.copies, results.run.threshold).expected;
        (expected / found_in(results).max(1) as f64).min(1.0)
    }

    /// Whether the copies are enough for q-values to be taken for chances.
    pub(crate) fn is_telling(&self) -> bool {
        self.copies.len() >= TELLING_COPIES
    }

    /// Expected false networks at whole scores and at the run's threshold, from the lowest to the highest score that anything
    /// has.
    pub fn thresholds(&self, results: &Labelling) -> Vec<ThresholdLine> {
        let found = scores_of(results);
        let all = || found.iter().chain(self.copies.iter().flatten()).copied();
        let (low, high) = (all().fold(0.0, f64::min).floor(), all().fold(results.run.threshold, f64::max).ceil());
        let step = ((high - low) / LINES).ceil().max(1.0);
        let mut scores: Vec<f64> = (0..).map(|at| low + f64::from(at) * step).take_while(|&score| score <= high).collect();
        scores.push(results.run.threshold);
        scores.sort_by(f64::total_cmp);
        scores.dedup();
        scores.into_iter().map(|score| self.line_at(score, &found)).collect()
    }

    /// What chance gives at the lowest score, from 0 and in hundredths, at which it gives at most so many networks a run in the mean of
    /// the copies: as `threshold_bits` of the next detection, that is as many false networks as are accepted. The upper limit says
    /// how little the mean of so many copies proves.
    pub fn threshold_for(&self, results: &Labelling, at_most: f64) -> ThresholdLine {
        let mut null: Vec<f64> = self.copies.iter().flatten().copied().collect();
        null.sort_by(|a, b| b.total_cmp(a));
        let accepted = (at_most * self.copies.len() as f64 + 1e-9).floor() as usize;
        let above = null.get(accepted).copied().filter(|&score| score >= 0.0);
        self.line_at(above.map_or(0.0, |score| ((score * 100.0).floor() + 1.0) / 100.0), &scores_of(results))
    }

    fn line_at(&self, score: f64, found: &[f64]) -> ThresholdLine {
        let chance = false_networks::expected_false(&self.copies, score);
        ThresholdLine {
            score,
            candidates: found.iter().filter(|&&other| other >= score).count() as u64,
            expected_false: chance.expected,
            upper: chance.upper,
            copies_with_any: chance.copies_with_any,
        }
    }

    /// Each copy in turn taken for the data: how often is anything called significant where all is chance?
    pub fn reliability(&self, results: &Labelling) -> Vec<Reliability> {
        false_networks::reliability(&self.copies, results.run.threshold)
    }

    /// The calibration that a store keeps, whatever detection it belongs to.
    pub(crate) fn read(dataset: &Dataset) -> Result<Option<Self>, Error> {
        dataset.store().json(SECTION)
    }

    /// Whether it belongs to this detection.
    fn is_of(&self, dataset: &Dataset, results: &Labelling) -> bool {
        self.detection == key_of(dataset, results)
    }
}

/// The scores of the candidates that have members, by rank.
fn scores_of(results: &Labelling) -> Vec<f64> {
    results.heads().iter().filter(|head| head.accounts > 0).map(|head| head.score).collect()
}

/// How many candidates score at least the threshold.
fn found_in(results: &Labelling) -> usize {
    scores_of(results).iter().filter(|&&score| score >= results.run.threshold).count()
}

/// What is known of each candidate that has members, for all candidates; `None` for the others.
fn by_place(results: &Labelling, values: Vec<f64>) -> Vec<Option<f64>> {
    let mut values = values.into_iter();
    results.heads().iter().map(|head| if head.accounts > 0 { values.next() } else { None }).collect()
}

/// What chance explains of all that score as much as each candidate that has members, with what harmless stories do, at most 1.
fn with_harmless(results: &Labelling, chance: Vec<f64>) -> Vec<Option<f64>> {
    let both = by_place(results, chance).into_iter().zip(harmless_shares(results));
    both.map(|(chance, harmless)| Some((chance? + harmless?).min(1.0))).collect()
}

/// Of each network's q-value the part that isn't chance: the share of all that score as much which harmless stories are
/// expected to explain. It needs no copies, and none lowers it.
pub(crate) fn harmless_shares(results: &Labelling) -> Vec<Option<f64>> {
    by_place(results, false_networks::harmless_share(&scores_of(results), results.run.even_bits))
}

/// Lines of [`Calibration::thresholds`], about.
const LINES: f64 = 24.0;

/// Whether a store's networks have q-values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum CalibrationState {
    /// `calibrate` was never run.
    Missing,
    /// It was run for another detection.
    Stale,
    /// It belongs to the networks that are there.
    Current,
}

/// Whether the networks of a store have q-values, and if not, why.
///
/// # Errors
/// [`Error::NotDetected`]; [`Error::StoreDamaged`].
pub fn calibration_state(dataset: &Dataset, results: &Labelling) -> Result<CalibrationState, Error> {
    Ok(match Calibration::read(dataset)? {
        None => CalibrationState::Missing,
        Some(calibration) if calibration.is_of(dataset, results) => CalibrationState::Current,
        Some(_) => CalibrationState::Stale,
    })
}

/// Whether the networks of a store, if it has any, have q-values.
pub(crate) fn is_calibrated(dataset: &Dataset, labelling: Option<&Labelling>) -> Result<bool, Error> {
    labelling.map_or(Ok(false), |results| Ok(calibration_state(dataset, results)? == CalibrationState::Current))
}

/// How many copies the calibration of this detection has, if these are too few for its q-values to be taken for chances.
///
/// # Errors
/// As [`calibration_state`].
pub fn too_few_copies(dataset: &Dataset, results: &Labelling) -> Result<Option<usize>, Error> {
    let calibration = current(dataset, results)?.filter(|calibration| !calibration.is_telling());
    Ok(calibration.map(|calibration| calibration.copies.len()))
}

/// The calibration of this detection, if the store keeps one.
pub(crate) fn current(dataset: &Dataset, results: &Labelling) -> Result<Option<Calibration>, Error> {
    Ok(Calibration::read(dataset)?.filter(|calibration| calibration.is_of(dataset, results)))
}

/// What names a detection: its run, its networks and the data it ran on.
pub(crate) fn key_of(dataset: &Dataset, results: &Labelling) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&serde_json::to_vec(&results.run).expect("plain data serialises"));
    for head in results.heads() {
        hasher.update(head.id.as_bytes());
        hasher.update(&head.score.to_bits().to_le_bytes());
    }
    for section in &dataset.manifest().sections {
        if section.name.starts_with("graph.") || section.name.starts_with("activity.") || section.name.starts_with("accounts.")
        {
            hasher.update(&section.checksum.to_le_bytes());
        }
    }
    hasher.finalize().to_hex().to_string()
}

/// Reruns the last detection on null copies of the store and keeps what they score. Where the observer stops the work, the
/// store is as it was.
///
/// # Errors
/// [`Error::NotDetected`] before `detect`; [`Error::Usage`] for no copies; [`Error::StoreDamaged`] if a checksum is wrong;
/// as [`StoreWriter::amend`]; [`Error::Interrupted`].
pub fn calibrate(path: &Path, config: &CalibrateConfig, observer: &dyn Observer) -> Result<Calibration, Error> {
    if config.copies == 0 {
        return Err(Error::Usage(format!(
            "no null copies, no calibration: {COPIES} is at least 1, and 20 or more tell something"
        )));
    }
    let mut writer = StoreWriter::amend(path)?;
    let dataset = Dataset::open(path)?;
    dataset.store().verify()?;
    let results = dataset.labelling()?;
    let calibration = null_scores(&dataset, &results, config, observer)?;
    Steps::after(observer, config.copies.into(), config.copies.into()).begin("writing")?;
    writer.put(SECTION, &serde_json::to_vec(&calibration).expect("plain data serialises"))?;
    writer.commit()?;
    Ok(calibration)
}

/// [`calibrate`] without the writing: a pure function of the store and the configuration.
fn null_scores(
    dataset: &Dataset,
    results: &Labelling,
    config: &CalibrateConfig,
    observer: &dyn Observer,
) -> Result<Calibration, Error> {
    let detect = results.run.detect_config()?;
    let allowed = dataset.allowed()?;
    let facts = dataset.facts(&allowed);
    let mut copies = Vec::with_capacity(config.copies as usize);
    for done in 0..config.copies {
        let steps = Steps::after(observer, done.into(), config.copies.into());
        steps.begin("copying")?;
        let seed = reruns::seed_of(config.seed, done);
        let copy = null_copy(facts.graph, facts.activity, seed)?;
        let null = Facts { graph: &copy.graph, activity: &copy.activity, ..facts };
        copies.push(scores(null, &detect, steps)?);
    }
    Ok(Calibration { detection: key_of(dataset, results), seed: config.seed, copies })
}

/// The scores of the candidates that have members, highest first.
fn scores(facts: Facts<'_>, config: &DetectConfig, steps: Steps<'_>) -> Result<Vec<f64>, Error> {
    let chain = find_candidates(facts, config, &[], steps)?;
    let held = |candidate: &evidence::Candidate| candidate.members.iter().any(|member| member.role != Role::Ambiguous);
    let mut scores: Vec<f64> = chain
        .candidates
        .networks
        .iter()
        .zip(&chain.cards)
        .filter(|(candidate, _)| held(candidate))
        .map(|(_, card)| card.score_bits)
        .collect();
    scores.sort_by(|a, b| b.total_cmp(a));
    Ok(scores)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::consensus::{ConsensusConfig, consensus};
    use crate::observe::{Amount, Progress, Unobserved};
    use crate::testing::store_of_events;

    /// The last that is told.
    #[derive(Default)]
    struct Last(Mutex<Option<Amount>>);

    impl Observer for Last {
        fn begins(&self, progress: Progress<'_>) {
            *self.0.lock().unwrap() = progress.amount;
        }
    }

    #[test]
    fn a_threshold_for_so_many_false_networks_is_where_chance_gives_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = store_of_events(folder.path(), "s", &[(1, 1, 1, 1), (2, 1, 2, 50), (3, 1, 2, 60)]);
        crate::detect::detect(&path, &DetectConfig::default(), &Unobserved).unwrap();
        let results = Dataset::open(&path).unwrap().labelling().unwrap();
        let copies = vec![vec![7.0, 5.0, -3.0], vec![6.004], vec![], vec![-1.0]];
        let calibration = Calibration { detection: String::new(), seed: 1, copies };
        let at = |at_most: f64| calibration.threshold_for(&results, at_most);
        assert_eq!((at(0.0).score, at(0.0).expected_false), (7.01, 0.0));
        assert_eq!((at(0.25).score, at(0.25).expected_false), (6.01, 0.25));
        assert_eq!((at(0.3).score, at(0.5).score), (6.01, 5.01));
        assert_eq!((at(1.0).score, at(1.0).expected_false), (0.0, 0.75), "below 0 nothing is a case");
        assert!(at(0.0).upper > 0.7, "three over four copies");
    }

    #[test]
    fn reruns_are_told_to_their_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = store_of_events(folder.path(), "s", &[(1, 1, 1, 1), (2, 1, 2, 50), (3, 1, 2, 60)]);
        crate::detect::detect(&path, &DetectConfig::default(), &Unobserved).unwrap();
        let (calibrated, agreed) = (Last::default(), Last::default());
        calibrate(&path, &CalibrateConfig { copies: 3, seed: 1 }, &calibrated).unwrap();
        consensus(&path, &ConsensusConfig { runs: 2, ..ConsensusConfig::default() }, &agreed).unwrap();
        assert_eq!(*calibrated.0.lock().unwrap(), Some(Amount { done: 3, of: 3 }));
        assert_eq!(*agreed.0.lock().unwrap(), Some(Amount { done: 2, of: 2 }));
    }
}
