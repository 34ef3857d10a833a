//! A network over several detections of one store: its id outlives bans, and what happened to it is on record.

use std::collections::BTreeMap;
use std::fs;

use crate::support::{Bench, of_world};

/// The world's events in three parts by time, an eighth, three and a half, as files: before the first ends the network is
/// growing.
pub(crate) fn parts(bench: &Bench) -> [String; 3] {
    let text = fs::read_to_string(of_world("events.csv")).expect("the world's events");
    let (header, rows) = text.split_once('\n').expect("a header");
    let mut rows: Vec<&str> = rows.lines().collect();
    rows.sort_unstable();
    let (eighth, half) = (rows.len() / 8, rows.len() / 2);
    let part = |name, rows: &[&str]| bench.file(name, format!("{header}\n{}\n", rows.join("\n")));
    [part("1.csv", &rows[..eighth]), part("2.csv", &rows[eighth..half]), part("3.csv", &rows[half..])]
}

/// The account table, with these accounts banned at a time between the second part and the third.
fn with_bans(bench: &Bench, banned: &[String]) -> String {
    let table = fs::read_to_string(of_world("accounts.csv")).expect("the accounts");
    let row = |line: &str| {
        let mut fields: Vec<&str> = line.split(',').collect();
        if banned.iter().any(|account| account == fields[0]) {
            fields[2] = "2026-04-05T00:00:00Z";
        }
        fields.join(",")
    };
    assert!(table.starts_with("account_id,created_at,banned_at,"), "{}", &table[..60]);
    bench.file("banned.csv", table.lines().map(|line| row(line) + "\n").collect::<String>())
}

/// The planted network's accounts by the id they stand under.
fn found(bench: &Bench) -> BTreeMap<String, Vec<String>> {
    let labels = fs::read_to_string(of_world("labels.csv")).expect("the truth");
    let planted: Vec<&str> = labels.lines().filter_map(|line| line.strip_suffix(",H1")).collect();
    assert!(planted.len() > 10, "{labels}");
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for member in bench.ok(&["members", "store", "--format", "jsonl"]).records() {
        let account = member["account_id"].as_str().expect("an id");
        if let (Some(network), true) = (member["network"].as_str(), planted.contains(&account)) {
            found.entry(network.to_owned()).or_default().push(account.to_owned());
        }
    }
    found
}

#[test]
fn ids_outlive_bans_updates_and_erasures() {
    let bench = Bench::new();
    let [first, second, third] = parts(&bench);
    let (accounts, releases) = (of_world("accounts.csv"), of_world("releases.csv"));
    bench.ok(&["build", &first, "--accounts", &accounts, "--releases", &releases, "-o", "store", "--quiet"]);
    let mut ids = Vec::new();
    for (run, batch) in [None, Some(&second), Some(&third)].into_iter().enumerate() {
        if let Some(batch) = batch {
            let banned = with_bans(&bench, ids.first().map_or(&[][..], |(_, members): &(String, Vec<String>)| &members[..3]));
            bench.ok(&["update", "store", batch, "--accounts", &banned, "--quiet"]);
        }
        bench.ok(&["detect", "store", "--quiet"]);
        let most = found(&bench).into_iter().max_by_key(|(_, members)| members.len());
        ids.push(most.unwrap_or_else(|| panic!("the planted network isn't found in run {run}")));
    }
    assert!(ids.windows(2).all(|pair| pair[0].0 == pair[1].0), "identity switches: {ids:?}");
    let ids: Vec<String> = ids.into_iter().map(|(id, _)| id).collect();
    let id = ids[0].as_str();
    let life = bench.ok(&["lineage", "store", id, "--format", "json"]).json();
    let events = life["events"].as_array().expect("events");
    assert_eq!((&events[0]["event"], &events[0]["run"]), (&"born".into(), &1.into()), "{life}");
    assert!(events.len() > 1 && events.iter().any(|event| event["banned"].as_u64() > Some(0)), "{life}");
    assert!(events.iter().any(|event| event["gained"].as_u64() > Some(0) && event["run"] != 1), "{life}");
    for pair in events.windows(2) {
        let sum = |event: &serde_json::Value, names: [&str; 2]| names.map(|name| event[name].as_u64().expect("a count"));
        assert_eq!(pair[0]["after"], pair[1]["before"], "{life}");
        let ([before, gained], [after, lost]) = (sum(&pair[1], ["before", "gained"]), sum(&pair[1], ["after", "lost"]));
        assert_eq!(before + gained, after + lost, "{life}");
    }
    let rate = life["regeneration"]["rate"].as_f64().expect("bans");
    assert!((0.0..=1.0).contains(&rate), "{life}");
    let text = bench.ok(&["lineage", "store", id]).stdout;
    assert!(text.contains("regeneration: ") && text.contains("born: 0 -> "), "{text}");
    assert!(bench.ok(&["lineage", "store"]).stdout.contains(id));

    // Detecting again says nothing new, at one thread as at two.
    let told = bench.ok(&["lineage", "store", "--events", "--format", "jsonl"]).stdout;
    bench.ok(&["detect", "store", "--threads", "1", "--quiet"]);
    assert_eq!(told, bench.ok(&["lineage", "store", "--events", "--format", "jsonl"]).stdout);

    // Held for one detection is as it came; for two, what the last one found has yet to hold, and what held is told by the second.
    let events =
        |more: &[&str]| bench.run(&[&["lineage", "store", "--events", "--format", "jsonl"][..], more].concat()).records();
    let (all, once) = (events(&[]), events(&["--settled", "1"]));
    assert_eq!(all.len(), once.len());
    for (event, held) in all.iter().zip(&once) {
        assert_eq!(
            (&event["run"], &event["event"], &event["network"]),
            (&held["settled_run"], &held["event"], &held["network"])
        );
    }
    let twice = events(&["--settled", "2"]);
    let by_score = |event: &&serde_json::Value| event["event"] == "born" && event["cause"] == "new";
    let told =
        |events: &[serde_json::Value]| events.iter().filter(by_score).map(|event| event["run"].clone()).collect::<Vec<_>>();
    assert!(told(&twice).iter().all(|run| *run != 3) && told(&twice).contains(&1.into()), "{twice:?}");
    let first = twice.iter().find(by_score).expect("the network");
    assert_eq!((&first["network"], &first["run"], &first["settled_run"]), (&id.into(), &1.into(), &2.into()));
    let later = events(&["--settled", "2", "--since", "2"]);
    assert_eq!(later, twice.iter().filter(|event| event["settled_run"].as_u64() > Some(2)).cloned().collect::<Vec<_>>());
    bench.fails(2, &["--settled"], &["lineage", "store", "--events", "--settled", "0"]);

    // Who is forgotten stands in no record, and the network goes on.
    let members = bench.ok(&["members", "store", "--network", id, "--format", "jsonl"]).records();
    let member = members.iter().find(|member| member["membership"] == "core").expect("a member");
    let account = member["account_id"].as_str().expect("an id");
    bench.ok(&["forget", "store", account, "--reviewer", "ann", "--quiet"]);
    let after = bench.ok(&["lineage", "store", id, "--format", "json"]);
    assert!(!after.stdout.contains(account));
    let (before, after) = (life["accounts"].as_u64().expect("a count"), after.json());
    assert_eq!(after["runs"], 4, "{after}");
    assert!(after["accounts"].as_u64().is_some_and(|left| left < before && left + 3 > before), "{before} {after}");
    bench.fails(3, &["PN-00000000", "networks --all"], &["lineage", "store", "PN-00000000"]);
}

#[test]
fn what_is_pseudonymous_stays_so() {
    let bench = Bench::new();
    let store = crate::support::detected(&bench);
    let plain = bench.ok(&["lineage", &store, "1", "--format", "json"]).json();
    let key = bench.file("key", std::array::from_fn::<u8, 64, _>(|at| (at * 37 + 11) as u8));
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("private");
    let shown = bench.ok(&["lineage", &store, "1", "--format", "json", "--level", "redact", "--key-file", &key]).json();
    assert_eq!(plain["accounts"], shown["accounts"]);
    for (one, other) in
        ["/standby/accounts", "/events/0/carriers"].iter().filter_map(|at| Some((plain.pointer(at)?, shown.pointer(at)?)))
    {
        assert!(one.as_array().is_some_and(Vec::is_empty) || one != other, "{one} {other}");
    }
}
