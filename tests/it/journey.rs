//! From events to ranked networks, and every question of the tour.

use crate::support::{Bench, detected, of_world};

#[test]
fn the_planted_network_is_found_and_explained() {
    let bench = Bench::new();
    bench.ok(&["synth", "world", "--tier", "s", "--seed", "1", "--quiet"]);
    let tables = ["--accounts", "world/accounts.csv", "--releases", "world/releases.csv"];
    bench.ok(&[&["build", "world/events.parquet", "-o", "store", "--quiet"], &tables[..]].concat());
    bench.ok(&["detect", "store", "--quiet"]);
    let store = "store";
    let networks = bench.ok(&["networks", store, "--format", "jsonl"]).records();
    assert!(!networks.is_empty());
    for (at, network) in networks.iter().enumerate() {
        assert_eq!(network["rank"], at + 1);
        assert!(network["why"].as_str().is_some_and(|why| why.len() > 20), "{network}");
        for field in [
            "id",
            "accounts",
            "identifiers_by_kind",
            "events",
            "first_seen",
            "last_seen",
            "score",
            "benign_hypothesis",
            "signals",
        ] {
            assert!(!network[field].is_null(), "{field} of {network}");
        }
    }
    let truth = ["--labels", "world/labels.csv", "--benign", "world/groups.csv", "--format", "json"];
    let evaluation = bench.ok(&[&["evaluate", store], &truth[..]].concat()).json();
    let precision = evaluation["pairwise"]["precision"].as_f64().expect("a number");
    assert!(precision >= 0.9, "{evaluation}");
    let largest = evaluation["networks"].as_array().expect("networks").iter().max_by_key(|n| n["accounts"].as_u64());
    let recall = largest.expect("a planted network")["recall"].as_f64().expect("a number");
    assert!(recall >= 0.9, "{evaluation}");
}

#[test]
fn what_nobody_knows_the_prompts_of_is_found_by_infrastructure_and_behaviour() {
    let bench = Bench::new();
    bench.ok(&["synth", "world", "--tier", "s", "--seed", "2", "--events", "csv", "--quiet"]);
    let events = std::fs::read_to_string(bench.path("world/events.csv")).expect("the events");
    bench.file("events.csv", events.replacen("prompt_template_hash", "not_ours", 1));
    let tables = ["--accounts", "world/accounts.csv", "--releases", "world/releases.csv"];
    bench.ok(&[&["build", "events.csv", "-o", "store", "--quiet"], &tables[..]].concat());
    bench.ok(&["detect", "store", "--quiet"]);
    let truth = ["--labels", "world/labels.csv", "--benign", "world/groups.csv", "--format", "json"];
    let evaluation = bench.ok(&[&["evaluate", "store"], &truth[..]].concat()).json();
    assert!(evaluation["pairwise"]["precision"].as_f64() >= Some(0.9), "{evaluation}");
    assert!(evaluation["benign_flagged"].as_u64() <= Some(5), "{evaluation}");
    let largest = evaluation["networks"].as_array().expect("networks").iter().max_by_key(|n| n["accounts"].as_u64());
    assert!(largest.expect("a planted network")["recall"].as_f64() >= Some(0.4), "{evaluation}");
    let best = bench.ok(&["networks", "store", "--format", "jsonl"]).records().remove(0);
    assert!(best["why"].as_str().is_some_and(|why| why.contains("along chains of")), "{best}");
    assert_eq!(best["signals"]["template_fan_out"], serde_json::Value::Null);
    let id = best["id"].as_str().expect("an id");
    let dossier = bench.ok(&["network", "store", id, "--format", "json"]).stdout;
    bench.file("dossier.json", dossier);
    bench.ok(&["verify", "store", "--dossier", "dossier.json"]);
}

#[test]
fn timings_name_the_phases_on_stderr_only() {
    let bench = Bench::new();
    let store = detected(&bench);
    let quiet = bench.run(&["detect", &store, "--format", "jsonl"]);
    let timed = bench.run(&["detect", &store, "--format", "jsonl", "--timings"]);
    assert_eq!(quiet.stdout, timed.stdout);
    for phase in ["communities", "members", "behaviour"] {
        let line =
            timed.stderr.lines().find(|line| line.ends_with(phase)).unwrap_or_else(|| panic!("{phase}: {}", timed.stderr));
        let seconds = line.trim().split(' ').next().expect("a number");
        assert!(seconds.parse::<f64>().is_ok_and(|seconds| seconds >= 0.0), "{line}");
        assert!(!quiet.stderr.contains(phase), "{}", quiet.stderr);
    }
}

#[test]
fn the_configuration_can_be_printed_changed_and_read_again() {
    let bench = Bench::new();
    let store = detected(&bench);
    let printed = bench.ok(&["detect", &store, "--print-config"]).stdout;
    for key in ["threshold_bits", "scheme = \"bits\"", "timed_accounts", "resolution = 1.0"] {
        assert!(printed.contains(key), "{key}: {printed}");
    }
    let same = bench.file("same.toml", &printed);
    assert_eq!(bench.ok(&["detect", &store, "--print-config", "--config", &same]).stdout, printed);
    let networks = |config: &str| bench.run(&["detect", &store, "--config", config, "--format", "jsonl"]).stdout;
    let before = networks(&same);
    assert!(!before.is_empty());
    // Without a store too; a seed of the file counts until one is given.
    assert_eq!(bench.ok(&["detect", "--print-config"]).stdout, printed);
    let seeded = bench.file("seeded.toml", "seed = 7\n");
    assert!(bench.ok(&["detect", "--print-config", "--config", &seeded]).stdout.contains("seed = 7"));
    // It moves the behavioural tests as well, unless theirs was set by itself.
    let tests = |more: &[&str]| {
        let printed = bench.ok(&[&["detect", "--print-config"], more].concat()).stdout;
        let seed = printed.split_once("[behaviour]\nseed = ").and_then(|(_, rest)| rest.lines().next().map(str::to_owned));
        seed.expect("a seed of the tests")
    };
    assert_eq!(tests(&["--seed", "1"]), tests(&[]));
    assert_ne!(tests(&["--seed", "8"]), tests(&[]));
    assert_eq!(tests(&["--config", &seeded, "--seed", "8"]), tests(&["--seed", "8"]));
    assert_eq!(tests(&["--config", &seeded]), tests(&["--seed", "7"]));
    let by_itself = bench.file("by_itself.toml", "[behaviour]\nseed = 3\n");
    assert_eq!(tests(&["--config", &by_itself, "--seed", "8"]), "3");
    let draws = bench.file("draws.toml", "[behaviour]\ndraws = 99\n");
    assert!(bench.ok(&["detect", "--print-config", "--config", &draws]).stdout.contains("draws = 99"));
    assert!(bench.ok(&["detect", "--print-config", "--config", &seeded, "--seed", "8"]).stdout.contains("seed = 8"));
    let strict =
        bench.file("strict.toml", "[linkage.score]\nthreshold_bits = 1000.0\n[linkage.weigh]\nhalf_life_days = 14.0\n");
    assert_eq!(networks(&strict), "");
    let wrong = bench.file("wrong.toml", "[linkage.weigh]\nscheme = \"idff\"\n");
    bench.fails(2, &["idff", "adamic_adar"], &["detect", &store, "--config", &wrong]);
}

#[test]
fn members_have_the_promised_columns() {
    let bench = Bench::new();
    let store = detected(&bench);
    let members = bench.ok(&["members", &store, "--format", "csv"]).stdout;
    let header = members.lines().next().expect("a header");
    assert!(header.starts_with("account_id,component,community,network,membership,confidence,evidence_bits"), "{header}");
    let accounts = std::fs::read_to_string(of_world("accounts.csv")).expect("the accounts").lines().count() - 1;
    assert!(members.lines().count() - 1 <= accounts);
    assert!(members.lines().count() > 900, "every account is listed");
}

#[test]
fn every_question_is_answered() {
    let bench = Bench::new();
    let store = detected(&bench);
    let network = bench.ok(&["networks", &store, "--format", "jsonl"]).records()[0].clone();
    let id = network["id"].as_str().expect("an id");
    let dossier = bench.ok(&["network", &store, id]).stdout;
    assert!(dossier.contains("Score card") && dossier.contains("Tied together by"), "{dossier}");
    assert_eq!(bench.ok(&["network", &store, "1"]).stdout, dossier, "rank and id name the same network");
    let members = bench.ok(&["members", &store, "--network", id, "--format", "jsonl"]).records();
    let core: Vec<&str> = members
        .iter()
        .filter(|member| member["membership"] == "core")
        .map(|member| member["account_id"].as_str().expect("an id"))
        .collect();
    let [first, second, ..] = core[..] else { panic!("a network has two core members: {members:?}") };
    let card = bench.ok(&["show", &store, &format!("account:{first}"), "--format", "json"]).json();
    assert_eq!(card["network"], id);
    let neighbors = bench.ok(&["neighbors", &store, first, "--format", "jsonl"]).records();
    let top = neighbors[0]["node"].as_str().expect("a node");
    let back = bench.ok(&["neighbors", &store, top, "--top", "0", "--format", "jsonl"]).records();
    assert!(back.iter().any(|row| row["node"] == format!("account:{first}")));
    let path = bench.ok(&["path", &store, first, second, "-k", "2"]).stdout;
    assert!(path.contains(first) && path.contains(second), "{path}");
    let why = bench.ok(&["why", &store, first, second]).stdout;
    assert!(why.contains(&format!("both belong to {id}")), "{why}");
    let plan = bench.ok(&["plan-bans", &store, id, "--benign-budget", "1000", "--format", "json"]).json();
    assert_eq!(plan["exchanges_stopped"], plan["exchanges"], "an ample budget stops everything: {plan}");
    let nothing = bench.ok(&["plan-bans", &store, id, "--benign-budget", "0", "--format", "json"]).json();
    assert!(nothing["benign_if_network"].as_f64().expect("a number") <= 0.0, "{nothing}");
    bench.ok(&["hubs", &store]);
    bench.ok(&["components", &store]);
    bench.ok(&["components", &store, "--sweep"]);
    bench.ok(&["components", &store, "--kind", "payment_instrument"]);
    for algorithm in ["louvain", "leiden"] {
        for quality in ["modularity", "cpm", "barber"] {
            let resolution = if quality == "cpm" { "0.05" } else { "1" };
            let ran =
                bench.ok(&["communities", &store, "--algorithm", algorithm, "--quality", quality, "--resolution", resolution]);
            assert!(algorithm == "louvain" || ran.stderr.contains(" 0 disconnected"), "{}", ran.stderr);
        }
    }
    bench.ok(&["verify", &store]);
}

#[test]
fn a_profile_tells_what_is_in_the_data() {
    let bench = Bench::new();
    let events = of_world("events.csv");
    let profile = bench.ok(&["profile", &events, "--format", "json"]).json();
    assert!(profile.to_string().contains("payment_instrument"), "{profile}");
    // Times as every other answer has them.
    let seen = ["first_seen", "last_seen"].map(|name| profile[name].as_str().expect("a time").to_owned());
    assert!(bench.ok(&["profile", &events]).stdout.contains(&seen.join(" to ")), "{seen:?}");
    let timeless = bench.file("timeless.csv", "account_id,ip\na,8.8.8.8\n");
    assert!(bench.ok(&["profile", &timeless, "--format", "json"]).json()["first_seen"].is_null());
}

#[test]
fn standard_input_and_long_form_are_read() {
    let bench = Bench::new();
    let text = "timestamp,account_id,entity_kind,entity_value\n\
        2026-02-01T00:00:00Z,a,wallet,w1\n2026-02-01T00:00:05Z,b,wallet,w1\n,c,wallet,w2\n";
    bench.file("events.csv", text);
    let shell = format!("{} build - -o store < events.csv", env!("CARGO_BIN_EXE_hydralink"));
    let status = std::process::Command::new("sh").args(["-c", &shell]).current_dir(bench.path("")).status().expect("runs");
    assert!(status.success());
    let card = bench.ok(&["show", "store", "wallet:w1", "--format", "json"]).json();
    assert_eq!(card["seen_with"]["account"], 2);
}

#[test]
fn a_closed_pipe_is_success() {
    let bench = Bench::new();
    let store = detected(&bench);
    let binary = env!("CARGO_BIN_EXE_hydralink");
    let shell = format!("set -o pipefail; {binary} members {store} --format csv | head -1");
    let output = std::process::Command::new("bash").args(["-c", &shell]).output().expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn however_narrow_the_terminal_names_stay_whole() {
    let bench = Bench::new();
    let store = detected(&bench);
    let account = bench.ok(&["members", &store, "--format", "jsonl"]).records()[0]["account_id"].clone();
    let account = format!("account:{}", account.as_str().expect("a name"));
    let asked: [&[&str]; 4] = [
        &["hubs", &store, "--top", "30"],
        &["top", &store, "--by", "bits", "--top", "30"],
        &["neighbors", &store, &account, "--top", "30"],
        &["ego", &store, &account, "--max-nodes", "30"],
    ];
    for arguments in asked {
        let records = bench.ok(&[arguments, &["--format", "jsonl"]].concat()).records();
        for columns in ["40", "80", "100"] {
            let table = bench.command(arguments).env("COLUMNS", columns).output().expect("the binary runs").stdout;
            let table = String::from_utf8(table).expect("text");
            for record in &records {
                let name = [&record["identifier"], &record["node"]].into_iter().find_map(|name| name.as_str()).expect("a name");
                assert!(table.lines().any(|line| line.contains(name)), "{name} in {} columns:\n{table}", columns);
            }
        }
    }
}
