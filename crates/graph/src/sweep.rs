//! From which sharing on does one giant component swallow everything?
//!
//! [`hub_sweep`] lets identifiers link accounts in ascending order of degree, and notes after each degree what the components
//! look like: the whole curve for the price of one union-find pass, instead of one run a threshold. Below the percolation
//! point, components are households and networks; where the largest one's share jumps, hubs begin to glue strangers together.
//!
//! Steps: 1. sort the open identifiers by degree (counting sort); 2. link each identifier's accounts; 3. after the last
//! identifier of a degree, record a [`HubStep`]. Cost: O(sightings + identifiers), memory 12 bytes a vertex and one step a
//! distinct degree (at most `sqrt(2 sightings)` of them).
//!
//! Reference: Zhao, Xie, Yu, Ke, Yu, Chen, Gillum (2009), BotGraph: large scale spamming botnet detection, NSDI, section 4 (the
//! giant component against the threshold); Stauffer, Aharony (1994), Introduction to percolation theory.

use crate::filter::OpenRows;
use crate::{BipartiteGraph, DisjointSets, IdentifierFilter};

/// What the components look like when identifiers of up to `max_degree` accounts link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HubStep {
    /// The most accounts an identifier that links may have.
    pub max_degree: u32,
    /// Accounts of the largest component.
    pub largest: u32,
    /// Components of two accounts or more.
    pub component_count: u32,
    /// Accounts in components of two accounts or more.
    pub linked_accounts: u32,
}

/// Sweeps the hub threshold over the identifiers that the filter lets through: one step for each degree that occurs, ascending.
///
/// # Panics
/// If the filter marks another number of identifiers than the graph has.
pub fn hub_sweep(graph: &BipartiteGraph, filter: &IdentifierFilter<'_>) -> Vec<HubStep> {
    let rows = OpenRows::new(graph, filter);
    let mut steps = Vec::new();
    let (mut sets, mut sizes) = (DisjointSets::new(graph.account_count()), vec![1u32; graph.account_count()]);
    let mut step =
        HubStep { max_degree: 0, largest: graph.account_count().min(1) as u32, component_count: 0, linked_accounts: 0 };
    for identifier in by_degree(&rows) {
        let accounts = rows.accounts_of(identifier as usize);
        let degree = accounts.len() as u32;
        if degree != step.max_degree {
            if step.max_degree > 0 {
                steps.push(step);
            }
            step.max_degree = degree;
        }
        for &account in &accounts[1..] {
            if let Some(joined) = sets.join(accounts[0], account) {
                let before = [joined.root, joined.child].map(|root| sizes[root as usize]);
                let was_linked = before.map(|size| u32::from(size > 1));
                step.component_count = step.component_count + 1 - was_linked[0] - was_linked[1];
                step.linked_accounts += 2 - was_linked[0] - was_linked[1];
                sizes[joined.root as usize] = before[0] + before[1];
                step.largest = step.largest.max(sizes[joined.root as usize]);
            }
        }
    }
    if step.max_degree > 0 {
        steps.push(step);
    }
    steps
}

/// Open identifiers with an account, by degree, then id.
fn by_degree(rows: &OpenRows<'_>) -> Vec<u32> {
    let degree_of = |identifier: usize| rows.accounts_of(identifier).len();
    let largest = (0..rows.open().len()).map(degree_of).max().unwrap_or(0);
    let mut next = vec![0u32; largest + 2];
    (0..rows.open().len()).for_each(|identifier| next[degree_of(identifier) + 1] += 1);
    next[1] = 0;
    (1..next.len()).for_each(|degree| next[degree] += next[degree - 1]);
    let mut order = vec![0u32; next[next.len() - 1] as usize];
    for identifier in (0..rows.open().len()).filter(|&identifier| degree_of(identifier) > 0) {
        let slot = &mut next[degree_of(identifier)];
        order[*slot as usize] = identifier as u32;
        *slot += 1;
    }
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{any_bipartite, bipartite};
    use crate::{AccountId, bipartite_components};

    /// Two pairs by identifiers of 2 accounts, a third pair and the first joined by one of 3, all eight joined by one of 7.
    fn toy() -> BipartiteGraph {
        let mut pairs = vec![(0, 0), (1, 0), (2, 1), (3, 1), (0, 2), (4, 2), (5, 2), (7, 3)];
        pairs.extend((0..7).map(|account| (account, 4)));
        bipartite(9, 5, &pairs)
    }

    #[test]
    fn the_curve_by_hand() {
        let steps = hub_sweep(&toy(), &IdentifierFilter::default());
        let curve: Vec<_> =
            steps.iter().map(|step| [step.max_degree, step.largest, step.component_count, step.linked_accounts]).collect();
        assert_eq!(curve, [[1, 1, 0, 0], [2, 2, 2, 4], [3, 4, 2, 6], [7, 7, 1, 7]]);
        assert_eq!(hub_sweep(&bipartite(0, 0, &[]), &IdentifierFilter::default()), []);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(150))]

        #[test]
        fn each_step_is_what_components_find_at_that_threshold(graph in any_bipartite()) {
            let steps = hub_sweep(&graph, &IdentifierFilter::default());
            let alone = HubStep { max_degree: 0, largest: graph.account_count().min(1) as u32, component_count: 0, linked_accounts: 0 };
            for max_degree in 0..26 {
                let filter = IdentifierFilter { max_degree, ..Default::default() };
                let partition = bipartite_components(&graph, &filter);
                let mut accounts_in = vec![0u32; partition.group_count()];
                (0..graph.account_count()).for_each(|account| accounts_in[partition.label_of(account as u32) as usize] += 1);
                let linked = || accounts_in.iter().copied().filter(|&accounts| accounts > 1);
                let step = steps.iter().rfind(|step| step.max_degree as usize <= max_degree).unwrap_or(&alone);
                prop_assert_eq!(step.largest, accounts_in.iter().copied().max().unwrap_or(0));
                prop_assert_eq!(step.component_count as usize, linked().count());
                prop_assert_eq!(step.linked_accounts, linked().sum::<u32>());
            }
            let edges: usize = (0..graph.account_count() as u32).map(|account| graph.account_degree(AccountId(account))).sum();
            prop_assert_eq!(edges > 0, !steps.is_empty());
        }
    }
}
