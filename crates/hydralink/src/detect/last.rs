//! What a store was last detected with: what an update detects again by.
//!
//! It stands in the results. An update that drops these keeps it in a section of its own until there are results again.

use serde::{Deserialize, Serialize};

use super::config::DetectConfig;
use crate::dataset::Dataset;
use crate::error::Error;
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
        if let Some(found) = dataset.labelling_if_any()? {
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
