//! What has been read so far, piece after piece: counts, rejections, and what is bad enough to stop.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::assemble;
use crate::bad::{Bad, FileNotes, Run};
use crate::behaviour::Behaviour;
use crate::config::{IngestConfig, IngestObserver, SchemaMode, TooManyBad};
use crate::error::{EventError, Numbered};
use crate::fields::{Key, Keys, MOST_KEYS};
use crate::gather::Pathways;
use crate::ingested::{FileRead, FilledColumn, Ingested};
use crate::keep::Keeper;
use crate::normalise::Reason;
use crate::normalise::time::UnitsSeen;
use crate::rejection::Rejection;
use crate::rejections::{EXAMPLES, Rejections, Sort};
use crate::rows::{Filled, Yield};
use crate::schema::{Layout, Use, refuse_unknown};
use crate::session::{MOST_KINDS, Session};
use crate::tables::SideTables;

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
    pub(super) bytes: Arc<AtomicU64>,
    rejects: Option<(PathBuf, BufWriter<std::fs::File>)>,
    units: UnitsSeen,
    /// The names of fields of the file that is read.
    pub(super) keys: Keys,
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
    pub(crate) without_time: u64,
}

impl<'o> Fold<'o> {
    pub(super) fn new(config: &'o IngestConfig, observer: &'o dyn IngestObserver) -> Result<Self, EventError> {
        let rejects = match &config.rejects {
            Some(path) => {
                let file = std::fs::File::create(path).map_err(|error| EventError::rejects(path, error))?;
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
            without_time: 0,
        })
    }

    pub(super) fn note(&mut self, session: &Session<'_>, layout: &Layout, path: &Path) -> Result<(), EventError> {
        // A column that has no number would not be read, without a word.
        let kinds = layout.columns.iter().filter_map(|column| match &column.usage {
            Use::Identifier(kind) => Some(kind),
            _ => None,
        });
        if !kinds.map(|kind| session.kind(kind)).all(|number| number.is_some()) {
            return Err(EventError::TooMany { what: Numbered::Kinds, bound: u64::from(MOST_KINDS) });
        }
        if self.config.schema == SchemaMode::Strict {
            refuse_unknown(&layout.ignored, path)?;
        }
        self.describe(layout);
        self.notes.days.extend(self.files.last().filter(|_| layout.days).map(|read| read.file.clone()));
        Ok(())
    }

    /// Says what of the file that is read has a use.
    pub(super) fn describe(&mut self, layout: &Layout) {
        if let Some(file) = self.files.last_mut() {
            file.ignored = layout.ignored.clone();
            file.repeated = layout.repeated.clone();
            file.missing = layout.missing.clone();
            file.lacking = layout.lacking.clone();
            file.several = layout.several.clone();
        }
    }

    /// Says in how many rows the columns of the file that was read last hold something.
    pub(super) fn count_filled(&mut self, layout: &Layout) {
        let filled = std::mem::take(&mut self.filled);
        let Some(file) = self.files.last_mut() else { return };
        for (column, filled) in layout.columns.iter().zip(filled) {
            let names = matches!(column.usage, Use::Account | Use::Identifier(_));
            // A row without a count is one request.
            if column.usage != Use::Requests {
                let one_value = names && filled.rows > 1 && filled.codes.0 == filled.codes.1;
                file.filled.push(FilledColumn { column: column.ours.clone(), rows: filled.rows, one_value });
            }
        }
    }

    /// The file that was named last is read from now on.
    pub(super) fn begin_file(&mut self, session: &Session<'_>) {
        self.units = UnitsSeen::default();
        self.bad_of_file = Bad::default();
        if let Some(seen) = &session.seen {
            seen.begin(self.files.len() - 1);
        }
    }

    /// Counts the rows of the file that was read last. One without any is a part that somebody's engine wrote all the same.
    pub(super) fn end_file(&mut self, before: u64) {
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

    pub(super) fn take(&mut self, part: Yield, file: &str) -> Result<(), EventError> {
        if let Some((row, field)) = part.card {
            return Err(EventError::RawCard { file: file.to_string(), position: format!("row {row}"), field });
        }
        if let Some((what, bound)) = part.overflow {
            return Err(EventError::TooMany { what, bound });
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
        self.without_time += part.without_time;
        part.pathways.iter().for_each(|&(account, pathway)| self.pathways.add(account, pathway));
        self.take_rejections(&part.rejections)?;
        self.observer.progressed(self.bytes.load(Ordering::Relaxed), self.rows);
        if self.observer.cancelled() { Err(EventError::Cancelled) } else { Ok(()) }
    }

    /// Counts what was bad, and writes it down if that was asked for.
    fn take_rejections(&mut self, rejections: &Rejections) -> Result<(), EventError> {
        for &Sort { ref field, reason, kept, count } in rejections.sorts() {
            if kept {
                *self.unread.entry((field.clone(), reason)).or_default() += count;
                if reason.is_only_told() {
                    continue;
                }
            } else {
                *self.rejected.entry(reason).or_default() += count;
                self.bad_of_file.add(reason, count);
            }
            self.bad.add(reason, count);
        }
        for rejection in rejections.examples() {
            if !rejection.kept {
                self.bad_of_file.note(rejection);
            }
            self.bad.note(rejection);
            if self.examples.len() < EXAMPLES {
                self.examples.push(rejection.clone());
            }
        }
        let Some((path, writer)) = &mut self.rejects else { return Ok(()) };
        for rejection in rejections.all() {
            let line = serde_json::to_string(&rejection).unwrap_or_default();
            writeln!(writer, "{line}").map_err(|error| EventError::rejects(path, error))?;
        }
        Ok(())
    }

    pub(super) fn finish<K: Keeper>(mut self, session: &Session<'_>, keeper: &K) -> Result<Ingested, EventError> {
        if let Some((path, writer)) = &mut self.rejects {
            writer.flush().map_err(|error| EventError::rejects(path, error))?;
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
        session.settle_left()?.into_iter().for_each(|(account, pathway)| self.pathways.add(account, pathway));
        let behaviour = Behaviour::of(session, &mut self.pathways);
        self.go_without(&behaviour);
        let too_many_bad = match (self.too_many_bad(rows), self.config.too_many_bad) {
            (Some(error), TooManyBad::Fail) => return Err(error),
            (told, _) => told,
        };
        let ingested = assemble::assemble(session, self, behaviour, keeper)?;
        Ok(Ingested { too_many_bad: too_many_bad.map(|error| error.to_string()), ..ingested })
    }

    /// Counts the rows that go without a model or a capability, of which there are more than can be numbered, and the accounts that
    /// go without a pathway. Which those are is known when all have been read, so they have no lines.
    fn go_without(&mut self, behaviour: &Behaviour) {
        let Behaviour { lost_models, lost_capabilities, lost_either, lost_pathways, .. } = *behaviour;
        for (field, lost) in [("model", lost_models), ("capability", lost_capabilities), ("pathway", lost_pathways)] {
            if lost > 0 {
                *self.unread.entry((field.to_owned(), Reason::TooManyLabels)).or_default() += lost;
                self.bad.add(Reason::TooManyLabels, lost);
            }
        }
        self.kept_rows = (self.kept_rows + lost_either).min(self.rows);
    }

    fn too_many_bad(&mut self, rows: u64) -> Option<EventError> {
        let rejected = self.rejected.values().sum::<u64>() - self.before.rejected;
        let kept = self.kept_rows - self.before.kept_rows;
        let run = Run { rows, rejected, kept, is_first: self.before.rows == 0 };
        let rejects = rejects_file(self.config);
        self.bad.fail_run(&run, self.config.max_bad, rejects.as_deref()).or_else(|| self.bad_file.take())
    }
}

/// Where bad rows are written, if that was asked for.
fn rejects_file(config: &IngestConfig) -> Option<String> {
    config.rejects.as_ref().map(|path| path.display().to_string())
}
