//! The file of the case log: append-only, chained by hashes, safe against crashes and concurrent writers.
//!
//! Two files in the store's directory, which no other command replaces:
//! - `CASES.jsonl`, one record a line. A line is a JSON object whose last field `hash` is BLAKE3 of the object without that
//!   field; the field `prev` is the hash of the line before. So a changed, moved or removed line breaks the chain where it
//!   stood. What no chain can show is that its last lines were cut off: keep the hash that [`Chain::head`] names elsewhere, and
//!   compare.
//! - `CASES.names.jsonl`, the openings of the commitments in it (see [`super::record`]), in no order.
//!
//! *Appending*: 1. lock the log (a second writer waits); 2. read it and check the chain; 3. write the openings and sync; 4.
//! write the record as one line and sync. A crash before 4 leaves openings that nothing refers to; a crash within 4 leaves a
//! line without its end. Such a line is not a record (nobody was told that it was written): readers report it, and the next
//! writer moves it to `CASES.torn-SEQ` and says so in its own record.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::record::{Commitment, Opening, Record};
use crate::error::Error;
use crate::store::sync_folder;

/// Name of the log in a store.
pub(crate) const LOG: &str = "CASES.jsonl";

/// Name of the file of openings.
pub(crate) const NAMES: &str = "CASES.names.jsonl";

/// How the name of a file of openings begins that is not yet renamed.
pub(crate) const UNRENAMED: &str = ".names-";

/// How the names of files begin that hold an unfinished last line.
const TORN: &str = "CASES.torn-";

/// What stands before the hash in a line.
const HASH: &str = ",\"hash\":\"";

/// What `prev` is in the first line.
const START: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A log that was read and whose chain holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chain {
    /// Records and their hashes.
    pub(crate) records: Vec<(Record, String)>,
    /// Openings by commitment.
    pub(crate) names: HashMap<Commitment, Opening>,
    /// An unfinished last line.
    pub(crate) torn: Vec<u8>,
    /// Length of the finished lines.
    finished: u64,
    /// Whether the last record lacks nothing but its newline.
    lacks_newline: bool,
}

impl Chain {
    /// The hash of the last record; zeros for an empty log.
    pub(crate) fn head(&self) -> &str {
        self.records.last().map_or(START, |(_, hash)| hash)
    }
}

/// Whether a file of a store belongs to its log.
pub(crate) fn is_file_of_log(file: &str) -> bool {
    [LOG, NAMES].contains(&file) || file.starts_with(TORN)
}

/// Reads the log of a store; an empty one if there is none.
///
/// # Errors
/// [`Error::CaseLog`] naming the first record at which the chain breaks.
pub(crate) fn read(store: &Path) -> Result<Chain, Error> {
    let path = store.join(LOG);
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Chain::default()),
        Err(error) => return Err(Error::io("open", &path, error)),
    };
    file.lock_shared().map_err(|error| Error::io("lock", &path, error))?;
    read_locked(store, &mut file)
}

/// Appends the record that `make` builds on the log as it is, and returns the log with it.
///
/// # Errors
/// As [`read`], whatever `make` refuses, and [`Error::Io`]; the log is then as it was.
pub(crate) fn append(store: &Path, make: impl FnOnce(&Chain) -> Result<(Record, Vec<Opening>), Error>) -> Result<Chain, Error> {
    let path = store.join(LOG);
    let fail = |error| Error::io("write", &path, error);
    let existed = path.exists();
    let mut file = File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(fail)?;
    file.lock().map_err(|error| Error::io("lock", &path, error))?;
    let mut chain = read_locked(store, &mut file)?;
    let (mut record, openings) = make(&chain)?;
    record.seq = chain.records.len() as u64 + 1;
    record.prev = chain.head().to_owned();
    if !chain.torn.is_empty() {
        set_aside(store, record.seq, &chain.torn)?;
        record.set_aside = Some((chain.torn.len() as u64, blake3::hash(&chain.torn).to_hex().to_string()));
        chain.torn.clear();
        file.set_len(chain.finished).map_err(fail)?;
    }
    append_names(store, &openings)?;
    let (line, hash) = line_of(&record);
    let text = if chain.lacks_newline { format!("\n{line}\n") } else { format!("{line}\n") };
    file.seek(SeekFrom::End(0)).map_err(fail)?;
    file.write_all(text.as_bytes()).map_err(fail)?;
    file.sync_all().map_err(fail)?;
    if !existed {
        sync_folder(store);
    }
    chain.names.extend(openings.into_iter().map(|opening| (opening.commitment(), opening)));
    chain.records.push((record, hash));
    chain.lacks_newline = false;
    Ok(chain)
}

/// Erases the openings that `erased` chooses, and keeps the others. The caller has the store's lock: what is left of a file
/// that was not yet renamed is removed by the store's next writer.
///
/// # Errors
/// As [`read`]; [`Error::Io`].
pub(crate) fn erase(store: &Path, erased: impl Fn(&Opening) -> bool) -> Result<u64, Error> {
    let path = store.join(LOG);
    let log = match File::options().read(true).write(true).open(&path) {
        Ok(log) => log,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(Error::io("open", &path, error)),
    };
    log.lock().map_err(|error| Error::io("lock", &path, error))?;
    let (openings, _) = read_names(store)?;
    let kept: Vec<&Opening> = openings.iter().filter(|opening| !erased(opening)).collect();
    if kept.len() == openings.len() {
        return Ok(0);
    }
    let names = store.join(NAMES);
    let fail = |error| Error::io("write", &names, error);
    let mut file = tempfile::Builder::new().prefix(UNRENAMED).tempfile_in(store).map_err(fail)?;
    file.write_all(names_text(kept.iter().copied()).as_bytes()).map_err(fail)?;
    file.as_file().sync_all().map_err(fail)?;
    file.persist(&names).map_err(|error| fail(error.error))?;
    sync_folder(store);
    Ok((openings.len() - kept.len()) as u64)
}

fn read_locked(store: &Path, file: &mut File) -> Result<Chain, Error> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|error| Error::io("read", &store.join(LOG), error))?;
    let mut chain = Chain::default();
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let seq = chain.records.len() as u64 + 1;
        match record_of(text, seq, chain.head()) {
            Ok(record) => {
                chain.records.push(record);
                chain.finished += line.len() as u64;
                chain.lacks_newline = line.len() == text.len();
            }
            // Only the last line can lack its end.
            Err(_) if line.len() == text.len() => chain.torn = line.to_vec(),
            Err(what) => return Err(Error::CaseLog { store: store.to_owned(), record: seq, what }),
        }
    }
    let (openings, _) = read_names(store)?;
    chain.names = openings.into_iter().map(|opening| (opening.commitment(), opening)).collect();
    // The last change of names first, so that a name leads to what it became at last.
    for (old, new) in chain.records.iter().rev().flat_map(|(record, _)| &record.renamed) {
        if !chain.names.contains_key(old)
            && let Some(opening) = chain.names.get(new).cloned()
        {
            chain.names.insert(old.clone(), opening);
        }
    }
    Ok(chain)
}

/// The record in a line, if it is whole and follows on `prev`.
fn record_of(line: &[u8], seq: u64, prev: &str) -> Result<(Record, String), String> {
    let text = std::str::from_utf8(line).map_err(|_| "it is not text".to_owned())?;
    let (body, rest) = text.rsplit_once(HASH).ok_or("it has no hash at its end")?;
    let written = rest.strip_suffix("\"}").ok_or("it has no hash at its end")?;
    let found = blake3::hash(format!("{body}}}").as_bytes()).to_hex();
    if found.as_str() != written {
        return Err("its content does not match its hash: it was changed after it was written".to_owned());
    }
    let record: Record = serde_json::from_str(&format!("{body}}}"))
        .map_err(|error| format!("it can't be read: {error}; use a newer hydralink"))?;
    if record.prev != prev {
        return Err("it does not follow on the record before it: one was changed, moved or removed".to_owned());
    }
    if record.seq != seq {
        return Err(format!("it says it is number {}", record.seq));
    }
    Ok((record, written.to_owned()))
}

fn line_of(record: &Record) -> (String, String) {
    let body = serde_json::to_string(record).expect("plain data serialises");
    let hash = blake3::hash(body.as_bytes()).to_hex().to_string();
    let open = body.strip_suffix('}').expect("an object ends with a brace");
    (format!("{open}{HASH}{hash}\"}}"), hash)
}

/// The openings, and the length of the finished lines: a crash can leave a line without its end, which opened nothing.
fn read_names(store: &Path) -> Result<(Vec<Opening>, u64), Error> {
    let path = store.join(NAMES);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
        Err(error) => return Err(Error::io("read", &path, error)),
    };
    let mut finished = 0;
    let mut openings = Vec::new();
    for line in bytes.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n")) {
        // A damaged line opens nothing; its commitment is then reported as erased.
        openings.extend(serde_json::from_slice::<Opening>(line));
        finished += line.len() as u64;
    }
    Ok((openings, finished))
}

fn append_names(store: &Path, openings: &[Opening]) -> Result<(), Error> {
    if openings.is_empty() {
        return Ok(());
    }
    let path = store.join(NAMES);
    let fail = |error| Error::io("write", &path, error);
    let existed = path.exists();
    let (_, finished) = read_names(store)?;
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&path).map_err(fail)?;
    file.set_len(finished).map_err(fail)?;
    file.seek(SeekFrom::End(0)).map_err(fail)?;
    file.write_all(names_text(openings.iter()).as_bytes()).map_err(fail)?;
    file.sync_all().map_err(fail)?;
    if !existed {
        sync_folder(store);
    }
    Ok(())
}

fn names_text<'a>(openings: impl Iterator<Item = &'a Opening>) -> String {
    openings.map(|opening| serde_json::to_string(opening).expect("plain data serialises") + "\n").collect()
}

/// Where another line was set aside for the same record, whose writer crashed as well, this one goes beside it.
fn set_aside(store: &Path, seq: u64, torn: &[u8]) -> Result<(), Error> {
    let names = std::iter::once(format!("{TORN}{seq}")).chain((2..).map(|again| format!("{TORN}{seq}-{again}")));
    for name in names {
        let path = store.join(name);
        match File::create_new(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            created => {
                let written = created.and_then(|mut file| file.write_all(torn).and_then(|()| file.sync_all()));
                return written.map_err(|error| Error::io("write", &path, error));
            }
        }
    }
    unreachable!("names are without end")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::record::{Action, Kind, Subject};
    use super::*;

    fn note(text: &str) -> Result<(Record, Vec<Opening>), Error> {
        let opening = Opening::new(Kind::Text, text)?;
        let record = Record {
            v: 1,
            seq: 0,
            at: "2026-03-01T00:00:00Z".to_owned(),
            action: Action::Note,
            state: None,
            subject: Subject::Store,
            network: None,
            reviewer: "r".to_owned(),
            reason: None,
            four_eyes: None,
            accounts: Vec::new(),
            identifiers: Vec::new(),
            text: Some(opening.commitment()),
            renamed: Vec::new(),
            set_aside: None,
            prev: String::new(),
        };
        Ok((record, vec![opening]))
    }

    fn store_with(notes: u64) -> tempfile::TempDir {
        let store = tempfile::tempdir().unwrap();
        for at in 0..notes {
            append(store.path(), |_| note(&format!("note {at}"))).unwrap();
        }
        store
    }

    fn texts(chain: &Chain) -> Vec<String> {
        chain.records.iter().map(|(record, _)| chain.names[record.text.as_ref().unwrap()].value.clone()).collect()
    }

    #[test]
    fn what_was_written_is_read_in_order() {
        let store = store_with(3);
        let chain = read(store.path()).unwrap();
        assert_eq!(texts(&chain), ["note 0", "note 1", "note 2"]);
        assert_eq!(chain.records[1].0.prev, chain.records[0].1);
        assert_eq!(chain.records[0].0.prev, START);
    }

    #[test]
    fn a_changed_moved_or_removed_record_is_named() {
        let store = store_with(4);
        let path = store.path().join(LOG);
        let good = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = good.lines().collect();
        let broken_at = |text: String| {
            fs::write(&path, text).unwrap();
            match read(store.path()) {
                Err(Error::CaseLog { record, .. }) => record,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(broken_at(good.replacen("\"reviewer\":\"r\",", "\"reviewer\":\"s\",", 1)), 1);
        assert_eq!(broken_at([lines[0], lines[2], lines[3], ""].join("\n")), 2);
        assert_eq!(broken_at([lines[0], lines[2], lines[1], lines[3], ""].join("\n")), 2);
        assert_eq!(broken_at([lines[1], lines[2], lines[3], ""].join("\n")), 1);
        // The last line, forged with a hash of its own over a foreign predecessor.
        assert_eq!(broken_at([lines[0], lines[1], lines[2], lines[2], ""].join("\n")), 4);
    }

    #[test]
    fn a_torn_last_line_is_set_aside_and_said_so() {
        let store = store_with(2);
        let path = store.path().join(LOG);
        let whole = fs::read(&path).unwrap();
        let end_of_first = whole.iter().position(|&byte| byte == b'\n').unwrap() + 1;
        let names = ["CASES.torn-2", "CASES.torn-2-2", "CASES.torn-2-3"];
        for (cut, name) in [end_of_first + 1, end_of_first + 40, whole.len() - 2].into_iter().zip(names) {
            fs::write(&path, &whole[..cut]).unwrap();
            let chain = read(store.path()).unwrap();
            assert_eq!((texts(&chain), chain.torn.len()), (vec!["note 0".to_owned()], cut - end_of_first));
            append(store.path(), |_| note("after")).unwrap();
            let chain = read(store.path()).unwrap();
            assert_eq!((texts(&chain), chain.torn.len()), (vec!["note 0".to_owned(), "after".to_owned()], 0));
            assert_eq!(chain.records[1].0.set_aside.as_ref().unwrap().0, (cut - end_of_first) as u64);
            // One for the same record may stand there, of a writer that crashed as well.
            assert_eq!(fs::read(store.path().join(name)).unwrap(), whole[end_of_first..cut]);
        }
        // A record that lacks only its newline is whole.
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert_eq!(texts(&append(store.path(), |_| note("third")).unwrap()), ["note 0", "note 1", "third"]);
        assert_eq!(texts(&read(store.path()).unwrap()), ["note 0", "note 1", "third"]);
    }

    #[test]
    fn concurrent_writers_all_get_their_line() {
        let store = store_with(0);
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let path = store.path();
                scope.spawn(move || {
                    for at in 0..10 {
                        append(path, |_| note(&format!("{writer}-{at}"))).unwrap();
                    }
                });
            }
        });
        let mut all = texts(&read(store.path()).unwrap());
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 80);
    }

    #[test]
    fn erasing_a_name_leaves_the_chain_whole() {
        let store = store_with(3);
        assert_eq!(erase(store.path(), |opening| opening.value == "note 1").unwrap(), 1);
        let chain = read(store.path()).unwrap();
        assert_eq!((chain.records.len(), chain.names.len()), (3, 2));
        assert!(!fs::read_to_string(store.path().join(NAMES)).unwrap().contains("note 1"));
        assert_eq!(erase(store.path(), |opening| opening.value == "note 1").unwrap(), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever single byte is changed, the log is refused at that record, or the change is in a last line that was torn.
        #[test]
        fn no_byte_can_be_changed_unnoticed(at in 0usize..10_000, flip in 1u8..=255) {
            let store = store_with(3);
            let path = store.path().join(LOG);
            let mut bytes = fs::read(&path).unwrap();
            let at = at % bytes.len();
            let record = 1 + bytes[..at].iter().filter(|&&byte| byte == b'\n').count() as u64;
            bytes[at] ^= flip;
            let only_the_last_newline = at == bytes.len() - 1;
            fs::write(&path, &bytes).unwrap();
            match read(store.path()) {
                Err(Error::CaseLog { record: named, .. }) => prop_assert_eq!(named, record),
                Ok(chain) => prop_assert!(only_the_last_newline && !chain.torn.is_empty()),
                Err(other) => prop_assert!(false, "{other}"),
            }
        }
    }
}
