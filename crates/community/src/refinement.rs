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
use crate::network::{Mass, Network, Row, Weight};
use crate::objective::Objective;
use crate::random::Stream;
use crate::tally::{Pool, Tally};

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
    let subsets = Pool::<Subset<W, M>>::default();
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
struct Subset<W, M> {
    order: Vec<u32>,
    masses: Vec<M>,
    rows: Rows<W>,
    outside: Vec<f64>,
    alone: Vec<bool>,
    odds: Vec<(u32, f64, f64)>,
    tally: Tally,
}

/// What the rows of a community's members have inside it, with places for vertices: both steps read it, and a community's own
/// arrays fit into a cache where those of the network don't.
struct Rows<W> {
    starts: Vec<usize>,
    places: Vec<u32>,
    weights: Vec<W>,
}

impl<W: Weight> Rows<W> {
    fn clear(&mut self) {
        self.starts.clear();
        self.starts.push(0);
        self.places.clear();
        self.weights.clear();
    }

    /// Adds a row; returns its sum.
    fn push(&mut self, row: impl Iterator<Item = (u32, W)>) -> f64 {
        let mut sum = 0.0;
        for (place, weight) in row {
            self.places.push(place);
            self.weights.push(weight);
            sum += weight.into();
        }
        self.starts.push(self.places.len());
        sum
    }

    fn row_of(&self, place: usize) -> Row<'_, W> {
        let row = self.starts[place]..self.starts[place + 1];
        Row { targets: &self.places[row.clone()], weights: &self.weights[row] }
    }
}

impl<W, M> Default for Subset<W, M> {
    fn default() -> Self {
        let (order, masses, outside, alone, odds) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let rows = Rows { starts: Vec::new(), places: Vec::new(), weights: Vec::new() };
        Subset { order, masses, rows, outside, alone, odds, tally: Tally::default() }
    }
}

impl<W: Weight, M: Mass> Subset<W, M> {
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
    fn merge(
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
        self.rows.clear();
        self.outside.clear();
        for &vertex in members {
            let row = network.row_of(vertex);
            // Of another community it is beyond all of this one's places.
            let place_of = |&target: &u32| groups.position_of[target as usize].wrapping_sub(from);
            let places = row.targets.iter().map(place_of).zip(row.weights.iter().copied());
            let inside = self.rows.push(places.filter(|&(place, _)| place < length));
            self.outside.push(inside);
        }
        self.order.clear();
        self.order.extend(0..length);
        random.shuffle(&mut self.order);
        self.masses.clear();
        self.masses.extend(members.iter().map(|&vertex| network.masses[vertex as usize]));
        self.alone.clear();
        self.alone.resize(length as usize, true);
        let total = self.masses.iter().fold(M::ZERO, |sum, &mass| sum.plus(mass));
        // w(C, S − C) ≥ λ·m_C·(m_S − m_C)
        let well_connected =
            |outside: f64, mass: M| outside + objective.tolerance >= objective.scale * mass.product(total.minus(mass));
        for &place in &self.order {
            let at = place as usize;
            let mass = self.masses[at];
            if !self.alone[at] || !well_connected(self.outside[at], mass) {
                continue;
            }
            let row = self.rows.row_of(at);
            self.tally.begin(row.targets.len(), parts.len());
            self.tally.add(row, |place| parts[place as usize]);
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
