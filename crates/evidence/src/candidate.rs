//! A candidate network: which accounts are in it, how firmly, and what holds it together.

use serde::{Deserialize, Serialize};

/// A group that holds less than one in this many of an identifier's accounts can't claim it.
const NOTABLE_SHARE: usize = 32;

/// Whether a group that holds so many of an identifier's accounts can claim it.
pub fn is_notable(held: u32, accounts: usize) -> bool {
    held as usize * NOTABLE_SHARE >= accounts
}

/// How firmly an account belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Tied by independent identifiers, also without the strongest of them.
    Core,
    /// Tied by enough bits, but by one identifier or one kind.
    Fringe,
    /// In the group, but tied by less than the threshold once exclusivity is counted.
    Ambiguous,
}

/// One account of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// The account.
    pub account: u32,
    /// How firmly it belongs.
    pub role: Role,
    /// Log2 odds that it belongs: the bits of its identifiers, less the prior of the network's size and of the pairs tried.
    pub bits: f32,
    /// Probability that it belongs if its candidate is a network, `1 / (1 + 2^-bits)`: of candidates that are none it says nothing.
    pub confidence: f32,
}

impl Member {
    pub(crate) fn of_odds(account: u32, role: Role, odds: f64) -> Self {
        Member { account, role, bits: odds as f32, confidence: (1.0 / (1.0 + (-odds).exp2())) as f32 }
    }
}

/// One identifier that holds a candidate together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OwnIdentifier {
    /// The identifier.
    pub identifier: u32,
    /// Members seen with it.
    pub members: u32,
    /// Accounts seen with it.
    pub accounts: u32,
}

/// The identifier whose removal costs a candidate most.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fragility {
    /// The identifier; `None` if no single one matters.
    pub identifier: Option<u32>,
    /// Members that fall below the threshold without it.
    pub lost: u32,
}

/// What proposed a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Ties between two accounts, or work in common.
    Common,
    /// Nothing but turns that accounts take at one prompt (module `dealt`).
    Turns,
    /// A list that somebody drew up ([`crate::Corroborator::given`]).
    Given,
    /// Nothing but infrastructure (module `pieces`): no tie between two accounts, and no work in common.
    Infrastructure,
    /// Nothing but rejected requests that came again from another account (module `handed_on`).
    HandedOn,
    /// Nothing but their turns in one queue (module `served`).
    Queue,
}

/// A candidate network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Members, ascending by account.
    pub members: Vec<Member>,
    /// The network's own identifiers on two or more members, ascending.
    pub identifiers: Vec<OwnIdentifier>,
    /// Sightings of members whose identifier may not link alone.
    pub suppressed: u64,
    /// Leave one identifier out.
    pub fragility: Fragility,
    /// What proposed it.
    pub origin: Origin,
}

impl Candidate {
    /// What candidates are ordered by: largest first, ties by their smallest member.
    pub(crate) fn place(&self) -> (std::cmp::Reverse<usize>, u32) {
        (std::cmp::Reverse(self.members.len()), self.members[0].account)
    }

    /// Whether nothing that its accounts share proposed it but infrastructure, if that: it stands on its behaviour or not at all.
    pub fn stands_on_behaviour(&self) -> bool {
        matches!(self.origin, Origin::Infrastructure | Origin::Queue)
    }

    /// Whether nothing but infrastructure proposed it.
    pub fn is_of_infrastructure(&self) -> bool {
        self.origin == Origin::Infrastructure
    }

    /// The identifiers that tie it, those that tie most members first; of equals those of fewer accounts.
    pub fn strongest_first(&self) -> Vec<OwnIdentifier> {
        let mut own = self.identifiers.clone();
        own.sort_by_key(|own| (std::cmp::Reverse(own.members), own.accounts, own.identifier));
        own
    }

    /// An account that it lists.
    pub fn member(&self, account: u32) -> Option<&Member> {
        self.members.binary_search_by_key(&account, |member| member.account).ok().map(|at| &self.members[at])
    }

    /// The accounts that count as members: all but the ambiguous ones, ascending.
    pub fn accounts(&self) -> impl Iterator<Item = u32> + '_ {
        self.members.iter().filter(|member| member.role != Role::Ambiguous).map(|member| member.account)
    }
}
