//! Do the true ones come first, and all of them? Average precision and precision among the first k.
//!
//! A found network is *true* if at least half of its accounts are operated. Average precision is the area under the
//! precision-recall curve as a step function: Σ (R_i - R_{i-1}) P_i by rank, where P_i is the share of true ones among the
//! first i and R_i the share of *planted* networks that a true one among them has accounts of more than of any other. So a
//! network that was missed, or merged into another, costs what it is worth, and a second piece of one adds nothing.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::contingency::Table;

/// How well ranks separate true networks from the rest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Ranking {
    /// Area under the precision-recall curve, planted networks that weren't found included; 1 by convention if none is planted.
    pub average_precision: f64,
    /// Networks found.
    pub networks: u64,
    /// Share of true ones among the first five; of fewer networks, here and below, among those there are.
    pub precision_at_5: f64,
    /// Among the first ten.
    pub precision_at_10: f64,
    /// Among the first twenty.
    pub precision_at_20: f64,
}

/// Share of relevant ones among the first `k`, best first; of fewer than `k`, among those there are; 1 if there are none.
pub fn precision_at(relevant_by_rank: &[bool], k: usize) -> f64 {
    let first = &relevant_by_rank[..k.min(relevant_by_rank.len())];
    if first.is_empty() {
        return 1.0;
    }
    first.iter().filter(|&&relevant| relevant).count() as f64 / first.len() as f64
}

pub(crate) fn of_networks(table: &Table) -> Ranking {
    // By found network: operated accounts, and the planted network that most of them are of.
    let mut operated = vec![0u64; table.found.len()];
    let mut mostly = vec![(0u64, 0u32); table.found.len()];
    for cell in table.shared() {
        operated[cell.found as usize] += cell.accounts;
        let most = &mut mostly[cell.found as usize];
        if cell.accounts > most.0 {
            *most = (cell.accounts, cell.truth);
        }
    }
    let held: Vec<usize> = (0..table.found.len()).filter(|&found| table.found[found] > 0).collect();
    let relevant: Vec<bool> = held.iter().map(|&found| operated[found] * 2 >= table.found[found]).collect();
    let planted: Vec<u32> = held.iter().map(|&found| mostly[found].1).collect();
    let total = table.truth.iter().filter(|&&accounts| accounts > 0).count();
    Ranking {
        average_precision: average_precision(&relevant, &planted, total),
        networks: relevant.len() as u64,
        precision_at_5: precision_at(&relevant, 5),
        precision_at_10: precision_at(&relevant, 10),
        precision_at_20: precision_at(&relevant, 20),
    }
}

/// The area of the module's definition. By rank: whether a found network is true, and the planted one that it is of; `total`:
/// planted networks.
fn average_precision(relevant: &[bool], planted: &[u32], total: usize) -> f64 {
    if total == 0 {
        return 1.0;
    }
    let mut met = BTreeSet::new();
    let (mut hits, mut area) = (0.0, 0.0);
    for (at, (&relevant, &planted)) in relevant.iter().zip(planted).enumerate() {
        if relevant {
            hits += 1.0;
            if met.insert(planted) {
                area += hits / (at + 1) as f64;
            }
        }
    }
    area / total as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_examples() {
        // Planted 7 and 8 at ranks 1 and 3, nothing missed: (1/1 + 2/3) / 2.
        let area = |relevant: &[bool], planted: &[u32], total| average_precision(relevant, planted, total);
        assert!((area(&[true, false, true, false], &[7, 0, 8, 0], 2) - 5.0 / 6.0).abs() < 1e-12);
        // One of four found, first: a quarter. A second piece of it adds nothing.
        assert_eq!((area(&[true], &[7], 4), area(&[true, true], &[7, 7], 4)), (0.25, 0.25));
        assert_eq!((area(&[], &[], 3), area(&[false], &[0], 3), area(&[], &[], 0)), (0.0, 0.0, 1.0));
        assert_eq!((precision_at(&[true, false, true], 2), precision_at(&[true], 20), precision_at(&[], 5)), (0.5, 1.0, 1.0));
    }
}
