//! How far off can a count or a share be?
//!
//! - *Poisson binomial*: the number of successes of independent trials with probabilities of their own, by convolution: exact,
//!   and O(trials x largest count that matters). Hong 2013, doi:10.1016/j.csda.2012.10.006. Mixtures and sums of such counts
//!   are exact as well.
//! - *Clopper and Pearson*: the exact interval of a share of which `successes` in `trials` were seen,
//!   doi:10.1093/biomet/26.4.404. It covers at least 95%.
//! - *Jeffreys*: the interval of the posterior Beta(x + 1/2, n - x + 1/2): covers 95% on average (Brown, Cai & DasGupta 2001,
//!   doi:10.1214/ss/1009213286).
//! - *Garwood*: the exact interval of the mean of a Poisson count, doi:10.1093/biomet/28.3-4.437.
//!
//! All are central, at 95%.

use statrs::distribution::{Beta, ContinuousCDF, Gamma};

const LOW: f64 = 0.025;
const HIGH: f64 = 0.975;

/// Probabilities below this at either end of a distribution are left out of it.
const NEGLIGIBLE: f64 = 1e-15;

/// The distribution of a count: `mass[i]` is the probability of `from + i`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Count {
    from: u64,
    mass: Vec<f64>,
}

impl Count {
    /// A count that is certain.
    pub(crate) fn certain(count: u64) -> Self {
        Count { from: count, mass: vec![1.0] }
    }

    /// Successes of independent trials.
    pub(crate) fn of_trials(probabilities: impl IntoIterator<Item = f64>) -> Self {
        let (mut count, mut next) = (Count::certain(0), Vec::new());
        for probability in probabilities.into_iter().filter(|&probability| probability > 0.0) {
            let (yes, no) = (probability.min(1.0), 1.0 - probability.min(1.0));
            let mass = &mut count.mass;
            // Into another list, so that the processor can take several at once.
            next.resize(mass.len() + 1, 0.0);
            next[0] = mass[0] * no;
            next[mass.len()] = mass[mass.len() - 1] * yes;
            let both = mass.iter().zip(&mass[1..]);
            next[1..mass.len()].iter_mut().zip(both).for_each(|(next, (fewer, same))| *next = same * no + fewer * yes);
            std::mem::swap(mass, &mut next);
            count.trim();
        }
        count
    }

    /// This count with probability `chance`, and `other` else. O(the range of both).
    pub(crate) fn or(self, chance: f64, other: Self) -> Self {
        let end = |count: &Count| count.from + count.mass.len() as u64;
        let from = self.from.min(other.from);
        let mut mass = vec![0.0; (end(&self).max(end(&other)) - from) as usize];
        for (count, share) in [(&self, chance), (&other, 1.0 - chance)] {
            let place = (count.from - from) as usize;
            mass[place..].iter_mut().zip(&count.mass).for_each(|(sum, mass)| *sum += share * mass);
        }
        let mut count = Count { from, mass };
        count.trim();
        count
    }

    /// The sum of this and another count that is independent of it. O(values that this can have x range of the other).
    pub(crate) fn plus(self, other: &Self) -> Self {
        let mut mass = vec![0.0; self.mass.len() + other.mass.len() - 1];
        for (place, &this) in self.mass.iter().enumerate().filter(|(_, this)| **this > 0.0) {
            mass[place..].iter_mut().zip(&other.mass).for_each(|(sum, other)| *sum += this * other);
        }
        let mut count = Count { from: self.from + other.from, mass };
        count.trim();
        count
    }

    /// Its central interval.
    pub(crate) fn interval(&self) -> (u64, u64) {
        let quantile = |target: f64| {
            let mut sum = 0.0;
            let below = self.mass.iter().take_while(|&&mass| {
                sum += mass;
                sum < target
            });
            self.from + (below.count() as u64).min(self.mass.len() as u64 - 1)
        };
        (quantile(LOW), quantile(HIGH))
    }

    /// The probability that it is so many or more.
    pub(crate) fn at_least(&self, count: u64) -> f64 {
        let below = count.saturating_sub(self.from).min(self.mass.len() as u64) as usize;
        (1.0 - self.mass[..below].iter().sum::<f64>()).max(0.0)
    }

    /// Leaves out what is negligible at either end.
    fn trim(&mut self) {
        while self.mass.len() > 1 && self.mass[self.mass.len() - 1] < NEGLIGIBLE {
            self.mass.pop();
        }
        let low = self.mass.iter().take_while(|&&mass| mass < NEGLIGIBLE).count().min(self.mass.len() - 1);
        self.mass.drain(..low);
        self.from += low as u64;
    }
}

/// The central interval of the number of successes of independent trials.
pub(crate) fn poisson_binomial(probabilities: impl IntoIterator<Item = f64>) -> (u64, u64) {
    Count::of_trials(probabilities).interval()
}

/// The exact interval of a share; everything where nothing was tried.
pub(crate) fn clopper_pearson(successes: u64, trials: u64) -> (f64, f64) {
    let (x, n) = (successes as f64, trials as f64);
    let low = if successes == 0 { 0.0 } else { beta_quantile(x, n - x + 1.0, LOW) };
    let high = if successes >= trials { 1.0 } else { beta_quantile(x + 1.0, n - x, HIGH) };
    (low, high)
}

/// The interval of the posterior of a share under Jeffreys' prior; an end at which nothing else was seen is the end itself.
pub(crate) fn jeffreys(successes: u64, trials: u64) -> (f64, f64) {
    let (a, b) = (successes as f64 + 0.5, trials as f64 - successes as f64 + 0.5);
    let low = if successes == 0 { 0.0 } else { beta_quantile(a, b, LOW) };
    let high = if successes >= trials { 1.0 } else { beta_quantile(a, b, HIGH) };
    (low, high)
}

/// The exact interval of the mean of a Poisson variable that was `count`.
pub(crate) fn garwood(count: u64) -> (f64, f64) {
    let quantile = |shape: f64, target| Gamma::new(shape, 1.0).map_or(f64::NAN, |gamma| gamma.inverse_cdf(target));
    let low = if count == 0 { 0.0 } else { quantile(count as f64, LOW) };
    (low, quantile(count as f64 + 1.0, HIGH))
}

fn beta_quantile(a: f64, b: f64, target: f64) -> f64 {
    Beta::new(a, b).map_or(f64::NAN, |beta| beta.inverse_cdf(target))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    use super::*;

    fn near((low, high): (f64, f64), expected: (f64, f64)) {
        assert!((low - expected.0).abs() < 1e-3 && (high - expected.1).abs() < 1e-3, "{low} {high}, expected {expected:?}");
    }

    #[test]
    fn intervals_are_those_of_the_tables() {
        // R: binom.test(x, n)$conf.int; qbeta(c(.025, .975), x + .5, n - x + .5); poisson.test(x)$conf.int
        near(clopper_pearson(0, 10), (0.0, 0.3085));
        near(clopper_pearson(5, 10), (0.1871, 0.8129));
        near(clopper_pearson(10, 10), (0.6915, 1.0));
        assert_eq!(clopper_pearson(0, 0), (0.0, 1.0));
        near(jeffreys(5, 10), (0.2235, 0.7765));
        near(jeffreys(1, 20), (0.0056, 0.2104));
        near(garwood(0), (0.0, 3.6889));
        near(garwood(10), (4.7954, 18.3904));
    }

    #[test]
    fn certain_trials_leave_no_doubt() {
        assert_eq!(poisson_binomial([]), (0, 0));
        assert_eq!(poisson_binomial([1.0, 1.0, 0.0]), (2, 2));
        // R: qbinom(c(.025, .975), 1000, .1)
        assert_eq!(poisson_binomial([0.1; 1000]), (82, 119));
        // A thousand certain ones move the same interval.
        assert_eq!(poisson_binomial([vec![0.1; 1000], vec![1.0; 1000]].concat()), (1082, 1119));
    }

    #[test]
    fn a_mixture_has_the_interval_of_both_and_sums_add_up() {
        // With .47 all of 165: from none to all. With .02 it is beyond the interval's end, with .03 it is the end.
        let mixed = |chance: f64| Count::of_trials([0.0; 165]).or(chance, Count::certain(165));
        assert_eq!(mixed(0.53).interval(), (0, 165));
        assert_eq!((mixed(0.98).interval(), mixed(0.97).interval(), mixed(0.0).interval()), ((0, 0), (0, 165), (165, 165)));
        // Two coins of ten and three: 0, 3, 10, 13 with a quarter each.
        let coin = |count: u64| Count::certain(0).or(0.5, Count::certain(count));
        let sum = coin(10).plus(&coin(3));
        assert!([0, 3, 10, 13].iter().all(|&at: &usize| (sum.mass[at] - 0.25).abs() < 1e-12), "{sum:?}");
        assert!((sum.mass.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        // Trials in two parts are the trials.
        let (parts, whole) = (Count::of_trials([0.1; 40]).plus(&Count::of_trials([0.1; 60])), Count::of_trials([0.1; 100]));
        assert_eq!(parts.interval(), whole.interval());
    }

    #[test]
    fn the_interval_covers_what_it_says() {
        // Simulation: a share of 8%, seen in 60 trials, 4,000 times.
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let mut uniform = || f64::from(random.next_u32()) / f64::from(u32::MAX);
        let (mut exact, mut average) = (0, 0);
        for _ in 0..4_000 {
            let seen = (0..60).filter(|_| uniform() < 0.08).count() as u64;
            let covers = |(low, high): (f64, f64)| u32::from((low..=high).contains(&0.08));
            exact += covers(clopper_pearson(seen, 60));
            average += covers(jeffreys(seen, 60));
        }
        assert!(exact >= 3_800, "Clopper and Pearson cover at least 95%: {exact} of 4000");
        assert!((3_600..=3_950).contains(&average), "Jeffreys covers about 95%: {average} of 4000");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// Against all 2^n outcomes.
        #[test]
        fn the_convolution_is_the_sum_over_all_outcomes(probabilities in prop::collection::vec(0.0f64..1.0, 1..10)) {
            let mut mass = vec![0.0; probabilities.len() + 1];
            for outcome in 0..1u32 << probabilities.len() {
                let one = |(at, &p): (usize, &f64)| if outcome >> at & 1 == 1 { p } else { 1.0 - p };
                mass[outcome.count_ones() as usize] += probabilities.iter().enumerate().map(one).product::<f64>();
            }
            let quantile = |target: f64| {
                (0..mass.len()).find(|&most| mass[..=most].iter().sum::<f64>() >= target).unwrap_or(mass.len() - 1) as u64
            };
            let (low, high) = poisson_binomial(probabilities.iter().copied());
            prop_assert!(low.abs_diff(quantile(LOW)) == 0 && high.abs_diff(quantile(HIGH)) == 0);
        }
    }
}
