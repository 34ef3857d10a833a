//! Would two accounts share so many identifiers if they only had as many as they have?
//!
//! *Null*: the bipartite configuration model (BiCM; Saracco et al. 2015, doi:10.1038/srep10595). Of all ways to hand out
//! identifiers that give each account and each identifier its number of partners on average, the one of greatest entropy:
//! sightings are independent, and account `i` has identifier `a` with probability
//!
//! ```text
//! p(i,a) = x(i) y(a) / (1 + x(i) y(a)),     sum over a of p(i,a) = d(i),     sum over i of p(i,a) = h(a)
//! ```
//!
//! `x` and `y` (fugacities) depend on degrees `d` and `h` alone, so that there are as many unknowns as distinct degrees.
//! Identifiers of one kind are handed out among themselves: an account keeps its number of cards and its number of addresses.
//!
//! *Statistic*: shared identifiers `V`. Under the null a sum of independent indicators, one for each identifier, of probability
//! `p(i,a) p(j,a)`: a Poisson binomial (Saracco et al. 2017, doi:10.1088/1367-2630/aa6b38). The p-value is `P(V >= v)`, exact
//! or nearly so (module `tail`).
//!
//! *One account and a set of identifiers*, chosen without looking at the account: how many of the set it has is a sum of
//! indicators of probability `p(i,a)`, with the same tail.
//!
//! Degrees are those that were seen. An identifier that one account has is then given a chance to be shared, which it wasn't,
//! so that p-values are too large rather than too small where most identifiers have few accounts (a test draws graphs from the
//! null and shows it).
//!
//! *Solution*: alternately `x(d) = d / sum over h of n(h) y(h) / (1 + x(d) y(h))` and the same for `y`, by Newton's method in
//! each, until no degree is missed by more than [`TOLERANCE`] of itself. The model has no finite solution where an account has
//! all identifiers or an identifier all accounts; these are certain and leave the others' degrees by one.
//!
//! Cost: distinct degrees of accounts times those of identifiers, an iteration.

mod tail;

use rayon::prelude::*;

pub use tail::{EXACT_WORK, Method, POISSON_SHARE, Tail, q_values, upper_tail};

/// Share of a degree by which it may be missed.
pub const TOLERANCE: f64 = 1e-8;

/// Iterations after which fugacities are given up on.
pub const MOST_ITERATIONS: usize = 20_000;

/// Fugacities that don't come to rest.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
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

    /// The probability that two accounts of these degrees both have an identifier, for each degree of identifiers, with how
    /// many identifiers have it.
    ///
    /// # Panics
    /// If no account has such a degree.
    pub fn both(&self, first: u32, second: u32) -> Vec<(f64, f64)> {
        let (first, second) = (self.accounts.fugacity(first), self.accounts.fugacity(second));
        let identifiers = self.identifiers.counts.iter().zip(&self.identifiers.fugacities);
        identifiers.map(|(&count, &other)| (count, linked(first, other) * linked(second, other))).collect()
    }

    /// The probability that an account of this degree has an identifier, for each of these degrees of identifiers, with how
    /// many of them have it.
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

#[cfg(test)]
mod tests {
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
    fn what_does_not_come_to_rest_is_an_error_with_its_residual() {
        let degrees = (1..40).collect::<Vec<u32>>();
        let error = Bicm::within(degrees.clone(), degrees, 1).unwrap_err();
        assert!(error.residual > TOLERANCE && error.iterations == 1, "{error:?}");
        assert_eq!(Bicm::of(vec![1, 1], vec![1]).unwrap_err().residual, f64::INFINITY);
    }

    /// Graphs drawn from the null of uneven degrees: p-values of pairs, made continuous by a draw between the two tails that a
    /// count lies between, are uniform; where fugacities are solved again from the degrees that were drawn, they are not too
    /// small.
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
