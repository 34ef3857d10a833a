//! Which network is meant by an id, and if there is none any more, what became of it?
//!
//! 1. An id or a rank of the last detection is that network.
//! 2. Else the case log knows of ids that people rejected, and the record of detections those that went into another network or
//!    that nothing finds any more.
//! 3. Else ids that differ in at most [`NEAR`] letters are near; any other one is somebody else's.
//!
//! Cost: O(networks + log).

use std::fmt;

use serde::Serialize;

use super::history::{History, Standing};
use crate::cases::{self, Action, Cases, LogEntry, State};
use crate::dataset::Dataset;
use crate::error::Error;
use crate::names::distance;
use crate::options::{ALL_NETWORKS, CASES, LINEAGE};
use crate::results::Labelling;

/// Letters in which an id that is suggested differs from the one that was typed, at most.
const NEAR: usize = 2;

/// Where people left the case of a network.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Decided {
    /// Where it stands.
    pub state: State,
    /// Who decided so; empty at levels that name nobody.
    pub reviewer: String,
    /// When, RFC 3339.
    pub at: String,
    /// Why, as a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl fmt::Display for Decided {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.state.name())?;
        if !self.reviewer.is_empty() {
            write!(out, " by {}", self.reviewer)?;
        }
        write!(out, " at {}", self.at)?;
        self.reason.as_ref().map_or(Ok(()), |reason| write!(out, " ({reason})"))
    }
}

/// What people decided about a network's id, whether it is found any more or not. Remarks decide nothing.
pub fn decided(dataset: &Dataset, cases: &Cases, id: &str) -> Option<Decided> {
    let case = cases.case_of(id)?;
    let last = cases.log_of(case).filter(|entry| entry.action != Action::Note).last()?;
    let LogEntry { reviewer, at, reason, .. } = cases::shown_entry(dataset, last);
    Some(Decided { state: case.state, reviewer, at, reason })
}

impl Dataset {
    /// The index of a network by its id (`PN-...`) or its rank.
    ///
    /// # Errors
    /// [`Error::Unknown`] with what became of it, or the nearest ids.
    pub fn network_index(&self, results: &Labelling, id: &str) -> Result<usize, Error> {
        // A log that can't be read is told where it is asked for.
        results.check_of(self)?;
        results.network_index(id).ok_or_else(|| not_found(self, results, self.cases().ok().as_ref(), id))
    }
}

/// That there is no such network, with what became of it, or the nearest id.
pub(crate) fn not_found(dataset: &Dataset, results: &Labelling, cases: Option<&Cases>, id: &str) -> Error {
    let unknown = |hint: String, nearest: Vec<String>| Error::Unknown {
        what: format!("network {}", events::shortened(id)),
        hint,
        nearest,
    };
    if id.parse::<u64>().is_ok() {
        let hint = match results.heads().len() {
            0 => "; the last detection found none".to_owned(),
            all => format!("; ranks go from 1 to {all}"),
        };
        return unknown(hint, Vec::new());
    }
    let digits = id.to_ascii_lowercase();
    let id = &format!("PN-{}", digits.strip_prefix("pn-").unwrap_or(&digits));
    let meant = |near: &String| unknown(format!("; did you mean {near}?"), vec![near.clone()]);
    let known = results.heads().iter().map(|network| (distance(&network.id, id), &network.id));
    let near = known.filter(|&(distance, _)| distance <= NEAR).min();
    if let Some((0, near)) = near {
        return meant(near);
    }
    let rejected = cases.and_then(|cases| decided(dataset, cases, id)).filter(|case| case.state == State::Rejected);
    if let Some(rejected) = rejected {
        return unknown(format!(": its case was {rejected}; {CASES} and {LINEAGE} know it"), Vec::new());
    }
    let history = match History::open(dataset) {
        Ok(history) => history,
        Err(error) => return error,
    };
    if let Some(network) = history.networks.iter().find(|network| network.id == *id) {
        let closed = history.events.iter().rev().find(|event| event.network == *id && event.event == "closed");
        let into: Vec<String> = closed.map_or(Vec::new(), |event| event.from.clone());
        let became = match network.standing {
            _ if !into.is_empty() => format!("it went into {}", into.join(", ")),
            Standing::Candidate => "it was a candidate below the threshold, and nothing finds it any more".to_owned(),
            _ => "no detection finds it any more".to_owned(),
        };
        let last = network.last_run + 1;
        return unknown(format!(": {became} (last found in detection {last}; see {LINEAGE})"), into);
    }
    let others = || unknown(format!("; {ALL_NETWORKS} lists those that there are"), Vec::new());
    near.map_or_else(others, |(_, near)| meant(near))
}
