//! Worlds on disk: the same bytes at any number of threads, the promised columns, and nothing half written.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use synth::{Format, Tier, WorldConfig, write_world};

fn write(folder: &Path, config: &WorldConfig, format: Format, threads: usize) -> synth::WorldSummary {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
    pool.install(|| write_world(folder, config, format, &mut |_| {})).expect("the world is written")
}

fn bytes(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.map(|path| (path.file_name().unwrap().to_string_lossy().into(), std::fs::read(&path).expect("a file"))).collect()
}

fn rows(folder: &Path, name: &str) -> Vec<HashMap<String, String>> {
    let mut reader = csv::Reader::from_path(folder.join(name)).expect("a CSV file");
    reader.deserialize().map(|row| row.expect("a row")).collect()
}

#[test]
fn one_thread_and_three_write_the_same_bytes() {
    for format in [Format::Csv, Format::Parquet] {
        let folders: Vec<_> = (0..3).map(|_| tempfile::tempdir().expect("a folder")).collect();
        for (folder, (threads, seed)) in folders.iter().zip([(1, 7), (3, 7), (1, 8)]) {
            write(folder.path(), &WorldConfig::new(Tier::Xs, seed), format, threads);
        }
        let [one, three, other] = [0, 1, 2].map(|at| bytes(folders[at].path()));
        assert_eq!(one.keys().collect::<Vec<_>>(), three.keys().collect::<Vec<_>>());
        for (name, content) in &one {
            assert!(three[name] == *content, "{name} differs between one thread and three");
            assert!(name == "releases.csv" || other[name] != *content, "{name} does not depend on the seed");
        }
    }
}

#[test]
fn files_agree_with_one_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let summary = write(folder.path(), &WorldConfig::new(Tier::Xs, 7), Format::Csv, 2);
    let accounts: HashSet<String> = rows(folder.path(), "accounts.csv").iter().map(|row| row["account_id"].clone()).collect();
    assert_eq!((accounts.len(), summary.accounts), (1_024, 1_024));
    let labels = rows(folder.path(), "labels.csv");
    assert_eq!(labels.len(), 24);
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    labels.iter().for_each(|row| *sizes.entry(&row["network"]).or_default() += 1);
    assert_eq!(sizes, BTreeMap::from([("H1", 15), ("C2", 6), ("R-01", 3)]));
    let labelled: HashSet<&String> = labels.iter().map(|row| &row["account_id"]).collect();
    let grouped: HashSet<String> = rows(folder.path(), "groups.csv").iter().map(|row| row["account_id"].clone()).collect();
    assert!(labelled.iter().all(|account| accounts.contains(*account) && !grouped.contains(*account)));
    let truth = rows(folder.path(), "truth_accounts.csv");
    assert_eq!(truth.len(), 1_024);
    for row in &truth {
        let operated = row["role"] == "operator" || row["role"] == "standby";
        assert_eq!(operated, labelled.contains(&row["account_id"]), "{row:?}");
        assert_eq!(row["role"] == "ring", row["group"].starts_with("ring-"), "{row:?}");
    }
    let created: HashMap<String, String> = rows(folder.path(), "accounts.csv")
        .into_iter()
        .map(|mut row| (row.remove("account_id").unwrap(), row.remove("created_at").unwrap()))
        .collect();
    let events = rows(folder.path(), "events.csv");
    assert_eq!(events.len() as u64, summary.events);
    let mut last = String::new();
    let mut exchanges: HashMap<&str, u64> = HashMap::new();
    for event in &events {
        assert!(event["timestamp"] >= last, "events are in order of time");
        last.clone_from(&event["timestamp"]);
        assert!(event["ip"].parse::<std::net::IpAddr>().is_ok(), "{event:?}");
        assert!(event["timestamp"][..16] >= created[&event["account_id"]][..16], "no event before its account: {event:?}");
        *exchanges.entry(&event["account_id"]).or_default() += 1;
    }
    for row in &truth {
        let counted = exchanges.get(&row["account_id"][..]).copied().unwrap_or(0);
        assert_eq!(row["exchanges"], counted.to_string());
    }
    let cards: HashSet<String> = rows(folder.path(), "cards.csv").iter().map(|row| row["payment_instrument"].clone()).collect();
    assert!(events.iter().all(|event| cards.contains(&event["payment_instrument"])));
    assert_eq!(rows(folder.path(), "releases.csv").len(), 5);
}

#[test]
fn parquet_holds_the_same_rows_as_csv() {
    use arrow_array::cast::AsArray;
    use arrow_array::types::TimestampMillisecondType;
    let folder = tempfile::tempdir().expect("a folder");
    let config = WorldConfig::new(Tier::Xs, 9);
    write(folder.path(), &config, Format::Csv, 2);
    let text = rows(folder.path(), "events.csv");
    write(folder.path(), &config, Format::Parquet, 2);
    let file = std::fs::File::open(folder.path().join("events.parquet")).expect("a Parquet file");
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).expect("a Parquet file");
    let batches = reader.build().expect("a reader").map(|batch| batch.expect("a batch"));
    let mut at = 0;
    for batch in batches {
        let times = batch["timestamp"].as_primitive::<TimestampMillisecondType>();
        for row in 0..batch.num_rows() {
            for name in ["account_id", "ip", "payment_instrument", "prompt_template_hash", "model", "capability", "user_agent"]
            {
                assert_eq!(batch[name].as_string::<i32>().value(row), text[at][name]);
            }
            let millis = times.value(row).rem_euclid(1_000);
            assert!(text[at]["timestamp"].ends_with(&format!(".{millis:03}Z")));
            at += 1;
        }
    }
    assert_eq!(at, text.len());
}

#[test]
fn a_null_world_has_a_header_and_no_label() {
    let folder = tempfile::tempdir().expect("a folder");
    let summary = write(folder.path(), &WorldConfig::null(Tier::Xs, 7), Format::Csv, 2);
    assert_eq!((summary.operated_accounts, summary.campaign_exchanges, summary.networks.len()), (0, 0, 0));
    let labels = std::fs::read_to_string(folder.path().join("labels.csv")).expect("labels");
    assert_eq!(labels, "account_id,network\n");
    assert!(rows(folder.path(), "groups.csv").len() > 200);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let blocked = folder.path().join("file");
    std::fs::write(&blocked, "in the way").expect("a file");
    let error =
        write_world(&blocked, &WorldConfig::new(Tier::Xs, 1), Format::Csv, &mut |_| {}).expect_err("a file is no folder");
    assert!(error.to_string().contains(&*blocked.to_string_lossy()), "{error}");
    // A name that is taken by a folder fails at the rename, and leaves no partial file behind.
    let world = folder.path().join("world");
    std::fs::create_dir_all(world.join("events.csv").join("x")).expect("a folder");
    write_world(&world, &WorldConfig::new(Tier::Xs, 1), Format::Csv, &mut |_| {}).expect_err("events.csv is a folder");
    let left: Vec<_> = std::fs::read_dir(&world).expect("a folder").map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["events.csv"]);
}

/// What somebody had under these names was written over.
#[test]
fn a_file_that_no_world_left_is_not_written_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = WorldConfig::new(Tier::Xs, 1);
    let write = |format| write_world(folder.path(), &config, format, &mut |_| {});
    std::fs::write(folder.path().join("accounts.csv"), "mine").expect("a file");
    let error = write(Format::Csv).expect_err("somebody's file");
    assert!(error.to_string().contains("accounts.csv is there"), "{error}");
    let names = || -> BTreeSet<String> {
        let entries = std::fs::read_dir(folder.path()).expect("a folder");
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect()
    };
    assert_eq!(names(), BTreeSet::from(["accounts.csv".to_owned()]));
    assert_eq!(std::fs::read_to_string(folder.path().join("accounts.csv")).expect("it"), "mine");
    std::fs::remove_file(folder.path().join("accounts.csv")).expect("it");
    write(Format::Csv).expect("a world");
    let first = names();
    assert!(first.contains("events.csv") && first.contains("world.json") && first.len() == 9, "{first:?}");
    // Over an earlier world, of which no events stay beside the new ones; and over one that was begun.
    write(Format::Parquet).expect("another");
    std::fs::remove_file(folder.path().join("world.json")).expect("it");
    std::fs::write(folder.path().join(".world.begun"), "").expect("a file");
    write(Format::Parquet).expect("another");
    let others = first.iter().map(|name| name.replace("events.csv", "events.parquet")).collect();
    assert_eq!(names(), others);
}
