//! What may be done about an account or an identifier: the words of plans and of exported actions.

use evidence::KindRole;
use serde::{Deserialize, Serialize};

use crate::results::KEEP;

/// The largest share of harmless accounts that acting on an identifier may hit, unless another is asked for.
pub(crate) const MAX_BENIGN: f64 = 0.1;

/// What decides whether a network keeps an identifier to itself, so that acting on it hits hardly anybody else. Plans, exported
/// actions and indicators go by this one rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Kept<'a> {
    /// The policy of its class, where one is known: others than `keep` are of what strangers share, popular templates and
    /// gateways among them, however few strangers are on record.
    pub(crate) policy: Option<&'a str>,
    /// Members of the network seen with it.
    pub(crate) members: u64,
    /// The share of all accounts seen with it that aren't members.
    pub(crate) benign_prevalence: f64,
    /// Whether it is known-good, or of a network that people rejected.
    pub(crate) is_harmless: bool,
}

impl Kept<'_> {
    /// The share of accounts that aren't members; 0 of an identifier that nobody has.
    pub(crate) fn prevalence(members: u64, accounts: u64) -> f64 {
        1.0 - members as f64 / accounts.max(members).max(1) as f64
    }

    /// Whether it is: at least two members have it, strangers don't by its policy, and no more than `max_benign` of those that
    /// have it do by the record. With `force` strangers are no reason against it.
    pub(crate) fn is_kept(&self, max_benign: f64, force: bool) -> bool {
        let is_exclusive = self.policy.is_none_or(|policy| policy == KEEP) && self.benign_prevalence <= max_benign;
        (is_exclusive || force) && self.members >= 2 && !self.is_harmless
    }
}

/// A proposed action. People decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
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
    /// What is done about an identifier of this role: acted on if a network keeps it to itself ([`Kept::is_kept`]), else watched.
    pub(crate) fn for_identifier(role: KindRole, is_kept: bool) -> Self {
        match role {
            _ if !is_kept => Proposal::Monitor,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strangers_share_is_watched_and_what_a_network_keeps_is_acted_on() {
        let kept = Kept { policy: Some(KEEP), members: 9, benign_prevalence: Kept::prevalence(9, 10), is_harmless: false };
        let proposed = |kept: Kept<'_>, force| Proposal::for_identifier(KindRole::Template, kept.is_kept(MAX_BENIGN, force));
        assert_eq!(proposed(kept, false), Proposal::RateLimit);
        assert_eq!(proposed(Kept { policy: None, ..kept }, false), Proposal::RateLimit);
        // A popular template, though no stranger is on record with it; and one that one of five strangers has.
        for shared in [Kept { policy: Some("drop"), ..kept }, Kept { benign_prevalence: 0.2, ..kept }] {
            assert_eq!((proposed(shared, false), proposed(shared, true)), (Proposal::Monitor, Proposal::RateLimit));
        }
        for never in [Kept { members: 1, ..kept }, Kept { is_harmless: true, ..kept }] {
            assert_eq!(proposed(never, true), Proposal::Monitor);
        }
        assert_eq!((Kept::prevalence(0, 0), Kept::prevalence(3, 2), Kept::prevalence(1, 4)), (1.0, 0.0, 0.75));
    }
}
