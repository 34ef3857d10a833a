//! Who gets to see what: pseudonyms, levels, k-anonymity, erasure, retention, sharing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::act::{ANN, belonging, detect_again, networks, run_with, text};
use crate::support::{Bench, Ran, detected, of_world};

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
pub(crate) fn card_of(bench: &Bench, store: &str, id: &str) -> String {
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
pub(crate) fn first_event() -> (String, String, String) {
    let events = fs::read_to_string(of_world("events.csv")).expect("the events are read");
    let mut lines = events.lines().map(|line| line.split(',').collect::<Vec<&str>>());
    let header = lines.next().expect("a header");
    let row = lines.next().expect("a row");
    let value = |name: &str| row[header.iter().position(|column| *column == name).expect("the column")].to_owned();
    (value("account_id"), value("ip"), value("payment_instrument"))
}

#[test]
fn a_key_may_come_from_the_environment() {
    let bench = Bench::new();
    let store = keyed(&bench, &key_file(&bench, "key", KEY));
    let (account, ..) = first_event();
    let [good, other] = [KEY, OTHER_KEY].map(|key| std::str::from_utf8(key).expect("UTF-8"));
    let shown = |value: Option<&str>| {
        let mut command =
            bench.command(&["show", &store, &account, "--key-file", "env:HYDRALINK_TEST_KEY", "--format", "json"]);
        value.map(|value| command.env("HYDRALINK_TEST_KEY", value));
        Ran::of(command.output().expect("the binary runs"))
    };
    assert_eq!(shown(Some(good)).json(), bench.ok(&["show", &store, &account, "--key-file", "key", "--format", "json"]).json());
    for (value, why) in
        [(None, "not set"), (Some(""), "not set"), (Some("short"), "5 bytes"), (Some(other), "the key file given is")]
    {
        let refused = shown(value);
        assert_eq!((refused.code, refused.stderr.contains(why)), (2, true), "{value:?}: {}", refused.stderr);
        assert!(!refused.stderr.contains(other), "{}", refused.stderr);
    }
}

#[test]
fn a_store_takes_another_key_and_keeps_its_networks_and_decisions() {
    let bench = Bench::new();
    let (old, new) = (key_file(&bench, "old", KEY), key_file(&bench, "new", OTHER_KEY));
    let store = keyed(&bench, &old);
    let (account, ip, _) = first_event();
    let ids = |store: &str| networks(&bench, store).iter().map(|network| text(&network["id"])).collect::<Vec<_>>();
    let before = ids(&store);
    let id = before[0].clone();
    let members = belonging(&bench, &store, &id);
    run_with(&bench, &["case", "confirm", &store, &id], ANN);
    run_with(&bench, &["case", "note", &store, &format!("account:{}", members.first().expect("a member")), "seen"], ANN);
    let head = text(&bench.ok(&["case", "verify", &store, "--format", "json"]).json()["head"]);
    let shown = |key: &str, node: &str| {
        let card = bench.run(&["show", &store, node, "--key-file", key, "--format", "json"]);
        (card.code == 0).then(|| card.json())
    };
    let card = shown(&old, &account).expect("the account is found by its value");

    let keys = ["--key-file", old.as_str(), "--new-key-file", new.as_str()];
    bench.fails(
        2,
        &["holds pseudonyms under key"],
        &["rekey", &store, "--key-file", &new, "--new-key-file", &new, "--reviewer", "ann"],
    );
    let ran = run_with(&bench, &["rekey", &store, "--reviewer", "ann", "--format", "json"], &keys);
    assert!(ran.stderr.contains("copies"), "{}", ran.stderr);
    let rekeyed = ran.json();
    assert!(rekeyed["decisions"].as_u64() > Some(members.len() as u64), "{rekeyed}");

    // The new key answers, the old one doesn't, and no name is what it was.
    let now = shown(&new, &account).expect("the account is found by its value");
    assert_eq!((&now["exchanges"], &now["seen_with"]), (&card["exchanges"], &card["seen_with"]));
    assert_ne!(now["node"], card["node"]);
    assert!(shown(&new, &format!("ip:{ip}")).is_some());
    assert!(shown(&old, &account).is_none());
    for name in &members {
        assert_eq!(files_with(&store, name), Vec::<String>::new(), "the old name {name} stands in the store");
    }
    // Networks keep their ids, cases their members, and the chain holds from before the change on.
    let after = ids(&store);
    assert!(after.contains(&id), "{id} of {after:?}");
    let labelled = bench.ok(&["members", &store, "--network", &id, "--format", "jsonl"]).records();
    assert!(labelled.iter().filter(|member| member["label"] == "confirmed").count() * 2 > members.len(), "{labelled:?}");
    bench.ok(&["case", "verify", &store, "--head", &head]);
    assert_eq!(bench.ok(&["case", "verify", &store, "--format", "json"]).json()["erased_names"], 0);
    bench.fails(2, &["already"], &[&["rekey", &store, "--reviewer", "ann"], &keys[..]].concat());
    // Logs go on being read under the new key alone.
    bench.fails(2, &["key"], &["update", &store, &of_world("events.csv"), "--key-file", &old, "--quiet"]);
    let more = bench.file("more.csv", format!("timestamp,account_id,ip\n2026-03-02T00:00:00Z,{account},{ip}\n"));
    let updated = bench.ok(&["update", &store, &more, "--key-file", &new, "--format", "json", "--quiet"]).json();
    assert_eq!(updated["accounts"], rekeyed["accounts"], "the account was known by its value");
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
fn what_people_wrote_is_not_kept_under_a_key() {
    let bench = Bench::new();
    let key = key_file(&bench, "key", KEY);
    let events = bench.file("events.csv", "timestamp,account_id,ip\n2026-03-01T00:00:00Z,ada,198.51.100.7\n");
    let accounts = bench.file("accounts.csv", "account_id,country,label\nada,NL,Lovelace's own\n");
    let allow = bench.file("allow.csv", "kind,value,reason\nip,198.51.100.7,office of Lovelace\n");
    let tables = ["--accounts", accounts.as_str(), "--allow", allow.as_str()];
    let plain = run_with(&bench, &["build", &events, "-o", "plain"], &tables);
    assert!(!plain.stderr.contains("free text") && !files_with(&in_bench(&bench, "plain"), "Lovelace").is_empty());
    let built = run_with(&bench, &["build", &events, "-o", "store", "--key-file", &key], &tables);
    assert!(built.stderr.contains("labels and reasons are free text"), "{}", built.stderr);
    assert_eq!(files_with(&in_bench(&bench, "store"), "Lovelace"), Vec::<String>::new());
    // The rest of the tables counts, also after an update that doesn't name them.
    let more = bench.file("more.csv", "timestamp,account_id,ip\n2026-03-01T00:00:01Z,bob,198.51.100.7\n");
    let updated = bench.ok(&["update", "store", &more, "--key-file", &key]);
    assert!(!updated.stderr.contains("free text"), "{}", updated.stderr);
    let card = bench.ok(&["show", "store", "account:ada", "--key-file", &key, "--format", "json"]).json();
    assert!(card.to_string().contains("NL"), "{card}");
}

fn in_bench(bench: &Bench, name: &str) -> String {
    bench.path(name).to_str().expect("a UTF-8 path").to_owned()
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
        &["cohesion", &store, &id, "--format", "json"],
        &["dense", &store, "--accounts-of", "1", "--format", "jsonl"],
        &["link", &store, "--rule", "ip(accounts <= 20)", "--accounts", "--format", "jsonl"],
        &["networks", &store, "--review-hours", "8", "--format", "json"],
    ] {
        let redacted = at("redact", command);
        assert!(members.iter().all(|member| !redacted.contains(member)), "{command:?}");
        let leaked: Vec<&&str> = values.iter().filter(|value| redacted.contains(&format!("{value}\""))).collect();
        assert!(leaked.is_empty(), "{command:?} shows {leaked:?}");
        bench.fails(2, &["--key-file"], &[command, &["--level", "redact"]].concat());
    }
    // What is hidden stays out of errors too: what was typed, and what is near it.
    let wrong = format!("{}x", &members[0][..members[0].len() - 1]);
    for (level, node) in [("redact", wrong.clone()), ("redact", format!("account:{wrong}")), ("analyst", format!("{card}x"))] {
        let ran = bench.fails(3, &["not found"], &["show", &store, &node, "--level", level, "--key-file", &key]);
        assert!(ran.stderr.contains("not repeated") && !ran.stderr.contains("did you mean"), "{}", ran.stderr);
        assert!(!ran.stderr.contains(&wrong) && !ran.stderr.contains(&card), "{}", ran.stderr);
    }
    let ran = bench.fails(
        3,
        &["not found"],
        &["show", &store, &format!("account:{wrong}"), "--level", "analyst", "--key-file", &key],
    );
    assert!(ran.stderr.contains(&wrong) && ran.stderr.contains(&members[0][..members[0].len() - 1]), "{}", ran.stderr);
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

/// What a level hides was told all the same: by the reasons of an allow list, and where a map says what a kind is for.
#[test]
fn a_level_goes_by_the_map_and_hides_reasons() {
    let bench = Bench::new();
    let key = key_file(&bench, "key", KEY);
    let rows: String =
        (0..4).map(|at| format!("2026-03-01T00:00:0{at}Z,u{at},198.51.100.7,203.0.113.9,tmpl-of-all\n")).collect();
    let events = bench.file("events.csv", format!("timestamp,account_id,ip,egress,prompt_template_hash\n{rows}"));
    let map = bench.file(
        "map.toml",
        "[kinds.prompt_template_hash]\nrole = \"credential\"\n[kinds.egress]\ncolumn = \"egress\"\nrole = \"address\"\n",
    );
    let allow = bench.file("allow.csv", "kind,value,reason\naccount,u0,Jane Roe asked for it\n");
    bench.ok(&["build", &events, "-o", "store", "--map", &map, "--allow", &allow, "--quiet"]);
    bench.run(&["detect", "store", "--quiet"]);
    let at = |level: &str, command: &[&str]| {
        let key = ["--key-file", key.as_str()];
        run_with(&bench, command, &[&["--level", level][..], if level == "full" { &[] } else { &key[..] }].concat()).stdout
    };
    for command in [&["show", "store", "account:u0"][..], &["show", "store", "account:u0", "--format", "json"]] {
        assert!(at("full", command).contains("Jane Roe"), "{command:?}");
        for level in ["analyst", "redact"] {
            let shown = at(level, command);
            assert!(shown.contains("by the allow list") && !shown.contains("Jane Roe"), "{command:?} {level}: {shown}");
        }
    }
    let hubs = at("analyst", &["hubs", "store", "--format", "jsonl"]);
    assert!(!hubs.contains("tmpl-of-all") && hubs.contains("egress:203.0.113.0/24~"), "{hubs}");
}

#[test]
fn exports_say_nothing_about_fewer_than_k() {
    let bench = Bench::new();
    let store = detected(&bench);
    let k = 5;
    bench.ok(&["export", &store, "-o", "out.csv", "--all", "--k", "5", "--quiet"]);
    let rows = |file: &str| -> Vec<BTreeMap<String, String>> {
        let mut reader = csv::Reader::from_path(bench.path(file)).expect("the table");
        reader.deserialize().collect::<Result<_, _>>().expect("rows")
    };
    let nodes = rows("out.csv");
    let (accounts, identifiers): (Vec<_>, Vec<_>) = nodes.iter().partition(|node| node["kind"] == "account");
    assert!(accounts.len() >= k && identifiers.len() >= k);
    let count = |of: &dyn Fn(&BTreeMap<String, String>) -> Vec<String>| {
        let mut counts = BTreeMap::new();
        accounts.iter().for_each(|account| *counts.entry(of(account)).or_insert(0usize) += 1);
        counts
    };
    let columns = ["created_at", "country", "tier", "pathway"];
    let shown = count(&|account| columns.map(|column| account[column].clone()).to_vec());
    assert!(shown.iter().all(|(values, &accounts)| accounts >= k || values.iter().all(String::is_empty)), "{shown:?}");
    assert!(shown.keys().any(|values| !values[3].is_empty()), "something is still told: {shown:?}");
    assert!(accounts.iter().all(|account| account["banned_at"].is_empty() && account["first_seen"].contains("T00:00:00")));
    // Counts are told to their first digit, all of them.
    let first_digit = |count: &String| count.chars().skip(1).all(|digit| digit == '0');
    for column in ["degree", "degree_shown", "hub_sightings", "exchanges", "accounts"] {
        assert!(nodes.iter().all(|node| first_digit(&node[column])), "{column}");
    }
    // One that isn't there is too small to be told.
    let number = |node: &BTreeMap<String, String>, column: &str| node[column].parse::<usize>().unwrap_or(0);
    assert!(nodes.iter().all(|node| number(node, "degree") >= number(node, "degree_shown")));
    for column in ["degree", "degree_shown", "hub_sightings", "exchanges", "accounts"] {
        assert!(nodes.iter().all(|node| node[column].is_empty() || number(node, column) >= k), "{column}");
    }
    assert!(nodes.iter().all(|node| node["known_good"].is_empty()));
    let members = rows("out.memberships.csv");
    let alike =
        |told: &str, network: &str| members.iter().filter(|one| one["network"] == network && one["role"] == told).count();
    assert!(members.iter().all(|one| one["role"].is_empty() || alike(&one["role"], &one["network"]) >= k), "{members:?}");
    let mut users = BTreeMap::new();
    rows("out.edges.csv").iter().for_each(|edge| *users.entry(edge["target"].clone()).or_insert(0usize) += 1);
    assert!(identifiers.iter().all(|identifier| users[&identifier["id"]] >= k));
    bench.fails(2, &["--k"], &["export", &store, "-o", "out.csv", "--k", "0"]);
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
    // Remarks about somebody else that name them, or an address that only they had, and one that doesn't.
    let alone = own_identifier(&bench, &store, &gone[0]);
    let remarks = [gone[0].to_uppercase(), format!("again {alone}"), alone.split_once(':').expect("a kind").1.to_owned()];
    for remark in remarks.iter().map(String::as_str).chain(["nothing new"]) {
        bench.ok(&["case", "note", &store, &format!("account:{stays}"), remark, "--reviewer", "ann"]);
    }

    let head = text(&bench.ok(&["case", "verify", &store, "--format", "json"]).json()["head"]);
    bench.fails(3, &["nobody", "nothing was forgotten"], &["forget", &store, &gone[0], "nobody", "--reviewer", "ann"]);
    assert!(!files_with(&store, &gone[0]).is_empty());
    let report = bench.ok(&["forget", &store, &gone[0], &gone[1], "--reviewer", "ann", "--format", "json", "--quiet"]).json();
    assert_eq!((&report["accounts"], &report["found"]), (&2.into(), &Value::Array(Vec::new())));
    assert_eq!(report["dropped_sections"], Value::Array(Vec::new()), "the detection made its sections again");
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
    assert!(log[2..5].iter().all(|record| record["text"] == "(erased)"), "{log:?}");
    assert_eq!((&log[5]["text"], &log[6]["action"]), (&"nothing new".into(), &"forget".into()));
    assert_eq!(files_with(&store, alone.split_once(':').expect("a kind").1), Vec::<String>::new());
}

/// Kills what changes a store, at whatever instants, until it is done: in between everything is as it was, and begun again it
/// does all of it.
fn is_done_whole_or_not_at_all(bench: &Bench, store: &str, command: &[&str]) {
    let found = |store: &str| bench.ok(&["networks", store, "--all", "--format", "jsonl"]).stdout;
    let told = |store: &str| bench.run(&["case", "log", store, "--format", "jsonl"]).stdout;
    let mut before = (found(store), told(store));
    let mut interrupted = false;
    for milliseconds in (10..).step_by(15) {
        let child = bench.command(command).stderr(std::process::Stdio::piped()).spawn().expect("the binary starts");
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        let signal = if milliseconds % 2 == 0 { "-INT" } else { "-KILL" };
        let _ = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill runs");
        let output = child.wait_with_output().expect("ends");
        let stderr = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            Some(0) => break,
            // Before it minds signals they end it, and on a busy machine that may be all that happens here: what it does when it minds
            // them is tested phase by phase, beside the code.
            code => {
                assert!(matches!(code, Some(130) | None), "{stderr}");
                interrupted = true;
            }
        }
        let now = (found(store), told(store));
        if now != before {
            assert_eq!(output.status.code(), None, "a store was changed by what says that it was interrupted: {stderr}");
            if now.0 != before.0 {
                // Killed between the new manifest and the removal of the old files: the next writer removes them, also this one,
                // which finds nothing more to do.
                bench.run(command);
                break;
            }
            // Killed after the log was written to: begun again it says so twice.
            before.1 = now.1;
        }
    }
    assert!(interrupted, "nothing was interrupted");
    bench.ok(&["verify", store]);
    assert_ne!(found(store), before.0, "what is gone had a part in every number");
}

#[test]
fn what_removes_accounts_or_events_does_so_whole_or_not_at_all() {
    let bench = Bench::new();
    let store = detected(&bench);
    let id = text(&networks(&bench, &store)[0]["id"]);
    let gone = belonging(&bench, &store, &id).into_iter().next().expect("a member");
    is_done_whole_or_not_at_all(&bench, &store, &["forget", &store, &gone, "--reviewer", "ann", "--quiet"]);
    bench.fails(3, &["not found"], &["show", &store, &format!("account:{gone}")]);
    assert_eq!(files_with(&store, &gone), Vec::<String>::new());
    is_done_whole_or_not_at_all(&bench, &store, &["expire", &store, "--keep", "45d", "--quiet"]);
}

#[test]
fn who_only_stands_in_the_case_log_is_forgotten_there() {
    let bench = Bench::new();
    let rows = "2026-01-01T00:00:00Z,ada-1815,198.51.100.7\n2026-03-01T00:00:00Z,bob,198.51.100.8\n";
    let events = bench.file("events.csv", format!("timestamp,account_id,ip\n{rows}"));
    bench.ok(&["build", &events, "-o", "store", "--quiet"]);
    run_with(&bench, &["case", "reject", "store", "account:ada-1815"], ANN);
    bench.ok(&["expire", "store", "--before", "2026-02-01", "--quiet"]);
    bench.fails(3, &["not found"], &["show", "store", "account:ada-1815"]);
    assert!(!files_with(&in_bench(&bench, "store"), "ada-1815").is_empty());
    let report = bench.ok(&["forget", "store", "ada-1815", "--reviewer", "ann", "--format", "json", "--quiet"]).json();
    assert_eq!((&report["accounts"], &report["found"]), (&1.into(), &Value::Array(Vec::new())));
    assert_eq!(files_with(&in_bench(&bench, "store"), "ada-1815"), Vec::<String>::new());
}

/// An identifier of six letters or more that nobody but this account was seen with.
fn own_identifier(bench: &Bench, store: &str, account: &str) -> String {
    let near = bench.ok(&["neighbors", store, &format!("account:{account}"), "--format", "jsonl"]).records();
    let labels = near.iter().map(|row| text(&row["node"])).filter(|label| label.split_once(':').expect("a kind").1.len() >= 6);
    let alone = |label: &String| bench.ok(&["neighbors", store, label, "--format", "jsonl"]).records().len() == 1;
    labels.into_iter().find(alone).expect("an identifier of its own")
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

    // On a narrow terminal columns are left out before lines are too long.
    let narrow = bench.command(&["match", "theirs", "indicators.jsonl", "--group-key", &key]).env("COLUMNS", "80").output();
    let narrow = String::from_utf8(narrow.expect("the binary runs").stdout).expect("UTF-8");
    assert!(narrow.contains(&value) && narrow.lines().all(|line| line.chars().count() <= 80), "{narrow}");

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
fn what_is_too_old_goes_and_networks_keep_their_ids() {
    let bench = Bench::new();
    let store = detected(&bench);
    let before = text(&networks(&bench, &store)[0]["id"]);
    bench.fails(2, &["--before"], &["expire", &store]);
    bench.fails(2, &["length of time"], &["expire", &store, "--keep", "long"]);
    bench.fails(2, &["nothing was changed"], &["expire", &store, "--before", "2030-01-01"]);
    let expired = bench.run(&["expire", &store, "--keep", "45d", "--format", "json", "--quiet"]).json();
    assert!(expired["events"].as_u64() > Some(0) && expired["detected_again"] == true, "{expired}");
    let since = text(&expired["since"]);
    bench.ok(&["verify", &store]);
    assert_eq!(text(&networks(&bench, &store)[0]["id"]), before);
    let member = belonging(&bench, &store, &before).into_iter().next().expect("a member");
    let near = bench.ok(&["neighbors", &store, &format!("account:{member}"), "--format", "jsonl"]).records();
    assert!(!near.is_empty() && near.iter().all(|near| text(&near["first_seen"]) >= since), "{since}: {near:?}");
    let again = bench.run(&["expire", &store, "--keep", "45d", "--format", "json", "--quiet"]).json();
    assert_eq!((again["sightings"].as_u64(), again["events"].as_u64()), (Some(0), Some(0)));
}

#[test]
fn a_company_is_one_after_retention_as_well() {
    let bench = Bench::new();
    let row = |at: u32, account: &str, card: &str| {
        let (day, hour) = (1 + at / 24, at % 24);
        format!("2026-{:02}-{:02}T{hour:02}:00:00Z,{account},60.1.{}.{},{card}\n", 1 + day / 29, 1 + day % 28, at % 7, at % 50)
    };
    let mut rows = "timestamp,account_id,ip,payment_instrument\n".to_owned();
    for day in 0..55u32 {
        // Of forty employees each works on a few days of its own; strangers have a card each.
        for at in (0..40).filter(|at| (day * 7 + at * 11) % 9 == 0) {
            rows.push_str(&row(24 * day + 9 + at % 8, &format!("employee{at}"), "corporate"));
        }
        (0..60).for_each(|at| rows.push_str(&row(24 * day + at % 24, &format!("stranger{at}"), &format!("own{at}"))));
    }
    let events = bench.file("events.csv", rows);
    bench.ok(&["build", &events, "-o", "store", "--quiet"]);
    bench.run(&["detect", "store", "--quiet"]);
    let class = || text(&bench.ok(&["show", "store", "payment_instrument:corporate", "--format", "json"]).json()["class"]);
    let before = class();
    bench.ok(&["expire", "store", "--keep", "20d", "--quiet"]);
    // All of them had come to the card at the time of the cut.
    assert_eq!((class(), before.as_str() == "burst_hub"), (before.clone(), false));
}

#[test]
fn of_a_prompt_that_one_account_alone_sent_only_a_hash_is_kept() {
    let bench = Bench::new();
    let own = "Dear doctor my name is Gottfried and I have a rare illness called zorblaxitis please help me today";
    let shared = "Please summarise the following quarterly report of the branch office in five short sentences for the board";
    let rows = [("a", own), ("a", shared), ("b", shared)].map(|(account, prompt)| format!("{account},{prompt}\n")).concat();
    let events = bench.file("events.csv", format!("account,prompt\n{rows}"));
    bench.ok(&["build", &events, "-o", "store", "--quiet"]);
    let store = bench.path("store").to_str().expect("UTF-8").to_owned();
    assert_eq!(files_with(&store, "zorblaxitis"), Vec::<String>::new());
    assert!(!files_with(&store, "quarterly").is_empty());
    let templates = bench.ok(&["top", "store", "--kind", "prompt_template_hash", "--format", "jsonl"]).records();
    let skeletons: Vec<bool> = templates
        .iter()
        .map(|template| bench.ok(&["show", "store", &text(&template["node"]), "--format", "json"]).json())
        .map(|card| card["facts"].get("skeleton").is_some())
        .collect();
    assert_eq!(skeletons, [true, false], "the one of two accounts, and that of one: {templates:?}");
}

#[test]
fn lists_of_pseudonyms_stand_in_the_order_of_the_pseudonyms() {
    let bench = Bench::new();
    let store = detected(&bench);
    let key = key_file(&bench, "key", KEY);
    let redacted = |command: &[&str]| {
        let shown = ["--level", "redact", "--key-file", &key, "--top", "0", "--format", "jsonl", "--quiet"];
        bench.ok(&[command, &shown[..]].concat()).records()
    };
    let id = text(&networks(&bench, &store)[0]["id"]);
    for (command, name, measure) in [
        (&["top", &store, "--kind", "ip"][..], "node", "degree"),
        (&["top", &store, "--kind", "account", "--by", "degree"], "node", "degree"),
        (&["hubs", &store, "--kind", "payment_instrument"], "identifier", "accounts"),
    ] {
        let rows = redacted(command);
        let of = |row: &Value| (row[measure].as_u64().expect("a number"), text(&row[name]));
        let ties: Vec<_> = rows.windows(2).filter(|pair| of(&pair[0]).0 == of(&pair[1]).0).collect();
        assert!(ties.len() > 5, "{command:?} has no ties");
        assert!(ties.iter().all(|pair| of(&pair[0]).1 < of(&pair[1]).1), "{command:?}");
    }
    let ego = bench
        .ok(&[
            "ego",
            &store,
            &format!("account:{}", belonging(&bench, &store, &id).first().expect("one")),
            "--hops",
            "1",
            "--level",
            "redact",
            "--key-file",
            &key,
            "--format",
            "jsonl",
            "--quiet",
        ])
        .records();
    let nodes: Vec<String> = ego.iter().skip(1).map(|row| text(&row["node"])).collect();
    assert!(nodes.len() > 3 && nodes.is_sorted(), "{nodes:?}");
}

#[test]
fn a_store_of_pseudonyms_repeats_nothing_that_is_typed_without_its_key() {
    let bench = Bench::new();
    let store = keyed(&bench, &key_file(&bench, "key", KEY));
    let (account, ip, _) = first_event();
    for node in [account.clone(), format!("account:{account}"), format!("ip:{ip}"), ip.clone()] {
        let refused = bench.run(&["show", &store, &node]);
        let value = node.rsplit(':').next().expect("a value");
        assert_eq!((refused.code, refused.stderr.contains(value)), (3, false), "{}", refused.stderr);
        assert!(refused.stderr.contains("pseudonyms under key"), "{}", refused.stderr);
    }
    // The id of a network is nobody's name.
    assert!(bench.run(&["network", &store, "PN-00000000"]).stderr.contains("PN-00000000"));
}

#[test]
fn whoever_is_forgotten_as_of_a_time_leaves_the_store_of_that_time_as_it_was() {
    let bench = Bench::new();
    let store = detected(&bench);
    bench.ok(&["as-of", &store, "2026-04-15", "-o", "past", "--quiet"]);
    let (account, ..) = first_event();
    let forgotten = bench.ok(&["forget", "past", &account, "--reviewer", "ann", "--format", "json", "--quiet"]).json();
    assert_eq!(forgotten["dropped_sections"], Value::Array(Vec::new()));
    bench.fails(2, &["was made by as-of"], &["update", "past", &of_world("events.csv")]);
    bench.ok(&["as-of", &store, "2026-04-20", "-o", "past", "--quiet"]);
}
