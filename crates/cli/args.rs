//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

#[path = "args_act.rs"]
mod act;

use crate::args_judge::{EvaluateMore, Judge, TruthFiles};
use crate::output::Format;

pub(crate) use act::*;

/// Links accounts that share infrastructure and finds the proxy networks among them.
///
/// Start with `hydralink demo`. On your own logs: `profile`, then `build`, then `detect`.
#[derive(Debug, Parser)]
#[command(name = "hydralink", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) shared: Shared,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Shared {
    /// How to print records: table for people, jsonl for machines
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,
    /// Worker threads (default: one a core). Results don't depend on it
    #[arg(long, global = true, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1024))]
    pub(crate) threads: Option<usize>,
    /// Say nothing on stderr but errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// No progress bars
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,
}

/// Parses a share: `0.1%` or `0.001`.
fn share(text: &str) -> Result<f64, String> {
    let (number, scale) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    let value = number.trim().parse::<f64>().map_err(|error| error.to_string())? / scale;
    if (0.0..=1.0).contains(&value) { Ok(value) } else { Err(format!("{text} is not between 0% and 100%")) }
}

/// The commands, in the order in which one meets them.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a small world, find its networks, check them against the truth, and show what to type next
    Demo(Demo),
    /// Write a synthetic world with known truth
    Synth(Synth),
    /// Show what is in event logs, before anything is built
    Profile(Profile),
    /// Read event logs into a store
    Build(Build),
    /// Read more event logs into a store: the same result as building everything at once
    Update(Update),
    /// Find the networks in a store, keep them in it, and print the ranked table
    Detect(Detect),
    /// Print the ranked networks again
    Networks(Networks),
    /// One network in full: why it was found, what ties it together, what speaks against it
    Network(OneNetwork),
    /// Every account with its component, community, network and confidence
    Members(Members),
    /// Connected components by size
    Components(Components),
    /// Communities by Louvain or Leiden, with a quality function and resolution of your choice
    Communities(Communities),
    /// Identifiers with class, policy, degree and why
    Hubs(Hubs),
    /// One account or identifier
    Show(OneNode),
    /// What an account or identifier was seen with
    Neighbors(Neighbors),
    /// The strongest chains of evidence between two nodes
    Path(PathBetween),
    /// Which accounts and identifiers to act on first, under a budget of benign accounts hit
    PlanBans(PlanBans),
    /// Why two accounts are, or aren't, held to be one operator's
    Why(PathBetween),
    /// Write the graph for Gephi, notebooks and partners' platforms
    ///
    /// --format graphml (Gephi and every other reader; the default), gexf (Gephi with time), csv or parquet (nodes, edges, memberships, evidence), jsonl (actions), stix (2.1 bundle), misp (event). Without it the file's name decides.
    Export(Export),
    /// Compare the networks found with known truth
    Evaluate(Evaluate),
    #[command(flatten)]
    Act(ActCommand),
    #[command(flatten)]
    Judge(Judge),
    /// Check every byte of a store, and every number of its networks
    Verify(OneStore),
}

/// A store.
#[derive(Debug, Args)]
pub(crate) struct OneStore {
    /// The store
    pub(crate) store: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Where to put the world, the store and the outputs
    #[arg(default_value = "hydralink-demo")]
    pub(crate) directory: PathBuf,
    /// Seed of the world
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

/// Size of a synthetic world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tier {
    /// 1,000 accounts, for tests
    Xs,
    /// 25,000 accounts
    S,
    /// 100,000 accounts, 10 million events
    M,
    /// 1 million accounts, 100 million events
    L,
}

/// File format of a synthetic world's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EventFormat {
    /// events.parquet
    Parquet,
    /// events.csv
    Csv,
}

#[derive(Debug, Args)]
pub(crate) struct Synth {
    /// Where to write events, accounts, releases and the truth
    pub(crate) directory: PathBuf,
    /// Size
    #[arg(long, value_enum, default_value_t = Tier::S)]
    pub(crate) tier: Tier,
    /// Seed: the same seed gives the same bytes
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// No networks, only legitimate accounts and their look-alikes
    #[arg(long)]
    pub(crate) null: bool,
    /// The evasive pool: one address and one virtual card an account, prompts paraphrased
    #[arg(long, conflicts_with = "null")]
    pub(crate) evasive: bool,
    /// File format of the events
    #[arg(long, value_enum, default_value_t = EventFormat::Parquet)]
    pub(crate) events: EventFormat,
}

/// How to read events: shared by `profile` and `build`.
#[derive(Debug, Args)]
pub(crate) struct Reading {
    /// Event logs: CSV, TSV, JSON Lines or Parquet; plain, .gz or .zst; files, globs, or - for stdin
    #[arg(required = true)]
    pub(crate) events: Vec<PathBuf>,
    /// TOML that maps your columns to ours and adds kinds of identifiers
    #[arg(long, value_name = "FILE")]
    pub(crate) map: Option<PathBuf>,
    /// Where to write rejected rows, as JSON Lines
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
    /// Share of bad rows that fails the run (at least 100 rows are always tolerated)
    #[arg(long, value_name = "SHARE", default_value = "0.1%", value_parser = share)]
    pub(crate) max_bad: f64,
    /// accounts.csv: account_id,created_at,banned_at,tier,country,org,pathway,status
    #[arg(long, value_name = "FILE")]
    pub(crate) accounts: Option<PathBuf>,
    /// releases.csv: model,released_at
    #[arg(long, value_name = "FILE")]
    pub(crate) releases: Option<PathBuf>,
    /// allow.csv: kind,value,reason of known-good identifiers and accounts
    #[arg(long, value_name = "FILE")]
    pub(crate) allow: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Profile {
    #[command(flatten)]
    pub(crate) reading: Reading,
}

#[derive(Debug, Args)]
pub(crate) struct Build {
    #[command(flatten)]
    pub(crate) key: KeyFile,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// The store to write; replaced whole if it exists
    #[arg(long, short, value_name = "STORE")]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Update {
    /// The store
    pub(crate) store: PathBuf,
    #[command(flatten)]
    pub(crate) key: KeyFile,
    #[command(flatten)]
    pub(crate) reading: Reading,
}

#[derive(Debug, Args)]
pub(crate) struct Detect {
    /// The store
    pub(crate) store: PathBuf,
    /// TOML with thresholds; what it doesn't name keeps its default
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Seed of everything that draws at random
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Networks to print
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(crate) top: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Networks {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    /// Networks to print (0: all)
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(crate) top: usize,
    /// Also candidates below the threshold
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct OneNetwork {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    /// Network id (PN-...) or rank
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct Members {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    /// Only accounts of this network
    #[arg(long, value_name = "ID")]
    pub(crate) network: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Components {
    /// The store
    pub(crate) store: PathBuf,
    /// Link only by these kinds (repeat for several)
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Vec<String>,
    /// Leave out identifiers with more accounts than this
    #[arg(long, value_name = "N")]
    pub(crate) max_degree: Option<u32>,
    /// The component sizes at every degree cap instead: where the giant component appears
    #[arg(long, conflicts_with_all = ["max_degree", "kind"])]
    pub(crate) sweep: bool,
    /// Components to print (0: all)
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(crate) top: usize,
}

/// Community search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Algorithm {
    /// Blondel et al. 2008
    Louvain,
    /// Traag et al. 2019
    Leiden,
}

/// What a partition is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum QualityName {
    /// Newman and Girvan's modularity
    Modularity,
    /// Constant Potts model
    Cpm,
    /// Barber's bipartite modularity
    Barber,
}

#[derive(Debug, Args)]
pub(crate) struct Communities {
    /// The store
    pub(crate) store: PathBuf,
    /// Algorithm
    #[arg(long, value_enum, default_value_t = Algorithm::Leiden)]
    pub(crate) algorithm: Algorithm,
    /// Quality function
    #[arg(long, value_enum, default_value_t = QualityName::Modularity)]
    pub(crate) quality: QualityName,
    /// Resolution: higher gives smaller communities
    #[arg(long, default_value_t = 1.0)]
    pub(crate) resolution: f64,
    /// Seed
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Repeat until nothing improves, instead of the fast mode
    #[arg(long)]
    pub(crate) converge: bool,
    /// Communities to print (0: all)
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(crate) top: usize,
}

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
}

#[derive(Debug, Args)]
pub(crate) struct OneNode {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    /// account:ID, KIND:VALUE, or a bare value that is unambiguous
    pub(crate) node: String,
}

#[derive(Debug, Args)]
pub(crate) struct Neighbors {
    #[command(flatten)]
    pub(crate) view: View,
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
    #[command(flatten)]
    pub(crate) view: View,
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

#[derive(Debug, Args)]
pub(crate) struct PlanBans {
    #[command(flatten)]
    pub(crate) view: View,
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
pub(crate) struct Evaluate {
    /// The store
    pub(crate) store: PathBuf,
    #[command(flatten)]
    pub(crate) truth: TruthFiles,
    #[command(flatten)]
    pub(crate) more: EvaluateMore,
}
