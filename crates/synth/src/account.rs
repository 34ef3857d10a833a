//! What a world remembers of each account: a few dozen bytes, so that a million fit where their hundred million events would
//! not.

use crate::event::Pathway;

/// No home, gateway, site, group or organisation.
pub(crate) const NONE: u32 = u32::MAX;
/// Never banned.
pub(crate) const NEVER: i32 = i32::MAX;

/// Whose account it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    Consumer,
    Developer,
    Seat,
    Programme,
    Operated,
}

/// What a legitimate account does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    Ordinary,
    /// Member of a campus, often behind its addresses.
    Campus,
    /// A class with one assignment, on a campus.
    Class,
    /// Signed up at a hackathon.
    Hackathon,
    /// One job, many calls, at the same hour every day.
    Batch,
    /// Calls on the full hour.
    Cron,
    /// Tries every new model within hours.
    Benchmark,
    /// Resells legitimately through one account.
    Aggregator,
    /// A project's continuous integration.
    Integration,
    /// Client of an agency that pays for many.
    Agency,
    /// Free-credit farming by one person.
    Ring,
    /// A relay's customer who also has an account of their own.
    RelayCustomer,
}

/// What an account pays for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Plan {
    Free,
    Pro,
    Api,
    Team,
    Enterprise,
    Programme,
}

impl Plan {
    pub(crate) fn name(self) -> &'static str {
        ["free", "pro", "api", "team", "enterprise", "programme"][self as usize]
    }
}

/// One account.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// Minutes after the start; negative before it.
    pub(crate) created: i32,
    pub(crate) banned: i32,
    /// Expected exchanges a day while alive.
    pub(crate) rate: f32,
    pub(crate) home: u32,
    pub(crate) gateway: u32,
    pub(crate) site: u32,
    pub(crate) card: u32,
    pub(crate) group: u32,
    pub(crate) org: u32,
    /// Ratio of successive capability classes' weights, in 1/255.
    pub(crate) spread: u8,
    /// Coefficient of variation of gaps, in tenths.
    pub(crate) burstiness: u8,
    /// Vendor prompt it sends, from 1; 0 for none.
    pub(crate) vendor: u8,
    pub(crate) country: u8,
    pub(crate) client: u8,
    pub(crate) second_client: u8,
    pub(crate) segment: Segment,
    pub(crate) behaviour: Behaviour,
    pub(crate) pathway: Pathway,
    pub(crate) plan: Plan,
    /// Uses an anonymising service.
    pub(crate) tunnels: bool,
}

impl Account {
    pub(crate) fn new(segment: Segment, pathway: Pathway, plan: Plan) -> Self {
        Account {
            created: 0,
            banned: NEVER,
            rate: 0.0,
            home: NONE,
            gateway: NONE,
            site: NONE,
            card: crate::event::NO_CARD,
            group: NONE,
            org: NONE,
            spread: 0,
            burstiness: 20,
            vendor: 0,
            country: 0,
            client: 0,
            second_client: 0,
            segment,
            behaviour: Behaviour::Ordinary,
            pathway,
            plan,
            tunnels: false,
        }
    }

    /// Whether it could act at this millisecond after the start.
    pub(crate) fn is_alive(&self, millis: i64) -> bool {
        let minute = millis.div_euclid(crate::calendar::MINUTE);
        i64::from(self.created) <= minute && minute < i64::from(self.banned)
    }
}

/// A household.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Home {
    pub(crate) provider: u32,
    pub(crate) v6: bool,
    /// Days between new addresses.
    pub(crate) lease: u16,
}

/// A carrier's translator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gateway {
    pub(crate) provider: u32,
    pub(crate) addresses: u16,
}

/// What a site is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SiteKind {
    /// Offices, campuses, venues: in a provider's space.
    Premises(u32),
    /// Machines in a hosting company's range.
    Hosting(u32),
}

/// A place with a few addresses that many accounts share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site {
    pub(crate) kind: SiteKind,
    pub(crate) addresses: u16,
}

/// How a card is funded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Funding {
    Credit,
    Debit,
    Prepaid,
    Virtual,
    Corporate,
}

impl Funding {
    pub(crate) fn name(self) -> &'static str {
        ["credit", "debit", "prepaid", "virtual", "corporate"][self as usize]
    }
}

/// A payment instrument.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Card {
    pub(crate) bin: u16,
    pub(crate) funding: Funding,
}

/// Issuers' number ranges in the world.
pub(crate) const BINS: u16 = 600;

/// A benign card's range: 9% in the six most common ones.
pub(crate) fn benign_bin(uniform: f64) -> u16 {
    if uniform < 0.09 { (uniform / 0.09 * 6.0) as u16 } else { 6 + ((uniform - 0.09) / 0.91 * f64::from(BINS - 6)) as u16 }
}
