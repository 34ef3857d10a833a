//! Rules and lists as a detection takes them.
//!
//! [`Lists::of`] settles rules and lists on a store: lists that contradict each other are an error, as in [`link`]; what rules
//! join counts as a pair that must be one, but for groups of rules with a pair in them that cannot be one: there the list
//! counts and the rules don't. [`crate::detect_by`] keeps the lists beside its results, by name, so that `calibrate`,
//! `backtest`, `consensus` and `verify` rerun the detection by the same, and `forget` and `rekey` can follow names; the run
//! names the files with their hashes. Rules are settled once: reruns on copies or on earlier times take the pairs that they
//! joined here.

use std::collections::BTreeSet;

use graph::AccountId;
use serde::{Deserialize, Serialize};

use super::{Good, Joined, MUST, Rules, join_all};
use crate::dataset::{Allowed, Dataset};
use crate::detect::DetectConfig;
use crate::error::Error;
use crate::node::Node;
use crate::results::Labelling;

/// The section that keeps the lists of the last detection.
pub(crate) const SECTION: &str = "result.lists";

/// A file of rules or a list that a detection was run with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ListFile {
    /// What it says: `rules`, `must`, `cannot` or `good`.
    pub says: String,
    /// xxh3-128 of its content, in hex.
    pub hash: String,
    /// Rules, pairs or names.
    pub entries: u64,
}

impl ListFile {
    /// Of the content of a file.
    pub fn of(says: &str, content: &[u8], entries: usize) -> Self {
        let hash = format!("{:032x}", xxhash_rust::xxh3::xxh3_128(content));
        ListFile { says: says.to_owned(), hash, entries: entries as u64 }
    }
}

/// What is known about accounts and identifiers before a detection, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Lists {
    /// Pairs of accounts that are one.
    pub must: Vec<[String; 2]>,
    /// Pairs of accounts that rules joined.
    pub ruled: Vec<[String; 2]>,
    /// Pairs of accounts that aren't one.
    pub cannot: Vec<[String; 2]>,
    /// Known-good accounts.
    pub good_accounts: Vec<String>,
    /// Known-good identifiers, `KIND:VALUE`.
    pub good_identifiers: Vec<String>,
    /// The files that say so.
    pub files: Vec<ListFile>,
}

impl Lists {
    /// Settles rules and lists on a store. The configuration says what classes identifiers have, if rules ask for them.
    ///
    /// # Errors
    /// As [`super::link`].
    pub fn of(dataset: &Dataset, rules: &Rules, files: Vec<ListFile>, config: &DetectConfig) -> Result<Self, Error> {
        let shares = rules.rules.iter().flat_map(|rule| &rule.parts).flat_map(|part| &part.shares);
        let classes = if shares.into_iter().any(|share| share.filter.is_some()) {
            let allowed = dataset.allowed_by(&Lists::default())?;
            let facts = dataset.facts(&allowed);
            Some(Labelling::of_classes(dataset, &evidence::classify_identifiers(facts, &config.linkage.classify)))
        } else {
            None
        };
        let good = Good::of(dataset, &Lists::default(), &rules.good)?;
        let (mut joined, _) = join_all(dataset, classes.as_ref(), rules, &good)?;
        let account = |id: u32| dataset.account_name(AccountId(id)).to_owned();
        let pairs =
            |pairs: &[(AccountId, AccountId)]| pairs.iter().map(|pair| [account(pair.0.0), account(pair.1.0)]).collect();
        let (mut good_accounts, mut good_identifiers) = (Vec::new(), Vec::new());
        for &node in &rules.good {
            match node {
                Node::Account(id) => good_accounts.push(account(id.0)),
                Node::Identifier(id) => good_identifiers.push(dataset.stored_label(id)),
            }
        }
        let ruled = ruled(&mut joined, &rules.cannot).into_iter().map(|(one, other)| [account(one), account(other)]).collect();
        Ok(Lists { must: pairs(&rules.must), ruled, cannot: pairs(&rules.cannot), good_accounts, good_identifiers, files })
    }

    /// The lists of a store's last detection; none if it had none.
    pub(crate) fn kept_in(dataset: &Dataset) -> Result<Self, Error> {
        Ok(dataset.store().json(SECTION)?.unwrap_or_default())
    }

    /// Whether they say nothing.
    pub fn is_empty(&self) -> bool {
        self == &Lists::default()
    }

    /// The same without what names an account or identifier that isn't to be named any more.
    pub(crate) fn naming_only(mut self, account: impl Fn(&str) -> bool, identifier: impl Fn(&str) -> bool) -> Self {
        for pairs in [&mut self.must, &mut self.ruled, &mut self.cannot] {
            pairs.retain(|pair| pair.iter().all(|name| account(name)));
        }
        self.good_accounts.retain(|name| account(name));
        self.good_identifiers.retain(|label| identifier(label));
        self
    }

    /// The same under other names, of a kind and a value each.
    pub(crate) fn renamed(mut self, name: impl Fn(&str, &str) -> String) -> Self {
        let pairs = [&mut self.must, &mut self.ruled, &mut self.cannot].into_iter().flatten().flatten();
        pairs.chain(&mut self.good_accounts).for_each(|account| *account = name("account", account));
        for label in &mut self.good_identifiers {
            if let Some((kind, value)) = label.split_once(':') {
                *label = format!("{kind}:{}", name(kind, value));
            }
        }
        self
    }

    /// Adds what they say to what is allowed, by number; names that the store doesn't have say nothing.
    pub(crate) fn add_to(&self, dataset: &Dataset, allowed: &mut Allowed, good: (&mut Vec<u32>, &mut Vec<u32>)) {
        let accounts = 0..dataset.graph().account_count() as u32;
        let account = |name: &String| dataset.account_names().find(accounts.clone(), name);
        let pair = |[one, other]: &[String; 2]| Some((account(one)?, account(other)?));
        allowed.must = self.must.iter().chain(&self.ruled).filter_map(pair).collect();
        allowed.cannot = self.cannot.iter().filter_map(pair).collect();
        good.0.extend(self.good_accounts.iter().filter_map(account));
        good.1.extend(self.good_identifiers.iter().filter_map(|label| dataset.identifier_of(label)));
    }
}

/// Pairs that rules joined, ascending, but for those of groups that hold a pair that cannot be one.
fn ruled(joined: &mut Joined, cannot: &[(AccountId, AccountId)]) -> Vec<(u32, u32)> {
    let mut torn = BTreeSet::new();
    for (one, other) in cannot {
        if joined.are_one(one.0, other.0) {
            torn.insert(joined.sets.root_of(one.0));
        }
    }
    let Joined { sets, links } = joined;
    let of_account = |(&account, links): (&u32, &Vec<(u32, u32)>)| -> Vec<(u32, u32)> {
        let links = links.iter().filter(|&&(other, source)| account < other && source != MUST);
        links.map(|&(other, _)| (account, other)).collect()
    };
    let whole = links.iter().filter(|(account, _)| !torn.contains(&sets.root_of(**account)));
    let mut pairs: Vec<(u32, u32)> = whole.flat_map(of_account).collect();
    pairs.sort_unstable();
    pairs
}
