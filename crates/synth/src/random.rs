//! Where does chance come from? One ChaCha8 stream per entity, and a keyed mixer for facts that must be looked up rather than
//! drawn.
//!
//! A stream is named by (seed, domain, entity, day). Two entities never share one, so it makes no difference in which order, or
//! on which thread, entities are visited: the world is a function of its configuration.
//!
//! Bernstein, ChaCha, a variant of Salsa20 (2008). The mixer is the finaliser of SplitMix64 (Steele, Lea, Flood,
//! doi:10.1145/2714064.2660195): a bijection of 64 bits, so distinct inputs give distinct tokens.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Poisson};

/// What a stream or a hash is for.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(crate) enum Domain {
    Plan = 1,
    Day,
    Isp,
    Home,
    Lease,
    Interface,
    Hotspot,
    Gateway,
    Exit,
    Site,
    Server,
    Viral,
    Adoption,
    Repertoire,
    Taste,
    Pool,
    PoolDay,
    WarmUp,
    ProxyExit,
    Static,
    Shuffle,
    AccountToken,
    CardToken,
    TemplateToken,
    OrgToken,
    Bin,
}

/// The source of all chance in a world.
#[derive(Clone, Debug)]
pub(crate) struct Streams {
    key: [u8; 32],
    seed: u64,
}

impl Streams {
    pub(crate) fn new(seed: u64) -> Self {
        let mut key = [0; 32];
        for (at, part) in key.chunks_exact_mut(8).enumerate() {
            part.copy_from_slice(&mix(seed ^ mix(at as u64 + 1)).to_le_bytes());
        }
        Streams { key, seed }
    }

    /// The stream of an entity.
    pub(crate) fn stream(&self, domain: Domain, entity: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::from_seed(self.key);
        rng.set_stream((domain as u64) << 56 | entity);
        rng
    }

    /// The stream of an entity on one day.
    pub(crate) fn day(&self, domain: Domain, entity: u64, day: u32) -> ChaCha8Rng {
        self.stream(domain, entity << 8 | u64::from(day))
    }

    /// A fact about a pair, the same whenever it is asked for.
    #[inline]
    pub(crate) fn hash(&self, domain: Domain, a: u64, b: u64) -> u64 {
        mix(mix(mix(self.seed ^ (domain as u64) << 56).wrapping_add(a)).wrapping_add(b))
    }

    /// As `hash`, as a number in [0, 1).
    #[inline]
    pub(crate) fn unit(&self, domain: Domain, a: u64, b: u64) -> f64 {
        unit(self.hash(domain, a, b))
    }

    /// A keyed bijection: opaque, without collisions.
    #[inline]
    pub(crate) fn token(&self, domain: Domain, value: u64) -> u64 {
        mix(mix(value ^ mix(self.seed ^ (domain as u64) << 56)).wrapping_add(0x5851_f42d_4c95_7f2d))
    }
}

/// The finaliser of SplitMix64.
#[inline]
pub(crate) fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

/// 53 bits of a hash as a number in [0, 1).
#[inline]
pub(crate) fn unit(hash: u64) -> f64 {
    (hash >> 11) as f64 / (1u64 << 53) as f64
}

/// A Poisson count; 0 for a mean that isn't positive.
pub(crate) fn poisson(rng: &mut ChaCha8Rng, mean: f64) -> u32 {
    if mean <= 0.0 {
        return 0;
    }
    if mean < 12.0 {
        // Knuth: multiply uniforms until the product falls below e^-mean.
        let floor = (-mean).exp();
        let (mut product, mut count) = (rng.random::<f64>(), 0);
        while product > floor {
            product *= rng.random::<f64>();
            count += 1;
        }
        return count;
    }
    Poisson::new(mean).map_or(0, |poisson| poisson.sample(rng) as u32)
}

/// A Pareto variable between two bounds, by inversion of the truncated distribution function.
pub(crate) fn truncated_pareto(uniform: f64, alpha: f64, low: f64, high: f64) -> f64 {
    let ratio = (low / high).powf(alpha);
    low / (1.0 - uniform * (1.0 - ratio)).powf(1.0 / alpha)
}

/// A rank from 1 to `count` whose density falls as rank^-1.05: Zipf, by inversion of the continuous law.
#[inline]
pub(crate) fn zipf(uniform: f64, count: f64) -> u64 {
    const EXPONENT: f64 = 1.05;
    let tail = (count + 1.0).powf(1.0 - EXPONENT);
    ((1.0 - uniform * (1.0 - tail)).powf(1.0 / (1.0 - EXPONENT)) as u64).clamp(1, count as u64)
}

/// A standard normal quantity from two uniforms (Box and Muller, doi:10.1214/aoms/1177706645).
pub(crate) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

/// A lognormal quantity by its median and the deviation of its logarithm.
pub(crate) fn lognormal(rng: &mut ChaCha8Rng, median: f64, sigma: f64) -> f64 {
    median * (sigma * normal(rng)).exp()
}

/// Fisher and Yates' shuffle.
pub(crate) fn shuffle<T>(items: &mut [T], rng: &mut ChaCha8Rng) {
    for at in (1..items.len()).rev() {
        items.swap(at, rng.random_range(0..=at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_depend_on_seed_domain_entity_and_day_alone() {
        let streams = Streams::new(7);
        let first = |mut rng: ChaCha8Rng| rng.random::<u64>();
        assert_eq!(first(streams.day(Domain::Day, 5, 3)), first(Streams::new(7).day(Domain::Day, 5, 3)));
        let others = [
            first(streams.day(Domain::Day, 5, 3)),
            first(streams.day(Domain::Day, 5, 4)),
            first(streams.day(Domain::Day, 6, 3)),
            first(streams.day(Domain::WarmUp, 5, 3)),
            first(Streams::new(8).day(Domain::Day, 5, 3)),
        ];
        for (at, value) in others.iter().enumerate() {
            assert!(!others[..at].contains(value));
        }
    }

    #[test]
    fn draws_follow_their_laws() {
        let mut rng = Streams::new(1).stream(Domain::Plan, 0);
        for mean in [0.3, 4.0, 40.0] {
            let total: f64 = (0..20_000).map(|_| f64::from(poisson(&mut rng, mean))).sum();
            // Six standard errors of a mean of 20,000 Poisson counts.
            assert!((total / 2e4 - mean).abs() < 6.0 * (mean / 2e4).sqrt(), "{mean}: {}", total / 2e4);
        }
        let ranks: Vec<u64> = (0..20_000).map(|_| zipf(rng.random(), 400_000.0)).collect();
        assert!(ranks.iter().all(|&rank| (1..=400_000).contains(&rank)));
        // The continuous law puts (1 - 2^-.05) / (1 - 400001^-.05) = .0717 on rank 1.
        let share = ranks.iter().filter(|&&rank| rank == 1).count() as f64 / 2e4;
        assert!((share - 0.0717).abs() < 0.011, "{share}");
        let sizes: Vec<f64> = (0..20_000).map(|_| truncated_pareto(rng.random(), 1.1, 2.0, 4_000.0)).collect();
        assert!(sizes.iter().all(|size| (2.0..=4_001.0).contains(size)));
    }
}
