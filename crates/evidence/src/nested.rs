//! Which kinds follow from others, and which sightings therefore say nothing new?
//!
//! An address has one network, a card one issuer's number, a link one domain; warehouses keep both columns. Identifier `a`
//! *implies* `b` when whoever has `a` has `b` as well, from at least as many events over at least as long. Kind `A` implies
//! kind `B`, which is *nested* in it, when of [`LEAST_PAIRS`] or more pairs of accounts, each with an identifier of `A` in
//! common, at least [`LEAST_SHARE`] have one of `B` that it implies: sharing both says no more than sharing the first.
//!
//! In sums of bits a kind that another shared kind implies counts nothing ([`crate::terms`]). In the graph whose communities
//! propose groups, an account's sighting of `b` makes no edge where an identifier of its own implies `b`. Otherwise every
//! derived column pulled the accounts of one card or address together once more, until these were communities of their own and
//! the network around them was none.
//!
//! Cost: a bounded sample of pairs; then O(sightings of implying kinds * log) where kinds are nested, nothing elsewhere; each
//! time what the account of fewest coarser identifiers has of these, [`MOST_HELD`] at most.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use graph::{AccountId, IdentifierId, KindId, NO_TIME};
use rayon::prelude::*;

use crate::Facts;
use crate::terms::implied_pairs;
use crate::weigh::SampledPair;

/// Share of the pairs from which one kind implies another; the rest are slips of the pen.
const LEAST_SHARE: f64 = 0.995;
/// Pairs below which nothing is concluded.
const LEAST_PAIRS: usize = 30;
/// Accounts of an identifier that are asked, evenly spaced, whether they have what it implies.
const ASKED: usize = 16;
/// Where each of them has more identifiers of a coarser kind, none is taken for implied: nobody has so many networks or issuers
/// for a reason, and each identifier of such accounts would be compared with all of these.
const MOST_HELD: usize = 4_096;

/// By kind, then kind: the first implies the second. `pairs`: by kind, those that are asked; no more once too many have failed.
pub(crate) fn nested_kinds(facts: Facts<'_>, pairs: &[Vec<SampledPair>]) -> Vec<Vec<bool>> {
    let kinds = 0..facts.graph.kind_count();
    let implies = |finer: usize, coarser: usize| {
        let pairs = &pairs[finer];
        if coarser == finer || pairs.len() < LEAST_PAIRS {
            return false;
        }
        let coarser = facts.graph.identifiers_of_kind(KindId::of_index(coarser));
        let most_failing = pairs.len() - (LEAST_SHARE * pairs.len() as f64).ceil() as usize;
        let failing = AtomicUsize::new(0);
        pairs.par_iter().all(|(finer, places)| {
            implied_by(facts, *finer, places, &coarser).next().is_some() || failing.fetch_add(1, Relaxed) < most_failing
        })
    };
    kinds.clone().map(|finer| kinds.clone().map(|coarser| implies(finer, coarser)).collect()).collect()
}

/// The positions of sightings that another sighting of their account implies; ascending, without repeats. `edges`: weight by
/// position, positive where the sighting links.
pub(crate) fn implied_sightings(facts: Facts<'_>, nested: &[Vec<bool>], edges: &[f32]) -> Vec<u32> {
    let mut implied: Vec<u32> = implied_pairs(nested)
        .flat_map(|(finer, coarser)| {
            let coarser = facts.graph.identifiers_of_kind(KindId::of_index(coarser));
            let finer = facts.graph.identifiers_of_kind(KindId::of_index(finer));
            let links = |identifier: &u32| {
                let positions = facts.graph.sightings_of_identifier(IdentifierId(*identifier));
                positions.len() > 1 && positions.iter().any(|&position| edges[position as usize] > 0.0)
            };
            let finer = finer.into_par_iter().with_min_len(1024).filter(links);
            let implied = finer.flat_map_iter(|identifier| {
                let identifier = IdentifierId(identifier);
                let accounts = facts.graph.accounts_of(identifier);
                let (places, asked) = (accounts.len(), accounts.len().min(ASKED));
                let asked: Vec<usize> = (0..asked).map(|at| at * places / asked).collect();
                let positions = implied_by(facts, identifier, &asked, &coarser).flat_map(|other| {
                    let position = move |&account: &u32| facts.graph.position_between(AccountId(account), IdentifierId(other));
                    accounts.iter().filter_map(position)
                });
                positions.map(|position| position as u32).collect::<Vec<u32>>()
            });
            implied.collect::<Vec<u32>>()
        })
        .collect();
    implied.par_sort_unstable();
    implied.dedup();
    implied
}

/// The identifiers of a coarser kind that whoever has this one has as well, from at least the same events, as far as its
/// accounts in these places say; none where all of these have more than [`MOST_HELD`].
fn implied_by<'a>(
    facts: Facts<'a>,
    identifier: IdentifierId,
    places: &'a [usize],
    coarser: &Range<u32>,
) -> impl Iterator<Item = u32> + 'a {
    let accounts = facts.graph.accounts_of(identifier);
    let positions = facts.graph.sightings_of_identifier(identifier);
    let held = |&place: &usize| facts.graph.identifiers_within(AccountId(accounts[place]), coarser);
    let fewest = places.iter().map(held).min_by_key(|held| held.len()).filter(|held| held.len() <= MOST_HELD);
    let follows = move |&place: &usize, other: u32| {
        let whole = facts.graph.position_between(AccountId(accounts[place]), IdentifierId(other));
        whole.is_some_and(|whole| covers(facts, whole, positions[place] as usize))
    };
    fewest.unwrap_or_default().iter().copied().filter(move |&other| places.iter().all(|place| follows(place, other)))
}

/// Whether the events of one sighting can hold all those of another: as many, over as long. Without times the number decides.
fn covers(facts: Facts<'_>, whole: usize, part: usize) -> bool {
    let columns = facts.graph.columns();
    let timed = columns.first_seen[part] != NO_TIME && columns.first_seen[whole] != NO_TIME;
    columns.counts[whole] >= columns.counts[part]
        && (!timed
            || (columns.first_seen[whole] <= columns.first_seen[part] && columns.last_seen[whole] >= columns.last_seen[part]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KindRole;
    use crate::classify::classify_identifiers;
    use crate::config::{ClassifyConfig, WeighConfig};
    use crate::toy::{Touch, Toy};
    use crate::weigh::{sampled_pairs, weigh_sightings, weighted_graph};

    fn nested_of(toy: &Toy) -> Vec<Vec<bool>> {
        let classification = classify_identifiers(toy.facts(), &ClassifyConfig::default());
        nested_kinds(toy.facts(), &sampled_pairs(toy.facts(), &classification, &WeighConfig::default()))
    }

    #[test]
    fn a_hash_of_two_fields_is_nested_in_each() {
        // Kind 0 is the pair (a, b), kind 1 is a; 400 records in pairs, one in five pairs shares a with the next.
        let touches: Vec<_> =
            (0..400).flat_map(|account| [(account, 0, account / 2, 0), (account, 1, account / 4, 0)]).collect();
        let toy = Toy::new(&[KindRole::Other, KindRole::Other], 400, &touches);
        let nested = nested_of(&toy);
        assert!(nested[0][1]);
        assert!(!nested[1][0]);
    }

    /// 400 accounts, two to an address (kind 0), of which two are in a network (kind 1); each has an address of its own
    /// besides, in the network of the account after the next.
    fn addresses() -> Vec<Touch> {
        let shared = (0..400).flat_map(|account| [(account, 0, account / 2, 10), (account, 1, account / 4, 10)]);
        let own = (0..400).flat_map(|account| [(account, 0, 200 + account, 90), (account, 1, (account / 4 + 1) % 100, 90)]);
        shared.chain(own).collect()
    }

    #[test]
    fn a_network_counts_only_where_no_shared_address_brings_it() {
        let toy = Toy::new(&[KindRole::Address, KindRole::Other], 400, &addresses());
        let nested = nested_of(&toy);
        assert_eq!(nested, [[false, true], [false, false]]);
        let all = vec![1.0; toy.graph.sighting_count()];
        let implied = implied_sightings(toy.facts(), &nested, &all);
        // Of each account the sighting of its shared address's network, and not that of its own address's.
        assert_eq!(implied.len(), 400);
        for position in implied {
            let sighting = toy.graph.sighting(position as usize);
            assert_eq!(toy.graph.kind_of(sighting.identifier), KindId(1));
            assert_eq!(sighting.first_seen, toy.facts().graph.columns().first_seen[position as usize]);
            assert_eq!(toy.graph.columns().first_seen[position as usize] % 100, 10);
        }
        // An address that may not link brings nothing along.
        let addresses = toy.graph.identifiers_of_kind(KindId(0));
        let linking: Vec<f32> = toy
            .graph
            .columns()
            .identifiers
            .iter()
            .map(|identifier| f32::from(u8::from(!addresses.contains(identifier))))
            .collect();
        assert_eq!(implied_sightings(toy.facts(), &nested, &linking), []);
    }

    #[test]
    fn accounts_with_thousands_of_coarser_identifiers_imply_none() {
        let implied = |held: u32| {
            let coarser = (0..2).flat_map(|account| (0..held).map(move |at| (account, 1, at, 0)));
            let touches: Vec<Touch> = coarser.chain([(0, 0, 0, 0), (1, 0, 0, 0)]).collect();
            let toy = Toy::new(&[KindRole::Other, KindRole::Other], 2, &touches);
            let all = vec![1.0; toy.graph.sighting_count()];
            implied_sightings(toy.facts(), &[vec![false, true], vec![false; 2]], &all).len()
        };
        assert_eq!((implied(MOST_HELD as u32), implied(MOST_HELD as u32 + 1)), (2 * MOST_HELD, 0));
    }

    #[test]
    fn a_column_that_is_derived_of_another_changes_no_edge_of_it() {
        let touches: Vec<Touch> = (0..400).map(|account| (account, 0, account / 4, 10 * account)).collect();
        let derived = touches.iter().map(|&(account, _, own, time)| (account, 1, own / 3, time));
        let toy =
            Toy::new(&[KindRole::Payment, KindRole::Other], 400, &touches.iter().copied().chain(derived).collect::<Vec<_>>());
        let classification = classify_identifiers(toy.facts(), &ClassifyConfig::default());
        let weights = weigh_sightings(toy.facts(), &classification, &WeighConfig::default());
        let graph = weighted_graph(toy.facts(), &weights).expect("weights are this graph's");
        for account in 0..400 {
            let [card] = graph.neighbors_of(account) else { panic!("{account}: {:?}", graph.neighbors_of(account)) };
            assert!(*card < 400 + 100, "a card");
        }
    }
}
