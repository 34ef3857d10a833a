//! The files beside the events: what the service knows of accounts, models and cards, and the truth.
//!
//! Rows are ordered by account name, which is a keyed hash: the order says nothing about who operates what.

use std::path::Path;

use super::Pending;
use crate::account::{Account, Behaviour, NEVER, NONE, Segment};
use crate::calendar::{END, MINUTE, MODELS, RELEASED};
use crate::error::Error;
use crate::event::{TemplateKind, template};
use crate::fraud::plan::Role;
use crate::geography::COUNTRIES;
use crate::names::{account_token, push_account, push_card, push_org, push_template, push_time};
use crate::random::Domain;
use crate::world::{Tally, World};

/// The names of the files.
pub(super) const NAMES: [&str; 7] =
    ["accounts.csv", "releases.csv", "cards.csv", "labels.csv", "groups.csv", "truth_accounts.csv", "truth_templates.csv"];

/// Writes all files but the events and `world.json`.
pub(super) fn write(folder: &Path, world: &World, tally: &Tally) -> Result<(), Error> {
    let mut order: Vec<u32> = (0..world.account_count() as u32).collect();
    order.sort_unstable_by_key(|&account| account_token(world, account));
    let files = NAMES.map(|name| Pending::create(folder, name));
    let [of_accounts, of_releases, of_cards, of_labels, of_groups, truth_of_accounts, truth_of_templates] = files;
    accounts(of_accounts?, world, &order)?;
    releases(of_releases?)?;
    cards(of_cards?, world)?;
    labels(of_labels?, world, &order)?;
    groups(of_groups?, world, &order)?;
    truth_accounts(truth_of_accounts?, world, tally, &order)?;
    truth_templates(truth_of_templates?, world)
}

/// One line of a file, cell by cell.
struct Line {
    bytes: Vec<u8>,
    file: Pending,
}

impl Line {
    fn start(mut file: Pending, header: &str) -> Result<Self, Error> {
        Pending::write(&mut file, header.as_bytes())?;
        Pending::write(&mut file, b"\n")?;
        Ok(Line { bytes: Vec::new(), file })
    }

    fn cell(&mut self, push: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        push(&mut self.bytes);
        self.bytes.push(b',');
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.cell(|out| out.extend_from_slice(text.as_bytes()))
    }

    fn end(&mut self) -> Result<(), Error> {
        self.bytes.pop();
        self.bytes.push(b'\n');
        let written = Pending::write(&mut self.file, &self.bytes);
        self.bytes.clear();
        written
    }

    fn finish(self) -> Result<(), Error> {
        self.file.finish()
    }
}

fn accounts(file: Pending, world: &World, order: &[u32]) -> Result<(), Error> {
    let mut line = Line::start(file, "account_id,created_at,banned_at,tier,country,org,pathway,status")?;
    for &number in order {
        let account = &world.population.accounts[number as usize];
        let banned = account.banned != NEVER;
        line.cell(|out| push_account(out, world, number))
            // Seconds within the minute, so that no clock shows who was planned in minutes.
            .cell(|out| push_time(out, i64::from(account.created) * MINUTE + seconds(world, number, 0)))
            .cell(|out| {
                if banned {
                    push_time(out, i64::from(account.banned) * MINUTE + seconds(world, number, 1));
                }
            })
            .text(account.plan.name())
            .text(COUNTRIES[account.country as usize].code)
            .cell(|out| {
                if has_org(account) {
                    push_org(out, world, account.org);
                }
            })
            .text(account.pathway.name())
            .text(if banned { "banned" } else { "active" })
            .end()?;
    }
    line.finish()
}

fn seconds(world: &World, account: u32, which: u64) -> i64 {
    (world.streams.hash(Domain::AccountToken, u64::from(account), which) % MINUTE as u64) as i64
}

fn has_org(account: &Account) -> bool {
    account.org != NONE && (account.segment == Segment::Seat || account.behaviour == Behaviour::Integration)
}

fn releases(file: Pending) -> Result<(), Error> {
    let mut line = Line::start(file, "model,released_at")?;
    for (model, &released) in MODELS.iter().zip(&RELEASED) {
        line.text(model).cell(|out| push_time(out, released)).end()?;
    }
    line.finish()
}

/// What a payment processor knows of each card: its issuer's range and its funding.
fn cards(file: Pending, world: &World) -> Result<(), Error> {
    let mut line = Line::start(file, "payment_instrument,bin,funding")?;
    let mut used = vec![false; world.population.cards.len()];
    for account in &world.population.accounts {
        used[account.card as usize] = true;
    }
    let mut order: Vec<u32> = (0..used.len() as u32).filter(|&card| used[card as usize]).collect();
    order.sort_unstable_by_key(|&card| world.streams.token(Domain::CardToken, u64::from(card)));
    for number in order {
        let card = world.population.cards[number as usize];
        let bin = 400_000 + world.streams.token(Domain::Bin, u64::from(card.bin)) % 199_999;
        line.cell(|out| push_card(out, world, number)).text(&bin.to_string()).text(card.funding.name()).end()?;
    }
    line.finish()
}

fn labels(file: Pending, world: &World, order: &[u32]) -> Result<(), Error> {
    let mut line = Line::start(file, "account_id,network")?;
    for &number in order.iter().filter(|_| world.has_labels()) {
        if let Some(network) = world.network_of(number) {
            line.cell(|out| push_account(out, world, number)).text(network).end()?;
        }
    }
    line.finish()
}

fn groups(file: Pending, world: &World, order: &[u32]) -> Result<(), Error> {
    let mut line = Line::start(file, "account_id,group")?;
    for &number in order {
        if let Some(group) = world.group_of(number) {
            line.cell(|out| push_account(out, world, number)).text(group).end()?;
        }
    }
    line.finish()
}

fn truth_accounts(file: Pending, world: &World, tally: &Tally, order: &[u32]) -> Result<(), Error> {
    let header = "account_id,role,network,tenant,group,serves_from,replaces,exchanges,campaign_exchanges";
    let mut line = Line::start(file, header)?;
    for &number in order {
        let account = &world.population.accounts[number as usize];
        let operated = number.checked_sub(world.benign_count).map(|at| &world.operated[at as usize]);
        let pool = operated.map(|operated| &world.pools[operated.pool as usize]);
        let role = match (operated.map(|operated| operated.role), account.behaviour) {
            (Some(Role::Operator), _) => "operator",
            (Some(Role::Standby), _) => "standby",
            (None, Behaviour::Ring) => "ring",
            (None, Behaviour::RelayCustomer) => "customer",
            (None, _) => "benign",
        };
        let customer_of = (role == "customer").then(|| world.pools.first()).flatten();
        let tenants: Vec<&str> = match pool {
            Some(pool) => {
                let borrowers = world.pools.iter().filter(|other| other.borrowed.binary_search(&number).is_ok());
                std::iter::once(pool).chain(borrowers).flat_map(|pool| &pool.tenants).map(|tenant| &tenant.name[..]).collect()
            }
            None => customer_of.map(|_| "customers").into_iter().collect(),
        };
        line.cell(|out| push_account(out, world, number))
            .text(role)
            .text(pool.or(customer_of).map_or("", |pool| &pool.network))
            .text(&tenants.join("+"))
            .text(world.group_of(number).unwrap_or(""))
            .cell(|out| {
                if let Some(operated) = operated.filter(|operated| operated.active < END) {
                    push_time(out, operated.active);
                }
            })
            .cell(|out| {
                if let Some(operated) = operated.filter(|operated| operated.predecessor != NONE) {
                    push_account(out, world, operated.predecessor);
                }
            })
            .text(&tally.exchanges.get(number as usize).unwrap_or(&0).to_string())
            .text(&tally.campaign.get(number as usize).unwrap_or(&0).to_string())
            .end()?;
    }
    line.finish()
}

/// The base templates of every campaign: which tenant's traffic runs through which pool.
fn truth_templates(file: Pending, world: &World) -> Result<(), Error> {
    let mut line = Line::start(file, "prompt_template_hash,network,tenant,base,variant")?;
    for pool in world.pools.iter().filter(|_| world.has_labels()) {
        for tenant in pool.tenants.iter().filter(|tenant| tenant.work.is_campaign()) {
            for base in 0..u64::from(tenant.templates) {
                for variant in 0..=16 {
                    let key = template(TemplateKind::Campaign, tenant.number, base << 5 | variant);
                    line.cell(|out| push_template(out, world, key))
                        .text(&pool.network)
                        .text(&tenant.name)
                        .text(&base.to_string())
                        .text(&variant.to_string())
                        .end()?;
                }
            }
        }
    }
    line.finish()
}
