//! What is printed is what is so: counts, formats, refusals and sentences, and where files go.

use std::fs;
use std::os::unix::fs::{FileTypeExt, symlink};

use crate::support::{Bench, Ran, detected, of_world};

/// An event a row: its hashtags and its link stand in rows of their own.
const LONG: &str = "timestamp,account_id,entity_kind,entity_value,event_id\n\
    2026-02-01T00:00:00Z,a,hashtag,one,e1\n2026-02-01T00:00:00Z,a,hashtag,two,e1\n2026-02-01T00:00:00Z,a,url,x,e1\n\
    2026-02-02T00:00:00Z,a,hashtag,one,e2\n2026-02-02T00:00:00Z,a,hashtag,two,e2\n\
    2026-02-01T00:00:09Z,b,hashtag,one,e3\n2026-02-01T00:00:09Z,b,hashtag,two,e3\n2026-02-01T00:00:09Z,b,url,x,e3\n";

#[test]
fn exports_count_exchanges_as_show_does() {
    let bench = Bench::new();
    let events = bench.file("long.csv", LONG);
    bench.ok(&["build", &events, "-o", "store", "--quiet"]);
    bench.run(&["detect", "store", "--quiet"]);
    bench.ok(&["export", "store", "-o", "out.csv", "--whole", "--quiet"]);
    let mut reader = csv::Reader::from_path(bench.path("out.csv")).expect("the nodes");
    let nodes: Vec<std::collections::HashMap<String, String>> = reader.deserialize().collect::<Result<_, _>>().expect("rows");
    assert!(nodes.len() >= 2, "{nodes:?}");
    for node in nodes {
        let card = bench.ok(&["show", "store", &format!("{}:{}", node["kind"], node["value"]), "--format", "json"]).json();
        let shown = |name: &str| card[name].as_str().unwrap_or_default().to_owned();
        let counts = [node["exchanges"].clone(), node["first_seen"].clone(), node["last_seen"].clone()];
        assert_eq!(counts, [card["exchanges"].to_string(), shown("first_seen"), shown("last_seen")], "{node:?}");
    }
}

#[test]
fn what_several_kinds_stop_together_is_an_estimate_and_says_so() {
    let bench = Bench::new();
    // Half of the account's exchanges show the address, and the same half the device.
    let row = |at: u32, half: bool| {
        let (ip, device) = if half { ("192.0.2.1", "d1") } else { ("192.0.2.2", "d2") };
        format!("2026-02-01T00:00:{at:02}Z,a,{ip},{device}\n2026-02-01T01:00:{at:02}Z,b,{ip},{device}\n")
    };
    let rows: String = (0..40).map(|at| row(at, at % 2 == 0)).collect();
    let events = bench.file("events.csv", format!("timestamp,account_id,ip,device\n{rows}"));
    bench.ok(&["build", &events, "-o", "store", "--quiet"]);
    bench.run(&["detect", "store", "--quiet"]);
    let impact = |list: &str| bench.ok(&["impact", "store", &bench.file("list.txt", list), "--format", "json"]).json();
    let both = impact("ip:192.0.2.1\ndevice:d1\n");
    assert_eq!((&both["exchanges_stopped"], &both["estimated"]), (&60.into(), &true.into()), "{both}");
    assert_eq!(both["exchanges_stopped_bounds"], serde_json::json!([40, 80]), "{both}");
    let said = bench.ok(&["impact", "store", "list.txt"]).stdout;
    assert!(said.contains("stop about 60 (40 to 80) of 80 exchanges"), "{said}");
    for (list, stopped) in [("ip:192.0.2.1\n", 40), ("ip:192.0.2.1\nip:192.0.2.2\n", 80), ("account:a\nip:192.0.2.1\n", 60)] {
        let one = impact(list);
        assert_eq!((&one["exchanges_stopped"], &one["estimated"]), (&stopped.into(), &false.into()), "{list}: {one}");
    }
}

#[test]
fn q_values_of_few_copies_are_no_chances() {
    let bench = Bench::new();
    let store = detected(&bench);
    let chance = || bench.ok(&["plan-bans", &store, "1", "--format", "json"]).json()["chance"].clone();
    let before = chance();
    let said = bench.ok(&["calibrate", &store, "--copies", "1"]).stderr;
    assert!(said.contains("go by 20 copies or more, and not by these"), "{said}");
    assert_eq!(chance(), before);
    for arguments in [&["plan-bans", &store, "1"][..], &["networks", &store, "--review-hours", "1"]] {
        let said = bench.run(arguments).stderr;
        assert!(said.contains("chances go by scores alone: the calibration has 1 null copy"), "{said}");
    }
}

#[test]
fn labels_of_accounts_that_are_not_there_are_told() {
    let bench = Bench::new();
    let store = detected(&bench);
    let labels = fs::read_to_string(of_world("labels.csv")).expect("the truth");
    let some = bench.file("some.csv", format!("{labels}nobody_1,H1\nnobody_2,H9\n"));
    let all = labels.lines().count() as u64 - 1 + 2;
    let told = bench.ok(&["evaluate", &store, "--labels", &some, "--format", "json"]);
    assert_eq!(told.json()["labels"], serde_json::json!({"accounts": all, "unknown": 2}));
    assert!(told.stderr.contains(&format!("2 of {all} labelled accounts are not in the store")), "{}", told.stderr);
    let when = bench.ok(&["backtest", &store, "--every", "1440", "--labels", &some, "--format", "jsonl"]).records();
    let unknown = |name: &str| when.iter().find(|one| one["network"] == name).map(|one| one["unknown_accounts"].clone());
    assert_eq!(unknown("H1"), Some(1.into()), "{when:?}");
    let none = bench.file("none.csv", "account_id,network\nnobody_1,A\nnobody_2,A\n");
    for command in ["evaluate", "ablate", "backtest"] {
        bench.fails(2, &["none of the accounts that it labels (2)", "other data"], &[command, &store, "--labels", &none]);
    }
    let group = bench.file("group.csv", "account_id,group\nnobody_1,A\n");
    bench.fails(2, &["none of the accounts that it labels (1)"], &["evaluate", &store, "--labels", &some, "--benign", &group]);
    // However they come, and also of a store that holds pseudonyms.
    let tsv = labels.replace(',', "\t");
    let whole = bench.ok(&["evaluate", &store, "--labels", &of_world("labels.csv"), "--format", "json"]).json();
    assert_eq!(bench.piped(&["evaluate", &store, "--labels", "-", "--format", "json"], &tsv).json(), whole);
    bench.fails(2, &["read once"], &["evaluate", &store, "--labels", "-", "--benign", "-"]);
    let key = crate::privacy::key_file(&bench, "key", crate::privacy::KEY);
    bench.ok(&["build", &of_world("events.csv"), "-o", "keyed", "--key-file", &key, "--quiet"]);
    bench.run(&["detect", "keyed", "--quiet"]);
    for command in ["evaluate", "ablate", "backtest"] {
        bench.fails(2, &["it holds pseudonyms under key", "--key-file"], &[command, "keyed", "--labels", &some]);
    }
    let keyed = ["--labels", &of_world("labels.csv"), "--key-file", &key, "--format", "json"];
    let told = bench.ok(&[&["evaluate", "keyed"], &keyed[..]].concat()).json();
    assert_eq!((&told["labels"]["accounts"], &told["labels"]["unknown"]), (&(all - 2).into(), &0.into()), "{told}");
    let when = bench.ok(&[&["backtest", "keyed", "--every", "1440"], &keyed[..]].concat()).json();
    assert!(when.as_array().is_some_and(|networks| networks.iter().all(|one| one["unknown_accounts"] == 0)), "{when}");
    // Nothing about countries is known where no account table was read.
    let events = bench
        .file("events.csv", "timestamp,account_id,ip\n2026-02-01T00:00:00Z,a,192.0.2.1\n2026-02-01T00:00:00Z,b,192.0.2.1\n");
    bench.ok(&["build", &events, "-o", "plain", "--quiet"]);
    bench.run(&["detect", "plain", "--quiet"]);
    let one = bench.file("one.csv", "account_id,network\na,A\n");
    let said = bench.run(&["evaluate", "plain", "--labels", &one, "--fairness"]).stderr;
    assert!(said.contains("has a country or a pathway") && !said.contains("nothing found"), "{said}");
}

#[test]
fn remarks_and_rejections_are_said_as_what_they_are() {
    let bench = Bench::new();
    let store = detected(&bench);
    let id = bench.ok(&["networks", &store, "--format", "jsonl"]).records()[0]["id"].as_str().expect("an id").to_owned();
    let noted = bench.ok(&["case", "note", &store, &id, "looked", "--reviewer", "ann"]);
    assert!(noted.stdout.contains("note added") && !noted.stdout.contains("accounts"), "{}", noted.stdout);
    assert!(!noted.stderr.contains("detect"), "{}", noted.stderr);
    let rejected = bench.ok(&["case", "reject", &store, &id, "--reviewer", "ann", "--reason", "class"]);
    assert!(rejected.stderr.contains("`hydralink detect` uses it"), "{}", rejected.stderr);
    let card = bench.ok(&["network", &store, &id]).stdout;
    assert!(card.contains("still counted below") && !card.contains("left out by decision"), "{card}");
    let four = bench.ok(&["case", "four-eyes", &store, "10", "--reviewer", "ann"]).stdout;
    assert!(four.contains("up to 10 accounts of a case; more take two"), "{four}");
    let all = bench.ok(&["export", &store, "-o", "all.graphml", "--all"]).stderr;
    assert!(all.contains("below the threshold"), "{all}");
}

#[test]
fn output_goes_where_a_name_leads() {
    let bench = Bench::new();
    let store = detected(&bench);
    fs::write(bench.path("there.jsonl"), "precious").expect("a file");
    symlink("there.jsonl", bench.path("link.jsonl")).expect("a link");
    bench.ok(&["export", &store, "-o", "link.jsonl", "--quiet"]);
    assert!(fs::symlink_metadata(bench.path("link.jsonl")).expect("there").is_symlink());
    let written = fs::read_to_string(bench.path("there.jsonl")).expect("the actions");
    assert!(written.starts_with('{'), "{written}");
    let pipe = bench.path("pipe.jsonl");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("runs").success());
    let reading = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::read_to_string(pipe).expect("text")
    });
    bench.ok(&["export", &store, "-o", "pipe.jsonl", "--quiet"]);
    assert_eq!(reading.join().expect("read"), written);
    assert!(fs::symlink_metadata(&pipe).expect("there").file_type().is_fifo());
    for name in ["-", "/dev/stdout"] {
        assert_eq!(bench.ok(&["export", &store, "-o", name, "--format", "jsonl", "--quiet"]).stdout, written, "{name}");
        bench.fails(2, &["four tables"], &["export", &store, "-o", name, "--format", "csv"]);
    }
    assert!(bench.ok(&["report", &store, "-o", "-", "--quiet"]).stdout.starts_with("<!"));
    assert!(!bench.path("-").exists());
}

#[test]
fn formats_that_a_command_has_not_are_refused() {
    let bench = Bench::new();
    let store = detected(&bench);
    let account = bench.ok(&["members", &store, "--network", "1", "--format", "jsonl"]).records()[0]["account_id"].to_string();
    let account = account.trim_matches('"');
    for command in [
        &["show", &store, account][..],
        &["network", &store, "1"],
        &["why", &store, account, account],
        &["appeal", &store, account],
        &["how", &store, "1"],
        &["cohesion", &store, "1"],
        &["evaluate", &store, "--labels", &of_world("labels.csv")],
        &["verify", &store],
        &["lineage", &store, "1"],
        &["case", "verify", &store],
        &["as-of", &store, "2026-03-01", "-o", "past"],
    ] {
        let ran = bench.fails(2, &["--format csv is for rows", "json"], &[command, &["--format", "csv"]].concat());
        assert!(ran.stdout.is_empty(), "{}", ran.stdout);
    }
    assert!(!bench.path("past").exists());
    let help = bench.ok(&["export", "--help"]).stdout;
    assert!(help.contains("stix") && !help.contains("[possible values: table"), "{help}");
    // Rows are printed as any other.
    let shell = format!("echo {account} | {} neighbors {store} - --format csv", env!("CARGO_BIN_EXE_hydralink"));
    let rows = std::process::Command::new("sh").args(["-c", &shell]).output().expect("runs").stdout;
    assert!(rows.starts_with(b"of,node,"), "{}", String::from_utf8_lossy(&rows));
}

#[test]
fn at_eighty_columns_a_row_is_a_line() {
    let bench = Bench::new();
    let store = detected(&bench);
    let id = bench.ok(&["networks", &store, "--format", "jsonl"]).records()[0]["id"].as_str().expect("an id").to_owned();
    bench.ok(&["case", "confirm", &store, &id, "--reviewer", "ann", "--reason", "shared_cards"]);
    for command in [
        &["members", &store, "--network", "1"][..],
        &["consensus", &store, "--runs", "1"],
        &["case", "list", &store],
        &["case", "log", &store],
    ] {
        let records = bench.ok(&[command, &["--format", "jsonl"]].concat()).records().len();
        let table = bench.command(command).env("COLUMNS", "80").output().expect("the binary runs").stdout;
        let table = String::from_utf8(table).expect("text");
        assert_eq!(table.lines().count(), records + 1, "{table}");
        assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    }
}

#[test]
fn lists_may_be_tables_and_unknown_names_are_not_all_told() {
    let bench = Bench::new();
    let store = detected(&bench);
    let members =
        bench.ok(&["members", &store, "--network", "1", "--where", "membership != 'ambiguous'", "--format", "csv"]).stdout;
    let table = bench.file("members.csv", &members);
    let assessed = bench.ok(&["assess", &store, &table, "--format", "json"]).json();
    let of = bench.ok(&["network", &store, "1", "--format", "json"]).json();
    assert_eq!(assessed["accounts"], of["accounts"]);
    let renamed = bench.file("renamed.csv", members.replacen("account_id", "who", 1));
    let ran = bench.fails(3, &["looks like a CSV", "account_id"], &["assess", &store, &renamed]);
    assert!(ran.stderr.lines().count() <= 4, "{}", ran.stderr);
    let many: String = (0..30).map(|at| format!("nobody_{at}\n")).collect();
    let ran = bench.fails(3, &["and 20 more names"], &["impact", &store, &bench.file("many.txt", many)]);
    assert!(ran.stderr.lines().count() <= 14, "{}", ran.stderr);
}

#[test]
fn errors_say_what_would_do() {
    let bench = Bench::new();
    let store = detected(&bench);
    bench.fails(2, &["bogus is no type of networks", "hosting"], &["build", "x.csv", "--enrich", "bogus=x.txt", "-o", "s"]);
    bench.fails(2, &["--before <TIME>", "--keep <LENGTH>"], &["expire", &store]);
    bench.fails(2, &["1..=1000"], &["path", &store, "a", "b", "-k", "1001"]);
    bench.fails(2, &["there is no field foo. There are", "last_seen."], &["top", &store, "--where", "foo > 1"]);
    bench.ok(&["top", &store, "--where", "[1, 2].exists(x, x < degree)"]);
    let header: Vec<String> = (0..40).map(|at| format!("odd{at}")).collect();
    let wide = bench.file("wide.csv", format!("account_id,ip,{}\na,192.0.2.1{}\n", header.join(","), ",1".repeat(40)));
    let said = bench.ok(&["profile", &wide]).words();
    assert!(said.contains("1 row, 1 account 100.0%") && said.contains("no row has a time"), "{said}");
    assert!(said.contains("odd26 and 20 more; --map") && !said.contains("odd27"), "{said}");
}

#[test]
fn bans_after_the_last_event_are_bans_and_nothing_could_make_up_for_them() {
    let bench = Bench::new();
    let store = detected(&bench);
    let members = bench.ok(&["members", &store, "--network", "1", "--where", "membership == 'core'", "--format", "jsonl"]);
    let banned: Vec<String> =
        members.records().iter().take(4).map(|row| row["account_id"].as_str().expect("a name").to_owned()).collect();
    let table = fs::read_to_string(of_world("accounts.csv")).expect("the accounts");
    let status = table.lines().next().and_then(|header| header.split(',').position(|name| name == "status"));
    let row = |line: &str| {
        let mut fields: Vec<&str> = line.split(',').collect();
        let status = status.filter(|_| fields[0] != "account_id");
        status.into_iter().for_each(|status| fields[status] = "");
        fields[2] = match fields[0] {
            "account_id" => "banned_at",
            account if banned.iter().any(|one| one == account) => "2027-01-01T00:00:00Z",
            _ => "",
        };
        fields.join(",") + "\n"
    };
    let accounts = bench.file("accounts.csv", table.lines().map(row).collect::<String>());
    bench.ok(&["build", &of_world("events.csv"), "--accounts", &accounts, "-o", "late", "--quiet"]);
    bench.ok(&["detect", "late", "--quiet"]);
    let card = bench.ok(&["show", "late", &format!("account:{}", banned[0]), "--format", "json"]).json();
    let id = card["network"].as_str().expect("a network");
    let life = bench.ok(&["lineage", "late", id, "--format", "json"]).json();
    let count = |name: &str| life[name].as_u64().expect("a count");
    assert_eq!((count("bans"), count("live")), (4, count("accounts") - 4), "{life}");
    assert!(life["regeneration"].is_null(), "{life}");
    let plan = bench.ok(&["plan-bans", "late", id, "--format", "json"]).json();
    assert!(plan["replacement"]["regeneration"].is_null() && !plan["replacement"].is_null(), "{plan}");
    assert!(!bench.ok(&["plan-bans", "late", id]).stdout.contains("of its bans were"));
}

#[test]
fn what_does_not_link_on_its_own_is_not_said_to_be_unused() {
    let bench = Bench::new();
    let store = detected(&bench);
    let hub = bench
        .ok(&["hubs", &store, "--where", "policy != 'keep' and policy != 'down_weight'", "--top", "1", "--format", "jsonl"])
        .records();
    let hub = hub[0]["identifier"].as_str().expect("a popular identifier");
    let account = bench.ok(&["neighbors", &store, hub, "--top", "1", "--format", "jsonl"]).records()[0]["node"].to_string();
    let shown = bench.ok(&["show", &store, account.trim_matches('"')]).stdout;
    assert!((shown.contains("they count where") || shown.contains("never count")) && !shown.contains("not used"), "{shown}");
    let network = bench.ok(&["network", &store, "1"]).stdout;
    assert!(!network.contains("not used") && !network.contains("suppressed hubs"), "{network}");
}

/// Commands that are told can be copied.
#[test]
fn paths_of_several_words_are_quoted_in_commands() {
    let bench = Bench::new();
    let events = bench.file("events.csv", "timestamp,account_id,ip\n2026-02-01T00:00:00Z,a,8.8.8.8\n");
    bench.ok(&["build", &events, "-o", "two words", "--quiet"]);
    bench.fails(2, &["run `hydralink detect 'two words'` first"], &["networks", "two words"]);
    let made = bench.ok(&["as-of", "two words", "2026-02-02", "-o", "its past"]).stderr;
    assert!(made.contains("Next: hydralink detect 'its past'"), "{made}");
    let more = bench.file("more.csv", "timestamp,account_id,ip\n2026-02-02T00:00:00Z,a,8.8.8.8\n");
    assert!(bench.ok(&["update", "two words", &more]).stderr.contains("Next: hydralink detect 'two words'"));
    bench.fails(2, &["it can be asked, not changed"], &["update", "its past", &more]);
}

#[test]
fn one_is_singular_and_prose_keeps_to_the_terminal() {
    let bench = Bench::new();
    let lone = bench.file("lone.csv", "timestamp,account_id,ip,device\n2026-02-01T00:00:00Z,a,10.0.0.1,-\n");
    let said = bench.ok(&["build", &lone, "-o", "lone"]).stdout;
    for line in [
        "1 row, 0 rejected",
        "1 value such as NULL, - or unknown says",
        "1 value is an address that isn't routed on the internet and",
    ] {
        assert!(said.contains(line), "{said}");
    }
    let store = detected(&bench);
    let members = bench.ok(&["members", &store, "--network", "1", "--format", "jsonl"]).records();
    let [one, other] = [0, 1].map(|at| members[at]["account_id"].as_str().expect("a name").to_owned());
    let (id, at) = (members[0]["network"].as_str().expect("a network"), store.as_str());
    for command in [
        &["why", at, &one, &other][..],
        &["appeal", at, &one],
        &["show", at, &one],
        &["how", at, id],
        &["lineage", at, id],
        &["plan-bans", at, id],
    ] {
        let ran = Ran::of(bench.command(command).env("COLUMNS", "60").output().expect("the binary runs"));
        // Rows of columns stay rows.
        let prose = ran.stdout.lines().filter(|line| !line.trim_start().contains("  "));
        let wide: Vec<&str> = prose.filter(|line| line.chars().count() > 60 && line.contains(' ')).collect();
        assert!(ran.code == 0 && wide.is_empty(), "{command:?}: {wide:?} {}", ran.stderr);
    }
}

/// Ids are often hashes of 64 digits, and clients have names of a hundred characters. A line of an answer is no wider than
/// the terminal, but for a name that stands on it alone, so that it can be copied whole.
#[test]
fn long_names_break_no_rows_of_a_narrow_terminal() {
    let bench = Bench::new();
    let hash = |text: String| hash_of(&text);
    let mut rows = "timestamp,account_id,ip,payment_instrument,device,user_agent\n".to_owned();
    let client = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";
    let id = |at: usize| match at {
        3 => "会社アカウント番号の長い名前".repeat(2),
        4 => "long-".repeat(40),
        _ => hash(format!("account {at}")),
    };
    let mut row = |second: usize, account: String, ip: String, card: String, device: String| {
        let (minute, second) = (second / 60, second % 60);
        rows.push_str(&format!(
            "2026-02-01T{:02}:{:02}:{second:02}Z,{account},{ip},{card},{device},\"{client}\"\n",
            minute / 60,
            minute % 60
        ));
    };
    for at in 0..400 {
        let name = |what: &str| hash(format!("{what} {at}"));
        row(7 * at, name("stranger"), format!("60.1.{}.{}", at / 200, at % 200), name("card"), name("device"));
    }
    for at in 0..240 {
        let account = at % 12;
        let (card, device) = (hash(format!("shared card {}", account / 4)), hash(format!("shared device {}", account / 2)));
        row(20 * at, id(account), format!("203.0.113.{}", at % 5), card, device);
    }
    let events = bench.file("events.csv", rows);
    bench.ok(&["build", &events, "-o", "store", "--quiet"]);
    bench.run(&["detect", "store", "--quiet"]);
    let network =
        bench.ok(&["networks", "store", "--all", "--format", "jsonl"]).records()[0]["id"].as_str().expect("an id").to_owned();
    let [one, other, wide, long] = [0, 1, 3, 4].map(|at| format!("account:{}", id(at)));
    let stranger = format!("account:{}", hash("stranger 7".to_owned()));
    let card = format!("payment_instrument:{}", hash("shared card 0".to_owned()));
    let list = bench.file("list.txt", format!("{one}\n{other}\n{wide}\n"));
    let asked: &[&[&str]] = &[
        &["show", "store", &one],
        &["show", "store", &wide],
        &["neighbors", "store", &one],
        &["neighbors", "store", &card],
        &["ego", "store", &card],
        &["common", "store", &one, &other],
        &["path", "store", &one, &other],
        &["path", "store", &one, &stranger],
        &["why", "store", &one, &other],
        &["why", "store", &wide, &long],
        &["why-not", "store", &stranger, &network],
        &["why-not", "store", &stranger, &one],
        &["how", "store", &network],
        &["top", "store"],
        &["hubs", "store"],
        &["network", "store", &network],
        &["appeal", "store", &one],
        &["appeal", "store", &wide],
        &["assess", "store", &list],
        &["expand", "store", "--seeds", &list],
        &["plan-bans", "store", &network, "--allow-unflagged"],
        &["impact", "store", &list],
        &["cohesion", "store", &network],
        &["members", "store", "--network", &network],
        &["lineage", "store", &network],
        &["profile", &events],
    ];
    for arguments in asked {
        let output = bench.command(arguments).env("COLUMNS", "80").output().expect("the binary runs");
        let ran = Ran::of(output);
        assert!(ran.code == 0 && !ran.stdout.is_empty(), "{arguments:?}: {}", ran.stderr);
        for line in ran.stdout.lines() {
            // Of two long names in a row the second is told from the first.
            let name = line.trim_start().trim_start_matches("through ").trim_end_matches([',', ':', ';']);
            let alone = !name.contains(' ') || name.ends_with(client);
            assert!(alone || columns_of(line) <= 80, "{} columns of {arguments:?}:\n{line}", columns_of(line));
        }
    }
    // What is cut in the middle is taken for what it was.
    let card_cut = bench.ok(&["network", "store", &network]).stdout;
    let cut = card_cut.split_whitespace().find(|word| word.starts_with("payment_instrument:") && word.contains('…'));
    let shown = bench.ok(&["show", "store", cut.expect("a card that was cut"), "--format", "json"]).json();
    assert!(shown["node"].as_str().is_some_and(|node| node.len() == "payment_instrument:".len() + 64), "{shown}");
    // Machines get all of it.
    let json = bench.ok(&["how", "store", &network, "--format", "json"]).stdout;
    assert!(json.contains(shown["node"].as_str().expect("a name")) && !json.contains('…'), "{json}");
}

/// 64 hex digits that differ from text to text.
fn hash_of(text: &str) -> String {
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    let mut digits = String::new();
    for round in 0..4u8 {
        for byte in text.bytes().chain([round]) {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
        }
        digits.push_str(&format!("{state:016x}"));
    }
    digits
}

/// Columns of a terminal: of the characters here, Japanese ones take two.
fn columns_of(line: &str) -> usize {
    line.chars().map(|character| if ('\u{3000}'..'\u{a000}').contains(&character) { 2 } else { 1 }).sum()
}

/// What needs the graph alone is answered before a detection, and what needs one says so.
#[test]
fn what_needs_no_network_is_answered_before_a_detection() {
    let bench = Bench::new();
    bench.ok(&["build", &of_world("events.csv"), "-o", "store", "--quiet"]);
    let before = |by: &str| bench.ok(&["top", "store", "--by", by, "--format", "jsonl"]).records();
    let (degree, events) = (before("degree"), before("events"));
    bench.fails(2, &["no networks yet", "hydralink detect store"], &["top", "store", "--by", "bits"]);
    bench.fails(2, &["no networks yet"], &["export", "store", "-o", "none.graphml"]);
    bench.ok(&["export", "store", "-o", "before.graphml", "--whole", "--max-nodes", "1000000"]);
    bench.run(&["detect", "store", "--quiet"]);
    for (by, before) in [("degree", degree), ("events", events)] {
        let after = bench.ok(&["top", "store", "--by", by, "--format", "jsonl"]).records();
        assert_eq!((before.len(), after.len()), (20, 20));
        for (one, other) in before.iter().zip(&after) {
            for field in ["node", "degree", "exchanges", "first_seen", "last_seen"] {
                assert_eq!(one[field], other[field], "{by}: {one}");
            }
            assert!(one["bits"].is_null() && one["class"].is_null(), "{one}");
        }
    }
    bench.ok(&["export", "store", "-o", "after.graphml", "--whole", "--max-nodes", "1000000"]);
    let count = |name: &str, what: &str| std::fs::read_to_string(bench.path(name)).expect("the graph").matches(what).count();
    for what in ["<node ", "<edge ", "<data key=\"weight\">"] {
        assert_eq!(count("before.graphml", what), count("after.graphml", what), "{what}");
    }
    assert!(count("before.graphml", "<edge ") > 1_000 && count("before.graphml", "key=\"network\">") == 0);
}

#[test]
fn a_chain_says_what_it_is_ranked_by() {
    let bench = Bench::new();
    let store = detected(&bench);
    let network = bench.ok(&["networks", &store, "--all", "--format", "jsonl"]).records()[0].clone();
    let id = network["id"].as_str().expect("an id");
    let members = bench.ok(&["members", &store, "--network", id, "--format", "jsonl"]).records();
    let [one, other] = [0, 1].map(|at| members[at]["account_id"].as_str().expect("an account").to_owned());
    let asked = ["path", &store, &one, &other, "-k", "5"];
    let chains = bench.ok(&[&asked[..], &["--format", "jsonl"]].concat()).records();
    let said = bench.ok(&asked).stdout;
    let costs: Vec<f64> = chains.iter().map(|chain| chain["cost"].as_f64().expect("a cost")).collect();
    assert!(costs.is_sorted(), "{costs:?}");
    let told: Vec<&str> = said.lines().filter(|line| line.starts_with("cost ")).collect();
    let wanted = chains
        .iter()
        .zip(&costs)
        .map(|(chain, cost)| format!("cost {cost:.2}, {:.1} bits at its weakest", chain["bits"].as_f64().expect("bits")));
    assert_eq!(told, wanted.collect::<Vec<String>>());
    let rows = bench.ok(&[&asked[..], &["--format", "csv"]].concat()).stdout;
    assert!(rows.starts_with("cost,bits,hops_node\n"), "{rows}");
    // A rank is a network here, too, unless an account is called so.
    let outsider = bench.ok(&["members", &store, "--where", "network == null", "--format", "jsonl"]).records();
    let outsider = outsider[0]["account_id"].as_str().expect("an account");
    let by_rank = bench.run(&["why-not", &store, outsider, "1", "--format", "json"]);
    assert_eq!(by_rank.stdout, bench.run(&["why-not", &store, outsider, id, "--format", "json"]).stdout);
    bench.fails(3, &["not found"], &["why-not", &store, outsider, "99999"]);
}

#[test]
fn formats_that_are_named_are_those_of_the_command() {
    let bench = Bench::new();
    let lists = |command: &[&str], formats: &str| {
        let ran = bench.fails(2, &[], &[command, &["--format", "nosuch"]].concat());
        assert!(ran.stderr.contains(&format!("[possible values: {formats}]")), "{}", ran.stderr);
    };
    lists(&["export", "store", "-o", "x"], "graphml, gexf, csv, parquet, jsonl, stix, misp");
    lists(&["network", "store", "1"], "table, json, jsonl, markdown");
    lists(&["hubs", "store"], "table, json, jsonl, csv");
    let shell = bench.ok(&["completions", "bash"]).stdout;
    assert!(
        shell.contains("graphml gexf csv parquet jsonl stix misp") && shell.contains("table json jsonl markdown"),
        "{shell}"
    );
    bench.fails(2, &["needs a folder"], &["man", "-"]);
    assert!(!bench.path("-").exists());
}

#[test]
fn the_help_of_where_has_the_fields_of_the_rows() {
    let bench = Bench::new();
    for (command, fields) in hydralink::filter::LISTS {
        let help = bench.ok(&[command, "--help"]).words();
        assert!(fields.iter().all(|field| help.contains(field)) && help.contains(".startsWith"), "{command}: {help}");
    }
    bench.ok(&["man", "pages"]);
    let page = std::fs::read_to_string(bench.path("pages/hydralink-hubs.1")).expect("a page");
    assert!(page.contains("spread_days") && page.contains("startsWith"), "{page}");
    let store = detected(&bench);
    for command in ["hubs", "top", "members", "networks"] {
        let field = if command == "members" { "network != null and account_id" } else { "first_seen" };
        if command != "members" {
            bench.fails(2, &["2026-13-45 is no time"], &[command, &store, "--where", &format!("{field} >= 2026-13-45")]);
        }
    }
}

/// Rows of a crowded hub go out as they come: held together, a million of them took gigabytes.
#[test]
fn all_neighbours_of_a_crowded_hub_are_told_in_every_format() {
    let bench = Bench::new();
    let mut events = "timestamp,account_id,ip,device\n".to_owned();
    let accounts = 12_345;
    for at in 0..accounts {
        // Some have another identifier, so that not all stand equal.
        let device = if at % 7 == 0 { format!("d{at}") } else { String::new() };
        events.push_str(&format!("2026-03-01T00:00:00Z,u{:05},8.8.8.8,{device}\n", (at * 7_919) % accounts));
    }
    bench.ok(&["build", &bench.file("events.csv", events), "-o", "store", "--quiet"]);
    let asked = |more: &[&str]| bench.ok(&[&["neighbors", "store", "ip:8.8.8.8", "--top", "0"], more].concat());
    let lines = asked(&["--format", "jsonl"]).records();
    assert_eq!(lines.len(), accounts);
    let order: Vec<(u64, &str)> =
        lines.iter().map(|row| (row["degree"].as_u64().expect("a degree"), row["node"].as_str().expect("a node"))).collect();
    assert!(order.is_sorted(), "of those with as many, by name");
    assert_eq!(asked(&["--format", "json"]).json().as_array().expect("rows"), &lines);
    let csv = asked(&["--format", "csv"]).stdout;
    let names: Vec<String> = csv.lines().skip(1).map(|row| row.split(',').nth(1).expect("a node").to_owned()).collect();
    assert_eq!(names, order.iter().map(|(_, name)| (*name).to_owned()).collect::<Vec<String>>());
    let table = asked(&[]);
    assert_eq!(table.stdout.lines().filter(|line| line.contains("account:u")).count(), accounts);
    assert_eq!(table.stdout.lines().filter(|line| line.starts_with("node ")).count(), 2, "a heading for each 10,000");
    assert!(table.stderr.is_empty(), "{}", table.stderr);
    // The first of them are the first of all, and what is left out is told.
    let first = bench.ok(&["neighbors", "store", "ip:8.8.8.8", "--top", "11000", "--format", "jsonl"]);
    assert_eq!(first.records(), lines[..11_000]);
    assert!(first.stderr.contains("showing 11,000 of 12,345"), "{}", first.stderr);
    let several = bench.piped(&["neighbors", "store", "-", "--top", "0"], "ip:8.8.8.8\nu00000\n").records();
    assert!(several.len() > accounts && several[..accounts] == lines);
}
