//! What a row means: event ids, time zones, strict schemas.

use std::collections::BTreeMap;
use std::fs;

use crate::support::{Bench, of_world};

const HEADER: &str = "request_id,timestamp,account_id,ip,requests,tokens\n";
const FIRST: &str = "r1,2026-02-01T00:00:00Z,a,8.8.8.8,3,700\nr2,2026-02-01T00:00:01Z,b,8.8.8.8,1,\n";
/// r1 again, as delivered twice; r2 under another account; and rows without an id, which are events each.
const SECOND: &str = "r1,2026-02-01T00:00:00+00:00,a, 8.8.8.8,3,700\nr2,2026-02-01T00:00:01Z,c,8.8.8.8,1,\n\
    ,2026-02-01T00:00:02Z,b,8.8.8.8,1,9\n,2026-02-01T00:00:02Z,b,8.8.8.8,1,8\n";

/// Every section of a store by name, without the generation that wrote it and the list of files.
pub(crate) fn sections(bench: &Bench, store: &str) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(bench.path(store))
        .expect("the store")
        .map(|entry| entry.expect("an entry").path())
        .filter_map(|path| {
            let (stem, _) = path.file_name()?.to_str()?.rsplit_once('.')?;
            Some((stem.to_owned(), fs::read(&path).expect("a section")))
        })
        .filter(|(name, _)| name != "manifest")
        .collect()
}

fn reversed(rows: &str) -> String {
    rows.lines().rev().fold(HEADER.to_owned(), |text, row| text + row + "\n")
}

#[test]
fn an_event_that_is_delivered_again_counts_once_wherever() {
    let bench = Bench::new();
    let first = bench.file("first.csv", HEADER.to_owned() + FIRST);
    let second = bench.file("second.csv", HEADER.to_owned() + SECOND);
    let whole = bench.ok(&["build", &first, &second, "-o", "whole", "--format", "json"]).json();
    assert_eq!((&whole["rows"], &whole["rejected"]), (&6.into(), &0.into()), "{whole}");
    assert_eq!((&whole["duplicate_events"], &whole["conflicting_events"]), (&1.into(), &1.into()), "{whole}");
    assert_eq!(whole["timed_events"], 5, "{whole}");
    let said = bench.ok(&["build", &first, &second, "-o", "said", "--format", "table", "--threads", "1"]).stdout;
    assert!(said.contains("1 row repeats an event"), "{said}");
    assert!(said.contains("1 row has another row's event id"), "{said}");

    bench.ok(&["build", &second, "-o", "batches", "--quiet"]);
    bench.ok(&["update", "batches", &first, "--quiet"]);
    let turned = bench.file("turned.csv", reversed(&(FIRST.to_owned() + SECOND)));
    bench.ok(&["build", &turned, "-o", "turned", "--quiet"]);
    let expected = sections(&bench, "whole");
    assert!(expected.contains_key("inputs.event_ids"), "{:?}", expected.keys());
    for store in ["said", "batches", "turned"] {
        assert!(expected == sections(&bench, store), "{store} differs");
    }
    // A third batch that repeats everything changes nothing but the counts.
    let again = bench.file("again.csv", reversed(FIRST));
    let again = bench.ok(&["update", "whole", &again, "--format", "json"]).json();
    assert_eq!((&again["duplicate_events"], &again["timed_events"]), (&3.into(), &5.into()), "{again}");
    // The same id with other tokens is another event.
    let other = bench.file("other.csv", HEADER.to_owned() + &FIRST.replace("700", "701"));
    let other = bench.ok(&["build", &first, &other, "-o", "other", "--format", "json"]).json();
    assert_eq!((&other["duplicate_events"], &other["conflicting_events"]), (&1.into(), &1.into()), "{other}");
}

#[test]
fn formats_agree_on_what_a_repeated_event_is() {
    let bench = Bench::new();
    let csv = bench.file("events.csv", HEADER.to_owned() + FIRST);
    let json = bench.file(
        "events.jsonl",
        "{\"event_id\":\"r1\",\"at\":\"2026-02-01T00:00:00.000Z\",\"account\":\"a\",\"client_ip\":\"8.8.8.8\",\"count\":3,\"total_tokens\":700,\"colour\":1}\n\
         {\"event_id\":\"r2\",\"at\":\"2026-02-01T00:00:01Z\",\"account\":\"b\",\"client_ip\":\"8.8.8.8\",\"model\":null}\n",
    );
    let summary = bench.ok(&["build", &csv, &json, "-o", "store", "--format", "json"]).json();
    assert_eq!((&summary["duplicate_events"], &summary["conflicting_events"]), (&2.into(), &0.into()), "{summary}");
}

#[test]
fn one_event_of_several_long_rows_is_no_conflict() {
    let bench = Bench::new();
    let rows = "event_id,timestamp,account_id,entity_kind,entity_value\n\
        r1,2026-02-01T00:00:00Z,a,ip,8.8.8.8\nr1,2026-02-01T00:00:00Z,a,device,d\nr1,2026-02-01T00:00:00Z,a,device,d\n";
    let events = bench.file("long.csv", rows);
    let summary = bench.ok(&["build", &events, "-o", "store", "--format", "json"]).json();
    assert_eq!((&summary["duplicate_events"], &summary["conflicting_events"]), (&1.into(), &0.into()), "{summary}");
    assert_eq!(summary["sightings"], 2, "{summary}");
}

#[test]
fn without_ids_and_tokens_the_store_has_no_sections_of_them() {
    let bench = Bench::new();
    let events = bench.file("events.csv", "timestamp,account_id,ip\n2026-02-01T00:00:00Z,a,8.8.8.8\n");
    let empty = bench.file("empty.csv", "timestamp,account_id,ip,tokens\n2026-02-01T00:00:00Z,a,8.8.8.8,\n");
    for (events, store) in [(events, "store"), (empty, "empty")] {
        bench.ok(&["build", &events, "-o", store, "--quiet"]);
        let sections = sections(&bench, store);
        assert!(!sections.contains_key("inputs.event_ids") && !sections.contains_key("activity.tokens"), "{store}");
        assert!(bench.ok(&["show", store, "account:a", "--format", "json"]).json()["tokens"].is_null());
    }
}

#[test]
fn a_forgotten_account_comes_back_by_a_lift_and_with_new_events_only() {
    let bench = Bench::new();
    let row = |id: &str, account: &str| format!("{id},2026-02-01T00:00:00Z,{account},8.8.8.8\n");
    let header = "event_id,timestamp,account_id,ip\n";
    let events = bench.file("events.csv", [header, &row("r1", "gone"), &row("r2", "stays")].concat());
    bench.ok(&["build", &events, "-o", "store", "--quiet"]);
    bench.ok(&["forget", "store", "gone", "--reviewer", "ann"]);
    bench.ok(&["verify", "store"]);
    let told = |name: &str, rows: &[String]| {
        let again = bench.file(name, [header, &rows.concat()].concat());
        let summary = bench.ok(&["update", "store", &again, "--format", "json"]).json();
        ["duplicate_events", "accounts", "forgotten_rows"].map(|field| summary[field].clone())
    };
    assert_eq!(told("backfill.csv", &[row("r2", "stays"), row("r1", "gone")]), [1, 1, 1]);
    assert_eq!(told("new.csv", &[row("r3", "gone")]), [1, 1, 1]);
    bench.ok(&["forget", "store", "gone", "--lift", "--reviewer", "ann"]);
    // What had been read counts no more.
    assert_eq!(told("lifted.csv", &[row("r1", "gone"), row("r3", "gone")]), [2, 2, 0]);
    let exchanges = |account: &str| bench.ok(&["show", "store", account, "--format", "json"]).json()["exchanges"].clone();
    assert_eq!((exchanges("account:gone"), exchanges("account:stays")), (1.into(), 1.into()));
}

#[test]
fn an_organisation_column_that_nobody_fills_in_is_none() {
    let bench = Bench::new();
    let table = std::fs::read_to_string(of_world("accounts.csv")).expect("the accounts");
    let column = table.lines().next().and_then(|head| head.split(',').position(|name| name == "org")).expect("a column");
    let with = |keep: bool, name: &str| {
        let row = |(at, line): (usize, &str)| {
            let mut cells: Vec<&str> = line.split(',').collect();
            match (keep, at) {
                (false, _) => drop(cells.remove(column)),
                (true, 0) => {}
                (true, _) => cells[column] = "",
            }
            cells.join(",")
        };
        let text = table.lines().enumerate().map(row).collect::<Vec<String>>().join("\n");
        let (accounts, store) = (bench.file(&format!("{name}.csv"), text), bench.path(name).display().to_string());
        bench.ok(&["build", &of_world("events.csv"), "--accounts", &accounts, "-o", &store, "--quiet"]);
        bench.run(&["detect", &store, "--quiet"]);
        bench.run(&["networks", &store, "--all", "--format", "jsonl"]).stdout
    };
    let empty = with(true, "empty");
    assert!(!empty.is_empty());
    assert_eq!(empty, with(false, "without"));
}

#[test]
fn times_without_an_offset_are_of_the_given_zone() {
    let bench = Bench::new();
    let local = bench.file("local.csv", "timestamp,account_id,ip\n2026-02-01 12:00:00,a,8.8.8.8\n");
    let utc = bench.file("utc.csv", "timestamp,account_id,ip\n2026-02-01T11:00:00Z,a,8.8.8.8\n");
    bench.ok(&["build", &utc, "-o", "utc", "--tz", "Asia/Tokyo", "--quiet"]);
    let facts = |store: &str| {
        let mut sections = sections(&bench, store);
        assert!(sections.remove("inputs.read_as").is_some(), "{store} keeps its zone");
        sections
    };
    for (store, zone) in [("berlin", "Europe/Berlin"), ("offset", "+01:00")] {
        bench.ok(&["build", &local, "-o", store, "--tz", zone, "--quiet"]);
        assert!(facts("utc") == facts(store), "{zone} differs");
    }
    bench.fails(2, &["Europe/Berlim", "did you mean Europe/Berlin?"], &["build", &local, "-o", "x", "--tz", "Europe/Berlim"]);
}

#[test]
fn times_of_parquet_without_a_zone_are_of_the_given_one() {
    use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
    let bench = Bench::new();
    // 2026-02-01 12:00 in Berlin is 11:00 UTC.
    let noon = 1_769_947_200_000i64;
    let file = |name: &str, adjusted: bool, millis: i64| {
        let schema = format!(
            "message events {{ required int64 timestamp (TIMESTAMP(MILLIS,{adjusted})); required binary account_id (STRING); \
             required binary ip (STRING); }}"
        );
        let schema = parquet::schema::parser::parse_message_type(&schema).expect("a schema").into();
        let path = bench.path(name);
        let out = std::fs::File::create(&path).expect("a file");
        let mut writer = parquet::file::writer::SerializedFileWriter::new(out, schema, Default::default()).expect("a writer");
        let mut group = writer.next_row_group().expect("a group");
        let mut column = group.next_column().expect("a column").expect("the time");
        column.typed::<Int64Type>().write_batch(&[millis], None, None).expect("written");
        column.close().expect("closed");
        for text in ["a", "8.8.8.8"] {
            let mut column = group.next_column().expect("a column").expect("a text");
            column.typed::<ByteArrayType>().write_batch(&[ByteArray::from(text)], None, None).expect("written");
            column.close().expect("closed");
        }
        group.close().expect("closed");
        writer.close().expect("closed");
        path.display().to_string()
    };
    let (local, utc) = (file("local.parquet", false, noon), file("utc.parquet", true, noon - 3_600_000));
    for (events, store) in [(&local, "local"), (&utc, "utc")] {
        bench.ok(&["build", events, "-o", store, "--tz", "Europe/Berlin", "--quiet"]);
    }
    assert!(sections(&bench, "local") == sections(&bench, "utc"));
}

#[test]
fn a_strict_schema_refuses_what_it_does_not_know() {
    let bench = Bench::new();
    let events = bench.file("events.csv", "timestamp,account_id,ip,tokens,divice\n2026-02-01T00:00:00Z,a,8.8.8.8,1,d\n");
    // What isn't read is told, with what it may have been meant to be.
    let read = bench.ok(&["build", &events, "-o", "auto", "--format", "json"]).json();
    assert_eq!(read["ignored"], serde_json::json!([{"column": "divice", "files": 1, "meant": "device"}]));
    for ran in [bench.ok(&["profile", &events]), bench.ok(&["build", &events, "-o", "auto"])] {
        assert!(ran.stdout.contains("not read: divice (did you mean device?)"), "{}", ran.stdout);
    }
    bench.fails(2, &["divice", "did you mean \"device\"?"], &["build", &events, "-o", "x", "--schema", "strict"]);
    // Tokens are known by their names, and by any other that is mapped.
    let header = "timestamp,account_id,ip";
    let named = |name: &str| bench.file("tokens.csv", format!("{header},{name}\n2026-02-01T00:00:00Z,a,8.8.8.8,1234\n"));
    for (name, map) in [("tokens", None), ("Total-Tokens", None), ("token_count", None), ("usage", Some("tokens=usage"))] {
        let (file, map) = (named(name), map.map_or(Vec::new(), |map| vec!["--map", map]));
        bench.ok(&[&["build", &file, "-o", "named", "--schema", "strict", "--quiet"], &map[..]].concat());
        assert_eq!(bench.ok(&["show", "named", "account:a", "--format", "json"]).json()["tokens"], 1234, "{name}");
    }
    assert!(bench.ok(&["show", "named", "account:a"]).stdout.contains("tokens         1,234"));
    let long = "timestamp,account_id,entity_kind,entity_value,tokens\n";
    let long = bench
        .file("tokens-long.csv", format!("{long}2026-02-01T00:00:00Z,a,ip,8.8.8.8,5\n2026-02-01T00:00:00Z,a,device,d,5\n"));
    bench.ok(&["build", &long, "-o", "named", "--schema", "strict", "--quiet"]);
    let shown = bench.ok(&["show", "named", "account:a", "--format", "json"]).json();
    assert_eq!((&shown["tokens"], &shown["exchanges"]), (&5.into(), &1.into()), "the rows are one event");
    let rows =
        "timestamp,account_id,entity_kind,entity_value\n2026-02-01T00:00:00Z,a,referral,x\n2026-02-01T00:00:00Z,a,ip,8.8.8.8\n";
    let long = bench.file("long.csv", rows);
    let strict = |more: &[&str]| {
        let arguments = [&["build", &long, "-o", "long", "--schema", "strict", "--format", "json"], more].concat();
        bench.ok(&arguments).json()
    };
    assert_eq!(strict(&[])["rejected_by_reason"], serde_json::json!([["unknown_kind", 1]]));
    assert_eq!(strict(&["--allow-kinds"])["rejected"], 0);
    // A field that only occurs far into a file can't stop the run any more: its row is rejected.
    let lines = (0..3_000).map(|at| {
        let more = if at == 2_500 { ",\"divice\":\"d\"" } else { "" };
        format!("{{\"account_id\":\"a{}\",\"ts\":{},\"ip\":\"8.8.8.8\"{more}}}\n", at % 20, 1_772_323_200 + at)
    });
    let late = bench.file("late.jsonl", lines.collect::<String>());
    let rejects = bench.path("rejects.jsonl").display().to_string();
    let arguments = ["build", &late, "-o", "late", "--format", "json", "--rejects", &rejects];
    assert_eq!(bench.ok(&arguments).json()["rejected"], 0);
    let strict = bench.ok(&[&arguments[..], &["--schema", "strict"]].concat()).json();
    assert_eq!(strict["rejected_by_reason"], serde_json::json!([["unknown_field", 1]]));
    let reject: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(rejects).expect("rejects")).expect("JSON");
    assert_eq!((&reject["line"], &reject["reason"]), (&2_501.into(), &"unknown_field".into()), "{reject}");
}

/// One that has more than are kept was cut to them without a word.
#[test]
fn exchanges_beyond_the_most_that_are_kept_are_told() {
    let bench = Bench::new();
    let row = |second: u32, account: &str, requests: u32| {
        format!("r{second},2026-02-01T00:00:0{second}Z,{account},8.8.8.8,{requests},\n")
    };
    let events = |more: u32| HEADER.to_owned() + &row(0, "a", u32::MAX - 5) + &row(1, "a", more) + &row(2, "b", 7);
    for (more, capped) in [(4, 0), (6, 1)] {
        let built = bench.ok(&["build", &bench.file("events.csv", events(more)), "-o", "store", "--format", "json"]).json();
        assert_eq!(built["capped_sightings"], capped, "{built}");
    }
    let words = bench.ok(&["build", &bench.file("events.csv", events(6)), "-o", "store"]).words();
    assert!(words.contains("1 sighting stands for 4,294,967,295 exchanges or more, and for so many"), "{words}");
}
