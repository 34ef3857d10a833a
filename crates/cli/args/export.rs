//! What leaves for other tools and other people: export, report.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use hydralink::export::{ColorBy, Tlp};

use super::View;

/// Nodes of a picture, unless more or fewer are asked for.
const MAX_NODES: usize = 50_000;

/// Pairs of a projection, unless more or fewer are asked for.
const PAIR_BUDGET: u64 = 50_000_000;

#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    /// The file to write; .gz and .zst compress. A pipe, a device and - (stdout) are written into, but for csv and parquet,
    /// which are four tables
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Print what was written, and what was left out, as one JSON object on stdout
    #[arg(long)]
    pub(crate) summary: bool,
    /// Only this network (repeat for several; - reads ids from stdin)
    #[arg(long, value_name = "ID")]
    pub(crate) network: Vec<String>,
    /// Also candidates below the threshold
    #[arg(long, conflicts_with = "network")]
    pub(crate) all: bool,
    /// The whole graph, in networks or not; also before `detect`, with weights by the default settings
    #[arg(long, conflicts_with_all = ["network", "all"])]
    pub(crate) whole: bool,
    /// Of the identifiers only those that are enough to tie every member: see `how`
    #[arg(long, conflicts_with = "whole")]
    pub(crate) minimal: bool,
    /// Join accounts with accounts instead of with identifiers: an edge weighs the bits of all that the two share (graphml,
    /// gexf, csv, parquet)
    #[arg(long, conflicts_with = "minimal")]
    pub(crate) project: bool,
    /// Most pairs of accounts that a projection may take; above it nothing is written, and it is told how many there would be
    #[arg(long, default_value_t = PAIR_BUDGET, value_name = "PAIRS", requires = "project")]
    pub(crate) pair_budget: u64,
    /// Above this many nodes a collapsed view is written, of one network its accounts and the identifiers that tell most, and says
    /// so (graphml, gexf)
    #[arg(long, default_value_t = MAX_NODES, value_name = "N")]
    pub(crate) max_nodes: usize,
    /// Give nodes no places: whoever opens the file lays it out, and a graph of millions of edges is written at once (graphml,
    /// gexf; the other formats have none)
    #[arg(long)]
    pub(crate) no_layout: bool,
    /// Show nothing that is about fewer accounts than this: small networks and identifiers are left out, rare attributes
    /// blanked, times and counts coarsened
    #[arg(long, default_value_t = 1, value_name = "ACCOUNTS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) k: u32,
    /// What colours mean (graphml, gexf)
    #[arg(long, value_enum, default_value_t = ColorName::Network)]
    pub(crate) color_by: ColorName,
    /// Who may see it (stix, misp)
    #[arg(long, value_enum, default_value_t = TlpName::Amber)]
    pub(crate) tlp: TlpName,
    /// Who shares it (stix, misp)
    #[arg(long, value_name = "NAME")]
    pub(crate) identity: Option<String>,
    /// The largest share of benign accounts that an indicator may hit (stix, misp, actions)
    #[arg(long, default_value = "10%", value_name = "SHARE", value_parser = super::read::share)]
    pub(crate) max_benign: f64,
    /// Make indicators of hubs and widely shared identifiers all the same: whoever blocks them hits strangers
    #[arg(long)]
    pub(crate) force_hub: bool,
}

/// What colours mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorName {
    /// Accounts by network, identifiers by kind
    Network,
    /// Every node by kind
    Kind,
}

/// The Traffic Light Protocol, version 2.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TlpName {
    /// Anyone
    Clear,
    /// The community
    Green,
    /// The recipient's organisation and its clients
    Amber,
    /// The recipient's organisation
    #[value(name = "amber+strict")]
    AmberStrict,
    /// The named recipients
    Red,
}

impl From<ColorName> for ColorBy {
    fn from(name: ColorName) -> ColorBy {
        match name {
            ColorName::Network => ColorBy::Network,
            ColorName::Kind => ColorBy::Kind,
        }
    }
}

impl From<TlpName> for Tlp {
    fn from(name: TlpName) -> Tlp {
        match name {
            TlpName::Clear => Tlp::Clear,
            TlpName::Green => Tlp::Green,
            TlpName::Amber => Tlp::Amber,
            TlpName::AmberStrict => Tlp::AmberStrict,
            TlpName::Red => Tlp::Red,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    /// The page to write (- for stdout)
    #[arg(long, short, value_name = "FILE", default_value = "report.html")]
    pub(crate) output: PathBuf,
    /// Only this network, flagged or not (repeat for several; - reads ids from stdin)
    #[arg(long, value_name = "ID")]
    pub(crate) network: Vec<String>,
    /// Above this many nodes identifiers that tie few accounts are left out of the picture, then groups stand for their
    /// accounts; the page says so
    #[arg(long, default_value_t = MAX_NODES, value_name = "N")]
    pub(crate) max_nodes: usize,
}
