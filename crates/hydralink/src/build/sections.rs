//! What of a build stands in which section of the store.

use std::str::FromStr;

use events::schema::Map;
use events::{EventIds, IngestConfig, Ingested, SideTables, Template, UnreadField};
use graph::IdentifierId;

use crate::build::summary::rejected_by_reason;
use crate::dataset::{DECLARED_KINDS, Dataset};
use crate::error::Error;
use crate::options::{TRUSTED_PROXIES, ZONE};
use crate::store::{InputFile, StoreWriter};

/// Sections of the side tables, which hold names, and of what else an update goes by.
pub(crate) const SIDE_TABLES: [&str; 5] = [ACCOUNTS, RELEASES, ALLOW, MAP, READ_AS];
pub(crate) const ACCOUNTS: &str = "inputs.accounts";
pub(super) const RELEASES: &str = "inputs.releases";
pub(crate) const ALLOW: &str = "inputs.allow";
pub(super) const MAP: &str = "inputs.map";
pub(super) const READ_AS: &str = "inputs.read_as";

/// Leaves out what people wrote: labels of the account table and reasons of the allow list, which may name anybody. Says
/// whether there was any.
pub(crate) fn leave_texts_out(ingested: &mut Ingested) -> bool {
    let accounts = &mut ingested.accounts;
    let reasons = ingested.allowed_identifiers.iter_mut().chain(&mut ingested.allowed_accounts).map(|(_, reason)| reason);
    let mut any = !accounts.labels.is_empty();
    (accounts.label, accounts.labels) = (Vec::new(), Vec::new());
    for reason in reasons {
        any |= !reason.is_empty();
        reason.clear();
    }
    any
}

/// Keeps the side tables, for they speak of accounts, models and identifiers that only a later batch may bring.
pub(super) fn keep_tables(writer: &mut StoreWriter, tables: &SideTables) -> Result<(), Error> {
    let SideTables { accounts, releases, allow } = tables;
    for (section, table) in [(ACCOUNTS, accounts), (RELEASES, releases), (ALLOW, allow)] {
        if let Some(table) = table {
            writer.put(section, table)?;
        }
    }
    Ok(())
}

/// Keeps the map, for the next batch has the same columns. It names columns and kinds, and nobody.
pub(super) fn keep_map(writer: &mut StoreWriter, config: &IngestConfig) -> Result<(), Error> {
    if config.map.is_none() && config.columns.is_empty() {
        return Ok(());
    }
    writer.put(MAP, toml::to_string(&Map::of(config)?).expect("a map can be written").as_bytes())
}

/// The map that a store keeps, as TOML.
pub(crate) fn map_of(dataset: &Dataset) -> Result<Option<String>, Error> {
    let store = dataset.store();
    store.has(MAP).then(|| Ok(String::from_utf8_lossy(&store.column::<u8>(MAP)?).into_owned())).transpose()
}

/// What was said of times without an offset and of lists of addresses, for the next batch has the same; nothing where it is what
/// goes without saying.
#[derive(Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct ReadAs {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tz: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trusted_proxies: Option<String>,
}

impl ReadAs {
    pub(super) fn of(config: &IngestConfig) -> Self {
        fn said<T: Default + PartialEq + ToString>(given: Option<&T>) -> Option<String> {
            given.filter(|&given| *given != T::default()).map(T::to_string)
        }
        ReadAs { tz: said(config.zone.as_ref()), trusted_proxies: said(config.trusted_proxies.as_ref()) }
    }

    /// What a store keeps; those of earlier versions keep nothing.
    pub(crate) fn of_store(dataset: &Dataset) -> Result<Self, Error> {
        Ok(dataset.store().json(READ_AS)?.unwrap_or_default())
    }

    /// Puts it where nothing is given.
    pub(super) fn fill_in(&self, config: &mut IngestConfig) -> Result<(), Error> {
        fn or<T: FromStr<Err = String>>(
            given: Option<T>,
            kept: Option<&String>,
            option: events::OptionName,
        ) -> Result<Option<T>, Error> {
            let read = |kept: &String| kept.parse().map_err(|wrong| Error::Usage(format!("{option} of the store: {wrong}")));
            given.map_or_else(|| kept.map(read).transpose(), |given| Ok(Some(given)))
        }
        config.zone = or(config.zone.take(), self.tz.as_ref(), ZONE)?;
        config.trusted_proxies = or(config.trusted_proxies.take(), self.trusted_proxies.as_ref(), TRUSTED_PROXIES)?;
        Ok(())
    }

    pub(super) fn keep(&self, writer: &mut StoreWriter) -> Result<(), Error> {
        if *self == ReadAs::default() {
            return Ok(());
        }
        writer.put(READ_AS, &serde_json::to_vec(self).expect("plain data serialises"))
    }
}

/// Hashes of the ids and contents of events that were counted; they hold no names.
pub(super) const EVENT_IDS: &str = "inputs.event_ids";
pub(super) const DUPLICATE_EVENTS: &str = "inputs.duplicate_events";

/// The events of a store that had ids.
pub(crate) fn event_ids(dataset: &Dataset) -> Result<EventIds, Error> {
    let store = dataset.store();
    if !store.has(EVENT_IDS) {
        return Ok(EventIds::default());
    }
    let duplicates = store.column::<u64>(DUPLICATE_EVENTS)?.iter().sum();
    Ok(EventIds { pairs: store.column::<u64>(EVENT_IDS)?.to_vec(), duplicates })
}

/// The fields that rows were kept without; stores where there are none don't have it.
pub(super) const UNREAD: &str = "inputs.unread";

/// What [`UNREAD`] holds.
#[derive(Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Unread {
    /// Rows that lack at least one field.
    pub(crate) rows: u64,
    /// The fields.
    pub(crate) fields: Vec<UnreadField>,
}

/// The fields that rows of a store were kept without.
pub(crate) fn unread(dataset: &Dataset) -> Result<Unread, Error> {
    Ok(dataset.store().json(UNREAD)?.unwrap_or_default())
}

/// Puts the columns that an ingest gives to its keeper into a store; for what was not ingested into it.
pub(crate) fn put_columns(writer: &mut StoreWriter, ingested: &Ingested) -> Result<(), Error> {
    let graph = ingested.graph.columns();
    writer.put("graph.account_offsets", &graph.account_offsets)?;
    writer.put("graph.identifiers", &graph.identifiers)?;
    writer.put("graph.counts", &graph.counts)?;
    writer.put("graph.first_seen", &graph.first_seen)?;
    writer.put("graph.last_seen", &graph.last_seen)?;
    writer.put("graph.identifier_offsets", &graph.identifier_offsets)?;
    writer.put("graph.accounts", &graph.accounts)?;
    writer.put("graph.identifier_sightings", &graph.identifier_sightings)?;
    let activity = ingested.activity.columns();
    writer.put("activity.offsets", &activity.offsets)?;
    writer.put("activity.time", &activity.time)?;
    writer.put("activity.model", &activity.model)?;
    writer.put("activity.capability", &activity.capability)?;
    writer.put("activity.status", &activity.status)?;
    writer.put("activity.template", &activity.template)?;
    writer.put("activity.requests", &activity.requests)?;
    // Stores of events without tokens don't have it.
    if !activity.tokens.is_empty() {
        writer.put("activity.tokens", &activity.tokens)?;
    }
    writer.put("inputs.long_events", &ingested.long_events)
}

/// Puts everything else that was ingested into a store.
pub(crate) fn put(writer: &mut StoreWriter, ingested: Ingested) -> Result<(), Error> {
    writer.put("graph.kind_starts", &ingested.graph.columns().kind_starts)?;
    let accounts = &ingested.accounts;
    writer.put("accounts.created_at", &accounts.created_at)?;
    writer.put("accounts.banned_at", &accounts.banned_at)?;
    writer.put("accounts.country", &accounts.country)?;
    writer.put("accounts.tier", &accounts.tier)?;
    writer.put("accounts.pathway", &accounts.pathway)?;
    writer.put("accounts.org", &accounts.org)?;
    for (column, codes, words) in
        [("status", &accounts.status, &accounts.statuses), ("label", &accounts.label, &accounts.labels)]
    {
        if !words.is_empty() {
            writer.put(&format!("accounts.{column}"), codes)?;
            writer.put(&format!("accounts.{column}_words"), lines_of(words).as_bytes())?;
        }
    }
    writer.put("accounts.name_offsets", &ingested.account_names.offsets)?;
    writer.put("accounts.name_bytes", &ingested.account_names.bytes)?;
    writer.put("identifiers.name_offsets", &ingested.identifier_names.offsets)?;
    writer.put("identifiers.name_bytes", &ingested.identifier_names.bytes)?;
    let mut files: Vec<InputFile> = ingested
        .files
        .iter()
        .filter(|file| !file.duplicate)
        .map(|file| InputFile { name: file.file.clone(), hash: file.hash.clone(), rows: file.rows, duplicate: false })
        .collect();
    // By content, so that the order in which batches came leaves no trace.
    files.sort_by(|one, other| (&one.hash, &one.name).cmp(&(&other.hash, &other.name)));
    writer.set_inputs(files, rejected_by_reason(&ingested));
    writer.put("inputs.event_pathway", &ingested.event_pathway)?;
    writer.put("inputs.event_pathways", lines_of(&ingested.event_pathways).as_bytes())?;
    // Stores of events without ids have neither.
    if !ingested.event_ids.pairs.is_empty() {
        writer.put(EVENT_IDS, &ingested.event_ids.pairs)?;
        writer.put(DUPLICATE_EVENTS, &[ingested.event_ids.duplicates])?;
    }
    if ingested.kept_rows > 0 {
        let unread = Unread { rows: ingested.kept_rows, fields: ingested.unread.clone() };
        writer.put(UNREAD, &serde_json::to_vec(&unread).expect("plain data serialises"))?;
    }
    if !ingested.declared_kinds.is_empty() {
        writer.put(DECLARED_KINDS, &serde_json::to_vec(&ingested.declared_kinds).expect("plain data serialises"))?;
    }
    let tables = writer.tables();
    tables.kinds = ingested.kind_names;
    tables.models = ingested.models;
    tables.capabilities = ingested.capabilities;
    tables.countries = ingested.accounts.countries;
    tables.tiers = ingested.accounts.tiers;
    tables.pathways = ingested.accounts.pathways;
    tables.orgs = ingested.accounts.orgs;
    tables.releases = ingested.releases;
    tables.allowed_identifiers = ingested.allowed_identifiers;
    tables.allowed_accounts = ingested.allowed_accounts;
    // What one account alone asked is its prompt, and no template: nothing of its text stays.
    let is_shared = |template: u32| ingested.graph.identifier_degree(IdentifierId(template)) > 1;
    let skeleton = |mined: Template| {
        let text = if is_shared(mined.identifier) { shortened(mined.skeleton) } else { String::new() };
        (mined.identifier, text, u64::from(mined.variants))
    };
    tables.skeletons = ingested.templates.into_iter().map(skeleton).collect();
    Ok(())
}

/// Words with a line each, by which they are counted: a line break in one would give every later word to whoever has the one before.
fn lines_of(words: &[String]) -> String {
    words.iter().map(|word| on_one_line(word)).collect::<Vec<_>>().join("\n")
}

/// A word with spaces for what ends a line, and for what else nobody can see.
fn on_one_line(word: &str) -> String {
    word.replace(char::is_control, " ")
}

/// Characters that are kept of a skeleton: all skeletons stand in the manifest, whose size is bounded. Templates are told apart by
/// their hashes, which are of the whole.
const SKELETON: usize = 1000;

/// The beginning of a long skeleton. What was shortened before stays as it is.
fn shortened(mut skeleton: String) -> String {
    if let Some((end, _)) = skeleton.char_indices().nth(SKELETON) {
        skeleton.truncate(end);
        skeleton.push_str("...");
    }
    skeleton
}

#[cfg(test)]
mod tests {
    use graph::AccountId;

    use super::*;
    use crate::build::{build, update};
    use crate::observe::Unobserved;

    /// Bans went from the accounts that had them to others.
    #[test]
    fn a_line_break_in_a_word_moves_no_other_word() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let events = file(
            "events.csv",
            "timestamp,account_id,ip\n1772323200,ada,8.8.8.8\n1772323200,bob,8.8.8.8\n1772323200,cid,8.8.8.8\n",
        );
        let accounts = file(
            "accounts.csv",
            "account_id,status,label\nada,\"active\nbanned\r\",\"one\r\n\r\ntwo\"\nbob,banned,second\ncid,Suspended,third\n",
        );
        let store = folder.path().join("store");
        let config = IngestConfig { accounts: Some(accounts), ..IngestConfig::default() };
        build(&[events], &store, &config, &Unobserved).unwrap();
        let check = |accounts: usize| {
            let dataset = Dataset::open(&store).unwrap();
            assert_eq!(dataset.graph().account_count(), accounts);
            let names = ["ada", "bob", "cid"].map(|name| {
                dataset.account_names().find(0..accounts as u32, name).map(AccountId).expect("an account of the events")
            });
            assert_eq!(names.map(|account| dataset.is_banned(account)), [false, true, true]);
            assert_eq!(
                names.map(|account| dataset.status().of_account(account).unwrap().to_owned())[1..],
                ["banned", "suspended"]
            );
            assert_eq!(names.map(|account| dataset.label().of_account(account).unwrap().to_owned())[1..], ["second", "third"]);
            for section in ["accounts.status_words", "accounts.label_words"] {
                let text = dataset.store().column::<u8>(section).unwrap();
                assert_eq!(String::from_utf8_lossy(&text).lines().count(), 3, "{text:?}");
            }
        };
        check(3);
        let more = file("more.csv", "timestamp,account_id,ip\n1772323201,dan,8.8.4.4\n");
        update(&[more], &store, &IngestConfig::default(), &Unobserved).unwrap();
        check(4);
    }

    #[test]
    fn a_long_skeleton_is_kept_by_its_beginning_and_cut_once() {
        let folder = tempfile::tempdir().unwrap();
        let prompts = folder.path().join("prompts.csv");
        let text = "größe ".repeat(400);
        let short = "please tell me in a few plain words what the weather is like in this town";
        let rows = |account: &str| format!("1772323200,{account},{text}\n1772323200,{account},{short}\n");
        std::fs::write(&prompts, format!("timestamp,account_id,prompt\n{}{}", rows("ada"), rows("bob"))).unwrap();
        let store = folder.path().join("store");
        build(&[prompts], &store, &IngestConfig::default(), &Unobserved).unwrap();
        let of_store = || {
            let dataset = Dataset::open(&store).unwrap();
            let skeletons = dataset.tables().skeletons.iter();
            let mut named: Vec<(String, String)> = skeletons
                .map(|(identifier, skeleton, _)| {
                    (skeleton.clone(), dataset.identifier_name(graph::IdentifierId(*identifier)).1.to_owned())
                })
                .collect();
            named.sort();
            named
        };
        let before = of_store();
        assert_eq!(before.len(), 2, "{before:?}");
        let lengths: Vec<usize> = before.iter().map(|(skeleton, _)| skeleton.chars().count()).collect();
        assert_eq!(lengths, [SKELETON + 3, short.len()]);
        assert!(before[0].0.ends_with("..."));
        let more = folder.path().join("more.csv");
        std::fs::write(&more, "timestamp,account_id,ip\n1772323201,dan,8.8.4.4\n").unwrap();
        update(&[more], &store, &IngestConfig::default(), &Unobserved).unwrap();
        assert_eq!(of_store(), before);
    }
}
