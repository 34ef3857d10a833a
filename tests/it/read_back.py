#!/usr/bin/env python3
"""Reads every export of a detected store back in the readers that matter, and compares it with what the binary says.

    read_back.py HYDRALINK DEMO_FOLDER

GraphML in networkx and igraph (check_graphml.py --strict), Parquet in DuckDB and polars, STIX in the OASIS validator, GEXF in
networkx. Prints one line a check; exits 1 at the first that fails.
"""
import csv
import json
import pathlib
import subprocess
import sys
import tempfile

HYDRALINK, DEMO = sys.argv[1], pathlib.Path(sys.argv[2])
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

    # networkx knows no timeformat="datetime", which Gephi wants: it reads a copy that says "date".
    copy = path.with_name("copy.gexf")
    copy.write_text(path.read_text(encoding="utf-8").replace('timeformat="datetime"', 'timeformat="date"', 1), encoding="utf-8")
    graph = networkx.read_gexf(copy)
    assert graph.number_of_nodes() > 0
    passed(f"{path.name}: {graph.number_of_nodes()} nodes in networkx")


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
        hydralink("export", STORE, "-o", folder / "tables", "--format", "parquet")
        check_parquet(folder / "tables")


main()
