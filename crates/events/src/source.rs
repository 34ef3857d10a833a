//! Where bytes come from: files, globs and standard input; plain, gzip or zstd, told apart by their first bytes.

use std::fs::{DirEntry, File, FileType};
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use tempfile::TempPath;
use xxhash_rust::xxh3::Xxh3;

use crate::error::EventError;
use crate::patterns::{Matched, is_pattern, matching};
use crate::schema::Map;

/// A stream of bytes.
pub(crate) type Bytes = Box<dyn Read + Send>;

const DAMAGED: &str = "the file is damaged or truncated; copy it again";

/// How the copies begin that streams are read from.
pub const COPY: &str = ".stream-";

/// Something to read, by the path that names it. Of a stream (standard input, a pipe) there is a copy on disk: only what lies
/// there can be told by its bytes before any of them counts, and Parquet is read from its end.
pub(crate) struct Source {
    pub(crate) named: PathBuf,
    copy: Option<StreamCopy>,
}

/// The copy of a stream. Where the system can read a file that has no name, it has none: whatever ends the process, nothing of the
/// stream stays.
struct StreamCopy {
    file: File,
    path: PathBuf,
    /// Removed with this; none of a file without a name.
    _name: Option<TempPath>,
}

impl StreamCopy {
    fn create(folder: &Path) -> std::io::Result<StreamCopy> {
        #[cfg(target_os = "linux")]
        {
            use std::os::fd::AsRawFd;
            let file = tempfile::tempfile_in(folder)?;
            let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
            if File::open(&path).is_ok() {
                return Ok(StreamCopy { file, path, _name: None });
            }
        }
        let (file, name) = tempfile::Builder::new().prefix(COPY).tempfile_in(folder)?.into_parts();
        Ok(StreamCopy { file, path: name.to_path_buf(), _name: Some(name) })
    }
}

/// How long nobody asks whether to go on while a stream says nothing.
const PATIENCE: Duration = Duration::from_millis(100);

/// Sends what a stream says, to its end or an error.
fn pour(named: &Path, bytes: &mpsc::SyncSender<Result<Vec<u8>, EventError>>) {
    let mut stream = match raw(named) {
        Ok(stream) => stream,
        Err(error) => return bytes.send(Err(error)).unwrap_or_default(),
    };
    loop {
        let mut buffer = Vec::with_capacity(PART);
        let part = stream.by_ref().take(PART as u64).read_to_end(&mut buffer);
        let ended = part.is_err() || buffer.is_empty();
        let part = part.map(|_| buffer).map_err(|error| unread(named, error));
        if part.as_ref().is_ok_and(Vec::is_empty) || bytes.send(part).is_err() || ended {
            return;
        }
    }
}

/// Bytes of a stream that are copied at once.
const PART: usize = 1 << 20;

impl Source {
    /// Copies a stream to a folder; asks all along whether to go on, also while nobody writes into the stream. A thread that waits
    /// for it then is left to wait.
    pub(crate) fn of(named: PathBuf, folder: &Path, cancelled: &dyn Fn() -> bool) -> Result<Source, EventError> {
        if !is_stream(&named) {
            return Ok(Source { named, copy: None });
        }
        let full =
            |error| EventError::Copy { name: named.display().to_string(), folder: folder.display().to_string(), source: error };
        let mut copy = StreamCopy::create(folder).map_err(full)?;
        let (bytes, read) = mpsc::sync_channel(2);
        let of = named.clone();
        let spawned = std::thread::Builder::new().name("stream".to_owned()).spawn(move || pour(&of, &bytes));
        spawned.map_err(|error| unread(&named, error))?;
        loop {
            match read.recv_timeout(PATIENCE) {
                Ok(part) => copy.file.write_all(&part?).map_err(full)?,
                Err(RecvTimeoutError::Disconnected) => return Ok(Source { named, copy: Some(copy) }),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if cancelled() {
                return Err(EventError::Cancelled);
            }
        }
    }

    /// Where its bytes are.
    pub(crate) fn path(&self) -> &Path {
        self.copy.as_ref().map_or(&self.named, |copy| &copy.path)
    }

    pub(crate) fn is_stream(&self) -> bool {
        self.copy.is_some()
    }

    /// The content hash (xxh3-128) and size. What the folders of a file say of its rows is content.
    pub(crate) fn fingerprint(&self, map: &Map) -> Result<(u128, u64), EventError> {
        let fail = |error: std::io::Error| unread(&self.named, error);
        let mut file = File::open(self.path()).map_err(|error| broken_link(&self.named).unwrap_or_else(|| fail(error)))?;
        let (mut hash, mut size, mut buffer) = (Xxh3::new(), 0, vec![0u8; 1 << 20]);
        loop {
            let read = file.read(&mut buffer).map_err(fail)?;
            if read == 0 {
                break;
            }
            hash.update(&buffer[..read]);
            size += read as u64;
        }
        for (column, value) in map.of_folders(&self.named) {
            for part in [column.as_bytes(), &value] {
                hash.update(&(part.len() as u64).to_le_bytes());
                hash.update(part);
            }
        }
        Ok((hash.digest128(), size))
    }
}

/// What there is to read.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Expanded {
    pub(crate) files: Vec<PathBuf>,
    /// What lay among them and is no events.
    pub(crate) left_out: Vec<PathBuf>,
    /// Links to folders, or to nothing, that were found in folders or on the way of a `**`; pipes and devices there, and links to
    /// them.
    pub(crate) links: Vec<PathBuf>,
}

/// What an engine's mark that it is done, without any data beside it, is: a day on which nothing happened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quiet {
    /// No events, where some were expected.
    Refused,
    /// Left out and told.
    Told,
}

/// Files in place of globs and folders, in byte order within one, without what engines leave beside their data: names that begin
/// with `_` or `.`, unless the glob says so. Shells expand globs, too: of files that are named, Spark's markers are left out if
/// there are others. Of a folder, and the folders in it, what is called as events are is read, but for `beside`, the side tables.
pub(crate) fn expand(sources: &[PathBuf], beside: &[&Path], quiet: Quiet) -> Result<Expanded, EventError> {
    let mut expanded = Expanded::default();
    let Expanded { files, left_out, links } = &mut expanded;
    let is_quiet = |found: &[PathBuf]| {
        quiet == Quiet::Told && found.iter().any(|path| is_marker(path)) && found.iter().all(|path| is_hidden_name(path))
    };
    for source in sources {
        let text = source.to_string_lossy();
        if source.is_dir() {
            source.ancestors().skip(1).try_for_each(refuse_table)?;
            let (first, first_left_out) = (files.len(), left_out.len());
            walk(source, &mut |path, lies| match lies {
                Lies::PassedBy => links.push(path.to_owned()),
                Lies::There if is_events(path) => files.push(path.to_owned()),
                Lies::There => left_out.push(path.to_owned()),
            })?;
            let tables: Vec<PathBuf> = beside.iter().filter_map(|path| path.canonicalize().ok()).collect();
            let is_table = |path: &mut PathBuf| path.canonicalize().is_ok_and(|path| tables.contains(&path));
            files.extract_if(first.., is_table).for_each(drop);
            if files.len() == first && !is_quiet(&left_out[first_left_out..]) {
                let hint = format!(
                    "files are read whose names end in .{}, also with a number after it, .gz or .zst",
                    SUFFIXES.join(", .")
                );
                return Err(EventError::input(source, "no events in this folder", hint));
            }
            continue;
        }
        if text == "-" || source.exists() || !is_pattern(&text) {
            files.push(source.clone());
            continue;
        }
        let Matched { files: found, passed_by } = matching(source)?;
        links.extend(passed_by);
        if found.is_empty() {
            return Err(EventError::input(source, "no file matches this pattern", "check it, and quote it for the shell"));
        }
        let (mut hidden, mut found): (Vec<PathBuf>, Vec<PathBuf>) = found.into_iter().partition(|path| is_hidden(path, source));
        if found.is_empty() && !is_quiet(&hidden) {
            let problem = "all files that match this pattern have names that begin with _ or .";
            return Err(EventError::input(source, problem, "name one of them to have it read"));
        }
        files.append(&mut found);
        left_out.append(&mut hidden);
    }
    if !files.iter().all(|path| is_marker(path)) || is_quiet(files) {
        left_out.extend(files.extract_if(.., |path| is_marker(path)));
    }
    if files.is_empty() && left_out.is_empty() {
        return Err(EventError::input(
            Path::new("(no source)"),
            "nothing to read",
            "name a file, a pattern, or - for standard input",
        ));
    }
    Ok(expanded)
}

/// What names of events end in.
const SUFFIXES: [&str; 6] = ["csv", "tsv", "jsonl", "ndjson", "json", "parquet"];

/// Whether a file in a folder is called as events are.
fn is_events(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    // Rotated logs: events.jsonl.1
    let rotated =
        name.rsplit_once('.').filter(|(_, number)| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()));
    let name = rotated.map_or(name, |(name, _)| name);
    let suffix = name.rsplit_once('.').map(|(_, suffix)| suffix);
    !name.starts_with(['_', '.']) && suffix.is_some_and(|suffix| SUFFIXES.contains(&suffix))
}

/// How a file is found in a folder.
pub(crate) enum Lies {
    There,
    /// As what isn't opened.
    PassedBy,
}

/// Calls back with the files of a folder and of the folders in it, in byte order; what is hidden in it, but for partitions
/// (`_column=value`), without what it holds.
fn walk(folder: &Path, found: &mut dyn FnMut(&Path, Lies)) -> Result<(), EventError> {
    refuse_table(folder)?;
    for entry in entries(folder)? {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let hidden = name.starts_with(['_', '.']) && !name.contains('=');
        let (path, kind) = (entry.path(), entry.file_type().map_err(|error| unread(folder, error))?);
        if kind.is_dir() && !hidden {
            walk(&path, found)?;
            continue;
        }
        found(&path, if hidden { Lies::There } else { lies(&path, kind) });
    }
    Ok(())
}

/// How what is no folder lies in one. A link to a folder may lead into itself, and a pipe or a device may have no end. A link that
/// is called as events are and leads to nothing lacks something.
pub(crate) fn lies(path: &Path, kind: FileType) -> Lies {
    let is_passed_by = !kind.is_file() && path.metadata().map_or(!is_events(path), |target| !target.is_file());
    if is_passed_by { Lies::PassedBy } else { Lies::There }
}

/// The entries of a folder, in byte order.
pub(crate) fn entries(folder: &Path) -> Result<Vec<DirEntry>, EventError> {
    let read = folder.read_dir().and_then(Iterator::collect::<std::io::Result<Vec<DirEntry>>>);
    let mut entries = read.map_err(|error| unread(folder, error))?;
    entries.sort_by_key(DirEntry::file_name);
    Ok(entries)
}

/// Where a table of Delta Lake has its log.
const DELTA_LOG: &str = "_delta_log";

/// Refuses a folder of which only a log says what is in it: files that it removed lie beside the others until a `VACUUM`, and the
/// rows of a file may be deleted without another one being written.
pub(crate) fn refuse_table(folder: &Path) -> Result<(), EventError> {
    if !folder.join(DELTA_LOG).is_dir() {
        return Ok(());
    }
    let problem = format!("a Delta Lake table ({DELTA_LOG}), of whose files some may be removed and not gone yet");
    let hint = format!(
        "write out what is in it, duckdb -c \"COPY (FROM delta_scan('{}')) TO 'events.parquet'\", or name the files that its log has \
         (DeltaTable(...).file_uris() of Python's deltalake)",
        folder.display()
    );
    Err(EventError::input(folder, problem, hint))
}

/// Whether a file's own name begins with `_` or `.`.
fn is_hidden_name(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(['_', '.']))
}

/// Whether a pattern led through a name that begins with `_` or `.`, and neither has that name nor says that one begins so.
/// `_column=value` is a partition's.
fn is_hidden(path: &Path, pattern: &Path) -> bool {
    let said = |name: &str| {
        let mut parts = pattern.iter().map(|part| part.to_string_lossy());
        parts.any(|part| part == name || is_pattern(&part) && part.starts_with(&name[..1]))
    };
    let mut names = path.iter().map(|name| name.to_string_lossy());
    names.any(|name| name.starts_with(['_', '.']) && !matches!(&*name, "." | "..") && !name.contains('=') && !said(&name))
}

/// Whether a file is called as what Spark, and what is built on it, leaves beside the data.
fn is_marker(path: &Path) -> bool {
    path.file_name().is_some_and(|name| {
        let name = name.to_string_lossy();
        matches!(&*name, "_SUCCESS" | "_metadata" | "_common_metadata")
            || name.starts_with("_committed_")
            || name.starts_with("_started_")
    })
}

/// The error of a link that leads to no file.
fn broken_link(path: &Path) -> Option<EventError> {
    path.symlink_metadata().ok().filter(std::fs::Metadata::is_symlink)?;
    let problem = match path.metadata().err()?.kind() {
        std::io::ErrorKind::NotFound => "it is a link to what isn't there",
        std::io::ErrorKind::PermissionDenied => return None,
        _ => "it is a link that leads back to itself",
    };
    Some(EventError::input(path, problem, "remove it, or let it lead to a file"))
}

/// Counts what is read, before decompression.
struct Counted(Bytes, Arc<AtomicU64>);

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.0.read(buffer)?;
        self.1.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// The bytes of a file or of standard input (`-`) as they are.
fn raw(path: &Path) -> Result<Bytes, EventError> {
    Ok(match path.as_os_str() == "-" {
        true => Box::new(std::io::stdin()),
        false => Box::new(File::open(path).map_err(|error| unread(path, error))?),
    })
}

/// The error of a path that can't be read.
pub(crate) fn unread(path: &Path, error: std::io::Error) -> EventError {
    EventError::input(path, error, "check the path and its permissions")
}

/// Opens a file or standard input (`-`) and undoes its compression.
pub(crate) fn open(path: &Path) -> Result<Bytes, EventError> {
    open_counted(path, Arc::default())
}

/// As [`open`], adding the bytes read to a counter.
pub(crate) fn open_counted(path: &Path, counter: Arc<AtomicU64>) -> Result<Bytes, EventError> {
    let mut raw: Bytes = Box::new(Counted(raw(path)?, counter));
    let mut magic = Vec::new();
    raw.by_ref().take(4).read_to_end(&mut magic).map_err(|error| unread(path, error))?;
    let whole = std::io::Cursor::new(magic.clone()).chain(raw);
    if magic.starts_with(b"PK\x03\x04") {
        return Err(EventError::input(
            path,
            "it is a ZIP archive, which isn't read",
            "unpack it, or compress the file with gzip or zstd",
        ));
    }
    Ok(match magic.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(BufReader::with_capacity(1 << 18, whole))),
        [0x28, 0xb5, 0x2f, 0xfd] => {
            let mut decoder = zstd::Decoder::new(whole).map_err(|error| EventError::input(path, error, DAMAGED))?;
            decoder.window_log_max(31).map_err(|error| EventError::input(path, error, DAMAGED))?;
            Box::new(decoder)
        }
        _ => Box::new(whole),
    })
}

/// Whether what a path leads to can be read once only: standard input, a pipe, a device.
pub(crate) fn is_stream(path: &Path) -> bool {
    path.as_os_str() == "-" || std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// Whether a file is Parquet.
pub(crate) fn is_parquet(path: &Path) -> bool {
    let mut magic = [0u8; 4];
    !is_stream(path) && File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && &magic == b"PAR1"
        || path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"))
}

/// Refuses what begins with a mark (BOM) of UTF-16, as some Windows programs write CSV.
///
/// # Errors
/// [`EventError::Input`].
pub(crate) fn refuse_utf_16(path: &Path, start: &[u8]) -> Result<(), EventError> {
    if !(start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff")) {
        return Ok(());
    }
    Err(EventError::input(path, "it is UTF-16; UTF-8 was expected", "iconv -f UTF-16 -t UTF-8 writes it"))
}

/// The delimiter that occurs most in a header line; a comma if none does.
pub(crate) fn delimiter_of(header: &[u8]) -> u8 {
    [b'\t', b';', b'|', b',']
        .into_iter()
        .max_by_key(|delimiter| (memchr::memchr_iter(*delimiter, header).count(), *delimiter == b','))
        .unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_engines_leave_beside_the_data_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["_SUCCESS", "_metadata", ".part-0.csv.crc", "part-0.csv", "_v=1/part-1.csv", "_log/part-2.csv"] {
            std::fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            std::fs::write(at(name), "").unwrap();
        }
        let read = |names: &[&str]| {
            let names: Vec<PathBuf> = names.iter().map(|name| at(name)).collect();
            let expanded = expand(&names, &[&at("part-9.csv")], Quiet::Refused).unwrap();
            [expanded.files, expanded.left_out].map(|paths| {
                paths.iter().map(|path| path.strip_prefix(folder.path()).unwrap().display().to_string()).collect::<Vec<_>>()
            })
        };
        assert_eq!(read(&["*"]), [vec!["part-0.csv"], vec![".part-0.csv.crc", "_SUCCESS", "_metadata"]]);
        assert_eq!(read(&["**/part-*.csv"]), [vec!["_v=1/part-1.csv", "part-0.csv"], vec!["_log/part-2.csv"]]);
        assert_eq!(read(&["_log/*"]), [vec!["_log/part-2.csv"], vec![]]);
        // As a shell expands it; and alone, to be told that it is empty.
        assert_eq!(read(&["_SUCCESS", "_log/part-2.csv"]), [vec!["_log/part-2.csv"], vec!["_SUCCESS"]]);
        assert_eq!(read(&["_SUCCESS"]), [vec!["_SUCCESS"], vec![]]);
        for name in ["part-9.csv", "day=1/part-3.CSV.gz", "day=1/part-4.jsonl.1.gz", "day=1/notes.txt", "day=1/notes.1"] {
            std::fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            std::fs::write(at(name), "").unwrap();
        }
        let left = vec![".part-0.csv.crc", "_SUCCESS", "_log", "_metadata", "day=1/notes.1", "day=1/notes.txt"];
        let events = vec!["_v=1/part-1.csv", "day=1/part-3.CSV.gz", "day=1/part-4.jsonl.1.gz", "part-0.csv"];
        assert_eq!(read(&[""]), [events, left]);
        ["part-3.CSV.gz", "part-4.jsonl.1.gz"].iter().for_each(|name| std::fs::remove_file(at("day=1").join(name)).unwrap());
        let refused = |name: &str| expand(&[at(name)], &[], Quiet::Refused).unwrap_err().to_string();
        std::fs::create_dir_all(at("table/_delta_log")).unwrap();
        std::fs::create_dir_all(at("table/day=1")).unwrap();
        std::fs::write(at("table/day=1/part-5.parquet"), "").unwrap();
        for of_table in ["table", "table/day=1", ""] {
            assert!(refused(of_table).contains("delta_scan("), "{of_table}");
        }
        assert!(refused("day=1").contains("end in .csv"));
        assert!(refused("*_*").contains("begin with _ or ."));
    }

    /// To open one hung the run: nobody may ever write to a pipe.
    #[test]
    #[cfg(unix)]
    fn what_is_no_file_is_passed_by_in_a_folder() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("a.csv"), "").unwrap();
        symlink(at("a.csv"), at("linked.csv")).unwrap();
        symlink("/dev/zero", at("endless.csv")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(at("pipe.csv")).status().unwrap().success());
        let found = expand(&[folder.path().to_owned()], &[], Quiet::Refused).unwrap();
        assert_eq!(found.files, [at("a.csv"), at("linked.csv")]);
        assert_eq!(found.links, [at("endless.csv"), at("pipe.csv")]);
    }

    #[test]
    fn an_archive_is_called_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.zip");
        std::fs::write(&path, b"PK\x03\x04abc").unwrap();
        assert!(open(&path).err().expect("no events").to_string().contains("it is a ZIP archive"));
    }

    /// A pipe into which nobody writes held a build until it was killed.
    #[test]
    #[cfg(unix)]
    fn a_stream_that_says_nothing_is_given_up_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let given_up = Source::of(pipe, folder.path(), &|| true);
        assert!(matches!(given_up, Err(EventError::Cancelled)));
    }
}
