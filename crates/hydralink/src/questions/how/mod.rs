//! What joined a network, in which order, and what would it be without the identifier that holds it together?
//!
//! 1. *Ties*: the bits between two members by the rule of detection ([`crate::ties`]). Up to [`EXACT_MEMBERS`] members every
//!    pair is looked at; above, the pairs that stand next to each other on some identifier, which join whatever identifiers
//!    join.
//! 2. *Joins*: a maximum spanning tree of the ties (Kruskal 1956, doi:10.1090/S0002-9939-1956-0078686-7), strongest first: its
//!    edges are the merges of the single-linkage dendrogram (Gower & Ross 1969, doi:10.2307/2346439). Cut at any number of
//!    bits, it gives the groups that ties of that many bits and more hold together.
//! 3. *Held by*: leave one identifier out. A member is *lost* if its tie to the network is then no longer enough (the test of
//!    detection's fragility; for each member the [`evidence::members::LEFT_OUT`] strongest identifiers are tried, as only they
//!    can matter); the network falls into *pieces*: components of the members that stay over the network's other identifiers.
//! 4. *Separating accounts*: those without which the network falls apart, as one that two operators share.
//! 5. *Enough*: a few identifiers that tie every member alone, none of which could be left out (module `enough`).
//! 6. *Beside*: other networks that have identifiers of this one (module `beside`).
//! 7. *Kept out*: the hubs of its members, and what it would be if they linked (module `hubs`).
//!
//! Cost: O(what pairs share) up to [`EXACT_MEMBERS`] members, above O(pairs * row), and O(sightings of the network) once
//! for all identifiers that are tried.

use std::cmp::Reverse;

use graph::{AccountId, IdentifierId};
use petgraph::unionfind::UnionFind;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::cohesion::{self, SeparatingAccount};
use crate::dataset::Dataset;
use crate::error::Error;
use crate::node::Node;
use crate::results::Labelling;
use crate::ties::Ties;

mod beside;
mod common;
mod enough;
mod hubs;
mod pairs;
mod pieces;

pub use beside::Beside;
use beside::beside;
use common::Common;
pub use hubs::KeptOut;
use hubs::kept_out;
use pairs::Ranked;
use pieces::{LeftOut, pieces};

/// Up to this many members all pairs are looked at: two million.
pub const EXACT_MEMBERS: usize = 2_000;
/// Identifiers that [`How::held_by`] tries; all of them would say little of the rest.
const TRIED: usize = 50;
/// Identifiers that a join names.
const NAMED: usize = 3;
/// Heights at which the dendrogram is cut.
const LEVELS: usize = 8;

/// How a network hangs together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct How {
    /// The network.
    pub network: String,
    /// Its accounts, core and fringe.
    pub accounts: u64,
    /// Whether every pair was looked at.
    pub exact: bool,
    /// Bits that two kinds of shared identifiers must carry to tie two accounts that nothing else joins.
    pub tie_needs: f64,
    /// The same of one kind alone, which nothing corroborates.
    pub tie_needs_of_one_kind: f64,
    /// Bits that tie one account to a network of this size, of two kinds: a group has fewer rivals than a pair.
    pub membership_needs: f64,
    /// The same of one kind alone.
    pub membership_needs_of_one_kind: f64,
    /// Groups at some heights of the dendrogram, strongest ties first.
    pub levels: Vec<Level>,
    /// The merges, strongest first: one less than the accounts if all hang together.
    pub joins: Vec<Join>,
    /// The identifiers without which it would lose most: at most 50.
    pub held_by: Vec<HeldBy>,
    /// Identifiers without one of which members are lost, or (of those in `held_by`) the rest falls into several pieces.
    #[serde(default)]
    pub fragile: u64,
    /// The accounts on which parts of it hang. Of more than [`EXACT_MEMBERS`] accounts only [`crate::cohesion`] finds them, which
    /// takes longer and more memory.
    pub separating_accounts: Option<Vec<SeparatingAccount>>,
    /// How many such accounts there are, of which the first twenty are named.
    #[serde(default)]
    pub separating: Option<u64>,
    /// What of all that is enough.
    pub enough: Enough,
    /// Other networks that have at least two of its identifiers, those with most of them first: pieces of the same operator's, or
    /// neighbours.
    pub beside: Vec<Beside>,
    /// Hubs that several of its accounts share and that brought nobody in, those first that would have brought most: at most 50.
    #[serde(default)]
    pub kept_out: Vec<KeptOut>,
}

/// A few identifiers that tie every member to the network by the rule of detection; without any of them some member would not be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Enough {
    /// Members that they tie: all that everything together ties.
    pub accounts: u64,
    /// Sightings of members with them.
    pub sightings: u64,
    /// Sightings of members with any identifier that says something.
    pub of_sightings: u64,
    /// Identifiers that members share and that say something.
    pub of_identifiers: u64,
    /// The identifiers, those of most members first.
    pub identifiers: Vec<EnoughOf>,
}

/// One of the identifiers that are enough.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EnoughOf {
    /// `KIND:VALUE`.
    pub identifier: String,
    /// Members seen with it.
    pub members: u64,
    /// All accounts seen with it.
    pub accounts: u64,
    /// Bits that it says for a member.
    pub bits: f64,
}

/// The groups that ties of so many bits and more hold together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Level {
    /// Bits.
    pub bits: f64,
    /// Groups, single accounts not counted.
    pub groups: u64,
    /// Accounts of the largest.
    pub largest: u64,
    /// Accounts in any group.
    pub joined: u64,
}

/// Two groups that came together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Join {
    /// Bits of the tie.
    pub bits: f64,
    /// The tied account of the one group.
    pub first: String,
    /// The tied account of the other.
    pub second: String,
    /// Accounts of the two groups before.
    pub accounts: (u64, u64),
    /// Identifiers that the two accounts share, the most telling first, at most three.
    pub by: Vec<String>,
    /// Identifiers that they share in all.
    pub shared: u64,
}

/// What the network would be without one identifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HeldBy {
    /// `KIND:VALUE`.
    pub identifier: String,
    /// Class.
    pub class: String,
    /// Members seen with it.
    pub members: u64,
    /// All accounts seen with it.
    pub accounts: u64,
    /// Bits of sharing it.
    pub bits: f64,
    /// Members whose tie to the network is not enough without it.
    pub members_lost: u64,
    /// Pieces of two and more that the others fall into.
    pub pieces: u64,
    /// Accounts of the largest piece.
    pub largest_piece: u64,
}

/// Explains how a network hangs together: as the detection kept it of flagged ones, else found as above.
///
/// # Errors
/// As [`Ties::of`]; [`Error::StoreDamaged`] if what was kept can't be read.
pub fn how(dataset: &Dataset, results: &Labelling, network: usize) -> Result<How, Error> {
    results.check_network(dataset, network)?;
    match results.details.how(dataset, network)? {
        Some(kept) => Ok(kept),
        None => found(dataset, results, network),
    }
}

impl How {
    /// The same, kept with names as stored, in the words of a level.
    pub(crate) fn shown(mut self, dataset: &Dataset) -> Self {
        let naming = dataset.naming();
        if naming.is_full() {
            return self;
        }
        let account = |name: &mut String| *name = naming.account(name).into_owned();
        let identifier = |label: &mut String| *label = naming.labelled(dataset, label);
        for join in &mut self.joins {
            [&mut join.first, &mut join.second].into_iter().for_each(account);
            join.by.iter_mut().for_each(identifier);
        }
        self.held_by.iter_mut().for_each(|held| identifier(&mut held.identifier));
        self.kept_out.iter_mut().for_each(|hub| identifier(&mut hub.identifier));
        self.separating_accounts.iter_mut().flatten().for_each(|separating| account(&mut separating.account_id));
        self.enough.identifiers.iter_mut().for_each(|enough| identifier(&mut enough.identifier));
        self
    }
}

fn found(dataset: &Dataset, results: &Labelling, network: usize) -> Result<How, Error> {
    let ties = Ties::of(dataset, results)?;
    let members = results.belonging(network);
    let common = Common::of(&ties, network, &members);
    let tree = spanning_tree(&common);
    let exact = members.len() <= EXACT_MEMBERS;
    let separating = exact.then(|| cohesion::separating_accounts(dataset, &ties, &members)).transpose()?;
    let (held_by, fragile) = held_by(&common, dataset, results);
    let (needed, others) = (|corroborated, size| ties.terms().needed(corroborated, size), common.others());
    Ok(How {
        network: results.head(network).id.clone(),
        accounts: members.len() as u64,
        exact,
        tie_needs: needed(true, 1),
        tie_needs_of_one_kind: needed(false, 1),
        membership_needs: needed(true, others),
        membership_needs_of_one_kind: needed(false, others),
        levels: levels(&tree, members.len()),
        joins: joins(&common, dataset, &members, &tree),
        held_by,
        fragile,
        separating: separating.as_ref().map(|(_, all)| *all),
        separating_accounts: separating.map(|(named, _)| named),
        enough: enough_of(&common, dataset),
        beside: beside(&ties, &common.group, network),
        kept_out: kept_out(&ties, &common.group, members.len() as u64),
    })
}

/// The identifiers on which something hangs: without one of them members are lost, or the rest falls into several pieces. Worst
/// first, and how many there are.
///
/// # Errors
/// As [`Ties::of`].
pub fn fragile(dataset: &Dataset, results: &Labelling, network: usize) -> Result<(Vec<HeldBy>, u64), Error> {
    results.check_network(dataset, network)?;
    let (held, all) = match results.details.how(dataset, network)? {
        Some(kept) => (kept.held_by, kept.fragile),
        None => {
            let ties = Ties::of(dataset, results)?;
            held_by(&Common::of(&ties, network, &results.belonging(network)), dataset, results)
        }
    };
    Ok((held.into_iter().filter(HeldBy::is_fragile).collect(), all))
}

impl HeldBy {
    /// Whether something hangs on it.
    pub(crate) fn is_fragile(&self) -> bool {
        self.members_lost > 0 || self.pieces > 1
    }
}

/// The identifiers that are enough to tie the members of a network, ascending, each with the bits of sharing it: see [`Enough`].
///
/// # Errors
/// As [`Ties::of`].
pub(crate) fn enough_for(dataset: &Dataset, results: &Labelling, network: usize) -> Result<Vec<(u32, f64)>, Error> {
    let ties = Ties::of(dataset, results)?;
    let common = Common::of(&ties, network, &results.belonging(network));
    let places = enough::enough(&common).places.into_iter();
    Ok(places.map(|place| (common.identifiers[place as usize], common.bits[place as usize])).collect())
}

fn enough_of(common: &Common<'_, '_>, dataset: &Dataset) -> Enough {
    let enough::Chosen { mut places, members } = enough::enough(common);
    places.sort_by_key(|&place| (Reverse(common.counts[place as usize]), place));
    let row = |&place: &u32| {
        let id = IdentifierId(common.identifiers[place as usize]);
        EnoughOf {
            identifier: dataset.label_of(Node::Identifier(id)),
            members: common.counts[place as usize],
            accounts: dataset.linking_graph().identifier_degree(id) as u64,
            bits: common.ballot(place),
        }
    };
    let identifiers: Vec<EnoughOf> = places.iter().map(row).collect();
    Enough {
        accounts: members,
        sightings: identifiers.iter().map(|identifier| identifier.members).sum(),
        of_sightings: common.counts.iter().sum(),
        of_identifiers: common.identifiers.len() as u64,
        identifiers,
    }
}

/// A tie between two members, as positions in the list of members.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Edge {
    bits: f64,
    first: u32,
    second: u32,
}

/// Kruskal: the strongest ties that join two groups, strongest first, ties of equal bits by the lower accounts.
fn spanning_tree(common: &Common<'_, '_>) -> Vec<Edge> {
    let ranked = Ranked::of(common);
    let mut edges = if common.rows.len() <= EXACT_MEMBERS { ranked.all() } else { ranked.neighbouring() };
    edges.par_sort_unstable_by(|a, b| b.bits.total_cmp(&a.bits).then((a.first, a.second).cmp(&(b.first, b.second))));
    let mut groups = UnionFind::<u32>::new(common.rows.len());
    edges.retain(|edge| groups.union(edge.first, edge.second));
    edges
}

/// Walks the tree from its strongest edge and tells, after each, the sizes of the two groups that it joined.
fn merge<'t>(tree: &'t [Edge], members: usize) -> impl Iterator<Item = (&'t Edge, (u64, u64))> + 't {
    let mut groups = UnionFind::<u32>::new(members);
    let mut sizes = vec![1u64; members];
    tree.iter().map(move |edge| {
        let (left, right) = (groups.find(edge.first), groups.find(edge.second));
        let before = (sizes[left as usize], sizes[right as usize]);
        groups.union(left, right);
        sizes[groups.find(left) as usize] = before.0 + before.1;
        (edge, before)
    })
}

fn levels(tree: &[Edge], members: usize) -> Vec<Level> {
    let (mut groups, mut joined, mut largest) = (0u64, 0u64, 0u64);
    let mut all: Vec<Level> = Vec::new();
    for (edge, (left, right)) in merge(tree, members) {
        match (left, right) {
            (1, 1) => (groups, joined) = (groups + 1, joined + 2),
            (1, _) | (_, 1) => joined += 1,
            _ => groups -= 1,
        }
        largest = largest.max(left + right);
        // Ties of equal bits come in together.
        if all.last().is_some_and(|level| level.bits == edge.bits) {
            all.pop();
        }
        all.push(Level { bits: edge.bits, groups, largest, joined });
    }
    let last = all.len().saturating_sub(1);
    let mut chosen: Vec<usize> = (1..=LEVELS).map(|level| last * level / LEVELS).collect();
    chosen.dedup();
    chosen.into_iter().filter_map(|at| all.get(at).copied()).collect()
}

fn joins(common: &Common<'_, '_>, dataset: &Dataset, members: &[AccountId], tree: &[Edge]) -> Vec<Join> {
    let join = |(edge, accounts): (&Edge, (u64, u64))| {
        let name = |position: u32| dataset.shown_account(members[position as usize]).into_owned();
        let mut by: Vec<u32> = common.shared_by(edge.first, edge.second).collect();
        by.sort_by(|&a, &b| common.bits[b as usize].total_cmp(&common.bits[a as usize]).then(a.cmp(&b)));
        let label = |&place: &u32| dataset.label_of(Node::Identifier(IdentifierId(common.identifiers[place as usize])));
        Join {
            bits: edge.bits,
            first: name(edge.first),
            second: name(edge.second),
            accounts,
            by: by.iter().take(NAMED).map(label).collect(),
            shared: by.len() as u64,
        }
    };
    merge(tree, members.len()).map(join).collect()
}

/// Leaves out, one at a time, the identifiers that members need most or that most members have; and counts those on which something
/// hangs.
fn held_by(common: &Common<'_, '_>, dataset: &Dataset, results: &Labelling) -> (Vec<HeldBy>, u64) {
    let graph = dataset.linking_graph();
    let needed: Vec<Vec<u32>> = (0..common.rows.len() as u32).into_par_iter().map(|member| common.needed_by(member)).collect();
    // By identifier, the members that are lost without it.
    let mut lost = vec![Vec::new(); common.identifiers.len()];
    for (position, needed) in needed.iter().enumerate() {
        needed.iter().for_each(|&place| lost[place as usize].push(position as u32));
    }
    let mut order: Vec<u32> = (0..common.identifiers.len() as u32).filter(|&place| common.counts[place as usize] > 0).collect();
    order.sort_by_key(|&place| (Reverse(lost[place as usize].len()), Reverse(common.counts[place as usize])));
    order.truncate(TRIED);
    let losing = lost.iter().filter(|lost| !lost.is_empty()).count();
    let tried: Vec<LeftOut> =
        order.iter().map(|&place| LeftOut { place, gone: std::mem::take(&mut lost[place as usize]) }).collect();
    let held_by = |(left_out, pieces): (&LeftOut, Vec<u64>)| {
        let id = IdentifierId(common.identifiers[left_out.place as usize]);
        HeldBy {
            identifier: dataset.label_of(Node::Identifier(id)),
            class: results.class_of(id).to_owned(),
            members: common.counts[left_out.place as usize],
            accounts: graph.identifier_degree(id) as u64,
            bits: common.bits[left_out.place as usize],
            members_lost: left_out.gone.len() as u64,
            pieces: pieces.len() as u64,
            largest_piece: pieces.first().copied().unwrap_or(0),
        }
    };
    let held: Vec<HeldBy> = tried.iter().zip(pieces(&common.rows, common.identifiers.len(), &tried)).map(held_by).collect();
    let splitting = held.iter().filter(|held| held.members_lost == 0 && held.is_fragile()).count();
    (held, (losing + splitting) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(bits: f64, first: u32, second: u32) -> Edge {
        Edge { bits, first, second }
    }

    #[test]
    fn a_chain_of_joins_counts_its_groups() {
        // 0-1 at 9 bits, 2-3 at 8, the two pairs at 5, and 4 at 2.
        let tree = [edge(9.0, 0, 1), edge(8.0, 2, 3), edge(5.0, 1, 2), edge(2.0, 3, 4)];
        let sizes: Vec<(u64, u64)> = merge(&tree, 5).map(|(_, sizes)| sizes).collect();
        assert_eq!(sizes, [(1, 1), (1, 1), (2, 2), (4, 1)]);
        let levels = levels(&tree, 5);
        let last = levels[levels.len() - 1];
        assert_eq!((last.bits, last.groups, last.largest, last.joined), (2.0, 1, 5, 5));
        assert!(levels.iter().any(|level| (level.bits, level.groups, level.joined) == (8.0, 2, 4)));
    }

    #[test]
    fn ties_of_equal_bits_are_one_level() {
        let tree = [edge(4.0, 0, 1), edge(4.0, 2, 3), edge(4.0, 1, 2), edge(2.0, 3, 4)];
        let found: Vec<(f64, u64, u64)> =
            levels(&tree, 5).into_iter().map(|level| (level.bits, level.groups, level.largest)).collect();
        assert_eq!(found, [(4.0, 1, 4), (2.0, 1, 5)]);
    }
}
