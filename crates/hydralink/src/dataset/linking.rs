//! Which sightings link?
//!
//! All of them, but for kinds that the map declared with
//!
//! * `ttl`: those whose last sighting lies longer before the store's last one;
//! * `within`: those at whose time nobody else had the identifier. A sighting lasts from its first event to its last, and two
//!   of one identifier are at one time if they overlap or lie no further apart than `within`. An address that is handed on from
//!   customer to customer then links those who had it together. Company is asked of each sighting, not of each pair: of a row
//!   of accounts that each met the next the first is linked to the last. What has no time is at no known one, and doesn't link.
//!
//! What doesn't link stays on record: it is shown, counted and exported.

use graph::{BipartiteGraph, IdentifierId, NO_TIME, Seconds, Sighting};

use super::Dataset;

impl Dataset {
    /// The graph of the sightings that link. Vertices have the same numbers as in [`Dataset::graph`]. Where `ttl` or `within`
    /// was declared, the first call costs O(sightings), times the logarithm of their accounts for identifiers of kinds with
    /// `within`, and memory for them.
    pub fn linking_graph(&self) -> &BipartiteGraph {
        self.linking.get_or_init(|| self.of_those_that_link(&self.graph)).as_ref().unwrap_or(&self.graph)
    }

    /// A graph of this store without the sightings that don't link at its newest one; `None` if all do.
    pub(crate) fn of_those_that_link(&self, graph: &BipartiteGraph) -> Option<BipartiteGraph> {
        let declared = || self.tables().kinds.iter().map(|kind| self.declared.get(kind));
        let lives: Vec<Option<Seconds>> = declared().map(|entry| Some(entry?.ttl?.0)).collect();
        let windows: Vec<Option<Seconds>> = declared().map(|entry| Some(entry?.within?.0)).collect();
        if lives.iter().chain(&windows).all(Option::is_none) {
            return None;
        }
        let alone = alone(graph, &windows);
        let newest = graph.last_seen();
        let mut position = 0;
        let mut links = |sighting: &Sighting| {
            let life = lives[graph.kind_of(sighting.identifier).index()];
            position += 1;
            let alive =
                sighting.last_seen == NO_TIME || life.is_none_or(|life| sighting.last_seen.saturating_add(life) >= newest);
            alive && !alone.get(position - 1).copied().unwrap_or(false)
        };
        let linking = graph.with_sightings(|sighting| links(&sighting).then_some(sighting));
        Some(linking.expect("fewer sightings of the same graph"))
    }
}

/// By position, whether a sighting is of an identifier that others had at other times and nobody at its own; empty where no
/// kind has a window. What one account has links nobody, and stays: accounts that have the kind are counted by it.
fn alone(graph: &BipartiteGraph, windows: &[Option<Seconds>]) -> Vec<bool> {
    if windows.iter().all(Option::is_none) {
        return Vec::new();
    }
    let mut alone = vec![false; graph.sighting_count()];
    let columns = graph.columns();
    for identifier in (0..graph.identifier_count() as u32).map(IdentifierId) {
        let Some(window) = windows[graph.kind_of(identifier).index()] else { continue };
        if graph.identifier_degree(identifier) < 2 {
            continue;
        }
        let mut spans: Vec<(Seconds, Seconds, u32)> = Vec::new();
        for &position in graph.sightings_of_identifier(identifier) {
            match columns.first_seen[position as usize] {
                NO_TIME => alone[position as usize] = true,
                first => spans.push((first, columns.last_seen[position as usize], position)),
            }
        }
        spans.sort_unstable();
        // Of those that began before, the last end; of those after, the next beginning.
        let mut ended: Option<Seconds> = None;
        for (at, &(first, last, position)) in spans.iter().enumerate() {
            let before = ended.is_some_and(|ended| ended.saturating_add(window) >= first);
            let after = spans.get(at + 1).is_some_and(|next| last.saturating_add(window) >= next.0);
            alone[position as usize] = !before && !after;
            ended = ended.max(Some(last));
        }
    }
    alone
}

#[cfg(test)]
mod tests {
    use graph::AccountId;
    use graph::build::graph_from_sightings;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The sweep finds what comparing each with all others does.
        #[test]
        fn alone_is_who_meets_nobody(spans in prop::collection::vec((0u32..60, 0u32..15, any::<bool>()), 2..12), window in 0u32..10) {
            let sightings: Vec<Sighting> = (0u32..)
                .zip(&spans)
                .map(|(account, &(first, length, timed))| Sighting {
                    account: AccountId(account),
                    identifier: IdentifierId(0),
                    count: 1,
                    first_seen: if timed { first } else { NO_TIME },
                    last_seen: if timed { first + length } else { NO_TIME },
                })
                .collect();
            let meets = |one: &Sighting, other: &Sighting| {
                one.account != other.account
                    && other.first_seen != NO_TIME
                    && one.first_seen <= other.last_seen.saturating_add(window)
                    && other.first_seen <= one.last_seen.saturating_add(window)
            };
            let naive: Vec<bool> = sightings
                .iter()
                .map(|one| one.first_seen == NO_TIME || !sightings.iter().any(|other| meets(one, other)))
                .collect();
            let graph = graph_from_sightings(sightings, spans.len(), vec![0, 1]).unwrap();
            prop_assert_eq!(alone(&graph, &[Some(window)]), naive);
            prop_assert!(alone(&graph, &[None]).is_empty());
        }
    }
}
