//! What hangs together, asked without a score: cohesion, dense blocks, lockstep, rules and lists, known-good seeds; and what to
//! look at first.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::act::{ANN, belonging, networks, run_with, text};
use crate::support::{Bench, detected};

/// The strongest network of the small world, and its accounts.
fn strongest(bench: &Bench, store: &str) -> (String, BTreeSet<String>) {
    let id = text(&networks(bench, store)[0]["id"]);
    let members = belonging(bench, store, &id);
    (id, members)
}

#[test]
fn a_network_has_cores_butterflies_and_blocks() {
    let bench = Bench::new();
    let store = detected(&bench);
    let (id, members) = strongest(&bench, &store);
    let found = bench.ok(&["cohesion", &store, &id, "--alpha", "3", "--beta", "3", "--format", "json"]).json();
    assert_eq!(found["accounts"], members.len());
    assert!(found["butterflies"].as_u64() > Some(0), "{found}");
    let cores = found["cores"].as_array().expect("cores");
    let of = |at: usize| cores[at]["accounts"].as_u64().expect("a count");
    assert!((1..cores.len()).all(|at| of(at) <= of(at - 1)), "{found}");
    // The (3, 3)-core is what is asked for, in both forms.
    assert_eq!(found["alpha_beta_core"], cores[2], "{found}");
    let shown = bench.ok(&["cohesion", &store, &id]).stdout;
    assert!(shown.contains("butterflies") && shown.contains("(2, 2)-core"), "{shown}");
    bench.fails(3, &["PN-00000000 not found", "networks --all"], &["cohesion", &store, "PN-00000000"]);
}

#[test]
fn the_densest_block_is_within_its_bound_and_its_accounts_can_be_piped() {
    let bench = Bench::new();
    let store = detected(&bench);
    let blocks = bench.ok(&["dense", &store, "--blocks", "3", "--format", "jsonl"]).records();
    assert_eq!(blocks.len(), 3);
    for block in &blocks {
        let [density, bound] = ["density", "bound"].map(|field| block[field].as_f64().expect("a number"));
        assert!(density <= bound && bound <= 2.0 * density + 1e-9, "{block}");
    }
    let accounts = bench.ok(&["dense", &store, "--accounts-of", "1", "--format", "jsonl"]).records();
    assert_eq!(accounts.len() as u64, blocks[0]["accounts"].as_u64().expect("a count"));
    assert!(accounts.iter().all(|account| account["account_id"].is_string()));
    bench.fails(2, &["fewer"], &["dense", &store, "--accounts-of", "9999"]);
}

#[test]
fn accounts_that_take_up_templates_together_are_found() {
    let bench = Bench::new();
    let mut events = "timestamp,account_id,ip,prompt_template_hash\n".to_owned();
    for template in 0..6 {
        for account in 0..12 {
            events +=
                &format!("2026-03-0{}T10:{account:02}:00Z,bot{account:02},198.51.100.{account},t{template}\n", template + 1);
        }
        for account in 0..20 {
            let (day, hour) = (account % 20 + 1, (account * 7 + template) % 24);
            events += &format!("2026-03-{day:02}T{hour:02}:00:00Z,user{account:02},203.0.113.{account},t{template}\n");
        }
    }
    let file = bench.file("events.csv", events);
    bench.ok(&["build", &file, "-o", "store", "--quiet"]);
    let cores = bench.ok(&["lockstep", "store", "--within", "30m", "--format", "jsonl"]).records();
    assert_eq!(cores.len(), 1, "{cores:?}");
    assert_eq!((cores[0]["accounts"].as_u64(), cores[0]["identifiers"].as_u64()), (Some(12), Some(6)));
    let accounts = bench.ok(&["lockstep", "store", "--within", "30m", "--accounts-of", "1", "--format", "csv"]).stdout;
    assert_eq!(accounts.lines().skip(1).collect::<Vec<_>>(), (0..12).map(|bot| format!("bot{bot:02}")).collect::<Vec<_>>());
    bench.fails(3, &["kind"], &["lockstep", "store", "--kind", "card"]);
    bench.fails(2, &["share"], &["lockstep", "store", "--share", "40%"]);
    assert_eq!(bench.run(&["lockstep", "store", "--within", "1m"]).code, 1, "nothing is found in so short a time");
}

#[test]
fn rules_and_lists_link_and_contradictions_are_named() {
    let bench = Bench::new();
    let store = detected(&bench);
    let rule = "card(accounts <= 10) and 1 of {ip, template(accounts <= 50)}";
    let groups = bench.ok(&["link", &store, "--rule", rule, "--format", "jsonl"]).records();
    assert!(groups.iter().all(|group| group["by"][0] == "rule1"), "{groups:?}");
    let rules = bench.file("rules.toml", format!("[rules]\nfamily = '{rule}'\n"));
    let linked = bench.ok(&["link", &store, "--rules", &rules, "--accounts", "--format", "jsonl"]).records();
    let of_first: Vec<String> =
        linked.iter().filter(|account| account["cluster"] == 1).map(|account| text(&account["account_id"])).collect();
    assert_eq!(of_first.len() as u64, groups[0]["accounts"].as_u64().expect("a count"));

    // Two that a rule joins and a list keeps apart: listed, with the chain. Two that lists join and keep apart: an error.
    let apart = bench.file("cannot.csv", format!("a,b\n{},{}\n", of_first[0], of_first[of_first.len() - 1]));
    let with_rule = ["link", store.as_str(), "--rules", rules.as_str(), "--cannot", apart.as_str()];
    let ran = bench.ok(&with_rule);
    assert!(ran.stderr.contains("--conflicts"), "{}", ran.stderr);
    let conflicts = run_with(&bench, &with_rule, &["--conflicts", "--format", "jsonl"]).records();
    assert_eq!(conflicts[0]["chain"][0]["by"], "family", "{conflicts:?}");
    let one = bench.file("must.csv", format!("{},{}\n", of_first[0], of_first[of_first.len() - 1]));
    bench.fails(2, &["contradict", &of_first[0], " = "], &["link", &store, "--must", &one, "--cannot", &apart]);
    // What is known-good links nobody.
    let good = bench.file("good.txt", of_first.join("\n"));
    let left = bench.run(&["link", &store, "--rules", &rules, "--good", &good, "--accounts", "--format", "jsonl"]).records();
    assert!(left.iter().all(|account| !of_first.contains(&text(&account["account_id"]))));

    bench.fails(2, &["write it like"], &["link", &store, "--rule", "card or ip"]);
    bench.fails(2, &["a length of time such as 30m"], &["link", &store, "--rule", "card and ip within reach"]);
    // The closer in time, the fewer hold.
    let grouped = |rule: &str| {
        let groups = bench.run(&["link", &store, "--rule", rule, "--format", "jsonl", "--top", "0"]).records();
        groups.iter().filter_map(|group| group["accounts"].as_u64()).sum::<u64>()
    };
    let (ever, day, second) =
        (grouped("ip(accounts <= 20)"), grouped("ip(accounts <= 20) within 1d"), grouped("ip(accounts <= 20) within 1s"));
    assert!(second <= day && day <= ever && second < ever, "{second}, {day}, {ever}");
    bench.fails(3, &["kind"], &["link", &store, "--rule", "passport"]);
    bench.fails(2, &["did you mean accounts"], &["link", &store, "--rule", "card(account < 3)"]);
    bench.fails(2, &["pairs of accounts, more than", "<= 10"], &["link", &many(&bench), "--rule", "ip"]);
    bench.fails(3, &["line 1"], &["link", &store, "--must", &bench.file("wrong.csv", format!("nobody,{}\n", of_first[0]))]);
}

/// A store in which an address has so many accounts that their pairs can't be gone through.
fn many(bench: &Bench) -> String {
    let rows = (0..10_100).map(|account| format!("2026-03-01T00:00:00Z,a{account},198.51.100.1\n"));
    let file = bench.file("many.csv", "timestamp,account_id,ip\n".to_owned() + &rows.collect::<String>());
    bench.ok(&["build", &file, "-o", "many", "--quiet"]);
    "many".to_owned()
}

#[test]
fn known_good_accounts_are_kept_out_of_what_lies_around_the_bad() {
    let bench = Bench::new();
    let store = detected(&bench);
    let (_, members) = strongest(&bench, &store);
    let members: Vec<&String> = members.iter().collect();
    let (bad, good) = (bench.file("bad.txt", members[0]), bench.file("good.txt", members[1]));
    let plain = bench.ok(&["expand", &store, "--seeds", &bad, "--top", "0", "--format", "jsonl"]).records();
    assert!(plain.iter().all(|account| account.get("leaning").is_none()));
    let both = bench.ok(&["expand", &store, "--seeds", &bad, "--good", &good, "--top", "0", "--format", "jsonl"]).records();
    let of = |name: &str| both.iter().find(|account| account["account_id"] == name).expect("the account is reached");
    assert!(of(members[0])["leaning"].as_f64() > Some(0.5), "{}", of(members[0]));
    assert!(of(members[1])["leaning"].as_f64() < Some(0.5), "{}", of(members[1]));
    assert_eq!(of(members[1])["inside"], false);
    // Those who lean to the good side come after all who don't.
    let leaning: Vec<bool> = both.iter().map(|account| account["leaning"].as_f64() >= Some(0.5)).collect();
    assert!(leaning.is_sorted_by(|one, other| one >= other));
    bench.fails(2, &["decide which"], &["expand", &store, "--seeds", &bad, "--good", &bad]);
}

#[test]
fn hours_of_review_go_where_they_stop_most_and_not_to_what_is_decided() {
    let bench = Bench::new();
    let store = detected(&bench);
    let review = |hours: &str, more: &[&str]| {
        let head = ["networks", &store, "--review-hours", hours, "--format", "json"];
        let ran = bench.run(&[&head, more].concat());
        assert!(ran.code <= 1, "{}", ran.stderr);
        ran.json()
    };
    let all = review("1000", &[]);
    let listed = all["networks"].as_array().expect("networks");
    let id = text(&listed[0]["id"]);
    let worth = |row: &serde_json::Value| {
        row["chance"].as_f64().zip(row["live_exchanges"].as_f64()).map(|(chance, live)| chance * live)
    };
    assert!(listed.is_sorted_by(|one, other| worth(one) >= worth(other)), "{all}");
    let waiting = all["waiting"].as_u64().expect("a count");
    let first = review("0.34", &[]);
    assert_eq!(first["networks"].as_array().map(Vec::len), Some(1), "{first}");
    assert_eq!(first["networks"][0]["id"], listed[0]["id"]);
    // Where accounts take time, the large one may not fit.
    let accounts = listed[0]["accounts"].as_u64().expect("a count") as f64;
    let long = review("1", &["--minutes-an-account", &format!("{}", 60.0 / accounts)]);
    assert!(long["networks"].as_array().is_some_and(|rows| rows.iter().all(|row| text(&row["id"]) != id)), "{long}");
    let at = |review: &serde_json::Value, k: u64| {
        review["precision"].as_array().expect("a list").iter().find(|one| one["k"] == k).expect("so many are ranked").clone()
    };
    let rank = listed[0]["rank"].as_u64().expect("a rank");
    let counts = all["precision"].as_array().expect("a list").iter().filter_map(|one| one["k"].as_u64());
    let k = counts.into_iter().find(|&k| k >= rank).expect("a rank among the first");
    let (before, chance) =
        (at(&all, k)["expected"].as_f64().expect("a number"), listed[0]["chance"].as_f64().expect("a number"));
    assert!(all["verdicts"]["share"].is_null(), "{all}");
    run_with(&bench, &["case", "reject", &store, &id], ANN);
    let after = review("1000", &[]);
    assert_eq!((after["waiting"].as_u64(), after["decided"].as_u64()), (Some(waiting - 1), Some(1)), "{after}");
    // What was rejected is no network, whatever its chance was.
    assert_eq!(at(&after, k)["rejected"], 1);
    assert!((at(&after, k)["expected"].as_f64().expect("a number") + chance - before).abs() < 1e-9, "{after}");
    // A closed case keeps its verdict, also after it left the ranking.
    run_with(&bench, &["case", "state", &store, &id, "closed"], &["--reviewer", "ann"]);
    bench.run(&["detect", &store, "--quiet"]);
    let later = review("1000", &[]);
    assert_eq!(
        (&later["decided"], &later["verdicts"]["rejected"], &later["verdicts"]["share"]),
        (&0.into(), &1.into(), &0.0.into())
    );
    let said = bench.run(&["networks", &store, "--review-hours", "8"]).stderr;
    assert!(said.contains("of 1 network decided so far 0 were confirmed: 0% (95% interval 0% to "), "{said}");
    bench.fails(2, &["minutes"], &["networks", &store, "--review-hours", "0"]);
    bench.fails(2, &["--review-hours"], &["networks", &store, "--minutes-a-network", "5"]);
}

#[test]
fn detect_takes_lists_and_they_have_the_last_word() {
    let bench = Bench::new();
    let store = detected(&bench);
    let strongest = text(&networks(&bench, &store)[0]["id"]);
    let members: Vec<String> = belonging(&bench, &store, &strongest).into_iter().collect();
    let rows = bench.ok(&["members", &store, "--format", "jsonl"]).records();
    let stranger = text(&rows.iter().find(|row| row["candidate"].is_null()).expect("a stranger")["account_id"]);
    let [first, last, good] = [&members[0], members.last().expect("members"), &members[1]];
    let pair = |name: &str, one: &str, other: &str| bench.file(name, format!("one,other\n{one},{other}\n"));
    let must = pair("must.csv", first, &stranger);
    let cannot = pair("cannot.csv", first, last);
    let goods = bench.file("good.txt", format!("account:{good}\n"));

    // Before anything was detected with them, contradictions are named with their chain, and nothing is changed.
    let both = pair("both.csv", first, last);
    let chain = format!("account:{first} = account:{last}");
    bench.fails(2, &["contradict", &chain], &["detect", &store, "--must", &both, "--cannot", &cannot]);
    assert_eq!(belonging(&bench, &store, &strongest).len(), members.len());
    bench.fails(3, &["must.csv", "line 2"], &["detect", &store, "--must", &pair("must.csv", first, "nobody")]);
    pair("must.csv", first, &stranger);
    let unknown = bench.file("unknown.txt", format!("account:{good}\naccount:nobody\n"));
    for list in [["--good", unknown.as_str()], ["--cannot", &pair("nobody.csv", first, "nobody")]] {
        bench.fails(3, &["nobody", "--skip-unknown"], &[&["detect", store.as_str()][..], &list].concat());
        assert_eq!(belonging(&bench, &store, &strongest).len(), members.len(), "nothing was detected");
        bench.fails(3, &["nobody", "--skip-unknown"], &[&["link", store.as_str(), "--must", &must][..], &list[..]].concat());
    }
    let skipped = bench.run(&["detect", &store, "--good", &unknown, "--skip-unknown"]);
    assert!(skipped.code <= 1 && skipped.stderr.contains("account:nobody"), "{}", skipped.stderr);
    let rows = bench.ok(&["members", &store, "--format", "jsonl"]).records();
    assert!(rows.iter().all(|row| row["account_id"] != *good || row["candidate"].is_null()));

    bench.ok(&["detect", &store, "--must", &must, "--cannot", &cannot, "--good", &goods, "--quiet"]);
    let network_of = |account: &str| -> Value {
        let rows = bench.ok(&["members", &store, "--format", "jsonl"]).records();
        rows.into_iter().find(|row| row["account_id"] == account).expect("an account")
    };
    let [of_first, of_last, of_good, of_stranger] = [first, last, good, &stranger].map(|account| network_of(account));
    assert_eq!(of_first["network"], of_stranger["network"], "they must be one");
    assert_ne!(of_stranger["membership"], "ambiguous", "{of_stranger}");
    assert_ne!(of_first["candidate"], of_last["candidate"], "they cannot be one");
    assert!(of_good["candidate"].is_null(), "{of_good}");
    let shown = bench.ok(&["show", &store, &format!("account:{good}")]).stdout;
    assert!(shown.contains("by a list that the last detection was run with"), "{shown}");

    // Said as a decision, and what checks and reruns the detection goes by the same lists.
    let id = text(&network_of(if of_first["network"].is_null() { last } else { first })["network"]);
    let dossier = bench.ok(&["network", &store, &id, "--format", "json"]);
    let decided = dossier.json()["decided"].to_string();
    assert!(decided.contains(good) && decided.contains("left out by decision"), "{decided}");
    assert!(decided.contains("must be one") || decided.contains("cannot be one"), "{decided}");
    let file = bench.file("dossier.json", &dossier.stdout);
    bench.ok(&["verify", &store, "--dossier", &file]);
    bench.ok(&["consensus", &store, "--runs", "1", "--quiet"]);
    // Whoever is forgotten leaves the lists as well.
    bench.ok(&["forget", &store, &stranger, "--reviewer", "ann", "--quiet"]);
    assert_eq!(network_of(first)["candidate"].is_null(), of_first["candidate"].is_null());

    // Without lists it is as before.
    bench.ok(&["detect", &store, "--quiet"]);
    assert_eq!(network_of(good)["network"], network_of(last)["network"]);
}

#[test]
fn detect_takes_rules_unless_a_list_says_otherwise() {
    let bench = Bench::new();
    let store = detected(&bench);
    let rule = "card(accounts <= 10 and class != 'popular_template')";
    let groups = bench.ok(&["link", &store, "--rule", rule, "--accounts", "--format", "jsonl"]).records();
    bench.ok(&["detect", &store, "--rule", rule, "--quiet"]);
    let rows = bench.ok(&["members", &store, "--format", "jsonl"]).records();
    let network = |account: &Value| {
        let row = rows.iter().find(|row| row["account_id"] == *account).expect("an account");
        if row["membership"] == "ambiguous" { Value::Null } else { row["candidate"].clone() }
    };
    let mut whole = 0;
    for group in 1..=groups.last().expect("groups")["cluster"].as_u64().expect("a number") {
        let of_group = groups.iter().filter(|row| row["cluster"] == group);
        let found: BTreeSet<String> = of_group.map(|row| network(&row["account_id"]).to_string()).collect();
        assert_eq!(found.len(), 1, "a group of the rule is in one network or in none: {found:?}");
        whole += usize::from(!found.contains("null"));
    }
    assert!(whole > 0, "some group touches a network");
}
