//! Work without the GIL: threads, progress, and Ctrl-C.
//!
//! Long work runs on a thread of its own while the caller's thread waits without the GIL, wakes up twenty times a second to ask
//! Python whether Ctrl-C was pressed, and calls `progress`. A signal or an exception in `progress` stops the work where it next
//! says what it does: what it was about to write is then not written.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hydralink::{Amount, Error, Observer, Progress};
use pyo3::prelude::*;

use crate::errors::{raised, usage};

/// How often Python is asked for signals.
const LOOK: Duration = Duration::from_millis(50);

/// Short work on these stores without the GIL. Where one is damaged, an error names the section: a panic is Python's
/// `PanicException`, which nobody catches.
pub(crate) fn asked<T: Send>(
    py: Python<'_>,
    stores: &[impl AsRef<Path> + Sync],
    work: impl FnOnce() -> Result<T, Error> + Send,
) -> PyResult<T> {
    released(py, || hydralink::store::ask(stores, work)?)
}

/// The same of work that reads no store, or tells damage by itself.
pub(crate) fn released<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T, Error> + Send) -> PyResult<T> {
    let work = || check_threads_are_here().and_then(|()| work());
    let done = py.detach(work).map_err(|error| raised(py, &error))?;
    py.check_signals()?;
    Ok(done)
}

/// The process that first did any work: the threads that everything shares are its own, and a child that `fork()` made waits for
/// them for ever. Whether work needs them depends on the store, so that none is done.
static FIRST: AtomicU32 = AtomicU32::new(0);

fn check_threads_are_here() -> Result<(), Error> {
    let here = std::process::id();
    match FIRST.compare_exchange(0, here, Ordering::Relaxed, Ordering::Relaxed) {
        Err(first) if first != here => Err(usage(
            "this process was forked from one that works with hydralink, and has none of its threads: start workers by `spawn`, as in \
             multiprocessing.get_context(\"spawn\")",
        )),
        _ => Ok(()),
    }
}

/// What is being done: a phase, and how far it is where that is known.
type Told = (String, Option<Amount>);

/// Tells Python what long work tells, and the work whether to go on.
pub(crate) struct Watch {
    stopped: AtomicBool,
    told: Mutex<Option<Sender<Told>>>,
}

impl Watch {
    /// Tells where the work is.
    pub(crate) fn tell(&self, progress: Progress<'_>) {
        if let Some(told) = &*self.told.lock().unwrap_or_else(PoisonError::into_inner) {
            // Nobody listens any more once the caller gave up.
            let _ = told.send((progress.phase.to_owned(), progress.amount));
        }
    }
}

impl Observer for Watch {
    fn begins(&self, progress: Progress<'_>) {
        self.tell(progress);
    }

    fn moves_on(&self, progress: Progress<'_>) {
        self.tell(progress);
    }

    fn cancelled(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// Long work on these stores without the GIL; `progress` is called as `progress(phase, done, total)`, the numbers `None` where
/// nobody knows: the total of record batches, which are told in rows, and of pipes isn't known. `threads` of its own work on it, or those that everything shares. Damage is told as by [`asked`].
pub(crate) fn watched<T: Send>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    threads: Option<usize>,
    stores: &[&Path],
    work: impl FnOnce(&Watch) -> Result<T, Error> + Send,
) -> PyResult<T> {
    check_threads_are_here().map_err(|error| raised(py, &error))?;
    let progress = progress.map(|progress| progress.clone().unbind());
    let (sender, receiver) = channel();
    let watch = Watch { stopped: AtomicBool::new(false), told: Mutex::new(Some(sender)) };
    let (watching, listening) = (&watch, &progress);
    let (done, failed) = py.detach(move || {
        std::thread::scope(move |scope| {
            let worker = scope.spawn(move || {
                let done = hydralink::store::ask(stores, || on_threads(threads, || work(watching))).and_then(|done| done);
                // The channel ends, which wakes the waiting thread.
                *watching.told.lock().unwrap_or_else(PoisonError::into_inner) = None;
                done
            });
            let mut failed: Option<PyErr> = None;
            loop {
                let told = receiver.recv_timeout(LOOK);
                // What was told until the end is heard; who panics doesn't end the channel.
                let ended = match told {
                    Ok(_) => false,
                    Err(RecvTimeoutError::Disconnected) => true,
                    Err(RecvTimeoutError::Timeout) => worker.is_finished(),
                };
                if ended {
                    break;
                }
                if failed.is_none() {
                    let heard = Python::attach(|py| {
                        py.check_signals()?;
                        if let (Ok((phase, amount)), Some(progress)) = (told, listening) {
                            let all = amount.map(|at| at.of).filter(|&of| of > 0);
                            progress.call1(py, (phase, amount.map(|at| at.done), all))?;
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
