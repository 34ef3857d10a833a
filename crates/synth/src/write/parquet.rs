//! Events as Parquet: one row group a window, its columns encoded in parallel and appended in order.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, Int64Array, TimestampMillisecondArray, UInt16Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use rayon::prelude::*;

use super::Pending;
use crate::calendar::{MODELS, START_MILLIS};
use crate::clients::CLIENTS;
use crate::error::Error;
use crate::event::{CAPABILITIES, Event};
use crate::names::{push_account, push_address, push_card, push_template};
use crate::world::{World, WorldSink};

/// Rows of a column turned into Arrow at once.
const BATCH: usize = 65_536;
/// Most rows of a row group.
const ROW_GROUP: usize = 1 << 21;
/// Largest dictionary of a column in a row group.
const DICTIONARY_BYTES: usize = 32 << 20;

#[derive(Clone, Copy, Debug)]
enum Column {
    Timestamp,
    Account,
    Ip,
    Payment,
    Template,
    Model,
    Capability,
    Status,
    Pathway,
    Tokens,
    Ja4,
    UserAgent,
}

const COLUMNS: [(Column, &str); 12] = [
    (Column::Timestamp, "timestamp"),
    (Column::Account, "account_id"),
    (Column::Ip, "ip"),
    (Column::Payment, "payment_instrument"),
    (Column::Template, "prompt_template_hash"),
    (Column::Model, "model"),
    (Column::Capability, "capability"),
    (Column::Status, "status"),
    (Column::Pathway, "pathway"),
    (Column::Tokens, "tokens"),
    (Column::Ja4, "ja4"),
    (Column::UserAgent, "user_agent"),
];

impl Column {
    fn data_type(self) -> DataType {
        match self {
            Column::Timestamp => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
            Column::Status => DataType::UInt16,
            Column::Tokens => DataType::Int64,
            _ => DataType::Utf8,
        }
    }

    fn array(self, world: &World, events: &[Event]) -> ArrayRef {
        let text = |push: &dyn Fn(&mut Vec<u8>, &Event)| {
            let mut builder = StringBuilder::with_capacity(events.len(), events.len() * 24);
            let mut buffer = Vec::new();
            for event in events {
                buffer.clear();
                push(&mut buffer, event);
                builder.append_value(std::str::from_utf8(&buffer).unwrap_or_default());
            }
            Arc::new(builder.finish()) as ArrayRef
        };
        let word = |of: &dyn Fn(&Event) -> &'static str| text(&|out, event| out.extend_from_slice(of(event).as_bytes()));
        match self {
            Column::Timestamp => {
                let times = TimestampMillisecondArray::from_iter_values(events.iter().map(|event| START_MILLIS + event.millis));
                Arc::new(times.with_timezone("UTC"))
            }
            Column::Account => text(&|out, event| push_account(out, world, event.account)),
            Column::Ip => text(&|out, event| push_address(out, event.address)),
            Column::Payment => text(&|out, event| push_card(out, world, event.card)),
            Column::Template => text(&|out, event| push_template(out, world, event.template)),
            Column::Model => word(&|event| MODELS[event.model as usize]),
            Column::Capability => word(&|event| CAPABILITIES[event.capability as usize]),
            Column::Status => Arc::new(UInt16Array::from_iter_values(events.iter().map(|event| event.status))),
            Column::Pathway => word(&|event| event.pathway.name()),
            Column::Tokens => Arc::new(Int64Array::from_iter_values(events.iter().map(|event| i64::from(event.tokens)))),
            Column::Ja4 => word(&|event| CLIENTS[event.client as usize].ja4),
            Column::UserAgent => word(&|event| CLIENTS[event.client as usize].user_agent),
        }
    }
}

pub(super) struct ParquetEvents {
    writer: SerializedFileWriter<Pending>,
    factory: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    row_groups: usize,
    path: std::path::PathBuf,
}

impl ParquetEvents {
    pub(super) fn start(file: Pending) -> Result<Self, Error> {
        let path = file.path.clone();
        let fields: Vec<Field> = COLUMNS
            .iter()
            .map(|(column, name)| Field::new(*name, column.data_type(), matches!(column, Column::Payment)))
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let wrong = |source: ParquetError| Error::Parquet { path: path.clone(), source };
        let level = ZstdLevel::try_new(1).map_err(wrong)?;
        let time = ColumnPath::from("timestamp");
        let properties = WriterProperties::builder()
            .set_created_by("hydralink".to_owned())
            .set_compression(Compression::ZSTD(level))
            .set_dictionary_page_size_limit(DICTIONARY_BYTES)
            .set_column_dictionary_enabled(time.clone(), false)
            .set_column_encoding(time, Encoding::DELTA_BINARY_PACKED)
            .build();
        let arrow = ArrowWriter::try_new(file, schema.clone(), Some(properties)).map_err(wrong)?;
        let (writer, factory) = arrow.into_serialized_writer().map_err(wrong)?;
        Ok(ParquetEvents { writer, factory, schema, row_groups: 0, path })
    }

    pub(super) fn finish(self) -> Result<(), Error> {
        let path = self.path;
        self.writer.into_inner().map_err(|source| Error::Parquet { path, source })?.finish()
    }

    fn row_group(&mut self, world: &World, events: &[Event]) -> Result<(), ParquetError> {
        let writers = self.factory.create_column_writers(self.row_groups)?;
        let schema = &self.schema;
        let chunks: Vec<Result<ArrowColumnChunk, ParquetError>> = writers
            .into_par_iter()
            .zip(COLUMNS)
            .zip(schema.fields().par_iter())
            .with_max_len(1)
            .map(|((writer, (column, _)), field)| encode(world, events, writer, column, field))
            .collect();
        let mut group = self.writer.next_row_group()?;
        for chunk in chunks {
            chunk?.append_to_row_group(&mut group)?;
        }
        group.close()?;
        self.row_groups += 1;
        Ok(())
    }
}

fn encode(
    world: &World,
    events: &[Event],
    mut writer: ArrowColumnWriter,
    column: Column,
    field: &Field,
) -> Result<ArrowColumnChunk, ParquetError> {
    for batch in events.chunks(BATCH) {
        for leaf in compute_leaves(field, &column.array(world, batch))? {
            writer.write(&leaf)?;
        }
    }
    writer.close()
}

impl WorldSink for ParquetEvents {
    type Error = Error;

    fn window(&mut self, world: &World, events: &[Event]) -> Result<(), Error> {
        for group in events.chunks(ROW_GROUP) {
            self.row_group(world, group).map_err(|source| Error::Parquet { path: self.path.clone(), source })?;
        }
        Ok(())
    }
}
