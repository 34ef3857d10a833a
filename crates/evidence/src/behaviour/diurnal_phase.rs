//! Are the accounts active when people of their declared country are?
//!
//! Definition: an account's phase is the angle of R = mean exp(2 pi i t), t its events' time of day in turns, where |R| n^(1/2)
//! is large enough that it isn't an accident of a flat day (Rayleigh's Z = n |R|^2 >= [`RAYLEIGH`]). d = phase - phase of its
//! country, the angle of the mean of at most `SAMPLE` of that country's accounts, of any pathway and volume. Statistic of a
//! group: 1 - mean cos(2 pi d), how far its accounts are out of phase, less a tenth ([`super::chance::MODEL_ERROR`]). Null: as
//! many deviations d of accounts of the population, matched on pathway and volume, each turned by the error of what is taken
//! for its country's phase: how far that of a resample of the country's accounts is from that of all of them. That a group's
//! accounts agree among themselves is no evidence: so do those of any office, dormitory or class. Value: hours from the
//! declared countries' phase to the group's, in (-12, 12]; expectation: 0.
//!
//! Nobody is measured by oneself: a country's phase is that of its accounts that aren't members. Where fewer than
//! `FEWEST_PHASES` of these have one, nobody knows what is usual there, and the country's accounts are left out. For accounts
//! without a country everybody's phase stands in.
//!
//! [`office_hours_share`] is the benign counterpart: share of the events in the best nine consecutive hours of Monday to Friday
//! or of Sunday to Thursday. Its bits compare two stated densities, Beta(18, 2) for an office and Beta(4, 5) for a pool (a flat
//! week would give 27%), clamped to [`OFFICE_BITS`]: evidence for an office and never against. Cost: `panel_events` events an
//! account, and for each draw and country of the group a resample of at most `RESAMPLED` phases (of more, their mean's normal
//! error by the delta method). Reference: Mardia & Jupp 2000, Directional Statistics, doi:10.1002/9780470316979.

use std::f64::consts::TAU;

use graph::{AccountId, NONE_U16};
use rayon::prelude::*;
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
/// Accounts that stand for those of a country.
const SAMPLE: usize = 512;
/// Of more phases than this the error of their mean is normal.
const RESAMPLED: usize = 64;
/// Fewer others with a phase say nothing of their country's.
pub(crate) const FEWEST_PHASES: usize = 10;
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
    let phased = |account| Some((account, country_of(facts, account), phase_of(facts, account, config)?));
    let chosen = sample(members, config.sampled_accounts, config.seed).into_iter();
    let phased: Vec<(AccountId, u16, f64)> = chosen.filter_map(phased).collect();
    let mut countries: Vec<u16> = phased.iter().map(|of| of.1).collect();
    countries.sort_unstable();
    countries.dedup();
    let (countries, usual): (Vec<u16>, Vec<Usual>) =
        countries.into_iter().filter_map(|country| Some((country, population.phases.usual(country, members)?))).unzip();
    // Accounts of countries of which it is known what is usual, the place of each one's country, and how far it is from it.
    let (mut known, mut homes, mut own) = (Vec::new(), Vec::new(), Vec::new());
    for (account, country, phase) in phased {
        let Ok(home) = countries.binary_search(&country) else { continue };
        known.push(account);
        homes.push(home);
        own.push(Deviation::of_turns(phase - usual[home].phase));
    }
    if own.len() < FEWEST_ACCOUNTS {
        return None;
    }
    let others = &population.deviations;
    let matched =
        Matched::new(facts, population, &known, members)?.keep(population, members, |position| others[position].is_some())?;
    let (observed, direction) = statistics(own.into_iter());
    let seed = group_key(config.seed, 10, members);
    let chance = monte_carlo(&[(1.0 + observed[0]) / (1.0 + MODEL_ERROR)], config.draws, |draw, out| {
        let mut stream = Stream::new(key(&[seed, draw as u64]));
        let errors: Vec<Deviation> = usual.iter().map(|usual| usual.error(&mut stream)).collect();
        let drawn = matched.draw(&mut stream).zip(&homes);
        out[0] = 1.0 + statistics(drawn.filter_map(|(position, &home)| Some(others[position]?.turned(errors[home])))).0[0];
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

    /// The sum of two angles.
    fn turned(self, by: Deviation) -> Self {
        let cosine = self.cosine * by.cosine - self.sine * by.sine;
        Deviation { cosine, sine: self.sine * by.cosine + self.cosine * by.sine }
    }
}

/// Phases of accounts that stand for others, each as a point on the circle.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Phases {
    countries: Vec<Vec<(AccountId, Deviation)>>,
    everybody: Vec<(AccountId, Deviation)>,
}

impl Phases {
    /// Those of at most `SAMPLE` accounts of each country, the ones with the smallest hashes, and of as many of the panel.
    pub(crate) fn new(facts: &Facts<'_>, accounts: &[AccountId], features: &[Features], config: &BehaviourConfig) -> Phases {
        // In fewer hours nobody has a phase.
        let has_hours = |&account: &AccountId| facts.activity.of(account).time.len() as f64 >= RAYLEIGH;
        let mut ranked: Vec<(u16, u64, AccountId)> = (0..facts.activity.account_count() as u32)
            .into_par_iter()
            .map(AccountId)
            .filter(|&account| country_of(facts, account) != NONE_U16)
            .filter(has_hours)
            .map(|account| (country_of(facts, account), key(&[config.seed, u64::from(account.0)]), account))
            .collect();
        ranked.par_sort_unstable();
        let of_country = ranked.chunk_by(|left, right| left.0 == right.0).flat_map(|of| of.iter().take(SAMPLE));
        let chosen: Vec<&(u16, u64, AccountId)> = of_country.collect();
        let phase =
            |&&(country, _, account): &&(u16, u64, AccountId)| Some((country, account, phase_of(facts, account, config)?));
        let phased: Vec<(u16, AccountId, f64)> = chosen.par_iter().filter_map(phase).collect();
        let mut countries = vec![Vec::new(); phased.last().map_or(0, |of| usize::from(of.0) + 1)];
        for (country, account, phase) in phased {
            countries[usize::from(country)].push((account, Deviation::of_turns(phase)));
        }
        let of_panel = accounts.iter().zip(features);
        let mut everybody: Vec<(u64, AccountId, f64)> = of_panel
            .filter_map(|(&account, known)| Some((key(&[config.seed, u64::from(account.0)]), account, known.phase?)))
            .collect();
        everybody.sort_unstable_by_key(|of| (of.0, of.1));
        everybody.truncate(SAMPLE);
        let everybody = everybody.into_iter().map(|(_, account, phase)| (account, Deviation::of_turns(phase))).collect();
        Phases { countries, everybody }
    }

    /// The phases of a country's accounts other than the members; `None` where few of these have one.
    fn of_others(&self, country: u16, members: &[AccountId]) -> Option<Vec<Deviation>> {
        let of = if country == NONE_U16 { Some(&self.everybody) } else { self.countries.get(usize::from(country)) };
        let others = of?.iter().filter(|of| members.binary_search(&of.0).is_err());
        let phases: Vec<Deviation> = others.map(|of| of.1).collect();
        (phases.len() >= FEWEST_PHASES).then_some(phases)
    }

    /// What is usual in a country by these.
    fn usual(&self, country: u16, members: &[AccountId]) -> Option<Usual> {
        self.of_others(country, members).map(Usual::of)
    }
}

/// What is usual in a country.
struct Usual {
    /// In turns.
    phase: f64,
    /// Standard error of that, in turns.
    deviation: f64,
    phases: Vec<Deviation>,
}

impl Usual {
    fn of(phases: Vec<Deviation>) -> Usual {
        let phase = statistics(phases.iter().copied()).1;
        let (count, back) = (phases.len() as f64, Deviation::of_turns(-phase));
        let (cosines, squares) = phases
            .iter()
            .map(|of| of.turned(back))
            .fold((0.0, 0.0), |(cosines, squares), of| (cosines + of.cosine, squares + of.sine * of.sine));
        // By the delta method: the spread across, over the length along.
        Usual { phase, deviation: squares.sqrt() / (cosines.max(count.sqrt()) * TAU), phases }
    }

    /// How far the phase of as many of the accounts, drawn with replacement, is from that of all of them.
    fn error(&self, stream: &mut Stream) -> Deviation {
        if self.phases.len() > RESAMPLED {
            let normal = (-2.0 * (1.0 - stream.unit()).ln()).sqrt() * (TAU * stream.unit()).cos();
            return Deviation::of_turns(self.deviation * normal);
        }
        let resample = self.phases.iter().map(|_| self.phases[stream.below(self.phases.len())]);
        Deviation::of_turns(statistics(resample).1 - self.phase)
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

/// The deviations of panel accounts, by position; `None` for those without a phase, or of a country without one.
pub(crate) fn deviations(
    facts: &Facts<'_>,
    accounts: &[AccountId],
    features: &[Features],
    phases: &Phases,
) -> Vec<Option<Deviation>> {
    let deviation = |(&account, known): (&AccountId, &Features)| {
        let phase = known.phase?;
        let others = phases.of_others(country_of(facts, account), &[account])?;
        Some(Deviation::of_turns(phase - statistics(others.into_iter()).1))
    };
    accounts.par_iter().zip(features).map(deviation).collect()
}

fn country_of(facts: &Facts<'_>, account: AccountId) -> u16 {
    facts.accounts.country.get(account.index()).copied().unwrap_or(NONE_U16)
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
    fn the_error_of_many_phases_is_that_of_resamples() {
        let mut stream = Stream::new(3);
        let turns = |stream: &mut Stream| 0.3 + 0.25 * (stream.unit() + stream.unit() - 1.0);
        let phases: Vec<Deviation> = (0..200).map(|_| Deviation::of_turns(turns(&mut stream))).collect();
        let usual = Usual::of(phases);
        let spread = |errors: Vec<f64>| (errors.iter().map(|error| error * error).sum::<f64>() / errors.len() as f64).sqrt();
        let by_normal = spread((0..2_000).map(|_| usual.error(&mut stream).sine).collect());
        let resample = |stream: &mut Stream| {
            let drawn = usual.phases.iter().map(|_| usual.phases[stream.below(usual.phases.len())]);
            Deviation::of_turns(statistics(drawn).1 - usual.phase).sine
        };
        let by_resample = spread((0..2_000).map(|_| resample(&mut stream)).collect());
        assert!((by_normal / by_resample - 1.0).abs() < 0.08, "{by_normal} {by_resample}");
    }

    #[test]
    fn who_keeps_the_hours_of_a_country_of_few_is_no_stranger_to_it() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        let of = |far: usize, size: u32, seed| {
            let world = Toy::of_countries(&[(1_500, 14), (far, 0)], seed);
            let facts = world.facts();
            let members: Vec<AccountId> = (1_500..1_500 + size).map(AccountId).collect();
            diurnal_phase(&facts, &Population::new(&facts, &config), &members, &config)
        };
        // Nobody knows what is usual there, or nobody but the group.
        for far in [9, 12] {
            assert_eq!(of(far, 9, 1), None, "{far}");
        }
        // Few others are known, and it is known how little that says.
        toy::assert_super_uniform(60, |seed| of(9 + FEWEST_PHASES, 9, seed)?.p_value);
        // Others of these are few, and the group is many of them.
        toy::assert_super_uniform(60, |seed| of(60, 40, seed)?.p_value);
    }

    #[test]
    fn who_declares_a_country_of_few_and_keeps_the_hours_of_another_is_found() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        // The last ones declare the second country, whose others keep other hours; and are most of those who do.
        let mut world = Toy::of_countries(&[(1_500, 14), (30, 0), (40, 14)], 1);
        let declared: Vec<u16> = world.accounts.country.iter().map(|&country| country.min(1)).collect();
        world.accounts.country = declared.into();
        let facts = world.facts();
        let members: Vec<AccountId> = (1_530..1_570).map(AccountId).collect();
        let found = diurnal_phase(&facts, &Population::new(&facts, &config), &members, &config).expect("they have a day");
        assert!(found.bits > 8.0 && found.value.abs() > 8.0, "{found:?}");
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
