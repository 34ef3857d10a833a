//! Who else is close to some accounts that are known to be bad?
//!
//! 1. *Walk*: a random walk that starts at the seeds and returns to them with probability [`RETURN`] at every step, on the
//!    graph of accounts and identifiers in which an edge weighs the bits of its identifier ([`crate::ties`]): personalised
//!    PageRank, by *forward push*. A vertex holds an estimate `p` and a residual `r`; while some `r(v) > epsilon * vol(v)`, a
//!    share [`RETURN`] of `r(v)` moves to `p(v)` and the rest to the neighbours in proportion to weight. At the end `0 <=
//!    ppr(v) - p(v) <= epsilon * vol(v)`, and the work is at most `1 / (RETURN * epsilon)` bits of edges, whatever the size of
//!    the store.
//! 2. *Sweep*: vertices by `p(v) / vol(v)`, most first; of all prefixes `S` the one of least conductance is the seeds' cluster:
//!    `conductance(S) = cut(S, rest) / min(vol(S), vol(rest))`, where `vol` sums the bits of edges.
//!
//! 3. *Rank*: by the worse of two places, by `p(v)` and by `p(v) / vol(v)`; those of the cluster first. By the second alone a
//!    customer whose one address is an exit of the seeds' network is as close as that address, and comes before the network's
//!    accounts, each of which has a hundred identifiers, some of them far from the seeds; by the first alone whoever has very much
//!    comes early.
//! 4. *Known-good accounts*: the same walk from them gives `t(v) = p'(v) / vol(v)`, the trust of SybilRank (degree-normalised,
//!    a walk that returns where SybilRank's ends early). The *leaning* `s / (s + t)`, `s = p(v) / vol(v)`, is how likely a
//!    walker that is met here set out from the bad ones, had both the same chance. Places are by `p(v)` and by `s`, times the
//!    leaning; what leans to the good side (less than a half) comes last, and the sweep leaves it out.
//!
//! The score of an account is its `p(v) / vol(v)`, times its leaning, over that of the closest seed: 1 is as close as a seed. It is
//! no probability, and says nothing of guilt by itself: `why` says what an account shares.
//!
//! Reference: Andersen, Chung, Lang (2006), Local graph partitioning using PageRank vectors, doi:10.1109/FOCS.2006.44; Cao,
//! Sirivianos, Yang, Pregueiro (2012), Aiding the detection of fake accounts in large scale social online services, NSDI.

use std::cell::Cell;
use std::collections::VecDeque;

use graph::{AccountId, BipartiteGraph, IdentifierId};
use rayon::prelude::*;
use serde::Serialize;

use crate::dataset::Dataset;
use crate::error::Error;
use crate::node::Node;
use crate::query;
use crate::results::Labelling;
use crate::ties::Ties;

/// Probability of a return to the seeds at each step; the usual value (Andersen et al. use 0.1 to 0.2).
pub const RETURN: f64 = 0.15;
/// Share of the volume below which a residual is left where it is.
pub const EPSILON: f64 = 1e-7;

/// The accounts close to the seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Expansion {
    /// Seeds.
    pub seeds: u64,
    /// Seeds with nothing that links: the walk starts at the others, and these are in no row.
    pub seeds_without_links: u64,
    /// Accounts inside the cluster, seeds included.
    pub inside: u64,
    /// Its conductance: the share of its evidence that leads out of it.
    pub conductance: f64,
    /// Residual probability that was not distributed any further.
    pub residual: f64,
    /// The accounts that the walk reached: those inside the cluster, then the others, each from the first place on.
    pub accounts: Vec<Close>,
}

/// An account close to the seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Close {
    /// Its place, from 1.
    pub rank: u64,
    /// The account.
    pub account_id: String,
    /// Closeness by what it has: 1 for the closest seed. The order of accounts goes by how much of the walk reaches them as well.
    pub score: f64,
    /// Whether it is a seed.
    pub seed: bool,
    /// Between known-good accounts (0) and the seeds (1), where any known-good ones were named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaning: Option<f64>,
    /// Whether it is inside the cluster.
    pub inside: bool,
    /// Its flagged network.
    pub network: Option<String>,
    /// Its exchanges.
    pub exchanges: u64,
}

/// Ranks accounts by closeness to the seeds, and by distance from known-good ones if any are named, and cuts the cluster around
/// the seeds.
///
/// # Errors
/// [`Error::Usage`] without seeds, if nothing that the seeds share says anything, or if a seed is known-good too; as
/// [`Ties::of`].
pub fn expand(dataset: &Dataset, results: &Labelling, seeds: &[AccountId], good: &[AccountId]) -> Result<Expansion, Error> {
    dataset.check(None, seeds.iter().chain(good).copied().map(Node::Account))?;
    let ties = Ties::of(dataset, results)?;
    let mut seeds: Vec<u32> = seeds.iter().map(|seed| seed.0).collect();
    seeds.sort_unstable();
    seeds.dedup();
    if let Some(both) = good.iter().find(|account| seeds.binary_search(&account.0).is_ok()) {
        let account = dataset.shown_account(*both);
        return Err(Error::Usage(format!("account:{account} is a seed and known-good at once: decide which")));
    }
    let bits = |identifier: u32| ties.bits_of(IdentifierId(identifier));
    let walk = Walk::new(dataset.linking_graph(), &bits);
    let start: Vec<u32> = seeds.iter().copied().filter(|&seed| walk.volume(seed) > 0.0).collect();
    if start.is_empty() {
        return Err(Error::Usage(match seeds.len() {
            0 => "there are no seeds: name at least one account".to_owned(),
            1 => "the seed has no identifier that links: see `neighbors`".to_owned(),
            count => format!("none of the {count} seeds has an identifier that links: see `neighbors`"),
        }));
    }
    let pushed = walk.push(&start, EPSILON);
    let mut order = pushed.order();
    let mut good: Vec<u32> = good.iter().map(|account| account.0).filter(|&account| walk.volume(account) > 0.0).collect();
    good.sort_unstable();
    good.dedup();
    let trusted = (!good.is_empty()).then(|| walk.push(&good, EPSILON));
    let leaning = |vertex: u32| {
        let trusted = trusted.as_ref()?;
        let (bad, good) = (pushed.estimate[vertex as usize], trusted.estimate[vertex as usize]);
        Some(bad / (bad + good))
    };
    let mut swept = order.len();
    if trusted.is_some() {
        // What leans to the good side comes last, and is not swept.
        let leaning = |vertex: u32| leaning(vertex).unwrap_or(1.0);
        order.iter_mut().for_each(|(vertex, score)| *score *= leaning(*vertex));
        order.sort_by(|a, b| {
            let to_good = |vertex: u32| leaning(vertex) < 0.5;
            to_good(a.0).cmp(&to_good(b.0)).then(b.1.total_cmp(&a.1)).then(a.0.cmp(&b.0))
        });
        swept = order.partition_point(|&(vertex, _)| leaning(vertex) >= 0.5);
    }
    let (inside, conductance) = walk.sweep(&order[..swept], ties.volume());
    let accounts = dataset.graph().account_count() as u32;
    let ranked = ranked(&pushed, &order, inside, swept, accounts);
    let closest = order.iter().filter(|(vertex, _)| seeds.binary_search(vertex).is_ok()).map(|&(_, score)| score).next();
    let close: Vec<Close> = (1..)
        .zip(ranked)
        .map(|(rank, at)| (rank, at, order[at]))
        .map(|(rank, at, (vertex, score))| Close {
            rank,
            account_id: dataset.shown_account(AccountId(vertex)).into_owned(),
            score: score / closest.unwrap_or(score),
            seed: seeds.binary_search(&vertex).is_ok(),
            leaning: leaning(vertex),
            inside: at < inside,
            network: results.flagged_network_of(AccountId(vertex)).map(|(network, _)| network.id.clone()),
            exchanges: query::exchanges_of(dataset, AccountId(vertex)),
        })
        .collect();
    Ok(Expansion {
        seeds: seeds.len() as u64,
        seeds_without_links: (seeds.len() - start.len()) as u64,
        inside: close.iter().filter(|account| account.inside).count() as u64,
        conductance,
        residual: pushed.residual.iter().sum(),
        accounts: close,
    })
}

/// Where in the order of closeness each account stands, the first first: those inside, the others, and those that lean to the good
/// side, each by the worse of its places by closeness and by the probability that the walk is there.
fn ranked(pushed: &Pushed, order: &[(u32, f64)], inside: usize, swept: usize, accounts: u32) -> Vec<usize> {
    let mut by_closeness: Vec<usize> = (0..order.len()).filter(|&at| order[at].0 < accounts).collect();
    let probability: Vec<f64> = order.iter().map(|&(vertex, score)| score * pushed.volume[vertex as usize]).collect();
    let mut by_probability = by_closeness.clone();
    by_probability
        .sort_by(|&a, &b| (a >= swept).cmp(&(b >= swept)).then(probability[b].total_cmp(&probability[a])).then(a.cmp(&b)));
    let mut worse = vec![0; order.len()];
    for places in [&by_closeness, &by_probability] {
        places.iter().enumerate().for_each(|(place, &at)| worse[at] = place.max(worse[at]));
    }
    by_closeness.sort_by_key(|&at| (at >= inside, at >= swept, worse[at], at));
    by_closeness
}

/// The graph that is walked on: vertices are accounts, then identifiers.
struct Walk<'a, F> {
    graph: &'a BipartiteGraph,
    bits: &'a F,
    /// By identifier its bits, once they were asked for: 0 before, [`NOTHING`] where it says nothing.
    known: Vec<Cell<f64>>,
}

/// In place of no bits.
const NOTHING: f64 = -1.0;

/// What a push left.
struct Pushed {
    estimate: Vec<f64>,
    residual: Vec<f64>,
    /// Bits of the edges of each vertex that the walk came to; 0 for others.
    volume: Vec<f64>,
    /// Vertices with an estimate, in the order in which they got one.
    touched: Vec<u32>,
}

impl Pushed {
    /// Touched vertices by estimate over volume, most first, ties to the lower vertex.
    fn order(&self) -> Vec<(u32, f64)> {
        let score = |&vertex: &u32| (vertex, self.estimate[vertex as usize] / self.volume[vertex as usize]);
        let mut order: Vec<(u32, f64)> = self.touched.iter().map(score).collect();
        order.par_sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        order
    }
}

impl<'a, F: Fn(u32) -> f64> Walk<'a, F> {
    fn new(graph: &'a BipartiteGraph, bits: &'a F) -> Self {
        Walk { graph, bits, known: vec![Cell::new(0.0); graph.identifier_count()] }
    }

    /// The bits of an identifier, if it says anything.
    fn bits_of(&self, identifier: u32) -> Option<f64> {
        let known = &self.known[identifier as usize];
        if known.get() == 0.0 {
            let bits = (self.bits)(identifier);
            known.set(if bits > 0.0 { bits } else { NOTHING });
        }
        Some(known.get()).filter(|&bits| bits > 0.0)
    }

    /// Neighbours of a vertex with the weights of the edges; identifiers that say nothing have none.
    fn each_neighbor(&self, vertex: u32, mut visit: impl FnMut(u32, f64)) {
        let accounts = self.graph.account_count() as u32;
        match vertex.checked_sub(accounts) {
            None => {
                for &identifier in self.graph.identifiers_of(AccountId(vertex)) {
                    if let Some(bits) = self.bits_of(identifier) {
                        visit(accounts + identifier, bits);
                    }
                }
            }
            Some(identifier) => {
                if let Some(bits) = self.bits_of(identifier) {
                    self.graph.accounts_of(IdentifierId(identifier)).iter().for_each(|&account| visit(account, bits));
                }
            }
        }
    }

    /// Bits of a vertex's edges.
    fn volume(&self, vertex: u32) -> f64 {
        match vertex.checked_sub(self.graph.account_count() as u32) {
            None => {
                let mut volume = 0.0;
                self.each_neighbor(vertex, |_, bits| volume += bits);
                volume
            }
            Some(identifier) => {
                let degree = self.graph.identifier_degree(IdentifierId(identifier));
                self.bits_of(identifier).unwrap_or(0.0) * degree as f64
            }
        }
    }

    /// Forward push from seeds of equal probability.
    fn push(&self, seeds: &[u32], epsilon: f64) -> Pushed {
        let vertices = self.graph.vertex_count();
        let [estimate, residual, volume] = [0; 3].map(|_| vec![0.0; vertices]);
        let mut pushed = Pushed { estimate, residual, volume, touched: Vec::new() };
        let mut queue: VecDeque<u32> = VecDeque::new();
        for &seed in seeds {
            pushed.residual[seed as usize] = 1.0 / seeds.len() as f64;
            pushed.volume[seed as usize] = self.volume(seed);
            queue.push_back(seed);
        }
        let mut queued = vec![false; vertices];
        while let Some(vertex) = queue.pop_front() {
            let at = vertex as usize;
            queued[at] = false;
            let residual = pushed.residual[at];
            if residual <= epsilon * pushed.volume[at] {
                continue;
            }
            if pushed.estimate[at] == 0.0 {
                pushed.touched.push(vertex);
            }
            pushed.estimate[at] += RETURN * residual;
            pushed.residual[at] = 0.0;
            let share = (1.0 - RETURN) * residual / pushed.volume[at];
            self.each_neighbor(vertex, |neighbor, bits| {
                let to = neighbor as usize;
                if pushed.volume[to] == 0.0 {
                    pushed.volume[to] = self.volume(neighbor);
                }
                pushed.residual[to] += share * bits;
                if !queued[to] && pushed.residual[to] > epsilon * pushed.volume[to] {
                    queued[to] = true;
                    queue.push_back(neighbor);
                }
            });
        }
        pushed
    }

    /// The length of the prefix of least conductance, the shortest of equals, and its conductance.
    fn sweep(&self, order: &[(u32, f64)], total: f64) -> (usize, f64) {
        let mut inside = vec![false; self.graph.vertex_count()];
        let (mut cut, mut volume, mut best) = (0.0, 0.0, (order.len(), f64::INFINITY));
        for (at, &(vertex, _)) in order.iter().enumerate() {
            inside[vertex as usize] = true;
            self.each_neighbor(vertex, |neighbor, bits| {
                volume += bits;
                cut += if inside[neighbor as usize] { -bits } else { bits };
            });
            let smaller = f64::min(volume, total - volume);
            if smaller > 0.0 && cut / smaller < best.1 {
                best = (at + 1, f64::max(cut, 0.0) / smaller);
            }
        }
        // Everything that can be reached was reached: nothing leads out.
        if best.1.is_finite() { best } else { (order.len(), 0.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::graph_of;
    use crate::ties;
    use proptest::prelude::*;

    #[test]
    fn the_sweep_cuts_at_the_weak_link() {
        // Accounts 0-2 share identifiers 0 and 1, accounts 3-5 share 2 and 3; 4 (weakest) joins 2 and 3.
        let pairs =
            [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (3, 2), (4, 2), (5, 2), (3, 3), (4, 3), (5, 3), (2, 4), (3, 4)];
        let graph = graph_of(6, 5, &pairs);
        let bits = |identifier: u32| if identifier == 4 { 1.0 } else { 10.0 };
        let walk = Walk::new(&graph, &bits);
        let total = ties::volume(&graph, bits);
        assert_eq!(total, 2.0 * (12.0 * 10.0 + 2.0));
        let order = walk.push(&[0], 1e-9).order();
        let (inside, conductance) = walk.sweep(&order, total);
        let mut cluster: Vec<u32> = order[..inside].iter().map(|&(vertex, _)| vertex).filter(|&vertex| vertex < 6).collect();
        cluster.sort_unstable();
        assert_eq!(cluster, [0, 1, 2]);
        // One bit leads out of 121 (or 122, with the weak identifier inside).
        assert!((conductance - 1.0 / 122.0).abs() < 1e-12 || (conductance - 1.0 / 121.0).abs() < 1e-12, "{conductance}");
    }

    #[test]
    fn accounts_with_much_of_the_seeds_come_before_customers_of_one_exit() {
        // Account 0 is the seed. Accounts 1 to 8 share identifiers 0 to 5 with it and use the exit, 6; each has twelve more with
        // accounts 11 to 13. Accounts 9 and 10 have nothing but the exit.
        let mut pairs: Vec<(u32, u32)> =
            (0..6).flat_map(|identifier| (0..9).map(move |account| (account, identifier))).collect();
        pairs.extend((0..11).map(|account| (account, 6)));
        let further = (1..9).flat_map(|account| (0..12).map(move |at| (account, 7 + 12 * (account - 1) + at, 11 + at % 3)));
        pairs.extend(further.flat_map(|(account, identifier, other)| [(account, identifier), (other, identifier)]));
        let graph = graph_of(14, 7 + 96, &pairs);
        let walk = Walk::new(&graph, &|_| 10.0);
        let pushed = walk.push(&[0], 1e-9);
        let order = pushed.order();
        let by_closeness: Vec<u32> = order.iter().map(|&(vertex, _)| vertex).filter(|&vertex| vertex < 14).collect();
        assert_eq!(by_closeness[..3], [0, 9, 10]);
        let ranked = ranked(&pushed, &order, order.len(), order.len(), 14);
        let ranked: Vec<u32> = ranked.into_iter().map(|at| order[at].0).collect();
        assert!(ranked[0] == 0 && ranked[1..7].iter().all(|account| (1..9).contains(account)), "{ranked:?}");
        assert_eq!(ranked.len(), 14);
    }

    proptest! {
        /// Against 400 rounds of the power iteration ppr = RETURN * seed + (1 - RETURN) * ppr * W.
        #[test]
        fn push_is_pagerank_to_within_epsilon(pairs in proptest::collection::vec((0u32..6, 0u32..6), 1..20)) {
            let graph = graph_of(6, 6, &pairs);
            let bits = |identifier: u32| 1.0 + f64::from(identifier);
            let walk = Walk::new(&graph, &bits);
            let seed = pairs[0].0;
            let epsilon = 1e-6;
            let pushed = walk.push(&[seed], epsilon);
            let mut exact = vec![0.0; graph.vertex_count()];
            for _ in 0..400 {
                let mut next = vec![0.0; exact.len()];
                next[seed as usize] = RETURN;
                for vertex in 0..exact.len() as u32 {
                    let share = (1.0 - RETURN) * exact[vertex as usize] / walk.volume(vertex);
                    walk.each_neighbor(vertex, |neighbor, bits| next[neighbor as usize] += share * bits);
                }
                exact = next;
            }
            let total: f64 = pushed.estimate.iter().sum::<f64>() + pushed.residual.iter().sum::<f64>();
            prop_assert!((total - 1.0).abs() < 1e-9);
            for vertex in 0..exact.len() {
                let error = exact[vertex] - pushed.estimate[vertex];
                prop_assert!(error >= -1e-9 && error <= epsilon * walk.volume(vertex as u32) + 1e-9, "{vertex}: {error}");
            }
        }
    }
}
