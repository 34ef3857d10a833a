//! A damaged, truncated, newer, foreign or busy store is refused with a message that names the section.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::support::{Bench, detected, of_world};

fn sections(store: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(store)
        .expect("the store is a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| !matches!(path.file_name().and_then(|name| name.to_str()), Some("MANIFEST" | "LOCK")))
        .collect();
    files.sort();
    files
}

fn section_name(path: &Path) -> String {
    let name = path.file_name().and_then(|name| name.to_str()).expect("a UTF-8 name");
    name.rsplit_once('.').expect("a generation").0.to_owned()
}

/// Shows every section that isn't empty to `harm`, and mends it afterwards.
fn for_each_section(harm: impl Fn(&Bench, &str, &Path, &[u8])) {
    let bench = Bench::new();
    let store = detected(&bench);
    for path in sections(&store) {
        let good = fs::read(&path).expect("the section is read");
        if !good.is_empty() {
            harm(&bench, &store, &path, &good);
            fs::write(&path, &good).expect("the section is written");
        }
    }
    bench.ok(&["verify", &store]);
}

#[test]
fn a_flipped_bit_in_any_section_is_named() {
    for_each_section(|bench, store, path, good| {
        let mut bad = good.to_vec();
        let middle = bad.len() / 2;
        bad[middle] ^= 0x10;
        fs::write(path, &bad).expect("the section is written");
        bench.fails(65, &["damaged", &section_name(path)], &["verify", store]);
    });
}

#[test]
fn a_truncated_or_missing_section_is_named() {
    for_each_section(|bench, store, path, good| {
        fs::write(path, &good[..good.len() - 1]).expect("the section is written");
        bench.fails(65, &["damaged", &section_name(path)], &["networks", store]);
        fs::remove_file(path).expect("the section is removed");
        bench.fails(65, &["damaged", &section_name(path)], &["networks", store]);
    });
}

#[test]
fn a_damaged_newer_or_foreign_manifest_is_refused() {
    let bench = Bench::new();
    let store = detected(&bench);
    let manifest = Path::new(&store).join("MANIFEST");
    let good = fs::read(&manifest).expect("the manifest is read");
    let refused = |code, change: &dyn Fn(&mut Vec<u8>), words: &[&str]| {
        let mut bad = good.clone();
        change(&mut bad);
        fs::write(&manifest, &bad).expect("the manifest is written");
        bench.fails(code, words, &["networks", &store]);
    };
    refused(2, &|bytes| bytes[8] = 99, &["format 99", "newer"]);
    refused(2, &|bytes| bytes[0] = b'X', &["not a hydralink store"]);
    refused(65, &|bytes| bytes.truncate(20), &["damaged", "MANIFEST"]);
    refused(65, &|bytes| bytes.truncate(60), &["damaged", "MANIFEST"]);
    refused(65, &|bytes| *bytes.last_mut().expect("not empty") ^= 1, &["damaged", "MANIFEST", "checksum"]);
    refused(65, &|bytes| bytes.push(0), &["damaged", "MANIFEST"]);
    fs::write(&manifest, &good).expect("the manifest is written");
    bench.ok(&["networks", &store]);
}

#[test]
fn what_is_no_store_is_called_so() {
    let bench = Bench::new();
    fs::create_dir(bench.path("empty")).expect("a folder");
    bench.file("file", "text");
    bench.fails(2, &["not a hydralink store", "MANIFEST"], &["networks", "empty"]);
    bench.fails(2, &["not a hydralink store", "it is a file"], &["networks", "file"]);
    bench.fails(2, &["not a hydralink store", "no such directory"], &["networks", "absent"]);
}

#[test]
fn a_folder_with_other_files_is_never_written_into() {
    let bench = Bench::new();
    fs::create_dir(bench.path("photos")).expect("a folder");
    fs::write(bench.path("photos").join("cat.jpg"), "meow").expect("a file");
    let events = bench.file("events.csv", "account_id,ip\na,8.8.8.8\n");
    bench.fails(2, &["other files"], &["build", &events, "-o", "photos"]);
    assert_eq!(fs::read_dir(bench.path("photos")).expect("the folder").count(), 1);
}

#[test]
fn logs_that_lie_beside_a_store_are_not_taken_for_its_sections() {
    let bench = Bench::new();
    let events = "account_id,ip\na,8.8.8.8\n";
    fs::create_dir(bench.path("logs")).expect("a folder");
    let files = ["logs/access.log.1", "logs/access.log.2"].map(|name| bench.file(name, events));
    bench.fails(2, &["other files"], &["build", &files[0], &files[1], "-o", "logs"]);
    assert_eq!(fs::read_dir(bench.path("logs")).expect("the folder").count(), 2);
    // Not beside a store either, whoever writes it.
    bench.ok(&["build", &files[0], "-o", "store", "--quiet"]);
    let beside = bench.file("store/access.log.1", events);
    bench.ok(&["build", &files[0], "-o", "store", "--quiet"]);
    bench.run(&["detect", "store", "--quiet"]);
    assert_eq!(fs::read_to_string(beside).expect("the log is read"), events);
    // A file of another program that is called as ours is no store, and stays.
    bench.file("logs/MANIFEST", "include *.py");
    bench.fails(2, &["not written by hydralink"], &["build", &files[0], "-o", "logs"]);
    assert_eq!(fs::read_dir(bench.path("logs")).expect("the folder").count(), 3);
}

/// Who may read a store is said by the umask of who writes it; names in the case log are their owner's all the same.
#[cfg(unix)]
#[test]
fn all_files_of_a_store_follow_the_umask() {
    use std::os::unix::fs::PermissionsExt;

    let bench = Bench::new();
    let events = bench.file("events.csv", "account_id,ip\na,8.8.8.8\n");
    let binary = env!("CARGO_BIN_EXE_hydralink");
    for (umask, expected) in [("027", 0o640), ("022", 0o644), ("077", 0o600)] {
        let store = format!("store{umask}");
        let run = format!(
            "umask {umask}; '{binary}' build {events} -o {store} --quiet; '{binary}' detect {store} --quiet; \
             '{binary}' case note {store} account:a seen --reviewer ann --quiet"
        );
        let status = std::process::Command::new("bash").args(["-c", &run]).current_dir(bench.path("")).status().expect("runs");
        assert!(status.success());
        for entry in fs::read_dir(bench.path(&store)).expect("the store is a folder").map(|entry| entry.expect("an entry")) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let expected = if name == "CASES.names.jsonl" { 0o600 } else { expected };
            assert_eq!(entry.metadata().expect("metadata").permissions().mode() & 0o777, expected, "{name} under {umask}");
        }
    }
}

#[test]
fn a_store_being_written_by_another_process_is_busy() {
    let bench = Bench::new();
    let store = detected(&bench);
    let lock = File::options().append(true).open(Path::new(&store).join("LOCK")).expect("the lock file");
    lock.try_lock().expect("nobody else writes");
    bench.fails(75, &["being written by another process", "try again"], &["detect", &store]);
    let events = of_world("events.csv");
    bench.fails(75, &["being written by another process"], &["build", &events, "-o", &store]);
    bench.ok(&["networks", &store]);
    drop(lock);
    bench.ok(&["detect", &store]);
}

/// Sections that a writer had begun when it was killed.
const WRITTEN: [usize; 5] = [0, 1, 4, 12, 30];

/// Runs a writer of a store until it has begun so many sections, and kills it; one that is done before isn't killed.
fn killed_after(bench: &Bench, command: &[&str], store: &str, written: usize) {
    let before = sections(store);
    let mut child = bench.command(command).spawn().expect("the binary starts");
    let begun = || sections(store).iter().filter(|section| !before.contains(section)).count();
    while begun() < written && child.try_wait().expect("the process is there").is_none() {
        std::thread::yield_now();
    }
    child.kill().expect("the process is killed");
    child.wait().expect("the process ends");
}

#[test]
fn a_writer_killed_at_any_instant_leaves_the_old_store() {
    let bench = Bench::new();
    let store = detected(&bench);
    let before = bench.ok(&["networks", &store, "--format", "jsonl"]).stdout;
    let events = of_world("events.csv");
    for written in WRITTEN {
        killed_after(&bench, &["build", &events, "-o", &store, "--quiet"], &store, written);
        let after = bench.run(&["networks", &store, "--format", "jsonl"]);
        let replaced_whole = after.code == 2 && after.stderr.contains("no networks yet");
        assert!(after.stdout == before || replaced_whole, "after {written} sections: {}", after.stderr);
        bench.ok(&["verify", &store]);
        if replaced_whole {
            break;
        }
    }
}

#[test]
fn a_writer_after_one_that_was_killed_takes_no_notice_of_what_that_left() {
    let bench = Bench::new();
    let store = detected(&bench);
    let cut_off = |path: &PathBuf| fs::read(path).expect("the file is read") == b"cut off";
    // As a writer of the next generation leaves them, and one that comes much later; and what was about to be renamed.
    let build = ["build", &of_world("events.csv"), "-o", &store, "--quiet"];
    for (next, command) in [(3, &["detect", &store, "--quiet"][..]), (4, &build)] {
        let names = [format!("result.summary.{next}"), format!("graph.counts.{next}"), "graph.counts.99".to_owned()];
        for name in names.iter().map(String::as_str).chain([".manifest-a1", ".names-a1"]) {
            fs::write(Path::new(&store).join(name), "cut off").expect("the file is written");
        }
        bench.ok(command);
        bench.ok(&["verify", &store]);
        assert!(!sections(&store).iter().any(cut_off), "{:?}", sections(&store));
    }
    // And by a real one, at whatever instant.
    for written in WRITTEN {
        killed_after(&bench, &["detect", &store, "--quiet"], &store, written);
        bench.ok(&["detect", &store, "--quiet"]);
    }
    bench.ok(&["verify", &store]);
}
