//! The side tables that a store keeps, for an update to go by.
//!
//! They are in our words ([`events::SideTables`]), under a key in pseudonyms. Earlier versions kept none under a key, only what they
//! said of the accounts and identifiers of the store; of that a table is made here.

use events::SideTables;
use graph::{IdentifierId, NO_TIME, Seconds};

use super::{ACCOUNTS, ALLOW, RELEASES};
use crate::dataset::Dataset;
use crate::error::Error;
use crate::store::Store;

/// The side tables of a store.
pub(super) fn side_tables(dataset: &Dataset) -> Result<SideTables, Error> {
    let store = dataset.store();
    let keyed = dataset.manifest().key_id.is_some();
    let or_made = |section: &str, made: &dyn Fn() -> Result<Option<Vec<u8>>, Error>| match table(store, section)? {
        None if keyed => made(),
        kept => Ok(kept),
    };
    Ok(SideTables {
        accounts: or_made(ACCOUNTS, &|| accounts(dataset))?,
        releases: table(store, RELEASES)?,
        allow: or_made(ALLOW, &|| Ok(allowed(dataset)))?,
    })
}

fn table(store: &Store, section: &str) -> Result<Option<Vec<u8>>, Error> {
    store.has(section).then(|| Ok(store.column::<u8>(section)?.to_vec())).transpose()
}

/// What is known of accounts, as an account table; nothing where no table was given.
fn accounts(dataset: &Dataset) -> Result<Option<Vec<u8>>, Error> {
    let (facts, tables, status) = (dataset.accounts(), dataset.tables(), dataset.status());
    let time = |column: &[Seconds], at: usize| match column.get(at) {
        Some(&time) if time != NO_TIME => time.to_string(),
        _ => String::new(),
    };
    let word = |codes: &[u16], words: &[String], at: usize| {
        codes.get(at).and_then(|&code| words.get(usize::from(code))).cloned().unwrap_or_default()
    };
    // Where the table had no pathways, those of the events stand in.
    let pathways: &[String] = if dataset.pathways_are_of_events()? { &[] } else { &tables.pathways };
    let org = |at: usize| facts.org.get(at).and_then(|&org| tables.orgs.get(org as usize)).cloned().unwrap_or_default();
    let mut columns: Vec<(&str, Vec<String>)> = Vec::new();
    let mut add = |name, is_there: bool, field: &dyn Fn(usize) -> String| {
        columns.extend(is_there.then(|| (name, (0..dataset.graph().account_count()).map(field).collect())));
    };
    add("created_at", !facts.created_at.is_empty(), &|at| time(&facts.created_at, at));
    add("banned_at", !facts.banned_at.is_empty(), &|at| time(&facts.banned_at, at));
    add("country", !facts.country.is_empty(), &|at| word(&facts.country, &tables.countries, at));
    add("tier", !facts.tier.is_empty(), &|at| word(&facts.tier, &tables.tiers, at));
    add("pathway", !pathways.is_empty(), &|at| word(&facts.pathway, pathways, at));
    add("status", !status.codes.is_empty(), &|at| word(&status.codes, &status.words, at));
    add("org", !facts.org.is_empty(), &org);
    if columns.is_empty() {
        return Ok(None);
    }
    let header = std::iter::once("account_id").chain(columns.iter().map(|(name, _)| *name)).map(str::to_owned).collect();
    let row = |at: usize| {
        let name = dataset.account_names().name_of(at as u32).to_owned();
        std::iter::once(name).chain(columns.iter().map(|(_, fields)| fields[at].clone())).collect()
    };
    Ok(Some(csv_of(std::iter::once(header).chain((0..dataset.graph().account_count()).map(row)))))
}

/// The known-good list, without reasons; nothing where nobody is on it.
fn allowed(dataset: &Dataset) -> Option<Vec<u8>> {
    let tables = dataset.tables();
    let accounts = tables.allowed_accounts.iter().map(|&(account, _)| ("account", dataset.account_names().name_of(account)));
    let identifiers =
        tables.allowed_identifiers.iter().map(|&(identifier, _)| dataset.identifier_name(IdentifierId(identifier)));
    let mut rows: Vec<Vec<String>> =
        accounts.chain(identifiers).map(|(kind, value)| vec![kind.to_owned(), value.to_owned()]).collect();
    rows.sort_unstable();
    let header = vec!["kind".to_owned(), "value".to_owned()];
    (!rows.is_empty()).then(|| csv_of(std::iter::once(header).chain(rows)))
}

fn csv_of(rows: impl Iterator<Item = Vec<String>>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    rows.for_each(|row| writer.write_record(row).expect("records of one length are written to memory"));
    writer.into_inner().expect("nothing is left to be written")
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use events::{IngestConfig, Pseudonyms};

    use super::*;
    use crate::build::{build, update};
    use crate::observe::Unobserved;
    use crate::store::StoreWriter;

    /// Of every account a line, of which the first comes with the first batch.
    const TABLE: &str = "account_id,created_at,banned_at,country,tier,status,label,org\n\
        ada,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z,NL,pro,Banned,seen at Bob's,acme\n\
        bob,2026-01-02T00:00:00Z,,DE,free,active,,beta\n";
    const ALLOWED: &str = "kind,value,reason\nip,198.51.100.7,the office of Ada\naccount,bob,Bob himself\n";
    const RELEASED: &str = "model,released_at\nm1,2026-01-05T00:00:00Z\nm0,2026-01-06T00:00:00Z\n";
    const FIRST: &str = "timestamp,account_id,ip,model,pathway\n\
        2026-03-01T00:00:00Z,ada,198.51.100.7,m1,api\n2026-03-01T00:00:01Z,bob,198.51.100.7,m2,web\n";
    const SECOND: &str = "timestamp,account_id,ip,model,pathway\n\
        2026-03-01T00:00:02Z,ada,198.51.100.6,m0,api\n2026-03-01T00:00:03Z,aaron,192.0.2.1,m1,app\n";

    fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn content(store: &Path) -> (Vec<(String, u128)>, crate::store::Tables) {
        let dataset = Dataset::open(store).unwrap();
        let sections = dataset.manifest().sections.iter().map(|section| (section.name.clone(), section.checksum));
        (sections.collect(), dataset.tables().clone())
    }

    /// A store of plain values became one that said it held pseudonyms, with the same accounts under two names.
    #[test]
    fn an_update_goes_by_the_key_of_the_store_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second] = [("first", FIRST), ("second", SECOND)].map(|(name, text)| file(folder.path(), name, text));
        let plain = IngestConfig::default();
        let keyed = IngestConfig { pseudonym: Some(Pseudonyms::new([7; 32])), ..IngestConfig::default() };
        for (name, built, given) in [("plain", &plain, &keyed), ("keyed", &keyed, &plain)] {
            let store = folder.path().join(name);
            build(std::slice::from_ref(&first), &store, built, &Unobserved).unwrap();
            let before = content(&store);
            let refused = update(std::slice::from_ref(&second), &store, given, &Unobserved).unwrap_err();
            assert!(matches!(refused, Error::StoreKey { .. }), "{refused}");
            assert_eq!(content(&store), before);
            update(std::slice::from_ref(&second), &store, built, &Unobserved).unwrap();
            assert_ne!(content(&store), before);
        }
        // A build puts a store of pseudonyms in the place of one of plain values.
        build(&[first], &folder.path().join("plain"), &keyed, &Unobserved).unwrap();
    }

    #[test]
    fn an_update_that_names_no_table_goes_by_those_of_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second] = [("first", FIRST), ("second", SECOND)].map(|(name, text)| file(folder.path(), name, text));
        let table = |name: &str, text: &str| Some(file(folder.path(), name, text));
        let keyed = IngestConfig { pseudonym: Some(Pseudonyms::new([7; 32])), ..IngestConfig::default() };
        let with_tables = IngestConfig {
            accounts: table("accounts", TABLE),
            allow: table("allow", ALLOWED),
            releases: table("releases", RELEASED),
            ..keyed.clone()
        };
        let (whole, batches) = (folder.path().join("whole"), folder.path().join("batches"));
        build(&[first.clone(), second.clone()], &whole, &with_tables, &Unobserved).unwrap();
        assert!(build(std::slice::from_ref(&first), &batches, &with_tables, &Unobserved).unwrap().texts_left_out);
        assert!(!update(std::slice::from_ref(&second), &batches, &keyed, &Unobserved).unwrap().texts_left_out);
        assert_eq!(content(&batches), content(&whole));
        let tables = content(&batches).1;
        assert_eq!((tables.countries.len(), tables.orgs.len(), tables.releases.len()), (2, 2, 2));
        assert_eq!((tables.allowed_accounts.len(), tables.allowed_identifiers.len()), (1, 1));
        // A store of an earlier version has no tables, only what they said of whom it had: that goes on.
        let older = folder.path().join("older");
        build(&[first], &older, &with_tables, &Unobserved).unwrap();
        let mut writer = StoreWriter::amend(&older).unwrap();
        [ACCOUNTS, ALLOW].into_iter().for_each(|section| writer.forget(section));
        writer.commit().unwrap();
        update(&[second], &older, &keyed, &Unobserved).unwrap();
        let but_tables = |(mut sections, tables): (Vec<(String, u128)>, crate::store::Tables)| {
            sections.retain(|(name, _)| name != ACCOUNTS && name != ALLOW);
            (sections, tables)
        };
        assert_eq!(but_tables(content(&older)), but_tables(content(&whole)));
        // What people wrote stands nowhere.
        for entry in std::fs::read_dir(&batches).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            for written in ["Ada", "Bob", "acme"] {
                assert!(!bytes.windows(written.len()).any(|window| window == written.as_bytes()), "{written}");
            }
        }
    }
}
