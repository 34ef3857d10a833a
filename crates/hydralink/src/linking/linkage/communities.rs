//! Communities with a quality function and a resolution of the caller's choice, and what changes with the resolution.

use community::Effort;
use graph::{Partition, WeightedGraph};
use serde::Serialize;

use crate::dataset::Dataset;
use crate::error::Error;
use crate::observe::{Observer, Steps};

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
#[non_exhaustive]
pub enum Algorithm {
    /// Traag, Waltman and van Eck's.
    Leiden,
    /// Blondel, Guillaume, Lambiotte and Lefebvre's.
    Louvain,
}

/// What a partition is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
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
    /// What it keeps of the promises of Leiden.
    pub audit: CommunityAudit,
}

/// Communities that don't keep what Traag, Waltman and van Eck (2019, doi:10.1038/s41598-019-41695-z) promise of Leiden's fixed
/// point.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CommunityAudit {
    /// Communities that aren't connected; always 0 for Leiden.
    pub disconnected: u64,
    /// Communities with a vertex that is better off alone: [`community::Audit::badly_connected`].
    pub badly_connected: u64,
    /// Pairs of communities that are better off as one: [`community::unseparated`].
    pub unseparated: u64,
    /// Of modularity: communities of two vertices and more below the resolution limit ([`community::resolution_limit`]), of
    /// which each may be several.
    pub below_resolution_limit: Option<u64>,
}

/// The weighted bipartite graph that the last detection searched; the one that `detect` would search by its defaults where there
/// was none.
fn searched_graph(dataset: &Dataset) -> Result<WeightedGraph, Error> {
    let allowed = dataset.allowed()?;
    let facts = dataset.facts(&allowed);
    let config = match dataset.labelling() {
        Ok(results) => results.run.detect_config()?.linkage,
        Err(Error::NotDetected { .. }) => evidence::LinkageConfig::default(),
        Err(error) => return Err(error),
    };
    let classification = evidence::classify_identifiers(facts, &config.classify);
    let weights = evidence::weigh_sightings(facts, &classification, &config.weigh);
    Ok(evidence::weighted_graph(facts, &weights)?)
}

fn search_in(weighted: &WeightedGraph, search: &CommunitySearch) -> Result<FoundCommunities, Error> {
    let quality = match search.quality {
        Quality::Modularity => community::Quality::Modularity,
        Quality::Cpm => community::Quality::Cpm,
        Quality::Barber => community::Quality::Barber,
    };
    let objective = community::QualityConfig { quality, resolution: search.resolution, total_weight: None };
    let CommunitySearch { seed, effort, .. } = *search;
    let found = match search.algorithm {
        Algorithm::Leiden => {
            community::leiden(weighted, None, &community::LeidenConfig { objective, effort, seed, ..Default::default() })?
        }
        Algorithm::Louvain => community::louvain(weighted, None, &community::LouvainConfig { objective, effort, seed })?,
    };
    let limit = match search.quality {
        Quality::Modularity => community::resolution_limit(weighted, &found.partition, search.resolution)?,
        Quality::Cpm | Quality::Barber => None,
    };
    let audit = CommunityAudit {
        disconnected: found.audit.disconnected as u64,
        badly_connected: found.audit.badly_connected as u64,
        unseparated: community::unseparated(weighted, &found.partition, &objective)? as u64,
        below_resolution_limit: limit.map(|limit| limit.communities as u64),
    };
    Ok(FoundCommunities { quality: found.quality, audit, partition: found.partition })
}

/// Communities of the weighted bipartite graph that the last detection searched; of the one that `detect` would search by its
/// defaults where there was none.
///
/// # Errors
/// [`Error::Community`] for a resolution that makes no sense; as [`Dataset::labelling`] and [`crate::results::Run::detect_config`].
pub fn communities(dataset: &Dataset, search: &CommunitySearch) -> Result<FoundCommunities, Error> {
    search_in(&searched_graph(dataset)?, search)
}

/// The communities at one resolution.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ResolutionPoint {
    /// γ.
    pub resolution: f64,
    /// Communities with at least two accounts.
    pub communities: u64,
    /// Accounts of the largest.
    pub largest_community: u64,
    /// Their quality at this γ: not comparable between resolutions.
    pub quality: f64,
    /// What they keep of the promises of Leiden.
    #[serde(flatten)]
    pub audit: CommunityAudit,
    /// Adjusted Rand index of the accounts' communities to those at the resolution before; `None` of the first.
    pub adjusted_rand: Option<f64>,
    /// Variation of information to them, in bits.
    pub variation_of_information: Option<f64>,
    /// Whether it is the most stable resolution that isn't the first or the last: the one whose communities are most like those of
    /// both neighbours, by the mean of the two indices.
    pub plateau: bool,
}

/// The resolutions of a sweep for which none are named: 1/8 to 8, each √2 times the one before.
pub fn usual_resolutions() -> Vec<f64> {
    (-6..=6).map(|step| 2f64.powf(f64::from(step) / 2.0)).collect()
}

/// Communities at each of some resolutions, in their order, and how much they change from one to the next: where a range of
/// resolutions gives about the same communities, they are the data's and not the resolution's (as in resolution profiles: Traag,
/// Krings and Van Dooren 2013, doi:10.1038/srep02930). One search each, by `search` otherwise, with the same seed.
///
/// # Errors
/// As [`communities`]; [`Error::Interrupted`] where the observer stops it.
pub fn resolution_sweep(
    dataset: &Dataset,
    search: &CommunitySearch,
    resolutions: &[f64],
    observer: &dyn Observer,
) -> Result<Vec<ResolutionPoint>, Error> {
    let weighted = searched_graph(dataset)?;
    let accounts = dataset.graph().account_count();
    let mut points: Vec<ResolutionPoint> = Vec::with_capacity(resolutions.len());
    let mut before: Option<Vec<u32>> = None;
    for (done, &resolution) in resolutions.iter().enumerate() {
        Steps::after(observer, done as u64, resolutions.len() as u64).begin(&format!("resolution {resolution:.3}"))?;
        let found = search_in(&weighted, &CommunitySearch { resolution, ..*search })?;
        let labels = found.partition.labels()[..accounts].to_vec();
        let mut sizes = vec![0u64; found.partition.group_count()];
        labels.iter().for_each(|&label| sizes[label as usize] += 1);
        let agreement = before.replace(labels.clone()).map(|before| synth::metrics::agreement(&before, &labels)).transpose()?;
        points.push(ResolutionPoint {
            resolution,
            communities: sizes.iter().filter(|&&size| size > 1).count() as u64,
            largest_community: sizes.iter().copied().max().unwrap_or(0),
            quality: found.quality,
            audit: found.audit,
            adjusted_rand: agreement.map(|agreement| agreement.adjusted_rand),
            variation_of_information: agreement.map(|agreement| agreement.variation_of_information),
            plateau: false,
        });
    }
    if let Some(at) = plateau(&points) {
        points[at].plateau = true;
    }
    Ok(points)
}

/// The inner point that is most like its neighbours, of equal ones the first. Where nobody is with anybody all is alike, and says
/// nothing.
fn plateau(points: &[ResolutionPoint]) -> Option<usize> {
    let likeness = |at: usize| Some((points[at].adjusted_rand? + points.get(at + 1)?.adjusted_rand?) / 2.0);
    let inner = (1..points.len()).filter(|&at| points[at].communities > 0).filter_map(|at| Some((at, likeness(at)?)));
    inner.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(at, _)| at)
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

    #[test]
    fn a_sweep_finds_the_communities_of_each_resolution_and_how_alike_they_are() {
        // Twelve accounts, each on an address and a template of its own three.
        let folder = tempfile::tempdir().unwrap();
        let rows: Vec<(u32, u32, u32, u32)> = (0..96).map(|at| (at % 12, 1 + at % 12 / 3, 1 + at % 12 / 3, at)).collect();
        let path = store_of_events(folder.path(), "store", &rows);
        let dataset = Dataset::open(&path).unwrap();
        let search = CommunitySearch {
            algorithm: Algorithm::Leiden,
            quality: Quality::Modularity,
            resolution: 1.0,
            seed: 1,
            effort: Effort::Converge,
        };
        let resolutions = [0.5, 1.0, 1.5, 64.0];
        let points = resolution_sweep(&dataset, &search, &resolutions, &Unobserved).unwrap();
        assert_eq!(points.iter().map(|point| point.resolution).collect::<Vec<f64>>(), resolutions);
        assert_eq!((points[1].communities, points[1].largest_community), (4, 3), "{points:?}");
        assert_eq!((points[3].communities, points[3].largest_community), (0, 1), "at 64 nothing is together: {points:?}");
        assert_eq!((points[0].adjusted_rand, points[1].adjusted_rand, points[2].adjusted_rand), (None, Some(1.0), Some(1.0)));
        assert_eq!(points[3].adjusted_rand, Some(0.0));
        assert!(points[3].variation_of_information > Some(1.0));
        assert_eq!(points.iter().map(|point| point.plateau).collect::<Vec<bool>>(), [false, true, false, false]);
        let apart = resolution_sweep(&dataset, &search, &[64.0, 128.0, 256.0], &Unobserved).unwrap();
        assert!(apart.iter().all(|point| point.communities == 0 && !point.plateau), "{apart:?}");
        let alone = communities(&dataset, &CommunitySearch { resolution: 1.5, ..search }).unwrap();
        assert_eq!((alone.quality, alone.audit), (points[2].quality, points[2].audit));
        assert!(resolution_sweep(&dataset, &search, &[f64::NAN], &Unobserved).is_err());
        assert_eq!(resolution_sweep(&dataset, &search, &[], &Unobserved).unwrap(), []);
    }
}
