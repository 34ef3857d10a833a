//! What did people decide about the networks, and what follows from it?
//!
//! Decisions stand in a log in the store (see [`log`](self): append-only, chained by BLAKE3, without names), which no build,
//! update or detection replaces. Everything else here is computed from it, record by record:
//!
//! - *Standing of an account*: the last decision about it counts. `reject` makes it known-good. `confirm` gives it the vote of
//!   a reviewer; moving its case back to `new`, `triage` or `monitoring` takes verdicts back. `note` and `closed` change
//!   nothing.
//! - *Four eyes*: an account is confirmed when a reviewer confirmed it among at most `four_eyes` accounts (100 unless the log
//!   says otherwise) of one case, or when two reviewers did. Accounts that one confirms one by one count together, those of a
//!   network and those of none. A case whose accounts wait for a second reviewer stays in
//!   `triage`. Raising the number takes two reviewers too.
//! - *Cases*: decisions about a network belong to the case of the same id, or to the one that shares at least half of either's
//!   members: a case stays with its members when a later detection gives the network another id, or it grows or shrinks.
//! - *What follows at the next detection*: known-good accounts are members of nothing and the identifiers that tied a rejected
//!   network link nobody; confirmed accounts decide the order of networks whose scores are equal.
//!
//! Reviewers are who they say they are: the log proves that nothing was changed afterwards, not who wrote it. Cost: O(length of
//! the log).

mod decide;
mod fold;
mod log;
mod record;
mod standing;
mod view;

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use serde::Serialize;

pub use decide::{Decision, decide, set_four_eyes};
pub(crate) use decide::{check_reviewer, log_erasure, log_renaming};
pub use fold::FOUR_EYES;
pub(crate) use log::{UNRENAMED, is_file_of_log};
use record::Kind;
pub use record::{Action, State, Subject};
pub use standing::{Case, Cases, Label, LogEntry};
pub use view::{
    CaseNow, CasedNetwork, Labelled, Listed, Named, cases_now, label_members, label_networks, list_accounts, shown_case,
    shown_log,
};
pub(crate) use view::{NetworkStanding, case_about, confirmed, known_good, shown_entry, standing_by, standing_of, verdict_of};

use crate::error::Error;
use crate::privacy::{Gone, stands_in};

/// What a check of the case log found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ChainCheck {
    /// Records; the chain holds over all of them.
    pub records: u64,
    /// Hash of the last one. Kept elsewhere, it shows later whether records were cut off.
    pub head: String,
    /// Bytes of an unfinished last line: a crash while it was written. It is no record, and the next decision sets it aside.
    pub torn_bytes: u64,
    /// Names that the records refer to and that were erased.
    pub erased_names: u64,
}

/// Checks the chain of a store's case log.
///
/// # Errors
/// [`Error::CaseLog`] names the first record that is wrong; [`Error::Usage`] if `head`, a hash noted earlier, is in no record:
/// then the log was cut or replaced.
pub fn verify(store: &Path, head: Option<&str>) -> Result<ChainCheck, Error> {
    let chain = log::read(store)?;
    if let Some(head) = head
        && !chain.records.iter().any(|(_, hash)| hash.eq_ignore_ascii_case(head))
    {
        return Err(Error::Usage(format!(
            "{}: no record of the case log has the hash {head}: the log was cut off or replaced since it was noted",
            store.display()
        )));
    }
    let referred = chain.records.iter().flat_map(|(record, _)| {
        record.accounts.iter().chain(&record.identifiers).chain(&record.text).filter(|name| !chain.names.contains_key(name))
    });
    Ok(ChainCheck {
        records: chain.records.len() as u64,
        head: chain.head().to_owned(),
        torn_bytes: chain.torn.len() as u64,
        erased_names: referred.count() as u64,
    })
}

/// Erases the openings of names that were renamed; the records lead to the new ones from then on.
pub(crate) fn erase_renamed(store: &Path) -> Result<u64, Error> {
    let chain = log::read(store)?;
    let renamed = chain.records.iter().flat_map(|(record, _)| &record.renamed);
    let renamed: HashSet<&record::Commitment> = renamed.map(|(old, _)| old).collect();
    log::erase(store, |opening| renamed.contains(&opening.commitment()))
}

/// Which of these accounts the log names.
pub(crate) fn accounts_named(store: &Path, sought: &BTreeSet<String>) -> Result<BTreeSet<String>, Error> {
    let chain = log::read(store)?;
    let named = chain.names.into_values().filter(|opening| opening.kind == Kind::Account && sought.contains(&opening.value));
    Ok(named.map(|opening| opening.value).collect())
}

/// Erases the names of accounts and identifiers from the log's openings, and the remarks in which one of them stands, in
/// whatever letters; a long name of an account also as a part of a word. The chain stays whole.
pub(crate) fn erase_names(
    store: &Path,
    accounts: &BTreeSet<String>,
    identifiers: &BTreeSet<(String, String)>,
    gone: &Gone,
) -> Result<u64, Error> {
    let small: Vec<String> = accounts.iter().map(|account| account.to_lowercase()).collect();
    let named = |text: &str| small.iter().any(|account| stands_in(account, text));
    let labels: HashSet<String> = identifiers.iter().map(|(kind, value)| format!("{kind}:{value}")).collect();
    log::erase(store, |opening| match opening.kind {
        Kind::Account => accounts.contains(&opening.value),
        Kind::Identifier => labels.contains(&opening.value),
        Kind::Text => named(&opening.value.to_lowercase()) || gone.named_in(&opening.value),
    })
}
