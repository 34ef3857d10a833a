//! From which address does a session come? Every address is a function of who, where and when, so nothing about it is stored.
//!
//! * A home keeps its IPv4 address for weeks (8% of providers: a day); half of the changes leave the block. Its IPv6 /64 stays,
//!   and the host part is a privacy address of one account and day.
//! * A carrier gateway serves a session from any of its addresses.
//! * Premises and hosting sites, exits of anonymising services, and hotspots are shared by whoever goes there.
//! * 3% of homes are also exits of a residential proxy network.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::population::{EXITS_PER_SERVICE, exit_count, tunnel_service};
use crate::account::{Account, Behaviour, NONE, Segment, SiteKind};
use crate::calendar::HOUR;
use crate::event::Address;
use crate::geography::{COUNTRIES, hosting_v4, hosting_v6};
use crate::random::{Domain, unit};
use crate::world::World;

/// Share of homes that are also exits of a residential proxy network.
const PROXIED_HOMES: f64 = 0.03;
/// Hosting ranges of anonymising services start here.
const EXIT_RANGE: u64 = 5_000;
/// Hosting ranges of shared cloud egress start here.
const EGRESS_RANGE: u64 = 9_000;
/// Hosting ranges of developers' own machines start here.
const SERVER_RANGE: u64 = 20_000;

/// The address of a home on a day, as IPv4.
pub(crate) fn home_v4(world: &World, home: u32, day: u32) -> Address {
    let number = u64::from(home);
    let plan = world.population.homes[home as usize];
    let phase = world.streams.hash(Domain::Lease, number, u64::MAX) % u64::from(plan.lease);
    let epoch = (u64::from(day) + phase) / u64::from(plan.lease);
    // Half of the changes keep the block: the block is that of the last epoch that left its predecessor's.
    let leaves = |epoch: u64| epoch == 0 || world.streams.hash(Domain::Lease, number, epoch) & 1 == 0;
    let settled = (0..=epoch).rev().find(|&epoch| leaves(epoch)).unwrap_or(0);
    let block = world.streams.hash(Domain::Home, number, settled);
    world.geography.v4(plan.provider, block, world.streams.hash(Domain::Home, number, 1 << 32 | epoch))
}

fn home_v6(world: &World, home: u32, device: u64, day: u32) -> Address {
    let number = u64::from(home);
    let provider = world.population.homes[home as usize].provider;
    let subnet = world.streams.hash(Domain::Home, number, u64::MAX);
    world.geography.v6(provider, subnet, world.streams.hash(Domain::Interface, device, u64::from(day)))
}

/// An exit of a residential proxy network; some exits are homes of the population.
pub(crate) fn proxy_exit(world: &World, draw: u64, day: u32) -> Address {
    let homes = world.population.homes.len() as u64;
    let proxied = (homes as f64 * PROXIED_HOMES) as u64;
    let exits = ((6e6 * world.config.tier.scale()) as u64).max(4_000);
    let exit = draw % exits;
    if exit < proxied {
        let home = world.streams.hash(Domain::ProxyExit, exit, 0) % homes;
        return home_v4(world, home as u32, day);
    }
    let hash = world.streams.hash(Domain::ProxyExit, exit, 1);
    let country = world.geography.country_at(unit(hash));
    let provider = world.geography.provider_in(country, hash >> 3);
    // An exit is a device like any other: its address lasts for about three weeks.
    let lease = world.streams.hash(Domain::ProxyExit, exit, 2 + (u64::from(day) + exit % 21) / 21);
    world.geography.v4(provider, lease >> 40, lease)
}

/// A dedicated residential or provider address.
pub(crate) fn static_address(world: &World, pool: u64, number: u64) -> Address {
    let hash = world.streams.hash(Domain::Static, pool, number);
    let country = world.geography.country_at(unit(hash));
    world.geography.v4(world.geography.provider_in(country, hash >> 5), hash >> 33, world.streams.hash(Domain::Static, hash, 1))
}

/// An address of a site.
fn site_address(world: &World, site: u32, choice: u64) -> Address {
    let plan = world.population.sites[site as usize];
    let host = choice % u64::from(plan.addresses);
    match plan.kind {
        SiteKind::Premises(provider) => {
            let base = world.streams.hash(Domain::Site, u64::from(site), 0);
            // Neighbouring addresses of one /24.
            let host = (base & 0xff00_0000) | (base % 200 + host);
            world.geography.v4(provider, base >> 40, host)
        }
        SiteKind::Hosting(range) => hosting_v4(u64::from(range), 10 + host),
    }
}

/// Where the account's next session comes from.
pub(crate) fn of_session(world: &World, number: u32, account: &Account, day: u32, local: i64, rng: &mut ChaCha8Rng) -> Address {
    let entity = u64::from(number);
    let at_work = (8 * HOUR..19 * HOUR).contains(&local);
    let from_site = match (account.segment, account.behaviour) {
        _ if account.site == NONE => 0.0,
        (Segment::Seat, _) => {
            if at_work {
                0.8
            } else {
                0.15
            }
        }
        (_, Behaviour::Campus | Behaviour::Class) => {
            if at_work {
                0.7
            } else {
                0.4
            }
        }
        (_, Behaviour::Hackathon) if i64::from(account.created) / 1_440 + 1 >= i64::from(day) => 0.97,
        (_, Behaviour::Aggregator) => 1.0,
        (_, Behaviour::Integration) => 0.9,
        (_, Behaviour::Agency) => 0.2,
        _ => 0.0,
    };
    if from_site > 0.0 && rng.random_bool(from_site) {
        return site_address(world, account.site, rng.random());
    }
    if account.tunnels && rng.random_bool(0.6) {
        return tunnel_exit(world, number, rng);
    }
    if account.segment == Segment::Developer {
        match rng.random::<f64>() {
            part if part < 0.66 => return server(world, entity),
            part if part < 0.71 => {
                // Functions and shared runners leave through a cloud's common addresses.
                let ranges = (40.0 * world.config.tier.scale()).ceil() as u64;
                return hosting_v4(EGRESS_RANGE + rng.random_range(0..ranges), rng.random_range(1..60));
            }
            _ => {}
        }
    }
    personal(world, number, account, day, rng)
}

/// A person's own session: carrier, hotspot or home.
fn personal(world: &World, number: u32, account: &Account, day: u32, rng: &mut ChaCha8Rng) -> Address {
    let entity = u64::from(number);
    let carrier_nat = COUNTRIES[account.country as usize].carrier_nat;
    if account.gateway != NONE && rng.random_bool(if carrier_nat { 0.8 } else { 0.55 }) {
        let gateway = world.population.gateways[account.gateway as usize];
        let interface = world.streams.hash(Domain::Interface, entity, 1 << 32 | u64::from(day));
        // Carriers that translate IPv4 often route IPv6 natively.
        if rng.random_bool(0.1) {
            return world.geography.v6(gateway.provider, interface >> 32, interface);
        }
        let host = rng.random_range(0..u64::from(gateway.addresses));
        let base = world.streams.hash(Domain::Gateway, u64::from(account.gateway), 0);
        let host = (base & 0xff00_0000) | (base % 180 + host);
        return world.geography.v4(gateway.provider, base >> 40, host);
    }
    // Half of the accounts hardly move; the rest are away in up to 70% of their sessions.
    let restless = world.streams.unit(Domain::Hotspot, entity, 0);
    let away = if restless < 0.5 { 0.005 } else { (restless - 0.5) * 1.4 };
    if rng.random_bool(away) {
        let provider = world.geography.provider_in(account.country, rng.random());
        let spots = (world.population.accounts.len() as u64 / 50).max(20);
        let spot = world.streams.hash(Domain::Hotspot, u64::from(provider) + 1, rng.random_range(0..spots));
        return world.geography.v4(provider, spot >> 40, spot);
    }
    if world.population.homes[account.home as usize].v6 && rng.random_bool(0.85) {
        return home_v6(world, account.home, entity, day);
    }
    home_v4(world, account.home, day)
}

fn tunnel_exit(world: &World, number: u32, rng: &mut ChaCha8Rng) -> Address {
    let service = tunnel_service(&world.config, number);
    let exits = (exit_count(&world.config) - service * EXITS_PER_SERVICE).min(EXITS_PER_SERVICE);
    // Each user keeps to a few favourite exits; popular ones are everybody's favourites.
    let favourite = world.streams.hash(Domain::Exit, u64::from(number), rng.random_range(0..5));
    let exit = (unit(favourite).powf(1.6) * exits as f64) as u64;
    hosting_v4(EXIT_RANGE + service, 1 + exit * 3)
}

/// A developer's own machine.
fn server(world: &World, entity: u64) -> Address {
    let hash = world.streams.hash(Domain::Server, entity, 0);
    if unit(hash) < 0.52 {
        return hosting_v6(hash >> 4);
    }
    hosting_v4(SERVER_RANGE + (hash >> 8) % 600_000, hash >> 40)
}
