//! How does a store forget accounts, and what shows that it did?
//!
//! 1. *Rewrite*: every section is written anew without the accounts: their sightings and events, the identifiers that only they
//!    were seen with, the templates and organisations that only they had. What remains is numbered as a build without them
//!    would number it.
//! 2. *Results*: labels of the others stay, so that networks keep their ids; then the last detection is run again with its own
//!    settings, for the accounts had a part in every number. A section that this version doesn't know is dropped, not copied.
//! 3. *Decisions*: the names, and remarks that hold them, are erased from the case log's openings; its chain stays whole, and
//!    says how many accounts were forgotten, not which.
//! 4. *Proof*: every file of the store is searched for the names, and every table of the new store is asked for them
//!    ([`super::proof`]).
//!
//! Hashes of event ids stay ([`events::EventIds`]): nothing says whose they are, and the same events read again don't bring an
//! account back. The old files are removed, not overwritten: what a disk or a backup keeps of removed files is beyond this. So are files
//! written before (exports, reports, rejects), and the logs that the store was built from. Cost: that of a rewrite and of a
//! detection.

use std::collections::BTreeSet;
use std::path::Path;

use events::{AccountAttributes, Ingested, Names, Template};
use graph::build::graph_from_sightings;
use graph::{AccountId, Activity, ActivityColumns, BipartiteGraph, Column, IdentifierId, NONE_U32, Sighting};
use serde::Serialize;

use super::proof::{Occurrence, occurrences};
use super::{Key, check_key};
use crate::dataset::Dataset;
use crate::detect::{DetectConfig, detect};
use crate::enrich;
use crate::error::Error;
use crate::store::StoreWriter;
use crate::{build, cases, lineage};

/// What was forgotten.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Forgotten {
    /// Accounts.
    pub accounts: u64,
    /// Sightings of theirs.
    pub sightings: u64,
    /// Events of theirs.
    pub events: u64,
    /// Identifiers that only they were seen with.
    pub identifiers: u64,
    /// Names and remarks erased from the case log.
    pub decisions: u64,
    /// Sections of a newer version that were dropped.
    pub dropped_sections: Vec<String>,
    /// Whether the detection was run again.
    pub detected_again: bool,
    /// Files of the store that were searched for the names.
    pub files_searched: u64,
    /// Where a name still stands as a word of its own; empty, or a word that happens to be the same.
    pub found: Vec<Occurrence>,
}

/// Removes accounts from a store. `names` are account ids, as values where `key` is the store's; nothing is changed unless all
/// are there.
///
/// # Errors
/// [`Error::Unknown`] naming the accounts that aren't there, [`Error::StoreKey`], and as [`detect()`].
pub fn forget(
    store: &Path,
    names: &[String],
    key: Option<&Key>,
    reviewer: &str,
    observe: &dyn Fn(&'static str) -> bool,
) -> Result<Forgotten, Error> {
    cases::check_reviewer(reviewer)?;
    let step = |phase| if observe(phase) { Ok(()) } else { Err(Error::Interrupted) };
    let mut writer = StoreWriter::amend(store)?;
    let mut dataset = Dataset::open(store)?;
    let stored_key = dataset.manifest().key_id.clone();
    if let Some(key) = key {
        check_key(store, stored_key.as_deref(), Some(&key.id()))?;
        dataset = dataset.with_key(key)?;
    }
    let removed = resolve(&dataset, names)?;
    let gone: Vec<String> = removed.iter().map(|&account| dataset.account_name(AccountId(account)).to_owned()).collect();
    step("checking")?;
    dataset.store().verify()?;
    let results = dataset.results_if_any()?;
    step("rewriting")?;
    let kept = Kept::without(&dataset, &removed);
    let known: BTreeSet<String> = dataset.manifest().sections.iter().map(|section| section.name.clone()).collect();
    writer.forget("");
    let ingested = kept.ingested(&dataset)?;
    build::put_columns(&mut writer, &ingested)?;
    build::put(&mut writer, ingested)?;
    writer.set_inputs(dataset.manifest().inputs.clone(), dataset.manifest().rejected.clone());
    if !dataset.network_types().is_empty() {
        writer.put(enrich::NETWORK_TYPES, &kept.by_identifier(dataset.network_types()))?;
        writer.put(enrich::ASNS, &kept.by_identifier(dataset.asns()))?;
    }
    keep_side_tables(&mut writer, &dataset, &gone)?;
    let mut config = None;
    if let Some(results) = &results {
        config = Some(toml::from_str::<DetectConfig>(&results.run.config).unwrap_or_default());
        results.without(&dataset, &kept).write(&mut writer)?;
    }
    lineage::keep_without(&dataset, &kept.accounts, &kept.identifiers, &mut writer)?;
    let dropped = known.into_iter().filter(|name| !writer.names(name)).collect();
    step("writing")?;
    let events = dataset.activity().event_count() - kept.event_count(&dataset);
    let mut forgotten = Forgotten {
        accounts: removed.len() as u64,
        sightings: (dataset.graph().sighting_count() - kept.sighting_count(&dataset)) as u64,
        events: events as u64,
        identifiers: kept.removed_identifiers().count() as u64,
        decisions: 0,
        dropped_sections: dropped,
        detected_again: config.is_some(),
        files_searched: 0,
        found: Vec::new(),
    };
    let labels: BTreeSet<String> = kept.removed_identifiers().map(|identifier| dataset.stored_label(identifier)).collect();
    // Names first: a crash in between leaves accounts that can be named, and so forgotten, again.
    forgotten.decisions = cases::erase_names(store, &gone, &labels)?;
    writer.commit()?;
    cases::log_erasure(store, removed.len(), reviewer)?;
    drop(dataset);
    if let Some(config) = config {
        detect(store, &config, observe).map_err(|error| match error {
            Error::Interrupted => Error::Usage(format!(
                "interrupted: the accounts are forgotten, the networks not yet detected again; run `hydralink detect {}`",
                store.display()
            )),
            error => error,
        })?;
    }
    // Where the store holds pseudonyms the values never were in it; both are searched for.
    let searched: BTreeSet<String> = gone.into_iter().chain(names.iter().cloned()).collect();
    (forgotten.files_searched, forgotten.found) = occurrences(store, &searched)?;
    Ok(forgotten)
}

/// Keeps the side tables that an update reads again, without the rows that name a forgotten account.
fn keep_side_tables(writer: &mut StoreWriter, dataset: &Dataset, gone: &[String]) -> Result<(), Error> {
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
            if !row.iter().any(|field| gone.iter().any(|name| name.as_bytes() == field.trim_ascii())) {
                kept.write_byte_record(&row).map_err(damaged)?;
            }
        }
        let kept = kept.into_inner().map_err(|error| damaged(error.into_error().into()))?;
        writer.put(section, &kept)?;
    }
    Ok(())
}

fn resolve(dataset: &Dataset, names: &[String]) -> Result<BTreeSet<u32>, Error> {
    let bare = |name: &str| name.strip_prefix("account:").unwrap_or(name).to_owned();
    let (mut found, mut missing) = (BTreeSet::new(), Vec::new());
    for name in names {
        match dataset.account(&bare(name)) {
            Ok(account) => drop(found.insert(account.0)),
            Err(error) if names.len() == 1 => return Err(error),
            Err(_) => missing.push(bare(name)),
        }
    }
    if missing.is_empty() {
        Ok(found)
    } else {
        Err(Error::Unknown {
            what: format!("{} of {} accounts ({})", missing.len(), names.len(), missing.join(", ")),
            hint: "; nothing was forgotten".to_owned(),
        })
    }
}

/// What stays, and under which number.
pub(crate) struct Kept {
    /// By account: its new number, or `NONE_U32`.
    accounts: Vec<u32>,
    /// By identifier: its new number, or `NONE_U32`.
    identifiers: Vec<u32>,
}

impl Kept {
    /// All accounts but these, and the identifiers that one of them was seen with.
    fn without(dataset: &Dataset, removed: &BTreeSet<u32>) -> Self {
        let graph = dataset.graph();
        let stays =
            |identifier: u32| graph.accounts_of(IdentifierId(identifier)).iter().any(|account| !removed.contains(account));
        Kept {
            accounts: numbered(graph.account_count(), |account| !removed.contains(&account)),
            identifiers: numbered(graph.identifier_count(), stays),
        }
    }

    fn accounts(&self) -> impl Iterator<Item = AccountId> + '_ {
        self.accounts.iter().enumerate().filter(|&(_, &new)| new != NONE_U32).map(|(old, _)| AccountId(old as u32))
    }

    fn identifiers(&self) -> impl Iterator<Item = IdentifierId> + '_ {
        self.identifiers.iter().enumerate().filter(|&(_, &new)| new != NONE_U32).map(|(old, _)| IdentifierId(old as u32))
    }

    fn removed_identifiers(&self) -> impl Iterator<Item = IdentifierId> + '_ {
        self.identifiers.iter().enumerate().filter(|&(_, &new)| new == NONE_U32).map(|(old, _)| IdentifierId(old as u32))
    }

    fn sighting_count(&self, dataset: &Dataset) -> usize {
        self.accounts().map(|account| dataset.graph().account_degree(account)).sum()
    }

    fn event_count(&self, dataset: &Dataset) -> usize {
        self.accounts().map(|account| dataset.activity().of(account).time.len()).sum()
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

    /// What a build without the accounts would have read.
    fn ingested(&self, dataset: &Dataset) -> Result<Ingested, Error> {
        let (tables, names) = (dataset.tables(), dataset.identifier_names());
        let mut account_names = Names::default();
        self.accounts().for_each(|account| account_names.push(dataset.account_name(account).as_bytes()));
        let mut identifier_names = Names::default();
        self.identifiers().for_each(|identifier| identifier_names.push(names.name_of(identifier.0).as_bytes()));
        let (kind_names, graph) = self.graph(dataset)?;
        let (org, orgs) = self.orgs(dataset);
        let table = dataset.accounts();
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
            examples: Vec::new(),
            unroutable: 0,
            short_prompts: 0,
            late_events: 0,
            event_ids: build::event_ids(dataset)?,
            event_pathway: self.by_account(&dataset.store().column::<u16>("inputs.event_pathway")?),
            event_pathways: {
                let names = dataset.store().column::<u8>("inputs.event_pathways")?;
                String::from_utf8_lossy(&names).lines().map(str::to_owned).collect()
            },
            long_events: self.long_events(dataset)?.into(),
        })
    }

    /// Which of the events that stay came from long rows.
    fn long_events(&self, dataset: &Dataset) -> Result<Vec<u8>, Error> {
        let flags = dataset.store().column::<u8>("inputs.long_events")?;
        let offsets = &dataset.activity().columns().offsets;
        let rows = self.accounts().map(|account| offsets[account.index()] as usize..offsets[account.index() + 1] as usize);
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
        dataset.tables().skeletons.iter().filter_map(stays).collect()
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
    entries.filter(|&(new, _)| new != NONE_U32).collect()
}

#[cfg(test)]
mod tests {
    use events::{IngestConfig, Unobserved};
    use proptest::prelude::*;

    use super::*;

    /// A store of long events (account, kind, value), with a template and an organisation where the account has one.
    fn store(folder: &Path, name: &str, rows: &[(u32, u32, u32)], without: &BTreeSet<u32>) -> std::path::PathBuf {
        let mut events = "timestamp,account_id,ip,payment_instrument,prompt_template_hash\n".to_owned();
        let mut accounts = "account_id,created_at,country,org\n".to_owned();
        let mut seen = BTreeSet::new();
        for (at, &(account, address, other)) in rows.iter().enumerate() {
            if without.contains(&account) {
                continue;
            }
            let second = at % 60;
            let (card, template) =
                if other % 2 == 0 { (other.to_string(), String::new()) } else { (String::new(), format!("t{other}")) };
            events
                .push_str(&format!("2026-03-01T00:00:{second:02}Z,acct{account:04},198.51.100.{address},{card},{template}\n"));
            if seen.insert(account) {
                accounts.push_str(&format!("acct{account:04},2026-02-01T00:00:00Z,NL,org{}\n", account % 5));
            }
        }
        let (events_file, accounts_file) = (folder.join(format!("{name}.csv")), folder.join(format!("{name}-accounts.csv")));
        std::fs::write(&events_file, events).unwrap();
        std::fs::write(&accounts_file, accounts).unwrap();
        let path = folder.join(name);
        let config = IngestConfig { accounts: Some(accounts_file), ..IngestConfig::default() };
        build::build(&[events_file], &path, &config, &Unobserved).unwrap();
        path
    }

    fn content(store: &Path) -> (Vec<(String, u64, u128)>, crate::store::Tables) {
        let dataset = Dataset::open(store).unwrap();
        dataset.graph().validate().unwrap();
        let sections = &dataset.manifest().sections;
        (
            sections.iter().map(|section| (section.name.clone(), section.bytes, section.checksum)).collect(),
            dataset.tables().clone(),
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        /// Forgetting accounts leaves, byte for byte, the store that a build without them makes.
        #[test]
        fn a_store_that_forgot_is_a_store_that_never_knew(
            rows in prop::collection::vec((0u32..12, 1u32..20, 0u32..10), 30..80),
            forgotten in prop::collection::btree_set(0u32..12, 1..4),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let accounts: BTreeSet<u32> = rows.iter().map(|row| row.0).collect();
            let forgotten: BTreeSet<u32> = forgotten.intersection(&accounts).copied().collect();
            prop_assume!(!forgotten.is_empty() && forgotten.len() < accounts.len());
            let whole = store(folder.path(), "whole", &rows, &BTreeSet::new());
            let never = store(folder.path(), "never", &rows, &forgotten);
            let names: Vec<String> = forgotten.iter().map(|account| format!("acct{account:04}")).collect();
            let report = forget(&whole, &names, None, "ann", &|_| true).unwrap();
            prop_assert_eq!(report.accounts, names.len() as u64);
            prop_assert_eq!(&report.found, &Vec::new());
            prop_assert_eq!(content(&whole), content(&never));
        }
    }

    #[test]
    fn an_interrupted_rewrite_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = store(folder.path(), "s", &[(1, 1, 1), (2, 1, 2)], &BTreeSet::new());
        let before = content(&path);
        for stop in ["checking", "rewriting", "writing"] {
            let error = forget(&path, &["acct0001".to_owned()], None, "ann", &|phase| phase != stop).unwrap_err();
            assert!(matches!(error, Error::Interrupted), "{error}");
            assert_eq!(content(&path), before, "{stop}");
        }
    }

    #[test]
    fn an_unknown_account_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = store(folder.path(), "s", &[(1, 1, 1), (2, 1, 2)], &BTreeSet::new());
        let before = content(&path);
        let names = ["acct0001".to_owned(), "acct9999".to_owned()];
        let error = forget(&path, &names, None, "ann", &|_| true).unwrap_err();
        assert!(matches!(&error, Error::Unknown { what, .. } if what.contains("acct9999")), "{error}");
        assert_eq!(content(&path), before);
    }
}
