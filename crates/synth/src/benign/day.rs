//! What does a legitimate account do on a day? A Gamma renewal process in operational time, cut into sessions.
//!
//! 1. The day's count is Poisson with a mean that is Gamma-distributed over days: people have busy days.
//! 2. Gaps are Gamma with the account's coefficient of variation, 1.5 to 4 (as in BurstGPT, arXiv:2401.17644), in operational
//!    time; the account's daily rhythm turns them into clock time.
//! 3. A gap of half an hour ends a session. Address and software are those of the session; template, class and model of the
//!    exchange.
//!
//! Special behaviours add their own: batches and cron jobs replace the process, benchmark, class and hackathon add to it.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Gamma};

use super::groups::ASSIGNMENT_DAY;
use super::places;
use crate::account::{Account, Behaviour, NONE, Segment};
use crate::calendar::{DAY, HOUR, LAUNCH, MINUTE, Rhythm, SECOND_LAUNCH, benign_model, weekday_factor};
use crate::event::{Address, CAPABILITIES, Event, Origin, TemplateKind, template};
use crate::geography::COUNTRIES;
use crate::random::{Domain, lognormal, normal, poisson, truncated_pareto, unit, zipf};
use crate::world::World;

/// Common templates of tier l.
const COMMON_TEMPLATES: f64 = 400_000.0;
const SESSION_GAP: i64 = 30 * MINUTE;

/// Appends the account's exchanges of a day.
pub(crate) fn simulate(world: &World, number: u32, day: u32, events: &mut Vec<Event>) {
    let account = &world.population.accounts[number as usize];
    let opening = i64::from(day) * DAY;
    if !account.is_alive(opening + DAY - 1) && !account.is_alive(opening) || account.rate <= 0.0 {
        return;
    }
    let mut rng = world.streams.day(Domain::Day, u64::from(number), day);
    let mut times = Vec::new();
    moments(world, account, day, &mut rng, &mut times);
    if times.is_empty() {
        return;
    }
    let offset = i64::from(COUNTRIES[account.country as usize].offset) * MINUTE;
    let mut session = Session { address: Address::v4(0), client: 0 };
    let mut last = i64::MIN;
    for &local in &times {
        if last == i64::MIN || local - last > SESSION_GAP {
            session = Session::start(world, number, account, day, local, &mut rng);
        }
        last = local;
        let millis = opening + (local - offset).rem_euclid(DAY);
        let event = exchange(world, number, account, millis, &session, &mut rng);
        if account.is_alive(millis) {
            events.push(event);
        }
    }
}

struct Session {
    address: Address,
    client: u8,
}

impl Session {
    fn start(world: &World, number: u32, account: &Account, day: u32, local: i64, rng: &mut ChaCha8Rng) -> Self {
        let address = places::of_session(world, number, account, day, local, rng);
        let client = if rng.random_bool(0.75) { account.client } else { account.second_client };
        Session { address, client }
    }
}

fn rhythm(account: &Account) -> Rhythm {
    match account.segment {
        Segment::Seat => Rhythm::Office,
        Segment::Developer => Rhythm::Machine,
        _ => Rhythm::Leisure,
    }
}

/// The local times of a day's exchanges, ascending.
fn moments(world: &World, account: &Account, day: u32, rng: &mut ChaCha8Rng, times: &mut Vec<i64>) {
    let rhythm = rhythm(account);
    let mean = f64::from(account.rate) * weekday_factor(rhythm, day);
    match account.behaviour {
        Behaviour::Batch => return batch(account, mean, rng, times),
        Behaviour::Cron => return cron(mean, rng, times),
        _ => {}
    }
    // A Gamma multiplier of mean 1: shape 1/2 for people (a squared normal), 3 for machines.
    let busy = if rhythm == Rhythm::Machine {
        -((1.0 - rng.random::<f64>()) * (1.0 - rng.random::<f64>()) * (1.0 - rng.random::<f64>())).ln() / 3.0
    } else {
        normal(rng).powi(2)
    };
    let mut count = poisson(rng, mean * busy);
    let class_week = (ASSIGNMENT_DAY..ASSIGNMENT_DAY + 7).contains(&day);
    if account.behaviour == Behaviour::Class && class_week {
        count += poisson(rng, 4.0);
    }
    if count > 0 {
        renewal(world, account, rhythm, count, rng, times);
    }
    let offset = i64::from(COUNTRIES[account.country as usize].offset) * MINUTE;
    let opening = i64::from(day) * DAY;
    let mut burst = |from: i64, mean: f64, spread: f64, rng: &mut ChaCha8Rng| {
        for _ in 0..poisson(rng, mean) {
            let at = from - opening - (1.0 - rng.random::<f64>()).ln().mul_add(spread, 0.0) as i64;
            if at < DAY {
                times.push((at + offset).rem_euclid(DAY));
            }
        }
    };
    match account.behaviour {
        Behaviour::Benchmark if opening <= LAUNCH && LAUNCH < opening + DAY => burst(LAUNCH, 140.0, 2.5 * HOUR as f64, rng),
        Behaviour::Benchmark if opening <= SECOND_LAUNCH && SECOND_LAUNCH < opening + DAY => {
            burst(SECOND_LAUNCH, 120.0, 2.5 * HOUR as f64, rng);
        }
        Behaviour::Hackathon if i64::from(account.created) / 1_440 == i64::from(day) => {
            burst(i64::from(account.created) * MINUTE + 5 * MINUTE, 25.0, 3.0 * HOUR as f64, rng);
        }
        _ => {}
    }
    times.sort_unstable();
}

/// Gamma renewals in operational time, at least a thinking pause apart in clock time.
fn renewal(world: &World, account: &Account, rhythm: Rhythm, count: u32, rng: &mut ChaCha8Rng, times: &mut Vec<i64>) {
    let variation = f64::from(account.burstiness) / 10.0;
    let Ok(gap) = Gamma::new(1.0 / (variation * variation), 1.0) else { return };
    let mut passed = Vec::with_capacity(count as usize + 1);
    let mut total = 0.0;
    for _ in 0..=count {
        passed.push(total);
        // A gap of a millionth keeps the total positive when a bursty process draws only vanishing gaps.
        total += gap.sample(rng) + 1e-6;
    }
    let phase: f64 = rng.random();
    let median_pause = if rhythm == Rhythm::Machine { 900.0 } else { 14_000.0 };
    let first = times.len();
    for share in passed.iter().take(count as usize) {
        times.push(world.clock.time_of_day(rhythm, (share / total + phase).fract()));
    }
    times[first..].sort_unstable();
    let mut earliest = 0;
    for time in &mut times[first..] {
        *time = (*time).max(earliest);
        earliest = *time + lognormal(rng, median_pause, 0.8) as i64;
    }
    times.retain(|&time| time < DAY);
}

/// One run a day at the account's hour, a request every second or two.
fn batch(account: &Account, mean: f64, rng: &mut ChaCha8Rng, times: &mut Vec<i64>) {
    let mut at = i64::from(account.created.rem_euclid(24)) * HOUR + (rng.random::<f64>() * 120e3) as i64;
    for _ in 0..poisson(rng, mean) {
        at += lognormal(rng, 1_500.0, 0.5) as i64;
        if at < DAY {
            times.push(at);
        }
    }
}

/// A few requests within seconds of every full hour.
fn cron(mean: f64, rng: &mut ChaCha8Rng, times: &mut Vec<i64>) {
    for hour in 0..24 {
        for _ in 0..poisson(rng, mean / 24.0) {
            times.push(hour * HOUR + 400 + (rng.random::<f64>() * 3e3) as i64);
        }
    }
    times.sort_unstable();
}

fn exchange(world: &World, number: u32, account: &Account, millis: i64, session: &Session, rng: &mut ChaCha8Rng) -> Event {
    let entity = u64::from(number);
    let day = (millis / DAY) as u32;
    let launched = |launch: i64| (launch..launch + 12 * HOUR).contains(&millis);
    let benchmarking = account.behaviour == Behaviour::Benchmark && (launched(LAUNCH) || launched(SECOND_LAUNCH));
    let model = match benchmarking {
        true if launched(LAUNCH) => crate::calendar::NEW_MODEL,
        true => crate::calendar::NEWER_MODEL,
        false => benign_model(&world.streams, entity, millis, rng.random()),
    };
    let template = choose_template(world, number, account, day, benchmarking, rng);
    Event {
        millis,
        account: number,
        tokens: tokens(rng.random(), 60.0),
        template,
        address: session.address,
        card: account.card,
        status: status(rng.random()),
        client: session.client,
        model,
        capability: capability(world.streams.hash(Domain::Taste, entity, 0), account.spread, rng.random()),
        pathway: account.pathway,
        origin: Origin::Owner,
    }
}

/// Tokens of an exchange: a truncated Pareto law from `least`.
pub(crate) fn tokens(uniform: f64, least: f64) -> u32 {
    truncated_pareto(uniform, 1.1, least, 64_000.0) as u32
}

fn status(uniform: f64) -> u16 {
    match uniform {
        part if part < 0.986 => 200,
        part if part < 0.995 => 429,
        part if part < 0.9975 => 500,
        part if part < 0.9997 => 400,
        _ => 403,
    }
}

/// A class of the account's taste: geometric weights over a permutation of the classes.
pub(crate) fn capability(taste: u64, spread: u8, uniform: f64) -> u8 {
    const STRIDES: [u64; 8] = [1, 5, 7, 11, 13, 17, 19, 23];
    let count = CAPABILITIES.len() as f64;
    let ratio = f64::from(spread.clamp(1, 250)) / 255.0;
    // Inverse of the truncated geometric distribution function.
    let place = ((1.0 - uniform * (1.0 - ratio.powf(count))).ln() / ratio.ln()).min(count - 1.0) as u64;
    // Popular classes come first in most tastes.
    let start = (unit(taste).powi(2) * count) as u64;
    ((start + place * STRIDES[(taste & 7) as usize]) % CAPABILITIES.len() as u64) as u8
}

/// The rank of a common template.
pub(crate) fn common_template(world: &World, uniform: f64) -> u64 {
    let count = (COMMON_TEMPLATES * world.config.tier.scale()).max(2_000.0);
    template(TemplateKind::Common, 0, 0) | zipf(uniform, count)
}

/// One of an entity's six favourite common templates.
pub(crate) fn favourite_template(world: &World, entity: u64, choice: u64) -> u64 {
    common_template(world, world.streams.unit(Domain::Repertoire, entity, choice % 6))
}

fn choose_template(world: &World, number: u32, account: &Account, day: u32, benchmarking: bool, rng: &mut ChaCha8Rng) -> u64 {
    let entity = u64::from(number);
    let (part, choice) = (rng.random::<f64>(), rng.random::<u64>());
    let group = |number: u64| template(TemplateKind::Group, u64::from(account.group), number);
    let private = |limit: u64| template(TemplateKind::Private, entity, choice % limit);
    match account.behaviour {
        Behaviour::Benchmark if benchmarking => return group(choice % 200),
        Behaviour::Hackathon if part < 0.6 => return group(0),
        Behaviour::Class if part < 0.5 && (ASSIGNMENT_DAY..ASSIGNMENT_DAY + 7).contains(&day) => return group(choice % 5),
        Behaviour::Integration if part < 0.85 => return group(choice % 3),
        Behaviour::Batch | Behaviour::Cron if part < 0.97 => return private(1),
        Behaviour::RelayCustomer if part < 0.3 => {
            let customer = u64::from(account.org);
            return template(TemplateKind::Customer, customer, choice % 3);
        }
        _ => {}
    }
    if let Some(viral) = viral_template(world, entity, day, choice)
        && rng.random_bool(0.25)
    {
        return viral;
    }
    let vendor = template(TemplateKind::Vendor, u64::from(account.vendor), 0);
    match account.segment {
        Segment::Seat if part < 0.55 => vendor,
        Segment::Seat if part < 0.8 && account.org != NONE => {
            template(TemplateKind::Organisation, u64::from(account.org), choice % 4)
        }
        Segment::Developer if account.vendor > 0 && part < 0.7 => vendor,
        Segment::Developer if part < 0.9 => private(4),
        _ if part < 0.65 => favourite_template(world, entity, choice),
        _ => common_template(world, rng.random()),
    }
}

/// The viral prompt that this account sends on this day, if any does the round.
fn viral_template(world: &World, entity: u64, day: u32, choice: u64) -> Option<u64> {
    let running = &world.viral_on[day as usize];
    let viral = *running.get((choice >> 20) as usize % running.len().max(1))?;
    let taken = world.streams.unit(Domain::Viral, u64::from(viral.number), entity) < viral.reach;
    taken.then(|| template(TemplateKind::Viral, u64::from(viral.number), 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tastes_have_the_entropy_of_their_spread() {
        let entropy = |spread: u8| {
            let mut counts = [0.0_f64; 24];
            for at in 0..24_000 {
                counts[capability(0x1234_5678_9abc_def0, spread, (f64::from(at) + 0.5) / 24e3) as usize] += 1.0 / 24e3;
            }
            -counts.iter().filter(|&&share| share > 0.0).map(|share| share * share.ln()).sum::<f64>() / 24.0_f64.ln()
        };
        // Ratio .69: H = -ln(1-r) - r ln r / (1-r) = 1.997, over ln 24 = .628.
        assert!((entropy(176) - 0.628).abs() < 0.01, "{}", entropy(176));
        assert!(entropy(8) < 0.2 && entropy(250) > 0.95);
    }
}
