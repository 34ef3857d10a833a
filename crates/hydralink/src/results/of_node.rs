//! What the labels say of one account, one identifier, one network.

use std::borrow::Cow;

use graph::{AccountId, BipartiteGraph, IdentifierId, NONE_U32};

use super::{Labelling, Membership, NetworkHead, Totals, named};
use crate::counted::counted;
use crate::dataset::Dataset;
use crate::node::Node;

/// The name of the policy of identifiers that link at full weight.
pub(crate) const KEEP: &str = "keep";

/// A time in the unit that says most.
fn lasting(days: f64) -> String {
    match days {
        days if days >= 2.0 => format!("{days:.0} days"),
        days if days >= 0.1 => format!("{:.0} hours", days * 24.0),
        days => counted((days * 1440.0).round() as u64, "minute"),
    }
}

impl Labelling {
    /// The class of an identifier.
    pub fn class_of(&self, identifier: IdentifierId) -> &str {
        named(&self.class_names, &self.classes, identifier)
    }

    /// Why an identifier has its class, in a few words.
    pub fn reason_of(&self, dataset: &Dataset, identifier: IdentifierId) -> String {
        let Totals { first_seen: first, last_seen: last, .. } = self.totals_of(dataset, identifier);
        let accounts = dataset.graph().identifier_degree(identifier);
        let days = last.saturating_sub(first) / 86_400;
        let seen = if first == graph::NO_TIME { String::new() } else { format!(" over {}", counted(u64::from(days), "day")) };
        let spread = match self.spread_days_of(identifier) {
            // Accounts that are older than the log came when they were made, before it began.
            Some(spread) if spread > f64::from(days) + 1.0 => format!(", half of them made within {}", lasting(spread)),
            Some(spread) => format!(", half of them within {}", lasting(spread)),
            None if first == graph::NO_TIME => " at unknown times".to_owned(),
            None => String::new(),
        };
        let alias = if self.class_of(identifier) == "alias" { ", in the same events as another that counts" } else { "" };
        let network = dataset.network_of_address(identifier);
        let network_type = network.network_type.map_or(String::new(), |known| format!(", {} network", known.name()));
        let system = network.asn.map_or(String::new(), |asn| format!(", AS{asn}"));
        format!("{}{seen}{spread}{alias}{network_type}{system}", counted(accounts as u64, "account"))
    }

    /// What the sightings of an identifier come to. O(1) for those that have most of something, else O(its accounts).
    pub fn totals_of(&self, dataset: &Dataset, identifier: IdentifierId) -> Totals {
        self.foremost.totals(dataset.graph(), identifier)
    }

    /// Days between the first and the third quarter of an identifier's accounts, by when they first had it; `None` where few or
    /// no times are known. What tells a crowd that gathered over months from one that came at once.
    pub fn spread_days_of(&self, identifier: IdentifierId) -> Option<f64> {
        self.spread_seconds
            .get(identifier.index())
            .filter(|seconds| seconds.is_finite())
            .map(|&seconds| f64::from(seconds) / 86_400.0)
    }

    /// The policy of an identifier.
    pub fn policy_of(&self, identifier: IdentifierId) -> &str {
        named(&self.policy_names, &self.policies, identifier)
    }

    /// Whether an identifier is kept from linking for how widely it is shared. What is known-good, and a second name of what
    /// links already, link nobody either, by however few they are shared.
    pub(crate) fn is_cut(&self, identifier: IdentifierId) -> bool {
        self.policy_of(identifier) != KEEP && !["allowed", "alias"].contains(&self.class_of(identifier))
    }

    /// The candidate network an account belongs to or touches, and how; the network may be below the threshold.
    pub fn membership_of(&self, account: AccountId) -> Option<(&NetworkHead, Membership)> {
        let network = *self.network_of.get(account.index())?;
        if network == NONE_U32 {
            return None;
        }
        let membership = Membership::of_code(*self.membership.get(account.index())?)?;
        Some((self.heads.get(network as usize)?, membership))
    }

    /// Whether an identifier is one of those that tie a candidate, by rank from 0. Most identifiers are on one account only and
    /// tie nothing: their degree, which is kept in few pages, spares a read of the larger column for each of them.
    pub(crate) fn is_own(&self, graph: &BipartiteGraph, identifier: IdentifierId, network: u32) -> bool {
        self.foremost.degree(graph, identifier) > 1 && self.network_of_identifier.get(identifier.index()) == Some(&network)
    }

    /// The flagged network an account belongs to as core or fringe: what outputs call its network.
    pub fn flagged_network_of(&self, account: AccountId) -> Option<(&NetworkHead, Membership)> {
        let (network, membership) = self.membership_of(account)?;
        (network.flagged && membership.belongs()).then_some((network, membership))
    }

    /// By account: the flagged network that it belongs to, by rank from 0, or `NONE_U32`.
    pub(crate) fn flagged_networks(&self) -> Vec<u32> {
        let flagged = |account: u32| self.flagged_network_of(AccountId(account)).is_some();
        (0u32..)
            .zip(&self.network_of[..])
            .map(|(account, &network)| if flagged(account) { network } else { NONE_U32 })
            .collect()
    }

    /// The network that an identifier ties together, if it does; it may be below the threshold.
    pub fn tied_network(&self, identifier: IdentifierId) -> Option<&NetworkHead> {
        self.heads.get(*self.network_of_identifier.get(identifier.index())? as usize)
    }

    /// The flagged network that an account belongs to, or that an identifier ties.
    pub(crate) fn flagged_network_of_node(&self, node: Node) -> Option<&NetworkHead> {
        match node {
            Node::Account(account) => self.flagged_network_of(account).map(|(network, _)| network),
            Node::Identifier(identifier) => self.tied_network(identifier).filter(|network| network.flagged),
        }
    }

    /// Networks that are below the threshold of the run: people confirmed them.
    pub fn confirmed_below(&self) -> u64 {
        self.heads.iter().filter(|head| head.flagged && head.score < self.run.threshold).count() as u64
    }

    /// The id of a network, and whether it is flagged.
    ///
    /// # Panics
    /// If there is no such network: an index comes from [`Labelling::network_index`].
    pub(crate) fn head(&self, network: usize) -> &NetworkHead {
        &self.heads[network]
    }

    /// The index of a network of this detection by its id (`PN-...`) or its rank. [`Dataset::network_index`] says what
    /// became of others.
    pub fn network_index(&self, id: &str) -> Option<usize> {
        let by_id = self.heads.iter().position(|network| network.id.eq_ignore_ascii_case(id));
        let by_rank = || id.parse::<usize>().ok()?.checked_sub(1).filter(|&at| at < self.heads.len());
        by_id.or_else(by_rank)
    }

    /// The accounts of a network that belong, core and fringe, ascending; none of a number that no network has. Cost: as
    /// [`Labelling::members_of`].
    pub fn belonging(&self, network: usize) -> Vec<AccountId> {
        let members = self.members_of(network).into_iter();
        members.filter(|(_, how)| how.belongs()).map(|(account, _)| account).collect()
    }

    /// The accounts of a network, ascending, with how they belong; none of a number that no network has. O(accounts of the
    /// network) of what a detection kept, else O(accounts of the store).
    pub fn members_of(&self, network: usize) -> Vec<(AccountId, Membership)> {
        let how = |&account: &u32| self.membership.get(account as usize).copied().and_then(Membership::of_code);
        self.accounts_of(network).iter().filter_map(|account| Some((AccountId(*account), how(account)?))).collect()
    }

    /// The same without how they belong.
    pub(crate) fn accounts_of(&self, network: usize) -> Cow<'_, [u32]> {
        if let Some(kept) = self.groups.members(network) {
            return Cow::Borrowed(kept);
        }
        let labels = (0u32..).zip(self.network_of.as_slice());
        labels.filter(|&(_, &label)| label as usize == network).map(|(account, _)| account).collect()
    }
}
