//! `hydralink`: links accounts that share infrastructure and finds the proxy networks among them.
//!
//! The command line parses, calls the facade crate and prints; it holds no logic of its own.
//! stdout is data, stderr is talk. What exit codes mean is in `ending`.

mod args;
mod cells;
mod commands;
mod ending;
mod fold;
mod input;
mod output;
mod progress;
mod table;
mod visible;

use std::io::{self, Write};
use std::panic;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use args::Arguments;
use output::{Format, Output};

/// How a command ended, when it ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// There was something to print.
    Something,
    /// The question was answered: there is nothing.
    Nothing,
}

fn main() -> ExitCode {
    hydralink::messages_are_for(hydralink::Caller::CommandLine);
    let arguments = args::parse();
    let as_json = arguments.shared.format.is_some_and(|format| matches!(format, Format::Json | Format::Jsonl));
    // Told once it is known that no damaged store is the reason.
    panic::set_hook(Box::new(|panic| *PANIC.lock().unwrap_or_else(PoisonError::into_inner) = panic.to_string()));
    let ended = panic::catch_unwind(|| run(arguments)).unwrap_or_else(|_| {
        let _ = writeln!(io::stderr(), "{}", PANIC.lock().unwrap_or_else(PoisonError::into_inner));
        std::process::exit(101)
    });
    match ended {
        Ok(Found::Something) => ExitCode::SUCCESS,
        Ok(Found::Nothing) => ExitCode::from(1),
        Err(error) if ending::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            ending::report(&error, as_json);
            ExitCode::from(ending::exit_code(&error))
        }
    }
}

/// What the last panic said.
static PANIC: Mutex<String> = Mutex::new(String::new());

/// The story: threads, output, command, flush.
fn run(arguments: Arguments) -> anyhow::Result<Found> {
    let Arguments { shared, command } = arguments;
    // As many as --threads takes: what the environment says is no more.
    let most = std::env::var("RAYON_NUM_THREADS").ok().and_then(|threads| threads.parse::<usize>().ok());
    let threads = shared.threads.unwrap_or(most.map_or(0, |threads| threads.min(args::MOST_THREADS)));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    progress::stop_on_signals()?;
    let mut output = Output::new(&shared);
    let stores: Vec<PathBuf> = std::env::args_os().map(PathBuf::from).filter(|path| hydralink::store::is_store(path)).collect();
    let found = hydralink::store::ask(&stores, || pool.install(|| commands::run(command, &shared, &mut output)))??;
    if found == Found::Nothing {
        output.say_nothing_found()?;
    }
    output.flush()?;
    Ok(found)
}
