//! Would two accounts share so many identifiers if they only had as many as they have?
//!
//! *Null*: the bipartite configuration model (BiCM; Saracco et al. 2015, doi:10.1038/srep10595). Of all ways to hand out identifiers
//! that give each account and each identifier its number of partners on average, the one of greatest entropy: sightings are
//! independent, and account `i` has identifier `a` with probability
//!
//! ```text
//! p(i,a) = x(i) y(a) / (1 + x(i) y(a)),     sum over a of p(i,a) = d(i),     sum over i of p(i,a) = h(a)
//! ```
//!
//! `x` and `y` (fugacities) depend on degrees `d` and `h` alone, so that there are as many unknowns as distinct degrees. Identifiers of
//! one kind are handed out among themselves: an account keeps its number of cards and its number of addresses.
//!
//! *Statistic*: shared identifiers `V`. Under the null a sum of independent indicators, one for each identifier, of probability
//! `p(i,a) p(j,a)`: a Poisson binomial (Saracco et al. 2017, doi:10.1088/1367-2630/aa6b38). The p-value is `P(V >= v)`. Identifiers of
//! one degree have one probability, so the sum is one of binomials, and the tail is exact: what is at least `v` is one state that
//! nothing leaves, so nothing is subtracted and small tails keep their digits. Where that takes more than [`EXACT_WORK`] steps it is
//! Poisson's tail, which is off by at most `min(1, 1/lambda)` times the sum of squared probabilities (Le Cam's inequality as sharpened by
//! Barbour & Hall 1984, doi:10.1017/S0305004100061806), and where that is more than [`POISSON_SHARE`] of it the saddle point's, as good
//! far out in the tail as near the mean: with `K(t) = sum of n log(1 + p (e^t - 1))` and `K'(t) = v`,
//!
//! ```text
//! P(V >= v) ~ 1 - Phi(w) + phi(w) (1/u - 1/w),   w = sqrt(2 (t v - K(t))),   u = (1 - e^-t) sqrt(K''(t))
//! ```
//!
//! (Lugannani & Rice 1980, doi:10.2307/1426607, with the correction for whole numbers of Daniels 1987, doi:10.2307/1403269). It has
//! no bound; against exact tails it is off by less than a hundredth of itself (a test).
//!
//! *One account and a set of identifiers*, chosen without looking at the account: how many of the set it has is a sum of indicators of
//! probability `p(i,a)`, with the same tail.
//!
//! Degrees are those that were seen. An identifier that one account has is then given a chance to be shared, which it wasn't, so that p-values
//! are too large rather than too small where most identifiers have few accounts (a test draws graphs from the null and shows it).
//!
//! *Solution*: alternately `x(d) = d / sum over h of n(h) y(h) / (1 + x(d) y(h))` and the same for `y`, by Newton's method in each, until
//! no degree is missed by more than [`TOLERANCE`] of itself. The model has no finite solution where an account has all
//! identifiers or an identifier all accounts; these are certain and leave the others' degrees by one.
//!
//! Cost: distinct degrees of accounts times those of identifiers, an iteration.

use rayon::prelude::*;
use serde::Serialize;
use statrs::function::erf::erfc;
use statrs::function::factorial::ln_binomial;
use statrs::function::gamma::gamma_lr;

/// Share of a degree by which it may be missed.
pub const TOLERANCE: f64 = 1e-8;

/// Iterations after which fugacities are given up on.
pub const MOST_ITERATIONS: usize = 20_000;

/// Steps up to which a tail is computed exactly.
pub const EXACT_WORK: f64 = 4e8;

/// Share of a tail by which Poisson's may be off before the saddle point's is taken.
pub const POISSON_SHARE: f64 = 0.01;

/// Fugacities that don't come to rest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NotConverged {
    /// The largest share of a degree that is missed.
    pub residual: f64,
    /// Iterations.
    pub iterations: usize,
}

/// One side of the graph: distinct degrees, ascending, with how many have each, and the fugacity of each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Side {
    degrees: Vec<u32>,
    counts: Vec<f64>,
    fugacities: Vec<f64>,
}

impl Side {
    fn of(mut degrees: Vec<u32>) -> Self {
        degrees.sort_unstable();
        let runs = degrees.chunk_by(|one, other| one == other).filter(|run| run[0] > 0);
        let (degrees, counts): (Vec<u32>, Vec<f64>) = runs.map(|run| (run[0], run.len() as f64)).unzip();
        Side { fugacities: vec![0.0; degrees.len()], degrees, counts }
    }

    fn total(&self) -> f64 {
        self.degrees.iter().zip(&self.counts).map(|(&degree, &count)| f64::from(degree) * count).sum()
    }

    /// How many vertices there are.
    fn vertices(&self) -> f64 {
        self.counts.iter().sum()
    }

    /// The fugacity of a degree.
    ///
    /// # Panics
    /// If no vertex has it.
    fn fugacity(&self, degree: u32) -> f64 {
        self.fugacities[self.degrees.binary_search(&degree).expect("a degree of the null")]
    }

    fn expected(&self, fugacity: f64) -> f64 {
        self.counts.iter().zip(&self.fugacities).map(|(&count, &other)| count * linked(fugacity, other)).sum()
    }

    /// The fugacity whose expected degree, given this side, is `degree`: Newton's method on its logarithm, from a start.
    fn solve(&self, degree: f64, start: f64) -> f64 {
        let mut log = start.ln();
        for _ in 0..8 {
            let (mut value, mut slope) = (0.0, 0.0);
            for (&count, &other) in self.counts.iter().zip(&self.fugacities) {
                let p = linked(log.exp(), other);
                value += count * p;
                slope += count * p * (1.0 - p);
            }
            // On the logarithm of the degree, which is nearly linear; a step of at most 2 can't run away.
            let step = ((degree / value).ln() * value / slope.max(f64::MIN_POSITIVE)).clamp(-2.0, 2.0);
            log += step;
            if step.abs() < 1e-13 {
                break;
            }
        }
        log.exp()
    }
}

/// The probability that two vertices of these fugacities are linked.
fn linked(one: f64, other: f64) -> f64 {
    if one.is_infinite() || other.is_infinite() {
        return 1.0;
    }
    let product = one * other;
    product / (1.0 + product)
}

/// The null of one kind of identifiers.
#[derive(Clone, Debug, PartialEq)]
pub struct Bicm {
    accounts: Side,
    identifiers: Side,
    /// The largest share of a degree that is missed.
    pub residual: f64,
    /// Iterations that it took.
    pub iterations: usize,
}

impl Bicm {
    /// Solves the model for the degrees of accounts and of identifiers; vertices without partners have no part in it.
    ///
    /// # Errors
    /// [`NotConverged`] with what is missed.
    pub fn of(accounts: Vec<u32>, identifiers: Vec<u32>) -> Result<Self, NotConverged> {
        Bicm::within(accounts, identifiers, MOST_ITERATIONS)
    }

    fn within(accounts: Vec<u32>, identifiers: Vec<u32>, most: usize) -> Result<Self, NotConverged> {
        let (mut accounts, mut identifiers) = (Side::of(accounts), Side::of(identifiers));
        let edges = accounts.total();
        if edges != identifiers.total() {
            return Err(NotConverged { residual: f64::INFINITY, iterations: 0 });
        }
        // Whoever has everything is certain: a fugacity without bound. Without it the others have one partner less.
        let certain = |side: &mut Side, others: f64| match side.degrees.last() {
            Some(&degree) if f64::from(degree) >= others => {
                side.degrees.pop();
                side.fugacities.pop();
                side.counts.pop().unwrap_or(0.0)
            }
            _ => 0.0,
        };
        let (of_accounts, of_identifiers) = (accounts.vertices(), identifiers.vertices());
        let certain_identifiers = certain(&mut identifiers, of_accounts);
        let certain_accounts = certain(&mut accounts, of_identifiers);
        let start = |side: &mut Side| {
            let scale = edges.sqrt().max(1.0);
            side.fugacities = side.degrees.iter().map(|&degree| f64::from(degree) / scale).collect();
        };
        start(&mut accounts);
        start(&mut identifiers);
        let (mut residual, mut iterations) = (f64::INFINITY, 0);
        while residual > TOLERANCE {
            if iterations == most {
                return Err(NotConverged { residual, iterations });
            }
            iterations += 1;
            improve(&mut accounts, &identifiers, certain_identifiers);
            improve(&mut identifiers, &accounts, certain_accounts);
            // The identifiers are right by now, up to Newton's method; what is missed is the accounts'.
            residual =
                missed(&accounts, &identifiers, certain_identifiers).max(missed(&identifiers, &accounts, certain_accounts));
        }
        for (side, count, degree) in
            [(&mut identifiers, certain_identifiers, of_accounts), (&mut accounts, certain_accounts, of_identifiers)]
        {
            if count > 0.0 {
                side.degrees.push(degree as u32);
                side.counts.push(count);
                side.fugacities.push(f64::INFINITY);
            }
        }
        Ok(Bicm { accounts, identifiers, residual, iterations })
    }

    /// The probability that two accounts of these degrees both have an identifier, for each degree of identifiers, with how many
    /// identifiers have it.
    ///
    /// # Panics
    /// If no account has such a degree.
    pub fn both(&self, first: u32, second: u32) -> Vec<(f64, f64)> {
        let (first, second) = (self.accounts.fugacity(first), self.accounts.fugacity(second));
        let identifiers = self.identifiers.counts.iter().zip(&self.identifiers.fugacities);
        identifiers.map(|(&count, &other)| (count, linked(first, other) * linked(second, other))).collect()
    }

    /// The probability that an account of this degree has an identifier, for each of these degrees of identifiers, with how many of them
    /// have it.
    ///
    /// # Panics
    /// If no account or no identifier has such a degree.
    pub fn has(&self, account: u32, mut identifiers: Vec<u32>) -> Vec<(f64, f64)> {
        let one = self.accounts.fugacity(account);
        identifiers.sort_unstable();
        let of_degree = identifiers.chunk_by(|a, b| a == b);
        of_degree.map(|run| (run.len() as f64, linked(one, self.identifiers.fugacity(run[0])))).collect()
    }
}

/// New fugacities of one side, given the other.
fn improve(side: &mut Side, others: &Side, certain: f64) {
    let solved = |(&degree, &fugacity): (&u32, &f64)| match f64::from(degree) - certain {
        left if left > 0.0 => others.solve(left, fugacity.max(f64::MIN_POSITIVE)),
        _ => 0.0,
    };
    side.fugacities = side.degrees.par_iter().zip(&side.fugacities).map(solved).collect();
}

/// The largest share of a degree that is missed.
fn missed(side: &Side, others: &Side, certain: f64) -> f64 {
    let miss = |(&degree, &fugacity): (&u32, &f64)| {
        (others.expected(fugacity) + certain - f64::from(degree)).abs() / f64::from(degree)
    };
    side.degrees.par_iter().zip(&side.fugacities).map(miss).reduce(|| 0.0, f64::max)
}

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
    /// By the saddle point, which is off by about a hundredth of itself at most.
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
    let work = indicators.len() as f64 * f64::from(seen) * f64::from(seen);
    if work > most {
        let squares: f64 = indicators.iter().map(|&(count, p)| count * p * p).sum();
        let p_value = if expected > 0.0 { gamma_lr(f64::from(seen), expected) } else { 0.0 };
        let off_by = squares * (1.0f64).min(1.0 / expected);
        // Below the mean, where nothing is decided, the bound is small beside the tail or nearly so.
        if off_by <= POISSON_SHARE * p_value || f64::from(seen) <= expected {
            return Tail { p_value, expected, off_by: Some(off_by), method: Method::Poisson };
        }
        return Tail {
            p_value: saddle_point(indicators, f64::from(seen)),
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
        let of_class = binomial(count, p, seen);
        let at_least = from_the_right(&of_class);
        for at in (0..seen).rev() {
            let before = std::mem::take(&mut so_far[at]);
            if before > 0.0 {
                (0..seen - at).for_each(|more| so_far[at + more] += before * of_class[more]);
                so_far[seen] += before * at_least[seen - at];
            }
        }
    }
    Tail { p_value: so_far[seen].min(1.0), expected, off_by: None, method: Method::Exact }
}

/// `P(V >= seen)` above the mean by the saddle point; the formula stands in the module's text. O(indicators) for each step of a bisection.
fn saddle_point(indicators: &[(f64, f64)], seen: f64) -> f64 {
    let possible = || indicators.iter().filter(|&&(count, p)| count > 0.0 && p > 0.0);
    let most: f64 = possible().map(|&(count, _)| count).sum();
    if seen >= most {
        // All of them, or more than there are.
        return if seen > most { 0.0 } else { possible().map(|&(count, p)| count * p.ln()).sum::<f64>().exp() };
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
    let u = -(-t).exp_m1() * variance.sqrt();
    let density = (-0.5 * w * w).exp() / (2.0 * std::f64::consts::PI).sqrt();
    (0.5 * erfc(w / std::f64::consts::SQRT_2) + density * (1.0 / u - 1.0 / w)).clamp(0.0, 1.0)
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

/// Benjamini and Hochberg's q-values (1995, doi:10.1111/j.2517-6161.1995.tb02031.x) of p-values that are the smallest of `tests`: those
/// that aren't given are taken to be larger, so that a q-value is never below what all of them would give.
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
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn a_regular_graph_is_solved_in_closed_form() {
        // Six accounts with two of four identifiers each: every pair is linked with probability 1/2.
        let null = Bicm::of(vec![2; 6], vec![3; 4]).unwrap();
        assert_eq!(null.both(2, 2).len(), 1);
        let (count, both) = null.both(2, 2)[0];
        assert!(count == 4.0 && (both - 0.25).abs() < 1e-9, "{both}");
        // P(V >= 2) of four coins of 1/4: 1 - (3/4)^4 - 4 (1/4)(3/4)^3.
        let tail = upper_tail(&null.both(2, 2), 2);
        assert!((tail.p_value - 67.0 / 256.0).abs() < 1e-8 && (tail.expected - 1.0).abs() < 1e-8, "{tail:?}");
    }

    #[test]
    fn degrees_are_met_and_what_everybody_has_is_certain() {
        let (accounts, identifiers) = (vec![1, 2, 3, 4, 5, 9], vec![6, 1, 1, 2, 3, 3, 4, 2, 1, 1]);
        let null = Bicm::of(accounts.clone(), identifiers.clone()).unwrap();
        assert!(null.residual <= TOLERANCE);
        for &degree in &accounts {
            let expected: f64 = null.has(degree, identifiers.clone()).iter().map(|&(count, p)| count * p).sum();
            assert!((expected - f64::from(degree)).abs() < 1e-6, "{degree}: {expected}");
        }
        assert_eq!(null.both(1, 2).last().unwrap(), &(1.0, 1.0));
    }

    #[test]
    fn all_indicators_and_more_than_all() {
        assert!((saddle_point(&[(3.0, 0.5), (2.0, 1.0), (4.0, 0.0)], 5.0) - 0.125).abs() < 1e-12);
        assert_eq!(saddle_point(&[(3.0, 0.5)], 4.0), 0.0);
        // Poisson's tail would be off by more than it is.
        let tail = tail_within(&[(1_000.0, 0.2)], 300, 0.0);
        assert_eq!((tail.method, tail.off_by), (Method::SaddlePoint, None));
        assert_eq!(tail_within(&[(1e6, 1e-6)], 2, 0.0).method, Method::Poisson);
    }

    #[test]
    fn what_does_not_come_to_rest_is_an_error_with_its_residual() {
        let degrees = (1..40).collect::<Vec<u32>>();
        let error = Bicm::within(degrees.clone(), degrees, 1).unwrap_err();
        assert!(error.residual > TOLERANCE && error.iterations == 1, "{error:?}");
        assert_eq!(Bicm::of(vec![1, 1], vec![1]).unwrap_err().residual, f64::INFINITY);
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

        /// Near the mean and far out the saddle point's tail is the exact one to a hundredth.
        #[test]
        fn the_saddle_point_is_close(classes in prop::collection::vec((20u32..400, 1e-4..0.6f64), 2..6), above in 0.0..12.0f64) {
            let classes: Vec<(f64, f64)> = classes.iter().map(|&(count, p)| (f64::from(count), p)).collect();
            let sum = |of: fn(f64) -> f64| classes.iter().map(|&(count, p)| count * of(p)).sum::<f64>();
            let seen = (sum(|p| p) + 1.0 + above * sum(|p| p * (1.0 - p)).sqrt()).ceil();
            prop_assume!(seen > 3.0 && seen + 3.0 < sum(|_| 1.0));
            let exact = tail_within(&classes, seen as u32, f64::INFINITY).p_value;
            prop_assume!(exact > 1e-290);
            let quick = saddle_point(&classes, seen);
            prop_assert!((quick / exact - 1.0).abs() < 0.01, "{quick} {exact}");
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

    /// Graphs drawn from the null of uneven degrees: p-values of pairs, made continuous by a draw between the two tails that a
    /// count lies between, are uniform; where fugacities are solved again from the degrees that were drawn, they are not too small.
    #[test]
    fn under_the_null_p_values_are_uniform() {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let (accounts, identifiers) = (60, 400);
        let account_degrees: Vec<u32> = (0..accounts).map(|at| 4 + at % 30).collect();
        let edges: u32 = account_degrees.iter().sum();
        let mut identifier_degrees: Vec<u32> = (0..identifiers).map(|at| 1 + at % 3).collect();
        let short = edges - identifier_degrees.iter().sum::<u32>();
        (0..short).for_each(|at| identifier_degrees[(at % 20) as usize] += 1);
        let truth = Bicm::of(account_degrees.clone(), identifier_degrees.clone()).unwrap();
        let (mut known, mut solved) = (Vec::new(), Vec::new());
        for _ in 0..150 {
            let drawn: Vec<Vec<usize>> = account_degrees
                .iter()
                .map(|&degree| {
                    let one = truth.accounts.fugacity(degree);
                    (0..identifiers as usize)
                        .filter(|&at| random.random_bool(linked(one, truth.identifiers.fugacity(identifier_degrees[at]))))
                        .collect()
                })
                .collect();
            let found: Vec<u32> = drawn.iter().map(|row| row.len() as u32).collect();
            let mut of_identifiers = vec![0u32; identifiers as usize];
            drawn.iter().flatten().for_each(|&at| of_identifiers[at] += 1);
            let again = Bicm::of(found.clone(), of_identifiers).unwrap();
            // Pairs that have no account in common are independent.
            for pair in (0..accounts as usize).collect::<Vec<_>>().chunks_exact(2) {
                let (one, other) = (pair[0], pair[1]);
                let seen = drawn[one].iter().filter(|at| drawn[other].contains(at)).count() as u32;
                let between: f64 = random.random();
                let continuous = |indicators: &[(f64, f64)]| {
                    let (here, above) = (upper_tail(indicators, seen).p_value, upper_tail(indicators, seen + 1).p_value);
                    above + between * (here - above)
                };
                known.push(continuous(&truth.both(account_degrees[one], account_degrees[other])));
                if found[one] > 0 && found[other] > 0 {
                    solved.push(continuous(&again.both(found[one], found[other])));
                }
            }
        }
        // Kolmogorov and Smirnov's distances: how far the p-values are below what is uniform, and above.
        let distances = |p_values: &mut Vec<f64>| {
            p_values.sort_by(f64::total_cmp);
            let n = p_values.len() as f64;
            let too_small = p_values.iter().enumerate().map(|(at, p)| (at + 1) as f64 / n - p).fold(0.0, f64::max);
            let too_large = p_values.iter().enumerate().map(|(at, p)| p - at as f64 / n).fold(0.0, f64::max);
            (too_small * n.sqrt(), too_large * n.sqrt())
        };
        // One in a hundred passes 1.63 on either side, and 1.52 on one.
        let (too_small, too_large) = distances(&mut known);
        assert!(too_small < 1.63 && too_large < 1.63, "{too_small} {too_large}");
        let (too_small, too_large) = distances(&mut solved);
        assert!(too_small < 1.52, "{too_small}");
        assert!(too_large > too_small, "solved from what was drawn they are on the safe side: {too_large}");
    }
}
