//! What if a little had not been seen?
//!
//! A perturbed copy leaves out each sighting with one probability, independently: the subset scheme of Hennig's cluster-wise
//! assessment of stability. Vertices keep their numbers, so that what is found in the copy can be compared with what was found
//! in the data. Cost: O(sightings). Reference: Hennig 2007, doi:10.1016/j.csda.2006.11.025.

use graph::{BipartiteGraph, GraphError};

use crate::behaviour::random::{Stream, key};

/// A copy of the graph without a share `left_out` (0 to 1) of the sightings, drawn by `seed`.
///
/// # Errors
/// [`GraphError`] if the parts don't fit together, which a valid graph never causes.
pub fn perturbed_graph(graph: &BipartiteGraph, left_out: f64, seed: u64) -> Result<BipartiteGraph, GraphError> {
    let mut stream = Stream::new(key(&[seed, 0x7065_7274]));
    graph.with_sightings(|sighting| (stream.unit() >= left_out).then_some(sighting))
}

#[cfg(test)]
mod tests {
    use graph::AccountId;

    use super::*;
    use crate::KindRole;
    use crate::toy::{Touch, Toy};

    #[test]
    fn the_share_is_left_out_and_the_numbers_stay() {
        let touches: Vec<Touch> =
            (0..1_000).flat_map(|account| (0..20).map(move |at| (account, 0, account / 7 + at, 0))).collect();
        let whole = Toy::new(&[KindRole::Template], 1_000, &touches).graph;
        let copy = perturbed_graph(&whole, 0.1, 3).unwrap();
        assert_eq!((copy.account_count(), copy.identifier_count()), (whole.account_count(), whole.identifier_count()));
        // 20,000 sightings: the standard deviation of the number left out is 42.
        let left_out = whole.sighting_count() - copy.sighting_count();
        assert!(left_out.abs_diff(2_000) < 200, "{left_out}");
        for account in (0..1_000).map(AccountId) {
            let all = whole.identifiers_of(account);
            assert!(copy.identifiers_of(account).iter().all(|identifier| all.contains(identifier)));
        }
        assert_eq!(perturbed_graph(&whole, 0.1, 3).unwrap(), copy);
        assert_ne!(perturbed_graph(&whole, 0.1, 4).unwrap(), copy);
        assert_eq!(perturbed_graph(&whole, 0.0, 3).unwrap(), whole);
    }
}
