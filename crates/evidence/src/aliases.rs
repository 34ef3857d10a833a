//! Which identifiers are one thing under two names?
//!
//! A link and the hashtag of the same post, a repository before and after it was renamed, an item and its copy in a second
//! column: whoever has one has the other, from the same events. Two accounts that share both share *one* thing, and counting it
//! twice makes corroboration out of nothing. With the set of *sightings* `E(i)` of an identifier, each an account with the
//! count, first and last time of its events,
//!
//! ```text
//! likeness(i, j) = |E(i) & E(j)| / |accounts(i) | accounts(j)|
//! ```
//!
//! and an identifier is an *alias* of another that at least as many accounts have if their likeness is `alias_share` or more.
//!
//! Asked only of the roles `Template`, `Content` and `Other`: an address, a card and a device of one event are three things
//! whose agreement is the evidence. Without times nothing says whether two identifiers come from the same events, and nothing
//! is taken for an alias.
//!
//! 1. *Sketch*: per identifier the least of a hash of its sightings, [`ROUNDS`] times with other hashes. Two identifiers have
//!    an equal minimum with the probability of their Jaccard similarity (Broder 1997, doi:10.1109/SEQUEN.1997.666900), so a
//!    pair at the default share of .8 is missed with probability `.2^ROUNDS`, 6e-5.
//! 2. *Verify*: those with an equal minimum are compared with the [`COMPARED`] of most accounts among them, exactly.
//!
//! Cost: O(`ROUNDS` * sightings) for the sketches, and 8 bytes for each sighting while they are made; a comparison is one pass
//! over two lists of accounts, of which the shorter is `alias_share` of the longer, and nobody who writes many identifiers into
//! one event makes more than `COMPARED` of them for each. Deterministic.

use std::cmp::Reverse;

use fixedbitset::FixedBitSet;
use graph::{AccountId, IdentifierId, NO_TIME};
use rayon::prelude::*;

use crate::behaviour::random::{key, mix};
use crate::config::ClassifyConfig;
use crate::{Facts, KindRole};

/// Hashes that each identifier is sketched with.
const ROUNDS: usize = 6;
/// Identifiers that each one with an equal minimum is compared with.
const COMPARED: usize = 4;

/// Identifiers that are another one under a second name; ascending. Of equals the one with the lowest id is nobody's alias.
pub(crate) fn find_aliases(facts: Facts<'_>, config: &ClassifyConfig) -> Vec<IdentifierId> {
    let shared: Vec<IdentifierId> = (facts.graph.kinds())
        .filter(|kind| facts.roles[kind.index()].is_interest() || facts.roles[kind.index()] == KindRole::Other)
        .flat_map(|kind| facts.graph.identifiers_of_kind(kind))
        .map(IdentifierId)
        .filter(|&identifier| facts.graph.identifier_degree(identifier) > 1)
        .collect();
    if shared.is_empty() {
        return shared;
    }
    let hashes: [u64; ROUNDS] = std::array::from_fn(|round| key(&[round as u64]));
    let sightings = hashed_sightings(facts, &shared);
    let sketches: Vec<Sketch> = shared
        .par_iter()
        .with_min_len(1024)
        .filter_map(|&identifier| Sketch::of(facts, identifier, &sightings, &hashes))
        .collect();
    drop(sightings);
    let mut is_alias = vec![false; facts.graph.identifier_count()];
    for round in 0..ROUNDS {
        let names = sketches.iter().filter(|sketch| !is_alias[sketch.identifier.index()]);
        let mut order: Vec<(u64, Reverse<u32>, IdentifierId)> =
            names.map(|sketch| (sketch.least[round], Reverse(sketch.degree), sketch.identifier)).collect();
        order.par_sort_unstable();
        for alike in order.chunk_by(|left, right| left.0 == right.0) {
            let mut names: Vec<IdentifierId> = Vec::new();
            for &(_, _, identifier) in alike {
                if names.iter().any(|&name| are_alike(facts, name, identifier, config.alias_share)) {
                    is_alias[identifier.index()] = true;
                } else if names.len() < COMPARED {
                    names.push(identifier);
                }
            }
        }
    }
    shared.into_iter().filter(|identifier| is_alias[identifier.index()]).collect()
}

/// An identifier by the least of each hash of its sightings.
struct Sketch {
    identifier: IdentifierId,
    degree: u32,
    least: [u64; ROUNDS],
}

impl Sketch {
    /// `None` if no sighting is dated. `sightings`: the hash of each by its position.
    fn of(facts: Facts<'_>, identifier: IdentifierId, sightings: &[u64], hashes: &[u64; ROUNDS]) -> Option<Sketch> {
        let positions = facts.graph.sightings_of_identifier(identifier).iter();
        let dated = |hash: &u64| *hash != UNDATED;
        let mut sightings = positions.map(|&position| sightings[position as usize]).filter(dated).peekable();
        sightings.peek()?;
        let mut least = [u64::MAX; ROUNDS];
        for sighting in sightings {
            least.iter_mut().zip(hashes).for_each(|(least, hash)| *least = mix(sighting ^ hash).min(*least));
        }
        Some(Sketch { identifier, degree: facts.graph.identifier_degree(identifier) as u32, least })
    }
}

/// Accounts whose sightings one task hashes.
const TASK: usize = 1024;
/// The hash of a sighting without a time.
const UNDATED: u64 = 0;

/// By position, the hash of every sighting of these identifiers: read in the order in which they lie, as a list of an
/// identifier's sightings would miss the cache once for each of their columns.
fn hashed_sightings(facts: Facts<'_>, identifiers: &[IdentifierId]) -> Vec<u64> {
    let columns = facts.graph.columns();
    let asked: FixedBitSet = identifiers.iter().map(|identifier| identifier.index()).collect();
    let accounts = facts.graph.account_count();
    let mut hashes = vec![UNDATED; facts.graph.sighting_count()];
    let mut rest = hashes.as_mut_slice();
    let mut tasks = Vec::with_capacity(accounts.div_ceil(TASK));
    for first in (0..accounts).step_by(TASK) {
        let task = first..(first + TASK).min(accounts);
        let sightings = task.clone().map(|account| facts.graph.account_degree(AccountId(account as u32))).sum();
        let (hashes, later) = rest.split_at_mut(sightings);
        tasks.push((task, hashes));
        rest = later;
    }
    tasks.into_par_iter().for_each(|(accounts, hashes)| {
        let positions = accounts.flat_map(|account| {
            let account = account as u32;
            facts.graph.sighting_range(AccountId(account)).map(move |position| (account, position))
        });
        for ((account, position), hash) in positions.zip(hashes) {
            let (first_seen, last_seen) = (columns.first_seen[position], columns.last_seen[position]);
            if first_seen != NO_TIME && asked.contains(columns.identifiers[position] as usize) {
                *hash = hash_of(Occurrence { account, count: columns.counts[position], first_seen, last_seen });
            }
        }
    });
    hashes
}

/// What one account's events with an identifier look like from outside.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Occurrence {
    account: u32,
    count: u32,
    first_seen: u32,
    last_seen: u32,
}

/// The dated sightings of an identifier, ascending by account.
fn sightings_of(facts: Facts<'_>, identifier: IdentifierId) -> impl Iterator<Item = Occurrence> {
    let columns = facts.graph.columns();
    let accounts = facts.graph.accounts_of(identifier).iter();
    accounts.zip(facts.graph.sightings_of_identifier(identifier)).filter_map(|(&account, &position)| {
        let position = position as usize;
        let (first_seen, last_seen) = (columns.first_seen[position], columns.last_seen[position]);
        (first_seen != NO_TIME).then_some(Occurrence { account, count: columns.counts[position], first_seen, last_seen })
    })
}

fn hash_of(sighting: Occurrence) -> u64 {
    let Occurrence { account, count, first_seen, last_seen } = sighting;
    let hash = key(&[u64::from(account) << 32 | u64::from(count), u64::from(first_seen) << 32 | u64::from(last_seen)]);
    hash.max(UNDATED + 1)
}

/// Whether two identifiers have this likeness or more. Where one has so many accounts more that it can't be, nothing is compared.
fn are_alike(facts: Facts<'_>, left: IdentifierId, right: IdentifierId, share: f64) -> bool {
    let degrees = [left, right].map(|identifier| facts.graph.identifier_degree(identifier));
    let most = degrees[0].min(degrees[1]) as f64 / degrees[0].max(degrees[1]) as f64;
    most >= share && likeness(facts, left, right) >= share
}

/// See the module's formula.
fn likeness(facts: Facts<'_>, left: IdentifierId, right: IdentifierId) -> f64 {
    let mut theirs = sightings_of(facts, right).peekable();
    let mut same = 0usize;
    let mut common = 0usize;
    for ours in sightings_of(facts, left) {
        while theirs.next_if(|their| their.account < ours.account).is_some() {}
        if let Some(their) = theirs.next_if(|their| their.account == ours.account) {
            common += 1;
            same += usize::from(their == ours);
        }
    }
    let degrees = facts.graph.identifier_degree(left) + facts.graph.identifier_degree(right);
    same as f64 / (degrees - common) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toy::{Touch, Toy};
    use proptest::prelude::*;

    const START: u32 = 1_700_000_000;

    fn aliases_of(roles: &[KindRole], touches: &[Touch]) -> Vec<u32> {
        let toy = Toy::new(roles, 40, touches);
        find_aliases(toy.facts(), &ClassifyConfig::default()).into_iter().map(|identifier| identifier.0).collect()
    }

    /// Ten accounts post a link and its hashtag together, at other times each.
    fn posts() -> Vec<Touch> {
        (0..10).flat_map(|account| [(account, 0, 0, START + 977 * account), (account, 1, 0, START + 977 * account)]).collect()
    }

    #[test]
    fn what_always_comes_in_the_same_events_is_one_thing() {
        assert_eq!(aliases_of(&[KindRole::Other; 2], &posts()), [1]);
        // Two more who use the hashtag alone: likeness 10/12; three: 10/13.
        let mut touches = posts();
        touches.extend([(20, 1, 0, START), (21, 1, 0, START)]);
        assert_eq!(aliases_of(&[KindRole::Other; 2], &touches), [0], "the one that more accounts have keeps its name");
        touches.push((22, 1, 0, START));
        assert_eq!(aliases_of(&[KindRole::Other; 2], &touches), []);
    }

    #[test]
    fn the_same_accounts_at_other_times_corroborate() {
        let later = |touch: Touch| if touch.1 == 1 { (touch.0, 1, 0, touch.3 + 60) } else { touch };
        let touches: Vec<Touch> = posts().into_iter().map(later).collect();
        assert_eq!(aliases_of(&[KindRole::Other; 2], &touches), []);
    }

    #[test]
    fn an_address_and_a_card_of_one_event_are_two_things_and_undated_ones_are_left_alone() {
        assert_eq!(aliases_of(&[KindRole::Address, KindRole::Payment], &posts()), []);
        let undated: Vec<Touch> = posts().into_iter().map(|touch| (touch.0, touch.1, touch.2, NO_TIME)).collect();
        assert_eq!(aliases_of(&[KindRole::Other; 2], &undated), []);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Against every pair compared: an alias has a like one beside it, and of pairs that are exactly equal one goes.
        #[test]
        fn as_every_pair_compared(touches in proptest::collection::vec((0u32..12, 0usize..2, 0u32..6, START..START + 3), 1..120)) {
            let toy = Toy::new(&[KindRole::Other; 2], 12, &touches);
            let config = ClassifyConfig::default();
            let found = find_aliases(toy.facts(), &config);
            let shared: Vec<IdentifierId> = (0..toy.graph.identifier_count() as u32).map(IdentifierId)
                .filter(|&identifier| toy.graph.identifier_degree(identifier) > 1).collect();
            for &alias in &found {
                prop_assert!(shared.iter().any(|&other| other != alias && likeness(toy.facts(), alias, other) >= config.alias_share));
            }
            for &left in &shared {
                for &right in shared.iter().filter(|&&right| right > left) {
                    let exactly = likeness(toy.facts(), left, right) >= config.alias_share;
                    prop_assert_eq!(are_alike(toy.facts(), left, right, config.alias_share), exactly);
                    if likeness(toy.facts(), left, right) == 1.0 {
                        prop_assert!(found.contains(&left) || found.contains(&right));
                    }
                }
            }
        }
    }
}
