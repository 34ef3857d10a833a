//! Phase 1 of Louvain and Leiden: move vertices to the neighbouring community of the largest gain until none gains.
//!
//! The gain of community C for vertex v is w(v, C) − λ·m_v·m_C, with v taken out of C; an empty community gains 0. A queue
//! holds the vertices whose neighbourhood changed (Traag et al. 2019, doi:10.1038/s41598-019-41695-z, supplementary A.2).
//!
//! To run in parallel and give the same bytes on any number of threads, the queue is worked off in batches of a size that
//! depends on the network only:
//! 1. *propose*: in parallel, each vertex of the batch finds its best move as things stand before the batch;
//! 2. *apply*: in order, each proposal is made if it still gains. Weights to communities are still exact unless a neighbour
//!    moved in this batch: then the best move is sought anew. Masses of communities are read as they are now.
//!
//! So every move made raises the quality, by more than a tolerance that absorbs rounding: the phase terminates.
//! Cost O(entries) per round over the queue.

use std::sync::Mutex;

use rayon::prelude::*;

use crate::network::{Mass, Network, Tally, Weight};
use crate::objective::Objective;

/// Networks below this many vertices are worked off one by one.
const ONE_BY_ONE: usize = 1 << 14;
/// A batch is this fraction of the vertices ...
const BATCHES: usize = 256;
/// ... but no more than this many.
const LARGEST_BATCH: usize = 8192;
/// Vertices that one task of a batch handles.
const CHUNK: usize = 128;

/// In the queue.
const QUEUED: u8 = 1;
/// In the batch at hand and not yet applied.
const PENDING: u8 = 2;
/// A neighbour moved since the batch began.
const STALE: u8 = 4;

/// A community that has no members yet.
const EMPTY: u32 = u32::MAX;

/// The best move of a vertex and its weights to the two communities concerned.
#[derive(Clone, Copy, Default)]
struct Proposal {
    target: u32,
    to_target: f64,
    to_own: f64,
}

/// Improves `labels` (each below the vertex count) in place, visiting in `order` first. Returns the number of moves.
pub(crate) fn local_moving<W: Weight, M: Mass>(
    network: Network<'_, W, M>,
    labels: &mut [u32],
    order: Vec<u32>,
    objective: &Objective,
) -> u64 {
    let count = network.vertex_count();
    let batch_size = if count < ONE_BY_ONE { 1 } else { (count / BATCHES).min(LARGEST_BATCH) };
    let mut masses = vec![M::ZERO; count];
    let mut sizes = vec![0u32; count];
    for (&label, &mass) in labels.iter().zip(network.masses) {
        masses[label as usize] = masses[label as usize].plus(mass);
        sizes[label as usize] += 1;
    }
    let mut empty: Vec<u32> = (0..count as u32).rev().filter(|&label| sizes[label as usize] == 0).collect();
    let mut state = vec![QUEUED; count];
    let mut queue = order;
    let mut next = Vec::new();
    let mut proposals = vec![Proposal::default(); batch_size];
    let tallies = Mutex::new(Vec::<Tally>::new());
    let mut moves = 0;
    while !queue.is_empty() {
        for batch in queue.chunks(batch_size) {
            for &vertex in batch {
                state[vertex as usize] = PENDING;
            }
            propose(network, labels, &masses, objective, batch, &mut proposals, &tallies);
            for (&vertex, &proposal) in batch.iter().zip(&proposals) {
                let own = labels[vertex as usize];
                let mut best = proposal;
                if state[vertex as usize] & STALE != 0 {
                    let mut tally = take(&tallies);
                    best = best_move(network, labels, &masses, objective, vertex, &mut tally);
                    give(&tallies, tally);
                }
                state[vertex as usize] = 0;
                if best.target == own {
                    continue;
                }
                let mass = network.masses[vertex as usize];
                let stay = best.to_own - objective.scale * mass.product(masses[own as usize].minus(mass));
                let target = match best.target {
                    EMPTY if sizes[own as usize] == 1 => continue,
                    EMPTY => empty[empty.len() - 1],
                    target => target,
                };
                if sizes[target as usize] == 0 && best.target != EMPTY {
                    continue;
                }
                let go = best.to_target - objective.scale * mass.product(masses[target as usize]);
                if go <= stay + objective.tolerance {
                    continue;
                }
                if best.target == EMPTY {
                    empty.pop();
                    masses[target as usize] = M::ZERO;
                }
                masses[own as usize] = masses[own as usize].minus(mass);
                masses[target as usize] = masses[target as usize].plus(mass);
                sizes[own as usize] -= 1;
                sizes[target as usize] += 1;
                if sizes[own as usize] == 0 {
                    masses[own as usize] = M::ZERO;
                    empty.push(own);
                }
                labels[vertex as usize] = target;
                moves += 1;
                for &neighbor in network.neighbors_of(vertex) {
                    let flags = &mut state[neighbor as usize];
                    if *flags & PENDING != 0 {
                        *flags |= STALE;
                    } else if *flags & QUEUED == 0 && labels[neighbor as usize] != target {
                        *flags |= QUEUED;
                        next.push(neighbor);
                    }
                }
            }
        }
        queue.clear();
        std::mem::swap(&mut queue, &mut next);
    }
    moves
}

fn propose<W: Weight, M: Mass>(
    network: Network<'_, W, M>,
    labels: &[u32],
    masses: &[M],
    objective: &Objective,
    batch: &[u32],
    proposals: &mut [Proposal],
    tallies: &Mutex<Vec<Tally>>,
) {
    let propose_chunk = |(chunk, proposals): (&[u32], &mut [Proposal])| {
        let mut tally = take(tallies);
        for (&vertex, proposal) in chunk.iter().zip(proposals) {
            *proposal = best_move(network, labels, masses, objective, vertex, &mut tally);
        }
        give(tallies, tally);
    };
    if batch.len() <= CHUNK {
        propose_chunk((batch, proposals));
    } else {
        batch.par_chunks(CHUNK).zip(proposals.par_chunks_mut(CHUNK)).for_each(propose_chunk);
    }
}

fn best_move<W: Weight, M: Mass>(
    network: Network<'_, W, M>,
    labels: &[u32],
    masses: &[M],
    objective: &Objective,
    vertex: u32,
    tally: &mut Tally,
) -> Proposal {
    let own = labels[vertex as usize];
    let mass = network.masses[vertex as usize];
    let row = network.row_of(vertex).filter(|&(target, _)| target != vertex);
    let row = row.map(|(target, weight)| (labels[target as usize], weight));
    let sums = tally.sum(network.degree_of(vertex), labels.len(), row);
    let to_own = sums.iter().find(|&&(label, _)| label == own).map_or(0.0, |&(_, sum)| sum);
    let stay = to_own - objective.scale * mass.product(masses[own as usize].minus(mass));
    let mut best = Proposal { target: own, to_target: to_own, to_own };
    let mut most = stay + objective.tolerance;
    for &(label, sum) in sums {
        let gain = sum - objective.scale * mass.product(masses[label as usize]);
        if label != own && (gain > most || (gain == most && best.target != own && label < best.target)) {
            most = gain;
            best = Proposal { target: label, to_target: sum, to_own };
        }
    }
    if most < 0.0 {
        best = Proposal { target: EMPTY, to_target: 0.0, to_own };
    }
    best
}

fn take(tallies: &Mutex<Vec<Tally>>) -> Tally {
    tallies.lock().expect("no task panics while it holds a tally").pop().unwrap_or_default()
}

fn give(tallies: &Mutex<Vec<Tally>>, tally: Tally) {
    tallies.lock().expect("no task panics while it holds a tally").push(tally);
}
