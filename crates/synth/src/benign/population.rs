//! Who are the legitimate accounts? The mix, and what every account gets: country, home, carrier gateway, card, software,
//! volume.
//!
//! 1. Look-alikes are planted first (see `groups`), then ordinary accounts fill the mix: 78% consumers, 15% developers, 6%
//!    seats, 1% programmes.
//! 2. Every account gets a country; within a country, accounts in a random order are dealt to households of 1 to 4 (Poisson
//!    1.3) and to carrier gateways (truncated Pareto, exponent 1.1, 2 to 4,000 accounts).
//! 3. Volumes over the sixty days are lognormal with median 9.5 and deviation 1.446 of the logarithm, 15 times that for
//!    developers: together a median near 12, a mean of 84 and a 99th percentile near 1,100.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::groups;
use crate::account::{
    Account, Behaviour, Card, Funding, Gateway, Home, NEVER, NONE, Plan, Segment, Site, SiteKind, benign_bin,
};
use crate::clients::{Family, pick};
use crate::config::{DAYS, Scenario, WorldConfig};
use crate::event::Pathway;
use crate::geography::{COUNTRIES, Geography};
use crate::random::{Domain, Streams, lognormal, mix, poisson, truncated_pareto};

/// Median exchanges of a consumer in sixty days.
const MEDIAN_EXCHANGES: f64 = 9.5;
/// Deviation of the logarithm of exchanges.
const SIGMA_EXCHANGES: f64 = 1.446;
/// Developers' volume as a multiple of consumers'.
pub(crate) const DEVELOPER_FACTOR: f64 = 15.0;
/// Most exchanges of an ordinary account in sixty days.
const MOST_EXCHANGES: f64 = 60_000.0;
/// Share of accounts that sign up within the sixty days.
pub(crate) const SIGN_UP_SHARE: f64 = 0.30;
/// Share of accounts on a card that a family shares.
const FAMILY_SHARE: f64 = 0.03;
/// Share of accounts behind anonymising services.
const TUNNEL_SHARE: f64 = 0.04;
/// Share of legitimate accounts that are banned within sixty days, for reasons that aren't proxy networks.
const BENIGN_BAN_SHARE: f64 = 0.004;
const MINUTES_PER_DAY: i32 = 24 * 60;

/// The accounts of a world and the places they share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Population {
    pub(crate) accounts: Vec<Account>,
    pub(crate) homes: Vec<Home>,
    pub(crate) gateways: Vec<Gateway>,
    pub(crate) sites: Vec<Site>,
    pub(crate) cards: Vec<Card>,
    /// Names of groups of look-alikes.
    pub(crate) groups: Vec<String>,
    pub(crate) org_count: u32,
}

impl Population {
    /// A new group of look-alikes.
    pub(crate) fn group(&mut self, name: String) -> u32 {
        self.groups.push(name);
        self.groups.len() as u32 - 1
    }

    pub(crate) fn card(&mut self, bin: u16, funding: Funding) -> u32 {
        self.cards.push(Card { bin, funding });
        self.cards.len() as u32 - 1
    }

    pub(crate) fn org(&mut self) -> u32 {
        self.org_count += 1;
        self.org_count - 1
    }

    pub(crate) fn premises(&mut self, provider: u32, addresses: u16) -> u32 {
        self.sites.push(Site { kind: SiteKind::Premises(provider), addresses });
        self.sites.len() as u32 - 1
    }

    pub(crate) fn hosting(&mut self, range: u32, addresses: u16) -> u32 {
        self.sites.push(Site { kind: SiteKind::Hosting(range), addresses });
        self.sites.len() as u32 - 1
    }
}

/// Plans the legitimate accounts of a world.
pub(crate) fn plan(config: &WorldConfig, streams: &Streams, geography: &Geography) -> Population {
    let mut population = Population::default();
    let mut rng = streams.stream(Domain::Plan, 0);
    let count = config.tier.benign_count();
    groups::plant(config, geography, &mut population, &mut rng);
    fill(count, geography, &mut population, &mut rng);
    cards(&mut population, &mut rng);
    homes(streams, geography, &mut population, &mut rng);
    families(&mut population, &mut rng);
    gateways(config, streams, geography, &mut population, &mut rng);
    tunnels(config, &mut population, &mut rng);
    software_groups(&mut population);
    if config.scenario == Scenario::HardNegativesOnly {
        population.accounts.retain(|account| account.group != NONE);
    }
    population
}

/// Ordinary accounts, until the mix is complete.
fn fill(count: u32, geography: &Geography, population: &mut Population, rng: &mut ChaCha8Rng) {
    let share = |part: f64| (f64::from(count) * part).round() as usize;
    let have = |segment: Segment, population: &Population| {
        population.accounts.iter().filter(|account| account.segment == segment).count()
    };
    for _ in have(Segment::Developer, population)..share(0.15) {
        let country = geography.country_at(rng.random());
        let account = ordinary(Segment::Developer, country, rng);
        population.accounts.push(account);
    }
    for _ in have(Segment::Programme, population)..share(0.01) {
        let country = geography.country_at(rng.random());
        let account = ordinary(Segment::Programme, country, rng);
        population.accounts.push(account);
    }
    while population.accounts.len() < count as usize {
        let country = geography.country_at(rng.random());
        let account = ordinary(Segment::Consumer, country, rng);
        population.accounts.push(account);
    }
    population.accounts.truncate(count as usize);
}

/// An account of a segment with the traits of its kind.
pub(crate) fn ordinary(segment: Segment, country: u8, rng: &mut ChaCha8Rng) -> Account {
    let (pathway, plan) = match segment {
        Segment::Consumer if rng.random_bool(0.25) => (Pathway::Consumer, Plan::Pro),
        Segment::Consumer | Segment::Operated => (Pathway::Consumer, Plan::Free),
        Segment::Developer if rng.random_bool(0.18) => (Pathway::Cloud, Plan::Api),
        Segment::Developer => (Pathway::Api, Plan::Api),
        Segment::Seat => (Pathway::Team, Plan::Team),
        Segment::Programme => {
            let pathway = [Pathway::Education, Pathway::Startup, Pathway::Security][rng.random_range(0..3)];
            (pathway, Plan::Programme)
        }
    };
    let mut account = Account::new(segment, pathway, plan);
    account.country = country;
    account.created = if rng.random_bool(SIGN_UP_SHARE) {
        rng.random_range(0..(DAYS as i32 - 1) * MINUTES_PER_DAY)
    } else {
        -(truncated_pareto(rng.random(), 0.4, 1.0, 900.0) * f64::from(MINUTES_PER_DAY)) as i32
    };
    if rng.random_bool(BENIGN_BAN_SHARE) {
        let first = account.created.max(0) + MINUTES_PER_DAY / 2;
        account.banned = rng.random_range(first..first + DAYS as i32 * MINUTES_PER_DAY);
        if account.banned >= DAYS as i32 * MINUTES_PER_DAY {
            account.banned = NEVER;
        }
    }
    let factor = if segment == Segment::Developer { DEVELOPER_FACTOR } else { 1.0 };
    set_volume(&mut account, lognormal(rng, MEDIAN_EXCHANGES * factor, SIGMA_EXCHANGES));
    account.burstiness = 15 + (truncated_pareto(rng.random(), 1.0, 1.0, 26.0) - 1.0) as u8;
    // Geometric weights with ratio .69 have a normalised entropy of .62 over 24 classes, the population's median.
    account.spread = ((0.69 + 0.17 * (rng.random::<f64>() + rng.random::<f64>() - 1.0)) * 255.0) as u8;
    match segment {
        Segment::Developer => {
            account.client = pick(Family::Library, rng.random());
            account.second_client = pick(Family::Library, rng.random());
            if rng.random_bool(0.3) {
                account.vendor = 1 + (rng.random::<f64>().powi(2) * 12.0) as u8;
                account.client = pick(Family::Agent, rng.random());
            } else if rng.random_bool(0.25) {
                // Single-purpose applications: a support bot, an extraction job.
                account.spread = rng.random_range(3..13);
            }
        }
        Segment::Seat => {
            account.vendor = 1 + (rng.random::<f64>().powi(2) * 12.0) as u8;
            account.client = pick(Family::Agent, rng.random());
            account.second_client = pick(Family::Application, rng.random());
        }
        _ => {
            account.client = pick(Family::Application, rng.random());
            account.second_client = pick(Family::Application, rng.random());
        }
    }
    account
}

/// Spreads a volume of exchanges over the days an account is alive.
pub(crate) fn set_volume(account: &mut Account, exchanges: f64) {
    let alive = f64::from(DAYS) - f64::from(account.created.max(0)) / f64::from(MINUTES_PER_DAY);
    account.rate = (exchanges.min(MOST_EXCHANGES) / alive.max(1.0)) as f32;
}

/// A card for everyone who has none yet; 6% prepaid or virtual.
fn cards(population: &mut Population, rng: &mut ChaCha8Rng) {
    for at in 0..population.accounts.len() {
        if population.accounts[at].card == crate::event::NO_CARD {
            let funding = match rng.random::<f64>() {
                part if part < 0.04 => Funding::Prepaid,
                part if part < 0.06 => Funding::Virtual,
                part if part < 0.55 => Funding::Debit,
                _ => Funding::Credit,
            };
            population.accounts[at].card = population.card(benign_bin(rng.random()), funding);
        }
    }
}

/// Accounts by country, each country's in an order that has nothing to do with their numbers.
fn by_country(
    population: &Population,
    streams: &Streams,
    domain: Domain,
    mut wanted: impl FnMut(&Account) -> bool,
) -> Vec<Vec<u32>> {
    let mut countries = vec![Vec::new(); COUNTRIES.len()];
    for (number, account) in population.accounts.iter().enumerate() {
        if wanted(account) {
            countries[account.country as usize].push(number as u32);
        }
    }
    for members in &mut countries {
        members.sort_unstable_by_key(|&number| (streams.hash(domain, u64::from(number), 0), number));
    }
    countries
}

/// A new household with a provider of the country.
pub(crate) fn new_home(population: &mut Population, geography: &Geography, country: u8, rng: &mut ChaCha8Rng) -> u32 {
    let provider = geography.provider_in(country, rng.random());
    let daily = geography.provider(provider).renumbers_daily;
    let lease = if daily { 1 } else { lognormal(rng, 40.0, 0.9).clamp(4.0, 2_000.0) as u16 };
    population.homes.push(Home { provider, v6: rng.random_bool(0.68), lease });
    population.homes.len() as u32 - 1
}

fn homes(streams: &Streams, geography: &Geography, population: &mut Population, rng: &mut ChaCha8Rng) {
    let countries = by_country(population, streams, Domain::Home, |account| account.home == NONE);
    for (country, members) in countries.iter().enumerate() {
        let mut rest = &members[..];
        while !rest.is_empty() {
            let size = (poisson(rng, 1.3).clamp(1, 4) as usize).min(rest.len());
            let home = new_home(population, geography, country as u8, rng);
            for &member in &rest[..size] {
                population.accounts[member as usize].home = home;
            }
            rest = &rest[size..];
        }
    }
}

/// Families: households of consumers who share a card.
fn families(population: &mut Population, rng: &mut ChaCha8Rng) {
    let mut members = vec![Vec::new(); population.homes.len()];
    for (number, account) in population.accounts.iter().enumerate() {
        members[account.home as usize].push(number as u32);
    }
    members.retain(|home| {
        let plain = |&number: &u32| {
            let account = &population.accounts[number as usize];
            account.segment == Segment::Consumer && account.group == NONE
        };
        home.len() >= 2 && home.iter().all(plain)
    });
    let eligible: usize = members.iter().map(Vec::len).sum();
    let chance = (FAMILY_SHARE * population.accounts.len() as f64 / eligible.max(1) as f64).min(1.0);
    let mut families = 0;
    for home in members {
        if rng.random_bool(chance) {
            families += 1;
            let group = population.group(format!("family-{families:04}"));
            let card = population.accounts[home[0] as usize].card;
            for member in home {
                let account = &mut population.accounts[member as usize];
                (account.card, account.group) = (card, group);
            }
        }
    }
}

/// Carrier gateways, the largest of each world a town behind eight addresses.
fn gateways(config: &WorldConfig, streams: &Streams, geography: &Geography, population: &mut Population, rng: &mut ChaCha8Rng) {
    let most = (0.03 * f64::from(config.tier.benign_count())).clamp(30.0, 4_000.0);
    let named = if most < 100.0 { 8 } else { 40 };
    let behind = |account: &Account| match (account.segment, COUNTRIES[account.country as usize].carrier_nat) {
        (Segment::Developer, _) => 0.4,
        (_, true) => 0.85,
        (_, false) => 0.45,
    };
    let chosen: Vec<bool> = population.accounts.iter().map(|account| rng.random_bool(behind(account))).collect();
    let mut at = 0;
    let countries = by_country(population, streams, Domain::Gateway, |_| {
        at += 1;
        chosen[at - 1]
    });
    let (mut names, mut town_planted) = (0, false);
    for (country, members) in countries.iter().enumerate() {
        let mut rest = &members[..];
        while !rest.is_empty() {
            let town = !town_planted && COUNTRIES[country].carrier_nat && rest.len() as f64 >= most.min(1_000.0) * 0.5;
            town_planted |= town;
            let size = if town { most } else { truncated_pareto(rng.random(), 1.1, 2.0, most) };
            let size = (size as usize).min(rest.len());
            let addresses = match size {
                _ if town => 8,
                64.. => (8.0 * 8.0_f64.powf(rng.random())) as u16,
                _ => 1 + (size as u16) / 8,
            };
            let provider = geography.provider_in(country as u8, rng.random());
            population.gateways.push(Gateway { provider, addresses });
            let gateway = population.gateways.len() as u32 - 1;
            let mut group = NONE;
            if size >= named {
                names += 1;
                group = population.group(format!("cgnat-{names:03}"));
            }
            for &member in &rest[..size] {
                let account = &mut population.accounts[member as usize];
                account.gateway = gateway;
                if account.group == NONE {
                    account.group = group;
                }
            }
            rest = &rest[size..];
        }
    }
}

/// Exits of anonymising services in a world.
pub(crate) fn exit_count(config: &WorldConfig) -> u64 {
    ((300.0 * config.tier.scale()).round() as u64).max(3)
}

/// Exits of one service.
pub(crate) const EXITS_PER_SERVICE: u64 = 25;

/// The service an account uses.
pub(crate) fn tunnel_service(config: &WorldConfig, account: u32) -> u64 {
    mix(u64::from(account)) % exit_count(config).div_ceil(EXITS_PER_SERVICE)
}

fn tunnels(config: &WorldConfig, population: &mut Population, rng: &mut ChaCha8Rng) {
    let services = exit_count(config).div_ceil(EXITS_PER_SERVICE);
    let first = population.groups.len() as u32;
    for service in 1..=services {
        population.group(format!("vpn-{service:02}"));
    }
    for (number, account) in population.accounts.iter_mut().enumerate() {
        let person = matches!(account.segment, Segment::Consumer | Segment::Developer | Segment::Programme);
        // People are 94% of accounts: 4% of all are 4.26% of them.
        if person && rng.random_bool(TUNNEL_SHARE / 0.94) {
            account.tunnels = true;
            if account.group == NONE || population.groups[account.group as usize].starts_with("cgnat") {
                account.group = first + tunnel_service(config, number as u32) as u32;
            }
        }
    }
}

/// Developers known by nothing but a vendor's default prompt are a look-alike group each vendor.
fn software_groups(population: &mut Population) {
    let first = population.groups.len() as u32;
    for vendor in 1..=12 {
        population.group(format!("sdk-{vendor:02}"));
    }
    for account in &mut population.accounts {
        let ordinary = account.segment == Segment::Developer && account.behaviour == Behaviour::Ordinary;
        if ordinary && account.vendor > 0 && account.group == NONE {
            account.group = first + u32::from(account.vendor) - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Tier;

    /// Groups set when their accounts were made, and one was banned weeks before that.
    #[test]
    fn nobody_is_banned_before_the_account_is_there() {
        for seed in 1..=6 {
            let config = WorldConfig::new(Tier::S, seed);
            let streams = Streams::new(seed);
            let planned = plan(&config, &streams, &Geography::new(&streams));
            let banned: Vec<&Account> = planned.accounts.iter().filter(|account| account.banned != NEVER).collect();
            assert!(banned.len() > 20, "{seed}");
            assert!(banned.iter().all(|account| account.created <= account.banned && account.banned > 0), "{seed}");
        }
    }
}
