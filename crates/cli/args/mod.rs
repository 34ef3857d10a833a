//! What can be typed: here what all commands share and the list of them, below it one file a group of commands.

mod act;
mod ask;
mod export;
mod find;
mod groups;
mod judge;
mod read;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use act::*;
pub(crate) use ask::{
    Appeal, Cohesion, Common, Dense, Ego, Expand, How, Hubs, Link, Lockstep, Measure, Neighbors, OneNode, Overlap, PathBetween,
    Top, Why, WhyNot,
};
pub(crate) use export::{Export, Report};
pub(crate) use find::{
    Algorithm, Communities, Components, Detect, Diff, Evaluate, Lineage, Members, Networks, OneNetwork, QualityName, RuleLists,
    TopRows,
};
pub(crate) use groups::{documented, parse, with_formats};
pub(crate) use judge::*;
pub(crate) use read::{AsOf, Build, Demo, EventFormat, Mapping, Profile, Reading, Schema, Synth, Tier, Update};

use crate::output::Format;

/// Worker threads, at most.
pub(crate) const MOST_THREADS: usize = 1024;

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
    /// How to print: table for people, json or jsonl for machines, csv where rows are printed; `network`, `assess` and
    /// `appeal` also take markdown, and `export` takes the formats of files instead (graphml, gexf, csv, parquet, jsonl, stix, misp)
    #[arg(long, global = true, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    pub(crate) format: Option<Format>,
    /// Worker threads (default: one a core). Results don't depend on it
    #[arg(long, global = true, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=MOST_THREADS as u64))]
    pub(crate) threads: Option<usize>,
    /// Say nothing on stderr but errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// No progress bars
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,
    /// Say on stderr how long each phase took
    #[arg(long, global = true)]
    pub(crate) timings: bool,
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
    #[command(mut_arg("events", |events| events.required(false)))]
    Update(Update),
    /// Write a store as it stood at an earlier time, to ask it everything that today's can be asked
    ///
    /// By the events' own times: it holds what had happened by then, also in rows that were delivered later, which nobody had at
    /// that time. When rows arrived isn't kept; a copy of the store from that night says what was known.
    ///
    /// Example: hydralink as-of store 2026-03-10 -o march
    AsOf(AsOf),
    /// Find the networks in a store, keep them in it, and print the ranked table
    Detect(Detect),
    /// Print the ranked networks again
    Networks(Networks),
    /// One network in full: why it was found, what ties it together, what speaks against it
    Network(OneNetwork),
    /// How strong the case is against accounts that you name, as one group: a dossier of any list
    ///
    /// By the same tests and stories as `detect`, whoever drew up the list: a rule, a colleague, a partner, `expand` or `dense`. A
    /// list that was drawn up by what a test looks at makes that test's p-value worthless.
    ///
    /// Example: hydralink assess store suspects.txt
    Assess(Assess),
    /// Every account with its component, community, network and confidence; as a table those of a network alone
    Members(Members),
    /// Connected components by size: of all identifiers, of some, or of what links in the detection
    ///
    /// Where every identifier links, most accounts are one component. The column `component` of `members` and the plot of the
    /// report are those of what links in the detection, which --detected lists.
    ///
    /// Example: hydralink components store --max-degree 50; hydralink components store --detected
    Components(Components),
    /// Communities by Louvain or Leiden, with a quality function and resolution of your choice
    Communities(Communities),
    /// Identifiers with class, policy, degree and why
    ///
    /// Example: hydralink hubs store --kind ip --where 'degree > 50 and first_seen >= 2026-02-01'
    Hubs(Hubs),
    /// One account or identifier
    Show(OneNode),
    /// What an account or identifier was seen with
    ///
    /// `bits` is the weight of the link in the graph that `detect` searches. What an identifier says of two accounts that share
    /// it is in `why` and `how`; what it says of an account and a whole network, in `appeal`.
    Neighbors(Neighbors),
    /// Everything within some steps of an account or identifier
    ///
    /// Example: hydralink ego store account:acct_1 --hops 2
    Ego(Ego),
    /// The nodes with most accounts, exchanges or evidence
    ///
    /// Example: hydralink top store --by bits --kind payment_instrument --where 'first_seen >= 2026-04-01'
    Top(Top),
    /// The strongest chains of evidence between two nodes
    ///
    /// They are ranked by their cost: to pass through an identifier of d accounts costs log2(d) + 1, so that those through few and
    /// rare identifiers come first. Their bits are those of the weakest identifier on the way.
    ///
    /// Example: hydralink path store acct_1 acct_2 -k 3
    Path(PathBetween),
    /// What two accounts (or two identifiers) were both seen with
    ///
    /// Example: hydralink common store acct_1 acct_2
    Common(Common),
    /// Which accounts and identifiers to act on first, under a budget of benign accounts hit
    PlanBans(PlanBans),
    /// What a list of bans and identifier actions made elsewhere would stop, hit and leave
    ///
    /// Bans, and actions on identifiers of one kind, are counted on the exchanges on record. Where identifiers of several kinds
    /// reach an account, which of its exchanges show both isn't kept: they are taken to be independent, the number is said to
    /// be about so many, and it lies between the most that one kind stops and the sum over kinds.
    ///
    /// Example: hydralink impact store bans.txt
    Impact(Impact),
    /// Why two accounts are, or aren't, held to be one operator's
    ///
    /// Example: hydralink why store acct_1 acct_2 --prior-same-operator 1e-5
    Why(Why),
    /// What keeps two accounts apart, or an account out of a network, and what is missing
    ///
    /// Example: hydralink why-not store acct_1 acct_2; hydralink why-not store acct_1 PN-9a9dd624
    WhyNot(WhyNot),
    /// What an account's membership of a network rests on, and what would end it; as Markdown, a statement of reasons that can be
    /// sent
    ///
    /// Example: hydralink appeal store acct_1 --format markdown > statement.md
    Appeal(Appeal),
    /// What joined a network, in which order, and what it would be without the identifier that holds it together
    ///
    /// Example: hydralink how store PN-ae620bcf
    How(How),
    /// Which accounts are one by rules and lists that you write down
    ///
    /// Two accounts are one if they share what a rule asks for: identifiers of a kind, with what has to hold of them in
    /// parentheses (the fields of `hubs --where`), joined by `and`, or so many of some kinds; `ip within 30m` holds only if they
    /// had it at the same time, give or take half an hour. Lists say which pairs must be one
    /// or can't; if they contradict each other that is an error, and what rules join against them is listed. `detect` takes the
    /// same rules and lists.
    ///
    /// Example: hydralink link store --rule 'card(accounts <= 10) and 2 of {ip, ja4, template}' --cannot pairs.csv
    Link(Link),
    /// How tightly a network holds together: cores, butterflies, bridges and blocks
    ///
    /// Example: hydralink cohesion store PN-ae620bcf --alpha 3 --beta 5
    Cohesion(Cohesion),
    /// The densest blocks of accounts and identifiers, whether or not anything was detected there
    ///
    /// FRAUDAR (Hooi et al. 2016): widely shared identifiers count for less, and no block of the store can be denser than the
    /// bound beside each.
    ///
    /// Example: hydralink dense store --blocks 3; hydralink dense store --accounts-of 1 --format jsonl
    Dense(Dense),
    /// Accounts that took up the same identifiers within the same times
    ///
    /// CopyCatch (Beutel et al. 2013), seeded by each identifier: cores of --accounts that first had each of --identifiers
    /// within --within of each other, but for some (--share).
    ///
    /// Example: hydralink lockstep store --within 12h --accounts 20
    Lockstep(Lockstep),
    /// The identifiers that two networks both touch
    ///
    /// Example: hydralink overlap store PN-ae620bcf PN-2460b3a4
    Overlap(Overlap),
    /// The accounts closest to some known-bad ones, and the cluster around them
    ///
    /// Example: printf 'acct_1\nacct_2\n' | hydralink expand store --seeds -
    Expand(Expand),
    /// Write the graph for Gephi, notebooks and partners' platforms
    ///
    /// --format graphml (Gephi and every other reader), gexf (Gephi with time), csv or parquet (nodes, edges, memberships,
    /// evidence), jsonl (actions), stix (2.1 bundle), misp (event). Without it the file's name decides, which has to end in one of
    /// these words then (.stix.json, .misp.json).
    Export(Export),
    /// Write one self-contained HTML page: ranked networks, evidence, plots and the graph
    ///
    /// The page needs no server, no network and no WebGL, and opens in any browser.
    ///
    /// Example: hydralink report store -o report.html --network PN-ae620bcf
    Report(Report),
    /// Compare the networks found with known truth
    Evaluate(Evaluate),
    #[command(flatten)]
    Act(ActCommand),
    #[command(flatten)]
    Judge(Judge),
    /// What became of each network between two stores: born, grew, shrank, split, merged, replaced, gone
    ///
    /// Example: hydralink diff last-week/store store --format jsonl
    Diff(Diff),
    /// What became of each network over the detections of a store, and does it grow back
    ///
    /// After `update` and `detect` networks keep their ids, and what happened stands here: born, grew, shrank, split, merged,
    /// replaced, dormant, resurrected, closed; with the rate at which bans were made up for, and accounts in reserve.
    ///
    /// Example: hydralink lineage store PN-ae620bcf
    Lineage(Lineage),
    /// What a store holds: from when to when, days that are missing, what it was read and detected by
    ///
    /// Example: hydralink info store; hydralink info store --format json | jq .files
    Info(Info),
    /// Check every byte of a store, or every number of a dossier
    ///
    /// Example: hydralink network store 1 --format json > dossier.json; hydralink verify store --dossier dossier.json
    Verify(Verify),
    /// Print completions for a shell: source them, or put them where the shell looks
    ///
    /// Example: hydralink completions bash > /etc/bash_completion.d/hydralink
    Completions(Completions),
    /// Write a manual page for every command
    ///
    /// Example: hydralink man /usr/local/share/man/man1
    Man(Man),
}

#[derive(Debug, Args)]
pub(crate) struct Info {
    /// The store
    pub(crate) store: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The store
    pub(crate) store: PathBuf,
    /// Find the networks again with the settings of the last detection, and compare every value of this dossier (- for stdin)
    ///
    /// Of one that was written with --level analyst or redact, the pseudonyms are compared if --key-file has their key, and else
    /// counted.
    #[arg(long, value_name = "FILE")]
    pub(crate) dossier: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) key: KeyFile,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Where to write the pages; made if it isn't there
    pub(crate) directory: PathBuf,
}
