//! Does the store still say what a dossier says?
//!
//! The checksums of the store are checked, the networks are found again with the settings of the last detection, from sightings
//! and activity alone, and the dossier of the same network is put together anew. Then every value of the two is compared, in
//! the order of the file; the first that differs is named. Only the q-value is taken from the store as it stands: it comes from
//! null copies of the data, not from the network. Decisions of the dossier have to stand in the case log, which may have gone
//! on.
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

use super::Dossier;
use crate::assess::assess;
use crate::dataset::Dataset;
use crate::detect;
use crate::error::Error;
use crate::export::{HIDDEN, Level, Naming, may_be};
use crate::observe::{Steps, Unobserved};
use crate::options::{DOSSIER, KEY_FILE_TO_SHOW};
use crate::privacy::Key;
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
    let computed = match claimed.get("given") {
        Some(given) => assessed_again(&shown, given)?,
        None => found_again(&shown, &id)?,
    };
    let text = serde_json::to_string(&computed).expect("plain data serialises");
    let mut computed: Value = serde_json::from_str(&text).expect("what was serialised parses");
    let mut compared = Compared::default();
    let take = |dossier: &mut Value| dossier.as_object_mut().and_then(|fields| fields.remove("case"));
    take(&mut computed);
    if let Some(case) = take(&mut claimed) {
        super::case::verify(&shown, &case, &mut compared)?;
    }
    compared.compare(&claimed, &computed, "")?;
    Ok(VerifiedDossier { network: id, level, values: compared.values, hidden: compared.hidden })
}

/// The dossier of the accounts that one of a list names.
fn assessed_again(dataset: &Dataset, given: &Value) -> Result<Dossier, Error> {
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
    assess(dataset, &dataset.labelling()?, &accounts)
}

/// The dossier of a network that is found again, at the dataset's level.
fn found_again(dataset: &Dataset, id: &str) -> Result<Dossier, Error> {
    let stored = dataset.labelling()?;
    // Reruns on copies are not run again for this.
    let kept = stored.network(dataset, dataset.network_index(&stored, id)?)?;
    let mut found =
        detect::find_networks(dataset, &stored.run.detect_config()?, &Lists::kept_in(dataset)?, Steps::of(&Unobserved))?;
    let index = dataset.network_index(&found.labelling, id)?;
    let network = &mut found.networks[index];
    (network.q_value, network.q_harmless, network.stability) = (kept.q_value, kept.q_harmless, kept.stability);
    found.labelling.consensus = stored.consensus;
    Ok(super::dossier(dataset, &found.labelling, &found.networks[index]))
}

/// What was compared so far.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// Values that are equal.
    pub(super) values: u64,
    /// Values that a level hides.
    pub(super) hidden: u64,
}

impl Compared {
    /// That a value differs.
    pub(super) fn differ(&self, path: &str, claimed: Option<&Value>, computed: Option<&Value>) -> Result<(), Error> {
        let show = |value: Option<&Value>| value.map_or("missing".to_owned(), Value::to_string);
        let store = show(computed).replace(HIDDEN, "(a pseudonym)");
        Err(Error::Differs { path: path.to_owned(), dossier: show(claimed), store })
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
