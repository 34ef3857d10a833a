//! How do items that arrive in any order come to stand account by account, without sorting all of them?
//!
//! Each item's account is numbered twice: provisionally, where the low bits tell its *shard*, and finally, in the order of names.
//!
//! 1. [`Shard::gather`], one call a shard, all shards in parallel: a counting sort by account (stable, one pass to count and one to
//!    place), then each account's few items are put in order and merged by the caller. An account's items lie in one shard.
//! 2. `Rows::of`: where each final account's items lie, and the row offsets.
//! 3. `Rows::fill`: one column in final order, in parallel over ranges of accounts.
//!
//! Cost: O(items) moves, and O(k log k) for an account of k items; nothing if they already ascend. Memory: the items twice, one
//! shard at a time a thread. The answer depends on neither the order of the parts nor the number of threads.

use rayon::prelude::*;

/// Accounts that one task fills.
const ACCOUNTS_A_TASK: usize = 2048;

/// The items of some accounts, account by account.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shard<T> {
    items: Vec<T>,
    /// (final account, start of its items), in the order of `items`.
    accounts: Vec<(u32, u32)>,
}

impl<T: Copy> Shard<T> {
    /// Gathers `parts`. `account_of_local[l]` is the final account of local number `l`, `local_of` the local number of an item, and
    /// `settle` puts one account's items in order, with merged ones at the front, and tells how many are kept.
    ///
    /// # Panics
    /// More than `u32::MAX` items in one shard.
    pub fn gather(
        parts: Vec<Vec<T>>,
        account_of_local: &[u32],
        local_of: impl Fn(&T) -> usize,
        settle: impl Fn(&mut [T]) -> usize,
    ) -> Self {
        let total: usize = parts.iter().map(Vec::len).sum();
        let total = u32::try_from(total).expect("a shard holds a small part of everything");
        let Some(&any) = parts.iter().flatten().next() else { return Shard { items: Vec::new(), accounts: Vec::new() } };
        let mut next = vec![0u32; account_of_local.len() + 1];
        for item in parts.iter().flatten() {
            next[local_of(item) + 1] += 1;
        }
        for local in 0..account_of_local.len() {
            next[local + 1] += next[local];
        }
        let mut items = vec![any; total as usize];
        for part in parts {
            for item in part {
                let at = &mut next[local_of(&item)];
                items[*at as usize] = item;
                *at += 1;
            }
        }
        // Now next[l] is the end of account l, and so the start of account l + 1.
        let (mut accounts, mut kept, mut start) = (Vec::new(), 0, 0);
        for (local, &account) in account_of_local.iter().enumerate() {
            let end = next[local] as usize;
            if start < end {
                let count = settle(&mut items[start..end]);
                items.copy_within(start..start + count, kept);
                accounts.push((account, kept as u32));
                kept += count;
                start = end;
            }
        }
        items.truncate(kept);
        items.shrink_to_fit();
        Shard { items, accounts }
    }

    /// Takes items that already stand account by account, by final account.
    pub(crate) fn grouped(items: Vec<T>, account_of: impl Fn(&T) -> u32) -> Self {
        let mut accounts: Vec<(u32, u32)> = Vec::new();
        for (at, item) in items.iter().enumerate() {
            if accounts.last().is_none_or(|&(account, _)| account != account_of(item)) {
                accounts.push((account_of(item), at as u32));
            }
        }
        Shard { items, accounts }
    }

    /// The items, account by account.
    pub fn items(&self) -> &[T] {
        &self.items
    }
}

/// Where each account's items lie in the shards, and where they come to lie in a column.
pub(crate) struct Rows {
    pub(crate) offsets: Vec<u64>,
    home: Vec<(u32, u32)>,
}

impl Rows {
    /// The rows of `account_count` accounts; the first account out of range if there is one.
    pub(crate) fn of<T>(shards: &[Shard<T>], account_count: usize) -> Result<Rows, u32> {
        let mut offsets = vec![0u64; account_count + 1];
        let mut home = vec![(0u32, 0u32); account_count];
        for (shard_at, shard) in shards.iter().enumerate() {
            for (at, &(account, start)) in shard.accounts.iter().enumerate() {
                let end = shard.accounts.get(at + 1).map_or(shard.items.len(), |&(_, next)| next as usize);
                *home.get_mut(account as usize).ok_or(account)? = (shard_at as u32, start);
                offsets[account as usize + 1] = end as u64 - u64::from(start);
            }
        }
        for account in 0..account_count {
            offsets[account + 1] += offsets[account];
        }
        Ok(Rows { offsets, home })
    }

    /// Number of items.
    pub(crate) fn item_count(&self) -> usize {
        self.offsets[self.offsets.len() - 1] as usize
    }

    /// One value of each item, in the order of accounts.
    pub(crate) fn fill<T: Sync, U: Copy + Default + Send>(
        &self,
        shards: &[Shard<T>],
        of: impl Fn(u32, &T) -> U + Sync,
    ) -> Vec<U> {
        let mut column = vec![U::default(); self.item_count()];
        let mut tasks = Vec::with_capacity(self.home.len() / ACCOUNTS_A_TASK + 1);
        let mut rest = column.as_mut_slice();
        for first in (0..self.home.len()).step_by(ACCOUNTS_A_TASK) {
            let end = self.home.len().min(first + ACCOUNTS_A_TASK);
            let (slots, later) = rest.split_at_mut((self.offsets[end] - self.offsets[first]) as usize);
            tasks.push((first..end, slots));
            rest = later;
        }
        tasks.into_par_iter().for_each(|(accounts, slots)| {
            let base = self.offsets[accounts.start];
            for account in accounts {
                let row = (self.offsets[account] - base) as usize..(self.offsets[account + 1] - base) as usize;
                let (shard, start) = self.home[account];
                let items = &shards[shard as usize].items[start as usize..start as usize + row.len()];
                for (slot, item) in slots[row].iter_mut().zip(items) {
                    *slot = of(account as u32, item);
                }
            }
        });
        column
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Two shards (even and odd provisional accounts), final accounts in reverse order.
    fn shards(parts: &[Vec<(u32, u32)>], account_count: u32) -> Vec<Shard<(u32, u32)>> {
        (0..2u32)
            .map(|shard| {
                let mine = parts.iter().map(|part| part.iter().copied().filter(|item| item.0 % 2 == shard).collect()).collect();
                let finals: Vec<u32> =
                    (0..account_count).filter(|account| account % 2 == shard).map(|old| account_count - 1 - old).collect();
                Shard::gather(
                    mine,
                    &finals,
                    |item| (item.0 / 2) as usize,
                    |row| {
                        row.sort_unstable();
                        row.len()
                    },
                )
            })
            .collect()
    }

    #[test]
    fn five_items_of_three_accounts_stand_in_final_order() {
        let shards = shards(&[vec![(2, 9), (0, 5), (1, 7)], vec![(2, 4), (0, 5)]], 3);
        let rows = Rows::of(&shards, 3).unwrap();
        assert_eq!(rows.offsets, [0, 2, 3, 5]);
        assert_eq!(rows.fill(&shards, |account, item| (account, item.1)), [(0, 4), (0, 9), (1, 7), (2, 5), (2, 5)]);
        assert!(matches!(Rows::of(&shards, 2), Err(2)));
    }

    #[test]
    fn what_is_merged_leaves_no_gap() {
        let parts = vec![vec![(0, 1), (1, 3), (0, 2)], vec![(1, 4)]];
        let shard = Shard::gather(
            parts,
            &[0, 1],
            |item: &(u32, u32)| item.0 as usize,
            |row| {
                row[0].1 = row.iter().map(|item| item.1).sum();
                1
            },
        );
        assert_eq!(shard.items(), [(0, 3), (1, 7)]);
    }

    proptest! {
        #[test]
        fn agrees_with_a_sort_in_any_order(items in prop::collection::vec((0u32..3000, 0u32..9), 0..300), cut in 0usize..300) {
            let cut = cut.min(items.len());
            let rows_of = |parts: &[Vec<(u32, u32)>]| {
                let shards = shards(parts, 3000);
                let rows = Rows::of(&shards, 3000).unwrap();
                rows.fill(&shards, |account, item| (account, item.1))
            };
            let mut expected: Vec<(u32, u32)> = items.iter().map(|&(account, value)| (2999 - account, value)).collect();
            expected.sort_unstable();
            prop_assert_eq!(rows_of(&[items[..cut].to_vec(), items[cut..].to_vec()]), expected.clone());
            prop_assert_eq!(rows_of(&[items[cut..].to_vec(), items[..cut].to_vec()]), expected);
        }
    }
}
