//! Whose turns come when a network's queue has gone round?
//!
//! Where one queue deals work out to accounts in turn, an account comes back after all others have had theirs, however long that
//! took: sooner in a busy hour, later at night. So an account that shares nothing with a network, no address, card or prompt,
//! still tells by its times that it is dealt to by the same queue.
//!
//! ```text
//! start     an account's first event, and each after a pause of more than `session_gap`
//! serving   accounts of the network, of at most SAMPLE of them, between their first start and their last; only the time in which
//!           five or more serve counts
//! rounds r  starts of these accounts, its own left out, from one start of the account to its next, and a half, over how many
//!           others are serving halfway
//! bits      sum over its returns of log2 (f(r) / g(r))
//! f, g      histograms of log2 r, of the network's accounts (each without its own starts, and of itself without its own part)
//!           and of the others who come back as often as they do, every account counting the same
//! e         what its own rhythm and days leave: K 2^bits / sum of 2^bits over K circular shifts of its first SHIFTED starts, the
//!           observed one among them
//! even      of the starts between its returns, the share in the middle half of the time, by the network's profile of the day
//! ```
//!
//! The bits say whether an account comes back as the network's accounts do rather than as other people do. They are a
//! likelihood ratio of returns taken as independent, so they are asked to exceed the log2 of the accounts asked by `join_bits`,
//! and count no further than [`MOST_BITS`]. But a job that runs about as often as the queue goes round has such bits too, and
//! so may somebody who works when the queue is busy. So neither null may explain them: all of the account's starts moved by any
//! time (its rhythm: a job has the same rounds whenever it started), or those of each day moved inside its own profile of the
//! day (its days, hours and habits in a day, module `operational_time`). e is the smaller of two e-values, for the nulls that
//! what was observed is exchangeable with either kind of shift. Those with enough bits and the largest e are told, as many as
//! leave one in fifty false in the mean of them and of those who joined before (e-BH, whatever depends on whatever). That the
//! accounts were chosen by their bits first isn't in the theorem; in worlds with known truth the share is smaller
//! (`accuracy.md`, *Without prompts*).
//!
//! Neither may its turns come in bursts: whoever starts when a feed says so comes back after one start of everybody else who
//! reads it, and whoever starts his accounts right after somebody else's makes that one's returns look like turns. In a queue
//! half of a round is over at half time; of bursts next to nothing is in the middle. So an account is told only where `even` is
//! `EVEN` or more. (Who sees when a stranger's account starts, and lets his queue wait for it each time, can still make it
//! look dealt to.)
//!
//! The same is asked of the network's own accounts, with e of 50: what doesn't recognise half of these has no queue that could
//! tell others. So no account is added by a network of people, whose returns are as anybody's.
//!
//! Steps: *count* the sample's starts by cells of time; *gather* who comes back as often; *compare* the histograms; *shift*.
//! Cost: O(events), once, to know how often accounts come back, and for each network the starts of those that come back as
//! often and up to a thousand times those that have enough bits. Reference: for stack distance Mattson et al. 1970,
//! doi:10.1147/sj.92.0078; for e-values Vovk & Wang 2021, doi:10.1214/20-AOS2020; for e-BH Wang & Ramdas 2022,
//! doi:10.1111/rssb.12489.

mod returns;
mod shifts;
#[cfg(test)]
mod tests;

use graph::AccountId;
use rayon::prelude::*;

use super::BehaviourConfig;
use super::alignment::DAY;
use super::operational_time::{HOUR, OperationalTime, operational, time_of_day};
use super::random::{Stream, key, sample};
use crate::Facts;

pub(crate) use returns::Returns;
use shifts::OwnStarts;

/// Accounts whose starts count rounds: two dozen suffice.
const SAMPLE: usize = 256;
/// Of its accounts, how many a network is tried at, and how many one that only equal shares propose.
const TRIED: usize = 64;
const SEED_TRIED: usize = 1_024;
/// Others who come back as often, whose returns stand for all of theirs.
const COMPARED: usize = 4_096;
/// Fewer accounts make no rounds.
const FEWEST_SERVING: u32 = 5;
/// An account that came back less often says nothing.
const FEWEST_RETURNS: usize = 3;
/// Bins of log2 rounds, a quarter wide, from -3 to 3, and what is less or more.
const BINS: usize = 26;
/// How much more or less often than nine tenths of the network's accounts an account may come back to be compared.
const SLACK: f64 = 1.5;
/// Shifts of an account's starts by either null, the observed one among them, and how many tell of most that one explains them.
const SHIFTS: usize = 500;
const FIRST_SHIFTS: usize = 100;
/// Starts that are shifted, at most.
const SHIFTED: usize = 129;
/// The share of those whom a network's rounds tell that may be false.
const FALSE: f64 = 0.02;
/// How many times as many rounds three quarters of a queue's returns take as a quarter, at most.
const STEADY: f64 = 3.0;
/// The least share of the starts between returns that are in the middle half of the time: half of what an even queue has.
const EVEN: f64 = 0.25;
/// Bits that returns count at most: they are taken as independent, and others may time theirs by them.
pub const MOST_BITS: f64 = 10.0;
/// Cells of time that starts are counted by, at most, and their least width in milliseconds: a minute or so.
const CELLS: i64 = 1 << 20;
const CELL: i64 = 1 << 16;

/// An account that a network's queue deals to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Served {
    pub(crate) account: u32,
    /// Log2 odds that it is, at most [`MOST_BITS`].
    pub(crate) bits: f64,
}

/// How an account comes back, in rounds of a network's accounts.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct InRounds {
    /// Returns that were counted.
    pub returns: u64,
    /// A quarter of them took no more rounds than this, a half, three quarters.
    pub rounds: [f64; 3],
    /// The same of the network's other accounts, each as the middle one of them.
    pub of_network: [f64; 3],
}

/// How an account comes back in rounds of a network, of which it may be; `None` where it doesn't come back, or where the
/// network's own accounts come back after any number of rounds: three quarters of the returns within more than three times
/// those of a quarter. `members`: ascending. O(events of the account and of the members).
pub fn in_rounds(facts: Facts<'_>, members: &[u32], account: u32, config: &BehaviourConfig) -> Option<InRounds> {
    let gap = i64::from(config.session_gap) * 1_000;
    let others: Vec<u32> = members.iter().copied().filter(|&other| other != account).collect();
    let returns = Returns::of_some(facts, gap, others.iter().copied().chain([account]));
    let rounds = Rounds::of(facts, &returns, &others, config)?;
    let quartiles = |account: u32| {
        let (starts, is_counted) = (rounds.starts(account), rounds.is_counted(account));
        let mut found: Vec<f64> = starts.windows(2).filter_map(|pair| rounds.between(pair[0], pair[1], is_counted)).collect();
        found.sort_unstable_by(f64::total_cmp);
        (found.len() >= FEWEST_RETURNS).then(|| (found.len(), [1, 2, 3].map(|quarter| found[found.len() * quarter / 4])))
    };
    let tried = sample(&rounds.counted, TRIED, config.seed);
    let of_others: Vec<[f64; 3]> = tried.into_iter().filter_map(|other| Some(quartiles(other.0)?.1)).collect();
    let middle = |quarter: usize| {
        let mut found: Vec<f64> = of_others.iter().map(|of| of[quarter]).collect();
        found.sort_unstable_by(f64::total_cmp);
        found.get(found.len() / 2).copied()
    };
    let of_network = [middle(0)?, middle(1)?, middle(2)?];
    let (returns, rounds) = quartiles(account)?;
    (of_network[2] <= STEADY * of_network[0]).then_some(InRounds { returns: returns as u64, rounds, of_network })
}

/// Whom a network's rounds tell.
#[derive(Debug, PartialEq)]
pub(crate) struct Told {
    /// Of the network's own accounts that it was tried at.
    pub(crate) own: Vec<Served>,
    /// Others, ascending.
    pub(crate) others: Vec<Served>,
}

/// What is asked of an account that is none of a network's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Whether the network's rounds tell it; it stands for others, too.
    Both,
    /// Only how others come back.
    Compared,
    /// Only whether the network's rounds tell it.
    Told,
    /// Nothing.
    Nothing,
}

/// A network whose rounds are asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking<'a> {
    /// Its accounts, ascending.
    members: &'a [u32],
    /// How many of them were told so before.
    joined: usize,
    /// How many it is tried at.
    tried: usize,
}

impl<'a> Asking<'a> {
    /// One of whose accounts so many were told before.
    pub(crate) fn network(members: &'a [u32], joined: usize) -> Asking<'a> {
        Asking { members, joined, tried: TRIED }
    }

    /// One of which nobody knows who is in it.
    pub(crate) fn seed(members: &'a [u32]) -> Asking<'a> {
        Asking { members, joined: 0, tried: SEED_TRIED }
    }
}

/// Whom a network's queue deals to; `None` where half of its own accounts aren't told by it. `asked`: what is asked of each of the
/// others.
pub(crate) fn told_by_rounds(
    facts: Facts<'_>,
    returns: &Returns,
    Asking { members, joined, tried }: Asking<'_>,
    asked: impl Fn(u32) -> Asked + Sync,
    join_bits: f64,
    config: &BehaviourConfig,
) -> Option<Told> {
    let rounds = Rounds::of(facts, returns, members, config)?;
    let is_member = |account: u32| members.binary_search(&account).is_ok();
    let comes = |account: u32| !is_member(account) && rounds.comes_as_often(account);
    let all = (0..facts.graph.account_count() as u32).into_par_iter().with_min_len(1024);
    let all: Vec<(AccountId, Asked)> =
        all.map(|account| (AccountId(account), asked(account))).filter(|of| of.1 != Asked::Nothing && comes(of.0.0)).collect();
    let without = |no: Asked| all.iter().filter(|of| of.1 != no).map(|of| of.0).collect::<Vec<AccountId>>();
    let (compared, others) = (without(Asked::Told), without(Asked::Compared));
    let asked = compared.len().max(others.len()) as f64;
    let own = rounds.histograms(&ids(members));
    let compared = rounds.histograms(&sample(&compared, COMPARED, config.seed));
    if own.len() < FEWEST_SERVING as usize || compared.is_empty() {
        return None;
    }
    let (of_own, of_others) = (shape(&own), shape(&compared));
    let needed = asked.log2() + join_bits;
    // Those with enough bits, whose turns come evenly, and what their own rhythm leaves.
    let told = |of: &Histogram, of_own: &Shape| {
        let ratios = ratios(of_own, &of_others);
        let bits = of.bits(&ratios);
        let is_told = bits >= needed && rounds.evenness(of.account) >= EVEN;
        let left = is_told.then(|| rounds.left(of.account, &ratios, config.seed))?;
        Some((Served { account: of.account, bits: (bits - needed + join_bits).min(MOST_BITS) }, left))
    };
    let tried = sample(&own.iter().map(|of| AccountId(of.account)).collect::<Vec<_>>(), tried, config.seed);
    let tried: Vec<&Histogram> = own.iter().filter(|of| tried.binary_search(&AccountId(of.account)).is_ok()).collect();
    let by_the_rest = |of: &&Histogram| told(of, &std::array::from_fn(|bin| of_own[bin] - of.share(bin)));
    let recognised: Vec<(Served, f64)> = tried.par_iter().filter_map(by_the_rest).collect();
    let recognised: Vec<Served> = recognised.into_iter().filter(|of| of.1 >= 1.0 / FALSE).map(|of| of.0).collect();
    if 2 * recognised.len() < tried.len() {
        return None;
    }
    let others: Vec<(Served, f64)> = rounds.histograms(&others).par_iter().filter_map(|of| told(of, &of_own)).collect();
    let least = least_discovered(others.iter().map(|of| of.1).collect(), joined);
    Some(Told { own: recognised, others: others.into_iter().filter(|of| of.1 >= least).map(|of| of.0).collect() })
}

/// The least e-value of those that are discoveries where at most [`FALSE`] of them, and of those `before`, may be false (e-BH): the
/// k largest of m are, for the largest k with e_(k) >= m / (k FALSE), k and m with those before.
fn least_discovered(mut e_values: Vec<f64>, before: usize) -> f64 {
    let asked = (e_values.len() + before) as f64;
    e_values.sort_unstable_by(|one, other| other.total_cmp(one));
    let is_enough = |&(number, e): &(usize, f64)| e * number as f64 * FALSE >= asked;
    (before + 1..).zip(e_values).filter(is_enough).last().map_or(f64::INFINITY, |(_, e)| e)
}

fn ids(accounts: &[u32]) -> Vec<AccountId> {
    accounts.iter().copied().map(AccountId).collect()
}

/// A number for each bin.
type Shape = [f64; BINS];

/// An account's returns by how many rounds they took.
struct Histogram {
    account: u32,
    bins: [u32; BINS],
    returns: u32,
}

impl Histogram {
    fn bits(&self, ratios: &Shape) -> f64 {
        self.bins.iter().zip(ratios).map(|(&count, ratio)| f64::from(count) * ratio).sum()
    }

    fn share(&self, bin: usize) -> f64 {
        f64::from(self.bins[bin]) / f64::from(self.returns)
    }
}

/// What accounts have in a bin, summed up, every account counting the same.
fn shape(of: &[Histogram]) -> Shape {
    std::array::from_fn(|bin| of.iter().map(|of| of.share(bin)).sum())
}

/// log2 (f / g) by bin; half an account is added to each bin of both.
fn ratios(own: &Shape, others: &Shape) -> Shape {
    let smooth = |shape: &Shape, bin: usize| (shape[bin] + 0.5) / (shape.iter().sum::<f64>() + 0.5 * BINS as f64);
    std::array::from_fn(|bin| (smooth(own, bin) / smooth(others, bin)).log2())
}

/// The bin of so many rounds, a positive number: that of `4 log2(rounds) + 13`, from its exponent and its leading bits.
fn bin_of(rounds: f64) -> usize {
    const QUARTERS: [f64; 3] = [1.189_207_115_002_721, std::f64::consts::SQRT_2, 1.681_792_830_507_429];
    let exponent = (rounds.to_bits() >> 52) as i64 - 1_023;
    let leading = f64::from_bits(rounds.to_bits() & ((1 << 52) - 1) | (1_023 << 52));
    let quarters = QUARTERS.iter().filter(|&&quarter| leading >= quarter).count() as i64;
    (4 * exponent + quarters + 13).clamp(0, BINS as i64 - 1) as usize
}

/// A network's starts by cells of time.
struct Rounds<'a> {
    facts: Facts<'a>,
    returns: &'a Returns,
    /// Whose starts are counted, ascending.
    counted: Vec<AccountId>,
    /// While enough of them serve.
    from: i64,
    to: i64,
    /// Log2 of a cell's width in milliseconds.
    shift: u32,
    /// By cell: starts before it.
    before: Vec<u32>,
    /// By cell: accounts that serve.
    serving: Vec<u32>,
    /// Their cumulative profile of the day.
    profile: [f64; 25],
    /// Starts from one of an account to its next, of the fewest and the most that accounts are compared at.
    usual: (f64, f64),
}

impl<'a> Rounds<'a> {
    /// Counts a sample's starts; `None` where too few come back.
    fn of(facts: Facts<'a>, returns: &'a Returns, members: &[u32], config: &BehaviourConfig) -> Option<Rounds<'a>> {
        let coming: Vec<AccountId> = members
            .iter()
            .filter(|&&account| returns.count(account) as usize >= FEWEST_RETURNS)
            .map(|&account| AccountId(account))
            .collect();
        let counted = sample(&coming, SAMPLE, config.seed);
        if counted.len() < FEWEST_SERVING as usize {
            return None;
        }
        let lives: Vec<(i64, i64, u32)> = counted.iter().map(|account| returns.life(account.0)).collect();
        // Before and after that too few serve, however far the times of one reach.
        let mut ends: [Vec<i64>; 2] = [lives.iter().map(|life| life.0).collect(), lives.iter().map(|life| life.1).collect()];
        ends.iter_mut().for_each(|ends| ends.sort_unstable());
        let enough = FEWEST_SERVING as usize - 1;
        let (from, to) = (ends[0][enough], ends[1][lives.len() - 1 - enough]);
        if to <= from {
            return None;
        }
        let width = ((to - from) / CELLS + 1).max(CELL.min(returns.gap() / 2).max(1));
        let shift = width.unsigned_abs().next_power_of_two().trailing_zeros();
        let cells = ((to - from) >> shift) as usize + 2;
        let (mut before, mut serving) = (vec![0u32; cells + 1], vec![0u32; cells + 1]);
        let mut hours = [0.0; 24];
        for account in &counted {
            for start in returns.starts_within(facts, account.0, from..=to) {
                before[((start - from) >> shift) as usize + 1] += 1;
                hours[(start.rem_euclid(DAY) as f64 / HOUR) as usize] += 1.0;
            }
            let (first, last, _) = returns.life(account.0);
            let ends = [first, last].map(|end| ((end.clamp(from, to) - from) >> shift) as usize);
            serving[ends[0]] = serving[ends[0]].wrapping_add(1);
            serving[ends[1] + 1] = serving[ends[1] + 1].wrapping_sub(1);
        }
        let profile = OperationalTime::new(&[hours], &[]).profiles[0];
        for cell in 1..=cells {
            before[cell] += before[cell - 1];
            serving[cell] = serving[cell].wrapping_add(serving[cell - 1]);
        }
        let mut rounds =
            Rounds { facts, returns, counted, from, to, shift, before, serving, profile, usual: (0.0, f64::INFINITY) };
        let lives = rounds.counted.iter().filter_map(|account| rounds.life_within(account.0));
        let mut usual: Vec<f64> = lives.map(|life| rounds.starts_a_return(life)).collect();
        usual.sort_unstable_by(f64::total_cmp);
        if usual.is_empty() {
            return None;
        }
        let twentieth = usual.len() / 20;
        rounds.usual = (usual[twentieth] / SLACK, usual[usual.len() - 1 - twentieth] * SLACK);
        Some(rounds)
    }

    fn cell(&self, at: i64) -> usize {
        ((at - self.from).max(0) >> self.shift).min(self.before.len() as i64 - 1) as usize
    }

    /// An account's starts while enough serve, ascending.
    fn starts(&self, account: u32) -> Vec<i64> {
        self.returns.starts_within(self.facts, account, self.from..=self.to)
    }

    /// Starts from one return of an account to the next, in the mean, of its returns between these.
    fn starts_a_return(&self, (first, last, returns): (i64, i64, u32)) -> f64 {
        f64::from(self.before[self.cell(last)] - self.before[self.cell(first)]) / f64::from(returns)
    }

    fn comes_as_often(&self, account: u32) -> bool {
        let (first, last, returns) = self.returns.life(account);
        let is_usual = |life: (i64, i64, u32)| {
            let starts = self.starts_a_return(life);
            life.2 as usize >= FEWEST_RETURNS && starts >= self.usual.0 && starts <= self.usual.1
        };
        if first >= self.from && last <= self.to {
            return is_usual((first, last, returns));
        }
        // Those before the network and after it don't count.
        if (returns as usize) < FEWEST_RETURNS || self.starts_a_return((first, last, returns)) > self.usual.1 {
            return false;
        }
        self.life_within(account).is_some_and(is_usual)
    }

    /// First start, last, and returns, while enough serve.
    fn life_within(&self, account: u32) -> Option<(i64, i64, u32)> {
        let starts = self.starts(account);
        Some((*starts.first()?, *starts.last()?, starts.len() as u32 - 1)).filter(|life| life.2 > 0)
    }

    /// The share of the starts between an account's returns, its own left out, that are in the middle half of the time, by the
    /// network's profile of the day; 0 where there are none.
    fn evenness(&self, account: u32) -> f64 {
        let own = u32::from(self.is_counted(account));
        let starts = self.starts(account);
        let (mut middle, mut all) = (0u32, 0u32);
        for pair in starts.windows(2).filter(|pair| self.bin(pair[0], pair[1], own > 0).is_some()) {
            let times = [pair[0], pair[1]].map(|at| self.operational(at));
            let between = |part: f64| self.time(times[0] + part * (times[1] - times[0]));
            middle += self.before[self.cell(between(0.75))] - self.before[self.cell(between(0.25))];
            all += (self.before[self.cell(pair[1])] - self.before[self.cell(pair[0])]).saturating_sub(own);
        }
        if all == 0 { 0.0 } else { f64::from(middle) / f64::from(all) }
    }

    /// Days, by the network's profile of the day.
    fn operational(&self, at: i64) -> f64 {
        at.div_euclid(DAY) as f64 + operational(&self.profile, at.rem_euclid(DAY))
    }

    /// The time of so many.
    fn time(&self, days: f64) -> i64 {
        days.floor() as i64 * DAY + time_of_day(&self.profile, days - days.floor())
    }

    /// Rounds between two starts; `None` where too few serve.
    fn between(&self, one: i64, next: i64, is_counted: bool) -> Option<f64> {
        if one < self.from || next > self.to {
            return None;
        }
        let own = u32::from(is_counted);
        let serving = self.serving[self.cell(one + (next - one) / 2)];
        let starts = (self.before[self.cell(next)] - self.before[self.cell(one)]).saturating_sub(own);
        (serving >= FEWEST_SERVING + own).then(|| (f64::from(starts) + 0.5) / f64::from(serving.saturating_sub(own)))
    }

    /// The bin of these.
    fn bin(&self, one: i64, next: i64, is_counted: bool) -> Option<usize> {
        Some(bin_of(self.between(one, next, is_counted)?))
    }

    fn is_counted(&self, account: u32) -> bool {
        self.counted.binary_search(&AccountId(account)).is_ok()
    }

    /// The returns of accounts that came back often enough while enough served, in their order.
    fn histograms(&self, accounts: &[AccountId]) -> Vec<Histogram> {
        let of = |&AccountId(account): &AccountId| {
            let (starts, is_counted) = (self.starts(account), self.is_counted(account));
            let mut of = Histogram { account, bins: [0; BINS], returns: 0 };
            for bin in starts.windows(2).filter_map(|pair| self.bin(pair[0], pair[1], is_counted)) {
                of.bins[bin] += 1;
                of.returns += 1;
            }
            (of.returns as usize >= FEWEST_RETURNS).then_some(of)
        };
        accounts.par_iter().with_min_len(64).filter_map(of).collect()
    }

    /// The e-value of an account's returns that neither its own rhythm nor its own days leave; less than [`FALSE`] allows where the
    /// first shifts tell.
    fn left(&self, account: u32, ratios: &Shape, seed: u64) -> f64 {
        let is_counted = self.is_counted(account);
        let mut starts = self.starts(account);
        starts.truncate(SHIFTED);
        if starts.is_empty() {
            return 1.0;
        }
        let bits_of = |starts: &[i64]| -> f64 {
            starts.windows(2).filter_map(|pair| self.bin(pair[0], pair[1], is_counted)).map(|bin| ratios[bin]).sum()
        };
        let observed = bits_of(&starts);
        let own = OwnStarts::of(&starts);
        let mut stream = Stream::new(key(&[seed, 23, u64::from(account)]));
        let mut shifted = Vec::with_capacity(starts.len());
        // Of either null the sum of 2^bits over its shifts, to that of what was observed, which is one of them.
        let mut sums = [1.0f64; 2];
        for shift in 2..=SHIFTS {
            own.in_rhythm(stream.unit(), &mut shifted);
            sums[0] += (bits_of(&shifted) - observed).exp2();
            own.in_profile(&mut stream, &mut shifted);
            sums[1] += (bits_of(&shifted) - observed).exp2();
            let left = shift as f64 / sums[0].max(sums[1]);
            if shift == SHIFTS || (shift == FIRST_SHIFTS && left < 1.0 / FALSE) {
                return left;
            }
        }
        1.0
    }
}
