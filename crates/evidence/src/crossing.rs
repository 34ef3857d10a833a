//! Do more identifiers lead from one group of accounts into another than chance gives?
//!
//! Given which identifiers of kind k one group has, the other accounts of each are drawn from all other sightings of the kind:
//!
//! ```text
//! lambda(A -> B) = sum over kinds k and identifiers i of A:  1 - (1 - S_k(B) / (S_k - S_k(A)))^(d_i - a_i)
//! bits(A, B)     = c log2(c / lambda) - (c - lambda) log2 e        lambda: the larger of lambda(A -> B) and lambda(B -> A)
//! ```
//!
//! `S_k` are sightings, `d_i` accounts of i and `a_i` of them in A. `c` is the number of identifiers in common, and no more than
//! the accounts of A that have one, or of B: one account that is at home in both, or one address of everybody's, is a single
//! link. The bits are Chernoff's bound for a sum of independent draws. They must exceed the log2 of the number of groups, which
//! each could have joined, by `join_bits`, and there must be two links. What was joined is a group of its own in the next
//! round, until no two are enough.
//!
//! Cost: O(sightings), and a round for each join at most, of the groups' sightings and, for each identifier, the pairs of
//! networks that hold it: none of one that more than [`MOST_NETWORKS`] hold, as it leads everywhere.

use std::collections::{BTreeMap, BTreeSet};

use ahash::AHashMap;
use graph::{DisjointSets, IdentifierId, KindId, NONE_U32};

use crate::Facts;
use crate::classify::{Classification, Policy};

/// Fewest links between two groups that are one.
const FEWEST_LINKS: usize = 2;
/// An identifier that more networks hold is no link between any two of them; by chance it leads from each to each all the same.
const MOST_NETWORKS: usize = 256;

/// What groups hold of an identifier.
#[derive(Clone, Debug)]
struct Held {
    kind: KindId,
    /// Accounts of the identifier.
    degree: u32,
    /// (account, group) of those that are in one.
    accounts: Vec<(u32, u32)>,
}

impl Held {
    /// (network, account), ascending. `networks`: by group, its network.
    fn by_network(&self, networks: &[u32]) -> Vec<(u32, u32)> {
        let mut rows: Vec<(u32, u32)> =
            self.accounts.iter().map(|&(account, group)| (networks[group as usize], account)).collect();
        rows.sort_unstable();
        rows
    }
}

/// What of a group leads elsewhere.
#[derive(Clone, Debug, Default)]
struct Open {
    /// By kind: its sightings.
    sightings: Vec<f64>,
    /// (kind, accounts of an identifier that are elsewhere): identifiers.
    identifiers: BTreeMap<(KindId, u32), u32>,
}

impl Open {
    /// The identifiers that lead into another group by chance; `all`: by kind, everybody's sightings.
    fn expected(&self, other: &Open, all: &[f64]) -> f64 {
        let led = |(&(kind, elsewhere), &identifiers): (&(KindId, u32), &u32)| {
            let kind = kind.index();
            let share = (other.sightings[kind] / (all[kind] - self.sightings[kind]).max(1.0)).min(1.0);
            f64::from(identifiers) * (1.0 - (1.0 - share).powf(f64::from(elsewhere)))
        };
        self.identifiers.iter().map(led).sum()
    }
}

/// What leads from one group into another.
#[derive(Clone, Debug, Default)]
struct Links {
    identifiers: usize,
    accounts: [BTreeSet<u32>; 2],
}

impl Links {
    fn count(&self) -> usize {
        let [left, right] = &self.accounts;
        self.identifiers.min(left.len()).min(right.len())
    }

    /// How much more than `expected`, in bits; 0 if it isn't.
    fn bits(&self, expected: f64) -> f64 {
        let count = self.count() as f64;
        if self.count() < FEWEST_LINKS || count <= expected {
            return 0.0;
        }
        count * (count / expected).log2() - (count - expected) * std::f64::consts::LOG2_E
    }
}

/// Whose sightings the other accounts of an identifier are drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drawn {
    /// Sightings of identifiers of two accounts or more: those of chains.
    OfShared,
    /// All sightings of the kind.
    OfAll,
}

/// Groups of accounts, and what links them.
pub(crate) struct Crossing {
    /// By kind: everybody's sightings.
    all: Vec<f64>,
    /// The identifiers of two accounts or more of which a group holds any.
    held: Vec<Held>,
    groups: usize,
}

impl Crossing {
    /// Identifiers of the kinds that `links` names and that may link on their own. `groups`: accounts of each, disjoint.
    pub(crate) fn of(
        facts: Facts<'_>,
        classification: &Classification,
        groups: &[Vec<u32>],
        links: &dyn Fn(KindId) -> bool,
        drawn: Drawn,
    ) -> Self {
        let mut group_of = vec![NONE_U32; facts.graph.account_count()];
        for (group, accounts) in (0u32..).zip(groups) {
            accounts.iter().for_each(|&account| group_of[account as usize] = group);
        }
        let mut all = vec![0.0; facts.graph.kind_count()];
        let mut held = Vec::new();
        for identifier in (0..facts.graph.identifier_count() as u32).map(IdentifierId) {
            let (accounts, kind) = (facts.graph.accounts_of(identifier), facts.graph.kind_of(identifier));
            let counts = accounts.len() > 1 || drawn == Drawn::OfAll;
            if !counts || classification.policies[identifier.index()] != Policy::Keep || !links(kind) {
                continue;
            }
            let degree = accounts.len() as u32;
            all[kind.index()] += f64::from(degree);
            let of_groups = accounts.iter().map(|&account| (account, group_of[account as usize]));
            let accounts: Vec<(u32, u32)> = of_groups.filter(|&(_, group)| group != NONE_U32).collect();
            if !accounts.is_empty() {
                held.push(Held { kind, degree, accounts });
            }
        }
        Crossing { all, held, groups: groups.len() }
    }

    /// The groups of each network that has several, ascending.
    pub(crate) fn joined(&self, join_bits: f64) -> Vec<Vec<usize>> {
        let needed = (self.groups as f64).log2() + join_bits;
        let mut networks = DisjointSets::new(self.groups);
        let mut joined = self.groups > 1;
        while joined {
            joined = false;
            let roots: Vec<u32> = (0..self.groups as u32).map(|group| networks.root_of(group)).collect();
            for ((left, right), bits) in self.between(&roots) {
                if bits >= needed {
                    joined |= networks.join(left, right).is_some();
                }
            }
        }
        let mut wholes = vec![Vec::new(); self.groups];
        networks.into_roots().iter().zip(0..).for_each(|(&root, group)| wholes[root as usize].push(group));
        wholes.retain(|groups| groups.len() > 1);
        wholes
    }

    /// By pair of networks that have [`FEWEST_LINKS`] identifiers in common: how much more leads from one into the other than
    /// chance gives, in bits. `networks`: by group, its network.
    fn between(&self, networks: &[u32]) -> Vec<((u32, u32), f64)> {
        let nothing = Open { sightings: vec![0.0; self.all.len()], ..Open::default() };
        let mut open = vec![nothing; networks.len()];
        // Most pairs have a single identifier in common: accounts are listed of the others only.
        let mut common: AHashMap<(u32, u32), usize> = AHashMap::new();
        for held in &self.held {
            let rows = held.by_network(networks);
            let here: Vec<&[(u32, u32)]> = rows.chunk_by(|left, right| left.0 == right.0).collect();
            for of_network in &here {
                let (open, inside) = (&mut open[of_network[0].0 as usize], of_network.len() as u32);
                open.sightings[held.kind.index()] += f64::from(inside);
                if held.degree > inside {
                    *open.identifiers.entry((held.kind, held.degree - inside)).or_default() += 1;
                }
            }
            pairs_of(&here).for_each(|(one, other)| *common.entry((one[0].0, other[0].0)).or_default() += 1);
        }
        common.retain(|_, identifiers| *identifiers >= FEWEST_LINKS);
        let linked = common.into_iter().map(|(pair, identifiers)| (pair, Links { identifiers, ..Links::default() }));
        let mut between: BTreeMap<(u32, u32), Links> = linked.collect();
        for held in &self.held {
            let rows = held.by_network(networks);
            let here: Vec<&[(u32, u32)]> = rows.chunk_by(|left, right| left.0 == right.0).collect();
            for (one, other) in pairs_of(&here) {
                if let Some(links) = between.get_mut(&(one[0].0, other[0].0)) {
                    links.accounts[0].extend(one.iter().map(|row| row.1));
                    links.accounts[1].extend(other.iter().map(|row| row.1));
                }
            }
        }
        let bits = |((left, right), links): ((u32, u32), Links)| {
            let (one, other) = (&open[left as usize], &open[right as usize]);
            ((left, right), links.bits(one.expected(other, &self.all).max(other.expected(one, &self.all))))
        };
        between.into_iter().map(bits).collect()
    }
}

/// The (network, account) rows of one identifier in two networks.
type Pair<'a> = (&'a [(u32, u32)], &'a [(u32, u32)]);

/// All pairs of the networks that hold an identifier, the lower first; none if they are more than [`MOST_NETWORKS`].
fn pairs_of<'a>(here: &'a [&'a [(u32, u32)]]) -> impl Iterator<Item = Pair<'a>> {
    let here = if here.len() > MOST_NETWORKS { &[] } else { here };
    here.iter().enumerate().flat_map(move |(at, &one)| here[at + 1..].iter().map(move |&other| (one, other)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What leads between groups of two accounts each, by so many identifiers that all of them have.
    fn linked(groups: u32, identifiers: u32) -> Vec<((u32, u32), f64)> {
        let accounts: Vec<(u32, u32)> = (0..2 * groups).map(|account| (account, account / 2)).collect();
        let held = vec![Held { kind: KindId(0), degree: 2 * groups, accounts }; identifiers as usize];
        let crossing = Crossing { all: vec![1e6], held, groups: groups as usize };
        crossing.between(&(0..groups).collect::<Vec<u32>>())
    }

    #[test]
    fn one_identifier_in_common_links_nobody() {
        assert_eq!(linked(3, 1), []);
        let two = linked(3, 2);
        assert_eq!(two.iter().map(|row| row.0).collect::<Vec<_>>(), [(0, 1), (0, 2), (1, 2)]);
        assert!(two.iter().all(|&(_, bits)| bits > 0.0), "{two:?}");
    }

    #[test]
    fn what_very_many_networks_hold_links_no_two_of_them() {
        assert_eq!(linked(MOST_NETWORKS as u32, 2).len(), MOST_NETWORKS * (MOST_NETWORKS - 1) / 2);
        assert_eq!(linked(MOST_NETWORKS as u32 + 1, 2), []);
    }
}
