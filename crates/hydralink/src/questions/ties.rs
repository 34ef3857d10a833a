//! How many bits tie two accounts, or an account and a network, by the rule that detection used?
//!
//! [`Ties`] reads the terms that the last detection left in the store ([`evidence::TieTerms`], where the formula stands) and
//! the degrees and policies of identifiers where they lie. Cost: the rows touched; [`Group`] counts a network's sightings once.

use std::borrow::Cow;

use evidence::{Policy, Tie, TieTerms};
use graph::{AccountId, BipartiteGraph, IdentifierId, KindId};
use rayon::prelude::*;

use crate::dataset::Dataset;
use crate::error::Error;
use crate::options::to_detect;
use crate::results::{Labelling, Membership};
use crate::store::quoted;

/// Identifiers of a task: sums of fixed chunks in fixed order.
const TASK: usize = 4096;

/// The rule of the last detection, ready to be asked.
#[derive(Clone, Debug)]
pub struct Ties<'a> {
    dataset: &'a Dataset,
    results: &'a Labelling,
    terms: &'a TieTerms,
    /// By policy code of the results.
    policies: Vec<Policy>,
    join_bits: f64,
}

/// The accounts of one candidate network, and how many of them each identifier was seen on.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    /// Its accounts, core, fringe and ambiguous, ascending.
    pub accounts: Cow<'a, [u32]>,
    /// Identifiers with the accounts of the group seen with each, packed, ascending.
    held: Cow<'a, [u64]>,
    /// The same of the ambiguous accounts.
    touching: Cow<'a, [u64]>,
}

/// Bits of all edges of a graph by those of their identifiers, each counted at both ends; the same at any number of threads.
pub(crate) fn volume(graph: &BipartiteGraph, bits: impl Fn(u32) -> f64 + Sync) -> f64 {
    let identifiers: Vec<u32> = (0..graph.identifier_count() as u32).collect();
    let of = |&identifier: &u32| bits(identifier) * graph.identifier_degree(IdentifierId(identifier)) as f64;
    let chunks: Vec<f64> = identifiers.par_chunks(TASK).map(|chunk| chunk.iter().map(of).sum()).collect();
    2.0 * chunks.iter().sum::<f64>()
}

/// An identifier and how many accounts were seen with it, in one number that orders as the identifier does.
pub(crate) fn packed(identifier: u32, accounts: u32) -> u64 {
    u64::from(identifier) << 32 | u64::from(accounts)
}

/// What was packed.
pub(crate) fn unpacked(packed: u64) -> (u32, u32) {
    ((packed >> 32) as u32, packed as u32)
}

/// What ties an account to a group, beside what that takes.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct GroupTie {
    /// Bits of the account's identifiers, and whether two kinds speak.
    pub tie: Tie,
    /// Bits needed.
    pub needed: f64,
    /// Log2 odds that the account belongs: what `members` calls evidence.
    pub odds: f64,
    /// Whether the tie is enough.
    pub accepted: bool,
}

impl<'a> Ties<'a> {
    /// The rule of the results.
    ///
    /// # Errors
    /// [`Error::Usage`] if an older version made the results, without the rule's terms, or they are of another dataset.
    pub fn of(dataset: &'a Dataset, results: &'a Labelling) -> Result<Self, Error> {
        results.check_of(dataset)?;
        let terms = &results.run.terms;
        if terms.kind_accounts.len() != dataset.graph().kind_count() {
            return Err(Error::Usage(format!(
                "the networks of {} were found by an older version: {}",
                quoted(dataset.path()),
                to_detect(dataset.path())
            )));
        }
        let policy = |name: &String| serde_json::from_value(serde_json::Value::String(name.clone())).unwrap_or(Policy::Drop);
        let policies = results.policy_names.iter().map(policy).collect();
        Ok(Ties { dataset, results, terms, policies, join_bits: results.run.detect_config()?.linkage.members.join_bits })
    }

    /// The store that is asked.
    pub fn dataset(&self) -> &'a Dataset {
        self.dataset
    }

    /// The results that the rule is of.
    pub fn results(&self) -> &'a Labelling {
        self.results
    }

    /// The terms of the rule.
    pub fn terms(&self) -> &'a TieTerms {
        self.terms
    }

    /// The bits that sharing this identifier says; 0 if it says nothing.
    pub fn bits_of(&self, identifier: IdentifierId) -> f64 {
        match self.degree(identifier) {
            0 | 1 => 0.0,
            degree => self.bits_at(identifier, degree),
        }
    }

    /// The bits that it says of two accounts that were both seen with it; 0 if a sighting of either doesn't link.
    pub fn bits_between(&self, first: AccountId, second: AccountId, identifier: IdentifierId) -> f64 {
        let graph = self.dataset.linking_graph();
        let link = [first, second].iter().all(|&account| graph.sighting_between(account, identifier).is_some());
        if link { self.bits_of(identifier) } else { 0.0 }
    }

    /// The bits that sharing an identifier says if so many accounts have it.
    fn bits_at(&self, identifier: IdentifierId, degree: usize) -> f64 {
        let graph = self.dataset.linking_graph();
        let code = self.results.policies.get(identifier.index()).copied().unwrap_or(u8::MAX);
        let policy = self.policies.get(code as usize).copied().unwrap_or(Policy::Drop);
        let surprise = self.terms.surprise(graph.kind_of(identifier), degree);
        if self.terms.says(surprise, degree, policy) { self.terms.sharing_bits(surprise, policy) } else { 0.0 }
    }

    /// How many accounts an identifier links: the count that the detection kept, unless some sightings no longer link.
    fn degree(&self, identifier: IdentifierId) -> usize {
        let graph = self.dataset.linking_graph();
        if std::ptr::eq(graph, self.dataset.graph()) {
            self.results.foremost.degree(graph, identifier)
        } else {
            graph.identifier_degree(identifier)
        }
    }

    /// Bits of all sightings that link, each counted at both of its ends: as the detection kept it, unless some sightings no longer
    /// link, else summed, O(identifiers).
    pub fn volume(&self) -> f64 {
        let graph = self.dataset.linking_graph();
        let kept = self.results.foremost.volume().filter(|_| std::ptr::eq(graph, self.dataset.graph()));
        kept.unwrap_or_else(|| volume(graph, |identifier| self.bits_of(IdentifierId(identifier))))
    }

    /// What ties two accounts. O(both rows).
    pub fn between(&self, first: AccountId, second: AccountId) -> Tie {
        let graph = self.dataset.linking_graph();
        let shared = shared(graph.identifiers_of(first), graph.identifiers_of(second));
        self.sum(shared.map(|identifier| (IdentifierId(identifier), self.bits_of(IdentifierId(identifier)))))
    }

    /// Bits that a pair needs.
    pub fn needed_by_pair(&self, tie: &Tie) -> f64 {
        self.terms.needed(tie.corroborated, 1)
    }

    /// The accounts of a network with what they were seen with: as the detection kept it, else counted, O(accounts of the
    /// store and sightings of the network).
    pub fn group(&self, network: usize) -> Group<'a> {
        self.results.groups.group(network).unwrap_or_else(|| {
            self.dataset.expect_reading_of_network(self.results, network);
            Group::counted(self.dataset, &self.results.members_of(network))
        })
    }

    /// What ties an account to a group, one identifier left out. An outsider pays for joining, as in detection.
    pub fn to_group(&self, account: AccountId, group: &Group<'_>, without: Option<IdentifierId>) -> GroupTie {
        let ballots = self.ballots(account, group);
        self.to_group_by(account, group, ballots.into_iter().filter(|&(identifier, _)| Some(identifier) != without))
    }

    /// The policy of each identifier.
    pub(crate) fn policies(&self) -> Vec<Policy> {
        let policy = |&code: &u8| self.policies.get(code as usize).copied().unwrap_or(Policy::Drop);
        self.results.policies.iter().map(policy).collect()
    }

    /// Bits that an outsider pays for joining.
    pub(crate) fn join_bits(&self) -> f64 {
        self.join_bits
    }

    /// The account's identifiers that speak for the group, each with its bits, ascending by identifier.
    pub fn ballots(&self, account: AccountId, group: &Group<'_>) -> Vec<(IdentifierId, f64)> {
        let others = group.beside(account);
        let ballot = |&identifier: &u32| {
            let identifier = IdentifierId(identifier);
            let bits = self.ballot(identifier, self.bits_of(identifier), group.held(identifier), others);
            (bits > 0.0).then_some((identifier, bits))
        };
        self.dataset.linking_graph().identifiers_of(account).iter().filter_map(ballot).collect()
    }

    /// The identifiers of the group that an account wasn't seen with and that would speak for the group if it had been, each with
    /// the bits it would then have, ascending by identifier. O(sightings of the group).
    pub(crate) fn ballots_if_seen(&self, account: AccountId, group: &Group<'_>) -> Vec<(IdentifierId, f64)> {
        let graph = self.dataset.linking_graph();
        let (row, others) = (graph.identifiers_of(account), group.beside(account));
        let ballot = |(identifier, held): (u32, u32)| {
            let identifier = IdentifierId(identifier);
            let degree = self.degree(identifier);
            if row.binary_search(&identifier.0).is_ok() || !evidence::candidate::is_notable(held, degree) {
                return None;
            }
            let sharing = self.bits_at(identifier, degree + 1);
            let bits = self.terms.membership_bits(sharing, held, others.size, degree as u32);
            (sharing > 0.0 && bits > 0.0).then_some((identifier, bits))
        };
        group.holdings().filter_map(ballot).collect()
    }

    /// What an identifier, of which the group holds so many and that says `sharing` of two accounts, says for an account's
    /// membership; 0 if nothing.
    pub(crate) fn ballot(&self, identifier: IdentifierId, sharing: f64, held: u32, others: Others) -> f64 {
        let degree = self.degree(identifier) as u32;
        // A group that holds little of an identifier can't claim it.
        if sharing <= 0.0 || held < others.own || degree == 0 || !evidence::candidate::is_notable(held, degree as usize) {
            return 0.0;
        }
        self.terms.membership_bits(sharing, held - others.own, others.size, degree - 1).max(0.0)
    }

    /// What these ballots of an account say.
    pub(crate) fn to_group_by(
        &self,
        account: AccountId,
        group: &Group<'_>,
        ballots: impl Iterator<Item = (IdentifierId, f64)>,
    ) -> GroupTie {
        let Others { own, size } = group.beside(account);
        let mut tie = self.sum(ballots);
        let odds = tie.bits + self.terms.size_bits(size) - self.terms.pairs_bits;
        if own == 0 {
            tie.bits -= self.join_bits;
        }
        GroupTie { tie, needed: self.terms.needed(tie.corroborated, size), odds, accepted: self.terms.accepts(&tie, size) }
    }

    fn sum(&self, bits: impl Iterator<Item = (IdentifierId, f64)>) -> Tie {
        let graph = self.dataset.linking_graph();
        let kinds = bits.filter(|&(_, bits)| bits > 0.0).map(|(identifier, bits)| (graph.kind_of(identifier), bits));
        self.terms.sum(kinds.collect::<Vec<(KindId, f64)>>())
    }
}

/// A group as seen from one account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Others {
    /// 1 if the account is of the group, else 0.
    pub(crate) own: u32,
    /// Accounts of the group beside it.
    pub(crate) size: u32,
}

impl<'a> Group<'a> {
    /// What a detection counted.
    pub(crate) fn kept(accounts: &'a [u32], held: &'a [u64], touching: &'a [u64]) -> Self {
        Group { accounts: accounts.into(), held: held.into(), touching: touching.into() }
    }

    /// Counts what these accounts, ascending, were seen with. O(their sightings), sorted.
    pub(crate) fn counted(dataset: &Dataset, members: &[(AccountId, Membership)]) -> Group<'static> {
        let graph = dataset.linking_graph();
        let counted = |some: &dyn Fn(Membership) -> bool| -> Vec<u64> {
            let some = members.iter().filter(|&&(_, how)| some(how));
            let mut seen: Vec<u32> = some.flat_map(|&(account, _)| graph.identifiers_of(account)).copied().collect();
            seen.par_sort_unstable();
            seen.chunk_by(|a, b| a == b).map(|run| packed(run[0], run.len() as u32)).collect()
        };
        let (held, touching) = (counted(&|_| true), counted(&|how| !how.belongs()));
        Group {
            accounts: members.iter().map(|&(account, _)| account.0).collect(),
            held: held.into(),
            touching: touching.into(),
        }
    }

    /// What is kept of it: identifiers with the accounts seen with each, and with the ambiguous ones.
    pub(crate) fn packed(&self) -> (&[u64], &[u64]) {
        (&self.held, &self.touching)
    }

    /// The group as seen from an account.
    pub(crate) fn beside(&self, account: AccountId) -> Others {
        self.others(u32::from(self.accounts.binary_search(&account.0).is_ok()))
    }

    /// The group as seen from an account that is of it (1) or isn't (0).
    pub(crate) fn others(&self, own: u32) -> Others {
        Others { own, size: self.accounts.len() as u32 - own }
    }

    /// (identifier, accounts of the group seen with it), ascending.
    pub(crate) fn holdings(&self) -> impl ExactSizeIterator<Item = (u32, u32)> + '_ {
        self.held.iter().map(|&held| unpacked(held))
    }

    /// The same on all threads.
    pub(crate) fn par_holdings(&self) -> impl IndexedParallelIterator<Item = (u32, u32)> + '_ {
        self.held.par_iter().map(|&held| unpacked(held))
    }

    /// Accounts of the group seen with an identifier: what the rule of detection counts.
    pub fn held(&self, identifier: IdentifierId) -> u32 {
        count_of(&self.held, identifier)
    }

    /// Those of them that belong to the network, core and fringe, and don't only touch it.
    pub fn belonging(&self, identifier: IdentifierId) -> u32 {
        self.held(identifier) - count_of(&self.touching, identifier)
    }
}

/// The count of an identifier in an ascending list.
fn count_of(counts: &[u64], identifier: IdentifierId) -> u32 {
    let found = counts.binary_search_by_key(&identifier.0, |&held| unpacked(held).0);
    found.map_or(0, |at| unpacked(counts[at]).1)
}

/// What two ascending rows have in common.
pub(crate) fn shared<'a>(left: &'a [u32], right: &'a [u32]) -> impl Iterator<Item = u32> + 'a {
    let (mut i, mut j) = (0, 0);
    std::iter::from_fn(move || {
        while let (Some(&a), Some(&b)) = (left.get(i), right.get(j)) {
            i += usize::from(a <= b);
            j += usize::from(b <= a);
            if a == b {
                return Some(a);
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_meet_where_they_are_equal() {
        assert_eq!(shared(&[1, 3, 5, 9], &[0, 3, 4, 9, 10]).collect::<Vec<_>>(), [3, 9]);
        assert_eq!(shared(&[], &[1]).count(), 0);
    }
}
