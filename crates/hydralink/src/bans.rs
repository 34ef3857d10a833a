//! Which actions stop most of a network, and whom would they hurt?
//!
//! Two kinds of action are compared: banning an account, and an action on an identifier (challenge an address, ask for identification
//! at a card, limit a template's rate), which touches every account seen with it, member or not.
//!
//! *Benefit* is exchanges stopped, measured on history: those of the accounts an action reaches that belong to the network.
//! *Collateral* is the expected number of benign accounts hit: for an account that belongs with confidence `c`, `1 - c`; for one outside
//! the network, 1. The number hit is a sum of independent Bernoulli variables (Poisson binomial); its 95% interval is the exact one of
//! the Poisson distribution with the same mean, which is wider (Le Cam 1960, doi:10.2140/pjm.1960.10.1181).
//!
//! *Plan*: greedy by exchanges stopped per benign account risked until the budget is spent: the usual (1 - 1/e) heuristic for a budgeted
//! monotone submodular cover (Khuller, Moss & Naor 1999, doi:10.1016/S0020-0190(99)00031-9) without its partial enumeration. Cost:
//! O((members + sightings) log members); benefits of identifiers are re-evaluated lazily.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use graph::{AccountId, IdentifierId, NONE_U16};
use roaring::RoaringBitmap;
use serde::Serialize;

use crate::dataset::Dataset;
use crate::node::Node;
use crate::query;
use crate::results::{Membership, Results};

/// What may be done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlanConfig {
    /// Most benign accounts, in expectation, that the plan may hit.
    pub benign_budget: f64,
    /// Whether actions on identifiers are considered beside bans.
    pub identifier_actions: bool,
}

/// One action of a plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Action {
    /// `ban`, `challenge`, `verify_payment` or `rate_limit`.
    pub action: &'static str,
    /// The account or identifier.
    pub target: String,
    /// Exchanges that it stops beyond those of the actions before it.
    pub exchanges_stopped: u64,
    /// Benign accounts it is expected to hit beyond those of the actions before it.
    pub benign_expected: f64,
}

/// A plan and what it does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// The network.
    pub network: String,
    /// The budget.
    pub benign_budget: f64,
    /// Actions, best first.
    pub actions: Vec<Action>,
    /// Exchanges of the network on record.
    pub exchanges: u64,
    /// Exchanges that the plan stops.
    pub exchanges_stopped: u64,
    /// Benign accounts expected to be hit.
    pub benign_expected: f64,
    /// 95% interval of the same.
    pub benign_interval: (u64, u64),
    /// Expected benign accounts hit, by country.
    pub benign_by_country: BTreeMap<String, f64>,
    /// The same by pathway.
    pub benign_by_pathway: BTreeMap<String, f64>,
    /// Members that stay.
    pub members_left: u64,
    /// Members that stay and are still joined to another that stays by an identifier of the network.
    pub members_still_linked: u64,
    /// Accounts that the network made, a week, over the time it is on record: what to expect as replacement.
    pub replacements_a_week: Option<f64>,
}

/// What can be acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Account(u32),
    Identifier(u32),
}

/// Plans actions against one network.
pub fn plan_bans(dataset: &Dataset, results: &Results, network: usize, config: &PlanConfig) -> Plan {
    let graph = dataset.graph();
    let members: Vec<(AccountId, Membership)> = results.members_of(network);
    let benign_risk = |account: AccountId| 1.0 - f64::from(results.confidence[account.index()]).clamp(0.0, 1.0);
    let belongs: BTreeMap<u32, u64> = members
        .iter()
        .filter(|(_, how)| *how != Membership::Ambiguous)
        .map(|&(account, _)| (account.0, query::exchanges_of(dataset, account)))
        .collect();
    let reach = |target: Target| -> Vec<u32> {
        match target {
            Target::Account(account) => vec![account],
            Target::Identifier(identifier) => graph.accounts_of(IdentifierId(identifier)).to_vec(),
        }
    };
    let mut targets: Vec<Target> = belongs.keys().map(|&account| Target::Account(account)).collect();
    if config.identifier_actions {
        let own = results.network_of_identifier.iter().enumerate().filter(|&(_, &owner)| owner as usize == network);
        targets.extend(own.map(|(identifier, _)| Target::Identifier(identifier as u32)));
    }
    let mut hit = RoaringBitmap::new();
    let gain = |hit: &RoaringBitmap, target: Target| -> (u64, f64) {
        reach(target).into_iter().filter(|account| !hit.contains(*account)).fold((0, 0.0), |(stopped, risk), account| {
            match belongs.get(&account) {
                Some(exchanges) => (stopped + exchanges, risk + benign_risk(AccountId(account))),
                None => (stopped, risk + 1.0),
            }
        })
    };
    // Lazy greedy: a gain can only fall as accounts are hit, so a stale head is re-evaluated and put back.
    let mut heap: BinaryHeap<(Ratio, Reverse<Target>)> =
        targets.into_iter().map(|target| (Ratio::of(gain(&hit, target)), Reverse(target))).collect();
    let mut plan = Plan {
        network: results.networks[network].id.clone(),
        benign_budget: config.benign_budget,
        actions: Vec::new(),
        exchanges: belongs.values().sum(),
        exchanges_stopped: 0,
        benign_expected: 0.0,
        benign_interval: (0, 0),
        benign_by_country: BTreeMap::new(),
        benign_by_pathway: BTreeMap::new(),
        members_left: 0,
        members_still_linked: 0,
        replacements_a_week: replacements(dataset, belongs.keys().copied()),
    };
    while let Some((stale, Reverse(target))) = heap.pop() {
        let (stopped, risk) = gain(&hit, target);
        let fresh = Ratio::of((stopped, risk));
        if fresh < stale {
            heap.push((fresh, Reverse(target)));
            continue;
        }
        if stopped == 0 || plan.benign_expected + risk > config.benign_budget {
            continue;
        }
        for account in reach(target) {
            if hit.insert(account) {
                let risk = if belongs.contains_key(&account) { benign_risk(AccountId(account)) } else { 1.0 };
                let (accounts, tables) = (dataset.accounts(), dataset.tables());
                add(&mut plan.benign_by_country, &accounts.country, &tables.countries, account, risk);
                add(&mut plan.benign_by_pathway, &accounts.pathway, &tables.pathways, account, risk);
            }
        }
        plan.exchanges_stopped += stopped;
        plan.benign_expected += risk;
        plan.actions.push(Action {
            action: verb(dataset, target),
            target: dataset.label_of(match target {
                Target::Account(account) => Node::Account(AccountId(account)),
                Target::Identifier(identifier) => Node::Identifier(IdentifierId(identifier)),
            }),
            exchanges_stopped: stopped,
            benign_expected: risk,
        });
    }
    plan.benign_interval = poisson_interval(plan.benign_expected);
    let left: RoaringBitmap = belongs.keys().copied().filter(|&account| !hit.contains(account)).collect();
    plan.members_left = left.len();
    let still_linked = |&account: &u32| {
        graph.identifiers_of(AccountId(account)).iter().any(|&identifier| {
            results.network_of_identifier[identifier as usize] as usize == network
                && graph.accounts_of(IdentifierId(identifier)).iter().any(|&other| other != account && left.contains(other))
        })
    };
    plan.members_still_linked = left.iter().filter(still_linked).count() as u64;
    plan
}

/// Exchanges stopped per benign account risked; ties by exchanges.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Ratio {
    ratio: f64,
    stopped: u64,
}

/// A risk below this counts as this, so that certain members are ordered by what they stop.
const LEAST_RISK: f64 = 1e-3;

impl Ratio {
    fn of((stopped, risk): (u64, f64)) -> Self {
        Ratio { ratio: stopped as f64 / risk.max(LEAST_RISK), stopped }
    }
}

impl Eq for Ratio {}

impl Ord for Ratio {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.ratio.total_cmp(&other.ratio).then(self.stopped.cmp(&other.stopped))
    }
}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

fn verb(dataset: &Dataset, target: Target) -> &'static str {
    let Target::Identifier(identifier) = target else { return "ban" };
    match dataset.roles()[dataset.graph().kind_of(IdentifierId(identifier)).index()] {
        evidence::KindRole::Payment => "verify_payment",
        evidence::KindRole::Template => "rate_limit",
        _ => "challenge",
    }
}

fn add(counts: &mut BTreeMap<String, f64>, column: &[u16], names: &[String], account: u32, risk: f64) {
    let word = column.get(account as usize).filter(|&&word| word != NONE_U16).and_then(|&word| names.get(word as usize));
    if let Some(name) = word {
        *counts.entry(name.clone()).or_default() += risk;
    }
}

/// Accounts made a week over the span from the first to the last creation; `None` without two creation times.
fn replacements(dataset: &Dataset, accounts: impl Iterator<Item = u32>) -> Option<f64> {
    let created = &dataset.accounts().created_at;
    let times: Vec<u32> =
        accounts.filter_map(|account| created.get(account as usize).copied()).filter(|&time| time != graph::NO_TIME).collect();
    let (first, last) = (times.iter().min()?, times.iter().max()?);
    let weeks = f64::from(last - first) / (7.0 * 86_400.0);
    (weeks > 0.0).then(|| times.len() as f64 / weeks)
}

/// The central 95% interval of a Poisson variable with this mean.
fn poisson_interval(mean: f64) -> (u64, u64) {
    let quantile = |target: f64| {
        let (mut term, mut sum, mut value) = ((-mean).exp(), (-mean).exp(), 0u64);
        if term == 0.0 {
            // The mean is beyond what exp can hold: the normal limit, to within one account.
            let deviation = if target < 0.5 { -1.96 } else { 1.96 };
            return (mean + deviation * mean.sqrt()).round().max(0.0) as u64;
        }
        while sum < target {
            value += 1;
            term *= mean / value as f64;
            sum += term;
            if term < 1e-18 && value as f64 > mean {
                break;
            }
        }
        value
    };
    (quantile(0.025), quantile(0.975))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_that_of_the_tables() {
        // R: qpois(c(.025, .975), lambda)
        assert_eq!(poisson_interval(0.0), (0, 0));
        assert_eq!(poisson_interval(1.0), (0, 3));
        assert_eq!(poisson_interval(10.0), (4, 17));
        assert_eq!(poisson_interval(100.0), (81, 120));
    }

    #[test]
    fn certain_members_are_ordered_by_what_they_stop() {
        assert!(Ratio::of((10, 0.0)) > Ratio::of((9, 0.0)));
        assert!(Ratio::of((10, 0.001)) > Ratio::of((10, 0.5)));
    }
}
