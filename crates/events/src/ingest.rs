//! The walk of the raw input: files are opened one after the other, their pieces parsed in parallel, and what comes out is
//! folded.
//!
//! 1. Sources are expanded and hashed; a file whose bytes were already read counts once.
//! 2. While one group of pieces (text) is parsed on all threads, the next is read; of row groups (Parquet) each thread takes
//!    the next that nobody has.
//! 3. What a piece brings is grouped by account and waits (`waiting`), past the memory limit on disk; strings stay once each.
//! 4. The last step numbers everything canonically and hands columns to a [`Keeper`] as they are finished.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use crate::assemble;
use crate::bad::{Bad, FileNotes, Run};
use crate::base::Base;
use crate::batches::{self, Batches, Sources};
use crate::chunks::{Piece, Pieces};
use crate::columnar::Columnar;
use crate::config::{IngestConfig, IngestObserver, SchemaMode, TooManyBad};
use crate::error::EventError;
use crate::fields::{Fields, Key, Keys, MOST_KEYS, with_paths};
use crate::gather::Pathways;
use crate::header::no_header;
use crate::ingested::{FileRead, FilledColumn, Ingested};
use crate::keep::{InMemory, Keeper};
use crate::normalise::Reason;
use crate::normalise::time::UnitsSeen;
use crate::quotes::Quoting;
use crate::rows::{Filled, Rejection, Yield};
use crate::schema::{Layout, Map, Use, refuse_unknown};
use crate::session::Session;
use crate::source::{self, Expanded, Quiet};
use crate::tables::SideTables;
use crate::text::{self, Format};

/// Rejections kept as examples.
const EXAMPLES: usize = 20;

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
    let prints = paths
        .par_iter()
        .map(|path| if source::is_stream(path) { Ok(None) } else { source::fingerprint(path).map(Some) })
        .collect::<Vec<_>>()
        .into_iter()
        .collect::<Result<Vec<_>, EventError>>()?;
    let sizes = prints.iter().try_fold(0, |sum, print| print.map(|(_, size)| sum + size));
    observer.started(sizes.filter(|_| streams.is_empty()).unwrap_or(0));
    spare_inputs(config, &paths)?;
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
    for (path, print) in paths.iter().zip(&prints) {
        let hash = print.map_or(String::new(), |(hash, _)| format!("{hash:032x}"));
        let file = path.display().to_string();
        if print.is_some_and(|(_, size)| size == 0) {
            fold.notes.blank.push(file);
            continue;
        }
        let duplicate = print.is_some_and(|(hash, _)| !known.insert(hash));
        fold.files.push(FileRead { file, hash, duplicate, ..FileRead::default() });
        if duplicate {
            continue;
        }
        let before = fold.rows;
        fold.begin_file(&session);
        let found = if source::is_parquet(path) {
            parquet(&session, path, print.map_or(0, |(_, size)| size), &mut fold)?
        } else {
            lines(&session, path, &mut fold)?
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

/// Where bad rows are written, if that was asked for.
fn rejects_file(config: &IngestConfig) -> Option<String> {
    config.rejects.as_ref().map(|path| path.display().to_string())
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

fn parquet(session: &Session<'_>, path: &Path, size: u64, fold: &mut Fold<'_>) -> Result<Found, EventError> {
    let mut file = Columnar::open(path, &session.map)?;
    file.layout.unit = file.unit(session, path)?;
    fold.note(&file.layout, path)?;
    let (name, groups) = (path.display().to_string(), file.row_groups());
    let bytes = |group| size * group as u64 / groups as u64;
    in_turn(fold, &name, 0..groups, |group| Ok((file.read(session, path, &name, group)?, bytes(group + 1) - bytes(group))))?;
    fold.count_filled(&file.layout);
    Ok(Found::Columns)
}

fn stream(session: &Session<'_>, batches: Batches, fold: &mut Fold<'_>) -> Result<(), EventError> {
    let name = batches.name.clone();
    let mut layout = batches.layout(&session.map)?;
    fold.note(&layout, Path::new(&name))?;
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

fn lines(session: &Session<'_>, path: &Path, fold: &mut Fold<'_>) -> Result<Found, EventError> {
    let damaged = |error: std::io::Error| {
        EventError::input(path, format!("can't be read to its end: {error}"), "the file is damaged or truncated; copy it again")
    };
    let reader = source::open_counted(path, fold.bytes.clone())?;
    let Some(Begun { layout, format, mut pieces }) = begin(session, path, reader)? else { return Ok(Found::Nothing) };
    fold.note(&layout, path)?;
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
        let layout = session.map.settled(&layout, fields, &std::mem::take(&mut fold.keys), path)?;
        fold.describe(&layout);
        if let Some(file) = fold.files.last_mut() {
            file.filled.retain(|filled| layout.reads(&filled.column));
        }
    }
    Ok(Found::Columns)
}

/// A text file of which the beginning was read.
struct Begun {
    layout: Layout,
    format: Format,
    pieces: Pieces<source::Bytes>,
}

/// Bytes of a text file that say how it is written.
const BEGINNING: usize = 4 << 20;

/// Finds out how a text file is written, from its beginning; nothing where it has nothing but blank lines.
fn begin(session: &Session<'_>, path: &Path, mut reader: source::Bytes) -> Result<Option<Begun>, EventError> {
    use std::io::Read;
    let mut start = Vec::new();
    let read = reader.by_ref().take(BEGINNING as u64).read_to_end(&mut start);
    read.map_err(|error| {
        EventError::input(path, format!("can't be read: {error}"), "the file is damaged or truncated; copy it again")
    })?;
    let is_all = start.len() < BEGINNING;
    if start.starts_with(b"\xef\xbb\xbf") {
        start.drain(..3);
    }
    if start.trim_ascii().is_empty() {
        return if is_all { Ok(None) } else { Err(EventError::input(path, "it begins with 4 MiB of blank lines", EXPECTED)) };
    }
    if start.starts_with(b"PAR1") {
        return Err(EventError::input(path, "Parquet inside a stream", "give the uncompressed Parquet file by its path"));
    }
    let text = start.trim_ascii_start();
    if text.first() == Some(&b'[') && text[1..].trim_ascii_start().first() == Some(&b'{') {
        let hint = "one object a line is read (JSON Lines): jq -c '.[]' writes them";
        return Err(EventError::input(path, "a JSON array", hint));
    }
    if text.starts_with(b"{") {
        let keys_of = |entered: &Fields| -> Vec<String> {
            let lines = start.split(|&byte| byte == b'\n').take(1000);
            lines.filter_map(|line| text::keys(line, entered)).flatten().collect::<BTreeSet<_>>().into_iter().collect()
        };
        let keys = keys_of(&session.map.paths());
        if keys.is_empty() {
            let hint = "one object a line is read (JSON Lines): jq -c . writes them";
            return Err(EventError::input(path, "JSON, but no line is an object", hint));
        }
        let read = session.map.fields(&keys, path);
        let (mut layout, fields) = read.map_err(|error| with_paths(error, || keys_of(&Fields::all())))?;
        let format = Format::JsonLines(fields);
        layout.unit = text::unit_of(session, &layout, &format, &start);
        return Ok(Some(Begun { layout, format, pieces: pieces(reader, start, 1, None) }));
    }
    let skipped = start.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
    let end = memchr::memchr(b'\n', &start[skipped..]).map_or(start.len(), |at| skipped + at + 1);
    let header = &start[skipped..end];
    if header.contains(&0) || std::str::from_utf8(header).is_err() || header.len() > crate::chunks::MAX_RECORD {
        let problem = "the first line is no header: not text, or longer than 8 MiB";
        return Err(EventError::input(
            path,
            problem,
            "CSV, TSV, JSON Lines (UTF-8) or Parquet was expected; gzip and zstd are undone",
        ));
    }
    let delimiter = source::delimiter_of(header);
    let mut record = csv::StringRecord::new();
    let mut parser = csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).from_reader(header);
    parser.read_record(&mut record).map_err(|error| EventError::input(path, error, "a header line was expected"))?;
    if (parser.position().byte() as usize) < header.trim_ascii_end().len() {
        // All up to the first newline would be taken for the header.
        let hint = "lines end in a newline: tr '\\r' '\\n' writes them";
        return Err(EventError::input(path, "its lines end in a carriage return alone", hint));
    }
    let names: Vec<String> = record.iter().map(|name| name.trim().to_string()).collect();
    let mut layout = session.map.layout(&names, path).map_err(|error| no_header(error, path, &names))?;
    let first_line = 1 + memchr::memchr_iter(b'\n', &start[..end]).count() as u64;
    start.drain(..end);
    let quoting = Quoting::new(delimiter, &layout);
    let format = Format::Delimited(quoting.clone());
    layout.unit = text::unit_of(session, &layout, &format, &start);
    Ok(Some(Begun { layout, format, pieces: pieces(reader, start, first_line, Some(quoting)) }))
}

/// The pieces of a text whose beginning was read already.
fn pieces(reader: source::Bytes, start: Vec<u8>, first_line: u64, quoting: Option<Quoting>) -> Pieces<source::Bytes> {
    // What a fuzz target has would all be in the first piece.
    #[cfg(fuzzing)]
    let (reader, start): (source::Bytes, Vec<u8>) =
        (Box::new(std::io::Read::chain(std::io::Cursor::new(start), reader)), Vec::new());
    Pieces::new(reader, start, first_line, quoting)
}

/// Refuses to write rejected rows over a file that is read.
fn spare_inputs(config: &IngestConfig, paths: &[PathBuf]) -> Result<(), EventError> {
    let Some(rejects) = &config.rejects else { return Ok(()) };
    let Ok(target) = rejects.canonicalize() else { return Ok(()) };
    let read = paths.iter().map(PathBuf::as_path).chain(side_tables(config));
    match read.into_iter().any(|path| path.canonicalize().is_ok_and(|path| path == target)) {
        true => {
            Err(EventError::input(rejects, "is an input, which --rejects would replace", "choose another path for --rejects"))
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

/// What a base had read.
#[derive(Default)]
pub(crate) struct Before {
    pub(crate) rows: u64,
    pub(crate) rejected: u64,
    pub(crate) kept_rows: u64,
    pub(crate) duplicates: u64,
}

/// What has been read so far.
pub(crate) struct Fold<'o> {
    config: &'o IngestConfig,
    pub(crate) observer: &'o dyn IngestObserver,
    bytes: Arc<AtomicU64>,
    rejects: Option<(PathBuf, BufWriter<std::fs::File>)>,
    units: UnitsSeen,
    /// The names of fields of the file that is read.
    keys: Keys,
    /// By column what the file that is read holds.
    filled: Vec<Filled>,
    pub(crate) files: Vec<FileRead>,
    /// Files that lay among those that were read and are no events.
    pub(crate) left_out: Vec<String>,
    /// Files that have columns and no rows.
    pub(crate) without_rows: Vec<String>,
    pub(crate) notes: FileNotes,
    pub(crate) rows: u64,
    /// Of what was read, that which the base brought: whether too much is bad is asked of the rest alone.
    pub(crate) before: Before,
    /// Templates of the base: (hash, skeleton, variants).
    pub(crate) mined_before: Vec<(String, String, u32)>,
    /// The side tables that the base kept.
    pub(crate) tables_before: SideTables,
    pub(crate) pathways: Pathways,
    pub(crate) rejected: HashMap<Reason, u64>,
    /// Rows that were kept without a field.
    pub(crate) kept_rows: u64,
    /// The fields that were left out of rows, by name and reason.
    pub(crate) unread: BTreeMap<(String, Reason), u64>,
    /// What was bad in this run, rows and fields.
    bad: Bad,
    /// The rows that were rejected of the file that is read.
    bad_of_file: Bad,
    /// The first file of which too many were.
    bad_file: Option<EventError>,
    pub(crate) examples: Vec<Rejection>,
    pub(crate) unroutable: u64,
    pub(crate) short: u64,
    pub(crate) absent: u64,
    pub(crate) forwarded: u64,
    pub(crate) duplicates: u64,
    pub(crate) forgotten: u64,
    pub(crate) late: u64,
}

impl<'o> Fold<'o> {
    fn new(config: &'o IngestConfig, observer: &'o dyn IngestObserver) -> Result<Self, EventError> {
        let rejects = match &config.rejects {
            Some(path) => {
                let file = std::fs::File::create(path)
                    .map_err(|error| EventError::input(path, error, "choose a path for --rejects that can be written"))?;
                Some((path.clone(), BufWriter::new(file)))
            }
            None => None,
        };
        Ok(Fold {
            config,
            observer,
            bytes: Arc::default(),
            rejects,
            units: UnitsSeen::default(),
            keys: Keys::default(),
            filled: Vec::new(),
            files: Vec::new(),
            left_out: Vec::new(),
            without_rows: Vec::new(),
            notes: FileNotes::default(),
            rows: 0,
            before: Before::default(),
            mined_before: Vec::new(),
            tables_before: SideTables::default(),
            pathways: Pathways::default(),
            rejected: HashMap::new(),
            kept_rows: 0,
            unread: BTreeMap::new(),
            bad: Bad::default(),
            bad_of_file: Bad::default(),
            bad_file: None,
            examples: Vec::new(),
            unroutable: 0,
            short: 0,
            absent: 0,
            forwarded: 0,
            duplicates: 0,
            forgotten: 0,
            late: 0,
        })
    }

    fn note(&mut self, layout: &Layout, path: &Path) -> Result<(), EventError> {
        if self.config.schema == SchemaMode::Strict {
            refuse_unknown(&layout.ignored, path)?;
        }
        self.describe(layout);
        self.notes.days.extend(self.files.last().filter(|_| layout.days).map(|read| read.file.clone()));
        Ok(())
    }

    /// Says what of the file that is read has a use.
    fn describe(&mut self, layout: &Layout) {
        if let Some(file) = self.files.last_mut() {
            file.ignored = layout.ignored.clone();
            file.repeated = layout.repeated.clone();
            file.missing = layout.missing.clone();
            file.several = layout.several.clone();
        }
    }

    /// Says in how many rows the columns of the file that was read last hold something.
    fn count_filled(&mut self, layout: &Layout) {
        let filled = std::mem::take(&mut self.filled);
        let Some(file) = self.files.last_mut() else { return };
        for (column, filled) in layout.columns.iter().zip(filled) {
            let names = matches!(column.usage, Use::Account | Use::Identifier(_));
            // What an event's id says is looked at nowhere else, and a row without a count is one request.
            if !matches!(column.usage, Use::EventId | Use::Requests) {
                let one_value = names && filled.rows > 1 && filled.codes.0 == filled.codes.1;
                file.filled.push(FilledColumn { column: column.ours.clone(), rows: filled.rows, one_value });
            }
        }
    }

    /// The file that was named last is read from now on.
    fn begin_file(&mut self, session: &Session<'_>) {
        self.units = UnitsSeen::default();
        self.bad_of_file = Bad::default();
        if let Some(seen) = &session.seen {
            seen.begin(self.files.len() - 1);
        }
    }

    /// Counts the rows of the file that was read last. One without any is a part that somebody's engine wrote all the same.
    fn end_file(&mut self, before: u64) {
        let Some(read) = self.files.last_mut() else { return };
        let bad = &self.bad_of_file;
        (read.rows, read.rejected) = (self.rows - before, bad.count());
        if read.rows == 0 {
            self.without_rows.push(read.file.clone());
        }
        if bad.has(Reason::LastLineCut) {
            self.notes.cut.push(read.file.clone());
        }
        self.notes.mostly_rejected.extend(bad.most_of(&read.file, read.rows));
        if self.bad_file.is_none() {
            let rejects = rejects_file(self.config);
            self.bad_file = bad.fail_file(&read.file, read.rows, self.config.max_bad, rejects.as_deref());
        }
    }

    fn take(&mut self, part: Yield, file: &str) -> Result<(), EventError> {
        if let Some((row, field)) = part.card {
            return Err(EventError::RawCard { file: file.to_string(), position: format!("row {row}"), field });
        }
        if part.overflow {
            return Err(EventError::TooMany {
                what: "accounts or identifiers, 250 kinds, or 4,194,303 combinations of model, capability and status",
                bound: u64::from(u32::MAX),
            });
        }
        self.units.merge(&part.units);
        if let Some([(first, one), (second, two)]) = self.units.mixed() {
            return Err(EventError::MixedTime {
                file: file.to_string(),
                field: "timestamp".to_string(),
                first: format!("{} (row {one})", first.name()),
                second: format!("{} (row {two})", second.name()),
            });
        }
        self.filled.resize(part.filled.len(), Filled::default());
        self.filled.iter_mut().zip(&part.filled).for_each(|(known, &more)| known.merge(more));
        for (name, key) in part.keys {
            if self.keys.len() < MOST_KEYS || key.exact || self.keys.contains_key(&name) {
                self.keys.entry(name).or_insert(Key { rows: 0, ..key }).rows += key.rows;
            }
        }
        self.rows += part.rows;
        self.unroutable += part.unroutable;
        self.short += part.short;
        self.absent += part.absent;
        self.forwarded += part.forwarded;
        self.kept_rows += part.kept_rows;
        self.duplicates += part.duplicates;
        self.forgotten += part.forgotten;
        self.late += part.late;
        part.pathways.iter().for_each(|&(account, pathway)| self.pathways.add(account, pathway));
        for rejection in part.rejections {
            if rejection.kept {
                *self.unread.entry((rejection.field.clone(), rejection.reason)).or_default() += 1;
            } else {
                *self.rejected.entry(rejection.reason).or_default() += 1;
                self.bad_of_file.note(&rejection);
            }
            self.bad.note(&rejection);
            if let Some((path, writer)) = &mut self.rejects {
                let line = serde_json::to_string(&rejection).unwrap_or_default();
                writeln!(writer, "{line}")
                    .map_err(|error| EventError::input(path, error, "make room, or choose another path"))?;
            }
            if self.examples.len() < EXAMPLES {
                self.examples.push(rejection);
            }
        }
        self.observer.progressed(self.bytes.load(Ordering::Relaxed), self.rows);
        if self.observer.cancelled() { Err(EventError::Cancelled) } else { Ok(()) }
    }

    fn finish<K: Keeper>(mut self, session: &Session<'_>, keeper: &K) -> Result<Ingested, EventError> {
        if let Some((path, writer)) = &mut self.rejects {
            writer.flush().map_err(|error| EventError::input(path, error, "make room, or choose another path"))?;
        }
        let rows = self.rows - self.before.rows;
        // A day on which nothing happened adds nothing to a store.
        if let Some(file) = self.without_rows.first().filter(|_| rows == 0 && self.before.rows == 0) {
            return Err(EventError::input(
                Path::new(file),
                "no events",
                "a header alone was found; check the export that wrote it",
            ));
        }
        let too_many_bad = match (self.too_many_bad(rows), self.config.too_many_bad) {
            (Some(error), TooManyBad::Fail) => return Err(error),
            (told, _) => told,
        };
        session.settle_left()?.into_iter().for_each(|(account, pathway)| self.pathways.add(account, pathway));
        let ingested = assemble::assemble(session, self, keeper)?;
        Ok(Ingested { too_many_bad: too_many_bad.map(|error| error.to_string()), ..ingested })
    }

    fn too_many_bad(&mut self, rows: u64) -> Option<EventError> {
        let rejected = self.rejected.values().sum::<u64>() - self.before.rejected;
        let kept = self.kept_rows - self.before.kept_rows;
        let run = Run { rows, rejected, kept, is_first: self.before.rows == 0 };
        let rejects = rejects_file(self.config);
        self.bad.fail_run(&run, self.config.max_bad, rejects.as_deref()).or_else(|| self.bad_file.take())
    }
}
