//! How does a store forget accounts, and what shows that it did?
//!
//! 1. *Rewrite*: every section is written anew without the accounts: their sightings and events, the identifiers that only they
//!    were seen with, the templates, and the words (models, countries, organisations, labels) that only they had. The account
//!    table and the allow list lose their rows; labels and reasons that name them become empty. What remains is numbered as a
//!    build without them would number it. An account that nothing was seen of, but that a table or the case log names, is
//!    forgotten there.
//! 2. *Results*: the last detection is run again on what remains, with its own settings, for the accounts had a part in every
//!    number; networks keep their ids by the record of those who stay. A section that this version doesn't know is dropped, not
//!    copied.
//! 3. *Decisions*: the names, and remarks that hold them, are erased from the case log's openings; its chain stays whole, and
//!    says how many accounts were forgotten, not which.
//! 4. *Commit*: facts and results become visible at once, so that no results are ever about other facts. Work that ends before
//!    leaves the store as it was, and can be begun again; where it ended after the log was written to, the log says twice that
//!    accounts were forgotten.
//! 5. *Memory*: a keyed hash of each name stays ([`super::remembered`]), so that no later batch brings an account back.
//! 6. *Proof*: every file of the store is searched for the names and identifiers, and every table of the new store is asked for
//!    them and for the words ([`super::proof`]).
//!
//! Hashes of event ids stay ([`events::EventIds`]): nothing says whose they are, and the same events read again don't bring an
//! account back. The old files are removed, not overwritten: what a disk or a backup keeps of removed files is beyond this. So
//! are files written before (exports, reports, rejects), and the logs that the store was built from. Cost: that of a rewrite
//! and of a detection.

use std::collections::BTreeSet;
use std::path::Path;

use graph::AccountId;
use serde::Serialize;

use super::changed::{Changed, Has};
use super::proof::{Occurrence, Sought, occurrences};
use super::remembered::with_names;
use super::{Key, check_key};
use crate::cases::{self, Cases};
use crate::dataset::Dataset;
use crate::detect::{detect_staged, last};
use crate::error::Error;
use crate::node::Name;
use crate::observe::{Observer, Steps};
use crate::results::Run;
use crate::rules::Lists;
use crate::store::StoreWriter;
use crate::subset::side_tables::{About, accounts_in_side_tables};
use crate::subset::{Kept, TableWords};
use crate::{as_of, build, lineage};

/// What was forgotten.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
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
    /// Accounts, with those of earlier erasures, whose rows are left out from now on ([`super::lift`]).
    pub remembered: u64,
    /// What is otherwise since, beside that they are gone.
    #[serde(flatten)]
    pub changed: Changed,
    /// Whether the detection was run again.
    pub detected_again: bool,
    /// Files of the store that were searched for the names.
    pub files_searched: u64,
    /// Where a name still stands as a word of its own; empty, or a word that happens to be the same.
    pub found: Vec<Occurrence>,
}

/// Removes accounts from a store. `names` are accounts, as values where `key` is the store's; nothing is changed unless all
/// are there, and before the networks are detected again without them.
///
/// # Errors
/// [`Error::Unknown`] naming the accounts that aren't there, [`Error::StoreKey`], and as [`crate::detect()`].
pub fn forget(
    store: &Path,
    names: &[Name],
    key: Option<&Key>,
    reviewer: &str,
    observer: &dyn Observer,
) -> Result<Forgotten, Error> {
    cases::check_reviewer(reviewer)?;
    let steps = Steps::of(observer);
    let mut writer = StoreWriter::amend(store)?;
    let mut dataset = Dataset::open(store)?;
    let stored_key = dataset.manifest().key_id.clone();
    if let Some(key) = key {
        check_key(store, stored_key.as_deref(), Some(&key.id()))?;
        dataset = dataset.with_key(key)?;
    }
    let (removed, mut gone) = resolve(&dataset, names)?;
    let accounts = removed.len() + gone.len();
    gone.extend(removed.iter().map(|&account| dataset.account_name(AccountId(account)).to_owned()));
    let remembered = with_names(dataset.store(), &gone)?;
    // Where the store holds pseudonyms, remarks may hold the values all the same.
    gone.extend(names.iter().map(|name| name.bare().to_owned()));
    steps.begin("checking")?;
    dataset.store().verify()?;
    let labelling = dataset.labelling_if_any()?;
    let before = Has::of(&dataset, labelling.as_ref());
    let run = labelling.map(|results| results.run);
    steps.begin("rewriting")?;
    let kept = Kept::without(&dataset, &removed, gone.clone());
    writer.forget("");
    let ingested = kept.ingested(&dataset, build::event_ids(&dataset)?)?;
    let words = TableWords::of(&dataset).without(&TableWords::of_ingested(&ingested));
    kept.put(&mut writer, &dataset, ingested)?;
    kept.put_side_tables(&mut writer, &dataset, About::Either)?;
    super::keep_sealed_keys(&dataset, &mut writer)?;
    super::put_forgotten(&mut writer, Some(&remembered))?;
    as_of::keep(&dataset, &mut writer)?;
    lineage::keep(&dataset, &kept, lineage::Cause::Forgotten, &mut writer)?;
    steps.begin("writing")?;
    let detected_again = run.is_some();
    if let Some(run) = run {
        let lists = kept.lists(&dataset, Lists::kept_in(&dataset)?);
        writer = detect_again(writer, (&run, &lists), Cases::open(store)?, observer)?;
    } else {
        last::carry(&dataset, |lists| kept.lists(&dataset, lists), &mut writer)?;
    }
    let events = dataset.activity().event_count() - kept.event_count(&dataset);
    let mut forgotten = Forgotten {
        accounts: accounts as u64,
        sightings: (dataset.graph().sighting_count() - kept.sighting_count(&dataset)) as u64,
        events: events as u64,
        identifiers: kept.removed_identifiers().count() as u64,
        decisions: 0,
        remembered: remembered.hashes().len() as u64,
        changed: Changed::default(),
        detected_again,
        files_searched: 0,
        found: Vec::new(),
    };
    let owned = |(kind, value): (&str, &str)| (kind.to_owned(), value.to_owned());
    let identifiers: BTreeSet<_> = kept.removed_identifiers().map(|id| owned(dataset.identifier_name(id))).collect();
    // The log first: a crash in between leaves accounts that can be named, and so forgotten, again.
    cases::log_erasure(store, cases::Action::Forget, accounts, reviewer)?;
    let erase = || cases::erase_names(store, &gone, &identifiers, kept.gone(&dataset));
    forgotten.decisions = erase()?;
    writer.commit()?;
    // A decision that was made in between; one that is made from now on doesn't find them.
    forgotten.decisions += erase()?;
    forgotten.changed = before.beside(store)?;
    (forgotten.files_searched, forgotten.found) = occurrences(store, &Sought { accounts: gone, identifiers, words })?;
    Ok(forgotten)
}

/// Runs a detection again, with its own settings if they can be read, on what a change is going to make of a store
/// ([`detect_staged`]).
pub(super) fn detect_again(
    writer: StoreWriter,
    (run, lists): (&Run, &Lists),
    cases: Cases,
    observer: &dyn Observer,
) -> Result<StoreWriter, Error> {
    Ok(detect_staged(writer, &run.detect_config().unwrap_or_default(), lists, cases, observer)?.0)
}

/// The numbers of accounts, and the names of those that have none: they only stand in a table or in the case log.
fn resolve(dataset: &Dataset, names: &[Name]) -> Result<(BTreeSet<u32>, BTreeSet<String>), Error> {
    let (mut found, mut missing) = (BTreeSet::new(), Vec::new());
    for name in names {
        match dataset.account_alone(name) {
            Ok(account) => drop(found.insert(account.0)),
            Err(error @ Error::Unknown { .. }) => missing.push((name.bare(), error)),
            Err(error) => return Err(error),
        }
    }
    let stored = |name: &str| [Some(name.to_owned()), dataset.pseudonym_of("account", name)];
    let sought: BTreeSet<String> = missing.iter().flat_map(|(name, _)| stored(name)).flatten().collect();
    let mut unnumbered = BTreeSet::new();
    if !sought.is_empty() {
        unnumbered.append(&mut accounts_in_side_tables(dataset, &sought)?);
        unnumbered.append(&mut cases::accounts_named(dataset.path(), &sought)?);
    }
    missing.retain(|(name, _)| !stored(name).iter().flatten().any(|name| unnumbered.contains(name)));
    let unknown: Vec<&str> = missing.iter().map(|(name, _)| *name).collect();
    match unknown.len() {
        0 => Ok((found, unnumbered)),
        1 if names.len() == 1 => Err(missing.remove(0).1),
        count => Err(Error::Unknown {
            what: format!("{count} of {} accounts ({})", names.len(), unknown.join(", ")),
            hint: "; nothing was forgotten".to_owned(),
            nearest: Vec::new(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use events::IngestConfig;
    use proptest::prelude::*;

    use super::*;
    use crate::observe::{Progress, Unobserved};
    use crate::testing::interrupted_everywhere;

    /// A store of events (account, address, card or template) with all side tables, as it would be if nobody had ever heard of
    /// `without`.
    fn store(folder: &Path, name: &str, rows: &[(u32, u32, u32)], without: &BTreeSet<u32>) -> std::path::PathBuf {
        let mut events = "timestamp,account_id,ip,payment_instrument,prompt_template_hash,model,pathway,tokens\n".to_owned();
        let mut accounts = "account_id,created_at,country,tier,status,label,org\n".to_owned();
        let mut allow = "kind,value,reason\n".to_owned();
        let mut seen = BTreeSet::new();
        for (at, &(account, address, other)) in rows.iter().enumerate() {
            if without.contains(&account) {
                continue;
            }
            let second = at % 60;
            let (card, template) =
                if other % 2 == 0 { (other.to_string(), String::new()) } else { (String::new(), format!("t{other}")) };
            // The column goes with the one account that has any.
            let tokens = if account == 3 { at } else { 0 };
            let (model, pathway) = (account % 7, account % 6);
            events.push_str(&format!("2026-03-01T00:00:{second:02}Z,acct{account:04},198.51.100.{address},{card},{template},"));
            events.push_str(&if model < 2 { format!(",p{pathway}") } else { format!("m{model},p{pathway}") });
            events.push_str(&format!(",{tokens}\n"));
            if seen.insert(account) {
                let friend = (account + 1) % 12;
                let label = if account % 3 > 0 || without.contains(&friend) { "" } else { &format!("like ACCT{friend:04}") };
                let (country, tier, status) = (account % 5, account % 4, ["active", "Banned"][account as usize % 2]);
                accounts.push_str(&format!("acct{account:04},2026-02-01T00:00:00Z,C{country},T{tier},{status},{label},"));
                accounts.push_str(&format!("org{}\n", account % 5));
                allow.push_str(&format!("account,acct{account:04},{}\n", if account % 3 == 0 { label } else { "ours" }));
            }
        }
        for address in 1..25 {
            let mut owners = rows.iter().filter(|row| row.1 == address).map(|row| row.0).peekable();
            if owners.peek().is_none() || owners.any(|owner| !without.contains(&owner)) {
                allow.push_str(&format!("IP,::ffff:198.51.100.{address},\"office, {address}\"\n"));
            }
        }
        accounts.push_str("never-seen,2026-02-01T00:00:00Z,C9,T9,active,quiet,org9\n");
        let releases = (0..9).map(|model| format!("m{model},2026-02-0{}T00:00:00Z\n", model + 1)).collect::<String>();
        let file = |what: &str, text: String| {
            let path = folder.join(format!("{name}-{what}.csv"));
            std::fs::write(&path, text).unwrap();
            Some(path)
        };
        let path = folder.join(name);
        let config = IngestConfig {
            accounts: file("accounts", accounts),
            allow: file("allow", allow),
            releases: file("releases", format!("model,released_at\n{releases}")),
            ..IngestConfig::default()
        };
        build::build(&[file("events", events).unwrap()], &path, &config, &Unobserved).unwrap();
        path
    }

    fn content(store: &Path) -> (Vec<(String, u64, u128)>, crate::store::Tables) {
        let dataset = Dataset::open(store).unwrap();
        dataset.graph().validate().unwrap();
        // Beside the hashes of who was forgotten.
        let sections = dataset.manifest().sections.iter().filter(|section| section.name != "privacy.forgotten");
        (sections.map(|section| (section.name.clone(), section.bytes, section.checksum)).collect(), dataset.tables().clone())
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
            let names: Vec<Name> = forgotten.iter().map(|account| format!("acct{account:04}").as_str().into()).collect();
            let report = forget(&whole, &names, None, "ann", &Unobserved).unwrap();
            prop_assert_eq!(report.accounts, names.len() as u64);
            prop_assert_eq!(&report.found, &Vec::new());
            prop_assert_eq!(content(&whole), content(&never));
        }
    }

    #[test]
    fn who_only_stands_in_a_table_is_forgotten_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = store(folder.path(), "s", &[(1, 1, 1), (2, 1, 2)], &BTreeSet::new());
        let holds = |name: &str| {
            let text = Dataset::open(&path).unwrap().store().column::<u8>("inputs.accounts").unwrap().to_vec();
            String::from_utf8(text).unwrap().contains(name)
        };
        let before = content(&path);
        assert!(holds("never-seen"));
        let forgotten = forget(&path, &["never-seen".into()], None, "ann", &Unobserved).unwrap();
        assert_eq!((forgotten.accounts, forgotten.sightings, forgotten.found), (1, 0, Vec::new()));
        assert!(!holds("never-seen") && holds("acct0001"));
        let but_the_table = |(mut sections, tables): (Vec<(String, u64, u128)>, crate::store::Tables)| {
            sections.retain(|section| section.0 != "inputs.accounts");
            (sections, tables)
        };
        assert_eq!(but_the_table(content(&path)), but_the_table(before));
        assert!(forget(&path, &["never-seen".into()], None, "ann", &Unobserved).is_err());
    }

    /// Raises a flag as soon as anything begins.
    struct Raised<'a>(&'a AtomicBool);

    impl Observer for Raised<'_> {
        fn begins(&self, _: Progress<'_>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    #[test]
    fn no_other_writer_comes_between_the_rewrite_and_the_detection() {
        let folder = tempfile::tempdir().unwrap();
        let path = store(folder.path(), "s", &[(1, 1, 1), (2, 1, 2), (3, 1, 2)], &BTreeSet::new());
        crate::detect::detect(&path, &crate::DetectConfig::default(), &Unobserved).unwrap();
        let (begun, done) = (AtomicBool::new(false), AtomicBool::new(false));
        let forgotten = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    if begun.load(Ordering::SeqCst) {
                        drop(StoreWriter::amend(&path));
                    }
                }
            });
            let forgotten = forget(&path, &["acct0001".into()], None, "ann", &Raised(&begun));
            done.store(true, Ordering::SeqCst);
            forgotten
        });
        assert!(forgotten.unwrap().detected_again);
    }

    #[test]
    fn work_that_is_interrupted_changes_nothing_and_can_be_begun_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = store(folder.path(), "s", &[(1, 1, 1), (2, 1, 2), (3, 1, 2)], &BTreeSet::new());
        crate::detect::detect(&path, &crate::DetectConfig::default(), &Unobserved).unwrap();
        let names = ["acct0001".into()];
        let forgotten = interrupted_everywhere(&path, |observer| forget(&path, &names, None, "ann", observer));
        assert!(forgotten.detected_again && forgotten.found.is_empty(), "{forgotten:?}");
        let cases = Cases::open(&path).unwrap();
        assert_eq!(cases.entries().len(), 1, "it is logged once");
    }

    #[test]
    fn an_unknown_account_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = store(folder.path(), "s", &[(1, 1, 1), (2, 1, 2)], &BTreeSet::new());
        let before = content(&path);
        let names = ["acct0001".into(), "acct9999".into()];
        let error = forget(&path, &names, None, "ann", &Unobserved).unwrap_err();
        assert!(matches!(&error, Error::Unknown { what, .. } if what.contains("acct9999")), "{error}");
        assert_eq!(content(&path), before);
    }
}
