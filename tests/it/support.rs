//! What every end-to-end test needs: a folder of its own, the binary, and a world.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

/// A folder with the binary at hand.
pub(crate) struct Bench {
    folder: TempDir,
}

/// What a run of the binary printed and how it ended.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Bench { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file and returns its path as text.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, content).expect("the file is written");
        path.to_str().expect("a UTF-8 path").to_owned()
    }

    /// Runs the binary in the folder.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().expect("the binary runs");
        Ran::of(output)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hydralink"));
        command.args(arguments).current_dir(self.folder.path());
        command
    }

    /// Runs the binary with text on stdin.
    pub(crate) fn piped(&self, arguments: &[&str], stdin: &str) -> Ran {
        let piped = Stdio::piped;
        let mut child = self.command(arguments).stdin(piped()).stdout(piped()).stderr(piped()).spawn().expect("it starts");
        child.stdin.take().expect("a pipe").write_all(stdin.as_bytes()).expect("is read");
        Ran::of(child.wait_with_output().expect("ends"))
    }

    /// Runs the binary and insists that it succeeds.
    pub(crate) fn ok(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "hydralink {}\n{}", arguments.join(" "), ran.stderr);
        ran
    }

    /// Runs the binary and insists on a failure with this code whose message contains each of `words`.
    pub(crate) fn fails(&self, code: i32, words: &[&str], arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, code, "hydralink {}\nstdout: {}\nstderr: {}", arguments.join(" "), ran.stdout, ran.stderr);
        // Where answers are JSON, errors are.
        let json = serde_json::from_str::<serde_json::Value>(&ran.stderr).ok();
        let said = json.as_ref().and_then(|json| json["error"]["message"].as_str()).unwrap_or(&ran.stderr);
        for word in words {
            assert!(said.contains(word), "the message of hydralink {} lacks {word:?}: {}", arguments.join(" "), ran.stderr);
        }
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        ran
    }
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {}", self.stdout))
    }

    /// The words of a text, wherever its lines are broken.
    pub(crate) fn words(&self) -> String {
        self.stdout.split_whitespace().collect::<Vec<&str>>().join(" ")
    }

    /// The records of `--format jsonl`.
    pub(crate) fn records(&self) -> Vec<serde_json::Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
    }
}

/// A small world as CSV, made once for all tests of a run.
pub(crate) fn world() -> &'static Path {
    static WORLD: OnceLock<TempDir> = OnceLock::new();
    let folder = WORLD.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().to_str().expect("a UTF-8 path");
        let bench = Bench::new();
        bench.ok(&["synth", path, "--tier", "xs", "--seed", "2", "--events", "csv", "--quiet"]);
        folder
    });
    folder.path()
}

/// The world's file of this name, as text.
pub(crate) fn of_world(name: &str) -> String {
    world().join(name).to_str().expect("a UTF-8 path").to_owned()
}

/// A store of the small world, built and detected.
pub(crate) fn detected(bench: &Bench) -> String {
    let store = bench.path("store").to_str().expect("a UTF-8 path").to_owned();
    let (events, accounts, releases) = (of_world("events.csv"), of_world("accounts.csv"), of_world("releases.csv"));
    bench.ok(&["build", &events, "--accounts", &accounts, "--releases", &releases, "-o", &store, "--quiet"]);
    bench.ok(&["detect", &store, "--quiet"]);
    store
}
