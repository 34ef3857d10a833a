//! What a store holds: what was read into it and how, from when to when, what it was last detected by, and what people decided.
//!
//! All of it is taken from the store. Cost: one pass over the times of events and sightings, on all threads.

use std::collections::BTreeMap;

use graph::{AccountId, NO_TIME, Seconds};
use rayon::prelude::*;
use serde::Serialize;

use crate::as_of;
use crate::build::{self, ReadAs};
use crate::calibrate::{CalibrationState, calibration_state};
use crate::consensus::Consensus;
use crate::dataset::Dataset;
use crate::detect::{DetectConfig, LastDetection, SettingChange};
use crate::dossier;
use crate::error::Error;
use crate::lineage;
use crate::rules::ListFile;
use crate::store::{InputFile, STORE_FORMAT};
use crate::time::{rfc3339, without_gaps};

/// What a store holds.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Info {
    /// Format of the store.
    pub format: u32,
    /// Version of the tool that wrote it last.
    pub tool: String,
    /// Counts up with every change.
    pub generation: u64,
    /// Size of its sections, in bytes.
    pub bytes: u64,
    /// Id of the key of its pseudonyms, if it holds any.
    pub key_id: Option<String>,
    /// The time at which it stands, if [`crate::as_of()`] made it.
    pub as_of: Option<String>,
    /// Accounts.
    pub accounts: u64,
    /// Identifiers by kind.
    pub identifiers: Vec<(String, u64)>,
    /// Sightings.
    pub sightings: u64,
    /// Events with a time.
    pub events: u64,
    /// First sighting, RFC 3339.
    pub first_seen: Option<String>,
    /// Last sighting.
    pub last_seen: Option<String>,
    /// Exchanges by day (UTC), of days that have any.
    pub exchanges_by_day: Vec<(String, u64)>,
    /// Days between the first and the last without an exchange: a delivery may be missing.
    pub silent_days: Vec<String>,
    /// Exchanges by model.
    pub models: BTreeMap<String, u64>,
    /// Files that were read, in the order of their hashes.
    pub files: Vec<InputFile>,
    /// Rows that were read.
    pub rows: u64,
    /// Rows that were rejected, by reason.
    pub rejected: Vec<(String, u64)>,
    /// What times without an offset are of, where something was said.
    pub tz: Option<String>,
    /// The proxies of one's own in lists of addresses, where something was said.
    pub trusted_proxies: Option<String>,
    /// The map of columns that updates go by, as TOML.
    pub map: Option<String>,
    /// Known-good accounts and identifiers of the allow list that occur in the store.
    pub allowed: u64,
    /// Releases of models that are known.
    pub releases: u64,
    /// What `update --detect` detects by; `None` if nothing was ever detected.
    pub settings: Option<Settings>,
    /// What was found, if the networks that were are of these events.
    pub networks: Option<Found>,
    /// Detections whose results differed from the one before.
    pub runs: u64,
    /// Records of the log of decisions.
    pub decisions: u64,
    /// Cases by their state.
    pub cases: BTreeMap<&'static str, u64>,
}

/// What a detection goes by.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Settings {
    /// Settings that aren't the defaults.
    pub changed: Vec<SettingChange>,
    /// Rules and lists.
    pub lists: Vec<ListFile>,
}

/// What the last detection found.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Found {
    /// Version of the tool that detected.
    pub tool: String,
    /// Its seed.
    pub seed: u64,
    /// Its threshold, in bits.
    pub threshold: f64,
    /// Networks: over the threshold, or confirmed by people.
    pub networks: u64,
    /// Those of them that are below the threshold, and confirmed.
    pub confirmed_below: u64,
    /// Candidates below it.
    pub below: u64,
    /// Whether they have q-values.
    pub q_values: CalibrationState,
    /// Reruns of `consensus` that are about them.
    pub consensus_runs: Option<u32>,
}

/// Says what a store holds.
///
/// # Errors
/// [`Error::CaseLog`]; [`Error::StoreDamaged`]; [`Error::Usage`] if its settings are of a version that this one doesn't know.
pub fn info(dataset: &Dataset) -> Result<Info, Error> {
    let (manifest, tables, graph) = (dataset.manifest(), dataset.tables(), dataset.graph());
    let accounts: Vec<AccountId> = (0..graph.account_count() as u32).map(AccountId).collect();
    let days = dossier::days(dataset, &accounts);
    let first = (graph.columns().first_seen.par_iter().copied()).filter(|&time| time != NO_TIME).min();
    let of = |time: Option<Seconds>| time.and_then(rfc3339);
    let kinds = graph.kinds().map(|kind| {
        let range = graph.identifiers_of_kind(kind);
        (dataset.kind_name(kind).to_owned(), u64::from(range.end - range.start))
    });
    let labelling = dataset.labelling_if_any()?;
    let found = labelling.as_ref().map(|found| {
        let flagged = found.heads().iter().filter(|head| head.flagged).count() as u64;
        Ok::<Found, Error>(Found {
            tool: found.run.tool.clone(),
            seed: found.run.seed,
            threshold: found.run.threshold,
            networks: flagged,
            confirmed_below: found.confirmed_below(),
            below: found.heads().len() as u64 - flagged,
            q_values: calibration_state(dataset, found)?,
            consensus_runs: found.consensus.as_ref().map(Consensus::runs),
        })
    });
    let settings = LastDetection::with(dataset, labelling.as_ref())?
        .map(|last| Settings { changed: last.config.changed_from(&DetectConfig::default()), lists: last.lists.files });
    let cases = dataset.cases()?;
    let mut by_state: BTreeMap<&'static str, u64> = BTreeMap::new();
    cases.cases().iter().for_each(|case| *by_state.entry(case.state.name()).or_default() += 1);
    let ReadAs { tz, trusted_proxies } = ReadAs::of_store(dataset)?;
    Ok(Info {
        format: STORE_FORMAT,
        tool: manifest.tool.clone(),
        generation: manifest.generation,
        bytes: manifest.sections.iter().map(|section| section.bytes).sum(),
        key_id: manifest.key_id.clone(),
        as_of: of(as_of::time_of(dataset)?),
        accounts: accounts.len() as u64,
        identifiers: kinds.collect(),
        sightings: graph.sighting_count() as u64,
        events: dataset.activity().event_count() as u64,
        first_seen: of(first),
        last_seen: of(Some(graph.last_seen()).filter(|&time| time != NO_TIME)),
        silent_days: silent(&days.exchanges),
        exchanges_by_day: days.exchanges,
        models: days.models,
        rows: manifest.inputs.iter().map(|file| file.rows).sum(),
        files: manifest.inputs.clone(),
        rejected: manifest.rejected.clone(),
        tz,
        trusted_proxies,
        map: build::map_of(dataset)?,
        allowed: (tables.allowed_accounts.len() + tables.allowed_identifiers.len()) as u64,
        releases: tables.releases.len() as u64,
        settings,
        networks: found.transpose()?,
        runs: lineage::runs(dataset)?,
        decisions: cases.entries().len() as u64,
        cases: by_state,
    })
}

/// The days without an exchange between the first and the last that have one.
fn silent(days: &[(String, u64)]) -> Vec<String> {
    let Some((first, counts)) = without_gaps(days) else { return Vec::new() };
    let all = first.series(jiff::Span::new().days(1)).zip(counts);
    all.filter(|(_, exchanges)| *exchanges == 0).map(|(day, _)| day.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_are_missing_are_named() {
        let days = |days: &[&str]| days.iter().map(|&day| (day.to_owned(), 3)).collect::<Vec<(String, u64)>>();
        assert_eq!(silent(&days(&["2026-02-27", "2026-03-02", "2026-03-03"])), ["2026-02-28", "2026-03-01"]);
        assert_eq!(silent(&days(&["2026-03-03"])), Vec::<String>::new());
        assert_eq!(silent(&[]), Vec::<String>::new());
    }
}
