//! How surprising is it that `x` of `n` are of one sort, when accounts differ?
//!
//! Identifiers of one account come together (templates of one tool, addresses of one gateway), so `x` is not binomial. The
//! beta-binomial lets each account have its own share, drawn from a Beta distribution:
//!
//! ```text
//! P(x | n) = C(n, x) B(x + a, n - x + b) / B(a, b),   a = m s,  b = (1 - m) s,  s = (1 - rho) / rho
//! ```
//!
//! with mean share `m` and overdispersion `rho`, the correlation of two of an account's draws. Fitted by moments:
//!
//! ```text
//! m   = mean of x / n
//! rho = (var(x / n) / (m (1 - m)) - mean(1 / n)) / (1 - mean(1 / n))
//! ```
//!
//! Cost: O(1) a likelihood. Reference: Kleinman 1973, doi:10.1080/01621459.1973.10481332.

use statrs::function::beta::ln_beta;

/// Sums over accounts from which a [`BetaBinomial`] is fitted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct ShareMoments {
    /// Accounts.
    pub(crate) accounts: f64,
    /// Sum of `x / n`.
    pub(crate) share: f64,
    /// Sum of `(x / n)^2`.
    pub(crate) square: f64,
    /// Sum of `1 / n`.
    pub(crate) inverse: f64,
}

impl ShareMoments {
    /// Counts an account with a weight; a negative one takes it out again.
    pub(crate) fn add(&mut self, x: u32, n: u32, weight: f64) {
        let share = f64::from(x) / f64::from(n);
        self.accounts += weight;
        self.share += weight * share;
        self.square += weight * share * share;
        self.inverse += weight / f64::from(n);
    }
}

/// A fitted distribution of shares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BetaBinomial {
    alpha: f64,
    beta: f64,
    log_norm: f64,
}

impl BetaBinomial {
    /// Fits by moments. Half an account of either sort is added to the mean, so that what was never seen isn't impossible;
    /// `rho` is kept at or above `least_overdispersion`, so that a few alike accounts don't make a narrow law.
    pub(crate) fn fit(moments: &ShareMoments, least_overdispersion: f64) -> Self {
        let mean = (moments.share + 0.5) / (moments.accounts + 1.0);
        let (raw, inverse) = (moments.share / moments.accounts.max(1.0), moments.inverse / moments.accounts.max(1.0));
        let variance = (moments.square / moments.accounts.max(1.0) - raw * raw).max(0.0);
        let spread = raw * (1.0 - raw);
        // One draw an account says nothing of how its draws go together.
        let measured = if spread > 0.0 && inverse < 1.0 { (variance / spread - inverse) / (1.0 - inverse) } else { 0.0 };
        let rho = measured.clamp(least_overdispersion, 0.95);
        let strength = (1.0 - rho) / rho;
        let (alpha, beta) = (mean * strength, (1.0 - mean) * strength);
        BetaBinomial { alpha, beta, log_norm: ln_beta(alpha, beta) }
    }

    /// Natural log of the likelihood of `x` of `n`, without the binomial coefficient, which cancels in ratios.
    pub(crate) fn log_likelihood(&self, x: u32, n: u32) -> f64 {
        ln_beta(f64::from(x) + self.alpha, f64::from(n - x) + self.beta) - self.log_norm
    }
}

/// A distribution with the logarithms of its rising factorials at hand: `ln (a)_x`, `ln (b)_y` and `ln (a + b)_n`.
#[derive(Clone, Debug)]
pub(crate) struct Tabulated {
    law: BetaBinomial,
    /// Entry `i` of each: the logarithm of the product of the first `i` factors.
    rising: [Vec<f64>; 3],
}

impl Tabulated {
    /// Tables for `n` below `length`; beyond, likelihoods are computed one by one. Cost: 3 logarithms an entry.
    pub(crate) fn new(law: BetaBinomial, length: usize) -> Self {
        let table = |start: f64| {
            let mut sum = 0.0;
            let next = |at| {
                let here = sum;
                sum += (start + f64::from(at)).ln();
                here
            };
            (0..length as u32).map(next).collect()
        };
        Tabulated { law, rising: [table(law.alpha), table(law.beta), table(law.alpha + law.beta)] }
    }

    /// As [`BetaBinomial::log_likelihood`], to rounding.
    pub(crate) fn log_likelihood(&self, x: u32, n: u32) -> f64 {
        let [of_x, of_rest, of_all] = &self.rising;
        match of_all.get(n as usize) {
            Some(all) => of_x[x as usize] + of_rest[(n - x) as usize] - all,
            None => self.law.log_likelihood(x, n),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Beta, Binomial, Distribution};

    fn moments(mean: f64, rho: f64, accounts: usize, seed: u64) -> ShareMoments {
        let strength = (1.0 - rho) / rho;
        let shares = Beta::new(mean * strength, (1.0 - mean) * strength).expect("positive parameters");
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut moments = ShareMoments::default();
        for at in 0..accounts {
            let n = 5 + (at % 40) as u32;
            let share = shares.sample(&mut random);
            let x = Binomial::new(u64::from(n), share).expect("a share").sample(&mut random);
            moments.add(x as u32, n, 1.0);
        }
        moments
    }

    #[test]
    fn the_fit_recovers_what_was_drawn() {
        for (mean, rho) in [(0.1, 0.2), (0.5, 0.5), (0.8, 0.05)] {
            let fitted = BetaBinomial::fit(&moments(mean, rho, 20_000, 3), 0.01);
            let strength = fitted.alpha + fitted.beta;
            assert!((fitted.alpha / strength - mean).abs() < 0.01, "{mean} {rho} {fitted:?}");
            assert!((1.0 / (1.0 + strength) - rho).abs() < 0.02, "{mean} {rho} {fitted:?}");
        }
    }

    #[test]
    fn likelihoods_of_all_outcomes_add_up_to_one() {
        let fitted = BetaBinomial::fit(&moments(0.3, 0.3, 500, 5), 0.01);
        let mut choose = 1.0;
        let total: f64 = (0..=12u32)
            .map(|x| {
                if x > 0 {
                    choose *= f64::from(13 - x) / f64::from(x);
                }
                choose * fitted.log_likelihood(x, 12).exp()
            })
            .sum();
        assert!((total - 1.0).abs() < 1e-9, "{total}");
    }

    #[test]
    fn tables_give_the_same_likelihoods() {
        let fitted = BetaBinomial::fit(&moments(0.02, 0.3, 500, 5), 0.01);
        let tables = Tabulated::new(fitted, 300);
        for n in [0, 1, 7, 299, 300, 5_000] {
            for x in [0, n / 3, n] {
                let (exact, read) = (fitted.log_likelihood(x, n), tables.log_likelihood(x, n));
                assert!((exact - read).abs() < 1e-9 * (1.0 + exact.abs()), "{x} of {n}: {exact} {read}");
            }
        }
    }

    #[test]
    fn one_draw_is_a_coin_with_the_mean_share() {
        let mut coins = ShareMoments::default();
        (0..99).for_each(|at| coins.add(u32::from(at < 33), 1, 1.0));
        let fitted = BetaBinomial::fit(&coins, 0.1);
        assert!((fitted.log_likelihood(1, 1).exp() - 33.5 / 100.0).abs() < 1e-12);
    }

    #[test]
    fn what_was_never_seen_is_rare_but_possible() {
        let mut none = ShareMoments::default();
        (0..999).for_each(|_| none.add(0, 3, 1.0));
        let fitted = BetaBinomial::fit(&none, 0.02);
        let one = 3.0 * fitted.log_likelihood(1, 3).exp();
        assert!(one > 1e-4 && one < 2e-3, "{one}");
    }
}
