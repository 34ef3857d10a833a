//! Ban plans: what is refused, and what is proposed of identifiers.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::act::{ANN, networks, run_with, text};
use crate::support::{Bench, detected};

#[test]
fn a_plan_against_what_is_not_flagged_has_to_be_asked_for() {
    let bench = Bench::new();
    let store = detected(&bench);
    let all = networks(&bench, &store);
    let flagged = text(&all[0]["id"]);
    let doubtful = text(&all.iter().find(|network| network["flagged"] == false).expect("a candidate")["id"]);
    for format in ["table", "json", "csv"] {
        let asked = ["plan-bans", &store, &doubtful, "--format", format];
        let refused = bench.fails(2, &["is not flagged", "below the threshold", "--allow-unflagged"], &asked);
        assert!(refused.stdout.is_empty(), "{}", refused.stdout);
        bench.ok(&["plan-bans", &store, &flagged, "--format", format]);
    }
    // Asked for, it says what it is, wherever it is read.
    let forced = ["plan-bans", &store, &doubtful, "--allow-unflagged", "--as-if-unbanned"];
    let said = bench.ok(&forced).stdout;
    assert!(said.starts_with(&format!("{doubtful} is not flagged, a candidate below the threshold")), "{said}");
    let plan = bench.ok(&[&forced[..], &["--format", "json"]].concat()).json();
    assert_eq!(
        (&plan["flagged"], plan["actions"].as_array().is_some_and(|actions| actions.is_empty())),
        (&false.into(), false)
    );
    let list = bench.ok(&[&forced[..], &["--format", "csv"]].concat()).stdout;
    let mut rows = csv::Reader::from_reader(list.as_bytes());
    let look_first = rows.headers().expect("a header").iter().position(|name| name == "look_first").expect("a column");
    assert!(rows.records().all(|row| row.expect("a row")[look_first] == *"not_flagged"), "{list}");
    // Of several, one that is refused stops nothing.
    let listed = format!("{doubtful}\n{flagged}\n");
    let several = bench.piped(&["plan-bans", &store, "-", "--format", "jsonl"], &listed);
    let planned: Vec<String> = several.records().iter().map(|plan| text(&plan["network"])).collect();
    assert_eq!((several.code, planned), (2, vec![flagged.clone()]), "{}", several.stderr);
    let both = bench.piped(&["plan-bans", &store, "-", "--format", "csv", "--allow-unflagged", "--as-if-unbanned"], &listed);
    let count = |id: &str| both.stdout.lines().filter(|line| line.ends_with(id)).count();
    assert!(both.code == 0 && count(&doubtful) > 0 && count(&flagged) > 0, "{}", both.stdout);
    // What people confirmed may be planned for, though no detection went by it yet.
    run_with(&bench, &["case", "confirm", &store, &doubtful], ANN);
    let confirmed = bench.ok(&["plan-bans", &store, &doubtful]).stdout;
    assert!(confirmed.starts_with(&format!("{doubtful} is not flagged, and people confirmed it")), "{confirmed}");
}

/// Popular templates were `rate_limit` in a plan, and `monitor` in the exported actions.
#[test]
fn plans_and_exported_actions_propose_the_same_of_an_identifier() {
    let bench = Bench::new();
    let store = detected(&bench);
    let id = text(&networks(&bench, &store)[0]["id"]);
    bench.ok(&["export", &store, "-o", "actions.jsonl", "--network", &id]);
    let lines = fs::read_to_string(bench.path("actions.jsonl")).expect("the actions");
    let exported: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let proposed: BTreeMap<String, String> = (exported.iter())
        .filter(|action| action["target"] == "identifier")
        .map(|action| (format!("{}:{}", text(&action["kind"]), text(&action["value"])), text(&action["action"])))
        .collect();
    let asked = ["plan-bans", &store, &id, "--identifier-actions", "--as-if-unbanned", "--benign-budget"];
    let mut compared = 0;
    for budget in ["0.01", "1", "1000"] {
        let plan = bench.ok(&[&asked[..], &[budget, "--format", "json"]].concat()).json();
        assert!(plan["identifiers_to_monitor"].as_u64() > Some(0), "the network has popular templates");
        for action in plan["actions"].as_array().expect("actions").iter().filter(|action| action["action"] != "ban") {
            assert_eq!(proposed.get(&text(&action["target"])), Some(&text(&action["action"])), "{action}");
            compared += 1;
        }
    }
    assert!(compared > 0 && proposed.values().any(|action| action == "monitor"));
    let said = bench.ok(&[&asked[..], &["1"]].concat()).words();
    assert!(said.contains(" that tie it are shared with strangers: to be watched, not acted on"), "{said}");
}
