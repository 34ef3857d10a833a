//! Small worlds for the tests of the tests: independent accounts, and accounts with one planted habit.

use graph::{AccountId, Activity, ActivityColumns, BipartiteColumns, BipartiteGraph, NO_TIME, Seconds};

use super::alignment::DAY;
use super::random::{Stream, key};
use crate::{AccountTable, Facts, KindRole, Signal};

const HOUR: i64 = 3_600_000;
/// A Monday, midnight.
const START: i64 = 19_723 * DAY;
const DAYS: i64 = 14;

#[derive(Clone, Copy)]
struct Event {
    time: i64,
    model: u16,
    capability: u16,
    status: u16,
    template: u32,
}

fn event(time: i64) -> Event {
    Event { time, model: 0, capability: 0, status: 200, template: 0 }
}

/// One owned world.
pub(crate) struct Toy {
    graph: BipartiteGraph,
    activity: Activity,
    pub(crate) accounts: AccountTable,
    releases: Vec<(u16, Seconds)>,
    benign: usize,
    planted: usize,
}

/// The share of p-values at or below .05, .1 and .2 is no larger than that, within three standard errors.
pub(crate) fn assert_super_uniform(runs: u64, p: impl Fn(u64) -> Option<f64>) {
    let found: Vec<f64> = (0..runs).filter_map(p).collect();
    assert!(found.len() as u64 >= runs / 2, "only {} of {runs} runs gave a p-value", found.len());
    for level in [0.05, 0.1, 0.2] {
        let (count, total) = (found.iter().filter(|&&p| p <= level).count() as f64, found.len() as f64);
        let limit = level * total + 3.0 * (level * (1.0 - level) * total).sqrt();
        assert!(count <= limit, "{count} of {total} p-values are at most {level}");
    }
}

/// In sixty worlds the signal of 24 strangers is as their null says, in p-values and in bits, and that of the planted accounts has
/// five bits.
pub(crate) fn assert_told_apart(world: impl Fn(u64) -> Toy, signal: impl Fn(&Toy, &[AccountId]) -> Signal) {
    let (runs, mut small, mut ratios, mut found) = (60, 0, 0.0, 0);
    for seed in 0..runs {
        let world = world(seed);
        let (stranger, operator) = (signal(&world, &world.random_group(24, seed)), signal(&world, &world.planted()));
        small += u64::from(stranger.p_value.expect("it has one") <= 0.05);
        ratios += stranger.bits.exp2();
        found += u64::from(operator.bits >= 5.0);
    }
    assert!(small <= 6 && ratios < 1.5 * runs as f64 && found >= 55, "{small} {ratios} {found}");
}

impl Toy {
    pub(crate) fn facts(&self) -> Facts<'_> {
        Facts {
            graph: &self.graph,
            activity: &self.activity,
            roles: &[KindRole::Template],
            limits: &[],
            accounts: &self.accounts,
            allowed_identifiers: &[],
            allowed_accounts: &[],
            must: &[],
            cannot: &[],
            network_types: &[],
            releases: &self.releases,
        }
    }

    pub(crate) fn members(&self, count: u32) -> Vec<AccountId> {
        (0..count).map(AccountId).collect()
    }

    /// Accounts that keep a daily profile and know nothing of each other.
    pub(crate) fn independent(accounts: usize, events: usize, seed: u64) -> Toy {
        let mut stream = Stream::new(key(&[seed, 1]));
        // A binomial number of events, so that no account is more regular than chance.
        let mut row = || (0..50 * events).filter(|_| stream.below(50) == 0).count();
        let counts: Vec<usize> = (0..accounts).map(|_| row()).collect();
        let rows = counts.iter().map(|&count| (0..count).map(|_| ordinary(&mut stream)).collect()).collect();
        Toy::of(rows, &[], AccountTable::default())
    }

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

    /// The same accounts, each of which has `count` requests rejected within the half hour before its first event, each with a
    /// template of its own.
    pub(crate) fn with_rejected_before(mut self, count: usize) -> Toy {
        let columns = self.activity.columns();
        let mut rows: Vec<Vec<Event>> = (0..self.activity.account_count() as u32)
            .map(|account| {
                let events = self.activity.of(AccountId(account));
                (0..events.time.len())
                    .map(|at| Event { status: events.status[at], template: events.template[at], ..event(events.time[at]) })
                    .collect()
            })
            .collect();
        assert!(!columns.status.is_empty());
        for (account, row) in rows.iter_mut().enumerate() {
            let first = row.first().map_or(START, |event| event.time);
            let spam = |number: usize| Event {
                status: 429,
                template: (1_000 + account * count + number) as u32,
                ..event(first - HOUR / 2 + number as i64 * HOUR / 2 / count as i64)
            };
            row.extend((0..count).map(spam));
        }
        let accounts = std::mem::take(&mut self.accounts);
        Toy::of(rows, &[], accounts)
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

    /// Jobs of strangers: each account starts one every `period` hours, from a time of its own on, within a minute.
    pub(crate) fn jobs(accounts: usize, period: i64, seed: u64) -> Toy {
        let mut stream = Stream::new(key(&[seed, 10]));
        let mut row = || {
            let start = stream.below((period * HOUR) as usize) as i64;
            let starts = (0..DAYS * 24 / period).map(|number| START + start + number * period * HOUR);
            starts.collect::<Vec<_>>().into_iter().map(|at| event(at + stream.below(60_000) as i64)).collect()
        };
        let rows = (0..accounts).map(|_| row()).collect();
        Toy::of(rows, &[], AccountTable::default())
    }

    /// Monday to Friday, nine to five.
    pub(crate) fn office(accounts: usize, events: usize, seed: u64) -> Toy {
        let mut stream = Stream::new(key(&[seed, 4]));
        let monday = START - (START / DAY + 3).rem_euclid(7) * DAY;
        let mut work = || {
            let day = stream.below(2) as i64 * 7 + stream.below(5) as i64;
            event(monday + day * DAY + 9 * HOUR + stream.below(8 * HOUR as usize) as i64)
        };
        let rows = (0..accounts).map(|_| (0..events).map(|_| work()).collect()).collect();
        Toy::of(rows, &[], AccountTable::default())
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
        let mut toy = Toy::of(rows, &[], AccountTable::default());
        (toy.benign, toy.releases) =
            (benign, (0..5).map(|number| (number as u16 + 1, (released(number) / 1000) as Seconds)).collect());
        toy
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

    /// The same accounts, which share nothing.
    pub(crate) fn without_sightings(mut self) -> Toy {
        self.graph = graph_of(self.activity.account_count(), &[]);
        self
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

    pub(crate) fn planted(&self) -> Vec<AccountId> {
        (self.benign as u32..(self.benign + self.planted) as u32).map(AccountId).collect()
    }

    pub(crate) fn random_group(&self, size: usize, seed: u64) -> Vec<AccountId> {
        let benign: Vec<AccountId> = (0..self.benign as u32).map(AccountId).collect();
        super::random::sample(&benign, size, key(&[seed, 77]))
    }

    pub(crate) fn users_of_template(&self, number: usize) -> Vec<AccountId> {
        self.graph.accounts_of(graph::IdentifierId(8 + number as u32)).iter().map(|&account| AccountId(account)).collect()
    }

    fn of(mut rows: Vec<Vec<Event>>, sightings: &[(u32, u32, Seconds)], accounts: AccountTable) -> Toy {
        rows.iter_mut().for_each(|row| row.sort_by_key(|event| event.time));
        let mut offsets = vec![0u64];
        rows.iter().for_each(|row| offsets.push(offsets[offsets.len() - 1] + row.len() as u64));
        let all: Vec<Event> = rows.concat();
        let activity = ActivityColumns {
            offsets: offsets.into(),
            time: all.iter().map(|event| event.time).collect::<Vec<_>>().into(),
            model: all.iter().map(|event| event.model).collect::<Vec<_>>().into(),
            capability: all.iter().map(|event| event.capability).collect::<Vec<_>>().into(),
            status: all.iter().map(|event| event.status).collect::<Vec<_>>().into(),
            template: all.iter().map(|event| event.template).collect::<Vec<_>>().into(),
            requests: Vec::new().into(),
            tokens: (0..all.len() as u32).collect::<Vec<_>>().into(),
        };
        Toy {
            graph: graph_of(rows.len(), sightings),
            activity: Activity::from_columns(activity).unwrap(),
            accounts,
            releases: Vec::new(),
            benign: rows.len(),
            planted: 0,
        }
    }
}

/// An event at a time of the working day more often than at night.
fn ordinary(stream: &mut Stream) -> Event {
    let spread = (stream.below(12 * HOUR as usize) + stream.below(12 * HOUR as usize)) as i64;
    let status = if stream.below(12) == 0 { 429 } else { 200 };
    let template = stream.below(3) as u32;
    Event { status, template, ..event(START + stream.below(DAYS as usize) as i64 * DAY + spread) }
}

fn graph_of(accounts: usize, sightings: &[(u32, u32, Seconds)]) -> BipartiteGraph {
    let mut rows = sightings.to_vec();
    rows.sort_unstable();
    rows.dedup_by_key(|row| (row.0, row.1));
    let identifiers = rows.iter().map(|row| row.1 as usize + 1).max().unwrap_or(0);
    let mut reverse: Vec<(u32, u32, u32)> = rows.iter().enumerate().map(|(at, row)| (row.1, row.0, at as u32)).collect();
    reverse.sort_unstable();
    let starts = |count: usize, id: &dyn Fn(usize) -> u32| -> Vec<u64> {
        let ids: Vec<u32> = (0..rows.len()).map(id).collect();
        (0..=count).map(|bound| ids.partition_point(|&id| (id as usize) < bound) as u64).collect()
    };
    let graph = BipartiteGraph::from_columns(BipartiteColumns {
        kind_starts: vec![0, identifiers as u32].into(),
        account_offsets: starts(accounts, &|at| rows[at].0).into(),
        identifiers: rows.iter().map(|row| row.1).collect::<Vec<_>>().into(),
        counts: vec![1; rows.len()].into(),
        first_seen: rows.iter().map(|row| row.2).collect::<Vec<_>>().into(),
        last_seen: rows.iter().map(|row| row.2).collect::<Vec<_>>().into(),
        identifier_offsets: starts(identifiers, &|at| reverse[at].0).into(),
        accounts: reverse.iter().map(|entry| entry.1).collect::<Vec<_>>().into(),
        identifier_sightings: reverse.iter().map(|entry| entry.2).collect::<Vec<_>>().into(),
    })
    .unwrap();
    graph.validate().unwrap();
    graph
}
