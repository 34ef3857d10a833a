//! The members of groups, group by group.

/// Vertices that one task should have at least.
const TASK: usize = 2048;

/// The members of communities, grouped: `members[offsets[c]..offsets[c + 1]]`, and where each vertex stands in it.
pub(crate) struct Groups {
    pub(crate) offsets: Vec<u32>,
    pub(crate) members: Vec<u32>,
    pub(crate) position_of: Vec<u32>,
}

impl Groups {
    /// Groups by label; every label is below `group_count`. Members ascend.
    pub(crate) fn new(labels: &[u32], group_count: usize) -> Self {
        let mut offsets = vec![0u32; group_count + 1];
        for &label in labels {
            offsets[label as usize + 1] += 1;
        }
        for group in 0..group_count {
            offsets[group + 1] += offsets[group];
        }
        let mut next = offsets.clone();
        let mut members = vec![0u32; labels.len()];
        let mut position_of = vec![0u32; labels.len()];
        for (vertex, &label) in labels.iter().enumerate() {
            let position = next[label as usize];
            next[label as usize] += 1;
            members[position as usize] = vertex as u32;
            position_of[vertex] = position;
        }
        Groups { offsets, members, position_of }
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
