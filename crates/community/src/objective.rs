//! How good is a partition? Modularity, the constant Potts model and Barber's modularity as one formula.
//!
//! With masses m that add up and have a symmetric product, each is Σ_C [w_in(C) − λ·(m_C·m_C)/2], up to a constant and a
//! factor, so the phases know only λ and the masses:
//!
//! | function | mass of a vertex | product | λ |
//! |---|---|---|---|
//! | modularity | strength k | k·k' | γ / 2m |
//! | constant Potts | size | n·n' | γ |
//! | Barber | (left strength, right strength) | a·b' + b·a' | γ / m |

use graph::{Partition, WeightedGraph};
use rayon::prelude::*;

use crate::config::{Quality, QualityConfig};
use crate::error::CommunityError;
use crate::network::{Mass, Network, Weight};

/// Moves must gain more than this fraction of the total weight: rounding of sums is below it.
const TOLERANCE: f64 = 1e-12;
/// Vertices per partial sum.
const CHUNK: usize = 4096;

/// What the phases need to know of the quality function.
pub(crate) struct Objective {
    /// λ.
    pub(crate) scale: f64,
    /// Gains up to this are no gains.
    pub(crate) tolerance: f64,
    /// The total weight of the graph.
    pub(crate) total: f64,
}

/// Masses of all vertices, in whole units.
pub(crate) enum Masses {
    One(Vec<i64>),
    Two(Vec<[i64; 2]>),
}

/// A graph seen through a quality function.
pub(crate) struct Prepared {
    pub(crate) objective: Objective,
    pub(crate) masses: Masses,
    /// Mean weight of an entry.
    pub(crate) mean_weight: f64,
}

/// The quality of a partition.
///
/// - Modularity (Newman and Girvan 2004): Σ_C [w_in(C)/m − γ·(k_C/2m)²], w_in the weight inside (self-loops once), k_C the
///   strength (self-loops twice), m the total weight.
/// - Constant Potts model (Traag et al. 2011, doi:10.1103/PhysRevE.84.016114): Σ_C [w_in(C) − γ·(n_C² − Σ_{v∈C} n_v²)/2];
///   with sizes of 1 that is γ·n_C(n_C − 1)/2.
/// - Barber (2007, doi:10.1103/PhysRevE.76.066102): Σ_C [w_in(C)/m − γ·a_C·b_C/m²], a and b the strengths of left and right.
///
/// 0 if the total weight is 0 (for the Potts model: if no two vertices share a group), NaN if the function needs a bipartite
/// graph and this isn't one. O(entries), in parallel, the same bits on any number of threads.
///
/// # Panics
/// If the partition has another number of vertices than the graph.
pub fn quality(graph: &WeightedGraph, partition: &Partition, config: &QualityConfig) -> f64 {
    assert_eq!(graph.vertex_count(), partition.vertex_count(), "the partition is of another graph");
    match prepare(graph, config) {
        Ok(prepared) => prepared_quality(partition, config, &prepared, &inside(graph, partition)),
        Err(_) => f64::NAN,
    }
}

/// What lies inside the groups of a partition, seen from one vertex.
#[derive(Clone, Copy)]
pub(crate) struct Inside {
    /// The weight to the others of its group.
    pub(crate) to_others: f64,
    /// The weight of its self-loop.
    pub(crate) to_itself: f64,
}

/// What every vertex has inside its group.
pub(crate) fn inside(graph: &WeightedGraph, partition: &Partition) -> Vec<Inside> {
    let labels = partition.labels();
    let of = |vertex: u32| {
        let own = labels[vertex as usize];
        let mut inside = Inside { to_others: 0.0, to_itself: 0.0 };
        for (&target, &weight) in graph.neighbors_of(vertex).iter().zip(graph.weights_of(vertex)) {
            if target == vertex {
                inside.to_itself = f64::from(weight);
            } else {
                inside.to_others += if labels[target as usize] == own { f64::from(weight) } else { 0.0 };
            }
        }
        inside
    };
    (0..labels.len() as u32).into_par_iter().with_min_len(CHUNK).map(of).collect()
}

/// [`quality`], of what every vertex has inside its group.
pub(crate) fn prepared_quality(partition: &Partition, config: &QualityConfig, prepared: &Prepared, inside: &[Inside]) -> f64 {
    let inner = sum_by_vertex(inside.len(), |vertex| {
        let Inside { to_others, to_itself } = inside[vertex as usize];
        to_others / 2.0 + to_itself
    });
    match &prepared.masses {
        Masses::One(masses) => quality_of(inner, masses, partition, config, &prepared.objective),
        Masses::Two(masses) => quality_of(inner, masses, partition, config, &prepared.objective),
    }
}

fn quality_of<M: Mass>(inner: f64, masses: &[M], partition: &Partition, config: &QualityConfig, objective: &Objective) -> f64 {
    let expected: f64 = sum_by_group(masses, partition).iter().map(|&mass| mass.product(mass)).sum();
    match config.quality {
        Quality::Modularity | Quality::Barber => {
            let total = config.total_weight.unwrap_or(objective.total);
            if total > 0.0 { (inner - objective.scale * expected / 2.0) / total } else { 0.0 }
        }
        Quality::Cpm | Quality::CpmLeft => {
            let own: f64 = masses.iter().map(|&mass| mass.product(mass)).sum();
            inner - objective.scale * (expected - own) / 2.0
        }
    }
}

/// The mass of each group.
pub(crate) fn sum_by_group<M: Mass>(masses: &[M], partition: &Partition) -> Vec<M> {
    let mut mass_of = vec![M::ZERO; partition.group_count()];
    for (&label, &mass) in partition.labels().iter().zip(masses) {
        mass_of[label as usize] = mass_of[label as usize].plus(mass);
    }
    mass_of
}

/// What differs of the quality between labellings of one network: Σ_C [w_in(C) − λ·(m_C·m_C)/2].
pub(crate) fn value<W: Weight, M: Mass>(network: &Network<W, M>, labels: &[u32], objective: &Objective) -> f64 {
    let inner = sum_by_vertex(labels.len(), |vertex| {
        let row = network.row_of(vertex).iter().filter(|&(target, _)| labels[target as usize] == labels[vertex as usize]);
        row.map(|(_, weight)| weight / 2.0).sum()
    });
    let mut mass_of = vec![M::ZERO; labels.len()];
    for (&label, &mass) in labels.iter().zip(&network.masses) {
        mass_of[label as usize] = mass_of[label as usize].plus(mass);
    }
    inner - objective.scale * mass_of.iter().map(|&mass| mass.product(mass)).sum::<f64>() / 2.0
}

/// Masses, λ and tolerance. Checks settings and weights.
pub(crate) fn prepare(graph: &WeightedGraph, config: &QualityConfig) -> Result<Prepared, CommunityError> {
    let setting = |name, found, expected| Err(CommunityError::Setting { name, found, expected });
    if !(config.resolution.is_finite() && config.resolution >= 0.0) {
        return setting("resolution", config.resolution, "a finite number of at least 0");
    }
    if let Some(total) = config.total_weight
        && !(total.is_finite() && total >= 0.0)
    {
        return setting("total_weight", total, "a finite number of at least 0");
    }
    let left_count = |quality| graph.left_count().ok_or(CommunityError::Sides { quality });
    let count = graph.vertex_count();
    let strengths = strengths(graph)?;
    let own_total = strengths.chunks(CHUNK).map(|chunk| chunk.iter().sum::<f64>()).sum::<f64>() / 2.0;
    let total = config.total_weight.unwrap_or(own_total);
    let per_total = |factor: f64| if total > 0.0 { config.resolution / (factor * total) } else { 0.0 };
    let unit = unit(own_total);
    let whole = |strength: f64| (strength / unit).round() as i64;
    let (scale, masses) = match config.quality {
        Quality::Modularity => (per_total(2.0) * unit * unit, Masses::One(strengths.into_iter().map(whole).collect())),
        Quality::Cpm => (config.resolution, Masses::One(vec![1; count])),
        Quality::CpmLeft => {
            let left = left_count("the left-sided constant Potts model")? as usize;
            (config.resolution, Masses::One((0..count).map(|vertex| i64::from(vertex < left)).collect()))
        }
        Quality::Barber => {
            let left = left_count("Barber's modularity")? as usize;
            let side = |(vertex, strength)| if vertex < left { [whole(strength), 0] } else { [0, whole(strength)] };
            (per_total(1.0) * unit * unit, Masses::Two(strengths.into_iter().enumerate().map(side).collect()))
        }
    };
    let mean_weight = 2.0 * own_total / graph.entry_count().max(1) as f64;
    Ok(Prepared { objective: Objective { scale, tolerance: TOLERANCE * own_total, total: own_total }, masses, mean_weight })
}

/// The strength that one unit of mass is: the power of two that makes the sum of all strengths at most 2^60. So whole and
/// dyadic strengths are exact, and others are rounded by less than an f64 sum of all would be.
fn unit(total: f64) -> f64 {
    const LARGEST_SUM: i32 = 60;
    if total > 0.0 { 2f64.powi((2.0 * total).log2().ceil() as i32 - LARGEST_SUM) } else { 1.0 }
}

/// The strength of every vertex, unless a weight is negative or not finite.
fn strengths(graph: &WeightedGraph) -> Result<Vec<f64>, CommunityError> {
    let strength = |vertex: u32| {
        let row = graph.neighbors_of(vertex).iter().zip(graph.weights_of(vertex));
        row.fold(0.0, |sum, (&target, &weight)| {
            // What makes no sum makes it NaN.
            let weight = if weight >= 0.0 { f64::from(weight) } else { f64::NAN };
            sum + if target == vertex { 2.0 * weight } else { weight }
        })
    };
    let strengths: Vec<f64> = (0..graph.vertex_count() as u32).into_par_iter().with_min_len(CHUNK).map(strength).collect();
    if strengths.par_iter().with_min_len(CHUNK).any(|strength| !strength.is_finite()) {
        let wrong = |weight: &f32| !(weight.is_finite() && *weight >= 0.0);
        let at = graph.weights().par_iter().position_first(wrong).expect("finite weights have finite sums");
        return Err(CommunityError::Weight { at, found: graph.weights()[at] });
    }
    Ok(strengths)
}

/// Σ over vertices, in chunks of a fixed size added in order.
fn sum_by_vertex(count: usize, value_of: impl Fn(u32) -> f64 + Sync) -> f64 {
    let chunk = |chunk: usize| (chunk * CHUNK..((chunk + 1) * CHUNK).min(count)).map(|vertex| value_of(vertex as u32)).sum();
    (0..count.div_ceil(CHUNK)).into_par_iter().map(chunk).collect::<Vec<f64>>().into_iter().sum()
}
