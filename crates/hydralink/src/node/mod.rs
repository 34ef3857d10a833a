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

mod cut;
mod lists;
mod near;

use std::borrow::Cow;

use events::normalise::kind::{Canonical, canonical};
use graph::{AccountId, BipartiteGraph, IdentifierId, KindId};

use crate::dataset::Dataset;
use crate::error::Error;
pub use cut::abridged;
pub use lists::{looks_like_csv, names_of, names_of_lines, networks_of_lines, targets_of, targets_of_lines};
use near::Asked;

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

    /// As it was written.
    pub fn text(&self) -> &str {
        let (Name::Account(text) | Name::Label(text) | Name::Typed(text)) = self;
        text
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

/// What stands before an account's id in a label.
const ACCOUNT: &str = "account:";

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
                let found = found.or_else(|| self.find_account(text).map(Node::Account));
                let found = found.or_else(|| self.identifier_cut(kind, value).map(Node::Identifier));
                return found.ok_or_else(|| self.unknown(text, Some(kind), value));
            }
        }
        let mut found: Vec<Node> = self.find_account(text).map(Node::Account).into_iter().collect();
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

    /// The account of an id: as stored, or as in the logs where the dataset has the key of its pseudonyms.
    pub(crate) fn find_account(&self, name: &str) -> Option<AccountId> {
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
