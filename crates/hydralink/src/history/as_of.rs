//! What had happened by an earlier time?
//!
//! [`as_of`] writes the store as it stood at the end of a second: the sightings, events, bans and releases up to then, and the
//! accounts and identifiers that they are of, numbered as a build would number them. It is a store like any other, so that
//! everything can be asked of it (`detect`, `network`, `why`, `export`, `diff` with the store of today), but for `update`.
//!
//! Time is that of the events. When a row arrived isn't kept: one that was delivered later counts from its timestamp on, though
//! nobody had it then. What was in the store at a time, only a copy of the store from that time shows.
//!
//! Hindsight that stays, because a store keeps a sighting and not each of its events: where a sighting went on, its last time
//! is the time asked for and its count is capped at what its account had done by then (when an account was first and last seen
//! its events say, and these are kept one by one). Templates that were mined from prompts are those of all prompts; pathway,
//! country, tier, organisation and label of accounts, and the allow list, are today's. Decisions are not taken along.
//!
//! Cost: reads and writes the store once; the part that is kept is in memory twice.

use std::path::Path;

use events::EventIds;
use graph::{NONE_U16, Seconds};
use serde::Serialize;

use crate::dataset::Dataset;
use crate::detect::LastDetection;
use crate::error::Error;
use crate::observe::{Observer, Steps};
use crate::privacy;
use crate::store::{self, StoreWriter};
use crate::subset::Kept;
use crate::time::rfc3339;

/// The section that says at which time a store stands.
const SECTION: &str = "as_of";

/// What a store held at an earlier time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AsOf {
    /// The time, RFC 3339.
    pub as_of: String,
    /// Accounts seen by then.
    pub accounts: u64,
    /// Those seen only later.
    pub accounts_later: u64,
    /// Identifiers seen by then.
    pub identifiers: u64,
    /// Sightings that had begun.
    pub sightings: u64,
    /// Those of them that went on: their last time and count are cut.
    pub sightings_cut: u64,
    /// Events with a time, up to then.
    pub events: u64,
    /// The same of the whole store.
    pub events_of_all: u64,
}

/// The time at which a store stands, if [`as_of`] made it.
pub(crate) fn time_of(dataset: &Dataset) -> Result<Option<Seconds>, Error> {
    Ok(dataset.store().column_or_empty::<u32>(SECTION)?.first().copied())
}

/// Keeps in a store that is rewritten at which time it stands, if it does.
pub(crate) fn keep(dataset: &Dataset, writer: &mut StoreWriter) -> Result<(), Error> {
    time_of(dataset)?.map_or(Ok(()), |time| writer.put(SECTION, &[time]))
}

/// Refuses to change a store that [`as_of`] made.
pub(crate) fn refuse(dataset: &Dataset) -> Result<(), Error> {
    let Some(time) = time_of(dataset)? else { return Ok(()) };
    let (store, time) = (dataset.path().display(), rfc3339(time).unwrap_or_default());
    Err(Error::Usage(format!(
        "{store} was made by as-of and holds what had happened by {time}: it can be asked, not changed; change the store that it was \
         made of"
    )))
}

/// Writes a store as it stood at the end of a second to `output`, where there may be another such store.
///
/// # Errors
/// [`Error::Usage`] if nothing was seen by then, or another kind of store is at `output`; [`Error::StoreDamaged`] if a checksum is
/// wrong; [`Error::Interrupted`]; and as [`Dataset::open`], of what is at `output` as well, and [`StoreWriter::create`].
pub fn as_of(store: &Path, time: Seconds, output: &Path, observer: &dyn Observer) -> Result<AsOf, Error> {
    let steps = Steps::of(observer);
    if let Some(folder) = output.parent() {
        store::refuse_among_files(folder)?;
    }
    if store::is_store(output) && time_of(&Dataset::open(output)?)?.is_none() {
        let output = output.display();
        return Err(Error::Usage(format!("{output} is a store of its own, which this would replace: choose another folder")));
    }
    steps.begin("cutting")?;
    let today = Dataset::open(store)?;
    // What is written gets checksums of its own.
    today.store().verify()?;
    if let Some(stands) = time_of(&today)?.filter(|&stands| stands < time) {
        let stands = rfc3339(stands).unwrap_or_default();
        return Err(Error::Usage(format!("{} holds what had happened by {stands}, and nothing later", store.display())));
    }
    let cut = today.graph().going_on_at(time.saturating_add(1));
    let accounts_today = today.graph().account_count();
    let banned_later: Vec<bool> = today.accounts().banned_at.iter().map(|&at| at > time).collect();
    let events_of_all = today.activity().event_count() as u64;
    // Settings of another version can't be kept, and are no reason not to cut.
    let last = LastDetection::of(&today).ok().flatten();
    let then = today.until(time)?;
    let kept = Kept::seen(&then);
    let mut ingested = kept.ingested(&then, EventIds::default())?;
    if ingested.graph.sighting_count() == 0 {
        let (store, time) = (store.display(), rfc3339(time).unwrap_or_default());
        return Err(Error::Usage(format!("nothing in {store} was seen by {time}")));
    }
    ingested.releases.retain(|release| release.1 <= time);
    // Whoever was banned later had another state then, which nobody has noted.
    for (status, later) in ingested.accounts.status.iter_mut().zip(kept.by_account(&banned_later)) {
        if later {
            *status = NONE_U16;
        }
    }
    let report = AsOf {
        as_of: rfc3339(time).unwrap_or_default(),
        accounts: ingested.graph.account_count() as u64,
        accounts_later: (accounts_today - ingested.graph.account_count()) as u64,
        identifiers: ingested.graph.identifier_count() as u64,
        sightings: ingested.graph.sighting_count() as u64,
        sightings_cut: cut as u64,
        events: ingested.activity.event_count() as u64,
        events_of_all,
    };
    steps.begin("writing")?;
    let mut writer = StoreWriter::create(output)?;
    writer.set_key_id(then.manifest().key_id.clone());
    kept.put(&mut writer, &then, ingested)?;
    privacy::keep_sealed_keys(&then, &mut writer)?;
    privacy::keep_forgotten(&then, &mut writer)?;
    if let Some(LastDetection { config, lists }) = last {
        LastDetection { config, lists: kept.lists(&then, lists) }.keep(&mut writer)?;
    }
    writer.put(SECTION, &[time])?;
    steps.begin("writing")?;
    writer.commit()?;
    Ok(report)
}

#[cfg(test)]
mod tests {
    use events::IngestConfig;
    use proptest::prelude::*;

    use super::*;
    use crate::observe::Unobserved;
    use crate::testing::{START, content, store_of_events};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// A store as of a time has what a build of the events until then has.
        #[test]
        fn a_store_as_of_a_time_is_one_of_what_came_before(
            rows in prop::collection::vec((0u32..12, 1u32..20, 0u32..10, 0u32..100), 1..80),
            time in 0u32..100,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let until: Vec<_> = rows.iter().copied().filter(|row| row.3 <= time).collect();
            let today = store_of_events(folder.path(), "today", &rows);
            let past = folder.path().join("past");
            let made = as_of(&today, START + time, &past, &Unobserved);
            if until.is_empty() {
                prop_assert!(matches!(made, Err(Error::Usage(_))) && !past.exists());
                return Ok(());
            }
            let report = made.unwrap();
            let built = store_of_events(folder.path(), "built", &until);
            prop_assert_eq!(content(&past).without_last_times(), content(&built).without_last_times());
            let of = Dataset::open(&past).unwrap();
            let columns = of.graph().columns();
            prop_assert!(columns.last_seen.iter().all(|&last| last <= START + time));
            // Accounts were last seen when their events say, and not when the store was cut.
            let spans = |of: &Dataset| -> Vec<(u32, u32)> {
                let accounts = (0..of.graph().account_count() as u32).map(graph::AccountId);
                accounts.map(|account| crate::query::span_of_account(of, account)).collect()
            };
            prop_assert_eq!(spans(&of), spans(&Dataset::open(&built).unwrap()));
            prop_assert_eq!((report.sightings, report.events), (columns.identifiers.len() as u64, until.len() as u64));
            // Once more from there, and once more onto itself.
            let again = folder.path().join("again");
            as_of(&past, START + time, &again, &Unobserved).unwrap();
            prop_assert_eq!(content(&again).without_last_times(), content(&built).without_last_times());
            as_of(&today, START + time, &past, &Unobserved).unwrap();
            prop_assert!(as_of(&today, START + time, &built, &Unobserved).is_err());
            let update = crate::build::update(&[folder.path().join("built.csv")], &past, &IngestConfig::default(), &Unobserved);
            prop_assert!(matches!(update, Err(Error::Usage(_))));
        }
    }
}
