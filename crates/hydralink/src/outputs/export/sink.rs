//! Files that appear whole or not at all: written beside, synced, renamed; compressed as the name says.
//!
//! Where a name leads is kept: a symbolic link is followed first, and what is no regular file (a pipe, a device, `-` for
//! stdout) is written straight into.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::write::GzEncoder;

use crate::error::Error;
use crate::store::{self, sync_folder};

/// Bytes collected before they are compressed or written.
const BUFFER: usize = 256 << 10;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// As it is.
    #[default]
    None,
    /// `.gz`
    Gzip,
    /// `.zst`
    Zstd,
}

impl Compression {
    /// What a file name asks for, and the name without that suffix.
    pub fn of_name(path: &Path) -> (Compression, PathBuf) {
        match path.extension().and_then(|suffix| suffix.to_str()).map(str::to_ascii_lowercase).as_deref() {
            Some("gz") => (Compression::Gzip, path.with_extension("")),
            Some("zst") => (Compression::Zstd, path.with_extension("")),
            _ => (Compression::None, path.to_owned()),
        }
    }

    /// The suffix, with its dot.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Compression::None => "",
            Compression::Gzip => ".gz",
            Compression::Zstd => ".zst",
        }
    }
}

/// A file, and the bytes that went into it.
struct Counted {
    file: File,
    bytes: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Where the bytes of a file go.
enum Sink {
    Plain(Counted),
    Gzip(GzEncoder<Counted>),
    Zstd(zstd::Encoder<'static, Counted>),
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Sink::Plain(out) => out.write(bytes),
            Sink::Gzip(out) => out.write(bytes),
            Sink::Zstd(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Sink::Plain(out) => out.flush(),
            Sink::Gzip(out) => out.flush(),
            Sink::Zstd(out) => out.flush(),
        }
    }
}

/// The buffered writer that formats write to.
pub(crate) struct Out(BufWriter<Sink>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The name that stands for stdout.
pub(crate) const STDOUT: &str = "-";

/// Whether a name leads to something that can be written into but not be replaced by a file.
pub(crate) fn is_stream(path: &Path) -> bool {
    let special = fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir());
    let opened_before = ["/dev/stdout", "/dev/stderr", "/dev/fd", "/proc/self/fd"].iter().any(|name| path.starts_with(name));
    path == Path::new(STDOUT) || special || opened_before
}

/// Writes one file and returns its size. Until the last step the path holds what it held before, unless it is a stream.
///
/// # Errors
/// [`Error::Io`] naming the path; nothing is left behind. As [`store::refuse_among_files`].
pub(crate) fn write_file(
    path: &Path,
    compression: Compression,
    write: impl FnOnce(&mut Out) -> io::Result<()>,
) -> Result<u64, Error> {
    let failed = |error| Error::io("write", path, error);
    if is_stream(path) {
        let file = opened(path).map_err(failed)?;
        return write_into(file, path, compression, write).map(|(_, bytes)| bytes).map_err(failed);
    }
    let target = followed(path).map_err(failed)?;
    store::refuse_among_files(&target)?;
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Narrowed by the caller's umask, as for any new file.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    // The name of a temporary file says nothing to anybody.
    let refused = |error: io::Error| folder.metadata().err().unwrap_or_else(|| error.kind().into());
    let temporary = builder.tempfile_in(folder).map_err(|error| Error::io("create a file in", folder, refused(error)))?;
    let file = temporary.reopen().map_err(failed)?;
    let (file, bytes) = write_into(file, path, compression, write).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    temporary.persist(&target).map_err(|error| failed(error.error))?;
    sync_folder(folder);
    Ok(bytes)
}

/// Writes all of it, compressed; returns the file and its bytes.
fn write_into(
    file: File,
    path: &Path,
    compression: Compression,
    write: impl FnOnce(&mut Out) -> io::Result<()>,
) -> io::Result<(File, u64)> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("export");
    let file = Counted { file, bytes: 0 };
    let sink = match compression {
        Compression::None => Sink::Plain(file),
        Compression::Gzip => {
            // The inner name lets readers that unpack by name see what is inside.
            let inner = name.strip_suffix(".gz").unwrap_or(name).as_bytes().to_vec();
            let header = flate2::GzBuilder::new().mtime(0);
            let header = if inner.contains(&0) { header } else { header.filename(inner) };
            Sink::Gzip(header.write(file, flate2::Compression::default()))
        }
        Compression::Zstd => Sink::Zstd(zstd::Encoder::new(file, 0)?),
    };
    let mut out = Out(BufWriter::with_capacity(BUFFER, sink));
    write(&mut out)?;
    let Counted { mut file, bytes } = match out.0.into_inner().map_err(io::IntoInnerError::into_error)? {
        Sink::Plain(file) => file,
        Sink::Gzip(encoder) => encoder.finish()?,
        Sink::Zstd(encoder) => encoder.finish()?,
    };
    file.flush()?;
    Ok((file, bytes))
}

/// A stream, opened to be written into.
fn opened(path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    if [STDOUT, "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].iter().any(|name| path == Path::new(name)) {
        use std::os::fd::AsFd;
        return Ok(io::stdout().as_fd().try_clone_to_owned()?.into());
    }
    #[cfg(windows)]
    if path == Path::new(STDOUT) {
        use std::os::windows::io::AsHandle;
        return Ok(io::stdout().as_handle().try_clone_to_owned()?.into());
    }
    fs::OpenOptions::new().write(true).open(path)
}

/// Symbolic links that are followed at most, as by the kernel.
const LINKS: usize = 40;

/// Where a path leads, if it is a symbolic link, though it may lead nowhere yet.
fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        if !fs::symlink_metadata(&path).is_ok_and(|there| there.is_symlink()) {
            return Ok(path);
        }
        let link = fs::read_link(&path)?;
        path = path.parent().map_or(link.clone(), |folder| folder.join(&link));
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "too many symbolic links"))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn each_compression_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let text = b"hydra".repeat(100_000);
        for name in ["a.graphml", "a.graphml.gz", "a.graphml.zst"] {
            let path = folder.path().join(name);
            let (compression, inner) = Compression::of_name(&path);
            assert_eq!(inner, folder.path().join("a.graphml"));
            let bytes = write_file(&path, compression, |out| out.write_all(&text)).unwrap();
            assert_eq!(bytes, fs::metadata(&path).unwrap().len());
            let file = File::open(&path).unwrap();
            let mut back = Vec::new();
            match compression {
                Compression::None => (&file).read_to_end(&mut back).unwrap(),
                Compression::Gzip => flate2::read::MultiGzDecoder::new(file).read_to_end(&mut back).unwrap(),
                Compression::Zstd => zstd::Decoder::new(file).unwrap().read_to_end(&mut back).unwrap(),
            };
            assert_eq!(back, text);
        }
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        fs::write(&path, "old").unwrap();
        let full = || io::Error::new(io::ErrorKind::StorageFull, "disk full");
        let result = write_file(&path, Compression::None, |out| out.write_all(b"new").and_then(|()| Err(full())));
        assert!(matches!(result, Err(Error::Io { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_pipes_are_written_into() {
        use std::os::unix::fs::{FileTypeExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("there")).unwrap();
        fs::write(at("there/a.csv"), "old").unwrap();
        symlink("there/a.csv", at("link.csv")).unwrap();
        symlink("link.csv", at("twice.csv")).unwrap();
        symlink("there/new.csv", at("nowhere.csv")).unwrap();
        symlink("round.csv", at("round.csv")).unwrap();
        let put = |name: &str| write_file(&at(name), Compression::None, |out| out.write_all(b"new!"));
        assert_eq!(put("twice.csv").unwrap(), 4);
        put("nowhere.csv").unwrap();
        assert!(put("round.csv").unwrap_err().to_string().contains("round.csv"));
        for name in ["there/a.csv", "there/new.csv"] {
            assert_eq!(fs::read_to_string(at(name)).unwrap(), "new!");
        }
        for name in ["link.csv", "twice.csv", "nowhere.csv"] {
            assert!(fs::symlink_metadata(at(name)).unwrap().is_symlink(), "{name}");
        }
        assert_eq!(fs::read_dir(at("there")).unwrap().count(), 2);
        // A pipe stays one, and its reader gets the bytes.
        let pipe = at("pipe.jsonl");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success() && is_stream(&pipe));
        let read = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read_to_string(pipe).unwrap()
        });
        assert_eq!(put("pipe.jsonl").unwrap(), 4);
        assert_eq!(read.join().unwrap(), "new!");
        assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
        assert!(write_file(Path::new("/dev/null"), Compression::Gzip, |out| out.write_all(b"new")).unwrap() > 0);
    }
}
