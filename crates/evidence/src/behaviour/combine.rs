//! What do several dependent tests say together?
//!
//! [`harmonic_mean_p`]: 1 / mean(1/p), made asymptotically exact by the Landau distribution; robust to positive dependence, best
//! when a few tests are strong (Wilson 2019, doi:10.1073/pnas.1814092116).
//!
//! Conditions: each p valid on its own. Cost: O(n).

use std::f64::consts::{FRAC_PI_2, LOG10_E, PI};

use crate::Signal;

/// One signal of tests that may depend on each other: the harmonic mean p, with -log10 of it as the value, and the bits of the
/// mean of the tests' e-values, which is an e-value under any dependence (Vovk & Wang 2021, doi:10.1214/20-AOS2020). The value
/// expected is the mean of -log10 of a uniform p, log10 e. `None` of none.
pub(crate) fn combined<'a>(tests: impl IntoIterator<Item = &'a Option<Signal>>) -> Option<Signal> {
    let measured: Vec<(f64, f64)> = tests.into_iter().flatten().filter_map(|test| Some((test.p_value?, test.bits))).collect();
    let p = harmonic_mean_p(&measured.iter().map(|&(p, _)| p).collect::<Vec<_>>())?;
    let bits = (measured.iter().map(|&(_, bits)| bits.exp2()).sum::<f64>() / measured.len() as f64).log2();
    Some(Signal { value: -p.log10(), expected: LOG10_E, bits, p_value: Some(p), power: None })
}

/// The asymptotically exact harmonic mean p of equally weighted tests; `None` of none.
pub fn harmonic_mean_p(p_values: &[f64]) -> Option<f64> {
    let count = p_values.len() as f64;
    if p_values.len() < 2 {
        return p_values.first().copied();
    }
    let inverse = p_values.iter().map(|p| 1.0 / p.clamp(f64::MIN_POSITIVE, 1.0)).sum::<f64>() / count;
    // 1/p is Landau with location ln(L) + 0.874 and scale pi/2.
    Some(landau_sf((inverse - count.ln() - 0.874) / FRAC_PI_2).clamp(f64::MIN_POSITIVE, 1.0))
}

/// P(X > z) of the Landau distribution in Wilson's parametrisation:
/// (1/pi) int_0^inf exp(-t z - (2/pi) t ln t) sin(2t) / t dt. By Simpson's rule in s = t max(z, 1).
fn landau_sf(z: f64) -> f64 {
    if z > 1e6 {
        return 2.0 / (PI * z);
    }
    if z < -2.5 {
        return 1.0;
    }
    let scale = z.max(1.0);
    let value = |s: f64| {
        let t = s / scale;
        if t == 0.0 { 2.0 } else { (-t * z - 2.0 / PI * t * t.ln()).exp() * (2.0 * t).sin() / t }
    };
    let (steps, end) = (8_000, 80.0);
    let width = end / steps as f64;
    let inner: f64 = (1..steps).map(|step| value(step as f64 * width) * if step % 2 == 1 { 4.0 } else { 2.0 }).sum();
    ((value(0.0) + inner + value(end)) * width / 3.0 / scale / PI).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::super::random::{Stream, key};
    use super::*;

    #[test]
    fn hand_values() {
        assert_eq!(harmonic_mean_p(&[]), None);
        assert_eq!(harmonic_mean_p(&[0.2]), Some(0.2));
        assert!((landau_sf(1e6 - 1.0) / landau_sf(1e6 + 1.0) - 1.0).abs() < 1e-2);
    }

    #[test]
    fn combined_p_values_keep_their_level_and_combine() {
        let (runs, level) = (4_000, 0.05);
        let (mut harmonic, mut dependent) = (0, 0);
        for run in 0..runs {
            let mut stream = Stream::new(key(&[run]));
            let p: Vec<f64> = (0..5).map(|_| stream.unit().max(1e-12)).collect();
            harmonic += usize::from(harmonic_mean_p(&p).unwrap() <= level);
            dependent += usize::from(harmonic_mean_p(&[p[0], p[0], p[0], p[1]]).unwrap() <= level);
        }
        let limit = level * runs as f64 + 3.0 * (level * runs as f64).sqrt();
        assert!((harmonic as f64) < limit && (dependent as f64) < limit, "{harmonic} {dependent}");
        assert!(harmonic as f64 > 0.7 * level * runs as f64);
        assert!(harmonic_mean_p(&[1e-6, 0.9, 0.8, 0.7, 0.99]).unwrap() < 1e-5);
    }
}
