//! An open store with its graph, its activity and its names: what every question is asked of.

pub(crate) mod allowed;
mod bans;
mod kinds;
mod linking;
mod networks;
mod templates;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use events::Pseudonyms;
use events::schema::KindEntry;
use evidence::{AccountTable, Facts, KindLimit, KindRole};
use graph::{AccountId, Activity, ActivityColumns, BipartiteColumns, BipartiteGraph, Column, IdentifierId};

use crate::cases::Cases;
use crate::enrich;
use crate::error::Error;
use crate::export::{Level, Naming};
use crate::names::NameTable;
use crate::node::Node;
use crate::privacy::{self, Key};
use crate::results::{Labelling, Results};
use crate::store::{Manifest, Reading, Store, Tables};
pub(crate) use allowed::Allowed;
pub(crate) use allowed::in_brackets;
pub(crate) use kinds::DECLARED_KINDS;
pub(crate) use networks::Networks;

/// An open store. Opening is constant in the size of the data; everything is read where it lies.
#[derive(Debug)]
pub struct Dataset {
    store: Store,
    graph: BipartiteGraph,
    activity: Activity,
    accounts: AccountTable,
    account_names: NameTable,
    identifier_names: NameTable,
    status: Words,
    label: Words,
    roles: Vec<KindRole>,
    declared: BTreeMap<String, KindEntry>,
    limits: Vec<KindLimit>,
    /// The graph without sightings that no longer link; `None` where all do. Made when it is first asked for.
    linking: OnceLock<Option<BipartiteGraph>>,
    /// Where each account's events start in the columns of the store.
    event_starts: Column<u64>,
    network_types: Column<u8>,
    asns: Column<u32>,
    pseudonyms: Option<Pseudonyms>,
    naming: Naming,
    /// Decisions to go by instead of those in the log.
    cases: Option<Cases>,
    /// See [`Dataset::facts_mark`].
    facts_mark: u128,
    /// See [`Dataset::data_mark`]; made once it is asked for, as it goes through all tables.
    data_mark: OnceLock<u128>,
}

impl Dataset {
    /// Opens the store at `path`.
    ///
    /// # Errors
    /// As [`Store::open`]; [`Error::Graph`] if the sections don't fit together.
    pub fn open(path: &Path) -> Result<Self, Error> {
        // The few places that are checked on opening are no reason to read ahead.
        Dataset::of(Store::open_for_lookups(path)?)
    }

    /// What an open store holds.
    pub(crate) fn of(store: Store) -> Result<Self, Error> {
        let graph = BipartiteGraph::from_columns(BipartiteColumns {
            kind_starts: store.column("graph.kind_starts")?,
            account_offsets: store.column("graph.account_offsets")?,
            identifiers: store.column("graph.identifiers")?,
            counts: store.column("graph.counts")?,
            first_seen: store.column("graph.first_seen")?,
            last_seen: store.column("graph.last_seen")?,
            identifier_offsets: store.column("graph.identifier_offsets")?,
            accounts: store.column("graph.accounts")?,
            identifier_sightings: store.column("graph.identifier_sightings")?,
        })?;
        let event_starts: Column<u64> = store.column("activity.offsets")?;
        let activity = Activity::from_columns(ActivityColumns {
            offsets: event_starts.clone(),
            time: store.column("activity.time")?,
            model: store.column("activity.model")?,
            capability: store.column("activity.capability")?,
            status: store.column("activity.status")?,
            template: store.column("activity.template")?,
            requests: store.column("activity.requests")?,
            tokens: store.column_or_empty("activity.tokens")?,
        })?;
        let accounts = AccountTable {
            created_at: store.column("accounts.created_at")?,
            banned_at: store.column("accounts.banned_at")?,
            country: store.column("accounts.country")?,
            tier: store.column("accounts.tier")?,
            pathway: store.column("accounts.pathway")?,
            org: store.column("accounts.org")?,
        };
        let account_names = NameTable::new(store.column("accounts.name_offsets")?, store.column("accounts.name_bytes")?);
        let identifier_names =
            NameTable::new(store.column("identifiers.name_offsets")?, store.column("identifiers.name_bytes")?);
        let status = Words::of(&store, "status")?;
        let label = Words::of(&store, "label")?;
        let declared: BTreeMap<String, KindEntry> = store.json(DECLARED_KINDS)?.unwrap_or_default();
        let kinds = &store.manifest().tables.kinds;
        let roles = kinds.iter().map(|kind| kinds::role_of(kind, declared.get(kind))).collect();
        let limit = |kind: &String| {
            declared.get(kind).map_or(KindLimit::default(), |entry| KindLimit { prior: entry.prior, expected: entry.expected })
        };
        let limits = if declared.is_empty() { Vec::new() } else { kinds.iter().map(limit).collect() };
        let naming = Naming::new(Level::Full, None)?;
        let network_types = store.column_or_empty(enrich::NETWORK_TYPES)?;
        let asns = store.column_or_empty(enrich::ASNS)?;
        store.expect(Reading::Whole);
        let facts_mark = facts_mark(store.manifest());
        Ok(Dataset {
            store,
            graph,
            activity,
            accounts,
            account_names,
            identifier_names,
            status,
            label,
            roles,
            declared,
            limits,
            linking: OnceLock::new(),
            event_starts,
            network_types,
            asns,
            pseudonyms: None,
            naming,
            cases: None,
            facts_mark,
            data_mark: OnceLock::new(),
        })
    }

    /// The same, to be asked about a few nodes: see [`Store`]'s reading ahead. Scans of everything are slower then.
    #[must_use]
    pub fn for_lookups(self) -> Self {
        self.store.expect(Reading::Points);
        self
    }

    /// Says what will be read of the store from here on; of consequence only for how long that takes.
    pub fn expect(&self, reading: Reading) {
        self.store.expect(reading);
    }

    /// Says that these nodes and what they were seen with will be read: single places, or so many that reading ahead pays.
    pub fn expect_reading_of(&self, nodes: &[Node]) {
        let places = nodes.iter().map(|node| node.degree(&self.graph)).sum::<usize>();
        self.expect(match places {
            few if few <= FEW_LOOKUPS => Reading::Points,
            some if some <= LOOKUPS => Reading::Scattered,
            _ => Reading::Whole,
        });
    }

    /// Says that the members of a network and what they were seen with will be read: who they are is asked of all accounts, and the
    /// rest of a small network is single places, for which reading whole sections would take longer than all else.
    pub fn expect_reading_of_network(&self, results: &Labelling, network: usize) {
        if results.groups.group(network).is_none() {
            self.store.fetch("result.network_of");
        }
        let members = results.accounts_of(network);
        let seen_with = || match results.groups.group(network) {
            Some(group) => group.holdings().len(),
            None => members.iter().map(|&account| self.graph.account_degree(AccountId(account))).sum::<usize>(),
        };
        self.expect(match members.len() {
            many if many > NETWORK_LOOKUPS => Reading::Whole,
            _ if seen_with() > FEW_SIGHTINGS => Reading::Joins,
            _ => Reading::Points,
        });
    }

    /// The same with the key that its pseudonyms were made with: nodes can then be named by their values.
    ///
    /// # Errors
    /// [`Error::StoreKey`] if the store was built with another key.
    pub fn with_key(mut self, key: &Key) -> Result<Self, Error> {
        let stored = self.manifest().key_id.as_deref();
        privacy::check_key(self.path(), stored, Some(&key.id()))?;
        let keyed = stored.is_some();
        let sealed = privacy::sealed_keys(&self.store)?;
        self.pseudonyms = keyed.then(|| privacy::unsealed(self.path(), key.pseudonyms(), &sealed)).transpose()?;
        Ok(self)
    }

    /// The same, to go by these decisions instead of those in the log.
    pub(crate) fn with_cases(self, cases: Cases) -> Self {
        Dataset { cases: Some(cases), ..self }
    }

    /// The same with labels, and the results read from it, shown at a level. Lookups by name still take names as stored.
    ///
    /// # Errors
    /// [`Error::Usage`] if the level needs a key and there is none.
    pub fn at_level(mut self, level: Level, key: Option<&Key>) -> Result<Self, Error> {
        self.naming = Naming::new(level, key.map(Key::for_exports))?;
        Ok(self)
    }

    /// The same with labels, and the results read from it, shown otherwise.
    pub(crate) fn named_by(self, naming: Naming) -> Self {
        Dataset { naming, ..self }
    }

    /// The same with the sightings, events and bans up to the end of a second. Numbers of accounts and identifiers stay, so that
    /// names are found; results of a detection don't fit any more. A sighting's last time and count are cut where it went on: at
    /// this time, and at what its account had done by then. Cost: O(sightings + events), time and memory.
    pub(crate) fn until(self, time: graph::Seconds) -> Result<Self, Error> {
        let activity = self.activity.until(time)?;
        let graph = self.graph.until(time, &activity)?;
        let mut cut = Dataset { graph, activity, linking: OnceLock::new(), ..self };
        let banned_at = cut.accounts.banned_at.iter().map(|&at| if at > time { graph::NO_TIME } else { at });
        cut.accounts.banned_at = banned_at.collect::<Vec<_>>().into();
        Ok(cut)
    }

    /// The same with the sightings and events from the beginning of a second on; as [`Dataset::until`].
    pub(crate) fn since(self, time: graph::Seconds) -> Result<Self, Error> {
        let activity = self.activity.since(time)?;
        let graph = self.graph.since(time, &activity)?;
        let whole = self.activity.columns().offsets.windows(2);
        let starts = whole.enumerate().map(|(account, row)| row[1] - activity.of(AccountId(account as u32)).time.len() as u64);
        let event_starts = starts.collect::<Vec<_>>().into();
        Ok(Dataset { event_starts, graph, activity, linking: OnceLock::new(), ..self })
    }

    /// Where each account's events start in the columns of the store.
    pub(crate) fn event_starts(&self) -> &[u64] {
        &self.event_starts
    }

    /// Where the store is.
    pub fn path(&self) -> &Path {
        self.store.path()
    }

    /// What tells the numbers of accounts and identifiers from those of other stores, and of this one before an update.
    pub(crate) fn facts_mark(&self) -> u128 {
        self.facts_mark
    }

    /// What tells the data that a detection goes by from those of other stores, and of this one before a change.
    pub(crate) fn data_mark(&self) -> u128 {
        *self.data_mark.get_or_init(|| {
            let manifest = self.manifest();
            let mut hasher = marked(manifest, &["graph.", "activity.", "accounts.", "identifiers."]);
            hasher.update(&serde_json::to_vec(&manifest.tables).expect("plain data serialises"));
            hasher.digest128()
        })
    }

    /// The store underneath.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What the store says about itself.
    pub fn manifest(&self) -> &Manifest {
        self.store.manifest()
    }

    /// The string tables.
    pub fn tables(&self) -> &Tables {
        &self.store.manifest().tables
    }

    /// Who touches what.
    pub fn graph(&self) -> &BipartiteGraph {
        &self.graph
    }

    /// Who did what when.
    pub(crate) fn activity(&self) -> &Activity {
        &self.activity
    }

    /// What the account table says.
    pub(crate) fn accounts(&self) -> &AccountTable {
        &self.accounts
    }

    /// Names of the accounts.
    pub fn account_names(&self) -> &NameTable {
        &self.account_names
    }

    /// Values of the identifiers, without their kinds.
    pub fn identifier_names(&self) -> &NameTable {
        &self.identifier_names
    }

    /// The code of the type of the network that each identifier is an address in; empty if none was looked up.
    pub(crate) fn network_types(&self) -> &Column<u8> {
        &self.network_types
    }

    /// The autonomous system that each identifier is an address in, 0 where unknown; empty if none was looked up.
    pub(crate) fn asns(&self) -> &Column<u32> {
        &self.asns
    }

    /// The name of an account.
    pub fn account_name(&self, account: AccountId) -> &str {
        self.account_names.name_of(account.0)
    }

    /// The kind and value of an identifier.
    pub fn identifier_name(&self, identifier: IdentifierId) -> (&str, &str) {
        (self.kind_name(self.graph.kind_of(identifier)), self.identifier_names.name_of(identifier.0))
    }

    /// What names the keys that the store's pseudonyms were made with, the present one first; `None` for a store of plain
    /// values.
    ///
    /// # Errors
    /// [`Error::StoreDamaged`] if the earlier keys can't be read.
    pub fn pseudonyms_id(&self) -> Result<Option<String>, Error> {
        let sealed = privacy::sealed_keys(&self.store)?;
        let after =
            |key: &String| sealed.iter().rev().fold(key.clone(), |text, earlier| format!("{text} after {}", earlier.id));
        Ok(self.manifest().key_id.as_ref().map(after))
    }

    /// The pseudonym of a value that somebody typed, if the store holds pseudonyms and its key was given.
    pub(crate) fn pseudonym_of(&self, kind: &str, value: &str) -> Option<String> {
        Some(self.pseudonyms.as_ref()?.of(kind, value))
    }

    /// How values are shown.
    pub(crate) fn naming(&self) -> &Naming {
        &self.naming
    }

    /// The name of an account as the level shows it.
    pub fn shown_account(&self, account: AccountId) -> std::borrow::Cow<'_, str> {
        self.naming.account(self.account_name(account))
    }

    /// A node as `KIND:VALUE`: at the full level the form in which it can be typed.
    pub fn label_of(&self, node: Node) -> String {
        match node {
            Node::Account(account) => format!("account:{}", self.shown_account(account)),
            Node::Identifier(identifier) => self.naming.labelled(self, &self.stored_label(identifier)),
        }
    }

    /// An identifier as `KIND:VALUE`, as it is stored.
    pub(crate) fn stored_label(&self, identifier: IdentifierId) -> String {
        let (kind, value) = self.identifier_name(identifier);
        format!("{kind}:{value}")
    }

    /// The identifier of a label as it is stored.
    pub(crate) fn identifier_of(&self, label: &str) -> Option<u32> {
        let (kind, value) = label.split_once(':')?;
        let kind = self.kind(kind).ok()?;
        self.identifier_names.find(self.graph.identifiers_of_kind(kind), value)
    }

    /// What the account table says of the state of accounts: active, banned, closed.
    pub(crate) fn status(&self) -> &Words {
        &self.status
    }

    /// The labels that the owner of the account table gave.
    pub(crate) fn label(&self) -> &Words {
        &self.label
    }

    /// Whether the pathways of accounts are those that events gave: the account table has none.
    ///
    /// # Errors
    /// [`Error::StoreDamaged`] if they can't be read.
    pub(crate) fn pathways_are_of_events(&self) -> Result<bool, Error> {
        let codes: Column<u16> = self.store.column("inputs.event_pathway")?;
        Ok(self.accounts.pathway.as_slice() == codes.as_slice() && self.tables().pathways == self.event_pathways()?)
    }

    /// Pathways that events gave.
    ///
    /// # Errors
    /// [`Error::StoreDamaged`] if they can't be read.
    pub(crate) fn event_pathways(&self) -> Result<Vec<String>, Error> {
        let names: Column<u8> = self.store.column("inputs.event_pathways")?;
        Ok(String::from_utf8_lossy(&names).lines().map(str::to_owned).collect())
    }

    /// The inputs of the judgement. `allowed` are the allow lists as flags, from [`Dataset::allowed`].
    pub(crate) fn facts<'a>(&'a self, allowed: &'a Allowed) -> Facts<'a> {
        self.facts_on(self.linking_graph(), allowed)
    }

    /// The same of all sightings, whether they link or not: for questions that need not wait for those that do.
    pub(crate) fn facts_on<'a>(&'a self, graph: &'a BipartiteGraph, allowed: &'a Allowed) -> Facts<'a> {
        Facts {
            graph,
            activity: &self.activity,
            roles: &self.roles,
            limits: &self.limits,
            accounts: &self.accounts,
            allowed_identifiers: &allowed.identifiers,
            allowed_accounts: &allowed.accounts,
            must: &allowed.must,
            cannot: &allowed.cannot,
            network_types: &self.network_types,
            address_networks: Some(self),
            releases: &self.tables().releases,
        }
    }

    /// What the last detection says of every account and identifier; cheaper than [`Dataset::results`], and enough for
    /// questions about nodes.
    ///
    /// # Errors
    /// [`Error::NotDetected`] if there was none.
    pub fn labelling(&self) -> Result<Labelling, Error> {
        Labelling::open(self)
    }

    /// The labelling of the last detection, or `None` if there was none.
    ///
    /// # Errors
    /// [`Error::StoreDamaged`] if it can't be read.
    pub fn labelling_if_any(&self) -> Result<Option<Labelling>, Error> {
        if_any(self.labelling())
    }

    /// The results of the last detection.
    ///
    /// # Errors
    /// [`Error::NotDetected`] if there was none.
    pub fn results(&self) -> Result<Results, Error> {
        Results::open(self)
    }

    /// The results of the last detection, or `None` if there was none.
    ///
    /// # Errors
    /// [`Error::StoreDamaged`] if they can't be read.
    pub fn results_if_any(&self) -> Result<Option<Results>, Error> {
        if_any(self.results())
    }
}

/// A column of words of the account table; empty where the table hasn't the column.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    /// By account, an index into `words`, or `NONE_U16`.
    pub(crate) codes: Column<u16>,
    pub(crate) words: Vec<String>,
}

impl Words {
    fn of(store: &Store, column: &str) -> Result<Self, Error> {
        let text: Column<u8> = store.column_or_empty(&format!("accounts.{column}_words"))?;
        let words = String::from_utf8_lossy(&text).lines().map(str::to_owned).collect();
        Ok(Words { codes: store.column_or_empty(&format!("accounts.{column}"))?, words })
    }

    pub(crate) fn of_account(&self, account: AccountId) -> Option<&str> {
        self.words.get(usize::from(*self.codes.get(account.index())?)).map(String::as_str)
    }
}

/// Places that are looked up one by one; for more, reading ahead is faster: from so many on in the smaller sections, and in all.
const FEW_LOOKUPS: usize = 50;
const LOOKUPS: usize = 500;

/// Members of a network whose rows are looked up one by one.
const NETWORK_LOOKUPS: usize = 500;

/// Sightings of a network's members up to which it is small: each may take a page of several sections.
const FEW_SIGHTINGS: usize = 2_000;

/// A mark of who is known and who was seen with what: of the names of accounts and identifiers, and the sightings between them.
fn facts_mark(manifest: &Manifest) -> u128 {
    marked(manifest, &["graph.", "accounts.name_", "identifiers.name_"]).digest128()
}

/// The hash of the sections whose names begin so.
fn marked(manifest: &Manifest, begins: &[&str]) -> xxhash_rust::xxh3::Xxh3 {
    let sections: BTreeMap<&str, u128> = (manifest.sections.iter())
        .filter(|section| begins.iter().any(|begin| section.name.starts_with(begin)))
        .map(|section| (section.name.as_str(), section.checksum))
        .collect();
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    for (name, checksum) in sections {
        hasher.update(name.as_bytes());
        hasher.update(&checksum.to_le_bytes());
    }
    hasher
}

/// `None` where nothing was detected.
fn if_any<T>(read: Result<T, Error>) -> Result<Option<T>, Error> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(Error::NotDetected { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
