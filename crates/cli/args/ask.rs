//! Questions about nodes and what joins them: hubs, top, show, neighbors, ego, path, common, why, why-not, how, overlap,
//! expand.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{RuleLists, View};

#[derive(Debug, Args)]
pub(crate) struct Hubs {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    /// Only this kind
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<String>,
    /// Identifiers to print, most widely shared first (0: all)
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub(crate) top: usize,
    /// Only records for which this holds
    #[arg(long = "where", value_name = "EXPRESSION")]
    pub(crate) filter_where: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct OneNode {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    /// account:ID, KIND:VALUE, or a bare value that is unambiguous (account:account:b where an id is account:b and another b); -
    /// reads them from stdin, one a line, bare, as JSON or as CSV
    pub(crate) node: String,
}

#[derive(Debug, Args)]
pub(crate) struct Neighbors {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    /// account:ID, KIND:VALUE, or a bare value that is unambiguous; - reads them from stdin, one a line, bare, as JSON or as CSV
    pub(crate) node: String,
    /// Only this kind
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<String>,
    /// Neighbours to print (0: all)
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub(crate) top: usize,
    /// Only records for which this holds
    #[arg(long = "where", value_name = "EXPRESSION")]
    pub(crate) filter_where: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct PathBetween {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    /// Where the chains begin: account:ID, KIND:VALUE, or a bare value that is unambiguous
    pub(crate) from: String,
    /// Where they end
    pub(crate) to: String,
    /// How many chains, at most 1000
    #[arg(short, long = "k", default_value_t = 1, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1000))]
    pub(crate) k: usize,
}

/// One account.
#[derive(Debug, Args)]
pub(crate) struct Appeal {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    /// account:ID, or a bare id that is unambiguous; - reads them from stdin, one a line, bare, as JSON or as CSV
    pub(crate) account: String,
    /// Also how likely it would have so much of what the network's others have by chance, given how many identifiers it has
    /// (reads the whole store)
    #[arg(long)]
    pub(crate) significance: bool,
}

/// Two nodes.
#[derive(Debug, Args)]
pub(crate) struct TwoNodes {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    /// The one: account:ID, KIND:VALUE, or a bare value that is unambiguous
    pub(crate) first: String,
    /// The other
    pub(crate) second: String,
}

#[derive(Debug, Args)]
pub(crate) struct Common {
    #[command(flatten)]
    pub(crate) two: TwoNodes,
    /// Identifiers, strongest first, or accounts to print (0: all)
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) top: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Why {
    #[command(flatten)]
    pub(crate) two: TwoNodes,
    /// How likely two accounts are one operator's before anything is seen, such as 1e-5 (default: one in as many as there are
    /// accounts, as in detection)
    #[arg(long, value_name = "P", value_parser = probability)]
    pub(crate) prior_same_operator: Option<f64>,
    /// Also how likely they would share so many identifiers by chance, given how many they have (reads the whole store)
    #[arg(long)]
    pub(crate) significance: bool,
}

/// A probability that is neither 0 nor 1.
fn probability(text: &str) -> Result<f64, String> {
    let between = text.parse().ok().filter(|&share: &f64| share > 0.0 && share < 1.0);
    between.ok_or_else(|| "a probability over 0 and below 1, such as 1e-5, was expected".to_owned())
}

#[derive(Debug, Args)]
pub(crate) struct WhyNot {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    /// account:ID, or a bare id that is unambiguous
    pub(crate) account: String,
    /// Another account, or the id of a network (PN-...)
    pub(crate) other: String,
}

#[derive(Debug, Args)]
pub(crate) struct Ego {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    /// account:ID, KIND:VALUE, or a bare value that is unambiguous
    pub(crate) node: String,
    /// Steps to walk; accounts stand at even distance from an account
    #[arg(long, default_value_t = 2, value_name = "N")]
    pub(crate) hops: u32,
    /// Identifiers with more accounts than this are named, but not walked through
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub(crate) max_degree: usize,
    /// Nodes at most; what is cut short says so
    #[arg(long, default_value_t = 1_000, value_name = "N")]
    pub(crate) max_nodes: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Overlap {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    /// Network id (PN-...) or rank
    pub(crate) first: String,
    /// Another
    pub(crate) second: String,
    /// Identifiers to print (0: all)
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub(crate) top: usize,
}

#[derive(Debug, Args)]
pub(crate) struct How {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    /// Network id (PN-...) or rank; - reads them from stdin, one a line, bare, as JSON or as CSV
    pub(crate) id: String,
    /// Joins and identifiers to print, strongest first (0: all); JSON always has all
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub(crate) top: usize,
}

/// What `top` ranks by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Measure {
    /// Nodes seen with it: accounts of an identifier, identifiers of an account
    #[value(alias = "accounts")]
    Degree,
    /// Exchanges
    Events,
    /// Evidence: of an account's membership, or that an identifier adds to the ties of its accounts
    Bits,
}

#[derive(Debug, Args)]
pub(crate) struct Top {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    /// What to rank by (accounts is another word for degree)
    #[arg(long, value_enum, default_value_t = Measure::Degree)]
    pub(crate) by: Measure,
    /// `account`, or a kind of identifier (default: all identifiers)
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<String>,
    /// Nodes to print (0: all)
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(crate) top: usize,
    /// Only records for which this holds
    #[arg(long = "where", value_name = "EXPRESSION")]
    pub(crate) filter_where: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Expand {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    /// Known-bad accounts, one a line, bare or as JSON Lines with account_id; - for stdin
    #[arg(long, value_name = "FILE")]
    pub(crate) seeds: PathBuf,
    /// Known-good accounts, likewise (- for stdin): those closer to them than to the seeds come last, and are not in the cluster
    #[arg(long, value_name = "FILE")]
    pub(crate) good: Option<PathBuf>,
    /// Accounts to print, closest first (0: all that the walk reached)
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub(crate) top: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Cohesion {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    /// Network id (PN-...) or rank; - reads them from stdin, one a line, bare, as JSON or as CSV
    pub(crate) id: String,
    /// Identifiers of the network that an account has at least, in the (alpha, beta)-core
    #[arg(long, default_value_t = 2, value_name = "N")]
    pub(crate) alpha: u32,
    /// Accounts that an identifier has at least, in the (alpha, beta)-core
    #[arg(long, default_value_t = 2, value_name = "N")]
    pub(crate) beta: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Dense {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    /// Blocks to find, densest first, each in what those before it left
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub(crate) blocks: usize,
    /// The accounts of this block (1 is the densest) instead
    #[arg(long, value_name = "N")]
    pub(crate) accounts_of: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct Lockstep {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    /// Kind of identifiers that accounts take up together
    #[arg(long, default_value = "prompt_template_hash", value_name = "KIND")]
    pub(crate) kind: String,
    /// Accounts of a core at least
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub(crate) accounts: usize,
    /// Identifiers of a core at least
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub(crate) identifiers: usize,
    /// Time within which they first have each of these, as in 1h or 2d
    #[arg(long, default_value = "1d", value_name = "LENGTH")]
    pub(crate) within: String,
    /// Share of the others' that each account and each identifier has to have
    #[arg(long, default_value = "80%", value_name = "SHARE", value_parser = super::read::share)]
    pub(crate) share: f64,
    /// The accounts of this core (1 is the largest) instead
    #[arg(long, value_name = "N")]
    pub(crate) accounts_of: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct Link {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    #[command(flatten)]
    pub(crate) lists: RuleLists,
    /// Groups to print, largest first (0: all)
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(crate) top: usize,
    /// A line for each account of a group instead
    #[arg(long)]
    pub(crate) accounts: bool,
    /// The pairs that cannot be one and are joined all the same, each with its chain, instead
    #[arg(long, conflicts_with = "accounts")]
    pub(crate) conflicts: bool,
}
