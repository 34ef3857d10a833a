//! Which communities share a little of their own, too little to be alike pair by pair?
//!
//! Accounts of a pool that mixes customers' requests with its own, or that are banned and replaced week by week, share few of
//! the pool's prompts: fewer than [`MemberConfig::interlock`] ask of a pair (module `interlock`). So do the users of one tool.
//! What tells them apart is what they do, so they are proposed, and the caller keeps those that do what no harmless story
//! brings.
//!
//! Proposed are the accounts of no group, or of one too small for a profile, of each community whose interlock is at least
//! [`LEAST_INTERLOCK`] and less than `interlock`, if they are `profile_size` or more. Cost: as `interlock`.

use graph::NONE_U32;

use crate::Facts;
use crate::classify::Classification;
use crate::config::MemberConfig;
use crate::holdings::{hold, sizes_of};
use crate::interlock::{LEAST_INTERLOCK, interlocks_of};
use crate::pieces::gathered;

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
    let interlocks = interlocks_of(facts, &hold(facts, classification, communities), config);
    let is_loose = |community: u32| (LEAST_INTERLOCK..config.interlock).contains(&interlocks[community as usize]);
    let is_unjudged = unjudged(facts, groups, config);
    let loose = (0u32..).zip(communities).filter(|&(account, &community)| is_loose(community) && is_unjudged(account));
    gathered(loose.map(|(account, &community)| (community, account)).collect(), config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KindRole;
    use crate::classify::classify_identifiers;
    use crate::config::LinkageConfig;
    use crate::toy::{Touch, Toy};

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

    #[test]
    fn what_is_alike_a_little_is_proposed_unless_a_profile_has_judged_it() {
        let toy = communities();
        let (facts, config) = (toy.facts(), LinkageConfig::default());
        let classification = classify_identifiers(facts, &config.classify);
        let labels: Vec<u32> = (0..200).map(|account| account / 40).collect();
        let proposed = |groups: &[u32]| propose_loose(facts, &classification, &labels, groups, &config.members);
        let second: Vec<u32> = (40..80).collect();
        assert_eq!(proposed(&[NONE_U32; 200]), [second.clone()]);
        // Pairs have no profile; a group of forty has.
        let pairs: Vec<u32> = (0..200).map(|account| account / 2 * 2).collect();
        assert_eq!(proposed(&pairs), [second]);
        let judged: Vec<u32> = (0..200).map(|account| account / 40 * 40).collect();
        assert_eq!(proposed(&judged), [[0; 0]; 0]);
    }
}
