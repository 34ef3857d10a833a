//! Where in the order of names does an account stand, roughly?
//!
//! What waits until the end is kept apart by ranges of names, so that the last step has all that is of neighbouring accounts
//! side by side in memory, and can let go of it range by range.
//!
//! 1. The borders are names: of those there are when they are first asked for, a sample's quantiles ([`RANGES`]).
//! 2. An account's range is looked up once, by its name; then it stands in a list by provisional id, with the account's number
//!    within the range, in the order in which they came: parts of a range are merged by it ([`Ranges::merged`]).
//! 3. [`Ranges::starts`]: ranges ascend as names do, so that in the final numbering each is a run of accounts.
//!
//! Assumption: later names are like early ones. If not (ids that count up), one range has most: that costs time, and no more.

use std::sync::{PoisonError, RwLock};

use graph::NONE_U32;

use crate::gather::Part;
use crate::intern::Interner;
use crate::runs::Runs;

/// Ranges: one of a hundred million events takes some megabytes, and has thousands of items of every block.
pub(crate) const RANGES: usize = 256;

/// Names of which the borders are quantiles.
const SAMPLE: usize = 16 * RANGES;

/// The range of an account whose name wasn't looked at yet.
const UNKNOWN: u16 = u16::MAX;

/// Ranges of accounts by name.
#[derive(Default)]
pub(crate) struct Ranges(RwLock<Known>);

#[derive(Default)]
struct Known {
    /// The first name of each range but the first.
    borders: Vec<Vec<u8>>,
    /// The range of each provisional id.
    of: Vec<u16>,
    /// Its number within the range.
    number: Vec<u32>,
    /// Accounts of each range.
    count: Vec<u32>,
}

impl Ranges {
    /// The ranges of some accounts, by provisional id; all have names.
    pub(crate) fn of(&self, accounts: &[u32], names: &Interner, found: &mut Vec<u16>) {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        found.clear();
        found.extend(accounts.iter().map(|&account| known.of.get(account as usize).copied().unwrap_or(UNKNOWN)));
        drop(known);
        if found.contains(&UNKNOWN) {
            let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
            let unknown = found.iter_mut().zip(accounts).filter(|(range, _)| **range == UNKNOWN);
            unknown.for_each(|(range, &account)| *range = known.look_up(account, names));
        }
    }

    /// One part of many of one range.
    pub(crate) fn merged(&self, parts: &[&Part]) -> Part {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Runs::new(&[parts.to_vec()], |account| known.number[account as usize]).all_merged()
    }

    /// The first final account of each range, and their number; `rank` is the final number of each account, or `NONE_U32`.
    pub(crate) fn starts(&self, rank: &[u32]) -> Vec<u32> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut starts = vec![0u32; RANGES + 1];
        let numbered = known.of.iter().zip(rank).filter(|&(&range, &rank)| range != UNKNOWN && rank != NONE_U32);
        numbered.for_each(|(&range, _)| starts[usize::from(range) + 1] += 1);
        for range in 0..RANGES {
            starts[range + 1] += starts[range];
        }
        starts
    }
}

impl Known {
    fn look_up(&mut self, account: u32, names: &Interner) -> u16 {
        if self.borders.is_empty() {
            let mut sample = names.sample(SAMPLE);
            sample.sort_unstable();
            self.borders = (1..RANGES).filter_map(|range| sample.get(sample.len() * range / RANGES).cloned()).collect();
            self.count = vec![0; RANGES];
        }
        let at = account as usize;
        if at >= self.of.len() {
            let length = (at + 1).next_power_of_two();
            self.of.resize(length, UNKNOWN);
            self.number.resize(length, NONE_U32);
        }
        if self.of[at] == UNKNOWN {
            let name = names.name(account);
            let range = self.borders.partition_point(|border| *border <= name);
            (self.of[at], self.number[at]) = (range as u16, self.count[range]);
            self.count[range] += 1;
        }
        self.of[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_ascend_with_names_that_came_before_and_after() {
        let names = Interner::new();
        let id = |name: usize| names.intern(format!("account {name:05}").as_bytes()).unwrap();
        let early: Vec<u32> = (0..10_000).step_by(2).map(id).collect();
        let (ranges, mut found, mut again) = (Ranges::default(), Vec::new(), Vec::new());
        ranges.of(&early, &names, &mut found);
        assert!(found.is_sorted());
        assert_eq!((found[0], found[found.len() - 1]), (0, RANGES as u16 - 1));
        let all: Vec<u32> = (0..11_000).map(id).collect();
        ranges.of(&all, &names, &mut again);
        assert!(again.is_sorted());
        assert_eq!(again.iter().step_by(2).take(5000).copied().collect::<Vec<_>>(), found);

        let mut rank = vec![NONE_U32; names.bound()];
        all.iter().enumerate().for_each(|(at, &id)| rank[id as usize] = at as u32);
        let starts = ranges.starts(&rank);
        assert_eq!((starts[0], starts[RANGES]), (0, 11_000));
        for (account, &range) in again.iter().enumerate() {
            assert!((starts[usize::from(range)]..starts[usize::from(range) + 1]).contains(&(account as u32)));
        }
    }
}
