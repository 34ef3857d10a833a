//! TMP-9: are the accounts new and at full use, as accounts made for a purpose are?
//!
//! Definition, for an account with a creation time: *age at burst* = days from creation to its first day with at least half of
//! its largest daily count; *warm-up* = that day comes after the first active day and every active day before it stays below a
//! fifth of the largest count. Statistics of a group: -mean ln(1 + age at burst), and the share of warmed-up accounts. Null:
//! accounts of the population, matched on pathway and volume. p over both by smallest rank. Value: mean age in days, back from
//! the logarithm. *Aged accounts*: where that finds nothing, the same draws say whether the accounts are older than chance
//! explains. The bits of that p speak against a case on shape alone, at most [`MOST_AGAINST`], since aged accounts can be
//! bought. Assumption: a benign class is also new and busy; the test doesn't tell the two apart. Cost: one binary search for
//! each active day of at most `sampled_accounts` accounts. Reference: the warm-up of bought accounts is described in Thomas et
//! al. 2013, USENIX Security, "Trafficking fraudulent accounts"; p by Westfall & Young (see [`super::chance`]).

use graph::AccountId;

use super::alignment::DAY;
use super::chance::monte_carlo;
use super::population::Matched;
use super::random::{Stream, group_key, key, sample};
use super::{BehaviourConfig, Population};
use crate::{AccountTable, Facts, Signal};

/// Fewer members with a tenure give no signal.
pub(crate) const FEWEST_ACCOUNTS: usize = 3;
/// Accounts with fewer events have no burst.
pub(crate) const FEWEST_EVENTS: usize = 5;

/// Most bits that accounts older than others take.
pub const MOST_AGAINST: f64 = 6.0;

/// One account's tenure features.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tenure {
    /// Days from creation to the first day of at least half of the largest daily count.
    pub age_at_burst: f64,
    /// A quiet start came before it.
    pub warmed_up: bool,
}

/// Tests a group for new accounts at full use, and for accounts older than chance explains (bits of 0 and less); both or none.
pub fn tenure(
    facts: &Facts<'_>,
    population: &Population,
    members: &[AccountId],
    config: &BehaviourConfig,
) -> Option<(Signal, Signal)> {
    let chosen = sample(members, config.sampled_accounts, config.seed);
    let (known, own): (Vec<AccountId>, Vec<Tenure>) =
        chosen.into_iter().filter_map(|account| Some((account, tenure_of(facts, account)?))).unzip();
    if known.len() < FEWEST_ACCOUNTS {
        return None;
    }
    let matched = Matched::new(facts, population, &known, members)?
        .keep(population, members, |position| population.features[position].tenure.is_some())?;
    let observed = statistics(own.iter().copied());
    let seed = group_key(config.seed, 9, members);
    let drawn = |draw: usize| {
        let mut stream = Stream::new(key(&[seed, draw as u64]));
        statistics(matched.draw(&mut stream).filter_map(|at| population.features[at].tenure))
    };
    let chance = monte_carlo(&observed, config.draws, |draw, out| out.copy_from_slice(&drawn(draw)));
    let days = |statistic: f64| (-statistic).exp() - 1.0;
    let (value, expected) = (days(observed[0]), days(chance.expected[0]));
    let new = Signal { value, expected, bits: chance.bits, p_value: Some(chance.p_value), power: None };
    if new.bits >= 0.0 {
        return Some((new, Signal { value, expected, bits: 0.0, p_value: None, power: None }));
    }
    let older = monte_carlo(&[-observed[0]], config.draws, |draw, out| out[0] = -drawn(draw)[0]);
    let bits = 0.0 - older.bits.clamp(0.0, MOST_AGAINST);
    Some((new, Signal { value, expected, bits, p_value: Some(older.p_value), power: None }))
}

fn statistics(group: impl Iterator<Item = Tenure>) -> [f64; 2] {
    let (mut count, mut age, mut warmed) = (0.0, 0.0, 0.0);
    for tenure in group {
        count += 1.0;
        age -= tenure.age_at_burst.ln_1p();
        warmed += f64::from(u8::from(tenure.warmed_up));
    }
    [age / count, warmed / count]
}

/// Tenure features of one account; `None` without a creation time or with too few events.
pub fn tenure_of(facts: &Facts<'_>, account: AccountId) -> Option<Tenure> {
    let created = AccountTable::known(&facts.accounts.created_at, account)?;
    let time = facts.activity.of(account).time;
    if time.len() < FEWEST_EVENTS {
        return None;
    }
    let (mut days, mut from) = (Vec::new(), 0);
    while from < time.len() {
        let day = time[from].div_euclid(DAY);
        let to = from + time[from..].partition_point(|&at| at < (day + 1) * DAY);
        days.push((day, to - from));
        from = to;
    }
    let largest = days.iter().map(|day| day.1).max()?;
    let burst = days.iter().position(|day| 2 * day.1 >= largest)?;
    let age_at_burst = (days[burst].0 - (i64::from(created) * 1000).div_euclid(DAY)).max(0) as f64;
    let warmed_up = burst > 0 && days[..burst].iter().all(|day| 5 * day.1 <= largest);
    Some(Tenure { age_at_burst, warmed_up })
}

#[cfg(test)]
mod tests {
    use super::super::toy::{self, Toy};
    use super::*;

    #[test]
    fn null_is_super_uniform_and_fresh_accounts_are_found() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        let world = Toy::mixed(400, 30, 20, 6);
        let facts = world.facts();
        let population = Population::new(&facts, &config);
        let test = |members: &[AccountId]| tenure(&facts, &population, members, &config).unwrap();
        toy::assert_super_uniform(300, |seed| test(&world.random_group(10, seed)).0.p_value);
        // Where operators' new accounts are among the others, everybody else is a little older than they are.
        let harmless = Toy::mixed(400, 30, 0, 6);
        let others = Population::new(&harmless.facts(), &config);
        toy::assert_super_uniform(300, |seed| {
            tenure(&harmless.facts(), &others, &harmless.random_group(10, seed), &config)?.1.p_value.or(Some(1.0))
        });
        let planted = test(&world.planted()).0;
        assert!(planted.p_value.unwrap() <= 0.02 && planted.value < planted.expected, "{planted:?}");
        // The oldest tenth of the others.
        let mut by_age: Vec<(f64, AccountId)> =
            (0..400).map(AccountId).filter_map(|account| Some((tenure_of(&facts, account)?.age_at_burst, account))).collect();
        by_age.sort_by(|left, right| right.0.total_cmp(&left.0));
        let mut oldest: Vec<AccountId> = by_age[..40].iter().map(|&(_, account)| account).collect();
        oldest.sort_unstable();
        assert!(test(&oldest).1.bits <= -5.0, "{:?}", test(&oldest));
    }
}
