//! What a store was last detected with: what an update detects again by.
//!
//! It stands in the results. An update that drops these keeps it in a section of its own until there are results again, and so does
//! what rewrites a store in between.

use serde::{Deserialize, Serialize};

use super::config::DetectConfig;
use crate::dataset::Dataset;
use crate::error::Error;
use crate::results::Labelling;
use crate::rules::Lists;
use crate::store::StoreWriter;

/// The section while there are no results. Its lists name accounts and identifiers: what rewrites a store has to carry it over
/// ([`carry`]) without the names that go.
pub(crate) const SECTION: &str = "inputs.detection";

/// Settings and lists of a detection.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct LastDetection {
    /// Settings.
    pub config: DetectConfig,
    /// Rules and lists.
    pub lists: Lists,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    config: String,
    lists: Lists,
}

impl Kept {
    fn put(&self, writer: &mut StoreWriter) -> Result<(), Error> {
        writer.put(SECTION, &serde_json::to_vec(self).expect("plain data serialises"))
    }
}

/// Keeps it in what is made of a store without results; `left` says what is left of its lists. What can't be read is left behind, for
/// nobody could take a name out of it.
pub(crate) fn carry(dataset: &Dataset, left: impl FnOnce(Lists) -> Lists, writer: &mut StoreWriter) -> Result<(), Error> {
    let kept: Option<Kept> = dataset.store().json(SECTION).ok().flatten();
    kept.map_or(Ok(()), |kept| Kept { lists: left(kept.lists), ..kept }.put(writer))
}

/// That a store has no networks, and why: what came since the last detection dropped them, or there was none.
pub(crate) fn not_detected(dataset: &Dataset) -> Error {
    let store = dataset.store();
    let why = if store.has(SECTION) { ", for events came since the last detection" } else { " yet" };
    Error::NotDetected { store: store.path().to_owned(), why }
}

impl LastDetection {
    /// Those of a store; `None` if it was never detected.
    ///
    /// # Errors
    /// [`Error::Usage`] if they were written by a version whose settings this one doesn't know; [`Error::StoreDamaged`].
    pub fn of(dataset: &Dataset) -> Result<Option<Self>, Error> {
        LastDetection::with(dataset, dataset.labelling_if_any()?.as_ref())
    }

    /// The same of a store whose labels, if it has any, are open.
    pub(crate) fn with(dataset: &Dataset, labelling: Option<&Labelling>) -> Result<Option<Self>, Error> {
        if let Some(found) = labelling {
            return Ok(Some(LastDetection { config: found.run.detect_config()?, lists: Lists::kept_in(dataset)? }));
        }
        let kept: Option<Kept> = dataset.store().json(SECTION)?;
        kept.map(|kept| Ok(LastDetection { config: DetectConfig::of_toml(&kept.config)?, lists: kept.lists })).transpose()
    }

    /// Keeps them in a store that is about to have no results.
    pub(crate) fn keep(&self, writer: &mut StoreWriter) -> Result<(), Error> {
        Kept { config: self.config.to_toml(), lists: self.lists.clone() }.put(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::{UpdateConfig, build, update_with};
    use crate::observe::Unobserved;
    use crate::privacy::{Extent, KeptSince, expire, forget, rekey};
    use crate::results::SUMMARY;

    /// It was gone where an update without a detection came before.
    #[test]
    fn what_rewrites_a_store_without_results_keeps_it_without_the_names_that_go() {
        let folder = tempfile::tempdir().unwrap();
        let rows = [(1, 1, 1, 0), (2, 1, 1, 1), (3, 2, 1, 50), (4, 2, 1, 60), (5, 2, 1, 61)];
        let store = crate::testing::store_of_events(folder.path(), "store", &rows);
        let pair = |one: u32, other: u32| [one, other].map(|account| format!("acct{account:04}"));
        let of = |pairs: &[[String; 2]], addresses: &[u32]| LastDetection {
            config: DetectConfig { seed: 7, ..DetectConfig::default() },
            lists: Lists {
                must: pairs.to_vec(),
                good_identifiers: addresses.iter().map(|address| format!("ip:198.51.100.{address}")).collect(),
                ..Lists::default()
            },
        };
        let keep = |store: &std::path::Path, last: &LastDetection| {
            let mut writer = StoreWriter::amend(store).unwrap();
            last.keep(&mut writer).unwrap();
            writer.commit().unwrap();
        };
        let kept_in = |store: &std::path::Path| LastDetection::of(&Dataset::open(store).unwrap()).unwrap();
        keep(&store, &of(&[pair(1, 2), pair(2, 3), pair(3, 4), pair(4, 5)], &[1, 2]));
        let since = KeptSince::Time(crate::testing::START + 40);
        assert_eq!(expire(&store, since, Extent::Any, &Unobserved).unwrap().accounts, 2);
        assert_eq!(kept_in(&store), Some(of(&[pair(3, 4), pair(4, 5)], &[2])));
        let forgotten = forget(&store, &["acct0003".into()], None, "ann", &Unobserved).unwrap();
        assert_eq!(
            (forgotten.detected_again, forgotten.changed.dropped_sections, forgotten.found),
            (false, Vec::new(), Vec::new())
        );
        assert_eq!(kept_in(&store), Some(of(&[pair(4, 5)], &[2])));

        let [old, new] = [b"0123456789abcdef0123456789abcdef", b"fedcba9876543210fedcba9876543210"]
            .map(|bytes| crate::testing::key(folder.path(), bytes));
        let keyed = folder.path().join("keyed");
        let config = events::IngestConfig { pseudonym: Some(old.pseudonyms()), ..events::IngestConfig::default() };
        build(&[folder.path().join("store.csv")], &keyed, &config, &Unobserved).unwrap();
        let dataset = Dataset::open(&keyed).unwrap();
        let names = [0, 1].map(|account| dataset.account_name(graph::AccountId(account)).to_owned());
        keep(&keyed, &of(std::slice::from_ref(&names), &[]));
        rekey(&keyed, &old, &new, "ann", &Unobserved).unwrap();
        let renamed = names.map(|name| new.pseudonyms().again("account", &name));
        let dataset = Dataset::open(&keyed).unwrap();
        assert!(renamed.iter().all(|name| dataset.account_names().find(0..5, name).is_some()));
        assert_eq!(kept_in(&keyed), Some(of(&[renamed], &[])));
    }

    /// Every update failed on it, also one that doesn't detect.
    #[test]
    fn settings_of_another_version_stop_nobody_but_who_detects_by_them() {
        let folder = tempfile::tempdir().unwrap();
        let store = crate::testing::store_of_events(folder.path(), "store", &[(1, 1, 1, 0), (2, 1, 1, 1)]);
        crate::detect(&store, &DetectConfig::default(), &Unobserved).unwrap();
        let mut writer = StoreWriter::amend(&store).unwrap();
        let mut summary: serde_json::Value = Dataset::open(&store).unwrap().store().json(SUMMARY).unwrap().unwrap();
        summary["run"]["config"] = "of_another_version = 1".into();
        writer.put(SUMMARY, &serde_json::to_vec(&summary).unwrap()).unwrap();
        writer.commit().unwrap();
        let events = folder.path().join("more.csv");
        std::fs::write(&events, "timestamp,account_id,ip\n2026-03-01T00:00:00Z,new,8.8.8.8\n").unwrap();
        let update = |detect| {
            let then = UpdateConfig { detect, ..UpdateConfig::default() };
            update_with(std::slice::from_ref(&events), &store, &events::IngestConfig::default(), &then, &Unobserved)
        };
        let refused = update(true).unwrap_err().to_string();
        assert!(refused.contains("of_another_version") && refused.contains("detect again"), "{refused}");
        assert!(update(false).unwrap().networks_dropped);
        assert_eq!(LastDetection::of(&Dataset::open(&store).unwrap()).unwrap(), None);
    }
}
