//! What goes on when a build replaces a store?
//!
//! Facts don't: they are those of the logs. What was found isn't theirs and has to be found again. But people and their systems go by
//! the ids of networks, and nobody who was forgotten may come back, so the record of detections goes on under the new numbers, as an
//! update has it ([`crate::lineage`]): accounts and identifiers of the same name are the same. A network of which nothing occurs in
//! what was read can't be found again, and a store of none but such networks is about somebody else: its record is left behind.
//! The case log is a file of its own, which no build touches.

use std::path::Path;

use events::{ForgottenAccounts, Ingested};

use super::ByName;
use crate::dataset::Dataset;
use crate::error::Error;
use crate::lineage::{Cause, History};
use crate::privacy;
use crate::store::{StoreWriter, is_store};

/// What became of what a store held beside facts when a build replaced it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Replaced {
    /// Whether it had networks, which are to be detected again.
    pub networks_dropped: bool,
    /// Whether it had been calibrated: its q-values are gone.
    pub calibration_dropped: bool,
    /// Detections on record.
    pub runs: u64,
    /// Networks on record that have an account or identifier in what was read: where they are found again, they keep their ids.
    pub networks_kept: u64,
    /// The others.
    pub networks_lost: u64,
    /// Accounts that stay forgotten.
    pub forgotten: u64,
    /// Accounts that were forgotten and that nothing tells any more: their pseudonyms were under a key that is left behind.
    pub forgotten_lost: u64,
    /// Why nothing of it could be kept, if it is damaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
}

/// A store that is going to be replaced.
pub(super) struct Before {
    dataset: Option<Dataset>,
    history: History,
    forgotten: Option<ForgottenAccounts>,
    told: Replaced,
}

impl Before {
    /// Reads what is to be kept of the store at a path, if there is one. A damaged one has nothing, and is no reason not to build.
    pub(super) fn at(path: &Path) -> Option<Self> {
        if !is_store(path) {
            return None;
        }
        Some(Before::read(path).unwrap_or_else(|error| {
            let told = Replaced { unread: Some(error.to_string()), ..Replaced::default() };
            Before { dataset: None, history: History::default(), forgotten: None, told }
        }))
    }

    fn read(path: &Path) -> Result<Self, Error> {
        let dataset = Dataset::open(path)?;
        let labelling = dataset.labelling_if_any()?;
        let mut told = Replaced {
            networks_dropped: labelling.is_some(),
            calibration_dropped: crate::calibrate::is_calibrated(&dataset, labelling.as_ref())?,
            ..Replaced::default()
        };
        let history = History::open(&dataset)?;
        let mut forgotten = privacy::forgotten_accounts(dataset.store())?;
        if !history.runs.is_empty() || forgotten.is_some() {
            // Names are looked up in it.
            dataset.store().verify()?;
        }
        if let Some(some) = &forgotten {
            let count = some.hashes().len() as u64;
            // Pseudonyms of pseudonyms, which a build under the last key alone doesn't make.
            if privacy::sealed_keys(dataset.store())?.is_empty() {
                told.forgotten = count;
            } else {
                (told.forgotten_lost, forgotten) = (count, None);
            }
        }
        Ok(Before { dataset: Some(dataset), history, forgotten, told })
    }

    /// Whose rows are to be left out.
    pub(super) fn forgotten(&self) -> Option<&ForgottenAccounts> {
        self.forgotten.as_ref()
    }

    /// Puts what goes on into the store that replaces it, and says what that is.
    pub(super) fn keep(self, ingested: &Ingested, writer: &mut StoreWriter) -> Result<Replaced, Error> {
        let Before { dataset, history, forgotten, mut told } = self;
        privacy::put_forgotten(writer, forgotten.as_ref())?;
        let Some(dataset) = dataset.filter(|_| !history.runs.is_empty()) else { return Ok(told) };
        let new = ByName { dataset: &dataset, ingested };
        let history = history.without(|old| new.account(old), |old| new.identifier(old), Cause::NotInTheLogs);
        told.runs = history.runs.len() as u64;
        (told.networks_kept, told.networks_lost) = history.left();
        if told.networks_kept > 0 {
            history.write(writer)?;
        }
        Ok(told)
    }
}
