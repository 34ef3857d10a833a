//! Acting: plans, exports, decisions, erasure, sharing.

use std::path::PathBuf;

use hydralink::bans::{self, PlanConfig};
use hydralink::cases::{self, Action, Decision, State};
use hydralink::export::{ColorBy, ExportConfig, Format, Networks, Places, Sharing, Tlp};
use hydralink::privacy::{self, Extent, KeptSince, Key};
use hydralink::report::ReportConfig;
use hydralink::{Dataset, Error, Labelling, share};
use pyo3::prelude::*;

use crate::errors::usage;
use crate::find::{Id, Ids};
use crate::names::{Names, Targets};
use crate::plain::plain;
use crate::read::Time;
use crate::store::{Store, word};
use crate::work::{asked, released, watched};

/// Values with the words for them.
fn named<T: Copy>(values: &[T], name: impl Fn(T) -> &'static str) -> Vec<(&'static str, T)> {
    values.iter().map(|&value| (name(value), value)).collect()
}

const TLP: [Tlp; 5] = [Tlp::Clear, Tlp::Green, Tlp::Amber, Tlp::AmberStrict, Tlp::Red];

/// The networks that were named, or all flagged ones where nobody chose. A choice that turned out empty is an error: all of them
/// would be what nobody asked for.
fn chosen(dataset: &Dataset, labels: &Labelling, ids: Option<&Ids>) -> Result<Networks, Error> {
    let Some(ids) = ids else { return Ok(Networks::Flagged) };
    if ids.0.is_empty() {
        return Err(usage("network=[]: no network is named; None means all flagged ones"));
    }
    Ok(Networks::Chosen(ids.0.iter().map(|id| id.place(dataset, labels)).collect::<Result<Vec<usize>, Error>>()?))
}

fn share_of(option: &str, share: f64) -> Result<f64, Error> {
    if (0.0..=1.0).contains(&share) {
        Ok(share)
    } else {
        Err(usage(format!("{option}={share}: a share from 0 to 1 was expected")))
    }
}

#[pymethods]
impl Store {
    /// Which accounts and identifiers of a network (id or rank) to act on first, while no more than `benign_budget` harmless
    /// accounts are expected to be hit if it is a network: `actions`, exchanges stopped, whom it would hurt (`benign_expected`
    /// counts that it may be none, by its `chance`), and what is left. With `identifier_actions` also challenges of addresses,
    /// checks of payment instruments and limits of templates. Accounts that are banned already are left out, but with
    /// `as_if_unbanned`. A candidate that is neither flagged nor confirmed is refused, but with `allow_unflagged`: the plan then says
    /// `"flagged": False`. Where the events say tokens, `tokens_stopped` and
    /// `benign_tokens_expected` stand beside the exchanges; of actions on anything but templates they are an estimate by the
    /// tokens that each account's exchanges have on average.
    #[pyo3(signature = (id, *, benign_budget = 1.0, identifier_actions = false, as_if_unbanned = false, allow_unflagged = false))]
    fn plan_bans<'py>(
        &self,
        py: Python<'py>,
        id: Id,
        benign_budget: f64,
        identifier_actions: bool,
        as_if_unbanned: bool,
        allow_unflagged: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let plan = asked(py, &[&self.path], || {
            let (dataset, labels) = self.labelled()?;
            let place = id.place(&dataset, &labels)?;
            let network = labels.network(&dataset, place)?;
            dataset.expect_reading_of_network(&labels, place);
            if benign_budget.is_nan() || benign_budget < 0.0 {
                return Err(usage(format!("benign_budget={benign_budget}: a number of accounts, 0 or more, was expected")));
            }
            let config = PlanConfig { benign_budget, identifier_actions, as_if_unbanned, allow_unflagged };
            bans::plan_bans(&dataset, &labels, &network, &config)
        })?;
        plain(py, &plan)
    }

    /// What a list of accounts and identifiers made elsewhere would stop, hit and leave; tokens as in `plan_bans`. Of accounts that are
    /// banned already there is nothing to stop, but with `as_if_unbanned`.
    #[pyo3(signature = (nodes, *, as_if_unbanned = false))]
    fn impact<'py>(&self, py: Python<'py>, nodes: Targets, as_if_unbanned: bool) -> PyResult<Bound<'py, PyAny>> {
        let impact = asked(py, &[&self.path], || {
            let (dataset, labels) = self.labelled()?;
            let nodes = crate::store::nodes(&dataset, &nodes.0)?;
            if nodes.is_empty() {
                return Err(usage("nothing is named that could be banned"));
            }
            bans::impact(&dataset, &labels, &nodes, as_if_unbanned)
        })?;
        plain(py, &impact)
    }

    /// Writes the graph for other tools: GraphML or GEXF (Gephi), CSV or Parquet tables, actions (JSON Lines), a STIX 2.1
    /// bundle or a MISP event; the name's ending decides, or `format` ("graphml", "gexf", "csv", "parquet", "jsonl", "stix",
    /// "misp").
    ///
    /// Of the flagged networks, of those in `network` (ids or ranks), with `all` also of candidates, with `whole` of
    /// everything. The store's level says how much of values is shown; `k` leaves out what is about fewer accounts; above
    /// `max_nodes` a collapsed view is written, and the answer says so (`collapsed`); without `layout` nodes have no places. `project` joins accounts with accounts
    /// instead of with identifiers, if there are no more than `pair_budget` pairs. `tlp`, `identity`, `max_benign` (share of
    /// harmless accounts that an indicator may hit) and `force_hub` are of STIX, MISP and actions. Returns what was written and
    /// what was left out.
    #[pyo3(signature = (path, *, format = None, network = None, all = false, whole = false, minimal = false,
        project = false, pair_budget = 50_000_000, max_nodes = 50_000, layout = true, k = 1, color_by = "network", tlp = "amber", identity = None, max_benign = 0.1, force_hub = false, progress = None))]
    #[allow(clippy::too_many_arguments)] // The command line's options.
    fn export<'py>(
        &self,
        py: Python<'py>,
        path: PathBuf,
        format: Option<&str>,
        network: Option<Ids>,
        all: bool,
        whole: bool,
        minimal: bool,
        project: bool,
        pair_budget: u64,
        max_nodes: usize,
        layout: bool,
        k: u32,
        color_by: &str,
        tlp: &str,
        identity: Option<String>,
        max_benign: f64,
        force_hub: bool,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let summary = watched(py, progress, None, &[&self.path], |watch| {
            if usize::from(network.as_ref().is_some_and(|ids| !ids.0.is_empty())) + usize::from(all) + usize::from(whole) > 1
                || whole && minimal
                || minimal && project
            {
                return Err(usage(
                    "network, all and whole exclude each other, and so do whole, minimal and project, two by two",
                ));
            }
            if k == 0 {
                return Err(usage("k is at least 1"));
            }
            let dataset = self.as_stored()?;
            let results = match whole {
                // It needs no network: before a detection there is none.
                true => dataset.labelling_if_any()?.map_or_else(|| hydralink::detect::undetected(&dataset), Ok)?,
                false => dataset.labelling()?,
            };
            let mut config = ExportConfig::default();
            config.selection.max_nodes = max_nodes;
            config.selection.level = self.level();
            config.key = self.key()?.map(|key| key.for_exports());
            config.selection.k = k;
            config.selection.minimal = minimal;
            config.selection.pair_budget = project.then_some(pair_budget);
            config.selection.networks = match (whole, all) {
                (true, _) => Networks::Whole,
                (_, true) => Networks::Candidates,
                _ => chosen(&dataset, &results, network.as_ref())?,
            };
            config.places = if layout { Places::LaidOut } else { Places::Nowhere };
            config.colors = word("color_by", color_by, &[("network", ColorBy::Network), ("kind", ColorBy::Kind)])?;
            config.sharing = Sharing {
                tlp: word("tlp", tlp, &named(&TLP, Tlp::name))?,
                identity: identity.unwrap_or(config.sharing.identity),
                force_hub,
                max_benign_prevalence: share_of("max_benign", max_benign)?,
            };
            config.format = format.map(|format| word("format", format, &named(&Format::ALL, Format::name))).transpose()?;
            hydralink::export_drawn(&dataset, &results, &config, &path, watch)
        })?;
        plain(py, &summary)
    }

    /// Writes one self-contained HTML page with ranked networks, evidence, plots and the graph, of the flagged networks or of
    /// those in `network`. Returns its size in bytes.
    #[pyo3(signature = (path, *, network = None, max_nodes = 50_000, progress = None))]
    fn report(
        &self,
        py: Python<'_>,
        path: PathBuf,
        network: Option<Ids>,
        max_nodes: usize,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        watched(py, progress, None, &[&self.path], |watch| {
            let dataset = self.dataset()?;
            let results = dataset.results()?;
            let config = ReportConfig { networks: chosen(&dataset, results.labelling(), network.as_ref())?, max_nodes };
            Ok(hydralink::report_drawn(&dataset, &results, &config, &path, watch)?.0)
        })
    }

    /// Decides that the accounts of a network or node are one operator's. More than the four-eyes number (100) wait for a
    /// second reviewer. `reason` is a code such as "shared_cards". The next `detect()` uses it. Returns the case.
    #[pyo3(signature = (target, *, reviewer, reason, text = None))]
    fn confirm<'py>(
        &self,
        py: Python<'py>,
        target: &str,
        reviewer: &str,
        reason: &str,
        text: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.decide(py, Action::Confirm, None, target, reviewer, Some(reason), text)
    }

    /// Decides that the accounts of a network or node are harmless: known-good from the next `detect()` on.
    #[pyo3(signature = (target, *, reviewer, reason, text = None))]
    fn reject<'py>(
        &self,
        py: Python<'py>,
        target: &str,
        reviewer: &str,
        reason: &str,
        text: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.decide(py, Action::Reject, None, target, reviewer, Some(reason), text)
    }

    /// Leaves a remark about a network or node; changes nothing.
    #[pyo3(signature = (target, text, *, reviewer, reason = None))]
    fn note<'py>(
        &self,
        py: Python<'py>,
        target: &str,
        text: &str,
        reviewer: &str,
        reason: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.decide(py, Action::Note, None, target, reviewer, reason, Some(text))
    }

    /// Moves a case to "new", "triage", "monitoring" or "closed"; the first three take a verdict back.
    #[pyo3(signature = (target, state, *, reviewer, reason = None, text = None))]
    fn move_case<'py>(
        &self,
        py: Python<'py>,
        target: &str,
        state: &str,
        reviewer: &str,
        reason: Option<&str>,
        text: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let there: Vec<State> = State::ALL.into_iter().filter(|state| state.is_moved_to()).collect();
        let state = released(py, || word("state", state, &named(&there, State::name)))?;
        self.decide(py, Action::State, Some(state), target, reviewer, reason, text)
    }

    /// Where every case stands, with the `network` of the last detection that it is about, whatever that one's id.
    fn cases<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let cases = asked(py, &[&self.path], || {
            let dataset = self.dataset()?;
            cases::cases_now(&dataset, &dataset.cases()?)
        })?;
        plain(py, &cases)
    }

    /// Every decision, oldest first, or those about one network or node (`target`); the log's chain is checked.
    #[pyo3(signature = (target = None))]
    fn case_log<'py>(&self, py: Python<'py>, target: Option<&str>) -> PyResult<Bound<'py, PyAny>> {
        let entries = asked(py, &[&self.path], || {
            let dataset = self.dataset()?;
            Ok(cases::shown_log(&dataset, &dataset.cases()?, target))
        })?;
        plain(py, &entries)
    }

    /// From how many accounts on a confirmation takes two reviewers; raising the number takes effect when a second reviewer
    /// sets the same. Returns the number that holds.
    #[pyo3(signature = (accounts, *, reviewer))]
    fn case_four_eyes(&self, py: Python<'_>, accounts: u64, reviewer: &str) -> PyResult<u64> {
        asked(py, &[&self.path], || Ok(cases::set_four_eyes(&self.dataset()?, accounts, reviewer)?.four_eyes()))
    }

    /// Checks the hash chain of the case log, and that a hash noted earlier (`head`) is still in it.
    #[pyo3(signature = (*, head = None))]
    fn case_verify<'py>(&self, py: Python<'py>, head: Option<&str>) -> PyResult<Bound<'py, PyAny>> {
        let check = asked(py, &[&self.path], || cases::verify(&self.path, head))?;
        plain(py, &check)
    }

    /// Puts another key over a store of pseudonyms. This handle has the old one: go on with `open(path, key_file=new_key_file)`.
    #[pyo3(signature = (*, key_file, new_key_file, reviewer, progress = None))]
    fn rekey<'py>(
        &self,
        py: Python<'py>,
        key_file: PathBuf,
        new_key_file: PathBuf,
        reviewer: &str,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let rekeyed = watched(py, progress, None, &[&self.path], |watch| {
            let (old, new) = (Key::read(&key_file)?, Key::read(&new_key_file)?);
            privacy::rekey(&self.path, &old, &new, reviewer, watch)
        })?;
        plain(py, &rekeyed)
    }

    /// Removes accounts from every section, the results and the names of the case log, and searches for them afterwards. Rows of
    /// theirs are left out from then on; `lift()` ends that.
    #[pyo3(signature = (accounts, *, reviewer, progress = None))]
    fn forget<'py>(
        &self,
        py: Python<'py>,
        accounts: Names,
        reviewer: &str,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let forgotten = watched(py, progress, None, &[&self.path], |watch| {
            if accounts.0.is_empty() {
                return Err(usage("no account is named"));
            }
            privacy::forget(&self.path, &accounts.0, self.key()?.as_ref(), reviewer, watch).map_err(|error| self.unnamed(error))
        })?;
        plain(py, &forgotten)
    }

    /// Lets accounts come back that were forgotten: rows of theirs that are read from now on count again.
    #[pyo3(signature = (accounts, *, reviewer))]
    fn lift<'py>(&self, py: Python<'py>, accounts: Names, reviewer: &str) -> PyResult<Bound<'py, PyAny>> {
        let lifted = asked(py, &[&self.path], || {
            if accounts.0.is_empty() {
                return Err(usage("no account is named"));
            }
            privacy::lift(&self.path, &accounts.0, self.key()?.as_ref(), reviewer).map_err(|error| self.unnamed(error))
        })?;
        plain(py, &lifted)
    }

    /// Removes what was last seen too long ago: `before` a time (as `as_of()` takes it; of a day its beginning), or longer than
    /// `keep` ("90d") before the store's last event. With `dry_run` it is told what would go, and nothing is written. More than nine
    /// accounts of ten go only with `allow_most`.
    #[pyo3(signature = (*, before = None, keep = None, dry_run = false, allow_most = false, progress = None))]
    fn expire<'py>(
        &self,
        py: Python<'py>,
        before: Option<Time>,
        keep: Option<&str>,
        dry_run: bool,
        allow_most: bool,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let since = || match (&before, keep) {
            (Some(before), None) => Ok(KeptSince::Time(hydralink::time::seconds_of(&before.0)?.0)),
            (None, Some(keep)) => Ok(KeptSince::Last(hydralink::time::length_of(keep)?)),
            _ => Err(usage("expire takes before or keep, one of them")),
        };
        if dry_run {
            let expirable =
                watched(py, progress, None, &[&self.path], |watch| privacy::expirable(&self.path, since()?, watch))?;
            return plain(py, &expirable);
        }
        let extent = if allow_most { Extent::Any } else { Extent::Usual };
        let expired = watched(py, progress, None, &[&self.path], |watch| privacy::expire(&self.path, since()?, extent, watch))?;
        plain(py, &expired)
    }

    /// Writes indicators for a group that holds one key: tokens instead of values, each with its harm label.
    #[pyo3(signature = (path, *, group_key, network = None, max_benign = 0.1))]
    fn share<'py>(
        &self,
        py: Python<'py>,
        path: PathBuf,
        group_key: PathBuf,
        network: Option<Ids>,
        max_benign: f64,
    ) -> PyResult<Bound<'py, PyAny>> {
        let summary = asked(py, &[&self.path], || {
            let dataset = hydralink::Dataset::open(&self.path)?;
            let results = dataset.labelling()?;
            let sharing =
                Sharing { max_benign_prevalence: share_of("max_benign", max_benign)?, ..ExportConfig::default().sharing };
            share::share(
                &dataset,
                &results,
                chosen(&dataset, &results, network.as_ref())?,
                &sharing,
                &Key::read(&group_key)?,
                &path,
            )
        })?;
        plain(py, &summary)
    }

    /// What a group's indicators, that another member wrote with `share()`, and this store have in common.
    #[pyo3(signature = (path, *, group_key, expired = false))]
    fn r#match<'py>(&self, py: Python<'py>, path: PathBuf, group_key: PathBuf, expired: bool) -> PyResult<Bound<'py, PyAny>> {
        let matches = asked(py, &[&self.path], || {
            let dataset = self.dataset()?;
            let mut matches =
                share::find_matches(&dataset, dataset.labelling_if_any()?.as_ref(), &path, &Key::read(&group_key)?)?;
            matches.retain(|found| expired || !found.expired);
            Ok(matches)
        })?;
        plain(py, &matches)
    }
}

impl Store {
    #[allow(clippy::too_many_arguments)] // The fields of a decision.
    fn decide<'py>(
        &self,
        py: Python<'py>,
        action: Action,
        state: Option<State>,
        target: &str,
        reviewer: &str,
        reason: Option<&str>,
        text: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let case = asked(py, &[&self.path], || {
            let decision = Decision { action, state, target, reviewer, reason, text };
            let shown = self.dataset()?;
            let cases = cases::decide(&self.as_stored()?, &decision).map_err(|error| self.unnamed(error))?;
            let target = cases.entries().last().map_or("", |entry| entry.target.as_str());
            Ok(cases.case_of(target).map(|case| cases::shown_case(&shown, case)))
        })?;
        plain(py, &case)
    }
}
