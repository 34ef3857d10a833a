//! Parquet: one row group to one yield, only the used columns read.
//!
//! String columns are read as dictionary arrays, and a dictionary's values are resolved at most once each, when a row first uses them:
//! a column of ten thousand addresses over a million rows costs ten thousand look-ups.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, ArrayRef, DictionaryArray, StringArray};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use crate::error::EventError;
use crate::normalise::time::{self, Unit};
use crate::normalise::{MAX_VALUE_BYTES, Reason};
use crate::rows::{Cell, Place, Yield, requests, roles, status};
use crate::schema::{Layout, Map, Use};
use crate::session::{EMPTY, Role, Session, rejected};

const BATCH: usize = 1 << 16;
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
        let file = File::open(path).map_err(|error| EventError::input(path, error, "check the path"))?;
        let roots = self.layout.columns.iter().map(|column| column.index);
        let mask = ProjectionMask::roots(self.metadata.parquet_schema(), roots);
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
            .with_row_groups(vec![group])
            .with_projection(mask)
            .with_batch_size(BATCH)
            .build()
            .map_err(|error| damaged(path, error))?;
        let layout = &self.layout;
        let names = self.metadata.schema().fields();
        let roles = roles(session, layout);
        let template = if layout.long { session.kind("prompt_template_hash") } else { None };
        let place = Place { file: name, row_group: Some(group as u64) };
        let mut out = Yield::default();
        let mut caches: Vec<Cache> = layout.columns.iter().map(|_| Cache::default()).collect();
        let mut cells = Vec::with_capacity(layout.columns.len());
        let mut start = 0;
        for batch in reader {
            let batch = batch.map_err(|error| damaged(path, error))?;
            let mut columns = Vec::with_capacity(layout.columns.len());
            for (column, cache) in layout.columns.iter().zip(&mut caches) {
                let array =
                    batch.column_by_name(names[column.index].name()).ok_or_else(|| damaged(path, "a column is gone"))?;
                columns.push(Values::of(array, &column.usage, cache).map_err(|found| {
                    let problem = format!("column {} has type {found}, which can't be read as {}", column.ours, column.ours);
                    EventError::input(path, problem, "export it as text, whole numbers or timestamps")
                })?);
            }
            for at in 0..batch.num_rows() {
                let row = start + at as u64;
                cells.clear();
                let mut kind = None;
                for (index, column) in layout.columns.iter().enumerate() {
                    let values = &columns[index];
                    let cell = match (&column.usage, roles[index]) {
                        (Use::Time, _) => {
                            let time = values.time(at);
                            out.time(session, time, row)
                        }
                        (Use::Requests, _) => requests(values.raw(at)),
                        (Use::Status, _) => status(values.raw(at)),
                        (Use::Value, _) => Cell::Code(kind.map_or(EMPTY, |kind: u8| {
                            values.code(at, &mut caches[index], usize::from(kind), session, Role::Identifier(kind))
                        })),
                        (_, Some(role)) => Cell::Code(values.code(at, &mut caches[index], 0, session, role)),
                        (_, None) => Cell::Code(EMPTY),
                    };
                    if let (Use::Kind, Cell::Code(code)) = (&column.usage, cell) {
                        kind = u8::try_from(code).ok();
                    }
                    cells.push(cell);
                }
                out.push(template, layout, &place, row, &cells, |index| columns[index].raw(at));
            }
            start += batch.num_rows() as u64;
        }
        out.sightings = graph::build::consolidate(std::mem::take(&mut out.sightings));
        Ok(out)
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
    Times { millis: Vec<Option<i64>>, unit: Unit },
    Numbers(Vec<Option<i64>>),
}

impl Values {
    fn of(array: &ArrayRef, usage: &Use, cache: &mut Cache) -> Result<Values, String> {
        let cast = |target: &DataType| arrow_cast::cast(array, target).map_err(|_| array.data_type().to_string());
        match array.data_type() {
            DataType::Timestamp(unit, zone) => {
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
                return Ok(Values::Times { millis, unit });
            }
            data_type if data_type.is_integer() && matches!(usage, Use::Time) => {
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

    fn time(&self, at: usize) -> Result<Option<(i64, Unit)>, Reason> {
        match self {
            Values::Times { millis, unit } => match millis[at] {
                None => Ok(None),
                Some(millis) if millis < 946_684_800_000 => Err(Reason::AncientTime),
                Some(millis) if millis >= 4_102_444_800_000 => Err(Reason::FutureTime),
                Some(millis) => Ok(Some((millis, *unit))),
            },
            Values::Numbers(numbers) => numbers[at].map(time::epoch).transpose(),
            Values::Strings { .. } => time::parse(self.raw(at)),
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
