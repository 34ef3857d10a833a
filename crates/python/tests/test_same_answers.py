"""The library and the command line give the same answers."""

import concurrent.futures
import datetime
import multiprocessing
import os
import shutil

import hydralink
import polars
import pyarrow
import pytest


def rows(table):
    """Rows as the command line's JSON has them, as far as a table has columns for it."""

    def value(cell):
        return cell.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(cell, datetime.datetime) else cell

    return [{name: value(cell) for name, cell in row.items()} for row in pyarrow.table(table).to_pylist()]


def same(ours, theirs):
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs):
        for name, cell in one.items():
            if name == "stability" and isinstance(other.get(name), dict):
                other = {**other, name: other[name]["similarity"]}
            expected = other.get(name)
            assert cell == (pytest.approx(expected, rel=1e-6) if isinstance(expected, float) else expected), name


def test_tables(found, cli, network):
    store = found.folder
    same(rows(found.networks(all=True)), cli("networks", store, "--all", "--top", 0, lines=True))
    same(rows(found.networks(top=1)), cli("networks", store, "--top", 1, lines=True))
    same(rows(found.members()), cli("members", store, lines=True))
    same(rows(found.members(network[0])), cli("members", store, "--network", network[0], lines=True))
    same(rows(found.members(where="confidence > 0.9")), cli("members", store, "--where", "confidence > 0.9", lines=True))
    same(rows(found.hubs()), cli("hubs", store, "--top", 0, lines=True))
    by = dict(kind="ip", top=3, where="degree > 2")
    same(rows(found.hubs(**by)), cli("hubs", store, "--kind", "ip", "--top", 3, "--where", "degree > 2", lines=True))


def test_evidence_is_what_the_dossier_says(found, network):
    evidence, dossier = rows(found.evidence(network[0])), found.network(network[0])
    signals = {row["name"]: row for row in evidence if row["item"] == "signal"}
    assert signals.keys() == dossier["signals"].keys()
    for name, line in dossier["signals"].items():
        assert signals[name]["bits"] == (line and pytest.approx(line["bits"]))
    ties = [row["name"] for row in evidence if row["item"] == "identifier"]
    named = [tie["identifier"] for tie in dossier["tied_by"]]
    assert ties[: len(named)] == named and len(ties) == len(named) + dossier["tied_by_left_out"]
    assert len(ties) == sum(dossier["identifiers_by_kind"].values())


def test_sightings_are_the_edges(found):
    edges = pyarrow.table(found.sightings())
    assert edges.num_rows == found.build_summary["sightings"]
    account = edges["account_id"][0].as_py()
    of_account = [row for row in rows(edges) if row["account_id"] == account]
    neighbors = found.neighbors(account)
    assert {row["identifier"]: row["exchanges"] for row in of_account} == {
        neighbor["node"]: neighbor["exchanges"] for neighbor in neighbors
    }


def test_records(found, cli, network, world, tmp_path):
    store, (id, accounts) = found.folder, network
    one, other = accounts[0], accounts[1]
    (tmp_path / "list").write_text("\n".join(accounts))
    ip = rows(found.hubs(kind="ip", top=2))
    for ours, theirs in [
        (found.network(id), ("network", store, id)),
        (found.network(1), ("network", store, 1)),
        (found.assess(accounts), ("assess", store, tmp_path / "list")),
        (found.show(one), ("show", store, one)),
        (found.show(ip[0]["identifier"]), ("show", store, ip[0]["identifier"])),
        (found.neighbors(one), ("neighbors", store, one, "--top", 0)),
        (found.neighbors(one, kind="ip", top=2), ("neighbors", store, one, "--kind", "ip", "--top", 2)),
        (found.neighbors(one, where="degree > 1"), ("neighbors", store, one, "--where", "degree > 1", "--top", 0)),
        (found.ego(one, hops=1)["nodes"], ("ego", store, one, "--hops", 1)),
        (found.top(by="events", kind="account"), ("top", store, "--by", "events", "--kind", "account")),
        (found.path(one, other, k=2), ("path", store, one, other, "-k", 2)),
        (found.common(one, other), ("common", store, one, other)),
        (found.common(*[row["identifier"] for row in ip]), ("common", store, *[row["identifier"] for row in ip])),
        (found.why(one, other), ("why", store, one, other)),
        (found.why(one, other, significance=True), ("why", store, one, other, "--significance")),
        (found.why_not(one, "account:" + other), ("why-not", store, one, other)),
        (found.why_not(one, id), ("why-not", store, one, id)),
        (found.appeal(one), ("appeal", store, one)),
        (found.appeal(one, significance=True), ("appeal", store, one, "--significance")),
        (found.how(id), ("how", store, id)),
        (found.cohesion(id), ("cohesion", store, id)),
        (found.overlap(1, 2), ("overlap", store, 1, 2, "--top", 0)),
        (found.components(top=5), ("components", store, "--top", 5)),
        (found.components(sweep=True), ("components", store, "--sweep")),
        (found.components(kind=["ip"], max_degree=5, top=0), ("components", store, "--kind", "ip", "--max-degree", 5, "--top", 0)),
        (found.communities(algorithm="louvain", top=3), ("communities", store, "--algorithm", "louvain", "--top", 3)),
        (found.resolution_sweep([0.5, 1, 2]), ("communities", store, "--sweep", "--resolutions", "0.5,1,2")),
        (found.components(sweep=True, kind=["ip"]), ("components", store, "--sweep", "--kind", "ip")),
        (found.dense(blocks=2), ("dense", store, "--blocks", 2)),
        (found.lockstep()["cores"], ("lockstep", store)),
        (found.review(8), ("networks", store, "--review-hours", 8)),
        (found.plan_bans(id), ("plan-bans", store, id)),
        (found.layers(), ("layers", store)),
        (found.lineage(), ("lineage", store)),
        (found.lineage(id), ("lineage", store, id)),
        (found.lineage(events=True), ("lineage", store, "--events")),
        (found.verify(), ("verify", store)),
        (found.evaluate(world / "labels.csv"), ("evaluate", store, "--labels", world / "labels.csv")),
        (found.fairness(world / "labels.csv"), ("evaluate", store, "--labels", world / "labels.csv", "--fairness")),
        (hydralink.diff(found, found), ("diff", store, store)),
        (hydralink.profile(world / "events.parquet"), ("profile", world / "events.parquet")),
    ]:
        assert ours == cli(*theirs), theirs


def test_lists(found, cli, network, tmp_path):
    (tmp_path / "seeds").write_text("\n".join(network[1][:2]))
    asked = ("expand", found.folder, "--seeds", tmp_path / "seeds", "--top", 0)
    assert found.expand(network[1][:2]) == cli(*asked)
    assert found.impact(network[1]) == cli("impact", found.folder, nodes_file(tmp_path, network[1]))
    rule = "ip(accounts <= 10) and 2 of {card, template}"
    linked = found.link(rule=[rule])
    assert linked["groups"] == cli("link", found.folder, "--rule", rule, "--top", 0)
    assert [account for account, _ in linked["accounts"]] == [
        row["account_id"] for row in cli("link", found.folder, "--rule", rule, "--accounts")
    ]


def nodes_file(folder, names):
    path = folder / "nodes"
    path.write_text("\n".join(names))
    return path


def test_markdown_is_a_document(found, network):
    text = found.network(network[0], format="markdown")
    statement = found.appeal(network[1][0], format="markdown")
    assert statement.startswith("# Statement of reasons") and network[0] in statement
    assert text.startswith("# ") and network[0] in text


def test_a_dossier_is_verified(copied, network):
    dossier = copied.network(network[0])
    assert copied.verify(dossier=dossier)["network"] == network[0]
    dossier["accounts"] += 1
    with pytest.raises(hydralink.InputError, match="accounts"):
        copied.verify(dossier=dossier)


def test_one_network_is_named_as_a_list_of_one(found, network, tmp_path):
    one, listed, ranked = (found.export(tmp_path / "out.csv", network=name) for name in (network[0], [network[0]], 1))
    assert one == listed == ranked and one["networks"] == 1
    with pytest.raises(TypeError):
        found.export(tmp_path / "out.csv", network=2.5)


def test_calibrated_and_confirmed(copied, cli, network):
    told = []
    answer = copied.calibrate(2, progress=lambda *step: told.append(step))
    assert answer["thresholds"] and answer["reliability"]
    assert {step[2] for step in told} == {2} and told[-1][1] == 2
    told.clear()
    copied.consensus(2, progress=lambda *step: told.append(step))
    assert told[-1][1:] == (2, 2)
    case = copied.confirm(network[0], reviewer="ann", reason="shared_cards")
    assert copied.cases() == [{**case, "network": case["case"]}] == cli("case", "list", copied.folder)
    assert [entry["action"] for entry in copied.case_log()] == ["confirm"]
    networks = rows(copied.networks(all=True))
    same(networks, cli("networks", copied.folder, "--all", "--top", 0, lines=True))
    assert any(row["stability"] is not None for row in networks) and networks[0]["confirmed"] > 0


def test_curve_of_an_attacker(cli, tmp_path):
    told = []
    lines = hydralink.redteam(tier="xs", budget=[1.0], evasion=["jitter"], seed=3, progress=lambda *step: told.append(step))
    options = ["--tier", "xs", "--budget", 1, "--evasion", "jitter", "--seed", 3]
    same(lines, cli("redteam", tmp_path / "worlds", *options, lines=True))
    assert [line["evasion"] for line in lines] == ["none", "jitter"]
    assert [step[1:] for step in told] == [(0, 2), (1, 2), (2, 2)]
    with pytest.raises(hydralink.InputError, match="evasion"):
        hydralink.redteam(evasion=["stealth"])
    with pytest.raises(hydralink.InputError, match="budget"):
        hydralink.redteam(budget=[2.0])


def test_what_is_written(found, cli, tmp_path):
    written = found.export(tmp_path / "ours.graphml", all=True)
    assert written["nodes"] > 0 and not written["collapsed"]
    found.export(tmp_path / "ours.parquet")
    pairs = found.export(tmp_path / "pairs.csv", all=True, project=True)
    assert pairs["edges"] > 0 and {line.split(",")[1] for line in (tmp_path / "pairs.csv").read_text().splitlines()[1:]} == {"account"}
    with pytest.raises(hydralink.InputError, match="`pair_budget`"):
        found.export(tmp_path / "pairs.csv", all=True, project=True, pair_budget=1)
    assert found.report(tmp_path / "report.html") == (tmp_path / "report.html").stat().st_size


def test_earlier_and_erased(copied, tmp_path, network):
    earlier = copied.as_of("2026-04-01", output=tmp_path / "earlier")
    berlin = datetime.timezone(datetime.timedelta(hours=2))
    last = datetime.datetime(2026, 4, 2, 1, 59, 59, tzinfo=berlin)
    for number, then in enumerate([datetime.date(2026, 4, 1), datetime.datetime(2026, 4, 1, 23, 59, 59), last]):
        assert copied.as_of(then, output=tmp_path / f"then{number}").build_summary == earlier.build_summary
    with pytest.raises(TypeError, match="a date or a datetime"):
        copied.as_of(20260401, output=tmp_path / "then")
    assert earlier.build_summary["accounts"] < pyarrow.table(copied.members()).num_rows
    forgotten = copied.forget([network[1][0]], reviewer="ann")
    assert forgotten["accounts"] == 1
    with pytest.raises(hydralink.UnknownIdError):
        copied.show(f"account:{network[1][0]}")
    assert copied.expire(before=datetime.date(2026, 1, 2))["since"] == "2026-01-02T00:00:00Z"


def test_a_notebook_shows_the_ranked_table(found, network):
    html = found._repr_html_()
    assert network[0] in html and "<table>" in html
    assert repr(found).startswith("<hydralink.Store ")


def test_settings_are_a_dictionary_or_a_file(copied, tmp_path):
    defaults = hydralink.default_config()
    copied.detect(config={"seed": 7, "behaviour": {"draws": defaults["behaviour"]["draws"]}}, threads=1)
    with pytest.raises(hydralink.InputError, match="sead"):
        copied.detect(config={"sead": 7})
    (tmp_path / "c.toml").write_text(f"[behaviour]\ndraws = {defaults['behaviour']['draws']}\n")
    copied.detect(config=tmp_path / "c.toml")


def test_what_is_known_beforehand(found, cli, network, tmp_path):
    member = rows(found.members(network[0]))[0]["account_id"]
    for name in ("ours", "theirs"):
        shutil.copytree(found.folder, tmp_path / name)
    ours = hydralink.open(tmp_path / "ours").detect(good=[f"account:{member}"])
    (tmp_path / "good.txt").write_text(f"account:{member}\n")
    cli("detect", tmp_path / "theirs", "--good", tmp_path / "good.txt", lines=True)
    same(rows(ours.networks(all=True)), cli("networks", tmp_path / "theirs", "--all", "--top", 0, lines=True))
    assert member not in [row["account_id"] for row in rows(ours.members(where="confidence > 0"))]
    assert ours.case_verify() == cli("case", "verify", tmp_path / "theirs")


def test_a_new_key(found, tmp_path):
    for name in ("old", "new"):
        (tmp_path / name).write_text(os.urandom(32).hex())
        (tmp_path / name).chmod(0o600)
    events = pyarrow.table({"account_id": ["a", "b"], "ip": ["20.0.0.1", "20.0.0.1"]})
    store = hydralink.build(events, output=tmp_path / "store", key_file=tmp_path / "old")
    assert store.rekey(key_file=tmp_path / "old", new_key_file=tmp_path / "new", reviewer="ann")["accounts"] == 2
    assert hydralink.open(tmp_path / "store", key_file=tmp_path / "new").show("a")["node"]


def test_an_identifier_lies_in_the_network_that_it_ties(found, network):
    tie = found.network(network[0])["tied_by"][0]["identifier"]
    assert found.ego(tie, hops=1)["nodes"][0]["network"] == found.show(tie)["network"] == network[0]


def test_an_answer_is_the_next_question(found, network):
    members = [row["account_id"] for row in rows(found.members(network[0]))]
    assessed = found.assess(members)
    table = pyarrow.table(found.members(network[0]))
    for given in (found.members(network[0]), table, polars.DataFrame(table), table.to_pandas(), rows(table), tuple(members)):
        assert found.assess(given) == assessed
    for series in (table.to_pandas()["account_id"], polars.DataFrame(table)["account_id"]):
        assert found.assess(series) == assessed
    plan = found.plan_bans(network[0], identifier_actions=True)
    targets = [action["target"] for action in plan["actions"]]
    assert found.impact(plan) == found.impact(plan["actions"]) == found.impact(targets)
    assert found.show(found.ego(members[0], hops=1))[0]["node"] == f"account:{members[0]}"
    assert found.expand(found.expand(members[:3], top=3))["seeds"] == 3
    assert found.expand(members[0], top=3) == found.expand(members[:1], top=3)
    for wrong in ({"rank": 1}, [{"rank": 1}], [1.5], [True], found.networks(), True):
        with pytest.raises(TypeError, match="expected"):
            found.assess(wrong)


def test_whole_numbers_are_ids_of_accounts(tmp_path):
    ids = [1, 1, 2, 2, 3, 3]
    events = polars.DataFrame({"account_id": ids, "ip": ["9.9.9.9", "9.9.9.8"] * 3, "device": ["1", "2", "3", "1", "2", "3"]})
    store = hydralink.build(events, output=tmp_path / "store").detect()
    asked = [1, 2]
    answer = store.assess([str(one) for one in asked])
    for given in (asked, tuple(asked), polars.Series(asked), polars.Series(asked).to_pandas(), polars.Series(asked).to_numpy()):
        assert store.assess(given) == answer
    # A number is no device, though one is called so.
    assert [card["node"] for card in store.show(asked)] == ["account:1", "account:2"]
    with pytest.raises(hydralink.UnknownIdError, match="4"):
        store.assess([1, 4])


def test_a_store_goes_to_another_process(found, world, tmp_path):
    key = tmp_path / "key"
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    keyed = hydralink.build(world / "events.parquet", output=tmp_path / "keyed", key_file=key).detect()
    redacted = hydralink.open(keyed, key_file=key, level="redact")
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as workers:
        for store in (found, redacted):
            assert workers.submit(hydralink.Store.top, store, top=3).result() == store.top(top=3)
