//! What does an account's membership of a network rest on, and what would end it?
//!
//! 1. *Grounds*: the identifiers that speak for the network by the rule of detection ([`crate::ties`]), with the bits of each.
//! 2. *Enough together*: some of them that, all of them together and nothing else, would tie the account to the network. None
//!    of these could be left out, so where there are several none of them is enough by itself.
//! 3. *Ends without*: some of them without which nothing would tie it any more. Each of these is needed for that.
//! 4. *Apart*: what it has that no other account of the network has, kind by kind, and when it was made. Its membership has weighed
//!    that already, as what it has and isn't the network's; a person wants to see it.
//! 5. *Not counted*: what it shares with members that says nothing, because too many others share it.
//!
//! Both sets are irreducible, not the smallest there are: the shortest run of the strongest grounds that will do, less those
//! that turn out not to be needed, weakest first. One account is asked about; the others of the network stay as they are. Cost:
//! the rows of the network's accounts, and the account's grounds times those that are needed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use evidence::behaviour::rounds::{self, InRounds};
use graph::{AccountId, IdentifierId, Seconds, Sighting};
use serde::Serialize;

use crate::cases::Label;
use crate::counted::counted;
use crate::dataset::Dataset;
use crate::error::Error;
use crate::links::kind_of;
use crate::node::Node;
pub use crate::questions::nearest::Nearest;
use crate::questions::nearest::nearest;
use crate::results::{Labelling, Membership};
use crate::roles::{self, AccountRole, EarlierLife};
use crate::significance::{Significance, significance_in_network};
use crate::store::Reading;
use crate::ties::{Group, Ties};
use crate::time::rfc3339;

/// Identifiers that are listed as not counted; those that most members share.
pub const NOT_COUNTED: usize = 20;

/// What an account's membership rests on.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Appeal {
    /// The account.
    pub account: String,
    /// The answer in a sentence.
    pub answer: String,
    /// The candidate network that it belongs to or touches.
    pub network: Option<String>,
    /// Whether that is over the threshold.
    pub flagged: bool,
    /// Of an account that is in none, the candidate for which it shows most, as [`crate::why_not`](mod@crate::why_not) has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<Nearest>,
    /// How it belongs.
    pub membership: Option<Membership>,
    /// As what it belongs or touches ([`crate::roles`]).
    pub role: Option<AccountRole>,
    /// What people decided about it.
    pub label: Option<Label>,
    /// Confidence of the membership, 0..1: `1 / (1 + 2^-evidence_bits)`.
    pub confidence: f64,
    /// What that rests on, as `members` lists it: log2 odds that it belongs. In groups that are large enough for a profile, of all
    /// that it has and lacks in common with the others; in smaller ones, the bits of its grounds less those that are needed.
    pub evidence_bits: f64,
    /// Bits of its grounds.
    pub bits: f64,
    /// Bits that a tie to a network of this size takes: fewer than a pair, for there are fewer such groups than pairs to
    /// mistake for one; half as much again where one kind speaks.
    pub needed: f64,
    /// Whether at least two kinds speak.
    pub corroborated: bool,
    /// Whether the bits are enough. An account can also belong because it looks like the members (its profile); no single
    /// ground decides that.
    pub tied: bool,
    /// The grounds, strongest first.
    pub grounds: Vec<Ground>,
    /// Grounds that would be enough together, without the others: none of them could be left out.
    pub enough_together: Vec<String>,
    /// Grounds without which nothing would tie it: all of them would have to go.
    pub ends_without: Vec<String>,
    /// How it comes back in rounds of the network's accounts, where these come back after about one each: a queue deals to them in
    /// turn ([`evidence::behaviour::rounds`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rounds: Option<InRounds>,
    /// What it has and the network's other accounts don't, kind by kind.
    pub apart: Vec<Apart>,
    /// When it was made, if nine tenths of the network's others were made earlier, or later.
    pub made_apart: Option<MadeApart>,
    /// What it shares with members that isn't counted: the 20 that most of them share.
    pub not_counted: Vec<NotCounted>,
    /// How many of these there are.
    pub shared_not_counted: u64,
    /// Whether chance would give it as much of the network's identifiers, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub significance: Option<Significance>,
}

impl Appeal {
    /// The strongest grounds, at most so many of each kind, and by kind how many more there are.
    pub fn foremost(&self, of_a_kind: usize) -> (Vec<&Ground>, BTreeMap<&str, usize>) {
        let mut of_kind: BTreeMap<&str, usize> = BTreeMap::new();
        let mut foremost = Vec::new();
        for ground in &self.grounds {
            let count = of_kind.entry(kind_of(&ground.identifier)).or_default();
            *count += 1;
            foremost.extend((*count <= of_a_kind).then_some(ground));
        }
        let more = of_kind.into_iter().filter(|&(_, count)| count > of_a_kind).map(|(kind, count)| (kind, count - of_a_kind));
        (foremost, more.collect())
    }

    /// What it has for itself, a sentence each.
    pub fn apart_lines(&self) -> Vec<String> {
        let of_kind = |apart: &Apart| {
            let others = if apart.identifiers > 1 { format!(" and {} more", apart.identifiers - 1) } else { String::new() };
            format!(
                "{} of its {} with any {} {} with {}{others}, which no other account of the network has.",
                apart.exchanges,
                counted(apart.of_exchanges, "exchange"),
                apart.kind,
                if apart.exchanges == 1 { "is" } else { "are" },
                apart.most_used
            )
        };
        let made = self.made_apart.as_ref().map(|made| {
            let (or, side) = if made.earlier { ("later", "before") } else { ("earlier", "after") };
            let beyond = if made.beyond == 0 { "none".to_owned() } else { made.beyond.to_string() };
            format!(
                "It was made on {}; nine tenths of the network's others were made on {} or {or}, and {beyond} {side} it.",
                made.created, made.others
            )
        });
        self.apart.iter().map(of_kind).chain(made).collect()
    }
}

impl Ground {
    /// The days between which it was seen.
    pub fn days(&self) -> String {
        let day = |time: &Option<String>| time.as_deref().map_or("?", |time| &time[..time.len().min(10)]).to_owned();
        format!("{} to {}", day(&self.first_seen), day(&self.last_seen))
    }
}

/// An identifier that speaks for the network.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Ground {
    /// `KIND:VALUE`.
    pub identifier: String,
    /// Class.
    pub class: String,
    /// What it says for the network, before discounts for several of one kind.
    pub bits: f64,
    /// Accounts of the network seen with it, core and fringe.
    pub members: u64,
    /// Other accounts seen with it that only touch the network, and count for a tie as members do.
    pub touching: u64,
    /// All accounts seen with it.
    pub accounts: u64,
    /// Exchanges of the account that showed it.
    pub exchanges: u64,
    /// First of them, RFC 3339, if known.
    pub first_seen: Option<String>,
    /// Last of them.
    pub last_seen: Option<String>,
}

/// What an account has of a kind and the network's others don't.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Apart {
    /// The kind.
    pub kind: String,
    /// Identifiers of it that no other account of the network has.
    pub identifiers: u64,
    /// The one that most of its exchanges showed.
    pub most_used: String,
    /// Its exchanges that showed one of them.
    pub exchanges: u64,
    /// Its exchanges that showed any identifier of the kind.
    pub of_exchanges: u64,
}

/// When an account was made, the nearest of nine tenths of the network's others, and how many of the rest lie beyond it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MadeApart {
    /// When it was made, a day.
    pub created: String,
    /// When the first of these nine tenths was made if it is earlier than they are, else the last.
    pub others: String,
    /// Whether it is earlier than they are.
    pub earlier: bool,
    /// Of all the network's others, how many were made before it if it is earlier, else after it.
    pub beyond: u64,
}

/// An identifier that says nothing.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct NotCounted {
    /// `KIND:VALUE`.
    pub identifier: String,
    /// Class.
    pub class: String,
    /// Accounts of the network seen with it, core and fringe.
    pub members: u64,
    /// Other accounts seen with it that only touch the network, and count for a tie as members do.
    pub touching: u64,
    /// All accounts seen with it.
    pub accounts: u64,
}

/// An identifier and its bits.
pub(crate) type Ballot = (IdentifierId, f64);

/// Explains what an account's membership rests on.
///
/// # Errors
/// As [`Ties::of`].
pub fn appeal(dataset: &Dataset, results: &Labelling, account: AccountId) -> Result<Appeal, Error> {
    dataset.check(None, [Node::Account(account)])?;
    let ties = Ties::of(dataset, results)?;
    let name = dataset.label_of(Node::Account(account));
    let label = dataset.cases()?.label_of(dataset.account_name(account));
    let Some((network, membership)) = results.membership_of(account) else {
        let nearest = nearest(dataset, results, &ties, account);
        let near = nearest.as_ref().map_or(" and has nothing that ties one".to_owned(), |near| format!("; {}", near.text()));
        return Ok(Appeal {
            answer: format!("{name} belongs to no network{near}{}", decided(label)),
            account: name,
            label,
            nearest,
            ..Appeal::default()
        });
    };
    let index = dataset.network_index(results, &network.id)?;
    let (group, belonging) = (ties.group(index), results.belonging(index));
    let mut ballots = ties.ballots(account, &group);
    ballots.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let by = |ballots: &[Ballot]| ties.to_group_by(account, &group, ballots.iter().copied());
    let found = by(&ballots);
    let labels = |ballots: Option<Vec<Ballot>>| -> Vec<String> {
        ballots.unwrap_or_default().into_iter().map(|(identifier, _)| dataset.label_of(Node::Identifier(identifier))).collect()
    };
    let enough_together = labels(irreducible(&ballots, |some| by(some).accepted));
    let without = |some: &[Ballot]| -> Vec<Ballot> {
        // Some of them, in their order.
        let mut gone = some.iter().peekable();
        ballots.iter().filter(|ballot| gone.next_if_eq(ballot).is_none()).copied().collect()
    };
    let ends_without = labels(irreducible(&ballots, |some| found.accepted && !by(&without(some)).accepted));
    let (not_counted, shared_not_counted) = not_counted(&ties, account, &group, &ballots);
    let appeal = Appeal {
        account: name,
        answer: String::new(),
        network: Some(network.id.clone()),
        flagged: network.flagged,
        nearest: None,
        membership: Some(membership),
        role: roles::role_of(dataset, results, account),
        label,
        confidence: results.confidence.get(account.index()).copied().map_or(0.0, f64::from),
        evidence_bits: results.evidence_bits.get(account.index()).copied().map_or(0.0, f64::from),
        bits: found.tie.bits,
        needed: found.needed,
        corroborated: found.tie.corroborated,
        tied: found.accepted,
        grounds: grounds(dataset, results, account, &group, &ballots),
        enough_together,
        ends_without,
        rounds: in_rounds(dataset, results, account, &belonging)?,
        apart: apart(dataset, account, &group),
        made_apart: made_apart(dataset, account, &belonging),
        not_counted,
        shared_not_counted,
        significance: None,
    };
    let mut answer = answer(&appeal);
    answer.extend(appeal.rounds.as_ref().map(rounds_text));
    let life = roles::earlier_life(dataset, results, account);
    answer.extend(life.and_then(|life| life_text(dataset, appeal.role?, &life)));
    if appeal.role == Some(AccountRole::PossiblyACustomer) {
        answer.push_str(
            "; it has nothing of the network but addresses, and for itself what most others have of it: a customer of the same exits \
             looks so: look before banning",
        );
    }
    answer.push_str(decided(label));
    Ok(Appeal { answer, ..appeal })
}

/// The same with whether chance would give the account as much of what the network's others have.
///
/// # Errors
/// As [`appeal`] and [`significance_in_network`].
pub fn appeal_with_significance(dataset: &Dataset, results: &Labelling, account: AccountId) -> Result<Appeal, Error> {
    let found = appeal(dataset, results, account)?;
    let index = found.network.as_deref().map(|id| dataset.network_index(results, id)).transpose()?;
    dataset.expect(Reading::Whole);
    let significance = index.map(|index| significance_in_network(dataset, results, account, index)).transpose()?;
    Ok(Appeal { significance, ..found })
}

/// Of the shortest run of the first of `order` for which `holds`, those that it doesn't hold without; nothing if it doesn't
/// hold for all.
pub(crate) fn irreducible(order: &[Ballot], holds: impl Fn(&[Ballot]) -> bool) -> Option<Vec<Ballot>> {
    if !holds(order) {
        return None;
    }
    let lengths: Vec<usize> = (0..order.len()).collect();
    let shortest = lengths.partition_point(|&length| !holds(&order[..length]));
    let mut set = order[..shortest].to_vec();
    // Where several in a row aren't needed, twice as many are left out at once the next time: what holds without all of them holds
    // without each.
    let (mut end, mut size) = (set.len(), 1);
    while end > 0 {
        let start = end - end.min(size);
        let left_out: Vec<Ballot> = set.drain(start..end).collect();
        if holds(&set) {
            (end, size) = (start, 2 * size);
            continue;
        }
        set.splice(start..start, left_out);
        if end - start == 1 {
            end = start;
        } else {
            size = (end - start) / 2;
        }
    }
    Some(set)
}

/// What the life that an account had before says of a role that rests on it.
fn life_text(dataset: &Dataset, role: AccountRole, life: &EarlierLife) -> Option<String> {
    let (exchanges, since) = (counted(life.exchanges_before, "exchange"), rfc3339(life.since).unwrap_or_default());
    let own = dataset.label_of(Node::Identifier(life.own));
    let before = format!("it had {exchanges} before anything of the network was seen on it ({since})");
    match role {
        AccountRole::CompromisedLegitimate => {
            Some(format!("; two hands are on it: {before}, and its own {own} goes on; it is to be secured, not banned"))
        }
        AccountRole::PossiblyTakenOver => Some(format!(
            "; it may have been taken over from its owner: {before}, on its own {own} and never on a card of the network; an \
             operator's account that was warmed up looks the same: look before banning"
        )),
        _ => None,
    }
}

/// How an account comes back in rounds of its network.
fn in_rounds(
    dataset: &Dataset,
    results: &Labelling,
    account: AccountId,
    belonging: &[AccountId],
) -> Result<Option<InRounds>, Error> {
    let config = results.run.detect_config()?.behaviour;
    let mut members: Vec<u32> = belonging.iter().map(|account| account.0).collect();
    members.sort_unstable();
    let allowed = dataset.allowed()?;
    Ok(rounds::in_rounds(dataset.facts(&allowed), &members, account.0, &config))
}

fn rounds_text(found: &InRounds) -> String {
    let [first, _, third] = found.rounds;
    let [others_first, _, others_third] = found.of_network;
    format!(
        "; of its {}, the middle half came when the network's other accounts had had {first:.2} to {third:.2} turns each (the others': \
         {others_first:.2} to {others_third:.2})",
        counted(found.returns, "return")
    )
}

/// What people decided about an account, as the end of a sentence.
fn decided(label: Option<Label>) -> &'static str {
    match label {
        None => "",
        Some(Label::Rejected) => "; people found it harmless, so that it is to be left alone",
        Some(Label::Confirmed) => "; people confirmed it",
        Some(Label::Awaiting) => "; its confirmation waits for a second reviewer",
    }
}

fn answer(appeal: &Appeal) -> String {
    let network = appeal.network.as_deref().unwrap_or_default();
    let (bits, needed) = (appeal.bits, appeal.needed);
    let standing = if appeal.flagged { "" } else { ", a candidate below the threshold" };
    let how = match appeal.membership {
        Some(Membership::Ambiguous) | None => "touches",
        Some(_) => "belongs to",
    };
    let role = appeal
        .role
        .filter(|role| *role != AccountRole::OperatorOwned)
        .map_or(String::new(), |role| format!(", {}", role.name().replace('_', " ")));
    let membership = appeal.membership.map_or("", Membership::name);
    let ties = if appeal.corroborated {
        "tie an account to a network of this size"
    } else {
        "of one kind tie an account to a network of this size"
    };
    let why = match (appeal.tied, how) {
        (true, "touches") => format!(
            "what it shares carries {bits:.1} bits where {needed:.1} {ties}, but less of what it does is the network's than with members; \
             not to be banned on this alone"
        ),
        (true, _) => format!("what it shares carries {bits:.1} bits where {needed:.1} {ties}"),
        (false, "touches") => format!("what it shares carries {bits:.1} bits, fewer than the {needed:.1} that {ties}"),
        (false, _) => {
            format!(
                "it looks like the members, though what it shares carries {bits:.1} bits, by itself fewer than the {needed:.1} that {ties}"
            )
        }
    };
    format!("{} {how} {network} ({membership}{role}{standing}): {why}", appeal.account)
}

/// What an account has that no other account of a group has, nor any that touches it.
fn apart(dataset: &Dataset, account: AccountId, group: &Group<'_>) -> Vec<Apart> {
    let graph = dataset.graph();
    let own = group.beside(account).own;
    // A row goes kind by kind.
    let row: Vec<Sighting> = graph.sightings_of(account).collect();
    let of_kind = |of_kind: &[Sighting]| {
        let is_own = |sighting: &&Sighting| group.held(sighting.identifier) <= own;
        let exchanges =
            |sightings: &mut dyn Iterator<Item = &Sighting>| sightings.map(|sighting| u64::from(sighting.count)).sum();
        let own = || of_kind.iter().filter(is_own);
        // Of equal ones the first.
        let most_used = own().max_by_key(|sighting| (sighting.count, Reverse(sighting.identifier)))?.identifier;
        Some(Apart {
            kind: dataset.kind_name(graph.kind_of(most_used)).to_owned(),
            identifiers: own().count() as u64,
            most_used: dataset.label_of(Node::Identifier(most_used)),
            exchanges: exchanges(&mut own()),
            of_exchanges: exchanges(&mut of_kind.iter()),
        })
    };
    row.chunk_by(|left, right| graph.kind_of(left.identifier) == graph.kind_of(right.identifier)).filter_map(of_kind).collect()
}

/// Whether an account was made before or after nine tenths of a network's others.
fn made_apart(dataset: &Dataset, account: AccountId, belonging: &[AccountId]) -> Option<MadeApart> {
    let created_of =
        |account: AccountId| dataset.accounts().created_at.get(account.index()).copied().filter(|&time| time != graph::NO_TIME);
    let created = created_of(account)?;
    if !dataset.naming().shows_account_table() {
        return None;
    }
    let others = belonging.iter().filter(|&&other| other != account);
    made_beside(created, others.filter_map(|&other| created_of(other)).collect())
}

/// Where a creation lies beside nine tenths of others, which are at least ten, by days.
fn made_beside(created: Seconds, mut others: Vec<Seconds>) -> Option<MadeApart> {
    const FEWEST: usize = 10;
    if others.len() < FEWEST {
        return None;
    }
    others.sort_unstable();
    let (first, last) = (others[others.len() / 10], others[others.len() - 1 - others.len() / 10]);
    let day = |time: Seconds| rfc3339(time).map_or("?".to_owned(), |text| text[..10].to_owned());
    let apart = |earlier: bool, other: Seconds, beyond: usize| {
        Some(MadeApart { created: day(created), others: day(other), earlier, beyond: beyond as u64 })
    };
    match created {
        created if day(created) < day(first) => apart(true, first, others.partition_point(|&other| other < created)),
        created if day(created) > day(last) => {
            apart(false, last, others.len() - others.partition_point(|&other| other <= created))
        }
        _ => None,
    }
}

/// How many accounts but this one have an identifier and only touch the group.
fn touching<'g>(results: &Labelling, account: AccountId, group: &'g Group<'_>) -> impl Fn(IdentifierId) -> u64 + 'g {
    let is_ambiguous = results.membership_of(account).is_some_and(|(_, how)| !how.belongs());
    let own = if is_ambiguous { group.beside(account).own } else { 0 };
    move |identifier| u64::from(group.held(identifier) - group.belonging(identifier) - own)
}

pub(crate) fn grounds(
    dataset: &Dataset,
    results: &Labelling,
    account: AccountId,
    group: &Group<'_>,
    ballots: &[Ballot],
) -> Vec<Ground> {
    let graph = dataset.graph();
    let touching = touching(results, account, group);
    let ground = |&(identifier, bits): &Ballot| {
        let sighting = graph.sighting_between(account, identifier)?;
        Some(Ground {
            identifier: dataset.label_of(Node::Identifier(identifier)),
            class: results.class_of(identifier).to_owned(),
            bits,
            members: u64::from(group.belonging(identifier)),
            touching: touching(identifier),
            accounts: graph.identifier_degree(identifier) as u64,
            exchanges: u64::from(sighting.count),
            first_seen: rfc3339(sighting.first_seen),
            last_seen: rfc3339(sighting.last_seen),
        })
    };
    ballots.iter().filter_map(ground).collect()
}

/// What an account shares with others of a group and isn't counted: the first [`NOT_COUNTED`], and how many there are.
pub(crate) fn not_counted(
    ties: &Ties<'_>,
    account: AccountId,
    group: &Group<'_>,
    ballots: &[Ballot],
) -> (Vec<NotCounted>, u64) {
    let (dataset, results) = (ties.dataset(), ties.results());
    let graph = dataset.graph();
    let touching = touching(results, account, group);
    let counted: BTreeSet<IdentifierId> = ballots.iter().map(|&(identifier, _)| identifier).collect();
    let has = graph.identifiers_of(account).iter().copied().map(IdentifierId);
    let mut shared: Vec<IdentifierId> =
        has.filter(|identifier| group.held(*identifier) >= 2 && !counted.contains(identifier)).collect();
    shared.sort_by_key(|&identifier| (Reverse(group.held(identifier)), identifier));
    let all = shared.len() as u64;
    shared.truncate(NOT_COUNTED);
    let row = |identifier: IdentifierId| NotCounted {
        identifier: dataset.label_of(Node::Identifier(identifier)),
        class: results.class_of(identifier).to_owned(),
        members: u64::from(group.belonging(identifier)),
        touching: touching(identifier),
        accounts: graph.identifier_degree(identifier) as u64,
    };
    (shared.into_iter().map(row).collect(), all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn who_was_made_before_it_is_told_beside_who_was_made_after() {
        const DAY: Seconds = 86_400;
        let begin = 1_767_571_440; // 2026-01-05T00:04
        // Eight on the first day before it, and a hundred from the next day on.
        let others: Vec<Seconds> = (0..8).map(|at| begin + at).chain((0..100).map(|at| begin + DAY + at)).collect();
        let made = made_beside(begin + 60, others).expect("it is apart");
        assert_eq!(
            (made.created.as_str(), made.others.as_str(), made.earlier, made.beyond),
            ("2026-01-05", "2026-01-06", true, 8)
        );
        let lines = Appeal { made_apart: Some(made), ..Appeal::default() }.apart_lines();
        assert_eq!(
            lines,
            [concat!(
                "It was made on 2026-01-05; nine tenths of the network's others were made on 2026-01-06 or later, ",
                "and 8 before it."
            )]
        );
        assert_eq!(made_beside(begin, vec![begin + DAY; 9]), None);
    }

    proptest! {
        /// The set holds, and nothing of it can be left out; there is one wherever all of them hold.
        #[test]
        fn nothing_of_an_irreducible_set_can_be_left_out(bits in prop::collection::vec(0.0f64..10.0, 0..12), needed in 0.0f64..40.0) {
            let mut order: Vec<Ballot> = bits.iter().enumerate().map(|(at, &bits)| (IdentifierId(at as u32), bits)).collect();
            order.sort_by(|a, b| b.1.total_cmp(&a.1));
            let holds = |some: &[Ballot]| some.iter().map(|ballot| ballot.1).sum::<f64>() >= needed;
            match irreducible(&order, holds) {
                None => prop_assert!(!holds(&order)),
                Some(set) => {
                    prop_assert!(holds(&set));
                    for at in 0..set.len() {
                        let mut less = set.clone();
                        less.remove(at);
                        prop_assert!(!holds(&less));
                    }
                }
            }
        }
    }
}
