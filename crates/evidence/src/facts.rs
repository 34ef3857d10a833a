//! What the engine knows before it judges: the graph, the activity, and what the account table says.

use std::ops::Range;

use graph::{AccountId, Activity, BipartiteGraph, Column, IdentifierId, KindId, NO_TIME, NONE_U16, NetworkType, Seconds};
use rayon::prelude::*;

/// What sharing an identifier of a kind can mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KindRole {
    /// Where traffic comes from: `ip`. Shared by households, offices, carrier NATs, VPN exits.
    Address,
    /// Who pays: `payment_instrument`. Shared by families, companies, agencies.
    Payment,
    /// What is asked: `prompt_template_hash`. Shared by users of one tool, one course, one viral prompt.
    Template,
    /// Which machine: `device`.
    Device,
    /// Who signed up: `org`, `api_key`, `email_domain`.
    Credential,
    /// Broad attributes that most unrelated accounts share: `user_agent`, `ja4`, `asn`, `phone_prefix`, a card's `bin`,
    /// `issuer` and `virtual`.
    Weak,
    /// Any other kind.
    Other,
    /// What is passed on or looked at: `url`, `domain`, `hashtag`, `image_phash`, `post`, `repository`. Anybody can come upon
    /// it: sharing it says a common interest before it says a common operator.
    Content,
}

impl KindRole {
    /// Whether sharing identifiers of the role can come of a common interest alone.
    pub fn is_interest(self) -> bool {
        matches!(self, KindRole::Content | KindRole::Template)
    }

    /// The role of the kinds that are known by name; `Other` for the rest.
    pub fn of_name(kind: &str) -> KindRole {
        match kind {
            "ip" => KindRole::Address,
            "payment_instrument" => KindRole::Payment,
            "prompt_template_hash" => KindRole::Template,
            "device" => KindRole::Device,
            "org" | "api_key" | "email_domain" => KindRole::Credential,
            "user_agent" | "ja4" | "asn" | "phone_prefix" | "bin" | "issuer" | "virtual" => KindRole::Weak,
            "url" | "domain" | "hashtag" | "image_phash" | "video_phash" | "post" | "retweeted_post" | "repository"
            | "starred_repo" => KindRole::Content,
            _ => KindRole::Other,
        }
    }
}

/// What sharing an identifier of a kind is worth at most, as its users declared.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct KindLimit {
    /// In bits.
    pub prior: Option<f64>,
    /// No more than if so many accounts shared it.
    pub expected: Option<u32>,
}

impl KindLimit {
    /// The surprise, in bits, of an identifier that `degree` of the `accounts` with its kind have: `log2(accounts / degree)`,
    /// at least 0, within the limit.
    pub fn surprise(&self, accounts: f64, degree: usize) -> f32 {
        let degree = degree.max(self.expected.unwrap_or(1) as usize).max(1);
        (accounts / degree as f64).log2().max(0.0).min(self.prior.unwrap_or(f64::INFINITY)) as f32
    }
}

/// The account table, one entry an account; a column is empty where the input had none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountTable {
    /// When the account was made, or `NO_TIME`.
    pub created_at: Column<Seconds>,
    /// When it was banned, or `NO_TIME` if it wasn't.
    pub banned_at: Column<Seconds>,
    /// Country, an index into the store's names, or `NONE_U16`.
    pub country: Column<u16>,
    /// Plan or tier, an index into the store's names, or `NONE_U16`.
    pub tier: Column<u16>,
    /// Pathway (api, consumer, cloud, team ...), an index into the store's names, or `NONE_U16`.
    pub pathway: Column<u16>,
    /// Declared organisation, an index into the store's names, or `NONE_U32`.
    pub org: Column<u32>,
}

impl AccountTable {
    /// The time of an account in one of the columns of times, if it is known.
    pub(crate) fn known(column: &[Seconds], account: AccountId) -> Option<Seconds> {
        column.get(account.index()).copied().filter(|&time| time != NO_TIME)
    }
}

/// In which networks addresses lie.
pub trait AddressNetworks: std::fmt::Debug + Sync {
    /// A number of the network that an identifier is an address in, the same for all of that network; `None` for what is no
    /// address, or where that isn't known.
    fn network_of(&self, identifier: IdentifierId) -> Option<u64>;
}

/// All inputs of the judgement, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Who touches what.
    pub graph: &'a BipartiteGraph,
    /// Who did what when.
    pub activity: &'a Activity,
    /// The role of each kind; length `graph.kind_count()`.
    pub roles: &'a [KindRole],
    /// The limit of each kind; empty if none was declared.
    pub limits: &'a [KindLimit],
    /// What the account table says.
    pub accounts: &'a AccountTable,
    /// Known-good identifiers: `true` where the allow list names one; empty if there is no list.
    pub allowed_identifiers: &'a [bool],
    /// Known-good accounts: `true` where the allow list names one; empty if there is no list.
    pub allowed_accounts: &'a [bool],
    /// Pairs of accounts that are one operator's, by a list.
    pub must: &'a [(u32, u32)],
    /// Pairs of accounts that aren't, by a list.
    pub cannot: &'a [(u32, u32)],
    /// Code of the type of the network that each identifier is an address in ([`NetworkType::of_code`]); empty where none was
    /// looked up.
    pub network_types: &'a [u8],
    /// In which network each identifier is an address; `None` where nobody says.
    pub address_networks: Option<&'a dyn AddressNetworks>,
    /// Releases: (model index, release time), ascending in time.
    pub releases: &'a [(u16, Seconds)],
}

impl Facts<'_> {
    /// The limit that was declared for a kind.
    pub(crate) fn limit(&self, kind: KindId) -> KindLimit {
        self.limits.get(kind.index()).copied().unwrap_or_default()
    }

    /// Accounts that were seen with anything: a store that is looked at as of an earlier time knows more. O(accounts).
    pub(crate) fn seen_accounts(&self) -> usize {
        let accounts = (0..self.graph.account_count() as u32).into_par_iter().with_min_len(4096);
        accounts.filter(|&account| self.graph.account_degree(AccountId(account)) > 0).count()
    }

    /// Whether it is known when accounts act.
    pub fn tell_times(&self) -> bool {
        self.activity.event_count() > 0
    }

    /// Whether it is known what accounts ask.
    pub fn tell_content(&self) -> bool {
        let asked = self.activity.columns().capability.iter().any(|&class| class != NONE_U16);
        asked || self.roles.iter().any(|role| role.is_interest())
    }

    /// What the network of an address is for, if that was looked up.
    pub(crate) fn network_type(&self, identifier: IdentifierId) -> Option<NetworkType> {
        NetworkType::of_code(*self.network_types.get(identifier.index())?)
    }

    /// Whether the allow list names this account: it is never a member of anything.
    pub fn is_allowed_account(&self, account: u32) -> bool {
        self.allowed_accounts.get(account as usize).copied().unwrap_or(false)
    }

    /// The role of an identifier's kind.
    pub(crate) fn role_of(&self, identifier: u32) -> KindRole {
        self.roles[self.graph.kind_of(IdentifierId(identifier)).index()]
    }

    /// The identifiers of the kinds that have such a role, kind by kind, ascending.
    pub(crate) fn identifiers_of_role(&self, is_asked: impl Fn(KindRole) -> bool) -> Vec<Range<u32>> {
        let kinds = (0..).zip(self.roles).filter(|&(_, &role)| is_asked(role));
        kinds.map(|(kind, _)| self.graph.identifiers_of_kind(KindId(kind))).collect()
    }

    /// Whether an account was seen with any identifier of some kinds, given as [`Facts::identifiers_of_role`] gives them.
    pub(crate) fn has_any(&self, account: AccountId, kinds: &[Range<u32>]) -> bool {
        kinds.iter().any(|of_kind| !self.graph.identifiers_within(account, of_kind).is_empty())
    }

    /// Whether an identifier says something of whom its accounts share with. A template of one account doesn't: an operator
    /// paraphrases as many as it likes. A card or an address of one account does: that the account shares none.
    pub(crate) fn is_comparable(&self, identifier: u32) -> bool {
        self.role_of(identifier) != KindRole::Template || self.graph.identifier_degree(IdentifierId(identifier)) > 1
    }
}
