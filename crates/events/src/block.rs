//! Rows as they came, until there are enough of them to be grouped by account.
//!
//! 1. [`Block::push`] spreads rows over buckets by account.
//! 2. [`Block::settle`] groups each bucket by account (least significant digit radix sort of the places of rows, 11 bits a
//!    pass) and adds them to the [`Part`] of each account's range of names ([`crate::ranges`]).
//! 3. [`Block::close`]: parts stay open for some blocks, so that their memory is that of the blocks before, and then each account
//!    has one run made of all.
//!
//! A block outlives the chunk that it was begun for, so that parts are large however small the chunks are.
//!
//! Memory: 24 bytes a row, 4 more if it has tokens, and 4 if what it names comes after tens of thousands, and 4 an identifier, and the open parts. Cost: O(rows).

use graph::{NO_TIME, NONE_U32};

use crate::gather::{Event, Merger, Part, Present, Seen};
use crate::ranges::RANGES;

/// Rows after which a block is settled: one has 24 bytes, and 4 for each identifier and for tokens.
pub(crate) const BLOCK: usize = 1 << 19;

/// Blocks after which the parts that they became are closed.
const OPEN: usize = 2;

/// Buckets of a block: with [`BLOCK`] rows, one of them takes less than half a megabyte.
const BUCKETS: usize = 64;

/// The place of an account is its bucket, then its place in the bucket.
const BUCKET_SHIFT: u32 = u32::BITS - BUCKETS.ilog2();

/// Where an account stands in a block that has settled: its low bits are its bucket, so that neighbours are spread.
fn place_in_block(account: u32) -> u32 {
    account.rotate_right(BUCKETS.ilog2())
}

/// One row, but for its identifiers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) account: u32,
    /// Whole seconds, or `NO_TIME`.
    pub(crate) event: Event,
    /// What its manner is [`crate::manners::beyond`].
    pub(crate) beyond: u16,
    pub(crate) requests: u32,
    /// Tokens, or 0.
    pub(crate) tokens: u32,
    /// A provisional pathway, or `NONE_U32`.
    pub(crate) pathway: u32,
}

/// Rows as they came, spread over buckets by account.
pub(crate) struct Block {
    buckets: Vec<Bucket>,
    rows: usize,
    /// What rows became, by range of names ([`crate::ranges`]); an account has a run for each time it settled.
    open: Vec<Part>,
    /// Times it settled since parts were closed.
    settled: usize,
    pub(crate) present: Present,
}

/// The rows of some accounts: few enough to stay in a processor's cache while they are grouped. Each is a record of words: its
/// account; half of its pathway, and the number of its identifiers; its event; its requests; its identifiers; its tokens, if it has
/// any; and of what is seldom as large the other half of its pathway and what its manner is beyond. All that a row has is in one
/// place, because the order of accounts jumps to and fro.
#[derive(Default)]
struct Bucket {
    words: Vec<u32>,
    rows: usize,
}

/// Words of a record before its identifiers.
const RECORD: usize = 3 + EVENT;

/// The bit of the number of identifiers that says that tokens come after them.
const TOKENS: u16 = 1 << 15;

/// The bit that says that a word of what is seldom as large comes last.
const LARGE: u16 = 1 << 14;

/// The bits that are the number of identifiers.
const COUNT: u16 = LARGE - 1;

/// Words that are written at once: a record with up to ten identifiers.
const ROOM: usize = 16;

/// Words of an event.
const EVENT: usize = size_of::<Event>() / size_of::<u32>();

impl Default for Block {
    fn default() -> Self {
        Block {
            buckets: (0..BUCKETS).map(|_| Bucket::default()).collect(),
            rows: 0,
            open: Vec::new(),
            settled: 0,
            present: Present::default(),
        }
    }
}

impl Block {
    /// Adds a row.
    #[inline]
    pub(crate) fn push(&mut self, row: &Row, identifiers: impl IntoIterator<Item = u32>) {
        if row.event.seconds != NO_TIME {
            self.present.note(&row.event, row.requests, row.tokens);
        }
        // The low bits of a provisional id come from a seeded hash, so that buckets are even.
        self.buckets[(place_in_block(row.account) >> BUCKET_SHIFT) as usize].push(row, identifiers);
        self.rows += 1;
    }

    /// Some rows, by their accounts, in an order that fills one bucket after the other: what is written then stands side by side.
    pub(crate) fn order(accounts: &[u32], order: &mut Vec<u32>) {
        let bucket = |account: u32| (place_in_block(account) >> BUCKET_SHIFT) as usize;
        let mut next = [0u32; BUCKETS + 1];
        accounts.iter().for_each(|&account| next[bucket(account) + 1] += 1);
        for bucket in 0..BUCKETS {
            next[bucket + 1] += next[bucket];
        }
        order.clear();
        order.resize(accounts.len(), 0);
        for (at, &account) in accounts.iter().enumerate() {
            let slot = &mut next[bucket(account)];
            order[*slot as usize] = at as u32;
            *slot += 1;
        }
    }

    /// Rows waiting.
    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    /// Groups the rows by account and forgets them: what they become is added to the open parts of the ranges that `ranges` tells.
    /// Calls back with every change of pathway within an account.
    pub(crate) fn settle(&mut self, mut ranges: impl FnMut(&[u32], &mut Vec<u16>), mut pathway: impl FnMut(u32, u32)) {
        self.open.resize_with(RANGES, Part::default);
        let mut merger = Merger::default();
        let (mut accounts, mut range_of) = (Vec::new(), Vec::new());
        for bucket in &mut self.buckets {
            let rows = bucket.by_account();
            let runs = || rows.chunk_by(|one, other| one.0 == other.0);
            accounts.clear();
            accounts.extend(runs().map(|run| bucket.account(run[0].1)));
            ranges(&accounts, &mut range_of);
            for ((run, &account), &range) in runs().zip(&accounts).zip(&range_of) {
                let part = &mut self.open[usize::from(range)];
                merger.begin(&part.sightings);
                let mut known = NONE_U32;
                for &(_, at) in run {
                    let (row, identifiers) = bucket.row(at);
                    let time = row.event.seconds;
                    for &identifier in identifiers {
                        let seen = Seen { identifier, count: row.requests, first_seen: time, last_seen: time };
                        merger.add(&mut part.sightings, seen);
                    }
                    if time != NO_TIME {
                        part.add_event(row.event, row.requests, row.tokens, row.beyond);
                    }
                    if row.pathway != known {
                        known = row.pathway;
                        if known != NONE_U32 {
                            pathway(account, known);
                        }
                    }
                }
                part.end_run(account);
            }
            bucket.words.clear();
            bucket.rows = 0;
        }
        self.rows = 0;
        self.settled += 1;
    }

    /// Whether parts should be closed, of a block that has settled: when they have the rows of [`OPEN`] blocks, or, where memory
    /// is limited, at once.
    pub(crate) fn is_due(&self, limited: bool) -> bool {
        self.settled >= if limited { 1 } else { OPEN }
    }

    /// Closes the parts, one for each range, of which `merged` makes the runs of each account one. The memory that they took stays
    /// for the next ones.
    pub(crate) fn close(&mut self, merged: impl Fn(&Part) -> Part) -> Vec<Part> {
        self.settled = 0;
        let closed = self.open.iter_mut().map(|part| {
            let closed = merged(part);
            part.clear();
            closed
        });
        closed.collect()
    }

    /// As [`Block::close`], for the last time: the memory of each part goes when it is closed.
    pub(crate) fn into_closed(self, merged: impl Fn(&Part) -> Part) -> Vec<Part> {
        let Block { open, buckets, .. } = self;
        drop(buckets);
        open.into_iter().map(|part| merged(&part)).collect()
    }
}

impl Bucket {
    /// The account of a record.
    fn account(&self, at: u32) -> u32 {
        self.words[at as usize]
    }

    #[inline]
    fn push(&mut self, row: &Row, identifiers: impl IntoIterator<Item = u32>) {
        let event: [u32; EVENT] = zerocopy::transmute!(row.event);
        let (start, mut count) = (self.words.len(), 0);
        let mut record = [0; ROOM];
        record[0] = row.account;
        record[2..2 + EVENT].copy_from_slice(&event);
        record[2 + EVENT] = row.requests;
        let mut identifiers = identifiers.into_iter();
        for (slot, identifier) in record[RECORD..].iter_mut().zip(&mut identifiers) {
            *slot = identifier;
            count += 1;
        }
        // Always as much, which is quicker than what is there alone.
        self.words.extend_from_slice(&record);
        if count < ROOM - RECORD {
            self.words.truncate(start + RECORD + count);
        } else {
            self.words.extend(identifiers);
            count = self.words.len() - start - RECORD;
        }
        let mut length = count as u16;
        if row.tokens != 0 {
            self.words.push(row.tokens);
            length |= TOKENS;
        }
        // None is 0, and the first ones fit.
        let pathway = row.pathway.wrapping_add(1);
        let large = pathway & !0xffff | u32::from(row.beyond);
        if large != 0 {
            self.words.push(large);
            length |= LARGE;
        }
        self.words[start + 1] = (pathway << 16) | u32::from(length);
        self.rows += 1;
    }

    /// The row of a record, and its identifiers.
    #[inline]
    fn row(&self, at: u32) -> (Row, &[u32]) {
        let (record, rest) = self.words[at as usize..].split_at(RECORD);
        let mut event = [0; EVENT];
        event.copy_from_slice(&record[2..2 + EVENT]);
        let length = record[1] as u16;
        let (identifiers, mut rest) = rest.split_at(usize::from(length & COUNT));
        let mut next = |there: u16| {
            let (word, after) = if length & there == 0 { (0, rest) } else { (rest[0], &rest[1..]) };
            rest = after;
            word
        };
        let (tokens, large) = (next(TOKENS), next(LARGE));
        let row = Row {
            account: record[0],
            event: zerocopy::transmute!(event),
            requests: record[2 + EVENT],
            tokens,
            pathway: (large & !0xffff | record[1] >> 16).wrapping_sub(1),
            beyond: large as u16,
        };
        (row, identifiers)
    }

    /// (account without the bits that all share, record), in this order.
    fn by_account(&self) -> Vec<(u32, u32)> {
        const DIGIT: u32 = 11;
        let mut from: Vec<(u32, u32)> = Vec::with_capacity(self.rows);
        let mut at = 0;
        while at < self.words.len() {
            from.push((place_in_block(self.words[at]) & ((1 << BUCKET_SHIFT) - 1), at as u32));
            let length = self.words[at + 1] as u16;
            at += RECORD + usize::from(length & COUNT) + (length & !COUNT).count_ones() as usize;
        }
        let mut to = vec![(0u32, 0u32); from.len()];
        let bits = u32::BITS - from.iter().map(|item| item.0).max().unwrap_or(0).leading_zeros();
        for shift in (0..bits).step_by(DIGIT as usize) {
            let digit = |key: u32| (key >> shift) as usize & ((1 << DIGIT) - 1);
            let mut next = [0u32; 1 << DIGIT];
            from.iter().for_each(|item| next[digit(item.0)] += 1);
            let mut sum = 0;
            for slot in &mut next {
                sum += std::mem::replace(slot, sum);
            }
            for &item in &from {
                let slot = &mut next[digit(item.0)];
                to[*slot as usize] = item;
                *slot += 1;
            }
            std::mem::swap(&mut from, &mut to);
        }
        from
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::runs::Runs;

    /// A row without identifiers.
    pub(crate) fn row(account: u32, seconds: u32, requests: u32) -> Row {
        Row { account, event: Event::new(seconds, 0, NONE_U32, 0), beyond: 0, requests, tokens: 0, pathway: NONE_U32 }
    }

    /// All accounts in one range.
    pub(crate) fn second_range(accounts: &[u32], found: &mut Vec<u16>) {
        *found = vec![1; accounts.len()];
    }

    #[test]
    fn four_rows_of_two_accounts_are_two_runs() {
        let mut block = Block::default();
        block.push(&Row { tokens: 900, ..row(65, 30, 1) }, [7, 9]);
        // More identifiers than are written at once.
        block.push(&Row { tokens: 70, ..row(1, 10, 1) }, 20..32);
        block.push(&row(65, 20, 2), [7]);
        block.push(&Row { pathway: 3, ..row(65, NO_TIME, 1) }, [7]);
        block.push(&Row { pathway: 70_000, tokens: 5, ..row(65, NO_TIME, 1) }, [7]);
        let mut pathways = Vec::new();
        block.settle(second_range, |account, pathway| pathways.push((account, pathway)));
        assert_eq!((block.is_due(true), block.is_due(false), block.len()), (true, false, 0));
        let parts = block.close(Part::clone);
        assert!(parts.iter().enumerate().all(|(range, part)| (range == 1) != part.runs.is_empty()));
        let part = &parts[1];
        assert_eq!(part.runs.len(), 2);
        assert_eq!((part.run(0).account, part.run(0).sightings.len(), part.run(0).events.len()), (1, 12, 1));
        let run = part.run(1);
        assert_eq!(run.sightings[0], Seen { identifier: 7, count: 5, first_seen: 20, last_seen: 30 });
        assert_eq!((run.sightings.len(), run.events.len(), run.requests), (2, 2, &[1, 2][..]));
        assert_eq!((part.run(0).tokens, run.tokens), (&[70][..], &[900, 0][..]));
        assert_eq!(pathways, [(65, 3), (65, 70_000)]);

        block.push(&row(1, 40, 1), [7]);
        block.settle(second_range, |_, _| {});
        block.push(&row(1, 50, 1), [7]);
        block.settle(second_range, |_, _| {});
        let part = &block.close(|part| Runs::new(&[vec![part]], |account| account).all_merged())[1];
        assert_eq!(part.runs.len(), 1);
        assert_eq!(part.run(0).sightings, [Seen { identifier: 7, count: 2, first_seen: 40, last_seen: 50 }]);
        assert_eq!((part.run(0).events.len(), part.run(0).tokens.len()), (2, 0));
    }
}
