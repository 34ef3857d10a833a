//! What is in this data, before anything is built?

use std::collections::BTreeMap;

use graph::{AccountId, IdentifierId, KindId};
use serde::Serialize;

use crate::bad::FileNotes;
use crate::batches::Sources;
use crate::config::{IngestConfig, IngestObserver, TooManyBad};
use crate::error::EventError;
use crate::ingest::ingest;
use crate::ingested::{FileRead, Ingested, UnreadField};
use crate::repeats::Repeats;

/// Hubs listed a kind.
pub const TOP_HUBS: usize = 5;

/// One kind of identifier.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct KindProfile {
    /// Its name.
    pub kind: String,
    /// Distinct identifiers.
    pub distinct: u64,
    /// Sightings.
    pub sightings: u64,
    /// Accounts an identifier has, at the median (nearest rank).
    pub degree_p50: u64,
    /// At the 90th percentile.
    pub degree_p90: u64,
    /// At the 99th percentile.
    pub degree_p99: u64,
    /// At most.
    pub degree_max: u64,
    /// The widest shared: (value, accounts), ties to the lower id.
    pub hubs: Vec<(String, u64)>,
    /// Account pairs that a projection would make: the sum of d (d - 1) / 2.
    pub projection_pairs: u64,
}

/// What is in some event logs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Profile {
    /// Rows read.
    pub rows: u64,
    /// Rows rejected, by reason.
    pub rejected: BTreeMap<&'static str, u64>,
    /// What is said of bad rows where there are more than a build would take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub too_many_bad: Option<String>,
    /// Rows kept without a field that can't be read.
    pub kept_rows: u64,
    /// Those fields.
    pub unread: Vec<UnreadField>,
    /// Accounts.
    pub accounts: u64,
    /// Accounts that share no identifier with another, in percent.
    pub isolated_percent: f64,
    /// The earliest time in RFC 3339, if any row has one.
    pub first_seen: Option<String>,
    /// The latest.
    pub last_seen: Option<String>,
    /// Events with a time.
    pub timed_events: u64,
    /// Addresses that are not globally routed.
    pub unroutable: u64,
    /// Identifiers given by a word for nothing, such as `NULL` or `unknown`.
    pub absent: u64,
    /// Addresses that were lists of hops.
    pub forwarded: u64,
    /// Prompts too short to link anybody.
    pub short_prompts: u64,
    /// Rows that repeat an event with an id; a build counts each event once.
    pub duplicate_events: u64,
    /// Conflicts: of the rows with one event id and different content all but one; a build counts all of them.
    pub conflicting_events: u64,
    /// Rows that say what another row says.
    pub repeats: Repeats,
    /// The kinds, in byte order.
    pub kinds: Vec<KindProfile>,
    /// Files that lay among those that were read and are no events.
    pub left_out: Vec<String>,
    /// What else is out of the ordinary about the files.
    #[serde(flatten)]
    pub notes: FileNotes,
    /// The files, with columns that are missing or ignored.
    pub files: Vec<FileRead>,
}

/// Reads event logs and describes them, however many rows are bad: what is wrong with data is what it is asked for.
///
/// # Errors
/// As [`ingest`], but for too many bad rows, which [`Profile::too_many_bad`] tells.
pub fn profile<'a>(
    sources: impl Into<Sources<'a>>,
    config: &IngestConfig,
    observer: &dyn IngestObserver,
) -> Result<Profile, EventError> {
    let config = IngestConfig { too_many_bad: TooManyBad::Tell, repeats: true, ..config.clone() };
    Ok(Profile::of(&ingest(sources, &config, observer)?))
}

impl Profile {
    /// Describes what was read. O(sightings).
    pub fn of(ingested: &Ingested) -> Profile {
        let graph = &ingested.graph;
        let accounts = graph.account_count() as u32;
        let shares = |account: &u32| {
            let shared = |identifier: &u32| graph.identifier_degree(IdentifierId(*identifier)) > 1;
            graph.identifiers_of(AccountId(*account)).iter().any(shared)
        };
        let isolated = accounts as usize - (0..accounts).filter(shares).count();
        let times = ingested.activity.columns().time.as_slice();
        let second = |millis: Option<&i64>| Some(jiff::Timestamp::from_second(millis? / 1000).ok()?.to_string());
        Profile {
            rows: ingested.rows,
            rejected: ingested.rejected.iter().map(|(reason, &count)| (reason.name(), count)).collect(),
            too_many_bad: ingested.too_many_bad.clone(),
            kept_rows: ingested.kept_rows,
            unread: ingested.unread.clone(),
            accounts: u64::from(accounts),
            isolated_percent: if accounts == 0 { 0.0 } else { 100.0 * isolated as f64 / f64::from(accounts) },
            first_seen: second(times.iter().min()),
            last_seen: second(times.iter().max()),
            timed_events: times.len() as u64,
            unroutable: ingested.unroutable,
            absent: ingested.absent,
            forwarded: ingested.forwarded,
            short_prompts: ingested.short_prompts,
            duplicate_events: ingested.event_ids.duplicates,
            conflicting_events: ingested.event_ids.conflicts(),
            repeats: ingested.repeats.clone().unwrap_or_default(),
            kinds: (0..graph.kind_count()).map(|kind| kind_profile(ingested, kind)).collect(),
            left_out: ingested.left_out.clone(),
            notes: ingested.notes.clone(),
            files: ingested.files.clone(),
        }
    }
}

fn kind_profile(ingested: &Ingested, kind: usize) -> KindProfile {
    let graph = &ingested.graph;
    let mut degrees: Vec<(u64, u32)> = graph
        .identifiers_of_kind(KindId::of_index(kind))
        .map(|identifier| (graph.identifier_degree(IdentifierId(identifier)) as u64, identifier))
        .collect();
    degrees.sort_unstable_by_key(|&(degree, identifier)| (std::cmp::Reverse(degree), identifier));
    let count = degrees.len();
    // Nearest rank: the smallest degree that at least a share q of the identifiers don't exceed.
    let quantile = |q: f64| {
        let rank = (q * count as f64).ceil().max(1.0) as usize;
        degrees.get(count.wrapping_sub(rank)).map_or(0, |&(degree, _)| degree)
    };
    KindProfile {
        kind: ingested.kind_names[kind].clone(),
        distinct: count as u64,
        sightings: degrees.iter().map(|&(degree, _)| degree).sum(),
        degree_p50: quantile(0.5),
        degree_p90: quantile(0.9),
        degree_p99: quantile(0.99),
        degree_max: quantile(1.0),
        hubs: degrees
            .iter()
            .take(TOP_HUBS)
            .map(|&(degree, identifier)| (ingested.identifier_names.text(identifier).to_string(), degree))
            .collect(),
        projection_pairs: degrees.iter().map(|&(degree, _)| degree * degree.saturating_sub(1) / 2).sum(),
    }
}
