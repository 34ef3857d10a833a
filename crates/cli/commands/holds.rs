//! What holds: a membership, and what would end it; a network, and what joined it.

use hydralink::appeal::{self, Appeal, NotCounted};
use hydralink::filter;
use hydralink::how::{self, HeldBy, How};
use hydralink::node::{Name, abridged};
use hydralink::statement::statement;

use super::join::significance_line;
use super::several;
use crate::Found;
use crate::args;
use crate::output::{Format, Output, counted, grouped};

/// Prints what an account's membership rests on.
pub(crate) fn appeal(arguments: &args::Appeal, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open_for_lookups(&arguments.store)?;
    let explain = if arguments.significance { appeal::appeal_with_significance } else { appeal::appeal };
    let results = dataset.labelling()?;
    let of_one = |name: &Name| Ok(explain(&dataset, &results, dataset.account_named(name)?)?);
    let print = |found: &Appeal, output: &mut Output| {
        match output.format() {
            Format::Markdown => output.text(&statement(&dataset, &results, found)?)?,
            _ => output.one(found, appeal_text)?,
        };
        Ok(if found.network.is_some() { Found::Something } else { Found::Nothing })
    };
    several::answer(&several::nodes(&arguments.account)?, of_one, print, output)
}

/// Grounds of a kind, and other identifiers, that the text names; JSON has all.
const OF_A_KIND: usize = 3;
const OTHERS: usize = 10;

fn appeal_text(appeal: &Appeal) -> String {
    let mut lines = vec![appeal.answer.clone()];
    if appeal.network.is_some() {
        lines.push(format!(
            "Its confidence is of all that speaks for and against its belonging: {:.1} bits (evidence_bits of `members`)",
            appeal.evidence_bits
        ));
    }
    lines.extend(appeal.significance.as_ref().map(significance_line));
    if !appeal.grounds.is_empty() {
        lines.push("\nGrounds, the strongest of each kind".to_owned());
    }
    let (foremost, more) = appeal.foremost(OF_A_KIND);
    for ground in foremost {
        lines.push(format!("  {}\t({})", ground.identifier, ground.class));
        lines.push(format!(
            "    {:+.1} bits: {} of its {} {} of the network{}; {}, {}",
            ground.bits,
            grouped(ground.members),
            counted(ground.accounts, "account"),
            if ground.members == 1 { "is" } else { "are" },
            touching_words(ground.touching),
            counted(ground.exchanges, "exchange"),
            ground.days()
        ));
    }
    let more: Vec<String> = more.iter().map(|(kind, &count)| format!("{} more {kind}", grouped(count as u64))).collect();
    lines.extend((!more.is_empty()).then(|| format!("  and {}", more.join(", "))));
    let apart = appeal.apart_lines();
    lines.extend((!apart.is_empty()).then(|| "\nWhat it has for itself".to_owned()));
    lines.extend(apart.iter().map(|line| format!("  {line}")));
    let enough = match appeal.enough_together.len() {
        1 => "Enough by itself",
        _ => "Enough together, and without any one of them no longer",
    };
    for (heading, identifiers) in
        [(enough, &appeal.enough_together), ("Without all of these nothing would tie it", &appeal.ends_without)]
    {
        if !identifiers.is_empty() {
            lines.push(format!("\n{heading} ({})", identifiers.len()));
            lines.extend(identifiers.iter().take(OTHERS).map(|identifier| format!("  {identifier}\t")));
            let more = identifiers.len().saturating_sub(OTHERS);
            lines.extend((more > 0).then(|| format!("  and {more} more")));
        }
    }
    if !appeal.not_counted.is_empty() {
        lines.push("\nShared with members and not counted, and how many of its accounts are of the network".to_owned());
        lines.extend(not_counted_lines(&appeal.not_counted, appeal.shared_not_counted, OTHERS));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Prints how a network hangs together.
pub(crate) fn how(arguments: &args::How, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open_for_lookups(&arguments.store)?;
    let results = dataset.labelling()?;
    let of_one = |id: &String| {
        let network = dataset.network_index(&results, id)?;
        dataset.expect_reading_of_network(&results, network);
        Ok(how::how(&dataset, &results, network)?)
    };
    let top = filter::at_most(arguments.top);
    let print = |how: &How, output: &mut Output| Ok(output.one(how, |how| how_text(how, top))?);
    several::answer(&several::networks(&arguments.id)?, of_one, print, output)
}

/// Columns of a name among others; commands take what is left of a longer one.
const JOINED: usize = 44;

/// What is shared and not counted, the first `most` of `all`.
pub(super) fn not_counted_lines(shared: &[NotCounted], all: u64, most: usize) -> Vec<String> {
    let line = |shared: &NotCounted| {
        let (members, accounts) = (grouped(shared.members), counted(shared.accounts, "account"));
        let touching = touching_words(shared.touching);
        format!("  {}\t{}\t{members} of its {accounts}{touching}", shared.identifier, shared.class)
    };
    let shown: Vec<String> = shared.iter().take(most).map(line).collect();
    let more = all - shown.len() as u64;
    shown.into_iter().chain((more > 0).then(|| format!("  and {} more", grouped(more)))).collect()
}

/// How many others have it that only touch the network, after how many of it do.
pub(super) fn touching_words(touching: u64) -> String {
    match touching {
        0 => String::new(),
        1 => " (1 more touches it)".to_owned(),
        more => format!(" ({} more touch it)", grouped(more)),
    }
}

fn how_text(how: &How, top: usize) -> String {
    let mut lines = vec![format!(
        "{}: {} accounts; two alone are tied from {:.1} bits of two kinds on ({:.1} of one; below: pairs), an account to this network \
             from {:.1} ({:.1} of one; `appeal`)",
        how.network,
        grouped(how.accounts),
        how.tie_needs,
        how.tie_needs_of_one_kind,
        how.membership_needs,
        how.membership_needs_of_one_kind
    )];
    if how.joins.last().is_some_and(|weakest| weakest.bits < how.tie_needs) {
        lines.push(
            "joins that are weaker than that tie no two alone: their accounts belong by what they share with all of it"
                .to_owned(),
        );
    }
    if !how.exact {
        lines.push("(pairs that are neighbours on some identifier were looked at, not all)".to_owned());
    }
    lines.push("\nGroups, as weaker ties are let in".to_owned());
    lines.push(format!("{:>9} {:>8} {:>9} {:>9}", "bits", "groups", "largest", "joined"));
    lines.extend(
        how.levels
            .iter()
            .map(|level| format!("{:>9.1} {:>8} {:>9} {:>9}", level.bits, level.groups, level.largest, level.joined)),
    );
    let join = |join: &how::Join| {
        let (left, right) = join.accounts;
        let more = join.shared - join.by.len() as u64;
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let [first, second] = [&join.first, &join.second].map(|name| abridged(name, JOINED));
        let by: Vec<String> = join.by.iter().map(|name| abridged(name, JOINED)).collect();
        format!("{:>9.1} bits  {left} + {right}: {first} - {second} by {}{more}", join.bits, by.join(", "))
    };
    lines.push("\nStrongest joins".to_owned());
    lines.extend(how.joins.iter().take(top).map(join));
    if how.joins.len() > top {
        lines.push("\nWeakest joins, where it would come apart first".to_owned());
        lines.extend(how.joins.iter().rev().take(top.min(how.joins.len() - top)).map(join));
    }
    lines.push("\nWithout one identifier (bits: of two accounts that share it, as in `why`)".to_owned());
    lines.push("identifier\tmembers\tbits\tlost\tpieces\tlargest".to_owned());
    lines.extend(how.held_by.iter().take(top).map(|held| {
        let HeldBy { identifier, members, bits, members_lost, pieces, largest_piece, .. } = held;
        format!("{identifier}\t{members}\t{bits:.1}\t{members_lost}\t{pieces}\t{largest_piece}")
    }));
    lines.push("\nWithout one account".to_owned());
    match how.separating_accounts.as_deref() {
        None => lines.push("not looked for among so many; `cohesion` does".to_owned()),
        Some([]) => lines.push("nothing falls off: no single account holds it together".to_owned()),
        Some(accounts) => {
            lines.extend(accounts.iter().take(top).map(|one| {
                let (account, identifiers) = (&one.account_id, counted(one.identifiers, "identifier"));
                let (pieces, largest) = (counted(one.pieces, "piece"), grouped(one.largest));
                format!("{account} ({identifiers}): {pieces}, the largest of {largest}")
            }));
            let more = how.separating.unwrap_or(0).saturating_sub(accounts.len().min(top) as u64);
            lines.extend((more > 0).then(|| format!("... and {} more", grouped(more))));
        }
    }
    let enough = &how.enough;
    lines.push(format!(
        "\nEnough to tie {} of {} accounts: {} of {} identifiers that say something, {} of {} sightings",
        grouped(enough.accounts),
        grouped(how.accounts),
        grouped(enough.identifiers.len() as u64),
        grouped(enough.of_identifiers),
        grouped(enough.sightings),
        grouped(enough.of_sightings)
    ));
    lines.push("(bits: of an account and the whole network, as in `appeal`)".to_owned());
    lines.push("identifier\tmembers\taccounts\tbits".to_owned());
    lines.extend(enough.identifiers.iter().take(top).map(|of| {
        let how::EnoughOf { identifier, members, accounts, bits, .. } = of;
        format!("{identifier}\t{members}\t{accounts}\t{bits:.1}")
    }));
    if enough.identifiers.len() > top {
        lines.push(format!("... and {} more; `export --minimal` draws them", grouped((enough.identifiers.len() - top) as u64)));
    }
    if !how.beside.is_empty() {
        lines.push(
            "\nOther networks with identifiers of this one: pieces of the same operator's, or neighbours. Counted are those that say \
             something and that strangers have less than the two together; `overlap` lists all that both were seen with"
                .to_owned(),
        );
        lines.extend(how.beside.iter().take(top).map(|other| {
            let (identifiers, accounts) = (counted(other.identifiers, "identifier"), grouped(other.accounts));
            let below = if other.flagged { "" } else { ", below the threshold" };
            format!("{}: {identifiers}, on {accounts} of its accounts{below}", other.network)
        }));
    }
    if !how.kept_out.is_empty() {
        lines.push(
            "\nIf a hub linked like any other identifier: one that members share and that brought nobody in, and the accounts that there \
             would be with all of its own"
                .to_owned(),
        );
        lines.push("identifier\tclass\tmembers\twould be".to_owned());
        lines.extend(how.kept_out.iter().take(top).map(|hub| {
            let how::KeptOut { identifier, class, members, would_be, .. } = hub;
            format!("{identifier}\t{}\t{members}\t{}", class.replace('_', " "), grouped(*would_be))
        }));
    }
    lines.push(String::new());
    lines.join("\n")
}
