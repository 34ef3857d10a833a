//! Is what an update brings about accounts that the store has?
//!
//! Of a day's events most accounts have been there before. Where not one was, the events are most probably another population's,
//! or the ids of accounts are written otherwise than before: a column that became a number lost its zeros, another one was
//! taken. An account of the store occurs in what came if it has more events or more exchanges than before. Cost: O(accounts +
//! sightings) where none does, next to nothing where many do.

use events::Ingested;
use graph::AccountId;
use rayon::prelude::*;

use super::by_name::ByName;
use crate::dataset::Dataset;

/// Accounts of the store, and of what came, from which on it is told: a few new ones may well be all that a small batch has.
const MANY_ACCOUNTS: usize = 100;
const SEVERAL_ACCOUNTS: usize = 10;

/// How many accounts an update brings, if they are several, the store has many, and not one of these occurs in what came.
pub(super) fn all_new_accounts(dataset: &Dataset, ingested: &Ingested) -> Option<u64> {
    let had = dataset.graph().account_count();
    let new = ingested.graph.account_count().saturating_sub(had);
    if had < MANY_ACCOUNTS || new < SEVERAL_ACCOUNTS {
        return None;
    }
    let names = ByName { dataset, ingested };
    let occurs = |old: u32| names.account(old).is_some_and(|new| has_more(dataset, ingested, AccountId(old), AccountId(new)));
    (!(0..had as u32).into_par_iter().any(occurs)).then_some(new as u64)
}

/// Whether an account has more after the update than before.
fn has_more(dataset: &Dataset, ingested: &Ingested, old: AccountId, new: AccountId) -> bool {
    let exchanges = |graph: &graph::BipartiteGraph, account| {
        graph.sightings_of(account).map(|sighting| u64::from(sighting.count)).sum::<u64>()
    };
    ingested.activity.of(new).time.len() > dataset.activity().of(old).time.len()
        || exchanges(&ingested.graph, new) > exchanges(dataset.graph(), old)
}
