//! What a store was last detected with: what an update detects again by.
//!
//! It stands in the results. An update that drops these keeps it in a section of its own until there are results again.

use serde::{Deserialize, Serialize};

use super::config::DetectConfig;
use crate::dataset::Dataset;
use crate::error::Error;
use crate::results::Labelling;
use crate::rules::Lists;
use crate::store::StoreWriter;

/// The section while there are no results. Its lists name accounts and identifiers: what rewrites a store to leave names out
/// doesn't carry it over.
pub(crate) const SECTION: &str = "inputs.detection";

/// Settings and lists of a detection.
#[derive(Clone, Debug, Default, PartialEq)]
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
        let kept = Kept { config: self.config.to_toml(), lists: self.lists.clone() };
        writer.put(SECTION, &serde_json::to_vec(&kept).expect("plain data serialises"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::{UpdateConfig, update_with};
    use crate::observe::Unobserved;
    use crate::results::SUMMARY;

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
