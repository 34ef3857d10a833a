//! To which candidate would an account that is in none belong, if to any?
//!
//! Of the candidates that an identifier of the account's ties together, the [`COMPARED`] of which it has most such identifiers, the
//! one for which it shows most by the rule of detection ([`crate::ties`]) beside what it takes: what `why-not` says of the two.
//! Cost: the account's row, and the rows of these candidates' accounts where they aren't kept.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use graph::{AccountId, IdentifierId, NONE_U32};
use serde::Serialize;

use crate::dataset::Dataset;
use crate::results::Labelling;
use crate::ties::Ties;

/// Candidates that are compared.
const COMPARED: usize = 8;

/// A candidate that an account isn't in and shares something with.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Nearest {
    /// Its id.
    pub network: String,
    /// Whether it is over the threshold.
    pub flagged: bool,
    /// Identifiers of the account's that tie it.
    pub identifiers: u64,
    /// Bits of the account's identifiers for it, less what an outsider pays for joining.
    pub bits: f64,
    /// Bits needed.
    pub needed: f64,
    /// Whether the bits are enough: the account wasn't found in the candidate's community, or doesn't look like its members.
    pub tied: bool,
}

impl Nearest {
    /// What an answer says of it.
    pub(super) fn text(&self) -> String {
        let Nearest { network, bits, needed, .. } = self;
        let standing = if self.flagged { "" } else { ", a candidate below the threshold" };
        match self.tied {
            true => format!(
                "it shows enough for {network}{standing} ({bits:.1} bits of {needed:.1}), but was not found in its community, or \
                 doesn't look like its members (`why-not`)"
            ),
            false => format!("nearest is {network}{standing}, for which it shows {bits:.1} bits of {needed:.1} (`why-not`)"),
        }
    }
}

/// The candidate that an account in none is nearest to; nothing where it has nothing that ties one.
pub(super) fn nearest(dataset: &Dataset, results: &Labelling, ties: &Ties<'_>, account: AccountId) -> Option<Nearest> {
    let graph = dataset.graph();
    let mut shared: BTreeMap<u32, u64> = BTreeMap::new();
    for &identifier in graph.identifiers_of(account) {
        let network = results.network_of_identifier.get(identifier as usize).copied().unwrap_or(NONE_U32);
        if network != NONE_U32 && results.is_own(graph, IdentifierId(identifier), network) {
            *shared.entry(network).or_default() += 1;
        }
    }
    let mut order: Vec<(u32, u64)> = shared.into_iter().collect();
    order.sort_by_key(|&(network, count)| (Reverse(count), network));
    let found = order.into_iter().take(COMPARED).map(|(network, identifiers)| {
        let found = ties.to_group(account, &ties.group(network as usize), None);
        let head = results.head(network as usize);
        Nearest {
            network: head.id.clone(),
            flagged: head.flagged,
            identifiers,
            bits: found.tie.bits,
            needed: found.needed,
            tied: found.accepted,
        }
    });
    // Of equals the first.
    found.reduce(|best, next| if next.bits - next.needed > best.bits - best.needed { next } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate as hydralink;
    use crate::appeal::appeal;
    use crate::why_not::why_not_member;

    #[test]
    fn an_appeal_and_why_not_say_the_same_of_who_is_in_none() {
        let (_folder, store) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/example_store.rs"));
        let dataset = Dataset::open(&store).unwrap();
        let results = dataset.labelling().unwrap();
        let outside = (0..dataset.graph().account_count() as u32).map(AccountId);
        let outside = outside.filter(|&account| results.membership_of(account).is_none());
        let mut near = 0;
        for account in outside {
            let found = appeal(&dataset, &results, account).unwrap();
            let Some(nearest) = found.nearest else {
                assert!(found.answer.contains("has nothing that ties one"), "{}", found.answer);
                continue;
            };
            near += 1;
            let why_not = why_not_member(&dataset, &results, account, &nearest.network).unwrap();
            assert_eq!((nearest.bits, nearest.needed), (why_not.bits, why_not.needed));
            assert!(found.answer.contains(&nearest.network), "{}", found.answer);
        }
        assert!(near > 0);
    }
}
