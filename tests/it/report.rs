//! The report: one page, whole, from the store alone.

use crate::support::{Bench, detected};

/// What the page's script reads.
fn data(page: &str) -> serde_json::Value {
    let start = page.find("id=\"report-data\">").expect("the data") + "id=\"report-data\">".len();
    let end = start + page[start..].find("</script>").expect("the end of the data");
    serde_json::from_str(&page[start..end]).expect("JSON")
}

#[test]
fn a_report_shows_the_networks_of_the_store() {
    let bench = Bench::new();
    let store = detected(&bench);
    let candidate = bench.ok(&["networks", &store, "--all", "--format", "jsonl"]).records()[0].clone();
    let id = candidate["id"].as_str().expect("an id");
    bench.ok(&["report", &store, "-o", "report.html", "--network", id, "--quiet"]);
    let page = std::fs::read_to_string(bench.path("report.html")).expect("the page");
    assert!(page.starts_with("<!doctype html>") && page.contains("default-src 'none'"));
    let data = data(&page);
    let network = &data["networks"][0];
    assert_eq!((&network["id"], &network["account_count"]), (&candidate["id"], &candidate["accounts"]));
    assert_eq!(network["accounts"].as_array().expect("rows").len() as u64, candidate["accounts"].as_u64().expect("a count"));
    assert_eq!(network["score_bits"], candidate["score"]);
    let drawn = data["graph"]["label"].as_array().expect("labels").len() as u64;
    assert!(drawn > candidate["accounts"].as_u64().expect("a count"), "accounts and identifiers are drawn");
    for section in ["hubs", "component_sizes", "degree_histograms", "limits"] {
        assert!(data[section].as_array().is_some_and(|rows| !rows.is_empty()), "{section} is empty");
    }
    assert!(data["run"]["rows_read"].as_u64().is_some_and(|rows| rows > 90_000), "{}", data["run"]);
    bench.ok(&["report", &store, "-o", "again.html", "--network", id, "--quiet", "--threads", "1"]);
    let again = std::fs::read_to_string(bench.path("again.html")).expect("the page");
    assert!(page == again, "same store, same bytes, at any thread count");
}

#[test]
fn a_report_over_its_limit_of_nodes_says_what_it_left_out() {
    let bench = Bench::new();
    let store = detected(&bench);
    let id = bench.ok(&["networks", &store, "--all", "--format", "jsonl"]).records()[0]["id"].clone();
    let id = id.as_str().expect("an id");
    bench.ok(&["report", &store, "-o", "small.html", "--network", id, "--max-nodes", "5", "--quiet"]);
    let data = data(&std::fs::read_to_string(bench.path("small.html")).expect("the page"));
    assert!(data["graph"]["label"].as_array().expect("labels").len() <= 5);
    assert!(data["capped"].to_string().contains("drawn as part of their group"), "{}", data["capped"]);
    bench.fails(3, &["network NONE not found"], &["report", &store, "--network", "NONE"]);
}
