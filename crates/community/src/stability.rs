//! How surely does a vertex belong to its community? Repetition with other seeds answers.
//!
//! In every run, each group of the reference partition has a *home*: the community that holds most of it (ties: the lower
//! label). The stability of a vertex is the share of runs in which it is in the home of its group: 1 for a core member, low
//! for one that falls to either side. Runs use the seeds `config.seed + 1 ..= config.seed + runs`.

use graph::{Partition, WeightedGraph};

use crate::config::LeidenConfig;
use crate::error::CommunityError;
use crate::leiden::leiden_partition;

/// Share of `runs` fresh Leiden runs in which each vertex stays with the plurality of its group of `partition`. Without runs
/// every vertex is stable. Cost: `runs` times [`leiden_partition`].
///
/// # Errors
/// As [`leiden_partition`].
pub fn stability(
    graph: &WeightedGraph,
    partition: &Partition,
    runs: u32,
    config: &LeidenConfig,
) -> Result<Vec<f32>, CommunityError> {
    let (expected, found) = (graph.vertex_count(), partition.vertex_count());
    if expected != found {
        return Err(CommunityError::Start { expected, found });
    }
    let mut stays = vec![0u32; expected];
    for run in 1..=runs {
        let config = LeidenConfig { seed: config.seed.wrapping_add(u64::from(run)), ..*config };
        let other = leiden_partition(graph, None, &config)?;
        let homes = homes(partition, &other);
        for (vertex, stays) in stays.iter_mut().enumerate() {
            *stays += u32::from(other.labels()[vertex] == homes[partition.labels()[vertex] as usize]);
        }
    }
    let share = |count| if runs == 0 { 1.0 } else { (f64::from(count) / f64::from(runs)) as f32 };
    Ok(stays.into_iter().map(share).collect())
}

/// The label of `other` that most of each group of `partition` has.
fn homes(partition: &Partition, other: &Partition) -> Vec<u32> {
    let mut pairs: Vec<(u32, u32)> = partition.labels().iter().copied().zip(other.labels().iter().copied()).collect();
    pairs.sort_unstable();
    let mut homes = vec![(0u32, 0usize); partition.group_count()];
    for run in pairs.chunk_by(|a, b| a == b) {
        let (group, label) = run[0];
        if run.len() > homes[group as usize].1 {
            homes[group as usize] = (label, run.len());
        }
    }
    homes.into_iter().map(|(label, _)| label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vertex_between_two_cliques_is_less_stable_than_they_are() {
        // Cliques 0..5 and 5..10, vertex 10 tied to three of each.
        let mut edges = Vec::new();
        for (a, b) in (0..5).flat_map(|a| (a + 1..5).map(move |b| (a, b))) {
            edges.extend([(a, b, 1.0), (a + 5, b + 5, 1.0)]);
        }
        edges.extend([0, 1, 2, 5, 6, 7].map(|other| (10, other, 1.0)));
        let graph = WeightedGraph::from_edges(11, &edges).unwrap();
        let config = LeidenConfig::default();
        let partition = leiden_partition(&graph, None, &config).unwrap();
        let found = stability(&graph, &partition, 40, &config).unwrap();
        assert!(found[..10].iter().all(|&share| share == 1.0), "{found:?}");
        assert!(found[10] < 0.9, "{found:?}");
    }

    #[test]
    fn the_home_of_a_group_is_where_most_of_it_went() {
        let partition = Partition::from_labels(vec![0, 0, 0, 1, 1]);
        let other = Partition::from_labels(vec![0, 1, 1, 0, 0]);
        assert_eq!(homes(&partition, &other), [1, 0]);
    }
}
