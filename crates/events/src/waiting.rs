//! All parts that wait for the end, in memory and, past a limit, on disk.
//!
//! 1. [`Waiting::add`]: parts repeat many pairs, and an account that is in hundreds of them is slow to collect, so within each
//!    range of names ([`crate::ranges`]) parts of a tier are merged into one of the next, as in a log-structured merge tree; one
//!    that takes the bytes past the limit writes all parts to disk ([`crate::spill`]) in the order of their accounts' names.
//! 2. [`Waiting::take`], at the end: what lies where, and which ids occur.
//! 3. [`Stock::waves`]: goes over all accounts in their final order, some ranges of names at a time, with the runs of memory
//!    and disk; a frame on disk is read when its first account's turn comes, and ranges that are done are let go.
//!
//! Assumption: names stay in memory, for they must be compared. What else waits gets what they and the threads' buffers leave
//! of the limit, and at least a quarter of it.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use graph::NONE_U32;
use rayon::prelude::*;

use crate::config::IngestConfig;
use crate::error::EventError;
use crate::gather::{Part, Present};
use crate::intern::Interner;
use crate::ranges::{RANGES, Ranges};
use crate::runs::Runs;
use crate::spill::Spill;

/// Parts of a tier that are merged at once.
const FAN: usize = 8;

/// Items that a task of the last merge, or a frame on disk, aims at: few enough for a processor's second cache.
const RANGE: usize = 1 << 15;

/// Tasks a thread that the last merge hands on together.
const TASKS: usize = 16;

/// Copies of the names that there are at the end: interned, sorted, and numbered.
const NAMES: usize = 3;

/// Bytes that a thread needs to read rows and to group them.
const THREAD: usize = 64 << 20;

/// Where parts wait.
pub(crate) struct Waiting {
    pub(crate) ranges: Ranges,
    inner: Mutex<Stock>,
    limit: usize,
    folder: PathBuf,
}

/// Parts as they came, then parts merged so many times.
type Tiers = Vec<Vec<Part>>;

/// What waits.
#[derive(Default)]
pub(crate) struct Stock {
    /// By range of names.
    ranges: Vec<Tiers>,
    bytes: usize,
    spills: Vec<Spill>,
    spilled_items: usize,
    pub(crate) present: Present,
    pub(crate) used_accounts: Flags,
    pub(crate) used_identifiers: Flags,
}

/// A growing set of small numbers.
#[derive(Default)]
pub(crate) struct Flags(Vec<bool>);

impl Flags {
    fn mark(&mut self, at: u32) {
        let at = at as usize;
        if at >= self.0.len() {
            self.0.resize((at + 1).next_power_of_two(), false);
        }
        self.0[at] = true;
    }

    /// Whether a number is in.
    pub(crate) fn has(&self, at: u32) -> bool {
        self.0.get(at as usize).copied().unwrap_or(false)
    }

    /// Puts a number in, or takes it out.
    pub(crate) fn set(&mut self, at: u32, there: bool) {
        self.mark(at);
        self.0[at as usize] = there;
    }
}

impl Part {
    fn items(&self) -> usize {
        self.sightings.len() + self.events.len()
    }
}

impl Waiting {
    /// Nothing yet.
    pub(crate) fn new(config: &IngestConfig) -> Self {
        let limit = config.memory_limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let folder = config.spill.clone().unwrap_or_else(std::env::temp_dir);
        Waiting { ranges: Ranges::default(), inner: Mutex::default(), limit, folder }
    }

    /// Adds parts, one for each range of names. `names` are the bytes that names take.
    pub(crate) fn add(&self, parts: Vec<Part>, present: Present, accounts: &Interner, names: usize) -> Result<(), EventError> {
        let elsewhere = names.saturating_mul(NAMES).saturating_add(THREAD * rayon::current_num_threads());
        let limit = self.limit.saturating_sub(elsewhere).max(self.limit / 4);
        let mut parts: Vec<(usize, usize, Part)> =
            parts.into_iter().enumerate().map(|(range, part)| (range, 0, part)).collect();
        let mut stock = self.lock();
        stock.present.merge(present);
        while !parts.is_empty() {
            let full: Vec<_> = parts.drain(..).filter_map(|(range, tier, part)| stock.put(range, tier, part, limit)).collect();
            if !full.is_empty() {
                // What takes long runs without the lock; a thread that waits may come by here with parts of its own.
                drop(stock);
                parts.extend(
                    full.into_iter()
                        .map(|(range, tier, parts)| (range, tier, self.ranges.merged(&parts.iter().collect::<Vec<_>>()))),
                );
                stock = self.lock();
            }
        }
        if stock.bytes <= limit {
            return Ok(());
        }
        stock.mark();
        let tiers = std::mem::take(&mut stock.ranges).into_iter();
        let parts: Vec<Vec<Part>> = tiers.map(|tiers| tiers.into_iter().flatten().collect()).collect();
        stock.bytes = 0;
        stock.spilled_items += items(parts.iter().flatten());
        drop(stock);
        let spill = spilled(&parts, accounts, &self.folder)?;
        self.lock().spills.push(spill);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Stock> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything, at the end.
    pub(crate) fn take(&self) -> Result<Stock, EventError> {
        let mut stock = std::mem::take(&mut *self.lock());
        stock.mark();
        stock.spills.iter_mut().try_for_each(Spill::rewind)?;
        Ok(stock)
    }
}

impl Stock {
    /// Adds a part to a tier of a range; gives the tier's parts, and the tier that they should become one part of, if they should.
    /// With a limit, parts that take much of it are left as they are: they go to disk soon.
    fn put(&mut self, range: usize, tier: usize, part: Part, limit: usize) -> Option<(usize, usize, Vec<Part>)> {
        if part.runs.is_empty() {
            return None;
        }
        if self.ranges.is_empty() {
            self.ranges.resize_with(RANGES, Tiers::new);
        }
        let tiers = &mut self.ranges[range];
        if tiers.len() <= tier {
            tiers.resize_with(tier + 1, Vec::new);
        }
        self.bytes += part.bytes();
        let parts = &mut tiers[tier];
        parts.push(part);
        if parts.len() < FAN {
            return None;
        }
        let bytes: usize = parts.iter().map(Part::bytes).sum();
        if bytes >= limit / 4 {
            return None;
        }
        self.bytes -= bytes;
        Some((range, tier + 1, std::mem::take(parts)))
    }

    /// Notes the ids of the parts in memory.
    fn mark(&mut self) {
        for part in self.ranges.iter().flatten().flatten() {
            part.runs.iter().for_each(|run| self.used_accounts.mark(run.account));
            part.sightings.iter().for_each(|seen| self.used_identifiers.mark(seen.identifier));
        }
    }

    /// Calls back with waves of ranges of final accounts, in order, and their runs. `starts` are the first final account of each
    /// range of names, and their number.
    pub(crate) fn waves(
        self,
        starts: &[u32],
        rank: &[u32],
        mut visit: impl FnMut(&[Range<u32>], &Runs<'_>) -> Result<(), EventError>,
    ) -> Result<(), EventError> {
        let key = |account: u32| rank[account as usize];
        let Stock { mut ranges, mut spills, spilled_items, .. } = self;
        ranges.resize_with(RANGES, Tiers::new);
        let of_range: Vec<usize> = ranges.iter().map(|tiers| items(tiers.iter().flatten())).collect();
        let (accounts, mut frames): (u32, Vec<Part>) = (starts[RANGES], Vec::new());
        let (mut first, mut waiting) = (0, ranges.into_iter());
        while first < RANGES {
            // As many ranges of names as give all threads something to do.
            let (mut after, mut sum) = (first, 0);
            while after < RANGES && sum < RANGE * TASKS * rayon::current_num_threads() {
                let accounts_of = u64::from(starts[after + 1] - starts[after]);
                sum += of_range[after] + (spilled_items as u64 * accounts_of / u64::from(accounts.max(1))) as usize;
                after += 1;
            }
            let parts: Vec<Tiers> = waiting.by_ref().take(after - first).collect();
            let groups: Vec<Vec<&Part>> = parts.iter().map(|tiers| tiers.iter().flatten().collect()).collect();
            let runs = Runs::new(&groups, key);
            for wave in waves(starts[first]..starts[after], sum) {
                let end = wave[wave.len() - 1].end;
                for spill in &mut spills {
                    while spill.next_account().is_some_and(|account| key(account) < end) {
                        frames.push(spill.read()?);
                    }
                }
                visit(&wave, &runs.with(&frames.iter().collect::<Vec<_>>(), key))?;
                frames.retain(|frame| frame.runs.last().is_some_and(|run| key(run.account) >= end));
            }
            first = after;
        }
        Ok(())
    }
}

fn items<'p>(parts: impl IntoIterator<Item = &'p Part>) -> usize {
    parts.into_iter().map(Part::items).sum()
}

/// Parts by range of names, written to disk in the order of their accounts' names.
fn spilled(parts: &[Vec<Part>], accounts: &Interner, folder: &Path) -> Result<Spill, EventError> {
    let mut there = Flags::default();
    parts.iter().flatten().flat_map(|part| &part.runs).for_each(|run| there.mark(run.account));
    let order = accounts.sorted(|id, _| there.has(id), |name| (0, name));
    let mut rank = vec![NONE_U32; accounts.bound()];
    order.iter().enumerate().for_each(|(at, &id)| rank[id as usize] = at as u32);
    let groups: Vec<Vec<&Part>> = parts.iter().map(|parts| parts.iter().collect()).collect();
    let runs = Runs::new(&groups, |account| rank[account as usize]);
    let mut spill = Spill::new(folder)?;
    for wave in waves(0..order.len() as u32, items(parts.iter().flatten())) {
        let frames: Vec<Part> = wave.par_iter().map(|range| runs.merged(range)).collect();
        frames.iter().try_for_each(|frame| spill.write(frame))?;
    }
    Ok(spill)
}

/// Accounts, which have so many items, in waves of ranges, a few ranges a thread.
fn waves(accounts: Range<u32>, items: usize) -> Vec<Vec<Range<u32>>> {
    let step = (accounts.len() * RANGE / items.max(1)).clamp(1, accounts.len().max(1));
    let ranges: Vec<Range<u32>> =
        accounts.clone().step_by(step).map(|start| start..accounts.end.min(start + step as u32)).collect();
    ranges.chunks(rayon::current_num_threads() * TASKS).map(<[_]>::to_vec).collect()
}
