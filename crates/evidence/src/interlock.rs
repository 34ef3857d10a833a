//! Which communities share so much of their own that any two members are alike?
//!
//! An operator who pays for an own address and an own card for each account leaves no pair of rare identifiers that would tie
//! two accounts ([`crate::members`]); what is left is the work itself, spread over templates that the pool keeps to itself. A
//! community of the bipartite graph holds it whole, but so does every crowd of users of one tool have a community. They differ
//! in how much two members have in common:
//!
//! ```text
//! interlock(C) = sum over identifiers exclusive to C of h (h - 1) / (n (n - 1))        h of the n accounts of C have the identifier
//! ```
//!
//! is the number of exclusive identifiers that a random pair of accounts of the community shares: each identifier adds at most
//! 1, users of one tool or one assignment come to about 1, and accounts that merely are busy to less. Exclusive: at least
//! `exclusivity` of an identifier's accounts are in the community, one left out of both.
//!
//! 1. *Count* the accounts of each identifier by community, in communities of `profile_size` accounts or more.
//! 2. *Propose* where the interlock is at least [`MemberConfig::interlock`]: accounts of the community without a group join the
//!    *host*, the group that holds most of it if that has `profile_size` accounts, else all of the community if they are as
//!    many. So do other groups of the community whose accounts share at least `part_share` as much with the host's outside them
//!    as these do with each other, and something with half as many: pieces of one pool, none of which keeps to itself what all
//!    of them use. The profile then decides account by account ([`crate::profile`]).
//!
//! The same number between two parts of a group tells whether they belong together at all (module `strangers`).
//!
//! Cost: O(sightings), and for each piece at most [`LOOKED_UP`] sightings for each of [`REACHING`] accounts.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use fixedbitset::FixedBitSet;
use graph::{AccountId, IdentifierId, NONE_U32};
use rayon::prelude::*;

use crate::Facts;
use crate::classify::Classification;
use crate::config::MemberConfig;
use crate::holdings::{Holdings, hold, runs};

/// From this interlock on a part of a group hangs together pair by pair.
pub(crate) const LEAST_INTERLOCK: f64 = 1.0;

/// An account of a piece shares something with so large a part, at least, of those with whom an account of the host does.
const PIECE_REACH: f64 = 0.5;
/// Accounts of a piece, and of the host, whose pairs are counted.
const REACHING: usize = 64;
/// For one of these so many sightings of what it has are looked up at most, evenly spaced: enough to meet all of a host of ten
/// thousand many times over.
const LOOKED_UP: usize = 1 << 18;
/// Accounts that one task takes at least.
const TASK: usize = 64;

/// Puts the free accounts of interlocked communities in the group that holds most of the community, or in one of their own, if
/// they share at least `loose_share` as much with it as its accounts do with each other; and the accounts of other groups that
/// share at least `part_share` as much, with half as many of its accounts ([`PIECE_REACH`]).
pub(crate) fn propose_interlocked(
    facts: Facts<'_>,
    classification: &Classification,
    communities: &[u32],
    groups: &mut [u32],
    config: &MemberConfig,
) {
    let holdings = hold(facts, classification, communities);
    let interlocks = interlocks_of(facts, &holdings, config);
    let mut rows: Vec<Row> = (0..groups.len() as u32)
        .map(|account| (communities[account as usize], groups[account as usize], account))
        .filter(|&(community, _, account)| {
            interlocks[community as usize] >= config.interlock && !facts.is_allowed_account(account)
        })
        .collect();
    rows.sort_unstable();
    // Of the host at hand; set back after each community.
    let mut held = vec![0u32; facts.graph.identifier_count()];
    let mut inside = FixedBitSet::with_capacity(groups.len());
    for of_community in rows.chunk_by(|left, right| left.0 == right.0) {
        let Some((accounts, name)) = host_of(of_community, config) else { continue };
        let exclusive = Exclusive { facts, holdings: &holdings, community: of_community[0].0, config };
        for &(.., account) in accounts {
            exclusive.of(account).for_each(|identifier| held[identifier as usize] += 1);
            inside.insert(account as usize);
        }
        let joined = Host { exclusive, accounts, name, held: &held, inside: &inside, groups }.joining(of_community);
        for &(.., account) in accounts {
            exclusive.of(account).for_each(|identifier| held[identifier as usize] = 0);
            inside.remove(account as usize);
        }
        if let Some(name) = name.or_else(|| joined.iter().copied().min()) {
            joined.into_iter().for_each(|account| groups[account as usize] = name);
        }
    }
}

/// (community, group, account) of an account of an interlocked community; in order, so that free accounts come last.
type Row = (u32, u32, u32);

/// Whom the others of a community may join: its largest group, and the group's name, or all of it; none of a few accounts.
fn host_of<'r>(of_community: &'r [Row], config: &MemberConfig) -> Option<(&'r [Row], Option<u32>)> {
    let tied = &of_community[..of_community.partition_point(|row| row.1 != NONE_U32)];
    let largest = tied.chunk_by(|left, right| left.1 == right.1).max_by_key(|run| (run.len(), std::cmp::Reverse(run[0].1)));
    // Groups too small for a profile are no more than the free accounts are: each holds a few of a pool.
    match largest {
        Some(run) if run.len() >= config.profile_size as usize => Some((run, Some(run[0].1))),
        _ if of_community.len() >= config.profile_size as usize => Some((of_community, None)),
        _ => None,
    }
}

/// The identifiers that a community keeps to itself.
#[derive(Clone, Copy)]
pub(crate) struct Exclusive<'a> {
    pub(crate) facts: Facts<'a>,
    pub(crate) holdings: &'a Holdings,
    pub(crate) community: u32,
    pub(crate) config: &'a MemberConfig,
}

impl Exclusive<'_> {
    /// Those of an account.
    pub(crate) fn of(&self, account: u32) -> impl Iterator<Item = u32> {
        self.held_of(account).map(|(identifier, _)| identifier)
    }

    /// Those that an account shares with a random one of the community's others.
    pub(crate) fn shared_by(&self, account: u32) -> f64 {
        let others: u32 = self.held_of(account).map(|(_, held)| held - 1).sum();
        f64::from(others) / f64::from((self.holdings.sizes[self.community as usize] - 1).max(1))
    }

    /// Those of an account, and the community's accounts that have them.
    fn held_of(&self, account: u32) -> impl Iterator<Item = (u32, u32)> {
        let own = |&identifier: &u32| {
            let &(_, held) = self.holdings.of(identifier).iter().find(|&&(of, _)| of == self.community)?;
            is_exclusive(self.facts, identifier, held, self.config).then_some((identifier, held))
        };
        self.facts.graph.identifiers_of(AccountId(account)).iter().filter_map(own)
    }
}

/// Accounts that others of their community may join.
struct Host<'a> {
    exclusive: Exclusive<'a>,
    accounts: &'a [Row],
    /// Its group; none if it is the whole community, and who is measured against it a part of it.
    name: Option<u32>,
    /// By identifier: accounts of the host that have it, of those exclusive to the community.
    held: &'a [u32],
    /// Its accounts.
    inside: &'a FixedBitSet,
    /// By account, as they are.
    groups: &'a [u32],
}

impl Host<'_> {
    /// The accounts of a community that are like the host's: free ones one by one, other groups as wholes.
    fn joining(&self, of_community: &[Row]) -> Vec<u32> {
        let config = self.exclusive.config;
        let (tied, free) = of_community.split_at(of_community.partition_point(|row| row.1 != NONE_U32));
        let of_host: Vec<f64> =
            self.accounts.par_iter().with_min_len(TASK).map(|&(.., account)| self.shared_by(account, 1)).collect();
        let typical = of_host.iter().sum::<f64>() / self.accounts.len() as f64;
        let alike = |row: &Row| {
            let account = row.2;
            (self.shared_by(account, self.part()) >= config.loose_share * typical).then_some(account)
        };
        let alike: Vec<u32> = free.par_iter().with_min_len(TASK).filter_map(alike).collect();
        // Pieces of one pool: none can keep to itself what all of them use, so that no profile would join them. One account that
        // works for two operators can make most of the sum over identifiers, but few of the pairs of accounts: so pairs decide.
        let pieces = tied.chunk_by(|left, right| left.1 == right.1).filter(|piece| Some(piece[0].1) != self.name);
        let pieces: Vec<&[Row]> = pieces.collect();
        let near: Vec<&[Row]> =
            pieces.into_par_iter().filter(|piece| self.shared_with(piece) >= config.part_share * typical).collect();
        let usual = if near.is_empty() { 0.0 } else { self.reach(self.accounts) };
        let joining: Vec<_> = near.into_par_iter().filter(|piece| self.reach(piece) >= PIECE_REACH * usual).collect();
        alike.into_iter().chain(joining.into_iter().flatten().map(|row| row.2)).collect()
    }

    /// How often whoever is measured is counted in `held` as well.
    fn part(&self) -> u32 {
        u32::from(self.name.is_none())
    }

    /// Exclusive identifiers that an account shares with a random one of the host's others; `part` is 1 of an account that is
    /// the host's, else 0.
    fn shared_by(&self, account: u32, part: u32) -> f64 {
        let others = self.exclusive.of(account).map(|identifier| f64::from(self.held[identifier as usize] - part)).sum::<f64>();
        others / (self.accounts.len() as u32 - part).max(1) as f64
    }

    /// Exclusive identifiers that an account of a piece shares with a random one of the host's outside the piece.
    fn shared_with(&self, piece: &[Row]) -> f64 {
        let part = self.part();
        let mut identifiers: Vec<u32> = piece.iter().flat_map(|&(.., account)| self.exclusive.of(account)).collect();
        identifiers.sort_unstable();
        let across =
            |(identifier, users): (u32, u32)| f64::from(users) * f64::from(self.held[identifier as usize] - part * users);
        let others = self.accounts.len() - part as usize * piece.len();
        runs(&identifiers).map(across).sum::<f64>() / (piece.len() * others.max(1)) as f64
    }

    /// The share of the host's accounts outside their own group that some accounts have anything exclusive in common with, the
    /// mean over up to [`REACHING`] of them.
    fn reach(&self, accounts: &[Row]) -> f64 {
        let looked_at: Vec<u32> =
            accounts.iter().step_by(accounts.len().div_ceil(REACHING)).map(|&(.., account)| account).collect();
        let reached = |met: &mut FixedBitSet, account: u32| {
            let graph = self.exclusive.facts.graph;
            let held: Vec<&[u32]> =
                self.exclusive.of(account).map(|identifier| graph.accounts_of(IdentifierId(identifier))).collect();
            let stride = held.iter().map(|users| users.len()).sum::<usize>().div_ceil(LOOKED_UP).max(1);
            let users = held.into_iter().flatten().step_by(stride);
            let home = if self.name.is_none() { self.groups[account as usize] } else { NONE_U32 };
            let elsewhere = |user: u32| user != account && (home == NONE_U32 || self.groups[user as usize] != home);
            let in_reach = |user: u32| self.inside.contains(user as usize) && elsewhere(user);
            met.clear();
            met.grow(self.groups.len());
            users.filter(|&&user| !met.put(user as usize) && in_reach(user)).count() as f64 / self.accounts.len() as f64
        };
        let each: Vec<f64> = looked_at.par_iter().map_init(FixedBitSet::new, |met, &account| reached(met, account)).collect();
        each.iter().sum::<f64>() / each.len() as f64
    }
}

/// Whether an identifier on `held` accounts of a group is the group's own.
pub(crate) fn is_exclusive(facts: Facts<'_>, identifier: u32, held: u32, config: &MemberConfig) -> bool {
    config.is_exclusive(held - 1, facts.graph.identifier_degree(IdentifierId(identifier)) as u32 - 1)
}

/// By group: the exclusive identifiers that a random pair of its accounts shares; 0 below `profile_size` accounts.
pub(crate) fn interlocks_of(facts: Facts<'_>, holdings: &Holdings, config: &MemberConfig) -> Vec<f64> {
    // Whole numbers, so that the order of their sum doesn't matter.
    let shared: Vec<AtomicU64> = holdings.sizes.iter().map(|_| AtomicU64::new(0)).collect();
    (0..facts.graph.identifier_count() as u32).into_par_iter().with_min_len(4096).for_each(|identifier| {
        for &(group, held) in holdings.of(identifier) {
            if is_exclusive(facts, identifier, held, config) {
                shared[group as usize].fetch_add(u64::from(held) * u64::from(held - 1), Relaxed);
            }
        }
    });
    let interlock = |(&size, shared): (&u32, AtomicU64)| {
        let pairs = f64::from(size) * f64::from(size.saturating_sub(1));
        if size >= config.profile_size { shared.into_inner() as f64 / pairs } else { 0.0 }
    };
    holdings.sizes.iter().zip(shared).map(interlock).collect()
}

/// Three communities of 40: members of the first have 20 of 40 templates each, those of the second one template of the tool
/// they use and 19 of their own, and the third's 20 of 40 that as many strangers have as well.
#[cfg(test)]
pub(crate) fn crowds() -> (crate::toy::Toy, Vec<u32>) {
    let mut touches: Vec<crate::toy::Touch> = Vec::new();
    for member in 0..40u32 {
        touches.extend((0..20).map(|at| (member, 0, (member + 2 * at) % 40, 0)));
        touches.push((40 + member, 0, 40, 0));
        touches.extend((1..20).map(|at| (40 + member, 0, 100 + 20 * member + at, 0)));
        touches.extend((0..20).map(|at| (80 + member, 0, 1_000 + (member + 2 * at) % 40, 0)));
    }
    // 200 strangers, each in a community of its own.
    touches
        .extend((0..200).flat_map(|stranger| (0..20).map(move |at| (120 + stranger, 0, 1_000 + (stranger + 2 * at) % 40, 0))));
    let communities = (0..320u32).map(|account| if account < 120 { account / 40 } else { account }).collect();
    (crate::toy::Toy::new(&[crate::KindRole::Template], 320, &touches), communities)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KindRole;
    use crate::classify::classify_identifiers;
    use crate::config::LinkageConfig;
    use crate::toy::{Touch, Toy};

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
        // Ten have no profile that could judge the thirty others: all of them are proposed together.
        assert!(after(0..10)[..40].iter().all(|&group| group == 0));
    }

    #[test]
    fn an_interlocked_community_of_small_groups_is_one() {
        let (toy, communities) = crowds();
        // Cards for four each: no group is large enough for a profile, and few accounts are free.
        let mut groups = vec![NONE_U32; 320];
        (0..32u32).for_each(|account| groups[account as usize] = account / 4 * 4);
        let after = proposed(&toy, &communities, groups, &MemberConfig::default());
        assert!(after[..40].iter().all(|&group| group == 0), "{:?}", &after[..40]);
        assert!(after[40..].iter().all(|&group| group == NONE_U32));
    }

    #[test]
    fn a_ring_in_the_community_of_a_small_pool_stays_apart() {
        // Twelve accounts on 20 templates, and a ring of six with a card, an address and three templates of their own.
        let pool = (0..12u32).flat_map(|member| (0..20).map(move |template| (member, 0, template, 0)));
        let ring = (12..18u32).flat_map(|member| (100..105).map(move |identifier| (member, 0, identifier, 0)));
        let between = [(12, 0, 0, 0), (13, 0, 1, 0)];
        let strangers = (18..320u32).flat_map(|account| (0..5).map(move |at| (account, 0, 1_000 + 5 * account + at, 0)));
        let touches: Vec<Touch> = pool.chain(ring).chain(between).chain(strangers).collect();
        let toy = Toy::new(&[KindRole::Template], 320, &touches);
        let communities: Vec<u32> = (0..320u32).map(|account| if account < 18 { 0 } else { account }).collect();
        let mut groups = vec![NONE_U32; 320];
        groups[..6].fill(0);
        groups[12..18].fill(12);
        let after = proposed(&toy, &communities, groups, &MemberConfig::default());
        assert!(
            after[..12].iter().all(|&group| group == 0) && after[12..18].iter().all(|&group| group == 12),
            "{:?}",
            &after[..18]
        );
    }

    #[test]
    fn pieces_of_one_pool_become_one_and_other_operators_in_the_community_stay() {
        // 40 accounts of one pool with 20 of its 40 templates each, and 40 of another with as many of its own.
        let pool = |first: u32, template: u32| {
            (0..40u32).flat_map(move |member| (0..20).map(move |at| (first + member, 0, template + (member + 2 * at) % 40, 0)))
        };
        let strangers =
            (80..320u32).flat_map(|account| (0..20).map(move |at| (account, 0, 1_000 + (account + 2 * at) % 40, 0)));
        // Account 0 works for both.
        let agent = (100..140).map(|template| (0, 0, template, 0));
        let touches: Vec<Touch> = pool(0, 0).chain(pool(40, 100)).chain(agent).chain(strangers).collect();
        let toy = Toy::new(&[KindRole::Template], 320, &touches);
        let communities: Vec<u32> = (0..320u32).map(|account| if account < 80 { 0 } else { account }).collect();
        let mut groups = vec![NONE_U32; 320];
        for (start, end) in [(0, 20), (20, 32), (32, 36), (40, 58)] {
            groups[start..end].fill(start as u32);
        }
        let after = proposed(&toy, &communities, groups, &MemberConfig::default());
        assert!(after[..40].iter().all(|&group| group == 0), "{:?}", &after[..80]);
        assert!(after[40..58].iter().all(|&group| group == 40), "{:?}", &after[..80]);
    }
}
