//! The Louvain and Leiden algorithms.
//!
//! One pass of Leiden (Traag, Waltman and van Eck 2019, doi:10.1038/s41598-019-41695-z):
//! 1. [`local_moving`] of single vertices gives communities;
//! 2. [`refine`] splits each into well-connected parts;
//! 3. [`aggregate`] makes every part a vertex, the communities being where those vertices start; again from 1 until
//!    nothing coarsens.
//!
//! Louvain (Blondel et al. 2008, doi:10.1088/1742-5468/2008/10/P10008) is the same without 2: parts are communities. Passes
//! repeat as [`Effort`] says, each from the communities of the one before.
//!
//! Last, the result is audited; a community of Leiden's that is not connected (possible where a pass ends on vertices that
//! moved after their refinement) is split into its components, which never lowers the quality. Louvain's stay as they are.
//! Cost O(entries) a level; the same bits on any number of threads.

use graph::{Partition, WeightedGraph};
use rayon::prelude::*;

use crate::aggregation::aggregate;
use crate::audit::{Audit, audit_prepared, split_disconnected};
use crate::config::{Effort, LeidenConfig, LouvainConfig, QualityConfig};
use crate::error::CommunityError;
use crate::local_moving::local_moving;
use crate::network::{Aggregate, Mass, Network, Weight};
use crate::objective::{Masses, Objective, prepare, prepared_quality, view};
use crate::random::visiting_order;
use crate::refinement::{Groups, Refined, refine};

/// Passes of [`Effort::Converge`] end when one gains less than this fraction of the quality.
const CONVERGED: f64 = 1e-6;

/// What [`leiden`] and [`louvain`] return.
#[derive(Clone, Debug, PartialEq)]
pub struct Communities {
    /// The communities.
    pub partition: Partition,
    /// The last pass from fine to coarse: the parts that each level made vertices of. Each is coarser than the one before;
    /// Louvain's last equals `partition`.
    pub levels: Vec<Partition>,
    /// Quality of `partition`; see [`crate::quality`].
    pub quality: f64,
    /// Passes made.
    pub iterations: usize,
    /// The check of `partition`.
    pub audit: Audit,
}

/// Leiden communities, from `start` (an earlier partition: a warm start) or from single vertices.
///
/// # Errors
/// Negative or non-finite weights, settings out of range, a start of another size, a quality function that needs sides.
pub fn leiden(graph: &WeightedGraph, start: Option<&Partition>, config: &LeidenConfig) -> Result<Communities, CommunityError> {
    if !(config.randomness.is_finite() && config.randomness > 0.0) {
        let (name, found, expected) = ("randomness", config.randomness, "a finite number above 0");
        return Err(CommunityError::Setting { name, found, expected });
    }
    search(graph, start, &config.objective, config.effort, config.seed, Method::Leiden { randomness: config.randomness })
}

/// Louvain communities, from `start` or from single vertices. They may be disconnected inside: see [`Communities::audit`].
///
/// # Errors
/// As [`leiden`].
pub fn louvain(
    graph: &WeightedGraph,
    start: Option<&Partition>,
    config: &LouvainConfig,
) -> Result<Communities, CommunityError> {
    search(graph, start, &config.objective, config.effort, config.seed, Method::Louvain)
}

/// Which parts become vertices.
#[derive(Clone, Copy)]
enum Method {
    Louvain,
    Leiden { randomness: f64 },
}

fn search(
    graph: &WeightedGraph,
    start: Option<&Partition>,
    quality: &QualityConfig,
    effort: Effort,
    seed: u64,
    method: Method,
) -> Result<Communities, CommunityError> {
    let expected = graph.vertex_count();
    if let Some(found) = start.map(Partition::vertex_count)
        && found != expected
    {
        return Err(CommunityError::Start { expected, found });
    }
    let prepared = prepare(graph, quality)?;
    let method = match method {
        Method::Leiden { randomness } => Method::Leiden { randomness: randomness * prepared.mean_weight },
        Method::Louvain => Method::Louvain,
    };
    let mut best: Option<Communities> = None;
    for iteration in 0..effort.passes() {
        let from = best.as_ref().map(|best| &best.partition).or(start);
        let labels = from.map_or_else(|| (0..expected as u32).collect(), |from| from.labels().to_vec());
        let random = Random { seed, stream: (iteration as u64) << 32 };
        let (labels, levels) = match &prepared.masses {
            Masses::One(masses) => pass(view(graph, masses), labels, &prepared.objective, random, method),
            Masses::Two(masses) => pass(view(graph, masses), labels, &prepared.objective, random, method),
        };
        let mut partition = Partition::from_labels(labels);
        let mut audit = audit_prepared(graph, &partition, &prepared);
        if matches!(method, Method::Leiden { .. }) && audit.disconnected > 0 {
            partition = split_disconnected(graph, &partition);
            audit = audit_prepared(graph, &partition, &prepared);
        }
        let quality = prepared_quality(graph, &partition, quality, &prepared);
        let iterations = iteration + 1;
        let before = best.as_ref().map_or(f64::NEG_INFINITY, |best| best.quality);
        if quality > before {
            best = Some(Communities { partition, levels, quality, iterations, audit });
        } else if let Some(best) = &mut best {
            best.iterations = iterations;
        }
        if quality <= before + CONVERGED * before.abs() {
            break;
        }
    }
    Ok(best.expect("there is at least one pass, and its quality is a number"))
}

/// The seed, and the first stream a pass may use.
#[derive(Clone, Copy)]
struct Random {
    seed: u64,
    stream: u64,
}

/// One pass: the communities of the vertices, and the levels.
fn pass<M: Mass>(
    network: Network<'_, f32, M>,
    labels: Vec<u32>,
    objective: &Objective,
    mut random: Random,
    method: Method,
) -> (Vec<u32>, Vec<Partition>) {
    let mut level = climb(network, labels, objective, random, method);
    let mut part_of: Vec<u32> = Vec::new();
    let mut levels = Vec::new();
    while let Some(up) = level.up {
        part_of = if levels.is_empty() { up.parts.labels } else { through(&part_of, &up.parts.labels) };
        levels.push(Partition::from_labels(part_of.clone()));
        random.stream += 2;
        level = climb(up.network.network(), up.parts.community_of, objective, random, method);
    }
    let labels = if levels.is_empty() { level.labels } else { through(&part_of, &level.labels) };
    (labels, levels)
}

fn through(part_of: &[u32], label_of: &[u32]) -> Vec<u32> {
    part_of.par_iter().map(|&part| label_of[part as usize]).collect()
}

/// One level: its communities, and the way up unless nothing coarsens.
struct Level<M> {
    labels: Vec<u32>,
    up: Option<Up<M>>,
}

struct Up<M> {
    parts: Refined,
    network: Aggregate<M>,
}

fn climb<W: Weight, M: Mass>(
    network: Network<'_, W, M>,
    mut labels: Vec<u32>,
    objective: &Objective,
    random: Random,
    method: Method,
) -> Level<M> {
    let count = network.vertex_count();
    let order = visiting_order(count, random.seed, random.stream);
    local_moving(network, &mut labels, order, objective);
    let community_count = number_consecutively(&mut labels);
    if community_count == count {
        return Level { labels, up: None };
    }
    let parts = match method {
        Method::Louvain => Refined { labels: labels.clone(), community_of: (0..community_count as u32).collect() },
        Method::Leiden { randomness } => {
            let groups = Groups::new(&labels, community_count);
            refine(network, &groups, objective, randomness, random.seed, random.stream + 1)
        }
    };
    let part_count = parts.community_of.len();
    if part_count == count {
        return Level { labels, up: None };
    }
    let network = aggregate(network, &parts.labels, part_count);
    Level { labels, up: Some(Up { parts, network }) }
}

/// Numbers labels in order of first appearance; returns their count.
fn number_consecutively(labels: &mut [u32]) -> usize {
    let mut number_of = vec![u32::MAX; labels.len()];
    let mut count = 0;
    for label in labels {
        let number = &mut number_of[*label as usize];
        if *number == u32::MAX {
            *number = count;
            count += 1;
        }
        *label = *number;
    }
    count as usize
}
