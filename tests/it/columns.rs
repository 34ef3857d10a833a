//! Which columns are read, and what is said of the others.

use std::fmt::Write;

use crate::support::Bench;

/// Rows with two names of the account and of the address, as objects whose fields come in one order or the other by turns.
fn both_ways(rows: usize) -> (String, String) {
    let (mut csv, mut json) = ("ts,user_id,account_id,c_ip,client_ip\n".to_owned(), String::new());
    for at in 0..rows {
        let (time, user, account, proxy) = ("2026-05-01T00:00:00Z", at % 18, at % 4, at % 7);
        let client = if at % 2 == 0 { String::new() } else { format!("1.2.3.{}", at % 5) };
        writeln!(csv, "{time},user{user},org{account},8.8.8.{proxy},{client}").expect("fits");
        let client = if client.is_empty() { "null".to_owned() } else { format!("{client:?}") };
        let mut fields = [
            format!("\"ts\":\"{time}\""),
            format!("\"user_id\":\"user{user}\""),
            format!("\"account_id\":\"org{account}\""),
            format!("\"c_ip\":\"8.8.8.{proxy}\""),
            format!("\"client_ip\":{client}"),
        ];
        if at % 3 == 0 {
            fields.reverse();
        }
        writeln!(json, "{{{}}}", fields.join(",")).expect("fits");
    }
    (csv, json)
}

/// Whoever ordered the fields of an object chose whose it was.
#[test]
fn the_order_of_names_decides_and_not_that_of_fields() {
    let bench = Bench::new();
    let (csv, json) = both_ways(400);
    let (csv, json) = (bench.file("events.csv", csv), bench.file("events.jsonl", json));
    let lists =
        [&["account_id=account_id", "account_id=user_id"][..], &["ip=client_ip", "ip=c_ip"], &["ip=c_ip", "ip=client_ip"], &[]];
    for (list, expected) in lists.into_iter().zip([(4, 5), (4, 5), (4, 7), (4, 5)]) {
        let maps: Vec<&str> = list.iter().flat_map(|map| ["--map", map]).collect();
        let read = |events: &str| {
            let built = bench.ok(&[&["build", events, "-o", "store"][..], &maps].concat()).stdout;
            let json = bench.ok(&[&["build", events, "-o", "store", "--format", "json"][..], &maps].concat()).json();
            let known =
                |kind: &str| json["identifiers"].as_array().and_then(|all| all.iter().find(|one| one[0] == kind).cloned());
            (built, json["accounts"].clone(), known("ip").map(|one| one[1].clone()))
        };
        let of_json = read(&json);
        assert_eq!(read(&csv), of_json, "{list:?}");
        assert_eq!((of_json.1, of_json.2), (expected.0.into(), Some(expected.1.into())), "{list:?}");
        assert!(of_json.0.contains("column user_id was not read: another one is account_id already"), "{}", of_json.0);
    }
    // Of objects that lack the first name the next is read, as where logs of two systems are one stream.
    let mixed =
        bench.file("mixed.jsonl", "{\"user_id\":\"a\",\"ip\":\"8.8.8.8\"}\n{\"account_id\":\"b\",\"ip\":\"8.8.8.8\"}\n");
    let told = bench.ok(&["build", &mixed, "-o", "store"]).stdout;
    assert!(
        told.contains("2 accounts") && told.contains("account_id was read from account_id (1 row) and user_id (1 row)"),
        "{told}"
    );
}

/// What stood in the first thousand lines was taken for all there is.
#[test]
fn columns_of_json_lines_are_those_of_the_whole_file() {
    let bench = Bench::new();
    let row = |at: usize, field: &str| format!("{{\"user\":{{\"id\":\"a{}\"}}{field}}}\n", at % 50);
    let rows = |late: &str| (0..3_000).map(|at| row(at, if at < 1_500 { "" } else { late })).collect::<String>();
    let late = bench.file("late.jsonl", rows(",\"billing\":{\"card\":\"tok\"}"));
    let named = ["--map", "account_id=user.id", "--map", "payment_instrument=billing.card"];
    let build = |events: &str| [&["build", events, "-o", "store", "--format", "json"][..], &named].concat().join(" ");
    let read = |events: &str| bench.ok(&build(events).split(' ').collect::<Vec<_>>()).json();
    assert_eq!(read(&late)["identifiers"][0], serde_json::json!(["payment_instrument", 1]));
    let never = bench.file("never.jsonl", rows(",\"billing\":{\"cart\":\"tok\"}"));
    let told = ["no column \"billing.card\"", "did you mean \"billing.cart\"?"];
    bench.fails(2, &told, &build(&never).split(' ').collect::<Vec<_>>());
    let renamed = bench.file("renamed.jsonl", rows(",\"source_address\":\"9.9.9.9\""));
    let listed = bench.ok(&["profile", &renamed, "--map", "account_id=user.id", "--format", "json"]).json();
    assert_eq!(listed["files"][0]["ignored"], serde_json::json!(["source_address"]));
}
