//! What would the user's data look like if no accounts belonged together?
//!
//! A null copy keeps, for every account, its degree in each kind and week, its sightings' counts and life spans and its events
//! of every hour, and for every identifier its degree in each week. Only who shares what with whom is random:
//! 1. *cells*: each account's identifiers of a kind are one row; a cell is an identifier and the calendar [`STRATUM`] of the
//!    sighting's first event;
//! 2. *trades*: in each of [`ROUNDS`] rounds and for each stratum, accounts with cells in it are paired at random, and each
//!    pair deals out anew, stratum by stratum, the identifiers that only one of the two has (`trade`): a degree-preserving
//!    Markov chain, symmetric, hence uniform over all graphs with these degrees. An identifier keeps its degree in every week,
//!    so that bursts of first use stay;
//! 3. *activity*: the template of each event follows its sighting's exchange, and the events of each account and hour are
//!    shifted circularly inside that hour: hourly volumes, hence the daily profile and the days of life, stay; coincidences do
//!    not.
//!
//! Kept, and therefore not tested by reruns on null copies: coincidences of whole hours, capability, model, ban and creation
//! times.
//!
//! Kinds run in parallel, and so do the pairs of a round, which share no row; each trade has a stream of its own, so the bytes
//! depend on the seed alone. Cost: O(sightings x strata of an account x ROUNDS) comparisons in sorted rows, and O(events).
//!
//! References: Strona et al. 2014 (curveball), doi:10.1038/ncomms5114; Carstens, Berger and Strona 2016, arXiv:1609.05137
//! (uniform, faster than swaps); Carstens et al. 2018 (global trades, in parallel), doi:10.4230/LIPIcs.ESA.2018.11; Fosdick et
//! al. 2018, doi:10.1137/16M1087175.

use graph::{
    AccountId, Activity, ActivityColumns, BipartiteColumns, BipartiteGraph, Column, GraphError, KindId, NONE_U32, Seconds,
};
use rayon::prelude::*;

use super::random::{Stream, key};

/// Width of a stratum of first sightings, in seconds: a week.
pub const STRATUM: Seconds = 7 * 86_400;
/// Rounds of trades. In a round an account trades once for each stratum it has cells in. A cell of an account with as many as
/// its partners is still where it was with a chance of 2^-18; an account with 60 times as many gives away few in a trade, and
/// keeps about one cell in 60 (six rounds left it 43%).
pub const ROUNDS: u64 = 18;
const HOUR: i64 = 3_600_000;
/// Accounts that a task takes.
const TASK: usize = 256;

/// One null copy of the data.
#[derive(Clone, Debug, PartialEq)]
pub struct NullCopy {
    /// The graph with exchanged identifiers.
    pub graph: BipartiteGraph,
    /// The events with exchanged templates, moved inside their hours.
    pub activity: Activity,
}

/// Makes the null copy of a seed.
///
/// # Errors
/// [`GraphError`] if the parts don't fit together, which a valid input never causes.
pub fn null_copy(graph: &BipartiteGraph, activity: &Activity, seed: u64) -> Result<NullCopy, GraphError> {
    let identifiers = exchanged(graph, seed, ROUNDS);
    let activity = moved(graph, activity, &identifiers, seed)?;
    Ok(NullCopy { graph: rebuilt(graph, &identifiers)?, activity })
}

/// An identifier of an account and the stratum of its first sighting; rows ascend by identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Cell {
    identifier: u32,
    stratum: u32,
}

/// One account's cells of one kind.
struct Row<'a> {
    account: u32,
    cells: &'a mut [Cell],
}

/// The new identifier of every sighting, by position.
fn exchanged(graph: &BipartiteGraph, seed: u64, rounds: u64) -> Vec<u32> {
    let kinds: Vec<(Vec<u64>, Vec<u32>)> = (0..graph.kind_count())
        .into_par_iter()
        .map(|kind| exchanged_of_kind(graph, KindId::of_index(kind), seed, rounds))
        .collect();
    // Kinds are contiguous in an account's row, in their order.
    let offsets = graph.columns().account_offsets.as_slice();
    let mut identifiers = vec![0; graph.sighting_count()];
    let mut rows = split_rows(&mut identifiers, offsets);
    rows.par_iter_mut().with_min_len(TASK).enumerate().for_each(|(account, row)| {
        let mut at = 0;
        for (starts, found) in &kinds {
            let part = &found[starts[account] as usize..starts[account + 1] as usize];
            row[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
    });
    identifiers
}

/// The new identifiers of one kind: start of each account's, and for each of its sightings of the kind, in their order, the new
/// one.
fn exchanged_of_kind(graph: &BipartiteGraph, kind: KindId, seed: u64, rounds: u64) -> (Vec<u64>, Vec<u32>) {
    let first_seen = graph.columns().first_seen.as_slice();
    let of_kind = graph.identifiers_of_kind(kind);
    let mut starts = vec![0u64; graph.account_count() + 1];
    let mut cells = Vec::new();
    for account in 0..graph.account_count() {
        let range = graph.sighting_range(AccountId(account as u32));
        let row = graph.identifiers_of(AccountId(account as u32));
        let (from, to) = (row.partition_point(|&at| at < of_kind.start), row.partition_point(|&at| at < of_kind.end));
        cells.extend((from..to).map(|at| Cell { identifier: row[at], stratum: first_seen[range.start + at] / STRATUM }));
        starts[account + 1] = cells.len() as u64;
    }
    let before: Vec<u32> = cells.iter().map(|cell| cell.stratum).collect();
    trade_all(&mut cells, &before, &starts, key(&[seed, 20, u64::from(kind.0)]), rounds);
    let mut found = vec![0; cells.len()];
    let mut rows: Vec<(&mut [u32], &[Cell], &[u32])> = Vec::with_capacity(graph.account_count());
    for (account, row) in split_rows(&mut found, &starts).into_iter().enumerate() {
        let range = starts[account] as usize..starts[account + 1] as usize;
        rows.push((row, &cells[range.clone()], &before[range]));
    }
    rows.par_iter_mut().with_min_len(TASK).enumerate().for_each(|(account, (row, cells, before))| {
        deal(row, cells, before, key(&[seed, 22, u64::from(kind.0), account as u64]));
    });
    (starts, found)
}

/// Mutable rows of a flat column.
fn split_rows<'a, T>(mut rest: &'a mut [T], starts: &[u64]) -> Vec<&'a mut [T]> {
    let mut rows = Vec::with_capacity(starts.len() - 1);
    for ends in starts.windows(2) {
        let (row, later) = rest.split_at_mut((ends[1] - ends[0]) as usize);
        rows.push(row);
        rest = later;
    }
    rows
}

/// All rounds of trades.
fn trade_all(cells: &mut [Cell], strata: &[u32], starts: &[u64], key_of_kind: u64, rounds: u64) {
    let in_strata = accounts_by_stratum(strata, starts);
    let rows = split_rows(cells, starts).into_iter().zip(0..);
    let mut rows: Vec<Row<'_>> = rows.map(|(cells, account)| Row { account, cells }).collect();
    for round in 0..rounds {
        for of_stratum in in_strata.chunk_by(|left, right| left.0 == right.0) {
            let stratum = of_stratum[0].0;
            let (mut rest, mut next) = (rows.iter_mut(), 0);
            let mut paired: Vec<&mut Row<'_>> = Vec::with_capacity(of_stratum.len());
            for &(_, account) in of_stratum {
                paired.extend(rest.nth((account - next) as usize));
                next = account + 1;
            }
            let trades = key(&[key_of_kind, round, u64::from(stratum)]);
            let mut order = Stream::new(trades);
            for at in (1..paired.len()).rev() {
                paired.swap(at, order.below(at + 1));
            }
            paired.par_chunks_exact_mut(2).with_min_len(TASK).for_each_init(Vec::new, |pool, pair| {
                let [one, other] = pair else { unreachable!("chunks of two") };
                let stream = Stream::new(key(&[trades, u64::from(one.account), u64::from(other.account)]));
                trade(one.cells, other.cells, pool, stream);
            });
        }
    }
}

/// (stratum, account with cells in it), ascending: no trade changes them.
fn accounts_by_stratum(strata: &[u32], starts: &[u64]) -> Vec<(u32, u32)> {
    let of_account = |account: usize| {
        let row = &strata[starts[account] as usize..starts[account + 1] as usize];
        row.iter().map(move |&stratum| (stratum, account as u32))
    };
    let mut found: Vec<(u32, u32)> =
        (0..starts.len() - 1).into_par_iter().with_min_len(TASK).flat_map_iter(of_account).collect();
    found.par_sort_unstable();
    found.dedup();
    found
}

/// Deals out anew, within each stratum, the identifiers that only one of two rows has. Both keep their number of cells in each
/// stratum. `pool` is scratch space.
fn trade(one: &mut [Cell], other: &mut [Cell], pool: &mut Vec<(Cell, u32)>, mut stream: Stream) {
    // What only one of them has, and its place: places of `other` come after those of `one`.
    pool.clear();
    let (mut left, mut right) = (0, 0);
    while left < one.len() || right < other.len() {
        let order = match (one.get(left), other.get(right)) {
            (Some(a), Some(b)) => a.identifier.cmp(&b.identifier),
            (Some(_), None) => std::cmp::Ordering::Less,
            _ => std::cmp::Ordering::Greater,
        };
        match order {
            std::cmp::Ordering::Less => {
                pool.push((one[left], left as u32));
                left += 1;
            }
            std::cmp::Ordering::Greater => {
                pool.push((other[right], (one.len() + right) as u32));
                right += 1;
            }
            std::cmp::Ordering::Equal => (left, right) = (left + 1, right + 1),
        }
    }
    pool.sort_unstable_by_key(|&(cell, place)| (cell.stratum, place));
    let bound = one.len() as u32;
    let mut changed = false;
    for stratum in pool.chunk_by_mut(|a, b| a.0.stratum == b.0.stratum) {
        if stratum[0].1 >= bound || stratum[stratum.len() - 1].1 < bound {
            continue;
        }
        for at in (1..stratum.len()).rev() {
            let with = stream.below(at + 1);
            let identifier = stratum[at].0.identifier;
            stratum[at].0.identifier = stratum[with].0.identifier;
            stratum[with].0.identifier = identifier;
        }
        for &(cell, place) in stratum.iter() {
            let place = place as usize;
            if place < one.len() { one[place] = cell } else { other[place - one.len()] = cell }
        }
        changed = true;
    }
    if changed {
        one.sort_unstable();
        other.sort_unstable();
    }
}

/// Gives an account's sightings of a kind, in their old order and with their old strata, its new identifiers: within a stratum
/// at random, so that counts and life spans stay with the sighting and not with the identifier.
fn deal(row: &mut [u32], cells: &[Cell], before: &[u32], key: u64) {
    let mut stream = Stream::new(key);
    let mut places: Vec<u32> = (0..before.len() as u32).collect();
    places.sort_by_key(|&place| before[place as usize]);
    let mut dealt = cells.to_vec();
    dealt.sort_unstable_by_key(|cell| (cell.stratum, cell.identifier));
    for stratum in dealt.chunk_by_mut(|a, b| a.stratum == b.stratum) {
        for at in (1..stratum.len()).rev() {
            stratum.swap(at, stream.below(at + 1));
        }
    }
    for (place, cell) in places.into_iter().zip(dealt) {
        row[place as usize] = cell.identifier;
    }
}

/// Sorts each account's new identifiers and mirrors them.
fn rebuilt(graph: &BipartiteGraph, identifiers: &[u32]) -> Result<BipartiteGraph, GraphError> {
    let columns = graph.columns();
    let offsets = columns.account_offsets.as_slice();
    let mut order: Vec<u32> = (0..identifiers.len() as u32).collect();
    split_rows(&mut order, offsets)
        .into_par_iter()
        .with_min_len(TASK)
        .for_each(|row| row.sort_unstable_by_key(|&position| identifiers[position as usize]));
    let pick = |column: &[u32]| order.par_iter().map(|&position| column[position as usize]).collect::<Vec<u32>>();
    let sorted = pick(identifiers);
    // Every identifier keeps its degree: a counting sort into the old rows.
    let mut next: Vec<u64> = columns.identifier_offsets.to_vec();
    let (mut accounts, mut mirror) = (vec![0u32; sorted.len()], vec![0u32; sorted.len()]);
    for account in 0..graph.account_count() {
        for position in offsets[account] as usize..offsets[account + 1] as usize {
            let slot = &mut next[sorted[position] as usize];
            (accounts[*slot as usize], mirror[*slot as usize]) = (account as u32, position as u32);
            *slot += 1;
        }
    }
    BipartiteGraph::from_columns(BipartiteColumns {
        kind_starts: columns.kind_starts.clone(),
        account_offsets: columns.account_offsets.clone(),
        counts: pick(&columns.counts).into(),
        first_seen: pick(&columns.first_seen).into(),
        last_seen: pick(&columns.last_seen).into(),
        identifier_offsets: columns.identifier_offsets.clone(),
        accounts: accounts.into(),
        identifiers: sorted.into(),
        identifier_sightings: mirror.into(),
    })
}

/// An event on the move: its new time, its old place, its new template.
type Moved = (i64, u64, u32);

/// Renames each event's template as its sighting was renamed, and moves each account's events inside their hours.
fn moved(graph: &BipartiteGraph, activity: &Activity, identifiers: &[u32], seed: u64) -> Result<Activity, GraphError> {
    let columns = activity.columns();
    let starts = columns.offsets.as_slice();
    let mut events: Vec<Moved> = vec![(0, 0, 0); activity.event_count()];
    split_rows(&mut events, starts).into_par_iter().with_min_len(TASK).enumerate().for_each(|(account, row)| {
        let id = AccountId(account as u32);
        let of = activity.of(id);
        let (before, after) = (graph.identifiers_of(id), &identifiers[graph.sighting_range(id)]);
        let rename = |template: u32| before.binary_search(&template).map_or(template, |at| after[at]);
        for (at, event) in row.iter_mut().enumerate() {
            let template = of.template.get(at).map_or(NONE_U32, |&old| if old == NONE_U32 { old } else { rename(old) });
            *event = (of.time[at], starts[account] + at as u64, template);
        }
        jitter(row, key(&[seed, 21, account as u64]));
    });
    fn pick<T: Copy + Send + Sync>(column: &[T], events: &[Moved]) -> Column<T> {
        let chosen = if column.is_empty() { &[] } else { events };
        chosen.par_iter().map(|event| column[event.1 as usize]).collect::<Vec<T>>().into()
    }
    let templates = if columns.template.is_empty() { &[] } else { events.as_slice() };
    Activity::from_columns(ActivityColumns {
        offsets: columns.offsets.clone(),
        time: events.par_iter().map(|event| event.0).collect::<Vec<_>>().into(),
        model: pick(&columns.model, &events),
        capability: pick(&columns.capability, &events),
        status: pick(&columns.status, &events),
        template: templates.par_iter().map(|event| event.2).collect::<Vec<_>>().into(),
        requests: pick(&columns.requests, &events),
        tokens: pick(&columns.tokens, &events),
    })
}

/// Shifts the events of each hour circularly inside that hour by one offset: the profile of the day and every hour's volume
/// stay.
fn jitter(row: &mut [Moved], seed: u64) {
    for events in row.chunk_by_mut(|a, b| a.0.div_euclid(HOUR) == b.0.div_euclid(HOUR)) {
        let hour = events[0].0.div_euclid(HOUR);
        let offset = Stream::new(key(&[seed, hour as u64])).below(HOUR as usize) as i64;
        for event in events.iter_mut() {
            event.0 = hour * HOUR + (event.0.rem_euclid(HOUR) + offset) % HOUR;
        }
        events.sort_unstable();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::toy::Toy;
    use super::*;
    use graph::build::graph_from_sightings;
    use graph::{IdentifierId, Sighting};
    use proptest::prelude::*;

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
            let tokens = |activity: &Activity| {
                let of = activity.of(account);
                let mut found: Vec<_> =
                    of.tokens.iter().zip(of.time).map(|(tokens, at)| (*tokens, at.div_euclid(HOUR))).collect();
                found.sort_unstable();
                found
            };
            assert_eq!(tokens(facts.activity), tokens(&copy.activity));
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

    /// Accounts, identifiers of one kind, and a first sighting in week `week`.
    fn graph_of(edges: &[(u32, u32, u32)], accounts: usize, identifiers: u32) -> BipartiteGraph {
        let sighting = |&(account, identifier, week): &(u32, u32, u32)| Sighting {
            account: AccountId(account),
            identifier: IdentifierId(identifier),
            count: 1 + identifier,
            first_seen: week * STRATUM + 5,
            last_seen: week * STRATUM + 9,
        };
        graph_from_sightings(edges.iter().map(sighting).collect(), accounts, vec![0, identifiers]).unwrap()
    }

    #[test]
    fn every_graph_with_these_degrees_is_equally_likely() {
        // Degrees 2, 1, 1 and 2, 1, 1 on three by three: account 0 has {0, 1}, {0, 2} or {1, 2}. With {0, 1} the others hold 0
        // and 2 in two orders, with {0, 2} 0 and 1 in two, with {1, 2} both hold 0: five graphs, all equally likely.
        let graph = graph_of(&[(0, 0, 0), (0, 1, 0), (1, 0, 0), (2, 2, 0)], 3, 3);
        let mut seen = std::collections::BTreeMap::<Vec<u32>, f64>::new();
        const COPIES: u64 = 5_000;
        for seed in 0..COPIES {
            // One of three accounts sits out each round, and most deals are of two cells: many rounds, for this is about the
            // limit.
            let identifiers = exchanged(&graph, seed, 60);
            *seen.entry(rebuilt(&graph, &identifiers).unwrap().columns().identifiers.to_vec()).or_default() += 1.0;
        }
        assert_eq!(seen.len(), 5, "{seen:?}");
        let each = COPIES as f64 / 5.0;
        // Chi-square with 4 degrees of freedom: 18.5 is the .999 quantile.
        let chi: f64 = seen.values().map(|count| (count - each).powi(2) / each).sum();
        assert!(chi < 18.5, "{chi} {seen:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        /// Degrees by week stay on both sides, and no pair comes up twice, on any graph.
        #[test]
        fn weeks_and_degrees_stay(raw in prop::collection::vec((0u32..12, 0u32..9, 0u32..4), 0..80), seed in 0u64..99) {
            let mut pairs = BTreeSet::new();
            let edges: Vec<_> = raw.into_iter().filter(|&(account, identifier, _)| pairs.insert((account, identifier))).collect();
            let graph = graph_of(&edges, 12, 9);
            let none = Activity::from_columns(ActivityColumns::empty(12)).unwrap();
            let copy = null_copy(&graph, &none, seed).unwrap().graph;
            copy.validate().unwrap();
            let weeks = |graph: &BipartiteGraph, of_account: bool| {
                let mut found: Vec<(u32, u32)> = (0..graph.sighting_count())
                    .map(|at| graph.sighting(at))
                    .map(|edge| (if of_account { edge.account.0 } else { edge.identifier.0 }, edge.first_seen / STRATUM))
                    .collect();
                found.sort_unstable();
                found
            };
            prop_assert_eq!(weeks(&graph, true), weeks(&copy, true));
            prop_assert_eq!(weeks(&graph, false), weeks(&copy, false));
        }
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
