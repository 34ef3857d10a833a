//! Turns the roster into accounts: registration in bursts, warm-up, bans, replacements, shared cards and addresses.
//!
//! 1. **Register** a network's accounts in bursts of 20 to 400 an hour; each warms up for 0 to 10 days and then serves.
//! 2. **Ban**: every account has a hazard of 1.2% a day once it serves, and waves take their share of those alive.
//! 3. **Replace** bans until the network has had as many accounts as it ever has, after a lognormal lag with median 6 hours. A
//!    replacement takes its predecessor's slot, the template set (.95), the card's batch (.5) and the address range (.3).
//! 4. **Equip** (see `recruit`): cards in groups, addresses by policy, one of 1 to 4 frozen clients.
//!
//! The hazard alone would ban more than half of a pool in sixty days, while a pool of 20,000 has only 1,600 more accounts ever:
//! so only that many bans, drawn at random over the sixty days, are replaced, and the pool shrinks.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::recruit;
use super::roster::{Demand, Spec, Work, networks};
use crate::account::{Account, Behaviour, NEVER, NONE, Plan, Segment};
use crate::calendar::{DAY, HOUR, MINUTE};
use crate::config::{DAYS, Scheduling};
use crate::event::Pathway;
use crate::random::{Domain, lognormal, shuffle};
use crate::world::World;

/// Accounts that share a set of templates.
const SHARD_SIZE: f64 = 600.0;
/// Standby accounts each stand in for one of this many banned.
const FIRST_POOL_PER_STANDBY: f64 = 1.25;
/// Day from which a pool's accounts are at risk: by then the last have been registered.
const FIRST_RISK: i64 = 6 * DAY;
/// Share of bans that are replaced at once, rather than when a replacement is banned too.
const FIRST_GENERATION: f64 = 0.7;
/// Share of resale customers who also have an account of their own.
const CUSTOMERS_WITH_ACCOUNT: f64 = 0.3;

/// Part an account plays for its operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Operator,
    Standby,
}

/// Where an operated account's requests come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Egress {
    /// A dedicated address, by number within the pool.
    Static(u32),
    /// Residential exits, 10 to 90 minutes each.
    Rotating,
    /// A machine in a hosting range.
    Hosting { range: u32, host: u8 },
}

/// An operated account, beside what every account has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operated {
    pub(crate) pool: u32,
    pub(crate) role: Role,
    pub(crate) egress: Egress,
    /// When it starts to serve, in milliseconds after the start.
    pub(crate) active: i64,
    pub(crate) shard: u32,
    /// Number of the account it replaced, or `NONE`.
    pub(crate) predecessor: u32,
    /// Most sessions at once.
    pub(crate) concurrency: u8,
}

/// A network's pool of accounts and the work it serves.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    pub(crate) network: String,
    pub(crate) accounts: Vec<u32>,
    pub(crate) borrowed: Vec<u32>,
    pub(crate) shards: u32,
    pub(crate) scheduling: Scheduling,
    pub(crate) tenants: Vec<Tenant>,
    pub(crate) prefix: bool,
}

/// One tenant of a pool.
#[derive(Clone, Debug)]
pub(crate) struct Tenant {
    pub(crate) name: String,
    pub(crate) number: u64,
    pub(crate) work: Work,
    pub(crate) exchanges: f64,
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// Base templates of a campaign.
    pub(crate) templates: u32,
    /// Capability classes of a campaign, and the share of its exchanges in them.
    pub(crate) classes: [u8; 3],
    pub(crate) focus: f64,
}

/// Plants every network of the world's configuration.
pub(crate) fn plant(world: &mut World) {
    for (number, spec) in networks(&world.config).iter().enumerate() {
        let rng = world.streams.stream(Domain::Pool, number as u64);
        Planter { number: number as u32, spec, rng, world }.plant();
    }
}

struct Planter<'a> {
    number: u32,
    spec: &'a Spec,
    rng: ChaCha8Rng,
    world: &'a mut World,
}

/// A member before it is equipped.
pub(crate) struct Recruit {
    pub(crate) created: i64,
    pub(crate) active: i64,
    pub(crate) banned: Option<i64>,
    pub(crate) shard: u32,
    pub(crate) slot: u32,
    pub(crate) role: Role,
    /// Index of the replaced recruit.
    pub(crate) predecessor: Option<usize>,
}

impl Planter<'_> {
    fn plant(mut self) {
        let shards = (f64::from(self.spec.live) / SHARD_SIZE).round().max(1.0) as u32;
        let mut recruits = self.register(self.spec.live, self.spec.registered, Role::Operator, shards);
        for recruit in &mut recruits {
            recruit.banned = ban(self.spec, self.world.config.knobs.ban_hazard, recruit, &mut self.rng);
        }
        self.replace(&mut recruits, shards);
        let standby = self.standby(recruits.len() as u32, shards);
        recruits.extend(standby);
        let accounts = self.enlist(&recruits);
        let borrowed = self.borrow();
        self.mark_customers();
        let tenants = self.spec.demands.iter().enumerate().map(|(at, demand)| self.tenant(at, demand)).collect();
        self.world.pools.push(Pool {
            network: self.spec.network.clone(),
            accounts,
            borrowed,
            shards,
            scheduling: self.spec.scheduling,
            tenants,
            prefix: self.spec.prefix,
        });
    }

    /// Registers accounts in bursts between two days.
    fn register(&mut self, count: u32, days: (f64, f64), role: Role, shards: u32) -> Vec<Recruit> {
        let mut recruits = Vec::with_capacity(count as usize);
        let warm_up = self.world.config.knobs.warm_up;
        while recruits.len() < count as usize {
            let an_hour = 20.0 * 20.0_f64.powf(self.rng.random());
            let hours = 1.0 + 2.0 * self.rng.random::<f64>();
            let size = (an_hour * hours).min((f64::from(count) / 3.0).max(4.0)) as usize;
            let first = ((days.0 + (days.1 - days.0) * self.rng.random::<f64>()) * DAY as f64) as i64;
            for _ in 0..size.min(count as usize - recruits.len()) {
                let slot = recruits.len() as u32;
                let created = first + (self.rng.random::<f64>() * hours * HOUR as f64) as i64;
                let active = created + (self.rng.random::<f64>() * warm_up * DAY as f64) as i64;
                recruits.push(Recruit { created, active, banned: None, shard: slot % shards, slot, role, predecessor: None });
            }
        }
        recruits
    }

    /// Replaces bans, drawn at random, until the network has had all its accounts.
    fn replace(&mut self, recruits: &mut Vec<Recruit>, shards: u32) {
        let reserve = (self.spec.ever - self.spec.live) as usize;
        let last = i64::from(DAYS - 3) * DAY;
        let mut replaced = vec![false; recruits.len()];
        for generation in 0..3 {
            let missing = self.spec.ever as usize - recruits.len();
            let wanted = if generation == 0 { (reserve as f64 * FIRST_GENERATION).ceil() as usize } else { missing };
            let open = |at: &usize| !replaced[*at] && recruits[*at].banned.is_some_and(|banned| banned < last);
            let mut candidates: Vec<usize> = (0..recruits.len()).filter(open).collect();
            shuffle(&mut candidates, &mut self.rng);
            candidates.truncate(wanted.min(missing));
            candidates.sort_unstable_by_key(|&at| (recruits[at].banned, at));
            for at in candidates {
                let predecessor = &recruits[at];
                let lag = lognormal(&mut self.rng, 6.0, 1.0).clamp(0.2, 200.0);
                let created = predecessor.banned.unwrap_or(0) + (lag * HOUR as f64) as i64;
                let hurry = self.world.config.knobs.warm_up.min(2.0);
                let active = created + (self.rng.random::<f64>() * hurry * DAY as f64) as i64;
                let shard = if self.rng.random_bool(0.95) { predecessor.shard } else { self.rng.random_range(0..shards) };
                let (slot, role) = (predecessor.slot, predecessor.role);
                let mut recruit = Recruit { created, active, banned: None, shard, slot, role, predecessor: Some(at) };
                recruit.banned = ban(self.spec, self.world.config.knobs.ban_hazard, &recruit, &mut self.rng);
                replaced[at] = true;
                recruits.push(recruit);
                replaced.push(false);
            }
        }
        // With few bans there is little to replace: the rest are recruited on the way.
        let missing = self.spec.ever - recruits.len() as u32;
        let late = self.register(missing, (8.0, 45.0), Role::Operator, shards);
        recruits.extend(late);
    }

    /// Accounts kept asleep until the wave that takes the first pool.
    fn standby(&mut self, first_slot: u32, shards: u32) -> Vec<Recruit> {
        let mut recruits = self.register(self.spec.standby, (8.0, 24.0), Role::Standby, shards);
        let wave = self.spec.waves.iter().find(|wave| wave.first_pool_only).map_or(50.0, |wave| wave.day);
        for recruit in &mut recruits {
            recruit.slot += first_slot;
            recruit.active = (wave * DAY as f64) as i64 + (lognormal(&mut self.rng, 6.0, 0.7) * HOUR as f64) as i64;
        }
        recruits
    }

    /// Makes accounts of recruits and equips them.
    fn enlist(&mut self, recruits: &[Recruit]) -> Vec<u32> {
        let gear = recruit::equip(self.world, self.number, self.spec, recruits, &mut self.rng);
        let first = self.world.population.accounts.len() as u32;
        for (recruit, gear) in recruits.iter().zip(gear) {
            let (pathway, plan) = self.pathway();
            let mut account = Account::new(Segment::Operated, pathway, plan);
            account.created = (recruit.created / MINUTE) as i32;
            account.banned = recruit.banned.map_or(NEVER, |banned| (banned / MINUTE) as i32);
            account.rate = match recruit.role {
                Role::Operator => 3.0 + 17.0 * self.rng.random::<f32>(),
                Role::Standby => 0.15,
            };
            account.country = self.world.geography.country_at(self.rng.random());
            (account.card, account.client, account.second_client) = (gear.card, gear.client, gear.client);
            self.world.population.accounts.push(account);
            self.world.operated.push(Operated {
                pool: self.number,
                role: recruit.role,
                egress: gear.egress,
                active: recruit.active,
                shard: recruit.shard,
                predecessor: recruit.predecessor.map_or(NONE, |at| first + at as u32),
                concurrency: self.rng.random_range(2..=5),
            });
        }
        (first..first + recruits.len() as u32).collect()
    }

    /// 70% interface, 20% cloud, 10% application; 15% come through programmes instead.
    fn pathway(&mut self) -> (Pathway, Plan) {
        if self.rng.random_bool(0.15) {
            let pathway = if self.rng.random_bool(0.5) { Pathway::Education } else { Pathway::Startup };
            return (pathway, Plan::Programme);
        }
        match self.rng.random::<f64>() {
            part if part < 0.7 => (Pathway::Api, Plan::Api),
            part if part < 0.9 => (Pathway::Cloud, Plan::Api),
            _ => (Pathway::Consumer, Plan::Pro),
        }
    }

    /// Accounts of the first network that this one uses too.
    fn borrow(&mut self) -> Vec<u32> {
        let Some(lender) = self.world.pools.first() else { return Vec::new() };
        let mut borrowed: Vec<u32> = (0..self.spec.borrowed.min(lender.accounts.len() as u32 / 4))
            .map(|_| lender.accounts[self.rng.random_range(0..lender.accounts.len())])
            .collect();
        borrowed.sort_unstable();
        borrowed.dedup();
        borrowed
    }

    /// Some customers of the first pool have an account of their own, where they use the same prompts.
    fn mark_customers(&mut self) {
        if self.number > 0 {
            return;
        }
        let customers = self.spec.demands.iter().find_map(|demand| match demand.work {
            Work::Customers(count) => Some(count),
            _ => None,
        });
        let wanted = (f64::from(customers.unwrap_or(0)) * CUSTOMERS_WITH_ACCOUNT).ceil() as u32;
        for customer in 0..wanted {
            // A few draws find an ordinary consumer; a world without any has no such customer.
            for _ in 0..64 {
                let account = self.rng.random_range(0..self.world.benign_count) as usize;
                let account = &mut self.world.population.accounts[account];
                let free = account.group == NONE && account.behaviour == Behaviour::Ordinary;
                if free && account.segment == Segment::Consumer {
                    (account.behaviour, account.org) = (Behaviour::RelayCustomer, customer);
                    break;
                }
            }
        }
    }

    fn tenant(&self, at: usize, demand: &Demand) -> Tenant {
        let number = u64::from(self.number) << 4 | at as u64;
        let mut rng = self.world.streams.stream(Domain::Pool, 1 << 20 | number);
        let first = rng.random_range(0..24);
        Tenant {
            name: demand.tenant.clone(),
            number,
            work: demand.work,
            exchanges: demand.exchanges,
            from: (demand.days.0 * DAY as f64) as i64,
            to: (demand.days.1 * DAY as f64) as i64,
            templates: (demand.exchanges / 32_000.0).clamp(20.0, 400.0) as u32,
            classes: [first, (first + 5) % 24, (first + 9) % 24],
            focus: 0.7 + 0.25 * rng.random::<f64>(),
        }
    }
}

/// When an account is banned, if it is within the sixty days.
fn ban(spec: &Spec, hazard: f64, recruit: &Recruit, rng: &mut ChaCha8Rng) -> Option<i64> {
    let risk = recruit.active.max(FIRST_RISK);
    let wait = -(1.0 - rng.random::<f64>()).ln() / hazard.max(1e-12);
    let mut banned = risk.saturating_add((wait.min(1e6) * DAY as f64) as i64);
    let first_pool = f64::from(recruit.slot) < f64::from(spec.standby) * FIRST_POOL_PER_STANDBY;
    for wave in &spec.waves {
        let at = (wave.day * DAY as f64) as i64;
        let hit = rng.random_bool(wave.share) && (first_pool || !wave.first_pool_only);
        if hit && recruit.active < at && at < banned {
            banned = at + (rng.random::<f64>() * 6.0 * HOUR as f64) as i64;
        }
    }
    (banned < i64::from(DAYS) * DAY).then_some(banned)
}
