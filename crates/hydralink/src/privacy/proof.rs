//! Does a store still hold a name?
//!
//! Every file of the store's directory is searched for the bytes of an account's name. Two kinds of hits are no hits: in the
//! sections of names, which are read one name after the other without anything between, only a whole name counts; elsewhere a
//! hit counts if the bytes around it aren't letters, digits, `_` or `-`, for then it is a part of a longer name. Sections of
//! numbers hold no text; they are searched too, but a short name can stand in them by chance (one of n bytes in about `size /
//! 2^8n` of all stores), so there only names of six bytes or more are searched for. In the manifest and the case log large and
//! small letters are the same.
//!
//! Values of identifiers are looked for likewise, in what holds text; those of fewer than six bytes (`42`, a country) only
//! among the identifiers of their kind, for elsewhere they are anybody's. Words of the account table and of events are looked
//! for in the tables of such words.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use memchr::memmem;
use serde::Serialize;

use crate::dataset::Dataset;
use crate::error::Error;
use crate::store::{MANIFEST, SectionEntry};
use crate::subset::TableWords;

/// Shortest name that is searched for among numbers, and shortest value of an identifier in a text.
pub(super) const LONG: usize = 6;

/// What a store is to hold no more.
pub(crate) struct Sought {
    /// Names of accounts.
    pub(crate) accounts: BTreeSet<String>,
    /// Identifiers, by kind and value.
    pub(crate) identifiers: BTreeSet<(String, String)>,
    /// Words of tables.
    pub(crate) words: TableWords,
}

/// A name that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Occurrence {
    /// File in the store.
    pub file: String,
    /// How often.
    pub times: u64,
    /// Length of the name; the name itself is to be forgotten.
    pub name_bytes: u64,
}

/// Searches the files of a store; returns how many files were searched, and what was found.
pub(crate) fn occurrences(store: &Path, sought: &Sought) -> Result<(u64, Vec<Occurrence>), Error> {
    let listed = fs::read_dir(store).map_err(|error| Error::io("read", store, error))?;
    let mut files: Vec<String> = listed.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    files.sort();
    let dataset = Dataset::open(store)?;
    let mut found = Vec::new();
    let mut note = |file: &str, times: u64, name: &str| {
        if times > 0 {
            found.push(Occurrence { file: file.to_owned(), times, name_bytes: name.len() as u64 });
        }
    };
    for file in &files {
        let path = store.join(file);
        let mut bytes = fs::read(&path).map_err(|error| Error::io("read", &path, error))?;
        let section = dataset.manifest().sections.iter().find(|section| section.file == *file);
        if section.is_none() {
            bytes.make_ascii_lowercase();
        }
        let spelt = |name: &str| if section.is_none() { name.to_ascii_lowercase() } else { name.to_owned() };
        for name in sought.accounts.iter().filter(|name| !name.is_empty()) {
            note(file, times_of_account(&dataset, section, &bytes, &spelt(name)), name);
        }
        let text = section.is_none_or(|section| section.element == "u8" && !section.name.ends_with("name_bytes"));
        for (_, value) in sought.identifiers.iter().filter(|(_, value)| text && value.len() >= LONG) {
            note(file, whole_words(&bytes, spelt(value).as_bytes()), value);
        }
    }
    let named = |(kind, value): &&(String, String)| dataset.identifier_of(&format!("{kind}:{value}")).is_some();
    sought.identifiers.iter().filter(named).for_each(|(_, value)| note("identifiers.name_bytes", 1, value));
    sought.words.still_in(&TableWords::of(&dataset)).for_each(|word| note(MANIFEST, 1, word));
    Ok((files.len() as u64, found))
}

fn times_of_account(dataset: &Dataset, section: Option<&SectionEntry>, bytes: &[u8], name: &str) -> u64 {
    match section {
        Some(section) if section.name == "accounts.name_bytes" => {
            u64::from(dataset.account_names().find(0..dataset.account_names().len() as u32, name).is_some())
        }
        Some(section) if section.name == "identifiers.name_bytes" => {
            let names = dataset.identifier_names();
            (0..names.len() as u32).filter(|&identifier| names.name_of(identifier) == name).count() as u64
        }
        Some(section) if section.element != "u8" && name.len() < LONG => 0,
        _ => whole_words(bytes, name.as_bytes()),
    }
}

pub(super) fn whole_words(bytes: &[u8], name: &[u8]) -> u64 {
    let alone = |&at: &usize| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        ![before, bytes.get(at + name.len())].into_iter().flatten().any(|&byte| in_a_name(byte))
    };
    memmem::find_iter(bytes, name).filter(alone).count() as u64
}

/// Whether a byte goes on with a name.
pub(super) fn in_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_longer_name_is_another_name() {
        assert_eq!(whole_words(b"{\"account:u1\"} u12 xu1 u1-2 u1", b"u1"), 2);
        assert_eq!(whole_words(b"u1", b"u1"), 1);
        assert_eq!(whole_words(b"", b"u1"), 0);
    }
}
