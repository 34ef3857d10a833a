//! Which kinds of identifiers has a store, and which words stand for them?
//!
//! A kind goes by its name, by whatever a header may call it (`card` for `payment_instrument`), and an `ip` by `address` as
//! well.

use std::collections::BTreeMap;

use events::schema::{KindEntry, kind_name};
use evidence::KindRole;
use graph::KindId;

use super::Dataset;
use crate::error::Error;
use crate::names::distance;

/// The section of what the map declared of kinds.
pub(crate) const DECLARED_KINDS: &str = "inputs.kinds";

impl Dataset {
    /// The role of each kind.
    pub(crate) fn roles(&self) -> &[KindRole] {
        &self.roles
    }

    /// The role of a kind by its name: by what a kind of that name is for, where there is none in the store.
    pub(crate) fn role_named(&self, name: &str) -> KindRole {
        let kind = self.tables().kinds.iter().position(|kind| kind == name);
        kind.and_then(|kind| self.roles.get(kind)).copied().unwrap_or_else(|| role_of(name, self.declared.get(name)))
    }

    /// The kinds that the map of the store declared, by name.
    pub(crate) fn declared_kinds(&self) -> &BTreeMap<String, KindEntry> {
        &self.declared
    }

    /// The name of a kind.
    pub fn kind_name(&self, kind: KindId) -> &str {
        self.tables().kinds.get(kind.index()).map_or("", String::as_str)
    }

    /// The kind of a name or of another word for it.
    ///
    /// # Errors
    /// [`Error::Unknown`] lists the kinds there are.
    pub fn kind(&self, name: &str) -> Result<KindId, Error> {
        self.kind_called(name).ok_or_else(|| {
            let kinds = &self.tables().kinds;
            let what = format!("kind {}", events::shortened(name));
            Error::Unknown { what, hint: format!("; this store has {}", kinds.join(", ")), nearest: kinds.clone() }
        })
    }

    /// The kind that a word stands for, if the store has it.
    pub(crate) fn kind_called(&self, word: &str) -> Option<KindId> {
        let of_name = |name: &str| self.tables().kinds.iter().position(|kind| kind == name).map(KindId::of_index);
        of_name(word).or_else(|| of_name(&kind_name(word))).or_else(|| of_name("ip").filter(|_| word == "address"))
    }

    /// The kind that a word was meant to stand for, if it is nearly the name of one.
    pub(crate) fn kind_nearly_called(&self, word: &str) -> Option<KindId> {
        let distances = self.tables().kinds.iter().map(|kind| distance(kind, word));
        let near = (0u8..).zip(distances).min_by_key(|&(_, distance)| distance);
        near.filter(|&(_, distance)| distance <= word.chars().count() / 4).map(|(kind, _)| KindId(kind))
    }

    /// Whether a text begins as if with a kind, `KIND:`, and the store has none that is called so. What could be an IPv6
    /// address doesn't.
    pub(crate) fn names_no_kind(&self, text: &str) -> bool {
        text.split_once(':').is_some_and(|(word, _)| {
            let letters = word.chars().all(|c| c.is_ascii_alphabetic() || c == '_');
            let no_address = word.chars().any(|c| !c.is_ascii_hexdigit());
            letters && no_address && word != "account" && self.kind_called(word).is_none()
        })
    }
}

/// What sharing an identifier of a kind can mean: as declared, else by its name.
pub(super) fn role_of(kind: &str, declared: Option<&KindEntry>) -> KindRole {
    let declared = declared.and_then(|entry| entry.role.as_deref());
    let role = declared.and_then(|role| serde_json::from_value(serde_json::Value::String(role.to_owned())).ok());
    role.unwrap_or_else(|| KindRole::of_name(kind))
}
