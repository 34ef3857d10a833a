#!/usr/bin/env python3
"""Reads every export of a detected store back in the readers that matter, and compares it with what the binary says.

    read_back.py HYDRALINK DEMO_FOLDER [SEED]

GraphML in networkx and igraph (check_graphml.py --strict), Parquet in DuckDB and polars, STIX in the OASIS validator, GEXF in
networkx, and a world of random Unicode in all of the first three. Prints one line a check; exits 1 at the first that fails. SEED makes
the random names again that a failure names.
"""
import csv
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile

HYDRALINK, DEMO = sys.argv[1], pathlib.Path(sys.argv[2])
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().randrange(1 << 32)
STORE = DEMO / "store"


def hydralink(*arguments):
    return subprocess.run([HYDRALINK, *map(str, arguments), "--quiet"], check=True, capture_output=True, text=True).stdout


def passed(text):
    print(f"  ok   {text}")


def check_graphml(path):
    checker = pathlib.Path(__file__).with_name("check_graphml.py")
    require = ["--strict", "--bipartite", "kind", "--require", "label,color,xy,size,weight", "--json"]
    ran = subprocess.run([sys.executable, checker, path, *require], capture_output=True, text=True)
    report = json.loads(ran.stdout)
    if ran.returncode != 0:
        sys.exit(f"{path}: {json.dumps(report['findings'], indent=1)}")
    readers = report["summary"]["readers"]
    assert set(readers) == {"networkx", "igraph"}, readers
    passed(f"{path.name}: {report['summary']['nodes']} nodes, {report['summary']['edges']} edges in {', '.join(readers)}")


def check_parquet(folder):
    import duckdb
    import polars

    members = list(csv.DictReader(hydralink("members", STORE, "--format", "csv").splitlines()))
    flagged = sum(1 for member in members if member["network"])
    for name in ("nodes", "edges", "memberships", "evidence"):
        path = folder / f"{name}.parquet"
        rows = duckdb.sql(f"select count(*) from '{path}'").fetchall()[0][0]
        assert rows == polars.read_parquet(path).height, path
        if name == "memberships":
            assert rows >= flagged > 0, (rows, flagged)
        passed(f"{path.name}: {rows} rows in DuckDB and polars")


def check_stix(path):
    from stix2validator import ValidationOptions, print_results, validate_file

    results = validate_file(str(path), ValidationOptions(version="2.1"))
    if not results.is_valid:
        print_results(results)
        sys.exit(f"{path}: not valid STIX 2.1")
    passed(f"{path.name}: {len(json.loads(path.read_text())['objects'])} objects, valid STIX 2.1")


def check_gexf(path):
    import networkx

    graph = networkx.read_gexf(path)
    assert graph.number_of_nodes() > 0
    # With their time of day, by which Gephi's timeline goes.
    times = [data[end] for _, data in graph.nodes(data=True) for end in ("start", "end") if end in data]
    assert times and all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", time) for time in times), times[:3]
    passed(f"{path.name}: {graph.number_of_nodes()} nodes in networkx, {len(times)} times")


# What a log may hold, written by whoever attacks its readers: markup, entities, quotes, controls, direction marks, combining and
# astral characters, non-characters, digits only, reserved words, spaces only, spreadsheet formulas, look-alikes of our own escapes.
NASTY = [
    "<b>&amp;\"'</b>", "]]>", "<!-- -->", "<?xml?>", "&#x41;", "\x01\x08\x0b\x1f", "a\tb", "\u202egnp.exe", "\u200b", "e\u0301\u0327",
    "\U0001f40d\U0010ffff", "\ufffe\uffff", "12345", "null", "nan", "=1+1", "_x41_", "A", "日本語", "ß", "ﬀ", "%s%n", "../..",
    "a" * 300, "\u0000".replace("\u0000", "nul"), "\\", "|", ";", "{}", "key\u2028line",
]


def nasty_world(folder):
    """A store whose every account, device and card is called something nasty, and what its export must give back."""
    events = folder / "nasty.jsonl"
    rows = [{"account_id": f"other{at}", "device": f"d{at}", "payment_instrument": f"c{at}"} for at in range(4000)]
    for group in range(3):
        for at, name in enumerate(NASTY):
            for other in range(4):
                device, card, template = (NASTY[(at // size + other) % len(NASTY)] for size in (3, 4, 5))
                rows.append({
                    "account_id": f"{name}#{group}",
                    "device": f"{device}@{group}",
                    "payment_instrument": f"{card}${group}",
                    "prompt_template_hash": f"{template}!{group}",
                })
    events.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    # Rows with control characters are rejected, the rest is kept.
    hydralink("build", events, "-o", folder / "nasty", "--max-bad", "10%")
    subprocess.run([HYDRALINK, "detect", folder / "nasty", "--quiet"], capture_output=True)
    return folder / "nasty"


def check_nasty(folder):
    """Every name of a nasty world round-trips through GraphML in networkx and igraph, and through GEXF in networkx."""
    import igraph
    import networkx

    store = nasty_world(folder)
    dropped = {code: None for code in [*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF]}
    # Not splitlines(): JSON leaves U+2028 as it is.
    members = [json.loads(line) for line in hydralink("members", store, "--format", "jsonl").split("\n") if line]
    wanted = {member["account_id"].translate(dropped) for member in members}
    # Without a network to draw, a candidate is: all of them are written.
    ranked = hydralink("networks", store, "--all", "--top", 0, "--format", "jsonl")
    networks = [json.loads(line)["id"] for line in ranked.split("\n") if line]
    assert networks, "the nasty world has candidates"
    chosen = [part for network in networks for part in ("--network", network)]
    for name in ("nasty.graphml", "nasty.gexf"):
        hydralink("export", store, "-o", folder / name, *chosen)
    check_graphml(folder / "nasty.graphml")
    graph = networkx.read_graphml(folder / "nasty.graphml")
    one = {data["value"] for _, data in graph.nodes(data=True) if data["kind"] == "account"}
    other = {vertex["value"] for vertex in igraph.Graph.Read_GraphML(str(folder / "nasty.graphml")).vs if vertex["kind"] == "account"}
    third = {data["value"] for _, data in networkx.read_gexf(folder / "nasty.gexf").nodes(data=True) if data["kind"] == "account"}
    assert one == other == third, (one ^ other, one ^ third)
    assert len(one) > len(NASTY) and one <= wanted, one - wanted
    passed(f"{len(one)} nasty names through GraphML in networkx and igraph, and GEXF in networkx")


# What XML 1.0 has no way to write, and the exports drop (crates/hydralink/src/outputs/export/xml.rs).
DROPPED = {code: None for code in [*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF]}


def random_name(draw):
    """A name of random scalar values: of all planes, of the edges that encodings trip over, and of what markup is made of."""
    edges = [0xD7FF, 0xE000, 0xFDD0, 0xFFFD, 0xFFFE, 0xFFFF, 0x10000, 0x1FFFE, 0x10FFFF, 0x2028, 0x2029, 0xFEFF, 0xA0, 0xAD, 0x200D]
    directions = [0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x5D0, 0x627]
    classes = [
        lambda: draw.choice([draw.randrange(0xD800), draw.randrange(0xE000, 0x110000)]),
        lambda: draw.randrange(0x21, 0x7F),
        lambda: draw.choice(edges),
        lambda: draw.choice(directions),
        lambda: draw.randrange(0x300, 0x370),
        lambda: ord(draw.choice("<>&\"'#;:_x-]![ .")),
    ]
    # A few with controls, which no name may have; a few long ones, up to the bound and over it.
    if draw.random() < 0.05:
        classes.append(lambda: draw.choice([*range(32), *range(0x7F, 0xA0)]))
    length = draw.choice([0, 1, 1, 2, 3, 5, 8, 13, 40, 40, 250, 300]) if draw.random() < 0.9 else draw.randrange(200, 1100)
    if draw.random() < 0.1:
        # What looks like an id of ours, beside what it looks like.
        character = chr(draw.choice([0x20, 0x26, 0x41, 0x5F, 0x1F40D]))
        form = draw.choice([f"_x{ord(character):X}_", character, f"_x5F_x{ord(character):X}_", f"account:{character}"])
        return form + str(draw.randrange(20))
    return "".join(chr(draw.choice(classes)()) for _ in range(length))


# Words for nothing, in any case (crates/events/src/normalise).
ABSENT = {"-", "\\n", "null", "(null)", "<null>", "nil", "none", "nan", "n/a", "#n/a", "undefined", "unknown"}


def taken(name):
    """A name as it is kept, "" if there is nothing in it, or None if it can't be read: as events::normalise has it."""
    trimmed = name.strip(" \t\n\f\r")
    if len(trimmed.encode()) > 1024 or any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in trimmed):
        return None
    kept = trimmed.strip()
    return "" if kept.lower() in ABSENT else kept


def node_id(kind, value):
    """The id of a node, as crates/hydralink/src/outputs/export/graphml.rs documents it."""
    plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-:"
    followed = zip(value, value[1:] + " ")
    return f"{kind}:" + "".join(c if c in plain or (c == "_" and n != "x") else f"_x{ord(c):X}_" for c, n in followed)


def check_random(folder):
    """2,000 random names, each of an account, a device and a template, come back exactly, under the ids that are documented."""
    import igraph
    import networkx

    draw = random.Random(SEED)
    names = [random_name(draw) for _ in range(2000)]
    rows, told, accounts_of, wanted = [], 0, {}, {}
    for kind in ("device", "prompt_template_hash"):
        shuffled = draw.sample(names, len(names))
        for account, value in [*zip(names, shuffled), *((f"plain {at}", value) for at, value in enumerate(shuffled))]:
            rows.append({"account_id": account, kind: value})
            account, value = taken(account), taken(value)
            # A row without an account is rejected, one whose other name can't be read is kept without it: both are told.
            told += not account or value is None
            if not account:
                continue
            wanted[node_id("account", account)] = ("account", account.translate(DROPPED))
            if value:
                accounts_of.setdefault((kind, value), set()).add(account)
    # Of identifiers those are drawn that two accounts share, but for hubs: of those that may be one nothing is asked but that they
    # are right if they are there.
    hubs = {}
    for (kind, value), accounts in accounts_of.items():
        if len(accounts) > 1:
            (hubs if len(accounts) > 4 else wanted)[node_id(kind, value)] = (kind, value.translate(DROPPED))
    events, store, rejects = folder / "random.jsonl", folder / "random", folder / "rejects.jsonl"
    events.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    hydralink("build", events, "-o", store, "--max-bad", "50%", "--rejects", rejects)
    found = rejects.read_text(encoding="utf-8").count("\n")
    assert found == told, f"{found} rows told, not {told}"
    subprocess.run([HYDRALINK, "detect", store, "--quiet"], capture_output=True)
    for name in ("random.graphml", "random.gexf"):
        hydralink("export", store, "-o", folder / name, "--whole")
    one = {node: (data["kind"], data["value"]) for node, data in networkx.read_graphml(folder / "random.graphml").nodes(data=True)}
    read = igraph.Graph.Read_GraphML(str(folder / "random.graphml"))
    other = {vertex["id"]: (vertex["kind"], vertex["value"]) for vertex in read.vs}
    third = {node: (data["kind"], data["value"]) for node, data in networkx.read_gexf(folder / "random.gexf").nodes(data=True)}
    for reader, got in (("networkx", one), ("igraph", other), ("networkx of GEXF", third)):
        expected = wanted | {node: hub for node, hub in hubs.items() if node in got}
        nodes = expected.keys() | got.keys()
        wrong = [(node, expected.get(node), got.get(node)) for node in nodes if expected.get(node) != got.get(node)]
        assert not wrong, f"{reader}: {len(wrong)} of {len(wanted)} differ, {ascii(wrong[0])[:500]}"
    passed(f"{len(wanted)} nodes of {len(names)} random names through GraphML in networkx and igraph, and GEXF in networkx (seed {SEED})")


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        check_graphml(DEMO / "networks.graphml")
        network = json.loads(hydralink("networks", STORE, "--format", "jsonl", "--top", 1).splitlines()[0])["id"]
        for name in ("one.graphml", "one.gexf", "one.stix.json", "one.misp.json"):
            hydralink("export", STORE, "-o", folder / name, "--network", network)
        check_graphml(folder / "one.graphml")
        check_gexf(folder / "one.gexf")
        check_stix(folder / "one.stix.json")
        assert json.loads((folder / "one.misp.json").read_text())["Event"]["Attribute"]
        passed("one.misp.json: a MISP event")
        check_nasty(folder)
        try:
            check_random(folder)
        except BaseException:
            print(f"the random names are those of seed {SEED}", file=sys.stderr)
            raise
        hydralink("export", STORE, "-o", folder / "tables", "--format", "parquet")
        check_parquet(folder / "tables")


main()
