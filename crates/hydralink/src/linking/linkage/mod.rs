//! Components and communities on request, with filters and quality functions of the caller's choice.
//!
//! `detect` runs its own; these answer "what if we linked by payment only" and "where does the giant component appear".

use community::Effort;
use graph::{IdentifierFilter, KindId, Kinds, Partition};
use serde::Serialize;

use crate::dataset::Dataset;
use crate::error::Error;
use crate::results::Labelling;

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
    let kinds = filter.kinds.iter().map(|kind| dataset.kind(kind)).collect::<Result<Vec<KindId>, Error>>()?;
    let filter = IdentifierFilter {
        kinds: if kinds.is_empty() { Kinds::All } else { Kinds::Only(&kinds) },
        max_degree: filter.max_degree.map_or(usize::MAX, |most| most as usize),
        ..IdentifierFilter::default()
    };
    Ok(graph::bipartite_components(dataset.graph(), &filter))
}

/// The components of the graph that the last detection searched, in which nothing but what carries evidence links: what
/// [`crate::query::Member::component`] is, under the same numbers. [`components`] lets everything link, unless it is filtered.
pub fn detected_components(results: &Labelling) -> Partition {
    Partition::from_labels(results.components.to_vec())
}

/// What links at one degree cap.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SweepPoint {
    /// Identifiers with at most this many accounts link.
    pub max_degree: u32,
    /// Components with at least two accounts.
    pub components: u64,
    /// Accounts in the largest.
    pub largest_component: u64,
    /// Accounts in any component of at least two.
    pub linked_accounts: u64,
    /// What the largest gained at this cap, as a share of all accounts: most where the giant component appears.
    pub jump: f64,
}

/// The component sizes at every degree cap: where the giant component appears.
pub fn degree_sweep(dataset: &Dataset) -> Vec<SweepPoint> {
    let mut before = 1;
    let steps = graph::hub_sweep(dataset.graph(), &IdentifierFilter::default()).into_iter().map(|step| SweepPoint {
        max_degree: step.max_degree,
        components: u64::from(step.component_count),
        largest_component: u64::from(step.largest),
        linked_accounts: u64::from(step.linked_accounts),
        jump: f64::from(step.largest - std::mem::replace(&mut before, step.largest)) / dataset.graph().account_count() as f64,
    });
    steps.collect()
}

/// How a partition is searched for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CommunitySearch {
    /// Algorithm.
    pub algorithm: Algorithm,
    /// Quality function.
    pub quality: Quality,
    /// Resolution.
    pub resolution: f64,
    /// Seed.
    pub seed: u64,
    /// How often it is repeated.
    pub effort: Effort,
}

/// What searches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Traag, Waltman and van Eck's.
    Leiden,
    /// Blondel, Guillaume, Lambiotte and Lefebvre's.
    Louvain,
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
#[non_exhaustive]
pub struct FoundCommunities {
    /// The communities of all vertices.
    pub partition: Partition,
    /// Its quality.
    pub quality: f64,
    /// Communities that aren't connected; always 0 for Leiden.
    pub disconnected: u64,
}

/// Communities of the weighted bipartite graph that the last detection searched; of the one that `detect` would search by its
/// defaults where there was none.
///
/// # Errors
/// [`Error::Community`] for a resolution that makes no sense; as [`Dataset::labelling`] and [`crate::results::Run::detect_config`].
pub fn communities(dataset: &Dataset, search: &CommunitySearch) -> Result<FoundCommunities, Error> {
    let allowed = dataset.allowed()?;
    let facts = dataset.facts(&allowed);
    let config = match dataset.labelling() {
        Ok(results) => results.run.detect_config()?.linkage,
        Err(Error::NotDetected { .. }) => evidence::LinkageConfig::default(),
        Err(error) => return Err(error),
    };
    let classification = evidence::classify_identifiers(facts, &config.classify);
    let weights = evidence::weigh_sightings(facts, &classification, &config.weigh);
    let weighted = evidence::weighted_graph(facts, &weights)?;
    let quality = match search.quality {
        Quality::Modularity => community::Quality::Modularity,
        Quality::Cpm => community::Quality::Cpm,
        Quality::Barber => community::Quality::Barber,
    };
    let objective = community::QualityConfig { quality, resolution: search.resolution, total_weight: None };
    let CommunitySearch { seed, effort, .. } = *search;
    let found = match search.algorithm {
        Algorithm::Leiden => {
            community::leiden(&weighted, None, &community::LeidenConfig { objective, effort, seed, ..Default::default() })?
        }
        Algorithm::Louvain => community::louvain(&weighted, None, &community::LouvainConfig { objective, effort, seed })?,
    };
    Ok(FoundCommunities { quality: found.quality, disconnected: found.audit.disconnected as u64, partition: found.partition })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{DetectConfig, detect};
    use crate::observe::Unobserved;
    use crate::testing::store_of_events;

    #[test]
    fn communities_are_of_the_graph_that_the_last_detection_searched() {
        let folder = tempfile::tempdir().unwrap();
        let rows: Vec<(u32, u32, u32, u32)> = (0..60).map(|at| (at % 12, 1 + at % 5, at % 4, at)).collect();
        let path = store_of_events(folder.path(), "store", &rows);
        let search = CommunitySearch {
            algorithm: Algorithm::Leiden,
            quality: Quality::Cpm,
            resolution: 0.01,
            seed: 1,
            effort: Effort::default(),
        };
        let quality = || communities(&Dataset::open(&path).unwrap(), &search).unwrap().quality;
        let before = quality();
        let mut config = DetectConfig::default();
        detect(&path, &config, &Unobserved).unwrap();
        assert_eq!(quality(), before);
        config.linkage.weigh.scheme = evidence::WeightScheme::Uniform;
        detect(&path, &config, &Unobserved).unwrap();
        assert_ne!(quality(), before);
    }
}
