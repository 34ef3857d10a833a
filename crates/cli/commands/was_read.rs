//! What is told of logs that were read: `build`, `update` and `profile` in words.

use hydralink::build::{IgnoredColumn, MissingColumn, Replaced};
use hydralink::store::quoted;
use hydralink::{AlikeAccounts, BuildSummary, FileNotes, Profile, Repeats, SeveralNames, TableRead, UnreadField};

use crate::output::{Output, counted, grouped};

/// What an update says of the q-values of the detection before.
const CALIBRATION_DROPPED: &str =
    "q-values are gone: they were of the detection before; `hydralink calibrate` makes them again";

/// What went on of a store that was replaced, and what didn't.
pub(super) fn say_replaced(replaced: &Replaced, store: &std::path::Path, output: &mut Output) -> anyhow::Result<()> {
    let Replaced { runs, networks_kept, networks_lost, forgotten, forgotten_lost, .. } = *replaced;
    if let Some(why) = &replaced.unread {
        output.say(&format!(
            "the store that was there is lost with the ids and the lineage of its networks, and with whom it had forgotten: {why}"
        ))?;
    }
    if networks_kept > 0 {
        let lost = match networks_lost {
            0 => String::new(),
            lost => format!("; of {} nothing was read", counted(lost, "other candidate")),
        };
        output.say(&format!(
            "{} on record and their lineage go on: what is found again of {} keeps its id{lost}",
            counted(runs, "detection"),
            counted(networks_kept, "candidate")
        ))?;
    } else if runs > 0 {
        output.say(&format!(
            "{} on record and the ids of networks are left behind: none of their accounts was read under the same name",
            counted(runs, "detection")
        ))?;
    }
    if forgotten > 0 {
        let are = if forgotten == 1 { "stays" } else { "stay" };
        output.say(&format!("{} {are} forgotten", counted(forgotten, "account")))?;
    }
    if forgotten_lost > 0 {
        output.say(&format!(
            "{} forgotten under an earlier key can't be told any more, for this build leaves that key behind: forget them again",
            counted(forgotten_lost, "account")
        ))?;
    }
    if replaced.networks_dropped {
        let calibration = if replaced.calibration_dropped { " and their q-values" } else { "" };
        output
            .say(&format!("the networks found before{calibration} were dropped. Next: hydralink detect {}", quoted(store)))?;
    }
    Ok(())
}

/// What was built, in a few lines.
pub(super) fn summary_text(summary: &BuildSummary) -> String {
    let identifiers: Vec<String> =
        summary.identifiers.iter().map(|(kind, count)| format!("{} {kind}", grouped(*count))).collect();
    let new = match summary.new_rows - summary.new_duplicates - summary.forgotten_rows {
        all if all == summary.rows => String::new(),
        some => format!(" ({} of them new)", grouped(some)),
    };
    let mut lines = vec![
        format!("{}{new}, {}", counted(summary.rows, "row"), now_and_in_all(summary.new_rejected, summary.rejected)),
        match identifiers.join(", ") {
            none if none.is_empty() => format!(
                "{}, and nothing that they could share (an address, a card, a template ...), so that nothing links them; --map names columns",
                counted(summary.accounts, "account")
            ),
            some => format!("{}, {} of {some}", counted(summary.accounts, "account"), counted(summary.sightings, "sighting")),
        },
    ];
    if summary.enriched > 0 {
        let are = if summary.enriched == 1 { "address is in a network that is" } else { "addresses are in networks that are" };
        lines.push(format!("{} {are} known", grouped(summary.enriched)));
    }
    lines.extend(duplicate_line(summary.new_duplicates));
    lines.extend(forgotten_line("", summary.forgotten_rows));
    lines.extend(without_time_line(summary.rows_without_time));
    lines.extend(capped_line(summary.capped_sightings));
    lines.extend(unread_lines(summary.new_kept_rows, &summary.new_unread));
    lines.extend(absent_line(summary.absent));
    lines.extend(forwarded_line(summary.forwarded));
    lines.extend(unroutable_line(summary.unroutable));
    if summary.short_prompts > 0 {
        let are = if summary.short_prompts == 1 { "is" } else { "are" };
        lines.push(format!("{} {are} too short to link anybody", counted(summary.short_prompts, "prompt")));
    }
    if summary.crowded_prompts > 0 {
        let prompts = counted(summary.crowded_prompts, "prompt");
        lines.push(format!(
            "{prompts} shared words with more templates than are compared; they may have templates of their own"
        ));
    }
    if summary.mined_templates > 0 {
        lines.push(format!(
            "{} mined from prompts; of those that several accounts used, what their texts have in common is kept: `update` can't add more prompts (build anew, or give prompt_template_hash)",
            counted(summary.mined_templates, "template")
        ));
    }
    if summary.late_events > 0 {
        let (are, they) = if summary.late_events == 1 { ("is", "it counts") } else { ("are", "they count") };
        let late = counted(summary.late_events, "event");
        lines.push(format!("{late} {are} older than the last that the store had; {they} all the same"));
    }
    lines.extend(conflicting_line(summary.new_conflicting_events));
    lines.extend(without_rows_line(&summary.without_rows));
    let of_events = |one: &&MissingColumn| summary.tables.iter().all(|table| table.file != one.first);
    let empty: Vec<MissingColumn> = summary.empty.iter().filter(of_events).cloned().collect();
    lines.extend(missing_lines(&summary.missing, &empty));
    lines.extend(summary.one_value.iter().map(|one| {
        let more = and_others(one.files - 1);
        format!("{}{more}: all rows have the same {}, whoever they are of", one.first, one.column)
    }));
    lines.extend(table_lines(&summary.tables));
    lines.extend(ignored_lines(&summary.ignored));
    lines.extend(several_lines(&summary.several_names));
    lines.extend(
        summary.networks_found.map(|found| format!("{} over the threshold, detected again", counted(found, "network"))),
    );
    if summary.calibration_dropped {
        lines.push(CALIBRATION_DROPPED.to_owned());
    }
    lines
        .extend(summary.new_rejected_by_reason.iter().map(|(reason, count)| format!("rejected: {} {reason}", grouped(*count))));
    lines.push(String::new());
    lines.join("\n")
}

/// Rows that this run rejected, and those before it.
fn now_and_in_all(now: u64, all: u64) -> String {
    match all - now {
        0 => format!("{} rejected", grouped(all)),
        _ => format!("{} rejected now and {} in all", grouped(now), grouped(all)),
    }
}

/// What is in event logs, in a few lines and a table.
pub(super) fn profile_text(profile: &Profile) -> String {
    let mut lines = vec![format!("{}, {}", counted(profile.rows, "row"), counted(profile.accounts, "account"))];
    if profile.accounts > 0 {
        lines.push(format!("{:.1}% of accounts share no identifier with another", profile.isolated_percent));
    }
    lines.push(match (&profile.first_seen, &profile.last_seen) {
        (Some(first), Some(last)) => format!("{first} to {last}"),
        _ => "no row has a time".to_owned(),
    });
    for (reason, count) in &profile.rejected {
        lines.push(format!("rejected: {} {reason}", grouped(*count)));
    }
    lines.extend(duplicate_line(profile.duplicate_events));
    lines.extend(conflicting_line(profile.conflicting_events));
    lines.extend(repeated_lines(&profile.repeats));
    lines.extend(unread_lines(profile.kept_rows, &profile.unread));
    lines.extend(absent_line(profile.absent));
    lines.extend(forwarded_line(profile.forwarded));
    lines.extend(unroutable_line(profile.unroutable));
    let filled = hydralink::build::filled_columns(&profile.files).into_iter();
    let share = |rows: u64| format!("{:.1}%", 100.0 * rows as f64 / profile.rows.max(1) as f64);
    let filled: Vec<String> = filled.map(|(column, rows)| format!("{column} {}", share(rows))).collect();
    lines.push(format!("rows with a value: {}", filled.join(", ")));
    lines.push(String::new());
    lines.push(format!(
        "{:<22}{:>12}{:>8}{:>8}{:>8}{:>9}{:>18}",
        "kind", "distinct", "p50", "p90", "p99", "max", "pairs projected"
    ));
    for kind in &profile.kinds {
        lines.push(format!(
            "{:<22}{:>12}{:>8}{:>8}{:>8}{:>9}{:>18}",
            kind.kind,
            grouped(kind.distinct),
            kind.degree_p50,
            kind.degree_p90,
            kind.degree_p99,
            grouped(kind.degree_max),
            grouped(kind.projection_pairs)
        ));
        for (value, accounts) in kind.hubs.iter().take(3) {
            lines.push(format!("  {value}\t{}", counted(*accounts, "account")));
        }
    }
    for file in &profile.files {
        if !file.missing.is_empty() {
            lines.push(format!("{}: no column {}", file.file, file.missing.join(", ")));
        }
    }
    lines.extend(ignored_lines(&hydralink::build::ignored_columns(&profile.files)));
    lines.extend(several_lines(&hydralink::build::several_names(&profile.files)));
    lines.push(String::new());
    lines.join("\n")
}

/// Rows that repeat an event with an id.
fn duplicate_line(rows: u64) -> Option<String> {
    let repeat = if rows == 1 { "repeats" } else { "repeat" };
    (rows > 0).then(|| format!("{} {repeat} an event that was read; counted once", counted(rows, "row")))
}

/// Rows that say who was seen with what, and not when.
fn without_time_line(rows: u64) -> Option<String> {
    let count = if rows == 1 {
        "has no time: it counts as a sighting, and not as an exchange"
    } else {
        "have no time: they count as sightings, and not as exchanges"
    };
    (rows > 0).then(|| format!("{} {count}", counted(rows, "row")))
}

/// Rows of accounts that the store was told to forget.
fn forgotten_line(table: &str, rows: u64) -> Option<String> {
    let are = if rows == 1 { "is of an account that was" } else { "are of accounts that were" };
    (rows > 0).then(|| format!("{table}{} {are} forgotten: left out", counted(rows, "row")))
}

/// Rows with an event id that another row has with other content.
fn conflicting_line(rows: u64) -> Option<String> {
    let have = if rows == 1 { "has" } else { "have" };
    let rows_have = format!("{} {have}", counted(rows, "row"));
    (rows > 0).then(|| format!("{rows_have} another row's event id with other content; all counted, check who writes the ids"))
}

/// Rows that say what another row says, and the files that have them in common.
fn repeated_lines(repeats: &Repeats) -> Vec<String> {
    let Repeats { rows, one_of, files, .. } = repeats;
    let about = if *one_of > 1 { "about " } else { "" };
    let of_these = match one_of {
        1 => String::new(),
        some => format!(" (estimated: one different row of {} was looked at)", grouped(*some)),
    };
    let say = if *rows == 1 { "says" } else { "say" };
    let all = (*rows > 0).then(|| {
        format!(
            "{about}{} without an event id {say} exactly what another row says; a build counts each{of_these}",
            counted(*rows, "row")
        )
    });
    let alike = files.iter().take(FILES_SHOWN).map(|alike| {
        let (rows, all) = (grouped(alike.rows), counted(alike.of_rows, "row"));
        format!("{} and {} overlap: {about}{rows} of the second's {all} are in the first as well", alike.first, alike.second)
    });
    let more = files.len().saturating_sub(FILES_SHOWN);
    let more = (more > 0).then(|| format!("... and {} more pairs of files; JSON has all", grouped(more as u64)));
    all.into_iter().chain(alike).chain(more).collect()
}

/// Pairs of files that are named.
const FILES_SHOWN: usize = 10;

/// The values that say that there is none.
fn absent_line(absent: u64) -> Option<String> {
    let say = if absent == 1 { "says" } else { "say" };
    (absent > 0).then(|| format!("{} such as NULL, - or unknown {say} that there is none", counted(absent, "value")))
}

/// The values that are addresses which nobody is reached by.
fn unroutable_line(unroutable: u64) -> Option<String> {
    let are = if unroutable == 1 {
        "is an address that isn't routed on the internet and links"
    } else {
        "are addresses that aren't routed on the internet and link"
    };
    (unroutable > 0).then(|| format!("{} {are} nobody", counted(unroutable, "value")))
}

/// The rows that were kept without a field, and which.
fn unread_lines(rows: u64, fields: &[UnreadField]) -> Vec<String> {
    let (statuses, others): (Vec<_>, Vec<_>) = fields.iter().partition(|field| field.reason == "bad_status");
    let named = others.iter().map(|field| format!("{} ({} {})", field.field, grouped(field.rows), field.reason));
    let (named, were) = (named.collect::<Vec<String>>().join(", "), if rows == 1 { "was" } else { "were" });
    let kept = (rows > 0).then(|| format!("{} {were} kept without a field that can't be read: {named}", counted(rows, "row")));
    let status = |field: &&UnreadField| {
        let rows = counted(field.rows, "row");
        format!("{rows} with a {} that is no number as 200 or 429 count as if there were none ({})", field.field, field.reason)
    };
    kept.into_iter().chain(statuses.iter().map(status)).collect()
}

/// The sightings of which not all exchanges are kept.
fn capped_line(sightings: u64) -> Option<String> {
    let stand = if sightings == 1 { "stands" } else { "stand" };
    let line = format!(
        "{} {stand} for {} exchanges or more, and for so many",
        counted(sightings, "sighting"),
        grouped(u32::MAX.into())
    );
    (sightings > 0).then_some(line)
}

/// The addresses that are lists.
fn forwarded_line(forwarded: u64) -> Option<String> {
    let are = if forwarded == 1 { "is a list" } else { "are lists" };
    let values = counted(forwarded, "value");
    let line = format!("{values} {are} of hops; the last that is no proxy of yours counts (--trusted-proxies)");
    (forwarded > 0).then_some(line)
}

/// So many files beside one that is named.
fn and_others(files: u64) -> String {
    if files == 0 { String::new() } else { format!(" and {}", counted(files, "other file")) }
}

/// The files that had nothing to read.
fn without_rows_line(files: &[String]) -> Option<String> {
    let (first, others) = files.split_first()?;
    let have = if others.is_empty() { "has" } else { "have" };
    Some(format!("{first}{} {have} columns and no rows", and_others(others.len() as u64)))
}

/// The columns that files lack, or have nothing in, those of the same files in one line.
fn missing_lines(missing: &[MissingColumn], empty: &[MissingColumn]) -> Vec<String> {
    let same = |one: &MissingColumn, other: &MissingColumn| (one.files, &one.first) == (other.files, &other.first);
    let line = |columns: &[MissingColumn], no: &str| {
        let names: Vec<&str> = columns.iter().map(|one| one.column.as_str()).collect();
        let MissingColumn { first, files, .. } = &columns[0];
        let again = "; rows without an event id count again where they had been read";
        let again = if names.contains(&"event_id") { again } else { "" };
        format!("{first}{}: {no} {}, which other events have{again}", and_others(files - 1), names.join(", "))
    };
    let missing = missing.chunk_by(same).map(|columns| line(columns, "no column"));
    missing.chain(empty.chunk_by(same).map(|columns| line(columns, "no row has a value of"))).collect()
}

/// Columns that were not read and are named.
const IGNORED_SHOWN: usize = 20;

/// The columns that were not read, if there are any.
fn ignored_lines(ignored: &[IgnoredColumn]) -> Vec<String> {
    let named = |one: &IgnoredColumn| match one.meant {
        Some(meant) => format!("{} (did you mean {meant}?)", one.column),
        None => one.column.clone(),
    };
    let (repeated, nothing): (Vec<_>, Vec<_>) = ignored.iter().partition(|one| one.repeats.is_some());
    let names: Vec<String> = nothing.into_iter().map(named).collect();
    let mut lines: Vec<String> = repeated
        .iter()
        .filter_map(|one| {
            one.repeats.as_ref().map(|ours| format!("column {} was not read: another one is {ours} already", one.column))
        })
        .collect();
    if !names.is_empty() {
        let more = names.len().saturating_sub(IGNORED_SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let named = names[..names.len().min(IGNORED_SHOWN)].join(", ");
        lines.push(format!("columns that mean nothing and were not read: {named}{more}; --map names them"));
    }
    lines
}

/// The columns that objects have under several names.
fn several_lines(several: &[SeveralNames]) -> impl Iterator<Item = String> {
    several.iter().map(|SeveralNames { column, names, .. }| {
        let names: Vec<String> = names.iter().map(|(name, rows)| format!("{name} ({})", counted(*rows, "row"))).collect();
        format!("{column} was read from {}: of each object the first name that it has", names.join(" and "))
    })
}

/// The files that were not read, for the same bytes had been.
pub(super) fn say_same_bytes(files: &[String], why: &str, output: &mut Output) -> anyhow::Result<()> {
    files.iter().try_for_each(|file| Ok(output.say(&format!("{file}: {why}; skipped"))?))
}

/// The files that were not read for their names.
pub(super) fn say_left_out(files: &[String], output: &mut Output) -> anyhow::Result<()> {
    if let Some((first, others)) = files.split_first() {
        let (more, were) = (and_others(others.len() as u64), if others.is_empty() { "was" } else { "were" });
        output.say(&format!(
            "{first}{more} {were} left out: by their names they are an engine's own, or no events (what is named is read)"
        ))?;
    }
    Ok(())
}

/// What is out of the ordinary about files.
pub(super) fn say_notes(notes: &FileNotes, output: &mut Output) -> anyhow::Result<()> {
    let FileNotes { blank, cut, links, days, mostly_rejected, .. } = notes;
    let mut say = |files: &[String], what: &str| -> anyhow::Result<()> {
        let Some((first, others)) = files.split_first() else { return Ok(()) };
        Ok(output.say(&format!("{first}{}: {what}", and_others(others.len() as u64)))?)
    };
    say(blank, "empty, so nothing was read of it; check the export that wrote it")?;
    say(cut, "the last line is cut (it isn't whole, and no newline ends it): the file wasn't written or copied to its end")?;
    say(
        links,
        "a link to a folder, or to nothing, or a pipe or a device, which isn't followed, for it may lead into itself or have no end; \
         name the folder or the pipe itself",
    )?;
    say(
        days,
        "its times are days, each of which counts as its midnight (--tz): nothing can be told of what happened within a day",
    )?;
    for read in mostly_rejected {
        let (rows, are) = (counted(read.rows, "row"), if read.rejected == 1 { "is" } else { "are" });
        say(
            std::slice::from_ref(&read.file),
            &format!("{} of {rows} {are} rejected, most often {}", grouped(read.rejected), read.reason),
        )?;
    }
    Ok(())
}

/// What nobody expects to be missing, or to be there.
pub(super) fn say_what_is_left_out(summary: &BuildSummary, output: &mut Output) -> anyhow::Result<()> {
    say_left_out(&summary.left_out, output)?;
    say_notes(&summary.notes, output)?;
    if let Some(accounts) = summary.all_new_accounts {
        output.say(&format!(
            "none of the store's accounts occurs in what was read, which brings {}: are these other people, or are their ids written \
             otherwise than before (as numbers, say)?",
            counted(accounts, "new account")
        ))?;
    }
    if let Some(AlikeAccounts { accounts, first, plain, .. }) = &summary.alike_accounts {
        let are = if *accounts == 1 { "is" } else { "are" };
        output.say(&format!(
            "{} {are} there in two spellings, {first} and {plain} for instance, most probably one that counts twice: write ids alike in all \
             files, as text (numbers lose their zeros) and in small or in capital letters",
            counted(*accounts, "account")
        ))?;
    }
    for read in summary.tables.iter().filter(|read| read.fits_few()) {
        let (what, none) = (named_in(read), read.matched == 0);
        let few = if none { "none".to_owned() } else { format!("only {}", grouped(read.matched)) };
        output.say(&format!(
            "{}: {few} of {} {what} that occurs in the events: is it written alike?",
            read.file,
            counted(read.rows, "row")
        ))?;
    }
    for read in summary.tables.iter().filter(|read| read.conflicting > 0) {
        let say = if read.conflicting == 1 { "says" } else { "say" };
        output.say(&format!(
            "{}: {} {say} otherwise than an earlier row of the same; the first counts",
            read.file,
            counted(read.conflicting, "row")
        ))?;
    }
    for read in summary.tables.iter().filter(|read| read.banned_before_made > 0) {
        let have = if read.banned_before_made == 1 { "has" } else { "have" };
        output.say(&format!(
            "{}: {} {have} a banned_at before created_at: are the columns the right way round, and in one zone?",
            read.file,
            counted(read.banned_before_made, "row")
        ))?;
    }
    for (read, (column, values)) in summary.tables.iter().flat_map(|read| read.empty.iter().map(move |empty| (read, empty))) {
        output.say(&format!(
            "{}: no row has a value of {column}, which the store has of {}: they keep it (a table that clears it has a value for some account)",
            read.file,
            format_args!("{} of these accounts", grouped(*values))
        ))?;
    }
    for read in summary.tables.iter().filter(|read| read.no_longer > 0) {
        let (lines, count) = if read.no_longer == 1 { ("is not", "counts") } else { ("are not", "count") };
        output.say(&format!(
            "{}: takes the place of the store's list; {} of that {lines} on it and {count} no more",
            read.file,
            counted(read.no_longer, "line")
        ))?;
    }
    if summary.texts_left_out {
        output.say("labels and reasons are free text that may name anybody: a store under a key doesn't keep them")?;
    }
    Ok(())
}

/// What the rows of a side table that fit the events speak of.
fn named_in(read: &TableRead) -> &'static str {
    match (read.table, read.matched) {
        ("accounts", 1) => "is of an account",
        ("accounts", _) => "are of an account",
        ("releases", 1) => "is of a model",
        ("releases", _) => "are of a model",
        (_, 1) => "is of an account or identifier",
        _ => "are of an account or identifier",
    }
}

/// How side tables fit the events.
fn table_lines(tables: &[TableRead]) -> impl Iterator<Item = String> {
    tables.iter().flat_map(|read| {
        let fit = format!(
            "{}: {}, {} {} that occurs in the events",
            read.table,
            counted(read.rows, "row"),
            grouped(read.matched),
            named_in(read)
        );
        let ignored = (!read.ignored.is_empty())
            .then(|| format!("{}: columns that mean nothing and were not read: {}", read.table, read.ignored.join(", ")));
        let forgotten = forgotten_line(&format!("{}: ", read.table), read.forgotten);
        std::iter::once(fit).chain(forgotten).chain(ignored)
    })
}
