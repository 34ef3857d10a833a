//! Do the true ones come first? Average precision and precision among the first k.
//!
//! Average precision is the area under the precision-recall curve as a step function: Σ (R_i - R_{i-1}) P_i over distinct
//! scores, best first, so that ties are one step and their order cannot matter.

use serde::{Deserialize, Serialize};

use super::contingency::Table;

/// How well ranks separate true networks from the rest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranking {
    /// Average precision over found networks; one is true if at least half of its accounts are operated. 0 if none is and there
    /// are true networks, 1 by convention if there are none.
    pub average_precision: f64,
    /// Share of true ones among the first five.
    pub precision_at_5: f64,
    /// Among the first ten.
    pub precision_at_10: f64,
    /// Among the first twenty.
    pub precision_at_20: f64,
}

/// Area under the precision-recall curve; 1 if nothing is relevant. Scores must not be NaN; higher is better.
pub fn average_precision(scores: &[f64], relevant: &[bool]) -> f64 {
    let total = relevant.iter().filter(|&&relevant| relevant).count() as f64;
    if total == 0.0 {
        return 1.0;
    }
    let mut order: Vec<usize> = (0..scores.len().min(relevant.len())).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let (mut seen, mut hits, mut area) = (0.0, 0.0, 0.0);
    for tie in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let new = tie.iter().filter(|&&at| relevant[at]).count() as f64;
        seen += tie.len() as f64;
        hits += new;
        area += new / total * hits / seen;
    }
    area
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
    let mut operated = vec![0u64; table.found.len()];
    for cell in table.shared() {
        operated[cell.found as usize] += cell.accounts;
    }
    let held = (0..table.found.len()).filter(|&found| table.found[found] > 0);
    let relevant: Vec<bool> = held.map(|found| operated[found] * 2 >= table.found[found]).collect();
    let scores: Vec<f64> = (0..relevant.len()).map(|rank| -(rank as f64)).collect();
    let missed = !table.truth.is_empty() && relevant.iter().all(|&relevant| !relevant);
    Ranking {
        average_precision: if missed { 0.0 } else { average_precision(&scores, &relevant) },
        precision_at_5: precision_at(&relevant, 5),
        precision_at_10: precision_at(&relevant, 10),
        precision_at_20: precision_at(&relevant, 20),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn worked_example() {
        // Relevant at ranks 1 and 3: (1/1 + 2/3) / 2.
        let area = average_precision(&[9.0, 5.0, 4.0, 1.0], &[true, false, true, false]);
        assert!((area - 5.0 / 6.0).abs() < 1e-12);
        assert_eq!(precision_at(&[true, false, true], 2), 0.5);
        assert_eq!((precision_at(&[true], 20), precision_at(&[], 5), average_precision(&[], &[])), (1.0, 1.0, 1.0));
    }

    proptest! {
        /// Against the definition: at each threshold, precision times the recall gained.
        #[test]
        fn equals_the_definition_and_ignores_the_order_of_ties(
            rows in proptest::collection::vec((0u8..6, any::<bool>()), 1..40),
        ) {
            let scores: Vec<f64> = rows.iter().map(|row| f64::from(row.0)).collect();
            let relevant: Vec<bool> = rows.iter().map(|row| row.1).collect();
            let total = relevant.iter().filter(|&&relevant| relevant).count() as f64;
            prop_assume!(total > 0.0);
            let (mut area, mut recall_before) = (0.0, 0.0);
            for threshold in (0..6).rev().map(f64::from) {
                let above: Vec<usize> = (0..rows.len()).filter(|&at| scores[at] >= threshold).collect();
                let hits = above.iter().filter(|&&at| relevant[at]).count() as f64;
                if !above.is_empty() {
                    area += (hits / total - recall_before) * hits / above.len() as f64;
                    recall_before = hits / total;
                }
            }
            prop_assert!((average_precision(&scores, &relevant) - area).abs() < 1e-9);
            let reversed: Vec<f64> = scores.iter().rev().copied().collect();
            let relevant_reversed: Vec<bool> = relevant.iter().rev().copied().collect();
            prop_assert!((average_precision(&reversed, &relevant_reversed) - area).abs() < 1e-9);
        }
    }
}
