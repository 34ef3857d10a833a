//! Disjoint sets, twice: lock-free for whole graphs at once, and sequential with sizes for sweeps that add edges in order.
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

/// A forest that one thread links in order, which knows the size of each set: union by size, path halving.
pub(crate) struct SizedForest {
    parents: Vec<u32>,
    sizes: Vec<u32>,
}

/// What a link did: the sizes of the two sets it joined, and the roots before and after.
pub(crate) struct Joined {
    /// Root that stayed.
    pub(crate) root: u32,
    /// Root that went under it.
    pub(crate) child: u32,
    /// Size of the set of `root` before.
    pub(crate) root_size: u32,
    /// Size of the set of `child`.
    pub(crate) child_size: u32,
}

impl SizedForest {
    /// Every vertex alone.
    pub(crate) fn new(vertex_count: usize) -> Self {
        SizedForest { parents: (0..vertex_count as u32).collect(), sizes: vec![1; vertex_count] }
    }

    /// The root of a vertex's set.
    pub(crate) fn root_of(&mut self, mut vertex: u32) -> u32 {
        loop {
            let parent = self.parents[vertex as usize];
            if parent == vertex {
                return vertex;
            }
            let grandparent = self.parents[parent as usize];
            self.parents[vertex as usize] = grandparent;
            vertex = grandparent;
        }
    }

    /// Joins two sets; `None` if they were one. Of equal sizes, the lower root stays.
    pub(crate) fn link(&mut self, first: u32, second: u32) -> Option<Joined> {
        let (one, two) = (self.root_of(first), self.root_of(second));
        if one == two {
            return None;
        }
        let key = |root: u32| (std::cmp::Reverse(self.sizes[root as usize]), root);
        let (root, child) = if key(one) < key(two) { (one, two) } else { (two, one) };
        let (root_size, child_size) = (self.sizes[root as usize], self.sizes[child as usize]);
        self.parents[child as usize] = root;
        self.sizes[root as usize] = root_size + child_size;
        Some(Joined { root, child, root_size, child_size })
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
    fn a_sized_forest_reports_what_it_joined() {
        let mut forest = SizedForest::new(4);
        assert!(forest.link(3, 2).is_some_and(|joined| (joined.root, joined.child) == (2, 3)));
        assert!(forest.link(0, 3).is_some_and(|joined| (joined.root, joined.root_size, joined.child_size) == (2, 2, 1)));
        assert!(forest.link(0, 2).is_none());
        assert_eq!(forest.root_of(1), 1);
    }
}
