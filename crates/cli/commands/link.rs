//! Accounts that are one by rules and lists.

use anyhow::Context;
use hydralink::rules::{self, Conflict, LinkedGroup, ListFile, Rule, Rules};
use hydralink::{AccountId, Dataset};
use serde::Serialize;

use super::ask::{named, refuse_unknown};
use crate::Found;
use crate::args;
use crate::input;
use crate::output::{Field, Output, counted};

/// Prints the groups that rules and lists make, their accounts, or the conflicts.
pub(crate) fn link(arguments: &args::Link, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open(&arguments.store)?;
    let results = dataset.labelling_if_any()?;
    if arguments.lists.rule.is_empty() && arguments.lists.rules.is_none() && arguments.lists.must.is_none() {
        anyhow::bail!(hydralink::Error::Usage("nothing to link by: give --rule, --rules or --must".to_owned()));
    }
    let (rules, _) = read_lists(&dataset, &arguments.lists, output)?;
    let linked = rules::link(&dataset, results.as_ref(), &rules)?;
    for (rule, pairs) in &linked.pairs {
        output.say(&format!("{rule}: {} of accounts", counted(*pairs, "pair")))?;
    }
    if arguments.conflicts {
        return Ok(output.records(&linked.conflicts, CONFLICT)?);
    }
    if !linked.conflicts.is_empty() {
        output.say(&format!(
            "{} that cannot be one {} joined by rules; --conflicts lists them",
            counted(linked.conflicts.len() as u64, "pair"),
            if linked.conflicts.len() == 1 { "is" } else { "are" }
        ))?;
    }
    if arguments.accounts {
        let of_group = |group: &LinkedGroup| -> Vec<LinkedAccount> {
            let shown = |&account: &AccountId| dataset.shown_account(account).into_owned();
            group.members.iter().map(|account| LinkedAccount { account_id: shown(account), cluster: group.group }).collect()
        };
        let accounts: Vec<LinkedAccount> = linked.groups.iter().flat_map(of_group).collect();
        return Ok(output.records(&accounts, ACCOUNT)?);
    }
    Ok(output.first(&linked.groups, arguments.top, GROUP)?)
}

/// Rules and lists with the files that they stand in. A name that the store doesn't have is refused, or skipped and told.
pub(crate) fn read_lists(
    dataset: &Dataset,
    arguments: &args::RuleLists,
    output: &mut Output,
) -> anyhow::Result<(Rules, Vec<ListFile>)> {
    let (mut rules, mut files, skip) = (Rules::default(), Vec::new(), arguments.skip_unknown);
    for (text, number) in arguments.rule.iter().zip(1..) {
        rules.rules.push(Rule::parse(&format!("rule{number}"), text)?);
    }
    if !arguments.rule.is_empty() {
        files.push(ListFile::of("rule", arguments.rule.join("\n").as_bytes(), arguments.rule.len()));
    }
    if let Some(path) = &arguments.rules {
        let text = input::text_of(path)?;
        let read = Rule::read_in(&text, &input::name_of(path))?;
        files.push(ListFile::of("rules", text.as_bytes(), read.len()));
        rules.rules.extend(read);
    }
    if let Some(path) = &arguments.must {
        let text = input::text_of(path)?;
        rules.must = pairs(dataset, (&text, &input::name_of(path)), skip, output)?;
        files.push(ListFile::of("must", text.as_bytes(), rules.must.len()));
    }
    if let Some(path) = &arguments.cannot {
        let text = input::text_of(path)?;
        rules.cannot = pairs(dataset, (&text, &input::name_of(path)), skip, output)?;
        files.push(ListFile::of("cannot", text.as_bytes(), rules.cannot.len()));
    }
    if let Some(path) = &arguments.good {
        let unknown;
        (rules.good, unknown) = named(dataset, path, output)?;
        refuse_unknown(unknown, skip, ("done", "goes by"), output)?;
        let names: Vec<String> = rules.good.iter().map(|&node| dataset.label_of(node)).collect();
        // What was read, for it may have come from stdin.
        files.push(ListFile::of("good", names.join("\n").as_bytes(), names.len()));
    }
    Ok((rules, files))
}

/// Pairs of accounts, a pair a line; a header line that names no account is skipped, and where asked for a pair with an unknown
/// one.
fn pairs(
    dataset: &Dataset,
    (text, name): (&str, &str),
    skip: bool,
    output: &mut Output,
) -> anyhow::Result<Vec<(AccountId, AccountId)>> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let mut pairs = Vec::new();
    for (row, number) in reader.records().zip(1..) {
        let row = row.with_context(|| format!("{name}: line {number}"))?;
        let [one, other] = [row.get(0).unwrap_or_default(), row.get(1).unwrap_or_default()];
        if one.is_empty() || other.is_empty() {
            anyhow::bail!("{name}: line {number}: a pair of accounts is two, with a comma between");
        }
        let account = |id: &str| dataset.account_named(&id.into());
        match (account(one), account(other)) {
            (Ok(one), Ok(other)) => pairs.push((one, other)),
            (Err(_), Err(_)) if number == 1 => {}
            (Err(error), _) | (_, Err(error)) if skip => {
                output.say(&format!("{name}: line {number} is skipped: {error}"))?;
            }
            (Err(error), _) | (_, Err(error)) => {
                output.say("nothing was done; --skip-unknown goes by the others")?;
                return Err(anyhow::Error::from(error).context(format!("{name}: line {number}")));
            }
        }
    }
    Ok(pairs)
}

#[derive(Serialize)]
struct LinkedAccount {
    account_id: String,
    cluster: u64,
}

const ACCOUNT: &[Field<LinkedAccount>] =
    &[Field::name("account_id", |row| row.account_id.clone()), Field::number("cluster", |row| row.cluster.to_string())];

const GROUP: &[Field<LinkedGroup>] = &[
    Field::number("group", |row| row.group.to_string()),
    Field::number("accounts", |row| row.accounts.to_string()),
    Field::text("by", |row| row.by.iter().map(String::as_str).collect::<Vec<_>>().join(" ")),
    Field::number("conflicts", |row| row.conflicts.to_string()),
    Field::text("network", |row| row.network.clone().unwrap_or_default()),
    Field::of("network_share", Field::number("share", |row| format!("{:.0}%", row.network_share * 100.0))),
    Field::name("example", |row| row.example.clone()),
];

const CONFLICT: &[Field<Conflict>] = &[
    Field::name("first", |row| row.first.clone()),
    Field::name("second", |row| row.second.clone()),
    Field::of(
        "chain.by",
        Field::text("chain", |row| {
            let link = |link: &rules::Link| format!(" ={}= {}", link.by, link.second);
            row.chain.iter().fold(row.first.clone(), |text, step| text + &link(step))
        }),
    ),
    Field::csv("chain.second"),
];
