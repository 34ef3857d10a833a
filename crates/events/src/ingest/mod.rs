//! The walk of the raw input: some files at once are opened, their parts read in parallel, and what comes out is folded, file
//! after file.
//!
//! 1. Sources are expanded, streams copied to disk, and all hashed; a file whose bytes were already read counts once.
//! 2. Of two files a thread the beginnings are read side by side, so that many small ones keep all threads busy; what is left of
//!    a large one is read by all threads (`opened`).
//! 3. What a piece brings is grouped by account and waits (`waiting`), past the memory limit on disk; strings stay once each.
//! 4. The last step numbers everything canonically and hands columns to a [`Keeper`] as they are finished.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use rayon::prelude::*;

mod begin;
mod fold;
mod opened;

pub(crate) use fold::{Before, Fold};
use opened::{AHEAD, Ahead, in_turn};

use crate::base::Base;
use crate::batches::{self, Batches, Sources};
use crate::config::{IngestConfig, IngestObserver};
use crate::error::EventError;
use crate::ingested::{FileRead, Ingested};
use crate::keep::{InMemory, Keeper};
use crate::options::REJECTS;
use crate::schema::Map;
use crate::session::Session;
use crate::source::{self, Expanded, Quiet, Source};

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
    config.check()?;
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
    let (files_before, bytes) = (fold.files.len(), fold.bytes.clone());
    let turns: Vec<Turn<'_>> = named.iter().zip(&prints).map(|(source, print)| Turn::of(source, print, &mut known)).collect();
    // Which file had a row first is asked of files that are read one after the other.
    let at_once = if session.seen.is_some() { 1 } else { 2 * rayon::current_num_threads() };
    for turns in turns.chunks(at_once) {
        let share = turns.iter().filter(|turn| turn.is_read()).count();
        let begun: Vec<_> =
            turns.par_iter().with_max_len(1).map(|turn| turn.ahead(&session, &bytes, observer, share)).collect();
        for (turn, begun) in turns.iter().zip(begun) {
            // Of a file among others that nobody named it is told how to leave it out.
            let is_found = named.len() > 1 && !files.contains(&turn.source.named);
            turn.take(&session, begun, is_found, &mut fold)?;
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

/// A file whose turn comes.
struct Turn<'s> {
    source: &'s Source,
    size: u64,
    hash: String,
    duplicate: bool,
}

impl<'s> Turn<'s> {
    /// `known`: the hashes of those before it, to which its own is added.
    fn of(source: &'s Source, &(hash, size): &(u128, u64), known: &mut HashSet<u128>) -> Turn<'s> {
        Turn { source, size, hash: format!("{hash:032x}"), duplicate: size > 0 && !known.insert(hash) }
    }

    fn is_read(&self) -> bool {
        self.size > 0 && !self.duplicate
    }

    /// Its beginning, as one of so many files that are read side by side.
    fn ahead(
        &self,
        session: &Session<'_>,
        bytes: &Arc<AtomicU64>,
        observer: &dyn IngestObserver,
        share: usize,
    ) -> Option<Result<Ahead, EventError>> {
        let most = if share > 1 { AHEAD } else { 0 };
        self.is_read().then(|| Ahead::read(session, self.source, self.size, bytes, share, most, observer))
    }

    /// Folds its beginning, and what is read of its rest.
    fn take(
        &self,
        session: &Session<'_>,
        begun: Option<Result<Ahead, EventError>>,
        is_found: bool,
        fold: &mut Fold<'_>,
    ) -> Result<(), EventError> {
        let path = &self.source.named;
        let name = path.display().to_string();
        if self.size == 0 {
            fold.notes.blank.push(name);
            return Ok(());
        }
        let (hash, duplicate, stream) = (self.hash.clone(), self.duplicate, self.source.is_stream());
        let file = FileRead { file: name.clone(), hash, duplicate, stream, ..FileRead::default() };
        let Some(begun) = begun else {
            fold.files.push(file);
            return Ok(());
        };
        let unless_named = |error: EventError| if is_found { error.of_found(path) } else { error };
        let Ahead { mut opened, parts, ended } = begun.map_err(unless_named)?;
        let Some(layout) = opened.layout().cloned() else {
            fold.notes.blank.push(name);
            return Ok(());
        };
        fold.files.push(file);
        fold.begin_file(session);
        let before = fold.rows;
        fold.note(session, &layout, path)?;
        parts.into_iter().try_for_each(|part| fold.take(part, &name))?;
        if !ended? {
            opened.read(session, path, 1, usize::MAX, &mut |part| fold.take(part, &name))?;
        }
        fold.count_filled(&layout);
        if let Some((fields, within)) = opened.json() {
            let layout = session.map.settled(&layout, fields, &std::mem::take(&mut fold.keys), within, path)?;
            fold.describe(&layout);
            if let Some(file) = fold.files.last_mut() {
                file.filled.retain(|filled| layout.reads(&filled.column));
            }
        }
        fold.end_file(before);
        Ok(())
    }
}

fn stream(session: &Session<'_>, batches: Batches, fold: &mut Fold<'_>) -> Result<(), EventError> {
    let name = batches.name.clone();
    let mut layout = batches.layout(&session.map)?;
    fold.note(session, &layout, Path::new(&name))?;
    let mut pieces = batches.pieces().peekable();
    if let Some(Ok((_, first))) = pieces.peek() {
        layout.unit = batches::unit(session, &layout, &name, first)?;
    }
    let read = |piece: Result<_, _>| {
        let (start, batch) = piece.map_err(|error| batches::broken(&name, error))?;
        batches::read(session, &layout, &name, start, &batch)
    };
    in_turn(pieces, read, &mut |part| fold.take(part, &name))?;
    fold.count_filled(&layout);
    Ok(())
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
