//! What if a little had not been seen?
//!
//! A perturbed copy leaves out each sighting and each event with one probability, independently: the subset scheme of Hennig's
//! cluster-wise assessment of stability. Vertices keep their numbers, so that what is found in the copy can be compared with what
//! was found in the data. Cost: O(sightings + events), and the memory of the copy. Reference: Hennig 2007,
//! doi:10.1016/j.csda.2006.11.025.

use graph::{Activity, BipartiteGraph, GraphError};

use crate::behaviour::random::{Stream, key};

/// A copy of the graph without a share `left_out` (0 to 1) of the sightings, drawn by `seed`.
///
/// # Errors
/// [`GraphError`] if the parts don't fit together, which a valid graph never causes.
pub fn perturbed_graph(graph: &BipartiteGraph, left_out: f64, seed: u64) -> Result<BipartiteGraph, GraphError> {
    let mut stream = Stream::new(key(&[seed, 0x7065_7274]));
    graph.with_sightings(|sighting| (stream.unit() >= left_out).then_some(sighting))
}

/// A copy of the activity without a share `left_out` (0 to 1) of the events, drawn by `seed`.
///
/// # Errors
/// As [`perturbed_graph`].
pub fn perturbed_activity(activity: &Activity, left_out: f64, seed: u64) -> Result<Activity, GraphError> {
    let seed = key(&[seed, 0x6576_656e]);
    activity.with_events(|event| Stream::new(key(&[seed, event as u64])).unit() >= left_out)
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

    #[test]
    fn the_share_of_events_is_left_out_and_each_keeps_its_account_and_its_columns() {
        let touches: Vec<Touch> = (0..500).map(|account| (account, 0, account % 9, 0)).collect();
        let mut toy = Toy::new(&[KindRole::Template], 500, &touches);
        let prompt = |account: u32| toy.identifier(0, account % 9);
        let requests: Vec<_> = (0..500u32)
            .flat_map(|account| (0..40).map(move |number| (account, number)))
            .map(|(account, number)| (account, 1_000 * number, prompt(account)))
            .collect();
        toy.ask(&requests);
        let whole = toy.facts().activity.clone();
        let copy = perturbed_activity(&whole, 0.1, 3).unwrap();
        // 20,000 events: the standard deviation of the number left out is 42.
        let left_out = whole.event_count() - copy.event_count();
        assert!(left_out.abs_diff(2_000) < 200, "{left_out}");
        for account in (0..500).map(AccountId) {
            let (all, kept) = (whole.of(account), copy.of(account));
            assert!(kept.time.is_sorted() && kept.time.iter().all(|time| all.time.contains(time)));
            assert_eq!(kept.template, vec![all.template[0]; kept.time.len()]);
        }
        assert_eq!(perturbed_activity(&whole, 0.1, 3).unwrap(), copy);
        assert_ne!(perturbed_activity(&whole, 0.1, 4).unwrap(), copy);
        assert_eq!(perturbed_activity(&whole, 0.0, 3).unwrap(), whole);
    }
}
