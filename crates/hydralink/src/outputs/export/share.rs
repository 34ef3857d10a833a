//! What may be handed to others as an indicator, and how sure of it one may be.
//!
//! - *Benign prevalence* of an identifier: the share of all accounts seen with it that aren't core or fringe members of the
//!   network that holds most of its members. Blocking it hits that share.
//! - *Blockable*: its policy is `keep` (it wasn't classified as something that strangers share), at least two members use it,
//!   and its benign prevalence is at most [`Sharing::max_benign_prevalence`]. Anything else, and every suppressed hub, is
//!   context; so is what is known-good, and every identifier of a network that people rejected.
//! - *Confidence* of a network, 0..100: the chance that it is one, as [`crate::review`](mod@crate::review) defines it and
//!   `plan-bans` goes by, in hundredths. Of an indicator: that, times `1 - benign prevalence`.
//! - *Valid until*: last sighting plus the time after which such an identifier usually has another user.

use std::borrow::Cow;
use std::net::IpAddr;

use evidence::KindRole;
use graph::{NO_TIME, Seconds};
use serde::Serialize;

use super::anonymity::{first_digit, in_tenths};
use super::choose::widen;
use super::view::{ExportGraph, ExportHub, ExportNode};
use crate::bans::{Kept, MAX_BENIGN};
use crate::results::Membership;

/// Who may see what is shared: the Traffic Light Protocol, version 2.0 (<https://www.first.org/tlp/>).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Tlp {
    /// Anyone.
    Clear,
    /// The community.
    Green,
    /// The recipient's organisation and its clients.
    #[default]
    Amber,
    /// The recipient's organisation.
    #[serde(rename = "amber+strict")]
    AmberStrict,
    /// The named recipients.
    Red,
}

impl Tlp {
    /// `clear`, `green`, `amber`, `amber+strict` or `red`.
    pub fn name(self) -> &'static str {
        match self {
            Tlp::Clear => "clear",
            Tlp::Green => "green",
            Tlp::Amber => "amber",
            Tlp::AmberStrict => "amber+strict",
            Tlp::Red => "red",
        }
    }
}

/// How indicators are shared.
#[derive(Clone, Debug, PartialEq)]
pub struct Sharing {
    /// Name of the organisation that shares.
    pub identity: String,
    /// Marking of every object.
    pub tlp: Tlp,
    /// Whether hubs and other identifiers with benign users become indicators all the same.
    pub force_hub: bool,
    /// The largest share of benign accounts that an indicator may hit.
    pub max_benign_prevalence: f64,
}

impl Default for Sharing {
    /// TLP:AMBER, at most one benign account in ten, no hubs.
    fn default() -> Self {
        Sharing {
            identity: "hydralink operator".to_owned(),
            tlp: Tlp::Amber,
            force_hub: false,
            max_benign_prevalence: MAX_BENIGN,
        }
    }
}

/// An identifier as it is shared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shared<'g> {
    pub(crate) kind: &'g str,
    pub(crate) role: KindRole,
    pub(crate) value: &'g str,
    pub(crate) class: Option<&'g str>,
    /// The network that holds most of its members; `None` for a suppressed hub.
    pub(crate) network: Option<u32>,
    /// Core and fringe accounts of that network seen with it; for a hub, chosen accounts.
    pub(crate) members: u64,
    /// Whether these are enough to be told.
    pub(crate) members_told: bool,
    /// All accounts seen with it.
    pub(crate) accounts: u64,
    pub(crate) benign_prevalence: f64,
    pub(crate) blockable: bool,
    pub(crate) hub: bool,
    pub(crate) count: u64,
    pub(crate) first_seen: Seconds,
    pub(crate) last_seen: Seconds,
    /// When it was known to be the network's: last seen, or without times "now" ([`super::view::About`]); or `NO_TIME`.
    pub(crate) known_at: Seconds,
}

/// What an identifier is in the words of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Observable<'g> {
    /// IPv4 address or prefix.
    Ipv4(Cow<'g, str>),
    /// IPv6 address or prefix.
    Ipv6(Cow<'g, str>),
    /// Domain name.
    Domain(&'g str),
    /// Autonomous system.
    System(u32),
    /// Nothing that they have a word for.
    Other,
}

impl Shared<'_> {
    /// How the identifier is expressed; a pseudonym is never an address.
    pub(crate) fn observable(&self) -> Observable<'_> {
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
        match (self.role, self.kind) {
            (KindRole::Address, _) => {
                let (address, length) = self.value.split_once('/').map_or((self.value, None), |(a, b)| (a, Some(b)));
                let fits = |most: u8| length.is_none_or(|length| length.parse::<u8>().is_ok_and(|length| length <= most));
                match address.parse::<IpAddr>() {
                    Ok(IpAddr::V4(_)) if fits(32) => Observable::Ipv4(self.value.into()),
                    Ok(IpAddr::V6(_)) if fits(128) => Observable::Ipv6(self.value.into()),
                    _ => Observable::Other,
                }
            }
            (_, "email_domain") if self.value.contains('.') && self.value.bytes().all(is_host) => {
                Observable::Domain(self.value)
            }
            (_, "asn") => {
                let digits = self.value.strip_prefix("AS").or(self.value.strip_prefix("as")).unwrap_or(self.value);
                digits.parse().map_or(Observable::Other, Observable::System)
            }
            _ => Observable::Other,
        }
    }

    /// Its members and accounts, in words: `3 of 7`.
    pub(crate) fn members_of_accounts(&self) -> String {
        if self.members_told { format!("{} of {}", self.members, self.accounts) } else { format!("few of {}", self.accounts) }
    }

    /// The benign prevalence, where it doesn't tell how few the members are.
    pub(crate) fn shown_prevalence(&self) -> Option<f64> {
        self.members_told.then_some(self.benign_prevalence)
    }

    /// How long the identifier means anything after it was last seen: the end of that time.
    pub(crate) fn valid_until(&self) -> Seconds {
        let days = match self.role {
            KindRole::Address => 30,
            KindRole::Template | KindRole::Content => 60,
            KindRole::Device | KindRole::Weak | KindRole::Other => 90,
            KindRole::Payment | KindRole::Credential => 180,
        };
        self.known_at.saturating_add(days * 86_400)
    }
}

/// Confidence in a network of a graph, 0..100; 0 for one that isn't there.
pub(crate) fn confidence(graph: &ExportGraph<'_>, network: Option<u32>) -> u8 {
    network.map_or(0, |network| percent(graph.belief(network).chance))
}

/// Confidence in an identifier of a network, 0..100.
pub(crate) fn confidence_in(graph: &ExportGraph<'_>, identifier: &Shared<'_>) -> u8 {
    let kept = 1.0 - identifier.benign_prevalence;
    percent(f64::from(confidence(graph, identifier.network)) / 100.0 * kept)
}

/// A probability as 0..100; one that isn't a number is 0.
pub(crate) fn percent(probability: f64) -> u8 {
    (probability.clamp(0.0, 1.0) * 100.0).round() as u8
}

/// Every drawn identifier, then the suppressed hubs. O(edges log edges).
pub(crate) fn shared<'g>(graph: &'g ExportGraph<'_>, sharing: &Sharing) -> Vec<Shared<'g>> {
    let is_member = |node: &ExportNode<'_>| node.membership.is_some_and(Membership::belongs) && !node.known_good;
    // (identifier, network) of every sighting by a member.
    let mut ties: Vec<(u32, u32)> = graph
        .edges
        .iter()
        .filter(|edge| is_member(&graph.nodes[edge.source as usize]))
        .filter_map(|edge| Some((edge.target, graph.nodes[edge.source as usize].network?)))
        .collect();
    ties.sort_unstable();
    let mut best: Vec<Option<(u64, u32)>> = vec![None; graph.nodes.len()];
    for run in ties.chunk_by(|a, b| a == b) {
        let (identifier, network) = run[0];
        let best = &mut best[identifier as usize];
        // Ties go to the stronger network, which comes first.
        if best.is_none_or(|(members, _)| run.len() as u64 > members) {
            *best = Some((run.len() as u64, network));
        }
    }
    let mut seen = vec![(0u64, 0, 0); graph.nodes.len()];
    for edge in &graph.edges {
        let (count, first, last) = &mut seen[edge.target as usize];
        *count += edge.count;
        widen(first, last, edge.first_seen, edge.last_seen);
    }
    let mut shared = Vec::new();
    for (at, node) in graph.nodes.iter().enumerate().filter(|(_, node)| node.is_identifier()) {
        let (members, network) = best[at].map_or((0, None), |(members, network)| (members, Some(network)));
        let exact = Kept::prevalence(members, node.exact_degree.unwrap_or(node.degree));
        let is_rounded = node.exact_degree.is_some();
        let benign_prevalence = if is_rounded { in_tenths(exact) } else { exact };
        let is_harmless = node.known_good || network.is_some_and(|network| graph.belief(network).is_rejected());
        let kept = Kept { policy: graph.policy_name(node.policy), members, benign_prevalence: exact, is_harmless };
        let (count, first_seen, last_seen) = seen[at];
        shared.push(Shared {
            kind: graph.kind_name(node),
            role: graph.roles.get(node.kind as usize).copied().unwrap_or(KindRole::Other),
            value: &node.value,
            class: graph.class_name(node.class),
            network,
            // Beside a count that is rounded an exact one would tell more than it says.
            members: if is_rounded { first_digit(members).min(node.degree) } else { members },
            members_told: graph.told(members).is_some(),
            accounts: node.degree,
            benign_prevalence,
            blockable: kept.is_kept(sharing.max_benign_prevalence, sharing.force_hub),
            hub: false,
            // Of the sum, for a sum of rounded ones has more digits than any of them.
            count: node.exact_exchanges.map_or(count, first_digit),
            first_seen,
            last_seen,
            known_at: if last_seen == NO_TIME { graph.about.now() } else { last_seen },
        });
    }
    let is_rounded = graph.nodes.iter().any(|node| node.exact_degree.is_some());
    let of_hub = |hub: &ExportHub<'_>| {
        let share = Kept::prevalence(u64::from(hub.accounts), hub.degree);
        if is_rounded { in_tenths(share) } else { share }
    };
    shared.extend(graph.hubs.iter().map(|hub| Shared {
        kind: graph.kinds.get(hub.kind as usize).map_or("unknown", String::as_str),
        role: graph.roles.get(hub.kind as usize).copied().unwrap_or(KindRole::Other),
        value: &hub.value,
        class: graph.class_name(hub.class),
        network: None,
        members: u64::from(hub.accounts),
        members_told: graph.told(u64::from(hub.accounts)).is_some(),
        accounts: hub.degree,
        benign_prevalence: of_hub(hub),
        blockable: sharing.force_hub && !hub.known_good,
        hub: true,
        count: 0,
        first_seen: graph.about.as_of,
        last_seen: graph.about.as_of,
        known_at: graph.about.now(),
    }));
    shared
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::testing;

    #[test]
    fn only_what_a_network_keeps_to_itself_is_blockable() {
        let graph = testing::toy();
        let blockable = |sharing: &Sharing| -> Vec<bool> { shared(&graph, sharing).iter().map(|one| one.blockable).collect() };
        // The template is used by 40 accounts and tied by an ambiguous one; the last is the suppressed hub.
        assert_eq!(blockable(&Sharing::default()), [true, true, true, false, false]);
        assert_eq!(blockable(&Sharing { force_hub: true, ..Sharing::default() }), [true, true, true, false, true]);
        let mut ours = testing::toy();
        ours.hubs[0].known_good = true;
        let forced = shared(&ours, &Sharing { force_hub: true, ..Sharing::default() });
        assert!(!forced[4].blockable, "what is known-good isn't forced either");
        assert_eq!(shared(&graph, &Sharing::default())[4].benign_prevalence, 1.0 - 3.0 / 900.0);
    }

    /// Of 10 accounts 12 were members.
    #[test]
    fn no_exact_count_stands_beside_a_rounded_one() {
        let mut graph = testing::toy();
        for node in graph.nodes.iter_mut().filter(|node| node.is_identifier()) {
            (node.exact_degree, node.degree) = (Some(node.degree), first_digit(node.degree));
        }
        graph.hubs.iter_mut().for_each(|hub| (hub.accounts, hub.degree) = (100, 700));
        for one in shared(&graph, &Sharing::default()) {
            assert!(one.members <= one.accounts && one.members == first_digit(one.members), "{} {}", one.members, one.accounts);
            assert_eq!(one.benign_prevalence, in_tenths(one.benign_prevalence));
        }
    }

    #[test]
    fn rounded_counts_do_not_hide_whom_blocking_hits() {
        let mut graph = testing::toy();
        let at = graph.nodes.iter().position(ExportNode::is_identifier).expect("an identifier");
        let members = u64::from(graph.nodes[at].degree_shown);
        // A few more accounts than the first digit tells.
        graph.nodes[at].degree = members;
        assert!(shared(&graph, &Sharing::default())[0].blockable);
        graph.nodes[at].exact_degree = Some(2 * members);
        let told = &shared(&graph, &Sharing::default())[0];
        assert!(!told.blockable && told.benign_prevalence >= 0.5, "{told:?}");
    }

    #[test]
    fn a_dropped_policy_is_never_blockable_unless_forced() {
        let mut graph = testing::toy();
        graph.nodes[4].policy = Some(1);
        assert!(!shared(&graph, &Sharing::default())[0].blockable);
        assert!(shared(&graph, &Sharing { force_hub: true, ..Sharing::default() })[0].blockable);
    }

    #[test]
    fn what_people_found_harmless_is_no_indicator() {
        let mut graph = testing::toy();
        graph.nodes[4].known_good = true;
        let blockable = |graph: &ExportGraph<'_>| shared(graph, &Sharing::default()).iter().filter(|one| one.blockable).count();
        assert_eq!(blockable(&graph), 2);
        graph.beliefs[0].verdict = Some(false);
        assert_eq!(blockable(&graph), 0);
    }

    #[test]
    fn confidence_is_the_chance_that_plans_go_by() {
        let mut graph = testing::toy();
        assert_eq!((confidence(&graph, Some(0)), confidence(&graph, Some(1)), confidence(&graph, None)), (99, 0, 0));
        graph.beliefs[0].chance = f64::NAN;
        assert_eq!(confidence(&graph, Some(0)), 0);
    }
}
