//! What needn't be searched: an exact reduction of the graph before the first pass.
//!
//! 1. Self-loops and edges of weight 0 are dropped: no gain depends on them.
//! 2. *Leaves* are folded into their only neighbour. If leaf v, of mass m_v, hangs on u by weight w, moving v into the
//!    community C of u gains w − λ·m_v·m_C ≥ w − λ·m_v·(M − m_v) over leaving it alone, M being the mass of everything; nowhere
//!    else does v gain anything. Where the right side is at least 0, some best partition therefore has v with u, whatever the
//!    rest looks like. For modularity (w = m_v, λ = γ/2m) and Barber's (λ = γ/m) that holds for every leaf without self-loop if
//!    γ ≤ 1. Of two leaves that hang on each other the higher is folded. (Arenas et al. 2007, doi:10.1088/1367-2630/9/6/176;
//!    Brandes et al. 2008, doi:10.1109/TKDE.2007.190689, lemma 3.3.)
//! 3. Vertices that have no edges left are communities of their own.
//!
//! What remains is numbered anew in the old order. In a graph of accounts and identifiers most vertices are identifiers of one
//! account. Cost O(entries), in parallel.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use graph::WeightedGraph;
use rayon::prelude::*;

use crate::network::{Mass, Network};
use crate::objective::Objective;

/// Vertices that one task takes at least.
const TASK: usize = 2048;
/// Not folded; not in the core.
const NONE: u32 = u32::MAX;

/// What is left to search, and how the graph's vertices depend on it.
pub(crate) struct Reduction<M> {
    pub(crate) core: Network<f32, M>,
    pub(crate) folding: Folding,
}

/// Which vertex of the core stands for each vertex of the graph.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Folding {
    /// The vertex of the graph that each vertex of the core is, ascending.
    pub(crate) origins: Vec<u32>,
    /// The vertex that each vertex of the graph was folded into, or itself.
    anchors: Vec<u32>,
    /// The number in the core of each vertex's anchor, or [`NONE`].
    core_of: Vec<u32>,
}

/// Reduces a graph with a mass for each vertex.
pub(crate) fn reduce<M: Mass>(graph: &WeightedGraph, masses: &[M], objective: &Objective) -> Reduction<M> {
    let count = graph.vertex_count();
    let vertices = || (0..count as u32).into_par_iter().with_min_len(TASK);
    let edges_of = |vertex: u32| {
        let row = graph.neighbors_of(vertex).iter().zip(graph.weights_of(vertex));
        row.map(|(&target, &weight)| (target, weight)).filter(move |&(target, weight)| target != vertex && weight > 0.0)
    };
    let everything = masses.par_iter().with_min_len(TASK).copied().reduce(|| M::ZERO, M::plus);
    let hangs_on = |vertex: u32| {
        let mut edges = edges_of(vertex);
        let (anchor, weight) = edges.next()?;
        let mass = masses[vertex as usize];
        let holds = f64::from(weight) >= objective.scale * mass.product(everything.minus(mass));
        (holds && edges.next().is_none()).then_some(anchor)
    };
    let mut folded: Vec<u32> = vertices().map(|vertex| hangs_on(vertex).unwrap_or(NONE)).collect();
    // Two leaves on each other: the lower stays.
    let stays = |vertex: u32| {
        folded[vertex as usize] == NONE
            || (folded[folded[vertex as usize] as usize] == vertex && vertex < folded[vertex as usize])
    };
    let unfolded: Vec<u32> = vertices().filter(|&vertex| folded[vertex as usize] != NONE && stays(vertex)).collect();
    unfolded.iter().for_each(|&vertex| folded[vertex as usize] = NONE);
    let is_core =
        |vertex: u32| folded[vertex as usize] == NONE && edges_of(vertex).any(|(target, _)| folded[target as usize] == NONE);
    let origins: Vec<u32> = vertices().filter(|&vertex| is_core(vertex)).collect();
    let mut core_of = vec![NONE; count];
    origins.iter().enumerate().for_each(|(number, &vertex)| core_of[vertex as usize] = number as u32);
    let room: Vec<u32> = origins.iter().map(|&vertex| graph.neighbors_of(vertex).len() as u32).collect();
    let left = graph.left_count().unwrap_or(0);
    let crosses = AtomicBool::new(true);
    let mut core = Network::build(&room, 0, |numbers, rows| {
        let mut all_cross = true;
        for &vertex in &origins[numbers] {
            let mut mass = masses[vertex as usize];
            for (&target, &weight) in graph.neighbors_of(vertex).iter().zip(graph.weights_of(vertex)) {
                if target == vertex || weight == 0.0 {
                    continue;
                }
                // A neighbour that isn't in the core was folded into this vertex.
                match core_of[target as usize] {
                    NONE => mass = mass.plus(masses[target as usize]),
                    number => {
                        rows.push(number, weight);
                        all_cross &= (vertex < left) != (target < left);
                    }
                }
            }
            rows.end_row(mass);
        }
        crosses.fetch_and(all_cross, Relaxed);
    });
    if crosses.into_inner() {
        core.left_count = origins.partition_point(|&vertex| vertex < left);
    }
    let anchors: Vec<u32> =
        vertices().map(|vertex| if folded[vertex as usize] == NONE { vertex } else { folded[vertex as usize] }).collect();
    let core_of = anchors.par_iter().with_min_len(TASK).map(|&anchor| core_of[anchor as usize]).collect();
    Reduction { core, folding: Folding { origins, anchors, core_of } }
}

impl Folding {
    /// Labels of the graph's vertices from labels of the core's; each is below the number of vertices.
    pub(crate) fn expand(&self, labels: &[u32]) -> Vec<u32> {
        let label_of = |(&core, &anchor): (&u32, &u32)| {
            if core == NONE { anchor } else { self.origins[labels[core as usize] as usize] }
        };
        self.core_of.par_iter().zip(&self.anchors).with_min_len(TASK).map(label_of).collect()
    }
}
