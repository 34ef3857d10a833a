//! Who is banned?

use graph::AccountId;

use super::Dataset;

/// Words of the account table for an account that the platform has shut, in small letters as they are kept. One that is `closed` its
/// owner gave up.
const BANNED: [&str; 4] = ["banned", "suspended", "terminated", "blocked"];

impl Dataset {
    /// Whether the account table says that an account is banned, by a time or by its status.
    pub fn is_banned(&self, account: AccountId) -> bool {
        let time = self.accounts.banned_at.get(account.index());
        let by_time = time.is_some_and(|&time| time != graph::NO_TIME);
        by_time || self.status.of_account(account).is_some_and(|status| BANNED.contains(&status))
    }
}
