//! Which communities share so much of their own that any two members are alike?
//!
//! An operator who pays for an own address and an own card for each account leaves no pair of rare identifiers that would tie two
//! accounts ([`crate::members`]); what is left is the work itself, spread over templates that the pool keeps to itself. A community of
//! the bipartite graph holds it whole, but so does every crowd of users of one tool have a community. They differ in how much two
//! members have in common:
//!
//! ```text
//! interlock(C) = sum over identifiers exclusive to C of h (h - 1) / (n (n - 1))        h of the n accounts of C have the identifier
//! ```
//!
//! is the number of exclusive identifiers that a random pair of accounts of the community shares: each identifier adds at most 1, users
//! of one tool or one assignment come to about 1, and accounts that merely are busy to less. Exclusive: at least `exclusivity` of an
//! identifier's accounts are in the community, one left out of both.
//!
//! 1. *Count* the accounts of each identifier by community, in communities of `profile_size` accounts or more.
//! 2. *Propose* where the interlock is at least [`MemberConfig::interlock`]: accounts of the community without a group join the group that holds
//!    most of it, or are one, if that has `profile_size` accounts. The profile then decides account by account ([`crate::profile`]).
//!
//! Cost: O(sightings).

use graph::{IdentifierId, NONE_U32};

use crate::Facts;
use crate::classify::Classification;
use crate::config::MemberConfig;
use crate::holdings::hold;

/// Puts the free accounts of interlocked communities in the group that holds most of the community, or in one of their own.
pub(crate) fn propose_interlocked(
    facts: Facts<'_>,
    classification: &Classification,
    communities: &[u32],
    groups: &mut [u32],
    config: &MemberConfig,
) {
    let interlocks = interlocks_of(facts, classification, communities, config);
    // (community, group, account) of every account of an interlocked community; free accounts last.
    let mut rows: Vec<(u32, u32, u32)> = communities
        .iter()
        .enumerate()
        .filter(|&(account, &community)| {
            interlocks[community as usize] >= config.interlock && !facts.is_allowed_account(account as u32)
        })
        .map(|(account, &community)| (community, groups[account], account as u32))
        .collect();
    rows.sort_unstable();
    for community in rows.chunk_by(|left, right| left.0 == right.0) {
        let (tied, free) = community.split_at(community.partition_point(|row| row.1 != NONE_U32));
        let of_groups = tied.chunk_by(|left, right| left.1 == right.1).map(|run| (run.len(), run[0].1));
        let largest = of_groups.max_by_key(|&(size, group)| (size, std::cmp::Reverse(group)));
        let host = match largest {
            Some((size, group)) if size >= config.profile_size as usize => Some(group),
            _ if free.len() >= config.profile_size as usize => Some(free[0].2),
            _ => None,
        };
        if let Some(host) = host {
            free.iter().for_each(|&(.., account)| groups[account as usize] = host);
        }
    }
}

/// By community: the exclusive identifiers that a random pair of its accounts shares; 0 below `profile_size` accounts.
fn interlocks_of(facts: Facts<'_>, classification: &Classification, communities: &[u32], config: &MemberConfig) -> Vec<f64> {
    let holdings = hold(facts, classification, communities);
    // Exclusive identifiers that ordered pairs of accounts share.
    let mut shared = vec![0u64; holdings.sizes.len()];
    for identifier in 0..facts.graph.identifier_count() as u32 {
        let accounts = facts.graph.identifier_degree(IdentifierId(identifier)) as f64;
        for &(community, held) in holdings.of(identifier) {
            if f64::from(held) - 1.0 >= config.exclusivity * (accounts - 1.0) {
                shared[community as usize] += u64::from(held) * u64::from(held - 1);
            }
        }
    }
    let interlock = |(&size, &shared): (&u32, &u64)| {
        let pairs = f64::from(size) * f64::from(size.saturating_sub(1));
        if size >= config.profile_size { shared as f64 / pairs } else { 0.0 }
    };
    holdings.sizes.iter().zip(&shared).map(interlock).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KindRole;
    use crate::classify::classify_identifiers;
    use crate::config::LinkageConfig;
    use crate::toy::{Touch, Toy};

    /// Three communities of 40: members of the first have 20 of 40 templates each, those of the second one template of the tool they use
    /// and 19 of their own, and the third's 20 of 40 that as many strangers have as well.
    fn crowds() -> (Toy, Vec<u32>) {
        let mut touches: Vec<Touch> = Vec::new();
        for member in 0..40u32 {
            touches.extend((0..20).map(|at| (member, 0, (member + 2 * at) % 40, 0)));
            touches.push((40 + member, 0, 40, 0));
            touches.extend((1..20).map(|at| (40 + member, 0, 100 + 20 * member + at, 0)));
            touches.extend((0..20).map(|at| (80 + member, 0, 1_000 + (member + 2 * at) % 40, 0)));
        }
        // 200 strangers, each in a community of its own.
        touches.extend(
            (0..200).flat_map(|stranger| (0..20).map(move |at| (120 + stranger, 0, 1_000 + (stranger + 2 * at) % 40, 0))),
        );
        let communities = (0..320u32).map(|account| if account < 120 { account / 40 } else { account }).collect();
        (Toy::new(&[KindRole::Template], 320, &touches), communities)
    }

    fn proposed(toy: &Toy, communities: &[u32], mut groups: Vec<u32>, config: &MemberConfig) -> Vec<u32> {
        let classification = classify_identifiers(toy.facts(), &LinkageConfig::default().classify);
        propose_interlocked(toy.facts(), &classification, communities, &mut groups, config);
        groups
    }

    #[test]
    fn only_the_community_whose_members_are_alike_pair_by_pair_is_proposed() {
        let (toy, communities) = crowds();
        let groups = proposed(&toy, &communities, vec![NONE_U32; 320], &MemberConfig::default());
        assert!(groups[..40].iter().all(|&group| group == 0), "{groups:?}");
        assert!(groups[40..].iter().all(|&group| group == NONE_U32), "{groups:?}");
    }

    #[test]
    fn the_interlock_is_what_a_random_pair_shares() {
        let (toy, communities) = crowds();
        // Each template of the first community is on 20 of its 40 accounts: 40 * 20 * 19 / (40 * 39) = 9.74 on a random pair.
        let at = |interlock: f64| {
            let config = MemberConfig { interlock, ..MemberConfig::default() };
            proposed(&toy, &communities, vec![NONE_U32; 320], &config)[0]
        };
        assert_eq!((at(9.7), at(9.8)), (0, NONE_U32));
        // The tool's users share one.
        let config = MemberConfig { interlock: 1.0, ..MemberConfig::default() };
        assert_eq!(proposed(&toy, &communities, vec![NONE_U32; 320], &config)[40], 40);
    }

    #[test]
    fn the_free_accounts_of_a_community_join_the_group_that_holds_most_of_it() {
        let (toy, communities) = crowds();
        let after = |tied: std::ops::Range<usize>| {
            let mut groups = vec![NONE_U32; 320];
            groups[tied.clone()].fill(tied.start as u32);
            proposed(&toy, &communities, groups, &MemberConfig::default())
        };
        assert!(after(10..30)[..40].iter().all(|&group| group == 10));
        // Ten have no profile that could judge the thirty others, who are a group of their own.
        let groups = after(0..10);
        assert!(groups[..10].iter().all(|&group| group == 0) && groups[10..40].iter().all(|&group| group == 10), "{groups:?}");
    }
}
