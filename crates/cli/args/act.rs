//! Acting on a network: plan-bans.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct PlanBans {
    /// The store
    pub(crate) store: PathBuf,
    /// Network id (PN-...) or rank
    pub(crate) id: String,
    /// Most benign accounts, in expectation, that the plan may hit
    #[arg(long, default_value_t = 1.0, value_name = "ACCOUNTS")]
    pub(crate) benign_budget: f64,
    /// Also actions on identifiers: challenge an address, verify a payment instrument, limit a template's rate
    #[arg(long)]
    pub(crate) identifier_actions: bool,
}
