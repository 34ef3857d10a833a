//! What became of networks: between two stores (diff), and over the detections of one (lineage).

use hydralink::diff::{self, Change};
use hydralink::lineage::{self, Cause, Event, Lineage};
use hydralink::store::quoted;
use hydralink::{Dataset, Reading};

use super::several;
use crate::Found;
use crate::args::Diff;
use crate::output::{Field, Output};

/// Prints what became of each network between two stores.
pub(crate) fn diff(arguments: &Diff, output: &mut Output) -> anyhow::Result<Found> {
    let (before, after) = (Dataset::open(&arguments.before)?, Dataset::open(&arguments.after)?);
    let changes = diff::diff((&before, &before.results()?), (&after, &after.results()?))?;
    Ok(output.records(&changes, CHANGE)?)
}

const CHANGE: &[Field<Change>] = &[
    Field::text("change", |row| row.change.to_owned()),
    Field::text("before", |row| row.before.join(" ")),
    Field::of("after", Field::text("is now", |row| row.after.join(" "))),
    Field::of("accounts_before", Field::number("accounts", |row| row.accounts_before.to_string())),
    Field::of("accounts_after", Field::number("after", |row| row.accounts_after.to_string())),
    Field::number("joined", |row| row.joined.to_string()),
    Field::number("left", |row| row.left.to_string()),
    Field::csv("identifiers_kept"),
];

/// Prints the life of one network, of all, or everything that happened.
pub(crate) fn lineage(arguments: &crate::args::Lineage, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open_for_lookups(&arguments.store)?;
    let results = dataset.labelling_if_any()?;
    let results = results.as_ref();
    if arguments.id.is_none() {
        dataset.expect(Reading::Whole);
    }
    let of_one = |id: &String| {
        // A network that no detection finds any more has rows too, and few.
        match results.and_then(|results| Some((results, results.network_index(id)?))) {
            Some((results, network)) => dataset.expect_reading_of_network(results, network),
            None => dataset.expect_reading_of(&[]),
        }
        Ok(lineage::lineage(&dataset, results, id)?)
    };
    if results.is_none() && lineage::has_record(&dataset)? {
        let store = quoted(&arguments.store);
        output.say(&format!("no networks now: this is as the last detection left it. Next: hydralink detect {store}"))?;
    }
    Ok(match &arguments.id {
        Some(id) => {
            let print = |life: &Lineage, output: &mut Output| Ok(output.one(life, lineage::text)?);
            several::answer(&several::networks(id)?, of_one, print, output)?
        }
        None if arguments.events => {
            let happened = match (arguments.settled, arguments.since) {
                (Some(runs), since) => lineage::settled_events(&dataset, runs, since)?,
                (None, Some(since)) => lineage::events_since(&dataset, since)?,
                (None, None) => lineage::events(&dataset)?,
            };
            output.records(&happened, HAPPENED)?
        }
        None => output.records(&lineage::lineages(&dataset, results)?, LIFE)?,
    })
}

const LIFE: &[Field<Lineage>] = &[
    Field::name("id", |row| row.id.clone()),
    Field::text("standing", |row| row.standing.name().to_owned()),
    Field::number("runs", |row| row.runs.to_string()),
    Field::number("accounts", |row| row.accounts.to_string()),
    Field::number("live", |row| row.live.to_string()),
    Field::number("bans", |row| row.bans.to_string()),
    Field::of(
        "regeneration.rate",
        Field::number("R", |row| row.regeneration.as_ref().map_or(String::new(), |one| format!("{:.2}", one.rate))),
    ),
    Field::of("standby.waiting", Field::number("waiting", |row| row.standby.waiting.to_string())),
    Field::of(
        "events.event",
        Field::text("events", |row| row.events.iter().map(|event| event.event.as_str()).collect::<Vec<&str>>().join(" ")),
    ),
    Field::csv("warning"),
];

const HAPPENED: &[Field<Event>] = &[
    Field::number("run", |row| row.run.to_string()),
    Field::of("as_of", Field::text("as of", |row| row.as_of.clone().unwrap_or_default())),
    Field::text("network", |row| row.network.clone()),
    Field::text("event", |row| row.event.clone()),
    Field::text("cause", |row| row.cause.map_or("", Cause::name).to_owned()),
    Field::text("with", |row| row.with.join(" ")),
    Field::spare(3, Field::number("before", |row| row.before.to_string())),
    Field::number("after", |row| row.after.to_string()),
    Field::number("gained", |row| row.gained.to_string()),
    Field::spare(2, Field::number("lost", |row| row.lost.to_string())),
    Field::spare(1, Field::number("banned", |row| row.banned.to_string())),
    Field::csv("carried_over"),
    Field::csv("score"),
    Field::csv("rank"),
    Field::csv("threshold"),
    Field::csv("ran_at"),
    Field::csv("settled_run"),
];
