//! Erasing accounts, changing a store's key, and sharing indicators without values.

use hydralink::Dataset;
use hydralink::export::Sharing;
use hydralink::node::Name;
use hydralink::privacy::{self, Changed, Expirable, Expired, Extent, Forgotten, KeptSince, Key, Lifted, Rekeyed};
use hydralink::share::{self, ShareSummary};

use super::export::chosen;
use super::several::{self, Asked};
use crate::Found;
use crate::args::{Expire, Forget, Match, Rekey, Share, Shared};
use crate::input;
use crate::output::{Field, Output, counted, grouped};
use crate::progress::Progress;

/// Removes accounts from a store.
pub(crate) fn forget(arguments: &Forget, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
    let key = arguments.key.read()?;
    let mut names: Vec<Name> = Vec::new();
    for name in &arguments.accounts {
        match several::nodes(name)? {
            Asked::One(name) => names.push(name),
            Asked::Several(listed) => names.extend(listed),
        }
    }
    if names.is_empty() {
        anyhow::bail!("stdin names no account");
    }
    if arguments.lift {
        let lifted = privacy::lift(&arguments.store, &names, key.as_ref(), &arguments.reviewer)?;
        return Ok(output.one(&lifted, lifted_text)?);
    }
    let progress = Progress::new(shared, "opening", None, false);
    let forgotten = privacy::forget(&arguments.store, &names, key.as_ref(), &arguments.reviewer, &progress)?;
    drop(progress);
    Ok(output.one(&forgotten, forgotten_text)?)
}

/// Removes what is too old to be kept.
pub(crate) fn expire(arguments: &Expire, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
    let since = match (&arguments.before, &arguments.keep) {
        (Some(before), _) => KeptSince::Time(hydralink::time::seconds_of(before)?.0),
        (_, keep) => KeptSince::Last(hydralink::time::length_of(keep.as_deref().unwrap_or_default())?),
    };
    let progress = Progress::new(shared, "opening", None, false);
    if arguments.dry_run {
        let expirable = privacy::expirable(&arguments.store, since, &progress)?;
        drop(progress);
        return Ok(output.one(&expirable, expirable_text)?);
    }
    let extent = if arguments.allow_most { Extent::Any } else { Extent::Usual };
    let expired = privacy::expire(&arguments.store, since, extent, &progress)?;
    drop(progress);
    Ok(output.one(&expired, expired_text)?)
}

/// Puts a store under another key.
pub(crate) fn rekey(arguments: &Rekey, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
    let (old, new) = (Key::read(&arguments.key_file)?, Key::read(&arguments.new_key_file)?);
    let progress = Progress::new(shared, "opening", None, false);
    let rekeyed = privacy::rekey(&arguments.store, &old, &new, &arguments.reviewer, &progress)?;
    drop(progress);
    output.say("copies of the store and exports from before are still under the old key")?;
    Ok(output.one(&rekeyed, rekeyed_text)?)
}

fn rekeyed_text(rekeyed: &Rekeyed) -> String {
    let mut text = format!(
        "from key {} to key {}: {}, {} and {} have new pseudonyms\n",
        rekeyed.old_key,
        rekeyed.new_key,
        counted(rekeyed.accounts, "account"),
        counted(rekeyed.identifiers, "identifier"),
        counted(rekeyed.orgs, "organisation")
    );
    if rekeyed.decisions > 0 {
        text.push_str(&format!("{} of the case log with them; remarks stay as written\n", counted(rekeyed.decisions, "name")));
    }
    if rekeyed.detected_again {
        text.push_str("networks detected again, under their ids\n");
    }
    text + &changed_text(&rekeyed.changed)
}

/// What a rewrite left otherwise.
fn changed_text(changed: &Changed) -> String {
    let mut text = String::new();
    let drawn = "ties and random draws go by the order of names";
    if !changed.networks_lost.is_empty() {
        text += &format!("no longer over the threshold ({drawn}): {}\n", changed.networks_lost.join(", "));
    }
    if !changed.networks_gained.is_empty() {
        text += &format!("now over the threshold: {}\n", changed.networks_gained.join(", "));
    }
    if !changed.dropped_sections.is_empty() {
        text += &format!("dropped, make them again: {}\n", changed.dropped_sections.join(", "));
    }
    text
}

fn expired_text(expired: &Expired) -> String {
    aged_text(expired, ["are gone", "went on and begin"]) + &changed_text(&expired.changed)
}

/// How many networks that lose accounts a dry run names.
const NETWORKS_SHOWN: usize = 20;

fn expirable_text(expirable: &Expirable) -> String {
    let Expirable { expired, of_accounts, refused, networks, .. } = expirable;
    let mut text = aged_text(expired, ["would be gone", "go on and would begin"]);
    let share = 100.0 * expired.accounts as f64 / (*of_accounts).max(1) as f64;
    text += &format!("that is {share:.1}% of {}; nothing was written\n", counted(*of_accounts, "account"));
    for network in networks.iter().take(NETWORKS_SHOWN) {
        text += &format!("{}: {} of {}\n", network.id, grouped(network.gone), counted(network.accounts, "account"));
    }
    let more = networks.len().saturating_sub(NETWORKS_SHOWN);
    if more > 0 {
        text += &format!("... and of {} more; JSON has all\n", counted(more as u64, "network"));
    }
    if networks.is_empty() {
        text += "no network that was found would lose an account\n";
    }
    if *refused {
        text +=
            &format!("more than {:.0}% of all accounts: this would be refused without --allow-most\n", 100.0 * privacy::MOST);
    }
    text
}

/// What goes and what stays.
fn aged_text(expired: &Expired, [gone, went_on]: [&str; 2]) -> String {
    let mut text = format!(
        "before {}: {}, {}, {} and {} {gone}; {} {went_on} with their accounts' first events since\n",
        expired.since,
        counted(expired.accounts, "account"),
        counted(expired.identifiers, "identifier"),
        counted(expired.sightings, "sighting"),
        counted(expired.events, "event"),
        counted(expired.sightings_cut, "sighting")
    );
    if expired.sightings_without_time > 0 {
        let (sightings, has) = (counted(expired.sightings_without_time, "sighting"), expired.sightings_without_time == 1);
        text += &format!("{sightings} {}\n", if has { "has no time, and stays" } else { "have no time, and stay" });
    }
    if expired.account_rows + expired.allowed_rows > 0 {
        text += &format!(
            "with the accounts {} of the account table and {} of the allow list; give both tables to `update` again, in case some come \
             back\n",
            counted(expired.account_rows, "row"),
            counted(expired.allowed_rows, "line")
        );
    }
    text
}

fn forgotten_text(forgotten: &Forgotten) -> String {
    let mut text = format!(
        "{} forgotten, with {}, {} and {} that nobody else was seen with\n",
        counted(forgotten.accounts, "account"),
        counted(forgotten.sightings, "sighting"),
        counted(forgotten.events, "event"),
        counted(forgotten.identifiers, "identifier")
    );
    if forgotten.decisions > 0 {
        text.push_str(&format!("names and remarks of {} erased from the case log\n", counted(forgotten.decisions, "decision")));
    }
    text += &changed_text(&forgotten.changed);
    let others = forgotten.remembered.saturating_sub(forgotten.accounts);
    let others = if others > 0 { format!(", as of {} forgotten before", counted(others, "account")) } else { String::new() };
    text.push_str(&format!(
        "rows of theirs are left out of what is read from now on{others}: a keyed hash of each name stays in the store; --lift ends that\n"
    ));
    if forgotten.detected_again {
        text.push_str("networks detected again without them\n");
    }
    match forgotten.found.as_slice() {
        [] => text.push_str(&format!("{} searched: none holds their names\n", counted(forgotten.files_searched, "file"))),
        found => found.iter().for_each(|place| {
            let (times, bytes) = (place.times, place.name_bytes);
            text.push_str(&format!(
                "{}: a name of {bytes} bytes still stands there {}; it may be another word that happens to be the same\n",
                place.file,
                counted(times, "time")
            ));
        }),
    }
    text
}

fn lifted_text(lifted: &Lifted) -> String {
    format!(
        "{} may come back: what is read of them from now on counts again, but for events with an id that had been read; {} still forgotten\n",
        counted(lifted.accounts, "account"),
        counted(lifted.still_forgotten, "account")
    )
}

/// Writes indicators for a group.
pub(crate) fn share(arguments: &Share, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = Dataset::open(&arguments.store)?;
    let results = dataset.labelling()?;
    let key = Key::read(&arguments.group_key)?;
    let networks = chosen(&dataset, &results, &arguments.network)?;
    let sharing = Sharing { max_benign_prevalence: arguments.max_benign, ..Sharing::default() };
    let summary = share::share(&dataset, &results, networks, &sharing, &key, &arguments.output)?;
    if summary.pseudonyms {
        output.say("the store holds pseudonyms: only stores built with the same --key-file can match these indicators")?;
    }
    if summary.rejected > 0 {
        let networks = counted(summary.rejected, "network");
        output.say(&format!("nothing of what people rejected is shared: {networks}"))?;
    }
    let path = arguments.output.display().to_string();
    output.one(&summary, |summary: &ShareSummary| {
        format!(
            "{path}: {} of {} for group {}; {} held back, because others use them too\n",
            counted(summary.indicators, "indicator"),
            counted(summary.networks, "network"),
            summary.group,
            grouped(summary.held_back)
        )
    })?;
    Ok(if summary.indicators == 0 { Found::Nothing } else { Found::Something })
}

/// Prints what a group's indicators and a store have in common.
pub(crate) fn find_matches(arguments: &Match, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open(&arguments.store)?;
    let key = Key::read(&arguments.group_key)?;
    let (text, name) = (input::text_of(&arguments.file)?, input::name_of(&arguments.file));
    let mut matches = share::find_matches_in(&dataset, dataset.labelling_if_any()?.as_ref(), &text, &name, &key)?;
    let all = matches.len();
    matches.retain(|found| arguments.expired || !found.expired);
    if matches.len() < all {
        let expired = all - matches.len();
        let (have, them) = if expired == 1 { ("has", "it") } else { ("have", "them") };
        output.say(&format!("{} more {have} expired; --expired shows {them}", grouped(expired as u64)))?;
    }
    Ok(output.records(&matches, MATCH)?)
}

const MATCH: &[Field<share::Match>] = &[
    Field::name("identifier", |found| found.identifier.clone()),
    Field::number("accounts", |found| found.accounts.to_string()),
    Field::text("networks", |found| found.networks.join(" ")),
    Field::spare(1, Field::text("class", |found| found.class.clone().unwrap_or_default())),
    Field::spare(4, Field::text("their_class", |found| found.their_class.clone().unwrap_or_default())),
    Field::of(
        "their_benign_prevalence",
        Field::number("their_benign", |found| format!("{:.0}%", found.their_benign_prevalence * 100.0)),
    ),
    Field::spare(2, Field::of("their_confidence", Field::number("confidence", |found| found.their_confidence.to_string()))),
    Field::spare(3, Field::text("valid_until", |found| found.valid_until.clone().unwrap_or_default())),
    Field::csv("expired"),
];
