//! What can be typed to act: cases, sharing, privacy.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::OneStore;

/// The commands that act on what was found.
#[derive(Debug, Subcommand)]
pub(crate) enum ActCommand {
    /// Decisions about networks, accounts and identifiers: kept in the store, fed back at the next detect
    #[command(subcommand)]
    Case(CaseCommand),
}

/// Decisions.
#[derive(Debug, Subcommand)]
pub(crate) enum CaseCommand {
    /// These accounts are one operator's
    ///
    /// More accounts than the four-eyes number (100) wait in triage until a second reviewer confirms them too.
    Confirm(Decide),
    /// These accounts are harmless: known-good from the next detect on, with the identifiers that tied them
    Reject(Decide),
    /// A remark; changes nothing
    Note(Decide),
    /// Move a case: new, triage and monitoring take a verdict back, closed keeps it
    State(Move),
    /// Set from how many accounts on a confirmation needs two reviewers; raising it takes two as well
    FourEyes(FourEyes),
    /// Where every case stands
    List(OneStore),
    /// Every decision, oldest first, or those about one network or node
    Log(CaseLog),
    /// Check the log's chain and print its head; --head compares with one noted earlier
    Verify(CaseVerify),
}

#[derive(Debug, Args)]
pub(crate) struct Decide {
    /// The store
    pub(crate) store: PathBuf,
    /// Network id (PN-...), account:ID or KIND:VALUE
    pub(crate) target: String,
    /// Who decides
    #[arg(long, value_name = "NAME")]
    pub(crate) reviewer: String,
    /// Why, as a code: shared_cards, campus, enterprise ... (confirm and reject need one)
    #[arg(long, value_name = "CODE")]
    pub(crate) reason: Option<String>,
    /// Why, in words
    pub(crate) text: Option<String>,
}

/// States that a case can be moved to; confirm and reject lead to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StateName {
    /// As if nobody had looked
    New,
    /// Being looked at
    Triage,
    /// Undecided and watched
    Monitoring,
    /// Dealt with
    Closed,
}

#[derive(Debug, Args)]
pub(crate) struct Move {
    /// The store
    pub(crate) store: PathBuf,
    /// Network id (PN-...), account:ID or KIND:VALUE
    pub(crate) target: String,
    /// Where to
    #[arg(value_enum)]
    pub(crate) state: StateName,
    /// Who decides
    #[arg(long, value_name = "NAME")]
    pub(crate) reviewer: String,
    /// Why, as a code
    #[arg(long, value_name = "CODE")]
    pub(crate) reason: Option<String>,
    /// Why, in words
    pub(crate) text: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct FourEyes {
    /// The store
    pub(crate) store: PathBuf,
    /// Accounts that one reviewer may confirm in one case
    pub(crate) accounts: u64,
    /// Who decides
    #[arg(long, value_name = "NAME")]
    pub(crate) reviewer: String,
}

#[derive(Debug, Args)]
pub(crate) struct CaseLog {
    /// The store
    pub(crate) store: PathBuf,
    /// Only decisions about this network or node
    pub(crate) target: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CaseVerify {
    /// The store
    pub(crate) store: PathBuf,
    /// A head noted earlier: fails if the log no longer holds it
    #[arg(long, value_name = "HASH")]
    pub(crate) head: Option<String>,
}
