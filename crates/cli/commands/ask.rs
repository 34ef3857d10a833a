//! Questions about one node: show, neighbors, path, hubs, verify.

use hydralink::paths::{EvidencePath, paths};
use hydralink::query::{self, Hub, Neighbor, NodeCard};
use hydralink::{Dataset, Node, links};

use super::case;
use crate::Found;
use crate::args::{Hubs, Neighbors, OneNode, OneStore, PathBetween};
use crate::output::{Field, Output, grouped};

/// Prints one node.
pub(crate) fn show(arguments: &OneNode, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open(&arguments.store)?;
    let node = dataset.node(&arguments.node)?;
    let card = query::show(&dataset, dataset.results_if_any()?.as_ref(), node);
    Ok(output.one(&card, card_text)?)
}

fn card_text(card: &NodeCard) -> String {
    let mut lines = vec![card.node.clone()];
    let mut line = |name: &str, value: String| lines.push(format!("  {name:<14} {value}"));
    let seen: Vec<String> = card.seen_with.iter().map(|(kind, count)| format!("{} {kind}", grouped(*count))).collect();
    line("seen with", seen.join(", "));
    line("exchanges", grouped(card.exchanges));
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
    if let Some(candidate) = &card.candidate {
        line("touches", format!("{candidate} (not flagged for this)"));
    }
    if let (Some(membership), Some(confidence)) = (card.membership, card.confidence) {
        line("membership", format!("{membership}, confidence {confidence:.2}"));
    }
    if let Some(suppressed) = card.suppressed_sightings.filter(|&count| count > 0) {
        line("hubs", format!("{} identifiers not used for linking; see `neighbors`", grouped(suppressed)));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Prints a node's neighbours.
pub(crate) fn neighbors(arguments: &Neighbors, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open(&arguments.store)?;
    let node = dataset.node(&arguments.node)?;
    let mut rows = query::neighbors(&dataset, dataset.results_if_any()?.as_ref(), node);
    if let Some(kind) = &arguments.kind {
        dataset.kind(kind)?;
        let prefix = format!("{kind}:");
        rows.retain(|row| row.node.starts_with(&prefix));
    }
    let all = rows.len();
    if arguments.top > 0 {
        rows.truncate(arguments.top);
    }
    let found = output.records(&rows, NEIGHBOR)?;
    if rows.len() < all {
        output.say(&format!("showing {} of {}; --top 0 shows all", grouped(rows.len() as u64), grouped(all as u64)))?;
    }
    Ok(found)
}

const NEIGHBOR: &[Field<Neighbor>] = &[
    Field::text("node", |row| row.node.clone()),
    Field::number("bits", |row| row.bits.map_or(String::new(), |bits| format!("{bits:.2}"))),
    Field::number("exchanges", |row| row.exchanges.to_string()),
    Field::number("degree", |row| row.degree.to_string()),
    Field::text("class", |row| row.class.clone().unwrap_or_default()),
    Field::text("network", |row| row.network.clone().unwrap_or_default()),
    Field::csv("first_seen", |row| row.first_seen.clone().unwrap_or_default()),
    Field::csv("last_seen", |row| row.last_seen.clone().unwrap_or_default()),
];

/// Prints the strongest chains of evidence between two nodes.
pub(crate) fn path(arguments: &PathBetween, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open(&arguments.store)?;
    let (from, to) = (dataset.node(&arguments.from)?, dataset.node(&arguments.to)?);
    let found = paths(&dataset, from, to, arguments.k)?;
    if found.is_empty() {
        output.say("no chain of shared identifiers joins them")?;
    }
    Ok(output.records(&found, PATH)?)
}

const PATH: &[Field<EvidencePath>] = &[
    Field::number("bits", |path| format!("{:.1}", path.bits)),
    Field::text("path", |path| {
        let hop = |hop: &hydralink::paths::Hop| match (hop.bits, hop.accounts) {
            (Some(bits), Some(accounts)) => format!("{} [{accounts} accounts, {bits:.1} bits]", hop.node),
            _ => hop.node.clone(),
        };
        path.hops.iter().map(hop).collect::<Vec<String>>().join(" - ")
    }),
];

/// Prints what two accounts share, and what that says.
pub(crate) fn why(arguments: &PathBetween, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open(&arguments.store)?;
    let account = |text: &str| match dataset.node(text)? {
        Node::Account(account) => Ok(account),
        Node::Identifier(_) => anyhow::bail!("{text} is an identifier; why takes two accounts"),
    };
    let why = links::why(&dataset, &dataset.results()?, account(&arguments.from)?, account(&arguments.to)?);
    Ok(output.one(&why, |why| {
        let mut lines = vec![format!("{} and {}: {}", why.first, why.second, why.answer)];
        lines.extend(why.shared.iter().map(|shared| {
            let class = shared.class.as_deref().unwrap_or_default();
            format!("  {:<52} {:>6.1} bits  {:>7} accounts  {class}", shared.identifier, shared.bits, grouped(shared.accounts))
        }));
        lines.push(String::new());
        lines.join("\n")
    })?)
}

/// Prints the most widely shared identifiers.
pub(crate) fn hubs(arguments: &Hubs, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open(&arguments.store)?;
    let rows = query::hubs(&dataset, &dataset.results()?, arguments.kind.as_deref(), arguments.top)?;
    Ok(output.records(&rows, HUB)?)
}

const HUB: &[Field<Hub>] = &[
    Field::text("identifier", |row| row.identifier.clone()),
    Field::csv("kind", |row| row.kind.clone()),
    Field::number("accounts", |row| row.accounts.to_string()),
    Field::csv("exchanges", |row| row.exchanges.to_string()),
    Field::text("class", |row| row.class.clone()),
    Field::text("policy", |row| row.policy.clone()),
    Field::text("reason", |row| row.reason.clone()),
    Field::csv("first_seen", |row| row.first_seen.clone().unwrap_or_default()),
    Field::csv("last_seen", |row| row.last_seen.clone().unwrap_or_default()),
];

/// Checks every byte of a store.
pub(crate) fn verify(arguments: &OneStore, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = Dataset::open(&arguments.store)?;
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
