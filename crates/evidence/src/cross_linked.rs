//! Do cards and what crosses them link a group, or is it made of harmless parts?
//!
//! A ring of free-credit farmers shares a card and an address, an agency's clients share a card, an office its gateway. A group
//! put together of such parts fits none of the harmless stories and looks like an operator's mesh of cards. What tells them
//! apart is what crosses the parts: an operator's accounts on different cards still share addresses or prompts that nobody else
//! has; strangers' parts share the one thing that brought them together.
//!
//! ```text
//! own      identifier on two or more of the accounts, which are at least `exclusivity` of all that have it
//! ring     accounts that have an own payment instrument in common (where nobody knows those: an own device)
//! bridge   an own identifier of another kind that an account shares with an account that is in no ring with it
//! linked   an account with a ring and at least BRIDGES bridges, one of them a prompt (or other content) if it has any
//! share  = linked accounts / accounts with a payment instrument (device)
//! ```
//!
//! Projects on a build service go through the same addresses on different cards, but don't ask the same: where it is known what
//! an account asks, addresses alone don't link it. A kind of which nothing repeats (texts hashed as they are sent) tells nobody
//! that.
//!
//! The bits are a likelihood ratio of stated Beta densities, as those of the harmless stories ([`crate::benign`]): of an
//! operator any share of the accounts may be in rings, of strangers' parts nearly none has bridges. Neither knows how large a
//! group is of all there are. A good part of everybody keeps things to itself by being many: where everybody shares a card with
//! one other at random, all hang together, and of a random half a third are linked. So of groups of more than [`LARGEST_SHARE`]
//! of the accounts only what exceeds the linked share of everybody else, taken as one group, counts: both densities are of
//! `(share - theirs) / (1 - theirs)`. A group of more than half of all has no larger one to be compared with, and no bits for it.
//!
//! Broad attributes (client, autonomous system), aliases, known-good identifiers and kinds that another one of the same role
//! implies (an address its network) are no bridges. Whether an account's identifier is a bridge is looked up in [`LOOKED_AT`]
//! of its holders, evenly spaced, so that a group costs O(its sightings) whatever its size; one that goes unseen makes the
//! number smaller, never larger.
//!
//! The same links *propose* groups ([`propose_linked`]) that no pair of identifiers ties: accounts on a card for eight that
//! go through addresses for ten, no two of which share both.

use std::ops::Range;

use graph::{AccountId, DisjointSets, IdentifierId, NONE_U32};
use rayon::prelude::*;

use crate::benign::ln_density;
use crate::classify::IdentifierClass;
use crate::holdings::sizes_of;
use crate::standing::Judge;
use crate::stories::Beta;
use crate::terms::is_implied;
use crate::{KindRole, Signal};

/// What makes a ring: the first of these that anybody knows.
pub(crate) const RING_ROLES: [KindRole; 2] = [KindRole::Payment, KindRole::Device];
/// Bridges that an account must have: one is what brings strangers' parts together.
const BRIDGES: usize = 2;
/// Holders of an identifier that are compared with each of them.
const LOOKED_AT: usize = 64;
/// Smaller groups are never a good part of everybody: a log of a few dozen accounts may be one operator's and its neighbours'.
const FEWEST_OF_A_PART: usize = 100;
/// The share of an operator's accounts: half of them or more may have cards of their own.
const OF_OPERATOR: Beta = (1.5, 1.5);
/// That of strangers' parts: next to none.
const OF_PARTS: Beta = (0.7, 12.0);
/// The largest group, as a share of all accounts seen, that isn't compared with everybody else. Of random lists of a tenth, a
/// fifth and two fifths of 1,000 accounts with a card for two, .05, .1 and .31 are linked.
const LARGEST_SHARE: f64 = 0.25;
/// Most bits that the share may add or take.
const MOST_BITS: f64 = 12.0;

/// The cross-linked share as a signal: its bits for an operator against harmless parts that one thing brought together. `None`
/// where nobody knows what the accounts pay with nor which devices they use. `accounts`: ascending, without repeats.
pub(crate) fn cross_linked_signal(judge: &Judge<'_>, accounts: &[u32]) -> Option<Signal> {
    let value = cross_linked_among(judge, accounts)?;
    let is_large = accounts.len() as f64 > LARGEST_SHARE * judge.seen_accounts() as f64 && accounts.len() >= FEWEST_OF_A_PART;
    let others = is_large.then(|| everybody_else(judge, accounts));
    let of_others = others.as_ref().and_then(|others| cross_linked_among(judge, others)).unwrap_or(0.0);
    // Kept off 0 and 1 by half an account, so that a small group says less than a large one.
    let margin = 0.5 / (accounts.len() as f64 + 1.0);
    let beyond = if of_others < 1.0 { (value - of_others) / (1.0 - of_others) } else { 0.0 };
    let share = beyond.clamp(margin, 1.0 - margin);
    let bits = (ln_density(share, OF_OPERATOR) - ln_density(share, OF_PARTS)) / std::f64::consts::LN_2;
    let expected = of_others + (1.0 - of_others) * OF_PARTS.0 / (OF_PARTS.0 + OF_PARTS.1);
    let is_most_of_all = others.is_some_and(|others| others.len() < accounts.len());
    let most = if is_most_of_all { 0.0 } else { MOST_BITS };
    Some(Signal { value, expected, bits: bits.clamp(-MOST_BITS, most), p_value: None, power: None })
}

/// The accounts that were seen and aren't among these, ascending.
fn everybody_else(judge: &Judge<'_>, accounts: &[u32]) -> Vec<u32> {
    let graph = judge.facts.graph;
    let is_other = |account: &u32| graph.account_degree(AccountId(*account)) > 0 && accounts.binary_search(account).is_err();
    (0..graph.account_count() as u32).filter(is_other).collect()
}

/// The cross-linked share of some accounts; see the module.
fn cross_linked_among(judge: &Judge<'_>, accounts: &[u32]) -> Option<f64> {
    RING_ROLES.into_iter().find_map(|role| {
        let rings = judge.facts.identifiers_of_role(|other| other == role);
        let has = |&&account: &&u32| judge.facts.has_any(AccountId(account), &rings);
        let known = Some(accounts.iter().filter(has).count()).filter(|&known| known > 0)?;
        let own = own_identifiers(judge, accounts);
        let is_in = |account: u32| accounts.binary_search(&account).is_ok();
        let group = Group::new(judge, role, is_in, |identifier: u32| own.binary_search(&identifier).is_ok());
        Some(accounts.iter().filter(|&&account| group.is_linked(account)).count() as f64 / known as f64)
    })
}

/// Some accounts, and the identifiers that they keep to themselves and that can be rings or bridges.
struct Group<'a, IsIn, IsOwn> {
    judge: &'a Judge<'a>,
    /// What makes a ring.
    role: KindRole,
    /// The identifiers that can be rings, kind by kind.
    rings: Vec<Range<u32>>,
    is_in: IsIn,
    is_own: IsOwn,
}

impl<'a, IsIn: Fn(u32) -> bool, IsOwn: Fn(u32) -> bool> Group<'a, IsIn, IsOwn> {
    fn new(judge: &'a Judge<'a>, role: KindRole, is_in: IsIn, is_own: IsOwn) -> Self {
        let rings = judge.facts.identifiers_of_role(|other| other == role);
        Group { judge, role, rings, is_in, is_own }
    }

    /// Whether an account is linked; see the module.
    fn is_linked(&self, account: u32) -> bool {
        let graph = self.judge.facts.graph;
        let here: Vec<u32> = self.rings_of(account).collect();
        if here.is_empty() {
            return false;
        }
        let apart = |&other: &u32| {
            other != account && (self.is_in)(other) && !self.rings_of(other).any(|ring| here.binary_search(&ring).is_ok())
        };
        let row = graph.identifiers_of(AccountId(account)).iter();
        let own = row.copied().filter(|&identifier| (self.is_own)(identifier));
        let bridges = own.filter(|&identifier| {
            let holders = graph.accounts_of(IdentifierId(identifier));
            let mut looked_at = holders.iter().step_by(holders.len().div_ceil(LOOKED_AT));
            self.judge.facts.role_of(identifier) != self.role && looked_at.any(apart)
        });
        let asks = self.judge.facts.has_any(AccountId(account), &self.judge.asked);
        let (mut count, mut asked) = (0, !asks);
        bridges.map(|bridge| self.judge.facts.role_of(bridge)).any(|role| {
            (count, asked) = (count + 1, asked || role.is_interest());
            count >= BRIDGES && asked
        })
    }

    /// The rings of an account, ascending.
    fn rings_of(&self, account: u32) -> impl Iterator<Item = u32> + '_ {
        let graph = self.judge.facts.graph;
        let rings = self.rings.iter().flat_map(move |of_kind| graph.identifiers_within(AccountId(account), of_kind)).copied();
        rings.filter(|&identifier| (self.is_own)(identifier))
    }
}

/// The identifiers that the accounts keep to themselves and that can be rings or bridges, ascending.
fn own_identifiers(judge: &Judge<'_>, accounts: &[u32]) -> Vec<u32> {
    let (graph, says) = (judge.facts.graph, Says::of(judge));
    let rows = accounts.iter().flat_map(|&account| graph.identifiers_of(AccountId(account)).iter().copied());
    let mut held: Vec<u32> = rows
        .filter(|&identifier| graph.identifier_degree(IdentifierId(identifier)) > 1 && says.is_told(judge, identifier))
        .collect();
    held.sort_unstable();
    let runs = held.chunk_by(|left, right| left == right);
    runs.filter(|run| is_own(judge, run.len(), graph.identifier_degree(IdentifierId(run[0])))).map(|run| run[0]).collect()
}

/// Whether `held` accounts keep an identifier of `all` accounts to themselves.
fn is_own(judge: &Judge<'_>, held: usize, all: usize) -> bool {
    held > 1 && held as f64 >= judge.config.exclusivity * all as f64
}

/// By kind: whether its identifiers can be rings or bridges.
struct Says(Vec<bool>);

impl Says {
    fn of(judge: &Judge<'_>) -> Says {
        let (kinds, roles) = (0..judge.facts.graph.kind_count(), judge.facts.roles);
        // Of another role it says something else, however regularly it comes along: all on one card ask the same.
        let alike = |kind: usize| kinds.clone().filter(move |&other| roles[other] == roles[kind]);
        let says = |kind: usize| roles[kind] != KindRole::Weak && !is_implied(judge.nested, kind, alike(kind));
        Says(kinds.clone().map(says).collect())
    }

    fn is_told(&self, judge: &Judge<'_>, identifier: u32) -> bool {
        let class = judge.classification.classes[identifier as usize];
        self.0[judge.facts.graph.kind_of(IdentifierId(identifier)).index()]
            && !matches!(class, IdentifierClass::Allowed | IdentifierClass::Alias)
    }
}

/// Most rounds in which accounts are taken from the linked ones: what a chain of many loses one by one stays a proposal.
const ROUNDS: usize = 64;

/// Puts accounts that are linked among all of the linked, and hang together by what these keep to themselves, in one group, if
/// they are `profile_size` or more. Groups that are large enough for a profile stay as they are, and smaller ones stay unless
/// most of their accounts are linked: then all of them join. The profile decides about everybody afterwards.
pub(crate) fn propose_linked(judge: &Judge<'_>, groups: &mut [u32]) {
    let least = judge.config.profile_size as usize;
    let sizes = sizes_of(groups);
    // By account that a group is named by: where its accounts go.
    let mut moved = vec![NONE_U32; groups.len()];
    for chain in linked_chains(judge) {
        let (free, tied): (Vec<u32>, Vec<u32>) = chain.into_iter().partition(|&account| groups[account as usize] == NONE_U32);
        let mut of_groups: Vec<u32> = tied.into_iter().map(|account| groups[account as usize]).collect();
        of_groups.sort_unstable();
        let size_of = |group: u32| sizes[group as usize] as usize;
        let joins = |run: &&[u32]| size_of(run[0]) < least && 2 * run.len() > size_of(run[0]);
        let joining: Vec<u32> = of_groups.chunk_by(|left, right| left == right).filter(joins).map(|run| run[0]).collect();
        let count = free.len() + joining.iter().map(|&group| size_of(group)).sum::<usize>();
        // Groups are named by a member, so a free account's name is free, and that of a group that joins.
        let Some(&name) = free.iter().chain(&joining).min().filter(|_| count >= least) else { continue };
        free.into_iter().for_each(|account| groups[account as usize] = name);
        joining.into_iter().for_each(|group| moved[group as usize] = name);
    }
    for group in groups.iter_mut().filter(|group| **group != NONE_U32 && moved[**group as usize] != NONE_U32) {
        *group = moved[*group as usize];
    }
}

/// What is left of all accounts once those that aren't linked are taken out.
struct Core {
    /// By account.
    linked: Vec<bool>,
    /// By identifier: whether the linked accounts keep it to themselves.
    own: Vec<bool>,
}

/// The accounts that are linked by what they keep to themselves: all are to begin with, and whoever isn't linked among those
/// that are left is taken out, round by round (as a core is peeled). `None` where nobody knows what makes a ring. O(sightings)
/// a round.
fn linked_core(judge: &Judge<'_>) -> Option<Core> {
    let graph = judge.facts.graph;
    let role = RING_ROLES.into_iter().find(|role| judge.facts.roles.contains(role))?;
    let says = Says::of(judge);
    let mut linked: Vec<bool> =
        (0..graph.account_count() as u32).map(|account| !judge.facts.is_allowed_account(account)).collect();
    let mut own: Vec<bool> = Vec::new();
    for _ in 0..ROUNDS {
        own = (0..graph.identifier_count() as u32)
            .into_par_iter()
            .with_min_len(1024)
            .map(|identifier| {
                let accounts = graph.accounts_of(IdentifierId(identifier));
                let held = || accounts.iter().filter(|&&account| linked[account as usize]).count();
                accounts.len() > 1 && says.is_told(judge, identifier) && is_own(judge, held(), accounts.len())
            })
            .collect();
        let is_in = |account: u32| linked[account as usize];
        let group = Group::new(judge, role, is_in, |identifier: u32| own[identifier as usize]);
        let accounts = (0..linked.len() as u32).into_par_iter();
        let next: Vec<bool> = accounts.map(|account| linked[account as usize] && group.is_linked(account)).collect();
        if next == linked {
            break;
        }
        linked = next;
    }
    Some(Core { linked, own })
}

/// Groups of `profile_size` linked accounts or more that own identifiers join, each ascending: infrastructure first, then what
/// they ask.
fn linked_chains(judge: &Judge<'_>) -> Vec<Vec<u32>> {
    let (graph, least) = (judge.facts.graph, judge.config.profile_size as usize);
    let Some(Core { linked, own }) = linked_core(judge) else { return Vec::new() };
    let mut sets = DisjointSets::new(linked.len());
    let join = |sets: &mut DisjointSets, interest: bool, joins: &dyn Fn(u32) -> bool| {
        for identifier in (0..graph.identifier_count() as u32).filter(|&identifier| own[identifier as usize]) {
            if judge.facts.role_of(identifier).is_interest() == interest {
                let mut holders = graph.accounts_of(IdentifierId(identifier)).iter().copied().filter(|&account| joins(account));
                if let Some(first) = holders.next() {
                    for account in holders {
                        sets.join(first, account);
                    }
                }
            }
        }
    };
    join(&mut sets, false, &|account| linked[account as usize]);
    // Prompts in common join what is too small to stand by itself; two pools that work alike stay two.
    let roots = sets.clone().into_roots();
    let mut sizes = vec![0usize; linked.len()];
    (0..linked.len()).filter(|&account| linked[account]).for_each(|account| sizes[roots[account] as usize] += 1);
    join(&mut sets, true, &|account| linked[account as usize] && sizes[roots[account as usize] as usize] < least);
    let accounts = (0..linked.len() as u32).filter(|&account| linked[account as usize]);
    let mut rows: Vec<(u32, u32)> = accounts.map(|account| (sets.root_of(account), account)).collect();
    rows.sort_unstable();
    let chains = rows.chunk_by(|left, right| left.0 == right.0).filter(|chain| chain.len() >= least);
    chains.map(|chain| chain.iter().map(|&(_, account)| account).collect()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::classify::classify_identifiers;
    use crate::config::LinkageConfig;
    use crate::toy::{Touch, Toy};

    const ROLES: [KindRole; 3] = [KindRole::Address, KindRole::Payment, KindRole::Template];

    fn of(roles: &[KindRole], touches: &[Touch], accounts: u32) -> Option<f64> {
        with_judge(&Toy::new(roles, 100, touches), |judge| cross_linked_among(judge, &(0..accounts).collect::<Vec<_>>()))
    }

    fn with_judge<T>(toy: &Toy, ask: impl FnOnce(&Judge<'_>) -> T) -> T {
        let config = LinkageConfig::default();
        let classification = classify_identifiers(toy.facts(), &config.classify);
        ask(&Judge::new(toy.facts(), &classification, &vec![vec![false; toy.roles.len()]; toy.roles.len()], &config.members))
    }

    #[test]
    fn cards_that_addresses_and_prompts_cross_are_one_operators() {
        // Twelve accounts, three to a card; addresses and templates are shared across cards.
        let touches: Vec<Touch> =
            (0..12u32).flat_map(|at| [(at, 1, at / 3, 0), (at, 0, at % 4, 0), (at, 2, at % 6, 0)]).collect();
        assert_eq!(of(&ROLES, &touches, 12), Some(1.0));
        // The same without cards in common: nobody is in a ring.
        let apart: Vec<Touch> =
            touches.iter().map(|&(at, kind, own, time)| (at, kind, if kind == 1 { at } else { own }, time)).collect();
        assert_eq!(of(&ROLES, &apart, 12), Some(0.0));
        // Without cards and devices there is nothing to say.
        assert_eq!(of(&[KindRole::Address, KindRole::Other, KindRole::Template], &touches, 12), None);
        assert_eq!(of(&[KindRole::Address, KindRole::Device, KindRole::Template], &touches, 12), Some(1.0));
    }

    #[test]
    fn parts_that_one_thing_brought_together_are_not_linked() {
        // Four rings of three on a card and an address each; all use one template.
        let touches: Vec<Touch> = (0..12u32).flat_map(|at| [(at, 1, at / 3, 0), (at, 0, at / 3, 0), (at, 2, 0, 0)]).collect();
        assert_eq!(of(&ROLES, &touches, 12), Some(0.0));
        // Addresses of all wouldn't do, as they don't ask the same.
        let runners = |asks: bool| {
            let (addresses, own) =
                ((0..12u32).flat_map(|at| [(at, 0, 90, 0), (at, 0, 91, 0)]), (0..12u32).map(|at| (at, 2, at / 3, 0)));
            let cards = (0..12u32).map(|at| (at, 1, at / 3, 0));
            addresses.chain(cards).chain(own.filter(|_| asks)).collect::<Vec<_>>()
        };
        assert_eq!((of(&ROLES, &runners(true), 12), of(&ROLES, &runners(false), 12)), (Some(0.0), Some(1.0)));
        // Texts that never repeat are nobody's in common: they do as where it isn't known what anybody asks.
        let never = (0..12u32).flat_map(|at| (0..5).map(move |text| (at, 2, 500 + 5 * at + text, 0)));
        assert_eq!(of(&ROLES, &runners(false).into_iter().chain(never).collect::<Vec<_>>(), 12), Some(1.0));
        // A second template of all would do; one that outsiders have as well doesn't.
        let second = |users: u32| touches.iter().copied().chain((0..users).map(|at| (at, 2, 1, 0))).collect::<Vec<_>>();
        assert_eq!(of(&ROLES, &second(12), 12), Some(1.0));
        assert_eq!(of(&ROLES, &second(30), 12), Some(0.0));
    }

    #[test]
    fn who_has_no_ring_counts_as_such() {
        // Two accounts of four on one card; all share two addresses.
        let mut touches: Vec<Touch> = (0..4u32).flat_map(|at| [(at, 0, 0, 0), (at, 0, 1, 0)]).collect();
        touches.extend([(0, 1, 0, 0), (1, 1, 0, 0), (2, 1, 1, 0), (3, 1, 2, 0)]);
        assert_eq!(of(&ROLES, &touches, 4), Some(0.5));
    }

    /// 400 households of two on one address, with a card each; 40 rings of three on a card; all are behind one gateway of eight
    /// addresses; then a pool of 48, four on a card, each on three of its 24 addresses: no two share a card and an address.
    fn pool_beside_rings() -> (Toy, std::ops::Range<u32>) {
        let mut touches: Vec<Touch> = (0..800u32).flat_map(|at| [(at, 0, at / 2, 0), (at, 1, at, 0)]).collect();
        for ring in 800..920u32 {
            touches.push((ring, 1, 1_000 + ring / 3, 0));
            touches.extend((0..3).map(|at| (ring, 0, 1_000 + (ring + at) % 8, 0)));
        }
        touches.extend((0..800).map(|at| (at, 0, 1_000 + at % 8, 0)));
        for at in 0..48u32 {
            touches.push((920 + at, 1, 2_000 + at / 4, 0));
            touches.extend((0..3).map(|step| (920 + at, 0, 2_000 + (at % 4 * 6 + (at / 4 + step) % 6), 0)));
        }
        (Toy::new(&[KindRole::Address, KindRole::Payment], 968, &touches), 920..968)
    }

    #[test]
    fn a_pool_without_a_tie_is_proposed_and_rings_behind_a_gateway_are_not() {
        let (toy, pool) = pool_beside_rings();
        with_judge(&toy, |judge| {
            let mut groups = vec![NONE_U32; 968];
            // Two small groups: one of the pool, which joins, and one of strangers with one of the pool, which doesn't.
            (groups[921], groups[922]) = (921, 921);
            (groups[0], groups[1], groups[940]) = (0, 0, 0);
            propose_linked(judge, &mut groups);
            let joined: Vec<u32> = (0..968).filter(|&account| groups[account as usize] == pool.start).collect();
            assert_eq!(joined, pool.filter(|&account| account != 940).collect::<Vec<_>>());
            assert_eq!((groups[0], groups[1], groups[940]), (0, 0, 0));
            assert_eq!(groups.iter().filter(|&&group| group != NONE_U32).count(), 50);
        });
    }

    #[test]
    fn a_group_with_a_profile_stays_as_it_is() {
        let (toy, pool) = pool_beside_rings();
        with_judge(&toy, |judge| {
            let mut groups = vec![NONE_U32; 968];
            pool.clone().take(20).for_each(|account| groups[account as usize] = pool.start);
            propose_linked(judge, &mut groups);
            assert!(pool.clone().take(20).all(|account| groups[account as usize] == pool.start));
            assert!(pool.clone().skip(20).all(|account| groups[account as usize] == pool.start + 20));
        });
    }

    #[test]
    fn bits_follow_the_share_and_a_small_group_says_less() {
        let (toy, pool) = pool_beside_rings();
        with_judge(&toy, |judge| {
            let all = cross_linked_signal(judge, &pool.clone().collect::<Vec<_>>()).expect("cards are known");
            assert_eq!((all.value, all.bits), (1.0, MOST_BITS));
            let rings = cross_linked_signal(judge, &(800..920).collect::<Vec<_>>()).expect("cards are known");
            // Beta(1.5, 1.5) over Beta(.7, 12) at half an account of 120.
            assert!(rings.value == 0.0 && (rings.bits + 7.044).abs() < 1e-3, "{rings:?}");
            let few = cross_linked_signal(judge, &[800, 801, 802]).expect("cards are known");
            assert!(few.bits > rings.bits, "{few:?}");
        });
    }

    /// A thousand accounts with two addresses, three prompts and a card each, all at random, a card for two of them; in so many
    /// blocks, which have nothing in common.
    fn at_random(blocks: u32) -> Toy {
        let mut stream = crate::behaviour::random::Stream::new(7);
        let mut one_of = |account: u32, kind: usize, all: u32| {
            let (block, of_block) = (account % blocks, all / blocks);
            (account, kind, block * of_block + stream.below(of_block as usize) as u32, 0)
        };
        let of_account = |account: u32| {
            [(0, 1_500), (0, 1_500), (1, 900), (2, 1_500), (2, 1_500), (2, 1_500)].map(|(kind, all)| one_of(account, kind, all))
        };
        let touches: Vec<Touch> = (0..1_000).flat_map(of_account).collect();
        Toy::new(&ROLES, 1_000, &touches)
    }

    #[test]
    fn a_good_part_of_everybody_is_not_linked_by_chance() {
        with_judge(&at_random(1), |judge| {
            let bits = |count: u32| {
                let every = 1_000 / count;
                let some: Vec<u32> = (0..count).map(|at| at * every).collect();
                cross_linked_signal(judge, &some).expect("cards are known").bits
            };
            assert!(
                [20, 50, 100, 200, 250, 333, 500, 1_000].into_iter().all(|count| bits(count) <= 0.5),
                "{:?}",
                [200, 250, 333, 500].map(bits)
            );
        });
        // A block keeps all it has to itself, and is linked as the others are.
        for blocks in [2, 3] {
            with_judge(&at_random(blocks), |judge| {
                let block: Vec<u32> = (0..1_000).filter(|account| account % blocks == 0).collect();
                let signal = cross_linked_signal(judge, &block).expect("cards are known");
                assert!(signal.value > 0.5 && signal.bits <= 0.5, "{blocks} blocks: {signal:?}");
            });
        }
    }

    #[test]
    fn a_pool_that_is_a_third_of_all_is_told_from_everybody_else() {
        // 400 accounts in households of two on one address, with a card each; 200 of a pool, four on a card, each on three of its
        // 100 addresses.
        let mut touches: Vec<Touch> = (0..400u32).flat_map(|at| [(at, 0, at / 2, 0), (at, 1, at, 0)]).collect();
        for at in 0..200u32 {
            touches.push((400 + at, 1, 1_000 + at / 4, 0));
            touches.extend((0..3).map(|step| (400 + at, 0, 1_000 + (at % 4 * 25 + (at / 4 + step) % 25), 0)));
        }
        with_judge(&Toy::new(&[KindRole::Address, KindRole::Payment], 600, &touches), |judge| {
            let pool = cross_linked_signal(judge, &(400..600).collect::<Vec<_>>()).expect("cards are known");
            assert_eq!((pool.value, pool.bits), (1.0, MOST_BITS));
            let people = cross_linked_signal(judge, &(0..400).collect::<Vec<_>>()).expect("cards are known");
            assert!(people.value == 0.0 && people.bits < -5.0, "{people:?}");
        });
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Who is left is linked by what is left, on any number of threads; chains are of those who are left.
        #[test]
        fn the_core_is_linked_through_and_through(
            touches in prop::collection::vec((0u32..60, 0usize..3, 0u32..14, Just(0u32)), 60..400),
        ) {
            let toy = Toy::new(&ROLES, 60, &touches);
            with_judge(&toy, |judge| {
                let core = linked_core(judge).expect("cards are known");
                let left: Vec<u32> = (0..60).filter(|&account| core.linked[account as usize]).collect();
                if !left.is_empty() {
                    assert_eq!(cross_linked_among(judge, &left), Some(1.0), "{left:?}");
                }
                let chains = linked_chains(judge);
                assert!(chains.iter().flatten().all(|account| left.contains(account)));
                let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool");
                assert_eq!(pool.install(|| linked_chains(judge)), chains);
            });
        }
    }

    #[test]
    fn pools_that_only_work_alike_stay_two() {
        // Two pools of 24, each on six cards and eight addresses of its own; all use the same three templates.
        let touches: Vec<Touch> = (0..48u32)
            .flat_map(|at| {
                let (pool, at_home) = (at / 24, at % 24);
                let addresses = [at_home % 8, (at_home * 3 + 1) % 8].map(|address| (at, 0, pool * 8 + address, 0));
                let templates = (0..3).map(move |template| (at, 2, template, 0));
                addresses.into_iter().chain(templates).chain([(at, 1, at / 4, 0)])
            })
            .collect();
        with_judge(&Toy::new(&ROLES, 48, &touches), |judge| {
            assert_eq!(linked_chains(judge), [(0..24).collect::<Vec<_>>(), (24..48).collect::<Vec<_>>()]);
        });
    }
}
