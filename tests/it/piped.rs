//! Lists and files that come through stdin: `-` is stdin wherever ids or a file are taken, and one bad line stops nothing.

use std::fs;

use crate::act::{belonging, networks, text};
use crate::privacy::{KEY, key_file};
use crate::support::{Bench, Ran, detected};

#[test]
fn networks_come_from_stdin_bare_as_json_and_as_csv() {
    let bench = Bench::new();
    let store = detected(&bench);
    let found = networks(&bench, &store);
    let (first, second) = (text(&found[0]["id"]), text(&found[1]["id"]));
    let lists = [
        format!("\u{feff}{first}\r\n\r\n{second}\r\n"),
        "1\n2\n".to_owned(),
        found[..2].iter().map(|network| format!("{network}\n")).collect(),
        serde_json::to_string_pretty(&found[..2]).expect("JSON"),
        format!("rank,id,accounts\n1,{first},15\n2,{second},4\n"),
    ];
    for list in &lists {
        let ran = bench.piped(&["network", &store, "-"], list);
        let ids: Vec<String> = ran.records().iter().map(|dossier| text(&dossier["id"])).collect();
        assert_eq!((ran.code, ids), (0, vec![first.clone(), second.clone()]), "{list}: {}", ran.stderr);
    }
    for command in [&["how"][..], &["cohesion"], &["lineage"], &["plan-bans", "--allow-unflagged"]] {
        let ran = bench.piped(&[&[command[0], &store, "-"], &command[1..]].concat(), &lists[0]);
        assert_eq!((ran.code, ran.records().len()), (0, 2), "{command:?}: {}", ran.stderr);
        assert!(ran.records().iter().all(|answer| answer.to_string().contains("PN-")));
    }
    let markdown = bench.piped(&["network", &store, "-", "--format", "markdown"], &lists[0]).stdout;
    assert_eq!(markdown.matches("\n# PN-").count() + usize::from(markdown.starts_with("# PN-")), 2);
    // Several for one file.
    bench.ok(&["export", &store, "-o", "named.jsonl", "--network", &first, "--network", &second]);
    let piped = bench.piped(&["export", &store, "-o", "piped.jsonl", "--network", "-"], &lists[0]);
    assert_eq!(piped.code, 0, "{}", piped.stderr);
    let read = |name: &str| fs::read_to_string(bench.path(name)).expect("the actions");
    assert_eq!(read("named.jsonl"), read("piped.jsonl"));
    let nothing = bench.piped(&["export", &store, "-o", "none.jsonl", "--network", "-"], "");
    assert!(nothing.code == 2 && nothing.stderr.contains("stdin names no network") && !bench.path("none.jsonl").exists());
    // One that there isn't is told once, and the others are answered.
    let ran = bench.piped(&["network", &store, "-"], &format!("PN-00000000\n{first}\n"));
    assert_eq!((ran.code, ran.records().len()), (3, 1), "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("network PN-00000000 not found").count(), 1, "{}", ran.stderr);
    let ran = bench.piped(&["impact", &store, "-"], "nobody_of_that_name\n");
    assert_eq!((ran.code, ran.stderr.matches("nobody_of_that_name").count()), (3, 1), "{}", ran.stderr);
    let quiet = bench.piped(&["network", &store, "-", "--quiet"], "PN-00000000\n");
    assert!(quiet.stderr.contains("network PN-00000000 not found"), "{}", quiet.stderr);
    // Tables are for people, who asked for one.
    let table = bench.piped(&["network", &store, "-", "--format", "table"], &lists[0]).stdout;
    let of_one = |id: &str| bench.ok(&["network", &store, id]).stdout;
    assert_eq!(table, of_one(&first) + &of_one(&second));
    bench.fails(2, &["prints one thing"], &["report", &store, "-o", "report.html", "--format", "csv"]);
}

#[test]
fn accounts_come_from_stdin_whatever_they_are_called() {
    let bench = Bench::new();
    let mut events = "timestamp,account_id,ip,payment_instrument\n".to_owned();
    for (at, id) in ["{curly", "plain", "{\"\"a\"\": 1}"].iter().enumerate() {
        events.push_str(&format!("2026-03-01T00:00:0{at}Z,\"{id}\",8.8.8.8,c1\n"));
    }
    bench.ok(&["build", &bench.file("events.csv", events), "-o", "store", "--quiet"]);
    let named = |ran: &Ran| ran.records().iter().map(|card| text(&card["node"])).collect::<Vec<String>>();
    let ran = bench.piped(&["show", "store", "-"], "\u{feff}plain\n{curly\n{\"a\": 1}\n{\"account_id\": \"plain\"}\n");
    assert_eq!(named(&ran), ["account:plain", "account:{curly", "account:{\"a\": 1}", "account:plain"], "{}", ran.stderr);
    assert_eq!(ran.code, 0);
    // What names nothing is told by itself.
    let ran = bench.piped(&["show", "store", "-"], "{\"b\": 2}\nplain\n{cut\n");
    assert_eq!((ran.code, named(&ran)), (3, vec!["account:plain".to_owned()]));
    assert!(ran.stderr.contains("a JSON object names by node") && ran.stderr.contains("{cut not found"), "{}", ran.stderr);
    // Of what is no text, the line is named.
    let mut child = bench.command(&["show", "store", "-"]);
    let bytes = bench.file("bytes", b"plain\n\xff\n");
    let ran = Ran::of(child.stdin(fs::File::open(bytes).expect("a file")).output().expect("it runs"));
    assert!(ran.code == 2 && ran.stderr.contains("stdin: line 2 is not UTF-8"), "{}", ran.stderr);
}

#[test]
fn files_come_from_stdin_once() {
    let bench = Bench::new();
    let store = detected(&bench);
    let id = text(&networks(&bench, &store)[0]["id"]);
    let members: Vec<String> = belonging(&bench, &store, &id).into_iter().collect();
    let dossier = bench.ok(&["network", &store, &id, "--format", "json"]).stdout;
    let verified = bench.piped(&["verify", &store, "--dossier", "-"], &dossier);
    assert!(verified.code == 0 && verified.stdout.contains("all as in the dossier"), "{}", verified.stderr);
    let wrong = bench.piped(&["verify", &store, "--dossier", "-"], "no dossier");
    assert!(wrong.code == 2 && wrong.stderr.contains("stdin: not a dossier"), "{}", wrong.stderr);
    let key = key_file(&bench, "group", KEY);
    bench.ok(&["share", &store, "--group-key", &key, "-o", "indicators.jsonl"]);
    let shared = fs::read_to_string(bench.path("indicators.jsonl")).expect("indicators");
    let asked = ["match", &store, "--group-key", &key, "--format", "jsonl"];
    let from_file = bench.ok(&[&asked[..], &["indicators.jsonl"]].concat()).stdout;
    assert_eq!(bench.piped(&[&asked[..], &["-"]].concat(), &shared).stdout, from_file);
    // Who may be one, who can't, and the rules of `link`.
    let pairs = format!("{},{}\n", members[0], members[1]);
    let asked = ["link", &store, "--rule", "ip", "--format", "json"];
    let from_file = bench.ok(&[&asked[..], &["--cannot", &bench.file("cannot.csv", &pairs)]].concat()).stdout;
    assert_eq!(bench.piped(&[&asked[..], &["--cannot", "-"]].concat(), &pairs).stdout, from_file);
    let rules = bench.piped(&["link", &store, "--rules", "-", "--format", "json"], "[rules]\nshared = 'ip'\n");
    assert_eq!(rules.code, 0, "{}", rules.stderr);
    let broken = bench.piped(&["link", &store, "--cannot", "-", "--rule", "ip"], "only one\n");
    assert!(broken.code == 2 && broken.stderr.contains("stdin: line 1"), "{}", broken.stderr);
    let statements = bench.piped(&["appeal", &store, "-"], &members[..3].join("\n"));
    assert_eq!((statements.code, statements.records().len()), (0, 3), "{}", statements.stderr);
    // It is there once.
    let twice = bench.piped(&["expand", &store, "--seeds", "-", "--good", "-"], &members[0]);
    assert!(twice.code == 2 && twice.stderr.contains("stdin can be read once"), "{}", twice.stderr);
    let forgotten = bench.piped(&["forget", &store, "-", "--reviewer", "ann", "--quiet"], &members[..2].join("\n"));
    assert_eq!(forgotten.code, 0, "{}", forgotten.stderr);
    assert!(members[..2].iter().all(|gone| bench.run(&["show", &store, gone]).code == 3));
}

#[test]
fn a_dossier_of_a_level_is_compared_as_far_as_it_shows_values() {
    let bench = Bench::new();
    let store = detected(&bench);
    let id = text(&networks(&bench, &store)[0]["id"]);
    bench.ok(&["case", "confirm", &store, &id, "--reviewer", "ann", "--reason", "cards", "seen before"]);
    let (key, other) = (key_file(&bench, "key", KEY), key_file(&bench, "other", &KEY[1..]));
    let raw = bench.ok(&["network", &store, &id, "--format", "json"]).json();
    let names: Vec<String> = (raw["tied_by"].as_array().expect("ties").iter().map(|tie| text(&tie["identifier"])))
        .chain(raw["strongest_members"].as_array().expect("members").iter().map(|member| text(&member["account_id"])))
        .collect();
    let values: Vec<&str> = names.iter().map(|name| name.split_once(':').map_or(name.as_str(), |(_, value)| value)).collect();
    let never_shown = |ran: &Ran, level: &str| {
        let said = format!("{}{}", ran.stdout, ran.stderr);
        let shown: Vec<&&str> = values.iter().filter(|value| said.contains(**value)).collect();
        assert!(level == "analyst" || shown.is_empty(), "{shown:?} in {said}");
    };
    for level in ["analyst", "redact"] {
        let json = bench.ok(&["network", &store, &id, "--format", "json", "--level", level, "--key-file", &key]).stdout;
        let verify = |text: &str, more: &[&str]| {
            let ran = bench.piped(&[&["verify", &store, "--dossier", "-", "--format", "json"], more].concat(), text);
            never_shown(&ran, level);
            ran
        };
        let blind = verify(&json, &[]);
        assert_eq!(blind.code, 0, "{}", blind.stderr);
        let blind = blind.json();
        let hidden = blind["hidden"].as_u64().expect("a count");
        assert!(blind["level"] == level && hidden > 0 && blind["values"].as_u64() > Some(100), "{blind}");
        // With the key its pseudonyms are compared as well.
        let keyed = verify(&json, &["--key-file", &key]).json();
        assert!(keyed["hidden"].as_u64() < Some(hidden) && keyed["values"].as_u64() > blind["values"].as_u64(), "{keyed}");
        assert_eq!(verify(&json, &["--key-file", &other]).code, 65);
        // What it shows is compared, and what stands in it is repeated.
        let mut forged: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        forged["tied_by"][0]["members"] = 123_456.into();
        let told = verify(&forged.to_string(), &[]);
        assert!(told.code == 65 && told.stderr.contains("tied_by[0].members is 123456 in the dossier"), "{}", told.stderr);
        let mut forged: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        forged["tied_by"][0]["identifier"] = "nonsense".into();
        assert_eq!(verify(&forged.to_string(), &[]).code, 65);
        forged["level"] = "secret".into();
        assert_eq!(verify(&forged.to_string(), &[]).code, 2);
    }
    let said = bench.ok(&["network", &store, &id, "--format", "json", "--level", "redact", "--key-file", &key]).stdout;
    let said = bench.piped(&["verify", &store, "--dossier", "-"], &said).words();
    assert!(said.contains(" more hold what level redact hides, and only what stands around that was compared"), "{said}");
    // A list's accounts have to be known to be assessed again.
    let members = belonging(&bench, &store, &id).into_iter().collect::<Vec<String>>().join("\n");
    let asked = ["assess", &store, "-", "--format", "json", "--level", "redact", "--key-file", &key];
    let assessed = bench.piped(&asked, &members).stdout;
    assert_eq!(bench.piped(&["verify", &store, "--dossier", "-", "--key-file", &key], &assessed).code, 0);
    let blind = bench.piped(&["verify", &store, "--dossier", "-"], &assessed);
    assert!(blind.code == 2 && blind.stderr.contains("its accounts are pseudonyms") && blind.stderr.contains("--key-file"));
}

#[test]
fn members_of_the_networks_that_stdin_names_and_what_is_left_out_of_lists_is_said() {
    let bench = Bench::new();
    let store = detected(&bench);
    let listed = bench.ok(&["networks", &store, "--all", "--format", "jsonl"]);
    let ids: Vec<String> = listed.records()[..2].iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect();
    let of = |id: &str| bench.ok(&["members", &store, "--network", id, "--format", "jsonl"]).records();
    let both = bench.piped(&["members", &store, "--network", "-", "--format", "jsonl"], &ids.join("\n"));
    assert_eq!(both.records(), [of(&ids[0]), of(&ids[1])].concat());
    let all = of(&ids[0]).len();
    for command in [
        &["members", &store, "--network", &ids[0], "--top", "2"][..],
        &["members", &store, "--network", &ids[0], "--top", "2", "--format", "csv"],
        &["members", &store, "--network", &ids[0], "--top", "2", "--where", "account_id != 'nobody'"],
    ] {
        let ran = bench.ok(command);
        assert!(ran.stderr.contains(&format!("showing 2 of {all}; --top 0 shows all")), "{command:?}: {}", ran.stderr);
    }
    // Whoever only touches it isn't one of its members, whatever they are piped into.
    let members = bench.ok(&["members", &store, "--format", "jsonl"]).records();
    for network in &listed.records() {
        let id = network["id"].as_str().expect("an id");
        let touches = members.iter().filter(|row| row["candidate"] == id && row["membership"] == "ambiguous").count();
        let with = bench.ok(&["members", &store, "--network", id, "--ambiguous", "--format", "jsonl"]).records();
        let without = bench.ok(&["members", &store, "--network", id, "--format", "jsonl"]);
        assert!(without.records().iter().all(|row| row["membership"] != "ambiguous"));
        assert_eq!(
            (with.len() - without.records().len(), network["accounts"].as_u64()),
            (touches, Some(without.records().len() as u64))
        );
        assert_eq!(without.stderr.contains("--ambiguous"), touches > 0, "{}", without.stderr);
    }
    let networks = listed.records().len();
    let ran = bench.ok(&["consensus", &store, "--all", "--top", "1", "--runs", "1"]);
    assert!(ran.stderr.contains(&format!("showing 1 of {networks}; --top 0 shows all")), "{}", ran.stderr);
    bench.ok(&["consensus", &store, "--left-out", "10%", "--runs", "1", "--quiet"]);
}

#[test]
fn what_is_written_and_decided_is_told_as_json_too() {
    let bench = Bench::new();
    let store = detected(&bench);
    let export = ["export", &store, "-o", "out.graphml", "--summary"];
    let summary = bench.ok(&export).json();
    assert!(summary["nodes"].as_u64() > Some(0) && summary["left_out"].is_object(), "{summary}");
    assert_eq!(summary["files"][0]["path"], "out.graphml");
    bench.fails(2, &["stdout would hold"], &["export", &store, "-o", "-", "--format", "graphml", "--summary"]);
    let told = bench.ok(&["report", &store, "-o", "report.html", "--format", "json"]).json();
    assert_eq!(told["bytes"].as_u64(), std::fs::metadata(bench.path("report.html")).map(|page| page.len()).ok());
    assert!(told["nodes"].as_u64() > Some(0) && told["file"] == "report.html", "{told}");
    let four_eyes = ["case", "four-eyes", &store, "50", "--reviewer", "ann"];
    let said = bench.ok(&four_eyes).stdout;
    assert_eq!(said, "one reviewer may confirm up to 50 accounts of a case; more take two\n");
    let told = bench.ok(&[&four_eyes[..], &["--format", "json"]].concat()).json();
    assert_eq!(told, serde_json::json!({"four_eyes": 50, "asked": 50}));
}
