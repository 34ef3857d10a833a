//! What a nightly job hands on: who was forgotten stays out, exports keep their dates, events say why, and neither a rebuild nor a retention
//! loses more than it tells.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::act::{ANN, belonging, run_with, text};
use crate::lineage::parts;
use crate::privacy::{KEY, key_file};
use crate::support::{Bench, detected, of_world};

/// Some of the world's events, by account.
fn rows_of(bench: &Bench, name: &str, accounts: &[&str]) -> (String, usize) {
    let events = fs::read_to_string(of_world("events.csv")).expect("the world's events");
    let (header, rows) = events.split_once('\n').expect("a header");
    let rows: Vec<&str> = rows.lines().filter(|row| accounts.iter().any(|account| row.contains(account))).take(12).collect();
    (bench.file(name, format!("{header}\n{}\n", rows.join("\n"))), rows.len())
}

#[test]
fn whoever_was_forgotten_stays_out_of_later_batches_and_tables() {
    let bench = Bench::new();
    let store = detected(&bench);
    let id = text(&bench.ok(&["networks", &store, "--top", "1", "--format", "jsonl"]).records()[0]["id"]);
    let account = belonging(&bench, &store, &id).into_iter().next().expect("a member");
    let (again, rows) = rows_of(&bench, "again.csv", &[&account]);
    assert_eq!(rows, 12);
    let told = run_with(&bench, &["forget", &store, &account], &["--reviewer", "ann"]).words();
    assert!(told.contains("rows of theirs are left out of what is read from now on"), "{told}");
    let accounts = of_world("accounts.csv");
    let update = |extra: &[&str]| run_with(&bench, &["update", &store, &again, "--accounts", &accounts], extra);
    let updated = update(&["--detect"]);
    let words = updated.words();
    assert!(words.contains("12 rows are of accounts that were forgotten: left out"), "{words}");
    assert!(words.contains("accounts: 1 row is of an account that was forgotten: left out"), "{words}");
    bench.fails(3, &[], &["show", &store, &format!("account:{account}")]);
    for file in fs::read_dir(&store).expect("a folder").map(|entry| entry.expect("a file").path()) {
        let bytes = fs::read(&file).expect("its bytes");
        assert!(!bytes.windows(account.len()).any(|window| window == account.as_bytes()), "{}", file.display());
    }
    // Through a rebuild of everything, in JSON.
    let events = of_world("events.csv");
    let built = bench.ok(&["build", &events, "--accounts", &accounts, "-o", &store, "--format", "json"]);
    let summary = built.json();
    assert!(summary["forgotten_rows"].as_u64() >= Some(12), "{summary}");
    let table = summary["tables"].as_array().and_then(|tables| tables.iter().find(|read| read["table"] == "accounts"));
    assert_eq!((&table.expect("a table")["forgotten"], &summary["replaced"]["forgotten"]), (&1.into(), &1.into()), "{summary}");
    assert!(built.stderr.contains("1 account stays forgotten"), "{}", built.stderr);
    bench.fails(3, &[], &["show", &store, &format!("account:{account}")]);

    bench.fails(3, &["acct_nobody", "nothing was lifted"], &["forget", &store, "acct_nobody", "--lift", "--reviewer", "bob"]);
    let lifted = bench.ok(&["forget", &store, &account, "--lift", "--reviewer", "bob", "--format", "json"]).json();
    assert_eq!(lifted, serde_json::json!({"accounts": 1, "still_forgotten": 0}));
    let log = bench.ok(&["case", "log", &store, "--format", "jsonl"]).stdout;
    assert!(
        log.contains("\"action\":\"lift\"") && log.contains("1_accounts") && log.contains("bob") && !log.contains(&account),
        "{log}"
    );
    let (more, _) = rows_of(&bench, "more.csv", &[&account]);
    // The same bytes had been read, and their rows left out.
    let text = fs::read_to_string(&more).expect("rows") + "\n";
    let more = bench.file("more.csv", text);
    let back = bench.ok(&["update", &store, &more, "--format", "json"]).json();
    assert_eq!(back["forgotten_rows"], 0);
    bench.ok(&["show", &store, &format!("account:{account}")]);
}

#[test]
fn whoever_was_forgotten_under_a_key_stays_so_under_the_next() {
    let bench = Bench::new();
    let old = key_file(&bench, "old", KEY);
    let new = key_file(&bench, "new", b"ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100");
    let rows = |name: &str, second: u32| {
        let row = |account: &str| format!("2026-03-01T00:00:{second:02}Z,{account},198.51.100.7\n");
        bench.file(name, format!("timestamp,account_id,ip\n{}{}", row("ada"), row("bob")))
    };
    bench.ok(&["build", &rows("1.csv", 1), "-o", "store", "--key-file", &old, "--quiet"]);
    bench.ok(&["forget", "store", "ada", "--key-file", &old, "--reviewer", "ann", "--quiet"]);
    bench.ok(&["rekey", "store", "--key-file", &old, "--new-key-file", &new, "--reviewer", "ann", "--quiet"]);
    let updated = bench.ok(&["update", "store", &rows("2.csv", 2), "--key-file", &new, "--format", "json"]).json();
    assert_eq!((&updated["forgotten_rows"], &updated["accounts"]), (&1.into(), &1.into()), "{updated}");
    // A build under the new key alone makes other pseudonyms, of which no hash tells anything: that is said.
    let built = bench.ok(&["build", &rows("3.csv", 3), "-o", "store", "--key-file", &new]);
    assert!(built.stderr.contains("forgotten under an earlier key can't be told any more"), "{}", built.stderr);
    bench.ok(&["show", "store", "account:ada", "--key-file", &new]);
}

/// The objects of a STIX bundle that have a date, by id.
fn dated(bench: &Bench, store: &str, name: &str) -> BTreeMap<String, Value> {
    dated_of(bench, store, name, &[])
}

/// The same of a selection.
fn dated_of(bench: &Bench, store: &str, name: &str, selection: &[&str]) -> BTreeMap<String, Value> {
    run_with(bench, &["export", store, "-o", name, "--format", "stix", "--quiet"], selection);
    let bundle: Value = serde_json::from_slice(&fs::read(bench.path(name)).expect("a bundle")).expect("JSON");
    let objects = bundle["objects"].as_array().expect("objects").clone();
    let dated = objects.into_iter().filter(|object| object["modified"].is_string());
    dated.map(|object| (text(&object["id"]), object)).collect()
}

#[test]
fn exports_keep_the_dates_of_their_objects_and_the_feed_says_why() {
    let bench = Bench::new();
    let [first, second, third] = parts(&bench);
    let (accounts, releases) = (of_world("accounts.csv"), of_world("releases.csv"));
    bench.ok(&["build", &first, &second, "--accounts", &accounts, "--releases", &releases, "-o", "store", "--quiet"]);
    // So low that what a retention takes from networks leaves them networks.
    let low = bench.file("low.toml", "[linkage.score]\nthreshold_bits = -8.0\n");
    bench.ok(&["detect", "store", "--config", &low, "--quiet"]);
    let mut known = dated(&bench, "store", "1.json");
    let before = known.len();
    let stays = |known: &mut BTreeMap<String, Value>, name: &str| {
        let now = dated(&bench, "store", name);
        let mut again = 0;
        for (id, object) in &now {
            if let Some(first) = known.get(id) {
                again += usize::from(["indicator", "infrastructure"].contains(&object["type"].as_str().expect("a type")));
                assert_eq!(first["created"], object["created"], "{name}: {id}");
                assert!(object["created"].as_str() <= object["modified"].as_str(), "{object}");
                let fixed =
                    ["identity", "extension-definition", "relationship"].contains(&object["type"].as_str().expect("a type"));
                assert!(!fixed || first["modified"] == object["modified"], "{name}: {object}");
            }
        }
        assert!(again > 5, "{name}: only {again} objects are there again");
        known.extend(now);
    };
    bench.ok(&["update", "store", &third, "--detect", "--quiet"]);
    stays(&mut known, "2.json");
    let run = |events: &[Value]| events.iter().map(|event| event["run"].as_u64().expect("a run")).max().unwrap_or(0);
    let events =
        |extra: &[&str]| bench.run(&[&["lineage", "store", "--events", "--format", "jsonl"], extra].concat()).records();
    let seen = run(&events(&[]));
    assert!(events(&["--since", &seen.to_string()]).is_empty());

    // A retention takes accounts from a network: the feed says so, in an event of its own.
    let dry = bench.ok(&["expire", "store", "--keep", "40d", "--dry-run", "--format", "json"]).json();
    let ageing = dry["networks"].as_array().expect("networks").clone();
    bench.ok(&["expire", "store", "--keep", "40d", "--quiet"]);
    stays(&mut known, "3.json");
    assert!(known.len() > before);
    let expired = events(&["--since", &seen.to_string()]);
    for network in ageing.iter().filter(|network| network["gone"] != network["accounts"]) {
        let told =
            expired.iter().find(|event| event["network"] == network["id"]).unwrap_or_else(|| panic!("{network}: {expired:?}"));
        assert_eq!(told["before"], network["accounts"], "{told}");
    }
    assert!(expired.iter().any(|event| event["cause"] == "expired" && event["event"] == "shrank"), "{expired:?}");
    assert!(expired.iter().all(|event| event["cause"] != "accounts_lost"), "{expired:?}");
    let all = events(&[]);
    let mut accounts: BTreeMap<String, Value> = BTreeMap::new();
    for event in &all {
        let before = accounts.insert(text(&event["network"]), event["after"].clone());
        assert_eq!(before.is_none(), event["event"] == "born", "{event}");
        assert!(before.is_none_or(|before| before == event["before"] || event["event"] == "resurrected"), "{event}");
        assert!(event["cause"].is_string() && event["threshold"].is_number() && event["ran_at"].is_string(), "{event}");
    }

    // Whom a raised threshold and people let go.
    let strict = bench.file("strict.toml", "[linkage.score]\nthreshold_bits = 1000.0\n");
    let seen = run(&all);
    bench.run(&["detect", "store", "--config", &strict, "--quiet"]);
    let closed = events(&["--since", &seen.to_string()]);
    let raised = |event: &Value| event["cause"] == "threshold_raised" && event["score"].is_number() && event["rank"].is_u64();
    assert!(!closed.is_empty() && closed.iter().all(raised), "{closed:?}");
    bench.ok(&["detect", "store", "--config", &low, "--quiet"]);
    let id = text(&bench.ok(&["networks", "store", "--top", "1", "--format", "jsonl"]).records()[0]["id"]);
    run_with(&bench, &["case", "reject", "store", &id], ANN);
    bench.ok(&["detect", "store", "--config", &low, "--quiet"]);
    let last = events(&[]).into_iter().rfind(|event| event["network"] == *id).expect("an event");
    assert_eq!((&last["event"], &last["cause"]), (&"closed".into(), &"rejected_by_people".into()), "{last}");
    let told = bench.ok(&["lineage", "store", &id]).stdout;
    assert!(told.contains("closed (rejected by people)"), "{told}");

    // By the clock: nothing ran after a time to come, everything after one that is past, and what was seen last isn't seen again.
    assert!(events(&["--since", "2099-01-01"]).is_empty());
    assert_eq!(events(&["--since", "2026-01-01T00:00:00Z"]).len(), events(&[]).len());
    assert!(events(&["--since", &text(&last["ran_at"])]).is_empty());
    bench.fails(2, &["no time"], &["lineage", "store", "--events", "--since", "yesterday"]);
}

#[test]
fn a_build_over_a_store_keeps_the_ids_of_its_networks() {
    let bench = Bench::new();
    let store = detected(&bench);
    let ids = || -> BTreeSet<String> {
        bench.ok(&["networks", &store, "--format", "jsonl"]).records().iter().map(|network| text(&network["id"])).collect()
    };
    // Bans and time have moved the members, so that a build by itself gives other ids: here the first half is detected first.
    let [first, second, third] = parts(&bench);
    let (accounts, releases) = (of_world("accounts.csv"), of_world("releases.csv"));
    let tables = ["--accounts", &accounts, "--releases", &releases, "-o", &store];
    fs::remove_dir_all(&store).expect("another store");
    run_with(&bench, &["build", &first, &second, "--quiet"], &tables);
    bench.ok(&["detect", &store, "--quiet"]);
    bench.ok(&["update", &store, &third, "--detect", "--quiet"]);
    let (before, runs) = (ids(), bench.ok(&["lineage", &store, "--format", "jsonl"]).records()[0]["runs"].clone());
    let built = run_with(&bench, &["build", &first, &second, &third], &tables);
    assert!(built.stderr.contains("detections on record and their lineage go on"), "{}", built.stderr);
    assert!(built.stderr.contains("networks found before were dropped. Next: hydralink detect"), "{}", built.stderr);
    bench.ok(&["detect", &store, "--quiet"]);
    assert_eq!(ids(), before);
    let life = bench.ok(&["lineage", &store, "--format", "jsonl"]).records();
    assert_eq!(life[0]["runs"], runs, "what was found is as before: {life:?}");

    // Other people's events begin anew, which is told; so does a build over a store that is damaged.
    let others = bench.file("others.csv", "timestamp,account_id,ip\n2026-03-01T00:00:00Z,ada,198.51.100.7\n");
    let built = bench.ok(&["build", &others, "-o", &store, "--format", "json"]);
    assert!(built.stderr.contains("are left behind: none of their accounts"), "{}", built.stderr);
    assert_eq!(built.json()["replaced"]["networks_kept"], 0);
    let events = bench.path("store").join("accounts.name_bytes.1");
    let named = fs::read_dir(&store).expect("a folder").flatten().map(|entry| entry.path());
    let names = named.into_iter().find(|path| path.display().to_string().contains("accounts.name_bytes.")).unwrap_or(events);
    fs::remove_file(names).expect("a section");
    let built = bench.ok(&["build", &others, "-o", &store]);
    assert!(built.stderr.contains("the store that was there is lost"), "{}", built.stderr);
}

#[test]
fn a_retention_is_shown_before_it_is_done_and_stops_where_most_would_go() {
    let bench = Bench::new();
    let store = detected(&bench);
    let dry = bench.ok(&["expire", &store, "--keep", "1s", "--dry-run"]).words();
    assert!(dry.contains("would be gone") && dry.contains("nothing was written") && dry.contains("--allow-most"), "{dry}");
    let id = text(&bench.ok(&["networks", &store, "--top", "1", "--format", "jsonl"]).records()[0]["id"]);
    assert!(dry.contains(&format!("{id}: ")), "{dry}");
    bench.fails(2, &["nothing was changed", "--dry-run", "--allow-most"], &["expire", &store, "--keep", "1s"]);
    assert_eq!(bench.ok(&["networks", &store, "--top", "1", "--format", "jsonl"]).records()[0]["id"], *id);
    let counts = bench.ok(&["expire", &store, "--keep", "1s", "--dry-run", "--format", "json"]).json();
    assert_eq!(counts["refused"], true);
    let done = bench.ok(&["expire", &store, "--keep", "1s", "--allow-most", "--format", "json"]).json();
    for count in ["accounts", "identifiers", "sightings", "sightings_cut", "events", "since"] {
        assert_eq!(done[count], counts[count], "{count}");
    }
}

/// What somebody holds of an address outlives its sightings; what a table says of an account goes with it, and that is told.
#[test]
fn a_retention_says_what_tables_lose() {
    let bench = Bench::new();
    let events = |name: &str, rows: &[(&str, &str, &str)]| {
        let row = |(day, account, ip): &(&str, &str, &str)| format!("2026-{day}T00:00:00Z,{account},{ip},{day}{account}\n");
        bench.file(name, "timestamp,account_id,ip,event_id\n".to_owned() + &rows.iter().map(row).collect::<String>())
    };
    let old = [("01-01", "u0", "1.1.1.1"), ("01-02", "u1", "1.1.1.1"), ("03-01", "u5", "2.2.2.2"), ("03-02", "u6", "2.2.2.2")];
    let table = bench.file("accounts.csv", "account_id,org\nu0,acme\nu5,acme\nunseen,acme\n");
    let list = bench.file("allow.csv", "kind,value,reason\nip,1.1.1.1,our gateway\naccount,u1,partner\n");
    bench.ok(&["build", &events("old.csv", &old), "--accounts", &table, "--allow", &list, "-o", "store", "--quiet"]);
    bench.run(&["detect", "store", "--quiet"]);
    let expire = ["expire", "store", "--keep", "30d"];
    let dry = bench.ok(&[&expire[..], &["--dry-run", "--format", "json"]].concat()).json();
    let told = bench.ok(&expire).words();
    assert!(told.contains("1 row of the account table and 1 line of the allow list"), "{told}");
    assert_eq!((&dry["account_rows"], &dry["allowed_rows"]), (&1.into(), &1.into()));
    bench.ok(&[
        "update",
        "store",
        &events("new.csv", &[("03-03", "u0", "1.1.1.1"), ("03-04", "u1", "1.1.1.1")]),
        "--detect",
        "-q",
    ]);
    let hubs = bench.ok(&["hubs", "store", "--kind", "ip", "--format", "jsonl"]).records();
    assert!(hubs.iter().any(|hub| hub["identifier"] == "ip:1.1.1.1" && hub["class"] == "allowed"), "{hubs:?}");
}

#[test]
fn q_values_that_an_update_ends_are_missed_aloud() {
    let bench = Bench::new();
    let [first, second, third] = parts(&bench);
    bench.ok(&["build", &first, &second, "--accounts", &of_world("accounts.csv"), "-o", "store", "--quiet"]);
    bench.ok(&["detect", "store", "--quiet"]);
    bench.ok(&["calibrate", "store", "--copies", "1", "--quiet"]);
    // What had been read changes nothing.
    let same = bench.ok(&["update", "store", &second, "--detect", "--format", "json"]).json();
    assert_eq!((&same["changed"], &same["calibration_dropped"]), (&false.into(), &false.into()), "{same}");
    let updated = bench.ok(&["update", "store", &third, "--detect"]).words();
    assert!(updated.contains("q-values are gone") && updated.contains("`hydralink calibrate` makes them again"), "{updated}");
    let more = bench.file("more.csv", "timestamp,account_id,ip\n2026-03-01T00:00:00Z,ada,198.51.100.7\n");
    let later = bench.ok(&["update", "store", &more, "--detect", "--format", "json"]).json();
    assert_eq!(later["calibration_dropped"], false, "they were gone before: {later}");
}

#[test]
fn a_table_of_members_says_whom_it_leaves_out_and_nothing_found_leads_to_no_network() {
    let bench = Bench::new();
    let store = detected(&bench);
    let table = bench.ok(&["members", &store]);
    let all = bench.ok(&["members", &store, "--format", "csv"]).stdout.lines().count() - 1;
    let shown = table.stdout.lines().count() - 1;
    assert!(shown < all, "{shown} of {all}");
    let told = format!("{shown} of {all} accounts are in a network; --format csv, json and jsonl print all");
    assert!(table.stderr.replace(',', "").contains(&told.replace(',', "")), "{}", table.stderr);
    assert!(bench.ok(&["members", "--help"]).words().contains("as a table those of a network alone"));

    let strict = bench.file("strict.toml", "[linkage.score]\nthreshold_bits = 1000.0\n");
    let none = bench.run(&["detect", &store, "--config", &strict]);
    assert_eq!(none.code, 1);
    assert!(none.stderr.contains("networks ") && none.stderr.contains("--all"), "{}", none.stderr);
    assert!(!none.stderr.contains("hydralink network "), "{}", none.stderr);
}

/// It was a bundle without a single indicator, of objects made in 1970.
#[test]
fn a_store_without_times_is_dated_by_its_detections() {
    let bench = Bench::new();
    let events = fs::read_to_string(of_world("events.csv")).expect("the world's events");
    let without: Vec<&str> = events.lines().map(|row| row.split_once(',').expect("columns").1).collect();
    assert!(events.starts_with("timestamp,"), "the first column is the time");
    bench.ok(&["build", &bench.file("untimed.csv", without.join("\n")), "-o", "store", "--quiet"]);
    bench.fails(2, &["stix", "hydralink detect"], &["export", "store", "-o", "none.stix.json", "--whole"]);
    bench.run(&["detect", "store", "--quiet"]);
    let objects = dated_of(&bench, "store", "1.json", &["--all"]);
    let indicators: Vec<&Value> = objects.values().filter(|object| object["type"] == "indicator").collect();
    assert!(!indicators.is_empty(), "{} objects", objects.len());
    // Who shares and the extensions are as old as the form of the bundle.
    let of_the_form = |object: &&Value| object["type"] == "identity" || object["type"] == "extension-definition";
    let said: Vec<&Value> = objects.values().filter(|object| !of_the_form(object)).collect();
    let days: BTreeSet<String> = said.iter().filter_map(|object| Some(object["created"].as_str()?[..10].to_owned())).collect();
    assert!(days.len() == 1 && days.iter().all(|day| day.as_str() > "2026-01-01"), "{days:?}");
    // With the quote before a time: ids may have the year within.
    assert!(said.iter().all(|object| !object.to_string().contains("\"1970-")), "{said:?}");
    bench.ok(&["export", "store", "-o", "out.misp.json", "--all", "--quiet"]);
    assert!(!fs::read_to_string(bench.path("out.misp.json")).expect("an event").contains("\"1970-"));
}
