//! The Louvain and Leiden algorithms.
//!
//! Before the first pass the graph is reduced ([`crate::reduction`]): leaves need no search.
//!
//! One pass of Leiden (Traag, Waltman and van Eck 2019, doi:10.1038/s41598-019-41695-z):
//! 1. [`local_moving`] of single vertices gives communities;
//! 2. [`refine`] splits each into well-connected parts;
//! 3. [`aggregate`] makes every part a vertex, the communities being where those vertices start; again from 1 until
//!    nothing coarsens.
//!
//! Louvain (Blondel et al. 2008, doi:10.1088/1742-5468/2008/10/P10008) is the same without 2: parts are communities. Passes
//! repeat as [`Effort`] says, each from the communities of the one before; a pass never lowers the quality. Between two passes
//! the levels are gone through again from coarse to fine, moving the vertices of each (multi-level refinement: Rotta and Noack
//! 2011, doi:10.1145/1963190.1970376), which mends more than another pass at a fraction of its cost. Early passes end a phase
//! of moving when a round over its queue hardly gains ([`Effort::LEAST_GAIN`]; threshold scaling as in GVE-Leiden, Sahu 2023,
//! arXiv:2312.13936).
//!
//! Last, a community of Leiden's that is not connected (possible where a pass ends on vertices that moved after their
//! refinement) is split into its components, which never lowers the quality: parts being connected, the coarsest level says
//! which. Louvain's stay as they are. Whole results are audited. Cost O(entries) a level; the same bits on any number of
//! threads.

use graph::{Partition, WeightedGraph, components_within};
use rayon::prelude::*;

use crate::aggregation::aggregate;
use crate::audit::{Audit, audit_prepared};
use crate::config::{Effort, LeidenConfig, LouvainConfig, QualityConfig};
use crate::error::CommunityError;
use crate::groups::Groups;
use crate::local_moving::local_moving;
use crate::network::{Mass, Network, Weight};
use crate::objective::{Masses, Objective, Prepared, inside, prepare, prepared_quality, value};
use crate::random::visiting_order;
use crate::reduction::{Folding, Reduction, reduce};
use crate::refinement::{Refined, refine};

/// Passes of [`Effort::Converge`] end when one gains less than this fraction of the quality.
const CONVERGED: f64 = 1e-6;

/// What [`leiden`] and [`louvain`] return.
#[derive(Clone, Debug, PartialEq)]
pub struct Communities {
    /// The communities.
    pub partition: Partition,
    /// The levels of the last pass.
    pub hierarchy: Hierarchy,
    /// Quality of `partition`; see [`crate::quality`].
    pub quality: f64,
    /// Passes made.
    pub iterations: usize,
    /// The check of `partition`.
    pub audit: Audit,
}

/// From fine to coarse: what became a vertex of each next level.
#[derive(Clone, Debug, PartialEq)]
pub struct Hierarchy {
    folding: Folding,
    /// For each level the part that each of its vertices went into.
    maps: Vec<Vec<u32>>,
}

impl Hierarchy {
    /// The parts of every level, each coarser than the one before. Louvain's last are its communities; Leiden's last lie within
    /// them.
    pub fn levels(&self) -> Vec<Partition> {
        let mut part_of: Option<Vec<u32>> = None;
        let level = |map: &Vec<u32>| {
            let parts = part_of.take().map_or_else(|| map.clone(), |below| through(&below, map));
            let partition = Partition::from_labels(self.folding.expand(&parts));
            part_of = Some(parts);
            partition
        };
        self.maps.iter().map(level).collect()
    }
}

/// Leiden communities, from `start` (an earlier partition: a warm start) or from single vertices.
///
/// Each community is connected with any effort. That no vertex gains by a move, and no part of a community by leaving it, the
/// algorithm promises of its fixed point only: [`crate::Effort::Converge`] comes as near as passes still gain, and
/// [`crate::Effort::Fast`], the default, stops before. Refining, a vertex joins what gains; the authors' program also lets it stay
/// alone, or join what gains nothing.
///
/// # Errors
/// Negative or non-finite weights, settings out of range, a start of another size, a quality function that needs sides.
pub fn leiden(graph: &WeightedGraph, start: Option<&Partition>, config: &LeidenConfig) -> Result<Communities, CommunityError> {
    Ok(judged(graph, leiden_search(graph, start, config)?, &config.objective))
}

/// The partition of [`leiden`] alone: neither judged nor audited, which is a tenth to a fifth of the work.
///
/// # Errors
/// As [`leiden`].
pub fn leiden_partition(
    graph: &WeightedGraph,
    start: Option<&Partition>,
    config: &LeidenConfig,
) -> Result<Partition, CommunityError> {
    Ok(leiden_search(graph, start, config)?.partition)
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
    let searched = search(graph, start, &config.objective, config.effort, config.seed, Method::Louvain)?;
    Ok(judged(graph, searched, &config.objective))
}

/// Which parts become vertices.
#[derive(Clone, Copy)]
enum Method {
    Louvain,
    Leiden { randomness: f64 },
}

/// A partition that isn't judged yet, and how it came about.
struct Searched {
    partition: Partition,
    hierarchy: Hierarchy,
    iterations: usize,
    prepared: Prepared,
}

fn judged(graph: &WeightedGraph, searched: Searched, quality: &QualityConfig) -> Communities {
    let Searched { partition, hierarchy, iterations, prepared } = searched;
    let inside = inside(graph, &partition);
    let audit = audit_prepared(&partition, &components_within(graph, &partition), &prepared, &inside);
    let quality = prepared_quality(&partition, quality, &prepared, &inside);
    Communities { partition, hierarchy, quality, iterations, audit }
}

fn leiden_search(graph: &WeightedGraph, start: Option<&Partition>, config: &LeidenConfig) -> Result<Searched, CommunityError> {
    if !(config.randomness.is_finite() && config.randomness > 0.0) {
        let (name, found, expected) = ("randomness", config.randomness, "a finite number above 0");
        return Err(CommunityError::Setting { name, found, expected });
    }
    search(graph, start, &config.objective, config.effort, config.seed, Method::Leiden { randomness: config.randomness })
}

fn search(
    graph: &WeightedGraph,
    start: Option<&Partition>,
    quality: &QualityConfig,
    effort: Effort,
    seed: u64,
    method: Method,
) -> Result<Searched, CommunityError> {
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
    let (labels, hierarchy, iterations) = match &prepared.masses {
        Masses::One(masses) => repeat(graph, masses, start, &prepared.objective, effort, seed, method),
        Masses::Two(masses) => repeat(graph, masses, start, &prepared.objective, effort, seed, method),
    };
    Ok(Searched { partition: Partition::from_labels(labels), hierarchy, iterations, prepared })
}

/// Reduces the graph and makes passes over what is left. Returns labels of the graph's vertices, the hierarchy and the number
/// of passes.
fn repeat<M: Mass>(
    graph: &WeightedGraph,
    masses: &[M],
    start: Option<&Partition>,
    objective: &Objective,
    effort: Effort,
    seed: u64,
    method: Method,
) -> (Vec<u32>, Hierarchy, usize) {
    let Reduction { core, folding } = reduce(graph, masses, objective);
    let mut labels: Vec<u32> = match start {
        Some(start) => {
            let mut labels: Vec<u32> = folding.origins.iter().map(|&vertex| start.label_of(vertex)).collect();
            number_consecutively(&mut labels, start.group_count());
            labels
        }
        None => (0..core.vertex_count() as u32).collect(),
    };
    let mut iterations = 0;
    let mut reached = f64::NEG_INFINITY;
    loop {
        let random = Random { seed, stream: (iterations as u64) << 32 };
        let least_gain = effort.least_gain(iterations) * objective.total;
        let mut climbed = climb(&core, labels, objective, random, least_gain, method);
        iterations += 1;
        labels = climbed.labels();
        let mut is_last = iterations == effort.passes();
        if effort == Effort::Converge {
            let before = std::mem::replace(&mut reached, value(&core, &labels, objective));
            is_last |= effort.may_end(iterations) && reached <= before + CONVERGED * before.abs();
        }
        if is_last {
            if matches!(method, Method::Leiden { .. }) {
                climbed.split(&core);
                labels = climbed.labels();
            }
            return (folding.expand(&labels), Hierarchy { folding, maps: climbed.maps }, iterations);
        }
        let random = Random { seed, stream: random.stream + DESCENT };
        labels = climbed.descend(objective, random, effort.least_gain(iterations) * objective.total);
    }
}

/// The seed, and the first stream a pass may use.
#[derive(Clone, Copy)]
struct Random {
    seed: u64,
    stream: u64,
}

/// Where the streams of a pass's descent start.
const DESCENT: u64 = 1 << 31;

/// What a pass leaves.
struct Climbed<M> {
    /// The networks above the finest.
    networks: Vec<Network<f64, M>>,
    /// For each level the part that each of its vertices went into.
    maps: Vec<Vec<u32>>,
    /// The communities of the coarsest level's vertices.
    top: Vec<u32>,
}

/// One pass: levels from fine to coarse until nothing coarsens.
fn climb<M: Mass>(
    network: &Network<f32, M>,
    labels: Vec<u32>,
    objective: &Objective,
    mut random: Random,
    least_gain: f64,
    method: Method,
) -> Climbed<M> {
    let (mut networks, mut maps): (Vec<Network<f64, M>>, _) = (Vec::new(), Vec::new());
    let mut level = one_level(network, labels, objective, random, least_gain, method);
    while let Some(up) = level.up {
        maps.push(up.parts.labels);
        random.stream += 2;
        level = one_level(&up.network, up.parts.community_of, objective, random, least_gain, method);
        networks.push(up.network);
    }
    Climbed { networks, maps, top: level.labels }
}

impl<M: Mass> Climbed<M> {
    /// The communities of the finest level's vertices.
    fn labels(&self) -> Vec<u32> {
        self.maps.iter().rev().fold(self.top.clone(), |labels, map| through(map, &labels))
    }

    /// Splits communities into their components.
    fn split(&mut self, core: &Network<f32, M>) {
        match self.networks.last() {
            Some(network) => split(network, &mut self.top),
            None => split(core, &mut self.top),
        }
    }

    /// [`Climbed::labels`] after local moving on each level from coarse to fine, except the finest, where the next pass begins
    /// with that.
    fn descend(&self, objective: &Objective, mut random: Random, least_gain: f64) -> Vec<u32> {
        // The map of a level leads from its vertices to those of the network above, `networks` of the same index.
        let mut labels = self.top.clone();
        for (network, map) in self.networks.iter().zip(&self.maps).rev() {
            random.stream += 1;
            let order = visiting_order(network.vertex_count(), random.seed, random.stream);
            local_moving(network, &mut labels, &order, objective, least_gain);
            labels = through(map, &labels);
        }
        labels
    }
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
    network: Network<f64, M>,
}

fn one_level<W: Weight, M: Mass>(
    network: &Network<W, M>,
    mut labels: Vec<u32>,
    objective: &Objective,
    random: Random,
    least_gain: f64,
    method: Method,
) -> Level<M> {
    let count = network.vertex_count();
    let order = visiting_order(count, random.seed, random.stream);
    local_moving(network, &mut labels, &order, objective, least_gain);
    let community_count = number_consecutively(&mut labels, count);
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

/// Labels the components within groups by their lowest vertices.
fn split<W: Weight, M: Mass>(network: &Network<W, M>, labels: &mut [u32]) {
    const NONE: u32 = u32::MAX;
    let mut lowest_of = vec![NONE; labels.len()];
    let mut reached = Vec::new();
    for lowest in 0..labels.len() as u32 {
        if lowest_of[lowest as usize] == NONE {
            lowest_of[lowest as usize] = lowest;
            reached.push(lowest);
        }
        while let Some(vertex) = reached.pop() {
            for &neighbor in network.row_of(vertex).targets {
                if lowest_of[neighbor as usize] == NONE && labels[neighbor as usize] == labels[vertex as usize] {
                    lowest_of[neighbor as usize] = lowest;
                    reached.push(neighbor);
                }
            }
        }
    }
    labels.copy_from_slice(&lowest_of);
}

/// Numbers labels, all below `bound`, in order of first appearance; returns their count.
fn number_consecutively(labels: &mut [u32], bound: usize) -> usize {
    let mut number_of = vec![u32::MAX; bound];
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
