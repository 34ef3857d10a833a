//! Where sightings and moments wait until everything has been read: merged early, and spread over shards by account.
//!
//! 1. [`Pairs`], one a chunk: a hash table from (account, identifier) to its sighting, so that of the many rows of a pair one item
//!    goes on. It is emptied when it outgrows the processor's caches.
//! 2. [`Sharded`]: lists by `provisional account % SHARDS`, which is the interner's shard and so spreads names evenly. An account's
//!    items meet in one shard, and shards are finished independently.
//!
//! Merging is associative and commutative: neither chunk borders nor threads show in the end.

use graph::Sighting;
use graph::build::Moment;
use hashbrown::HashTable;

use crate::intern::SHARDS;

/// Pairs in a table before it is emptied: 20 bytes each.
const PAIRS: usize = 1 << 18;

/// Items spread over shards by account.
pub(crate) struct Sharded<T>(pub(crate) Vec<Vec<T>>);

impl<T> Default for Sharded<T> {
    fn default() -> Self {
        Sharded((0..SHARDS).map(|_| Vec::new()).collect())
    }
}

impl Sharded<Sighting> {
    pub(crate) fn push(&mut self, sighting: Sighting) {
        self.0[sighting.account.index() % SHARDS].push(sighting);
    }
}

impl Sharded<Moment> {
    pub(crate) fn push(&mut self, moment: Moment) {
        self.0[moment.account as usize % SHARDS].push(moment);
    }
}

/// The distinct pairs of a chunk, merged.
#[derive(Default)]
pub(crate) struct Pairs(HashTable<Sighting>);

impl Pairs {
    /// Adds a sighting; full tables are emptied into `out`.
    pub(crate) fn add(&mut self, sighting: Sighting, out: &mut Sharded<Sighting>) {
        let pair = (sighting.account, sighting.identifier);
        let entry = self.0.entry(hash(&sighting), |known| (known.account, known.identifier) == pair, hash);
        match entry {
            hashbrown::hash_table::Entry::Occupied(mut known) => known.get_mut().merge(&sighting),
            hashbrown::hash_table::Entry::Vacant(free) => {
                free.insert(sighting);
                if self.0.len() == PAIRS {
                    self.empty_into(out);
                }
            }
        }
    }

    /// Hands on what is there.
    pub(crate) fn empty_into(&mut self, out: &mut Sharded<Sighting>) {
        for sighting in self.0.drain() {
            out.push(sighting);
        }
    }
}

/// Multiplicative hashing of the pair (Dietzfelbinger et al. 1997), folded for the table's use of high and low bits. Provisional ids
/// are spread by a randomly seeded hash, so no input can aim at a bucket.
fn hash(sighting: &Sighting) -> u64 {
    let key = u64::from(sighting.account.0) << 32 | u64::from(sighting.identifier.0);
    let wide = u128::from(key ^ 0x9e37_79b9_7f4a_7c15) * 0xd6e8_feb8_6659_fd93;
    (wide >> 64) as u64 ^ wide as u64
}

#[cfg(test)]
mod tests {
    use graph::{AccountId, IdentifierId};

    use super::*;

    #[test]
    fn equal_pairs_are_one_item_and_a_full_table_is_emptied() {
        let (mut pairs, mut out) = (Pairs::default(), Sharded::<Sighting>::default());
        let sighting = |account, identifier, count| Sighting {
            account: AccountId(account),
            identifier: IdentifierId(identifier),
            count,
            first_seen: 7,
            last_seen: 7,
        };
        for _ in 0..3 {
            pairs.add(sighting(65, 1, 2), &mut out);
        }
        pairs.empty_into(&mut out);
        assert_eq!(out.0[1], [sighting(65, 1, 6)]);
        for identifier in 0..=PAIRS as u32 {
            pairs.add(sighting(2, identifier, 1), &mut out);
        }
        assert_eq!(out.0[2].len(), PAIRS);
        pairs.empty_into(&mut out);
        assert_eq!(out.0[2].len(), PAIRS + 1);
    }
}
