//! Accounts with one planted habit, alone or beside others that know nothing of each other.

use graph::{NO_TIME, Seconds};

use super::super::alignment::DAY;
use super::super::random::{Stream, key};
use super::{DAYS, Event, HOUR, START, Toy, event, ordinary};
use crate::AccountTable;

impl Toy {
    /// Half of the events of all accounts fall on common instants.
    pub(crate) fn broadcast(accounts: usize, events: usize, seed: u64) -> Toy {
        let mut stream = Stream::new(key(&[seed, 2]));
        let instants: Vec<i64> = (0..events / 2).map(|_| ordinary(&mut stream).time).collect();
        let row = |stream: &mut Stream| {
            let common = instants.iter().map(|&at| event(at + stream.below(800) as i64)).collect::<Vec<_>>();
            common.into_iter().chain((0..events / 2).map(|_| ordinary(stream)).collect::<Vec<_>>()).collect()
        };
        let rows = (0..accounts).map(|_| row(&mut stream)).collect();
        Toy::of(rows, &[], AccountTable::default())
    }

    /// One queue deals requests out in turn as they come; every tenth is rejected and goes to the next account within seconds.
    pub(crate) fn round_robin(accounts: usize, events: usize, seed: u64) -> Toy {
        let mut stream = Stream::new(key(&[seed, 3]));
        let mut rows: Vec<Vec<Event>> = vec![Vec::new(); accounts];
        let total = accounts * events;
        let mut times: Vec<i64> = (0..total).map(|_| ordinary(&mut stream).time).collect();
        times.sort_unstable();
        let mut turn = 0;
        while turn < total {
            let mut request = event(times[turn]);
            request.template = stream.below(3) as u32;
            if stream.below(10) == 0 {
                rows[turn % accounts].push(Event { status: 429, ..request });
                turn += 1;
                request.time += 1_000 + stream.below(5_000) as i64;
            }
            rows[turn % accounts].push(request);
            turn += 1;
        }
        Toy::of(rows, &[], AccountTable::default())
    }

    /// `benign` accounts that know nothing of each other, of which every fourth has a job of its own every `period` hours and nothing
    /// else; and `planted` ones to which one queue deals in turn, as requests come. All have about `events` requests.
    pub(crate) fn in_turn(benign: usize, planted: usize, events: usize, period: i64, seed: u64) -> Toy {
        let mut stream = Stream::new(key(&[seed, 24]));
        let mut rows: Vec<Vec<Event>> = Vec::new();
        for account in 0..benign {
            let count = (0..50 * events).filter(|_| stream.below(50) == 0).count();
            rows.push(if account % 4 == 0 {
                let start = START + stream.below((period * HOUR) as usize) as i64;
                let late = |stream: &mut Stream| stream.below(600_000) as i64;
                (0..DAYS * 24 / period).map(|number| event(start + number * period * HOUR + late(&mut stream))).collect()
            } else {
                (0..count).map(|_| ordinary(&mut stream)).collect()
            });
        }
        let mut times: Vec<i64> = (0..planted * events).map(|_| ordinary(&mut stream).time).collect();
        times.sort_unstable();
        let dealt = |at: usize| times.iter().skip(at).step_by(planted).map(|&time| event(time)).collect();
        rows.extend((0..planted).map(dealt));
        Toy { benign, planted, ..Toy::asking_their_own(rows) }
    }

    /// Accounts that are active at these times, each ascending, and share nothing.
    pub(crate) fn at(times: &[Vec<i64>]) -> Toy {
        Toy::asking_their_own(times.iter().map(|times| times.iter().map(|&time| event(time)).collect()).collect())
    }

    fn asking_their_own(rows: Vec<Vec<Event>>) -> Toy {
        let own: Vec<(u32, u32, Seconds)> = (0..rows.len() as u32).map(|at| (at, at, (START / 1_000) as Seconds)).collect();
        Toy::of(rows, &own, AccountTable::default())
    }

    /// Accounts that know nothing of each other, a quarter of which have queues that wait for the end of the same outage: two requests
    /// each within a minute or so, once; and 24 more, a fifth of whose events are dealt out at common instants.
    pub(crate) fn waiting(benign: usize, events: usize, seed: u64) -> Toy {
        let mut stream = Stream::new(key(&[seed, 15]));
        let end = ordinary(&mut stream).time;
        let instants: Vec<i64> = (0..events / 5).map(|_| ordinary(&mut stream).time).collect();
        let mut row = |planted: bool| {
            let own = if planted { events - instants.len() } else { events };
            let mut row: Vec<Event> = (0..own).map(|_| ordinary(&mut stream)).collect();
            if planted {
                row.extend(instants.iter().map(|&at| event(at + stream.below(20_000) as i64)));
            }
            if stream.below(4) == 0 {
                let wait = |stream: &mut Stream| (-40_000.0 * (1.0 - stream.unit()).ln()) as i64;
                row.extend((0..2).map(|_| event(end + wait(&mut stream))));
            }
            row
        };
        let rows = (0..benign + 24).map(|number| row(number >= benign)).collect();
        Toy { benign, planted: 24, ..Toy::of(rows, &[], AccountTable::default()) }
    }

    /// Accounts that know nothing of each other, with a quota of eight requests a day that most use up, each at a rate of its own;
    /// and 24 more to which one queue deals the same.
    pub(crate) fn capped(benign: usize, seed: u64) -> Toy {
        let mut stream = Stream::new(key(&[seed, 17]));
        let mut row = |planted: bool| {
            let rate = 8 + stream.below(8);
            let mut row = Vec::new();
            for day in 0..20 {
                let wanted = (0..4 * rate).filter(|_| stream.below(4) == 0).count();
                let count = if planted { 7 + usize::from(stream.below(40) == 0) } else { wanted.min(8) };
                row.extend((0..count).map(|_| event(START + day * DAY + stream.below(DAY as usize) as i64)));
            }
            row
        };
        let rows = (0..benign + 24).map(|number| row(number >= benign)).collect();
        Toy { benign, planted: 24, ..Toy::of(rows, &[], AccountTable::default()) }
    }

    /// One request at a time, at a steady pace, each to any account.
    pub(crate) fn paced(accounts: usize, events: usize, seed: u64) -> Toy {
        let mut stream = Stream::new(key(&[seed, 11]));
        let mut rows: Vec<Vec<Event>> = vec![Vec::new(); accounts];
        let slot = DAYS * DAY / (accounts * events) as i64;
        for number in 0..(accounts * events) as i64 {
            rows[stream.below(accounts)].push(event(START + number * slot + stream.below(slot as usize / 4) as i64));
        }
        Toy::of(rows, &[], AccountTable::default())
    }

    /// People in sittings of half an hour or so, a request every few minutes; and `planted` accounts with a request after every
    /// pause of `pause` milliseconds in the mean, exponential, that `cut` lets begin a sitting of that length every four hours.
    pub(crate) fn pausing(benign: usize, planted: usize, pause: f64, cut: Option<i64>, seed: u64) -> Toy {
        let mut stream = Stream::new(key(&[seed, 21]));
        let mut after = |mean: f64| (-mean * (1.0 - stream.unit()).ln()) as i64;
        let (mut rows, end) = (Vec::new(), START + DAYS * DAY);
        for account in 0..benign + planted {
            let (mut row, mut start) = (Vec::new(), START + after(2.0 * HOUR as f64));
            let (mean, sitting) = match cut {
                _ if account < benign => (180_000.0, None),
                None => (pause, Some(DAYS * DAY)),
                cut => (pause, cut),
            };
            while start < end {
                let until = (start + sitting.unwrap_or_else(|| after(HOUR as f64 / 2.0))).min(end);
                let mut time = start;
                while time < until {
                    row.push(event(time));
                    time += after(mean);
                }
                start = until + after(4.0 * HOUR as f64) + HOUR;
            }
            rows.push(row);
        }
        Toy { benign, planted, ..Toy::of(rows, &[], AccountTable::default()) }
    }

    /// `benign` accounts of three countries and many habits, and `planted` ones made in one burst, busy at once, at night, with
    /// one purpose, that move to the new model together and share eight templates from the first minute.
    pub(crate) fn mixed(benign: usize, events: usize, planted: usize, seed: u64) -> Toy {
        let mut stream = Stream::new(key(&[seed, 5]));
        let release = START + 7 * DAY;
        let (mut rows, mut sightings) = (Vec::new(), Vec::new());
        let (mut created, mut country) = (Vec::new(), Vec::new());
        for account in 0..benign + planted {
            let is_planted = account >= benign;
            let home = stream.below(3);
            country.push(home as u16);
            let hour = home as i64 * 8 + if is_planted { 11 } else { 0 };
            let (favourite, adopts) = (stream.below(8) as u16, is_planted || stream.below(10) == 0);
            created.push(if is_planted {
                ((START - HOUR) / 1000) as Seconds + stream.below(1_800) as Seconds
            } else {
                ((START - 200 * DAY) / 1000) as Seconds + stream.below(200 * 86_400) as Seconds
            });
            let mut row: Vec<Event> = Vec::new();
            for number in 0..events {
                let spread = (stream.below(6 * HOUR as usize) + stream.below(6 * HOUR as usize)) as i64;
                let day = if is_planted && number % 2 == 0 { 0 } else { stream.below(DAYS as usize) as i64 };
                let time = START + day * DAY + (hour * HOUR + spread).rem_euclid(DAY);
                let focused = stream.below(10) < if is_planted { 9 } else { 4 };
                let wide = stream.below(8) as u16;
                row.push(Event {
                    model: u16::from(adopts && time >= release),
                    capability: if !focused {
                        wide
                    } else if is_planted {
                        0
                    } else {
                        favourite
                    },
                    ..event(time)
                });
            }
            rows.push(row);
            for template in 0..8 {
                if is_planted {
                    sightings.push((account as u32, template, (START / 1000) as Seconds + stream.below(600) as Seconds));
                }
            }
        }
        for template in 8..68u32 {
            for user in 0..8 {
                let account = (template as usize * 8 + user * 50) % benign;
                sightings.push((account as u32, template, (START / 1000) as Seconds + stream.below(14 * 86_400) as Seconds));
            }
        }
        let table = AccountTable { created_at: created.into(), country: country.into(), ..AccountTable::default() };
        let mut toy = Toy::of(rows, &sightings, table);
        (toy.benign, toy.planted, toy.releases) = (benign, planted, vec![(1, (release / 1000) as Seconds)]);
        toy
    }

    /// Accounts of countries, each with so many that keep a day from the same hour on.
    pub(crate) fn of_countries(countries: &[(usize, i64)], seed: u64) -> Toy {
        let mut stream = Stream::new(key(&[seed, 27]));
        let (mut rows, mut country) = (Vec::new(), Vec::new());
        for (number, &(accounts, hour)) in countries.iter().enumerate() {
            for _ in 0..accounts {
                let mut any = || {
                    let spread = (stream.below(6 * HOUR as usize) + stream.below(6 * HOUR as usize)) as i64;
                    event(START + stream.below(DAYS as usize) as i64 * DAY + (hour * HOUR + spread).rem_euclid(DAY))
                };
                rows.push((0..40).map(|_| any()).collect());
                country.push(number as u16);
            }
        }
        Toy::of(rows, &[], AccountTable { country: country.into(), ..AccountTable::default() })
    }

    /// `benign` accounts that each keep six hours of the day, wherever these lie, and `planted` ones at all hours.
    pub(crate) fn with_hours(benign: usize, planted: usize, events: usize, seed: u64) -> Toy {
        let mut stream = Stream::new(key(&[seed, 12]));
        let mut row = |is_planted: bool| {
            let from = stream.below(24 * HOUR as usize) as i64;
            let width = if is_planted { DAY } else { 6 * HOUR };
            let mut any = || {
                let at = (from + stream.below(width as usize) as i64).rem_euclid(DAY);
                event(START + stream.below(DAYS as usize) as i64 * DAY + at)
            };
            (0..events).map(|_| any()).collect()
        };
        let rows = (0..benign + planted).map(|account| row(account >= benign)).collect();
        let mut toy = Toy::of(rows, &[], AccountTable::default());
        (toy.benign, toy.planted) = (benign, planted);
        toy
    }

    /// `benign` accounts that keep six hours of a day each, from any time between eight and twenty on; and `planted` ones that all
    /// keep those from half past one.
    pub(crate) fn dormitory(benign: usize, planted: usize, seed: u64) -> Toy {
        let mut stream = Stream::new(key(&[seed, 26]));
        let mut row = |is_planted: bool| {
            let from = if is_planted { 27 * HOUR / 2 } else { 8 * HOUR + stream.below(12 * HOUR as usize) as i64 };
            let mut any =
                || event(START + stream.below(DAYS as usize) as i64 * DAY + from + stream.below(6 * HOUR as usize) as i64);
            (0..60).map(|_| any()).collect()
        };
        let rows = (0..benign + planted).map(|account| row(account >= benign)).collect();
        Toy { benign, planted, ..Toy::of(rows, &[], AccountTable::default()) }
    }

    /// Accounts with sittings in the afternoon, each around an hour of its own; the `planted` ones run a set of sixty prompts as
    /// well, once or twice, at any time, and know nothing of each other.
    pub(crate) fn runs(benign: usize, planted: usize, seed: u64) -> Toy {
        let mut stream = Stream::new(key(&[seed, 16]));
        let mut row = |is_planted: bool| {
            let own = 10 * HOUR + stream.below(8 * HOUR as usize) as i64;
            let mut row = Vec::new();
            for day in (0..2 * DAYS).filter(|_| stream.below(2) == 0).collect::<Vec<_>>() {
                let at = START + day * DAY + own + stream.below(4 * HOUR as usize) as i64;
                row.extend((0..2).map(|number| event(at + number * 60_000)));
            }
            for _ in 0..if is_planted { 1 + stream.below(2) } else { 0 } {
                let at = START + stream.below((2 * DAYS - 1) as usize * DAY as usize) as i64;
                row.extend((0..60).map(|number| event(at + number * 3_000)));
            }
            row
        };
        let rows = (0..benign + planted).map(|account| row(account >= benign)).collect();
        let mut toy = Toy::of(rows, &[], AccountTable::default());
        (toy.benign, toy.planted) = (benign, planted);
        toy
    }

    /// Accounts that share one template, half of them banned within sixty days; `replaced`: the other half is made hours after
    /// each ban.
    pub(crate) fn bans(accounts: usize, replaced: bool, seed: u64) -> Toy {
        let mut stream = Stream::new(key(&[seed, 6]));
        let base = (START / 1000) as Seconds;
        let (mut created, mut banned) = (vec![0; accounts], vec![NO_TIME; accounts]);
        for account in 0..accounts / 2 {
            let other = account + accounts / 2;
            created[account] = base + stream.below(60 * 86_400) as Seconds;
            banned[account] = created[account] + stream.below(60 * 86_400) as Seconds;
            let lag = 3_600 + stream.below(5 * 3_600) as Seconds;
            created[other] = if replaced { banned[account] + lag } else { base + stream.below(60 * 86_400) as Seconds };
        }
        let sightings: Vec<(u32, u32, Seconds)> = (0..accounts as u32).map(|account| (account, 0, base)).collect();
        let table = AccountTable { created_at: created.into(), banned_at: banned.into(), ..AccountTable::default() };
        Toy::of(vec![Vec::new(); accounts], &sightings, table)
    }

    /// Accounts of one address: `joined` made within a day or so, and `later` ones within half a year; each is banned in one case of
    /// eight, about a day after it was made.
    pub(crate) fn screened(joined: usize, later: usize, seed: u64) -> Toy {
        const DAY_SECONDS: f64 = 86_400.0;
        let mut stream = Stream::new(key(&[seed, 16]));
        let base = (START / 1000) as Seconds;
        let (mut created, mut banned) = (Vec::new(), Vec::new());
        for account in 0..joined + later {
            let wait = |stream: &mut Stream| -DAY_SECONDS * (1.0 - stream.unit()).ln();
            let after = if account < joined { 0.5 * wait(&mut stream) } else { 150.0 * DAY_SECONDS * stream.unit() };
            created.push(base + after as Seconds);
            let screened = created[account] + wait(&mut stream) as Seconds;
            banned.push(if stream.below(8) == 0 { screened } else { NO_TIME });
        }
        let accounts = joined + later;
        let sightings: Vec<(u32, u32, Seconds)> = (0..accounts as u32).map(|account| (account, 0, base)).collect();
        let table = AccountTable { created_at: created.into(), banned_at: banned.into(), ..AccountTable::default() };
        Toy::of(vec![Vec::new(); accounts], &sightings, table)
    }

    /// Two disjoint groups of `size` accounts, each account on a random half of its group's `2 * size` templates.
    pub(crate) fn cliques(size: u32) -> Toy {
        let mut stream = Stream::new(key(&[7]));
        let mut sightings = Vec::new();
        for account in 0..2 * size {
            for template in 0..2 * size {
                if stream.below(2) == 0 {
                    sightings.push((account, account / size * 2 * size + template, 1_700_000_000));
                }
            }
        }
        Toy::of(vec![Vec::new(); 2 * size as usize], &sightings, AccountTable::default())
    }

    /// `old` accounts made in the half year before a log of so many days, `young` ones made in the first five sixths of it, all of
    /// whom take up to three weeks to come to full use; and then `planted` ones, in full use from their first day.
    pub(crate) fn growing(days: i64, (old, young, planted): (usize, usize, usize), seed: u64) -> Toy {
        let mut stream = Stream::new(key(&[seed, 25]));
        let (mut rows, mut created) = (Vec::new(), Vec::new());
        for account in 0..old + young + planted {
            let made = if account < old { -1 - stream.below(180) as i64 } else { stream.below((days * 5 / 6) as usize) as i64 };
            let full = made + if account < old + young { 3 + stream.below(18) as i64 } else { 0 };
            created.push(((START + made * DAY) / 1_000) as Seconds);
            let mut row = Vec::new();
            for day in made.max(0)..days {
                let count = if day < full { 1 + stream.below(2) } else { 8 + stream.below(8) };
                row.extend((0..count).map(|_| event(START + day * DAY + stream.below(DAY as usize) as i64)));
            }
            rows.push(row);
        }
        let table = AccountTable { created_at: created.into(), ..AccountTable::default() };
        Toy { benign: old + young, planted, ..Toy::of(rows, &[], table) }
    }

    /// Accounts made by day over thirty days, and then `planted` more: as those, or one after the other at an even pace.
    pub(crate) fn made(benign: usize, planted: usize, paced: bool, seed: u64) -> Toy {
        let mut stream = Stream::new(key(&[seed, 14]));
        let day = DAY as usize / 1_000;
        let at = |number: usize, stream: &mut Stream| {
            let after = if number >= benign && paced {
                (number - benign) * 30 * day / planted + stream.below(3_600)
            } else {
                stream.below(30) * day + day / 3 + stream.below(day / 4) + stream.below(day / 4)
            };
            ((START / 1_000) as usize + after) as Seconds
        };
        let created: Vec<Seconds> = (0..benign + planted).map(|number| at(number, &mut stream)).collect();
        let rows = vec![vec![event(START + 31 * DAY)]; benign + planted];
        let mut toy = Toy::of(rows, &[], AccountTable { created_at: created.into(), ..AccountTable::default() });
        (toy.benign, toy.planted) = (benign, planted);
        toy
    }
}
