"""Bad input is an exception that says what was expected, and loses nothing."""

import os
import shutil
import signal

import hydralink
import pyarrow
import pyarrow.parquet
import pytest


def test_files_that_are_not_there_or_not_events(tmp_path):
    with pytest.raises(hydralink.InputError, match="nowhere.csv"):
        hydralink.build("nowhere.csv", output=tmp_path / "store")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(hydralink.InputError, match="empty"):
        hydralink.build(tmp_path / "empty.csv", output=tmp_path / "store")
    (tmp_path / "shoes.csv").write_text("shoe,size\nred,44\n")
    with pytest.raises(hydralink.InputError, match="account_id"):
        hydralink.build([tmp_path / "shoes.csv"], output=tmp_path / "store")
    with pytest.raises(hydralink.InputError, match="nothing to read"):
        hydralink.build([], output=tmp_path / "store")
    assert not (tmp_path / "store" / "MANIFEST").exists()


def test_stores_that_are_none(tmp_path):
    with pytest.raises(hydralink.StoreError):
        hydralink.open(tmp_path)
    with pytest.raises(hydralink.StoreError):
        hydralink.open(tmp_path / "nowhere")


def test_wrong_types_of_events(tmp_path):
    for wrong in (None, 7, {"account_id": ["a"]}, [["a.csv"]]):
        with pytest.raises(TypeError, match="__arrow_c_stream__"):
            hydralink.build(wrong, output=tmp_path / "store")

    class Liar:
        def __arrow_c_stream__(self, requested_schema=None):
            return "not a capsule"

    with pytest.raises(TypeError, match="capsule"):
        hydralink.build(Liar(), output=tmp_path / "store")

    class Other:
        def __arrow_c_stream__(self, requested_schema=None):
            return pyarrow.schema([("a", pyarrow.string())]).__arrow_c_schema__()

    with pytest.raises(ValueError):
        hydralink.build(Other(), output=tmp_path / "store")


@pytest.mark.parametrize("accounts", [[1.5, 2.5], [["a"], ["b"]], [{"id": 1}, {"id": 2}], [True, False]])
def test_accounts_that_are_no_text(accounts, tmp_path):
    table = pyarrow.table({"account_id": accounts, "device": ["d", "d"]})
    if isinstance(accounts[0], bool):
        assert hydralink.build(table, output=tmp_path / "store").build_summary["accounts"] == 2
        return
    with pytest.raises(hydralink.InputError, match="account_id"):
        hydralink.build(table, output=tmp_path / "store")


def test_whole_numbers_are_names_too(tmp_path):
    table = pyarrow.table({"account_id": [1, 2, 3], "device": ["d", "d", "e"]})
    store = hydralink.build(table, output=tmp_path / "store")
    assert store.show("account:2")["seen_with"] == {"device": 1}


def test_rows_without_accounts_are_told_by_number(tmp_path):
    table = pyarrow.table({"account_id": ["a", None, "b"], "device": ["d", "d", "d"]})
    store = hydralink.build(table, output=tmp_path / "store", rejects=tmp_path / "rejects.jsonl")
    assert store.build_summary["rejected"] == 1
    assert '"row":1' in (tmp_path / "rejects.jsonl").read_text()
    with pytest.raises(hydralink.InputError, match="max_bad"):
        hydralink.build(table, output=tmp_path / "store", max_bad=7)


def test_a_stream_that_breaks_off_and_one_without_rows(tmp_path):
    schema = pyarrow.schema([("account_id", pyarrow.string()), ("device", pyarrow.string())])

    def batches():
        yield pyarrow.record_batch([["a"], ["d"]], schema=schema)
        raise RuntimeError("the warehouse went away")

    with pytest.raises(hydralink.InputError, match="the warehouse went away"):
        hydralink.build(pyarrow.RecordBatchReader.from_batches(schema, batches()), output=tmp_path / "store")
    with pytest.raises(hydralink.InputError, match="no events"):
        hydralink.build(schema.empty_table(), output=tmp_path / "store")
    used = pyarrow.RecordBatchReader.from_batches(schema, [])
    used.read_all()
    with pytest.raises(hydralink.InputError):
        hydralink.build(used, output=tmp_path / "store")


def test_card_numbers_are_refused_and_not_echoed(tmp_path):
    table = pyarrow.table({"account_id": ["a"], "card": ["4111111111111111"]})
    with pytest.raises(hydralink.RefusedError) as refused:
        hydralink.build(table, output=tmp_path / "store")
    assert "4111" not in str(refused.value)


def test_unknown_names_come_with_suggestions(found, network):
    account = network[1][0]
    with pytest.raises(hydralink.UnknownIdError) as unknown:
        found.show(f"account:{account[:-1]}")
    assert f"account:{account}" in unknown.value.suggestions
    assert unknown.value.what == f"account:{account[:-1]}"
    with pytest.raises(hydralink.UnknownIdError) as unknown:
        found.members(network[0][:-1])
    assert unknown.value.suggestions == [network[0]]
    with pytest.raises(hydralink.UnknownIdError) as unknown:
        found.members("PN-00000000")
    assert not unknown.value.suggestions
    with pytest.raises(hydralink.UnknownIdError) as unknown:
        found.hubs(kind="ipp")
    assert "ip" in unknown.value.suggestions
    for ask in (found.network, found.how, found.plan_bans, found.evidence):
        with pytest.raises(hydralink.UnknownIdError):
            ask(0)
    with pytest.raises(hydralink.UnknownIdError):
        found.expand(["nobody"])


def test_questions_that_can_not_be_asked(found, network):
    with pytest.raises(hydralink.InputError, match="where"):
        found.hubs(where="degree >")
    with pytest.raises(hydralink.InputError, match="shoe"):
        found.networks(where="shoe > 1")
    with pytest.raises(hydralink.InputError, match="identifier"):
        found.why(network[1][0], pyarrow.table(found.hubs(top=1))["identifier"][0].as_py())
    with pytest.raises(hydralink.InputError, match="degree"):
        found.top(by="shoe size")
    with pytest.raises(hydralink.InputError, match="copies"):
        found.calibrate(0)
    with pytest.raises(hydralink.InputError, match="exclude"):
        found.export("x.graphml", all=True, whole=True)
    with pytest.raises(hydralink.InputError):
        found.export("x.unknown")
    with pytest.raises(hydralink.InputError, match="threads"):
        found.detect(threads=0)
    with pytest.raises(TypeError, match="a list or Series of names, .* was expected; found float"):
        found.show(7.5)
    with pytest.raises(hydralink.UnknownIdError, match="account:7 "):
        found.show(7)
    with pytest.raises(TypeError, match="id .PN-.* or its rank, from 1, was expected; found float"):
        found.network(1.5)
    with pytest.raises(TypeError, match="dictionary of its content was expected; found list"):
        found.detect(config=["linkage"])
    with pytest.raises(OverflowError):
        found.hubs(top=-1)


def test_numbers_that_mean_nothing(found, network):
    one, other = network[1][:2]
    with pytest.raises(hydralink.InputError, match="over 0 and below 1"):
        found.why(one, other, prior_same_operator=2)
    with pytest.raises(hydralink.InputError, match="0 or more"):
        found.plan_bans(1, benign_budget=-1)
    candidate = next(row["id"] for row in pyarrow.table(found.networks(all=True)).to_pylist() if not row["flagged"])
    with pytest.raises(hydralink.InputError, match="is not flagged.*`allow_unflagged`"):
        found.plan_bans(candidate)
    assert found.plan_bans(candidate, allow_unflagged=True)["flagged"] is False


def test_not_detected_yet(world, tmp_path):
    store = hydralink.build(world / "events.parquet", output=tmp_path / "store")
    assert not store.detected
    assert "detect()" in store._repr_html_()
    with pytest.raises(hydralink.NotDetectedError, match="detect"):
        store.networks()
    assert store.show(store.neighbors(pyarrow.parquet.read_table(world / "events.parquet")["account_id"][0].as_py())[0]["node"])


def test_names_that_are_markup_stay_text(tmp_path):
    table = pyarrow.table({"account_id": ["<script>alert(1)</script>", "b"], "device": ["d", "d"]})
    folder = tmp_path / "<b>store"
    assert "<b>store" not in hydralink.build(table, output=folder).detect()._repr_html_()


def test_keys(world, tmp_path):
    key = tmp_path / "key"
    key.write_bytes(os.urandom(32).hex().encode())
    key.chmod(0o600)
    store = hydralink.build(world / "events.parquet", output=tmp_path / "store", key_file=key).detect()
    account = pyarrow.parquet.read_table(world / "events.parquet")["account_id"][0].as_py()
    assert store.show(f"account:{account}")["node"] != f"account:{account}"
    with pytest.raises(hydralink.UnknownIdError, match="key"):
        hydralink.open(tmp_path / "store").show(f"account:{account}")
    other = tmp_path / "other"
    other.write_bytes(os.urandom(32).hex().encode())
    other.chmod(0o600)
    with pytest.raises(hydralink.RefusedError):
        hydralink.open(tmp_path / "store", key_file=other)
    key.chmod(0o644)
    with pytest.raises(hydralink.RefusedError, match="chmod"):
        hydralink.open(tmp_path / "store", key_file=key)
    with pytest.raises(hydralink.InputError, match="level"):
        hydralink.open(tmp_path / "store", level="all")


def test_a_level_holds_in_tables_too(found, tmp_path, network):
    with pytest.raises(hydralink.InputError, match="key"):
        hydralink.open(found.folder, level="redact")
    key = tmp_path / "key"
    key.write_bytes(os.urandom(32).hex().encode())
    key.chmod(0o600)
    redacted = hydralink.open(found.folder, key_file=key, level="redact")

    def values(store):
        columns = [store.members(network[0]), "account_id"], [store.sightings(network[0]), "identifier"], [store.hubs(), "identifier"]
        found = {value for table, name in columns for value in pyarrow.table(table)[name].to_pylist()}
        evidence = pyarrow.table(store.evidence(network[0])).to_pylist()
        return found | {row["name"] for row in evidence if row["item"] == "identifier"}

    assert values(redacted).isdisjoint(values(found))
    assert not any(account in str(redacted.network(network[0])) for account in network[1])


def test_a_level_holds_for_decisions_and_errors_too(world, tmp_path):
    key = tmp_path / "key"
    key.write_bytes(os.urandom(32).hex().encode())
    key.chmod(0o600)
    store = hydralink.build(world / "events.parquet", output=tmp_path / "store").detect()
    account = pyarrow.table(store.members())["account_id"][0].as_py()
    store.reject(f"account:{account}", reviewer="ann", reason="customer", text="called on Monday")
    redacted = hydralink.open(store.folder, key_file=key, level="redact")
    for said in (redacted.cases(), redacted.case_log()):
        assert len(said) == 1 and not any(word in str(said) for word in (account, "ann", "Monday")), said
    for wrong in (lambda: redacted.note(f"account:{account}x", "?", reviewer="ann"), lambda: redacted.forget([account + "x"], reviewer="ann")):
        with pytest.raises(hydralink.UnknownIdError) as raised:
            wrong()
        assert account not in str(raised.value) and raised.value.suggestions == []
        assert raised.value.kind == "unknown_id"
    # A dossier holds whatever was decided since the detection.
    dossier, key_less = redacted.network(1), hydralink.open(store.folder)
    verified, blind = redacted.verify(dossier=dossier), key_less.verify(dossier=dossier)
    assert verified["level"] == blind["level"] == "redact" and verified["hidden"] == 0 < blind["hidden"]
    assert blind["values"] + blind["hidden"] == verified["values"]
    # Nor is it said who is known-good, and why.
    (tmp_path / "good.csv").write_text(f"kind,value,reason\naccount,{account},Jane's office\n")
    hydralink.build(world / "events.parquet", output=tmp_path / "listed", allow=tmp_path / "good.csv")
    for level, named in (("full", True), ("redact", False)):
        listed = hydralink.open(tmp_path / "listed", key_file=key, level=level)
        with pytest.raises(hydralink.InputError) as raised:
            listed.confirm(f"account:{account}", reviewer="ann", reason="cards")
        assert raised.value.kind == "known_good"
        assert (account in str(raised.value), "Jane" in str(raised.value)) == (named, named), raised.value


def test_ids_that_look_like_other_names_are_nobody_elses(tmp_path):
    ring = ["account:honest", "45.10.0.0", "ip:45.10.0.0", "d0"]
    rows = [(f"{id}", f"45.10.0.{at % 2}", f"d{at // 2}") for at, id in enumerate(ring) for _ in range(5)]
    rows += [("honest", "9.9.9.9", "own")]
    table = pyarrow.table(dict(zip(("account_id", "ip", "device"), map(list, zip(*rows)))))
    store = hydralink.build(table, output=tmp_path / "store").detect()
    members = pyarrow.table({"account_id": ring})
    for given in (members, [{"account_id": id} for id in ring]):
        assert {card["node"] for card in store.show(given)} == {f"account:{id}" for id in ring}
        assert store.assess(given)["accounts"] == len(ring)
        assert store.impact(given)["accounts_banned"] == len(ring)
    # Bare ids may be anything else's value, but one that names two accounts is never guessed.
    assert store.assess(ring[1:])["accounts"] == 3
    for asked in (lambda: store.assess(ring), lambda: store.forget(ring[:1], reviewer="ann"), lambda: store.reject(ring[0], reviewer="ann", reason="x")):
        with pytest.raises(hydralink.InputError, match="the id of another"):
            asked()
    store.forget(members.slice(0, 1), reviewer="ann")
    assert store.show("account:honest")["node"] == "account:honest"
    with pytest.raises(hydralink.UnknownIdError):
        store.show("account:account:honest")


def test_an_empty_choice_is_not_everything(found, tmp_path):
    for write in (found.export, found.report):
        with pytest.raises(hydralink.InputError, match="no network is named"):
            write(tmp_path / "out.html" if write == found.report else tmp_path / "out.csv", network=[])
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_gone_still_has_a_name(world, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = hydralink.build(world / "events.parquet", output="store")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert "sightings" in repr(store)
    shutil.rmtree(tmp_path / "store")
    assert repr(store).startswith(f"<hydralink.Store {tmp_path / 'store'}: can't be read: ")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("call", ["detect", "components", "communities", "lockstep", "verify", "expand", "export", "table"])
def test_a_forked_process_is_told_and_does_not_hang(found, network, tmp_path, call):
    table = found.networks()
    calls = {
        "expand": lambda: found.expand(network[1][:1]),
        "export": lambda: found.export(tmp_path / "out.graphml"),
        "table": lambda: pyarrow.table(table),
    }
    child = os.fork()
    if child == 0:
        # A hang would hold up the tests; nothing of what the parent had set up for them runs in here.
        signal.alarm(30)
        try:
            calls.get(call, getattr(found, call, None))()
        except hydralink.InputError as error:
            os._exit(7 if "spawn" in str(error) else 8)
        os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_arguments_that_exclude_each_other_are_not_left_out(found, network, tmp_path):
    for wrong in (
        lambda: found.lineage(network[0], since=1),
        lambda: found.lineage(network[0], events=True),
        lambda: found.components(sweep=True, max_degree=5),
        lambda: found.components(sweep=True, detected=True),
        lambda: found.components(detected=True, max_degree=5),
        lambda: found.evidence(network[0], all=True),
    ):
        with pytest.raises(hydralink.InputError, match="leave out|exclude each other"):
            wrong()
    with pytest.raises(hydralink.InputError, match="exclude each other"):
        found.export(tmp_path / "out.csv", minimal=True, project=True)
    assert list(tmp_path.iterdir()) == []


def test_labels_of_accounts_that_the_store_has_pseudonyms_of(world, tmp_path):
    key = tmp_path / "key"
    key.write_bytes(os.urandom(32).hex().encode())
    key.chmod(0o600)
    store = hydralink.build(world / "events.parquet", output=tmp_path / "store", key_file=key).detect()
    assert store.evaluate(world / "labels.csv", benign=world / "groups.csv")["labels"]["unknown"] == 0
    assert store.backtest(labels=world / "labels.csv", every=1_000)["networks"]
    with pytest.raises(hydralink.InputError, match="holds pseudonyms.*`key_file`"):
        hydralink.open(tmp_path / "store").evaluate(world / "labels.csv")


def test_the_log_of_one_case_and_the_first_of_what_two_share(copied, network):
    one, other = network[1][:2]
    for account in (one, other):
        copied.note(f"account:{account}", "seen", reviewer="ann")
    assert len(copied.case_log()) == 2
    assert [entry["target"] for entry in copied.case_log(f"account:{other}")] == [f"account:{other}"]
    shared = copied.common(one, other)
    assert shared and copied.common(one, other, top=1) == shared[:1]


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A store whose larger sections aren't checked when it is opened, for they have over a MiB."""
    accounts = 140_000
    table = pyarrow.table(
        {
            "timestamp": [1_769_904_000 + at % 86_400 for at in range(accounts)],
            "account_id": [f"a{at:06}" for at in range(accounts)],
            "ip": [f"9.{at >> 14}.{at >> 6 & 255}.{(at & 63) // 2}" for at in range(accounts)],
            "device": [f"d{at // 3 if at < 60 else at}" for at in range(accounts)],
        }
    )
    return hydralink.build(table, output=tmp_path_factory.mktemp("large") / "store").detect()


def test_a_damaged_section_is_named_whatever_is_asked(large, tmp_path):
    questions = [
        lambda store: store.show("a000001"),
        lambda store: store.neighbors("a000001"),
        lambda store: store.top(top=2000),
        lambda store: store.why("a000001", "a000002"),
        lambda store: store.components(top=5),
        lambda store: store.detect(),
        lambda store: store.update(pyarrow.table({"account_id": ["b"], "device": ["d0"]})),
        lambda store: store.calibrate(1),
        lambda store: store.as_of("2026-02-01T12:00:00Z", output=tmp_path / "then"),
        lambda store: store.cases(),
        lambda store: store.note("account:a000001", reviewer="ann", text="seen"),
        lambda store: pyarrow.table(store.members()),
        lambda store: pyarrow.table(store.sightings()),
        lambda store: pyarrow.table(store.hubs()),
        repr,
    ]
    sections = [file for file in os.scandir(large) if file.stat().st_size > 1 << 20]
    assert len(sections) > 5
    named = 0
    for section in sections:
        store = hydralink.open(shutil.copytree(large, tmp_path / section.name))
        with open(os.path.join(store.folder, section.name), "r+b") as file:
            file.seek(section.stat().st_size // 2)
            file.write(b"\xff" * 65_536)
        # A panic is no Exception.
        for question in questions:
            try:
                question(store)
            except hydralink.UnknownIdError:
                # Names that are out of order aren't found, which only verify() can tell from names that aren't there.
                pass
            except (hydralink.StoreError, pyarrow.ArrowException, OSError) as error:
                assert section.name.rsplit(".", 1)[0] in str(error)
                named += 1
        shutil.rmtree(store.folder)
    assert named > 4 * len(sections)
