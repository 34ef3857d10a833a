//! What happened?
//!
//! Event logs in, dense numbers out: the only crate that sees raw input. [`ingest()`] reads CSV, TSV, JSON Lines, Parquet and
//! Arrow record batches in parallel, brings every identifier into its canonical form, interns the strings, and returns the
//! graph, the activity and the names. A bad row never stops a file: it is counted and written aside.
//!
//! ```no_run
//! use events::{IngestConfig, Unobserved, ingest};
//! let ingested = ingest(&["events.parquet".into()], &IngestConfig::default(), &Unobserved)?;
//! println!("{} sightings", ingested.graph.sighting_count());
//! # Ok::<(), events::EventError>(())
//! ```

#![deny(missing_docs)]

pub mod base;
pub mod batches;
pub mod config;
pub mod enrich;
pub mod error;
pub mod event_ids;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod hex;
pub mod ingest;
mod ingested;
pub mod keep;
pub mod names;
pub mod normalise;
pub mod profile;
pub mod schema;
pub mod tables;
pub mod templates;

mod assemble;
mod bad;
mod behaviour;
mod block;
mod cells;
mod chunks;
mod columnar;
mod fields;
mod folders;
mod forgotten;
mod gather;
mod header;
mod intern;
mod json;
mod labels;
mod manners;
mod options;
mod patterns;
mod plain;
mod quotes;
mod ranges;
mod rejection;
mod rejections;
mod repeats;
mod rows;
mod runs;
mod session;
mod source;
mod spill;
mod text;
mod values;
mod waiting;

pub use bad::{FileNotes, RejectedFile};
pub use base::Base;
pub use batches::{Batches, Sources, parquet_as_csv};
pub use config::{IngestConfig, IngestObserver, SchemaMode, TooManyBad, Unobserved};
pub use enrich::{AddressNetwork, Enrichment, EnrichmentFile};
pub use error::{EventError, Numbered, SHOWN, in_one_line, shortened};
pub use event_ids::EventIds;
pub use forgotten::{ForgottenAccounts, ForgottenHash};
pub use ingest::{ingest, ingest_into};
pub use ingested::{AlikeAccounts, FileRead, FilledColumn, Ingested, SeveralNames, Template, UnreadField};
pub use keep::{Element, Growing, InMemory, Keeper};
pub use names::{Names, NamesRef};
pub use normalise::forwarded::TrustedProxies;
pub use normalise::pseudonym::{Pseudonyms, SealedKey};
pub use options::{Caller, OptionName, messages_are_for};
pub use profile::{KindProfile, Profile, profile};
pub use rejection::Rejection;
pub use repeats::{FilesAlike, Repeats};
pub use source::COPY;
pub use tables::{ACCOUNT_COLUMNS, AccountAttributes, SideTables, TableRead, columns_of};
