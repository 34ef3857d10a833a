#!/usr/bin/env python3
"""A world apart from `hydralink synth`: a service's log with operators and with look-alikes, written without its code.

    lookalikes.py DIRECTORY --seed 1 [--people 8000] [--without prompt_template_hash] [--harmless]

Writes events.csv, accounts.csv, releases.csv, labels.csv (accounts of operators) and groups.csv (what each other account is).
Then: hydralink build DIRECTORY/events.csv --accounts DIRECTORY/accounts.csv --releases DIRECTORY/releases.csv -o STORE &&
hydralink detect STORE && hydralink evaluate STORE --labels DIRECTORY/labels.csv --benign DIRECTORY/groups.csv
Only the standard library is needed; the same arguments give the same bytes.
"""
import argparse
import bisect
import csv
import datetime
import itertools
import pathlib
import random

DAY = 86_400
DAYS = 42
BEGIN = int(datetime.datetime(2026, 5, 4, tzinfo=datetime.timezone.utc).timestamp())
RELEASES = [("m-1", -90), ("m-2", 12), ("m-3", 29)]
COLUMNS = ["timestamp", "account_id", "ip", "payment_instrument", "device", "user_agent", "email_domain",
           "prompt_template_hash", "model", "capability", "status"]
AGENTS = [f"agent/{major}.{minor}" for major in range(3) for minor in range(7)]
CAPABILITIES = ["chat", "code", "summarise", "translate", "extract", "reason"]
MAIL = ["mail.example", "post.example", "inbox.example", "letters.example"]


class World:
    def __init__(self, seed, people):
        self.random = random.Random(f"apart {seed}")
        self.rows, self.accounts, self.groups, self.labels = [], {}, {}, {}
        self.people_count = people
        # What everybody uses: prompts of popular tools, by a heavy tail.
        self.popular = [self.token("t") for _ in range(400)]
        self.popularity = list(itertools.accumulate(1 / (rank + 3) for rank in range(400)))
        # Homes, whose addresses proxy vendors rent as well.
        self.homes = [self.address() for _ in range(people)]
        self.carriers = [self.address() for _ in range(12)]

    def token(self, prefix):
        return f"{prefix}{self.random.getrandbits(48):012x}"

    def address(self):
        return ".".join(str(self.random.randrange(*within)) for within in [(20, 100), (1, 255), (1, 255), (1, 255)])

    def popular_prompt(self):
        return self.popular[bisect.bisect(self.popularity, self.random.random() * self.popularity[-1])]

    def account(self, group, operator=None, created=None, org="", pathway="consumer", country=None):
        name = self.token("a")
        born = self.random.uniform(-400, DAYS - 5) if created is None else created
        country = country or self.random.choice(["DE", "US", "IN", "BR", "FR", "GB", "JP", "PL"])
        self.accounts[name] = dict(account_id=name, created_at=stamp(born * DAY), pathway=pathway, country=country, org=org,
                                   banned_at="", status="active")
        self.groups[name] = group
        if operator:
            self.labels[name] = operator
        return Account(self, name, born)

    def ban(self, account, day):
        self.accounts[account.name].update(banned_at=stamp(day * DAY), status="banned")
        account.banned = day


class Account:
    """Somebody's habits; every field may be set by who makes it."""

    def __init__(self, world, name, born):
        chance = world.random
        self.world, self.name, self.born, self.banned = world, name, max(born, 0.0), None
        self.card, self.mail = world.token("c"), chance.choice(MAIL)
        self.devices, self.agent = [world.token("d")], chance.choice(AGENTS)
        self.addresses = [chance.choice(world.homes)]
        self.own = [world.token("t") for _ in range(chance.randrange(2, 30))]
        self.work = chance.choices(CAPABILITIES, [5, 4, 2, 1, 1, 1])[0]
        self.hour, self.pivot = chance.gauss(15, 4), chance.expovariate(1 / 6)

    def prompt(self):
        return self.world.popular_prompt() if self.world.random.random() < 0.35 else self.world.random.choice(self.own)

    def ask(self, at, prompt=None, address=None, capability=None, status=200, device=None):
        """A request at a time in days; nothing before the account is made or after it is banned."""
        chance = self.world.random
        if not self.born <= at < DAYS or (self.banned is not None and at >= self.banned):
            return
        released = [name for name, day in RELEASES if day + (self.pivot if day > 0 else 0) <= at]
        model = released[-1] if chance.random() < 0.8 else chance.choice(released)
        self.world.rows.append((
            int(at * DAY * 1000), self.name, address or chance.choice(self.addresses), self.card,
            device or chance.choice(self.devices), self.agent, self.mail, prompt or self.prompt(), model,
            capability or (self.work if chance.random() < 0.7 else chance.choice(CAPABILITIES)), status))

    def live(self, a_day, prompt=None, weekend=0.7, width=3.0):
        """Sittings on some days around the account's own hour."""
        chance = self.world.random
        for day in range(int(self.born), DAYS):
            if (day % 7 >= 5 and chance.random() > weekend) or chance.random() > 0.6:
                continue
            at = day + (chance.gauss(self.hour, width) % 24) / 24
            for _ in range(1 + int(chance.expovariate(1 / a_day))):
                self.ask(at, prompt() if prompt else None)
                at += chance.expovariate(1 / 180) / DAY


def stamp(seconds):
    return datetime.datetime.fromtimestamp(BEGIN + int(seconds), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


# ---- everybody

def people(world):
    chance = world.random
    for _ in range(world.people_count):
        one = world.account("person")
        if chance.random() < 0.4:
            one.addresses.append(chance.choice(world.carriers))
        if chance.random() < 0.2:
            one.addresses.append(chance.choice(world.homes))
        if chance.random() < 0.04:
            relative = world.account("person")
            relative.card, relative.addresses = one.card, one.addresses[:1]
            relative.live(1.5)
        one.live(chance.choice([0.5, 1, 2, 4]))


# ---- operators

def hydra(world, size=400):
    """Rented residential exits, a card for fifteen, variations of one campaign beside customers' traffic, replaced when banned."""
    chance = world.random
    campaign = [world.token("t") for _ in range(250)]
    exits = chance.sample(world.homes, world.people_count // 5)
    cards = [world.token("c") for _ in range(size // 15)]
    def member(created):
        one = world.account("hydra", "hydra", created, pathway="api")
        one.card, one.addresses, one.pivot = chance.choice(cards), chance.sample(exits, 25), 0.5
        return one
    pool = [member(chance.uniform(0, 6)) for _ in range(size)]
    for day in range(4, DAYS):
        live = [one for one in pool if one.born <= day and (one.banned is None or one.banned > day)]
        chance.shuffle(live)
        queue = itertools.cycle(live)
        at = float(day)
        while at < day + 1:
            one = next(queue)
            if chance.random() < 0.7:
                one.ask(at, chance.choice(campaign), capability="reason")
            else:
                one.ask(at)
            at += chance.expovariate(len(live) * 4)
        for one in chance.sample(live, len(live) // 60):
            world.ban(one, day + chance.random())
            pool.append(member(one.banned + chance.uniform(0.05, 0.6)))


def static_pool(world, size=250):
    """One leased address and one virtual card each; nothing is shared but the campaign."""
    chance = world.random
    campaign = [world.token("t") for _ in range(120)]
    pool = []
    for _ in range(size):
        one = world.account("static_pool", "static_pool", chance.uniform(-20, 8), pathway="api")
        one.addresses, one.pivot = [world.address()], 0.7
        pool.append(one)
    for day in range(6, DAYS):
        at, live = day + 0.0, [one for one in pool if one.born <= day]
        while at < day + 1:
            live.sort(key=lambda one: getattr(one, "used", 0.0))
            one = live[chance.randrange(max(1, len(live) // 4))]
            one.used = at
            one.ask(at, chance.choice(campaign) if chance.random() < 0.8 else None, capability="code")
            at += chance.expovariate(len(live) * 3)


def desk(world, size=30):
    """People at desks with three cards and a dozen addresses, for whom one shift plans."""
    chance = world.random
    cards, exits = [world.token("c") for _ in range(4)], [world.address() for _ in range(14)]
    campaign = [world.token("t") for _ in range(40)]
    for _ in range(size):
        one = world.account("desk", "desk", chance.uniform(-3, 10))
        one.card, one.addresses, one.hour = chance.choice(cards), chance.sample(exits, 4), 13
        one.live(5, lambda: chance.choice(campaign) if chance.random() < 0.75 else world.popular_prompt(), weekend=0.1)


def trial_farm(world, size=220):
    """Free accounts of one day each, on devices and mail domains of the farm; no cards."""
    chance = world.random
    devices, exits = [world.token("d") for _ in range(size // 8)], [world.address() for _ in range(size // 6)]
    domains, campaign = [f"{world.token('')}.example" for _ in range(5)], [world.token("t") for _ in range(90)]
    for at in range(size):
        one = world.account("trial_farm", "trial_farm", 3 + 36 * at / size + chance.random() / 10)
        one.devices, one.addresses = [chance.choice(devices)], [chance.choice(exits)]
        one.card, one.mail = "", chance.choice(domains)
        time = one.born + chance.random() / 50
        for _ in range(chance.randrange(20, 50)):
            one.ask(time, chance.choice(campaign) if chance.random() < 0.9 else None, capability="extract")
            time += chance.expovariate(1 / 240) / DAY


def resale(world, size=45):
    """A gateway on eight servers that sells access; hundreds of strangers' prompts, each buyer for a while with one account."""
    chance = world.random
    servers, cards = [world.address() for _ in range(8)], [world.token("c") for _ in range(6)]
    pool = []
    for _ in range(size):
        one = world.account("resale", "resale", chance.uniform(-10, 20), pathway="api")
        one.card, one.addresses = chance.choice(cards), servers
        pool.append(one)
    for _ in range(600):
        own, hour = [world.token("t") for _ in range(8)], chance.gauss(14, 5)
        for day in chance.sample(range(3, DAYS), 12):
            one, at = chance.choice(pool), day + (chance.gauss(hour, 2) % 24) / 24
            for _ in range(chance.randrange(2, 9)):
                one.ask(at, chance.choice(own) if chance.random() < 0.7 else world.popular_prompt())
                at += chance.expovariate(1 / 200) / DAY


def hijacked(world, size=50):
    """Accounts of people, from day 20 also used by somebody else over nine exits."""
    chance = world.random
    exits, campaign = [world.address() for _ in range(9)], [world.token("t") for _ in range(60)]
    for _ in range(size):
        one = world.account("hijacked", "hijacked", chance.uniform(-300, -10))
        one.live(1.5)
        device = world.token("d")
        for _ in range(60):
            one.ask(20 + chance.random() * 22, chance.choice(campaign), chance.choice(exits), "reason", device=device)


# ---- look-alikes

def university(world, size=500):
    chance = world.random
    gates, course = [world.address() for _ in range(2)], [[world.token("t") for _ in range(6)] for _ in range(6)]
    for _ in range(size):
        one = world.account("university", created=chance.uniform(-30, 3), pathway="education", org="uni")
        one.card, one.mail = "", "uni.example"
        one.addresses += gates * 2
        one.live(1.5)
        for week, sheet in enumerate(course):
            at = week * 7 + chance.choice([1, 2, 3]) + chance.gauss(19, 2) / 24
            for exercise in sheet:
                one.ask(at, exercise)
                at += chance.expovariate(1 / 500) / DAY


def company(world, name, size, cards, known):
    """A prompt library, an office, a card for each department."""
    chance = world.random
    gates, paid = [world.address() for _ in range(2)], [world.token("c") for _ in range(cards)]
    library = [world.token("t") for _ in range(60)]
    for _ in range(size):
        one = world.account(name, created=chance.uniform(-200, 20), pathway="team", org=name if known else "", country="DE")
        one.card, one.addresses, one.hour, one.mail = chance.choice(paid), gates, 13, f"{name}.example"
        one.live(4, lambda one=one: chance.choice(library) if chance.random() < 0.4 else one.prompt(), weekend=0.03)


def product(world, size=180):
    """A product that calls with its customers' keys from four servers: its prompts, their cards, their hours."""
    chance = world.random
    servers, prompts = [world.address() for _ in range(4)], [world.token("t") for _ in range(30)]
    for _ in range(size):
        one = world.account("product", created=chance.uniform(-200, 30), pathway="api")
        one.live(0.7)
        for day in range(max(0, int(one.born)), DAYS):
            for _ in range(int(chance.expovariate(1 / 5))):
                at = day + (chance.gauss(one.hour, 3) % 24) / 24
                one.ask(at, chance.choice(prompts), chance.choice(servers), "summarise")


def vpn(world, size=350):
    exits = [world.address() for _ in range(40)]
    for _ in range(size):
        one = world.account("vpn")
        one.addresses = world.random.sample(exits, 6)
        one.live(2)


def extension(world, size=600):
    prompts = [world.token("t") for _ in range(6)]
    for _ in range(size):
        one = world.account("extension")
        one.live(2, lambda one=one: world.random.choice(prompts) if world.random.random() < 0.6 else one.prompt())


def agency(world, size=36):
    """One account for each client: two cards and one office, the clients' own work."""
    chance = world.random
    cards, office = [world.token("c") for _ in range(2)], [world.address()]
    for _ in range(size):
        one = world.account("agency", created=chance.uniform(-300, 25), pathway="api")
        one.card, one.addresses, one.hour = chance.choice(cards), office + one.addresses, 14
        one.live(4, lambda one=one: chance.choice(one.own), weekend=0.2)


def bootcamp(world, name="bootcamp", size=90, at_school=0.7):
    """Made on two days, the same exercises every day for four weeks, at school and at home."""
    chance = world.random
    gate = world.address()
    daily = {day: [world.token("t") for _ in range(4)] for day in range(5, 33) if day % 7 < 5}
    for _ in range(size):
        one = world.account(name, created=chance.uniform(4, 6))
        for day, exercises in daily.items():
            if chance.random() > 0.9:
                continue
            at = day + chance.gauss(11, 1.5) / 24
            for exercise in exercises:
                one.ask(at, exercise, gate if chance.random() < at_school else None, "code")
                at += chance.expovariate(1 / 900) / DAY
        one.live(1)


def remote_course(world):
    bootcamp(world, "remote_course", 70, 0.0)


def benchmark(world, size=110):
    suite = [world.token("t") for _ in range(300)]
    chance = world.random
    for _ in range(size):
        one = world.account("benchmark", pathway="api")
        one.live(1)
        for _ in range(chance.randrange(1, 4)):
            at = max(one.born, 0) + chance.random() * (DAYS - max(one.born, 0) - 1)
            for question in chance.sample(suite, 60):
                one.ask(at, question, capability="reason")
                at += chance.expovariate(1 / 3) / DAY


def freelancers(world, size=70):
    """A platform pays for all: one card, the platform's dozen prompts, addresses of their own."""
    card, prompts = world.token("c"), [world.token("t") for _ in range(12)]
    for _ in range(size):
        one = world.account("freelancers")
        one.card = card
        one.live(3, lambda one=one: world.random.choice(prompts) if world.random.random() < 0.5 else one.prompt())


def coworking(world, size=60):
    gates = [world.address() for _ in range(2)]
    for _ in range(size):
        one = world.account("coworking")
        one.addresses, one.hour = gates + one.addresses, 14
        one.live(3, weekend=0.1)


def builds(world, customers=15, projects=60):
    """Projects of several customers on the ten machines of one build service: own prompts, jobs day and night."""
    chance = world.random
    machines, hosts = [world.token("d") for _ in range(10)], [world.address() for _ in range(12)]
    cards = [world.token("c") for _ in range(customers)]
    for at in range(projects):
        one = world.account("builds", created=chance.uniform(-300, 10), pathway="api")
        one.card, one.devices, one.addresses = cards[at % customers], machines, hosts
        for _ in range(chance.randrange(40, 160)):
            one.ask(max(one.born, 0) + chance.random() * DAYS, chance.choice(one.own))


def startup(world, size=26):
    """Services of a young company, all on its three cards and four servers, day and night, one queue."""
    chance = world.random
    cards, servers = [world.token("c") for _ in range(3)], [world.address() for _ in range(4)]
    for _ in range(size):
        one = world.account("startup", created=chance.uniform(-100, 10), pathway="startup", org="young")
        one.card, one.addresses = chance.choice(cards), servers
        for _ in range(150):
            one.ask(max(one.born, 0) + chance.random() * DAYS, chance.choice(one.own))


OPERATORS = [hydra, static_pool, desk, trial_farm, resale, hijacked]
HARMLESS = [university, product, vpn, extension, agency, bootcamp, remote_course, benchmark, freelancers, coworking, builds,
            startup, lambda world: company(world, "known", 160, 5, True),
            lambda world: company(world, "unnamed", 60, 1, False)]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("directory", type=pathlib.Path)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--people", type=int, default=8_000)
    arguments.add_argument("--without", action="append", default=[], choices=COLUMNS[2:])
    arguments.add_argument("--harmless", action="store_true", help="no operators")
    given = arguments.parse_args()
    world = World(given.seed, given.people)
    people(world)
    for part in HARMLESS + ([] if given.harmless else OPERATORS):
        part(world)
    world.rows.sort()
    given.directory.mkdir(parents=True, exist_ok=True)
    columns = [at for at, name in enumerate(COLUMNS) if name not in given.without]
    table(given.directory / "events.csv", [COLUMNS[at] for at in columns],
          ([stamp_ms(row[0]) if at == 0 else row[at] for at in columns] for row in world.rows))
    fields = ["account_id", "created_at", "pathway", "country", "org", "banned_at", "status"]
    table(given.directory / "accounts.csv", fields, ([one[field] for field in fields] for one in world.accounts.values()))
    table(given.directory / "releases.csv", ["model", "released_at"], ((name, stamp(day * DAY)) for name, day in RELEASES))
    table(given.directory / "labels.csv", ["account_id", "network"], world.labels.items())
    table(given.directory / "groups.csv", ["account_id", "group"],
          ((name, group) for name, group in world.groups.items() if name not in world.labels))


def stamp_ms(milliseconds):
    return stamp(milliseconds // 1000)[:-1] + f".{milliseconds % 1000:03d}Z"


def table(path, header, rows):
    with open(path, "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(header)
        out.writerows(rows)


if __name__ == "__main__":
    main()
