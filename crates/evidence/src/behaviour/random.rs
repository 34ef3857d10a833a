//! Where do the nulls' random numbers come from?
//!
//! A counter-based generator: the `n`-th number of a stream is SplitMix64's finaliser of `key + n * golden ratio`, so a stream
//! is named by its key alone (seed, test, group, draw) and no number depends on threads or on what was drawn elsewhere. Cost: a
//! few multiplications a number. Reference: Steele, Lea & Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014,
//! doi:10.1145/2660193.2660195.

use graph::AccountId;

/// The golden ratio as a 64-bit odd increment: SplitMix64's Weyl constant.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// SplitMix64's finaliser: a bijection whose output bits each depend on all input bits.
pub(crate) fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// A key made of parts, order-dependent.
pub(crate) fn key(parts: &[u64]) -> u64 {
    parts.iter().fold(GOLDEN, |state, &part| mix(state.wrapping_mul(GOLDEN) ^ mix(part.wrapping_add(GOLDEN))))
}

/// One named stream of random numbers.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    state: u64,
}

impl Stream {
    /// The stream of a key.
    pub(crate) fn new(key: u64) -> Self {
        Stream { state: key }
    }

    /// 64 uniform bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }

    /// Uniform in `[0, 1)`, 53 bits.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in `0..bound`; the bias of the multiply-shift is below `bound / 2^64`. `bound` is positive.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }
}

/// At most `cap` of the members, the same ones whatever else is in the input: those with the smallest hashes. Sorted by id.
pub(crate) fn sample(members: &[AccountId], cap: usize, seed: u64) -> Vec<AccountId> {
    samples(members, cap, 1, seed).into_iter().next().unwrap_or_default()
}

/// At most `most` disjoint samples of exactly `cap` members, the first as [`sample`]; all members where they are no more than
/// `cap`.
pub(crate) fn samples(members: &[AccountId], cap: usize, most: usize, seed: u64) -> Vec<Vec<AccountId>> {
    if members.len() <= cap {
        return vec![members.to_vec()];
    }
    let mut hashed: Vec<(u64, AccountId)> =
        members.iter().map(|&account| (key(&[seed, u64::from(account.0)]), account)).collect();
    let wanted = (members.len() / cap.max(1)).clamp(1, most.max(1)) * cap;
    if wanted < hashed.len() {
        hashed.select_nth_unstable(wanted);
    }
    hashed.truncate(wanted);
    hashed.sort_unstable();
    let in_order = |part: &[(u64, AccountId)]| {
        let mut chosen: Vec<AccountId> = part.iter().map(|&(_, account)| account).collect();
        chosen.sort_unstable();
        chosen
    };
    hashed.chunks(cap.max(1)).map(in_order).collect()
}

/// A key for a group: its size and its members' ids, so that two groups never share draws.
pub(crate) fn group_key(seed: u64, test: u64, members: &[AccountId]) -> u64 {
    let ids = members.iter().fold(0u64, |sum, account| sum.wrapping_add(mix(u64::from(account.0) + 1)));
    key(&[seed, test, members.len() as u64, ids])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_uniform_and_keyed() {
        let mut stream = Stream::new(key(&[1, 2]));
        let mut cells = [0u32; 10];
        for _ in 0..100_000 {
            cells[stream.below(10)] += 1;
        }
        // Chi-square with 9 degrees of freedom: 27.9 is the .999 quantile.
        let chi: f64 = cells.iter().map(|&count| (f64::from(count) - 10_000.0).powi(2) / 10_000.0).sum();
        assert!(chi < 27.9, "{chi}");
        assert_ne!(Stream::new(key(&[1, 2])).next(), Stream::new(key(&[2, 1])).next());
    }

    #[test]
    fn a_sample_is_sorted_and_capped() {
        let members: Vec<AccountId> = (0..1000).map(AccountId).collect();
        let chosen = sample(&members, 50, 7);
        assert_eq!(chosen.len(), 50);
        assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(chosen, sample(&members, 50, 7));
    }
}
