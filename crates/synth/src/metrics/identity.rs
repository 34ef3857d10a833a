//! Does a network keep its id over time?
//!
//! Identity scores of tracking (Ristani, Solera, Zou, Cucchiara and Tomasi 2016, doi:10.1007/978-3-319-48881-3_2): every true network
//! gets at most one id and every id at most one network, so that the account-times that they have in common (one account at one of
//! the times that were looked at) are most; IDP, IDR and IDF1 are the shares of what was found and of what is true.

use pathfinding::matrix::Matrix;
use pathfinding::prelude::kuhn_munkres;

use super::Score;

/// What a true network and an id have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// Number of the true network.
    pub truth: u32,
    /// Number of the id.
    pub id: u32,
    /// Account-times: at every time the accounts that both had then, summed.
    pub account_times: u64,
}

/// IDP, IDR and IDF1 of `overlaps` (each pair once), where the true networks have `truth` account-times in all, and what was found
/// under any id `found`. 0 of nothing. O(n²·m) for the n networks or ids, whichever are fewer, and the m others.
pub fn identity(overlaps: &[Overlap], truth: u64, found: u64) -> Score {
    let common = most_in_common(overlaps) as f64;
    let share = |of: u64| if of == 0 { 0.0 } else { common / of as f64 };
    Score::new(share(found), share(truth))
}

/// The weight of the best assignment of ids to networks.
fn most_in_common(overlaps: &[Overlap]) -> i64 {
    let numbered = |of: fn(&Overlap) -> u32| {
        let mut numbers: Vec<u32> = overlaps.iter().map(of).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    };
    let (truths, ids) = (numbered(|overlap| overlap.truth), numbered(|overlap| overlap.id));
    if overlaps.is_empty() {
        return 0;
    }
    let mut weights = Matrix::new(truths.len(), ids.len(), 0i64);
    for overlap in overlaps {
        let place = (truths.binary_search(&overlap.truth), ids.binary_search(&overlap.id));
        let (Ok(row), Ok(column)) = place else { unreachable!("every number is listed") };
        weights[(row, column)] = overlap.account_times as i64;
    }
    if weights.rows > weights.columns {
        weights.transpose();
    }
    kuhn_munkres(&weights).0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn overlap(truth: u32, id: u32, account_times: u64) -> Overlap {
        Overlap { truth, id, account_times }
    }

    #[test]
    fn an_id_that_changes_costs_what_it_does_not_cover() {
        // A network of 10 accounts at 10 times, under one id for six of them and under another for four.
        let score = identity(&[overlap(0, 0, 60), overlap(0, 1, 40)], 100, 100);
        assert_eq!((score.precision, score.recall), (0.6, 0.6));
        // Two networks under one id: only one of them has it.
        let score = identity(&[overlap(0, 0, 50), overlap(1, 0, 50)], 100, 100);
        assert_eq!((score.precision, score.recall), (0.5, 0.5));
        // Taking the largest first would have 9 and 0, the best has 8 and 8.
        let score = identity(&[overlap(0, 0, 9), overlap(0, 1, 8), overlap(1, 0, 8)], 25, 50);
        assert_eq!((score.precision, score.recall), (16.0 / 50.0, 16.0 / 25.0));
        let nothing = identity(&[], 5, 0);
        assert_eq!((nothing.precision, nothing.recall, nothing.f1), (0.0, 0.0, 0.0));
    }

    proptest! {
        #[test]
        fn no_assignment_is_better(weights in prop::collection::vec(prop::collection::vec(0u64..20, 4), 1..5)) {
            let overlaps: Vec<Overlap> = (0u32..).zip(&weights)
                .flat_map(|(truth, row)| (0u32..).zip(row).map(move |(id, &weight)| overlap(truth, id, weight)))
                .collect();
            // Every way to give rows different columns.
            fn best(weights: &[Vec<u64>], taken: u32) -> u64 {
                let Some((row, others)) = weights.split_first() else { return 0 };
                let free = (0..row.len()).filter(|column| taken >> column & 1 == 0);
                free.map(|column| row[column] + best(others, taken | 1 << column)).max().unwrap_or(0)
            }
            prop_assert_eq!(most_in_common(&overlaps) as u64, best(&weights, 0));
        }
    }
}
