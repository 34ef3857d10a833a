//! Disjoint sets, twice: lock-free for whole graphs at once, and sequential for whoever joins in order.
//!
//! The lock-free forest links like Afforest: climb from both ends, and hang the higher root under the lower by compare-and-swap
//! (`link`); halve the path while climbing. As `parent(v) <= v` always holds, a set's root is its smallest member in the end:
//! labels depend neither on the order of the links nor on the number of threads. All accesses are relaxed: a parent is always a
//! member of the same set with a lower id, whichever write a reader sees, and joining the pool's threads orders the phases.
//!
//! Reference: Sutton, Ben-Nun, Barak (2018), Optimizing parallel graph connectivity computation via subgraph sampling, IPDPS,
//! doi:10.1109/IPDPS.2018.00012.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use rayon::prelude::*;

/// Vertices a task takes at least.
const TASK: usize = 2048;

/// A forest that many threads link at once.
pub(crate) struct AtomicForest {
    parents: Vec<AtomicU32>,
}

impl AtomicForest {
    /// Every vertex hung under a member of its set that isn't higher: itself, or a neighbour.
    pub(crate) fn hung(vertex_count: usize, parent_of: impl Fn(u32) -> u32 + Sync) -> Self {
        let parent = |vertex| AtomicU32::new(parent_of(vertex));
        AtomicForest { parents: (0..vertex_count as u32).into_par_iter().with_min_len(TASK).map(parent).collect() }
    }

    /// Joins the sets of two vertices.
    pub(crate) fn link(&self, first: u32, second: u32) {
        let (mut one, mut two) = (self.parent_of(first), self.parent_of(second));
        while one != two {
            let (low, high) = (one.min(two), one.max(two));
            let parent = self.parent_of(high);
            if parent == low {
                return;
            }
            if parent == high {
                if self.parents[high as usize].compare_exchange(high, low, Relaxed, Relaxed).is_ok() {
                    return;
                }
                continue;
            }
            let grandparent = self.parent_of(parent);
            if grandparent != parent {
                // Halving: `high` is no root and never will be again, so a plain store can't undo a link.
                self.parents[high as usize].store(grandparent, Relaxed);
            }
            (one, two) = (grandparent, self.parent_of(low));
        }
    }

    /// The parent of a vertex: its root right after [`AtomicForest::compress`].
    pub(crate) fn parent_of(&self, vertex: u32) -> u32 {
        self.parents[vertex as usize].load(Relaxed)
    }

    /// Hangs every vertex directly under its root.
    pub(crate) fn compress(&self) {
        self.parents.par_iter().with_min_len(TASK).for_each(|parent| {
            let before = parent.load(Relaxed);
            let mut root = before;
            loop {
                let next = self.parent_of(root);
                if next == root {
                    break;
                }
                root = next;
            }
            if root != before {
                parent.store(root, Relaxed);
            }
        });
    }

    /// The smallest member of each vertex's set.
    pub(crate) fn into_labels(self) -> Vec<u32> {
        self.compress();
        self.parents.into_iter().map(AtomicU32::into_inner).collect()
    }
}

/// Disjoint sets that one thread joins in order, halving paths. A set's root is its smallest member, so roots don't depend on
/// the order of the joins.
#[derive(Clone, Debug)]
pub struct DisjointSets {
    parents: Vec<u32>,
}

/// Two sets that became one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The root of both from now on: the smaller.
    pub root: u32,
    /// What was the other's root.
    pub child: u32,
}

impl DisjointSets {
    /// Every member alone.
    pub fn new(member_count: usize) -> Self {
        DisjointSets { parents: (0..member_count as u32).collect() }
    }

    /// Members of all sets.
    pub fn member_count(&self) -> usize {
        self.parents.len()
    }

    /// The smallest member of a member's set.
    pub fn root_of(&mut self, mut member: u32) -> u32 {
        while self.parents[member as usize] != member {
            let grandparent = self.parents[self.parents[member as usize] as usize];
            self.parents[member as usize] = grandparent;
            member = grandparent;
        }
        member
    }

    /// Joins the sets of two members; `None` if they were one.
    pub fn join(&mut self, one: u32, other: u32) -> Option<Joined> {
        let (one, other) = (self.root_of(one), self.root_of(other));
        let (root, child) = (one.min(other), one.max(other));
        self.parents[child as usize] = root;
        (root != child).then_some(Joined { root, child })
    }

    /// The root of every member's set, by member.
    pub fn into_roots(mut self) -> Vec<u32> {
        (0..self.parents.len() as u32)
            .for_each(|member| self.parents[member as usize] = self.parents[self.parents[member as usize] as usize]);
        self.parents
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::with_threads;

    #[test]
    fn threads_that_race_for_one_long_path_agree_on_the_smallest_member() {
        // Every edge of a path of 100,000 vertices twice, in an order that makes neighbouring tasks fight for the same roots.
        let count = 100_000u32;
        for threads in [1, 4] {
            let labels = with_threads(threads, || {
                let forest = AtomicForest::hung(count as usize, |vertex| vertex);
                (0..2 * count).into_par_iter().with_max_len(16).for_each(|step| {
                    let vertex = (u64::from(step) * 48_271 % u64::from(count - 1)) as u32;
                    forest.link(vertex + 1, vertex);
                });
                forest.into_labels()
            });
            // 48271 and 99,999 share no factor, so every edge was there.
            assert!(labels.iter().all(|&label| label == 0), "{threads} threads left the path in pieces");
        }
    }

    #[test]
    fn a_set_is_named_by_its_smallest_member() {
        let mut sets = DisjointSets::new(5);
        assert_eq!(sets.join(3, 2), Some(Joined { root: 2, child: 3 }));
        assert_eq!(sets.join(4, 3), Some(Joined { root: 2, child: 4 }));
        assert_eq!(sets.join(0, 3), Some(Joined { root: 0, child: 2 }));
        assert_eq!(sets.join(4, 0), None);
        assert_eq!((sets.root_of(1), sets.root_of(4)), (1, 0));
        assert_eq!(sets.into_roots(), [0, 1, 0, 0, 0]);
    }
}
