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
//! `p` is that of [`crate::review`](mod@crate::review): by score and threshold, at most what chance leaves where the store is calibrated, 1
//! for a confirmed case and 0 for a rejected one. Whoever is outside the network is benign, and so is one that an operator came
//! to use beside its owner ([`crate::roles`]): no plan bans it. In the first case the number is a Poisson binomial, in the
//! second certain, and networks are independent; the interval is that of the mixture, so it reaches from next to none to all
//! wherever 1 - p is over 2.5%, and to what is expected. It is one of whole accounts: of .04 expected it is none to none, so that
//! what is expected may lie outside by less than half an account. Confidence and chance are a model's; where people decided
//! about cases ([`crate::cases`]), and not about this one, the share of them that was harmless, with its Clopper-Pearson
//! interval, stands beside it.
//!
//! *Budget*: it limits the benign accounts expected *if the network is one*: which of its accounts to leave out is a question
//! that a plan can answer. Whether it is one at all, is not: that risk is the same whomever of it one bans, needs a person's
//! verdict, and is told beside the budget (`chance`, and how many are hit if it is none).
//!
//! *Known-good* accounts (an allow list, a rejected case) are harmless: they cost one account each, and no plan bans them.
//!
//! *Who is banned already* is out of reach: nothing is left to stop of such an account, and nobody to hit. A plan leaves these
//! members out and says how much traffic they had, unless it is asked what acting in time would have stopped.
//!
//! *Candidates below the threshold* are no networks, by what is known: whoever asks for a plan against one has to say so
//! ([`PlanConfig::allow_unflagged`]), and the plan says that it isn't flagged.
//!
//! *Identifiers* are acted on only where the network keeps them to itself, as exported actions have it: popular templates, hubs,
//! and what more than a tenth of strangers are seen with are left to be watched, and counted (`identifiers_to_monitor`).
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
//! let network = labels.network(&dataset, dataset.network_index(&labels, "1")?)?;
//! let plan = plan_bans(&dataset, &labels, &network, &PlanConfig { identifier_actions: true, ..PlanConfig::default() })?;
//! assert!(plan.traffic.exchanges_stopped <= plan.traffic.exchanges && plan.harm.benign_if_network <= 1.0);
//! // If the network is none, all of them are hit: the chance of that is in what is expected.
//! assert!(plan.chance < 1.0 && plan.harm.benign_expected > plan.harm.benign_if_network);
//! // A list made elsewhere is judged by the same measure.
//! let list = plan.actions.iter().map(|action| dataset.node(&action.target)).collect::<Result<Vec<_>, _>>()?;
//! assert_eq!(impact(&dataset, &labels, &list, false)?.networks[0].traffic, plan.traffic);
//! # Ok::<(), hydralink::Error>(())
//! ```

mod answers;
mod greedy;
mod harm;
mod impact;
mod left;
mod proposal;
mod stopped;

use graph::{AccountId, IdentifierId};

use crate::cases::Cases;
use crate::dataset::{Allowed, Dataset};
use crate::error::Error;
use crate::interval::jeffreys;
use crate::lineage;
use crate::node::Node;
use crate::options::{ALLOW_UNFLAGGED, NETWORK};
use crate::query;
use crate::results::{Labelling, Network};
use crate::review::Chances;
use crate::roles::{AccountRole, is_compromised, with_role};
pub use answers::{Action, ActionsAllowed, Alternative, Collateral, Harm, Plan, Replacement, Reviewed, Traffic};
use greedy::{alone, choose};
use harm::{benign, harm};
pub use impact::{Impact, NetworkImpact, impact};
use left::{groups_left, not_acted_on, replacement};
pub use proposal::Proposal;
pub(crate) use proposal::{Kept, MAX_BENIGN};
use stopped::{Gain, Group, Reach, Stakes};

/// What may be done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlanConfig {
    /// Most benign accounts, in expectation and if the network is one, that the plan may hit.
    pub benign_budget: f64,
    /// Whether actions on identifiers are considered beside bans.
    pub identifier_actions: bool,
    /// Whether accounts that are banned already are planned for as if they weren't: what acting in time would have stopped.
    pub as_if_unbanned: bool,
    /// Whether a candidate that isn't flagged, nor confirmed by people, is planned for all the same: its accounts are probably
    /// harmless people's.
    pub allow_unflagged: bool,
}

impl Default for PlanConfig {
    fn default() -> Self {
        PlanConfig { benign_budget: 1.0, identifier_actions: false, as_if_unbanned: false, allow_unflagged: false }
    }
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

/// Plans actions against one network.
///
/// # Errors
/// [`Error::Usage`] if the budget is no number of 0 or more, or if the network is not flagged and this isn't allowed; as
/// [`Dataset::cases`] and [`Labelling::networks`].
pub fn plan_bans(dataset: &Dataset, results: &Labelling, network: &Network, config: &PlanConfig) -> Result<Plan, Error> {
    if !(config.benign_budget.is_finite() && config.benign_budget >= 0.0) {
        return Err(Error::Usage(format!("benign_budget is {}; a number of 0 or more was expected", config.benign_budget)));
    }
    results.check_card(dataset, network)?;
    let allowed = dataset.allowed()?;
    let (mut group, verdict) =
        belonging(dataset, results, network, &Chances::of(dataset, results)?, &dataset.cases()?, &allowed);
    if !(network.flagged || verdict == Some(true) || config.allow_unflagged) {
        return Err(Error::Usage(not_flagged(network)));
    }
    let is_out_of_reach = |account: u32| !config.as_if_unbanned && dataset.is_banned(AccountId(account));
    let everyone = group.leave_in_reach(is_out_of_reach);
    let compromised: Vec<u32> =
        everyone.iter().copied().filter(|&account| is_compromised(dataset, results, AccountId(account))).collect();
    let own = results.own_identifiers(dataset, network.index());
    let kept = kept_to_itself(dataset, results, &own, &everyone, &allowed, verdict);
    let chance = group.chance;
    let already_banned: Vec<AccountId> =
        everyone.iter().filter(|&&member| is_out_of_reach(member)).copied().map(AccountId).collect();
    let stakes = Stakes::new(dataset, &[group], &kept, is_out_of_reach);
    let known_good: Vec<AccountId> =
        stakes.members.iter().copied().map(AccountId).filter(|account| allowed.has_account(*account)).collect();
    let is_spared = |account: u32| compromised.binary_search(&account).is_ok() || allowed.has_account(AccountId(account));
    let bannable = stakes.members.iter().filter(|&&account| !is_spared(account));
    let accounts = bannable.map(|&account| Target::Account(account));
    let targets = alone(&stakes, accounts.chain(kept.iter().map(|&identifier| Target::Identifier(identifier))).collect());
    let first_identifier = targets.partition_point(|(target, _)| matches!(target, Target::Account(_)));
    let planned = |targets: &[_]| {
        let (taken, reach) = choose(&stakes, targets, config.benign_budget);
        let groups = groups_left(&reach, &stakes.members, &not_acted_on(&own, &taken));
        let traffic = Traffic::of_members(&reach, &stakes.members);
        Planned { taken, reach, groups, traffic }
    };
    let [bans, others, both] = [&targets[..first_identifier], &targets[first_identifier..], &targets].map(planned);
    let alternatives = vec![
        bans.alternative(ActionsAllowed::Bans),
        others.alternative(ActionsAllowed::Identifiers),
        both.alternative(ActionsAllowed::Both),
    ];
    let Planned { taken, reach, groups, traffic } = if config.identifier_actions { both } else { bans };
    let harm = harm(&reach)?;
    Ok(Plan {
        network: network.id.clone(),
        benign_budget: config.benign_budget,
        chance,
        flagged: network.flagged,
        over_budget_on_average: harm.benign_expected > config.benign_budget,
        benign_if_none: reach.hit().count() as u64,
        actions: taken.iter().map(|&(target, gain)| action(&stakes, target, gain)).collect(),
        identifiers_to_monitor: (own.len() - kept.len()) as u64,
        exchanges_of_banned: already_banned.iter().map(|&account| query::exchanges_of(dataset, account)).sum(),
        already_banned: already_banned.len() as u64,
        traffic,
        harm,
        compromised: labels(dataset, compromised.iter().copied().map(AccountId)),
        known_good: labels(dataset, known_good),
        possibly_taken_over: labels(dataset, with_role(dataset, results, banned(&reach), AccountRole::PossiblyTakenOver)),
        possible_customers: labels(dataset, with_role(dataset, results, banned(&reach), AccountRole::PossiblyACustomer)),
        members_left: groups.iter().sum(),
        members_still_linked: groups.iter().filter(|&&size| size > 1).sum(),
        largest_group_left: groups.iter().copied().max().unwrap_or(0),
        replacement: replacement(dataset, results, &everyone, network, lineage::last_event(dataset)?),
        alternatives,
    })
}

/// Why no plan is made against a candidate, and what to do instead.
fn not_flagged(network: &Network) -> String {
    format!(
        "{} is not flagged: its score of {:.1} bits is below the threshold, and its accounts are probably harmless people's; look at it first \
         ({NETWORK}), and confirm its case if people find that it is a network, or plan all the same with {ALLOW_UNFLAGGED}",
        network.id, network.score
    )
}

/// Those of a network's identifiers, ascending, that it keeps to itself: what an exported action does something about.
fn kept_to_itself(
    dataset: &Dataset,
    results: &Labelling,
    own: &[u32],
    members: &[u32],
    allowed: &Allowed,
    verdict: Option<bool>,
) -> Vec<u32> {
    let is_member = |account: &&u32| members.binary_search(account).is_ok() && !allowed.has_account(AccountId(**account));
    let is_kept = |&identifier: &u32| {
        let id = IdentifierId(identifier);
        let accounts = dataset.graph().accounts_of(id);
        let members = accounts.iter().filter(is_member).count() as u64;
        let kept = Kept {
            policy: Some(results.policy_of(id)),
            members,
            benign_prevalence: Kept::prevalence(members, accounts.len() as u64),
            is_harmless: verdict == Some(false) || allowed.identifiers.get(id.index()).copied().unwrap_or(false),
        };
        kept.is_kept(MAX_BENIGN, false)
    };
    own.iter().copied().filter(is_kept).collect()
}

/// What is done with some targets, and what it does.
struct Planned<'a> {
    taken: Vec<(Target, Gain)>,
    reach: Reach<'a>,
    groups: Vec<u64>,
    traffic: Traffic,
}

impl Planned<'_> {
    fn alternative(&self, actions_allowed: ActionsAllowed) -> Alternative {
        let benign = benign(self.reach.stakes, self.reach.hit().map(|(account, _)| account));
        Alternative {
            actions_allowed,
            actions: self.taken.len() as u64,
            exchanges_stopped: self.traffic.exchanges_stopped,
            tokens_stopped: self.traffic.tokens_stopped,
            benign_expected: benign.expected,
            benign_interval: benign.interval,
            benign_if_network: benign.if_network,
            members_left: self.groups.iter().sum(),
            largest_group_left: self.groups.iter().copied().max().unwrap_or(0),
        }
    }
}

/// The accounts of a network, ascending, each with the probability that it is benign if the network is one: certain where two
/// hands are on it, for its owner is, and where it is known-good; and what people decided about it, if they did.
fn belonging(
    dataset: &Dataset,
    results: &Labelling,
    network: &Network,
    chances: &Chances<'_>,
    cases: &Cases,
    allowed: &Allowed,
) -> (Group, Option<bool>) {
    let benign = |account: &AccountId| match allowed.has_account(*account) || is_compromised(dataset, results, *account) {
        true => 1.0,
        false => 1.0 - f64::from(results.confidence[account.index()]).clamp(0.0, 1.0),
    };
    let members = results.belonging(network.index());
    let belief = chances.of_members(dataset, cases, network.index(), &members);
    let members = members.iter().map(|account| (account.0, benign(account))).collect();
    (Group { chance: belief.chance, members }, belief.verdict)
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
        Target::Account(account) => (Proposal::Ban, Node::Account(AccountId(account)), None),
        Target::Identifier(identifier) => {
            let identifier = IdentifierId(identifier);
            let accounts = stakes.met_by(identifier.0);
            let outside = accounts.iter().filter(|&&account| !stakes.is_member(account)).count() as u64;
            let role = dataset.roles()[dataset.graph().kind_of(identifier).index()];
            (Proposal::for_identifier(role, true), Node::Identifier(identifier), Some(jeffreys(outside, accounts.len() as u64)))
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
    use events::IngestConfig;
    use proptest::prelude::*;

    use super::*;
    use crate::observe::Unobserved;

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
        let stakes = Stakes::new(&dataset, &[group], &all_identifiers(&dataset), |_| false);
        let reach = Reach::new(&stakes);
        let address = Target::from(dataset.node("ip:198.51.100.1").unwrap());
        let gain = reach.gain(address);
        assert!((gain.stopped - 50.0).abs() < 1e-9 && (gain.benign - 1.3).abs() < 1e-9, "{gain:?}");
        assert_eq!(reach.gain(Target::Account(0)), Gain { stopped: 40.0, benign: 0.1 });
        // With a budget below the outsider, bans; each member costs its own doubt.
        let (taken, reach) = choose(&stakes, &alone(&stakes, all_targets(&stakes)), 0.9);
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
        both.take(Target::from(dataset.node("ip:198.51.100.2").unwrap()));
        assert_eq!((both.bounds_of(&[0, 1]).rounded(), both.bounds_of(&[0, 1]).are_apart()), ((60, 60), false));
        // With less than the second member's doubt only the first is banned.
        let bans = vec![Target::Account(0), Target::Account(1)];
        let (taken, reach) = choose(&stakes, &alone(&stakes, bans), 0.15);
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
            let stakes = Stakes::new(&dataset, &[Group { chance: 0.5, members }], &all_identifiers(&dataset), |_| false);
            let targets = all_targets(&stakes);
            let (_, plan) = choose(&stakes, &alone(&stakes, targets.clone()), budget);
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
