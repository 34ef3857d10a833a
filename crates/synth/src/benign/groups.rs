//! The look-alikes: legitimate groups that share as much as a network does, each for a reason of its own.
//!
//! | group | what its members share |
//! |---|---|
//! | enterprise | card, office addresses, system prompt, coding agent, hours |
//! | campus, class | addresses; an assignment within one week |
//! | hackathon | six hours of sign-ups, a venue's address, a starter template |
//! | agency | one card for 10 to 60 clients, sometimes the office |
//! | aggregator | one account with everyone's prompts |
//! | cron, batch | the minute, the hour; a single purpose |
//! | benchmark crowd | the hours after a launch and a question set |
//! | ci | runner addresses, prompts, a card |
//! | ring | a person: home, software, often a prepaid card (harmful at most in small) |

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::population::{Population, SIGN_UP_SHARE, new_home, ordinary, set_volume};
use crate::account::{Account, Behaviour, Funding, NEVER, Plan, Segment, benign_bin};
use crate::config::WorldConfig;
use crate::event::Pathway;
use crate::geography::Geography;
use crate::random::{lognormal, truncated_pareto};

const MINUTES_PER_DAY: i32 = 24 * 60;
/// Sign-ups in rings of one person.
const RING_SHARE: f64 = 0.12;
/// The day of each hackathon; it starts at 09:00 UTC.
pub(crate) const HACKATHON_DAYS: [u32; 3] = [12, 26, 40];
/// The first day of the week in which classes do their assignment.
pub(crate) const ASSIGNMENT_DAY: u32 = 21;

/// Plants every look-alike of a world.
pub(crate) fn plant(config: &WorldConfig, geography: &Geography, population: &mut Population, rng: &mut ChaCha8Rng) {
    let total = f64::from(config.tier.benign_count());
    let mut planter = Planter { scale: config.tier.scale(), total, geography, population, rng };
    planter.enterprises();
    planter.campuses();
    planter.hackathons();
    planter.agencies();
    planter.integration();
    planter.single_accounts();
    planter.benchmark_crowd();
    planter.rings();
}

struct Planter<'a> {
    scale: f64,
    total: f64,
    geography: &'a Geography,
    population: &'a mut Population,
    rng: &'a mut ChaCha8Rng,
}

impl Planter<'_> {
    /// A count of tier l scaled to this world, at least one.
    fn count(&self, at_tier_l: f64) -> usize {
        ((at_tier_l * self.scale).round() as usize).max(1)
    }

    fn country(&mut self) -> u8 {
        self.geography.country_at(self.rng.random())
    }

    fn provider(&mut self, country: u8) -> u32 {
        self.geography.provider_in(country, self.rng.random())
    }

    fn corporate_card(&mut self) -> u32 {
        self.population.card(benign_bin(self.rng.random()), Funding::Corporate)
    }

    fn add(&mut self, segment: Segment, country: u8, group: u32, change: impl FnOnce(&mut Account, &mut ChaCha8Rng)) {
        let mut account = ordinary(segment, country, self.rng);
        account.group = group;
        change(&mut account, self.rng);
        // One that a group made later than it was to be banned is banned as it is made, before it does anything.
        account.banned = account.banned.max(account.created);
        self.population.accounts.push(account);
    }

    /// 6% of accounts are seats; organisations' sizes are Pareto from 5 to 2,000.
    fn enterprises(&mut self) {
        let mut seats = (self.total * 0.06) as usize;
        let most = (self.total * 0.02).clamp(12.0, 2_000.0);
        let mut number = 0;
        while seats > 0 {
            let size = (truncated_pareto(self.rng.random(), 1.15, 5.0, most) as usize).min(seats);
            seats -= size;
            number += 1;
            let country = self.country();
            let provider = self.provider(country);
            let addresses = 1 + (size as f64).log10() as u16;
            let site = self.population.premises(provider, addresses);
            let (card, org) = (self.corporate_card(), self.population.org());
            let group = self.population.group(format!("enterprise-{number:04}"));
            let vendor = 1 + (self.rng.random::<f64>().powi(2) * 12.0) as u8;
            let joined = -self.rng.random_range(1..500) * MINUTES_PER_DAY;
            let plan = if size >= 50 { Plan::Enterprise } else { Plan::Team };
            for _ in 0..size {
                self.add(Segment::Seat, country, group, |account, rng| {
                    (account.site, account.card, account.org, account.vendor) = (site, card, org, vendor);
                    account.plan = plan;
                    // Half of the seats were made on the day the organisation joined.
                    if rng.random_bool(0.5) {
                        account.created = joined + rng.random_range(0..600);
                        set_volume(account, lognormal(rng, 16.0, 1.3));
                    }
                });
            }
        }
    }

    /// Campuses of 500 to 8,000 on 4 to 32 addresses; in each some classes of 300 with one assignment.
    fn campuses(&mut self) {
        let most = (self.total * 0.04).min(8_000.0);
        let mut classes = 0;
        for number in 1..=self.count(40.0) {
            let size = truncated_pareto(self.rng.random(), 0.9, 500.0_f64.min(most * 0.6), most) as usize;
            let country = self.country();
            let provider = self.provider(country);
            let addresses = 4 + (size as f64 / 8_000.0 * 28.0) as u16;
            let site = self.population.premises(provider, addresses);
            let group = self.population.group(format!("campus-{number:02}"));
            let class_size = (300.0_f64).min(self.total * 0.012) as usize;
            let class = (number % 4 == 1).then(|| {
                classes += 1;
                self.population.group(format!("class-{classes}"))
            });
            for member in 0..size {
                let class = class.filter(|_| member < class_size);
                self.add(Segment::Consumer, country, class.unwrap_or(group), |account, rng| {
                    account.site = site;
                    account.behaviour = if class.is_some() { Behaviour::Class } else { Behaviour::Campus };
                    if class.is_some() && rng.random_bool(0.6) {
                        let opening = (ASSIGNMENT_DAY as i32 - 2) * MINUTES_PER_DAY;
                        account.created = opening + rng.random_range(0..3 * MINUTES_PER_DAY);
                    }
                });
            }
        }
    }

    /// 800 sign-ups in six hours at one address, with one starter template.
    fn hackathons(&mut self) {
        let size = (self.total * 0.02).min(800.0) as usize;
        for number in 0..self.count(3.0).min(HACKATHON_DAYS.len()) {
            let country = self.country();
            let provider = self.provider(country);
            let site = self.population.premises(provider, 1);
            let group = self.population.group(format!("hackathon-{}", number + 1));
            let opening = HACKATHON_DAYS[number] as i32 * MINUTES_PER_DAY + 9 * 60;
            for _ in 0..size {
                self.add(Segment::Developer, country, group, |account, rng| {
                    account.created = opening + rng.random_range(0..360);
                    account.banned = NEVER;
                    account.behaviour = Behaviour::Hackathon;
                    (account.site, account.vendor) = (site, 0);
                    (account.pathway, account.plan) = (Pathway::Api, Plan::Free);
                    account.rate = if rng.random_bool(0.1) { 3.0 } else { 0.05 };
                });
            }
        }
    }

    /// Agencies that pay for 10 to 60 clients with one card.
    fn agencies(&mut self) {
        for number in 1..=self.count(200.0) {
            let size = (10.0 * 6.0_f64.powf(self.rng.random())) as usize;
            let home = self.country();
            let provider = self.provider(home);
            let site = self.population.premises(provider, 1);
            let card = self.corporate_card();
            let group = self.population.group(format!("agency-{number:02}"));
            for _ in 0..size {
                let country = if self.rng.random_bool(0.7) { home } else { self.country() };
                self.add(Segment::Developer, country, group, |account, _| {
                    (account.card, account.site, account.behaviour) = (card, site, Behaviour::Agency);
                    account.rate *= 0.5;
                });
            }
        }
    }

    /// Open-source projects whose runners share addresses, prompts and a card.
    fn integration(&mut self) {
        let runners = self.population.hosting(0, 24);
        for number in 1..=self.count(400.0) {
            let size = self.rng.random_range(5..=30).min((self.total * 0.02) as usize);
            let card = self.corporate_card();
            let group = self.population.group(format!("ci-{number:03}"));
            let org = self.population.org();
            let country = self.country();
            for _ in 0..size {
                self.add(Segment::Developer, country, group, |account, rng| {
                    (account.card, account.site, account.org) = (card, runners, org);
                    (account.behaviour, account.pathway) = (Behaviour::Integration, Pathway::Api);
                    account.vendor = 0;
                    account.spread = rng.random_range(20..60);
                    account.rate *= 0.4;
                });
            }
        }
    }

    /// Aggregators, jobs on the full hour, single-purpose batches.
    fn single_accounts(&mut self) {
        for number in 1..=self.count(3.0) {
            let country = self.country();
            let site = self.population.hosting(100 + number as u32, 4);
            let group = self.population.group(format!("aggregator-{number}"));
            let exchanges = (84e6 * self.scale * 0.0025).max(3_000.0);
            self.add(Segment::Developer, country, group, |account, _| {
                (account.site, account.behaviour, account.vendor) = (site, Behaviour::Aggregator, 0);
                (account.created, account.banned, account.burstiness) = (-400 * MINUTES_PER_DAY, NEVER, 15);
                account.spread = 225;
                account.rate = (exchanges / 60.0) as f32;
            });
        }
        let developers = self.total * 0.15;
        for (name, behaviour, share, factor) in
            [("cron-users", Behaviour::Cron, 0.006, 1.0), ("translation-batch", Behaviour::Batch, 0.01, 6.0)]
        {
            let group = self.population.group(name.to_owned());
            for _ in 0..((developers * share) as usize).max(3) {
                let country = self.country();
                self.add(Segment::Developer, country, group, |account, rng| {
                    (account.behaviour, account.vendor) = (behaviour, 0);
                    account.spread = rng.random_range(2..8);
                    account.rate = (account.rate * factor).clamp(2.0, 900.0);
                });
            }
        }
    }

    /// 1,500 who burst on every launch with the same questions.
    fn benchmark_crowd(&mut self) {
        let group = self.population.group("benchmark-crowd".to_owned());
        for _ in 0..self.count(1_500.0).max(8) {
            let country = self.country();
            self.add(Segment::Developer, country, group, |account, rng| {
                (account.behaviour, account.vendor) = (Behaviour::Benchmark, 0);
                account.created = account.created.min(-rng.random_range(1..300) * MINUTES_PER_DAY);
            });
        }
    }

    /// 12% of sign-ups: one person with 2 to 8 free accounts.
    fn rings(&mut self) {
        let mut left = (self.total * SIGN_UP_SHARE * RING_SHARE) as usize;
        let mut number = 0;
        while left >= 2 {
            let size = (truncated_pareto(self.rng.random(), 0.9, 2.0, 9.0) as usize).min(left);
            left -= size;
            number += 1;
            let country = self.country();
            let home = new_home(self.population, self.geography, country, self.rng);
            let group = self.population.group(format!("ring-{number:04}"));
            let first = self.rng.random_range(0..56) * MINUTES_PER_DAY;
            let client = crate::clients::pick(crate::clients::Family::Application, self.rng.random());
            let shared_card = self.rng.random_bool(0.5);
            let one_card = self.population.card(benign_bin(self.rng.random()), Funding::Prepaid);
            for _ in 0..size {
                let bin = benign_bin(self.rng.random());
                let card = if shared_card { one_card } else { self.population.card(bin, Funding::Virtual) };
                self.add(Segment::Consumer, country, group, |account, rng| {
                    (account.home, account.client, account.second_client) = (home, client, client);
                    (account.behaviour, account.plan, account.card) = (Behaviour::Ring, Plan::Free, card);
                    account.created = first + rng.random_range(0..3 * MINUTES_PER_DAY);
                    set_volume(account, lognormal(rng, 8.0, 0.8));
                });
            }
        }
    }
}
