//! Accounts and identifiers of a store in the numbers of what an update makes of it: those of the same name.

use events::Ingested;
use graph::IdentifierId;

use crate::dataset::Dataset;

/// New numbers of a store's accounts and identifiers.
#[derive(Clone, Copy)]
pub(crate) struct ByName<'a> {
    pub(crate) dataset: &'a Dataset,
    pub(crate) ingested: &'a Ingested,
}

impl ByName<'_> {
    /// The new number of an account. O(log accounts).
    pub(crate) fn account(self, old: u32) -> Option<u32> {
        self.ingested.account_names.find(self.dataset.account_names().name_of(old).as_bytes())
    }

    /// The new number of an identifier. O(kinds + log identifiers).
    pub(crate) fn identifier(self, old: u32) -> Option<u32> {
        let (kind, value) = self.dataset.identifier_name(IdentifierId(old));
        let kind = self.ingested.kind_names.iter().position(|name| name == kind)?;
        let starts = &self.ingested.graph.columns().kind_starts;
        self.ingested.identifier_names.find_in(starts[kind]..starts[kind + 1], value.as_bytes())
    }
}
