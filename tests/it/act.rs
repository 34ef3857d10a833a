//! What people do with what was found: decisions and what follows from them, ban plans, pseudonyms, levels, erasure, sharing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Bench, detected, of_world};

const ANN: &[&str] = &["--reviewer", "ann", "--reason", "shared_cards"];
const BOB: &[&str] = &["--reviewer", "bob", "--reason", "shared_cards"];

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is text")).to_owned()
}

/// All candidate networks, by rank.
fn networks(bench: &Bench, store: &str) -> Vec<Value> {
    bench.run(&["networks", store, "--all", "--top", "0", "--format", "jsonl"]).records()
}

/// Detects again; without the one strong network of the small world nothing may be found.
fn detect_again(bench: &Bench, store: &str) {
    let ran = bench.run(&["detect", store, "--quiet"]);
    assert!(ran.code <= 1, "{}", ran.stderr);
}

/// The core and fringe accounts of a network.
fn belonging(bench: &Bench, store: &str, id: &str) -> BTreeSet<String> {
    let rows = bench.ok(&["members", store, "--network", id, "--format", "jsonl"]).records();
    rows.iter().filter(|row| row["membership"] != "ambiguous").map(|row| text(&row["account_id"])).collect()
}

fn run_with<'a>(bench: &Bench, head: &[&'a str], tail: &[&'a str]) -> crate::support::Ran {
    bench.ok(&[head, tail].concat())
}

#[test]
fn a_rejected_network_is_not_found_again_and_a_confirmed_one_keeps_its_label() {
    let bench = Bench::new();
    let store = detected(&bench);
    let before = networks(&bench, &store);
    let (good, bad) = (text(&before[3]["id"]), text(&before[0]["id"]));
    let harmless = belonging(&bench, &store, &good);
    let operator = belonging(&bench, &store, &bad);

    run_with(&bench, &["case", "reject", &store, &good, "a hackathon at the university"], ANN);
    let confirmed = run_with(&bench, &["case", "confirm", &store, &bad], ANN);
    assert!(confirmed.stdout.starts_with(&format!("{bad}: confirmed")), "{}", confirmed.stdout);
    let state = |id: &str| networks(&bench, &store).iter().find(|network| network["id"] == *id).map(|n| text(&n["state"]));
    assert_eq!(state(&good).as_deref(), Some("rejected"), "before the next detection it is shown as decided");

    // Detection runs it twice: decisions outlast both.
    for _ in 0..2 {
        detect_again(&bench, &store);
        assert_eq!(state(&bad).as_deref(), Some("confirmed"));
        let rows = bench.ok(&["members", &store, "--format", "jsonl"]).records();
        for row in &rows {
            let account = text(&row["account_id"]);
            if harmless.contains(&account) {
                assert!(row["candidate"].is_null(), "a known-good account is a member of nothing: {row}");
                assert_eq!(row["label"], "rejected");
            }
            if operator.contains(&account) {
                assert_eq!(row["label"], "confirmed");
            }
        }
    }
    let after = networks(&bench, &store);
    let network = after.iter().find(|network| network["id"] == *bad).expect("the confirmed network");
    assert!(network["confirmed"].as_u64().expect("a number") * 2 > operator.len() as u64, "{network}");

    // Taking the verdict back brings the network back.
    bench.ok(&["case", "state", &store, &good, "triage", "--reviewer", "ann"]);
    detect_again(&bench, &store);
    let again: BTreeSet<String> =
        networks(&bench, &store).iter().flat_map(|network| belonging(&bench, &store, &text(&network["id"]))).collect();
    assert!(harmless.iter().filter(|account| again.contains(*account)).count() * 2 > harmless.len());
}

#[test]
fn a_rejected_account_leaves_its_network_and_a_rejected_identifier_links_nobody() {
    let bench = Bench::new();
    let store = detected(&bench);
    let network = networks(&bench, &store)[0].clone();
    let id = text(&network["id"]);
    let member = belonging(&bench, &store, &id).into_iter().next().expect("a member");
    let identifier = text(&network["tied_by"][0]["identifier"]);
    run_with(&bench, &["case", "reject", &store, &format!("account:{member}")], ANN);
    run_with(&bench, &["case", "reject", &store, &identifier], ANN);
    detect_again(&bench, &store);
    let card = bench.ok(&["show", &store, &format!("account:{member}"), "--format", "json"]).json();
    assert!(card["network"].is_null() && card["candidate"].is_null(), "{card}");
    let card = bench.ok(&["show", &store, &identifier, "--format", "json"]).json();
    assert_eq!(card["class"], "allowed", "{card}");
    let cases = bench.ok(&["case", "list", &store, "--format", "jsonl"]).records();
    assert_eq!(cases.len(), 2);
    assert!(cases.iter().all(|case| case["state"] == "rejected"));
}

#[test]
fn confirming_many_accounts_takes_two_people() {
    let bench = Bench::new();
    let store = detected(&bench);
    let id = text(&networks(&bench, &store)[0]["id"]);
    bench.ok(&["case", "four-eyes", &store, "2", "--reviewer", "ann"]);
    let first = run_with(&bench, &["case", "confirm", &store, &id], ANN);
    assert!(first.stdout.contains("triage") && first.stdout.contains("second reviewer"), "{}", first.stdout);
    assert_eq!(networks(&bench, &store)[0]["state"], "triage");
    run_with(&bench, &["case", "confirm", &store, &id], ANN);
    assert_eq!(networks(&bench, &store)[0]["state"], "triage", "the same person twice is one person");
    run_with(&bench, &["case", "confirm", &store, &id], BOB);
    assert_eq!(networks(&bench, &store)[0]["state"], "confirmed");
    // One person can't lift the rule.
    let raised = bench.ok(&["case", "four-eyes", &store, "1000", "--reviewer", "ann"]);
    assert!(raised.stdout.contains("confirm 2 accounts"), "{}", raised.stdout);
    let raised = bench.ok(&["case", "four-eyes", &store, "1000", "--reviewer", "bob"]);
    assert!(raised.stdout.contains("confirm 1,000 accounts"), "{}", raised.stdout);
}

#[test]
fn a_broken_case_log_is_named_and_stops_detection() {
    let bench = Bench::new();
    let store = detected(&bench);
    let id = text(&networks(&bench, &store)[0]["id"]);
    for note in ["one", "two", "three"] {
        bench.ok(&["case", "note", &store, &id, note, "--reviewer", "ann"]);
    }
    let check = bench.ok(&["case", "verify", &store, "--format", "json"]).json();
    assert_eq!(check["records"], 3);
    let head = text(&check["head"]);
    let log = Path::new(&store).join("CASES.jsonl");
    let good = fs::read_to_string(&log).expect("the log is read");
    let lines: Vec<&str> = good.lines().collect();

    fs::write(&log, good.replacen("\"reviewer\":\"ann\"", "\"reviewer\":\"eve\"", 2)).expect("written");
    for command in [&["case", "verify", &store][..], &["verify", &store], &["detect", &store], &["case", "list", &store]] {
        bench.fails(2, &["case log is broken at record 1", "changed after"], command);
    }
    fs::write(&log, format!("{}\n{}\n", lines[0], lines[2])).expect("written");
    bench.fails(2, &["broken at record 2", "follow"], &["verify", &store]);
    // Cut off at its end the chain holds; the head noted earlier shows it.
    fs::write(&log, format!("{}\n{}\n", lines[0], lines[1])).expect("written");
    bench.ok(&["verify", &store]);
    bench.fails(2, &["cut off"], &["case", "verify", &store, "--head", &head]);

    // A crash in the midst of a line: reported, not fatal, set aside by the next decision.
    fs::write(&log, &good[..good.len() - 30]).expect("written");
    assert!(bench.ok(&["case", "verify", &store]).stdout.contains("unfinished last line"));
    assert_eq!(bench.ok(&["case", "log", &store, "--format", "jsonl"]).records().len(), 2);
    bench.ok(&["case", "note", &store, &id, "four", "--reviewer", "ann"]);
    let entries = bench.ok(&["case", "log", &store, &id, "--format", "jsonl"]).records();
    let texts: Vec<String> = entries.iter().map(|entry| text(&entry["text"])).collect();
    assert_eq!(texts, ["one", "two", "four"]);
    assert!(Path::new(&store).join("CASES.torn-3").exists());
}

#[test]
fn decisions_that_make_no_sense_are_refused() {
    let bench = Bench::new();
    let store = detected(&bench);
    let id = text(&networks(&bench, &store)[0]["id"]);
    bench.fails(2, &["--reason"], &["case", "confirm", &store, &id, "--reviewer", "ann"]);
    bench.fails(2, &["--reviewer"], &["case", "confirm", &store, &id, "--reason", "x"]);
    bench.fails(3, &["did you mean"], &[&["case", "confirm", &store, &id[..id.len() - 1]], ANN].concat());
    bench.fails(3, &["not found"], &[&["case", "reject", &store, "account:nobody"], ANN].concat());
    bench.fails(2, &["card number"], &[&["case", "note", &store, &id, "4111 1111 1111 1111"], ANN].concat());
    bench.fails(2, &["text"], &["case", "note", &store, &id, "--reviewer", "ann"]);
    assert!(!Path::new(&store).join("CASES.names.jsonl").exists(), "nothing was written");
    assert_eq!(bench.run(&["case", "list", &store]).code, 1, "no case: nothing found");
}

pub(crate) const KEY: &[u8] = b"0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";
const OTHER_KEY: &[u8] = b"ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";

/// A key file that only its owner can read.
pub(crate) fn key_file(bench: &Bench, name: &str, key: &[u8]) -> String {
    let path = bench.file(name, key);
    set_mode(&path, 0o600);
    path
}

#[cfg(unix)]
fn set_mode(path: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions are set");
}

/// Files of a store that hold these bytes.
fn files_with(store: &str, bytes: &str) -> Vec<String> {
    let entries = fs::read_dir(store).expect("the store is a folder").map(|entry| entry.expect("an entry").path());
    entries
        .filter(|path| {
            let content = fs::read(path).expect("the file is read");
            content.windows(bytes.len()).any(|window| window == bytes.as_bytes())
        })
        .map(|path| path.display().to_string())
        .collect()
}

/// The small world, built under a key.
fn keyed(bench: &Bench, key: &str) -> String {
    let store = bench.path("keyed").to_str().expect("a UTF-8 path").to_owned();
    let (events, accounts, releases) = (of_world("events.csv"), of_world("accounts.csv"), of_world("releases.csv"));
    let tables = ["--accounts", accounts.as_str(), "--releases", releases.as_str()];
    run_with(bench, &["build", &events, "-o", &store, "--key-file", key, "--quiet"], &tables);
    detect_again(bench, &store);
    store
}

/// A card that ties members of a network.
fn card_of(bench: &Bench, store: &str, id: &str) -> String {
    for member in belonging(bench, store, id) {
        let node = format!("account:{member}");
        let cards = bench.run(&["neighbors", store, &node, "--kind", "payment_instrument", "--format", "jsonl"]).records();
        if let Some(card) = cards.iter().find(|card| card["network"] == *id) {
            return text(&card["node"]).split_once(':').expect("a kind").1.to_owned();
        }
    }
    panic!("no card ties {id}");
}

/// Values of the world's first event.
fn first_event() -> (String, String, String) {
    let events = fs::read_to_string(of_world("events.csv")).expect("the events are read");
    let mut lines = events.lines().map(|line| line.split(',').collect::<Vec<&str>>());
    let header = lines.next().expect("a header");
    let row = lines.next().expect("a row");
    let value = |name: &str| row[header.iter().position(|column| *column == name).expect("the column")].to_owned();
    (value("account_id"), value("ip"), value("payment_instrument"))
}

#[test]
fn a_keyed_store_holds_no_value_and_answers_to_its_key() {
    let bench = Bench::new();
    let key = key_file(&bench, "key", KEY);
    let store = keyed(&bench, &key);
    let (account, ip, card) = first_event();
    for value in [&account, &ip, &card] {
        assert_eq!(files_with(&store, value), Vec::<String>::new(), "{value} stands in the store");
    }
    // The same graph as without a key: as many of everything, component by component. (What is found may differ in borderline
    // cases: accounts are numbered in the order of their names.)
    let plain = detected(&bench);
    let sizes = |store: &str| -> Vec<Value> {
        let rows = bench.ok(&["components", store, "--top", "0", "--format", "jsonl"]).records();
        rows.iter().map(|row| Value::from(vec![row["accounts"].clone(), row["identifiers"].clone()])).collect()
    };
    assert_eq!(sizes(&store), sizes(&plain));

    let with_key = ["--key-file", key.as_str(), "--format", "json"];
    for value in [format!("account:{account}"), format!("ip:{ip}"), format!("payment_instrument:{card}")] {
        let keyed_card = run_with(&bench, &["show", &store, &value], &with_key).json();
        let plain_card = bench.ok(&["show", &plain, &value, "--format", "json"]).json();
        assert_eq!((&keyed_card["exchanges"], &keyed_card["seen_with"]), (&plain_card["exchanges"], &plain_card["seen_with"]));
        assert!(!keyed_card.to_string().contains(value.split_once(':').expect("a kind").1));
        let pseudonym = text(&keyed_card["node"]);
        assert_eq!(bench.ok(&["show", &store, &pseudonym, "--format", "json"]).json(), keyed_card);
        bench.fails(3, &["pseudonyms under key", "--key-file"], &["show", &store, &value]);
    }
    // A /24 stays a /24.
    let neighbours: BTreeSet<String> = ["198.51.100.1", "198.51.100.200"]
        .iter()
        .map(|address| {
            let events = bench.file("one.csv", format!("timestamp,account_id,ip\n,a,{address}\n"));
            bench.ok(&["build", &events, "-o", "one", "--key-file", &key, "--quiet"]);
            let node = bench.ok(&["show", "one", &format!("ip:{address}"), "--key-file", &key, "--format", "json"]).json();
            text(&node["node"])[..14].to_owned()
        })
        .collect();
    assert_eq!(neighbours.len(), 1, "{neighbours:?}");

    // Another key, or none, neither asks it nor replaces it.
    let other = key_file(&bench, "other", OTHER_KEY);
    bench.fails(2, &["pseudonyms under key"], &["show", &store, &format!("ip:{ip}"), "--key-file", &other]);
    let events = of_world("events.csv");
    bench.fails(2, &["--key-file"], &["build", &events, "-o", &store, "--quiet"]);
    bench.fails(2, &["pseudonyms under key"], &["build", &events, "-o", &store, "--key-file", &other, "--quiet"]);
    bench.ok(&["verify", &store]);
    // Decisions about values work with the key, and stand in the log as pseudonyms.
    run_with(&bench, &["case", "reject", &store, &format!("account:{account}"), "--key-file", &key], ANN);
    assert_eq!(files_with(&store, &account), Vec::<String>::new());
}

#[test]
fn key_files_that_protect_nothing_are_refused() {
    let bench = Bench::new();
    let build = |key: &str, words: &[&str]| {
        let events = of_world("events.csv");
        let ran = bench.fails(2, words, &["build", &events, "-o", "store", "--key-file", key]);
        assert!(!bench.path("store").exists(), "nothing is written: {}", ran.stderr);
        assert!(!ran.stderr.contains("0f1e2d3c"), "the key is not echoed: {}", ran.stderr);
    };
    let open = bench.file("open", KEY);
    set_mode(&open, 0o644);
    build(&open, &["others may read", "chmod 600"]);
    build(&key_file(&bench, "short", &KEY[..20]), &["20 bytes"]);
    build(&key_file(&bench, "dull", &[b'k'; 64]), &["random"]);
    build("nowhere", &["nowhere"]);
}

#[test]
fn payment_tokens_stay_out_of_errors() {
    let bench = Bench::new();
    let store = detected(&bench);
    let (_, _, card) = first_event();
    let near = format!("{}x", &card[..card.len() - 1]);
    let ran = bench.fails(3, &["payment_instrument", "not repeated"], &["show", &store, &format!("payment_instrument:{near}")]);
    assert!(!ran.stderr.contains(&card[..card.len() - 1]), "{}", ran.stderr);
}

#[test]
fn levels_show_less() {
    let bench = Bench::new();
    let store = detected(&bench);
    let key = key_file(&bench, "key", KEY);
    let network = networks(&bench, &store)[0].clone();
    let id = text(&network["id"]);
    let members: Vec<String> = belonging(&bench, &store, &id).into_iter().collect();
    let identifiers: Vec<String> =
        network["tied_by"].as_array().expect("ties").iter().map(|tie| text(&tie["identifier"])).collect();
    let values: Vec<&str> = identifiers.iter().map(|label| label.split_once(':').expect("a kind").1).collect();
    let card = card_of(&bench, &store, &id);
    let seeds = bench.file("seeds.txt", members[0].as_bytes());
    let all = bench.ok(&["members", &store, "--format", "jsonl"]).records();
    let outsider =
        all.iter().map(|member| text(&member["account_id"])).find(|name| !members.contains(name)).expect("an outsider");
    let at = |level: &str, command: &[&str]| {
        let ran = run_with(&bench, command, &["--level", level, "--key-file", &key]);
        ran.stdout
    };
    for command in [
        &["network", &store, &id, "--format", "json"][..],
        &["networks", &store, "--format", "jsonl"],
        &["members", &store, "--network", &id, "--format", "jsonl"],
        &["hubs", &store, "--format", "csv"],
        &["plan-bans", &store, &id, "--identifier-actions", "--format", "json"],
        &["how", &store, &id, "--format", "json"],
        &["appeal", &store, &members[0], "--format", "json"],
        &["why", &store, &members[0], &members[1], "--format", "json"],
        &["why-not", &store, &members[0], &outsider, "--format", "json"],
        &["expand", &store, "--seeds", &seeds, "--format", "jsonl"],
        &["neighbors", &store, &members[0], "--format", "jsonl"],
        &["path", &store, &members[0], &members[1], "--format", "json"],
        &["common", &store, &members[0], &members[1], "--format", "json"],
        &["ego", &store, &members[0], "--format", "json"],
    ] {
        let redacted = at("redact", command);
        assert!(members.iter().all(|member| !redacted.contains(member)), "{command:?}");
        let leaked: Vec<&&str> = values.iter().filter(|value| redacted.contains(&format!("{value}\""))).collect();
        assert!(leaked.is_empty(), "{command:?} shows {leaked:?}");
        bench.fails(2, &["--key-file"], &[command, &["--level", "redact"]].concat());
    }
    let analyst = at("analyst", &["members", &store, "--network", &id, "--format", "jsonl"]);
    assert!(members.iter().all(|member| analyst.contains(member)), "analysts see accounts");

    for (level, shows_accounts) in [("full", true), ("analyst", true), ("redact", false)] {
        at(level, &["export", &store, "-o", "out.graphml", "--network", &id]);
        let file = fs::read_to_string(bench.path("out.graphml")).expect("the export is read");
        assert_eq!(members.iter().all(|member| file.contains(member)), shows_accounts, "{level}");
        assert_eq!(file.contains(&card), level == "full", "{level}");
    }
    bench.fails(2, &["--key-file"], &["export", &store, "-o", "out.graphml", "--level", "redact"]);

    for (level, shows_accounts) in [("full", true), ("analyst", true), ("redact", false)] {
        at(level, &["report", &store, "-o", "out.html", "--network", &id]);
        let page = fs::read_to_string(bench.path("out.html")).expect("the page is read");
        assert_eq!(members.iter().all(|member| page.contains(member)), shows_accounts, "{level}");
        assert_eq!(members.iter().any(|member| page.contains(member)), shows_accounts, "{level}");
        assert_eq!(page.contains(&card), level == "full", "{level}");
    }
}

#[test]
fn exports_say_nothing_about_fewer_than_k() {
    let bench = Bench::new();
    let store = detected(&bench);
    let k = 5;
    bench.ok(&["export", &store, "-o", "out.csv", "--all", "--k", "5", "--quiet"]);
    let rows = |file: &str| -> Vec<std::collections::BTreeMap<String, String>> {
        let mut reader = csv::Reader::from_path(bench.path(file)).expect("the table");
        reader.deserialize().collect::<Result<_, _>>().expect("rows")
    };
    let nodes = rows("out.csv");
    let (accounts, identifiers): (Vec<_>, Vec<_>) = nodes.iter().partition(|node| node["kind"] == "account");
    assert!(accounts.len() >= k && identifiers.len() >= k);
    let count = |of: &dyn Fn(&std::collections::BTreeMap<String, String>) -> Vec<String>| {
        let mut counts = std::collections::BTreeMap::new();
        accounts.iter().for_each(|account| *counts.entry(of(account)).or_insert(0usize) += 1);
        counts
    };
    let columns = ["created_at", "country", "tier", "pathway"];
    let shown = count(&|account| columns.map(|column| account[column].clone()).to_vec());
    assert!(shown.iter().all(|(values, &accounts)| accounts >= k || values.iter().all(String::is_empty)), "{shown:?}");
    assert!(shown.keys().any(|values| !values[3].is_empty()), "something is still told: {shown:?}");
    assert!(accounts.iter().all(|account| account["banned_at"].is_empty() && account["first_seen"].contains("T00:00:00")));
    let mut users = std::collections::BTreeMap::new();
    rows("out.edges.csv").iter().for_each(|edge| *users.entry(edge["target"].clone()).or_insert(0usize) += 1);
    assert!(identifiers.iter().all(|identifier| users[&identifier["id"]] >= k));
    bench.fails(2, &["--k"], &["export", &store, "-o", "out.csv", "--k", "0"]);
}

#[test]
fn hubs_become_indicators_only_when_forced() {
    let bench = Bench::new();
    let store = detected(&bench);
    let indicators = |options: &[&str]| {
        bench.ok(&[&["export", &store, "-o", "out.stix.json", "--all", "--quiet"], options].concat());
        let bundle: Value = serde_json::from_slice(&fs::read(bench.path("out.stix.json")).expect("the bundle")).expect("JSON");
        let objects = bundle["objects"].as_array().expect("objects").clone();
        let of = |kind: &str| objects.iter().filter(|object| object["type"] == kind).cloned().collect::<Vec<Value>>();
        (of("indicator").len(), of("marking-definition").len(), bundle.to_string())
    };
    let (plain, _, _) = indicators(&[]);
    let (forced, _, _) = indicators(&["--force-hub"]);
    let (strict, _, _) = indicators(&["--max-benign", "0%"]);
    assert!(forced > plain && plain >= strict, "{forced} {plain} {strict}");
    let (_, _, text) = indicators(&["--tlp", "red", "--identity", "Lab of Letters"]);
    assert!(text.contains("Lab of Letters") && text.contains("TLP:RED"), "marked as asked");
}

#[test]
fn forgotten_accounts_are_nowhere() {
    let bench = Bench::new();
    let store = detected(&bench);
    let network = networks(&bench, &store)[0].clone();
    let id = text(&network["id"]);
    let members: Vec<String> = belonging(&bench, &store, &id).into_iter().collect();
    let (gone, stays) = (&members[..2], &members[2]);
    // Everything that could hold a name: labels, a remark, a decision about the account itself.
    run_with(&bench, &["case", "confirm", &store, &id, &format!("see {}", gone[0])], ANN);
    run_with(&bench, &["case", "reject", &store, &format!("account:{}", gone[1])], ANN);
    assert!(!files_with(&store, &gone[0]).is_empty());

    let head = text(&bench.ok(&["case", "verify", &store, "--format", "json"]).json()["head"]);
    bench.fails(3, &["nobody", "nothing was forgotten"], &["forget", &store, &gone[0], "nobody", "--reviewer", "ann"]);
    assert!(!files_with(&store, &gone[0]).is_empty());
    let report = bench.ok(&["forget", &store, &gone[0], &gone[1], "--reviewer", "ann", "--format", "json", "--quiet"]).json();
    assert_eq!((&report["accounts"], &report["found"]), (&2.into(), &Value::Array(Vec::new())));
    for account in gone {
        assert_eq!(files_with(&store, account), Vec::<String>::new(), "{account} stands in the store");
        bench.fails(3, &["not found"], &["show", &store, &format!("account:{account}")]);
    }
    assert!(!files_with(&store, stays).is_empty(), "the search would have found it");
    bench.ok(&["verify", &store]);
    bench.ok(&["case", "verify", &store, "--head", &head]);
    // The others keep their labels, and the network its id.
    let labels = bench.ok(&["members", &store, "--network", &id, "--format", "jsonl"]).records();
    assert!(labels.iter().any(|row| row["account_id"] == **stays && row["label"] == "confirmed"));
    let log = bench.ok(&["case", "log", &store, "--format", "jsonl"]).records();
    assert_eq!(log[0]["text"], "(erased)");
    assert_eq!(log[2]["action"], "forget");
}

#[test]
fn two_labs_find_what_they_share_without_showing_it() {
    let bench = Bench::new();
    let ours = detected(&bench);
    let key = key_file(&bench, "group", KEY);
    let shared = bench.ok(&["share", &ours, "--group-key", &key, "-o", "indicators.jsonl", "--format", "json"]).json();
    assert!(shared["indicators"].as_u64().expect("a number") > 0, "{shared}");
    let file = fs::read_to_string(bench.path("indicators.jsonl")).expect("the file is read");
    let network = networks(&bench, &ours)[0].clone();
    let ties: Vec<String> = network["tied_by"].as_array().expect("ties").iter().map(|tie| text(&tie["identifier"])).collect();
    for tie in &ties {
        assert!(!file.contains(tie.split_once(':').expect("a kind").1), "{tie} stands in the file");
    }
    for indicator in file.lines().skip(1).filter(|line| line.contains("token")) {
        let indicator: Value = serde_json::from_str(indicator).expect("an object");
        assert!(indicator["benign_prevalence"].as_f64().is_some_and(|share| share <= 0.1), "{indicator}");
        assert!(indicator["valid_until"].is_string() && indicator["confidence"].is_u64() && indicator["class"].is_string());
    }

    // The other lab saw one of the cards, and an address that nobody shared.
    let value = card_of(&bench, &ours, &text(&network["id"]));
    let events = format!("timestamp,account_id,ip,payment_instrument\n2026-03-01T00:00:00Z,theirs,203.0.113.77,{value}\n");
    let events = bench.file("theirs.csv", events);
    bench.ok(&["build", &events, "-o", "theirs", "--quiet"]);
    let matches = bench.ok(&["match", "theirs", "indicators.jsonl", "--group-key", &key, "--format", "jsonl"]).records();
    assert_eq!(matches.len(), 1, "{matches:?}");
    assert_eq!(
        (&matches[0]["identifier"], &matches[0]["accounts"]),
        (&Value::from(format!("payment_instrument:{value}")), &1.into())
    );

    let late = format!("timestamp,account_id,ip,payment_instrument\n2027-12-01T00:00:00Z,theirs,203.0.113.77,{value}\n");
    let late = bench.file("late.csv", late.replace("2027-12", "2026-11"));
    bench.ok(&["build", &late, "-o", "late", "--quiet"]);
    let expired = bench.run(&["match", "late", "indicators.jsonl", "--group-key", &key]);
    assert_eq!((expired.code, expired.stderr.contains("expired")), (1, true), "{}", expired.stderr);

    let other = key_file(&bench, "other", OTHER_KEY);
    bench.fails(2, &["group key"], &["match", "theirs", "indicators.jsonl", "--group-key", &other]);
    bench.fails(2, &["no file of shared indicators"], &["match", "theirs", "theirs.csv", "--group-key", &key]);
    let cut: Vec<&str> = file.lines().filter(|line| !line.contains("\"kind\":\"ip\"")).collect();
    bench.file("cut.jsonl", cut.join("\n") + "\n");
    bench.fails(2, &["cut off or changed"], &["match", "theirs", "cut.jsonl", "--group-key", &key]);
    let keyed = keyed(&bench, &other);
    bench.fails(2, &["nothing can match"], &["match", &keyed, "indicators.jsonl", "--group-key", &key]);
}

#[test]
fn a_plan_compares_bans_with_actions_on_identifiers() {
    let bench = Bench::new();
    let store = detected(&bench);
    let id = text(&networks(&bench, &store)[0]["id"]);
    let plan = |more: &[&str]| run_with(&bench, &["plan-bans", &store, &id, "--format", "json"], more).json();
    let ample = plan(&["--benign-budget", "1000", "--identifier-actions"]);
    assert_eq!(ample["exchanges_stopped"], ample["exchanges"], "an ample budget stops everything: {ample}");
    let alternatives = ample["alternatives"].as_array().expect("alternatives");
    let names: Vec<String> = alternatives.iter().map(|other| text(&other["actions_allowed"])).collect();
    assert_eq!(names, ["bans", "identifiers", "both"]);
    assert_eq!(alternatives[1]["members_left"].as_u64(), Some(belonging(&bench, &store, &id).len() as u64), "nobody is banned");
    assert_eq!(alternatives[0]["members_left"], 0);
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{value} is a number"));
    for (budget, least) in [("0", 0.0), ("0.5", 0.0), ("3", 0.0)] {
        let plan = plan(&["--benign-budget", budget, "--identifier-actions"]);
        let expected = number(&plan["benign_expected"]);
        assert!(expected <= budget.parse::<f64>().expect("a number") + 1e-9, "{plan}");
        let (low, high) = (number(&plan["benign_interval"][0]), number(&plan["benign_interval"][1]));
        assert!(least <= low && low <= expected && expected <= high + 1.0, "{plan}");
        let countries = plan["benign_by_country"].as_object().expect("countries");
        let hit: f64 = countries.values().map(|country| number(&country["benign_expected"])).sum();
        assert!((hit - expected).abs() < 1e-6, "every account has a country: {plan}");
    }
    assert!(plan(&[])["reviewed"].is_null());
    run_with(&bench, &["case", "confirm", &store, &id], ANN);
    let reviewed = plan(&["--benign-budget", "1000"])["reviewed"].clone();
    assert_eq!(reviewed["harmless"], 0, "{reviewed}");
    assert!(number(&reviewed["harmless_share_interval"][1]) > 0.1, "ten accounts prove little: {reviewed}");
    bench.fails(3, &["did you mean"], &["plan-bans", &store, "PN-00000000"]);
}

#[test]
fn a_plan_carried_out_has_the_impact_that_it_promised() {
    let bench = Bench::new();
    let store = detected(&bench);
    let id = text(&networks(&bench, &store)[0]["id"]);
    let plan = bench.ok(&["plan-bans", &store, &id, "--benign-budget", "3", "--identifier-actions", "--format", "json"]).json();
    let targets: Vec<String> =
        plan["actions"].as_array().expect("actions").iter().map(|action| text(&action["target"])).collect();
    let list = bench.file("list.txt", targets.join("\n"));
    let impact = bench.ok(&["impact", &store, &list, "--format", "json"]).json();
    let of_it = impact["networks"].as_array().expect("networks").iter().find(|network| network["network"] == id.as_str());
    let of_it = of_it.expect("the network");
    for field in ["exchanges", "exchanges_stopped", "members_left", "members_still_linked", "largest_group_left", "replacement"]
    {
        assert_eq!(of_it[field], plan[field], "{field}");
    }

    let unknown = bench.file("unknown.txt", format!("{}\nnosuch-account\n", targets[0]));
    bench.fails(3, &["nosuch-account", "--skip-unknown"], &["impact", &store, &unknown]);
    let skipped = bench.ok(&["impact", &store, &unknown, "--skip-unknown", "--format", "json"]).json();
    assert_eq!(skipped["accounts_banned"].as_u64().unwrap() + skipped["identifiers_acted_on"].as_u64().unwrap(), 1);
}

/// A store as of a time answers like one that was built then; today's stays as it is.
#[test]
fn a_store_can_be_asked_as_of_a_day() {
    let bench = Bench::new();
    let store = detected(&bench);
    let past = bench.path("past").display().to_string();
    let made = bench.ok(&["as-of", &store, "2026-03-12", "-o", &past, "--format", "json", "--quiet"]).json();
    assert!(made["accounts_later"].as_u64() > Some(0) && made["events"].as_u64() > Some(0), "{made}");
    bench.ok(&["verify", &past]);
    let late = bench.ok(&["neighbors", &past, &format!("account:{}", first_event().0), "--format", "jsonl"]).records();
    assert!(
        !late.is_empty() && late.iter().all(|near| text(&near["last_seen"]).as_str() <= "2026-03-12T23:59:59Z"),
        "{late:?}"
    );
    bench.fails(2, &["not updated"], &["update", &past, "events.csv"]);
    bench.fails(2, &["no time"], &["as-of", &store, "soon", "-o", &past]);
    bench.fails(2, &["another folder"], &["as-of", &past, "2026-03-12", "-o", &store]);
}
