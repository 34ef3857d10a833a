//! From single sightings in any order to a graph: which pairs are there, how often, since when and until when?
//!
//! 1. [`consolidate`]: sort by (account, identifier), merge equals: counts are summed (saturating), times become the earliest and
//!    the latest. Associative and commutative, so runs can be consolidated early and again later.
//! 2. [`columns_from_sightings`]: the forward side is the sorted sightings; the reverse side is the positions sorted by
//!    (identifier, position), hence by account within an identifier.
//! 3. [`activity_from_moments`]: events sorted by account, time and then all other columns, so that input order leaves no trace.
//!
//! Cost: a parallel in-place radix sort, O(bytes of key x n), and O(n) passes. The answers depend on neither the input order
//! nor the number of threads.
//!
//! Reference: the merge is the `consolidation` of differential dataflow (McSherry et al., CIDR 2013).

use rayon::prelude::*;
use rdst::{RadixKey, RadixSort};

use crate::{
    AccountId, Activity, ActivityColumns, BipartiteColumns, BipartiteGraph, GraphError, IdentifierId, NO_TIME, NONE_U16,
    NONE_U32, Seconds, Sighting,
};

/// One timed event, compact: what an [`Activity`] is built from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// The account.
    pub account: u32,
    /// Whole seconds since the Unix epoch.
    pub seconds: Seconds,
    /// Milliseconds past `seconds`, below 1000.
    pub millis: u16,
    /// Model index or `NONE_U16`.
    pub model: u16,
    /// Capability index or `NONE_U16`.
    pub capability: u16,
    /// Status or `NONE_U16`.
    pub status: u16,
    /// Template identifier or `NONE_U32`.
    pub template: u32,
    /// Exchanges it stands for.
    pub requests: u32,
}

impl RadixKey for Sighting {
    const LEVELS: usize = 8;

    fn get_level(&self, level: usize) -> u8 {
        let (account, identifier): (AccountId, IdentifierId) = (self.account, self.identifier);
        (((u64::from(account.0) << 32) | u64::from(identifier.0)) >> (level * 8)) as u8
    }
}

impl RadixKey for Moment {
    const LEVELS: usize = 8;

    fn get_level(&self, level: usize) -> u8 {
        (((u64::from(self.account) << 32) | u64::from(self.seconds)) >> (level * 8)) as u8
    }
}

/// Sorts by (account, identifier) and merges equals. O(n).
pub fn consolidate(mut sightings: Vec<Sighting>) -> Vec<Sighting> {
    sightings.radix_sort_unstable();
    sightings.dedup_by(|next, kept| {
        let same = (next.account, next.identifier) == (kept.account, kept.identifier);
        if same {
            kept.count = kept.count.saturating_add(next.count);
            kept.first_seen = earliest(kept.first_seen, next.first_seen);
            kept.last_seen = kept.last_seen.max(next.last_seen);
        }
        same
    });
    sightings
}

fn earliest(one: Seconds, other: Seconds) -> Seconds {
    match (one, other) {
        (NO_TIME, time) | (time, NO_TIME) => time,
        (one, other) => one.min(other),
    }
}

/// Both sides of the graph from consolidated sightings. `kind_starts` has one entry a kind and ends with the identifier count.
///
/// # Errors
/// More sightings than a `u32` numbers, sightings that are not strictly ascending, ids out of range.
pub fn columns_from_sightings(
    sightings: &[Sighting],
    account_count: usize,
    kind_starts: Vec<u32>,
) -> Result<BipartiteColumns, GraphError> {
    let identifier_count = kind_starts.last().copied().unwrap_or(0) as usize;
    if sightings.len() >= u32::MAX as usize {
        return Err(GraphError::TooMany { what: "sightings", found: sightings.len() as u64, bound: u64::from(u32::MAX) });
    }
    let key = |sighting: &Sighting| (sighting.account, sighting.identifier);
    if let Some(at) = sightings.par_windows(2).position_first(|pair| key(&pair[0]) >= key(&pair[1])) {
        return Err(GraphError::Offsets { column: "sightings", at: at as u64 + 1 });
    }
    let out = |column, found: u32, bound: usize| GraphError::OutOfRange {
        column,
        at: 0,
        found: u64::from(found),
        bound: bound as u64,
    };
    if let Some(last) = sightings.last().filter(|last| last.account.index() >= account_count) {
        return Err(out("sightings (account)", last.account.0, account_count));
    }
    let mut reverse: Vec<u64> = sightings
        .par_iter()
        .enumerate()
        .map(|(position, sighting)| (u64::from(sighting.identifier.0) << 32) | position as u64)
        .collect();
    reverse.radix_sort_unstable();
    if let Some(last) = reverse.last().filter(|&&last| (last >> 32) as usize >= identifier_count) {
        return Err(out("sightings (identifier)", (last >> 32) as u32, identifier_count));
    }
    let account_offsets = offsets(account_count, sightings.len(), |at| sightings[at].account.0);
    let identifier_offsets = offsets(identifier_count, reverse.len(), |at| (reverse[at] >> 32) as u32);
    Ok(BipartiteColumns {
        kind_starts: kind_starts.into(),
        account_offsets: account_offsets.into(),
        identifiers: sightings.par_iter().map(|sighting| sighting.identifier.0).collect::<Vec<_>>().into(),
        counts: sightings.par_iter().map(|sighting| sighting.count).collect::<Vec<_>>().into(),
        first_seen: sightings.par_iter().map(|sighting| sighting.first_seen).collect::<Vec<_>>().into(),
        last_seen: sightings.par_iter().map(|sighting| sighting.last_seen).collect::<Vec<_>>().into(),
        identifier_offsets: identifier_offsets.into(),
        accounts: reverse.par_iter().map(|&entry| sightings[entry as u32 as usize].account.0).collect::<Vec<_>>().into(),
        identifier_sightings: reverse.par_iter().map(|&entry| entry as u32).collect::<Vec<_>>().into(),
    })
}

/// Consolidates and builds in one step.
///
/// # Errors
/// As [`columns_from_sightings`].
pub fn graph_from_sightings(
    sightings: Vec<Sighting>,
    account_count: usize,
    kind_starts: Vec<u32>,
) -> Result<BipartiteGraph, GraphError> {
    BipartiteGraph::from_columns(columns_from_sightings(&consolidate(sightings), account_count, kind_starts)?)
}

/// Row starts of `row_count` rows over `length` entries whose rows ascend.
fn offsets(row_count: usize, length: usize, row_of: impl Fn(usize) -> u32) -> Vec<u64> {
    let mut offsets = vec![0u64; row_count + 1];
    for at in 0..length {
        offsets[row_of(at) as usize + 1] += 1;
    }
    for row in 0..row_count {
        offsets[row + 1] += offsets[row];
    }
    offsets
}

/// Orders events by account, time and then all other columns. A column in which every event is missing (or, for requests, 1)
/// is left out.
///
/// # Errors
/// An account out of range.
pub fn activity_from_moments(mut moments: Vec<Moment>, account_count: usize) -> Result<Activity, GraphError> {
    moments.radix_sort_unstable();
    moments.par_chunk_by_mut(|one, other| (one.account, one.seconds) == (other.account, other.seconds)).for_each(|ties| {
        if ties.len() > 1 {
            ties.sort_unstable();
        }
    });
    if let Some(last) = moments.last().filter(|last| last.account as usize >= account_count) {
        let (found, bound) = (u64::from(last.account), account_count as u64);
        return Err(GraphError::OutOfRange { column: "moments", at: moments.len() as u64 - 1, found, bound });
    }
    fn column<T: Copy + Send + Sync + PartialEq>(
        moments: &[Moment],
        none: T,
        of: impl Fn(&Moment) -> T + Send + Sync,
    ) -> Vec<T> {
        if moments.par_iter().all(|moment| of(moment) == none) { Vec::new() } else { moments.par_iter().map(of).collect() }
    }
    Activity::from_columns(ActivityColumns {
        offsets: offsets(account_count, moments.len(), |at| moments[at].account).into(),
        time: moments
            .par_iter()
            .map(|moment| i64::from(moment.seconds) * 1000 + i64::from(moment.millis))
            .collect::<Vec<_>>()
            .into(),
        model: column(&moments, NONE_U16, |moment| moment.model).into(),
        capability: column(&moments, NONE_U16, |moment| moment.capability).into(),
        status: column(&moments, NONE_U16, |moment| moment.status).into(),
        template: column(&moments, NONE_U32, |moment| moment.template).into(),
        requests: column(&moments, 1, |moment| moment.requests).into(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn sighting(account: u32, identifier: u32, count: u32, first_seen: u32, last_seen: u32) -> Sighting {
        Sighting { account: AccountId(account), identifier: IdentifierId(identifier), count, first_seen, last_seen }
    }

    #[test]
    fn three_sightings_become_two_edges() {
        let raw = vec![sighting(1, 0, 2, 50, 50), sighting(0, 1, 1, NO_TIME, NO_TIME), sighting(1, 0, 3, 20, 20)];
        let graph = graph_from_sightings(raw, 2, vec![0, 1, 2]).unwrap();
        graph.validate().unwrap();
        assert_eq!(graph.sighting(1), sighting(1, 0, 5, 20, 50));
        assert_eq!(graph.sighting(0), sighting(0, 1, 1, NO_TIME, NO_TIME));
        assert_eq!(graph.accounts_of(IdentifierId(0)), [1]);
    }

    #[test]
    fn an_id_out_of_range_is_an_error() {
        assert!(graph_from_sightings(vec![sighting(2, 0, 1, 0, 0)], 2, vec![0, 1]).is_err());
        assert!(graph_from_sightings(vec![sighting(0, 1, 1, 0, 0)], 2, vec![0, 1]).is_err());
    }

    #[test]
    fn activity_is_ordered_by_all_columns() {
        let moment = |account, seconds, model| Moment {
            account,
            seconds,
            millis: 5,
            model,
            capability: NONE_U16,
            status: NONE_U16,
            template: NONE_U32,
            requests: 1,
        };
        let activity =
            activity_from_moments(vec![moment(1, 9, 3), moment(0, 8, 1), moment(1, 9, 2), moment(1, 7, 9)], 2).unwrap();
        assert_eq!(activity.of(AccountId(1)).time, [7005, 9005, 9005]);
        assert_eq!(activity.of(AccountId(1)).model, [9, 2, 3]);
        assert!(activity.columns().status.is_empty() && activity.columns().requests.is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn agrees_with_a_map_in_any_order(raw in prop::collection::vec((0u32..9, 0u32..7, 1u32..5, 0u32..40), 0..200)) {
            let mut expected: BTreeMap<(u32, u32), (u32, u32, u32)> = BTreeMap::new();
            for &(account, identifier, count, time) in &raw {
                let entry = expected.entry((account, identifier)).or_insert((0, 0, 0));
                entry.0 += count;
                entry.1 = if entry.1 == 0 || (time != 0 && time < entry.1) { time } else { entry.1 };
                entry.2 = entry.2.max(time);
            }
            let list: Vec<Sighting> = raw.iter().map(|&(a, i, c, t)| sighting(a, i, c, t, t)).collect();
            let backwards: Vec<Sighting> = list.iter().rev().copied().collect();
            let graph = graph_from_sightings(list, 9, vec![0, 3, 7]).unwrap();
            graph.validate().unwrap();
            prop_assert_eq!(&graph, &graph_from_sightings(backwards, 9, vec![0, 3, 7]).unwrap());
            let found: Vec<Sighting> = (0..graph.sighting_count()).map(|at| graph.sighting(at)).collect();
            let wanted: Vec<Sighting> = expected.iter().map(|(&(a, i), &(c, f, l))| sighting(a, i, c, f, l)).collect();
            prop_assert_eq!(found, wanted);
        }
    }
}
