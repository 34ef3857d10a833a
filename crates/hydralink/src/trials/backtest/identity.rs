//! Does each network keep its id from cut to cut?
//!
//! Candidates get their ids by the rules of [`crate::lineage`] (a cut that finds the same as the one before counts here as a run, and
//! there it doesn't), and are compared with the groups as a tracker with what it tracks: identity precision, recall and F1 ([`synth::metrics::identity`]) over accounts and cuts,
//! and how often a group's id changes. An account of a group counts as its at every cut by which it had been seen.

use std::collections::{BTreeMap, BTreeSet};

use graph::NONE_U32;
use serde::Serialize;
use synth::metrics::{Overlap, identity};

use crate::lineage::{Followed, Found};

/// How well networks kept their ids.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Identity {
    /// IDP: of the flagged accounts at all cuts, the share under the id that is their group's.
    pub precision: f64,
    /// IDR: of the groups' accounts that had been seen, at all cuts, the share under their group's id.
    pub recall: f64,
    /// IDF1, the harmonic mean of the two.
    pub f1: f64,
    /// How often the id of a group was another one than when it was last flagged, over all groups.
    pub switches: u64,
}

/// What is counted from cut to cut.
#[derive(Default)]
pub(super) struct Identities {
    followed: Followed,
    common: BTreeMap<(u32, usize), u64>,
    truth: u64,
    found: u64,
    /// By group: its last id, every id that it had, and how often that changed.
    of_group: BTreeMap<u32, (usize, BTreeSet<usize>, u64)>,
}

/// The candidates of a cut by rank, under the numbers of the store.
#[derive(Default)]
pub(super) struct Networks {
    /// Their accounts and identifiers.
    pub(super) found: Found,
    /// Whether each is over the threshold.
    pub(super) flagged: Vec<bool>,
    /// The group that holds at least half of each, if any does.
    pub(super) group: Vec<Option<u32>>,
}

impl Identities {
    /// Adds a cut. `group_of` is the group of each account of the store, `seen` whether it had been seen.
    pub(super) fn note(&mut self, networks: Networks, group_of: &[u32], seen: impl Fn(u32) -> bool) {
        let Networks { found, flagged, group } = networks;
        let accounts = found.members.clone();
        let ids = self.followed.follow(found);
        let mut largest: BTreeMap<u32, (u64, usize)> = BTreeMap::new();
        for (at, &id) in ids.iter().enumerate().filter(|&(at, _)| flagged[at]) {
            self.found += accounts[at].len() as u64;
            for &account in &accounts[at] {
                let of = group_of[account as usize];
                if of != NONE_U32 {
                    *self.common.entry((of, id)).or_default() += 1;
                }
            }
            if let Some(group) = group[at] {
                let size = (accounts[at].len() as u64, id);
                // Of equal ones the strongest.
                let best = largest.entry(group).or_insert(size);
                if size.0 > best.0 {
                    *best = size;
                }
            }
        }
        for (group, (_, id)) in largest {
            let (last, ids, switches) = self.of_group.entry(group).or_insert_with(|| (id, BTreeSet::new(), 0));
            *switches += u64::from(*last != id);
            *last = id;
            ids.insert(id);
        }
        self.truth += (0u32..).zip(group_of).filter(|&(account, &of)| of != NONE_U32 && seen(account)).count() as u64;
    }

    /// Ids that the largest flagged network of a group had, and how often it was another one than before.
    pub(super) fn of_group(&self, group: u32) -> (u64, u64) {
        self.of_group.get(&group).map_or((0, 0), |(_, ids, switches)| (ids.len() as u64, *switches))
    }

    pub(super) fn told(&self) -> Identity {
        let overlap = |(&(truth, id), &account_times): (&(u32, usize), &u64)| Overlap { truth, id: id as u32, account_times };
        let score = identity(&self.common.iter().map(overlap).collect::<Vec<Overlap>>(), self.truth, self.found);
        let switches = self.of_group.values().map(|of| of.2).sum();
        Identity { precision: score.precision, recall: score.recall, f1: score.f1, switches }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_id_is_a_switch_and_costs_account_times() {
        let mut identities = Identities::default();
        let group_of = [0, 0, 0, 0, NONE_U32];
        let mut note = |members: &[&[u32]], flagged: &[bool]| {
            let found = Found {
                members: members.iter().map(|members| members.to_vec()).collect(),
                identifiers: vec![Vec::new(); members.len()],
            };
            let group = members.iter().map(|members| members.iter().any(|&account| account < 4).then_some(0)).collect();
            identities.note(Networks { found, flagged: flagged.to_vec(), group }, &group_of, |_| true);
        };
        note(&[&[0, 1]], &[false]);
        note(&[&[0, 1], &[4]], &[true, true]);
        note(&[&[2, 3], &[4]], &[true, false]);
        let told = identities.told();
        // Flagged are 3 and 2 account-times; two of four under each id; four accounts at three cuts.
        assert_eq!((told.precision, told.recall, told.switches), (2.0 / 5.0, 2.0 / 12.0, 1));
        assert_eq!(identities.of_group(0), (2, 1));
        assert_eq!(identities.of_group(7), (0, 0));
    }
}
