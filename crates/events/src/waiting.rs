//! All parts that wait for the end, in memory and, past a limit, on disk.
//!
//! 1. [`Waiting::add`]: parts repeat many pairs, and an account that is in hundreds of them is slow to collect, so parts of a
//!    tier are merged into one of the next, as in a log-structured merge tree; one that takes the bytes past the limit writes
//!    all parts to disk ([`crate::spill`]) in the order of their accounts' names.
//! 2. [`Waiting::take`], at the end: what lies where, and which ids occur.
//! 3. [`Stock::waves`]: goes over all accounts in their final order, range by range, with the runs of memory and disk; a frame
//!    on disk is read when its first account's turn comes.
//!
//! Assumption: names stay in memory, for they must be compared. What else waits gets what they and the threads' buffers leave
//! of the limit, and at least a quarter of it.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use graph::NONE_U32;
use rayon::prelude::*;

use crate::block::place_in_block;
use crate::config::IngestConfig;
use crate::error::EventError;
use crate::gather::{Part, Present, Runs};
use crate::intern::Interner;
use crate::spill::Spill;

/// Parts of fewer items are small: they form the lowest tier.
const SMALL: usize = 1 << 18;

/// Items of small parts that are merged at once.
const MERGE: usize = 1 << 21;

/// Parts of a higher tier that are merged at once.
const FAN: usize = 32;

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
    inner: Mutex<Stock>,
    limit: usize,
    folder: PathBuf,
}

/// What waits.
#[derive(Default)]
pub(crate) struct Stock {
    /// Small parts, then parts merged so many times.
    tiers: Vec<Vec<Part>>,
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
        Waiting { inner: Mutex::default(), limit, folder }
    }

    /// Adds a part. `names` are the bytes that names take.
    pub(crate) fn add(&self, part: Part, present: Present, accounts: &Interner, names: usize) -> Result<(), EventError> {
        let elsewhere = names.saturating_mul(NAMES).saturating_add(THREAD * rayon::current_num_threads());
        let limit = self.limit.saturating_sub(elsewhere).max(self.limit / 4);
        let (mut tier, mut part) = (usize::from(part.items() >= SMALL), part);
        let mut stock = self.lock();
        stock.present.merge(present);
        while let Some(full) = stock.put(part, tier, limit) {
            // What takes long runs without the lock; a thread that waits may come by here with a part of its own.
            drop(stock);
            part = merged(&full);
            drop(full);
            (tier, stock) = (tier + 1, self.lock());
        }
        if stock.bytes <= limit {
            return Ok(());
        }
        stock.mark();
        let parts: Vec<Part> = std::mem::take(&mut stock.tiers).into_iter().flatten().collect();
        stock.bytes = 0;
        stock.spilled_items += items(&parts);
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
    /// Adds a part to a tier; gives the tier's parts if they should become one. With a limit, parts that take much of it are left
    /// as they are: they go to disk soon.
    fn put(&mut self, part: Part, tier: usize, limit: usize) -> Option<Vec<Part>> {
        if self.tiers.len() <= tier {
            self.tiers.resize_with(tier + 1, Vec::new);
        }
        self.bytes += part.bytes();
        let parts = &mut self.tiers[tier];
        parts.push(part);
        let bytes: usize = parts.iter().map(Part::bytes).sum();
        let full = match tier {
            0 => items(&*parts) >= MERGE || bytes >= limit / 4,
            _ => parts.len() >= FAN && bytes < limit / 4,
        };
        if !full {
            return None;
        }
        self.bytes -= bytes;
        Some(std::mem::take(parts))
    }

    /// Notes the ids of the parts in memory.
    fn mark(&mut self) {
        for part in self.tiers.iter().flatten() {
            part.runs.iter().for_each(|run| self.used_accounts.mark(run.account));
            part.sightings.iter().for_each(|seen| self.used_identifiers.mark(seen.identifier));
        }
    }

    /// Calls back with waves of ranges of final accounts, in order, and their runs.
    pub(crate) fn waves(
        mut self,
        account_count: usize,
        rank: &[u32],
        mut visit: impl FnMut(&[Range<u32>], &Runs<'_>) -> Result<(), EventError>,
    ) -> Result<(), EventError> {
        let key = |account: u32| rank[account as usize];
        let items = self.spilled_items + items(self.tiers.iter().flatten());
        let runs = Runs::new(&self.tiers.iter().flatten().collect::<Vec<_>>(), key);
        let mut frames: Vec<Part> = Vec::new();
        for wave in waves(account_count, items) {
            let end = wave[wave.len() - 1].end;
            for spill in &mut self.spills {
                while spill.next_account().is_some_and(|account| key(account) < end) {
                    frames.push(spill.read()?);
                }
            }
            visit(&wave, &runs.with(&frames.iter().collect::<Vec<_>>(), key))?;
            frames.retain(|frame| frame.runs.last().is_some_and(|run| key(run.account) >= end));
        }
        Ok(())
    }
}

fn items<'p>(parts: impl IntoIterator<Item = &'p Part>) -> usize {
    parts.into_iter().map(Part::items).sum()
}

/// One part of many, in the order in which blocks settle.
fn merged(parts: &[Part]) -> Part {
    Runs::new(&parts.iter().collect::<Vec<_>>(), place_in_block).merged(&(0..u32::MAX))
}

/// Parts, written to disk in the order of their accounts' names.
fn spilled(parts: &[Part], accounts: &Interner, folder: &Path) -> Result<Spill, EventError> {
    let mut there = Flags::default();
    parts.iter().flat_map(|part| &part.runs).for_each(|run| there.mark(run.account));
    let order = accounts.sorted(|id, _| there.has(id), |name| (0, name));
    let mut rank = vec![NONE_U32; accounts.bound()];
    order.iter().enumerate().for_each(|(at, &id)| rank[id as usize] = at as u32);
    let runs = Runs::new(&parts.iter().collect::<Vec<_>>(), |account| rank[account as usize]);
    let mut spill = Spill::new(folder)?;
    for wave in waves(order.len(), items(parts)) {
        let frames: Vec<Part> = wave.par_iter().map(|range| runs.merged(range)).collect();
        frames.iter().try_for_each(|frame| spill.write(frame))?;
    }
    Ok(spill)
}

/// All accounts in waves of ranges, a few ranges a thread.
fn waves(account_count: usize, items: usize) -> Vec<Vec<Range<u32>>> {
    let step = (account_count * RANGE / items.max(1)).clamp(1, account_count.max(1));
    let ranges: Vec<Range<u32>> =
        (0..account_count).step_by(step).map(|start| start as u32..account_count.min(start + step) as u32).collect();
    ranges.chunks(rayon::current_num_threads() * TASKS).map(<[_]>::to_vec).collect()
}
