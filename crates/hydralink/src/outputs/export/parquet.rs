//! The four tables as Parquet: typed columns, zstd inside, UTC timestamps in milliseconds.
//!
//! Rows are collected in batches of 65,536, so memory is one row group, whatever the graph.

use std::io::{self, Write};
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::file::properties::WriterProperties;
use arrow_array::builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMillisecondBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, TimeUnit};

use super::columns::{Cell, Named, Type};
use super::tables::Table;
use super::view::ExportGraph;

/// Rows of a row group.
pub(crate) const BATCH: usize = 1 << 16;

/// Writes a table.
///
/// # Errors
/// Whatever `out` returns.
pub fn write(graph: &ExportGraph<'_>, table: Table, out: &mut (impl Write + Send)) -> io::Result<()> {
    let columns = table.columns();
    let schema = schema_of(&columns);
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(BATCH))
        .set_created_by(graph.about.tool.clone())
        .build();
    let mut writer = ArrowWriter::try_new(out, schema.clone(), Some(properties)).map_err(io::Error::other)?;
    let mut builders: Vec<Builder> = columns.iter().map(Builder::new).collect();
    let mut rows = 0;
    table.visit(graph, |cells| {
        for (builder, &cell) in builders.iter_mut().zip(cells) {
            builder.append(cell);
        }
        rows += 1;
        if rows == BATCH {
            rows = 0;
            writer.write(&batch(&schema, &mut builders).map_err(io::Error::other)?).map_err(io::Error::other)?;
        }
        Ok(())
    })?;
    if rows > 0 {
        writer.write(&batch(&schema, &mut builders).map_err(io::Error::other)?).map_err(io::Error::other)?;
    }
    writer.close().map_err(io::Error::other)?;
    Ok(())
}

/// The schema of some columns; any value may be missing.
pub(crate) fn schema_of(columns: &[Named]) -> Arc<Schema> {
    let fields = columns.iter().map(|column| Field::new(column.name, data_type(column.kind), true));
    Arc::new(Schema::new(fields.collect::<Vec<Field>>()))
}

pub(crate) fn batch(schema: &Arc<Schema>, builders: &mut [Builder]) -> Result<RecordBatch, ArrowError> {
    RecordBatch::try_new(schema.clone(), builders.iter_mut().map(Builder::finish).collect())
}

fn data_type(kind: Type) -> DataType {
    match kind {
        Type::Text => DataType::Utf8,
        Type::Whole => DataType::Int64,
        Type::Real => DataType::Float64,
        Type::Time => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        Type::Flag => DataType::Boolean,
    }
}

/// One column of the batch in the making.
pub(crate) enum Builder {
    Text(StringBuilder),
    Whole(Int64Builder),
    Real(Float64Builder),
    Time(TimestampMillisecondBuilder),
    Flag(BooleanBuilder),
}

impl Builder {
    pub(crate) fn new(column: &Named) -> Self {
        match column.kind {
            Type::Text => Builder::Text(StringBuilder::new()),
            Type::Whole => Builder::Whole(Int64Builder::new()),
            Type::Real => Builder::Real(Float64Builder::new()),
            Type::Time => Builder::Time(TimestampMillisecondBuilder::new().with_timezone("UTC")),
            Type::Flag => Builder::Flag(BooleanBuilder::new()),
        }
    }

    /// Appends a cell of the column's type, or null.
    pub(crate) fn append(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Builder::Text(builder), Cell::Text(value)) => builder.append_value(value),
            (Builder::Text(builder), _) => builder.append_null(),
            // A count beyond 2^63 can't come from a store; it would be written as the largest number that Parquet readers agree
            // on.
            (Builder::Whole(builder), Cell::Whole(value)) => builder.append_value(i64::try_from(value).unwrap_or(i64::MAX)),
            (Builder::Whole(builder), _) => builder.append_null(),
            (Builder::Real(builder), Cell::Single(value)) => builder.append_value(f64::from(value)),
            (Builder::Real(builder), Cell::Double(value)) => builder.append_value(value),
            (Builder::Real(builder), _) => builder.append_null(),
            (Builder::Time(builder), Cell::Time(value)) => builder.append_value(i64::from(value) * 1000),
            (Builder::Time(builder), _) => builder.append_null(),
            (Builder::Flag(builder), Cell::Flag(value)) => builder.append_value(value),
            (Builder::Flag(builder), _) => builder.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Builder::Text(builder) => Arc::new(builder.finish()),
            Builder::Whole(builder) => Arc::new(builder.finish()),
            Builder::Real(builder) => Arc::new(builder.finish()),
            Builder::Time(builder) => Arc::new(builder.finish()),
            Builder::Flag(builder) => Arc::new(builder.finish()),
        }
    }
}

#[cfg(test)]
mod tests {
    use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Float64Type, Int64Type, TimestampMillisecondType};

    use super::*;
    use crate::export::testing;

    fn read(graph: &ExportGraph<'_>, table: Table) -> Vec<RecordBatch> {
        let mut file = tempfile::tempfile().unwrap();
        write(graph, table, &mut file).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().with_batch_size(1 << 20).build().unwrap();
        reader.map(Result::unwrap).collect()
    }

    #[test]
    fn values_and_nulls_read_back() {
        let nodes = &read(&testing::toy(), Table::Nodes)[0];
        assert_eq!(nodes.num_rows(), 8);
        assert_eq!(nodes["value"].as_string::<i32>().value(6), "card & \"co\" 'x'");
        assert_eq!(nodes["degree"].as_primitive::<Int64Type>().value(7), 40);
        let banned = nodes["banned_at"].as_primitive::<TimestampMillisecondType>();
        assert!(banned.is_null(0) && banned.value(1) == i64::from(testing::JANUARY + 3 * 86_400) * 1000);
        assert!((nodes["confidence"].as_primitive::<Float64Type>().value(0) - 0.99).abs() < 1e-6);
    }

    #[test]
    fn tables_longer_than_a_row_group_are_whole() {
        let mut graph = testing::toy();
        let edge = graph.edges[0];
        graph.edges = vec![edge; BATCH * 2 + 3];
        let rows: usize = read(&graph, Table::Edges).iter().map(RecordBatch::num_rows).sum();
        assert_eq!(rows, BATCH * 2 + 3);
        assert!(read(&testing::empty(), Table::Evidence).iter().all(|batch| batch.num_rows() == 0));
    }
}
