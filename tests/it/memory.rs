//! A build within a memory limit spills to disk: the same bytes, and nothing left behind whatever happens.

use std::fs;
use std::process::Command;

use crate::support::{Bench, Ran, of_world};

/// Every section of a store, by name.
fn sections(bench: &Bench, store: &str) -> Vec<(String, Vec<u8>)> {
    let mut sections: Vec<(String, Vec<u8>)> = fs::read_dir(bench.path(store))
        .expect("the store is a folder")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("a UTF-8 name").to_owned();
            (name, fs::read(path).expect("a section"))
        })
        .collect();
    sections.sort();
    sections
}

#[test]
fn a_limit_changes_no_byte() {
    let bench = Bench::new();
    let (events, accounts) = (of_world("events.csv"), of_world("accounts.csv"));
    bench.ok(&["build", &events, "--accounts", &accounts, "-o", "free", "--quiet"]);
    bench.ok(&["build", &events, "--accounts", &accounts, "-o", "tight", "--memory-limit", "1M", "--threads", "1", "--quiet"]);
    assert_eq!(sections(&bench, "free"), sections(&bench, "tight"));
    // An update reads the store as one more part, which goes to disk like any other.
    let text = fs::read_to_string(&events).expect("the world's events");
    let (header, rows) = text.split_once('\n').expect("a header");
    let half = rows[..rows.len() / 2].rfind('\n').expect("rows") + 1;
    let first = bench.file("1.csv", format!("{header}\n{}", &rows[..half]));
    let second = bench.file("2.csv", format!("{header}\n{}", &rows[half..]));
    bench.ok(&["build", &first, &second, "--accounts", &accounts, "-o", "once", "--quiet"]);
    bench.ok(&["build", &first, "--accounts", &accounts, "-o", "twice", "--quiet"]);
    bench.ok(&["update", "twice", &second, "--memory-limit", "1M", "--quiet"]);
    let bytes = |store| sections(&bench, store).into_iter().map(|(name, bytes)| (name.replace(".2", ".1"), bytes));
    let named = |store| bytes(store).filter(|(name, _)| name != "MANIFEST").collect::<Vec<_>>();
    assert_eq!(named("once"), named("twice"));
}

#[test]
#[cfg(unix)]
fn a_full_disk_while_spilling_leaves_nothing_behind() {
    let bench = Bench::new();
    // No file of more than 100 KiB can be written: what a full disk is to a spill.
    let script = "trap '' XFSZ; ulimit -f 100; exec \"$0\" build \"$1\" -o store --memory-limit 1M --quiet";
    let mut command = Command::new("bash");
    let binary = env!("CARGO_BIN_EXE_hydralink");
    command.args(["-c", script, binary, &of_world("events.csv")]).current_dir(bench.path("."));
    let ran = Ran::of(command.output().expect("bash runs"));
    assert_eq!(ran.code, 74, "{}", ran.stderr);
    for words in ["beyond the memory limit", "File too large", "make room"] {
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
    assert!(!bench.path("store").exists());
}

#[test]
fn what_is_no_size_is_refused() {
    let bench = Bench::new();
    bench.fails(2, &["not a size", "4G"], &["build", "x.csv", "-o", "store", "--memory-limit", "lots"]);
}
