//! Phase 3: every part becomes a vertex; weights between parts are summed, weights within are dropped.
//!
//! Masses add up, and what lies within a part stays together from here on: so every coarser partition has the same quality on
//! both networks, up to the constant that was dropped. Parts are handled in parallel in runs of a fixed size, each row summed in the
//! order of its members. Cost O(entries).

use rayon::prelude::*;

use crate::groups::Groups;
use crate::network::{Mass, Network, Rows, Weight};
use crate::tally::{Pool, Tally};

/// Parts that one task handles.
const TASK: usize = 1024;

/// The network whose vertices are the `part_count` parts named in `labels`.
pub(crate) fn aggregate<W: Weight, M: Mass>(network: &Network<W, M>, labels: &[u32], part_count: usize) -> Network<f64, M> {
    let groups = Groups::new(labels, part_count);
    let tallies = Pool::default();
    let run = |run: usize| {
        let parts = run * TASK..((run + 1) * TASK).min(part_count);
        tallies.with(|tally| aggregate_rows(network, labels, &groups, parts, tally))
    };
    Rows::join((0..part_count.div_ceil(TASK)).into_par_iter().map(run).collect(), 0)
}

fn aggregate_rows<W: Weight, M: Mass>(
    network: &Network<W, M>,
    labels: &[u32],
    groups: &Groups,
    parts: std::ops::Range<usize>,
    tally: &mut Tally,
) -> Rows<f64, M> {
    let mut rows = Rows::with_capacity(parts.len());
    for part in parts {
        let members = &groups.members[groups.offsets[part] as usize..groups.offsets[part + 1] as usize];
        let degree = members.iter().map(|&member| network.degree_of(member)).sum();
        let row = members.iter().flat_map(|&member| network.row_of(member));
        let row = row.map(|(target, weight)| (labels[target as usize], weight)).filter(|&(label, _)| label as usize != part);
        let sums = tally.sum(degree, groups.group_count(), row);
        rows.targets.extend(sums.iter().map(|&(label, _)| label));
        rows.weights.extend(sums.iter().map(|&(_, sum)| sum));
        rows.end_row(members.iter().fold(M::ZERO, |sum, &member| sum.plus(network.masses[member as usize])));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objective::Objective;
    use crate::reduction::reduce;

    /// Σ_C [w_in − λ·m_C²/2] of a labelling, straight from rows.
    fn value<W: Weight>(network: &Network<W, i64>, labels: &[u32], scale: f64) -> f64 {
        let mut inner = 0.0;
        let mut masses = vec![0; labels.len()];
        for vertex in 0..network.vertex_count() as u32 {
            masses[labels[vertex as usize] as usize] += network.masses[vertex as usize];
            let row = network.row_of(vertex).filter(|&(t, _)| labels[t as usize] == labels[vertex as usize]);
            inner += row.map(|(_, weight)| weight / 2.0).sum::<f64>();
        }
        inner - scale * masses.iter().map(|&mass| (mass * mass) as f64).sum::<f64>() / 2.0
    }

    #[test]
    fn differences_of_quality_survive_aggregation() {
        // A ring of 12 with chords and a self-loop; parts of two.
        let mut edges: Vec<(u32, u32, f32)> = (0..12).map(|at| (at, (at + 1) % 12, 1.0 + at as f32 / 4.0)).collect();
        edges.extend([(0, 5, 2.0), (3, 9, 0.5), (4, 4, 3.0)]);
        let graph = graph::WeightedGraph::from_edges(12, &edges).unwrap();
        let masses: Vec<i64> = (1..=12).collect();
        let fine = reduce(&graph, &masses, &Objective { scale: 0.1, tolerance: 0.0, total: 1.0 }).core;
        let parts: Vec<u32> = (0..12).map(|vertex| vertex / 2).collect();
        let coarse = aggregate(&fine, &parts, 6);
        let constant = value(&fine, &parts, 0.1) - value(&coarse, &[0, 1, 2, 3, 4, 5], 0.1);
        // The dropped weights: 0-1, 2-3, ... 10-11.
        assert!((constant - (6.0 + (0.0 + 2.0 + 4.0 + 6.0 + 8.0 + 10.0) / 4.0)).abs() < 1e-12, "{constant}");
        for communities in [[0, 0, 1, 1, 2, 2], [0, 1, 0, 1, 0, 1], [3; 6]] {
            let below: Vec<u32> = parts.iter().map(|&part| communities[part as usize]).collect();
            let difference = value(&fine, &below, 0.1) - value(&coarse, &communities, 0.1);
            assert!((difference - constant).abs() < 1e-12);
        }
    }
}
