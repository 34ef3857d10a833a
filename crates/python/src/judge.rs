//! Judging a detection: what chance gives, what reruns give, what truth says.

use std::path::{Path, PathBuf};

use hydralink::ablate::ablate;
use hydralink::backtest::{Groups, backtest};
use hydralink::baselines::{self, BaselineConfig};
use hydralink::evaluate::{self, Truth, Unlabelled};
use hydralink::layers::{self, LayersConfig};
use hydralink::redteam::{self as curve, Evasion, RedteamConfig};
use hydralink::{CalibrateConfig, ConsensusConfig, Dataset, Error, calibrate, consensus, dossier};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::usage;
use crate::plain::{json_of, plain};
use crate::read::{Side, TIERS, folder};
use crate::store::{Store, word};
use crate::work::{asked, released, watched};

/// What is known beforehand, as files; tables of Arrow are written into a folder that goes with it.
struct Known {
    labels: Option<PathBuf>,
    benign: Option<PathBuf>,
    _folder: tempfile::TempDir,
}

impl Known {
    fn of(py: Python<'_>, labels: Option<&Bound<'_, PyAny>>, benign: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let (labels, benign) = (Side::of(labels, "labels")?, Side::of(benign, "benign")?);
        released(py, move || {
            let folder = folder()?;
            let file = |side: Option<_>| side.map(|side| Side::file(side, folder.path())).transpose();
            Ok(Known { labels: file(labels)?, benign: file(benign)?, _folder: folder })
        })
    }

    /// The labels that a call can't go without.
    fn labels(&self) -> &Path {
        self.labels.as_deref().unwrap_or(Path::new(""))
    }

    fn truth(&self, dataset: &Dataset, partial: bool) -> Result<Truth, Error> {
        Truth::read(dataset, self.labels(), self.benign.as_deref(), unlabelled(partial))
    }
}

fn unlabelled(partial: bool) -> Unlabelled {
    if partial { Unlabelled::Unknown } else { Unlabelled::Benign }
}

/// How much an operator must spend to stay unseen: detection against attacker budget, on synthetic worlds, which are made in a
/// folder for what is temporary and removed. One record for nothing spent and one for each evasion and budget, means over `seeds`
/// worlds from `seed` on.
///
/// `budget` holds shares, from 0 to 1, of the most that an evasion can be (default: .5 and 1), `evasion` what to spend it on
/// (default: each of "static_address", "virtual_card", "paraphrase", "jitter", "warm_up", and "all" together). `tier` as in
/// `synth()`. `progress(point, worlds done, worlds)`.
#[pyfunction]
#[pyo3(signature = (*, tier = "s", budget = None, evasion = None, seed = 1, seeds = 1, progress = None))]
pub(crate) fn redteam<'py>(
    py: Python<'py>,
    tier: &str,
    budget: Option<Vec<f64>>,
    evasion: Option<Vec<String>>,
    seed: u64,
    seeds: u32,
    progress: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let lines = watched(py, progress, None, &[], |watch| {
        let usual = RedteamConfig::default();
        let evasions = Evasion::ALL.map(|evasion| (evasion.name(), evasion));
        let named = |words: Vec<String>| words.iter().map(|name| word("evasion", name, &evasions)).collect();
        let config = RedteamConfig {
            tier: word("tier", tier, &TIERS)?,
            seed,
            seeds,
            budgets: budget.unwrap_or(usual.budgets),
            evasions: evasion.map_or(Ok(usual.evasions), named)?,
        };
        curve::redteam(folder()?.path(), &config, watch)
    })?;
    plain(py, &lines)
}

#[pymethods]
impl Store {
    /// How many networks chance alone would give: reruns the last detection on null copies of the data, and gives every network
    /// a q-value (`networks()` has it from then on). Returns `thresholds` (networks expected false at each score),
    /// `reliability`, and with `at_most` the `threshold` at which chance gives at most so many networks a run.
    /// `progress(phase, copies done, copies)`.
    #[pyo3(signature = (copies = 20, *, seed = 1, at_most = None, threads = None, progress = None))]
    fn calibrate<'py>(
        &self,
        py: Python<'py>,
        copies: u32,
        seed: u64,
        at_most: Option<f64>,
        threads: Option<usize>,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let (thresholds, reliability, threshold) = watched(py, progress, threads, &[&self.path], |watch| {
            if at_most.is_some_and(|at_most| !(at_most.is_finite() && at_most >= 0.0)) {
                return Err(usage(format!("at_most={at_most:?}: a number of networks of 0 or more was expected")));
            }
            let found = calibrate(&self.path, &CalibrateConfig { copies, seed }, watch)?;
            let results = self.as_stored()?.results()?;
            let threshold = at_most.map(|at_most| found.threshold_for(results.labelling(), at_most));
            Ok((found.thresholds(results.labelling()), found.reliability(results.labelling()), threshold))
        })?;
        let found = PyDict::new(py);
        found.set_item("thresholds", plain(py, &thresholds)?)?;
        found.set_item("reliability", plain(py, &reliability)?)?;
        if threshold.is_some() {
            found.set_item("threshold", plain(py, &threshold)?)?;
        }
        Ok(found)
    }

    /// Would the same networks be found if a little had not been seen: reruns the last detection without a share of the
    /// sightings and with other draws. `networks()` has `stability` and `members()` `consensus` from then on. `progress(phase, reruns done,
    /// reruns)`.
    #[pyo3(signature = (runs = 20, *, left_out = 0.1, seed = 1, threads = None, progress = None))]
    fn consensus(
        &self,
        py: Python<'_>,
        runs: u32,
        left_out: f64,
        seed: u64,
        threads: Option<usize>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        watched(py, progress, threads, &[&self.path], |watch| {
            consensus(&self.path, &ConsensusConfig { runs, left_out, seed }, watch).map(drop)
        })
    }

    /// When nightly runs would have found each network (of `labels`, a CSV file or Arrow with account_id and network; else
    /// those found), and what had leaked by then: `networks`, `cuts`, one every so many hours, and `identity`, how well networks
    /// kept their ids from cut to cut. `progress(phase, cuts done, cuts)`.
    #[pyo3(signature = (*, labels = None, every = 24, threads = None, progress = None))]
    fn backtest<'py>(
        &self,
        py: Python<'py>,
        labels: Option<&Bound<'py, PyAny>>,
        every: u32,
        threads: Option<usize>,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let known = Known::of(py, labels, None)?;
        let found = watched(py, progress, threads, &[&self.path], |watch| {
            if !(1..=1_000_000).contains(&every) {
                return Err(usage(format!("every={every}: 1 to 1,000,000 hours were expected")));
            }
            let (dataset, results) = self.labelled()?;
            let groups = match &known.labels {
                None => Groups::flagged(&results),
                Some(file) => evaluate::read_labels(&dataset, file, &["network", "cluster"])?.into(),
            };
            let found = backtest(&dataset, &results, &groups, every.saturating_mul(3600), watch)?;
            Ok((found.networks, found.cuts, found.identity))
        })?;
        let answer = PyDict::new(py);
        answer.set_item("networks", plain(py, &found.0)?)?;
        answer.set_item("cuts", plain(py, &found.1)?)?;
        answer.set_item("identity", plain(py, &found.2)?)?;
        Ok(answer.into_any())
    }

    /// Who runs the accounts, and whose traffic goes through them: `pools`, `campaigns` and their `overlap`.
    #[pyo3(signature = (*, resolution = 1.0, seed = 1, least_share = 0.02))]
    fn layers<'py>(&self, py: Python<'py>, resolution: f64, seed: u64, least_share: f64) -> PyResult<Bound<'py, PyAny>> {
        let found = asked(py, &[&self.path], || {
            let dataset = self.dataset()?;
            layers::layers(&dataset, &dataset.results()?, &LayersConfig { resolution, seed, least_share })
        })?;
        plain(py, &found)
    }

    /// How right the detection is against known truth: `labels` is a CSV file or Arrow with account_id and network, `benign`
    /// one with account_id and group of legitimate look-alikes. With `partial` the truth names only some accounts, and the
    /// others are left out instead of called benign. Precision, recall and F1 pairwise and B-cubed, ranking, and each planted
    /// network.
    #[pyo3(signature = (labels, *, benign = None, partial = false))]
    fn evaluate<'py>(
        &self,
        py: Python<'py>,
        labels: &Bound<'py, PyAny>,
        benign: Option<&Bound<'py, PyAny>>,
        partial: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let known = Known::of(py, Some(labels), benign)?;
        let found = asked(py, &[&self.path], || {
            let dataset = self.dataset()?;
            evaluate::evaluate(&dataset, &dataset.results()?, known.labels(), known.benign.as_deref(), unlabelled(partial))
        })?;
        plain(py, &found)
    }

    /// `evaluate()` of this detection beside simpler and published methods, on the same truth.
    #[pyo3(signature = (labels, *, benign = None, partial = false, pair_budget = 50_000_000, progress = None))]
    fn baselines<'py>(
        &self,
        py: Python<'py>,
        labels: &Bound<'py, PyAny>,
        benign: Option<&Bound<'py, PyAny>>,
        partial: bool,
        pair_budget: u64,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let known = Known::of(py, Some(labels), benign)?;
        let lines = watched(py, progress, None, &[&self.path], |watch| {
            let dataset = self.dataset()?;
            let truth = known.truth(&dataset, partial)?;
            let config = BaselineConfig { pair_budget, ..BaselineConfig::default() };
            baselines::compare(&dataset, &dataset.results()?, &truth, &config, watch)
        })?;
        plain(py, &lines)
    }

    /// Whom false alarms hit: rates among legitimate accounts by country, pathway and class of their addresses.
    #[pyo3(signature = (labels, *, benign = None, partial = false))]
    fn fairness<'py>(
        &self,
        py: Python<'py>,
        labels: &Bound<'py, PyAny>,
        benign: Option<&Bound<'py, PyAny>>,
        partial: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let known = Known::of(py, Some(labels), benign)?;
        let lines = asked(py, &[&self.path], || {
            let dataset = self.dataset()?;
            let truth = known.truth(&dataset, partial)?;
            evaluate::fairness(&dataset, &dataset.results()?, &truth)
        })?;
        plain(py, &lines)
    }

    /// How right it would be without each kind of identifier and each signal.
    #[pyo3(signature = (labels, *, benign = None, partial = false, progress = None))]
    fn ablate<'py>(
        &self,
        py: Python<'py>,
        labels: &Bound<'py, PyAny>,
        benign: Option<&Bound<'py, PyAny>>,
        partial: bool,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let known = Known::of(py, Some(labels), benign)?;
        let lines = watched(py, progress, None, &[&self.path], |watch| {
            let dataset = self.dataset()?;
            let truth = known.truth(&dataset, partial)?;
            ablate(&dataset, &dataset.results()?, &truth, watch)
        })?;
        plain(py, &lines)
    }

    /// What the store holds: from when to when, days that are missing, the files that were read and how, what it was last
    /// detected by, and how many decisions there are.
    fn info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let found = asked(py, &[&self.path], || hydralink::info(&self.as_stored()?))?;
        plain(py, &found)
    }

    /// Checks every byte of the store (`sections`, `bytes`); or every value of a dossier that `network()` or `assess()` gave, against
    /// networks found again with the settings of the last detection and what had been decided when the dossier's were
    /// (`network`, `level`, `values`; `of_reruns`: q-values and stability of an earlier detection, not compared). Pseudonyms of a
    /// dossier of another level than full are compared by the key that the store was opened with; without one they are counted
    /// (`hidden`). Raises where anything differs.
    #[pyo3(signature = (*, dossier = None))]
    fn verify<'py>(&self, py: Python<'py>, dossier: Option<&Bound<'py, PyDict>>) -> PyResult<Bound<'py, PyAny>> {
        if let Some(given) = dossier {
            let text = json_of(given)?;
            let verified = asked(py, &[&self.path], || dossier::verify(self.as_stored()?, &text, self.key()?.as_ref()))?;
            return plain(py, &verified);
        }
        let verified = asked(py, &[&self.path], || {
            let dataset = self.as_stored()?;
            let verified = dataset.store().verify()?;
            dataset.graph().validate()?;
            hydralink::cases::verify(&self.path, None)?;
            Ok(verified)
        })?;
        plain(py, &verified)
    }
}
