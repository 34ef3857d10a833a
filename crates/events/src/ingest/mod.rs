//! The walk of the raw input: files are opened one after the other, their pieces parsed in parallel, and what comes out is
//! folded.
//!
//! 1. Sources are expanded, streams copied to disk, and all hashed; a file whose bytes were already read counts once.
//! 2. While one group of pieces (text) is parsed on all threads, the next is read; of row groups (Parquet) each thread takes
//!    the next that nobody has.
//! 3. What a piece brings is grouped by account and waits (`waiting`), past the memory limit on disk; strings stay once each.
//! 4. The last step numbers everything canonically and hands columns to a [`Keeper`] as they are finished.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

mod begin;
mod fold;

use begin::{Begun, begin};
pub(crate) use fold::{Before, Fold};

use crate::base::Base;
use crate::batches::{self, Batches, Sources};
use crate::chunks::{Piece, Pieces};
use crate::columnar::Columnar;
use crate::config::{IngestConfig, IngestObserver};
use crate::error::EventError;
use crate::ingested::{FileRead, Ingested};
use crate::keep::{InMemory, Keeper};
use crate::options::REJECTS;
use crate::rows::Yield;
use crate::schema::Map;
use crate::session::Session;
use crate::source::{self, Expanded, Quiet, Source};
use crate::text::{self, Format};

/// Reads event logs: files, glob patterns, or `-` for standard input, and Arrow record batches ([`Sources`]).
///
/// # Errors
/// [`EventError`]; nothing is left behind but the rejects file.
pub fn ingest<'a>(
    sources: impl Into<Sources<'a>>,
    config: &IngestConfig,
    observer: &dyn IngestObserver,
) -> Result<Ingested, EventError> {
    ingest_into(&InMemory, None, sources, config, observer)
}

/// As [`ingest`], with finished columns given to a keeper, and on top of what an earlier ingest left, if there is any: the same
/// result as reading everything at once. Files whose bytes were read before are skipped; there may be none, where the side tables
/// are what is new.
///
/// The keeper gets `graph.` account_offsets, identifiers, counts, first_seen, last_seen, identifier_offsets, accounts and
/// identifier_sightings; `activity.` offsets, time, model, capability, status, template and requests, and `activity.tokens` if
/// there are any; and `inputs.long_events`.
///
/// # Errors
/// As [`ingest`], and raw prompts where the base has templates that were mined from prompts.
pub fn ingest_into<'a, K: Keeper>(
    keeper: &K,
    base: Option<&Base<'_>>,
    sources: impl Into<Sources<'a>>,
    config: &IngestConfig,
    observer: &dyn IngestObserver,
) -> Result<Ingested, EventError> {
    let map = Map::of(config)?;
    let mut session = Session::new(config, map);
    session.watermark = base.map_or(i64::MIN, Base::watermark);
    let Sources { files, batches: streams } = sources.into();
    let Expanded { files: paths, left_out, links } = if files.is_empty() && (!streams.is_empty() || base.is_some()) {
        Expanded::default()
    } else {
        source::expand(files, &side_tables(config), if base.is_some() { Quiet::Told } else { Quiet::Refused })?
    };
    spare_inputs(config, &paths)?;
    let folder = config.spill.clone().unwrap_or_else(std::env::temp_dir);
    let named: Vec<Source> = (paths.into_iter())
        .map(|path| Source::of(path, &folder, &|| observer.cancelled()))
        .collect::<Result<_, EventError>>()?;
    let prints: Vec<Result<(u128, u64), EventError>> =
        named.par_iter().map(|source| source.fingerprint(&session.map)).collect();
    let prints = prints.into_iter().collect::<Result<Vec<_>, EventError>>()?;
    observer.started(if streams.is_empty() { prints.iter().map(|(_, size)| size).sum() } else { 0 });
    let mut fold = Fold::new(config, observer)?;
    fold.left_out = shown(&left_out);
    fold.notes.links = shown(&links);
    let mut known = HashSet::new();
    if let Some(base) = base {
        base.seed(&session, &mut fold)?;
        fold.mined_before = base.mined();
        fold.tables_before.clone_from(&base.side_tables);
        known.extend(fold.files.iter().filter_map(|file| u128::from_str_radix(&file.hash, 16).ok()));
    }
    let files_before = fold.files.len();
    for (source, &(hash, size)) in named.iter().zip(&prints) {
        let file = source.named.display().to_string();
        if size == 0 {
            fold.notes.blank.push(file);
            continue;
        }
        let (duplicate, hash) = (!known.insert(hash), format!("{hash:032x}"));
        fold.files.push(FileRead { file, hash, duplicate, stream: source.is_stream(), ..FileRead::default() });
        if duplicate {
            continue;
        }
        let before = fold.rows;
        fold.begin_file(&session);
        // Of a file among others that nobody named it is told how to leave it out.
        let is_found = named.len() > 1 && !files.contains(&source.named);
        let unless_named = |error: EventError| if is_found { error.of_found(&source.named) } else { error };
        let found = if source::is_parquet(source.path()) {
            parquet(&session, source, size, unless_named, &mut fold)?
        } else {
            lines(&session, source, unless_named, &mut fold)?
        };
        match found {
            Found::Columns => fold.end_file(before),
            Found::Nothing => fold.notes.blank.extend(fold.files.pop().map(|read| read.file)),
        }
    }
    for stream in streams {
        let (file, before) = (stream.name.clone(), fold.rows);
        fold.files.push(FileRead { file, ..FileRead::default() });
        fold.begin_file(&session);
        self::stream(&session, stream, &mut fold)?;
        fold.end_file(before);
    }
    // Beside others it is an export that had nothing to say, or that broke off: told. Alone it is all there was to be.
    if let Some(file) = fold.notes.blank.first().filter(|_| fold.files.len() == files_before) {
        return Err(EventError::input(Path::new(file), "empty file", EXPECTED));
    }
    fold.finish(&session, keeper)
}

fn shown(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| path.display().to_string()).collect()
}

/// What is said of a file that has nothing.
const EXPECTED: &str = "events were expected; check the export that wrote it";

/// What there is in a file.
enum Found {
    /// Not even the names of columns.
    Nothing,
    Columns,
}

fn parquet(
    session: &Session<'_>,
    source: &Source,
    size: u64,
    unless_named: impl FnOnce(EventError) -> EventError,
    fold: &mut Fold<'_>,
) -> Result<Found, EventError> {
    let path = &source.named;
    let mut file = Columnar::open(source, &session.map).map_err(unless_named)?;
    file.layout.unit = file.unit(session, path)?;
    fold.note(session, &file.layout, path)?;
    let (name, groups) = (path.display().to_string(), file.row_groups());
    let bytes = |group| size * group as u64 / groups as u64;
    in_turn(fold, &name, 0..groups, |group| Ok((file.read(session, path, &name, group)?, bytes(group + 1) - bytes(group))))?;
    fold.count_filled(&file.layout);
    Ok(Found::Columns)
}

fn stream(session: &Session<'_>, batches: Batches, fold: &mut Fold<'_>) -> Result<(), EventError> {
    let name = batches.name.clone();
    let mut layout = batches.layout(&session.map)?;
    fold.note(session, &layout, Path::new(&name))?;
    let mut pieces = batches.pieces().peekable();
    if let Some(Ok((_, first))) = pieces.peek() {
        layout.unit = batches::unit(session, &layout, &name, first)?;
    }
    in_turn(fold, &name, pieces, |piece| {
        let (start, batch) = piece.map_err(|error| batches::broken(&name, error))?;
        Ok((batches::read(session, &layout, &name, start, &batch)?, 0))
    })?;
    fold.count_filled(&layout);
    Ok(())
}

/// Reads parts of a file on all threads, begun one after the other, so that parts are close in time, and folds them one after
/// the other. A part brings what was read, and how many bytes it is of what was announced.
fn in_turn<J: Send>(
    fold: &mut Fold<'_>,
    name: &str,
    parts: impl Iterator<Item = J> + Send,
    read: impl Fn(J) -> Result<(Yield, u64), EventError> + Sync,
) -> Result<(), EventError> {
    let turn = Mutex::new((0, BTreeMap::new(), fold));
    parts.enumerate().par_bridge().try_for_each(|(at, part)| {
        let read = read(part);
        let mut guard = turn.lock().unwrap_or_else(PoisonError::into_inner);
        let (next, waiting, fold) = &mut *guard;
        waiting.insert(at, read);
        while let Some(read) = waiting.remove(next) {
            let (part, bytes) = read?;
            fold.bytes.fetch_add(bytes, Ordering::Relaxed);
            fold.take(part, name)?;
            // After an error it is nobody's turn.
            *next += 1;
        }
        Ok(())
    })
}

fn lines(
    session: &Session<'_>,
    source: &Source,
    unless_named: impl FnOnce(EventError) -> EventError,
    fold: &mut Fold<'_>,
) -> Result<Found, EventError> {
    let path = &source.named;
    let damaged = |error: std::io::Error| {
        EventError::input(path, format!("can't be read to its end: {error}"), "the file is damaged or truncated; copy it again")
    };
    let reader = source::open_counted(source.path(), fold.bytes.clone())?;
    let Some(Begun { layout, format, within, mut pieces }) = begin(session, path, reader).map_err(unless_named)? else {
        return Ok(Found::Nothing);
    };
    fold.note(session, &layout, path)?;
    let name = path.display().to_string();
    let step = rayon::current_num_threads() * 2;
    let group = |pieces: &mut Pieces<source::Bytes>| -> Result<Vec<Piece>, EventError> {
        let mut group = Vec::with_capacity(step);
        while group.len() < step {
            match pieces.next().map_err(damaged)? {
                Some(piece) => group.push(piece),
                None => break,
            }
        }
        Ok(group)
    };
    let mut current = group(&mut pieces)?;
    while !current.is_empty() {
        let (next, yields) = rayon::join(
            || group(&mut pieces),
            || current.par_iter().map(|piece| text::parse(session, &layout, &format, &name, piece)).collect::<Vec<_>>(),
        );
        for result in yields {
            fold.take(result?, &name)?;
        }
        current = next?;
    }
    fold.count_filled(&layout);
    if let Format::JsonLines(fields) = &format {
        let layout = session.map.settled(&layout, fields, &std::mem::take(&mut fold.keys), &within, path)?;
        fold.describe(&layout);
        if let Some(file) = fold.files.last_mut() {
            file.filled.retain(|filled| layout.reads(&filled.column));
        }
    }
    Ok(Found::Columns)
}

/// Refuses to write rejected rows over a file that is read.
fn spare_inputs(config: &IngestConfig, paths: &[PathBuf]) -> Result<(), EventError> {
    let Some(rejects) = &config.rejects else { return Ok(()) };
    let Ok(target) = rejects.canonicalize() else { return Ok(()) };
    let read = paths.iter().map(PathBuf::as_path).chain(side_tables(config));
    match read.into_iter().any(|path| path.canonicalize().is_ok_and(|path| path == target)) {
        true => {
            let problem = format!("is an input, which {REJECTS} would replace");
            Err(EventError::input(rejects, problem, format!("choose another path for {REJECTS}")))
        }
        false => Ok(()),
    }
}

/// What is read beside the events.
fn side_tables(config: &IngestConfig) -> Vec<&Path> {
    let tables = [&config.accounts, &config.releases, &config.allow, &config.map];
    let enrich = config.enrich.iter().map(|file| file.path.as_path());
    tables.into_iter().flatten().map(PathBuf::as_path).chain(enrich).collect()
}
