//! What is otherwise after a store was rewritten and detected again?
//!
//! Accounts and identifiers are numbered in the order of their names, and ties and random draws go by numbers: a network near the
//! threshold may come out otherwise although nothing of it was changed. Whoever rewrites a store is told.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;

use crate::dataset::Dataset;
use crate::error::Error;
use crate::results::Labelling;

/// It.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Changed {
    /// Sections that were there and aren't any more, for they would have to be made again (q-values, stability).
    pub dropped_sections: Vec<String>,
    /// Networks that were over the threshold, and aren't any more.
    pub networks_lost: Vec<String>,
    /// Networks that are, and weren't.
    pub networks_gained: Vec<String>,
}

/// What a store has that is looked at.
pub(super) struct Has {
    sections: BTreeSet<String>,
    flagged: BTreeSet<String>,
}

impl Has {
    pub(super) fn of(dataset: &Dataset, labelling: Option<&Labelling>) -> Self {
        let heads = labelling.map_or(&[][..], Labelling::heads).iter();
        Has {
            sections: dataset.manifest().sections.iter().map(|section| section.name.clone()).collect(),
            flagged: heads.filter(|head| head.flagged).map(|head| head.id.clone()).collect(),
        }
    }

    /// Beside what the store at a path has now.
    pub(super) fn beside(self, store: &Path) -> Result<Changed, Error> {
        let dataset = Dataset::open(store)?;
        let now = Has::of(&dataset, dataset.labelling_if_any()?.as_ref());
        let without = |one: &BTreeSet<String>, other: &BTreeSet<String>| one.difference(other).cloned().collect();
        Ok(Changed {
            dropped_sections: without(&self.sections, &now.sections),
            networks_lost: without(&self.flagged, &now.flagged),
            networks_gained: without(&now.flagged, &self.flagged),
        })
    }
}
