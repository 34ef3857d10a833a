//! Values that can't be read or say nothing, through [`events::ingest`]: what they take with them, and what of them stays.

use std::path::{Path, PathBuf};

use events::schema::ColumnName;
use events::{IngestConfig, Ingested, Unobserved, ingest};
use graph::NO_TIME;

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn read(path: PathBuf, config: &IngestConfig) -> Ingested {
    ingest(&[path], config, &Unobserved).unwrap()
}

fn unread(got: &Ingested) -> Vec<(&str, &str, u64)> {
    got.unread.iter().map(|unread| (unread.field.as_str(), unread.reason.as_str(), unread.rows)).collect()
}

#[test]
fn a_byte_that_is_no_utf8_takes_its_field_from_a_line_of_json_as_from_one_of_csv() {
    let folder = tempfile::tempdir().unwrap();
    let config = IngestConfig::default();
    // A user agent, a value of a field that nobody reads, an account, the name of a field, and a line that isn't closed.
    let json = b"{\"account_id\":\"a\",\"ip\":\"8.8.8.8\",\"user_agent\":\"x\xff\"}\n\
        {\"account_id\":\"b\",\"ip\":\"8.8.8.8\",\"note\":\"\xfe\"}\n\
        {\"account_id\":\"c\xff\",\"ip\":\"8.8.8.8\"}\n\
        {\"account_id\":\"d\",\"ip\":\"8.8.8.8\",\"\xff\":1,\"score\":NaN}\n\
        {\"account_id\":\"e\",\"ip\":\"8.8.8.8\xff\n";
    let got = read(write(folder.path(), "a.jsonl", json), &config);
    assert_eq!((got.rows, got.rejected_count(), got.kept_rows, got.account_names.len()), (5, 2, 1, 3));
    assert_eq!(unread(&got), [("user_agent", "invalid_utf8", 1)]);
    let rejected: Vec<(&str, u64)> = got.rejected.iter().map(|(reason, &rows)| (reason.name(), rows)).collect();
    assert_eq!(rejected, [("invalid_utf8", 1), ("bad_json", 1)]);
    let csv = b"account_id,ip,user_agent\na,8.8.8.8,x\xff\nb,8.8.8.8,\nc\xff,8.8.8.8,\nd,8.8.8.8,\n";
    let same = read(write(folder.path(), "a.csv", csv), &config);
    assert_eq!((unread(&same), same.account_names.len()), (unread(&got), 3));
    assert_eq!(same.graph, got.graph);
}

#[test]
fn half_a_surrogate_pair_hides_no_prompt() {
    let folder = tempfile::tempdir().unwrap();
    let line = |at: usize| {
        format!(
            "{{\"account_id\":\"a{at}\",\"prompt\":\"Summarise the support ticket number {at} for our customer in two sentences \\ud83d\"}}\n"
        )
    };
    let json: String = (0..20).map(line).collect();
    let got = read(write(folder.path(), "a.jsonl", json.as_bytes()), &IngestConfig::default());
    assert_eq!((got.templates.len(), got.short_prompts, got.kept_rows), (1, 0, 0));
    assert_eq!(got.graph.sighting_count(), 20);
}

/// It stopped all, and said that the manifest has no account.
#[test]
fn a_file_of_a_folder_that_is_no_log_is_named_with_how_to_leave_it_out() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.jsonl", b"{\"account_id\":\"a\",\"ip\":\"8.8.8.8\"}\n");
    let config = IngestConfig::default();
    for manifest in [&b"{\"files\": 45}\n"[..], b"{\n  \"files\": 45\n}\n", b"[{\"file\": \"a.jsonl\"}]\n"] {
        let manifest = write(folder.path(), "manifest.json", manifest);
        let error = ingest(&[folder.path().to_owned()], &config, &Unobserved).unwrap_err().to_string();
        assert!(error.starts_with(&manifest.display().to_string()) && error.contains("call it _manifest.json"), "{error}");
        let named = ingest(&[manifest], &config, &Unobserved).unwrap_err().to_string();
        assert!(!named.contains("_manifest.json"), "who names a file means it: {named}");
    }
    std::fs::rename(folder.path().join("manifest.json"), folder.path().join("_manifest.json")).unwrap();
    let got = read(folder.path().to_owned(), &config);
    assert_eq!((got.rows, got.left_out.len()), (1, 1));
}

/// Whoever had to write a map had to open the log.
#[test]
fn what_lies_in_objects_that_no_map_enters_is_named_by_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let json = "{\"account_id\":\"a\",\"net\":{\"peer\":\"8.8.8.8\",\"via\":{\"hop\":1}},\"note\":1}\n\
        {\"account_id\":\"b\",\"net\":null,\"bill\":{}}\n";
    let got = read(write(folder.path(), "a.jsonl", json.as_bytes()), &IngestConfig::default());
    assert_eq!(got.files[0].ignored, ["bill", "net.peer", "net.via.hop", "note"]);
    let columns = vec![ColumnName { ours: "ip".to_owned(), theirs: "net.peer".to_owned() }];
    let got = read(folder.path().join("a.jsonl"), &IngestConfig { columns, ..IngestConfig::default() });
    assert_eq!((got.files[0].ignored.join(" "), got.graph.sighting_count()), ("bill net.via.hop note".to_owned(), 1));
}

/// Whoever came first took the numbers there are, and which those were depended on threads.
#[test]
fn of_more_models_than_can_be_numbered_those_of_most_rows_stay() {
    let folder = tempfile::tempdir().unwrap();
    let made_up = (0..65_536).map(|at| format!("a{},m{at:05},{}\n", at % 50, at % 3));
    let ours = ["gpt", "zeta", "gpt", "zeta", "late", "late", "late"];
    let ours = ours.iter().enumerate().map(|(at, model)| format!("a{at},{model},c\n"));
    let mut rows: Vec<String> = made_up.chain(ours).collect();
    let mut read_with = |threads: usize, backwards: bool| -> Ingested {
        rows.sort();
        if backwards {
            rows.reverse();
        }
        let text = format!("account_id,model,pathway,timestamp\n{}", rows.concat().replace('\n', ",1767225600\n"));
        let path = write(folder.path(), "a.csv", text.as_bytes());
        let config = IngestConfig { max_bad: 1.0, ..IngestConfig::default() };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| read(path, &config))
    };
    let one = read_with(1, false);
    // Of the 65,536 with a row each the last four by name go.
    assert_eq!((one.models.len(), one.models[0].as_str(), one.models[2].as_str()), (65_535, "gpt", "m00000"));
    assert_eq!(one.models[65_533..], ["m65531", "zeta"]);
    assert_eq!((unread(&one), one.kept_rows, one.rejected_count()), (vec![("model", "too_many_labels", 4)], 4, 0));
    for (threads, backwards) in [(1, true), (4, false), (4, true)] {
        let other = read_with(threads, backwards);
        assert!(other.models == one.models && other.activity.columns() == one.activity.columns(), "{threads} {backwards}");
        assert_eq!((unread(&other), &other.event_pathway), (unread(&one), &one.event_pathway));
    }
}

#[test]
fn one_row_with_lines_in_a_field_is_one_bad_row() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "timestamp,account_id,ip,user_agent\n2026-02-01T00:00:00Z,a,8.8.8.8,\"one\n{}last\"\n2026-02-01T00:00:01Z,b,8.8.8.8,curl\n",
        "a line\n".repeat(300)
    );
    let got = read(write(folder.path(), "a.csv", text.as_bytes()), &IngestConfig::default());
    assert_eq!((got.rows, got.rejected_count(), got.account_names.len()), (2, 1, 1));
    assert_eq!((got.examples[0].row, got.examples[0].reason.name()), (2, "quoted_lines"));
    // Lines that would be rows are others', as far as anybody knows.
    let text = "timestamp,account_id,ip,user_agent\n2026-02-01T00:00:00Z,a,8.8.8.8,\"one\n2026-02-01T00:00:00Z,b,8.8.8.8,x\n\
        2026-02-01T00:00:00Z,c,8.8.8.8,two\"\n2026-02-01T00:00:00Z,d,8.8.8.8,x\n";
    let got = read(write(folder.path(), "b.csv", text.as_bytes()), &IngestConfig::default());
    assert_eq!((got.rows, got.rejected_count(), got.account_names.len()), (4, 3, 1));
}

#[test]
fn a_first_line_may_be_as_long_as_any() {
    let folder = tempfile::tempdir().unwrap();
    let note = "x".repeat(6 << 20);
    let json = format!(
        "{{\"note\":\"{note}\",\"account_id\":\"a\",\"ip\":\"8.8.8.8\"}}\n{{\"account_id\":\"b\",\"ip\":\"8.8.8.8\"}}\n"
    );
    let got = read(write(folder.path(), "a.jsonl", json.as_bytes()), &IngestConfig::default());
    assert_eq!((got.rows, got.rejected_count(), got.account_names.len()), (2, 0, 2));
}

#[test]
fn a_word_for_nothing_is_no_id_of_an_event() {
    let folder = tempfile::tempdir().unwrap();
    let csv = "event_id,account_id,ip\n-,a,8.8.8.8\n-,a,8.8.8.8\nNULL,a,8.8.8.8\nnull,a,8.8.8.8\ne1,a,8.8.8.8\ne1,a,8.8.8.8\n";
    let got = read(write(folder.path(), "a.csv", csv.as_bytes()), &IngestConfig::default());
    assert_eq!((got.rows, got.event_ids.duplicates, got.event_ids.pairs.len()), (6, 1, 2));
}

#[test]
fn words_for_nothing_and_for_never_say_nothing_of_an_account() {
    let folder = tempfile::tempdir().unwrap();
    let events = "timestamp,account_id,ip,pathway\n2026-02-01T00:00:00Z,a,8.8.8.8,api\n2026-02-01T00:00:00Z,b,8.8.8.8,web\n";
    let table = "account_id,created_at,banned_at,org,pathway\na,0001-01-01T00:00:00Z,9999-12-31T23:59:59Z,NULL,-\n\
        b,2026-01-01,1970-01-01T00:00:00Z,acme,\n-,2026-01-01,,acme,NULL\n";
    let config = IngestConfig {
        accounts: Some(write(folder.path(), "accounts.csv", table.as_bytes())),
        releases: Some(write(folder.path(), "releases.csv", b"model,released_at\nm,9999-12-31T00:00:00Z\n-,2026-01-01\n")),
        ..IngestConfig::default()
    };
    let got = read(write(folder.path(), "events.csv", events.as_bytes()), &config);
    let accounts = &got.accounts;
    assert_eq!((&accounts.created_at[..], &accounts.banned_at[..]), (&[NO_TIME, 1_767_225_600][..], &[NO_TIME; 2][..]));
    assert_eq!(accounts.orgs, ["acme"]);
    // Nobody's pathway is in the table, so those of the events count.
    assert_eq!((&accounts.pathway, &accounts.pathways), (&vec![0, 1], &vec!["api".to_owned(), "web".to_owned()]));
    let kept = String::from_utf8(got.side_tables.accounts.clone().unwrap()).unwrap();
    assert!(kept.lines().count() == 3 && !kept.contains("NULL"), "{kept}");
}
