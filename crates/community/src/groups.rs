//! The members of groups, group by group.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use rayon::prelude::*;

/// Vertices that one task should have at least.
const TASK: usize = 2048;
/// Labels are sorted by counting in this many pieces at once ...
const PIECES: usize = 8;
/// ... of at least this many labels.
const SMALLEST_PIECE: usize = 1 << 15;

/// The members of communities, grouped: `members[offsets[c]..offsets[c + 1]]`, and where each vertex stands in it.
pub(crate) struct Groups {
    pub(crate) offsets: Vec<u32>,
    pub(crate) members: Vec<u32>,
    pub(crate) position_of: Vec<u32>,
}

impl Groups {
    /// Groups by label; every label is below `group_count`. Members ascend.
    pub(crate) fn new(labels: &[u32], group_count: usize) -> Self {
        let piece = labels.len().div_ceil(PIECES).max(SMALLEST_PIECE);
        // How many of each group every piece holds; then where in `members` they start.
        let mut starts: Vec<Vec<u32>> = labels.par_chunks(piece).map(|labels| count(labels, group_count)).collect();
        let mut offsets = Vec::with_capacity(group_count + 1);
        let mut end = 0;
        for group in 0..group_count {
            offsets.push(end);
            for starts in &mut starts {
                end += std::mem::replace(&mut starts[group], end);
            }
        }
        offsets.push(end);
        let members: Vec<AtomicU32> = (0..labels.len()).into_par_iter().with_min_len(TASK).map(|_| AtomicU32::new(0)).collect();
        let mut position_of = vec![0u32; labels.len()];
        let pieces = labels.par_chunks(piece).zip(position_of.par_chunks_mut(piece)).zip(&mut starts).enumerate();
        pieces.for_each(|(number, ((labels, positions), next))| {
            for (at, (&label, position)) in labels.iter().zip(positions).enumerate() {
                *position = next[label as usize];
                next[label as usize] += 1;
                members[*position as usize].store((number * piece + at) as u32, Relaxed);
            }
        });
        let members = members.into_iter().map(AtomicU32::into_inner).collect();
        Groups { offsets, members, position_of }
    }

    /// The members of one group, ascending.
    pub(crate) fn members_of(&self, group: usize) -> &[u32] {
        &self.members[self.offsets[group] as usize..self.offsets[group + 1] as usize]
    }

    pub(crate) fn group_count(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Cuts `values`, one per member, into runs of whole groups of at least [`TASK`] members: (groups, their values).
    pub(crate) fn tasks<'a, T>(&self, mut values: &'a mut [T]) -> Vec<(std::ops::Range<usize>, &'a mut [T])> {
        let mut tasks = Vec::new();
        let mut first = 0;
        for group in 0..self.group_count() {
            let length = (self.offsets[group + 1] - self.offsets[first]) as usize;
            if length >= TASK || group + 1 == self.group_count() {
                let (head, tail) = values.split_at_mut(length);
                tasks.push((first..group + 1, head));
                (first, values) = (group + 1, tail);
            }
        }
        tasks
    }
}

fn count(labels: &[u32], group_count: usize) -> Vec<u32> {
    let mut counts = vec![0u32; group_count];
    labels.iter().for_each(|&label| counts[label as usize] += 1);
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_ascend_in_every_group() {
        for count in [0u32, 1, 1_000, 300_000] {
            let labels: Vec<u32> = (0..count).map(|vertex| vertex.wrapping_mul(vertex) % 11).collect();
            let groups = Groups::new(&labels, 11);
            assert_eq!(groups.offsets[11], count);
            for group in 0..groups.group_count() {
                let members = groups.members_of(group);
                assert!(members.is_sorted_by(|one, two| one < two));
                assert!(members.iter().all(|&member| labels[member as usize] as usize == group));
            }
            assert!((0..count).all(|vertex| groups.members[groups.position_of[vertex as usize] as usize] == vertex));
        }
    }
}
