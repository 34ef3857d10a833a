//! Accounts by (truth, found), counted once; every metric is a sum over it.

use super::{Comparison, NONE, Unlabelled};

/// Accounts with both labels, or with one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) truth: u32,
    pub(crate) found: u32,
    pub(crate) accounts: u64,
}

/// The contingency table of truth and answer. Cells are in order of (truth, found); `NONE` comes last.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) cells: Vec<Cell>,
    /// Accounts of each true network.
    pub(crate) truth: Vec<u64>,
    /// Accounts of each found network, legitimate ones included.
    pub(crate) found: Vec<u64>,
    /// Accounts in all.
    pub(crate) total: u64,
}

impl Table {
    pub(crate) fn count(comparison: &Comparison<'_>) -> Self {
        let labels = comparison.truth.iter().zip(comparison.found);
        let counted = labels.filter(|(truth, _)| **truth != NONE || comparison.unlabelled == Unlabelled::Benign);
        let (truths, founds) = (comparison.truth_names.len(), comparison.found_names.len());
        Table::of(counted.map(|(&truth, &found)| (truth, found)), truths, founds)
    }

    /// Of labels below the two counts, or `NONE`.
    pub(crate) fn of(labels: impl Iterator<Item = (u32, u32)>, truths: usize, founds: usize) -> Self {
        let mut keys: Vec<u64> = labels.map(|(truth, found)| u64::from(truth) << 32 | u64::from(found)).collect();
        keys.sort_unstable();
        let mut table = Table { cells: Vec::new(), truth: vec![0; truths], found: vec![0; founds], total: keys.len() as u64 };
        for run in keys.chunk_by(|a, b| a == b) {
            let cell = Cell { truth: (run[0] >> 32) as u32, found: run[0] as u32, accounts: run.len() as u64 };
            if cell.truth != NONE {
                table.truth[cell.truth as usize] += cell.accounts;
            }
            if cell.found != NONE {
                table.found[cell.found as usize] += cell.accounts;
            }
            table.cells.push(cell);
        }
        table
    }

    /// Cells whose accounts have both labels.
    pub(crate) fn shared(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter().filter(|cell| cell.truth != NONE && cell.found != NONE)
    }

    /// Cells with both labels of one found network.
    pub(crate) fn shared_of_found(&self) -> Vec<Vec<Cell>> {
        let mut of = vec![Vec::new(); self.found.len()];
        for cell in self.shared() {
            of[cell.found as usize].push(*cell);
        }
        of
    }

    /// Accounts that are clusters of their own in the truth, and those that are so in the answer.
    pub(crate) fn single(&self) -> (u64, u64) {
        (self.total - self.truth.iter().sum::<u64>(), self.total - self.found.iter().sum::<u64>())
    }
}
