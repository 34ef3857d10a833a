//! Which actions stop most of a network, and whom would they hurt?
//!
//! Two kinds of action are compared: banning an account, and an action on an identifier (challenge an address, ask for
//! identification at a card, limit a template's rate), which touches every account seen with it, member or not.
//!
//! *Benefit* is exchanges stopped, measured on history (module `stopped`), and tokens beside them where the events say these.
//! *Collateral* is the expected number of benign
//! accounts hit, each once, by a ban or by a challenge alike. It is a mixture of two cases:
//!
//! ```text
//! with the chance p that the network is one:  a member with confidence c is benign with 1 - c
//! with 1 - p:                                  every member is
//! ```
//!
//! `p` is that of [`crate::review`](mod@crate::review): by score and threshold, at most 1 - q where the store is calibrated, 1
//! for a confirmed case and 0 for a rejected one. Whoever is outside the network is benign, and so is one that an operator came
//! to use beside its owner ([`crate::roles`]): no plan bans it. In the first case the number is a Poisson binomial, in the
//! second certain, and networks are independent; the interval is that of the mixture, so it reaches from next to none to all
//! wherever 1 - p is over 2.5%. Confidence and chance are a model's; where people decided about accounts ([`crate::cases`]),
//! the share of them that was harmless, with its Clopper-Pearson interval, stands beside it.
//!
//! *Budget*: it limits the benign accounts expected *if the network is one*: which of its accounts to leave out is a question
//! that a plan can answer. Whether it is one at all, is not: that risk is the same whomever of it one bans, needs a person's
//! verdict, and is told beside the budget (`chance`, and how many are hit if it is none).
//!
//! *Plan*: greedy. 1. Each action costs what it would hit alone. 2. The action that stops most per benign account risked is
//! taken if the budget holds what it really adds; a gain can only fall as others are taken, so stale ones are evaluated when
//! they come up. 3. If the best single action stops more than all of these, it is the plan. For costs that add up this stops at
//! least (1 - 1/e)/2 of what the best plan stops (Khuller, Moss & Naor 1999, doi:10.1016/S0020-0190(99)00031-9); real costs
//! overlap, and are never more. Cost: O((members + sightings of the network's identifiers) log) a plan.
//!
//! ```
//! # let (_folder, store) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/example_store.rs"));
//! use hydralink::bans::{PlanConfig, impact, plan_bans};
//! use hydralink::Dataset;
//!
//! let dataset = Dataset::open(&store)?;
//! let labels = dataset.labelling()?;
//! let network = labels.network(&dataset, labels.network_index("1")?)?;
//! let plan = plan_bans(&dataset, &labels, &network, &PlanConfig { benign_budget: 1.0, identifier_actions: true })?;
//! assert!(plan.traffic.exchanges_stopped <= plan.traffic.exchanges && plan.harm.benign_if_network <= 1.0);
//! // If the network is none, all of them are hit: the chance of that is in what is expected.
//! assert!(plan.chance < 1.0 && plan.harm.benign_expected > plan.harm.benign_if_network);
//! // A list made elsewhere is judged by the same measure.
//! let list = plan.actions.iter().map(|action| dataset.node(&action.target)).collect::<Result<Vec<_>, _>>()?;
//! assert_eq!(impact(&dataset, &labels, &list)?.networks[0].traffic, plan.traffic);
//! # Ok::<(), hydralink::Error>(())
//! ```

mod greedy;
mod harm;
mod impact;
mod left;
mod stopped;

use std::collections::BTreeMap;

use graph::{AccountId, IdentifierId};
use rayon::prelude::*;
use serde::Serialize;

use crate::cases::Cases;
use crate::dataset::Dataset;
use crate::error::Error;
use crate::interval::jeffreys;
use crate::lineage;
use crate::node::Node;
use crate::query;
use crate::results::{Labelling, Network};
use crate::review::Chances;
use crate::roles::{is_compromised, possibly_taken_over};
use greedy::choose;
use harm::{benign, harm};
pub use impact::{Impact, NetworkImpact, impact};
use left::{groups_left, not_acted_on, replacement};
use stopped::{Gain, Group, Reach, Stakes};

/// What may be done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlanConfig {
    /// Most benign accounts, in expectation and if the network is one, that the plan may hit.
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
    /// Benign accounts it is expected to hit beyond those of the actions before it, if the network is one: what the budget
    /// counts.
    pub benign_if_network: f64,
    /// For an identifier: share of the accounts that it meets that are benign, a Jeffreys interval (95%) from those seen with
    /// it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub benign_share_interval: Option<(f64, f64)>,
    /// The account is banned already: what the ban stops is what it would have stopped.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub already_banned: bool,
}

/// Benign accounts hit in one country, pathway, tier or autonomous system.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Collateral {
    /// Accounts hit.
    pub hit: u64,
    /// How many of them are expected to be benign.
    pub benign_expected: f64,
    /// 95% interval of the same.
    pub benign_interval: (u64, u64),
    /// All accounts of the store there, to compare with.
    pub accounts: u64,
    #[serde(skip)]
    who: Vec<u32>,
}

/// What the same budget does with other kinds of action.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alternative {
    /// `bans`, `identifiers` or `both`.
    pub actions_allowed: &'static str,
    /// Actions taken.
    pub actions: u64,
    /// Exchanges stopped.
    pub exchanges_stopped: u64,
    /// Tokens stopped, where the events say them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_stopped: Option<u64>,
    /// Benign accounts expected to be hit.
    pub benign_expected: f64,
    /// 95% interval of the same.
    pub benign_interval: (u64, u64),
    /// Benign accounts expected to be hit if the network is one: what the budget limits.
    pub benign_if_network: f64,
    /// Members that aren't banned.
    pub members_left: u64,
    /// The largest group of them that identifiers which weren't acted on join.
    pub largest_group_left: u64,
}

/// Accounts that people decided about.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reviewed {
    /// Accounts confirmed or rejected, in all cases of the store.
    pub decided: u64,
    /// Those that were harmless.
    pub harmless: u64,
    /// 95% interval of the share of harmless ones (Clopper and Pearson). Cases that people pick are no random sample.
    pub harmless_share_interval: (f64, f64),
    /// The same share of the members that the plan bans.
    pub benign_banned_interval: (f64, f64),
}

/// How fast a network makes accounts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Replacement {
    /// Accounts made after the first.
    pub made: u64,
    /// Days from the first creation on record to the last.
    pub made_within_days: f64,
    /// Days from the last creation to the last event of the data.
    pub days_since: f64,
    /// Accounts made a week, from the first creation on record to the last event.
    pub accounts_a_week: f64,
    /// 95% interval of the same, if creations are a Poisson process (Garwood). Batches make it wider in truth.
    pub interval: (f64, f64),
    /// Share of its banned accounts that a new one replaced within the window of the ban-and-replace test, where that was
    /// measured. Bans after the last event don't count: nothing on record could have made up for them.
    pub regeneration: Option<f64>,
    /// Whether it is to be expected: an account was made in the last two weeks, or one made up for a ban.
    pub expected: bool,
}

/// The benign accounts that actions hit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Harm {
    /// Benign accounts expected to be hit.
    pub benign_expected: f64,
    /// 95% interval of the same.
    pub benign_interval: (u64, u64),
    /// Benign accounts expected to be hit if the networks are ones.
    pub benign_if_network: f64,
    /// 95% interval of the same.
    pub benign_interval_if_network: (u64, u64),
    /// Exchanges of benign accounts that are expected to be stopped with them.
    pub benign_exchanges_expected: f64,
    /// Tokens of these, where the events say them: legitimate traffic lost. For actions on identifiers other than templates an
    /// estimate, as if all exchanges of an account were equally long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub benign_tokens_expected: Option<f64>,
    /// Benign accounts hit, by country.
    pub benign_by_country: BTreeMap<String, Collateral>,
    /// The same by pathway.
    pub benign_by_pathway: BTreeMap<String, Collateral>,
    /// The same by tier: who pays, and for what.
    pub benign_by_tier: BTreeMap<String, Collateral>,
    /// The same by the autonomous system that most of an account's exchanges came from, where addresses were looked up.
    pub benign_by_as: BTreeMap<String, Collateral>,
    /// What people found harmless so far, where they decided anything.
    pub reviewed: Option<Reviewed>,
}

/// Exchanges, and tokens where the events say them, and what of them stops.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Traffic {
    /// Exchanges on record.
    pub exchanges: u64,
    /// How many of them stop.
    pub exchanges_stopped: u64,
    /// Tokens on record, where the events say them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// How many of them stop; estimated as [`Harm::benign_tokens_expected`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_stopped: Option<u64>,
    /// Whether the exchanges that stop are an estimate: identifiers of several kinds reach an account, and are taken to be shown by
    /// its exchanges independently of each other. Bans, and identifiers of one kind, are counted.
    pub estimated: bool,
    /// Between what their number lies: the most that one kind stops of each account, and the sum over its kinds.
    pub exchanges_stopped_bounds: (u64, u64),
}

impl Traffic {
    /// The traffic of `all` accounts, and what of it stops; of those that aren't in `hit`, ascending, nothing does.
    fn stopped_of<A: Iterator<Item = AccountId>>(reach: &Reach<'_>, hit: &[u32], all: impl Fn() -> A) -> Traffic {
        let (dataset, bounds) = (reach.stakes.dataset, reach.bounds_of(hit));
        Traffic {
            exchanges: all().map(|account| query::exchanges_of(dataset, account)).sum(),
            exchanges_stopped: reach.stopped_of(hit).round() as u64,
            tokens: query::tokens_of(dataset, all()),
            tokens_stopped: reach.tokens_stopped_of(hit),
            estimated: bounds.are_apart(),
            exchanges_stopped_bounds: bounds.rounded(),
        }
    }
}

/// A plan and what it does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// The network.
    pub network: String,
    /// The budget: most benign accounts expected if the network is one.
    pub benign_budget: f64,
    /// The chance that the network is one ([`crate::review`](mod@crate::review)).
    pub chance: f64,
    /// Accounts hit if it is none: all of them harmless.
    pub benign_if_none: u64,
    /// Actions, best first.
    pub actions: Vec<Action>,
    /// What of the network's traffic stops.
    #[serde(flatten)]
    pub traffic: Traffic,
    /// Whom that hits.
    #[serde(flatten)]
    pub harm: Harm,
    /// Members that are never banned, because they are somebody's whom the operator has come to use as well ([`crate::roles`]):
    /// to be secured.
    pub compromised: Vec<String>,
    /// Accounts that the plan bans and that may be taken over from their owners ([`crate::roles`]): look before banning.
    pub possibly_taken_over: Vec<String>,
    /// Members that aren't banned.
    pub members_left: u64,
    /// Those of them that an identifier of the network which wasn't acted on still joins to another.
    pub members_still_linked: u64,
    /// The largest group of those.
    pub largest_group_left: u64,
    /// What to expect as replacement; nothing without two creation times.
    pub replacement: Option<Replacement>,
    /// What bans alone, identifiers alone and both do under the same budget.
    pub alternatives: Vec<Alternative>,
}

/// What can be acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    Account(u32),
    Identifier(u32),
}

impl From<Node> for Target {
    fn from(node: Node) -> Self {
        match node {
            Node::Account(account) => Target::Account(account.0),
            Node::Identifier(identifier) => Target::Identifier(identifier.0),
        }
    }
}

/// What is acted on.
const ALTERNATIVES: [(&str, bool, bool); 3] = [("bans", true, false), ("identifiers", false, true), ("both", true, true)];

/// Plans actions against one network.
///
/// # Errors
/// As [`Dataset::cases`].
pub fn plan_bans(dataset: &Dataset, results: &Labelling, network: &Network, config: &PlanConfig) -> Result<Plan, Error> {
    let group = belonging(dataset, results, network, &Chances::of(dataset, results)?, &dataset.cases()?);
    let compromised: Vec<u32> = group
        .members
        .iter()
        .map(|&(account, _)| account)
        .filter(|&account| is_compromised(dataset, results, AccountId(account)))
        .collect();
    let own = own_identifiers(dataset, results, network);
    let chance = group.chance;
    let stakes = Stakes::new(dataset, &[group], &own);
    let mut chosen = None;
    let mut alternatives = Vec::new();
    for (name, bans, identifiers) in ALTERNATIVES {
        let bannable = stakes.members.iter().filter(|account| compromised.binary_search(account).is_err());
        let accounts = bannable.map(|&account| Target::Account(account)).filter(|_| bans);
        let targets = accounts.chain(own.iter().map(|&identifier| Target::Identifier(identifier)).filter(|_| identifiers));
        let (taken, reach) = choose(&stakes, targets.collect(), config.benign_budget);
        let groups = groups_left(&reach, &stakes.members, &not_acted_on(&own, &taken));
        let benign = benign(&stakes, reach.hit().map(|(account, _)| account));
        alternatives.push(Alternative {
            actions_allowed: name,
            actions: taken.len() as u64,
            exchanges_stopped: reach.stopped().round() as u64,
            tokens_stopped: reach.tokens_stopped_of(&stakes.members),
            benign_expected: benign.expected,
            benign_interval: benign.interval,
            benign_if_network: benign.if_network,
            members_left: groups.iter().sum(),
            largest_group_left: groups.iter().copied().max().unwrap_or(0),
        });
        if bans && identifiers == config.identifier_actions {
            chosen = Some((taken, reach, groups, alternatives[alternatives.len() - 1].clone()));
        }
    }
    let (taken, reach, groups, this) = chosen.expect("bans with and without identifiers are among the alternatives");
    Ok(Plan {
        network: network.id.clone(),
        benign_budget: config.benign_budget,
        chance,
        benign_if_none: reach.hit().count() as u64,
        actions: taken.iter().map(|&(target, gain)| action(&stakes, target, gain)).collect(),
        traffic: Traffic::stopped_of(&reach, &stakes.members, || stakes.members.iter().copied().map(AccountId)),
        harm: harm(&reach)?,
        compromised: labels(dataset, compromised.iter().copied().map(AccountId)),
        possibly_taken_over: labels(dataset, possibly_taken_over(dataset, results, banned(&reach))),
        members_left: this.members_left,
        members_still_linked: groups.iter().filter(|&&size| size > 1).sum(),
        largest_group_left: this.largest_group_left,
        replacement: replacement(dataset, &stakes.members, network, lineage::last_event(dataset)?),
        alternatives,
    })
}

/// The accounts of a network, ascending, each with the probability that it is benign if the network is one: certain where two
/// hands are on it, for its owner is.
fn belonging(dataset: &Dataset, results: &Labelling, network: &Network, chances: &Chances<'_>, cases: &Cases) -> Group {
    let benign = |account: &AccountId| match is_compromised(dataset, results, *account) {
        true => 1.0,
        false => 1.0 - f64::from(results.confidence[account.index()]).clamp(0.0, 1.0),
    };
    let members = results.belonging(network.index());
    Group {
        chance: chances.of_members(dataset, cases, network.index(), &members),
        members: members.iter().map(|account| (account.0, benign(account))).collect(),
    }
}

/// The identifiers that tie a network together, ascending: those of its accounts' that are its own.
fn own_identifiers(dataset: &Dataset, results: &Labelling, network: &Network) -> Vec<u32> {
    let members = results.members_of(network.index());
    let seen = members.iter().flat_map(|&(account, _)| dataset.graph().identifiers_of(account)).copied();
    let own = |&identifier: &u32| results.is_own(dataset.graph(), IdentifierId(identifier), network.index() as u32);
    let mut found: Vec<u32> = seen.filter(own).collect();
    found.par_sort_unstable();
    found.dedup();
    found
}

/// The accounts that were banned, ascending.
fn banned<'a>(reach: &'a Reach<'_>) -> impl Iterator<Item = AccountId> + 'a {
    reach.hit().filter(|(_, hit)| hit.banned).map(|(account, _)| AccountId(account))
}

fn labels(dataset: &Dataset, accounts: impl IntoIterator<Item = AccountId>) -> Vec<String> {
    accounts.into_iter().map(|account| dataset.label_of(Node::Account(account))).collect()
}

fn action(stakes: &Stakes<'_>, target: Target, gain: Gain) -> Action {
    let dataset = stakes.dataset;
    let (action, node, interval) = match target {
        Target::Account(account) => ("ban", Node::Account(AccountId(account)), None),
        Target::Identifier(identifier) => {
            let identifier = IdentifierId(identifier);
            let accounts = dataset.graph().accounts_of(identifier);
            let outside = accounts.iter().filter(|&&account| !stakes.is_member(account)).count() as u64;
            let action = match dataset.roles()[dataset.graph().kind_of(identifier).index()] {
                evidence::KindRole::Payment => "verify_payment",
                evidence::KindRole::Template | evidence::KindRole::Content => "rate_limit",
                _ => "challenge",
            };
            (action, Node::Identifier(identifier), Some(jeffreys(outside, accounts.len() as u64)))
        }
    };
    Action {
        action,
        target: dataset.label_of(node),
        exchanges_stopped: gain.stopped.round() as u64,
        benign_if_network: gain.benign,
        benign_share_interval: interval,
        already_banned: matches!(target, Target::Account(account) if dataset.is_banned(AccountId(account))),
    }
}

#[cfg(test)]
mod tests {
    use events::{IngestConfig, Unobserved};
    use proptest::prelude::*;

    use super::*;

    /// A store of events (account, address, card), each standing for some requests of ten tokens.
    fn dataset(rows: &[(u32, u32, u32, u32)]) -> (tempfile::TempDir, Dataset) {
        let folder = tempfile::tempdir().unwrap();
        let mut text = "timestamp,account_id,ip,payment_instrument,requests,tokens\n".to_owned();
        for (at, (account, address, card, requests)) in rows.iter().enumerate() {
            let second = at % 60;
            text.push_str(&format!("2026-03-01T00:00:{second:02}Z,a{account:02},198.51.100.{address},c{card},"));
            text.push_str(&format!("{requests},{requests}0\n"));
        }
        let (events, store) = (folder.path().join("events.csv"), folder.path().join("store"));
        std::fs::write(&events, text).unwrap();
        crate::build(&[events], &store, &IngestConfig::default(), &Unobserved).unwrap();
        let dataset = Dataset::open(&store).unwrap();
        (folder, dataset)
    }

    fn all_identifiers(dataset: &Dataset) -> Vec<u32> {
        (0..dataset.graph().identifier_count() as u32).collect()
    }

    fn expected(reach: &Reach<'_>) -> harm::Benign {
        benign(reach.stakes, reach.hit().map(|(account, _)| account))
    }

    fn all_targets(stakes: &Stakes<'_>) -> Vec<Target> {
        let identifiers = all_identifiers(stakes.dataset).into_iter().map(Target::Identifier);
        stakes.members.iter().map(|&account| Target::Account(account)).chain(identifiers).collect()
    }

    #[test]
    fn a_worked_case() {
        // a00 and a01 share address 1; a00 has 30 of its 40 exchanges there, a01 all 20. The outsider a02 is there too.
        let (_folder, dataset) = dataset(&[(0, 1, 1, 30), (0, 2, 1, 10), (1, 1, 1, 20), (2, 1, 2, 5)]);
        let group = Group { chance: 0.75, members: vec![(0, 0.1), (1, 0.2)] };
        let stakes = Stakes::new(&dataset, &[group], &all_identifiers(&dataset));
        let reach = Reach::new(&stakes);
        let address = match dataset.node("ip:198.51.100.1").unwrap() {
            Node::Identifier(identifier) => Target::Identifier(identifier.0),
            Node::Account(_) => unreachable!("an address is an identifier"),
        };
        let gain = reach.gain(address);
        assert!((gain.stopped - 50.0).abs() < 1e-9 && (gain.benign - 1.3).abs() < 1e-9, "{gain:?}");
        assert_eq!(reach.gain(Target::Account(0)), Gain { stopped: 40.0, benign: 0.1 });
        // With a budget below the outsider, bans; each member costs its own doubt.
        let (taken, reach) = choose(&stakes, all_targets(&stakes), 0.9);
        assert!((reach.stopped() - 60.0).abs() < 1e-9);
        assert!(expected(&reach).if_network <= 0.9 && !taken.is_empty());
        // Both are hit. If it is no network (a quarter), both are benign, whatever the budget: .75 x .3 + .25 x 2.
        let both = expected(&reach);
        assert!((both.if_network - 0.3).abs() < 1e-9 && (both.expected - 0.725).abs() < 1e-9, "{both:?}");
        assert_eq!((both.interval, both.interval_if_network), ((0, 2), (0, 1)));
        assert!((reach.benign_stopped() - (40.0 * 0.325 + 20.0 * 0.4)).abs() < 1e-9);
        assert_eq!((reach.tokens_stopped_of(&[0, 1]), reach.tokens_stopped_of(&[1])), (Some(600), Some(200)));
        assert!((reach.benign_tokens_stopped().unwrap() - 10.0 * reach.benign_stopped()).abs() < 1e-9);
        // Addresses alone leave nothing open.
        let mut both = Reach::new(&stakes);
        both.take(address);
        assert_eq!((both.bounds_of(&[0, 1]).rounded(), both.bounds_of(&[0, 1]).are_apart()), ((50, 50), false));
        let other = match dataset.node("ip:198.51.100.2").unwrap() {
            Node::Identifier(identifier) => Target::Identifier(identifier.0),
            Node::Account(_) => unreachable!("an address is an identifier"),
        };
        both.take(other);
        assert_eq!((both.bounds_of(&[0, 1]).rounded(), both.bounds_of(&[0, 1]).are_apart()), ((60, 60), false));
        // With less than the second member's doubt only the first is banned.
        let bans = vec![Target::Account(0), Target::Account(1)];
        let (taken, reach) = choose(&stakes, bans, 0.15);
        assert_eq!(taken, [(Target::Account(0), Gain { stopped: 40.0, benign: 0.1 })]);
        assert_eq!(groups_left(&reach, &stakes.members, &not_acted_on(&[], &taken)), [1]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10))]

        /// Against all sets of actions whose costs, each alone, add up to no more than the budget: the greedy plan keeps to the
        /// budget and stops at least (1 - 1/e)/2 of the best. And what an action adds never grows by what was done before.
        #[test]
        fn the_plan_is_within_its_bound_of_the_best(
            rows in prop::collection::vec((0u32..4, 1u32..3, 0u32..3, 1u32..50), 4..12),
            doubts in prop::collection::vec(0.0f64..1.0, 2),
            budget in 0.0f64..2.0,
        ) {
            let (_folder, dataset) = dataset(&rows);
            let accounts = dataset.graph().account_count() as u32;
            let members: Vec<(u32, f64)> = (0..accounts.min(2)).zip(doubts).collect();
            let stakes = Stakes::new(&dataset, &[Group { chance: 0.5, members }], &all_identifiers(&dataset));
            let targets = all_targets(&stakes);
            let (_, plan) = choose(&stakes, targets.clone(), budget);
            prop_assert!(expected(&plan).if_network <= budget + 1e-9);
            let mut best = 0.0f64;
            for set in 0..1u32 << targets.len() {
                let mut reach = Reach::new(&stakes);
                let mut cost = 0.0;
                for (at, &target) in targets.iter().enumerate().filter(|(at, _)| set >> at & 1 == 1) {
                    cost += Reach::new(&stakes).gain(target).benign;
                    let before: Vec<f64> = targets.iter().map(|&other| reach.gain(other).stopped).collect();
                    reach.take(target);
                    for (other, before) in targets.iter().zip(before) {
                        prop_assert!(reach.gain(*other).stopped <= before + 1e-9, "{at}");
                    }
                }
                if cost <= budget {
                    best = best.max(reach.stopped());
                }
            }
            let bound = (1.0 - (-1.0f64).exp()) / 2.0;
            prop_assert!(plan.stopped() + 1e-6 >= bound * best, "{} of {best}", plan.stopped());
        }
    }
}
