//! Phase 2 of Leiden: inside every community, merge single vertices into well-connected sub-communities.
//!
//! Within a community S (Traag et al. 2019, doi:10.1038/s41598-019-41695-z, algorithm A.2, `MergeNodesSubset`):
//! 1. each vertex starts alone; w(v, S − v) is its weight into the rest of S;
//! 2. in random order, a vertex that is still alone and well connected, w(v, S − v) ≥ λ·m_v·(m_S − m_v), looks at the
//!    sub-communities C around it that are well connected, w(C, S − C) ≥ λ·m_C·(m_S − m_C);
//! 3. among those of gain w(v, C) − λ·m_v·m_C > 0 it joins one with probability ∝ exp(gain / θ).
//!
//! Only neighbours merge, so each sub-community is connected. Communities don't touch one another: they are refined in
//! parallel, each with its own random stream, large ones first. Cost O(entries).

use rayon::prelude::*;

use crate::groups::Groups;
use crate::network::{Mass, Network, Weight};
use crate::objective::Objective;
use crate::random::Stream;
use crate::tally::{Pool, SKIP, Tally};

/// Vertices that one task takes at least.
const TASK: usize = 2048;
/// What is less likely than the best by exp of this is lost in the rounding of their sum.
const HOPELESS: f64 = -40.0;

/// A partition finer than the communities, and which community each part lies in.
pub(crate) struct Refined {
    /// The part of each vertex, numbered in order of community.
    pub(crate) labels: Vec<u32>,
    /// The community of each part.
    pub(crate) community_of: Vec<u32>,
}

/// Refines the communities `groups`. `randomness` is θ in units of weight.
pub(crate) fn refine<W: Weight, M: Mass>(
    network: &Network<W, M>,
    groups: &Groups,
    objective: &Objective,
    randomness: f64,
    seed: u64,
    stream: u64,
) -> Refined {
    let mut parts = vec![0u32; network.vertex_count()];
    let seed = Stream::new(seed, stream).next();
    let subsets = Pool::<Subset<M>>::default();
    let community_of: Vec<Vec<u32>> = groups
        .tasks(&mut parts)
        .into_par_iter()
        .with_max_len(1)
        .map(|(range, parts)| {
            subsets.with(|subset| {
                let start = groups.offsets[range.start];
                let mut community_of = Vec::new();
                for group in range {
                    let (from, to) = (groups.offsets[group], groups.offsets[group + 1]);
                    let parts = &mut parts[(from - start) as usize..(to - start) as usize];
                    subset.merge(network, groups, from, parts, objective, randomness, Stream::new(seed, group as u64));
                    let count = subset.number(parts, community_of.len() as u32);
                    community_of.resize(count as usize, group as u32);
                }
                community_of
            })
        })
        .collect();
    let mut before = 0;
    let mut tasks = groups.tasks(&mut parts);
    for ((_, parts), community_of) in tasks.iter_mut().zip(&community_of) {
        parts.iter_mut().for_each(|part| *part += before);
        before += community_of.len() as u32;
    }
    let labels = groups.position_of.par_iter().with_min_len(TASK).map(|&position| parts[position as usize]).collect();
    Refined { labels, community_of: community_of.concat() }
}

/// Scratch for one community at a time; all arrays are indexed by the place within it.
struct Subset<M> {
    order: Vec<u32>,
    masses: Vec<M>,
    outside: Vec<f64>,
    alone: Vec<bool>,
    odds: Vec<(u32, f64, f64)>,
    tally: Tally,
}

impl<M> Default for Subset<M> {
    fn default() -> Self {
        let (order, masses, outside, alone, odds) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Subset { order, masses, outside, alone, odds, tally: Tally::default() }
    }
}

impl<M: Mass> Subset<M> {
    /// Turns "place of the part's founder" into numbers from `next` on, in order of first appearance; returns the next unused.
    fn number(&mut self, parts: &mut [u32], mut next: u32) -> u32 {
        let number_of = &mut self.order;
        number_of.clear();
        number_of.resize(parts.len(), u32::MAX);
        for part in parts {
            let number = &mut number_of[*part as usize];
            if *number == u32::MAX {
                *number = next;
                next += 1;
            }
            *part = *number;
        }
        next
    }

    #[allow(clippy::too_many_arguments, reason = "one call, in the loop above")]
    fn merge<W: Weight>(
        &mut self,
        network: &Network<W, M>,
        groups: &Groups,
        from: u32,
        parts: &mut [u32],
        objective: &Objective,
        randomness: f64,
        mut random: Stream,
    ) {
        let length = parts.len() as u32;
        let members = &groups.members[from as usize..(from + length) as usize];
        for (place, part) in parts.iter_mut().enumerate() {
            *part = place as u32;
        }
        if length == 1 {
            return;
        }
        // The place of a member of this community.
        let place_of = |vertex: u32| {
            let place = groups.position_of[vertex as usize].wrapping_sub(from);
            if place < length { place } else { SKIP }
        };
        let to_members = |&vertex: &u32| {
            let mut sum = 0.0;
            for (target, weight) in network.row_of(vertex).iter() {
                sum += if place_of(target) == SKIP { 0.0 } else { weight };
            }
            sum
        };
        self.order.clear();
        self.order.extend(0..length);
        random.shuffle(&mut self.order);
        self.masses.clear();
        self.masses.extend(members.iter().map(|&vertex| network.masses[vertex as usize]));
        self.outside.clear();
        self.outside.extend(members.iter().map(to_members));
        self.alone.clear();
        self.alone.resize(length as usize, true);
        let total = self.masses.iter().fold(M::ZERO, |sum, &mass| sum.plus(mass));
        // w(C, S − C) ≥ λ·m_C·(m_S − m_C)
        let well_connected =
            |outside: f64, mass: M| outside + objective.tolerance >= objective.scale * mass.product(total.minus(mass));
        for &place in &self.order {
            let at = place as usize;
            let (vertex, mass) = (members[at], self.masses[at]);
            if !self.alone[at] || !well_connected(self.outside[at], mass) {
                continue;
            }
            self.tally.begin(network.degree_of(vertex), parts.len());
            self.tally.add(network.row_of(vertex), |target| match place_of(target) {
                SKIP => SKIP,
                place => parts[place as usize],
            });
            self.odds.clear();
            let mut most = f64::NEG_INFINITY;
            self.tally.drain(|part, sum| {
                let gain = sum - objective.scale * mass.product(self.masses[part as usize]);
                if gain > 0.0 && well_connected(self.outside[part as usize], self.masses[part as usize]) {
                    self.odds.push((part, sum, gain));
                    most = most.max(gain);
                }
            });
            if let Some((part, sum)) = draw(&mut self.odds, most, randomness, &mut random) {
                // Edges between v and C were outside both; the rest of v's stay outside.
                self.outside[part as usize] += self.outside[at] - 2.0 * sum;
                self.masses[part as usize] = self.masses[part as usize].plus(mass);
                self.alone[part as usize] = false;
                self.alone[at] = false;
                parts[at] = part;
            }
        }
    }
}

/// Draws with probability ∝ exp((gain − most) / θ); θ = 0 takes the largest gain, ties to the first.
fn draw(odds: &mut [(u32, f64, f64)], most: f64, randomness: f64, random: &mut Stream) -> Option<(u32, f64)> {
    let mut total = 0.0;
    for (_, _, gain) in odds.iter_mut() {
        let exponent = (*gain - most) / randomness;
        let odd = if *gain == most {
            1.0
        } else if exponent < HOPELESS {
            0.0
        } else {
            exponent.exp()
        };
        total += odd;
        *gain = total;
    }
    if odds.len() < 2 {
        return odds.first().map(|&(part, sum, _)| (part, sum));
    }
    let mark = random.unit() * total;
    odds.iter().find(|&&(_, _, upto)| mark < upto).or(odds.last()).map(|&(part, sum, _)| (part, sum))
}
