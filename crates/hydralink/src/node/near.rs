//! "Did you mean": the names near one that isn't there, at a level that may show them.

use std::collections::BTreeSet;

use events::normalise::kind::{Canonical, canonical};
use evidence::KindRole;
use graph::{AccountId, IdentifierId, KindId};

use super::Node;
use crate::dataset::Dataset;
use crate::error::Error;
use crate::names::{NameTable, distance};
use crate::options::{KEY_FILE_TO_ASK, MEMBERS, NETWORK, WHY_NOT_MEMBER};

/// How many near misses are named.
pub(super) const SUGGESTIONS: usize = 3;

/// How an error names what was asked for.
pub(super) enum Asked<'t> {
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
    pub(super) fn unknown(&self, text: &str, kind: Option<KindId>, value: &str) -> Error {
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

    pub(super) fn near_accounts(&self, name: &str) -> Vec<(usize, String)> {
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
        names: &NameTable,
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
        if open && self.naming().shows_account_table() { asked } else { self.hidden(what) }
    }

    /// What was asked for, by its kind alone.
    fn hidden<'t>(&self, what: &'t str) -> Asked<'t> {
        let word = what.split_once(':').map(|(word, _)| word);
        match word.filter(|&word| word == "account" || self.kind_called(word).is_some()) {
            Some(word) => Asked::Hidden(word),
            None => Asked::Hidden("what was asked for"),
        }
    }

    /// What keeps names of the logs from being found, if the store holds pseudonyms and nobody gave their key.
    pub(crate) fn key_hint(&self) -> Option<String> {
        let key = self.manifest().key_id.as_ref().filter(|_| self.pseudonym_of("", "").is_none())?;
        Some(format!("; it holds pseudonyms under key {key}: use {KEY_FILE_TO_ASK} to ask by value"))
    }

    /// Whether somebody asks for an address that ingest leaves out, bare or by its kind.
    fn is_unroutable(&self, text: &str) -> bool {
        let (kind, value) = text.split_once(':').map_or((None, text), |(word, value)| (self.kind_called(word), value));
        let is_address = |kind: KindId| self.roles()[kind.index()] == KindRole::Address;
        let unroutable = |text: &str| matches!(canonical("ip", None, text), Ok(Canonical::Unroutable));
        unroutable(text) || kind.is_some_and(is_address) && unroutable(value)
    }

    /// "; did you mean ...?" with the nearest names, or what keeps names from being found.
    pub(super) fn not_found(&self, text: &str, asked: Asked<'_>, mut near: Vec<(usize, String)>) -> Error {
        // Where the store has pseudonyms and nobody gave their key, whatever is typed and like none of them is a value of the logs.
        let of_logs = near.is_empty() && self.key_hint().is_some() && !text.starts_with("PN-");
        let what = match asked {
            Asked::Repeated(what) if of_logs => self.hidden(what),
            asked if self.naming().is_full() => asked,
            asked => self.unrepeated(asked),
        };
        let what = what.text();
        let what = events::shortened(&what).into_owned();
        near.sort();
        near.truncate(SUGGESTIONS);
        let nearest: Vec<String> = near.into_iter().map(|(_, name)| name).collect();
        let hint = match self.key_hint() {
            _ if self.is_unroutable(text) => {
                "; private and reserved addresses say nothing of who is behind them: build counts them and keeps none"
                    .to_owned()
            }
            _ if !nearest.is_empty() => format!("; did you mean {}?", nearest.join(" or ")),
            Some(hint) => hint,
            _ if text.starts_with("PN-") => {
                format!("; networks are asked about by {NETWORK}, {MEMBERS} and {WHY_NOT_MEMBER}")
            }
            _ if self.names_no_kind(text) => format!("; this store has {}", self.tables().kinds.join(", ")),
            _ => String::new(),
        };
        Error::Unknown { what, hint, nearest }
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
        for typed in ["10.0.0.1", "ip:10.0.0.1", "ip:fe80::1", "fe80::1"] {
            let told = dataset.node(typed).expect_err("no such node").to_string();
            assert!(told.contains("private and reserved"), "{told}");
        }
        assert!(!dataset.node("ip:198.51.100.99").expect_err("no such node").to_string().contains("private"));
        assert_eq!(alike(" aB "), ["aB", "ab", "AB"]);
    }
}
