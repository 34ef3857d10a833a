//! Who is known-good, and who said so: the allow list of the build, decisions about cases, lists of the last detection.

use graph::AccountId;

use super::Dataset;
use crate::cases::{self, Cases};
use crate::error::Error;
use crate::node::Node;
use crate::rules::Lists;

/// The allow lists as flags, one an identifier and one an account, and lists of pairs; empty where there is no list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Allowed {
    /// Known-good identifiers.
    pub(crate) identifiers: Vec<bool>,
    /// Known-good accounts.
    pub(crate) accounts: Vec<bool>,
    /// Pairs of accounts that are one.
    pub(crate) must: Vec<(u32, u32)>,
    /// Pairs of accounts that aren't.
    pub(crate) cannot: Vec<(u32, u32)>,
}

impl Allowed {
    /// Whether an account is known-good.
    pub(crate) fn has_account(&self, account: AccountId) -> bool {
        self.accounts.get(account.index()).copied().unwrap_or(false)
    }
}

impl Dataset {
    /// What is known-good, as flags, by the allow list that the store was built with, by the decisions since and by the lists
    /// of the last detection; empty where there is none.
    ///
    /// # Errors
    /// As [`Dataset::cases`].
    pub(crate) fn allowed(&self) -> Result<Allowed, Error> {
        self.allowed_by(&Lists::kept_in(self)?)
    }

    /// Who said that a node is known-good, if anybody did, and at the full level why: the reasons of an allow list are free text.
    ///
    /// # Errors
    /// As [`Dataset::cases`].
    pub fn known_good_by(&self, node: Node) -> Result<Option<String>, Error> {
        let (listed, id) = match node {
            Node::Account(account) => (&self.tables().allowed_accounts, account.0),
            Node::Identifier(identifier) => (&self.tables().allowed_identifiers, identifier.0),
        };
        if let Some((_, reason)) = listed.iter().find(|(listed, _)| *listed == id) {
            let reason = if self.naming().shows_text() { in_brackets(reason) } else { String::new() };
            return Ok(Some(format!("by the allow list{reason}")));
        }
        let (cases, lists) = (self.cases()?, Lists::kept_in(self)?);
        let (rejected, listed) = match node {
            Node::Account(account) => {
                let name = self.account_name(account);
                let good = lists.good_accounts.iter().any(|good| good == name);
                (cases.rejected_accounts().any(|rejected| rejected == name), good)
            }
            Node::Identifier(identifier) => {
                let label = self.stored_label(identifier);
                let good = lists.good_identifiers.contains(&label);
                (cases.rejected_identifiers().any(|rejected| rejected == label), good)
            }
        };
        Ok(match (rejected, listed) {
            (true, _) => Some("by a rejected case".to_owned()),
            (false, true) => Some("by a list that the last detection was run with".to_owned()),
            (false, false) => None,
        })
    }

    /// What is known-good by other lists than those of the last detection.
    pub(crate) fn allowed_by(&self, lists: &Lists) -> Result<Allowed, Error> {
        let mut allowed = Allowed::default();
        let (mut accounts, mut identifiers) = cases::known_good(self, &self.cases()?);
        lists.add_to(self, &mut allowed, (&mut accounts, &mut identifiers));
        accounts.extend(self.tables().allowed_accounts.iter().map(|&(account, _)| account));
        identifiers.extend(self.tables().allowed_identifiers.iter().map(|&(identifier, _)| identifier));
        let flags = |list: &[u32], count: usize| {
            let mut flags = vec![false; if list.is_empty() { 0 } else { count }];
            for &id in list {
                flags[id as usize] = true;
            }
            flags
        };
        allowed.identifiers = flags(&identifiers, self.graph.identifier_count());
        allowed.accounts = flags(&accounts, self.graph.account_count());
        Ok(allowed)
    }

    /// The decisions that people took about the store's networks and nodes.
    ///
    /// # Errors
    /// [`Error::CaseLog`] if the log's chain is broken.
    pub fn cases(&self) -> Result<Cases, Error> {
        self.cases.clone().map_or_else(|| Cases::open(self.path()), Ok)
    }
}

/// A reason after what it is given for; nothing where there is none.
pub(crate) fn in_brackets(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(" ({reason})") }
}
