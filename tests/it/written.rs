//! Where things are written, in which order, and what is repeated of them: no other store and no name is lost, or given away, by it.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::process::Stdio;

use crate::privacy::{KEY, key_file};
use crate::support::{Bench, Ran, detected};

#[test]
fn rejected_rows_hold_nothing_of_a_column_that_was_taken_for_another() {
    let bench = Bench::new();
    let row = |second: u32, time: &str, requests: &str| format!("{time}{second:02}Z,u{second},198.51.100.7,{requests}\n");
    let good: String = (0..50).map(|second| row(second, "2026-03-01T00:00:", "1")).collect();
    let cards = row(50, "2026-03-01T00:00:", "4111 1111 1111 1111");
    let mails = row(51, "2026-03-01T00:00:", "ann@example.org");
    let bad_time = "2026-02-31 00:00,u52,198.51.100.7,1\n";
    let events = bench.file("events.csv", format!("timestamp,account_id,ip,requests\n{good}{cards}{mails}{bad_time}"));
    let ran = bench.ok(&["build", &events, "-o", "store", "--rejects", "rejects.jsonl", "--schema", "strict"]);
    let rejects = fs::read_to_string(bench.path("rejects.jsonl")).expect("rejects");
    for text in [&rejects, &ran.stdout, &ran.stderr] {
        assert!(!text.contains("4111") && !text.contains("ann@"), "{text}");
    }
    assert!(
        rejects.contains("(19 bytes)") && rejects.contains("(15 bytes)") && rejects.contains("2026-02-31 00:00"),
        "{rejects}"
    );
}

#[test]
fn rejected_rows_and_other_stores_are_not_written_among_a_stores_files() {
    let bench = Bench::new();
    let events = bench.file(
        "events.csv",
        "timestamp,account_id,ip\n2026-03-01T00:00:00Z,a,198.51.100.7\n2026-03-02T00:00:00Z,b,198.51.100.7\n",
    );
    let among = ["would be among the files of the store"];
    bench.fails(2, &among, &["build", &events, "-o", "store", "--rejects", "store/rejects.jsonl"]);
    assert!(!bench.path("store").exists());
    bench.ok(&["build", &events, "-o", "store", "--quiet"]);
    let section = fs::read_dir(bench.path("store")).expect("a folder").flatten().map(|entry| entry.path());
    let section = section.into_iter().find(|path| path.display().to_string().contains("graph.counts")).expect("a section");
    let before = fs::read(&section).expect("its bytes");
    let rejects = section.to_str().expect("UTF-8");
    bench.fails(2, &among, &["update", "store", &events, "--rejects", rejects]);
    assert_eq!(fs::read(&section).expect("its bytes"), before);
    // Nor is one put into another, or in the place of one that can't be read.
    bench.fails(2, &among, &["as-of", "store", "2026-03-01", "-o", "store/march"]);
    bench.ok(&["as-of", "store", "2026-03-01", "-o", "march", "--quiet"]);
    bench.ok(&["as-of", "store", "2026-03-01", "-o", "march", "--quiet"]);
    bench.ok(&["build", &events, "-o", "other", "--quiet"]);
    let damaged = fs::read_dir(bench.path("other")).expect("a folder").flatten().map(|entry| entry.path());
    let damaged = damaged.into_iter().find(|path| path.display().to_string().contains("graph.counts")).expect("a section");
    fs::write(&damaged, [7u8; 8]).expect("written");
    bench.fails(65, &[], &["as-of", "store", "2026-03-01", "-o", "other"]);
    assert_eq!(fs::read(&damaged).expect("as it was"), [7u8; 8]);
}

#[test]
fn an_answer_comes_though_nobody_reads_what_is_said_beside_it() {
    let bench = Bench::new();
    let store = detected(&bench);
    let day = bench.file("day.csv", "timestamp,account_id,ip\n2026-03-01T00:00:00Z,new,198.51.100.7\n");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut update = bench.command(&["update", &store, &day, "--timings", "--format", "json"]);
    let ran =
        Ran::of(update.stdout(Stdio::piped()).stderr(writer).spawn().expect("it starts").wait_with_output().expect("it ends"));
    assert_eq!((ran.code, &ran.json()["new_rows"]), (0, &1.into()), "{}", ran.stdout);
}

/// Whatever ends the process, nothing of what came through a pipe stays on the disk.
#[cfg(target_os = "linux")]
#[test]
fn the_copy_of_a_stream_has_no_name() {
    let bench = Bench::new();
    let mut child =
        bench.command(&["build", "-", "-o", "store"]).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    let row = "2026-03-01T00:00:00Z,secret,198.51.100.7\n";
    // More than a pipe holds: when it is written, it was read, and copied but for the rest.
    pipe.write_all(format!("timestamp,account_id,ip\n{}", row.repeat(100_000)).as_bytes()).expect("it is read");
    let files: Vec<String> = fs::read_dir(bench.path("store"))
        .expect("the store in the making")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    child.kill().expect("it ends");
    child.wait().expect("it ended");
    assert!(!files.iter().any(|file| file.contains("stream")), "{files:?}");
}

/// Accounts are numbered in the order of their names: a list of pseudonyms in that order tells whoever has the names which is whose.
#[test]
fn pseudonyms_do_not_stand_in_the_order_of_the_names() {
    let bench = Bench::new();
    let store = detected(&bench);
    let key = key_file(&bench, "key", KEY);
    let level = ["--level", "redact", "--key-file", &key];
    let is_sorted = |names: &[String]| names.len() > 2 && names.is_sorted();
    let column = |text: &str, at: usize| {
        text.lines().skip(1).filter_map(|line| line.split(',').nth(at)).map(str::to_owned).collect::<Vec<String>>()
    };
    let members = bench.ok(&[&["members", &store, "--top", "0", "--format", "csv"][..], &level].concat()).stdout;
    assert!(is_sorted(&column(&members, 0)), "{members}");
    let full: BTreeSet<String> =
        column(&bench.ok(&["members", &store, "--top", "0", "--format", "csv"]).stdout, 0).into_iter().collect();
    assert_eq!(full.len(), column(&members, 0).len());
    bench.ok(&[&["export", &store, "-o", "tables", "--format", "csv"][..], &level].concat());
    let nodes = fs::read_to_string(bench.path("tables/nodes.csv")).expect("nodes");
    let header: Vec<&str> = nodes.lines().next().expect("a header").split(',').collect();
    let place = |name: &str| header.iter().position(|column| *column == name).unwrap_or_else(|| panic!("{name} in {header:?}"));
    let (kinds, values) = (column(&nodes, place("kind")), column(&nodes, place("value")));
    for kind in ["account", "ip", "payment_instrument"] {
        let shown: Vec<String> =
            kinds.iter().zip(&values).filter(|(of, _)| *of == kind).map(|(_, value)| value.clone()).collect();
        assert!(is_sorted(&shown), "{kind}: {shown:?}");
    }
}

#[test]
fn what_others_keep_in_the_folder_of_a_store_does_not_stop_an_erasure() {
    let bench = Bench::new();
    let events = bench.file(
        "events.csv",
        "timestamp,account_id,ip\n2026-03-01T00:00:00Z,ada,198.51.100.7\n2026-03-01T00:00:00Z,bob,198.51.100.7\n",
    );
    bench.ok(&["build", &events, "-o", "store", "--quiet"]);
    fs::create_dir(bench.path("store/lost+found")).expect("a folder");
    let told = bench.ok(&["forget", "store", "ada", "--reviewer", "ann", "--format", "json"]).json();
    assert_eq!((&told["accounts"], &told["found"]), (&1.into(), &serde_json::json!([])), "{told}");
}

/// Both wrote over whatever had these names.
#[test]
fn a_world_is_not_written_over_somebodys_files() {
    let bench = Bench::new();
    bench.file("report.html", "mine");
    let here = bench.path(".").display().to_string();
    bench.fails(2, &["report.html is there", "name another directory"], &["demo", &here]);
    let events = bench.file("events.parquet", "mine");
    bench.fails(2, &["events.parquet is there", "name another folder"], &["synth", &here, "--tier", "xs"]);
    assert_eq!(fs::read_to_string(events).expect("it"), "mine");
}
