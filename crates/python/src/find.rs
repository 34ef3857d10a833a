//! Networks: detect, and what a detection says of networks, accounts and identifiers.

use std::fmt::Write;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use hydralink::counted::{counted, grouped};
use hydralink::dossier::{self, Dossier};
use hydralink::filter::{self, first_passing};
use hydralink::review::ReviewConfig;
use hydralink::{
    Algorithm, CommunitySearch, ComponentFilter, Dataset, DetectConfig, Effort, Error, Labelling, Quality, arrow, assess,
    cases, diff as changes, lineage, query, review,
};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::ask::Known;
use crate::errors::{expected, raised, usage};
use crate::names::{Names, Pair, Texts};
use crate::plain::{json_of, plain};
use crate::read::Time;
use crate::store::{Store, word};
use crate::table::Table;
use crate::work::{asked, watched};

/// Networks that a notebook shows of a store.
const SHOWN: usize = 10;

/// How a detection is set up.
enum Config<'py> {
    Toml(PathBuf),
    Dict(Bound<'py, PyDict>),
}

impl<'py> FromPyObject<'_, 'py> for Config<'py> {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(file) = given.extract() {
            return Ok(Config::Toml(file));
        }
        given.extract().map(Config::Dict).map_err(|_| expected("a TOML file or a dictionary of its content", &given))
    }
}

/// Every setting of a detection with its default, as `detect(config=...)` takes them.
#[pyfunction]
pub(crate) fn default_config(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    plain(py, &DetectConfig::default())
}

/// What became of each network between two stores: born, grew, shrank, split, merged, replaced, gone.
#[pyfunction]
pub(crate) fn diff<'py>(py: Python<'py>, before: &Store, after: &Store) -> PyResult<Bound<'py, PyAny>> {
    let found = asked(py, &[&before.path, &after.path], || {
        let (before, after) = (before.dataset()?, after.dataset()?);
        changes::diff((&before, &before.results()?), (&after, &after.results()?))
    })?;
    plain(py, &found)
}

/// The first so many, or all where `top` is 0.
pub(crate) fn only<T>(mut rows: Vec<T>, top: usize) -> Vec<T> {
    rows.truncate(filter::at_most(top));
    rows
}

#[pymethods]
impl Store {
    /// Finds the networks and keeps them in the store. Returns the store, which a notebook shows as the ranked table.
    ///
    /// `config` is a TOML file, or a dictionary, of the settings that differ from `default_config()`; `seed` the seed of
    /// everything that draws at random, behavioural tests too unless `config` sets `behaviour.seed` by itself.
    /// `progress(phase, None, None)` is told each phase; Ctrl-C stops it at the next, and the store is then as it was. What is known beforehand (`rule`, `rules`, `must`, `cannot`, `good`) is given as to `link`, and
    /// stays with the detection.
    #[pyo3(signature = (*, config = None, seed = None, rule = None, rules = None, must = None, cannot = None, good = None,
        threads = None, progress = None))]
    #[allow(clippy::too_many_arguments)] // The command line's options.
    fn detect<'py>(
        slf: Bound<'py, Self>,
        config: Option<Config<'py>>,
        seed: Option<u64>,
        rule: Option<Texts>,
        rules: Option<PathBuf>,
        must: Option<Vec<Pair>>,
        cannot: Option<Vec<Pair>>,
        good: Option<Names>,
        threads: Option<usize>,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let (file, given) = match config {
            None => (None, None),
            Some(Config::Toml(file)) => (Some(file), None),
            Some(Config::Dict(given)) => (None, Some(json_of(&given)?)),
        };
        let store = slf.get();
        let known = Known { rule, rules, must, cannot, good };
        watched(slf.py(), progress, threads, &[&store.path], |watch| {
            let mut config = match (&file, &given) {
                (Some(file), _) => DetectConfig::read(file)?,
                (_, Some(given)) => DetectConfig::of_json(given)?,
                _ => DetectConfig::default(),
            };
            if let Some(seed) = seed {
                config = config.with_seed(seed);
            }
            let lists = known.lists(&store.dataset()?, &config)?;
            hydralink::detect_by(&store.path, &config, &lists, watch).map(drop)
        })?;
        Ok(slf)
    }

    /// The ranked networks, a row each: `rank`, `id`, `accounts` (core and fringe), `core`, `fringe`, `ambiguous`, `events`,
    /// `first_seen`, `last_seen`, `score` (bits), `q_value` (after `calibrate()`; `q_harmless` is the part of it that harmless stories explain), `stability` (after
    /// `consensus()`, 0 to 1; in `where` it is `stability.similarity`),
    /// `flagged`, `benign_hypothesis` and its `benign_bits`, `suppressed_sightings`, `fragility` (share of members that hang on
    /// one identifier), `state` and `confirmed` (decisions), and `why` in one line.
    ///
    /// `all` also gives candidates below the threshold, `top` the first so many (0: all), `where` those for which an expression
    /// holds, as in 'accounts > 50 and score > 10'.
    #[pyo3(signature = (*, top = 0, all = false, r#where = None))]
    fn networks(&self, py: Python<'_>, top: usize, all: bool, r#where: Option<&str>) -> PyResult<Table> {
        asked(py, &[&self.path], || {
            let reading = self.reading()?;
            let (dataset, labels) = (&reading.dataset, &reading.labelling);
            let found = labels.networks(dataset, &labels.places(all))?;
            let found = cases::label_networks(dataset, labels, found, &reading.cases)?.into_iter();
            let found = first_passing(found, r#where, filter::NETWORK_FIELDS, top)?;
            Table::new("networks", move || Ok(arrow::networks(found.clone())))
        })
    }

    /// One network in full, by id or rank: why it was found, what ties it together, what speaks against it. A dictionary as
    /// `network --format json` prints it, or with `format="markdown"` a document as text.
    #[pyo3(signature = (id, *, format = "json"))]
    fn network<'py>(&self, py: Python<'py>, id: Id, format: &str) -> PyResult<Bound<'py, PyAny>> {
        let (found, markdown) = asked(py, &[&self.path], || {
            let markdown = is_markdown(format)?;
            let (dataset, labels) = self.labelled()?;
            let place = id.place(&dataset, &labels)?;
            let network = labels.network(&dataset, place)?;
            dataset.expect_reading_of_network(&labels, place);
            Ok((dossier::dossier(&dataset, &labels, &network)?, markdown))
        })?;
        as_dossier(py, &found, markdown)
    }

    /// How strong the case is against accounts that you name, as one group: the dossier that a network would have, with `given`.
    /// A dictionary as `assess --format json` prints it, or with `format="markdown"` a document as text.
    #[pyo3(signature = (accounts, *, format = "json"))]
    fn assess<'py>(&self, py: Python<'py>, accounts: Names, format: &str) -> PyResult<Bound<'py, PyAny>> {
        let (found, markdown) = asked(py, &[&self.path], || {
            let markdown = is_markdown(format)?;
            let (dataset, labels) = self.labelled()?;
            Ok((assess::assess(&dataset, &labels, &crate::ask::accounts(&dataset, &accounts.0)?)?, markdown))
        })?;
        as_dossier(py, &found, markdown)
    }

    /// Every account with its labels, a row each: `account_id`, `component` and `community` (numbered by size), `network`
    /// (flagged), `membership` (core, fringe, ambiguous), `confidence` (0 to 1), `evidence_bits`, `candidate` (flagged or not),
    /// `consensus`, `role` (of a flagged network's members: what it is there for, compromised or customer among it), `label`
    /// (confirmed, rejected, awaiting). With `network` (id or rank) only its members, with `ambiguous` also
    /// those that only touch it; `where` as in 'confidence > 0.9'. Streamed: it may be larger than memory.
    #[pyo3(signature = (network = None, *, ambiguous = false, r#where = None))]
    fn members(&self, py: Python<'_>, network: Option<Id>, ambiguous: bool, r#where: Option<&str>) -> PyResult<Table> {
        asked(py, &[&self.path], || {
            if ambiguous && network.is_none() {
                return Err(usage("ambiguous is of one network: name it"));
            }
            let reading = self.reading()?;
            let place = network.map(|id| id.place(&reading.dataset, &reading.labelling)).transpose()?;
            place.into_iter().for_each(|place| reading.dataset.expect_reading_of_network(&reading.labelling, place));
            if r#where.is_none() && !ambiguous {
                return Table::new("members", move || arrow::members(&reading, place));
            }
            let members = cases::label_members(&reading.dataset, &reading.labelling, &reading.cases, place, ambiguous)?;
            let members = first_passing(members, r#where, filter::MEMBER_FIELDS, 0)?;
            Table::new("members", move || Ok(arrow::members_of(members.clone())))
        })
    }

    /// What speaks for a network (id or rank), or for all flagged ones: a row for each identifier that ties it, not only the 25
    /// strongest that `tied_by` of `networks` and `network` names (`item` is "identifier"), and for each signal of its score card ("signal"). `network`, `rank`, `item`, `name`, `class`, `members`,
    /// `accounts`, `exclusivity`, `members_lost_without`, `first_seen`, `last_seen`, `value`, `expected`, `bits`, `p_value`;
    /// what has no value is null.
    #[pyo3(signature = (network = None, *, all = false))]
    fn evidence(&self, py: Python<'_>, network: Option<Id>, all: bool) -> PyResult<Table> {
        asked(py, &[&self.path], || {
            let (dataset, labels) = self.labelled()?;
            let places = match network {
                Some(_) if all => return Err(usage("all is of candidates: leave out network, or all")),
                Some(id) => vec![id.place(&dataset, &labels)?],
                None => labels.places(all),
            };
            let mut networks = labels.networks(&dataset, &places)?;
            for network in &mut networks {
                network.tied_by = labels.tying_identifiers(&dataset, network)?;
            }
            Table::new("evidence", move || Ok(arrow::evidence(networks.clone())))
        })
    }

    /// Identifiers that more than one account has, most widely shared first: `identifier` (KIND:VALUE), `kind`, `accounts`,
    /// `exchanges`, `class`, `policy`, `reason`, `spread_days` (within which the middle half of its accounts first had it),
    /// `first_seen`, `last_seen`. `kind` gives one kind, `top` the first so many (0: all), `where` as in
    /// 'degree > 50 and first_seen >= 2026-02-01'.
    #[pyo3(signature = (*, kind = None, top = 0, r#where = None))]
    fn hubs(&self, py: Python<'_>, kind: Option<&str>, top: usize, r#where: Option<&str>) -> PyResult<Table> {
        asked(py, &[&self.path], || {
            let reading = self.reading()?;
            let kind = kind.map(str::to_owned);
            if top == 0 && r#where.is_none() {
                return Table::new("hubs", move || arrow::hubs(&reading, kind.as_deref()));
            }
            let hubs = query::hubs(&reading.dataset, &reading.labelling, kind.as_deref())?;
            let hubs = first_passing(hubs, r#where, filter::HUB_FIELDS, top)?;
            Table::new("hubs", move || Ok(arrow::hubs_of(hubs.clone())))
        })
    }

    /// Every sighting, an edge of the graph each, by account: `account_id`, `kind`, `identifier` (KIND:VALUE), `exchanges`,
    /// `first_seen`, `last_seen`, `bits` (its weight; 0 where the identifier was suppressed as a hub), `class` of the identifier,
    /// flagged `network` of the account. With `network` (id or rank) only those of its members. Streamed.
    #[pyo3(signature = (network = None))]
    fn sightings(&self, py: Python<'_>, network: Option<Id>) -> PyResult<Table> {
        asked(py, &[&self.path], || {
            let reading = self.reading()?;
            let place = network.map(|id| id.place(&reading.dataset, &reading.labelling)).transpose()?;
            Table::new("sightings", move || arrow::sightings(&reading, place))
        })
    }

    /// What to look at in so many hours, and what it is worth: candidates that nobody decided about, as
    /// `networks --review-hours` orders them.
    #[pyo3(signature = (hours, *, minutes_a_network = 20.0, minutes_an_account = 0.0))]
    fn review<'py>(
        &self,
        py: Python<'py>,
        hours: f64,
        minutes_a_network: f64,
        minutes_an_account: f64,
    ) -> PyResult<Bound<'py, PyAny>> {
        let found = asked(py, &[&self.path], || {
            let (dataset, labels) = self.labelled()?;
            review::review(&dataset, &labels, &ReviewConfig { hours, minutes_a_network, minutes_an_account })
        })?;
        plain(py, &found)
    }

    /// Connected components of at least two accounts, largest first; by some kinds only, without identifiers of more than
    /// `max_degree` accounts; with `detected` those of what links in the last detection, as `members()` numbers them. With
    /// `sweep` their sizes at every cap instead: where the giant component appears.
    #[pyo3(signature = (*, kind = None, max_degree = None, sweep = false, detected = false, top = 0))]
    fn components<'py>(
        &self,
        py: Python<'py>,
        kind: Option<Vec<String>>,
        max_degree: Option<u32>,
        sweep: bool,
        detected: bool,
        top: usize,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (by_kind, by_degree) = (kind.is_some(), max_degree.is_some());
        if detected && (by_kind || by_degree || sweep) || sweep && by_degree {
            return Err(raised(
                py,
                &usage("detected and any of kind, max_degree and sweep exclude each other, as sweep and max_degree do"),
            ));
        }
        if sweep {
            let kinds = kind.unwrap_or_default();
            let points = asked(py, &[&self.path], || hydralink::degree_sweep(&self.dataset()?, &kinds))?;
            return plain(py, &points);
        }
        let found = asked(py, &[&self.path], || {
            let dataset = self.dataset()?;
            let partition = if detected {
                hydralink::detected_components(&dataset.labelling()?)
            } else {
                hydralink::components(&dataset, &ComponentFilter { kinds: kind.unwrap_or_default(), max_degree })?
            };
            Ok(query::groups(&dataset, &partition, top))
        })?;
        plain(py, &found)
    }

    /// Communities of at least two accounts, largest first, by an algorithm ("leiden", "louvain"), quality function
    /// ("modularity", "cpm", "barber") and resolution of your choice.
    #[pyo3(signature = (*, algorithm = "leiden", quality = "modularity", resolution = 1.0, seed = 1, converge = false, top = 0))]
    #[allow(clippy::too_many_arguments)] // The command line's options.
    fn communities<'py>(
        &self,
        py: Python<'py>,
        algorithm: &str,
        quality: &str,
        resolution: f64,
        seed: u64,
        converge: bool,
        top: usize,
    ) -> PyResult<Bound<'py, PyAny>> {
        let found = asked(py, &[&self.path], || {
            let search = search(algorithm, quality, resolution, seed, converge)?;
            let dataset = self.dataset()?;
            let found = hydralink::communities(&dataset, &search)?;
            Ok(query::groups(&dataset, &found.partition, top))
        })?;
        plain(py, &found)
    }

    /// Communities at each of some resolutions (13 from 1/8 to 8, if none are given): how they change from one to the next, and
    /// which are most stable.
    #[pyo3(signature = (
        resolutions = None, *, algorithm = "leiden", quality = "modularity", seed = 1, converge = false, progress = None
    ))]
    #[allow(clippy::too_many_arguments)] // The command line's options.
    fn resolution_sweep<'py>(
        &self,
        py: Python<'py>,
        resolutions: Option<Vec<f64>>,
        algorithm: &str,
        quality: &str,
        seed: u64,
        converge: bool,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let resolutions = resolutions.unwrap_or_else(hydralink::usual_resolutions);
        let points = watched(py, progress, None, &[&self.path], |watch| {
            let search = search(algorithm, quality, 1.0, seed, converge)?;
            hydralink::resolution_sweep(&self.dataset()?, &search, &resolutions, watch)
        })?;
        plain(py, &points)
    }

    /// The life of a network over the detections of the store (id or rank); without one, of all; with `events`, everything that
    /// happened to any, oldest first; with `since` what happened after a detection (its number) or a time (as text), and with
    /// `settled` what held for so many detections.
    #[pyo3(signature = (id = None, *, events = false, since = None, settled = None))]
    fn lineage<'py>(
        &self,
        py: Python<'py>,
        id: Option<Id>,
        events: bool,
        since: Option<Since>,
        settled: Option<NonZeroU32>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if events || since.is_some() || settled.is_some() {
            if id.is_some() {
                return Err(raised(
                    py,
                    &usage("events, since and settled are of all networks: leave out id, whose own events its life has"),
                ));
            }
            let happened = asked(py, &[&self.path], || {
                let dataset = self.dataset()?;
                let since = match since {
                    Some(Since::Run(run)) => Some(lineage::Since::Run(run)),
                    Some(Since::Time(time)) => Some(time.0.parse()?),
                    None => None,
                };
                match (settled, since) {
                    (Some(runs), since) => lineage::settled_events(&dataset, runs, since),
                    (None, Some(since)) => lineage::events_since(&dataset, since),
                    (None, None) => lineage::events(&dataset),
                }
            })?;
            return plain(py, &happened);
        }
        match id {
            Some(id) => {
                let found = asked(py, &[&self.path], || {
                    let dataset = self.dataset()?;
                    lineage::lineage(&dataset, dataset.labelling_if_any()?.as_ref(), &id.text())
                })?;
                plain(py, &found)
            }
            None => {
                let found = asked(py, &[&self.path], || {
                    let dataset = self.dataset()?;
                    lineage::lineages(&dataset, dataset.labelling_if_any()?.as_ref())
                })?;
                plain(py, &found)
            }
        }
    }
}

/// A detection by its number, or a time.
#[derive(FromPyObject)]
enum Since {
    Run(u64),
    Time(Time),
}

/// A network: its id, or its rank.
pub(crate) enum Id {
    Rank(u64),
    Name(String),
}

impl<'py> FromPyObject<'_, 'py> for Id {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(rank) = given.extract() {
            return Ok(Id::Rank(rank));
        }
        given.extract().map(Id::Name).map_err(|_| expected("a network's id (PN-...) or its rank, from 1,", &given))
    }
}

/// Networks as a caller names them: one, or a list.
pub(crate) struct Ids(pub(crate) Vec<Id>);

impl<'py> FromPyObject<'_, 'py> for Ids {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        // A text is one name, not a list of letters.
        match given.extract::<Id>() {
            Ok(one) => Ok(Ids(vec![one])),
            Err(_) => given.extract().map(Ids),
        }
    }
}

impl Id {
    pub(crate) fn text(&self) -> String {
        match self {
            Id::Rank(rank) => rank.to_string(),
            Id::Name(name) => name.clone(),
        }
    }

    pub(crate) fn place(&self, dataset: &Dataset, labels: &Labelling) -> Result<usize, Error> {
        dataset.network_index(labels, &self.text())
    }
}

/// A store as a notebook shows it.
pub(crate) fn html(path: &Path, dataset: &Dataset) -> Result<String, Error> {
    let graph = dataset.graph();
    let kinds = dataset.tables().kinds.len();
    let mut html = format!(
        "<div><p><b>{}</b>: {} accounts, {} sightings of {} identifiers of {kinds} kinds</p>",
        escaped(&path.display().to_string()),
        grouped(graph.account_count() as u64),
        grouped(graph.sighting_count() as u64),
        grouped(graph.identifier_count() as u64)
    );
    let mut line = |text: String| write!(html, "{text}").expect("memory takes everything");
    match dataset.labelling_if_any()? {
        None => line("<p>not detected yet: <code>.detect()</code></p>".to_owned()),
        Some(labels) => {
            let places = labels.places(false);
            let shown = &places[..SHOWN.min(places.len())];
            let (threshold, candidates) = (labels.run.threshold, labels.heads().len() - places.len());
            line(format!(
                "<p>{} over {threshold} bits, {candidates} candidates below</p>",
                counted(places.len() as u64, "network")
            ));
            line(
                "<table><thead><tr><th>rank</th><th>id</th><th>accounts</th><th>score</th><th>why</th></tr></thead><tbody>"
                    .into(),
            );
            for network in labels.networks(dataset, shown)? {
                let (accounts, score, why) = (grouped(network.accounts), network.score, escaped(&network.why));
                line(format!(
                    "<tr><td>{}</td><td><code>{}</code></td><td>{accounts}</td><td>{score:.1}</td>\
                     <td style=\"text-align:left\">{why}</td></tr>",
                    network.rank, network.id
                ));
            }
            line("</tbody></table>".to_owned());
            if places.len() > shown.len() {
                line(format!("<p>the first {} of {}; <code>.networks()</code> has all</p>", shown.len(), places.len()));
            }
        }
    }
    html.push_str("</div>");
    Ok(html)
}

/// Whether a dossier is asked for as a document.
pub(crate) fn is_markdown(format: &str) -> Result<bool, Error> {
    word("format", format, &[("json", false), ("markdown", true)])
}

/// A dossier as a dictionary, or as a document.
fn as_dossier<'py>(py: Python<'py>, found: &Dossier, markdown: bool) -> PyResult<Bound<'py, PyAny>> {
    if markdown { Ok(dossier::markdown(found).into_pyobject(py)?.into_any()) } else { plain(py, found) }
}

/// Text that an adversary may have written, for HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// How a partition is searched for, by the command line's words.
fn search(
    algorithm: &str,
    quality: &str,
    resolution: f64,
    seed: u64,
    converge: bool,
) -> Result<CommunitySearch, hydralink::Error> {
    let qualities = [("modularity", Quality::Modularity), ("cpm", Quality::Cpm), ("barber", Quality::Barber)];
    let algorithms = [("leiden", Algorithm::Leiden), ("louvain", Algorithm::Louvain)];
    Ok(CommunitySearch {
        algorithm: word("algorithm", algorithm, &algorithms)?,
        quality: word("quality", quality, &qualities)?,
        resolution,
        seed,
        effort: if converge { Effort::Converge } else { Effort::Fast },
    })
}
