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
//! for in the tables of such words. All names are looked for at once: O(bytes of the store), however many there are.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::Path;

use aho_corasick::AhoCorasick;
use memchr::memmem;
use serde::Serialize;

use crate::dataset::Dataset;
use crate::error::Error;
use crate::store::MANIFEST;
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

/// Searches the files of a store; returns how many files were searched, and what was found. What isn't a file of its folder, others'
/// folders for instance, isn't looked into.
pub(crate) fn occurrences(store: &Path, sought: &Sought) -> Result<(u64, Vec<Occurrence>), Error> {
    let listed = fs::read_dir(store).map_err(|error| Error::io("read", store, error))?;
    let is_file = |entry: &fs::DirEntry| fs::metadata(entry.path()).is_ok_and(|there| there.is_file());
    let mut files: Vec<String> =
        listed.flatten().filter(is_file).filter_map(|entry| entry.file_name().into_string().ok()).collect();
    files.sort();
    let dataset = Dataset::open(store)?;
    let accounts = || sought.accounts.iter().map(String::as_str).filter(|name| !name.is_empty());
    let values = || sought.identifiers.iter().map(|(_, value)| value.as_str()).filter(|value| value.len() >= LONG);
    let in_texts = Words::new(accounts().chain(values()), false);
    let in_any_letters = Words::new(accounts().chain(values()), true);
    let among_numbers = Words::new(accounts().filter(|name| name.len() >= LONG), false);
    let mut found = Vec::new();
    let mut note = |file: &str, times: u64, name: &str| {
        found.push(Occurrence { file: file.to_owned(), times, name_bytes: name.len() as u64 });
    };
    for file in &files {
        let path = store.join(file);
        let bytes = || fs::read(&path).map_err(|error| Error::io("read", &path, error));
        let section = dataset.manifest().sections.iter().find(|section| section.file == *file);
        match section.map(|section| (section.name.as_str(), section.element.as_str())) {
            None => in_any_letters.each_in(&bytes()?, |name, times| note(file, times, name)),
            Some(("accounts.name_bytes", _)) => {
                let names = dataset.account_names();
                let stands = |name: &&str| names.find(0..names.len() as u32, name).is_some();
                accounts().filter(stands).for_each(|name| note(file, 1, name));
            }
            Some(("identifiers.name_bytes", _)) => {
                let (names, accounts) = (dataset.identifier_names(), accounts().collect::<HashSet<&str>>());
                let values = (0..names.len() as u32).map(|identifier| names.name_of(identifier));
                let mut times: BTreeMap<&str, u64> = BTreeMap::new();
                values.filter_map(|value| accounts.get(value)).for_each(|name| *times.entry(name).or_default() += 1);
                times.into_iter().for_each(|(name, times)| note(file, times, name));
            }
            Some((_, "u8")) => in_texts.each_in(&bytes()?, |name, times| note(file, times, name)),
            Some(_) => among_numbers.each_in(&bytes()?, |name, times| note(file, times, name)),
        }
    }
    let named = |(kind, value): &&(String, String)| dataset.identifier_of(&format!("{kind}:{value}")).is_some();
    sought.identifiers.iter().filter(named).for_each(|(_, value)| note("identifiers.name_bytes", 1, value));
    sought.words.still_in(&TableWords::of(&dataset)).for_each(|word| note(MANIFEST, 1, word));
    Ok((files.len() as u64, found))
}

/// Names that are searched for at once, as words of their own.
struct Words<'a> {
    names: Vec<&'a str>,
    /// None where there is more to find than an automaton holds.
    automaton: Option<AhoCorasick>,
    any_letters: bool,
}

impl<'a> Words<'a> {
    fn new(names: impl Iterator<Item = &'a str>, any_letters: bool) -> Words<'a> {
        let names: Vec<&str> = names.collect::<BTreeSet<&str>>().into_iter().collect();
        let automaton = AhoCorasick::builder().ascii_case_insensitive(any_letters).build(&names).ok();
        Words { automaton, names, any_letters }
    }

    /// Calls `note` with each name that stands there, and how often.
    fn each_in(&self, bytes: &[u8], mut note: impl FnMut(&str, u64)) {
        let mut times = vec![0u64; self.names.len()];
        match &self.automaton {
            Some(automaton) => automaton
                .find_overlapping_iter(bytes)
                .filter(|found| is_word(bytes, found.start(), found.end()))
                .for_each(|found| times[found.pattern().as_usize()] += 1),
            None => {
                let spelt = |text: &[u8]| if self.any_letters { text.to_ascii_lowercase() } else { text.to_vec() };
                let bytes = spelt(bytes);
                times
                    .iter_mut()
                    .zip(&self.names)
                    .for_each(|(times, name)| *times = whole_words(&bytes, &spelt(name.as_bytes())));
            }
        }
        self.names.iter().zip(times).filter(|&(_, times)| times > 0).for_each(|(name, times)| note(name, times));
    }
}

pub(super) fn whole_words(bytes: &[u8], name: &[u8]) -> u64 {
    memmem::find_iter(bytes, name).filter(|&at| is_word(bytes, at, at + name.len())).count() as u64
}

/// Whether nothing beside these bytes goes on with a name.
fn is_word(bytes: &[u8], start: usize, end: usize) -> bool {
    let before = start.checked_sub(1).and_then(|before| bytes.get(before));
    ![before, bytes.get(end)].into_iter().flatten().any(|&byte| in_a_name(byte))
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

    #[test]
    fn names_that_are_searched_for_at_once_are_found_as_each_by_itself() {
        let text = b"{\"account:u1\"} u12 xu1 u1-2 u1 U12 ann@example.org,u12 ann";
        let names = ["u1", "u12", "ann", "ann@example.org", "nobody"];
        for any_letters in [false, true] {
            let mut found = Vec::new();
            Words::new(names.into_iter(), any_letters).each_in(text, |name, times| found.push((name.to_owned(), times)));
            let spelt = if any_letters { text.to_ascii_lowercase() } else { text.to_vec() };
            let each = names.map(|name| (name.to_owned(), whole_words(&spelt, name.as_bytes())));
            let mut each: Vec<_> = each.into_iter().filter(|(_, times)| *times > 0).collect();
            each.sort();
            assert_eq!(found, each);
        }
        Words::new(std::iter::empty(), false).each_in(text, |name, _| panic!("{name}"));
    }
}
