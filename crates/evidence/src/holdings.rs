//! How many of an identifier's accounts are in each group?

use fixedbitset::FixedBitSet;
use graph::{AccountId, IdentifierId, NONE_U32};
use rayon::prelude::*;

use crate::Facts;
use crate::candidate::is_notable;
use crate::classify::{Classification, Policy};

/// Groups, and how many accounts of one identifier are in each.
type Runs = Vec<(u32, u32)>;

/// Identifiers that one task counts.
const TASK: usize = 4096;

/// How many of an identifier's accounts are in each group: the groups that hold a notable share of them.
#[derive(Debug)]
pub(crate) struct Holdings {
    /// Start of each identifier's runs; length identifiers + 1.
    offsets: Vec<u64>,
    /// (group, accounts of the identifier in it), ascending by group.
    runs: Runs,
    /// A bit for each identifier that has runs: most have none, and the bits fit into a cache.
    held: FixedBitSet,
    /// By group name: its accounts.
    pub(crate) sizes: Vec<u32>,
}

impl Holdings {
    /// Whether any group holds a notable share of an identifier's accounts.
    pub(crate) fn is_held(&self, identifier: u32) -> bool {
        self.held.contains(identifier as usize)
    }

    /// The groups that hold a notable share of an identifier's accounts, and how many of these, ascending by group.
    pub(crate) fn of(&self, identifier: u32) -> &[(u32, u32)] {
        if !self.is_held(identifier) {
            return &[];
        }
        &self.runs[self.offsets[identifier as usize] as usize..self.offsets[identifier as usize + 1] as usize]
    }
}

/// Counts every identifier's accounts by group. O(sightings).
pub(crate) fn hold(facts: Facts<'_>, classification: &Classification, groups: &[u32]) -> Holdings {
    let mut all = FixedBitSet::with_capacity(facts.graph.identifier_count());
    all.insert_range(..);
    Holdings::nothing(facts).recounted(facts, classification, groups, &all)
}

/// The same where few accounts are in any group: only their identifiers are counted. O(identifiers + accounts), and the
/// sightings of those accounts and of what they have.
pub(crate) fn hold_few(facts: Facts<'_>, classification: &Classification, groups: &[u32]) -> Holdings {
    let grouped = (0..groups.len()).filter(|&account| groups[account] != NONE_U32).collect();
    Holdings::nothing(facts).recounted(facts, classification, groups, &identifiers_of(facts, &grouped))
}

/// The identifiers of some accounts.
pub(crate) fn identifiers_of(facts: Facts<'_>, accounts: &FixedBitSet) -> FixedBitSet {
    let mut identifiers = FixedBitSet::with_capacity(facts.graph.identifier_count());
    for account in accounts.ones() {
        let row = facts.graph.identifiers_of(AccountId(account as u32));
        row.iter().for_each(|&identifier| identifiers.insert(identifier as usize));
    }
    identifiers
}

impl Holdings {
    fn nothing(facts: Facts<'_>) -> Holdings {
        let identifiers = facts.graph.identifier_count();
        let (offsets, held) = (vec![0; identifiers + 1], FixedBitSet::with_capacity(identifiers));
        Holdings { offsets, runs: Vec::new(), held, sizes: Vec::new() }
    }

    /// The same after accounts changed their groups, where `touched` has the identifiers of those accounts.
    pub(crate) fn recounted(
        &self,
        facts: Facts<'_>,
        classification: &Classification,
        groups: &[u32],
        touched: &FixedBitSet,
    ) -> Holdings {
        // Of each task one list of runs, and how many of them each of its identifiers has.
        let identifiers = facts.graph.identifier_count();
        let tasks: Vec<(Vec<u32>, Runs)> = (0..identifiers.div_ceil(TASK))
            .into_par_iter()
            .map_init(Vec::new, |labels: &mut Vec<u32>, task| {
                let (mut lengths, mut found) = (Vec::with_capacity(TASK), Vec::new());
                for identifier in (task * TASK) as u32..((task + 1) * TASK).min(identifiers) as u32 {
                    let before = found.len();
                    if touched.contains(identifier as usize) {
                        count(facts, classification, groups, identifier, labels, &mut found);
                    } else {
                        found.extend_from_slice(self.of(identifier));
                    }
                    lengths.push((found.len() - before) as u32);
                }
                (lengths, found)
            })
            .collect();
        let mut offsets = Vec::with_capacity(identifiers + 1);
        offsets.push(0u64);
        let mut runs = Vec::with_capacity(tasks.iter().map(|(_, found)| found.len()).sum());
        let mut held = FixedBitSet::with_capacity(identifiers);
        let mut end = 0;
        for (lengths, found) in tasks {
            for length in lengths {
                held.set(offsets.len() - 1, length > 0);
                end += u64::from(length);
                offsets.push(end);
            }
            runs.extend(found);
        }
        Holdings { offsets, runs, held, sizes: sizes_of(groups) }
    }
}

/// Appends the runs of one identifier; `labels` is scratch.
fn count(
    facts: Facts<'_>,
    classification: &Classification,
    groups: &[u32],
    identifier: u32,
    labels: &mut Vec<u32>,
    found: &mut Runs,
) {
    let accounts = facts.graph.accounts_of(IdentifierId(identifier));
    if accounts.len() < 2 || classification.policies[identifier as usize] == Policy::Drop {
        return;
    }
    labels.clear();
    labels.extend(accounts.iter().map(|&account| groups[account as usize]).filter(|&group| group != NONE_U32));
    // All of them together are no notable share: most popular identifiers.
    if !is_notable(labels.len() as u32, accounts.len()) {
        return;
    }
    labels.sort_unstable();
    found.extend(runs(labels).filter(|&(_, count)| is_notable(count, accounts.len())));
}

/// The distinct values of a sorted slice with how often each stands there.
pub(crate) fn runs(sorted: &[u32]) -> impl Iterator<Item = (u32, u32)> + '_ {
    sorted.chunk_by(|left, right| left == right).map(|run| (run[0], run.len() as u32))
}

/// By group: its accounts, given the group of each account, or `NONE_U32`.
pub(crate) fn sizes_of(groups: &[u32]) -> Vec<u32> {
    let mut sizes = vec![0u32; groups.len()];
    groups.iter().filter(|&&group| group != NONE_U32).for_each(|&group| sizes[group as usize] += 1);
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::classify_identifiers;
    use crate::config::ClassifyConfig;
    use crate::toy::planted;

    #[test]
    fn what_few_accounts_hold_is_counted_of_their_identifiers_alone() {
        let (toy, network) = planted(600, 60);
        let classification = classify_identifiers(toy.facts(), &ClassifyConfig::default());
        // Two thirds of the network, in two groups, and three of its customers.
        let group = |account: u32| match account {
            _ if network.contains(&account) && !account.is_multiple_of(3) => network.start + account % 3,
            660..663 => 660,
            _ => NONE_U32,
        };
        let groups: Vec<u32> = (0..toy.graph.account_count() as u32).map(group).collect();
        let (all, few) = (hold(toy.facts(), &classification, &groups), hold_few(toy.facts(), &classification, &groups));
        assert!(!all.runs.is_empty());
        assert_eq!((all.offsets, all.runs, all.held, all.sizes), (few.offsets, few.runs, few.held, few.sizes));
    }
}
