//! How much must an operator spend to stay unseen?
//!
//! A budget b from 0 to 1 is spent on one evasion or on all of them; each moves a world's knob from its default to the most
//! that the evasion can be:
//!
//! | evasion | at b = 0 | at b = 1 |
//! |---|---|---|
//! | `static_address` | .60 of accounts on dedicated addresses, three an address, .25 on rotating exits | each account its own address |
//! | `virtual_card` | .45 of accounts with a virtual card of their own | every account |
//! | `paraphrase` | no prompt paraphrased beyond recognition | half of all campaign prompts |
//! | `jitter` | no extra delay | median extra delay of ten minutes on each exchange |
//! | `warm_up` | fresh accounts warm up for at most 10 days | at most 30 |
//!
//! For each point a world is made, built into a store, detected with the default configuration and scored against its truth,
//! and what was bought is measured: addresses and cards an operated account has, and campaign exchanges that got through. Means
//! over seeds. It is a curve on synthetic worlds: their operators do nothing that the knobs don't say, and real ones do.

use std::path::Path;

use events::IngestConfig;
use evidence::KindRole;
use graph::{AccountId, NONE_U32};
use serde::Serialize;
use synth::{Format, Knobs, Tier, WorldConfig};

use crate::dataset::Dataset;
use crate::detect::{DetectConfig, detect};
use crate::error::Error;
use crate::evaluate::{Truth, Unlabelled, names_of, predicted};
use crate::observe::{Observer, Steps, Unobserved};
use crate::options::SEEDS;

/// What an operator can spend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Evasion {
    /// One dedicated address an account.
    StaticAddress,
    /// One virtual card an account.
    VirtualCard,
    /// Prompts paraphrased beyond recognition.
    Paraphrase,
    /// Random delays.
    Jitter,
    /// Longer warm-up of fresh accounts.
    WarmUp,
    /// All of these.
    All,
}

impl Evasion {
    /// All values, the single ones first.
    pub const ALL: [Evasion; 6] =
        [Evasion::StaticAddress, Evasion::VirtualCard, Evasion::Paraphrase, Evasion::Jitter, Evasion::WarmUp, Evasion::All];

    /// The word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Evasion::StaticAddress => "static_address",
            Evasion::VirtualCard => "virtual_card",
            Evasion::Paraphrase => "paraphrase",
            Evasion::Jitter => "jitter",
            Evasion::WarmUp => "warm_up",
            Evasion::All => "all",
        }
    }

    /// Default knobs with a share `budget` of the way to the most of this evasion.
    pub fn knobs(self, budget: f64) -> Knobs {
        let mut knobs = Knobs::default();
        let toward = |from: f64, to: f64| from + budget * (to - from);
        let buys = |evasion: Evasion| self == evasion || self == Evasion::All;
        if buys(Evasion::StaticAddress) {
            knobs.static_share = toward(knobs.static_share, 1.0);
            knobs.rotating_share = toward(knobs.rotating_share, 0.0);
            knobs.accounts_per_static_address = toward(f64::from(knobs.accounts_per_static_address), 1.0).round() as u32;
        }
        if buys(Evasion::VirtualCard) {
            knobs.virtual_card_share = toward(knobs.virtual_card_share, 1.0);
        }
        if buys(Evasion::Paraphrase) {
            knobs.paraphrase = toward(knobs.paraphrase, 0.5);
        }
        if buys(Evasion::Jitter) {
            knobs.jitter = toward(knobs.jitter, 600.0);
        }
        if buys(Evasion::WarmUp) {
            knobs.warm_up = toward(knobs.warm_up, 30.0);
        }
        knobs
    }
}

/// Which points of the curve to measure.
#[derive(Clone, Debug, PartialEq)]
pub struct RedteamConfig {
    /// Size of the worlds.
    pub tier: Tier,
    /// Worlds of each point; seeds from this one on.
    pub seed: u64,
    /// How many.
    pub seeds: u32,
    /// Budgets, each from 0 to 1.
    pub budgets: Vec<f64>,
    /// What to spend them on.
    pub evasions: Vec<Evasion>,
}

impl Default for RedteamConfig {
    fn default() -> Self {
        RedteamConfig { tier: Tier::S, seed: 1, seeds: 1, budgets: vec![0.5, 1.0], evasions: Evasion::ALL.to_vec() }
    }
}

/// One point of the curve: means over the worlds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RedteamLine {
    /// The evasion; `none` for the base.
    pub evasion: String,
    /// The share of it that was bought.
    pub budget: f64,
    /// Worlds.
    pub worlds: u32,
    /// Distinct addresses over operated accounts: what the addresses cost.
    pub addresses_per_account: f64,
    /// Distinct cards over operated accounts.
    pub cards_per_account: f64,
    /// Exchanges of operated accounts, a day and account.
    pub exchanges_per_account_day: f64,
    /// Pairwise precision.
    pub precision: f64,
    /// Pairwise recall.
    pub recall: f64,
    /// Pairwise F1.
    pub f1: f64,
    /// B-cubed F1.
    pub b_cubed_f1: f64,
    /// Share of the largest network that lies in one found network.
    pub largest_recall: f64,
    /// Share of the worlds in which at least half of the largest network was found as one.
    pub found: f64,
    /// Legitimate accounts flagged.
    pub benign_flagged: f64,
}

/// Measures the curve: the base first, then each evasion at each budget. Worlds are made in a folder beside others in `scratch`
/// and removed. The observer is told what is measured next, and how many worlds are done of how many.
///
/// # Errors
/// [`Error::Usage`] for a budget outside 0 to 1 or no seeds; [`Error::Io`]; [`Error::Synth`]; [`Error::Interrupted`].
pub fn redteam(scratch: &Path, config: &RedteamConfig, observer: &dyn Observer) -> Result<Vec<RedteamLine>, Error> {
    if let Some(budget) = config.budgets.iter().find(|budget| !(0.0..=1.0).contains(*budget)) {
        return Err(Error::Usage(format!("a budget is a share from 0 to 1; found {budget}")));
    }
    if config.seeds == 0 {
        return Err(Error::Usage(format!("no seeds, no worlds: {SEEDS} is at least 1")));
    }
    let mut points = vec![("none", 0.0, Knobs::default())];
    for &evasion in &config.evasions {
        points.extend(
            config
                .budgets
                .iter()
                .filter(|&&budget| budget > 0.0)
                .map(|&budget| (evasion.name(), budget, evasion.knobs(budget))),
        );
    }
    let total = points.len() as u64 * u64::from(config.seeds);
    let mut lines = Vec::with_capacity(points.len());
    for (name, budget, knobs) in points {
        let mut line = RedteamLine { evasion: name.to_owned(), budget, worlds: config.seeds, ..RedteamLine::default() };
        for offset in 0..config.seeds {
            let done = lines.len() as u64 * u64::from(config.seeds) + u64::from(offset);
            Steps::after(observer, done, total).begin(&format!("{name} {budget}"))?;
            let world = WorldConfig { knobs, ..WorldConfig::new(config.tier, config.seed + u64::from(offset)) };
            line.add(&measure(scratch, &world)?, 1.0 / f64::from(config.seeds));
        }
        lines.push(line);
    }
    Steps::after(observer, total, total).begin("summing up")?;
    Ok(lines)
}

impl RedteamLine {
    /// Adds a share of one world's figures.
    fn add(&mut self, world: &RedteamLine, share: f64) {
        let mut world = world.clone();
        for (sum, figure) in self.figures().into_iter().zip(world.figures()) {
            *sum += share * *figure;
        }
    }

    fn figures(&mut self) -> [&mut f64; 10] {
        [
            &mut self.addresses_per_account,
            &mut self.cards_per_account,
            &mut self.exchanges_per_account_day,
            &mut self.precision,
            &mut self.recall,
            &mut self.f1,
            &mut self.b_cubed_f1,
            &mut self.largest_recall,
            &mut self.found,
            &mut self.benign_flagged,
        ]
    }
}

/// One world: made, built, detected, scored, removed.
fn measure(scratch: &Path, config: &WorldConfig) -> Result<RedteamLine, Error> {
    let folder = tempfile::Builder::new()
        .prefix("redteam-")
        .tempdir_in(scratch)
        .map_err(|error| Error::io("make a folder for worlds in", scratch, error))?;
    let world = folder.path().join("world");
    let summary = synth::write_world(&world, config, Format::Parquet, &mut |_| {})?;
    let ingest = IngestConfig {
        accounts: Some(world.join("accounts.csv")),
        releases: Some(world.join("releases.csv")),
        ..IngestConfig::default()
    };
    let store = folder.path().join("store");
    crate::build(&[world.join("events.parquet")], &store, &ingest, &Unobserved)?;
    detect(&store, &DetectConfig { seed: 1, ..DetectConfig::default() }, &Unobserved)?;
    let dataset = Dataset::open(&store)?;
    let results = dataset.results()?;
    let truth = Truth::read(&dataset, &world.join("labels.csv"), Some(&world.join("groups.csv")), Unlabelled::Benign)?;
    let evaluation = truth.score(&predicted(&results), &names_of(&results))?;
    let operated: Vec<AccountId> = (0..dataset.graph().account_count() as u32)
        .filter(|&at| truth.networks.label_of[at as usize] != NONE_U32)
        .map(AccountId)
        .collect();
    let largest = evaluation.networks.first().map_or(0.0, |network| network.recall);
    let exchanges: u64 = summary.networks.iter().map(|network| network.exchanges).sum();
    Ok(RedteamLine {
        addresses_per_account: distinct_per_account(&dataset, &operated, KindRole::Address),
        cards_per_account: distinct_per_account(&dataset, &operated, KindRole::Payment),
        exchanges_per_account_day: exchanges as f64 / operated.len().max(1) as f64 / f64::from(synth::DAYS),
        precision: evaluation.pairwise.precision,
        recall: evaluation.pairwise.recall,
        f1: evaluation.pairwise.f1,
        b_cubed_f1: evaluation.b_cubed.f1,
        largest_recall: largest,
        found: f64::from(u8::from(largest >= 0.5)),
        benign_flagged: evaluation.benign_flagged as f64,
        ..RedteamLine::default()
    })
}

/// Distinct identifiers of a role among accounts, over the accounts.
fn distinct_per_account(dataset: &Dataset, accounts: &[AccountId], role: KindRole) -> f64 {
    let graph = dataset.graph();
    let of_role = |identifier: &u32| dataset.roles()[graph.kind_of(graph::IdentifierId(*identifier)).index()] == role;
    let mut all: Vec<u32> = accounts
        .iter()
        .flat_map(|&account| graph.identifiers_of(account))
        .copied()
        .filter(|identifier| of_role(identifier))
        .collect();
    all.sort_unstable();
    all.dedup();
    all.len() as f64 / accounts.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_buy_what_they_say() {
        let half = Evasion::StaticAddress.knobs(0.5);
        assert!((half.static_share - 0.8).abs() < 1e-12 && half.accounts_per_static_address == 2);
        assert_eq!(half.virtual_card_share, Knobs::default().virtual_card_share);
        let all = Evasion::All.knobs(1.0);
        assert_eq!(
            (all.static_share, all.virtual_card_share, all.paraphrase, all.jitter, all.warm_up),
            (1.0, 1.0, 0.5, 600.0, 30.0)
        );
        for evasion in Evasion::ALL {
            assert_eq!(evasion.knobs(0.0), Knobs::default());
            let world = WorldConfig { knobs: evasion.knobs(1.0), ..WorldConfig::new(Tier::Xs, 1) };
            assert!(world.check().is_ok(), "{evasion:?}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let wrong = RedteamConfig { budgets: vec![1.5], ..RedteamConfig::default() };
        assert!(redteam(Path::new("."), &wrong, &Unobserved).is_err_and(|error| error.to_string().contains("1.5")));
        let none = RedteamConfig { seeds: 0, ..RedteamConfig::default() };
        assert!(redteam(Path::new("."), &none, &Unobserved).is_err());
    }
}
