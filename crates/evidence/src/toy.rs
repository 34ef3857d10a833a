//! Small graphs for tests: events in, [`Facts`] out.

use std::collections::BTreeMap;

use graph::{Activity, ActivityColumns, BipartiteColumns, BipartiteGraph};

use crate::{AccountTable, Facts, KindRole};

/// One aggregated event: account, kind, identifier (numbered inside its kind) and time (0: none).
pub(crate) type Touch = (u32, usize, u32, u32);

/// A request: account, milliseconds, template, and the status of its answer.
pub(crate) type Answered = (u32, i64, graph::IdentifierId, u16);

/// Owns what [`Facts`] borrows.
pub(crate) struct Toy {
    pub(crate) graph: BipartiteGraph,
    pub(crate) activity: Activity,
    pub(crate) roles: Vec<KindRole>,
    pub(crate) accounts: AccountTable,
    pub(crate) allowed: Vec<bool>,
    pub(crate) network_types: Vec<u8>,
    pub(crate) allowed_accounts: Vec<bool>,
    pub(crate) must: Vec<(u32, u32)>,
    pub(crate) cannot: Vec<(u32, u32)>,
    starts: Vec<u32>,
}

impl Toy {
    pub(crate) fn new(roles: &[KindRole], account_count: u32, touches: &[Touch]) -> Toy {
        let mut starts = vec![0u32];
        for kind in 0..roles.len() {
            let of_kind = touches.iter().filter(|touch| touch.1 == kind).map(|touch| touch.2 + 1);
            starts.push(starts[kind] + of_kind.max().unwrap_or(0));
        }
        let identifier_count = starts[roles.len()] as usize;
        let mut sightings: BTreeMap<(u32, u32), (u32, u32, u32)> = BTreeMap::new();
        for &(account, kind, identifier, time) in touches {
            let entry = sightings.entry((account, starts[kind] + identifier)).or_insert((0, time, time));
            *entry = (entry.0 + 1, entry.1.min(time), entry.2.max(time));
        }
        let mut account_offsets = vec![0u64; account_count as usize + 1];
        let mut reverse: Vec<Vec<(u32, u32)>> = vec![Vec::new(); identifier_count];
        for (position, &(account, identifier)) in sightings.keys().enumerate() {
            account_offsets[account as usize + 1] += 1;
            reverse[identifier as usize].push((account, position as u32));
        }
        for account in 0..account_count as usize {
            account_offsets[account + 1] += account_offsets[account];
        }
        let mut identifier_offsets = vec![0u64];
        for row in &reverse {
            identifier_offsets.push(identifier_offsets[identifier_offsets.len() - 1] + row.len() as u64);
        }
        let column = |pick: fn(&(u32, u32, u32)) -> u32| sightings.values().map(pick).collect::<Vec<u32>>().into();
        let columns = BipartiteColumns {
            kind_starts: starts.clone().into(),
            account_offsets: account_offsets.into(),
            identifiers: sightings.keys().map(|&(_, identifier)| identifier).collect::<Vec<u32>>().into(),
            counts: column(|values| values.0),
            first_seen: column(|values| values.1),
            last_seen: column(|values| values.2),
            identifier_offsets: identifier_offsets.into(),
            accounts: reverse.iter().flatten().map(|&(account, _)| account).collect::<Vec<u32>>().into(),
            identifier_sightings: reverse.iter().flatten().map(|&(_, position)| position).collect::<Vec<u32>>().into(),
        };
        let graph = BipartiteGraph::from_columns(columns).expect("a toy's columns agree");
        graph.validate().expect("a toy is a graph");
        let activity = Activity::from_columns(ActivityColumns::empty(account_count as usize)).expect("no events agree");
        let (roles, accounts) = (roles.to_vec(), AccountTable::default());
        Toy {
            graph,
            activity,
            roles,
            accounts,
            allowed: Vec::new(),
            allowed_accounts: Vec::new(),
            must: Vec::new(),
            cannot: Vec::new(),
            network_types: Vec::new(),
            starts,
        }
    }

    pub(crate) fn facts(&self) -> Facts<'_> {
        Facts {
            graph: &self.graph,
            activity: &self.activity,
            roles: &self.roles,
            limits: &[],
            accounts: &self.accounts,
            allowed_identifiers: &self.allowed,
            allowed_accounts: &self.allowed_accounts,
            must: &self.must,
            cannot: &self.cannot,
            network_types: &self.network_types,
            address_networks: None,
            releases: &[],
        }
    }

    /// Gives each account one event, whose capability is known.
    pub(crate) fn act(&mut self) {
        let accounts = self.graph.account_count();
        self.activity = Activity::from_columns(ActivityColumns {
            offsets: (0..=accounts as u64).collect::<Vec<u64>>().into(),
            time: vec![0i64; accounts].into(),
            capability: vec![0u16; accounts].into(),
            ..ActivityColumns::empty(accounts)
        })
        .expect("one event each");
    }

    /// Gives accounts events: (account, milliseconds, template) in any order.
    pub(crate) fn ask(&mut self, requests: &[(u32, i64, graph::IdentifierId)]) {
        let requests: Vec<Answered> = requests.iter().map(|&(account, time, template)| (account, time, template, 0)).collect();
        self.activity = Activity::from_columns(ActivityColumns { status: Vec::new().into(), ..self.answers(requests) })
            .expect("requests by account and time");
    }

    /// The same with the status of the answer to each.
    pub(crate) fn ask_and_answer(&mut self, requests: Vec<Answered>) {
        self.activity = Activity::from_columns(self.answers(requests)).expect("requests by account and time");
    }

    fn answers(&self, mut requests: Vec<Answered>) -> ActivityColumns {
        let accounts = self.graph.account_count();
        requests.sort_unstable_by_key(|&(account, time, template, status)| (account, time, template.0, status));
        let before = |account: u32| requests.partition_point(|request| request.0 < account) as u64;
        ActivityColumns {
            offsets: (0..=accounts as u32).map(before).collect::<Vec<u64>>().into(),
            time: requests.iter().map(|request| request.1).collect::<Vec<i64>>().into(),
            template: requests.iter().map(|request| request.2.0).collect::<Vec<u32>>().into(),
            status: requests.iter().map(|request| request.3).collect::<Vec<u16>>().into(),
            ..ActivityColumns::empty(accounts)
        }
    }

    /// For how many exchanges each event stands, in the order of accounts and times.
    pub(crate) fn stand_for(&mut self, requests: Vec<u32>) {
        let columns = ActivityColumns { requests: requests.into(), ..self.activity.columns().clone() };
        self.activity = Activity::from_columns(columns).expect("a number for each event");
    }

    /// Takes all events away.
    pub(crate) fn rest(&mut self) {
        self.activity = Activity::from_columns(ActivityColumns::empty(self.graph.account_count())).expect("no events agree");
    }

    /// The id of an identifier that touches named by kind and number.
    pub(crate) fn identifier(&self, kind: usize, number: u32) -> graph::IdentifierId {
        graph::IdentifierId(self.starts[kind] + number)
    }
}

/// A population with one network in it. Kinds: 0 addresses, 1 payments, 2 templates.
///
/// `benign` accounts, each with its own card, live two to an address and use one of 40 templates in turn. Then `network`
/// accounts on cards for five and addresses for three, all with up to four of fifty templates; last, one customer on each of
/// the network's addresses, with a card and a template of the population.
pub(crate) fn planted(benign: u32, network: u32) -> (Toy, std::ops::Range<u32>) {
    let mut touches = Vec::new();
    let (mut next_address, mut next_card) = (0, 0);
    for account in 0..benign {
        touches.push((account, 0, account / 2, 0));
        touches.push((account, 1, account, 0));
        touches.push((account, 2, account % 40, 0));
        (next_address, next_card) = (account / 2 + 1, account + 1);
    }
    for member in 0..network {
        let account = benign + member;
        touches.push((account, 0, next_address + member / 3, 0));
        touches.push((account, 1, next_card + member / 5, 0));
        touches.push((account, 2, 40 + member % 50, 0));
        touches.push((account, 2, 40 + member * 7 % 50, 0));
        touches.push((account, 2, 40 + member / 5 % 50, 0));
        touches.push((account, 2, 40 + member / 3 * 13 % 50, 0));
    }
    next_card += network.div_ceil(5);
    let customers = network.div_ceil(3);
    for customer in 0..customers {
        let account = benign + network + customer;
        touches.push((account, 0, next_address + customer, 0));
        touches.push((account, 1, next_card + customer, 0));
        touches.push((account, 2, customer % 40, 0));
    }
    let roles = [KindRole::Address, KindRole::Payment, KindRole::Template];
    (Toy::new(&roles, benign + network + customers, &touches), benign..benign + network)
}
