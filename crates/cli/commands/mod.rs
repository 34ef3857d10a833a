//! One file a group of commands; each parses nothing and decides nothing.

mod ask;
mod demo;
mod export;
mod find;
mod read;

use crate::Found;
use crate::args::{Command, Shared};
use crate::output::Output;

/// Runs a command.
pub(crate) fn run(command: Command, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
    if !output.format().prints_records() && !matches!(command, Command::Export(_)) {
        anyhow::bail!(
            "--format graphml, gexf, parquet, stix and misp are for `hydralink export`; use table, json, jsonl or csv"
        );
    }
    match command {
        Command::Demo(arguments) => demo::demo(&arguments, shared, output),
        Command::Synth(arguments) => read::synth(&arguments, shared, output),
        Command::Profile(arguments) => read::profile(&arguments, shared, output),
        Command::Build(arguments) => read::build(&arguments, shared, output),
        Command::Detect(arguments) => find::detect(&arguments, shared, output),
        Command::Networks(arguments) => find::networks(&arguments, output),
        Command::Network(arguments) => find::network(&arguments, output),
        Command::Members(arguments) => find::members(&arguments, output),
        Command::Components(arguments) => find::components(&arguments, output),
        Command::Communities(arguments) => find::communities(&arguments, output),
        Command::Hubs(arguments) => ask::hubs(&arguments, output),
        Command::Show(arguments) => ask::show(&arguments, output),
        Command::Neighbors(arguments) => ask::neighbors(&arguments, output),
        Command::Path(arguments) => ask::path(&arguments, output),
        Command::PlanBans(arguments) => ask::plan_bans(&arguments, output),
        Command::Why(arguments) => ask::why(&arguments, output),
        Command::Export(arguments) => export::export(&arguments, shared, output),
        Command::Report(arguments) => export::report(&arguments, shared, output),
        Command::Evaluate(arguments) => find::evaluate(&arguments, output),
        Command::Verify(arguments) => ask::verify(&arguments, output),
    }
}
