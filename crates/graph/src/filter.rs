//! Which identifiers may link accounts?
//!
//! An [`IdentifierFilter`] closes identifiers without copying the graph: by kind ("payment only"), by a mark the caller made
//! (a hub that was classified as harmless), or by degree. An identifier that is closed stays in the graph and stays counted; it
//! just links nobody. O(identifiers).

use rayon::prelude::*;

use crate::components::most_frequent_root;
use crate::union_find::AtomicForest;
use crate::{BipartiteGraph, IdentifierId, KindId};

/// Which identifiers may link accounts: those that every one of the three conditions lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdentifierFilter<'a> {
    /// The kinds that may link.
    pub kinds: Kinds<'a>,
    /// The identifiers that may link, one by one.
    pub keep: Keep<'a>,
    /// The most accounts an identifier may have.
    pub max_degree: usize,
}

/// A choice of kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kinds<'a> {
    /// Every kind.
    All,
    /// These kinds and no others; a kind that the graph doesn't have matches nothing.
    Only(&'a [KindId]),
}

/// A choice of identifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep<'a> {
    /// Every identifier.
    All,
    /// Identifier `i` if `marks[i]`; as long as the graph has identifiers.
    Marked(&'a [bool]),
}

impl Default for IdentifierFilter<'_> {
    /// Lets every identifier through.
    fn default() -> Self {
        IdentifierFilter { kinds: Kinds::All, keep: Keep::All, max_degree: usize::MAX }
    }
}

impl IdentifierFilter<'_> {
    /// For each identifier whether it may link accounts. O(identifiers).
    ///
    /// # Panics
    /// If `keep` marks another number of identifiers than the graph has.
    pub fn open_identifiers(&self, graph: &BipartiteGraph) -> Vec<bool> {
        let kind_is_open: Vec<bool> = (graph.kinds())
            .map(|kind| match self.kinds {
                Kinds::All => true,
                Kinds::Only(kinds) => kinds.contains(&kind),
            })
            .collect();
        if let Keep::Marked(marks) = self.keep {
            let (found, expected) = (marks.len(), graph.identifier_count());
            assert_eq!(found, expected, "the filter marks {found} identifiers, the graph has {expected}");
        }
        let offsets = graph.columns().identifier_offsets.as_slice();
        (0..graph.identifier_count())
            .into_par_iter()
            .with_min_len(4096)
            .map(|identifier| {
                let marked = match self.keep {
                    Keep::All => true,
                    Keep::Marked(marks) => marks[identifier],
                };
                let degree = (offsets[identifier + 1] - offsets[identifier]) as usize;
                marked && degree <= self.max_degree && kind_is_open[graph.kind_of(IdentifierId(identifier as u32)).index()]
            })
            .collect()
    }
}

/// Row access with the columns' slices hoisted: what the algorithms of this crate walk.
pub(crate) trait Rows: Sync {
    /// Number of vertices.
    fn vertex_count(&self) -> usize;
    /// About how many edges there are.
    fn edge_count(&self) -> usize;
    /// The neighbours of a vertex.
    fn neighbors(&self, vertex: u32) -> impl Iterator<Item = u32> + '_;
    /// Some of the neighbours of a vertex, such that each edge to another vertex is there from one of its ends only.
    fn each_edge_once(&self, vertex: u32) -> impl Iterator<Item = u32> + '_;
    /// The group of a vertex: no edge joins two groups.
    fn group_of(&self, _vertex: u32) -> usize {
        0
    }
    /// A frequent root of every group of a compressed forest. A poor guess costs time, never correctness.
    fn giants(&self, forest: &AtomicForest) -> Vec<u32> {
        vec![most_frequent_root(forest, self.vertex_count())]
    }
}

/// The rows of a bipartite graph through a filter: vertices are accounts, then identifiers; closed identifiers have no edges.
pub(crate) struct OpenRows<'a> {
    account_offsets: &'a [u64],
    identifiers: &'a [u32],
    identifier_offsets: &'a [u64],
    accounts: &'a [u32],
    positions: &'a [u32],
    open: Vec<bool>,
}

impl<'a> OpenRows<'a> {
    pub(crate) fn new(graph: &'a BipartiteGraph, filter: &IdentifierFilter<'_>) -> Self {
        let columns = graph.columns();
        OpenRows {
            account_offsets: columns.account_offsets.as_slice(),
            identifiers: columns.identifiers.as_slice(),
            identifier_offsets: columns.identifier_offsets.as_slice(),
            accounts: columns.accounts.as_slice(),
            positions: columns.identifier_sightings.as_slice(),
            open: filter.open_identifiers(graph),
        }
    }

    pub(crate) fn account_count(&self) -> usize {
        self.account_offsets.len() - 1
    }

    pub(crate) fn open(&self) -> &[bool] {
        &self.open
    }

    /// The accounts of an identifier, none if it is closed.
    pub(crate) fn accounts_of(&self, identifier: usize) -> &'a [u32] {
        if self.open[identifier] { &self.accounts[self.reverse_row(identifier)] } else { &[] }
    }

    /// Number of entries in a vertex's row, closed ones included.
    pub(crate) fn row_length(&self, vertex: u32) -> u32 {
        match self.row(vertex) {
            Row::Account { first, end } | Row::Identifier { first, end } => (end - first) as u32,
        }
    }

    /// Entry `at` of a vertex's row: the neighbour and the sighting's position, or `None` if the identifier is closed.
    pub(crate) fn entry(&self, vertex: u32, at: u32) -> Option<(u32, u32)> {
        match self.row(vertex) {
            Row::Account { first, .. } => {
                let position = first + at as usize;
                let identifier = self.identifiers[position];
                self.open[identifier as usize].then_some((identifier + self.account_count() as u32, position as u32))
            }
            Row::Identifier { first, .. } => {
                let position = first + at as usize;
                Some((self.accounts[position], self.positions[position]))
            }
        }
    }

    fn row(&self, vertex: u32) -> Row {
        let account_count = self.account_count();
        if (vertex as usize) < account_count {
            let offsets = &self.account_offsets[vertex as usize..vertex as usize + 2];
            return Row::Account { first: offsets[0] as usize, end: offsets[1] as usize };
        }
        let identifier = vertex as usize - account_count;
        let row = if self.open[identifier] { self.reverse_row(identifier) } else { 0..0 };
        Row::Identifier { first: row.start, end: row.end }
    }

    fn reverse_row(&self, identifier: usize) -> std::ops::Range<usize> {
        self.identifier_offsets[identifier] as usize..self.identifier_offsets[identifier + 1] as usize
    }
}

enum Row {
    Account { first: usize, end: usize },
    Identifier { first: usize, end: usize },
}

impl Rows for OpenRows<'_> {
    fn vertex_count(&self) -> usize {
        self.account_count() + self.open.len()
    }

    fn edge_count(&self) -> usize {
        self.identifiers.len()
    }

    fn each_edge_once(&self, vertex: u32) -> impl Iterator<Item = u32> + '_ {
        let account_count = self.account_count() as u32;
        let row = match self.row(vertex) {
            Row::Account { first, end } => &self.identifiers[first..end],
            Row::Identifier { .. } => &[],
        };
        row.iter().filter(|&&identifier| self.open[identifier as usize]).map(move |&identifier| identifier + account_count)
    }

    fn neighbors(&self, vertex: u32) -> impl Iterator<Item = u32> + '_ {
        let (row, shift) = match self.row(vertex) {
            Row::Account { first, end } => (&self.identifiers[first..end], self.account_count() as u32),
            Row::Identifier { first, end } => (&self.accounts[first..end], 0),
        };
        // Only an account's row is shifted, and only there can the other end be closed.
        row.iter().filter(move |&&target| shift == 0 || self.open[target as usize]).map(move |&target| target + shift)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::bipartite_of_kinds;

    #[test]
    fn the_three_conditions_meet() {
        // Kind 0: identifiers 0 (2 accounts) and 1 (3 accounts); kind 1: identifier 2 (2 accounts).
        let graph = bipartite_of_kinds(3, &[0, 2, 3], &[(0, 0), (1, 0), (0, 1), (1, 1), (2, 1), (1, 2), (2, 2)]);
        let open = |filter: IdentifierFilter<'_>| filter.open_identifiers(&graph);
        assert_eq!(open(IdentifierFilter::default()), [true, true, true]);
        assert_eq!(open(IdentifierFilter { max_degree: 2, ..Default::default() }), [true, false, true]);
        assert_eq!(open(IdentifierFilter { kinds: Kinds::Only(&[KindId(1)]), ..Default::default() }), [false, false, true]);
        assert_eq!(
            open(IdentifierFilter { keep: Keep::Marked(&[false, true, true]), ..Default::default() }),
            [false, true, true]
        );
        let kinds = Kinds::Only(&[KindId(0), KindId(9)]);
        let filter = IdentifierFilter { kinds, keep: Keep::Marked(&[false, true, true]), max_degree: 2 };
        assert_eq!(open(filter), [false, false, false]);
    }
}
