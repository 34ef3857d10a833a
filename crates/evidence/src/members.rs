//! Who belongs to which network, and how sure is that?
//!
//! A community is a proposal: it sweeps in customers of shared addresses and users of popular templates, and it may cut a large
//! network in two or lump small ones together. Membership is decided on *corroboration* instead.
//!
//! 1. *Ties* ([`crate::ties`]): two accounts are tied when the identifiers they share carry more bits than chance gives among all
//!    accounts and all pairs of identifiers that were tried. Pairs of identifiers are grouped, never pairs of accounts: an
//!    identifier of degree d costs d, not d squared.
//! 2. *Groups*: connected components of the ties inside each community; two groups of different communities become one when ties
//!    cross that involve at least `merge_share` of the smaller. So a network keeps together what modularity split, and
//!    falls apart where modularity lumped.
//! 3. *Fixed point*: an identifier is a group's *own* when at least `exclusivity` of its (other) accounts are in the group. An
//!    account belongs to the group whose own identifiers give it the most bits, if these are enough. Repeat until nothing
//!    changes, at most `rounds` times.
//! 4. *Roles*: core members are tied by own identifiers of two kinds (or, where the data has one kind, by two identifiers) even
//!    without the single strongest of them; fringe members by enough bits otherwise; the rest of the group is ambiguous.
//! 5. *Fragility*: the largest loss of members when any one identifier is removed (HUB-5).
//!
//! Cost: O(sightings) a round, plus the ties.

use graph::{AccountId, IdentifierId, NONE_U32, Partition};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::Facts;
use crate::classify::{Classification, Policy};
use crate::config::MemberConfig;
use crate::ties::{TieRule, groups_of_ties};
use crate::weigh::Weights;

/// How firmly an account belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Tied by independent identifiers, also without the strongest of them.
    Core,
    /// Tied by enough bits, but by one identifier or one kind.
    Fringe,
    /// In the group, but tied by less than the threshold once exclusivity is counted.
    Ambiguous,
}

/// One account of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// The account.
    pub account: u32,
    /// How firmly it belongs.
    pub role: Role,
    /// Bits that the network's own identifiers give it.
    pub bits: f32,
    /// Probability that the tie isn't chance, `1 / (1 + 2^-(bits - log2 of the accounts and pairs tried))`.
    pub confidence: f32,
}

/// One identifier that holds a candidate together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OwnIdentifier {
    /// The identifier.
    pub identifier: u32,
    /// Members seen with it.
    pub members: u32,
    /// Accounts seen with it.
    pub accounts: u32,
}

/// The identifier whose removal costs a candidate most.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fragility {
    /// The identifier; `None` if no single one matters.
    pub identifier: Option<u32>,
    /// Members that fall below the threshold without it.
    pub lost: u32,
}

/// A candidate network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Members, ascending by account.
    pub members: Vec<Member>,
    /// The network's own identifiers on two or more members, ascending.
    pub identifiers: Vec<OwnIdentifier>,
    /// Sightings of members whose identifier may not link alone.
    pub suppressed: u64,
    /// Leave one identifier out.
    pub fragility: Fragility,
}

/// All candidates, largest first, ties by their smallest member.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidates {
    /// The candidates.
    pub networks: Vec<Candidate>,
    /// Bits that a tie had to carry.
    pub tie_bits: f64,
}

impl Candidates {
    /// By account: its candidate's index, or `NONE_U32`.
    pub fn network_of_accounts(&self, account_count: usize) -> Vec<u32> {
        let mut labels = vec![NONE_U32; account_count];
        for (index, network) in self.networks.iter().enumerate() {
            for member in &network.members {
                labels[member.account as usize] = index as u32;
            }
        }
        labels
    }
}

/// Turns communities into candidates. `partition` labels accounts first, then identifiers.
///
/// # Panics
/// If the partition has fewer vertices than the graph has accounts.
pub fn corroborate_members(
    facts: Facts<'_>,
    classification: &Classification,
    weights: &Weights,
    partition: &Partition,
    config: &MemberConfig,
) -> Candidates {
    let rule = TieRule::new(facts, classification, weights, config);
    let communities = &partition.labels()[..facts.graph.account_count()];
    let mut groups = groups_of_ties(facts, &rule, communities, config);
    for _ in 0..config.rounds {
        let own = own_identifiers(facts, classification, &groups, config);
        let next = reassign(facts, &rule, &groups, &own);
        if next == groups {
            break;
        }
        groups = next;
    }
    describe(facts, classification, weights, &rule, &groups, config)
}

/// For each identifier: the group with most of its accounts, and how many; nothing where it isn't that group's own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Own {
    group: u32,
    members: u32,
}

/// Finds every identifier's group.
fn own_identifiers(facts: Facts<'_>, classification: &Classification, groups: &[u32], config: &MemberConfig) -> Vec<Own> {
    (0..facts.graph.identifier_count() as u32)
        .into_par_iter()
        .with_min_len(1024)
        .map_init(Vec::new, |labels: &mut Vec<u32>, identifier| {
            let nothing = Own { group: NONE_U32, members: 0 };
            let accounts = facts.graph.accounts_of(IdentifierId(identifier));
            if accounts.len() < 2 || classification.policies[identifier as usize] == Policy::Drop {
                return nothing;
            }
            labels.clear();
            labels.extend(accounts.iter().map(|&account| groups[account as usize]).filter(|&group| group != NONE_U32));
            labels.sort_unstable();
            let (mut best, mut start) = (nothing, 0);
            for end in 1..=labels.len() {
                if end == labels.len() || labels[end] != labels[start] {
                    if (end - start) as u32 > best.members {
                        best = Own { group: labels[start], members: (end - start) as u32 };
                    }
                    start = end;
                }
            }
            // Leave one account out, so that a pair's own identifier isn't half somebody else's.
            let others = (accounts.len() - 1) as f64;
            let exclusive = f64::from(best.members.saturating_sub(1)) >= config.exclusivity * others;
            if best.members >= 2 && exclusive { best } else { nothing }
        })
        .collect()
}

/// The group whose own identifiers tie each account with enough bits.
fn reassign(facts: Facts<'_>, rule: &TieRule<'_>, groups: &[u32], own: &[Own]) -> Vec<u32> {
    (0..facts.graph.account_count() as u32)
        .into_par_iter()
        .with_min_len(1024)
        .map_init(Vec::new, |candidates: &mut Vec<(u32, u32)>, account| {
            own_by_group(facts, own, account, candidates);
            let (mut best, mut best_bits, mut start) = (NONE_U32, 0.0, 0);
            for end in 1..=candidates.len() {
                if end == candidates.len() || candidates[end].0 != candidates[start].0 {
                    let group = candidates[start].0;
                    let tie = rule.bits_of(facts, candidates[start..end].iter().map(|&(_, identifier)| identifier));
                    // Staying costs less than joining: a member keeps its group at equal bits.
                    let better = tie.bits > best_bits || (tie.bits == best_bits && group == groups[account as usize]);
                    if better && rule.accepts(&tie) {
                        (best, best_bits) = (group, tie.bits);
                    }
                    start = end;
                }
            }
            best
        })
        .collect()
}

/// (group, identifier) of an account's identifiers that are some group's own, ascending.
fn own_by_group(facts: Facts<'_>, own: &[Own], account: u32, out: &mut Vec<(u32, u32)>) {
    out.clear();
    let identifiers = facts.graph.identifiers_of(AccountId(account));
    out.extend(
        identifiers
            .iter()
            .map(|&identifier| (own[identifier as usize].group, identifier))
            .filter(|&(group, _)| group != NONE_U32),
    );
    out.sort_unstable();
}

/// Turns the final groups into candidates.
fn describe(
    facts: Facts<'_>,
    classification: &Classification,
    weights: &Weights,
    rule: &TieRule<'_>,
    groups: &[u32],
    config: &MemberConfig,
) -> Candidates {
    let own = own_identifiers(facts, classification, groups, config);
    let mut rows: Vec<Vec<u32>> = Vec::new();
    let mut index_of = vec![NONE_U32; facts.graph.account_count()];
    for (account, &group) in groups.iter().enumerate() {
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
    rows.retain(|row| row.len() >= config.network_size.max(2) as usize);
    let mut networks: Vec<Candidate> =
        rows.par_iter().map(|row| candidate_of(facts, weights, rule, groups, &own, row)).collect();
    networks.sort_by_key(|network| (std::cmp::Reverse(network.members.len()), network.members[0].account));
    Candidates { networks, tie_bits: rule.threshold }
}

/// One candidate's members, roles, identifiers and fragility.
fn candidate_of(
    facts: Facts<'_>,
    weights: &Weights,
    rule: &TieRule<'_>,
    groups: &[u32],
    own: &[Own],
    accounts: &[u32],
) -> Candidate {
    let group = groups[accounts[0] as usize];
    let mut members = Vec::with_capacity(accounts.len());
    let mut all_own: Vec<u32> = Vec::new();
    // (identifier, one member that needs it), to find the identifier that most members need.
    let mut needed: Vec<u32> = Vec::new();
    let mut own_here: Vec<u32> = Vec::new();
    for &account in accounts {
        own_here.clear();
        let identifiers = facts.graph.identifiers_of(AccountId(account));
        own_here.extend(identifiers.iter().copied().filter(|&identifier| own[identifier as usize].group == group));
        all_own.extend_from_slice(&own_here);
        let tie = rule.bits_of(facts, own_here.iter().copied());
        let mut robust = rule.accepts(&tie);
        for leave in 0..own_here.len() {
            let rest = own_here.iter().enumerate().filter(|&(at, _)| at != leave).map(|(_, &identifier)| identifier);
            if !rule.accepts(&rule.bits_of(facts, rest)) {
                needed.push(own_here[leave]);
                robust = false;
            }
        }
        let role = match (rule.accepts(&tie), robust && tie.corroborated) {
            (true, true) => Role::Core,
            (true, false) => Role::Fringe,
            _ => Role::Ambiguous,
        };
        let odds = tie.bits - rule.prior_bits;
        members.push(Member { account, role, bits: tie.bits as f32, confidence: (1.0 / (1.0 + (-odds).exp2())) as f32 });
    }
    all_own.sort_unstable();
    let identifiers = runs(&all_own)
        .filter(|&(_, count)| count >= 2)
        .map(|(identifier, members)| OwnIdentifier {
            identifier,
            members,
            accounts: facts.graph.identifier_degree(IdentifierId(identifier)) as u32,
        })
        .collect();
    needed.sort_unstable();
    let worst = runs(&needed).max_by_key(|&(identifier, count)| (count, std::cmp::Reverse(identifier)));
    let fragility = match worst {
        Some((identifier, lost)) => Fragility { identifier: Some(identifier), lost },
        None => Fragility { identifier: None, lost: 0 },
    };
    let suppressed = accounts.iter().map(|&account| u64::from(weights.suppressed[account as usize])).sum();
    Candidate { members, identifiers, suppressed, fragility }
}

/// The distinct values of a sorted slice with how often each stands there.
fn runs(sorted: &[u32]) -> impl Iterator<Item = (u32, u32)> + '_ {
    sorted.chunk_by(|left, right| left == right).map(|run| (run[0], run.len() as u32))
}
