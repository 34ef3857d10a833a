//! Where bytes come from: files, globs and standard input; plain, gzip or zstd, told apart by their first bytes.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use xxhash_rust::xxh3::Xxh3;

use crate::error::EventError;

/// A stream of bytes.
pub(crate) type Bytes = Box<dyn Read + Send>;

const DAMAGED: &str = "the file is damaged or truncated; copy it again";

/// Files in place of globs, in byte order within a glob.
pub(crate) fn expand(sources: &[PathBuf]) -> Result<Vec<PathBuf>, EventError> {
    let mut files = Vec::new();
    for source in sources {
        let text = source.to_string_lossy();
        if text == "-" || source.exists() || !text.contains(['*', '?', '[']) {
            files.push(source.clone());
            continue;
        }
        let matches = glob::glob(&text).map_err(|error| EventError::input(source, error, "check the pattern"))?;
        let mut found: Vec<PathBuf> = matches.filter_map(Result::ok).filter(|path| path.is_file()).collect();
        if found.is_empty() {
            return Err(EventError::input(source, "no file matches this pattern", "check it, and quote it for the shell"));
        }
        found.sort();
        files.append(&mut found);
    }
    if files.is_empty() {
        return Err(EventError::input(
            Path::new("(no source)"),
            "nothing to read",
            "name a file, a pattern, or - for standard input",
        ));
    }
    Ok(files)
}

/// The content hash (xxh3-128) and size of a file.
pub(crate) fn fingerprint(path: &Path) -> Result<(u128, u64), EventError> {
    let fail = |error: std::io::Error| EventError::input(path, error, "check the path and its permissions");
    if std::fs::metadata(path).map_err(fail)?.is_dir() {
        let holds_folders =
            path.read_dir().is_ok_and(|mut entries| entries.any(|entry| entry.is_ok_and(|one| one.path().is_dir())));
        let below = if holds_folders { "**/*.parquet" } else { "*.parquet" };
        let hint = format!("name the files in it, for instance '{}/{below}'", path.display());
        return Err(EventError::input(path, "is a directory", hint));
    }
    let mut file = File::open(path).map_err(fail)?;
    let (mut hash, mut size, mut buffer) = (Xxh3::new(), 0, vec![0u8; 1 << 20]);
    loop {
        let read = file.read(&mut buffer).map_err(fail)?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        size += read as u64;
    }
    if size == 0 {
        return Err(EventError::input(path, "empty file", "events were expected; check the export that wrote it"));
    }
    Ok((hash.digest128(), size))
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

/// Opens a file or standard input (`-`) and undoes its compression.
pub(crate) fn open(path: &Path) -> Result<Bytes, EventError> {
    open_counted(path, Arc::default())
}

/// As [`open`], adding the bytes read to a counter.
pub(crate) fn open_counted(path: &Path, counter: Arc<AtomicU64>) -> Result<Bytes, EventError> {
    let fail = |error: std::io::Error| EventError::input(path, error, "check the path and its permissions");
    let mut raw: Bytes =
        if path.as_os_str() == "-" { Box::new(std::io::stdin()) } else { Box::new(File::open(path).map_err(fail)?) };
    raw = Box::new(Counted(raw, counter));
    let mut magic = Vec::new();
    raw.by_ref().take(4).read_to_end(&mut magic).map_err(fail)?;
    let whole = std::io::Cursor::new(magic.clone()).chain(raw);
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

/// The delimiter that occurs most in a header line; a comma if none does.
pub(crate) fn delimiter_of(header: &[u8]) -> u8 {
    [b'\t', b';', b'|', b',']
        .into_iter()
        .max_by_key(|delimiter| (memchr::memchr_iter(*delimiter, header).count(), *delimiter == b','))
        .unwrap_or(b',')
}
