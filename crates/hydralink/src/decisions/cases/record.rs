//! What stands in one line of the case log, and how names are kept out of it.
//!
//! A log that may only grow and a right to be forgotten contradict each other unless the log holds no names. So a record holds
//! *commitments*: BLAKE3 of a random salt and the name. Salt and name, the *opening*, stand in a second file. Erasing an
//! opening erases the name for good (the salt has 128 random bits), and the chain of the log stays whole.

use events::hex::hex;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Context of the commitments' hash; never changes.
const CONTEXT: &str = "hydralink 2026 case log commitment v1";

/// What a reviewer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Action {
    /// The accounts are one operator's.
    Confirm,
    /// The accounts are harmless: known-good from the next detection on.
    Reject,
    /// A remark; changes nothing.
    Note,
    /// The case moves to another state.
    State,
    /// The number of accounts from which a confirmation needs two reviewers.
    Policy,
    /// Accounts were erased from the store.
    Forget,
    /// Accounts that were erased may come back. Earlier versions wrote `forget` with a reason `lifted_N_accounts`.
    Lift,
    /// The store's key was changed, and with it the names.
    Rekey,
}

impl Action {
    /// The word used in every output.
    pub fn name(self) -> &'static str {
        match self {
            Action::Confirm => "confirm",
            Action::Reject => "reject",
            Action::Note => "note",
            Action::State => "state",
            Action::Policy => "policy",
            Action::Forget => "forget",
            Action::Lift => "lift",
            Action::Rekey => "rekey",
        }
    }
}

/// Where a case stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum State {
    /// Nobody looked at it.
    #[default]
    New,
    /// Being looked at; also a confirmation that waits for its second reviewer.
    Triage,
    /// One operator's.
    Confirmed,
    /// Harmless.
    Rejected,
    /// Undecided and watched.
    Monitoring,
    /// Dealt with; the verdict before it stands.
    Closed,
}

impl State {
    /// Every state.
    pub const ALL: [State; 6] =
        [State::New, State::Triage, State::Confirmed, State::Rejected, State::Monitoring, State::Closed];

    /// Whether `State` decisions move a case to it; confirmations and rejections lead to the others.
    pub fn is_moved_to(self) -> bool {
        !matches!(self, State::Confirmed | State::Rejected)
    }

    /// The word used in every output.
    pub fn name(self) -> &'static str {
        match self {
            State::New => "new",
            State::Triage => "triage",
            State::Confirmed => "confirmed",
            State::Rejected => "rejected",
            State::Monitoring => "monitoring",
            State::Closed => "closed",
        }
    }
}

/// What a case is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Subject {
    /// A network and its members at the time.
    Network,
    /// One account.
    Account,
    /// One identifier.
    Identifier,
    /// The log itself: policies and erasures.
    Store,
}

/// A salted hash of a name, in hex.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Commitment(pub(crate) String);

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    /// Version of the line's form.
    pub(crate) v: u32,
    /// 1 for the first.
    pub(crate) seq: u64,
    /// RFC 3339, UTC.
    pub(crate) at: String,
    pub(crate) action: Action,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) state: Option<State>,
    pub(crate) subject: Subject,
    /// The network decided on, or that the account belonged to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) network: Option<String>,
    pub(crate) reviewer: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) four_eyes: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(crate) accounts: Vec<Commitment>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(crate) identifiers: Vec<Commitment>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) text: Option<Commitment>,
    /// Names that are called otherwise from here on: what stood for them, and what stands for them now.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(crate) renamed: Vec<(Commitment, Commitment)>,
    /// An unfinished line that stood here before, set aside: its length and hash.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) set_aside: Option<(u64, String)>,
    /// Hash of the record before; zeros for the first.
    pub(crate) prev: String,
}

/// What a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Account,
    Identifier,
    Text,
}

/// A name and its salt: one line of the second file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Opening {
    pub(crate) kind: Kind,
    pub(crate) value: String,
    pub(crate) salt: String,
}

impl Opening {
    /// An opening with a fresh salt of the operating system.
    pub(crate) fn new(kind: Kind, value: &str) -> Result<Self, Error> {
        let mut salt = [0; 16];
        Error::random(&mut salt, "the case log")?;
        Ok(Opening { kind, value: value.to_owned(), salt: hex(&salt) })
    }

    /// Its value under the name that a label `KIND:VALUE` gets; texts have none.
    pub(crate) fn renamed(&self, renamed: impl Fn(&str) -> Option<String>) -> Option<String> {
        match self.kind {
            Kind::Account => Some(renamed(&format!("account:{}", self.value))?.strip_prefix("account:")?.to_owned()),
            Kind::Identifier => renamed(&self.value),
            Kind::Text => None,
        }
    }

    /// What stands in the log for it.
    pub(crate) fn commitment(&self) -> Commitment {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(self.salt.as_bytes()).update(&[self.kind as u8]).update(self.value.as_bytes());
        Commitment(hasher.finalize().to_hex().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_openings_of_one_name_have_nothing_in_common() {
        let (one, other) = (Opening::new(Kind::Account, "u1").unwrap(), Opening::new(Kind::Account, "u1").unwrap());
        assert_eq!(one.salt.len(), 32);
        assert_ne!(one.commitment(), other.commitment());
        assert_eq!(one.commitment(), one.clone().commitment());
        assert_ne!(one.commitment(), Opening { kind: Kind::Text, ..one.clone() }.commitment());
        assert_ne!(one.commitment(), Opening { value: "u2".to_owned(), ..one.clone() }.commitment());
    }
}
