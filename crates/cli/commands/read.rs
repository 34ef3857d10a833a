//! Making and reading data: synth, profile, build.

use std::path::PathBuf;

use hydralink::build::UpdateConfig;
use hydralink::privacy::Key;
use hydralink::store::quoted;
use hydralink::synth::{EVASIVE_PARAPHRASE, Format, Tier, WorldConfig, write_world};
use hydralink::{AsOf, BuildSummary, IngestConfig, SchemaMode};

use super::was_read::{
    profile_text, say_left_out, say_notes, say_replaced, say_same_bytes, say_what_is_left_out, summary_text,
};
use crate::Found;
use crate::args::{self, Build, EventFormat, Mapping, Reading, Schema, Shared, Synth, Update};
use crate::output::{Output, counted, grouped};
use crate::progress::Progress;

/// The size of a world.
pub(crate) fn tier_of(tier: args::Tier) -> Tier {
    match tier {
        args::Tier::Xs => Tier::Xs,
        args::Tier::S => Tier::S,
        args::Tier::M => Tier::M,
        args::Tier::L => Tier::L,
    }
}

/// Writes a synthetic world.
pub(crate) fn synth(arguments: &Synth, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
    let tier = tier_of(arguments.tier);
    let config = match (arguments.null, arguments.evasive) {
        (true, _) => WorldConfig::null(tier, arguments.seed),
        (_, true) => WorldConfig::evasive(tier, arguments.seed, EVASIVE_PARAPHRASE),
        _ => WorldConfig::new(tier, arguments.seed),
    };
    let format = match arguments.events {
        EventFormat::Parquet => Format::Parquet,
        EventFormat::Csv => Format::Csv,
    };
    let summary = make_world(&arguments.directory, &config, format, shared)?;
    Ok(output.one(&summary, |summary| {
        format!(
            "{}: {} events of {} accounts, {} of them in networks\n",
            arguments.directory.display(),
            grouped(summary.events),
            grouped(summary.accounts),
            grouped(summary.operated_accounts)
        )
    })?)
}

/// Writes a world with a line of progress.
pub(crate) fn make_world(
    directory: &std::path::Path,
    config: &WorldConfig,
    format: Format,
    shared: &Shared,
) -> anyhow::Result<hydralink::synth::WorldSummary> {
    let progress = Progress::unasked(shared, "making a world", Some(u64::from(hydralink::synth::DAYS)));
    let mut done = 0;
    Ok(write_world(directory, config, format, &mut |at| {
        progress.advance(u64::from(at.days - done));
        done = at.days;
    })?)
}

/// Describes event logs.
pub(crate) fn profile(arguments: &args::Profile, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
    let progress = reading_progress(shared);
    let sources = sources(&arguments.reading);
    let profile = hydralink::profile(&sources, &config_of(&arguments.reading)?, &progress)?;
    drop(progress);
    say_left_out(&profile.left_out, output)?;
    say_notes(&profile.notes, output)?;
    let same_bytes = profile.files.iter().filter(|file| file.duplicate).map(|file| file.file.clone());
    say_same_bytes(&same_bytes.collect::<Vec<String>>(), "another file has the same bytes", output)?;
    let found = output.one(&profile, profile_text)?;
    if let Some(why) = &profile.too_many_bad {
        output.flush()?;
        anyhow::bail!("a build would stop here: {why}");
    }
    Ok(found)
}

/// Reads event logs into a store.
pub(crate) fn build(arguments: &Build, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
    let key = arguments.key.read()?;
    let summary = run_build(&arguments.reading, &arguments.output, key.as_ref(), shared)?;
    say_what_is_left_out(&summary, output)?;
    say_same_bytes(&summary.already_read, "another file has the same bytes", output)?;
    if let Some(replaced) = &summary.replaced {
        say_replaced(replaced, &arguments.output, output)?;
    }
    Ok(output.one(&summary, summary_text)?)
}

/// Builds with a line of progress.
pub(crate) fn run_build(
    reading: &Reading,
    store: &std::path::Path,
    key: Option<&Key>,
    shared: &Shared,
) -> anyhow::Result<BuildSummary> {
    let progress = reading_progress(shared);
    let config = IngestConfig { pseudonym: key.map(Key::pseudonyms), ..config_of(reading)? };
    Ok(hydralink::build(&sources(reading), store, &config, &progress)?)
}

/// Reads more event logs into a store.
pub(crate) fn update(arguments: &Update, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
    let progress = reading_progress(shared);
    let (reading, key) = (&arguments.reading, arguments.key.read()?);
    let config = IngestConfig { pseudonym: key.as_ref().map(Key::pseudonyms), ..config_of(reading)? };
    let Update { detect, dry_run, .. } = *arguments;
    let then = UpdateConfig { detect, fail_on: arguments.fail_on.clone(), dry_run };
    let summary = hydralink::build::update_with(&sources(reading), &arguments.store, &config, &then, &progress)?;
    drop(progress);
    say_what_is_left_out(&summary, output)?;
    say_same_bytes(&summary.already_read, "these bytes were read already", output)?;
    for file in &summary.read_before {
        output.say(&format!(
            "{file}: the store has read a file of this name with other content; both count, but for rows that have an event id and \
             say the same. If this one corrects that, build the store anew without that"
        ))?;
    }
    if dry_run {
        output.say("a dry run: nothing was written")?;
    }
    if summary.networks_dropped {
        let why = match summary.new_rows - summary.new_duplicates {
            0 => "go by what was known beside the events before",
            _ => "are of fewer events",
        };
        output.say(&format!(
            "networks found before {why} and were dropped: run `hydralink detect {}`",
            quoted(&arguments.store)
        ))?;
    } else if summary.networks_found.is_some() {
        output.say(&format!("Next: hydralink networks {}", quoted(&arguments.store)))?;
    } else if summary.changed && !arguments.detect {
        output.say(&format!("Next: hydralink detect {}", quoted(&arguments.store)))?;
    }
    Ok(output.one(&summary, summary_text)?)
}

/// Writes a store as it stood at an earlier time.
pub(crate) fn as_of(arguments: &args::AsOf, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
    let (_, time) = hydralink::time::seconds_of(&arguments.time)?;
    let progress = Progress::new(shared, "opening", None, false);
    let made = hydralink::as_of(&arguments.store, time, &arguments.output, &progress)?;
    drop(progress);
    output.one(&made, as_of_text)?;
    if made.events == made.events_of_all {
        output.say("nothing in the store is later than that: this is all of it")?;
    }
    output.say(&format!("Next: hydralink detect {}", quoted(&arguments.output)))?;
    Ok(Found::Something)
}

fn as_of_text(made: &AsOf) -> String {
    format!(
        "as of {}: {} ({} seen only later), {} of {}, {}\n\
         {} went on: cut at that time, their counts at most what the account had done\n",
        made.as_of,
        counted(made.accounts, "account"),
        grouped(made.accounts_later),
        counted(made.sightings, "sighting"),
        counted(made.identifiers, "identifier"),
        counted(made.events, "event"),
        counted(made.sightings_cut, "sighting")
    )
}

fn sources(reading: &Reading) -> Vec<PathBuf> {
    reading.events.clone()
}

fn config_of(reading: &Reading) -> anyhow::Result<IngestConfig> {
    let (mut files, mut columns) = (Vec::new(), Vec::new());
    for mapping in &reading.map {
        match mapping {
            Mapping::File(file) => files.push(file.clone()),
            Mapping::Column(column) => columns.push(column.clone()),
        }
    }
    anyhow::ensure!(files.len() < 2, "--map names {} files; write what they say into one", files.len());
    Ok(IngestConfig {
        accounts: reading.accounts.clone(),
        releases: reading.releases.clone(),
        allow: reading.allow.clone(),
        map: files.pop(),
        columns,
        trusted_proxies: reading.trusted_proxies.clone(),
        rejects: reading.rejects.clone(),
        max_bad: reading.max_bad,
        card_tokens: reading.card_tokens,
        enrich: reading.enrich.clone(),
        memory_limit: reading.memory_limit,
        zone: reading.tz.clone(),
        schema: if reading.schema == Schema::Strict { SchemaMode::Strict } else { SchemaMode::Auto },
        allow_kinds: reading.allow_kinds || reading.schema == Schema::Auto,
        ..IngestConfig::default()
    })
}

/// Shows how far an ingest is.
fn reading_progress(shared: &Shared) -> Progress {
    Progress::new(shared, "reading", Some(0), true)
}
