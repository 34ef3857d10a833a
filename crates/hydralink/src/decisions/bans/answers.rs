//! What a plan and the count of a list say: the fields of `plan-bans` and `impact`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::proposal::Proposal;
use super::stopped::Reach;
use crate::results::Labelling;

/// One action of a plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Action {
    /// A ban, or what is done about the identifier.
    pub action: Proposal,
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
    /// The account is banned already, in a plan as if nobody were: what the ban stops is what it would have stopped.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub already_banned: bool,
}

/// Benign accounts hit in one country, pathway, tier or autonomous system.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Collateral {
    /// Accounts hit.
    pub hit: u64,
    /// How many of them are expected to be benign.
    pub benign_expected: f64,
    /// 95% interval of how many are, as [`Harm::benign_interval`].
    pub benign_interval: (u64, u64),
    /// All accounts of the store there, to compare with.
    pub accounts: u64,
    #[serde(skip)]
    pub(super) who: Vec<u32>,
}

/// What actions may be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ActionsAllowed {
    /// On accounts.
    Bans,
    /// On identifiers.
    Identifiers,
    /// On either.
    Both,
}

impl ActionsAllowed {
    /// The word used in every output.
    pub fn name(self) -> &'static str {
        match self {
            ActionsAllowed::Bans => "bans",
            ActionsAllowed::Identifiers => "identifiers",
            ActionsAllowed::Both => "both",
        }
    }
}

/// What the same budget does with other kinds of action.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Alternative {
    /// On what.
    pub actions_allowed: ActionsAllowed,
    /// Actions taken.
    pub actions: u64,
    /// Exchanges stopped.
    pub exchanges_stopped: u64,
    /// Tokens stopped, where the events say them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_stopped: Option<u64>,
    /// Benign accounts expected to be hit.
    pub benign_expected: f64,
    /// 95% interval of how many are, as [`Harm::benign_interval`].
    pub benign_interval: (u64, u64),
    /// Benign accounts expected to be hit if the network is one: what the budget limits.
    pub benign_if_network: f64,
    /// Members that aren't banned.
    pub members_left: u64,
    /// The largest group of them that identifiers which weren't acted on join.
    pub largest_group_left: u64,
}

/// What people decided about other networks and accounts.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Reviewed {
    /// Cases that were decided, all of the store's.
    pub cases: u64,
    /// Those that were harmless.
    pub harmless_cases: u64,
    /// Accounts that were confirmed or rejected with them.
    pub decided: u64,
    /// Those that were harmless.
    pub harmless: u64,
    /// 95% interval of the share of cases that are harmless (Clopper and Pearson): the accounts of a case are decided about
    /// together, and say no more than one. Cases that people pick are no random sample.
    pub harmless_share_interval: (f64, f64),
    /// The same share of the members that the plan bans.
    pub benign_banned_interval: (f64, f64),
}

/// How fast a network makes accounts.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Replacement {
    /// Accounts made after the first. Here and below, of those that are held to be the operator's own ([`crate::roles`]) and without
    /// the earliest twentieth: accounts that were bought or taken over were made long before.
    pub made: u64,
    /// Days within which nine tenths of them were made: from the 5th to the 95th percentile of the creations.
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
#[non_exhaustive]
pub struct Harm {
    /// Benign accounts expected to be hit: an average, and seldom a whole number.
    pub benign_expected: f64,
    /// 95% interval of how many are hit, in whole accounts: of .04 expected accounts it is none to none, for none is hit 96
    /// times of 100. What is expected lies less than half an account outside, if at all.
    pub benign_interval: (u64, u64),
    /// Benign accounts expected to be hit if the networks are ones.
    pub benign_if_network: f64,
    /// 95% interval of how many are then, in whole accounts.
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
    /// What people found harmless so far; nothing where they decided about nothing yet, or about all that is hit.
    pub reviewed: Option<Reviewed>,
}

/// Exchanges, and tokens where the events say them, and what of them stops.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Traffic {
    /// Exchanges on record.
    pub exchanges: u64,
    /// How many of them stop.
    pub exchanges_stopped: u64,
    /// Tokens on record, where any event of these accounts says some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// How many of them stop, where any event of the accounts that are hit says some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_stopped: Option<u64>,
    /// Whether that is an estimate, as [`Harm::benign_tokens_expected`]: an identifier that is no template reaches a part of
    /// an account's exchanges, and which of its tokens these had isn't kept. Bans and templates are counted.
    pub tokens_estimated: bool,
    /// Whether the exchanges that stop are an estimate: identifiers of several kinds reach an account, and are taken to be
    /// shown by its exchanges independently of each other. Bans, and identifiers of one kind, are counted.
    pub estimated: bool,
    /// Between what their number lies: the most that one kind stops of each account, and the sum over its kinds.
    pub exchanges_stopped_bounds: (u64, u64),
}

impl Traffic {
    /// The traffic of these members of the groups at stake, ascending, and what of it stops.
    pub(super) fn of_members(reach: &Reach<'_>, members: &[u32]) -> Traffic {
        let stakes = reach.stakes;
        Traffic::of(reach, members, stakes.exchanges_of(members), stakes.tokens_of(members))
    }

    /// The traffic of all accounts, and what of it stops: of those that aren't in `hit`, ascending, nothing does.
    pub(super) fn of_store(results: &Labelling, reach: &Reach<'_>, hit: &[u32]) -> Traffic {
        let (exchanges, tokens) = results.foremost.traffic(reach.stakes.dataset);
        Traffic::of(reach, hit, exchanges, tokens)
    }

    fn of(reach: &Reach<'_>, hit: &[u32], exchanges: u64, tokens: Option<u64>) -> Traffic {
        let bounds = reach.bounds_of(hit);
        let tokens_stopped = tokens.and_then(|_| reach.tokens_stopped_of(hit));
        Traffic {
            exchanges,
            exchanges_stopped: reach.stopped_of(hit).round() as u64,
            tokens,
            tokens_stopped,
            tokens_estimated: tokens_stopped.is_some() && reach.estimates_tokens_of(hit),
            estimated: bounds.are_apart(),
            exchanges_stopped_bounds: bounds.rounded(),
        }
    }
}

/// A plan and what it does.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// The network.
    pub network: String,
    /// The budget: most benign accounts expected if the network is one.
    pub benign_budget: f64,
    /// The chance that the network is one ([`crate::review`](mod@crate::review)).
    pub chance: f64,
    /// Whether the network is flagged. A plan against a candidate that isn't is made only where that was asked for
    /// ([`PlanConfig::allow_unflagged`](super::PlanConfig::allow_unflagged)).
    pub flagged: bool,
    /// Whether more benign accounts are expected to be hit than the budget allows, now that it may be no network: the budget limits
    /// what is hit if it is one.
    pub over_budget_on_average: bool,
    /// Accounts hit if it is none: all of them harmless.
    pub benign_if_none: u64,
    /// Actions, best first.
    pub actions: Vec<Action>,
    /// Identifiers that tie the network and that no plan acts on, because strangers share them: to be watched, as exported
    /// actions say of them (`monitor`).
    pub identifiers_to_monitor: u64,
    /// Members that are banned already and therefore left out; 0 in a plan as if nobody were.
    pub already_banned: u64,
    /// Exchanges on record of these, which are not among those below.
    pub exchanges_of_banned: u64,
    /// What of the traffic of the network's other accounts stops.
    #[serde(flatten)]
    pub traffic: Traffic,
    /// Whom that hits.
    #[serde(flatten)]
    pub harm: Harm,
    /// Members that are never banned, because they are somebody's whom the operator has come to use as well ([`crate::roles`]):
    /// to be secured.
    pub compromised: Vec<String>,
    /// Members that are known-good, by an allow list or a rejected case: never banned, and harmless where an action on an identifier
    /// hits them.
    pub known_good: Vec<String>,
    /// Accounts that the plan bans and that may be taken over from their owners ([`crate::roles`]): look before banning.
    pub possibly_taken_over: Vec<String>,
    /// Accounts that the plan bans and that have nothing of the network but addresses ([`crate::roles`]): customers of the same
    /// exits look so.
    pub possible_customers: Vec<String>,
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
