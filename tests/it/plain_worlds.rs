//! Worlds as a stranger would write them: uniform choices, few columns, nothing of what `synth` plants. An operator is whoever
//! shares cards, addresses and prompts across each other; look-alikes share one of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::support::Bench;

/// SplitMix64 (Steele, Lea & Flood 2014, doi:10.1145/2714064.2660195).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn address(&mut self) -> String {
        let [a, b, c] = [self.below(180) + 20, self.below(256), self.below(254) + 1];
        format!("{a}.{b}.7.{c}").replacen("127.", "126.", 1)
    }

    /// Some prompt of everybody's: few are popular.
    fn prompt(&mut self) -> String {
        if self.chance(50) { format!("popular{}", self.below(150)) } else { format!("own{}", self.next()) }
    }
}

/// When things happen.
#[derive(Clone, Copy, PartialEq)]
enum Clock {
    /// Any time of thirty days.
    Uniform,
    /// Weekdays, nine to six.
    Office,
    /// Afternoons and evenings.
    Evening,
}

/// Of three tenants the requests to each account, the first of their days, and their number.
const TENANTS: [(u64, u64, u64); 3] = [(70, 1, 28), (20, 5, 15), (10, 12, 16)];

/// Rows and the truth.
struct World {
    random: Random,
    rows: Vec<[String; 6]>,
    labels: BTreeMap<String, &'static str>,
    groups: BTreeMap<String, &'static str>,
    /// Of those whose account table says so.
    organisations: BTreeMap<String, &'static str>,
    /// When they were made, of those whose account table says so.
    created: BTreeMap<String, String>,
}

impl World {
    fn row(&mut self, clock: Clock, account: &str, ip: &str, card: &str, prompt: String) {
        let (mut day, mut hour) = (self.random.below(30), self.random.below(24));
        match clock {
            Clock::Uniform => {}
            // 2026-01-01 was a Thursday: days 2 and 3 are a weekend.
            Clock::Office => {
                while matches!(day % 7, 2 | 3) {
                    day = self.random.below(30);
                }
                hour = 9 + hour % 9;
            }
            Clock::Evening => hour = 12 + hour % 11,
        }
        let second = ((day * 24 + hour) * 60 + self.random.below(60)) * 60 + self.random.below(60);
        let purpose = self.random.below(5);
        self.row_at(second, account, ip, card, prompt, purpose);
    }

    /// A row so many seconds into the thirty days.
    fn row_at(&mut self, second: u64, account: &str, ip: &str, card: &str, prompt: String, purpose: u64) {
        let (minute, hour, day) = (second / 60 % 60, second / 3_600 % 24, second / 86_400 % 30 + 1);
        let time = format!("2026-01-{day:02}T{hour:02}:{minute:02}:{:02}Z", second % 60);
        self.rows.push([time, account.to_owned(), ip.to_owned(), card.to_owned(), prompt, format!("purpose{purpose}")]);
    }

    /// One or two accounts to each of so many homes, with a card each.
    fn of_homes(seed: u64, homes: u64) -> World {
        let mut world = World {
            random: Random(seed),
            rows: Vec::new(),
            labels: BTreeMap::new(),
            groups: BTreeMap::new(),
            organisations: BTreeMap::new(),
            created: BTreeMap::new(),
        };
        for home in 0..homes {
            let ip = world.random.address();
            for member in 0..=world.random.below(2) {
                let account = format!("user{home}-{member}");
                for _ in 0..3 + world.random.below(20) {
                    let prompt = world.random.prompt();
                    world.row(Clock::Evening, &account, &ip, &account, prompt);
                }
            }
        }
        world
    }

    /// Households, rings of free-credit farmers, companies with one card and with several, a campus, gateways.
    fn benign(seed: u64) -> World {
        let mut world = World::of_homes(seed, 2_500);
        for ring in 0..80 {
            let (ip, size) = (world.random.address(), 2 + world.random.below(6));
            for member in 0..size {
                let account = format!("ring{ring}-{member}");
                world.groups.insert(account.clone(), "ring");
                for _ in 0..3 + world.random.below(8) {
                    let prompt = world.random.prompt();
                    world.row(Clock::Evening, &account, &ip, &format!("ring{ring}"), prompt);
                }
            }
        }
        for (company, (size, cards, offices)) in [(120, 1, 1), (90, 6, 2), (200, 10, 3)].into_iter().enumerate() {
            let offices: Vec<String> = (0..offices).map(|_| world.random.address()).collect();
            for member in 0..size {
                let account = format!("company{company}-{member}");
                world.groups.insert(account.clone(), "company");
                for _ in 0..10 + world.random.below(30) {
                    let ip = offices[((member + world.random.below(2)) % offices.len() as u64) as usize].clone();
                    let prompt = format!("company{company}-{}", world.random.below(30));
                    world.row(Clock::Office, &account, &ip, &format!("company{company}-{}", member % cards), prompt);
                }
            }
        }
        for (crowd, size, addresses, courses) in [("campus", 400, 6, 8), ("gateway", 300, 24, 0)] {
            let addresses: Vec<String> = (0..addresses).map(|_| world.random.address()).collect();
            for member in 0..size {
                let account = format!("{crowd}{member}");
                world.groups.insert(account.clone(), crowd);
                for _ in 0..3 + world.random.below(20) {
                    let ip = addresses[world.random.below(addresses.len() as u64) as usize].clone();
                    let course = courses > 0 && world.random.chance(40);
                    let prompt = if course { format!("course{}", member % courses) } else { world.random.prompt() };
                    world.row(Clock::Evening, &account, &ip, &account, prompt);
                }
            }
        }
        world
    }

    /// Accounts on a card for eight, three of `size / 3` addresses each, most of whose prompts are the operator's.
    fn operator(&mut self, name: &'static str, size: u64) {
        let addresses: Vec<String> = (0..size / 3).map(|_| self.random.address()).collect();
        for member in 0..size {
            let account = format!("{name}{member}");
            self.labels.insert(account.clone(), name);
            let mine: Vec<u64> = (0..3).map(|_| self.random.below(addresses.len() as u64)).collect();
            for _ in 0..20 + self.random.below(40) {
                let ip = addresses[mine[self.random.below(3) as usize] as usize].clone();
                let prompt = match self.random.chance(75) {
                    true => format!("{name}-{}", self.random.below(60)),
                    false => self.random.prompt(),
                };
                self.row(Clock::Uniform, &account, &ip, &format!("{name}-{}", member / 8), prompt);
            }
        }
    }

    /// Accounts on a hundred cards whose address of the day follows from their number, so that the same ones meet day after day.
    fn by_plan(&mut self, name: &'static str, size: u64) {
        let addresses: Vec<String> = (0..size / 2).map(|_| self.random.address()).collect();
        for member in 0..size {
            let (account, card) = (format!("{name}{member}"), format!("{name}-{}", self.random.below(100)));
            self.labels.insert(account.clone(), name);
            for request in 0..60 {
                let (day, second) = (request / 2, self.random.below(86_400));
                let ip = &addresses[((member * 1_000_003 + day * 7_919) % addresses.len() as u64) as usize];
                let prompt = match self.random.chance(70) {
                    true => format!("{name}-{}", self.random.below(60)),
                    false => self.random.prompt(),
                };
                self.row_at(day * 86_400 + second, &account, ip, &card, prompt, 0);
            }
        }
    }

    /// 64 accounts that keep one of 16 addresses and one of 8 cards each, and take turns, more by day than by night.
    fn fixed_grid(&mut self, name: &'static str) {
        let addresses: Vec<String> = (0..16).map(|_| self.random.address()).collect();
        let cards: Vec<u64> = (0..64).map(|_| self.random.below(8)).collect();
        let mut seconds: Vec<u64> = (0..9_000)
            .map(|_| {
                let within =
                    if self.random.chance(35) { self.random.below(86_400) } else { 28_800 + self.random.below(43_200) };
                self.random.below(30) * 86_400 + within
            })
            .collect();
        seconds.sort_unstable();
        // Nearly in turn: whoever is next may be one of the next few.
        let mut turns: Vec<(u64, u64)> = (0..9_000).map(|turn| (turn + self.random.below(6), turn * 37 % 64)).collect();
        turns.sort_unstable();
        for (second, (_, member)) in seconds.into_iter().zip(turns) {
            let (account, card) = (format!("{name}{member}"), format!("{name}-{}", cards[member as usize]));
            self.labels.insert(account.clone(), name);
            self.row_at(second, &account, &addresses[(member % 16) as usize], &card, String::new(), 0);
        }
    }

    /// Accounts that share a few addresses, cards and prompts at any time, day and night.
    fn ring(&mut self, name: &str, size: u64, (addresses, cards, prompts): (u64, u64, u64)) -> Vec<String> {
        let addresses: Vec<String> = (0..addresses).map(|_| self.random.address()).collect();
        let accounts: Vec<String> = (0..size).map(|member| format!("{name}{member}")).collect();
        for (account, member) in accounts.iter().zip(0..) {
            for _ in 0..10 + self.random.below(30) {
                let ip = addresses[self.random.below(addresses.len() as u64) as usize].clone();
                let prompt = match self.random.chance(75) {
                    true => format!("{name}-{}", self.random.below(prompts)),
                    false => self.random.prompt(),
                };
                self.row(Clock::Uniform, account, &ip, &format!("{name}-{}", member % cards), prompt);
            }
        }
        accounts
    }

    /// Groups of `size` that are as regular as a machine, and no operator's.
    fn regular(&mut self, size: u64) {
        const HOUR: u64 = 3_600;
        let (school, company, batch) = (self.random.address(), self.random.address(), self.random.address());
        let app: Vec<String> = (0..3).map(|_| self.random.address()).collect();
        for member in 0..size {
            for name in ["class", "timers", "batch", "benchmark", "digest"] {
                self.groups.insert(format!("{name}{member}"), name);
            }
            let (home, phase) = (self.random.address(), self.random.below(2 * HOUR));
            let evening = self.random.below(23);
            for day in 0..30 {
                let within = |random: &mut Random, hours: u64| random.below(hours * HOUR);
                // Every exercise once, in the same evenings, mostly from the school.
                if day % 2 == 0 {
                    let at = (day * 24 + 16) * HOUR + within(&mut self.random, 5);
                    let ip = if self.random.chance(70) { school.clone() } else { home.clone() };
                    let account = format!("class{member}");
                    self.row_at(at, &account, &ip, &account, format!("exercise{}", day / 2), 0);
                }
                // A company's services on one card: each on its own minute, and all of them at the full hour.
                for hour in (0..24).step_by(2) {
                    let at = (day * 24 + hour) * HOUR;
                    let prompt = format!("timers{}", member % 4 * 3 + self.random.below(3));
                    let jitter = self.random.below(60);
                    self.row_at(at + phase + jitter, &format!("timers{member}"), &company, "timers", prompt, 1);
                    let prompt = format!("batch{}", self.random.below(12));
                    self.row_at(at + jitter, &format!("batch{member}"), &batch, "batch", prompt, 1);
                }
                // A crowd that runs one public set every day, each at home and at its own hour.
                for prompt in 0..12 {
                    let at = (day * 24 + evening) * HOUR + within(&mut self.random, 1) / 2;
                    let account = format!("benchmark{member}");
                    self.row_at(at, &account, &home, &account, format!("set{prompt}"), 2);
                }
                // Users of one app, which asks for each of them at seven, through its own addresses.
                let (at, ip) =
                    ((day * 24 + 7) * HOUR + within(&mut self.random, 1) / 5, app[self.random.below(3) as usize].clone());
                let (account, prompt) = (format!("digest{member}"), format!("digest{}", self.random.below(4)));
                self.row_at(at, &account, &ip, &account, prompt, 3);
            }
        }
    }

    /// Accounts with a card and an address each, over which one queue deals out one kind of work, with strays.
    fn queue(&mut self, name: &'static str, size: u64) {
        let homes: Vec<String> = (0..size).map(|_| self.random.address()).collect();
        for turn in 0..size * 60 {
            let member = if self.random.chance(85) { turn % size } else { self.random.below(size) };
            let account = format!("{name}{member}");
            self.labels.insert(account.clone(), name);
            let second = turn * (30 * 86_400 - 600) / (size * 60) + self.random.below(180);
            let prompt =
                if self.random.chance(80) { format!("{name}-{}", self.random.below(20)) } else { self.random.prompt() };
            let purpose = if self.random.chance(70) { 4 } else { self.random.below(5) };
            self.row_at(second, &account, &homes[member as usize], &account, prompt, purpose);
        }
    }

    /// The same with a single prompt, as requests come: more by day, each to the account that has rested longest.
    fn dealt(&mut self, name: &'static str, size: u64) {
        let homes: Vec<String> = (0..size).map(|_| self.random.address()).collect();
        let mut seconds: Vec<u64> = Vec::new();
        while (seconds.len() as u64) < size * 60 {
            let second = self.random.below(30 * 86_400);
            if (8..20).contains(&(second / 3_600 % 24)) || self.random.chance(25) {
                seconds.push(second);
            }
        }
        seconds.sort_unstable();
        for (turn, second) in (0..).zip(seconds) {
            let (member, purpose) = (turn % size, if self.random.chance(85) { 4 } else { self.random.below(5) });
            let account = format!("{name}{member}");
            self.row_at(second, &account, &homes[member as usize], &account, name.to_owned(), purpose);
            if self.random.chance(20) {
                let (second, prompt) = (self.random.below(30 * 86_400), self.random.prompt());
                self.row_at(second, &account, &homes[member as usize], &account, prompt, 0);
            }
            self.labels.insert(account, name);
        }
    }

    /// One pool, cards and addresses across each other, that serves three tenants, who ask for different things in different
    /// weeks.
    fn tenants(&mut self, name: &'static str, size: u64) {
        let addresses: Vec<String> = (0..size / 2).map(|_| self.random.address()).collect();
        for (tenant, (percent, first, days)) in (1..).zip(TENANTS) {
            let requests = size * percent;
            for turn in 0..requests {
                let member = if self.random.chance(85) { turn % size } else { self.random.below(size) };
                let account = format!("{name}{member}");
                let ip = &addresses[((member + 7 * self.random.below(3)) % (size / 2)) as usize].clone();
                let second = first * 86_400 + turn * (days * 86_400 - 600) / requests + self.random.below(180);
                let prompt = format!("{name}-{tenant}-{}", self.random.below(30));
                self.row_at(second, &account, ip, &format!("{name}-{}", member / 8), prompt, tenant);
                self.labels.insert(account, name);
            }
        }
    }

    /// Strangers who came upon one prompt, with a card and an address each: half of them in sittings, half by jobs, each of which
    /// has a minute of its own every few hours.
    fn crowds(&mut self, size: u64) {
        const HOUR: u64 = 3_600;
        for member in 0..size {
            let (home, phase) = (self.random.address(), self.random.below(5 * HOUR));
            for name in ["viral", "jobs"] {
                self.groups.insert(format!("{name}{member}"), name);
            }
            for _ in 0..6 {
                let sitting = self.random.below(25 * 24) * HOUR + self.random.below(HOUR);
                for request in 0..5 + self.random.below(10) {
                    let (account, at) = (format!("viral{member}"), sitting + request * 70 + self.random.below(60));
                    self.row_at(at, &account, &home, &account, "viral".to_owned(), 0);
                }
            }
            for start in (0..29 * 24 * HOUR).step_by(5 * HOUR as usize) {
                let (account, at) = (format!("jobs{member}"), start + phase + self.random.below(60));
                self.row_at(at, &account, &home, &account, "job".to_owned(), 1);
            }
        }
    }

    /// A course: four exercises every weekday for four weeks, all in one morning with pauses, most from the school's address if it
    /// has one; and something else at other times.
    fn course(&mut self, name: &'static str, size: u64, has_school: bool) {
        let school = self.random.address();
        for member in 0..size {
            let (account, home) = (format!("{name}{member}"), self.random.address());
            self.groups.insert(account.clone(), name);
            // 2026-01-01 was a Thursday: days 4 to 8 are a week of work.
            for day in (4..29).filter(|day| !matches!(day % 7, 2 | 3)) {
                let mut second = day * 86_400 + 8 * 3_600 + (0..3).map(|_| self.random.below(7_200)).sum::<u64>();
                for exercise in 0..4 {
                    let ip = if has_school && self.random.chance(70) { &school } else { &home };
                    self.row_at(second, &account, ip, &account, format!("{name}{day}-{exercise}"), 1);
                    second += self.random.below(2_700);
                }
            }
            for _ in 0..5 + self.random.below(15) {
                let prompt = self.random.prompt();
                self.row(Clock::Evening, &account, &home, &account, prompt);
            }
        }
    }

    /// Strangers who run sixty prompts of a public set in one go, once to three times, at any hour of the month.
    fn runs(&mut self, size: u64) {
        for member in 0..size {
            let (account, home) = (format!("runs{member}"), self.random.address());
            self.groups.insert(account.clone(), "runs");
            for _ in 0..1 + self.random.below(3) {
                let (start, from) = (self.random.below(29 * 86_400), self.random.below(300));
                for number in 0..60 {
                    self.row_at(start + 3 * number, &account, &home, &account, format!("set{}", (from + 7 * number) % 300), 2);
                }
            }
            for _ in 0..20 + self.random.below(20) {
                let prompt = self.random.prompt();
                self.row(Clock::Evening, &account, &home, &account, prompt);
            }
        }
    }

    /// Accounts made in two sittings of half an hour, on a device for six and two of `size / 5` addresses, that do what
    /// everybody does; everybody else was made some time of ten months.
    fn farm(&mut self, name: &'static str, size: u64) {
        for account in self.rows.iter().map(|row| row[1].clone()).collect::<BTreeSet<_>>() {
            let (month, day, hour) = (self.random.below(10) + 1, self.random.below(28) + 1, self.random.below(24));
            self.created.insert(account, format!("2025-{month:02}-{day:02}T{hour:02}:{:02}:00Z", self.random.below(60)));
        }
        let addresses: Vec<String> = (0..size / 5).map(|_| self.random.address()).collect();
        for member in 0..size {
            let account = format!("{name}{member}");
            self.labels.insert(account.clone(), name);
            self.created.insert(account.clone(), format!("2025-12-{:02}T09:{:02}:00Z", 10 + member % 2, self.random.below(30)));
            let (first, device) = (self.random.below(size / 5), member % (size / 6));
            for _ in 0..6 + self.random.below(20) {
                let ip = addresses[((first + 3 * self.random.below(2)) % (size / 5)) as usize].clone();
                self.row(Clock::Uniform, &account, &ip, &format!("{name}-{device}"), String::new());
            }
        }
    }

    fn csv(&self, columns: &[usize]) -> String {
        const NAMES: [&str; 7] =
            ["timestamp", "account_id", "ip", "payment_instrument", "prompt_template_hash", "capability", "device"];
        let line = |row: &[&str]| columns.iter().map(|&column| row[column]).collect::<Vec<_>>().join(",");
        let mut text = line(&NAMES) + "\n";
        for row in &self.rows {
            let [time, account, ip, card, prompt, purpose] = row.each_ref().map(String::as_str);
            let _ = writeln!(text, "{}", line(&[time, account, ip, card, prompt, purpose, card]));
        }
        text
    }
}

/// Of each operator the precision and recall of its network, and the benign accounts flagged.
fn found(world: &World, columns: &[usize]) -> (BTreeMap<String, (f64, f64)>, u64) {
    found_at(&Bench::new(), world, columns, "")
}

/// The same, with the store left there. `map`: further kinds, as a file for `--map` has them.
fn found_at(bench: &Bench, world: &World, columns: &[usize], map: &str) -> (BTreeMap<String, (f64, f64)>, u64) {
    found_in(bench, world, world.csv(columns), map)
}

/// The same of rows that are written already.
fn found_in(bench: &Bench, world: &World, rows: String, map: &str) -> (BTreeMap<String, (f64, f64)>, u64) {
    let table = |of: &BTreeMap<String, &'static str>| {
        of.iter().map(|(account, name)| format!("{account},{name}\n")).collect::<String>()
    };
    let events = bench.file("events.csv", rows);
    let labels = bench.file("labels.csv", "account_id,network\n".to_owned() + &table(&world.labels));
    let groups = bench.file("groups.csv", "account_id,group\n".to_owned() + &table(&world.groups));
    let accounts = if world.created.is_empty() {
        "account_id,org\n".to_owned() + &table(&world.organisations)
    } else {
        let line = |(account, made): (&String, &String)| format!("{account},{made}\n");
        "account_id,created_at\n".to_owned() + &world.created.iter().map(line).collect::<String>()
    };
    let accounts = bench.file("accounts.csv", accounts);
    let map = bench.file("map.toml", map);
    bench.ok(&["build", &events, "--accounts", &accounts, "--map", &map, "-o", "store", "--quiet"]);
    let flagged = bench.run(&["detect", "store", "--quiet"]);
    assert_eq!(flagged.code, i32::from(world.labels.is_empty()), "{}{}", flagged.stdout, flagged.stderr);
    let judged = bench.ok(&["evaluate", "store", "--labels", &labels, "--benign", &groups, "--format", "json"]).json();
    let networks = judged["networks"].as_array().expect("networks").iter().map(|network| {
        let number = |key: &str| network[key].as_f64().unwrap_or_default();
        (network["truth"].as_str().unwrap_or_default().to_owned(), (number("precision"), number("recall")))
    });
    (networks.collect(), judged["benign_flagged"].as_u64().expect("a number"))
}

const ALL: [usize; 5] = [0, 1, 2, 3, 4];

fn with_operators(seed: u64) -> World {
    let mut world = World::benign(seed);
    world.operator("large", 400);
    world.operator("small", 60);
    world
}

#[test]
fn operators_whose_times_say_nothing_are_found_whole_and_nobody_else() {
    for seed in 1..=2 {
        let (networks, benign) = found(&with_operators(seed), &ALL);
        assert_eq!(networks["large"], (1.0, 1.0), "seed {seed}");
        assert_eq!(networks["small"], (1.0, 1.0), "seed {seed}");
        assert_eq!(benign, 0, "seed {seed}");
    }
}

#[test]
fn without_prompts_or_without_times_cards_and_addresses_are_enough_for_the_large_one() {
    let world = with_operators(3);
    for columns in [&ALL[..4], &ALL[1..]] {
        let (networks, benign) = found(&world, columns);
        let (precision, recall) = networks["large"];
        assert!(precision >= 0.98 && recall >= 0.98, "{columns:?}: {precision} {recall}");
        assert_eq!(benign, 0, "{columns:?}");
    }
}

#[test]
fn clusters_that_one_set_of_cards_pays_for_and_a_grid_without_prompts_are_found_whole() {
    let mut world = World::of_homes(4, 2_500);
    world.by_plan("planned", 1_500);
    let (networks, benign) = found(&world, &ALL);
    assert!(networks["planned"].0 >= 0.99 && networks["planned"].1 >= 0.99, "{networks:?}");
    assert_eq!(benign, 0);
    let mut world = World::of_homes(5, 1_500);
    world.fixed_grid("grid");
    let (networks, benign) = found(&world, &ALL[..4]);
    assert!(networks["grid"].0 >= 0.95 && networks["grid"].1 >= 0.95, "{networks:?}");
    assert_eq!(benign, 0);
}

/// What an organisation's services look like is an operator's shape, unless it says whose they are.
#[test]
fn small_rings_on_a_few_addresses_are_found_and_services_of_a_known_organisation_are_left_alone() {
    for seed in [8, 9] {
        let mut world = World::benign(seed);
        for (name, size, shares) in [("wide", 200, (5, 40, 3)), ("middle", 50, (5, 5, 5)), ("narrow", 20, (3, 4, 4))] {
            let accounts = world.ring(name, size, shares);
            world.labels.extend(accounts.into_iter().map(|account| (account, name)));
        }
        for (name, size, shares) in [("service", 30, (2, 3, 6)), ("fleet", 60, (3, 5, 9))] {
            let accounts = world.ring(name, size, shares);
            world.groups.extend(accounts.iter().map(|account| (account.clone(), name)));
            world.organisations.extend(accounts.into_iter().map(|account| (account, name)));
        }
        let (networks, benign) = found(&world, &ALL);
        for name in ["wide", "middle", "narrow"] {
            assert_eq!(networks[name], (1.0, 1.0), "seed {seed}, {name}");
        }
        assert_eq!(benign, 0, "seed {seed}");
    }
}

/// Where nobody pays, devices stand in for cards.
#[test]
fn devices_tell_a_network_of_free_accounts() {
    const DEVICES: [usize; 5] = [0, 1, 2, 6, 4];
    let (networks, benign) = found(&with_operators(10), &DEVICES);
    assert_eq!(networks["large"], (1.0, 1.0));
    assert_eq!(benign, 0);
    assert_eq!(found(&World::benign(11), &DEVICES).1, 0);
}

/// A column of what everybody does alike, here five purposes at random, neither hides a network nor makes one.
#[test]
fn a_sign_up_farm_is_found_with_a_column_of_actions_as_without_it() {
    const DEVICES: [usize; 4] = [0, 1, 2, 6];
    for (seed, size) in [(12, 40), (13, 90)] {
        let mut world = World::benign(seed);
        world.farm("farm", size);
        for columns in [&DEVICES[..], &[0, 1, 2, 6, 5]] {
            let (networks, benign) = found(&world, columns);
            assert_eq!((networks["farm"], benign), ((1.0, 1.0), 0), "{size} accounts, {columns:?}");
        }
    }
}

/// Columns that follow from others say nothing new, and take nothing away.
#[test]
fn derived_columns_neither_hide_a_network_nor_make_one() {
    let derived =
        [("subnet", "ip", "subnet/24/56"), ("site", "ip", "subnet/16/32"), ("customer", "payment_instrument", "lowercase")]
            .map(|(kind, column, normaliser)| format!("[kinds.{kind}]\ncolumn = \"{column}\"\nnormaliser = \"{normaliser}\"\n"))
            .concat();
    for columns in [&ALL[..], &ALL[..4]] {
        let (networks, benign) = found_at(&Bench::new(), &with_operators(6), columns, &derived);
        let (precision, recall) = networks["large"];
        assert!(precision >= 0.98 && recall >= 0.98, "{columns:?}: {precision} {recall}");
        assert_eq!(benign, 0, "{columns:?}");
    }
    let bench = Bench::new();
    assert_eq!(found_at(&bench, &World::benign(7), &ALL, &derived).1, 0);
    let said = bench.run(&["detect", "store", "--no-progress"]).stderr;
    let follows: Vec<&str> = said.lines().filter_map(|line| Some(line.split_once(" follows from ")?.0)).collect();
    assert_eq!(follows, ["payment_instrument", "site", "subnet", "subnet"], "{said}");
}

/// Seventy columns in which a third of the accounts each have something of their own say nothing of anybody: the scores stay,
/// and core members are core by what they share, though its kinds come after the seventy.
#[test]
fn columns_that_nobody_shares_anything_in_change_nothing() {
    const KINDS: u64 = 70;
    let world = with_operators(12);
    let of_own = |account: &str, kind: u64| {
        let seed = account.bytes().fold(kind, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
        if Random(seed).chance(33) { format!("{account}-{kind}") } else { String::new() }
    };
    let rows = world.csv(&ALL);
    let mut lines = rows.lines();
    let mut wider = lines.next().expect("a header").to_owned();
    (0..KINDS).for_each(|kind| wider += &format!(",aa{kind:02}"));
    for line in lines {
        let account = line.split(',').nth(1).expect("an account");
        wider += &format!("\n{line}");
        (0..KINDS).for_each(|kind| wider += &format!(",{}", of_own(account, kind)));
    }
    let map: String = (0..KINDS).map(|kind| format!("[kinds.aa{kind:02}]\ncolumn = \"aa{kind:02}\"\n")).collect();
    let summary = |rows: String, map: &str| {
        let bench = Bench::new();
        let found = found_in(&bench, &world, rows, map);
        let first = bench.ok(&["networks", "store", "--top", "1", "--format", "json"]).json()[0].clone();
        let score = first["score"].as_f64().expect("a score");
        (found, first["accounts"].clone(), first["core"].clone(), (score * 10.0).round())
    };
    let narrow = summary(rows.clone(), "");
    assert_eq!(narrow.0.0["large"], (1.0, 1.0));
    assert_eq!(summary(wider, &map), narrow);
}

#[test]
fn where_there_is_no_operator_nothing_is_found() {
    for columns in [&ALL[..], &ALL[..4], &ALL[1..]] {
        assert_eq!(found(&World::benign(4), columns).1, 0, "{columns:?}");
    }
}

#[test]
fn who_is_as_regular_as_a_machine_is_left_alone_and_a_queue_is_not() {
    for (seed, size) in [(5, 15), (6, 40), (7, 150)] {
        let mut world = World::benign(seed);
        world.regular(size);
        world.queue("queue", size);
        let (networks, benign) = found(&world, &[0, 1, 2, 3, 4, 5]);
        assert_eq!(networks["queue"], (1.0, 1.0), "{size} accounts");
        assert_eq!(benign, 0, "{size} accounts");
    }
}

#[test]
fn courses_at_school_and_at_home_and_runs_of_a_public_set_are_left_alone() {
    for (seed, size) in [(12, 40), (13, 90), (14, 150)] {
        let mut world = World::benign(seed);
        world.course("school", size, true);
        world.course("remote", size, false);
        world.runs(size);
        world.queue("queue", size);
        let (networks, benign) = found(&world, &[0, 1, 2, 3, 4, 5]);
        assert_eq!((networks["queue"], benign), ((1.0, 1.0), 0), "{size} accounts");
    }
}

#[test]
fn one_prompt_that_is_dealt_out_is_told_from_one_that_a_crowd_uses() {
    for (seed, size) in [(8, 30), (9, 60), (10, 120)] {
        let mut world = World::benign(seed);
        world.crowds(30);
        world.dealt("dealt", size);
        let (networks, benign) = found(&world, &[0, 1, 2, 3, 4, 5]);
        let (precision, recall) = networks["dealt"];
        assert!(precision == 1.0 && recall >= 0.95, "{size} accounts: {precision} {recall}");
        assert_eq!(benign, 0, "{size} accounts");
    }
}

#[test]
fn one_pool_of_three_tenants_is_one_network_and_three_campaigns() {
    let (bench, mut world) = (Bench::new(), World::benign(11));
    world.tenants("pool", 120);
    let (networks, benign) = found_at(&bench, &world, &[0, 1, 2, 3, 4, 5], "");
    assert_eq!((networks["pool"], benign), ((1.0, 1.0), 0));
    let layers = bench.ok(&["layers", "store", "--format", "json"]).json();
    assert_eq!(layers["pools"].as_array().map(Vec::len), Some(1));
    let campaigns = layers["campaigns"].as_array().expect("campaigns");
    assert_eq!(campaigns.len(), 3, "{campaigns:?}");
    for (tenant, (campaign, (percent, ..))) in (1..).zip(campaigns.iter().zip(TENANTS)) {
        let top = campaign["top_template"].as_str().expect("a template");
        assert!(top.starts_with(&format!("prompt_template_hash:pool-{tenant}-")), "{campaign}");
        assert_eq!(campaign["exchanges"], 120 * percent, "{campaign}");
    }
}
