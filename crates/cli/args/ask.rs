//! Questions about nodes: hubs, show, neighbors, path, why.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Hubs {
    /// The store
    pub(crate) store: PathBuf,
    /// Only this kind
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<String>,
    /// Identifiers to print, most widely shared first (0: all)
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub(crate) top: usize,
}

#[derive(Debug, Args)]
pub(crate) struct OneNode {
    /// The store
    pub(crate) store: PathBuf,
    /// account:ID, KIND:VALUE, or a bare value that is unambiguous
    pub(crate) node: String,
}

#[derive(Debug, Args)]
pub(crate) struct Neighbors {
    /// The store
    pub(crate) store: PathBuf,
    /// account:ID, KIND:VALUE, or a bare value that is unambiguous
    pub(crate) node: String,
    /// Only this kind
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<String>,
    /// Neighbours to print (0: all)
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub(crate) top: usize,
}

#[derive(Debug, Args)]
pub(crate) struct PathBetween {
    /// The store
    pub(crate) store: PathBuf,
    /// From
    pub(crate) from: String,
    /// To
    pub(crate) to: String,
    /// How many paths
    #[arg(short, default_value_t = 1)]
    pub(crate) k: usize,
}
