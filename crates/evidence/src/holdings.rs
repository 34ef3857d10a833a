//! How many of an identifier's accounts are in each group?

use fixedbitset::FixedBitSet;
use graph::{IdentifierId, NONE_U32};
use rayon::prelude::*;

use crate::Facts;
use crate::classify::{Classification, Policy};
use crate::members::is_notable;

/// How many of an identifier's accounts are in each group: the groups that hold a notable share of them.
#[derive(Debug)]
pub(crate) struct Holdings {
    /// Start of each identifier's runs; length identifiers + 1.
    offsets: Vec<u64>,
    /// (group, accounts of the identifier in it), ascending by group.
    runs: Vec<(u32, u32)>,
    /// A bit for each identifier that has runs: most have none, and the bits fit into a cache.
    held: FixedBitSet,
    /// By group name: its accounts.
    pub(crate) sizes: Vec<u32>,
}

impl Holdings {
    pub(crate) fn of(&self, identifier: u32) -> &[(u32, u32)] {
        if !self.held.contains(identifier as usize) {
            return &[];
        }
        &self.runs[self.offsets[identifier as usize] as usize..self.offsets[identifier as usize + 1] as usize]
    }
}

/// Counts every identifier's accounts by group.
pub(crate) fn hold(facts: Facts<'_>, classification: &Classification, groups: &[u32]) -> Holdings {
    let rows: Vec<Vec<(u32, u32)>> = (0..facts.graph.identifier_count() as u32)
        .into_par_iter()
        .with_min_len(1024)
        .map_init(Vec::new, |labels: &mut Vec<u32>, identifier| {
            let accounts = facts.graph.accounts_of(IdentifierId(identifier));
            if accounts.len() < 2 || classification.policies[identifier as usize] == Policy::Drop {
                return Vec::new();
            }
            labels.clear();
            labels.extend(accounts.iter().map(|&account| groups[account as usize]).filter(|&group| group != NONE_U32));
            labels.sort_unstable();
            runs(labels).filter(|&(_, count)| is_notable(count, accounts.len())).collect()
        })
        .collect();
    let mut offsets = Vec::with_capacity(rows.len() + 1);
    offsets.push(0u64);
    let mut flat = Vec::new();
    let mut held = FixedBitSet::with_capacity(rows.len());
    for (identifier, row) in rows.into_iter().enumerate() {
        held.set(identifier, !row.is_empty());
        flat.extend(row);
        offsets.push(flat.len() as u64);
    }
    let mut sizes = vec![0u32; groups.len()];
    for &group in groups.iter().filter(|&&group| group != NONE_U32) {
        sizes[group as usize] += 1;
    }
    Holdings { offsets, runs: flat, held, sizes }
}

/// The distinct values of a sorted slice with how often each stands there.
pub(crate) fn runs(sorted: &[u32]) -> impl Iterator<Item = (u32, u32)> + '_ {
    sorted.chunk_by(|left, right| left == right).map(|run| (run[0], run.len() as u32))
}
