//! What have the actions taken so far stopped, and whom did they hit?
//!
//! A ban stops all of an account's exchanges. An action on an identifier stops those that show it: of the `T` exchanges of account `a`, `c(a,i)`
//! show identifier `i`. An exchange shows at most one identifier of a kind, so within a kind the counts add up; between
//! kinds they are taken as independent. With `S` the identifiers acted on, what goes on of account `a` is
//!
//! ```text
//! U(a) = prod over kinds k of (1 - min(1, sum over i in S of kind k of c(a,i) / T(a)))
//! ```
//!
//! and 0 after a ban. What is stopped, `sum of T(a) (1 - U(a))`, never falls and grows less the more was done before (it is monotone and
//! submodular), which is what the greedy plan relies on.

use std::collections::BTreeMap;

use graph::{AccountId, IdentifierId};

use super::Target;
use crate::dataset::Dataset;
use crate::query;

/// The accounts that actions against one network can reach.
pub(crate) struct Reach<'a> {
    dataset: &'a Dataset,
    /// Members (core and fringe): the probability that they are benign.
    pub(crate) risk: &'a BTreeMap<u32, f64>,
    /// By account that was hit.
    state: BTreeMap<u32, Hit>,
}

/// What was done to one account.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hit {
    pub(crate) banned: bool,
    /// By kind: share of the exchanges that actions on identifiers stop.
    shares: BTreeMap<u8, f64>,
}

impl Hit {
    /// Share of the exchanges that goes on.
    fn goes_on(&self) -> f64 {
        if self.banned { 0.0 } else { self.shares.values().map(|share| 1.0 - share.min(1.0)).product() }
    }
}

/// What an action adds to those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Gain {
    /// Exchanges of members stopped.
    pub(crate) stopped: f64,
    /// Benign accounts expected to be hit that weren't before.
    pub(crate) benign: f64,
}

impl<'a> Reach<'a> {
    pub(crate) fn new(dataset: &'a Dataset, risk: &'a BTreeMap<u32, f64>) -> Self {
        Reach { dataset, risk, state: BTreeMap::new() }
    }

    /// Probability that an account is benign: all who don't belong to the network are.
    pub(crate) fn risk_of(&self, account: u32) -> f64 {
        self.risk.get(&account).copied().unwrap_or(1.0)
    }

    /// The accounts that were hit, ascending.
    pub(crate) fn hit(&self) -> impl Iterator<Item = (u32, &Hit)> {
        self.state.iter().map(|(&account, hit)| (account, hit))
    }

    /// Whether an account was banned.
    pub(crate) fn is_banned(&self, account: u32) -> bool {
        self.state.get(&account).is_some_and(|hit| hit.banned)
    }

    /// Exchanges of all members that were stopped.
    pub(crate) fn stopped(&self) -> f64 {
        self.sum(|account| f64::from(self.risk.contains_key(&account)))
    }

    /// Exchanges of benign accounts that are expected to be stopped.
    pub(crate) fn benign_stopped(&self) -> f64 {
        self.sum(|account| self.risk_of(account))
    }

    fn sum(&self, weight: impl Fn(u32) -> f64) -> f64 {
        self.state.iter().map(|(&account, hit)| weight(account) * self.exchanges(account) * (1.0 - hit.goes_on())).sum()
    }

    /// What an action would add.
    pub(crate) fn gain(&self, target: Target) -> Gain {
        let mut gain = Gain::default();
        self.each(target, |account, hit| {
            let before = self.state.get(&account).map_or(1.0, Hit::goes_on);
            if self.risk.contains_key(&account) {
                gain.stopped += self.exchanges(account) * (before - hit.goes_on());
            }
            if !self.state.contains_key(&account) {
                gain.benign += self.risk_of(account);
            }
        });
        gain
    }

    /// Takes an action.
    pub(crate) fn take(&mut self, target: Target) {
        let mut after = Vec::new();
        self.each(target, |account, hit| after.push((account, hit)));
        self.state.extend(after);
    }

    /// Visits every account that an action reaches with what would then have been done to it.
    fn each(&self, target: Target, mut visit: impl FnMut(u32, Hit)) {
        let graph = self.dataset.graph();
        let state = |account: u32| self.state.get(&account).cloned().unwrap_or_default();
        match target {
            Target::Account(account) => visit(account, Hit { banned: true, ..state(account) }),
            Target::Identifier(identifier) => {
                let kind = graph.kind_of(IdentifierId(identifier)).0;
                let positions = graph.sightings_of_identifier(IdentifierId(identifier));
                for (&account, &position) in graph.accounts_of(IdentifierId(identifier)).iter().zip(positions) {
                    let share = f64::from(graph.sighting(position as usize).count) / self.exchanges(account).max(1.0);
                    let mut hit = state(account);
                    *hit.shares.entry(kind).or_default() += share;
                    visit(account, hit);
                }
            }
        }
    }

    fn exchanges(&self, account: u32) -> f64 {
        query::exchanges_of(self.dataset, AccountId(account)) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_independent_and_a_kind_adds_up() {
        let hit = |shares: &[(u8, f64)]| Hit { banned: false, shares: shares.iter().copied().collect() };
        assert!((hit(&[]).goes_on() - 1.0).abs() < 1e-12);
        assert!((hit(&[(0, 0.5), (1, 0.5)]).goes_on() - 0.25).abs() < 1e-12);
        assert!(hit(&[(0, 1.2), (1, 0.5)]).goes_on().abs() < 1e-12);
        assert!(Hit { banned: true, ..hit(&[]) }.goes_on().abs() < 1e-12);
    }
}
