//! What did people decide about a network since it was found?
//!
//! Its case is the one that shares at least half of either's members ([`crate::cases`]). The log stands in a dossier as it was
//! when the dossier was made; decisions since are no difference.

use graph::AccountId;
use serde::Serialize;
use serde_json::Value;

use crate::cases::{self, Action, LogEntry, State};
use crate::counted::counted;
use crate::dataset::Dataset;
use crate::error::Error;

use super::verify::Compared;

/// The case of a network.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CaseOfNetwork {
    /// Where it stands.
    pub state: State,
    /// Accounts that wait for a second reviewer.
    pub awaiting: u64,
    /// Whether the decisions were taken under its id when most of the accounts that it had were others.
    pub of_others: bool,
    /// What was decided, oldest first. Remarks stand at the full level only, names of reviewers up to the analyst's.
    pub log: Vec<LogEntry>,
}

impl CaseOfNetwork {
    /// Where it stands, in words.
    pub fn standing(&self) -> String {
        let waits = if self.awaiting == 1 { "waits" } else { "wait" };
        let waiting = match self.awaiting {
            0 => String::new(),
            some => format!("; {} {waits} for a second reviewer", counted(some, "account")),
        };
        let others = if self.of_others { "; what was decided under its id was about other accounts" } else { "" };
        format!("case {}{waiting}{others}", self.state.name())
    }

    /// The state and the log, a line each.
    pub fn lines(&self) -> Vec<String> {
        let entry = |entry: &LogEntry| {
            let what = match (entry.action, entry.state) {
                (Action::Confirm, _) => "confirmed".to_owned(),
                (Action::Reject, _) => "rejected".to_owned(),
                (Action::State, Some(state)) => format!("moved to {}", state.name()),
                (action, _) => action.name().to_owned(),
            };
            let by = if entry.reviewer.is_empty() { String::new() } else { format!(" by {}", entry.reviewer) };
            let why = entry.reason.as_ref().map_or(String::new(), |reason| format!(" ({reason})"));
            let text = entry.text.as_ref().map_or(String::new(), |text| format!(": {text}"));
            format!("{} {what}{by}{why}, {}{text}", entry.at, counted(entry.accounts, "account"))
        };
        std::iter::once(self.standing()).chain(self.log.iter().map(entry)).collect()
    }
}

/// The case of these members or, where nothing but remarks was written, of the network's id; if the log can be read.
pub(super) fn case_of(dataset: &Dataset, id: &str, members: &[AccountId]) -> Option<CaseOfNetwork> {
    let cases = dataset.cases().ok()?;
    let about = cases::case_about(dataset, &cases, members);
    let case = about.or_else(|| cases.case_of(id))?;
    let of_others = about.is_none() && !case.members.is_empty();
    let shown = |entry: &LogEntry| cases::shown_entry(dataset, entry);
    let state = cases::standing_by(dataset, &cases, case, members).state;
    Some(CaseOfNetwork { state, awaiting: case.awaiting, of_others, log: cases.log_of(case).map(shown).collect() })
}

/// Checks that the store's log holds every decision of a dossier, as the dataset's level shows it, and that the case stood where the
/// dossier says: `computed` is it by the decisions of when the dossier was made, where that is known. What a name was erased from, or a
/// level left out, is no difference.
pub(super) fn verify(
    dataset: &Dataset,
    claimed: &Value,
    computed: Option<&Value>,
    compared: &mut Compared,
) -> Result<(), Error> {
    let cases = dataset.cases()?;
    if let Some(computed) = computed {
        for field in ["state", "awaiting"] {
            match (claimed.get(field), computed.get(field)) {
                (Some(claimed), Some(computed)) => compared.compare(claimed, computed, &format!("case.{field}"))?,
                (claimed, computed) => return compared.differ(&format!("case.{field}"), claimed, computed),
            }
        }
        let entries = |case: &Value| case.get("log").and_then(Value::as_array).map_or(0, Vec::len);
        if entries(claimed) != entries(computed) {
            let [claimed, computed] = [claimed, computed].map(|case| Value::from(entries(case)));
            return compared.differ("case.log", Some(&claimed), Some(&computed));
        }
    }
    let log = claimed.get("log").and_then(Value::as_array).into_iter().flatten();
    for (at, said) in log.enumerate() {
        let seq = said.get("seq").and_then(Value::as_u64);
        let kept = cases.entries().iter().find(|entry| Some(entry.seq) == seq);
        let kept = kept.map(|entry| serde_json::to_value(cases::shown_entry(dataset, entry)).expect("plain data serialises"));
        for (field, value) in said.as_object().into_iter().flatten() {
            let other = kept.as_ref().and_then(|kept| kept.get(field));
            let path = format!("case.log[{at}].{field}");
            match other {
                _ if value == "" => compared.hidden += 1,
                Some(other) if other == "(erased)" => compared.hidden += 1,
                Some(other) => compared.compare(value, other, &path)?,
                None => return compared.differ(&path, Some(value), None),
            }
        }
    }
    Ok(())
}
