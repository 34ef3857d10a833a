//! Making and reading logs: demo, synth, profile, build.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use hydralink::build::Drift;
use hydralink::{ColumnName, EnrichmentFile, TrustedProxies, Zone};

use super::KeyFile;

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

/// How strict columns and kinds are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Schema {
    /// Columns that mean nothing are listed
    Auto,
    /// Columns and kinds that mean nothing are refused
    Strict,
}

/// How to read events: shared by `profile` and `build`.
#[derive(Debug, Args)]
pub(crate) struct Reading {
    /// Event logs: CSV, TSV, JSON Lines (plain, .gz or .zst) or Parquet; files, folders, globs, or - for stdin
    #[arg(required = true)]
    pub(crate) events: Vec<PathBuf>,
    /// TOML that maps your columns to ours and adds kinds of identifiers, or one column: --map account_id=user.id, a path
    /// where JSON or Parquet has it inside another. May be given again; of one column, it is called differently in
    /// different files
    #[arg(long, value_name = "FILE|OURS=THEIRS", value_parser = mapping)]
    pub(crate) map: Vec<Mapping>,
    /// In a list of addresses (X-Forwarded-For), the hops that are your own proxies: how many, counted from the right, or their
    /// networks. The first hop from the right that isn't one is the client. Hops that aren't routed on the internet always are,
    /// unless counted; private says that no others are, as goes without saying. A store keeps what was said last
    #[arg(long, value_name = "N|NETWORK,...|private")]
    pub(crate) trusted_proxies: Option<TrustedProxies>,
    /// What a column that means nothing does: auto lists it, strict refuses it (and unknown kinds) and names the nearest.
    /// What a field that can't be read does, the account and the time apart: auto leaves it out, strict rejects its row
    #[arg(long, value_enum, default_value_t = Schema::Auto)]
    pub(crate) schema: Schema,
    /// Let long events bring kinds that are neither known nor declared in the map, with --schema strict too
    #[arg(long)]
    pub(crate) allow_kinds: bool,
    /// What times of events without an offset are of: UTC (where nothing is said), an IANA name such as Europe/Berlin, or an
    /// offset such as +02:00. A store keeps what was said last
    #[arg(long, value_name = "ZONE", allow_hyphen_values = true)]
    pub(crate) tz: Option<Zone>,
    /// Where to write rejected rows, and fields left out of rows that were kept, as JSON Lines
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
    /// Share of rejected rows that fails the run (at least 100 rows are always tolerated, of a file by itself half of it if that is
    /// less; of rows that are kept without a field a tenth of all)
    #[arg(long, value_name = "SHARE", default_value = "0.1%", value_parser = share)]
    pub(crate) max_bad: f64,
    /// Payment instruments are tokens: take none for a raw card number, though a few have only digits and a valid check digit
    #[arg(long)]
    pub(crate) card_tokens: bool,
    /// accounts.csv (or Parquet, as the other tables): account_id,created_at,banned_at,tier,country,org,pathway,status,label
    #[arg(long, value_name = "FILE")]
    pub(crate) accounts: Option<PathBuf>,
    /// releases.csv: model,released_at
    #[arg(long, value_name = "FILE")]
    pub(crate) releases: Option<PathBuf>,
    /// allow.csv: kind,value,reason of known-good identifiers and accounts
    #[arg(long, value_name = "FILE")]
    pub(crate) allow: Option<PathBuf>,
    /// Whose networks addresses are in: a MaxMind file (.mmdb), a table (.csv with prefix and asn or type), or a list of
    /// prefixes of one type (vpn=FILE; residential, mobile, hosting, vpn, proxy, cgnat, edu, corp). May be given again: the
    /// first that knows counts
    #[arg(long, value_name = "[TYPE=]FILE")]
    pub(crate) enrich: Vec<EnrichmentFile>,
    /// Memory to aim at, such as 4G: sightings and activity beyond it go to disk, beside the store; names always stay in memory; none by default
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub(crate) memory_limit: Option<u64>,
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
    /// The store to write; replaced if it exists, but for its case log, whom it has forgotten, and, where the accounts are the same, the
    /// ids and the lineage of its networks
    #[arg(long, short, value_name = "STORE")]
    pub(crate) output: PathBuf,
}

/// What `--map` was given.
#[derive(Clone, Debug)]
pub(crate) enum Mapping {
    File(PathBuf),
    Column(ColumnName),
}

fn mapping(text: &str) -> Result<Mapping, String> {
    Ok(ColumnName::of(text)?.map_or_else(|| Mapping::File(text.into()), Mapping::Column))
}

/// Parses a size: bytes, or with K, M, G or T (powers of 1024).
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text} is not a size; write it as 500M, 4G or 1.5G");
    let upper = text.trim().to_ascii_uppercase();
    let upper = upper.strip_suffix("IB").or_else(|| upper.strip_suffix('B')).unwrap_or(&upper);
    let digits = upper.trim_end_matches(['K', 'M', 'G', 'T']);
    let scale = match &upper[digits.len()..] {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return Err(wrong()),
    };
    let number: f64 = digits.trim().parse().map_err(|_| wrong())?;
    let bytes = number * (1u64 << scale) as f64;
    if bytes >= (1u64 << 20) as f64 && bytes < u64::MAX as f64 {
        Ok(bytes as u64)
    } else {
        Err(format!("{text} is less than 1M"))
    }
}

/// Parses a share: `0.1%` or `0.001`.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    let (number, scale) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    let value = number.trim().parse::<f64>().map_err(|_| format!("{text} is no share: write .01, or 1%"))? / scale;
    if (0.0..=1.0).contains(&value) { Ok(value) } else { Err(format!("{text} is not between 0% and 100%")) }
}

#[derive(Debug, Args)]
pub(crate) struct AsOf {
    /// The store
    pub(crate) store: PathBuf,
    /// The time: a day (up to its end, UTC) or RFC 3339
    pub(crate) time: String,
    /// Folder of the store to write
    #[arg(long, short, value_name = "FOLDER")]
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
    /// Detect again, with the settings and lists of the last detection. New facts and networks are seen at once; until then, and
    /// if anything fails, the store answers as before
    #[arg(long)]
    pub(crate) detect: bool,
    /// What stops the update before anything is written, with exit code 4: missing, empty (columns), one_value (one address,
    /// card or template in a whole file), new_accounts, alike_accounts (two spellings), read_before (a file of that name),
    /// no_rows, cut (last lines), mostly_rejected, ignored (columns), conflicts (of event ids), tables (that fit few accounts)
    #[arg(long, value_name = "WHAT,...", value_delimiter = ',', hide_possible_values = true)]
    pub(crate) fail_on: Vec<Drift>,
    /// Read and say what would be, and write nothing
    #[arg(long, conflicts_with = "detect")]
    pub(crate) dry_run: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_and_without_units() {
        assert_eq!(bytes("4G"), Ok(4 << 30));
        assert_eq!(bytes("1.5 GiB"), Ok(3 << 29));
        assert_eq!(bytes("2097152"), Ok(2 << 20));
        for wrong in ["4X", "G", "", "12K", "-1G", "4GG"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
