//! Every command line of the README and the documents is one that the binary takes: none has an option, a subcommand or a value
//! that was renamed since. That they do what is said beside them is for the other tests.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{Bench, Ran};

const DOCUMENTS: [(&str, &str); 7] = [
    ("README.md", include_str!("../../README.md")),
    ("how-it-decides.md", include_str!("../../crates/hydralink/docs/how-it-decides.md")),
    ("input.md", include_str!("../../crates/hydralink/docs/input.md")),
    ("investigate.md", include_str!("../../crates/hydralink/docs/investigate.md")),
    ("nightly.md", include_str!("../../crates/hydralink/docs/nightly.md")),
    ("privacy.md", include_str!("../../crates/hydralink/docs/privacy.md")),
    ("report.md", include_str!("../../crates/hydralink/docs/report.md")),
];

/// Seconds that a command has to say what is wrong with it.
const SECONDS: u64 = 5;

/// Commands that need nothing that is there.
const MAKERS: [&str; 3] = ["demo", "synth", "redteam"];

/// The commands of one line of a code block, as the shell would split them.
fn commands(line: &str) -> Vec<Vec<String>> {
    let words = shlex::split(line.strip_prefix("$ ").unwrap_or(line)).unwrap_or_default();
    words
        .split(|word| matches!(word.as_str(), "|" | "&&" | ";"))
        .filter(|words| words.first().is_some_and(|word| word == "hydralink"))
        .map(|words| {
            let ends = words.iter().position(|word| word == ">" || word.ends_with(';')).unwrap_or(words.len());
            words[1..ends].to_vec()
        })
        .collect()
}

/// What the binary says of a command in an empty folder; nothing if it goes to work and has to be stopped.
fn said(bench: &Bench, arguments: &[String]) -> Option<Ran> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut command = bench.command(&arguments);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
    let until = Instant::now() + Duration::from_secs(SECONDS);
    while child.try_wait().expect("a child").is_none() {
        if Instant::now() > until {
            child.kill().expect("a child that runs");
            child.wait().expect("a child");
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Some(Ran::of(child.wait_with_output().expect("what it said")))
}

#[test]
fn documents_show_commands_that_exist() {
    let bench = Bench::new();
    let (mut tried, mut stopped) = (0, Vec::new());
    for (name, text) in DOCUMENTS {
        let blocks = text.split("\n```").skip(1).step_by(2);
        for line in blocks.flat_map(str::lines).filter(|line| line.starts_with("hydralink ") || line.starts_with("$ ")) {
            for arguments in commands(line) {
                tried += 1;
                let Some(ran) = said(&bench, &arguments) else {
                    stopped.push(arguments.join(" "));
                    continue;
                };
                assert!(
                    !ran.stderr.contains("try '--help'") && !ran.stderr.contains("panicked"),
                    "{name}: {line}\n{}",
                    ran.stderr
                );
            }
        }
    }
    // Those that make a world of their own go to work anywhere; of any other nothing would be known.
    println!("{} of {tried} commands were still at work after {SECONDS} s, and stopped: {stopped:?}", stopped.len());
    assert!(stopped.iter().all(|command| MAKERS.iter().any(|maker| command.starts_with(maker))), "{stopped:?}");
    assert!(tried > 60, "only {tried} commands were found: have the documents another form?");
    let wrong = commands("hydralink networks store --no-such-option  # of which this says nothing").remove(0);
    assert!(said(&bench, &wrong).is_some_and(|ran| ran.stderr.contains("try '--help'")), "a wrong option would not be noticed");
}
