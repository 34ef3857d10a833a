//! How likely is a sum of independent indicators to come to so much?
//!
//! A *Poisson binomial*: indicators of one probability come in classes, so the sum is one of binomials, and the tail is exact:
//! what is at least `v` is one state that nothing leaves, so nothing is subtracted and small tails keep their digits. Where
//! that takes more than [`EXACT_WORK`] steps it is Poisson's tail, which is off by at most `min(1, 1/lambda)` times the sum of
//! squared probabilities (Le Cam's inequality as sharpened by Barbour & Hall 1984, doi:10.1017/S0305004100061806), and where
//! that is more than [`POISSON_SHARE`] of it the saddle point's, as good far out in the tail as near the mean: with `K(t) = sum
//! of n log(1 + p (e^t - 1))` and `K'(t) = v`,
//!
//! ```text
//! P(V >= v) ~ 1 - Phi(w) + phi(w) (1/u - 1/w),   w = sqrt(2 (t v - K(t))),   u = (1 - e^-t) sqrt(K''(t))
//! ```
//!
//! (Lugannani & Rice 1980, doi:10.2307/1426607, with the correction for whole numbers of Daniels 1987, doi:10.2307/1403269). It
//! has no bound; against exact tails it is off by less than a hundredth of itself, or two tenths over `K''(t)` where that is
//! below 10, as it is where nearly all indicators are there (a test).
//!
//! Cost: for each class `v` times the smaller of its size and `v` where it is exact, classes otherwise.

use serde::Serialize;
use statrs::function::erf::erfc;
use statrs::function::factorial::ln_binomial;
use statrs::function::gamma::gamma_lr;

/// Steps up to which a tail is computed exactly.
pub const EXACT_WORK: f64 = 4e8;

/// Below this `w` the saddle point's `1/u - 1/w`, a difference of two large numbers, is its limit, `1/(2 sigma) - kappa_3 / (6
/// sigma^3)`, which it is off from by about `w` over the variance.
const NEAR_THE_MEAN: f64 = 1e-3;

/// Share of a tail by which Poisson's may be off before the saddle point's is taken.
pub const POISSON_SHARE: f64 = 0.01;

/// The probability of a sum of indicators at least as large as what was seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tail {
    /// `P(V >= v)`.
    pub p_value: f64,
    /// `E V`.
    pub expected: f64,
    /// By how much it can be off; `None` where it is exact or has no bound.
    pub off_by: Option<f64>,
    /// How it was computed.
    pub method: Method,
}

/// How a tail was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Term by term.
    Exact,
    /// As Poisson's, with a bound of what that is off.
    Poisson,
    /// By the saddle point, which is off by about a hundredth of itself, more only where nearly all indicators are there.
    SaddlePoint,
}

/// `P(V >= seen)` of a sum of independent indicators, given as (how many, probability of each).
pub fn upper_tail(indicators: &[(f64, f64)], seen: u32) -> Tail {
    tail_within(indicators, seen, EXACT_WORK)
}

fn tail_within(indicators: &[(f64, f64)], seen: u32, most: f64) -> Tail {
    let expected: f64 = indicators.iter().map(|&(count, p)| count * p).sum();
    if seen == 0 {
        return Tail { p_value: 1.0, expected, off_by: None, method: Method::Exact };
    }
    let seen_at_most = f64::from(seen);
    let work: f64 = indicators.iter().map(|&(count, _)| seen_at_most * (count.min(seen_at_most) + 1.0)).sum();
    if work > most {
        let squares: f64 = indicators.iter().map(|&(count, p)| count * p * p).sum();
        let p_value = if expected > 0.0 { gamma_lr(f64::from(seen), expected) } else { 0.0 };
        let off_by = squares * (1.0f64).min(1.0 / expected);
        // Below the mean, where nothing is decided, the bound is small beside the tail or nearly so.
        if off_by <= POISSON_SHARE * p_value || f64::from(seen) <= expected {
            return Tail { p_value, expected, off_by: Some(off_by), method: Method::Poisson };
        }
        return Tail {
            p_value: saddle_point(indicators, f64::from(seen)).0,
            expected,
            off_by: None,
            method: Method::SaddlePoint,
        };
    }
    // By sum so far; the last place is `seen` or more, which nothing leaves.
    let seen = seen as usize;
    let mut so_far = vec![0.0; seen + 1];
    so_far[0] = 1.0;
    for &(count, p) in indicators.iter().filter(|&&(count, p)| count > 0.0 && p > 0.0) {
        let most = seen.min(count as usize + 1);
        let of_class = binomial(count, p, most);
        let at_least = from_the_right(&of_class);
        for at in (0..seen).rev() {
            let before = std::mem::take(&mut so_far[at]);
            if before > 0.0 {
                let within = most.min(seen - at);
                (0..within).for_each(|more| so_far[at + more] += before * of_class[more]);
                if within == seen - at {
                    so_far[seen] += before * at_least[within];
                }
            }
        }
    }
    Tail { p_value: so_far[seen].min(1.0), expected, off_by: None, method: Method::Exact }
}

/// `P(V >= seen)` above the mean by the saddle point, and `K''(t)`; the formula stands in the module's text. O(indicators) for
/// each step of a bisection.
fn saddle_point(indicators: &[(f64, f64)], seen: f64) -> (f64, f64) {
    let possible = || indicators.iter().filter(|&&(count, p)| count > 0.0 && p > 0.0);
    let most: f64 = possible().map(|&(count, _)| count).sum();
    if seen >= most {
        // All of them, or more than there are.
        let all = || possible().map(|&(count, p)| count * p.ln()).sum::<f64>().exp();
        return (if seen > most { 0.0 } else { all() }, 0.0);
    }
    // The share of an indicator's weight, tilted by t, that lies on its being there.
    let tilted = |p: f64, t: f64| p / (p + (1.0 - p) * (-t).exp());
    let mean = |t: f64| possible().map(|&(count, p)| count * tilted(p, t)).sum::<f64>();
    let (mut low, mut high) = (0.0, 1.0);
    while mean(high) < seen {
        (low, high) = (high, 2.0 * high);
    }
    for _ in 0..64 {
        let middle = 0.5 * (low + high);
        if mean(middle) < seen { low = middle } else { high = middle }
    }
    let t = 0.5 * (low + high);
    let cumulant: f64 = possible().map(|&(count, p)| count * (t + (p + (1.0 - p) * (-t).exp()).ln())).sum();
    let variance: f64 = possible().map(|&(count, p)| count * tilted(p, t) * (1.0 - tilted(p, t))).sum();
    let w = (2.0 * (t * seen - cumulant)).max(0.0).sqrt();
    let correction = if w < NEAR_THE_MEAN {
        let skew: f64 =
            possible().map(|&(count, p)| (count, tilted(p, t))).map(|(count, q)| count * q * (1.0 - q) * (1.0 - 2.0 * q)).sum();
        (0.5 - skew / (6.0 * variance)) / variance.sqrt()
    } else {
        1.0 / (-(-t).exp_m1() * variance.sqrt()) - 1.0 / w
    };
    let density = (-0.5 * w * w).exp() / (2.0 * std::f64::consts::PI).sqrt();
    ((0.5 * erfc(w / std::f64::consts::SQRT_2) + density * correction).clamp(0.0, 1.0), variance)
}

/// The probabilities of 0 to `most - 1` successes of `count`, and last of `most` or more.
fn binomial(count: f64, p: f64, most: usize) -> Vec<f64> {
    if p >= 1.0 {
        let certain = (count as usize).min(most);
        return (0..=most).map(|at| if at == certain { 1.0 } else { 0.0 }).collect();
    }
    let term = |successes: usize| {
        if successes as f64 > count {
            return 0.0;
        }
        let failures = (count - successes as f64) * (-p).ln_1p();
        (ln_binomial(count as u64, successes as u64) + successes as f64 * p.ln() + failures).exp()
    };
    let mut all: Vec<f64> = (0..most).map(term).collect();
    // Terms beyond add up until they no longer change the sum.
    let (mut rest, mut at) = (0.0, most);
    loop {
        let one = term(at);
        rest += one;
        if at as f64 >= count || (at as f64 > count * p && one < rest * f64::EPSILON) {
            break;
        }
        at += 1;
    }
    all.push(rest);
    all
}

/// Sums from each place to the last.
fn from_the_right(terms: &[f64]) -> Vec<f64> {
    let mut sums = terms.to_vec();
    for at in (0..terms.len() - 1).rev() {
        sums[at] += sums[at + 1];
    }
    sums
}

/// Benjamini and Hochberg's q-values (1995, doi:10.1111/j.2517-6161.1995.tb02031.x) of p-values that are the smallest of
/// `tests`: those that aren't given are taken to be larger, so that a q-value is never below what all of them would give.
pub fn q_values(p_values: &[f64], tests: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&one, &other| p_values[one].total_cmp(&p_values[other]));
    let (mut q_values, mut least) = (vec![1.0; p_values.len()], 1.0f64);
    for (rank, &at) in order.iter().enumerate().rev() {
        least = least.min(p_values[at] * tests / (rank + 1) as f64);
        q_values[at] = least;
    }
    q_values
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn all_indicators_and_more_than_all() {
        assert!((saddle_point(&[(3.0, 0.5), (2.0, 1.0), (4.0, 0.0)], 5.0).0 - 0.125).abs() < 1e-12);
        assert_eq!(saddle_point(&[(3.0, 0.5)], 4.0).0, 0.0);
        // Poisson's tail would be off by more than it is.
        let tail = tail_within(&[(1_000.0, 0.2)], 300, 0.0);
        assert_eq!((tail.method, tail.off_by), (Method::SaddlePoint, None));
        assert_eq!(tail_within(&[(1e6, 1e-6)], 2, 0.0).method, Method::Poisson);
    }

    #[test]
    fn just_above_the_mean_a_tail_is_about_a_half() {
        for below in [1e-13, 1e-10, 1e-8, 1e-6, 1e-4] {
            for indicators in [vec![(2_000.0, 0.25 - below)], vec![(1_000.0, 0.3), (500.0, 0.4 - below)]] {
                let exact = tail_within(&indicators, 500, f64::INFINITY);
                let quick = tail_within(&indicators, 500, 0.0);
                assert_eq!((exact.method, quick.method), (Method::Exact, Method::SaddlePoint));
                assert!((quick.p_value - exact.p_value).abs() < 1e-3, "{below}: {} {}", quick.p_value, exact.p_value);
            }
        }
    }

    #[test]
    fn q_values_by_hand() {
        // .01*4/1=.04, .02*4/2=.04, .03*4/3=.04, .5*4/4=.5; of eight tests twice as much.
        let close = |left: Vec<f64>, right: [f64; 4]| left.iter().zip(right).all(|(l, r)| (l - r).abs() < 1e-12);
        assert!(close(q_values(&[0.03, 0.5, 0.01, 0.02], 4.0), [0.04, 0.5, 0.04, 0.04]));
        assert!(close(q_values(&[0.03, 0.5, 0.01, 0.02], 8.0), [0.08, 1.0, 0.08, 0.08]));
    }

    proptest! {
        /// The grouped tail is the one of indicators taken one by one; Poisson's is off by no more than it says.
        #[test]
        fn tails_agree_with_a_naive_sum(classes in prop::collection::vec((1u32..6, 0.0..0.9f64), 1..6), seen in 0u32..8) {
            let mut naive = vec![1.0];
            for &(count, p) in &classes {
                for _ in 0..count {
                    let mut next = vec![0.0; naive.len() + 1];
                    for (at, mass) in naive.iter().enumerate() {
                        next[at] += mass * (1.0 - p);
                        next[at + 1] += mass * p;
                    }
                    naive = next;
                }
            }
            let expected: f64 = naive.iter().skip(seen as usize).sum();
            let classes: Vec<(f64, f64)> = classes.iter().map(|&(count, p)| (f64::from(count), p)).collect();
            let exact = tail_within(&classes, seen, f64::INFINITY);
            prop_assert!((exact.p_value - expected).abs() < 1e-12, "{exact:?} {expected}");
            let quick = tail_within(&classes, seen, 0.0);
            if let Some(off_by) = quick.off_by {
                prop_assert!((quick.p_value - expected).abs() <= off_by + 1e-12, "{quick:?} {expected}");
            }
        }

        /// Near the mean and far out the saddle point's tail is the exact one to a hundredth, or two tenths over a tilted
        /// variance below 10.
        #[test]
        fn the_saddle_point_is_close(classes in prop::collection::vec((20u32..400, 1e-4..0.6f64), 2..6), above in 0.0..12.0f64) {
            let classes: Vec<(f64, f64)> = classes.iter().map(|&(count, p)| (f64::from(count), p)).collect();
            let sum = |of: fn(f64) -> f64| classes.iter().map(|&(count, p)| count * of(p)).sum::<f64>();
            let seen = (sum(|p| p) + above * sum(|p| p * (1.0 - p)).sqrt()).ceil();
            prop_assume!(seen > 3.0 && seen + 3.0 < sum(|_| 1.0));
            let exact = tail_within(&classes, seen as u32, f64::INFINITY).p_value;
            prop_assume!(exact > 1e-290);
            let (quick, variance) = saddle_point(&classes, seen);
            let bound = if variance >= 10.0 { 0.01 } else { 0.2 / variance };
            prop_assert!((quick / exact - 1.0).abs() < bound, "{quick} {exact} {variance}");
        }

        #[test]
        fn q_values_are_those_of_all_tests(p_values in prop::collection::vec(0.0..1.0f64, 1..30), more in 0usize..40) {
            let tests = p_values.len() + more;
            let all: Vec<f64> = p_values.iter().copied().chain(std::iter::repeat_n(1.0, more)).collect();
            let naive = |p: f64| {
                let bound = |other: f64| {
                    let rank = all.iter().filter(|&&third| third <= other).count();
                    other * tests as f64 / rank as f64
                };
                all.iter().filter(|&&other| other >= p).map(|&other| bound(other)).fold(1.0, f64::min)
            };
            for (&p, q) in p_values.iter().zip(q_values(&p_values, tests as f64)) {
                prop_assert!((q - naive(p)).abs() < 1e-12, "{p}: {q} {}", naive(p));
            }
        }
    }
}
