//! How many bits tie two accounts, or an account and a group, once detection is over?
//!
//! [`TieTerms`] are the few numbers of a data set that the rule of [`crate::members`] needs besides degrees and policies. They
//! are kept with the results, so that a question asked later ("why not these two?", "what holds this together?") is answered by
//! the very rule that found the networks, and costs the rows it touches:
//!
//! ```text
//! surprise(i)     = log2(N_k / d_i)   within the kind's limit                       N_k: accounts that have the identifier's kind
//! sharing(i)      = surprise(i) * (1 if it links, hub_discount if it may not link alone, 0 if it never links)
//! bits(S)         = sum over kinds, and in each strongest first, of same_kind_discount^rank * sharing(i)
//! accepted(S, g)  iff bits(S) >= needed(g), or 1.5 needed(g) where S shows one kind and the data several
//! needed(g)       = log2(N / g) + log2(P) + margin                        g: accounts of the group, 1 for a pair
//! ```
//!
//! `N` counts the accounts that have anything to share and `P` the pairs of identifiers that an account brings. A kind that
//! another shared kind implies counts nothing. Reference and derivation: [`crate::members`].

use graph::KindId;
use serde::{Deserialize, Serialize};

use crate::KindLimit;
use crate::classify::Policy;

/// An identifier says something from this surprise on: half of those who have its kind don't show it.
const LEAST_SURPRISE: f32 = 1.0;
/// How much more a tie must carry that nothing of another kind corroborates.
const UNCORROBORATED: f64 = 1.5;

/// The bits of a set of identifiers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Tie {
    /// Discounted sum.
    pub bits: f64,
    /// At least two independent kinds, or two identifiers where the data has one kind.
    pub corroborated: bool,
}

/// What a tie is judged by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TieTerms {
    /// Accounts that have anything to share.
    pub accounts: f64,
    /// By kind: accounts that have it.
    pub kind_accounts: Vec<u32>,
    /// By kind: what was declared of it; empty if nothing was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<KindLimit>,
    /// By kind, then kind: the first implies the second.
    pub nested: Vec<Vec<bool>>,
    /// Whether several kinds can link that don't follow from each other.
    pub several_kinds: bool,
    /// log2 of the pairs of identifiers that an account brings.
    pub pairs_bits: f64,
    /// Bits by which a tie must exceed chance.
    pub margin_bits: f64,
    /// What each further identifier of a kind counts, relative to the one before.
    pub same_kind_discount: f64,
    /// What the bits of an identifier that may not link alone count.
    pub hub_discount: f64,
}

impl TieTerms {
    /// The surprise of an identifier: `log2(N_k / degree)`, at least 0 and within the limit of its kind.
    pub fn surprise(&self, kind: KindId, degree: usize) -> f32 {
        let accounts = f64::from(self.kind_accounts.get(kind.index()).copied().unwrap_or(0));
        self.limits.get(kind.index()).copied().unwrap_or_default().surprise(accounts, degree)
    }

    /// Whether an identifier can speak at all: shared, surprising, and not dropped.
    pub fn says(&self, surprise: f32, degree: usize, policy: Policy) -> bool {
        policy != Policy::Drop && degree > 1 && surprise >= LEAST_SURPRISE
    }

    /// The bits of sharing an identifier. Those who share a hub (a gateway, a city, a company) share more with each other than
    /// independence says, so a hub's bits are discounted.
    pub fn sharing_bits(&self, surprise: f32, policy: Policy) -> f64 {
        match policy {
            Policy::Keep => f64::from(surprise),
            Policy::DownWeight | Policy::CoOccurrenceOnly => self.hub_discount * f64::from(surprise),
            Policy::Drop => 0.0,
        }
    }

    /// What an identifier says for an account's membership in a group of `size` others, `held` of which it was seen on, of
    /// `degree` other accounts in all:
    ///
    /// ```text
    /// log2 P(i | member) / P(i | not)  =  log2 (held / size) / ((degree - held + 1/2) / N)
    /// ```
    ///
    /// For a group of one this is `log2(N / d)`: the surprise of sharing the identifier, `sharing` its bits.
    pub fn membership_bits(&self, sharing: f64, held: u32, size: u32, degree: u32) -> f64 {
        if held == 0 || size == 0 {
            return 0.0;
        }
        let inside = f64::from(held) / f64::from(size);
        let outside = (f64::from(degree - held) + 0.5) / self.accounts;
        // No more than the surprise of sharing it with one account, and the group's share of that.
        (inside / outside).log2().min(sharing + f64::from(held).log2())
    }

    /// Log2 of the prior odds that an account is one of `size`.
    pub fn size_bits(&self, size: u32) -> f64 {
        (f64::from(size.max(1)) / self.accounts).log2()
    }

    /// Adds up the bits of identifiers, each with its kind, under the cautions of the module.
    pub fn sum(&self, mut shared: Vec<(KindId, f64)>) -> Tie {
        shared.sort_by(|left, right| left.0.cmp(&right.0).then(right.1.total_cmp(&left.1)));
        let (mut bits, mut kinds_seen) = (0.0, 0);
        let of_kinds: Vec<&[(KindId, f64)]> = shared.chunk_by(|left, right| left.0 == right.0).collect();
        for of_kind in &of_kinds {
            // Each kind is asked of once: an account may have thousands of identifiers of one.
            if is_implied(&self.nested, of_kind[0].0.index(), of_kinds.iter().map(|shown| shown[0].0.index())) {
                continue;
            }
            kinds_seen += 1;
            let mut factor = 1.0;
            for &(_, surprise) in *of_kind {
                bits += factor * surprise;
                factor *= self.same_kind_discount;
            }
        }
        let corroborated = if self.several_kinds { kinds_seen >= 2 } else { shared.len() >= 2 };
        Tie { bits, corroborated }
    }

    /// The bits that a tie to a group of `size` needs.
    pub fn needed(&self, corroborated: bool, size: u32) -> f64 {
        let needed = self.pairs_bits + self.margin_bits - self.size_bits(size);
        if corroborated { needed } else { UNCORROBORATED * needed }
    }

    /// The pairs of kinds of which the second follows from the first and counts only where that isn't shared; ascending.
    pub fn implied_kinds(&self) -> impl Iterator<Item = (KindId, KindId)> + '_ {
        implied_pairs(&self.nested).map(|(finer, coarser)| (KindId::of_index(finer), KindId::of_index(coarser)))
    }

    /// Whether a tie to a group of `size` is enough; `size` 1 is a pair.
    pub fn accepts(&self, tie: &Tie, size: u32) -> bool {
        tie.bits >= self.needed(tie.corroborated, size)
    }
}

/// Whether one of the kinds that are shown implies this one.
pub(crate) fn is_implied(nested: &[Vec<bool>], kind: usize, mut shown: impl Iterator<Item = usize>) -> bool {
    shown.any(|other| implies(nested, other, kind))
}

/// Whether sharing both kinds counts as sharing the finer alone; of two that imply each other the lower counts.
fn implies(nested: &[Vec<bool>], finer: usize, coarser: usize) -> bool {
    let implies = |one: usize, other: usize| nested.get(one).is_some_and(|row| row[other]);
    finer != coarser && implies(finer, coarser) && (!implies(coarser, finer) || finer < coarser)
}

/// The pairs of kinds of which the first implies the second, so that the second counts only where the first isn't shared; ascending.
pub(crate) fn implied_pairs(nested: &[Vec<bool>]) -> impl Iterator<Item = (usize, usize)> + '_ {
    let kinds = 0..nested.len();
    let pairs = kinds.clone().flat_map(move |finer| kinds.clone().map(move |coarser| (finer, coarser)));
    pairs.filter(|&(finer, coarser)| implies(nested, finer, coarser))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_was_declared_of_a_kind_bounds_its_bits() {
        let limits = vec![KindLimit { prior: Some(4.0), expected: None }, KindLimit { prior: None, expected: Some(64) }];
        let terms = TieTerms { limits, ..terms() };
        assert_eq!([2, 256].map(|degree| terms.surprise(KindId(0), degree)), [4.0, 2.0]);
        assert_eq!([2, 64, 256].map(|degree| terms.surprise(KindId(1), degree)), [4.0, 4.0, 2.0]);
    }

    /// Two kinds on 1,024 accounts each; the second implies nothing.
    fn terms() -> TieTerms {
        TieTerms {
            accounts: 1024.0,
            kind_accounts: vec![1024, 1024],
            limits: Vec::new(),
            nested: vec![vec![false; 2]; 2],
            several_kinds: true,
            pairs_bits: 3.0,
            margin_bits: 2.0,
            same_kind_discount: 0.5,
            hub_discount: 0.25,
        }
    }

    #[test]
    fn a_pair_is_tied_by_the_worked_numbers() {
        let terms = terms();
        // d = 2 of 1,024: 9 bits; d = 64: 4 bits.
        assert_eq!((terms.surprise(KindId(0), 2), terms.surprise(KindId(1), 64)), (9.0, 4.0));
        assert_eq!(terms.sharing_bits(4.0, Policy::CoOccurrenceOnly), 1.0);
        // Kind 0: 9 + 9/2; kind 1: 4.
        let tie = terms.sum(vec![(KindId(0), 9.0), (KindId(1), 4.0), (KindId(0), 9.0)]);
        assert_eq!(tie, Tie { bits: 17.5, corroborated: true });
        // log2 1024 + 3 + 2 = 15, and half as much again without a second kind.
        assert_eq!((terms.needed(true, 1), terms.needed(false, 1)), (15.0, 22.5));
        assert!(terms.accepts(&tie, 1));
        assert!(!terms.accepts(&terms.sum(vec![(KindId(0), 9.0), (KindId(0), 9.0)]), 1));
        // A group of 16 others needs 4 bits less.
        assert_eq!(terms.needed(true, 16), 11.0);
    }

    #[test]
    fn a_kind_that_another_implies_counts_once() {
        let mut terms = terms();
        terms.nested[0][1] = true;
        let tie = terms.sum(vec![(KindId(0), 9.0), (KindId(1), 4.0)]);
        assert_eq!(tie, Tie { bits: 9.0, corroborated: false });
    }

    proptest! {
        #[test]
        fn sharing_more_never_says_less(bits in proptest::collection::vec((0u8..2, 0.0..12.0f64), 0..8), more in (0u8..2, 0.0..12.0f64)) {
            let terms = terms();
            let row: Vec<(KindId, f64)> = bits.iter().map(|&(kind, bits)| (KindId(kind), bits)).collect();
            let with = [row.clone(), vec![(KindId(more.0), more.1)]].concat();
            let (without, with) = (terms.sum(row), terms.sum(with));
            prop_assert!(with.bits >= without.bits - 1e-12);
            prop_assert!(with.corroborated || !without.corroborated);
        }
    }
}
