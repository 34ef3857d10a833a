//! Parquet: one row group to one yield, only the used columns read.
//!
//! The columns of a row group are decoded and resolved in parallel, a batch at a time, so that even a file that is one row
//! group keeps all threads busy, and none is ever held whole.
//!
//! Columns of text are read as dictionaries of bytes, whose values are resolved once each ([`crate::values`]): a column of ten
//! thousand addresses over a million rows costs ten thousand look-ups, and what is no UTF-8 spoils the value it is in. Then
//! rows are taken column by column ([`crate::plain`]) where nothing about them is out of the ordinary, and cell by cell where
//! something is.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, BinaryArray, DictionaryArray, Int32Array, StringArray, make_array};
use arrow_buffer::NullBuffer;
use arrow_schema::{ArrowError, DataType, Field, Fields as ArrowFields, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression, ConvertedType, LogicalType, Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::{FileMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::schema::types::{BasicTypeInfo, SchemaDescriptor, Type as SchemaType};
use rayon::prelude::*;

use crate::cells::Cell;
use crate::error::EventError;
use crate::fields::{Fields, with_paths};
use crate::normalise::time::{FirstUnits, Unit};
use crate::plain::{Plain, Slice};
use crate::rows::{Place, Yield, roles};
use crate::schema::{Layout, LayoutColumn, Map, Use};
use crate::session::{EMPTY, Role, Session};
use crate::source::Source;
use crate::values::{Cache, Resolved, Values, dictionary_of_bytes};

/// Rows decoded at once, at most: their columns stay in a processor's second cache until they are taken.
pub(crate) const BATCH: usize = 1 << 14;

/// Bytes of a column decoded at once, if its rows are all as large: an array of 2 GiB can't be made.
const BATCH_BYTES: u64 = 1 << 28;

/// Rows decoded at once, at least.
const LEAST_BATCH: usize = 1 << 6;

/// Rows taken at once: one that is out of the ordinary makes so many slow.
const CELLS: usize = 1 << 10;

/// An opened Parquet file.
pub(crate) struct Columnar {
    /// Where its bytes are; what is said of it is said of the path that named it.
    bytes: PathBuf,
    metadata: ArrowReaderMetadata,
    /// The columns by name, those in structs by their paths, and where each is, from the outside in.
    names: Vec<(String, Vec<usize>)>,
    pub(crate) layout: Layout,
}

/// The names of columns, those in structs that are entered by their paths; and where each is, from the outside in.
pub(crate) fn paths(columns: &ArrowFields, entered: &Fields) -> (Vec<String>, Vec<Vec<usize>>) {
    fn add(columns: &ArrowFields, inside: &str, way: &[usize], of: &Fields, found: &mut (Vec<String>, Vec<Vec<usize>>)) {
        for (at, column) in columns.iter().enumerate() {
            let (name, way) = (format!("{inside}{}", column.name()), [way, &[at]].concat());
            match column.data_type() {
                DataType::Struct(columns) if of.holds(&name) => add(columns, &format!("{name}."), &way, of, found),
                _ => {
                    found.0.push(name);
                    found.1.push(way);
                }
            }
        }
    }
    let mut found = Default::default();
    add(columns, "", &[], entered, &mut found);
    found
}

/// A layout that says whether its times are days.
pub(crate) fn with_days(layout: Layout, columns: &ArrowFields, ways: &[Vec<usize>]) -> Layout {
    fn type_of<'c>(columns: &'c ArrowFields, way: &[usize]) -> &'c DataType {
        let (first, rest) = way.split_first().expect("a column is somewhere");
        match columns[*first].data_type() {
            DataType::Struct(columns) if !rest.is_empty() => type_of(columns, rest),
            found => found,
        }
    }
    let is_day = |way: &Vec<usize>| matches!(type_of(columns, way), DataType::Date32 | DataType::Date64);
    Layout { days: layout.time().and_then(|column| ways.get(column.index)).is_some_and(is_day), ..layout }
}

/// A column of a struct; where the struct is missing, so is its field.
pub(crate) fn inside(array: &ArrayRef, at: usize) -> ArrayRef {
    let parent = array.as_struct();
    let field = parent.column(at);
    let nulls = NullBuffer::union(parent.nulls(), field.nulls());
    let data = field.to_data().into_builder().nulls(nulls).build();
    data.map_or_else(|_| field.clone(), make_array)
}

/// So many rows that all hold what a folder says of them.
pub(crate) fn repeated(value: &[u8], rows: usize) -> ArrayRef {
    let values = BinaryArray::from_vec(vec![value]);
    Arc::new(DictionaryArray::<Int32Type>::new(Int32Array::from_value(0, rows), Arc::new(values)))
}

/// UUIDs, which come as 16 bytes, as the text that any other format has in their place.
pub(crate) fn hyphenated(array: &ArrayRef) -> ArrayRef {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let text = |uuid: &[u8]| {
        let mut text = String::with_capacity(36);
        for (at, byte) in uuid.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            text.extend([byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)])));
        }
        text
    };
    match array.as_fixed_size_binary_opt() {
        Some(uuids) => Arc::new(uuids.iter().map(|uuid| uuid.map(text)).collect::<StringArray>()),
        None => array.clone(),
    }
}

fn damaged(path: &Path, error: impl ToString) -> EventError {
    let error = error.to_string();
    if error.contains("CRC checksum mismatch") {
        let hint = "copy or export the file again; nothing of it can be trusted";
        return EventError::input(path, "a page of the Parquet file is damaged: its checksum is wrong", hint);
    }
    if error.to_ascii_lowercase().contains("utf-8") {
        let problem = format!("a column that is declared as text holds bytes that are no UTF-8: {error}");
        return EventError::input(path, problem, "clean it; in events, such bytes spoil no more than the value they are in");
    }
    if error.contains("index overflow") {
        let problem = format!("some rows of a column have more than 2 GiB: {error}");
        return EventError::input(path, problem, "write row groups of fewer rows, or cut the texts");
    }
    if error.contains("(os error ") {
        return EventError::input(path, error, "check the system's limits and the disk, and run it again");
    }
    if error.contains("encrypt") {
        let problem = format!("it is encrypted: {error}");
        return EventError::input(path, problem, "decrypt it: write it without modular encryption");
    }
    let problem = format!("not a whole Parquet file: {error}");
    EventError::input(path, problem, "copy or export it again; a truncated file has lost its footer")
}

/// What the decoder says of a file. Of some damage it says nothing and panics, and whoever writes a file must not be able to end
/// the run of all others with it.
pub(crate) fn decoded<T, E: ToString>(path: &Path, decode: impl FnOnce() -> Result<T, E>) -> Result<T, EventError> {
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(decoded) => decoded.map_err(|error| damaged(path, error)),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
            Err(damaged(path, text.unwrap_or("it can't be decoded")))
        }
    }
}

/// Refuses the codec that nothing here undoes.
fn refuse_compression(path: &Path, metadata: &ParquetMetaData) -> Result<(), EventError> {
    let mut codecs = metadata.row_groups().iter().flat_map(|group| group.columns()).map(|column| column.compression());
    match codecs.any(|codec| codec == Compression::LZO) {
        false => Ok(()),
        true => {
            let problem = "its pages are compressed by lzo, which isn't read";
            Err(EventError::input(path, problem, "write it with zstd, snappy, lz4, gzip or brotli"))
        }
    }
}

/// Whether a column's 16 bytes are said to be a UUID.
pub(crate) fn is_uuid(metadata: &ParquetMetaData, name: &str) -> bool {
    let columns = metadata.file_metadata().schema_descr().columns();
    columns.iter().any(|column| column.logical_type_ref() == Some(&LogicalType::Uuid) && column.path().string() == name)
}

/// Rows of a row group that are decoded at once, by the largest of the columns that are read.
fn rows_at_once(group: &RowGroupMetaData, is_read: impl Fn(usize) -> bool) -> usize {
    let read = group.columns().iter().enumerate().filter(|&(at, _)| is_read(at));
    let largest = read.filter_map(|(_, column)| u64::try_from(column.uncompressed_size()).ok()).max().unwrap_or(0);
    let rows = BATCH_BYTES.saturating_mul(u64::try_from(group.num_rows()).unwrap_or(0)) / largest.max(1);
    usize::try_from(rows).unwrap_or(BATCH).clamp(LEAST_BATCH, BATCH)
}

/// Whether bytes are declared as text.
fn is_declared_text(info: &BasicTypeInfo) -> bool {
    match info.logical_type_ref() {
        Some(logical) => matches!(logical, LogicalType::String | LogicalType::Json),
        None => matches!(info.converted_type(), ConvertedType::UTF8 | ConvertedType::JSON),
    }
}

/// A column or group of columns of which texts are bytes.
fn texts_as_bytes(column: &SchemaType) -> Result<SchemaType, ParquetError> {
    let info = column.get_basic_info();
    let repetition = info.has_repetition().then(|| info.repetition());
    let id = info.has_id().then(|| info.id());
    match column {
        SchemaType::GroupType { fields, .. } => {
            let fields = fields.iter().map(|field| texts_as_bytes(field).map(Arc::new)).collect::<Result<_, _>>()?;
            let group = SchemaType::group_type_builder(column.name()).with_fields(fields).with_id(id);
            let group = group.with_logical_type(info.logical_type_ref().cloned()).with_converted_type(info.converted_type());
            // Only the outermost has none.
            repetition.into_iter().fold(group, |group, repetition| group.with_repetition(repetition)).build()
        }
        SchemaType::PrimitiveType { physical_type: Type::BYTE_ARRAY, .. } if is_declared_text(info) => {
            SchemaType::primitive_type_builder(column.name(), Type::BYTE_ARRAY)
                .with_repetition(info.repetition())
                .with_id(id)
                .build()
        }
        SchemaType::PrimitiveType { .. } => Ok(column.clone()),
    }
}

/// A file whose texts are read as bytes, those that are in no list or record as dictionaries.
fn as_bytes(metadata: &ParquetMetaData, options: ArrowReaderOptions) -> Result<ArrowReaderMetadata, ParquetError> {
    let of_file = metadata.file_metadata();
    let schema = Arc::new(SchemaDescriptor::new(Arc::new(texts_as_bytes(of_file.schema_descr().root_schema())?)));
    let of_file = FileMetaData::new(of_file.version(), of_file.num_rows(), None, None, schema, None);
    let metadata = Arc::new(ParquetMetaData::new(of_file, metadata.row_groups().to_vec()));
    let plain = ArrowReaderMetadata::try_new(metadata.clone(), options.clone())?;
    let hinted = |field: &Arc<Field>| match field.data_type() {
        DataType::Binary => Arc::new(field.as_ref().clone().with_data_type(dictionary_of_bytes())),
        _ => field.clone(),
    };
    let fields: Vec<Arc<Field>> = plain.schema().fields().iter().map(hinted).collect();
    Ok(ArrowReaderMetadata::try_new(metadata, options.with_schema(Arc::new(Schema::new(fields)))).unwrap_or(plain))
}

impl Columnar {
    pub(crate) fn open(source: &Source, map: &Map) -> Result<Self, EventError> {
        let (path, bytes) = (&source.named, source.path().to_owned());
        let file = File::open(&bytes).map_err(|error| EventError::input(path, error, "check the path"))?;
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let plain = decoded(path, || ArrowReaderMetadata::load(&file, options.clone()))?;
        refuse_compression(path, plain.metadata())?;
        let columns = plain.schema().fields();
        let (names, ways) = paths(columns, &map.paths());
        let layout = map.layout(&names, path).map_err(|error| with_paths(error, || paths(columns, &Fields::all()).0))?;
        let layout = with_days(layout, columns, &ways);
        let names = names.into_iter().zip(ways).collect();
        let metadata = decoded(path, || as_bytes(plain.metadata(), options))?;
        Ok(Columnar { bytes, metadata, names, layout })
    }

    pub(crate) fn row_groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    /// What the first times are in, if that can be told.
    pub(crate) fn unit(&self, session: &Session<'_>, path: &Path) -> Result<Option<Unit>, EventError> {
        match self.layout.time().filter(|_| self.row_groups() > 0) {
            Some(column) => self.column(path, 0, column, None)?.unit(session, path),
            None => Ok(None),
        }
    }

    /// Reads one row group, as one of `share` files that are read side by side.
    pub(crate) fn read(
        &self,
        session: &Session<'_>,
        path: &Path,
        name: &str,
        group: usize,
        share: usize,
    ) -> Result<Yield, EventError> {
        let place = Place { file: name, row_group: Some(group as u64), session };
        let readers = self.layout.columns.iter().zip(roles(session, &self.layout));
        let mut readers =
            readers.map(|(column, role)| self.column(path, group, column, role)).collect::<Result<Vec<_>, EventError>>()?;
        // Where there are row groups for all threads, each has enough to do with its own.
        let together = self.row_groups() * share < rayon::current_num_threads();
        take_rows(&self.layout, path, &place, 0, &mut readers, together)
    }

    fn rows_at_once(&self, group: usize) -> usize {
        let schema = self.metadata.parquet_schema();
        let of_file = self.layout.columns.iter().filter_map(|column| self.names.get(column.index));
        let roots: Vec<usize> = of_file.map(|(_, way)| way[0]).collect();
        rows_at_once(self.metadata.metadata().row_group(group), |at| roots.contains(&schema.get_column_root_idx(at)))
    }

    fn column<'l>(
        &self,
        path: &Path,
        group: usize,
        column: &'l LayoutColumn,
        role: Option<Role>,
    ) -> Result<ColumnReader<'l>, EventError> {
        let at_once = self.rows_at_once(group);
        if let Some(value) = &column.of_folder {
            let rows = usize::try_from(self.metadata.metadata().row_group(group).num_rows()).unwrap_or(0);
            let batches = (0..rows).step_by(at_once).map(move |first| Ok(repeated(value, at_once.min(rows - first))));
            return Ok(ColumnReader::of(column, role, batches));
        }
        let opened = File::open(&self.bytes).map_err(|error| EventError::input(path, error, "check the path"))?;
        let (name, way) = &self.names[column.index];
        let mask = match way[..] {
            [root] => ProjectionMask::roots(self.metadata.parquet_schema(), [root]),
            _ => ProjectionMask::columns(self.metadata.parquet_schema(), [name.as_str()]),
        };
        let (depth, uuids) = (way.len() - 1, is_uuid(self.metadata.metadata(), name));
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(opened, self.metadata.clone())
            .with_row_groups(vec![group])
            .with_projection(mask)
            .with_batch_size(at_once);
        let reader = decoded(path, || builder.build())?;
        // Of a struct's fields only the one that is read is there.
        let innermost = move |mut array: ArrayRef| {
            for _ in 0..depth {
                array = inside(&array, 0);
            }
            if uuids { hyphenated(&array) } else { array }
        };
        Ok(ColumnReader::of(column, role, reader.map(move |batch| batch.map(|batch| innermost(batch.column(0).clone())))))
    }
}

/// Takes all rows of some columns, of which the first has this number; decodes and resolves the columns together, on all
/// threads, or one after the other.
pub(crate) fn take_rows(
    layout: &Layout,
    path: &Path,
    place: &Place<'_>,
    mut start: u64,
    readers: &mut [ColumnReader<'_>],
    together: bool,
) -> Result<Yield, EventError> {
    let session = place.session;
    let template = session.template_kind(layout);
    let mut out = Yield::new(place, layout);
    let width = layout.columns.len();
    let mut cells = vec![Cell::Code(EMPTY); CELLS * width];
    let mut codes = vec![Vec::with_capacity(CELLS); width];
    // Repetitions are looked for row by row.
    let mut plain = Plain::new(layout).filter(|_| session.seen.is_none());
    loop {
        let columns: Vec<Resolved> = if together {
            let columns: Vec<_> = readers.par_iter_mut().map(|reader| reader.next(session, path)).collect();
            columns.into_iter().collect::<Result<_, EventError>>()?
        } else {
            readers.iter_mut().map(|reader| reader.next(session, path)).collect::<Result<_, EventError>>()?
        };
        let rows = columns.first().map_or(0, Resolved::len);
        if columns.iter().any(|column| column.len() != rows) {
            return Err(damaged(path, "its columns have different lengths"));
        }
        if rows == 0 {
            return out.finished(session);
        }
        for first in (0..rows).step_by(CELLS) {
            let some = first..rows.min(first + CELLS);
            columns.iter().zip(&mut codes).for_each(|(column, codes)| column.codes(some.clone(), codes));
            let slice = Slice { columns: &columns, codes: &codes, rows: some.clone(), first: start + first as u64 };
            if plain.as_mut().is_some_and(|plain| plain.take(&mut out, place, &slice)) {
                continue;
            }
            let mut kinds = None;
            for (index, column) in columns.iter().enumerate() {
                let slots = cells.iter_mut().skip(index).step_by(width).zip(some.clone());
                match column {
                    Resolved::Codes { .. } => {
                        if layout.columns[index].usage == Use::Kind {
                            kinds = Some(&codes[index]);
                        }
                        slots.zip(&codes[index]).for_each(|((cell, _), &code)| *cell = Cell::Code(code));
                    }
                    Resolved::Times(values) => {
                        slots.for_each(|(cell, at)| {
                            let time = values.time(at, session.config.zone());
                            *cell = out.time(session, time, start + at as u64);
                        });
                    }
                    Resolved::Counts(values) => slots.for_each(|(cell, at)| *cell = values.count(at)),
                    Resolved::Tokens(values) => slots.for_each(|(cell, at)| *cell = values.tokens(at)),
                    Resolved::Statuses(values) => slots.for_each(|(cell, at)| *cell = values.status(at)),
                    Resolved::OfKind(values) => slots.for_each(|(cell, at)| {
                        let kind = kinds.and_then(|kinds| u8::try_from(kinds[at - first]).ok());
                        *cell = Cell::Code(kind.map_or(EMPTY, |kind| {
                            let cache = &mut readers[index].cache;
                            values.code(at, cache, usize::from(kind), session, Role::Identifier(kind))
                        }));
                    }),
                }
            }
            for (at, cells) in some.zip(cells.chunks_exact(width)) {
                out.push(template, layout, place, start + at as u64, cells, |index| columns[index].raw(at));
            }
        }
        out.settle(session)?;
        start += rows as u64;
    }
}

/// Reads one column of a row group, or of a piece of a stream.
pub(crate) struct ColumnReader<'l> {
    column: &'l LayoutColumn,
    role: Option<Role>,
    arrays: Box<dyn Iterator<Item = Result<ArrayRef, ArrowError>> + Send + 'l>,
    cache: Cache,
}

impl<'l> ColumnReader<'l> {
    pub(crate) fn of(
        column: &'l LayoutColumn,
        role: Option<Role>,
        arrays: impl Iterator<Item = Result<ArrayRef, ArrowError>> + Send + 'l,
    ) -> Self {
        ColumnReader { column, role, arrays: Box::new(arrays), cache: Cache::default() }
    }

    /// What the times of the first batch are in, if that can be told.
    pub(crate) fn unit(mut self, session: &Session<'_>, path: &Path) -> Result<Option<Unit>, EventError> {
        let Resolved::Times(values) = self.next(session, path)? else { return Ok(None) };
        let mut units = FirstUnits::default();
        (0..values.len().min(FirstUnits::ROWS)).for_each(|at| units.note(values.time(at, session.config.zone())));
        Ok(units.most())
    }

    /// The next batch, resolved; of length 0 at the end.
    fn next(&mut self, session: &Session<'_>, path: &Path) -> Result<Resolved, EventError> {
        let Some(array) = decoded(path, || self.arrays.next().transpose())? else {
            return Ok(Resolved::Times(Values::none()));
        };
        let column = self.column;
        let values = Values::of(&array, column, &mut self.cache).map_err(|found| {
            let problem = format!("column {} has type {found}, which can't be read as {}", column.ours, column.ours);
            EventError::input(path, problem, "export it as text, whole numbers or timestamps")
        })?;
        Ok(match (&column.usage, self.role) {
            (Use::Time, _) => Resolved::Times(values),
            (Use::Requests, _) => Resolved::Counts(values),
            (Use::Tokens, _) => Resolved::Tokens(values),
            (Use::Status, _) => Resolved::Statuses(values),
            (Use::Value, _) => Resolved::OfKind(values),
            (_, Some(role)) => Resolved::Codes {
                codes: values.dictionary(&mut self.cache, session, role),
                lists: column.addresses && values.has_lists(&mut self.cache),
                values,
            },
            (_, None) => Resolved::Codes { codes: Arc::default(), values, lists: false },
        })
    }
}

#[cfg(test)]
mod tests {
    use parquet::file::metadata::ColumnChunkMetaData;

    use super::*;

    #[test]
    fn a_codec_that_is_left_out_is_named() {
        let column = Arc::new(SchemaType::primitive_type_builder("account_id", Type::BYTE_ARRAY).build().unwrap());
        let root = SchemaType::group_type_builder("schema").with_fields(vec![column]).build().unwrap();
        let schema = Arc::new(SchemaDescriptor::new(Arc::new(root)));
        let opened = |compression: Compression| {
            let chunk = ColumnChunkMetaData::builder(schema.column(0)).set_compression(compression).build().unwrap();
            let group = RowGroupMetaData::builder(schema.clone()).set_column_metadata(vec![chunk]).build().unwrap();
            let file = FileMetaData::new(1, 1, None, None, schema.clone(), None);
            refuse_compression(Path::new("f"), &ParquetMetaData::new(file, vec![group]))
        };
        let error = opened(Compression::LZO).unwrap_err().to_string();
        assert!(error.contains("compressed by lzo") && error.contains("zstd"), "{error}");
        assert!(opened(Compression::SNAPPY).is_ok());
    }

    /// Where the first column ended first, the rest of the others was left out without a word.
    #[test]
    fn columns_of_different_lengths_are_no_rows() {
        let config = crate::config::IngestConfig::default();
        let session = Session::new(&config, Map::default());
        let layout = session.map.layout(&["account_id", "ip"].map(String::from), Path::new("f")).unwrap();
        let read = |batches: [usize; 2]| {
            let place = Place { file: "f", row_group: Some(0), session: &session };
            let arrays = |batches: usize| (0..batches).map(|_| Ok(repeated(b"198.51.100.7", 3)));
            let columns = layout.columns.iter().zip(roles(&session, &layout)).zip(batches);
            let mut readers: Vec<_> = columns.map(|((one, role), count)| ColumnReader::of(one, role, arrays(count))).collect();
            take_rows(&layout, Path::new("f"), &place, 0, &mut readers, false).map(|out| out.rows)
        };
        assert_eq!(read([2, 2]).unwrap(), 6);
        assert!([[1, 2], [2, 1], [0, 1]].into_iter().all(|uneven| read(uneven).is_err()));
    }

    #[test]
    fn rows_of_long_texts_are_decoded_in_small_batches() {
        let texts = ["account_id", "prompt"]
            .map(|name| Arc::new(SchemaType::primitive_type_builder(name, Type::BYTE_ARRAY).build().unwrap()));
        let root = SchemaType::group_type_builder("schema").with_fields(texts.to_vec()).build().unwrap();
        let schema = Arc::new(SchemaDescriptor::new(Arc::new(root)));
        let group = |rows: i64, bytes: [i64; 2]| {
            let columns = [0, 1].map(|at| {
                ColumnChunkMetaData::builder(schema.column(at)).set_total_uncompressed_size(bytes[at]).build().unwrap()
            });
            let group = RowGroupMetaData::builder(schema.clone()).set_num_rows(rows);
            group.set_column_metadata(columns.to_vec()).build().unwrap()
        };
        let long = group(100_000, [1 << 20, 40 << 30]);
        // 420 KiB a row: 16,384 of them would be 7 GB.
        assert_eq!(rows_at_once(&long, |_| true), 625);
        assert_eq!(rows_at_once(&long, |at| at == 0), BATCH);
        assert_eq!(rows_at_once(&group(100_000, [1 << 20, 1 << 24]), |_| true), BATCH);
        // Whatever a footer says.
        for (rows, bytes) in [(0, 0), (0, i64::MAX), (i64::MAX, 1), (-1, -1), (10, i64::MAX)] {
            assert!((LEAST_BATCH..=BATCH).contains(&rows_at_once(&group(rows, [bytes; 2]), |_| true)));
        }
    }
}
