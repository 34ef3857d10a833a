//! The nodes that lists and records name: lines, JSON Lines, CSV.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::Name;
use crate::bans::Proposal;
use crate::error::Error;

/// The nodes that the lines of a list name: a bare name a line, or a JSON object with `node`, `identifier`, `account_id`,
/// `kind` and `value` (an exported action) or `actions` (a plan), or a CSV whose header has one of these, so that what other
/// commands print or write can be piped in; or all of it is one JSON value. A line that begins like JSON and is none, or names
/// nothing, is a bare name: names may begin with a brace. Empty lines are skipped, and so is a mark (BOM) before all.
///
/// # Errors
/// [`Error::Usage`] if it is a CSV that can't be read.
pub fn names_of_lines(text: &str) -> Result<Vec<Name>, Error> {
    names_in(text, names_of)
}

/// The same, of a list of what is to be done: without the nodes that an exported action says to `review`, to `monitor` or to
/// `secure`.
///
/// # Errors
/// As [`names_of_lines`].
pub fn targets_of_lines(text: &str) -> Result<Vec<Name>, Error> {
    names_in(text, targets_of)
}

/// Whether a list has the look of a CSV: all of its lines have as many commas, and at least one.
pub fn looks_like_csv(text: &str) -> bool {
    let mut commas = text.lines().filter(|line| !line.trim().is_empty()).map(|line| line.matches(',').count());
    let first = commas.next().unwrap_or(0);
    first > 0 && !text.trim_start().starts_with('{') && commas.all(|count| count == first)
}

/// The rows of a CSV as objects, if its header has a column that names nodes.
fn rows_of(text: &str) -> Option<Result<Vec<serde_json::Value>, Error>> {
    rows_with(text, |has| ["node", "identifier", "account_id", "account"].into_iter().any(has) || has("kind") && has("value"))
}

/// The rows of a CSV as objects, if its header has a column that names what is looked for.
fn rows_with(text: &str, names: impl Fn(&dyn Fn(&str) -> bool) -> bool) -> Option<Result<Vec<serde_json::Value>, Error>> {
    let header: Vec<&str> = text.lines().next()?.split([',', '\t', ';']).map(|name| name.trim().trim_matches('"')).collect();
    let has = |name: &str| header.contains(&name);
    // A list may name an account that is called `account`, or an identifier.
    if !names(&has) || header.len() < 2 && header != ["account_id"] {
        return None;
    }
    let delimiter = text.chars().find(|c| matches!(c, ',' | '\t' | ';' | '\n')).filter(|&c| c != '\n').unwrap_or(',');
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter as u8).trim(csv::Trim::All).flexible(true).from_reader(text.as_bytes());
    let row = |row: Result<csv::StringRecord, csv::Error>| {
        let row = row.map_err(|error| Error::Usage(format!("the list: {error}")))?;
        let named = header.iter().zip(&row).filter(|(_, value)| !value.is_empty());
        let field =
            |(name, value): (&&str, &str)| (if *name == "account" { "account_id" } else { name }.to_owned(), value.into());
        Ok(serde_json::Value::Object(named.map(field).collect()))
    };
    Some(reader.records().map(row).collect())
}

/// The networks that the lines of a list name: an id or a rank a line, or a JSON object with `network` or `id`, or a CSV whose
/// header has one of these; each once, in the order of the list.
pub fn networks_of_lines(text: &str) -> Vec<String> {
    let text = unmarked(text);
    let of_object = |record: &serde_json::Value| {
        let fields = || ["network", "id"].into_iter().filter_map(|name| record.get(name));
        match fields().find(|value| !value.is_null()) {
            Some(serde_json::Value::String(id)) => Some(vec![id.as_str().into()]),
            Some(serde_json::Value::Number(rank)) => Some(vec![rank.to_string().as_str().into()]),
            // An account that is in none.
            None if fields().next().is_some() => Some(Vec::new()),
            _ => None,
        }
    };
    let named = match rows_with(text, |has| has("network") || has("id")) {
        Some(rows) => rows.unwrap_or_default().iter().filter_map(of_object).flatten().collect(),
        None => names_in_lines(text, of_object),
    };
    let mut seen = BTreeSet::new();
    named.into_iter().map(|name: Name| name.text().to_owned()).filter(|id| seen.insert(id.clone())).collect()
}

/// Without the mark (BOM) that some tools put before a text.
fn unmarked(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

fn names_in(text: &str, of_object: impl Fn(&serde_json::Value) -> Option<Vec<Name>>) -> Result<Vec<Name>, Error> {
    let text = unmarked(text);
    match rows_of(text) {
        Some(rows) => Ok(rows?.iter().filter_map(of_object).flatten().collect()),
        None => Ok(names_in_lines(text, of_object)),
    }
}

/// The names in JSON, or in lines that are bare or JSON.
fn names_in_lines(text: &str, of_object: impl Fn(&serde_json::Value) -> Option<Vec<Name>>) -> Vec<Name> {
    if let Some(named) = whole_of(text, &of_object) {
        return named;
    }
    let names = |line: &str| {
        let object = line.starts_with('{').then(|| serde_json::from_str(line).ok()).flatten();
        object.and_then(|object| of_object(&object)).unwrap_or_else(|| vec![line.into()])
    };
    text.lines().map(str::trim).filter(|line| !line.is_empty()).flat_map(names).collect()
}

/// The names in a text that is one JSON value as a whole, as `--format json` prints it: an object, or a list of objects and names.
fn whole_of(text: &str, of_object: impl Fn(&serde_json::Value) -> Option<Vec<Name>>) -> Option<Vec<Name>> {
    let text = text.trim();
    if !text.starts_with(['[', '{']) {
        return None;
    }
    match serde_json::from_str(text).ok()? {
        serde_json::Value::Array(values) => {
            let names = |value: &serde_json::Value| match value {
                serde_json::Value::String(name) => Some(vec![name.as_str().into()]),
                object => of_object(object),
            };
            Some(values.iter().map(names).collect::<Option<Vec<Vec<Name>>>>()?.concat())
        }
        object => of_object(&object),
    }
}

/// The nodes that a record of an answer names: by `node`, `identifier`, `account_id`, `kind` and `value`, or `target`; or those
/// that its list `actions` (a plan), `accounts` (an expansion) or `nodes` names. `None` if it names none.
pub fn names_of(record: &serde_json::Value) -> Option<Vec<Name>> {
    let text = |field: &str| record.get(field).and_then(serde_json::Value::as_str);
    let named = |field: &str| text(field).map(|value| Name::of_field(field, value));
    let one = ["node", "identifier", "account_id"]
        .into_iter()
        .find_map(named)
        .or_else(|| match text("kind").zip(text("value"))? {
            ("account", id) => Some(Name::Account(id.to_owned())),
            (kind, value) => Some(Name::Label(format!("{kind}:{value}"))),
        })
        .or_else(|| named("target"));
    let listed = |list: &str| record.get(list)?.as_array()?.iter().map(names_of).collect::<Option<Vec<Vec<Name>>>>();
    one.map(|name| vec![name])
        .or_else(|| ["actions", "accounts", "nodes"].into_iter().find_map(listed).map(|named| named.concat()))
}

/// The same, of a record of what is to be done: none of those that it says to `review`, to `monitor` or to `secure`.
pub fn targets_of(record: &serde_json::Value) -> Option<Vec<Name>> {
    let action = record.get("action").and_then(|action| Proposal::deserialize(action).ok());
    match action {
        Some(Proposal::Review | Proposal::Monitor | Proposal::Secure) => Some(Vec::new()),
        _ => names_of(record),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_bare_or_json_lines() {
        let text = "acct_1\n\n {\"account_id\": \"acct_2\", \"score\": 1}\n{\"node\":\"ip:192.0.2.1\"}\nip:2001:db8::\n";
        let (id, label) = (|id: &str| Name::Account(id.to_owned()), |label: &str| Name::Label(label.to_owned()));
        let named = names_of_lines(text).expect("a list");
        assert_eq!(named, ["acct_1".into(), id("acct_2"), label("ip:192.0.2.1"), "ip:2001:db8::".into()]);
        let actions = "{\"target\":\"account\",\"kind\":\"account\",\"value\":\"acct_1\"}\n\
                       {\"actions\":[{\"target\":\"account:acct_2\"},{\"target\":\"ip:192.0.2.1\"}]}";
        let three = [id("acct_1"), label("account:acct_2"), label("ip:192.0.2.1")];
        assert_eq!(names_of_lines(actions).expect("a list"), three);
        let lines = format!("{actions}\n{{\"action\":\"monitor\",\"kind\":\"ip\",\"value\":\"192.0.2.9\"}}");
        assert_eq!(names_of_lines(&lines).expect("a list").len(), 4);
        assert_eq!(targets_of_lines(&lines).expect("a list"), three);
        // A CSV says which of its columns names them.
        let members = "account_id,network,confidence\nacct_1,PN-1,1.000\n\"acct,2\",PN-1,0.5\n";
        assert_eq!(names_of_lines(members).expect("a list"), [id("acct_1"), id("acct,2")]);
        let nodes = "id;kind;value\nx;ip;192.0.2.1\ny;account;acct_1\n";
        assert_eq!(names_of_lines(nodes).expect("a list"), [label("ip:192.0.2.1"), id("acct_1")]);
        assert_eq!(names_of_lines("account_id\nacct_1\n").expect("a list"), [id("acct_1")]);
        let actions = "action,kind,value\nban,account,a\nmonitor,ip,192.0.2.1\n";
        assert_eq!(targets_of_lines(actions).expect("a list"), [id("a")]);
        assert!(
            looks_like_csv("user,score\na,1\nb,2\n") && !looks_like_csv("a\nb,c\n") && !looks_like_csv("{\"a\":1,\"b\":2}")
        );
    }

    #[test]
    fn a_line_that_is_no_object_with_a_name_is_a_name_and_stops_nothing() {
        let text = "\u{feff}{curly\n{\"name\": 1}\n{\"account_id\":\"a\"}\n}";
        let named = names_of_lines(text).expect("a list");
        assert_eq!(named, ["{curly".into(), "{\"name\": 1}".into(), Name::Account("a".to_owned()), "}".into()]);
        // What `--format json` prints is one value over several lines.
        let whole = "[\n  {\n    \"account_id\": \"a\"\n  },\n  \"b\"\n]\n";
        assert_eq!(names_of_lines(whole).expect("a list"), [Name::Account("a".to_owned()), "b".into()]);
        assert_eq!(names_of_lines("[1]\n").expect("a list"), ["[1]".into()]);
    }

    #[test]
    fn networks_are_listed_by_id_or_rank_each_once() {
        assert_eq!(networks_of_lines("\u{feff}PN-1\n\n 2 \nPN-1\n"), ["PN-1", "2"]);
        assert_eq!(networks_of_lines("{\"id\":\"PN-1\",\"rank\":1}\n{\"network\":\"PN-2\",\"id\":7}\n"), ["PN-1", "PN-2"]);
        assert_eq!(networks_of_lines("rank,id,accounts\n1,PN-1,568\n2,PN-2,16\n"), ["PN-1", "PN-2"]);
        // An account in none names none.
        assert_eq!(networks_of_lines("account_id,network\na,PN-1\nb,\n"), ["PN-1"]);
        assert_eq!(networks_of_lines("{\"account_id\":\"a\",\"network\":null}\n{\"network\":\"PN-1\"}\n"), ["PN-1"]);
    }
}
