//! Events that are Arrow record batches already: a table in memory, or a stream that another library hands over.
//!
//! What Parquet means, these mean: columns by name, text as text or dictionaries (views and large text too), whole numbers and
//! timestamps where they belong, UUIDs (`arrow.uuid`) as their text. Batches are taken as they come, in pieces of 131,072 rows on
//! all threads, so that neither a stream is ever held whole nor one large batch keeps the other threads waiting.
//!
//! They have no bytes to tell them by: as with standard input, reading the same table twice counts twice, unless events have ids.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, DataType, Field};

use crate::columnar::{BATCH, ColumnReader, hyphenated, inside, paths, take_rows};
use crate::error::EventError;
use crate::fields::{Fields, with_paths};
use crate::normalise::time::{FirstUnits, Unit};
use crate::rows::{Place, Yield, roles};
use crate::schema::{Layout, LayoutColumn, Map, Use};
use crate::session::{Role, Session};

/// Rows that one thread takes at a time.
const PIECE: usize = 1 << 17;

/// Record batches of one schema, under a name that stands where a file's name would.
pub struct Batches {
    pub(crate) name: String,
    reader: Box<dyn RecordBatchReader + Send>,
}

impl Batches {
    /// Batches that are read once, in order.
    pub fn new(name: impl Into<String>, reader: impl RecordBatchReader + Send + 'static) -> Self {
        Batches { name: name.into(), reader: Box::new(reader) }
    }

    /// Writes them as CSV with a header, for what is read as a side table: the accounts, the releases, the known-good list. A
    /// missing value is an empty field, a time RFC 3339. Cost: one batch in memory.
    ///
    /// # Errors
    /// [`EventError::Input`] if the stream breaks off, a column has no text, or the file can't be written.
    pub fn write_csv(self, path: &Path) -> Result<(), EventError> {
        let (columns, schema) = (self.columns(), self.reader.schema());
        let Batches { name, reader } = self;
        let failed = |error: csv::Error| EventError::input(path, error, "make room, or choose another path");
        let mut writer = csv::Writer::from_path(path).map_err(failed)?;
        writer.write_record(&columns).map_err(failed)?;
        for batch in reader {
            let batch = batch.map_err(|error| broken(&name, error))?;
            let texts = schema.fields().iter().zip(batch.columns()).map(|(field, array)| {
                text_of(&with_uuids_as_text(array.clone(), field)).map_err(|found| {
                    let problem = format!("column {} has type {found}, which can't be read as text", field.name());
                    EventError::input(Path::new(&name), problem, "export it as text, numbers or timestamps")
                })
            });
            let texts = texts.collect::<Result<Vec<ArrayRef>, EventError>>()?;
            for row in 0..batch.num_rows() {
                let cell = |array: &ArrayRef| {
                    if array.is_valid(row) { array.as_string::<i32>().value(row).to_owned() } else { String::new() }
                };
                writer.write_record(texts.iter().map(cell)).map_err(failed)?;
            }
        }
        writer.flush().map_err(|error| EventError::input(path, error, "make room, or choose another path"))
    }

    /// The columns that a map makes of these.
    pub(crate) fn layout(&self, map: &Map) -> Result<Layout, EventError> {
        let named = |entered: &Fields| paths(self.reader.schema().fields(), entered).0;
        let layout = map.layout(&named(&map.paths()), Path::new(&self.name));
        layout.map_err(|error| with_paths(error, || named(&Fields::all())))
    }

    fn columns(&self) -> Vec<String> {
        self.reader.schema().fields().iter().map(|field| field.name().clone()).collect()
    }

    /// The batches in pieces, each with the number of its first row.
    pub(crate) fn pieces(self) -> impl Iterator<Item = Result<(u64, RecordBatch), ArrowError>> + Send {
        let mut start = 0;
        self.reader.flat_map(move |batch| {
            let (before, rows) = (start, batch.as_ref().map_or(0, RecordBatch::num_rows));
            start += rows as u64;
            let piece = move |batch: &RecordBatch, first| (before + first as u64, batch.slice(first, PIECE.min(rows - first)));
            match batch {
                Ok(batch) => (0..rows).step_by(PIECE).map(|first| Ok(piece(&batch, first))).collect(),
                Err(error) => vec![Err(error)],
            }
        })
    }
}

impl std::fmt::Debug for Batches {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Batches").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Where events come from: files first, then batches.
#[derive(Debug, Default)]
pub struct Sources<'a> {
    /// Files, globs, and `-` for standard input.
    pub files: &'a [PathBuf],
    /// Arrow record batches.
    pub batches: Vec<Batches>,
}

impl<'a> From<&'a [PathBuf]> for Sources<'a> {
    fn from(files: &'a [PathBuf]) -> Self {
        Sources { files, batches: Vec::new() }
    }
}

impl<'a> From<&'a Vec<PathBuf>> for Sources<'a> {
    fn from(files: &'a Vec<PathBuf>) -> Self {
        Sources { files, batches: Vec::new() }
    }
}

impl<'a, const N: usize> From<&'a [PathBuf; N]> for Sources<'a> {
    fn from(files: &'a [PathBuf; N]) -> Self {
        Sources { files, batches: Vec::new() }
    }
}

impl From<Batches> for Sources<'_> {
    fn from(batches: Batches) -> Self {
        Sources { files: &[], batches: vec![batches] }
    }
}

/// A stream that broke off.
pub(crate) fn broken(name: &str, source: ArrowError) -> EventError {
    EventError::Stream { name: name.to_owned(), source }
}

/// What the times of a file that begins with these are in, if that can be told.
pub(crate) fn unit(
    session: &Session<'_>,
    layout: &Layout,
    name: &str,
    first: &RecordBatch,
) -> Result<Option<Unit>, EventError> {
    let first = first.slice(0, first.num_rows().min(FirstUnits::ROWS));
    layout.time().map_or(Ok(None), |column| reader(session, column, None, &first).unit(session, Path::new(name)))
}

/// Reads one piece.
pub(crate) fn read(
    session: &Session<'_>,
    layout: &Layout,
    name: &str,
    start: u64,
    batch: &RecordBatch,
) -> Result<Yield, EventError> {
    let readers = layout.columns.iter().zip(roles(session, layout));
    let readers = readers.map(|(column, role)| reader(session, column, role, batch));
    // An Arrow stream is one group: rows are numbered from its beginning.
    let place = Place { file: name, row_group: Some(0), session };
    take_rows(layout, Path::new(name), &place, start, &mut readers.collect::<Vec<_>>(), false)
}

/// Reads one column of a piece.
fn reader<'l>(session: &Session<'_>, column: &'l LayoutColumn, role: Option<Role>, batch: &RecordBatch) -> ColumnReader<'l> {
    let columns = batch.schema_ref().fields();
    let (_, ways) = paths(columns, &session.map.paths());
    let (&outermost, rest) = ways[column.index].split_first().expect("a column is somewhere");
    let (array, field) = rest.iter().fold((batch.column(outermost).clone(), &columns[outermost]), |(array, field), &at| {
        let DataType::Struct(columns) = field.data_type() else { unreachable!("a way leads through structs") };
        (inside(&array, at), &columns[at])
    });
    let array = gathered(&with_uuids_as_text(array, field), &column.usage);
    let rows = array.len();
    let slices = (0..rows).step_by(BATCH).map(move |first| Ok(array.slice(first, BATCH.min(rows - first))));
    ColumnReader::of(column, role, slices)
}

/// A column, its UUIDs as their text.
fn with_uuids_as_text(array: ArrayRef, field: &Field) -> ArrayRef {
    if field.extension_type_name() == Some("arrow.uuid") { hyphenated(&array) } else { array }
}

/// A column as text; its type if it has none.
fn text_of(array: &ArrayRef) -> Result<ArrayRef, String> {
    let cast = |array: &ArrayRef, target: &DataType| {
        let text = arrow_cast::cast(array, target).map_err(|_| array.data_type().to_string())?;
        // What has no text would be read as missing.
        match text.null_count() == array.null_count() {
            true => Ok(text),
            false => Err(format!("{} and values that are no moment or number that can be written", array.data_type())),
        }
    };
    match array.data_type() {
        found if found.is_nested() => Err(found.to_string()),
        // The same moments by an offset: names of zones are not known here.
        DataType::Timestamp(unit, Some(_)) => {
            let in_utc = cast(array, &DataType::Timestamp(*unit, Some("+00:00".into())))?;
            cast(&in_utc, &DataType::Utf8)
        }
        _ => cast(array, &DataType::Utf8),
    }
}

/// Text that isn't a dictionary yet as one, once for the whole piece; everything else, and what can't be text, as it is.
fn gathered(array: &ArrayRef, usage: &Use) -> ArrayRef {
    let text = match array.data_type() {
        DataType::Utf8 => Ok(array.clone()),
        DataType::LargeUtf8 | DataType::Utf8View => arrow_cast::cast(array, &DataType::Utf8),
        DataType::Dictionary(_, values) if matches!(**values, DataType::Utf8View | DataType::LargeUtf8) => {
            arrow_cast::cast(array, &DataType::Utf8)
        }
        _ => return array.clone(),
    };
    let target = match usage {
        Use::Time | Use::Requests | Use::Tokens | Use::Status => return text.unwrap_or_else(|_| array.clone()),
        _ => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
    };
    text.and_then(|text| arrow_cast::cast(&text, &target)).unwrap_or_else(|_| Arc::clone(array))
}
