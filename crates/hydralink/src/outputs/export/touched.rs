//! The identifiers that some accounts were seen with, and where each stands among them.
//!
//! What is counted by identifier then takes room by what is drawn, not by what the store holds. A set of bits with the count of
//! those before every word: finding a place is O(1), and the whole takes 1.5 bits for each identifier of the data, and 4 bytes for
//! each in the set.

use graph::{AccountId, BipartiteGraph};

/// A set of identifiers, numbered in ascending order.
#[derive(Debug)]
pub(crate) struct Touched {
    words: Vec<u64>,
    /// Members before each word.
    before: Vec<u32>,
    members: Vec<u32>,
}

impl Touched {
    /// Those that these accounts were seen with.
    pub(super) fn by(graph: &BipartiteGraph, accounts: &[u32]) -> Self {
        let mut words = vec![0u64; graph.identifier_count().div_ceil(64)];
        for &account in accounts {
            for &identifier in graph.identifiers_of(AccountId(account)) {
                words[identifier as usize / 64] |= 1 << (identifier % 64);
            }
        }
        let mut members = Vec::with_capacity(words.iter().map(|word| word.count_ones() as usize).sum());
        let mut before = Vec::with_capacity(words.len());
        for (at, &word) in (0u32..).zip(&words) {
            before.push(members.len() as u32);
            let mut left = word;
            while left != 0 {
                members.push(at * 64 + left.trailing_zeros());
                left &= left - 1;
            }
        }
        Touched { words, before, members }
    }

    /// They, ascending.
    pub(super) fn members(&self) -> &[u32] {
        &self.members
    }

    /// Where one of them stands.
    pub(super) fn place(&self, identifier: u32) -> usize {
        let (word, bit) = (identifier as usize / 64, identifier % 64);
        debug_assert!(self.words[word] >> bit & 1 == 1, "identifier {identifier} is none of them");
        (self.before[word] + (self.words[word] & ((1 << bit) - 1)).count_ones()) as usize
    }
}
