//! Parquet: one row group to one yield, only the used columns read.
//!
//! The columns of a row group are decoded and resolved in parallel, a batch at a time, so that even a file that is one row
//! group keeps all threads busy, and none is ever held whole.
//!
//! String columns are read as dictionary arrays, and a dictionary's values are resolved at most once each, when a row first
//! uses them: a column of ten thousand addresses over a million rows costs ten thousand look-ups.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, ArrayRef, DictionaryArray, StringArray};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use rayon::prelude::*;

use crate::error::EventError;
use crate::normalise::time::{self, Unit, Zone};
use crate::normalise::{MAX_VALUE_BYTES, Reason};
use crate::rows::{Cell, Place, Yield, requests, requests_number, roles, status, status_number};
use crate::schema::{Layout, LayoutColumn, Map, Use};
use crate::session::{EMPTY, Role, Session, rejected};

const BATCH: usize = 1 << 16;
/// Rows whose cells are filled column by column.
const CELLS: usize = 1 << 9;
const UNRESOLVED: u32 = u32::MAX - 256;

/// An opened Parquet file.
pub(crate) struct Columnar {
    metadata: ArrowReaderMetadata,
    pub(crate) layout: Layout,
}

fn damaged(path: &Path, error: impl ToString) -> EventError {
    let problem = format!("not a whole Parquet file: {}", error.to_string());
    EventError::input(path, problem, "copy or export it again; a truncated file has lost its footer")
}

impl Columnar {
    pub(crate) fn open(path: &Path, map: &Map) -> Result<Self, EventError> {
        let file = File::open(path).map_err(|error| EventError::input(path, error, "check the path"))?;
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let plain = ArrowReaderMetadata::load(&file, options.clone()).map_err(|error| damaged(path, error))?;
        let names: Vec<String> = plain.schema().fields().iter().map(|field| field.name().clone()).collect();
        let layout = map.layout(&names, path)?;
        let fields: Vec<Arc<Field>> = plain
            .schema()
            .fields()
            .iter()
            .map(|field| match field.data_type() {
                DataType::Utf8 | DataType::Binary => {
                    let strings = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
                    Arc::new(field.as_ref().clone().with_data_type(strings))
                }
                _ => field.clone(),
            })
            .collect();
        let hinted = options.with_schema(Arc::new(Schema::new(fields)));
        let metadata = ArrowReaderMetadata::load(&file, hinted).unwrap_or(plain);
        Ok(Columnar { metadata, layout })
    }

    pub(crate) fn row_groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    /// Reads one row group.
    pub(crate) fn read(&self, session: &Session<'_>, path: &Path, name: &str, group: usize) -> Result<Yield, EventError> {
        let layout = &self.layout;
        let roles = roles(session, layout);
        let template = if layout.long { session.kind("prompt_template_hash") } else { None };
        let place =
            Place { file: name, row_group: Some(group as u64), counted: &session.counted, watermark: session.watermark };
        let mut readers = layout
            .columns
            .iter()
            .zip(roles)
            .map(|(column, role)| ColumnReader::open(self, path, group, column, role))
            .collect::<Result<Vec<_>, EventError>>()?;
        let mut out = Yield::default();
        let width = layout.columns.len();
        let mut cells = vec![Cell::Code(EMPTY); CELLS * width];
        let mut start = 0;
        loop {
            let columns = self.batch(session, path, &mut readers)?;
            let rows = columns.first().map_or(0, Resolved::len);
            if rows == 0 {
                return out.finished(session);
            }
            if columns.iter().any(|column| column.len() != rows) {
                return Err(damaged(path, "its columns have different lengths"));
            }
            for first in (0..rows).step_by(CELLS) {
                let some = first..rows.min(first + CELLS);
                let mut kinds = None;
                for (index, column) in columns.iter().enumerate() {
                    let slots = cells.iter_mut().skip(index).step_by(width).zip(some.clone());
                    match column {
                        Resolved::Codes { codes, .. } => {
                            if layout.columns[index].usage == Use::Kind {
                                kinds = Some(codes);
                            }
                            slots.for_each(|(cell, at)| *cell = Cell::Code(codes[at]));
                        }
                        Resolved::Times(values) => {
                            slots.for_each(|(cell, at)| {
                                let time = values.time(at, &session.config.zone);
                                *cell = out.time(session, time, start + at as u64);
                            });
                        }
                        Resolved::Counts(Values::Numbers(numbers)) => {
                            slots.for_each(|(cell, at)| *cell = requests_number(numbers[at]));
                        }
                        Resolved::Counts(values) => slots.for_each(|(cell, at)| *cell = requests(values.raw(at))),
                        Resolved::Statuses(Values::Numbers(numbers)) => {
                            slots.for_each(|(cell, at)| *cell = status_number(numbers[at]));
                        }
                        Resolved::Statuses(values) => slots.for_each(|(cell, at)| *cell = status(values.raw(at))),
                        Resolved::OfKind(values) => slots.for_each(|(cell, at)| {
                            let kind = kinds.and_then(|kinds| u8::try_from(kinds[at]).ok());
                            *cell = Cell::Code(kind.map_or(EMPTY, |kind| {
                                let cache = &mut readers[index].cache;
                                values.code(at, cache, usize::from(kind), session, Role::Identifier(kind))
                            }));
                        }),
                    }
                }
                for (at, cells) in some.zip(cells.chunks_exact(width)) {
                    out.push(template, layout, &place, start + at as u64, cells, |index| columns[index].raw(at));
                }
            }
            out.settle(session)?;
            start += rows as u64;
        }
    }

    /// The next batch of all columns. Where there are row groups for all threads, each has enough to do with its own.
    fn batch(&self, session: &Session<'_>, path: &Path, readers: &mut [ColumnReader<'_>]) -> Result<Vec<Resolved>, EventError> {
        if self.row_groups() < rayon::current_num_threads() {
            let columns: Vec<_> = readers.par_iter_mut().map(|reader| reader.next(session, path)).collect();
            columns.into_iter().collect()
        } else {
            readers.iter_mut().map(|reader| reader.next(session, path)).collect()
        }
    }
}

/// Reads one column of one row group.
struct ColumnReader<'l> {
    column: &'l LayoutColumn,
    role: Option<Role>,
    reader: ParquetRecordBatchReader,
    cache: Cache,
}

impl<'l> ColumnReader<'l> {
    fn open(
        file: &Columnar,
        path: &Path,
        group: usize,
        column: &'l LayoutColumn,
        role: Option<Role>,
    ) -> Result<Self, EventError> {
        let opened = File::open(path).map_err(|error| EventError::input(path, error, "check the path"))?;
        let mask = ProjectionMask::roots(file.metadata.parquet_schema(), [column.index]);
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(opened, file.metadata.clone())
            .with_row_groups(vec![group])
            .with_projection(mask)
            .with_batch_size(BATCH)
            .build()
            .map_err(|error| damaged(path, error))?;
        Ok(ColumnReader { column, role, reader, cache: Cache::default() })
    }

    /// The next batch, resolved; of length 0 at the end.
    fn next(&mut self, session: &Session<'_>, path: &Path) -> Result<Resolved, EventError> {
        let Some(batch) = self.reader.next() else {
            return Ok(Resolved::Times(Values::Numbers(Vec::new())));
        };
        let batch = batch.map_err(|error| damaged(path, error))?;
        let column = self.column;
        let values = Values::of(batch.column(0), &column.usage, &mut self.cache).map_err(|found| {
            let problem = format!("column {} has type {found}, which can't be read as {}", column.ours, column.ours);
            EventError::input(path, problem, "export it as text, whole numbers or timestamps")
        })?;
        Ok(match (&column.usage, self.role) {
            (Use::Time, _) => Resolved::Times(values),
            (Use::Requests, _) => Resolved::Counts(values),
            (Use::Status, _) => Resolved::Statuses(values),
            (Use::Value, _) => Resolved::OfKind(values),
            (_, Some(role)) => Resolved::Codes { codes: values.codes(&mut self.cache, session, role), values },
            (_, None) => Resolved::Codes { codes: vec![EMPTY; values.len()], values },
        })
    }
}

/// One column of one batch, as far as it can be resolved without the others.
enum Resolved {
    Codes {
        codes: Vec<u32>,
        values: Values,
    },
    Times(Values),
    Counts(Values),
    Statuses(Values),
    /// Values whose kind another column tells.
    OfKind(Values),
}

impl Resolved {
    fn values(&self) -> &Values {
        let (Resolved::Codes { values, .. }
        | Resolved::Times(values)
        | Resolved::Counts(values)
        | Resolved::Statuses(values)
        | Resolved::OfKind(values)) = self;
        values
    }

    fn len(&self) -> usize {
        self.values().len()
    }

    fn raw(&self, at: usize) -> &[u8] {
        self.values().raw(at)
    }
}

/// What is known of a dictionary's values: per kind (long form) or one, the code of each.
#[derive(Default)]
struct Cache {
    values: Option<ArrayRef>,
    codes: Vec<Vec<u32>>,
}

/// One column of one batch.
enum Values {
    Strings { keys: Vec<i32>, values: StringArray },
    Times { millis: Vec<Option<i64>>, unit: Unit, local: bool },
    Numbers(Vec<Option<i64>>),
}

impl Values {
    fn of(array: &ArrayRef, usage: &Use, cache: &mut Cache) -> Result<Values, String> {
        let cast = |target: &DataType| arrow_cast::cast(array, target).map_err(|_| array.data_type().to_string());
        match array.data_type() {
            DataType::Timestamp(unit, zone) => {
                let local = zone.is_none();
                let arrow = cast(&DataType::Timestamp(TimeUnit::Millisecond, zone.clone()))?;
                if *usage != Use::Time {
                    return Err(array.data_type().to_string());
                }
                let unit = match unit {
                    TimeUnit::Second => Unit::Seconds,
                    TimeUnit::Millisecond => Unit::Millis,
                    TimeUnit::Microsecond => Unit::Micros,
                    TimeUnit::Nanosecond => Unit::Nanos,
                };
                let millis = arrow.as_primitive::<TimestampMillisecondType>().iter().collect();
                return Ok(Values::Times { millis, unit, local });
            }
            data_type if data_type.is_integer() && matches!(usage, Use::Time | Use::Status | Use::Requests) => {
                return Ok(Values::Numbers(cast(&DataType::Int64)?.as_primitive::<Int64Type>().iter().collect()));
            }
            DataType::Float16 | DataType::Float32 | DataType::Float64 => return Err(array.data_type().to_string()),
            _ => {}
        }
        let target = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let strings = if *array.data_type() == target {
            array.clone()
        } else {
            // A type that isn't text (numbers, views, large text): its text, gathered into a dictionary.
            let text = cast(&DataType::Utf8)?;
            arrow_cast::cast(&text, &target).map_err(|_| array.data_type().to_string())?
        };
        let dictionary: &DictionaryArray<Int32Type> = strings.as_dictionary();
        let values = dictionary.values();
        if !cache.values.as_ref().is_some_and(|known| Arc::ptr_eq(known, values)) {
            cache.values = Some(values.clone());
            cache.codes.clear();
        }
        let keys = dictionary.keys().iter().map(|key| key.unwrap_or(-1)).collect();
        Ok(Values::Strings { keys, values: values.as_string::<i32>().clone() })
    }

    fn len(&self) -> usize {
        match self {
            Values::Strings { keys, .. } => keys.len(),
            Values::Times { millis, .. } => millis.len(),
            Values::Numbers(numbers) => numbers.len(),
        }
    }

    /// The codes of all rows; those of a dictionary are found once, all of them together.
    fn codes(&self, cache: &mut Cache, session: &Session<'_>, role: Role) -> Vec<u32> {
        let Values::Strings { keys, values } = self else { return vec![EMPTY; self.len()] };
        if cache.codes.is_empty() {
            let bound = if role == Role::Prompt { usize::MAX } else { 4 * MAX_VALUE_BYTES };
            let raw = values.iter().map(|value| value.map_or(&b""[..], str::as_bytes));
            let mut codes = session.resolve_all(role, raw.clone().map(|raw| if raw.len() > bound { b"" } else { raw }));
            let long = raw.zip(&mut codes).filter(|(raw, _)| raw.len() > bound);
            long.for_each(|(_, code)| *code = rejected(Reason::TooLong));
            cache.codes.push(codes);
        }
        let codes = &cache.codes[0];
        keys.iter().map(|&key| usize::try_from(key).map_or(EMPTY, |key| codes[key])).collect()
    }

    /// The code of one row's value, of a kind that only the row knows.
    fn code(&self, at: usize, cache: &mut Cache, slot: usize, session: &Session<'_>, role: Role) -> u32 {
        let Values::Strings { keys, values } = self else { return EMPTY };
        let Ok(key) = usize::try_from(keys[at]) else { return EMPTY };
        if cache.codes.len() <= slot {
            cache.codes.resize_with(slot + 1, Vec::new);
        }
        let codes = &mut cache.codes[slot];
        if codes.is_empty() {
            codes.resize(values.len(), UNRESOLVED);
        }
        if codes[key] == UNRESOLVED {
            let raw = if values.is_null(key) { b"" } else { values.value(key).as_bytes() };
            let long = raw.len() > 4 * MAX_VALUE_BYTES && role != Role::Prompt;
            codes[key] = if long { rejected(Reason::TooLong) } else { session.resolve(role, raw) };
        }
        codes[key]
    }

    fn time(&self, at: usize, zone: &Zone) -> Result<Option<(i64, Unit)>, Reason> {
        match self {
            Values::Times { millis, unit, local } => {
                match millis[at].map(|millis| if *local { zone.of_local(millis) } else { millis }) {
                    None => Ok(None),
                    Some(millis) if millis < 946_684_800_000 => Err(Reason::AncientTime),
                    Some(millis) if millis >= 4_102_444_800_000 => Err(Reason::FutureTime),
                    Some(millis) => Ok(Some((millis, *unit))),
                }
            }
            Values::Numbers(numbers) => numbers[at].map(time::epoch).transpose(),
            Values::Strings { .. } => time::parse(self.raw(at), zone),
        }
    }

    fn raw(&self, at: usize) -> &[u8] {
        match self {
            Values::Strings { keys, values } => match usize::try_from(keys[at]) {
                Ok(key) if !values.is_null(key) => values.value(key).as_bytes(),
                _ => b"",
            },
            _ => b"",
        }
    }
}
