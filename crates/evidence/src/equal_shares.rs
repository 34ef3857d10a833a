//! Which accounts are dealt equal shares of work, day by day, though days differ?
//!
//! Where one queue deals work out in turn, each account gets the same number of turns, or one more, on a busy day as on a quiet
//! one. Accounts that know nothing of each other don't: two with as much to do in a week have other days. So the numbers of an
//! account's starts on a row of days name a pool whose accounts share nothing at all, not even a prompt.
//!
//! ```text
//! spans     eight in a row, of a quarter of a day to four days: the three longest that the log has eight of, from every fourth on
//! key       an account's starts in each of the eight (one at least, and sixteen together)
//! expected  accounts with about as many starts together (a quarter of an octave), times the product over the eight of the
//!           share of these with as many starts in it
//! bits      n log2(n / expected) - (n - expected) log2 e        n: accounts with the key
//! ```
//!
//! which is the log2 likelihood ratio of the Poisson law at its best rate. Keys of [`FEWEST`] accounts and more whose bits
//! exceed the log2 of the keys that were seen by `join_bits` are proposed. Accounts with one key follow each other in the queue:
//! their turns alone are bursts, which tell no others. So of each row's [`WIDENED`] most surprising keys all accounts are
//! proposed first that have one turn more or less in any of the spans. A proposal only, and a poor one: jobs that run three times
//! a day have equal shares, too. Whether a queue stands behind them, its rounds tell (module `served`).
//!
//! Starts outside of the log's days (as one wrong time) don't count. Cost: O(starts) for each of three widths, and sorting the
//! keys.

use std::collections::{HashMap, HashSet};

use rayon::prelude::*;

use crate::Facts;
use crate::behaviour::alignment::DAY;
use crate::behaviour::rounds::Returns;
use crate::behaviour::tenure::days_of;

/// Spans of a key.
const SPANS: usize = 8;
/// Widths of a span, in milliseconds, of which the longest that fit are looked at.
const WIDTHS: [i64; 5] = [4 * DAY, 2 * DAY, DAY, DAY / 2, DAY / 4];
const LOOKED_AT: usize = 3;
/// Fewer starts in all spans together say nothing.
const FEWEST_STARTS: u32 = 2 * SPANS as u32;
/// Fewer accounts are no seed.
const FEWEST: usize = 8;
/// Most proposals.
const MOST: usize = 64;
/// Keys of a row that are proposed with their neighbours, at most.
const WIDENED: usize = 4;
/// Fewer accounts than this aren't expected of a key: shares that nobody else has say no more.
const LEAST_EXPECTED: f64 = 0.01;

type Key = [u16; SPANS];
/// Accounts, and by how many bits they are more than expected.
type Surprising = Vec<(f64, Vec<u32>)>;

/// Accounts whose starts are equally many in a row of spans, ascending, most surprising first.
pub(crate) fn propose_equal_shares(
    facts: Facts<'_>,
    returns: &Returns,
    is_asked: impl Fn(u32) -> bool + Sync,
    join_bits: f64,
) -> Vec<Vec<u32>> {
    let asked = |&account: &u32| returns.count(account) >= FEWEST_STARTS && is_asked(account);
    let asked: Vec<u32> = (0..facts.graph.account_count() as u32).into_par_iter().with_min_len(1024).filter(asked).collect();
    let days = days_of(&facts);
    let (from, to) = (days.start * DAY, days.end * DAY);
    let mut found = Surprising::new();
    let mut keys = 0usize;
    for width in WIDTHS.into_iter().filter(|width| width * SPANS as i64 <= to - from).take(LOOKED_AT) {
        let mut rows: Vec<(u32, Key, u32)> = asked
            .par_iter()
            .flat_map_iter(|&account| {
                let starts = returns.starts_within(facts, account, from..=to - 1);
                keys_of(&starts, from, width).map(move |(row, key)| (row, key, account))
            })
            .collect();
        rows.par_sort_unstable();
        let rows_of: Vec<&[(u32, Key, u32)]> = rows.chunk_by(|one, other| one.0 == other.0).collect();
        let of_rows: Vec<(usize, Surprising)> = rows_of.into_par_iter().map(surprising).collect();
        for (number, surprising) in of_rows {
            keys += number;
            found.extend(surprising);
        }
    }
    let needed = (keys.max(1) as f64).log2() + join_bits;
    found.retain(|(bits, _)| *bits >= needed);
    // The widest first of those that surprise as much.
    found.sort_by(|one, other| {
        other.0.total_cmp(&one.0).then_with(|| other.1.len().cmp(&one.1.len())).then_with(|| one.1.cmp(&other.1))
    });
    let mut proposed = HashSet::new();
    found.retain(|(_, accounts)| proposed.len() < MOST && proposed.insert(accounts.clone()));
    found.into_iter().map(|(_, accounts)| accounts).collect()
}

/// The keys of an account by the number of their row of spans.
fn keys_of(starts: &[i64], from: i64, width: i64) -> impl Iterator<Item = (u32, Key)> + use<> {
    // By half a row: its number, and the starts in each of its spans.
    let half = SPANS as i64 / 2;
    let mut halves: Vec<(i64, [u16; SPANS / 2])> = Vec::new();
    for start in starts {
        let span = (start - from) / width;
        if halves.last().is_none_or(|last| last.0 != span / half) {
            halves.push((span / half, [0; SPANS / 2]));
        }
        if let Some((_, counts)) = halves.last_mut() {
            let count = &mut counts[(span % half) as usize];
            *count = count.saturating_add(1);
        }
    }
    (1..halves.len()).filter_map(move |at| {
        let ((first, one), (second, other)) = (halves[at - 1], halves[at]);
        let key: Key = std::array::from_fn(|span| if span < SPANS / 2 { one[span] } else { other[span - SPANS / 2] });
        let is_key = second == first + 1 && key.iter().all(|&count| count > 0) && total(&key) >= FEWEST_STARTS;
        is_key.then_some((first as u32, key))
    })
}

fn total(key: &Key) -> u32 {
    key.iter().map(|&count| u32::from(count)).sum()
}

/// A quarter of an octave of the starts.
fn class(key: &Key) -> u32 {
    (4.0 * f64::from(total(key)).log2()) as u32
}

/// Of one row of spans, how many keys there are, and those of enough accounts with their bits. `rows`: ascending.
fn surprising(rows: &[(u32, Key, u32)]) -> (usize, Surprising) {
    let mut of_class: HashMap<u32, f64> = HashMap::new();
    let mut of_count: HashMap<(u32, usize, u16), f64> = HashMap::new();
    for (_, key, _) in rows {
        let class = class(key);
        *of_class.entry(class).or_default() += 1.0;
        for (span, &count) in key.iter().enumerate() {
            *of_count.entry((class, span, count)).or_default() += 1.0;
        }
    }
    let (mut keys, mut of_keys) = (0, Vec::new());
    for of_key in rows.chunk_by(|one, other| one.1 == other.1) {
        keys += 1;
        if of_key.len() < FEWEST {
            continue;
        }
        let key = &of_key[0].1;
        let class = class(key);
        let all = of_class[&class];
        let shares = key.iter().enumerate().map(|(span, &count)| of_count[&(class, span, count)] / all);
        let expected = (all * shares.product::<f64>()).max(LEAST_EXPECTED);
        let number = of_key.len() as f64;
        // n log2(n / e) - (n - e) log2 e
        let bits = number * (number / expected).log2() - (number - expected) * std::f64::consts::LOG2_E;
        of_keys.push((bits, of_key));
    }
    of_keys.sort_by(|one, other| other.0.total_cmp(&one.0).then_with(|| one.1.cmp(other.1)));
    let accounts = |of_key: &[(u32, Key, u32)]| of_key.iter().map(|row| row.2).collect::<Vec<u32>>();
    let widened = of_keys.iter().take(WIDENED).map(|(bits, of_key)| {
        let mut around: Vec<u32> = rows.iter().filter(|row| is_near(&row.1, &of_key[0].1)).map(|row| row.2).collect();
        around.sort_unstable();
        (*bits, around)
    });
    let found = widened.chain(of_keys.iter().map(|(bits, of_key)| (*bits, accounts(of_key)))).collect();
    (keys, found)
}

/// Whether no span has more than one start more or less.
fn is_near(one: &Key, other: &Key) -> bool {
    one.iter().zip(other).all(|(&one, &other)| one.abs_diff(other) <= 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::behaviour::toy::Toy;

    fn proposed(world: &Toy) -> Vec<Vec<u32>> {
        let facts = world.facts();
        propose_equal_shares(facts, &Returns::of(facts, 1_800_000), |_| true, 3.0)
    }

    #[test]
    fn accounts_that_one_queue_deals_to_have_equal_shares() {
        for seed in 0..5 {
            let found = proposed(&Toy::in_turn(600, 120, 60, 8, seed));
            let of_pool = |seed: &Vec<u32>| seed.iter().filter(|&&account| account >= 600).count();
            let best = found.first().expect("the pool has equal shares");
            assert!(best.len() >= FEWEST && 10 * of_pool(best) >= 9 * best.len(), "{seed}: {best:?}");
        }
    }

    #[test]
    fn neighbours_in_the_queue_are_proposed_together() {
        for seed in 0..5 {
            let found = proposed(&Toy::in_turn(600, 120, 60, 8, seed));
            let of_pool = |accounts: &Vec<u32>| accounts.iter().filter(|&&account| account >= 600).count();
            let is_whole = |accounts: &&Vec<u32>| of_pool(accounts) >= 90 && 10 * of_pool(accounts) >= 8 * accounts.len();
            assert!(found.iter().any(|accounts| is_whole(&accounts)), "{seed}: {found:?}");
        }
    }

    #[test]
    fn people_have_not() {
        for seed in 0..5 {
            assert_eq!(proposed(&Toy::independent(600, 60, seed)), Vec::<Vec<u32>>::new(), "{seed}");
        }
    }

    #[test]
    fn keys_are_starts_in_eight_spans_in_a_row_from_every_fourth_on() {
        // Spans of ten: two starts in each of twelve, and in the sixteenth.
        let starts: Vec<i64> = (0..12).chain([15]).flat_map(|span| [10 * span, 10 * span + 7]).collect();
        let keys: Vec<(u32, Key)> = keys_of(&starts, 0, 10).collect();
        assert_eq!(keys, [(0, [2; SPANS]), (1, [2; SPANS])]);
        // One start a span is too few.
        assert_eq!(keys_of(&(0..8).map(|span| 10 * span).collect::<Vec<i64>>(), 0, 10).count(), 0);
    }

    #[test]
    fn the_bits_of_a_key_are_those_of_more_accounts_than_expected() {
        // Of 32 accounts with 16 starts each, half have (1, 3) in the first two spans and half (3, 1): each half has half of either
        // count, and 32 / 4 are expected of its key.
        let key = |first: u16| {
            let mut key = [2; SPANS];
            (key[0], key[1]) = (first, 4 - first);
            key
        };
        let mut rows: Vec<(u32, Key, u32)> = (0..32).map(|at| (0, key(if at % 2 == 0 { 1 } else { 3 }), at)).collect();
        rows.sort_unstable();
        let (keys, found) = surprising(&rows);
        let bits = 16.0 * 2.0f64.log2() - 8.0 * std::f64::consts::LOG2_E;
        // With neighbours, of which these have none, and without.
        assert_eq!((keys, found.len()), (2, 4));
        assert!(found.iter().all(|(found, accounts)| (found - bits).abs() < 1e-9 && accounts.len() == 16));
    }
}
