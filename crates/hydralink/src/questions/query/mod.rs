//! Questions about one account or one identifier, answered from the store where it lies.
//!
//! Each answer is plain data in the analyst's words, ready to be printed or serialised. Cost is that of the rows touched; none
//! of these reads the whole store unless it says so.
//!
//! ```
//! # let (_folder, store) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/example_store.rs"));
//! use hydralink::{Dataset, query};
//! let (dataset, labels) = (Dataset::open(&store)?, Dataset::open(&store)?.labelling()?);
//! let widest = query::hubs(&dataset, &labels, Some("ip"))?.next().expect("an address");
//! let (nearest, all) = query::nearest(&dataset, Some(&labels), dataset.node(&widest.identifier)?, None, 10)?;
//! assert!(nearest.count() <= 10 && all as u64 == widest.accounts);
//! # Ok::<(), hydralink::Error>(())
//! ```

mod counts;
mod neighbors;
mod order;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use graph::{AccountId, IdentifierId, NONE_U16, NONE_U32, Partition};
use serde::Serialize;

use crate::dataset::Dataset;
use crate::error::Error;
use crate::filter;
use crate::node::Node;
use crate::results::foremost::{Foremost, Of};
use crate::results::{Labelling, Totals};
use crate::roles::{AccountRole, role_of};
use crate::store::Reading;
use crate::time::rfc3339;
use crate::top::By;
pub use counts::{count_memberships, exchanges_of, span_of_account, span_of_identifier, tokens_of};
pub(crate) use counts::{exchanges_of_identifier, flagged_share};
pub use neighbors::{Neighbor, nearest, neighbors};
pub(crate) use order::{nodes_as_shown, ordered, ties_as_shown};

/// Everything that is known of one node at a glance.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NodeCard {
    /// `account:ID` or `KIND:VALUE`.
    pub node: String,
    /// What it was seen with: identifiers by kind for an account, `account` for an identifier.
    pub seen_with: BTreeMap<String, u64>,
    /// Exchanges.
    pub exchanges: u64,
    /// Tokens of an account's exchanges, where the events say them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// First seen.
    pub first_seen: Option<String>,
    /// Last seen.
    pub last_seen: Option<String>,
    /// Facts of the account table; of an address whose network it is in, of a mined template its skeleton.
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
    /// Sightings of an account with identifiers that don't link on their own: they count only where another identifier
    /// ties the accounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suppressed_sightings: Option<u64>,
    /// Those of them with identifiers that never count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropped_sightings: Option<u64>,
}

/// One identifier as `hubs` lists it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
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
#[non_exhaustive]
pub struct Member {
    /// The account.
    pub account_id: String,
    /// Component of what links in the detection ([`crate::detected_components`]), numbered by size.
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
    /// As what it belongs or touches ([`crate::roles`]), or nothing.
    pub role: Option<AccountRole>,
}

/// One group of a partition.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
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
/// [`Error::Unknown`] for the number of a node that the store doesn't have, and [`Error::Usage`] if the labels are of another
/// store, or of it before an update.
pub fn show(dataset: &Dataset, results: Option<&Labelling>, node: Node) -> Result<NodeCard, Error> {
    dataset.check(results, [node])?;
    let graph = dataset.graph();
    let mut card = NodeCard {
        node: dataset.label_of(node),
        seen_with: BTreeMap::new(),
        exchanges: 0,
        tokens: None,
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
        dropped_sightings: None,
    };
    let span = match node {
        Node::Account(account) => {
            for sighting in graph.sightings_of(account) {
                let kind = dataset.kind_name(graph.kind_of(sighting.identifier));
                *card.seen_with.entry(kind.to_owned()).or_default() += 1;
            }
            card.exchanges = exchanges_of(dataset, account);
            card.tokens = tokens_of(dataset, [account]);
            card.facts = facts_of(dataset, account);
            if let Some(results) = results {
                let rows = graph.identifiers_of(account).iter().zip(&results.weights[graph.sighting_range(account)]);
                let suppressed = rows.filter(|&(_, &bits)| bits <= 0.0).map(|(&identifier, _)| IdentifierId(identifier));
                let suppressed: Vec<IdentifierId> = suppressed.collect();
                card.suppressed_sightings = Some(suppressed.len() as u64);
                let dropped = suppressed.iter().filter(|&&identifier| results.policy_of(identifier) == "drop");
                card.dropped_sightings = Some(dropped.count() as u64);
                if let Some((network, membership)) = results.membership_of(account) {
                    card.membership = Some(membership.name());
                    card.confidence = Some(results.confidence[account.index()]);
                    match results.flagged_network_of(account) {
                        Some(_) => card.network = Some(network.id.clone()),
                        None => card.candidate = Some(network.id.clone()),
                    }
                }
            }
            span_of_account(dataset, account)
        }
        Node::Identifier(identifier) => {
            card.seen_with.insert("account".to_owned(), graph.identifier_degree(identifier) as u64);
            let totals = match results {
                Some(results) => results.totals_of(dataset, identifier),
                None => Foremost::default().totals(graph, identifier),
            };
            card.exchanges = totals.exchanges;
            let network = dataset.network_of_address(identifier);
            card.facts.extend(network.network_type.map(|known| ("network_type".to_owned(), known.name().to_owned())));
            card.facts.extend(network.asn.map(|asn| ("asn".to_owned(), asn.to_string())));
            card.facts.extend(dataset.skeleton_of(identifier).map(|skeleton| ("skeleton".to_owned(), skeleton.to_owned())));
            if let Some(results) = results {
                card.class = Some(results.class_of(identifier).to_owned());
                card.policy = Some(results.policy_of(identifier).to_owned());
                let network = results.tied_network(identifier);
                card.network = network.filter(|network| network.flagged).map(|network| network.id.clone());
                card.candidate = network.filter(|network| !network.flagged).map(|network| network.id.clone());
            }
            (totals.first_seen, totals.last_seen)
        }
    };
    (card.first_seen, card.last_seen) = (rfc3339(span.0), rfc3339(span.1));
    // A broken case log is `case verify`'s to tell.
    let good = dataset.known_good_by(node).ok().flatten();
    card.facts.extend(good.map(|who| ("known_good".to_owned(), who)));
    Ok(card)
}

/// Identifiers shared by more than one account, most widely shared first. The first thousand are kept; O(identifiers) beyond
/// them.
///
/// # Errors
/// [`Error::Unknown`] for a kind that the store doesn't have; for the labels as [`show`].
pub fn hubs<'a>(
    dataset: &'a Dataset,
    results: &'a Labelling,
    kind: Option<&str>,
) -> Result<impl Iterator<Item = Hub> + 'a, Error> {
    results.check_of(dataset)?;
    let graph = dataset.graph();
    let (range, of) = match kind {
        None => (0..graph.identifier_count() as u32, Of::Identifiers),
        Some(kind) => {
            let kind = dataset.kind(kind)?;
            (graph.identifiers_of_kind(kind), Of::Kind(kind))
        }
    };
    let kept = results.foremost.list(graph, By::Degree, of);
    let scanned = move || {
        dataset.expect(Reading::Whole);
        let shared = range.map(|identifier| (graph.identifier_degree(IdentifierId(identifier)), Reverse(identifier)));
        // Few of millions are asked for: a heap hands them out without sorting the rest.
        let mut order: BinaryHeap<(usize, Reverse<u32>)> = shared.collect();
        std::iter::from_fn(move || order.pop()).map(|(_, Reverse(identifier))| identifier)
    };
    let order = kept_then_scanned(kept, scanned).map(IdentifierId);
    let shared = order.take_while(|&identifier| graph.identifier_degree(identifier) > 1).map(Node::Identifier);
    Ok(nodes_as_shown(dataset, shared, |node| node.degree(graph)).filter_map(|node| match node {
        Node::Identifier(identifier) => Some(hub(dataset, results, identifier)),
        Node::Account(_) => None,
    }))
}

/// What is kept of an order, then the rest of it, which is scanned for only if somebody gets there.
pub(crate) fn kept_then_scanned<'a, I: Iterator<Item = u32> + 'a>(
    kept: &'a [u32],
    scanned: impl FnOnce() -> I + 'a,
) -> impl Iterator<Item = u32> + 'a {
    let rest = std::iter::once_with(scanned).flat_map(move |order| order.skip(kept.len()));
    kept.iter().copied().chain(rest)
}

/// One identifier as [`hubs`] lists it.
pub(crate) fn hub(dataset: &Dataset, results: &Labelling, identifier: IdentifierId) -> Hub {
    let graph = dataset.graph();
    let Totals { exchanges, first_seen, last_seen } = results.totals_of(dataset, identifier);
    Hub {
        identifier: dataset.label_of(Node::Identifier(identifier)),
        kind: dataset.identifier_name(identifier).0.to_owned(),
        accounts: graph.identifier_degree(identifier) as u64,
        exchanges,
        class: results.class_of(identifier).to_owned(),
        policy: results.policy_of(identifier).to_owned(),
        reason: results.reason_of(dataset, identifier),
        spread_days: results.spread_days_of(identifier),
        first_seen: rfc3339(first_seen),
        last_seen: rfc3339(last_seen),
    }
}

/// Every account with its labels, ascending by id. With `network` set, only that candidate's.
///
/// # Errors
/// As [`Labelling::networks`].
pub fn members<'a>(
    dataset: &'a Dataset,
    results: &'a Labelling,
    network: Option<usize>,
) -> Result<impl Iterator<Item = Member> + 'a, Error> {
    Ok(accounts_of(dataset, results, network)?.map(move |account| member(dataset, results, account)))
}

/// All accounts, or those of one candidate, ascending by what is shown of them: who is who in a list of pseudonyms must not follow
/// from the order of the names.
pub(crate) fn accounts_of(
    dataset: &Dataset,
    results: &Labelling,
    network: Option<usize>,
) -> Result<impl Iterator<Item = AccountId> + 'static, Error> {
    network.map_or_else(|| results.check_of(dataset), |network| results.check_network(dataset, network))?;
    let all = 0..dataset.graph().account_count() as u32;
    let (all, mut listed) = match network {
        None if dataset.naming().shows_accounts() => (all, Vec::new()),
        None => (0..0, all.collect()),
        Some(network) => (0..0, results.accounts_of(network).into_owned()),
    };
    if !dataset.naming().shows_accounts() {
        listed.sort_by_cached_key(|&account| dataset.shown_account(AccountId(account)).into_owned());
    }
    Ok(all.chain(listed).map(AccountId))
}

/// One account with its labels.
pub(crate) fn member(dataset: &Dataset, results: &Labelling, account: AccountId) -> Member {
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
        role: touched.and_then(|_| role_of(dataset, results, account)),
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
    order.truncate(filter::at_most(top));
    let rows = order.into_iter().map(|group| Group {
        id: group,
        accounts: accounts[group as usize],
        identifiers: u64::from(partition.sizes()[group as usize]) - accounts[group as usize],
        example: dataset.shown_account(AccountId(example[group as usize])).into_owned(),
    });
    rows.collect()
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
