//! Accounts that know nothing of each other, whatever they have in common.

use graph::Seconds;

use super::super::alignment::DAY;
use super::super::random::{Stream, key};
use super::{DAYS, Event, HOUR, START, Toy, event, ordinary};
use crate::AccountTable;

impl Toy {
    /// Accounts that keep a daily profile and know nothing of each other.
    pub(crate) fn independent(accounts: usize, events: usize, seed: u64) -> Toy {
        let mut stream = Stream::new(key(&[seed, 1]));
        // A binomial number of events, so that no account is more regular than chance.
        let mut row = || (0..50 * events).filter(|_| stream.below(50) == 0).count();
        let counts: Vec<usize> = (0..accounts).map(|_| row()).collect();
        let rows = counts.iter().map(|&count| (0..count).map(|_| ordinary(&mut stream)).collect()).collect();
        Toy::of(rows, &[], AccountTable::default())
    }

    /// A crowd that is busy in the same hours and knows nothing of each other; most rejections come then, as they do under load.
    pub(crate) fn busy(accounts: usize, events: usize, seed: u64) -> Toy {
        let mut stream = Stream::new(key(&[seed, 9]));
        let peaks: Vec<i64> = (0..10).map(|_| ordinary(&mut stream).time).collect();
        let mut row = || {
            let any = |stream: &mut Stream, number: usize| match number % 2 {
                0 => Event { status: 200, ..ordinary(stream) },
                _ => {
                    let at = peaks[stream.below(peaks.len())] + stream.below(HOUR as usize) as i64;
                    let status = if stream.below(4) == 0 { 429 } else { 200 };
                    Event { status, template: stream.below(3) as u32, ..event(at) }
                }
            };
            (0..events).map(|number| any(&mut stream, number)).collect()
        };
        let rows = (0..accounts).map(|_| row()).collect();
        Toy::of(rows, &[], AccountTable::default())
    }

    /// Strangers at work from nine to five for two weeks, each on its own days: jobs of their own that start within a few seconds of full
    /// hours, or requests at any time; in a log that cuts times to so many milliseconds.
    pub(crate) fn at_work(accounts: usize, jobs: bool, cut: i64, seed: u64) -> Toy {
        let mut stream = Stream::new(key(&[seed, 14]));
        let mut row = || -> Vec<Event> {
            let mut row = Vec::new();
            for day in 0..14i64 {
                for hour in 9..17i64 {
                    let within = if jobs { stream.below(8_000) } else { stream.below(HOUR as usize) } as i64;
                    let at = START + (24 * day + hour) * HOUR + within;
                    if stream.below(2) == 0 {
                        row.push(event(at - at % cut));
                    }
                }
            }
            row
        };
        let rows = (0..accounts).map(|_| row()).collect();
        Toy::of(rows, &[], AccountTable::default())
    }

    /// Jobs that all start within eight seconds of every full hour; one request in five is rejected, whatever else happens.
    pub(crate) fn hourly(accounts: usize, seed: u64) -> Toy {
        let mut stream = Stream::new(key(&[seed, 12]));
        let mut row = || {
            let job = |hour: i64, stream: &mut Stream| Event {
                status: if stream.below(5) == 0 { 429 } else { 200 },
                ..event(START + hour * HOUR + stream.below(8_000) as i64)
            };
            (0..2 * 24).map(|hour| job(hour, &mut stream)).collect()
        };
        let rows = (0..accounts).map(|_| row()).collect();
        Toy::of(rows, &[], AccountTable::default())
    }

    /// A crowd that knows nothing of each other, and a service that is down for five minutes in ten of its hours: whatever comes then
    /// is rejected, and asked again after one second, two, four and so on until it is not.
    pub(crate) fn outage(accounts: usize, events: usize, seed: u64) -> Toy {
        let mut stream = Stream::new(key(&[seed, 13]));
        let outages: Vec<i64> = (0..10).map(|_| ordinary(&mut stream).time).collect();
        let mut row = || {
            let mut row: Vec<Event> = (0..events).map(|_| Event { status: 200, ..ordinary(&mut stream) }).collect();
            for &down in &outages {
                let mut request = Event {
                    template: stream.below(3) as u32,
                    ..event(down - HOUR / 4 + stream.below(HOUR as usize / 2) as i64)
                };
                let mut pause = 1_000;
                while (down..down + 300_000).contains(&request.time) {
                    row.push(Event { status: 429, ..request });
                    request.time += pause + stream.below(500) as i64;
                    pause *= 2;
                }
                row.push(request);
            }
            row
        };
        let rows = (0..accounts).map(|_| row()).collect();
        Toy::of(rows, &[], AccountTable::default())
    }

    /// Jobs of one company: each account has a time of the day, and a burst of requests within half an hour of it every day.
    pub(crate) fn timers(accounts: usize, burst: usize, seed: u64) -> Toy {
        let mut stream = Stream::new(key(&[seed, 8]));
        let mut row = || {
            let start = stream.below(23 * HOUR as usize) as i64;
            let days = (0..DAYS).flat_map(|day| (0..burst).map(move |_| START + day * DAY + start));
            days.collect::<Vec<_>>().into_iter().map(|at| event(at + stream.below(HOUR as usize / 2) as i64)).collect()
        };
        let rows = (0..accounts).map(|_| row()).collect();
        Toy::of(rows, &[], AccountTable::default())
    }

    /// Jobs of strangers: each account starts one every `period` hours, from a time of its own on, within `late` minutes, and
    /// leaves out one in `left_out`.
    pub(crate) fn jobs(accounts: usize, period: i64, (late, left_out): (usize, usize), seed: u64) -> Toy {
        let mut stream = Stream::new(key(&[seed, 10]));
        let mut row = || {
            let start = stream.below((period * HOUR) as usize) as i64;
            let starts = (0..DAYS * 24 / period).map(|number| START + start + number * period * HOUR);
            let mut runs: Vec<Event> =
                starts.collect::<Vec<_>>().into_iter().map(|at| event(at + stream.below(late * 60_000) as i64)).collect();
            runs.retain(|_| stream.below(left_out) > 0);
            runs
        };
        let rows = (0..accounts).map(|_| row()).collect();
        Toy::of(rows, &[], AccountTable::default())
    }

    /// Five days from a weekday on (0: Monday), nine to five.
    pub(crate) fn office(accounts: usize, events: usize, first_day: i64, seed: u64) -> Toy {
        let mut stream = Stream::new(key(&[seed, 4]));
        let first = START - (START / DAY + 3).rem_euclid(7) * DAY + first_day * DAY;
        let mut work = || {
            let day = stream.below(2) as i64 * 7 + stream.below(5) as i64;
            event(first + day * DAY + 9 * HOUR + stream.below(8 * HOUR as usize) as i64)
        };
        let rows = (0..accounts).map(|_| (0..events).map(|_| work()).collect()).collect();
        Toy::of(rows, &[], AccountTable::default())
    }

    /// Accounts that do three things each as often as its weights say, and know nothing of each other.
    pub(crate) fn doing(weights: &[[usize; 3]], events: usize, seed: u64) -> Toy {
        let mut stream = Stream::new(key(&[seed, 14]));
        let mut one = |[first, second, third]: [usize; 3]| {
            let at = stream.below(first + second + third);
            let capability = u16::from(at >= first) + u16::from(at >= first + second);
            Event { capability, ..ordinary(&mut stream) }
        };
        let rows = weights.iter().map(|&weights| (0..events).map(|_| one(weights)).collect()).collect();
        Toy::of(rows, &[], AccountTable::default())
    }

    /// Accounts that each come for two days only, while five models are released; some of them take up what is new.
    pub(crate) fn sparse(benign: usize, seed: u64) -> Toy {
        let mut stream = Stream::new(key(&[seed, 13]));
        let released = |number: i64| START + (1 + 2 * number) * DAY;
        let mut row = || {
            let (from, adopts) = (START + stream.below(12 * DAY as usize) as i64, stream.below(4) == 0);
            let visit = |stream: &mut Stream| {
                let time = from + stream.below(2 * DAY as usize) as i64;
                let newest = (0..5).rev().find(|&number| released(number) <= time);
                Event { model: newest.filter(|_| adopts).map_or(0, |number| number as u16 + 1), ..event(time) }
            };
            (0..6).map(|_| visit(&mut stream)).collect()
        };
        let rows = (0..benign).map(|_| row()).collect();
        let mut toy = Toy::of(rows, &[(0, 0, 0)], AccountTable::default());
        (toy.benign, toy.releases) =
            (benign, (0..5).map(|number| (number as u16 + 1, (released(number) / 1000) as Seconds)).collect());
        toy
    }

    /// A class: on each day of lessons everybody does four exercises in one morning, with pauses, and something else at an hour
    /// of the own.
    pub(crate) fn class(accounts: usize, seed: u64) -> Toy {
        let mut stream = Stream::new(key(&[seed, 15]));
        let mut row = || {
            let (own, mut row) = (10 * HOUR + stream.below(10 * HOUR as usize) as i64, Vec::new());
            for day in 0..2 * DAYS {
                let start = START + day * DAY;
                let spread = (0..3).map(|_| stream.below(2 * HOUR as usize) as i64).sum::<i64>();
                let lessons = [0, 1, 2, 3].map(|_| stream.below(HOUR as usize * 3 / 4) as i64);
                if day % 7 < 5 {
                    let ends = lessons.iter().scan(start + 8 * HOUR + spread, |at, pause| {
                        *at += pause;
                        Some(event(*at))
                    });
                    row.extend(ends);
                }
                if stream.below(5) < 3 {
                    row.push(event(start + own + stream.below(8 * HOUR as usize) as i64 - 4 * HOUR));
                }
            }
            row
        };
        let rows = (0..accounts).map(|_| row()).collect();
        Toy::of(rows, &[], AccountTable::default())
    }
}
