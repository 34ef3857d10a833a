//! Which candidates are fragments of one network that holds together by who pays for it?
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
//! It is a proposal only: the profile judges who belongs to the whole, and the caller keeps a whole that scores as a network
//! does, and leaves the fragments as they were otherwise.
//!
//! Cost: as `crossing`.

use graph::{KindId, NONE_U32};

use crate::cross_linked::RING_ROLES;
use crate::crossing::{Crossing, Drawn};
use crate::members::{Candidate, Candidates, Corroborator};
use crate::profile::{Refined, refine_by_profile};

impl Corroborator<'_> {
    /// Candidates, by place, that are fragments of one network: those of each network, ascending.
    pub fn fragments(&self, candidates: &Candidates) -> Vec<Vec<usize>> {
        let (facts, config) = (self.facts, self.judge.config);
        let known = RING_ROLES
            .into_iter()
            .find(|&role| facts.identifiers_of_role(|other| other == role).iter().any(|of_kind| !of_kind.is_empty()));
        let networks = &candidates.networks;
        let of_size = |network: &Candidate| network.accounts().count() >= config.profile_size as usize;
        let large: Vec<usize> = (0..networks.len()).filter(|&at| of_size(&networks[at])).collect();
        let Some(role) = known.filter(|_| large.len() > 1) else { return Vec::new() };
        let accounts: Vec<Vec<u32>> = large.iter().map(|&at| networks[at].accounts().collect()).collect();
        let links = |kind: KindId| facts.roles[kind.index()] == role;
        let crossing = Crossing::of(facts, self.judge.classification, &accounts, &links, Drawn::OfAll);
        let placed = |groups: Vec<usize>| groups.into_iter().map(|fragment| large[fragment]).collect();
        crossing.joined(config.join_bits).into_iter().map(placed).collect()
    }

    /// The candidates, and what the profiles make of these wholes ([`Corroborator::fragments`]) instead of their fragments.
    pub fn with_wholes(&self, candidates: &Candidates, wholes: &[Vec<usize>]) -> Candidates {
        let Refined { mut groups, standings: mut left } = candidates.settled.clone();
        let mut whole_of = vec![NONE_U32; groups.len()];
        for fragments in wholes {
            let group_of = |&at: &usize| groups[candidates.networks[at].accounts().next().expect("an account") as usize];
            let of_fragments: Vec<u32> = fragments.iter().map(group_of).collect();
            of_fragments.iter().for_each(|&group| whole_of[group as usize] = of_fragments[0]);
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
    use std::collections::BTreeSet;

    use super::*;
    use crate::KindRole;
    use crate::classify::classify_identifiers;
    use crate::config::LinkageConfig;
    use crate::members::{Origin, Ties};
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

    /// By candidate its accounts; the fragments found; and the accounts of the candidates that they make.
    fn found(toy: &Toy) -> (Vec<usize>, Vec<Vec<usize>>, Vec<usize>) {
        let config = LinkageConfig::default();
        let facts = toy.facts();
        let classification = classify_identifiers(facts, &config.classify);
        let weights = weigh_sightings(facts, &classification, &config.weigh);
        let ties = Ties::of_rule(facts, &classification, &weights, &config.members);
        let corroborator = Corroborator::new(facts, &classification, &weights, &ties, &config.members);
        let group = |account: u32| if account < PEOPLE { NONE_U32 } else { account - (account - PEOPLE) % FRAGMENT };
        let (settled, _) = corroborator.as_grouped((0..toy.graph.account_count() as u32).map(group).collect());
        let candidates = Candidates {
            networks: corroborator.described(&settled, Origin::Common),
            terms: ties.rule.terms.clone(),
            templates_asked: 0,
            settled,
            in_turn: BTreeSet::new(),
            free: Refined::default(),
        };
        let wholes = corroborator.fragments(&candidates);
        let whole = corroborator.with_wholes(&candidates, &wholes);
        let sizes = |of: &Candidates| of.networks.iter().map(|network| network.accounts().count()).collect();
        (sizes(&candidates), wholes, sizes(&whole))
    }

    #[test]
    fn fragments_that_one_set_of_cards_pays_for_are_one() {
        let (candidates, wholes, whole) = found(&fragments(4, 16, true));
        assert_eq!(candidates, [FRAGMENT as usize; 4]);
        assert_eq!(wholes, [[0, 1, 2, 3]]);
        assert_eq!(whole, [4 * FRAGMENT as usize]);
    }

    #[test]
    fn operators_with_cards_of_their_own_stay_apart() {
        let (candidates, wholes, whole) = found(&fragments(4, 16, false));
        assert_eq!(candidates, [FRAGMENT as usize; 4]);
        assert_eq!(wholes, [[0; 0]; 0]);
        assert_eq!(whole, candidates);
    }
}
