//! Progress on stderr for work over a second, and a flag that Ctrl-C or SIGTERM sets.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use hydralink::{Amount, Observer};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::args::Shared;

/// Whether a signal asked this process to stop, and which.
struct Stop {
    asked: Arc<AtomicBool>,
    by: Arc<AtomicUsize>,
}

static STOP: LazyLock<Stop> =
    LazyLock::new(|| Stop { asked: Arc::new(AtomicBool::new(false)), by: Arc::new(AtomicUsize::new(0)) });

/// Makes Ctrl-C and SIGTERM raise a flag: work stops at the next safe place and leaves nothing half done. A second signal ends the
/// process at once.
pub(crate) fn stop_on_signals() -> anyhow::Result<()> {
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(signal, ended_by(signal as usize).into(), Arc::clone(&STOP.asked))?;
        flag::register_usize(signal, Arc::clone(&STOP.by), signal as usize)?;
        flag::register(signal, Arc::clone(&STOP.asked))?;
    }
    Ok(())
}

/// The exit code of a process that a signal stopped, as shells have it; of Ctrl-C where none did.
pub(crate) fn stopped_by() -> u8 {
    match STOP.by.load(Ordering::Relaxed) {
        0 => ended_by(SIGINT as usize),
        signal => ended_by(signal),
    }
}

fn ended_by(signal: usize) -> u8 {
    128 + signal as u8
}

/// A line of progress; silent for the first second, when not on a terminal, and when asked to be.
pub(crate) struct Progress {
    bar: ProgressBar,
    /// What is said before the name of a phase.
    before: &'static str,
    /// The phases and when they began, with `--timings`.
    phases: Option<Mutex<Vec<(String, Instant)>>>,
}

impl Progress {
    /// Starts a phase. `total` is in the unit of [`Progress::advance`], bytes where `bytes` is set; `None` shows a spinner.
    pub(crate) fn new(shared: &Shared, phase: &str, total: Option<u64>, bytes: bool) -> Self {
        let wanted = !shared.quiet && !shared.no_progress && std::io::stderr().is_terminal();
        let bar = match total {
            Some(total) => ProgressBar::new(total),
            None => ProgressBar::new_spinner(),
        };
        bar.set_draw_target(if wanted { ProgressDrawTarget::stderr_with_hz(8) } else { ProgressDrawTarget::hidden() });
        let template = match (total, bytes) {
            (Some(_), true) => "{msg:<18} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} eta {eta}",
            (Some(_), false) => "{msg:<18} {bar:30} {pos}/{len} eta {eta}",
            (None, _) => "{msg:<18} {spinner} {elapsed}",
        };
        bar.set_style(ProgressStyle::with_template(template).expect("a fixed template").progress_chars("=> "));
        bar.set_message(phase.to_owned());
        if wanted && total.is_none() {
            bar.enable_steady_tick(Duration::from_millis(125));
        }
        let phases = shared.timings.then(|| Mutex::new(vec![(phase.to_owned(), Instant::now())]));
        Progress { bar, before: "", phases }
    }

    /// Puts words before the name of every phase.
    pub(crate) fn saying(mut self, before: &'static str) -> Self {
        self.before = before;
        self
    }

    /// Starts the next phase on the same line.
    fn phase(&self, phase: &str) {
        let phase = format!("{}{phase}", self.before);
        self.bar.set_message(phase.clone());
        if let Some(phases) = &self.phases {
            phases.lock().expect("nobody panics while holding it").push((phase, Instant::now()));
        }
    }

    /// Moves on.
    pub(crate) fn advance(&self, by: u64) {
        self.bar.inc(by);
    }
}

impl Observer for Progress {
    fn begins(&self, progress: hydralink::Progress<'_>) {
        self.moves_on(progress);
        self.phase(progress.phase);
    }

    fn moves_on(&self, progress: hydralink::Progress<'_>) {
        if let Some(Amount { done, of }) = progress.amount {
            self.bar.set_length(of);
            self.bar.set_position(done);
        }
    }

    fn cancelled(&self) -> bool {
        STOP.asked.load(Ordering::Relaxed)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        let Some(phases) = &self.phases else { return };
        let (Ok(phases), end) = (phases.lock(), Instant::now()) else { return };
        let ends = phases.iter().skip(1).map(|&(_, began)| began).chain([end]);
        for ((phase, began), end) in phases.iter().zip(ends) {
            let _ = writeln!(io::stderr(), "{:9.3} s  {phase}", (end - *began).as_secs_f64());
        }
    }
}
