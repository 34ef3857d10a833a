//! A question about one thing, or about each that stdin names.

use std::path::Path;

use anyhow::Context;
use hydralink::Error;
use hydralink::node::{Name, names_of_lines, networks_of_lines};
use serde::Serialize;

use crate::Found;
use crate::input::{self, STDIN};
use crate::output::{Format, Output};

/// What is asked about.
pub(crate) enum Asked<N> {
    /// What was typed.
    One(N),
    /// What stdin names.
    Several(Vec<N>),
}

/// A network, or those that stdin names: an id or a rank a line, bare, as JSON or as CSV.
pub(crate) fn networks(id: &str) -> anyhow::Result<Asked<String>> {
    if !input::is_stdin(id) {
        return Ok(Asked::One(id.to_owned()));
    }
    Ok(Asked::Several(networks_of_lines(&input::text_of(Path::new(STDIN))?)))
}

/// The networks that an option names, each `-` with those that stdin names in its place.
pub(crate) fn all_networks(ids: &[String]) -> anyhow::Result<Vec<String>> {
    let mut all = Vec::new();
    for id in ids {
        match networks(id)? {
            Asked::One(id) => all.push(id),
            Asked::Several(ids) if ids.is_empty() => anyhow::bail!("stdin names no network"),
            Asked::Several(ids) => all.extend(ids),
        }
    }
    Ok(all)
}

/// An account or identifier, or those that stdin names, one a line, bare, as JSON or as CSV.
pub(crate) fn nodes(name: &str) -> anyhow::Result<Asked<Name>> {
    if !input::is_stdin(name) {
        return Ok(Asked::One(name.into()));
    }
    Ok(Asked::Several(names_of_lines(&input::text_of(Path::new(STDIN))?).context("stdin")?))
}

/// The answers about each, and the first reason why there is none about one: all are told, and stop nothing.
pub(crate) fn each<N, T>(
    asked: &[N],
    mut ask: impl FnMut(&N) -> anyhow::Result<T>,
    output: &mut Output,
) -> anyhow::Result<(Vec<T>, Option<anyhow::Error>)> {
    let (mut answers, mut first) = (Vec::new(), None);
    for one in asked {
        match ask(one) {
            Ok(answer) => answers.push(answer),
            Err(error) if is_about_one(&error) => {
                let text = error.to_string();
                let told = output.say_why(error, &text)?;
                first = first.or(Some(told));
            }
            Err(error) => return Err(error),
        }
    }
    Ok((answers, first))
}

/// Whether an error is about the thing that was named, and says nothing of others.
fn is_about_one(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref::<Error>(), Some(Error::Unknown { .. } | Error::Usage(_)))
}

/// Prints the answer about one; about several a line of JSON each, or a document each where documents or tables are asked for.
pub(crate) fn answer<N, T: Serialize>(
    asked: &Asked<N>,
    mut ask: impl FnMut(&N) -> anyhow::Result<T>,
    print: impl Fn(&T, &mut Output) -> anyhow::Result<Found>,
    output: &mut Output,
) -> anyhow::Result<Found> {
    let several = match asked {
        Asked::One(one) => return print(&ask(one)?, output),
        Asked::Several(several) => several,
    };
    let (answers, first) = each(several, ask, output)?;
    let found = match output.format() {
        format if format == Format::Markdown || output.is_table_wanted() => {
            answers.iter().try_for_each(|answer| print(answer, output).map(drop))?;
            if answers.is_empty() { Found::Nothing } else { Found::Something }
        }
        _ => output.lines(&answers)?,
    };
    first.map_or(Ok(found), Err)
}
