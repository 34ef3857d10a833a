//! What can be typed to judge a detection: calibrate.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// The commands that judge a detection.
#[derive(Debug, Subcommand)]
pub(crate) enum Judge {
    /// How many networks would chance give: rerun the last detection on null copies of the data, and give every network a q-value
    Calibrate(Calibrate),
}

#[derive(Debug, Args)]
pub(crate) struct Calibrate {
    /// The store
    pub(crate) store: PathBuf,
    /// Null copies; the least q-value that K copies can give a single network is 1/K
    #[arg(long, default_value_t = 20, value_name = "K")]
    pub(crate) copies: u32,
    /// Seed of the copies
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Each copy in turn taken for the data: how often anything is called significant where all is chance
    #[arg(long)]
    pub(crate) reliability: bool,
}
