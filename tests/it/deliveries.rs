//! What a nightly job meets: files that are empty, cut, or bad from top to bottom among good ones, and exports that lost a column.

use std::fs;
use std::io::Write;

use serde_json::{Value, json};

use crate::support::{Bench, Ran};

const HEADER: &str = "timestamp,account_id,ip\n";

/// Rows of a file, with the same address in twenty.
fn good(rows: usize) -> String {
    (0..rows).fold(HEADER.to_owned(), |text, row| text + &format!("2026-03-01T00:00:00Z,a{row},9.9.{}.1\n", row / 20))
}

/// Rows of which no time can be read.
fn bad(rows: usize) -> String {
    (0..rows).map(|row| format!("02.05.2026 10:00,a{row},9.9.{row}.1\n")).collect()
}

fn lines(json: &Value) -> Vec<&str> {
    json.as_array().expect("a list").iter().map(|line| line.as_str().expect("text")).collect()
}

#[test]
fn a_file_of_nothing_but_bad_rows_is_not_lost_among_others() {
    let bench = Bench::new();
    let many = bench.file("many.csv", good(3_000));
    let night = bench.file("night.csv", HEADER.to_owned() + &bad(40));
    let words = ["night.csv: 40 of its 40 rows are rejected, 20 are allowed", "bad_time (40)", "--max-bad"];
    bench.fails(2, &words, &["build", &many, &night, "-o", "store"]);
    assert!(!bench.path("store").exists());
    let ran = bench.fails(2, &["a build would stop here", "night.csv: 40 of its 40"], &["profile", &many, &night]);
    assert!(ran.stdout.contains("3,040 rows"), "{}", ran.stdout);
    // Whoever allows it is told all the same; and that no row has an address isn't what is wrong.
    let build = |file: &str, options: &[&str]| {
        let ran = bench.ok(&[&["build", &many, file, "-o", "store", "--format", "json"], options].concat());
        (ran.json(), ran.stderr)
    };
    let (built, told) = build(&night, &["--max-bad", "1"]);
    let of = |file: &str, rows: u64, rejected: u64, reason: &str| json!([{"file": file, "rows": rows, "rejected": rejected, "reason": reason}]);
    assert_eq!((&built["mostly_rejected"], &built["empty"]), (&of(&night, 40, 40, "bad_time"), &json!([])));
    assert!(told.contains("night.csv: 40 of 40 rows are rejected, most often bad_time"), "{told}");
    // A few rows fail nothing, and half of a file neither.
    let few = bench.file("few.csv", HEADER.to_owned() + &bad(8) + "2026-03-01T00:00:00Z,z,\n");
    let (built, told) = build(&few, &[]);
    assert_eq!((&built["mostly_rejected"], &built["empty"]), (&of(&few, 9, 8, "bad_time"), &json!([])));
    assert!(told.contains("few.csv: 8 of 9 rows are rejected"), "{told}");
    let half = bench.file("half.csv", good(6) + &bad(6));
    assert_eq!(build(&half, &[]).0["mostly_rejected"], json!([]));
    let more = bench.file("more.csv", good(6) + &bad(7));
    bench.fails(2, &["more.csv: 7 of its 13 rows"], &["build", &many, &more, "-o", "store"]);
    // Of a larger one as many may be bad as of a run of its own.
    let large = bench.file("large.csv", good(1_000) + &bad(101));
    bench.fails(
        2,
        &["large.csv: 101 of its 1101 rows", "100 are allowed"],
        &["build", &many, &large, "-o", "store", "--max-bad", "0.05"],
    );
    bench.ok(&["build", &many, &large, "-o", "store", "--max-bad", "0.1"]);
    // Of rows that can't even be split into fields nothing is known of a column.
    let short = bench.file("short.csv", HEADER.to_owned() + &"2026-03-01T00:00:00Z\n".repeat(5));
    assert_eq!(build(&short, &[]).0["empty"], json!([]));
}

#[test]
fn a_table_that_lost_a_column_takes_nothing_from_the_store() {
    let bench = Bench::new();
    let events = bench.file("events.csv", good(40));
    let table = |name: &str, rows: &[&str]| bench.file(name, format!("account_id,created_at,country\n{}\n", rows.join("\n")));
    let first = table("first.csv", &["a1,2026-01-01,NL", "a2,2026-01-02,DE", "a3,2026-01-03,NL"]);
    bench.ok(&["build", &events, "-o", "store", "--accounts", &first, "--quiet"]);
    let facts = |account: &str| bench.ok(&["show", "store", account, "--format", "json"]).json()["facts"].clone();
    let lost = table("lost.csv", &["a1,,FR", "a2,NULL,FR", "a3,,"]);
    let ran = bench.ok(&["update", "store", "--accounts", &lost, "--format", "json"]);
    assert!(
        ran.stderr.contains("lost.csv: no row has a value of created_at, which the store has of 3 of these accounts"),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains("country"), "{}", ran.stderr);
    let told = ran.json();
    assert_eq!(told["empty"], json!([{"column": "created_at", "files": 1, "first": lost}]));
    assert_eq!(told["tables"][0]["empty"], json!([["created_at", 3]]));
    for account in ["account:a1", "account:a2", "account:a3"] {
        assert!(facts(account)["created_at"].is_string(), "{account}: {}", facts(account));
    }
    // What the table does say goes on counting, what it leaves empty beside values of others is empty.
    assert_eq!((&facts("account:a2")["country"], &facts("account:a3")["country"]), (&json!("FR"), &Value::Null));
    // One account's field is cleared, by a table of its own or among others.
    for cleared in [&["a1,,FR"][..], &["a2,,FR", "a3,2026-01-03,FR"]] {
        let ran = bench.ok(&["update", "store", "--accounts", &table("one.csv", cleared), "--format", "json"]);
        assert_eq!(ran.json()["empty"], json!([]));
    }
    let created = ["account:a1", "account:a2", "account:a3"].map(|account| facts(account)["created_at"].is_string());
    assert_eq!(created, [false, false, true]);
}

#[test]
fn an_empty_file_among_others_is_told() {
    let bench = Bench::new();
    let events = bench.file("events.csv", good(40));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(b"").expect("compresses");
    let gzip = gzip.finish().expect("compresses");
    let zstd = [0x28, 0xb5, 0x2f, 0xfd, 0x24, 0x00, 0x01, 0x00, 0x00, 0x99, 0xe9, 0xd8, 0x51];
    let blank = [
        bench.file("none.csv", ""),
        bench.file("newline.csv", "\n"),
        bench.file("none.csv.gz", &gzip),
        bench.file("none.jsonl.gz", ""),
        bench.file("none.csv.zst", zstd),
        bench.file("none.parquet", ""),
    ];
    let all: Vec<&str> = blank.iter().map(String::as_str).chain([events.as_str()]).collect();
    let ran = bench.ok(&[&["build", "-o", "store", "--format", "json"], &all[..]].concat());
    let mut told: Vec<String> = lines(&ran.json()["blank"]).iter().map(|file| (*file).to_owned()).collect();
    let mut expected = blank.to_vec();
    told.sort_unstable();
    expected.sort_unstable();
    assert_eq!((ran.json()["rows"].as_u64(), told), (Some(40), expected));
    assert!(ran.stderr.contains("and 5 other files: empty, so nothing was read"), "{}", ran.stderr);
    // They leave no trace, whether they come with others or not at all.
    bench.ok(&["build", &events, "-o", "alone", "--quiet"]);
    let manifest = |store: &str| fs::read(bench.path(store).join("MANIFEST")).expect("a manifest");
    assert!(manifest("store") == manifest("alone"));
    let ran = bench.ok(&["update", "store", &events, &blank[0]]);
    assert!(ran.stderr.contains("none.csv: empty"), "{}", ran.stderr);
    assert!(bench.ok(&["profile", &events, &blank[0]]).stderr.contains("none.csv: empty"));
    for file in &blank {
        bench.fails(2, &["empty file"], &["build", file, "-o", "other"]);
        bench.fails(2, &["empty file"], &["update", "store", file]);
    }
}

#[test]
fn a_partition_of_markers_alone_is_a_quiet_day() {
    let bench = Bench::new();
    let events = bench.file("events.csv", good(40));
    bench.ok(&["build", &events, "-o", "store", "--quiet"]);
    fs::create_dir(bench.path("day")).expect("a folder");
    let nothing = ["no events in this folder"];
    // Nothing says that whoever writes it is done.
    bench.fails(2, &nothing, &["update", "store", "day"]);
    bench.file("day/._SUCCESS.crc", "crc");
    bench.fails(2, &nothing, &["update", "store", "day"]);
    bench.file("day/_SUCCESS", "");
    for quiet in ["day", "day/*", "day/_SUCCESS"] {
        let ran = bench.ok(&["update", "store", quiet, "--format", "json"]);
        assert_eq!((&ran.json()["changed"], &ran.json()["new_rows"]), (&json!(false), &json!(0)), "{quiet}");
        assert!(ran.stderr.contains("day/") && ran.stderr.contains("left out"), "{}", ran.stderr);
        assert_eq!(bench.run(&["build", quiet, "-o", "other"]).code, 2, "{quiet}");
    }
    let ran = bench.ok(&["update", "store", "day", &bench.file("more.csv", good(3)), "--format", "json"]);
    assert_eq!(ran.json()["new_rows"], 3);
    // Something else that lies there may have been meant.
    bench.file("day/events.txt", good(3));
    bench.fails(2, &nothing, &["update", "store", "day"]);
}

/// What came by a pipe was counted anew with each run, and Parquet was refused there.
#[test]
fn a_stream_is_told_by_its_bytes_and_may_be_parquet() {
    let bench = Bench::new();
    let events = bench.file("events.csv", good(40));
    let through = |arguments: &[&str], file: &str| {
        let mut command = bench.command(arguments);
        let ran = command.stdin(fs::File::open(file).expect("events")).output().expect("the binary runs");
        let ran = Ran::of(ran);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran
    };
    let build = through(&["build", "-", "-o", "store", "--format", "json"], &events).json();
    assert_eq!((&build["rows"], &build["already_read"]), (&json!(40), &json!([])));
    for (file, arguments) in [(&events, ["-"]), (&events, [events.as_str()])] {
        let update = through(&[&["update", "store", "--format", "json"], &arguments[..]].concat(), file).json();
        assert_eq!(
            (&update["new_rows"], &update["already_read"], &update["changed"]),
            (&json!(0), &json!(arguments), &json!(false))
        );
    }
    // Of another day nobody says that its name was read before; nor is anything left of the copy.
    let next = bench.file("next.csv", good(41));
    let update = through(&["update", "store", "-", "--format", "json"], &next).json();
    assert_eq!((&update["new_rows"], &update["read_before"]), (&json!(41), &json!([])));
    let copies =
        fs::read_dir(bench.path("store")).expect("a store").filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    assert_eq!(copies.filter(|name| name.starts_with('.')).collect::<Vec<_>>(), Vec::<String>::new());
    bench.ok(&["synth", "world", "--tier", "xs", "--quiet"]);
    let parquet = bench.path("world/events.parquet");
    let parquet = parquet.to_str().expect("a UTF-8 path");
    through(&["build", "-", "-o", "by_pipe", "--quiet"], parquet);
    let update = bench.ok(&["update", "by_pipe", parquet, "--format", "json"]).json();
    assert_eq!((&update["new_rows"], &update["already_read"]), (&json!(0), &json!([parquet])));
}

#[test]
fn a_last_line_that_is_cut_is_called_so() {
    let bench = Bench::new();
    let whole = good(40);
    let csv = bench.file("cut.csv", &whole[..whole.len() - 12]);
    let json_lines = "{\"account_id\":\"a\",\"ip\":\"8.8.8.8\"}\n".repeat(9) + "{\"account_id\":\"b\",\"ip\":\"8.8";
    let jsonl = bench.file("cut.jsonl", json_lines);
    for (file, line) in [(&csv, 41), (&jsonl, 10)] {
        let ran = bench.ok(&["build", file, "-o", "store", "--rejects", "rejects.jsonl", "--format", "json"]);
        assert_eq!((&ran.json()["rejected_by_reason"], &ran.json()["cut"]), (&json!([["last_line_cut", 1]]), &json!([file])));
        assert!(ran.stderr.contains(&format!("{file}: the last line is cut")), "{}", ran.stderr);
        let rejects = fs::read_to_string(bench.path("rejects.jsonl")).expect("rejects");
        let reject: Value = serde_json::from_str(&rejects).expect("one line");
        assert_eq!((&reject["reason"], &reject["line"]), (&json!("last_line_cut"), &json!(line)));
        assert!(bench.ok(&["profile", file]).stderr.contains("the last line is cut"));
    }
    // Whole lines may do without a newline, and a bad line that is not the last, or has too many fields, is another thing.
    let is_cut = |text: String| {
        let ran = bench.ok(&["build", &bench.file("events.csv", text), "-o", "store", "--format", "json"]);
        (lines(&ran.json()["cut"]).len(), ran.json()["rejected_by_reason"].clone())
    };
    assert_eq!(is_cut(whole.trim_end().to_owned()), (0, json!([])));
    assert_eq!(is_cut(whole.clone() + "2026-03-01T00:00:00Z,a\n"), (0, json!([["field_count", 1]])));
    assert_eq!(is_cut(whole.clone() + "2026-03-01T00:00:00Z,a,8.8.8.8,x"), (0, json!([["field_count", 1]])));
    assert_eq!(is_cut(whole + "2026-03"), (1, json!([["last_line_cut", 1]])));
}

#[test]
#[cfg(unix)]
fn a_link_that_leads_into_itself_is_called_one() {
    use std::os::unix::fs::symlink;
    let bench = Bench::new();
    fs::create_dir(bench.path("lake")).expect("a folder");
    bench.file("lake/part-0.csv", good(3));
    symlink("../lake", bench.path("lake/again")).expect("a link");
    symlink("gone", bench.path("lake/nowhere")).expect("a link");
    let ran = bench.ok(&["build", "lake", "-o", "store", "--format", "json"]);
    assert_eq!((ran.json()["rows"].as_u64(), &ran.json()["links"]), (Some(3), &json!(["lake/again", "lake/nowhere"])));
    assert!(ran.stderr.contains("lake/again and 1 other file: a link to a folder, or to nothing"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("by their names"), "{}", ran.stderr);
    symlink("loop.csv", bench.path("loop.csv")).expect("a link");
    bench.fails(2, &["loop.csv: it is a link that leads back to itself"], &["build", "loop.csv", "-o", "store"]);
    symlink("gone.csv", bench.path("dangling.csv")).expect("a link");
    bench.fails(2, &["dangling.csv: it is a link to what isn't there"], &["build", "dangling.csv", "-o", "store"]);
}
