//! The store: a directory of arrays that open in constant time and never half exist.
//!
//! # Layout
//! `MANIFEST` names the sections; each section is one file of little-endian numbers, memory-mapped when the store is opened.
//! A section file carries the generation that wrote it (`sightings.counts.3`), so a writer never touches a file that a reader
//! may have open.
//!
//! # How a change becomes visible
//! 1. The writer takes the lock (`LOCK`; a second writer is refused at once).
//! 2. New sections are written under new names and synced.
//! 3. The new manifest is written beside the old one, synced, and renamed over it: the only step that readers can see.
//! 4. The directory is synced where the system can, and files that no manifest names are removed: those of the store before,
//!    and what an interrupted writer left. Other files in the folder are never touched.
//!
//! A crash before step 3 leaves the old store, a crash after it the new one. A reader that comes between steps 3 and 4 with the
//! old manifest in hand finds a section gone, and reads the new one.
//!
//! # What is checked
//! Opening checks the manifest's own checksum, the length of every section, and the checksum of sections up to
//! [`SMALL_SECTION`] bytes: constant time whatever the data. [`Store::verify`] checks every byte,
//! [`ask()`] does where a question panics, and so does whatever writes a store from what another one holds.

mod ask;
mod layout;
mod manifest;
mod section;
mod writer;

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use graph::Column;
use rayon::prelude::*;
use serde::de::DeserializeOwned;

use crate::error::Error;

pub use ask::ask;
pub(crate) use events::Element;
pub(crate) use manifest::{FORMAT as STORE_FORMAT, decoded, encoded};
pub use manifest::{InputFile, Manifest, SectionEntry, Tables};
#[cfg(test)]
pub(crate) use section::with_large_sections;
pub use section::{Reading, SMALL_SECTION};
pub use writer::StoreWriter;
pub(crate) use writer::is_being_written;

/// Name of the manifest file.
pub(crate) const MANIFEST: &str = "MANIFEST";

/// The sections of names.
const NAMES: [&str; 2] = ["accounts.name_bytes", "identifiers.name_bytes"];

/// Name of the lock file.
pub(crate) const LOCK: &str = "LOCK";

/// The key that a store's pseudonyms were made with, if there is a store of pseudonyms at `path`.
pub(crate) fn key_id_at(path: &Path) -> Option<String> {
    manifest::read(path).ok()?.key_id
}

/// Whether a store, whole or not, is at `path`.
pub fn is_store(path: &Path) -> bool {
    path.join(MANIFEST).is_file()
}

/// The store that a path is, or lies in.
pub(crate) fn enclosing(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    // Others name files MANIFEST as well.
    let is_ours = |folder: &&Path| is_store(folder) && !matches!(manifest::read(folder), Err(Error::NotAStore { .. }));
    path.ancestors().find(is_ours).map(Path::to_owned)
}

/// Refuses to write where a store is, among whose files nothing else belongs.
///
/// # Errors
/// [`Error::Usage`].
pub(crate) fn refuse_among_files(path: &Path) -> Result<(), Error> {
    enclosing(path).map_or(Ok(()), |store| Err(among_files(path, &store)))
}

/// What would be written among a store's files.
pub(crate) fn among_files(path: &Path, store: &Path) -> Error {
    Error::Usage(format!("{} would be among the files of the store {}: write somewhere else", path.display(), store.display()))
}

/// A path as a POSIX shell takes it for one word: commands that are to be copied hold it so.
pub fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |character: char| character.is_alphanumeric() || "/._-+:@%,=".contains(character);
    if !text.is_empty() && text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// Syncs a folder, as far as the system can. One that can't be (Windows, some network drives) costs durability on power loss:
/// what was written to it stands, and is not told to have failed.
pub(crate) fn sync_folder(folder: &Path) {
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
}

/// An open store: the manifest, and the mapped sections. Cheap to clone handles out of; immutable.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    manifest: Manifest,
    sections: HashMap<String, section::Mapped>,
}

impl Store {
    /// Opens a store. Constant time in the size of the data.
    ///
    /// # Errors
    /// [`Error::NotAStore`] for a foreign directory, [`Error::StoreVersion`] for a newer format, [`Error::StoreDamaged`] naming
    /// the section that is missing, truncated or altered, [`Error::Io`] for a file that the system doesn't let us read.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let store = Store::open_for_lookups(path)?;
        store.expect(Reading::Whole);
        Ok(store)
    }

    /// The same, to read single places ([`Reading::Points`]).
    pub(crate) fn open_for_lookups(path: &Path) -> Result<Self, Error> {
        Store::open_as_of(path, manifest::read(path)?)
    }

    /// Opens what a manifest names that nobody else has read yet.
    fn of_manifest(path: &Path, manifest: Manifest) -> Result<Self, Error> {
        Ok(Store { sections: mapped(path, &manifest)?, path: path.to_owned(), manifest })
    }

    /// Opens the store that a manifest names, or a later one, if a writer has replaced that in the meantime.
    fn open_as_of(path: &Path, mut manifest: Manifest) -> Result<Self, Error> {
        loop {
            match mapped(path, &manifest) {
                Ok(sections) => return Ok(Store { path: path.to_owned(), manifest, sections }),
                Err(Error::Io { path: file, source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                    let now = manifest::read(path)?;
                    if now.generation == manifest.generation {
                        let missing = manifest.sections.iter().find(|entry| path.join(&entry.file) == file);
                        let (section, file) = missing.map(|entry| (entry.name.clone(), entry.file.clone())).unwrap_or_default();
                        let what = format!("{file}: {source}");
                        return Err(Error::StoreDamaged { store: path.to_owned(), section, what });
                    }
                    manifest = now;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Where the store is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the store says about itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Says what will be read of the large sections. Where the system reads far ahead (8 MiB on some machines), a question to a
    /// cold store otherwise waits for megabytes that it doesn't need.
    pub(crate) fn expect(&self, reading: Reading) {
        self.sections.iter().for_each(|(name, section)| section.expect(name, reading));
    }

    /// Whether accounts or identifiers are called otherwise by now, or are others.
    ///
    /// # Errors
    /// As [`Store::open`] of the manifest.
    pub(crate) fn has_other_names_now(&self) -> Result<bool, Error> {
        let now = manifest::read(&self.path)?;
        let files = |manifest: &Manifest| {
            let named = manifest.sections.iter().filter(|section| NAMES.contains(&section.name.as_str()));
            named.map(|section| section.file.clone()).collect::<Vec<String>>()
        };
        Ok(now.key_id != self.manifest.key_id || files(&now) != files(&self.manifest))
    }

    /// Has the system fetch a section that will be read whole, if there is one.
    pub(crate) fn fetch(&self, name: &str) {
        if let Some(section) = self.sections.get(name) {
            section.fetch();
        }
    }

    /// Whether a section exists.
    pub fn has(&self, name: &str) -> bool {
        self.sections.contains_key(name)
    }

    /// The file of a section, if there is one. It stays until the store is changed.
    pub(crate) fn file_of(&self, name: &str) -> Option<PathBuf> {
        let entry = self.manifest.sections.iter().find(|entry| entry.name == name)?;
        Some(self.path.join(&entry.file))
    }

    /// A section as an array; shares the mapping.
    ///
    /// # Errors
    /// [`Error::StoreDamaged`] if the section is missing or holds another type.
    pub(crate) fn column<T: Element>(&self, name: &str) -> Result<Column<T>, Error> {
        let mapped = self.sections.get(name).ok_or_else(|| self.damaged(name, "the section is missing"))?;
        mapped.column().map_err(|what| self.damaged(name, &what))
    }

    /// A section as an array, empty if there is no such section.
    ///
    /// # Errors
    /// [`Error::StoreDamaged`] if the section holds another type.
    pub(crate) fn column_or_empty<T: Element>(&self, name: &str) -> Result<Column<T>, Error> {
        if self.has(name) { self.column(name) } else { Ok(Column::default()) }
    }

    /// What a section of JSON says; `None` if there is no such section.
    ///
    /// # Errors
    /// [`Error::StoreDamaged`] if the section doesn't say a `T`.
    pub(crate) fn json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        if !self.has(name) {
            return Ok(None);
        }
        self.sections[name].fetch();
        let bytes: Column<u8> = self.column(name)?;
        serde_json::from_slice(&bytes).map(Some).map_err(|error| self.damaged(name, &error.to_string()))
    }

    /// Checks the checksum of every section. Reads everything once, sections side by side.
    ///
    /// # Errors
    /// [`Error::StoreDamaged`] names the first section whose bytes differ from what was written.
    pub fn verify(&self) -> Result<Verified, Error> {
        let check = |entry: &SectionEntry| {
            let mapped = &self.sections[&entry.name];
            mapped.check(entry).map_err(|what| self.damaged(&entry.name, &what))?;
            Ok(mapped.bytes().len() as u64)
        };
        let checked: Vec<Result<u64, Error>> = self.manifest.sections.par_iter().with_max_len(1).map(check).collect();
        // The first damaged one is named, whichever thread was done first.
        let bytes: Vec<u64> = checked.into_iter().collect::<Result<_, _>>()?;
        Ok(Verified { sections: bytes.len(), bytes: bytes.iter().sum() })
    }

    pub(crate) fn damaged(&self, section: &str, what: &str) -> Error {
        Error::StoreDamaged { store: self.path.clone(), section: section.to_owned(), what: what.to_owned() }
    }
}

/// The sections that a manifest names.
fn mapped(path: &Path, manifest: &Manifest) -> Result<HashMap<String, section::Mapped>, Error> {
    let mapped = |entry: &SectionEntry| Ok((entry.name.clone(), section::map(path, entry)?));
    manifest.sections.iter().map(mapped).collect()
}

/// What [`Store::verify`] went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Verified {
    /// Sections whose checksum agrees.
    pub sections: usize,
    /// Bytes read.
    pub bytes: u64,
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn store(folder: &Path) -> PathBuf {
        let path = folder.join("store");
        let mut writer = StoreWriter::create(&path).unwrap();
        writer.put("graph.counts", &[1u32]).unwrap();
        writer.commit().unwrap();
        path
    }

    #[test]
    fn a_reader_with_an_old_manifest_reads_the_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = store(folder.path());
        let old = manifest::read(&path).unwrap();
        let mut writer = StoreWriter::amend(&path).unwrap();
        writer.put("graph.counts", &[2u32]).unwrap();
        writer.commit().unwrap();
        let opened = Store::open_as_of(&path, old).unwrap();
        assert_eq!(opened.column::<u32>("graph.counts").unwrap().as_slice(), [2]);
        assert_eq!(opened.manifest().generation, 2);
        fs::remove_file(path.join("graph.counts.2")).unwrap();
        let missing = Store::open(&path).unwrap_err();
        assert!(matches!(&missing, Error::StoreDamaged { section, .. } if section == "graph.counts"), "{missing}");
    }

    #[test]
    fn paths_in_commands_are_one_word() {
        let shown = ["store", "a/b-1.s", "two words", "it's", ""].map(|path| quoted(Path::new(path)));
        assert_eq!(shown, ["store", "a/b-1.s", "'two words'", r"'it'\''s'", "''"]);
    }

    /// A link that leads round in a circle stands for whatever the system refuses.
    #[cfg(unix)]
    #[test]
    fn what_the_system_refuses_is_not_called_damage() {
        let folder = tempfile::tempdir().unwrap();
        let path = store(folder.path());
        let section = path.join("graph.counts.1");
        fs::remove_file(&section).unwrap();
        std::os::unix::fs::symlink(&section, &section).unwrap();
        let refused = Store::open(&path).unwrap_err();
        assert!(matches!(&refused, Error::Io { path, .. } if *path == section), "{refused}");
    }
}
