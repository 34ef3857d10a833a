//! Phase 3: every part becomes a vertex; weights between parts are summed, weights within are dropped.
//!
//! Masses add up, and what lies within a part stays together from here on: so every coarser partition has the same quality on
//! both networks, up to the constant that was dropped. Parts are handled in parallel, each row summed in the
//! order of its members. Cost O(entries).

use rayon::prelude::*;

use crate::groups::Groups;
use crate::network::{Mass, Network, Weight};
use crate::tally::{Pool, Tally};

/// Parts that one task handles.
const TASK: usize = 256;

/// The network whose vertices are the `part_count` parts named in `labels`.
pub(crate) fn aggregate<W: Weight, M: Mass>(network: &Network<W, M>, labels: &[u32], part_count: usize) -> Network<f64, M> {
    let groups = Groups::new(labels, part_count);
    // A part has no more neighbours than its members have, nor than there are other parts.
    let degrees: Vec<u64> = (0..part_count)
        .into_par_iter()
        .with_min_len(TASK)
        .map(|part| groups.members_of(part).iter().map(|&member| network.degree_of(member) as u64).sum())
        .collect();
    let room: Vec<u32> = degrees.iter().map(|&degree| degree.min(part_count as u64) as u32).collect();
    let tallies = Pool::<Tally>::default();
    Network::build(&room, 0, |parts, rows| {
        tallies.with(|tally| {
            for part in parts {
                let members = groups.members_of(part);
                tally.begin(degrees[part] as usize, part_count);
                members.iter().for_each(|&member| tally.add(network.row_of(member), |target| labels[target as usize]));
                tally.drain(|label, sum| {
                    if label as usize != part {
                        rows.push(label, sum);
                    }
                });
                rows.end_row(members.iter().fold(M::ZERO, |sum, &member| sum.plus(network.masses[member as usize])));
            }
        });
    })
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
            let row = network.row_of(vertex).iter().filter(|&(t, _)| labels[t as usize] == labels[vertex as usize]);
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
