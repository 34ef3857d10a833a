//! What did people say of a network's accounts before it was found?
//!
//! Known-good accounts that share what ties it are no members, whoever said so: the allow list, a rejected case, or a list of
//! the detection. Pairs that must or cannot be one are counted where they touch it. Cost: O(lists + sightings of the
//! known-good).

use std::collections::BTreeSet;

use graph::{AccountId, IdentifierId};

use crate::dataset::Dataset;
use crate::error::Error;
use crate::node::Node;
use crate::results::Labelling;

/// Accounts that a line names; the rest are counted.
const NAMED: usize = 5;

/// A line for everything that was said of a network's accounts.
pub(super) fn decided(dataset: &Dataset, results: &Labelling, network: usize) -> Result<Vec<String>, Error> {
    let allowed = dataset.allowed()?;
    let mut lines = Vec::new();
    let is_tie = |&&identifier: &&u32| results.is_own(dataset.graph(), IdentifierId(identifier), network as u32);
    let shares =
        |account: &u32| dataset.graph().identifiers_of(AccountId(*account)).iter().any(|identifier| is_tie(&identifier));
    let good = (0u32..).zip(&allowed.accounts).filter(|&(_, &good)| good).map(|(account, _)| account);
    let of_network = |account: u32| {
        let belongs = results.membership_of(AccountId(account)).is_some_and(|(_, how)| how.belongs());
        belongs && results.network_of[account as usize] as usize == network
    };
    // What was decided after the detection holds from the next one on.
    let (members, out): (Vec<u32>, Vec<u32>) = good.filter(shares).partition(|&account| of_network(account));
    if !members.is_empty() {
        let (accounts, are) = if members.len() == 1 { ("account", "is") } else { ("accounts", "are") };
        lines.push(format!(
            "{} known-good {accounts} {are} still counted below, as decided after this detection: the next `detect` leaves {} out",
            members.len(),
            if members.len() == 1 { "it" } else { "them" }
        ));
    }
    if !out.is_empty() {
        let names: Vec<String> = out.iter().take(NAMED).map(|&account| dataset.label_of(Node::account(account))).collect();
        let more = if out.len() > NAMED { format!(" and {} more", out.len() - NAMED) } else { String::new() };
        let (accounts, share, are) = if out.len() == 1 { ("account", "shares", "is") } else { ("accounts", "share", "are") };
        lines.push(format!(
            "{} known-good {accounts} {share} what ties it and {are} left out by decision: {}{more}",
            out.len(),
            names.join(", ")
        ));
    }
    let touching = |pairs: &[(u32, u32)]| {
        let pairs: BTreeSet<(u32, u32)> = pairs.iter().map(|&(one, other)| (one.min(other), one.max(other))).collect();
        pairs.into_iter().filter(|&(one, other)| of_network(one) || of_network(other)).count()
    };
    let counts = [(touching(&allowed.must), "must be one by lists or rules"), (touching(&allowed.cannot), "cannot be one")];
    for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
        let pairs = if count == 1 { "pair" } else { "pairs" };
        lines.push(format!(
            "{count} {pairs} of accounts that {what} {} a member in it",
            if count == 1 { "has" } else { "have" }
        ));
    }
    Ok(lines)
}
