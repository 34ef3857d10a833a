//! Names of accounts and identifiers: as lists and Series, and as answers hold them, so that one call's answer is the next one's
//! question.

use arrow_array::ffi_stream::RecordBatchStreamReader;
use arrow_array::{Array, RecordBatchReader, StringArray};
use arrow_cast::cast;
use hydralink::node::{Name, names_of, targets_of};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyList, PyString, PyTuple};

use crate::errors::expected;
use crate::plain::json_of;
use crate::table;

/// What a call is about.
#[derive(Debug, Default)]
pub(crate) struct Names(pub(crate) Vec<Name>);

/// The same of what is done: records that say to review, to monitor or to secure name nobody.
#[derive(Debug, Default)]
pub(crate) struct Targets(pub(crate) Vec<Name>);

/// Two accounts, as a tuple or a list.
pub(crate) struct Pair(pub(crate) [Name; 2]);

impl<'py> FromPyObject<'_, 'py> for Pair {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let Names(names) = given.extract()?;
        names.try_into().map(Pair).map_err(|_| expected("a pair of accounts", &given))
    }
}

/// Texts, or one.
pub(crate) struct Texts(pub(crate) Vec<String>);

impl<'py> FromPyObject<'_, 'py> for Texts {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        given.extract().map(|one| vec![one]).or_else(|_: PyErr| given.extract()).map(Texts)
    }
}

/// What a record names.
type Named = fn(&serde_json::Value) -> Option<Vec<Name>>;

impl<'py> FromPyObject<'_, 'py> for Names {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        names(&given, names_of).map(Names)
    }
}

impl<'py> FromPyObject<'_, 'py> for Targets {
    type Error = PyErr;

    fn extract(given: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        names(&given, targets_of).map(Targets)
    }
}

const WHAT: &str = "a name (text, or a whole number that is an account's id), a list or Series of names, a table with a column account_id, node, target or identifier, or an \
                    answer that has such records";

fn names(given: &Bound<'_, PyAny>, named: Named) -> PyResult<Vec<Name>> {
    if let Some(name) = name_of(given)? {
        return Ok(vec![name]);
    }
    if let Ok(record) = given.cast::<PyDict>() {
        return of_record(record, named);
    }
    if given.is_instance_of::<PyList>() || given.is_instance_of::<PyTuple>() {
        return listed(given, named);
    }
    // A Series streams its values alone: these aren't batches of columns, and are taken one by one.
    if let Some(stream) = table::streamed(given)?
        && let Ok(rows) = table::reader(&stream, "names")
    {
        return from_table(rows);
    }
    let listing = ["to_pylist", "to_list", "tolist"].into_iter().find(|list| given.hasattr(*list).unwrap_or(false));
    match listing {
        Some(list) => listed(&given.call_method0(list)?, named),
        None => listed(given, named).map_err(|_| expected(WHAT, given)),
    }
}

/// A text, or the id of an account where ids are whole numbers, of Python or of numpy.
fn name_of(given: &Bound<'_, PyAny>) -> PyResult<Option<Name>> {
    if let Ok(name) = given.cast::<PyString>() {
        return Ok(Some(name.to_str()?.into()));
    }
    if given.is_instance_of::<PyBool>() {
        return Ok(None);
    }
    Ok(given.extract::<i128>().ok().map(|id| Name::Account(id.to_string())))
}

/// The names of a list, and those of its records.
fn listed(given: &Bound<'_, PyAny>, named: Named) -> PyResult<Vec<Name>> {
    let mut names = Vec::new();
    for one in given.try_iter()? {
        let one = one?;
        match (one.cast::<PyDict>(), name_of(&one)?) {
            (Ok(record), _) => names.extend(of_record(record, named)?),
            (_, Some(name)) => names.push(name),
            _ => return Err(expected("a name, or a record that names a node,", &one)),
        }
    }
    Ok(names)
}

fn of_record(record: &Bound<'_, PyDict>, named: Named) -> PyResult<Vec<Name>> {
    let value = serde_json::from_str(&json_of(record)?).unwrap_or_default();
    named(&value).ok_or_else(|| {
        let keys: Vec<String> = record.keys().iter().map(|key| key.to_string()).collect();
        unnamed("record with", &keys)
    })
}

/// Columns of tables that name nodes; the first that is there counts: rows of sightings are an account's.
const NAMING: [&str; 4] = ["account_id", "node", "target", "identifier"];

/// What was expected of a record or a table, and what was found.
fn unnamed(what: &str, found: &[String]) -> PyErr {
    PyTypeError::new_err(format!("a {what} {} was expected; found {}", NAMING.join(", "), found.join(", ")))
}

fn from_table(rows: RecordBatchStreamReader) -> PyResult<Vec<Name>> {
    let schema = rows.schema();
    let columns: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    let column = NAMING.into_iter().find_map(|naming| columns.iter().position(|column| column == naming));
    let is_named = column.is_some();
    let column = column.or((columns.len() == 1).then_some(0)).ok_or_else(|| unnamed("column", &columns))?;
    let told = |error: &dyn std::fmt::Display| PyTypeError::new_err(format!("column {}: {error}", columns[column]));
    let mut names = Vec::new();
    for batch in rows {
        let batch = batch.map_err(|error| told(&error))?;
        let text = cast(batch.column(column), &arrow_schema::DataType::Utf8).map_err(|error| told(&error))?;
        let text = text.as_any().downcast_ref::<StringArray>().expect("a cast to Utf8 gives strings");
        for one in text {
            let one = one.ok_or_else(|| told(&"a name was expected; found null"))?;
            names.push(if is_named { Name::of_field(&columns[column], one) } else { one.into() });
        }
    }
    Ok(names)
}
