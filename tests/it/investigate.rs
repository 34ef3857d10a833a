//! An analyst's questions, from a suspicious account to a verdict that can be checked.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use hydralink::ties::Ties;
use hydralink::{Dataset, Membership, Node, how};

use crate::privacy::{KEY, key_file};
use crate::support::{Bench, detected};

/// The strongest candidate of a store, and its core members.
fn strongest(bench: &Bench, store: &str) -> (String, Vec<String>) {
    let network = bench.ok(&["networks", store, "--all", "--format", "jsonl"]).records()[0].clone();
    let id = network["id"].as_str().expect("an id").to_owned();
    let core = bench.ok(&["members", store, "--network", &id, "--where", "membership = 'core'", "--format", "jsonl"]).records();
    (id, core.iter().map(|member| member["account_id"].as_str().expect("an account").to_owned()).collect())
}

fn number(value: &serde_json::Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn what_joins_two_accounts_is_answered_in_bits() {
    let bench = Bench::new();
    let store = detected(&bench);
    let (_, core) = strongest(&bench, &store);
    let (first, second) = (core[0].as_str(), core[1].as_str());
    let shared = bench.ok(&["common", &store, first, second, "--format", "jsonl"]).records();
    let why = bench.ok(&["why", &store, first, second, "--format", "json"]).json();
    assert_eq!(why["shared"].as_array().expect("rows"), &shared);
    // Odds are multiplied by what was seen, whatever they were before. Tied accounts are likelier one operator's than not.
    let at = |prior: &str| {
        let asked = ["why", &store, first, second, "--prior-same-operator", prior, "--format", "json"];
        number(&bench.ok(&asked).json()["probability"])
    };
    let odds = |probability: f64| (probability / (1.0 - probability)).log2();
    let gained = number(&why["odds_bits"]);
    for prior in [1e-9, 1e-7, 1e-5] {
        assert!((odds(at(&prior.to_string())) - odds(prior) - gained).abs() < 1e-3, "{prior}: {why}");
    }
    let tied = number(&why["bits"]) >= number(&why["needed"]);
    assert!((!tied || number(&why["probability"]) > 0.5) && number(&why["prior_same_operator"]) < 0.01, "{why}");
    // Two of a network share what chance doesn't give, and an account outside and one inside about what it does.
    let chance = |one: &str, other: &str| {
        bench.ok(&["why", &store, one, other, "--significance", "--format", "json"]).json()["significance"].clone()
    };
    let inside = chance(first, second);
    assert!(number(&inside["p_value"]) < 1e-12 && number(&inside["q_value_at_most"]) < 1e-6, "{inside}");
    assert!(number(&inside["shared"]) > 2.0 * number(&inside["expected"]), "{inside}");
    let stranger = bench.ok(&["members", &store, "--where", "candidate == null", "--format", "jsonl"]).records()[0].clone();
    let outside = chance(first, stranger["account_id"].as_str().expect("an account"));
    assert!(number(&outside["p_value"]) > 1e-4 && outside["q_value_at_most"] == 1.0, "{outside}");
    assert!(bench.ok(&["why", &store, first, second, "--significance"]).stdout.contains("where chance gives"));
    assert!(why["significance"].is_null(), "{why}");
    // So does a member and the others of its network together; nothing is in the set because of the member.
    let appeal = bench.ok(&["appeal", &store, first, "--significance", "--format", "json"]).json()["significance"].clone();
    assert!(number(&appeal["q_value_at_most"]) < 1e-6 && appeal["method"] == "exact", "{appeal}");
    assert!(
        number(&appeal["shared"]) > number(&inside["shared"]) && number(&appeal["pairs"]) < number(&inside["pairs"]),
        "{appeal}"
    );
    bench.fails(2, &["a probability over 0 and below 1"], &["why", &store, first, second, "--prior-same-operator", "1"]);
    // Two of one network that aren't tied alone are told what ties each to it.
    let members = |expression: &str| {
        let rows = bench.ok(&["members", &store, "--where", expression, "--format", "jsonl"]).records();
        rows.iter().map(|row| row["account_id"].as_str().expect("an account").to_owned()).collect::<Vec<String>>()
    };
    let (mut apart, flagged) = (0, members("network != null && membership == 'core'"));
    for other in flagged.iter().skip(1).take(12) {
        let why = bench.ok(&["why", &store, &flagged[0], other, "--format", "json"]).json();
        let (answer, same) = (why["answer"].as_str().expect("a sentence"), why["first_network"] == why["second_network"]);
        let alone = number(&why["bits"]) >= number(&why["needed"]);
        assert_eq!(why["first_through"].is_object() && why["second_through"].is_object(), same && !alone, "{why}");
        if same && !alone {
            apart += 1;
            assert!(
                answer.starts_with("both belong to") && answer.contains("not tied to each other alone, but each to"),
                "{answer}"
            );
            let appeal = bench.ok(&["appeal", &store, &flagged[0], "--format", "json"]).json();
            assert_eq!((&appeal["bits"], &appeal["needed"]), (&why["first_through"]["bits"], &why["first_through"]["needed"]));
            let said = bench.ok(&["why", &store, &flagged[0], other]).stdout;
            assert!(said.contains("the network left out of it"), "{said}");
        }
    }
    assert!(apart > 0, "two of a network that share little");
    let sum: f64 = shared.iter().map(|row| number(&row["bits"])).sum();
    assert!(number(&why["bits"]) <= sum + 1e-9, "further identifiers of a kind are discounted");
    let identifier = shared[0]["identifier"].as_str().expect("an identifier");
    let both =
        bench.ok(&["common", &store, identifier, shared[1]["identifier"].as_str().expect("another"), "--format", "jsonl"]);
    let both: Vec<String> = both.records().iter().map(|row| row["account_id"].as_str().expect("an id").to_owned()).collect();
    assert!(both.contains(&first.to_owned()) && both.contains(&second.to_owned()), "{both:?}");

    let chains = bench.ok(&["path", &store, first, second, "-k", "3", "--format", "jsonl"]).records();
    let costs: Vec<f64> = chains.iter().map(|chain| number(&chain["cost"])).collect();
    assert!(costs.len() == 3 && costs.windows(2).all(|pair| pair[0] <= pair[1]), "{costs:?}");

    let outsider = bench.ok(&["members", &store, "--where", "candidate == null", "--format", "jsonl"]).records()[0].clone();
    let outsider = outsider["account_id"].as_str().expect("an account");
    let why_not = bench.ok(&["why-not", &store, first, outsider, "--format", "json"]).json();
    assert!(number(&why_not["bits"]) < number(&why_not["needed"]), "{why_not}");
    let chain = why_not["chain"].as_array().expect("steps");
    let weakest = why_not["weakest_step"].as_u64();
    assert_eq!(weakest.is_some(), !chain.is_empty());
    if let Some(step) = weakest {
        let gap = |step: &serde_json::Value| number(&step["needed"]) - number(&step["bits"]);
        assert!(chain.iter().all(|other| gap(other) <= gap(&chain[step as usize])), "{why_not}");
    }
    bench.fails(2, &["is an identifier"], &["why-not", &store, first, identifier]);
}

#[test]
fn what_an_account_lacks_for_a_network_would_make_it_a_member() {
    let bench = Bench::new();
    let store = detected(&bench);
    // The network of the small world is one short of a profile.
    let profiled = bench.file("profiled.toml", "[linkage.members]\nprofile_size = 8\n");
    bench.ok(&["detect", &store, "--config", &profiled, "--quiet"]);
    let (id, members) = strongest(&bench, &store);
    let why_not = |account: &str| bench.ok(&["why-not", &store, account, &id, "--format", "json"]).json();
    let inside = why_not(&members[0]);
    assert!(inside["membership"].is_string() && inside["would_do"] == serde_json::json!([]), "{inside}");
    let outside = bench.ok(&["members", &store, "--where", "candidate == null", "--format", "jsonl"]).records();
    let account = outside[0]["account_id"].as_str().expect("an account");
    let found = why_not(account);
    let missing = number(&found["missing"]);
    assert!(missing > 0.0 && (missing - number(&found["needed"]) + number(&found["bits"])).abs() < 1e-9, "{found}");
    assert!(found["answer"].as_str().expect("a sentence").contains("bits short of"), "{found}");
    let named = |list: &str| -> Vec<&str> {
        found[list].as_array().expect("a list").iter().map(|one| one["identifier"].as_str().expect("a name")).collect()
    };
    let (would_do, would_join) = (named("would_do"), named("would_join"));
    assert!(!would_do.is_empty() && !would_join.is_empty(), "{found}");
    // Given these, it has the bits; without one of them it hasn't.
    let with = |some: &[&str]| -> serde_json::Value {
        let mut rows = String::from("account_id,entity_kind,entity_value\n");
        for identifier in some {
            let (kind, value) = identifier.split_once(':').expect("a kind");
            rows += &format!("{account},{kind},{value}\n");
        }
        let more = bench.file("more.csv", rows);
        std::fs::remove_dir_all(bench.path("copy")).ok();
        bench.ok(&["build", &crate::support::of_world("events.csv"), &more, "-o", "copy", "--quiet"]);
        bench.ok(&["detect", "copy", "--config", &profiled, "--quiet"]);
        let id = bench.ok(&["members", "copy", "--format", "jsonl"]).records();
        let of = |name: &str| id.iter().find(|row| row["account_id"] == name).expect("an account")["candidate"].clone();
        let network = of(&members[0]);
        bench.ok(&["why-not", "copy", account, network.as_str().expect("an id"), "--format", "json"]).json()
    };
    let tied = |found: serde_json::Value| found["membership"].is_string() || number(&found["missing"]) == 0.0;
    assert!(tied(with(&would_do)), "{would_do:?}");
    assert!(!tied(with(&would_do[1..])), "{would_do:?}");
    // Given what makes it a member by the profile, it is one.
    assert_eq!(with(&would_join)["membership"], found["would_join_as"], "{would_join:?}");
    let told = bench.ok(&["why-not", &store, account, &id]).words();
    assert!(told.contains("What would make it a") && told.contains("What would tie it"), "{told}");
    bench.fails(3, &["PN-00000000 not found"], &["why-not", &store, account, "PN-00000000"]);
}

#[test]
fn how_a_network_hangs_together_adds_up() {
    let bench = Bench::new();
    let store = detected(&bench);
    let (id, _) = strongest(&bench, &store);
    let how = bench.ok(&["how", &store, &id, "--format", "json"]).json();
    let (accounts, joins) = (how["accounts"].as_u64().expect("a count"), how["joins"].as_array().expect("joins"));
    assert!(joins.len() as u64 == accounts - 1, "a spanning tree joins {accounts} accounts: {}", joins.len());
    assert!(joins.windows(2).all(|pair| number(&pair[0]["bits"]) >= number(&pair[1]["bits"])));
    let last = &how["levels"].as_array().expect("levels")[how["levels"].as_array().expect("levels").len() - 1];
    assert_eq!((last["groups"].as_u64(), last["largest"].as_u64()), (Some(1), Some(accounts)));
    for held in how["held_by"].as_array().expect("identifiers") {
        let left = accounts - held["members_lost"].as_u64().expect("a count");
        assert!(held["largest_piece"].as_u64().expect("a count") <= left, "{held}");
    }
    let text = bench.ok(&["how", &store, &id, "--top", "3"]).stdout;
    // Two alone need more than one and a network, and one kind half as much again; each number says what it is of.
    let needs = ["tie_needs", "tie_needs_of_one_kind", "membership_needs", "membership_needs_of_one_kind"];
    let [pair, pair_of_one, group, group_of_one] = needs.map(|field| number(&how[field]));
    assert!(pair > group && pair_of_one > pair && group_of_one > group, "{how}");
    assert!(text.contains("two alone are tied from") && text.contains("an account to this network from"), "{text}");
    assert!(text.contains("Strongest joins") && text.contains("Without one identifier"), "{text}");
    let serial = bench.ok(&["how", &store, &id, "--format", "json", "--threads", "1"]).stdout;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&serial).expect("JSON"), how);
    let ids: Vec<String> = bench
        .ok(&["networks", &store, "--all", "--format", "jsonl"])
        .records()
        .iter()
        .map(|network| network["id"].as_str().expect("an id").to_owned())
        .collect();
    // What hangs on an account is what `cohesion` says, of every candidate.
    for id in ids.iter().take(8) {
        let tight = bench.ok(&["cohesion", &store, id, "--format", "json"]).json();
        let how = bench.ok(&["how", &store, id, "--format", "json"]).json();
        assert_eq!(how["separating_accounts"], tight["separating_accounts"], "{id}");
        let named = tight["separating_accounts"].as_array().expect("accounts");
        assert_eq!(named.len() as u64, tight["articulation_accounts"].as_u64().expect("a count").min(20), "{tight}");
        let parts = |one: &serde_json::Value| one["pieces"].as_u64().expect("a count");
        assert!(named.iter().all(|one| parts(one) > tight["components"].as_u64().expect("a count")), "{tight}");
    }
    if let [one, other, ..] = &ids[..] {
        let overlap = bench.run(&["overlap", &store, one, other, "--format", "jsonl"]);
        assert!(overlap.code <= 1, "{}", overlap.stderr);
        assert!(overlap.records().iter().all(|row| row["first_members"].as_u64() > Some(0)));
    }
    bench.fails(2, &["name two"], &["overlap", &store, &id, &id]);
}

#[test]
fn seeds_grow_into_their_network() {
    let bench = Bench::new();
    let store = detected(&bench);
    let (id, core) = strongest(&bench, &store);
    let seeds = core[..3].join("\n");
    let all = bench.piped(&["expand", &store, "--seeds", "-", "--top", "0", "--format", "jsonl"], &seeds).records();
    assert!(all[..3].iter().all(|row| number(&row["score"]) <= 1.0));
    // Those of the cluster come first.
    let inside: Vec<bool> = all.iter().map(|row| row["inside"] == true).collect();
    assert!(inside.is_sorted_by(|one, other| one >= other));
    let members = bench.ok(&["members", &store, "--network", &id, "--format", "jsonl"]).records();
    let members: Vec<&str> = members.iter().filter_map(|member| member["account_id"].as_str()).collect();
    let near = &all[..members.len().min(all.len())];
    let found = near.iter().filter(|row| members.contains(&row["account_id"].as_str().unwrap_or_default())).count();
    assert!(2 * found > near.len(), "{found} of the {} closest are members", near.len());
    let json_lines = bench.ok(&["members", &store, "--network", &id, "--format", "jsonl"]).stdout;
    let cards = bench.piped(&["show", &store, "-"], &json_lines);
    assert_eq!((cards.code, cards.records().len()), (0, members.len()));
    let some_unknown = bench.piped(&["show", &store, "-"], &format!("{}\nno_such_account\n", core[0]));
    assert_eq!((some_unknown.code, some_unknown.records().len()), (3, 1), "the known one is shown, the other named");
    let neighbors = bench.piped(&["neighbors", &store, "-", "--kind", "ip"], &seeds).records();
    assert!(neighbors.iter().all(|row| row["node"].as_str().is_some_and(|node| node.starts_with("ip:"))));
    let by_another_word = bench.piped(&["neighbors", &store, "-", "--kind", "address"], &seeds).records();
    assert_eq!(neighbors, by_another_word);
    let ego = bench.ok(&["ego", &store, &core[0], "--hops", "1", "--format", "jsonl"]).records();
    let degree = bench.ok(&["show", &store, &format!("account:{}", core[0]), "--format", "json"]).json();
    let degree: u64 = degree["seen_with"].as_object().expect("counts").values().filter_map(serde_json::Value::as_u64).sum();
    assert_eq!(ego.len() as u64, degree + 1);
    // Of identifiers it says the network that `show` says.
    let in_network = ego.iter().filter(|node| node["network"].is_string() && node["hops"] == 1).collect::<Vec<_>>();
    assert!(!in_network.is_empty(), "an identifier ties the network of a core member: {ego:?}");
    for node in ego.iter().take(40) {
        let shown = bench.ok(&["show", &store, node["node"].as_str().expect("a node"), "--format", "json"]).json();
        assert_eq!(node["network"], shown["network"], "{node}");
    }
}

#[test]
fn expressions_filter_and_rankings_rank() {
    let bench = Bench::new();
    let store = detected(&bench);
    let hubs =
        bench.ok(&["hubs", &store, "--where", "degree > 5 and kind in ['ip']", "--top", "0", "--format", "jsonl"]).records();
    let all = bench.ok(&["hubs", &store, "--kind", "ip", "--top", "0", "--format", "jsonl"]).records();
    let expected: Vec<_> = all.iter().filter(|row| row["accounts"].as_u64() > Some(5)).cloned().collect();
    assert!(!expected.is_empty() && hubs == expected);
    let late = bench.run(&["hubs", &store, "--where", "first_seen >= 2099-01-01"]);
    assert_eq!(late.code, 1, "nothing found");
    bench.ok(&["networks", &store, "--all", "--where", "score > -100 and accounts >= 2"]);
    bench.fails(2, &["field degre", "did you mean degree?"], &["hubs", &store, "--where", "degre > 5"]);
    bench.fails(2, &["--where 'degree >'"], &["hubs", &store, "--where", "degree >"]);
    for (by, kind, measure) in
        [("degree", "ip", "degree"), ("events", "account", "exchanges"), ("bits", "payment_instrument", "bits")]
    {
        let top = bench.ok(&["top", &store, "--by", by, "--kind", kind, "--format", "jsonl"]).records();
        assert!(top.windows(2).all(|pair| number(&pair[0][measure]) >= number(&pair[1][measure])), "{by}");
    }
    bench.fails(3, &["kind none not found"], &["top", &store, "--kind", "none"]);
}

#[test]
fn a_dossier_can_be_verified_and_a_changed_one_cannot() {
    let bench = Bench::new();
    let store = detected(&bench);
    let (id, _) = strongest(&bench, &store);
    let json = bench.ok(&["network", &store, &id, "--format", "json"]).stdout;
    let dossier = bench.file("dossier.json", &json);
    let verified = bench.ok(&["verify", &store, "--dossier", &dossier, "--format", "json"]).json();
    assert!(verified["values"].as_u64() > Some(100), "{verified}");
    let whole: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let members = ("/tied_by/0/members", "tied_by[0].members is 123456 in the dossier");
    for (field, words) in [members, ("/tokens", "tokens is 123456 in the dossier")] {
        let mut changed = whole.clone();
        *changed.pointer_mut(field).expect("a number") = serde_json::json!(123_456);
        let changed = bench.file("changed.json", changed.to_string());
        bench.fails(65, &[words], &["verify", &store, "--dossier", &changed]);
    }

    // What was decided stands in it; decisions since are no difference, decisions that nobody took are.
    let decide = |arguments: &[&str]| bench.ok(&[&["case"], arguments, &["--reviewer", "ann"]].concat());
    decide(&["note", &store, &id, "their <support> was asked"]);
    assert!(bench.ok(&["verify", &store, "--dossier", &dossier]).code == 0);
    let json = bench.ok(&["network", &store, &id, "--format", "json"]).stdout;
    let decided: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        (&decided["case"]["state"], &decided["case"]["log"][0]["text"]),
        (&"new".into(), &"their <support> was asked".into())
    );
    decide(&["state", &store, &id, "monitoring"]);
    bench.ok(&["verify", &store, "--dossier", &bench.file("decided.json", &json)]);
    let forged = json.replace("\"reviewer\": \"ann\"", "\"reviewer\": \"bob\"");
    let words = ["case.log[0].reviewer is \"bob\" in the dossier, but the store gives \"ann\""];
    bench.fails(65, &words, &["verify", &store, "--dossier", &bench.file("forged.json", forged)]);
    let text = bench.ok(&["network", &store, &id]).stdout;
    assert!(text.contains("Decided by people\n\ncase monitoring\n") && text.contains("moved to monitoring by ann"), "{text}");
    bench.ok(&["report", &store, "-o", "report.html", "--network", &id, "--quiet"]);
    let page = std::fs::read_to_string(bench.path("report.html")).expect("the page");
    assert!(page.contains("case monitoring") && page.contains("note by ann") && !page.contains("<support>"));
    // A partner's eyes see neither remarks nor who decided.
    let key = key_file(&bench, "key", KEY);
    let redacted = bench.ok(&["network", &store, &id, "--level", "redact", "--key-file", &key]).stdout;
    assert!(
        redacted.contains("moved to monitoring") && !redacted.contains("by ann") && !redacted.contains("asked"),
        "{redacted}"
    );
    let markdown = bench.ok(&["network", &store, &id, "--format", "markdown"]).stdout;
    for heading in
        ["# PN-", "## Score card", "| - succession |", "## Tied together by", "## What would change the verdict", "| --- |"]
    {
        assert!(markdown.contains(heading), "{heading} in {markdown}");
    }
    bench.fails(2, &["--format markdown is for"], &["networks", &store, "--format", "markdown"]);
}

#[test]
fn a_dossier_holds_after_what_was_decided_because_of_it() {
    let bench = Bench::new();
    let store = detected(&bench);
    let (id, _) = strongest(&bench, &store);
    let early = bench.file("early.json", bench.ok(&["network", &store, &id, "--format", "json"]).stdout);
    bench.ok(&["calibrate", &store, "--copies", "1"]);
    bench.ok(&["consensus", &store, "--runs", "1"]);
    let dossier = bench.file("dossier.json", bench.ok(&["network", &store, &id, "--format", "json"]).stdout);
    let members = bench.ok(&["members", &store, "--network", &id, "--where", "membership != 'ambiguous'", "--format", "jsonl"]);
    let names: Vec<String> =
        members.records().iter().map(|member| member["account_id"].as_str().expect("a name").to_owned()).collect();
    let assessed = bench.ok(&["assess", &store, &bench.file("list.txt", names.join("\n")), "--format", "json"]).stdout;
    let assessed = bench.file("assessed.json", assessed);
    let verified = |dossier: &str| bench.ok(&["verify", &store, "--dossier", dossier, "--format", "json"]).json();
    let then = verified(&dossier);
    assert_eq!(then["of_reruns"], 0, "the store has the q-value still");

    bench.ok(&["case", "reject", &store, &id, "--reviewer", "ann", "--reason", "enterprise"]);
    let after = bench.ok(&["network", &store, &id, "--format", "json"]).stdout;
    let between = bench.file("between.json", &after);
    for detected in [false, true, true] {
        if detected {
            bench.run(&["detect", &store, "--quiet"]);
        }
        let now = verified(&dossier);
        // A q-value, the part of it that harmless stories take, the stability, and that of every member named.
        assert_eq!(now["of_reruns"].as_u64() > Some(3), detected, "{now}");
        assert_eq!(verified(&early)["of_reruns"], 0, "nothing had been rerun then");
        assert!(now["values"].as_u64() > Some(100), "{now}");
        verified(&between);
        verified(&assessed);
    }
    // Now it isn't there, and the one made then is checked none the less.
    bench.fails(3, &["not found"], &["network", &store, &id]);
    let text = bench.ok(&["verify", &store, "--dossier", &dossier]).words();
    assert!(text.contains("of reruns (q-values, stability) weren't compared"), "{text}");
    let whole: serde_json::Value = serde_json::from_str(&after).expect("JSON");
    let changed = |pointer: &str, value: serde_json::Value| {
        let mut changed = whole.clone();
        *changed.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
        bench.file("changed.json", changed.to_string())
    };
    let cut = ["made_from.decisions is 9 in the dossier, but the store gives 1"];
    bench.fails(65, &cut, &["verify", &store, "--dossier", &changed("/made_from/decisions", 9.into())]);
    bench.fails(65, &["score is 99"], &["verify", &store, "--dossier", &changed("/score", 99.into())]);

    // Other settings find something else, and the difference says so.
    let strict = bench.file("strict.toml", "[linkage.score]\nthreshold_bits = 1000.0\n");
    bench.run(&["detect", &store, "--config", &strict, "--quiet"]);
    let words =
        ["in the dossier, but the store gives", "since the dossier was made, the store's settings of its detection changed"];
    bench.fails(65, &words, &["verify", &store, "--dossier", &dossier]);
}

#[test]
fn shells_and_manuals_know_every_command() {
    let bench = Bench::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = bench.ok(&["completions", shell]).stdout;
        assert!(script.contains("why-not") && script.contains("plan-bans"), "{shell}");
    }
    bench.ok(&["man", "pages", "--quiet"]);
    let page = std::fs::read_to_string(bench.path("pages").join("hydralink-why-not.1")).expect("a page");
    assert!(page.contains(".TH") && page.contains("what is missing"), "{page}");
}

#[test]
fn a_store_that_lost_its_events_is_seen_to_differ() {
    let bench = Bench::new();
    bench.ok(&["synth", "world", "--tier", "s", "--seed", "1", "--events", "csv", "--quiet"]);
    let all = std::fs::read_to_string(bench.path("world/events.csv")).expect("the events");
    // The first half of the time: accounts that came later are missing.
    let mut lines: Vec<&str> = all.lines().collect();
    let (header, rows) = lines.split_first_mut().expect("a header");
    rows.sort_unstable();
    let first_half = format!("{header}\n{}\n", rows[..rows.len() / 2].join("\n"));
    bench.file("half.csv", first_half);
    let tables = ["--accounts", "world/accounts.csv", "--releases", "world/releases.csv", "--quiet"];
    bench.ok(&[&["build", "half.csv", "-o", "before"], &tables[..]].concat());
    bench.ok(&[&["build", "world/events.csv", "-o", "after"], &tables[..]].concat());
    bench.ok(&["detect", "before", "--quiet"]);
    bench.ok(&["detect", "after", "--quiet"]);
    let same = bench.ok(&["diff", "after", "after", "--format", "jsonl"]).records();
    assert!(same.iter().all(|change| change["change"] == "unchanged"), "{same:?}");
    let changes = bench.ok(&["diff", "before", "after", "--format", "jsonl"]).records();
    let largest = changes.iter().max_by_key(|change| change["accounts_after"].as_u64()).expect("a change");
    assert_eq!((largest["change"].as_str(), largest["joined"].as_u64() > Some(0)), (Some("grew"), true), "{changes:?}");
}

#[test]
fn an_appeal_names_what_a_membership_rests_on_and_what_would_end_it() {
    let bench = Bench::new();
    let store = detected(&bench);
    let (_, core) = strongest(&bench, &store);
    let node = format!("account:{}", core[0]);
    let appeal = bench.ok(&["appeal", &store, &node, "--format", "json"]).json();
    assert_eq!((&appeal["tied"], &appeal["membership"]), (&true.into(), &"core".into()));
    assert!(number(&appeal["bits"]) >= number(&appeal["needed"]));
    let names = |field: &str| -> Vec<String> {
        let list = appeal[field].as_array().expect("a list").iter();
        list.map(|one| one.as_str().or_else(|| one["identifier"].as_str()).expect("a name").to_owned()).collect()
    };
    let (grounds, enough, without) = (names("grounds"), names("enough_together"), names("ends_without"));
    assert!(!enough.is_empty() && enough.len() <= without.len() && without.len() <= grounds.len());
    assert!(enough.iter().chain(&without).all(|one| grounds.contains(one)));
    // The two sets meet: what is enough together can't be whole where what is needed is gone.
    assert!(enough.iter().any(|one| without.contains(one)));
    let text = bench.ok(&["appeal", &store, &node]).stdout;
    assert!(text.contains("Without all of these nothing would tie it") && text.contains(&enough[0]), "{text}");
    let heading =
        if enough.len() == 1 { "Enough by itself (1)" } else { "Enough together, and without any one of them no longer" };
    assert!(text.contains(heading) && !text.contains("Enough alone") && text.contains("network of this size"), "{text}");
    // Accounts that only touch the network aren't counted as its own.
    let id = appeal["network"].as_str().expect("an id");
    let belongs = bench.ok(&["members", &store, "--network", id, "--where", "membership != 'ambiguous'", "--format", "jsonl"]);
    let belonging: BTreeSet<String> =
        belongs.records().iter().map(|row| row["account_id"].as_str().expect("an account").to_owned()).collect();
    for ground in appeal["grounds"].as_array().expect("grounds").iter().chain(appeal["not_counted"].as_array().expect("a list"))
    {
        let seen = ["neighbors", &store, ground["identifier"].as_str().expect("a name"), "--top", "0", "--format", "jsonl"];
        let seen = bench.ok(&seen).records();
        let of_network = seen.iter().filter(|row| {
            let node = row["node"].as_str().unwrap_or_default();
            belonging.contains(node.strip_prefix("account:").unwrap_or(node))
        });
        assert_eq!(ground["members"].as_u64(), Some(of_network.count() as u64), "{ground}");
    }
    let outsider = bench.ok(&["members", &store, "--where", "candidate == null", "--format", "jsonl"]).records()[0].clone();
    let ran = bench.run(&["appeal", &store, outsider["account_id"].as_str().expect("an account")]);
    assert!(ran.code == 1 && ran.stdout.contains("belongs to no network"), "{}", ran.stdout);
}

/// What is missing is no finding: the reader is told what nobody knows, or what a test would have needed.
#[test]
fn what_could_not_be_measured_is_said_with_its_reason() {
    let bench = Bench::new();
    let store = detected(&bench);
    let ids = bench.ok(&["networks", &store, "--all", "--format", "jsonl"]).records();
    for id in &ids {
        let id = id["id"].as_str().expect("an id");
        let dossier = bench.ok(&["network", &store, id, "--format", "json"]).json();
        let signals = dossier["signals"].as_object().expect("signals").iter();
        let missing: Vec<&String> = signals.filter(|(_, signal)| signal.is_null()).map(|(name, _)| name).collect();
        let told: Vec<&String> = dossier["not_measured"].as_object().expect("reasons").keys().collect();
        assert_eq!(told, missing, "{id}");
    }

    let log = bench.file("log.csv", "account_id,ip,card\na,192.0.2.1,pm_1\nb,192.0.2.1,pm_1\nc,192.0.2.2,pm_2\n");
    bench.ok(&["build", &log, "-o", "few", "--map", "payment_instrument=card"]);
    bench.run(&["detect", "few"]);
    let list = bench.file("two.txt", "a\nb\n");
    let dossier = bench.ok(&["assess", "few", &list, "--format", "json"]).json();
    for (signal, why) in [
        ("synchrony", "the events say no times"),
        ("capability_concentration", "the events say no capabilities"),
        ("registration_pace", "nobody knows when its accounts were made (created_at)"),
    ] {
        assert_eq!(dossier["not_measured"][signal], why, "{signal}");
    }
    let text = bench.ok(&["assess", "few", &list]).stdout;
    assert!(text.contains("What could not be measured\n\n"), "{text}");
    assert!(text.contains("registration_bursts, registration_pace: nobody knows when its accounts were made"), "{text}");

    // Without countries everybody's day stands in: that there are none is no reason.
    let times = "account_id,ip,timestamp\na,192.0.2.1,2026-03-01T09:00:00Z\nb,192.0.2.1,2026-03-01T10:00:00Z\n";
    bench.ok(&["build", &bench.file("times.csv", times), "-o", "timed"]);
    bench.run(&["detect", "timed"]);
    let why = bench.ok(&["assess", "timed", &list, "--format", "json"]).json()["not_measured"]["diurnal_phase"].to_string();
    assert!(why.contains("too little data") && !why.contains("countr"), "{why}");
}

#[test]
fn attributes_that_set_a_network_apart_are_counted_and_no_part_of_the_score() {
    let bench = Bench::new();
    let store = detected(&bench);
    let (id, _) = strongest(&bench, &store);
    let dossier = bench.ok(&["network", &store, &id, "--format", "json"]).json();
    let belongs = bench.ok(&["members", &store, "--network", &id, "--where", "membership != 'ambiguous'", "--format", "jsonl"]);
    let members: Vec<String> =
        belongs.records().iter().map(|member| format!("account:{}", member["account_id"].as_str().expect("an id"))).collect();
    let attributes = dossier["attributes"].as_array().expect("attributes");
    assert!(!attributes.is_empty(), "its accounts use few clients");
    for attribute in attributes {
        let identifier = attribute["identifier"].as_str().expect("a name");
        assert!(identifier.starts_with("ja4:") || identifier.starts_with("user_agent:"), "{identifier}");
        let seen = bench.ok(&["neighbors", &store, identifier, "--top", "0", "--format", "jsonl"]).records();
        let inside = seen.iter().filter(|row| members.contains(&row["node"].as_str().expect("a node").to_owned())).count();
        assert_eq!(attribute["members"], inside, "{identifier}");
        assert!((number(&attribute["share"]) - inside as f64 / members.len() as f64).abs() < 1e-9);
        assert!(number(&attribute["share"]) >= 2.0 * number(&attribute["expected"]), "{attribute}");
    }
}

/// Networks that have identifiers of each other name each other.
#[test]
fn networks_with_identifiers_in_common_name_each_other() {
    let bench = Bench::new();
    let store = detected(&bench);
    let ids: Vec<String> = bench
        .ok(&["networks", &store, "--all", "--format", "jsonl"])
        .records()
        .iter()
        .map(|network| network["id"].as_str().expect("an id").to_owned())
        .collect();
    let mut named: BTreeMap<(String, String), u64> = BTreeMap::new();
    for id in &ids {
        let how = bench.ok(&["how", &store, id, "--format", "json"]).json();
        for other in how["beside"].as_array().expect("networks") {
            let other_id = other["network"].as_str().expect("an id").to_owned();
            named.insert((id.clone(), other_id), other["identifiers"].as_u64().expect("a count"));
        }
    }
    assert!(!named.is_empty(), "some of {} share identifiers", ids.len());
    for ((one, other), count) in &named {
        assert_eq!(named.get(&(other.clone(), one.clone())), Some(count), "{one} {other}");
        let overlap = bench.ok(&["overlap", &store, one, other, "--top", "0", "--format", "jsonl"]).records();
        assert!(*count >= 2 && *count <= overlap.len() as u64, "{one} {other}");
    }
    let (one, other) = named.keys().next().expect("a pair");
    assert!(bench.ok(&["how", &store, one, "--top", "0"]).stdout.contains(&format!("{other}: ")));
}

/// What `how` calls enough ties every member by the rule of detection, asked in another way, and nothing of it could be left
/// out.
#[test]
fn enough_is_enough_and_nothing_in_it_is_needless() {
    let bench = Bench::new();
    let store = detected(&bench);
    let dataset = Dataset::open(Path::new(&store)).expect("the store");
    let results = dataset.labelling().expect("networks");
    let ties = Ties::of(&dataset, &results).expect("the rule");
    for network in 0..results.heads().len().min(6) {
        let enough = how::how(&dataset, &results, network).expect("how").enough;
        let id = |label: &str| match dataset.node(label).expect("an identifier") {
            Node::Identifier(id) => id,
            Node::Account(account) => panic!("{account:?} is an account"),
        };
        let chosen: BTreeSet<_> = enough.identifiers.iter().map(|of| id(&of.identifier)).collect();
        let group = ties.group(network);
        let others = group.accounts.len() as u32 - 1;
        let belonging = results.members_of(network).into_iter().filter(|(_, how)| *how != Membership::Ambiguous);
        let ballots: Vec<_> = belonging.map(|(account, _)| ties.ballots(account, &group)).collect();
        let tied = |ballots: &[(hydralink::IdentifierId, f64)], keep: &dyn Fn(hydralink::IdentifierId) -> bool| {
            let kept = ballots.iter().filter(|(id, _)| keep(*id)).map(|&(id, bits)| (dataset.graph().kind_of(id), bits));
            ties.terms().accepts(&ties.terms().sum(kept.collect()), others)
        };
        let by_all: Vec<_> = ballots.iter().filter(|ballots| tied(ballots, &|_| true)).collect();
        assert_eq!(enough.accounts, by_all.len() as u64);
        assert!(by_all.iter().all(|ballots| tied(ballots, &|id| chosen.contains(&id))), "network {network}");
        for left_out in &chosen {
            let without = |id| id != *left_out && chosen.contains(&id);
            assert!(by_all.iter().any(|ballots| !tied(ballots, &without)), "{network}: {left_out:?} is needless");
        }
        assert!(
            by_all.is_empty() || (chosen.len() as u64) < enough.of_identifiers,
            "{network}: {} of {}",
            chosen.len(),
            enough.of_identifiers
        );
    }
    bench.ok(&["export", &store, "-o", "whole.csv", "--quiet"]);
    bench.ok(&["export", &store, "-o", "few.csv", "--minimal", "--quiet"]);
    let nodes = fs::read_to_string(bench.path("few.csv")).expect("nodes");
    let mut reader = csv::Reader::from_reader(nodes.as_bytes());
    for node in reader.deserialize::<BTreeMap<String, String>>().map(|node| node.expect("a node")) {
        let joined = node["degree_shown"] != "0" || !["core", "fringe"].contains(&node["membership"].as_str());
        assert!(joined, "every member is joined to what is enough: {node:?}");
    }
    let edges = |name: &str| fs::read_to_string(bench.path(name)).expect("edges").lines().count();
    assert!(
        edges("few.edges.csv") * 3 < edges("whole.edges.csv"),
        "{} of {}",
        edges("few.edges.csv"),
        edges("whole.edges.csv")
    );
}

/// What is sent to the holder of an account names nobody else, and says what the answer in JSON says.
#[test]
fn a_statement_of_reasons_names_one_account_and_its_own_identifiers() {
    let bench = Bench::new();
    let store = detected(&bench);
    let members = bench.ok(&["members", &store, "--network", "1", "--top", "0", "--format", "jsonl"]).records();
    let names: Vec<&str> = members.iter().filter_map(|member| member["account_id"].as_str()).collect();
    let statement =
        |arguments: &[&str]| bench.ok(&[&["appeal", &store, names[0], "--format", "markdown"], arguments].concat()).stdout;
    let text = statement(&[]);
    assert!(names.len() > 2 && names[1..].iter().all(|name| !text.contains(name)), "{text}");
    let account = format!("account:{}", names[0]);
    let own: Vec<String> = bench
        .ok(&["neighbors", &store, &account, "--top", "0", "--format", "jsonl"])
        .records()
        .iter()
        .filter_map(|row| Some(format!("`{}`", row["node"].as_str()?)))
        .collect();
    let named =
        text.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next()).filter(|name| name.starts_with('`'));
    let named: Vec<&str> = named.collect();
    assert!(!named.is_empty() && named.iter().all(|name| own.iter().any(|own| own == name)), "{named:?}");

    let appeal = bench.ok(&["appeal", &store, names[0], "--significance", "--format", "json"]).json();
    let network = bench.ok(&["network", &store, "1", "--format", "json"]).json();
    let bits = number(&appeal["bits"]);
    for said in [
        format!("carry {bits:.1} bits"),
        format!("it takes {:.1} bits", number(&appeal["needed"])),
        format!("score {:.1} bits", number(&network["score"])),
        format!("one of {} accounts that one operator controls", network["accounts"]),
        "No person has decided about the group".to_owned(),
    ] {
        assert!(text.contains(&said), "{said}: {text}");
    }
    // What was found is said in words: whoever reads it doesn't know what bits are.
    let finding = network["findings"][1].as_str().expect("a finding").replace('_', "\\_");
    let (bits, sentence) = finding.split_once(" bits: ").expect("bits and words");
    let sentence = sentence.split(" (Not counted").next().expect("a sentence");
    assert!(text.contains(&format!("* {sentence} Found of one operator's accounts ")), "{sentence}: {text}");
    assert!(bits.starts_with('+') && !text.contains(" bits: ") && !text.contains("All that was measured"), "{text}");
    let p = format!("p = {:.2e}", number(&appeal["significance"]["p_value"]));
    assert!(statement(&["--significance"]).contains(&p), "{p}");
    // Decided about since, and at a level that shows no values.
    bench.ok(&["case", "confirm", &store, &account, "--reviewer", "ann", "--reason", "shared_cards"]);
    let key = key_file(&bench, "key", b"0123456789abcdef0123456789abcdef");
    let text = statement(&["--level", "redact", "--key-file", &key]);
    assert!(!text.contains(names[0]) && text.contains("people confirmed it"), "{text}");
    assert!(text.contains(" to 1 under the models") && !text.contains("% sure"), "{text}");
    // What it has for itself stands in it.
    let apart = bench.ok(&["appeal", &store, names[0], "--format", "json"]).json()["apart"].clone();
    let own_card = bench.ok(&["appeal", &store, names[0]]).words();
    for kind in apart.as_array().expect("kinds") {
        let identifiers = bench.ok(&[
            "neighbors",
            &store,
            &account,
            "--kind",
            kind["kind"].as_str().expect("a kind"),
            "--top",
            "0",
            "--format",
            "jsonl",
        ]);
        let of_exchanges: u64 = identifiers.records().iter().filter_map(|row| row["exchanges"].as_u64()).sum();
        assert_eq!(kind["of_exchanges"].as_u64(), Some(of_exchanges), "{kind}");
        assert!(own_card.contains(kind["most_used"].as_str().expect("a name")), "{own_card}");
    }
    // Found harmless it is accused of nothing, and no plan bans it, before anything is detected again.
    let planned = |id: &str| bench.ok(&["plan-bans", &store, id, "--as-if-unbanned", "--format", "json"]).json();
    let is_banned = |plan: &serde_json::Value| {
        plan["actions"].as_array().expect("actions").iter().any(|action| action["target"] == account.as_str())
    };
    let id = network["id"].as_str().expect("an id");
    assert!(is_banned(&planned(id)));
    bench.ok(&["case", "reject", &store, &account, "--reviewer", "bob", "--reason", "customer"]);
    let text = statement(&[]);
    assert!(text.contains("People found this account harmless") && !text.contains("one operator controls"), "{text}");
    let plan = planned(id);
    assert!(!is_banned(&plan) && plan["known_good"] == serde_json::json!([account]), "{plan}");
    // Who is in no network is told so.
    let everybody = bench.ok(&["members", &store, "--top", "0", "--format", "jsonl"]).records();
    let other = everybody.iter().find(|member| member["candidate"].is_null()).expect("somebody in no network");
    let ran = bench.run(&["appeal", &store, other["account_id"].as_str().expect("a name"), "--format", "markdown"]);
    assert!(ran.code == 1 && ran.stdout.contains("belongs to no network"), "{}", ran.stdout);
}

/// What two share speaks as if nothing harmless could explain it; the group that both are in knows whether something does.
/// An answer that says both must not say the opposite of either.
#[test]
fn what_two_share_alone_and_what_their_group_says_are_told_apart() {
    let bench = Bench::new();
    let store = detected(&bench);
    let all = bench.ok(&["networks", &store, "--all", "--format", "jsonl"]).records();
    let why = |pair: &[String], more: &[&str]| bench.ok(&[&["why", &store, &pair[0], &pair[1]], more].concat());
    let mut told = 0;
    for network in all.iter().filter(|network| number(&network["score"]) < 0.0).take(8) {
        let id = network["id"].as_str().expect("an id");
        let of_it = format!("candidate == \"{id}\" && membership != \"ambiguous\"");
        let members = bench.ok(&["members", &store, "--where", &of_it, "--format", "jsonl"]).records();
        let members: Vec<String> =
            members.iter().map(|member| format!("account:{}", member["account_id"].as_str().expect("an id"))).collect();
        for pair in members.windows(2).take(3) {
            let answer = why(pair, &["--format", "json"]).json();
            assert_eq!((&answer["group"]["network"], &answer["held"]), (&network["id"], &"harmless".into()), "{answer}");
            assert_eq!(answer["group"]["benign_hypothesis"], network["benign_hypothesis"], "{answer}");
            if number(&answer["probability"]) > 0.98 {
                let (text, story) =
                    (why(pair, &[]).words(), network["benign_hypothesis"].as_str().expect("a story").replace('_', " "));
                let said = [
                    format!("{id}, a candidate of which a harmless story ({story}) explains more than one operator would"),
                    format!("by what the two share alone, as if there were no {id}:"),
                    format!("not held to be one operator's: by its score {id}"),
                ];
                assert!(said.iter().all(|part| text.contains(part)), "{said:?}: {text}");
                told += 1;
            }
        }
    }
    assert!(told > 0, "the world has such pairs");
    let (id, core) = strongest(&bench, &store);
    let pair = [core[0].clone(), core[1].clone()];
    let answer = why(&pair, &["--format", "json"]).json();
    assert_eq!((&answer["held"], &answer["group"]["network"]), (&"one_operator".into(), &id.as_str().into()), "{answer}");
    // People's decisions go before scores.
    bench.ok(&["case", "reject", &store, &id, "--reviewer", "ann", "--reason", "class"]);
    let answer = why(&pair, &["--format", "json"]).json();
    assert_eq!((&answer["held"], &answer["group"]["decided"]), (&"harmless".into(), &false.into()), "{answer}");
    assert!(why(&pair, &[]).words().contains("not held to be one operator's: as people decided"));
}
