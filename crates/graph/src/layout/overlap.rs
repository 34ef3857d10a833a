//! Can every vertex be seen?
//!
//! The last pass over a component, in two steps:
//! 1. *push*: discs that overlap push each other apart, each by half of the overlap, until none does or the passes are used up.
//!    This keeps the picture, but spreads a dense crowd slowly;
//! 2. *place*: discs that overlap none stay; the others, from the middle outwards, go to the first free place on a sunflower
//!    around where they are. After that, no two discs overlap.
//!
//! Neighbours are found in a grid whose cells are as wide as the widest disc. While pushing, a disc in a crowd looks at about
//! [`CROWD`] of the discs in each cell, which keeps a pass at O(n); every disc reads the places of the pass before and sums its
//! own pushes in a fixed order: the same on any number of threads. Placing is sequential; in a crowd, a disc's search begins
//! where the last one from the same cell ended.

use std::collections::HashMap;

use rayon::prelude::*;

use super::local::CHUNK;
use super::start::sunflower;

/// Discs of one cell that a disc looks at.
const CROWD: usize = 48;

/// The share of a push beyond half of the overlap, so that passes end.
const MARGIN: f32 = 1.05;

/// The overlap that counts as none, in parts of the sum of radii.
const SLACK: f32 = 1e-3;

/// Discs in the order of their cells.
struct Grid {
    cell: f32,
    low: [f32; 2],
    columns: u64,
    /// (cell, disc), ascending.
    entries: Vec<(u64, u32)>,
}

/// Moves discs so that none overlap, after `passes` passes of pushing at most.
pub(super) fn remove_overlaps(places: &mut Vec<[f32; 2]>, radii: &[f32], passes: u32) {
    let widest = radii.iter().copied().fold(0.0, f32::max);
    if widest > 0.0 {
        push_apart(places, radii, widest, passes);
        place_apart(places, radii, widest);
    }
}

/// Pushes overlapping discs apart.
fn push_apart(places: &mut Vec<[f32; 2]>, radii: &[f32], widest: f32, passes: u32) {
    for _ in 0..passes {
        let grid = Grid::new(places, 2.0 * widest);
        let moved: Vec<([f32; 2], bool)> = (0..places.len() as u32)
            .into_par_iter()
            .with_min_len(CHUNK / 8)
            .map(|disc| {
                let (push, overlaps) = grid.push_on(disc, places, radii);
                let place = places[disc as usize];
                // A crowd's pushes add up: half a cell is enough for one pass.
                let length = push[0].hypot(push[1]);
                let share = if length > widest { widest / length } else { 1.0 };
                ([place[0] + share * push[0], place[1] + share * push[1]], overlaps)
            })
            .collect();
        if moved.iter().all(|&(_, overlaps)| !overlaps) {
            return;
        }
        places.clear();
        places.extend(moved.iter().map(|&(place, _)| place));
    }
}

/// Takes overlapping discs to free places.
fn place_apart(places: &mut [[f32; 2]], radii: &[f32], widest: f32) {
    let grid = Grid::new(places, 2.0 * widest);
    let crowded: Vec<bool> = (0..places.len() as u32)
        .into_par_iter()
        .with_min_len(CHUNK / 8)
        .map(|disc| grid.overlaps_any(disc, places, radii))
        .collect();
    let mut taken = Taken { cell: 2.0 * widest, discs: HashMap::new() };
    (0..places.len()).filter(|&disc| !crowded[disc]).for_each(|disc| taken.add(places[disc], radii[disc]));
    let mut rest: Vec<usize> = (0..places.len()).filter(|&disc| crowded[disc]).collect();
    rest.sort_by(|&one, &other| {
        let [one_out, other_out] = [one, other].map(|disc| places[disc][0].hypot(places[disc][1]));
        one_out.total_cmp(&other_out).then(one.cmp(&other))
    });
    let mut searched: HashMap<(i64, i64), u32> = HashMap::new();
    for disc in rest {
        let (wish, radius) = (places[disc], radii[disc]);
        // Wide enough to make a difference in 24 bits of mantissa.
        let step = (0.5 * radius).max(wish[0].abs().max(wish[1].abs()) * 1e-6);
        let from = searched.entry(taken.cell_of(wish)).or_insert(0);
        while !taken.is_free(candidate(wish, *from, step), radius) {
            *from += 1;
        }
        places[disc] = candidate(wish, *from, step);
        taken.add(places[disc], radius);
    }
}

fn candidate(wish: [f32; 2], rank: u32, step: f32) -> [f32; 2] {
    let offset = sunflower(rank, step);
    [wish[0] + offset[0], wish[1] + offset[1]]
}

type Disc = ([f32; 2], f32);

/// Discs that have their place: by cell, where and how wide.
struct Taken {
    cell: f32,
    discs: HashMap<(i64, i64), Vec<Disc>>,
}

impl Taken {
    fn cell_of(&self, place: [f32; 2]) -> (i64, i64) {
        ((place[0] / self.cell).floor() as i64, (place[1] / self.cell).floor() as i64)
    }

    fn add(&mut self, place: [f32; 2], radius: f32) {
        self.discs.entry(self.cell_of(place)).or_default().push((place, radius));
    }

    fn is_free(&self, place: [f32; 2], radius: f32) -> bool {
        let (column, row) = self.cell_of(place);
        let cells = (-1..=1).flat_map(|up| (-1..=1).map(move |right| (column + right, row + up)));
        cells.filter_map(|cell| self.discs.get(&cell)).flatten().all(|&(other, other_radius)| {
            (place[0] - other[0]).hypot(place[1] - other[1]) >= (radius + other_radius) * (1.0 - SLACK)
        })
    }
}

impl Grid {
    fn new(places: &[[f32; 2]], cell: f32) -> Self {
        let low = [0, 1].map(|axis| places.iter().map(|place| place[axis]).fold(f32::MAX, f32::min));
        let high = places.iter().map(|place| place[0]).fold(f32::MIN, f32::max);
        let mut grid = Grid { cell, low, columns: 0, entries: Vec::new() };
        // A column to spare on either side, so that the cells around a cell are contiguous in each row.
        grid.columns = grid.column(high) + 2;
        grid.entries = places
            .par_iter()
            .enumerate()
            .with_min_len(CHUNK)
            .map(|(disc, &place)| (grid.cell_of(place), disc as u32))
            .collect();
        grid.entries.par_sort_unstable();
        grid
    }

    fn column(&self, x: f32) -> u64 {
        ((x - self.low[0]) / self.cell) as u64 + 1
    }

    fn row(&self, y: f32) -> u64 {
        ((y - self.low[1]) / self.cell) as u64 + 1
    }

    fn cell_of(&self, place: [f32; 2]) -> u64 {
        self.row(place[1]) * self.columns + self.column(place[0])
    }

    /// The discs of the three cells around a place's in each of three rows.
    fn around(&self, place: [f32; 2]) -> [&[(u64, u32)]; 3] {
        let cell = self.cell_of(place);
        [cell - self.columns, cell, cell + self.columns].map(|middle| {
            let near = &self.entries[self.entries.partition_point(|entry| entry.0 < middle - 1)..];
            &near[..near.partition_point(|entry| entry.0 <= middle + 1)]
        })
    }

    fn overlaps_any(&self, disc: u32, places: &[[f32; 2]], radii: &[f32]) -> bool {
        let around = self.around(places[disc as usize]);
        around.iter().copied().flatten().any(|&(_, other)| other != disc && overlap_of(disc, other, places, radii).is_some())
    }

    /// The sum of the pushes on a disc, and whether any was found.
    fn push_on(&self, disc: u32, places: &[[f32; 2]], radii: &[f32]) -> ([f32; 2], bool) {
        let (mut sum, mut pushed) = ([0.0; 2], false);
        for near in self.around(places[disc as usize]) {
            // A crowd is sampled at even steps, from another beginning for each disc.
            let step = near.len().div_ceil(3 * CROWD).max(1);
            for &(_, other) in near.iter().skip(disc as usize % step).step_by(step).filter(|entry| entry.1 != disc) {
                if let Some(Overlap { depth, along }) = overlap_of(disc, other, places, radii) {
                    pushed = true;
                    sum = [0, 1].map(|axis| sum[axis] + 0.5 * MARGIN * depth * along[axis]);
                }
            }
        }
        (sum, pushed)
    }
}

struct Overlap {
    depth: f32,
    /// Away from the other disc, of length 1.
    along: [f32; 2],
}

fn overlap_of(disc: u32, other: u32, places: &[[f32; 2]], radii: &[f32]) -> Option<Overlap> {
    let [place, other_place] = [disc, other].map(|disc| places[disc as usize]);
    let (dx, dy) = (place[0] - other_place[0], place[1] - other_place[1]);
    let (reach, distance) = (radii[disc as usize] + radii[other as usize], dx.hypot(dy));
    if distance >= reach * (1.0 - SLACK) {
        return None;
    }
    let along = if distance > 0.0 { [dx / distance, dy / distance] } else { away(disc, other) };
    Some(Overlap { depth: reach - distance, along })
}

/// A direction for two discs at the same place, opposite for the other.
fn away(disc: u32, other: u32) -> [f32; 2] {
    let turn = f64::from(disc.min(other)) * 2.399 + f64::from(disc.max(other)) * 0.618;
    let sign = if disc < other { 1.0 } else { -1.0 };
    [(sign * turn.cos()) as f32, (sign * turn.sin()) as f32]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::with_threads;

    fn overlaps(places: &[[f32; 2]], radii: &[f32]) -> usize {
        let pairs = (0..places.len()).flat_map(|one| (0..one).map(move |other| (one, other)));
        pairs
            .filter(|&(one, other)| {
                let distance = (places[one][0] - places[other][0]).hypot(places[one][1] - places[other][1]);
                distance < (radii[one] + radii[other]) * 0.998
            })
            .count()
    }

    #[test]
    fn two_discs_part_along_the_line_between_them() {
        let mut places = vec![[0.0, 0.0], [1.0, 0.0], [9.0, 9.0]];
        remove_overlaps(&mut places, &[1.0, 1.0, 1.0], 10);
        assert!(places[1][0] - places[0][0] >= 1.99 && places[0][1] == 0.0 && places[2] == [9.0, 9.0]);
    }

    #[test]
    fn a_crowd_comes_apart_however_dense_it_was() {
        for (count, width) in [(400u32, 0.0f32), (900, 3.0), (900, 40.0)] {
            let mut places: Vec<_> =
                (0..count).map(|at| [at * 7919 % 101, at * 104_729 % 97].map(|x| x as f32 / 101.0 * width)).collect();
            let radii: Vec<f32> = (0..count).map(|at| 1.0 + (at % 5) as f32 * 0.5).collect();
            remove_overlaps(&mut places, &radii, 20);
            assert_eq!(overlaps(&places, &radii), 0, "{count} discs in a square of {width}");
            // Nothing is thrown far: discs of these radii fill a disc of this reach at half density.
            let area: f32 = radii.iter().map(|radius| radius * radius).sum();
            let far = places.iter().map(|place| place[0].hypot(place[1])).fold(0.0, f32::max);
            assert!(far < 1.5 * width + (2.0 * area).sqrt() + 20.0, "{far}");
        }
    }

    #[test]
    fn discs_that_fit_stay_where_they_are() {
        let mut places: Vec<_> = (0..100).map(|at| [(at % 10) as f32 * 2.5, (at / 10) as f32 * 2.5]).collect();
        let before = places.clone();
        remove_overlaps(&mut places, &[1.0; 100], 10);
        assert_eq!(places, before);
        remove_overlaps(&mut places, &[0.0; 100], 10);
        remove_overlaps(&mut Vec::new(), &[], 10);
        place_apart(&mut places, &[1.0; 100], 1.0);
        assert_eq!(places, before);
    }

    #[test]
    fn one_thread_and_many_agree() {
        let run = || {
            let mut places: Vec<_> =
                (0..5_000u32).map(|at| [(at * 7919 % 1_009) as f32 * 0.05, (at % 83) as f32 * 0.5]).collect();
            remove_overlaps(&mut places, &vec![1.0; 5_000], 5);
            places
        };
        assert_eq!(with_threads(1, run), with_threads(4, run));
    }
}
