//! A part of a store, or the whole under other names, numbered as a build of it would number it.

use std::collections::{BTreeSet, HashSet};

use events::{AccountAttributes, EventIds, Ingested, Names, Template};
use graph::build::graph_from_sightings;
use graph::{AccountId, Activity, ActivityColumns, BipartiteGraph, Column, IdentifierId, NONE_U32, Sighting};

use crate::build;
use crate::dataset::Dataset;
use crate::enrich;
use crate::error::Error;
use crate::store::StoreWriter;

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
}

impl Kept {
    fn numbered(accounts: Vec<u32>, identifiers: Vec<u32>) -> Self {
        let (old_accounts, old_identifiers) = (inverse(&accounts), inverse(&identifiers));
        Kept { accounts, identifiers, old_accounts, old_identifiers }
    }

    /// All of it, in the order in which these old numbers stand; identifiers stay among those of their kind.
    pub(crate) fn reordered(old_accounts: Vec<u32>, old_identifiers: Vec<u32>) -> Self {
        let (accounts, identifiers) = (inverse(&old_accounts), inverse(&old_identifiers));
        Kept { accounts, identifiers, old_accounts, old_identifiers }
    }

    /// All accounts but these, and the identifiers that one of them was seen with.
    pub(crate) fn without(dataset: &Dataset, removed: &BTreeSet<u32>) -> Self {
        let graph = dataset.graph();
        let stays =
            |identifier: u32| graph.accounts_of(IdentifierId(identifier)).iter().any(|account| !removed.contains(account));
        Kept::numbered(
            numbered(graph.account_count(), |account| !removed.contains(&account)),
            numbered(graph.identifier_count(), stays),
        )
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

    fn accounts(&self) -> impl Iterator<Item = AccountId> + '_ {
        self.old_accounts.iter().copied().map(AccountId)
    }

    fn identifiers(&self) -> impl Iterator<Item = IdentifierId> + '_ {
        self.old_identifiers.iter().copied().map(IdentifierId)
    }

    pub(crate) fn removed_identifiers(&self) -> impl Iterator<Item = IdentifierId> + '_ {
        self.identifiers.iter().enumerate().filter(|&(_, &new)| new == NONE_U32).map(|(old, _)| IdentifierId(old as u32))
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

    /// The entries of a column with one entry a vertex: accounts, then identifiers.
    pub(crate) fn by_vertex<T: Copy>(&self, column: &[T]) -> Vec<T> {
        let (accounts, identifiers) = column.split_at(self.accounts.len().min(column.len()));
        self.by_account(accounts).into_iter().chain(self.by_identifier(identifiers)).collect()
    }

    /// The entries of a column with one entry a sighting.
    pub(crate) fn by_sighting<T: Copy>(&self, dataset: &Dataset, column: &[T]) -> Vec<T> {
        self.accounts().flat_map(|account| column[dataset.graph().sighting_range(account)].iter().copied()).collect()
    }

    /// What a build of what stays would have read, with these ids of events.
    pub(crate) fn ingested(&self, dataset: &Dataset, event_ids: EventIds) -> Result<Ingested, Error> {
        let (tables, names) = (dataset.tables(), dataset.identifier_names());
        let mut account_names = Names::default();
        self.accounts().for_each(|account| account_names.push(dataset.account_name(account).as_bytes()));
        let mut identifier_names = Names::default();
        self.identifiers().for_each(|identifier| identifier_names.push(names.name_of(identifier.0).as_bytes()));
        let (kind_names, graph) = self.graph(dataset)?;
        let (org, orgs) = self.orgs(dataset);
        let table = dataset.accounts();
        let unread = build::unread(dataset)?;
        Ok(Ingested {
            account_names,
            kind_names,
            identifier_names,
            graph,
            activity: self.activity(dataset)?,
            accounts: AccountAttributes {
                created_at: self.by_account(&table.created_at),
                banned_at: self.by_account(&table.banned_at),
                country: self.by_account(&table.country),
                tier: self.by_account(&table.tier),
                pathway: self.by_account(&table.pathway),
                status: self.by_account(&dataset.status().codes),
                statuses: dataset.status().words.clone(),
                label: self.by_account(&dataset.label().codes),
                labels: dataset.label().words.clone(),
                org,
                countries: tables.countries.clone(),
                tiers: tables.tiers.clone(),
                pathways: tables.pathways.clone(),
                orgs,
                ..AccountAttributes::default()
            },
            models: tables.models.clone(),
            capabilities: tables.capabilities.clone(),
            releases: tables.releases.clone(),
            allowed_identifiers: renumbered(&tables.allowed_identifiers, &self.identifiers),
            allowed_accounts: renumbered(&tables.allowed_accounts, &self.accounts),
            templates: self.templates(dataset),
            declared_kinds: dataset.declared_kinds().clone(),
            files: Vec::new(),
            rows: 0,
            rejected: Default::default(),
            kept_rows: unread.rows,
            unread: unread.fields,
            examples: Vec::new(),
            unroutable: 0,
            absent: 0,
            forwarded: 0,
            short_prompts: 0,
            late_events: 0,
            event_ids,
            event_pathway: self.by_account(&dataset.store().column::<u16>("inputs.event_pathway")?),
            event_pathways: {
                let names = dataset.store().column::<u8>("inputs.event_pathways")?;
                String::from_utf8_lossy(&names).lines().map(str::to_owned).collect()
            },
            long_events: self.long_events(dataset)?.into(),
        })
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

    /// Puts the side tables that an update reads again, without the rows that name an account that is gone.
    pub(crate) fn put_side_tables(&self, writer: &mut StoreWriter, dataset: &Dataset) -> Result<(), Error> {
        let gone = (0u32..).zip(&self.accounts).filter(|(_, new)| **new == NONE_U32);
        let gone: HashSet<&[u8]> = gone.map(|(account, _)| dataset.account_name(AccountId(account)).as_bytes()).collect();
        for section in build::SIDE_TABLES.into_iter().filter(|section| dataset.store().has(section)) {
            let bytes = dataset.store().column::<u8>(section)?;
            if !section.ends_with("accounts") && !section.ends_with("allow") {
                writer.put(section, &bytes)?;
                continue;
            }
            let damaged = |error: csv::Error| Error::StoreDamaged {
                store: dataset.path().to_owned(),
                section: section.to_owned(),
                what: error.to_string(),
            };
            let mut rows = csv::ReaderBuilder::new().has_headers(false).from_reader(&bytes[..]);
            let mut kept = csv::Writer::from_writer(Vec::new());
            for row in rows.byte_records() {
                let row = row.map_err(damaged)?;
                if !row.iter().any(|field| gone.contains(field.trim_ascii())) {
                    kept.write_byte_record(&row).map_err(damaged)?;
                }
            }
            let kept = kept.into_inner().map_err(|error| damaged(error.into_error().into()))?;
            writer.put(section, &kept)?;
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
        let (mut kind_names, mut kind_starts) = (Vec::new(), vec![0u32]);
        for (kind, name) in dataset.tables().kinds.iter().enumerate() {
            let range = graph.identifiers_of_kind(graph::KindId(kind as u8));
            let count = range.filter(|&identifier| self.has_identifier(IdentifierId(identifier))).count() as u32;
            if count > 0 {
                kind_names.push(name.clone());
                kind_starts.push(kind_starts[kind_starts.len() - 1] + count);
            }
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
        Ok((kind_names, graph_from_sightings(sightings, self.accounts().count(), kind_starts)?))
    }

    fn activity(&self, dataset: &Dataset) -> Result<Activity, Error> {
        fn joined<'a, T: Copy + Send + Sync + 'static>(parts: impl Iterator<Item = &'a [T]>) -> Column<T> {
            parts.flatten().copied().collect::<Vec<T>>().into()
        }
        let of = || self.accounts().map(|account| dataset.activity().of(account));
        let mut offsets = vec![0u64];
        of().for_each(|events| offsets.push(offsets[offsets.len() - 1] + events.time.len() as u64));
        let tokens: Column<u32> = joined(of().map(|events| events.tokens));
        let template: Column<u32> = joined(of().map(|events| events.template));
        let renumber = |&template: &u32| self.identifiers.get(template as usize).copied().unwrap_or(NONE_U32);
        Ok(Activity::from_columns(ActivityColumns {
            offsets: offsets.into(),
            time: joined(of().map(|events| events.time)),
            model: joined(of().map(|events| events.model)),
            capability: joined(of().map(|events| events.capability)),
            status: joined(of().map(|events| events.status)),
            template: template.iter().map(renumber).collect::<Vec<u32>>().into(),
            requests: joined(of().map(|events| events.requests)),
            tokens: if tokens.iter().any(|&tokens| tokens != 0) { tokens } else { Column::default() },
        })?)
    }

    /// The organisations that somebody still has.
    fn orgs(&self, dataset: &Dataset) -> (Vec<u32>, Vec<String>) {
        let (column, names) = (self.by_account(&dataset.accounts().org), &dataset.tables().orgs);
        let used: BTreeSet<u32> = column.iter().copied().filter(|&org| org != NONE_U32).collect();
        let new_of = numbered(names.len(), |org| used.contains(&org));
        let renumber = |&org: &u32| new_of.get(org as usize).copied().unwrap_or(NONE_U32);
        (column.iter().map(renumber).collect(), used.iter().map(|&org| names[org as usize].clone()).collect())
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

/// A list by number, with new numbers, without those that don't stay.
fn renumbered(list: &[(u32, String)], new_of: &[u32]) -> Vec<(u32, String)> {
    let entries = list.iter().map(|(old, reason)| (new_of[*old as usize], reason.clone()));
    let mut kept: Vec<(u32, String)> = entries.filter(|&(new, _)| new != NONE_U32).collect();
    kept.sort_by_key(|&(new, _)| new);
    kept
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
