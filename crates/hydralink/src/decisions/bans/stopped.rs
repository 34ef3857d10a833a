//! What have the actions taken so far stopped, and whom did they hit?
//!
//! A ban stops all of an account's exchanges. An action on an identifier stops those that show it: of the `T` exchanges of
//! account `a`, `c(a,i)` show identifier `i`. An exchange shows at most one identifier of a kind, so within a kind the counts
//! add up; between kinds they are taken as independent. With `S` the identifiers acted on, what goes on of account `a` is
//!
//! ```text
//! U(a) = prod over kinds k of (1 - min(1, sum over i in S of kind k of c(a,i) / T(a)))
//! ```
//!
//! and 0 after a ban. Where one kind alone reaches an account that is no estimate; where several do, the store doesn't keep
//! which of their sightings were of one exchange, and what is stopped lies between the most that any one kind stops and what
//! they stop together if no exchange shows two of them ([`Bounds`]). What is stopped, `sum of T(a) (1 - U(a))`, never falls and
//! grows less the more was done before (it is monotone and submodular), which is what the greedy plan relies on.
//!
//! *Tokens*, where the events say them: a ban stops all of an account's. An event knows its prompt's template, so those that an
//! action on templates stops are counted. Which other identifiers an event showed isn't kept: of an account's tokens the same
//! share is taken to be stopped as of its exchanges, as if all of these were equally long.

use ahash::AHashSet;
use events::schema::TEMPLATE_KIND;
use graph::{AccountId, IdentifierId, KindId, NONE_U32};
use rayon::prelude::*;

use super::Target;
use crate::dataset::Dataset;
use crate::query;

/// Accounts that are held to be one network.
pub(crate) struct Group {
    /// The chance that they are.
    pub(crate) chance: f64,
    /// With the probability that each is benign even so, ascending.
    pub(crate) members: Vec<(u32, f64)>,
}

impl Group {
    /// Leaves out the members that are out of reach; all that there were, ascending.
    pub(super) fn leave_in_reach(&mut self, is_out_of_reach: impl Fn(u32) -> bool) -> Vec<u32> {
        let everyone = self.members.iter().map(|&(member, _)| member).collect();
        self.members.retain(|&(member, _)| !is_out_of_reach(member));
        everyone
    }
}

/// What is at stake in one network: whom actions can reach and how much each of them does. A *place* is a position among the
/// accounts that actions can reach: these are few of a store's, and asked for again and again.
pub(crate) struct Stakes<'a> {
    pub(crate) dataset: &'a Dataset,
    /// Members (core and fringe), ascending.
    pub(crate) members: Vec<u32>,
    /// Accounts that actions can reach, ascending.
    reached: Vec<u32>,
    /// By place.
    at_stake: Vec<AtStake>,
    /// By place, tokens; empty where the store knows of none.
    tokens: Vec<f64>,
    /// By group, the chance that it is a network.
    chances: Vec<f64>,
    /// Identifiers that may be acted on, ascending.
    identifiers: Vec<u32>,
    /// By position in `identifiers`: the places of the accounts seen with it and the share of their exchanges that shows it.
    /// Kept, as a plan asks for them many times and they are scattered over the store.
    shares: Vec<Vec<(u32, f64)>>,
}

/// One account that actions can reach.
#[derive(Clone, Copy)]
struct AtStake {
    exchanges: f64,
    /// The probability that it is benign if its network is one: all who don't belong to one are.
    risk: f64,
    /// The place of its group in the chances; [`NONE_U32`] if it is in none.
    group: u32,
}

impl<'a> Stakes<'a> {
    /// `groups` without an account in common; `identifiers` that may be acted on. No action reaches accounts that are out of
    /// reach; none of them is in a group. Memory: 16 bytes a sighting of the identifiers.
    pub(crate) fn new(
        dataset: &'a Dataset,
        groups: &[Group],
        identifiers: &[u32],
        is_out_of_reach: impl Fn(u32) -> bool + Sync,
    ) -> Self {
        let graph = dataset.graph();
        let mut identifiers = identifiers.to_vec();
        identifiers.sort_unstable();
        identifiers.dedup();
        let mut members: Vec<u32> = groups.iter().flat_map(|of| &of.members).map(|&(member, _)| member).collect();
        members.sort_unstable();
        // By account, whether it is reached, and then its place.
        let mut places = vec![0u32; graph.account_count()];
        let mut reached = Vec::new();
        let seen = identifiers.iter().flat_map(|&identifier| graph.accounts_of(IdentifierId(identifier)));
        for &account in members.iter().chain(seen).filter(|&&account| !is_out_of_reach(account)) {
            if std::mem::replace(&mut places[account as usize], 1) == 0 {
                reached.push(account);
            }
        }
        reached.par_sort_unstable();
        reached.iter().zip(0u32..).for_each(|(&account, place)| places[account as usize] = place);
        let at_stake = |&account: &u32| {
            let exchanges = query::exchanges_of(dataset, AccountId(account)) as f64;
            AtStake { exchanges, risk: 1.0, group: NONE_U32 }
        };
        let mut at_stake: Vec<AtStake> = reached.par_iter().with_min_len(1 << 12).map(at_stake).collect();
        for (group, of) in (0u32..).zip(groups) {
            for &(member, risk) in &of.members {
                let member = &mut at_stake[places[member as usize] as usize];
                (member.risk, member.group) = (risk, group);
            }
        }
        let tokens = |&account: &u32| query::tokens_of(dataset, [AccountId(account)]).unwrap_or(0) as f64;
        let counted = if dataset.activity().columns().tokens.is_empty() { &[][..] } else { &reached };
        let tokens: Vec<f64> = counted.par_iter().with_min_len(1 << 12).map(tokens).collect();
        let counts = graph.columns().counts.as_slice();
        let shares_of = |&identifier: &u32| {
            let identifier = IdentifierId(identifier);
            let seen = graph.accounts_of(identifier).iter().zip(graph.sightings_of_identifier(identifier));
            let seen = seen.filter(|&(&account, _)| !is_out_of_reach(account));
            let share = |(&account, &position): (&u32, &u32)| {
                let place = places[account as usize];
                (place, f64::from(counts[position as usize]) / at_stake[place as usize].exchanges.max(1.0))
            };
            seen.map(share).collect()
        };
        let shares = identifiers.par_iter().with_min_len(256).map(shares_of).collect();
        let chances = groups.iter().map(|of| of.chance).collect();
        Stakes { dataset, members, reached, at_stake, tokens, chances, identifiers, shares }
    }

    /// The places of the accounts seen with an identifier that may be acted on, and the share of their exchanges that shows it.
    fn shares_of(&self, identifier: u32) -> &[(u32, f64)] {
        self.identifiers.binary_search(&identifier).map_or(&[], |place| &self.shares[place])
    }

    /// The accounts that an action on an identifier reaches.
    pub(super) fn met_by(&self, identifier: u32) -> Vec<u32> {
        self.shares_of(identifier).iter().map(|&(place, _)| self.reached[place as usize]).collect()
    }

    /// The place of an account, if actions can reach it.
    fn place_of(&self, account: u32) -> Option<usize> {
        self.reached.binary_search(&account).ok()
    }

    pub(crate) fn is_member(&self, account: u32) -> bool {
        self.place_of(account).is_some_and(|place| self.at_stake[place].group != NONE_U32)
    }

    /// The probability that an account is benign, if its network is one.
    pub(crate) fn risk_of(&self, account: u32) -> f64 {
        self.place_of(account).map_or(1.0, |place| self.at_stake[place].risk)
    }

    /// Exchanges of accounts that actions can reach.
    pub(super) fn exchanges_of(&self, accounts: &[u32]) -> u64 {
        accounts.iter().map(|&account| self.traffic_of(account) as u64).sum()
    }

    /// Exchanges of an account; 0 if no action reaches it.
    fn traffic_of(&self, account: u32) -> f64 {
        self.place_of(account).map_or(0.0, |place| self.at_stake[place].exchanges)
    }

    /// Tokens of accounts that actions can reach; `None` where the store knows of none of theirs.
    pub(super) fn tokens_of(&self, accounts: &[u32]) -> Option<u64> {
        let of_account =
            |&account: &u32| self.place_of(account).and_then(|place| self.tokens.get(place)).map_or(0, |&tokens| tokens as u64);
        Some(accounts.iter().map(of_account).sum()).filter(|&tokens| tokens > 0)
    }

    /// The group of an account, and the chance that it is a network: nobody is in a group that isn't.
    pub(crate) fn group_of(&self, account: u32) -> (u32, f64) {
        let group = self.place_of(account).map_or(NONE_U32, |place| self.at_stake[place].group);
        (group, self.chances.get(group as usize).copied().unwrap_or(1.0))
    }

    /// The probability that an account is benign, whether its network is one or none.
    pub(crate) fn doubt_of(&self, account: u32) -> f64 {
        1.0 - self.group_of(account).1 * (1.0 - self.risk_of(account))
    }

    /// Whether the kind is that of the templates that events know.
    fn is_template(&self, kind: u8) -> bool {
        self.dataset.kind_name(KindId(kind)) == TEMPLATE_KIND
    }
}

/// What the actions taken so far reached.
pub(crate) struct Reach<'a> {
    pub(crate) stakes: &'a Stakes<'a>,
    /// By place of an account, one more than that of its entry in `hits`; 0 if nothing was done to it.
    places: Vec<u32>,
    /// Accounts, and what was done to them.
    hits: Vec<(u32, Hit)>,
    /// Templates that were acted on.
    templates: AHashSet<u32>,
}

/// What was done to one account.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hit {
    pub(crate) banned: bool,
    /// By kind, ascending: share of the exchanges that actions on identifiers stop.
    shares: Vec<(u8, f64)>,
}

impl Hit {
    /// Share of the exchanges that goes on.
    fn goes_on(&self) -> f64 {
        self.goes_on_after(u8::MAX, 0.0)
    }

    /// The same if `share` of them were stopped by one more identifier of `kind`.
    fn goes_on_after(&self, kind: u8, share: f64) -> f64 {
        if self.banned {
            return 0.0;
        }
        let known = self.shares.iter().find(|&&(known, _)| known == kind).map_or(0.0, |&(_, share)| share);
        self.goes_on_but_for(kind) * (1.0 - (known + share).min(1.0))
    }

    /// The same without what identifiers of `kind` stop.
    fn goes_on_but_for(&self, kind: u8) -> f64 {
        self.shares.iter().filter(|&&(known, _)| known != kind).map(|(_, share)| 1.0 - share.min(1.0)).product()
    }

    /// The least and the most share of the exchanges that can be stopped.
    fn stops(&self) -> (f64, f64) {
        if self.banned {
            return (1.0, 1.0);
        }
        let shares = || self.shares.iter().map(|(_, share)| share.min(1.0));
        (shares().fold(0.0, f64::max), shares().sum::<f64>().min(1.0))
    }

    fn add(&mut self, kind: u8, share: f64) {
        match self.shares.binary_search_by_key(&kind, |&(known, _)| known) {
            Ok(at) => self.shares[at].1 += share,
            Err(at) => self.shares.insert(at, (kind, share)),
        }
    }
}

/// Between what the exchanges stopped lie for certain.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Bounds {
    /// If kinds are shown by the same exchanges as far as they can be.
    pub(crate) least: f64,
    /// If they are shown by different ones as far as they can be.
    pub(crate) most: f64,
}

impl Bounds {
    /// Whether there is anything to estimate.
    pub(super) fn are_apart(self) -> bool {
        self.most - self.least > 1e-6
    }

    /// In whole exchanges.
    pub(super) fn rounded(self) -> (u64, u64) {
        (self.least.round() as u64, self.most.round() as u64)
    }
}

/// What an action adds to those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Gain {
    /// Exchanges of members stopped.
    pub(crate) stopped: f64,
    /// Benign accounts expected to be hit that weren't before, if the network is one.
    pub(crate) benign: f64,
}

impl<'a> Reach<'a> {
    pub(crate) fn new(stakes: &'a Stakes<'a>) -> Self {
        Reach { stakes, places: vec![0; stakes.reached.len()], hits: Vec::new(), templates: AHashSet::new() }
    }

    /// The accounts that were hit, ascending.
    pub(crate) fn hit(&self) -> impl Iterator<Item = (u32, &Hit)> {
        let mut hits: Vec<&(u32, Hit)> = self.hits.iter().collect();
        hits.sort_unstable_by_key(|(account, _)| *account);
        hits.into_iter().map(|(account, hit)| (*account, hit))
    }

    /// Whether an account was banned.
    pub(crate) fn is_banned(&self, account: u32) -> bool {
        self.hit_of_account(account).is_some_and(|hit| hit.banned)
    }

    /// Whether anything was done to an account.
    pub(crate) fn is_hit(&self, account: u32) -> bool {
        self.hit_of_account(account).is_some()
    }

    /// Exchanges of all members that were stopped.
    pub(crate) fn stopped(&self) -> f64 {
        self.sum(|account| f64::from(self.stakes.is_member(account)))
    }

    /// Exchanges of benign accounts that are expected to be stopped.
    pub(crate) fn benign_stopped(&self) -> f64 {
        self.sum(|account| self.stakes.doubt_of(account))
    }

    /// Exchanges of these accounts, ascending, that were stopped.
    pub(crate) fn stopped_of(&self, accounts: &[u32]) -> f64 {
        self.sum(|account| f64::from(u8::from(accounts.binary_search(&account).is_ok())))
    }

    /// Tokens of benign accounts that are expected to be stopped; `None` where nothing is known of those of any account hit.
    pub(crate) fn benign_tokens_stopped(&self) -> Option<f64> {
        self.sum_of_tokens(|account| self.stakes.doubt_of(account))
    }

    /// Tokens of these accounts, ascending, that were stopped; `None` where nothing is known of those of any that was hit.
    pub(crate) fn tokens_stopped_of(&self, accounts: &[u32]) -> Option<u64> {
        let stopped = self.sum_of_tokens(|account| f64::from(u8::from(accounts.binary_search(&account).is_ok())));
        stopped.map(|tokens| tokens.round() as u64)
    }

    /// Whether the tokens of any of these accounts, ascending, that were stopped are an estimate.
    pub(crate) fn estimates_tokens_of(&self, accounts: &[u32]) -> bool {
        let partly = |&(kind, share): &(u8, f64)| share < 1.0 && !self.stakes.is_template(kind);
        let is_estimate = |hit: &Hit| !hit.banned && hit.stops().0 < 1.0 && hit.shares.iter().any(partly);
        self.hit().any(|(account, hit)| accounts.binary_search(&account).is_ok() && is_estimate(hit))
    }

    /// Between what the exchanges of these accounts, ascending, that were stopped lie.
    pub(crate) fn bounds_of(&self, accounts: &[u32]) -> Bounds {
        let mut bounds = Bounds::default();
        for (account, hit) in self.hit().filter(|(account, _)| accounts.binary_search(account).is_ok()) {
            let (exchanges, (least, most)) = (self.stakes.traffic_of(account), hit.stops());
            bounds.least += exchanges * least;
            bounds.most += exchanges * most;
        }
        bounds
    }

    fn sum(&self, weight: impl Fn(u32) -> f64) -> f64 {
        let exchanges = |account| self.stakes.traffic_of(account);
        // A sum of nothing would be -0.
        self.hit().map(|(account, hit)| weight(account) * exchanges(account) * (1.0 - hit.goes_on())).sum::<f64>() + 0.0
    }

    fn sum_of_tokens(&self, weight: impl Fn(u32) -> f64 + Sync) -> Option<f64> {
        let tokens = &self.stakes.tokens;
        let of = |account: u32| self.stakes.place_of(account).map_or(0.0, |place| tokens[place]);
        // Of each account all events are read, so only of those that count.
        let stopped = |&(account, hit): &(u32, &Hit)| match (weight(account), of(account)) {
            (0.0, _) | (_, 0.0) => 0.0,
            (weight, all) => weight * all * (1.0 - self.tokens_going_on(account, hit, all)),
        };
        let mut counted = self.hit().map(|(account, _)| account).filter(|&account| weight(account) > 0.0).peekable();
        let is_known = !tokens.is_empty() && (counted.peek().is_none() || counted.any(|account| of(account) > 0.0));
        is_known.then(|| {
            let hits: Vec<(u32, &Hit)> = self.hit().collect();
            // In order, so that the sum is the same at any number of threads.
            let stopped: Vec<f64> = hits.par_iter().with_min_len(64).map(stopped).collect();
            stopped.into_iter().sum::<f64>() + 0.0
        })
    }

    /// Share of an account's tokens, `all` of them, that goes on.
    fn tokens_going_on(&self, account: u32, hit: &Hit, all: f64) -> f64 {
        let template = hit.shares.iter().map(|&(kind, _)| kind).find(|&kind| self.stakes.is_template(kind));
        let (Some(kind), false) = (template, hit.banned) else { return hit.goes_on() };
        let events = self.stakes.dataset.activity().of(AccountId(account));
        let shown = events.template.iter().zip(events.tokens).filter(|(template, _)| self.templates.contains(template));
        let stopped = shown.map(|(_, &tokens)| f64::from(tokens)).sum::<f64>();
        hit.goes_on_but_for(kind) * (1.0 - stopped / all)
    }

    /// What an action would add.
    pub(crate) fn gain(&self, target: Target) -> Gain {
        let mut gain = Gain::default();
        let mut add = |place: usize, after: &dyn Fn(&Hit) -> f64| {
            let (hit, at_stake) = (self.hit_at(place), self.stakes.at_stake[place]);
            if at_stake.group != NONE_U32 {
                let (before, after) = (hit.map_or(1.0, Hit::goes_on), after(hit.unwrap_or(&Hit::default())));
                gain.stopped += at_stake.exchanges * (before - after);
            }
            if hit.is_none() {
                gain.benign += at_stake.risk;
            }
        };
        match target {
            Target::Account(account) => self.stakes.place_of(account).into_iter().for_each(|place| add(place, &|_| 0.0)),
            Target::Identifier(identifier) => {
                let kind = self.kind_of(identifier);
                let shares = self.stakes.shares_of(identifier).iter();
                shares.for_each(|&(place, share)| add(place as usize, &|hit| hit.goes_on_after(kind, share)));
            }
        }
        gain
    }

    /// Takes an action.
    pub(crate) fn take(&mut self, target: Target) {
        match target {
            Target::Account(account) => {
                let place = self.stakes.place_of(account).expect("an account that may be banned is one of those at stake");
                self.hit_mut(place).banned = true;
            }
            Target::Identifier(identifier) => {
                let kind = self.kind_of(identifier);
                let stakes = self.stakes;
                if stakes.is_template(kind) {
                    self.templates.insert(identifier);
                }
                let shares = stakes.shares_of(identifier).iter();
                shares.for_each(|&(place, share)| self.hit_mut(place as usize).add(kind, share));
            }
        }
    }

    fn hit_of_account(&self, account: u32) -> Option<&Hit> {
        self.hit_at(self.stakes.place_of(account)?)
    }

    fn hit_at(&self, place: usize) -> Option<&Hit> {
        self.places[place].checked_sub(1).map(|entry| &self.hits[entry as usize].1)
    }

    fn hit_mut(&mut self, place: usize) -> &mut Hit {
        let entry = &mut self.places[place];
        if *entry == 0 {
            self.hits.push((self.stakes.reached[place], Hit::default()));
            *entry = self.hits.len() as u32;
        }
        &mut self.hits[*entry as usize - 1].1
    }

    fn kind_of(&self, identifier: u32) -> u8 {
        self.stakes.dataset.graph().kind_of(IdentifierId(identifier)).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_independent_and_a_kind_adds_up() {
        let hit = |shares: &[(u8, f64)]| Hit { banned: false, shares: shares.to_vec() };
        assert!((hit(&[]).goes_on() - 1.0).abs() < 1e-12);
        assert!((hit(&[(0, 0.5), (1, 0.5)]).goes_on() - 0.25).abs() < 1e-12);
        assert!(hit(&[(0, 1.2), (1, 0.5)]).goes_on().abs() < 1e-12);
        assert!(Hit { banned: true, ..hit(&[]) }.goes_on().abs() < 1e-12);
        assert!((hit(&[(0, 0.5), (1, 0.5)]).goes_on_after(1, 0.25) - 0.125).abs() < 1e-12);
        // Half and half of the same exchanges, or of different ones; one kind alone leaves nothing open.
        assert_eq!(hit(&[(0, 0.5), (1, 0.5)]).stops(), (0.5, 1.0));
        assert_eq!(hit(&[(0, 0.25), (1, 0.5)]).stops(), (0.5, 0.75));
        assert_eq!((hit(&[(0, 0.75)]).stops(), hit(&[(0, 1.5), (1, 0.5)]).stops()), ((0.75, 0.75), (1.0, 1.0)));
        assert_eq!(Hit { banned: true, ..hit(&[(0, 0.1)]) }.stops(), (1.0, 1.0));
    }
}
