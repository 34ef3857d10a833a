//! How large a world, what is planted in it, and how hard its operators try to hide.
//!
//! The figures of a world come from published measurements where there are any and are assumptions otherwise; nothing measured
//! on a synthetic world establishes accuracy in the field.

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Days in a world.
pub const DAYS: u32 = 60;

/// How many accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// 1,000 legitimate accounts, 24 operated by networks: for tests.
    Xs,
    /// 25,000 and 600: for demonstrations.
    S,
    /// 100,000 and 2,400: about 10 million events.
    M,
    /// 1,000,000 and 24,000: about 100 million events.
    L,
}

impl Tier {
    /// Accounts that no network operates.
    pub fn benign_count(self) -> u32 {
        match self {
            Tier::Xs => 1_000,
            Tier::S => 25_000,
            Tier::M => 100_000,
            Tier::L => 1_000_000,
        }
    }

    /// The tier's size as a share of [`Tier::L`].
    pub fn scale(self) -> f64 {
        f64::from(self.benign_count()) / 1e6
    }
}

/// What is planted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scenario {
    /// A pool of one operator with a campaign and resale customers, two single-campaign networks, a standby pool and small
    /// relays.
    #[default]
    Base,
    /// As `Base`, with one address and one virtual card for every operated account.
    Evasive,
    /// The look-alikes alone: no networks and no ordinary accounts beside them.
    HardNegativesOnly,
    /// As `Base`, with every day's events dealt to accounts at random: degrees and days stay, structure goes, so nothing is
    /// labelled.
    Shuffled,
    /// As `Base`, with three campaigns of different tenants on the large pool.
    SharedPool,
    /// 273 accounts of one operator with 733 exchanges a day each, for ten days.
    Zhipu,
    /// 1,500 accounts of one operator with 13 exchanges a day each.
    Xiaomi,
    /// 25,000 accounts of one operator with 26 exchanges a day each, for 45 days.
    June,
    /// 3,500 accounts of one operator, every request carrying the same injected prefix.
    FixedPrefix,
}

impl Scenario {
    /// Whether the world holds one network of its own size, beside a small tier's legitimate accounts.
    pub(crate) fn is_side_world(self) -> bool {
        matches!(self, Scenario::Zhipu | Scenario::Xiaomi | Scenario::June | Scenario::FixedPrefix)
    }
}

/// How a relay chooses the account of the next session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheduling {
    /// The account that was idle for longest.
    #[default]
    LeastRecentlyUsed,
    /// Each account in turn, however long its sessions.
    RoundRobin,
    /// Any account.
    Random,
    /// The account with the fewest exchanges so far.
    LeastLoaded,
}

/// What operators can spend effort on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Knobs {
    /// Share of operated accounts with a dedicated residential address.
    pub static_share: f64,
    /// Share on rotating residential exits; the rest sits in a few hosting ranges.
    pub rotating_share: f64,
    /// Most accounts behind one dedicated address, 1 to 3.
    pub accounts_per_static_address: u32,
    /// Share of operated accounts with a virtual card of their own; the other group sizes keep their proportions.
    pub virtual_card_share: f64,
    /// Share of campaign exchanges whose prompt is paraphrased beyond recognition (Jaccard similarity below .3).
    pub paraphrase: f64,
    /// Median of an extra delay on each campaign exchange, in seconds; 0 for none.
    pub jitter: f64,
    /// Longest warm-up of a fresh account, in days.
    pub warm_up: f64,
    /// Scheduler of the large pool.
    pub scheduling: Scheduling,
    /// Chance a day that an operated account is banned.
    pub ban_hazard: f64,
}

impl Default for Knobs {
    fn default() -> Self {
        Knobs {
            static_share: 0.60,
            rotating_share: 0.25,
            accounts_per_static_address: 3,
            virtual_card_share: 0.45,
            paraphrase: 0.0,
            jitter: 0.0,
            warm_up: 10.0,
            scheduling: Scheduling::LeastRecentlyUsed,
            ban_hazard: 0.012,
        }
    }
}

/// Share of prompts that the operator of an evasive world paraphrases, where nobody says otherwise.
pub const EVASIVE_PARAPHRASE: f64 = 0.25;

/// Everything that determines a world, to the byte.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorldConfig {
    /// How many accounts.
    pub tier: Tier,
    /// Seed of every random stream.
    pub seed: u64,
    /// No networks at all, all look-alikes.
    pub null: bool,
    /// What is planted.
    pub scenario: Scenario,
    /// What operators spend effort on.
    pub knobs: Knobs,
}

impl WorldConfig {
    /// The base scenario at its default knobs.
    pub fn new(tier: Tier, seed: u64) -> Self {
        WorldConfig { tier, seed, null: false, scenario: Scenario::Base, knobs: Knobs::default() }
    }

    /// The world without networks.
    pub fn null(tier: Tier, seed: u64) -> Self {
        WorldConfig { null: true, ..WorldConfig::new(tier, seed) }
    }

    /// The evasive world: dedicated address and virtual card per account, and this share of prompts paraphrased.
    pub fn evasive(tier: Tier, seed: u64, paraphrase: f64) -> Self {
        let mut config = WorldConfig { scenario: Scenario::Evasive, ..WorldConfig::new(tier, seed) };
        let knobs = &mut config.knobs;
        (knobs.static_share, knobs.rotating_share, knobs.accounts_per_static_address) = (1.0, 0.0, 1);
        (knobs.virtual_card_share, knobs.paraphrase) = (1.0, paraphrase);
        config
    }

    /// Whether any network is planted.
    pub fn has_networks(&self) -> bool {
        !self.null && self.scenario != Scenario::HardNegativesOnly
    }

    /// Checks every knob.
    ///
    /// # Errors
    /// [`Error::Knob`] names the first knob outside its range.
    pub fn check(&self) -> Result<(), Error> {
        let knobs = &self.knobs;
        let shares = [
            ("static_share", knobs.static_share),
            ("rotating_share", knobs.rotating_share),
            ("static_share + rotating_share", knobs.static_share + knobs.rotating_share),
            ("virtual_card_share", knobs.virtual_card_share),
            ("paraphrase", knobs.paraphrase),
            ("ban_hazard", knobs.ban_hazard),
        ];
        for (knob, found) in shares {
            if !(0.0..=1.0 + 1e-9).contains(&found) {
                return Err(Error::Knob { knob, found, expected: "a share from 0 to 1" });
            }
        }
        if !(0.0..=3_600.0).contains(&knobs.jitter) {
            return Err(Error::Knob { knob: "jitter", found: knobs.jitter, expected: "seconds from 0 to 3600" });
        }
        if !(0.0..=30.0).contains(&knobs.warm_up) {
            return Err(Error::Knob { knob: "warm_up", found: knobs.warm_up, expected: "days from 0 to 30" });
        }
        if !(1..=3).contains(&knobs.accounts_per_static_address) {
            let found = f64::from(knobs.accounts_per_static_address);
            return Err(Error::Knob { knob: "accounts_per_static_address", found, expected: "1, 2 or 3" });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_knobs_are_refused_by_name() {
        let mut config = WorldConfig::new(Tier::Xs, 1);
        assert!(config.check().is_ok());
        config.knobs.static_share = 0.9;
        let message = config.check().expect_err(".9 + .25 is too much").to_string();
        assert!(message.starts_with("static_share + rotating_share is 1.15"), "{message}");
        assert!(WorldConfig::evasive(Tier::M, 3, 0.25).check().is_ok());
        config = WorldConfig::evasive(Tier::M, 3, f64::NAN);
        assert!(config.check().is_err());
    }
}
