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
//! 1. *Count* the accounts of each identifier by community, the accounts that ties have grouped left aside.
//! 2. *Propose* every community of `profile_size` accounts or more whose interlock is at least [`MemberConfig::interlock`] as a group; the
//!    profile then decides account by account ([`crate::profile`]).
//!
//! Cost: O(sightings).

use graph::NONE_U32;

use crate::Facts;
use crate::classify::Classification;
use crate::config::MemberConfig;
use crate::holdings::hold;

/// Puts the free accounts of interlocked communities in groups, named by their smallest account.
pub(crate) fn propose_interlocked(
    facts: Facts<'_>,
    classification: &Classification,
    communities: &[u32],
    groups: &mut [u32],
    config: &MemberConfig,
) {
    let mut names: Vec<u32> = vec![NONE_U32; communities.iter().max().map_or(0, |&most| most as usize + 1)];
    let mut proposed = vec![NONE_U32; groups.len()];
    for (account, &community) in communities.iter().enumerate() {
        if groups[account] == NONE_U32 && !facts.is_allowed_account(account as u32) {
            let name = &mut names[community as usize];
            *name = (*name).min(account as u32);
            proposed[account] = *name;
        }
    }
    let holdings = hold(facts, classification, &proposed);
    // Exclusive identifiers that ordered pairs of accounts share.
    let mut shared = vec![0u64; groups.len()];
    for identifier in 0..facts.graph.identifier_count() as u32 {
        let accounts = facts.graph.identifier_degree(graph::IdentifierId(identifier)) as f64;
        for &(group, held) in holdings.of(identifier) {
            if f64::from(held) - 1.0 >= config.exclusivity * (accounts - 1.0) {
                shared[group as usize] += u64::from(held) * u64::from(held - 1);
            }
        }
    }
    for (account, group) in proposed.into_iter().enumerate().filter(|&(_, group)| group != NONE_U32) {
        let size = holdings.sizes[group as usize];
        let pairs = f64::from(size) * f64::from(size.saturating_sub(1));
        if size >= config.profile_size && shared[group as usize] as f64 >= config.interlock * pairs {
            groups[account] = group;
        }
        if std::env::var("DBG").is_ok() && size >= config.profile_size && account as u32 == group { eprintln!("interlock {} size {} = {:.2}", group, size, shared[group as usize] as f64 / pairs); }
    }
}
