//! How right is a clustering? The networks found against known truth, exactly, from one contingency table.
//!
//! An account has a true label (its network) or none, and a found label (a network, numbered by rank) or none. An account
//! without a label is a cluster of its own: a legitimate account inside a found network forms false pairs with everyone else in
//! it, and one outside costs nothing. With [`Unlabelled::Unknown`] accounts without a true label are left out instead, because
//! nothing is known of them.
//!
//! 1. Count accounts by (truth, found) in one sort: O(n log n), never the n² pairs.
//! 2. Pair counts, B-cubed, adjusted Rand index and mutual information are sums over the table's cells.
//! 3. Each true network gets its best match; splits, merges and flagged look-alikes are listed.
//!
//! Where a figure divides by nothing (no pair was claimed, no pair is true) it is 1: nothing claimed is nothing claimed
//! wrongly.

mod contingency;
mod identity;
mod information;
mod networks;
mod pairs;
mod ranking;
mod sampled;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use contingency::Table;

pub use identity::{Overlap, identity};
pub use information::{Agreement, agreement};
pub use networks::{BenignGroup, Largest, Merge, NetworkMatch, Split};
pub use ranking::{Ranking, precision_at};
pub use sampled::{Estimate, SampledPairwise, estimate_from_sample};

/// No label.
pub const NONE: u32 = u32::MAX;

/// What an account without a true label is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unlabelled {
    /// Legitimate: the truth is complete.
    #[default]
    Benign,
    /// Nobody knows: the truth is partial, and the account is left out.
    Unknown,
}

/// Truth and answer, one entry an account, in the same order.
#[derive(Clone, Copy, Debug)]
pub struct Comparison<'a> {
    /// True network of each account, an index into `truth_names`, or [`NONE`].
    pub truth: &'a [u32],
    /// Names of the true networks.
    pub truth_names: &'a [String],
    /// Found network of each account by rank from 0, an index into `found_names`, or [`NONE`].
    pub found: &'a [u32],
    /// Ids of the found networks, best first.
    pub found_names: &'a [String],
    /// Look-alike group of each account, an index into `group_names`, or [`NONE`]; empty if no groups are known.
    pub groups: &'a [u32],
    /// Names of the look-alike groups.
    pub group_names: &'a [String],
    /// What an account without a true label is.
    pub unlabelled: Unlabelled,
}

/// Precision, recall and their harmonic mean.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Score {
    /// Share of what was claimed that is true.
    pub precision: f64,
    /// Share of what is true that was claimed.
    pub recall: f64,
    /// Harmonic mean of the two.
    pub f1: f64,
}

impl Score {
    pub(crate) fn new(precision: f64, recall: f64) -> Self {
        let sum = precision + recall;
        Score { precision, recall, f1: if sum > 0.0 { 2.0 * precision * recall / sum } else { 0.0 } }
    }
}

/// Homogeneity, completeness and their harmonic mean (Rosenberg and Hirschberg, aclanthology.org/D07-1043).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VMeasure {
    /// 1 if each found network holds accounts of one true network only.
    pub homogeneity: f64,
    /// 1 if each true network lies in one found network.
    pub completeness: f64,
    /// Harmonic mean of the two.
    pub v_measure: f64,
}

/// Everything `evaluate` says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Evaluation {
    /// Accounts compared.
    pub accounts: u64,
    /// Over pairs of accounts: is the pair in one network?
    pub pairwise: Score,
    /// B-cubed, precision over accounts in found networks and recall over accounts in true ones.
    pub b_cubed: Score,
    /// B-cubed over all accounts, each legitimate account outside every network counting as right.
    pub b_cubed_all: Score,
    /// Adjusted Rand index.
    pub adjusted_rand: f64,
    /// Adjusted mutual information, arithmetic mean.
    pub adjusted_mutual_information: f64,
    /// Normalised mutual information, arithmetic mean.
    pub normalised_mutual_information: f64,
    /// Homogeneity and completeness.
    pub v_measure: VMeasure,
    /// Is an account operated? Over accounts, whatever network it was put in.
    pub membership: Score,
    /// Each true network and its best match, largest first.
    pub networks: Vec<NetworkMatch>,
    /// The largest found network.
    pub largest: Option<Largest>,
    /// True networks that lie in several found ones.
    pub splits: Vec<Split>,
    /// Found networks that hold several true ones.
    pub merges: Vec<Merge>,
    /// How well the ranks separate true networks from the rest; `None` where truth is partial, since a network of accounts of
    /// which nothing is known is neither.
    pub ranking: Option<Ranking>,
    /// Legitimate accounts in found networks.
    pub benign_flagged: u64,
    /// The same, in a million legitimate accounts.
    pub benign_flagged_per_million: f64,
    /// Look-alike groups with members in found networks, by rank.
    pub benign_groups: Vec<BenignGroup>,
}

/// Scores a clustering against truth.
///
/// # Errors
/// [`Error::Length`] if the columns differ in length, [`Error::Label`] if a label has no name.
pub fn evaluate(comparison: &Comparison<'_>) -> Result<Evaluation, Error> {
    check(comparison)?;
    let table = Table::count(comparison);
    let (adjusted, normalised, v_measure) = information::scores(&table);
    let benign = networks::benign(comparison);
    Ok(Evaluation {
        accounts: table.total,
        pairwise: pairs::pairwise(&table),
        b_cubed: pairs::b_cubed(&table),
        b_cubed_all: pairs::b_cubed_all(&table),
        adjusted_rand: pairs::adjusted_rand(&table),
        adjusted_mutual_information: adjusted,
        normalised_mutual_information: normalised,
        v_measure,
        membership: pairs::membership(&table),
        networks: networks::matches(&table, comparison),
        largest: networks::largest(&table, comparison),
        splits: networks::splits(&table, comparison),
        merges: networks::merges(&table, comparison),
        ranking: (comparison.unlabelled == Unlabelled::Benign).then(|| ranking::of_networks(&table)),
        benign_flagged: benign.flagged,
        benign_flagged_per_million: benign.per_million,
        benign_groups: benign.groups,
    })
}

fn check(comparison: &Comparison<'_>) -> Result<(), Error> {
    let expected = comparison.truth.len();
    let columns = [
        ("found", comparison.found, comparison.found_names),
        ("groups", comparison.groups, comparison.group_names),
        ("truth", comparison.truth, comparison.truth_names),
    ];
    for (column, labels, names) in columns {
        if labels.len() != expected && !(column == "groups" && labels.is_empty()) {
            return Err(Error::Length { column, found: labels.len(), expected });
        }
        if let Some(&label) = labels.iter().find(|&&label| label != NONE && label as usize >= names.len()) {
            return Err(Error::Label { column, label, names: names.len() });
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn names(count: u32) -> Vec<String> {
        (0..count).map(|at| format!("n{at}")).collect()
    }

    pub(crate) fn compare(truth: &[u32], found: &[u32]) -> Evaluation {
        let all = names(16);
        let comparison = Comparison {
            truth,
            truth_names: &all,
            found,
            found_names: &all,
            groups: &[],
            group_names: &[],
            unlabelled: Unlabelled::Benign,
        };
        evaluate(&comparison).expect("columns fit")
    }

    #[test]
    fn a_worked_example() {
        // Truth: {0,1,2,3}, {4,5}; 6..9 legitimate. Found: {0,1,2,6}, {4,5}; 3 was missed, 6 is a false alarm.
        let truth = [0, 0, 0, 0, 1, 1, NONE, NONE, NONE, NONE];
        let found = [0, 0, 0, NONE, 1, 1, 0, NONE, NONE, NONE];
        let score = compare(&truth, &found);
        // True pairs 6 + 1, claimed 6 + 1, both 3 + 1.
        assert_eq!(score.pairwise, Score { precision: 4.0 / 7.0, recall: 4.0 / 7.0, f1: 4.0 / 7.0 });
        // B-cubed precision: (3 x 3/4 + 1/4 + 2 x 1) / 6; recall: (3 x 3/4 + 1/4 + 2 x 1) / 6.
        assert!((score.b_cubed.precision - 4.5 / 6.0).abs() < 1e-12 && (score.b_cubed.recall - 4.5 / 6.0).abs() < 1e-12);
        // Index 4, expected 7 x 7 / 45, maximum 7.
        let expected = 49.0 / 45.0;
        assert!((score.adjusted_rand - (4.0 - expected) / (7.0 - expected)).abs() < 1e-12);
        assert_eq!((score.benign_flagged, score.benign_flagged_per_million), (1, 250_000.0));
        assert_eq!(score.membership, Score::new(5.0 / 6.0, 5.0 / 6.0));
        let first = &score.networks[0];
        assert_eq!((first.accounts, first.rank, first.precision, first.recall), (4, Some(1), 0.75, 0.75));
    }

    #[test]
    fn nothing_found_is_nothing_wrong() {
        let score = compare(&[0, 0, NONE], &[NONE; 3]);
        assert_eq!((score.pairwise.precision, score.pairwise.recall, score.pairwise.f1), (1.0, 0.0, 0.0));
        assert_eq!((score.benign_flagged, score.networks[0].rank), (0, None));
        let null = compare(&[NONE; 4], &[NONE; 4]);
        assert_eq!((null.pairwise.f1, null.adjusted_rand, null.adjusted_mutual_information), (1.0, 1.0, 1.0));
        assert!(null.networks.is_empty() && null.largest.is_none());
        let empty = compare(&[], &[]);
        assert_eq!((empty.accounts, empty.pairwise.f1, empty.benign_flagged_per_million), (0, 1.0, 0.0));
    }

    #[test]
    fn columns_that_do_not_fit_are_refused() {
        let all = names(2);
        let mut comparison = Comparison {
            truth: &[0, 1],
            truth_names: &all,
            found: &[0],
            found_names: &all,
            groups: &[],
            group_names: &[],
            unlabelled: Unlabelled::Benign,
        };
        assert!(evaluate(&comparison).expect_err("short").to_string().starts_with("found has 1 accounts"));
        comparison.found = &[0, 2];
        assert!(evaluate(&comparison).expect_err("unnamed").to_string().contains("label 2"));
    }

    #[test]
    fn partial_truth_leaves_unknown_accounts_out() {
        let truth = [0, 0, 0, NONE, NONE];
        let found = [0, 0, 0, 0, 0];
        let all = names(1);
        let groups = [NONE, NONE, NONE, 0, NONE];
        let comparison = Comparison {
            truth: &truth,
            truth_names: &all,
            found: &found,
            found_names: &all,
            groups: &groups,
            group_names: &all,
            unlabelled: Unlabelled::Unknown,
        };
        let score = evaluate(&comparison).expect("columns fit");
        assert_eq!((score.accounts, score.pairwise.f1), (3, 1.0));
        // The one known to be legitimate still counts as flagged.
        assert_eq!((score.benign_flagged, score.benign_flagged_per_million), (1, 1e6));
        let complete = evaluate(&Comparison { unlabelled: Unlabelled::Benign, ..comparison }).expect("columns fit");
        assert_eq!((complete.accounts, complete.pairwise.precision, complete.benign_flagged), (5, 0.3, 2));
    }

    /// Labels as clusters of their own where there are none.
    fn complete(labels: &[u32]) -> Vec<u32> {
        labels.iter().enumerate().map(|(at, &label)| if label == NONE { 1_000 + at as u32 } else { label }).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        /// The n² definitions, word for word.
        #[test]
        fn sums_over_the_table_equal_counts_over_pairs(
            labels in proptest::collection::vec((0u32..6, 0u32..6), 0..60),
        ) {
            let truth: Vec<u32> = labels.iter().map(|&(label, _)| if label > 3 { NONE } else { label }).collect();
            let found: Vec<u32> = labels.iter().map(|&(_, label)| if label > 3 { NONE } else { label }).collect();
            let score = compare(&truth, &found);
            let (whole, parts) = (complete(&truth), complete(&found));
            let (mut both, mut claimed, mut real, mut pairs) = (0.0, 0.0, 0.0, 0.0);
            for first in 0..whole.len() {
                for second in 0..first {
                    let (is_true, is_claimed) = (whole[first] == whole[second], parts[first] == parts[second]);
                    both += f64::from(u8::from(is_true && is_claimed));
                    claimed += f64::from(u8::from(is_claimed));
                    real += f64::from(u8::from(is_true));
                    pairs += 1.0;
                }
            }
            let ratio = |part: f64, of: f64| if of == 0.0 { 1.0 } else { part / of };
            prop_assert!((score.pairwise.precision - ratio(both, claimed)).abs() < 1e-12);
            prop_assert!((score.pairwise.recall - ratio(both, real)).abs() < 1e-12);
            let chance: f64 = if pairs == 0.0 { 0.0 } else { claimed * real / pairs };
            let room = (claimed + real) / 2.0 - chance;
            let rand = if room.abs() < 1e-12 { 1.0 } else { (both - chance) / room };
            prop_assert!((score.adjusted_rand - rand).abs() < 1e-9, "{} {rand}", score.adjusted_rand);
            let mean = |over: &dyn Fn(usize) -> bool, of: &[u32], other: &[u32]| {
                let items: Vec<usize> = (0..of.len()).filter(|&at| over(at)).collect();
                let one = |at: usize| {
                    let cluster = (0..of.len()).filter(|&to| of[to] == of[at]);
                    cluster.clone().filter(|&to| other[to] == other[at]).count() as f64 / cluster.count() as f64
                };
                ratio(items.iter().map(|&at| one(at)).sum(), items.len() as f64)
            };
            prop_assert!((score.b_cubed.precision - mean(&|at| found[at] != NONE, &parts, &whole)).abs() < 1e-9);
            prop_assert!((score.b_cubed.recall - mean(&|at| truth[at] != NONE, &whole, &parts)).abs() < 1e-9);
            prop_assert!((score.b_cubed_all.precision - mean(&|_| true, &parts, &whole)).abs() < 1e-9);
            prop_assert!((score.b_cubed_all.recall - mean(&|_| true, &whole, &parts)).abs() < 1e-9);
        }
    }
}
