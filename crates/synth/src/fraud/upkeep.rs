//! What operated accounts do outside the relay: warm up before they serve, or show that a standby account still works.

use rand::RngExt;

use super::plan::{Egress, Role};
use super::relay::egress_address;
use crate::benign::day::{capability, common_template, favourite_template, tokens};
use crate::calendar::{DAY, HOUR, Rhythm, older_model};
use crate::event::{Event, Origin, TemplateKind, template};
use crate::random::{Domain, poisson};
use crate::world::World;

/// Operators keep the hours of UTC+8.
const OFFSET: i64 = 8 * HOUR;

/// Appends the warm-up or keep-alive exchanges of an operated account on a day.
pub(crate) fn simulate(world: &World, number: u32, day: u32, events: &mut Vec<Event>) {
    let account = &world.population.accounts[number as usize];
    let operated = &world.operated[(number - world.benign_count) as usize];
    let opening = i64::from(day) * DAY;
    if opening >= operated.active || !account.is_alive(opening + DAY - 1) {
        return;
    }
    let entity = u64::from(number);
    let mut rng = world.streams.day(Domain::WarmUp, entity, day);
    let count = poisson(&mut rng, f64::from(account.rate));
    let draw = world.streams.hash(Domain::WarmUp, entity, u64::from(day));
    for _ in 0..count {
        let local = world.clock.time_of_day(Rhythm::Relay, rng.random());
        let millis = opening + (local - OFFSET).rem_euclid(DAY);
        let (part, choice) = (rng.random::<f64>(), rng.random::<u64>());
        let template = match operated.role {
            Role::Standby => template(TemplateKind::Probe, u64::from(operated.pool), choice % 2),
            Role::Operator if part < 0.5 => favourite_template(world, entity, choice),
            Role::Operator if part < 0.6 => template(TemplateKind::Probe, u64::from(operated.pool), choice % 2),
            Role::Operator => common_template(world, rng.random()),
        };
        let address = match operated.egress {
            Egress::Rotating => crate::benign::places::proxy_exit(world, draw, day),
            egress => egress_address(world, operated.pool, egress),
        };
        let event = Event {
            millis,
            account: number,
            tokens: tokens(rng.random(), 40.0),
            template,
            address,
            card: account.card,
            status: 200,
            client: account.client,
            model: older_model(part, rng.random()),
            capability: capability(draw, 176, rng.random()),
            pathway: account.pathway,
            origin: Origin::WarmUp,
        };
        if millis < operated.active && account.is_alive(millis) {
            events.push(event);
        }
    }
}
