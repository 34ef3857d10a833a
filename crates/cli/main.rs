//! `hydralink`: links accounts that share infrastructure and finds the proxy networks among them.
//!
//! The command line parses, calls the facade crate and prints; it holds no logic of its own.
//! stdout is data, stderr is talk. Exit codes: 0 found, 1 nothing found, 2 usage or input error, 3 unknown id, 75 try again later.

mod args;
mod commands;
mod fold;
mod output;
mod progress;

use std::io::{self, Write};
use std::panic;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use args::Arguments;
use output::Output;

/// How a command ended, when it ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// There was something to print.
    Something,
    /// The question was answered: there is nothing.
    Nothing,
}

fn main() -> ExitCode {
    let arguments = args::parse();
    // Told once it is known that no damaged store is the reason.
    panic::set_hook(Box::new(|panic| *PANIC.lock().unwrap_or_else(PoisonError::into_inner) = panic.to_string()));
    let ended = panic::catch_unwind(|| run(arguments)).unwrap_or_else(|_| {
        let _ = writeln!(io::stderr(), "{}", PANIC.lock().unwrap_or_else(PoisonError::into_inner));
        std::process::exit(101)
    });
    match ended {
        Ok(Found::Something) => ExitCode::SUCCESS,
        Ok(Found::Nothing) => ExitCode::from(1),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::from(exit_code(&error))
        }
    }
}

/// What the last panic said.
static PANIC: Mutex<String> = Mutex::new(String::new());

/// The story: threads, output, command, flush.
fn run(arguments: Arguments) -> anyhow::Result<Found> {
    let Arguments { shared, command } = arguments;
    let threads = shared.threads.unwrap_or(0);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    progress::stop_on_interrupt()?;
    let mut output = Output::new(&shared);
    let stores: Vec<PathBuf> = std::env::args_os().map(PathBuf::from).filter(|path| hydralink::store::is_store(path)).collect();
    let found = hydralink::store::ask(&stores, || pool.install(|| commands::run(command, &shared, &mut output)))??;
    if found == Found::Nothing {
        output.say_nothing_found()?;
    }
    output.flush()?;
    Ok(found)
}

/// Prints an error and its causes, each once, with control characters of the data made visible.
fn report(error: &anyhow::Error) {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&cause);
        }
    }
    let _ = writeln!(io::stderr(), "hydralink: {}", output::visible(&text));
}

/// 3 for an unknown id, 75 for a store that another process is writing, 130 for an interruption, 2 for everything else.
fn exit_code(error: &anyhow::Error) -> u8 {
    match error.downcast_ref::<hydralink::Error>() {
        Some(hydralink::Error::Unknown { .. }) => 3,
        // EX_TEMPFAIL of sysexits.h: a scheduler may try again.
        Some(hydralink::Error::StoreBusy { .. }) => 75,
        Some(hydralink::Error::Interrupted) => 130,
        _ => 2,
    }
}

/// Whether the reader of our output went away, which is success.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|io| io.kind() == io::ErrorKind::BrokenPipe)
}
