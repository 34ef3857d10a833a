#!/usr/bin/env python3
"""The whole job, ours and what one would use instead, on the same events in one run.

    python3 -m venv venv && venv/bin/pip install -r benches/peers/requirements.txt
    cargo build --release
    venv/bin/python benches/peers/run.py jobs  --tier m [--seed 1] [--threads 2] [--repeat 3]

`jobs` makes a world and takes it from Parquet to communities: hydralink (build, detect) against DuckDB (sightings of the same kinds of
identifiers), then python-igraph (graph, components, Leiden to modularity). Each stage is a process of its own, so that peak memory is the
operating system's figure for that stage.
Prints a table; quote ratios, these machines are noisy.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HYDRALINK = ROOT / "target" / "release" / "hydralink"
KINDS = ("ip", "payment_instrument", "prompt_template_hash", "device", "user_agent", "ja4")


def measured(command, environment=None):
    """Runs a command; returns (seconds, peak MiB, stdout)."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdout=out, env={**os.environ, **(environment or {})})
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        out.seek(0)
        text = out.read().decode()
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        sys.exit(f"failed: {' '.join(map(str, command))}")
    return seconds, usage.ru_maxrss / 1024, text


def stage(name, *arguments, threads):
    command = [sys.executable, __file__, "stage", name, *map(str, arguments), "--threads", str(threads)]
    return measured(command, {"OMP_NUM_THREADS": str(threads)})


def stage_duckdb(events, sightings, threads):
    """Events to distinct (account, kind, value) with count, first and last."""
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"set threads={threads}")
    have = {row[0] for row in connection.execute(f"describe select * from '{events}'").fetchall()}
    parts = " union all ".join(
        f"select account_id, '{kind}' kind, {kind} value, count(*) n, min(timestamp) first_seen, max(timestamp) last_seen "
        f"from '{events}' where {kind} is not null and {kind} <> '' group by account_id, {kind}"
        for kind in KINDS
        if kind in have
    )
    connection.execute(f"copy ({parts}) to '{sightings}' (format parquet)")


def stage_igraph(sightings, threads):
    """Sightings to a bipartite graph, its components, and Leiden by modularity to convergence."""
    import duckdb
    import igraph

    seconds = {}
    started = time.monotonic()
    connection = duckdb.connect()
    connection.execute(f"set threads={threads}")
    connection.execute(
        f"create table s as select account_id, kind || ':' || value ident, n from '{sightings}';"
        "create table a as select account_id, row_number() over () - 1 id from (select distinct account_id from s order by 1);"
        "create table i as select ident, row_number() over () - 1 id, d from (select ident, count(*) d from s group by ident order by 1)"
    )
    accounts = connection.execute("select count(*) from a").fetchall()[0][0]
    columns = connection.execute(
        f"select a.id source, i.id + {accounts} target, 1 / log2(d + 1) weight from s join a using (account_id) join i using (ident)"
    ).fetchnumpy()
    import numpy

    vertices = accounts + connection.execute("select count(*) from i").fetchall()[0][0]
    edges = numpy.stack([columns["source"], columns["target"]], axis=1)
    graph = igraph.Graph(n=vertices, edges=edges)
    graph.es["weight"] = columns["weight"]
    seconds["graph"] = time.monotonic() - started
    started = time.monotonic()
    components = graph.connected_components()
    seconds["components"] = time.monotonic() - started
    started = time.monotonic()
    found = graph.community_leiden(objective_function="modularity", weights="weight", n_iterations=-1)
    seconds["leiden"] = time.monotonic() - started
    print(json.dumps({"seconds": seconds, "vertices": vertices, "edges": len(edges), "components": len(components),
                      "modularity": graph.modularity(found, weights="weight")}))


def jobs(a):
    with tempfile.TemporaryDirectory(dir=a.folder) as folder:
        folder = pathlib.Path(folder)
        world, store, sightings = folder / "world", folder / "store", folder / "sightings.parquet"
        subprocess.run([HYDRALINK, "synth", world, "--tier", a.tier, "--seed", str(a.seed), "--quiet"], check=True)
        events = world / "events.parquet"
        rows = {name: [] for name in ("hydralink build", "hydralink detect", "duckdb sightings", "igraph graph+components+leiden")}
        detail = {}
        for _ in range(a.repeat):
            threads = ["--threads", str(a.threads), "--quiet"]
            tables = ["--accounts", world / "accounts.csv", "--releases", world / "releases.csv"]
            rows["hydralink build"].append(measured([HYDRALINK, "build", events, *tables, "-o", store, *threads]))
            rows["hydralink detect"].append(measured([HYDRALINK, "detect", store, *threads]))
            rows["duckdb sightings"].append(stage("duckdb", events, sightings, threads=a.threads))
            ran = stage("igraph", sightings, threads=a.threads)
            rows["igraph graph+components+leiden"].append(ran)
            detail = json.loads(ran[2])
        print(f"tier {a.tier}, seed {a.seed}, {a.threads} threads, median of {a.repeat}; {json.dumps(detail)}")
        print(f"{'stage':<34}{'seconds':>10}{'peak MiB':>10}")
        total = {"ours": [0.0, 0.0], "theirs": [0.0, 0.0]}
        for name, runs in rows.items():
            seconds, peak = statistics.median(run[0] for run in runs), statistics.median(run[1] for run in runs)
            print(f"{name:<34}{seconds:>10.2f}{peak:>10.0f}")
            side = total["ours" if name.startswith("hydralink") else "theirs"]
            side[0] += seconds
            side[1] = max(side[1], peak)
        (ours, our_peak), (theirs, their_peak) = total["ours"], total["theirs"]
        print(f"{'whole job, ours':<34}{ours:>10.2f}{our_peak:>10.0f}")
        print(f"{'whole job, DuckDB + igraph':<34}{theirs:>10.2f}{their_peak:>10.0f}")
        print(f"{'ratio theirs / ours':<34}{theirs / ours:>10.2f}{their_peak / our_peak:>10.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True, dest="command")
    job = commands.add_parser("jobs")
    job.add_argument("--tier", default="m")
    job.add_argument("--seed", type=int, default=1)
    job.add_argument("--threads", type=int, default=os.cpu_count())
    job.add_argument("--repeat", type=int, default=3)
    job.add_argument("--folder", help="where to put the world (default: the system's temporary folder)")
    one = commands.add_parser("stage")
    one.add_argument("name")
    one.add_argument("paths", nargs="+")
    one.add_argument("--threads", type=int, default=1)
    a = parser.parse_args()
    if a.command == "jobs":
        jobs(a)
    elif a.name == "duckdb":
        stage_duckdb(*a.paths, a.threads)
    else:
        stage_igraph(*a.paths, a.threads)


main()
