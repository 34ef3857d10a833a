//! Files that appear whole or not at all: written beside, synced, renamed; compressed as the name says.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::write::GzEncoder;

use crate::error::Error;

/// Bytes collected before they are compressed or written.
const BUFFER: usize = 256 << 10;

/// How a file is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

/// Where the bytes of a file go.
enum Sink {
    Plain(File),
    Gzip(GzEncoder<File>),
    Zstd(zstd::Encoder<'static, File>),
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

/// Writes one file and returns its size. Until the last step the path holds what it held before.
///
/// # Errors
/// [`Error::Io`] naming the path; nothing is left behind.
pub(crate) fn write_file(
    path: &Path,
    compression: Compression,
    write: impl FnOnce(&mut Out) -> io::Result<()>,
) -> Result<u64, Error> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("export");
    let mut builder = tempfile::Builder::new();
    builder.prefix(".").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Narrowed by the caller's umask, as for any new file.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let failed = |error| Error::io("write", path, error);
    // The name of a temporary file says nothing to anybody.
    let refused = |error: io::Error| folder.metadata().err().unwrap_or_else(|| error.kind().into());
    let temporary = builder.tempfile_in(folder).map_err(|error| Error::io("create a file in", folder, refused(error)))?;
    let file = temporary.reopen().map_err(failed)?;
    let sink = match compression {
        Compression::None => Sink::Plain(file),
        Compression::Gzip => {
            // The inner name lets readers that unpack by name see what is inside.
            let inner = name.strip_suffix(".gz").unwrap_or(name).as_bytes().to_vec();
            let header = flate2::GzBuilder::new().mtime(0);
            let header = if inner.contains(&0) { header } else { header.filename(inner) };
            Sink::Gzip(header.write(file, flate2::Compression::default()))
        }
        Compression::Zstd => Sink::Zstd(zstd::Encoder::new(file, 0).map_err(failed)?),
    };
    let mut out = Out(BufWriter::with_capacity(BUFFER, sink));
    let finish = |out: Out| -> io::Result<File> {
        match out.0.into_inner().map_err(io::IntoInnerError::into_error)? {
            Sink::Plain(file) => Ok(file),
            Sink::Gzip(encoder) => encoder.finish(),
            Sink::Zstd(encoder) => encoder.finish(),
        }
    };
    let file = write(&mut out).and_then(|()| finish(out)).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    temporary.persist(path).map_err(|error| failed(error.error))?;
    // A folder that can't be synced (some network drives) costs durability on power loss, not the file.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(bytes)
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
}
