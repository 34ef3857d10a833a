//! Which accounts take turns at one prompt?
//!
//! Accounts with an own address and an own card each, over which an operator deals out variations of one prompt, share exactly one
//! thing: the prompt's template. So do the users of any tool. But users bring their requests in sittings, one after the other;
//! where requests are dealt out, hardly ever do two in a row go to the same account:
//!
//! ```text
//! repeats   requests with the template, in order of time, whose account also made the one before
//! expected  what a random order gives, of all requests or of those of each day (UTC) by themselves: the smaller
//!           of all: sum over accounts of c (c - 1) / n       c: the account's requests of all n
//!           by day: the same of each, and from one day to the next, sum over accounts of c c' / (n n')
//! bits      (expected - repeats) log2 e + repeats log2(repeats / expected), if repeats < expected         else 0
//! ```
//!
//! which is the log2 likelihood ratio of the Poisson law of the repeats, best rate against expected rate. Accounts that use a
//! template without knowing of each other repeat as often as in a random order, or more often; accounts that ask once a day
//! can't repeat within one, so they aren't held to that of all. The bits must exceed the log2 of the
//! templates asked by `join_bits`, and count less that log2 for the score. They are a ratio at its best rate, so they have no p-value.
//!
//! This proposes, and doesn't decide: timers that each have their own minute of an hour never repeat either. The behavioural tests
//! and the score decide. For the score the bits are structure: that requests are dealt out rules out that their accounts are together by
//! chance, and says nothing of who deals them out ([`super::behaviour::one_queue`] does, against what accounts do by themselves).
//!
//! Asked are templates, popular ones too (that many have one says nothing of how its requests come), but neither aliases nor
//! known-good ones, that are mostly used by accounts of no group, or of one too small for a profile, and by `profile_size` of
//! these. Cost: O(events), and sorting those with such a template.

use graph::{AccountId, IdentifierId};
use rayon::prelude::*;

use crate::behaviour::alignment::DAY;
use crate::candidate::Candidate;
use crate::classify::{Classification, IdentifierClass, Policy};
use crate::config::MemberConfig;
use crate::loose::unjudged;
use crate::members::{Candidates, Corroborator};
use crate::{Facts, KindRole, Signal};

/// Most bits that turns may add: what a score counts of any signal.
const MOST_BITS: f64 = 20.0;

/// Who takes turns at a template.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TakingTurns {
    /// The accounts of each template whose requests are dealt out, ascending; those of the most used template first, and an
    /// account with the first of its templates only.
    pub groups: Vec<Vec<u32>>,
    /// Number of templates that were asked.
    pub asked: usize,
}

/// Requests with one template: (template, time, account).
type Request = (u32, i64, u32);

/// Who takes turns. `groups`: by account its group so far, named by one of its accounts, or `NONE_U32`.
pub(crate) fn propose_dealt(
    facts: Facts<'_>,
    classification: &Classification,
    groups: &[u32],
    config: &MemberConfig,
) -> TakingTurns {
    if facts.activity.columns().template.is_empty() {
        return TakingTurns::default();
    }
    let graph = facts.graph;
    let least = config.profile_size as usize;
    let is_free = unjudged(facts, groups, config);
    let is_asked = |identifier: u32| {
        let is_template = facts.role_of(identifier) == KindRole::Template;
        let accounts = graph.accounts_of(IdentifierId(identifier));
        let is_popular = classification.classes[identifier as usize] == IdentifierClass::PopularTemplate;
        let may_link = is_popular || classification.policies[identifier as usize] == Policy::Keep;
        if !is_template || accounts.len() < least || !may_link {
            return false;
        }
        let free = accounts.iter().filter(|&&account| is_free(account)).count();
        free >= least && 2 * free > accounts.len()
    };
    let asked: Vec<bool> = (0..graph.identifier_count() as u32).into_par_iter().with_min_len(4096).map(is_asked).collect();
    let number = asked.iter().filter(|&&asked| asked).count();
    if number == 0 {
        return TakingTurns::default();
    }
    let of_account = |account: u32| {
        let events = facts.activity.of(AccountId(account));
        let requests = events.template.iter().zip(events.time).map(move |(&template, &time)| (template, time, account));
        requests.filter(|request| asked.get(request.0 as usize).copied().unwrap_or(false))
    };
    let free = (0..graph.account_count() as u32).into_par_iter().with_min_len(1024);
    let free = free.filter(|&account| is_free(account));
    let mut requests: Vec<Request> = free.flat_map_iter(of_account).collect();
    requests.par_sort_unstable();
    let needed = (number as f64).log2() + config.join_bits;
    let mut dealt: Vec<&[Request]> =
        requests.chunk_by(|one, other| one.0 == other.0).filter(|of| Repeats::of(of).bits() >= needed).collect();
    dealt.sort_by_key(|of| (std::cmp::Reverse(of.len()), of[0].0));
    let mut taken = fixedbitset::FixedBitSet::with_capacity(graph.account_count());
    let mut proposed = Vec::new();
    for of in dealt {
        let mut accounts: Vec<u32> =
            of.iter().map(|request| request.2).filter(|&account| !taken.contains(account as usize)).collect();
        accounts.sort_unstable();
        accounts.dedup();
        if accounts.len() >= least {
            accounts.iter().for_each(|&account| taken.insert(account as usize));
            proposed.push(accounts);
        }
    }
    TakingTurns { groups: proposed, asked: number }
}

impl Corroborator<'_> {
    /// Accounts in no candidate of some size that take turns at one prompt (module `dealt`), each in one group.
    pub fn taking_turns(&self, candidates: &Candidates) -> TakingTurns {
        propose_dealt(self.facts, self.judge.classification, &candidates.settled.groups, self.judge.config)
    }

    /// The candidates, and what the profiles make of these groups ([`Corroborator::taking_turns`]) beside theirs.
    pub fn with_turns(&self, candidates: Candidates, turns: &TakingTurns) -> Candidates {
        let in_turn = turns.groups.iter().flatten().copied().collect();
        self.with_groups(Candidates { in_turn, templates_asked: turns.asked, ..candidates }, &turns.groups)
    }
}

/// How seldom requests with templates that a candidate keeps to itself repeat the account before: a share of all pairs of
/// requests in a row, its expectation in any random order, and the bits of the module. `asked`: among how many templates
/// turns were looked for.
pub(crate) fn turns_signal(facts: Facts<'_>, candidate: &Candidate, asked: usize) -> Signal {
    let own = candidate.identifiers.iter().map(|own| own.identifier);
    let own: Vec<u32> = own.filter(|&own| facts.role_of(own) == KindRole::Template).collect();
    let of_account = |account: u32| {
        let events = facts.activity.of(AccountId(account));
        let requests = events.template.iter().zip(events.time).filter(|(template, _)| own.binary_search(template).is_ok());
        requests.map(move |(_, &time)| (0, time, account))
    };
    let mut requests: Vec<Request> = candidate.accounts().flat_map(of_account).collect();
    requests.sort_unstable();
    let repeats = Repeats::of(&requests);
    let Repeats { seen, expected } = repeats;
    let pairs = requests.len().saturating_sub(1).max(1) as f64;
    let bits = (repeats.bits() - (asked.max(1) as f64).log2()).clamp(0.0, MOST_BITS);
    Signal { value: seen / pairs, expected: expected / pairs, bits, p_value: None, power: None }
}

/// Requests in a row by one account.
struct Repeats {
    seen: f64,
    /// In a random order; see the module.
    expected: f64,
}

impl Repeats {
    /// `requests`: of one template, in order of time.
    fn of(requests: &[Request]) -> Repeats {
        let seen = requests.windows(2).filter(|pair| pair[0].2 == pair[1].2).count() as f64;
        let (mut by_day, mut day_before) = (0.0, Vec::new());
        for of_day in requests.chunk_by(|one, other| one.1.div_euclid(DAY) == other.1.div_euclid(DAY)) {
            let shares = shares_of(of_day);
            by_day += in_random_order(&shares, of_day.len()) + meeting(&day_before, &shares);
            day_before = shares;
        }
        Repeats { seen, expected: in_random_order(&shares_of(requests), requests.len()).min(by_day) }
    }

    /// How much fewer than expected; see the module.
    fn bits(&self) -> f64 {
        let &Repeats { seen, expected } = self;
        if seen >= expected {
            return 0.0;
        }
        let observed = if seen > 0.0 { seen * (seen / expected).log2() } else { 0.0 };
        (expected - seen) * std::f64::consts::LOG2_E + observed
    }
}

/// Each account's share of some requests, by account, ascending.
fn shares_of(requests: &[Request]) -> Vec<(u32, f64)> {
    let mut accounts: Vec<u32> = requests.iter().map(|request| request.2).collect();
    accounts.sort_unstable();
    let of_all = |run: &[u32]| (run[0], run.len() as f64 / requests.len() as f64);
    accounts.chunk_by(|one, other| one == other).map(of_all).collect()
}

/// How many of so many requests repeat the account before in a random order, by the accounts' shares.
fn in_random_order(shares: &[(u32, f64)], requests: usize) -> f64 {
    shares.iter().map(|&(_, share)| share * (share * requests as f64 - 1.0)).sum()
}

/// How likely one of each of two random orders is the same account's.
fn meeting(one: &[(u32, f64)], other: &[(u32, f64)]) -> f64 {
    let share = |account: u32| one.binary_search_by_key(&account, |row| row.0).map_or(0.0, |at| one[at].1);
    other.iter().map(|&(account, of_other)| share(account) * of_other).sum()
}

#[cfg(test)]
mod tests {
    use graph::NONE_U32;

    use super::*;
    use crate::classify::classify_identifiers;
    use crate::config::LinkageConfig;
    use crate::toy::{Touch, Toy};

    const ACCOUNTS: u32 = 3_000;

    /// Accounts with a card each. Those of each of 40 popular prompts come in sittings; 30 accounts share prompt 40, of which every
    /// request goes to the next, and 30 others prompt 41, in sittings of ten. Returns what is proposed if everybody is in `group`.
    fn proposed(group: impl Fn(u32) -> u32) -> Vec<Vec<u32>> {
        let prompt_of = |account: u32| match account {
            0..30 => 40,
            30..60 => 41,
            _ => account % 40,
        };
        let touches: Vec<Touch> =
            (0..ACCOUNTS).flat_map(|account| [(account, 0, account, 0), (account, 1, prompt_of(account), 0)]).collect();
        let mut toy = Toy::new(&[KindRole::Payment, KindRole::Template], ACCOUNTS, &touches);
        let mut requests = Vec::new();
        for account in 0..ACCOUNTS {
            let prompt = toy.identifier(1, prompt_of(account));
            requests.extend((0..20).map(|number| {
                let time = match account {
                    0..30 => i64::from(number * 30 + account),
                    // Two sittings, somewhere.
                    _ => i64::from(account * 7_919 % 6_000 + number / 10 * 3_000) + i64::from(number % 10),
                };
                (account, time * 60_000, prompt)
            }));
        }
        toy.ask(&requests);
        let config = LinkageConfig::default();
        let facts = toy.facts();
        let groups: Vec<u32> = (0..ACCOUNTS).map(group).collect();
        let turns = propose_dealt(facts, &classify_identifiers(facts, &config.classify), &groups, &config.members);
        assert!(turns.groups.is_empty() || turns.asked >= 40, "{}", turns.asked);
        turns.groups
    }

    #[test]
    fn who_takes_turns_is_proposed_and_who_comes_in_sittings_is_not() {
        assert_eq!(proposed(|_| NONE_U32), [(0..30).collect::<Vec<u32>>()]);
        // Pairs have no profile: nobody has judged them yet. A group of thirty has.
        assert_eq!(proposed(|account| account / 2 * 2), [(0..30).collect::<Vec<u32>>()]);
        assert_eq!(proposed(|account| if account < 30 { 0 } else { NONE_U32 }), [[0; 0]; 0]);
    }

    #[test]
    fn a_prompt_that_a_tenth_of_everybody_has_is_asked_too() {
        // The ring has 300 of 3,000 accounts: its prompt is popular, and links nobody.
        let touches: Vec<Touch> = (0..ACCOUNTS)
            .flat_map(|account| {
                let prompt = if account < 300 { 40 } else { account % 40 };
                [(account, 0, account, 0), (account, 1, prompt, 0)]
            })
            .collect();
        let mut toy = Toy::new(&[KindRole::Payment, KindRole::Template], ACCOUNTS, &touches);
        let prompt = toy.identifier(1, 40);
        let requests: Vec<_> = (0..3_000).map(|number| (number % 300, i64::from(number) * 60_000, prompt)).collect();
        toy.ask(&requests);
        let config = LinkageConfig::default();
        let facts = toy.facts();
        let classification = classify_identifiers(facts, &config.classify);
        assert_eq!(classification.policies[prompt.index()], Policy::Drop);
        let turns = propose_dealt(facts, &classification, &vec![NONE_U32; ACCOUNTS as usize], &config.members);
        assert_eq!(turns.groups, [(0..300).collect::<Vec<u32>>()]);
    }

    #[test]
    fn repeats_are_compared_with_a_random_order() {
        let bits = |requests: Vec<Request>| Repeats::of(&requests).bits();
        let requests =
            |accounts: &[u32]| -> Vec<Request> { (0..).zip(accounts).map(|(time, &account)| (0, time, account)).collect() };
        // Two accounts with four requests each of eight: 2 * 4 * 3 / 8 repeats in any order.
        let expected = 3.0;
        assert!((bits(requests(&[0, 1, 0, 1, 0, 1, 0, 1])) - expected * std::f64::consts::LOG2_E).abs() < 1e-12);
        let one_repeat = (expected - 1.0) * std::f64::consts::LOG2_E - expected.log2();
        assert!((bits(requests(&[0, 1, 0, 1, 1, 0, 1, 0])) - one_repeat).abs() < 1e-12);
        assert_eq!(bits(requests(&[0, 0, 0, 0, 1, 1, 1, 1])), 0.0);
        // Fifty accounts that ask once each day can only repeat from one to the next, as they do once in 50 days by chance.
        let daily = |day: i64| (0..50u32).map(move |at| (0, day * DAY + i64::from((at * 17) % 50) * 60_000, at));
        let mut daily: Vec<Request> = (0..40).flat_map(daily).collect();
        daily.sort_unstable();
        assert!((Repeats::of(&daily).expected - 39.0 / 50.0).abs() < 1e-9);
        assert!(Repeats::of(&daily).bits() < 1.2);
    }
}
