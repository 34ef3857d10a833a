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
    // A byte a node, as base64: how each belongs.
    let membership = data["graph"]["membership"].as_str().expect("a column");
    assert_eq!(membership.len() as u64, drawn.div_ceil(3) * 4);
    assert!(membership.starts_with("AQ") || membership.contains("AQ"), "some are core: {membership}");
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

#[test]
fn a_section_has_what_people_said_and_the_whole_score_card() {
    let bench = Bench::new();
    let store = detected(&bench);
    let first = bench.ok(&["networks", &store, "--all", "--format", "jsonl"]).records()[0].clone();
    let members =
        bench.ok(&["members", &store, "--network", first["id"].as_str().expect("an id"), "--format", "jsonl"]).records();
    let member = |at: usize| members[at]["account_id"].as_str().expect("a name").to_owned();
    bench.file("ones.csv", format!("{},{}\n", member(0), member(1)));
    bench.run(&["detect", &store, "--must", "ones.csv", "--quiet"]);
    let holder = bench.ok(&["show", &store, &member(0), "--format", "json"]).json();
    let id = holder["candidate"].as_str().or(holder["network"].as_str()).expect("a network of its own").to_owned();
    let dossier = bench.ok(&["network", &store, &id, "--format", "json"]).json();
    bench.ok(&["report", &store, "-o", "report.html", "--network", &id, "--quiet"]);
    let data = data(&std::fs::read_to_string(bench.path("report.html")).expect("the page"));
    let network = &data["networks"][0];
    assert!(dossier["decided"].to_string().contains("1 pair of accounts that must be one"), "{}", dossier["decided"]);
    assert_eq!(network["decided"], dossier["decided"]);
    // Every signal of the card, those without their input too, with every test that it is made of.
    let card = dossier["signals"].as_object().expect("a card");
    let shown = network["signals"].as_array().expect("a card");
    assert_eq!(shown.len(), card.len());
    let mut tests = 0;
    for signal in shown {
        let line = &card[&signal["name"].as_str().expect("a name").replace(' ', "_")];
        assert_eq!((&signal["value"], &signal["bits"], &signal["p"]), (&line["value"], &line["bits"], &line["p_value"]));
        for test in signal["tests"].as_array().expect("tests") {
            let line = &line["tests"][&test["name"].as_str().expect("a name").replace(' ', "_")];
            assert_eq!((&test["value"], &test["expected"]), (&line["value"], &line["expected"]));
            tests += 1;
        }
    }
    assert_eq!(tests, card.values().filter_map(|line| line["tests"].as_object()).map(serde_json::Map::len).sum::<usize>());
    assert!(tests > 0, "some signal has tests: {}", dossier["signals"]);
}

/// The column of roles held memberships, so that an account which may be taken over looked like any other.
#[test]
fn accounts_have_the_role_that_members_tell_in_the_report_and_in_tables() {
    let bench = Bench::new();
    let store = detected(&bench);
    let low = bench.file("low.toml", "[linkage.score]\nthreshold_bits = -8.0\n");
    bench.ok(&["detect", &store, "--config", &low, "--quiet"]);
    let id = bench.ok(&["networks", &store, "--format", "jsonl"]).records()[0]["id"].as_str().expect("an id").to_owned();
    let members = bench.ok(&["members", &store, "--network", &id, "--format", "jsonl"]).records();
    let told = |account: &str| {
        let member = members.iter().find(|member| member["account_id"] == account).expect("a member");
        (member["membership"].clone(), member["role"].clone())
    };
    bench.ok(&["report", &store, "-o", "report.html", "--network", &id, "--quiet"]);
    let data = data(&std::fs::read_to_string(bench.path("report.html")).expect("the page"));
    let network = &data["networks"][0];
    let rows = network["accounts"].as_array().expect("rows");
    for row in rows {
        assert_eq!((row["membership"].clone(), row["role"].clone()), told(row["label"].as_str().expect("a name")));
        assert_eq!(row["known_good"], false);
    }
    assert!(rows.iter().any(|row| row["role"] == "operator_owned"), "{rows:?}");
    let counted = network["roles"].as_array().expect("roles").iter().map(|role| role["count"].as_u64().expect("a count"));
    assert_eq!(counted.sum::<u64>(), members.len() as u64);
    assert!(data["graph"]["roles"].as_array().is_some_and(|roles| roles.len() == 6), "{}", data["graph"]["roles"]);

    bench.ok(&["export", &store, "-o", "out.csv", "--network", &id, "--quiet"]);
    let mut table = csv::Reader::from_path(bench.path("out.memberships.csv")).expect("the table");
    let header = table.headers().expect("a header").clone();
    let column = |name: &str| header.iter().position(|column| column == name).expect(name);
    let (account, membership, role, good) = (column("account"), column("membership"), column("role"), column("known_good"));
    let rows: Vec<csv::StringRecord> = table.records().map(|row| row.expect("a row")).collect();
    assert_eq!(rows.len(), members.len());
    for row in &rows {
        assert_eq!((row[membership].into(), row[role].into()), told(&row[account]));
        assert_eq!(&row[good], "false");
    }
    bench.ok(&["export", &store, "-o", "out.graphml", "--network", &id, "--quiet"]);
    let graphml = std::fs::read_to_string(bench.path("out.graphml")).expect("the graph");
    assert_eq!(graphml.matches("<data key=\"role\">").count(), members.len());
}
