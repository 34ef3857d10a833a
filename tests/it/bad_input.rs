//! Bad input gets a clear message and its exit code, and nothing is written or lost.

use std::fs;
use std::io::Write;

use crate::support::{Bench, detected, of_world};

const GOOD: &str = "timestamp,account_id,ip,payment_instrument\n\
    2026-02-01T00:00:00Z,a,8.8.8.8,tok_1\n\
    2026-02-01T00:00:01Z,b,8.8.8.8,tok_1\n";

fn refuses(bench: &Bench, words: &[&str], events: &str) {
    bench.fails(2, words, &["build", events, "-o", "store"]);
    assert!(!bench.path("store").exists(), "a failed build left a store behind");
}

#[test]
fn a_missing_required_column_names_the_nearest() {
    let bench = Bench::new();
    let events = bench.file("events.csv", "timestamp,acount_id,ip\n2026-02-01T00:00:00Z,a,8.8.8.8\n");
    refuses(&bench, &["acount_id", "--map account_id="], &events);
}

#[test]
fn an_unknown_column_in_the_map_names_the_nearest() {
    let bench = Bench::new();
    let events = bench.file("events.csv", GOOD);
    let map = bench.file("map.toml", "[columns]\nip = \"ipp\"\n");
    let ran = bench.fails(2, &["ipp", "ip"], &["build", &events, "--map", &map, "-o", "store"]);
    assert!(ran.stderr.contains("did you mean") || ran.stderr.contains("nearest"), "{}", ran.stderr);
}

#[test]
fn an_empty_file_a_directory_and_a_missing_file_are_errors() {
    let bench = Bench::new();
    let empty = bench.file("empty.csv", "");
    refuses(&bench, &["empty"], &empty);
    let header = bench.file("header.csv", "timestamp,account_id,ip\n");
    refuses(&bench, &["header.csv"], &header);
    fs::create_dir(bench.path("folder")).expect("a folder");
    refuses(&bench, &["folder", "no events in this folder"], "folder");
    refuses(&bench, &["absent.csv"], "absent.csv");
    std::fs::create_dir_all(bench.path("days/dt=2026-03-01")).expect("a folder");
    bench.fails(2, &["no events in this folder"], &["build", "days", "-o", "store"]);
}

#[test]
fn lines_that_end_in_a_carriage_return_alone_are_refused_at_any_size() {
    let bench = Bench::new();
    let row = "2026-02-01T00:00:00Z,a,8.8.8.8,tok_1\r";
    // Of the larger one the first 4 MiB were taken for the header.
    for rows in [3, 200_000] {
        let events = bench.file("events.csv", GOOD.replace('\n', "\r") + &row.repeat(rows));
        refuses(&bench, &["carriage return alone", "newline"], &events);
    }
    // Beside newlines it ends a line as well.
    let events = bench.file("mixed.csv", GOOD.to_owned() + &row.repeat(3));
    assert_eq!(bench.ok(&["build", &events, "-o", "store", "--format", "json"]).json()["rows"], 5);
}

#[test]
fn truncated_gzip_is_an_error() {
    let bench = Bench::new();
    let text = GOOD.to_owned() + &"2026-02-01T00:00:01Z,c,9.9.9.9,tok_2\n".repeat(5_000);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).expect("compresses");
    let whole = encoder.finish().expect("compresses");
    let good = bench.file("good.csv.gz", &whole);
    bench.ok(&["build", &good, "-o", "good"]);
    let events = bench.file("events.csv.gz", &whole[..whole.len() / 2]);
    refuses(&bench, &["events.csv.gz"], &events);
}

#[test]
fn truncated_parquet_is_an_error() {
    let bench = Bench::new();
    let folder = bench.path("world");
    bench.ok(&["synth", folder.to_str().expect("UTF-8"), "--tier", "xs", "--events", "parquet", "--quiet"]);
    let whole = fs::read(folder.join("events.parquet")).expect("the events");
    for keep in [whole.len() / 2, whole.len() - 1, 10] {
        let events = bench.file("events.parquet", &whole[..keep]);
        refuses(&bench, &["events.parquet"], &events);
    }
}

/// Files that fuzz targets found (tests/fuzz): the decoder of this one's pages panics.
#[test]
fn parquet_that_makes_its_decoder_panic_is_an_error() {
    let bench = Bench::new();
    let events = bench.file("events.parquet", include_bytes!("../fuzz/found/no_dictionary.parquet"));
    refuses(&bench, &["events.parquet: not a whole Parquet file", "copy or export it again"], &events);
}

#[test]
fn mixed_timestamp_units_are_an_error() {
    let bench = Bench::new();
    let events = bench.file("events.csv", "timestamp,account_id,ip\n1769904000,a,8.8.8.8\n1769904000123,b,8.8.8.8\n");
    refuses(&bench, &["timestamp"], &events);
}

#[test]
fn a_gigabyte_in_one_line_is_rejected_in_bounded_memory() {
    let bench = Bench::new();
    let path = bench.path("events.csv");
    let mut file = fs::File::create(&path).expect("a file");
    file.write_all(GOOD.as_bytes()).expect("written");
    // A hole of zero bytes: a gigabyte to read, nothing on disk.
    let length = file.metadata().expect("metadata").len() + (1 << 30);
    file.set_len(length).expect("a sparse file");
    drop(file);
    let mut command = std::process::Command::new("sh");
    let run = format!(
        "ulimit -v 1500000; exec {} build events.csv -o store --threads 1 --rejects rejects.jsonl",
        env!("CARGO_BIN_EXE_hydralink")
    );
    let output = command.args(["-c", &run]).current_dir(bench.path("")).output().expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rejects = fs::read_to_string(bench.path("rejects.jsonl")).expect("rejects");
    assert_eq!(rejects.lines().count(), 1, "{rejects}");
    assert!(rejects.len() < 4_096, "the reject echoes the line");
}

#[test]
fn bad_rows_are_kept_apart_and_counted() {
    let bench = Bench::new();
    let mut bytes = GOOD.as_bytes().to_vec();
    bytes.extend_from_slice(b"2026-02-01T00:00:02Z,n\0ul,8.8.8.8,tok_1\n");
    bytes.extend_from_slice(b"2026-02-01T00:00:02Z,\xff\xfe,8.8.8.8,tok_1\n");
    bytes.extend_from_slice(b"2026-02-01T00:00:02Z,c,999.1.1.1,tok_1\n");
    bytes.extend_from_slice(b"yesterday,d,8.8.8.8,tok_1\n");
    bytes.extend_from_slice(b"1970-01-01T00:00:00Z,e,8.8.8.8,tok_1\n");
    bytes.extend_from_slice(b"2026-02-01T00:00:02Z,,8.8.8.8,tok_1\n");
    let events = bench.file("events.csv", bytes);
    let told = bench.ok(&["build", &events, "-o", "store", "--rejects", "rejects.jsonl"]).stdout;
    assert!(told.contains("rows, 5 rejected"), "{told}");
    assert!(told.contains("1 row was kept without a field that can't be read: ip (1 bad_ip)"), "{told}");
    let rejects = fs::read_to_string(bench.path("rejects.jsonl")).expect("rejects");
    let records: Vec<serde_json::Value> = rejects.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(records.len(), 6, "{rejects}");
    let lines: Vec<u64> = records.iter().filter_map(|record| record["line"].as_u64()).collect();
    assert_eq!(lines, [4, 5, 6, 7, 8, 9], "{rejects}");
    assert!(records.iter().all(|record| record["reason"].as_str().is_some_and(|reason| !reason.is_empty())), "{rejects}");
    bench.ok(&["show", "store", "account:a"]);
    bench.fails(3, &["account:e"], &["show", "store", "account:e"]);
    // A row whose address can't be read counts without it, and the rejects say so.
    let kept: Vec<bool> = records.iter().map(|record| record["kept"] == true).collect();
    assert_eq!(kept, [false, false, true, false, false, false], "{rejects}");
    assert_eq!(accounts_of(&bench, "payment_instrument:tok_1"), 3);
    bench.ok(&["build", &events, "-o", "strict", "--schema", "strict"]);
    bench.fails(3, &["account:c"], &["show", "strict", "account:c"]);
    // In two batches as in one.
    let more = bench.file("more.csv", "timestamp,account_id,ip,payment_instrument\n2026-02-01T00:00:02Z,f,nowhere,tok_1\n");
    bench.ok(&["build", &events, &more, "-o", "whole"]);
    let updated = bench.ok(&["update", "store", &more]).stdout;
    assert!(updated.contains("1 row was kept without a field that can't be read: ip (1 bad_ip)"), "{updated}");
    assert_eq!(crate::rows::sections(&bench, "store"), crate::rows::sections(&bench, "whole"));
}

/// Accounts that a node of the store was seen with.
fn accounts_of(bench: &Bench, node: &str) -> u64 {
    let shown = bench.ok(&["show", "store", node, "--format", "json"]).json();
    shown["seen_with"]["account"].as_u64().unwrap_or_else(|| panic!("{shown}"))
}

#[test]
fn of_a_list_of_addresses_the_client_s_counts() {
    let bench = Bench::new();
    let rows = "account_id,ip\na,\"8.8.8.8, 198.51.100.7, 10.0.0.1\"\nb,\"9.9.9.9, 198.51.100.7:443\"\nc,198.51.100.7\n";
    let events = bench.file("events.csv", rows);
    let told = bench.ok(&["build", &events, "-o", "store"]).stdout;
    assert!(told.contains("2 values are lists of hops"), "{told}");
    assert_eq!(accounts_of(&bench, "ip:198.51.100.7"), 3);
    bench.ok(&["build", &events, "-o", "store", "--trusted-proxies", "198.51.100.0/24"]);
    for address in ["8.8.8.8", "9.9.9.9"] {
        bench.ok(&["show", "store", &format!("ip:{address}")]);
    }
    bench.ok(&["build", &events, "-o", "store", "--trusted-proxies", "2"]);
    bench.fails(3, &[], &["show", "store", "ip:8.8.8.8"]);
    bench.fails(2, &["neither a number of proxies nor a network"], &["build", &events, "-o", "x", "--trusted-proxies", "cdn"]);
}

#[test]
fn columns_are_named_where_they_are_read() {
    let bench = Bench::new();
    let rows = "{\"user\":{\"id\":\"a\"},\"client\":{\"ip\":\"198.51.100.7\"}}\n{\"user\":{\"id\":\"b\"},\"client\":{\"ip\":\"198.51.100.7\"}}\n";
    let events = bench.file("events.jsonl", rows);
    let named = ["--map", "account_id=user.id", "--map", "ip=client.ip"];
    bench.ok(&[&["build", &events, "-o", "store"][..], &named].concat());
    assert_eq!(accounts_of(&bench, "ip:198.51.100.7"), 2);
    // An update goes by what the store was built by.
    let more = bench.file("more.jsonl", "{\"user\":{\"id\":\"c\"},\"client\":{\"ip\":\"198.51.100.7\"}}\n");
    bench.ok(&["update", "store", &more]);
    assert_eq!(accounts_of(&bench, "ip:198.51.100.7"), 3);
    bench.fails(2, &["did you mean account_id?"], &["build", &events, "-o", "x", "--map", "acount_id=user.id"]);
    bench.fails(2, &["user.idd", "did you mean \"user.id\""], &["build", &events, "-o", "x", "--map", "account_id=user.idd"]);
    let map = bench.file("map.toml", "[columns]\naccount_id = \"user.id\"\n");
    bench.fails(2, &["names 2 files"], &["build", &events, "-o", "x", "--map", &map, "--map", &map]);
}

#[test]
fn too_many_bad_rows_fail_the_run() {
    let bench = Bench::new();
    let text = GOOD.to_owned() + &"2026-02-01T00:00:02Z,c,999.1.1.1,tok_1\n".repeat(200);
    let events = bench.file("events.csv", text);
    refuses(&bench, &["200", "--max-bad"], &events);
    bench.ok(&["build", &events, "-o", "store", "--max-bad", "100%"]);
}

#[test]
fn a_profile_of_bad_rows_is_printed_before_it_fails() {
    let bench = Bench::new();
    // Times that can't be read reject their rows, addresses leave a field out of them.
    let text =
        GOOD.to_owned() + &"yesterday,c,9.9.9.9,tok_1\n".repeat(150) + &"2026-02-01T00:00:02Z,c,999.1.1.1,tok_1\n".repeat(120);
    let events = bench.file("events.csv", text);
    let said = ["a build would stop here", "--max-bad"];
    let ran = bench.fails(2, &said, &["profile", &events]);
    assert!(ran.stdout.contains("rejected: 150") && ran.stdout.contains("pairs projected"), "{}", ran.stdout);
    let told = bench.fails(2, &said, &["profile", &events, "--format", "json"]).json();
    assert!(told["too_many_bad"].as_str().is_some_and(|why| why.contains("272 rows")), "{told}");
    assert_eq!((&told["kept_rows"], &told["accounts"]), (&120.into(), &3.into()), "{told}");
    let allowed = bench.ok(&["profile", &events, "--max-bad", "100%", "--format", "json"]).json();
    assert_eq!((&allowed["too_many_bad"], &allowed["rejected"]), (&serde_json::Value::Null, &told["rejected"]));
    // Where nothing can be read, what is wrong is all there is.
    let nothing = bench.file("nothing.csv", "timestamp,account_id,ip\n".to_owned() + &"never,a,9.9.9.9\n".repeat(3));
    let ran = bench.fails(2, &["all 3 rows are bad"], &["profile", &nothing]);
    assert!(ran.stdout.contains("rejected: 3"), "{}", ran.stdout);
}

#[test]
fn a_raw_card_number_is_refused_and_never_echoed() {
    let bench = Bench::new();
    for card in ["4111111111111111", "4111 1111 1111 1111", "5500-0000-0000-0004"] {
        let events = bench.file("events.csv", format!("{GOOD}2026-02-01T00:00:02Z,c,9.9.9.9,{card}\n"));
        let ran = bench.fails(2, &["card number"], &["build", &events, "-o", "store", "--rejects", "rejects.jsonl"]);
        let rejects = fs::read_to_string(bench.path("rejects.jsonl")).unwrap_or_default();
        for text in [&ran.stdout, &ran.stderr, &rejects] {
            assert!(!text.contains(card) && !text.contains(&card[card.len() - 4..]), "{text}");
        }
        assert!(!bench.path("store").exists());
    }
}

#[test]
fn a_full_disk_is_an_error_and_leaves_nothing() {
    let bench = Bench::new();
    let events = of_world("events.csv");
    // A limit on the size of a file stands for a full disk: writes fail with an error in the middle of a section.
    let run = format!("ulimit -f 64; trap '' XFSZ; exec {} build {events} -o store", env!("CARGO_BIN_EXE_hydralink"));
    let output = std::process::Command::new("bash").args(["-c", &run]).current_dir(bench.path("")).output().expect("runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(74), "{stderr}");
    assert!(stderr.contains("cannot write"), "{stderr}");
    assert!(!bench.path("store").exists(), "a failed build left a store behind");
}

/// Ctrl-C, and what a scheduler sends: with the exit codes that a shell would give.
#[test]
#[cfg(unix)]
fn a_signal_in_the_middle_leaves_nothing() {
    let bench = Bench::new();
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let mut command = bench.command(&["build", "-", "-o", "store"]);
        let piped = std::process::Stdio::piped;
        let mut child = command.stdin(piped()).stderr(piped()).spawn().expect("starts");
        // It reads for as long as this lasts, and once the store is begun it has been reading or is about to.
        let mut events = child.stdin.take().expect("stdin");
        events.write_all(b"timestamp,account_id,ip\n").expect("it reads");
        while !bench.path("store").exists() {
            std::thread::yield_now();
        }
        let kill = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill runs");
        assert!(kill.success(), "the build ended before it could be stopped");
        while events.write_all(b"2026-02-01T00:00:00Z,a,8.8.8.8\n").is_ok() {}
        let output = child.wait_with_output().expect("ends");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(stderr.contains("interrupted; nothing was changed"), "{stderr}");
        assert!(!bench.path("store").exists(), "a build that was stopped left a store behind");
    }
}

/// What doesn't ask whether to stop ends at once, whether it waits for a list or writes a file; of that nothing stays.
#[test]
#[cfg(target_os = "linux")]
fn a_signal_ends_what_does_not_mind_it_and_no_part_of_a_file_stays() {
    let bench = Bench::new();
    let store = detected(&bench);
    let piped = std::process::Stdio::piped;
    let signalled = |signal: &str, child: &std::process::Child| {
        let kill = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill runs");
        assert!(kill.success(), "it ended before it could be stopped");
    };
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let mut child =
            bench.command(&["expand", &store, "--seeds", "-"]).stdin(piped()).stderr(piped()).spawn().expect("starts");
        // More than a pipe holds: once it is written it is being read.
        let mut seeds = child.stdin.take().expect("stdin");
        seeds.write_all("nobody\n".repeat(50_000).as_bytes()).expect("it reads");
        signalled(signal, &child);
        assert_eq!(child.wait().expect("ends").code(), Some(code));
    }
    let out = bench.path("out");
    std::fs::create_dir(&out).expect("a folder");
    let whole = ["export", &store, "--whole", "--max-nodes", "9999999", "--no-layout", "-o", "out/whole.graphml.gz"];
    let mut child = bench.command(&whole).stderr(piped()).spawn().expect("starts");
    let files = || std::fs::read_dir(&out).expect("a folder").flatten().map(|file| file.file_name()).collect::<Vec<_>>();
    while files().is_empty() {
        std::thread::yield_now();
    }
    signalled("-STOP", &child);
    assert!(files().iter().all(|file| file.to_string_lossy().ends_with(".part")), "{:?}", files());
    signalled("-INT", &child);
    signalled("-CONT", &child);
    assert_eq!(child.wait().expect("ends").code(), Some(130));
    assert!(files().is_empty(), "{:?}", files());
}

#[test]
fn unknown_ids_exit_3_with_a_suggestion() {
    let bench = Bench::new();
    let events = bench.file("events.csv", "timestamp,account_id,ip\n2026-02-01T00:00:00Z,alice,8.8.8.8\n,alina,8.8.4.4\n");
    bench.ok(&["build", &events, "-o", "store"]);
    bench.fails(3, &["did you mean", "account:alice"], &["show", "store", "account:alicee"]);
    bench.fails(3, &["did you mean", "ip:8.8.8.8"], &["show", "store", "ip:8.8.8.9"]);
    bench.fails(2, &["hydralink detect"], &["networks", "store"]);
}

#[test]
fn where_there_is_nothing_people_are_told_and_machines_get_nothing() {
    let bench = Bench::new();
    bench.ok(&["build", &bench.file("events.csv", "account_id,ip\nalice,8.8.8.8\nbob,8.8.4.4\n"), "-o", "store", "--quiet"]);
    let nothing = bench.run(&["components", "store"]);
    assert_eq!((nothing.code, nothing.stdout.as_str(), nothing.stderr.as_str()), (1, "", "nothing found\n"));
    for silent in [&["components", "store", "--quiet"][..], &["components", "store", "--format", "jsonl"]] {
        let ran = bench.run(silent);
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (1, "", ""), "{silent:?}");
    }
    // What a command says of its own is not said twice.
    let said = bench.run(&["detect", "store"]).stderr;
    assert!(said.contains("0 networks") && !said.contains("nothing found"), "{said}");
    // A few bad rows are tolerated, but not if they are all there are.
    let bad = bench.file("bad.csv", "account_id,ip\nalice,999.8.8.8\n");
    let ran = bench.fails(2, &["all 1 rows are bad", "bad_ip (1)"], &["build", &bad, "-o", "x"]);
    assert!(!ran.stderr.contains("allowed"), "{}", ran.stderr);
}

#[test]
fn a_kind_goes_by_its_other_words_and_a_mistaken_one_is_told() {
    let bench = Bench::new();
    let rows = "account_id,ip,card,device\nalice,8.8.8.8,tok_1,d1\nbob,8.8.4.4,tok_1,d2\n";
    bench.ok(&["build", &bench.file("events.csv", rows), "-o", "store", "--quiet"]);
    let shown = |node: &str| bench.ok(&["show", "store", node, "--format", "json"]).json()["node"].clone();
    assert_eq!([shown("card:tok_1"), shown("address:8.8.8.8")], ["payment_instrument:tok_1", "ip:8.8.8.8"]);
    bench.ok(&["components", "store", "--kind", "card"]);
    bench.fails(3, &["did you mean device:d1?"], &["show", "store", "devise:d1"]);
    bench.fails(3, &["did you mean payment_instrument:tok_1?"], &["show", "store", "payment_instument:tok_1"]);
    bench.fails(3, &["did you mean device:d1 or device:d2?"], &["show", "store", "devise:d3"]);
    bench.fails(3, &["this store has device, ip, payment_instrument"], &["show", "store", "wallet:w1"]);
    // A token that isn't there is repeated neither by its kind's name nor by one that is nearly it.
    for word in ["card", "payment_instrument", "payment_instument"] {
        let ran = bench.fails(3, &["value not repeated"], &["show", "store", &format!("{word}:tok_2")]);
        assert!(!ran.stderr.contains("tok_"), "{}", ran.stderr);
    }
    // What could be an address isn't taken for a kind.
    assert!(!bench.fails(3, &[], &["show", "store", "fe80::1"]).stderr.contains("this store has"));
}

#[test]
fn what_is_wrong_with_an_input_is_said_with_what_to_do() {
    let bench = Bench::new();
    let events = bench.file("days.csv", "ts,account_id\n02/01/2026,a\n");
    let told = ["bad_time (1): ", "days.csv, line 2, timestamp: 02/01/2026;", "2026-05-01T10:00:00Z", "see them in bad.jsonl"];
    bench.fails(2, &told, &["build", &events, "-o", "store", "--rejects", "bad.jsonl"]);
    let nested = bench.file("nested.jsonl", "{\"account_id\": {\"id\": 1}, \"ip\": \"8.8.8.8\"}\n");
    refuses(&bench, &["nested_value", "line 1, account_id: (", "flatten"], &nested);
    let array = bench.file("array.json", "[\n {\"account_id\": \"a\"}\n]\n");
    refuses(&bench, &["a JSON array", "jq -c '.[]'"], &array);
    let pretty = bench.file("pretty.json", "{\n \"account_id\": \"a\"\n}\n");
    refuses(&bench, &["no line is an object", "jq -c ."], &pretty);
    let other = bench.file("other.csv", "ts,client_ip,customer\n2026-02-01T00:00:00Z,8.8.8.8,a\n");
    let ran = bench.fails(2, &["no column account_id", "among customer"], &["build", &other, "-o", "store"]);
    assert!(!ran.stderr.contains("= \"client_ip\""), "{}", ran.stderr);
    let twice = bench.file("twice.csv", "account_id,ip,client_ip\na,8.8.8.8,9.9.9.9\n");
    let ran = bench.ok(&["build", &twice, "-o", "store"]);
    assert!(ran.stdout.contains("column client_ip was not read: another one is ip already"), "{}", ran.stdout);
}

#[test]
fn what_can_not_be_meant_is_told_with_what_can() {
    let bench = Bench::new();
    let store = crate::support::detected(&bench);
    let id = bench.ok(&["networks", &store, "--format", "jsonl"]).records()[0]["id"].as_str().expect("an id").to_owned();
    let rank = ["case", "confirm", &store, "1", "--reviewer", "ann", "--reason", "cards"];
    bench.fails(2, &["1 is a rank", &format!("name it as {id}")], &rank);
    let members = bench.ok(&["members", &store, "--network", "1", "--format", "jsonl"]).records();
    let account = members[0]["account_id"].as_str().expect("an account");
    bench.fails(2, &["is one node; name two"], &["why", &store, account, account]);
    let config = bench.file("config.toml", "seed = 1\n\n[scores]\nthreshold = 3\n");
    let ran = bench.fails(2, &["config.toml: line 3: unknown field `scores`"], &["detect", &store, "--config", &config]);
    assert!(!ran.stderr.contains("\\u{a}"), "{}", ran.stderr);
}

#[test]
fn what_is_asked_of_the_wrong_thing_is_told_where_to_ask() {
    let bench = Bench::new();
    let events = bench.file("events.csv", GOOD);
    bench.ok(&["build", &events, "-o", "st", "--quiet"]);
    // Nothing was found before, so that an update drops nothing; then it does.
    let more = |name: &str, row: &str| bench.file(name, format!("timestamp,account_id,ip\n2026-02-02T00:00:00Z,{row}\n"));
    let dropped = |more: &str| bench.ok(&["update", "st", more]).stderr.contains("networks found before");
    assert!(!dropped(&more("c.csv", "c,8.8.8.8")));
    bench.run(&["detect", "st", "--quiet"]);
    assert!(dropped(&more("d.csv", "d,8.8.8.8")));
    bench.run(&["detect", "st", "--quiet"]);
    bench.fails(3, &["why-not ACCOUNT"], &["why", "st", "a", "PN-12345678"]);
    bench.fails(2, &["0 or more"], &["plan-bans", "st", "1", "--benign-budget", "-1"]);
    let ran = bench.fails(2, &["cannot create a file in nowhere"], &["export", "st", "-o", "nowhere/x.graphml", "--whole"]);
    assert!(!ran.stderr.contains(".part"), "{}", ran.stderr);
    // Accounts alone share nothing, and it is said.
    let alone = bench.file("alone.csv", "account_id,country\na,DE\nb,DE\n");
    let built = bench.ok(&["build", &alone, "-o", "alone"]);
    assert!(built.stdout.contains("2 accounts, and nothing that they could share"), "{}", built.stdout);
}

/// As Python writes JSON Lines and Apache times, with an object that is null in some rows; and an update of what was never
/// detected.
#[test]
fn logs_as_python_and_apache_write_them_are_read() {
    let bench = Bench::new();
    let row = |account: &str, tokens: &str, billing: &str| {
        format!(
            "{{\"account_id\":\"{account}\",\"time\":\"10/Oct/2025:13:55:36 -0700\",\"ip\":\"198.51.100.7\",\"tokens\":{tokens},\"billing\":{billing}}}\n"
        )
    };
    let rows = row("a", "NaN", "null") + &row("b", "-Infinity", "{\"fp\":\"pm_1\"}") + &row("c", "12", "{\"fp\":\"pm_1\"}");
    let events = bench.file("events.jsonl", rows);
    let built = bench.ok(&["build", &events, "-o", "store", "--map", "payment_instrument=billing.fp"]).stdout;
    assert!(built.contains("0 rejected") && !built.contains("billing"), "{built}");
    assert_eq!((accounts_of(&bench, "ip:198.51.100.7"), accounts_of(&bench, "payment_instrument:pm_1")), (3, 2));
    let shown = bench.ok(&["show", "store", "account:a"]).stdout;
    assert!(shown.contains("2025-10-10T20:55:36Z"), "{shown}");
    let update = |name: &str, account: &str| {
        let more = bench.file(name, row(account, "1", "{\"fp\":\"pm_2\"}"));
        bench.run(&["update", "store", &more]).stderr
    };
    let never = update("more.jsonl", "d");
    assert!(!never.contains("dropped") && never.contains("hydralink detect store"), "{never}");
    bench.run(&["detect", "store", "--quiet"]);
    let after = update("still.jsonl", "e");
    assert!(after.contains("were dropped"), "{after}");
}

/// Rows of accounts that each have an address, with these user agents.
fn agents(agents: impl Iterator<Item = String>) -> String {
    let row = |(at, agent): (usize, String)| {
        format!("2026-02-01T00:00:00Z,a{at},9.{}.{}.{},{agent}\n", at >> 16, at >> 8 & 255, at & 255)
    };
    "timestamp,account_id,ip,user_agent\n".to_owned() + &agents.enumerate().map(row).collect::<String>()
}

#[test]
fn a_stray_quote_hides_nobody() {
    let bench = Bench::new();
    // One that never closes, and one that the quote of another row seems to close, in a field of another number.
    for (name, odd) in [("open.csv", "\"Mozilla"), ("tabs.tsv", "\"Mozilla")] {
        let text = agents((0..2_000).map(|at| if at % 400 == 7 { odd.to_owned() } else { "curl".to_owned() }));
        let text = if name.ends_with("tsv") { text.replace(',', "\t") } else { text };
        let events = bench.file(name, text);
        let told = bench.ok(&["build", &events, "-o", "store"]).stdout;
        assert!(told.contains("2,000 rows, 0 rejected") && told.contains("2,000 accounts"), "{told}");
        assert!(bench.ok(&["show", "store", "user_agent:\"Mozilla"]).stdout.contains("5"));
    }
    // Two clients who make others' rows look like one's user agent: they are counted, and fail the run.
    let pair = |at| match at {
        10 => "\"Mozilla".to_owned(),
        1_500 => "Mozilla\"".to_owned(),
        _ => "curl".to_owned(),
    };
    let events = bench.file("pair.csv", agents((0..2_000).map(pair)));
    refuses_again(&bench, &["1491 of 2000 rows", "quoted_lines"], &events);
    // A prompt may have lines, and what looks like rows in it is text.
    let prompt = "timestamp,account_id,prompt\n2026-02-01T00:00:00Z,a,\"one\n2026-02-01T00:00:00Z,b,c\nthree\"\n";
    let events = bench.file("prompt.csv", prompt);
    assert!(bench.ok(&["build", &events, "-o", "prompts"]).stdout.contains("1 row, 0 rejected"));
}

fn refuses_again(bench: &Bench, words: &[&str], events: &str) {
    bench.fails(2, words, &["build", events, "-o", "other"]);
    assert!(!bench.path("other").exists(), "a failed build left a store behind");
}

#[test]
fn rejected_rows_are_never_written_over_what_is_read() {
    let bench = Bench::new();
    let events = bench.file("events.csv", GOOD);
    bench.fails(2, &["events.csv", "--rejects"], &["build", &events, "-o", "store", "--rejects", &events]);
    assert_eq!(fs::read_to_string(&events).expect("the log is there"), GOOD);
}

#[test]
fn tokens_that_look_like_card_numbers_pass_if_that_is_said() {
    let bench = Bench::new();
    let events = bench.file("events.csv", GOOD.replace("tok_1", "4111111111111111"));
    refuses(&bench, &["raw card number", "--card-tokens"], &events);
    assert!(bench.ok(&["build", &events, "-o", "store", "--card-tokens"]).stdout.contains("1 payment_instrument"));
}

#[test]
fn what_clients_write_of_themselves_does_not_stop_the_run() {
    let bench = Bench::new();
    // A user agent that can't be read in every twentieth row.
    let events = agents((0..4_000).map(|at| if at % 20 == 0 { "a\u{1}b".to_owned() } else { "curl".to_owned() }));
    let told = bench.ok(&["build", &bench.file("events.csv", events), "-o", "store"]).stdout;
    assert!(told.contains("4,000 rows, 0 rejected") && told.contains("200 rows were kept without"), "{told}");
    // In every other: the column is broken.
    let events = agents((0..4_000).map(|at| if at % 2 == 0 { "a\u{1}b".to_owned() } else { "curl".to_owned() }));
    refuses_again(&bench, &["2000 of 4000 rows", "control_character"], &bench.file("broken.csv", events));
    // More models than there are numbers for.
    let row = |at| format!("2026-02-01T00:00:00Z,a{},model-{at}\n", at % 50);
    let models = "timestamp,account_id,model\n".to_owned() + &(0..66_000).map(row).collect::<String>();
    let told = bench.ok(&["build", &bench.file("models.csv", models), "-o", "models"]).stdout;
    assert!(told.contains("465 rows were kept without") && told.contains("too_many_labels"), "{told}");
}

#[cfg(unix)]
#[test]
fn a_pipe_is_read_by_its_name() {
    let bench = Bench::new();
    let mut child = bench
        .command(&["build", "/dev/stdin", "-o", "store"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the binary runs");
    child.stdin.take().expect("a pipe").write_all(GOOD.as_bytes()).expect("is read");
    let ran = crate::support::Ran::of(child.wait_with_output().expect("ends"));
    assert!(ran.code == 0 && ran.stdout.contains("2 rows, 0 rejected"), "{} {}", ran.stdout, ran.stderr);
}

#[test]
fn content_is_a_column_where_a_map_names_it() {
    let bench = Bench::new();
    let events = bench.file("posts.csv", "timestamp,account_id,link\n2026-02-01,a,x.org\n2026-02-01T00:00:00Z,b,x.org\n");
    let ran = bench.run(&["build", &events, "-o", "store", "--map", "url=link"]);
    assert!(ran.stdout.contains("1 url"), "{} {}", ran.stdout, ran.stderr);
    // In a table a day is a time.
    let accounts = bench.file("accounts.csv", "account_id,created_at\nb,2026-01-31\n");
    bench.ok(&["build", &events, "-o", "store", "--accounts", &accounts]);
    assert!(bench.ok(&["show", "store", "b"]).stdout.contains("2026-01-31T00:00:00Z"));
}

#[test]
fn what_engines_leave_beside_the_data_is_left_out_and_told() {
    let bench = Bench::new();
    fs::create_dir(bench.path("out")).expect("a folder");
    bench.file("out/part-0.csv", GOOD);
    bench.file("out/_SUCCESS", "");
    bench.file("out/.part-0.csv.crc", "crc");
    let said = "out/.part-0.csv.crc and 1 other file were left out";
    for command in [&["build", "out/*", "-o", "store"][..], &["profile", "out/*"]] {
        let ran = bench.ok(command);
        assert!(ran.stdout.contains("2 rows") && ran.stderr.contains(said), "{}", ran.stderr);
    }
    // As a shell expands it.
    let ran = bench.ok(&["build", "out/_SUCCESS", "out/part-0.csv", "-o", "store"]);
    assert!(ran.stderr.contains("out/_SUCCESS was left out"), "{}", ran.stderr);
    refuses_again(&bench, &["out/_SUCCESS", "empty file"], "out/_SUCCESS");
}
