//! How alike are two partitions of the same vertices?
//!
//! From the contingency table n_ij of the groups: O(vertices log vertices), integers summed exactly, terms in group order.

use graph::Partition;

/// Similarity of two partitions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Similarity {
    /// Adjusted Rand index (Hubert and Arabie 1985, doi:10.1007/BF01908075): 1 for equal partitions, 0 expected under random
    /// labels of the same sizes. 1 if both are trivial in the same way.
    pub adjusted_rand: f64,
    /// Variation of information in nats (Meilă 2007, doi:10.1016/j.jmva.2006.11.013): H(A|B) + H(B|A); 0 for equal partitions.
    pub variation_of_information: f64,
    /// Mutual information over the arithmetic mean of the entropies; 1 if both entropies are 0.
    pub normalized_mutual_information: f64,
}

/// Compares two partitions.
///
/// # Panics
/// If they have different numbers of vertices.
pub fn similarity(one: &Partition, other: &Partition) -> Similarity {
    assert_eq!(one.vertex_count(), other.vertex_count(), "the partitions are of different graphs");
    let count = one.vertex_count() as f64;
    let mut pairs: Vec<(u32, u32)> = one.labels().iter().copied().zip(other.labels().iter().copied()).collect();
    pairs.sort_unstable();
    let cells = || pairs.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as f64));
    let choose = |size: f64| size * (size - 1.0) / 2.0;
    let both: f64 = cells().map(|(_, size)| choose(size)).sum();
    let pairs_of = |partition: &Partition| partition.sizes().iter().map(|&size| choose(f64::from(size))).sum::<f64>();
    let (in_one, in_other) = (pairs_of(one), pairs_of(other));
    // ARI = (Σ C(n_ij,2) − E) / ((ΣC(a_i,2) + ΣC(b_j,2))/2 − E), E = ΣC(a_i,2)·ΣC(b_j,2) / C(n,2)
    let expected = if count > 1.0 { in_one * in_other / choose(count) } else { 0.0 };
    let most = (in_one + in_other) / 2.0;
    let adjusted_rand = if most == expected { 1.0 } else { (both - expected) / (most - expected) };
    let entropy = |partition: &Partition| {
        let term = |&size: &u32| f64::from(size) / count * (count / f64::from(size)).ln();
        partition.sizes().iter().map(term).sum::<f64>()
    };
    let (entropy_one, entropy_other) = (entropy(one), entropy(other));
    let mutual: f64 = cells()
        .map(|((a, b), size)| {
            let independent = f64::from(one.sizes()[a as usize]) * f64::from(other.sizes()[b as usize]);
            size / count * (size * count / independent).ln()
        })
        .sum();
    let mean = (entropy_one + entropy_other) / 2.0;
    Similarity {
        adjusted_rand,
        variation_of_information: (entropy_one + entropy_other - 2.0 * mutual).max(0.0),
        normalized_mutual_information: if mean > 0.0 { mutual / mean } else { 1.0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worked_table() {
        // {0,1,2} {3,4,5} against {0,1} {2,3} {4,5}: cells 2, 1, 1, 2; ARI = (2 − 1.2) / (4.5 − 1.2)
        let one = Partition::from_labels(vec![0, 0, 0, 1, 1, 1]);
        let other = Partition::from_labels(vec![0, 0, 1, 1, 2, 2]);
        let found = similarity(&one, &other);
        assert!((found.adjusted_rand - 0.8 / 3.3).abs() < 1e-12);
        let mutual = 2.0 / 3.0 * 2f64.ln();
        assert!((found.variation_of_information - (2f64.ln() + 3f64.ln() - 2.0 * mutual)).abs() < 1e-12);
        assert!((found.normalized_mutual_information - mutual / ((2f64.ln() + 3f64.ln()) / 2.0)).abs() < 1e-12);
    }

    #[test]
    fn equal_partitions_are_alike_even_if_trivial() {
        for labels in [vec![], vec![0], vec![0, 0, 0], vec![0, 1, 2], vec![0, 1, 0]] {
            let partition = Partition::from_labels(labels);
            let found = similarity(&partition, &partition);
            assert!((found.adjusted_rand - 1.0).abs() < 1e-12);
            assert!(found.variation_of_information.abs() < 1e-12);
            assert!((found.normalized_mutual_information - 1.0).abs() < 1e-12);
        }
    }
}
