//! Options in messages: a library's message names no flag, and an option that is named is one, whoever reads it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::Bench;

const LIBRARIES: [&str; 2] = ["crates/events/src", "crates/hydralink/src"];

/// Files whose texts are written for an analyst who has the command line, and are no messages; and the one that has all names.
const EXCEPT: [&str; 4] =
    ["outputs/statement.rs", "outputs/export/about.rs", "outputs/report/collect/networks.rs", "hydralink/src/options.rs"];

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of sources").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            found.extend(sources(&entry));
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&entry).expect("a source");
            found.push((entry, text));
        }
    }
    found
}

/// The sources of the libraries, without their tests.
fn of_libraries() -> Vec<(PathBuf, String)> {
    let folders = LIBRARIES.map(|folder| Path::new(env!("CARGO_MANIFEST_DIR")).join(folder));
    let all = folders.iter().flat_map(|folder| sources(folder));
    all.map(|(path, text)| (path, text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned())).collect()
}

/// Whether a line of code has what a shell would take for a flag.
fn has_flag(line: &str) -> bool {
    let code = line.trim_start();
    !code.starts_with("//")
        && code.match_indices("--").any(|(at, _)| {
            let before = code[..at].chars().next_back();
            before.is_some_and(|letter| " \"'(`".contains(letter))
                && code[at + 2..].starts_with(|letter: char| letter.is_ascii_lowercase())
        })
}

#[test]
fn messages_of_libraries_name_no_flags() {
    assert!(has_flag("\"give --key-file\"") && !has_flag("/// --key-file") && !has_flag("\"marking-definition--bab4a63c\""));
    let sources = of_libraries();
    assert!(sources.len() > 150, "only {} sources were found", sources.len());
    let told = sources.iter().filter(|(path, _)| !EXCEPT.iter().any(|file| path.ends_with(file)));
    let flags: Vec<String> = told
        .flat_map(|(path, text)| {
            text.lines().filter(|line| has_flag(line)).map(move |line| format!("{}: {line}", path.display()))
        })
        .collect();
    assert!(flags.is_empty(), "a flag is no option of a library: name it by `options`\n{}", flags.join("\n"));
}

#[test]
fn an_option_that_a_message_names_is_there_for_each_caller() {
    let bench = Bench::new();
    let flags = bench.ok(&["completions", "bash"]).stdout;
    let stub = include_str!("../../crates/python/hydralink.pyi");
    let sources = of_libraries();
    let of_rust = |name: &str| {
        let last = name.rsplit("::").next().unwrap_or(name);
        let items = [format!("pub {last}: "), format!("pub fn {last}("), format!("pub mod {last};"), format!("    {last},")];
        sources.iter().any(|(_, text)| items.iter().any(|item| text.contains(item)))
    };
    let mut named = 0;
    for (path, text) in sources.iter().filter(|(path, _)| path.ends_with("options.rs")) {
        for option in text.split("OptionName::new(\"").skip(1) {
            let (argument, rest) = option.split_once('"').expect("a name ends");
            let field = rest.strip_prefix(").in_rust(\"").and_then(|rest| rest.split('"').next()).unwrap_or(argument);
            named += 1;
            let flag = format!("--{}", argument.replace('_', "-"));
            assert!(
                flags.split_whitespace().any(|word| word.trim_matches(['"', ')', '(']) == flag),
                "{path:?}: no flag {flag}"
            );
            assert!(stub.contains(&format!(" {argument}: ")), "{path:?}: no argument {argument}");
            assert!(of_rust(field), "{path:?}: no {field} in Rust");
        }
    }
    assert!(named > 25, "only {named} names of options were found");
}
