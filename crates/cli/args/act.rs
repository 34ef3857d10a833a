//! Acting: plan-bans, case, share, match, forget, expire, rekey; and who looks at what.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};

use hydralink::Dataset;
use hydralink::export::Level;
use hydralink::privacy::Key;

/// The commands that act on what was found.
#[derive(Debug, Subcommand)]
pub(crate) enum ActCommand {
    /// Decisions about networks, accounts and identifiers: kept in the store, fed back at the next detect
    #[command(subcommand)]
    Case(CaseCommand),
    /// Write indicators for a group that holds one key: tokens instead of values, each with its harm label
    Share(Share),
    /// What a group's indicators and this store have in common
    Match(Match),
    /// Remove accounts from a store: from every section, the results and the case log's names
    ///
    /// Rows of theirs are left out from then on, in events and tables of every update and of a build over the store: it keeps a keyed
    /// hash of each name, which --lift takes away again.
    ///
    /// Example: hydralink forget store acct_0042 --reviewer ann
    Forget(Forget),
    /// Remove from a store what was last seen too long ago, as retention asks for; `detect` is run again
    ///
    /// Where more than nine accounts of ten would go, nothing does, unless --allow-most says that this is meant.
    ///
    /// Example: hydralink expire store --keep 90d --dry-run
    Expire(Expire),
    /// Put a store of pseudonyms under another key; `detect` is run again, and networks keep their ids
    ///
    /// Every pseudonym becomes its pseudonym under the new key, and the old key is kept in the store sealed under the new one.
    /// So the old key alone tries no value any more, and the new key alone answers. What is under the old key elsewhere
    /// (copies, exports) stays. Only a build from the logs makes a store that never knew the old key.
    ///
    /// Example: hydralink rekey store --key-file old.key --new-key-file new.key --reviewer ann
    Rekey(Rekey),
}

/// A key, from a file and never from the command line.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct KeyFile {
    /// File with the key of pseudonyms: at least 32 random bytes that only you can read (env:NAME takes them from that environment
    /// variable)
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
}

impl KeyFile {
    /// The key, if a file was named.
    pub(crate) fn read(&self) -> Result<Option<Key>, hydralink::Error> {
        hydralink::privacy::read_key(self.key_file.as_ref())
    }

    /// Opens a store, with its key if it was built with one.
    pub(crate) fn open(&self, store: &Path) -> Result<Dataset, hydralink::Error> {
        let dataset = Dataset::open(store)?;
        match self.read()? {
            Some(key) => dataset.with_key(&key),
            None => Ok(dataset),
        }
    }
}

/// How much of identifying values is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LevelName {
    /// As stored
    #[default]
    Full,
    /// Accounts and templates as stored, addresses by prefix, the rest as pseudonyms
    Analyst,
    /// Pseudonyms only, nothing of the account table
    Redact,
}

impl From<LevelName> for Level {
    fn from(name: LevelName) -> Level {
        match name {
            LevelName::Full => Level::Full,
            LevelName::Analyst => Level::Analyst,
            LevelName::Redact => Level::Redact,
        }
    }
}

/// Who looks: the key that values are translated with, and how much is shown.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct View {
    #[command(flatten)]
    pub(crate) key: KeyFile,
    /// How much of identifying values is shown; analyst and redact need --key-file for their pseudonyms
    #[arg(long, value_enum, default_value_t = LevelName::Full)]
    pub(crate) level: LevelName,
}

impl View {
    /// Opens a store to look at a few of its nodes.
    pub(crate) fn open_for_lookups(&self, store: &Path) -> Result<Dataset, hydralink::Error> {
        Ok(self.open(store)?.for_lookups())
    }

    /// Opens a store to look at it.
    pub(crate) fn open(&self, store: &Path) -> Result<Dataset, hydralink::Error> {
        let (dataset, key) = (Dataset::open(store)?, self.key.read()?);
        let dataset = match &key {
            // A store of plain values takes any key for the pseudonyms that are shown.
            Some(key) => dataset.with_key(key)?,
            None => dataset,
        };
        dataset.at_level(self.level.into(), key.as_ref())
    }
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
    /// Set how many accounts of a case one reviewer may confirm: more take two, and so does raising it
    FourEyes(FourEyes),
    /// Where every case stands
    List(CaseList),
    /// Every decision, oldest first, or those about one network or node
    Log(CaseLog),
    /// Check the log's chain and print its head; --head compares with one noted earlier
    Verify(CaseVerify),
}

#[derive(Debug, Args)]
pub(crate) struct Decide {
    #[command(flatten)]
    pub(crate) key: KeyFile,
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
    #[command(flatten)]
    pub(crate) key: KeyFile,
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
pub(crate) struct CaseList {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct CaseLog {
    #[command(flatten)]
    pub(crate) view: View,
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

#[derive(Debug, Args)]
pub(crate) struct Forget {
    /// The store
    pub(crate) store: PathBuf,
    /// Account ids; - reads them from stdin, one a line, bare, as JSON or as CSV
    #[arg(required = true)]
    pub(crate) accounts: Vec<String>,
    /// Let accounts come back that were forgotten: what is read of them from now on counts again
    #[arg(long)]
    pub(crate) lift: bool,
    /// Who asks for it; stands in the case log
    #[arg(long, value_name = "NAME")]
    pub(crate) reviewer: String,
    #[command(flatten)]
    pub(crate) key: KeyFile,
}

#[derive(Debug, Args)]
pub(crate) struct Rekey {
    /// The store
    pub(crate) store: PathBuf,
    /// File with the key that the store is under
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: PathBuf,
    /// File with the key that it is to be under: at least 32 random bytes that only you can read
    #[arg(long, value_name = "FILE")]
    pub(crate) new_key_file: PathBuf,
    /// Who does it; stands in the case log, if there is one
    #[arg(long, value_name = "NAME")]
    pub(crate) reviewer: String,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("since").required(true)))]
pub(crate) struct Expire {
    /// The store
    pub(crate) store: PathBuf,
    /// What was last seen before this time goes: a day (its beginning, UTC) or RFC 3339
    #[arg(long, value_name = "TIME", group = "since")]
    pub(crate) before: Option<String>,
    /// What was last seen longer than this before the store's last event goes, as in 90d
    #[arg(long, value_name = "LENGTH", group = "since")]
    pub(crate) keep: Option<String>,
    /// Tell what would go, and which networks would lose accounts; nothing is written
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Let it go even if that is more than nine accounts of ten
    #[arg(long)]
    pub(crate) allow_most: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Share {
    /// The store
    pub(crate) store: PathBuf,
    /// File with the group's key: at least 32 random bytes that only you can read
    #[arg(long, value_name = "FILE")]
    pub(crate) group_key: PathBuf,
    /// The file to write
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Only this network (repeat for several; - reads ids from stdin)
    #[arg(long, value_name = "ID")]
    pub(crate) network: Vec<String>,
    /// The largest share of benign accounts that an indicator may hit
    #[arg(long, default_value = "10%", value_name = "SHARE", value_parser = super::read::share)]
    pub(crate) max_benign: f64,
}

#[derive(Debug, Args)]
pub(crate) struct Match {
    /// The store
    pub(crate) store: PathBuf,
    /// A file that another member of the group wrote with `share` (- for stdin)
    pub(crate) file: PathBuf,
    /// File with the group's key
    #[arg(long, value_name = "FILE")]
    pub(crate) group_key: PathBuf,
    /// Also indicators that have expired
    #[arg(long)]
    pub(crate) expired: bool,
    #[command(flatten)]
    pub(crate) view: View,
}

/// Accounts, in expectation.
fn budget(text: &str) -> Result<f64, String> {
    let accounts = text.parse().ok().filter(|accounts: &f64| *accounts >= 0.0);
    accounts.ok_or_else(|| "a number of accounts, 0 or more, was expected".to_owned())
}

#[derive(Debug, Args)]
pub(crate) struct PlanBans {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    /// Network id (PN-...) or rank; - reads them from stdin, one a line, bare, as JSON or as CSV
    pub(crate) id: String,
    /// Most benign accounts, in expectation and if the network is one, that the plan may hit; the chance that it is none is
    /// told beside it
    #[arg(long, default_value_t = 1.0, value_name = "ACCOUNTS", value_parser = budget, allow_negative_numbers = true)]
    pub(crate) benign_budget: f64,
    /// Also actions on identifiers: challenge an address, verify a payment instrument, limit a template's rate
    #[arg(long)]
    pub(crate) identifier_actions: bool,
    /// Plan as if nobody were banned yet: what acting in time would have stopped. Else accounts that are banned already are
    /// left out
    #[arg(long)]
    pub(crate) as_if_unbanned: bool,
    /// Plan even against a candidate that is not flagged and that nobody confirmed: its accounts are probably harmless people's.
    /// The plan says that it isn't flagged
    #[arg(long)]
    pub(crate) allow_unflagged: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Impact {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    /// File with accounts and identifiers, one a line, JSON Lines, such as a plan or an export of actions, or CSV with a column
    /// account_id, node, or kind and value (- for stdin)
    pub(crate) list: PathBuf,
    /// Go on without names that the store doesn't have; the first ten are told
    #[arg(long)]
    pub(crate) skip_unknown: bool,
    /// Count as if nobody were banned yet: what acting in time would have stopped
    #[arg(long)]
    pub(crate) as_if_unbanned: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Assess {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    /// File with accounts, one a line, JSON Lines or CSV with a column account_id (- for stdin)
    pub(crate) list: PathBuf,
    /// Go on without names that the store doesn't have; the first ten are told
    #[arg(long)]
    pub(crate) skip_unknown: bool,
}
