//! How does a store let go of what is too old to be kept?
//!
//! The sightings, events, accounts and identifiers of which nothing was seen since a time are left out, as if the logs had
//! begun then; what remains is numbered as a build of it would number it, so that batches can go on being added. A sighting
//! that went on begins with its account's first event since, and its count is capped at what its account has done since (a store
//! keeps a sighting, not each of its events); one without a time stays. Templates and the lists of the last detection lose what
//! they say of accounts and identifiers that go, the account table and the allow list what they say of accounts, the string tables
//! the words that are said of nobody any more, as in [`super::forget()`].
//!
//! The last detection is run again, with its own settings; networks keep their ids, for their record is kept by the numbers of
//! those who stay. What remains and the results about it become visible at once; work that ends before leaves the store as it
//! was. Decisions stay as they are: they are what an appeal rests on, and [`super::forget()`] erases names in them.
//! Hashes of event ids stay, so that old events read again don't count; those without ids do. The old files are removed, not
//! overwritten.
//!
//! Cost: that of a rewrite and of a detection; the part that is kept is in memory twice.

use std::path::Path;

use events::Ingested;
use graph::{NO_TIME, Seconds};
use serde::Serialize;

use super::changed::{Changed, Has};
use super::forget::detect_again;
use crate::dataset::Dataset;
use crate::detect::last;
use crate::error::Error;
use crate::observe::{Observer, Steps};
use crate::options::{ALLOW_MOST, DRY_RUN};
use crate::rules::Lists;
use crate::store::StoreWriter;
use crate::subset::Kept;
use crate::subset::side_tables::{About, RowsGone};
use crate::time::rfc3339;
use crate::{as_of, build, lineage};

/// From when on things are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeptSince {
    /// From the beginning of this second.
    Time(Seconds),
    /// So long before the last sighting of the store.
    Last(Seconds),
}

/// How much may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Extent {
    /// Up to [`MOST`] of the accounts: more of them is a clock that is wrong, or a length that was mistyped.
    #[default]
    Usual,
    /// Whatever is too old.
    Any,
}

/// The share of accounts that goes without being asked for twice.
pub const MOST: f64 = 0.9;

/// What is, or is to be, let go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Expired {
    /// The time from which on everything is kept, RFC 3339.
    pub since: String,
    /// Accounts that are gone.
    pub accounts: u64,
    /// Identifiers that are gone.
    pub identifiers: u64,
    /// Sightings that are gone.
    pub sightings: u64,
    /// Sightings that went on: they begin with their accounts' first events since.
    pub sightings_cut: u64,
    /// Sightings without a time, which stay.
    pub sightings_without_time: u64,
    /// Events that are gone.
    pub events: u64,
    /// Rows of the account table about accounts that are gone: one that comes back is not known until a table names it again.
    pub account_rows: u64,
    /// Lines of the allow list about accounts that are gone, which link again if they come back.
    pub allowed_rows: u64,
    /// Whether the detection was run again.
    pub detected_again: bool,
    /// What is otherwise since.
    #[serde(flatten)]
    pub changed: Changed,
}

/// What would be let go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Expirable {
    /// What would be gone; nothing is detected.
    #[serde(flatten)]
    pub expired: Expired,
    /// Accounts of the store.
    pub of_accounts: u64,
    /// Whether so many accounts would go that [`Extent::Usual`] refuses it.
    pub refused: bool,
    /// Networks over the threshold that would lose accounts, by rank.
    pub networks: Vec<Ageing>,
}

/// A network that would lose accounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Ageing {
    /// Its id.
    pub id: String,
    /// Core and fringe accounts.
    pub accounts: u64,
    /// Those of them that would be gone.
    pub gone: u64,
}

/// A store without what is too old.
struct Aged {
    dataset: Dataset,
    kept: Kept,
    ingested: Ingested,
    of_accounts: u64,
    expired: Expired,
}

impl Aged {
    fn of(dataset: Dataset, since: KeptSince) -> Result<Self, Error> {
        let time = match since {
            KeptSince::Time(time) => time,
            KeptSince::Last(length) => match dataset.graph().last_seen() {
                NO_TIME => {
                    let store = dataset.path().display();
                    return Err(Error::Usage(format!(
                        "nothing in {store} has a time, so nothing is too old: nothing was changed"
                    )));
                }
                last => last.saturating_sub(length),
            },
        };
        let (before, cut) = (counts(&dataset), dataset.graph().going_on_at(time));
        let without_time = dataset.graph().columns().first_seen.iter().filter(|&&time| time == NO_TIME).count();
        let dataset = dataset.since(time)?;
        let kept = Kept::seen(&dataset);
        let ingested = kept.ingested(&dataset, build::event_ids(&dataset)?)?;
        let since = rfc3339(time).unwrap_or_default();
        if ingested.graph.sighting_count() == 0 {
            let store = dataset.path().display();
            return Err(Error::Usage(format!(
                "nothing in {store} was seen since {since}: nothing would be left; nothing was changed"
            )));
        }
        let rows_gone: RowsGone = kept.side_rows_gone(&dataset, About::Accounts)?;
        let expired = Expired {
            since,
            accounts: before[0] - ingested.graph.account_count() as u64,
            identifiers: before[1] - ingested.graph.identifier_count() as u64,
            sightings: before[2] - ingested.graph.sighting_count() as u64,
            sightings_cut: cut as u64,
            sightings_without_time: without_time as u64,
            events: before[3] - ingested.activity.event_count() as u64,
            account_rows: rows_gone.accounts,
            allowed_rows: rows_gone.allowed,
            detected_again: false,
            changed: Changed::default(),
        };
        Ok(Aged { dataset, kept, ingested, of_accounts: before[0], expired })
    }

    fn is_too_much(&self) -> bool {
        self.expired.accounts as f64 > MOST * self.of_accounts as f64
    }
}

/// Tells what [`expire`] would remove from a store, and writes nothing.
///
/// # Errors
/// As [`expire`], but that nothing is refused for its extent.
pub fn expirable(store: &Path, since: KeptSince, observer: &dyn Observer) -> Result<Expirable, Error> {
    let steps = Steps::of(observer);
    let dataset = Dataset::open(store)?;
    as_of::refuse(&dataset)?;
    let labelling = dataset.labelling_if_any()?;
    steps.begin("counting")?;
    let aged = Aged::of(dataset, since)?;
    let heads = labelling.iter().flat_map(|labels| labels.heads().iter().enumerate().map(move |(at, head)| (labels, at, head)));
    let ageing = heads.filter(|(_, _, head)| head.flagged).map(|(labels, at, head)| {
        let members = labels.belonging(at);
        let gone = members.iter().filter(|&&account| !aged.kept.has_account(account)).count() as u64;
        Ageing { id: head.id.clone(), accounts: members.len() as u64, gone }
    });
    Ok(Expirable {
        networks: ageing.filter(|network| network.gone > 0).collect(),
        of_accounts: aged.of_accounts,
        refused: aged.is_too_much(),
        expired: aged.expired,
    })
}

/// Removes from a store what was last seen before a time. Nothing is written if there is nothing to remove.
///
/// # Errors
/// [`Error::Usage`] if nothing would be left, or less than `extent` lets go, or a length counts from the last sighting and none has a
/// time, or for a store that [`crate::as_of()`] made;
/// [`Error::Interrupted`]; and as [`crate::detect()`].
pub fn expire(store: &Path, since: KeptSince, extent: Extent, observer: &dyn Observer) -> Result<Expired, Error> {
    let steps = Steps::of(observer);
    let mut writer = StoreWriter::amend(store)?;
    let dataset = Dataset::open(store)?;
    as_of::refuse(&dataset)?;
    steps.begin("checking")?;
    dataset.store().verify()?;
    let labelling = dataset.labelling_if_any()?;
    let before = Has::of(&dataset, labelling.as_ref());
    let run = labelling.map(|results| results.run);
    steps.begin("rewriting")?;
    let aged = Aged::of(dataset, since)?;
    if extent == Extent::Usual && aged.is_too_much() {
        return Err(Error::Usage(format!(
            "{} of the {} accounts of {} were last seen before {}: that is more than {:.0}%, and nothing was changed. {DRY_RUN} tells what \
             would go; {ALLOW_MOST} lets it go",
            aged.expired.accounts,
            aged.of_accounts,
            store.display(),
            aged.expired.since,
            100.0 * MOST
        )));
    }
    let Aged { dataset, kept, ingested, mut expired, .. } = aged;
    if expired.sightings + expired.sightings_cut + expired.events == 0 {
        return Ok(expired);
    }
    let lists = kept.lists(&dataset, Lists::kept_in(&dataset)?);
    writer.forget("");
    kept.put(&mut writer, &dataset, ingested)?;
    kept.put_side_tables(&mut writer, &dataset, About::Accounts)?;
    super::keep_sealed_keys(&dataset, &mut writer)?;
    super::keep_forgotten(&dataset, &mut writer)?;
    lineage::keep(&dataset, &kept, lineage::Cause::Expired, &mut writer)?;
    if run.is_none() {
        last::carry(&dataset, |lists| kept.lists(&dataset, lists), &mut writer)?;
    }
    steps.begin("writing")?;
    let cases = dataset.cases()?;
    // A part of it is in memory.
    drop((dataset, kept));
    if let Some(run) = run {
        writer = detect_again(writer, (&run, &lists), cases, observer)?;
        expired.detected_again = true;
    }
    writer.commit()?;
    expired.changed = before.beside(store)?;
    Ok(expired)
}

/// Accounts, identifiers, sightings, events.
fn counts(dataset: &Dataset) -> [u64; 4] {
    let graph = dataset.graph();
    [graph.account_count(), graph.identifier_count(), graph.sighting_count(), dataset.activity().event_count()]
        .map(|count| count as u64)
}

#[cfg(test)]
mod tests {
    use events::IngestConfig;
    use proptest::prelude::*;

    use super::*;
    use crate::observe::Unobserved;
    use crate::testing::{START, content, events_file, interrupted_everywhere, store_of_events};

    #[test]
    fn work_that_is_interrupted_changes_nothing_and_can_be_begun_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = store_of_events(folder.path(), "s", &[(1, 1, 1, 1), (2, 1, 2, 50), (3, 1, 2, 60)]);
        crate::detect::detect(&path, &crate::DetectConfig::default(), &Unobserved).unwrap();
        let expired =
            interrupted_everywhere(&path, |observer| expire(&path, KeptSince::Time(START + 20), Extent::Usual, observer));
        assert_eq!((expired.events, expired.detected_again), (1, true));
    }

    #[test]
    fn what_would_go_is_told_and_too_much_goes_only_where_it_is_meant() {
        let folder = tempfile::tempdir().unwrap();
        let rows: Vec<_> =
            (0..20u32).map(|account| (account, 1 + account % 3, 1, if account < 19 { account } else { 100 })).collect();
        let path = store_of_events(folder.path(), "s", &rows);
        let before = content(&path);
        let told = expirable(&path, KeptSince::Last(10), &Unobserved).unwrap();
        assert_eq!((told.expired.accounts, told.of_accounts, told.expired.events, told.refused), (19, 20, 19, true));
        assert!(!expirable(&path, KeptSince::Time(START + 18), &Unobserved).unwrap().refused, "18 of 20 may go");
        let refused = expire(&path, KeptSince::Last(10), Extent::Usual, &Unobserved).unwrap_err().to_string();
        assert!(refused.contains("19 of the 20 accounts") && refused.contains("`Extent::Any`"), "{refused}");
        assert_eq!(content(&path), before);
        let expired = expire(&path, KeptSince::Last(10), Extent::Any, &Unobserved).unwrap();
        assert_eq!(expired, told.expired);
        assert!(content(&path) != before);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// A store without what is too old has what a build of the rest has, and goes on as that does.
        #[test]
        fn what_is_left_is_a_store_of_what_came_since(
            rows in prop::collection::vec((0u32..12, 1u32..20, 0u32..10, 0u32..100), 1..80),
            later in prop::collection::vec((0u32..15, 1u32..25, 0u32..12, 100u32..200), 1..20),
            time in 0u32..100,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let since: Vec<_> = rows.iter().copied().filter(|row| row.3 >= time).collect();
            let store = store_of_events(folder.path(), "store", &rows);
            let before = content(&store);
            let expired = expire(&store, KeptSince::Time(START + time), Extent::Any, &Unobserved);
            if since.is_empty() {
                prop_assert!(matches!(expired, Err(Error::Usage(_))));
                prop_assert_eq!(content(&store), before);
                return Ok(());
            }
            let expired = expired.unwrap();
            let built = store_of_events(folder.path(), "built", &since);
            prop_assert_eq!(content(&store).without_first_times(), content(&built).without_first_times());
            prop_assert!(content(&store).sightings.iter().all(|sighting| sighting.2 >= START + time));
            let models = |store: &Path| Dataset::open(store).unwrap().tables().models.clone();
            prop_assert_eq!(models(&store), models(&built));
            prop_assert_eq!(expired.events, (rows.len() - since.len()) as u64);
            let nothing = expire(&store, KeptSince::Time(START + time), Extent::Any, &Unobserved).unwrap();
            prop_assert_eq!((nothing.sightings, nothing.sightings_cut, nothing.events), (0, 0, 0));
            let batch = [events_file(folder.path(), "later", &later)];
            for store in [&store, &built] {
                crate::build::update(&batch, store, &IngestConfig::default(), &Unobserved).unwrap();
            }
            prop_assert_eq!(content(&store).without_first_times(), content(&built).without_first_times());
        }
    }
}
