//! Which identifiers does a group repeat more than chance makes it?
//!
//! A sharing signal compares the *repeat share* of a kind (1 - distinct / sightings) with that of random groups of `s` of the
//! population's `S` sightings, none of them twice: `1 - E[distinct] / s`, where `E[distinct]` is the sum over identifiers, of
//! `d` accounts each, of `1 - C(S - d, s) / C(S, s)`. So size cancels: a large group repeats popular identifiers by chance, and
//! that is what is expected of it; and where every account has an identifier of its own, nothing is expected. More distinct
//! identifiers among as many sightings never raise the value.
//!
//! Bits: log2 of the ratio of repeats. No p-value: accounts bring their sightings together, so the number of repeats in random
//! groups of accounts scatters far more than in random sightings (a Poisson tail called 18 to 70% of random groups of 8 to 120
//! accounts significant at .05).

use graph::{IdentifierId, KindId};
use rayon::prelude::*;

use crate::config::ScoreConfig;
use crate::names::SignalName;
use crate::score::NamedSignal;
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
                let range = facts.graph.identifiers_of_kind(KindId::of_index(kind));
                let comparable = range.filter(|&identifier| facts.is_comparable(identifier));
                let mut all: Vec<u32> =
                    comparable.map(|identifier| facts.graph.identifier_degree(IdentifierId(identifier)) as u32).collect();
                all.sort_unstable();
                all.chunk_by(|left, right| left == right).map(|run| (run[0], run.len() as u32)).collect()
            })
            .collect();
        SharingNull { degrees }
    }

    /// Expected distinct identifiers among so many random `sightings`.
    pub fn expected_distinct(&self, kind: KindId, sightings: u32) -> f64 {
        let degrees = &self.degrees[kind.index()];
        let total = degrees.iter().map(|&(degree, number)| u64::from(degree) * u64::from(number)).sum();
        let seen = |&(degree, number): &(u32, u32)| f64::from(number) * -ln_missed(total, degree, sightings).exp_m1();
        degrees.iter().map(seen).sum()
    }
}

/// Log of the probability `C(S - d, s) / C(S, s)` that an identifier of `degree` accounts is in none of `sightings` out of
/// `total`: the product over the smaller of the two, at its middle factor. Exact where that is one.
fn ln_missed(total: u64, degree: u32, sightings: u32) -> f64 {
    let (fewer, more) = (f64::from(degree.min(sightings)), f64::from(degree.max(sightings)));
    let total = total as f64;
    if fewer + more > total { f64::NEG_INFINITY } else { fewer * (-more / (total - (fewer - 1.0) / 2.0)).ln_1p() }
}

/// The repeat share of one kind against random groups of as many sightings.
pub(crate) fn sharing_signal(shape: &KindShape, null: &SharingNull, config: &ScoreConfig) -> NamedSignal {
    let sightings = f64::from(shape.sightings);
    let expected_repeats = (sightings - null.expected_distinct(shape.kind, shape.sightings)).max(1e-9);
    let repeats = sightings - f64::from(shape.distinct);
    // Half a repeat is added to both, so that nothing observed and nothing expected is no evidence.
    let bits = ((repeats + 0.5) / (expected_repeats + 0.5)).log2().clamp(-UNSHARED_BITS, config.signal_bits);
    let signal =
        Signal { value: repeats / sightings, expected: expected_repeats / sightings, bits, p_value: None, power: None };
    NamedSignal::new(SignalName::Sharing(shape.kind), Some(signal))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::KindRole;
    use crate::toy::{Touch, Toy};
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn the_expected_number_of_distinct_identifiers() {
        let expected = |accounts: u32, of_each: u32, sightings: u32| {
            let touches: Vec<Touch> = (0..accounts).map(|account| (account, 0, account / of_each, 0)).collect();
            SharingNull::of(Toy::new(&[KindRole::Payment], accounts, &touches).facts()).expected_distinct(KindId(0), sightings)
        };
        // Two identifiers of two accounts: three of the four sightings show both.
        assert_eq!([1, 3, 4].map(|sightings| expected(4, 2, sightings)), [1.0, 2.0, 2.0]);
        // Identifiers that nobody shares are as many as their sightings.
        assert!((1..=40).all(|sightings| (expected(40, 1, sightings) - f64::from(sightings)).abs() < 1e-9));
        // 1 - C(36, 10) / C(40, 10) of ten identifiers of four accounts.
        let missed: f64 = (0..4).map(|at| f64::from(30 - at) / f64::from(40 - at)).product();
        assert!((expected(40, 4, 10) - 10.0 * (1.0 - missed)).abs() < 0.02);
    }

    #[test]
    fn under_its_null_repeats_are_as_expected() {
        // 2,000 identifiers of degree 1 to 4; groups of 1,000 of their 5,000 sightings.
        let touches: Vec<Touch> = (0..2_000u32)
            .flat_map(|identifier| (0..1 + identifier % 4).map(move |at| (identifier * 4 + at, 0, identifier, 0)))
            .collect();
        let owners: Vec<u32> = touches.iter().map(|touch| touch.2).collect();
        let toy = Toy::new(&[KindRole::Payment], 8_000, &touches);
        let null = SharingNull::of(toy.facts());
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let (mut repeats, rounds, group) = (0.0, 2_000, 1_000);
        for _ in 0..rounds {
            let sighting = rand::seq::index::sample(&mut random, owners.len(), group);
            let distinct: BTreeSet<u32> = sighting.iter().map(|at| owners[at]).collect();
            repeats += (group - distinct.len()) as f64;
        }
        let expected = group as f64 - null.expected_distinct(KindId(0), group as u32);
        assert!((repeats / f64::from(rounds) - expected).abs() < 1.0, "{repeats} {expected}");
    }

    /// A kind of which every member has one identifier.
    fn of_size(size: u32, distinct: u32) -> KindShape {
        KindShape { kind: KindId(0), members: size, sightings: size, distinct, shared: 0, sharing_members: 0, top_members: 1 }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Among as many sightings, more distinct cards never raise the sharing signal.
        #[test]
        fn more_distinct_identifiers_never_raise_sharing(size in 3u32..60, cards in 1u32..59) {
            let cards = cards.min(size - 1);
            let bits = |distinct: u32, null: &SharingNull| {
                let shape = of_size(size, distinct);
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
            let distinct = null.expected_distinct(KindId(0), size).round() as u32;
            let shape = of_size(size, distinct);
            let bits = sharing_signal(&shape, &null, &ScoreConfig::default()).signal.expect("there are sightings").bits;
            prop_assert!(bits.abs() < 1.1, "{}", bits);
        }
    }
}
