//! What can be said when only some networks were ever labelled? Ratio estimates over a sample of true networks, with intervals.
//!
//! Assumption: the labelled networks are a uniform sample of all true networks, and each is labelled completely; of other
//! accounts nothing is known. For a sampled network c let r_c be its pairs, h_c those that were claimed, and x_c the claimed
//! pairs of a member with an account outside c. A false pair that joins two true clusters would be met from both, so it counts
//! half. One that joins a cluster and a harmless account is met from one side only, so that precision comes out too high where
//! found networks hold harmless accounts (.64 instead of .43 for ten of fifteen): it is an upper bound there.
//!
//!
//! recall = Σ h_c / Σ r_c, precision = Σ h_c / Σ (h_c + x_c / 2).
//!
//! Intervals: delete-one jackknife over networks, 95% by Student's t, cut to [0, 1]. A network counts by its pairs, so a few large
//! ones decide: as many networks of one size would tell as much as k = (Σ w)² / Σ w² (Kish 1965), w the pairs that a network brings
//! into the denominator. There are k - 1 degrees of freedom; with k below two anything may be. By simulation (2 to 60 networks of
//! 300, Pareto sizes of index 1.1, 1.5 and nearly equal ones) 91 to 100% hold the truth; by the normal quantile it was 43 to 82%
//! where sizes have a heavy tail. No interval where all networks have one ratio, which says nothing of others. After Binette, York, Hickerson, Baek,
//! Madhavan and Jones, arXiv:2210.01230. Cost O(n log n).

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::{Comparison, NONE, check};
use crate::error::Error;

/// An estimate and its 95% interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// Lower and upper end, if there are networks enough to tell.
    pub interval: Option<(f64, f64)>,
}

/// Pairwise precision and recall estimated from a sample of networks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SampledPairwise {
    /// Networks in the sample.
    pub networks: u64,
    /// As many networks of one size as would tell as much of recall.
    pub effective_networks: f64,
    /// Estimated share of claimed pairs that are true; an upper bound where found networks hold harmless accounts.
    pub precision: Estimate,
    /// Estimated share of true pairs that were claimed.
    pub recall: Estimate,
}

/// Pairs of one sampled network.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    real: f64,
    hit: f64,
    outside: f64,
}

/// Estimates pairwise precision and recall from completely labelled networks among accounts of which nothing else is known.
///
/// # Errors
/// As [`super::evaluate`].
pub fn estimate_from_sample(comparison: &Comparison<'_>) -> Result<SampledPairwise, Error> {
    check(comparison)?;
    let mut size = vec![0u64; comparison.found_names.len()];
    for &found in comparison.found.iter().filter(|&&found| found != NONE) {
        size[found as usize] += 1;
    }
    let mut counts = vec![Counts::default(); comparison.truth_names.len()];
    let mut members = vec![0u64; comparison.truth_names.len()];
    let mut cells: Vec<(u32, u32)> = Vec::new();
    for (&truth, &found) in comparison.truth.iter().zip(comparison.found).filter(|(truth, _)| **truth != NONE) {
        members[truth as usize] += 1;
        if found != NONE {
            cells.push((truth, found));
        }
    }
    cells.sort_unstable();
    for cell in cells.chunk_by(|a, b| a == b) {
        let (inside, all) = (cell.len() as f64, size[cell[0].1 as usize] as f64);
        let count = &mut counts[cell[0].0 as usize];
        count.hit += inside * (inside - 1.0) / 2.0;
        count.outside += inside * (all - inside);
    }
    for (count, &members) in counts.iter_mut().zip(&members) {
        count.real = members as f64 * (members as f64 - 1.0) / 2.0;
    }
    let sample: Vec<Counts> =
        counts.into_iter().zip(&members).filter(|(_, members)| **members > 0).map(|(count, _)| count).collect();
    Ok(SampledPairwise {
        networks: sample.len() as u64,
        effective_networks: effective(sample.iter().map(|count| count.real)),
        precision: jackknife(&sample, |count| (count.hit, count.hit + count.outside / 2.0)),
        recall: jackknife(&sample, |count| (count.hit, count.real)),
    })
}

/// (Σ w)² / Σ w²; 0 of nothing.
fn effective(weights: impl Iterator<Item = f64>) -> f64 {
    let (sum, squares) = weights.fold((0.0, 0.0), |(sum, squares), weight| (sum + weight, squares + weight * weight));
    if squares > 0.0 { sum * sum / squares } else { 0.0 }
}

/// A ratio of sums with a delete-one jackknife interval.
fn jackknife(sample: &[Counts], part: impl Fn(&Counts) -> (f64, f64)) -> Estimate {
    let (mut above, mut below) = (0.0, 0.0);
    for count in sample {
        let (numerator, denominator) = part(count);
        above += numerator;
        below += denominator;
    }
    let ratio = |above: f64, below: f64| if below <= 0.0 { 1.0 } else { above / below };
    let value = ratio(above, below);
    if sample.len() < 2 {
        return Estimate { value, interval: None };
    }
    let count = sample.len() as f64;
    let without: Vec<f64> = sample
        .iter()
        .map(|one| {
            let (numerator, denominator) = part(one);
            ratio(above - numerator, below - denominator)
        })
        .collect();
    let mean = without.iter().sum::<f64>() / count;
    let variance = (count - 1.0) / count * without.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    let freedom = effective(sample.iter().map(|count| part(count).1)) - 1.0;
    let reach = match StudentsT::new(0.0, 1.0, freedom) {
        Ok(t) if freedom >= 1.0 => t.inverse_cdf(0.975) * variance.sqrt(),
        _ => 1.0,
    };
    let interval = (variance > 0.0).then(|| ((value - reach).max(0.0), (value + reach).min(1.0)));
    Estimate { value, interval }
}

#[cfg(test)]
mod tests {
    use super::super::tests::names;
    use super::super::{Unlabelled, evaluate};
    use super::*;
    use crate::random::{Domain, Streams};
    use rand::RngExt;

    fn comparison<'a>(truth: &'a [u32], found: &'a [u32], names: &'a [String]) -> Comparison<'a> {
        let (groups, group_names): (&[u32], &[String]) = (&[], &[]);
        Comparison {
            truth,
            truth_names: names,
            found,
            found_names: names,
            groups,
            group_names,
            unlabelled: Unlabelled::Unknown,
        }
    }

    #[test]
    fn a_census_gives_the_true_values() {
        let truth = [0, 0, 0, 1, 1, 2, 2];
        let found = [0, 0, 1, 1, 1, 2, 2];
        let all = names(3);
        let estimate = estimate_from_sample(&comparison(&truth, &found, &all)).expect("columns fit");
        let exact = evaluate(&comparison(&truth, &found, &all)).expect("columns fit").pairwise;
        assert!((estimate.precision.value - exact.precision).abs() < 1e-12);
        assert!((estimate.recall.value - exact.recall).abs() < 1e-12);
        assert_eq!(estimate.networks, 3);
    }

    #[test]
    fn where_one_network_decides_anything_may_be() {
        // Thirty networks of three accounts and one of sixty, which has 95% of all pairs.
        let (mut truth, mut found) = (Vec::new(), Vec::new());
        for network in 0..31u32 {
            for at in 0..if network == 30 { 60 } else { 3 } {
                truth.push(network);
                found.push(if network % 3 == 0 && at % 3 == 0 { NONE } else { network });
            }
        }
        let all = names(31);
        let estimate = estimate_from_sample(&comparison(&truth, &found, &all)).expect("columns fit");
        assert!(estimate.effective_networks < 1.2, "{estimate:?}");
        assert_eq!(estimate.recall.interval, Some((0.0, 1.0)));
        // Without it there are thirty of one size.
        let small = truth.len() - 60;
        let estimate = estimate_from_sample(&comparison(&truth[..small], &found[..small], &all)).expect("columns fit");
        let (low, high) = estimate.recall.interval.expect("they differ");
        assert!((estimate.effective_networks - 30.0).abs() < 1e-9 && low > 0.5 && high < 1.0, "{estimate:?}");
        // All of them whole: nobody knows of others.
        let estimate = estimate_from_sample(&comparison(&truth[..small], &truth[..small], &all)).expect("columns fit");
        assert_eq!((estimate.recall.value, estimate.recall.interval), (1.0, None));
    }

    /// Sizes with a heavy tail, as networks have.
    #[test]
    fn intervals_hold_where_sizes_have_a_heavy_tail() {
        let mut rng = Streams::new(12).stream(Domain::Plan, 10);
        let (mut given, mut covered) = (0u32, 0u32);
        for _ in 0..40 {
            let (mut truth, mut found) = (Vec::new(), Vec::new());
            for network in 0..300u32 {
                let size = (4.0 * rng.random_range(0.001f64..1.0).powf(-1.0 / 1.5)).min(400.0) as u32;
                let lost = rng.random_range(0.0..0.6);
                for _ in 0..size {
                    truth.push(network);
                    found.push(if rng.random_bool(lost) { NONE } else { network });
                }
            }
            let all = names(300);
            let exact = evaluate(&comparison(&truth, &found, &all)).expect("columns fit").pairwise.recall;
            for _ in 0..20 {
                let kept: Vec<bool> = (0..300).map(|_| rng.random_bool(0.3)).collect();
                let partial: Vec<u32> = truth.iter().map(|&label| if kept[label as usize] { label } else { NONE }).collect();
                let estimate = estimate_from_sample(&comparison(&partial, &found, &all)).expect("columns fit");
                let (low, high) = estimate.recall.interval.expect("networks differ");
                (given, covered) = (given + 1, covered + u32::from((low..=high).contains(&exact)));
            }
        }
        // Nominal .95, by simulation .91 to .94; a standard error of .01.
        assert!(f64::from(covered) > 0.88 * f64::from(given), "{covered} of {given}");
    }

    #[test]
    fn intervals_cover_the_truth_about_as_often_as_they_say() {
        // 400 networks of 4 to 9 accounts, each member lost with .2 and each network merged with its neighbour with .2; samples
        // of 40.
        let mut rng = Streams::new(11).stream(Domain::Plan, 9);
        let (mut truth, mut found) = (Vec::new(), Vec::new());
        for network in 0..400u32 {
            let merged = if rng.random_bool(0.2) { network / 2 * 2 } else { network };
            for _ in 0..rng.random_range(4..10) {
                truth.push(network);
                found.push(if rng.random_bool(0.2) { NONE } else { merged });
            }
        }
        let all = names(400);
        let exact = evaluate(&comparison(&truth, &found, &all)).expect("columns fit").pairwise;
        let mut covered = [0; 2];
        for _ in 0..200 {
            let kept: Vec<bool> = (0..400).map(|_| rng.random_bool(0.1)).collect();
            let partial: Vec<u32> = truth.iter().map(|&label| if kept[label as usize] { label } else { NONE }).collect();
            let estimate = estimate_from_sample(&comparison(&partial, &found, &all)).expect("columns fit");
            let holds =
                |estimate: Estimate, value: f64| estimate.interval.is_some_and(|(low, high)| (low..=high).contains(&value));
            covered[0] += u32::from(holds(estimate.precision, exact.precision));
            covered[1] += u32::from(holds(estimate.recall, exact.recall));
        }
        // 95% nominal; jackknife intervals of ratios fall short a little. 200 x .95 = 190, deviation 3.1.
        assert!(covered.iter().all(|&count| count >= 172), "{covered:?}");
    }
}
