//! Components and communities on request, with filters and quality functions of the caller's choice.
//!
//! `detect` runs its own; these answer "what if we linked by payment only" and "where does the giant component appear".

use graph::{IdentifierId, Partition};
use serde::Serialize;

use crate::dataset::Dataset;
use crate::error::Error;

/// Which identifiers link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ComponentFilter {
    /// Kinds that link; empty: all.
    pub kinds: Vec<String>,
    /// Identifiers with more accounts than this don't link; `None`: all do.
    pub max_degree: Option<u32>,
}

/// Connected components over the identifiers that pass the filter.
///
/// # Errors
/// [`Error::Unknown`] for a kind that the store doesn't have.
pub fn components(dataset: &Dataset, filter: &ComponentFilter) -> Result<Partition, Error> {
    let graph = dataset.graph();
    let mut kinds = vec![filter.kinds.is_empty(); graph.kind_count()];
    for kind in &filter.kinds {
        kinds[dataset.kind(kind)?.index()] = true;
    }
    let mut keep = vec![false; graph.identifier_count()];
    for (kind, _) in kinds.iter().enumerate().filter(|(_, allowed)| **allowed) {
        for identifier in graph.identifiers_of_kind(graph::KindId(kind as u8)) {
            let degree = graph.identifier_degree(IdentifierId(identifier));
            keep[identifier as usize] = filter.max_degree.is_none_or(|most| degree <= most as usize);
        }
    }
    Ok(graph::components::bipartite_components(graph, &keep))
}

/// What links at one degree cap.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SweepPoint {
    /// Identifiers with at most this many accounts link.
    pub max_degree: u32,
    /// Components with at least two accounts.
    pub components: u64,
    /// Accounts in the largest.
    pub largest_component: u64,
    /// Accounts in any component of at least two.
    pub linked_accounts: u64,
}

/// How a partition is searched for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CommunitySearch {
    /// Leiden, or Louvain.
    pub leiden: bool,
    /// Quality function.
    pub quality: Quality,
    /// Resolution.
    pub resolution: f64,
    /// Seed.
    pub seed: u64,
    /// Repeat until nothing improves.
    pub converge: bool,
}

/// What a partition is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quality {
    /// Newman and Girvan's modularity.
    Modularity,
    /// Constant Potts model.
    Cpm,
    /// Barber's bipartite modularity.
    Barber,
}

/// A partition and what was audited of it.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundCommunities {
    /// The communities of all vertices.
    pub partition: Partition,
    /// Its quality.
    pub quality: f64,
    /// Communities that aren't connected; always 0 for Leiden.
    pub disconnected: u64,
}
