//! Which actions first?

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rayon::prelude::*;

use super::Target;
use super::stopped::{Gain, Reach, Stakes};

/// These actions, each with what it would do alone.
pub(super) fn alone(stakes: &Stakes<'_>, targets: Vec<Target>) -> Vec<(Target, Gain)> {
    let nothing_done = Reach::new(stakes);
    targets.into_par_iter().with_min_len(64).map(|target| (target, nothing_done.gain(target))).collect()
}

/// The actions, of targets in ascending order with what each does alone, that the greedy rule of the module takes, and what
/// they reach.
pub(super) fn choose<'a>(stakes: &'a Stakes<'a>, alone: &[(Target, Gain)], budget: f64) -> (Vec<(Target, Gain)>, Reach<'a>) {
    let mut reach = Reach::new(stakes);
    let (targets, alone): (Vec<Target>, Vec<Gain>) = alone.iter().copied().unzip();
    let ratio = |stopped: f64, at: usize| Ratio { ratio: stopped / alone[at].benign.max(LEAST_RISK), stopped };
    let mut heap: BinaryHeap<(Ratio, Reverse<usize>)> =
        (0..targets.len()).map(|at| (ratio(alone[at].stopped, at), Reverse(at))).collect();
    let (mut taken, mut spent) = (Vec::new(), 0.0);
    while let Some((stale, Reverse(at))) = heap.pop() {
        let gain = reach.gain(targets[at]);
        let fresh = ratio(gain.stopped, at);
        if fresh < stale {
            heap.push((fresh, Reverse(at)));
        } else if gain.stopped > NOTHING && spent + gain.benign <= budget {
            reach.take(targets[at]);
            taken.push((targets[at], gain));
            spent += gain.benign;
        }
    }
    let affordable = targets.iter().zip(&alone).filter(|(_, gain)| gain.benign <= budget);
    let single = affordable.max_by(|a, b| a.1.stopped.total_cmp(&b.1.stopped).then(b.0.cmp(a.0)));
    if let Some((&target, &gain)) = single.filter(|(_, gain)| gain.stopped > reach.stopped() + NOTHING) {
        reach = Reach::new(stakes);
        reach.take(target);
        taken = vec![(target, gain)];
    }
    (taken, reach)
}

/// Exchanges stopped per benign account risked; ties by exchanges.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Ratio {
    ratio: f64,
    stopped: f64,
}

/// A risk below this counts as this, so that certain members are ordered by what they stop.
const LEAST_RISK: f64 = 1e-3;

/// Stopping less than this is rounding.
const NOTHING: f64 = 1e-6;

impl Eq for Ratio {}

impl Ord for Ratio {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.ratio.total_cmp(&other.ratio).then(self.stopped.total_cmp(&other.stopped))
    }
}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certain_members_are_ordered_by_what_they_stop() {
        let ratio = |stopped: f64, benign: f64| Ratio { ratio: stopped / benign.max(LEAST_RISK), stopped };
        assert!(ratio(10.0, 0.0) > ratio(9.0, 0.0));
        assert!(ratio(10.0, 0.001) > ratio(10.0, 0.5));
    }
}
