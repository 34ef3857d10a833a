"""From logs to what to look at first, as one would in a notebook.

    python triage.py                    # a small synthetic world
    python triage.py events.parquet     # your own logs

Needs polars beside hydralink: pip install polars
"""

import pathlib
import sys
import tempfile

import hydralink
import polars as pl


def main(folder: pathlib.Path) -> None:
    # 1. Events: files, or any Arrow table. Here a data frame, so that it can be looked at and filtered first.
    if len(sys.argv) > 1:
        events = pl.read_parquet(sys.argv[1])
    else:
        hydralink.synth(folder / "world", tier="s", seed=1)
        events = pl.read_parquet(folder / "world" / "events.parquet")
    print(events.head(3))

    # 2. A store, and its networks.
    store = hydralink.build(events, output=folder / "store")
    store.detect(progress=lambda phase, done, total: print(f"  {phase}", file=sys.stderr))
    networks = pl.DataFrame(store.networks())
    print(networks.select("rank", "id", "accounts", "score", "benign_hypothesis"))
    if networks.is_empty():
        return

    # 3. The strongest: what ties it, and what speaks against it.
    first = networks["id"][0]
    dossier = store.network(first)
    print(dossier["verdict"])
    print("\n".join(f"  but: {line}" for line in dossier["counter_evidence"]))
    evidence = pl.DataFrame(store.evidence(first))
    signals = evidence.filter(pl.col("item") == "signal").select("name", "value", "expected", "bits")
    print(signals.sort("bits", descending=True, nulls_last=True).head(5))

    # 4. Its accounts beside everything else that is known of them: tables join like any others.
    members = pl.DataFrame(store.members(first))
    volume = events.group_by("account_id").len("events")
    print(members.join(volume, on="account_id").sort("events", descending=True).select("account_id", "confidence", "events").head(5))

    # 5. Whom a ban would hurt, and the rest for colleagues.
    plan = store.plan_bans(first, benign_budget=1)
    low, high = plan["benign_interval"]
    print(f"{len(plan['actions'])} actions stop {plan['exchanges_stopped']:,} of {plan['exchanges']:,} exchanges;")
    print(f"harmless accounts hit: {plan['benign_expected']:.2f} expected, {low} to {high}; a network with chance {plan['chance']:.3f}")
    store.export(folder / "networks.graphml")
    store.report(folder / "report.html")
    print(sorted(path.name for path in folder.iterdir()))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        main(pathlib.Path(made))
