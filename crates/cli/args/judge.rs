//! What can be typed to judge a detection: calibrate, layers, ablate, redteam, and more of evaluate.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use hydralink::redteam::Evasion;

use super::read::share;
use super::{KeyFile, Tier, TopRows, View};

/// The commands that judge a detection.
#[derive(Debug, Subcommand)]
pub(crate) enum Judge {
    /// How many networks would chance give: rerun the last detection on null copies of the data, and give every network a
    /// q-value
    Calibrate(Calibrate),
    /// When would the networks have been found: rerun the last detection on the store as it stood at the end of each day
    ///
    /// By the events' own times: rows that were delivered later count from their timestamps on, as if they had come at once.
    Backtest(Backtest),
    /// Would the same networks be found if a little had not been seen: rerun the last detection on copies without some of the
    /// sightings
    Consensus(Consensus),
    /// Who runs the accounts, and whose traffic goes through them: pools, campaigns and their overlap
    Layers(Layers),
    /// How right would it be without each kind of identifier and each signal
    Ablate(Ablate),
    /// How much must an operator spend to stay unseen: detection against attacker budget, on synthetic worlds
    Redteam(Redteam),
}

#[derive(Debug, Args)]
pub(crate) struct Calibrate {
    /// The store
    pub(crate) store: PathBuf,
    /// Null copies; the least q-value that K copies can give is 1/(K+1), and fewer than 20 are not used for
    /// chances
    #[arg(long, default_value_t = 20, value_name = "K")]
    pub(crate) copies: u32,
    /// Seed of the copies
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Each copy in turn taken for the data: how often anything is called significant where all is chance
    #[arg(long)]
    pub(crate) reliability: bool,
    /// The lowest threshold, 0 bits or more, at which chance gives at most so many networks a run, in the mean of the copies,
    /// instead of the table
    #[arg(long, value_name = "NUMBER", conflicts_with = "reliability", value_parser = networks_a_run)]
    pub(crate) at_most: Option<f64>,
}

#[derive(Debug, Args)]
pub(crate) struct Backtest {
    /// The store
    pub(crate) store: PathBuf,
    /// Known truth (account_id,network; - for stdin); without it, the networks that the store holds
    #[arg(long, value_name = "FILE")]
    pub(crate) labels: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) key: KeyFile,
    /// Hours between cuts
    #[arg(long, default_value_t = 24, value_name = "HOURS", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) every: u32,
    /// One line a cut instead of one a network: what was flagged when
    #[arg(long)]
    pub(crate) cuts: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Consensus {
    /// The store
    pub(crate) store: PathBuf,
    /// Reruns
    #[arg(long, default_value_t = 20, value_name = "R")]
    pub(crate) runs: u32,
    /// Share of the sightings, and of the events, that each rerun leaves out; with 0 the scores say what draws alone do
    #[arg(long, default_value = "10%", value_name = "SHARE", value_parser = share)]
    pub(crate) left_out: f64,
    /// Seed of what is left out and of what the reruns draw at random
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) top: TopRows,
    /// Also candidates below the threshold
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Layers {
    #[command(flatten)]
    pub(crate) view: View,
    /// The store
    pub(crate) store: PathBuf,
    /// Resolution of the campaigns: higher gives smaller ones
    #[arg(long, default_value_t = 1.0)]
    pub(crate) resolution: f64,
    /// Seed
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Campaigns below this share of every pool's traffic are counted as `other`
    #[arg(long, default_value = "2%", value_name = "SHARE", value_parser = share)]
    pub(crate) least_share: f64,
}

/// Known truth: shared by `evaluate` and `ablate`.
#[derive(Debug, Args)]
pub(crate) struct TruthFiles {
    /// The truth: account_id,network (or cluster), as CSV, TSV or Parquet (- for stdin)
    #[arg(long, value_name = "FILE")]
    pub(crate) labels: PathBuf,
    /// Legitimate look-alikes: account_id,group, or accounts alone (- for stdin)
    #[arg(long, value_name = "FILE")]
    pub(crate) benign: Option<PathBuf>,
    /// The truth names only some accounts: leave the others out instead of calling them benign
    #[arg(long)]
    pub(crate) partial: bool,
    #[command(flatten)]
    pub(crate) key: KeyFile,
}

#[derive(Debug, Args)]
pub(crate) struct Ablate {
    /// The store
    pub(crate) store: PathBuf,
    #[command(flatten)]
    pub(crate) truth: TruthFiles,
}

/// What else `evaluate` can print.
#[derive(Debug, Args)]
pub(crate) struct EvaluateMore {
    /// Ours beside simpler and published methods on the same truth
    #[arg(long)]
    pub(crate) baselines: bool,
    /// Most pairs of accounts that a baseline's projection counts
    #[arg(long, default_value_t = 50_000_000, value_name = "PAIRS", requires = "baselines")]
    pub(crate) pair_budget: u64,
    /// Whom false alarms hit instead: rates among legitimate accounts by country, pathway and class of their addresses (a carrier's
    /// gateway, a VPN's exit ...)
    #[arg(long, conflicts_with = "baselines")]
    pub(crate) fairness: bool,
}

/// A number of networks, which may be less than one.
fn networks_a_run(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| "a number of networks of 0 or more, as in 0.05, was expected".to_owned())
}

/// Evasions by their words.
fn evasions() -> impl TypedValueParser<Value = Evasion> {
    let named = |name: String| Evasion::ALL.into_iter().find(|evasion| evasion.name() == name);
    PossibleValuesParser::new(Evasion::ALL.map(Evasion::name)).map(move |name| named(name).expect("one of the words"))
}

#[derive(Debug, Args)]
pub(crate) struct Redteam {
    /// Where to write the curve, as redteam.csv; worlds are made here and removed
    #[arg(default_value = "hydralink-redteam")]
    pub(crate) directory: PathBuf,
    /// Size of the worlds
    #[arg(long, value_enum, default_value_t = Tier::S)]
    pub(crate) tier: Tier,
    /// Shares of the most that each evasion can be, from 0 to 1
    #[arg(long, value_delimiter = ',', default_values_t = [0.5, 1.0], value_name = "SHARES")]
    pub(crate) budget: Vec<f64>,
    /// What to spend it on (default: each, and all together)
    #[arg(long, value_delimiter = ',', value_name = "EVASIONS", value_parser = evasions())]
    pub(crate) evasion: Vec<Evasion>,
    /// Seed of the first world of each point
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Worlds of each point
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) seeds: u32,
}
