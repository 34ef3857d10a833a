//! What was a dossier made from: which data, by which settings, and how much of the case log?
//!
//! People decide about a network because of its dossier, and the next detection goes by what they decided. So a dossier says how
//! far the log went when its network was found, and when it was made itself: [`super::verify()`] finds the network again by
//! what was decided then, and what was decided since is no difference.

use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;
use crate::error::Error;
use crate::results::Labelling;
use crate::rules::Lists;

/// Data, settings and decisions behind a dossier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MadeFrom {
    /// A hash of the store's data without what was found in them: xxh3-128 in hex.
    pub data: String,
    /// A hash of the settings, rules and lists of the detection: xxh3-128 in hex.
    pub settings: String,
    /// Records of the case log that the detection went by; absent for one of an earlier version, which didn't say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decisions_before: Option<u64>,
    /// Records of the case log when the dossier was made.
    pub decisions: u64,
}

impl MadeFrom {
    /// Of a dossier that is made now.
    ///
    /// # Errors
    /// As [`Dataset::cases`].
    pub(super) fn of(dataset: &Dataset, results: &Labelling) -> Result<Self, Error> {
        let mut settings = xxhash_rust::xxh3::Xxh3::new();
        settings.update(results.run.config.as_bytes());
        settings.update(&serde_json::to_vec(&Lists::kept_in(dataset)?).expect("plain data serialises"));
        Ok(MadeFrom {
            data: format!("{:032x}", dataset.data_mark()),
            settings: format!("{:032x}", settings.digest128()),
            decisions_before: results.run.decisions,
            decisions: dataset.cases()?.entries().len() as u64,
        })
    }

    /// Whether it is of the detection that the store holds.
    pub(super) fn is_of_detection(&self, stored: &MadeFrom) -> bool {
        (&self.data, &self.settings, self.decisions_before) == (&stored.data, &stored.settings, stored.decisions_before)
    }

    /// What a store has otherwise since the dossier was made that nothing is found again by, in words; nothing if all is as then.
    pub(super) fn changed_since(&self, stored: &MadeFrom) -> String {
        let changed = match (self.data != stored.data, self.settings != stored.settings) {
            (true, true) => "data and the settings of its detection",
            (true, false) => "data",
            (false, true) => "settings of its detection",
            (false, false) => return String::new(),
        };
        format!("; since the dossier was made, the store's {changed} changed")
    }
}
