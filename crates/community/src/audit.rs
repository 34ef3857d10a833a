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
    let prepared = prepared_for(graph, partition, config)?;
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

/// Pairs of communities that are better off as one: w(C, D) > λ·m_C·m_D, what Traag, Waltman and van Eck (2019,
/// doi:10.1038/s41598-019-41695-z) call not γ-separated. 0 of a fixed point of Leiden's or Louvain's; [`crate::Effort::Fast`] ends
/// before. O(entries log entries), in parallel, 16 bytes an edge between communities.
///
/// # Errors
/// As [`audit`].
pub fn unseparated(graph: &WeightedGraph, partition: &Partition, config: &QualityConfig) -> Result<usize, CommunityError> {
    let prepared = prepared_for(graph, partition, config)?;
    let labels = partition.labels();
    let leaving = |vertex: u32| {
        let own = labels[vertex as usize];
        let row = graph.neighbors_of(vertex).iter().zip(graph.weights_of(vertex));
        // Every edge stands in the rows of both ends, and is taken from the lower community's.
        let towards = move |(&target, &weight): (&u32, &f32)| {
            let other = labels[target as usize];
            (own < other).then_some((u64::from(own) << 32 | u64::from(other), f64::from(weight)))
        };
        row.filter_map(towards)
    };
    let mut between: Vec<(u64, f64)> =
        (0..labels.len() as u32).into_par_iter().with_min_len(TASK).flat_map_iter(leaving).collect();
    between.par_sort_by_key(|&(pair, _)| pair);
    Ok(match &prepared.masses {
        Masses::One(masses) => better_as_one(masses, partition, &prepared.objective, &between),
        Masses::Two(masses) => better_as_one(masses, partition, &prepared.objective, &between),
    })
}

fn better_as_one<M: Mass>(masses: &[M], partition: &Partition, objective: &Objective, between: &[(u64, f64)]) -> usize {
    let totals = sum_by_group(masses, partition);
    let gains = |pair: &&[(u64, f64)]| {
        let (one, other) = ((pair[0].0 >> 32) as usize, pair[0].0 as u32 as usize);
        let weight: f64 = pair.iter().map(|&(_, weight)| weight).sum();
        weight > objective.scale * totals[one].product(totals[other]) + objective.tolerance
    };
    between.chunk_by(|a, b| a.0 == b.0).filter(gains).count()
}

/// What modularity can't see.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ResolutionLimit {
    /// √(2m·w/γ), w the mean weight of an edge: two communities with less strength than this each are better off as one if a
    /// single edge of mean weight joins them, however well each hangs together.
    pub strength: f64,
    /// Communities of two vertices and more with less strength: each may be several.
    pub communities: usize,
}

/// The resolution limit of modularity (Fortunato and Barthélemy 2007, doi:10.1073/pnas.0605965104) at a resolution γ, and the
/// communities below it. `None` where there are no edges or γ is 0. O(entries), in parallel.
///
/// # Errors
/// As [`audit`].
pub fn resolution_limit(
    graph: &WeightedGraph,
    partition: &Partition,
    resolution: f64,
) -> Result<Option<ResolutionLimit>, CommunityError> {
    let config = QualityConfig { resolution, ..QualityConfig::default() };
    let Prepared { objective, masses, mean_weight } = prepared_for(graph, partition, &config)?;
    let Masses::One(masses) = masses else { unreachable!("modularity has one mass a vertex") };
    if objective.scale <= 0.0 {
        return Ok(None);
    }
    // Two strengths K merge where w > λ·K², λ = γ / 2m in units of mass.
    let limit = (mean_weight / objective.scale).sqrt();
    let totals = sum_by_group(&masses, partition);
    let below = totals.iter().zip(partition.sizes()).filter(|&(&mass, &size)| size > 1 && (mass as f64) < limit).count();
    let strength = (2.0 * objective.total * mean_weight / resolution).sqrt();
    Ok(Some(ResolutionLimit { strength, communities: below }))
}

fn prepared_for(graph: &WeightedGraph, partition: &Partition, config: &QualityConfig) -> Result<Prepared, CommunityError> {
    let (expected, found) = (graph.vertex_count(), partition.vertex_count());
    if expected != found {
        return Err(CommunityError::Start { expected, found });
    }
    prepare(graph, config)
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
