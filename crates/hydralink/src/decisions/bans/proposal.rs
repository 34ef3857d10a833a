//! What may be done about an account or an identifier: the words of plans and of exported actions.

use evidence::KindRole;
use serde::{Deserialize, Serialize};

/// A proposed action. People decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proposal {
    /// Close the account.
    Ban,
    /// Stop the account until somebody looked at it.
    Suspend,
    /// Limit what the account may do.
    Restrict,
    /// Reset the account's credentials and sessions: its owner uses it too.
    Secure,
    /// Look at the account.
    Review,
    /// Ask whoever comes with the identifier for a proof.
    Challenge,
    /// Ask who pays with the instrument.
    VerifyPayment,
    /// Limit how often the prompt or other content is answered.
    RateLimit,
    /// Watch the identifier: harmless accounts use it too.
    Monitor,
}

impl Proposal {
    /// What is done about an identifier of this role that a network keeps to itself.
    pub(crate) fn for_identifier(role: KindRole) -> Self {
        match role {
            KindRole::Payment => Proposal::VerifyPayment,
            KindRole::Template | KindRole::Content => Proposal::RateLimit,
            _ => Proposal::Challenge,
        }
    }

    /// The word used in every output.
    pub fn name(self) -> &'static str {
        match self {
            Proposal::Ban => "ban",
            Proposal::Suspend => "suspend",
            Proposal::Restrict => "restrict",
            Proposal::Secure => "secure",
            Proposal::Review => "review",
            Proposal::Challenge => "challenge",
            Proposal::VerifyPayment => "verify_payment",
            Proposal::RateLimit => "rate_limit",
            Proposal::Monitor => "monitor",
        }
    }
}
