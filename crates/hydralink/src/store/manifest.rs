//! The manifest: what a store says about itself, in one small checked file.
//!
//! `MANIFEST` = 8 bytes magic, `u32` format version, `u32` reserved (0), `u64` payload length, `u128` xxh3-128 of the payload,
//! payload. The payload is [`Manifest`] in bincode's standard configuration (little-endian, variable-length integers), at most
//! [`LIMIT`] bytes. All numbers little-endian. [`encoded`] and [`decoded`] are the only places that use bincode; documents in
//! sections are theirs as well.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use super::{MANIFEST, sync_folder};
use crate::error::Error;

const MAGIC: [u8; 8] = *b"HYDRALNK";

/// The format this build writes, and the newest it reads.
pub(crate) const FORMAT: u32 = 1;

/// A manifest larger than this is refused before anything is allocated.
const LIMIT: usize = 256 << 20;

/// What bincode counts for an encoded byte at most: of a number what it is in memory, and of a text that and its bytes. A length of
/// one byte counts as eight; the `u128` of a section, sixteen, stands beside names that count for less.
const CLAIMS_PER_BYTE: usize = 8;

const HEADER: usize = 8 + 4 + 4 + 8 + 16;

/// How the name of a manifest begins that is not yet renamed.
pub(super) const UNRENAMED: &str = ".manifest-";

/// One section of a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SectionEntry {
    /// Dotted name, for instance `sightings.counts`.
    pub name: String,
    /// File name inside the store.
    pub file: String,
    /// Element type: `u8`, `u16`, `u32`, `u64`, `i64` or `f32`.
    pub element: String,
    /// Length in bytes.
    pub bytes: u64,
    /// xxh3-128 of the bytes.
    pub checksum: u128,
}

/// One file that went into the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InputFile {
    /// Name as it was given.
    pub name: String,
    /// xxh3-128 of its content, in hex.
    pub hash: String,
    /// Rows read from it.
    pub rows: u64,
    /// Whether it was skipped because the same bytes had been read.
    pub duplicate: bool,
}

/// The string tables of a store: all names but those of accounts and identifiers, which are sections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Tables {
    /// Kinds of identifiers, in the order of `KindId`.
    pub kinds: Vec<String>,
    /// Models.
    pub models: Vec<String>,
    /// Capability classes.
    pub capabilities: Vec<String>,
    /// Countries of the account table.
    pub countries: Vec<String>,
    /// Tiers of the account table.
    pub tiers: Vec<String>,
    /// Pathways of the account table.
    pub pathways: Vec<String>,
    /// Organisations of the account table.
    pub orgs: Vec<String>,
    /// Releases: (model index, seconds since the epoch), ascending in time.
    pub releases: Vec<(u16, u32)>,
    /// Allowed identifiers: (identifier, reason).
    pub allowed_identifiers: Vec<(u32, String)>,
    /// Allowed accounts: (account, reason).
    pub allowed_accounts: Vec<(u32, String)>,
    /// Mined templates: (identifier, skeleton, variants).
    pub skeletons: Vec<(u32, String, u64)>,
}

/// What a store says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Manifest {
    /// Version of the tool that wrote it.
    pub tool: String,
    /// Counts up with every change of the store.
    pub generation: u64,
    /// Sections.
    pub sections: Vec<SectionEntry>,
    /// Files that went in.
    pub inputs: Vec<InputFile>,
    /// Rejected rows by reason.
    pub rejected: Vec<(String, u64)>,
    /// String tables.
    pub tables: Tables,
    /// Pseudonymisation key id, if identifiers were keyed at ingest.
    pub key_id: Option<String>,
}

impl Manifest {
    /// The files of its sections.
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        self.sections.iter().map(|section| section.file.as_str())
    }
}

/// Reads and checks a store's manifest.
pub(crate) fn read(store: &Path) -> Result<Manifest, Error> {
    let not_a_store = |what: &str| Error::NotAStore { path: store.to_owned(), what: what.to_owned() };
    let damaged = |what: String| Error::StoreDamaged { store: store.to_owned(), section: MANIFEST.to_owned(), what };
    let mut file = match File::open(store.join(MANIFEST)) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && store.is_dir() => {
            return Err(not_a_store("it has no MANIFEST (is it a store, and did its build finish?)"));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(not_a_store("there is no such directory")),
        Err(_) if store.is_file() => return Err(not_a_store("it is a file; a store is a directory")),
        Err(error) => return Err(Error::io("open", &store.join(MANIFEST), error)),
    };
    let mut bytes = Vec::new();
    let read = (&mut file).take((LIMIT + HEADER) as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| Error::io("read", &store.join(MANIFEST), error))?;
    if !bytes.starts_with(&MAGIC) {
        return Err(not_a_store("its MANIFEST was not written by hydralink"));
    }
    if bytes.len() < HEADER {
        return Err(damaged(format!("{} bytes, a header alone has {HEADER}", bytes.len())));
    }
    let number = |at: usize, length: usize| {
        bytes[at..at + length].iter().rev().fold(0u128, |value, &byte| value << 8 | u128::from(byte))
    };
    let format = number(8, 4) as u32;
    if format > FORMAT {
        return Err(Error::StoreVersion { store: store.to_owned(), found: format, newest: FORMAT });
    }
    let (expected, checksum) = (number(16, 8) as usize, number(24, 16));
    let payload = &bytes[HEADER..];
    if payload.len() != expected {
        return Err(damaged(format!("payload of {} bytes, expected {expected}", payload.len())));
    }
    if xxh3_128(payload) != checksum || format == 0 {
        return Err(damaged("checksum does not match".to_owned()));
    }
    let manifest: Manifest = decoded(payload).map_err(damaged)?;
    // A store may be somebody else's, and a file that it names is read, and removed when the store is replaced.
    match manifest.sections.iter().find(|section| !is_file_of(&section.name, &section.file)) {
        Some(section) => {
            Err(damaged(format!("section {:?} is in {:?}, which is no file of a store", section.name, section.file)))
        }
        None => Ok(manifest),
    }
}

/// A value in bincode's standard configuration.
pub(crate) fn encoded<T: Serialize>(value: &T) -> Vec<u8> {
    bincode::serde::encode_to_vec(value, bincode::config::standard()).expect("plain data encodes")
}

/// The value that all of these bytes are, of at most [`LIMIT`] bytes.
pub(crate) fn decoded<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    if bytes.len() > LIMIT {
        return Err(format!("{} bytes, and there may be {LIMIT}", bytes.len()));
    }
    // A length that lies makes room before it is found out: a small value gets no more than a small one can need.
    if bytes.len() <= LIMIT / CLAIMS_PER_BYTE {
        decoded_within::<T, LIMIT>(bytes)
    } else {
        decoded_within::<T, { LIMIT * CLAIMS_PER_BYTE }>(bytes)
    }
}

/// The same of which bincode counts at most so many bytes.
fn decoded_within<T: DeserializeOwned, const CLAIMS: usize>(bytes: &[u8]) -> Result<T, String> {
    let config = bincode::config::standard().with_limit::<CLAIMS>();
    let (value, used) = bincode::serde::decode_from_slice(bytes, config).map_err(|error| error.to_string())?;
    if used == bytes.len() {
        Ok(value)
    } else {
        Err(format!("{} bytes are left over after what is encoded", bytes.len() - used))
    }
}

/// Whether a file is `NAME.GENERATION` of a section with a plain name, and so in the store's own folder.
fn is_file_of(name: &str, file: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'.';
    let generation = file.strip_prefix(name).and_then(|rest| rest.strip_prefix('.'));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    name.starts_with(|first: char| first.is_ascii_lowercase()) && name.bytes().all(plain) && generation.is_some_and(digits)
}

/// Writes a manifest beside the old one and renames it into place. An error says that the old one still stands.
pub(crate) fn write(store: &Path, manifest: &Manifest) -> std::io::Result<()> {
    let payload = encoded(manifest);
    if payload.len() > LIMIT {
        return Err(std::io::Error::other(format!("it would have {} bytes, and may have {LIMIT}", payload.len())));
    }
    // What can't be read again would take the place of what can.
    decoded::<Manifest>(&payload).map_err(std::io::Error::other)?;
    let mut builder = tempfile::Builder::new();
    // Who may read the sections may read what they are; temporary files are else their owner's alone.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.prefix(UNRENAMED).tempfile_in(store)?;
    file.write_all(&MAGIC)?;
    file.write_all(&FORMAT.to_le_bytes())?;
    file.write_all(&0u32.to_le_bytes())?;
    file.write_all(&(payload.len() as u64).to_le_bytes())?;
    file.write_all(&xxh3_128(&payload).to_le_bytes())?;
    file.write_all(&payload)?;
    file.as_file().sync_all()?;
    file.persist(store.join(MANIFEST)).map_err(|error| error.error)?;
    // The new manifest stands already, and names files that must not be removed as if it had failed.
    sync_folder(store);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    fn manifest(sections: Vec<SectionEntry>, tables: Tables) -> Manifest {
        Manifest {
            tool: String::new(),
            generation: 1,
            sections,
            inputs: Vec::new(),
            rejected: Vec::new(),
            tables,
            key_id: None,
        }
    }

    /// Manifests were written, over the old ones, that the limit of reading refused.
    #[test]
    fn a_manifest_of_the_largest_size_is_read_whatever_it_is_made_of() {
        const SIZE: usize = 4096;
        let section =
            SectionEntry { name: "a".to_owned(), file: "a.1".to_owned(), element: "u8".to_owned(), bytes: 0, checksum: 0 };
        let countries = |word: &str, count: usize| Tables { countries: vec![word.to_owned(); count], ..Tables::default() };
        let skeletons = Tables { skeletons: vec![(0, String::new(), 0); 1300], ..Tables::default() };
        let releases = Tables { releases: vec![(0, 0); 2000], ..Tables::default() };
        let of_tables = |tables| manifest(Vec::new(), tables);
        for full in [
            of_tables(countries("", 4000)),
            of_tables(countries("a", 2000)),
            of_tables(skeletons),
            of_tables(releases),
            manifest(vec![section; 360], Tables::default()),
        ] {
            let bytes = encoded(&full);
            assert!(bytes.len() > SIZE * 9 / 10 && bytes.len() <= SIZE, "{} bytes", bytes.len());
            assert_eq!(decoded_within::<Manifest, { SIZE * CLAIMS_PER_BYTE }>(&bytes), Ok(full));
            let refused = decoded_within::<Manifest, SIZE>(&bytes).unwrap_err();
            assert!(refused.to_lowercase().contains("limit"), "it counts more than its bytes: {refused}");
        }
    }

    #[test]
    fn a_length_that_lies_makes_no_room() {
        // A vector of one text that says it has all of the memory.
        let mut bytes = vec![1, 253];
        bytes.extend((u64::MAX / 4).to_le_bytes());
        assert!(decoded::<Vec<String>>(&bytes).is_err());
        assert!(decoded::<Vec<String>>(&[1, 1]).is_err(), "there is nothing of it");
    }

    #[test]
    fn a_manifest_that_names_a_file_outside_of_its_store_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store");
        std::fs::create_dir(&store).unwrap();
        std::fs::write(folder.path().join("secret.1"), b"").unwrap();
        let path = |file: &str| folder.path().join(file).display().to_string();
        let named = [("a", "../secret.1".to_owned()), ("../secret", "../secret.1".to_owned()), ("a", path("secret.1"))];
        for (name, file) in named.into_iter().chain([("", ".1".to_owned()), ("a", "a.x".to_owned()), ("a", "a.".to_owned())]) {
            let section =
                SectionEntry { name: name.to_owned(), file, element: "u8".to_owned(), bytes: 0, checksum: xxh3_128(b"") };
            write(&store, &manifest(vec![section], Tables::default())).unwrap();
            let refused = Store::open(&store).unwrap_err();
            assert!(matches!(&refused, Error::StoreDamaged { section, .. } if section == MANIFEST), "{refused}");
        }
        assert!(is_file_of("graph.counts", "graph.counts.12") && is_file_of("as_of", "as_of.1"));
    }
}
