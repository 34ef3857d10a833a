//! Why is an account no member of a network, and what is missing?
//!
//! 1. *What there is*: the account's identifiers that speak for the network by the rule of detection ([`crate::ties`]), beside what
//!    membership takes of somebody outside, and what it shares that isn't counted.
//! 2. *What would do*: identifiers of the network that it wasn't seen with and that would tie it with those it has, if it had been and
//!    nothing else were different. None of these could be left out; they are the strongest, not the fewest.
//! 3. *What would make it a member*: of a network that is large enough for a profile, membership goes by how much of what an account
//!    has is the network's ([`evidence::Candidacy`]), and a tie alone leaves it ambiguous. The identifiers that the network keeps to
//!    itself are added one by one, each time of the kind that says most, until it joins.
//! 4. *What else stands against it*: another network that it belongs to, or a decision that it is known-good.
//!
//! Cost: the rows of the network's accounts, and its identifiers times the logarithm of their number; and where there is a profile
//! all sightings once.

use graph::{AccountId, KindId};
use serde::Serialize;

use crate::appeal::{Ballot, Ground, NotCounted, grounds, irreducible, not_counted};
use crate::cases;
use crate::dataset::Dataset;
use crate::error::Error;
use crate::node::Node;
use crate::results::{Labelling, Membership};
use crate::ties::{Group, Ties};

/// What keeps an account out of a network.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct WhyNotMember {
    /// The account.
    pub account: String,
    /// The network's id.
    pub network: String,
    /// Whether the network is over the threshold.
    pub flagged: bool,
    /// What people decided about it: that it is a network (true), or harmless.
    pub decided: Option<bool>,
    /// The answer in a sentence.
    pub answer: String,
    /// How it belongs, if it is in the network after all.
    pub membership: Option<Membership>,
    /// Another candidate network that it belongs to or touches.
    pub other: Option<String>,
    /// Who said that it is known-good, and so a member of nothing, if anybody did.
    pub known_good: Option<String>,
    /// Bits of its identifiers for the network, less what an outsider pays for joining.
    pub bits: f64,
    /// What it pays for joining; 0 if it is in the network or touches it.
    pub join_bits: f64,
    /// Bits needed.
    pub needed: f64,
    /// Bits that are missing; 0 if there are enough.
    pub missing: f64,
    /// Whether two kinds of identifiers speak for it; where they don't, half as much again is needed.
    pub corroborated: bool,
    /// Kinds of which it and members have identifiers, but none that speaks for it.
    pub kinds_not_shared: Vec<String>,
    /// What speaks for it, strongest first.
    pub grounds: Vec<Ground>,
    /// What it shares with members that isn't counted: the 20 that most of them share.
    pub not_counted: Vec<NotCounted>,
    /// How many of these there are.
    pub shared_not_counted: u64,
    /// What would tie it if it had been seen with all of these as well; empty if it has enough, or nothing would do. To belong may
    /// take more: see `would_join`.
    pub would_do: Vec<Missing>,
    /// What would make it a member by the network's profile if it had been seen with all of these as well; empty where the network
    /// has none, as it is small and a tie is enough, and where it is a member or nothing would do.
    pub would_join: Vec<Missing>,
    /// As what it would then belong.
    pub would_join_as: Option<Membership>,
    /// Log2 odds that it belongs by the network's profile, as it is; absent where the network has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile_bits: Option<f64>,
}

/// An identifier of the network that the account wasn't seen with.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Missing {
    /// `KIND:VALUE`.
    pub identifier: String,
    /// Bits that it would say, before discounts for several of one kind.
    pub bits: f64,
    /// Accounts of the network seen with it.
    pub members: u64,
    /// All accounts seen with it.
    pub accounts: u64,
}

/// Whether a text is the id of a network, as far as its form goes, or a rank that one has, and names no account: one may be called
/// what looks like either.
pub fn names_network(dataset: &Dataset, results: &Labelling, text: &str) -> bool {
    let is_id = text.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("PN-"));
    (is_id || results.network_index(text).is_some()) && dataset.account(text).is_err()
}

/// Explains what keeps an account out of a network, which is named by its id or rank.
///
/// # Errors
/// [`Error::Unknown`] for a network that there isn't; as [`Ties::of`] and [`Dataset::cases`].
pub fn why_not_member(
    dataset: &Dataset,
    results: &Labelling,
    account: AccountId,
    network: &str,
) -> Result<WhyNotMember, Error> {
    dataset.check(None, [Node::Account(account)])?;
    let ties = Ties::of(dataset, results)?;
    let index = dataset.network_index(results, network)?;
    dataset.expect_reading_of_network(results, index);
    let head = results.head(index);
    let group = ties.group(index);
    let mut ballots = ties.ballots(account, &group);
    ballots.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let found = ties.to_group_by(account, &group, ballots.iter().copied());
    let (membership, other) = match results.membership_of(account) {
        Some((own, how)) if own.id == head.id => (Some(how), None),
        Some((own, _)) => (None, Some(own.id.clone())),
        None => (None, None),
    };
    let decided = cases::standing_of(dataset, &dataset.cases()?, &results.belonging(index)).verdict;
    let own = group.accounts.binary_search(&account.0).is_ok();
    let profile = by_profile(&ties, results, index, account, &group)?;
    let (would_join, would_join_as, profile_bits) = match profile {
        Some(profile) => (profile.would_join, profile.role, Some(profile.bits)),
        None => (Vec::new(), None, None),
    };
    let (not_counted, shared_not_counted) = not_counted(&ties, account, &group, &ballots);
    let why_not = WhyNotMember {
        account: dataset.label_of(Node::Account(account)),
        network: head.id.clone(),
        flagged: head.flagged,
        decided,
        answer: String::new(),
        membership,
        other,
        known_good: dataset.known_good_by(Node::Account(account))?,
        bits: found.tie.bits,
        join_bits: if own { 0.0 } else { ties.join_bits() },
        needed: found.needed,
        missing: (found.needed - found.tie.bits).max(0.0),
        corroborated: found.tie.corroborated,
        kinds_not_shared: kinds_not_shared(&ties, account, &group, &ballots),
        grounds: grounds(dataset, results, account, &group, &ballots),
        not_counted,
        shared_not_counted,
        would_do: would_do(&ties, account, &group, &ballots),
        would_join,
        would_join_as,
        profile_bits,
    };
    Ok(WhyNotMember { answer: answer(&why_not), ..why_not })
}

fn answer(found: &WhyNotMember) -> String {
    let WhyNotMember { account, network, bits, needed, .. } = found;
    let standing = match (found.decided, found.flagged) {
        (Some(false), _) => ", which people found harmless",
        (Some(true), _) | (None, true) => "",
        (None, false) => ", which is a candidate below the threshold",
    };
    match found.membership {
        Some(Membership::Ambiguous) => {
            return format!(
                "{account} touches {network}{standing}, but less of what it does is the network's than with members: it is not \
                 flagged for this; see `appeal`"
            );
        }
        Some(how) => return format!("it is: {account} belongs to {network} ({}){standing}; see `appeal`", how.name()),
        None => {}
    }
    let mut text = if found.missing > 0.0 {
        format!("{account} is {:.1} bits short of {network}{standing} ({bits:.1} of {needed:.1})", found.missing)
    } else {
        format!(
            "{account} shows enough for {network}{standing} ({bits:.1} bits of {needed:.1}) but was not found in its community, or \
             doesn't look like its members"
        )
    };
    if found.missing > 0.0 && !found.corroborated {
        text.push_str("; no second kind of identifier speaks for it, so that half as much again is needed");
    }
    if let Some(who) = &found.known_good {
        text.push_str(&format!("; it is known-good {who}, and a member of nothing"));
    }
    if let Some(other) = &found.other {
        text.push_str(&format!("; it is in {other}"));
    }
    text
}

/// Kinds of which the account and two members have identifiers, but none that speaks for it.
fn kinds_not_shared(ties: &Ties<'_>, account: AccountId, group: &Group<'_>, ballots: &[Ballot]) -> Vec<String> {
    let dataset = ties.dataset();
    let graph = dataset.graph();
    let mut of_network = vec![false; graph.kind_count()];
    let several = group.holdings().filter(|(_, held)| *held > 1);
    several.for_each(|(identifier, _)| of_network[graph.kind_of(graph::IdentifierId(identifier)).index()] = true);
    let mut own: Vec<_> = graph.sightings_of(account).map(|sighting| graph.kind_of(sighting.identifier)).collect();
    own.sort_unstable();
    own.dedup();
    own.retain(|kind| of_network[kind.index()] && ballots.iter().all(|&(identifier, _)| graph.kind_of(identifier) != *kind));
    own.into_iter().map(|kind| dataset.kind_name(kind).to_owned()).collect()
}

/// The strongest identifiers that would tie the account together with what it has, without those that aren't needed for that.
fn would_do(ties: &Ties<'_>, account: AccountId, group: &Group<'_>, ballots: &[Ballot]) -> Vec<Missing> {
    let dataset = ties.dataset();
    let accepted = |more: &[Ballot]| ties.to_group_by(account, group, ballots.iter().chain(more).copied()).accepted;
    if group.accounts.binary_search(&account.0).is_ok() || accepted(&[]) {
        return Vec::new();
    }
    let mut absent = ties.ballots_if_seen(account, group);
    absent.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    irreducible(&absent, accepted).unwrap_or_default().into_iter().map(|ballot| missing(dataset, group, ballot)).collect()
}

fn missing(dataset: &Dataset, group: &Group<'_>, (identifier, bits): Ballot) -> Missing {
    Missing {
        identifier: dataset.label_of(Node::Identifier(identifier)),
        bits,
        members: u64::from(group.held(identifier)),
        accounts: dataset.graph().identifier_degree(identifier) as u64,
    }
}

/// What a network's profile says of an account that is no member.
struct ByProfile {
    /// Log2 odds that it belongs, as it is.
    bits: f64,
    would_join: Vec<Missing>,
    role: Option<Membership>,
}

/// What would make an account a member by the network's profile; `None` if the network has none or the account belongs to it.
fn by_profile(
    ties: &Ties<'_>,
    results: &Labelling,
    network: usize,
    account: AccountId,
    group: &Group<'_>,
) -> Result<Option<ByProfile>, Error> {
    let dataset = ties.dataset();
    let belonging: Vec<u32> = results.belonging(network).iter().map(|member| member.0).collect();
    if belonging.binary_search(&account.0).is_ok() {
        return Ok(None);
    }
    let allowed = dataset.allowed()?;
    let config = results.run.detect_config()?.linkage.members;
    let (facts, policies) = (dataset.facts(&allowed), ties.policies());
    let Some(candidacy) = evidence::Candidacy::of(facts, policies, ties.terms(), &config, &belonging, account.0) else {
        return Ok(None);
    };
    let graph = dataset.linking_graph();
    // What the network keeps to itself, though this account would have it as well; strongest first, kind by kind.
    let mut absent = ties.ballots_if_seen(account, group);
    absent.retain(|&(identifier, _)| {
        config.is_exclusive(group.belonging(identifier), graph.identifier_degree(identifier) as u32)
    });
    absent.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut of_kinds: Vec<Vec<Ballot>> = graph
        .kinds()
        .map(|kind| absent.iter().rev().copied().filter(|&(identifier, _)| graph.kind_of(identifier) == kind).collect())
        .collect();
    let (mut more, mut added) = (Vec::new(), Vec::new());
    let mut role = candidacy.role(&more);
    while role.is_none() {
        let with = |kind: KindId| candidacy.bits(&[&more[..], &[kind]].concat());
        let left = graph.kinds().filter(|kind| !of_kinds[kind.index()].is_empty());
        // Of equal kinds the first.
        let best = left.map(|kind| (with(kind), kind)).reduce(|best, next| if next.0 > best.0 { next } else { best });
        let Some((_, kind)) = best else { break };
        added.extend(of_kinds[kind.index()].pop());
        more.push(kind);
        role = candidacy.role(&more);
    }
    let would_join = if role.is_some() { added } else { Vec::new() };
    Ok(Some(ByProfile {
        bits: candidacy.bits(&[]),
        would_join: would_join.into_iter().map(|ballot| missing(dataset, group, ballot)).collect(),
        role: role.map(|role| if role == evidence::Role::Core { Membership::Core } else { Membership::Fringe }),
    }))
}
