//! Whose rows are left out, without saying who that is?
//!
//! A store that forgot accounts keeps a hash of each of their names, so that a later batch of logs or a table of accounts doesn't
//! bring them back. The hash is the first 128 bits of BLAKE3 keyed with 256 random bits of that store: two stores that forgot the
//! same account have nothing in common. The key lies beside the hashes, so whoever has both can ask of any name whether it was
//! forgotten; only a list of names that are not there tells nothing.
//!
//! What is hashed is the form in which the store held the account: its name, or its pseudonym. After a change of keys a log's name
//! still leads to the pseudonym under each key before ([`crate::Pseudonyms::forms`]), and so to the hash.

use std::collections::BTreeSet;
use std::fmt;

/// A hash of an account's name.
pub type ForgottenHash = [u8; 16];

/// The accounts that a store was told to forget.
#[derive(Clone, PartialEq, Eq)]
pub struct ForgottenAccounts {
    key: [u8; 32],
    hashes: BTreeSet<ForgottenHash>,
}

impl ForgottenAccounts {
    /// These hashes under this key.
    pub fn new(key: [u8; 32], hashes: impl IntoIterator<Item = ForgottenHash>) -> Self {
        ForgottenAccounts { key, hashes: hashes.into_iter().collect() }
    }

    /// The key of the hashes.
    pub fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// The hashes, ascending.
    pub fn hashes(&self) -> &BTreeSet<ForgottenHash> {
        &self.hashes
    }

    /// Adds an account, by the name under which the store holds it; whether it wasn't there.
    pub fn add(&mut self, name: &str) -> bool {
        self.hashes.insert(self.hash(name))
    }

    /// Lets go of an account; whether it was there.
    pub fn lift(&mut self, name: &str) -> bool {
        let hash = self.hash(name);
        self.hashes.remove(&hash)
    }

    /// Whether an account was forgotten under this name.
    pub fn has(&self, name: &str) -> bool {
        self.hashes.contains(&self.hash(name))
    }

    fn hash(&self, name: &str) -> ForgottenHash {
        let mut hash = [0; 16];
        hash.copy_from_slice(&blake3::keyed_hash(&self.key, name.as_bytes()).as_bytes()[..16]);
        hash
    }
}

impl fmt::Debug for ForgottenAccounts {
    /// How many, never the key.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ForgottenAccounts").field("accounts", &self.hashes.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::config::{IngestConfig, Unobserved};
    use crate::ingest::ingest;
    use crate::ingested::Ingested;
    use crate::normalise::pseudonym::Pseudonyms;

    fn forgotten(names: &[&str]) -> ForgottenAccounts {
        let mut forgotten = ForgottenAccounts::new([5; 32], []);
        assert!(names.iter().all(|name| forgotten.add(name)));
        forgotten
    }

    #[test]
    fn a_hash_is_of_one_name_under_one_key() {
        let mut one = forgotten(&["ada", "bob"]);
        let other = ForgottenAccounts::new([6; 32], one.hashes().iter().copied());
        assert!(one.has("ada") && one.has("bob") && !one.has("Ada") && !one.has(""));
        assert!(!other.has("ada"));
        assert!(one.lift("ada") && !one.lift("ada") && !one.has("ada") && one.has("bob"));
        assert_eq!(format!("{one:?}"), "ForgottenAccounts { accounts: 1, .. }");
    }

    /// Events as lines, a table of accounts and a list of known-good ones, all of which name ada and bob.
    fn read(folder: &std::path::Path, events: &str, config: IngestConfig) -> Ingested {
        let file = |name: &str, text: &str| -> PathBuf {
            std::fs::write(folder.join(name), text).unwrap();
            folder.join(name)
        };
        let config = IngestConfig {
            accounts: Some(file("accounts.csv", "account_id,country\nada,NL\nbob,DE\n")),
            allow: Some(file("allow.csv", "kind,value,reason\naccount,ada,ours\nip,198.51.100.8,an office\n")),
            ..config
        };
        ingest(&[file("events.csv", events)], &config, &Unobserved).unwrap()
    }

    const WIDE: &str = "timestamp,account_id,ip,prompt\n2026-03-01T00:00:00Z,ada,198.51.100.7,write a long poem about the moon and the sea\n\
        2026-03-01T00:00:01Z,bob,198.51.100.8,\nnever, ada ,198.51.100.9,\n2026-03-01T00:00:03Z,ada,198.51.100.8,\n";
    const LONG: &str = "timestamp,account_id,entity_kind,entity_value\n2026-03-01T00:00:00Z,ada,ip,198.51.100.7\n\
        2026-03-01T00:00:01Z,bob,ip,198.51.100.8\n2026-03-01T00:00:03Z,ada,device,d1\n";

    #[test]
    fn rows_of_whoever_was_forgotten_leave_no_trace_but_their_number() {
        let folder = tempfile::tempdir().unwrap();
        for events in [WIDE, LONG] {
            let all = read(folder.path(), events, IngestConfig::default());
            assert_eq!((all.account_names.len(), all.forgotten_rows), (2, 0));
            let without = IngestConfig { forgotten: Some(forgotten(&["ada"])), ..IngestConfig::default() };
            let left = read(folder.path(), events, without);
            assert_eq!((left.account_names.len(), left.account_names.text(0)), (1, "bob"));
            assert_eq!((left.identifier_names.len(), left.identifier_names.text(0)), (1, "198.51.100.8"));
            assert_eq!((left.forgotten_rows, left.rows), (2, all.rows));
            let tables: Vec<(&str, u64, u64)> =
                left.tables.iter().map(|read| (read.table, read.rows, read.forgotten)).collect();
            assert_eq!(tables, [("accounts", 1, 1), ("allow", 1, 1)]);
            let kept =
                [left.side_tables.accounts, left.side_tables.allow].map(|table| String::from_utf8(table.unwrap()).unwrap());
            assert!(kept.iter().all(|table| !table.contains("ada")), "{kept:?}");
        }
    }

    #[test]
    fn words_that_only_rows_without_effect_say_do_not_stay() {
        let folder = tempfile::tempdir().unwrap();
        let events = "timestamp,account_id,ip,model,capability,pathway\n2026-03-01T00:00:00Z,ada,9.9.9.9,m-ada,c-ada,p-ada\n\
            2026-03-01T00:00:01Z,bob,8.8.8.8,m2,c2,p2\n2026-03-01T00:00:02Z,bob,8.8.8.8,m1,c1,p1\nnever,bob,8.8.8.8,m0,c0,p0\n";
        let releases = folder.path().join("releases.csv");
        std::fs::write(&releases, "model,released_at\nm-ada,2026-02-01\nm2,2026-02-01\nm0,2026-02-01\n").unwrap();
        let config = IngestConfig { forgotten: Some(forgotten(&["ada"])), releases: Some(releases), ..IngestConfig::default() };
        let left = read(folder.path(), events, config);
        assert_eq!((left.forgotten_rows, left.rejected_count()), (1, 1));
        assert_eq!((left.models, left.capabilities), (vec!["m1".to_owned(), "m2".to_owned()], vec!["c1".into(), "c2".into()]));
        let activity = left.activity.columns();
        assert_eq!((&activity.model[..], &activity.capability[..]), (&[1, 0][..], &[1, 0][..]));
        // Of bob's pathways the first by name is his.
        assert_eq!((left.event_pathway, left.event_pathways), (vec![0], vec!["p1".to_owned()]));
        assert_eq!(left.releases.len(), 1);
        let of_releases = left.tables.iter().find(|read| read.table == "releases").unwrap();
        assert_eq!((of_releases.rows, of_releases.matched), (3, 1));
        // Nor does a row that is left out say that there are pathways at all.
        let events = "timestamp,account_id,ip,pathway\n2026-03-01T00:00:00Z,ada,9.9.9.9,p\n2026-03-01T00:00:01Z,bob,8.8.8.8,\n";
        let config = IngestConfig { forgotten: Some(forgotten(&["ada"])), ..IngestConfig::default() };
        let left = read(folder.path(), events, config);
        assert!(left.event_pathway.is_empty() && left.event_pathways.is_empty());
    }

    #[test]
    fn a_name_leads_to_what_was_forgotten_under_any_of_the_keys() {
        let folder = tempfile::tempdir().unwrap();
        let keys: Vec<Pseudonyms> = (1..=3u8).map(|byte| Pseudonyms::new([byte; 32])).collect();
        let twice = keys[0].clone().rotated(&keys[1]);
        let last = twice.clone().rotated(&keys[2]);
        let under = [keys[0].of("account", "ada"), twice.of("account", "ada"), last.of("account", "ada"), "ada".to_owned()];
        for name in &under {
            let config =
                IngestConfig { forgotten: Some(forgotten(&[name])), pseudonym: Some(last.clone()), ..IngestConfig::default() };
            let left = read(folder.path(), WIDE, config);
            assert_eq!((left.account_names.len(), left.forgotten_rows, left.tables[0].forgotten), (1, 2, 1), "{name}");
        }
    }
}
