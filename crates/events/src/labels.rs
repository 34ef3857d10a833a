//! Which models, capabilities and pathways stay?
//!
//! A store numbers up to [`MOST`] of each. While rows are read every label has a number of its own, and is kept once; at the end
//! those of most rows stay (of a pathway: those of most accounts), of equal ones the first by name. Neither threads nor the order
//! of rows and files show, and whoever makes labels up takes the place of none that more rows have.
//!
//! Assumption: labels stay in memory, as all names do: up to 1,024 bytes for each row that has one of its own, as of a column of
//! identifiers. Cost: O(labels log labels), once.

use std::cmp::Reverse;

use graph::{NONE_U16, NONE_U32};

use crate::intern::Interner;
use crate::session::OVERFLOW;

/// Labels that a store numbers.
const MOST: usize = NONE_U16 as usize;

/// The labels of a column, with numbers that depend on timing.
pub(crate) struct Labels(Interner);

impl Labels {
    pub(crate) fn new() -> Self {
        Labels(Interner::new())
    }

    /// The number of a label.
    pub(crate) fn intern(&self, text: &str) -> u32 {
        self.0.intern(text.as_bytes()).unwrap_or(OVERFLOW)
    }

    /// Bytes they take.
    pub(crate) fn bytes(&self) -> usize {
        self.0.bytes()
    }

    /// By number its place among all labels, in byte order.
    pub(crate) fn ranks(&self) -> Vec<u32> {
        let mut ranks = vec![NONE_U32; self.0.bound()];
        let ids = self.0.sorted(|_, _| true, |name| (0, name));
        ids.iter().enumerate().for_each(|(rank, &id)| ranks[id as usize] = rank as u32);
        ranks
    }

    /// The labels that stay, of which these are the numbers and the rows that have them.
    pub(crate) fn chosen(&self, named: impl Iterator<Item = (u32, u64)>) -> Chosen {
        self.chosen_of(named, MOST)
    }

    fn chosen_of(&self, named: impl Iterator<Item = (u32, u64)>, most: usize) -> Chosen {
        let mut rows = vec![0; self.0.bound()];
        named.filter(|&(label, _)| label != NONE_U32).for_each(|(label, more)| rows[label as usize] += more);
        let mut ids = self.0.sorted(|id, _| rows[id as usize] > 0, |name| (0, name));
        if ids.len() > most {
            let mut order: Vec<usize> = (0..ids.len()).collect();
            order.sort_unstable_by_key(|&at| (Reverse(rows[ids[at] as usize]), at));
            order.truncate(most);
            order.sort_unstable();
            ids = order.into_iter().map(|at| ids[at]).collect();
        }
        let mut new_of = vec![NONE_U16; rows.len()];
        ids.iter().enumerate().for_each(|(new, &id)| new_of[id as usize] = new as u16);
        let names = self.0.names(&ids, 0);
        Chosen { names: (0..names.len() as u32).map(|at| names.text(at).to_owned()).collect(), new_of }
    }
}

/// The labels of a column that stay.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// In byte order.
    pub(crate) names: Vec<String>,
    new_of: Vec<u16>,
}

impl Chosen {
    /// The new number of a label; `NONE_U16` of none, and of one that goes.
    pub(crate) fn new_of(&self, old: u32) -> u16 {
        self.new_of.get(old as usize).copied().unwrap_or(NONE_U16)
    }

    /// Whether a label is one that goes.
    pub(crate) fn lacks(&self, old: u32) -> bool {
        old != NONE_U32 && self.new_of(old) == NONE_U16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_of_most_rows_stay_whatever_came_first() {
        let rows = [("b", 5), ("z", 9), ("a", 5), ("c", 1), ("y", 5), ("x", 0)];
        for turn in 0..rows.len() {
            let labels = Labels::new();
            let mut order = rows;
            order.rotate_left(turn);
            let named: Vec<(u32, u64)> = order.iter().map(|&(name, rows)| (labels.intern(name), rows)).collect();
            let chosen = labels.chosen_of(named.iter().copied().chain([(NONE_U32, 7)]), 3);
            assert_eq!(chosen.names, ["a", "b", "z"]);
            assert_eq!(chosen.new_of(labels.intern("z")), 2);
            assert!(chosen.lacks(labels.intern("y")) && !chosen.lacks(labels.intern("a")) && !chosen.lacks(NONE_U32));
            assert_eq!(labels.chosen_of(named.into_iter(), 5).names, ["a", "b", "c", "y", "z"], "none without rows");
        }
    }
}
