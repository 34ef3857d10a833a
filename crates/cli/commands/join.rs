//! What joins nodes: ego, path, common, why, why-not, appeal, how, overlap, expand.

use hydralink::appeal::Ground;
use hydralink::expand::{self, Close};
use hydralink::filter;
use hydralink::links::{self, EgoNode, Held, Shared, Why};
use hydralink::paths::{EvidencePath, Hop, paths};
use hydralink::significance::{self, Method, Significance};
use hydralink::ties::Ties;
use hydralink::why_not::{self, WhyNot, WhyNotMember};
use hydralink::{Node, Reading, cases};

use super::ask::{found_but, named_accounts};
use super::cohesion::print_listed;
use super::holds::{not_counted_lines, touching_words};
use crate::Found;
use crate::args;
use crate::output::{Field, Format, Output, counted, grouped};

/// Prints what lies around a node.
pub(crate) fn ego(arguments: &args::Ego, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open_for_lookups(&arguments.store)?;
    let results = dataset.labelling_if_any()?;
    let centre = dataset.node(&arguments.node)?;
    dataset.expect(Reading::Scattered);
    let ego = links::ego(&dataset, results.as_ref(), centre, arguments.hops, arguments.max_degree, arguments.max_nodes)?;
    let found = output.records(&ego.nodes, EGO)?;
    if ego.not_passed > 0 {
        let (count, most) = (counted(ego.not_passed, "identifier"), arguments.max_degree);
        let were = if ego.not_passed == 1 { "was" } else { "were" };
        output.say(&format!("{count} with more than {most} accounts {were} not walked through; see --max-degree"))?;
    }
    if ego.truncated {
        output.say(&format!("cut short at {}; see --max-nodes", counted(ego.nodes.len() as u64, "node")))?;
    }
    Ok(found)
}

const EGO: &[Field<EgoNode>] = &[
    Field::number("hops", |row| row.hops.to_string()),
    Field::name("node", |row| row.node.clone()),
    Field::spare(1, Field::name("through", |row| row.through.clone())),
    Field::spare(2, Field::number("degree", |row| row.degree.to_string())),
    Field::spare(3, Field::text("network", |row| row.network.clone().unwrap_or_default())),
];

/// Prints the strongest chains of evidence between two nodes.
pub(crate) fn path(arguments: &args::PathBetween, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open_for_lookups(&arguments.store)?;
    let results = dataset.labelling_if_any()?;
    let ties = results.as_ref().map(|results| Ties::of(&dataset, results)).transpose()?;
    let (from, to) = (dataset.node(&arguments.from)?, dataset.node(&arguments.to)?);
    dataset.expect(Reading::Joins);
    let found = paths(&dataset, ties.as_ref(), from, to, arguments.k)?;
    if found.is_empty() {
        output.say("no chain of shared identifiers joins them")?;
    }
    match output.format() {
        Format::Table if !found.is_empty() => Ok(output.one(&found, |found| paths_text(found))?),
        _ => Ok(output.records(&found, PATH)?),
    }
}

/// What a chain is ranked by and its bits, and under it its nodes, a line each.
fn paths_text(found: &[EvidencePath]) -> String {
    let hop = |hop: &Hop| match (hop.bits, hop.accounts) {
        (Some(bits), Some(accounts)) => format!("    {}\t{bits:.1} bits\t{}", hop.node, counted(accounts, "account")),
        _ => format!("  {}\t", hop.node),
    };
    let path = |path: &EvidencePath| {
        format!("cost {:.2}, {:.1} bits at its weakest\n{}\n", path.cost, path.bits, lines_of(path.hops.iter().map(hop)))
    };
    found.iter().map(path).collect::<Vec<String>>().join("\n")
}

fn lines_of(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<String>>().join("\n")
}

const PATH: &[Field<EvidencePath>] = &[
    Field::csv("cost"),
    Field::number("bits", |path| format!("{:.1}", path.bits)),
    Field::of(
        "hops.node",
        Field::text("path", |path| {
            let hop = |hop: &Hop| match (hop.bits, hop.accounts) {
                (Some(bits), Some(accounts)) => format!("{} [{accounts} accounts, {bits:.1} bits]", hop.node),
                _ => hop.node.clone(),
            };
            path.hops.iter().map(hop).collect::<Vec<String>>().join(" - ")
        }),
    ),
];

/// Prints what two nodes were both seen with.
pub(crate) fn common(arguments: &args::Common, output: &mut Output) -> anyhow::Result<Found> {
    let two = &arguments.two;
    let dataset = two.view.open_for_lookups(&two.store)?;
    match (dataset.node(&two.first)?, dataset.node(&two.second)?) {
        (Node::Account(first), Node::Account(second)) => {
            let results = dataset.labelling_if_any()?;
            let ties = results.as_ref().map(|results| Ties::of(&dataset, results)).transpose()?;
            let shared = links::common(&dataset, ties.as_ref(), first, second)?;
            Ok(output.first(&shared, arguments.top, SHARED)?)
        }
        (Node::Identifier(first), Node::Identifier(second)) => {
            let accounts = links::common_accounts(&dataset, first, second)?;
            let shown = &accounts[..accounts.len().min(filter::at_most(arguments.top))];
            let listed = cases::list_accounts(&dataset, dataset.labelling_if_any()?.as_ref(), shown)?;
            let found = print_listed(&listed, output)?;
            output.say_shown(shown.len(), accounts.len())?;
            Ok(found)
        }
        _ => anyhow::bail!("common takes two accounts, or two identifiers; see `path` for one of each"),
    }
}

const SHARED: &[Field<Shared>] = &[
    Field::name("identifier", |row| row.identifier.clone()),
    Field::number("bits", |row| format!("{:.1}", row.bits)),
    Field::spare(1, Field::number("accounts", |row| row.accounts.to_string())),
    Field::spare(2, Field::text("class", |row| row.class.clone().unwrap_or_default())),
    Field::spare(3, Field::of("overlapping", Field::text("at the same time", |row| at_the_same_time(row).to_owned()))),
    Field::csv("seen_by_first"),
    Field::csv("seen_by_second"),
];

/// Whether both were seen with it at overlapping times; nothing where that isn't known.
fn at_the_same_time(shared: &Shared) -> &'static str {
    match shared.overlapping {
        Some(true) => "yes",
        Some(false) => "no",
        None => "",
    }
}

/// Shared identifiers that an answer's text names; JSON has all.
const SHARED_SHOWN: usize = 12;

/// The shared identifiers as lines under an answer.
fn shared_lines(shared: &[Shared]) -> Vec<String> {
    let line = |shared: &Shared| {
        let class = shared.class.as_deref().unwrap_or_default();
        let (bits, accounts) = (shared.bits, grouped(shared.accounts));
        format!("  {}\t{bits:.1} bits\t{accounts} accounts\t{class}", shared.identifier)
    };
    let mut lines: Vec<String> = shared.iter().take(SHARED_SHOWN).map(line).collect();
    if shared.len() > SHARED_SHOWN {
        lines.push(format!("  ... and {} more; `common` lists them", grouped((shared.len() - SHARED_SHOWN) as u64)));
    }
    lines
}

/// Prints what two accounts share, and what that says.
pub(crate) fn why(arguments: &args::Why, output: &mut Output) -> anyhow::Result<Found> {
    let two = &arguments.two;
    let dataset = two.view.open_for_lookups(&two.store)?;
    let (first, second) =
        (dataset.account_named(&two.first.as_str().into())?, dataset.account_named(&two.second.as_str().into())?);
    let results = dataset.labelling()?;
    let mut found = links::why(&dataset, &results, first, second)?;
    if arguments.significance {
        dataset.expect(Reading::Whole);
        found.significance = Some(significance::significance(&dataset, &results, first, second)?);
    }
    let why = match arguments.prior_same_operator {
        Some(prior) => found.at_prior(prior),
        None => found,
    };
    Ok(output.one(&why, |why| {
        let mut lines = vec![format!("{} and {}: {}", why.first, why.second, why.answer)];
        lines.extend(shared_lines(&why.shared));
        lines.push(probability_line(why));
        lines.push(held_line(why));
        lines.extend(why.significance.as_ref().map(significance_line));
        lines.push(String::new());
        lines.join("\n")
    })?)
}

/// A model's number, said with what it stands on.
fn probability_line(why: &Why) -> String {
    let among = grouped((1.0 / why.prior_same_operator).round() as u64);
    let left_out = match &why.group {
        Some(group) if why.first_through.is_none() && why.held != Held::OneOperator => {
            format!(", as if there were no {}", group.network)
        }
        Some(_) if why.first_through.is_some() => ", the network left out of it".to_owned(),
        _ => String::new(),
    };
    format!(
        "one operator's by what the two share alone{left_out}: {} by the model, if of {among} pairs one is (--prior-same-operator)",
        likely(why.probability)
    )
}

/// What is held of the two, and what that goes by: the group where there is one, for two accounts of an office share as much.
fn held_line(why: &Why) -> String {
    let decided = why.group.as_ref().and_then(|group| group.decided).is_some();
    let by = match &why.group {
        Some(group) if !decided => {
            let touches = if group.both_belong { "" } else { ", and one of them only touches it" };
            format!(
                "by its score {} ({}) is one operator's with a chance of {}{touches}",
                group.network,
                counted(group.accounts, "account"),
                likely(group.chance)
            )
        }
        Some(_) => "as people decided".to_owned(),
        None => "no candidate network has both".to_owned(),
    };
    match why.held {
        Held::OneOperator => format!("held to be one operator's: {by}"),
        Held::Harmless if why.group.is_none() => "not held to be one operator's: people found both harmless".to_owned(),
        Held::Harmless => format!("not held to be one operator's: {by}"),
        Held::Apart => format!("not held to be one operator's: {by}, and nothing ties the two"),
        _ => format!("undecided: {by}"),
    }
}

/// A probability, where no model knows more.
fn likely(probability: f64) -> String {
    match probability {
        high if high > 0.9999 => "over 99.99%".to_owned(),
        low if low < 0.0001 => "under 0.01%".to_owned(),
        between => format!("{:.2}%", 100.0 * between),
    }
}

/// A p-value of what is shared, and what is left of it among all pairs.
pub(super) fn significance_line(found: &Significance) -> String {
    let off = match (found.off_by, found.method) {
        (Some(off), _) => format!(", off by at most {off:.1e}"),
        (None, Method::SaddlePoint) => ", by the saddle point".to_owned(),
        (None, _) => String::new(),
    };
    format!(
        "{} shared of {} where chance gives {:.3}, as many as either has kept: p = {:.2e}{off}; among {:.2e} pairs q is at most {:.2e}",
        grouped(found.shared),
        found.kinds.join(", "),
        found.expected,
        found.p_value,
        found.pairs,
        found.q_value_at_most
    )
}

/// Prints what keeps two accounts apart.
pub(crate) fn why_not(arguments: &args::WhyNot, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open_for_lookups(&arguments.store)?;
    let first = dataset.account_named(&arguments.account.as_str().into())?;
    let results = dataset.labelling()?;
    if why_not::names_network(&dataset, &results, &arguments.other) {
        let found = why_not::why_not_member(&dataset, &results, first, &arguments.other)?;
        return Ok(output.one(&found, why_not_member_text)?);
    }
    let second = dataset.account_named(&arguments.other.as_str().into())?;
    dataset.expect(Reading::Joins);
    let found = why_not::why_not(&dataset, &results, first, second)?;
    Ok(output.one(&found, why_not_text)?)
}

fn why_not_member_text(found: &WhyNotMember) -> String {
    let mut lines = vec![found.answer.clone()];
    let line = |identifier: &str, bits: f64, members: u64, accounts: u64| {
        format!("  {identifier}\t{bits:.1} bits\t{} of its {}", grouped(members), counted(accounts, "account"))
    };
    let ground = |ground: &Ground| {
        let said = line(&ground.identifier, ground.bits, ground.members, ground.accounts);
        format!("{said}{}", touching_words(ground.touching))
    };
    let mut section = |heading: String, rows: Vec<String>| {
        if rows.is_empty() {
            return;
        }
        let more = rows.len().saturating_sub(SHARED_SHOWN);
        lines.push(format!("\n{heading}"));
        lines.extend(rows.into_iter().take(SHARED_SHOWN));
        lines.extend((more > 0).then(|| format!("  and {} more; JSON has all", grouped(more as u64))));
    };
    let grounds = found.grounds.iter().map(ground);
    let pays = if found.join_bits > 0.0 && !found.grounds.is_empty() {
        format!(
            " ({:.1} bits together, less {:.1} that joining costs an outsider)",
            found.bits + found.join_bits,
            found.join_bits
        )
    } else {
        String::new()
    };
    section(format!("What speaks for it, and how many of its accounts are the network's{pays}"), grounds.collect());
    let missing = found.would_do.iter().map(|one| line(&one.identifier, one.bits, one.members, one.accounts));
    section(
        format!(
            "What would tie it{}, had it been seen with {} as well",
            if found.profile_bits.is_some() { " (which alone makes it no member: see below)" } else { "" },
            if found.would_do.len() == 1 { "this" } else { "all of these" }
        ),
        missing.collect(),
    );
    let joining = found.would_join.iter().map(|one| line(&one.identifier, one.bits, one.members, one.accounts));
    if let (Some(role), Some(bits)) = (found.would_join_as, found.profile_bits) {
        section(
            format!(
                "What would make it a {} member, had it been seen with {} as well: so much of what it has would be the network's \
                 (the odds by that are 2^{bits:.1} now)",
                role.name(),
                if found.would_join.len() == 1 {
                    "this".to_owned()
                } else {
                    format!("all {} of these", found.would_join.len())
                }
            ),
            joining.collect(),
        );
    }
    let not_counted = not_counted_lines(&found.not_counted, found.shared_not_counted, usize::MAX);
    section("Shared with members and not counted".to_owned(), not_counted);
    if found.membership.is_none() && !found.kinds_not_shared.is_empty() {
        lines.push(format!("\nNothing that counts among: {}", found.kinds_not_shared.join(", ")));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn why_not_text(found: &WhyNot) -> String {
    let mut lines = vec![format!("{} and {}: {}", found.first, found.second, found.answer)];
    if !found.chain.is_empty() {
        lines.push("\nStrongest chain".to_owned());
    }
    for (at, step) in found.chain.iter().enumerate() {
        let weakest = if found.weakest_step == Some(at) && step.bits < step.needed { "  <- breaks here" } else { "" };
        lines.push(format!("  {} - {} by {}", step.first, step.second, step.by));
        lines.push(format!("    {:.1} bits of the {:.1} that tie a pair{weakest}", step.bits, step.needed));
    }
    if !found.shared.is_empty() {
        lines.push("\nShared".to_owned());
        lines.extend(shared_lines(&found.shared));
    }
    if !found.together && !found.kinds_not_shared.is_empty() {
        lines.push(format!("\nNothing in common among: {}", found.kinds_not_shared.join(", ")));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Prints the identifiers that two networks both touch.
pub(crate) fn overlap(arguments: &args::Overlap, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open(&arguments.store)?;
    let results = dataset.labelling()?;
    let (first, second) =
        (dataset.network_index(&results, &arguments.first)?, dataset.network_index(&results, &arguments.second)?);
    Ok(output.first(&links::overlap(&dataset, &results, first, second)?, arguments.top, OVERLAP)?)
}

const OVERLAP: &[Field<links::Overlap>] = &[
    Field::name("identifier", |row| row.identifier.clone()),
    Field::of("first_members", Field::number("first", |row| row.first_members.to_string())),
    Field::of("second_members", Field::number("second", |row| row.second_members.to_string())),
    Field::number("accounts", |row| row.accounts.to_string()),
    Field::text("class", |row| row.class.clone()),
];

/// Prints the accounts closest to some seeds.
pub(crate) fn expand(arguments: &args::Expand, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open(&arguments.store)?;
    let (seeds, unknown) = named_accounts(&dataset, &arguments.seeds, output)?;
    let (good, unknown_good) = match &arguments.good {
        Some(good) => named_accounts(&dataset, good, output)?,
        None => (Vec::new(), None),
    };
    let unknown = unknown.or(unknown_good);
    if seeds.is_empty() && unknown.is_some() {
        return found_but(unknown, Found::Nothing);
    }
    let mut found = expand::expand(&dataset, &dataset.labelling()?, &seeds, &good)?;
    let all = found.accounts.len();
    found.accounts.truncate(filter::at_most(arguments.top));
    let printed = match output.format() {
        Format::Json => output.one(&found, |_| String::new())?,
        _ => output.records(&found.accounts, &close_fields(!good.is_empty()))?,
    };
    output.say(&format!(
        "{}{}; a cluster of {} of conductance {:.3}; showing {} of {} that the walk reached",
        counted(found.seeds, "seed"),
        match found.seeds_without_links {
            0 => String::new(),
            1 => " (one with nothing that links is left out)".to_owned(),
            some => format!(" ({} with nothing that links are left out)", grouped(some)),
        },
        counted(found.inside, "account"),
        found.conductance,
        grouped(found.accounts.len() as u64),
        grouped(all as u64)
    ))?;
    found_but(unknown, printed)
}

/// The columns of a close account; tables show its leaning where known-good accounts were named.
fn close_fields(with_good: bool) -> [Field<Close>; 8] {
    let leaning = |row: &Close| row.leaning.map_or(String::new(), |leaning| format!("{leaning:.3}"));
    [
        Field::number("rank", |row| row.rank.to_string()),
        Field::name("account_id", |row| row.account_id.clone()),
        Field::number("score", |row| format!("{:.4}", row.score)),
        if with_good { Field::number("leaning", leaning) } else { Field::csv("leaning") },
        Field::text("seed", |row| if row.seed { "seed" } else { "" }.to_owned()),
        Field::text("inside", |row| if row.inside { "inside" } else { "" }.to_owned()),
        Field::text("network", |row| row.network.clone().unwrap_or_default()),
        Field::number("exchanges", |row| row.exchanges.to_string()),
    ]
}
