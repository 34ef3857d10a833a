"""A small world, its store, and the command line beside the library. HYDRALINK_CLI names the binary."""

import json
import os
import pathlib
import shutil
import subprocess

import hydralink
import pytest


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    hydralink.synth(folder, tier="xs", seed=2)
    return folder


@pytest.fixture(scope="session")
def found(world, tmp_path_factory):
    """A store with its networks; tests that change it copy it."""
    store = hydralink.build(
        world / "events.parquet",
        output=tmp_path_factory.mktemp("found") / "store",
        accounts=world / "accounts.csv",
        releases=world / "releases.csv",
    )
    return store.detect()


@pytest.fixture
def copied(found, tmp_path):
    shutil.copytree(found, tmp_path / "store")
    return hydralink.open(tmp_path / "store")


@pytest.fixture(scope="session")
def network(found):
    """A network that is large enough to ask about, flagged or not, and two of its accounts."""
    import pyarrow

    ids = pyarrow.table(found.networks(all=True))["id"].to_pylist()
    accounts = pyarrow.table(found.members(ids[0]))["account_id"].to_pylist()
    return ids[0], accounts


@pytest.fixture(scope="session")
def cli():
    binary = os.environ.get("HYDRALINK_CLI")
    if not binary:
        binary = pathlib.Path(__file__).parents[3] / "target" / "debug" / "hydralink"
        if not binary.exists():
            pytest.skip("no command line to compare with: set HYDRALINK_CLI")

    def ask(*arguments, lines=False):
        words = [str(word) for word in arguments] + ["--format", "jsonl" if lines else "json", "--quiet"]
        done = subprocess.run([binary, *words], capture_output=True, text=True)
        assert done.returncode in (0, 1), done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()] if lines else json.loads(done.stdout)

    return ask
