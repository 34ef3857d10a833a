//! How many of the networks found would chance alone have given?
//!
//! The whole chain is rerun on K null copies of the data ([`super::null_copy`]); each gives a list of scores.
//!
//! **Null.** The data are one more null copy: degrees, life spans and daily profiles as they are, who shares what with whom at
//! random. Then the K + 1 lists are exchangeable. Harmless groups (a household, a class, the customers of one gateway) are
//! dissolved in the copies just as networks are: a small q-value says *not by chance*, never *not innocent*. They would also
//! count among the networks found, and hundreds of two-person households at -20 bits lower the q-value of everything ranked
//! above them. So the list that a network is one of is that of the networks: what scores at least the threshold, in the data as
//! in the copies.
//!
//! **Definitions**, s the score of a network, N(s) the scores of at least s in all copies together:
//! 1. *expected false networks* at s: N(s) / K, with the one-sided 95% limit of a Poisson mean (Garwood 1936,
//!    doi:10.1093/biomet/28.3-4.437);
//! 2. *p-value*: every list is padded to the length M of the longest with empty places, which no score is below:
//!    p(s) = (1 + N(s)) / (1 + K M) (Phipson and Smyth 2010, doi:10.2202/1544-6115.1585; pooled over places as in Storey and
//!    Tibshirani 2003, doi:10.1073/pnas.1530509100);
//! 3. *q-value*: Benjamini and Hochberg's adjustment (doi:10.1111/j.2517-6161.1995.tb02031.x) over the M places of the data.
//!    That is about (1 + N(s)) / K over the networks that score at least s, and no less than 1 / (K + 1): false networks come
//!    in clumps, a pool in pieces, and of one that is in a list of twenty K copies say no more, however many networks the list
//!    has. Of a candidate below the threshold the same over all candidates, and no less than any network's.
//!
//! 4. *with the harmless stories*: a score is the log2 odds of an operator against the harmless story that leaves least of the
//!    case, and `even_bits` e of it outweigh the odds before any evidence: a network of score s is harmless with probability
//!    1 / (1 + 2^(s - e)) if scores are what they say, as where the networks to be looked at are counted. Of the networks
//!    that score at least s, the mean of that is the share expected to be harmless (the tail average of local false discovery
//!    rates, Efron 2008, doi:10.1214/07-STS236); chance and harmless stories add up to at most their sum.
//!
//! Cost O(n log n). Assumption of the limit: the copies' counts are Poisson; clumped false networks make it too low.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ChiSquared, ContinuousCDF};

use crate::bicm::q_values;

/// What chance gives at a score.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExpectedFalse {
    /// Mean number of networks with at least this score in a null copy.
    pub expected: f64,
    /// Upper 95% limit of that mean.
    pub upper: f64,
    /// Share of null copies with at least one.
    pub copies_with_any: f64,
}

/// What chance gives at `score`. Without copies nothing is known: NaN.
pub fn expected_false(copies: &[Vec<f64>], score: f64) -> ExpectedFalse {
    let reaching = |copy: &Vec<f64>| copy.iter().filter(|&&found| found >= score).count();
    let (total, any) = copies.iter().map(reaching).fold((0, 0), |sum, count| (sum.0 + count, sum.1 + usize::from(count > 0)));
    let number = copies.len() as f64;
    // The upper limit of a Poisson mean after n events: half the .95 quantile of chi-square with 2 (n + 1) degrees of freedom.
    let limit = ChiSquared::new(2.0 * (total as f64 + 1.0)).map_or(f64::NAN, |chi| chi.inverse_cdf(0.95) / 2.0);
    ExpectedFalse { expected: total as f64 / number, upper: limit / number, copies_with_any: any as f64 / number }
}

/// The q-value of each score, in the order given; networks score at least `threshold`. All 1 without copies.
pub fn q_values_against(observed: &[f64], copies: &[Vec<f64>], threshold: f64) -> Vec<f64> {
    let networks_of = |scores: &[f64]| scores.iter().copied().filter(|&score| score >= threshold).collect::<Vec<f64>>();
    let null: Vec<Vec<f64>> = copies.iter().map(|copy| networks_of(copy)).collect();
    let among_networks = adjusted_against(&networks_of(observed), &null);
    let least = among_networks.iter().copied().fold(0.0, f64::max);
    let mut among_networks = among_networks.into_iter();
    let among_all = adjusted_against(observed, copies);
    let q_value = |(&score, among_all): (&f64, f64)| match score >= threshold {
        true => among_networks.next().unwrap_or(1.0),
        false => among_all.max(least),
    };
    observed.iter().zip(among_all).map(q_value).collect()
}

/// The q-value of each score among all of a list.
fn adjusted_against(observed: &[f64], copies: &[Vec<f64>]) -> Vec<f64> {
    let places = copies.iter().map(Vec::len).chain([observed.len()]).max().unwrap_or(0);
    let mut null: Vec<f64> = copies.iter().flatten().copied().collect();
    null.sort_unstable_by(f64::total_cmp);
    let below = (1 + copies.len() * places) as f64;
    let p = |score: &f64| (1 + null.len() - null.partition_point(|other| other.total_cmp(score).is_lt())) as f64 / below;
    let p_values: Vec<f64> = observed.iter().map(p).collect();
    let mut adjusted = q_values(&p_values, places as f64);
    adjusted.iter_mut().for_each(|q| *q = q.max(least_q_value(copies.len())));
    adjusted
}

/// The least q-value that so many copies can give.
pub fn least_q_value(copies: usize) -> f64 {
    1.0 / (copies as f64 + 1.0)
}

/// The share of what scores at least as much as each that chance is expected to give, in the order given: the mean over the copies
/// of how many reach a score, over how many do in the data, the least of it at any score down from there. An estimate, where
/// [`q_values_against`] is a bound: it is 0 where no copy reaches, however few there are. 0 without copies.
pub fn estimated_shares(observed: &[f64], copies: &[Vec<f64>]) -> Vec<f64> {
    let mut null: Vec<f64> = copies.iter().flatten().copied().collect();
    null.sort_unstable_by(f64::total_cmp);
    let reaching = |sorted: &[f64], score: f64| sorted.len() - sorted.partition_point(|other| other.total_cmp(&score).is_lt());
    let mut order: Vec<usize> = (0..observed.len()).collect();
    order.sort_by(|&left, &right| observed[left].total_cmp(&observed[right]));
    let ascending: Vec<f64> = order.iter().map(|&at| observed[at]).collect();
    let mut shares = vec![0.0; observed.len()];
    let mut least = 1.0f64;
    for at in order {
        let expected = reaching(&null, observed[at]) as f64 / copies.len().max(1) as f64;
        least = least.min(expected / reaching(&ascending, observed[at]) as f64);
        shares[at] = least;
    }
    shares
}

/// The share of the networks scoring at least as much as each that harmless stories are expected to explain, in the order
/// given; `even`: the score at which odds are even.
pub fn harmless_share(scores: &[f64], even: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&left, &right| scores[right].total_cmp(&scores[left]));
    let mut shares = vec![0.0; scores.len()];
    let (mut sum, mut number) = (0.0, 0.0);
    for equal in order.chunk_by(|&left, &right| scores[left] == scores[right]) {
        number += equal.len() as f64;
        sum += equal.len() as f64 / (1.0 + (scores[equal[0]] - even).exp2());
        equal.iter().for_each(|&at| shares[at] = sum / number);
    }
    shares
}

/// One line of a reliability table.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reliability {
    /// The q-value that is called significant.
    pub level: f64,
    /// Share of null copies, each in turn taken for the data, in which any network reaches it. All are false: at most about
    /// `level` is right.
    pub share: f64,
}

/// Levels of the reliability table.
pub const LEVELS: [f64; 6] = [0.01, 0.05, 0.10, 0.20, 0.30, 0.50];

/// Takes each copy in turn for the data and the others for its null; networks score at least `threshold`.
pub fn reliability(copies: &[Vec<f64>], threshold: f64) -> Vec<Reliability> {
    let lowest: Vec<f64> = (0..copies.len())
        .map(|at| {
            let others: Vec<Vec<f64>> = [&copies[..at], &copies[at + 1..]].concat();
            q_values_against(&copies[at], &others, threshold).into_iter().fold(1.0, f64::min)
        })
        .collect();
    let share = |level: f64| lowest.iter().filter(|&&q| q <= level).count() as f64 / lowest.len().max(1) as f64;
    LEVELS.map(|level| Reliability { level, share: share(level) }).to_vec()
}

#[cfg(test)]
mod tests {
    use super::super::random::{Stream, key};
    use super::*;

    #[test]
    fn a_worked_example() {
        // Four copies, three places. 9 is above every null score: p = 1/13, q = 3/13. 4 is reached by two: p = 3/13, q = 3 x
        // 3/13 / 2.
        let copies = [vec![5.0, 1.0], vec![4.0], vec![], vec![2.0, 1.0, 0.0]];
        let q = q_values_against(&[9.0, 4.0], &copies, 0.0);
        assert!((q[0] - 3.0 / 13.0).abs() < 1e-12 && (q[1] - 4.5 / 13.0).abs() < 1e-12, "{q:?}");
        let at_4 = expected_false(&copies, 4.0);
        assert_eq!((at_4.expected, at_4.copies_with_any), (0.5, 0.5));
        // Two events in four copies: the limit of the mean of two is 6.296.
        assert!((at_4.upper - 6.295_794 / 4.0).abs() < 1e-4, "{at_4:?}");
        // None in twenty: three over twenty.
        assert!((expected_false(&vec![Vec::new(); 20], 1.0).upper - 2.995_732 / 20.0).abs() < 1e-5);
        assert_eq!(q_values_against(&[1.0], &[], 0.0), [1.0]);
        // One of the four has a network that reaches 5, none 9, two 4; of the data one, one and two do. What reaches 4 as well as 5
        // isn't explained more often than all of it.
        assert_eq!(estimated_shares(&[4.0, 9.0], &copies), [0.25, 0.0]);
        assert_eq!(estimated_shares(&[5.0], &copies), [0.25]);
        assert_eq!(estimated_shares(&[4.0, 5.0, 5.0, 5.0], &copies), [0.125, 1.0 / 12.0, 1.0 / 12.0, 1.0 / 12.0]);
        assert_eq!(estimated_shares(&[4.0], &[]), [0.0]);
        assert!(q_values_against(&[], &copies, 0.0).is_empty());
    }

    #[test]
    fn households_below_the_threshold_say_nothing_of_a_network() {
        // Of twenty copies three have a network that scores as much as the only one of the data: 4/21. Two hundred households
        // that chance doesn't give at all would make that a thousandth.
        let copies: Vec<Vec<f64>> = (0..20).map(|copy| if copy < 3 { vec![12.5] } else { vec![] }).collect();
        let households = vec![-18.0; 200];
        let q = q_values_against(&[&[12.4][..], &households].concat(), &copies, 5.0);
        assert!((q[0] - 4.0 / 21.0).abs() < 1e-12, "{}", q[0]);
        assert!(q[1..].iter().all(|&of_household| of_household >= q[0]));
        assert_eq!(q_values_against(&[&[12.4][..], &households].concat(), &copies, -20.0)[0], 1.0 / 21.0);
        // Two copies can't give less than a half, whatever else there is.
        let q = q_values_against(&[&[12.4][..], &households].concat(), &[vec![], vec![]], 5.0);
        assert!((q[0] - 1.0 / 3.0).abs() < 1e-12, "{}", q[0]);
    }

    #[test]
    fn the_harmless_share_averages_over_all_that_score_as_much() {
        // Odds of 1 to 1, 3 to 1 (twice) and certainty.
        let three = 3f64.log2();
        let shares = harmless_share(&[three + 5.0, 5.0, 200.0, three + 5.0], 5.0);
        assert!((shares[2]).abs() < 1e-12);
        assert!((shares[0] - 0.5 / 3.0).abs() < 1e-12 && shares[0] == shares[3]);
        assert!((shares[1] - 1.0 / 4.0).abs() < 1e-12);
    }

    #[test]
    fn twenty_copies_without_a_network_give_one_twentieth() {
        let q = q_values_against(&[8.0], &vec![Vec::new(); 20], 5.0);
        assert!(q[0] < 0.05 && q[0] > 0.047, "{q:?}");
    }

    /// A list of scores as chance gives them: a Poisson number with mean about two.
    fn list(stream: &mut Stream) -> Vec<f64> {
        let count = (0..40).filter(|_| stream.unit() < 0.05).count();
        (0..count).map(|_| -stream.unit().max(1e-12).ln()).collect()
    }

    #[test]
    fn under_the_null_q_values_keep_their_level() {
        let runs = 2_000;
        let mut any = 0.0;
        for run in 0..runs {
            let mut stream = Stream::new(key(&[7, run]));
            let copies: Vec<Vec<f64>> = (0..20).map(|_| list(&mut stream)).collect();
            any += f64::from(u8::from(q_values_against(&list(&mut stream), &copies, 0.5).iter().any(|&q| q <= 0.1)));
        }
        let share = any / runs as f64;
        // Deviation of a share of .1 in 2,000 runs: .0067; q-values of pooled places are only about exact.
        assert!((0.03..0.12).contains(&share), "{share}");
    }

    #[test]
    fn a_table_of_copies_is_reliable_and_planted_ones_stand_out() {
        let mut stream = Stream::new(key(&[8]));
        let copies: Vec<Vec<f64>> = (0..200).map(|_| list(&mut stream)).collect();
        for line in reliability(&copies, 0.0) {
            // Three deviations of a share of 200.
            assert!(line.share <= line.level + 3.0 * (line.level * (1.0 - line.level) / 200.0).sqrt() + 0.02, "{line:?}");
        }
        let mut planted = list(&mut stream);
        planted.push(30.0);
        let q = q_values_against(&planted, &copies, 0.0);
        assert!(q[q.len() - 1] < 0.01, "{q:?}");
    }

    #[test]
    fn q_values_keep_their_level_where_false_networks_come_twenty_at_a_time() {
        let (runs, copies) = (4_000, 20);
        let clump = |stream: &mut Stream| {
            let number = if stream.unit() < 0.05 { 20 } else { 0 };
            let score = 6.0 + stream.unit();
            vec![score; number]
        };
        let least = |run: u64| {
            let mut stream = Stream::new(key(&[9, run]));
            let null: Vec<Vec<f64>> = (0..copies).map(|_| clump(&mut stream)).collect();
            q_values_against(&clump(&mut stream), &null, 5.0).into_iter().fold(1.0, f64::min)
        };
        let least: Vec<f64> = (0..runs).map(least).collect();
        for level in [0.005, 0.01, 0.02, 0.05] {
            let share = least.iter().filter(|&&q| q <= level).count() as f64 / runs as f64;
            assert!(share <= level + 3.0 * (level / runs as f64).sqrt(), "{level} {share}");
        }
    }
}
