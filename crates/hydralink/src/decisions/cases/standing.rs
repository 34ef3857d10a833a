//! Where does every case and every account stand?

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ahash::RandomState;
use serde::Serialize;

use super::record::{Action, State, Subject};

/// One line of the log, with the names that weren't erased.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LogEntry {
    /// 1 for the first.
    pub seq: u64,
    /// RFC 3339.
    pub at: String,
    /// What was done.
    pub action: Action,
    /// The state that a case was moved to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// A network's id, or `KIND:VALUE`; empty for a decision about the store, `(erased)` for an erased name.
    pub target: String,
    /// What the target is told by: of an erased name its commitment, which isn't anybody else's.
    #[serde(skip)]
    pub(super) identity: String,
    /// Who decided.
    pub reviewer: String,
    /// Why, as a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Accounts that it is about.
    pub accounts: u64,
    /// Identifiers that it is about.
    pub identifiers: u64,
    /// Why, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The number that a policy sets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub four_eyes: Option<u64>,
    /// Hash of the record.
    pub hash: String,
}

/// A case as it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Case {
    /// Id of the network at the latest decision, or `KIND:VALUE`.
    pub case: String,
    /// Where it stands.
    pub state: State,
    /// Accounts of the latest decision about it.
    pub accounts: u64,
    /// Accounts that wait for a second reviewer.
    pub awaiting: u64,
    /// Who decided last.
    pub reviewer: String,
    /// The last reason given.
    pub reason: Option<String>,
    /// When it was opened.
    pub opened: String,
    /// When it was last decided about.
    pub updated: String,
    /// Records about it.
    pub records: u64,
    /// Names of its accounts at the latest decision.
    #[serde(skip)]
    pub(crate) members: BTreeSet<String>,
    /// Labels of the identifiers of the latest decision.
    #[serde(skip)]
    pub(crate) identifiers: BTreeSet<String>,
    #[serde(skip)]
    pub(crate) subject: Option<Subject>,
    /// Ids that the network had; of an erased name what it is told by.
    #[serde(skip)]
    pub(super) ids: BTreeSet<String>,
    /// By reviewer: accounts that they confirmed in this case.
    #[serde(skip)]
    pub(super) confirmed_by: BTreeMap<String, BTreeSet<String>>,
}

/// What was decided about an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Label {
    /// The operator's.
    Confirmed,
    /// Harmless.
    Rejected,
    /// Confirmed by one reviewer, and waits for a second.
    Awaiting,
}

impl Label {
    /// The word used in every output.
    pub fn name(self) -> &'static str {
        match self {
            Label::Confirmed => "confirmed",
            Label::Rejected => "rejected",
            Label::Awaiting => "awaiting",
        }
    }
}

/// How one account stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) rejected: bool,
    /// Confirmed by one reviewer among few enough.
    pub(super) alone: bool,
    pub(super) votes: BTreeSet<String>,
    /// The counts of [`Cases::confirmed_of`] that it is in.
    pub(super) counted: BTreeSet<ReviewerOf>,
}

/// A reviewer, and a network's id or nothing.
pub(super) type ReviewerOf = (String, String);

impl Standing {
    pub(super) fn is_confirmed(&self) -> bool {
        !self.rejected && (self.alone || self.votes.len() >= 2)
    }
}

/// All decisions of a store, as they stand.
#[derive(Clone, Debug)]
pub struct Cases {
    pub(super) entries: Vec<LogEntry>,
    pub(super) cases: Vec<Case>,
    pub(super) accounts: BTreeMap<String, Standing>,
    /// By the subject and id of any decision the case that it is of.
    pub(super) case_of_id: HashMap<(Subject, String), usize, RandomState>,
    /// By name of an account the cases of networks that it is a member of.
    pub(super) cases_of_member: HashMap<String, BTreeSet<usize>, RandomState>,
    /// By reviewer and network (or none) how many accounts they confirmed, with it or one by one, that nobody took back since.
    pub(super) confirmed_of: BTreeMap<ReviewerOf, u64>,
    /// By label of an identifier the cases, as indices, by which it is harmless; none where that was taken back.
    pub(super) identifiers: BTreeMap<String, BTreeSet<usize>>,
    pub(super) four_eyes: u64,
    pub(super) four_eyes_votes: Option<(u64, String)>,
    pub(super) torn: u64,
}

impl Cases {
    /// All cases, in the order in which they were opened.
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }

    /// The log, oldest first.
    pub fn entries(&self) -> &[LogEntry] {
        &self.entries
    }

    /// The log of one case, oldest first.
    pub fn log_of<'a>(&'a self, case: &'a Case) -> impl Iterator<Item = &'a LogEntry> {
        self.entries.iter().filter(|entry| case.ids.contains(&entry.identity))
    }

    /// Accounts that one reviewer may confirm in one case.
    pub fn four_eyes(&self) -> u64 {
        self.four_eyes
    }

    /// Bytes of an unfinished last line.
    pub fn torn_bytes(&self) -> u64 {
        self.torn
    }

    /// The case of a network's id, as it was at any decision, or of `KIND:VALUE`.
    pub fn case_of(&self, id: &str) -> Option<&Case> {
        let lower = id.to_ascii_lowercase();
        let network = lower.strip_prefix("pn-").map(|digits| format!("PN-{digits}"));
        let id = network.as_deref().unwrap_or(id);
        let subjects = [Subject::Network, Subject::Account, Subject::Identifier, Subject::Store];
        let at = subjects.iter().filter_map(|&subject| self.case_of_id.get(&(subject, id.to_owned()))).max()?;
        Some(&self.cases[*at])
    }

    /// The case that shares at least half of either's members with these; the one that shares most, ties to the later.
    pub(crate) fn case_of_members<'a>(&self, members: impl Iterator<Item = &'a str>) -> Option<&Case> {
        self.nearest(members).map(|at| &self.cases[at])
    }

    /// What was decided about an account, if anything.
    pub fn label_of(&self, account: &str) -> Option<Label> {
        let standing = self.accounts.get(account)?;
        match standing {
            Standing { rejected: true, .. } => Some(Label::Rejected),
            standing if standing.is_confirmed() => Some(Label::Confirmed),
            standing => (!standing.votes.is_empty()).then_some(Label::Awaiting),
        }
    }

    /// Accounts that were confirmed, ascending by name.
    pub fn confirmed_accounts(&self) -> impl Iterator<Item = &str> {
        self.accounts.iter().filter(|(_, standing)| standing.is_confirmed()).map(|(name, _)| name.as_str())
    }

    /// Accounts that were found harmless, ascending by name.
    pub fn rejected_accounts(&self) -> impl Iterator<Item = &str> {
        self.accounts.iter().filter(|(_, standing)| standing.rejected).map(|(name, _)| name.as_str())
    }

    /// Identifiers (`KIND:VALUE`) that were found harmless, ascending.
    pub fn rejected_identifiers(&self) -> impl Iterator<Item = &str> {
        self.identifiers.iter().filter(|(_, cases)| !cases.is_empty()).map(|(name, _)| name.as_str())
    }

    /// The case of a network that shares most with these members, each named once.
    pub(super) fn nearest<'a>(&self, members: impl Iterator<Item = &'a str>) -> Option<usize> {
        let (mut shared, mut all) = (BTreeMap::<usize, usize>::new(), 0);
        for member in members {
            all += 1;
            self.cases_of_member.get(member).into_iter().flatten().for_each(|&at| *shared.entry(at).or_default() += 1);
        }
        shared
            .into_iter()
            .map(|(at, shared)| (shared, at))
            .filter(|&(shared, at)| 2 * shared >= self.cases[at].members.len().min(all))
            .max()
            .map(|(_, at)| at)
    }
}
