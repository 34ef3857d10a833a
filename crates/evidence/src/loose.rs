//! Which communities share a little of their own, too little to be alike pair by pair?
//!
//! Accounts of a pool that mixes customers' requests with its own, or that are banned and replaced week by week, share few of
//! the pool's prompts: fewer than [`MemberConfig::interlock`] ask of a pair (module `interlock`). So do the users of one tool.
//! What tells them apart is what they do, so they are proposed, and the caller keeps those that do what no harmless story
//! brings, and those that are alike in time and in content if they are flagged as a whole.
//!
//! Proposed are the accounts of no group, or of one too small for a profile, of each community whose interlock is at least
//! [`LEAST_INTERLOCK`] and less than `interlock`, that share at least [`ALIKE_SHARE`] of this with the others, if they are
//! `profile_size` or more. The interlock is a mean: a ring of twelve that share thirty prompts among twenty-five strangers has
//! that of a loose pool, but in a pool nobody is far below the mean. Nor is a pool two groups that have nothing in common: those
//! that no chain of what the community keeps to itself leads to are groups of their own, for a ring of six that does what no story
//! brings made one network with the seven of a household. Cost: as `interlock`.

use std::collections::BTreeSet;

use ahash::AHashMap;
use graph::{DisjointSets, NONE_U32, Partition};

use crate::Facts;
use crate::classify::Classification;
use crate::config::MemberConfig;
use crate::holdings::{hold, sizes_of};
use crate::interlock::{Exclusive, LEAST_INTERLOCK, interlocks_of};
use crate::members::{Candidates, Corroborator};
use crate::pieces::gathered;
use crate::standing::Judge;

/// What an account shares with a random other one of its community, of what two accounts do in the mean.
const ALIKE_SHARE: f64 = 0.25;

/// Whether an account is in no group, or in one too small for a profile, by its group so far or `NONE_U32`; never known-good ones.
pub(crate) fn unjudged<'a>(facts: Facts<'a>, groups: &'a [u32], config: &'a MemberConfig) -> impl Fn(u32) -> bool + Sync + 'a {
    let sizes = sizes_of(groups);
    move |account| {
        let group = groups[account as usize];
        (group == NONE_U32 || sizes[group as usize] < config.profile_size) && !facts.is_allowed_account(account)
    }
}

/// The accounts of each loose community, ascending. `groups`: by account its group so far, or `NONE_U32`.
pub(crate) fn propose_loose(
    facts: Facts<'_>,
    classification: &Classification,
    communities: &[u32],
    groups: &[u32],
    config: &MemberConfig,
) -> Vec<Vec<u32>> {
    let holdings = hold(facts, classification, communities);
    let interlocks = interlocks_of(facts, &holdings, config);
    let is_loose = |community: u32| (LEAST_INTERLOCK..config.interlock).contains(&interlocks[community as usize]);
    let is_unjudged = unjudged(facts, groups, config);
    let is_alike = |account: u32, community: u32| {
        let exclusive = Exclusive { facts, holdings: &holdings, community, config };
        exclusive.shared_by(account) >= ALIKE_SHARE * interlocks[community as usize]
    };
    let loose = (0u32..)
        .zip(communities)
        .filter(|&(account, &community)| is_loose(community) && is_unjudged(account) && is_alike(account, community));
    let gathered = gathered(loose.map(|(account, &community)| (community, account)).collect(), config);
    let exclusive = |community: u32| Exclusive { facts, holdings: &holdings, community, config };
    gathered.iter().flat_map(|accounts| parts_of(accounts, &exclusive(communities[accounts[0] as usize]))).collect()
}

/// The parts of a group of `profile_size` or more, each ascending, that what its community keeps to itself holds together.
fn parts_of(accounts: &[u32], exclusive: &Exclusive<'_>) -> Vec<Vec<u32>> {
    let mut sets = DisjointSets::new(accounts.len());
    let mut first: AHashMap<u32, u32> = AHashMap::new();
    for (at, &account) in (0u32..).zip(accounts) {
        for identifier in exclusive.of(account) {
            sets.join(*first.entry(identifier).or_insert(at), at);
        }
    }
    gathered(sets.into_roots().into_iter().zip(accounts.iter().copied()).collect(), exclusive.config)
}

impl Corroborator<'_> {
    /// Accounts in no candidate of some size of communities that share a little of their own (module `loose`), each in one
    /// group. `communities`: as [`crate::Proposals::communities`].
    ///
    /// # Panics
    /// As [`Corroborator::candidates`].
    pub fn loosely_alike(&self, candidates: &Candidates, communities: &[&Partition]) -> Vec<Vec<u32>> {
        let Judge { classification, config, .. } = self.judge;
        let groups = &candidates.settled.groups;
        let of = |partition: &&Partition| {
            propose_loose(self.facts, classification, &partition.labels()[..groups.len()], groups, config)
        };
        let mut taken = BTreeSet::new();
        let mut apart = Vec::new();
        for accounts in communities.iter().flat_map(of) {
            let free: Vec<u32> = accounts.into_iter().filter(|&account| taken.insert(account)).collect();
            if free.len() >= config.profile_size as usize {
                apart.push(free);
            }
        }
        apart
    }

    /// The candidates, and what the profiles make of these groups ([`Corroborator::loosely_alike`]) beside theirs; without those
    /// of which less than a profile needs is left, since nothing has judged who belongs to that.
    pub fn with_loose(&self, candidates: Candidates, proposed: &[Vec<u32>]) -> Candidates {
        if proposed.is_empty() {
            return candidates;
        }
        let found = self.with_groups(candidates.clone(), proposed);
        let groups = &found.settled.groups;
        let sizes = sizes_of(groups);
        let stands = |accounts: &&Vec<u32>| {
            let mut homes: Vec<u32> = accounts.iter().map(|&account| groups[account as usize]).collect();
            homes.retain(|&home| home != NONE_U32);
            homes.sort_unstable();
            let most = homes.chunk_by(|left, right| left == right).max_by_key(|run| (run.len(), sizes[run[0] as usize]));
            most.is_some_and(|run| sizes[run[0] as usize] >= self.judge.config.profile_size)
        };
        let standing: Vec<Vec<u32>> = proposed.iter().filter(stands).cloned().collect();
        if standing.len() == proposed.len() { found } else { self.with_groups(candidates, &standing) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KindRole;
    use crate::classify::classify_identifiers;
    use crate::config::LinkageConfig;
    use crate::members::{Proposals, Ties};
    use crate::toy::{Touch, Toy};
    use crate::weigh::weigh_sightings;

    /// Four communities of 40 with a card each: two accounts of the first share 5 of 80 prompts on average, of the second 1.25, of
    /// the third a quarter of one, and the fourth's prompts are those of as many strangers.
    fn communities() -> Toy {
        let mut touches: Vec<Touch> = (0..200).map(|account| (account, 0, account, 0)).collect();
        for (community, prompts) in [(0, 20), (1, 10), (2, 4), (3, 10), (4, 10)] {
            for member in 0..40 {
                let prompt = |at: u32| 80 * u32::min(community, 3) + (member * 13 + at * 29) % 80;
                touches.extend((0..prompts).map(|at| (40 * community + member, 1, prompt(at), 0)));
            }
        }
        Toy::new(&[KindRole::Payment, KindRole::Template], 200, &touches)
    }

    /// 2,000 strangers with a card and prompts of their own; then a pool of 40 and a ring of 12, whose accounts have 20 of 60 and
    /// of 40 prompts each that nobody else has.
    fn pool_and_ring() -> Toy {
        let mut touches: Vec<Touch> = (0..2_000)
            .flat_map(|account| [(account, 0, account, 0), (account, 1, account % 400, 0), (account, 1, 400 + account, 0)])
            .collect();
        for (first, count, prompts) in [(2_000, 40, 2_400..2_460), (2_040, 12, 2_500..2_540)] {
            for member in 0..count {
                touches.push((first + member, 0, first + member, 0));
                let prompt = |at: u32| prompts.start + (member * 7 + at * 3) % prompts.len() as u32;
                touches.extend((0..20).map(|at| (first + member, 1, prompt(at), 0)));
            }
        }
        Toy::new(&[KindRole::Payment, KindRole::Template], 2_052, &touches)
    }

    #[test]
    fn of_a_community_the_rest_that_no_profile_can_judge_is_none() {
        let toy = pool_and_ring();
        let (facts, config) = (toy.facts(), LinkageConfig::default());
        let classification = classify_identifiers(facts, &config.classify);
        let weights = weigh_sightings(facts, &classification, &config.weigh);
        let ties = Ties::of_rule(facts, &classification, &weights, &config.members);
        let corroborator = Corroborator::new(facts, &classification, &weights, &ties, &config.members);
        let nothing = Partition::from_labels((0..toy.graph.vertex_count() as u32).collect());
        let alone = corroborator.candidates(&Proposals { tied: &nothing, communities: &[] });
        assert_eq!(alone.networks, []);
        // The pool with six strangers, and the ring with eight.
        let pool = (100..106).chain(2_000..2_040).collect();
        let ring = (200..208).chain(2_040..2_052).collect();
        let found = corroborator.with_loose(alone, &[pool, ring]);
        let accounts: Vec<Vec<u32>> = found.networks.iter().map(|network| network.accounts().collect()).collect();
        assert_eq!(accounts, [(2_000..2_040).collect::<Vec<u32>>()]);
    }

    #[test]
    fn a_few_who_are_much_alike_do_not_make_their_neighbours_alike() {
        // Twelve with thirty prompts of their own, in a community with 25 strangers who have nothing in common.
        let mut touches: Vec<Touch> = (0..200).map(|account| (account, 0, account, 0)).collect();
        touches.extend((0..12).flat_map(|member| (0..30).map(move |at| (member, 1, at, 0))));
        touches.extend((12..200).map(|account| (account, 1, 100 + account, 0)));
        let toy = Toy::new(&[KindRole::Payment, KindRole::Template], 200, &touches);
        let (facts, config) = (toy.facts(), LinkageConfig::default().members);
        let classification = classify_identifiers(facts, &LinkageConfig::default().classify);
        let labels: Vec<u32> = (0..200).map(|account| if account < 37 { 0 } else { account }).collect();
        let interlocks = interlocks_of(facts, &hold(facts, &classification, &labels), &config);
        assert!((LEAST_INTERLOCK..config.interlock).contains(&interlocks[0]), "{}", interlocks[0]);
        assert_eq!(propose_loose(facts, &classification, &labels, &[NONE_U32; 200], &config), [[0; 0]; 0]);
    }

    #[test]
    fn two_groups_with_nothing_in_common_are_not_alike_together() {
        // Ten with thirty prompts of their own, and ten on ten addresses, in one community; the same where one has both.
        let both = |shared: bool| {
            let mut touches: Vec<Touch> = (0..200).map(|account| (account, 0, account, 0)).collect();
            touches.extend((0..10).flat_map(|member| (0..30).map(move |at| (member, 1, at, 0))));
            touches.extend((10..20).flat_map(|member| (0..30).map(move |at| (member, 2, at, 0))));
            touches.extend((20..200).map(|account| (account, 1, 100 + account, 0)));
            touches.extend(shared.then_some((0, 2, 0, 0)));
            let toy = Toy::new(&[KindRole::Payment, KindRole::Template, KindRole::Address], 200, &touches);
            let (facts, config) = (toy.facts(), LinkageConfig::default().members);
            let config = MemberConfig { interlock: 40.0, ..config };
            let classification = classify_identifiers(facts, &LinkageConfig::default().classify);
            let labels: Vec<u32> = (0..200).map(|account| if account < 20 { 0 } else { account }).collect();
            propose_loose(facts, &classification, &labels, &[NONE_U32; 200], &config)
        };
        assert_eq!(both(false), [[0; 0]; 0]);
        assert_eq!(both(true), [(0..20).collect::<Vec<u32>>()]);
    }

    #[test]
    fn what_is_alike_a_little_is_proposed_unless_a_profile_has_judged_it() {
        let toy = communities();
        let (facts, config) = (toy.facts(), LinkageConfig::default());
        let classification = classify_identifiers(facts, &config.classify);
        let labels: Vec<u32> = (0..200).map(|account| account / 40).collect();
        let proposed = |groups: &[u32]| propose_loose(facts, &classification, &labels, groups, &config.members);
        let second: Vec<u32> = (40..80).collect();
        assert_eq!(proposed(&[NONE_U32; 200]), std::slice::from_ref(&second));
        // Pairs have no profile; a group of forty has.
        let pairs: Vec<u32> = (0..200).map(|account| account / 2 * 2).collect();
        assert_eq!(proposed(&pairs), [second]);
        let judged: Vec<u32> = (0..200).map(|account| account / 40 * 40).collect();
        assert_eq!(proposed(&judged), [[0; 0]; 0]);
    }
}
