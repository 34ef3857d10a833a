//! From which sharing on does one giant component swallow everything?
//!
//! [`hub_sweep`] lets identifiers link accounts in ascending order of degree, and notes after each degree what the components
//! look like: the whole curve for the price of one union-find pass, instead of one run a threshold. Below the percolation
//! point, components are households and networks; where the largest one's share jumps, hubs begin to glue strangers together
//! ([`HubSweep::percolation`]). How much an answer hangs on the chosen threshold is [`HubSweep::stability`].
//!
//! Steps: 1. sort the open identifiers by degree (counting sort); 2. link each identifier's accounts; 3. after the last
//! identifier of a degree, record a [`HubStep`]. Cost: O(sightings + identifiers), memory 12 bytes a vertex and one step a
//! distinct degree (at most `sqrt(2 sightings)` of them).
//!
//! Reference: Zhao, Xie, Yu, Ke, Yu, Chen, Gillum (2009), BotGraph: large scale spamming botnet detection, NSDI, section 4 (the
//! giant component against the threshold); Stauffer, Aharony (1994), Introduction to percolation theory.

use crate::filter::OpenRows;
use crate::union_find::SizedForest;
use crate::{BipartiteGraph, IdentifierFilter};

/// What the components look like when identifiers of up to `max_degree` accounts link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HubStep {
    /// The most accounts an identifier that links may have.
    pub max_degree: u32,
    /// Identifiers that link: open, and of degree 1 to `max_degree`.
    pub identifier_count: u32,
    /// Accounts of the largest component.
    pub largest: u32,
    /// Components of two accounts or more.
    pub component_count: u32,
    /// Accounts in components of two accounts or more.
    pub linked_accounts: u32,
}

/// The curve of components against the hub threshold: one step for each degree that occurs, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubSweep {
    /// Accounts of the graph, linked or not.
    pub account_count: u32,
    /// The steps, ascending in `max_degree`.
    pub steps: Vec<HubStep>,
}

/// Where the largest component's share of all accounts jumps most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percolation {
    /// The last step before the jump: the most permissive threshold without the giant component.
    pub before: HubStep,
    /// The step that jumps.
    pub after: HubStep,
    /// `(after.largest - before.largest) / account_count`, between 0 and 1.
    pub jump: f64,
}

/// How the components change when the threshold is missed by a fifth (or by another tolerance).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stability {
    /// At `threshold * (1 - tolerance)`, rounded up.
    pub lower: HubStep,
    /// At the threshold.
    pub chosen: HubStep,
    /// At `threshold * (1 + tolerance)`, rounded down.
    pub upper: HubStep,
    /// The larger of the two changes of `largest` and of `linked_accounts`, as a share of all accounts: 0 is rock solid, and a
    /// threshold beside the percolation point has about its jump.
    pub change: f64,
}

/// The tolerance that [`HubSweep::stability`] is usually asked for.
pub const STABILITY_TOLERANCE: f64 = 0.2;

/// Sweeps the hub threshold over the identifiers that the filter lets through.
///
/// # Panics
/// If the filter marks another number of identifiers than the graph has.
pub fn hub_sweep(graph: &BipartiteGraph, filter: &IdentifierFilter<'_>) -> HubSweep {
    let rows = OpenRows::new(graph, filter);
    let mut sweep = HubSweep { account_count: graph.account_count() as u32, steps: Vec::new() };
    let mut forest = SizedForest::new(graph.account_count());
    let mut step = HubStep {
        max_degree: 0,
        identifier_count: 0,
        largest: graph.account_count().min(1) as u32,
        component_count: 0,
        linked_accounts: 0,
    };
    for identifier in by_degree(&rows) {
        let accounts = rows.accounts_of(identifier as usize);
        let degree = accounts.len() as u32;
        if degree != step.max_degree {
            if step.max_degree > 0 {
                sweep.steps.push(step);
            }
            step.max_degree = degree;
        }
        step.identifier_count += 1;
        for &account in &accounts[1..] {
            if let Some(joined) = forest.link(accounts[0], account) {
                let was_linked = [joined.root_size, joined.child_size].map(|size| u32::from(size > 1));
                step.component_count = step.component_count + 1 - was_linked[0] - was_linked[1];
                step.linked_accounts += 2 - was_linked[0] - was_linked[1];
                step.largest = step.largest.max(joined.root_size + joined.child_size);
            }
        }
    }
    if step.max_degree > 0 {
        sweep.steps.push(step);
    }
    sweep
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

impl HubSweep {
    /// The curve at any threshold: that of the greatest degree which occurs and doesn't exceed it.
    pub fn at(&self, max_degree: u32) -> HubStep {
        let above = self.steps.partition_point(|step| step.max_degree <= max_degree);
        let nothing = HubStep {
            max_degree: 0,
            identifier_count: 0,
            largest: self.account_count.min(1),
            component_count: 0,
            linked_accounts: 0,
        };
        if above == 0 { nothing } else { self.steps[above - 1] }
    }

    /// The step at which the largest component's share jumps most, the earliest of equals. `None` where no identifier is
    /// shared.
    pub fn percolation(&self) -> Option<Percolation> {
        let mut best: Option<Percolation> = None;
        let mut before = self.at(0);
        for &after in &self.steps {
            let jump = f64::from(after.largest - before.largest) / f64::from(self.account_count);
            if after.largest > before.largest && best.is_none_or(|best| jump > best.jump) {
                best = Some(Percolation { before, after, jump });
            }
            before = after;
        }
        best
    }

    /// What changes if the threshold is missed by `tolerance` (a share, such as [`STABILITY_TOLERANCE`]) in either direction.
    pub fn stability(&self, max_degree: u32, tolerance: f64) -> Stability {
        // A hair of slack, so that 0.8 * 50 is 40 and not 40.000000000000004.
        const SLACK: f64 = 1e-9;
        let threshold = f64::from(max_degree);
        let lower = self.at((threshold * (1.0 - tolerance) - SLACK).ceil().max(0.0) as u32);
        let chosen = self.at(max_degree);
        let upper = self.at((threshold * (1.0 + tolerance) + SLACK).floor() as u32);
        let change = [lower, upper]
            .iter()
            .flat_map(|step| [step.largest.abs_diff(chosen.largest), step.linked_accounts.abs_diff(chosen.linked_accounts)])
            .max()
            .map_or(0.0, |most| f64::from(most) / f64::from(self.account_count.max(1)));
        Stability { lower, chosen, upper, change }
    }
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
        let sweep = hub_sweep(&toy(), &IdentifierFilter::default());
        let curve: Vec<_> = sweep
            .steps
            .iter()
            .map(|s| [s.max_degree, s.identifier_count, s.largest, s.component_count, s.linked_accounts])
            .collect();
        assert_eq!(curve, [[1, 1, 1, 0, 0], [2, 3, 2, 2, 4], [3, 4, 4, 2, 6], [7, 5, 7, 1, 7]]);
        let percolation = sweep.percolation().expect("identifiers are shared");
        assert_eq!((percolation.before.max_degree, percolation.after.max_degree), (3, 7));
        assert!((percolation.jump - 3.0 / 9.0).abs() < 1e-12);
    }

    #[test]
    fn stability_looks_a_fifth_to_either_side() {
        let sweep = hub_sweep(&toy(), &IdentifierFilter::default());
        let beside = sweep.stability(6, STABILITY_TOLERANCE);
        assert_eq!([beside.lower, beside.chosen, beside.upper].map(|step| step.max_degree), [3, 3, 7]);
        assert!((beside.change - 3.0 / 9.0).abs() < 1e-12);
        assert_eq!(sweep.stability(20, STABILITY_TOLERANCE).change, 0.0);
        // 0.8 * 5 must be 4 in spite of binary fractions.
        assert_eq!(sweep.stability(5, STABILITY_TOLERANCE).lower, sweep.at(4));
    }

    #[test]
    fn a_graph_that_shares_nothing_does_not_percolate() {
        assert_eq!(hub_sweep(&bipartite(2, 2, &[(0, 0), (1, 1)]), &IdentifierFilter::default()).percolation(), None);
        let empty = hub_sweep(&bipartite(0, 0, &[]), &IdentifierFilter::default());
        assert_eq!((empty.steps.len(), empty.at(9).largest), (0, 0));
        assert_eq!(empty.stability(3, STABILITY_TOLERANCE).change, 0.0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(150))]

        #[test]
        fn each_step_is_what_components_find_at_that_threshold(graph in any_bipartite()) {
            let sweep = hub_sweep(&graph, &IdentifierFilter::default());
            for max_degree in 0..26 {
                let filter = IdentifierFilter { max_degree, ..Default::default() };
                let partition = bipartite_components(&graph, &filter);
                let mut accounts_in = vec![0u32; partition.group_count()];
                (0..graph.account_count()).for_each(|account| accounts_in[partition.label_of(account as u32) as usize] += 1);
                let linked = || accounts_in.iter().copied().filter(|&accounts| accounts > 1);
                let step = sweep.at(max_degree as u32);
                prop_assert_eq!(step.largest, accounts_in.iter().copied().max().unwrap_or(0));
                prop_assert_eq!(step.component_count as usize, linked().count());
                prop_assert_eq!(step.linked_accounts, linked().sum::<u32>());
            }
            let edges: usize = (0..graph.account_count() as u32).map(|account| graph.account_degree(AccountId(account))).sum();
            prop_assert_eq!(edges > 0, !sweep.steps.is_empty());
        }
    }
}
