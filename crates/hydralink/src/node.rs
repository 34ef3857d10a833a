//! From what a person types to a node, and "did you mean" when there is no such node.
//!
//! `account:ID` and `KIND:VALUE` name a node outright. A bare string is looked up among accounts and in all kinds and must be
//! found exactly once. IPv6 addresses hold colons, so a prefix counts as a kind only if the store knows that kind, by its name
//! or another word for it.
//!
//! Text for people shortens long values in the middle (`device:01234567…89abcdef`). What is typed so is the value that
//! begins and ends so, if there is one alone. Not of a column `account_id`, whose ids are taken as they are, nor at a level
//! that hides values: whoever may ask by parts of a value finds all of it.
//!
//! Ids are chosen by those we look for: an account may be called `account:b`, or what an address is. So a list says for
//! each name whether it is an id or what a person types ([`Name`]), and what could mean two accounts is an error.

use std::borrow::Cow;
use std::collections::BTreeSet;

use events::normalise::kind::{Canonical, canonical};
use evidence::KindRole;
use graph::{AccountId, BipartiteGraph, IdentifierId, KindId};
use serde::Deserialize;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::bans::Proposal;
use crate::dataset::Dataset;
use crate::error::Error;
use crate::names::distance;

/// An account or an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Node {
    /// The left side.
    Account(AccountId),
    /// The right side.
    Identifier(IdentifierId),
}

impl Node {
    /// The account of a number.
    pub fn account(number: u32) -> Self {
        Node::Account(AccountId(number))
    }

    /// The identifier of a number.
    pub fn identifier(number: u32) -> Self {
        Node::Identifier(IdentifierId(number))
    }

    /// The vertex number: accounts first, then identifiers.
    pub fn vertex(self, dataset: &Dataset) -> u32 {
        match self {
            Node::Account(account) => account.0,
            Node::Identifier(identifier) => dataset.graph().account_count() as u32 + identifier.0,
        }
    }

    /// Nodes that it was seen with.
    pub fn degree(self, graph: &BipartiteGraph) -> usize {
        match self {
            Node::Account(account) => graph.account_degree(account),
            Node::Identifier(identifier) => graph.identifier_degree(identifier),
        }
    }

    /// The node of a vertex number.
    pub fn of_vertex(dataset: &Dataset, vertex: u32) -> Node {
        let accounts = dataset.graph().account_count() as u32;
        if vertex < accounts { Node::Account(AccountId(vertex)) } else { Node::Identifier(IdentifierId(vertex - accounts)) }
    }
}

/// What somebody calls a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// An account's id, whatever it looks like: a column `account_id`.
    Account(String),
    /// As every answer writes nodes: `account:ID` or `KIND:VALUE`.
    Label(String),
    /// As a person types it: a label, or a bare value.
    Typed(String),
}

impl Name {
    /// What a field of this name holds.
    pub fn of_field(field: &str, value: &str) -> Name {
        match field {
            "account_id" => Name::Account(value.to_owned()),
            _ => Name::Label(value.to_owned()),
        }
    }

    /// Without what stands before an account's id in a label.
    pub(crate) fn bare(&self) -> &str {
        match self {
            Name::Account(id) => id,
            Name::Label(text) | Name::Typed(text) => text.strip_prefix(ACCOUNT).unwrap_or(text),
        }
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Name::Typed(text.to_owned())
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Name::Account(id) => write!(formatter, "account:{id}"),
            Name::Label(text) | Name::Typed(text) => formatter.write_str(text),
        }
    }
}

/// The nodes that the lines of a list name: a bare name a line, or a JSON object with `node`, `identifier`, `account_id`,
/// `kind` and `value` (an exported action) or `actions` (a plan), or a CSV whose header has one of these, so that what other
/// commands print or write can be piped in. Empty lines are skipped.
///
/// # Errors
/// [`Error::Usage`] naming the line.
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
    let header: Vec<&str> = text.lines().next()?.split([',', '\t', ';']).map(|name| name.trim().trim_matches('"')).collect();
    let has = |name: &str| header.contains(&name);
    let names = ["node", "identifier", "account_id", "account"].into_iter().any(has) || has("kind") && has("value");
    // A list may name an account that is called `account`, or an identifier.
    if !names || header.len() < 2 && header != ["account_id"] {
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

fn names_in(text: &str, of_object: impl Fn(&serde_json::Value) -> Option<Vec<Name>>) -> Result<Vec<Name>, Error> {
    if let Some(rows) = rows_of(text) {
        return Ok(rows?.iter().filter_map(of_object).flatten().collect());
    }
    let names = |(at, line): (usize, &str)| {
        if !line.starts_with('{') {
            return Ok(vec![line.into()]);
        }
        let wrong = |what: String| Error::Usage(format!("line {}: {what}", at + 1));
        let object: serde_json::Value = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
        of_object(&object)
            .ok_or_else(|| wrong("a JSON object needs node, identifier, account_id, kind and value, or actions".to_owned()))
    };
    let named: Result<Vec<Vec<Name>>, Error> =
        text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty()).map(names).collect();
    Ok(named?.concat())
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

/// What stands before an account's id in a label.
const ACCOUNT: &str = "account:";

/// Columns that the end of a shortened name keeps: of a hash, eight digits.
const END: usize = 8;

/// A string cut to `width` columns of a terminal, with an ellipsis in the middle where something was cut: what
/// [`Dataset::node`] takes for the name, if it is the only one that begins and ends so.
pub fn abridged(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let end = END.min(width / 3);
    let cut = |room: usize, characters: &mut dyn Iterator<Item = char>| -> Vec<char> {
        let mut taken = 0;
        let fits = |character: &char| {
            taken += UnicodeWidthChar::width(*character).unwrap_or(0);
            taken <= room
        };
        characters.take_while(fits).collect()
    };
    let begin = cut(width.saturating_sub(end + 1), &mut text.chars());
    let end = cut(end, &mut text.chars().rev());
    begin.into_iter().chain(['…']).chain(end.into_iter().rev()).collect()
}

/// How many near misses are named.
const SUGGESTIONS: usize = 3;

/// How an error names what was asked for.
enum Asked<'t> {
    /// As it was typed.
    Repeated(&'t str),
    /// By what stands before its value; nobody is to read the value.
    Hidden(&'t str),
}

impl Asked<'_> {
    fn text(&self) -> String {
        match self {
            Asked::Repeated(text) => (*text).to_owned(),
            Asked::Hidden(word) => format!("{word} (value not repeated)"),
        }
    }
}

/// Zeros that may have been lost before a number.
const ZEROS: usize = 20;

/// Other ways to write a name: what a spreadsheet, a mail or a form makes of it. Without spaces around it, in small or capital
/// letters, with more or fewer zeros before a number.
fn alike(name: &str) -> Vec<String> {
    if name.len() > events::SHOWN {
        return Vec::new();
    }
    let name = name.trim();
    let number = name.trim_start_matches('0');
    let zeros = if number.starts_with(|first: char| first.is_ascii_digit()) { 0..ZEROS } else { 0..0 };
    let padded = zeros.map(|zeros| format!("{}{number}", "0".repeat(zeros)));
    [name.to_owned(), name.to_lowercase(), name.to_uppercase()].into_iter().chain(padded).collect()
}

/// How many names around the place where the text would stand are compared with it.
const NEIGHBOURHOOD: u32 = 64;

impl Dataset {
    /// Finds the node that `text` names.
    ///
    /// # Errors
    /// [`Error::Unknown`] with the nearest names; [`Error::Usage`] if a bare string is found in several kinds, or
    /// `account:ID` is itself the id of another account.
    pub fn node(&self, text: &str) -> Result<Node, Error> {
        if text.starts_with(ACCOUNT) {
            return self.account_typed(text).map(Node::Account);
        }
        self.labelled(text)
    }

    /// Finds the node that a list names.
    ///
    /// # Errors
    /// As [`Dataset::node`].
    pub fn named(&self, name: &Name) -> Result<Node, Error> {
        match name {
            Name::Account(id) => self.account(id).map(Node::Account),
            Name::Label(text) => self.labelled(text),
            Name::Typed(text) => self.node(text),
        }
    }

    /// Finds the account that a list of accounts names: what is typed there may be a bare id, whatever else it is the value of.
    ///
    /// # Errors
    /// As [`Dataset::node`], and [`Error::Usage`] if it names an identifier.
    pub fn account_named(&self, name: &Name) -> Result<AccountId, Error> {
        match (self.account_alone(name), name) {
            // What else it may be, and what is near to it.
            (Err(Error::Unknown { .. }), Name::Label(text) | Name::Typed(text)) => match self.labelled(text)? {
                Node::Account(account) => Ok(account),
                Node::Identifier(_) => Err(Error::Usage(format!("{text} is an identifier; name an account"))),
            },
            (found, _) => found,
        }
    }

    /// The same, where identifiers are none of its business.
    pub(crate) fn account_alone(&self, name: &Name) -> Result<AccountId, Error> {
        match name {
            Name::Account(id) => self.account(id),
            Name::Label(_) => self.account(name.bare()),
            Name::Typed(text) => self.account_typed(text),
        }
    }

    /// The account of a text that may be `account:ID` or an id, if it isn't that of one and of another.
    fn account_typed(&self, text: &str) -> Result<AccountId, Error> {
        let exact = self.find_account(text);
        let Some(id) = text.strip_prefix(ACCOUNT) else {
            return exact.or_else(|| self.account_cut(text)).map_or_else(|| self.account(text), Ok);
        };
        match (exact, self.find_account(id)) {
            (Some(one), Some(other)) if one != other => Err(Error::Usage(
                "the name is the id of one account, and what follows its \"account:\" is the id of another; put one more account: \
                 before it for the first, and none for the second, or give ids in a column account_id"
                    .to_owned(),
            )),
            (Some(account), _) | (None, Some(account)) => Ok(account),
            (None, None) => self.account_cut(id).map_or_else(|| self.account(id), Ok),
        }
    }

    fn labelled(&self, text: &str) -> Result<Node, Error> {
        if let Some((kind, value)) = text.split_once(':') {
            if kind == "account" {
                return self.account_cut(value).map_or_else(|| self.account(value), Ok).map(Node::Account);
            }
            if let Some(kind) = self.kind_called(kind) {
                // An account may be called what looks like an identifier.
                let found = self.identifier(kind, value).map(Node::Identifier);
                let found = found.or_else(|| self.account(text).ok().map(Node::Account));
                let found = found.or_else(|| self.identifier_cut(kind, value).map(Node::Identifier));
                return found.ok_or_else(|| self.unknown(text, Some(kind), value));
            }
        }
        let mut found = Vec::new();
        if let Ok(account) = self.account(text) {
            found.push(Node::Account(account));
        }
        for kind in self.graph().kinds() {
            found.extend(self.identifier(kind, text).map(Node::Identifier));
        }
        if found.is_empty() {
            found.extend(self.account_cut(text).map(Node::Account));
            found.extend(self.graph().kinds().filter_map(|kind| self.identifier_cut(kind, text)).map(Node::Identifier));
        }
        match found[..] {
            [node] => Ok(node),
            [] => Err(self.unknown(text, None, text)),
            _ => {
                let kinds: Vec<String> = found.iter().map(|&node| format!("{}:", self.kind_of_node(node))).collect();
                Err(Error::Usage(format!("the value is ambiguous; put {} before it", kinds.join(" or "))))
            }
        }
    }

    /// Finds an account by its id.
    ///
    /// # Errors
    /// [`Error::Unknown`] with the nearest ids.
    pub fn account(&self, name: &str) -> Result<AccountId, Error> {
        self.find_account(name).ok_or_else(|| {
            let near = self.near_accounts(name);
            let text = format!("account:{name}");
            self.not_found(&text, Asked::Repeated(&text), near)
        })
    }

    fn find_account(&self, name: &str) -> Option<AccountId> {
        let find = |name: &str| self.account_names().find(0..self.graph().account_count() as u32, name);
        find(name).or_else(|| find(&self.pseudonym_of("account", name)?)).map(AccountId)
    }

    /// Finds an identifier of a kind, trying the value as typed and, for addresses, as ingest would have written it.
    pub fn identifier(&self, kind: KindId, value: &str) -> Option<IdentifierId> {
        let range = self.graph().identifiers_of_kind(kind);
        let find = |value: &str| self.identifier_names().find(range.clone(), value);
        let name = self.kind_name(kind);
        let declared = self.declared_kinds().get(name).and_then(|entry| entry.normaliser);
        let canonical = match canonical(name, declared, value) {
            Ok(Canonical::Value(canonical)) => canonical,
            _ => Cow::Borrowed(value),
        };
        let found = find(value).or_else(|| find(&canonical)).or_else(|| find(&self.pseudonym_of(name, &canonical)?));
        found.map(IdentifierId)
    }

    /// The account whose id was cut to this in the middle.
    fn account_cut(&self, id: &str) -> Option<AccountId> {
        if !self.naming().shows_account_table() {
            return None;
        }
        match self.cut_to(0..self.graph().account_count() as u32, id, self.account_names())[..] {
            [account] => Some(AccountId(account)),
            _ => None,
        }
    }

    /// The identifier whose value was.
    fn identifier_cut(&self, kind: KindId, value: &str) -> Option<IdentifierId> {
        if !self.naming().is_full() {
            return None;
        }
        match self.cut_to(self.graph().identifiers_of_kind(kind), value, self.identifier_names())[..] {
            [identifier] => Some(IdentifierId(identifier)),
            _ => None,
        }
    }

    /// The first names of a range that begin and end as one that was cut; more than one are told, none of them meant.
    /// O(names that begin so).
    fn cut_to(&self, range: std::ops::Range<u32>, name: &str, names: &crate::names::NameTable) -> Vec<u32> {
        let Some((begin, end)) = name.split_once('…') else { return Vec::new() };
        let longer = begin.len() + end.len();
        (names.lower_bound(range.clone(), begin)..range.end)
            .take_while(|&id| names.name_of(id).starts_with(begin))
            .filter(|&id| names.name_of(id).len() > longer && names.name_of(id).ends_with(end))
            .take(SUGGESTIONS)
            .collect()
    }

    fn unknown(&self, text: &str, kind: Option<KindId>, value: &str) -> Error {
        let mut near = Vec::new();
        // The kind may have been mistaken, and not the value.
        let meant = text.split_once(':').filter(|_| kind.is_none());
        let meant = meant.and_then(|(word, value)| Some((self.kind_nearly_called(word)?, value)));
        if let Some(found) = meant.and_then(|(kind, value)| self.identifier(kind, value)) {
            let near = self.open_label(Node::Identifier(found)).map(|label| (0, label));
            return self.not_found(text, Asked::Repeated(text), near.into_iter().collect());
        }
        let (kind, value) = meant.map_or((kind, value), |(kind, value)| (Some(kind), value));
        if kind.is_none() {
            near.extend(self.near_accounts(value));
        }
        for candidate in self.graph().kinds() {
            let token = self.roles()[candidate.index()] == KindRole::Payment;
            if !token && kind.is_none_or(|kind| kind == candidate) {
                near.extend(self.near(self.graph().identifiers_of_kind(candidate), value, |id| {
                    self.open_label(Node::Identifier(IdentifierId(id)))
                }));
            }
        }
        // A payment token that was typed in error is nobody's business either.
        let token = kind.is_some_and(|kind| self.roles()[kind.index()] == KindRole::Payment);
        let word = text.split(':').next().unwrap_or_default();
        self.not_found(text, if token { Asked::Hidden(word) } else { Asked::Repeated(text) }, near)
    }

    fn near_accounts(&self, name: &str) -> Vec<(usize, String)> {
        let accounts = 0..self.graph().account_count() as u32;
        let at = self.account_names().lower_bound(accounts.clone(), name);
        self.nearest(accounts, at, name, self.account_names(), |id| self.open_label(Node::Account(AccountId(id))))
    }

    fn near(&self, range: std::ops::Range<u32>, value: &str, label: impl Fn(u32) -> Option<String>) -> Vec<(usize, String)> {
        let at = self.identifier_names().lower_bound(range.clone(), value);
        self.nearest(range, at, value, self.identifier_names(), label)
    }

    fn nearest(
        &self,
        range: std::ops::Range<u32>,
        at: u32,
        value: &str,
        names: &crate::names::NameTable,
        label: impl Fn(u32) -> Option<String>,
    ) -> Vec<(usize, String)> {
        let from = at.saturating_sub(NEIGHBOURHOOD).max(range.start);
        let to = at.saturating_add(NEIGHBOURHOOD).min(range.end);
        let limit = 1 + value.chars().count() / 4;
        let alike: BTreeSet<u32> = alike(value).iter().filter_map(|name| names.find(range.clone(), name)).collect();
        let near = (from..to).filter(|id| !alike.contains(id)).map(|id| (distance(names.name_of(id), value), id));
        let near = near.filter(|&(away, _)| away <= limit);
        let cut = self.cut_to(range, value, names);
        alike.iter().chain(&cut).map(|&id| (0, id)).chain(near).filter_map(|(away, id)| Some((away, label(id)?))).collect()
    }

    /// A node's label if the level shows it as it is stored: a pseudonym that is near what was typed would tell whose it is.
    fn open_label(&self, node: Node) -> Option<String> {
        let stored = match node {
            Node::Account(account) => format!("account:{}", self.account_name(account)),
            Node::Identifier(identifier) => self.stored_label(identifier),
        };
        Some(self.label_of(node)).filter(|label| *label == stored)
    }

    /// What was asked for, for a level that hides some values: whatever was typed may end in a log.
    fn unrepeated<'t>(&self, asked: Asked<'t>) -> Asked<'t> {
        let Asked::Repeated(what) = asked else { return asked };
        let word = what.split_once(':').map(|(word, _)| word);
        let kind = word.and_then(|word| self.kind_called(word));
        let open = match word {
            Some("account") => true,
            _ => kind.is_some_and(|kind| self.roles()[kind.index()] == KindRole::Template),
        };
        match word.filter(|&word| word == "account" || kind.is_some()) {
            Some(_) if open && self.naming().shows_account_table() => asked,
            Some(word) => Asked::Hidden(word),
            None => Asked::Hidden("what was asked for"),
        }
    }

    /// "; did you mean ...?" with the nearest names, or what keeps names from being found.
    fn not_found(&self, text: &str, asked: Asked<'_>, mut near: Vec<(usize, String)>) -> Error {
        let what = if self.naming().is_full() { asked } else { self.unrepeated(asked) }.text();
        let what = events::shortened(&what).into_owned();
        near.sort();
        near.truncate(SUGGESTIONS);
        let nearest: Vec<String> = near.into_iter().map(|(_, name)| name).collect();
        let hint = match &self.manifest().key_id {
            _ if !nearest.is_empty() => format!("; did you mean {}?", nearest.join(" or ")),
            Some(key) if self.pseudonym_of("", "").is_none() => {
                format!("; it holds pseudonyms under key {key}: give --key-file to ask by value")
            }
            _ if text.starts_with("PN-") => {
                "; networks are asked about by `network`, `members --network` and `why-not ACCOUNT`".to_owned()
            }
            _ if self.names_no_kind(text) => format!("; this store has {}", self.tables().kinds.join(", ")),
            _ => String::new(),
        };
        Error::Unknown { what, hint, nearest }
    }

    fn kind_of_node(&self, node: Node) -> &str {
        match node {
            Node::Account(_) => "account",
            Node::Identifier(identifier) => self.identifier_name(identifier).0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list that somebody sent may have a line of megabytes, which was compared with names for minutes and repeated.
    #[test]
    fn what_is_too_long_to_be_a_name_is_near_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = crate::testing::store_of_events(folder.path(), "store", &[(1, 1, 1, 1), (2, 1, 1, 2)]);
        let dataset = Dataset::open(&store).expect("a store");
        for kind in ["", "ip:", "account:", "device:", "PN-"] {
            let error = dataset.node(&format!("{kind}{}", "x".repeat(3 << 20))).expect_err("no such node").to_string();
            assert!(error.len() < 1000, "{error}");
        }
    }

    #[test]
    fn what_a_spreadsheet_makes_of_a_name_is_near_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let (events, store) = (folder.path().join("events.csv"), folder.path().join("store"));
        let others: String = (10_000..10_400).map(|id| format!("2026-03-01T00:00:00Z,{id},198.51.100.1\n")).collect();
        let text = format!(
            "timestamp,account_id,ip\n{others}2026-03-01T00:00:00Z,00302676,198.51.100.1\n\
                            2026-03-01T00:00:00Z,acct_B7,198.51.100.1\n"
        );
        std::fs::write(&events, text).expect("written");
        crate::build(&[events], &store, &events::IngestConfig::default(), &crate::Unobserved).expect("a store");
        let dataset = Dataset::open(&store).expect("a store");
        let nearest = |name: &str| match dataset.node(name).expect_err("no such node") {
            Error::Unknown { nearest, .. } => nearest.first().cloned(),
            other => panic!("{other}"),
        };
        for typed in ["302676", "0302676", "account:302676", "000000302676", " 00302676 "] {
            assert_eq!(nearest(typed).as_deref(), Some("account:00302676"), "{typed}");
        }
        assert_eq!((nearest("ACCT_B7"), nearest("999")), (None, None));
        assert_eq!(alike(" aB "), ["aB", "ab", "AB"]);
    }

    #[test]
    fn a_name_that_was_cut_in_the_middle_is_the_one_that_begins_and_ends_so() {
        let folder = tempfile::tempdir().expect("a folder");
        let (events, store) = (folder.path().join("events.csv"), folder.path().join("store"));
        let hash = |last: &str| format!("{}{last}", "0123456789abcdef".repeat(4));
        let row = |account: &str, device: &str| format!("2026-03-01T00:00:00Z,{account},{device}\n");
        let text = [row(&hash("a1"), &hash("d1")), row(&hash("b2"), &hash("e2")), row("x…y", &hash("e2"))].concat();
        std::fs::write(&events, format!("timestamp,account_id,device\n{text}")).expect("written");
        crate::build(&[events], &store, &events::IngestConfig::default(), &crate::Unobserved).expect("a store");
        let dataset = Dataset::open(&store).expect("a store");
        let label = |typed: &str| dataset.node(typed).map(|node| dataset.label_of(node));
        let cut = abridged(&format!("device:{}", hash("e2")), 44);
        assert_eq!(label(&cut).expect("one device"), format!("device:{}", hash("e2")));
        assert_eq!(label("account:0123…a1").expect("one account"), format!("account:{}", hash("a1")));
        assert_eq!(label("0123…efb2").expect("one node"), format!("account:{}", hash("b2")));
        // An id may have the sign itself; and where several begin and end so, they are named and none is taken.
        assert_eq!(label("x…y").expect("an account"), "account:x…y");
        let error = label("account:0123…").expect_err("two").to_string();
        assert!(error.contains(&hash("a1")) && error.contains(&hash("b2")), "{error}");
        assert!(dataset.account_named(&Name::Account("0123…a1".to_owned())).is_err(), "a column of ids has whole ones");
        assert!(label("device:x…").is_err() && label("device:…e").is_err());
    }

    #[test]
    fn what_is_cut_is_seen_to_be_cut() {
        assert_eq!(abridged("abcdef", 4), "ab…f");
        assert_eq!(abridged("abcd", 4), "abcd");
        assert_eq!(abridged("device:0123456789abcdef0123456789abcdef", 24), "device:01234567…89abcdef");
        // A terminal's columns: two a character.
        assert_eq!(abridged("会社アカウント番号", 12), "会社ア…番号");
    }

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
        let error = names_of_lines("a\n{\"name\": 1}").expect_err("no node").to_string();
        assert!(error.starts_with("line 2:"), "{error}");
    }

    /// Whoever is looked for chooses ids. None of them may bring a stranger into a list of accounts, nor keep the list from
    /// being read.
    #[test]
    fn an_id_that_looks_like_another_name_is_never_taken_for_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let (events, store) = (folder.path().join("events.csv"), folder.path().join("store"));
        let ids = ["b", "account:b", "198.51.100.1", "ip:198.51.100.1", "account:c"];
        let rows: String = ids.iter().map(|id| format!("2026-03-01T00:00:00Z,{id},198.51.100.1\n")).collect();
        std::fs::write(&events, format!("timestamp,account_id,ip\n{rows}")).expect("written");
        crate::build(&[events], &store, &events::IngestConfig::default(), &crate::Unobserved).expect("a store");
        let dataset = Dataset::open(&store).expect("a store");
        let id_of = |account: AccountId| dataset.account_name(account).to_owned();
        for id in ids {
            let account = dataset.account_named(&Name::Account(id.to_owned())).expect("an id");
            assert_eq!(id_of(account), id);
            let label = Name::Label(dataset.label_of(Node::Account(account)));
            assert_eq!(dataset.named(&label).expect("a label"), Node::Account(account));
            match dataset.account_named(&id.into()) {
                Ok(typed) => assert_eq!(id_of(typed), id),
                Err(error) => assert!(id == "account:b" && error.to_string().contains("id of another"), "{id}: {error}"),
            }
        }
        // Typed as what answers write, or as more than one thing.
        assert!(matches!(dataset.node("account:b"), Err(Error::Usage(_))));
        let typed = |text: &str| dataset.account_named(&text.into()).map(id_of).ok();
        assert_eq!(typed("account:account:b").as_deref(), Some("account:b"));
        assert_eq!(
            (typed("account:198.51.100.1").as_deref(), typed("account:c").as_deref()),
            (Some("198.51.100.1"), Some("account:c"))
        );
        assert!(matches!(dataset.node("ip:198.51.100.1"), Ok(Node::Identifier(_))), "a label of an identifier stays one");
        assert!(matches!(dataset.node("198.51.100.1"), Err(Error::Usage(_))));
    }
}
