//! Phase 1 of Louvain and Leiden: move vertices to the neighbouring community of the largest gain until none gains.
//!
//! The gain of community C for vertex v is w(v, C) − λ·m_v·m_C, with v taken out of C; an empty community gains 0. Only
//! vertices whose neighbourhood changed are visited again (Traag et al. 2019, doi:10.1038/s41598-019-41695-z, supplementary
//! A.2).
//!
//! To run in parallel and give the same bytes on any number of threads, the vertices to visit are worked off in batches of a
//! size that depends on nothing but their number, and each batch in steps that all threads take together:
//! 1. *propose*: each vertex finds its best move as things stand before the batch, and announces its mass to the two
//!    communities concerned;
//! 2. *accept*: a proposal is accepted if it gains even should every other proposal that could spoil it be accepted: all others
//!    that join its target, all that leave its own community, all neighbours' that leave the target or join its own;
//! 3. *mark*: neighbours of accepted vertices are to be visited again;
//! 4. *commit*: accepted moves are made;
//! 5. *settle*: the proposals not accepted are sought anew one by one, in order.
//!
//! By 2 the accepted moves raise the quality in whatever order they are thought to be made, so every move made raises it, by
//! more than a tolerance that absorbs rounding: the phase terminates. The vertices of a batch are of one side of a bipartite
//! network, so no two are neighbours and 2 needs no look at rows. Short queues go straight to 5. Cost O(entries) per round over
//! the queue.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use rayon::prelude::*;

use crate::network::{Mass, Network, Weight};
use crate::objective::Objective;
use crate::tally::{Pool, Tally};

/// A queue is cut into this many batches ...
const BATCHES: usize = 32;
/// ... but none smaller than this; shorter queues are settled one by one.
const SMALLEST_BATCH: usize = 1024;
/// Vertices that one task of a batch handles.
const CHUNK: usize = 256;

/// A community that has no members yet.
const EMPTY: u32 = u32::MAX;
/// No move is proposed, or it isn't accepted.
const NOWHERE: u32 = u32::MAX - 1;

/// Improves `labels` (each below the vertex count) in place, visiting in `order`, until nothing gains or, unless the network is
/// small, a round over the queue gains less than `least_gain`.
pub(crate) fn local_moving<W: Weight, M: Mass>(
    network: &Network<W, M>,
    labels: &mut Vec<u32>,
    order: &[u32],
    objective: &Objective,
    least_gain: f64,
) {
    let count = network.vertex_count();
    // A small network costs little to the end.
    let least_gain = if count < 2 * SMALLEST_BATCH { 0.0 } else { least_gain };
    let masses: Vec<M::Cell> = (0..count).into_par_iter().map(|_| M::ZERO.into_cell()).collect();
    labels.par_iter().zip(&network.masses).with_min_len(CHUNK).for_each(|(&label, mass)| mass.add_to(&masses[label as usize]));
    let shared = |value: &u32| AtomicU32::new(*value);
    let moving = Moving {
        network,
        objective,
        labels: labels.par_iter().with_min_len(CHUNK).map(shared).collect(),
        masses,
        queued: (0..count).into_par_iter().with_min_len(CHUNK).map(|_| AtomicBool::new(true)).collect(),
        tallies: Pool::default(),
    };
    let is_queued = |&&vertex: &&u32| moving.queued[vertex as usize].load(Relaxed);
    let mut batches: Option<Batches<M>> = None;
    let mut empty = Empty::default();
    loop {
        let queue: Vec<u32> = order.par_iter().with_min_len(4 * CHUNK).filter(is_queued).copied().collect();
        if queue.is_empty() {
            break;
        }
        if queue.len() < 2 * SMALLEST_BATCH {
            if moving.settle(queue.into_iter(), &mut empty) < least_gain {
                break;
            }
            continue;
        }
        let mut gain = 0.0;
        let batches = batches.get_or_insert_with(|| Batches::new(count));
        let (left, right): (Vec<u32>, Vec<u32>) = queue.par_iter().partition(|&&vertex| (vertex as usize) < network.left_count);
        for batch in alternating(&left, &right) {
            let (gained, late) = batches.run(&moving, batch);
            gain += gained + moving.settle(late.into_iter(), &mut empty);
        }
        if gain < least_gain {
            break;
        }
    }
    *labels = moving.labels.into_iter().map(AtomicU32::into_inner).collect();
}

/// Cuts the queues of the two sides of a bipartite network into batches that alternate.
fn alternating<'a>(left: &'a [u32], right: &'a [u32]) -> impl Iterator<Item = &'a [u32]> {
    let size_of = |side: &[u32]| side.len().div_ceil(BATCHES).max(SMALLEST_BATCH);
    let (mut lefts, mut rights) = (left.chunks(size_of(left)), right.chunks(size_of(right)));
    std::iter::from_fn(move || Some([lefts.next(), rights.next()]).filter(|pair| *pair != [None, None]))
        .flat_map(|pair| pair.into_iter().flatten())
}

/// Labels that no vertex has.
#[derive(Default)]
struct Empty(Vec<u32>);

/// The best move of a vertex, and what it gains over staying.
struct Best {
    target: u32,
    gain: f64,
}

/// The communities as they stand.
struct Moving<'a, W, M: Mass> {
    network: &'a Network<W, M>,
    objective: &'a Objective,
    labels: Vec<AtomicU32>,
    masses: Vec<M::Cell>,
    queued: Vec<AtomicBool>,
    tallies: Pool<Tally>,
}

impl<W: Weight, M: Mass> Moving<'_, W, M> {
    fn label_of(&self, vertex: u32) -> u32 {
        self.labels[vertex as usize].load(Relaxed)
    }

    fn best_move(&self, vertex: u32, tally: &mut Tally) -> Best {
        let (network, scale) = (self.network, self.objective.scale);
        let own = self.label_of(vertex);
        let mass = network.masses[vertex as usize];
        tally.begin(network.degree_of(vertex), self.labels.len());
        tally.add(network.row_of(vertex), |target| self.label_of(target));
        let stay = tally.sum_of(own) - scale * mass.product(M::of(&self.masses[own as usize]).minus(mass));
        let mut target = own;
        let mut most = stay + self.objective.tolerance;
        tally.drain(|label, sum| {
            let go = sum - scale * mass.product(M::of(&self.masses[label as usize]));
            if label != own && (go > most || (go == most && target != own && label < target)) {
                (most, target) = (go, label);
            }
        });
        if most < 0.0 {
            (most, target) = (0.0, EMPTY);
        }
        Best { target, gain: most - stay }
    }

    /// Moves vertices one by one; returns what that gains.
    fn settle(&self, vertices: impl Iterator<Item = u32>, empty: &mut Empty) -> f64 {
        self.tallies.with(|tally| {
            let mut gained = 0.0;
            for vertex in vertices {
                self.queued[vertex as usize].store(false, Relaxed);
                let own = self.label_of(vertex);
                let Best { target, gain } = self.best_move(vertex, tally);
                if target == own {
                    continue;
                }
                gained += gain;
                let target = if target == EMPTY { empty.take(&self.labels) } else { target };
                self.change(vertex, own, target);
                for &neighbor in self.network.row_of(vertex).targets {
                    if self.label_of(neighbor) != target {
                        self.queued[neighbor as usize].store(true, Relaxed);
                    }
                }
            }
            gained
        })
    }

    fn change(&self, vertex: u32, own: u32, target: u32) {
        let mass = self.network.masses[vertex as usize];
        self.labels[vertex as usize].store(target, Relaxed);
        M::ZERO.minus(mass).add_to(&self.masses[own as usize]);
        mass.add_to(&self.masses[target as usize]);
    }
}

impl Empty {
    /// A label that no vertex has. A vertex that shares its community asks, so there is one.
    fn take(&mut self, labels: &[AtomicU32]) -> u32 {
        if self.0.is_empty() {
            let mut used = vec![false; labels.len()];
            labels.iter().for_each(|label| used[label.load(Relaxed) as usize] = true);
            self.0 = (0..labels.len() as u32).rev().filter(|&label| !used[label as usize]).collect();
        }
        self.0.pop().expect("two vertices share a label, so one of as many labels as vertices is free")
    }
}

/// What batches need besides; all of it is as new between batches.
struct Batches<M: Mass> {
    /// Mass that is proposed to join each community ...
    joins: Vec<M::Cell>,
    /// ... and to leave it.
    leaves: Vec<M::Cell>,
    /// Where each vertex proposes to go.
    targets: Vec<AtomicU32>,
}

impl<M: Mass> Batches<M> {
    fn new(count: usize) -> Self {
        let cells = || (0..count).into_par_iter().map(|_| M::ZERO.into_cell()).collect();
        let targets = (0..count).into_par_iter().map(|_| AtomicU32::new(NOWHERE)).collect();
        Batches { joins: cells(), leaves: cells(), targets }
    }

    fn target_of(&self, vertex: u32) -> u32 {
        self.targets[vertex as usize].load(Relaxed)
    }

    /// Makes the moves of a batch that can be made at once; returns what each of them gains alone, summed, and the vertices to
    /// settle.
    fn run<W: Weight>(&self, moving: &Moving<'_, W, M>, batch: &[u32]) -> (f64, Vec<u32>) {
        let network = moving.network;
        let proposals: Vec<Proposal> = batch
            .par_chunks(CHUNK)
            .flat_map_iter(|chunk| moving.tallies.with(|tally| self.propose(moving, chunk, tally)))
            .collect();
        let accepted: Vec<bool> = proposals.par_iter().with_min_len(CHUNK).map(|p| self.accept(moving, p)).collect();
        let both = || proposals.par_iter().zip(&accepted).with_min_len(CHUNK);
        // What is accepted is read while neighbours are marked, so labels change only after.
        both().filter(|&(_, &accepted)| !accepted).for_each(|(p, _)| self.targets[p.vertex as usize].store(NOWHERE, Relaxed));
        both().filter(|&(_, &accepted)| accepted).for_each(|(proposal, _)| {
            for &neighbor in network.row_of(proposal.vertex).targets {
                let label = match self.target_of(neighbor) {
                    NOWHERE => moving.label_of(neighbor),
                    target => target,
                };
                if label != proposal.target {
                    moving.queued[neighbor as usize].store(true, Relaxed);
                }
            }
        });
        both().for_each(|(proposal, &accepted)| {
            if accepted {
                moving.change(proposal.vertex, proposal.own, proposal.target);
            }
            self.targets[proposal.vertex as usize].store(NOWHERE, Relaxed);
            M::ZERO.store_in(&self.leaves[proposal.own as usize]);
            if proposal.target != EMPTY {
                M::ZERO.store_in(&self.joins[proposal.target as usize]);
            }
        });
        let gained =
            proposals.iter().zip(&accepted).filter(|&(_, &accepted)| accepted).map(|(proposal, _)| proposal.gain).sum();
        (gained, both().filter(|&(_, &accepted)| !accepted).map(|(proposal, _)| proposal.vertex).collect())
    }

    fn propose<W: Weight>(&self, moving: &Moving<'_, W, M>, chunk: &[u32], tally: &mut Tally) -> Vec<Proposal> {
        let mut proposals = Vec::with_capacity(chunk.len());
        for &vertex in chunk {
            moving.queued[vertex as usize].store(false, Relaxed);
            let own = moving.label_of(vertex);
            let Best { target, gain } = moving.best_move(vertex, tally);
            if target == own {
                continue;
            }
            let mass = moving.network.masses[vertex as usize];
            mass.add_to(&self.leaves[own as usize]);
            if target != EMPTY {
                mass.add_to(&self.joins[target as usize]);
            }
            self.targets[vertex as usize].store(target, Relaxed);
            proposals.push(Proposal { vertex, own, target, gain });
        }
        proposals
    }

    fn accept<W: Weight>(&self, moving: &Moving<'_, W, M>, proposal: &Proposal) -> bool {
        let &Proposal { vertex, own, target, gain } = proposal;
        if target == EMPTY {
            return false;
        }
        let mass = moving.network.masses[vertex as usize];
        let others = M::of(&self.joins[target as usize]).plus(M::of(&self.leaves[own as usize])).minus(mass).minus(mass);
        let mut spoilt = moving.objective.scale * mass.product(others);
        if moving.network.left_count == 0 {
            for (neighbor, weight) in moving.network.row_of(vertex).iter() {
                let its = self.target_of(neighbor);
                if its != NOWHERE && (its == own || moving.label_of(neighbor) == target) {
                    spoilt += weight;
                }
            }
        }
        gain > spoilt + moving.objective.tolerance
    }
}

/// A move that one vertex of a batch would make.
struct Proposal {
    vertex: u32,
    own: u32,
    target: u32,
    gain: f64,
}
