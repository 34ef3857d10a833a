//! The store and the tool themselves: verify, completions, man.

use std::io;

use anyhow::Context;
use clap::CommandFactory;
use hydralink::{Dataset, dossier};

use super::case;
use crate::Found;
use crate::args::{Arguments, Completions, Man, Shared, Verify};
use crate::output::{Output, grouped};
use crate::progress::Progress;

/// Checks every byte of a store, or every number of a dossier.
pub(crate) fn verify(arguments: &Verify, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = Dataset::open(&arguments.store)?;
    if let Some(path) = &arguments.dossier {
        let _progress = Progress::new(shared, "recomputing", None, false);
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let verified = dossier::verify(&dataset, &text).with_context(|| path.display().to_string())?;
        return Ok(output.one(&verified, |verified| {
            let (values, network) = (grouped(verified.values), &verified.network);
            format!("{network}: {values} values computed again from the store, all as in the dossier\n")
        })?);
    }
    let verified = dataset.store().verify()?;
    dataset.graph().validate()?;
    let chain = hydralink::cases::verify(&arguments.store, None)?;
    let found = output.one(&verified, |verified| {
        format!("{} sections, {} bytes: all as written\n", verified.sections, grouped(verified.bytes))
    })?;
    if chain.records > 0 || chain.torn_bytes > 0 {
        output.say(case::check_text(&chain).trim_end())?;
    }
    Ok(found)
}

/// Prints completions for a shell.
pub(crate) fn completions(arguments: &Completions) -> anyhow::Result<Found> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "hydralink", &mut script);
    io::Write::write_all(&mut io::stdout().lock(), &script)?;
    Ok(Found::Something)
}

/// Writes a manual page for the tool and each of its commands.
pub(crate) fn man(arguments: &Man, output: &mut Output) -> anyhow::Result<Found> {
    let directory = &arguments.directory;
    std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    clap_mangen::generate_to(Arguments::command(), directory)
        .with_context(|| format!("cannot write into {}", directory.display()))?;
    output.say(&format!("{}: read them with `man -l {}/hydralink.1`", directory.display(), directory.display()))?;
    Ok(Found::Something)
}
