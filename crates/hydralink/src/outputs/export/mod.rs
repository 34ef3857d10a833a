//! How does a finding leave for Gephi, a notebook, a ticket or a partner's platform?
//!
//! [`export`] chooses what is drawn ([`ExportGraph::from_dataset`]), asks the caller's layout for places, and writes one of the
//! formats. Every format is a function of [`ExportGraph`], which is plain data, and streams to any `impl Write`.
//!
//! | format | for | holds |
//! |---|---|---|
//! | [`graphml`] | Gephi, networkx, igraph, graph-tool ... | nodes, edges, looks |
//! | [`gexf`] | Gephi with its timeline | the same, with intervals |
//! | [`csv`](tables), [`parquet`] | spreadsheets, DuckDB, polars | nodes, edges, memberships, evidence |
//! | [`actions`] | enforcement systems | one JSON object a proposed action |
//! | [`stix`] | threat-intelligence platforms | a STIX 2.1 bundle |
//! | [`misp`] | MISP | one event |
//!
//! Files are written beside and renamed, and compressed when their name ends in `.gz` or `.zst`. What a file leaves out is in
//! its [`ExportSummary`] and, where the format has a place for it, in the file.
//!
//! ```
//! # let (_folder, store) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/example_store.rs"));
//! use hydralink::export::{ExportConfig, Networks};
//! use hydralink::{Dataset, Unobserved, export_drawn};
//!
//! let dataset = Dataset::open(&store)?;
//! let results = dataset.labelling()?;
//! let mut config = ExportConfig::default();
//! config.selection.networks = Networks::Chosen(vec![dataset.network_index(&results, "1")?]);
//! let written = export_drawn(&dataset, &results, &config, &store.with_file_name("network.graphml"), &Unobserved)?;
//! assert!(written.nodes > 0 && written.edges > 0);
//! # Ok::<(), hydralink::Error>(())
//! ```

pub mod view;

mod anonymity;
mod choose;
mod collapse;
pub mod layout;
mod naming;
mod order;
mod project;
mod touched;

pub mod about;
pub(crate) mod columns;
pub mod look;
mod xml;

pub mod gexf;
pub mod graphml;
pub mod parquet;
pub mod tables;

pub mod actions;
pub mod misp;
pub mod share;
pub mod stix;

mod run;
mod sink;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use crate::counted::{counted, grouped};
use crate::privacy::ExportKey;
pub use about::Fidelity;
pub use look::ColorBy;
pub use naming::Level;
pub(crate) use naming::{HIDDEN, Naming, may_be};
pub use run::{ExportSummary, Format, WrittenFile, export, write_graph};
pub use share::{Sharing, Tlp};
pub use sink::Compression;
pub(crate) use sink::write_file;
pub use view::{ExportEdge, ExportGraph, ExportHub, ExportNode, LeftOut};

/// Which networks are drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Networks {
    /// These, as indices into the results.
    Chosen(Vec<usize>),
    /// Those over the threshold of the run.
    #[default]
    Flagged,
    /// All candidates.
    Candidates,
    /// The whole graph, in networks or not.
    Whole,
}

impl Networks {
    fn what(&self) -> &'static str {
        match self {
            Networks::Chosen(_) => "chosen networks",
            Networks::Flagged => "flagged networks",
            Networks::Candidates => "candidate networks",
            Networks::Whole => "the whole graph",
        }
    }

    /// What is selected, and how much: accounts that only touch a network are none of its own.
    fn words(&self, networks: usize, accounts: usize, touching: usize) -> String {
        let touching = match (self, touching) {
            (Networks::Whole, _) | (_, 0) => String::new(),
            (_, 1) => " and 1 more that touches them".to_owned(),
            (_, more) => format!(" and {} more that touch them", grouped(more as u64)),
        };
        format!("{}: {}, {}{touching}", self.what(), counted(networks as u64, "network"), counted(accounts as u64, "account"))
    }

    /// What stays the same in every export of this selection: of chosen networks their ids, of all others nothing that is counted.
    fn id<'n>(&self, networks: impl Iterator<Item = &'n str>) -> String {
        let mut ids: Vec<&str> = if matches!(self, Networks::Chosen(_)) { networks.collect() } else { Vec::new() };
        ids.sort_unstable();
        format!("{} {}", self.what(), ids.join(" ")).trim_end().to_owned()
    }
}

/// What is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Which networks.
    pub networks: Networks,
    /// Above this many nodes something gives way.
    pub max_nodes: usize,
    /// What that is.
    pub crowd: Crowd,
    /// How identifying values are shown.
    pub level: Level,
    /// Whether of the identifiers only those are drawn that are enough to tie every member of the networks: see [`crate::how`].
    pub minimal: bool,
    /// Accounts joined with accounts instead of with identifiers, if that takes no more than so many pairs (`project`).
    pub pair_budget: Option<u64>,
    /// If more than 1, nothing is shown that is about fewer accounts (k-anonymity of attributes and identifiers).
    pub k: u32,
}

impl Default for Selection {
    /// Flagged networks, 50,000 nodes (what Gephi lays out at a bearable speed), values as stored.
    fn default() -> Self {
        Selection {
            networks: Networks::Flagged,
            max_nodes: 50_000,
            crowd: Crowd::Collapse,
            level: Level::Full,
            minimal: false,
            pair_budget: None,
            k: 1,
        }
    }
}

/// What gives way where there are more nodes than wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Crowd {
    /// Groups stand for their accounts; of one network, whose group would be all there is, identifiers as with [`Crowd::Thin`], while
    /// all accounts fit.
    Collapse,
    /// Accounts stay while they leave room for a quarter as many identifiers, each with its share of 200,000 edges to those of
    /// every kind that tell most: first those that a network keeps to itself, then those that tie more accounts. Else as
    /// [`Crowd::Collapse`].
    Thin,
}

/// Whether nodes get places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Places {
    /// Those that a layout gives them.
    #[default]
    LaidOut,
    /// None: whoever opens the file lays it out. Of a graph of a million edges the layout takes nearly all the time, and most of
    /// the memory.
    Nowhere,
}

/// How to export.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExportConfig {
    /// What is drawn.
    pub selection: Selection,
    /// What colours mean.
    pub colors: ColorBy,
    /// Whether the nodes of GraphML and GEXF get places.
    pub places: Places,
    /// Where GraphML says what it is.
    pub metadata: graphml::Metadata,
    /// Key of the pseudonyms.
    pub key: Option<ExportKey>,
    /// The format; by the name of the file if `None`.
    pub format: Option<Format>,
    /// How indicators are shared: STIX, MISP and actions.
    pub sharing: Sharing,
}
