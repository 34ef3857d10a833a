//! Which accounts are one by rules that somebody wrote down?
//!
//! A *rule* says what two accounts must share to be one: `card(accounts <= 10) and 2 of {ip, device, template}` ([`Rule`],
//! where the grammar stands). Beside rules stand lists: pairs that *must* be one, pairs that *cannot*, and what is known-good
//! and links nobody (the store's allow list, rejected cases, and a list of one's own). No bits, no nulls: the answer is exact,
//! and as good as the rules.
//!
//! 1. *Must* pairs are joined. If a pair that cannot be one is joined by them alone, the lists contradict each other: an error,
//!    with the chain that joins the two.
//! 2. *Rules*, in their order: of the parts that a rule asks for the one with the fewest pairs of accounts is gone through, and
//!    each pair checked against the other parts. More than [`PAIRS`] pairs are refused with their number: a hub is no reason to
//!    link.
//! 3. *Groups* are what is joined. A pair that cannot be one and is joined by a rule is a *conflict*, listed with its chain;
//!    nothing is taken apart, for which link is wrong is for people to say.
//!
//! `detect` takes rules and lists too ([`Lists`]). Cost: a look at each identifier of the kinds that rules name, and the pairs.
//!
//! ```
//! # let (_folder, store) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/example_store.rs"));
//! use hydralink::rules::{Rule, Rules, link};
//! use hydralink::Dataset;
//!
//! let dataset = Dataset::open(&store)?;
//! let rule = Rule::parse("family", "card(accounts <= 10) and 1 of {ip, template(accounts <= 50)}")?;
//! let rules = Rules { rules: vec![rule], ..Rules::default() };
//! let linked = link(&dataset, Some(&dataset.labelling()?), &rules)?;
//! assert!(linked.conflicts.is_empty(), "nothing was said that cannot be one");
//! for group in linked.groups.iter().take(3) {
//!     println!("{} accounts, for instance {}", group.accounts, group.example);
//! }
//! # Ok::<(), hydralink::Error>(())
//! ```

mod lists;
mod marked;
mod parse;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ahash::AHashSet;
use graph::{AccountId, DisjointSets};
use serde::Serialize;

pub(crate) use lists::SECTION;
pub use lists::{ListFile, Lists};
pub use parse::{Part, Rule, Shares};

use crate::dataset::Dataset;
use crate::error::Error;
use crate::node::Node;
use crate::query::flagged_share;
use crate::results::Labelling;
use marked::Marked;

/// Most pairs of accounts that a rule may have to look at.
pub const PAIRS: u64 = 50_000_000;

/// Rules and lists.
#[derive(Debug, Default)]
pub struct Rules {
    /// What makes two accounts one.
    pub rules: Vec<Rule>,
    /// Pairs that are one.
    pub must: Vec<(AccountId, AccountId)>,
    /// Pairs that aren't.
    pub cannot: Vec<(AccountId, AccountId)>,
    /// Accounts and identifiers that link nobody, beside those that the store knows as good.
    pub good: Vec<Node>,
}

/// What rules and lists come to.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Linked {
    /// Pairs of accounts that satisfied each rule, by its name.
    pub pairs: Vec<(String, u64)>,
    /// Groups of at least two accounts, largest first.
    pub groups: Vec<LinkedGroup>,
    /// Pairs that cannot be one and are joined all the same.
    pub conflicts: Vec<Conflict>,
}

/// Accounts that are one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LinkedGroup {
    /// 1 for the largest.
    pub group: u64,
    /// Accounts.
    pub accounts: u64,
    /// What joined them: names of rules, and `must`.
    pub by: BTreeSet<String>,
    /// Conflicts inside.
    pub conflicts: u64,
    /// The flagged network that most of the accounts belong to.
    pub network: Option<String>,
    /// The share of the accounts that belong to it.
    pub network_share: f64,
    /// Its smallest account, as an example.
    pub example: String,
    /// Its accounts, ascending.
    #[serde(skip)]
    pub members: Vec<AccountId>,
}

/// Two accounts that cannot be one, and the chain that joins them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Conflict {
    /// The one.
    pub first: String,
    /// The other.
    pub second: String,
    /// The links between them.
    pub chain: Vec<Link>,
}

/// Two accounts that were joined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Link {
    /// The one.
    pub first: String,
    /// The other.
    pub second: String,
    /// The rule's name, or `must`.
    pub by: String,
}

/// Joins accounts by rules and lists.
///
/// # Errors
/// [`Error::Usage`] if the lists contradict each other, with the chain, or if a rule has to look at too many pairs;
/// [`Error::Unknown`] for a kind that the store doesn't have; [`Error::NotDetected`] if a rule asks for a class.
pub fn link(dataset: &Dataset, results: Option<&Labelling>, rules: &Rules) -> Result<Linked, Error> {
    let good = Good::of(dataset, &Lists::kept_in(dataset)?, &rules.good)?;
    let (mut joined, pairs) = join_all(dataset, results, rules, &good)?;
    let mut conflicts = Vec::new();
    let mut conflicts_of: BTreeMap<u32, u64> = BTreeMap::new();
    for &(one, other) in &rules.cannot {
        let root = joined.sets.root_of(one.0);
        if root == joined.sets.root_of(other.0) {
            *conflicts_of.entry(root).or_default() += 1;
            let [first, second] = [one, other].map(|account| dataset.label_of(Node::Account(account)));
            conflicts.push(Conflict { first, second, chain: chain_of(dataset, rules, &joined, (one, other)) });
        }
    }
    let mut groups = joined.groups();
    groups.sort_by(|one, other| other.1.len().cmp(&one.1.len()).then(one.1.cmp(&other.1)));
    let groups = groups.into_iter().zip(1u64..).map(|((root, members, sources), group)| {
        let (network, network_share) = flagged_share(results, &members);
        let name = |&source: &u32| rules.rules.get(source as usize).map_or("must".to_owned(), |rule| rule.name.clone());
        LinkedGroup {
            group,
            accounts: members.len() as u64,
            by: sources.iter().map(name).collect(),
            conflicts: conflicts_of.get(&root).copied().unwrap_or(0),
            network,
            network_share,
            example: dataset.label_of(Node::account(members[0])),
            members: members.into_iter().map(AccountId).collect(),
        }
    });
    Ok(Linked { pairs, groups: groups.collect(), conflicts })
}

/// The links between two accounts that were joined.
fn chain_of(dataset: &Dataset, rules: &Rules, joined: &Joined, pair: (AccountId, AccountId)) -> Vec<Link> {
    let shown = |account: u32| dataset.label_of(Node::account(account));
    let by = |source: u32| rules.rules.get(source as usize).map_or("must".to_owned(), |rule| rule.name.clone());
    let links = joined.chain(pair.0.0, pair.1.0).into_iter();
    links.map(|(one, other, source)| Link { first: shown(one), second: shown(other), by: by(source) }).collect()
}

/// Joins by lists, then by rules; the pairs that satisfied each rule.
fn join_all(
    dataset: &Dataset,
    results: Option<&Labelling>,
    rules: &Rules,
    good: &Good,
) -> Result<(Joined, Vec<(String, u64)>), Error> {
    let graph = dataset.linking_graph();
    let mut joined = Joined::new(graph.account_count());
    for &(one, other) in &rules.must {
        joined.join(one.0, other.0, MUST);
    }
    if let Some((one, _)) = rules.cannot.iter().find(|(one, other)| one == other) {
        let account = dataset.label_of(Node::Account(*one));
        return Err(Error::Usage(format!(
            "the list of accounts that cannot be one has {account} with itself: take that line out"
        )));
    }
    if let Some(&pair) = rules.cannot.iter().find(|(one, other)| joined.are_one(one.0, other.0)) {
        let names: Vec<String> = [pair.0, pair.1].map(|account| dataset.label_of(Node::Account(account))).into();
        let chain = chain_of(dataset, rules, &joined, pair);
        let way = chain.iter().fold(names[0].clone(), |way, link| format!("{way} = {}", link.second));
        return Err(Error::Usage(format!(
            "the lists contradict each other: {} and {} cannot be one, and must be: {way}",
            names[0], names[1]
        )));
    }
    let mut pairs = Vec::new();
    for (source, rule) in (0u32..).zip(&rules.rules) {
        let parts = Marked::of(dataset, results, rule, good)?;
        // A pair comes by once for each thing that it shares.
        let mut satisfied: AHashSet<(u32, u32)> = AHashSet::new();
        parts.each_pair(graph, &rule.name, |one, other| {
            let good = good.accounts.contains(&one) || good.accounts.contains(&other);
            if good || satisfied.contains(&(one, other)) || !parts.hold(graph, one, other) {
                return;
            }
            satisfied.insert((one, other));
            joined.join(one, other, source);
        })?;
        pairs.push((rule.name.clone(), satisfied.len() as u64));
    }
    Ok((joined, pairs))
}

/// What links nobody.
struct Good {
    accounts: BTreeSet<u32>,
    identifiers: BTreeSet<u32>,
}

impl Good {
    /// What the store knows as good, and lists, and more.
    fn of(dataset: &Dataset, lists: &Lists, more: &[Node]) -> Result<Self, Error> {
        let allowed = dataset.allowed_by(lists)?;
        let marked = |flags: &[bool]| (0u32..).zip(flags).filter(|&(_, &flag)| flag).map(|(id, _)| id).collect();
        let (mut accounts, mut identifiers): (BTreeSet<u32>, BTreeSet<u32>) =
            (marked(&allowed.accounts), marked(&allowed.identifiers));
        for node in more {
            match node {
                Node::Account(account) => accounts.insert(account.0),
                Node::Identifier(identifier) => identifiers.insert(identifier.0),
            };
        }
        Ok(Good { accounts, identifiers })
    }
}

/// What the must list is called among the sources of links.
const MUST: u32 = u32::MAX;

/// Accounts that were joined, and a forest of the links that did it.
struct Joined {
    sets: DisjointSets,
    links: BTreeMap<u32, Vec<(u32, u32)>>,
}

impl Joined {
    fn new(accounts: usize) -> Self {
        Joined { sets: DisjointSets::new(accounts), links: BTreeMap::new() }
    }

    fn join(&mut self, one: u32, other: u32, source: u32) {
        if self.sets.join(one, other).is_some() {
            self.links.entry(one).or_default().push((other, source));
            self.links.entry(other).or_default().push((one, source));
        }
    }

    fn are_one(&mut self, one: u32, other: u32) -> bool {
        self.sets.root_of(one) == self.sets.root_of(other)
    }

    /// The links from one account to another in its group.
    fn chain(&self, from: u32, to: u32) -> Vec<(u32, u32, u32)> {
        let (mut before, mut open) = (BTreeMap::from([(from, None)]), VecDeque::from([from]));
        while let Some(account) = open.pop_front() {
            for &(next, source) in self.links.get(&account).into_iter().flatten() {
                before.entry(next).or_insert_with(|| {
                    open.push_back(next);
                    Some((account, source))
                });
            }
        }
        let (mut chain, mut at) = (Vec::new(), to);
        while let Some(&Some((account, source))) = before.get(&at) {
            chain.push((account, at, source));
            at = account;
        }
        chain.reverse();
        chain
    }

    /// Root, accounts and sources of each group, ascending by root.
    fn groups(&mut self) -> Vec<(u32, Vec<u32>, BTreeSet<u32>)> {
        let mut groups: BTreeMap<u32, (Vec<u32>, BTreeSet<u32>)> = BTreeMap::new();
        for (&account, links) in &self.links {
            let (members, sources) = groups.entry(self.sets.root_of(account)).or_default();
            members.push(account);
            sources.extend(links.iter().map(|&(_, source)| source));
        }
        groups.into_iter().map(|(root, (members, sources))| (root, members, sources)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::store_of_events;
    use crate::ties::shared;
    use graph::IdentifierId;
    use proptest::prelude::*;

    fn rules(texts: &[&str]) -> Rules {
        let rules = texts.iter().enumerate().map(|(at, text)| Rule::parse(&format!("r{at}"), text).unwrap());
        Rules { rules: rules.collect(), ..Rules::default() }
    }

    fn pair(one: u32, other: u32) -> (AccountId, AccountId) {
        (AccountId(one), AccountId(other))
    }

    fn groups_of(linked: &Linked) -> Vec<Vec<u32>> {
        linked.groups.iter().map(|group| group.members.iter().map(|account| account.0).collect()).collect()
    }

    #[test]
    fn lists_that_contradict_each_other_are_an_error_with_the_chain_and_rules_a_conflict() {
        let folder = tempfile::tempdir().unwrap();
        // Accounts 0 and 1 share an address and a template, 1 and 2 as well, 3 nothing.
        let rows = [(0, 1, 1, 1), (1, 1, 1, 2), (1, 2, 2, 3), (2, 2, 2, 4), (3, 9, 9, 5)];
        let dataset = Dataset::open(&store_of_events(folder.path(), "store", &rows)).unwrap();
        let must = Rules { must: vec![pair(0, 1), pair(1, 3)], cannot: vec![pair(0, 3)], ..Rules::default() };
        let error = link(&dataset, None, &must).unwrap_err().to_string();
        assert!(error.contains("account:acct0000 = account:acct0001 = account:acct0003"), "{error}");
        let ruled = Rules { cannot: vec![pair(0, 2), pair(0, 3)], ..rules(&["ip and template"]) };
        let linked = link(&dataset, None, &ruled).unwrap();
        assert_eq!(groups_of(&linked), [vec![0, 1, 2]]);
        assert_eq!((linked.conflicts.len(), linked.groups[0].conflicts), (1, 1));
        assert_eq!(linked.conflicts[0].chain.iter().map(|link| link.by.as_str()).collect::<Vec<_>>(), ["r0", "r0"]);
        // What is known-good links nobody.
        let good = Rules { good: vec![dataset.node("ip:198.51.100.2").unwrap()], ..rules(&["ip and template"]) };
        assert_eq!(groups_of(&link(&dataset, None, &good).unwrap()), [vec![0, 1]]);
        assert!(matches!(link(&dataset, None, &rules(&["card"])), Err(Error::Unknown { .. })));
        assert!(matches!(link(&dataset, None, &rules(&["ip(accounts <= 2)"])), Err(Error::NotDetected { .. })));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Against all pairs of accounts.
        #[test]
        fn groups_are_what_the_rule_says_of_all_pairs(
            rows in prop::collection::vec((0u32..9, 1u32..7, 0u32..5, 0u32..100), 1..40),
            needed in 1usize..3,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let dataset = Dataset::open(&store_of_events(folder.path(), "store", &rows)).unwrap();
            let linked = link(&dataset, None, &rules(&[&format!("{needed} of {{ip, prompt_template_hash}}")])).unwrap();
            let graph = dataset.graph();
            let mut group_of: Vec<usize> = (0..graph.account_count()).collect();
            let mut pairs = 0;
            for one in 0..graph.account_count() {
                for other in 0..one {
                    let rows = [one, other].map(|account| graph.identifiers_of(AccountId(account as u32)));
                    let kinds: BTreeSet<_> = shared(rows[0], rows[1]).map(|id| graph.kind_of(IdentifierId(id))).collect();
                    if kinds.len() >= needed {
                        pairs += 1;
                        let (from, to) = (group_of[one], group_of[other]);
                        group_of.iter_mut().filter(|group| **group == from).for_each(|group| *group = to);
                    }
                }
            }
            let mut expected: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
            (0u32..).zip(&group_of).for_each(|(account, &group)| expected.entry(group).or_default().push(account));
            let expected: BTreeSet<Vec<u32>> = expected.into_values().filter(|group| group.len() > 1).collect();
            prop_assert_eq!(groups_of(&linked).into_iter().collect::<BTreeSet<_>>(), expected);
            prop_assert_eq!(linked.pairs[0].1, pairs);
        }

        /// Against all pairs of accounts and their times.
        #[test]
        fn a_window_joins_whoever_had_it_no_further_apart(
            rows in prop::collection::vec((0u32..9, 1u32..4, 0u32..5, 0u32..100), 1..30),
            window in 1u32..40,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let dataset = Dataset::open(&store_of_events(folder.path(), "store", &rows)).unwrap();
            let linked = link(&dataset, None, &rules(&[&format!("ip within {window}s")])).unwrap();
            let graph = dataset.graph();
            let mut seen: BTreeMap<(u32, u32), Vec<u32>> = BTreeMap::new();
            for account in 0..graph.account_count() as u32 {
                for sighting in graph.sightings_of(AccountId(account)) {
                    let spans = seen.entry((account, sighting.identifier.0)).or_default();
                    spans.extend([sighting.first_seen, sighting.last_seen]);
                }
            }
            let ips: BTreeSet<u32> = graph.identifiers_of_kind(dataset.kind("ip").unwrap()).collect();
            let near = |one: &[u32], other: &[u32]| one[0] <= other[1] + window && other[0] <= one[1] + window;
            let mut pairs: BTreeSet<(u32, u32)> = BTreeSet::new();
            for (&(one, identifier), spans) in &seen {
                for (&(other, _), span) in seen.range((one + 1, 0)..).filter(|((_, id), _)| *id == identifier && ips.contains(id)) {
                    if near(spans, span) {
                        pairs.insert((one, other));
                    }
                }
            }
            prop_assert_eq!(linked.pairs[0].1, pairs.len() as u64);
            let mut joined = Joined::new(graph.account_count());
            pairs.iter().for_each(|&(one, other)| joined.join(one, other, 0));
            let groups: BTreeSet<Vec<u32>> = joined.groups().into_iter().map(|(_, members, _)| members).collect();
            prop_assert_eq!(groups_of(&linked).into_iter().collect::<BTreeSet<_>>(), groups);
        }
    }
}
