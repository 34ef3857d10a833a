//! Events in: build, update, profile, synth.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use hydralink::build::{UpdateConfig, update_with};
use hydralink::privacy::Key;
use hydralink::synth::{EVASIVE_PARAPHRASE, Format, Tier, WorldConfig, write_world};
use hydralink::{
    Amount, AsOf, Batches, EnrichmentFile, Error, IngestConfig, Progress, SchemaMode, Sources, TrustedProxies, Zone,
};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::errors::{expected, raised, usage};
use crate::plain::{json_of, plain};
use crate::store::{Store, word};
use crate::table;
use crate::work::watched;

/// Files, and tables of Arrow.
#[derive(Default)]
struct Events {
    files: Vec<PathBuf>,
    batches: Vec<Batches>,
}

impl Events {
    fn of(given: &Bound<'_, PyAny>) -> PyResult<Self> {
        let mut events = Events::default();
        if given.is_instance_of::<PyList>() || given.is_instance_of::<PyTuple>() {
            for one in given.try_iter()? {
                events.add(&one?)?;
            }
        } else {
            events.add(given)?;
        }
        Ok(events)
    }

    fn add(&mut self, one: &Bound<'_, PyAny>) -> PyResult<()> {
        if let Some(stream) = table::streamed(one)? {
            let name = format!("Arrow table {}", self.batches.len() + 1);
            self.batches.push(table::batches(&stream, name)?);
        } else if let Ok(path) = one.extract::<PathBuf>() {
            self.files.push(path);
        } else {
            let what = "a path, or an object with __arrow_c_stream__ (tables and readers of pyarrow, polars, pandas, duckdb), a \
                        pyarrow Dataset or a LazyFrame, or a list of these";
            return Err(expected(what, one));
        }
        Ok(())
    }

    fn sources(&mut self) -> Sources<'_> {
        Sources { files: &self.files, batches: std::mem::take(&mut self.batches) }
    }
}

/// A side table: a file, or a table of Arrow.
pub(crate) enum Side {
    File(PathBuf),
    Table(Batches),
}

impl Side {
    pub(crate) fn of(given: Option<&Bound<'_, PyAny>>, name: &'static str) -> PyResult<Option<(Self, &'static str)>> {
        let Some(given) = given else { return Ok(None) };
        let side = if let Some(stream) = table::streamed(given)? {
            Side::Table(table::batches(&stream, name.to_owned())?)
        } else if let Ok(path) = given.extract::<PathBuf>() {
            Side::File(path)
        } else {
            let found = given.get_type().name()?;
            return Err(PyTypeError::new_err(format!("{name} is a path, or has __arrow_c_stream__; found {found}")));
        };
        Ok(Some((side, name)))
    }

    /// Where it lies; a table is written into the folder, from where the store takes it over.
    pub(crate) fn file((side, name): (Self, &str), folder: &Path) -> Result<PathBuf, Error> {
        match side {
            Side::File(file) => Ok(file),
            Side::Table(batches) => {
                let file = folder.join(format!("{name}.csv"));
                batches.write_csv(&file)?;
                Ok(file)
            }
        }
    }
}

/// A day or a moment, as the command line takes it.
pub(crate) struct Time(pub(crate) String);

impl<'py> FromPyObject<'_, 'py> for Time {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(text) = given.extract() {
            return Ok(Time(text));
        }
        let datetime = given.py().import("datetime")?;
        if !given.is_instance(&datetime.getattr("date")?)? {
            return Err(expected("a time (text, a date or a datetime)", &given));
        }
        let mut text: String = given.call_method0("isoformat")?.extract()?;
        // A moment without a zone is of UTC, as all times are.
        if given.is_instance(&datetime.getattr("datetime")?)? && given.call_method0("utcoffset")?.is_none() {
            text.push('Z');
        }
        Ok(Time(text))
    }
}

/// What columns mean: a file, or its content as a dictionary.
pub(crate) enum Map<'py> {
    File(PathBuf),
    Dict(Bound<'py, PyDict>),
}

impl<'py> FromPyObject<'_, 'py> for Map<'py> {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(file) = given.extract() {
            return Ok(Map::File(file));
        }
        given.extract().map(Map::Dict).map_err(|_| expected("a TOML file or a dictionary of its content", &given))
    }
}

/// The same, without the GIL.
enum MapGiven {
    File(PathBuf),
    Json(String),
}

impl MapGiven {
    fn of(given: Option<Map<'_>>) -> PyResult<Option<Self>> {
        Ok(match given {
            None => None,
            Some(Map::File(file)) => Some(MapGiven::File(file)),
            Some(Map::Dict(given)) => Some(MapGiven::Json(json_of(&given)?)),
        })
    }

    fn file(self, folder: &Path) -> Result<PathBuf, Error> {
        match self {
            MapGiven::File(file) => Ok(file),
            MapGiven::Json(json) => {
                let wrong = |error: &dyn std::fmt::Display| usage(format!("map: {error}"));
                let value: serde_json::Value = serde_json::from_str(&json).map_err(|error| wrong(&error))?;
                let file = folder.join("map.toml");
                let text = toml::to_string(&value).map_err(|error| wrong(&error))?;
                std::fs::write(&file, text).map_err(|error| wrong(&error))?;
                Ok(file)
            }
        }
    }
}

/// The options that `build`, `update` and `profile` share, by keyword.
struct Reading {
    accounts: Option<(Side, &'static str)>,
    releases: Option<(Side, &'static str)>,
    allow: Option<(Side, &'static str)>,
    map: Option<MapGiven>,
    trusted_proxies: Option<String>,
    schema: String,
    allow_kinds: bool,
    tz: Option<String>,
    rejects: Option<PathBuf>,
    max_bad: f64,
    card_tokens: bool,
    enrich: Vec<String>,
    memory_limit: Option<u64>,
}

/// The names of these options.
const OPTIONS: [&str; 13] = [
    "accounts",
    "releases",
    "allow",
    "map",
    "trusted_proxies",
    "schema",
    "allow_kinds",
    "tz",
    "rejects",
    "max_bad",
    "card_tokens",
    "enrich",
    "memory_limit",
];

impl Reading {
    /// Takes the options that were given; a name that there isn't is the error that Python has for it.
    fn of(function: &str, given: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        for name in given.iter().flat_map(|given| given.keys()) {
            let name: String = name.extract()?;
            if !OPTIONS.contains(&name.as_str()) {
                let problem = format!("{function}() got an unexpected keyword argument '{name}'");
                return Err(PyTypeError::new_err(problem));
            }
        }
        let option = |name: &str| -> PyResult<Option<Bound<'_, PyAny>>> {
            let value = given.map(|given| given.get_item(name)).transpose()?.flatten();
            Ok(value.filter(|value| !value.is_none()))
        };
        let side = |name: &'static str| Side::of(option(name)?.as_ref(), name);
        let text = |name: &str, default: &str| match option(name)? {
            Some(text) => text.extract(),
            None => Ok(default.to_owned()),
        };
        // A number of proxies may be given as one.
        let trusted_proxies = option("trusted_proxies")?.map(|given| given.str()?.extract::<String>()).transpose()?;
        Ok(Reading {
            accounts: side("accounts")?,
            releases: side("releases")?,
            allow: side("allow")?,
            map: MapGiven::of(option("map")?.map(|map| map.extract()).transpose()?)?,
            trusted_proxies,
            schema: text("schema", "auto")?,
            allow_kinds: option("allow_kinds")?.map(|value| value.extract()).transpose()?.unwrap_or(false),
            tz: option("tz")?.map(|tz| tz.extract()).transpose()?,
            rejects: option("rejects")?.map(|value| value.extract()).transpose()?,
            max_bad: option("max_bad")?.map(|value| value.extract()).transpose()?.unwrap_or(0.001),
            card_tokens: option("card_tokens")?.map(|value| value.extract()).transpose()?.unwrap_or(false),
            enrich: option("enrich")?.map(|value| value.extract()).transpose()?.unwrap_or_default(),
            memory_limit: option("memory_limit")?.map(|value| value.extract()).transpose()?,
        })
    }

    /// The configuration; what was given as tables lies in the folder.
    fn config(self, key: Option<&Key>, folder: &Path) -> Result<IngestConfig, Error> {
        if self.memory_limit.is_some_and(|bytes| bytes < 1 << 20) {
            return Err(usage("memory_limit is in bytes, and at least 1 << 20"));
        }
        let schema = word("schema", &self.schema, &[("auto", SchemaMode::Auto), ("strict", SchemaMode::Strict)])?;
        Ok(IngestConfig {
            accounts: self.accounts.map(|side| Side::file(side, folder)).transpose()?,
            releases: self.releases.map(|side| Side::file(side, folder)).transpose()?,
            allow: self.allow.map(|side| Side::file(side, folder)).transpose()?,
            map: self.map.map(|map| map.file(folder)).transpose()?,
            rejects: self.rejects,
            max_bad: self.max_bad,
            card_tokens: self.card_tokens,
            enrich: self.enrich.iter().map(|file| EnrichmentFile::from_str(file).map_err(usage)).collect::<Result<_, _>>()?,
            memory_limit: self.memory_limit,
            trusted_proxies: (self.trusted_proxies.as_deref().map(TrustedProxies::from_str).transpose())
                .map_err(|wrong| usage(format!("trusted_proxies: {wrong}")))?,
            zone: self.tz.as_deref().map(Zone::from_str).transpose().map_err(usage)?,
            schema,
            allow_kinds: self.allow_kinds || schema == SchemaMode::Auto,
            pseudonym: key.map(Key::pseudonyms),
            ..IngestConfig::default()
        })
    }
}

/// A folder for what was given as tables and is read as files.
pub(crate) fn folder() -> Result<tempfile::TempDir, Error> {
    tempfile::tempdir().map_err(|error| usage(format!("no folder can be made in {}: {error}", std::env::temp_dir().display())))
}

/// Reads event logs into a store at `output`, replacing the one that is there when all is done.
///
/// `events` are paths (CSV, TSV, JSON Lines, Parquet; plain, .gz or .zst; folders, globs), or anything with `__arrow_c_stream__` (a
/// pyarrow table or reader, a polars or pandas data frame, a duckdb relation), or a list of these. Arrow is read as it streams,
/// batch by batch, and nothing is copied to disk first. Columns are recognised by name, as the README's table says:
/// `account_id` and any of `timestamp`, `ip`, `payment_instrument`, `prompt_template_hash`, `device` ...; `map` (a TOML file,
/// or its content as a dictionary) names others.
///
/// `accounts`, `releases` and `allow` are side tables: CSV files, or Arrow as well. `key_file` keeps pseudonyms instead of
/// values; `max_bad` is the share of rejected rows that fails the run (at least 100 are always tolerated), `rejects` where they
/// are written; `card_tokens` says that payment instruments are tokens, though a few look like card numbers; `trusted_proxies`
/// is how many hops of a list of addresses (`X-Forwarded-For`) are your own, or their networks; `memory_limit` in bytes puts
/// what is beyond on disk beside the store. `progress(phase, done, total)` is called as it goes on, in bytes while reading.
///
/// Ctrl-C stops it at the next batch; the store that was there is then as it was.
#[pyfunction]
#[pyo3(signature = (events, *, output, key_file = None, threads = None, progress = None, **options),
    text_signature = "(events, *, output, accounts=None, releases=None, allow=None, map=None, trusted_proxies=None, key_file=None, schema=\"auto\", allow_kinds=False, tz=\"UTC\", rejects=None, max_bad=0.001, card_tokens=False, enrich=None, memory_limit=None, threads=None, progress=None)")]
pub(crate) fn build(
    py: Python<'_>,
    events: &Bound<'_, PyAny>,
    output: PathBuf,
    key_file: Option<PathBuf>,
    threads: Option<usize>,
    progress: Option<&Bound<'_, PyAny>>,
    options: Option<&Bound<'_, PyDict>>,
) -> PyResult<Store> {
    let mut events = Events::of(events)?;
    let reading = Reading::of("build", options)?;
    let (store, summary) = watched(py, progress, threads, &[], |watch| {
        let (key, folder) = (hydralink::privacy::read_key(key_file.as_ref())?, folder()?);
        let config = reading.config(key.as_ref(), folder.path())?;
        let summary = hydralink::build(events.sources(), &output, &config, watch)?;
        Ok((Store::at(output, key_file, Default::default())?, summary))
    })?;
    Ok(store.built(plain(py, &summary)?.unbind()))
}

/// What is in event logs, before anything is built: accounts, kinds, degrees, hubs. Options as of `build()`.
#[pyfunction]
#[pyo3(signature = (events, *, threads = None, progress = None, **options),
    text_signature = "(events, *, accounts=None, releases=None, allow=None, map=None, trusted_proxies=None, schema=\"auto\", allow_kinds=False, tz=\"UTC\", rejects=None, max_bad=0.001, card_tokens=False, enrich=None, memory_limit=None, threads=None, progress=None)")]
pub(crate) fn profile<'py>(
    py: Python<'py>,
    events: &Bound<'py, PyAny>,
    threads: Option<usize>,
    progress: Option<&Bound<'py, PyAny>>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let mut events = Events::of(events)?;
    let reading = Reading::of("profile", options)?;
    let profile = watched(py, progress, threads, &[], |watch| {
        let folder = folder()?;
        hydralink::profile(events.sources(), &reading.config(None, folder.path())?, watch)
    })?;
    plain(py, &profile)
}

/// Writes a synthetic world with known truth into a folder: events, accounts.csv, releases.csv, and the truth.
///
/// `tier` is "xs" (1,000 accounts), "s" (25,000), "m" (100,000) or "l" (a million); the same `seed` gives the same bytes.
/// `null=True` has no networks, `evasive=True` has an operator that spends on not being seen. `events` is "parquet" or "csv".
#[pyfunction]
#[pyo3(signature = (directory, *, tier = "s", seed = 1, null = false, evasive = false, events = "parquet", progress = None))]
#[allow(clippy::too_many_arguments)] // The command line's options.
pub(crate) fn synth<'py>(
    py: Python<'py>,
    directory: PathBuf,
    tier: &str,
    seed: u64,
    null: bool,
    evasive: bool,
    events: &str,
    progress: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let summary = watched(py, progress, None, &[], |watch| {
        let tier = word("tier", tier, &TIERS)?;
        let format = word("events", events, &[("parquet", Format::Parquet), ("csv", Format::Csv)])?;
        let config = match (null, evasive) {
            (true, true) => return Err(usage("a world is null or evasive, not both")),
            (true, _) => WorldConfig::null(tier, seed),
            (_, true) => WorldConfig::evasive(tier, seed, EVASIVE_PARAPHRASE),
            _ => WorldConfig::new(tier, seed),
        };
        Ok(write_world(&directory, &config, format, &mut |at| {
            let amount = Amount { done: at.days.into(), of: hydralink::synth::DAYS.into() };
            watch.tell(Progress { phase: "making a world", amount: Some(amount) });
        })?)
    })?;
    plain(py, &summary)
}

/// The words for sizes of worlds.
pub(crate) const TIERS: [(&str, Tier); 4] = [("xs", Tier::Xs), ("s", Tier::S), ("m", Tier::M), ("l", Tier::L)];

#[pymethods]
impl Store {
    /// Reads more events into the store: the same result as building everything at once. Options and events as of `build()`;
    /// side tables, a map, a `tz` and `trusted_proxies` that aren't given are those of the store. Files whose bytes the store has
    /// are skipped; an Arrow table has no bytes to tell it by, and counts twice if it is read twice, unless its events have ids.
    /// There need be no events where a table is given. Networks found before are dropped, unless nothing new came: detect again,
    /// and they keep their ids. With `detect=True` that is done, with the settings and lists of the last detection, before anybody
    /// sees the change.
    ///
    /// What `fail_on` names (`missing`, `empty`, `one_value`, `new_accounts`, `alike_accounts`, `read_before`, `no_rows`, `cut`,
    /// `mostly_rejected`, `ignored`, `conflicts`, `tables`) raises `RefusedError` with the `drift` that was found, and nothing is
    /// written; nor is with `dry_run=True`. Returns what was counted.
    #[pyo3(signature = (events = None, *, detect = false, fail_on = Vec::new(), dry_run = false, threads = None, progress = None, **options),
        text_signature = "($self, events=None, *, detect=False, fail_on=(), dry_run=False, accounts=None, releases=None, allow=None, map=None, trusted_proxies=None, schema=\"auto\", allow_kinds=False, tz=None, rejects=None, max_bad=0.001, card_tokens=False, enrich=None, memory_limit=None, threads=None, progress=None)")]
    #[allow(clippy::too_many_arguments)] // The command line's options.
    fn update<'py>(
        &self,
        py: Python<'py>,
        events: Option<&Bound<'py, PyAny>>,
        detect: bool,
        fail_on: Vec<String>,
        dry_run: bool,
        threads: Option<usize>,
        progress: Option<&Bound<'py, PyAny>>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let drift = |name: &String| name.parse().map_err(|wrong| raised(py, &usage(format!("fail_on: {wrong}"))));
        let fail_on = fail_on.iter().map(drift).collect::<PyResult<_>>()?;
        if detect && dry_run {
            return Err(raised(
                py,
                &usage("detect and dry_run can't both be asked for: nothing is detected on what isn't written"),
            ));
        }
        let then = UpdateConfig { detect, fail_on, dry_run };
        let mut events = events.map_or_else(|| Ok(Events::default()), Events::of)?;
        let reading = Reading::of("update", options)?;
        let summary = watched(py, progress, threads, &[&self.path], |watch| {
            let (key, folder) = (self.key()?, folder()?);
            let config = reading.config(key.as_ref(), folder.path())?;
            update_with(events.sources(), &self.path, &config, &then, watch)
        })?;
        plain(py, &summary)
    }

    /// Writes the store as it stood at an earlier time to `output`: a day (up to its end, UTC) or a moment, as text (RFC 3339), a
    /// date or a datetime. Returns that store.
    #[pyo3(signature = (time, *, output, progress = None))]
    fn as_of(&self, py: Python<'_>, time: Time, output: PathBuf, progress: Option<&Bound<'_, PyAny>>) -> PyResult<Store> {
        let (store, made): (Store, AsOf) = watched(py, progress, None, &[&self.path], |watch| {
            let (_, time) = hydralink::time::seconds_of(&time.0)?;
            let made = hydralink::as_of(&self.path, time, &output, watch)?;
            Ok((self.beside(output)?, made))
        })?;
        Ok(store.built(plain(py, &made)?.unbind()))
    }
}
