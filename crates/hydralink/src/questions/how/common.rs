//! What the members of a network have in common, numbered densely, so that asking for every pair and every member again and
//! again costs a few additions instead of logarithms and searches in the whole store.

use graph::{AccountId, IdentifierId, KindId};
use rayon::prelude::*;

use evidence::Tie;

use crate::ties::{Group, Ties, shared};

/// The identifiers that members share and that say something, and who has which. A *place* is a position among them.
pub(super) struct Common<'t, 'a> {
    ties: &'t Ties<'a>,
    /// The accounts of the network, the ambiguous among them.
    pub(super) group: Group<'a>,
    /// By place: the identifier, ascending.
    pub(super) identifiers: Vec<u32>,
    kinds: Vec<KindId>,
    /// By place: bits of sharing it with one account.
    pub(super) bits: Vec<f64>,
    /// By place: what it says for a member that has it; 0 if the group can't claim it.
    ballots: Vec<f64>,
    /// By place: members that have it.
    pub(super) counts: Vec<u64>,
    /// By position of the member: places, ascending.
    pub(super) rows: Vec<Vec<u32>>,
}

impl<'t, 'a> Common<'t, 'a> {
    /// What these members (some or all of the accounts of a network) share. O(sightings of the network), sorted once.
    pub(super) fn of(ties: &'t Ties<'a>, network: usize, members: &[AccountId]) -> Self {
        let graph = ties.dataset().linking_graph();
        let group = ties.group(network);
        let says = |(identifier, held): (u32, u32)| {
            let bits = if held < 2 { 0.0 } else { ties.bits_of(IdentifierId(identifier)) };
            (bits > 0.0).then(|| (identifier, bits, ties.ballot(IdentifierId(identifier), bits, held, group.others(1))))
        };
        let found: Vec<(u32, f64, f64)> = group.par_holdings().filter_map(says).collect();
        let identifiers: Vec<u32> = found.iter().map(|found| found.0).collect();
        let place = |identifier: &u32| identifiers.binary_search(identifier).ok().map(|place| place as u32);
        let row = |&member: &AccountId| graph.identifiers_of(member).iter().filter_map(place).collect();
        let rows: Vec<Vec<u32>> = members.par_iter().map(row).collect();
        let mut counts = vec![0u64; identifiers.len()];
        rows.iter().flatten().for_each(|&place| counts[place as usize] += 1);
        Common {
            ties,
            kinds: identifiers.iter().map(|&identifier| graph.kind_of(IdentifierId(identifier))).collect(),
            bits: found.iter().map(|found| found.1).collect(),
            ballots: found.iter().map(|found| found.2).collect(),
            identifiers,
            counts,
            rows,
            group,
        }
    }

    /// Accounts of the network beside a member.
    pub(super) fn others(&self) -> u32 {
        self.group.others(1).size
    }

    /// The places that two members share.
    pub(super) fn shared_by(&self, first: u32, second: u32) -> impl Iterator<Item = u32> + '_ {
        shared(&self.rows[first as usize], &self.rows[second as usize])
    }

    /// The kind of an identifier.
    pub(super) fn kind(&self, place: u32) -> KindId {
        self.kinds[place as usize]
    }

    /// What sharing these ties, as [`Ties::between`] says of two members.
    pub(super) fn tie(&self, places: impl Iterator<Item = u32>) -> Tie {
        self.ties.terms().sum(places.map(|place| (self.kind(place), self.bits[place as usize])).collect())
    }

    /// The places of the identifiers without which a member's tie to the network isn't enough; none if it isn't enough with
    /// them. Only the strongest [`evidence::members::LEFT_OUT`] can matter.
    pub(super) fn needed_by(&self, member: u32) -> Vec<u32> {
        let mut ballots: Vec<(f64, u32)> = self.rows[member as usize]
            .iter()
            .map(|&place| (self.ballots[place as usize], place))
            .filter(|&(bits, _)| bits > 0.0)
            .collect();
        let accepts =
            |ballots: &mut dyn Iterator<Item = &(f64, u32)>| self.share_of_needed(ballots.map(|&(_, place)| place)) >= 1.0;
        ballots.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let (strongest, rest) = ballots.split_at(ballots.len().min(evidence::members::LEFT_OUT));
        // More of kinds that are shown anyway never says less: enough without all of them is enough without one.
        let kind = |&(_, place): &(f64, u32)| self.kinds[place as usize];
        if strongest.iter().all(|one| rest.iter().any(|other| kind(other) == kind(one))) && accepts(&mut rest.iter()) {
            return Vec::new();
        }
        if !accepts(&mut ballots.iter()) {
            return Vec::new();
        }
        let without = |left_out: u32| accepts(&mut ballots.iter().filter(|&&(_, place)| place != left_out));
        strongest.iter().map(|&(_, place)| place).filter(|&place| !without(place)).collect()
    }

    /// What an identifier says for a member that has it; 0 if nothing.
    pub(super) fn ballot(&self, place: u32) -> f64 {
        self.ballots[place as usize]
    }

    /// What one identifier says for a member beside others of its kind and another, as a share of what its tie needs then.
    pub(super) fn most_of_needed(&self, place: u32) -> f64 {
        self.ballots[place as usize] / self.ties.terms().needed(true, self.others())
    }

    /// What these identifiers say for a member, as a share of what its tie to the network needs: 1 and more is enough.
    pub(super) fn share_of_needed(&self, places: impl Iterator<Item = u32>) -> f64 {
        let terms = self.ties.terms();
        let tie = terms.sum(places.map(|place| (self.kinds[place as usize], self.ballots[place as usize])).collect());
        let needed = terms.needed(tie.corroborated, self.others());
        // In so many words, so that the division can't round a tie away.
        if tie.bits >= needed { (tie.bits / needed).max(1.0) } else { (tie.bits / needed).min(1.0 - f64::EPSILON) }
    }

    /// The pairs of members that follow each other on an identifier: (before, after), each once, ascending by the one after.
    pub(super) fn neighbouring_pairs(&self) -> Vec<(u32, u32)> {
        let mut last = vec![u32::MAX; self.identifiers.len()];
        let mut pairs = Vec::new();
        for (position, row) in self.rows.iter().enumerate() {
            let step = |&place: &u32| std::mem::replace(&mut last[place as usize], position as u32);
            let mut before: Vec<u32> = row.iter().map(step).filter(|&before| before != u32::MAX).collect();
            before.sort_unstable();
            before.dedup();
            pairs.extend(before.into_iter().map(|before| (before, position as u32)));
        }
        pairs
    }
}
