//! A plan of actions against one network, and what a list made elsewhere would do.

use std::collections::{BTreeMap, BTreeSet};

use hydralink::bans::{self, Action, Collateral, Harm, Impact, Plan, PlanConfig, Proposal, Replacement, Reviewed, Traffic};
use serde::Serialize;

use super::ask::{refuse_unknown, targets};
use super::judge::say_too_few_copies;
use super::several::{self, Asked};
use crate::Found;
use crate::args::{self, PlanBans};
use crate::output::{Field, Format, Output, counted, grouped};

/// Prints a plan of actions against one network.
pub(crate) fn plan_bans(arguments: &PlanBans, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open_for_lookups(&arguments.store)?;
    let results = dataset.labelling()?;
    let config = PlanConfig {
        benign_budget: arguments.benign_budget,
        identifier_actions: arguments.identifier_actions,
        as_if_unbanned: arguments.as_if_unbanned,
        allow_unflagged: arguments.allow_unflagged,
    };
    let of_one = |id: &String| {
        let index = dataset.network_index(&results, id)?;
        let network = results.network(&dataset, index)?;
        dataset.expect_reading_of_network(&results, index);
        Ok(bans::plan_bans(&dataset, &results, &network, &config)?)
    };
    let asked = several::networks(&arguments.id)?;
    say_too_few_copies(&dataset, &results, output)?;
    if output.format() != Format::Csv {
        return several::answer(&asked, of_one, |plan, output| Ok(output.one(plan, plan_text)?), output);
    }
    let (plans, first) = match asked {
        Asked::One(id) => (vec![of_one(&id)?], None),
        Asked::Several(ids) => several::each(&ids, of_one, output)?,
    };
    plans.iter().filter_map(doubt_text).try_for_each(|doubt| output.say(&doubt))?;
    let found = output.records(&plans.iter().flat_map(listed).collect::<Vec<Listed>>(), LISTED)?;
    first.map_or(Ok(found), Err)
}

/// An action of a plan, on a line of its own.
#[derive(Serialize)]
struct Listed {
    action: Proposal,
    kind: String,
    value: String,
    /// Why somebody looks at the account or the identifier before it is acted on, if there is a reason.
    look_first: &'static str,
    exchanges_stopped: u64,
    benign_if_network: f64,
    already_banned: bool,
    network: String,
}

fn listed(plan: &Plan) -> Vec<Listed> {
    let (taken_over, customers): (BTreeSet<&String>, BTreeSet<&String>) =
        (plan.possibly_taken_over.iter().collect(), plan.possible_customers.iter().collect());
    let look_first = |target: &String| match target {
        account if taken_over.contains(account) => "possibly_taken_over",
        account if customers.contains(account) => "possibly_a_customer",
        _ if is_doubtful(plan) => "not_flagged",
        _ => "",
    };
    let one = |action: &Action| {
        let (kind, value) = action.target.split_once(':').unwrap_or(("", &action.target));
        Listed {
            action: action.action,
            kind: kind.to_owned(),
            value: value.to_owned(),
            look_first: look_first(&action.target),
            exchanges_stopped: action.exchanges_stopped,
            benign_if_network: action.benign_if_network,
            already_banned: action.already_banned,
            network: plan.network.clone(),
        }
    };
    plan.actions.iter().map(one).collect()
}

const LISTED: &[Field<Listed>] = &[
    Field::csv("action"),
    Field::csv("kind"),
    Field::csv("value"),
    Field::csv("look_first"),
    Field::csv("exchanges_stopped"),
    Field::csv("benign_if_network"),
    Field::csv("already_banned"),
    Field::csv("network"),
];

/// Prints what a list of actions would do.
pub(crate) fn impact(arguments: &args::Impact, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open(&arguments.store)?;
    let results = dataset.labelling()?;
    let (nodes, unknown) = targets(&dataset, &arguments.list, output)?;
    refuse_unknown(unknown, arguments.skip_unknown, ("counted", "counts"), output)?;
    if nodes.is_empty() {
        anyhow::bail!("{} names nothing that the store has", arguments.list.display());
    }
    let impact = bans::impact(&dataset, &results, &nodes, arguments.as_if_unbanned)?;
    say_too_few_copies(&dataset, &results, output)?;
    Ok(output.one(&impact, impact_text)?)
}

/// Actions, and countries, pathways and tiers, that the text names; JSON has all.
const SHOWN: usize = 20;
const GROUPS_SHOWN: usize = 8;

fn plan_text(plan: &Plan) -> String {
    let mut lines: Vec<String> = doubt_text(plan).into_iter().collect();
    lines.extend([
        format!(
            "{}: {} {} {} of {}{}",
            plan.network,
            counted(plan.actions.len() as u64, "action"),
            if plan.actions.len() == 1 { "stops" } else { "stop" },
            stopped_text(&plan.traffic),
            counted(plan.traffic.exchanges, "exchange"),
            tokens_text(&plan.traffic)
        ),
        harm_text(&plan.harm),
        format!(
            "{}{}, which is what the budget of {} limits; {}",
            if_network_text(&plan.harm, &format!("it is a network ({})", chance_text(plan.chance))),
            looked_at_text(plan),
            plan.benign_budget,
            if_none_text(plan.chance, plan.benign_if_none)
        ),
    ]);
    lines.extend(plan.harm.reviewed.as_ref().map(reviewed_text));
    if plan.identifiers_to_monitor > 0 {
        lines.push(format!(
            "{} that {} it {} shared with strangers: to be watched, not acted on",
            counted(plan.identifiers_to_monitor, "identifier"),
            if plan.identifiers_to_monitor == 1 { "ties" } else { "tie" },
            if plan.identifiers_to_monitor == 1 { "is" } else { "are" }
        ));
    }
    lines.push(left_text(plan.members_left, plan.members_still_linked, plan.largest_group_left));
    if plan.already_banned > 0 {
        lines.push(format!(
            "{} of its accounts, with {} more, {} banned already and left out (--as-if-unbanned counts them)",
            grouped(plan.already_banned),
            counted(plan.exchanges_of_banned, "exchange"),
            if plan.already_banned == 1 { "is" } else { "are" }
        ));
    }
    let banned = plan.actions.iter().filter(|action| action.already_banned).count() as u64;
    if banned > 0 {
        lines.push(format!(
            "{} of the accounts {} banned already: of these it counts what a ban would have stopped",
            grouped(banned),
            if banned == 1 { "is" } else { "are" }
        ));
    }
    lines.extend(compromised_text(&plan.compromised, "never banned"));
    lines.extend(known_good_text(&plan.known_good));
    lines.extend(taken_over_text(&plan.possibly_taken_over));
    lines.extend(customers_text(&plan.possible_customers));
    lines.extend(plan.replacement.as_ref().map(replacement_text));
    lines.push(format!(
        "\n{:<14}{:>9}{:>12}{:>10}{:>12}{:>12}{:>10}{:>9}",
        "with", "actions", "stopped", "benign", "95%", "if network", "left", "largest"
    ));
    lines.extend(plan.alternatives.iter().map(|other| {
        format!(
            "{:<14}{:>9}{:>12}{:>10.2}{:>12}{:>12.2}{:>10}{:>9}",
            other.actions_allowed.name(),
            grouped(other.actions),
            grouped(other.exchanges_stopped),
            other.benign_expected,
            whole_text(other.benign_interval),
            other.benign_if_network,
            grouped(other.members_left),
            grouped(other.largest_group_left)
        )
    }));
    lines.push(String::new());
    lines.extend(hit_text(&plan.harm));
    lines.push(String::new());
    lines.extend(plan.actions.iter().take(SHOWN).map(|action| {
        let share = action.benign_share_interval;
        let share = share.map_or(String::new(), |(low, high)| format!("\tbenign {:.0}% to {:.0}%", low * 100.0, high * 100.0));
        let banned = if action.already_banned { "\tbanned already" } else { "" };
        format!(
            "  {}\t{}\t{}{share}{banned}",
            action.action.name(),
            action.target,
            counted(action.exchanges_stopped, "exchange"),
        )
    }));
    if plan.actions.len() > SHOWN {
        lines.push(format!("  ... and {} more; --format json has all", plan.actions.len() - SHOWN));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Whether it is a plan against a candidate below the threshold that nobody confirmed: no other is certain to be none or one.
fn is_doubtful(plan: &Plan) -> bool {
    !plan.flagged && plan.chance < 1.0
}

/// What stands before everything else: that the budget isn't kept if it is no network, and that it may be none.
fn doubt_text(plan: &Plan) -> Option<String> {
    let standing = match (plan.flagged, is_doubtful(plan)) {
        (true, _) => String::new(),
        (false, true) => format!("{} is not flagged, a candidate below the threshold; ", plan.network),
        (false, false) => return Some(format!("{} is not flagged, and people confirmed it", plan.network)),
    };
    let none = format!("if it is no network ({})", chance_text(1.0 - plan.chance));
    let hit = counted(plan.benign_if_none, "account");
    match (plan.over_budget_on_average, plan.flagged) {
        (true, _) => Some(format!(
            "{standing}over the budget of {} {none}: {hit} of harmless people are hit then, {:.2} on average over both cases",
            plan.benign_budget, plan.harm.benign_expected
        )),
        (false, false) => Some(format!("{standing}{none}, all {hit} that are hit are harmless people's")),
        (false, true) => None,
    }
}

/// Those that the number of what is hit takes for the operator's, and that may be somebody else's.
fn looked_at_text(plan: &Plan) -> String {
    let look: Vec<String> = plan.possibly_taken_over.iter().chain(&plan.possible_customers).cloned().collect();
    some_text(&look, |count| format!(" beside {count} to look at first")).unwrap_or_default()
}

fn impact_text(impact: &Impact) -> String {
    let share = impact.traffic.exchanges_stopped as f64 / impact.traffic.exchanges.max(1) as f64;
    let mut lines = vec![
        format!(
            "{} and {} on identifiers stop {} of {} of the store ({:.2}%){}",
            counted(impact.accounts_banned, "ban"),
            counted(impact.identifiers_acted_on, "action"),
            stopped_text(&impact.traffic),
            counted(impact.traffic.exchanges, "exchange"),
            share * 100.0,
            tokens_text(&impact.traffic)
        ),
        harm_text(&impact.harm),
    ];
    if impact.already_banned > 0 {
        lines.push(format!(
            "{} of the accounts {} banned already (--as-if-unbanned counts what a ban would have stopped)",
            grouped(impact.already_banned),
            if impact.already_banned == 1 { "is" } else { "are" }
        ));
    }
    if !impact.networks.is_empty() {
        lines.push(if_network_text(&impact.harm, "the networks below are ones"));
    }
    if impact.outside_networks > 0 {
        let more = impact.outside_networks as usize - impact.outside_named.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        lines.push(format!(
            "{} of the accounts {} to no flagged network: {}{more}",
            grouped(impact.outside_networks),
            if impact.outside_networks == 1 { "belongs" } else { "belong" },
            impact.outside_named.join(", ")
        ));
    }
    lines.extend(compromised_text(&impact.compromised, "not to be banned"));
    lines.extend(taken_over_text(&impact.possibly_taken_over));
    lines.extend(customers_text(&impact.possible_customers));
    lines.extend(known_good_text(&impact.known_good));
    lines.extend(impact.harm.reviewed.as_ref().map(reviewed_text));
    lines.extend(hit_text(&impact.harm));
    for network in &impact.networks {
        lines.push(format!(
            "\n{}: {} of {}{} banned, {} of {}{} stopped",
            network.network,
            grouped(network.banned),
            counted(network.accounts - network.already_banned, "account"),
            match network.already_banned {
                0 => String::new(),
                gone => format!(" (beside {} that {} already)", grouped(gone), if gone == 1 { "is" } else { "are" }),
            },
            stopped_text(&network.traffic),
            counted(network.traffic.exchanges, "exchange"),
            tokens_text(&network.traffic)
        ));
        let sure = chance_text(network.chance);
        lines.push(format!("{sure} that it is one; {}", if_none_text(network.chance, network.benign_if_none)));
        lines.push(left_text(network.members_left, network.members_still_linked, network.largest_group_left));
        if !network.still_joined_by.is_empty() {
            let joined = network.still_joined_by.iter().map(|(identifier, members)| format!("{identifier} ({members})"));
            lines.push(format!("still joined by {}", joined.collect::<Vec<String>>().join(", ")));
        }
        lines.extend(network.replacement.as_ref().map(replacement_text));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// What is stopped of the tokens, where the store knows of any.
fn tokens_text(traffic: &Traffic) -> String {
    let about = if traffic.tokens_estimated { "about " } else { "" };
    traffic
        .tokens_stopped
        .zip(traffic.tokens)
        .map_or(String::new(), |(stopped, all)| format!(" and {about}{} of {}", grouped(stopped), counted(all, "token")))
}

/// The exchanges that stop; an estimate with what it lies between.
fn stopped_text(traffic: &Traffic) -> String {
    let (stopped, (least, most)) = (traffic.exchanges_stopped, traffic.exchanges_stopped_bounds);
    match traffic.estimated {
        true => format!("about {} ({} to {})", grouped(stopped), grouped(least), grouped(most)),
        false => grouped(stopped),
    }
}

/// Accounts of victims, if there are any.
fn compromised_text(accounts: &[String], what: &str) -> Option<String> {
    some_text(accounts, |count| format!("used beside their owners, to be secured and {what} ({count})"))
}

/// Accounts and identifiers that are known-good, if there are any.
fn known_good_text(nodes: &[String]) -> Option<String> {
    some_text(nodes, |count| format!("known-good by an allow list or a rejected case ({count})"))
}

/// Accounts that had a life of their own before, if there are any.
fn taken_over_text(accounts: &[String]) -> Option<String> {
    some_text(accounts, |count| format!("{count} of these may be taken over from their owners: look before banning (`appeal`)"))
}

/// Accounts that have nothing of their network but addresses, if there are any.
fn customers_text(accounts: &[String]) -> Option<String> {
    some_text(accounts, |count| {
        format!(
            "{count} of these have nothing of the network but addresses and may be customers of its exits: look before banning \
             (`appeal`)"
        )
    })
}

/// What is said of so many nodes, and the first of them; nothing of none.
fn some_text(nodes: &[String], say: impl Fn(String) -> String) -> Option<String> {
    (!nodes.is_empty()).then(|| format!("{}: {}", say(grouped(nodes.len() as u64)), named_text(nodes)))
}

fn named_text(accounts: &[String]) -> String {
    let named = accounts.iter().take(SHOWN).cloned().collect::<Vec<String>>().join(", ");
    let more = accounts.len().saturating_sub(SHOWN);
    if more > 0 { format!("{named} and {more} more") } else { named }
}

fn harm_text(harm: &Harm) -> String {
    let tokens =
        harm.benign_tokens_expected.map_or(String::new(), |tokens| format!(" and {}", counted(tokens.round() as u64, "token")));
    format!(
        "benign accounts hit: {:.2} on average ({} at 95%, in whole accounts), with {}{tokens} of theirs",
        harm.benign_expected,
        whole_text(harm.benign_interval),
        counted(harm.benign_exchanges_expected.round() as u64, "exchange")
    )
}

/// What is hit if what was found is right.
fn if_network_text(harm: &Harm, condition: &str) -> String {
    format!("if {condition}: {:.2} ({})", harm.benign_if_network, whole_text(harm.benign_interval_if_network))
}

/// An interval of whole numbers; one number where it has no other.
fn whole_text((low, high): (u64, u64)) -> String {
    if low == high { grouped(low) } else { format!("{} to {}", grouped(low), grouped(high)) }
}

fn if_none_text(chance: f64, hit: u64) -> String {
    let all = if hit == 0 { "none, for nobody is hit".to_owned() } else { format!("all {} that are hit", grouped(hit)) };
    format!("if it is harmless ({}): {all}", chance_text(1.0 - chance))
}

/// A chance; one that rounds to nothing isn't nothing.
fn chance_text(chance: f64) -> String {
    match chance {
        some if some > 0.0 && some < 0.001 => "chance under .001".to_owned(),
        some if some < 1.0 && some > 0.999 => "chance over .999".to_owned(),
        some => format!("chance {some:.3}"),
    }
}

fn left_text(left: u64, linked: u64, largest: u64) -> String {
    let (members, stay) = (counted(left, "member"), if left == 1 { "stays" } else { "stay" });
    format!("{members} {stay}, {} of them still linked, the largest group {}", grouped(linked), grouped(largest))
}

fn reviewed_text(reviewed: &Reviewed) -> String {
    format!(
        "of {} that people decided ({}) {} {} harmless ({}): at that share of cases (95% interval) {:.1} to {:.1} of the banned are",
        counted(reviewed.cases, "case"),
        counted(reviewed.decided, "account"),
        grouped(reviewed.harmless_cases),
        if reviewed.harmless_cases == 1 { "was" } else { "were" },
        counted(reviewed.harmless, "account"),
        reviewed.benign_banned_interval.0,
        reviewed.benign_banned_interval.1
    )
}

fn replacement_text(replacement: &Replacement) -> String {
    let batch = match replacement.days_since {
        days if days >= 7.0 => {
            format!(", nine tenths of them within {:.1} days and none in the last {days:.0}", replacement.made_within_days)
        }
        _ => String::new(),
    };
    let regeneration = match replacement.regeneration {
        None => String::new(),
        Some(share) if share > 0.0 => format!("; {:.0}% of its bans were made up for", share * 100.0),
        Some(_) => "; none of its bans was made up for".to_owned(),
    };
    format!(
        "on record it made {:.1} accounts a week up to the last event (95% interval {:.1} to {:.1}){batch}{regeneration}: {}",
        replacement.accounts_a_week,
        replacement.interval.0,
        replacement.interval.1,
        if replacement.expected { "expect replacement" } else { "nothing says that it makes new ones" }
    )
}

/// Benign accounts hit by pathway, tier, country and autonomous system, where these are known.
fn hit_text(harm: &Harm) -> Vec<String> {
    let groups = [
        ("pathways", &harm.benign_by_pathway),
        ("tiers", &harm.benign_by_tier),
        ("countries", &harm.benign_by_country),
        ("autonomous systems", &harm.benign_by_as),
    ];
    let known = groups.into_iter().filter(|(_, groups)| !groups.is_empty());
    known.map(|(what, groups)| format!("benign hit by {what}: {}", groups_text(groups))).collect()
}

/// Where most benign accounts are expected to be hit.
fn groups_text(groups: &BTreeMap<String, Collateral>) -> String {
    let mut order: Vec<(&String, &Collateral)> = groups.iter().collect();
    order.sort_by(|a, b| b.1.benign_expected.total_cmp(&a.1.benign_expected).then(a.0.cmp(b.0)));
    let named = order.iter().take(GROUPS_SHOWN).map(|(name, group)| {
        format!("{name} {:.2} ({}) of {} hit", group.benign_expected, whole_text(group.benign_interval), grouped(group.hit))
    });
    let mut text = named.collect::<Vec<String>>().join(", ");
    if order.len() > GROUPS_SHOWN {
        text.push_str(&format!(", {} more", order.len() - GROUPS_SHOWN));
    }
    text
}
