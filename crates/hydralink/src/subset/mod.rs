//! A part of a store, or the whole under other names, numbered as a build of it would number it.
//!
//! Of a part, words of the string tables (models, countries, labels) stay that are said of what stays; texts that name an
//! account or identifier that goes are left out ([`Gone`]).

mod part;
pub(crate) mod side_tables;
mod words;

use std::collections::BTreeSet;
use std::sync::OnceLock;

use events::{AccountAttributes, EventIds, FileNotes, Ingested, Names, SideTables, Template};
use graph::build::graph_from_sightings;
use graph::{AccountId, Activity, ActivityColumns, BipartiteGraph, IdentifierId, KindId, NONE_U16, NONE_U32, Sighting};

use crate::build;
use crate::dataset::Dataset;
use crate::enrich;
use crate::error::Error;
use crate::privacy::Gone;
use crate::rules::Lists;
use crate::store::StoreWriter;
pub(crate) use part::Part;
pub(crate) use words::TableWords;
use words::{Vocabulary, renumbered_releases, said};

/// A column of words with one entry an account, and the words.
type Said = (Vec<u16>, Vec<String>);

/// What stays, and under which number.
pub(crate) struct Kept {
    /// By account: its new number, or `NONE_U32`.
    accounts: Vec<u32>,
    /// By identifier: its new number, or `NONE_U32`.
    identifiers: Vec<u32>,
    /// The old number of each account that stays.
    old_accounts: Vec<u32>,
    /// The old number of each identifier that stays.
    old_identifiers: Vec<u32>,
    /// Whether that is all of the store.
    whole: bool,
    /// Names to be gone of accounts that have no number.
    unnumbered: BTreeSet<String>,
    /// What is not to be named any more; made when it is first asked for.
    gone: OnceLock<Gone>,
}

impl Kept {
    fn numbered(accounts: Vec<u32>, identifiers: Vec<u32>) -> Self {
        let (old_accounts, old_identifiers) = (inverse(&accounts), inverse(&identifiers));
        let (whole, unnumbered, gone) = (false, BTreeSet::new(), OnceLock::new());
        Kept { accounts, identifiers, old_accounts, old_identifiers, whole, unnumbered, gone }
    }

    /// All of it, in the order in which these old numbers stand; identifiers stay among those of their kind.
    pub(crate) fn reordered(old_accounts: Vec<u32>, old_identifiers: Vec<u32>) -> Self {
        let kept = Kept::numbered(inverse(&old_accounts), inverse(&old_identifiers));
        Kept { whole: true, ..kept }
    }

    /// All accounts but these, and the identifiers that one of them was seen with. `unnumbered` are further names of accounts
    /// that nothing is to name: those that only stand in a table.
    pub(crate) fn without(dataset: &Dataset, removed: &BTreeSet<u32>, unnumbered: BTreeSet<String>) -> Self {
        let graph = dataset.graph();
        let stays =
            |identifier: u32| graph.accounts_of(IdentifierId(identifier)).iter().any(|account| !removed.contains(account));
        let kept = Kept::numbered(
            numbered(graph.account_count(), |account| !removed.contains(&account)),
            numbered(graph.identifier_count(), stays),
        );
        Kept { unnumbered, ..kept }
    }

    /// What a dataset that was cut at a time ([`Dataset::until`], [`Dataset::since`]) has anything of.
    pub(crate) fn seen(dataset: &Dataset) -> Self {
        let graph = dataset.graph();
        let seen = |account: u32| {
            let account = AccountId(account);
            graph.account_degree(account) > 0 || !dataset.activity().of(account).time.is_empty()
        };
        Kept::numbered(
            numbered(graph.account_count(), seen),
            numbered(graph.identifier_count(), |id| graph.identifier_degree(IdentifierId(id)) > 0),
        )
    }

    /// The new number of each account, or `NONE_U32`.
    pub(crate) fn new_accounts(&self) -> &[u32] {
        &self.accounts
    }

    /// The new number of each identifier, or `NONE_U32`.
    pub(crate) fn new_identifiers(&self) -> &[u32] {
        &self.identifiers
    }

    /// The old number of an account that stays, by its new one.
    pub(crate) fn old_account(&self, new: u32) -> u32 {
        self.old_accounts[new as usize]
    }

    /// The old number of an identifier that stays, by its new one.
    pub(crate) fn old_identifier(&self, new: u32) -> u32 {
        self.old_identifiers[new as usize]
    }

    fn accounts(&self) -> impl Iterator<Item = AccountId> + '_ {
        self.old_accounts.iter().copied().map(AccountId)
    }

    fn identifiers(&self) -> impl Iterator<Item = IdentifierId> + '_ {
        self.old_identifiers.iter().copied().map(IdentifierId)
    }

    pub(crate) fn removed_identifiers(&self) -> impl Iterator<Item = IdentifierId> + '_ {
        self.identifiers.iter().enumerate().filter(|&(_, &new)| new == NONE_U32).map(|(old, _)| IdentifierId(old as u32))
    }

    /// The names of all that goes.
    pub(crate) fn gone(&self, dataset: &Dataset) -> &Gone {
        self.gone.get_or_init(|| {
            let mut gone = Gone::default();
            let accounts = (0u32..).zip(&self.accounts).filter(|(_, new)| **new == NONE_U32);
            accounts.for_each(|(account, _)| gone.account(dataset.account_name(AccountId(account))));
            self.unnumbered.iter().for_each(|name| gone.account(name));
            for (kind, value) in self.removed_identifiers().map(|identifier| dataset.identifier_name(identifier)) {
                gone.identifier(kind, value);
            }
            gone
        })
    }

    /// Lists without what names an account or identifier that goes.
    pub(crate) fn lists(&self, dataset: &Dataset, lists: Lists) -> Lists {
        let all = 0..dataset.graph().account_count() as u32;
        let number = |name: &str| dataset.account_names().find(all.clone(), name);
        let account = |name: &str| number(name).is_some_and(|account| self.has_account(AccountId(account)));
        let identifier = |label: &str| dataset.identifier_of(label).is_some_and(|id| self.has_identifier(IdentifierId(id)));
        lists.naming_only(account, identifier)
    }

    pub(crate) fn sighting_count(&self, dataset: &Dataset) -> usize {
        self.accounts().map(|account| dataset.graph().account_degree(account)).sum()
    }

    pub(crate) fn event_count(&self, dataset: &Dataset) -> usize {
        self.accounts().map(|account| dataset.activity().of(account).time.len()).sum()
    }

    /// Whether an account stays.
    pub(crate) fn has_account(&self, account: AccountId) -> bool {
        self.new_accounts()[account.index()] != NONE_U32
    }

    /// Whether an identifier stays.
    pub(crate) fn has_identifier(&self, identifier: IdentifierId) -> bool {
        self.identifiers[identifier.index()] != NONE_U32
    }

    /// The entries of a column with one entry an account.
    pub(crate) fn by_account<T: Copy>(&self, column: &[T]) -> Vec<T> {
        if column.is_empty() { Vec::new() } else { self.accounts().map(|account| column[account.index()]).collect() }
    }

    /// The entries of a column with one entry an identifier.
    pub(crate) fn by_identifier<T: Copy>(&self, column: &[T]) -> Vec<T> {
        if column.is_empty() { Vec::new() } else { self.identifiers().map(|id| column[id.index()]).collect() }
    }

    /// What a build of what stays would have read, with these ids of events.
    pub(crate) fn ingested(&self, dataset: &Dataset, event_ids: EventIds) -> Result<Ingested, Error> {
        let (tables, names) = (dataset.tables(), dataset.identifier_names());
        let mut account_names = Names::default();
        self.accounts().for_each(|account| account_names.push(dataset.account_name(account).as_bytes()));
        let mut identifier_names = Names::default();
        self.identifiers().for_each(|identifier| identifier_names.push(names.name_of(identifier.0).as_bytes()));
        let (kind_names, graph) = self.graph(dataset)?;
        let (activity, models, capabilities) = self.activity(dataset)?;
        let [(event_pathway, event_pathways), pathways] = self.pathways(dataset)?;
        let unread = build::unread(dataset)?;
        let mut ingested = Ingested {
            account_names,
            kind_names,
            identifier_names,
            graph,
            activity,
            accounts: self.attributes(dataset, pathways),
            releases: renumbered_releases(&tables.releases, &models),
            models: models.words,
            capabilities: capabilities.words,
            allowed_identifiers: self.allowed(dataset, &tables.allowed_identifiers, &self.identifiers),
            allowed_accounts: self.allowed(dataset, &tables.allowed_accounts, &self.accounts),
            templates: self.templates(dataset),
            declared_kinds: dataset.declared_kinds().clone(),
            tables: Vec::new(),
            alike: None,
            repeats: None,
            files: Vec::new(),
            left_out: Vec::new(),
            without_rows: Vec::new(),
            notes: FileNotes::default(),
            too_many_bad: None,
            new_rows: 0,
            new_duplicates: 0,
            forgotten_rows: 0,
            rows: 0,
            rejected: Default::default(),
            side_tables: SideTables::default(),
            kept_rows: unread.rows,
            unread: unread.fields,
            examples: Vec::new(),
            unroutable: 0,
            absent: 0,
            forwarded: 0,
            short_prompts: 0,
            crowded_prompts: 0,
            late_events: 0,
            rows_without_time: 0,
            event_ids,
            event_pathway,
            event_pathways,
            long_events: self.long_events(dataset)?.into(),
        };
        if dataset.manifest().key_id.is_some() {
            // An earlier version kept them.
            build::leave_texts_out(&mut ingested);
        }
        Ok(ingested)
    }

    /// Puts what [`Kept::ingested`] gave into a store, with the names of the files that it was read from and what is known of the
    /// networks of addresses.
    pub(crate) fn put(&self, writer: &mut StoreWriter, dataset: &Dataset, ingested: Ingested) -> Result<(), Error> {
        build::put_columns(writer, &ingested)?;
        build::put(writer, ingested)?;
        writer.set_inputs(dataset.manifest().inputs.clone(), dataset.manifest().rejected.clone());
        if !dataset.network_types().is_empty() {
            writer.put(enrich::NETWORK_TYPES, &self.by_identifier(dataset.network_types()))?;
            writer.put(enrich::ASNS, &self.by_identifier(dataset.asns()))?;
        }
        Ok(())
    }

    /// Which of the events that stay came from long rows.
    fn long_events(&self, dataset: &Dataset) -> Result<Vec<u8>, Error> {
        let flags = dataset.store().column::<u8>("inputs.long_events")?;
        let starts = dataset.event_starts();
        let row = |account: AccountId| {
            let start = starts[account.index()] as usize;
            start..start + dataset.activity().of(account).time.len()
        };
        let rows = self.accounts().map(row);
        let kept: Vec<u8> = rows.filter(|_| !flags.is_empty()).flat_map(|row| flags[row].iter().copied()).collect();
        Ok(if kept.iter().any(|&flag| flag != 0) { kept } else { Vec::new() })
    }

    /// The kinds that still have identifiers, and the graph.
    fn graph(&self, dataset: &Dataset) -> Result<(Vec<String>, BipartiteGraph), Error> {
        let graph = dataset.graph();
        let kept = |kind: &KindId| self.kept_of_kind(graph, *kind) > 0;
        let kind_names = graph.kinds().zip(&dataset.tables().kinds).filter(|(kind, _)| kept(kind));
        Ok((kind_names.map(|(_, name)| name.clone()).collect(), self.graph_of(graph)?))
    }

    /// Identifiers of a kind that stay.
    fn kept_of_kind(&self, graph: &BipartiteGraph, kind: KindId) -> u32 {
        graph.identifiers_of_kind(kind).filter(|&identifier| self.has_identifier(IdentifierId(identifier))).count() as u32
    }

    /// What stays of a graph that has the dataset's numbers: of all sightings or of those that link.
    fn graph_of(&self, graph: &BipartiteGraph) -> Result<BipartiteGraph, Error> {
        let mut kind_starts = vec![0u32];
        for count in graph.kinds().map(|kind| self.kept_of_kind(graph, kind)).filter(|&count| count > 0) {
            kind_starts.push(kind_starts[kind_starts.len() - 1] + count);
        }
        let sightings: Vec<Sighting> = self
            .accounts()
            .flat_map(|account| graph.sightings_of(account))
            .map(|sighting| Sighting {
                account: AccountId(self.accounts[sighting.account.index()]),
                identifier: IdentifierId(self.identifiers[sighting.identifier.index()]),
                ..sighting
            })
            .collect();
        Ok(graph_from_sightings(sightings, self.accounts().count(), kind_starts)?)
    }

    /// The events, and the models and capabilities that they say.
    fn activity(&self, dataset: &Dataset) -> Result<(Activity, Vocabulary, Vocabulary), Error> {
        fn joined<'a, T: Copy + 'a>(parts: impl Iterator<Item = &'a [T]>) -> Vec<T> {
            parts.flatten().copied().collect()
        }
        let of = || self.accounts().map(|account| dataset.activity().of(account));
        let mut offsets = vec![0u64];
        of().for_each(|events| offsets.push(offsets[offsets.len() - 1] + events.time.len() as u64));
        let renumber = |&template: &u32| self.identifiers.get(template as usize).copied().unwrap_or(NONE_U32);
        let template: Vec<u32> = joined(of().map(|events| events.template)).iter().map(renumber).collect();
        let (mut model, mut capability) =
            (joined(of().map(|events| events.model)), joined(of().map(|events| events.capability)));
        let models = Vocabulary::of(&dataset.tables().models, &mut model, self.whole);
        let capabilities = Vocabulary::of(&dataset.tables().capabilities, &mut capability, self.whole);
        let activity = Activity::from_columns(ActivityColumns {
            offsets: offsets.into(),
            time: joined(of().map(|events| events.time)).into(),
            model: said(model, NONE_U16).into(),
            capability: said(capability, NONE_U16).into(),
            status: said(joined(of().map(|events| events.status)), NONE_U16).into(),
            template: said(template, NONE_U32).into(),
            requests: said(joined(of().map(|events| events.requests)), 1).into(),
            tokens: said(joined(of().map(|events| events.tokens)), 0).into(),
        })?;
        Ok((activity, models, capabilities))
    }

    /// The pathways that events gave, and those of the account table, which goes by the events where it has none.
    fn pathways(&self, dataset: &Dataset) -> Result<[Said; 2], Error> {
        let of_events = dataset.store().column::<u16>("inputs.event_pathway")?;
        let (codes, words) = self.column(&of_events, &dataset.event_pathways()?);
        let of_events_said = (said(codes, NONE_U16), words);
        let of_table = if dataset.pathways_are_of_events()? {
            of_events_said.clone()
        } else {
            self.column(&dataset.accounts().pathway, &dataset.tables().pathways)
        };
        Ok([of_events_said, of_table])
    }

    /// What a column says of the accounts that stay.
    fn column(&self, codes: &[u16], words: &[String]) -> Said {
        let mut codes = self.by_account(codes);
        let words = Vocabulary::of(words, &mut codes, self.whole).words;
        (codes, words)
    }

    /// What the account table says of the accounts that stay.
    fn attributes(&self, dataset: &Dataset, (pathway, pathways): Said) -> AccountAttributes {
        let (table, tables) = (dataset.accounts(), dataset.tables());
        let (country, countries) = self.column(&table.country, &tables.countries);
        let (tier, tiers) = self.column(&table.tier, &tables.tiers);
        let (status, statuses) = self.column(&dataset.status().codes, &dataset.status().words);
        let named: Vec<bool> = dataset.label().words.iter().map(|label| self.gone(dataset).named_in(label)).collect();
        let unnamed = |&code: &u16| if named.get(usize::from(code)) == Some(&true) { NONE_U16 } else { code };
        let (label, labels) =
            self.column(&dataset.label().codes.iter().map(unnamed).collect::<Vec<_>>(), &dataset.label().words);
        let mut org = self.by_account(&table.org);
        let orgs = Vocabulary::of(&tables.orgs, &mut org, false).words;
        AccountAttributes {
            created_at: self.by_account(&table.created_at),
            banned_at: self.by_account(&table.banned_at),
            country,
            tier,
            pathway,
            status,
            statuses,
            label,
            labels,
            org: if orgs.is_empty() { Vec::new() } else { org },
            countries,
            tiers,
            pathways,
            orgs,
        }
    }

    /// An allow list with new numbers, and without reasons that name who goes.
    fn allowed(&self, dataset: &Dataset, list: &[(u32, String)], new_of: &[u32]) -> Vec<(u32, String)> {
        let stays = list.iter().filter(|(old, _)| new_of[*old as usize] != NONE_U32);
        let entry = |(old, reason): &(u32, String)| (new_of[*old as usize], self.gone(dataset).unless_named(reason).to_owned());
        let mut kept: Vec<(u32, String)> = stays.map(entry).collect();
        kept.sort_by_key(|&(new, _)| new);
        kept
    }

    fn templates(&self, dataset: &Dataset) -> Vec<Template> {
        let stays = |&(identifier, ref skeleton, variants): &(u32, String, u64)| {
            let new = self.identifiers[identifier as usize];
            (new != NONE_U32).then(|| Template { identifier: new, skeleton: skeleton.clone(), variants: variants as u32 })
        };
        let mut templates: Vec<Template> = dataset.tables().skeletons.iter().filter_map(stays).collect();
        templates.sort_by_key(|template| template.identifier);
        templates
    }
}

/// New numbers, in the old order, for those that stay.
fn numbered(count: usize, stays: impl Fn(u32) -> bool) -> Vec<u32> {
    let mut next = 0;
    let number = |old| {
        if !stays(old) {
            return NONE_U32;
        }
        next += 1;
        next - 1
    };
    (0..count as u32).map(number).collect()
}

/// From new numbers to old ones, or the other way.
fn inverse(numbers: &[u32]) -> Vec<u32> {
    let count = numbers.iter().filter(|&&number| number != NONE_U32).max().map_or(0, |&most| most as usize + 1);
    let mut inverse = vec![NONE_U32; count];
    for (at, &number) in (0u32..).zip(numbers).filter(|&(_, &number)| number != NONE_U32) {
        inverse[number as usize] = at;
    }
    inverse
}
