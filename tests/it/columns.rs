//! Which columns are read, and what is said of the others.

use std::fmt::Write;

use crate::support::Bench;

/// Rows with two names of the account and of the address, as objects whose fields come in one order or the other by turns.
fn both_ways(rows: usize) -> (String, String) {
    let (mut csv, mut json) = ("ts,user_id,account_id,c_ip,client_ip\n".to_owned(), String::new());
    for at in 0..rows {
        let (time, user, account, proxy) = ("2026-05-01T00:00:00Z", at % 18, at % 4, at % 7);
        let client = if at % 2 == 0 { String::new() } else { format!("1.2.3.{}", at % 5) };
        writeln!(csv, "{time},user{user},org{account},8.8.8.{proxy},{client}").expect("fits");
        let client = if client.is_empty() { "null".to_owned() } else { format!("{client:?}") };
        let mut fields = [
            format!("\"ts\":\"{time}\""),
            format!("\"user_id\":\"user{user}\""),
            format!("\"account_id\":\"org{account}\""),
            format!("\"c_ip\":\"8.8.8.{proxy}\""),
            format!("\"client_ip\":{client}"),
        ];
        if at % 3 == 0 {
            fields.reverse();
        }
        writeln!(json, "{{{}}}", fields.join(",")).expect("fits");
    }
    (csv, json)
}

/// Whoever ordered the fields of an object chose whose it was.
#[test]
fn the_order_of_names_decides_and_not_that_of_fields() {
    let bench = Bench::new();
    let (csv, json) = both_ways(400);
    let (csv, json) = (bench.file("events.csv", csv), bench.file("events.jsonl", json));
    let lists =
        [&["account_id=account_id", "account_id=user_id"][..], &["ip=client_ip", "ip=c_ip"], &["ip=c_ip", "ip=client_ip"], &[]];
    for (list, expected) in lists.into_iter().zip([(4, 5), (4, 5), (4, 7), (4, 5)]) {
        let maps: Vec<&str> = list.iter().flat_map(|map| ["--map", map]).collect();
        let read = |events: &str| {
            let built = bench.ok(&[&["build", events, "-o", "store"][..], &maps].concat()).stdout;
            let json = bench.ok(&[&["build", events, "-o", "store", "--format", "json"][..], &maps].concat()).json();
            let known =
                |kind: &str| json["identifiers"].as_array().and_then(|all| all.iter().find(|one| one[0] == kind).cloned());
            (built, json["accounts"].clone(), known("ip").map(|one| one[1].clone()))
        };
        let of_json = read(&json);
        assert_eq!(read(&csv), of_json, "{list:?}");
        assert_eq!((of_json.1, of_json.2), (expected.0.into(), Some(expected.1.into())), "{list:?}");
        assert!(of_json.0.contains("column user_id was not read: another one is account_id already"), "{}", of_json.0);
    }
    // Of objects that lack the first name the next is read, as where logs of two systems are one stream.
    let mixed =
        bench.file("mixed.jsonl", "{\"user_id\":\"a\",\"ip\":\"8.8.8.8\"}\n{\"account_id\":\"b\",\"ip\":\"8.8.8.8\"}\n");
    let told = bench.ok(&["build", &mixed, "-o", "store"]).stdout;
    assert!(
        told.contains("2 accounts") && told.contains("account_id was read from account_id (1 row) and user_id (1 row)"),
        "{told}"
    );
}

/// What stood in the first thousand lines was taken for all there is.
#[test]
fn columns_of_json_lines_are_those_of_the_whole_file() {
    let bench = Bench::new();
    let row = |at: usize, field: &str| format!("{{\"user\":{{\"id\":\"a{}\"}}{field}}}\n", at % 50);
    let rows = |late: &str| (0..3_000).map(|at| row(at, if at < 1_500 { "" } else { late })).collect::<String>();
    let late = bench.file("late.jsonl", rows(",\"billing\":{\"card\":\"tok\"}"));
    let named = ["--map", "account_id=user.id", "--map", "payment_instrument=billing.card"];
    let build = |events: &str| [&["build", events, "-o", "store", "--format", "json"][..], &named].concat().join(" ");
    let read = |events: &str| bench.ok(&build(events).split(' ').collect::<Vec<_>>()).json();
    assert_eq!(read(&late)["identifiers"][0], serde_json::json!(["payment_instrument", 1]));
    let never = bench.file("never.jsonl", rows(",\"billing\":{\"cart\":\"tok\"}"));
    let told = ["no column \"billing.card\"", "did you mean \"billing.cart\"?"];
    bench.fails(2, &told, &build(&never).split(' ').collect::<Vec<_>>());
    let renamed = bench.file("renamed.jsonl", rows(",\"source_address\":\"9.9.9.9\""));
    let listed = bench.ok(&["profile", &renamed, "--map", "account_id=user.id", "--format", "json"]).json();
    assert_eq!(listed["files"][0]["ignored"], serde_json::json!(["source_address"]));
}

/// Five thousand rows were refused for one that a client dated itself.
#[test]
fn a_time_in_another_unit_rejects_its_row_alone() {
    let bench = Bench::new();
    let row = |at: usize, time: &str| format!("{{\"account_id\":\"a{at}\",\"ts\":{time}}}\n");
    let good = |at| row(at, "\"2026-05-01T00:00:00Z\"");
    for odd in ["1777593600", "\"1777593600\"", "1777593600123"] {
        let rows = (0..2_000).map(|at| if at == 3 || at == 1_700 { row(at, odd) } else { good(at) });
        let events = bench.file("events.jsonl", rows.collect::<String>());
        let told = bench.ok(&["build", &events, "-o", "store", "--rejects", "bad.jsonl"]).stdout;
        assert!(told.contains("2,000 rows, 2 rejected") && told.contains("2 other_time_unit"), "{told}");
        assert!(told.contains("1,998 accounts"), "{told}");
    }
    let csv = "account_id,ts\na,1777593600\nb,2026-05-01T00:00:00Z\nc,1777593601\n";
    assert!(bench.ok(&["build", &bench.file("three.csv", csv), "-o", "store"]).stdout.contains("3 rows, 1 rejected"));
    // Of two neither can be told to be the wrong one.
    let csv = "account_id,ts\na,1777593600\nb,2026-05-01T00:00:00Z\n";
    bench.fails(2, &["mixes timestamps"], &["build", &bench.file("two.csv", csv), "-o", "store"]);
    // A file that changes its unit is no stray row.
    let rows = (0..2_000).map(|at| if at < 1_200 { good(at) } else { row(at, "1777593600") }).collect::<String>();
    bench.fails(2, &["800 of 2000 rows", "other_time_unit"], &["build", &bench.file("both.jsonl", rows), "-o", "store"]);
}

/// Each account of a column that became a number was two.
#[test]
fn accounts_that_differ_by_zeros_are_told() {
    let bench = Bench::new();
    let day = |name: &str, ids: &[&str]| {
        bench.file(name, ids.iter().fold("account_id,ip\n".to_owned(), |text, id| text + id + ",8.8.8.8\n"))
    };
    let (first, second) = (day("1.csv", &["00042", "00007", "10001"]), day("2.csv", &["42", "7.0", "10001", "12"]));
    let told = "1 account is there in two spellings, 00042 and 42 for instance";
    let built = bench.ok(&["build", &first, &second, "-o", "store"]);
    assert!(built.stderr.contains(told), "{}", built.stderr);
    assert!(!bench.ok(&["build", &first, "-o", "store"]).stderr.contains("spellings"));
    let updated = bench.ok(&["update", "store", &second, "--format", "json"]);
    assert!(updated.stderr.contains(told), "{}", updated.stderr);
    let expected = serde_json::json!({"accounts": 1, "first": "00042", "plain": "42"});
    assert_eq!(updated.json()["alike_accounts"], expected);
    // Capitals are another spelling, too.
    let capitals = day("3.csv", &["USR_1", "USR_2", "usr_3"]);
    assert!(!bench.ok(&["build", &capitals, "-o", "store"]).stderr.contains("spellings"));
    let small = day("4.csv", &["usr_1", "usr_2"]);
    let built = bench.ok(&["build", &capitals, &small, "-o", "store"]);
    assert!(built.stderr.contains("2 accounts are there in two spellings, USR_1 and usr_1 for instance"), "{}", built.stderr);
}

#[test]
fn side_tables_that_fit_nothing_are_told() {
    let bench = Bench::new();
    let day = "2026-02-03T00:00:00Z";
    let events = bench.file("events.csv", format!("ts,account_id,ip,model\n{day},007,8.8.8.8,m\n{day},008,8.8.8.8,m\n"));
    let accounts = bench.file("accounts.csv", "account_id,created_at,colour\n7,2026-02-01,red\n8,2026-02-01,\n8,2026-02-02,\n");
    let releases = bench.file("releases.csv", "model,released_at\nn,2026-02-01\nm,2026-02-02\n");
    let allow = bench.file("allow.csv", "kind,value,reason\naccount,007,x\nip,8.8.4.4,x\nip,8.8.4.4,x\n");
    let tables = ["--accounts", &accounts, "--releases", &releases, "--allow", &allow];
    let built = bench.ok(&[&["build", &events, "-o", "store"][..], &tables].concat());
    for told in [
        "accounts.csv: none of 3 rows are of an account that occurs in the events",
        "allow.csv: only 1 of 3 rows is of an account or identifier",
        "accounts.csv: 1 row says otherwise than an earlier row of the same",
    ] {
        assert!(built.stderr.contains(told), "{told}: {}", built.stderr);
    }
    assert!(!built.stderr.contains("releases"), "half of it matches: {}", built.stderr);
    assert!(built.stdout.contains("accounts: columns that mean nothing and were not read: colour"), "{}", built.stdout);
    let json = bench.ok(&[&["build", &events, "-o", "store", "--format", "json"][..], &tables].concat()).json();
    let counts =
        |table: usize| ["rows", "matched", "conflicting"].map(|name| json["tables"][table][name].as_u64().expect(name));
    assert_eq!([counts(0), counts(1), counts(2)], [[3, 0, 1], [2, 1, 0], [3, 1, 0]]);
    // An update tells of the tables that it is given.
    let more = bench.file("more.csv", "account_id,ip\n009,8.8.8.8\n");
    assert_eq!(bench.ok(&["update", "store", &more, "--format", "json"]).json()["tables"], serde_json::json!([]));
}

/// Bans of a column `bannedAt` were lost.
#[test]
fn columns_of_tables_are_known_by_any_spelling_as_those_of_events_are() {
    let bench = Bench::new();
    let events = bench.file("events.csv", ",Timestamp,Account ID,ip\n0,2026-03-01,a,8.8.8.8\n1,2026-03-02,b,8.8.8.8\n");
    for (created, banned) in [("created at", "bannedAt"), ("Created-At", "banned.at"), ("CREATED_AT", "Banned At")] {
        let rows = "0,a,2026-02-02,2026-02-01,4\n1,b,2026-02-01,,5\n2,z,2026-02-01,2026-02-03,5\n";
        let accounts = bench.file("accounts.csv", format!(",AccountID,{created},{banned},Shoe Size\n{rows}"));
        let built = bench.ok(&["build", &events, "--accounts", &accounts, "-o", "store"]);
        let unread = "were not read: a column without a name (the 1st)";
        assert!(
            built.stdout.contains(&format!("accounts: columns that mean nothing and {unread}, Shoe Size")),
            "{}",
            built.stdout
        );
        assert!(built.stdout.contains(&format!("columns that mean nothing and {unread}; --map")), "{}", built.stdout);
        assert!(built.stderr.contains("accounts.csv: 1 row has a banned_at before created_at"), "{}", built.stderr);
        assert!(built.stderr.contains("events.csv: its times are days"), "{}", built.stderr);
        let facts = bench.ok(&["show", "store", "account:a", "--format", "json"]).json()["facts"].clone();
        assert_eq!(facts["banned_at"], "2026-02-01T00:00:00Z", "{banned}");
    }
    let one = bench.file("one.csv", "account_id,tier\na,free\ny,free\nz,free\n");
    let built = bench.ok(&["build", &events, "--accounts", &one, "-o", "store"]);
    assert!(built.stdout.contains("accounts: 3 rows, 1 is of an account that occurs"), "{}", built.stdout);
    // In one way wherever text is read.
    let utf_16: Vec<u8> = std::iter::once(0xfeff).chain("account_id,ip\n".encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let utf_16 = bench.file("utf16.csv", utf_16);
    let told = ["utf16.csv: it is UTF-16; UTF-8 was expected; iconv -f UTF-16 -t UTF-8 writes it"];
    bench.fails(2, &told, &["profile", &utf_16]);
    bench.fails(2, &told, &["build", &events, "--accounts", &utf_16, "-o", "other"]);
    bench.fails(2, &told, &["link", "store", "--must", &utf_16]);
}

#[test]
fn a_column_without_values_and_one_of_a_single_value_are_told() {
    let bench = Bench::new();
    let rows = |ip: &dyn Fn(usize) -> String| {
        (0..200).fold("account_id,ip\n".to_owned(), |text, at| text + &format!("a{at},{}\n", ip(at)))
    };
    let good = bench.file("good.csv", rows(&|at| format!("9.9.{at}.1")));
    let empty = bench.file("empty.csv", rows(&|_| String::new()));
    let same = bench.file("same.csv", rows(&|_| "9.9.9.9".to_owned()));
    let build = |file: &str| bench.ok(&["build", &good, file, "-o", "store", "--format", "json"]).json();
    let one = |file: &str| serde_json::json!([{"column": "ip", "files": 1, "first": file}]);
    let built = build(&empty);
    assert_eq!((&built["empty"], &built["one_value"]), (&one(&empty), &serde_json::json!([])));
    assert_eq!(built["filled"], serde_json::json!([["account_id", 400], ["ip", 200]]));
    let built = build(&same);
    assert_eq!((&built["empty"], &built["one_value"]), (&serde_json::json!([]), &one(&same)));
    let told = bench.ok(&["update", "store", &empty]).stdout;
    assert!(told.contains("empty.csv: no row has a value of ip, which other events have"), "{told}");
    let told = bench.ok(&["profile", &good, &empty]).stdout;
    assert!(told.contains("rows with a value: account_id 100.0%, ip 50.0%"), "{told}");
}

#[test]
fn a_folder_is_the_events_in_it() {
    let bench = Bench::new();
    std::fs::create_dir_all(bench.path("lake/dt=1/_temporary")).expect("folders");
    let row = |account: &str| format!("account_id,ip\n{account},8.8.8.8\n");
    for (name, account) in [("dt=1/part-0.csv", "a"), ("part-1.csv", "b"), ("dt=1/_temporary/part-2.csv", "c")] {
        bench.file(&format!("lake/{name}"), row(account));
    }
    bench.file("lake/dt=1/_SUCCESS", "");
    let accounts = bench.file("lake/accounts.csv", "account_id,created_at\na,2026-02-01\n");
    let ran = bench.ok(&["build", "lake/", "-o", "store", "--accounts", &accounts]);
    assert!(
        ran.stdout.contains("2 accounts") && ran.stderr.contains("_SUCCESS and 1 other file were left out"),
        "{}",
        ran.stderr
    );
    std::fs::create_dir(bench.path("none")).expect("a folder");
    bench.fails(2, &["no events in this folder", ".parquet"], &["build", "none", "-o", "store"]);
}

/// What an export that was given twice says counts twice: nobody can tell it from two requests of one second, but it can be
/// told.
#[test]
fn files_that_overlap_are_named_before_anything_is_built() {
    let bench = Bench::new();
    let rows = |days: std::ops::Range<u32>, header: &str| {
        let row = |at: u32| format!("2026-02-{:02}T{:02}:00:00Z,a{},192.0.2.{}\n", 1 + at / 24, at % 24, at % 7, at % 5);
        header.to_owned() + &days.map(row).collect::<String>()
    };
    let header = "timestamp,account_id,ip\n";
    let first = bench.file("first.csv", rows(0..200, header));
    // The same columns in another spelling: what they say is compared.
    let second = bench.file("second.csv", rows(150..400, "ts,account,client_ip\n"));
    let third = bench.file("third.csv", rows(400..500, header));
    let again = bench.file("again.csv", rows(400..500, header));
    let profile = bench.ok(&["profile", &first, &second, &third, &again, "--format", "json"]);
    let alike = serde_json::json!([{"first": first, "second": second, "rows": 50, "of_rows": 250}]);
    assert_eq!(profile.json()["repeats"], serde_json::json!({"rows": 50, "one_of": 1, "files": alike}), "{}", profile.stdout);
    assert!(profile.stderr.contains("again.csv: another file has the same bytes; skipped"), "{}", profile.stderr);
    let told = bench.ok(&["profile", &first, &second]).words();
    assert!(told.contains("50 rows without an event id say exactly what another row says; a build counts each"), "{told}");
    assert!(told.contains("overlap: 50 of the second's 250 rows are in the first as well"), "{told}");
    let built = bench.ok(&["build", &third, &again, "-o", "store"]);
    assert!(built.stderr.contains("again.csv: another file has the same bytes; skipped"), "{}", built.stderr);
    // With ids the same rows are one event, in both words and numbers; the files overlap all the same.
    let with_ids = |days: std::ops::Range<u32>| {
        let row = |at: u32| format!("2026-02-01T00:00:00Z,a{},192.0.2.1,e{at}\n", at % 7);
        "timestamp,account_id,ip,event_id\n".to_owned() + &days.map(row).collect::<String>()
    };
    let (one, two) = (bench.file("one.csv", with_ids(0..100)), bench.file("two.csv", with_ids(80..200)));
    let profile = bench.ok(&["profile", &one, &two, "--format", "json"]).json();
    assert_eq!((&profile["duplicate_events"], &profile["repeats"]["rows"]), (&20.into(), &0.into()), "{profile}");
    assert_eq!(profile["repeats"]["files"][0]["rows"], 20, "{profile}");
    let told = bench.ok(&["profile", &one, &two]).words();
    let built = bench.ok(&["build", &one, &two, "-o", "ids"]).words();
    let sentence = "20 rows repeat an event that was read; counted once";
    assert!(told.contains(sentence) && built.contains(sentence), "{told} {built}");
}
