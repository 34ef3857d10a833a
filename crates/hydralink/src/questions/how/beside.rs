//! Which other networks have what this one is tied by?
//!
//! An operator can be found in pieces: who replaces banned accounts may share a card and a prompt with them and too little with all
//! that came before. The pieces stand as networks of their own, and one of them can be over while the other goes on. Counted are the
//! identifiers that say something and of whose accounts more than half are core or fringe accounts of this network and of another
//! candidate, some of each. It is a pointer to [`crate::links::overlap`] and no tie: neighbours at one vendor share as
//! much. Cost: O(sightings of the network's identifiers).

use std::collections::{BTreeMap, BTreeSet};

use graph::{AccountId, IdentifierId};
use serde::{Deserialize, Serialize};

use crate::ties::{Group, Ties};

/// Identifiers that two networks have in common before one is named: a single one is anybody's accident.
const FEWEST: usize = 2;

/// Another network with identifiers of this one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Beside {
    /// Its id.
    pub network: String,
    /// Whether it is over the threshold.
    pub flagged: bool,
    /// Accounts of it that were seen with any of them.
    pub accounts: u64,
    /// Identifiers that both have, and others less than the two together.
    pub identifiers: u64,
}

/// The networks that have identifiers of this one, those with most first.
pub(super) fn beside(ties: &Ties<'_>, group: &Group<'_>, network: usize) -> Vec<Beside> {
    let (graph, results) = (ties.dataset().linking_graph(), ties.results());
    let mut found: BTreeMap<usize, (u64, BTreeSet<u32>)> = BTreeMap::new();
    for identifier in group.holdings().map(|(identifier, _)| IdentifierId(identifier)) {
        let own = group.belonging(identifier);
        if own == 0 || ties.bits_of(identifier) <= 0.0 {
            continue;
        }
        let accounts = graph.accounts_of(identifier);
        let mut here: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        for &account in accounts {
            let belongs = results.membership_of(AccountId(account)).filter(|(_, how)| how.belongs());
            let other = belongs.map(|_| results.network_of[account as usize] as usize).filter(|&other| other != network);
            other.into_iter().for_each(|other| here.entry(other).or_default().push(account));
        }
        // Others' as much as theirs is neither's.
        here.retain(|_, theirs| 2 * (own as usize + theirs.len()) > accounts.len());
        for (other, theirs) in here {
            let entry = found.entry(other).or_default();
            entry.0 += 1;
            entry.1.extend(theirs);
        }
    }
    let mut rows: Vec<(usize, Beside)> = found
        .into_iter()
        .filter(|(_, (identifiers, _))| *identifiers >= FEWEST as u64)
        .map(|(other, (identifiers, accounts))| {
            let head = results.head(other);
            let accounts = accounts.len() as u64;
            (other, Beside { network: head.id.clone(), flagged: head.flagged, accounts, identifiers })
        })
        .collect();
    rows.sort_by_key(|(place, row)| (std::cmp::Reverse(row.identifiers), *place));
    rows.into_iter().map(|(_, row)| row).collect()
}
