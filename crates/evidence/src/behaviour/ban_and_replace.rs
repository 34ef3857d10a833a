//! Do new accounts take the place of banned ones?
//!
//! Definition: a new member *replaces* a banned one if it was made within `replacement_window` after the ban and shares an
//! identifier with it (any role but `Weak`). Bans in order of time each take the earliest free replacement; value =
//! regeneration R = replaced / bans. [`replacements`] gives the pairs and the median lag.
//! Two nulls, of which the one that says less counts:
//! 1. all bans moved by one common offset, circularly, inside the time from `replacement_window` before the first ban to the
//!    last creation or ban: waves of bans and waves of creations stay as they are, only their order in time is broken, and one
//!    account made years before doesn't leave bans nothing to be followed by;
//! 2. the ages at which accounts are banned dealt out anew among all members, none beyond the last creation or ban: people who
//!    join in one week and are banned each by itself a day later, as sign-ups are screened, are in the midst of others' sign-ups
//!    because of their own.
//!
//! Statistics: R, -median lag (a moved wave may hit as often but not as fast), and how many members are made within six hours and
//! within a day after a ban, over all bans (a cross K function: whoever takes care to share nothing with the banned is still made
//! because of the ban); p by smallest rank. Assumption: bans of a benign group have to do with its creations by no more than an
//! offset, or by no more than their own accounts' ages. Cost: the sightings of bans and new accounts (samples of at most
//! [`BANS`] and [`NEW`]), each with a bit for every ban, then draws x bans log new. Reference: random toroidal shifts, Lotwick &
//! Silverman 1982, doi:10.1111/j.2517-6161.1982.tb01221.x.

use ahash::AHashMap;
use graph::{AccountId, Seconds};

use super::BehaviourConfig;
use super::chance::monte_carlo;
use super::random::{Stream, group_key, key, sample};
use crate::{AccountTable, Facts, KindRole, Signal};

/// Bans that represent more.
pub const BANS: usize = 256;
/// New accounts that represent more.
pub const NEW: usize = 1_024;
pub(crate) const FEWEST_BANS: usize = 3;
/// Times after a ban within which members are counted, in seconds.
const SOON: [Seconds; 2] = [6 * 3_600, 24 * 3_600];

/// A bit for each ban.
type Bans = [u64; BANS.div_ceil(u64::BITS as usize)];

/// Which new accounts replace which banned ones.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replacements {
    /// (banned, new, seconds between), by time of the ban.
    pub pairs: Vec<(AccountId, AccountId, Seconds)>,
    /// Bans looked at.
    pub ban_count: usize,
    /// Median of the lags, if there is a pair.
    pub median_lag: Option<Seconds>,
}

/// Tests whether bans are followed by replacements.
pub fn ban_and_replace(facts: &Facts<'_>, members: &[AccountId], config: &BehaviourConfig) -> Option<Signal> {
    let scene = Scene::new(facts, members, config)?;
    let times: Vec<Seconds> = scene.bans.iter().map(|ban| ban.0).collect();
    let measure = |times: &[Seconds]| {
        let found = scene.replace(times, config.replacement_window);
        let lag = found.median_lag.unwrap_or(config.replacement_window);
        let [soon, by_a_day] = SOON.map(|within| scene.made_after(times, within));
        [found.pairs.len() as f64 / found.ban_count as f64, -f64::from(lag), soon, by_a_day]
    };
    let observed = measure(&times);
    let seed = group_key(config.seed, 11, members);
    // What was made before anybody was banned says nothing of bans.
    let first = times[0].saturating_sub(config.replacement_window);
    let span = scene.end() - first + 1;
    let mut chance = monte_carlo(&observed, config.draws, |draw, out| {
        let offset = Stream::new(key(&[seed, draw as u64])).below(span as usize) as u64;
        let moved: Vec<Seconds> =
            times.iter().map(|&at| first + ((u64::from(at - first) + offset) % u64::from(span)) as Seconds).collect();
        out.copy_from_slice(&measure(&moved));
    });
    if chance.bits > 0.0 {
        let ages = scene.ages(&facts.accounts.created_at);
        chance = chance.weaker(monte_carlo(&observed, config.draws, |draw, out| {
            out.copy_from_slice(&measure(&scene.redealt(&ages, Stream::new(key(&[seed, 1, draw as u64])))));
        }));
    }
    Some(Signal {
        value: observed[0],
        expected: chance.expected[0],
        bits: chance.bits,
        p_value: Some(chance.p_value),
        power: None,
    })
}

/// The replacements themselves, for the story; `None` with fewer than three bans or without both columns.
pub fn replacements(facts: &Facts<'_>, members: &[AccountId], config: &BehaviourConfig) -> Option<Replacements> {
    let scene = Scene::new(facts, members, config)?;
    let times: Vec<Seconds> = scene.bans.iter().map(|ban| ban.0).collect();
    Some(scene.replace(&times, config.replacement_window))
}

struct Scene {
    /// (time, banned), ascending.
    bans: Vec<(Seconds, AccountId)>,
    /// (time, new), ascending.
    created: Vec<(Seconds, AccountId)>,
    /// Whether ban `b` and new account `n` share an identifier, at `b * created.len() + n`.
    linked: Vec<bool>,
}

impl Scene {
    fn new(facts: &Facts<'_>, members: &[AccountId], config: &BehaviourConfig) -> Option<Scene> {
        let table = facts.accounts;
        let timed = |column: &[Seconds], cap: usize| {
            let known: Vec<AccountId> =
                members.iter().copied().filter(|&account| AccountTable::known(column, account).is_some()).collect();
            let mut found: Vec<(Seconds, AccountId)> =
                sample(&known, cap, config.seed).into_iter().map(|account| (column[account.index()], account)).collect();
            found.sort_unstable();
            found
        };
        let (bans, created) = (timed(&table.banned_at, BANS), timed(&table.created_at, NEW));
        if bans.len() < FEWEST_BANS || created.is_empty() {
            return None;
        }
        let strong = |account: AccountId| {
            let row = facts.graph.identifiers_of(account).iter().copied();
            row.filter(|&other| facts.role_of(other) != KindRole::Weak)
        };
        let place = |ban: usize| (ban / u64::BITS as usize, ban % u64::BITS as usize);
        let mut held: AHashMap<u32, Bans> = AHashMap::new();
        for (ban, &(_, banned)) in bans.iter().enumerate() {
            let (word, bit) = place(ban);
            strong(banned).for_each(|identifier| held.entry(identifier).or_default()[word] |= 1 << bit);
        }
        let mut linked = vec![false; bans.len() * created.len()];
        for (new, &(_, account)) in created.iter().enumerate() {
            let mut shared = Bans::default();
            for of_identifier in strong(account).filter_map(|identifier| held.get(&identifier)) {
                shared.iter_mut().zip(of_identifier).for_each(|(shared, bans)| *shared |= bans);
            }
            for (ban, &(_, banned)) in bans.iter().enumerate() {
                let (word, bit) = place(ban);
                linked[ban * created.len() + new] = banned != account && shared[word] >> bit & 1 == 1;
            }
        }
        Some(Scene { bans, created, linked })
    }

    /// The last creation or ban.
    fn end(&self) -> Seconds {
        self.created[self.created.len() - 1].0.max(self.bans[self.bans.len() - 1].0)
    }

    /// The bans whose accounts' ages are known, and the ages, the oldest first.
    fn ages(&self, created_at: &[Seconds]) -> Vec<(usize, Seconds)> {
        let age = |(ban, &(at, account)): (usize, &(Seconds, AccountId))| {
            Some((ban, at.checked_sub(AccountTable::known(created_at, account)?)?))
        };
        let mut ages: Vec<(usize, Seconds)> = self.bans.iter().enumerate().filter_map(age).collect();
        ages.sort_by_key(|&(_, age)| std::cmp::Reverse(age));
        ages
    }

    /// The times of bans at the same ages of other members, each of which is banned once; the time of a ban stays what it was where its
    /// age isn't known, or nobody is left who was made early enough.
    fn redealt(&self, ages: &[(usize, Seconds)], mut stream: Stream) -> Vec<Seconds> {
        let mut times: Vec<Seconds> = self.bans.iter().map(|ban| ban.0).collect();
        let mut left: Vec<Seconds> = self.created.iter().map(|entry| entry.0).collect();
        for place in (1..left.len()).rev() {
            left.swap(place, stream.below(place + 1));
        }
        let end = self.end();
        for &(ban, age) in ages {
            if let Some(place) = left.iter().position(|&made| made <= end.saturating_sub(age)) {
                times[ban] = left.swap_remove(place) + age;
            }
        }
        times
    }

    /// Members made within so long after a ban, over all bans.
    fn made_after(&self, times: &[Seconds], within: Seconds) -> f64 {
        let made_by = |at: Seconds| self.created.partition_point(|entry| entry.0 <= at);
        times.iter().map(|&at| made_by(at.saturating_add(within)) - made_by(at)).sum::<usize>() as f64
    }

    /// Greedy in time: each ban takes the earliest free linked creation in its window.
    fn replace(&self, times: &[Seconds], window: Seconds) -> Replacements {
        let mut order: Vec<usize> = (0..times.len()).collect();
        order.sort_unstable_by_key(|&ban| (times[ban], ban));
        let mut free = vec![true; self.created.len()];
        let mut found = Replacements { ban_count: times.len(), ..Replacements::default() };
        for ban in order {
            let from = self.created.partition_point(|entry| entry.0 <= times[ban]);
            let linked = &self.linked[ban * self.created.len()..][..self.created.len()];
            let near = (from..self.created.len()).take_while(|&new| self.created[new].0 - times[ban] <= window);
            if let Some(new) = near.into_iter().find(|&new| free[new] && linked[new]) {
                free[new] = false;
                found.pairs.push((self.bans[ban].1, self.created[new].1, self.created[new].0 - times[ban]));
            }
        }
        let mut lags: Vec<Seconds> = found.pairs.iter().map(|pair| pair.2).collect();
        lags.sort_unstable();
        found.median_lag = lags.get(lags.len() / 2).copied();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::super::toy::{self, Toy};
    use super::*;

    #[test]
    fn null_is_super_uniform_and_replacement_is_found() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        let test = |world: &Toy| ban_and_replace(&world.facts(), &world.members(40), &config).unwrap();
        toy::assert_super_uniform(300, |seed| test(&Toy::bans(40, false, seed)).p_value);
        let found = (0..20).filter(|&seed| test(&Toy::bans(40, true, seed)).p_value.unwrap() <= 0.05).count();
        assert!(found >= 18, "{found}");
        let world = Toy::bans(40, true, 1);
        let pairs = replacements(&world.facts(), &world.members(40), &config).unwrap();
        assert!(pairs.median_lag.unwrap() <= 6 * 3_600, "{pairs:?}");
    }

    #[test]
    fn replacements_that_share_nothing_with_the_banned_are_found_as_well() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        let p = |replaced: bool, seed: u64| {
            let world = Toy::bans(40, replaced, seed).without_sightings();
            ban_and_replace(&world.facts(), &world.members(40), &config).expect("there are bans").p_value
        };
        toy::assert_super_uniform(100, |seed| p(false, seed));
        let found = (0..20).filter(|&seed| p(true, seed) <= Some(0.05)).count();
        assert!(found >= 18, "{found}");
    }

    #[test]
    fn people_who_join_together_and_are_screened_each_by_itself_replace_nobody() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        for later in [0, 1, 5] {
            let test = |seed: u64| {
                let world = Toy::screened(30, later, seed);
                ban_and_replace(&world.facts(), &world.members(30 + later as u32), &config)
            };
            toy::assert_super_uniform(100, |seed| test(seed)?.p_value);
            let ratios: Vec<f64> = (0..100).filter_map(|seed| Some(test(seed)?.bits.exp2())).collect();
            let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
            assert!(ratios.len() > 30 && mean < 1.5, "{later}: {mean} of {}", ratios.len());
        }
    }

    #[test]
    fn an_account_made_years_before_makes_nothing_a_replacement() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        toy::assert_super_uniform(300, |seed| {
            let mut world = Toy::bans(40, false, seed);
            let mut created = world.accounts.created_at.as_slice().to_vec();
            created[39] -= 3 * 365 * 86_400;
            world.accounts.created_at = created.into();
            ban_and_replace(&world.facts(), &world.members(40), &config)?.p_value
        });
    }
}
