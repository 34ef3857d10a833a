//! Arrow both ways, by the PyCapsule protocol: no library of Python's is needed, and any that speaks it will do.
//!
//! A stream crosses as a struct of C functions (the Arrow C stream interface). This is the one file with `unsafe`: what another
//! library hands over is a pointer in a capsule, and the capsule's name is all that says what it points to.

use std::ffi::CStr;
use std::sync::Arc;

use arrow_array::RecordBatchReader;
use arrow_array::ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader};
use hydralink::Batches;
use hydralink::arrow::RecordStream;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::errors::{raised, usage};
use crate::work::released;

const STREAM: &CStr = c"arrow_array_stream";

type Begin = dyn Fn() -> Result<RecordStream, hydralink::Error> + Send + Sync;

/// An answer as an Arrow table, that may be larger than memory: rows are made while they are read.
///
/// Give it to whatever reads Arrow: `pyarrow.table(t)`, `pyarrow.RecordBatchReader.from_stream(t)` (batch by batch),
/// `polars.DataFrame(t)`, `pandas.DataFrame.from_arrow(t)`, `duckdb.sql("from t")`. It can be read again, and is then made
/// again from the store as it was when it was asked.
#[pyclass(frozen, module = "hydralink")]
pub(crate) struct Table {
    what: &'static str,
    columns: Vec<String>,
    begin: Arc<Begin>,
}

impl Table {
    /// A table that `begin` begins to write, each time that somebody reads it.
    pub(crate) fn new(
        what: &'static str,
        begin: impl Fn() -> Result<RecordStream, hydralink::Error> + Send + Sync + 'static,
    ) -> Result<Self, hydralink::Error> {
        let columns = begin()?.schema().fields().iter().map(|field| field.name().clone()).collect();
        Ok(Table { what, columns, begin: Arc::new(begin) })
    }
}

#[pymethods]
impl Table {
    /// The Arrow C stream of the table, as a capsule; a schema that is asked for is not, as the protocol allows.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let _ = requested_schema;
        let stream = released(py, || (self.begin)())?;
        PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(Box::new(stream)), STREAM)
    }

    /// Names of the columns.
    #[getter]
    fn columns(&self) -> Vec<String> {
        self.columns.clone()
    }

    fn __repr__(&self) -> String {
        let columns = self.columns.join(", ");
        format!(
            "<hydralink.Table of {}: {columns}; rows by pyarrow.table(t), polars.DataFrame(t), pandas.DataFrame.from_arrow(t)>",
            self.what
        )
    }
}

/// What streams the rows of a Python object, if anything does: itself, or what it names as its reader. A Dataset of pyarrow is
/// read batch by batch; a LazyFrame of polars is collected, for it streams to files only.
pub(crate) fn streamed<'py>(given: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    Ok(if given.hasattr("__arrow_c_stream__")? {
        Some(typed(given)?)
    } else if given.hasattr("scanner")? {
        Some(given.call_method0("scanner")?.call_method0("to_reader")?)
    } else if given.hasattr("collect_schema")? {
        Some(typed(&given.call_method0("collect")?)?)
    } else {
        None
    })
}

/// A frame of polars with text in place of columns of nulls that have no type: it gives those a buffer, which Arrow's have not,
/// and which no reader in Rust takes.
fn typed<'py>(given: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    if !given.get_type().module()?.to_cow()?.starts_with("polars.") || !given.hasattr("with_columns")? {
        return Ok(given.clone());
    }
    let mut untyped = Vec::new();
    for column in given.getattr("schema")?.call_method0("items")?.try_iter()? {
        let (name, of): (String, Bound<'_, PyAny>) = column?.extract()?;
        untyped.extend((of.str()? == "Null").then_some(name));
    }
    if untyped.is_empty() {
        return Ok(given.clone());
    }
    let polars = given.py().import("polars")?;
    let text = polars.call_method1("col", (untyped,))?.call_method1("cast", (polars.getattr("String")?,))?;
    given.call_method1("with_columns", (text,))
}

/// The events that a Python object holds or streams.
pub(crate) fn batches(given: &Bound<'_, PyAny>, name: String) -> PyResult<Batches> {
    let reader = reader(given, &name)?;
    Ok(Batches::new(name, reader))
}

/// The stream of record batches that a Python object gives.
pub(crate) fn reader(given: &Bound<'_, PyAny>, name: &str) -> PyResult<RecordBatchStreamReader> {
    let capsule = given.call_method0("__arrow_c_stream__")?;
    let capsule = capsule.cast::<PyCapsule>().map_err(|_| PyTypeError::new_err("__arrow_c_stream__() gave no capsule"))?;
    let stream = capsule.pointer_checked(Some(STREAM))?.cast::<FFI_ArrowArrayStream>();
    // SAFETY: a capsule of this name, which was just checked, points to a stream of the Arrow C stream interface. The stream is
    // moved out and its place left released, as the interface wants it; the capsule lives until the end of this function.
    #[allow(unsafe_code)]
    let stream = unsafe { FFI_ArrowArrayStream::from_raw(stream.as_ptr()) };
    RecordBatchStreamReader::try_new(stream)
        .map_err(|error| raised(given.py(), &usage(format!("{name}: not a stream of record batches: {error}"))))
}
