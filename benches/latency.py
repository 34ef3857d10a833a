#!/usr/bin/env python3
"""Median and 99th percentile of every query, as a person meets it: one process a question, over random nodes of a store.

    latency.py HYDRALINK STORE [COUNT] [SECONDS]

Warm: the store was read before. Cold: its pages are dropped from the page cache before every question (posix_fadvise, which needs no
rights; a page that another process maps stays, so nothing else should have the store open). COUNT questions each (default 1,000), warm and
cold, or as many as fit into SECONDS (60); how many it were stands in the table. Prints a Markdown table; exits 1 if a median or a
percentile is over the limit of 100 ms.
"""
import json
import os
import random
import subprocess
import sys
import tempfile
import time

HYDRALINK, STORE = sys.argv[1], sys.argv[2]
COUNT = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
SECONDS = float(sys.argv[4]) if len(sys.argv) > 4 else 60
LIMIT_MS = 100
NAMES = os.path.join(tempfile.gettempdir(), f"hydralink-names-{os.getpid()}.txt")


def records(*arguments):
    ran = subprocess.run([HYDRALINK, *arguments, "--format", "jsonl", "--quiet"], check=True, capture_output=True, text=True)
    return [json.loads(line) for line in ran.stdout.splitlines()]


def drop_pages():
    for name in os.listdir(STORE):
        descriptor = os.open(os.path.join(STORE, name), os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def timed(arguments, cold):
    if cold:
        drop_pages()
    start = time.perf_counter()
    ran = subprocess.run([HYDRALINK, *arguments, "--quiet"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    elapsed = (time.perf_counter() - start) * 1000
    if ran.returncode not in (0, 1):
        sys.exit(f"hydralink {' '.join(arguments)}: {ran.stderr}")
    return elapsed


def names_file(accounts):
    with open(NAMES, "w") as file:
        file.writelines(f"{account}\n" for account in accounts)
    return NAMES


def questions():
    draw = random.Random(1)
    members = records("members", STORE)
    accounts = [f"account:{member['account_id']}" for member in members]
    inside = {}
    for member in members:
        if member.get("network"):
            inside.setdefault(member["network"], []).append(f"account:{member['account_id']}")
    networks = sorted(inside)
    # Those that accounts were seen with, rare and common ones, and the widest shared.
    identifiers = [hub["identifier"] for hub in records("hubs", STORE, "--top", "100")]
    identifiers += [near["node"] for account in draw.sample(accounts, 100) for near in records("neighbors", STORE, account)]
    pair = lambda: draw.sample(inside[draw.choice(networks)], 2)
    node = lambda: draw.choice(accounts if draw.random() < 0.5 else identifiers)
    network = lambda: draw.choice(networks)
    yield "show", lambda: ["show", STORE, node()]
    yield "neighbors", lambda: ["neighbors", STORE, node()]
    yield "ego --hops 2", lambda: ["ego", STORE, node()]
    yield "common", lambda: ["common", STORE, *pair()]
    yield "why", lambda: ["why", STORE, *pair()]
    yield "why-not", lambda: ["why-not", STORE, draw.choice(accounts), draw.choice(accounts)]
    yield "path -k 3", lambda: ["path", STORE, *pair(), "-k", "3"]
    yield "path, two strangers", lambda: ["path", STORE, draw.choice(accounts), draw.choice(accounts)]
    yield "network", lambda: ["network", STORE, network()]
    yield "members --network", lambda: ["members", STORE, "--network", network()]
    yield "networks", lambda: ["networks", STORE]
    yield "lineage ID", lambda: ["lineage", STORE, network()]
    yield "how", lambda: ["how", STORE, network()]
    yield "hubs --kind ip", lambda: ["hubs", STORE, "--kind", "ip"]
    yield "top --by bits", lambda: ["top", STORE, "--by", "bits"]
    yield "plan-bans", lambda: ["plan-bans", STORE, network()]
    yield "impact", lambda: ["impact", STORE, names_file([node()])]
    yield "appeal", lambda: ["appeal", STORE, draw.choice(inside[draw.choice(networks)])]
    yield "overlap", lambda: ["overlap", STORE, *draw.sample(networks, 2)]
    yield "cohesion", lambda: ["cohesion", STORE, network()]
    yield "expand, two seeds", lambda: ["expand", STORE, "--seeds", names_file(draw.sample(inside[draw.choice(networks)], 2))]


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def main():
    slow = []
    print("| query | warm median ms | warm p99 ms | cold median ms | cold p99 ms | asked warm, cold |\n|---|---|---|---|---|---|")
    for name, ask in questions():
        row, asked = [], []
        for cold in (False, True):
            times = []
            start = time.perf_counter()
            while len(times) < COUNT and time.perf_counter() - start < SECONDS:
                times.append(timed(ask(), cold))
            row += [percentile(times, 0.5), percentile(times, 0.99)]
            asked.append(f"{len(times):,}")
        print(f"| {name} | " + " | ".join(f"{value:.0f}" for value in row) + f" | {', '.join(asked)} |", flush=True)
        if max(row) > LIMIT_MS:
            slow.append(name)
    if os.path.exists(NAMES):
        os.remove(NAMES)
    if slow:
        sys.exit(f"over {LIMIT_MS} ms: {', '.join(slow)}")


main()
