//! CSV is the JSON of the same rows: every column is a field of it, and every cell holds that field's value in the same digits.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::act::{ANN, networks, run_with, text};
use crate::privacy::{KEY, key_file};
use crate::support::{Bench, detected, of_world};

/// The fields of a record by what CSV calls them, each as it would be written there.
fn flattened(value: &Value, name: &str, fields: &mut BTreeMap<String, String>) {
    let inside = |field: &str| if name.is_empty() { field.to_owned() } else { format!("{name}_{field}") };
    let plain = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match value {
        Value::Object(object) => object.iter().for_each(|(field, value)| flattened(value, &inside(field), fields)),
        Value::Array(records) if records.iter().any(Value::is_object) => {
            let mut together: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for record in records {
                let mut of_one = BTreeMap::new();
                flattened(record, name, &mut of_one);
                of_one.into_iter().for_each(|(field, value)| together.entry(field).or_default().push(value));
            }
            let joined =
                |values: Vec<String>| values.into_iter().filter(|value| !value.is_empty()).collect::<Vec<_>>().join(" ");
            fields.extend(together.into_iter().map(|(field, values)| (field, joined(values))));
        }
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(plain).filter(|value| !value.is_empty()).collect();
            fields.insert(name.to_owned(), values.join(" "));
        }
        value => drop(fields.insert(name.to_owned(), plain(value))),
    }
}

/// Whether two texts are the same, or one number: the reader of this test may be off by the last bit of one.
fn is_same(cell: &str, field: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().ok();
    cell == field || number(cell).zip(number(field)).is_some_and(|(cell, field)| (cell - field).abs() <= 4e-16 * field.abs())
}

/// Asks for the same rows in both formats, and compares them; `optional` are fields that records without a value leave out.
fn agrees(bench: &Bench, command: &[&str], optional: &[&str]) {
    let asked = |format: &str| bench.run(&[command, &["--format", format, "--quiet"]].concat());
    let csv = asked("csv").stdout;
    // Of layers, CSV has what overlaps.
    let json = match command[0] {
        "layers" => asked("json").json()["overlap"].as_array().cloned().unwrap_or_default(),
        _ => asked("jsonl").records(),
    };
    let mut rows = csv::Reader::from_reader(csv.as_bytes());
    let columns: Vec<String> = rows.headers().expect("a header").iter().map(str::to_owned).collect();
    let records: Vec<csv::StringRecord> = rows.records().map(|row| row.expect("a row")).collect();
    assert!(!json.is_empty() && records.len() == json.len(), "{command:?}: {} rows, {} records", records.len(), json.len());
    let flat: Vec<BTreeMap<String, String>> = json
        .iter()
        .map(|record| {
            let mut fields = BTreeMap::new();
            flattened(record, "", &mut fields);
            fields
        })
        .collect();
    for (at, column) in columns.iter().enumerate() {
        let is_name = column.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
        assert!(is_name, "{command:?}: {column:?} is no field's name");
        // What is null may have had the field inside.
        let is_inside = |fields: &BTreeMap<String, String>| {
            fields.iter().any(|(name, value)| value.is_empty() && column.starts_with(&format!("{name}_")))
        };
        let there = flat.iter().any(|fields| fields.contains_key(column) || is_inside(fields));
        assert!(there || optional.contains(&column.as_str()), "{command:?}: the JSON has no {column}: {}", json[0]);
        for (row, fields) in records.iter().zip(&flat) {
            let (cell, field) = (&row[at], fields.get(column).map_or("", String::as_str));
            assert!(is_same(cell, field), "{command:?}: {column} is {cell} and {field}");
        }
    }
}

#[test]
fn every_column_of_csv_is_a_field_of_the_json() {
    let bench = Bench::new();
    let store = detected(&bench);
    let all = networks(&bench, &store);
    let [one, other] = [0, 1].map(|at| text(&all[at]["id"]));
    let members = bench.ok(&["members", &store, "--network", &one, "--format", "jsonl"]).records();
    let [first, second] = [0, 1].map(|at| text(&members[at]["account_id"]));
    let before = bench.ok(&["as-of", &store, "2026-04-15", "-o", "before", "--quiet"]);
    assert_eq!(before.code, 0);
    bench.run(&["detect", "before", "--quiet"]);
    bench.ok(&["calibrate", &store, "--copies", "1", "--quiet"]);
    run_with(&bench, &["case", "confirm", &store, &other], ANN);
    bench.ok(&["case", "state", &store, &one, "triage", "--reviewer", "ann", "again"]);
    bench.ok(&["case", "four-eyes", &store, "50", "--reviewer", "ann"]);
    let key = key_file(&bench, "group.key", KEY);
    bench.ok(&["share", &store, "--group-key", &key, "-o", "shared.jsonl", "--quiet"]);
    let (labels, seeds) = (of_world("labels.csv"), bench.file("seeds.txt", format!("{first}\n{second}\n")));
    let pairs = bench.file("cannot.csv", format!("{first},{second}\n"));
    let linked = ["link", &store, "--rule", "1 of {ip, card, template}", "--cannot", &pairs];
    for (command, optional) in [
        (&["consensus", &store, "--all", "--runs", "1"][..], &[][..]),
        (&["networks", &store, "--all"], &["stability_ranks"]),
        (&["networks", &store, "--review-hours", "100"], &[]),
        (&["members", &store], &[]),
        (&["members", &store, "--network", &one, "--top", "3"], &[]),
        (&["components", &store], &[]),
        (&["components", &store, "--sweep"], &[]),
        (&["communities", &store], &[]),
        (&["communities", &store, "--sweep", "--resolutions", "0.5,1,2"], &[]),
        (&["hubs", &store], &[]),
        (&["top", &store], &[]),
        (&["neighbors", &store, &first], &[]),
        (&["ego", &store, &first], &[]),
        (&["path", &store, &first, &second, "-k", "3"], &[]),
        (&["common", &store, &first, &second], &[]),
        (&["overlap", &store, &one, &other], &[]),
        (&["expand", &store, "--seeds", &seeds], &["leaning"]),
        (&["link", &store, "--rule", "1 of {ip, card, template}"], &[]),
        (&[&linked[..], &["--conflicts"]].concat(), &[]),
        (&[&linked[..], &["--accounts"]].concat(), &[]),
        (&["dense", &store], &[]),
        (&["dense", &store, "--accounts-of", "1"], &[]),
        (&["lockstep", &store, "--accounts", "3", "--identifiers", "2", "--within", "10d"], &[]),
        (&["diff", "before", &store], &[]),
        (&["lineage", &store], &[]),
        (&["lineage", &store, "--events"], &[]),
        (&["case", "list", &store], &[]),
        (&["case", "log", &store], &[]),
        (&["match", &store, "shared.jsonl", "--group-key", &key], &[]),
        (&["calibrate", &store, "--copies", "1"], &[]),
        (&["calibrate", &store, "--copies", "1", "--reliability"], &[]),
        (&["backtest", &store, "--every", "1440"], &[]),
        (&["backtest", &store, "--every", "1440", "--cuts"], &[]),
        (&["layers", &store], &[]),
        (&["evaluate", &store, "--labels", &labels, "--fairness"], &[]),
        (&["evaluate", &store, "--labels", &labels, "--baselines", "--pair-budget", "10"], &[]),
        (&["ablate", &store, "--labels", &labels], &[]),
    ] {
        agrees(&bench, command, optional);
    }
}
