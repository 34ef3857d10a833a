//! What of a dossier takes the rows and the activity of all members, and changes only with a detection.

use serde::{Deserialize, Serialize};

use super::{Attribute, mix};
use crate::dataset::Dataset;
use crate::how::{self, HeldBy, How};
use crate::query;
use crate::results::Labelling;

/// It. Attributes are all that there are: which of them a dossier names depends on how they are shown.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Doings {
    pub(super) days: mix::Days,
    pub(super) mix: mix::Mix,
    pub(super) tokens: Option<u64>,
    pub(super) attributes: Vec<Attribute>,
    pub(super) fragile: Vec<HeldBy>,
    /// How many there are.
    #[serde(default)]
    pub(super) fragile_in_all: u64,
}

impl Doings {
    /// As a detection keeps it of a network that hangs together so.
    pub(crate) fn of(dataset: &Dataset, results: &Labelling, network: usize, how: &How) -> Self {
        let fragile = how.held_by.iter().filter(|held| held.is_fragile()).cloned().collect();
        Doings::with(dataset, results, network, (fragile, how.fragile))
    }

    /// The same, found for a dossier.
    pub(super) fn found(dataset: &Dataset, results: &Labelling, network: usize) -> Self {
        Doings::with(dataset, results, network, how::fragile(dataset, results, network).unwrap_or_default())
    }

    fn with(dataset: &Dataset, results: &Labelling, network: usize, (fragile, fragile_in_all): (Vec<HeldBy>, u64)) -> Self {
        let members = results.belonging(network);
        Doings {
            days: mix::days(dataset, &members),
            mix: mix::mix(dataset, &members),
            tokens: query::tokens_of(dataset, members.iter().copied()),
            attributes: mix::attributes(dataset, results, &members),
            fragile,
            fragile_in_all,
        }
    }

    /// The same, kept with names as stored, in the words of a level.
    pub(crate) fn shown(mut self, dataset: &Dataset) -> Self {
        let naming = dataset.naming();
        if !naming.is_full() {
            self.attributes
                .iter_mut()
                .for_each(|attribute| attribute.identifier = naming.labelled(dataset, &attribute.identifier));
            self.fragile.iter_mut().for_each(|held| held.identifier = naming.labelled(dataset, &held.identifier));
        }
        self
    }
}
