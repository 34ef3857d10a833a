//! What a stranger would write to try the tool: rows of accounts, and whose they are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// SplitMix64 (Steele, Lea & Flood 2014, doi:10.1145/2714064.2660195).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn address(&mut self) -> String {
        let [a, b, c] = [self.below(180) + 20, self.below(256), self.below(254) + 1];
        format!("{a}.{b}.7.{c}").replacen("127.", "126.", 1)
    }

    /// Some prompt of everybody's: few are popular.
    pub(crate) fn prompt(&mut self) -> String {
        if self.chance(50) { format!("popular{}", self.below(150)) } else { format!("own{}", self.next()) }
    }
}

/// When things happen.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Clock {
    /// Any time of thirty days.
    Uniform,
    /// Weekdays, nine to six.
    Office,
    /// Afternoons and evenings.
    Evening,
}

/// Of three tenants the requests to each account, the first of their days, and their number.
pub(crate) const TENANTS: [(u64, u64, u64); 3] = [(70, 1, 28), (20, 5, 15), (10, 12, 16)];

/// Rows and the truth.
pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) rows: Vec<[String; 6]>,
    pub(crate) labels: BTreeMap<String, &'static str>,
    pub(crate) groups: BTreeMap<String, &'static str>,
    /// Of those whose account table says so.
    pub(crate) organisations: BTreeMap<String, &'static str>,
    /// When they were made, of those whose account table says so.
    pub(crate) created: BTreeMap<String, String>,
}

impl World {
    pub(crate) fn row(&mut self, clock: Clock, account: &str, ip: &str, card: &str, prompt: String) {
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
    pub(crate) fn row_at(&mut self, second: u64, account: &str, ip: &str, card: &str, prompt: String, purpose: u64) {
        let (minute, hour, day) = (second / 60 % 60, second / 3_600 % 24, second / 86_400 % 30 + 1);
        let time = format!("2026-01-{day:02}T{hour:02}:{minute:02}:{:02}Z", second % 60);
        self.rows.push([time, account.to_owned(), ip.to_owned(), card.to_owned(), prompt, format!("purpose{purpose}")]);
    }

    /// One or two accounts to each of so many homes, with a card each.
    pub(crate) fn of_homes(seed: u64, homes: u64) -> World {
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
    pub(crate) fn benign(seed: u64) -> World {
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
    pub(crate) fn operator(&mut self, name: &'static str, size: u64) {
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
    pub(crate) fn by_plan(&mut self, name: &'static str, size: u64) {
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
    pub(crate) fn fixed_grid(&mut self, name: &'static str) {
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
    pub(crate) fn ring(&mut self, name: &str, size: u64, (addresses, cards, prompts): (u64, u64, u64)) -> Vec<String> {
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
    pub(crate) fn regular(&mut self, size: u64) {
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
    pub(crate) fn queue(&mut self, name: &'static str, size: u64) {
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
    pub(crate) fn dealt(&mut self, name: &'static str, size: u64) {
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

    /// An address and a card for each account, and requests dealt out in turn as they come, more by day than by night.
    pub(crate) fn in_turn(&mut self, name: &'static str, size: u64) {
        let homes: Vec<String> = (0..size).map(|_| self.random.address()).collect();
        let mut seconds: Vec<u64> = (0..size * 60)
            .map(|_| {
                let hour = if self.random.chance(50) { self.random.below(24) } else { 8 + self.random.below(10) };
                self.random.below(30) * 86_400 + hour * 3_600 + self.random.below(3_600)
            })
            .collect();
        seconds.sort_unstable();
        for (turn, second) in (0..).zip(seconds) {
            let (member, prompt) = (turn % size, self.random.prompt());
            let account = format!("{name}{member}");
            self.labels.insert(account.clone(), name);
            let purpose = self.random.below(5);
            self.row_at(second, &account, &homes[member as usize], &account, prompt, purpose);
        }
    }

    /// An operator with a card for seven accounts, made in one hour and each in its turn, and customers of the vendor whose exits it
    /// rents, all of them on all exits.
    pub(crate) fn at_one_vendor(&mut self, name: &'static str, size: u64, customers: u64) {
        let exits: Vec<String> = (0..150).map(|_| self.random.address()).collect();
        let exit = |random: &mut Random| exits[random.below(150) as usize].clone();
        for customer in 0..customers {
            let account = format!("vpn{customer}");
            self.groups.insert(account.clone(), "vpn");
            for _ in 0..20 + self.random.below(60) {
                let (ip, prompt) = (exit(&mut self.random), self.random.prompt());
                self.row(Clock::Evening, &account, &ip, &account, prompt);
            }
        }
        self.make_everybody();
        let mut seconds: Vec<u64> = (0..size * 60).map(|_| self.random.below(30 * 86_400)).collect();
        seconds.sort_unstable();
        for (turn, second) in (0..).zip(seconds) {
            let (member, ip) = (turn % size, exit(&mut self.random));
            let (account, prompt) = (format!("{name}{member}"), format!("{name}-{}", self.random.below(20)));
            self.row_at(second, &account, &ip, &format!("{name}-{}", member % (size / 7)), prompt, 4);
            self.created.insert(account.clone(), format!("2025-12-20T09:{:02}:00Z", member % 60));
            self.labels.insert(account, name);
        }
    }

    /// One pool, cards and addresses across each other, that serves three tenants, who ask for different things in different
    /// weeks.
    pub(crate) fn tenants(&mut self, name: &'static str, size: u64) {
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

    /// Addresses of its own for each account, a card for four, and one prompt that all of them begin within half an hour, in the
    /// hours of another part of the world.
    pub(crate) fn elsewhere(&mut self, name: &'static str, size: u64) {
        for member in 0..size {
            let account = format!("{name}-{member}");
            let (addresses, card) = ([self.random.address(), self.random.address()], format!("{name}-{}", member / 4));
            for request in 0..60 + self.random.below(40) {
                let (day, minute) = match request {
                    0 => (9, 60 + self.random.below(30)),
                    _ => (9 + self.random.below(20), 60 + self.random.below(9 * 60)),
                };
                let ip = self.random.below(2) as usize;
                self.row_at((day * 1_440 + minute) * 60, &account, &addresses[ip], &card, format!("{name}-prompt"), 1);
            }
            self.labels.insert(account, name);
        }
    }

    /// Strangers who came upon one prompt, with a card and an address each: half of them in sittings, half by jobs, each of which
    /// has a minute of its own every few hours.
    pub(crate) fn crowds(&mut self, size: u64) {
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
    pub(crate) fn course(&mut self, name: &'static str, size: u64, has_school: bool) {
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
    pub(crate) fn runs(&mut self, size: u64) {
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

    /// Whoever is there was made some time of ten months.
    fn make_everybody(&mut self) {
        for account in self.rows.iter().map(|row| row[1].clone()).collect::<BTreeSet<_>>() {
            let (month, day, hour) = (self.random.below(10) + 1, self.random.below(28) + 1, self.random.below(24));
            self.created.insert(account, format!("2025-{month:02}-{day:02}T{hour:02}:{:02}:00Z", self.random.below(60)));
        }
    }

    /// Accounts made in two sittings of half an hour, on a device for six and two of `size / 5` addresses, that do what
    /// everybody does; everybody else was made some time of ten months.
    pub(crate) fn farm(&mut self, name: &'static str, size: u64) {
        self.make_everybody();
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

    pub(crate) fn csv(&self, columns: &[usize]) -> String {
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
