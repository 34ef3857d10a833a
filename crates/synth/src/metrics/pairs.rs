//! Pair counts, B-cubed, adjusted Rand index.
//!
//! With n_tf accounts of true network t in found network f, n_t and n_f in all:
//! pairwise precision = Σ C(n_tf, 2) / Σ C(n_f, 2), recall = Σ C(n_tf, 2) / Σ C(n_t, 2);
//! B-cubed precision = Σ n_tf² / n_f over accounts in found networks, recall = Σ n_tf² / n_t over those in true ones
//! (Bagga and Baldwin, doi:10.3115/980451.980859);
//! adjusted Rand index = (both - expected) / (mean - expected) (Hubert and Arabie, doi:10.1007/BF01908075).

use super::contingency::Table;
use super::{NONE, Score};

fn choose_two(count: u64) -> u128 {
    u128::from(count) * u128::from(count.saturating_sub(1)) / 2
}

fn ratio(part: f64, of: f64) -> f64 {
    if of == 0.0 { 1.0 } else { part / of }
}

struct PairCounts {
    both: u128,
    real: u128,
    claimed: u128,
}

fn count(table: &Table) -> PairCounts {
    PairCounts {
        both: table.shared().map(|cell| choose_two(cell.accounts)).sum(),
        real: table.truth.iter().map(|&size| choose_two(size)).sum(),
        claimed: table.found.iter().map(|&size| choose_two(size)).sum(),
    }
}

pub(crate) fn pairwise(table: &Table) -> Score {
    let pairs = count(table);
    Score::new(ratio(pairs.both as f64, pairs.claimed as f64), ratio(pairs.both as f64, pairs.real as f64))
}

pub(crate) fn adjusted_rand(table: &Table) -> f64 {
    let pairs = count(table);
    let all = choose_two(table.total) as f64;
    let expected = if all == 0.0 { 0.0 } else { pairs.real as f64 * pairs.claimed as f64 / all };
    let most = (pairs.real as f64 + pairs.claimed as f64) / 2.0;
    // Both are all singletons or both one cluster: they agree.
    if (most - expected).abs() < 1e-12 { 1.0 } else { (pairs.both as f64 - expected) / (most - expected) }
}

/// Sums over accounts of the share of their found (true) network that is with them in the true (found) one.
struct Cubed {
    /// Over accounts in found networks.
    precision: f64,
    /// Over accounts in true networks.
    recall: f64,
}

fn cubed(table: &Table) -> Cubed {
    let (mut precision, mut recall) = (0.0, 0.0);
    for cell in &table.cells {
        let accounts = cell.accounts as f64;
        if cell.found != NONE {
            // Each legitimate account shares with itself alone.
            let together = if cell.truth == NONE { accounts } else { accounts * accounts };
            precision += together / table.found[cell.found as usize] as f64;
        }
        if cell.truth != NONE {
            let together = if cell.found == NONE { accounts } else { accounts * accounts };
            recall += together / table.truth[cell.truth as usize] as f64;
        }
    }
    Cubed { precision, recall }
}

pub(crate) fn b_cubed(table: &Table) -> Score {
    let cubed = cubed(table);
    let (single_truth, single_found) = table.single();
    Score::new(
        ratio(cubed.precision, (table.total - single_found) as f64),
        ratio(cubed.recall, (table.total - single_truth) as f64),
    )
}

pub(crate) fn b_cubed_all(table: &Table) -> Score {
    let cubed = cubed(table);
    let (single_truth, single_found) = table.single();
    let total = table.total as f64;
    Score::new(ratio(cubed.precision + single_found as f64, total), ratio(cubed.recall + single_truth as f64, total))
}

/// Is an account operated at all?
pub(crate) fn membership(table: &Table) -> Score {
    let right: u64 = table.shared().map(|cell| cell.accounts).sum();
    let (single_truth, single_found) = table.single();
    let of = |single: u64| (table.total - single) as f64;
    Score::new(ratio(right as f64, of(single_found)), ratio(right as f64, of(single_truth)))
}
