//! The same bytes with one thread and with two, and with the rows in any order.

use std::fs;

use crate::support::{Bench, of_world};

/// Builds and detects, and returns everything that a user would compare.
fn outputs(bench: &Bench, events: &str, store: &str, threads: &str) -> Vec<String> {
    let (accounts, releases) = (of_world("accounts.csv"), of_world("releases.csv"));
    let quiet = ["--quiet", "--threads", threads];
    let run = |arguments: &[&str]| bench.ok(&[arguments, &quiet].concat()).stdout;
    run(&["build", events, "--accounts", &accounts, "--releases", &releases, "-o", store]);
    run(&["detect", store]);
    let graphml = format!("{store}.graphml");
    run(&["export", store, "-o", &graphml]);
    vec![
        run(&["members", store, "--format", "csv"]),
        run(&["networks", store, "--format", "jsonl", "--all", "--top", "0"]),
        run(&["hubs", store, "--format", "jsonl", "--top", "0"]),
        run(&["communities", store, "--format", "csv", "--top", "0"]),
        fs::read_to_string(bench.path(&graphml)).expect("the GraphML is there"),
    ]
}

#[test]
fn threads_and_row_order_change_nothing() {
    let bench = Bench::new();
    let events = of_world("events.csv");
    let text = fs::read_to_string(&events).expect("the world's events");
    let (header, rows) = text.split_once('\n').expect("a header");
    let mut rows: Vec<&str> = rows.lines().collect();
    // A fixed shuffle: multiplicative steps through a prime-sized cycle.
    let count = rows.len();
    let mut shuffled = Vec::with_capacity(count);
    let mut state = 12_345_u64;
    while let Some(last) = rows.len().checked_sub(1) {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        rows.swap((state >> 33) as usize % (last + 1), last);
        shuffled.push(rows.pop().expect("a row"));
    }
    assert_eq!(shuffled.len(), count);
    let shuffled = bench.file("shuffled.csv", format!("{header}\n{}\n", shuffled.join("\n")));
    let one = outputs(&bench, &events, "one", "1");
    let two = outputs(&bench, &events, "two", "2");
    let mixed = outputs(&bench, &shuffled, "mixed", "2");
    for (at, one) in one.iter().enumerate() {
        assert!(!one.is_empty(), "output {at} is empty");
        assert!(*one == two[at], "output {at} differs between 1 and 2 threads");
        assert!(*one == mixed[at], "output {at} differs when the rows are shuffled");
    }
}
