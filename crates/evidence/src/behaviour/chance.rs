//! How surprising is a measurement under its null, and how many bits is that worth?
//!
//! **p-value.** A test hands over one or more statistics (larger = more like an operator) and a way to draw them under the
//! null.
//! 1. *screen*: stop after 39 draws if p is above .3 already, and after 99 if it is above .1;
//! 2. *confirm*: all `draws` draws. p = (1 + b) / (1 + B), the Monte-Carlo p-value that counts the observation itself, valid
//!    for any B (Phipson & Smyth 2010, doi:10.2202/1544-6115.1585);
//! 3. several statistics: the smallest of their ranks is itself ranked among the draws' smallest ranks (Westfall & Young 1993),
//!    which keeps p valid under any dependence between them.
//!
//! Stopping early only ever returns p > .1, so P(p <= a) <= a stays true for every a <= .1.
//!
//! **Bits.** log2 of the e-value E(p) = (1 - p + p ln p) / (p ln^2 p), the uniform mixture over k of the calibrators k p^(k-1)
//! (Vovk & Wang 2021, doi:10.1214/20-AOS2020): the likelihood ratio of "p has density k p^(k-1), k unknown" against "p is
//! uniform". For a valid p its expectation under the null is at most 1; p = 1 is worth -1 bit. An observation beyond all draws
//! is placed on the tail by the exponential (shape 0) generalised Pareto fit of Knijnenburg et al. 2009
//! (doi:10.1093/bioinformatics/btp211), no further than [`TAIL_FLOOR`]; the reported p-value stays the Monte-Carlo one. A statistic
//! that counts takes few values, and the exponential law of its excess over one of them would promise too much by orders of
//! magnitude: there it is the geometric law of the same mean, the discrete case of that tail (Hitz, Davis & Samorodnitsky 2017,
//! arXiv:1707.05033), with the smallest step between two of its values. The fit
//! is exact for exponential tails, careful for lighter ones, and promises too much for heavier ones: simulated, the bits'
//! likelihood ratio has mean .85 for normal statistics, 3.1 for lognormal and 3.4 for Student's t of 3.
//!
//! **Several nulls.** Where any of several may hold, the one that says least counts, and all go through the stages together
//! (`monte_carlo_of`): as soon as one of them explains what is seen, the others needn't be drawn any further.
//!
//! Cost: draws x (cost of a draw) + draws log draws.

use crate::Signal;

/// Draws of the early stages, and the p-value above which the test ends there.
const SCREENS: [(usize, f64); 2] = [(39, 0.3), (99, 0.1)];
/// No smaller probability is claimed, extrapolated or computed.
pub const TAIL_FLOOR: f64 = 1e-6;

/// By how much, of itself, a statistic of exact times may exceed what chance gives without being evidence. No null of people and
/// timers is exact, and hundreds of accounts would show any error in it: groups known to be harmless exceed their nulls by up to 4%,
/// and groups that one scheduler serves by a quarter and more.
pub const MODEL_ERROR: f64 = 0.1;

/// What a Monte-Carlo test found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chance {
    /// The Monte-Carlo p-value.
    pub(crate) p_value: f64,
    /// Bits of the e-value.
    pub(crate) bits: f64,
    /// Mean of each statistic over the draws.
    pub(crate) expected: Vec<f64>,
}

impl Chance {
    /// What is left where either null may hold: the one that says less.
    pub(crate) fn weaker(self, other: Chance) -> Chance {
        if other.bits < self.bits { other } else { self }
    }
}

/// Tests `observed` against draws of the same statistics; `draw(n, &mut statistics)` fills the `n`-th draw.
pub(crate) fn monte_carlo(observed: &[f64], draws: usize, mut draw: impl FnMut(usize, &mut [f64])) -> Chance {
    let [chance] = monte_carlo_of([observed], draws, |_, n, out| draw(n, out));
    chance
}

/// The same against several nulls of which any may hold, so that the one that says least counts: `draw(null, n, &mut statistics)`
/// fills the `n`-th draw of one. All go through the stages together, and none goes on to the next where one of them ends.
pub(crate) fn monte_carlo_of<const NULLS: usize>(
    observed: [&[f64]; NULLS],
    draws: usize,
    mut draw: impl FnMut(usize, usize, &mut [f64]),
) -> [Chance; NULLS] {
    let mut all = observed.map(Drawn::new);
    for (stage, screen) in SCREENS.into_iter().chain([(draws, 1.0)]) {
        for (null, drawn) in all.iter_mut().enumerate() {
            drawn.draw_up_to(stage.min(draws), |n, out| draw(null, n, out));
        }
        if all.iter().any(|drawn| drawn.p_value > screen) {
            break;
        }
    }
    all.map(Drawn::chance)
}

/// An observation and draws of it.
struct Drawn {
    /// Statistics of the observation, then of each draw.
    rows: Vec<f64>,
    /// Statistics of each.
    width: usize,
    p_value: f64,
}

impl Drawn {
    fn new(observed: &[f64]) -> Drawn {
        Drawn { rows: observed.to_vec(), width: observed.len(), p_value: 1.0 }
    }

    /// Draws until there are `count`.
    fn draw_up_to(&mut self, count: usize, mut draw: impl FnMut(usize, &mut [f64])) {
        let Drawn { rows, width, .. } = self;
        while rows.len() < (count + 1) * *width {
            let at = rows.len();
            rows.resize(at + *width, 0.0);
            draw(at / *width - 1, &mut rows[at..]);
        }
        self.p_value = smallest_rank_p(rows, *width);
    }

    fn chance(self) -> Chance {
        let Drawn { rows, width, p_value } = self;
        let count = rows.len() / width - 1;
        let expected = (0..width).map(|at| (1..=count).map(|row| rows[row * width + at]).sum::<f64>() / count as f64).collect();
        let tail = (0..width).filter_map(|at| tail_probability(&rows, width, at)).fold(1.0, f64::min) * width as f64;
        Chance { p_value, bits: bits_of_p(p_value.min(tail)), expected }
    }
}

/// Share of rows (the observation is row 0) whose best rank is at least as good as the observation's.
fn smallest_rank_p(rows: &[f64], width: usize) -> f64 {
    let count = rows.len() / width;
    if width == 1 {
        // One statistic ranks itself.
        return rows.iter().filter(|value| value.total_cmp(&rows[0]).is_ge()).count() as f64 / count as f64;
    }
    let mut best = vec![usize::MAX; count];
    let mut column = Vec::with_capacity(count);
    for at in 0..width {
        column.clear();
        column.extend((0..count).map(|row| rows[row * width + at]));
        column.sort_unstable_by(f64::total_cmp);
        for row in 0..count {
            let value = rows[row * width + at];
            let rank = count - column.partition_point(|&other| other.total_cmp(&value).is_lt());
            best[row] = best[row].min(rank);
        }
    }
    best.iter().filter(|&&rank| rank <= best[0]).count() as f64 / count as f64
}

/// Exponential tail fitted to the largest tenth of the draws, where the observation lies beyond all of them; geometric where draws
/// take one value twice.
fn tail_probability(rows: &[f64], width: usize, at: usize) -> Option<f64> {
    let observed = rows[at];
    let mut draws: Vec<f64> = rows.chunks_exact(width).skip(1).map(|row| row[at]).collect();
    draws.sort_unstable_by(|left, right| right.total_cmp(left));
    let tail = (draws.len() / 10).max(10);
    if draws.len() <= tail || observed <= draws[0] {
        return None;
    }
    let threshold = draws[tail];
    let mean_excess = draws[..tail].iter().map(|value| value - threshold).sum::<f64>() / tail as f64;
    if mean_excess <= 0.0 {
        return None;
    }
    let (share, excess) = (tail as f64 / draws.len() as f64, observed - threshold);
    let beyond = match step_of(&draws[..=tail], observed) {
        // P(X >= x) = (k / B) (mean excess / (mean excess + step))^((x - u) / step)
        Some(step) => (mean_excess / (mean_excess + step)).powf(excess / step),
        // P(X > x) = (k / B) exp(-(x - u) / mean excess)
        None => (-excess / mean_excess).exp(),
    };
    Some((share * beyond).max(TAIL_FLOOR))
}

/// The smallest step between two values, of the largest draws and the observation, where draws take one value twice; `None` where
/// all differ. `largest` descends.
fn step_of(largest: &[f64], observed: f64) -> Option<f64> {
    let steps = || largest.windows(2).map(|pair| pair[0] - pair[1]);
    let repeats = steps().any(|step| step == 0.0);
    let smallest = steps().filter(|&step| step > 0.0).fold(observed - largest[0], f64::min);
    repeats.then_some(smallest)
}

/// Bits of a p-value: log2 E(p), E(p) = (1 - p + p ln p) / (p ln^2 p), from -1 at p = 1 upwards without bound.
pub fn bits_of_p(p_value: f64) -> f64 {
    let p = p_value.clamp(f64::MIN_POSITIVE, 1.0);
    let gap = 1.0 - p;
    if gap < 1e-4 {
        // E(p) = 1/2 + (1 - p) / 6 + O((1 - p)^2): the quotient is 0 / 0 there.
        return (0.5 + gap / 6.0).log2();
    }
    let log = p.ln();
    ((gap + p * log) / (p * log * log)).log2()
}

/// Whether the bits of a test that isn't made of others say more than its p-value: they rest on a fitted tail.
pub fn is_beyond_draws(signal: &Signal) -> bool {
    // Where nothing speaks against an operator, bits end at 0 whatever the p-value is.
    signal.p_value.is_some_and(|p| signal.bits > bits_of_p(p).max(0.0) + 1e-6)
}

/// A signal whose p-value has a closed form, down to [`TAIL_FLOOR`]: no null is right that far out.
pub(crate) fn closed_form(value: f64, expected: f64, p_value: f64) -> Signal {
    let p_value = p_value.clamp(TAIL_FLOOR, 1.0);
    Signal { value, expected, bits: bits_of_p(p_value), p_value: Some(p_value), power: None }
}

#[cfg(test)]
mod tests {
    use super::super::random::{Stream, key};
    use super::*;

    #[test]
    fn bits_are_a_calibrated_e_value() {
        // The integral of E over [0, 1] is at most 1: midpoint rule on a grid that is fine near 0.
        let steps = 200_000;
        let mut integral = 0.0;
        for step in 0..steps {
            let (low, high) = ((step as f64 / steps as f64).powi(4), ((step + 1) as f64 / steps as f64).powi(4));
            integral += bits_of_p((low + high) / 2.0).exp2() * (high - low);
        }
        assert!(integral <= 1.0 && integral > 0.95, "{integral}");
        assert!((bits_of_p(1.0) + 1.0).abs() < 1e-12);
        assert!((bits_of_p(0.9999 - 1e-9) - bits_of_p(0.9999 + 1e-9)).abs() < 1e-4);
        assert!(bits_of_p(1e-6) > 12.0);
    }

    #[test]
    fn counts_beyond_all_draws_are_placed_by_a_geometric_tail() {
        // 199 draws: 170 of 0, 25 of 1 and 4 of 2. Over 1, the twentieth, the mean excess of the 19 largest is 4 / 19, so that each
        // further one is there in 4 / 23 of the cases, and a 3 in 19 / 199 (4 / 23)^2. By the exponential law it were 7 in a million.
        let draw = |n: usize, out: &mut [f64]| out[0] = if n < 4 { 2.0 } else { f64::from(n < 29) };
        let found = monte_carlo(&[3.0], 199, draw);
        assert_eq!(found.p_value, 1.0 / 200.0);
        let p = 19.0 / 199.0 * (4.0f64 / 23.0).powi(2);
        assert!((found.bits - bits_of_p(p)).abs() < 1e-9, "{} {}", found.bits, bits_of_p(p));
        // The same in other units, and no further than the step between values allows where there is none.
        let shares = monte_carlo(&[3.0 / 7.0], 199, |n, out| {
            draw(n, out);
            out[0] /= 7.0;
        });
        assert!((shares.bits - found.bits).abs() < 1e-9);
    }

    #[test]
    fn of_several_nulls_none_is_drawn_further_where_one_ends() {
        let run = |observed: [f64; 2]| {
            let mut drawn = [0, 0];
            let tested = observed.each_ref().map(std::slice::from_ref);
            let chances = monte_carlo_of(tested, 199, |null, n, out| {
                assert_eq!(n, drawn[null]);
                drawn[null] += 1;
                out[0] = Stream::new(key(&[null as u64, n as u64])).unit();
            });
            (chances, drawn)
        };
        assert_eq!(run([2.0, 0.5]).1, [39, 39]);
        assert_eq!(run([0.8, 2.0]).1, [99, 99]);
        let (both, drawn) = run([2.0, 0.95]);
        assert_eq!(drawn, [199, 199]);
        for (null, chance) in both.into_iter().enumerate() {
            let alone = monte_carlo(&[[2.0, 0.95][null]], 199, |n, out| {
                out[0] = Stream::new(key(&[null as u64, n as u64])).unit();
            });
            assert_eq!(alone, chance);
        }
    }

    #[test]
    fn bits_of_counts_are_an_e_value_as_well() {
        // Geometric counts, as the most of creations in a window: the mean likelihood ratio under the null is about 1 at most.
        let geometric = |key: u64| (Stream::new(key).unit().max(1e-300).ln() / 0.3f64.ln()).floor();
        let groups = 2_000;
        let ratio = |group: u64| {
            let draw = |n: usize, out: &mut [f64]| out[0] = geometric(key(&[group, n as u64]));
            monte_carlo(&[geometric(key(&[group, 1 << 40]))], 199, draw).bits.exp2()
        };
        let mean = (0..groups).map(ratio).sum::<f64>() / groups as f64;
        assert!(mean < 1.5, "{mean}");
    }

    #[test]
    fn monte_carlo_p_values_are_super_uniform_and_have_power() {
        let (groups, mut small, mut found) = (400, 0, 0);
        for group in 0..groups {
            let draw = |n: usize, out: &mut [f64]| {
                let mut stream = Stream::new(key(&[group, n as u64]));
                out[0] = stream.unit() + stream.unit();
                out[1] = out[0] + stream.unit();
            };
            let mut observed = [0.0; 2];
            draw(1 << 40, &mut observed);
            small += usize::from(monte_carlo(&observed, 199, draw).p_value <= 0.05);
            found += usize::from(monte_carlo(&[2.5, 3.5], 199, draw).p_value <= 0.01);
        }
        assert!(small as f64 <= 0.05 * groups as f64 + 3.0 * (0.05 * 0.95 * groups as f64).sqrt(), "{small}");
        assert_eq!(found, groups as usize);
    }
}
