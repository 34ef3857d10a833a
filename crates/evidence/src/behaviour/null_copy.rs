//! What would the user's data look like if no accounts belonged together?
//!
//! A null copy keeps, for every account, its degree in each kind, its sightings' counts and life spans and its events of every hour, and for every identifier its degree. Only who shares what with whom is random:
//! 1. *slots*: in each kind and stratum (calendar [`STRATUM`] of the first sighting) the edges' identifiers are one list;
//! 2. *swap*: [`SWEEPS`] rounds of random pairings exchange the identifiers of two edges (a, i), (b, j) to (a, j), (b, i), unless
//!    that would make an edge twice: a degree-preserving Markov chain whose stationary distribution is uniform over the graphs with
//!    these degrees. An identifier thereby keeps its degree in every week, so that bursts of first use stay;
//! 3. *activity*: the template of each event follows its sighting's exchange, and the events of each account and hour are shifted
//!    circularly inside that hour: hourly volumes, hence the daily profile and the days of life, stay; coincidences do not.
//!
//! Kept, and therefore not tested by reruns on null copies: coincidences of whole hours, capability, model, ban and creation times.
//!
//! Kinds are independent of each other, and run in parallel; a kind's swaps are serial from one stream, so the bytes depend on the
//! seed alone. Cost: O(sightings x SWEEPS) hash look-ups and O(events).
//! Reference: Fosdick et al. 2018, "Configuring random graph models with fixed degree sequences", doi:10.1137/16M1087175;
//! Strona et al. 2014 (curveball), doi:10.1038/ncomms5114.

use std::collections::{BTreeMap, HashSet};

use graph::{
    AccountId, Activity, ActivityColumns, BipartiteColumns, BipartiteGraph, GraphError, IdentifierId, KindId, NONE_U32, Seconds,
};
use rayon::prelude::*;

use super::random::{Stream, key};

/// Width of a stratum of first sightings, in seconds: a week.
pub const STRATUM: Seconds = 7 * 86_400;
/// Tried swaps for each edge.
pub const SWEEPS: usize = 10;
const HOUR: i64 = 3_600_000;

/// One null copy of the data.
#[derive(Clone, Debug, PartialEq)]
pub struct NullCopy {
    /// The graph with swapped ends.
    pub graph: BipartiteGraph,
    /// The events with swapped templates and shifted days.
    pub activity: Activity,
}

/// Makes the null copy of a seed.
///
/// # Errors
/// [`GraphError`] if the parts don't fit together, which a valid input never causes.
pub fn null_copy(graph: &BipartiteGraph, activity: &Activity, seed: u64) -> Result<NullCopy, GraphError> {
    let identifiers = swapped(graph, seed);
    let activity = moved(graph, activity, &identifiers, seed)?;
    Ok(NullCopy { graph: rebuilt(graph, &identifiers)?, activity })
}

/// The new identifier of every sighting, by position.
fn swapped(graph: &BipartiteGraph, seed: u64) -> Vec<u32> {
    let columns = graph.columns();
    let (first_seen, old) = (columns.first_seen.as_slice(), columns.identifiers.as_slice());
    let owners = owners(graph);
    let kinds: Vec<Vec<(u32, u32)>> = (0..graph.kind_count())
        .into_par_iter()
        .map(|kind| {
            let kind = KindId(kind as u8);
            let mut stream = Stream::new(key(&[seed, 20, u64::from(kind.0)]));
            let mut strata: BTreeMap<Seconds, Vec<u32>> = BTreeMap::new();
            let mut present: HashSet<u64> = HashSet::new();
            for identifier in graph.identifiers_of_kind(kind) {
                for &position in graph.sightings_of_identifier(IdentifierId(identifier)) {
                    strata.entry(first_seen[position as usize] / STRATUM).or_default().push(position);
                    present.insert(pair(owners[position as usize], identifier));
                }
            }
            let mut found = Vec::with_capacity(present.len());
            for positions in strata.values() {
                let mut ends: Vec<u32> = positions.iter().map(|&position| old[position as usize]).collect();
                for _ in 0..ends.len() * SWEEPS {
                    let (i, j) = (stream.below(ends.len()), stream.below(ends.len()));
                    let (a, b) = (owners[positions[i] as usize], owners[positions[j] as usize]);
                    if a == b || ends[i] == ends[j] {
                        continue;
                    }
                    if present.contains(&pair(a, ends[j])) || present.contains(&pair(b, ends[i])) {
                        continue;
                    }
                    present.remove(&pair(a, ends[i]));
                    present.remove(&pair(b, ends[j]));
                    ends.swap(i, j);
                    present.insert(pair(a, ends[i]));
                    present.insert(pair(b, ends[j]));
                }
                found.extend(positions.iter().copied().zip(ends));
            }
            found
        })
        .collect();
    let mut identifiers = old.to_vec();
    for (position, identifier) in kinds.into_iter().flatten() {
        identifiers[position as usize] = identifier;
    }
    identifiers
}

fn pair(account: u32, identifier: u32) -> u64 {
    (u64::from(account) << 32) | u64::from(identifier)
}

/// The account of every sighting, by position.
fn owners(graph: &BipartiteGraph) -> Vec<u32> {
    let accounts = 0..graph.account_count() as u32;
    accounts.flat_map(|account| std::iter::repeat_n(account, graph.account_degree(AccountId(account)))).collect()
}

/// Sorts each account's new identifiers and mirrors them.
fn rebuilt(graph: &BipartiteGraph, identifiers: &[u32]) -> Result<BipartiteGraph, GraphError> {
    let columns = graph.columns();
    let owners = owners(graph);
    let mut order: Vec<u32> = (0..identifiers.len() as u32).collect();
    order.par_sort_unstable_by_key(|&position| pair(owners[position as usize], identifiers[position as usize]));
    let pick = |column: &[u32]| order.iter().map(|&position| column[position as usize]).collect::<Vec<u32>>();
    let sorted = pick(identifiers);
    let mut mirror: Vec<u32> = (0..sorted.len() as u32).collect();
    mirror.par_sort_unstable_by_key(|&position| pair(sorted[position as usize], owners[position as usize]));
    BipartiteGraph::from_columns(BipartiteColumns {
        kind_starts: columns.kind_starts.clone(),
        account_offsets: columns.account_offsets.clone(),
        counts: pick(&columns.counts).into(),
        first_seen: pick(&columns.first_seen).into(),
        last_seen: pick(&columns.last_seen).into(),
        // Every identifier keeps its degree.
        identifier_offsets: columns.identifier_offsets.clone(),
        accounts: mirror.iter().map(|&position| owners[position as usize]).collect::<Vec<u32>>().into(),
        identifiers: sorted.into(),
        identifier_sightings: mirror.into(),
    })
}

/// Renames each event's template as its sighting was renamed, and moves each account's days.
fn moved(graph: &BipartiteGraph, activity: &Activity, identifiers: &[u32], seed: u64) -> Result<Activity, GraphError> {
    let columns = activity.columns();
    let rows: Vec<Vec<(i64, u32, u32)>> = (0..activity.account_count() as u32)
        .into_par_iter()
        .map(|account| {
            let events = activity.of(AccountId(account));
            let range = graph.sighting_range(AccountId(account));
            let (before, after) = (graph.identifiers_of(AccountId(account)), &identifiers[range]);
            let rename = |template: u32| before.binary_search(&template).map_or(template, |at| after[at]);
            let mut row: Vec<(i64, u32, u32)> = (0..events.time.len())
                .map(|at| (events.time[at], at as u32, events.template.get(at).map_or(NONE_U32, |&old| rename(old))))
                .collect();
            jitter(&mut row, key(&[seed, 21, u64::from(account)]));
            row.sort_unstable();
            row
        })
        .collect();
    let starts = columns.offsets.as_slice();
    let place = |(account, row): (usize, &Vec<(i64, u32, u32)>)| -> Vec<usize> {
        row.iter().map(|event| starts[account] as usize + event.1 as usize).collect()
    };
    let order: Vec<usize> = rows.iter().enumerate().flat_map(place).collect();
    let pick = |column: &[u16]| -> Vec<u16> {
        if column.is_empty() { Vec::new() } else { order.iter().map(|&at| column[at]).collect() }
    };
    let requests = columns.requests.as_slice();
    let template: Vec<u32> = rows.iter().flatten().map(|event| event.2).collect();
    Activity::from_columns(ActivityColumns {
        offsets: columns.offsets.clone(),
        time: rows.iter().flatten().map(|event| event.0).collect::<Vec<_>>().into(),
        model: pick(&columns.model).into(),
        capability: pick(&columns.capability).into(),
        status: pick(&columns.status).into(),
        template: if columns.template.is_empty() { Vec::new() } else { template }.into(),
        requests: if requests.is_empty() { Vec::new() } else { order.iter().map(|&at| requests[at]).collect() }.into(),
    })
}

/// Shifts the events of each hour circularly inside that hour by one offset: the profile of the day and every hour's volume stay.
fn jitter(row: &mut [(i64, u32, u32)], seed: u64) {
    for event in row {
        let hour = event.0.div_euclid(HOUR);
        let offset = Stream::new(key(&[seed, hour as u64])).below(HOUR as usize) as i64;
        event.0 = hour * HOUR + (event.0.rem_euclid(HOUR) + offset) % HOUR;
    }
}

#[cfg(test)]
mod tests {
    use super::super::toy::Toy;
    use super::*;

    #[test]
    fn degrees_spans_and_hours_stay_and_ends_move() {
        let world = Toy::mixed(400, 30, 20, 3);
        let facts = world.facts();
        let copy = null_copy(facts.graph, facts.activity, 5).unwrap();
        copy.graph.validate().unwrap();
        let (old, new) = (facts.graph.columns(), copy.graph.columns());
        assert_eq!(old.account_offsets, new.account_offsets);
        assert_eq!(old.identifier_offsets, new.identifier_offsets);
        assert_ne!(old.identifiers, new.identifiers);
        for account in (0..420).map(AccountId) {
            let spans = |graph: &BipartiteGraph| {
                let mut found: Vec<_> =
                    graph.sightings_of(account).map(|edge| (edge.first_seen, edge.last_seen, edge.count)).collect();
                found.sort_unstable();
                found
            };
            assert_eq!(spans(facts.graph), spans(&copy.graph));
            let hours =
                |activity: &Activity| -> Vec<i64> { activity.of(account).time.iter().map(|at| at.div_euclid(HOUR)).collect() };
            assert_eq!(hours(facts.activity), hours(&copy.activity));
        }
        assert_eq!(copy, null_copy(facts.graph, facts.activity, 5).unwrap());
        assert_ne!(copy, null_copy(facts.graph, facts.activity, 6).unwrap());
    }

    #[test]
    fn planted_pairs_dissolve() {
        // Two disjoint cliques of 20 accounts on 20 identifiers each: a null copy mixes them half and half.
        let world = Toy::cliques(20);
        let facts = world.facts();
        let copy = null_copy(facts.graph, facts.activity, 1).unwrap();
        let inside: usize = (0..20)
            .map(|account| copy.graph.identifiers_of(AccountId(account)).iter().filter(|&&other| other < 40).count())
            .sum();
        let total: usize = (0..20).map(|account| copy.graph.account_degree(AccountId(account))).sum();
        let share = inside as f64 / total as f64;
        assert!((share - 0.5).abs() < 0.1, "{share}");
    }

    #[test]
    fn the_bytes_do_not_depend_on_threads() {
        let world = Toy::mixed(200, 20, 20, 3);
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| null_copy(world.facts().graph, world.facts().activity, 9).unwrap())
        };
        assert_eq!(run(1), run(4));
    }
}
