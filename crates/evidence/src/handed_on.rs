//! Which accounts take over each other's rejected requests?
//!
//! Accounts with an own address and an own card each, whose prompts are everybody's or nobody's, share nothing that could tie
//! them. Where one queue stands behind them, a request that one account had rejected comes again from another within seconds.
//! Each rejection (403, 429) speaks for a queue by a log2 likelihood ratio:
//!
//! ```text
//! followed        log2((1 - (1 - HIT)(1 - chance)) / chance)   another account starts with the template within `hand_off_window`
//! not followed    log2(1 - HIT)                                a queue's is followed by its queue or by chance
//! chance          the larger of
//!   1 - e^(-window rate)   rate: the larger of
//!                     the template's in the whole log, its requests over the time from the first event to the last
//!                     its starts by other accounts in the four minutes before and after, half of one added, without the window
//!   the share of the template's rejections that another account's start *precedes* by as much, the mean of the above added once
//! ```
//!
//! so that jobs at the full hour and crowds under load, which are followed whether they are rejected or not, say nothing: where
//! nobody takes anything over, others start as often before a rejection as after. To *start* is not to have asked with the
//! template in the last window's length; one start follows one rejection.
//!
//! 1. *Sum up* by account whose requests were rejected, and by template. What exceeds the log2 of the accounts, or templates,
//!    that were asked by `join_bits` is beyond chance, and its rejections link the two accounts.
//! 2. *Join* linked accounts. One stays where its links, and what of its rejections nobody took over, are worth more than the
//!    odds against a random account, `log2(accounts of the group / accounts)`.
//! 3. *Complete*: of a template that is beyond chance all users are judged by odds of their own instead. Those who had something
//!    rejected with it are a mixture of the queue's accounts and of others, whose share is found by expectation and maximisation
//!    (the mean of the accounts' probabilities, until it is that by which they are computed). If most are the queue's, the odds are
//!    the expected number of these to that of others, half of one added to both, and what the account's links say: so who wasn't
//!    rejected belongs as well.
//!
//! Groups of `profile_size` and more are proposed; the caller keeps those that do what no harmless story brings, and the score
//! decides: a company that balances its load over keys does the same. Asked are accounts in no flagged candidate, and in none
//! large enough for a profile. Templates so common that chance alone gives a quarter aren't asked. Cost: O(events), and sorting
//! those with a template of which some were rejected, at most [`HELD`] or one template's at a time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

use fixedbitset::FixedBitSet;
use graph::{AccountId, DisjointSets, IdentifierId, NONE_U32};
use rayon::prelude::*;

use crate::Facts;
use crate::behaviour::one_queue::{NEARBY, OWN_REJECTIONS, is_rejection};
use crate::candidate::{Candidate, Member, Origin, Role};
use crate::config::MemberConfig;
use crate::members::Corroborator;
use crate::starts::{Busy, Open, Others, Start, Starts};

/// How often a queue sends a rejected request on.
const HIT: f64 = 0.9;
/// Rounds of expectation and maximisation.
const ROUNDS: usize = 64;
/// Where chance follows more often than this, being followed says little.
const MOST_CHANCE: f64 = 0.25;
/// Requests held at a time.
const HELD: usize = 1 << 24;

/// A request with a template, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Request {
    template: u32,
    time: i64,
    account: u32,
    rejected: bool,
}

/// A rejected request, and who took it over.
#[derive(Clone, Copy, Debug)]
struct HandOff {
    template: u32,
    giver: u32,
    /// `NONE_U32` where nobody did.
    taker: u32,
    bits: f64,
}

/// Accounts that take over each other's requests, ascending, each with its log2 odds, also without its strongest link.
pub(crate) type Chain = Vec<(u32, f64, f64)>;

/// Groups that take over each other's rejected requests. `window`: in milliseconds.
pub(crate) fn propose_handed_on(
    facts: Facts<'_>,
    is_free: impl Fn(u32) -> bool + Sync,
    window: i64,
    config: &MemberConfig,
) -> Vec<Chain> {
    let columns = facts.activity.columns();
    if columns.status.is_empty() || columns.template.is_empty() {
        return Vec::new();
    }
    let hand_offs = hand_offs(facts, &is_free, window);
    let (links, templates) = links(&hand_offs, config);
    let mut joined = DisjointSets::new(facts.graph.account_count());
    for link in links.iter().filter(|link| link.taker != NONE_U32) {
        joined.join(link.giver, link.taker);
    }
    let mut rows: Vec<(u32, HandOff)> = links.into_iter().map(|link| (joined.root_of(link.giver), link)).collect();
    // By account, then template: in an order that doesn't depend on how the work was shared out.
    rows.sort_by_key(|&(root, link)| (root, link.giver, link.taker, link.template));
    let chains = rows.chunk_by(|one, other| one.0 == other.0).filter_map(|rows| {
        let links: Vec<HandOff> = rows.iter().map(|row| row.1).collect();
        chain(facts, &links, &templates, &is_free, config)
    });
    chains.collect()
}

/// Every rejection that was asked of.
fn hand_offs(facts: Facts<'_>, is_free: &(impl Fn(u32) -> bool + Sync), window: i64) -> Vec<HandOff> {
    let accounts = || (0..facts.graph.account_count() as u32).into_par_iter().with_min_len(1024);
    let ends = |account: u32| {
        let time = facts.activity.of(AccountId(account)).time;
        Some((*time.first()?, *time.last()?))
    };
    let span = accounts().filter_map(ends).reduce_with(|one, other| (one.0.min(other.0), one.1.max(other.1)));
    let Some((first, last)) = span.filter(|(first, last)| first < last) else { return Vec::new() };
    let span = (last - first) as f64;
    let (uses, rejections) = (counters(facts), counters(facts));
    accounts().for_each(|account| {
        let (events, is_free) = (facts.activity.of(AccountId(account)), is_free(account));
        for (&template, &status) in events.template.iter().zip(events.status).filter(|(template, _)| **template != NONE_U32) {
            uses[template as usize].fetch_add(1, Ordering::Relaxed);
            if is_free && is_rejection(status) {
                rejections[template as usize].fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let count = |counters: &[AtomicU32], template: u32| counters[template as usize].load(Ordering::Relaxed);
    let usual = |template: u32| f64::from(count(&uses, template)) / span;
    let is_asked = |&template: &u32| count(&rejections, template) > 0 && chance_of(usual(template), window) <= MOST_CHANCE;
    let asked: Vec<u32> = (0..facts.graph.identifier_count() as u32).filter(is_asked).collect();
    let (mut found, mut from) = (Vec::new(), 0);
    while from < asked.len() {
        let (mut to, mut held) = (from, 0);
        while to < asked.len() && (to == from || held + count(&uses, asked[to]) as usize <= HELD) {
            held += count(&uses, asked[to]) as usize;
            to += 1;
        }
        let mut wanted = FixedBitSet::with_capacity(facts.graph.identifier_count());
        asked[from..to].iter().for_each(|&template| wanted.insert(template as usize));
        let of_account = |account: u32| {
            let events = facts.activity.of(AccountId(account));
            let rows = events.template.iter().zip(events.time).zip(events.status);
            let rows = rows.map(move |((&template, &time), &status)| Request {
                template,
                time,
                account,
                rejected: is_rejection(status),
            });
            rows.filter(|request| wanted.contains(request.template as usize))
        };
        let mut requests: Vec<Request> = accounts().flat_map_iter(of_account).collect();
        requests.par_sort_unstable();
        let of_templates = requests.par_chunk_by(|one, other| one.template == other.template);
        found.par_extend(of_templates.flat_map_iter(|of| of_template(of, is_free, usual(of[0].template), window)));
        from = to;
    }
    found
}

fn counters(facts: Facts<'_>) -> Vec<AtomicU32> {
    (0..facts.graph.identifier_count()).map(|_| AtomicU32::new(0)).collect()
}

/// That something of a rate, in a millisecond, happens within so many.
fn chance_of(rate: f64, window: i64) -> f64 {
    -(-rate * window as f64).exp_m1()
}

/// The rejections of one template by free accounts, in order of time; none that one took over who isn't free.
fn of_template(requests: &[Request], is_free: &impl Fn(u32) -> bool, usual: f64, window: i64) -> Vec<HandOff> {
    let mut busy = Busy::new(window);
    let started = requests.iter().filter(|request| busy.starts(request.account, request.time));
    let starts =
        Starts::new(started.map(|&Request { time, account, rejected, .. }| Start { time, account, rejected }).collect());
    let rejected: Vec<&Request> = requests.iter().filter(|request| request.rejected && is_free(request.account)).collect();
    let chances = chances(&rejected, &Others::of(&starts), usual, window);
    let mut open = Open::new(&starts);
    let mut found = Vec::new();
    for (request, chance) in rejected.into_iter().zip(chances) {
        let follower = starts.follower(request.account, request.time, window, |at| open.at_or_after(at));
        if let Some(at) = follower {
            open.close(at);
            if !is_free(starts.account(at)) {
                continue;
            }
        }
        let (taker, bits) = match follower {
            Some(at) => (starts.account(at), ((1.0 - (1.0 - HIT) * (1.0 - chance)) / chance).log2()),
            None => (NONE_U32, (1.0 - HIT).log2()),
        };
        found.push(HandOff { template: request.template, giver: request.account, taker, bits });
    }
    found
}

/// How likely each of a template's rejections is followed by chance; see the module.
fn chances(rejected: &[&Request], starts: &Others<'_>, usual: f64, window: i64) -> Vec<f64> {
    let of_rate = |request: &&Request| {
        let &Request { account, time, .. } = *request;
        let counted = |from, to| starts.count(account, from, to);
        let around = counted(time - NEARBY - 1, time) + counted(time + window, time + NEARBY);
        chance_of(usual.max((around as f64 + 0.5) / (2 * NEARBY - window) as f64), window)
    };
    let is_preceded = |request: &&&Request| starts.count(request.account, request.time - window - 1, request.time) > 0;
    let of_rates: Vec<f64> = rejected.iter().map(of_rate).collect();
    let preceded = rejected.iter().filter(is_preceded).count() as f64;
    let least = (preceded + of_rates.iter().sum::<f64>() / rejected.len() as f64) / (rejected.len() + 1) as f64;
    of_rates.into_iter().map(|chance| chance.max(least)).collect()
}

/// The hand-offs of accounts and of templates that are followed beyond chance, and these templates, ascending.
fn links(hand_offs: &[HandOff], config: &MemberConfig) -> (Vec<HandOff>, Vec<u32>) {
    let beyond_chance = |of: fn(&HandOff) -> u32, most: usize| {
        let mut rows: Vec<(u32, f64)> = hand_offs.iter().map(|hand_off| (of(hand_off), hand_off.bits)).collect();
        // What is summed up in another order is another sum.
        rows.sort_by(|one, other| one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)));
        let sums: Vec<(u32, f64)> = rows
            .chunk_by(|one, other| one.0 == other.0)
            .map(|run| (run[0].0, run.iter().map(|row| row.1).sum::<f64>() * most.min(run.len()) as f64 / run.len() as f64))
            .collect();
        let needed = (sums.len() as f64).log2() + config.join_bits;
        sums.into_iter().filter(|&(_, bits)| bits >= needed).map(|(of, _)| of).collect::<Vec<u32>>()
    };
    let givers = beyond_chance(|hand_off| hand_off.giver, OWN_REJECTIONS);
    let templates = beyond_chance(|hand_off| hand_off.template, usize::MAX);
    let is_link = |hand_off: &&HandOff| {
        givers.binary_search(&hand_off.giver).is_ok() || templates.binary_search(&hand_off.template).is_ok()
    };
    (hand_offs.iter().filter(is_link).copied().collect(), templates)
}

/// The accounts that these links join, and who else uses their templates; `None` if they are fewer than a profile needs.
/// `templates`: those beyond chance, ascending.
fn chain(
    facts: Facts<'_>,
    links: &[HandOff],
    templates: &[u32],
    is_free: &impl Fn(u32) -> bool,
    config: &MemberConfig,
) -> Option<Chain> {
    let population = facts.graph.account_count() as f64;
    let mut members: Vec<u32> = links.iter().flat_map(|link| [link.giver, link.taker]).filter(|&of| of != NONE_U32).collect();
    members.sort_unstable();
    members.dedup();
    let mut odds: Chain = Vec::new();
    while members.len() >= config.profile_size as usize {
        let place = |account: u32| members.binary_search(&account).ok();
        // Bits of each account, and its strongest link.
        let mut sums = vec![((members.len() as f64 / population).log2(), 0.0f64); members.len()];
        for link in links {
            let (giver, taker) = (place(link.giver), place(link.taker));
            // Who went speaks for nobody; that nobody took a request over speaks against whose it was.
            let ends = match link.taker {
                NONE_U32 => [giver, None],
                _ if giver.is_some() && taker.is_some() => [giver, taker],
                _ => [None, None],
            };
            for at in ends.into_iter().flatten() {
                sums[at] = (sums[at].0 + link.bits, sums[at].1.max(link.bits));
            }
        }
        odds = members.iter().zip(sums).map(|(&account, (bits, most))| (account, bits, bits - most)).collect();
        odds.retain(|&(_, bits, _)| bits >= 0.0);
        if odds.len() == members.len() {
            break;
        }
        members = odds.iter().map(|row| row.0).collect();
    }
    if members.len() < config.profile_size as usize {
        return None;
    }
    let mut of_template: Vec<HandOff> =
        links.iter().filter(|link| templates.binary_search(&link.template).is_ok()).copied().collect();
    of_template.sort_by_key(|link| (link.template, link.giver));
    for of_template in of_template.chunk_by(|one, other| one.template == other.template) {
        let of_givers = of_template.chunk_by(|one, other| one.giver == other.giver);
        let given: Vec<f64> = of_givers.map(|links| links.iter().map(|link| link.bits).sum()).collect();
        let queued = queued(&given);
        if given.len() < config.profile_size as usize || !config.is_exclusive(queued.round() as u32, given.len() as u32) {
            continue;
        }
        let users = facts.graph.accounts_of(IdentifierId(of_template[0].template));
        let usual = ((queued + 0.5) / (given.len() as f64 - queued + 0.5)).log2();
        let mut own: HashMap<u32, (f64, f64)> = HashMap::new();
        for (account, bits) in of_template.iter().flat_map(|link| [(link.giver, link.bits), (link.taker, link.bits)]) {
            let sums = own.entry(account).or_default();
            *sums = (sums.0 + bits, sums.1.max(bits));
        }
        let judged = users.iter().filter(|&&account| is_free(account)).map(|&account| {
            let (bits, most) = own.get(&account).copied().unwrap_or_default();
            (account, usual + bits, usual + bits - most)
        });
        odds.extend(judged.filter(|&(_, bits, _)| bits >= 0.0));
    }
    odds.sort_by(|one, other| one.0.cmp(&other.0).then(other.1.total_cmp(&one.1)));
    odds.dedup_by_key(|row| row.0);
    Some(odds)
}

/// How many of these are expected to be of one queue, by how many bits speak for each: a mixture of two, whose share maximises
/// the likelihood.
fn queued(bits: &[f64]) -> f64 {
    let mut share = 0.5;
    for _ in 0..ROUNDS {
        let probability = |bits: &f64| 1.0 / (1.0 + (1.0 - share) / share * (-bits).exp2());
        share = bits.iter().map(probability).sum::<f64>() / bits.len() as f64;
    }
    share * bits.len() as f64
}

impl Corroborator<'_> {
    /// Candidates of accounts that take over each other's rejected requests (module `handed_on`), in no candidate that is
    /// flagged or large enough for a profile. `flagged`: by candidate. `window`: in seconds.
    pub fn handed_on(&self, networks: &[Candidate], flagged: &[bool], window: u32) -> Vec<Candidate> {
        let mut judged = FixedBitSet::with_capacity(self.facts.graph.account_count());
        let least = self.judge.config.profile_size as usize;
        for (network, _) in
            networks.iter().zip(flagged).filter(|(network, flagged)| **flagged || network.members.len() >= least)
        {
            network.accounts().for_each(|account| judged.insert(account as usize));
        }
        let is_free = |account: u32| !judged.contains(account as usize) && !self.facts.is_allowed_account(account);
        let chains = propose_handed_on(self.facts, is_free, i64::from(window) * 1_000, self.judge.config);
        chains.iter().map(|chain| self.candidate_of_chain(chain)).collect()
    }

    fn candidate_of_chain(&self, chain: &Chain) -> Candidate {
        let accounts: Vec<u32> = chain.iter().map(|row| row.0).collect();
        let (mut candidate, _) = self.given(&accounts);
        for (member, &(account, bits, without)) in candidate.members.iter_mut().zip(chain) {
            let role = if without >= 0.0 { Role::Core } else { Role::Fringe };
            let of_chain = Member::of_odds(account, role, bits);
            if of_chain.bits > member.bits {
                *member = of_chain;
            }
        }
        candidate.origin = Origin::HandedOn;
        candidate
    }

    /// The candidates with these beside them ([`Corroborator::handed_on`]), without those that they take accounts from.
    pub fn with_handed_on(&self, mut networks: Vec<Candidate>, handed_on: Vec<Candidate>) -> Vec<Candidate> {
        let mut taken = FixedBitSet::with_capacity(self.facts.graph.account_count());
        handed_on.iter().flat_map(Candidate::accounts).for_each(|account| taken.insert(account as usize));
        networks.retain_mut(|network| {
            network.members.retain(|member| member.role != Role::Ambiguous || !taken.contains(member.account as usize));
            !network.members.iter().any(|member| taken.contains(member.account as usize))
        });
        networks.extend(handed_on);
        networks.sort_by_key(Candidate::place);
        networks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KindRole;
    use crate::config::LinkageConfig;
    use crate::toy::{Answered, Touch, Toy};

    const STRANGERS: u32 = 2_000;
    const POOL: u32 = 60;
    const SECOND: i64 = 1_000;
    const HOUR: i64 = 3_600_000;

    /// 2,000 strangers with 20 requests each, over ten days and eight templates of hundreds, of which each tenth is rejected and
    /// sent again a minute later by themselves; and what `pool` asks, given (number of its account, milliseconds, number of its
    /// template, status).
    fn proposed(pool: &[(u32, i64, u32, u16)], is_free: impl Fn(u32) -> bool + Sync) -> Vec<Vec<u32>> {
        let spread = |seed: u32, over: u32| (u64::from(seed) * 2_654_435_761 % 4_294_967_291 % u64::from(over)) as u32;
        let mut requests: Vec<(u32, i64, u32, u16)> = Vec::new();
        for (account, number) in (0..STRANGERS).flat_map(|account| (0..20).map(move |number| (account, number))) {
            let time = i64::from(spread(account * 20 + number, 10 * 86_400)) * SECOND;
            let status = if u32::is_multiple_of(number, 10) { 429 } else { 200 };
            requests.push((account, time, spread(account, 8), status));
            requests.push((account, time + 60 * SECOND, spread(account, 8), 200));
        }
        requests
            .extend(pool.iter().map(|&(account, time, template, status)| (STRANGERS + account, time, 8 + template, status)));
        let touches: Vec<Touch> = requests.iter().map(|&(account, _, template, _)| (account, 0, template, 0)).collect();
        let mut toy = Toy::new(&[KindRole::Template], STRANGERS + POOL, &touches);
        let asked = |&(account, time, template, status): &(u32, i64, u32, u16)| -> Answered {
            (account, time, toy.identifier(0, template), status)
        };
        let requests: Vec<Answered> = requests.iter().map(asked).collect();
        toy.ask_and_answer(requests);
        let found = propose_handed_on(toy.facts(), is_free, 10 * SECOND, &LinkageConfig::default().members);
        found.into_iter().map(|chain| chain.into_iter().map(|row| row.0).collect()).collect()
    }

    fn pool() -> Vec<u32> {
        (STRANGERS..STRANGERS + POOL).collect()
    }

    #[test]
    fn who_takes_over_what_others_had_rejected_is_found_though_no_two_prompts_are_alike() {
        let handed_on = |number: u32| {
            let time = i64::from(number) * 1_200 * SECOND;
            [(number % POOL, time, number, 429), ((number + 1 + number / POOL * 7) % POOL, time + 3 * SECOND, number, 200)]
        };
        let requests: Vec<_> = (0..600).flat_map(handed_on).collect();
        assert_eq!(proposed(&requests, |_| true), [pool()]);
        // Not of whom something else has judged.
        assert_eq!(proposed(&requests, |account| account < STRANGERS), [[0; 0]; 0]);
        // Sent again by the same account, or much later, they link nobody.
        let again = |request: &(u32, i64, u32, u16)| (request.2 % POOL, request.1, request.2, request.3);
        assert_eq!(proposed(&requests.iter().map(again).collect::<Vec<_>>(), |_| true), [[0; 0]; 0]);
        let later = |&(account, time, template, status): &(u32, i64, u32, u16)| {
            (account, time + if status == 200 { 600 * SECOND } else { 0 }, template, status)
        };
        assert_eq!(proposed(&requests.iter().map(later).collect::<Vec<_>>(), |_| true), [[0; 0]; 0]);
    }

    #[test]
    fn one_prompt_of_all_links_who_has_something_rejected_and_who_has_not() {
        // Every nineteenth of 3,000 requests, one in five minutes; accounts that are never rejected ask as well.
        let mut requests = Vec::new();
        for number in 0..3_000u32 {
            let (account, time) = (number % POOL, i64::from(number) * 288 * SECOND);
            if number.is_multiple_of(19) && account > 10 {
                requests.push((account, time, 0, 429));
                requests.push((11 + (account + number / POOL) % (POOL - 11), time + 4 * SECOND, 0, 200));
            } else {
                requests.push((account, time, 0, 200));
            }
        }
        assert_eq!(proposed(&requests, |_| true), [pool()]);
    }

    #[test]
    fn the_share_of_a_queue_is_found_among_others() {
        // 80 whose rejections were followed, at three bits each, once or twice; 20 who sent them again themselves.
        let bits: Vec<f64> = (0..100).map(|at| if at < 80 { 3.0 * f64::from(1 + at % 2) } else { -3.0 }).collect();
        assert!((queued(&bits) - 80.0).abs() < 12.0, "{}", queued(&bits));
        assert!(queued(&[-3.0; 50]) < 1.0);
        assert!(queued(&[3.0; 50]) > 49.0);
    }

    #[test]
    fn a_crowd_under_load_is_followed_whoever_is_rejected() {
        // All ask within half a minute (or five seconds) of each full hour, or each fourth; a third is rejected then.
        let at_the_hour = |hour: u32, seconds: u32| {
            (0..POOL).map(move |account| {
                let within = i64::from((account * 7 + hour * 13) % seconds);
                (
                    account,
                    i64::from(hour) * HOUR + within * SECOND,
                    0,
                    if (account + hour).is_multiple_of(3) { 429 } else { 200 },
                )
            })
        };
        for (every, seconds) in [(1, 30), (4, 30), (4, 5), (12, 5)] {
            let crowd: Vec<_> = (0..200).step_by(every).flat_map(|hour| at_the_hour(hour, seconds)).collect();
            assert_eq!(proposed(&crowd, |_| true), [[0; 0]; 0], "every {every} hours, {seconds} s");
        }
    }
}
