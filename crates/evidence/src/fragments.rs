//! Which candidates, or communities, are fragments of one network that holds together by who pays for it?
//!
//! Accounts that meet by a plan (the address of the day follows from the account's number, a gateway serves ten of them) are
//! tied in clusters: each keeps its addresses to itself, but neither the operator's prompts, which a large part of everybody
//! sends, nor its cards, which pay for accounts of all clusters. None of the clusters accepts another, and each looks like a
//! reseller's customers.
//!
//! Candidates of `profile_size` accounts and more are fragments of one network if more payment instruments (where nobody pays:
//! devices) lead from one into the other than chance gives (module `crossing`): the other accounts of each are drawn from
//! everybody who has any. Addresses don't count: operators rent them from one vendor.
//!
//! A pool that is a large part of the log, and meets by chance, may lie in few candidates. These keep nothing to themselves even
//! together, for most of those whom they meet are in none. Communities of the whole graph hold all of it: modularity has a
//! resolution, and cuts a pool of thousands in several. So the same is asked of communities of `profile_size` and more, each
//! with the candidates that lie mostly in it, unless most of the whole was found already.
//!
//! Either is a proposal only: the profile judges who belongs to the whole, and the caller keeps a whole that scores no less
//! than its fragments, and leaves these as they were otherwise.
//!
//! Cost: as `crossing`.

use std::collections::{BTreeMap, BTreeSet};

use graph::{KindId, NONE_U32, Partition};

use crate::cross_linked::RING_ROLES;
use crate::crossing::{Crossing, Drawn};
use crate::holdings::sizes_of;
use crate::members::{Candidates, Corroborator};
use crate::pieces::gathered;
use crate::profile::{Refined, refine_by_profile};

impl Corroborator<'_> {
    /// Candidates that are fragments of one network: the accounts of each network, ascending.
    pub fn fragments(&self, candidates: &Candidates) -> Vec<Vec<u32>> {
        self.paid_as_one(candidates.networks.iter().map(|network| network.accounts().collect()).collect())
    }

    /// Communities that are fragments of one network, with the candidates that lie mostly in these and without what is in any
    /// other: the accounts of each network, ascending, but of those that one candidate has most of, or the `flagged` ones
    /// together (by candidate). Communities that an exit has thrown together may cut across operators that were told apart.
    ///
    /// # Panics
    /// As [`Corroborator::candidates`].
    pub fn fragments_of(&self, communities: &Partition, candidates: &Candidates, flagged: &[bool]) -> Vec<Vec<u32>> {
        let groups = &candidates.settled.groups;
        let is_asked = |account: &u32| !self.facts.is_allowed_account(*account);
        let labels = (0u32..).zip(&communities.labels()[..groups.len()]).filter(|(account, _)| is_asked(account));
        let of_communities = gathered(labels.map(|(account, &community)| (community, account)).collect(), self.judge.config);
        let sizes = sizes_of(groups);
        let of_flagged = candidates.networks.iter().zip(flagged).filter(|(_, flagged)| **flagged);
        let found: BTreeSet<u32> = of_flagged.flat_map(|(network, _)| network.accounts()).collect();
        let whole = |accounts: Vec<u32>| {
            let mut held: BTreeMap<u32, usize> = BTreeMap::new();
            accounts.iter().for_each(|&account| *held.entry(groups[account as usize]).or_default() += 1);
            held.remove(&NONE_U32);
            let is_found = |&account: &&u32| found.contains(account);
            if held.values().any(|&held| 2 * held > accounts.len())
                || 2 * accounts.iter().filter(is_found).count() > accounts.len()
            {
                return None;
            }
            held.retain(|&group, held| 2 * *held > sizes[group as usize] as usize);
            let of_candidates = (0u32..).zip(groups).filter(|(_, group)| held.contains_key(group)).map(|(account, _)| account);
            let free = accounts.iter().copied().filter(|&account| groups[account as usize] == NONE_U32);
            let mut whole: Vec<u32> = of_candidates.chain(free).collect();
            whole.sort_unstable();
            Some(whole)
        };
        self.paid_as_one(of_communities).into_iter().filter_map(whole).collect()
    }

    /// Which of these groups of accounts, of those with `profile_size` and more, are fragments of one network.
    fn paid_as_one(&self, mut groups: Vec<Vec<u32>>) -> Vec<Vec<u32>> {
        let (facts, config) = (self.facts, self.judge.config);
        let known = RING_ROLES
            .into_iter()
            .find(|&role| facts.identifiers_of_role(|other| other == role).iter().any(|of_kind| !of_kind.is_empty()));
        groups.retain(|accounts| accounts.len() >= config.profile_size as usize);
        let Some(role) = known.filter(|_| groups.len() > 1) else { return Vec::new() };
        let links = |kind: KindId| facts.roles[kind.index()] == role;
        let crossing = Crossing::of(facts, self.judge.classification, &groups, &links, Drawn::OfAll);
        let accounts = |fragments: Vec<usize>| {
            let mut accounts = fragments.into_iter().flat_map(|at| groups[at].iter().copied()).collect::<Vec<u32>>();
            accounts.sort_unstable();
            accounts
        };
        crossing.joined(config.join_bits).into_iter().map(accounts).collect()
    }

    /// The candidates, and what the profiles make of these wholes ([`Corroborator::fragments`], [`Corroborator::fragments_of`])
    /// instead of their fragments.
    pub fn with_wholes(&self, candidates: &Candidates, wholes: &[Vec<u32>]) -> Candidates {
        let Refined { mut groups, standings: mut left } = candidates.settled.clone();
        let mut whole_of = vec![NONE_U32; groups.len()];
        for accounts in wholes {
            for &account in accounts {
                match &mut groups[account as usize] {
                    free if *free == NONE_U32 => *free = accounts[0],
                    // Also whom its group keeps as ambiguous.
                    group => whole_of[*group as usize] = accounts[0],
                }
            }
        }
        let renamed = |group: &mut u32| match whole_of.get(*group as usize) {
            Some(&whole) if whole != NONE_U32 => *group = whole,
            _ => {}
        };
        groups.iter_mut().for_each(renamed);
        left.iter_mut().flatten().for_each(|standing| renamed(&mut standing.group));
        let settled = refine_by_profile(&self.judge, &self.ties.pairs, groups, left);
        self.redescribed(candidates.clone(), settled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KindRole;
    use crate::candidate::Origin;
    use crate::classify::classify_identifiers;
    use crate::config::LinkageConfig;
    use crate::members::Ties;
    use crate::toy::{Touch, Toy};
    use crate::weigh::weigh_sightings;

    const PEOPLE: u32 = 2_000;
    const FRAGMENT: u32 = 40;

    /// People with an address and a card each; then fragments of 40 accounts that share ten addresses, two an account, and
    /// cards: one set of so many for all fragments, or one for each.
    fn fragments(count: u32, cards: u32, are_one: bool) -> Toy {
        let mut touches: Vec<Touch> =
            (0..PEOPLE).flat_map(|account| [(account, 0, account, 0), (account, 1, account, 0)]).collect();
        for (fragment, member) in (0..count).flat_map(|fragment| (0..FRAGMENT).map(move |member| (fragment, member))) {
            let account = PEOPLE + fragment * FRAGMENT + member;
            let addresses = PEOPLE + fragment * 10;
            touches.extend([0, 1].map(|at| (account, 0, addresses + (member / 4 + at) % 10, 0)));
            let of_fragment = if are_one { 0 } else { fragment * cards };
            touches.push((account, 1, PEOPLE + of_fragment + (member * 7 + fragment * 3) % cards, 0));
        }
        Toy::new(&[KindRole::Address, KindRole::Payment], PEOPLE + count * FRAGMENT, &touches)
    }

    /// What a search makes of candidates. `group`: by account, the first of its candidate, or `NONE_U32`.
    fn of_candidates<T>(toy: &Toy, group: impl Fn(u32) -> u32, search: impl FnOnce(&Corroborator<'_>, &Candidates) -> T) -> T {
        let config = LinkageConfig::default();
        let facts = toy.facts();
        let classification = classify_identifiers(facts, &config.classify);
        let weights = weigh_sightings(facts, &classification, &config.weigh);
        let ties = Ties::of_rule(facts, &classification, &weights, &config.members);
        let corroborator = Corroborator::new(facts, &classification, &weights, &ties, &config.members);
        let (settled, _) = corroborator.as_grouped((0..toy.graph.account_count() as u32).map(group).collect());
        let candidates = Candidates {
            networks: corroborator.described(&settled, Origin::Common),
            terms: ties.rule.terms.clone(),
            templates_asked: 0,
            settled,
            in_turn: BTreeSet::new(),
            free: Refined::default(),
        };
        search(&corroborator, &candidates)
    }

    fn sizes(of: &Candidates) -> Vec<usize> {
        of.networks.iter().map(|network| network.accounts().count()).collect()
    }

    /// The first account of an account's fragment.
    fn fragment_of(account: u32) -> u32 {
        if account < PEOPLE { NONE_U32 } else { account - (account - PEOPLE) % FRAGMENT }
    }

    /// By candidate its accounts; by whole its accounts; and the accounts of the candidates that they make.
    fn found(toy: &Toy) -> (Vec<usize>, Vec<usize>, Vec<usize>) {
        of_candidates(toy, fragment_of, |corroborator, candidates| {
            let wholes = corroborator.fragments(candidates);
            let whole = corroborator.with_wholes(candidates, &wholes);
            (sizes(candidates), wholes.iter().map(Vec::len).collect(), sizes(&whole))
        })
    }

    #[test]
    fn fragments_that_one_set_of_cards_pays_for_are_one() {
        let (candidates, wholes, whole) = found(&fragments(4, 16, true));
        assert_eq!(candidates, [FRAGMENT as usize; 4]);
        assert_eq!((wholes, whole), (vec![4 * FRAGMENT as usize], vec![4 * FRAGMENT as usize]));
    }

    #[test]
    fn operators_with_cards_of_their_own_stay_apart() {
        let (candidates, wholes, whole) = found(&fragments(4, 16, false));
        assert_eq!((candidates.as_slice(), wholes.as_slice()), (&[FRAGMENT as usize; 4][..], &[][..]));
        assert_eq!(whole, candidates);
    }

    /// Communities: the fragments, and everybody else.
    fn communities(toy: &Toy) -> Partition {
        let label = |account: u32| if account < PEOPLE { 0 } else { fragment_of(account) };
        Partition::from_labels((0..toy.graph.account_count() as u32).map(label).collect())
    }

    #[test]
    fn of_a_network_that_candidates_hold_a_part_of_the_communities_hold_the_rest() {
        let toy = fragments(10, 40, true);
        // Two of ten fragments, and a candidate of people into which one account of a third has strayed.
        let astray = PEOPLE + 2 * FRAGMENT;
        let group = |account: u32| match account {
            100..130 => 100,
            _ if account == astray => 100,
            PEOPLE.. if account < astray => fragment_of(account),
            _ => NONE_U32,
        };
        let all: Vec<u32> = (PEOPLE..PEOPLE + 10 * FRAGMENT).filter(|&account| account != astray).collect();
        of_candidates(&toy, group, |corroborator, candidates| {
            let proposed = corroborator.fragments_of(&communities(&toy), candidates, &[false; 3]);
            assert_eq!(proposed, [all]);
            // The profile lets in whom the other candidate held.
            let whole = sizes(&corroborator.with_wholes(candidates, &proposed));
            assert_eq!(whole.iter().max(), Some(&(10 * FRAGMENT as usize)), "{whole:?}");
        });
    }

    #[test]
    fn what_most_was_found_of_is_not_proposed_again() {
        let toy = fragments(4, 16, true);
        let communities = communities(&toy);
        // By the candidates of three fragments, and by whether they are flagged: how many networks are proposed.
        let proposed = |toy: &Toy, group: fn(u32) -> u32, flagged: bool| {
            of_candidates(toy, group, |corroborator, candidates| {
                corroborator.fragments_of(&communities, candidates, &[flagged; 3]).len()
            })
        };
        let apart = |account: u32| if account < PEOPLE + FRAGMENT { NONE_U32 } else { fragment_of(account) };
        let as_one = |account: u32| if account < PEOPLE + FRAGMENT { NONE_U32 } else { PEOPLE + FRAGMENT };
        assert_eq!(proposed(&toy, apart, false), 1);
        assert_eq!(proposed(&toy, apart, true), 0);
        assert_eq!(proposed(&toy, as_one, false), 0);
        assert_eq!(proposed(&fragments(4, 16, false), apart, false), 0);
    }
}
