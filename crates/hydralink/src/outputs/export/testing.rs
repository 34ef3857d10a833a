//! Graphs that the formats' tests share.

use std::collections::BTreeMap;

use evidence::{KindRole, SignalName};
use proptest::prelude::*;

use super::view::{About, ExportEdge, ExportGraph, ExportHub, ExportNode, GROUP_KINDS, LeftOut};
use crate::results::{Membership, Network, SignalLine, TyingIdentifier};
use crate::review::Belief;
use crate::roles::AccountRole;

/// 2026-01-01T00:00:00Z.
pub(crate) const JANUARY: u32 = 1_767_225_600;

/// Two kinds of identifiers and no nodes.
pub(crate) fn empty() -> ExportGraph<'static> {
    let mut kinds: Vec<String> = GROUP_KINDS.map(str::to_owned).to_vec();
    kinds.extend(["ip", "payment_instrument", "prompt_template_hash"].map(str::to_owned));
    let mut roles = vec![KindRole::Other; GROUP_KINDS.len()];
    roles.extend([KindRole::Address, KindRole::Payment, KindRole::Template]);
    ExportGraph {
        about: About {
            tool: "hydralink 0.1.0".to_owned(),
            selection: "flagged networks -- 1".to_owned(),
            level: "as stored".to_owned(),
            selection_id: "flagged networks".to_owned(),
            redacted: false,
            collapsed: false,
            as_of: JANUARY + 10 * 86_400,
            since: JANUARY + 2 * 86_400,
            detected_at: JANUARY + 11 * 86_400,
            least: 0,
        },
        kinds,
        roles,
        classes: vec!["household".to_owned(), "carrier_nat".to_owned()],
        policies: vec!["keep".to_owned(), "drop".to_owned()],
        countries: vec!["NL".to_owned()],
        tiers: vec!["free".to_owned()],
        pathways: vec!["api".to_owned()],
        ..ExportGraph::default()
    }
}

/// Three accounts of one network, one account outside it, and four identifiers.
pub(crate) fn toy() -> ExportGraph<'static> {
    let mut graph = empty();
    graph.networks.push(network("PN-0badcafe", 1));
    graph.since.push(JANUARY + 5 * 86_400);
    graph.beliefs.push(Belief { verdict: None, chance: 0.99 });
    for (at, (account, membership)) in [
        ("acc-1", Membership::Core),
        ("1002", Membership::Core),
        ("acc <3>", Membership::Fringe),
        ("acc-4", Membership::Ambiguous),
    ]
    .into_iter()
    .enumerate()
    {
        let mut node = ExportNode::new(0, account);
        node.network = Some(0);
        node.membership = Some(membership);
        node.role = Some(if membership == Membership::Ambiguous {
            AccountRole::SharedInfrastructure
        } else {
            AccountRole::OperatorOwned
        });
        node.confidence = Some(0.99 - 0.2 * at as f32);
        node.evidence_bits = Some(12.5 - at as f32);
        node.accounts = 1;
        node.degree = 3 + at as u64;
        node.exchanges = 1000 * (at as u64 + 1);
        (node.first_seen, node.last_seen) = (JANUARY, JANUARY + 86_400 * (at as u32 + 1));
        node.created_at = JANUARY - 86_400;
        node.banned_at = if at == 1 { JANUARY + 3 * 86_400 } else { 0 };
        (node.is_banned, node.shown_banned) = (at == 1, at == 1);
        (node.country, node.tier, node.pathway) = (0, 0, 0);
        (node.community, node.component) = (Some(4), Some(0));
        node.position = Some([at as f32 * 10.0, -5.5]);
        graph.nodes.push(node);
    }
    for (kind, value, degree) in
        [(3, "198.51.100.7", 3), (3, "2001:db8:1:2::/64", 2), (4, "card & \"co\" 'x'", 3), (5, "9f8e7d", 40)]
    {
        let mut node = ExportNode::new(kind, value);
        node.network = Some(0);
        (node.class, node.policy) = (Some(0), Some(0));
        node.accounts = 3.min(degree as u32);
        node.degree = degree;
        node.position = Some([-3.0, degree as f32]);
        (node.first_seen, node.last_seen) = (JANUARY, JANUARY + 86_400);
        graph.nodes.push(node);
    }
    for (source, target, weight) in
        [(0, 4, 3.25), (0, 6, 8.0), (1, 4, 3.25), (1, 5, 4.5), (1, 6, 8.0), (2, 4, 3.25), (2, 5, 0.1), (2, 6, 8.0), (3, 7, 0.5)]
    {
        let (first_seen, last_seen) = (JANUARY, JANUARY + 3600 * target);
        graph.edges.push(ExportEdge { source, target, weight, count: 7, first_seen, last_seen });
    }
    graph.hubs.push(ExportHub {
        kind: 3,
        value: "192.0.2.1".into(),
        class: Some(1),
        policy: Some(1),
        accounts: 3,
        degree: 900,
        known_good: false,
    });
    graph.left_out = LeftOut { hubs: 1, hub_sightings: 3, single_identifiers: 2, ..LeftOut::default() };
    graph.count_degrees();
    graph
}

/// A network with every field filled in.
pub(crate) fn network(id: &str, rank: u32) -> Network {
    let tie = TyingIdentifier {
        identifier: "payment_instrument:card & \"co\" 'x'".to_owned(),
        class: "household".to_owned(),
        members: 3,
        accounts: 3,
        exclusivity: 1.0,
        first_seen: Some("2026-01-01T00:00:00Z".to_owned()),
        last_seen: Some("2026-01-02T00:00:00Z".to_owned()),
        members_lost_without: 1,
    };
    let line = SignalLine {
        value: 0.9,
        expected: 0.1,
        bits: 7.5,
        p_value: Some(1e-6),
        beyond_draws: false,
        power: None,
        tests: BTreeMap::new(),
    };
    Network {
        id: id.to_owned(),
        rank,
        accounts: 3,
        core: 2,
        fringe: 1,
        ambiguous: 1,
        identifiers_by_kind: BTreeMap::from([("ip".to_owned(), 2), ("payment_instrument".to_owned(), 1)]),
        events: 6000,
        first_seen: Some("2026-01-01T00:00:00Z".to_owned()),
        last_seen: Some("2026-01-04T00:00:00Z".to_owned()),
        score: 42.5,
        q_value: Some(0.01),
        q_harmless: None,
        stability: None,
        flagged: true,
        benign_hypothesis: "household".to_owned(),
        benign_bits: 3.0,
        why: "3 accounts share 1 card, \"kept\" to themselves".to_owned(),
        signals: BTreeMap::from([(SignalName::Synchrony, Some(line)), (SignalName::Tenure, None)]),
        tied_by: vec![tie],
        tied_by_left_out: 0,
        suppressed_sightings: 3,
        fragility: 0.33,
    }
}

/// A bipartite graph whose values are any Unicode text.
pub(crate) fn any_graph() -> impl Strategy<Value = ExportGraph<'static>> {
    let names = || prop::collection::btree_set(any::<String>(), 1..8);
    let weights = prop::collection::vec(prop::num::f32::POSITIVE | prop::num::f32::SUBNORMAL, 64);
    (names(), names(), weights, any::<u64>()).prop_map(|(accounts, identifiers, weights, pairs)| {
        let mut graph = empty();
        let sources = accounts.len() as u32;
        graph.nodes.extend(accounts.into_iter().map(|value| ExportNode::new(0, value)));
        graph.nodes.extend(identifiers.into_iter().map(|value| ExportNode::new(3, value)));
        let targets = graph.nodes.len() as u32 - sources;
        for (at, weight) in weights.into_iter().enumerate() {
            let (source, target) = (at as u32 / 8, at as u32 % 8);
            if pairs >> at & 1 == 1 && source < sources && target < targets {
                let edge =
                    ExportEdge { source, target: sources + target, weight, count: pairs, first_seen: 0, last_seen: JANUARY };
                graph.edges.push(ExportEdge { weight: edge.weight.abs(), ..edge });
            }
        }
        graph.count_degrees();
        graph
    })
}
