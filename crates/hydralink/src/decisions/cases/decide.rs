//! Writing a decision: what it is about is looked up, checked, and put into the log.

use events::normalise::payment::holds_card_number;
use graph::{AccountId, IdentifierId};

use super::log;
use super::record::{Action, Kind, Opening, Record, State, Subject};
use super::standing::Cases;
use crate::dataset::{Dataset, in_brackets};
use crate::detect::last::not_detected;
use crate::error::Error;
use crate::lineage;
use crate::node::Node;
use crate::options::{REASON, REVIEWER};
use crate::results::Labelling;
use crate::store;

/// Longest remark.
const MAX_TEXT: usize = 10_000;

/// A decision to be written.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    /// What is done: confirm, reject, note or state.
    pub action: Action,
    /// The state that the case moves to; with [`Action::State`] only.
    pub state: Option<State>,
    /// A network's id (`PN-...`) or a node (`account:ID`, `KIND:VALUE`).
    pub target: &'a str,
    /// Who decides.
    pub reviewer: &'a str,
    /// Why, as a code; confirming and rejecting need one.
    pub reason: Option<&'a str>,
    /// Why, in words.
    pub text: Option<&'a str>,
}

/// Writes a decision into the store's log and returns all decisions with it.
///
/// # Errors
/// [`Error::Unknown`] for a network or node that isn't there, [`Error::Usage`] for a missing reason or a name that can't be
/// one, [`Error::CaseLog`] if the chain is broken.
pub fn decide(dataset: &Dataset, decision: &Decision<'_>) -> Result<Cases, Error> {
    check(decision)?;
    let results = dataset.labelling_if_any()?;
    let chain = log::append(dataset.path(), |chain| {
        check_names(dataset, chain)?;
        let about = about(dataset, results.as_ref(), &Cases::of_chain(chain), decision)?;
        let mut openings = Vec::new();
        let mut commit = |kind, value: &str| -> Result<_, Error> {
            let opening = Opening::new(kind, value)?;
            let commitment = opening.commitment();
            openings.push(opening);
            Ok(commitment)
        };
        let record = Record {
            state: decision.state,
            subject: about.subject,
            network: about.network,
            reason: decision.reason.map(str::to_owned),
            accounts: about.accounts.iter().map(|name| commit(Kind::Account, name)).collect::<Result<_, _>>()?,
            identifiers: about.identifiers.iter().map(|name| commit(Kind::Identifier, name)).collect::<Result<_, _>>()?,
            text: decision.text.map(|text| commit(Kind::Text, text)).transpose()?,
            ..blank(decision.action, decision.reviewer)
        };
        Ok((record, openings))
    })?;
    Ok(Cases::of_chain(&chain))
}

/// Refuses to write names that the store no longer has, as an erasure or a change of its key replaced them since it was opened, or is
/// about to: what is written under the log's lock before either reads the log is erased or renamed with the rest.
fn check_names(dataset: &Dataset, chain: &log::Chain) -> Result<(), Error> {
    let store = dataset.path().to_owned();
    if dataset.store().has_other_names_now()? {
        return Err(Error::StoreChanged { store });
    }
    let key = dataset.manifest().key_id.as_deref().unwrap_or_default();
    let mut renamed = chain.records.iter().rev().map(|(record, _)| record).filter(|record| record.action == Action::Rekey);
    let is_left = renamed.next().and_then(|record| record.reason.as_deref()).is_some_and(|keys| keys.starts_with(key));
    if is_left && store::is_being_written(&store) { Err(Error::StoreBusy { store, process: None }) } else { Ok(()) }
}

/// Sets the number of accounts that one reviewer may confirm in one case. Raising it takes effect when a second reviewer sets
/// the same.
///
/// # Errors
/// As [`decide`].
pub fn set_four_eyes(dataset: &Dataset, accounts: u64, reviewer: &str) -> Result<Cases, Error> {
    check_reviewer(reviewer)?;
    let chain = log::append(dataset.path(), |_| Ok(policy_record(accounts, reviewer)))?;
    Ok(Cases::of_chain(&chain))
}

pub(crate) fn policy_record(accounts: u64, reviewer: &str) -> (Record, Vec<Opening>) {
    (Record { four_eyes: Some(accounts), ..blank(Action::Policy, reviewer) }, Vec::new())
}

/// Writes that accounts were erased, or that they may come back: how many, not which.
pub(crate) fn log_erasure(store: &std::path::Path, action: Action, accounts: usize, reviewer: &str) -> Result<(), Error> {
    let reason = Some(format!("{accounts}_accounts"));
    log::append(store, |_| Ok((Record { reason, ..blank(action, reviewer) }, Vec::new()))).map(drop)
}

fn blank(action: Action, reviewer: &str) -> Record {
    Record {
        v: 1,
        seq: 0,
        at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        action,
        state: None,
        subject: Subject::Store,
        network: None,
        reviewer: reviewer.trim().to_owned(),
        reason: None,
        four_eyes: None,
        accounts: Vec::new(),
        identifiers: Vec::new(),
        text: None,
        renamed: Vec::new(),
        set_aside: None,
        prev: String::new(),
    }
}

/// What a decision is about.
struct About {
    subject: Subject,
    network: Option<String>,
    accounts: Vec<String>,
    identifiers: Vec<String>,
}

fn about(dataset: &Dataset, results: Option<&Labelling>, cases: &Cases, decision: &Decision<'_>) -> Result<About, Error> {
    let target = decision.target;
    if !target.to_ascii_uppercase().starts_with("PN-") {
        let node = dataset.node(target).map_err(|error| ranked(results, target).unwrap_or(error))?;
        return about_node(dataset, results, node, decision.action);
    }
    let current = results.and_then(|results| Some((results, results.network_index(target)?)));
    match (current, cases.case_of(target)) {
        (Some((results, network)), _) => {
            let members = results.belonging(network);
            let accounts: Vec<String> = members.iter().map(|&account| dataset.account_name(account).to_owned()).collect();
            refuse_known_good(dataset, &members, decision.action)?;
            let own = results.network_of_identifier.iter().enumerate().filter(|&(_, &owner)| owner as usize == network);
            let identifiers = own.map(|(identifier, _)| dataset.stored_label(IdentifierId(identifier as u32))).collect();
            let (subject, id) = (Subject::Network, results.head(network).id.clone());
            Ok(match decision.action {
                Action::Confirm => About { subject, network: Some(id), accounts, identifiers: Vec::new() },
                Action::Note => About { subject, network: Some(id), accounts: Vec::new(), identifiers: Vec::new() },
                _ => About { subject, network: Some(id), accounts, identifiers },
            })
        }
        // A rejected network isn't found again: its case still knows its members.
        (_, Some(case)) => Ok(About {
            subject: Subject::Network,
            network: Some(case.case.clone()),
            accounts: if decision.action == Action::Note { Vec::new() } else { case.members.iter().cloned().collect() },
            identifiers: match decision.action {
                Action::Note | Action::Confirm => Vec::new(),
                _ => case.identifiers.iter().cloned().collect(),
            },
        }),
        (None, None) => Err(results.map_or_else(
            || not_detected(dataset),
            // The log is open for writing, and not read once more.
            |results| lineage::not_found(dataset, results, Some(cases), target),
        )),
    }
}

/// A decision outlasts the ranks: a rank is answered with the id that it stands for now.
fn ranked(results: Option<&Labelling>, target: &str) -> Option<Error> {
    target.parse::<u32>().ok()?;
    let network = results?.network_index(target)?;
    let id = &results?.head(network).id;
    Some(Error::Usage(format!("{target} is a rank, which the next detection may give to another network: name it as {id}")))
}

fn about_node(dataset: &Dataset, results: Option<&Labelling>, node: Node, action: Action) -> Result<About, Error> {
    Ok(match node {
        Node::Account(account) => {
            refuse_known_good(dataset, &[account], action)?;
            About {
                subject: Subject::Account,
                network: results.and_then(|results| Some(results.flagged_network_of(account)?.0.id.clone())),
                accounts: vec![dataset.account_name(account).to_owned()],
                identifiers: Vec::new(),
            }
        }
        Node::Identifier(identifier) => About {
            subject: Subject::Identifier,
            network: None,
            accounts: Vec::new(),
            identifiers: vec![dataset.stored_label(identifier)],
        },
    })
}

/// An account can't be on the allow list that the store was built with and be confirmed.
fn refuse_known_good(dataset: &Dataset, accounts: &[AccountId], action: Action) -> Result<(), Error> {
    let listed = &dataset.tables().allowed_accounts;
    // Members are listed in ascending order.
    let among = |account: u32| accounts.binary_search(&AccountId(account)).ok().map(|at| &accounts[at]);
    match (action, listed.iter().find_map(|(account, reason)| Some((among(*account)?, reason)))) {
        (Action::Confirm, Some((account, reason))) => {
            Err(Error::KnownGood { account: dataset.account_name(*account).to_owned(), reason: in_brackets(reason) })
        }
        _ => Ok(()),
    }
}

fn check(decision: &Decision<'_>) -> Result<(), Error> {
    check_reviewer(decision.reviewer)?;
    let needs_reason = matches!(decision.action, Action::Confirm | Action::Reject);
    let usage = |text: &str| Err(Error::Usage(text.to_owned()));
    match decision.reason {
        None if needs_reason => {
            return usage(&format!(
                "confirming and rejecting need {REASON} CODE, for instance shared_cards, campus or enterprise"
            ));
        }
        Some(code) if !is_code(code) => {
            return usage("a reason is a code of at most 64 small letters, digits, _ - and .; put words after it, as text");
        }
        _ => {}
    }
    match (decision.action, decision.text) {
        (Action::Note, None) => usage("a note needs its text"),
        (_, Some(text)) if text.len() > MAX_TEXT => usage("the text is longer than 10,000 bytes"),
        (_, Some(text)) if holds_card_number(text) => {
            usage("the text holds what looks like a card number; nothing was written: name the payment token instead")
        }
        _ => Ok(()),
    }
}

/// Writes down that accounts and identifiers have other names from now on, by their `KIND:VALUE`. Their old openings stay until
/// [`super::erase_renamed`]. Returns how many were renamed; nothing is written for a log without names.
pub(crate) fn log_renaming(
    store: &std::path::Path,
    reviewer: &str,
    reason: String,
    renamed: impl Fn(&str) -> Option<String>,
) -> Result<u64, Error> {
    if log::read(store)?.records.is_empty() {
        return Ok(0);
    }
    let mut count = 0;
    log::append(store, |chain| {
        let mut named: Vec<_> =
            chain.names.iter().filter(|(commitment, opening)| opening.commitment() == **commitment).collect();
        named.sort_by(|one, other| one.0.cmp(other.0));
        let (mut openings, mut pairs) = (Vec::new(), Vec::new());
        for (commitment, opening) in named {
            if let Some(name) = opening.renamed(&renamed) {
                let opening = Opening::new(opening.kind, &name)?;
                pairs.push((commitment.clone(), opening.commitment()));
                openings.push(opening);
            }
        }
        count = pairs.len() as u64;
        Ok((Record { renamed: pairs, reason: Some(reason), ..blank(Action::Rekey, reviewer) }, openings))
    })?;
    Ok(count)
}

pub(crate) fn check_reviewer(reviewer: &str) -> Result<(), Error> {
    let name = reviewer.trim();
    if name.is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
        return Err(Error::Usage(format!("{REVIEWER} takes the name of the person who decides, at most 100 bytes")));
    }
    Ok(())
}

fn is_code(code: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.".contains(&byte);
    (1..=64).contains(&code.len()) && code.bytes().all(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A decision that was begun before an erasure doesn't bring the name back.
    #[test]
    fn names_that_the_store_has_no_longer_are_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = crate::testing::store_of_events(folder.path(), "store", &[(1, 1, 0, 10), (2, 1, 0, 20)]);
        let dataset = Dataset::open(&path).unwrap();
        let note =
            |target| Decision { action: Action::Note, state: None, target, reviewer: "ann", reason: None, text: Some("seen") };
        decide(&dataset, &note("account:acct0002")).unwrap();
        let gone = crate::node::Name::Account("acct0001".to_owned());
        crate::privacy::forget(&path, &[gone], None, "ann", &crate::observe::Unobserved).unwrap();
        let refused = decide(&dataset, &note("account:acct0001")).unwrap_err();
        assert!(matches!(refused, Error::StoreChanged { .. }), "{refused}");
        assert!(!std::fs::read_to_string(path.join("CASES.names.jsonl")).unwrap().contains("acct0001"));
        decide(&Dataset::open(&path).unwrap(), &note("account:acct0002")).unwrap();
    }

    #[test]
    fn what_a_decision_lacks_is_said() {
        let decision =
            Decision { action: Action::Confirm, state: None, target: "PN-1", reviewer: "ann", reason: None, text: None };
        let message = |decision: &Decision<'_>| check(decision).map_or_else(|error| error.to_string(), |()| String::new());
        assert!(message(&decision).contains("`reason`"));
        assert_eq!(message(&Decision { reason: Some("shared_cards"), ..decision }), "");
        assert!(message(&Decision { reason: Some("Two Words"), ..decision }).contains("code"));
        assert!(message(&Decision { reviewer: "  ", ..decision }).contains("`reviewer`"));
        assert!(message(&Decision { action: Action::Note, ..decision }).contains("text"));
    }
}
