//! Do these accounts behave as if one operator ran them?
//!
//! Behavioural tests of a candidate group against the population. Each module is one test with its own null and can be used
//! alone; [`measure`] runs all of them. A test whose input column is missing, or that has too little data, gives `None`, never
//! 0.
//!
//! Groups larger than `sampled_accounts` are represented by a deterministic sample, accounts with more events than a cap by
//! evenly spaced or consecutive ones: a group costs well under a second whatever its size. The population side is read once, in
//! [`Population::new`]. p-values and bits: see [`chance`]; evidence of several tests: see [`combine`].

pub(crate) mod alignment;
pub mod ban_and_replace;
pub mod capability_concentration;
pub mod chance;
pub(crate) mod co_activity;
pub mod combine;
pub mod diurnal_phase;
mod exchange;
pub mod false_networks;
pub mod launch_pivot;
pub mod null_copy;
pub mod one_queue;
mod operational_time;
pub mod own_hours;
pub(crate) mod population;
pub(crate) mod random;
pub mod registration_bursts;
pub mod registration_pace;
pub mod regular_use;
pub mod rounds;
pub mod synchrony;
pub mod template_fan_out;
pub mod tenure;
#[cfg(test)]
pub(crate) mod toy;
pub mod volume;

use graph::{AccountId, Seconds};

pub use one_queue::OneQueue;
pub use population::Population;
pub use regular_use::RegularUse;
pub use volume::Volume;

use crate::ranges::{OutOfRange, Range, check_all};
use crate::{Facts, Signal, SignalName, TestName};

/// How much data the tests read and how many draws the nulls take.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BehaviourConfig {
    /// Seed of all null draws and samples.
    pub seed: u64,
    /// Monte-Carlo draws of a test that passes its first stage.
    pub draws: usize,
    /// Accounts that represent a larger group.
    pub sampled_accounts: usize,
    /// Accounts that represent a larger group in the tests of exact times.
    pub timed_accounts: usize,
    /// Disjoint samples of so many that stand for a large group in the tests of exact times.
    pub timed_samples: usize,
    /// Consecutive events of an account in the tests of exact times.
    pub timed_events: usize,
    /// Evenly spaced events of an account in the tests of shares.
    pub panel_events: usize,
    /// Reference accounts for each pathway and power of two of volume.
    pub panel_size: usize,
    /// Reference clusters for each power of two of size.
    pub reference_clusters: usize,
    /// Creation times kept of the population.
    pub created_sample: usize,
    /// A pause this long ends a session.
    pub session_gap: Seconds,
    /// An account made this long after a ban can replace the banned one.
    pub replacement_window: Seconds,
    /// A rejected request moves to another account within this time.
    pub hand_off_window: Seconds,
}

impl Default for BehaviourConfig {
    fn default() -> Self {
        BehaviourConfig {
            seed: 0x6879_6472_616c_696e,
            draws: 199,
            sampled_accounts: 128,
            timed_accounts: 48,
            timed_samples: 8,
            timed_events: 192,
            panel_events: 512,
            panel_size: 1_024,
            reference_clusters: 200,
            created_sample: 65_536,
            session_gap: 1_800,
            replacement_window: 72 * 3_600,
            hand_off_window: 10,
        }
    }
}

impl BehaviourConfig {
    /// Whether every number is one that can be meant: all but the seed count something, or last.
    ///
    /// # Errors
    /// [`OutOfRange`] that names the first that isn't.
    pub fn validate(&self) -> Result<(), OutOfRange> {
        let count = |name, number: usize| (name, number as f64, Range::Count);
        let lasts = |name, seconds: Seconds| (name, f64::from(seconds), Range::Count);
        check_all(&mut [
            count("draws", self.draws),
            count("sampled_accounts", self.sampled_accounts),
            count("timed_accounts", self.timed_accounts),
            count("timed_samples", self.timed_samples),
            count("timed_events", self.timed_events),
            count("panel_events", self.panel_events),
            count("panel_size", self.panel_size),
            count("reference_clusters", self.reference_clusters),
            count("created_sample", self.created_sample),
            lasts("session_gap", self.session_gap),
            lasts("replacement_window", self.replacement_window),
            lasts("hand_off_window", self.hand_off_window),
        ])
    }
}

/// All behavioural signals of one group.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct BehaviourSignals {
    /// Exact-time co-activity.
    pub synchrony: Option<Signal>,
    /// One scheduler deals out the requests.
    pub one_queue: OneQueue,
    /// Accounts are used as evenly as a machine would.
    pub regular_use: RegularUse,
    /// Few capability classes.
    pub capability_concentration: Option<Signal>,
    /// Joint move to a new model.
    pub launch_pivot: Option<Signal>,
    /// New accounts follow bans.
    pub ban_and_replace: Option<Signal>,
    /// Accounts made in bursts.
    pub registration_bursts: Option<Signal>,
    /// Accounts made at an even pace.
    pub registration_pace: Option<Signal>,
    /// Active at hours that don't fit the declared country.
    pub diurnal_phase: Option<Signal>,
    /// Active in one office's hours: evidence for a benign group.
    pub office_hours: Option<Signal>,
    /// Each account keeps hours of its own: evidence for people.
    pub own_hours: Option<Signal>,
    /// New templates reach all members at once.
    pub template_fan_out: Option<Signal>,
    /// New accounts at full use.
    pub tenure: Option<Signal>,
    /// Accounts older than others: evidence for people.
    pub aged_accounts: Option<Signal>,
}

impl BehaviourSignals {
    /// All signals with their names, those that couldn't be measured too; of what some are made says
    /// [`BehaviourSignals::tests_of`].
    pub fn all(&self) -> [(SignalName, &Option<Signal>); 14] {
        [
            (SignalName::Synchrony, &self.synchrony),
            (SignalName::OneQueue, &self.one_queue.combined),
            (SignalName::RegularUse, &self.regular_use.combined),
            (SignalName::CapabilityConcentration, &self.capability_concentration),
            (SignalName::LaunchPivot, &self.launch_pivot),
            (SignalName::BanAndReplace, &self.ban_and_replace),
            (SignalName::RegistrationBursts, &self.registration_bursts),
            (SignalName::RegistrationPace, &self.registration_pace),
            (SignalName::DiurnalPhase, &self.diurnal_phase),
            (SignalName::OfficeHours, &self.office_hours),
            (SignalName::OwnHours, &self.own_hours),
            (SignalName::AgedAccounts, &self.aged_accounts),
            (SignalName::TemplateFanOut, &self.template_fan_out),
            (SignalName::Tenure, &self.tenure),
        ]
    }

    /// The tests that a signal is made of, as far as they could be measured; none of most.
    pub fn tests_of(&self, signal: SignalName) -> impl Iterator<Item = (TestName, &Signal)> {
        let queue = self.one_queue.iter().filter(move |_| signal == SignalName::OneQueue);
        queue.chain(self.regular_use.iter().filter(move |_| signal == SignalName::RegularUse))
    }

    /// The signals that could be measured, with their names.
    pub fn iter(&self) -> impl Iterator<Item = (SignalName, &Signal)> {
        self.all().into_iter().filter_map(|(name, signal)| Some((name, signal.as_ref()?)))
    }
}

/// Runs every test on one group; `members` is sorted and without repeats.
pub fn measure(
    facts: &Facts<'_>,
    population: &Population,
    members: &[AccountId],
    config: &BehaviourConfig,
) -> BehaviourSignals {
    let timing = measure_timing(facts, population, members, config);
    let content = measure_content(facts, population, members, config);
    let (tenure, aged_accounts) = tenure::tenure(facts, population, members, config);
    BehaviourSignals {
        capability_concentration: content.capability_concentration,
        launch_pivot: content.launch_pivot,
        template_fan_out: content.template_fan_out,
        office_hours: diurnal_phase::office_hours_share(facts, members, config),
        own_hours: own_hours::own_hours(facts, population, members, config),
        tenure,
        aged_accounts,
        ..timing
    }
}

/// Runs the tests of what accounts ask, which draw less than those of their times; the other signals are missing.
pub fn measure_content(
    facts: &Facts<'_>,
    population: &Population,
    members: &[AccountId],
    config: &BehaviourConfig,
) -> BehaviourSignals {
    BehaviourSignals {
        capability_concentration: capability_concentration::capability_concentration(facts, population, members, config),
        launch_pivot: launch_pivot::launch_pivot(facts, population, members, config),
        template_fan_out: template_fan_out::template_fan_out(facts, population, members, config),
        ..BehaviourSignals::default()
    }
}

/// Runs the tests of when accounts act and come; the other signals are missing.
pub fn measure_timing(
    facts: &Facts<'_>,
    population: &Population,
    members: &[AccountId],
    config: &BehaviourConfig,
) -> BehaviourSignals {
    let mut alignments = co_activity::Alignments::new(facts, members, config);
    BehaviourSignals {
        synchrony: alignments
            .as_mut()
            .map(|alignments| synchrony::of_alignments(facts, population, members, alignments, config)),
        one_queue: one_queue::of_alignments(facts, members, alignments.as_mut(), config),
        regular_use: regular_use::regular_use(facts, population, members, config),
        ban_and_replace: ban_and_replace::ban_and_replace(facts, members, config),
        registration_bursts: registration_bursts::registration_bursts(facts, population, members, config),
        registration_pace: registration_pace::registration_pace(facts, population, members, config),
        diurnal_phase: diurnal_phase::diurnal_phase(facts, population, members, config),
        ..BehaviourSignals::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use toy::Toy;

    #[test]
    fn one_thread_and_many_agree_and_a_planted_group_stands_out() {
        let config = BehaviourConfig::default();
        let world = Toy::mixed(400, 40, 20, 2);
        let facts = world.facts();
        let run = |threads: usize, members: &[AccountId]| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| measure(&facts, &Population::new(&facts, &config), members, &config))
        };
        let planted = run(1, &world.planted());
        assert_eq!(planted, run(4, &world.planted()));
        let bits = |signals: &BehaviourSignals| signals.iter().map(|(_, signal)| signal.bits).sum::<f64>();
        let benign = run(2, &world.random_group(20, 1));
        assert!(bits(&planted) > bits(&benign) + 10.0, "{planted:?} {benign:?}");
        // No ban column: not available, not zero.
        assert_eq!(planted.ban_and_replace, None);
    }

    #[test]
    fn every_behavioural_signal_has_a_field() {
        assert_eq!(BehaviourSignals::default().all().map(|(name, _)| name), SignalName::BEHAVIOUR);
    }

    #[test]
    fn nobody_and_nothing_give_no_signal() {
        let config = BehaviourConfig::default();
        let world = Toy::mixed(100, 10, 20, 2);
        let population = Population::new(&world.facts(), &config);
        assert_eq!(measure(&world.facts(), &population, &[], &config).iter().count(), 0);
    }
}
