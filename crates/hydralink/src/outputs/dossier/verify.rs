//! Does the store still say what a dossier says?
//!
//! The checksums of the store are checked, the networks are found again with the settings of the last detection, from sightings
//! and activity alone, and the dossier of the same network is put together anew. Then every value of the two is compared, in
//! the order of the file; the first that differs is named. Only the q-value is taken from the store as it stands: it comes from
//! null copies of the data, not from the network. Decisions of the dossier have to stand in the case log, which may have gone
//! on.
//!
//! Numbers are compared to a relative 1e-12, the rounding of their decimal form. Cost: that of a detection.

use graph::AccountId;
use serde::Serialize;
use serde_json::Value;

use super::Dossier;
use crate::assess::assess;
use crate::dataset::Dataset;
use crate::detect;
use crate::error::Error;
use crate::observe::{Steps, Unobserved};
use crate::options::DOSSIER;
use crate::rules::Lists;

/// Numbers this close, relative to the larger, are equal.
const TOLERANCE: f64 = 1e-12;

/// What was compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct VerifiedDossier {
    /// The network.
    pub network: String,
    /// Values that were compared.
    pub values: u64,
}

/// Recomputes a dossier, given as JSON, from the store.
///
/// # Errors
/// [`Error::Differs`] names the first value that differs; [`Error::Usage`] if the text isn't a dossier, [`Error::Unknown`] if
/// the store has no such network; as [`crate::Store::verify`].
pub fn verify(dataset: &Dataset, dossier: &str) -> Result<VerifiedDossier, Error> {
    let mut claimed: Value =
        serde_json::from_str(dossier).map_err(|error| Error::Usage(format!("not a dossier as JSON: {error}")))?;
    let id = claimed.get("id").and_then(Value::as_str).map(str::to_owned);
    let id = id.ok_or_else(|| Error::Usage(format!("not a dossier: it has no id; make one with {DOSSIER}")))?;
    dataset.store().verify()?;
    let computed = match claimed.get("given") {
        Some(given) => assessed_again(dataset, given)?,
        None => found_again(dataset, &id)?,
    };
    let text = serde_json::to_string(&computed).expect("plain data serialises");
    let mut computed: Value = serde_json::from_str(&text).expect("what was serialised parses");
    let mut values = 0;
    let take = |dossier: &mut Value| dossier.as_object_mut().and_then(|fields| fields.remove("case"));
    take(&mut computed);
    if let Some(case) = take(&mut claimed) {
        super::case::verify(dataset, &case, &mut values)?;
    }
    compare(&claimed, &computed, "", &mut values)?;
    Ok(VerifiedDossier { network: id, values })
}

/// The dossier of the accounts that one of a list names.
fn assessed_again(dataset: &Dataset, given: &Value) -> Result<Dossier, Error> {
    let names = ["accounts", "known_good"].iter().filter_map(|field| given.get(field)?.as_array()).flatten();
    let accounts = names.map(|name| dataset.account(name.as_str().unwrap_or_default()));
    assess(dataset, &dataset.labelling()?, &accounts.collect::<Result<Vec<AccountId>, Error>>()?)
}

/// The dossier of a network that is found again.
fn found_again(dataset: &Dataset, id: &str) -> Result<Dossier, Error> {
    let stored = dataset.labelling()?;
    // Reruns on copies are not run again for this.
    let kept = stored.network(dataset, dataset.network_index(&stored, id)?)?;
    let mut found =
        detect::find_networks(dataset, &stored.run.detect_config()?, &Lists::kept_in(dataset)?, Steps::of(&Unobserved))?;
    let index = dataset.network_index(&found.labelling, id)?;
    (found.networks[index].q_value, found.networks[index].q_harmless) = (kept.q_value, kept.q_harmless);
    found.networks[index].stability = kept.stability;
    found.labelling.consensus = stored.consensus;
    Ok(super::dossier(dataset, &found.labelling, &found.networks[index]))
}

fn compare(claimed: &Value, computed: &Value, path: &str, values: &mut u64) -> Result<(), Error> {
    let differ = |path: &str, claimed: Option<&Value>, computed: Option<&Value>| {
        let show = |value: Option<&Value>| value.map_or("missing".to_owned(), Value::to_string);
        Err(Error::Differs { path: path.to_owned(), dossier: show(claimed), store: show(computed) })
    };
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match (claimed, computed) {
        (Value::Object(left), Value::Object(right)) => {
            for (name, value) in left {
                match right.get(name) {
                    Some(other) => compare(value, other, &below(name), values)?,
                    None => return differ(&below(name), Some(value), None),
                }
            }
            match right.iter().find(|(name, _)| !left.contains_key(*name)) {
                Some((name, value)) => differ(&below(name), None, Some(value)),
                None => Ok(()),
            }
        }
        (Value::Array(left), Value::Array(right)) => {
            for at in 0..left.len().max(right.len()) {
                let path = format!("{path}[{at}]");
                match (left.get(at), right.get(at)) {
                    (Some(value), Some(other)) => compare(value, other, &path, values)?,
                    (value, other) => return differ(&path, value, other),
                }
            }
            Ok(())
        }
        _ => {
            *values += 1;
            let numbers = claimed.as_f64().zip(computed.as_f64());
            let equal = numbers.map_or(claimed == computed, |(a, b)| (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()));
            if equal { Ok(()) } else { differ(path, Some(claimed), Some(computed)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn difference(claimed: Value, computed: Value) -> Option<String> {
        compare(&claimed, &computed, "", &mut 0).err().map(|error| error.to_string())
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
}
