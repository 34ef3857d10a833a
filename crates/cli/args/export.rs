//! What leaves for other tools and other people: export, report.

use std::path::PathBuf;

use clap::Args;

use super::View;

#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    /// The file to write; .gz and .zst compress
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Only this network (repeat for several)
    #[arg(long, value_name = "ID")]
    pub(crate) network: Vec<String>,
    /// Above this many nodes a collapsed view is written, and says so
    #[arg(long, default_value_t = 50_000, value_name = "N")]
    pub(crate) max_nodes: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// The store
    pub(crate) store: PathBuf,
    /// The page to write
    #[arg(long, short, value_name = "FILE", default_value = "report.html")]
    pub(crate) output: PathBuf,
    /// Only this network, flagged or not (repeat for several)
    #[arg(long, value_name = "ID")]
    pub(crate) network: Vec<String>,
    /// Above this many nodes identifiers that tie few accounts are left out of the picture, then groups stand for their
    /// accounts; the page says so
    #[arg(long, default_value_t = 50_000, value_name = "N")]
    pub(crate) max_nodes: usize,
}
