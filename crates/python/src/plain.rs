//! Records as dictionaries and lists: the command line's JSON, parsed.
//!
//! JSON is written without the GIL and read by Python's own parser, so that keys stand in the order, and numbers are the
//! numbers, that the command line prints.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde::Serialize;

use crate::errors::raised;

/// A record as Python has it.
pub(crate) fn plain<'py, T: Serialize + Sync>(py: Python<'py>, record: &T) -> PyResult<Bound<'py, PyAny>> {
    let json = py.detach(|| serde_json::to_string(record));
    let json = json.map_err(|error| raised(py, &hydralink::Error::Usage(error.to_string())))?;
    py.import("json")?.call_method1("loads", (json,))
}

/// A dictionary as JSON.
pub(crate) fn json_of(given: &Bound<'_, PyDict>) -> PyResult<String> {
    given.py().import("json")?.call_method1("dumps", (given,))?.extract()
}
