//! Decisions beside what was detected: states of networks, labels of accounts, and what follows for the next detection.

use graph::AccountId;
use serde::Serialize;

use super::record::State;
use super::standing::{Case, Cases, Label, LogEntry};
use crate::dataset::Dataset;
use crate::error::Error;
use crate::node::Node;
use crate::query::{self, Member};
use crate::results::{Labelling, Network};

/// A network with what was decided about it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CasedNetwork {
    /// The network.
    #[serde(flatten)]
    pub network: Network,
    /// Where its case stands.
    pub state: State,
    /// Core and fringe accounts of it that were confirmed.
    pub confirmed: u64,
}

/// An account with what was decided about it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Labelled {
    /// The account.
    #[serde(flatten)]
    pub member: Member,
    /// What was decided about it, if anything.
    pub label: Option<Label>,
}

/// A line of the log at the level of a dataset: remarks stand at the full level only, names of reviewers up to the analyst's.
pub(crate) fn shown_entry(dataset: &Dataset, entry: &LogEntry) -> LogEntry {
    let naming = dataset.naming();
    LogEntry {
        target: shown_target(dataset, &entry.target),
        reviewer: if naming.shows_account_table() { entry.reviewer.clone() } else { String::new() },
        text: entry.text.clone().filter(|_| naming.shows_text()),
        ..entry.clone()
    }
}

/// The log at the level of a dataset, oldest first: all of it, or the lines of the case of one network, under whatever id it had, or
/// about a node, which may be named by a value that the store holds a pseudonym of, and may be gone from the store.
pub fn shown_log(dataset: &Dataset, cases: &Cases, about: Option<&str>) -> Vec<LogEntry> {
    if let Some(case) = about.and_then(|target| cases.case_of(target)) {
        return cases.log_of(case).map(|entry| shown_entry(dataset, entry)).collect();
    }
    let about = about.map(|target| dataset.node(target).map_or(target.to_owned(), |node| dataset.label_of(node)));
    let shown = cases.entries().iter().map(|entry| shown_entry(dataset, entry));
    shown.filter(|entry| about.as_ref().is_none_or(|target| entry.target == *target)).collect()
}

/// A case at the level of a dataset.
pub fn shown_case(dataset: &Dataset, case: &Case) -> Case {
    let mut shown = case.clone();
    shown.case = shown_target(dataset, &case.case);
    if !dataset.naming().shows_account_table() {
        shown.reviewer.clear();
    }
    shown
}

/// A case beside the last detection.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CaseNow {
    /// The case.
    #[serde(flatten)]
    pub case: Case,
    /// The network that it is about, the first by rank if there are several: its accounts may be in one that has another id than the
    /// one that was decided about. None where there is none any more, and of an account's or identifier's case.
    pub network: Option<String>,
}

/// The cases of a store at its level, with the networks that they are about.
///
/// # Errors
/// [`Error::StoreDamaged`].
pub fn cases_now(dataset: &Dataset, cases: &Cases) -> Result<Vec<CaseNow>, Error> {
    let mut found: Vec<CaseNow> =
        cases.cases().iter().map(|case| CaseNow { case: shown_case(dataset, case), network: None }).collect();
    let Some(labels) = dataset.labelling_if_any()?.filter(|_| !found.is_empty()) else { return Ok(found) };
    for (at, head) in labels.heads().iter().enumerate() {
        let members = labels.belonging(at);
        if let Some(case) = cases.nearest(members.iter().map(|&account| dataset.account_name(account))) {
            found[case].network.get_or_insert_with(|| head.id.clone());
        }
    }
    Ok(found)
}

/// What a decision is about: a network's id, or a node.
fn shown_target(dataset: &Dataset, target: &str) -> String {
    let naming = dataset.naming();
    match target.split_once(':') {
        Some(("account", name)) => format!("account:{}", naming.account(name)),
        Some(_) => naming.labelled(dataset, target),
        None => target.to_owned(),
    }
}

/// Networks with the state of the case that shares at least half of either's members, as far as it is about them. O(accounts + log).
///
/// # Errors
/// As [`dossier`](fn@crate::dossier::dossier).
pub fn label_networks(
    dataset: &Dataset,
    results: &Labelling,
    networks: Vec<Network>,
    cases: &Cases,
) -> Result<Vec<CasedNetwork>, Error> {
    networks.iter().try_for_each(|network| results.check_card(dataset, network))?;
    let mut members: Vec<Vec<AccountId>> = vec![Vec::new(); results.heads().len()];
    if !cases.cases().is_empty() {
        for (account, &network) in results.network_of.iter().enumerate() {
            let account = AccountId(account as u32);
            let belongs = results.membership_of(account).is_some_and(|(_, how)| how.belongs());
            if belongs {
                members[network as usize].push(account);
            }
        }
    }
    let cased = networks.into_iter().map(|network| {
        let members = &members[network.index()];
        let confirmed = cases.labelled(&names_of(dataset, members), Label::Confirmed) as u64;
        CasedNetwork { state: standing_of(dataset, cases, members).state, confirmed, network }
    });
    Ok(cased.collect())
}

/// Where a network stands by what people decided.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct NetworkStanding {
    /// The state of its case; [`State::New`] where that was decided and the decision is about fewer than most of its members.
    pub(crate) state: State,
    /// Whether people found it to be a network (true) or harmless, if they decided about most of its members.
    pub(crate) verdict: Option<bool>,
}

/// Where a network of these core and fringe accounts stands. A decision about a few accounts finds the network that they are in, and
/// is none about the others: the verdict of a case is a network's where more than half of its members bear it, as `detect` asks of
/// what it is to flag for people's sake.
pub(crate) fn standing_of(dataset: &Dataset, cases: &Cases, members: &[AccountId]) -> NetworkStanding {
    case_about(dataset, cases, members).map_or_else(NetworkStanding::default, |case| standing_by(dataset, cases, case, members))
}

/// [`standing_of`], by the case that is known.
pub(crate) fn standing_by(dataset: &Dataset, cases: &Cases, case: &Case, members: &[AccountId]) -> NetworkStanding {
    cases.standing(case, &names_of(dataset, members))
}

fn names_of<'a>(dataset: &'a Dataset, members: &[AccountId]) -> Vec<&'a str> {
    members.iter().map(|&account| dataset.account_name(account)).collect()
}

impl Cases {
    /// [`standing_by`], of names.
    pub(super) fn standing(&self, case: &Case, members: &[&str]) -> NetworkStanding {
        let label = |verdict: bool| if verdict { Label::Confirmed } else { Label::Rejected };
        let is_of_most = |verdict: bool| 2 * self.labelled(members, label(verdict)) > members.len();
        match verdict_of(self, case) {
            Some(verdict) if is_of_most(verdict) => NetworkStanding { state: case.state, verdict: Some(verdict) },
            Some(_) => NetworkStanding::default(),
            None => NetworkStanding { state: case.state, verdict: None },
        }
    }

    /// How many of some accounts bear a label.
    fn labelled(&self, members: &[&str], label: Label) -> usize {
        members.iter().filter(|account| self.label_of(account) == Some(label)).count()
    }
}

/// The case that shares at least half of its or these members.
pub(crate) fn case_about<'a>(dataset: &Dataset, cases: &'a Cases, members: &[AccountId]) -> Option<&'a Case> {
    if cases.cases().is_empty() {
        return None;
    }
    cases.case_of_members(members.iter().map(|&account| dataset.account_name(account)))
}

/// Whether a case was found to be a network (true) or harmless, if it was decided. One that is closed keeps the verdict on
/// its accounts.
pub(crate) fn verdict_of(cases: &Cases, case: &Case) -> Option<bool> {
    let most = |label: Label| {
        let labelled = case.members.iter().filter(|member| cases.label_of(member) == Some(label)).count();
        labelled > 0 && 2 * labelled >= case.members.len()
    };
    match case.state {
        State::Confirmed => Some(true),
        State::Rejected => Some(false),
        State::Closed if most(Label::Confirmed) => Some(true),
        State::Closed if most(Label::Rejected) => Some(false),
        _ => None,
    }
}

/// Accounts as `members` lists them, with their labels: all, or those that belong to a network, and with `touching` also those
/// that only touch it and are no members.
///
/// # Errors
/// As [`Labelling::networks`].
pub fn label_members<'a>(
    dataset: &'a Dataset,
    results: &'a Labelling,
    cases: &'a Cases,
    network: Option<usize>,
    touching: bool,
) -> Result<impl Iterator<Item = Labelled> + 'a, Error> {
    let belongs = move |account: AccountId| results.membership_of(account).is_some_and(|(_, how)| how.belongs());
    let is_listed = move |&account: &AccountId| network.is_none() || touching || belongs(account);
    let accounts = query::accounts_of(dataset, results, network)?.filter(is_listed);
    Ok(accounts.map(move |account| label_member(dataset, results, cases, account)))
}

/// One account as `members` lists it, with its label.
pub(crate) fn label_member(dataset: &Dataset, results: &Labelling, cases: &Cases, account: AccountId) -> Labelled {
    let label = cases.label_of(dataset.account_name(account));
    Labelled { member: query::member(dataset, results, account), label }
}

/// Accounts as an answer lists them that needs no detection.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Listed {
    /// With their labels.
    Labelled(Vec<Labelled>),
    /// Where nothing was detected.
    Named(Vec<Named>),
}

/// An account of which nothing more is known.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Named {
    /// The account.
    pub account_id: String,
}

/// Accounts as `members` lists them, with their labels, or by their names alone where nothing was detected.
///
/// # Errors
/// [`Error::CaseLog`] if the log's chain is broken.
pub fn list_accounts(dataset: &Dataset, results: Option<&Labelling>, accounts: &[AccountId]) -> Result<Listed, Error> {
    dataset.check(results, accounts.iter().copied().map(Node::Account))?;
    let accounts = accounts.iter().copied();
    let Some(results) = results else {
        let named = |account| Named { account_id: dataset.shown_account(account).into_owned() };
        return Ok(Listed::Named(accounts.map(named).collect()));
    };
    let cases = dataset.cases()?;
    Ok(Listed::Labelled(accounts.map(|account| label_member(dataset, results, &cases, account)).collect()))
}

/// Accounts and identifiers (by number) that decisions made known-good.
pub(crate) fn known_good(dataset: &Dataset, cases: &Cases) -> (Vec<u32>, Vec<u32>) {
    let accounts = 0..dataset.graph().account_count() as u32;
    let found = |name: &str| dataset.account_names().find(accounts.clone(), name);
    let identifier = |label: &str| dataset.identifier_of(label);
    (cases.rejected_accounts().filter_map(found).collect(), cases.rejected_identifiers().filter_map(identifier).collect())
}

/// By account: whether it was confirmed.
pub(crate) fn confirmed(dataset: &Dataset, cases: &Cases) -> Vec<bool> {
    let count = dataset.graph().account_count();
    let mut flags = vec![false; count];
    for account in cases.confirmed_accounts().filter_map(|name| dataset.account_names().find(0..count as u32, name)) {
        flags[account as usize] = true;
    }
    flags
}
