//! The list of commands that `hydralink --help` prints, by what one wants to do.

use std::ffi::OsString;

use clap::builder::PossibleValuesParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory, Error, FromArgMatches, Parser};

use hydralink::filter;

use super::Arguments;
use crate::ending;

/// Every command once; the README has the same groups.
const GROUPS: &[(&str, &[&str])] = &[
    ("Begin", &["demo", "profile", "build", "detect", "networks", "network", "report"]),
    (
        "Ask",
        &[
            "show",
            "neighbors",
            "ego",
            "path",
            "common",
            "why",
            "why-not",
            "appeal",
            "assess",
            "expand",
            "how",
            "overlap",
            "cohesion",
            "layers",
            "members",
        ],
    ),
    ("Decide, act, share", &["case", "plan-bans", "impact", "verify", "export", "share", "match"]),
    ("Every night, and over time", &["update", "info", "lineage", "diff", "as-of", "expire", "forget", "rekey"]),
    ("How sure, and where it fails", &["calibrate", "consensus", "backtest", "evaluate", "ablate", "redteam", "synth"]),
    ("Other ways of looking", &["hubs", "top", "components", "communities", "link", "dense", "lockstep"]),
    ("This tool", &["completions", "man", "help"]),
];

/// What was typed; help, the version and errors of usage end the process.
pub(crate) fn parse() -> Arguments {
    Arguments::try_parse().unwrap_or_else(|error| {
        let error = of_command(error);
        if error.use_stderr() && asks_for_json() {
            let text = error.render().to_string();
            let text = text.trim_start_matches("error: ").split("\n\nUsage:").next().unwrap_or_default();
            ending::report(&anyhow::anyhow!(text.trim_end().to_owned()), true);
            std::process::exit(error.exit_code());
        }
        // The groups cost a millisecond, which only those wait for who read them.
        let matches = with_groups(documented()).try_get_matches();
        let matches = matches.unwrap_or_else(|error| of_command(error).exit());
        Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    })
}

/// The formats of commands that print no rows.
const FORMATS: &[(&[&str], &[&str])] = &[
    (&["export"], &["graphml", "gexf", "csv", "parquet", "jsonl", "stix", "misp"]),
    (&["network", "assess", "appeal"], &["table", "json", "jsonl", "markdown"]),
];

/// The same commands, each with the formats that it takes: for shells, which complete by them.
pub(crate) fn with_formats(command: Command) -> Command {
    let of_each = FORMATS.iter().flat_map(|&(commands, formats)| commands.iter().map(move |name| (name, formats)));
    of_each.fold(command, |command, (name, formats)| {
        let format = Arg::new("format").long("format").value_name("FORMAT").value_parser(PossibleValuesParser::new(formats));
        command.mut_subcommand(name, |command| command.arg(format.help("The format")))
    })
}

/// An error that names the formats of the command that was typed, where it names formats: the option is every command's.
fn of_command(mut error: Error) -> Error {
    let is_of_format = |value: Option<&ContextValue>| matches!(value, Some(ContextValue::String(argument)) if argument.starts_with("--format "));
    if error.kind() == ErrorKind::InvalidValue && is_of_format(error.get(ContextKind::InvalidArg)) {
        let typed = |name: &str| std::env::args_os().any(|word| word == name);
        let formats = FORMATS.iter().find(|(commands, _)| commands.iter().any(|name| typed(name)));
        let formats = formats.map_or(&["table", "json", "jsonl", "csv"][..], |&(_, formats)| formats);
        let formats = formats.iter().map(|name| (*name).to_owned()).collect();
        error.insert(ContextKind::ValidValue, ContextValue::Strings(formats));
        error.remove(ContextKind::SuggestedValue);
    }
    error
}

/// Every command with what it says of itself: the help of `--where` has the fields of the rows that it filters, and an example of
/// them.
pub(crate) fn documented() -> Command {
    filter::LISTS.iter().fold(Arguments::command(), |command, (name, fields)| {
        command.mut_subcommand(name, |command| {
            command.mut_arg("filter_where", |argument| {
                let short = argument.get_help().map(ToString::to_string).unwrap_or_default();
                let short = format!("{short}, as in '{}'", filter::example(fields));
                argument.long_help(format!("{short}\n\n{}", filter::help(fields))).help(short)
            })
        })
    })
}

/// Whether JSON is asked for, as far as arguments that make no command tell.
fn asks_for_json() -> bool {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let is = |word: &OsString, words: [&str; 2]| words.iter().any(|one| word == one);
    arguments.iter().any(|word| is(word, ["--format=json", "--format=jsonl"]))
        || arguments.windows(2).any(|two| two[0] == "--format" && is(&two[1], ["json", "jsonl"]))
}

/// `command` with its subcommands listed by group.
fn with_groups(mut command: Command) -> Command {
    command.build();
    let mut template = String::from("{about-with-newline}\n{usage-heading} {usage}\n");
    for (heading, names) in GROUPS {
        let listed = names.iter().filter_map(|name| command.find_subcommand(name)).enumerate();
        let part = Command::new("part").disable_help_flag(true).disable_help_subcommand(true).max_term_width(100);
        let part = part.subcommands(listed.map(|(at, one)| one.clone().display_order(at))).help_template("{subcommands}");
        template.push_str(&format!("\n{heading}:\n{}\n", part.clone().render_help().to_string().trim_end()));
    }
    template.push_str("\nOptions:\n{options}\n\nExit codes:\n");
    template.push_str("  0 found, 1 nothing found, 2 usage or input error, 3 unknown id, 4 stopped by --fail-on,\n");
    template
        .push_str("  65 a store isn't as it was written, 74 the disk failed or is full, 75 the store is being written by\n");
    template.push_str("  another process, 130 or 143 stopped by Ctrl-C or SIGTERM\n");
    command.help_template(template)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn shells_complete_the_formats_of_each_command() {
        let mut command = with_formats(Arguments::command());
        command.build();
        let formats = |name: &str| -> Vec<String> {
            let command = command.find_subcommand(name).expect("a command");
            let format = command.get_arguments().find(|argument| argument.get_id() == "format").expect("an option");
            let values = format.get_possible_values().into_iter().filter(|value| !value.is_hide_set());
            values.map(|value| value.get_name().to_owned()).collect()
        };
        assert_eq!(formats("export"), ["graphml", "gexf", "csv", "parquet", "jsonl", "stix", "misp"]);
        assert_eq!(formats("network"), ["table", "json", "jsonl", "markdown"]);
        assert_eq!(formats("hubs"), ["table", "json", "jsonl", "csv"]);
    }

    #[test]
    fn every_command_is_in_one_group() {
        let mut command = Arguments::command();
        command.build();
        let names: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
        let grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        assert_eq!(grouped.len(), names.len());
        assert_eq!(grouped.iter().collect::<BTreeSet<_>>(), names.iter().collect::<BTreeSet<_>>());
        let help = with_groups(command.clone()).render_help().to_string();
        assert!(names.iter().all(|name| help.contains(&format!("\n  {name} "))), "{help}");
    }
}
