//! A plan of actions against one network.

use std::collections::BTreeMap;

use hydralink::bans::{self, Collateral, Plan, PlanConfig};

use crate::Found;
use crate::args::PlanBans;
use crate::output::{Output, grouped};

/// Prints a plan of actions against one network.
pub(crate) fn plan_bans(arguments: &PlanBans, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open(&arguments.store)?;
    let results = dataset.labelling()?;
    let network = results.network(&dataset, results.network_index(&arguments.id)?)?;
    let config = PlanConfig { benign_budget: arguments.benign_budget, identifier_actions: arguments.identifier_actions };
    let plan = bans::plan_bans(&dataset, &results, &network, &config)?;
    Ok(output.one(&plan, plan_text)?)
}

/// Actions, countries and pathways that the text names; JSON has all.
const SHOWN: usize = 20;
const GROUPS_SHOWN: usize = 8;

fn plan_text(plan: &Plan) -> String {
    let mut lines = vec![
        format!(
            "{}: {} actions stop {} of {} exchanges",
            plan.network,
            grouped(plan.actions.len() as u64),
            grouped(plan.exchanges_stopped),
            grouped(plan.exchanges)
        ),
        format!(
            "benign accounts hit: {:.2} expected (95% interval {} to {}), with {:.0} exchanges of theirs; budget {}",
            plan.benign_expected,
            plan.benign_interval.0,
            plan.benign_interval.1,
            plan.benign_exchanges_expected,
            plan.benign_budget
        ),
    ];
    if let Some(reviewed) = &plan.reviewed {
        lines.push(format!(
            "of {} accounts that people decided about {} were harmless: at that share (95% interval) {:.1} to {:.1} of the banned are",
            grouped(reviewed.decided),
            grouped(reviewed.harmless),
            reviewed.benign_banned_interval.0,
            reviewed.benign_banned_interval.1
        ));
    }
    lines.push(format!(
        "{} members stay, {} of them still linked, the largest group {}",
        grouped(plan.members_left),
        grouped(plan.members_still_linked),
        grouped(plan.largest_group_left)
    ));
    if let Some(replacement) = &plan.replacement {
        let regeneration = replacement
            .regeneration
            .map_or(String::new(), |share| format!("; {:.0}% of its bans were replaced", share * 100.0));
        lines.push(format!(
            "on record it made {:.1} accounts a week (95% interval {:.1} to {:.1}){regeneration}: expect replacement",
            replacement.accounts_a_week, replacement.interval.0, replacement.interval.1
        ));
    }
    lines.push(format!(
        "\n{:<14}{:>9}{:>12}{:>10}{:>12}{:>10}{:>9}",
        "with", "actions", "stopped", "benign", "95%", "left", "largest"
    ));
    lines.extend(plan.alternatives.iter().map(|other| {
        let (low, high) = other.benign_interval;
        format!(
            "{:<14}{:>9}{:>12}{:>10.2}{:>12}{:>10}{:>9}",
            other.actions_allowed,
            grouped(other.actions),
            grouped(other.exchanges_stopped),
            other.benign_expected,
            format!("{low} to {high}"),
            grouped(other.members_left),
            grouped(other.largest_group_left)
        )
    }));
    lines.push(String::new());
    for (what, groups) in [("pathways", &plan.benign_by_pathway), ("countries", &plan.benign_by_country)] {
        if !groups.is_empty() {
            lines.push(format!("benign hit by {what}: {}", groups_text(groups)));
        }
    }
    lines.push(String::new());
    lines.extend(plan.actions.iter().take(SHOWN).map(|action| {
        let share = action.benign_share_interval;
        let share = share.map_or(String::new(), |(low, high)| format!("  benign {:.0}% to {:.0}%", low * 100.0, high * 100.0));
        format!("  {:<15}{:<48}{:>10} exchanges{share}", action.action, action.target, grouped(action.exchanges_stopped))
    }));
    if plan.actions.len() > SHOWN {
        lines.push(format!("  ... and {} more; --format json has all", plan.actions.len() - SHOWN));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Where most benign accounts are expected to be hit.
fn groups_text(groups: &BTreeMap<String, Collateral>) -> String {
    let mut order: Vec<(&String, &Collateral)> = groups.iter().collect();
    order.sort_by(|a, b| b.1.benign_expected.total_cmp(&a.1.benign_expected).then(a.0.cmp(b.0)));
    let named = order.iter().take(GROUPS_SHOWN).map(|(name, group)| {
        let (low, high) = group.benign_interval;
        format!("{name} {:.2} ({low} to {high}) of {} hit", group.benign_expected, grouped(group.hit))
    });
    let mut text = named.collect::<Vec<String>>().join(", ");
    if order.len() > GROUPS_SHOWN {
        text.push_str(&format!(", {} more", order.len() - GROUPS_SHOWN));
    }
    text
}
