//! Which candidates are a network, and others on the exits that it rents?
//!
//! Whoever has a vendor's exits in common with an operator is tied to its accounts by as many bits as they are to each other: where
//! nobody knows prompts, and the operator's accounts are a good part of the vendor's customers, nothing shows that the exits are not
//! the operator's. The others are *fringe* then, for what ties them is of one kind, and the operator's accounts *core*, since they
//! share cards or more besides. Two readings of one candidate are compared: all of it is one operator's, or its core is. The others
//! of a pool do what its core does, so that the whole has as many bits; customers do what anybody does, and take from the case.
//!
//! Cores of fewer than `profile_size` accounts aren't asked: their score is mostly how firmly they are tied, and whoever is tied most
//! firmly is tied more firmly than all.
//!
//! A proposal only: the caller scores the core by itself, and keeps what scores more by five bits. Cost:
//! O(sightings of the cores), and scoring them.

use crate::candidate::{Candidate, Member, Role};
use crate::members::Corroborator;

/// Fewer others than one in so many of a candidate's accounts can't make the difference.
const FEWEST_OTHERS: usize = 4;

impl Corroborator<'_> {
    /// The core of a candidate as a candidate, in which the fringe is ambiguous; `None` where the core is smaller than
    /// `profile_size` or nearly all of it.
    pub fn core_of(&self, candidate: &Candidate) -> Option<Candidate> {
        let of_role = |role| candidate.members.iter().filter(move |member| member.role == role);
        let core: Vec<u32> = of_role(Role::Core).map(|member| member.account).collect();
        let fringe = of_role(Role::Fringe).count();
        if core.len() < self.judge.config.profile_size as usize || fringe * FEWEST_OTHERS < core.len() + fringe {
            return None;
        }
        let (mut alone, _) = self.given(&core);
        let others = candidate.members.iter().filter(|member| member.role != Role::Core);
        alone.members.extend(others.map(|&member| Member { role: Role::Ambiguous, ..member }));
        alone.members.sort_by_key(|member| member.account);
        alone.origin = candidate.origin;
        Some(alone)
    }
}

#[cfg(test)]
mod tests {
    use graph::NONE_U32;

    use super::*;
    use crate::KindRole;
    use crate::candidate::Origin;
    use crate::classify::classify_identifiers;
    use crate::config::LinkageConfig;
    use crate::members::Ties;
    use crate::toy::{Touch, Toy};
    use crate::weigh::weigh_sightings;

    const OPERATOR: u32 = 24;
    const PEOPLE: u32 = 1_000;

    /// An operator's accounts, six to a card, and so many customers on cards of their own, each on six of the vendor's twenty exits;
    /// and people who have nothing to do with them. What is left of the candidate that holds all customers: its members who count, and
    /// those who don't.
    fn core_beside(customers: u32) -> Option<(Vec<u32>, usize)> {
        let on_exits =
            (0..OPERATOR + customers).flat_map(|account| (0..6).map(move |at| (account, 0, (account * 7 + at * 3) % 20, 0)));
        let card = |account: u32| if account < OPERATOR { account / 6 } else { account };
        let paying = (0..OPERATOR + customers).map(|account| (account, 1, card(account), 0));
        let people = (OPERATOR + customers..OPERATOR + customers + PEOPLE)
            .flat_map(|account| [(account, 0, account, 0), (account, 1, account, 0)]);
        let touches: Vec<Touch> = on_exits.chain(paying).chain(people).collect();
        let count = OPERATOR + customers + PEOPLE;
        let toy = Toy::new(&[KindRole::Address, KindRole::Payment], count, &touches);
        let (facts, config) = (toy.facts(), LinkageConfig::default());
        let classification = classify_identifiers(facts, &config.classify);
        let weights = weigh_sightings(facts, &classification, &config.weigh);
        let ties = Ties::of_rule(facts, &classification, &weights, &config.members);
        let corroborator = Corroborator::new(facts, &classification, &weights, &ties, &config.members);
        let group = |account: u32| if account < OPERATOR + customers { 0 } else { NONE_U32 };
        let (settled, _) = corroborator.as_grouped((0..count).map(group).collect());
        let candidate = corroborator.described(&settled, Origin::Common).remove(0);
        assert_eq!(candidate.accounts().count(), (OPERATOR + customers) as usize);
        let alone = corroborator.core_of(&candidate)?;
        assert!(alone.members.is_sorted_by_key(|member| member.account));
        Some((alone.accounts().collect(), alone.members.len()))
    }

    #[test]
    fn the_core_is_who_shares_more_than_a_vendors_exits() {
        assert_eq!(core_beside(40), Some(((0..OPERATOR).collect(), (OPERATOR + 40) as usize)));
    }

    #[test]
    fn a_few_others_make_no_difference() {
        assert_eq!(core_beside(6), None);
    }
}
