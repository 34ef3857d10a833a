//! Does a partition keep its promises? Counts, connectedness, attachment.

use graph::{Partition, WeightedGraph};
use rayon::prelude::*;

use crate::config::QualityConfig;
use crate::error::CommunityError;
use crate::groups::Groups;
use crate::network::Mass;
use crate::objective::{Masses, Prepared, prepare};

/// The check of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Vertices of the graph.
    pub vertices: usize,
    /// Number of communities.
    pub communities: usize,
    /// Whether every vertex is in a community and the sizes add up to the vertices.
    pub sizes_sum_ok: bool,
    /// Communities that edges of positive weight inside don't hold together.
    pub disconnected: usize,
    /// Communities with a vertex v of w(v, C − v) < λ·m_v·(m_C − m_v): taking v out alone would raise the quality.
    pub badly_connected: usize,
}

/// Checks a partition against a graph and a quality function. O(entries), in parallel.
///
/// # Errors
/// As [`crate::leiden`].
pub fn audit(graph: &WeightedGraph, partition: &Partition, config: &QualityConfig) -> Result<Audit, CommunityError> {
    let (expected, found) = (graph.vertex_count(), partition.vertex_count());
    if expected != found {
        return Err(CommunityError::Start { expected, found });
    }
    Ok(audit_prepared(graph, partition, &prepare(graph, config)?))
}

pub(crate) fn audit_prepared(graph: &WeightedGraph, partition: &Partition, prepared: &Prepared) -> Audit {
    let groups = Groups::new(partition.labels(), partition.group_count());
    let badly_connected = match &prepared.masses {
        Masses::One(masses) => badly_connected(graph, masses, &groups, prepared),
        Masses::Two(masses) => badly_connected(graph, masses, &groups, prepared),
    };
    let mut parts = vec![0u32; graph.vertex_count()];
    Audit {
        vertices: graph.vertex_count(),
        communities: partition.group_count(),
        sizes_sum_ok: partition.sizes().iter().map(|&size| size as usize).sum::<usize>() == graph.vertex_count(),
        disconnected: components_within(graph, &groups, &mut parts),
        badly_connected,
    }
}

/// Splits every community into its connected components.
pub(crate) fn split_disconnected(graph: &WeightedGraph, partition: &Partition) -> Partition {
    let groups = Groups::new(partition.labels(), partition.group_count());
    let mut founders = vec![0u32; graph.vertex_count()];
    components_within(graph, &groups, &mut founders);
    let labels = (0..graph.vertex_count()).map(|vertex| founders[groups.position_of[vertex] as usize]).collect();
    Partition::from_labels(labels)
}

/// Writes, for each position in `groups`, the position of its component's first member; returns how many groups have
/// more than one component.
fn components_within(graph: &WeightedGraph, groups: &Groups, founders: &mut [u32]) -> usize {
    let split = |stack: &mut Vec<u32>, (range, founders): (std::ops::Range<usize>, &mut [u32])| {
        let start = groups.offsets[range.start];
        let mut disconnected = 0;
        for group in range {
            let (from, to) = (groups.offsets[group], groups.offsets[group + 1]);
            let founders = &mut founders[(from - start) as usize..(to - start) as usize];
            disconnected += usize::from(components_of(graph, groups, from, founders, stack) > 1);
        }
        disconnected
    };
    groups.tasks(founders).into_par_iter().with_max_len(1).map_init(Vec::new, split).sum()
}

fn components_of(graph: &WeightedGraph, groups: &Groups, from: u32, founders: &mut [u32], stack: &mut Vec<u32>) -> usize {
    founders.fill(u32::MAX);
    let length = founders.len() as u32;
    let mut components = 0;
    for place in 0..length {
        if founders[place as usize] != u32::MAX {
            continue;
        }
        components += 1;
        founders[place as usize] = from + place;
        stack.push(place);
        while let Some(at) = stack.pop() {
            let vertex = groups.members[(from + at) as usize];
            for (&target, &weight) in graph.neighbors_of(vertex).iter().zip(graph.weights_of(vertex)) {
                let other = groups.position_of[target as usize].wrapping_sub(from);
                if other < length && weight > 0.0 && founders[other as usize] == u32::MAX {
                    founders[other as usize] = from + place;
                    stack.push(other);
                }
            }
        }
    }
    components
}

fn badly_connected<M: Mass>(graph: &WeightedGraph, masses: &[M], groups: &Groups, prepared: &Prepared) -> usize {
    let objective = &prepared.objective;
    let is_bad = |&group: &usize| {
        let (from, to) = (groups.offsets[group], groups.offsets[group + 1]);
        let members = &groups.members[from as usize..to as usize];
        let total = members.iter().fold(M::ZERO, |sum, &member| sum.plus(masses[member as usize]));
        members.iter().any(|&member| {
            let row = graph.neighbors_of(member).iter().zip(graph.weights_of(member));
            let is_inside =
                |target: u32| target != member && groups.position_of[target as usize].wrapping_sub(from) < to - from;
            let inside: f64 = row.filter(|&(&target, _)| is_inside(target)).map(|(_, &weight)| f64::from(weight)).sum();
            let mass = masses[member as usize];
            inside + objective.tolerance < objective.scale * mass.product(total.minus(mass))
        })
    };
    (0..groups.group_count()).into_par_iter().filter(is_bad).count()
}
