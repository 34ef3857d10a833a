//! Judging a detection: calibration, baselines, ablation, layers, the attacker's budget.

use serde_json::Value;

use crate::support::{Bench, detected, of_world};

#[test]
fn a_calibration_gives_q_values_and_another_detection_makes_it_stale() {
    let bench = Bench::new();
    let store = detected(&bench);
    bench.fails(2, &["--copies"], &["calibrate", &store, "--copies", "0"]);
    let lines = bench.ok(&["calibrate", &store, "--copies", "4", "--format", "jsonl"]).records();
    // A threshold for so many false networks is one at which the copies give no more.
    let set = bench.ok(&["calibrate", &store, "--copies", "4", "--at-most", "0.25", "--format", "json"]).json();
    assert!(set["expected_false"].as_f64() <= Some(0.25) && set["score"].as_f64() >= Some(0.0), "{set}");
    bench.fails(2, &["0 or more"], &["calibrate", &store, "--at-most=-1"]);
    let expected: Vec<f64> = lines.iter().map(|line| line["expected_false"].as_f64().expect("a number")).collect();
    assert!(expected.windows(2).all(|pair| pair[0] >= pair[1]), "fewer false networks at higher scores: {expected:?}");
    assert!(lines.iter().all(|line| line["upper"].as_f64() > line["expected_false"].as_f64()), "{lines:?}");
    let networks = bench.ok(&["networks", &store, "--all", "--format", "jsonl"]).records();
    // All candidates at the lowest score, and networks alone at the threshold.
    let flagged = networks.iter().filter(|network| network["flagged"] == true).count() as u64;
    let at_threshold = lines.iter().find(|line| line["score"] == 5.0).expect("a line at the threshold");
    assert_eq!((&lines[0]["candidates"], &at_threshold["candidates"]), (&networks.len().into(), &flagged.into()));
    let q: Vec<f64> = networks.iter().filter_map(|network| network["q_value"].as_f64()).collect();
    assert!(!q.is_empty() && q.iter().all(|q| (0.0..=1.0).contains(q)), "{q:?}");
    assert!(q.windows(2).all(|pair| pair[0] <= pair[1]), "q-values rise with rank: {q:?}");
    let id = networks[0]["id"].as_str().expect("an id");
    assert!(bench.ok(&["network", &store, id]).stdout.contains("q-value 0."));
    // The same seed gives the same bytes.
    let again = bench.ok(&["calibrate", &store, "--copies", "4", "--threads", "1", "--format", "jsonl"]).records();
    assert_eq!(again, lines);
    bench.run(&["detect", &store, "--seed", "7", "--quiet"]);
    let stale = bench.run(&["networks", &store, "--all"]);
    assert!(stale.stderr.contains("earlier detection"), "{}", stale.stderr);
    let reliability = bench.ok(&["calibrate", &store, "--copies", "5", "--reliability", "--format", "jsonl"]).records();
    assert_eq!(reliability.len(), 6);
}

#[test]
fn a_list_of_accounts_is_assessed_as_if_it_had_been_found() {
    let bench = Bench::new();
    let store = detected(&bench);
    let members = bench.ok(&["members", &store, "--network", "1", "--where", "membership != 'ambiguous'", "--format", "jsonl"]);
    let names: Vec<String> =
        members.records().iter().map(|member| member["account_id"].as_str().expect("a name").to_owned()).collect();
    let list = bench.file("list.txt", names.join("\n"));
    let [assessed, found] = [["assess", &store, &list], ["network", &store, "1"]]
        .map(|arguments| bench.ok(&[&arguments[..], &["--format", "json"]].concat()).json());
    for same in ["accounts", "score", "signals", "tied_by", "benign_hypothesis", "timeline", "flagged", "fragile"] {
        assert_eq!(assessed[same], found[same], "{same}");
    }
    let part = &assessed["given"]["networks"];
    assert_eq!(part.as_array().map(Vec::len), Some(1), "{part}");
    assert_eq!((&part[0]["network"], &part[0]["listed"]), (&found["id"], &found["accounts"]));

    // As many strangers have no case.
    let strangers = bench.ok(&["members", &store, "--where", "candidate == null", "--format", "jsonl"]).records();
    let strangers: Vec<&str> =
        strangers.iter().step_by(7).filter_map(|member| member["account_id"].as_str()).take(names.len()).collect();
    let others = bench.ok(&["assess", &store, &bench.file("strangers.txt", strangers.join("\n")), "--format", "json"]).json();
    assert!(others["flagged"] == false && others["score"].as_f64() < Some(0.0), "{others}");
    assert!(others["given"]["untied"].as_array().map(Vec::len) >= Some(strangers.len() / 2), "{others}");
    let part = bench.file("part.txt", names[..names.len() / 3].join("\n"));
    assert!(bench.ok(&["assess", &store, &part]).stdout.contains("the list is a part of PN-"));
    bench.ok(&["assess", &store, &part, "--format", "markdown"]);

    // What it says can be checked, and what was changed in it is found.
    let dossier = serde_json::to_string(&assessed).expect("plain data");
    bench.ok(&["verify", &store, "--dossier", &bench.file("dossier.json", &dossier)]);
    let forged = dossier.replacen(&names[0], &names[1], 1);
    bench.fails(65, &["in the dossier"], &["verify", &store, "--dossier", &bench.file("forged.json", forged)]);

    let short = bench.file("short.txt", format!("{}\nnobody\n", names[0]));
    bench.fails(3, &["nobody not found"], &["assess", &store, &short]);
    bench.fails(2, &["two accounts or more"], &["assess", &store, &short, "--skip-unknown"]);
}

#[test]
fn a_backtest_tells_when_a_network_would_have_been_found() {
    let bench = Bench::new();
    let store = detected(&bench);
    bench.fails(2, &["--every"], &["backtest", &store, "--every", "0"]);
    let run =
        |more: &[&str]| bench.ok(&[&["backtest", &store, "--every", "360", "--format", "jsonl"], more].concat()).records();
    let cuts = run(&["--cuts"]);
    // 60 days in steps of 15; the last cut is the last event.
    assert_eq!(cuts.len(), 4, "{cuts:?}");
    let seen: Vec<u64> = cuts.iter().map(|cut| cut["accounts"].as_u64().expect("a number")).collect();
    assert!(seen.is_sorted() && seen[0] < seen[3], "{seen:?}");
    let flagged = bench.ok(&["networks", &store, "--format", "jsonl"]).records();
    assert_eq!(cuts[3]["flagged"].as_u64(), Some(flagged.len() as u64), "the last cut is the whole store: {cuts:?}");
    // At the last cut the store's own networks are found, and whatever was found before had leaked no more by then.
    let networks = run(&[]);
    assert_eq!(networks.len(), flagged.len());
    for network in &networks {
        let (alarm, half) = (&network["alarm"], &network["half"]);
        let number = |of: &serde_json::Value, name: &str| of[name].as_f64().unwrap_or_else(|| panic!("{name} of {network}"));
        assert!(number(alarm, "leaked") <= number(half, "leaked") && number(half, "leaked") <= 1.0, "{network}");
        assert!(number(alarm, "hours") > 0.0 && number(alarm, "hours") <= 60.0 * 24.0, "{network}");
    }
    // The networks of the last cut kept their ids as often as the cuts say.
    assert!(networks.iter().all(|network| network["ids"].as_u64() > network["switches"].as_u64().map(|_| 0)), "{networks:?}");
    let told = bench.ok(&["backtest", &store, "--every", "360"]).stderr;
    let identity = told.split("IDF1 ").nth(1).and_then(|told| told.get(..5)).and_then(|told| told.parse::<f64>().ok());
    assert!(identity.is_some_and(|f1| f1 > 0.3 && f1 <= 1.0), "{told}");
    let truth = run(&["--labels", &of_world("labels.csv")]);
    assert!(truth.iter().any(|network| !network["alarm"].is_null()), "{truth:?}");
    assert_eq!(run(&["--threads", "1"]), networks);
}

#[test]
fn a_consensus_tells_what_hangs_on_single_sightings() {
    let bench = Bench::new();
    let store = detected(&bench);
    bench.fails(2, &["--runs"], &["consensus", &store, "--runs", "0"]);
    bench.fails(2, &["1.5", "100%"], &["consensus", &store, "--left-out", "1.5"]);
    bench.fails(2, &["share", "below 1"], &["consensus", &store, "--left-out", "100%"]);
    let runs = |more: &[&str]| {
        bench.ok(&[&["consensus", &store, "--all", "--top", "0", "--runs", "3", "--format", "jsonl"], more].concat()).records()
    };
    let found = runs(&[]);
    assert_eq!(runs(&["--threads", "1"]), found, "the same seed gives the same bytes");
    for network in &found {
        let stability = &network["stability"];
        let number = |name: &str| stability[name].as_f64().unwrap_or_else(|| panic!("{name} of {network}"));
        assert!((0.0..=1.0).contains(&number("similarity")), "{network}");
        assert!(number("recovered") + number("dissolved") <= 3.0 && number("flagged") <= 3.0, "{network}");
        // Found again at some rank, unless it dissolved in each.
        let ranks =
            stability["ranks"].as_array().map(|ranks| [&ranks[0], &ranks[1]].map(|rank| rank.as_u64().expect("a rank")));
        assert_eq!(ranks.is_some(), number("dissolved") < 3.0, "{network}");
        assert!(ranks.is_none_or(|[best, worst]| 1 <= best && best <= worst), "{network}");
        // Its scores in those reruns, in order, and so many of them over the threshold.
        let scores = ["lowest", "median", "highest"].map(|name| stability["scores"][name].as_f64());
        assert_eq!(scores[0].is_some(), ranks.is_some(), "{network}");
        assert!(scores.is_sorted(), "{network}");
        assert_eq!(number("flagged") > 0.0, scores[2] >= Some(5.0), "{network}");
        assert_eq!(number("flagged") >= 2.0, scores[1] >= Some(5.0), "{network}");
    }
    // With nothing left out, only seeds differ: the accounts of the strongest network of the small world don't.
    let same = runs(&["--left-out", "0"]);
    // The tests are drawn anew.
    let redrawn = |network: &serde_json::Value| {
        network["stability"]["scores"]["lowest"].as_f64() < network["stability"]["scores"]["highest"].as_f64()
    };
    assert!(same.iter().any(redrawn), "{same:?}");
    assert_eq!((&same[0]["stability"]["recovered"], &same[0]["stability"]["runs"]), (&3.into(), &3.into()), "{}", same[0]);
    assert_eq!(same[0]["stability"]["ranks"], serde_json::json!([1, 1]), "{}", same[0]);
    let id = same[0]["id"].as_str().expect("an id");
    let told = bench.ok(&["network", &store, id]).stdout;
    assert!(told.contains("found again in 3 of 3 reruns") && told.contains("at rank 1 to 1"), "{told}");
    assert!(told.contains("bits (half of them up to"), "{told}");
    assert!(bench.ok(&["networks", &store]).stdout.contains("1 to 1"));
    let dossier = bench.file("dossier.json", bench.ok(&["network", &store, id, "--format", "json"]).stdout);
    bench.ok(&["verify", &store, "--dossier", &dossier]);
    let stable = bench.ok(&["networks", &store, "--where", "stability.similarity > 0.99", "--format", "jsonl"]).records();
    assert!(stable.iter().any(|network| network["id"] == id), "{stable:?}");
    let members = bench.ok(&["members", &store, "--network", id, "--where", "consensus == 1.0", "--format", "jsonl"]).records();
    assert!(!members.is_empty());
    bench.run(&["detect", &store, "--seed", "7", "--quiet"]);
    assert!(bench.ok(&["network", &store, "1"]).stdout.contains("stability: not measured"));
}

#[test]
fn null_worlds_hold_no_significant_network() {
    for seed in ["3", "4"] {
        let bench = Bench::new();
        bench.ok(&["synth", "world", "--tier", "xs", "--seed", seed, "--null", "--quiet"]);
        let tables = ["--accounts", "world/accounts.csv", "--releases", "world/releases.csv"];
        bench.ok(&[&["build", "world/events.parquet", "-o", "store", "--quiet"], &tables[..]].concat());
        bench.run(&["detect", "store", "--quiet"]);
        bench.ok(&["calibrate", "store", "--copies", "20", "--quiet"]);
        let ran = bench.run(&["networks", "store", "--format", "jsonl"]);
        let significant = ran.records().iter().filter(|network| network["q_value"].as_f64().is_some_and(|q| q <= 0.05)).count();
        assert_eq!(significant, 0, "{}", ran.stdout);
    }
}

#[test]
fn baselines_and_ablations_stand_beside_ours() {
    let bench = Bench::new();
    let store = detected(&bench);
    let (labels, groups) = (of_world("labels.csv"), of_world("groups.csv"));
    let truth = ["--labels", &labels, "--benign", &groups];
    let lines = bench.ok(&[&["evaluate", &store, "--baselines", "--format", "jsonl"], &truth[..]].concat()).records();
    let methods: Vec<&str> = lines.iter().map(|line| line["method"].as_str().expect("a name")).collect();
    assert_eq!(
        methods,
        [
            "hydralink",
            "union_on_any",
            "components_10",
            "components_20",
            "components_100",
            "components",
            "evilcohort",
            "fraudar",
            "co_action",
            "volume"
        ]
    );
    // The same figures as without baselines, and union on any identifier has nearly everybody in one group.
    let ours = bench.ok(&[&["evaluate", &store, "--format", "json"], &truth[..]].concat()).json();
    assert_eq!(lines[0]["pairwise"], ours["pairwise"]);
    assert!(lines[1]["pairwise"]["recall"].as_f64() > Some(0.9) && lines[1]["pairwise"]["precision"].as_f64() < Some(0.1));
    let tight = bench.ok(&[&["evaluate", &store, "--baselines", "--pair-budget", "10"], &truth[..]].concat());
    assert!(tight.stderr.contains("evilcohort:") && tight.stderr.contains("left out"), "{}", tight.stderr);
    let fairness = bench.ok(&[&["evaluate", &store, "--fairness", "--format", "jsonl"], &truth[..]].concat()).records();
    for (attribute, value) in [("country", None), ("pathway", Some("consumer")), ("address", Some("carrier_nat"))] {
        let told = |line: &&Value| line["attribute"] == attribute && value.is_none_or(|value| line["value"] == value);
        assert!(fairness.iter().any(|line| told(&line)), "{attribute}: {fairness:?}");
    }
    let partial = bench.ok(&[&["evaluate", &store, "--partial"], &truth[..]].concat());
    assert!(partial.stderr.contains("95% interval"), "{}", partial.stderr);
    let ablation = bench.ok(&[&["ablate", &store, "--format", "jsonl"], &truth[..]].concat()).records();
    assert_eq!(ablation[0]["without"], "nothing");
    assert_eq!(ablation[0]["pairwise"], ours["pairwise"], "nothing left out is the detection itself");
    assert!(ablation.iter().any(|line| line["without"] == "kind ip"));
    assert!(ablation.iter().any(|line| line["without"] == "signal synchrony"));
}

#[test]
fn the_attackers_budget_is_a_curve() {
    let bench = Bench::new();
    bench.fails(2, &["static_address"], &["redteam", "curve", "--evasion", "magic"]);
    bench.fails(2, &["from 0 to 1"], &["redteam", "curve", "--budget", "2"]);
    let arguments = ["redteam", "curve", "--tier", "xs", "--budget", "1", "--evasion", "virtual_card", "--format", "jsonl"];
    let lines = bench.ok(&arguments).records();
    assert_eq!(lines.len(), 2);
    let cards = |line: &serde_json::Value| line["cards_per_account"].as_f64().expect("a number");
    assert!(cards(&lines[1]) > cards(&lines[0]), "a card for each account costs more cards: {lines:?}");
    let curve = std::fs::read_to_string(bench.path("curve/redteam.csv")).expect("the curve");
    assert!(curve.starts_with("evasion,budget,") && curve.lines().count() == 3, "{curve}");
    assert_eq!(std::fs::read_dir(bench.path("curve")).expect("the folder").count(), 1, "worlds are removed");
}

#[test]
fn layers_need_networks_and_templates() {
    let bench = Bench::new();
    let store = detected(&bench);
    let ran = bench.run(&["layers", &store, "--format", "json"]);
    let flagged = bench.run(&["networks", &store, "--format", "jsonl"]).records().len();
    assert_eq!(ran.json()["pools"].as_array().map(Vec::len), Some(flagged));
    assert_eq!(ran.code, i32::from(flagged == 0));
    let templates = |json: Value| -> Vec<String> {
        let campaigns = json["campaigns"].as_array().expect("campaigns").clone();
        campaigns.iter().map(|campaign| campaign["top_template"].as_str().expect("a name").to_owned()).collect()
    };
    let key = crate::privacy::key_file(&bench, "key", crate::privacy::KEY);
    let redacted = bench.run(&["layers", &store, "--format", "json", "--level", "redact", "--key-file", &key]);
    let (plain, redacted) = (templates(ran.json()), templates(redacted.json()));
    assert!(!plain.is_empty() && plain.iter().all(|template| !redacted.contains(template)), "{plain:?} {redacted:?}");
    bench.file("plain.csv", "timestamp,account_id,ip\n2026-03-01T00:00:00Z,a,192.0.2.1\n2026-03-01T00:00:00Z,b,192.0.2.1\n");
    bench.ok(&["build", "plain.csv", "-o", "plain", "--quiet"]);
    bench.run(&["detect", "plain", "--quiet"]);
    bench.fails(2, &["templates"], &["layers", "plain"]);
}

#[test]
fn without_planted_networks_nothing_is_recalled() {
    let bench = Bench::new();
    let store = detected(&bench);
    let none = bench.file("none.csv", "account_id,network\n");
    let told = bench.ok(&["evaluate", &store, "--labels", &none]).stdout;
    assert!(told.contains("recall n/a  F1 n/a") && told.contains("PR-AUC n/a") && !told.contains("recall 100"), "{told}");
}
