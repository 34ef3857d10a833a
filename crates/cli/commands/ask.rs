//! Questions about nodes: show, neighbors, hubs, top.

use std::path::Path;

use hydralink::filter::{self, first_passing};
use hydralink::node::{Name, looks_like_csv, names_of_lines, targets_of_lines};
use hydralink::query::{self, Hub, Neighbor, NodeCard};
use hydralink::top::{self, By, TopNode};
use hydralink::{AccountId, Dataset, Node};
use serde::Serialize;

use crate::Found;
use crate::args::{Hubs, Measure, Neighbors, OneNode, Top};
use crate::input::{self, STDIN};
use crate::output::{Field, Format, Output, counted, grouped};

/// Prints one node, or those that stdin names.
pub(crate) fn show(arguments: &OneNode, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open_for_lookups(&arguments.store)?;
    let results = dataset.labelling_if_any()?;
    if !input::is_stdin(&arguments.node) {
        let node = dataset.node(&arguments.node)?;
        dataset.expect_reading_of(&[node]);
        let card = query::show(&dataset, results.as_ref(), node)?;
        return Ok(output.one(&card, card_text)?);
    }
    let (nodes, unknown) = named(&dataset, Path::new(STDIN), output)?;
    dataset.expect_reading_of(&nodes);
    let cards = nodes.into_iter().map(|node| query::show(&dataset, results.as_ref(), node));
    let cards: Vec<NodeCard> = cards.collect::<Result<_, _>>()?;
    if output.is_table_wanted() {
        let found = cards.iter().try_fold(Found::Nothing, |_, card| output.one(card, card_text))?;
        return found_but(unknown, found);
    }
    found_but(unknown, output.lines(&cards)?)
}

/// The nodes that a file or stdin names, and the first of the names that the store doesn't have; each of these is told.
pub(crate) fn named(dataset: &Dataset, path: &Path, output: &mut Output) -> anyhow::Result<Named<Node>> {
    let text = input::text_of(path)?;
    found_in(&text, names_of_lines(&text)?, |name| dataset.named(name), output)
}

/// The same of a list of accounts.
pub(crate) fn named_accounts(dataset: &Dataset, path: &Path, output: &mut Output) -> anyhow::Result<Named<AccountId>> {
    let text = input::text_of(path)?;
    found_in(&text, names_of_lines(&text)?, |name| dataset.account_named(name), output)
}

/// The nodes that a list of what is to be done names.
pub(crate) fn targets(dataset: &Dataset, path: &Path, output: &mut Output) -> anyhow::Result<Named<Node>> {
    let text = input::text_of(path)?;
    found_in(&text, targets_of_lines(&text)?, |name| dataset.named(name), output)
}

type Named<T> = (Vec<T>, Option<anyhow::Error>);

/// Unknown names of a list that are told one by one.
const UNKNOWN_SHOWN: usize = 10;

fn found_in<T>(
    text: &str,
    names: Vec<Name>,
    find: impl Fn(&Name) -> Result<T, hydralink::Error>,
    output: &mut Output,
) -> anyhow::Result<Named<T>> {
    let (mut nodes, mut unknown, mut count) = (Vec::new(), None, 0);
    // A row of a CSV isn't near to anything: what to do about it is said once.
    let rows = looks_like_csv(text)
        && text.lines().next().is_some_and(|line| names.first().is_some_and(|name| *name == line.trim().into()));
    for name in names {
        match find(&name) {
            Ok(node) => nodes.push(node),
            Err(error @ hydralink::Error::Unknown { .. }) => {
                count += 1;
                let error = if count <= UNKNOWN_SHOWN && !rows {
                    let is_json =
                        name.text().starts_with('{') && serde_json::from_str::<serde_json::Value>(name.text()).is_ok();
                    let hint = if is_json {
                        "; a JSON object names by node, identifier, account_id, kind and value, or actions"
                    } else {
                        ""
                    };
                    let text = format!("{error}{hint}");
                    output.say_why(error.into(), &text)?
                } else {
                    error.into()
                };
                unknown = unknown.or(Some(error));
            }
            Err(error) => return Err(error.into()),
        }
    }
    if rows && count > 0 {
        let are = if count == 1 { "is no name" } else { "are no names" };
        output.say(&format!(
            "the list looks like a CSV, and {} of its rows {are}: give its header a column account_id (or node, or kind and \
             value), or cut out the one with the names, as in `cut -d, -f1`",
            grouped(count as u64)
        ))?;
    } else if count > UNKNOWN_SHOWN {
        output.say(&format!("... and {} more names that the store doesn't have", grouped((count - UNKNOWN_SHOWN) as u64)))?;
    }
    Ok((nodes, unknown))
}

/// What was found, unless a name was unknown.
pub(crate) fn found_but(unknown: Option<anyhow::Error>, found: Found) -> anyhow::Result<Found> {
    unknown.map_or(Ok(found), Err)
}

/// Refuses a list with an unknown name, and says what is not `done`, unless such names are to be skipped.
pub(crate) fn refuse_unknown(
    unknown: Option<anyhow::Error>,
    skip: bool,
    done: (&str, &str),
    output: &mut Output,
) -> anyhow::Result<()> {
    if let Some(unknown) = unknown.filter(|_| !skip) {
        output.say(&format!("nothing was {}; --skip-unknown {} the others", done.0, done.1))?;
        return Err(unknown);
    }
    Ok(())
}

fn card_text(card: &NodeCard) -> String {
    let mut lines = vec![card.node.clone()];
    let mut line = |name: &str, value: String| lines.push(format!("  {name:<14} {value}"));
    let of_kind = |(kind, &count): (&String, &u64)| match kind.as_str() {
        "account" => counted(count, "account"),
        kind => format!("{} {kind}", grouped(count)),
    };
    let seen: Vec<String> = card.seen_with.iter().map(of_kind).collect();
    line("seen with", if seen.is_empty() { "nothing".to_owned() } else { seen.join(", ") });
    line("exchanges", grouped(card.exchanges));
    card.tokens.into_iter().for_each(|tokens| line("tokens", grouped(tokens)));
    if let (Some(first), Some(last)) = (&card.first_seen, &card.last_seen) {
        line("seen", format!("{first} to {last}"));
    }
    for (name, value) in &card.facts {
        line(name, value.clone());
    }
    if let (Some(class), Some(policy)) = (&card.class, &card.policy) {
        line("class", format!("{class} ({policy})"));
    }
    if let Some(network) = &card.network {
        line("network", network.clone());
    }
    match (&card.candidate, card.membership) {
        (Some(candidate), Some("core" | "fringe")) => line("candidate", format!("{candidate} (below the threshold)")),
        (Some(candidate), _) => line("touches", format!("{candidate} (not flagged for this)")),
        (None, _) => {}
    }
    if let (Some(membership), Some(confidence)) = (card.membership, card.confidence) {
        line("membership", format!("{membership}, confidence {confidence:.2}"));
    }
    if let Some(suppressed) = card.suppressed_sightings.filter(|&count| count > 0) {
        let never = card.dropped_sightings.unwrap_or(0);
        let all = counted(suppressed, "identifier");
        let count = "they count where another identifier ties the accounts";
        line(
            "hubs",
            match never {
                0 => format!("{all} not linking on their own: {count} (`appeal`)"),
                _ if never == suppressed => format!("{all} that link nobody and never count (`neighbors` has their class)"),
                _ => format!("{all} not linking on their own: {count} (`appeal`), but for {} that never do", grouped(never)),
            },
        );
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Neighbours that are held to be printed together; more go out as they come.
const HELD: usize = 10_000;

/// Prints a node's neighbours, or those of the nodes that stdin names.
pub(crate) fn neighbors(arguments: &Neighbors, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open_for_lookups(&arguments.store)?;
    let results = dataset.labelling_if_any()?;
    let several = input::is_stdin(&arguments.node);
    let (nodes, unknown) = match several {
        true => named(&dataset, Path::new(STDIN), output)?,
        false => (vec![dataset.node(&arguments.node)?], None),
    };
    if let Some(kind) = arguments.kind.as_deref().filter(|kind| *kind != "account") {
        dataset.kind(kind)?;
    }
    dataset.expect_reading_of(&nodes);
    let most = filter::at_most(arguments.top);
    let ask = |node: Node, most: usize| query::nearest(&dataset, results.as_ref(), node, arguments.kind.as_deref(), most);
    let bounds = nodes.iter().map(|node| node.degree(dataset.graph()).min(most));
    if arguments.filter_where.is_none() && bounds.sum::<usize>() > HELD {
        let (mut all, mut shown, mut failed) = (0, 0, None);
        let counted = nodes.into_iter().map_while(|node| match ask(node, most) {
            Ok((rows, count)) => {
                (all, shown) = (all + count, shown + count.min(most));
                Some(rows)
            }
            Err(error) => {
                failed = Some(error);
                None
            }
        });
        let counted = counted.flatten();
        let found = match output.format() {
            Format::Table if !several => output.blocks(counted, HELD, NEIGHBOR)?,
            _ => output.stream(counted, NEIGHBOR)?,
        };
        failed.map_or(Ok(()), Err)?;
        output.say_shown(shown, all)?;
        return found_but(unknown, found);
    }
    let (mut rows, mut all) = (Vec::new(), 0);
    for node in nodes {
        let (of_one, count) = ask(node, if arguments.filter_where.is_some() { usize::MAX } else { most })?;
        all += count;
        rows.extend(first_passing(of_one, arguments.filter_where.as_deref(), filter::NEIGHBOR_FIELDS, arguments.top)?);
    }
    let found = if several && output.format() != Format::Csv && !output.is_table_wanted() {
        output.lines(&rows)?
    } else {
        output.records(&rows, NEIGHBOR)?
    };
    if arguments.filter_where.is_none() {
        output.say_shown(rows.len(), all)?;
    }
    found_but(unknown, found)
}

const NEIGHBOR: &[Field<Neighbor>] = &[
    Field::csv("of"),
    Field::name("node", |row| row.node.clone()),
    Field::number("bits", |row| row.bits.map_or(String::new(), |bits| format!("{bits:.2}"))),
    Field::spare(3, Field::number("exchanges", |row| row.exchanges.to_string())),
    Field::number("degree", |row| row.degree.to_string()),
    Field::spare(1, Field::text("class", |row| row.class.clone().unwrap_or_default())),
    Field::spare(2, Field::text("network", |row| row.network.clone().unwrap_or_default())),
    Field::csv("first_seen"),
    Field::csv("last_seen"),
];

/// Prints the most widely shared identifiers.
pub(crate) fn hubs(arguments: &Hubs, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open_for_lookups(&arguments.store)?;
    let results = dataset.labelling()?;
    let rows = query::hubs(&dataset, &results, arguments.kind.as_deref())?;
    let rows = first_passing(rows, arguments.filter_where.as_deref(), filter::HUB_FIELDS, arguments.top)?;
    print_first(&rows, arguments.top, HUB, output)
}

/// Prints the nodes with most of something.
pub(crate) fn top(arguments: &Top, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open_for_lookups(&arguments.store)?;
    let results = dataset.labelling_if_any()?;
    let by = match arguments.by {
        Measure::Degree => By::Degree,
        Measure::Events => By::Events,
        Measure::Bits => By::Bits,
    };
    let rows = top::top(&dataset, results.as_ref(), by, arguments.kind.as_deref())?;
    let rows = first_passing(rows, arguments.filter_where.as_deref(), filter::TOP_FIELDS, arguments.top)?;
    print_first(&rows, arguments.top, TOP, output)
}

/// Prints what was taken from a list whose length nobody counts.
fn print_first<T: Serialize>(rows: &[T], top: usize, fields: &[Field<T>], output: &mut Output) -> anyhow::Result<Found> {
    let found = output.records(rows, fields)?;
    if top > 0 && rows.len() == top {
        output.say(&format!("showing the first {}; --top 0 shows all", grouped(top as u64)))?;
    }
    Ok(found)
}

const TOP: &[Field<TopNode>] = &[
    Field::name("node", |row| row.node.clone()),
    Field::number("degree", |row| row.degree.to_string()),
    Field::number("exchanges", |row| row.exchanges.to_string()),
    Field::number("bits", |row| row.bits.map_or(String::new(), |bits| format!("{bits:.1}"))),
    Field::spare(2, Field::text("class", |row| row.class.clone().unwrap_or_default())),
    Field::spare(1, Field::text("network", |row| row.network.clone().unwrap_or_default())),
    Field::csv("first_seen"),
    Field::csv("last_seen"),
];

const HUB: &[Field<Hub>] = &[
    Field::name("identifier", |row| row.identifier.clone()),
    Field::csv("kind"),
    Field::number("accounts", |row| row.accounts.to_string()),
    Field::csv("exchanges"),
    Field::text("class", |row| row.class.clone()),
    Field::text("policy", |row| row.policy.clone()),
    Field::text("reason", |row| row.reason.clone()),
    Field::csv("spread_days"),
    Field::csv("first_seen"),
    Field::csv("last_seen"),
];
