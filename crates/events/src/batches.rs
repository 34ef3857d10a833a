//! Events that are Arrow record batches already: a table in memory, or a stream that another library hands over.
//!
//! What Parquet means, these mean: columns by name, text as text or dictionaries (views and large text too), whole numbers and
//! timestamps where they belong, UUIDs (`arrow.uuid`) as their text. Batches are taken as they come, in pieces of 131,072 rows on
//! all threads, so that neither a stream is ever held whole nor one large batch keeps the other threads waiting.
//!
//! They have no bytes to tell them by: reading the same table twice counts twice, unless events have ids.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchReader, StringArray, new_null_array};
use arrow_schema::{ArrowError, DataType, Field};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use crate::columnar::{BATCH, ColumnReader, decoded, hyphenated, inside, is_uuid, paths, repeated, take_rows, with_days};
use crate::error::EventError;
use crate::fields::{Fields, with_paths};
use crate::normalise::time::{FirstUnits, Unit};
use crate::rows::{Place, Yield, roles};
use crate::schema::{Layout, LayoutColumn, Map, Use};
use crate::session::{Role, Session};
use crate::source;
use crate::values::{dictionary_of_bytes, is_text, without_zeros};

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
            let texts =
                schema.fields().iter().zip(batch.columns()).map(|(field, array)| {
                    named_text(Path::new(&name), field.name(), &with_uuids_as_text(array.clone(), field))
                });
            write_rows(&mut writer, &texts.collect::<Result<Vec<ArrayRef>, EventError>>()?).map_err(failed)?;
        }
        writer.flush().map_err(|error| EventError::input(path, error, "make room, or choose another path"))
    }

    /// The columns that a map makes of these.
    pub(crate) fn layout(&self, map: &Map) -> Result<Layout, EventError> {
        let schema = self.reader.schema();
        let (names, ways) = paths(schema.fields(), &map.paths());
        let layout = map.layout(&names, Path::new(&self.name));
        let layout = layout.map_err(|error| with_paths(error, || paths(schema.fields(), &Fields::all()).0))?;
        Ok(with_days(layout, schema.fields(), &ways))
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

/// A Parquet file as CSV with a header, for what is read as a table beside the events; nothing where the file isn't Parquet. What
/// [`Batches::write_csv`] makes of a value, this does. Columns of lists and records that aren't `wanted` are empty. Cost: the whole
/// table as text.
///
/// # Errors
/// [`EventError::Input`] if the file can't be read, or a wanted column has no text.
pub fn parquet_as_csv(path: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Option<Vec<u8>>, EventError> {
    if !source::is_parquet(path) {
        return Ok(None);
    }
    let file = File::open(path).map_err(|error| source::unread(path, error))?;
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let builder = decoded(path, || ParquetRecordBatchReaderBuilder::try_new_with_options(file, options))?;
    let metadata = builder.metadata().clone();
    let schema = builder.schema().clone();
    let mut reader = decoded(path, || builder.with_batch_size(BATCH).build())?;
    let mut writer = csv::Writer::from_writer(Vec::new());
    let in_memory = "records of one length are written to memory";
    writer.write_record(schema.fields().iter().map(|field| field.name())).expect(in_memory);
    while let Some(batch) = decoded(path, || reader.next().transpose())? {
        let texts = schema.fields().iter().zip(batch.columns()).map(|(field, array)| {
            let name = field.name();
            if array.data_type().is_nested() && !wanted(name) {
                return Ok(new_null_array(&DataType::Utf8, array.len()));
            }
            let array = if is_uuid(&metadata, name) { hyphenated(array) } else { array.clone() };
            named_text(path, name, &array)
        });
        write_rows(&mut writer, &texts.collect::<Result<Vec<ArrayRef>, EventError>>()?).expect(in_memory);
    }
    Ok(Some(writer.into_inner().expect("nothing is left to be written")))
}

/// A column as text, or the error that names it.
fn named_text(file: &Path, column: &str, array: &ArrayRef) -> Result<ArrayRef, EventError> {
    text_of(array).map_err(|found| {
        let problem = format!("column {column} has type {found}, which can't be read as text");
        EventError::input(file, problem, "export it as text, numbers or timestamps")
    })
}

/// Writes the rows of columns of text; what is missing is empty.
fn write_rows<W: Write>(writer: &mut csv::Writer<W>, columns: &[ArrayRef]) -> Result<(), csv::Error> {
    let columns: Vec<&StringArray> = columns.iter().map(|column| column.as_string::<i32>()).collect();
    (0..columns.first().map_or(0, |column| column.len())).try_for_each(|row| {
        writer.write_record(columns.iter().map(|column| if column.is_valid(row) { column.value(row) } else { "" }))
    })
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
    let array = match &column.of_folder {
        Some(value) => repeated(value, batch.num_rows()),
        None => of_batch(session, column, batch),
    };
    let rows = array.len();
    let slices = (0..rows).step_by(BATCH).map(move |first| Ok(array.slice(first, BATCH.min(rows - first))));
    ColumnReader::of(column, role, slices)
}

/// One column of a piece, as it is read.
fn of_batch(session: &Session<'_>, column: &LayoutColumn, batch: &RecordBatch) -> ArrayRef {
    let columns = batch.schema_ref().fields();
    let (_, ways) = paths(columns, &session.map.paths());
    let (&outermost, rest) = ways[column.index].split_first().expect("a column is somewhere");
    let (array, field) = rest.iter().fold((batch.column(outermost).clone(), &columns[outermost]), |(array, field), &at| {
        let DataType::Struct(columns) = field.data_type() else { unreachable!("a way leads through structs") };
        (inside(&array, at), &columns[at])
    });
    gathered(&with_uuids_as_text(array, field), &column.usage)
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
        // Whole numbers of which some are missing come as floats from pandas, and what is missing as no number.
        found if found.is_floating() => {
            let text = cast(array, &DataType::Utf8)?;
            let whole = |text: &str| text.strip_suffix(".0").unwrap_or(text).to_owned();
            let texts = text.as_string::<i32>().iter().map(|text| text.filter(|&text| text != "NaN").map(whole));
            Ok(Arc::new(texts.collect::<StringArray>()))
        }
        found => Ok(without_zeros(found, cast(array, &DataType::Utf8)?)),
    }
}

/// Text that isn't a dictionary of bytes yet as one, once for the whole piece; everything else, and what can't be text, as it is.
fn gathered(array: &ArrayRef, usage: &Use) -> ArrayRef {
    let has_few = !matches!(usage, Use::Time | Use::Requests | Use::Tokens | Use::Status);
    let made = (has_few && is_text(array.data_type())).then(|| arrow_cast::cast(array, &dictionary_of_bytes()));
    made.and_then(Result::ok).unwrap_or_else(|| array.clone())
}
