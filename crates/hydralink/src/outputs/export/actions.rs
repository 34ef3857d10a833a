//! JSON Lines for enforcement systems: one proposed action a line. Proposals, not decisions: `plan-bans` weighs collateral,
//! people decide. What is proposed of an identifier is what `plan-bans` proposes of it ([`crate::bans::Proposal`]).
//!
//! | who | proposed |
//! |---|---|
//! | account that may be taken over or a customer's ([`crate::roles`]), of a flagged network | `review` |
//! | core account of a flagged network, confidence at least [`SUSPEND_CONFIDENCE`] | `suspend` |
//! | other core or fringe account of a flagged network | `restrict` |
//! | account that the operator came to use beside its owner ([`crate::roles`]), of a flagged network | `secure` |
//! | ambiguous account, or any of a network below the threshold or that people rejected | `review` |
//! | address that a network keeps to itself | `challenge` |
//! | payment instrument | `verify_payment` |
//! | template | `rate_limit` |
//! | other identifier | `challenge` |
//! | identifier that benign accounts use too, that is known-good or of a rejected network, or a suppressed hub | `monitor` |
//!
//! Where so few of a network have a membership or role that it isn't told (`k`), `review` is proposed of all its accounts.
//!
//! Accounts that are banned already get no line, and their number is returned; nor do known-good ones.

use std::io::{self, Write};

use graph::NO_TIME;
use serde::Serialize;

use super::columns::rfc3339;
use super::share::{Shared, Sharing, shared};
use super::view::{ACCOUNT, ExportGraph, ExportNode};
use crate::bans::Proposal;
use crate::results::{Membership, Network};
use crate::roles::AccountRole;

/// From this confidence on a core account is proposed for suspension.
pub const SUSPEND_CONFIDENCE: f32 = 0.95;

/// One line.
#[derive(Serialize)]
struct Action<'g> {
    action: Proposal,
    target: &'static str,
    kind: &'g str,
    value: &'g str,
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<&'g str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    membership: Option<Membership>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence_bits: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<&'g str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accounts: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    benign_prevalence: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<String>,
    reason: String,
}

/// Writes the actions and returns how many accounts were banned already.
///
/// # Errors
/// Whatever `out` returns.
pub fn write(graph: &ExportGraph<'_>, sharing: &Sharing, out: &mut impl Write) -> io::Result<u64> {
    let mut already_banned = 0;
    let mut line = |action: Action<'_>| -> io::Result<()> {
        serde_json::to_writer(&mut *out, &action).map_err(io::Error::from)?;
        out.write_all(b"\n")
    };
    for node in graph.nodes.iter().filter(|node| node.kind == ACCOUNT) {
        let (Some(network), Some(membership)) = (graph.network_of(node), node.membership) else { continue };
        if node.is_banned {
            already_banned += 1;
            continue;
        }
        if node.known_good {
            continue;
        }
        line(account_action(graph, node, network, membership))?;
    }
    for identifier in &shared(graph, sharing) {
        line(identifier_action(graph, identifier))?;
    }
    Ok(already_banned)
}

fn account_action<'g>(
    graph: &'g ExportGraph<'_>,
    node: &'g ExportNode<'_>,
    network: &'g Network,
    membership: Membership,
) -> Action<'g> {
    let hidden = node.rare_membership || node.rare_role;
    let sure = node.confidence.is_some_and(|confidence| confidence >= SUSPEND_CONFIDENCE);
    let (action, reason) = match membership {
        _ if node.network.is_some_and(|network| graph.belief(network).is_rejected()) => {
            (Proposal::Review, "people rejected its network")
        }
        _ if !network.flagged => (Proposal::Review, "its network is below the threshold of the run"),
        // What is proposed would tell it.
        _ if hidden => (Proposal::Review, "so few of its network are what it is that it isn't told: look it up"),
        _ if node.role == Some(AccountRole::CompromisedLegitimate) => {
            (Proposal::Secure, "its owner uses it too: reset credentials and sessions, do not suspend")
        }
        Membership::Ambiguous => (Proposal::Review, "touches the network; the evidence does not decide"),
        // Whoever acts on a line doesn't read its reason.
        _ if node.role == Some(AccountRole::PossiblyTakenOver) => (
            Proposal::Review,
            "it had a life of its own before and may be taken over from its owner: look before anything else",
        ),
        _ if node.role == Some(AccountRole::PossiblyACustomer) => (
            Proposal::Review,
            "it has nothing of the network but addresses and may be a customer of the same exits: look before anything else",
        ),
        Membership::Core if sure => {
            (Proposal::Suspend, "tied by several independent identifiers that the network keeps to itself")
        }
        Membership::Core => (Proposal::Restrict, "core member, but not confidently enough to suspend"),
        Membership::Fringe => (Proposal::Restrict, "tied by fewer identifiers than a core member"),
    };
    Action {
        action,
        target: "account",
        kind: graph.kind_name(node),
        value: &node.value,
        network: Some(&network.id),
        membership: node.shown_membership(),
        confidence: node.confidence.filter(|value| value.is_finite()),
        evidence_bits: node.evidence_bits.filter(|value| value.is_finite()),
        class: None,
        members: None,
        accounts: None,
        benign_prevalence: None,
        valid_until: None,
        reason: reason.to_owned(),
    }
}

fn identifier_action<'g>(graph: &'g ExportGraph<'_>, identifier: &'g Shared<'_>) -> Action<'g> {
    let network = identifier.network.and_then(|network| graph.networks.get(network as usize));
    let known = identifier.blockable && identifier.known_at != NO_TIME;
    Action {
        action: Proposal::for_identifier(identifier.role, identifier.blockable),
        target: "identifier",
        kind: identifier.kind,
        value: identifier.value,
        network: network.map(|network| network.id.as_str()),
        membership: None,
        confidence: None,
        evidence_bits: None,
        class: identifier.class,
        members: identifier.members_told.then_some(identifier.members),
        accounts: Some(identifier.accounts),
        benign_prevalence: identifier.shown_prevalence(),
        valid_until: known.then(|| rfc3339(identifier.valid_until()).to_string()),
        reason: format!("{} accounts seen with it are members", identifier.members_of_accounts()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::testing;

    #[test]
    fn each_account_and_identifier_gets_its_action() {
        let mut out = Vec::new();
        let banned = write(&testing::toy(), &Sharing::default(), &mut out).unwrap();
        let lines: Vec<serde_json::Value> =
            String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let actions: Vec<&str> = lines.iter().map(|line| line["action"].as_str().unwrap()).collect();
        assert_eq!(banned, 1);
        assert_eq!(
            actions,
            ["suspend", "restrict", "review", "challenge", "challenge", "verify_payment", "monitor", "monitor"]
        );
        assert!(lines[7].get("network").is_none() && lines[7]["value"] == "192.0.2.1");
    }

    #[test]
    fn whoever_is_banned_by_a_status_or_where_no_ban_is_shown_is_not_banned_again() {
        let mut graph = testing::toy();
        graph.nodes.iter_mut().for_each(|node| (node.banned_at, node.shown_banned) = (NO_TIME, false));
        assert_eq!(write(&graph, &Sharing::default(), &mut Vec::new()).unwrap(), 1);
    }

    #[test]
    fn a_victim_s_account_is_secured_and_never_suspended() {
        let mut graph = testing::toy();
        for node in graph.nodes.iter_mut().filter(|node| node.membership.is_some()) {
            node.role = Some(AccountRole::CompromisedLegitimate);
        }
        let mut out = Vec::new();
        write(&graph, &Sharing::default(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.contains("\"secure\"") && !text.contains("\"action\":\"suspend\"") && !text.contains("restrict"),
            "{text}"
        );
    }

    #[test]
    fn whoever_is_to_be_looked_at_first_is_reviewed_and_never_suspended() {
        for role in [AccountRole::PossiblyTakenOver, AccountRole::PossiblyACustomer] {
            let mut graph = testing::toy();
            graph.nodes.iter_mut().filter(|node| node.membership.is_some()).for_each(|node| node.role = Some(role));
            let mut out = Vec::new();
            write(&graph, &Sharing::default(), &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            let actions = |action: &str| text.matches(&format!("\"action\":\"{action}\"")).count();
            assert_eq!((actions("review"), actions("suspend"), actions("restrict")), (3, 0, 0), "{text}");
        }
    }

    #[test]
    fn what_people_rejected_is_not_acted_on() {
        let mut graph = testing::toy();
        graph.beliefs[0].verdict = Some(false);
        graph.nodes[2].known_good = true;
        let mut out = Vec::new();
        write(&graph, &Sharing::default(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let actions = |action: &str| text.matches(&format!("\"action\":\"{action}\"")).count();
        assert_eq!((actions("review"), actions("monitor"), text.lines().count()), (2, 5, 7), "{text}");
    }

    #[test]
    fn nobody_of_an_unflagged_network_is_proposed_for_more_than_review() {
        let mut graph = testing::toy();
        graph.networks[0].flagged = false;
        let mut out = Vec::new();
        write(&graph, &Sharing::default(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(!text.contains("suspend") && !text.contains("restrict"));
    }
}
