//! Accounts joined with accounts: the projection of a network, under its budget of pairs.

use std::collections::BTreeMap;

use crate::act::{belonging, networks, text};
use crate::support::{Bench, detected};

/// The rows of a CSV file by the names of its columns.
fn rows(bench: &Bench, name: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(bench.path(name)).expect("the file");
    reader.deserialize().map(|row| row.expect("a row")).collect()
}

#[test]
fn a_projection_joins_those_who_share_something_by_what_it_says() {
    let bench = Bench::new();
    let store = detected(&bench);
    let id = text(&networks(&bench, &store)[0]["id"]);
    let members = belonging(&bench, &store, &id);
    bench.ok(&["export", &store, "-o", "pairs.csv", "--network", &id, "--project"]);
    let nodes = rows(&bench, "pairs.csv");
    assert!(nodes.iter().all(|node| node["kind"] == "account"), "no identifier is drawn");
    assert!(members.iter().all(|member| nodes.iter().any(|node| node["value"] == *member)));
    let edges = rows(&bench, "pairs.edges.csv");
    assert!(edges.len() >= members.len() - 1, "{} edges of {} accounts", edges.len(), members.len());
    let mut pairs: Vec<(&String, &String)> = edges.iter().map(|edge| (&edge["source"], &edge["target"])).collect();
    assert!(pairs.iter().all(|(source, target)| source != target));
    pairs.sort_unstable();
    pairs.dedup();
    assert_eq!(pairs.len(), edges.len(), "one edge a pair");
    for edge in edges.iter().step_by(edges.len().div_ceil(5)) {
        let why = bench.ok(&["why", &store, &edge["source"], &edge["target"], "--format", "json"]).json();
        let bits = why["bits"].as_f64().expect("bits");
        assert!((bits - edge["weight"].parse::<f64>().expect("a weight")).abs() < 1e-3 * bits, "{edge:?} {why}");
        let common = bench.ok(&["common", &store, &edge["source"], &edge["target"], "--format", "jsonl"]).records();
        let saying = common.iter().filter(|shared| shared["bits"].as_f64() > Some(0.0)).count();
        assert_eq!((edge["relation"].as_str(), edge["count"].as_str()), ("account", saying.to_string().as_str()));
    }
    // Any reader takes it, and any number of threads writes the same.
    bench.ok(&["export", &store, "-o", "one.graphml", "--network", &id, "--project", "--threads", "1"]);
    bench.ok(&["export", &store, "-o", "two.graphml", "--network", &id, "--project", "--threads", "2"]);
    let read = |name: &str| std::fs::read_to_string(bench.path(name)).expect("the file");
    assert_eq!(read("one.graphml"), read("two.graphml"));
    assert_eq!(read("one.graphml").matches("<edge ").count(), edges.len());
}

#[test]
fn a_projection_that_is_too_large_or_can_not_be_is_refused_before_anything_is_written() {
    let bench = Bench::new();
    let store = detected(&bench);
    let refused = |words: &[&str], more: &[&str]| {
        bench.fails(2, words, &[&["export", &store, "--project"], more].concat());
    };
    let too_many = ["pairs of accounts, more than 3", "--pair-budget"];
    refused(&too_many, &["-o", "a.graphml", "--all", "--pair-budget", "3"]);
    refused(&["raise --max-nodes"], &["-o", "a.graphml", "--whole", "--max-nodes", "5"]);
    refused(&["--k"], &["-o", "a.csv", "--all", "--k", "5"]);
    refused(&["no identifiers for stix"], &["-o", "a.stix.json"]);
    refused(&["--minimal"], &["-o", "a.csv", "--minimal"]);
    bench.fails(2, &["--project"], &["export", &store, "-o", "a.csv", "--pair-budget", "9"]);
    assert!(!bench.path("a.graphml").exists() && !bench.path("a.csv").exists());
}
