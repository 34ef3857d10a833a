//! Which resolution? A partition that stays the same over a range of γ is a property of the graph, not of the setting.
//!
//! 1. Leiden at each γ, ascending, every one from scratch with the same seed;
//! 2. neighbouring partitions are compared (variation of information, adjusted Rand index);
//! 3. the *plateau* is the longest run, in ln γ, of neighbours whose variation of information, divided by ln n, stays at or
//!    below the threshold; its middle value is chosen. Ties: the lower γ.

use graph::{Partition, WeightedGraph};

use crate::config::{LeidenConfig, QualityConfig};
use crate::error::CommunityError;
use crate::leiden::leiden;
use crate::similarity::{Similarity, similarity};

/// One value of the sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolutionPoint {
    /// γ.
    pub resolution: f64,
    /// Leiden's partition at γ.
    pub partition: Partition,
    /// Its quality at γ.
    pub quality: f64,
    /// Against the partition at the next value; `None` for the last.
    pub to_next: Option<Similarity>,
}

/// A sweep over resolutions.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolutionProfile {
    /// One point per value, ascending.
    pub points: Vec<ResolutionPoint>,
    /// First and last index of the longest plateau; both the same if no two neighbours agree.
    pub plateau: (usize, usize),
    /// Index of the plateau's middle.
    pub chosen: usize,
}

/// Sweeps `resolutions` (positive, ascending, at least one). `agreement` is the largest variation of information between
/// neighbours, as a fraction of ln n, that still counts as the same partition; .01 is a strict choice. `config`'s own
/// resolution is not used. Cost: one [`leiden`] per value.
///
/// # Errors
/// Resolutions that are not positive and ascending, or none; else as [`leiden`].
pub fn resolution_profile(
    graph: &WeightedGraph,
    resolutions: &[f64],
    agreement: f64,
    config: &LeidenConfig,
) -> Result<ResolutionProfile, CommunityError> {
    let ascending = resolutions.windows(2).find(|pair| pair[0] >= pair[1]).map(|pair| pair[1]);
    let first = resolutions.first().copied().unwrap_or(f64::NAN);
    if let Some(found) = ascending.or((first.is_nan() || first <= 0.0).then_some(first)) {
        return Err(CommunityError::Setting {
            name: "resolutions",
            found,
            expected: "at least one positive number, ascending",
        });
    }
    let mut points: Vec<ResolutionPoint> = Vec::with_capacity(resolutions.len());
    for &resolution in resolutions {
        let config = LeidenConfig { objective: QualityConfig { resolution, ..config.objective }, ..*config };
        let found = leiden(graph, None, &config)?;
        if let Some(last) = points.last_mut() {
            last.to_next = Some(similarity(&last.partition, &found.partition));
        }
        points.push(ResolutionPoint { resolution, partition: found.partition, quality: found.quality, to_next: None });
    }
    let most = agreement * (graph.vertex_count().max(2) as f64).ln();
    let agrees: Vec<bool> =
        points.iter().map(|p| p.to_next.is_some_and(|next| next.variation_of_information <= most)).collect();
    let (mut plateau, mut longest, mut start) = ((0, 0), 0.0, 0);
    for at in 0..points.len() {
        let length = (resolutions[at] / resolutions[start]).ln();
        if length > longest {
            (plateau, longest) = ((start, at), length);
        }
        if !agrees[at] {
            start = at + 1;
        }
    }
    Ok(ResolutionProfile { points, plateau, chosen: plateau.0.midpoint(plateau.1) })
}
