//! Seeded randomness that depends on nothing but its inputs: SplitMix64 (Steele, Lea and Flood 2014,
//! doi:10.1145/2714064.2660195).

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Vertices kept together in the visiting order of a large network: a cache line of labels.
const BLOCK: usize = 16;
/// Networks below this many vertices are shuffled vertex by vertex.
const LARGE: usize = 1 << 16;

/// A stream of pseudo-random numbers.
pub(crate) struct Stream(u64);

impl Stream {
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        Stream(mix(seed ^ mix(stream.wrapping_add(GOLDEN))))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// Uniform in 0..bound (multiply-shift; the bias is below 2^-32).
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (((self.next() >> 32) * bound as u64) >> 32) as usize
    }

    /// Uniform in [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn shuffle(&mut self, items: &mut [u32]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// A seeded visiting order of `0..count`; large ones shuffle blocks of neighbouring ids, so that rows are read in runs.
pub(crate) fn visiting_order(count: usize, seed: u64, stream: u64) -> Vec<u32> {
    let block = if count < LARGE { 1 } else { BLOCK };
    let mut blocks: Vec<u32> = (0..count.div_ceil(block) as u32).collect();
    Stream::new(seed, stream).shuffle(&mut blocks);
    if block == 1 {
        return blocks;
    }
    let mut order = Vec::with_capacity(count);
    for start in blocks {
        let start = start as usize * block;
        order.extend((start..(start + block).min(count)).map(|vertex| vertex as u32));
    }
    order
}

fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_visits_everything_once() {
        for count in [0, 1, 7, LARGE + 5] {
            let mut order = visiting_order(count, 1, 2);
            assert!(count < 7 || order != (0..count as u32).collect::<Vec<_>>());
            order.sort_unstable();
            assert_eq!(order, (0..count as u32).collect::<Vec<_>>());
        }
    }
}
