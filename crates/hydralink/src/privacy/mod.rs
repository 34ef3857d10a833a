//! Who may know the values: key files, and how much of a value a command shows.
//!
//! A *key file* holds at least 32 bytes that nobody can guess: `(umask 077; head -c 32 /dev/urandom > key)`. It is refused if
//! anybody but its owner and group can read it, if it is short, or if it is all of a few characters. Where a secret store gives
//! keys in the environment, `env:NAME` stands for the file. The key never stands on a command line, in a store, in a log or in
//! an error; what names it is [`Key::id`], from which it can't be computed.
//!
//! From one file follow, by BLAKE3 with a context each, independent keys for the pseudonyms of a store
//! ([`events::Pseudonyms`]), for the pseudonyms of exports ([`crate::export::Level`]), and for what a group shares
//! ([`crate::share`]).
//!
#![doc = include_str!("../../docs/privacy.md")]

mod changed;
mod expire;
mod forget;
mod gone;
mod proof;
mod rekey;
mod remembered;

use std::io::Read;
use std::path::{Path, PathBuf};

use events::Pseudonyms;

pub use changed::Changed;
pub use expire::{Ageing, Expirable, Expired, Extent, KeptSince, MOST, expirable, expire};
pub use forget::{Forgotten, forget};
pub(crate) use gone::{Gone, stands_in};
pub use proof::Occurrence;
pub use rekey::{Rekeyed, rekey};
pub(crate) use rekey::{keep_sealed_keys, put_sealed_keys, sealed_keys, unsealed};
pub use remembered::{Lifted, lift};
pub(crate) use remembered::{forgotten_accounts, keep_forgotten, put_forgotten};

use crate::error::Error;
use crate::options::KEY_FILE;

/// Fewest bytes of a key file, and distinct ones among them (32 hex digits have 16; random bytes more).
const MIN_BYTES: usize = 32;
const MIN_DISTINCT: usize = 8;
/// A key file longer than this is some other file.
const MAX_BYTES: u64 = 4096;

const MASTER: &str = "hydralink 2026 master key of a key file v1";
const EXPORTS: &str = "hydralink 2026 pseudonyms of exports v1";
const GROUP: &str = "hydralink 2026 indicators of a sharing group v1";

/// A key of pseudonyms in exports and other outputs. With it those of addresses could be tried one by one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ExportKey(pub(crate) [u8; 32]);

impl std::fmt::Debug for ExportKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ExportKey(not shown)")
    }
}

/// What a key's place begins with where it is an environment variable.
const ENVIRONMENT: &str = "env:";

fn refused(path: &Path, what: String) -> Error {
    Error::KeyFile { path: path.to_owned(), what }
}

/// What a key file holds, unless others may read it.
fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    let unread = |error| Error::io("read the key file", path, error);
    let mut file = std::fs::File::open(path).map_err(unread)?;
    let metadata = file.metadata().map_err(unread)?;
    if !metadata.is_file() {
        return Err(refused(path, "it is no file".to_owned()));
    }
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777;
        if mode & 0o027 != 0 {
            return Err(refused(path, format!("others may read or change it (mode {mode:03o}): run `chmod 600` on it")));
        }
    }
    let mut bytes = Vec::new();
    (&mut file).take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unread)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(refused(path, format!("it is longer than {MAX_BYTES} bytes: is it a key file?")));
    }
    Ok(bytes)
}

/// The key of a key file.
#[derive(Clone)]
pub struct Key {
    master: [u8; 32],
}

impl Key {
    /// Reads a key: from a file, or for `env:NAME` from the environment variable of that name, where a scheduler's secret store
    /// puts it.
    ///
    /// # Errors
    /// [`Error::Io`] if it can't be read, [`Error::KeyFile`] if others may read the file, the variable isn't set, or it is no key.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let variable = path.to_str().and_then(|path| path.strip_prefix(ENVIRONMENT));
        let bytes = match variable {
            Some(name) => match std::env::var_os(name).filter(|value| !value.is_empty()) {
                Some(value) => value.into_encoded_bytes(),
                None => return Err(refused(path, "this environment variable is not set".to_owned())),
            },
            None => read_file(path)?,
        };
        // A newline at the end is an editor's.
        let key = bytes.trim_ascii_end();
        if key.len() < MIN_BYTES {
            return Err(refused(path, format!("it holds {} bytes, a key has at least {MIN_BYTES} random ones", key.len())));
        }
        let distinct = key.iter().collect::<std::collections::BTreeSet<_>>().len();
        if distinct < MIN_DISTINCT {
            return Err(refused(path, format!("it holds {distinct} different bytes: that is no random key")));
        }
        Ok(Key { master: blake3::derive_key(MASTER, key) })
    }

    /// What pseudonymises at ingest and translates queries.
    pub fn pseudonyms(&self) -> Pseudonyms {
        Pseudonyms::new(self.master)
    }

    /// Names the key without saying anything of it.
    pub fn id(&self) -> String {
        self.pseudonyms().key_id()
    }

    /// The key of the pseudonyms in exports and other outputs.
    pub fn for_exports(&self) -> ExportKey {
        ExportKey(blake3::derive_key(EXPORTS, &self.master))
    }

    /// The key of the indicators that a group shares.
    pub(crate) fn for_group(&self) -> [u8; 32] {
        blake3::derive_key(GROUP, &self.master)
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Key").field("id", &self.id()).finish_non_exhaustive()
    }
}

/// Checks that a store of pseudonyms is written, updated or asked with its own key. A store of plain values needs none.
///
/// # Errors
/// [`Error::StoreKey`] if the key is missing or another one.
pub fn check_key(store: &Path, stored: Option<&str>, given: Option<&str>) -> Result<(), Error> {
    let refuse =
        |needed: &str, what: String| Err(Error::StoreKey { store: store.to_owned(), needed: Some(needed.to_owned()), what });
    match (stored, given) {
        (Some(needed), None) => refuse(needed, format!("no key was given: give {KEY_FILE}")),
        (Some(needed), Some(given)) if needed != given => refuse(needed, format!("the key file given is {given}")),
        _ => Ok(()),
    }
}

/// Checks that what is added to a store is under the key of what it holds. Pseudonyms beside plain values would be others than the
/// accounts and identifiers that they are, and the store would say of all of them that they are pseudonyms.
///
/// # Errors
/// As [`check_key`], and [`Error::StoreKey`] for a key where the store holds plain values.
pub(crate) fn check_same_key(store: &Path, stored: Option<&str>, given: Option<&str>) -> Result<(), Error> {
    match (stored, given) {
        (None, Some(given)) => Err(Error::StoreKey {
            store: store.to_owned(),
            needed: None,
            what: format!(
                "the key file given is {given}: leave {KEY_FILE} out, or build the store again from the logs with it (rekey only \
                 changes the key of pseudonyms)"
            ),
        }),
        _ => check_key(store, stored, given),
    }
}

/// Reads the key file of a command, if it names one.
///
/// # Errors
/// As [`Key::read`].
pub fn read_key(path: Option<&PathBuf>) -> Result<Option<Key>, Error> {
    path.map(|path| Key::read(path)).transpose()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn key_file(content: &[u8], mode: u32) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        Key::read(&path).map(|key| key.id()).map_err(|error| error.to_string())
    }

    #[test]
    fn keys_that_protect_nothing_are_refused() {
        let good = b"0123456789abcdef0123456789abcdef";
        assert!(key_file(good, 0o600).is_ok());
        assert!(key_file(good, 0o440).is_ok());
        for mode in [0o644, 0o604, 0o620, 0o602] {
            assert!(key_file(good, mode).unwrap_err().contains("chmod 600"), "{mode:o}");
        }
        assert!(key_file(&good[..31], 0o600).unwrap_err().contains("31 bytes"));
        assert!(key_file(&[b'a'; 64], 0o600).unwrap_err().contains("random"));
        assert!(key_file(&[0u8; 5000], 0o600).unwrap_err().contains("longer"));
    }

    #[test]
    fn a_last_newline_does_not_count_and_every_use_has_its_own_key() {
        let good = b"0123456789abcdef0123456789abcdef";
        assert_eq!(key_file(good, 0o600), key_file(&[&good[..], b"\n"].concat(), 0o600));
        let key = Key { master: [3; 32] };
        assert_ne!(key.for_exports().0, key.for_group());
        assert_ne!(key.for_exports().0, key.master);
        assert_eq!(format!("{:?}", key.for_exports()), "ExportKey(not shown)");
    }

    #[test]
    fn a_store_of_pseudonyms_needs_its_own_key() {
        let check = |stored, given| check_key(Path::new("store"), stored, given).map_err(|error| error.to_string());
        assert!(check(None, None).is_ok() && check(None, Some("a")).is_ok() && check(Some("a"), Some("a")).is_ok());
        assert!(check(Some("a"), None).unwrap_err().contains("`pseudonym`"));
        assert!(check(Some("a"), Some("b")).is_err());
        let check = |stored, given| check_same_key(Path::new("store"), stored, given).map_err(|error| error.to_string());
        assert!(check(None, None).is_ok() && check(Some("a"), Some("a")).is_ok());
        assert!(check(Some("a"), None).unwrap_err().contains("pseudonyms under key a"));
        assert!(check(Some("a"), Some("b")).is_err());
        let refused = check(None, Some("a")).unwrap_err();
        assert!(refused.contains("plain values") && refused.contains("build the store again"), "{refused}");
    }
}
