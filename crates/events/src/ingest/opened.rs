//! A file that was opened: its parts are read on all threads and handed on one after the other.
//!
//! While one group of pieces (text) is parsed, the next is read; of row groups (Parquet) each thread takes the next that nobody
//! has.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::begin::{Begun, begin};
use crate::chunks::{Piece, Pieces};
use crate::columnar::Columnar;
use crate::config::IngestObserver;
use crate::error::EventError;
use crate::fields::Fields;
use crate::rows::Yield;
use crate::schema::Layout;
use crate::session::Session;
use crate::source::{self, Source};
use crate::text::{self, Format};

/// Parts of a file that are read while files before it are, at most: what they bring waits in memory.
pub(super) const AHEAD: usize = 64;

/// What takes a part; after its error no more are read.
pub(super) type Take<'t> = dyn FnMut(Yield) -> Result<(), EventError> + Send + 't;

/// A file, read to where its next part begins.
pub(super) enum Opened {
    /// It has not even the names of columns.
    Nothing,
    Text(Box<Begun>),
    Parquet {
        file: Box<Columnar>,
        /// The next row group.
        next: usize,
        /// Its bytes, and where those are counted that were read.
        size: u64,
        bytes: Arc<AtomicU64>,
    },
}

impl Opened {
    /// `size`: bytes.
    fn open(session: &Session<'_>, source: &Source, size: u64, bytes: &Arc<AtomicU64>) -> Result<Opened, EventError> {
        let path = &source.named;
        if source::is_parquet(source.path()) {
            let mut file = Columnar::open(source, &session.map)?;
            file.layout.unit = file.unit(session, path)?;
            return Ok(Opened::Parquet { file: Box::new(file), next: 0, size, bytes: bytes.clone() });
        }
        let reader = source::open_counted(source.path(), bytes.clone())?;
        let begun = begin(session, path, reader)?;
        Ok(begun.map_or(Opened::Nothing, |begun| Opened::Text(Box::new(begun))))
    }

    pub(super) fn layout(&self) -> Option<&Layout> {
        match self {
            Opened::Nothing => None,
            Opened::Text(begun) => Some(&begun.layout),
            Opened::Parquet { file, .. } => Some(&file.layout),
        }
    }

    /// What JSON Lines have for columns: the fields that are read, and what the first objects have within objects.
    pub(super) fn json(&self) -> Option<(&Fields, &[String])> {
        match self {
            Opened::Text(begun) => match &begun.format {
                Format::JsonLines(fields) => Some((fields, &begun.within)),
                Format::Delimited(_) => None,
            },
            Opened::Nothing | Opened::Parquet { .. } => None,
        }
    }

    /// Reads the next parts, at most so many, as one of `share` files that are read side by side; whether these are all.
    ///
    /// # Errors
    /// What of the file can't be read; and what `take` returns.
    pub(super) fn read(
        &mut self,
        session: &Session<'_>,
        path: &Path,
        share: usize,
        most: usize,
        take: &mut Take<'_>,
    ) -> Result<bool, EventError> {
        let name = path.display().to_string();
        match self {
            Opened::Nothing => Ok(true),
            Opened::Text(begun) => lines(session, begun, path, share, most, take),
            Opened::Parquet { file, next, size, bytes } => {
                let groups = file.row_groups();
                let to = groups.min(next.saturating_add(most));
                let before = |group: usize| *size * group as u64 / groups as u64;
                let read = |group: usize| {
                    let part = file.read(session, path, &name, group, share)?;
                    bytes.fetch_add(before(group + 1) - before(group), Ordering::Relaxed);
                    Ok(part)
                };
                in_turn(*next..to, read, take)?;
                *next = to;
                Ok(to == groups)
            }
        }
    }
}

fn lines(
    session: &Session<'_>,
    begun: &mut Begun,
    path: &Path,
    share: usize,
    most: usize,
    take: &mut Take<'_>,
) -> Result<bool, EventError> {
    let Begun { layout, format, pieces, .. } = begun;
    let (layout, format, name) = (&*layout, &*format, path.display().to_string());
    let damaged = |error: std::io::Error| {
        EventError::input(path, format!("can't be read to its end: {error}"), "the file is damaged or truncated; copy it again")
    };
    let step = (2 * rayon::current_num_threads() / share.max(1)).max(2);
    let (mut left, mut ended) = (most, false);
    let mut group = |pieces: &mut Pieces<source::Bytes>| -> Result<Vec<Piece>, EventError> {
        let mut group = Vec::new();
        while !ended && group.len() < step.min(left) {
            match pieces.next().map_err(damaged)? {
                Some(piece) => group.push(piece),
                None => ended = true,
            }
        }
        left -= group.len();
        Ok(group)
    };
    let mut current = group(pieces)?;
    while !current.is_empty() {
        let parse = |piece: &Piece| text::parse(session, layout, format, &name, piece);
        let (next, parts) = rayon::join(|| group(pieces), || current.par_iter().map(parse).collect::<Vec<_>>());
        parts.into_iter().try_for_each(|part| take(part?))?;
        current = next?;
    }
    Ok(ended)
}

/// Reads parts on all threads, begun one after the other, so that parts are close in time, and hands them on one after the other.
pub(super) fn in_turn<J: Send>(
    parts: impl Iterator<Item = J> + Send,
    read: impl Fn(J) -> Result<Yield, EventError> + Sync,
    take: &mut Take<'_>,
) -> Result<(), EventError> {
    let turn = Mutex::new((0, BTreeMap::new(), take));
    parts.enumerate().par_bridge().try_for_each(|(at, part)| {
        let read = read(part);
        let mut guard = turn.lock().unwrap_or_else(PoisonError::into_inner);
        let (next, waiting, take) = &mut *guard;
        waiting.insert(at, read);
        while let Some(read) = waiting.remove(next) {
            take(read?)?;
            // After an error it is nobody's turn.
            *next += 1;
        }
        Ok(())
    })
}

/// What of a file was read before its turn came.
pub(super) struct Ahead {
    pub(super) opened: Opened,
    pub(super) parts: Vec<Yield>,
    /// Whether that is all, or what ended it.
    pub(super) ended: Result<bool, EventError>,
}

impl Ahead {
    /// Reads at most so many parts, as one of `share` files.
    ///
    /// # Errors
    /// What the file is not opened for; of what is in it [`Ahead::ended`] says.
    pub(super) fn read(
        session: &Session<'_>,
        source: &Source,
        size: u64,
        bytes: &Arc<AtomicU64>,
        share: usize,
        most: usize,
        observer: &dyn IngestObserver,
    ) -> Result<Ahead, EventError> {
        let mut opened = Opened::open(session, source, size, bytes)?;
        let mut parts = Vec::new();
        let ended = opened.read(session, &source.named, share, most, &mut |part| {
            parts.push(part);
            if observer.cancelled() { Err(EventError::Cancelled) } else { Ok(()) }
        });
        Ok(Ahead { opened, parts, ended })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::PathBuf;

    use super::*;
    use crate::config::{IngestConfig, Unobserved};
    use crate::schema::Map;

    /// Of a file of which more is read than fits ahead, the rest comes after it.
    #[test]
    fn what_is_read_ahead_is_not_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path: PathBuf = folder.path().join("events.csv");
        let mut file = std::fs::File::create(&path).unwrap();
        writeln!(file, "timestamp,account_id,ip").unwrap();
        let rows = 300_000;
        (0..rows).for_each(|row| writeln!(file, "{},a{},198.51.100.{}", 1_772_323_200 + row, row % 50, row % 200).unwrap());
        let config = IngestConfig::default();
        let source = Source::of(path.clone(), folder.path(), &|| false).unwrap();
        for (most, ended) in [(0, false), (1, false), (3, false), (AHEAD, true)] {
            let session = Session::new(&config, Map::default());
            let mut ahead = Ahead::read(&session, &source, 1, &Arc::default(), 2, most, &Unobserved).unwrap();
            assert_eq!((ahead.parts.len() == most, ahead.ended.unwrap()), (!ended, ended), "{most}");
            let mut parts = ahead.parts;
            if !ended {
                let all = ahead.opened.read(&session, &path, 1, usize::MAX, &mut |part| {
                    parts.push(part);
                    Ok(())
                });
                assert!(all.unwrap());
            }
            assert!(parts.len() > 3);
            assert_eq!(parts.iter().map(|part| part.rows).sum::<u64>(), rows, "{most}");
        }
    }
}
