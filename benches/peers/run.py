#!/usr/bin/env python3
"""Ours and what one would use instead, on the same input in one run.

    python3 -m venv venv && venv/bin/pip install -r benches/peers/requirements.txt
    cargo build --release && cargo build --release -p hydralink-community --example edge_list
    venv/bin/python benches/peers/run.py jobs  --tier m [--seed 1] [--threads 2] [--repeat 3] [--limit 120] [--iterations 2]
    venv/bin/python benches/peers/run.py graphs [FILE ...] [--rmat 20] [--threads 2] [--repeat 3] [--limit 120]

`jobs` makes a world and takes it from Parquet to communities: hydralink (build, detect) against DuckDB (sightings of the same kinds of
identifiers), then python-igraph (graph, components, Leiden to modularity).

`graphs` finds components and communities of graphs: METIS files (.graph), edge lists (`source target [weight]`, # for comments), both
plain or .gz, Parquet files of sightings as `jobs` makes them from a world's events (columns account_id, kind, value), and an R-MAT graph of 2^N
vertices and 16 times as many draws (a, b, c = .57, .19, .19). The modularity of every answer is computed here, by one function. Peers:
python-igraph, leidenalg, NetworKit, and any program you have built, by

    --external NAME=COMMAND

where COMMAND may hold {mtx} (the graph as a symmetric Matrix Market file), {el} (an edge list from 0, without weights), {weighted} (1 or 0),
{threads} and {labels} (a file it writes a label a line into; without it no modularity is computed). It also has OMP_NUM_THREADS. The seconds are
taken from what it prints: GVE-Leiden's "{000012.3ms, ..." (its last line, with the modularity it claims), GAPBS's "Average Time: 0.0123", or
"seconds": 0.0123; otherwise the whole process counts. For example, both built with -O3 -march=native:

    --external 'GVE-Leiden=gve/a.out {mtx} 1 {weighted}' --external 'GAPBS Afforest=gapbs/cc -f {el} -s -n 9'

Each stage is a process of its own, so that peak memory is the operating system's figure for that stage, and is ended at the time limit
(then the table says "> N"). Prints a table; quote ratios, these machines are noisy.
"""
import argparse
import gzip
import json
import os
import pathlib
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HYDRALINK = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "hydralink"
KINDS = ("ip", "payment_instrument", "prompt_template_hash", "device", "user_agent", "ja4")


EDGE_LIST = HYDRALINK.parent / "examples" / "edge_list"


class OverLimit(Exception):
    """A stage was ended at the time limit."""


def measured(command, environment=None, limit=None):
    """Runs a command; returns (seconds, peak MiB, stdout)."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdout=out, env={**os.environ, **(environment or {})})
        timer = threading.Timer(limit, process.kill) if limit else None
        if timer:
            timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        if timer:
            timer.cancel()
        out.seek(0)
        text = out.read().decode()
    if limit and seconds >= limit:
        raise OverLimit
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        sys.exit(f"failed: {' '.join(map(str, command))}")
    return seconds, usage.ru_maxrss / 1024, text


def stage(name, *arguments, threads, limit=None):
    command = [sys.executable, __file__, "stage", name, *map(str, arguments), "--threads", str(threads)]
    return measured(command, {"OMP_NUM_THREADS": str(threads)}, limit)


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


def stage_igraph(sightings, threads, iterations):
    """Sightings to a bipartite graph, its components, and Leiden by modularity: so many passes, or -1 for until convergence."""
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
    found = graph.community_leiden(objective_function="modularity", weights="weight", n_iterations=iterations)
    seconds["leiden"] = time.monotonic() - started
    print(json.dumps({"seconds": seconds, "vertices": vertices, "edges": len(edges), "components": len(components),
                      "modularity": graph.modularity(found, weights="weight")}))


def jobs(a):
    with tempfile.TemporaryDirectory(dir=a.folder) as folder:
        folder = pathlib.Path(folder)
        world, store, sightings = folder / "world", folder / "store", folder / "sightings.parquet"
        subprocess.run([HYDRALINK, "synth", world, "--tier", a.tier, "--seed", str(a.seed), "--quiet"], check=True)
        events = world / "events.parquet"
        threads = ["--threads", str(a.threads), "--quiet"]
        tables = ["--accounts", world / "accounts.csv", "--releases", world / "releases.csv"]
        stages = {
            "hydralink build": lambda: measured([HYDRALINK, "build", events, *tables, "-o", store, *threads], limit=a.limit),
            "hydralink detect": lambda: measured([HYDRALINK, "detect", store, *threads], limit=a.limit),
            "duckdb sightings": lambda: stage("duckdb", events, sightings, threads=a.threads, limit=a.limit),
            "igraph graph+components+leiden": lambda: stage("igraph", sightings, "--iterations", a.iterations, threads=a.threads, limit=a.limit),
        }
        rows = repeated(stages, a.repeat)
        last = rows["igraph graph+components+leiden"]
        detail = f"; {last[-1][2].strip()}" if last else ""
        print(f"tier {a.tier}, seed {a.seed}, {a.threads} threads, median of {a.repeat}{detail}")
        print(f"{'stage':<34}{'seconds':>10}{'peak MiB':>10}")
        total = {"ours": [0.0, 0.0, ""], "theirs": [0.0, 0.0, ""]}
        for name, runs in rows.items():
            side = total["ours" if name.startswith("hydralink") else "theirs"]
            if runs is None:
                print(f"{name:<34}{f'> {a.limit:g}':>10}{'':>10}")
                side[0] += a.limit
                side[2] = "> "
                continue
            seconds, peak = statistics.median(run[0] for run in runs), statistics.median(run[1] for run in runs)
            print(f"{name:<34}{seconds:>10.2f}{peak:>10.0f}")
            side[0] += seconds
            side[1] = max(side[1], peak)
        (ours, our_peak, our_sign), (theirs, their_peak, their_sign) = total["ours"], total["theirs"]
        print(f"{'whole job, ours':<34}{f'{our_sign}{ours:.2f}':>10}{our_peak:>10.0f}")
        print(f"{'whole job, DuckDB + igraph':<34}{f'{their_sign}{theirs:.2f}':>10}{their_peak:>10.0f}")
        print(f"{'ratio theirs / ours':<34}{f'{their_sign}{theirs / ours:.2f}':>10}{their_peak / our_peak:>10.2f}")


def repeated(stages, repeat):
    """Runs all stages in turn, several times; a stage that hits the limit is None and isn't tried again."""
    rows = {name: [] for name in stages}
    for _ in range(repeat):
        for name, run in stages.items():
            if rows[name] is not None:
                try:
                    rows[name].append(run())
                except OverLimit:
                    rows[name] = None
    return rows


def read_graph(path):
    """(vertices, left vertices or None, sources, targets, weights) of a file, each edge once, without self-loops."""
    import numpy

    name = path.name.removesuffix(".gz")
    if name.endswith(".parquet"):
        import duckdb

        connection = duckdb.connect()
        connection.execute(
            f"create table s as select account_id a, kind || ':' || value i from '{path}';"
            "create table a as select a, row_number() over (order by a) - 1 id from (select distinct a from s);"
            "create table i as select i, d, row_number() over (order by i) - 1 id from (select i, count(*) d from s group by i)"
        )
        left, right = (connection.execute(f"select count(*) from {table}").fetchall()[0][0] for table in "ai")
        columns = connection.execute(
            f"select a.id s, i.id + {left} t, 1 / log2(d + 1) w from s join a using (a) join i using (i) order by 1, 2"
        ).fetchnumpy()
        return left + right, left, columns["s"], columns["t"], columns["w"]
    with gzip.open(path, "rt") if path.suffix == ".gz" else open(path) as lines:
        if not name.endswith(".graph"):
            rows = numpy.loadtxt(lines, ndmin=2, comments=("#", "%"))
            ends = numpy.unique(rows[:, :2].astype(numpy.int64), return_inverse=True)
            pairs = ends[1].reshape(-1, 2)
            weights = rows[:, 2] if rows.shape[1] > 2 else numpy.ones(len(rows))
            return (len(ends[0]), None, *once(pairs[:, 0], pairs[:, 1], weights))
        rows = [[float(word) for word in line.split()] for line in lines if not line.startswith("%")]
    header, step = rows[0], 2 if len(rows[0]) > 2 and rows[0][2] in (1, 11) else 1
    entries = [
        (source, int(row[at]) - 1, row[at + 1] if step == 2 else 1.0)
        for source, row in enumerate(rows[1 : int(header[0]) + 1])
        for at in range(0, len(row), step)
    ]
    sources, targets, weights = (numpy.array(column) for column in zip(*entries))
    upper = sources < targets
    return int(header[0]), None, sources[upper], targets[upper], weights[upper]


def once(sources, targets, weights):
    """Each unordered pair once, with the weight of its first line, self-loops left out."""
    import numpy

    low, high = numpy.minimum(sources, targets), numpy.maximum(sources, targets)
    keys = low * (high.max() + 1) + high
    _, first = numpy.unique(numpy.where(low < high, keys, -1), return_index=True)
    first = first[low[first] < high[first]]
    return low[first], high[first], weights[first]


def rmat(scale):
    """R-MAT (Chakrabarti, Zhan and Faloutsos 2004) with Graph500's parameters, vertices in random order."""
    import numpy

    random = numpy.random.default_rng(1)
    draws = 16 << scale
    sources, targets = numpy.zeros(draws, numpy.int64), numpy.zeros(draws, numpy.int64)
    for _ in range(scale):
        draw = random.random(draws)
        sources = sources * 2 + (draw >= 0.76)
        targets = targets * 2 + (((draw >= 0.57) & (draw < 0.76)) | (draw >= 0.95))
    order = random.permutation(1 << scale)
    return (1 << scale, None, *once(order[sources], order[targets], numpy.ones(draws)))


def stage_make(source, folder):
    """Writes the graph of a file, or of "rmat:N", as an edge list for us and as arrays for the peers."""
    import numpy

    graph = rmat(int(source.removeprefix("rmat:"))) if source.startswith("rmat:") else read_graph(pathlib.Path(source))
    vertices, left, sources, targets, weights = graph
    weights = weights.astype(numpy.float32).astype(float)
    folder = pathlib.Path(folder)
    numpy.savez(folder / "graph.npz", vertices=vertices, sources=sources, targets=targets, weights=weights)
    with open(folder / "edges.txt", "w") as out:
        out.write(f"# vertices {vertices}{'' if left is None else f' left {left}'}\n")
        out.writelines(f"{s} {t} {w!r}\n" for s, t, w in zip(sources.tolist(), targets.tolist(), weights.tolist()))
    print(json.dumps({"vertices": vertices, "edges": len(sources)}))


def stage_judge(graph, labels):
    """The modularity and number of groups of a labelling, by the definition."""
    import numpy

    data = numpy.load(graph)
    vertices, sources, targets, weights = int(data["vertices"]), data["sources"], data["targets"], data["weights"]
    labels = numpy.load(labels) if labels.endswith(".npy") else numpy.loadtxt(labels, dtype=numpy.int64, ndmin=1)
    strengths = numpy.bincount(sources, weights, vertices) + numpy.bincount(targets, weights, vertices)
    inside = weights[labels[sources] == labels[targets]].sum() / weights.sum()
    expected = ((numpy.bincount(labels, strengths) / strengths.sum()) ** 2).sum()
    print(json.dumps({"modularity": inside - expected, "groups": len(numpy.unique(labels))}))


def stage_peer(method, graph, labels, threads):
    """One algorithm of another library on a saved graph: prints its seconds, without reading and making the graph."""
    import numpy

    data = numpy.load(graph)
    vertices, sources, targets, weights = int(data["vertices"]), data["sources"], data["targets"], data["weights"]
    if method.startswith("networkit"):
        import networkit

        networkit.setNumberOfThreads(threads)
        made = networkit.GraphFromCoo((weights, (sources, targets)), n=vertices, weighted=True, directed=False)
        run = {
            "networkit components": lambda: networkit.components.ConnectedComponents(made),
            "networkit ParallelLeiden": lambda: networkit.community.ParallelLeiden(made),
            "networkit PLM": lambda: networkit.community.PLM(made, refine=True),
        }[method]
        started = time.monotonic()
        found = run()
        found.run()
        seconds = time.monotonic() - started
        numpy.save(labels, numpy.array(found.getPartition().getVector()))
    else:
        import igraph

        made = igraph.Graph(n=vertices, edges=numpy.stack([sources, targets], axis=1))
        made.es["weight"] = weights
        leiden = lambda passes: made.community_leiden(objective_function="modularity", weights="weight", n_iterations=passes)
        run = {
            "igraph components": lambda: made.connected_components(),
            "igraph Louvain": lambda: made.community_multilevel(weights="weight"),
            "igraph Leiden, 2 passes": lambda: leiden(2),
            "igraph Leiden, converged": lambda: leiden(-1),
            "leidenalg, 2 passes": lambda: peer_leidenalg(made),
        }[method]
        started = time.monotonic()
        found = run()
        seconds = time.monotonic() - started
        numpy.save(labels, numpy.array(found.membership))
    print(json.dumps({"seconds": seconds}))


def peer_leidenalg(made):
    import leidenalg

    return leidenalg.find_partition(made, leidenalg.ModularityVertexPartition, weights="weight", n_iterations=2)


OURS = {
    "ours components": ["components"],
    "ours Louvain": ["louvain"],
    "ours Leiden": ["leiden"],
    "ours Leiden, converged": ["leiden", "--converge"],
}
PEERS = (
    "networkit components",
    "igraph components",
    "networkit PLM",
    "networkit ParallelLeiden",
    "igraph Louvain",
    "igraph Leiden, 2 passes",
    "leidenalg, 2 passes",
    "igraph Leiden, converged",
)


def graphs(a):
    for source in [str(path) for path in a.files] + [f"rmat:{scale}" for scale in a.rmat]:
        with tempfile.TemporaryDirectory(dir=a.folder) as folder:
            folder = pathlib.Path(folder)
            size = json.loads(stage("make", source, folder, threads=a.threads)[2])
            rows = repeated(methods(folder, a), a.repeat)
        vertices, edges = size["vertices"], size["edges"]
        print(f"\n{pathlib.Path(source).name}: {vertices} vertices, {edges} edges; {a.threads} threads, median of {a.repeat}")
        print(f"{'method':<34}{'seconds':>10}{'peak MiB':>10}{'modularity':>12}{'groups':>9}")
        for method, runs in rows.items():
            if runs is None:
                print(f"{method:<34}{f'> {a.limit:g}':>10}")
                continue
            seconds, peak = statistics.median(run[0] for run in runs), statistics.median(run[1] for run in runs)
            judged = runs[-1][2]
            quality = "" if "components" in method or judged["modularity"] is None else f"{judged['modularity']:.4f}"
            print(f"{method:<34}{seconds:>10.4f}{peak:>10.0f}{quality:>12}{judged['groups']:>9}", flush=True)


def write_for_externals(folder):
    """The graph as the files that other programs read."""
    import numpy

    data = numpy.load(folder / "graph.npz")
    sources, targets, weights = (data[name].tolist() for name in ("sources", "targets", "weights"))
    vertices, weighted = int(data["vertices"]), any(weight != 1 for weight in weights)
    with open(folder / "edges.mtx", "w") as mtx, open(folder / "edges.el", "w") as el:
        mtx.write(f"%%MatrixMarket matrix coordinate {'real' if weighted else 'pattern'} symmetric\n{vertices} {vertices} {len(sources)}\n")
        for source, target, weight in zip(sources, targets, weights):
            low, high = sorted((source, target))
            mtx.write(f"{high + 1} {low + 1} {weight!r}\n" if weighted else f"{high + 1} {low + 1}\n")
            el.write(f"{source} {target}\n")
    return weighted


def external(command, folder, weighted, a):
    """Runs a program of the user's: (seconds it prints, peak MiB, what is known of its answer)."""
    labels = folder / "external.txt"
    labels.unlink(missing_ok=True)
    names = {"mtx": folder / "edges.mtx", "el": folder / "edges.el", "labels": labels, "threads": a.threads, "weighted": int(weighted)}
    seconds, peak, text = measured(
        [word.format(**names) for word in shlex.split(command)], {"OMP_NUM_THREADS": str(a.threads)}, a.limit
    )
    gve = re.findall(r"^\{([\d.]+)ms.* ([\d.]+) modularity", text, re.MULTILINE)
    told = re.findall(r"Average Time:\s+([\d.]+)|\"seconds\":\s*([\d.]+)", text)
    if gve:
        seconds = float(gve[-1][0]) / 1000
    elif told:
        seconds = float(told[-1][0] or told[-1][1])
    judged = {"modularity": float(gve[-1][1]) if gve else None, "groups": ""}
    if labels.exists():
        judged = json.loads(stage("judge", folder / "graph.npz", labels, threads=a.threads)[2])
    return seconds, peak, judged


def methods(folder, a):
    """For every method a function that runs it: (seconds without reading the graph, peak MiB, modularity and groups)."""
    listed, saved = folder / "edges.txt", folder / "graph.npz"

    def judged(ran, labels):
        return json.loads(ran[2])["seconds"], ran[1], json.loads(stage("judge", saved, labels, threads=a.threads)[2])

    def ours(words, threads):
        labels = folder / "labels.txt"
        return judged(measured([EDGE_LIST, listed, *words, "--threads", str(threads), "--labels", labels], limit=a.limit), labels)

    def theirs(method):
        labels = folder / "labels.npy"
        return judged(stage("peer", method, saved, labels, threads=a.threads, limit=a.limit), labels)

    found = {}
    for method, words in OURS.items():
        found[method] = lambda words=words: ours(words, a.threads)
        if a.threads > 1:
            found[f"{method}, 1 thread"] = lambda words=words: ours(words, 1)
    found |= {method: lambda method=method: theirs(method) for method in PEERS}
    if a.external:
        weighted = write_for_externals(folder)
        for name, command in a.external:
            found[name] = lambda command=command: external(command, folder, weighted, a)
    return found


def named(word):
    """NAME=COMMAND."""
    name, found, command = word.partition("=")
    if not (name and found and command):
        raise argparse.ArgumentTypeError(f"expected NAME=COMMAND, found {word!r}")
    return name, command


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, dest="command")
    job = commands.add_parser("jobs")
    job.add_argument("--tier", default="m")
    job.add_argument("--seed", type=int, default=1)
    job.add_argument("--iterations", type=int, default=-1, help="passes of python-igraph's Leiden; -1: until convergence")
    drawn = commands.add_parser("graphs")
    drawn.add_argument("files", nargs="*", type=pathlib.Path)
    drawn.add_argument("--rmat", type=int, action="append", default=[], metavar="N", help="an R-MAT graph of 2^N vertices; may be repeated")
    drawn.add_argument(
        "--external", type=named, action="append", default=[], metavar="NAME=COMMAND", help="another program to run; may be repeated"
    )
    for command in (job, drawn):
        command.add_argument("--threads", type=int, default=os.cpu_count())
        command.add_argument("--repeat", type=int, default=3)
        command.add_argument("--limit", type=float, default=120, help="seconds after which a stage is ended")
        command.add_argument("--folder", help="where to put what is made (default: the system's temporary folder)")
    one = commands.add_parser("stage")
    one.add_argument("name")
    one.add_argument("paths", nargs="+")
    one.add_argument("--threads", type=int, default=1)
    one.add_argument("--iterations", type=int, default=-1)
    a = parser.parse_args()
    if a.command == "jobs":
        jobs(a)
    elif a.command == "graphs":
        graphs(a)
    else:
        threaded = {"duckdb": stage_duckdb, "peer": stage_peer}
        if a.name == "igraph":
            stage_igraph(*a.paths, a.threads, a.iterations)
        elif a.name in threaded:
            threaded[a.name](*a.paths, a.threads)
        else:
            {"make": stage_make, "judge": stage_judge}[a.name](*a.paths)


main()
