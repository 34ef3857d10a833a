//! Progress on stderr for work over a second, and what Ctrl-C and SIGTERM do.
//!
//! Work that asks its observer whether to stop ([`Progress::new`]) is stopped by a flag, at the next safe place, and leaves what it was
//! to change as it was. All other work is ended at once, as by any program that doesn't mind signals, and what it had begun to
//! write beside its destination is removed.

use std::ffi::OsStr;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use hydralink::{Amount, Observer};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
#[cfg(unix)]
use signal_hook::consts::SIGXFSZ;
use signal_hook::consts::{SIGINT, SIGTERM};
#[cfg(unix)]
use signal_hook::iterator::Signals;

use crate::args::Shared;

/// Whether a signal asked this process to stop.
static STOP: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// The signal that asked first; 0 before one did.
static STOPPED_BY: AtomicI32 = AtomicI32::new(0);

/// Whether the work that is being done, or was done last, minds [`STOP`]. It stays so after that work: what it had changed by then
/// stays changed, and whoever reads the exit code must not be told otherwise.
static MINDED: AtomicBool = AtomicBool::new(false);

/// Where no thread can wait for signals, one raises the flag, and a second ends the process.
#[cfg(not(unix))]
pub(crate) fn stop_on_signals() -> anyhow::Result<()> {
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, ended_by(signal).into(), Arc::clone(&STOP))?;
        signal_hook::flag::register(signal, Arc::clone(&STOP))?;
    }
    Ok(())
}

/// Makes Ctrl-C and SIGTERM stop the work at the next safe place if it minds them, and else end the process, as a second
/// signal does in any case.
#[cfg(unix)]
pub(crate) fn stop_on_signals() -> anyhow::Result<()> {
    // A file that may not grow is an error of writing it (EFBIG), not the end of the process.
    signal_hook::flag::register(SIGXFSZ, Arc::default())?;
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let heard = move || {
        for signal in signals.forever() {
            let first = STOPPED_BY.compare_exchange(0, signal, Ordering::Relaxed, Ordering::Relaxed).is_ok();
            STOP.store(true, Ordering::Relaxed);
            if !(first && MINDED.load(Ordering::Relaxed)) {
                end(signal);
            }
        }
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(heard)?;
    Ok(())
}

/// Ends the process as a signal does, and leaves no part of a file.
fn end(signal: i32) -> ! {
    remove_parts();
    std::process::exit(ended_by(signal).into())
}

/// Removes what this process is writing beside its destination: hidden files that it has open to be written, and whose names say that
/// they are parts. (Where nobody lists what is open, a part stays, under a name of its own.)
fn remove_parts() {
    for open in std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten() {
        let part = std::fs::read_link(open.path()).ok().filter(|file| is_part(file));
        if let Some(part) = part.filter(|_| is_written(&open.file_name())) {
            let _ = std::fs::remove_file(part);
        }
    }
}

/// Whether a file is called as those that are written beside others.
fn is_part(file: &Path) -> bool {
    let is_hidden = file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    is_hidden && file.extension().is_some_and(|suffix| suffix == "part" || suffix == "partial")
}

/// Whether an open file may be written into: what is read is somebody's.
fn is_written(open: &OsStr) -> bool {
    let told = std::fs::read_to_string(Path::new("/proc/self/fdinfo").join(open)).unwrap_or_default();
    let flags = told.lines().find_map(|line| u32::from_str_radix(line.strip_prefix("flags:")?.trim(), 8).ok());
    // O_ACCMODE: 0 for those that are read alone.
    flags.is_some_and(|flags| flags & 3 != 0)
}

/// The exit code of a process that a signal stopped, as shells have it; of Ctrl-C where none did.
pub(crate) fn stopped_by() -> u8 {
    match STOPPED_BY.load(Ordering::Relaxed) {
        0 => ended_by(SIGINT),
        signal => ended_by(signal),
    }
}

fn ended_by(signal: i32) -> u8 {
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
    /// Starts work that asks whether to stop. `total` is bytes where `bytes` is set; `None` shows a spinner.
    pub(crate) fn new(shared: &Shared, phase: &str, total: Option<u64>, bytes: bool) -> Self {
        MINDED.store(true, Ordering::Relaxed);
        Progress::shown(shared, phase, total, bytes)
    }

    /// Starts work that asks nobody: a signal ends it. `total` is in the unit of [`Progress::advance`].
    pub(crate) fn unasked(shared: &Shared, phase: &str, total: Option<u64>) -> Self {
        MINDED.store(false, Ordering::Relaxed);
        let signal = STOPPED_BY.load(Ordering::Relaxed);
        if signal != 0 {
            end(signal);
        }
        Progress::shown(shared, phase, total, false)
    }

    fn shown(shared: &Shared, phase: &str, total: Option<u64>, bytes: bool) -> Self {
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
        STOP.load(Ordering::Relaxed)
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs::{File, OpenOptions};
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn only_what_is_written_beside_its_destination_is_a_part() {
        let folder = std::env::temp_dir().join(format!("hydralink-parts-{}", std::process::id()));
        std::fs::create_dir(&folder).expect("a folder");
        let file = folder.join(".events.csv.part");
        let written = File::create(&file).expect("a file");
        let (read, both) =
            (File::open(&file).expect("a file"), OpenOptions::new().read(true).write(true).open(&file).expect("a file"));
        let told = [&written, &read, &both].map(|open| is_written(OsStr::new(&open.as_raw_fd().to_string())));
        std::fs::remove_dir_all(&folder).expect("it is removed");
        assert_eq!(told, [true, false, true]);
        assert!(is_part(&file) && is_part(Path::new("w/.events.csv.partial")) && !is_part(Path::new("events.part")));
    }
}
