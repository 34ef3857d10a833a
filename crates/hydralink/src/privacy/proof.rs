//! Does a store still hold a name?
//!
//! Every file of the store's directory is searched for the bytes of the name. Two kinds of hits are no hits: in the sections of
//! names, which are read one name after the other without anything between, only a whole name counts; elsewhere a hit counts if
//! the bytes around it aren't letters, digits, `_` or `-`, for then it is a part of a longer name. Sections of numbers hold no
//! text; they are searched too, but a short name can stand in them by chance (one of n bytes in about `size / 2^8n` of all
//! stores), so there only names of six bytes or more are searched for.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use memchr::memmem;
use serde::Serialize;

use crate::error::Error;

/// Shortest name that is searched for among numbers.
const LONG: usize = 6;

/// A name that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Occurrence {
    /// File in the store.
    pub file: String,
    /// How often.
    pub times: u64,
    /// Length of the name; the name itself is to be forgotten.
    pub name_bytes: u64,
}

/// Searches the files of a store for names; returns how many files were searched, and what was found.
pub(crate) fn occurrences(store: &Path, names: &BTreeSet<String>) -> Result<(u64, Vec<Occurrence>), Error> {
    let listed = fs::read_dir(store).map_err(|error| Error::io("read", store, error))?;
    let mut files: Vec<String> = listed.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    files.sort();
    let dataset = crate::dataset::Dataset::open(store)?;
    let mut found = Vec::new();
    for file in &files {
        let path = store.join(file);
        let bytes = fs::read(&path).map_err(|error| Error::io("read", &path, error))?;
        let section = dataset.manifest().sections.iter().find(|section| section.file == *file);
        for name in names.iter().filter(|name| !name.is_empty()) {
            let times = match section {
                Some(section) if section.name == "accounts.name_bytes" => {
                    u64::from(dataset.account_names().find(0..dataset.account_names().len() as u32, name).is_some())
                }
                Some(section) if section.name == "identifiers.name_bytes" => {
                    let names = dataset.identifier_names();
                    (0..names.len() as u32).filter(|&identifier| names.name_of(identifier) == name).count() as u64
                }
                Some(section) if section.element != "u8" && name.len() < LONG => 0,
                _ => whole_words(&bytes, name.as_bytes()),
            };
            if times > 0 {
                found.push(Occurrence { file: file.clone(), times, name_bytes: name.len() as u64 });
            }
        }
    }
    Ok((files.len() as u64, found))
}

fn whole_words(bytes: &[u8], name: &[u8]) -> u64 {
    let in_a_name = |byte: Option<&u8>| byte.is_some_and(|&byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    let alone = |&at: &usize| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        !in_a_name(before) && !in_a_name(bytes.get(at + name.len()))
    };
    memmem::find_iter(bytes, name).filter(alone).count() as u64
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
