//! The store and the tool themselves: info, verify, completions, man.

use std::io;

use anyhow::Context;
use clap::CommandFactory;
use hydralink::calibrate::CalibrationState;
use hydralink::info::{Found as FoundNetworks, Settings};
use hydralink::{Dataset, Info, dossier};
use indicatif::HumanBytes;

use super::case;
use crate::Found;
use crate::args::{self, Arguments, Completions, Man, Shared, Verify};
use crate::input;
use crate::output::{Output, counted, grouped};
use crate::progress::Progress;

/// Says what a store holds.
pub(crate) fn info(arguments: &args::Info, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = Dataset::open(&arguments.store)?;
    let info = hydralink::info(&dataset)?;
    Ok(output.one(&info, |info| info_text(&arguments.store.display().to_string(), info))?)
}

/// Days without an exchange that are named; JSON has all.
const SILENT_SHOWN: usize = 5;

fn info_text(store: &str, info: &Info) -> String {
    let mut lines =
        vec![format!("{store}: store format {}, written by hydralink {}, {}", info.format, info.tool, HumanBytes(info.bytes))];
    lines.extend(info.key_id.as_ref().map(|id| format!("pseudonyms under the key {id}")));
    lines.extend(info.as_of.as_ref().map(|time| format!("as of {time}: it can be asked, not changed")));
    lines.push(format!(
        "{}, {}, {}",
        counted(info.accounts, "account"),
        counted(info.sightings, "sighting"),
        counted(info.events, "event")
    ));
    lines.extend(info.identifiers.iter().map(|(kind, count)| format!("  {kind}\t{}", grouped(*count))));
    lines.push(String::new());
    lines.extend(time_lines(info));
    lines.push(String::new());
    let rejected: u64 = info.rejected.iter().map(|(_, rows)| rows).sum();
    lines.push(format!(
        "read from {}: {}, {} rejected",
        counted(info.files.len() as u64, "file"),
        counted(info.rows, "row"),
        grouped(rejected)
    ));
    lines.extend(info.rejected.iter().map(|(reason, rows)| format!("  {reason}\t{}", grouped(*rows))));
    lines.push(format!("times without an offset: {}", info.tz.as_deref().unwrap_or("UTC")));
    lines.extend(info.trusted_proxies.as_ref().map(|proxies| format!("trusted proxies: {proxies}")));
    lines.extend(info.map.as_ref().map(|_| "a map of columns is kept: updates go by it (JSON has it)".to_owned()));
    lines.push(format!("releases: {}; known-good entries: {}", grouped(info.releases), grouped(info.allowed)));
    lines.push(String::new());
    lines.extend(detection_lines(info));
    let cases: Vec<String> = info.cases.iter().map(|(state, count)| format!("{} {state}", grouped(*count))).collect();
    lines.push(match info.decisions {
        0 => "decisions: none".to_owned(),
        records => format!("decisions: {}; cases: {}", counted(records, "record"), cases.join(", ")),
    });
    lines.push(String::new());
    lines.join("\n")
}

/// From when to when, how many exchanges a day, and the days that have none.
fn time_lines(info: &Info) -> Vec<String> {
    let (Some(first), Some(last)) = (&info.first_seen, &info.last_seen) else { return vec!["nothing has a time".to_owned()] };
    let mut lines = vec![format!("{first} to {last}")];
    lines.extend(dossier::picture_of_days(&info.exchanges_by_day).into_iter().flatten());
    if !info.silent_days.is_empty() {
        let more = info.silent_days.len().saturating_sub(SILENT_SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let named = info.silent_days[..info.silent_days.len().min(SILENT_SHOWN)].join(", ");
        lines.push(format!("days without an exchange: {named}{more}; is a delivery missing?"));
    }
    lines
}

/// How many networks are below the threshold, for people confirmed them: such a one is a network whatever it scores.
pub(super) fn confirmed_below_words(confirmed: u64) -> String {
    match confirmed {
        0 => String::new(),
        some => format!(" ({} confirmed by people below that)", grouped(some)),
    }
}

/// What was found, and what `update --detect` goes by.
fn detection_lines(info: &Info) -> Vec<String> {
    let mut lines = Vec::new();
    match &info.networks {
        Some(FoundNetworks { tool, seed, threshold, networks, confirmed_below, below, q_values, consensus_runs, .. }) => {
            let confirmed = confirmed_below_words(*confirmed_below);
            lines.push(format!(
                "detected by hydralink {tool} with seed {seed}: {} over {threshold} bits{confirmed}, {} below; {} in the lineage",
                counted(*networks, "network"),
                counted(*below, "candidate"),
                counted(info.runs, "run")
            ));
            let q_values = match q_values {
                CalibrationState::Current => "calibrated",
                CalibrationState::Stale => "none (`calibrate` was run for an earlier detection)",
                _ => "none (`calibrate` was never run)",
            };
            let stability = consensus_runs.map_or("not measured".to_owned(), |runs| counted(u64::from(runs), "rerun"));
            lines.push(format!("q-values: {q_values}; stability: {stability}"));
        }
        None if info.settings.is_some() => lines.push("no networks: events came since the last detection".to_owned()),
        None => lines.push("not detected yet".to_owned()),
    }
    let Some(Settings { changed, lists, .. }) = &info.settings else { return lines };
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "unset".to_owned());
    if changed.is_empty() {
        lines.push("settings: the defaults".to_owned());
    } else {
        lines.push("settings that aren't the defaults".to_owned());
        lines.extend(changed.iter().map(|one| format!("  {}\t{} (default {})", one.name, value(&one.to), value(&one.from))));
    }
    lines.extend(lists.iter().map(|one| format!("list {}: {}", one.says, counted_entries(one.entries))));
    lines
}

pub(super) fn counted_entries(entries: u64) -> String {
    if entries == 1 { "1 entry".to_owned() } else { format!("{} entries", grouped(entries)) }
}

/// Checks every byte of a store, or every number of a dossier.
pub(crate) fn verify(arguments: &Verify, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.key.open(&arguments.store)?;
    if let Some(path) = &arguments.dossier {
        let _progress = Progress::unasked(shared, "recomputing", None);
        let (text, key) = (input::text_of(path)?, arguments.key.read()?);
        let verified = dossier::verify(dataset, &text, key.as_ref()).with_context(|| input::name_of(path))?;
        return Ok(output.one(&verified, |verified| {
            let (values, network) = (grouped(verified.values), &verified.network);
            let hidden = match verified.hidden {
                0 => String::new(),
                some => format!(
                    "; {} more hold what level {} hides, and only what stands around that was compared (--key-file compares pseudonyms)",
                    grouped(some),
                    verified.level.name()
                ),
            };
            let of_reruns = match verified.of_reruns {
                0 => String::new(),
                some => format!(
                    "; {} of reruns (q-values, stability) weren't compared, for the store has been detected anew since",
                    grouped(some)
                ),
            };
            format!("{network}: {values} values computed again from the store, all as in the dossier{hidden}{of_reruns}\n")
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
    let mut command = args::with_formats(Arguments::command());
    clap_complete::generate(arguments.shell, &mut command, "hydralink", &mut script);
    io::Write::write_all(&mut io::stdout().lock(), &script)?;
    Ok(Found::Something)
}

/// Writes a manual page for the tool and each of its commands.
pub(crate) fn man(arguments: &Man, output: &mut Output) -> anyhow::Result<Found> {
    let directory = &arguments.directory;
    if input::is_stdin(directory) {
        anyhow::bail!("man writes a page a command, and needs a folder: name one (./- if it is called so)");
    }
    std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    clap_mangen::generate_to(args::documented(), directory)
        .with_context(|| format!("cannot write into {}", directory.display()))?;
    output.say(&format!("{}: read them with `man -l {}/hydralink.1`", directory.display(), directory.display()))?;
    Ok(Found::Something)
}
