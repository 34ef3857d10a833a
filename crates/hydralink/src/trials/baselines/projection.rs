//! Which pairs of accounts share at least so many identifiers, without ever spreading a hub out?
//!
//! w(a, b) = number of open identifiers that both a and b were seen with.
//! 1. [`within_budget`]: the pairs an identifier makes are d (d - 1) / 2; the largest are closed until the sum fits the budget;
//! 2. [`projection`]: for each account, its partners with a higher id are counted in a scratch array; what reaches the
//!    threshold stays.
//!
//! Cost O(sum of d²/2), bounded by the budget; memory is what reaches the threshold, and one counter an account for each
//! thread.

use graph::{AccountId, BipartiteGraph, IdentifierFilter, IdentifierId, KindId, Kinds};
use rayon::prelude::*;

/// Identifiers that may make pairs, and what had to be closed.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenIdentifiers {
    /// By identifier.
    pub open: Vec<bool>,
    /// Identifiers closed for the budget's sake.
    pub closed: u64,
    /// The smallest degree among them.
    pub closed_from: u64,
}

impl OpenIdentifiers {
    /// What to tell the user, if anything was closed.
    pub fn note(&self, budget: u64) -> Option<String> {
        (self.closed > 0).then(|| {
            format!(
                "{} identifiers with {} or more accounts left out: their pairs would exceed the budget of {budget}",
                self.closed, self.closed_from
            )
        })
    }
}

/// Closes the most widely shared identifiers of these kinds, all of one degree at once, until their pairs fit the budget.
pub fn within_budget(graph: &BipartiteGraph, kinds: &[KindId], budget: u64) -> OpenIdentifiers {
    let filter = IdentifierFilter { kinds: Kinds::Only(kinds), ..IdentifierFilter::default() };
    let mut open = filter.open_identifiers(graph);
    let degree = |identifier: usize| graph.identifier_degree(IdentifierId(identifier as u32)) as u64;
    let mut degrees: Vec<u64> = (0..open.len()).filter(|&at| open[at]).map(degree).collect();
    degrees.sort_unstable();
    let (mut pairs, mut cap) = (0u64, u64::MAX);
    for &degree in &degrees {
        pairs = pairs.saturating_add(degree * degree.saturating_sub(1) / 2);
        if pairs > budget {
            cap = degree;
            break;
        }
    }
    let mut closed = 0;
    for at in 0..open.len() {
        if open[at] && degree(at) >= cap {
            (open[at], closed) = (false, closed + 1);
        }
    }
    OpenIdentifiers { open, closed, closed_from: cap }
}

/// Pairs `(a, b, shared)` with a < b and at least `least` shared open identifiers, ascending.
pub fn projection(graph: &BipartiteGraph, open: &[bool], least: u32) -> Vec<(u32, u32, u32)> {
    let count = graph.account_count();
    (0..count as u32)
        .into_par_iter()
        .with_min_len(256)
        .map_init(
            || (vec![0u32; count], Vec::new()),
            |(shared, partners), account| {
                for &identifier in graph.identifiers_of(AccountId(account)).iter().filter(|&&at| open[at as usize]) {
                    let accounts = graph.accounts_of(IdentifierId(identifier));
                    for &other in &accounts[accounts.partition_point(|&other| other <= account)..] {
                        if shared[other as usize] == 0 {
                            partners.push(other);
                        }
                        shared[other as usize] += 1;
                    }
                }
                partners.sort_unstable();
                let mut row = Vec::new();
                for other in partners.drain(..) {
                    let weight = std::mem::take(&mut shared[other as usize]);
                    if weight >= least {
                        row.push((account, other, weight));
                    }
                }
                row
            },
        )
        .flatten_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::testing::graph_of;

    #[test]
    fn the_largest_are_closed_first() {
        // Degrees 4 (6 pairs), 2 (1 pair), 2 (1 pair).
        let graph = graph_of(4, 3, &[(0, 0), (1, 0), (2, 0), (3, 0), (0, 1), (1, 1), (2, 2), (3, 2)]);
        let all = within_budget(&graph, &[KindId(0)], 8);
        assert_eq!((all.open.clone(), all.note(8)), (vec![true; 3], None));
        let cut = within_budget(&graph, &[KindId(0)], 7);
        assert_eq!((cut.open.clone(), cut.closed, cut.closed_from), (vec![false, true, true], 1, 4));
        assert!(cut.note(7).is_some_and(|note| note.contains("4 or more accounts")));
        assert_eq!(projection(&graph, &cut.open, 1), [(0, 1, 1), (2, 3, 1)]);
        assert_eq!(projection(&graph, &all.open, 2), [(0, 1, 2), (2, 3, 2)]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn equals_the_count_over_all_pairs(raw in prop::collection::vec((0u32..10, 0u32..8), 0..60), least in 1u32..4) {
            let edges: BTreeSet<(u32, u32)> = raw.into_iter().collect();
            let graph = graph_of(10, 8, &edges.iter().copied().collect::<Vec<_>>());
            let mut expected: BTreeMap<(u32, u32), u32> = BTreeMap::new();
            for &(a, i) in &edges {
                for &(b, j) in &edges {
                    if a < b && i == j {
                        *expected.entry((a, b)).or_default() += 1;
                    }
                }
            }
            let expected: Vec<_> = expected.into_iter().filter(|&(_, n)| n >= least).map(|((a, b), n)| (a, b, n)).collect();
            prop_assert_eq!(projection(&graph, &[true; 8], least), expected);
        }
    }
}
