//! Links accounts that share infrastructure and finds the proxy networks among them.
//!
//! [`build()`] reads event logs into a store, [`detect()`] finds the networks in it, and a [`Dataset`] is the open store that
//! every question is asked of.
//!
//! ```
//! use hydralink::synth::{Format, Tier, WorldConfig, write_world};
//! use hydralink::{Dataset, DetectConfig, IngestConfig, Unobserved, build, detect};
//!
//! # let folder = tempfile::tempdir().expect("a folder");
//! # let (world, store) = (folder.path().join("world"), folder.path().join("store"));
//! write_world(&world, &WorldConfig::new(Tier::Xs, 2), Format::Csv, &mut |_| {}).expect("a small synthetic world");
//! build(&[world.join("events.csv")], &store, &IngestConfig::default(), &Unobserved)?;
//! let results = detect(&store, &DetectConfig::default(), &Unobserved)?;
//! for network in results.networks.iter().filter(|network| network.flagged) {
//!     println!("{} {:.1} bits: {}", network.id, network.score, network.why);
//! }
//! let dataset = Dataset::open(&store)?;
//! let widest = hydralink::query::hubs(&dataset, results.labelling(), Some("ip"))?.next().expect("an address");
//! println!("{} has {} accounts: {}", widest.identifier, widest.accounts, widest.class);
//! # Ok::<(), hydralink::Error>(())
//! ```
//!
//! Events needn't lie in files. What an iterator gives goes in as Arrow record batches (of `arrow-array` in this crate's
//! version): here a row a sighting, of kinds of one's own choice; a `timestamp` column, or a row an exchange with a column for
//! each kind, is read as from files.
//!
//! ```
//! use std::sync::Arc;
//!
//! use arrow_array::{ArrayRef, RecordBatch, RecordBatchIterator, StringArray};
//! use hydralink::{Batches, Dataset, DetectConfig, IngestConfig, Unobserved, build, detect, links};
//!
//! // Two hundred strangers with an address and a card each; of twelve accounts four share each of three addresses and six each
//! // of two cards.
//! let strangers = (0..200).flat_map(|at| {
//!     [("ip", format!("20.0.{at}.1")), ("card", format!("c{at}"))].map(|it| (format!("u{at}"), it))
//! });
//! let pool = (0..12).flat_map(|at| {
//!     [("ip", format!("30.0.0.{}", at % 3)), ("card", format!("p{}", at / 6))].map(|it| (format!("p{at}"), it))
//! });
//! type Sighting = (String, (&'static str, String));
//! let sightings: Vec<Sighting> = strangers.chain(pool).collect();
//! let column = |of: fn(&Sighting) -> &str| -> ArrayRef {
//!     Arc::new(StringArray::from_iter_values(sightings.iter().map(of)))
//! };
//! let batch = RecordBatch::try_from_iter([
//!     ("account_id", column(|row| &row.0)),
//!     ("entity_kind", column(|row| row.1.0)),
//!     ("entity_value", column(|row| &row.1.1)),
//! ])?;
//! let reader = RecordBatchIterator::new([Ok(batch.clone())], batch.schema());
//!
//! # let folder = tempfile::tempdir()?;
//! # let store = folder.path().join("store");
//! build(Batches::new("sightings", reader), &store, &IngestConfig::default(), &Unobserved)?;
//! let results = detect(&store, &DetectConfig::default(), &Unobserved)?;
//! let dataset = Dataset::open(&store)?;
//! let why = links::why(&dataset, results.labelling(), dataset.account("p0")?, dataset.account("p3")?)?;
//! println!("{}", why.answer);
//! for shared in &why.shared {
//!     println!("{} ({} accounts): {:.1} bits", shared.identifier, shared.accounts, shared.bits);
//! }
//! # assert_eq!(why.shared.iter().map(|shared| shared.accounts).sum::<u64>(), 10);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Answers are plain data to be read: their types are `#[non_exhaustive]`, for fields are added. Settings (`...Config`) are
//! to be made, with `..Default::default()` for all that isn't set: what is added keeps what was. What callers can make as well
//! as get ([`report::ReportData`], [`export::ExportGraph`], labels for [`evaluate`], rules) is open, as are names of signals, so that
//! whoever has a word for each is told of a new one: a field or a name that is added to those is a new major version.
//!
//! | module | question |
//! |---|---|
//! | [`build`](mod@build), [`detect`](mod@detect) | from logs to networks |
//! | [`query`], [`top`], [`filter`] | what is known of a node, which nodes are like this |
//! | [`links`], [`why_not`], [`paths`], [`ties`] | what joins two, and by how many bits |
//! | [`how`], [`cohesion`], [`expand`] | what holds a network together, how tightly, and what lies around some accounts |
//! | [`dense`], [`lockstep`] | where it is densest, and who moves together, whatever was detected |
//! | [`dossier`], [`results`] | why is this a network, and what speaks against it |
//! | [`appeal`], [`statement`], [`roles`] | why is this account in it, as what, and in words for its owner |
//! | [`assess`] | how strong a case is there against accounts that somebody lists |
//! | [`significance`] | do two share more than chance has them share |
//! | [`diff`], [`lineage`](mod@lineage) | what became of each network since |
//! | [`as_of`](mod@as_of) | what was known at an earlier time |
//! | [`linkage`] | components and communities on request |
//! | [`calibrate`](mod@calibrate) | what would chance alone have given |
//! | [`backtest`](mod@backtest) | when would it have been found |
//! | [`consensus`](mod@consensus) | would the same be found if a little had not been seen |
//! | [`info`](mod@info) | what a store holds |
//! | [`layers`] | who runs the accounts, and whose traffic goes through them |
//! | [`evaluate`], [`baselines`], [`ablate`], [`redteam`] | how right was it, beside others, without a part, against an attacker who pays |
//! | [`rules`] | who is one by rules and lists that somebody wrote down |
//! | [`review`] | what to look at in the hours that there are |
//! | [`cases`] | what people decided, and what follows |
//! | [`bans`] | what to do, and whom it would hurt |
//! | [`privacy`] | who may know the values |
//! | [`share`](mod@share) | what two labs know in common, without values |
//! | [`export`], [`arrow`], [`report`] | how it leaves for other tools |
//! | [`unseen`] | which characters of a name nobody sees |
//! | [`observe`] | how far is long work, and shall it go on |
//! | [`store`] | what lies on disk |

#![deny(missing_docs)]

#[cfg(test)]
pub(crate) mod testing;

pub mod build;
mod chain;
pub mod counted;
pub mod dataset;
pub mod detect;
mod enrich;
pub mod error;
mod interval;
pub mod names;
pub mod node;
pub mod observe;
mod options;
pub mod privacy;
pub mod results;
pub mod store;
mod subset;
pub mod time;
pub mod unseen;

// Modules by what they are for; their paths don't say it.
mod decisions;
mod history;
mod linking;
mod outputs;
mod questions;
mod trials;

pub use decisions::{bans, cases, review};
pub use history::{as_of, diff, lineage};
pub use linking::{dense, linkage, lockstep, rules};
pub use outputs::{arrow, dossier, export, report, share, statement};
pub use questions::{
    appeal, assess, cohesion, expand, filter, how, info, layers, links, paths, query, roles, significance, ties, top, why_not,
};
pub use trials::{ablate, backtest, baselines, calibrate, consensus, evaluate, redteam};

pub use as_of::{AsOf, as_of};
pub use build::{BuildSummary, build, profile, update, update_and_detect};
pub use calibrate::{CalibrateConfig, Calibration, calibrate};
pub use community::{CommunityError, Effort};
pub use consensus::{ConsensusConfig, Stability, consensus};
pub use dataset::Dataset;
pub use detect::{DetectConfig, LastDetection, Resolution, SettingChange, detect, detect_by};
pub use error::Error;
pub use events::normalise::time::Zone;
pub use events::schema::ColumnName;
pub use events::{
    AddressNetwork, AlikeAccounts, Batches, Caller, EnrichmentFile, EventError, FileNotes, FileRead, FilesAlike, FilledColumn,
    ForgottenAccounts, IngestConfig, KindProfile, Numbered, OptionName, Profile, Pseudonyms, RejectedFile, Repeats, SchemaMode,
    SealedKey, SeveralNames, Sources, TableRead, TooManyBad, TrustedProxies, UnreadField, messages_are_for,
};
pub use evidence::behaviour::BehaviourConfig;
pub use evidence::{
    BenignConfig, ClassifyConfig, KindLimit, KindRole, LinkageConfig, MemberConfig, OutOfRange, Policy, ScoreConfig,
    SignalFamily, SignalName, TestName, Tie, TieTerms, UnknownName, WeighConfig, WeightScheme,
};
pub use graph::{
    AccountId, BipartiteGraph, Column, CostedGraph, GraphError, IdentifierId, KindId, NO_TIME, NONE_U32, NetworkType,
    Partition, Seconds, Sighting, VertexId, WeightedGraph,
};
pub use info::{Info, info};
pub use linkage::{
    Algorithm, CommunityAudit, CommunitySearch, ComponentFilter, FoundCommunities, Giant, Quality, ResolutionPoint, SweepPoint,
    communities, components, degree_sweep, detected_components, resolution_sweep, usual_resolutions,
};
pub use node::Node;
pub use observe::{Amount, Observer, Progress, Unobserved};
pub use results::{Labelling, Membership, Network, NetworkHead, Results, Run, SignalLine, TyingIdentifier};
pub use roles::AccountRole;
pub use store::{Reading, Store};
pub use synth;
/// The Arrow that [`Batches`] and [`arrow`](mod@arrow) speak, in the version that they do; the error of batches that break off
/// is `arrow_schema::ArrowError`.
pub use {arrow_array, arrow_schema};

/// [`export::export`] with places by ForceAtlas2, component by component.
///
/// # Errors
/// As [`export::export`].
pub fn export_drawn(
    dataset: &Dataset,
    results: &Labelling,
    config: &export::ExportConfig,
    path: &std::path::Path,
    observer: &dyn Observer,
) -> Result<export::ExportSummary, Error> {
    export::export(dataset, results, config, |graph| places(graph, observer), path, observer)
}

/// Writes the report of a store as one HTML file, beside `path` and then renamed over it; a name that ends in `.gz` or `.zst`
/// is compressed. Returns its size in bytes and what it shows.
///
/// # Errors
/// As [`Dataset::report_data`]; [`Error::Io`] if writing fails: the path then holds what it held before.
pub fn report_drawn(
    dataset: &Dataset,
    results: &Results,
    config: &report::ReportConfig,
    path: &std::path::Path,
    observer: &dyn Observer,
) -> Result<(u64, report::ReportData), Error> {
    let data = dataset.report_data(results, config, observer)?;
    observe::Steps::of(observer).begin("writing")?;
    let (compression, _) = export::Compression::of_name(path);
    let bytes = export::write_file(path, compression, |out| report::write_report(&data, out))?;
    Ok((bytes, data))
}

/// Puts the nodes of a picture where ForceAtlas2 says.
pub(crate) fn place_drawn(graph: &mut export::ExportGraph<'_>, observer: &dyn Observer) -> Result<(), Error> {
    export::layout::place(graph, |graph| places(graph, observer))
}

/// Where ForceAtlas2 puts the vertices of a graph.
fn places(graph: &graph::WeightedGraph, observer: &dyn Observer) -> Result<Vec<[f32; 2]>, Error> {
    let goes_on = || !observer.cancelled();
    let drawn = graph::layout_while(graph, graph::Start::Spiral, &graph::LayoutConfig::default(), &goes_on)?;
    Ok(drawn.ok_or(Error::Interrupted)?.places)
}
