//! Parquet and JSON as warehouses write them: damaged pages, days, floats, lists of addresses, and side tables.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, ListBuilder, StringBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BinaryArray, Date32Array, Date64Array, Decimal128Array, FixedSizeBinaryArray, Float32Array, Float64Array,
    Int64Array, ListArray, RecordBatch, RecordBatchIterator, StringArray, TimestampMicrosecondArray, UInt32Array,
};
use events::normalise::Reason;
use events::schema::ColumnName;
use events::{Batches, EventError, FileRead, IngestConfig, Ingested, SchemaMode, Unobserved, ingest};
use graph::IdentifierId;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn table(columns: &[(&str, ArrayRef)]) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.iter().map(|(name, column)| (*name, column.clone(), true))).unwrap()
}

fn write_parquet(folder: &Path, name: &str, columns: &[(&str, ArrayRef)]) -> PathBuf {
    let (path, batch) = (folder.join(name), table(columns));
    let mut writer = ArrowWriter::try_new(std::fs::File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path
}

fn read_by(config: &IngestConfig, path: &Path) -> Result<Ingested, EventError> {
    ingest(&[path.to_path_buf()], config, &Unobserved)
}

/// What the columns say in a file, and in batches.
fn read_both(config: &IngestConfig, columns: &[(&str, ArrayRef)]) -> [Ingested; 2] {
    let folder = tempfile::tempdir().unwrap();
    let batch = table(columns);
    let batches = Batches::new("table", RecordBatchIterator::new([Ok(batch.clone())], batch.schema()));
    let path = write_parquet(folder.path(), "e.parquet", columns);
    [read_by(config, &path).unwrap(), ingest(batches, config, &Unobserved).unwrap()]
}

/// They were rejected: large floats have an exponent as text.
#[test]
fn times_in_any_unit_may_be_floats() {
    let at = 1_772_323_200.123;
    for unit in [1.0, 1e3, 1e6, 1e9] {
        let times: ArrayRef = Arc::new(Float64Array::from(vec![Some(at * unit), None]));
        for got in read_both(&IngestConfig::default(), &[("account_id", texts(&["a", "b"])), ("timestamp", times)]) {
            assert_eq!((got.rejected_count(), got.rows_without_time), (0, 1), "{unit}");
            assert_eq!(&got.activity.columns().time[..], [1_772_323_200_123], "{unit}");
        }
    }
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn names(got: &Ingested) -> Vec<&str> {
    (0..got.account_names.len() as u32).map(|id| got.account_names.text(id)).collect()
}

fn identifiers(got: &Ingested) -> Vec<&str> {
    (0..got.identifier_names.len() as u32).map(|id| got.identifier_names.text(id)).collect()
}

/// Engines leave the columns that folders are named by out of the files, and so did we.
#[test]
fn what_folders_are_named_is_a_column_of_the_files_in_them() {
    let folder = tempfile::tempdir().unwrap();
    let lake = |name: &str| {
        let path = folder.path().join("dt=2026-03-01").join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    };
    let rows = "account_id,ip\na0,9.9.0.1\na1,9.9.0.1\n";
    write(&lake("model=m1/tenant=A%20%26%20B"), "part.csv", rows);
    // The same bytes, of another model.
    write(&lake("model=m2/tenant=A%20%26%20B"), "part.csv", rows);
    write(&lake("model=m3"), "part.jsonl", "{\"account_id\":\"b0\",\"model\":\"own\"}\n{\"account_id\":\"b1\"}\n");
    write_parquet(&lake("model=m4/tenant=C"), "part.parquet", &[("account_id", texts(&["c0", "c1", "c2"]))]);
    // A column of the file goes before its folder, by whatever name.
    write(&lake("tenant=D"), "part.csv", "user_id,Org\nd0,own\n");
    let org = ColumnName { ours: "org".to_owned(), theirs: "tenant".to_owned() };
    let own = ColumnName { theirs: "Org".to_owned(), ..org.clone() };
    let config = IngestConfig { columns: vec![own, org], schema: SchemaMode::Strict, ..IngestConfig::default() };
    let got = read_by(&config, folder.path()).unwrap();
    assert_eq!((got.rows, got.rejected_count()), (10, 0));
    assert_eq!(identifiers(&got), ["9.9.0.1", "A & B", "C", "own"]);
    let accounts_of = |identifier: u32| got.graph.accounts_of(IdentifierId(identifier)).len();
    assert_eq!([0, 1, 2, 3].map(accounts_of), [2, 2, 3, 1]);
    let filled = |column: &str| -> Vec<u64> {
        let of_file = |file: &FileRead| file.filled.iter().find(|filled| filled.column == column).map(|filled| filled.rows);
        got.files.iter().filter_map(of_file).collect()
    };
    assert_eq!((filled("model"), filled("org")), (vec![2, 2, 2, 3], vec![2, 2, 3, 1]));
    assert!(got.files.iter().all(|file| !file.duplicate && file.ignored.is_empty()), "{:?}", got.files);
}

/// Written by pyarrow with `write_page_checksum`: nothing here writes checksums.
#[test]
fn a_page_whose_checksum_is_wrong_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = include_bytes!("checksums.parquet").to_vec();
    let read = |bytes: &[u8]| read_by(&IngestConfig::default(), &write(folder.path(), "e.parquet", bytes));
    let got = read(&bytes).unwrap();
    assert_eq!((got.rows, got.account_names.len()), (20, 7));
    let at = bytes.windows(6).position(|text| text == b"acct_3").unwrap();
    bytes[at + 5] = b'9';
    let error = read(&bytes).unwrap_err().to_string();
    assert!(error.contains("e.parquet: a page of the Parquet file is damaged: its checksum is wrong"), "{error}");
}

/// Whoever writes Parquet declares columns as text without a look at them, and one client's byte refused the file of all.
#[test]
fn bytes_that_are_no_utf8_spoil_the_value_they_are_in() {
    let folder = tempfile::tempdir().unwrap();
    let rows: [[&[u8]; 5]; 5] = [
        [b"ada", b"8.8.8.8", b"curl/8 ~bad", b"write a poem ~", b"1.2.3.4"],
        [b"bob ~", b"8.8.4.4", b"curl/7", b"write a song", b"9.9.9.9"],
        [b"cyd", b"9.9.9.9", b"curl/7", b"write a play", b"9.9.9.~"],
        [b"dan", b"9.9.9.~", b"curl/8 ~bad", b"write a play", b"4.4.4.4"],
        [b"eve", b"8.8.8.8", b"curl/7", b"write a poem ~", b"4.4.4.4"],
    ];
    let names = ["account_id", "ip", "user_agent", "prompt", "device"];
    let spoilt = |text: &[u8]| text.iter().map(|&byte| if byte == b'~' { 0xff } else { byte }).collect::<Vec<u8>>();
    let lines = rows.map(|row| row.map(spoilt).join(&b','));
    let csv = [&[names.join(",").into_bytes()][..], &lines].concat().join(&b'\n');
    let wanted = read_by(&IngestConfig::default(), &write(folder.path(), "e.csv", csv)).unwrap();
    let said = |got: &Ingested| {
        let names = (0..got.identifier_names.len() as u32).map(|id| got.identifier_names.name(id).to_vec());
        let rejected: Vec<(Reason, u64)> = got.rejected.iter().map(|(&reason, &rows)| (reason, rows)).collect();
        (names.collect::<Vec<_>>(), got.account_names.len(), rejected, got.kept_rows, got.rows)
    };
    // Addresses and agents: three rows are kept without one or two.
    assert_eq!((wanted.rejected_count(), wanted.kept_rows), (1, 3));
    let column = |at: usize| rows.iter().map(move |row| Some(row[at]));
    let text = |at: usize| texts(&column(at).map(|text| str::from_utf8(text.unwrap()).unwrap()).collect::<Vec<_>>());
    let as_text: Vec<(&str, ArrayRef)> = (0..5).map(|at| (names[at], text(at))).collect();
    for has_dictionaries in [true, false] {
        let batch = table(&as_text);
        let properties = WriterProperties::builder()
            .set_dictionary_enabled(has_dictionaries)
            .set_statistics_enabled(EnabledStatistics::None)
            .build();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let got = read_by(&IngestConfig::default(), &write(folder.path(), "e.parquet", spoilt(&bytes))).unwrap();
        assert_eq!(said(&got), said(&wanted), "dictionaries: {has_dictionaries}");
    }
    let bytes = |at: usize| Arc::new(BinaryArray::from_iter(column(at).map(|text| text.map(spoilt)))) as ArrayRef;
    let as_bytes: Vec<(&str, ArrayRef)> = (0..5).map(|at| (names[at], bytes(at))).collect();
    for got in read_both(&IngestConfig::default(), &as_bytes) {
        assert_eq!(said(&got), said(&wanted));
    }
    // Of a list of hops it is one.
    let mut lists = ListBuilder::new(BinaryBuilder::new());
    lists.append_value([Some(&b"1.2.3.4"[..]), Some(b"8.8.8.8"), Some(b"10.0.0.\xff")]);
    lists.append_value([Some(b"9.9.9.9"), None]);
    let hops: [(&str, ArrayRef); 2] = [("account_id", texts(&["ada", "bob"])), ("ip", Arc::new(lists.finish()))];
    for got in read_both(&IngestConfig::default(), &hops) {
        assert_eq!((identifiers(&got), got.kept_rows), (vec!["9.9.9.9"], 1));
    }
}

/// Accounts that another file had as 42 were others.
#[test]
fn ids_that_are_decimals_are_whole_numbers_where_they_have_no_fraction() {
    let decimals = |values: &[i128], scale: i8| -> ArrayRef {
        Arc::new(Decimal128Array::from(values.to_vec()).with_precision_and_scale(20, scale).unwrap())
    };
    let accounts = decimals(&[4_200, 4_250, 0, 123_456_789_012_345_600], 2);
    let columns = [("account_id", accounts), ("device", decimals(&[7, 70, 70, 70], 0)), ("ip", texts(&["8.8.8.8"; 4]))];
    for got in read_both(&IngestConfig::default(), &columns) {
        assert_eq!(names(&got), ["0", "1234567890123456", "42", "42.50"]);
        assert_eq!(identifiers(&got), ["7", "70", "8.8.8.8"]);
    }
    // And in tables beside the events.
    let folder = tempfile::tempdir().unwrap();
    let events = write(folder.path(), "e.csv", "account_id,ip\n42,8.8.8.8\n43,8.8.8.8\n");
    let table = write_parquet(folder.path(), "a.parquet", &[("account_id", decimals(&[4_200], 2)), ("tier", texts(&["pro"]))]);
    let got = read_by(&IngestConfig { accounts: Some(table), ..IngestConfig::default() }, &events).unwrap();
    assert_eq!((got.tables[0].rows, got.tables[0].matched), (1, 1));
}

#[test]
fn a_day_is_its_midnight_where_the_clocks_are() {
    let config = IngestConfig { zone: Some("Europe/Berlin".parse().unwrap()), ..IngestConfig::default() };
    // 2026-02-01 and 2026-07-01, and no time.
    let days: ArrayRef = Arc::new(Date32Array::from(vec![Some(20_485), Some(20_635), None]));
    let millis: ArrayRef = Arc::new(Date64Array::from(vec![Some(20_485 * 86_400_000), Some(20_635 * 86_400_000), None]));
    // Arrow's days of 64 bits are whole numbers in Parquet, of which nobody can tell that they are days.
    for (times, in_files) in [(days, true), (millis, false)] {
        let columns = [("timestamp", times), ("account_id", texts(&["a", "b", "c"])), ("ip", texts(&["8.8.8.8"; 3]))];
        for got in read_both(&config, &columns).into_iter().skip(usize::from(!in_files)) {
            let expected = [1_769_900_400_000, 1_782_856_800_000];
            assert_eq!(got.activity.columns().time.as_slice(), expected);
            assert_eq!((got.rejected_count(), got.notes.days.len()), (0, 1));
        }
    }
    let moments: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![1_769_900_400_000_000]));
    for got in read_both(&config, &[("timestamp", moments), ("account_id", texts(&["a"]))]) {
        assert_eq!(got.notes.days.len(), 0);
    }
}

#[test]
fn ids_that_are_floats_are_whole_numbers_or_none() {
    let (whole, kept) = (Some(9_007_199_254_740_992.0), Some(-7.0));
    let ids = vec![Some(42.0), whole, kept, Some(42.5), Some(1e300), Some(f64::INFINITY), Some(f64::NAN), None, Some(42.0)];
    let devices = [Some(1.0), Some(1.5)].into_iter().chain([None; 7]);
    let columns: [(&str, ArrayRef); 2] =
        [("account_id", Arc::new(Float64Array::from(ids))), ("device", Arc::new(Float64Array::from_iter(devices)))];
    for got in read_both(&IngestConfig::default(), &columns) {
        assert_eq!(names(&got), ["-7", "42", "9007199254740992"]);
        let rejected: Vec<(Reason, u64)> = got.rejected.iter().map(|(&reason, &rows)| (reason, rows)).collect();
        assert_eq!(rejected, [(Reason::MissingAccount, 2), (Reason::FractionalId, 3)]);
        // Another identifier takes nothing with it.
        assert_eq!((identifiers(&got), got.kept_rows), (vec!["1"], 1));
    }
    // A float of 32 bits has lost digits much earlier.
    let columns: [(&str, ArrayRef); 1] = [("account_id", Arc::new(Float32Array::from(vec![16_777_216.0, 16_777_218.0])))];
    for got in read_both(&IngestConfig::default(), &columns) {
        assert_eq!((names(&got), got.rejected_count()), (vec!["16777216"], 1));
    }
}

#[test]
fn addresses_are_read_from_lists_bytes_and_numbers() {
    let accounts = || ("account_id", texts(&["a", "b", "c", "d"]));
    let expected = ["8.8.8.8", "9.9.9.9"];
    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.append_value([Some("1.2.3.4"), Some("8.8.8.8"), Some("10.0.0.1")]);
    lists.append_value([Some("9.9.9.9"), None]);
    lists.append_value([None::<&str>; 0]);
    lists.append_null();
    let lists: ArrayRef = Arc::new(lists.finish());
    let bytes = [Some([8u8; 4]), Some([9; 4]), Some([10, 0, 0, 1]), None];
    let four: ArrayRef = Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(bytes.into_iter(), 4).unwrap());
    let mapped = |of: u8| [&[0; 10][..], &[0xff, 0xff], &[of; 4]].concat();
    let sixteen = [Some(mapped(8)), Some(mapped(9)), None, None];
    let sixteen: ArrayRef = Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(sixteen.into_iter(), 16).unwrap());
    let numbers = || vec![Some(0x0808_0808_u32), Some(0x0909_0909), None, None];
    let unsigned: ArrayRef = Arc::new(UInt32Array::from(numbers()));
    let wide: ArrayRef = Arc::new(Int64Array::from_iter(numbers().into_iter().map(|number| number.map(i64::from))));
    let floats: ArrayRef = Arc::new(Float64Array::from_iter(numbers().into_iter().map(|number| number.map(f64::from))));
    for addresses in [lists.clone(), four, sixteen, unsigned, wide, floats] {
        let what = addresses.data_type().to_string();
        for got in read_both(&IngestConfig::default(), &[accounts(), ("ip", addresses.clone())]) {
            assert_eq!((identifiers(&got), got.kept_rows), (expected.to_vec(), 0), "{what}");
        }
    }
    // What the client says of itself is at the left: as in a header, the last that is no proxy of ours counts, and it is counted.
    for got in read_both(&IngestConfig::default(), &[accounts(), ("ip", lists)]) {
        assert_eq!(got.forwarded, 1);
    }
    let folder = tempfile::tempdir().unwrap();
    let lines = [r#"["1.2.3.4","8.8.8.8","10.0.0.1"]"#, r#"["9.9.9.9",null]"#, "[]", "null", r#"[["8.8.4.4"]]"#, "[1]"];
    let lines = lines.map(|ip| format!("{{\"account_id\":\"a\",\"ip\":{ip}}}\n")).concat();
    let got = read_by(&IngestConfig::default(), &write(folder.path(), "e.jsonl", lines)).unwrap();
    assert_eq!((identifiers(&got), got.forwarded, got.kept_rows), (expected.to_vec(), 1, 2));
    // Elsewhere a list says nothing that anybody could mean.
    let got = read_by(
        &IngestConfig::default(),
        &write(folder.path(), "a.jsonl", "{\"account_id\":[\"a\"]}\n{\"account_id\":\"b\"}\n"),
    );
    assert_eq!(got.unwrap().rejected[&Reason::NestedValue], 1);
    let numbers: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)])]));
    let path = write_parquet(folder.path(), "n.parquet", &[("account_id", texts(&["a"])), ("ip", numbers)]);
    let error = read_by(&IngestConfig::default(), &path).unwrap_err().to_string();
    assert!(error.contains("ip has type List"), "{error}");
}

#[test]
fn side_tables_are_read_from_parquet_as_from_csv() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let events = write(
        at,
        "e.csv",
        "timestamp,account_id,ip,model\n2026-03-01T00:00:00Z,42,8.8.8.8,m\n2026-03-01T00:00:00Z,b,8.8.4.4,n\n",
    );
    let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)]), None]));
    let moments: ArrayRef =
        Arc::new(TimestampMicrosecondArray::from(vec![Some(1_767_225_600_000_000), None]).with_timezone("UTC"));
    let parquet = IngestConfig {
        accounts: Some(write_parquet(
            at,
            "accounts.parquet",
            &[
                // Whole numbers as floats; a column that nobody asks for may be anything.
                ("account_id", Arc::new(Float64Array::from(vec![Some(42.0), None]))),
                ("created_at", moments.clone()),
                ("banned_at", Arc::new(Date32Array::from(vec![Some(20_514), None]))),
                ("country", texts(&["NL", "DE"])),
                ("tags", lists.clone()),
            ],
        )),
        releases: Some(write_parquet(
            at,
            "releases",
            &[("model", texts(&["m", "n"])), ("released_at", Arc::new(Int64Array::from(vec![1_767_225_600; 2])))],
        )),
        allow: Some(write_parquet(
            at,
            "allow",
            &[("kind", texts(&["ip"])), ("value", texts(&["8.8.4.4"])), ("reason", texts(&["ours"]))],
        )),
        ..IngestConfig::default()
    };
    let text = IngestConfig {
        accounts: Some(write(
            at,
            "accounts.csv",
            "account_id,created_at,banned_at,country,tags\n42,2026-01-01T00:00:00Z,2026-03-02,NL,\n,,,DE,\n",
        )),
        releases: Some(write(at, "releases.csv", "model,released_at\nm,1767225600\nn,1767225600\n")),
        allow: Some(write(at, "allow.csv", "kind,value,reason\nip,8.8.4.4,ours\n")),
        ..IngestConfig::default()
    };
    let [parquet, text] = [parquet, text].map(|config| read_by(&config, &events).unwrap());
    assert_eq!((parquet.accounts.created_at.len(), parquet.accounts.countries.as_slice()), (2, &["NL".to_owned()][..]));
    assert_eq!(parquet.accounts, text.accounts);
    assert_eq!((parquet.releases, parquet.allowed_identifiers), (text.releases, text.allowed_identifiers));
    assert_eq!(parquet.side_tables, text.side_tables);
    assert_eq!(parquet.tables[0].ignored, ["tags"]);
    // A column that is asked for has to have a text, and a file to be whole.
    let fails = |path: PathBuf| {
        let config = IngestConfig { accounts: Some(path), ..IngestConfig::default() };
        read_by(&config, &events).unwrap_err().to_string()
    };
    let error = fails(write_parquet(at, "lists.parquet", &[("account_id", texts(&["a", "b"])), ("country", lists)]));
    assert!(error.contains("lists.parquet: column country has type List"), "{error}");
    assert!(fails(write(at, "cut.parquet", "PAR1abc")).contains("cut.parquet: not a whole Parquet file"));
}
