//! Work without the GIL: threads, progress, and Ctrl-C.
//!
//! Long work runs on a thread of its own while the caller's thread waits without the GIL, wakes up twenty times a second to ask
//! Python whether Ctrl-C was pressed, and calls `progress`. A signal or an exception in `progress` stops the work where it next
//! says what it does: what it was about to write is then not written.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hydralink::reruns::RerunStep;
use hydralink::{Error, IngestObserver};
use pyo3::prelude::*;

use crate::errors::{raised, usage};

/// How often Python is asked for signals.
const LOOK: Duration = Duration::from_millis(50);

/// Short work on these stores without the GIL.
pub(crate) fn asked<T: Send>(
    py: Python<'_>,
    stores: &[impl AsRef<Path> + Sync],
    work: impl FnOnce() -> Result<T, Error> + Send,
) -> PyResult<T> {
    released(py, || hydralink::store::ask(stores, work)?)
}

/// Short work without the GIL.
pub(crate) fn released<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T, Error> + Send) -> PyResult<T> {
    let done = py.detach(work).map_err(|error| raised(py, &error))?;
    py.check_signals()?;
    Ok(done)
}

/// What is being done: a phase, and how far it is where that is known.
type Told = (String, Option<(u64, u64)>);

/// What long work tells, and learns whether to go on.
pub(crate) struct Watch {
    stopped: AtomicBool,
    told: Mutex<Option<Sender<Told>>>,
    total: Mutex<u64>,
}

impl Watch {
    fn tell(&self, phase: &str, at: Option<(u64, u64)>) -> bool {
        if let Some(told) = &*self.told.lock().unwrap_or_else(PoisonError::into_inner) {
            // Nobody listens any more once the caller gave up.
            let _ = told.send((phase.to_owned(), at));
        }
        !self.stopped.load(Ordering::Relaxed)
    }

    /// Begins a phase; whether to go on.
    pub(crate) fn phase(&self, phase: &str) -> bool {
        self.tell(phase, None)
    }

    /// Says how far a phase is; whether to go on.
    pub(crate) fn at(&self, phase: &str, done: u64, total: u64) -> bool {
        self.tell(phase, Some((done, total)))
    }

    /// Begins a phase, for work that fails where it is to stop.
    pub(crate) fn step(&self, phase: &str) -> Result<(), Error> {
        if self.phase(phase) { Ok(()) } else { Err(Error::Interrupted) }
    }

    /// Begins a phase of a rerun; whether to go on.
    pub(crate) fn rerun(&self, step: RerunStep) -> bool {
        self.tell(step.phase, Some((u64::from(step.done), u64::from(step.of))))
    }
}

impl IngestObserver for Watch {
    fn started(&self, total_bytes: u64) {
        *self.total.lock().unwrap_or_else(PoisonError::into_inner) = total_bytes;
    }

    fn phase(&self, name: &'static str) {
        self.tell(name, None);
    }

    fn progressed(&self, bytes: u64, _rows: u64) {
        let total = *self.total.lock().unwrap_or_else(PoisonError::into_inner);
        self.tell("reading", Some((bytes, total)));
    }

    fn cancelled(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// Long work without the GIL; `progress` is called as `progress(phase, done, total)`, the numbers `None` where nobody knows.
/// `threads` of its own work on it, or those that everything shares.
pub(crate) fn watched<T: Send>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    threads: Option<usize>,
    work: impl FnOnce(&Watch) -> Result<T, Error> + Send,
) -> PyResult<T> {
    let progress = progress.map(|progress| progress.clone().unbind());
    let (sender, receiver) = channel();
    let watch = Watch { stopped: AtomicBool::new(false), told: Mutex::new(Some(sender)), total: Mutex::default() };
    let (watching, listening) = (&watch, &progress);
    let (done, failed) = py.detach(move || {
        std::thread::scope(move |scope| {
            let worker = scope.spawn(move || {
                let done = on_threads(threads, || work(watching));
                // The channel ends, which wakes the waiting thread.
                *watching.told.lock().unwrap_or_else(PoisonError::into_inner) = None;
                done
            });
            let mut failed: Option<PyErr> = None;
            loop {
                let told = receiver.recv_timeout(LOOK);
                if worker.is_finished() || matches!(told, Err(RecvTimeoutError::Disconnected)) {
                    break;
                }
                if failed.is_none() {
                    let heard = Python::attach(|py| {
                        py.check_signals()?;
                        if let (Ok((phase, at)), Some(progress)) = (told, listening) {
                            progress.call1(py, (phase, at.map(|at| at.0), at.map(|at| at.1)))?;
                        }
                        PyResult::Ok(())
                    });
                    failed = heard.err();
                    watching.stopped.fetch_or(failed.is_some(), Ordering::Relaxed);
                }
            }
            (worker.join(), failed)
        })
    });
    let done = done.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    match failed {
        Some(failed) => Err(failed),
        None => done.map_err(|error| raised(py, &error)),
    }
}

fn on_threads<T: Send>(threads: Option<usize>, work: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
    match threads {
        None => work(),
        Some(threads @ 1..=1024) => {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.map_err(|error| usage(format!("no {threads} threads: {error}")))?.install(work)
        }
        Some(threads) => Err(usage(format!("threads={threads}: 1 to 1024 were expected"))),
    }
}
