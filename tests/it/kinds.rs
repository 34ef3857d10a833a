//! Kinds that a map declares: columns read twice, values written alike, bits bounded, sightings that stop linking.

use crate::support::Bench;

/// Forty accounts with a tenant each; a and b share one today, c and d shared one half a year before.
fn events(old: &str) -> String {
    let mut events = String::from("timestamp,account_id,ip,cloud\n");
    for at in 0..36 {
        events.push_str(&format!("2026-03-05T00:00:{at:02}Z,u{at},20.0.{at}.1,T{at}\n"));
    }
    for (account, address, tenant, day) in [
        ("a", "198.51.100.7", "Shared-1", "2026-03-05"),
        ("b", "198.51.100.99", "shared-1", "2026-03-05"),
        ("c", "2001:db8:1:200::1", "other", old),
        ("d", "2001:db8:1:2ff::1", "OTHER", old),
    ] {
        events.push_str(&format!("{day}T10:00:00Z,{account},{address},{tenant}\n"));
    }
    events
}

fn map(declared: &str) -> String {
    format!("[kinds.tenant]\ncolumn = \"cloud\"\nnormaliser = \"lowercase\"\nrole = \"credential\"\n{declared}\n")
}

/// The bits of the tenant that two accounts share, or nothing if they share none.
fn bits(bench: &Bench, store: &str, first: &str, second: &str) -> f64 {
    let why = bench.run(&["why", store, &format!("account:{first}"), &format!("account:{second}"), "--format", "json"]);
    let why: serde_json::Value = serde_json::from_str(&why.stdout).expect("JSON");
    let shared = why["shared"].as_array().cloned().unwrap_or_default();
    let tenant = shared.iter().find(|one| one["identifier"].as_str().is_some_and(|label| label.starts_with("tenant:")));
    tenant.and_then(|tenant| tenant["bits"].as_f64()).expect("they share a tenant")
}

fn built(bench: &Bench, declared: &str) {
    let events = bench.file("events.csv", events("2025-09-05"));
    let map = bench.file("map.toml", map(declared));
    bench.ok(&["build", &events, "--map", &map, "-o", "st", "--quiet"]);
    bench.run(&["detect", "st", "--quiet"]);
}

#[test]
fn what_is_declared_of_a_kind_bounds_what_sharing_it_says() {
    for (declared, expected) in [
        ("", [40f64.log2() - 1.0; 2]),
        ("prior = 3.0", [3.0, 3.0]),
        ("expected = 10", [2.0, 2.0]),
        ("ttl = \"90d\"", [38f64.log2() - 1.0, 0.0]),
    ] {
        let bench = Bench::new();
        built(&bench, declared);
        let found = [bits(&bench, "st", "a", "b"), bits(&bench, "st", "c", "d")];
        let close = found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-4);
        assert!(close, "{declared}: {found:?} instead of {expected:?}");
        // What no longer links stays on record.
        assert_eq!(bench.ok(&["neighbors", "st", "tenant:Other", "--format", "json"]).json().as_array().map(Vec::len), Some(2));
    }
}

#[test]
fn an_address_that_is_handed_on_links_who_had_it_together() {
    let bench = Bench::new();
    let strangers: String = (0..36).map(|at| format!("2026-03-05T00:00:{at:02}Z,u{at},20.0.{at}.1\n")).collect();
    let rows = "2026-03-05T10:00:00Z,a,198.51.100.7\n2026-03-05T10:20:00Z,b,198.51.100.7\n\
                2026-03-05T10:00:00Z,c,198.51.100.8\n2026-03-05T10:40:00Z,d,198.51.100.8\n";
    let events = bench.file("events.csv", format!("timestamp,account_id,ip\n{strangers}{rows}"));
    for kind in ["account", "account_id", "timestamp", "model"] {
        let map = bench.file("map.toml", format!("[kinds.{kind}]\nnormaliser = \"lowercase\"\n"));
        bench.fails(2, &["is no kind of identifiers", "[columns]"], &["profile", "events.csv", "--map", &map]);
    }
    let map = bench.file("map.toml", "[kinds.ip]\nwithin = \"30m\"\n");
    bench.ok(&["build", &events, "--map", &map, "-o", "st", "--quiet"]);
    bench.run(&["detect", "st", "--quiet"]);
    let bits = |one: &str, other: &str| bench.run(&["why", "st", one, other, "--format", "json"]).json()["bits"].as_f64();
    // Who has an address alone has one: of 38 accounts with one that counts two share this one.
    assert!(bits("a", "b").is_some_and(|bits| (bits - 19f64.log2()).abs() < 1e-4), "{:?}", bits("a", "b"));
    assert_eq!(bits("c", "d"), Some(0.0));
    assert_eq!([("a", "b"), ("c", "d")].map(|(one, other)| bench.run(&["path", "st", one, other]).code), [0, 1]);
    bench.fails(2, &["identifier that links"], &["expand", "st", "--seeds", &bench.file("seeds", "c\n")]);
    // What doesn't link stays on record.
    assert_eq!(bench.ok(&["neighbors", "st", "ip:198.51.100.8", "--format", "json"]).json().as_array().map(Vec::len), Some(2));
}

#[test]
fn a_column_can_give_two_kinds_in_every_format() {
    let map = "[kinds.subnet]\ncolumn = \"ip\"\nnormaliser = \"subnet/24/56\"\nrole = \"address\"\n";
    let csv = "timestamp,account_id,ip,bin,is_virtual\n2026-03-05T00:00:00Z,a,198.51.100.7,411111,true\n2026-03-05T00:00:01Z,b,198.51.100.99:443,411111,0\n\
               2026-03-05T00:00:02Z,c,2001:db8:1:200::1,522222,YES\n2026-03-05T00:00:03Z,d,2001:db8:1:2ff::1,,\n2026-03-05T00:00:04Z,e,10.0.0.1,,\n";
    let json: String = csv
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            format!(
                "{{\"timestamp\":\"{}\",\"account_id\":\"{}\",\"ip\":\"{}\",\"bin\":\"{}\",\"is_virtual\":\"{}\"}}\n",
                cells[0], cells[1], cells[2], cells[3], cells[4]
            )
        })
        .collect();
    for (name, text) in [("events.csv", csv), ("events.jsonl", json.as_str())] {
        let bench = Bench::new();
        let (events, map) = (bench.file(name, text), bench.file("map.toml", map));
        let built = bench.ok(&["build", &events, "--map", &map, "-o", "st", "--quiet", "--format", "json"]).json();
        let kinds: Vec<String> = built["identifiers"].as_array().expect("kinds").iter().map(|kind| kind.to_string()).collect();
        assert_eq!(kinds, ["[\"bin\",2]", "[\"ip\",4]", "[\"subnet\",2]", "[\"virtual\",2]"], "{name}");
        let near = |node: &str| bench.ok(&["neighbors", "st", node, "--format", "json"]).json().as_array().map(Vec::len);
        // Any address of the network names it.
        assert_eq!(near("subnet:198.51.100.1"), Some(2));
        assert_eq!(near("subnet:2001:db8:1:200::/56"), Some(2));
        assert_eq!((near("virtual:yes"), near("virtual:TRUE")), (Some(2), Some(2)));
    }
}

#[test]
fn what_was_declared_stays_through_updates_and_erasure() {
    let bench = Bench::new();
    let (first, more) = (events("2026-03-04"), "timestamp,account_id,ip,cloud\n2026-03-06T00:00:00Z,e,20.9.9.9,SHARED-1\n");
    let (events, more) = (bench.file("events.csv", &first), bench.file("more.csv", more));
    let map = bench.file("map.toml", map("prior = 3.0"));
    bench.ok(&["build", &events, &more, "--map", &map, "-o", "whole", "--quiet"]);
    bench.ok(&["build", &events, "--map", &map, "-o", "st", "--quiet"]);
    bench.ok(&["update", "st", &more, "--quiet"]);
    crate::update::same(&bench, "whole", "st");
    bench.ok(&["forget", "st", "e", "--reviewer", "dpo"]);
    bench.run(&["detect", "st", "--quiet"]);
    assert!((bits(&bench, "st", "a", "b") - 3.0).abs() < 1e-4);
}

#[test]
fn a_declaration_that_means_nothing_is_refused() {
    let bench = Bench::new();
    let events = bench.file("events.csv", events("2026-03-04"));
    for (declared, word) in [
        ("normaliser = \"upper\"", "unknown normaliser"),
        ("ttl = \"soon\"", "length of time"),
        ("within = \"0s\"", "between a second"),
        ("prior = -1.0", "at least 0"),
        ("expected = 0", "at least 1"),
        ("role = \"adress\"", "did you mean \"address\""),
    ] {
        let map = bench.file("map.toml", format!("[kinds.tenant]\ncolumn = \"cloud\"\n{declared}\n"));
        bench.fails(2, &[word], &["build", &events, "--map", &map, "-o", "st"]);
    }
    // Card numbers are refused wherever a card is described.
    let cards = bench.file("cards.csv", "account_id,bin\na,4111111111111111\n");
    let ran = bench.fails(2, &["bin"], &["build", &cards, "-o", "st"]);
    assert!(!ran.stderr.contains("4111111111111111"));
}

/// Posts in long form: a thousand people with links of their own, ten followers who pass on four links, two of them with a
/// hashtag, whenever they come upon them, and 12 accounts that pass on sixty links within seconds of each other.
fn posts() -> String {
    let mut rows = vec![];
    let mut post = |minute: usize, second: usize, account: String, things: &[String]| {
        let (day, hour) = (1 + minute / 1440 % 28, minute / 60 % 24);
        for thing in things {
            let (kind, value) = thing.split_once(':').expect("kind:value");
            rows.push(format!("2026-03-{day:02}T{hour:02}:{:02}:{second:02}Z,{account},{kind},{value}", minute % 60));
        }
    };
    for at in 0..4_000usize {
        post(at * 7_919, at % 60, format!("person{}", at % 1_000), &[format!("url:own{}", at % 3_501)]);
    }
    for follower in 0..10usize {
        let mut pass_on = |at: usize, things: &[&str]| {
            let things: Vec<String> = things.iter().map(ToString::to_string).collect();
            post(follower * 3_977 + at * 10_613, follower * 7 % 60, format!("follower{follower}"), &things);
        };
        pass_on(1, &["url:petition", "hashtag:petition"]);
        pass_on(2, &["url:concert", "hashtag:concert"]);
        pass_on(3, &["url:festival"]);
        pass_on(4, &["url:strike"]);
    }
    for link in 0..60usize {
        for bot in 0..12usize {
            post(link * 601 + 31, (link + bot * 2) % 30, format!("bot{bot}"), &[format!("url:push{link}")]);
        }
    }
    format!("timestamp,account_id,entity_kind,entity_value\n{}\n", rows.join("\n"))
}

#[test]
fn an_audience_is_no_network_and_a_link_with_its_hashtag_is_one_thing() {
    let bench = Bench::new();
    let events = bench.file("posts.csv", posts());
    bench.ok(&["build", &events, "-o", "st", "--quiet"]);
    bench.ok(&["detect", "st", "--quiet"]);

    let hubs = bench.ok(&["hubs", "st", "--where", "class == 'alias'", "--format", "jsonl"]).records();
    let mut aliases: Vec<&str> = hubs.iter().filter_map(|hub| hub["identifier"].as_str()).collect();
    aliases.sort_unstable();
    assert_eq!(aliases.len(), 2, "{hubs:?}");
    assert!(aliases[0].ends_with(":concert") && aliases[1].ends_with(":petition"), "{aliases:?}");
    assert!(hubs.iter().all(|hub| hub["policy"] == "drop" && hub["reason"].as_str().unwrap().contains("same events")));

    let networks = bench.ok(&["networks", "st", "--format", "jsonl"]).records();
    assert_eq!(networks.len(), 1, "{networks:?}");
    assert_eq!(networks[0]["accounts"], 12);
    assert!(networks[0]["signals"]["synchrony"]["bits"].as_f64() > Some(5.0));
    let all = bench.ok(&["networks", "st", "--all", "--format", "jsonl"]).records();
    let followers = all.iter().find(|candidate| candidate["accounts"] == 10).expect("a candidate");
    assert_eq!((&followers["benign_hypothesis"], &followers["flagged"]), (&"audience".into(), &false.into()));
}
