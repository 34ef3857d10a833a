//! How much does each sighting say?
//!
//! Two accounts that share identifier `i` of kind `k`, seen on `d` of the `N` accounts that have the kind, share something that
//! an unrelated account would show with probability `d / N`:
//!
//! ```text
//! surprise(i)   = log2(N_k / d_i)                                            bits, within what was declared of the kind
//! weight(a, i)  = surprise(i) * separation(k) * policy(i) * activity(a, i) * age(a, i)
//! activity      = floor + (1 - floor) * log(1 + min(count, cap)) / log(1 + cap)
//! age           = 2^-((last of all - last of the sighting) / half-life)       1 without a half-life, or without a time
//! ```
//!
//! Other schemes than bits put another function of the degree in the place of `surprise` ([`crate::config::WeightScheme`]).
//!
//! `policy` is 1 for identifiers that link, `hub_degree / d` for down-weighted ones and 0 for those that may not link alone;
//! these sightings are counted per account instead (*suppressed is not absent*).
//!
//! `separation(k)` is how well a kind separates, estimated from the data without labels: the share of account pairs joined by
//! an identifier of the kind that some identifier of another, independent kind joins too. A kind that only other kinds' hubs
//! confirm separates nothing. With one kind there is nothing to compare, and its separation is 1.
//!
//! Two kinds are *nested* (module `nested`) when every identifier of the first implies one of the second: sharing both says no
//! more than sharing the first.
//!
//! Cost: O(sightings) and a bounded sample of pairs. Reference: Fellegi & Sunter 1969, doi:10.1080/01621459.1969.10501049, with
//! Winkler's frequency adjustment.

use fixedbitset::FixedBitSet;
use graph::{AccountId, GraphError, IdentifierId, KindId, NO_TIME, WeightedGraph};
use rayon::prelude::*;

use crate::classify::{Classification, Policy};
use crate::config::WeighConfig;
use crate::nested::{implied_sightings, nested_kinds};
use crate::{Facts, KindRole};

/// Weights of all sightings, and what was left out of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// By sighting position, bits; 0 where the identifier may not link alone.
    pub sighting_weights: Vec<f32>,
    /// By identifier: `log2(N_k / degree)` within the limit of its kind, whatever its policy.
    pub surprise: Vec<f32>,
    /// By kind: share of its pairs that another kind confirms, after floor and override.
    pub kind_separation: Vec<f64>,
    /// By kind, then kind: the first implies the second.
    pub nested: Vec<Vec<bool>>,
    /// By account: sightings whose identifier may not link alone.
    pub suppressed: Vec<u32>,
}

/// Weighs every sighting.
pub fn weigh_sightings(facts: Facts<'_>, classification: &Classification, config: &WeighConfig) -> Weights {
    let graph = facts.graph;
    let surprise: Vec<f32> = (0..graph.identifier_count() as u32)
        .into_par_iter()
        .with_min_len(4096)
        .map(|identifier| {
            let identifier = IdentifierId(identifier);
            let kind = graph.kind_of(identifier);
            let accounts = f64::from(classification.tails[kind.index()].accounts);
            facts.limit(kind).surprise(accounts, graph.identifier_degree(identifier))
        })
        .collect();
    let pairs = sampled_pairs(facts, classification, config);
    let nested = nested_kinds(facts, &pairs);
    let kind_separation = kind_separations(facts, classification, &pairs, &nested, config);

    let factors: Vec<f32> = (0..graph.identifier_count() as u32)
        .into_par_iter()
        .with_min_len(4096)
        .map(|identifier| {
            let kind = graph.kind_of(IdentifierId(identifier)).index();
            let degree = graph.identifier_degree(IdentifierId(identifier)) as f64;
            let policy = match classification.policies[identifier as usize] {
                Policy::Keep => 1.0,
                Policy::DownWeight => (f64::from(classification.tails[kind].hub_degree) / degree).min(1.0),
                Policy::CoOccurrenceOnly | Policy::Drop => 0.0,
            };
            let accounts = f64::from(classification.tails[kind].accounts);
            let base = config.scheme.weight(f64::from(surprise[identifier as usize]), accounts, degree);
            (base * kind_separation[kind] * policy) as f32
        })
        .collect();
    let columns = graph.columns();
    let (identifiers, counts) = (columns.identifiers.as_slice(), columns.counts.as_slice());
    let scale = (1.0 + f64::from(config.activity_cap.max(1))).ln();
    let last_seen = columns.last_seen.as_slice();
    let newest = last_seen.par_iter().copied().max().unwrap_or(NO_TIME);
    let age = |seen: u32| match config.half_life_days {
        Some(days) if days > 0.0 && seen != NO_TIME => (-f64::from(newest - seen) / (days * 86_400.0)).exp2(),
        _ => 1.0,
    };
    let sighting_weights: Vec<f32> = identifiers
        .par_iter()
        .zip(counts)
        .zip(last_seen)
        .with_min_len(4096)
        .map(|((&identifier, &count), &seen)| {
            let capped = (1.0 + f64::from(count.min(config.activity_cap))).ln() / scale;
            let activity = config.activity_floor + (1.0 - config.activity_floor) * capped;
            (f64::from(factors[identifier as usize]) * activity * age(seen)) as f32
        })
        .collect();
    let suppressed = (0..graph.account_count() as u32)
        .into_par_iter()
        .with_min_len(4096)
        .map(|account| {
            let alone = |&&identifier: &&u32| {
                matches!(classification.policies[identifier as usize], Policy::CoOccurrenceOnly | Policy::Drop)
            };
            graph.identifiers_of(AccountId(account)).iter().filter(alone).count() as u32
        })
        .collect();
    Weights { sighting_weights, surprise, kind_separation, nested, suppressed }
}

/// The bipartite graph of all sightings that carry weight: vertices are accounts first, then identifiers. Identifiers of one
/// account and known-good accounts stay in the vertex numbering but get no edge, and a sighting that another one implies makes
/// none.
///
/// # Errors
/// [`GraphError`] if the weights are not this graph's.
pub fn weighted_graph(facts: Facts<'_>, weights: &Weights) -> Result<WeightedGraph, GraphError> {
    graph_of_roles(facts, weights, |_| true)
}

/// The same of what accounts come from, pay with and run on, whatever they ask: all kinds but broad attributes and those that
/// a common interest explains. [`None`] where the graph has no other kinds: it is the [`weighted_graph`].
///
/// # Errors
/// As [`weighted_graph`].
pub fn infrastructure_graph(facts: Facts<'_>, weights: &Weights) -> Result<Option<WeightedGraph>, GraphError> {
    let links = |role: KindRole| !role.is_interest() && role != KindRole::Weak;
    let other = facts.roles.iter().any(|&role| !links(role));
    if other { graph_of_roles(facts, weights, links).map(Some) } else { Ok(None) }
}

fn graph_of_roles(
    facts: Facts<'_>,
    weights: &Weights,
    of_role: impl Fn(KindRole) -> bool + Sync,
) -> Result<WeightedGraph, GraphError> {
    let graph = facts.graph;
    let of_kind: Vec<bool> = facts.roles.iter().map(|&role| of_role(role)).collect();
    // As bits they fit into a cache.
    let links = |&identifier: &usize| {
        let identifier = IdentifierId(identifier as u32);
        of_kind[graph.kind_of(identifier).index()] && graph.identifier_degree(identifier) > 1
    };
    let linking: FixedBitSet = (0..graph.identifier_count()).filter(links).collect();
    let identifiers = graph.columns().identifiers.as_slice();
    // What weighs nothing makes no edge.
    let mut edges: Vec<f32> = identifiers
        .par_iter()
        .zip(&weights.sighting_weights)
        .with_min_len(4096)
        .map(|(&identifier, &weight)| if linking.contains(identifier as usize) { weight } else { 0.0 })
        .collect();
    for account in (0..graph.account_count() as u32).filter(|&account| facts.is_allowed_account(account)) {
        edges[graph.sighting_range(AccountId(account))].fill(0.0);
    }
    for position in implied_sightings(facts, &weights.nested, &edges) {
        edges[position as usize] = 0.0;
    }
    WeightedGraph::from_bipartite(graph, &edges)
}

/// An identifier, and two neighbours of its accounts by their places in its row.
pub(crate) type SampledPair = (IdentifierId, [usize; 2]);

/// By kind: a bounded, evenly spaced sample of its identifiers that link, each with a pair of its accounts.
pub(crate) fn sampled_pairs(facts: Facts<'_>, classification: &Classification, config: &WeighConfig) -> Vec<Vec<SampledPair>> {
    let of_kind = |kind: KindId| {
        let linking: Vec<u32> = facts
            .graph
            .identifiers_of_kind(kind)
            .filter(|&identifier| {
                facts.graph.identifier_degree(IdentifierId(identifier)) > 1
                    && matches!(classification.policies[identifier as usize], Policy::Keep | Policy::DownWeight)
            })
            .collect();
        let stride = linking.len().div_ceil(config.separation_pairs.max(1) as usize).max(1);
        let pair = |&identifier: &u32| {
            let accounts = facts.graph.identifier_degree(IdentifierId(identifier));
            // The pair's place in the row rotates with the identifier, so that low account ids aren't favoured.
            let at = identifier as usize % (accounts - 1);
            (IdentifierId(identifier), [at, at + 1])
        };
        linking.iter().step_by(stride).map(pair).collect()
    };
    facts.graph.kinds().map(of_kind).collect()
}

/// The separation of every kind.
fn kind_separations(
    facts: Facts<'_>,
    classification: &Classification,
    pairs: &[Vec<SampledPair>],
    nested: &[Vec<bool>],
    config: &WeighConfig,
) -> Vec<f64> {
    let kinds = facts.graph.kind_count();
    (0..kinds)
        .map(|kind| {
            if let Some(&Some(given)) = config.kind_separation.get(kind) {
                return given;
            }
            let others: Vec<usize> =
                (0..kinds).filter(|&other| other != kind && !nested[kind][other] && !nested[other][kind]).collect();
            let pairs = &pairs[kind];
            if others.is_empty() || pairs.is_empty() {
                return 1.0;
            }
            let confirmed = |&&(identifier, places): &&SampledPair| {
                let [a, b] = places.map(|place| facts.graph.accounts_of(identifier)[place]);
                others.iter().any(|&other| share_linking(facts, classification, a, b, KindId::of_index(other)))
            };
            let share = pairs.par_iter().filter(confirmed).count() as f64 / pairs.len() as f64;
            share.max(config.separation_floor)
        })
        .collect()
}

/// Whether two accounts share an identifier of a kind that may link.
fn share_linking(facts: Facts<'_>, classification: &Classification, a: u32, b: u32, kind: KindId) -> bool {
    shared_identifiers(facts, a, b).any(|identifier| {
        facts.graph.kind_of(IdentifierId(identifier)) == kind
            && matches!(classification.policies[identifier as usize], Policy::Keep | Policy::DownWeight)
    })
}

/// The identifiers that two accounts share, ascending.
pub fn shared_identifiers<'a>(facts: Facts<'a>, a: u32, b: u32) -> impl Iterator<Item = u32> + 'a {
    let (left, right) = (facts.graph.identifiers_of(AccountId(a)), facts.graph.identifiers_of(AccountId(b)));
    let mut at = 0;
    left.iter().copied().filter(move |&identifier| {
        while at < right.len() && right[at] < identifier {
            at += 1;
        }
        at < right.len() && right[at] == identifier
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KindRole;
    use crate::classify::classify_identifiers;
    use crate::config::{ClassifyConfig, WeightScheme};
    use crate::toy::{Toy, planted};

    fn weights_of(toy: &Toy, config: &WeighConfig) -> Weights {
        let classification = classify_identifiers(toy.facts(), &ClassifyConfig::default());
        weigh_sightings(toy.facts(), &classification, config)
    }

    #[test]
    fn surprise_is_the_frequency_in_bits() {
        // Eight accounts; identifier 0 on two of them, identifier 1 on the other six, once each but account 0, 64 times.
        let mut touches: Vec<_> = (0..8).map(|account| (account, 0, u32::from(account > 1), 0)).collect();
        touches.extend((0..63).map(|_| (0, 0, 0, 0)));
        let toy = Toy::new(&[KindRole::Other], 8, &touches);
        let weights = weights_of(&toy, &WeighConfig::default());
        assert_eq!(weights.surprise[0], 2.0);
        assert!((f64::from(weights.surprise[1]) - (8f64 / 6.0).log2()).abs() < 1e-6);
        // Full activity, and one exchange: 1/2 + 1/2 log 2 / log 65.
        assert!((weights.sighting_weights[0] - 2.0).abs() < 1e-6);
        let once = 2.0 * (0.5 + 0.5 * 2f64.ln() / 65f64.ln());
        assert!((f64::from(weights.sighting_weights[1]) - once).abs() < 1e-6);
    }

    #[test]
    fn each_scheme_weighs_by_its_function_of_the_degree() {
        // Sixteen accounts on eight identifiers of two, and ten of them on one more.
        let touches: Vec<_> = (0..16)
            .map(|account| (account, 0, account / 2, 0))
            .chain((0..10).map(|account| (account, 1, 0, 0)))
            .chain((10..16).map(|account| (account, 1, account, 0)))
            .collect();
        let toy = Toy::new(&[KindRole::Other, KindRole::Other], 16, &touches);
        let full = WeighConfig { activity_floor: 1.0, kind_separation: vec![Some(1.0); 2], ..WeighConfig::default() };
        let (pair, ten) = (toy.identifier(0, 0).0, toy.identifier(1, 0).0);
        for (scheme, expected) in [
            (WeightScheme::Bits, [3.0, 1.6f64.log2()]),
            (WeightScheme::Idf, [8f64.ln(), 1.6f64.ln()]),
            (WeightScheme::InverseLogDegree, [1.0 / 7f64.ln(), 1.0 / 15f64.ln()]),
            (WeightScheme::AdamicAdar, [1.0, 1.0 / 10f64.ln()]),
            (WeightScheme::Uniform, [1.0, 1.0]),
        ] {
            let weights = weights_of(&toy, &WeighConfig { scheme, ..full.clone() });
            for (identifier, expected) in [pair, ten].into_iter().zip(expected) {
                let at = toy.graph.sightings_of_identifier(IdentifierId(identifier))[0] as usize;
                let found = f64::from(weights.sighting_weights[at]);
                assert!((found - expected).abs() < 1e-6, "{scheme:?} {identifier}: {found} {expected}");
            }
        }
    }

    #[test]
    fn what_was_not_renewed_for_a_half_life_weighs_half() {
        const DAY: u32 = 86_400;
        let touches: Vec<_> = (0..8).map(|account| (account, 0, account / 2, DAY * (100 - 14 * (account / 2)))).collect();
        let toy = Toy::new(&[KindRole::Other], 8, &touches);
        let weights = weights_of(&toy, &WeighConfig { half_life_days: Some(14.0), ..WeighConfig::default() });
        let whole = weights_of(&toy, &WeighConfig::default());
        for account in 0..8 {
            let ratio = weights.sighting_weights[account] / whole.sighting_weights[account];
            assert!((ratio - 0.5f32.powi(account as i32 / 2)).abs() < 1e-6, "{account}: {ratio}");
        }
    }

    #[test]
    fn suppressed_is_counted_not_forgotten() {
        let touches: Vec<_> = (0..60).flat_map(|account| [(account, 0, account / 2, 0), (account, 0, 30, 0)]).collect();
        let toy = Toy::new(&[KindRole::Other], 60, &touches);
        let weights = weights_of(&toy, &WeighConfig::default());
        assert!(weights.suppressed.iter().all(|&count| count == 1));
        let hub = toy.identifier(0, 30).0;
        for (position, &identifier) in toy.graph.columns().identifiers.iter().enumerate() {
            assert_eq!(weights.sighting_weights[position] == 0.0, identifier == hub);
        }
    }

    #[test]
    fn kinds_that_others_confirm_separate_better() {
        // Addresses pair neighbours of which only the network's share more; every card of five is confirmed.
        let (toy, _) = planted(2_000, 200);
        let weights = weights_of(&toy, &WeighConfig::default());
        assert!(weights.kind_separation[1] > 0.5, "{:?}", weights.kind_separation);
        assert!(weights.kind_separation[0] < 0.3, "{:?}", weights.kind_separation);
        let config = WeighConfig { kind_separation: vec![None, Some(0.25)], ..WeighConfig::default() };
        assert_eq!(weights_of(&toy, &config).kind_separation[1], 0.25);
    }

    #[test]
    fn the_graph_is_symmetric_and_skips_what_carries_nothing() {
        let (toy, _) = planted(300, 30);
        let facts = toy.facts();
        let weights = weights_of(&toy, &WeighConfig::default());
        let graph = weighted_graph(facts, &weights).expect("weights are this graph's");
        assert_eq!(graph.vertex_count(), toy.graph.vertex_count());
        for vertex in 0..graph.vertex_count() as u32 {
            for (&other, &weight) in graph.neighbors_of(vertex).iter().zip(graph.weights_of(vertex)) {
                let back = graph.neighbors_of(other).binary_search(&vertex).expect("both directions");
                assert_eq!(graph.weights_of(other)[back], weight);
                assert!(weight > 0.0);
            }
        }
    }

    #[test]
    fn shared_identifiers_are_the_intersection() {
        let touches = [(0, 0, 1, 0), (0, 0, 3, 0), (0, 0, 4, 0), (1, 0, 0, 0), (1, 0, 3, 0), (1, 0, 4, 0), (1, 0, 5, 0)];
        let toy = Toy::new(&[KindRole::Other], 2, &touches);
        assert_eq!(shared_identifiers(toy.facts(), 0, 1).collect::<Vec<_>>(), [3, 4]);
    }
}
