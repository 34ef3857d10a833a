//! The answer in a sentence.

use evidence::behaviour::rounds::InRounds;

use super::Appeal;
use crate::cases::Label;
use crate::counted::counted;
use crate::dataset::Dataset;
use crate::node::Node;
use crate::results::Membership;
use crate::roles::{AccountRole, EarlierLife};
use crate::time::rfc3339;

pub(super) fn rounds_text(found: &InRounds) -> String {
    let [first, _, third] = found.rounds;
    let [others_first, _, others_third] = found.of_network;
    format!(
        "; of its {}, the middle half came when the network's other accounts had had {first:.2} to {third:.2} turns each (the others': \
         {others_first:.2} to {others_third:.2})",
        counted(found.returns, "return")
    )
}

/// What people decided about an account, as the end of a sentence.
pub(super) fn decided(label: Option<Label>) -> &'static str {
    match label {
        None => "",
        Some(Label::Rejected) => "; people found it harmless, so that it is to be left alone",
        Some(Label::Confirmed) => "; people confirmed it",
        Some(Label::Awaiting) => "; its confirmation waits for a second reviewer",
    }
}

pub(super) fn answer(appeal: &Appeal) -> String {
    let network = appeal.network.as_deref().unwrap_or_default();
    let (bits, needed) = (appeal.bits, appeal.needed);
    let standing = if appeal.flagged { "" } else { ", a candidate below the threshold" };
    let how = match appeal.membership {
        Some(Membership::Ambiguous) | None => "touches",
        Some(_) => "belongs to",
    };
    let role = appeal
        .role
        .filter(|role| *role != AccountRole::OperatorOwned)
        .map_or(String::new(), |role| format!(", {}", role.name().replace('_', " ")));
    let membership = appeal.membership.map_or("", Membership::name);
    let ties = if appeal.corroborated {
        "tie an account to a network of this size"
    } else {
        "of one kind tie an account to a network of this size"
    };
    let why = match (appeal.tied, how) {
        (true, "touches") => format!(
            "what it shares carries {bits:.1} bits where {needed:.1} {ties}, but less of what it does is the network's than with members; \
             not to be banned on this alone"
        ),
        (true, _) => format!("what it shares carries {bits:.1} bits where {needed:.1} {ties}"),
        (false, "touches") => format!("what it shares carries {bits:.1} bits, fewer than the {needed:.1} that {ties}"),
        (false, _) => {
            format!(
                "it looks like the members, though what it shares carries {bits:.1} bits, by itself fewer than the {needed:.1} that {ties}"
            )
        }
    };
    format!("{} {how} {network} ({membership}{role}{standing}): {why}", appeal.account)
}

/// What the life that an account had before says of a role that rests on it.
pub(super) fn life_text(dataset: &Dataset, role: AccountRole, life: &EarlierLife) -> Option<String> {
    let (exchanges, since) = (counted(life.exchanges_before, "exchange"), rfc3339(life.since).unwrap_or_default());
    let own = dataset.label_of(Node::Identifier(life.own));
    let before = format!("it had {exchanges} before anything of the network was seen on it ({since})");
    match role {
        AccountRole::CompromisedLegitimate => {
            Some(format!("; two hands are on it: {before}, and its own {own} goes on; it is to be secured, not banned"))
        }
        AccountRole::PossiblyTakenOver => Some(format!(
            "; it may have been taken over from its owner: {before}, on its own {own} and never on a card of the network; an \
             operator's account that was warmed up looks the same: look before banning"
        )),
        _ => None,
    }
}
