//! Does the store still say what a dossier says?
//!
//! The checksums of the store are checked, the networks are found again with the settings of the last detection, from sightings
//! and activity alone, and the dossier of the same network is put together anew. Then every value of the two is compared, in
//! the order of the file; the first that differs is named. What reruns on copies of the data gave (q-values, stability) is not run
//! again: it is compared with what the store has, and isn't compared if that has been detected anew since, or if they were run after
//! the dossier was made.
//!
//! Decisions of the dossier have to stand in the case log, which may have gone on: the networks are found again by what had been
//! decided when the dossier's were ([`MadeFrom`]). So a dossier holds after a ban that it led to and the detections since.
//!
//! A dossier that was written at another level than full says so (`level`), and is put together at that level. Its pseudonyms are
//! compared where their key is given. Else each may be any, is counted as hidden, and what stands around it is compared; no
//! message has a value that the dossier doesn't show.
//!
//! Numbers are compared to a relative 1e-12, the rounding of their decimal form. Cost: that of a detection.

use std::collections::BTreeMap;

use graph::AccountId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Dossier, MadeFrom};
use crate::assess::assess;
use crate::cases::Cases;
use crate::dataset::Dataset;
use crate::detect;
use crate::error::Error;
use crate::export::{HIDDEN, Level, Naming, may_be};
use crate::observe::{Steps, Unobserved};
use crate::options::{DOSSIER, KEY_FILE_TO_SHOW};
use crate::privacy::Key;
use crate::results::Labelling;
use crate::rules::Lists;

/// Numbers this close, relative to the larger, are equal.
const TOLERANCE: f64 = 1e-12;

/// What was compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct VerifiedDossier {
    /// The network.
    pub network: String,
    /// The level that the dossier was written at.
    pub level: Level,
    /// Values that were compared.
    pub values: u64,
    /// Values with pseudonyms whose key wasn't given, or that were left out: only what stands around them was compared.
    pub hidden: u64,
    /// Values that reruns on copies gave and that weren't compared, for the store has been detected anew since.
    pub of_reruns: u64,
}

/// Recomputes a dossier, given as JSON, from the store. `dataset` shows values as stored; `key` is that of the dossier's
/// pseudonyms, where it has any and they are to be compared.
///
/// # Errors
/// [`Error::Differs`] names the first value that differs, as the dossier's level shows it; [`Error::Usage`] if the text isn't a
/// dossier, or one of a list whose accounts are pseudonyms and no key is given; [`Error::Unknown`] if the store has no such network;
/// as [`crate::Store::verify`].
pub fn verify(dataset: Dataset, dossier: &str, key: Option<&Key>) -> Result<VerifiedDossier, Error> {
    let mut claimed: Value =
        serde_json::from_str(dossier).map_err(|error| Error::Usage(format!("not a dossier as JSON: {error}")))?;
    let id = claimed.get("id").and_then(Value::as_str).map(str::to_owned);
    let id = id.ok_or_else(|| Error::Usage(format!("not a dossier: it has no id; make one with {DOSSIER}")))?;
    let level = claimed.get("level").map_or(Ok(Level::Full), Level::deserialize);
    let level = level.map_err(|_| Error::Usage("not a dossier: its level is none of full, analyst and redact".to_owned()))?;
    dataset.store().verify()?;
    let shown = dataset.named_by(match key {
        Some(key) => Naming::new(level, Some(key.for_exports()))?,
        None => Naming::without_key(level),
    });
    let made_from = claimed.get("made_from").map(MadeFrom::deserialize).transpose();
    let made_from = made_from.map_err(|error| Error::Usage(format!("not a dossier: made_from: {error}")))?;
    let (mut compared, mut same_detection) = (Compared::default(), true);
    let computed = match &made_from {
        Some(made_from) => {
            let now = MadeFrom::of(&shown, &shown.labelling()?)?;
            compared.since = made_from.changed_since(&now);
            if made_from.decisions > now.decisions {
                let [claimed, stored] = [made_from, &now].map(|made_from| Value::from(made_from.decisions));
                return compared.differ("made_from.decisions", Some(&claimed), Some(&stored));
            }
            same_detection = made_from.is_of_detection(&now);
            made_again(shown, claimed.get("given"), &id, Some(made_from), same_detection)
        }
        None => made_again(shown, claimed.get("given"), &id, None, true),
    };
    let (shown, computed) = computed.map_err(|error| since(error, &compared.since))?;
    let text = serde_json::to_string(&computed).expect("plain data serialises");
    let mut computed: Value = serde_json::from_str(&text).expect("what was serialised parses");
    let take = |dossier: &mut Value, field: &str| dossier.as_object_mut().and_then(|fields| fields.remove(field));
    let case_then = take(&mut computed, "case").filter(|_| made_from.is_some());
    take(&mut computed, "made_from");
    take(&mut claimed, "made_from");
    compared.of_reruns = leave_out_reruns(&mut claimed, &mut computed, same_detection);
    match (take(&mut claimed, "case").filter(|case| !case.is_null()), &case_then) {
        (Some(case), _) => super::case::verify(&shown, &case, case_then.as_ref(), &mut compared)?,
        (None, Some(case)) => return compared.differ("case", None, Some(case)),
        (None, None) => {}
    }
    compared.compare(&claimed, &computed, "")?;
    let Compared { values, hidden, of_reruns, .. } = compared;
    Ok(VerifiedDossier { network: id, level, values, hidden, of_reruns })
}

/// The dossier put together anew, and the data with the decisions of when it was made.
fn made_again(
    dataset: Dataset,
    given: Option<&Value>,
    id: &str,
    made_from: Option<&MadeFrom>,
    same_detection: bool,
) -> Result<(Dataset, Dossier), Error> {
    let decided = |dataset: Dataset, records: Option<u64>| -> Result<Dataset, Error> {
        let Some(records) = records else { return Ok(dataset) };
        let cases = Cases::open_until(dataset.path(), records)?;
        Ok(dataset.with_cases(cases))
    };
    let stored = dataset.labelling()?;
    if same_detection && let Some(given) = given {
        let dataset = decided(dataset, made_from.map(|made_from| made_from.decisions))?;
        let computed = assessed_again(&dataset, &stored, given)?;
        return Ok((dataset, computed));
    }
    let dataset = decided(dataset, made_from.and_then(|made_from| made_from.decisions_before))?;
    let config = stored.run.detect_config()?;
    let mut found = detect::find_networks(&dataset, &config, &Lists::kept_in(&dataset)?, Steps::of(&Unobserved))?;
    let dataset = decided(dataset, made_from.map(|made_from| made_from.decisions))?;
    let computed = match given {
        Some(given) => assessed_again(&dataset, &found.labelling, given)?,
        None => {
            let index = dataset.network_index(&found.labelling, id)?;
            if same_detection {
                found.labelling.consensus = stored.consensus.clone();
                let kept = stored.network(&dataset, dataset.network_index(&stored, id)?)?;
                let network = &mut found.networks[index];
                (network.q_value, network.q_harmless, network.stability) = (kept.q_value, kept.q_harmless, kept.stability);
            }
            super::dossier(&dataset, &found.labelling, &found.networks[index])?
        }
    };
    Ok((dataset, computed))
}

/// The dossier of the accounts that one of a list names.
fn assessed_again(dataset: &Dataset, results: &Labelling, given: &Value) -> Result<Dossier, Error> {
    let names = ["accounts", "known_good"].iter().filter_map(|field| given.get(field)?.as_array()).flatten();
    let names = names.map(|name| name.as_str().unwrap_or_default());
    let accounts = match dataset.naming().parts() {
        (Level::Redact, None) => {
            return Err(Error::Usage(format!(
                "its accounts are pseudonyms, and it can't be found again without them: give {KEY_FILE_TO_SHOW}"
            )));
        }
        (Level::Redact, Some(_)) => {
            let all = (0..dataset.graph().account_count() as u32).map(AccountId);
            let by_pseudonym: BTreeMap<String, AccountId> =
                all.map(|account| (dataset.shown_account(account).into_owned(), account)).collect();
            let unknown = || Error::Usage(format!("its accounts are none of the store's under the key of {KEY_FILE_TO_SHOW}"));
            names.map(|name| by_pseudonym.get(name).copied().ok_or_else(unknown)).collect::<Result<Vec<_>, Error>>()?
        }
        _ => names.map(|name| dataset.account(name)).collect::<Result<Vec<_>, Error>>()?,
    };
    assess(dataset, results, &accounts)
}

/// Leaves out what reruns gave and can't be compared: all where the store was detected anew, else what the reruns since say and the
/// dossier doesn't. Counts what the dossier says of it.
fn leave_out_reruns(claimed: &mut Value, computed: &mut Value, same_detection: bool) -> u64 {
    let mut left_out = 0;
    let mut leave_out = |claimed: &mut Value, computed: &mut Value, field: &str| {
        let is_said = claimed.get(field).is_some_and(|said| !said.is_null());
        if !(same_detection && is_said) {
            [claimed, computed].into_iter().filter_map(Value::as_object_mut).for_each(|fields| {
                fields.remove(field);
            });
            left_out += u64::from(is_said);
        }
    };
    ["q_value", "q_harmless", "stability"].into_iter().for_each(|field| leave_out(claimed, computed, field));
    let members = |of: &'_ mut Value| of.get_mut("strongest_members").and_then(Value::as_array_mut).map(std::mem::take);
    if let (Some(mut said), Some(mut found)) = (members(claimed), members(computed)) {
        said.iter_mut().zip(&mut found).for_each(|(said, found)| leave_out(said, found, "consensus"));
        (claimed["strongest_members"], computed["strongest_members"]) = (said.into(), found.into());
    }
    left_out
}

/// An error with what changed since the dossier was made, where that says why nothing is found.
fn since(error: Error, changed: &str) -> Error {
    match error {
        Error::Unknown { what, hint, nearest } => Error::Unknown { what, hint: format!("{hint}{changed}"), nearest },
        error => error,
    }
}

/// What was compared so far.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// Values that are equal.
    pub(super) values: u64,
    /// Values that a level hides.
    pub(super) hidden: u64,
    /// Values of reruns that aren't compared.
    of_reruns: u64,
    /// What has changed since that nothing is found again by.
    since: String,
}

impl Compared {
    /// That a value differs.
    pub(super) fn differ<T>(&self, path: &str, claimed: Option<&Value>, computed: Option<&Value>) -> Result<T, Error> {
        let show = |value: Option<&Value>| value.map_or("missing".to_owned(), Value::to_string);
        let store = show(computed).replace(HIDDEN, "(a pseudonym)");
        Err(Error::Differs { path: path.to_owned(), dossier: show(claimed), store, since: self.since.clone() })
    }

    /// Compares two values, and all in them.
    pub(super) fn compare(&mut self, claimed: &Value, computed: &Value, path: &str) -> Result<(), Error> {
        let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        match (claimed, computed) {
            (Value::Object(left), Value::Object(right)) => {
                for (name, value) in left {
                    match right.get(name) {
                        Some(other) => self.compare(value, other, &below(name))?,
                        None => return self.differ(&below(name), Some(value), None),
                    }
                }
                match right.iter().find(|(name, _)| !left.contains_key(*name)) {
                    Some((name, value)) => self.differ(&below(name), None, Some(value)),
                    None => Ok(()),
                }
            }
            (Value::Array(left), Value::Array(right)) => {
                for at in 0..left.len().max(right.len()) {
                    let path = format!("{path}[{at}]");
                    match (left.get(at), right.get(at)) {
                        (Some(value), Some(other)) => self.compare(value, other, &path)?,
                        (value, other) => return self.differ(&path, value, other),
                    }
                }
                Ok(())
            }
            (Value::String(text), Value::String(pattern)) if pattern.contains(HIDDEN) => {
                self.hidden += 1;
                if may_be(text, pattern) { Ok(()) } else { self.differ(path, Some(claimed), Some(computed)) }
            }
            _ => {
                self.values += 1;
                let numbers = claimed.as_f64().zip(computed.as_f64());
                let equal = numbers.map_or(claimed == computed, |(a, b)| (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()));
                if equal { Ok(()) } else { self.differ(path, Some(claimed), Some(computed)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn difference(claimed: Value, computed: Value) -> Option<String> {
        Compared::default().compare(&claimed, &computed, "").err().map(|error| error.to_string())
    }

    #[test]
    fn the_first_value_that_differs_is_named() {
        let store = json!({"id": "PN-1", "score": 18.5, "ties": [{"members": 3}, {"members": 4}]});
        assert_eq!(difference(store.clone(), store.clone()), None);
        assert_eq!(difference(json!({"id": "PN-1", "score": 18.500000000000004, "ties": store["ties"]}), store.clone()), None);
        let claimed = json!({"id": "PN-1", "score": 18.5, "ties": [{"members": 3}, {"members": 5}]});
        assert_eq!(
            difference(claimed, store.clone()).as_deref(),
            Some("ties[1].members is 5 in the dossier, but the store gives 4")
        );
        let claimed = json!({"id": "PN-1", "score": 18.5, "ties": [{"members": 3}]});
        assert_eq!(
            difference(claimed, store.clone()).as_deref(),
            Some("ties[1] is missing in the dossier, but the store gives {\"members\":4}")
        );
        let claimed = json!({"id": "PN-1", "score": 18.5, "ties": store["ties"], "note": 1});
        assert_eq!(difference(claimed, store).as_deref(), Some("note is 1 in the dossier, but the store gives missing"));
    }

    #[test]
    fn what_a_level_hides_is_counted_and_never_told() {
        let store = json!({"account_id": HIDDEN, "why": format!("without ip:{HIDDEN} 3 stay"), "bits": 4});
        let claimed = json!({"account_id": "0123456789abcdef", "why": "without ip:fedcba9876543210 3 stay", "bits": 4});
        let mut compared = Compared::default();
        compared.compare(&claimed, &store, "").unwrap();
        assert_eq!((compared.values, compared.hidden), (1, 2));
        let other = json!({"account_id": "0123456789abcdef", "why": "without ip:fedcba9876543210 4 stay", "bits": 4});
        assert_eq!(
            difference(other, store).as_deref(),
            Some(
                "why is \"without ip:fedcba9876543210 4 stay\" in the dossier, but the store gives \
                 \"without ip:(a pseudonym) 3 stay\""
            )
        );
    }
}
