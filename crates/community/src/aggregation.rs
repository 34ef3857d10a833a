//! Phase 3: every part becomes a vertex; weights between parts are summed, weights within become a self-loop.
//!
//! A self-loop stands once, as in the graph: an inner edge is met from both ends and counted half each time, a self-loop of
//! the finer network once. Masses add up. So the quality of any coarser partition is the same on both networks. Parts are
//! handled in parallel in chunks of a fixed size, each row summed in the order of its members. Cost O(entries).

use rayon::prelude::*;

use crate::network::{Aggregate, Mass, Network, Tally, Weight};
use crate::refinement::Groups;

/// Parts that one task handles.
const CHUNK: usize = 1024;

/// One task's rows.
struct Rows<M> {
    lengths: Vec<u32>,
    targets: Vec<u32>,
    weights: Vec<f64>,
    masses: Vec<M>,
}

/// The network whose vertices are the `part_count` parts named in `labels`.
pub(crate) fn aggregate<W: Weight, M: Mass>(network: Network<'_, W, M>, labels: &[u32], part_count: usize) -> Aggregate<M> {
    let groups = Groups::new(labels, part_count);
    let chunks: Vec<Rows<M>> = (0..part_count.div_ceil(CHUNK))
        .into_par_iter()
        .map_init(Tally::default, |tally, chunk| {
            let range = chunk * CHUNK..((chunk + 1) * CHUNK).min(part_count);
            aggregate_rows(network, labels, &groups, range, tally)
        })
        .collect();
    let entry_count = chunks.iter().map(|rows| rows.targets.len()).sum();
    let mut offsets = Vec::with_capacity(part_count + 1);
    offsets.push(0u64);
    let mut targets = Vec::with_capacity(entry_count);
    let mut weights = Vec::with_capacity(entry_count);
    let mut masses = Vec::with_capacity(part_count);
    for rows in chunks {
        for length in rows.lengths {
            offsets.push(offsets[offsets.len() - 1] + u64::from(length));
        }
        targets.extend(rows.targets);
        weights.extend(rows.weights);
        masses.extend(rows.masses);
    }
    Aggregate { offsets, targets, weights, masses }
}

fn aggregate_rows<W: Weight, M: Mass>(
    network: Network<'_, W, M>,
    labels: &[u32],
    groups: &Groups,
    parts: std::ops::Range<usize>,
    tally: &mut Tally,
) -> Rows<M> {
    let mut rows =
        Rows { lengths: Vec::with_capacity(parts.len()), targets: Vec::new(), weights: Vec::new(), masses: Vec::new() };
    for part in parts {
        let members = &groups.members[groups.offsets[part] as usize..groups.offsets[part + 1] as usize];
        let degree = members.iter().map(|&member| network.degree_of(member)).sum();
        let row = members.iter().flat_map(|&member| {
            network.row_of(member).map(move |(target, weight)| {
                let label = labels[target as usize];
                let half = label as usize == part && target != member;
                (label, if half { weight / 2.0 } else { weight })
            })
        });
        let sums = tally.sum(degree, labels.len(), row);
        rows.lengths.push(sums.len() as u32);
        rows.targets.extend(sums.iter().map(|&(label, _)| label));
        rows.weights.extend(sums.iter().map(|&(_, sum)| sum));
        rows.masses.push(members.iter().fold(M::ZERO, |sum, &member| sum.plus(network.masses[member as usize])));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Σ_C [w_in − λ·m_C²/2] of a labelling, straight from rows.
    fn value<W: Weight>(network: Network<'_, W, f64>, labels: &[u32], scale: f64) -> f64 {
        let mut inner = 0.0;
        let mut masses = vec![0.0; labels.len()];
        for vertex in 0..network.vertex_count() as u32 {
            masses[labels[vertex as usize] as usize] += network.masses[vertex as usize];
            for (target, weight) in network.row_of(vertex).filter(|&(t, _)| labels[t as usize] == labels[vertex as usize]) {
                inner += if target == vertex { weight } else { weight / 2.0 };
            }
        }
        inner - scale * masses.iter().map(|mass| mass * mass).sum::<f64>() / 2.0
    }

    #[test]
    fn quality_survives_aggregation() {
        // A ring of 12 with chords and a self-loop; parts of two, communities of two parts.
        let mut edges: Vec<(u32, u32, f32)> = (0..12).map(|at| (at, (at + 1) % 12, 1.0 + at as f32 / 4.0)).collect();
        edges.extend([(0, 5, 2.0), (3, 9, 0.5), (4, 4, 3.0)]);
        let graph = graph::WeightedGraph::from_edges(12, &edges).unwrap();
        let masses: Vec<f64> = (0..12).map(|at| 1.0 + f64::from(at)).collect();
        let fine = Network { offsets: graph.offsets(), targets: graph.targets(), weights: graph.weights(), masses: &masses };
        let parts: Vec<u32> = (0..12).map(|vertex| vertex / 2).collect();
        let coarse = aggregate(fine, &parts, 6);
        let communities: Vec<u32> = parts.iter().map(|part| part / 2).collect();
        let (below, above) = (value(fine, &communities, 0.1), value(coarse.network(), &[0, 0, 1, 1, 2, 2], 0.1));
        assert!((below - above).abs() < 1e-12, "{below} and {above}");
        assert!((value(fine, &parts, 0.1) - value(coarse.network(), &[0, 1, 2, 3, 4, 5], 0.1)).abs() < 1e-12);
    }
}
