//! From single sightings in any order to a graph: which pairs are there, how often, since when and until when?
//!
//! 1. [`consolidate`]: sort by (account, identifier), merge equals: counts are summed (saturating), times become the earliest and
//!    the latest. Associative and commutative, so runs can be consolidated early and again later. [`merge_row`] does the same to the
//!    sightings of one account, which is all that a shard ([`crate::shards`]) needs.
//! 2. [`columns_from_shards`]: the forward side is the sightings account by account; the reverse side is the positions sorted by
//!    (identifier, position), hence by account within an identifier.
//! 3. [`activity_from_shards`]: events by account, within one by time and then all other columns ([`order_row`]), so that input
//!    order leaves no trace.
//!
//! Cost: O(n) passes, and a sort of each account's few items; one parallel radix sort of 8-byte keys for the reverse side. The
//! answers depend on neither the input order nor the number of threads.
//!
//! Reference: the merge is the `consolidation` of differential dataflow (McSherry et al., CIDR 2013).

use rayon::prelude::*;
use rdst::{RadixKey, RadixSort};

use crate::shards::{Rows, Shard};
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
    /// Status, `NONE_U16`, or [`LONG_STATUS`].
    pub status: u16,
    /// Template identifier or `NONE_U32`.
    pub template: u32,
    /// Exchanges it stands for.
    pub requests: u32,
}

/// The status of a moment from a long row, which has no status: such moments of one account and time are one event.
pub const LONG_STATUS: u16 = NONE_U16 - 1;

impl Moment {
    /// Whether it comes from a long row.
    pub fn is_long(&self) -> bool {
        self.status == LONG_STATUS
    }
}

impl RadixKey for Sighting {
    const LEVELS: usize = 8;

    fn get_level(&self, level: usize) -> u8 {
        let (account, identifier): (AccountId, IdentifierId) = (self.account, self.identifier);
        (((u64::from(account.0) << 32) | u64::from(identifier.0)) >> (level * 8)) as u8
    }
}

/// Sorts by (account, identifier) and merges equals. O(n).
pub fn consolidate(mut sightings: Vec<Sighting>) -> Vec<Sighting> {
    sightings.radix_sort_unstable();
    let kept = merge_equals(&mut sightings);
    sightings.truncate(kept);
    sightings
}

/// Sorts the sightings of one account by identifier and merges equals to the front; how many there are.
pub fn merge_row(sightings: &mut [Sighting]) -> usize {
    sightings.sort_unstable_by_key(|sighting| sighting.identifier);
    merge_equals(sightings)
}

fn merge_equals(sightings: &mut [Sighting]) -> usize {
    let mut kept = 0;
    for at in 1..sightings.len() {
        let next = sightings[at];
        let last = &mut sightings[kept];
        if (next.account, next.identifier) == (last.account, last.identifier) {
            last.merge(&next);
        } else {
            kept += 1;
            sightings[kept] = next;
        }
    }
    if sightings.is_empty() { 0 } else { kept + 1 }
}

impl Sighting {
    /// Adds what another sighting of the same pair says.
    pub fn merge(&mut self, other: &Sighting) {
        self.count = self.count.saturating_add(other.count);
        self.first_seen = earliest(self.first_seen, other.first_seen);
        self.last_seen = self.last_seen.max(other.last_seen);
    }
}

/// Orders the events of one account by time and then all other columns; how many there are. Long rows of one time are one event:
/// the lowest template stays, and the largest count.
pub fn order_row(moments: &mut [Moment]) -> usize {
    // Stable, for it finds the runs that a log in time order brings.
    if !moments.is_sorted() {
        moments.sort();
    }
    if !moments.iter().any(Moment::is_long) {
        return moments.len();
    }
    let mut kept = 0;
    for at in 1..moments.len() {
        let next = moments[at];
        let last = &mut moments[kept];
        // Long rows have neither model nor capability, so those of one time stand side by side.
        if next.is_long() && last.is_long() && (next.seconds, next.millis) == (last.seconds, last.millis) {
            last.template = last.template.min(next.template);
            last.requests = last.requests.max(next.requests);
        } else {
            kept += 1;
            moments[kept] = next;
        }
    }
    kept + 1
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
/// More sightings than a `u32` numbers, sightings of an account that are not strictly ascending, ids out of range.
pub fn columns_from_shards(
    shards: &[Shard<Sighting>],
    account_count: usize,
    kind_starts: Vec<u32>,
) -> Result<BipartiteColumns, GraphError> {
    let identifier_count = kind_starts.last().copied().unwrap_or(0) as usize;
    let out = |column, found: u32, bound: usize| GraphError::OutOfRange {
        column,
        at: 0,
        found: u64::from(found),
        bound: bound as u64,
    };
    let rows = Rows::of(shards, account_count).map_err(|account| out("sightings (account)", account, account_count))?;
    if rows.item_count() >= u32::MAX as usize {
        let (found, bound) = (rows.item_count() as u64, u64::from(u32::MAX));
        return Err(GraphError::TooMany { what: "sightings", found, bound });
    }
    let keys = rows.fill(shards, |account, sighting| (account, sighting.identifier.0));
    if let Some(at) = keys.par_windows(2).position_first(|pair| pair[0] >= pair[1]) {
        return Err(GraphError::Offsets { column: "sightings", at: at as u64 + 1 });
    }
    let mut reverse: Vec<u64> =
        keys.par_iter().enumerate().map(|(position, key)| (u64::from(key.1) << 32) | position as u64).collect();
    reverse.radix_sort_unstable();
    if let Some(last) = reverse.last().filter(|&&last| (last >> 32) as usize >= identifier_count) {
        return Err(out("sightings (identifier)", (last >> 32) as u32, identifier_count));
    }
    let identifier_offsets = offsets(identifier_count, reverse.len(), |at| (reverse[at] >> 32) as u32);
    Ok(BipartiteColumns {
        kind_starts: kind_starts.into(),
        identifiers: keys.par_iter().map(|key| key.1).collect::<Vec<_>>().into(),
        counts: rows.fill(shards, |_, sighting| sighting.count).into(),
        first_seen: rows.fill(shards, |_, sighting| sighting.first_seen).into(),
        last_seen: rows.fill(shards, |_, sighting| sighting.last_seen).into(),
        account_offsets: rows.offsets.into(),
        identifier_offsets: identifier_offsets.into(),
        accounts: reverse.par_iter().map(|&entry| keys[entry as u32 as usize].0).collect::<Vec<_>>().into(),
        identifier_sightings: reverse.par_iter().map(|&entry| entry as u32).collect::<Vec<_>>().into(),
    })
}

/// Consolidates and builds in one step.
///
/// # Errors
/// As [`columns_from_shards`].
pub fn graph_from_sightings(
    sightings: Vec<Sighting>,
    account_count: usize,
    kind_starts: Vec<u32>,
) -> Result<BipartiteGraph, GraphError> {
    let shard = Shard::grouped(consolidate(sightings), |sighting| sighting.account.0);
    BipartiteGraph::from_columns(columns_from_shards(&[shard], account_count, kind_starts)?)
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

/// All accounts' events from shards in order. A column in which every event is missing (or, for requests, 1) is left out.
///
/// # Errors
/// An account out of range.
pub fn activity_from_shards(shards: &[Shard<Moment>], account_count: usize) -> Result<Activity, GraphError> {
    let rows = Rows::of(shards, account_count).map_err(|account| {
        let (found, bound) = (u64::from(account), account_count as u64);
        GraphError::OutOfRange { column: "moments", at: 0, found, bound }
    })?;
    let column = |none: u32, of: &(dyn Fn(&Moment) -> u32 + Sync)| -> bool {
        shards.par_iter().any(|shard| shard.items().iter().any(|moment| of(moment) != none))
    };
    let none = u32::from(NONE_U16);
    let narrow = |there: bool, of: &(dyn Fn(&Moment) -> u16 + Sync)| -> Vec<u16> {
        if there { rows.fill(shards, |_, moment| of(moment)) } else { Vec::new() }
    };
    let wide = |there: bool, of: &(dyn Fn(&Moment) -> u32 + Sync)| -> Vec<u32> {
        if there { rows.fill(shards, |_, moment| of(moment)) } else { Vec::new() }
    };
    let status = |moment: &Moment| if moment.is_long() { NONE_U16 } else { moment.status };
    Activity::from_columns(ActivityColumns {
        time: rows.fill(shards, |_, moment| i64::from(moment.seconds) * 1000 + i64::from(moment.millis)).into(),
        model: narrow(column(none, &|moment| u32::from(moment.model)), &|moment| moment.model).into(),
        capability: narrow(column(none, &|moment| u32::from(moment.capability)), &|moment| moment.capability).into(),
        status: narrow(column(none, &|moment| u32::from(status(moment))), &status).into(),
        template: wide(column(NONE_U32, &|moment| moment.template), &|moment| moment.template).into(),
        requests: wide(column(1, &|moment| moment.requests), &|moment| moment.requests).into(),
        offsets: rows.offsets.into(),
    })
}

/// Orders and builds in one step; for tests, examples and small logs.
///
/// # Errors
/// As [`activity_from_shards`].
pub fn activity_from_moments(mut moments: Vec<Moment>, account_count: usize) -> Result<Activity, GraphError> {
    moments.sort_by_key(|moment| moment.account);
    let mut ordered = Vec::with_capacity(moments.len());
    for row in moments.chunk_by_mut(|left, right| left.account == right.account) {
        let kept = order_row(row);
        ordered.extend_from_slice(&row[..kept]);
    }
    activity_from_shards(&[Shard::grouped(ordered, |moment| moment.account)], account_count)
}

/// Which events, in the order of [`activity_from_shards`], came from long rows: one flag an event, or none if no event did.
pub fn long_flags(shards: &[Shard<Moment>], account_count: usize) -> Vec<u8> {
    let some = shards.par_iter().any(|shard| shard.items().iter().any(Moment::is_long));
    let rows = if some { Rows::of(shards, account_count).ok() } else { None };
    rows.map_or_else(Vec::new, |rows| rows.fill(shards, |_, moment| u8::from(moment.is_long())))
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
        let mut long = moment(0, 8, 1);
        long.status = LONG_STATUS;
        let parts = vec![vec![moment(1, 9, 3), long], vec![moment(1, 9, 2), moment(1, 7, 9)]];
        let shards = [Shard::gather(parts, &[0, 1], |moment| moment.account as usize, order_row)];
        let activity = activity_from_shards(&shards, 2).unwrap();
        assert_eq!(long_flags(&shards, 2), [1, 0, 0, 0]);
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
