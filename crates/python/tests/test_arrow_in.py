"""Events that are Arrow tables or streams mean what the same events in a file mean."""

import uuid

import duckdb
import hydralink
import pandas
import polars
import pyarrow
import pyarrow.csv
import pyarrow.dataset
import pyarrow.parquet
import pytest


@pytest.fixture(scope="module")
def events(world):
    return pyarrow.parquet.read_table(world / "events.parquet")


def streamed(table, size=777):
    """A reader that makes its batches when they are asked for."""
    return pyarrow.RecordBatchReader.from_batches(table.schema, (batch for batch in table.to_batches(max_chunksize=size)))


FORMS = {
    "pyarrow table": lambda table: table,
    "pyarrow reader": streamed,
    "pyarrow batches": lambda table: [table.slice(0, 40_000), streamed(table.slice(40_000))],
    "pyarrow dataset": pyarrow.dataset.dataset,
    "polars": polars.from_arrow,
    "polars lazy": lambda table: polars.from_arrow(table).lazy(),
    "polars categories": lambda table: polars.from_arrow(table).with_columns(polars.col("ip").cast(polars.Categorical)),
    "pandas": lambda table: table.to_pandas(),
    "duckdb": lambda events: duckdb.sql("select * from events"),
    "large text": lambda table: table.cast(
        pyarrow.schema([(f.name, pyarrow.large_string() if f.type == pyarrow.string() else f.type) for f in table.schema])
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_store(form, events, world, found, tmp_path):
    if form == "duckdb" and not hasattr(duckdb.sql("select 1"), "__arrow_c_stream__"):
        pytest.skip("this duckdb has no stream of its own")
    store = hydralink.build(
        FORMS[form](events), output=tmp_path / "store", accounts=world / "accounts.csv", releases=world / "releases.csv"
    )
    summary = {**found.build_summary, "already_read": []}
    assert store.build_summary == summary
    store.detect()
    for ours, theirs in [(store.members(), found.members()), (store.sightings(), found.sightings())]:
        assert pyarrow.table(ours).equals(pyarrow.table(theirs))
    assert store.network(1)["tokens"] == found.network(1)["tokens"] > 0


def test_a_column_of_nulls_without_a_type_is_one_that_says_nothing(events, found, tmp_path):
    frame = polars.from_arrow(events).with_columns(note=polars.lit(None))
    for at, given in enumerate((frame, frame.lazy())):
        summary = hydralink.build(given, output=tmp_path / f"store{at}").build_summary
        assert summary["rows"] == found.build_summary["rows"]
        assert [ignored["column"] for ignored in summary["ignored"]] == ["note"]
    table = polars.DataFrame({"account_id": ["a", "b"], "banned_at": [None, None]})
    assert table.schema["banned_at"] == polars.Null
    hydralink.build(frame, output=tmp_path / "store", accounts=table)


def test_tables_are_told_in_rows(events, tmp_path):
    told = []
    hydralink.build(streamed(events, 20_000), output=tmp_path / "store", progress=lambda *step: told.append(step))
    read = [step[1:] for step in told if step[0] == "reading" and step[1] is not None]
    assert read[-1] == (events.num_rows, None) and all(rows > 0 for rows, _ in read)


def test_a_file_and_a_table_together_and_one_after_the_other(events, world, found, tmp_path):
    pyarrow.parquet.write_table(events.slice(0, 50_000), tmp_path / "first.parquet")
    both = hydralink.build([tmp_path / "first.parquet", events.slice(50_000)], output=tmp_path / "both")
    later = hydralink.build(tmp_path / "first.parquet", output=tmp_path / "later")
    assert later.update(streamed(events.slice(50_000)))["rows"] == events.num_rows
    for store in (both, later):
        assert store.build_summary is not None
        store.detect()
    assert pyarrow.table(both.members()).equals(pyarrow.table(later.members()))


def test_tables_are_read_by_pyarrow_polars_pandas_and_duckdb(found):
    members = found.members()
    count = pyarrow.table(members).num_rows
    assert polars.DataFrame(members).height == count
    assert duckdb.sql("select count(*) from members").fetchall() == [(count,)]
    reader = pyarrow.RecordBatchReader.from_stream(members)
    assert sum(batch.num_rows for batch in reader) == count
    assert reader.schema.names == members.columns
    if hasattr(pandas.DataFrame, "from_arrow"):
        assert len(pandas.DataFrame.from_arrow(members)) == count
    # Read in part and dropped: whoever wrote the rest stops.
    reader = pyarrow.RecordBatchReader.from_stream(found.sightings())
    reader.read_next_batch()
    del reader


def test_side_tables_and_maps_need_no_files(events, world, found, tmp_path):
    renamed = events.rename_columns(["customer" if name == "account_id" else name for name in events.column_names])
    store = hydralink.build(
        renamed,
        output=tmp_path / "store",
        accounts=polars.read_csv(world / "accounts.csv", try_parse_dates=True),
        releases=pyarrow.csv.read_csv(world / "releases.csv"),
        map={"columns": {"account_id": "customer"}},
    )
    store.detect()
    assert pyarrow.table(store.members()).equals(pyarrow.table(found.members()))
    account = pyarrow.table(found.members(1))["account_id"][0].as_py()
    assert store.show(account) == found.show(account) and store.show(account)["facts"]
    for wrong in ({"accounts": 7}, {"releases": ["a.csv"]}):
        with pytest.raises(TypeError, match="is a path"):
            hydralink.build(events, output=tmp_path / "store", **wrong)
    with pytest.raises(hydralink.InputError, match="map"):
        hydralink.build(events, output=tmp_path / "store", map={"colums": {}})


def test_an_update_reads_times_and_lists_of_addresses_as_the_build_did(tmp_path):
    def night(day):
        hops = f"8.8.8.{day}, 1.1.1.7"
        return pyarrow.table({"timestamp": [f"2026-07-0{day}T01:30:00"], "account_id": [f"a{day}"], "ip": [hops]})

    store = hydralink.build(night(1), output=tmp_path / "store", tz="Europe/Berlin", trusted_proxies="1.1.1.0/24")
    store.update(night(2))
    assert store.show("ip:8.8.8.2")["first_seen"] == "2026-07-01T23:30:00Z"
    store.update(night(3), tz="UTC", trusted_proxies="private")
    store.update(night(4))
    assert store.show("ip:1.1.1.7")["first_seen"] == "2026-07-03T01:30:00Z"


def test_a_spoilt_night_is_stopped_before_it_is_in_the_store(tmp_path):
    def night(day, **columns):
        rows = {"timestamp": [f"2026-07-0{day}T01:30:00Z"] * 2, "account_id": ["a", "b"], "ip": ["8.8.8.8", "8.8.4.4"]}
        return pyarrow.table(rows | columns)

    store = hydralink.build(night(1), output=tmp_path / "store")
    before = store.info()
    assert before["exchanges_by_day"] == [["2026-07-01", 2]] and before["settings"] is None
    spoilt = night(3, ip=pyarrow.array([None, None], pyarrow.string()))
    with pytest.raises(hydralink.RefusedError, match="nothing was written") as refused:
        store.update(spoilt, fail_on=["empty", "missing"])
    assert [found["drift"] for found in refused.value.drift] == ["empty"]
    assert store.update(spoilt, dry_run=True)["rows"] == 4
    assert store.info() == before
    store.update(spoilt)
    assert store.info()["silent_days"] == ["2026-07-02"]
    with pytest.raises(hydralink.InputError, match="fail_on: everything is none of missing, empty"):
        store.update(night(4), fail_on=["everything"])
    with pytest.raises(hydralink.InputError, match="dry_run"):
        store.update(night(4), dry_run=True, detect=True)


def test_nothing_found_is_a_table_without_rows(found):
    none = pyarrow.table(found.networks(where="accounts > 1000000"))
    assert none.num_rows == 0 and "why" in none.column_names


def test_truth_may_be_a_table_too(found, world):
    labels, benign = (pyarrow.csv.read_csv(world / name) for name in ("labels.csv", "groups.csv"))
    by_file = found.evaluate(world / "labels.csv", benign=world / "groups.csv")
    assert found.evaluate(labels.to_pandas(), benign=polars.from_arrow(benign)) == by_file
    assert found.fairness(labels) == found.fairness(world / "labels.csv")
    with pytest.raises(hydralink.InputError, match="no column network; .*or cluster"):
        found.evaluate(labels.drop_columns(["network"]))


def test_uuids_are_their_text(tmp_path):
    ids = [uuid.UUID(int=number) for number in (1, 2)]
    column = pyarrow.ExtensionArray.from_storage(pyarrow.uuid(), pyarrow.array([one.bytes for one in ids], pyarrow.binary(16)))
    store = hydralink.build(pyarrow.table({"account_id": column, "ip": ["8.8.8.8"] * 2}), output=tmp_path / "store")
    assert store.show(f"account:{ids[0]}")["seen_with"] == {"ip": 1}
