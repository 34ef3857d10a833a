//! Exceptions: one base, and what a caller may want to tell apart.

use hydralink::Error;
use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyKeyboardInterrupt, PyTypeError};
use pyo3::prelude::*;

use crate::plain::plain;

create_exception!(
    hydralink,
    HydralinkError,
    PyException,
    "Why a call failed: where, what was expected, what was found, and what to try."
);
create_exception!(
    hydralink,
    InputError,
    HydralinkError,
    "The input can't be read, or the question can't be answered as asked."
);
create_exception!(
    hydralink,
    UnknownIdError,
    HydralinkError,
    "The store has no such account, identifier, network or kind. `suggestions` are the nearest names, `what` is what was asked for."
);
create_exception!(hydralink, NotDetectedError, HydralinkError, "The store has no networks yet: call `Store.detect()`.");
create_exception!(
    hydralink,
    RefusedError,
    HydralinkError,
    "It could be done and isn't: a wrong or unsafe key, raw card numbers, a store that another process is writing, events with \
     what `fail_on` names (`drift` says what and where)."
);
create_exception!(
    hydralink,
    StoreError,
    HydralinkError,
    "The path is no store, or the store is damaged or of a newer version."
);

/// Adds the exceptions.
pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("HydralinkError", py.get_type::<HydralinkError>())?;
    module.add("InputError", py.get_type::<InputError>())?;
    module.add("UnknownIdError", py.get_type::<UnknownIdError>())?;
    module.add("NotDetectedError", py.get_type::<NotDetectedError>())?;
    module.add("RefusedError", py.get_type::<RefusedError>())?;
    module.add("StoreError", py.get_type::<StoreError>())
}

/// The exception for an error of the facade; `kind` is the word for it that the command line's JSON has as well.
pub(crate) fn raised(py: Python<'_>, error: &Error) -> PyErr {
    let raised = of_its_class(py, error);
    raised.value(py).setattr("kind", error.kind()).map_or_else(|error| error, |()| raised)
}

fn of_its_class(py: Python<'_>, error: &Error) -> PyErr {
    let text = error.to_string();
    match error {
        Error::Interrupted => PyKeyboardInterrupt::new_err(text),
        Error::Unknown { what, nearest, .. } => {
            let raised = UnknownIdError::new_err(text);
            let value = raised.value(py);
            let told = value.setattr("suggestions", nearest).and_then(|()| value.setattr("what", what));
            told.map_or_else(|error| error, |()| raised)
        }
        Error::Drift { found } => {
            let raised = RefusedError::new_err(text);
            let told = plain(py, found).and_then(|found| raised.value(py).setattr("drift", found));
            told.map_or_else(|error| error, |()| raised)
        }
        Error::NotDetected { .. } => NotDetectedError::new_err(text),
        Error::KeyFile { .. } | Error::StoreKey { .. } | Error::StoreBusy { .. } | Error::StoreChanged { .. } => {
            RefusedError::new_err(text)
        }
        Error::Events(hydralink::EventError::RawCard { .. }) => RefusedError::new_err(text),
        Error::NotAStore { .. } | Error::StoreVersion { .. } | Error::StoreDamaged { .. } | Error::CaseLog { .. } => {
            StoreError::new_err(text)
        }
        _ => InputError::new_err(text),
    }
}

/// The error of an argument that is none of what it may be.
pub(crate) fn expected(what: &str, given: &Bound<'_, PyAny>) -> PyErr {
    match given.get_type().name() {
        Ok(found) => PyTypeError::new_err(format!("{what} was expected; found {found}")),
        Err(error) => error,
    }
}

/// A question that can't be asked like this.
pub(crate) fn usage(text: impl Into<String>) -> Error {
    Error::Usage(text.into())
}
