//! Mutual information of truth and answer: normalised, adjusted for chance, and split into homogeneity and completeness.
//!
//! I(T; F) = Σ n_tf / N ln(N n_tf / (n_t n_f)). Normalised by the mean of the entropies; the adjusted one subtracts its
//! expectation under the hypergeometric model of random clusterings with the same sizes (Vinh, Epps and Bailey, JMLR 11 (2010)
//! 2837-2854). Clusters of one size behave alike, so the expectation is summed over distinct sizes: millions of singletons cost
//! as much as one.

use std::collections::BTreeMap;

use super::contingency::Table;
use super::{NONE, VMeasure, pairs};
use crate::error::Error;

/// Adjusted and normalised mutual information, and V-measure.
pub(crate) fn scores(table: &Table) -> (f64, f64, VMeasure) {
    let (single_truth, single_found) = table.single();
    let truth = sizes(&table.truth, single_truth);
    let found = sizes(&table.found, single_found);
    let total = table.total as f64;
    let (entropy_truth, entropy_found) = (entropy(&truth, total), entropy(&found, total));
    let mutual = mutual_information(table);
    let mean = (entropy_truth + entropy_found) / 2.0;
    let share = |of: f64| if of < 1e-12 { 1.0 } else { (mutual / of).clamp(0.0, 1.0) };
    let (homogeneity, completeness) = (share(entropy_truth), share(entropy_found));
    let sum = homogeneity + completeness;
    let v_measure = if sum > 0.0 { 2.0 * homogeneity * completeness / sum } else { 0.0 };
    let adjusted =
        if truth == found && (truth.len() == 1 && truth.values().all(|&count| count == 1) || single_truth == table.total) {
            // One cluster against itself, or nothing but singletons on both sides: there is nothing that chance could add.
            1.0
        } else {
            let expected = expected_information(&truth, &found, table.total);
            let room = mean - expected;
            if room.abs() < 1e-12 { 1.0 } else { (mutual - expected) / room }
        };
    (adjusted, share(mean), VMeasure { homogeneity, completeness, v_measure })
}

/// How alike two partitions are, neither of which is the truth.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Agreement {
    /// Adjusted Rand index (Hubert and Arabie 1985): 1 for the same partition, 0 in the mean for random ones.
    pub adjusted_rand: f64,
    /// Variation of information H(A|B) + H(B|A) in bits (Meilă 2003): 0 for the same partition, at most log2 of the number of
    /// accounts.
    pub variation_of_information: f64,
}

/// Compares two partitions of the same accounts, a label each, whatever their numbers. O(accounts log accounts).
///
/// # Errors
/// [`Error::Length`] if the columns differ in length.
pub fn agreement(one: &[u32], other: &[u32]) -> Result<Agreement, Error> {
    if one.len() != other.len() {
        return Err(Error::Length { column: "other", found: other.len(), expected: one.len() });
    }
    let dense = |labels: &[u32]| {
        let mut numbers = labels.to_vec();
        numbers.sort_unstable();
        numbers.dedup();
        let place = |label: &u32| numbers.partition_point(|number| number < label) as u32;
        (labels.iter().map(place).collect::<Vec<u32>>(), numbers.len())
    };
    let ((one, ones), (other, others)) = (dense(one), dense(other));
    let table = Table::of(one.into_iter().zip(other), ones, others);
    let entropy = |clusters: &[u64]| entropy(&sizes(clusters, 0), table.total as f64);
    let apart = entropy(&table.truth) + entropy(&table.found) - 2.0 * mutual_information(&table);
    Ok(Agreement {
        adjusted_rand: pairs::adjusted_rand(&table),
        variation_of_information: apart.max(0.0) / std::f64::consts::LN_2,
    })
}

/// How many clusters there are of each size.
fn sizes(clusters: &[u64], single: u64) -> BTreeMap<u64, u64> {
    let mut count_of = BTreeMap::new();
    for &size in clusters.iter().filter(|&&size| size > 0) {
        *count_of.entry(size).or_insert(0) += 1;
    }
    if single > 0 {
        *count_of.entry(1).or_insert(0) += single;
    }
    count_of
}

fn entropy(sizes: &BTreeMap<u64, u64>, total: f64) -> f64 {
    sizes.iter().map(|(&size, &count)| -(count as f64) * (size as f64 / total) * (size as f64 / total).ln()).sum()
}

fn mutual_information(table: &Table) -> f64 {
    let total = table.total as f64;
    let size = |sizes: &[u64], label: u32| if label == NONE { 1.0 } else { sizes[label as usize] as f64 };
    table
        .cells
        .iter()
        .map(|cell| {
            let (truth, found) = (size(&table.truth, cell.truth), size(&table.found, cell.found));
            if cell.truth == NONE || cell.found == NONE {
                // One account to a cell, as many cells as accounts.
                cell.accounts as f64 / total * (total / (truth * found)).ln()
            } else {
                let accounts = cell.accounts as f64;
                accounts / total * (total * accounts / (truth * found)).ln()
            }
        })
        .sum()
}

/// E[I] = Σ over sizes a, b and overlaps k of k / N ln(N k / (a b)) times the hypergeometric probability of k.
fn expected_information(truth: &BTreeMap<u64, u64>, found: &BTreeMap<u64, u64>, total: u64) -> f64 {
    let mut ln_factorial = Vec::with_capacity(total as usize + 1);
    let mut sum = 0.0;
    ln_factorial.push(0.0);
    for number in 1..=total {
        sum += (number as f64).ln();
        ln_factorial.push(sum);
    }
    let ln = |number: u64| ln_factorial[number as usize];
    let mut expected = 0.0;
    for (&a, &a_count) in truth {
        for (&b, &b_count) in found {
            let fixed = ln(a) + ln(b) + ln(total - a) + ln(total - b) - ln(total);
            let mut cell = 0.0;
            for k in (a + b).saturating_sub(total).max(1)..=a.min(b) {
                let probability = (fixed - ln(k) - ln(a - k) - ln(b - k) - ln(total + k - a - b)).exp();
                let k = k as f64;
                cell += k / total as f64 * (total as f64 * k / (a as f64 * b as f64)).ln() * probability;
            }
            expected += a_count as f64 * b_count as f64 * cell;
        }
    }
    expected
}

#[cfg(test)]
mod tests {
    use super::super::NONE;
    use super::super::tests::compare;
    use super::agreement;
    use crate::random::{Domain, Streams, shuffle};

    #[test]
    fn agrees_with_published_implementations() {
        // scikit-learn: adjusted_mutual_info_score([0,0,0,1,1,1], [0,0,1,1,2,2]) = 0.298792458170890,
        // normalized_mutual_info_score = 0.515803742979389, homogeneity 2/3, completeness .420619835714305.
        let score = compare(&[0, 0, 0, 1, 1, 1], &[0, 0, 1, 1, 2, 2]);
        assert!((score.adjusted_mutual_information - 0.298_792_458_170_890).abs() < 1e-9, "{score:?}");
        assert!((score.normalised_mutual_information - 0.515_803_742_979_389).abs() < 1e-9);
        assert!((score.v_measure.homogeneity - 2.0 / 3.0).abs() < 1e-9);
        assert!((score.v_measure.completeness - 0.420_619_835_714_305).abs() < 1e-9);
        assert!((score.v_measure.v_measure - score.normalised_mutual_information).abs() < 1e-12);
    }

    #[test]
    fn two_partitions_are_compared_by_hand() {
        let same = agreement(&[0, 0, 1, 1], &[NONE, NONE, 2, 2]).unwrap();
        assert_eq!((same.adjusted_rand, same.variation_of_information), (1.0, 0.0));
        // Crossed: knowing the one says nothing of the other, H = 1 bit each.
        let crossed = agreement(&[0, 0, 1, 1], &[0, 1, 0, 1]).unwrap();
        assert!((crossed.variation_of_information - 2.0).abs() < 1e-12, "{crossed:?}");
        assert!((crossed.adjusted_rand + 0.5).abs() < 1e-12, "{crossed:?}");
        // One split in halves: a bit of the half of all accounts.
        let split = agreement(&[0, 0, 0, 0, 1, 1, 1, 1], &[0, 0, 0, 0, 1, 1, 2, 2]).unwrap();
        assert!((split.variation_of_information - 0.5).abs() < 1e-12, "{split:?}");
        assert!(agreement(&[0], &[]).is_err());
    }

    #[test]
    fn chance_scores_zero_when_adjusted() {
        let truth: Vec<u32> = (0..120).map(|at| if at < 80 { at % 4 } else { NONE }).collect();
        let mut rng = Streams::new(2).stream(Domain::Plan, 1);
        let mut mean = 0.0;
        for _ in 0..200 {
            let mut found = truth.clone();
            shuffle(&mut found, &mut rng);
            mean += compare(&truth, &found).adjusted_mutual_information / 200.0;
        }
        // The deviation of one score is about .02, so of the mean .0014; five of those.
        assert!(mean.abs() < 0.008, "{mean}");
        let same = compare(&truth, &truth);
        assert!((same.adjusted_mutual_information - 1.0).abs() < 1e-9 && (same.adjusted_rand - 1.0).abs() < 1e-9);
    }
}
