//! How do many drawings share one sheet?
//!
//! [`pack_circles`] places circles one after the other, largest first, each touching two of those on the rim (the *front
//! chain*) and as near to the middle as the rim allows. [`pack_shelves`] puts squares into rows, for the many components that
//! aren't worth more. O(n * rim), about n^1.5, for circles; O(n) for shelves, which want their squares in descending order.
//!
//! Reference: Wang, Wang, Dai, Wang (2006), Visualization of large hierarchical data by circle packing, CHI,
//! doi:10.1145/1124772.1124851.

/// Overlap that rounding may cause, in parts of the radii.
const SLACK: f64 = 1e-6;

/// Places circles of descending radii without overlap, the first in the middle: their centres.
pub(super) fn pack_circles(radii: &[f64]) -> Vec<[f64; 2]> {
    let mut rim =
        Rim { radii, centres: vec![[0.0; 2]; radii.len()], next: vec![0; radii.len()], previous: vec![0; radii.len()] };
    if radii.len() > 1 {
        rim.centres[1] = [radii[0] + radii[1], 0.0];
    }
    if radii.len() > 2 {
        rim.centres[2] = rim.beside(0, 1, 2);
        // Counter-clockwise, seen from inside: a circle is placed to the right of `from -> to`.
        rim.join(0, 2);
        rim.join(2, 1);
        rim.join(1, 0);
    }
    let mut from = 0;
    for circle in 3..radii.len() {
        from = rim.nearest_to_middle(from);
        from = rim.place(circle, from);
    }
    rim.centres
}

/// Circles that are placed, and the closed chain of those on the outside.
struct Rim<'a> {
    radii: &'a [f64],
    centres: Vec<[f64; 2]>,
    next: Vec<usize>,
    previous: Vec<usize>,
}

impl Rim<'_> {
    fn join(&mut self, from: usize, to: usize) {
        self.next[from] = to;
        self.previous[to] = from;
    }

    /// Places a circle beside `from` and its successor; while that hits another circle of the rim, the chain is cut short to
    /// it.
    fn place(&mut self, circle: usize, mut from: usize) -> usize {
        let mut to = self.next[from];
        loop {
            self.centres[circle] = self.beside(from, to, circle);
            match self.first_hit(circle, from, to) {
                None => break,
                Some(Hit::Ahead(hit)) => to = hit,
                Some(Hit::Behind(hit)) => from = hit,
            }
            self.join(from, to);
        }
        self.join(from, circle);
        self.join(circle, to);
        from
    }

    /// The circle of the rim nearest along the chain, measured in radii to either side, which the new one overlaps.
    fn first_hit(&self, circle: usize, from: usize, to: usize) -> Option<Hit> {
        let (mut ahead, mut behind) = (self.next[to], self.previous[from]);
        let (mut way_ahead, mut way_behind) = (self.radii[to], self.radii[from]);
        loop {
            if way_ahead <= way_behind {
                if self.overlap(ahead, circle) {
                    return Some(Hit::Ahead(ahead));
                }
                way_ahead += self.radii[ahead];
                ahead = self.next[ahead];
            } else {
                if self.overlap(behind, circle) {
                    return Some(Hit::Behind(behind));
                }
                way_behind += self.radii[behind];
                behind = self.previous[behind];
            }
            if ahead == self.next[behind] {
                return None;
            }
        }
    }

    fn overlap(&self, one: usize, other: usize) -> bool {
        let reach = (self.radii[one] + self.radii[other]) * (1.0 - SLACK);
        let [dx, dy] = self.way(one, other);
        dx * dx + dy * dy < reach * reach
    }

    /// The centre of a circle that touches `from` and `to`, on the right-hand side of the way from one to the other.
    fn beside(&self, from: usize, to: usize, circle: usize) -> [f64; 2] {
        let [dx, dy] = self.way(from, to);
        let square = dx * dx + dy * dy;
        let (near, far) = (self.radii[from] + self.radii[circle], self.radii[to] + self.radii[circle]);
        // Cosine rule, in parts of the distance: along the way, and across it.
        let along = (square + near * near - far * far) / (2.0 * square);
        let across = (near * near / square - along * along).max(0.0).sqrt();
        let [x, y] = self.centres[from];
        [x + along * dx + across * dy, y + along * dy - across * dx]
    }

    /// The circle of the rim whose gap to its successor is nearest to the middle.
    fn nearest_to_middle(&self, start: usize) -> usize {
        let score = |at: usize| {
            let (one, other) = (at, self.next[at]);
            let (weight, weight_other) = (self.radii[other], self.radii[one]);
            let mean = |axis: usize| {
                (self.centres[one][axis] * weight + self.centres[other][axis] * weight_other) / (weight + weight_other)
            };
            mean(0) * mean(0) + mean(1) * mean(1)
        };
        let (mut best, mut best_score) = (start, score(start));
        let mut at = self.next[start];
        while at != start {
            let this = score(at);
            if this < best_score {
                (best, best_score) = (at, this);
            }
            at = self.next[at];
        }
        best
    }

    fn way(&self, from: usize, to: usize) -> [f64; 2] {
        [self.centres[to][0] - self.centres[from][0], self.centres[to][1] - self.centres[from][1]]
    }
}

enum Hit {
    Ahead(usize),
    Behind(usize),
}

/// Places squares of descending sides in rows of about `width`, left to right and downwards from the origin: their centres.
pub(super) fn pack_shelves(sides: &[f64], width: f64) -> Vec<[f64; 2]> {
    let (mut x, mut top, mut height) = (0.0, 0.0, 0.0);
    sides
        .iter()
        .map(|&side| {
            if x > 0.0 && x + side > width {
                (x, top, height) = (0.0, top - height, 0.0);
            }
            height = f64::max(height, side);
            let centre = [x + side / 2.0, top - side / 2.0];
            x += side;
            centre
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn distance(one: [f64; 2], other: [f64; 2]) -> f64 {
        (one[0] - other[0]).hypot(one[1] - other[1])
    }

    #[test]
    fn few_circles_touch() {
        assert_eq!(pack_circles(&[]), Vec::<[f64; 2]>::new());
        assert_eq!(pack_circles(&[3.0]), [[0.0, 0.0]]);
        assert_eq!(pack_circles(&[3.0, 1.0]), [[0.0, 0.0], [4.0, 0.0]]);
        let three = pack_circles(&[1.0, 1.0, 1.0]);
        assert!((distance(three[0], three[2]) - 2.0).abs() < 1e-9 && (distance(three[1], three[2]) - 2.0).abs() < 1e-9);
    }

    #[test]
    fn equal_circles_lie_close() {
        let centres = pack_circles(&[1.0; 500]);
        let reach = centres.iter().map(|&centre| distance(centre, [0.0; 2]) + 1.0).fold(0.0, f64::max);
        // Hexagonal packing covers 0.9069 of the plane; the rim is ragged.
        let covered = 500.0 / (reach * reach);
        assert!(covered > 0.7, "{covered} of the disc is covered");
    }

    #[test]
    fn shelves_by_hand() {
        assert_eq!(pack_shelves(&[4.0, 2.0, 2.0, 1.0], 6.0), [[2.0, -2.0], [5.0, -1.0], [1.0, -5.0], [2.5, -4.5]]);
        assert_eq!(pack_shelves(&[9.0, 1.0], 2.0), [[4.5, -4.5], [0.5, -9.5]]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn circles_never_overlap_and_stay_together(mut radii in prop::collection::vec(prop_oneof![0.5f64..1.0, 1.0f64..40.0], 1..120)) {
            radii.sort_by(|one, other| other.total_cmp(one));
            let centres = pack_circles(&radii);
            for one in 0..radii.len() {
                for other in 0..one {
                    let reach = radii[one] + radii[other];
                    prop_assert!(distance(centres[one], centres[other]) > reach * (1.0 - 1e-5), "{one} and {other} of {radii:?}");
                }
            }
            let area: f64 = radii.iter().map(|radius| radius * radius).sum();
            let reach = radii.iter().zip(&centres).map(|(radius, &centre)| distance(centre, [0.0; 2]) + radius).fold(0.0, f64::max);
            prop_assert!(area / (reach * reach) > 0.2, "only {} is covered", area / (reach * reach));
        }

        #[test]
        fn squares_never_overlap(mut sides in prop::collection::vec(0.5f64..20.0, 1..60), width in 1.0f64..100.0) {
            sides.sort_by(|one, other| other.total_cmp(one));
            let centres = pack_shelves(&sides, width);
            for one in 0..sides.len() {
                for other in 0..one {
                    let reach = 0.5 * (sides[one] + sides[other]) - 1e-9;
                    let apart = [0, 1].map(|axis| (centres[one][axis] - centres[other][axis]).abs());
                    prop_assert!(apart[0] >= reach || apart[1] >= reach);
                }
            }
        }
    }
}
