//! What is an option called where its message is read?
//!
//! Many messages end with the option to try next. The same option is a field of a config to whoever calls this from Rust, an
//! argument to whoever calls it from Python, and a flag at the command line. A message therefore holds an [`OptionName`], and
//! what that says is decided by whoever owns the process, who says once for whom messages are ([`messages_are_for`]), as a
//! program says once whether its output has colours. Unless something is said they are for Rust.
//!
//! An option's name is never looked for in a text: what a user typed is repeated as it is.

use std::fmt;
use std::sync::OnceLock;

/// Who reads the messages of this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Caller {
    /// A program in Rust: options are fields.
    #[default]
    Rust,
    /// A notebook: options are arguments.
    Python,
    /// A shell: options are flags.
    CommandLine,
}

impl Caller {
    /// The one that was said, or Rust.
    pub fn of_process() -> Caller {
        CALLER.get().copied().unwrap_or_default()
    }
}

static CALLER: OnceLock<Caller> = OnceLock::new();

/// Says for whom the messages of this process are. The first time counts.
pub fn messages_are_for(caller: Caller) {
    let _ = CALLER.set(caller);
}

/// An option, as a part of a message: `` `max_bad` ``, or `--max-bad` at the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionName {
    /// The argument's name; the flag's is the same with dashes.
    argument: &'static str,
    field: &'static str,
}

impl OptionName {
    /// An option that is called the same everywhere.
    pub const fn new(name: &'static str) -> Self {
        OptionName { argument: name, field: name }
    }

    /// The same, where what is set in Rust has another name.
    pub const fn in_rust(self, field: &'static str) -> Self {
        OptionName { field, ..self }
    }

    /// What it is called by a caller.
    pub fn for_caller(self, caller: Caller) -> String {
        match caller {
            Caller::Rust => format!("`{}`", self.field),
            Caller::Python => format!("`{}`", self.argument),
            Caller::CommandLine => format!("--{}", self.argument.replace('_', "-")),
        }
    }
}

impl fmt::Display for OptionName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.for_caller(Caller::of_process()))
    }
}

/// The column map.
pub(crate) const MAP: OptionName = OptionName::new("map");
/// Columns named beside the map.
pub(crate) const COLUMNS: OptionName = OptionName::new("map").in_rust("columns");
/// What a column that means nothing does.
pub(crate) const SCHEMA: OptionName = OptionName::new("schema");
/// Whether events may bring kinds of their own.
pub(crate) const ALLOW_KINDS: OptionName = OptionName::new("allow_kinds");
/// Where rejected rows are written.
pub(crate) const REJECTS: OptionName = OptionName::new("rejects");
/// How many rows may be rejected.
pub(crate) const MAX_BAD: OptionName = OptionName::new("max_bad");
/// Whether payment instruments are tokens.
pub(crate) const CARD_TOKENS: OptionName = OptionName::new("card_tokens");
/// Memory to stay below.
pub(crate) const MEMORY_LIMIT: OptionName = OptionName::new("memory_limit");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_called_what_its_caller_calls_it() {
        for (caller, bad, columns) in [
            (Caller::Rust, "`max_bad`", "`columns`"),
            (Caller::Python, "`max_bad`", "`map`"),
            (Caller::CommandLine, "--max-bad", "--map"),
        ] {
            assert_eq!((MAX_BAD.for_caller(caller).as_str(), COLUMNS.for_caller(caller).as_str()), (bad, columns));
        }
        assert_eq!(MAX_BAD.to_string(), "`max_bad`", "nobody said for whom messages are");
    }
}
