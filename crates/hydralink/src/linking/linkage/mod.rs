//! Components and communities on request, with filters and quality functions of the caller's choice.
//!
//! `detect` runs its own; these answer "what if we linked by payment only" and "where does the giant component appear".

mod communities;

use graph::{IdentifierFilter, KindId, Kinds, Partition};
use serde::Serialize;

use crate::dataset::Dataset;
use crate::error::Error;
use crate::results::Labelling;

pub use communities::{
    Algorithm, CommunityAudit, CommunitySearch, FoundCommunities, Quality, ResolutionPoint, communities, resolution_sweep,
    usual_resolutions,
};

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
    let kinds = kinds_named(dataset, &filter.kinds)?;
    let max_degree = filter.max_degree.map_or(usize::MAX, |most| most as usize);
    let filter = IdentifierFilter { max_degree, ..of_kinds(&kinds) };
    Ok(graph::bipartite_components(dataset.graph(), &filter))
}

fn kinds_named(dataset: &Dataset, names: &[String]) -> Result<Vec<KindId>, Error> {
    names.iter().map(|kind| dataset.kind(kind)).collect()
}

/// What is of these kinds; of any where none is named.
fn of_kinds(kinds: &[KindId]) -> IdentifierFilter<'_> {
    let kinds = if kinds.is_empty() { Kinds::All } else { Kinds::Only(kinds) };
    IdentifierFilter { kinds, ..IdentifierFilter::default() }
}

/// The components of the graph that the last detection searched, in which nothing but what carries evidence links: what
/// [`crate::query::Member::component`] is, under the same numbers. [`components`] lets everything link, unless it is filtered.
pub fn detected_components(results: &Labelling) -> Partition {
    Partition::from_labels(results.components.to_vec())
}

/// What links at one degree cap.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
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

/// The component sizes at every degree cap, over identifiers of the kinds named (of all, if none is): where the giant component
/// appears.
///
/// # Errors
/// [`Error::Unknown`] for a kind that the store doesn't have.
pub fn degree_sweep(dataset: &Dataset, kinds: &[String]) -> Result<Vec<SweepPoint>, Error> {
    let mut before = 1;
    let kinds = kinds_named(dataset, kinds)?;
    let steps = graph::hub_sweep(dataset.graph(), &of_kinds(&kinds)).into_iter().map(|step| SweepPoint {
        max_degree: step.max_degree,
        components: u64::from(step.component_count),
        largest_component: u64::from(step.largest),
        linked_accounts: u64::from(step.linked_accounts),
        jump: f64::from(step.largest - std::mem::replace(&mut before, step.largest)) / dataset.graph().account_count() as f64,
    });
    Ok(steps.collect())
}

/// Where a sweep's giant component appears, and the last cap before it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Giant {
    /// Where the largest component gains most.
    pub appears: SweepPoint,
    /// The largest cap before: as much as plain components can be let link. `None` if it appears at the first.
    pub before: Option<SweepPoint>,
    /// Accounts of the largest component with a cap a fifth lower and a fifth higher than that: far apart where nothing but the
    /// exact cap keeps the giant away.
    pub around: Option<(u64, u64)>,
}

impl Giant {
    /// Least share of all accounts that the largest component gains at once where a giant one is said to appear.
    pub const LEAST_JUMP: f64 = 0.05;

    /// Looks for it in a sweep, whose caps ascend.
    pub fn of(sweep: &[SweepPoint]) -> Option<Self> {
        let most = |best: usize, at: usize| if sweep[at].jump > sweep[best].jump { at } else { best };
        let at = (0..sweep.len()).reduce(most).filter(|&at| sweep[at].jump >= Giant::LEAST_JUMP)?;
        let largest = |cap: f64| {
            let up_to = sweep.partition_point(|point| f64::from(point.max_degree) <= cap);
            sweep[..up_to].last().map_or(1, |point| point.largest_component)
        };
        let before = at.checked_sub(1).map(|before| sweep[before]);
        let around = before.map(|point| f64::from(point.max_degree)).map(|cap| (largest(0.8 * cap), largest(1.2 * cap)));
        Some(Giant { appears: sweep[at], before, around })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_giant_component_appears_where_the_largest_gains_most() {
        let point = |max_degree, largest_component, jump| SweepPoint {
            max_degree,
            largest_component,
            jump,
            components: 1,
            linked_accounts: 1,
        };
        let sweep = [point(1, 1, 0.0), point(8, 10, 0.009), point(10, 20, 0.01), point(12, 700, 0.68), point(15, 1000, 0.3)];
        let giant = Giant::of(&sweep).unwrap();
        // A fifth less is 8, a fifth more 12: where it is there.
        assert_eq!((giant.appears, giant.before, giant.around), (sweep[3], Some(sweep[2]), Some((10, 700))));
        assert_eq!(Giant::of(&sweep[..3]), None, "nothing gains a twentieth");
        let at_once = Giant::of(&sweep[3..]).unwrap();
        assert_eq!((at_once.appears, at_once.before, at_once.around), (sweep[3], None, None));
        assert_eq!(Giant::of(&[]), None);
    }
}
