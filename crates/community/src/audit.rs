//! Does a partition keep its promises? Counts, connectedness, attachment.

use graph::{Partition, WeightedGraph, components_within};
use rayon::prelude::*;

use crate::config::QualityConfig;
use crate::error::CommunityError;
use crate::network::Mass;
use crate::objective::{Inside, Masses, Objective, Prepared, inside, prepare, sum_by_group};

/// Vertices that one task takes at least.
const TASK: usize = 2048;

/// The check of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
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
    let prepared = prepare(graph, config)?;
    Ok(audit_prepared(partition, &components_within(graph, partition), &prepared, &inside(graph, partition)))
}

/// [`audit`], of the connected components within the groups and what every vertex has inside its group.
pub(crate) fn audit_prepared(partition: &Partition, components: &Partition, prepared: &Prepared, inside: &[Inside]) -> Audit {
    let badly_connected = match &prepared.masses {
        Masses::One(masses) => badly_connected(masses, partition, &prepared.objective, inside),
        Masses::Two(masses) => badly_connected(masses, partition, &prepared.objective, inside),
    };
    Audit {
        vertices: partition.vertex_count(),
        communities: partition.group_count(),
        sizes_sum_ok: partition.sizes().iter().map(|&size| size as usize).sum::<usize>() == partition.vertex_count(),
        disconnected: groups_of_several(partition, components),
        badly_connected,
    }
}

/// Groups of `partition` that hold more than one of `components`, which lie within them.
fn groups_of_several(partition: &Partition, components: &Partition) -> usize {
    if components.group_count() == partition.group_count() {
        return 0;
    }
    let mut group_of = vec![u32::MAX; components.group_count()];
    partition.labels().iter().zip(components.labels()).for_each(|(&group, &component)| group_of[component as usize] = group);
    let mut held = vec![0u32; partition.group_count()];
    group_of.into_iter().for_each(|group| held[group as usize] += 1);
    held.into_iter().filter(|&count| count > 1).count()
}

/// Groups with a vertex that would rather be alone.
fn badly_connected<M: Mass>(masses: &[M], partition: &Partition, objective: &Objective, inside: &[Inside]) -> usize {
    let labels = partition.labels();
    let totals = sum_by_group(masses, partition);
    let is_bad = |&vertex: &u32| {
        let (own, mass) = (labels[vertex as usize], masses[vertex as usize]);
        inside[vertex as usize].to_others + objective.tolerance
            < objective.scale * mass.product(totals[own as usize].minus(mass))
    };
    let mut bad: Vec<u32> = (0..labels.len() as u32).into_par_iter().with_min_len(TASK).filter(is_bad).collect();
    bad.iter_mut().for_each(|vertex| *vertex = labels[*vertex as usize]);
    bad.sort_unstable();
    bad.dedup();
    bad.len()
}
