//! Final groups in words: members with their roles, the identifiers that are the group's own, and what it hangs on.

use graph::{IdentifierId, NONE_U32};
use rayon::prelude::*;

use crate::candidate::{Candidate, Fragility, Member, Origin, OwnIdentifier, Role};
use crate::fixed_point::Ballot;
use crate::holdings::{Holdings, hold, hold_few, runs};
use crate::members::{Corroborator, LEFT_OUT, Ties};
use crate::profile::Refined;
use crate::standing::Standings;

impl Corroborator<'_> {
    /// Turns final groups into candidates, largest first, ties by their smallest member.
    pub(crate) fn described(&self, refined: &Refined, origin: Origin) -> Vec<Candidate> {
        let Corroborator { facts, judge, .. } = self;
        let holdings = hold(*facts, judge.classification, &refined.groups);
        let mut rows: Vec<Vec<u32>> = Vec::new();
        let mut index_of = vec![NONE_U32; facts.graph.account_count()];
        for account in 0..facts.graph.account_count() {
            // Those that left a group by its profile are listed with it, as ambiguous.
            let group = match (refined.groups[account], refined.standings[account]) {
                (NONE_U32, Some(standing)) => standing.group,
                (group, _) => group,
            };
            if group == NONE_U32 {
                continue;
            }
            let index = &mut index_of[group as usize];
            if *index == NONE_U32 {
                *index = rows.len() as u32;
                rows.push(Vec::new());
            }
            rows[*index as usize].push(account as u32);
        }
        let least = judge.config.network_size.max(2) as usize;
        rows.retain(|row| row.len() >= least);
        let mut networks: Vec<Candidate> =
            rows.par_iter().map(|row| self.candidate_of(refined, &holdings, row, origin)).collect();
        networks.retain(|network| network.accounts().count() >= least);
        networks.sort_by_key(Candidate::place);
        networks
    }

    /// These accounts as one candidate, whatever speaks for it, and those of them that their own evidence doesn't tie to the others.
    /// All of them are members: who isn't tied is fringe, with the bits that it has. `accounts`: ascending, without repeats, at
    /// least one, none of them known-good. O(accounts + identifiers + sightings of these accounts and of what they have).
    pub fn given(&self, accounts: &[u32]) -> (Candidate, Vec<u32>) {
        let mut groups = vec![NONE_U32; self.facts.graph.account_count()];
        accounts.iter().for_each(|&account| groups[account as usize] = accounts[0]);
        let (refined, holdings) = self.as_grouped(groups);
        let mut candidate = self.candidate_of(&refined, &holdings, accounts, Origin::Given);
        let mut untied = Vec::new();
        for member in candidate.members.iter_mut().filter(|member| member.role == Role::Ambiguous) {
            member.role = Role::Fringe;
            untied.push(member.account);
        }
        (candidate, untied)
    }

    /// These groups as they are, with how each account stands to its own, and what they hold. For groups of few of the accounts.
    pub(crate) fn as_grouped(&self, groups: Vec<u32>) -> (Refined, Holdings) {
        let mut standings = vec![None; groups.len()];
        for (account, standing) in Standings::new(groups.len()).of(&self.judge, &groups) {
            if groups[account as usize] == standing.group {
                standings[account as usize] = Some(standing);
            }
        }
        let holdings = hold_few(self.facts, self.judge.classification, &groups);
        (Refined { groups, standings }, holdings)
    }

    /// One candidate's members, roles, identifiers and fragility.
    pub(crate) fn candidate_of(&self, refined: &Refined, holdings: &Holdings, accounts: &[u32], origin: Origin) -> Candidate {
        let Corroborator { facts, weights, ties: Ties { rule, .. }, judge } = self;
        let facts = *facts;
        let groups = &refined.groups;
        let group =
            accounts.iter().map(|&account| groups[account as usize]).find(|&group| group != NONE_U32).unwrap_or(NONE_U32);
        let size = holdings.sizes.get(group as usize).map_or(0, |&size| size.saturating_sub(1));
        let mut members = Vec::with_capacity(accounts.len());
        let mut seen: Vec<u32> = Vec::new();
        // Identifiers without which a member would fall below the threshold, once for each such member.
        let mut needed: Vec<u32> = Vec::new();
        for &account in accounts {
            let standing = refined.standings[account as usize];
            if let Some(standing) = standing.filter(|_| groups[account as usize] == NONE_U32) {
                members.push(Member::of_odds(account, Role::Ambiguous, standing.bits));
                continue;
            }
            let home = groups[account as usize];
            let here = Ballot { facts, rule, holdings, account, home }.speaking_for(group);
            seen.extend(here.iter().map(|&(identifier, _)| identifier));
            if let Some(standing) = standing {
                let role = match (standing.bits >= 0.0, standing.robust_bits >= 0.0 && rule.several(standing.independent_kinds))
                {
                    (true, true) => Role::Core,
                    (true, false) => Role::Fringe,
                    _ => Role::Ambiguous,
                };
                if standing.bits >= 0.0 && standing.robust_bits < 0.0 {
                    let of_weakest =
                        |&&(identifier, _): &&(u32, f64)| facts.graph.kind_of(IdentifierId(identifier)) == standing.weakest;
                    needed.extend(here.iter().filter(of_weakest).map(|&(identifier, _)| identifier));
                }
                members.push(Member::of_odds(account, role, standing.bits));
                continue;
            }
            let tie = rule.sum(facts, here.iter().copied());
            let accepted = rule.accepts(&tie, size);
            let mut robust = accepted;
            // Long rows don't hang on one identifier: only the few strongest could matter.
            for leave in strongest(&here) {
                let rest = here.iter().copied().filter(|&(identifier, _)| identifier != leave);
                if accepted && !rule.accepts(&rule.sum(facts, rest), size) {
                    needed.push(leave);
                    robust = false;
                }
            }
            let role = match (accepted, robust && tie.corroborated) {
                (true, true) => Role::Core,
                (true, false) => Role::Fringe,
                _ => Role::Ambiguous,
            };
            let odds = tie.bits + rule.size_bits(size) - rule.terms.pairs_bits;
            members.push(Member::of_odds(account, role, odds));
        }
        seen.sort_unstable();
        let identifiers: Vec<OwnIdentifier> = runs(&seen)
            .map(|(identifier, members)| OwnIdentifier {
                identifier,
                members,
                accounts: facts.graph.identifier_degree(IdentifierId(identifier)) as u32,
            })
            // Leave one account out, so that a pair's own identifier isn't half somebody else's.
            .filter(|own| judge.config.is_exclusive(own.members - 1, own.accounts - 1))
            .collect();
        needed.sort_unstable();
        let worst = runs(&needed).max_by_key(|&(identifier, count)| (count, std::cmp::Reverse(identifier)));
        let fragility = match worst {
            Some((identifier, lost)) => Fragility { identifier: Some(identifier), lost },
            None => Fragility { identifier: None, lost: 0 },
        };
        let suppressed = accounts.iter().map(|&account| u64::from(weights.suppressed[account as usize])).sum();
        Candidate { members, identifiers, suppressed, fragility, origin }
    }
}

/// The identifiers with most bits, at most [`LEFT_OUT`], ties to the lower id.
fn strongest(ballots: &[(u32, f64)]) -> Vec<u32> {
    let mut order = ballots.to_vec();
    order.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
    order.truncate(LEFT_OUT);
    order.into_iter().map(|(identifier, _)| identifier).collect()
}
