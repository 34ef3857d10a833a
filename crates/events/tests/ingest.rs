//! Whole files through [`events::ingest`]: equal answers whatever the order, format or number of threads, and clear errors.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int64Array, LargeStringArray, ListArray, RecordBatch,
    RecordBatchIterator, StringArray, StringViewArray, StructArray, TimestampMillisecondArray, TimestampSecondArray,
    types::Int8Type,
};
use arrow_buffer::NullBuffer;
use arrow_schema::{ArrowError, Field};
use events::schema::ColumnName;
use events::{Batches, EventError, IngestConfig, Ingested, SchemaMode, Sources, Unobserved, ingest};
use graph::{AccountId, IdentifierId};

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::File::create(&path).unwrap().write_all(bytes).unwrap();
    path
}

fn read(path: &Path) -> Result<Ingested, EventError> {
    ingest(&[path.to_path_buf()], &IngestConfig::default(), &Unobserved)
}

fn same(one: &Ingested, other: &Ingested) {
    assert_eq!(one.account_names, other.account_names);
    assert_eq!(one.kind_names, other.kind_names);
    assert_eq!(one.identifier_names, other.identifier_names);
    assert_eq!(one.graph, other.graph);
    assert_eq!(one.activity, other.activity);
    assert_eq!(one.models, other.models);
}

/// 5,000 rows over 300 accounts, in an order given by a stride.
fn rows(stride: usize) -> Vec<[String; 6]> {
    (0..5003)
        .map(|step| {
            let n = step * stride % 5003;
            let time = format!("2024-03-{:02}T{:02}:{:02}:00Z", n % 28 + 1, n % 24, n % 60);
            let ip =
                if n.is_multiple_of(3) { format!("2001:db8:{:x}::{n:x}", n % 50) } else { format!("203.0.113.{}:80", n % 200) };
            let tokens = if n.is_multiple_of(5) { String::new() } else { (n * 37).to_string() };
            [time, format!("account {}", n * 7 % 300), ip, format!("tok_{}", n % 90), format!("model-{}", n % 4), tokens]
        })
        .collect()
}

fn csv_of(rows: &[[String; 6]]) -> Vec<u8> {
    let mut text = String::from("timestamp,account_id,ip,card,model,tokens\n");
    for row in rows {
        text += &format!("{},\"{}\",{},{},{},{}\n", row[0], row[1], row[2], row[3], row[4], row[5]);
    }
    text.into_bytes()
}

#[test]
fn order_format_and_threads_leave_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let first = read(&write(folder.path(), "a.csv", &csv_of(&rows(1)))).unwrap();
    first.graph.validate().unwrap();
    assert_eq!(first.graph.account_count(), 300);
    assert_eq!(first.activity.event_count(), 5003);
    assert_eq!(first.activity.columns().tokens.iter().filter(|&&tokens| tokens == 0).count(), 1001);
    same(&first, &read(&write(folder.path(), "b.csv", &csv_of(&rows(1234)))).unwrap());
    let json: String = rows(17)
        .iter()
        .map(|row| {
            let [time, account, ip, card, model, tokens] = row;
            let tokens = if tokens.is_empty() { "null" } else { tokens };
            format!(
                "{{\"user_id\":\"{account}\",\"ts\":\"{time}\",\"model\":\"{model}\",\"ip\":\"{ip}\",\"card\":\"{card}\",\"totalTokens\":{tokens}}}\n"
            )
        })
        .collect();
    same(&first, &read(&write(folder.path(), "c.jsonl", json.as_bytes())).unwrap());
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&csv_of(&rows(99))).unwrap();
    let zipped = gzip.finish().unwrap();
    let path = write(folder.path(), "d.csv.gz", &zipped);
    same(&first, &read(&path).unwrap());
    let four = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
    same(&first, &four.install(|| read(&path)).unwrap());
    let error = read(&write(folder.path(), "e.csv.gz", &zipped[..zipped.len() / 2])).unwrap_err();
    assert!(error.to_string().contains("truncated"), "{error}");
}

/// Those that are read side by side count in the order of their names, and the first error is told.
#[test]
fn many_small_files_are_one_large_one() {
    let folder = tempfile::tempdir().unwrap();
    let all = rows(1);
    let whole = read(&write(folder.path(), "whole.csv", &csv_of(&all))).unwrap();
    let parts = folder.path().join("parts");
    std::fs::create_dir(&parts).unwrap();
    let named: Vec<(String, &[[String; 6]])> =
        all.chunks(97).enumerate().map(|(at, rows)| (format!("{at:03}.csv"), rows)).collect();
    for (name, rows) in &named {
        write(&parts, name, &csv_of(rows));
    }
    write(&parts, "017-empty.csv", b"");
    write(&parts, "018-again.csv", &csv_of(named[3].1));
    write(&parts, "019-header.csv", b"timestamp,account_id,ip\n");
    let found = read(&parts).unwrap();
    same(&whole, &found);
    let name = |path: &str| Path::new(path).file_name().unwrap().to_string_lossy().into_owned();
    let of_files: Vec<(String, u64)> = found.files.iter().map(|file| (name(&file.file), file.rows)).collect();
    let mut expected: Vec<(String, u64)> = named.iter().map(|(name, rows)| (name.clone(), rows.len() as u64)).collect();
    expected.extend([("018-again.csv".to_owned(), 0), ("019-header.csv".to_owned(), 0)]);
    expected.sort();
    assert_eq!(of_files, expected);
    write(&parts, "021.csv", b"when,who\n1,a\n");
    write(&parts, "020.csv", b"timestamp,account_id,card\n1772323200,a,4111111111111111\n");
    for threads in [1, 2, 7] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let error = pool.install(|| read(&parts)).unwrap_err();
        assert!(matches!(&error, EventError::RawCard { file, .. } if name(file) == "020.csv"), "{threads}: {error}");
    }
}

#[test]
fn what_goes_to_disk_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::from("timestamp,account_id,ip,card,model,status,requests,pathway,template,tokens\n");
    for (at, row) in rows(77).iter().enumerate() {
        let time = if at % 11 == 0 { "" } else { &row[0] };
        let (status, pathway) = (200 + at % 3, ["api", "", "edu"][at % 3]);
        text += &format!("{time},{},{},{},{},{status},{}", row[1], row[2], row[3], row[4], at % 5 + 1);
        text += &format!(",{pathway},t{},{}\n", at % 40, row[5]);
    }
    let half = text[..text.len() / 2].rfind('\n').unwrap() + 1;
    let header = text.lines().next().unwrap();
    let long: String =
        (0..900).map(|n| format!("2024-03-{:02}T00:00:00Z,account {n},device,d{},2,{n}\n", n % 9 + 1, n % 70)).collect();
    let paths = [
        write(folder.path(), "1.csv", &text.as_bytes()[..half]),
        write(folder.path(), "2.csv", format!("{header}\n{}", &text[half..]).as_bytes()),
        write(folder.path(), "3.csv", format!("timestamp,account_id,entity_kind,entity_value,count,tokens\n{long}").as_bytes()),
    ];
    let free = ingest(&paths, &IngestConfig::default(), &Unobserved).unwrap();
    assert!(!free.long_events.is_empty() && !free.activity.columns().requests.is_empty());
    assert!(!free.activity.columns().tokens.is_empty());
    let tight = IngestConfig { memory_limit: Some(1), spill: Some(folder.path().to_owned()), ..IngestConfig::default() };
    let spilled = ingest(&paths, &tight, &Unobserved).unwrap();
    same(&free, &spilled);
    assert_eq!((&free.long_events, &free.event_pathway), (&spilled.long_events, &spilled.event_pathway));
    let nowhere = IngestConfig { spill: Some(folder.path().join("nowhere")), ..tight };
    let error = ingest(&paths, &nowhere, &Unobserved).unwrap_err();
    assert!(error.to_string().contains("beyond the memory limit"), "{error}");
}

#[test]
fn long_events_keep_their_kinds() {
    let folder = tempfile::tempdir().unwrap();
    let text = "timestamp,account_id,entity_kind,entity_value,count\n1700000000,b,url,x,2\n1700000001,a,url,x,1\n,a,ip_address,8.8.8.8,1\n";
    let got = read(&write(folder.path(), "long.csv", text.as_bytes())).unwrap();
    assert_eq!(got.kind_names, ["ip", "url"]);
    assert_eq!(got.graph.sighting_between(AccountId(1), IdentifierId(1)).unwrap().count, 2);
    assert_eq!(got.identifier_names.text(0), "8.8.8.8");
    assert_eq!(got.activity.event_count(), 2);
}

/// The rows as record batches of some rows each, every column of another type that holds text.
fn batches_of(rows: &[[String; 6]], size: usize) -> Vec<RecordBatch> {
    let batch = |rows: &[[String; 6]]| {
        let column = |at: usize| rows.iter().map(move |row| row[at].as_str());
        let seconds = |time: &str| time.parse::<jiff::Timestamp>().unwrap().as_second();
        let columns: [(&str, ArrayRef); 6] = [
            ("timestamp", Arc::new(column(0).map(seconds).collect::<Int64Array>())),
            ("account_id", Arc::new(column(1).map(Some).collect::<StringViewArray>())),
            ("ip", Arc::new(column(2).map(Some).collect::<LargeStringArray>())),
            ("card", Arc::new(column(3).map(Some).collect::<StringArray>())),
            ("model", Arc::new(column(4).collect::<DictionaryArray<Int8Type>>())),
            ("token_count", Arc::new(column(5).map(|tokens| tokens.parse::<f64>().ok()).collect::<Float64Array>())),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    };
    rows.chunks(size).map(batch).collect()
}

fn read_batches(batches: Vec<Result<RecordBatch, ArrowError>>) -> Result<Ingested, EventError> {
    let schema = batches.iter().flatten().next().unwrap().schema();
    let batches = vec![Batches::new("table", RecordBatchIterator::new(batches, schema))];
    ingest(Sources { files: &[], batches }, &IngestConfig::default(), &Unobserved)
}

#[test]
fn record_batches_mean_what_files_mean() {
    let folder = tempfile::tempdir().unwrap();
    let file = read(&write(folder.path(), "a.csv", &csv_of(&rows(1)))).unwrap();
    for (stride, size) in [(1, 1 << 20), (1234, 7), (17, 1000)] {
        let streamed = read_batches(batches_of(&rows(stride), size).into_iter().map(Ok).collect()).unwrap();
        same(&file, &streamed);
        assert_eq!((streamed.files[0].file.as_str(), streamed.files[0].rows), ("table", 5003));
    }
    let two = write(folder.path(), "first.csv", &csv_of(&rows(1)[..2000]));
    let schema = batches_of(&rows(1), 10)[0].schema();
    let rest = batches_of(&rows(1)[2000..], 1001).into_iter().map(Ok);
    let batches = vec![Batches::new("rest", RecordBatchIterator::new(rest, schema))];
    same(&file, &ingest(Sources { files: &[two], batches }, &IngestConfig::default(), &Unobserved).unwrap());
}

#[test]
fn a_table_is_a_side_table_too() {
    let folder = tempfile::tempdir().unwrap();
    let columns: [(&str, ArrayRef); 4] = [
        ("account_id", Arc::new(StringViewArray::from(vec!["a,1", "b"]))),
        ("created_at", Arc::new(TimestampMillisecondArray::from(vec![Some(1_767_225_600_000), None]).with_timezone("UTC"))),
        ("banned_at", Arc::new(Int64Array::from(vec![None, Some(1_767_225_600)]))),
        ("vip", Arc::new(BooleanArray::from(vec![true, false]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let path = folder.path().join("accounts.csv");
    let table = |batch: RecordBatch| Batches::new("accounts", RecordBatchIterator::new([Ok(batch.clone())], batch.schema()));
    table(batch).write_csv(&path).unwrap();
    let text = "account_id,created_at,banned_at,vip\n\"a,1\",2026-01-01T00:00:00Z,,true\nb,,1767225600,false\n";
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int8Type, _, _>([Some([Some(1)])]));
    let error = table(RecordBatch::try_from_iter([("account_id", lists)]).unwrap()).write_csv(&path).unwrap_err();
    assert!(error.to_string().contains("account_id has type List"), "{error}");
}

#[test]
fn batches_that_can_not_be_read_say_why() {
    let good = batches_of(&rows(1), 3000);
    let error = read_batches(vec![Ok(good[0].clone()), Err(ArrowError::ComputeError("gone".to_owned()))]).unwrap_err();
    assert!(error.to_string().contains("table: the stream of batches broke off: Compute error: gone"), "{error}");
    // What the caller's stream said is there for whoever knows its kind.
    let inner = ArrowError::ExternalError(Box::new(std::io::Error::other("quota")));
    let error = read_batches(vec![Ok(good[0].clone()), Err(inner)]).unwrap_err();
    let stream = std::error::Error::source(&error).expect("the stream's error");
    assert!(stream.source().is_some_and(|inner| inner.downcast_ref::<std::io::Error>().is_some()), "{error:?}");
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![1.0]));
    let accounts: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
    let batch = RecordBatch::try_from_iter([("account_id", accounts), ("model", floats)]).unwrap();
    let error = read_batches(vec![Ok(batch)]).unwrap_err();
    assert!(error.to_string().contains("model has type Float64"), "{error}");
    let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int8Type, _, _>([Some([Some(1)])]));
    let error = read_batches(vec![Ok(RecordBatch::try_from_iter([("account_id", lists)]).unwrap())]).unwrap_err();
    assert!(error.to_string().contains("account_id has type List"), "{error}");
    let error = read_batches(vec![Ok(good[0].slice(0, 0))]).unwrap_err();
    assert!(error.to_string().contains("no events"), "{error}");
    // A row without an account is counted and told by its number in the stream.
    let names: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("b")]));
    let batch = RecordBatch::try_from_iter([("account_id", names.clone()), ("device", names)]).unwrap();
    let read = read_batches(vec![Ok(batch.clone()), Ok(batch)]).unwrap();
    assert_eq!((read.rows, read.rejected_count()), (6, 2));
    assert_eq!(read.examples.iter().map(|row| row.row).collect::<Vec<_>>(), [1, 4]);
}

/// Seconds that are more milliseconds than a number holds are no time; they must not become another, nor none.
#[test]
fn seconds_beyond_all_milliseconds_are_bad_rows() {
    let good = 1_767_225_600;
    for (time, reason) in [(i64::MAX, "future_time"), (i64::MAX / 1000 + 1, "future_time"), (i64::MIN, "ancient_time")] {
        let columns: [(&str, ArrayRef); 3] = [
            ("timestamp", Arc::new(TimestampSecondArray::from(vec![Some(good), Some(time), None]))),
            ("account_id", Arc::new(StringArray::from(vec!["a", "b", "c"]))),
            ("device", Arc::new(StringArray::from(vec!["d", "d", "d"]))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let read = read_batches(vec![Ok(batch)]).unwrap();
        let bad: Vec<(u64, &str)> = read.examples.iter().map(|one| (one.row, one.reason.name())).collect();
        assert_eq!((read.rows, bad), (3, vec![(1, reason)]));
        assert_eq!(read.activity.columns().time.as_slice(), [good * 1000]);
    }
    let folder = tempfile::tempdir().unwrap();
    for time in [i64::MAX, i64::MIN, i64::MAX / 1000 + 1] {
        let columns: [(&str, ArrayRef); 2] = [
            ("account_id", Arc::new(StringArray::from(vec!["a"]))),
            ("created_at", Arc::new(TimestampSecondArray::from(vec![time]).with_timezone("UTC"))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let table = Batches::new("accounts", RecordBatchIterator::new([Ok(batch.clone())], batch.schema()));
        let error = table.write_csv(&folder.path().join("accounts.csv")).unwrap_err().to_string();
        assert!(error.contains("created_at"), "{time}: {error}");
    }
}

#[test]
fn the_same_file_twice_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "a.csv", b"account_id,ip\na,8.8.8.8\n");
    let twice = ingest(&[path.clone(), path], &IngestConfig::default(), &Unobserved).unwrap();
    assert_eq!((twice.rows, twice.files[1].duplicate), (1, true));
}

/// Columns past the last kind that a store has were not read, and nobody was told.
#[test]
fn more_kinds_than_a_store_has_are_refused_wherever_they_come_from() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |config: &IngestConfig, name: &str, text: &str| {
        let path = write(folder.path(), name, text.as_bytes());
        let told = ingest(&[path], config, &Unobserved).map_err(|error| error.to_string());
        told.map(|got| got.kind_names.len())
    };
    let rows = |count: usize| (0..count).map(|at| format!("a,k{at},v\n")).collect::<String>();
    let long = |count| format!("account_id,entity_kind,entity_value\n{}", rows(count));
    let config = IngestConfig::default();
    assert_eq!(refused(&config, "long.csv", &long(249)), Ok(249));
    let error = refused(&config, "long.csv", &long(252)).unwrap_err();
    assert!(error.starts_with("more than 250 different kinds of identifiers; a store has no more: check that"), "{error}");
    let map: String = (0..251).map(|at| format!("[kinds.k{at}]\ncolumn = [\"c{at}\"]\n")).collect();
    let config = IngestConfig { map: Some(write(folder.path(), "map.toml", map.as_bytes())), ..config };
    let wide = |count: usize| {
        let [names, values] = [("c", "account_id"), ("v", "a")].map(|(of, first)| {
            std::iter::once(first.to_owned()).chain((0..count).map(|at| format!("{of}{at}"))).collect::<Vec<String>>().join(",")
        });
        format!("{names}\n{values}\n")
    };
    assert_eq!(refused(&config, "wide.csv", &wide(250)), Ok(250));
    assert_eq!(refused(&config, "wide.csv", &wide(251)), Err(error));
}

#[test]
fn bad_rows_are_counted_and_written_aside() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = b"ts,account_id,ip\n1700000000,a,8.8.8.8\n1700000001,b,999.1.1.1\n1700000002,\xff,8.8.8.8\n1,c,8.8.8.8\nx\n1700000003,d,10.0.0.1\n";
    let config = IngestConfig { rejects: Some(folder.path().join("rejects.jsonl")), ..IngestConfig::default() };
    let got = ingest(&[write(folder.path(), "a.csv", bytes)], &config, &Unobserved).unwrap();
    assert_eq!((got.rows, got.rejected_count(), got.unroutable), (6, 3, 1));
    // The row with a bad address counts without it.
    assert_eq!((got.account_names.len(), got.activity.event_count(), got.kept_rows), (3, 3, 1));
    let unread: Vec<(&str, &str, u64)> = got.unread.iter().map(|it| (it.field.as_str(), it.reason.as_str(), it.rows)).collect();
    assert_eq!(unread, [("ip", "bad_ip", 1)]);
    let rejects = std::fs::read_to_string(folder.path().join("rejects.jsonl")).unwrap();
    assert_eq!(rejects.lines().count(), 4);
    assert!(
        rejects.contains("\"line\":3,\"field\":\"ip\",\"reason\":\"bad_ip\",\"value\":\"(9 bytes)\",\"kept\":true"),
        "{rejects}"
    );
    assert!(!rejects.contains("999.1.1.1"));
}

#[test]
fn a_field_that_can_not_be_read_takes_nothing_else_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let text = "ts,account_id,ip,device,requests,event_id,tokens\n1700000000,a,host,d1,x,e1,-5\n1700000000,a,host,d1,x,e1,-5\n\
        1700000001,b,8.8.8.8,d1,3,e2,4294967299\n1700000002,b,8.8.8.8,d1,4294967296,e3,12.0\n1700000003,b,8.8.8.8,d1,,e4,n/a\n";
    let path = write(folder.path(), "a.csv", text.as_bytes());
    let got = read(&path).unwrap();
    // The second delivery of a row with bad fields is one all the same.
    assert_eq!((got.rejected_count(), got.kept_rows, got.event_ids.duplicates), (0, 2, 1));
    let fields: Vec<(&str, &str, u64)> =
        got.unread.iter().map(|unread| (unread.field.as_str(), unread.reason.as_str(), unread.rows)).collect();
    assert_eq!(fields, [("ip", "bad_ip", 1), ("requests", "bad_number", 2), ("tokens", "bad_tokens", 1)]);
    // A status that is a word is told, and however many there are, no run fails by them.
    let text = "ts,account_id,ip,status\n".to_owned()
        + &["OK", "200", "200.0", "200.5", "99999", "-1", "", "n/a"]
            .map(|status| format!("1700000000,a,8.8.8.8,{status}\n"))
            .concat();
    let words = read(&write(folder.path(), "words.csv", text.as_bytes())).unwrap();
    assert_eq!((words.rejected_count(), words.kept_rows, words.unread.len()), (0, 0, 1));
    assert_eq!((words.unread[0].reason.as_str(), words.unread[0].rows), ("bad_status", 4));
    assert_eq!(words.files[0].filled.iter().find(|filled| filled.column == "status").unwrap().rows, 2);
    assert_eq!(got.kind_names, ["device", "ip"]);
    assert_eq!(got.graph.accounts_of(IdentifierId(0)).len(), 2);
    assert_eq!(got.activity.columns().requests.as_slice(), [1, 3, 1, 1]);
    assert_eq!(got.activity.columns().tokens.as_slice(), [0, u32::MAX, 12, 0]);
    // The same in JSON, and an object where a value was expected; long rows have nothing else to give.
    let json = "{\"account_id\":\"a\",\"ip\":{\"v4\":1},\"device\":\"d1\"}\n{\"account_id\":{\"id\":1},\"device\":\"d1\"}\n{\"account_id\":\"b\",\"device\":\"d1\"}\n";
    let got = read(&write(folder.path(), "a.jsonl", json.as_bytes())).unwrap();
    assert_eq!((got.kept_rows, got.rejected_count(), got.graph.accounts_of(IdentifierId(0)).len()), (1, 1, 2));
    // One name with two values says neither, also where one lies in an object; the same value twice, or with null, is one.
    let json = "{\"account_id\":\"a\",\"ip\":\"8.8.8.8\",\"ip\":\"9.9.9.9\",\"device\":\"d1\"}\n\
        {\"account_id\":\"a\",\"account_id\":\"b\",\"device\":\"d1\"}\n\
        {\"account_id\":\"c\",\"account_id\":\"c\",\"ip\":null,\"ip\":\"8.8.8.8\",\"device\":\"d1\",\"device\":null}\n\
        {\"account_id\":\"d\",\"DEVICE\":\"d2\",\"DEVICE\":\"d3\",\"device\":\"d1\"}\n";
    let got = read(&write(folder.path(), "twice.jsonl", json.as_bytes())).unwrap();
    let unread: Vec<(&str, u64)> = got.unread.iter().map(|unread| (unread.reason.as_str(), unread.rows)).collect();
    assert_eq!((got.kept_rows, got.rejected_count(), unread), (1, 1, vec![("field_twice", 1)]));
    let accounts_of = |kind: &str| {
        let of_kind = (0..got.graph.identifier_count() as u32).map(IdentifierId);
        let of_kind = of_kind.filter(|&one| got.kind_names[usize::from(got.graph.kind_of(one).0)] == kind);
        of_kind.map(|one| got.graph.accounts_of(one).len()).collect::<Vec<usize>>()
    };
    assert_eq!((accounts_of("device"), accounts_of("ip")), (vec![3], vec![1]));
    let long = "account_id,entity_kind,entity_value\na,ip,host\nb,ip,8.8.8.8\n";
    let got = read(&write(folder.path(), "long.csv", long.as_bytes())).unwrap();
    assert_eq!((got.kept_rows, got.rejected_count()), (0, 1));
    // A strict schema rejects the row.
    let strict = IngestConfig { schema: SchemaMode::Strict, ..IngestConfig::default() };
    let got = ingest(&[path], &strict, &Unobserved).unwrap();
    assert_eq!((got.rejected_count(), got.kept_rows), (3, 0));
}

#[test]
fn of_a_list_of_hops_the_client_counts() {
    let folder = tempfile::tempdir().unwrap();
    let forged = "x".repeat(5000);
    let values =
        ["8.8.8.8, 198.51.100.7, 10.0.0.1", "198.51.100.7:443", "\x01, 198.51.100.7", &forged, "198.51.100.9, host, 10.0.0.1"];
    let mut csv = String::from("account_id,ip\n");
    for (at, value) in values.iter().enumerate() {
        let value = if at == 3 { format!("{value}, 198.51.100.7") } else { (*value).to_string() };
        csv += &format!("a{at},\"{value}\"\n");
    }
    let text = read(&write(folder.path(), "a.csv", csv.as_bytes())).unwrap();
    assert_eq!((text.identifier_names.len(), text.identifier_names.text(0)), (1, "198.51.100.7"));
    assert_eq!((text.graph.accounts_of(IdentifierId(0)).len(), text.forwarded, text.kept_rows), (4, 3, 1));
    // Columns and long rows say the same, and another proxy of ours another client.
    let (names, values): (Vec<&str>, Vec<&str>) = csv
        .lines()
        .skip(1)
        .map(|line| line.split_once(',').unwrap())
        .map(|(name, value)| (name, value.trim_matches('"')))
        .unzip();
    let columns: [(&str, ArrayRef); 2] =
        [("account_id", Arc::new(StringArray::from(names))), ("ip", Arc::new(StringArray::from(values)))];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let columnar = read_batches(vec![Ok(batch.slice(0, 4))]).unwrap();
    assert_eq!((columnar.forwarded, columnar.identifier_names.len()), (3, 1));
    let slow = read_batches(vec![Ok(batch)]).unwrap();
    assert_eq!((slow.forwarded, slow.kept_rows), (3, 1));
    let long = "account_id,entity_kind,entity_value\na,ip,\"8.8.8.8, 198.51.100.7\"\nb,url,\"x=1,2\"\n";
    let path = write(folder.path(), "long.csv", long.as_bytes());
    let config = IngestConfig { trusted_proxies: Some("198.51.100.0/24".parse().unwrap()), ..IngestConfig::default() };
    let got = ingest(&[path], &config, &Unobserved).unwrap();
    assert_eq!((got.forwarded, got.identifier_names.text(0)), (1, "8.8.8.8"));
}

#[test]
fn a_path_leads_into_objects_and_structs() {
    let folder = tempfile::tempdir().unwrap();
    let map = write(folder.path(), "map.toml", b"[columns]\naccount_id = \"user.id\"\nip = \"client.net.ip\"\n");
    let json = "{\"user\":{\"id\":\"a\"},\"client\":{\"net\":{\"ip\":\"198.51.100.7\"},\"port\":1}}\n{\"user\":{\"id\":\"b\"},\"client\":null}\n";
    let config = IngestConfig { map: Some(map), ..IngestConfig::default() };
    let text = ingest(&[write(folder.path(), "a.jsonl", json.as_bytes())], &config, &Unobserved).unwrap();
    assert_eq!((text.account_names.len(), text.identifier_names.text(0)), (2, "198.51.100.7"));
    assert_eq!(text.files[0].ignored, ["client.port"]);
    let texts = |name: &str, values: Vec<Option<&str>>, nulls: Option<NullBuffer>| -> ArrayRef {
        let fields = vec![Field::new(name, arrow_schema::DataType::Utf8, true)];
        Arc::new(StructArray::new(fields.into(), vec![Arc::new(StringArray::from(values))], nulls))
    };
    let net = texts("ip", vec![Some("198.51.100.7"), Some("8.8.8.8")], None);
    let fields = vec![Field::new("net", net.data_type().clone(), true)];
    // The second client is missing, whatever lies below.
    let client: ArrayRef = Arc::new(StructArray::new(fields.into(), vec![net], Some(vec![true, false].into())));
    let user = texts("id", vec![Some("a"), Some("b")], None);
    let batch = RecordBatch::try_from_iter_with_nullable([("client", client, true), ("user", user, true)]).unwrap();
    let path = folder.path().join("a.parquet");
    let mut writer = parquet::arrow::ArrowWriter::try_new(std::fs::File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    same(&text, &ingest(&[path], &config, &Unobserved).unwrap());
    let schema = batch.schema();
    let batches = vec![Batches::new("table", RecordBatchIterator::new(vec![Ok(batch)], schema))];
    same(&text, &ingest(Sources { files: &[], batches }, &config, &Unobserved).unwrap());
    let wrong = ColumnName { ours: "ip".into(), theirs: "client.net.ipp".into() };
    let config = IngestConfig { columns: vec![wrong], ..config };
    let error = ingest(&[write(folder.path(), "b.jsonl", json.as_bytes())], &config, &Unobserved).unwrap_err().to_string();
    assert!(error.contains("did you mean \"client.net.ip\""), "{error}");
}

#[test]
fn uuids_of_16_bytes_are_their_text_in_any_codec() {
    use parquet::basic::{BrotliLevel, Compression};
    use parquet::data_type::{FixedLenByteArray, FixedLenByteArrayType};
    let folder = tempfile::tempdir().unwrap();
    let bytes: Vec<[u8; 16]> = (0..3u8).map(|of| std::array::from_fn(|at| (at as u8 * 16 + of) ^ 0xa5)).collect();
    let text = "timestamp,account_id,user\n,a5b58595-e5f5-c5d5-2535-051565754555,\n,a4b48494-e4f4-c4d4-2434-041464744454,\n\
        ,a7b78797-e7f7-c7d7-2737-071767774757,\n";
    let text = read(&write(folder.path(), "a.csv", text.as_bytes())).unwrap();
    let schema = "message events { required fixed_len_byte_array(16) account_id (UUID); \
        required group user { required fixed_len_byte_array(16) id (UUID); } }";
    let schema = Arc::new(parquet::schema::parser::parse_message_type(schema).unwrap());
    for (name, codec) in [("plain", Compression::UNCOMPRESSED), ("brotli", Compression::BROTLI(BrotliLevel::default()))] {
        let path = folder.path().join(name);
        let properties = parquet::file::properties::WriterProperties::builder().set_compression(codec).build();
        let out = std::fs::File::create(&path).unwrap();
        let mut writer = parquet::file::writer::SerializedFileWriter::new(out, schema.clone(), properties.into()).unwrap();
        let mut group = writer.next_row_group().unwrap();
        while let Some(mut column) = group.next_column().unwrap() {
            let values: Vec<FixedLenByteArray> =
                bytes.iter().map(|uuid| parquet::data_type::ByteArray::from(uuid.to_vec()).into()).collect();
            column.typed::<FixedLenByteArrayType>().write_batch(&values, None, None).unwrap();
            column.close().unwrap();
        }
        group.close().unwrap();
        writer.close().unwrap();
        same(&text, &read(&path).unwrap());
        let of_struct = ColumnName { ours: "account_id".into(), theirs: "user.id".into() };
        let config = IngestConfig { columns: vec![of_struct], ..IngestConfig::default() };
        same(&text, &ingest(&[path], &config, &Unobserved).unwrap());
    }
    let field = Field::new("account_id", arrow_schema::DataType::FixedSizeBinary(16), false);
    let of = |field: Field| {
        let uuids: ArrayRef = Arc::new(arrow_array::FixedSizeBinaryArray::try_from_iter(bytes.iter()).unwrap());
        read_batches(vec![Ok(RecordBatch::try_new(Arc::new(arrow_schema::Schema::new(vec![field])), vec![uuids]).unwrap())])
    };
    let uuid = HashMap::from([("ARROW:extension:name".to_string(), "arrow.uuid".to_string())]);
    same(&text, &of(field.clone().with_metadata(uuid)).unwrap());
    // 16 bytes of something else are no text.
    assert!(of(field).unwrap_err().to_string().contains("FixedSizeBinary(16)"));
}

#[test]
fn a_missing_column_is_looked_for_in_objects_too() {
    let folder = tempfile::tempdir().unwrap();
    let json = b"{\"at\":\"2026-03-01\",\"users\":{\"id\":\"a\",\"plan\":\"free\"}}\n";
    let error = read(&write(folder.path(), "a.jsonl", json)).unwrap_err().to_string();
    assert!(error.contains("nearest is \"users.id\"") && error.contains("`columns` account_id=\"users.id\""), "{error}");
    let fields = vec![Field::new("customer", arrow_schema::DataType::Utf8, true)];
    let whom: ArrayRef = Arc::new(StructArray::new(fields.into(), vec![Arc::new(StringArray::from(vec!["a"]))], None));
    let batch = RecordBatch::try_from_iter([("whom", whom)]).unwrap();
    let error = read_batches(vec![Ok(batch)]).unwrap_err().to_string();
    assert!(error.ends_with("among whom.customer"), "{error}");
}

#[test]
fn a_file_without_rows_takes_nothing_from_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let (none, some) = (batches_of(&rows(1), 10)[0].slice(0, 0), write(folder.path(), "a.csv", &csv_of(&rows(1))));
    let path = folder.path().join("part-0.parquet");
    let file = std::fs::File::create(&path).unwrap();
    parquet::arrow::ArrowWriter::try_new(file, none.schema(), None).unwrap().close().unwrap();
    let got = ingest(&[path.clone(), some.clone()], &IngestConfig::default(), &Unobserved).unwrap();
    assert_eq!(got.without_rows, [path.display().to_string()]);
    same(&got, &read(&some).unwrap());
    assert!(read(&path).unwrap_err().to_string().contains("no events"));
}

#[test]
fn whole_numbers_with_a_fraction_of_zeros_are_whole() {
    let folder = tempfile::tempdir().unwrap();
    let read = |status: &str| {
        let csv = format!("timestamp,account_id,status,requests,tokens\n1700000000,a,{status},2.000000000,7.0\n");
        let got = read(&write(folder.path(), "a.csv", csv.as_bytes())).unwrap();
        let activity = got.activity.columns();
        (activity.status.first().copied(), activity.requests[0], activity.tokens[0])
    };
    assert_eq!(read("200"), (Some(200), 2, 7));
    assert_eq!(read("200.0"), (Some(200), 2, 7));
    assert_eq!(read("200.5"), (None, 2, 7));
    let columns: [(&str, ArrayRef); 3] = [
        ("account_id", Arc::new(StringArray::from(vec!["a", "b"]))),
        ("timestamp", Arc::new(Int64Array::from(vec![1_700_000_000, 1_700_000_001]))),
        ("status", Arc::new(Float64Array::from(vec![Some(429.0), None]))),
    ];
    let got = read_batches(vec![Ok(RecordBatch::try_from_iter(columns).unwrap())]).unwrap();
    assert_eq!(got.activity.columns().status[0], 429);
}

#[test]
fn what_can_not_be_read_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let fails = |name: &str, bytes: &[u8]| read(&write(folder.path(), name, bytes)).unwrap_err().to_string();
    assert!(fails("empty.csv", b"").contains("empty"));
    assert!(fails("header.csv", b"account_id,ip\n").contains("no events"));
    assert!(fails("columns.csv", b"acount_id,ip\na,8.8.8.8\n").contains("acount_id"));
    assert!(fails("short.parquet", b"PAR1abc").contains("Parquet"));
    let mixed = fails("mixed.csv", b"ts,account_id\n1700000000,a\n1700000000000,b\n");
    assert!(mixed.contains("epoch seconds (row 2)") && mixed.contains("epoch milliseconds (row 3)"), "{mixed}");
    let card = fails("card.csv", b"account_id,card\na,4111 1111 1111 1111\n");
    assert!(card.contains("card number") && !card.contains("4111"), "{card}");
    // A first line that is no header is somebody's data.
    for line in ["a1,4111111111111111,x\n", "2001:db8::1 - ann [02/Mar/2026:00:00:00 +0000] \"GET /4111 HTTP/1.1\" 200 1\n"] {
        let error = fails("values.csv", line.as_bytes());
        assert!(error.contains("holds values") && !error.contains("4111") && !error.contains("ann"), "{error}");
    }
    assert!(fails("cf.log", b"#Version: 1.0\n#Fields: date time c-ip\n").contains("is a comment"));
    std::fs::create_dir(folder.path().join("none")).unwrap();
    assert!(read(&folder.path().join("none")).unwrap_err().to_string().contains("no events in this folder"));
}

#[test]
fn prompts_become_templates() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::from("account_id,prompt\n");
    for n in 0..9 {
        text += &format!("a{n},Summarise the support ticket number {n} for our customer in two sentences\n");
    }
    let got = read(&write(folder.path(), "a.csv", text.as_bytes())).unwrap();
    assert_eq!(got.kind_names, ["prompt_template_hash"]);
    assert_eq!(got.templates.len(), 1);
    assert_eq!(got.templates[0].skeleton, "Summarise the support ticket number <num> for our customer in two sentences");
    assert_eq!(got.graph.accounts_of(IdentifierId(0)).len(), 9);
}

#[test]
fn words_for_nothing_are_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let csv = b"ts,account_id,ip,card,device,requests\n\\N,a,-,NULL,unknown,null\nNULL,b,unknown,\\N,None,-\n1700000000,NULL,8.8.8.8,,,1\n";
    let path = write(folder.path(), "a.csv", csv);
    let got = read(&path).unwrap();
    assert_eq!((got.rows, got.rejected_count(), got.absent, got.graph.sighting_count()), (3, 1, 6, 0));
    assert_eq!(got.rejected.keys().copied().collect::<Vec<_>>(), [events::normalise::Reason::MissingAccount]);
    // The same as a Parquet file would say, with gaps in numbers, as floats.
    let text = |values: [&str; 3]| -> ArrayRef { Arc::new(StringArray::from(values.to_vec())) };
    let times: ArrayRef = Arc::new(Float64Array::from(vec![None, Some(f64::NAN), Some(1_700_000_000.25)]));
    let columns = [("ts", times), ("account_id", text(["a", "b", "c"])), ("device", text(["(null)", "d", "d"]))];
    let got = read_batches(vec![RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    )])
    .unwrap();
    assert_eq!((got.absent, got.graph.sighting_count()), (1, 2));
    assert_eq!(got.activity.columns().time.as_slice(), [1_700_000_000_250]);
}
