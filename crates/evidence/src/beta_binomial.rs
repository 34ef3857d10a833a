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
//! Who has many identifiers may spread them otherwise than who has few: one stranger in a hundred shares two of its three with
//! a pool, and nobody thirty of sixty. So there may be a law for each [`stratum`] of `n` ([`Strata`]).
//!
//! Cost: O(1) a likelihood. Reference: Kleinman 1973, doi:10.1080/01621459.1973.10481332.

use statrs::function::beta::ln_beta;

/// As how many accounts of a stratum all accounts together count.
const POOLED_ACCOUNTS: f64 = 20.0;
/// Below this stratum, with fewer than eight identifiers, there is no law but that of all accounts: so few draws don't tell how
/// accounts differ from how draws do.
const LEAST_STRATUM: usize = 3;

/// Accounts with at most 1, 2 to 3, 4 to 7 identifiers and so on are one stratum each.
pub(crate) fn stratum(identifiers: u32) -> usize {
    identifiers.max(1).ilog2() as usize
}

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

    fn add_all(&mut self, others: &ShareMoments, weight: f64) {
        self.accounts += weight * others.accounts;
        self.share += weight * others.share;
        self.square += weight * others.square;
        self.inverse += weight * others.inverse;
    }
}

/// The moments of each [`stratum`].
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Strata {
    moments: Vec<ShareMoments>,
}

impl Strata {
    /// As [`ShareMoments::add`].
    pub(crate) fn add(&mut self, x: u32, n: u32, weight: f64) {
        let stratum = stratum(n);
        if stratum >= self.moments.len() {
            self.moments.resize(stratum + 1, ShareMoments::default());
        }
        self.moments[stratum].add(x, n, weight);
    }

    /// Fits a law to each stratum, in which all accounts together count as `POOLED_ACCOUNTS` more. Tables are for `n` below
    /// `length`.
    pub(crate) fn fit(&self, least_overdispersion: f64, length: usize) -> Stratified {
        let mut pooled = ShareMoments::default();
        self.moments.iter().for_each(|moments| pooled.add_all(moments, 1.0));
        let of_all = BetaBinomial::fit(&pooled, least_overdispersion);
        let share = POOLED_ACCOUNTS / pooled.accounts.max(POOLED_ACCOUNTS);
        let law = |(stratum, moments): (usize, &ShareMoments)| {
            let law = if stratum < LEAST_STRATUM {
                of_all
            } else {
                let mut moments = *moments;
                moments.add_all(&pooled, share);
                BetaBinomial::smoothed(&moments, share, least_overdispersion)
            };
            Tabulated::new(law, length.min(2 << stratum))
        };
        Stratified { laws: self.moments.iter().enumerate().map(law).collect() }
    }
}

/// A law for each [`stratum`].
#[derive(Clone, Debug)]
pub(crate) struct Stratified {
    laws: Vec<Tabulated>,
}

impl Stratified {
    /// The law of accounts with about `n` identifiers, or with the most that anybody has whom the laws were fitted to.
    ///
    /// # Panics
    /// If they were fitted to nobody.
    pub(crate) fn law_of(&self, n: u32) -> &Tabulated {
        &self.laws[stratum(n).min(self.laws.len() - 1)]
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
    /// `rho` is kept at or above `least_overdispersion`, so that a few alike accounts don't make a narrow law. What it is above
    /// that counts as `k / (k + 1)`, where `k` is the sum of the shares.
    pub(crate) fn fit(moments: &ShareMoments, least_overdispersion: f64) -> Self {
        BetaBinomial::smoothed(moments, 1.0, least_overdispersion)
    }

    /// As [`BetaBinomial::fit`], with `added` accounts, half of either sort.
    fn smoothed(moments: &ShareMoments, added: f64, least_overdispersion: f64) -> Self {
        let mean = (moments.share + added / 2.0) / (moments.accounts + added);
        let (raw, inverse) = (moments.share / moments.accounts.max(1.0), moments.inverse / moments.accounts.max(1.0));
        let variance = (moments.square / moments.accounts.max(1.0) - raw * raw).max(0.0);
        let spread = raw * (1.0 - raw);
        // One draw an account says nothing of how its draws go together.
        let measured = if spread > 0.0 && inverse < 1.0 { (variance / spread - inverse) / (1.0 - inverse) } else { 0.0 };
        // A trace of one account that is all of one sort would have the largest rho there is.
        let mass = moments.share.max(0.0);
        let above = (measured - least_overdispersion).max(0.0) * mass / (mass + 1.0);
        let rho = (least_overdispersion + above).min(0.95);
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
    fn a_trace_of_one_account_makes_no_wide_law() {
        // Fifty that share nothing, and a hundredth of one that shares all.
        let (mut none, mut trace) = (ShareMoments::default(), ShareMoments::default());
        (0..50).for_each(|_| none.add(0, 20, 1.0));
        trace.add_all(&none, 1.0);
        trace.add(20, 20, 0.01);
        let bits = |moments: &ShareMoments| BetaBinomial::fit(moments, 0.02).log_likelihood(18, 20) * std::f64::consts::LOG2_E;
        assert!(bits(&none) < -30.0 && bits(&trace) < bits(&none) + 10.0, "{} {}", bits(&none), bits(&trace));
        (0..10).for_each(|_| trace.add(20, 20, 1.0));
        assert!(bits(&trace) > -20.0, "{}", bits(&trace));
    }

    #[test]
    fn who_has_many_is_judged_by_those_who_have_many() {
        // Of 2,000 accounts with ten identifiers each, one in ten shares five of them; of 500 with sixty, nobody shares more
        // than two.
        let mut strata = Strata::default();
        (0..2_000).for_each(|at| strata.add(if at % 10 == 0 { 5 } else { 0 }, 10, 1.0));
        (0..500).for_each(|at| strata.add(at % 3, 60, 1.0));
        let laws = strata.fit(0.02, 100);
        let bits = |x, n| laws.law_of(n).log_likelihood(x, n) * std::f64::consts::LOG2_E;
        let mut pooled = ShareMoments::default();
        strata.moments.iter().for_each(|moments| pooled.add_all(moments, 1.0));
        let pooled = |x, n| BetaBinomial::fit(&pooled, 0.02).log_likelihood(x, n) * std::f64::consts::LOG2_E;
        assert!(bits(30, 60) < pooled(30, 60) - 10.0, "{} {}", bits(30, 60), pooled(30, 60));
        assert!((bits(5, 10) - pooled(5, 10)).abs() < 3.0, "{} {}", bits(5, 10), pooled(5, 10));
        // Few don't tell how accounts differ.
        let mut few = Strata::default();
        (0..500).for_each(|at| few.add(at % 2, 2 + 50 * (at % 2), 1.0));
        assert_eq!(few.fit(0.02, 100).law_of(2).law, few.fit(0.02, 100).law_of(3).law);
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
