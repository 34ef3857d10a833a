//! Volume: accounts that send unusually much, one by one.
//!
//! An account is flagged if ln(1 + exchanges) lies more than so many standard deviations above the mean over all accounts. It
//! says nothing of who belongs together: every flagged account is a group of its own, so pairs are never claimed, and only
//! membership can be right. Cost O(accounts). This is the per-account rule that networks are built to stay under.

use graph::{AccountId, NONE_U32};

use super::Groups;
use crate::dataset::Dataset;
use crate::query;

/// Flags the accounts.
pub fn volume(dataset: &Dataset, deviations: f64) -> Groups {
    let accounts = (0..dataset.graph().account_count() as u32).map(AccountId);
    unusual(&accounts.map(|account| query::exchanges_of(dataset, account)).collect::<Vec<_>>(), deviations)
}

fn unusual(exchanges: &[u64], deviations: f64) -> Groups {
    let logs: Vec<f64> = exchanges.iter().map(|&count| (count as f64).ln_1p()).collect();
    let count = logs.len().max(1) as f64;
    let mean = logs.iter().sum::<f64>() / count;
    let deviation = (logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / count).sqrt();
    let flagged = |account: usize| logs[account] > mean + deviations * deviation;
    let labels: Vec<u32> = (0..logs.len()).map(|account| if flagged(account) { account as u32 } else { NONE_U32 }).collect();
    Groups::of_labels(&labels, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_loud_are_flagged_and_each_alone() {
        let mut exchanges = vec![9; 50];
        exchanges.extend([99_999, 99_999]);
        let found = unusual(&exchanges, 3.0);
        assert_eq!(found.count(), 2);
        assert!(found.group_of[..50].iter().all(|&group| group == NONE_U32) && found.group_of[50..] == [0, 1]);
        assert_eq!(unusual(&[5; 8], 3.0).count(), 0);
    }
}
