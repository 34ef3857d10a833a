//! How tightly does a network hold together?
//!
//! Of the accounts of a network (core and fringe) and the identifiers that say something of two of them by the rule of
//! detection ([`crate::ties`]):
//!
//! - *cores*: the largest part in which each account has `k` identifiers and each identifier `k` accounts, for every `k`; and
//!   the (alpha, beta)-core for two numbers of one's choice ([`graph::cores`]);
//! - *butterflies*: pairs of accounts with pairs of identifiers that both were seen with, and the share of the chances for one
//!   that was taken ([`graph::butterflies`](mod@graph::butterflies));
//! - *bridges, articulation accounts and identifiers, blocks*: what would come apart
//!   ([`graph::cohesion`](mod@graph::cohesion)), by name, with what would be left. An account on which two parts hang may be all
//!   that two operators have in common.
//!
//! A class or an office hangs on one address: no cores beyond the first, no butterflies, one articulation. Cost: the sightings
//! of the network, once more for each account and identifier that is named, and for butterflies O(sum of the smaller degree of
//! each).
//!
//! ```
//! # let (_folder, store) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/example_store.rs"));
//! use hydralink::{Dataset, cohesion::cohesion, how};
//!
//! let dataset = Dataset::open(&store)?;
//! let labels = dataset.labelling()?;
//! let strongest = dataset.network_index(&labels, "1")?;
//! let found = cohesion(&dataset, &labels, strongest, 2, 3)?;
//! println!("{} butterflies, {} cores", found.butterflies, found.cores.len());
//! assert!(found.alpha_beta_core.accounts <= found.accounts);
//! let held = how::how(&dataset, &labels, strongest)?;
//! println!("{} identifiers are enough to tie it", held.enough.identifiers.len());
//! # Ok::<(), hydralink::Error>(())
//! ```

mod splits;

use std::cmp::Reverse;
use std::collections::BTreeSet;

use graph::build::graph_from_sightings;
use graph::{AccountId, BipartiteGraph, IdentifierFilter, IdentifierId, Sighting};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;
use crate::error::Error;
use crate::node::Node;
use crate::results::Labelling;
use crate::ties::Ties;

/// Identifiers, accounts and sightings that are named.
const NAMED: usize = 20;

/// How a network holds together.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Cohesion {
    /// The network.
    pub network: String,
    /// Its accounts, core and fringe.
    pub accounts: u64,
    /// Identifiers that say something of at least two of them.
    pub identifiers: u64,
    /// Sightings between these.
    pub sightings: u64,
    /// The (k, k)-cores, from 1 to the innermost.
    pub cores: Vec<Core>,
    /// The (alpha, beta)-core asked for.
    pub alpha_beta_core: Core,
    /// Pairs of accounts with pairs of identifiers that both were seen with.
    pub butterflies: u64,
    /// The share of paths of three sightings that a fourth closes, 0 to 1.
    pub clustering: f64,
    /// Components.
    pub components: u64,
    /// Blocks: parts that no single account or identifier separates.
    pub blocks: u64,
    /// Sightings in the largest block.
    pub largest_block: u64,
    /// Accounts in the largest block.
    pub largest_block_accounts: u64,
    /// Sightings whose loss would split a component.
    pub bridges: u64,
    /// Accounts whose loss would split a component.
    pub articulation_accounts: u64,
    /// Identifiers whose loss would split a component.
    pub articulation_identifiers: u64,
    /// Those of them with most accounts of the network.
    pub separating: Vec<Separating>,
    /// Of the accounts whose loss would split a component, those with most identifiers of the network.
    pub separating_accounts: Vec<SeparatingAccount>,
    /// Of the sightings whose loss would split a component, those that would cut most accounts off.
    pub bridging: Vec<Bridging>,
}

/// A core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Core {
    /// Identifiers of the core that each account has at least.
    pub alpha: u32,
    /// Accounts of the core that each identifier has at least.
    pub beta: u32,
    /// Accounts in it.
    pub accounts: u64,
    /// Identifiers in it.
    pub identifiers: u64,
}

/// An identifier that separates a part of the network from the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Separating {
    /// `KIND:VALUE`.
    pub identifier: String,
    /// Accounts of the network seen with it.
    pub members: u64,
    /// Pieces with accounts in them that the network is without it.
    pub pieces: u64,
    /// Accounts of the largest.
    pub largest: u64,
}

/// An account that separates a part of the network from the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SeparatingAccount {
    /// The account.
    pub account_id: String,
    /// Identifiers of the network that it was seen with.
    pub identifiers: u64,
    /// Pieces with accounts in them that the network is without it.
    pub pieces: u64,
    /// Accounts of the largest.
    pub largest: u64,
}

/// A sighting that alone joins two parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Bridging {
    /// The account.
    pub account_id: String,
    /// What it was seen with, as `KIND:VALUE`.
    pub identifier: String,
    /// Accounts of the smaller part.
    pub cut_off: u64,
}

/// Measures how a network holds together.
///
/// # Errors
/// As [`Ties::of`].
pub fn cohesion(dataset: &Dataset, results: &Labelling, network: usize, alpha: u32, beta: u32) -> Result<Cohesion, Error> {
    results.check_network(dataset, network)?;
    let ties = Ties::of(dataset, results)?;
    let members = results.belonging(network);
    let (graph, names) = inside(dataset, &ties, &members)?;
    let all = IdentifierFilter::default();
    let numbers = graph::core_numbers(&graph, &all);
    let at_least = |numbers: &[u32], k: u32| numbers.iter().filter(|&&number| number >= k).count() as u64;
    let innermost = numbers.accounts.iter().copied().max().unwrap_or(0);
    let core = |k: u32| Core {
        alpha: k,
        beta: k,
        accounts: at_least(&numbers.accounts, k),
        identifiers: at_least(&numbers.identifiers, k),
    };
    let found = graph::alpha_beta_core(&graph, &all, alpha, beta);
    let butterflies = graph::butterflies(&graph);
    let held = graph::cohesion(&graph, &all);
    let components = graph::bipartite_components(&graph, &all);
    let in_largest = |&account: &AccountId| graph.sighting_range(account).any(|sighting| held.block_of[sighting] == 0);
    let accounts = (0..graph.account_count() as u32).map(AccountId);
    let mut separating: Vec<(Reverse<usize>, IdentifierId)> =
        held.articulation_identifiers.iter().map(|&id| (Reverse(graph.identifier_degree(id)), id)).collect();
    separating.sort_unstable();
    let label = |id: IdentifierId| dataset.label_of(Node::Identifier(names[id.index()]));
    let named = separating.iter().take(NAMED).map(|&(Reverse(members), id)| {
        let splits::Left { pieces, largest } = splits::without_identifier(&graph, id);
        Separating { identifier: label(id), members: members as u64, pieces, largest }
    });
    let shown = |account: AccountId| dataset.shown_account(members[account.index()]).into_owned();
    let bridging = splits::bridges(&graph, &held).into_iter().take(NAMED);
    let bridging = bridging.map(|(account, identifier, cut_off)| Bridging {
        account_id: shown(account),
        identifier: label(identifier),
        cut_off,
    });
    Ok(Cohesion {
        network: results.head(network).id.clone(),
        accounts: members.len() as u64,
        identifiers: graph.identifier_count() as u64,
        sightings: graph.sighting_count() as u64,
        cores: (1..=innermost).map(core).collect(),
        alpha_beta_core: Core {
            alpha,
            beta,
            accounts: found.accounts.len() as u64,
            identifiers: found.identifiers.len() as u64,
        },
        butterflies: butterflies.count,
        clustering: butterflies.clustering(),
        components: components.group_count() as u64,
        blocks: held.block_sizes.len() as u64,
        largest_block: held.block_sizes.first().copied().unwrap_or(0).into(),
        largest_block_accounts: accounts.filter(in_largest).count() as u64,
        bridges: held.bridges.len() as u64,
        articulation_accounts: held.articulation_accounts.len() as u64,
        articulation_identifiers: held.articulation_identifiers.len() as u64,
        separating: named.collect(),
        separating_accounts: cutting(&graph, &held, shown),
        bridging: bridging.collect(),
    })
}

/// The accounts of a network whose loss would split it, those with most of its identifiers first, twenty at most; and how many there
/// are.
pub(crate) fn separating_accounts(
    dataset: &Dataset,
    ties: &Ties<'_>,
    members: &[AccountId],
) -> Result<(Vec<SeparatingAccount>, u64), Error> {
    let (graph, _) = inside(dataset, ties, members)?;
    let held = graph::cohesion(&graph, &IdentifierFilter::default());
    let named = cutting(&graph, &held, |account| dataset.shown_account(members[account.index()]).into_owned());
    Ok((named, held.articulation_accounts.len() as u64))
}

fn cutting(graph: &BipartiteGraph, held: &graph::Cohesion, shown: impl Fn(AccountId) -> String) -> Vec<SeparatingAccount> {
    let mut accounts = held.articulation_accounts.clone();
    accounts.sort_by_key(|&account| (Reverse(graph.account_degree(account)), account));
    let separating = accounts.iter().take(NAMED).map(|&account| {
        let splits::Left { pieces, largest } = splits::without_account(graph, account);
        let identifiers = graph.account_degree(account) as u64;
        SeparatingAccount { account_id: shown(account), identifiers, pieces, largest }
    });
    separating.collect()
}

/// The graph of these accounts and of the identifiers that say something of two of them, with the numbers that its identifiers
/// have in the store.
fn inside(dataset: &Dataset, ties: &Ties<'_>, members: &[AccountId]) -> Result<(BipartiteGraph, Vec<IdentifierId>), Error> {
    let whole = dataset.linking_graph();
    let mut seen: Vec<u32> = members.iter().flat_map(|&account| whole.identifiers_of(account)).copied().collect();
    seen.par_sort_unstable();
    let of_two = seen.chunk_by(|a, b| a == b).filter(|run| run.len() > 1).map(|run| IdentifierId(run[0]));
    let names: Vec<IdentifierId> = of_two.filter(|&identifier| ties.bits_of(identifier) > 0.0).collect();
    // By identifier of the store, one more than its number here.
    let mut numbers = vec![0u32; whole.identifier_count()];
    names.iter().zip(1..).for_each(|(identifier, number)| numbers[identifier.index()] = number);
    let mut kind_starts = vec![0u32];
    let kinds: BTreeSet<_> = names.iter().map(|&identifier| whole.kind_of(identifier)).collect();
    for kind in kinds {
        let of_kind = names.iter().filter(|&&identifier| whole.kind_of(identifier) == kind).count() as u32;
        kind_starts.push(kind_starts[kind_starts.len() - 1] + of_kind);
    }
    let sightings = members.iter().zip(0u32..).flat_map(|(&account, number)| {
        let numbers = &numbers;
        whole.sightings_of(account).filter_map(move |sighting| {
            let identifier = IdentifierId(numbers[sighting.identifier.index()].checked_sub(1)?);
            Some(Sighting { account: AccountId(number), identifier, ..sighting })
        })
    });
    Ok((graph_from_sightings(sightings.collect(), members.len(), kind_starts)?, names))
}
