//! One file a group of commands; each parses nothing and decides nothing.

mod about;
mod ask;
mod bans;
mod case;
mod cohesion;
mod demo;
mod evaluated;
mod export;
mod find;
mod groups;
mod history;
mod holds;
mod join;
mod judge;
mod link;
mod privacy;
mod read;
mod several;
mod was_read;

use crate::Found;
use crate::args::{ActCommand, CaseCommand, Command, Shared};
use crate::output::{Format, Output};

/// Whether a command prints a document.
fn prints_markdown(command: &Command) -> bool {
    matches!(command, Command::Network(_) | Command::Assess(_) | Command::Appeal(_))
}

/// Runs a command.
pub(crate) fn run(command: Command, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
    let format = output.format();
    if format == Format::Markdown {
        if !prints_markdown(&command) {
            anyhow::bail!("--format markdown is for `hydralink network`, `assess` and `appeal`; use table, json, jsonl or csv");
        }
    } else if !format.prints_records() && !matches!(command, Command::Export(_)) {
        anyhow::bail!(
            "--format graphml, gexf, parquet, stix and misp are for `hydralink export`; use table, json, jsonl or csv"
        );
    }
    if let Some(name) = prints_one_thing(&command).filter(|_| format == Format::Csv) {
        let others = if prints_markdown(&command) { "json, jsonl or markdown" } else { "json or jsonl" };
        anyhow::bail!("--format csv is for rows, and `hydralink {name}` prints one thing: use table, {others}");
    }
    match command {
        Command::Demo(arguments) => demo::demo(&arguments, shared, output),
        Command::Synth(arguments) => read::synth(&arguments, shared, output),
        Command::Profile(arguments) => read::profile(&arguments, shared, output),
        Command::Build(arguments) => read::build(&arguments, shared, output),
        Command::Update(arguments) => read::update(&arguments, shared, output),
        Command::AsOf(arguments) => read::as_of(&arguments, shared, output),
        Command::Detect(arguments) => find::detect(&arguments, shared, output),
        Command::Networks(arguments) => find::networks(&arguments, output),
        Command::Network(arguments) => find::network(&arguments, output),
        Command::Assess(arguments) => find::assess(&arguments, output),
        Command::Members(arguments) => find::members(&arguments, output),
        Command::Components(arguments) => groups::components(&arguments, output),
        Command::Communities(arguments) => groups::communities(&arguments, shared, output),
        Command::Hubs(arguments) => ask::hubs(&arguments, output),
        Command::Show(arguments) => ask::show(&arguments, output),
        Command::Neighbors(arguments) => ask::neighbors(&arguments, output),
        Command::Path(arguments) => join::path(&arguments, output),
        Command::Ego(arguments) => join::ego(&arguments, output),
        Command::Top(arguments) => ask::top(&arguments, output),
        Command::Common(arguments) => join::common(&arguments, output),
        Command::Appeal(arguments) => holds::appeal(&arguments, output),
        Command::WhyNot(arguments) => join::why_not(&arguments, output),
        Command::How(arguments) => holds::how(&arguments, output),
        Command::Link(arguments) => link::link(&arguments, output),
        Command::Cohesion(arguments) => cohesion::cohesion(&arguments, output),
        Command::Dense(arguments) => cohesion::dense(&arguments, output),
        Command::Lockstep(arguments) => cohesion::lockstep(&arguments, output),
        Command::Overlap(arguments) => join::overlap(&arguments, output),
        Command::Expand(arguments) => join::expand(&arguments, output),
        Command::PlanBans(arguments) => bans::plan_bans(&arguments, output),
        Command::Impact(arguments) => bans::impact(&arguments, output),
        Command::Why(arguments) => join::why(&arguments, output),
        Command::Export(arguments) => export::export(&arguments, shared, output),
        Command::Report(arguments) => export::report(&arguments, shared, output),
        Command::Diff(arguments) => history::diff(&arguments, output),
        Command::Lineage(arguments) => history::lineage(&arguments, output),
        Command::Info(arguments) => about::info(&arguments, output),
        Command::Verify(arguments) => about::verify(&arguments, shared, output),
        Command::Completions(arguments) => about::completions(&arguments),
        Command::Man(arguments) => about::man(&arguments, output),
        Command::Act(ActCommand::Case(command)) => case::case(&command, output),
        Command::Act(ActCommand::Share(arguments)) => privacy::share(&arguments, output),
        Command::Act(ActCommand::Match(arguments)) => privacy::find_matches(&arguments, output),
        Command::Act(ActCommand::Forget(arguments)) => privacy::forget(&arguments, shared, output),
        Command::Act(ActCommand::Expire(arguments)) => privacy::expire(&arguments, shared, output),
        Command::Act(ActCommand::Rekey(arguments)) => privacy::rekey(&arguments, shared, output),
        Command::Evaluate(arguments) => judge::evaluate(&arguments, shared, output),
        Command::Judge(arguments) => judge::run(arguments, shared, output),
    }
}

/// The name of a command that prints one thing and no rows.
fn prints_one_thing(command: &Command) -> Option<&'static str> {
    Some(match command {
        Command::Synth(_) => "synth",
        Command::Profile(_) => "profile",
        Command::Build(_) => "build",
        Command::Update(_) => "update",
        Command::AsOf(_) => "as-of",
        Command::Network(_) => "network",
        Command::Assess(_) => "assess",
        Command::Show(_) => "show",
        Command::Why(_) => "why",
        Command::WhyNot(_) => "why-not",
        Command::Appeal(_) => "appeal",
        Command::How(_) => "how",
        Command::Cohesion(_) => "cohesion",
        Command::Impact(_) => "impact",
        Command::Evaluate(arguments) if !arguments.more.baselines && !arguments.more.fairness => "evaluate",
        Command::Lineage(arguments) if arguments.id.is_some() => "lineage ID",
        Command::Report(_) => "report",
        Command::Info(_) => "info",
        Command::Verify(_) => "verify",
        Command::Act(ActCommand::Case(CaseCommand::List(_) | CaseCommand::Log(_))) => return None,
        Command::Act(ActCommand::Case(CaseCommand::Verify(_))) => "case verify",
        Command::Act(ActCommand::Case(_)) => "case",
        Command::Act(ActCommand::Share(_)) => "share",
        Command::Act(ActCommand::Forget(_)) => "forget",
        Command::Act(ActCommand::Expire(_)) => "expire",
        Command::Act(ActCommand::Rekey(_)) => "rekey",
        _ => return None,
    })
}
