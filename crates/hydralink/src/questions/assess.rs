//! How strong is the case against accounts that somebody names?
//!
//! A list from elsewhere (a rule, a colleague, a partner, `expand`, `dense` or `lockstep`) as one group: measured, scored and
//! put into a dossier as if a detection had proposed it, by the configuration and the lists of the last one. All accounts of
//! the list count, also those that nothing ties to the others; they are named. Members of a network that `detect` found by what
//! its accounts have in common get the score that it has.
//!
//! The p-values hold for a list that was not drawn up by what a test looks at: accounts that were chosen because they act at
//! the same time are synchronous by choice. Cost: O(sightings), for the rules of the whole population, and the tests of one
//! group.

use std::collections::BTreeMap;

use graph::AccountId;
use serde::Serialize;

use crate::chain::score_given;
use crate::dataset::Dataset;
use crate::detect::{Labels, describe};
use crate::dossier::{Dossier, dossier};
use crate::error::Error;
use crate::node::Node;
use crate::results::Labelling;

/// What a dossier says of accounts that were named and not found.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Given {
    /// The accounts that were assessed, ascending.
    pub accounts: Vec<String>,
    /// Those of them that their own evidence doesn't tie to the others; they count all the same.
    pub untied: Vec<String>,
    /// Known-good accounts of the list; they are left out.
    pub known_good: Vec<String>,
    /// The flagged networks that have any of them, those with most first.
    pub networks: Vec<PartOf>,
}

/// A flagged network with some of the accounts.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PartOf {
    /// Its id.
    pub network: String,
    /// Accounts of the list that belong to it.
    pub listed: u64,
    /// All of its accounts.
    pub accounts: u64,
}

/// Accounts that a line names; the rest are counted.
const NAMED: usize = 5;

impl Given {
    /// What is worth saying, a line each.
    pub(crate) fn lines(&self) -> Vec<String> {
        let named = |names: &[String]| {
            let more = if names.len() > NAMED { format!(" and {} more", names.len() - NAMED) } else { String::new() };
            format!("{}{more}", names.iter().take(NAMED).cloned().collect::<Vec<String>>().join(", "))
        };
        let mut lines = Vec::new();
        if !self.untied.is_empty() {
            let count = self.untied.len();
            lines.push(format!("nothing of their own ties {count} of them to the others: {}", named(&self.untied)));
        }
        if !self.known_good.is_empty() {
            lines.push(format!("left out as known-good: {}", named(&self.known_good)));
        }
        let (found, all) = (self.networks.iter().map(|part| part.listed).sum::<u64>(), self.accounts.len() as u64);
        let shown = self.networks.iter().take(NAMED).map(|part| {
            let are = if part.listed == 1 { "is" } else { "are" };
            format!("{} {are} in {} (of {})", part.listed, part.network, part.accounts)
        });
        let others = self.networks.get(NAMED..).map_or(0, |rest| rest.iter().map(|part| part.listed).sum());
        let rest = [(others, "in others"), (all - found, "in none")].into_iter().filter(|&(count, _)| count > 0);
        let rest = rest.map(|(count, place)| format!("{count} {place}"));
        lines.push(format!("of flagged networks: {}", shown.chain(rest).collect::<Vec<String>>().join(", ")));
        if let Some(part) = self.networks.first().filter(|part| 2 * part.listed >= all && 2 * part.listed < part.accounts) {
            lines.push(format!(
                "the list is a part of {}, and a part has no case of its own: what all of the network shares is not the list's",
                part.network
            ));
        }
        lines
    }
}

/// What stands as the id in the dossier of a list.
pub const ID: &str = "given";

/// Assesses accounts as one group. `results`: of the store's last detection.
///
/// # Errors
/// [`Error::Usage`] for fewer than two accounts that aren't known-good; as [`Dataset::cases`].
pub fn assess(dataset: &Dataset, results: &Labelling, accounts: &[AccountId]) -> Result<Dossier, Error> {
    dataset.check(Some(results), accounts.iter().copied().map(Node::Account))?;
    let config = results.run.detect_config()?;
    let allowed = dataset.allowed()?;
    let facts = dataset.facts(&allowed);
    let mut list: Vec<u32> = accounts.iter().map(|account| account.0).collect();
    list.sort_unstable();
    list.dedup();
    let (good, list): (Vec<u32>, Vec<u32>) = list.into_iter().partition(|&account| facts.is_allowed_account(account));
    if list.len() < 2 {
        return Err(Error::Usage(format!(
            "a group takes two accounts or more, and the list has {} that {} not known-good",
            list.len(),
            if list.len() == 1 { "is" } else { "are" }
        )));
    }
    let (classification, candidate, card, untied) = score_given(facts, &config, &list);
    let mut network = describe(dataset, &classification, &candidate, &card, 1, &config.linkage.score);
    ID.clone_into(&mut network.id);
    let mut labels = Labels::new(dataset.graph().account_count(), dataset.graph().identifier_count());
    labels.put(0, &candidate);
    let names = |accounts: &[u32]| {
        accounts.iter().map(|&account| dataset.shown_account(AccountId(account)).into_owned()).collect::<Vec<String>>()
    };
    let mut listed: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (network, _) in list.iter().filter_map(|&account| results.flagged_network_of(AccountId(account))) {
        listed.entry(&network.id).or_insert((0, network.accounts)).0 += 1;
    }
    let part = |(network, (listed, accounts)): (&str, (u64, u64))| PartOf { network: network.to_owned(), listed, accounts };
    let mut networks: Vec<PartOf> = listed.into_iter().map(part).collect();
    networks.sort_by_key(|part| std::cmp::Reverse(part.listed));
    let given = Given { accounts: names(&list), untied: names(&untied), known_good: names(&good), networks };
    let alone = results.with_labels(labels, &network);
    let mut found = dossier(dataset, &alone, &network)?;
    found.verdict = match found.verdict.strip_prefix("not ") {
        Some(verdict) => format!("as a network it would not be {verdict}"),
        None => format!("as a network it would be {}", found.verdict),
    };
    found.given = Some(given);
    Ok(found)
}
