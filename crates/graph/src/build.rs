//! From single sightings in any order to a graph: which pairs are there, how often, since when and until when?
//!
//! 1. [`consolidate`]: sort by (account, identifier), merge equals: counts are summed (saturating), times become the earliest
//!    and the latest. Associative and commutative, so runs can be consolidated early and again later. [`merge_row`] does the
//!    same to the sightings of one account, [`order_row`] orders its events by time and then all other columns, so that input
//!    order leaves no trace: with these a caller builds the forward side account by account.
//! 2. [`Reverse`]: the reverse side is the positions of the forward side by (identifier, position), hence by account within an
//!    identifier: a counting sort, range by range of identifiers so that it needn't be held whole.
//!
//! Cost: O(n) passes, and a sort of each account's few items; the reverse side reads the identifiers once more for each range.
//! The answers depend on neither the input order nor the number of threads.
//!
//! Reference: the merge is the `consolidation` of differential dataflow (McSherry et al., CIDR 2013).

use std::ops::Range;

use rayon::prelude::*;
use rdst::{RadixKey, RadixSort};

use crate::{
    AccountId, Activity, ActivityColumns, BipartiteColumns, BipartiteGraph, GraphError, IdentifierId, NONE_U16, NONE_U32,
    Seconds, Sighting,
};

/// One timed event of an account, compact: what an [`Activity`] is built from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
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
    /// Tokens of all of them, or 0.
    pub tokens: u32,
}

/// The status of a moment from a long row, which has no status: such moments of one account and time are one event.
pub const LONG_STATUS: u16 = NONE_U16 - 1;

impl Moment {
    /// Whether it comes from a long row.
    pub fn is_long(&self) -> bool {
        self.status == LONG_STATUS
    }

    /// Milliseconds since the Unix epoch.
    pub fn time(&self) -> i64 {
        i64::from(self.seconds) * 1000 + i64::from(self.millis)
    }

    /// The status, or `NONE_U16`.
    pub fn shown_status(&self) -> u16 {
        if self.is_long() { NONE_U16 } else { self.status }
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

/// Orders the events of one account by time and then all other columns; how many there are. Long rows of one time are one
/// event: the lowest template stays, and the largest counts.
pub fn order_row(moments: &mut [Moment]) -> usize {
    let time = |moment: &Moment| (u64::from(moment.seconds) << 16) | u64::from(moment.millis);
    if moments.windows(2).all(|two| time(&two[0]) < time(&two[1])) {
        return moments.len();
    }
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
            last.tokens = last.tokens.max(next.tokens);
        } else {
            kept += 1;
            moments[kept] = next;
        }
    }
    kept + 1
}

/// The earlier of two times, of which `NO_TIME` is none.
#[inline]
pub fn earliest(one: Seconds, other: Seconds) -> Seconds {
    // No time is 0, and so comes last here.
    one.wrapping_sub(1).min(other.wrapping_sub(1)).wrapping_add(1)
}

/// The reverse side of a graph in the making.
#[derive(Clone, Debug)]
pub struct Reverse<'a> {
    account_offsets: &'a [u64],
    identifiers: &'a [u32],
    /// Start of each identifier's accounts; length identifiers + 1.
    pub identifier_offsets: Vec<u64>,
}

/// The reverse rows of a range of identifiers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReverseRows {
    /// Accounts, ascending within an identifier.
    pub accounts: Vec<u32>,
    /// The position of each in the sighting columns.
    pub sightings: Vec<u32>,
}

impl<'a> Reverse<'a> {
    /// Of sightings account by account, as columns.
    ///
    /// # Errors
    /// More sightings than a `u32` numbers, or an identifier out of range.
    pub fn new(account_offsets: &'a [u64], identifiers: &'a [u32], identifier_count: usize) -> Result<Self, GraphError> {
        if identifiers.len() >= u32::MAX as usize {
            let (found, bound) = (identifiers.len() as u64, u64::from(u32::MAX));
            return Err(GraphError::TooMany { what: "sightings", found, bound });
        }
        if let Some(at) = identifiers.par_iter().position_first(|&identifier| identifier as usize >= identifier_count) {
            let (found, bound) = (u64::from(identifiers[at]), identifier_count as u64);
            return Err(GraphError::OutOfRange { column: "sightings (identifier)", at: at as u64, found, bound });
        }
        let mut identifier_offsets = vec![0u64; identifier_count + 1];
        for &identifier in identifiers {
            identifier_offsets[identifier as usize + 1] += 1;
        }
        for identifier in 0..identifier_count {
            identifier_offsets[identifier + 1] += identifier_offsets[identifier];
        }
        Ok(Reverse { account_offsets, identifiers, identifier_offsets })
    }

    /// All identifiers in `count` ranges of about as many sightings.
    pub fn ranges(&self, count: usize) -> Vec<Range<u32>> {
        let (identifiers, sightings) = (self.identifier_offsets.len() - 1, self.identifiers.len() as u64);
        let border = |part: usize| match part {
            0 => 0,
            part if part == count => identifiers,
            part => self
                .identifier_offsets
                .partition_point(|&start| start < sightings * part as u64 / count as u64)
                .min(identifiers),
        };
        (0..count).map(|part| border(part) as u32..border(part + 1) as u32).filter(|range| !range.is_empty()).collect()
    }

    /// The rows of a range. O(sightings of the graph).
    pub fn rows(&self, range: &Range<u32>) -> ReverseRows {
        let starts = &self.identifier_offsets[range.start as usize..range.end as usize];
        let base = self.identifier_offsets[range.start as usize];
        let length = (self.identifier_offsets[range.end as usize] - base) as usize;
        let mut next: Vec<u32> = starts.iter().map(|start| (start - base) as u32).collect();
        let mut rows = ReverseRows { accounts: vec![0; length], sightings: vec![0; length] };
        for (account, row) in self.account_offsets.windows(2).enumerate() {
            for position in row[0] as usize..row[1] as usize {
                // Those below the range wrap to the top.
                if let Some(slot) = next.get_mut(self.identifiers[position].wrapping_sub(range.start) as usize) {
                    rows.accounts[*slot as usize] = account as u32;
                    rows.sightings[*slot as usize] = position as u32;
                    *slot += 1;
                }
            }
        }
        rows
    }
}

/// Consolidates and builds in one step. `kind_starts` has one entry a kind and ends with the identifier count.
///
/// # Errors
/// As [`Reverse::new`], and an account out of range.
pub fn graph_from_sightings(
    sightings: Vec<Sighting>,
    account_count: usize,
    kind_starts: Vec<u32>,
) -> Result<BipartiteGraph, GraphError> {
    let sightings = consolidate(sightings);
    let account_offsets = offsets(&sightings, account_count, "sightings (account)", |sighting| sighting.account.0)?;
    let identifiers: Vec<u32> = sightings.par_iter().map(|sighting| sighting.identifier.0).collect();
    let identifier_count = kind_starts.last().copied().unwrap_or(0) as usize;
    let reverse = Reverse::new(&account_offsets, &identifiers, identifier_count)?;
    let rows: Vec<ReverseRows> =
        reverse.ranges(rayon::current_num_threads()).par_iter().map(|range| reverse.rows(range)).collect();
    let identifier_offsets = reverse.identifier_offsets;
    BipartiteGraph::from_columns(BipartiteColumns {
        kind_starts: kind_starts.into(),
        counts: sightings.par_iter().map(|sighting| sighting.count).collect::<Vec<_>>().into(),
        first_seen: sightings.par_iter().map(|sighting| sighting.first_seen).collect::<Vec<_>>().into(),
        last_seen: sightings.par_iter().map(|sighting| sighting.last_seen).collect::<Vec<_>>().into(),
        account_offsets: account_offsets.into(),
        identifiers: identifiers.into(),
        identifier_offsets: identifier_offsets.into(),
        accounts: rows.iter().flat_map(|rows| &rows.accounts).copied().collect::<Vec<_>>().into(),
        identifier_sightings: rows.iter().flat_map(|rows| &rows.sightings).copied().collect::<Vec<_>>().into(),
    })
}

/// Row starts of items whose rows ascend.
fn offsets<T>(items: &[T], row_count: usize, column: &'static str, row_of: impl Fn(&T) -> u32) -> Result<Vec<u64>, GraphError> {
    let mut offsets = vec![0u64; row_count + 1];
    for (at, item) in items.iter().enumerate() {
        let (row, bound) = (row_of(item), row_count as u64);
        let out = || GraphError::OutOfRange { column, at: at as u64, found: u64::from(row), bound };
        *offsets.get_mut(row as usize + 1).ok_or_else(out)? += 1;
    }
    for row in 0..row_count {
        offsets[row + 1] += offsets[row];
    }
    Ok(offsets)
}

/// Orders and builds in one step; for tests, examples and small logs. A column in which every event is missing (or, for
/// requests, 1; for tokens, 0) is left out. Each event comes with its account.
///
/// # Errors
/// An account out of range.
pub fn activity_from_moments(mut moments: Vec<(u32, Moment)>, account_count: usize) -> Result<Activity, GraphError> {
    moments.sort_by_key(|&(account, _)| account);
    let (mut accounts, mut ordered) = (Vec::new(), Vec::with_capacity(moments.len()));
    for row in moments.chunk_by(|left, right| left.0 == right.0) {
        let start = ordered.len();
        ordered.extend(row.iter().map(|&(_, moment)| moment));
        let kept = order_row(&mut ordered[start..]);
        ordered.truncate(start + kept);
        accounts.resize(ordered.len(), row[0].0);
    }
    fn column<T: Copy + PartialEq + Send + Sync>(moments: &[Moment], none: T, of: impl Fn(&Moment) -> T) -> crate::Column<T> {
        let there = moments.iter().any(|moment| of(moment) != none);
        if there { moments.iter().map(of).collect::<Vec<_>>().into() } else { Vec::new().into() }
    }
    Activity::from_columns(ActivityColumns {
        offsets: offsets(&accounts, account_count, "moments", |&account| account)?.into(),
        time: ordered.iter().map(Moment::time).collect::<Vec<_>>().into(),
        model: column(&ordered, NONE_U16, |moment| moment.model),
        capability: column(&ordered, NONE_U16, |moment| moment.capability),
        status: column(&ordered, NONE_U16, Moment::shown_status),
        template: column(&ordered, NONE_U32, |moment| moment.template),
        requests: column(&ordered, 1, |moment| moment.requests),
        tokens: column(&ordered, 0, |moment| moment.tokens),
    })
}

impl BipartiteGraph {
    /// The graph of the sightings that `keep` gives back, changed or not, with the same vertices. O(sightings).
    ///
    /// # Errors
    /// As [`graph_from_sightings`], which sightings of this graph never cause.
    pub fn with_sightings(&self, keep: impl FnMut(Sighting) -> Option<Sighting>) -> Result<BipartiteGraph, GraphError> {
        let sightings = (0..self.account_count() as u32).flat_map(|account| self.sightings_of(AccountId(account)));
        let kept = sightings.filter_map(keep).collect();
        graph_from_sightings(kept, self.account_count(), self.columns().kind_starts.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::NO_TIME;

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
        let moment = |seconds, model| Moment {
            seconds,
            millis: 5,
            model,
            capability: NONE_U16,
            status: NONE_U16,
            template: NONE_U32,
            requests: 1,
            tokens: 0,
        };
        let mut long = moment(8, 1);
        long.status = LONG_STATUS;
        let moments = vec![(1, moment(9, 3)), (0, long), (1, moment(9, 2)), (1, moment(7, 9))];
        let activity = activity_from_moments(moments, 2).unwrap();
        assert_eq!(activity.of(AccountId(1)).time, [7005, 9005, 9005]);
        assert_eq!(activity.of(AccountId(1)).model, [9, 2, 3]);
        let columns = activity.columns();
        assert!(columns.status.is_empty() && columns.requests.is_empty() && columns.tokens.is_empty());
        // Of events alike but for tokens the least come first; of long rows of one time the most stay.
        let with = |moment: Moment, tokens| (0, Moment { tokens, ..moment });
        let moments = vec![with(moment(7, 1), 5), with(long, 9), with(moment(7, 1), 3), with(long, 2)];
        assert_eq!(activity_from_moments(moments, 1).unwrap().of(AccountId(0)).tokens, [3, 5, 9]);
    }

    #[test]
    fn no_time_is_never_the_earliest() {
        let of = [(3, 5), (5, 3), (NO_TIME, 5), (5, NO_TIME), (NO_TIME, NO_TIME), (u32::MAX, 1)];
        assert_eq!(of.map(|(one, other)| earliest(one, other)), [3, 3, 5, 5, NO_TIME, 1]);
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
