//! A labelling of vertices in canonical form: groups are numbered by size, largest first, ties by their smallest member.
//!
//! Two labellings that group the vertices alike have the same canonical form, so partitions can be compared byte by byte.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use rayon::prelude::*;

/// Vertices a task takes at least.
const TASK: usize = 8192;

/// A canonical labelling: `labels[v]` is the group of vertex `v`, groups `0..group_count`, sizes never ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    labels: Vec<u32>,
    sizes: Vec<u32>,
}

impl Partition {
    /// Renumbers any labelling. Labels may be arbitrary but must be below `labels.len()`. O(vertices + groups log groups), in
    /// parallel.
    ///
    /// # Panics
    /// If a label is not below `labels.len()`.
    pub fn from_labels(mut labels: Vec<u32>) -> Self {
        if let Some(vertex) = labels.par_iter().with_min_len(TASK).position_first(|&label| label as usize >= labels.len()) {
            panic!("label {} of vertex {vertex} is not below the vertex count {}", labels[vertex], labels.len());
        }
        let fresh = |_| AtomicU32::new(u32::MAX);
        let first_of: Vec<AtomicU32> = (0..labels.len()).into_par_iter().with_min_len(TASK).map(fresh).collect();
        labels.par_iter().enumerate().with_min_len(TASK).for_each(|(vertex, &label)| {
            // Most vertices find a lower member there already.
            let first = &first_of[label as usize];
            if first.load(Relaxed) > vertex as u32 {
                first.fetch_min(vertex as u32, Relaxed);
            }
        });
        labels.par_iter_mut().with_min_len(TASK).for_each(|label| *label = first_of[*label as usize].load(Relaxed));
        Partition::from_smallest_members(labels)
    }

    /// Renumbers a labelling in which each group is labelled by its smallest member, as union-find leaves it. O(vertices +
    /// groups log groups).
    ///
    /// # Panics
    /// If a label is not below `labels.len()`, or no vertex has its own id for a label that is used.
    pub(crate) fn from_smallest_members(mut labels: Vec<u32>) -> Self {
        let size_of = count_labels(&labels, TASK);
        // Sizes descend, then ids ascend: one ascending key.
        let mut order: Vec<u64> = size_of
            .par_iter()
            .enumerate()
            .with_min_len(TASK)
            .map(|(label, size)| (u64::from(!size.load(Relaxed)) << 32) | label as u64)
            .filter(|&key| (key >> 32) as u32 != !0)
            .collect();
        order.par_sort_unstable();
        let sizes = order.par_iter().with_min_len(TASK).map(|&key| !((key >> 32) as u32)).collect();
        // The counts have served; the same memory takes the new numbers.
        let new_of = size_of;
        order.par_iter().enumerate().with_min_len(TASK).for_each(|(new, &key)| {
            let label = key as u32 as usize;
            assert!(labels[label] as usize == label, "label {label} is not the smallest member of its group");
            new_of[label].store(new as u32, Relaxed);
        });
        labels.par_iter_mut().with_min_len(TASK).for_each(|label| *label = new_of[*label as usize].load(Relaxed));
        Partition { labels, sizes }
    }

    /// Every vertex in a group of its own.
    pub fn singletons(vertex_count: usize) -> Self {
        Partition { labels: (0..vertex_count as u32).collect(), sizes: vec![1; vertex_count] }
    }

    /// The group of each vertex.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// The group of one vertex.
    pub fn label_of(&self, vertex: u32) -> u32 {
        self.labels[vertex as usize]
    }

    /// The size of each group, never ascending.
    pub fn sizes(&self) -> &[u32] {
        &self.sizes
    }

    /// Number of groups.
    pub fn group_count(&self) -> usize {
        self.sizes.len()
    }

    /// Number of vertices.
    pub fn vertex_count(&self) -> usize {
        self.labels.len()
    }

    /// The members of every group, ascending, as rows: (offsets of length groups + 1, members). O(vertices).
    pub fn members(&self) -> (Vec<u32>, Vec<u32>) {
        let mut offsets = Vec::with_capacity(self.sizes.len() + 1);
        offsets.push(0u32);
        for &size in &self.sizes {
            offsets.push(offsets[offsets.len() - 1] + size);
        }
        let mut next = offsets.clone();
        let mut members = vec![0u32; self.labels.len()];
        for (vertex, &label) in self.labels.iter().enumerate() {
            members[next[label as usize] as usize] = vertex as u32;
            next[label as usize] += 1;
        }
        (offsets, members)
    }
}

/// How often each label occurs. The label that seems the most frequent is counted task by task, so that threads don't queue
/// for one counter.
fn count_labels(labels: &[u32], task: usize) -> Vec<AtomicU32> {
    let size_of: Vec<AtomicU32> = (0..labels.len()).into_par_iter().with_min_len(task).map(|_| AtomicU32::new(0)).collect();
    let frequent = most_frequent(labels);
    labels.par_chunks(task).for_each(|chunk| {
        let mut count = 0;
        for &label in chunk {
            if label == frequent {
                count += 1;
            } else {
                size_of[label as usize].fetch_add(1, Relaxed);
            }
        }
        if count > 0 {
            size_of[frequent as usize].fetch_add(count, Relaxed);
        }
    });
    size_of
}

/// The most frequent label among evenly spaced vertices.
fn most_frequent(labels: &[u32]) -> u32 {
    let probes = labels.len().min(256);
    let mut sample: Vec<u32> = (0..probes).map(|probe| labels[probe * labels.len() / probes]).collect();
    sample.sort_unstable();
    sample.chunk_by(|one, two| one == two).max_by_key(|run| run.len()).map_or(0, |run| run[0])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn both_ways_to_number_agree(groups in prop::collection::vec(0usize..30, 0..300)) {
            let mut first_of = [None; 30];
            let labels: Vec<u32> =
                groups.iter().enumerate().map(|(vertex, &group)| *first_of[group].get_or_insert(vertex as u32)).collect();
            prop_assert_eq!(Partition::from_smallest_members(labels.clone()), Partition::from_labels(labels));
        }
    }

    #[test]
    fn groups_are_numbered_by_size_then_smallest_member() {
        let partition = Partition::from_labels(vec![4, 2, 2, 4, 0, 2]);
        assert_eq!(partition.labels(), [1, 0, 0, 1, 2, 0]);
        assert_eq!(partition.sizes(), [3, 2, 1]);
        assert_eq!(partition.members(), (vec![0, 3, 5, 6], vec![1, 2, 5, 0, 3, 4]));
    }

    #[test]
    fn nothing_has_no_groups() {
        assert_eq!(Partition::from_labels(Vec::new()).group_count(), 0);
    }
}
