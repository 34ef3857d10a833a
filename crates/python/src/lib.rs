//! The same, from a notebook: what the facade offers, under the command line's names, with Arrow in and Arrow out.
//!
//! Nothing is decided here. A call parses its arguments, asks the facade without the GIL, and hands back
//!
//! * a `Table` where the answer is a table that may be large: anything that takes `__arrow_c_stream__` reads it,
//! * else what the command line prints as JSON, as dictionaries and lists.
//!
//! | file | what it is for |
//! |---|---|
//! | `store` | the open store, and how it looks in a notebook |
//! | `read` | `build`, `update`, `profile`, `synth`: events in |
//! | `find` | `detect`, networks, members, tables |
//! | `ask` | questions about nodes and what joins them |
//! | `judge` | `calibrate`, `evaluate` and others that rerun or compare |
//! | `act` | what leaves, what is decided, what is erased |
//! | `names` | what names nodes: lists, tables, answers |
//! | `table` | Arrow both ways |
//! | `work` | the GIL, threads, progress and Ctrl-C |
//! | `plain` | records as dictionaries |
//! | `errors` | exceptions |
//!
//! Built by maturin with the stable ABI of Python 3.11.

mod store;

mod act;
mod ask;
mod find;
mod judge;
mod read;

mod errors;
mod names;
mod plain;
mod table;
mod work;

use pyo3::prelude::*;

/// Links accounts that share infrastructure and finds the proxy networks among them.
///
/// `build()` reads event logs into a store, `Store.detect()` finds the networks in it, and a `Store` is what every question is
/// asked of. Functions, options and answers are those of the command line: what it prints as JSON comes as dictionaries and
/// lists, tables of any size come as Arrow (`pyarrow.table(t)`, `polars.DataFrame(t)`, `duckdb.sql("from t")`).
///
/// Evidence is in bits, shares are from 0 to 1, times are UTC. Nothing is cut short unless `top` says so.
#[pymodule]
#[pyo3(name = "hydralink")]
fn python(module: &Bound<'_, PyModule>) -> PyResult<()> {
    hydralink::messages_are_for(hydralink::Caller::Python);
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    errors::add(module)?;
    module.add_class::<store::Store>()?;
    module.add_class::<table::Table>()?;
    module.add_function(wrap_pyfunction!(store::open, module)?)?;
    module.add_function(wrap_pyfunction!(read::build, module)?)?;
    module.add_function(wrap_pyfunction!(read::profile, module)?)?;
    module.add_function(wrap_pyfunction!(read::synth, module)?)?;
    module.add_function(wrap_pyfunction!(judge::redteam, module)?)?;
    module.add_function(wrap_pyfunction!(find::default_config, module)?)?;
    module.add_function(wrap_pyfunction!(find::diff, module)?)
}
