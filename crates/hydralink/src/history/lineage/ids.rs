//! Which of the networks found now is which of those found before?
//!
//! 1. *Members*: a network takes the id of a remembered one if at least half of the smaller's members are common. Remembered
//!    are the accounts of the last run that found it and, so that a member who flickers doesn't cost it its id, those of the
//!    [`MEMORY`] runs before: an id is harder to lose than to get. The largest overlap goes first, the lower number breaks
//!    ties; each id goes once.
//! 2. *Identifiers*: where bans replaced the members, half of the smaller's own identifiers, two at least, do as well.
//! 3. What took no id gets one from its members' names, so that two stores of the same data give the same.
//!
//! An id that nobody took stays remembered, and can be taken when the network comes back. Cost: O(remembered members +
//! identifiers).

use std::collections::BTreeSet;

use graph::{AccountId, NONE_U32};

use super::history::{History, Remembered};
use crate::dataset::Dataset;
use crate::diff::{LEAST_IDENTIFIERS, is_most, overlaps};
use crate::results::Network;

/// Runs for which a network remembers an account that left it.
pub(crate) const MEMORY: u32 = 3;

/// The networks found now, by number: their core and fringe accounts and own identifiers, ascending.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) members: Vec<Vec<u32>>,
    pub(crate) identifiers: Vec<Vec<u32>>,
}

/// For every network found, the position in `history.networks` of the one it is.
pub(crate) fn claims(history: &History, found: &Found) -> Vec<Option<usize>> {
    let mut claims = vec![None; found.members.len()];
    let mut taken = BTreeSet::new();
    let members = |at: usize| history.networks[at].members.iter().map(|member| member.0).collect::<Vec<u32>>();
    let remembered: Vec<Vec<u32>> = (0..history.networks.len()).map(members).collect();
    // With those of whom nothing is left: an account that had left it before doesn't stand for all that belonged.
    let current: Vec<usize> =
        history.networks.iter().map(|network| network.current().count() + network.gone() as usize).collect();
    claim(&remembered, &current, &found.members, 1, &mut claims, &mut taken);
    let own: Vec<Vec<u32>> = history.networks.iter().map(|network| network.identifiers.clone()).collect();
    let sizes: Vec<usize> = own.iter().map(Vec::len).collect();
    claim(&own, &sizes, &found.identifiers, LEAST_IDENTIFIERS, &mut claims, &mut taken);
    claims
}

/// Networks that are followed over some runs outside a store, by the same rules: numbers for ids.
#[derive(Default)]
pub(crate) struct Followed {
    history: History,
    run: u32,
}

impl Followed {
    /// The number of every network of the next run. Accounts and identifiers have the same numbers in every run.
    pub(crate) fn follow(&mut self, found: Found) -> Vec<usize> {
        let claims = claims(&self.history, &found);
        let networks = &mut self.history.networks;
        let mut numbers = Vec::with_capacity(claims.len());
        for ((claimed, members), identifiers) in claims.into_iter().zip(found.members).zip(found.identifiers) {
            let number = claimed.unwrap_or_else(|| {
                networks.push(Remembered::new(format!("{:08}", networks.len()), self.run));
                networks.len() - 1
            });
            networks[number].found_again(self.run, members, identifiers);
            numbers.push(number);
        }
        self.run += 1;
        numbers
    }
}

/// One pass over all overlaps of `old` and `new`, largest first.
fn claim(
    old: &[Vec<u32>],
    old_sizes: &[usize],
    new: &[Vec<u32>],
    least: usize,
    claims: &mut [Option<usize>],
    taken: &mut BTreeSet<usize>,
) {
    let mut order: Vec<((usize, usize), usize)> = overlaps(old, new, |items| items).into_iter().collect();
    order.sort_by_key(|&((holder, network), shared)| (std::cmp::Reverse(shared), network, holder));
    for ((holder, network), shared) in order {
        let enough = shared >= least && is_most(shared, new[network].len().min(old_sizes[holder]));
        if claims[network].is_none() && enough && taken.insert(holder) {
            claims[network] = Some(holder);
        }
    }
}

/// Gives every network its id. `network_of` is the network of each account, ambiguous ones included.
pub(crate) fn keep(dataset: &Dataset, history: &History, found: &Found, network_of: &[u32], networks: &mut [Network]) {
    for (network, claimed) in networks.iter_mut().zip(claims(history, found)) {
        if let Some(at) = claimed {
            network.id.clone_from(&history.networks[at].id);
        }
    }
    let mut taken: BTreeSet<String> = history.networks.iter().map(|network| network.id.clone()).collect();
    let mut hashers: Vec<blake3::Hasher> = networks.iter().map(|_| blake3::Hasher::new()).collect();
    for (account, &network) in network_of.iter().enumerate() {
        if network != NONE_U32 {
            let hasher = &mut hashers[network as usize];
            hasher.update(dataset.account_name(AccountId(account as u32)).as_bytes());
            hasher.update(&[0]);
        }
    }
    for (network, hasher) in networks.iter_mut().zip(hashers) {
        let mut digest = hasher.finalize_xof();
        while network.id.is_empty() {
            let mut bytes = [0; 4];
            digest.fill(&mut bytes);
            let id = format!("PN-{:08x}", u32::from_be_bytes(bytes));
            if taken.insert(id.clone()) {
                network.id = id;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::history::Standing;
    use super::*;

    fn remembered(id: &str, members: &[u32], identifiers: &[u32]) -> Remembered {
        Remembered {
            id: id.to_owned(),
            score: None,
            gone: Default::default(),
            banned: None,
            members: members.iter().map(|&account| (account, 0)).collect(),
            identifiers: identifiers.to_vec(),
            first_run: 0,
            last_run: 0,
            standing: Standing::Active,
        }
    }

    fn claimed(networks: Vec<Remembered>, found: &[(&[u32], &[u32])]) -> Vec<Option<usize>> {
        let history = History { networks, ..History::default() };
        let members = found.iter().map(|found| found.0.to_vec()).collect();
        claims(&history, &Found { members, identifiers: found.iter().map(|found| found.1.to_vec()).collect() })
    }

    #[test]
    fn half_of_the_smaller_keeps_an_id_and_less_does_not() {
        let old = || vec![remembered("a", &[1, 2, 3, 4], &[])];
        assert_eq!(claimed(old(), &[(&[3, 4, 5, 6, 7], &[])]), [Some(0)]);
        assert_eq!(claimed(old(), &[(&[4, 5, 6, 7], &[])]), [None]);
    }

    #[test]
    fn the_larger_part_of_a_split_keeps_the_id() {
        let old = vec![remembered("a", &[1, 2, 3, 4, 5], &[])];
        assert_eq!(claimed(old, &[(&[1, 2], &[]), (&[3, 4, 5], &[])]), [None, Some(0)]);
    }

    #[test]
    fn replaced_members_keep_the_id_by_two_identifiers_at_least() {
        let old = || vec![remembered("a", &[1, 2, 3], &[7, 8, 9])];
        assert_eq!(claimed(old(), &[(&[4, 5, 6], &[8, 9, 10])]), [Some(0)]);
        assert_eq!(claimed(old(), &[(&[4, 5, 6], &[9])]), [None]);
    }

    #[test]
    fn a_member_who_flickers_does_not_cost_the_id() {
        // Four belonged; two left a run ago. Both are back, the others are gone.
        let mut network = remembered("a", &[], &[]);
        network.members = vec![(1, 1), (2, 1), (3, 0), (4, 0)];
        network.last_run = 1;
        assert_eq!(claimed(vec![network], &[(&[3, 4], &[])]), [Some(0)]);
    }

    #[test]
    fn who_is_followed_keeps_a_number_and_who_is_new_gets_one() {
        let mut followed = Followed::default();
        let mut follow = |found: &[&[u32]]| {
            let members: Vec<Vec<u32>> = found.iter().map(|members| members.to_vec()).collect();
            followed.follow(Found { identifiers: vec![Vec::new(); members.len()], members })
        };
        assert_eq!(follow(&[&[1, 2, 3, 4], &[8, 9]]), [0, 1]);
        assert_eq!(follow(&[&[8, 9, 10], &[20, 21], &[1, 2]]), [1, 2, 0]);
        // Whoever left a run or two ago still says which network it is, and an id waits for its network.
        assert_eq!(follow(&[&[3, 4]]), [0]);
        assert_eq!(follow(&[&[20, 21, 22]]), [2]);
    }

    proptest! {
        #[test]
        fn no_id_goes_twice_and_every_claim_has_half(
            old in prop::collection::vec(prop::collection::btree_set(0u32..20, 1..8), 0..5),
            new in prop::collection::vec(prop::collection::btree_set(0u32..20, 1..8), 0..5),
        ) {
            let networks = old.iter().enumerate().map(|(at, set)| {
                remembered(&at.to_string(), &set.iter().copied().collect::<Vec<_>>(), &[])
            }).collect();
            let found: Vec<Vec<u32>> = new.iter().map(|set| set.iter().copied().collect()).collect();
            let found: Vec<(&[u32], &[u32])> = found.iter().map(|set| (set.as_slice(), &[][..])).collect();
            let claims = claimed(networks, &found);
            let taken: Vec<usize> = claims.iter().flatten().copied().collect();
            prop_assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), taken.len());
            for (claim, new) in claims.iter().zip(&new) {
                if let Some(at) = claim {
                    prop_assert!(2 * old[*at].intersection(new).count() >= new.len().min(old[*at].len()));
                }
            }
            // Nobody stays without an id that is free and that it has half of.
            for (claim, new) in claims.iter().zip(&new) {
                let free = (0..old.len()).filter(|at| !taken.contains(at));
                let could = free.filter(|&at| 2 * old[at].intersection(new).count() >= new.len().min(old[at].len())).count();
                prop_assert!(claim.is_some() || could == 0);
            }
        }
    }
}
