//! Finding networks: detect, networks, network, members, components, communities, evaluate.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use hydralink::filter::at_most;
use hydralink::lineage::Since;

use super::judge::{EvaluateMore, TruthFiles};
use super::{KeyFile, View};
use crate::output::Format;

/// How many networks are printed: a program that reads them is given all.
#[derive(Debug, Args)]
pub(crate) struct TopRows {
    /// How many to print (0: all; default: 20 in a table, all in any other format)
    #[arg(long, value_name = "N")]
    pub(crate) top: Option<usize>,
}

impl TopRows {
    /// Of so many.
    pub(crate) fn of(&self, all: usize, format: Format) -> usize {
        match self.top {
            Some(top) => at_most(top).min(all),
            None if format == Format::Table => all.min(20),
            None => all,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Detect {
    /// The store
    #[arg(required_unless_present = "print_config")]
    pub(crate) store: Option<PathBuf>,
    /// TOML with thresholds; what it doesn't name keeps its default
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print the configuration, every key with its value, and do nothing else
    #[arg(long)]
    pub(crate) print_config: bool,
    /// Seed of everything that draws at random, behavioural tests too unless --config sets behaviour.seed by itself (default:
    /// the configuration's, or 1)
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    #[command(flatten)]
    pub(crate) top: TopRows,
    #[command(flatten)]
    pub(crate) lists: RuleLists,
    #[command(flatten)]
    pub(crate) key: KeyFile,
}

/// What is known of accounts beforehand: shared by `detect` and `link`.
#[derive(Debug, Args)]
pub(crate) struct RuleLists {
    /// A rule, as in 'card(accounts <= 10) and 2 of {ip, ja4, template}' (repeat for several)
    #[arg(long, value_name = "RULE")]
    pub(crate) rule: Vec<String>,
    /// TOML with rules by name, under [rules] (- for stdin, here and of the lists below)
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Option<PathBuf>,
    /// CSV of pairs of accounts that are one, a pair a line
    #[arg(long, value_name = "FILE")]
    pub(crate) must: Option<PathBuf>,
    /// CSV of pairs of accounts that cannot be one
    #[arg(long, value_name = "FILE")]
    pub(crate) cannot: Option<PathBuf>,
    /// Known-good accounts and identifiers, which link nobody, one a line or JSON Lines; the store's allow list holds too
    #[arg(long, value_name = "FILE")]
    pub(crate) good: Option<PathBuf>,
    /// Go by the rest of the lists where they name what the store doesn't have, instead of doing nothing
    #[arg(long)]
    pub(crate) skip_unknown: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Networks {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    #[command(flatten)]
    pub(crate) top: TopRows,
    /// Also candidates below the threshold
    #[arg(long)]
    pub(crate) all: bool,
    /// Only records for which this holds
    #[arg(long = "where", value_name = "EXPRESSION")]
    pub(crate) filter_where: Option<String>,
    /// Which of all candidates that nobody decided about are worth these hours of review, and in which order
    #[arg(long, value_name = "HOURS", conflicts_with_all = ["all", "filter_where", "top"])]
    pub(crate) review_hours: Option<f64>,
    /// Minutes that a network's review takes
    #[arg(long, default_value_t = 20.0, value_name = "MINUTES", requires = "review_hours")]
    pub(crate) minutes_a_network: f64,
    /// Minutes more for each of its accounts
    #[arg(long, default_value_t = 0.0, value_name = "MINUTES", requires = "review_hours")]
    pub(crate) minutes_an_account: f64,
}

#[derive(Debug, Args)]
pub(crate) struct OneNetwork {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    /// Network id (PN-...) or rank; - reads them from stdin, one a line, bare, as JSON or as CSV
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct Members {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    /// Only accounts of this network, core and fringe (- reads ids from stdin)
    #[arg(long, value_name = "ID")]
    pub(crate) network: Option<String>,
    /// Also those that only touch the network and are no members of it (membership `ambiguous`)
    #[arg(long, requires = "network")]
    pub(crate) ambiguous: bool,
    /// Only records for which this holds
    #[arg(long = "where", value_name = "EXPRESSION")]
    pub(crate) filter_where: Option<String>,
    /// Accounts to print (0: all)
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) top: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Components {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    /// Link only by these kinds (repeat for several)
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Vec<String>,
    /// Leave out identifiers with more accounts than this
    #[arg(long, value_name = "N")]
    pub(crate) max_degree: Option<u32>,
    /// The component sizes at every degree cap instead: where the giant component appears
    #[arg(long, conflicts_with = "max_degree")]
    pub(crate) sweep: bool,
    /// Those of what links in the last detection instead: the column `component` of `members`, by the same ids
    #[arg(long, conflicts_with_all = ["max_degree", "kind", "sweep"])]
    pub(crate) detected: bool,
    #[command(flatten)]
    pub(crate) top: TopRows,
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
    #[command(flatten)]
    pub(crate) view: View,
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
    /// At many resolutions instead: how the communities change from one to the next, and which are most stable
    #[arg(long, conflicts_with = "resolution")]
    pub(crate) sweep: bool,
    /// The resolutions of the sweep (default: 13 from 1/8 to 8, which suit modularity and Barber's)
    #[arg(long, value_delimiter = ',', value_name = "NUMBERS", requires = "sweep")]
    pub(crate) resolutions: Vec<f64>,
    #[command(flatten)]
    pub(crate) top: TopRows,
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

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The store before
    pub(crate) before: PathBuf,
    /// The store after
    pub(crate) after: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Lineage {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    /// Network id (PN-...) or rank: its whole life (- reads ids from stdin; default: a line for each network)
    pub(crate) id: Option<String>,
    /// Everything that happened to any network instead, oldest first
    #[arg(long, conflicts_with = "id")]
    pub(crate) events: bool,
    /// Only events after a detection, by its number, or of detections that ran after a time (a day up to its end, UTC, or RFC 3339), for
    /// whoever passes them on and asks again: the last `run` or `ran_at` that he has seen
    #[arg(long, value_name = "RUN|TIME", requires = "events")]
    pub(crate) since: Option<Since>,
    /// Only events that held for so many detections: where nothing but a score says that a network opens or closes, these have to
    /// say so one after the other, and what is taken back before isn't told. `--since` is then of the last `settled_run`
    #[arg(long, value_name = "RUNS", requires = "events")]
    pub(crate) settled: Option<NonZeroU32>,
}
