//! When does everybody come back?

use std::ops::RangeInclusive;

use graph::AccountId;
use rayon::prelude::*;

use crate::Facts;

/// How often everybody comes back.
#[derive(Debug)]
pub(crate) struct Returns {
    /// By account: first start, last start, and returns; no returns for whom nobody asks.
    of: Vec<(i64, i64, u32)>,
    gap: i64,
}

impl Returns {
    /// Reads all events once. `gap`: milliseconds of a pause that ends a session.
    pub(crate) fn of(facts: Facts<'_>, gap: i64) -> Returns {
        let of_account =
            |account: u32| if facts.is_allowed_account(account) { (0, 0, 0) } else { returns_of(facts, gap, account) };
        let accounts = (0..facts.graph.account_count() as u32).into_par_iter().with_min_len(1024);
        Returns { of: accounts.map(of_account).collect(), gap }
    }

    /// The same of some accounts only; nobody else comes back.
    pub(super) fn of_some(facts: Facts<'_>, gap: i64, accounts: impl Iterator<Item = u32>) -> Returns {
        let mut returns = Returns { of: vec![(0, 0, 0); facts.graph.account_count()], gap };
        for account in accounts {
            returns.of[account as usize] = returns_of(facts, gap, account);
        }
        returns
    }

    /// An account's first start, its last, and its returns.
    pub(super) fn life(&self, account: u32) -> (i64, i64, u32) {
        self.of[account as usize]
    }

    /// Milliseconds of a pause that ends a session.
    pub(super) fn gap(&self) -> i64 {
        self.gap
    }

    /// How often an account comes back.
    pub(crate) fn count(&self, account: u32) -> u32 {
        self.of[account as usize].2
    }

    /// Its starts within some time, ascending. O(events in it).
    pub(crate) fn starts_within(&self, facts: Facts<'_>, account: u32, within: RangeInclusive<i64>) -> Vec<i64> {
        let time = facts.activity.of(AccountId(account)).time;
        let from = time.partition_point(|at| at < within.start());
        let inside = &time[from..time.partition_point(|at| at <= within.end()).max(from)];
        let first = inside.first().copied().filter(|first| from == 0 || first - time[from - 1] > self.gap);
        let later = inside.windows(2).filter(|pair| pair[1] - pair[0] > self.gap).map(|pair| pair[1]);
        first.into_iter().chain(later).collect()
    }
}

/// An account's first start, its last, and its returns.
fn returns_of(facts: Facts<'_>, gap: i64, account: u32) -> (i64, i64, u32) {
    let time = facts.activity.of(AccountId(account)).time;
    let Some(&first) = time.first() else { return (0, 0, 0) };
    let later = time.windows(2).filter(|pair| pair[1] - pair[0] > gap).map(|pair| pair[1]);
    later.fold((first, first, 0), |(first, _, returns), start| (first, start, returns + 1))
}
