//! Does an account look like the members of a network, kind by kind?
//!
//! Ties join pairs; a group of many also has a *profile*: which share of a member's sightings are identifiers that the group
//! keeps to itself. A member of a hydra pool has eighty such templates out of a hundred; a customer of the same tool has one.
//!
//! 1. *Exclusive* identifiers: an account's identifier whose other accounts are members, at least `exclusivity` of them. For
//!    each kind, `x` of the account's `n` identifiers are exclusive to the group.
//! 2. *Fit*: `x` of `n` is beta-binomial ([`crate::beta_binomial`]), with one law among the members, and among everybody
//!    else one for each stratum of `n`. An outsider who looks like a member may be one that nothing has tied yet, and counts
//!    among the others only by the odds that it isn't (expectation and maximisation). Overdispersion carries the dependence
//!    between an account's identifiers, so a hundred templates don't count a hundred times.
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
//! speaks is left out. Cost of a round: the sightings of the groups that changed (module `standing`).

use graph::{DisjointSets, NONE_U32};

use crate::config::MemberConfig;
use crate::holdings::sizes_of;
use crate::standing::{Judge, Standing, Standings};

/// What the profiles say in the end.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Refined {
    /// By account: its group, or `NONE_U32`.
    pub(crate) groups: Vec<u32>,
    /// By account: its standing to its group where that has a profile; for an account that left, its standing to the group that
    /// it left.
    pub(crate) standings: Vec<Option<Standing>>,
}

/// Refines groups by their profiles; see the module. `left`: by account without a group, how it stood to the one that it left;
/// empty if nobody has left any.
pub(crate) fn refine_by_profile(
    judge: &Judge<'_>,
    ties: &[(u32, u32)],
    mut groups: Vec<u32>,
    mut left: Vec<Option<Standing>>,
) -> Refined {
    let config = judge.config;
    left.resize(groups.len(), None);
    left.iter_mut().zip(&groups).filter(|(_, group)| **group != NONE_U32).for_each(|(left, _)| *left = None);
    let mut kept = Standings::new(groups.len());
    for _ in 0..config.rounds {
        let standings = kept.of(judge, &groups);
        let before = groups.clone();
        let hosts = hosts_of(&groups, &standings, config).into_roots();
        let merging = (0u32..).zip(&hosts).any(|(group, &host)| host != group);
        if merging {
            groups.iter_mut().filter(|group| **group != NONE_U32).for_each(|group| *group = hosts[*group as usize]);
            left.iter_mut().flatten().for_each(|standing| standing.group = hosts[standing.group as usize]);
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
    for (account, standing) in kept.of(judge, &groups) {
        let (home, last) = (groups[account as usize], &mut last[account as usize]);
        if home == standing.group || last.is_some_and(|old| old.group == standing.group) {
            *last = Some(standing);
        }
    }
    Refined { groups, standings: last }
}

/// Refines groups of free accounts beside those that are `settled`, which stay as they are.
pub(crate) fn refine_free(judge: &Judge<'_>, settled: &Refined, groups: Vec<u32>, left: Vec<Option<Standing>>) -> Refined {
    let Refined { mut groups, mut standings } = refine_by_profile(judge, &[], groups, left);
    for account in (0..groups.len()).filter(|&account| !settled.is_free(account as u32)) {
        (groups[account], standings[account]) = (NONE_U32, None);
    }
    Refined { groups, standings }.named()
}

impl Refined {
    /// With every group named by its smallest member.
    fn named(mut self) -> Refined {
        let names = take_smallest_names(&mut self.groups);
        self.standings.iter_mut().for_each(|slot| *slot = slot.and_then(|standing| standing.renamed(&names)));
        self
    }

    /// Without some accounts, all of groups that have no profile.
    pub(crate) fn without(mut self, accounts: impl Iterator<Item = u32>) -> Refined {
        accounts.for_each(|account| self.groups[account as usize] = NONE_U32);
        self.named()
    }

    /// Whether an account is in no group, and has left none.
    pub(crate) fn is_free(&self, account: u32) -> bool {
        self.groups[account as usize] == NONE_U32 && self.standings[account as usize].is_none()
    }
}

/// Renames every group after its smallest member; forgets whoever left a group that is no more, or has a group again.
pub(crate) fn name_by_smallest_member(groups: &mut [u32], left: &mut [Option<Standing>]) {
    let names = take_smallest_names(groups);
    for (slot, &group) in left.iter_mut().zip(&*groups) {
        *slot = slot.filter(|_| group == NONE_U32).and_then(|standing| standing.renamed(&names));
    }
}

/// Renames every group after its smallest member; by old name the new one, or `NONE_U32`.
fn take_smallest_names(groups: &mut [u32]) -> Vec<u32> {
    let mut names = vec![NONE_U32; groups.len()];
    for (account, group) in groups.iter_mut().enumerate().filter(|(_, group)| **group != NONE_U32) {
        let name = &mut names[*group as usize];
        *name = (*name).min(account as u32);
        *group = *name;
    }
    names
}

impl Standing {
    /// To the same group under its new name; `None` if there is none.
    fn renamed(self, names: &[u32]) -> Option<Standing> {
        let group = names[self.group as usize];
        (group != NONE_U32).then_some(Standing { group, ..self })
    }
}

/// By group: the larger group that accepts enough of its members, as parents of a union-find. Of several the one that accepts
/// most, with the most bits: who could be in two groups doesn't make them one.
fn hosts_of(groups: &[u32], standings: &[(u32, Standing)], config: &MemberConfig) -> DisjointSets {
    let sizes = sizes_of(groups);
    let mut accepted: Vec<(u32, u32, f64)> = standings
        .iter()
        .filter_map(|&(account, standing)| {
            let (home, host) = (groups[account as usize], standing.group);
            let smaller = home != NONE_U32
                && home != host
                && (sizes[home as usize], host) < (sizes[host as usize], home)
                && standing.robust_bits >= 0.0;
            smaller.then_some((home, host, standing.bits))
        })
        .collect();
    // Standings come by account, so the order of what is summed up doesn't change.
    accepted.sort_by_key(|&(home, host, _)| (home, host));
    let mut merged = DisjointSets::new(groups.len());
    for of_home in accepted.chunk_by(|left, right| left.0 == right.0) {
        let enough = config.accept_share * f64::from(sizes[of_home[0].0 as usize]);
        let hosts = of_home.chunk_by(|left, right| left.1 == right.1).filter(|run| run.len() as f64 >= enough);
        let bits = |run: &[(u32, u32, f64)]| run.iter().map(|row| row.2).sum::<f64>();
        let best = hosts.max_by(|left, right| {
            left.len().cmp(&right.len()).then(bits(left).total_cmp(&bits(right))).then(right[0].1.cmp(&left[0].1))
        });
        if let Some(&(home, host, _)) = best.and_then(|run| run.first()) {
            merged.join(home, host);
        }
    }
    merged
}

/// Lets members below even odds leave and well-standing outsiders join; `left` keeps how those that left stood.
fn move_accounts(groups: &mut [u32], standings: &[(u32, Standing)], left: &mut [Option<Standing>], config: &MemberConfig) {
    for of_account in standings.chunk_by(|one, other| one.0 == other.0) {
        let account = of_account[0].0 as usize;
        let home = groups[account];
        let at_home = of_account.iter().find(|(_, standing)| standing.group == home).map(|&(_, standing)| standing);
        // A member keeps its group at equal odds; joiners pay for it, and may not hang on one identifier.
        let staying = at_home.filter(|standing| standing.bits >= 0.0);
        let needed = staying.map_or(config.join_bits, |standing| standing.bits + config.join_bits);
        let elsewhere = of_account.iter().map(|&(_, standing)| standing).filter(|standing| standing.group != home);
        let strongest = elsewhere
            .filter(|standing| standing.bits >= needed && standing.robust_bits >= 0.0)
            .max_by(|one, other| one.bits.total_cmp(&other.bits).then(other.group.cmp(&one.group)));
        match (strongest.or(staying), at_home) {
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
    let mut tied = DisjointSets::new(groups.len());
    let free: Vec<(u32, u32)> =
        ties.iter().copied().filter(|&(a, b)| groups[a as usize] == NONE_U32 && groups[b as usize] == NONE_U32).collect();
    for &(a, b) in &free {
        tied.join(a, b);
    }
    for (a, b) in free {
        for account in [a, b] {
            groups[account as usize] = tied.root_of(account);
        }
    }
}

#[cfg(test)]
mod tests {
    use graph::KindId;

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
        refine_by_profile(&Judge::new(toy.facts(), &classification, &nested, &config.members), ties, groups, Vec::new())
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
    fn who_could_be_in_two_groups_joins_one_of_them() {
        // Two operators with 30 templates each, and one account, in a group of its own, that works for both.
        let mut touches: Vec<Touch> =
            (0..2_000).flat_map(|account| [(account, 0, account % 400, 0), (account, 1, account, 0)]).collect();
        for (operator, member) in (0..2).flat_map(|operator| (0..30).map(move |member| (operator, member))) {
            let account = 2_000 + 30 * operator + member;
            touches.extend((0..20).map(|at| (account, 0, 400 + 30 * operator + (member * 7 + at) % 30, 0)));
            touches.push((account, 1, account, 0));
        }
        touches.extend((0..40).map(|at| (2_060, 0, 400 + at % 20 + at / 20 * 30, 0)));
        touches.push((2_060, 1, 2_060, 0));
        let toy = Toy::new(&[KindRole::Template, KindRole::Payment], 2_061, &touches);
        let found = refined(&toy, grouped(&[(2_000, 2_030), (2_030, 2_060), (2_060, 2_061)]), &[]);
        assert_ne!(found.groups[2_000], found.groups[2_030]);
        assert!(found.groups[2_060] != NONE_U32, "{:?}", found.standings[2_060]);
        assert!(found.groups[2_060] == found.groups[2_000] || found.groups[2_060] == found.groups[2_030]);
    }

    #[test]
    fn a_free_account_joins_the_group_with_most_bits_whatever_the_groups_are_called() {
        let standing =
            |group: u32, bits: f64| Standing { group, bits, robust_bits: bits, independent_kinds: 1, weakest: KindId(0) };
        let joined = |first: f64, second: f64, home: u32| {
            let mut groups = vec![0, 1, home];
            move_accounts(
                &mut groups,
                &[(2, standing(0, first)), (2, standing(1, second))],
                &mut [None; 3],
                &LinkageConfig::default().members,
            );
            groups[2]
        };
        assert_eq!((joined(10.0, 12.5, NONE_U32), joined(12.5, 10.0, NONE_U32), joined(10.0, 10.0, NONE_U32)), (1, 0, 0));
        // Who has a group leaves it only for one that is better by what joining takes.
        assert_eq!((joined(10.0, 12.5, 0), joined(10.0, 13.5, 0)), (0, 1));
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
        assert_eq!(members(&found, 0), [0; 0]);
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
