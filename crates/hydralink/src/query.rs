//! Questions about one account or one identifier, answered from the store where it lies.
//!
//! Each answer is plain data in the analyst's words, ready to be printed or serialised. Cost is that of the rows touched; none
//! of these reads the whole store unless it says so.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use graph::build::earliest;
use graph::{AccountId, BipartiteGraph, IdentifierId, NO_TIME, NONE_U16, NONE_U32, Partition};
use serde::Serialize;

use crate::dataset::Dataset;
use crate::error::Error;
use crate::node::Node;
use crate::results::{Labelling, Membership};
use crate::time::rfc3339;

/// Everything that is known of one node at a glance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeCard {
    /// `account:ID` or `KIND:VALUE`.
    pub node: String,
    /// What it was seen with: identifiers by kind for an account, `account` for an identifier.
    pub seen_with: BTreeMap<String, u64>,
    /// Exchanges.
    pub exchanges: u64,
    /// First seen.
    pub first_seen: Option<String>,
    /// Last seen.
    pub last_seen: Option<String>,
    /// Facts of the account table.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, String>,
    /// Class of an identifier, once a detection was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Policy of an identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Flagged network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// How an account belongs to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub membership: Option<&'static str>,
    /// Confidence of the membership.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
    /// Candidate that it belongs to or touches, when it isn't flagged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidate: Option<String>,
    /// Sightings of an account with identifiers that were suppressed as hubs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suppressed_sightings: Option<u64>,
}

/// One neighbour of a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Neighbor {
    /// The node whose neighbour it is.
    pub of: String,
    /// `account:ID` or `KIND:VALUE`.
    pub node: String,
    /// Exchanges that showed both.
    pub exchanges: u64,
    /// First seen together.
    pub first_seen: Option<String>,
    /// Last seen together.
    pub last_seen: Option<String>,
    /// How many nodes the neighbour itself was seen with.
    pub degree: u64,
    /// Weight of the link in bits, once a detection was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bits: Option<f32>,
    /// Class of the identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Flagged network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
}

/// One identifier as `hubs` lists it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hub {
    /// `KIND:VALUE`.
    pub identifier: String,
    /// Its kind.
    pub kind: String,
    /// Accounts seen with it.
    pub accounts: u64,
    /// Exchanges.
    pub exchanges: u64,
    /// Class.
    pub class: String,
    /// Policy.
    pub policy: String,
    /// Why it was put there.
    pub reason: String,
    /// Days within which the middle half of its accounts first had it, if times are known.
    pub spread_days: Option<f64>,
    /// First seen.
    pub first_seen: Option<String>,
    /// Last seen.
    pub last_seen: Option<String>,
}

/// One account as `members` lists it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Member {
    /// The account.
    pub account_id: String,
    /// Component, numbered by size.
    pub component: u32,
    /// Community, numbered by size.
    pub community: u32,
    /// Flagged network, or nothing.
    pub network: Option<String>,
    /// `core`, `fringe`, `ambiguous`, or nothing.
    pub membership: Option<&'static str>,
    /// Confidence, 0..1.
    pub confidence: Option<f32>,
    /// Evidence in bits.
    pub evidence_bits: Option<f32>,
    /// Candidate that it belongs to or touches, flagged or not.
    pub candidate: Option<String>,
    /// Share of the reruns of `consensus` in which it is found with its network again; `None` until that was run, and where it
    /// is no member.
    pub consensus: Option<f32>,
}

/// One group of a partition.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// Number, by size.
    pub id: u32,
    /// Accounts in it.
    pub accounts: u64,
    /// Identifiers in it.
    pub identifiers: u64,
    /// Its smallest account, as an example.
    pub example: String,
}

/// Everything known of a node.
///
/// # Errors
/// [`Error::Graph`] never; the node comes from the same dataset.
pub fn show(dataset: &Dataset, results: Option<&Labelling>, node: Node) -> NodeCard {
    let graph = dataset.graph();
    let mut card = NodeCard {
        node: dataset.label_of(node),
        seen_with: BTreeMap::new(),
        exchanges: 0,
        first_seen: None,
        last_seen: None,
        facts: BTreeMap::new(),
        class: None,
        policy: None,
        network: None,
        membership: None,
        confidence: None,
        candidate: None,
        suppressed_sightings: None,
    };
    let span = match node {
        Node::Account(account) => {
            for sighting in graph.sightings_of(account) {
                let kind = dataset.kind_name(graph.kind_of(sighting.identifier));
                *card.seen_with.entry(kind.to_owned()).or_default() += 1;
            }
            card.exchanges = exchanges_of(dataset, account);
            card.facts = facts_of(dataset, account);
            if let Some(results) = results {
                let range = graph.sighting_range(account);
                card.suppressed_sightings = Some(results.weights[range].iter().filter(|&&bits| bits <= 0.0).count() as u64);
                if let Some((network, membership)) = results.membership_of(account) {
                    card.membership = Some(membership.name());
                    card.confidence = Some(results.confidence[account.index()]);
                    match results.flagged_network_of(account) {
                        Some(_) => card.network = Some(network.id.clone()),
                        None => card.candidate = Some(network.id.clone()),
                    }
                }
            }
            span_of_account(graph, account)
        }
        Node::Identifier(identifier) => {
            card.seen_with.insert("account".to_owned(), graph.identifier_degree(identifier) as u64);
            card.exchanges = exchanges_of_identifier(graph, identifier);
            let network = dataset.network_of_address(identifier);
            card.facts.extend(network.network_type.map(|known| ("network_type".to_owned(), known.name().to_owned())));
            card.facts.extend(network.asn.map(|asn| ("asn".to_owned(), asn.to_string())));
            if let Some(results) = results {
                card.class = Some(results.class_of(identifier).to_owned());
                card.policy = Some(results.policy_of(identifier).to_owned());
                let network = results.tied_network(identifier);
                card.network = network.filter(|network| network.flagged).map(|network| network.id.clone());
                card.candidate = network.filter(|network| !network.flagged).map(|network| network.id.clone());
            }
            span_of_identifier(graph, identifier)
        }
    };
    (card.first_seen, card.last_seen) = (rfc3339(span.0), rfc3339(span.1));
    card
}

/// What a node was seen with: strongest link first once a detection was run, else rarest identifier first.
pub fn neighbors(dataset: &Dataset, results: Option<&Labelling>, node: Node) -> Vec<Neighbor> {
    let graph = dataset.graph();
    let of = dataset.label_of(node);
    let row = |node: Node, sighting: graph::Sighting, position: usize| Neighbor {
        of: of.clone(),
        node: dataset.label_of(node),
        exchanges: u64::from(sighting.count),
        first_seen: rfc3339(sighting.first_seen),
        last_seen: rfc3339(sighting.last_seen),
        degree: node.degree(graph) as u64,
        bits: results.map(|results| results.weights[position]),
        class: match node {
            Node::Account(_) => None,
            Node::Identifier(identifier) => results.map(|results| results.class_of(identifier).to_owned()),
        },
        network: match node {
            Node::Account(account) => results.and_then(|results| Some(results.flagged_network_of(account)?.0.id.clone())),
            Node::Identifier(identifier) => results
                .and_then(|results| results.tied_network(identifier))
                .filter(|network| network.flagged)
                .map(|network| network.id.clone()),
        },
    };
    let mut rows: Vec<Neighbor> = match node {
        Node::Account(account) => {
            let range = graph.sighting_range(account);
            let sightings = graph.sightings_of(account).zip(range);
            sightings.map(|(sighting, position)| row(Node::Identifier(sighting.identifier), sighting, position)).collect()
        }
        Node::Identifier(identifier) => {
            let accounts = graph.accounts_of(identifier).iter().zip(graph.sightings_of_identifier(identifier));
            accounts
                .filter_map(|(&account, &position)| {
                    let account = AccountId(account);
                    Some(row(Node::Account(account), graph.sighting_between(account, identifier)?, position as usize))
                })
                .collect()
        }
    };
    rows.sort_by(|a, b| {
        let bits = |row: &Neighbor| row.bits.unwrap_or(0.0);
        bits(b).total_cmp(&bits(a)).then(a.degree.cmp(&b.degree)).then_with(|| a.node.cmp(&b.node))
    });
    rows
}

/// Identifiers shared by more than one account, most widely shared first. O(identifiers), then what is taken.
///
/// # Errors
/// [`Error::Unknown`] for a kind that the store doesn't have.
pub fn hubs<'a>(
    dataset: &'a Dataset,
    results: &'a Labelling,
    kind: Option<&str>,
) -> Result<impl Iterator<Item = Hub> + 'a, Error> {
    let graph = dataset.graph();
    let range = match kind {
        None => 0..graph.identifier_count() as u32,
        Some(kind) => graph.identifiers_of_kind(dataset.kind(kind)?),
    };
    let shared = range.map(|identifier| (graph.identifier_degree(IdentifierId(identifier)), Reverse(identifier)));
    // Few of millions are asked for: a heap hands them out without sorting the rest.
    let mut order: BinaryHeap<(usize, Reverse<u32>)> = shared.filter(|&(degree, _)| degree > 1).collect();
    Ok(std::iter::from_fn(move || order.pop()).map(|(_, Reverse(identifier))| hub(dataset, results, IdentifierId(identifier))))
}

/// One identifier as [`hubs`] lists it.
pub fn hub(dataset: &Dataset, results: &Labelling, identifier: IdentifierId) -> Hub {
    let graph = dataset.graph();
    let (first, last) = span_of_identifier(graph, identifier);
    Hub {
        identifier: dataset.label_of(Node::Identifier(identifier)),
        kind: dataset.identifier_name(identifier).0.to_owned(),
        accounts: graph.identifier_degree(identifier) as u64,
        exchanges: exchanges_of_identifier(graph, identifier),
        class: results.class_of(identifier).to_owned(),
        policy: results.policy_of(identifier).to_owned(),
        reason: results.reason_of(dataset, identifier),
        spread_days: results.spread_days_of(identifier),
        first_seen: rfc3339(first),
        last_seen: rfc3339(last),
    }
}

/// Every account with its labels, ascending by id. With `network` set, only that candidate's.
pub fn members<'a>(dataset: &'a Dataset, results: &'a Labelling, network: Option<usize>) -> impl Iterator<Item = Member> + 'a {
    let accounts = 0..dataset.graph().account_count() as u32;
    let wanted = move |&account: &u32| match network {
        None => true,
        Some(network) => results.network_of[account as usize] as usize == network,
    };
    accounts.filter(wanted).map(move |account| member(dataset, results, AccountId(account)))
}

/// One account with its labels.
pub fn member(dataset: &Dataset, results: &Labelling, account: AccountId) -> Member {
    let touched = results.membership_of(account);
    let flagged = results.flagged_network_of(account);
    Member {
        account_id: dataset.shown_account(account).into_owned(),
        component: results.components[account.index()],
        community: results.communities[account.index()],
        network: flagged.map(|(network, _)| network.id.clone()),
        membership: touched.map(|(_, membership)| membership.name()),
        confidence: touched.map(|_| results.confidence[account.index()]),
        evidence_bits: touched.map(|_| results.evidence_bits[account.index()]),
        candidate: touched.map(|(network, _)| network.id.clone()),
        consensus: results.consensus.as_ref().and_then(|consensus| consensus.of_account(account.0)),
    }
}

/// The groups of a partition of all vertices that hold at least two accounts, largest first.
pub fn groups(dataset: &Dataset, partition: &Partition, top: usize) -> Vec<Group> {
    let account_count = dataset.graph().account_count();
    let mut accounts = vec![0u64; partition.group_count()];
    let mut example = vec![NONE_U32; partition.group_count()];
    for (vertex, &label) in partition.labels()[..account_count].iter().enumerate() {
        accounts[label as usize] += 1;
        if example[label as usize] == NONE_U32 {
            example[label as usize] = vertex as u32;
        }
    }
    let mut order: Vec<u32> = (0..partition.group_count() as u32).filter(|&group| accounts[group as usize] > 1).collect();
    order.sort_by_key(|&group| (std::cmp::Reverse(accounts[group as usize]), group));
    order.truncate(if top == 0 { usize::MAX } else { top });
    let rows = order.into_iter().map(|group| Group {
        id: group,
        accounts: accounts[group as usize],
        identifiers: u64::from(partition.sizes()[group as usize]) - accounts[group as usize],
        example: dataset.shown_account(AccountId(example[group as usize])).into_owned(),
    });
    rows.collect()
}

/// Exchanges of an account: those with a time, or the most that any one identifier shows where there are none.
pub fn exchanges_of(dataset: &Dataset, account: AccountId) -> u64 {
    let activity = dataset.activity().of(account);
    if !activity.time.is_empty() {
        return match activity.requests {
            [] => activity.time.len() as u64,
            requests => requests.iter().map(|&requests| u64::from(requests)).sum(),
        };
    }
    dataset.graph().sightings_of(account).map(|sighting| u64::from(sighting.count)).max().unwrap_or(0)
}

/// First and last sighting of an account.
pub fn span_of_account(graph: &BipartiteGraph, account: AccountId) -> (u32, u32) {
    graph.sightings_of(account).fold((NO_TIME, NO_TIME), |(first, last), sighting| {
        (earliest(first, sighting.first_seen), last.max(sighting.last_seen))
    })
}

/// First and last sighting of an identifier.
pub fn span_of_identifier(graph: &BipartiteGraph, identifier: IdentifierId) -> (u32, u32) {
    let columns = graph.columns();
    graph.sightings_of_identifier(identifier).iter().fold((NO_TIME, NO_TIME), |(first, last), &position| {
        let position = position as usize;
        (earliest(first, columns.first_seen[position]), last.max(columns.last_seen[position]))
    })
}

pub(crate) fn exchanges_of_identifier(graph: &BipartiteGraph, identifier: IdentifierId) -> u64 {
    let counts = graph.columns().counts.as_slice();
    graph.sightings_of_identifier(identifier).iter().map(|&position| u64::from(counts[position as usize])).sum()
}

fn facts_of(dataset: &Dataset, account: AccountId) -> BTreeMap<String, String> {
    let (accounts, tables) = (dataset.accounts(), dataset.tables());
    let mut facts = BTreeMap::new();
    if !dataset.naming().shows_account_table() {
        return facts;
    }
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            facts.insert(name.to_owned(), value);
        }
    };
    let word = |column: &[u16], names: &[String]| {
        let index = column.get(account.index()).copied().filter(|&index| index != NONE_U16)?;
        names.get(index as usize).cloned()
    };
    put("created_at", accounts.created_at.get(account.index()).copied().and_then(rfc3339));
    put("banned_at", accounts.banned_at.get(account.index()).copied().and_then(rfc3339));
    put("status", dataset.status().of_account(account).map(str::to_owned));
    put("label", dataset.label().of_account(account).map(str::to_owned));
    put("country", word(&accounts.country, &tables.countries));
    put("tier", word(&accounts.tier, &tables.tiers));
    put("pathway", word(&accounts.pathway, &tables.pathways));
    let org = accounts.org.get(account.index()).copied().filter(|&org| org != NONE_U32);
    put("org", org.and_then(|org| tables.orgs.get(org as usize).cloned()));
    facts
}

/// Accounts of a network by how they belong: core, fringe, ambiguous.
pub fn count_memberships(members: &[(AccountId, Membership)]) -> [u64; 3] {
    let mut counts = [0; 3];
    for (_, membership) in members {
        counts[*membership as usize] += 1;
    }
    counts
}
