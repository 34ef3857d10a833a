//! How do the records of the log, one after the other, make every case and every account stand as it does?

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::log::{self, Chain};
use super::record::{Action, Commitment, Record, State, Subject};
use super::standing::{Case, Cases, LogEntry, Standing};
use crate::error::Error;

/// Accounts that one reviewer may confirm in one case, and one by one of one network, or of none, unless the log says otherwise.
pub const FOUR_EYES: u64 = 100;

/// What stands for a name or a remark that was erased.
const ERASED: &str = "(erased)";

impl Cases {
    /// Reads the decisions of a store; none if there is no log.
    ///
    /// # Errors
    /// [`Error::CaseLog`] if the chain is broken: nothing that follows is then to be trusted.
    pub fn open(store: &std::path::Path) -> Result<Self, Error> {
        Ok(Cases::of_chain(&log::read(store)?))
    }

    /// The decisions of a store as they stood after so many records of its log, under the names that they have now.
    ///
    /// # Errors
    /// As [`Cases::open`].
    pub(crate) fn open_until(store: &std::path::Path, records: u64) -> Result<Self, Error> {
        let mut chain = log::read(store)?;
        chain.records.truncate(records as usize);
        Ok(Cases::of_chain(&chain))
    }

    /// The decisions of a store under other names, as they will be read once the log has these.
    pub(crate) fn renamed(store: &std::path::Path, renamed: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let mut chain = log::read(store)?;
        for opening in chain.names.values_mut() {
            if let Some(name) = opening.renamed(&renamed) {
                opening.value = name;
            }
        }
        Ok(Cases::of_chain(&chain))
    }

    pub(crate) fn of_chain(chain: &Chain) -> Self {
        let mut cases = Cases {
            entries: Vec::with_capacity(chain.records.len()),
            cases: Vec::new(),
            accounts: BTreeMap::new(),
            case_of_id: HashMap::default(),
            cases_of_member: HashMap::default(),
            confirmed_of: BTreeMap::new(),
            identifiers: BTreeMap::new(),
            four_eyes: FOUR_EYES,
            four_eyes_votes: None,
            torn: chain.torn.len() as u64,
        };
        for (record, hash) in &chain.records {
            cases.apply(chain, record, hash);
        }
        cases
    }

    fn apply(&mut self, chain: &Chain, record: &Record, hash: &str) {
        let opened = |names: &[Commitment]| -> BTreeSet<String> {
            names.iter().filter_map(|name| Some(chain.names.get(name)?.value.clone())).collect()
        };
        let (accounts, identifiers) = (opened(&record.accounts), opened(&record.identifiers));
        let (named, commitment) = match record.subject {
            Subject::Network => (Some(record.network.clone().unwrap_or_default()), None),
            Subject::Account => (accounts.first().map(|account| format!("account:{account}")), record.accounts.first()),
            Subject::Identifier => (identifiers.first().cloned(), record.identifiers.first()),
            Subject::Store => (Some(String::new()), None),
        };
        let erased = || commitment.map_or_else(|| ERASED.to_owned(), |commitment| format!("{ERASED} {}", commitment.0));
        let identity = named.clone().unwrap_or_else(erased);
        let target = named.unwrap_or_else(|| ERASED.to_owned());
        self.entries.push(LogEntry {
            seq: record.seq,
            at: record.at.clone(),
            action: record.action,
            state: record.state,
            target: target.clone(),
            identity: identity.clone(),
            reviewer: record.reviewer.clone(),
            reason: record.reason.clone(),
            accounts: record.accounts.len() as u64,
            identifiers: record.identifiers.len() as u64,
            text: record.text.as_ref().map(|text| chain.names.get(text).map_or(ERASED.to_owned(), |text| text.value.clone())),
            four_eyes: record.four_eyes,
            hash: hash.to_owned(),
        });
        match record.subject {
            Subject::Store => self.apply_policy(record),
            _ => self.apply_decision(record, (target, identity), accounts, identifiers),
        }
    }

    /// Lowering the number of accounts is anyone's; raising it takes two.
    fn apply_policy(&mut self, record: &Record) {
        let Some(wanted) = record.four_eyes else { return };
        let seconded =
            self.four_eyes_votes.as_ref().is_some_and(|(value, reviewer)| *value == wanted && *reviewer != reviewer_of(record));
        if wanted <= self.four_eyes || seconded {
            self.four_eyes = wanted;
            self.four_eyes_votes = None;
        } else {
            self.four_eyes_votes = Some((wanted, reviewer_of(record)));
        }
    }

    fn apply_decision(
        &mut self,
        record: &Record,
        (target, identity): (String, String),
        accounts: BTreeSet<String>,
        identifiers: BTreeSet<String>,
    ) {
        let at = self.case_at(record, &identity, &accounts);
        let reviewer = reviewer_of(record);
        if record.action == Action::Confirm {
            let mine = self.cases[at].confirmed_by.entry(reviewer.clone()).or_default();
            mine.extend(accounts.iter().cloned());
            let of_network = (reviewer.clone(), record.network.clone().unwrap_or_default());
            let one_by_one = self.confirmed_of.entry(of_network.clone()).or_default();
            for account in &accounts {
                let standing = self.accounts.entry(account.clone()).or_default();
                if standing.rejected {
                    *standing = Standing::default();
                }
                standing.votes.insert(reviewer.clone());
                *one_by_one += u64::from(standing.counted.insert(of_network.clone()));
            }
            if (mine.len() as u64).max(*one_by_one) <= self.four_eyes {
                for account in &accounts {
                    self.accounts.entry(account.clone()).or_default().alone = true;
                }
            }
        }
        let verdict = match (record.action, record.state) {
            (Action::Confirm, _) => Some(Standing::default()),
            (Action::Reject, _) => Some(Standing { rejected: true, ..Standing::default() }),
            (Action::State, Some(State::New | State::Triage | State::Monitoring)) => Some(Standing::default()),
            _ => None,
        };
        if let Some(verdict) = verdict {
            self.judge_identifiers(record, at, verdict.rejected, &identifiers);
            if record.action != Action::Confirm {
                for account in &accounts {
                    let before = self.accounts.insert(account.clone(), verdict.clone()).unwrap_or_default();
                    for of_network in before.counted {
                        *self.confirmed_of.entry(of_network).or_default() -= 1;
                    }
                }
                self.cases[at].confirmed_by.clear();
            }
        }
        let waits = |account: &&String| self.accounts.get(*account).is_none_or(|standing| !standing.is_confirmed());
        let awaiting = if record.action == Action::Confirm { accounts.iter().filter(waits).count() as u64 } else { 0 };
        self.case_of_id.insert((record.subject, identity.clone()), at);
        let case = &mut self.cases[at];
        match (record.action, record.state) {
            // The accounts that a network gained since the first reviewer looked don't hold the case up.
            (Action::Confirm, _) => {
                let held_up = 2 * awaiting >= accounts.len() as u64 && awaiting > 0;
                case.state = if held_up { State::Triage } else { State::Confirmed };
                case.awaiting = awaiting;
            }
            (Action::Reject, _) => (case.state, case.awaiting) = (State::Rejected, 0),
            (Action::State, Some(state)) => (case.state, case.awaiting) = (state, 0),
            _ => {}
        }
        case.reviewer.clone_from(&record.reviewer);
        case.updated.clone_from(&record.at);
        case.records += 1;
        if record.reason.is_some() {
            case.reason.clone_from(&record.reason);
        }
        case.case = target;
        case.ids.insert(identity);
        if record.action != Action::Note {
            case.accounts = record.accounts.len() as u64;
            let before = std::mem::replace(&mut case.members, accounts);
            // To confirm a network says nothing of its identifiers, which the case still knows if it is rejected once more.
            if record.action != Action::Confirm || !identifiers.is_empty() {
                case.identifiers = identifiers;
            }
            self.count_members(at, &before);
        }
    }

    /// Takes note of the members that a case has, and had before.
    fn count_members(&mut self, at: usize, before: &BTreeSet<String>) {
        let case = &self.cases[at];
        if case.subject != Some(Subject::Network) {
            return;
        }
        for gone in before.difference(&case.members) {
            self.cases_of_member.entry(gone.clone()).or_default().remove(&at);
        }
        for member in &case.members {
            self.cases_of_member.entry(member.clone()).or_default().insert(at);
        }
    }

    /// Identifiers are harmless by the cases that found them so. What is said of one itself goes for all of them; what is said of a
    /// network takes back what was said by its own case.
    fn judge_identifiers(&mut self, record: &Record, at: usize, rejected: bool, named: &BTreeSet<String>) {
        if rejected {
            for identifier in named {
                self.identifiers.entry(identifier.clone()).or_default().insert(at);
            }
            return;
        }
        for identifier in named.iter().chain(&self.cases[at].identifiers) {
            if let Some(cases) = self.identifiers.get_mut(identifier) {
                if record.subject == Subject::Identifier {
                    cases.clear();
                } else {
                    cases.remove(&at);
                }
            }
        }
    }

    /// The case that a record belongs to, opened if there is none.
    fn case_at(&mut self, record: &Record, identity: &str, accounts: &BTreeSet<String>) -> usize {
        let same = self.case_of_id.get(&(record.subject, identity.to_owned())).copied();
        let near = || if record.subject == Subject::Network { self.nearest(accounts.iter().map(String::as_str)) } else { None };
        if let Some(at) = same.or_else(near) {
            return at;
        }
        self.cases.push(Case {
            case: String::new(),
            state: State::New,
            accounts: record.accounts.len() as u64,
            awaiting: 0,
            reviewer: String::new(),
            reason: None,
            opened: record.at.clone(),
            updated: String::new(),
            records: 0,
            members: accounts.clone(),
            identifiers: BTreeSet::new(),
            subject: Some(record.subject),
            ids: BTreeSet::new(),
            confirmed_by: BTreeMap::new(),
        });
        let at = self.cases.len() - 1;
        self.count_members(at, &BTreeSet::new());
        at
    }
}

/// Two spellings of one name are one reviewer.
fn reviewer_of(record: &Record) -> String {
    record.reviewer.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::super::record::{Kind, Opening};
    use super::*;

    /// Records in order, each (action, state, network, reviewer, accounts).
    type Step<'a> = (Action, Option<State>, &'a str, &'a str, std::ops::Range<u32>);

    fn fold(steps: &[Step<'_>]) -> Cases {
        let mut chain = Chain::default();
        for (at, (action, state, network, reviewer, accounts)) in steps.iter().enumerate() {
            let mut commit = |value: &str, kind| {
                let opening = Opening::new(kind, value).unwrap();
                let commitment = opening.commitment();
                chain.names.insert(commitment.clone(), opening);
                commitment
            };
            let record = Record {
                v: 1,
                seq: at as u64 + 1,
                at: format!("2026-03-01T00:00:{at:02}Z"),
                action: *action,
                state: *state,
                subject: Subject::Network,
                network: Some((*network).to_owned()),
                reviewer: (*reviewer).to_owned(),
                reason: None,
                four_eyes: None,
                accounts: accounts.clone().map(|account| commit(&format!("u{account:05}"), Kind::Account)).collect(),
                // As they are written: to confirm a network names accounts alone.
                identifiers: match action {
                    Action::Confirm => Vec::new(),
                    _ => vec![commit(&format!("ip:of {network}"), Kind::Identifier)],
                },
                text: None,
                renamed: Vec::new(),
                set_aside: None,
                prev: String::new(),
            };
            chain.records.push((record, at.to_string()));
        }
        Cases::of_chain(&chain)
    }

    fn count(cases: &Cases) -> (usize, usize) {
        (cases.confirmed_accounts().count(), cases.rejected_accounts().count())
    }

    #[test]
    fn the_last_decision_counts() {
        use Action::*;
        let confirm: Step<'_> = (Confirm, None, "PN-1", "ann", 0..10);
        let reject: Step<'_> = (Reject, None, "PN-1", "ann", 0..10);
        let state = |state| -> Step<'_> { (Action::State, Some(state), "PN-1", "ann", 0..10) };
        let ends = |steps: &[Step<'_>]| (count(&fold(steps)), fold(steps).cases()[0].state);
        assert_eq!(ends(std::slice::from_ref(&confirm)), ((10, 0), super::State::Confirmed));
        assert_eq!(ends(&[confirm.clone(), reject.clone()]), ((0, 10), super::State::Rejected));
        assert_eq!(ends(&[reject.clone(), confirm.clone()]), ((10, 0), super::State::Confirmed));
        assert_eq!(ends(&[reject.clone(), state(super::State::Closed)]), ((0, 10), super::State::Closed));
        assert_eq!(ends(&[reject.clone(), state(super::State::Monitoring)]), ((0, 0), super::State::Monitoring));
        assert_eq!(ends(&[reject.clone(), (Note, None, "PN-1", "bob", 0..0)]), ((0, 10), super::State::Rejected));

        // Its identifiers stayed harmless when a rejected network was confirmed, and the next detection lost it.
        let harmless = |steps: &[Step<'_>]| fold(steps).rejected_identifiers().count();
        assert_eq!(harmless(std::slice::from_ref(&reject)), 1);
        assert_eq!(harmless(&[reject.clone(), confirm.clone()]), 0);
        assert_eq!(harmless(&[reject.clone(), confirm, reject.clone()]), 1);
        assert_eq!(harmless(&[reject.clone(), state(super::State::New)]), 0);
        assert_eq!(harmless(&[reject, (Confirm, None, "PN-2", "ann", 50..60)]), 1, "what another case says stays");
    }

    /// Two people's cases were one, with the one's notes in the other's, once both had been erased.
    #[test]
    fn the_cases_of_two_who_were_erased_stay_two() {
        let mut chain = Chain::default();
        let mut record = |action, account: &Opening, erased: bool| {
            if !erased {
                chain.names.insert(account.commitment(), account.clone());
            }
            let (policy, _) = super::super::decide::policy_record(1, "ann");
            let record = Record { action, subject: Subject::Account, accounts: vec![account.commitment()], ..policy };
            chain.records.push((Record { four_eyes: None, ..record }, String::new()));
        };
        let account = |name| Opening::new(Kind::Account, name).unwrap();
        let (one, other, kept) = (account("u1"), account("u2"), account("u3"));
        record(Action::Note, &one, true);
        record(Action::Reject, &one, true);
        record(Action::Note, &other, true);
        record(Action::Note, &kept, false);
        let cases = Cases::of_chain(&chain);
        let shown: Vec<_> = cases.cases().iter().map(|case| (case.case.as_str(), case.state, case.records)).collect();
        let expected = [(ERASED, State::Rejected, 2), (ERASED, State::New, 1), ("account:u3", State::New, 1)];
        assert_eq!(shown, expected);
        assert_eq!(cases.log_of(&cases.cases()[1]).count(), 1);
    }

    #[test]
    fn many_accounts_need_two_reviewers() {
        use Action::Confirm;
        let ends = |steps: &[Step<'_>]| {
            let cases = fold(steps);
            (count(&cases).0, cases.cases()[0].state, cases.cases()[0].awaiting)
        };
        assert_eq!(ends(&[(Confirm, None, "PN-1", "ann", 0..100)]), (100, State::Confirmed, 0));
        assert_eq!(ends(&[(Confirm, None, "PN-1", "ann", 0..101)]), (0, State::Triage, 101));
        // The same person under another spelling is no second person.
        assert_eq!(ends(&[(Confirm, None, "PN-1", "ann", 0..101), (Confirm, None, "PN-1", " Ann", 0..101)]).0, 0);
        let two = [(Confirm, None, "PN-1", "ann", 0..101), (Confirm, None, "PN-1", "bob", 0..101)];
        assert_eq!(ends(&two), (101, State::Confirmed, 0));
        // The network grew before the second looked: the accounts that only one saw wait.
        let grown = [(Confirm, None, "PN-1", "ann", 0..200), (Confirm, None, "PN-1", "bob", 0..203)];
        assert_eq!(ends(&grown), (200, State::Confirmed, 3));
        // Slices of a hundred are one case to one reviewer.
        let slices = [(Confirm, None, "PN-1", "ann", 0..100), (Confirm, None, "PN-1", "ann", 100..200)];
        assert_eq!(ends(&slices), (100, State::Triage, 100));
    }

    #[test]
    fn accounts_that_one_confirms_one_by_one_count_together() {
        let ends = |steps: &[(Action, Option<&str>, &str, u32)]| {
            let mut chain = Chain::default();
            for &(action, network, reviewer, account) in steps {
                let opening = Opening::new(Kind::Account, &format!("u{account:05}")).unwrap();
                let (policy, _) = super::super::decide::policy_record(1, reviewer);
                let (accounts, network) = (vec![opening.commitment()], network.map(str::to_owned));
                let record = Record { action, subject: Subject::Account, network, accounts, four_eyes: None, ..policy };
                chain.names.insert(opening.commitment(), opening);
                chain.records.push((record, String::new()));
            }
            count(&Cases::of_chain(&chain)).0
        };
        use Action::{Confirm, Reject};
        let each = |network: Option<&'static str>, reviewer: &'static str, accounts: std::ops::Range<u32>| {
            accounts.map(move |account| (Confirm, network, reviewer, account)).collect::<Vec<_>>()
        };
        assert_eq!(ends(&each(Some("PN-1"), "ann", 0..150)), 100);
        assert_eq!(ends(&each(None, "ann", 0..150)), 100);
        assert_eq!(ends(&[each(Some("PN-1"), "ann", 0..100), each(Some("PN-2"), "ann", 100..200)].concat()), 200);
        assert_eq!(ends(&[each(Some("PN-1"), "ann", 0..150), each(Some("PN-1"), "bob", 100..150)].concat()), 150);
        // What was taken back makes room.
        let taken_back = (0..50).map(|account| (Reject, Some("PN-1"), "ann", account)).collect();
        assert_eq!(ends(&[each(Some("PN-1"), "ann", 0..100), taken_back, each(Some("PN-1"), "ann", 100..150)].concat()), 100);
    }

    #[test]
    fn a_case_stays_with_its_members() {
        use Action::{Confirm, Reject};
        let cases = fold(&[
            (Confirm, None, "PN-1", "ann", 0..40),
            (Reject, None, "PN-2", "ann", 0..60),
            (Confirm, None, "PN-3", "ann", 100..120),
        ]);
        // PN-2 is PN-1 grown; PN-3 shares nobody.
        assert_eq!(cases.cases().len(), 2);
        assert_eq!((cases.cases()[0].case.as_str(), cases.cases()[0].state), ("PN-2", State::Rejected));
        assert_eq!(cases.case_of("PN-1").unwrap().case, "PN-2");
        let found = |range: std::ops::Range<u32>| {
            let names: Vec<String> = range.map(|account| format!("u{account:05}")).collect();
            cases.case_of_members(names.iter().map(String::as_str)).map(|case| case.case.clone())
        };
        assert_eq!(found(50..60).as_deref(), Some("PN-2"));
        assert_eq!(found(40..200).as_deref(), Some("PN-3"));
        assert_eq!(found(59..100), None);
    }

    /// Two confirmed accounts of a hackathon made its 277 an operator's.
    #[test]
    fn a_verdict_on_a_few_is_none_on_the_others() {
        use Action::{Confirm, Note, Reject};
        let stands = |steps: &[Step<'_>], members: std::ops::Range<u32>| {
            let (cases, names) = (fold(steps), members.map(|account| format!("u{account:05}")).collect::<Vec<String>>());
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let case = cases.case_of_members(names.iter().copied()).expect("it is about them");
            let standing = cases.standing(case, &names);
            (standing.state, standing.verdict)
        };
        let confirmed: [Step<'_>; 1] = [(Confirm, None, "PN-1", "ann", 0..40)];
        assert_eq!(stands(&confirmed, 0..40), (super::State::Confirmed, Some(true)));
        assert_eq!(stands(&confirmed, 0..79), (super::State::Confirmed, Some(true)));
        assert_eq!(stands(&confirmed, 0..80), (super::State::New, None), "half of them isn't most");
        assert_eq!(stands(&confirmed, 0..277), (super::State::New, None));
        assert_eq!(stands(&confirmed, 30..40), (super::State::Confirmed, Some(true)), "what is left of it is it");
        let rejected: [Step<'_>; 1] = [(Reject, None, "PN-1", "ann", 0..40)];
        assert_eq!(stands(&rejected, 0..60), (super::State::Rejected, Some(false)));
        assert_eq!(stands(&rejected, 0..90), (super::State::New, None));
        let monitored: [Step<'_>; 2] =
            [(Action::State, Some(super::State::Monitoring), "PN-1", "ann", 0..40), (Note, None, "PN-1", "bob", 0..40)];
        assert_eq!(stands(&monitored, 0..277), (super::State::Monitoring, None), "what is no verdict follows the case");
    }

    #[test]
    fn raising_the_number_takes_two() {
        let mut cases = fold(&[]);
        let mut policy = |value: u64, reviewer: &str| {
            let mut chain = Chain::default();
            let (record, _) = super::super::decide::policy_record(value, reviewer);
            chain.records.push((record.clone(), String::new()));
            cases.apply(&chain, &record, "");
            cases.four_eyes()
        };
        assert_eq!(policy(500, "ann"), 100);
        assert_eq!(policy(500, "ann"), 100);
        assert_eq!(policy(500, "bob"), 500);
        assert_eq!(policy(10, "ann"), 10);
    }
}
