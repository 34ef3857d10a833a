//! Batches, in any order, and everything at once: the same store.

use std::collections::BTreeMap;
use std::fs;

use crate::privacy::key_file;
use crate::support::{Bench, Ran, of_world};

/// Every section of a store by name, without the generation that wrote it.
fn sections(bench: &Bench, store: &str) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(bench.path(store))
        .expect("the store")
        .map(|entry| entry.expect("an entry").path())
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?.to_owned();
            let (stem, _) = name.rsplit_once('.')?;
            // When detections ran is the clock's, and no two stores'.
            if stem == "lineage.ran_at" {
                return None;
            }
            Some((stem.to_owned(), fs::read(&path).expect("a section")))
        })
        .collect()
}

pub(crate) fn same(bench: &Bench, one: &str, other: &str) {
    let (one, other) = (sections(bench, one), sections(bench, other));
    assert!(one.len() > 20, "{:?}", one.keys());
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (name, bytes) in &one {
        assert!(*bytes == other[name], "section {name} differs");
    }
}

/// A column that became a number in one day's file makes other accounts of everybody.
#[test]
fn a_batch_that_knows_nobody_is_told() {
    let bench = Bench::new();
    let rows = |name: &dyn Fn(u32) -> String, day: u32| -> String {
        let row =
            |account: u32| format!("2026-02-0{day}T00:00:00Z,{},8.8.{}.{}\n", name(account), account / 200, account % 200);
        (0..120).map(row).collect()
    };
    let file = |file: &str, rows: String| bench.file(file, format!("timestamp,account_id,ip\n{rows}"));
    bench.ok(&["build", &file("1.csv", rows(&|account| format!("{account:05}"), 1)), "-o", "store", "--quiet"]);
    let update = |path: &str| bench.ok(&["update", "store", path, "--format", "json"]);
    // Somebody whom the store knows, or few accounts: nothing to wonder about.
    let new = |account: u32| format!("new{account:05}");
    let known = update(&file("2.csv", rows(&|account| if account == 7 { "00007".to_owned() } else { new(account) }, 2)));
    assert!(known.json()["all_new_accounts"].is_null() && !known.stderr.contains("none of the store"), "{}", known.stderr);
    let few = update(&file("3.csv", "2026-02-03T00:00:00Z,lone,8.8.8.8\n".to_owned()));
    assert!(few.json()["all_new_accounts"].is_null());
    let strangers = update(&file("4.csv", rows(&|account| account.to_string(), 4)));
    assert_eq!(strangers.json()["all_new_accounts"], 120);
    assert!(strangers.stderr.contains("none of the store's accounts occurs in what was read, which brings 120 new accounts"));
}

#[test]
fn batches_in_any_order_are_one_build() {
    let bench = Bench::new();
    let text = fs::read_to_string(of_world("events.csv")).expect("the world's events");
    let (header, rows) = text.split_once('\n').expect("a header");
    let rows: Vec<&str> = rows.lines().collect();
    let part = |name: &str, rows: &[&str]| bench.file(name, format!("{header}\n{}\n", rows.join("\n")));
    let third = rows.len() / 3;
    let one = part("1.csv", &rows[..third]);
    // A batch without the column that all others have.
    let without_tokens = |row: &str| {
        let at = header.split(',').position(|name| name == "tokens").expect("tokens");
        let fields = row.split(',').enumerate().filter(|&(place, _)| place != at);
        fields.map(|(_, field)| field).collect::<Vec<&str>>().join(",")
    };
    let bare: Vec<String> = rows[third..2 * third].iter().map(|row| without_tokens(row)).collect();
    let two = bench.file("2.csv", format!("{}\n{}\n", without_tokens(header), bare.join("\n")));
    let three = part("3.csv", &rows[2 * third..]);
    let long = bench.file(
        "long.csv",
        "timestamp,account_id,entity_kind,entity_value,count\n\
         2026-03-05T00:00:00Z,long,url,x,2\n2026-03-05T00:00:00Z,long,ip,8.8.4.4,5\n2026-03-05T00:00:00Z,long,ip,999,1\n,bare,,,\n",
    );
    let more =
        bench.file("more.csv", "timestamp,account_id,entity_kind,entity_value,count\n2026-03-05T00:00:00Z,long,device,d,9\n");
    let accounts = of_world("accounts.csv");
    let releases = of_world("releases.csv");
    let tables = ["--accounts", &accounts, "--releases", &releases, "--quiet"];
    let build = |files: &[&str], store: &str| bench.ok(&[&["build"], files, &tables, &["-o", store]].concat());
    build(&[&one, &two, &three, &long, &more], "whole");
    build(&[&three, &more], "a");
    bench.ok(&["update", "a", &one, "--threads", "1", "--quiet"]);
    bench.ok(&["update", "a", &long, &two, "--quiet"]);
    same(&bench, "whole", "a");
    build(&[&one], "b");
    for file in [&long, &two, &more, &three] {
        bench.ok(&["update", "b", file, "--quiet"]);
    }
    same(&bench, "whole", "b");
    build(&[&two], "c");
    assert!(!sections(&bench, "c").contains_key("activity.tokens") && sections(&bench, "b").contains_key("activity.tokens"));
    bench.ok(&["update", "c", &one, &long, &three, &more, "--quiet"]);
    same(&bench, "whole", "c");
    bench.ok(&["detect", "b", "--quiet"]);
    bench.ok(&["verify", "b"]);
}

#[test]
fn the_same_file_twice_changes_nothing_and_is_said() {
    let bench = Bench::new();
    let store = crate::support::detected(&bench);
    let networks = bench.ok(&["networks", &store, "--format", "jsonl"]).stdout;
    let ran = bench.ok(&["update", &store, &of_world("events.csv")]);
    assert!(ran.stderr.contains("events.csv") && ran.stderr.contains("skipped"), "{}", ran.stderr);
    assert_eq!(networks, bench.ok(&["networks", &store, "--format", "jsonl"]).stdout);
}

#[test]
fn new_events_drop_the_networks_and_a_failure_keeps_them() {
    let bench = Bench::new();
    let store = crate::support::detected(&bench);
    let networks = bench.ok(&["networks", &store, "--format", "jsonl"]).stdout;
    let bad = bench.file("bad.csv", "ip\n8.8.8.8\n");
    bench.fails(2, &["bad.csv"], &["update", &store, &bad]);
    assert_eq!(networks, bench.ok(&["networks", &store, "--format", "jsonl"]).stdout);
    let good = bench.file("good.csv", "account,ip\nnew,8.8.8.8\n");
    bench.ok(&["update", &store, &good]);
    let why = ["no networks, for events came since the last detection", "detect"];
    bench.fails(2, &why, &["networks", &store]);
    // Their lives are on record all the same.
    let lives = bench.ok(&["lineage", &store, "--format", "jsonl"]);
    assert!(lives.stderr.contains("as the last detection left it"), "{}", lives.stderr);
    let id = lives.records()[0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(
        bench.ok(&["lineage", &store, &id, "--format", "jsonl"]).stdout,
        lives.stdout.lines().next().expect("a life").to_owned() + "\n"
    );
    bench.fails(2, &why, &["lineage", &store, "1"]);
    bench.ok(&["show", &store, "account:new"]);
    bench.fails(2, &["not a hydralink store"], &["update", "absent", &good]);
    assert!(!bench.path("absent").exists());
}

#[test]
fn prompts_are_mined_together_or_not_at_all() {
    let bench = Bench::new();
    let prompts = |name: &str, account: &str| {
        let text = "please describe the colour of the sky over this small town in words";
        bench.file(name, format!("account,prompt\n{account},{text} {account}\nalso-{account},{text} {account}\n"))
    };
    let (one, two) = (prompts("one.csv", "a"), prompts("two.csv", "b"));
    let plain = bench.file("plain.csv", "account,ip\nc,8.8.8.8\n");
    bench.ok(&["build", &one, &plain, "-o", "whole"]);
    let built = bench.ok(&["build", &one, "-o", "store"]);
    assert!(
        built.stdout.contains("1 template mined from prompts") && built.stdout.contains("`update` can't add"),
        "{}",
        built.stdout
    );
    bench.ok(&["update", "store", &plain]);
    same(&bench, "whole", "store");
    let shown = bench.ok(&["neighbors", "store", "account:a", "--format", "json"]);
    let template = shown.stdout.split('"').find(|word| word.contains("mined-")).expect("a template").to_owned();
    let skeleton = "please describe the colour of the sky over this small town in words a";
    assert!(bench.ok(&["show", "store", &template]).stdout.contains(skeleton));
    bench.fails(2, &["mined from prompts"], &["update", "store", &two]);
}

#[test]
fn late_events_count_and_are_told() {
    let bench = Bench::new();
    let row = |day: u32, account: &str| format!("2026-03-{day:02}T00:00:00Z,{account},198.51.100.7\n");
    let header = "timestamp,account_id,ip\n";
    let first = bench.file("1.csv", format!("{header}{}{}", row(5, "a"), row(9, "b")));
    let second = bench.file("2.csv", format!("{header}{}{}{}", row(4, "c"), row(9, "d"), row(10, "e")));
    let accounts = bench.file("accounts.csv", "account_id,status,label\na,Banned,fraud ring\nb,active,\nz,closed,\n");
    bench.ok(&["build", &first, "--accounts", &accounts, "-o", "st", "--quiet"]);
    let summary = bench.ok(&["update", "st", &second, "--format", "json", "--quiet"]).json();
    assert_eq!((&summary["late_events"], &summary["accounts"]), (&1.into(), &5.into()));
    assert_eq!(bench.ok(&["build", &first, "-o", "other", "--format", "json", "--quiet"]).json()["late_events"], 0);
    // Rows without a time are no events.
    let timeless = bench.file("3.csv", format!("{header}{},f,198.51.100.7\n,g,198.51.100.7\n", "2026-03-11 10:00"));
    let told = bench.ok(&["update", "st", &timeless]).stdout;
    assert!(told.contains("1 row has no time: it counts as a sighting"), "{told}");
    let summary = bench.ok(&["build", &first, &timeless, "-o", "other", "--format", "json", "--quiet"]).json();
    assert_eq!((&summary["rows_without_time"], &summary["timed_events"]), (&1.into(), &3.into()));
    let without = bench.file("4.csv", "account_id,ip\na,198.51.100.7\nb,198.51.100.7\n");
    bench.ok(&["build", &without, "-o", "timeless", "--quiet"]);
    bench.fails(2, &["nothing in timeless has a time"], &["expire", "timeless", "--keep", "10d"]);
    // What the account table says of its accounts stays through the update, and through an erasure.
    bench.ok(&["forget", "st", "e", "--reviewer", "dpo"]);
    let facts = |account: &str| bench.ok(&["show", "st", account, "--format", "json"]).json()["facts"].clone();
    assert_eq!((&facts("account:a")["status"], &facts("account:a")["label"]), (&"banned".into(), &"fraud ring".into()));
    assert_eq!(facts("account:b")["status"], "active");
    assert!(facts("account:c").get("status").is_none());
}

#[test]
fn tables_that_are_read_again_are_copied_nowhere() {
    let bench = Bench::new();
    let events = bench.file("first.csv", "timestamp,account_id,ip\n2026-03-01T00:00:00Z,a,198.51.100.7\n");
    let accounts = bench.file("accounts.csv", "account_id,country\na,NL\nb,DE\n");
    bench.ok(&["build", &events, "--accounts", &accounts, "-o", "store", "--quiet"]);
    std::fs::remove_file(accounts).expect("the table is removed");
    let more = bench.file("more.csv", "timestamp,account_id,ip\n2026-03-01T00:00:01Z,b,198.51.100.7\n");
    // Where there is no folder for temporary files, none is written.
    let mut update = bench.command(&["update", "store", &more, "--quiet"]);
    let ran = Ran::of(update.env("TMPDIR", bench.path("nowhere")).output().expect("the binary runs"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let card = bench.ok(&["show", "store", "account:b", "--format", "json"]).json();
    assert!(card.to_string().contains("DE"), "{card}");
}

#[test]
fn a_night_of_nothing_but_bad_rows_is_not_lost_in_the_years_before() {
    let bench = Bench::new();
    let store = crate::support::detected(&bench);
    let header = "timestamp,account_id,ip\n";
    // Few beside all that the store has, and everything that this file has.
    let night = (0..60).map(|row| format!("02.05.2026 10:{row:02},a{row},198.51.100.7\n")).collect::<String>();
    let bad = bench.file("night.csv", format!("{header}{night}"));
    bench.fails(2, &["all 60 rows are bad", "bad_time (60)"], &["update", &store, &bad]);
    // Bad rows of the years before are no reason to refuse a night that has none.
    let good = (0..60).map(|row| format!("2026-05-02T10:{row:02}:00Z,a{row},198.51.100.7\n")).collect::<String>();
    let good = bench.file("good.csv", format!("{header}{good}"));
    bench.ok(&["build", &bad, &of_world("events.csv"), "-o", "old", "--quiet", "--max-bad", "1"]);
    let ran = bench.ok(&["update", "old", &good, "--max-bad", "0"]);
    assert!(ran.stdout.contains("(60 of them new), 0 rejected now and 60 in all"), "{}", ran.stdout);
}

#[test]
fn a_column_that_the_store_has_and_a_night_lacks_is_told() {
    let bench = Bench::new();
    let first = bench.file("1.csv", "timestamp,account_id,ip,card\n2026-03-01T00:00:00Z,a,198.51.100.7,tok\n");
    let second = bench.file("2.csv", "timestamp,account_id,peer\n2026-03-02T00:00:00Z,b,198.51.100.7\n");
    let built = bench.ok(&["build", &first, "-o", "st", "--format", "json"]).json();
    assert_eq!(built["missing"], serde_json::json!([]), "nobody has templates, so that none are missed");
    let ran = bench.ok(&["update", "st", &second]);
    assert!(ran.stdout.contains("2.csv: no column ip, payment_instrument, which other events have"), "{}", ran.stdout);
}

#[test]
fn logs_of_several_systems_become_one_store_by_one_map() {
    let bench = Bench::new();
    let app = bench.file("app.jsonl", "{\"user\":{\"id\":\"a\"},\"client\":{\"ip\":\"198.51.100.7\"}}\n");
    let paid = bench.file("paid.csv", "Customer ID,Card Fingerprint\na,tok\n");
    let names =
        "account_id = [\"user.id\", \"Customer ID\"]\nip = [\"client.ip\"]\npayment_instrument = [\"Card Fingerprint\"]\n";
    let map = bench.file("map.toml", format!("[columns]\n{names}"));
    bench.ok(&["build", &app, &paid, "--map", &map, "-o", "whole", "--quiet"]);
    bench.ok(&["build", &app, "--map", &map, "-o", "store", "--quiet"]);
    bench.ok(&["update", "store", &paid, "--quiet"]);
    same(&bench, "whole", "store");
    let shown = bench.ok(&["show", "store", "account:a", "--format", "json"]).json();
    assert_eq!((&shown["seen_with"]["ip"], &shown["seen_with"]["payment_instrument"]), (&1.into(), &1.into()));
    // One name is one that every file has to have.
    let hint = ["no column \"client.ip\"", "as a list, [\"client.ip\"]"];
    let both = ["--map", "account_id=user.id", "--map", "account_id=Customer ID"];
    bench.fails(2, &hint, &[&["build", &app, &paid, "-o", "x", "--map", "ip=client.ip"], &both[..]].concat());
}

#[test]
fn what_a_map_declares_of_kinds_outlasts_the_map_of_another_system() {
    let bench = Bench::new();
    let first = bench.file("1.csv", "account_id,cloud_tenant,ip\na,t1,198.51.100.7\nb,t1,198.51.100.7\n");
    let second = bench.file("2.csv", "uid,ip\nc,198.51.100.7\n");
    let declares = bench.file("1.toml", "[kinds.tenant]\ncolumn = \"cloud_tenant\"\nrole = \"credential\"\nprior = 4.0\n");
    let names = bench.file("2.toml", "[columns]\naccount_id = \"uid\"\n");
    bench.ok(&["build", &first, "--map", &declares, "-o", "store", "--quiet"]);
    let declared = sections(&bench, "store").remove("inputs.kinds");
    bench.ok(&["update", "store", &second, "--map", &names, "--quiet"]);
    assert!(declared.is_some() && declared == sections(&bench, "store").remove("inputs.kinds"));
}

#[test]
fn a_file_that_comes_again_with_other_content_is_told() {
    let bench = Bench::new();
    let night = |rows: &str| bench.file("night.csv", format!("account_id,ip,event_id\n{rows}"));
    bench.ok(&["build", &night("a,8.8.8.8,\nb,8.8.8.8,e1\n"), "-o", "store"]);
    night("a,8.8.4.4,\nb,8.8.8.8,e1\n");
    // By whatever path.
    let ran = bench.ok(&["update", "store", "./night.csv"]);
    assert!(
        ran.stderr.contains("night.csv: the store has read a file of this name") && ran.stderr.contains("build"),
        "{}",
        ran.stderr
    );
    assert!(ran.stdout.contains("4 rows (1 of them new)") && ran.stdout.contains("1 row repeats an event"), "{}", ran.stdout);
    let again = bench.ok(&["update", "store", "night.csv"]);
    assert!(again.stderr.contains("skipped") && !again.stderr.contains("other content"), "{}", again.stderr);
    let other = bench.file("other.csv", "account_id,ip\na,8.8.4.4\n");
    assert!(!bench.ok(&["update", "store", &other]).stderr.contains("other content"));
}

/// A day that was delivered again dropped the networks, and was told as new.
#[test]
fn what_was_read_before_drops_nothing() {
    let bench = Bench::new();
    let day = |name: &str, rows: &str| bench.file(name, format!("account_id,ip,card,event_id\n{rows}"));
    let rows = ["a,8.8.8.8,c1,e1\n", "b,8.8.8.8,c1,e2\n", "c,8.8.4.4,c2,e3\n"];
    let whole = day("day.csv", &rows.concat());
    let again = day("again.csv", &rows.iter().rev().copied().collect::<String>());
    bench.ok(&["build", &whole, "-o", "store"]);
    bench.run(&["detect", "store", "--quiet"]);
    let ran = bench.ok(&["update", "store", &again]);
    assert!(!ran.stderr.contains("dropped"), "{}", ran.stderr);
    assert!(ran.stdout.contains("6 rows (0 of them new)") && ran.stdout.contains("3 rows repeat an event"), "{}", ran.stdout);
    assert!(bench.run(&["networks", "store", "--all"]).code < 2, "the networks are there");
    bench.ok(&["verify", "store"]);
    // The store has read it, as if both had been built at once.
    assert!(bench.ok(&["update", "store", &again]).stderr.contains("skipped"));
    bench.ok(&["build", &whole, &again, "-o", "both"]);
    bench.ok(&["build", &whole, "-o", "batches"]);
    bench.ok(&["update", "batches", &again]);
    same(&bench, "both", "batches");
}

/// It was thrown away with exit code 0.
#[test]
fn a_table_is_read_where_no_event_is_new() {
    let bench = Bench::new();
    let events = bench.file("events.csv", "account_id,ip,model\na,8.8.8.8,m\nb,8.8.8.8,m\n");
    let banned = |name: &str, day: &str| bench.file(name, format!("account_id,banned_at\nb,{day}\n"));
    let (first, second) = (banned("1.csv", "2026-02-01"), banned("2.csv", "2026-02-02"));
    bench.ok(&["build", &events, "-o", "store", "--accounts", &first]);
    bench.run(&["detect", "store", "--quiet"]);
    let ran = bench.ok(&["update", "store", &events, "--accounts", &first]);
    assert!(!ran.stderr.contains("dropped") && !ran.stderr.contains("Next"), "it says nothing new: {}", ran.stderr);
    let ran = bench.ok(&["update", "store", &events, "--accounts", &second]);
    assert!(ran.stderr.contains("beside the events before and were dropped"), "{}", ran.stderr);
    let shown = |what: &str| bench.ok(&["show", "store", "account:b"]).stdout.contains(what);
    assert!(shown("2026-02-02"));
    // Without any events.
    let ran = bench.ok(&["update", "store", "--accounts", &first]);
    assert!(ran.stdout.contains("accounts: 1 row, 1 is of an account"), "{}", ran.stdout);
    assert!(shown("2026-02-01"));
    let allow = bench.file("allow.csv", "kind,value,reason\nip,8.8.8.8,ours\n");
    bench.ok(&["build", &events, "-o", "bare"]);
    bench.ok(&["update", "bare", "--allow", &allow, "--accounts", &first]);
    bench.ok(&["build", &events, "-o", "whole", "--accounts", &first, "--allow", &allow]);
    same(&bench, "whole", "bare");
    // A known-good list is taken as a whole.
    let shorter = bench.file("shorter.csv", "kind,value\naccount,b\n");
    let said = bench.ok(&["update", "bare", "--allow", &shorter]).stderr;
    assert!(said.contains("takes the place of the store's list; 1 line of that is not on it"), "{said}");
    bench.ok(&["build", &events, "-o", "whole", "--accounts", &first, "--allow", &shorter]);
    same(&bench, "whole", "bare");
    bench.fails(2, &["nothing to read"], &["update", "store"]);
}

/// A night's table of the accounts that changed took the facts of all others away.
#[test]
fn a_table_of_what_changed_leaves_the_rest() {
    let bench = Bench::new();
    let log = |name: &str, rows: &[&str]| {
        let rows: String = rows.iter().map(|row| format!("2026-02-03T00:00:00Z,{row}\n")).collect();
        bench.file(name, format!("timestamp,account_id,ip,model\n{rows}"))
    };
    let events = log("events.csv", &["a,8.8.8.8,m", "b,8.8.8.8,n", "c,8.8.4.4,m"]);
    let first = bench.file(
        "first.csv",
        "account,created,plan,org\nb,2026-01-02,free,acme\na,2026-01-01,pro,acme\nlate,2026-01-04,pro,beta\na,2026-01-09,free,beta\n",
    );
    // Another order, another name of a column, a ban, a plan that ended, and an account that no event names yet.
    let changed = bench.file("changed.csv", "banned_at,tier,account_id,country\n2026-02-01,,b,NL\n,pro,new,\n");
    let whole = bench.file(
        "whole.csv",
        "account_id,created_at,banned_at,country,tier,org\na,2026-01-01,,,pro,acme\nb,2026-01-02,2026-02-01,NL,,acme\n\
         late,2026-01-04,,,pro,beta\nnew,,,,pro,\n",
    );
    let releases = [
        ("r1", "m,2026-01-01\nn,2026-01-02\n"),
        ("r2", "n,2026-01-03\nlater,2026-01-04\n"),
        ("r3", "later,2026-01-04\nm,2026-01-01\nn,2026-01-03\n"),
    ];
    let [old, new, all] = releases.map(|(name, rows)| bench.file(name, format!("model,released_at\n{rows}")));
    let key = key_file(&bench, "key", b"0123456789abcdef0123456789abcdef");
    let more = log("more.csv", &["late,8.8.4.4,later", "new,8.8.4.4,m"]);
    for (store, built, key) in [("plain", "plain-whole", &[][..]), ("keyed", "keyed-whole", &["--key-file", key.as_str()])] {
        let run = |arguments: &[&str]| bench.ok(&[arguments, key, &["--quiet"]].concat());
        run(&["build", &events, "-o", store, "--accounts", &first, "--releases", &old]);
        run(&["update", store, "--accounts", &changed, "--releases", &new]);
        run(&["update", store, &more]);
        run(&["build", &events, &more, "-o", built, "--accounts", &whole, "--releases", &all]);
        same(&bench, built, store);
        // The same again says nothing new.
        let again = run(&["update", store, "--accounts", &changed, "--format", "json"]).json();
        assert_eq!((&again["changed"], &again["tables"][0]["rows"]), (&false.into(), &2.into()), "{again}");
        let shown = |account: &str| {
            let card = bench.ok(&[&["show", store, account, "--format", "json"], key].concat()).json();
            card["facts"].clone()
        };
        assert_eq!(shown("account:a")["tier"], "pro");
        let ended = shown("account:b");
        assert!(ended["tier"].is_null() && ended["created_at"].is_string() && ended["banned_at"].is_string(), "{ended}");
        assert!(shown("account:late")["created_at"].is_string());
    }
    // A time that can't be read is told by who gives it, and not when the account is first seen.
    let bad = bench.file("bad.csv", "account_id,created_at\nnobody,soon\n");
    bench.fails(2, &["bad.csv", "line 2"], &["update", "plain", "--accounts", &bad]);
}

/// Rejected, kept and repeated rows of all runs were told as those of the last.
#[test]
fn an_update_tells_what_it_did_and_not_what_was_done_before() {
    let bench = Bench::new();
    let header = "event_id,timestamp,account_id,ip\n";
    let day = |name: &str, rows: &str| bench.file(name, format!("{header}{rows}"));
    let first = day(
        "1.csv",
        "e1,2026-03-01T00:00:00Z,a,8.8.8.8\ne1,2026-03-01T00:00:00Z,a,8.8.4.4\ne2,soon,a,8.8.8.8\ne3,2026-03-01T00:00:00Z,b,8.8.8\ne1,2026-03-01T00:00:00Z,a,8.8.8.8\n",
    );
    let second = day("2.csv", "e4,2026-03-02T00:00:00Z,a,8.8.8.8\ne5,2026-03-02T00:00:00Z,a,\n");
    let third = day(
        "3.csv",
        "e4,2026-03-02T00:00:00Z,a,8.8.8.4\ne6,later,a,8.8.8.8\ne7,2026-03-02T00:00:00Z,c,8.8\ne8,2026-03-02T00:00:00Z,,8.8.8.8\ne5,2026-03-02T00:00:00Z,a,\n",
    );
    let told = |ran: &Ran| {
        let summary = ran.json();
        let fields = ["rejected", "kept_rows", "conflicting_events", "duplicate_events"].map(|field| summary[field].clone());
        let new = ["new_rejected", "new_kept_rows", "new_conflicting_events", "new_duplicates"];
        (
            fields,
            new.map(|field| summary[field].clone()),
            summary["new_rejected_by_reason"].clone(),
            summary["new_unread"].clone(),
        )
    };
    let built = told(&bench.ok(&["build", &first, "-o", "store", "--format", "json"]));
    assert_eq!((&built.0, &built.0), (&[1, 1, 1, 1].map(serde_json::Value::from), &built.1));
    let quiet = told(&bench.ok(&["update", "store", &second, "--format", "json"]));
    assert_eq!((quiet.0, quiet.1), (built.0, [0, 0, 0, 0].map(serde_json::Value::from)));
    assert_eq!((quiet.2, quiet.3), (serde_json::json!([]), serde_json::json!([])));
    let bad = bench.ok(&["update", "store", &third, "--format", "json"]);
    let (all, new, reasons, unread) = told(&bad);
    assert_eq!(all, [3, 2, 2, 2].map(serde_json::Value::from), "{}", bad.stdout);
    assert_eq!(new, [2, 1, 1, 1].map(serde_json::Value::from));
    assert_eq!(reasons, serde_json::json!([["missing_account", 1], ["bad_time", 1]]), "{}", bad.stdout);
    assert_eq!(unread[0]["rows"], 1, "{unread}");
    // As text.
    let fourth = day("4.csv", "e9,2026-03-03T00:00:00Z,a,8.8.8.8\n");
    let text = bench.ok(&["update", "store", &fourth]).stdout;
    assert!(text.contains("0 rejected now and 3 in all") && !text.contains("repeat") && !text.contains("content"), "{text}");
}

/// A store under a key kept no map: what a kind's column held was lost from the second night on.
#[test]
fn a_store_under_a_key_keeps_its_map() {
    let bench = Bench::new();
    let keys = [b"0123456789abcdef0123456789abcdef", b"fedcba9876543210fedcba9876543210"];
    let [old, new] = ["old", "new"].map(|name| key_file(&bench, name, keys[usize::from(name == "new")]));
    let map = bench.file(
        "map.toml",
        "# of Mallory\n[columns]\naccount_id = \"who\"\n[kinds.workspace]\ncolumn = \"space\"\nrole = \"credential\"\n",
    );
    let day = |name: &str, rows: &str| bench.file(name, format!("who,ip,space\n{rows}"));
    let days = [day("1.csv", "a,8.8.8.8,w1\nb,8.8.8.8,w1\n"), day("2.csv", "c,8.8.8.8,w1\n"), day("3.csv", "d,8.8.8.8,w1\n")];
    bench.ok(&["build", &days[0], "-o", "store", "--map", &map, "--tz", "+02:00", "--key-file", &old, "--quiet"]);
    bench.ok(&["update", "store", &days[1], "--key-file", &old, "--quiet"]);
    bench.ok(&["rekey", "store", "--key-file", &old, "--new-key-file", &new, "--reviewer", "ann"]);
    bench.ok(&["update", "store", &days[2], "--key-file", &new, "--quiet"]);
    let card = bench.ok(&["show", "store", "workspace:w1", "--key-file", &new, "--format", "json"]).json();
    assert_eq!(card["seen_with"]["account"], 4, "{card}");
    // What stands beside the map stays out of the store.
    let map = sections(&bench, "store").remove("inputs.map").expect("the map is kept");
    assert!(!String::from_utf8_lossy(&map).contains("Mallory"));
    assert_eq!(read_as(&bench).as_deref(), Some("{\"tz\":\"+02:00\"}"));
}

/// What a store keeps of the options by which it was read.
fn read_as(bench: &Bench) -> Option<String> {
    sections(bench, "store").remove("inputs.read_as").map(|bytes| String::from_utf8(bytes).expect("JSON"))
}

/// The second night was read as UTC, and everybody had the proxy's address.
#[test]
fn an_update_reads_times_and_lists_of_addresses_as_was_said_last() {
    let bench = Bench::new();
    let night = |day: u32| {
        let row = format!("2026-07-0{day}T01:30:00,{},\"8.8.8.{day}, 1.1.1.7\"\n", ["a", "b"][day as usize % 2]);
        bench.file(&format!("{day}.csv"), format!("timestamp,account_id,ip\n{row}"))
    };
    let nights: Vec<String> = (1..=5).map(night).collect();
    let said = ["--tz", "Europe/Berlin", "--trusted-proxies", "1.1.1.0/24", "--quiet"];
    bench.ok(&[&["build", &nights[0], &nights[1], "-o", "whole"], &said[..]].concat());
    bench.ok(&[&["build", &nights[0], "-o", "store"], &said[..]].concat());
    bench.ok(&["update", "store", &nights[1], "--quiet"]);
    same(&bench, "whole", "store");
    let seen = |node: &str| bench.ok(&["show", "store", node, "--format", "json"]).json();
    assert_eq!(seen("ip:8.8.8.2")["first_seen"], "2026-07-01T23:30:00Z");
    // What an update is told is of what it reads, and of what comes after.
    bench.ok(&["update", "store", &nights[2], "--tz", "UTC", "--quiet"]);
    bench.ok(&["update", "store", &nights[3], "--quiet"]);
    assert_eq!(seen("ip:8.8.8.3")["first_seen"], "2026-07-03T01:30:00Z");
    assert_eq!(seen("ip:8.8.8.4")["first_seen"], "2026-07-04T01:30:00Z");
    assert_eq!(seen("ip:8.8.8.2")["first_seen"], "2026-07-01T23:30:00Z");
    assert_eq!(read_as(&bench).as_deref(), Some("{\"trusted_proxies\":\"1.1.1.0/24\"}"));
    // Also where nothing new comes with it.
    bench.ok(&["update", "store", &nights[3], "--trusted-proxies", "private", "--quiet"]);
    assert_eq!(read_as(&bench), None);
    bench.ok(&["update", "store", &nights[4], "--quiet"]);
    assert_eq!(seen("ip:1.1.1.7")["first_seen"], "2026-07-05T01:30:00Z");
}

/// Whoever runs every night has a night on which nothing happened.
#[test]
fn an_empty_day_changes_nothing() {
    let bench = Bench::new();
    let header = "timestamp,account_id,ip\n";
    let empty = bench.file("empty.csv", header);
    bench.fails(2, &["no events"], &["build", &empty, "-o", "store"]);
    let events = bench.file("events.csv", format!("{header}2026-02-01T00:00:00Z,a,8.8.8.8\n2026-02-01T00:00:01Z,b,8.8.8.8\n"));
    bench.ok(&["build", &events, "-o", "store", "--quiet"]);
    bench.run(&["detect", "store", "--quiet"]);
    let before = sections(&bench, "store");
    let ran = bench.ok(&["update", "store", &empty]);
    assert!(
        ran.stdout.contains("2 rows (0 of them new)") && ran.stdout.contains("empty.csv has columns and no rows"),
        "{}",
        ran.stdout
    );
    assert!(!ran.stderr.contains("Next:") && !ran.stderr.contains("dropped"), "{}", ran.stderr);
    assert_eq!(bench.ok(&["update", "store", &empty, "--format", "json"]).json()["changed"], false);
    assert!(sections(&bench, "store") == before, "nothing was written");
}

/// Between an update and a detection there were no networks to ask for.
#[test]
fn an_update_that_detects_again_shows_facts_and_networks_at_once() {
    let bench = Bench::new();
    let store = crate::support::detected(&bench);
    bench.ok(&["detect", &store, "--seed", "7", "--quiet"]);
    let accounts = bench.ok(&["members", &store, "--network", "1", "--top", "2", "--format", "jsonl"]).records();
    let row = |at: usize, second: u32| {
        format!("2026-05-02T10:00:0{second}Z,{},192.0.2.77\n", accounts[at]["account_id"].as_str().expect("a name"))
    };
    let more = bench.file("more.csv", format!("timestamp,account_id,ip\n{}{}", row(0, 0), row(1, 9)));
    // The same as both by themselves.
    copy(&bench, &store, "apart");
    bench.ok(&["update", "apart", &more, "--quiet"]);
    bench.ok(&["detect", "apart", "--seed", "7", "--quiet"]);
    let ran = bench.ok(&["update", &store, &more, "--detect"]);
    assert!(ran.stdout.contains("over the threshold, detected again"), "{}", ran.stdout);
    assert!(ran.stderr.contains("Next: hydralink networks") && !ran.stderr.contains("dropped"), "{}", ran.stderr);
    let networks = |store: &str| bench.run(&["networks", store, "--all", "--format", "jsonl"]).stdout;
    assert_eq!(networks(&store), networks("apart"));
    same(&bench, &store, "apart");
    bench.ok(&["verify", &store]);
    // Nothing new, nothing to detect; and of a store without networks they are found.
    let again = bench.ok(&["update", &store, &more, "--detect", "--format", "json"]).json();
    assert_eq!((&again["changed"], &again["networks_found"]), (&false.into(), &serde_json::Value::Null), "{again}");
    bench.ok(&["build", &of_world("events.csv"), "-o", "bare", "--quiet"]);
    let empty = bench.file("empty.csv", "timestamp,account_id,ip\n");
    let found = bench.ok(&["update", "bare", &empty, "--detect", "--format", "json"]).json();
    assert!(found["networks_found"].as_u64().is_some_and(|found| found > 0), "{found}");
    bench.ok(&["networks", "bare"]);
}

fn copy(bench: &Bench, from: &str, to: &str) {
    fs::create_dir(bench.path(to)).expect("a folder");
    for entry in fs::read_dir(bench.path(from)).expect("the store") {
        let path = entry.expect("an entry").path();
        fs::copy(&path, bench.path(to).join(path.file_name().expect("a name"))).expect("a copy");
    }
}
