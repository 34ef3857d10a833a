//! Questions about nodes and what joins them.

use std::path::PathBuf;

use hydralink::filter::{self, first_passing};
use hydralink::lockstep::LockstepConfig;
use hydralink::node::Name;
use hydralink::rules::{self, ListFile, Lists, Rule, Rules};
use hydralink::statement::statement;
use hydralink::ties::Ties;
use hydralink::top::By;
use hydralink::{
    AccountId, Dataset, DetectConfig, Error, Node, appeal, cases, cohesion, dense, expand, how, links, lockstep, paths, query,
    top, why_not,
};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::{raised, usage};
use crate::find::{Id, is_markdown, only};
use crate::names::{Names, Pair, Texts};
use crate::plain::plain;
use crate::store::{Store, account, nodes, word};
use crate::work::asked;

#[pymethods]
impl Store {
    /// Everything that is known of one node at a glance; of several, a list. `tokens` of an account are there where the events
    /// say them.
    fn show<'py>(&self, py: Python<'py>, node: One) -> PyResult<Bound<'py, PyAny>> {
        let show = |names: &[Name]| {
            let dataset = self.dataset()?.for_lookups();
            let labels = dataset.labelling_if_any()?;
            let nodes = nodes(&dataset, names)?;
            dataset.expect_reading_of(&nodes);
            nodes.into_iter().map(|node| query::show(&dataset, labels.as_ref(), node)).collect::<Result<Vec<_>, _>>()
        };
        match node {
            One::Name(name) => plain(py, &asked(py, &[&self.path], || show(&[name.as_str().into()]))?[0]),
            One::Names(names) => plain(py, &asked(py, &[&self.path], || show(&names.0))?),
        }
    }

    /// What a node was seen with, strongest link first once a detection was run: node, exchanges, times, degree, bits, class,
    /// network. `kind` gives one kind, `top` the first so many (0: all), `where` those for which an expression holds.
    #[pyo3(signature = (node, *, kind = None, top = 0, r#where = None))]
    fn neighbors<'py>(
        &self,
        py: Python<'py>,
        node: &str,
        kind: Option<&str>,
        top: usize,
        r#where: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let found = asked(py, &[&self.path], || {
            let dataset = self.dataset()?.for_lookups();
            let labels = dataset.labelling_if_any()?;
            let node = dataset.node(node)?;
            if let Some(kind) = kind.filter(|kind| *kind != "account") {
                dataset.kind(kind)?;
            }
            dataset.expect_reading_of(&[node]);
            let most = if r#where.is_some() { usize::MAX } else { filter::at_most(top) };
            let (rows, _) = query::nearest(&dataset, labels.as_ref(), node, kind, most)?;
            first_passing(rows, r#where, filter::NEIGHBOR_FIELDS, top)
        })?;
        plain(py, &found)
    }

    /// Everything within some steps of a node: `nodes` (node, hops, through, degree, network), how many identifiers of more
    /// than `max_degree` accounts were named and not walked through (`not_passed`), and whether it was cut short at `max_nodes`.
    #[pyo3(signature = (node, *, hops = 2, max_degree = 100, max_nodes = 1000))]
    fn ego<'py>(
        &self,
        py: Python<'py>,
        node: &str,
        hops: u32,
        max_degree: usize,
        max_nodes: usize,
    ) -> PyResult<Bound<'py, PyDict>> {
        let ego = asked(py, &[&self.path], || {
            let dataset = self.dataset()?.for_lookups();
            let labels = dataset.labelling_if_any()?;
            let node = dataset.node(node)?;
            links::ego(&dataset, labels.as_ref(), node, hops, max_degree, max_nodes)
        })?;
        let found = PyDict::new(py);
        found.set_item("nodes", plain(py, &ego.nodes)?)?;
        found.set_item("not_passed", ego.not_passed)?;
        found.set_item("truncated", ego.truncated)?;
        Ok(found)
    }

    /// The nodes with most of something: "degree" (accounts of an identifier, identifiers of an account), "events", or "bits"
    /// (evidence). `kind` is "account" or a kind of identifier (all identifiers).
    #[pyo3(signature = (*, by = "degree", kind = None, top = 20, r#where = None))]
    fn top<'py>(
        &self,
        py: Python<'py>,
        by: &str,
        kind: Option<&str>,
        top: usize,
        r#where: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let found = asked(py, &[&self.path], || {
            let measures = [("degree", By::Degree), ("accounts", By::Degree), ("events", By::Events), ("bits", By::Bits)];
            let by = word("by", by, &measures)?;
            let dataset = self.dataset()?.for_lookups();
            let labels = dataset.labelling_if_any()?;
            first_passing(top::top(&dataset, labels.as_ref(), by, kind)?, r#where, filter::TOP_FIELDS, top)
        })?;
        plain(py, &found)
    }

    /// The strongest chains of evidence between two nodes, at most `k`: `bits`, `cost`, and `hops`. Empty where none joins them.
    #[pyo3(signature = (first, second, *, k = 1))]
    fn path<'py>(&self, py: Python<'py>, first: &str, second: &str, k: usize) -> PyResult<Bound<'py, PyAny>> {
        let found = asked(py, &[&self.path], || {
            let dataset = self.dataset()?;
            let labels = dataset.labelling_if_any()?;
            let ties = labels.as_ref().map(|labels| Ties::of(&dataset, labels)).transpose()?;
            paths::paths(&dataset, ties.as_ref(), dataset.node(first)?, dataset.node(second)?, k)
        })?;
        plain(py, &found)
    }

    /// What two accounts were both seen with, with bits; or the accounts that two identifiers have in common, with
    /// their labels if networks were detected.
    /// `top` gives the first so many (0: all).
    #[pyo3(signature = (first, second, *, top = 0))]
    fn common<'py>(&self, py: Python<'py>, first: &str, second: &str, top: usize) -> PyResult<Bound<'py, PyAny>> {
        let dataset = asked(py, &[&self.path], || Ok(self.dataset()?.for_lookups()))?;
        match asked(py, &[&self.path], || Ok((dataset.node(first)?, dataset.node(second)?)))? {
            (Node::Account(first), Node::Account(second)) => {
                let found = asked(py, &[&self.path], || {
                    let labels = dataset.labelling_if_any()?;
                    let ties = labels.as_ref().map(|labels| Ties::of(&dataset, labels)).transpose()?;
                    Ok(only(links::common(&dataset, ties.as_ref(), first, second)?, top))
                })?;
                plain(py, &found)
            }
            (Node::Identifier(first), Node::Identifier(second)) => {
                let found = asked(py, &[&self.path], || {
                    labelled(&dataset, &only(links::common_accounts(&dataset, first, second)?, top))
                })?;
                plain(py, &found)
            }
            _ => Err(raised(py, &usage("common takes two accounts, or two identifiers; see path() for one of each"))),
        }
    }

    /// Why two accounts are, or aren't, held to be one operator's: `answer`, what is `held` of them all things considered,
    /// `bits` of the `needed` by what they share alone, and the candidate that both are in (`group`).
    /// `significance=True` also says how likely they would share so many identifiers by chance; it reads the whole store.
    #[pyo3(signature = (first, second, *, prior_same_operator = None, significance = false))]
    fn why<'py>(
        &self,
        py: Python<'py>,
        first: &str,
        second: &str,
        prior_same_operator: Option<f64>,
        significance: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let found = asked(py, &[&self.path], || {
            if let Some(prior) = prior_same_operator.filter(|&prior| !(prior > 0.0 && prior < 1.0)) {
                return Err(usage(format!("prior_same_operator={prior}: a probability over 0 and below 1 was expected")));
            }
            let (dataset, labels) = self.labelled()?;
            let dataset = dataset.for_lookups();
            let (first, second) = (account(&dataset, first)?, account(&dataset, second)?);
            let mut found = links::why(&dataset, &labels, first, second)?;
            if significance {
                found.significance = Some(hydralink::significance::significance(&dataset, &labels, first, second)?);
            }
            Ok(found)
        })?;
        let why = match prior_same_operator {
            Some(prior) => found.at_prior(prior),
            None => found,
        };
        plain(py, &why)
    }

    /// What keeps two accounts apart, or an account out of a network (an id or a rank as text), and what is missing.
    fn why_not<'py>(&self, py: Python<'py>, first: &str, second: &str) -> PyResult<Bound<'py, PyAny>> {
        let found = asked(py, &[&self.path], || {
            let (dataset, labels) = self.labelled()?;
            let first = account(&dataset, first)?;
            Ok(if why_not::names_network(&dataset, &labels, second) {
                Err(why_not::why_not_member(&dataset, &labels, first, second)?)
            } else {
                Ok(why_not::why_not(&dataset, &labels, first, account(&dataset, second)?)?)
            })
        })?;
        match found {
            Ok(pair) => plain(py, &pair),
            Err(member) => plain(py, &member),
        }
    }

    /// What an account's membership of a network rests on, and what would end it. `significance=True` also says how likely it would
    /// have so much of what the network's others have by chance; it reads the whole store. A dictionary as `appeal --format json`
    /// prints it, or with `format="markdown"` a statement of reasons as text.
    #[pyo3(signature = (account, *, significance = false, format = "json"))]
    fn appeal<'py>(&self, py: Python<'py>, account: &str, significance: bool, format: &str) -> PyResult<Bound<'py, PyAny>> {
        let explain = if significance { appeal::appeal_with_significance } else { appeal::appeal };
        let (found, text) = asked(py, &[&self.path], || {
            let markdown = is_markdown(format)?;
            let (dataset, labels) = self.labelled()?;
            let dataset = dataset.for_lookups();
            let found = explain(&dataset, &labels, crate::store::account(&dataset, account)?)?;
            let text = markdown.then(|| statement(&dataset, &labels, &found)).transpose()?;
            Ok((found, text))
        })?;
        match text {
            Some(text) => Ok(text.into_pyobject(py)?.into_any()),
            None => plain(py, &found),
        }
    }

    /// What joined a network (id or rank), in which order, and what it would be without the identifier that holds it together.
    fn how<'py>(&self, py: Python<'py>, id: Id) -> PyResult<Bound<'py, PyAny>> {
        let found = asked(py, &[&self.path], || {
            let (dataset, labels) = self.labelled()?;
            let place = id.place(&dataset, &labels)?;
            dataset.expect_reading_of_network(&labels, place);
            how::how(&dataset, &labels, place)
        })?;
        plain(py, &found)
    }

    /// How tightly a network (id or rank) holds together: cores, butterflies, bridges and blocks.
    #[pyo3(signature = (id, *, alpha = 2, beta = 2))]
    fn cohesion<'py>(&self, py: Python<'py>, id: Id, alpha: u32, beta: u32) -> PyResult<Bound<'py, PyAny>> {
        let found = asked(py, &[&self.path], || {
            let (dataset, labels) = self.labelled()?;
            let place = id.place(&dataset, &labels)?;
            dataset.expect_reading_of_network(&labels, place);
            cohesion::cohesion(&dataset, &labels, place, alpha, beta)
        })?;
        plain(py, &found)
    }

    /// The identifiers that two networks both touch.
    #[pyo3(signature = (first_id, second_id, *, top = 0))]
    fn overlap<'py>(&self, py: Python<'py>, first_id: Id, second_id: Id, top: usize) -> PyResult<Bound<'py, PyAny>> {
        let found = asked(py, &[&self.path], || {
            let (dataset, labels) = self.labelled()?;
            Ok(only(
                links::overlap(&dataset, &labels, first_id.place(&dataset, &labels)?, second_id.place(&dataset, &labels)?)?,
                top,
            ))
        })?;
        plain(py, &found)
    }

    /// The accounts closest to known-bad ones (`seeds`), and the cluster around them: `seeds`, `inside`, `conductance`, and
    /// `accounts`, closest first. Accounts closer to `good` ones than to the seeds come last and aren't in the cluster.
    #[pyo3(signature = (seeds, *, good = None, top = 0))]
    fn expand<'py>(&self, py: Python<'py>, seeds: Names, good: Option<Names>, top: usize) -> PyResult<Bound<'py, PyAny>> {
        let found = asked(py, &[&self.path], || {
            let (dataset, labels) = self.labelled()?;
            let (seeds, good) = (accounts(&dataset, &seeds.0)?, accounts(&dataset, &good.unwrap_or_default().0)?);
            let mut found = expand::expand(&dataset, &labels, &seeds, &good)?;
            found.accounts = only(found.accounts, top);
            Ok(found)
        })?;
        plain(py, &found)
    }

    /// Which accounts are one by rules and lists that you write down: `groups` (largest first), their `accounts` (account_id and
    /// cluster), `conflicts` (pairs that cannot be one and are joined all the same, each with its chain), and `pairs` a rule.
    ///
    /// A rule is such as 'card(accounts <= 10) and 2 of {ip, device, template}'; `rules` names a TOML file of them. `must` and
    /// `cannot` are pairs of accounts, `good` nodes that link nobody.
    #[pyo3(signature = (*, rule = None, rules = None, must = None, cannot = None, good = None))]
    fn link<'py>(
        &self,
        py: Python<'py>,
        rule: Option<Texts>,
        rules: Option<PathBuf>,
        must: Option<Vec<Pair>>,
        cannot: Option<Vec<Pair>>,
        good: Option<Names>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let (linked, accounts) = asked(py, &[&self.path], || {
            let dataset = self.dataset()?;
            let labels = dataset.labelling_if_any()?;
            let known = Known { rule, rules, must, cannot, good };
            let linked = rules::link(&dataset, labels.as_ref(), &known.rules(&dataset)?)?;
            let shown = |account: &AccountId| dataset.shown_account(*account).into_owned();
            let accounts: Vec<(String, u64)> =
                linked.groups.iter().flat_map(|group| group.members.iter().map(move |of| (shown(of), group.group))).collect();
            Ok((linked, accounts))
        })?;
        let found = PyDict::new(py);
        found.set_item("groups", plain(py, &linked.groups)?)?;
        found.set_item("accounts", plain(py, &accounts)?)?;
        found.set_item("conflicts", plain(py, &linked.conflicts)?)?;
        found.set_item("pairs", plain(py, &linked.pairs)?)?;
        Ok(found)
    }

    /// The densest blocks of accounts and identifiers, whatever was detected (FRAUDAR), each with a bound that none exceeds; or
    /// the accounts of one (1 is the densest).
    #[pyo3(signature = (*, blocks = 5, accounts_of = None))]
    fn dense<'py>(&self, py: Python<'py>, blocks: usize, accounts_of: Option<usize>) -> PyResult<Bound<'py, PyAny>> {
        let (dataset, found) = asked(py, &[&self.path], || {
            let dataset = self.dataset()?;
            let labels = dataset.labelling_if_any()?;
            let found = dense::dense_blocks(&dataset, labels.as_ref(), accounts_of.map_or(blocks, |block| block.max(1)))?;
            Ok((dataset, found))
        })?;
        match accounts_of {
            None => plain(py, &found),
            Some(block) => {
                let members = found.get(block.wrapping_sub(1)).map(|found| &found.members[..]);
                plain(py, &asked(py, &[&self.path], || labelled(&dataset, members.ok_or_else(|| fewer("accounts_of"))?))?)
            }
        }
    }

    /// Accounts that took up the same identifiers of a kind within the same times (CopyCatch): `cores`, largest first; or the
    /// accounts of one. `within` is a length such as "12h", `share` from over 0.5 to 1.
    #[pyo3(signature = (*, kind = "prompt_template_hash", accounts = 10, identifiers = 5, within = "1d", share = 0.8,
        accounts_of = None))]
    #[allow(clippy::too_many_arguments)] // The command line's options.
    fn lockstep<'py>(
        &self,
        py: Python<'py>,
        kind: &str,
        accounts: usize,
        identifiers: usize,
        within: &str,
        share: f64,
        accounts_of: Option<usize>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (dataset, found) = asked(py, &[&self.path], || {
            let dataset = self.dataset()?;
            let labels = dataset.labelling_if_any()?;
            let within = hydralink::time::length_of(within)?;
            let config = LockstepConfig { accounts, identifiers, within, share };
            let found = lockstep::lockstep(&dataset, labels.as_ref(), kind, &config)?;
            Ok((dataset, found))
        })?;
        match accounts_of {
            None => plain(py, &found),
            Some(core) => {
                let members = found.cores.get(core.wrapping_sub(1)).map(|found| &found.members[..]);
                plain(py, &asked(py, &[&self.path], || labelled(&dataset, members.ok_or_else(|| fewer("accounts_of"))?))?)
            }
        }
    }
}

/// One node, or several.
enum One {
    Name(String),
    Names(Names),
}

impl<'py> FromPyObject<'_, 'py> for One {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(name) = given.extract() {
            return Ok(One::Name(name));
        }
        given.extract().map(One::Names)
    }
}

fn fewer(option: &str) -> Error {
    usage(format!("there are fewer than that: leave out {option} to see them"))
}

pub(crate) fn accounts(dataset: &Dataset, names: &[Name]) -> Result<Vec<AccountId>, Error> {
    names.iter().map(|name| dataset.account_named(name)).collect()
}

/// What is known beforehand, as `link` and `detect` take it.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) rule: Option<Texts>,
    pub(crate) rules: Option<PathBuf>,
    pub(crate) must: Option<Vec<Pair>>,
    pub(crate) cannot: Option<Vec<Pair>>,
    pub(crate) good: Option<Names>,
}

impl Known {
    pub(crate) fn rules(&self, dataset: &Dataset) -> Result<Rules, Error> {
        let mut asked = Rules::default();
        for (text, number) in self.rule.iter().flat_map(|Texts(rules)| rules).zip(1..) {
            asked.rules.push(Rule::parse(&format!("rule{number}"), text)?);
        }
        if let Some(path) = &self.rules {
            asked.rules.extend(Rule::read(path)?);
        }
        asked.must = pairs(dataset, self.must.as_deref().unwrap_or_default())?;
        asked.cannot = pairs(dataset, self.cannot.as_deref().unwrap_or_default())?;
        asked.good = nodes(dataset, self.good.as_ref().map_or(&[], |good| &good.0[..]))?;
        Ok(asked)
    }

    /// The same settled on a store, with what was given as the run keeps it; nothing if nothing is known.
    pub(crate) fn lists(&self, dataset: &Dataset, config: &DetectConfig) -> Result<Lists, Error> {
        let asked = self.rules(dataset)?;
        let joined = |pairs: &Option<Vec<Pair>>| {
            pairs.as_ref().map(|pairs| {
                let lines: Vec<String> = pairs.iter().map(|Pair([a, b])| format!("{},{}", a.text(), b.text())).collect();
                (lines.len(), lines.join("\n"))
            })
        };
        let text = |lines: &[String]| (lines.len(), lines.join("\n"));
        let file = match &self.rules {
            Some(path) => {
                let content = std::fs::read_to_string(path).map_err(|error| usage(format!("{}: {error}", path.display())))?;
                Some((asked.rules.len() - self.rule.as_ref().map_or(0, |Texts(rules)| rules.len()), content))
            }
            None => None,
        };
        let given = [
            ("rule", self.rule.as_ref().map(|Texts(rules)| text(rules))),
            ("rules", file),
            ("must", joined(&self.must)),
            ("cannot", joined(&self.cannot)),
            ("good", self.good.as_ref().map(|good| text(&good.0.iter().map(Name::to_string).collect::<Vec<String>>()))),
        ];
        let files: Vec<ListFile> = given
            .into_iter()
            .filter_map(|(says, content)| content.map(|(entries, text)| ListFile::of(says, text.as_bytes(), entries)))
            .collect();
        if files.is_empty() { Ok(Lists::default()) } else { Lists::of(dataset, &asked, files, config) }
    }
}

fn pairs(dataset: &Dataset, pairs: &[Pair]) -> Result<Vec<(AccountId, AccountId)>, Error> {
    pairs.iter().map(|Pair([one, other])| Ok((dataset.account_named(one)?, dataset.account_named(other)?))).collect()
}

/// Accounts with their labels, if there are any.
fn labelled(dataset: &Dataset, accounts: &[AccountId]) -> Result<cases::Listed, Error> {
    cases::list_accounts(dataset, dataset.labelling_if_any()?.as_ref(), accounts)
}
