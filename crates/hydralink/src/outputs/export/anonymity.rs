//! Nothing in a file shall be about fewer than `k` accounts (k-anonymity, Sweeney 2002, doi:10.1142/S0218488502001648).
//!
//! 1. *Networks* of fewer than `k` accounts were not chosen. *Identifiers* and hubs of fewer than `k` of the accounts that are
//!    drawn are left out, and counted.
//! 2. *Attributes*: country, tier, pathway and the week in which an account was made are shown where at least `k` accounts of
//!    the file show the same. The others lose the week, then also the tier, the country and the pathway, until `k` of those
//!    that have come so far show the same; the rest show nothing.
//! 3. *Memberships* and *roles* of a network are shown where at least `k` of its accounts have each that occurs, together; else
//!    memberships alone, where each is of `k`; else neither. Who is banned or known-good isn't told.
//! 4. *Times* are cut to the day and all *counts* (of accounts, exchanges, degrees in the data and in the file, sightings) to their
//!    first digit; those below `k` are left out. Sums are cut, and not summed of what was. A network's accounts are told by
//!    membership where that leaves none out, and its fragility, in tenths, where it is about `k`. Of signals the bits
//!    are told alone, and of reasons, which are sentences full of counts, nothing.
//! 5. *Measures* of an account that hardly another one has: bits of its membership are rounded to tens and its confidence to tenths,
//!    bits of edges (they tell how many share the identifier), of networks and signals to whole ones, and communities and components of fewer than `k`
//!    accounts of the file have no number.
//!
//! What it doesn't do: the edges stay, and whoever knows of an account with which of the identifiers drawn it was seen may
//! still find it among those that share them. k-anonymity of a graph would take its structure, which is the evidence.

use std::collections::{HashMap, HashSet};

use graph::{NO_TIME, NONE_U16, Seconds};

use super::view::{ACCOUNT, ExportGraph, ExportNode};
use crate::results::Membership;
use crate::roles::AccountRole;

const DAY: Seconds = 86_400;
const WEEK: Seconds = 7 * DAY;

/// Leaves out and coarsens what is about fewer than `k` accounts, in a graph whose every account is a node. O(nodes + edges).
pub(crate) fn k_anonymous(graph: &mut ExportGraph<'_>, k: u32) {
    drop_small(graph, k);
    graph.count_degrees();
    graph.about.least = u64::from(k);
    sum_exchanges(graph);
    hide_rare_members(graph, k);
    coarsen(graph);
    coarsen_networks(graph, u64::from(k));
    hide_small_groups(graph, k, |node| &mut node.community);
    hide_small_groups(graph, k, |node| &mut node.component);
    hide_rare_attributes(graph, k);
    graph.about.level.push_str(&format!("; nothing about fewer than {k} accounts"));
}

fn drop_small(graph: &mut ExportGraph<'_>, k: u32) {
    graph.count_degrees();
    let stays: Vec<bool> = graph.nodes.iter().map(|node| !node.is_identifier() || node.degree_shown >= k).collect();
    let place: Vec<u32> =
        stays.iter().scan(0, |next, &stays| Some(std::mem::replace(next, *next + u32::from(stays)))).collect();
    let mut stay = stays.iter();
    graph.nodes.retain(|_| *stay.next().expect("one for each node"));
    graph.left_out.small_identifiers = (stays.len() - graph.nodes.len()) as u64;
    let edges = graph.edges.len();
    graph.edges.retain(|edge| stays[edge.target as usize]);
    graph.left_out.sightings += (edges - graph.edges.len()) as u64;
    for edge in &mut graph.edges {
        (edge.source, edge.target) = (place[edge.source as usize], place[edge.target as usize]);
    }
    graph.hubs.retain(|hub| hub.accounts >= k);
    for network in &mut graph.networks {
        network.tied_by.retain(|tie| tie.members >= u64::from(k));
    }
}

fn coarsen(graph: &mut ExportGraph<'_>) {
    for node in &mut graph.nodes {
        (node.first_seen, node.last_seen) = (to(node.first_seen, DAY), to(node.last_seen, DAY));
        node.exact_degree = Some(node.degree);
        for count in [&mut node.exchanges, &mut node.degree, &mut node.hub_sightings] {
            *count = first_digit(*count);
        }
        for count in [&mut node.degree_shown, &mut node.accounts] {
            *count = first_digit(u64::from(*count)) as u32;
        }
        (node.banned_at, node.shown_banned) = (NO_TIME, false);
        node.created_at = to(node.created_at, WEEK);
        node.evidence_bits = node.evidence_bits.map(|bits| (bits / 10.0).round() * 10.0);
        node.confidence = node.confidence.map(|confidence| (confidence * 10.0).round() / 10.0);
    }
    for edge in &mut graph.edges {
        (edge.first_seen, edge.last_seen) = (to(edge.first_seen, DAY), to(edge.last_seen, DAY));
        edge.count = first_digit(edge.count);
        edge.weight = edge.weight.round().max(1.0);
    }
    for hub in &mut graph.hubs {
        (hub.accounts, hub.degree) = (first_digit(u64::from(hub.accounts)) as u32, first_digit(hub.degree));
    }
    graph.about.as_of = to(graph.about.as_of, DAY);
    graph.about.detected_at = to(graph.about.detected_at, DAY);
    for since in graph.since.iter_mut().chain([&mut graph.about.since]) {
        *since = to(*since, DAY);
    }
    for tie in graph.networks.iter_mut().flat_map(|network| &mut network.tied_by) {
        for count in [&mut tie.members, &mut tie.accounts, &mut tie.members_lost_without] {
            *count = first_digit(*count);
        }
        tie.exclusivity = (tie.exclusivity * 10.0).round() / 10.0;
    }
    let day = |time: &mut Option<String>| {
        if let Some(time) = time {
            time.truncate("2026-01-01".len());
            time.push_str("T00:00:00Z");
        }
    };
    for network in &mut graph.networks {
        let ties = network.tied_by.iter_mut().flat_map(|tie| [&mut tie.first_seen, &mut tie.last_seen]);
        ties.chain([&mut network.first_seen, &mut network.last_seen]).for_each(day);
    }
}

/// The exchanges of each node's edges, before those of each are cut.
fn sum_exchanges(graph: &mut ExportGraph<'_>) {
    graph.nodes.iter_mut().for_each(|node| node.exact_exchanges = Some(0));
    for edge in &graph.edges {
        for end in [edge.source, edge.target] {
            *graph.nodes[end as usize].exact_exchanges.get_or_insert(0) += edge.count;
        }
    }
}

fn coarsen_networks(graph: &mut ExportGraph<'_>, k: u64) {
    for network in &mut graph.networks {
        if ((network.fragility * network.accounts as f64).round() as u64) < k {
            network.fragility = f64::NAN;
        }
        network.fragility = (network.fragility * 10.0).round() / 10.0;
        let split = [&mut network.core, &mut network.fringe, &mut network.ambiguous];
        if split.iter().any(|count| (1..k).contains(&**count)) {
            // One that is lacking is what the others leave of all.
            split.into_iter().for_each(|count| *count = 0);
        }
        let counts =
            [&mut network.accounts, &mut network.core, &mut network.fringe, &mut network.ambiguous, &mut network.events];
        for count in counts.into_iter().chain(network.identifiers_by_kind.values_mut()) {
            *count = first_digit(*count);
        }
        network.score = network.score.round();
        network.benign_bits = network.benign_bits.round();
        network.why.clear();
        for line in network.signals.values_mut().flatten() {
            (line.value, line.expected, line.p_value) = (f64::NAN, f64::NAN, None);
            line.bits = line.bits.round();
            line.tests.clear();
        }
    }
}

/// Hides how accounts of a network belong, and as what, where that of fewer than `k` would be told. All of a network are
/// treated alike: of one that shows nothing where others do something is told.
fn hide_rare_members(graph: &mut ExportGraph<'_>, k: u32) {
    type Told = (Option<Membership>, Option<AccountRole>);
    let by = |nodes: &[ExportNode<'_>], told: fn(&ExportNode<'_>) -> Told| -> HashSet<u32> {
        let mut counts: HashMap<(u32, Told), u32> = HashMap::new();
        let belong = nodes.iter().filter(|node| node.membership.is_some());
        belong.filter_map(|node| Some((node.network?, told(node)))).for_each(|key| *counts.entry(key).or_default() += 1);
        counts.into_iter().filter(|&(_, count)| count < k).map(|((network, _), _)| network).collect()
    };
    let rare_roles = by(&graph.nodes, |node| (node.membership, node.role));
    let rare_memberships = by(&graph.nodes, |node| (node.membership, None));
    for node in graph.nodes.iter_mut().filter(|node| node.membership.is_some()) {
        let is_in = |networks: &HashSet<u32>| node.network.is_some_and(|network| networks.contains(&network));
        (node.rare_role, node.rare_membership) = (is_in(&rare_roles), is_in(&rare_memberships));
    }
}

/// Takes away the numbers of groups of fewer than `k` accounts, from their identifiers as well.
fn hide_small_groups(graph: &mut ExportGraph<'_>, k: u32, group: for<'n> fn(&'n mut ExportNode<'_>) -> &'n mut Option<u32>) {
    let mut accounts: HashMap<u32, u32> = HashMap::new();
    for node in graph.nodes.iter_mut().filter(|node| node.kind == ACCOUNT) {
        group(node).iter().for_each(|&group| *accounts.entry(group).or_default() += 1);
    }
    for node in &mut graph.nodes {
        let number = group(node);
        *number = number.filter(|group| accounts.get(group).is_some_and(|&count| count >= k));
    }
}

/// What an account shows of itself.
type Shown = (Seconds, u16, u16, u16);

fn hide_rare_attributes(graph: &mut ExportGraph<'_>, k: u32) {
    let shown = |node: &ExportNode<'_>| -> Shown { (node.created_at, node.tier, node.country, node.pathway) };
    let coarser: [fn(&mut ExportNode<'_>); 4] = [
        |node| node.created_at = NO_TIME,
        |node| node.tier = NONE_U16,
        |node| node.country = NONE_U16,
        |node| node.pathway = NONE_U16,
    ];
    let mut rare: Vec<usize> = (0..graph.nodes.len()).filter(|&at| graph.nodes[at].kind == ACCOUNT).collect();
    for coarsen in coarser {
        let mut counts: HashMap<Shown, u32> = HashMap::new();
        rare.iter().for_each(|&at| *counts.entry(shown(&graph.nodes[at])).or_default() += 1);
        rare.retain(|&at| counts[&shown(&graph.nodes[at])] < k);
        rare.iter().for_each(|&at| coarsen(&mut graph.nodes[at]));
    }
}

/// A share in tenths, upwards: beside a count that is rounded one that is exact would tell it.
pub(super) fn in_tenths(share: f64) -> f64 {
    (share * 10.0).ceil() / 10.0
}

/// A count as it is told, or 0 for one that isn't.
pub(super) fn told_coarsely(count: usize, k: u32) -> usize {
    if count < k as usize { 0 } else { first_digit(count as u64) as usize }
}

/// A time cut to the day.
pub(super) fn day(time: Seconds) -> Seconds {
    to(time, DAY)
}

/// A time cut to a whole number of steps.
fn to(time: Seconds, step: Seconds) -> Seconds {
    if time == NO_TIME { NO_TIME } else { (time - time % step).max(1) }
}

/// A count with all digits but its first 0.
pub(super) fn first_digit(count: u64) -> u64 {
    let scale = count.checked_ilog10().map_or(1, |digits| 10u64.pow(digits));
    count / scale * scale
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::columns::Cell;
    use super::super::tables::Table;
    use super::super::testing::{self, JANUARY};
    use super::super::view::ExportEdge;
    use super::super::{ExportConfig, write_graph};
    use super::*;
    use crate::results::Network;

    #[test]
    fn counts_keep_their_first_digit_and_times_their_day() {
        assert_eq!([0, 7, 10, 19, 987].map(first_digit), [0, 7, 10, 10, 900]);
        assert_eq!((to(NO_TIME, DAY), to(86_399, DAY), to(86_401, DAY)), (NO_TIME, 1, 86_400));
    }

    /// A network of four of a kind, beside the toy's of four of whom each kind is fewer than three; and times and counts that tell
    /// more than they may.
    fn telling() -> ExportGraph<'static> {
        let mut graph = testing::toy();
        (graph.about.as_of, graph.about.detected_at, graph.about.since) = (JANUARY + 777_777, JANUARY + 777_778, JANUARY + 7);
        graph.since[0] += 77;
        graph.nodes[2].role = Some(AccountRole::CompromisedLegitimate);
        graph.nodes.iter_mut().for_each(|node| (node.first_seen, node.last_seen) = (JANUARY + 7, JANUARY + 77_777));
        let ip = graph.nodes.len() as u32;
        graph.nodes.push(ExportNode { degree: 4, accounts: 4, policy: Some(0), ..ExportNode::new(3, "203.0.113.9") });
        for at in 0..4 {
            let account = ExportNode {
                network: Some(1),
                membership: Some(Membership::Core),
                accounts: 1,
                ..ExportNode::new(ACCOUNT, format!("b{at}"))
            };
            let role = Some(AccountRole::OperatorOwned);
            graph.nodes.push(ExportNode { role, confidence: Some(0.99), exchanges: 1_234, degree: 17, ..account });
            let source = graph.nodes.len() as u32 - 1;
            graph.edges.push(ExportEdge {
                source,
                target: ip,
                weight: 3.3,
                count: 1_250,
                first_seen: JANUARY + 5,
                last_seen: JANUARY + 99_999,
            });
        }
        graph.networks.push(Network {
            accounts: 568,
            core: 566,
            fringe: 2,
            ambiguous: 7,
            fragility: 1.0 / 568.0,
            ..testing::network("PN-00000001", 2)
        });
        graph.since.push(JANUARY + 12_345);
        graph.beliefs.push(graph.beliefs[0]);
        graph.count_degrees();
        graph
    }

    /// What the columns of counts and the times of a table say.
    fn check_table(graph: &ExportGraph<'_>, table: Table, k: u64) {
        let columns = table.columns();
        let counts =
            ["accounts", "degree", "degree_shown", "hub_sightings", "exchanges", "count", "members", "members_lost_without"];
        table
            .visit(graph, |cells| {
                for (column, cell) in columns.iter().zip(cells) {
                    match *cell {
                        Cell::Time(time) => assert_eq!(time % DAY, 0, "{}", column.name),
                        Cell::Whole(count) if counts.contains(&column.name) => {
                            assert!(count >= k && count == first_digit(count), "{} {count}", column.name);
                        }
                        _ => {}
                    }
                }
                Ok(())
            })
            .unwrap();
    }

    /// What a text says of times, and of numbers of accounts.
    fn check_text(text: &str, k: u64) {
        for (at, _) in text.match_indices("T").filter(|&(at, _)| at >= 10 && text.is_char_boundary(at - 10)) {
            let (date, time) = (&text[at - 10..at], text.get(at + 1..at + 9).unwrap_or(""));
            let shape = |text: &str| text.replace(|letter: char| letter.is_ascii_digit(), "0");
            if shape(date) == "0000-00-00" && shape(time) == "00:00:00" {
                assert_eq!(time, "00:00:00", "{date}");
            }
        }
        let words: Vec<&str> = text.split([' ', '"', '>', '<', '\n', ':', ',']).collect();
        for pair in words.windows(2).filter(|pair| ["accounts", "of"].contains(&pair[1])) {
            if let Ok(count) = pair[0].parse::<u64>() {
                assert!(count >= k && count == first_digit(count), "{pair:?}");
            }
        }
    }

    /// What the fields of a JSON text say.
    fn check_fields(value: &serde_json::Value, k: u64) {
        let counts = ["accounts", "core", "fringe", "ambiguous", "exchanges", "members", "count"];
        match value {
            serde_json::Value::Object(fields) => {
                for (name, field) in fields {
                    if let Some(count) = field.as_u64().filter(|_| counts.contains(&name.as_str())) {
                        assert!(count >= k && count == first_digit(count), "{name} {count}");
                    }
                    if let Some(time) = field.as_str().filter(|_| name == "timestamp") {
                        assert_eq!(time.parse::<u32>().unwrap() % DAY, 0);
                    }
                    if ["score_bits", "benign_bits"].contains(&name.as_str()) {
                        assert_eq!(field.as_f64().map(f64::fract), Some(0.0), "{name}");
                    }
                    check_fields(field, k);
                }
            }
            serde_json::Value::Array(items) => items.iter().for_each(|item| check_fields(item, k)),
            _ => {}
        }
    }

    #[test]
    fn no_format_has_a_count_below_k_or_a_time_finer_than_a_day() {
        let (folder, k) = (tempfile::tempdir().unwrap(), 3);
        let mut graph = telling();
        k_anonymous(&mut graph, k);
        // Both tables formats write these.
        Table::ALL.into_iter().for_each(|table| check_table(&graph, table, k.into()));
        for name in ["a.graphml", "a.gexf", "a.csv", "a.jsonl", "a.stix.json", "a.misp.json"] {
            for file in write_graph(&graph, &ExportConfig::default(), &folder.path().join(name)).unwrap().files {
                let text = std::fs::read_to_string(&file.path).unwrap();
                check_text(&text, k.into());
                assert!(!text.contains("compromised_legitimate") && !text.contains("\"secure\""), "{name}");
                if name.ends_with("json") {
                    check_fields(&serde_json::from_str(&text).unwrap(), k.into());
                }
            }
        }
        let stix = std::fs::read_to_string(folder.path().join("a.stix.json")).unwrap();
        // The first digit of a sum, and not the sum of first digits.
        assert!(stix.contains("\"count\":5000") && !stix.contains("fragility") && !stix.contains("\"core\":"), "{stix}");
    }

    #[test]
    fn memberships_and_roles_are_told_of_a_network_whole_or_not_at_all() {
        let mut graph = telling();
        k_anonymous(&mut graph, 3);
        let told = |network: u32| -> Vec<(Option<Membership>, Option<AccountRole>)> {
            let of_it = graph.nodes.iter().filter(|node| node.kind == ACCOUNT && node.network == Some(network));
            of_it.map(|node| (node.shown_membership(), node.shown_role())).collect()
        };
        assert_eq!(told(0), [(None, None); 4]);
        assert_eq!(told(1), [(Some(Membership::Core), Some(AccountRole::OperatorOwned)); 4]);
        // One victim among five leaves their memberships.
        let mut graph = telling();
        let last = graph.nodes.len() - 1;
        graph.nodes.push(ExportNode { value: "b4".into(), ..graph.nodes[last].clone() });
        graph.nodes[last].role = Some(AccountRole::CompromisedLegitimate);
        k_anonymous(&mut graph, 3);
        let of_it = || graph.nodes.iter().filter(|node| node.network == Some(1));
        assert!(of_it().all(|node| node.shown_membership() == Some(Membership::Core) && node.shown_role().is_none()));
        // Nor does what is proposed of it tell which.
        let mut out = Vec::new();
        super::super::actions::write(&graph, &super::super::Sharing::default(), &mut out).unwrap();
        let lines = String::from_utf8(out).unwrap();
        assert_eq!(lines.lines().filter(|line| line.contains("\"review\"") && line.contains("\"b")).count(), 5, "{lines}");
    }

    proptest! {
        /// Every combination of attributes that is shown is shown by k accounts, every identifier is of k, and what is there
        /// was there.
        #[test]
        fn nothing_is_about_fewer_than_k(
            accounts in prop::collection::vec((0u16..3, 0u16..2, 0u16..4, 1u32..4, prop::collection::btree_set(0u32..5, 0..4)), 0..40),
            k in 1u32..7,
        ) {
            let mut graph = testing::empty();
            graph.kinds.push("ip".to_owned());
            let kind = graph.kinds.len() as u16 - 1;
            for (at, (country, tier, pathway, week, seen)) in accounts.iter().enumerate() {
                let account_degree = seen.len() as u64 + 12;
                let made = week * WEEK + at as u32 * 3_600;
                let (country, tier, pathway) = (*country, *tier, *pathway);
                let node = ExportNode::new(ACCOUNT, format!("a{at}"));
                let node = ExportNode { evidence_bits: Some(13.7 + at as f32), confidence: Some(0.987), community: Some(*week), ..node };
                graph.nodes.push(ExportNode { country, tier, pathway, created_at: made, accounts: 1, degree: account_degree, ..node });
            }
            let users = |identifier: u32| accounts.iter().filter(|account| account.4.contains(&identifier)).count() as u32;
            for identifier in 0..5 {
                let (accounts, degree) = (users(identifier), u64::from(users(identifier)) + 11);
                graph.nodes.push(ExportNode { accounts, degree, ..ExportNode::new(kind, format!("i{identifier}")) });
            }
            for (at, account) in accounts.iter().enumerate() {
                let edge = ExportEdge { source: at as u32, target: 0, weight: 0.3 + at as f32, count: 17, first_seen: 90_000, last_seen: 90_000 };
                let targets = account.4.iter().map(|&identifier| accounts.len() as u32 + identifier);
                graph.edges.extend(targets.map(|target| ExportEdge { target, ..edge }));
            }
            let before = graph.clone();
            k_anonymous(&mut graph, k);
            let of_accounts = |graph: &ExportGraph<'_>| graph.nodes.iter().filter(|node| node.kind == ACCOUNT).count();
            prop_assert_eq!(of_accounts(&graph), accounts.len());
            let shown = |node: &ExportNode<'_>| (node.created_at, node.tier, node.country, node.pathway);
            let nothing = (NO_TIME, NONE_U16, NONE_U16, NONE_U16);
            for node in graph.nodes.iter().filter(|node| node.kind == ACCOUNT && shown(node) != nothing) {
                let same = graph.nodes.iter().filter(|other| other.kind == ACCOUNT && shown(other) == shown(node)).count();
                prop_assert!(same as u32 >= k);
            }
            for node in graph.nodes.iter().filter(|node| node.kind == ACCOUNT) {
                prop_assert_eq!((node.evidence_bits.map(|bits| bits % 10.0), node.confidence), (Some(0.0), Some(1.0)));
                let same = |other: &&ExportNode<'_>| other.kind == ACCOUNT && other.community == node.community;
                prop_assert!(node.community.is_none() || graph.nodes.iter().filter(same).count() as u32 >= k);
            }
            prop_assert!(graph.edges.iter().all(|edge| edge.weight.fract() == 0.0 && edge.weight >= 1.0));
            let kept: Vec<u32> = (0..5).filter(|&identifier| users(identifier) >= k).collect();
            prop_assert_eq!(graph.nodes.len() - of_accounts(&graph), kept.len());
            prop_assert_eq!(graph.edges.len() as u32, kept.iter().map(|&identifier| users(identifier)).sum::<u32>());
            prop_assert_eq!(graph.left_out.small_identifiers, 5 - kept.len() as u64);
            for node in &graph.nodes {
                let counts = [node.degree, node.degree_shown.into(), node.hub_sightings, node.exchanges, node.accounts.into()];
                prop_assert_eq!(counts, counts.map(first_digit));
                prop_assert!(node.degree >= node.degree_shown.into());
            }
            let name = |graph: &ExportGraph<'_>, node: u32| graph.nodes[node as usize].value.to_string();
            let pair = |graph: &ExportGraph<'_>, edge: &ExportEdge| (name(graph, edge.source), name(graph, edge.target));
            let pairs = |graph: &ExportGraph<'_>| graph.edges.iter().map(|edge| pair(graph, edge)).collect::<Vec<_>>();
            let all = pairs(&before);
            prop_assert!(pairs(&graph).iter().all(|pair| all.contains(pair)));
        }
    }
}
