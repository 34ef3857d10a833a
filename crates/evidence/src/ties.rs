//! Which accounts are tied by more than chance?
//!
//! Accounts `a` and `b` share identifiers `S`. By chance an unrelated account shows identifier `i` with probability `d_i / N`,
//! so the shared set carries `sum over S of log2(N / d_i)` bits. Before a pair is looked at, the odds that it belongs together
//! are one in `N`, and each account brings `P` pairs of identifiers that could coincide with somebody's:
//!
//! ```text
//! tied(a, b)  iff  bits(S) >= log2(N) + log2(P) + margin
//! ```
//!
//! which bounds the expected number of accounts tied to a given account by chance by `2^-margin`, if both have about as many
//! identifiers as others: `d_i / N` and `P` are those of the mean account, and two with thousands of identifiers of one kind share
//! more by chance. Bits are added with three cautions: a kind nested in another shared kind counts only once, the second, third ... identifier of the same kind counts
//! `same_kind_discount`, its square ..., a hub's bits count `hub_discount`, and where the data has several kinds a tie needs
//! two of them, or half as many bits again.
//!
//! 1. *Keys* (module `keys`): for each account, all pairs of its most surprising identifiers, and all pairs of a sample of its
//!    common ones.
//! 2. *Chains*: the accounts of a key are tested along a chain in the order of their ids. A test looks up one row in the marks
//!    that the other has set. A key on far more accounts than its two identifiers would share by chance ties its whole chain: so
//!    a large network that shares nothing rare, but the same common things over and over, is tied too.
//! 3. *Union* inside communities; crossing ties are counted, and merge groups by [`MemberConfig::merge_share`].
//!
//! Cost: O(sum over accounts of k^2) keys with k at most `identifiers_per_account`, sorted identifier by identifier; only what is
//! chained is kept.

use fixedbitset::FixedBitSet;
use graph::{AccountId, DisjointSets, IdentifierId, KindId, NONE_U32};
use rayon::prelude::*;

use crate::classify::{Classification, Policy};
use crate::config::MemberConfig;
use crate::keys::{Choices, KEY_ACCOUNTS, halves, packed, pairs_of};
use crate::terms::{Tie, TieTerms, is_implied};
use crate::weigh::Weights;
use crate::{Facts, KindRole};

/// Ties beyond a spanning tree, for each tie of the tree, below which a group is nearly a tree.
const TREE_REDUNDANCY: f64 = 0.5;

/// When a set of identifiers ties: [`TieTerms`] with the surprise and policy of every identifier at hand.
#[derive(Clone, Debug)]
pub(crate) struct TieRule<'a> {
    weights: &'a Weights,
    classification: &'a Classification,
    join_bits: f64,
    /// The identifiers that could be shared and say something, as bits that fit into a cache.
    informative: FixedBitSet,
    pub(crate) terms: TieTerms,
    /// By kind, then kind: what the product of two identifiers' degrees is multiplied with to give the accounts they share by
    /// chance.
    overlaps: Vec<Vec<f64>>,
}

impl<'a> TieRule<'a> {
    pub(crate) fn new(
        facts: Facts<'_>,
        classification: &'a Classification,
        weights: &'a Weights,
        config: &MemberConfig,
    ) -> Self {
        let links = |&kind: &KindId| {
            facts.graph.identifiers_of_kind(kind).any(|identifier| {
                facts.graph.identifier_degree(IdentifierId(identifier)) > 1
                    && classification.policies[identifier as usize] != Policy::Drop
            })
        };
        let linking: Vec<usize> = facts.graph.kinds().filter(links).map(KindId::index).collect();
        let independent = linking.iter().filter(|&&kind| !is_implied(&weights.nested, kind, linking.iter().copied())).count();
        let terms = TieTerms {
            accounts: 0.0,
            kind_accounts: classification.tails.iter().map(|tail| tail.accounts).collect(),
            limits: facts.limits.to_vec(),
            nested: weights.nested.clone(),
            several_kinds: independent > 1,
            pairs_bits: 0.0,
            margin_bits: config.margin_bits,
            same_kind_discount: config.same_kind_discount,
            hub_discount: config.hub_discount,
        };
        let overlaps = chance_overlaps(facts);
        let says = |&identifier: &usize| {
            let degree = facts.graph.identifier_degree(IdentifierId(identifier as u32));
            terms.says(weights.surprise[identifier], degree, classification.policies[identifier])
        };
        let informative = (0..facts.graph.identifier_count()).filter(says).collect();
        let mut rule = TieRule { weights, classification, join_bits: config.join_bits, informative, terms, overlaps };
        let (accounts, pairs) = (0..facts.graph.account_count() as u32)
            .into_par_iter()
            .with_min_len(4096)
            .map(|account| {
                let number = rule.informative(facts, account).count();
                let keys = pairs_of(number.min(config.identifiers_per_account as usize));
                (u64::from(number > 0), keys as u64)
            })
            .reduce(|| (0, 0), |left, right| (left.0 + right.0, left.1 + right.1));
        let accounts = accounts.max(2) as f64;
        let pairs = (pairs as f64 / accounts).max(1.0);
        rule.terms.accounts = accounts;
        rule.terms.pairs_bits = pairs.log2();
        rule
    }

    /// An account's identifiers that could be shared and say something.
    pub(crate) fn informative<'f>(&'f self, facts: Facts<'f>, account: u32) -> impl Iterator<Item = u32> + 'f {
        facts.graph.identifiers_of(AccountId(account)).iter().copied().filter(move |&identifier| self.says(identifier))
    }

    /// Whether an identifier could be shared and says something.
    pub(crate) fn says(&self, identifier: u32) -> bool {
        self.informative.contains(identifier as usize)
    }

    /// The bits of sharing an identifier.
    pub(crate) fn surprise(&self, identifier: u32) -> f64 {
        let at = identifier as usize;
        self.terms.sharing_bits(self.weights.surprise[at], self.classification.policies[at])
    }

    /// The surprise of an identifier, whatever its policy.
    pub(crate) fn raw_surprise(&self, identifier: u32) -> f32 {
        self.weights.surprise[identifier as usize]
    }

    /// As [`TieTerms::membership_bits`].
    pub(crate) fn membership_bits(&self, identifier: u32, held: u32, size: u32, degree: u32) -> f64 {
        self.terms.membership_bits(self.surprise(identifier), held, size, degree)
    }

    /// As [`TieTerms::size_bits`].
    pub(crate) fn size_bits(&self, size: u32) -> f64 {
        self.terms.size_bits(size)
    }

    /// Bits of shared identifiers, by their surprise.
    pub(crate) fn bits_of(&self, facts: Facts<'_>, identifiers: impl Iterator<Item = u32>) -> Tie {
        let known =
            identifiers.filter(|&identifier| self.says(identifier)).map(|identifier| (identifier, self.surprise(identifier)));
        self.sum(facts, known)
    }

    /// Adds bits up, with the three cautions of the module.
    pub(crate) fn sum(&self, facts: Facts<'_>, ballots: impl Iterator<Item = (u32, f64)>) -> Tie {
        self.terms.sum(ballots.map(|(identifier, bits)| (facts.graph.kind_of(IdentifierId(identifier)), bits)).collect())
    }

    /// Whether two identifiers occur together on so many accounts that all of these are tied: `count` against the Poisson mean
    /// `lambda` of a random graph with these degrees ([`chance_overlaps`]). The log-likelihood ratio `count log2(count /
    /// lambda) - (count - lambda) log2 e` must exceed the log2 of all keys and the margin, and the lift `count / lambda` must
    /// be such that few of the accounts are there by chance. Addresses of one gateway come together for everybody behind it:
    /// two addresses are never a key.
    fn enriched(&self, facts: Facts<'_>, key: (u32, u32), count: usize, key_bits: f64, lift: f64) -> bool {
        let (left, right) = (IdentifierId(key.0), IdentifierId(key.1));
        let (left_kind, right_kind) = (facts.graph.kind_of(left).index(), facts.graph.kind_of(right).index());
        let same = left_kind == right_kind;
        let alone = !matches!(facts.roles[left_kind], KindRole::Template | KindRole::Content | KindRole::Other);
        let nested = self.weights.nested[left_kind][right_kind] || self.weights.nested[right_kind][left_kind];
        if count < KEY_ACCOUNTS || nested || (same && alone) {
            return false;
        }
        let degree = |identifier| facts.graph.identifier_degree(identifier) as f64;
        let lambda = degree(left) * degree(right) * self.overlaps[left_kind][right_kind];
        let count = count as f64;
        let bits = count * (count / lambda).log2() - (count - lambda) * std::f64::consts::LOG2_E;
        count >= lift * lambda && bits >= key_bits
    }

    /// Whether so many independent kinds are as many as the data allows to ask for: two, or one where it has one.
    pub(crate) fn several(&self, kinds: u32) -> bool {
        kinds >= if self.terms.several_kinds { 2 } else { 1 }
    }

    /// Whether ballots of so many bits in all could be enough for a group of `size`: discounts only take away.
    pub(crate) fn could_accept(&self, bits: f64, at_home: bool, size: u32) -> bool {
        // Far more than what the order of a sum changes.
        const ROUNDING: f64 = 1e-9;
        let most = |corroborated: bool| self.joining(Tie { bits: bits * (1.0 + ROUNDING), corroborated }, at_home);
        self.terms.same_kind_discount > 1.0 || [true, false].into_iter().any(|known| self.accepts(&most(known), size))
    }

    /// The tie as it counts for an account: outsiders pay `join_bits`.
    pub(crate) fn joining(&self, tie: Tie, at_home: bool) -> Tie {
        if at_home { tie } else { Tie { bits: tie.bits - self.join_bits, ..tie } }
    }

    /// Whether a tie to a group of `size` is enough.
    pub(crate) fn accepts(&self, tie: &Tie, size: u32) -> bool {
        self.terms.accepts(tie, size)
    }
}

/// What two identifiers share by chance, over the product of their degrees, for each pair of kinds. In a random bipartite graph
/// that keeps all degrees, an account with `k_x` of the `S_x` sightings of kind `x` has identifier `i` with probability `d_i
/// k_x / S_x`, so
///
/// ```text
/// lambda(i, j) = d_i d_j sum over accounts of k_x k_y / (S_x S_y)          k_x (k_x - 1) where both are of one kind
/// ```
///
/// With equally busy accounts that is `d_i d_j / N`; busy accounts, which have a bit of everything, make it many times as much.
/// O(accounts * kinds^2). Reference: Chung & Lu 2002, doi:10.1007/PL00012580, on the bipartite graph.
fn chance_overlaps(facts: Facts<'_>) -> Vec<Vec<f64>> {
    let kinds = facts.graph.kind_count();
    // Integer sums: exact, whatever the order.
    let zero = || vec![0u128; kinds * kinds];
    let products = (0..facts.graph.account_count() as u32)
        .into_par_iter()
        .with_min_len(4096)
        .fold(zero, |mut sums, account| {
            // A row is ascending, and so are kinds.
            let mut rest = facts.graph.identifiers_of(AccountId(account));
            let counts: Vec<(usize, u64)> = (0..kinds)
                .map(|kind| {
                    let end = facts.graph.identifiers_of_kind(graph::KindId::of_index(kind)).end;
                    let (of_kind, others) = rest.split_at(rest.partition_point(|&identifier| identifier < end));
                    rest = others;
                    (kind, of_kind.len() as u64)
                })
                .filter(|&(_, count)| count > 0)
                .collect();
            for &(left, one) in &counts {
                for &(right, other) in &counts {
                    sums[left * kinds + right] += u128::from(one * if left == right { other - 1 } else { other });
                }
            }
            sums
        })
        .reduce(zero, |left, right| left.into_iter().zip(right).map(|(a, b)| a + b).collect());
    let sightings = |kind: usize| {
        let range = facts.graph.identifiers_of_kind(graph::KindId::of_index(kind));
        range.map(|identifier| facts.graph.identifier_degree(IdentifierId(identifier)) as f64).sum::<f64>().max(1.0)
    };
    let totals: Vec<f64> = (0..kinds).map(sightings).collect();
    let overlap = |left: usize, right: usize| products[left * kinds + right] as f64 / (totals[left] * totals[right]);
    (0..kinds).map(|left| (0..kinds).map(|right| overlap(left, right)).collect()).collect()
}

/// The group of each account, named by its smallest account, or `NONE_U32`.
pub(crate) fn groups_of_ties(ties: &[(u32, u32)], communities: &[u32], config: &MemberConfig) -> Vec<u32> {
    let mut groups = DisjointSets::new(communities.len());
    for &(a, b) in ties {
        if communities[a as usize] == communities[b as usize] {
            groups.join(a, b);
        }
    }
    merge_across(&mut groups, ties, config.merge_share);
    let mut tied = vec![false; communities.len()];
    for &(a, b) in ties {
        tied[a as usize] = true;
        tied[b as usize] = true;
    }
    groups.into_roots().into_iter().zip(tied).map(|(group, tied)| if tied { group } else { NONE_U32 }).collect()
}

/// Merges groups of different communities that crossing ties join to enough of the smaller group's accounts: `merge_share` of
/// them, or one where both groups hang together no better themselves. A group whose ties form nearly a tree (each wallet funds
/// the next) hangs by one tie everywhere, and where it was cut is chance.
fn merge_across(groups: &mut DisjointSets, ties: &[(u32, u32)], merge_share: f64) {
    let (mut sizes, mut inner) = (vec![0u32; groups.member_count()], vec![0u32; groups.member_count()]);
    for account in 0..groups.member_count() as u32 {
        sizes[groups.root_of(account) as usize] += 1;
    }
    // (smaller group, larger group, account of the smaller): distinct accounts that a tie joins to the other side.
    let mut crossing: Vec<(u32, u32, u32)> = Vec::new();
    for &(a, b) in ties {
        let (left, right) = (groups.root_of(a), groups.root_of(b));
        if left == right {
            inner[left as usize] += 1;
            continue;
        }
        let left_smaller = (sizes[left as usize], left) < (sizes[right as usize], right);
        crossing.push(if left_smaller { (left, right, a) } else { (right, left, b) });
    }
    // Ties beyond a spanning tree, for each tie of the tree.
    let redundancy = |group: u32| {
        let tree = f64::from(sizes[group as usize] - 1);
        (f64::from(inner[group as usize]) - tree) / tree.max(1.0)
    };
    crossing.sort_unstable();
    crossing.dedup();
    for of_pair in crossing.chunk_by(|left, right| (left.0, left.1) == (right.0, right.1)) {
        let (smaller, larger, _) = of_pair[0];
        let trees = redundancy(smaller).max(redundancy(larger)) < TREE_REDUNDANCY;
        if trees || of_pair.len() as f64 >= merge_share * f64::from(sizes[smaller as usize]) {
            groups.join(smaller, larger);
        }
    }
}

/// All tied pairs along the chains of the keys, ascending, without repetition.
pub(crate) fn tied_pairs(facts: Facts<'_>, rule: &TieRule<'_>, config: &MemberConfig) -> Vec<(u32, u32)> {
    let choices = Choices::new(facts, rule, config);
    let key_bits = (choices.key_count.max(1) as f64).log2() + config.margin_bits;
    let chained: Vec<Chained> = (0..facts.graph.identifier_count() as u32)
        .into_par_iter()
        .fold(Chained::default, |mut found, left| {
            let mut keys = std::mem::take(&mut found.keys);
            choices.keys_from(facts, left, &mut keys);
            for chain in keys.chunk_by(|one, other| halves(*one).0 == halves(*other).0).filter(|chain| chain.len() > 1) {
                let key = (left, halves(chain[0]).0);
                let enriched = rule.enriched(facts, key, chain.len(), key_bits, config.key_lift);
                let pairs = chain.windows(2).map(|pair| packed(halves(pair[0]).1, halves(pair[1]).1));
                if enriched { found.tied.extend(pairs) } else { found.tested.extend(pairs) }
            }
            Chained { keys, ..found }
        })
        .collect();
    drop(choices);
    let mut tied: Vec<u64> = chained.par_iter().flat_map_iter(|found| found.tied.iter().copied()).collect();
    let mut tested: Vec<u64> = chained.into_par_iter().flat_map_iter(|found| found.tested).collect();
    tested.par_sort_unstable();
    tested.dedup();
    // What an account has is marked once for all that it is tested with.
    let accepted = |marked: &mut FixedBitSet, pairs: &[u64]| -> Vec<u64> {
        let one = || rule.informative(facts, halves(pairs[0]).0);
        marked.extend(one().map(|identifier| identifier as usize));
        let ties = |&&pair: &&u64| {
            let row = facts.graph.identifiers_of(AccountId(halves(pair).1)).iter().copied();
            rule.accepts(&rule.bits_of(facts, row.filter(|&identifier| marked.contains(identifier as usize))), 1)
        };
        let accepted = pairs.iter().filter(ties).copied().collect();
        one().for_each(|identifier| marked.remove(identifier as usize));
        accepted
    };
    let nothing = || FixedBitSet::with_capacity(facts.graph.identifier_count());
    let of_one = tested.par_chunk_by(|left, right| halves(*left).0 == halves(*right).0);
    tied.par_extend(of_one.map_init(nothing, accepted).flatten_iter());
    tied.par_sort_unstable();
    tied.dedup();
    tied.into_par_iter().map(halves).collect()
}

/// Neighbours along chains, as [`packed`] pairs of accounts.
#[derive(Default)]
struct Chained {
    /// Those that their key ties.
    tied: Vec<u64>,
    /// Those to be tested.
    tested: Vec<u64>,
    /// Scratch.
    keys: Vec<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups of two chains of ten, one crossing tie, and `more` ties inside each beyond the chain.
    fn groups(more: bool) -> Vec<u32> {
        let mut ties: Vec<(u32, u32)> = (0..19).map(|at| (at, at + 1)).collect();
        if more {
            ties.extend((0..8).map(|at| (at, at + 2)).chain((10..18).map(|at| (at, at + 2))));
        }
        let communities: Vec<u32> = (0..20).map(|account| account / 10).collect();
        groups_of_ties(&ties, &communities, &MemberConfig::default())
    }

    #[test]
    fn a_tree_that_was_cut_is_put_together_again() {
        assert!(groups(false).iter().all(|&group| group == 0));
    }

    #[test]
    fn one_tie_between_dense_groups_does_not_join_them() {
        assert_eq!(groups(true), [vec![0; 10], vec![10; 10]].concat());
    }
}
