//! Whose networks addresses are in: read from files, kept through updates and erasure, shown, and used in judging hubs.

use std::path::Path;

use crate::support::Bench;

fn database(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/enrichment").join(name);
    path.to_str().expect("a UTF-8 path").to_owned()
}

fn fact(bench: &Bench, store: &str, address: &str, name: &str) -> Option<String> {
    let card = bench.ok(&["show", store, &format!("ip:{address}"), "--format", "json"]).json();
    card["facts"][name].as_str().map(str::to_owned)
}

const EVENTS: &str = "timestamp,account_id,ip\n2026-03-05T00:00:00Z,a,1.2.0.1\n2026-03-05T00:00:01Z,b,1.128.0.1\n\
                      2026-03-05T00:00:02Z,c,108.96.0.1\n2026-03-05T00:00:03Z,d,203.0.113.7\n";

#[test]
fn maxmind_files_lists_and_tables_tell_whose_an_address_is() {
    let bench = Bench::new();
    let events = bench.file("events.csv", EVENTS);
    let table = bench.file("networks.csv", "prefix,asn,type\n203.0.113.0/24,AS64500,edu\n1.2.0.0/16,64501,corp\n");
    let (anonymous, connection, systems) = (
        database("GeoIP2-Anonymous-IP-Test.mmdb"),
        database("GeoIP2-Connection-Type-Test.mmdb"),
        database("GeoLite2-ASN-Test.mmdb"),
    );
    let files = [&anonymous, &connection, &systems, &table];
    let enrich: Vec<&str> = files.iter().flat_map(|file| ["--enrich", file.as_str()]).collect();
    let built = bench.ok(&[&["build", &events, "-o", "st", "--quiet", "--format", "json"], &enrich[..]].concat()).json();
    assert_eq!(built["enriched"], 4);
    // The flag of anonymity comes first, and the table still brings the system that the others don't know.
    assert_eq!(fact(&bench, "st", "1.2.0.1", "network_type").as_deref(), Some("vpn"));
    assert_eq!(fact(&bench, "st", "1.2.0.1", "asn").as_deref(), Some("64501"));
    assert_eq!(fact(&bench, "st", "1.128.0.1", "asn").as_deref(), Some("1221"));
    assert_eq!(fact(&bench, "st", "108.96.0.1", "network_type").as_deref(), Some("mobile"));
    assert_eq!(fact(&bench, "st", "203.0.113.7", "network_type").as_deref(), Some("edu"));
    // Whom a list would hit is told by system too: of each account the one that most of its exchanges came from.
    let more = "timestamp,account_id,ip\n2026-03-05T00:00:00Z,a,1.2.0.1\n2026-03-05T00:00:01Z,a,1.128.0.1\n2026-03-05T00:00:02Z,a,1.128.0.1\n\
                2026-03-05T00:00:03Z,b,203.0.113.7\n2026-03-05T00:00:04Z,c,203.0.113.9\n2026-03-05T00:00:05Z,d,192.0.2.1\n";
    let more = bench.file("more.csv", more);
    bench.ok(&[&["build", &more, "-o", "hit", "--quiet"], &enrich[..]].concat());
    bench.run(&["detect", "hit", "--quiet"]);
    let list = bench.file("list.txt", "a\nb\nd\n");
    let hit = bench.ok(&["impact", "hit", &list, "--format", "json"]).json();
    let of = |system: &str| (hit["benign_by_as"][system]["hit"].as_u64(), hit["benign_by_as"][system]["accounts"].as_u64());
    assert_eq!([of("AS1221"), of("AS64500"), of("AS64501")], [(Some(1), Some(1)), (Some(1), Some(2)), (None, None)], "{hit}");
    assert!(bench.ok(&["impact", "hit", &list]).stdout.contains("by autonomous systems: AS1221 1.00 (1) of 1 hit"));
}

#[test]
fn what_is_known_stays_through_updates_and_erasure() {
    let bench = Bench::new();
    let events = bench.file("events.csv", EVENTS);
    let more = bench.file("more.csv", "timestamp,account_id,ip\n2026-03-06T00:00:00Z,e,198.51.100.1\n");
    let list = bench.file("exits.txt", "1.2.0.0/16\n203.0.113.0/24\n");
    bench.ok(&["build", &events, "-o", "st", "--quiet", "--enrich", &format!("proxy={list}")]);
    bench.ok(&["update", "st", &more, "--quiet"]);
    assert_eq!(fact(&bench, "st", "203.0.113.7", "network_type").as_deref(), Some("proxy"));
    assert_eq!(fact(&bench, "st", "198.51.100.1", "network_type"), None);
    bench.ok(&["forget", "st", "a", "--reviewer", "dpo"]);
    assert_eq!(fact(&bench, "st", "203.0.113.7", "network_type").as_deref(), Some("proxy"));
    assert_eq!(fact(&bench, "st", "1.128.0.1", "network_type"), None);
    bench.ok(&["verify", "st"]);
}

#[test]
fn an_update_that_brings_the_files_again_is_one_build() {
    let bench = Bench::new();
    let events = bench.file("events.csv", EVENTS);
    let more = bench.file("more.csv", "timestamp,account_id,ip\n2026-03-06T00:00:00Z,e,1.2.9.9\n");
    let list = bench.file("vpn.txt", "1.2.0.0/16\n");
    bench.ok(&["build", &events, &more, "-o", "whole", "--quiet", "--enrich", &list]);
    bench.ok(&["build", &events, "-o", "st", "--quiet", "--enrich", &list]);
    bench.ok(&["update", "st", &more, "--quiet", "--enrich", &list]);
    crate::update::same(&bench, "whole", "st");
}

#[test]
fn a_crowded_address_of_a_school_says_so_and_links_nobody_alone() {
    let bench = Bench::new();
    // Sixty accounts within an hour on one address, among four hundred that come one by one.
    let mut events = String::from("timestamp,account_id,ip\n");
    for at in 0..400u32 {
        events.push_str(&format!("{},u{at},20.{}.{}.1\n", 1_770_000_000 + at * 21_600, at / 200, at % 200));
        if at < 60 {
            events.push_str(&format!("{},u{at},203.0.113.7\n", 1_774_000_000 + at * 60));
        }
    }
    let events = bench.file("events.csv", events);
    let class = |store: &str| {
        // Whether anybody is flagged isn't asked here.
        assert!(bench.run(&["detect", store, "--quiet"]).code <= 1);
        let hubs = bench.ok(&["hubs", store, "--format", "jsonl"]).records();
        let hub = hubs.into_iter().find(|hub| hub["identifier"] == "ip:203.0.113.7").expect("the crowd");
        (
            hub["class"].as_str().unwrap().to_owned(),
            hub["policy"].as_str().unwrap().to_owned(),
            hub["reason"].as_str().unwrap().to_owned(),
        )
    };
    bench.ok(&["build", &events, "-o", "bare", "--quiet"]);
    let (before, policy, _) = class("bare");
    assert_eq!((before.as_str(), policy.as_str()), ("burst_hub", "keep"));
    let table = bench.file("networks.csv", "prefix,type\n203.0.113.0/24,edu\n");
    bench.ok(&["build", &events, "-o", "known", "--quiet", "--enrich", &table]);
    let (after, policy, reason) = class("known");
    assert_eq!((after.as_str(), policy.as_str()), ("corporate", "down_weight"));
    assert!(reason.ends_with("edu network"), "{reason}");
}

#[test]
fn files_that_tell_nothing_are_refused_before_anything_is_read() {
    let bench = Bench::new();
    let events = bench.file("events.csv", EVENTS);
    let list = bench.file("exits.txt", "1.2.0.0/16\n");
    let nonsense = bench.file("vpn.txt", "1.2.0.0/16\n1.2.0\n");
    let build = ["build", &events, "-o", "st", "--enrich"];
    bench.fails(2, &["without a type", "TYPE=FILE"], &[&build[..], &[&list]].concat());
    bench.fails(2, &["line 2", "198.51.100.0/24"], &[&build[..], &[&nonsense]].concat());
    bench.fails(2, &["missing.mmdb"], &[&build[..], &["missing.mmdb"]].concat());
    let key = crate::privacy::key_file(&bench, "key", crate::privacy::KEY);
    bench.fails(2, &["pseudonyms", "--enrich"], &[&build[..], &[&format!("vpn={list}"), "--key-file", &key]].concat());
    assert!(!bench.path("st").exists());
}
