//! Does an account look like the members of a network, kind by kind?
//!
//! Ties join pairs; a group of many also has a *profile*: which share of a member's sightings are identifiers that the group
//! keeps to itself. A member of a hydra pool has eighty such templates out of a hundred; a customer of the same tool has one.
//!
//! 1. *Exclusive* identifiers: an account's identifier whose other accounts are members, at least `exclusivity` of them. For
//!    each kind, `x` of the account's `n` identifiers are exclusive to the group.
//! 2. *Fit*: `x` of `n` is beta-binomial ([`crate::beta_binomial`]), with one law among the members and one among everybody
//!    else; an outsider who looks like a member may be one that nothing has tied yet, and counts among the others only by the
//!    odds that it isn't (expectation and maximisation). Overdispersion carries the dependence between an account's
//!    identifiers, so a hundred templates don't count a hundred times.
//! 3. *Odds* that an account belongs, in bits, with absent identifiers as evidence against:
//!
//! ```text
//! bits = log2(members / others) + sum over kinds of log2 P(x | n, member) / P(x | n, other)
//! ```
//!
//! 4. *Move*: members below even odds leave; an account that stands at least `join_bits` above even odds, also without any
//!    single one of its identifiers, joins. Two groups become one when `accept_share` of the smaller would be accepted by the
//!    larger.
//! 5. *Regroup*: accounts that left, and are tied among themselves, are groups again. Repeat until nothing changes.
//!
//! Groups below `profile_size` have no profile and stay as their ties made them. A kind implied by a nested kind that also
//! speaks is left out. Cost: O(sightings) a round.

use graph::{AccountId, IdentifierId, KindId, NONE_U32};
use rayon::prelude::*;

use crate::Facts;
use crate::beta_binomial::{BetaBinomial, ShareMoments};
use crate::classify::Classification;
use crate::config::MemberConfig;
use crate::holdings::{Holdings, hold};
use crate::terms::is_implied;
use crate::ties::{find, union};

/// Least overdispersion among outsiders, and among members.
const OUTSIDE_RHO: f64 = 0.02;
const INSIDE_RHO: f64 = 0.1;
/// Rounds of expectation and maximisation for the law among outsiders.
const EXPECTATION_ROUNDS: usize = 8;

/// One kind of one account: `exclusive` of `sightings`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Share {
    kind: u8,
    exclusive: u32,
    sightings: u32,
}

/// How an account stands to a group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Standing {
    /// The group.
    pub(crate) group: u32,
    /// Log2 posterior odds that the account belongs.
    pub(crate) bits: f64,
    /// The odds without the identifier that costs most.
    pub(crate) robust_bits: f64,
    /// Kinds that have an exclusive identifier, as a bit set.
    pub(crate) kinds: u64,
    /// The kind whose identifier costs most.
    pub(crate) weakest: u8,
}

/// What the profiles say in the end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refined {
    /// By account: its group, or `NONE_U32`.
    pub(crate) groups: Vec<u32>,
    /// By account: its standing to its group where that has a profile; for an account that left, its standing to the group that
    /// it left.
    pub(crate) standings: Vec<Option<Standing>>,
}

/// Refines groups by their profiles; see the module.
pub(crate) fn refine_by_profile(
    facts: Facts<'_>,
    classification: &Classification,
    nested: &[Vec<bool>],
    ties: &[(u32, u32)],
    population: &Population,
    mut groups: Vec<u32>,
    config: &MemberConfig,
) -> Refined {
    let mut left: Vec<Option<Standing>> = vec![None; groups.len()];
    for _ in 0..config.rounds {
        let standings = standings_of(facts, classification, nested, population, &groups, config);
        let before = groups.clone();
        let mut hosts = hosts_of(&groups, &standings, config);
        let merging = (0..hosts.len() as u32).any(|group| hosts[group as usize] != group);
        if merging {
            groups.iter_mut().filter(|group| **group != NONE_U32).for_each(|group| *group = find(&mut hosts, *group));
            left.iter_mut().flatten().for_each(|standing| standing.group = find(&mut hosts, standing.group));
        } else {
            move_accounts(&mut groups, &standings, &mut left, config);
            name_by_smallest_member(&mut groups, &mut left);
            regroup(&mut groups, ties);
        }
        if groups == before {
            break;
        }
    }
    name_by_smallest_member(&mut groups, &mut left);
    let mut last = left;
    for (account, standing) in standings_of(facts, classification, nested, population, &groups, config) {
        let (home, last) = (groups[account as usize], &mut last[account as usize]);
        if home == standing.group || last.is_some_and(|old| old.group == standing.group) {
            *last = Some(standing);
        }
    }
    Refined { groups, standings: last }
}

/// Renames every group after its smallest member; forgets whoever left a group that is no more, or has a group again.
fn name_by_smallest_member(groups: &mut [u32], left: &mut [Option<Standing>]) {
    let mut names = vec![NONE_U32; groups.len()];
    for (account, group) in groups.iter_mut().enumerate().filter(|(_, group)| **group != NONE_U32) {
        let name = &mut names[*group as usize];
        *name = (*name).min(account as u32);
        *group = *name;
    }
    for (account, slot) in left.iter_mut().enumerate() {
        *slot = slot
            .filter(|_| groups[account] == NONE_U32)
            .map(|standing| Standing { group: names[standing.group as usize], ..standing });
        *slot = slot.filter(|standing| standing.group != NONE_U32);
    }
}

/// What profiles need of everybody, whatever the groups are.
#[derive(Debug)]
pub(crate) struct Population {
    /// By account, then kind: its identifiers of the kind.
    counts: Vec<u32>,
    /// By kind: the moments of all accounts' identifiers, as if none were exclusive.
    moments: Vec<ShareMoments>,
}

impl Population {
    /// Counts everybody's identifiers. O(sightings).
    pub(crate) fn of(facts: Facts<'_>) -> Self {
        let (accounts, kinds) = (facts.graph.account_count(), facts.graph.kind_count());
        let counts: Vec<u32> = (0..accounts * kinds)
            .into_par_iter()
            .with_min_len(4096)
            .map(|at| sightings_of_kind(facts, (at / kinds) as u32, (at % kinds) as u8))
            .collect();
        let moments = (0..kinds)
            .into_par_iter()
            .map(|kind| {
                let mut moments = ShareMoments::default();
                let of_kind = counts.iter().skip(kind).step_by(kinds).copied();
                of_kind.filter(|&count| count > 0).for_each(|count| moments.add(0, count, 1.0));
                moments
            })
            .collect();
        Population { counts, moments }
    }

    /// By kind: an account's identifiers of it.
    fn counts_of(&self, account: u32) -> &[u32] {
        let kinds = self.moments.len();
        &self.counts[account as usize * kinds..][..kinds]
    }
}

/// An account's identifiers of a kind. Templates of its own are free to make, so `u` of them count as `log2(1 + u)`: a
/// paraphrasing operator's accounts still look like each other, and a customer with a single popular template is not all of one
/// piece.
fn sightings_of_kind(facts: Facts<'_>, account: u32, kind: u8) -> u32 {
    let range = facts.graph.identifiers_of_kind(KindId(kind));
    let row = facts.graph.identifiers_of(AccountId(account));
    let start = row.partition_point(|&identifier| identifier < range.start);
    let end = row.partition_point(|&identifier| identifier < range.end);
    let comparable = row[start..end].iter().filter(|&&identifier| facts.is_comparable(identifier)).count();
    let own = end - start - comparable;
    (comparable as f64 + (own as f64 + 1.0).log2()).round() as u32
}

/// Every account's standing to every profiled group that it is a member of or shares an exclusive identifier with, by account,
/// then group.
fn standings_of(
    facts: Facts<'_>,
    classification: &Classification,
    nested: &[Vec<bool>],
    population: &Population,
    groups: &[u32],
    config: &MemberConfig,
) -> Vec<(u32, Standing)> {
    let holdings = hold(facts, classification, groups);
    // (group, account, kind, exclusive)
    let mut touches: Vec<(u32, u32, u8, u32)> = (0..groups.len() as u32)
        .into_par_iter()
        .with_min_len(1024)
        .flat_map_iter(|account| touches_of(facts, groups, &holdings, account, config))
        .collect();
    touches.par_sort_unstable();
    let of_groups: Vec<&[(u32, u32, u8, u32)]> = touches.chunk_by(|left, right| left.0 == right.0).collect();
    let mut standings: Vec<(u32, Standing)> = of_groups
        .into_par_iter()
        .flat_map_iter(|touches| judge_group(facts, nested, population, groups, &holdings, touches))
        .collect();
    standings.par_sort_unstable_by_key(|&(account, standing)| (account, standing.group));
    standings
}

/// The (group, account, kind, number) of one account's exclusive identifiers; a member without any gets an entry of none, and a
/// known-good account stands to no group.
fn touches_of(
    facts: Facts<'_>,
    groups: &[u32],
    holdings: &Holdings,
    account: u32,
    config: &MemberConfig,
) -> Vec<(u32, u32, u8, u32)> {
    if facts.is_allowed_account(account) {
        return Vec::new();
    }
    let home = groups[account as usize];
    let mut exclusive: Vec<(u32, u8)> = Vec::new();
    for &identifier in facts.graph.identifiers_of(AccountId(account)) {
        let others = facts.graph.identifier_degree(IdentifierId(identifier)) as u32 - 1;
        for &(group, held) in holdings.of(identifier) {
            let held = held - u32::from(group == home);
            if holdings.sizes[group as usize] >= config.profile_size && config.is_exclusive(held, others) {
                exclusive.push((group, facts.graph.kind_of(IdentifierId(identifier)).0));
            }
        }
    }
    exclusive.sort_unstable();
    let mut touches: Vec<(u32, u32, u8, u32)> =
        exclusive.chunk_by(|left, right| left == right).map(|run| (run[0].0, account, run[0].1, run.len() as u32)).collect();
    if home != NONE_U32
        && holdings.sizes[home as usize] >= config.profile_size
        && !touches.iter().any(|&(group, ..)| group == home)
    {
        touches.push((home, account, 0, 0));
    }
    touches
}

/// Fits one group's laws and judges every account that touches it.
fn judge_group(
    facts: Facts<'_>,
    nested: &[Vec<bool>],
    population: &Population,
    groups: &[u32],
    holdings: &Holdings,
    touches: &[(u32, u32, u8, u32)],
) -> Vec<(u32, Standing)> {
    let group = touches[0].0;
    let kinds = facts.graph.kind_count();
    let rows: Vec<(u32, Vec<Share>)> = touches
        .chunk_by(|left, right| left.1 == right.1)
        .map(|row| {
            let account = row[0].1;
            let shares = (0..).zip(population.counts_of(account)).filter_map(|(kind, &sightings)| {
                let exclusive = row.iter().filter(|touch| touch.2 == kind).map(|touch| touch.3).sum();
                (sightings > 0).then_some(Share { kind, exclusive, sightings })
            });
            (account, shares.collect())
        })
        .collect();
    let is_member = |account: u32| groups[account as usize] == group;
    let mut inside = vec![ShareMoments::default(); kinds];
    // Everybody but those who touch the group: they have no exclusive identifier, whatever the rest is.
    let mut elsewhere = population.moments.clone();
    for (account, shares) in &rows {
        for share in shares {
            elsewhere[usize::from(share.kind)].add(0, share.sightings, -1.0);
            if is_member(*account) {
                inside[usize::from(share.kind)].add(share.exclusive, share.sightings, 1.0);
            }
        }
    }
    let inside: Vec<BetaBinomial> = inside.iter().map(|moments| BetaBinomial::fit(moments, INSIDE_RHO)).collect();
    let accounts = facts.graph.account_count() as f64;
    let prior = |account: u32| {
        let size = f64::from(holdings.sizes[group as usize] - u32::from(is_member(account)));
        (size.max(1.0) / (accounts - size).max(1.0)).log2()
    };
    // Outsiders who look like members may be members that nothing has tied yet: each counts among the others by the odds that
    // it is one of them. Start from the belief that whoever shares two exclusive identifiers isn't.
    let number = |shares: &[Share]| shares.iter().map(|share| share.exclusive).sum::<u32>();
    let mut weights: Vec<f64> = rows.iter().map(|(_, shares)| if number(shares) < 2 { 1.0 } else { 0.0 }).collect();
    let mut standings: Vec<(u32, Standing)> = Vec::new();
    for _ in 0..EXPECTATION_ROUNDS {
        let mut outside = elsewhere.clone();
        for ((_, shares), &weight) in rows.iter().zip(&weights).filter(|((account, _), _)| !is_member(*account)) {
            shares.iter().for_each(|share| outside[usize::from(share.kind)].add(share.exclusive, share.sightings, weight));
        }
        let outside = outside.iter().map(|moments| BetaBinomial::fit(moments, OUTSIDE_RHO));
        let laws: Vec<(BetaBinomial, BetaBinomial)> = inside.iter().copied().zip(outside).collect();
        standings =
            rows.iter().map(|(account, shares)| (*account, stand(group, prior(*account), shares, &laws, nested))).collect();
        weights = standings.iter().map(|(_, standing)| 1.0 / (1.0 + standing.bits.exp2())).collect();
    }
    standings
}

/// One account against one group.
fn stand(group: u32, prior: f64, shares: &[Share], laws: &[(BetaBinomial, BetaBinomial)], nested: &[Vec<bool>]) -> Standing {
    let kinds = shares
        .iter()
        .filter(|share| share.exclusive > 0)
        .fold(0u64, |set, share| set | 1u64.checked_shl(u32::from(share.kind)).unwrap_or(0));
    let shown = || shares.iter().filter(|share| share.exclusive > 0).map(|share| usize::from(share.kind));
    let implied = |kind: u8| is_implied(nested, usize::from(kind), shown());
    let (mut bits, mut worst, mut weakest) = (prior, 0.0f64, 0);
    for share in shares.iter().filter(|share| !implied(share.kind)) {
        let ratio = |exclusive: u32, sightings: u32| {
            let (inside, outside) = &laws[usize::from(share.kind)];
            (inside.log_likelihood(exclusive, sightings) - outside.log_likelihood(exclusive, sightings))
                * std::f64::consts::LOG2_E
        };
        let here = ratio(share.exclusive, share.sightings);
        bits += here;
        if share.exclusive > 0 {
            let loss = here - ratio(share.exclusive - 1, share.sightings);
            if loss > worst {
                (worst, weakest) = (loss, share.kind);
            }
        }
    }
    Standing { group, bits, robust_bits: bits - worst, kinds, weakest }
}

/// By group: the larger group that accepts enough of its members, as parents of a union-find.
fn hosts_of(groups: &[u32], standings: &[(u32, Standing)], config: &MemberConfig) -> Vec<u32> {
    let mut sizes = vec![0u32; groups.len()];
    groups.iter().filter(|&&group| group != NONE_U32).for_each(|&group| sizes[group as usize] += 1);
    let mut accepted: Vec<(u32, u32)> = standings
        .iter()
        .filter_map(|&(account, standing)| {
            let (home, host) = (groups[account as usize], standing.group);
            let smaller = home != NONE_U32
                && home != host
                && (sizes[home as usize], host) < (sizes[host as usize], home)
                && standing.robust_bits >= 0.0;
            smaller.then_some((home, host))
        })
        .collect();
    accepted.sort_unstable();
    let mut parents: Vec<u32> = (0..groups.len() as u32).collect();
    for run in accepted.chunk_by(|left, right| left == right) {
        let (home, host) = run[0];
        if run.len() as f64 >= config.accept_share * f64::from(sizes[home as usize]) {
            union(&mut parents, home, host);
        }
    }
    parents
}

/// Lets members below even odds leave and well-standing outsiders join; `left` keeps how those that left stood.
fn move_accounts(groups: &mut [u32], standings: &[(u32, Standing)], left: &mut [Option<Standing>], config: &MemberConfig) {
    for of_account in standings.chunk_by(|one, other| one.0 == other.0) {
        let account = of_account[0].0 as usize;
        let home = groups[account];
        let at_home = of_account.iter().find(|(_, standing)| standing.group == home).map(|&(_, standing)| standing);
        // A member keeps its group at equal odds; joiners pay for it, and may not hang on one identifier.
        let mut best = at_home.filter(|standing| standing.bits >= 0.0);
        for &(_, standing) in of_account.iter().filter(|(_, standing)| standing.group != home) {
            let needed = best.map_or(config.join_bits, |best| best.bits + config.join_bits);
            if standing.bits >= needed && standing.robust_bits >= 0.0 {
                best = Some(standing);
            }
        }
        match (best, at_home) {
            (Some(best), _) => groups[account] = best.group,
            (None, Some(standing)) => {
                groups[account] = NONE_U32;
                left[account] = Some(standing);
            }
            (None, None) => {}
        }
    }
}

/// Groups accounts without a group by the ties among them. Groups are named by a member, so a free account's name is free.
fn regroup(groups: &mut [u32], ties: &[(u32, u32)]) {
    let mut parents: Vec<u32> = (0..groups.len() as u32).collect();
    let free: Vec<(u32, u32)> =
        ties.iter().copied().filter(|&(a, b)| groups[a as usize] == NONE_U32 && groups[b as usize] == NONE_U32).collect();
    free.iter().for_each(|&(a, b)| union(&mut parents, a, b));
    for (a, b) in free {
        for account in [a, b] {
            groups[account as usize] = find(&mut parents, account);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KindRole;
    use crate::classify::classify_identifiers;
    use crate::config::LinkageConfig;
    use crate::toy::{Touch, Toy};

    /// 2,000 accounts with a template each of 400 and a popular one; then 60 of one operator, each on 20 of 60 campaign
    /// templates, and with a card of its own; then one customer with a single campaign template, and one with 12 of its own.
    fn campaign() -> Toy {
        let mut touches: Vec<Touch> =
            (0..2_000).flat_map(|account| [(account, 0, account % 400, 0), (account, 1, account, 0)]).collect();
        for member in 0..60 {
            let account = 2_000 + member;
            touches.extend((0..20).map(|at| (account, 0, 400 + (member * 7 + at * 3) % 60, 0)));
            touches.push((account, 1, account, 0));
        }
        touches.push((2_060, 0, 400, 0));
        touches.extend((0..12).map(|at| (2_060, 0, 500 + at, 0)));
        touches.push((2_060, 1, 2_060, 0));
        Toy::new(&[KindRole::Template, KindRole::Payment], 2_061, &touches)
    }

    fn refined(toy: &Toy, groups: Vec<u32>, ties: &[(u32, u32)]) -> Refined {
        let config = LinkageConfig::default();
        let classification = classify_identifiers(toy.facts(), &config.classify);
        let nested = vec![vec![false; 2]; 2];
        refine_by_profile(toy.facts(), &classification, &nested, ties, &Population::of(toy.facts()), groups, &config.members)
    }

    /// Everybody without a group but these ranges, each named by its first.
    fn grouped(of: &[(u32, u32)]) -> Vec<u32> {
        let mut groups = vec![NONE_U32; 2_061];
        for &(start, end) in of {
            groups[start as usize..end as usize].fill(start);
        }
        groups
    }

    fn members(refined: &Refined, group: u32) -> Vec<u32> {
        (0..2_061).filter(|&account| refined.groups[account as usize] == group).collect()
    }

    #[test]
    fn who_looks_like_a_member_joins_though_nothing_rare_ties_it() {
        let found = refined(&campaign(), grouped(&[(2_000, 2_040)]), &[]);
        assert_eq!(members(&found, 2_000), (2_000..2_060).collect::<Vec<_>>());
        assert!(found.standings[2_050].is_some_and(|standing| standing.bits > 10.0 && standing.robust_bits > 10.0));
    }

    #[test]
    fn one_shared_template_among_many_others_makes_no_member() {
        let found = refined(&campaign(), grouped(&[(2_000, 2_061)]), &[]);
        assert_eq!(found.groups[2_060], NONE_U32);
        let left = found.standings[2_060].expect("how it stood is kept");
        assert!(left.group == 2_000 && left.bits < 0.0, "{left:?}");
    }

    #[test]
    fn pieces_of_one_operator_become_one() {
        let found = refined(&campaign(), grouped(&[(2_000, 2_030), (2_030, 2_060)]), &[]);
        assert_eq!(members(&found, 2_000), (2_000..2_060).collect::<Vec<_>>());
    }

    #[test]
    fn strangers_in_a_group_are_put_out_and_grouped_by_their_own_ties() {
        // Five of the population were tied into the group, and are tied to each other; they keep nothing to themselves.
        let mut groups = grouped(&[(2_000, 2_060)]);
        let strangers = [0, 1, 2, 3, 4];
        strangers.iter().for_each(|&account| groups[account as usize] = 2_000);
        let found = refined(&campaign(), groups, &[(0, 1), (0, 2_000), (1, 2), (2, 3), (3, 4)]);
        assert_eq!(members(&found, 0), strangers);
        assert_eq!(members(&found, 2_000), (2_000..2_060).collect::<Vec<_>>());
    }

    #[test]
    fn small_groups_stay_as_their_ties_made_them() {
        let groups = grouped(&[(0, 5)]);
        assert_eq!(refined(&campaign(), groups.clone(), &[]).groups, groups);
    }

    #[test]
    fn by_chance_nobody_joins() {
        // 20 accounts of the population put in a group at random: they keep no identifier to themselves.
        let mut groups = grouped(&[]);
        (0..20).for_each(|at| groups[at * 97] = 0);
        let found = refined(&campaign(), groups, &[]);
        assert!(members(&found, 0).len() <= 20);
        assert!((0..2_000).filter(|account| account % 97 != 0).all(|account| found.groups[account] == NONE_U32));
    }

    #[test]
    fn one_thread_and_many_agree() {
        let toy = campaign();
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| refined(&toy, grouped(&[(2_000, 2_030), (2_030, 2_061)]), &[(1, 401), (2_000, 1)]))
        };
        assert_eq!(run(1), run(4));
    }
}
