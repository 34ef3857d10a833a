//! Which identifiers does a group repeat more than chance makes it?
//!
//! A sharing signal compares the *repeat share* of a kind (1 - distinct / sightings) with that of random groups of as many
//! sightings drawn from the population, `1 - E[distinct] / s` where
//! `E[distinct] = sum over identifiers of 1 - (1 - d_i / S)^s`. So size cancels: a large group repeats popular identifiers by
//! chance, and that is what is expected of it. More distinct identifiers among as many sightings never raise the value (SC-3).
//!
//! Bits: log2 of the ratio of repeats. No p-value: accounts bring their sightings together, so the number of repeats in random
//! groups of accounts scatters far more than in random sightings (a Poisson tail called 18 to 70% of random groups of 8 to 120
//! accounts significant at .05).

use graph::{IdentifierId, KindId};
use rayon::prelude::*;

use crate::config::ScoreConfig;
use crate::score::{NamedSignal, SignalFamily};
use crate::structure::KindShape;
use crate::{Facts, Signal};

/// Most bits that accounts without anything in common of a kind take from a case: every other operator can afford an address
/// and a card for each account.
const UNSHARED_BITS: f64 = 1.0;

/// What a random group of sightings repeats: the null of the sharing signals. Computed once for a data set.
#[derive(Clone, Debug, PartialEq)]
pub struct SharingNull {
    /// By kind: (degree, number of identifiers with it), ascending.
    degrees: Vec<Vec<(u32, u32)>>,
}

impl SharingNull {
    /// Counts the degrees of every kind. O(identifiers).
    pub fn of(facts: Facts<'_>) -> Self {
        let degrees = (0..facts.graph.kind_count())
            .into_par_iter()
            .map(|kind| {
                let range = facts.graph.identifiers_of_kind(KindId(kind as u8));
                let comparable = range.filter(|&identifier| facts.is_comparable(identifier));
                let mut all: Vec<u32> =
                    comparable.map(|identifier| facts.graph.identifier_degree(IdentifierId(identifier)) as u32).collect();
                all.sort_unstable();
                all.chunk_by(|left, right| left == right).map(|run| (run[0], run.len() as u32)).collect()
            })
            .collect();
        SharingNull { degrees }
    }

    /// Expected distinct identifiers among `sightings` drawn in proportion to degree.
    pub fn expected_distinct(&self, kind: u8, sightings: u32) -> f64 {
        let degrees = &self.degrees[usize::from(kind)];
        let total: f64 = degrees.iter().map(|&(degree, number)| f64::from(degree) * f64::from(number)).sum();
        let draws = f64::from(sightings);
        degrees
            .iter()
            .map(|&(degree, number)| {
                let missed = draws * (-f64::from(degree) / total).ln_1p();
                f64::from(number) * -missed.exp_m1()
            })
            .sum()
    }
}

/// The repeat share of one kind against random groups of as many sightings.
pub(crate) fn sharing_signal(shape: &KindShape, null: &SharingNull, config: &ScoreConfig) -> NamedSignal {
    let sightings = f64::from(shape.sightings);
    let expected_repeats = (sightings - null.expected_distinct(shape.kind, shape.sightings)).max(1e-9);
    let repeats = sightings - f64::from(shape.distinct);
    // Half a repeat is added to both, so that nothing observed and nothing expected is no evidence.
    let bits = ((repeats + 0.5) / (expected_repeats + 0.5)).log2().clamp(-UNSHARED_BITS, config.signal_bits);
    let signal = Signal { value: repeats / sightings, expected: expected_repeats / sightings, bits, p_value: None };
    NamedSignal::new(format!("sharing_{}", shape.kind), SignalFamily::Sharing, Some(signal))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KindRole;
    use crate::toy::{Touch, Toy};
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn the_expected_number_of_distinct_identifiers() {
        // Two identifiers of degree 2: s draws miss each with probability 2^-s.
        let touches: Vec<Touch> = (0..4).map(|account| (account, 0, account / 2, 0)).collect();
        let toy = Toy::new(&[KindRole::Payment], 4, &touches);
        let null = SharingNull::of(toy.facts());
        assert!((null.expected_distinct(0, 1) - 1.0).abs() < 1e-12);
        assert!((null.expected_distinct(0, 3) - 2.0 * (1.0 - 0.125)).abs() < 1e-12);
    }

    #[test]
    fn under_its_null_repeats_are_as_expected() {
        // 2,000 identifiers of degree 1 to 4; groups of 100 sightings drawn in proportion to degree.
        let touches: Vec<Touch> = (0..2_000u32)
            .flat_map(|identifier| (0..1 + identifier % 4).map(move |at| (identifier * 4 + at, 0, identifier, 0)))
            .collect();
        let owners: Vec<u32> = touches.iter().map(|touch| touch.2).collect();
        let toy = Toy::new(&[KindRole::Payment], 8_000, &touches);
        let null = SharingNull::of(toy.facts());
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let (mut repeats, rounds) = (0.0, 2_000);
        for _ in 0..rounds {
            let mut drawn: Vec<u32> = (0..100).map(|_| owners[random.random_range(0..owners.len())]).collect();
            drawn.sort_unstable();
            drawn.dedup();
            repeats += f64::from(100 - drawn.len() as u32);
        }
        let expected = 100.0 - null.expected_distinct(0, 100);
        assert!((repeats / f64::from(rounds) - expected).abs() < 0.15, "{repeats} {expected}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// SC-3: among as many sightings, more distinct cards never raise the sharing signal.
        #[test]
        fn more_distinct_identifiers_never_raise_sharing(size in 3u32..60, cards in 1u32..59) {
            let cards = cards.min(size - 1);
            let bits = |distinct: u32, null: &SharingNull| {
                let shape = KindShape { kind: 0, members: size, sightings: size, distinct, shared: 0, sharing_members: 0, top_members: 1 };
                sharing_signal(&shape, null, &ScoreConfig::default()).signal.expect("there are sightings").bits
            };
            let touches: Vec<Touch> = (0..200).map(|account| (account, 0, account / 2, 0)).collect();
            let toy = Toy::new(&[KindRole::Payment], 200, &touches);
            let null = SharingNull::of(toy.facts());
            prop_assert!(bits(cards + 1, &null) <= bits(cards, &null));
        }

        /// A group drawn as the null draws it has no evidence of sharing, whatever its size.
        #[test]
        fn size_alone_is_no_evidence(size in 2u32..180) {
            let touches: Vec<Touch> = (0..200).map(|account| (account, 0, account / 4, 0)).collect();
            let toy = Toy::new(&[KindRole::Payment], 200, &touches);
            let null = SharingNull::of(toy.facts());
            let distinct = null.expected_distinct(0, size).round() as u32;
            let shape = KindShape { kind: 0, members: size, sightings: size, distinct, shared: 0, sharing_members: 0, top_members: 1 };
            let bits = sharing_signal(&shape, &null, &ScoreConfig::default()).signal.expect("there are sightings").bits;
            prop_assert!(bits.abs() < 1.1, "{}", bits);
        }
    }
}
