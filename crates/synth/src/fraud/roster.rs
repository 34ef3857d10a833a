//! Which networks a world holds, and how large each is.
//!
//! At tier l: H1, a hydra pool of 20,000 accounts live at once and 21,600 ever, with a campaign and resale customers; C3 of 600
//! and C2 of 120 accounts with a campaign each; a standby pool of 1,200 of H1's operator that wakes when H1 is banned; some
//! sixty small relays. Smaller tiers hold the same in proportion, with floors so that a network stays one.

use crate::config::{DAYS, Scenario, Scheduling, Tier, WorldConfig};

/// What a tenant of a pool does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// A campaign that moves half of its traffic to the first launched model.
    PivotingCampaign,
    /// A campaign that stays with its model.
    Campaign,
    /// A campaign whose workers start together.
    SynchronousCampaign,
    /// Resale to this many customers.
    Customers(u32),
}

impl Work {
    pub(crate) fn is_campaign(self) -> bool {
        !matches!(self, Work::Customers(_))
    }
}

/// One tenant's demand.
#[derive(Clone, Debug)]
pub(crate) struct Demand {
    pub(crate) tenant: String,
    pub(crate) work: Work,
    pub(crate) exchanges: f64,
    /// First and last day.
    pub(crate) days: (f64, f64),
}

/// A wave of bans.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wave {
    pub(crate) day: f64,
    pub(crate) share: f64,
    /// Only accounts of the first pool, which the standby pool stands in for.
    pub(crate) first_pool_only: bool,
}

/// One network to plant.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub(crate) network: String,
    pub(crate) live: u32,
    pub(crate) ever: u32,
    pub(crate) standby: u32,
    pub(crate) scheduling: Scheduling,
    pub(crate) demands: Vec<Demand>,
    pub(crate) waves: Vec<Wave>,
    /// Days between which accounts are registered.
    pub(crate) registered: (f64, f64),
    /// All addresses in hosting ranges, whatever the knobs say.
    pub(crate) hosting_only: bool,
    /// Accounts of the first network that serve this one too.
    pub(crate) borrowed: u32,
    /// One prefix on every request.
    pub(crate) prefix: bool,
}

impl Spec {
    fn new(network: &str, live: u32, ever: u32) -> Self {
        Spec {
            network: network.to_owned(),
            live,
            ever,
            standby: 0,
            scheduling: Scheduling::RoundRobin,
            demands: Vec::new(),
            waves: Vec::new(),
            registered: (-15.0, 0.0),
            hosting_only: false,
            borrowed: 0,
            prefix: false,
        }
    }

    fn demand(mut self, tenant: &str, work: Work, exchanges: f64, days: (f64, f64)) -> Self {
        self.demands.push(Demand { tenant: tenant.to_owned(), work, exchanges, days });
        self
    }
}

/// The networks of a configuration.
pub(crate) fn networks(config: &WorldConfig) -> Vec<Spec> {
    if config.scenario.is_side_world() {
        return vec![side_world(config)];
    }
    let sizes = Sizes::of(config.tier);
    let scale = config.tier.scale();
    let mut hydra = Spec::new("H1", sizes.live, sizes.ever);
    hydra.standby = sizes.standby;
    hydra.scheduling = config.knobs.scheduling;
    hydra.registered = (-25.0, 3.0);
    hydra.waves =
        vec![Wave { day: 20.0, share: 0.25, first_pool_only: false }, Wave { day: 50.0, share: 0.80, first_pool_only: true }];
    let campaign = 13.0e6 * scale;
    hydra = if config.scenario == Scenario::SharedPool {
        hydra
            .demand("T1", Work::PivotingCampaign, campaign * 0.5, (4.0, 58.0))
            .demand("T2", Work::Campaign, campaign * 0.3, (8.0, 45.0))
            .demand("T3", Work::Campaign, campaign * 0.2, (20.0, 59.0))
    } else {
        hydra.demand("T1", Work::PivotingCampaign, campaign, (4.0, 59.0))
    };
    let customers = ((9_000.0 * scale) as u32).max(5);
    hydra = hydra.demand("customers", Work::Customers(customers), 1.5e6 * scale, (0.0, 60.0));
    let mut specs = vec![hydra];
    if sizes.moonshot > 0 {
        let mut c3 = Spec::new("C3", sizes.moonshot * 4 / 5, sizes.moonshot);
        c3.waves = vec![Wave { day: 35.0, share: 0.60, first_pool_only: false }];
        c3.borrowed = ((40.0 * scale).round() as u32).max(1);
        specs.push(c3.demand("T-C3", Work::Campaign, 3.4e6 * scale, (2.0, 59.0)));
    }
    let mut c2 = Spec::new("C2", sizes.deepseek, sizes.deepseek);
    (c2.scheduling, c2.registered) = (Scheduling::LeastLoaded, (2.0, 8.0));
    specs.push(c2.demand("T-C2", Work::SynchronousCampaign, (0.15e6 * scale).max(900.0), (12.0, 38.0)));
    for (number, &size) in sizes.relays.iter().enumerate() {
        let mut relay = Spec::new(&format!("R-{:02}", number + 1), size, size);
        relay.scheduling = Scheduling::Random;
        // One in three sits in a single hosting range; the others use whatever the knobs say.
        relay.hosting_only = number % 3 == 0 && config.scenario != Scenario::Evasive;
        let exchanges = (0.4e6 * scale * f64::from(size) / f64::from(sizes.relay_accounts())).max(400.0);
        specs.push(relay.demand("customers", Work::Customers(size * 5), exchanges, (0.0, 60.0)));
    }
    specs
}

/// Accounts of each network.
#[derive(Clone, Debug)]
struct Sizes {
    live: u32,
    ever: u32,
    standby: u32,
    moonshot: u32,
    deepseek: u32,
    relays: Vec<u32>,
}

impl Sizes {
    fn of(tier: Tier) -> Self {
        if tier == Tier::Xs {
            return Sizes { live: 13, ever: 15, standby: 0, moonshot: 0, deepseek: 6, relays: vec![3] };
        }
        let scaled = |at_tier_l: f64| (at_tier_l * tier.scale()).round() as u32;
        let mut sizes = Sizes {
            live: scaled(20_000.0),
            ever: scaled(21_600.0),
            standby: scaled(1_200.0),
            moonshot: scaled(600.0).max(15),
            deepseek: scaled(120.0).max(6),
            relays: Vec::new(),
        };
        let total = scaled(24_000.0);
        let mut left = total - sizes.ever - sizes.standby - sizes.moonshot - sizes.deepseek;
        // Sizes 2 to 20, mostly small, until the tier's total is reached.
        for size in [6, 3, 10, 4, 20, 5, 2, 12, 8, 7].iter().cycle() {
            if left < 2 {
                break;
            }
            let size = if left - (*size).min(left) < 2 { left.min(20) } else { *size };
            sizes.relays.push(size);
            left -= size;
        }
        sizes
    }

    fn relay_accounts(&self) -> u32 {
        self.relays.iter().sum()
    }
}

/// One network of a size that was reported elsewhere.
fn side_world(config: &WorldConfig) -> Spec {
    let (accounts, a_day, days) = match config.scenario {
        Scenario::Zhipu => (273, 733.0, (20.0, 30.0)),
        Scenario::Xiaomi => (1_500, 13.0, (5.0, 59.0)),
        Scenario::June => (25_000, 26.0, (10.0, 55.0)),
        _ => (3_500, 20.0, (5.0, 59.0)),
    };
    let mut spec = Spec::new("H1", accounts * 23 / 25, accounts);
    spec.prefix = config.scenario == Scenario::FixedPrefix;
    spec.scheduling = config.knobs.scheduling;
    spec.waves = vec![Wave { day: f64::from(DAYS) / 3.0, share: 0.1, first_pool_only: false }];
    let exchanges = f64::from(accounts) * a_day * (days.1 - days.0);
    spec.demand("T1", Work::Campaign, exchanges, days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tier_has_its_number_of_operated_accounts() {
        for (tier, total) in [(Tier::Xs, 24), (Tier::S, 600), (Tier::M, 2_400), (Tier::L, 24_000)] {
            let specs = networks(&WorldConfig::new(tier, 1));
            assert_eq!(specs.iter().map(|spec| spec.ever + spec.standby).sum::<u32>(), total, "{tier:?}");
            assert!(specs.iter().all(|spec| spec.live <= spec.ever && spec.live >= 2));
            let relays = specs.iter().filter(|spec| spec.network.starts_with('R'));
            assert!(relays.clone().count() > 0 && relays.clone().all(|spec| (2..=20).contains(&spec.ever)));
        }
    }
}
