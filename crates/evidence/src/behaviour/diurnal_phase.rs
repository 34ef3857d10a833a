//! TMP-7: are the accounts active when people of their declared country are?
//!
//! Definition: an account's phase is the angle of R = mean exp(2 pi i t), t its events' time of day in turns, where |R| n^(1/2)
//! is large enough that it isn't an accident of a flat day (Rayleigh's Z = n |R|^2 >= [`RAYLEIGH`]). d = phase - phase of its
//! country, the angle of the mean of that country's panel accounts. Statistic of a group: 1 - mean cos(2 pi d), how far its
//! accounts are out of phase, less a tenth ([`super::chance::MODEL_ERROR`]). Null: as many deviations d of accounts of the
//! population, matched on pathway and volume. That a group's accounts agree among themselves is no evidence: so do those of any
//! office, dormitory or class. Value: hours from the declared countries' phase to the group's, in (-12, 12]; expectation: 0.
//! Without a country column everybody's phase stands in.
//!
//! [`office_hours_share`] is the benign counterpart: share of the events in the best nine consecutive hours of Monday to
//! Friday or of Sunday to Thursday. Its bits compare two stated densities, Beta(18, 2) for an office and Beta(4, 5) for a pool
//! (a flat week would give 27%), clamped to [`OFFICE_BITS`]: evidence for an office and never against. Cost: `panel_events`
//! events an account. Reference: Mardia & Jupp 2000, Directional Statistics, doi:10.1002/9780470316979.

use std::f64::consts::TAU;

use graph::{AccountId, NONE_U16};
use statrs::distribution::{Beta, Continuous};

use super::alignment::DAY;
use super::chance::{MODEL_ERROR, monte_carlo};
use super::population::{Features, Matched};
use super::random::{Stream, group_key, key, sample};
use super::{BehaviourConfig, Population};
use crate::{Facts, Signal};

/// Rayleigh's Z above which a day has a phase: p about e^-5.
pub const RAYLEIGH: f64 = 5.0;
/// Bounds of the office-hours bits.
pub const OFFICE_BITS: (f64, f64) = (-8.0, 0.0);
const HOUR: i64 = 3_600_000;
pub(crate) const FEWEST_ACCOUNTS: usize = 3;
/// Accounts with fewer have no week.
pub(crate) const FEWEST_EVENTS: usize = 10;

/// Tests a group for hours that its countries don't explain.
pub fn diurnal_phase(
    facts: &Facts<'_>,
    population: &Population,
    members: &[AccountId],
    config: &BehaviourConfig,
) -> Option<Signal> {
    let deviation = |account| {
        let phase = phase_of(facts, account, config)?;
        Some((account, Deviation::of(facts, &population.country_phases, account, phase)?))
    };
    let chosen = sample(members, config.sampled_accounts, config.seed).into_iter();
    let (known, own): (Vec<AccountId>, Vec<Deviation>) = chosen.filter_map(deviation).unzip();
    if own.len() < FEWEST_ACCOUNTS {
        return None;
    }
    let others = &population.deviations;
    let matched =
        Matched::new(facts, population, &known, members)?.keep(population, members, |position| others[position].is_some())?;
    let (observed, direction) = statistics(own.iter().copied());
    let seed = group_key(config.seed, 10, members);
    let chance = monte_carlo(&[(1.0 + observed[0]) / (1.0 + MODEL_ERROR)], config.draws, |draw, out| {
        let mut stream = Stream::new(key(&[seed, draw as u64]));
        out[0] = 1.0 + statistics(matched.draw(&mut stream).filter_map(|position| others[position])).0[0];
    });
    Some(Signal { value: direction * 24.0, expected: 0.0, bits: chance.bits, p_value: Some(chance.p_value), power: None })
}

/// An angle as a point on the circle: an account's phase less that of its country.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Deviation {
    cosine: f64,
    sine: f64,
}

impl Deviation {
    fn of_turns(turns: f64) -> Self {
        let (sine, cosine) = (TAU * turns).sin_cos();
        Deviation { cosine, sine }
    }

    /// `None` where neither the country nor everybody has a phase.
    fn of(facts: &Facts<'_>, country_phases: &[Option<f64>], account: AccountId, phase: f64) -> Option<Self> {
        let known = country_phases.get(country_of(facts, account)).copied().flatten();
        known.or(*country_phases.last()?).map(|usual| Deviation::of_turns(phase - usual))
    }
}

/// (-mean cos, resultant length), and the mean direction in turns in (-1/2, 1/2].
fn statistics(deviations: impl Iterator<Item = Deviation>) -> ([f64; 2], f64) {
    let (mut count, mut cosine, mut sine) = (0.0, 0.0, 0.0);
    for deviation in deviations {
        count += 1.0;
        cosine += deviation.cosine;
        sine += deviation.sine;
    }
    ([-cosine / count, cosine.hypot(sine) / count], sine.atan2(cosine) / TAU)
}

/// An account's phase in turns; `None` if its day is flat or its events few.
pub(crate) fn phase_of(facts: &Facts<'_>, account: AccountId, config: &BehaviourConfig) -> Option<f64> {
    let time = facts.activity.of(account).time;
    let stride = time.len().div_ceil(config.panel_events.max(1)).max(1);
    let mut hours: Vec<i64> = time.iter().step_by(stride).map(|at| at.div_euclid(HOUR)).collect();
    hours.dedup();
    let turns = hours.iter().map(|hour| Deviation::of_turns((hour.rem_euclid(24) as f64 + 0.5) / 24.0));
    let ([_, length], direction) = statistics(turns);
    (hours.len() as f64 * length * length >= RAYLEIGH).then_some(direction)
}

/// Phase of each country's panel accounts, and last of all.
pub(crate) fn country_phases(facts: &Facts<'_>, accounts: &[AccountId], features: &[Features]) -> Vec<Option<f64>> {
    let phased: Vec<(usize, f64)> = accounts
        .iter()
        .zip(features)
        .filter_map(|(&account, known)| Some((country_of(facts, account), known.phase?)))
        .collect();
    let countries = phased.iter().filter(|entry| entry.0 != usize::from(NONE_U16)).map(|entry| entry.0 + 1).max();
    let mut groups: Vec<Vec<f64>> = vec![Vec::new(); countries.unwrap_or(0) + 1];
    let last = groups.len() - 1;
    for (country, phase) in phased {
        if country < last {
            groups[country].push(phase);
        }
        groups[last].push(phase);
    }
    let mean = |phases: Vec<f64>| (phases.len() >= 10).then(|| statistics(phases.into_iter().map(Deviation::of_turns)).1);
    groups.into_iter().map(mean).collect()
}

/// The deviations of panel accounts, by position; `None` for those without a phase.
pub(crate) fn deviations(
    facts: &Facts<'_>,
    accounts: &[AccountId],
    features: &[Features],
    country_phases: &[Option<f64>],
) -> Vec<Option<Deviation>> {
    let deviation = |(&account, known): (&AccountId, &Features)| Deviation::of(facts, country_phases, account, known.phase?);
    accounts.iter().zip(features).map(deviation).collect()
}

fn country_of(facts: &Facts<'_>, account: AccountId) -> usize {
    usize::from(facts.accounts.country.get(account.index()).copied().unwrap_or(NONE_U16))
}

/// Share of the group's events in one office's hours; negative bits speak for an office.
pub fn office_hours_share(facts: &Facts<'_>, members: &[AccountId], config: &BehaviourConfig) -> Option<Signal> {
    // Hours of the week, UTC, each account with the same total weight.
    let (mut week, mut known) = ([0.0f64; 168], 0u32);
    let (mut first, mut last) = (i64::MAX, i64::MIN);
    for account in sample(members, config.sampled_accounts, config.seed) {
        let time = facts.activity.of(account).time;
        let stride = time.len().div_ceil(config.panel_events.max(1)).max(1);
        if time.len() < FEWEST_EVENTS {
            continue;
        }
        let weight = 1.0 / time.len().div_ceil(stride) as f64;
        for &at in time.iter().step_by(stride) {
            // The epoch was a Thursday: hour 0 is Monday midnight.
            week[((at.div_euclid(HOUR) + 72).rem_euclid(168)) as usize] += weight;
        }
        (first, last) = (first.min(time[0]), last.max(time[time.len() - 1]));
        known += 1;
    }
    // Without a whole week there is no weekend to be quiet on.
    if (known as usize) < FEWEST_ACCOUNTS || last - first < 7 * DAY {
        return None;
    }
    let share_from = |start: usize| {
        let hours = (0..5).flat_map(|day| (0..9).map(move |hour| (start + 24 * day + hour) % 168));
        hours.map(|hour| week[hour]).sum::<f64>() / f64::from(known)
    };
    // Any time zone from UTC-12 to UTC+14, a day starting between 7 and 10 local: all starts of a Monday, and of a Sunday, the
    // first working day of many countries in which Friday is the day of rest.
    let share = (130..168).chain(0..24).map(share_from).fold(0.0, f64::max);
    let density = |a, b| Beta::new(a, b).ok().map(|beta: Beta| beta.ln_pdf(share.clamp(0.001, 0.999)));
    let bits = (density(4.0, 5.0)? - density(18.0, 2.0)?) / std::f64::consts::LN_2;
    let expected = 9.0 / 24.0 * 5.0 / 7.0;
    Some(Signal { value: share, expected, bits: bits.clamp(OFFICE_BITS.0, OFFICE_BITS.1), p_value: None, power: None })
}

#[cfg(test)]
mod tests {
    use super::super::toy::{self, Toy};
    use super::*;

    #[test]
    fn null_is_super_uniform_and_a_shifted_group_is_found() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        let world = Toy::mixed(400, 60, 20, 8);
        let facts = world.facts();
        let population = Population::new(&facts, &config);
        let test = |members: &[AccountId]| diurnal_phase(&facts, &population, members, &config);
        toy::assert_super_uniform(300, |seed| test(&world.random_group(12, seed)).and_then(|signal| signal.p_value));
        let planted = test(&world.planted()).unwrap();
        assert!(planted.p_value.unwrap() <= 0.02 && planted.value.abs() > 6.0, "{planted:?}");
    }

    #[test]
    fn a_dormitory_whose_days_agree_lives_where_everybody_does() {
        // Each keeps hours of its own; the planted ones the same six hours as each other, those of most.
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        let of = |seed| {
            let world = Toy::dormitory(400, 30, seed);
            let facts = world.facts();
            diurnal_phase(&facts, &Population::new(&facts, &config), &world.planted(), &config)
        };
        for seed in 0..10 {
            let found = of(seed).expect("they have a day");
            assert!(found.bits < 1.0, "{seed}: {found:?}");
        }
    }

    #[test]
    fn half_of_a_small_population_is_not_unlike_the_other_half() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        let of = |seed| {
            let world = Toy::mixed(200, 40, 0, seed);
            let facts = world.facts();
            diurnal_phase(&facts, &Population::new(&facts, &config), &world.random_group(100, seed), &config)
        };
        toy::assert_super_uniform(200, |seed| of(seed)?.p_value);
    }

    #[test]
    fn who_runs_a_set_of_prompts_at_night_lives_where_everybody_does() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        let of = |seed| {
            let world = Toy::runs(300, 30, seed);
            let facts = world.facts();
            diurnal_phase(&facts, &Population::new(&facts, &config), &world.planted(), &config)
        };
        toy::assert_super_uniform(60, |seed| of(seed)?.p_value);
    }

    #[test]
    fn offices_get_negative_bits_and_pools_do_not() {
        let config = BehaviourConfig::default();
        let of = |first_day: i64| {
            let office = Toy::office(10, 100, first_day, 1);
            office_hours_share(&office.facts(), &office.members(10), &config).unwrap()
        };
        // From Monday, and from Sunday; nowhere do offices work from Wednesday to Sunday.
        for signal in [of(0), of(-1)] {
            assert!(signal.value > 0.95 && signal.bits < -3.0, "{signal:?}");
        }
        assert!(of(2).value < 0.85, "{:?}", of(2));
        let pool = Toy::independent(10, 100, 1);
        assert_eq!(office_hours_share(&pool.facts(), &pool.members(10), &config).unwrap().bits, 0.0);
    }
}
