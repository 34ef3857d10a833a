//! What an operator buys for its accounts: cards, addresses, software.
//!
//! Cards, in shares of accounts: 45% a virtual card of their own, 35% on cards of 2 to 5 accounts, 15% of 6 to 20, 5% of 21 to
//! 80; 70% in 3 to 6 issuers' ranges, 8% stolen ones with the population's ranges. Addresses: dedicated ones for 1 to 3
//! accounts, rotating residential exits, a few hosting /24s. Software: one of 1 to 4 clients, frozen. Accounts registered
//! together tend to share, but not strictly.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::plan::{Egress, Recruit};
use super::roster::Spec;
use crate::account::{Card, Funding, benign_bin};
use crate::clients::{Family, pick};
use crate::config::Knobs;
use crate::event::NO_CARD;
use crate::random::{Domain, lognormal};
use crate::world::World;

/// Sizes of card groups: least, most, share of the accounts that have no card of their own.
const CARD_GROUPS: [(u32, u32, f64); 3] = [(2, 5, 0.35 / 0.55), (6, 20, 0.15 / 0.55), (21, 80, 0.05 / 0.55)];
/// Chance that a replacement takes a card of its predecessor's batch.
const SAME_CARD_BATCH: f64 = 0.5;
/// Chance that a replacement takes an address of its predecessor's range.
const SAME_RANGE: f64 = 0.3;
/// Accounts on one machine in a hosting range.
const ACCOUNTS_PER_MACHINE: f64 = 6.0;
/// Operators' hosting ranges start here; they are rented from the same companies as everyone's.
const OPERATOR_RANGE: u64 = 20_000;

/// What one account gets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gear {
    pub(crate) card: u32,
    pub(crate) egress: Egress,
    pub(crate) client: u8,
}

/// Equips all recruits of a pool.
pub(crate) fn equip(world: &mut World, pool: u32, spec: &Spec, recruits: &[Recruit], rng: &mut ChaCha8Rng) -> Vec<Gear> {
    let clients: Vec<u8> = (0..rng.random_range(1..=4)).map(|_| pick(Family::Library, rng.random())).collect();
    let bins: Vec<u16> = (0..rng.random_range(3..=6)).map(|_| benign_bin(rng.random())).collect();
    let knobs = world.config.knobs;
    let blank = Gear { card: NO_CARD, egress: Egress::Rotating, client: 0 };
    let mut gear = vec![blank; recruits.len()];
    for gear in &mut gear {
        gear.client = clients[rng.random_range(0..clients.len())];
    }
    let originals: Vec<usize> = (0..recruits.len()).filter(|&at| recruits[at].predecessor.is_none()).collect();
    let card_order = batches(&originals, recruits.len(), rng);
    deal_cards(world, &knobs, &bins, &card_order, &mut gear, rng);
    let address_order = batches(&originals, recruits.len(), rng);
    let mut addresses = Addresses::new(world, pool, spec, recruits.len());
    addresses.deal(&knobs, &address_order, &mut gear, rng);
    let mut holders = vec![0u32; world.population.cards.len()];
    for gear in gear.iter().filter(|gear| gear.card != NO_CARD) {
        holders[gear.card as usize] += 1;
    }
    for (at, recruit) in recruits.iter().enumerate() {
        let Some(predecessor) = recruit.predecessor else { continue };
        let before = gear[predecessor];
        gear[at].client = before.client;
        let same_batch = rng.random_bool(SAME_CARD_BATCH);
        gear[at].card = match holders.get(before.card as usize) {
            Some(2..) if same_batch => before.card,
            _ => {
                let bin = if same_batch { world.population.cards[before.card as usize].bin } else { issuer(&bins, rng) };
                world.population.card(bin, Funding::Virtual)
            }
        };
        gear[at].egress = if rng.random_bool(SAME_RANGE) {
            addresses.neighbour(&knobs, before.egress, rng)
        } else {
            addresses.fresh(&knobs, rng)
        };
    }
    gear
}

/// Members in order of registration, with neighbours mixed.
fn batches(members: &[usize], count: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let blur = (count / 8).clamp(2, 400);
    let mut keyed: Vec<(usize, usize)> = members.iter().map(|&at| (at + rng.random_range(0..blur), at)).collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, at)| at).collect()
}

fn issuer(bins: &[u16], rng: &mut ChaCha8Rng) -> u16 {
    if rng.random_bool(0.7) { bins[rng.random_range(0..bins.len())] } else { benign_bin(rng.random()) }
}

fn deal_cards(world: &mut World, knobs: &Knobs, bins: &[u16], order: &[usize], gear: &mut [Gear], rng: &mut ChaCha8Rng) {
    // Shares are of accounts, so groups are drawn in proportion to share over mean size.
    let own = knobs.virtual_card_share;
    let weights: Vec<f64> = std::iter::once(own)
        .chain(CARD_GROUPS.iter().map(|&(least, most, share)| (1.0 - own) * share / (f64::from(least + most) / 2.0)))
        .collect();
    let total: f64 = weights.iter().sum();
    let mut rest = order;
    while !rest.is_empty() {
        let mut draw = rng.random::<f64>() * total;
        let class = weights.iter().position(|weight| {
            draw -= weight;
            draw < 0.0
        });
        let size = match class.unwrap_or(0) {
            0 => 1,
            class => {
                let (least, most, _) = CARD_GROUPS[class - 1];
                rng.random_range(least..=most).min((order.len() as u32 / 3).max(2))
            }
        };
        let stolen = rng.random_bool(0.08);
        let card = if stolen {
            Card { bin: benign_bin(rng.random()), funding: Funding::Credit }
        } else {
            Card { bin: issuer(bins, rng), funding: Funding::Virtual }
        };
        let card = world.population.card(card.bin, card.funding);
        let (group, after) = rest.split_at((size as usize).min(rest.len()));
        for &member in group {
            gear[member].card = card;
        }
        rest = after;
    }
}

struct Addresses {
    hosting_only: bool,
    ranges: Vec<u32>,
    machines: u32,
    static_count: u32,
}

impl Addresses {
    fn new(world: &World, pool: u32, spec: &Spec, count: usize) -> Self {
        let share = 1.0 - world.config.knobs.static_share - world.config.knobs.rotating_share;
        let hosted = if spec.hosting_only { count as f64 } else { count as f64 * share.max(0.0) };
        let machines = (hosted / ACCOUNTS_PER_MACHINE).ceil().max(1.0) as u32;
        let ranges = (0..machines.div_ceil(120).clamp(1, 8))
            .map(|at| {
                let hash = world.streams.hash(Domain::Pool, u64::from(pool) << 8 | u64::from(at), 7);
                (OPERATOR_RANGE + hash % 600_000) as u32
            })
            .collect();
        Addresses { hosting_only: spec.hosting_only, ranges, machines, static_count: 0 }
    }

    fn hosting(&self, rng: &mut ChaCha8Rng) -> Egress {
        let machine = rng.random_range(0..self.machines);
        let range = self.ranges[machine as usize % self.ranges.len()];
        Egress::Hosting { range, host: (3 + machine as usize / self.ranges.len() % 240) as u8 }
    }

    fn next_static(&mut self) -> Egress {
        self.static_count += 1;
        Egress::Static(self.static_count - 1)
    }

    /// An address policy of its own.
    fn fresh(&mut self, knobs: &Knobs, rng: &mut ChaCha8Rng) -> Egress {
        let draw = rng.random::<f64>();
        if self.hosting_only {
            self.hosting(rng)
        } else if draw < knobs.static_share {
            self.next_static()
        } else if draw < knobs.static_share + knobs.rotating_share {
            Egress::Rotating
        } else {
            self.hosting(rng)
        }
    }

    /// The predecessor's range: its dedicated address if that may be shared, another machine of its range.
    fn neighbour(&mut self, knobs: &Knobs, before: Egress, rng: &mut ChaCha8Rng) -> Egress {
        match before {
            Egress::Static(_) if knobs.accounts_per_static_address == 1 => self.next_static(),
            Egress::Static(number) => Egress::Static(number),
            Egress::Rotating => Egress::Rotating,
            Egress::Hosting { range, .. } => Egress::Hosting { range, host: rng.random_range(3..=242) },
        }
    }

    fn deal(&mut self, knobs: &Knobs, order: &[usize], gear: &mut [Gear], rng: &mut ChaCha8Rng) {
        // Those who get a dedicated address share it with the next ones who do.
        let (mut places, mut shared) = (0, Egress::Rotating);
        for &member in order {
            let mut egress = self.fresh(knobs, rng);
            if let Egress::Static(_) = egress {
                if places > 0 {
                    places -= 1;
                    egress = shared;
                    self.static_count -= 1;
                } else {
                    places = rng.random_range(1..=knobs.accounts_per_static_address) - 1;
                    shared = egress;
                }
            }
            gear[member].egress = egress;
        }
    }
}

/// Minutes for which a rotating exit is kept: 10, sometimes up to 90.
pub(crate) fn rotation_minutes(rng: &mut ChaCha8Rng) -> f64 {
    lognormal(rng, 12.0, 0.8).clamp(10.0, 90.0)
}
