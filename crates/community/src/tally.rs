//! Sums of weights by label, and the scratch memory for them.
//!
//! Short rows are summed in a list that is searched; longer ones in a dense array, of which only the touched places are reset.
//! Weights are positive, so a place that holds 0 hasn't been touched.

use std::sync::Mutex;

/// Scratch for one row at a time.
#[derive(Default)]
pub(crate) struct Tally {
    dense: Vec<f64>,
    sums: Vec<(u32, f64)>,
}

impl Tally {
    /// Rows up to this length are searched linearly.
    const SHORT: usize = 12;

    /// Sums `row`, all of positive weights, by label into (label, sum) pairs in order of first appearance. `label_count` bounds
    /// the labels.
    pub(crate) fn sum(&mut self, degree: usize, label_count: usize, row: impl Iterator<Item = (u32, f64)>) -> &[(u32, f64)] {
        self.sums.clear();
        if degree <= Tally::SHORT {
            for (label, weight) in row {
                match self.sums.iter_mut().find(|(other, _)| *other == label) {
                    Some((_, sum)) => *sum += weight,
                    None => self.sums.push((label, weight)),
                }
            }
            return &self.sums;
        }
        if self.dense.len() < label_count {
            self.dense.resize(label_count, 0.0);
        }
        for (label, weight) in row {
            let sum = &mut self.dense[label as usize];
            if *sum == 0.0 {
                self.sums.push((label, 0.0));
            }
            *sum += weight;
        }
        for (label, sum) in &mut self.sums {
            *sum = std::mem::take(&mut self.dense[*label as usize]);
        }
        &self.sums
    }
}

/// Scratch that tasks lend each other, so that there are as many as threads and not as many as tasks.
#[derive(Default)]
pub(crate) struct Pool<T>(Mutex<Vec<T>>);

impl<T: Default> Pool<T> {
    /// Runs `task` with scratch that no other task has.
    pub(crate) fn with<R>(&self, task: impl FnOnce(&mut T) -> R) -> R {
        let mut scratch = self.0.lock().expect("no task panics while it holds the lock").pop().unwrap_or_default();
        let result = task(&mut scratch);
        self.0.lock().expect("no task panics while it holds the lock").push(scratch);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_sum_agree() {
        let mut tally = Tally::default();
        for degree in [5, 12, 13, 200] {
            let row: Vec<(u32, f64)> = (0..degree).map(|at| ((at * at % 7) as u32, 1.0 + at as f64)).collect();
            let mut expected: Vec<(u32, f64)> = Vec::new();
            for &(label, weight) in &row {
                match expected.iter_mut().find(|other| other.0 == label) {
                    Some(other) => other.1 += weight,
                    None => expected.push((label, weight)),
                }
            }
            assert_eq!(tally.sum(degree, 7, row.into_iter()), expected);
        }
    }
}
