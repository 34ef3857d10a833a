//! How does a store of pseudonyms get another key?
//!
//! Pseudonyms can't be turned back, so no command can make of them what a build under the new key alone would make: only the
//! logs could. What can be done, and is: every pseudonym is replaced by its pseudonym under the new key
//! ([`events::Pseudonyms::rotated`]), and the old key is kept in the store, sealed under the new one.
//!
//! - Whoever has the old key alone, and this store, can neither read a value nor try one any more.
//! - Whoever has the new key alone can ask by value and `update` as before; the old key file is needed no longer.
//! - Copies of the store from before, and exports, stay what they were: who has one of these *and* the old key can try values
//!   in it.
//! - A store that another lab builds under the new key alone has other pseudonyms: `share` and `match` say so.
//!
//! 1. *Rewrite* every section with the new names, in their order; addresses keep their prefixes, hashes of event ids are hashed
//!    again. The result is, byte for byte, the store that a build under both keys makes.
//! 2. The last detection is run again, with its own settings; networks keep their ids.
//! 3. *Decisions*: the case log gets a record that leads from the old names to the new ones, and, once all of the above is
//!    committed at once, the old ones are erased. The chain stays whole. Remarks stay as they were written.
//!
//! The old files are removed, not overwritten. Cost: that of a rewrite and of a detection; the store is in memory twice.

use std::path::Path;

use events::{Ingested, Names, Pseudonyms, SealedKey};
use graph::{IdentifierId, NONE_U32};
use rayon::prelude::*;
use serde::Serialize;

use super::changed::{Changed, Has};
use super::forget::detect_again;
use super::{Key, check_key};
use crate::cases::{self, Cases};
use crate::dataset::Dataset;
use crate::detect::last;
use crate::error::Error;
use crate::observe::{Observer, Steps};
use crate::options::KEY_FILE;
use crate::rules::Lists;
use crate::store::{Store, StoreWriter};
use crate::subset::{Kept, side_tables};
use crate::{as_of, build, lineage};

/// The section of the keys that were left behind.
const SEALED_KEYS: &str = "privacy.sealed_keys";

/// What got other names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Rekeyed {
    /// Id of the key before.
    pub old_key: String,
    /// Id of the key now.
    pub new_key: String,
    /// Accounts.
    pub accounts: u64,
    /// Identifiers.
    pub identifiers: u64,
    /// Organisations.
    pub orgs: u64,
    /// Names in the case log.
    pub decisions: u64,
    /// Whether the detection was run again.
    pub detected_again: bool,
    /// What is otherwise since: names alone were changed.
    #[serde(flatten)]
    pub changed: Changed,
}

/// Puts a store of pseudonyms under another key: see the module's steps in [`crate::privacy`].
///
/// ```
/// # let folder = tempfile::tempdir().expect("a folder");
/// # let path = |name: &str| folder.path().join(name);
/// # let write = |name: &str, text: &str| {
/// #     std::fs::write(path(name), text).expect("a file");
/// #     #[cfg(unix)]
/// #     std::fs::set_permissions(path(name), std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("its owner's");
/// # };
/// # write("events.csv", "timestamp,account_id,ip\n2026-03-01T00:00:00Z,ada,198.51.100.7\n");
/// # write("old", "0123456789abcdef0123456789abcdef");
/// # write("new", "fedcba9876543210fedcba9876543210");
/// use hydralink::privacy::{Key, rekey};
/// use hydralink::{Dataset, IngestConfig, Unobserved, build};
///
/// let (old, new, store) = (Key::read(&path("old"))?, Key::read(&path("new"))?, path("store"));
/// let config = IngestConfig { pseudonym: Some(old.pseudonyms()), ..IngestConfig::default() };
/// build(&[path("events.csv")], &store, &config, &Unobserved)?;
/// assert_eq!(rekey(&store, &old, &new, "ann", &Unobserved)?.accounts, 1);
/// assert!(Dataset::open(&store)?.with_key(&old).is_err());
/// assert!(Dataset::open(&store)?.with_key(&new)?.node("ip:198.51.100.7").is_ok());
/// # Ok::<(), hydralink::Error>(())
/// ```
///
/// # Errors
/// [`Error::Usage`] for a store of plain values or for the key that the store has, [`Error::StoreKey`] if `old` isn't its key,
/// [`Error::Interrupted`]; and as [`crate::detect()`]. Until the new sections and results are whole the store stays as it was.
pub fn rekey(store: &Path, old: &Key, new: &Key, reviewer: &str, observer: &dyn Observer) -> Result<Rekeyed, Error> {
    cases::check_reviewer(reviewer)?;
    let steps = Steps::of(observer);
    let mut writer = StoreWriter::amend(store)?;
    let dataset = Dataset::open(store)?;
    let path = store.display();
    let Some(stored) = dataset.manifest().key_id.clone() else {
        return Err(Error::Usage(format!("{path} holds plain values, under no key: build it again with {KEY_FILE}")));
    };
    if stored == new.id() {
        // A rotation that was cut off after its last write has this left to do.
        cases::erase_renamed(store)?;
        return Err(Error::Usage(format!("{path} is under the key {stored} already")));
    }
    check_key(store, Some(&stored), Some(&old.id()))?;
    let sealed = sealed_keys(dataset.store())?;
    if sealed.iter().any(|earlier| earlier.id == new.id()) {
        return Err(Error::Usage(format!(
            "{path} was under the key {} before: a key that was left is not taken up again",
            new.id()
        )));
    }
    steps.begin("checking")?;
    dataset.store().verify()?;
    steps.begin("rewriting")?;
    let later = new.pseudonyms();
    let pseudonyms = unsealed(store, old.pseudonyms(), &sealed)?.rotated(&later);
    let labelling = dataset.labelling_if_any()?;
    let before = Has::of(&dataset, labelling.as_ref());
    let run = labelling.map(|results| results.run);
    let lists = Lists::kept_in(&dataset)?.renamed(|kind, name| later.again(kind, name));
    let accounts = renamed(&dataset, "account", 0..dataset.graph().account_count() as u32, &later);
    let kinds = dataset.graph().kinds();
    let of_kind = |kind| renamed(&dataset, dataset.kind_name(kind), dataset.graph().identifiers_of_kind(kind), &later);
    let identifiers: Vec<(String, u32)> = kinds.flat_map(of_kind).collect();
    let old_numbers = |names: &[(String, u32)]| names.iter().map(|&(_, old)| old).collect();
    let kept = Kept::reordered(old_numbers(&accounts), old_numbers(&identifiers));
    let mut event_ids = build::event_ids(&dataset)?;
    event_ids.pairs = later.event_ids_again(&event_ids.pairs);
    let mut ingested = kept.ingested(&dataset, event_ids)?;
    ingested.account_names = in_order(&accounts);
    ingested.identifier_names = in_order(&identifiers);
    rename_orgs(&mut ingested, &later);
    let rekeyed = Rekeyed {
        old_key: stored,
        new_key: new.id(),
        accounts: accounts.len() as u64,
        identifiers: identifiers.len() as u64,
        orgs: ingested.accounts.orgs.len() as u64,
        decisions: 0,
        detected_again: run.is_some(),
        changed: Changed::default(),
    };
    writer.forget("");
    kept.put(&mut writer, &dataset, ingested)?;
    side_tables::put_renamed(&mut writer, &dataset, &later)?;
    put_sealed_keys(&mut writer, &pseudonyms.sealed())?;
    super::keep_forgotten(&dataset, &mut writer)?;
    writer.set_key_id(Some(new.id()));
    as_of::keep(&dataset, &mut writer)?;
    // All of it is there.
    lineage::keep(&dataset, &kept, lineage::Cause::NotFound, &mut writer)?;
    steps.begin("writing")?;
    let name_again = |label: &str| {
        let (kind, value) = label.split_once(':')?;
        Some(format!("{kind}:{}", later.again(kind, value)))
    };
    if let Some(run) = run {
        writer = detect_again(writer, (&run, &lists), Cases::renamed(store, name_again)?, observer)?;
    } else {
        last::carry(&dataset, |lists| lists.renamed(|kind, name| later.again(kind, name)), &mut writer)?;
    }
    let reason = format!("{}-to-{}", rekeyed.old_key, rekeyed.new_key);
    let decisions = cases::log_renaming(store, reviewer, reason, name_again)?;
    writer.commit()?;
    cases::erase_renamed(store)?;
    Ok(Rekeyed { decisions, changed: before.beside(store)?, ..rekeyed })
}

/// New names of a kind in their order, each with the number that it had.
fn renamed(dataset: &Dataset, kind: &str, range: std::ops::Range<u32>, later: &Pseudonyms) -> Vec<(String, u32)> {
    let name = |number: u32| match kind {
        "account" => dataset.account_names().name_of(number),
        _ => dataset.identifier_name(IdentifierId(number)).1,
    };
    let mut names: Vec<(String, u32)> = range.into_par_iter().map(|number| (later.again(kind, name(number)), number)).collect();
    names.par_sort_unstable();
    names
}

fn in_order(renamed: &[(String, u32)]) -> Names {
    let mut names = Names::default();
    renamed.iter().for_each(|(name, _)| names.push(name.as_bytes()));
    names
}

/// Organisations of the account table, which stand in the order of their names.
fn rename_orgs(ingested: &mut Ingested, later: &Pseudonyms) {
    let accounts = &mut ingested.accounts;
    let mut names: Vec<(String, u32)> =
        accounts.orgs.iter().zip(0u32..).map(|(org, old)| (later.again("org", org), old)).collect();
    names.sort_unstable();
    let mut new_of = vec![NONE_U32; names.len()];
    names.iter().zip(0u32..).for_each(|(&(_, old), new)| new_of[old as usize] = new);
    accounts.org.iter_mut().for_each(|org| *org = new_of.get(*org as usize).copied().unwrap_or(NONE_U32));
    accounts.orgs = names.into_iter().map(|(name, _)| name).collect();
}

/// The keys that a store was under before, oldest first.
pub(crate) fn sealed_keys(store: &Store) -> Result<Vec<SealedKey>, Error> {
    Ok(store.json(SEALED_KEYS)?.unwrap_or_default())
}

/// Puts the keys that a store was under before into it, if there were any.
pub(crate) fn put_sealed_keys(writer: &mut StoreWriter, keys: &[SealedKey]) -> Result<(), Error> {
    match keys {
        [] => Ok(()),
        keys => writer.put(SEALED_KEYS, &serde_json::to_vec(keys).expect("plain data serialises")),
    }
}

/// Keeps the earlier keys in what is made of a store.
pub(crate) fn keep_sealed_keys(dataset: &Dataset, writer: &mut StoreWriter) -> Result<(), Error> {
    put_sealed_keys(writer, &sealed_keys(dataset.store())?)
}

/// The pseudonyms of a store under its present key and those before it.
pub(crate) fn unsealed(store: &Path, present: Pseudonyms, keys: &[SealedKey]) -> Result<Pseudonyms, Error> {
    present.unsealed(keys).ok_or_else(|| Error::StoreDamaged {
        store: store.to_owned(),
        section: SEALED_KEYS.to_owned(),
        what: "the earlier keys are not sealed under the present one".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use events::IngestConfig;
    use proptest::prelude::*;

    use super::*;
    use crate::observe::Unobserved;
    use crate::testing::{interrupted_everywhere, key};

    const OLD: &[u8] = b"0123456789abcdef0123456789abcdef";
    const NEW: &[u8] = b"fedcba9876543210fedcba9876543210";
    const LAST: &[u8] = b"00112233445566778899aabbccddeeff";

    /// Events (account, address, template) with ids, and a table with organisations.
    fn store(folder: &Path, name: &str, rows: &[(u32, u32, u32)], pseudonyms: Pseudonyms) -> PathBuf {
        let mut events = "timestamp,account_id,ip,prompt_template_hash,event_id,model\n".to_owned();
        let mut accounts = "account_id,country,org\n".to_owned();
        for (at, &(account, address, template)) in rows.iter().enumerate() {
            let ip =
                if address % 2 == 0 { format!("198.51.{}.{address}", address % 3) } else { format!("2001:db8:{address}::1") };
            events += &format!("{},acct{account},{ip},t{template},e{},m{}\n", 1_772_323_200 + at, at % 40, template % 2);
            accounts += &format!("acct{account},NL,org{}\n", account % 4);
        }
        let (events_file, table) = (folder.join(format!("{name}.csv")), folder.join("accounts.csv"));
        let releases = folder.join("releases.csv");
        std::fs::write(&events_file, events).unwrap();
        std::fs::write(&table, accounts).unwrap();
        std::fs::write(&releases, "model,released_at\nm1,2026-02-01T00:00:00Z\nm2,2026-02-02T00:00:00Z\n").unwrap();
        let path = folder.join(name);
        let config = IngestConfig {
            accounts: Some(table),
            releases: Some(releases),
            pseudonym: Some(pseudonyms),
            ..IngestConfig::default()
        };
        build::build(&[events_file], &path, &config, &Unobserved).unwrap();
        path
    }

    type Sections = BTreeMap<String, (u64, u128)>;

    fn content(store: &Path) -> (Sections, crate::store::Tables, Option<String>) {
        let dataset = Dataset::open(store).unwrap();
        dataset.graph().validate().unwrap();
        let manifest = dataset.manifest();
        let sections = manifest.sections.iter().map(|section| (section.name.clone(), (section.bytes, section.checksum)));
        (sections.collect(), dataset.tables().clone(), manifest.key_id.clone())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        /// Another key leaves, byte for byte, the store that a build under both keys makes; also a second time, and after an
        /// update.
        #[test]
        fn a_store_under_another_key_is_one_that_was_built_so(
            rows in prop::collection::vec((0u32..12, 1u32..20, 0u32..10), 1..60),
            later in prop::collection::vec((0u32..15, 1u32..25, 0u32..12), 1..20),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let keys = [OLD, NEW, LAST].map(|bytes| key(folder.path(), bytes));
            let [old, new, last] = [0, 1, 2].map(|at| keys[at].pseudonyms());
            let rotated = store(folder.path(), "store", &rows, old.clone());
            for (at, pseudonyms) in [(1, old.clone().rotated(&new)), (2, old.rotated(&new).rotated(&last))] {
                rekey(&rotated, &keys[at - 1], &keys[at], "ann", &Unobserved).unwrap();
                let built = store(folder.path(), "built", &rows, pseudonyms);
                prop_assert_eq!(content(&rotated), content(&built));
                std::fs::remove_dir_all(built).unwrap();
            }
            let both = [rows.clone(), later].concat();
            let built = store(folder.path(), "both", &both, keys[0].pseudonyms().rotated(&new).rotated(&last));
            let config = IngestConfig {
                accounts: Some(folder.path().join("accounts.csv")),
                pseudonym: Some(keys[2].pseudonyms()),
                ..IngestConfig::default()
            };
            build::update(&[folder.path().join("both.csv")], &rotated, &config, &Unobserved).unwrap();
            let (sections, tables, key_id) = content(&rotated);
            let (expected, expected_tables, expected_id) = content(&built);
            prop_assert_eq!((tables, key_id), (expected_tables, expected_id));
            // Events of the first batch were read twice, and counted once.
            let but_duplicates = |sections: Sections| -> Sections {
                sections.into_iter().filter(|(name, _)| name != "inputs.duplicate_events").collect()
            };
            prop_assert_eq!(but_duplicates(sections), but_duplicates(expected));
        }
    }

    #[test]
    fn what_cannot_be_done_is_said_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let [old, new, last] = [OLD, NEW, LAST].map(|bytes| key(folder.path(), bytes));
        let path = store(folder.path(), "store", &[(1, 1, 1), (2, 1, 2)], old.pseudonyms());
        let before = content(&path);
        let refused = |from: &Key, to: &Key| rekey(&path, from, to, "ann", &Unobserved).unwrap_err().to_string();
        assert!(refused(&new, &last).contains("holds pseudonyms under key"));
        assert!(refused(&old, &old).contains("already"));
        assert_eq!(content(&path), before);
        crate::detect::detect(&path, &crate::DetectConfig::default(), &Unobserved).unwrap();
        let rekeyed = interrupted_everywhere(&path, |observer| rekey(&path, &old, &new, "ann", observer));
        assert!(rekeyed.detected_again);
        assert!(refused(&new, &old).contains("before"));
        let plain = crate::testing::store_of_events(folder.path(), "plain", &[(1, 1, 1, 1)]);
        assert!(rekey(&plain, &old, &new, "ann", &Unobserved).unwrap_err().to_string().contains("plain values"));
    }
}
