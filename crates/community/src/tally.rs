//! Sums of weights by label, and the scratch memory for them.
//!
//! Short rows are summed in a list that is searched; longer ones in a dense array, of which only the touched places are reset.
//! Weights are positive, so a place that holds 0 hasn't been touched.

use std::sync::Mutex;

use crate::network::{Row, Weight};

/// Scratch for one row (or the rows of one part) at a time.
#[derive(Default)]
pub(crate) struct Tally {
    is_short: bool,
    short: Vec<(u32, f64)>,
    /// The sum of every label; 0 where it hasn't been met.
    dense: Vec<f64>,
    /// The labels met, in order of first appearance: the first `met_count` of these.
    met: Vec<u32>,
    met_count: usize,
}

impl Tally {
    /// Rows up to this length are searched linearly.
    const SHORT: usize = 12;

    /// Starts a sum over `degree` entries in all. `label_count` bounds the labels.
    pub(crate) fn begin(&mut self, degree: usize, label_count: usize) {
        self.is_short = degree <= Tally::SHORT;
        if !self.is_short {
            if self.dense.len() < label_count {
                self.dense.resize(label_count, 0.0);
            }
            // One place more than there can be labels: each entry writes its label behind those met, new or not.
            let most = degree.min(label_count) + 1;
            if self.met.len() < most {
                self.met.resize(most, 0);
            }
        }
    }

    /// Adds entries of positive weight by label.
    #[inline(always)]
    pub(crate) fn add<W: Weight>(&mut self, row: Row<'_, W>, label_of: impl Fn(u32) -> u32) {
        if self.is_short {
            for (&target, &weight) in row.targets.iter().zip(row.weights) {
                let label = label_of(target);
                match self.short.iter_mut().find(|(other, _)| *other == label) {
                    Some((_, sum)) => *sum += weight.into(),
                    None => self.short.push((label, weight.into())),
                }
            }
            return;
        }
        let (dense, met) = (&mut self.dense[..], &mut self.met[..]);
        let mut met_count = self.met_count;
        for (&target, &weight) in row.targets.iter().zip(row.weights) {
            let label = label_of(target);
            let sum = &mut dense[label as usize];
            met[met_count] = label;
            met_count += usize::from(*sum == 0.0);
            *sum += weight.into();
        }
        self.met_count = met_count;
    }

    /// The sum of one label so far.
    pub(crate) fn sum_of(&self, label: u32) -> f64 {
        if self.is_short {
            self.short.iter().find(|&&(other, _)| other == label).map_or(0.0, |&(_, sum)| sum)
        } else {
            self.dense[label as usize]
        }
    }

    /// Hands out (label, sum) in order of first appearance; then everything is as before [`Tally::begin`].
    #[inline(always)]
    pub(crate) fn drain(&mut self, mut take: impl FnMut(u32, f64)) {
        if self.is_short {
            self.short.iter().for_each(|&(label, sum)| take(label, sum));
            self.short.clear();
            return;
        }
        for &label in &self.met[..self.met_count] {
            take(label, std::mem::take(&mut self.dense[label as usize]));
        }
        self.met_count = 0;
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
        for degree in [5u32, 12, 13, 200] {
            let labels: Vec<u32> = (0..degree).map(|at| at * at % 7).collect();
            let targets: Vec<u32> = (0..degree).collect();
            let weights: Vec<f64> = (0..degree).map(|at| 1.0 + f64::from(at)).collect();
            let mut expected: Vec<(u32, f64)> = Vec::new();
            for (&label, &weight) in labels.iter().zip(&weights) {
                match expected.iter_mut().find(|other| other.0 == label) {
                    Some(other) => other.1 += weight,
                    None => expected.push((label, weight)),
                }
            }
            // Twice, the second time in two rows: nothing is left of the first.
            for cut in [0, 3] {
                tally.begin(degree as usize, 7);
                for part in [0..cut, cut..degree as usize] {
                    tally.add(Row { targets: &targets[part.clone()], weights: &weights[part] }, |target| {
                        labels[target as usize]
                    });
                }
                assert_eq!((tally.sum_of(1), tally.sum_of(3)), (expected.iter().find(|e| e.0 == 1).map_or(0.0, |e| e.1), 0.0));
                let mut found = Vec::new();
                tally.drain(|label, sum| found.push((label, sum)));
                assert_eq!(found, expected);
            }
        }
    }
}
