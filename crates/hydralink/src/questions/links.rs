//! What joins two nodes, and what lies around one: `common`, `why`, `why-not`, `ego`, `overlap`.
//!
//! The strength of a shared identifier and of all that two accounts share is that of detection's rule ([`crate::ties`]): rare
//! things say much, hubs little, and a second kind corroborates. Before a detection was run, an identifier of `d` of the
//! store's `N` accounts says its surprise, `log2(N / d)`.
//!
//! ```
//! # let (_folder, store) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/example_store.rs"));
//! use hydralink::{Dataset, Node, links, paths, ties::Ties, why_not};
//!
//! let dataset = Dataset::open(&store)?;
//! let labels = dataset.labelling()?;
//! let ties = Ties::of(&dataset, &labels)?;
//! let members = labels.belonging(dataset.network_index(&labels, "1")?);
//! let (one, other) = (members[0], members[1]);
//! for shared in links::common(&dataset, Some(&ties), one, other)? {
//!     println!("{} says {:.1} bits", shared.identifier, shared.bits);
//! }
//! let chains = paths::paths(&dataset, Some(&ties), Node::Account(one), Node::Account(other), 3)?;
//! assert!(chains.windows(2).all(|pair| pair[0].cost <= pair[1].cost));
//! println!("{}", why_not::why_not(&dataset, &labels, one, other)?.answer);
//! # Ok::<(), hydralink::Error>(())
//! ```

use std::collections::{BTreeMap, BTreeSet};

use graph::{AccountId, IdentifierId, NO_TIME, Sighting};
use rayon::prelude::*;
use serde::Serialize;

use crate::dataset::Dataset;
use crate::error::Error;
use crate::node::Node;
use crate::query::ties_as_shown;
use crate::questions::of_both::held;
pub use crate::questions::of_both::{GroupOfBoth, Held};
use crate::results::Labelling;
use crate::significance::Significance;
use crate::ties::{Group, Ties, shared};
use crate::time::rfc3339;

/// One identifier that two accounts share.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Shared {
    /// `KIND:VALUE`.
    pub identifier: String,
    /// Bits that sharing it says, hubs discounted; 0 for one that never links.
    pub bits: f64,
    /// Accounts seen with it.
    pub accounts: u64,
    /// Class, once a detection was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// When the first account was first and last seen with it.
    pub seen_by_first: (Option<String>, Option<String>),
    /// When the second was.
    pub seen_by_second: (Option<String>, Option<String>),
    /// Whether both were seen with it at overlapping times; `None` where a time is missing.
    pub overlapping: Option<bool>,
}

/// Why two accounts are, or aren't, held to be one operator's.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Why {
    /// The first account.
    pub first: String,
    /// The second.
    pub second: String,
    /// Bits of all they share, each further identifier of a kind discounted.
    pub bits: f64,
    /// Bits that would tie the two alone, as no network of either counts here.
    pub needed: f64,
    /// The prior of `probability`: how likely two accounts are one operator's before anything is seen. One in as many as
    /// there are accounts, as in detection, unless asked otherwise ([`Why::at_prior`]).
    pub prior_same_operator: f64,
    /// How likely the two are one operator's by what they share alone, as if nothing harmless could explain that. The
    /// model's: see [`Why::at_prior`]. What is held of them is [`Why::held`].
    pub probability: f64,
    /// Log2 of what `probability` makes of the prior's odds.
    pub odds_bits: f64,
    /// What is held of them, all things considered: their group, its harmless story, and people's decisions.
    pub held: Held,
    /// The candidate network that both are in, flagged or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupOfBoth>,
    /// Kinds among what counts.
    pub kinds: usize,
    /// Network of the first, if flagged.
    pub first_network: Option<String>,
    /// Network of the second, if flagged.
    pub second_network: Option<String>,
    /// Of two in one network that aren't tied to each other alone, what ties the first to the network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_through: Option<Through>,
    /// What ties the second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_through: Option<Through>,
    /// The answer in a sentence.
    pub answer: String,
    /// How far that is beyond chance, where it was asked for ([`crate::significance`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub significance: Option<Significance>,
    /// What they share, strongest first.
    pub shared: Vec<Shared>,
}

/// What ties an account to its network, as in [`crate::appeal`](mod@crate::appeal).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Through {
    /// Bits of what it shares with the other accounts of the network.
    pub bits: f64,
    /// Bits that tie an account to a network of this size.
    pub needed: f64,
    /// Whether they are enough; else it belongs because it looks like the members.
    pub tied: bool,
    /// The identifiers that say most of it, at most three.
    pub by: Vec<String>,
}

/// Identifiers that [`Through`] names.
const NAMED: usize = 3;

impl Through {
    fn of(ties: &Ties<'_>, account: AccountId, group: &Group<'_>) -> Self {
        let mut ballots = ties.ballots(account, group);
        let found = ties.to_group_by(account, group, ballots.iter().copied());
        ballots.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let label = |&(identifier, _): &(IdentifierId, f64)| ties.dataset().label_of(Node::Identifier(identifier));
        Through {
            bits: found.tie.bits,
            needed: found.needed,
            tied: found.accepted,
            by: ballots.iter().take(NAMED).map(label).collect(),
        }
    }

    fn text(&self) -> String {
        let Through { bits, needed, tied, by } = self;
        let how =
            if *tied { format!("{bits:.1} bits, {needed:.1} are needed") } else { "by looking like its members".to_owned() };
        if by.is_empty() { how } else { format!("{how}: {}", by.join(", ")) }
    }
}

/// A node of an ego network.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EgoNode {
    /// `account:ID` or `KIND:VALUE`.
    pub node: String,
    /// Steps from the centre.
    pub hops: u32,
    /// Through which node it was reached first.
    pub through: String,
    /// How many nodes it was seen with.
    pub degree: u64,
    /// Flagged network that an account belongs to, or that an identifier ties.
    pub network: Option<String>,
}

/// What lies within some steps of a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Ego {
    /// Nodes, nearest first.
    pub nodes: Vec<EgoNode>,
    /// Identifiers that were reached but not passed through, because they join more accounts than the limit.
    pub not_passed: u64,
    /// Whether the limit on nodes cut the walk short.
    pub truncated: bool,
}

/// One identifier that two networks both touch.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Overlap {
    /// `KIND:VALUE`.
    pub identifier: String,
    /// Members of the first network seen with it.
    pub first_members: u64,
    /// Members of the second.
    pub second_members: u64,
    /// All accounts seen with it.
    pub accounts: u64,
    /// Class.
    pub class: String,
}

/// The identifiers that two accounts share, strongest first. `ties` is the rule of the last detection, if there was one.
///
/// # Errors
/// [`Error::Usage`] if the two are one.
pub fn common(dataset: &Dataset, ties: Option<&Ties<'_>>, first: AccountId, second: AccountId) -> Result<Vec<Shared>, Error> {
    are_two(dataset, ties, Node::Account(first), Node::Account(second))?;
    let graph = dataset.graph();
    let accounts = graph.account_count() as f64;
    let identifiers = shared(graph.identifiers_of(first), graph.identifiers_of(second)).map(IdentifierId);
    let mut rows: Vec<Shared> = identifiers
        .filter_map(|identifier| {
            let mine = graph.sighting_between(first, identifier)?;
            let theirs = graph.sighting_between(second, identifier)?;
            let degree = graph.identifier_degree(identifier);
            Some(Shared {
                identifier: dataset.label_of(Node::Identifier(identifier)),
                bits: ties
                    .map_or_else(|| (accounts / degree as f64).log2(), |ties| ties.bits_between(first, second, identifier)),
                accounts: degree as u64,
                class: ties.map(|ties| ties.results().class_of(identifier).to_owned()),
                seen_by_first: (rfc3339(mine.first_seen), rfc3339(mine.last_seen)),
                seen_by_second: (rfc3339(theirs.first_seen), rfc3339(theirs.last_seen)),
                overlapping: overlapping(&mine, &theirs),
            })
        })
        .collect();
    rows.sort_by(|a, b| b.bits.total_cmp(&a.bits).then_with(|| a.identifier.cmp(&b.identifier)));
    Ok(rows)
}

/// Refuses one node where two are asked about, nodes that the store doesn't have, and ties of other facts.
pub(crate) fn are_two(dataset: &Dataset, ties: Option<&Ties<'_>>, first: Node, second: Node) -> Result<(), Error> {
    dataset.check(ties.map(Ties::results), [first, second])?;
    if first != second {
        return Ok(());
    }
    Err(Error::Usage(format!("{} is one node; name two", dataset.label_of(first))))
}

/// Whether two sightings overlap in time; `None` unless all of their times are known.
fn overlapping(mine: &Sighting, theirs: &Sighting) -> Option<bool> {
    let times = [mine.first_seen, mine.last_seen, theirs.first_seen, theirs.last_seen];
    let dated = times.iter().all(|&time| time != NO_TIME);
    dated.then_some(mine.first_seen <= theirs.last_seen && theirs.first_seen <= mine.last_seen)
}

/// The accounts that were seen with both of two identifiers, ascending by what is shown of them.
///
/// # Errors
/// [`Error::Usage`] if the two are one.
pub fn common_accounts(dataset: &Dataset, first: IdentifierId, second: IdentifierId) -> Result<Vec<AccountId>, Error> {
    are_two(dataset, None, Node::Identifier(first), Node::Identifier(second))?;
    let graph = dataset.graph();
    let both = shared(graph.accounts_of(first), graph.accounts_of(second));
    let mut accounts: Vec<AccountId> = both.map(AccountId).collect();
    ties_as_shown(dataset, &mut accounts, |_| (), |&account| Node::Account(account));
    Ok(accounts)
}

/// Why two accounts are, or aren't, held to be one operator's. Of two in one network that aren't tied alone it also says
/// what ties each to that: O(sightings of the network), otherwise O(what they share).
///
/// # Errors
/// [`Error::Usage`] if the two are one; as [`Ties::of`].
pub fn why(dataset: &Dataset, results: &Labelling, first: AccountId, second: AccountId) -> Result<Why, Error> {
    let ties = Ties::of(dataset, results)?;
    let shared = common(dataset, Some(&ties), first, second)?;
    let tie = ties.between(first, second);
    let counted: Vec<&Shared> = shared.iter().filter(|shared| shared.bits > 0.0).collect();
    let kinds: BTreeSet<&str> = counted.iter().map(|shared| kind_of(&shared.identifier)).collect();
    let network = |account| results.flagged_network_of(account).map(|(network, _)| network.id.clone());
    let (first_network, second_network) = (network(first), network(second));
    let silent = shared.len() - counted.len();
    let needed = ties.needed_by_pair(&tie);
    let direct = match (counted.len(), silent) {
        (0, 0) => "they share no identifier".to_owned(),
        (0, 1) => "the one identifier that they share says nothing".to_owned(),
        (0, _) => format!("none of the {silent} identifiers that they share says anything"),
        (1, _) => format!("they share one identifier that counts{}", silent_words(silent)),
        (count, _) => {
            let of = if kinds.len() == 1 { "one kind".to_owned() } else { format!("{} kinds", kinds.len()) };
            let that_count = if silent > 0 { " that count" } else { "" };
            format!("they share {count} identifiers of {of}{that_count}{}", silent_words(silent))
        }
    };
    let direct = match counted.len() {
        0 => direct,
        _ => {
            let enough = if tie.bits >= needed { "enough to tie the two alone" } else { "not enough to tie the two alone" };
            format!("{direct} ({:.1} bits; a pair alone needs {needed:.1}: {enough})", tie.bits)
        }
    };
    let both = first_network.as_ref().filter(|_| first_network == second_network && tie.bits < needed);
    let through = match both {
        Some(id) => {
            let group = ties.group(dataset.network_index(results, id)?);
            Some([first, second].map(|account| Through::of(&ties, account, &group)))
        }
        None => None,
    };
    let [first_through, second_through] = through.map_or([None, None], |both| both.map(Some));
    let group = GroupOfBoth::of(dataset, results, [first, second])?;
    let held = held(dataset, group.as_ref(), [first, second], tie.bits >= needed)?;
    let of_group = group.as_ref().map(|group| group.text(results.run.threshold)).unwrap_or_default();
    let answer = match (&first_network, &second_network) {
        (Some(a), Some(b)) if a == b => match (&first_through, &second_through) {
            (Some(one), Some(other)) => format!(
                "{of_group}: not tied to each other alone, but each to the network (the first {}; the second {}); between \
                 them {direct}",
                one.text(),
                other.text()
            ),
            _ => format!("{of_group}; {direct}"),
        },
        _ if group.is_some() => format!("{of_group}; {direct}"),
        (Some(a), Some(b)) => format!("they belong to different networks, {a} and {b}; {direct}"),
        (Some(a), None) | (None, Some(a)) => format!("only one of them belongs to a network ({a}); {direct}"),
        (None, None) => format!("neither belongs to a flagged network; {direct}"),
    };
    let terms = ties.terms();
    // What nothing of another kind corroborates is held to more: the same, said of the bits.
    let corroborated = tie.bits * terms.needed(true, 1) / needed;
    let found = Why {
        first: dataset.label_of(Node::Account(first)),
        second: dataset.label_of(Node::Account(second)),
        bits: tie.bits,
        needed,
        prior_same_operator: 0.0,
        probability: 0.0,
        odds_bits: corroborated - terms.pairs_bits,
        held,
        group,
        kinds: kinds.len(),
        first_network,
        second_network,
        first_through,
        second_through,
        answer,
        significance: None,
        shared,
    };
    Ok(found.at_prior(1.0 / terms.accounts.max(2.0)))
}

impl Why {
    /// The same under another prior.
    ///
    /// ```text
    /// odds(one operator | shared) = 2^odds_bits * prior / (1 - prior)
    /// odds_bits                   = bits (two thirds of them where one kind speaks) - log2(pairs of identifiers of an account)
    /// ```
    ///
    /// as in detection's threshold, which stands for a prior of one in as many as there are accounts, and a margin. Bits are
    /// counted as if identifiers were independent within the discounts; nothing calibrates the number. A prior that is no
    /// probability over 0 and below 1 is taken for the nearest that is.
    pub fn at_prior(self, prior_same_operator: f64) -> Self {
        let prior_same_operator = prior_same_operator.clamp(f64::MIN_POSITIVE, 1.0 - f64::EPSILON);
        let prior_bits = (prior_same_operator / (1.0 - prior_same_operator)).log2();
        let probability = 1.0 / (1.0 + (-(self.odds_bits + prior_bits)).exp2());
        Why { prior_same_operator, probability, ..self }
    }
}

/// What is shared beside what counts.
fn silent_words(silent: usize) -> String {
    match silent {
        0 => String::new(),
        1 => ", and one that says nothing".to_owned(),
        many => format!(", and {many} that say nothing"),
    }
}

/// The kind of a `KIND:VALUE`.
pub fn kind_of(label: &str) -> &str {
    label.split(':').next().unwrap_or_default()
}

/// What lies within `hops` steps of a node. Identifiers with more than `max_degree` accounts are reached but not passed
/// through; at most `max_nodes` nodes are returned.
///
/// # Errors
/// As [`show`](crate::query::show).
pub fn ego(
    dataset: &Dataset,
    results: Option<&Labelling>,
    centre: Node,
    hops: u32,
    max_degree: usize,
    max_nodes: usize,
) -> Result<Ego, Error> {
    dataset.check(results, [centre])?;
    let graph = dataset.graph();
    let mut reached: BTreeMap<Node, (u32, Node)> = BTreeMap::from([(centre, (0, centre))]);
    let mut order = vec![centre];
    let mut found = Ego { nodes: Vec::new(), not_passed: 0, truncated: false };
    let mut next = 0;
    'walk: while let Some(&node) = order.get(next) {
        next += 1;
        let depth = reached[&node].0;
        if depth == hops {
            continue;
        }
        let neighbors: Vec<Node> = match node {
            Node::Account(account) => {
                graph.identifiers_of(account).iter().map(|&identifier| Node::Identifier(IdentifierId(identifier))).collect()
            }
            Node::Identifier(identifier) if node != centre && graph.identifier_degree(identifier) > max_degree => {
                found.not_passed += 1;
                continue;
            }
            Node::Identifier(identifier) => {
                graph.accounts_of(identifier).iter().map(|&account| Node::Account(AccountId(account))).collect()
            }
        };
        for neighbor in neighbors {
            if let std::collections::btree_map::Entry::Vacant(entry) = reached.entry(neighbor) {
                if order.len() >= max_nodes {
                    found.truncated = true;
                    break 'walk;
                }
                entry.insert((depth + 1, node));
                order.push(neighbor);
            }
        }
    }
    // Those of one step come together.
    ties_as_shown(dataset, &mut order, |node| reached[node].0, |&node| node);
    found.nodes = order
        .into_iter()
        .map(|node| EgoNode {
            node: dataset.label_of(node),
            hops: reached[&node].0,
            through: dataset.label_of(reached[&node].1),
            degree: node.degree(graph) as u64,
            network: results.and_then(|results| results.flagged_network_of_node(node)).map(|network| network.id.clone()),
        })
        .collect();
    Ok(found)
}

/// The identifiers that members of both networks were seen with, those shared by most first.
///
/// # Errors
/// [`Error::Usage`] if the two are the same network; as [`Labelling::networks`] for their numbers.
pub fn overlap(dataset: &Dataset, results: &Labelling, first: usize, second: usize) -> Result<Vec<Overlap>, Error> {
    results.check_network(dataset, first)?;
    results.check_network(dataset, second)?;
    if first == second {
        return Err(Error::Usage(format!("{} is one network; name two", results.head(first).id)));
    }
    let graph = dataset.graph();
    let touched = |network: usize| {
        let members = results.belonging(network).into_iter();
        let mut seen: Vec<u32> = members.flat_map(|account| graph.identifiers_of(account)).copied().collect();
        seen.par_sort_unstable();
        let runs = seen.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u64));
        runs.collect::<Vec<(u32, u64)>>()
    };
    let (of_first, of_second) = (touched(first), touched(second));
    let of_both = |&(identifier, a): &(u32, u64)| {
        let at = of_second.binary_search_by_key(&identifier, |&(identifier, _)| identifier).ok()?;
        Some((identifier, [a, of_second[at].1]))
    };
    let mut rows: Vec<(u32, [u64; 2])> = of_first.iter().filter_map(of_both).collect();
    rows.sort_by_key(|&(identifier, [a, b])| (std::cmp::Reverse(a.min(b)), identifier));
    ties_as_shown(dataset, &mut rows, |&(_, [a, b])| a.min(b), |&(identifier, _)| Node::Identifier(IdentifierId(identifier)));
    Ok(rows
        .into_iter()
        .map(|(identifier, [a, b])| Overlap {
            identifier: dataset.label_of(Node::Identifier(IdentifierId(identifier))),
            first_members: a,
            second_members: b,
            accounts: graph.identifier_degree(IdentifierId(identifier)) as u64,
            class: results.class_of(IdentifierId(identifier)).to_owned(),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_nobody_knows_overlap_with_nothing() {
        let sighting = |first_seen: u32, last_seen: u32| Sighting {
            account: AccountId(0),
            identifier: IdentifierId(0),
            count: 1,
            first_seen,
            last_seen,
        };
        let (one, later, none) = (sighting(10, 20), sighting(21, 30), sighting(NO_TIME, NO_TIME));
        assert_eq!(overlapping(&one, &sighting(20, 30)), Some(true));
        assert_eq!(overlapping(&one, &later), Some(false));
        assert_eq!([overlapping(&one, &none), overlapping(&none, &one), overlapping(&none, &none)], [None; 3]);
    }
}
