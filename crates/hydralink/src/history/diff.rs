//! What became of each network between two stores: last week's and today's, or two settings on the same data?
//!
//! Networks are matched by what they hold, not by their ids, which another store may give anew. Two are *the same in part* when
//! they have at least [`SAME_SHARE`] of the smaller's accounts in common, or, where bans have replaced the accounts, of the
//! smaller's own identifiers, [`LEAST_IDENTIFIERS`] at least. The groups that hang together by such matches are then named:
//!
//! | before | after | change |
//! |---|---|---|
//! | none | one | `born` |
//! | one | none | `gone` |
//! | one | one | `grew`, `shrank`, `changed` (as many accounts, but others), `unchanged`; `replaced` if it kept identifiers but under the share of accounts |
//! | one | several | `split` |
//! | several | one | `merged` |
//! | several | several | `regrouped` |
//!
//! Cost: O(members * log accounts) and the networks' own identifiers.

use std::collections::{BTreeMap, BTreeSet};

use graph::{AccountId, IdentifierId};
use serde::Serialize;

use crate::dataset::Dataset;
use crate::error::{Error, held_under};
use crate::results::Results;

/// Share of the smaller network from which two are the same in part.
pub const SAME_SHARE: f64 = 0.5;

/// Identifiers that two networks without common accounts have in common at least if they are the same: one may be anybody's.
pub const LEAST_IDENTIFIERS: usize = 2;

/// Whether so much in common makes two networks the same in part, of which the smaller has so much.
pub(crate) fn is_most(common: usize, of_smaller: usize) -> bool {
    common as f64 >= SAME_SHARE * of_smaller as f64
}

/// What became of a network, or of some that belong together.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Change {
    /// `born`, `gone`, `grew` and so on.
    pub change: &'static str,
    /// Networks of the first store, by rank.
    pub before: Vec<String>,
    /// Networks of the second store, by rank.
    pub after: Vec<String>,
    /// Accounts before.
    pub accounts_before: u64,
    /// Accounts after.
    pub accounts_after: u64,
    /// Accounts after that weren't in these networks before.
    pub joined: u64,
    /// Accounts before that aren't in these networks after.
    pub left: u64,
    /// Own identifiers that were there before and still are.
    pub identifiers_kept: u64,
}

/// One network by what it holds: names, which mean the same in two stores, or numbers within one ([`crate::lineage`]).
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Held<'a, A, I> {
    pub(crate) id: &'a str,
    pub(crate) accounts: BTreeSet<A>,
    pub(crate) identifiers: BTreeSet<I>,
}

/// A network of names.
type Named<'a> = Held<'a, &'a str, (&'a str, &'a str)>;

/// Compares the flagged networks of two stores; changes by rank, those of the second store first.
///
/// # Errors
/// [`Error::Usage`] if the two name accounts otherwise: pseudonyms of two keys, or of one beside plain values, have nothing in
/// common.
pub fn diff(before: (&Dataset, &Results), after: (&Dataset, &Results)) -> Result<Vec<Change>, Error> {
    [before, after].iter().try_for_each(|(dataset, results)| results.labelling().check_of(dataset))?;
    let [one, other] = [before.0, after.0].map(|dataset| dataset.manifest().key_id.as_deref());
    if one != other {
        return Err(Error::Usage(format!(
            "{} holds {}, and {} {}: no name of the one is one of the other's",
            before.0.path().display(),
            held_under(one),
            after.0.path().display(),
            held_under(other)
        )));
    }
    Ok(changes(&held(before), &held(after)))
}

/// The flagged networks of a store with what they hold, by rank.
fn held<'a>((dataset, results): (&'a Dataset, &'a Results)) -> Vec<Named<'a>> {
    let mut position: BTreeMap<u32, usize> = BTreeMap::new();
    let mut all = Vec::new();
    for (index, network) in results.networks.iter().enumerate().filter(|(_, network)| network.flagged) {
        position.insert(index as u32, all.len());
        all.push(Held { id: &network.id, accounts: BTreeSet::new(), identifiers: BTreeSet::new() });
    }
    for (account, network) in results.labelling.network_of.iter().enumerate() {
        let account = AccountId(account as u32);
        let belongs = results.labelling.membership_of(account).is_some_and(|(_, how)| how.belongs());
        if let Some(&at) = position.get(network).filter(|_| belongs) {
            all[at].accounts.insert(dataset.account_name(account));
        }
    }
    for (identifier, network) in results.labelling.network_of_identifier.iter().enumerate() {
        if let Some(&at) = position.get(network) {
            all[at].identifiers.insert(dataset.identifier_name(IdentifierId(identifier as u32)));
        }
    }
    all
}

fn changes(before: &[Named<'_>], after: &[Named<'_>]) -> Vec<Change> {
    let groups = groups(before, after);
    groups.iter().map(|(old, new)| change(&pick(before, old), &pick(after, new))).collect()
}

/// The networks at some positions.
pub(crate) fn pick<'a, T>(networks: &'a [T], positions: &[usize]) -> Vec<&'a T> {
    positions.iter().map(|&at| &networks[at]).collect()
}

/// The groups that hang together by matches, as positions before and positions after; in the order of their first network
/// after, then of their first before.
pub(crate) fn groups<A: Ord, I: Ord>(before: &[Held<'_, A, I>], after: &[Held<'_, A, I>]) -> Vec<(Vec<usize>, Vec<usize>)> {
    // Positions before, then positions after.
    let mut groups = petgraph::unionfind::UnionFind::<usize>::new(before.len() + after.len());
    let mut join = |overlaps: BTreeMap<(usize, usize), usize>, size: fn(&Held<'_, A, I>) -> usize, least: usize| {
        for ((old, new), common) in overlaps {
            if common >= least && is_most(common, size(&before[old]).min(size(&after[new]))) {
                groups.union(old, before.len() + new);
            }
        }
    };
    join(overlaps(before, after, |held| &held.accounts), |held| held.accounts.len(), 1);
    join(overlaps(before, after, |held| &held.identifiers), |held| held.identifiers.len(), LEAST_IDENTIFIERS);
    let mut members: BTreeMap<usize, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    let mut order: Vec<usize> = Vec::new();
    let positions = (before.len()..before.len() + after.len()).chain(0..before.len());
    for position in positions {
        let group = groups.find(position);
        let (old, new) = members.entry(group).or_insert_with(|| {
            order.push(group);
            Default::default()
        });
        match position.checked_sub(before.len()) {
            Some(at) => new.push(at),
            None => old.push(position),
        }
    }
    order.iter().filter_map(|group| members.remove(group)).collect()
}

/// How many items each of some collections and each of others have in common, by their positions, where they have any.
/// O((items + items that collections of one side share) * log items).
pub(crate) fn overlaps<'a, C, T: Ord + 'a, S: IntoIterator<Item = &'a T>>(
    before: &'a [C],
    after: &'a [C],
    items: impl Fn(&'a C) -> S,
) -> BTreeMap<(usize, usize), usize> {
    let mut holders: BTreeMap<&T, Vec<usize>> = BTreeMap::new();
    for (old, held) in before.iter().enumerate() {
        items(held).into_iter().for_each(|item| holders.entry(item).or_default().push(old));
    }
    let mut overlaps = BTreeMap::new();
    for (new, held) in after.iter().enumerate() {
        for &old in items(held).into_iter().filter_map(|item| holders.get(item)).flatten() {
            *overlaps.entry((old, new)).or_default() += 1;
        }
    }
    overlaps
}

/// Common elements, as a share of the smaller set; 0 if one is empty.
fn share<T: Ord>(left: &BTreeSet<T>, right: &BTreeSet<T>) -> f64 {
    let smaller = left.len().min(right.len());
    if smaller == 0 { 0.0 } else { left.intersection(right).count() as f64 / smaller as f64 }
}

/// What became of the networks of one group, by its word.
pub(crate) fn word<A: Ord + Copy, I: Ord>(before: &[&Held<'_, A, I>], after: &[&Held<'_, A, I>]) -> &'static str {
    let (old, new) = (accounts(before), accounts(after));
    match (before.len(), after.len()) {
        (0, _) => "born",
        (_, 0) => "gone",
        (1, 1) if share(&old, &new) < SAME_SHARE => "replaced",
        (1, 1) if new.len() > old.len() => "grew",
        (1, 1) if new.len() < old.len() => "shrank",
        (1, 1) if old != new => "changed",
        (1, 1) => "unchanged",
        (1, _) => "split",
        (_, 1) => "merged",
        _ => "regrouped",
    }
}

/// All accounts of some networks.
pub(crate) fn accounts<A: Ord + Copy, I: Ord>(side: &[&Held<'_, A, I>]) -> BTreeSet<A> {
    side.iter().flat_map(|held| held.accounts.iter().copied()).collect()
}

fn change(before: &[&Named<'_>], after: &[&Named<'_>]) -> Change {
    let (old, new) = (accounts(before), accounts(after));
    let identifiers = |side: &[&Named<'_>]| -> BTreeSet<(String, String)> {
        side.iter().flat_map(|held| &held.identifiers).map(|&(kind, value)| (kind.to_owned(), value.to_owned())).collect()
    };
    Change {
        change: word(before, after),
        before: before.iter().map(|held| held.id.to_owned()).collect(),
        after: after.iter().map(|held| held.id.to_owned()).collect(),
        accounts_before: old.len() as u64,
        accounts_after: new.len() as u64,
        joined: new.difference(&old).count() as u64,
        left: old.difference(&new).count() as u64,
        identifiers_kept: identifiers(before).intersection(&identifiers(after)).count() as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn held<'a>(id: &'a str, accounts: &'a str, cards: &'a str) -> Named<'a> {
        let letters = |text: &'a str| (0..text.len()).map(move |at| &text[at..=at]);
        Held { id, accounts: letters(accounts).collect(), identifiers: letters(cards).map(|card| ("card", card)).collect() }
    }

    fn named(before: &[Named<'_>], after: &[Named<'_>]) -> Vec<(&'static str, u64, u64)> {
        changes(before, after).iter().map(|change| (change.change, change.joined, change.left)).collect()
    }

    #[test]
    fn each_change_has_its_name() {
        assert_eq!(named(&[], &[held("b", "abc", "")]), [("born", 3, 0)]);
        assert_eq!(named(&[held("a", "abc", "")], &[]), [("gone", 0, 3)]);
        assert_eq!(named(&[held("a", "abcd", "")], &[held("b", "abcd", "")]), [("unchanged", 0, 0)]);
        assert_eq!(named(&[held("a", "abcd", "")], &[held("b", "abce", "")]), [("changed", 1, 1)]);
        assert_eq!(named(&[held("a", "ab", "")], &[held("b", "abc", "")]), [("grew", 1, 0)]);
        assert_eq!(named(&[held("a", "abc", "")], &[held("b", "ab", "")]), [("shrank", 0, 1)]);
        assert_eq!(named(&[held("a", "abcd", "")], &[held("b", "ab", ""), held("c", "cd", "")]), [("split", 0, 0)]);
        assert_eq!(named(&[held("a", "ab", ""), held("b", "cd", "")], &[held("c", "abcd", "")]), [("merged", 0, 0)]);
        // All accounts banned and replaced, the cards kept.
        assert_eq!(named(&[held("a", "abc", "12")], &[held("b", "xyz", "129")]), [("replaced", 3, 3)]);
        // Too little in common: one went, another came.
        assert_eq!(named(&[held("a", "abcd", "")], &[held("b", "dxyz", "")]), [("born", 4, 0), ("gone", 0, 4)]);
    }

    proptest! {
        #[test]
        fn every_network_stands_in_exactly_one_change(
            before in proptest::collection::vec("[a-h]{1,6}", 0..4), after in proptest::collection::vec("[a-h]{1,6}", 0..4)
        ) {
            let old: Vec<Named<'_>> = before.iter().map(|accounts| held("old", accounts, "")).collect();
            let new: Vec<Named<'_>> = after.iter().map(|accounts| held("new", accounts, "")).collect();
            let changes = changes(&old, &new);
            prop_assert_eq!(changes.iter().map(|change| change.before.len()).sum::<usize>(), old.len());
            prop_assert_eq!(changes.iter().map(|change| change.after.len()).sum::<usize>(), new.len());
            for change in changes {
                prop_assert_eq!(change.accounts_before + change.joined, change.accounts_after + change.left);
            }
        }
    }
}
