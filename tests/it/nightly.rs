//! What a job that nobody watches needs: it stops where it is told to, says in its exit code why, and goes on as before.

use std::fs;
use std::process::Stdio;

use crate::act::text;
use crate::support::{Bench, Ran, detected, of_world};

/// A store of two days of 120 accounts on 120 addresses.
fn two_days(bench: &Bench) {
    for day in 1..=2 {
        let row = |account: u32| format!("2026-02-0{day}T00:00:00Z,a{account:03},8.8.8.{account},c{account}\n");
        let rows: String = (0..120).map(row).collect();
        let path = bench.file(&format!("{day}.csv"), format!("timestamp,account_id,ip,payment_instrument\n{rows}"));
        let command: &[&str] = if day == 1 { &["build", &path, "-o", "store"] } else { &["update", "store", &path] };
        bench.ok(command);
    }
}

#[test]
fn a_spoilt_delivery_is_stopped_before_it_is_in_the_store() {
    let bench = Bench::new();
    two_days(&bench);
    let before = bench.ok(&["info", "store", "--format", "json"]).stdout;
    let rows: String = (0..120).map(|account| format!("2026-02-03T00:00:00Z,A{account:03},8.8.4.4\n")).collect();
    let spoilt = bench.file("3.csv", format!("timestamp,account_id,ip\n{rows}"));
    for (asked, found) in [
        ("missing", "no column payment_instrument"),
        ("one-value,read_before", "all rows have the same ip"),
        ("new_accounts", "all 120 accounts that were read are new"),
    ] {
        bench.fails(4, &["nothing was written", found], &["update", "store", &spoilt, "--fail-on", asked]);
        assert_eq!(bench.ok(&["info", "store", "--format", "json"]).stdout, before);
    }
    let told = bench.run(&["update", "store", &spoilt, "--detect", "--fail-on", "missing,one_value", "--format", "json"]);
    let error: serde_json::Value = serde_json::from_str(&told.stderr).expect("an error as JSON");
    assert_eq!((told.code, &error["error"]["kind"], &error["error"]["exit_code"]), (4, &"drift".into(), &4.into()));
    let drift: Vec<String> = error["error"]["drift"].as_array().expect("what").iter().map(|one| text(&one["drift"])).collect();
    assert_eq!(drift, ["missing", "one_value"]);
    // What wasn't asked for is told, and goes in; a dry run tells the same and leaves it out.
    let dry = bench.ok(&["update", "store", &spoilt, "--dry-run", "--fail-on", "no_rows"]);
    assert!(dry.stderr.contains("a dry run: nothing was written"), "{}", dry.stderr);
    assert_eq!(bench.ok(&["info", "store", "--format", "json"]).stdout, before);
    let taken = bench.ok(&["update", "store", &spoilt, "--fail-on", "no_rows"]);
    assert_eq!(dry.stdout, taken.stdout);
    assert_eq!(bench.ok(&["info", "store", "--format", "json"]).json()["rows"], 360);
    let cut = bench.file("4.csv", "timestamp,account_id,ip\n2026-02-04T00:00:00Z,a001,8.8.8.1\n2026-02-04T00:00");
    bench.fails(4, &["cut: the last line of", "4.csv"], &["update", "store", &cut, "--fail-on", "cut"]);
    let blank = bench.file("5.csv", "");
    let arguments = ["update", "store", &blank, &cut, "--fail-on", "no_rows,mostly_rejected"];
    bench.fails(4, &["no_rows: ", "5.csv has no rows"], &arguments);
    bench.fails(2, &["none of missing, empty"], &["update", "store", &spoilt, "--fail-on", "everything"]);
}

/// A day that came again without its event ids was counted twice, and nobody was told; nor of a model, a status or a browser that
/// were gone.
#[test]
fn a_file_without_a_column_of_the_files_before_is_told_and_stopped() {
    let bench = Bench::new();
    let day = |columns: &str, more: &str| {
        let rows: String = (0..3)
            .map(|at| format!("2026-02-0{}T00:00:00Z,a{at},8.8.8.{at}{}\n", at + 1, more.replace('#', &at.to_string())))
            .collect();
        format!("timestamp,account_id,ip{columns}\n{rows}")
    };
    let all = ",event_id,user_agent,ja4,model,capability,status,pathway,tokens,requests";
    let whole = bench.file("whole.csv", day(all, ",e#,Firefox,t13,m1,chat,200,api,7,2"));
    let named = "event_id, capability, ja4, model, pathway, requests, status, tokens, user_agent";
    let columns = |ran: &Ran, which: &str| -> Vec<String> {
        ran.json()[which].as_array().expect("columns").iter().map(|one| text(&one["column"])).collect()
    };
    let sorted = |mut names: Vec<&str>| -> Vec<String> {
        names.sort_unstable();
        names.into_iter().map(str::to_owned).collect()
    };
    let expected = sorted(named.split(", ").collect());
    let built = bench.ok(&["build", &whole, "-o", "store", "--format", "json"]);
    assert!(columns(&built, "missing").is_empty() && columns(&built, "empty").is_empty(), "{}", built.stdout);
    let again = bench.file("again.csv", day("", ""));
    let without: Vec<String> = expected.iter().map(|column| format!("no column {column}")).collect();
    let words: Vec<&str> = without.iter().map(String::as_str).collect();
    bench.fails(4, &words, &["update", "store", &again, "--fail-on", "missing"]);
    // Nor is one better that a map names; without the option it is an error of the input.
    let told = ["missing: ", "again.csv", "no column \"status_code\", which the map has for status"];
    let mapped = ["update", "store", &again, "--map", "status=status_code"];
    bench.fails(4, &told, &[&mapped[..], &["--fail-on", "missing"]].concat());
    bench.fails(2, &told[1..], &mapped);
    // Columns of nothing are no better, and those of which the store has nothing either are none of its own.
    let hollow = bench.file("hollow.csv", day(&format!("{all},device"), ",,,,,,,,,,"));
    let ran = bench.ok(&["update", "store", &hollow, "--dry-run", "--format", "json"]);
    let empty = sorted(named.split(", ").filter(|column| *column != "requests").collect());
    assert_eq!((columns(&ran, "missing"), columns(&ran, "empty")), (vec![], empty));
    // In rows of one sighting it is what these have; in objects what none of them has.
    let long = "timestamp,account_id,entity_kind,entity_value\n2026-02-01T00:00:00Z,a0,ip,8.8.8.1\n";
    let ran = bench.ok(&["update", "store", &bench.file("long.csv", long), "--dry-run", "--format", "json"]);
    assert_eq!(columns(&ran, "missing"), ["event_id", "requests", "tokens"]);
    let objects = "{\"account_id\":\"a0\",\"model\":\"m1\",\"ip\":\"8.8.8.1\",\"ts\":1769904000}\n{\"account_id\":\"a0\",\"event_id\":\"e9\"}\n";
    let ran = bench.ok(&["update", "store", &bench.file("some.jsonl", objects), "--dry-run", "--format", "json"]);
    assert_eq!(
        columns(&ran, "missing"),
        sorted(named.split(", ").filter(|one| !["event_id", "model"].contains(one)).collect())
    );
    let told = bench.ok(&["update", "store", &again]).words();
    assert!(told.contains("which other events have; rows without an event id count again where they had been read"), "{told}");
    // What this run itself brings counts as well.
    let built = bench.ok(&["build", &whole, &again, "-o", "both", "--format", "json"]);
    assert_eq!(columns(&built, "missing"), expected);
}

/// It asked for the lock of a store in which nothing was to be written. (Whoever may write everywhere tests no more than that a
/// dry run is one.)
#[test]
#[cfg(unix)]
fn a_dry_run_needs_no_store_that_can_be_written() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    two_days(&bench);
    let day = bench.file("3.csv", "timestamp,account_id,ip\n2026-02-03T00:00:00Z,a001,8.8.4.4\n");
    let dry = || bench.run(&["update", "store", &day, "--dry-run", "--format", "json"]);
    let writable = dry();
    let allow = |mode: u32| fs::set_permissions(bench.path("store"), fs::Permissions::from_mode(mode)).expect("permissions");
    fs::remove_file(bench.path("store/LOCK")).expect("a lock file");
    allow(0o555);
    let read_only = dry();
    allow(0o755);
    assert_eq!((read_only.code, &read_only.stdout), (0, &writable.stdout), "{}", read_only.stderr);
    bench.ok(&["verify", "store"]);
}

#[test]
fn errors_are_json_where_answers_are() {
    let bench = Bench::new();
    let store = detected(&bench);
    let error = |arguments: &[&str]| -> (i32, serde_json::Value) {
        let Ran { code, stderr, stdout } = bench.run(arguments);
        assert_eq!(stdout, "");
        let read: serde_json::Value = serde_json::from_str(&stderr).unwrap_or_else(|error| panic!("{error} in {stderr}"));
        (code, read["error"].clone())
    };
    let name = text(&bench.ok(&["members", &store, "--top", "1", "--format", "jsonl"]).records()[0]["account_id"]);
    let (code, unknown) = error(&["show", &store, &format!("{name}x"), "--format", "json"]);
    assert_eq!((code, &unknown["kind"], &unknown["exit_code"]), (3, &"unknown_id".into(), &3.into()));
    assert!(
        unknown["nearest"].as_array().is_some_and(|names| names.iter().any(|near| text(near).ends_with(&name))),
        "{unknown}"
    );
    let (code, usage) = error(&["show", &store, "--format=jsonl", "--no-such-option"]);
    assert_eq!((code, &usage["kind"]), (2, &"usage".into()));
    assert!(text(&usage["message"]).starts_with("unexpected argument '--no-such-option'"), "{usage}");
    let (code, missing) = error(&["build", "nowhere.csv", "-o", "store", "--format", "json"]);
    assert_eq!((code, &missing["kind"]), (2, &"input".into()));
    // People get a line.
    bench.fails(3, &["hydralink: ", "did you mean"], &["show", &store, &format!("{name}x")]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_told_from_a_wrong_question() {
    let bench = Bench::new();
    let store = detected(&bench);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("a device that is full");
    let ran = bench.command(&["networks", &store, "--all"]).stdout(full).stderr(Stdio::piped()).output().expect("it runs");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(74), "{said}");
    assert!(said.contains("No space left"), "{said}");
}

/// An analyst's look with other settings used to change what every following night went by, and an update without a detection
/// lost them: both silently.
#[test]
fn a_detection_with_other_settings_is_told_and_an_update_keeps_the_last() {
    let bench = Bench::new();
    let store = detected(&bench);
    let strict = bench.file("strict.toml", "[linkage.score]\nthreshold_bits = 500.0\n");
    let account = text(&bench.ok(&["members", &store, "--top", "1", "--format", "jsonl"]).records()[0]["account_id"]);
    let good = bench.file("good.txt", format!("{account}\n"));
    let told = bench.run(&["detect", &store, "--config", &strict, "--good", &good]).stderr;
    assert!(
        told.contains("not as the last detection: with the list good (1 entry), linkage.score.threshold_bits 5.0 -> 500.0"),
        "{told}"
    );
    assert!(!bench.run(&["detect", &store, "--config", &strict, "--good", &good]).stderr.contains("not as the last"));
    let row = |second: u32| format!("timestamp,account_id,ip\n2026-04-30T00:00:{second:02}Z,newcomer,8.8.8.8\n");
    // One night without a detection, and one with.
    bench.ok(&["update", &store, &bench.file("one.csv", row(1))]);
    let info = bench.ok(&["info", &store, "--format", "json"]).json();
    assert!(info["networks"].is_null(), "{info}");
    assert_eq!(info["settings"]["changed"][0]["name"], "linkage.score.threshold_bits");
    bench.ok(&["update", &store, &bench.file("two.csv", row(2))]);
    let again = bench.ok(&["update", &store, &bench.file("three.csv", row(3)), "--detect", "--format", "json"]).json();
    assert_eq!(again["networks_found"], 0, "{again}");
    let info = bench.ok(&["info", &store, "--format", "json"]).json();
    assert_eq!((&info["networks"]["threshold"], &info["settings"]["lists"][0]["entries"]), (&500.0.into(), &1.into()));
    let told = bench.run(&["detect", &store]).stderr;
    assert!(told.contains("without the list good (1 entry), linkage.score.threshold_bits 500.0 -> 5.0"), "{told}");
}

#[test]
fn a_store_says_what_it_holds_and_which_days_are_missing() {
    let bench = Bench::new();
    two_days(&bench);
    let late = bench.file("6.csv", "timestamp,account_id,ip\n2026-02-06T12:00:00+01:00,a001,8.8.8.1\nx,y,8.8.8.1\n");
    bench.ok(&["update", "store", &late, "--tz", "Europe/Berlin"]);
    let info = bench.ok(&["info", "store", "--format", "json"]).json();
    assert_eq!((&info["accounts"], &info["events"], &info["rows"]), (&120.into(), &241.into(), &242.into()));
    assert_eq!(info["silent_days"], serde_json::json!(["2026-02-03", "2026-02-04", "2026-02-05"]));
    assert_eq!(info["exchanges_by_day"][0], serde_json::json!(["2026-02-01", 120]));
    assert_eq!((&info["last_seen"], &info["tz"]), (&"2026-02-06T11:00:00Z".into(), &"Europe/Berlin".into()));
    assert_eq!((info["files"].as_array().map(Vec::len), &info["rejected"][0][0]), (Some(3), &"bad_time".into()));
    assert!(info["settings"].is_null() && info["networks"].is_null());
    let told = bench.ok(&["info", "store"]).stdout;
    for line in ["days without an exchange: 2026-02-03, 2026-02-04, 2026-02-05", "not detected yet", "decisions: none"] {
        assert!(told.contains(line), "{told}");
    }
    let store = detected(&bench);
    let told = bench.ok(&["info", &store]).words();
    assert!(told.contains("settings: the defaults") && told.contains("q-values: none (`calibrate` was never run)"), "{told}");
    let events = fs::read_to_string(of_world("events.csv")).expect("the events");
    let rows = bench.ok(&["info", &store, "--format", "json"]).json()["rows"].as_u64();
    assert_eq!(rows, Some(events.lines().count() as u64 - 1));
}

/// A kind of a map went missing with it, each night anew, for the last map is kept.
#[test]
fn a_kind_that_another_map_does_not_look_for_is_missing() {
    let bench = Bench::new();
    let row = |day: u32, more: &str| format!("2026-03-0{day}T00:00:00Z,a{day},8.8.8.{day}{more}\n");
    let with = bench.file("with.csv", "timestamp,account_id,ip,gadget\n".to_owned() + &row(1, ",g1") + &row(2, ",g1"));
    let without = bench.file("without.csv", "timestamp,account_id,ip\n".to_owned() + &row(3, ""));
    let map = bench.file("map.toml", "[kinds.gadget]\ncolumn = [\"gadget\"]\nrole = \"device\"\n");
    bench.ok(&["build", &with, "--map", &map, "-o", "store", "--quiet"]);
    let other = bench.file("other.toml", "[columns]\nmodel = [\"model\"]\n");
    let update =
        |events: &str, map: &str| bench.run(&["update", "store", events, "--map", map, "--fail-on", "missing", "--dry-run"]);
    let refused = update(&without, &other);
    assert!(refused.code == 4 && refused.stderr.contains("no column gadget"), "{}", refused.stderr);
    assert_eq!(update(&without, &map).code, 4);
    let more = bench.file("more.csv", "timestamp,account_id,ip,gadget\n".to_owned() + &row(4, ",g1"));
    assert_eq!((update(&more, &map).code, update(&more, &other).code), (0, 4), "there, and not read");
}
