//! Which accounts is a store not to take back?
//!
//! Section `privacy.forgotten`, as JSON: the key and the hashes of [`events::ForgottenAccounts`], in hex, and nothing else. It is made
//! by the first [`super::forget()`], goes with every rewrite of the store, a change of keys and a build over it, and every build and
//! update leaves out the rows of whoever is in it. [`lift`] takes accounts out again, and the section goes with the last of them.
//!
//! An erased name must not be kept to be recognised, so this is the least that can be: who has the store can ask of a name whether
//! it was forgotten, and learns nothing else. In a store under a key what is hashed are pseudonyms, so that asking takes the key file as
//! well.

use std::collections::BTreeSet;
use std::path::Path;

use events::hex::{hex, of_hex};
use events::{ForgottenAccounts, Pseudonyms};
use serde::{Deserialize, Serialize};

use super::{Key, check_key, sealed_keys, unsealed};
use crate::cases;
use crate::dataset::Dataset;
use crate::error::Error;
use crate::node::Name;
use crate::store::{Store, StoreWriter};

/// The section.
const FORGOTTEN: &str = "privacy.forgotten";

/// What it holds, in hex.
#[derive(Serialize, Deserialize)]
struct Written {
    key: String,
    accounts: Vec<String>,
}

/// The accounts that a store is not to take back, if there are any.
pub(crate) fn forgotten_accounts(store: &Store) -> Result<Option<ForgottenAccounts>, Error> {
    let Some(Written { key, accounts }) = store.json(FORGOTTEN)? else { return Ok(None) };
    let hashes: Option<Vec<[u8; 16]>> = accounts.iter().map(|hash| of_hex(hash)).collect();
    let read = of_hex(&key).zip(hashes).map(|(key, hashes)| ForgottenAccounts::new(key, hashes));
    read.map(Some).ok_or_else(|| store.damaged(FORGOTTEN, "no key and hashes"))
}

/// Puts them into a store; without any there is no section.
pub(crate) fn put_forgotten(writer: &mut StoreWriter, forgotten: Option<&ForgottenAccounts>) -> Result<(), Error> {
    match forgotten {
        Some(some) if !some.hashes().is_empty() => {
            let written = Written { key: hex(some.key()), accounts: some.hashes().iter().map(|hash| hex(hash)).collect() };
            writer.put(FORGOTTEN, &serde_json::to_vec(&written).expect("plain data serialises"))
        }
        _ => {
            writer.forget(FORGOTTEN);
            Ok(())
        }
    }
}

/// Keeps them in what is made of a store.
pub(crate) fn keep_forgotten(dataset: &Dataset, writer: &mut StoreWriter) -> Result<(), Error> {
    put_forgotten(writer, forgotten_accounts(dataset.store())?.as_ref())
}

/// Those of a store and these names, under which it has held accounts.
pub(super) fn with_names<'n>(store: &Store, names: impl IntoIterator<Item = &'n String>) -> Result<ForgottenAccounts, Error> {
    let mut forgotten = match forgotten_accounts(store)? {
        Some(forgotten) => forgotten,
        None => {
            let mut key = [0; 32];
            Error::random(&mut key, "the hashes of who is forgotten")?;
            ForgottenAccounts::new(key, [])
        }
    };
    for name in names {
        forgotten.add(name);
    }
    Ok(forgotten)
}

/// What was taken back of having forgotten accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Lifted {
    /// Accounts whose rows count again, from the next batch on.
    pub accounts: u64,
    /// Accounts whose rows go on being left out.
    pub still_forgotten: u64,
}

/// Lets accounts come back that a store was told to forget: rows of theirs that are read from now on count. What had been forgotten is
/// not there again, and events that had an id and had been read don't count a second time. The case log says how many accounts that
/// was, not which. `names` are accounts, as values where `key` is the store's; nothing is changed unless all of them were forgotten.
///
/// # Errors
/// [`Error::Unknown`] naming those that weren't, [`Error::StoreKey`], and as [`StoreWriter::amend`].
pub fn lift(store: &Path, names: &[Name], key: Option<&Key>, reviewer: &str) -> Result<Lifted, Error> {
    cases::check_reviewer(reviewer)?;
    let mut writer = StoreWriter::amend(store)?;
    let dataset = Dataset::open(store)?;
    if let Some(key) = key {
        check_key(store, dataset.manifest().key_id.as_deref(), Some(&key.id()))?;
    }
    let pseudonyms = match key.filter(|_| dataset.manifest().key_id.is_some()) {
        Some(key) => Some(unsealed(store, key.pseudonyms(), &sealed_keys(dataset.store())?)?),
        None => None,
    };
    let mut forgotten = forgotten_accounts(dataset.store())?.unwrap_or_else(|| ForgottenAccounts::new([0; 32], []));
    // Who is named twice is one.
    let names: BTreeSet<&str> = names.iter().map(Name::bare).collect();
    let missing: Vec<&str> =
        names.iter().copied().filter(|name| !take_back(&mut forgotten, pseudonyms.as_ref(), name)).collect();
    if !missing.is_empty() {
        let what = match (missing.len(), names.len()) {
            (1, 1) => format!("the erasure of {}", missing[0]),
            (lacking, all) => format!("the erasure of {lacking} of {all} accounts ({})", missing.join(", ")),
        };
        return Err(Error::Unknown { what, hint: "; nothing was lifted".to_owned(), nearest: Vec::new() });
    }
    put_forgotten(&mut writer, Some(&forgotten))?;
    cases::log_erasure(store, cases::Action::Lift, names.len(), reviewer)?;
    writer.commit()?;
    Ok(Lifted { accounts: names.len() as u64, still_forgotten: forgotten.hashes().len() as u64 })
}

/// Lifts an account by its name and by every pseudonym that this has had; whether it was there.
fn take_back(forgotten: &mut ForgottenAccounts, pseudonyms: Option<&Pseudonyms>, name: &str) -> bool {
    let forms = pseudonyms.into_iter().flat_map(|keyed| keyed.forms("account", name));
    // Of each, for it may have been forgotten under several.
    std::iter::once(name.to_owned()).chain(forms).filter(|form| forgotten.lift(form)).count() > 0
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use events::IngestConfig;

    use super::*;
    use crate::observe::Unobserved;
    use crate::privacy::{Extent, KeptSince, expire, forget, rekey};
    use crate::testing::key;
    use crate::{BuildSummary, build};

    /// Seconds, accounts and addresses as a file of events; 9 shares an address with everybody.
    fn events(folder: &Path, name: &str, rows: &[(u32, &str)]) -> PathBuf {
        let line = |&(second, account): &(u32, &str)| format!("{},{account},198.51.100.9,e{second}\n", 1_772_323_200 + second);
        let text = rows.iter().map(line).collect::<String>();
        let file = folder.join(name);
        std::fs::write(&file, format!("timestamp,account_id,ip,event_id\n{text}")).unwrap();
        file
    }

    fn has(store: &Path, account: &str, key: Option<&Key>) -> bool {
        let dataset = Dataset::open(store).unwrap();
        let dataset = key.into_iter().fold(dataset, |dataset, key| dataset.with_key(key).unwrap());
        dataset.node(&format!("account:{account}")).is_ok()
    }

    /// Reads more events and an account table with ada in it.
    fn update(store: &Path, file: PathBuf, key: Option<&Key>) -> BuildSummary {
        let table = file.with_extension("table");
        std::fs::write(&table, "account_id,country\nada,NL\nbob,DE\n").unwrap();
        let config = IngestConfig { accounts: Some(table), pseudonym: key.map(Key::pseudonyms), ..IngestConfig::default() };
        build::update(&[file], store, &config, &Unobserved).unwrap()
    }

    fn left_out(summary: &BuildSummary) -> (u64, u64) {
        (summary.forgotten_rows, summary.tables.iter().map(|read| read.forgotten).sum())
    }

    #[test]
    fn whoever_was_forgotten_comes_back_by_nothing_but_a_lift() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("s");
        let config = IngestConfig::default();
        let first = events(folder.path(), "1.csv", &[(0, "ada"), (1, "bob"), (50, "bob"), (2, "eve")]);
        build::build(std::slice::from_ref(&first), &store, &config, &Unobserved).unwrap();
        assert_eq!(forget(&store, &["ada".into()], None, "ann", &Unobserved).unwrap().remembered, 1);
        let two = update(&store, events(folder.path(), "2.csv", &[(60, "ada"), (61, "bob")]), None);
        assert_eq!((left_out(&two), has(&store, "ada", None)), ((1, 1), false));
        // Through a retention, another erasure, a cut at a time and a build over it.
        expire(&store, KeptSince::Time(1_772_323_210), Extent::Usual, &Unobserved).unwrap();
        let three = update(&store, events(folder.path(), "3.csv", &[(70, "ada"), (71, "eve")]), None);
        assert_eq!((left_out(&three), has(&store, "ada", None), has(&store, "eve", None)), ((1, 1), false, true));
        assert_eq!(forget(&store, &["eve".into()], None, "ann", &Unobserved).unwrap().remembered, 2);
        let then = folder.path().join("then");
        crate::as_of(&store, 1_772_323_265, &then, &Unobserved).unwrap();
        assert_eq!(forgotten_accounts(&Store::open(&then).unwrap()).unwrap().unwrap().hashes().len(), 2);
        let all = [first, folder.path().join("2.csv"), folder.path().join("3.csv")];
        let built = build::build(&all[..], &store, &config, &Unobserved).unwrap();
        assert_eq!((built.forgotten_rows, built.replaced.unwrap().forgotten), (5, 2));
        assert!(!has(&store, "ada", None) && !has(&store, "eve", None) && has(&store, "bob", None));
        // Its key and hashes are all that is kept; "ada" may stand in hexadecimal digits by chance.
        let section = Store::open(&store).unwrap().column::<u8>(FORGOTTEN).unwrap().to_vec();
        assert!(!String::from_utf8(section).unwrap().contains("eve"));

        let unknown = lift(&store, &["ada".into(), "joe".into()], None, "ann").unwrap_err();
        assert!(matches!(&unknown, Error::Unknown { what, .. } if what.contains("joe") && !what.contains("ada")), "{unknown}");
        assert_eq!(lift(&store, &["ada".into()], None, "ann").unwrap(), Lifted { accounts: 1, still_forgotten: 1 });
        let four = update(&store, events(folder.path(), "4.csv", &[(80, "ada"), (81, "eve")]), None);
        assert_eq!((left_out(&four), has(&store, "ada", None), has(&store, "eve", None)), ((1, 0), true, false));
        lift(&store, &["eve".into()], None, "ann").unwrap();
        assert!(!Store::open(&store).unwrap().has(FORGOTTEN));
        let log = std::fs::read_to_string(store.join("CASES.jsonl")).unwrap();
        // As above: of the two only "eve" can't stand in a hash.
        assert_eq!((log.matches("\"lift\"").count(), log.matches("eve").count()), (2, 0), "{log}");
    }

    #[test]
    fn under_keys_too_but_for_a_build_that_leaves_one_behind() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("s");
        let [old, new] = [&b"0123456789abcdef0123456789abcdef"[..], b"fedcba9876543210fedcba9876543210"]
            .map(|bytes| key(folder.path(), bytes));
        let under = |key: &Key| IngestConfig { pseudonym: Some(key.pseudonyms()), ..IngestConfig::default() };
        let first = events(folder.path(), "1.csv", &[(0, "ada"), (1, "bob"), (2, "eve")]);
        build::build(std::slice::from_ref(&first), &store, &under(&old), &Unobserved).unwrap();
        forget(&store, &["ada".into()], Some(&old), "ann", &Unobserved).unwrap();
        let two = update(&store, events(folder.path(), "2.csv", &[(60, "ada"), (61, "bob")]), Some(&old));
        assert_eq!((left_out(&two), has(&store, "ada", Some(&old))), ((1, 1), false));
        rekey(&store, &old, &new, "ann", &Unobserved).unwrap();
        forget(&store, &["eve".into()], Some(&new), "ann", &Unobserved).unwrap();
        let three = update(&store, events(folder.path(), "3.csv", &[(70, "ada"), (71, "eve"), (72, "bob")]), Some(&new));
        assert_eq!((left_out(&three), has(&store, "ada", Some(&new)), has(&store, "bob", Some(&new))), ((2, 1), false, true));
        lift(&store, &["ada".into()], Some(&new), "ann").unwrap();
        assert_eq!(left_out(&update(&store, events(folder.path(), "4.csv", &[(80, "ada")]), Some(&new))), (0, 0));
        // The pseudonyms of a build under the new key alone are others.
        let built = build::build(&[first], &store, &under(&new), &Unobserved).unwrap();
        let replaced = built.replaced.unwrap();
        assert_eq!((built.forgotten_rows, replaced.forgotten, replaced.forgotten_lost), (0, 0, 1));
        assert!(has(&store, "eve", Some(&new)) && !Store::open(&store).unwrap().has(FORGOTTEN));
    }
}
