//! What is drawn: a plain graph of nodes and edges that every format writes.
//!
//! An [`ExportGraph`] is bipartite: every edge joins an account (or, in a collapsed view, a group of accounts) with an
//! identifier, or in a projection with an account after it, and there is at most one edge a pair. It borrows the names from the
//! dataset and owns everything else, so that a test or a program can also make one by hand. Each format is a function of it
//! alone: same graph, same bytes.
//!
//! Memory: 28 bytes an edge, about 130 bytes a node; names are not copied.

use std::borrow::Cow;

use evidence::KindRole;
use graph::{NO_TIME, NONE_U16, Seconds};
use serde::Serialize;

use crate::results::{Membership, Network};
use crate::review::Belief;
use crate::roles::AccountRole;

/// The node kind of an account.
pub const ACCOUNT: u16 = 0;
/// The node kind of a network drawn as one node.
pub const NETWORK: u16 = 1;
/// The node kind of a community drawn as one node.
pub const COMMUNITY: u16 = 2;
/// Names of the node kinds that no identifier has; identifier kinds follow from this number on.
pub const GROUP_KINDS: [&str; 3] = ["account", "network", "community"];

/// The graph that is written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExportGraph<'a> {
    /// What the file says about itself.
    pub about: About,
    /// Names of the node kinds: [`GROUP_KINDS`], then the kinds of identifiers.
    pub kinds: Vec<String>,
    /// Role of each node kind; `Other` for the group kinds.
    pub roles: Vec<KindRole>,
    /// The networks that are drawn, by rank.
    pub networks: Vec<Network>,
    /// Since when each of them is on record, in their order: the last event of the data of the detection that found it first, which stays
    /// as it is; or `NO_TIME`.
    pub since: Vec<Seconds>,
    /// What is held of each of them, in their order.
    pub beliefs: Vec<Belief>,
    /// Names of the identifier classes.
    pub classes: Vec<String>,
    /// Names of the policies.
    pub policies: Vec<String>,
    /// Names of the countries.
    pub countries: Vec<String>,
    /// Names of the tiers.
    pub tiers: Vec<String>,
    /// Names of the pathways.
    pub pathways: Vec<String>,
    /// The nodes: accounts or groups first, then identifiers.
    pub nodes: Vec<ExportNode<'a>>,
    /// The edges, ascending by (source, target).
    pub edges: Vec<ExportEdge>,
    /// Identifiers that at least two of the chosen accounts share but that were suppressed as hubs: not nodes.
    pub hubs: Vec<ExportHub<'a>>,
    /// What is not drawn.
    pub left_out: LeftOut,
}

/// What a file says about itself. No clock and no machine: two exports of one store are the same bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct About {
    /// The tool and its version.
    pub tool: String,
    /// What was chosen, in words.
    pub selection: String,
    /// How identifying values are shown, in words.
    pub level: String,
    /// Which selection of a store this is, however much was found: what tells one event of a platform from another.
    pub selection_id: String,
    /// Whether names of accounts are pseudonyms already.
    pub redacted: bool,
    /// Whether groups of accounts stand for their members.
    pub collapsed: bool,
    /// The time that validity and "now" are counted from: the latest sighting of the store, or `NO_TIME`.
    pub as_of: Seconds,
    /// The same of the first detection on record, which no later one moves; or `NO_TIME`.
    pub since: Seconds,
    /// When the last detection on record ran, by the clock, or `NO_TIME`: what stands for "now" where events carry no times.
    pub detected_at: Seconds,
    /// Counts below this aren't told; 0 where all are.
    pub least: u64,
}

impl About {
    /// "Now": the latest sighting, or where none has a time when the last detection ran; or `NO_TIME`.
    pub(crate) fn now(&self) -> Seconds {
        if self.as_of == NO_TIME { self.detected_at } else { self.as_of }
    }
}

/// One node. A number that isn't known is `None`, `NO_TIME` or `NONE_U16`; such values are left out of every format.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportNode<'a> {
    /// Index into [`ExportGraph::kinds`].
    pub kind: u16,
    /// The account, the identifier's value, or the group's id. Unique within a kind.
    pub value: Cow<'a, str>,
    /// Index into [`ExportGraph::networks`].
    pub network: Option<u32>,
    /// How an account belongs to its network.
    pub membership: Option<Membership>,
    /// As what an account belongs to its network or touches it.
    pub role: Option<AccountRole>,
    /// Whether so few of its network belong as it does that no file shows its membership.
    pub rare_membership: bool,
    /// Whether so few of its network have its role that no file shows it.
    pub rare_role: bool,
    /// Whether it is known-good, by the allow list, a rejected case or a list of the detection: nothing is done about it.
    pub known_good: bool,
    /// Confidence of the membership, 0..1.
    pub confidence: Option<f32>,
    /// Evidence of the membership, in bits.
    pub evidence_bits: Option<f32>,
    /// Index into [`ExportGraph::classes`].
    pub class: Option<u8>,
    /// Index into [`ExportGraph::policies`].
    pub policy: Option<u8>,
    /// Chosen accounts behind the node: 1 for an account, members for a group, those seen with it for an identifier.
    pub accounts: u32,
    /// Neighbours in the whole data, hubs included; for a group the sum over its accounts.
    pub degree: u64,
    /// The same, where [`ExportNode::degree`] is rounded: by it is judged whom acting on the node would hit. No file shows it.
    pub exact_degree: Option<u64>,
    /// Edges of the node in this graph.
    pub degree_shown: u32,
    /// Exchanges of these edges, where those of each are rounded.
    pub exact_exchanges: Option<u64>,
    /// Sightings with suppressed hubs: not drawn, but counted.
    pub hub_sightings: u64,
    /// Exchanges of the account or of the group's, or all exchanges of the data that show the identifier.
    pub exchanges: u64,
    /// First seen in the data, or `NO_TIME`.
    pub first_seen: Seconds,
    /// Last seen in the data, or `NO_TIME`.
    pub last_seen: Seconds,
    /// When the account was made, or `NO_TIME`.
    pub created_at: Seconds,
    /// When it was banned, or `NO_TIME`.
    pub banned_at: Seconds,
    /// Whether the account table says that it is banned, by a time or by its status: nothing is proposed for it then.
    pub is_banned: bool,
    /// The same where it may be told.
    pub shown_banned: bool,
    /// Community of the last detection.
    pub community: Option<u32>,
    /// Component of the last detection.
    pub component: Option<u32>,
    /// Index into [`ExportGraph::countries`], or `NONE_U16`.
    pub country: u16,
    /// Index into [`ExportGraph::tiers`], or `NONE_U16`.
    pub tier: u16,
    /// Index into [`ExportGraph::pathways`], or `NONE_U16`.
    pub pathway: u16,
    /// Where the layout put it, if there was one.
    pub position: Option<[f32; 2]>,
}

impl<'a> ExportNode<'a> {
    /// A node of which nothing but its kind and value is known.
    pub fn new(kind: u16, value: impl Into<Cow<'a, str>>) -> Self {
        ExportNode {
            kind,
            value: value.into(),
            network: None,
            membership: None,
            role: None,
            rare_membership: false,
            rare_role: false,
            known_good: false,
            confidence: None,
            evidence_bits: None,
            class: None,
            policy: None,
            accounts: 0,
            degree: 0,
            exact_degree: None,
            degree_shown: 0,
            exact_exchanges: None,
            hub_sightings: 0,
            exchanges: 0,
            first_seen: NO_TIME,
            last_seen: NO_TIME,
            created_at: NO_TIME,
            banned_at: NO_TIME,
            is_banned: false,
            shown_banned: false,
            community: None,
            component: None,
            country: NONE_U16,
            tier: NONE_U16,
            pathway: NONE_U16,
            position: None,
        }
    }

    /// How an account belongs to its network, where that is told.
    pub(crate) fn shown_membership(&self) -> Option<Membership> {
        self.membership.filter(|_| !self.rare_membership)
    }

    /// As what it does, where that is told.
    pub(crate) fn shown_role(&self) -> Option<AccountRole> {
        self.role.filter(|_| !self.rare_role)
    }

    /// Whether the node is an identifier, and not an account or a group of accounts.
    pub fn is_identifier(&self) -> bool {
        self.kind as usize >= GROUP_KINDS.len()
    }
}

/// One edge: an account or group, and an identifier.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExportEdge {
    /// The account or group, an index into [`ExportGraph::nodes`].
    pub source: u32,
    /// The identifier, an index into [`ExportGraph::nodes`].
    pub target: u32,
    /// Evidence in bits, finite and above 0; for a group the sum over its accounts.
    pub weight: f32,
    /// Exchanges.
    pub count: u64,
    /// First sighting, or `NO_TIME`.
    pub first_seen: Seconds,
    /// Last sighting, or `NO_TIME`.
    pub last_seen: Seconds,
}

/// An identifier that was suppressed as a hub.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportHub<'a> {
    /// Index into [`ExportGraph::kinds`].
    pub kind: u16,
    /// The value.
    pub value: Cow<'a, str>,
    /// Index into [`ExportGraph::classes`].
    pub class: Option<u8>,
    /// Index into [`ExportGraph::policies`].
    pub policy: Option<u8>,
    /// Chosen accounts seen with it.
    pub accounts: u32,
    /// All accounts seen with it.
    pub degree: u64,
    /// Whether it is known-good, by a list or a decision: nothing is to be done about it, whatever is forced.
    pub known_good: bool,
}

/// What the data holds and the file doesn't. Nothing is left out without being counted here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LeftOut {
    /// Accounts that are only counted in the group that stands for them.
    pub accounts_collapsed: u64,
    /// Accounts of the selection that nothing in the file stands for, because of the limit.
    pub accounts: u64,
    /// Groups that the limit left out.
    pub groups: u64,
    /// Identifiers seen with a single chosen account (or, in a collapsed view, in a single group).
    pub single_identifiers: u64,
    /// Identifiers that join several but that the limit left out.
    pub identifiers: u64,
    /// Identifiers suppressed as hubs.
    pub hubs: u64,
    /// Sightings of chosen accounts with suppressed hubs.
    pub hub_sightings: u64,
    /// Sightings of chosen accounts with identifiers that are not drawn for another reason.
    pub sightings: u64,
    /// Identifiers that aren't needed to tie anybody, where only what is enough was asked for.
    pub needless_identifiers: u64,
    /// Identifiers of fewer than `k` accounts.
    pub small_identifiers: u64,
    /// Networks of fewer than `k` accounts.
    pub small_networks: u64,
    /// Networks that people rejected and nobody named.
    pub rejected_networks: u64,
}

impl ExportGraph<'_> {
    /// Name of a node's kind.
    pub fn kind_name(&self, node: &ExportNode<'_>) -> &str {
        name(&self.kinds, node.kind as usize).unwrap_or("unknown")
    }

    /// The network of a node.
    pub fn network_of(&self, node: &ExportNode<'_>) -> Option<&Network> {
        self.networks.get(node.network? as usize)
    }

    /// A count, if it isn't too small to be told.
    pub(crate) fn told(&self, count: u64) -> Option<u64> {
        Some(count).filter(|&count| count >= self.about.least)
    }

    /// Class of a node, in words.
    pub fn class_name(&self, class: Option<u8>) -> Option<&str> {
        name(&self.classes, class? as usize)
    }

    /// What is held of a network of the graph; no chance where that isn't known.
    pub fn belief(&self, network: u32) -> Belief {
        self.beliefs.get(network as usize).copied().unwrap_or_default()
    }

    /// The networks, each with what is held of it.
    pub(crate) fn believed(&self) -> impl Iterator<Item = (&Network, Belief)> {
        self.networks.iter().zip(0..).map(|(network, at)| (network, self.belief(at)))
    }

    /// Since when one of them is on record; `NO_TIME` in a graph that doesn't say.
    pub(crate) fn since_of(&self, network: u32) -> Seconds {
        self.since.get(network as usize).copied().unwrap_or(NO_TIME)
    }

    /// Policy of a node, in words.
    pub fn policy_name(&self, policy: Option<u8>) -> Option<&str> {
        name(&self.policies, policy? as usize)
    }

    /// Country of a node.
    pub fn country_name(&self, node: &ExportNode<'_>) -> Option<&str> {
        name(&self.countries, node.country as usize)
    }

    /// Tier of a node.
    pub fn tier_name(&self, node: &ExportNode<'_>) -> Option<&str> {
        name(&self.tiers, node.tier as usize)
    }

    /// Pathway of a node.
    pub fn pathway_name(&self, node: &ExportNode<'_>) -> Option<&str> {
        name(&self.pathways, node.pathway as usize)
    }

    /// Counts each node's edges again; for graphs made by hand.
    pub fn count_degrees(&mut self) {
        for node in &mut self.nodes {
            node.degree_shown = 0;
        }
        for edge in &self.edges {
            self.nodes[edge.source as usize].degree_shown += 1;
            self.nodes[edge.target as usize].degree_shown += 1;
        }
    }
}

/// An entry of a table of names; `None` for an index that stands for "not known".
fn name(names: &[String], index: usize) -> Option<&str> {
    names.get(index).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_indices_have_no_name() {
        let graph =
            ExportGraph { kinds: vec!["account".to_owned()], countries: vec!["NL".to_owned()], ..ExportGraph::default() };
        let mut node = ExportNode::new(ACCOUNT, "a");
        assert_eq!((graph.kind_name(&node), graph.country_name(&node), graph.class_name(node.class)), ("account", None, None));
        node.country = 0;
        assert_eq!(graph.country_name(&node), Some("NL"));
    }
}
