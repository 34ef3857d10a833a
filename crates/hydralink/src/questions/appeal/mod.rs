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

mod answer;
mod apart;
mod grounds;

use std::collections::BTreeMap;

use answer::{answer, decided, life_text, rounds_text};
pub use apart::{Apart, MadeApart};
use apart::{apart, made_apart};
use evidence::behaviour::rounds::{self, InRounds};
use graph::{AccountId, IdentifierId};
pub use grounds::{Ground, NOT_COUNTED, NotCounted};
pub(crate) use grounds::{grounds, not_counted};
use serde::Serialize;

use crate::cases::Label;
use crate::dataset::Dataset;
use crate::error::Error;
use crate::links::kind_of;
use crate::node::Node;
pub use crate::questions::nearest::Nearest;
use crate::questions::nearest::nearest;
use crate::results::{Labelling, Membership};
use crate::roles::{self, AccountRole};
use crate::significance::{Significance, significance_in_network};
use crate::store::Reading;
use crate::ties::Ties;

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
        self.apart.iter().map(Apart::line).chain(self.made_apart.as_ref().map(MadeApart::line)).collect()
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
