//! Decisions: confirm, reject, note, state, list, log, verify.

use hydralink::Dataset;
use hydralink::cases::{self, Action, CaseNow, Cases, ChainCheck, Decision, LogEntry, State};
use serde::Serialize;

use crate::Found;
use crate::args::{CaseCommand, CaseList, CaseLog, CaseVerify, Decide, FourEyes, Move, StateName};
use crate::output::{Field, Output, counted};

/// Runs a command about decisions.
pub(crate) fn case(command: &CaseCommand, output: &mut Output) -> anyhow::Result<Found> {
    match command {
        CaseCommand::Confirm(arguments) => decide(Action::Confirm, arguments, output),
        CaseCommand::Reject(arguments) => decide(Action::Reject, arguments, output),
        CaseCommand::Note(arguments) => decide(Action::Note, arguments, output),
        CaseCommand::State(arguments) => state(arguments, output),
        CaseCommand::FourEyes(arguments) => four_eyes(arguments, output),
        CaseCommand::List(arguments) => list(arguments, output),
        CaseCommand::Log(arguments) => log(arguments, output),
        CaseCommand::Verify(arguments) => verify(arguments, output),
    }
}

fn decide(action: Action, arguments: &Decide, output: &mut Output) -> anyhow::Result<Found> {
    let decision = Decision {
        action,
        state: None,
        target: &arguments.target,
        reviewer: &arguments.reviewer,
        reason: arguments.reason.as_deref(),
        text: arguments.text.as_deref(),
    };
    print_decided(&cases::decide(&arguments.key.open(&arguments.store)?, &decision)?, output)
}

fn state(arguments: &Move, output: &mut Output) -> anyhow::Result<Found> {
    let state = match arguments.state {
        StateName::New => State::New,
        StateName::Triage => State::Triage,
        StateName::Monitoring => State::Monitoring,
        StateName::Closed => State::Closed,
    };
    let decision = Decision {
        action: Action::State,
        state: Some(state),
        target: &arguments.target,
        reviewer: &arguments.reviewer,
        reason: arguments.reason.as_deref(),
        text: arguments.text.as_deref(),
    };
    print_decided(&cases::decide(&arguments.key.open(&arguments.store)?, &decision)?, output)
}

/// Prints the case that the last decision was about.
fn print_decided(cases: &Cases, output: &mut Output) -> anyhow::Result<Found> {
    let Some(last) = cases.entries().last() else { return Ok(Found::Nothing) };
    let Some(case) = cases.case_of(&last.target) else { return Ok(Found::Nothing) };
    let found = output.one(case, |case| {
        let what = match last.action {
            Action::Note => "note added".to_owned(),
            _ => counted(case.accounts, "account"),
        };
        let mut text = format!("{}: {}, {what}\n", case.case, case.state.name());
        if case.awaiting > 0 {
            let waits = if case.awaiting == 1 { "waits" } else { "wait" };
            let accounts = counted(case.awaiting, "account");
            text.push_str(&format!("{accounts} {waits} for a second reviewer's `case confirm`\n"));
        }
        text
    })?;
    // A remark changes nothing, closing a case keeps its verdict, and what waits for somebody isn't decided.
    if last.action != Action::Note && last.state != Some(State::Closed) && case.awaiting == 0 {
        output.say("`hydralink detect` uses it from now on")?;
    }
    Ok(found)
}

/// How many accounts of a case one reviewer may confirm.
#[derive(Serialize)]
struct Holds {
    four_eyes: u64,
    /// What was asked for, which counts once a second reviewer asks for it where it is more.
    asked: u64,
}

fn four_eyes(arguments: &FourEyes, output: &mut Output) -> anyhow::Result<Found> {
    let cases = cases::set_four_eyes(&Dataset::open(&arguments.store)?, arguments.accounts, &arguments.reviewer)?;
    if cases.four_eyes() < arguments.accounts {
        output.say("raising the number takes effect when a second reviewer sets the same")?;
    }
    let holds = Holds { four_eyes: cases.four_eyes(), asked: arguments.accounts };
    Ok(output.one(&holds, |holds| {
        let accounts = counted(holds.four_eyes, "account");
        format!("one reviewer may confirm up to {accounts} of a case; more take two\n")
    })?)
}

fn list(arguments: &CaseList, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open(&arguments.store)?;
    let cases = dataset.cases()?;
    warn_torn(&cases, output)?;
    Ok(output.records(&cases::cases_now(&dataset, &cases)?, CASE)?)
}

fn log(arguments: &CaseLog, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open(&arguments.store)?;
    let cases = dataset.cases()?;
    warn_torn(&cases, output)?;
    let entries = cases::shown_log(&dataset, &cases, arguments.target.as_deref());
    Ok(output.records(&entries, ENTRY)?)
}

fn verify(arguments: &CaseVerify, output: &mut Output) -> anyhow::Result<Found> {
    let check = cases::verify(&arguments.store, arguments.head.as_deref())?;
    Ok(output.one(&check, check_text)?)
}

/// What a check of the log found, in a few lines.
pub(crate) fn check_text(check: &ChainCheck) -> String {
    let mut text = format!("{}: the chain holds; head {}\n", counted(check.records, "decision"), check.head);
    if check.torn_bytes > 0 {
        text.push_str(&format!(
            "an unfinished last line of {} (a crash while it was written) is no decision; the next one sets it aside\n",
            counted(check.torn_bytes, "byte")
        ));
    }
    if check.erased_names > 0 {
        let were = if check.erased_names == 1 { "was" } else { "were" };
        text.push_str(&format!("{} in it {were} erased\n", counted(check.erased_names, "name")));
    }
    text
}

fn warn_torn(cases: &Cases, output: &mut Output) -> std::io::Result<()> {
    match cases.torn_bytes() {
        0 => Ok(()),
        bytes => {
            output.say(&format!("the log ends in an unfinished line of {bytes} bytes, which is no decision; see `case verify`"))
        }
    }
}

const CASE: &[Field<CaseNow>] = &[
    Field::name("case", |now| now.case.case.clone()),
    Field::spare(2, Field::name("network", |now| now.network.clone().unwrap_or_default())),
    Field::text("state", |now| now.case.state.name().to_owned()),
    // A case with remarks only has none that anything was decided about.
    Field::number("accounts", |now| if now.case.accounts == 0 { String::new() } else { now.case.accounts.to_string() }),
    Field::spare(1, Field::number("awaiting", |now| now.case.awaiting.to_string())),
    Field::text("reviewer", |now| now.case.reviewer.clone()),
    Field::text("reason", |now| now.case.reason.clone().unwrap_or_default()),
    Field::csv("opened"),
    Field::spare(2, Field::text("updated", |now| now.case.updated.clone())),
    Field::spare(3, Field::number("records", |now| now.case.records.to_string())),
];

const ENTRY: &[Field<LogEntry>] = &[
    Field::number("seq", |entry| entry.seq.to_string()),
    Field::spare(1, Field::text("at", |entry| entry.at.clone())),
    Field::text("reviewer", |entry| entry.reviewer.clone()),
    Field::text("action", |entry| match (entry.state, entry.four_eyes) {
        (Some(state), _) => state.name().to_owned(),
        (_, Some(accounts)) => format!("four eyes over {accounts}"),
        _ => entry.action.name().to_owned(),
    }),
    Field::name("target", |entry| entry.target.clone()),
    Field::spare(3, Field::number("accounts", |entry| entry.accounts.to_string())),
    Field::spare(2, Field::text("reason", |entry| entry.reason.clone().unwrap_or_default())),
    Field::text("text", |entry| entry.text.clone().unwrap_or_default()),
    Field::csv("state"),
    Field::csv("four_eyes"),
    Field::csv("identifiers"),
    Field::csv("hash"),
];
