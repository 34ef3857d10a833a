//! How does a relay spread its tenants' work over its accounts? A scheduler, simulated session by session.
//!
//! 1. Sessions arrive by the relay's hours (.6 office hours of UTC+8, .4 flat); a campaign's session belongs to a base
//!    template, and templates live for about a third of the campaign and in one shard of the pool, so one is sent tens of
//!    thousands of times by hundreds of accounts.
//! 2. The scheduler gives the session an account: the least recently used one, the next in turn, any, or the least loaded, with
//!    at most 2 to 5 sessions at once on an account. A session sticks to its account for at most an hour.
//! 3. On 429, or on 403 after a ban, the same request goes to another account, after a lognormal pause with median 3 seconds.
//!
//! Cost: O(log accounts) a session; memory O(accounts) and the exchanges of sessions that run past midnight.

use std::collections::BTreeSet;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::plan::{Egress, Pool, Tenant};
use super::recruit::rotation_minutes;
use super::roster::Work;
use crate::benign::day::{capability, common_template, favourite_template, tokens};
use crate::benign::places::{proxy_exit, static_address};
use crate::calendar::{DAY, END, HOUR, MINUTE, NEW_MODEL, Rhythm, benign_model, older_model, pivot_share};
use crate::config::Scheduling;
use crate::event::{Address, CAPABILITIES, Event, Origin, TemplateKind, template};
use crate::geography::hosting_v4;
use crate::random::{Domain, lognormal, normal, poisson, zipf};
use crate::world::World;

/// Exchanges of a session, on average.
const SESSION_EXCHANGES: f64 = 5.0;
/// A session leaves its account after this long.
const STICKY: i64 = HOUR;
/// Chance that an exchange is answered 429.
const RATE_LIMITED: f64 = 0.012;
/// Share of a campaign's sessions that may go to any shard.
const ANY_SHARD: f64 = 0.3;
/// Synchronous workers start every ten minutes.
const TICK: i64 = 10 * MINUTE;
/// Share of variants too far from their base (Jaccard similarity Beta(8, 2) below .6) to keep its hash.
const FAR_VARIANT: f64 = 0.0705;
/// Accounts looked at for a free place before the first is overloaded.
const LOOK_AHEAD: usize = 48;

/// Starts every relay of a world.
pub(crate) fn start(world: &World) -> Vec<Relay> {
    (0..world.pools.len()).map(|number| Relay::new(world, number)).collect()
}

/// The relays' exchanges on days `from..to`.
pub(crate) fn window(world: &World, relays: &mut [Relay], from: u32, to: u32) -> Vec<Event> {
    let parts: Vec<Vec<Event>> = relays
        .par_iter_mut()
        .with_max_len(1)
        .map(|relay| {
            let mut events = std::mem::take(&mut relay.carried);
            for day in from..to {
                relay.day(world, day, &mut events);
            }
            let closing = i64::from(to) * DAY;
            relay.carried = events.extract_if(.., |event| event.millis >= closing).collect();
            events
        })
        .collect();
    parts.concat()
}

/// The address of an account with a fixed one.
pub(crate) fn egress_address(world: &World, pool: u32, egress: Egress) -> Address {
    match egress {
        Egress::Static(number) => static_address(world, u64::from(pool), u64::from(number)),
        Egress::Hosting { range, host } => hosting_v4(u64::from(range), u64::from(host) - 1),
        Egress::Rotating => unreachable!("rotating exits are drawn by session"),
    }
}

/// One pool's scheduler between days.
#[derive(Debug)]
pub(crate) struct Relay {
    number: u32,
    members: Vec<Member>,
    shards: Vec<Shard>,
    turn: i64,
    carried: Vec<Event>,
}

#[derive(Debug)]
struct Member {
    account: u32,
    egress: Egress,
    banned: i64,
    shard: u32,
    key: i64,
    exchanges: i64,
    places: [i64; 5],
    concurrency: u8,
    exit: u64,
    exit_until: i64,
}

#[derive(Debug, Default)]
struct Shard {
    /// Members that serve, by what the scheduler orders them by.
    ready: BTreeSet<(i64, u32)>,
    /// For random choice.
    any: Vec<u32>,
    /// Members that don't serve yet, last first.
    upcoming: Vec<(i64, u32)>,
}

struct Start {
    millis: i64,
    tenant: usize,
}

impl Relay {
    fn new(world: &World, number: usize) -> Self {
        let pool = &world.pools[number];
        let mut shards: Vec<Shard> = (0..pool.shards).map(|_| Shard::default()).collect();
        let mut members = Vec::new();
        for &account in pool.accounts.iter().chain(&pool.borrowed) {
            let operated = &world.operated[(account - world.benign_count) as usize];
            let banned = match world.population.accounts[account as usize].banned {
                crate::account::NEVER => i64::MAX,
                minute => i64::from(minute) * MINUTE,
            };
            let shard = operated.shard % pool.shards;
            shards[shard as usize].upcoming.push((operated.active, members.len() as u32));
            members.push(Member {
                account,
                egress: operated.egress,
                banned,
                shard,
                key: 0,
                exchanges: 0,
                places: [0; 5],
                concurrency: operated.concurrency,
                exit: 0,
                exit_until: i64::MIN,
            });
        }
        for shard in &mut shards {
            shard.upcoming.sort_unstable_by(|a, b| b.cmp(a));
        }
        Relay { number: number as u32, members, shards, turn: 0, carried: Vec::new() }
    }

    fn day(&mut self, world: &World, day: u32, events: &mut Vec<Event>) {
        let pool = &world.pools[self.number as usize];
        let mut rng = world.streams.day(Domain::PoolDay, u64::from(self.number), day);
        let mut starts = Vec::new();
        for (at, tenant) in pool.tenants.iter().enumerate() {
            arrivals(world, tenant, at, day, &mut rng, &mut starts);
        }
        starts.sort_by_key(|start| (start.millis, start.tenant));
        for start in starts {
            self.session(world, pool, &pool.tenants[start.tenant], start.millis, &mut rng, events);
        }
    }

    /// One session, from the choice of its first account to its last exchange.
    fn session(
        &mut self,
        world: &World,
        pool: &Pool,
        tenant: &Tenant,
        start: i64,
        rng: &mut ChaCha8Rng,
        events: &mut Vec<Event>,
    ) {
        let job = Job::draw(tenant, start, rng);
        let shards = self.shards.len() as u64;
        let shard = if tenant.work.is_campaign() && !rng.random_bool(ANY_SHARD) {
            job.base % shards
        } else {
            rng.random_range(0..shards)
        };
        let Some(mut member) = self.acquire(pool, shard as usize, start, None, rng) else { return };
        let (mut now, mut since) = (start, start);
        let count = 1 + ((1.0 - rng.random::<f64>()).ln() / (1.0 - 1.0 / SESSION_EXCHANGES).ln()) as u32;
        let pause = if tenant.work.is_campaign() { 9_000.0 } else { 30_000.0 };
        let jitter = world.config.knobs.jitter * 1_000.0;
        for _ in 0..count {
            let request = job.request(world, pool, tenant, now, rng);
            for _ in 0..3 {
                let refused = if now >= self.members[member].banned {
                    403
                } else if rng.random_bool(RATE_LIMITED) {
                    429
                } else {
                    break;
                };
                events.extend(self.exchange(world, &request, member, refused, now, rng));
                self.release(pool, member, since, now);
                now += lognormal(rng, 3_000.0, 0.6) as i64;
                since = now;
                let Some(next) = self.acquire(pool, shard as usize, now, Some(member), rng) else { return };
                member = next;
            }
            let status = if now >= self.members[member].banned { 403 } else { 200 };
            events.extend(self.exchange(world, &request, member, status, now, rng));
            now += lognormal(rng, pause, 0.9) as i64 + 200;
            if jitter > 0.0 && tenant.work.is_campaign() {
                now += lognormal(rng, jitter, 1.0) as i64;
            }
            if now - since > STICKY {
                self.release(pool, member, since, since + STICKY);
                since = now;
                let Some(next) = self.acquire(pool, shard as usize, now, None, rng) else { return };
                member = next;
            }
        }
        self.release(pool, member, since, now);
    }

    /// Chooses a member for a session, another than `refusing` if there is one; a banned one is found out only by using it.
    fn acquire(&mut self, pool: &Pool, shard: usize, now: i64, refusing: Option<usize>, rng: &mut ChaCha8Rng) -> Option<usize> {
        let shard = self.serving_shard(shard, now)?;
        let (members, shard) = (&self.members, &self.shards[shard]);
        let is_other = |member: u32| refusing != Some(member as usize);
        let is_free = |member: u32| {
            let places = &members[member as usize];
            let open = places.places.iter().filter(|&&until| until > now).count();
            is_other(member) && open < usize::from(places.concurrency)
        };
        let chosen = match pool.scheduling {
            Scheduling::Random => {
                let mut draw = || shard.any[rng.random_range(0..shard.any.len())];
                let mut chosen = draw();
                for _ in 0..LOOK_AHEAD {
                    if is_free(chosen) {
                        break;
                    }
                    chosen = draw();
                }
                chosen
            }
            _ => {
                let mut ready = shard.ready.iter().map(|&(_, member)| member);
                let free = ready.clone().take(LOOK_AHEAD).find(|&member| is_free(member));
                free.or_else(|| ready.clone().find(|&member| is_other(member))).or_else(|| ready.next())?
            }
        };
        Some(chosen as usize)
    }

    /// The wanted shard, or the next one in which anyone serves.
    fn serving_shard(&mut self, wanted: usize, now: i64) -> Option<usize> {
        let count = self.shards.len();
        (wanted..wanted + count).map(|at| at % count).find(|&at| {
            let shard = &mut self.shards[at];
            while let Some(&(active, member)) = shard.upcoming.last()
                && active <= now
            {
                shard.upcoming.pop();
                shard.ready.insert((0, member));
                shard.any.push(member);
            }
            !shard.ready.is_empty()
        })
    }

    /// Gives a member back after a session from `since` to `now`; a member that was found banned is not used again.
    fn release(&mut self, pool: &Pool, number: usize, since: i64, now: i64) {
        let member = &mut self.members[number];
        let shard = &mut self.shards[member.shard as usize];
        if !shard.ready.remove(&(member.key, number as u32)) {
            return;
        }
        if now >= member.banned {
            shard.any.retain(|&other| other != number as u32);
            return;
        }
        if let Some(place) = member.places.iter_mut().find(|until| **until <= since) {
            *place = now;
        }
        self.turn += 1;
        member.key = match pool.scheduling {
            Scheduling::LeastRecentlyUsed => member.key.max(now),
            Scheduling::LeastLoaded => member.exchanges,
            Scheduling::RoundRobin | Scheduling::Random => self.turn,
        };
        shard.ready.insert((member.key, number as u32));
    }

    fn exchange(
        &mut self,
        world: &World,
        request: &Request,
        member: usize,
        status: u16,
        now: i64,
        rng: &mut ChaCha8Rng,
    ) -> Option<Event> {
        let member = &mut self.members[member];
        let account = &world.population.accounts[member.account as usize];
        member.exchanges += 1;
        let address = match member.egress {
            Egress::Rotating => {
                if now >= member.exit_until {
                    member.exit = rng.random();
                    member.exit_until = now + (rotation_minutes(rng) * MINUTE as f64) as i64;
                }
                proxy_exit(world, member.exit, (now / DAY) as u32)
            }
            egress => {
                let pool = world.operated[(member.account - world.benign_count) as usize].pool;
                egress_address(world, pool, egress)
            }
        };
        let event = Event {
            millis: now,
            account: member.account,
            tokens: if status == 200 { request.tokens } else { 0 },
            template: request.template,
            address,
            card: account.card,
            status,
            client: account.client,
            model: request.model,
            capability: request.capability,
            pathway: account.pathway,
            origin: request.origin,
        };
        (now < END).then_some(event)
    }
}

/// Starts of a tenant's sessions on a day.
fn arrivals(world: &World, tenant: &Tenant, at: usize, day: u32, rng: &mut ChaCha8Rng, starts: &mut Vec<Start>) {
    let opening = i64::from(day) * DAY;
    let overlap = (tenant.to.min(opening + DAY) - tenant.from.max(opening)).max(0) as f64;
    let sessions = tenant.exchanges / SESSION_EXCHANGES * overlap / (tenant.to - tenant.from) as f64;
    for _ in 0..poisson(rng, sessions) {
        let local = world.clock.time_of_day(Rhythm::Relay, rng.random());
        let mut millis = opening + (local - 8 * HOUR).rem_euclid(DAY);
        if tenant.work == Work::SynchronousCampaign {
            millis = (millis / TICK * TICK + (normal(rng).abs() * 2_000.0) as i64).min(opening + DAY - 1);
        }
        if (tenant.from..tenant.to).contains(&millis) {
            starts.push(Start { millis, tenant: at });
        }
    }
}

/// What a session is about.
struct Job {
    /// Base template of a campaign, or number of the customer.
    base: u64,
    entity: u64,
}

/// One request, whichever account it ends on.
struct Request {
    template: u64,
    tokens: u32,
    model: u8,
    capability: u8,
    origin: Origin,
}

impl Job {
    fn draw(tenant: &Tenant, start: i64, rng: &mut ChaCha8Rng) -> Self {
        match tenant.work {
            Work::Customers(count) => {
                let customer = zipf(rng.random(), f64::from(count)) - 1;
                Job { base: customer, entity: 1 << 40 | (tenant.number >> 4) << 24 | customer }
            }
            _ => {
                // A window of templates moves through the campaign.
                let passed = (start - tenant.from) as f64 / (tenant.to - tenant.from) as f64;
                let place = (passed + (rng.random::<f64>() - 0.5) * 0.35).clamp(0.0, 0.999_999);
                Job { base: (place * f64::from(tenant.templates)) as u64, entity: 0 }
            }
        }
    }

    fn request(&self, world: &World, pool: &Pool, tenant: &Tenant, now: i64, rng: &mut ChaCha8Rng) -> Request {
        let (part, choice) = (rng.random::<f64>(), rng.random::<u64>());
        let mut request = if let Work::Customers(_) = tenant.work {
            let template = match part {
                part if part < 0.4 => template(TemplateKind::Customer, (tenant.number >> 4) << 24 | self.base, choice % 3),
                part if part < 0.55 => template(TemplateKind::Vendor, 1 + choice % 12, 0),
                part if part < 0.75 => favourite_template(world, self.entity, choice),
                _ => common_template(world, rng.random()),
            };
            Request {
                template,
                tokens: tokens(rng.random(), 80.0),
                model: benign_model(&world.streams, self.entity, now, rng.random()),
                capability: capability(world.streams.hash(Domain::Taste, self.entity, 1), 176, rng.random()),
                origin: Origin::Customer,
            }
        } else {
            let variant = if part < FAR_VARIANT { 1 + choice % 16 } else { 0 };
            let template = if rng.random_bool(world.config.knobs.paraphrase) {
                (TemplateKind::Paraphrase as u64) << 56 | choice >> 8
            } else {
                template(TemplateKind::Campaign, tenant.number, self.base << 5 | variant)
            };
            let pivots = tenant.work == Work::PivotingCampaign && rng.random_bool(pivot_share(now));
            let focused = rng.random_bool(tenant.focus);
            let class =
                if focused { tenant.classes[self.base as usize % 3] } else { (choice >> 32) as u8 % CAPABILITIES.len() as u8 };
            Request {
                template,
                tokens: tokens(rng.random(), 400.0),
                model: if pivots { NEW_MODEL } else { older_model(0.6, rng.random()) },
                capability: class,
                origin: Origin::Campaign,
            }
        };
        if pool.prefix {
            request.template = template(TemplateKind::Prefix, u64::from(tenant.number as u32), 0);
        }
        request
    }
}
