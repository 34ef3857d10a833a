//! What a store of pseudonyms knows of its side tables when an update doesn't name them.
//!
//! The tables hold the names themselves, so such a store doesn't keep them; it keeps what they said of the accounts and
//! identifiers that it had. That goes on by name. An account that only the update brings has no facts until the table is named
//! again.

use std::mem::take;

use events::{AccountAttributes, IngestConfig, Ingested};
use graph::{NO_TIME, NONE_U16, NONE_U32};

use super::{ACCOUNTS, ALLOW, ByName, RELEASES};
use crate::dataset::Dataset;
use crate::error::Error;

/// Carries over what the tables said that neither `config` names nor the store keeps.
pub(super) fn carry_tables(dataset: &Dataset, config: &IngestConfig, ingested: &mut Ingested) -> Result<(), Error> {
    let unknown = |named: bool, section: &str| !named && !dataset.store().has(section);
    if unknown(config.accounts.is_some(), ACCOUNTS) {
        ingested.accounts = attributes(dataset, ingested)?;
    }
    let tables = dataset.tables();
    if unknown(config.allow.is_some(), ALLOW) {
        let new = ByName { dataset, ingested };
        let accounts = renumbered(&tables.allowed_accounts, |old| new.account(old));
        let identifiers = renumbered(&tables.allowed_identifiers, |old| new.identifier(old));
        (ingested.allowed_accounts, ingested.allowed_identifiers) = (accounts, identifiers);
    }
    if unknown(config.releases.is_some(), RELEASES) {
        let models = &ingested.models;
        let new = |old: u16| models.binary_search(tables.models.get(usize::from(old))?).ok();
        ingested.releases = tables.releases.iter().filter_map(|&(model, time)| Some((new(model)? as u16, time))).collect();
    }
    Ok(())
}

/// What the account table said, by the accounts' new numbers.
fn attributes(dataset: &Dataset, ingested: &mut Ingested) -> Result<AccountAttributes, Error> {
    let accounts = 0..dataset.graph().account_count() as u32;
    let names = ingested.account_names.as_ref();
    let old = |new: u32| dataset.account_names().find(accounts.clone(), &String::from_utf8_lossy(names.name(new)));
    let old_of: Vec<u32> = (0..names.len() as u32).map(|new| old(new).unwrap_or(NONE_U32)).collect();
    let (table, tables) = (dataset.accounts(), dataset.tables());
    let codes = |column: &[u16]| column_of(column, &old_of, NONE_U16);
    let times = |column: &[u32]| column_of(column, &old_of, NO_TIME);
    // Where the table has no pathways, those of the events count, and the update may bring more of them.
    let (pathway, pathways) = if dataset.pathways_are_of_events()? {
        (take(&mut ingested.accounts.pathway), take(&mut ingested.accounts.pathways))
    } else {
        (codes(&table.pathway), tables.pathways.clone())
    };
    Ok(AccountAttributes {
        created_at: times(&table.created_at),
        banned_at: times(&table.banned_at),
        country: codes(&table.country),
        tier: codes(&table.tier),
        pathway,
        status: codes(&dataset.status().codes),
        label: Vec::new(),
        org: column_of(&table.org, &old_of, NONE_U32),
        countries: tables.countries.clone(),
        tiers: tables.tiers.clone(),
        pathways,
        statuses: dataset.status().words.clone(),
        labels: Vec::new(),
        orgs: tables.orgs.clone(),
    })
}

/// A column by new numbers; `none` for accounts that the store hadn't.
fn column_of<T: Copy>(column: &[T], old_of: &[u32], none: T) -> Vec<T> {
    let entry = |&old: &u32| column.get(old as usize).copied().unwrap_or(none);
    if column.is_empty() { Vec::new() } else { old_of.iter().map(entry).collect() }
}

fn renumbered(list: &[(u32, String)], new_of: impl Fn(u32) -> Option<u32>) -> Vec<(u32, String)> {
    let mut list: Vec<_> = list.iter().filter_map(|(old, reason)| Some((new_of(*old)?, reason.clone()))).collect();
    list.sort();
    list
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use events::Pseudonyms;

    use super::*;
    use crate::build::{build, update};
    use crate::observe::Unobserved;

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

    #[test]
    fn an_update_under_a_key_that_names_no_table_goes_by_those_of_the_store() {
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
        assert!(build(&[first], &batches, &with_tables, &Unobserved).unwrap().texts_left_out);
        assert!(!update(&[second], &batches, &keyed, &Unobserved).unwrap().texts_left_out);
        assert_eq!(content(&batches), content(&whole));
        let tables = content(&batches).1;
        assert_eq!((tables.countries.len(), tables.orgs.len(), tables.releases.len()), (2, 2, 2));
        assert_eq!((tables.allowed_accounts.len(), tables.allowed_identifiers.len()), (1, 1));
        // What people wrote stands nowhere.
        for entry in std::fs::read_dir(&batches).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            for written in ["Ada", "Bob", "acme"] {
                assert!(!bytes.windows(written.len()).any(|window| window == written.as_bytes()), "{written}");
            }
        }
    }
}
