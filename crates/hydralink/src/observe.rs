//! How far is long work, and shall it go on?
//!
//! Whatever may take longer than a second takes one [`Observer`]: it is told each phase as it begins, where that is known how
//! much is done of how much, and is asked whether to stop. Work that is stopped ends as [`Error::Interrupted`] and leaves what
//! it was to change as it was: it is asked between phases, of which the longest take seconds on a large store. Who doesn't care passes [`Unobserved`].

use std::sync::atomic::{AtomicU64, Ordering};

use events::IngestObserver;

use crate::error::Error;

/// Where work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// What is being done now, in a word or two for people: they may be other words in another version.
    pub phase: &'a str,
    /// How much of the whole is done; `None` where nobody knows.
    pub amount: Option<Amount>,
}

/// How much is done of how much: bytes of input (of tables that come as record batches, rows), reruns, worlds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    /// What is done.
    pub done: u64,
    /// All there is; 0 of input that doesn't say how long it is.
    pub of: u64,
}

/// Whoever watches long work. Called from any thread of it.
pub trait Observer: Sync {
    /// A phase begins.
    fn begins(&self, _progress: Progress<'_>) {}

    /// The phase that began last is further than before.
    fn moves_on(&self, _progress: Progress<'_>) {}

    /// Whether to stop.
    fn cancelled(&self) -> bool {
        false
    }
}

/// An observer that looks away.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {}

/// The steps of observed work: all of it, or one of its reruns.
#[derive(Clone, Copy)]
pub(crate) struct Steps<'a> {
    observer: &'a dyn Observer,
    amount: Option<Amount>,
}

impl<'a> Steps<'a> {
    /// The steps of work that can't say how much there is of it.
    pub(crate) fn of(observer: &'a dyn Observer) -> Self {
        Steps { observer, amount: None }
    }

    /// The steps of what comes after `done` of `of` equal parts.
    pub(crate) fn after(observer: &'a dyn Observer, done: u64, of: u64) -> Self {
        Steps { observer, amount: Some(Amount { done, of }) }
    }

    /// Begins a phase; [`Error::Interrupted`] where the observer says to stop.
    pub(crate) fn begin(self, phase: &str) -> Result<(), Error> {
        self.observer.begins(Progress { phase, amount: self.amount });
        if self.observer.cancelled() { Err(Error::Interrupted) } else { Ok(()) }
    }
}

/// What tells an observer how much of the input is read.
pub(crate) struct Ingesting<'a> {
    observer: &'a dyn Observer,
    total_bytes: AtomicU64,
}

impl<'a> Ingesting<'a> {
    pub(crate) fn new(observer: &'a dyn Observer) -> Self {
        Ingesting { observer, total_bytes: AtomicU64::new(0) }
    }
}

impl IngestObserver for Ingesting<'_> {
    fn started(&self, total_bytes: u64) {
        self.total_bytes.store(total_bytes, Ordering::Relaxed);
    }

    fn phase(&self, phase: &'static str) {
        self.observer.begins(Progress { phase, amount: None });
    }

    fn progressed(&self, bytes: u64, rows: u64) {
        // Record batches have no bytes.
        let amount = match (bytes, self.total_bytes.load(Ordering::Relaxed)) {
            (0, 0) => Amount { done: rows, of: 0 },
            (done, of) => Amount { done, of },
        };
        self.observer.moves_on(Progress { phase: "reading", amount: Some(amount) });
    }

    fn cancelled(&self) -> bool {
        self.observer.cancelled()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Writes down what it is told, and stops the work at one phase.
    #[derive(Default)]
    struct Notes {
        lines: Mutex<Vec<String>>,
        stop_at: &'static str,
    }

    impl Notes {
        fn note(&self, what: &str, Progress { phase, amount }: Progress<'_>) {
            let amount = amount.map_or(String::new(), |Amount { done, of }| format!(" {done}/{of}"));
            self.lines.lock().unwrap().push(format!("{what} {phase}{amount}"));
        }
    }

    impl Observer for Notes {
        fn begins(&self, progress: Progress<'_>) {
            self.note("begins", progress);
        }

        fn moves_on(&self, progress: Progress<'_>) {
            self.note("moves on", progress);
        }

        fn cancelled(&self) -> bool {
            self.lines.lock().unwrap().last().is_some_and(|line| line.contains(self.stop_at))
        }
    }

    #[test]
    fn phases_are_told_and_stop_the_work() {
        let notes = Notes { stop_at: "writing", ..Notes::default() };
        let steps = Steps::after(&notes, 2, 5);
        assert!(steps.begin("copying").is_ok());
        assert!(matches!(steps.begin("writing"), Err(Error::Interrupted)));
        assert_eq!(*notes.lines.lock().unwrap(), ["begins copying 2/5", "begins writing 2/5"]);
    }

    #[test]
    fn input_is_told_in_bytes_of_all_bytes() {
        let notes = Notes { stop_at: "assembling", ..Notes::default() };
        let ingesting = Ingesting::new(&notes);
        ingesting.started(9);
        ingesting.progressed(4, 1);
        assert!(!ingesting.cancelled());
        ingesting.phase("assembling");
        assert!(ingesting.cancelled());
        assert_eq!(*notes.lines.lock().unwrap(), ["moves on reading 4/9", "begins assembling"]);
    }

    #[test]
    fn input_without_bytes_is_told_in_rows() {
        let notes = Notes { stop_at: "nowhere", ..Notes::default() };
        let ingesting = Ingesting::new(&notes);
        ingesting.started(0);
        ingesting.progressed(0, 3);
        assert_eq!(*notes.lines.lock().unwrap(), ["moves on reading 3/0"]);
    }
}
