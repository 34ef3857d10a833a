//! An account's starts as its own rhythm, or its own days, could have brought them.

use std::ops::Range;

use super::super::alignment::DAY;
use super::super::operational_time::{HOUR, OperationalTime, modulo_one, time_of_day};
use super::super::random::Stream;

/// An account's starts, to be shifted.
pub(super) struct OwnStarts<'a> {
    starts: &'a [i64],
    /// The first day, and how many there are to the last.
    first: i64,
    days: i64,
    /// Its days, and which starts are on each.
    by_day: Vec<(i64, Range<usize>)>,
    profile: OperationalTime,
}

impl OwnStarts<'_> {
    pub(super) fn of(starts: &[i64]) -> OwnStarts<'_> {
        let first = starts[0].div_euclid(DAY);
        let days = starts[starts.len() - 1].div_euclid(DAY) - first + 1;
        let mut hours = [0.0; 24];
        let of_day = |start: &i64| start.rem_euclid(DAY);
        starts.iter().for_each(|start| hours[(of_day(start) as f64 / HOUR) as usize] += 1.0);
        let events: Vec<(i64, u32, i64)> = starts.iter().map(|start| (start.div_euclid(DAY), 0, of_day(start))).collect();
        let mut by_day: Vec<(i64, Range<usize>)> = Vec::new();
        for (at, &(day, ..)) in events.iter().enumerate() {
            match by_day.last_mut().filter(|last| last.0 == day) {
                Some((_, of_day)) => of_day.end = at + 1,
                None => by_day.push((day, at..at + 1)),
            }
        }
        OwnStarts { starts, first, days, by_day, profile: OperationalTime::new(&[hours], &events) }
    }

    /// All of them later by this part of their days together, around the circle that these make.
    pub(super) fn in_rhythm(&self, part: f64, out: &mut Vec<i64>) {
        let (from, circle) = (self.first * DAY, self.days * DAY);
        let by = (part * circle as f64) as i64;
        let cut = self.starts.partition_point(|start| start - from + by < circle);
        out.clear();
        out.extend(self.starts[cut..].iter().map(|start| start + by - circle));
        out.extend(self.starts[..cut].iter().map(|start| start + by));
    }

    /// Each on its day, those of one day later by one part of the account's own profile of the day, around the circle that this
    /// makes.
    pub(super) fn in_profile(&self, stream: &mut Stream, out: &mut Vec<i64>) {
        let profile = &self.profile.profiles[0];
        out.clear();
        for (day, of_day) in &self.by_day {
            let (places, part) = (&self.profile.places[of_day.clone()], stream.unit());
            // Those that go around the circle are the day's first, and all stay in order.
            let (on, around) = places.split_at(places.partition_point(|place| place + part < 1.0));
            let times = around.iter().chain(on).map(|place| time_of_day(profile, modulo_one(place + part)));
            out.extend(times.map(|time| day * DAY + time));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_that_are_shifted_stay_in_order_on_their_days() {
        let starts: Vec<i64> = (0..200i64).map(|at| at * 9_000_000 + at * at * 1_000).collect();
        let (own, mut stream, mut shifted) = (OwnStarts::of(&starts), Stream::new(1), Vec::new());
        let days = |of: &[i64]| of.iter().map(|start| start.div_euclid(DAY)).collect::<Vec<i64>>();
        for _ in 0..50 {
            own.in_profile(&mut stream, &mut shifted);
            assert!(shifted.is_sorted() && days(&shifted) == days(&starts) && shifted != starts);
        }
    }
}
