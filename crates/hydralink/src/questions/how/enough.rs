//! Which few identifiers are enough to tie every member to its network?
//!
//! The smallest such set is a cover problem, and hard; this one is small, and minimal: without any of its identifiers a member would no
//! longer be tied.
//!
//! 1. *Choose*, one after the other, the identifier that brings members furthest: the sum over members of how much of what
//!    their tie needs it adds (greedy submodular cover, Wolsey 1982, doi:10.1007/BF02579435; its bound on the size holds where two kinds
//!    aren't asked for, which makes a second kind worth more than the first).
//! 2. *Drop*, the last chosen first, what nobody needs any more.
//!
//! What an identifier says for a member is what it said in detection, whatever else is left out. Cost: O(sightings of the network), each
//! a few times.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rayon::prelude::*;

use super::common::Common;

/// A gain that can be compared.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Gain(f64);

impl Eq for Gain {}

impl Ord for Gain {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Gain {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// What is chosen.
pub(super) struct Chosen {
    /// Places, ascending.
    pub(super) places: Vec<u32>,
    /// Members that these tie: all that everything together ties.
    pub(super) members: u64,
}

/// Chooses.
pub(super) fn enough(common: &Common<'_, '_>) -> Chosen {
    let mut cover = Cover::new(common);
    let members = cover.waits.iter().filter(|&&waits| waits).count() as u64;
    while cover.waits.contains(&true) {
        let before = cover.chosen.len();
        cover.choose();
        if cover.chosen.len() == before {
            // Only where one kind implies another can more say less: then everything that such a member has is taken.
            cover.take_all();
        }
    }
    cover.drop_needless();
    cover.chosen.sort_unstable();
    Chosen { places: cover.chosen, members }
}

struct Cover<'c, 't, 'a> {
    common: &'c Common<'t, 'a>,
    /// By place: the members that can be tied and that it speaks for.
    users: Vec<Vec<u32>>,
    /// By member: whether it isn't tied yet, though everything together ties it.
    waits: Vec<bool>,
    /// By member: the places chosen that speak for it.
    has: Vec<Vec<u32>>,
    /// By member: how much of what it needs it has, 0 to 1.
    progress: Vec<f64>,
    chosen: Vec<u32>,
}

impl<'c, 't, 'a> Cover<'c, 't, 'a> {
    fn new(common: &'c Common<'t, 'a>) -> Self {
        let speaks = |member: usize| common.rows[member].iter().copied().filter(|&place| common.ballot(place) > 0.0);
        let waits: Vec<bool> = (0..common.rows.len())
            .into_par_iter()
            .with_min_len(64)
            .map(|member| common.share_of_needed(speaks(member)) >= 1.0)
            .collect();
        let mut users = vec![Vec::new(); common.identifiers.len()];
        for (member, _) in waits.iter().enumerate().filter(|(_, waits)| **waits) {
            speaks(member).for_each(|place| users[place as usize].push(member as u32));
        }
        let members = common.rows.len();
        Cover { common, users, waits, has: vec![Vec::new(); members], progress: vec![0.0; members], chosen: Vec::new() }
    }

    /// How far a member is with one more.
    fn with(&self, member: u32, place: u32) -> f64 {
        self.common.share_of_needed(self.has[member as usize].iter().copied().chain([place])).min(1.0)
    }

    fn gain(&self, place: u32) -> f64 {
        let waiting = self.users[place as usize].iter().filter(|&&member| self.waits[member as usize]);
        waiting.map(|&member| self.with(member, place) - self.progress[member as usize]).sum()
    }

    /// Goes through all places, those that gain most first, until all members are tied or nothing gains.
    fn choose(&mut self) {
        // What it could bring if nothing had been chosen and a second kind were there.
        let most = |place: u32| {
            let waiting = self.users[place as usize].iter().filter(|&&member| self.waits[member as usize]).count();
            Gain(waiting as f64 * self.common.most_of_needed(place).min(1.0))
        };
        let mut heap: BinaryHeap<(Gain, Reverse<u32>)> =
            self.left().into_iter().map(|place| (most(place), Reverse(place))).collect();
        while let Some((stale, Reverse(place))) = heap.pop() {
            let fresh = Gain(self.gain(place));
            if fresh.0 <= 0.0 {
                continue;
            }
            if fresh < stale && heap.peek().is_some_and(|next| (fresh, Reverse(place)) < *next) {
                heap.push((fresh, Reverse(place)));
                continue;
            }
            self.take(place);
        }
    }

    /// The places that aren't chosen, ascending.
    fn left(&self) -> Vec<u32> {
        let mut is_left = vec![true; self.users.len()];
        self.chosen.iter().for_each(|&place| is_left[place as usize] = false);
        (0..self.users.len() as u32).filter(|&place| is_left[place as usize]).collect()
    }

    fn take(&mut self, place: u32) {
        self.chosen.push(place);
        for at in 0..self.users[place as usize].len() {
            let member = self.users[place as usize][at];
            if self.waits[member as usize] {
                self.progress[member as usize] = self.with(member, place);
                self.waits[member as usize] = self.progress[member as usize] < 1.0;
            }
            self.has[member as usize].push(place);
        }
    }

    fn take_all(&mut self) {
        let waiting = |place: &u32| self.users[*place as usize].iter().any(|&member| self.waits[member as usize]);
        let all: Vec<u32> = self.left().into_iter().filter(waiting).collect();
        all.into_iter().for_each(|place| self.take(place));
        self.waits.fill(false);
    }

    fn drop_needless(&mut self) {
        for at in (0..self.chosen.len()).rev() {
            let place = self.chosen[at];
            let rest = |member: u32| self.has[member as usize].iter().copied().filter(move |&other| other != place);
            if self.users[place as usize].iter().all(|&member| self.common.share_of_needed(rest(member)) >= 1.0) {
                for &member in &self.users[place as usize] {
                    self.has[member as usize].retain(|&other| other != place);
                }
                self.chosen.swap_remove(at);
            }
        }
    }
}
