//! Which networks are worth the hours that there are to look at them?
//!
//! An analyst has so many hours, and a review takes so many minutes for the network and so many for each of its accounts. What
//! it is worth are the exchanges that would go on without it: those of its accounts that aren't banned, times the chance that
//! the network is one. The score is evidence in bits; the odds before it are taken to be even at a score of `even_bits`
//! ([`evidence::ScoreConfig`], 5 by default), whatever the threshold is: `1 / (1 + 2^(even_bits - score))`. Where the store is
//! calibrated with 20 null copies or more ([`crate::calibrate()`]) a network has at most what chance and harmless stories leave of
//! all that score as much, by the mean of the copies. (A q-value bounds that from above, and is 1 / (K + 1) at least however
//! strong a network is.) One whose case is confirmed is one, and one whose case was
//! rejected is none. [`crate::bans`], exports and what is shared ([`crate::export::share`]) go by the same chances.
//!
//! Of 36 synthetic worlds (tiers s and m, evasive and thinned ones, eleven without networks) the first 5, 10, 20 and 50 of the
//! ranking hold 94, 109, 114 and 119 networks; by these chances 81, 88, 93 and 104 were expected. (Without the odds before,
//! from the score alone, 127, 201, 314 and 575.) What chances are in the field, verdicts say.
//!
//! 1. Networks whose case is confirmed, rejected or closed need no review. 2. The others, also below the threshold, are taken
//!    by what an hour of them is worth, most first, while they fit. 3. If the most valuable one that fits alone is worth more
//!    than all of these, it is the choice. So at least half of the best choice is had, all of it where every review takes the
//!    same time. 4. Of the first `k` of the ranking so many are expected to be networks: those that were confirmed, and of
//!    those that nobody decided about the sum of the chances ([`Precision`]). 5. Whether chances are to be believed is what the
//!    verdicts say ([`Verdicts`]); networks that were rejected leave the ranking at the next detection, and stay counted here.
//!    Cost: O(accounts).
//!
//! Reference for the greedy choice: Dantzig (1957), Discrete-variable extremum problems, doi:10.1287/opre.5.2.266.
//!
//! ```
//! # let (_folder, store) = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/example_store.rs"));
//! use hydralink::cases::{self, Action, Decision};
//! use hydralink::review::{ReviewConfig, review};
//! use hydralink::Dataset;
//!
//! let dataset = Dataset::open(&store)?;
//! let labels = dataset.labelling()?;
//! let morning = ReviewConfig { hours: 4.0, minutes_a_network: 20.0, minutes_an_account: 0.0 };
//! let first = review(&dataset, &labels, &morning)?.networks[0].id.clone();
//! let harmless = Decision {
//!     action: Action::Reject,
//!     state: None,
//!     target: &first,
//!     reviewer: "ann",
//!     reason: Some("class"),
//!     text: None,
//! };
//! cases::decide(&dataset, &harmless)?;
//! let after = review(&dataset, &labels, &morning)?;
//! assert!(after.networks.iter().all(|network| network.id != first));
//! assert_eq!((after.verdicts.confirmed, after.verdicts.rejected), (0, 1));
//! # Ok::<(), hydralink::Error>(())
//! ```

use serde::Serialize;

use crate::calibrate;
use crate::cases::{self, Cases, NetworkStanding, State, Subject};
use crate::dataset::Dataset;
use crate::error::Error;
use crate::interval::{jeffreys, poisson_binomial};
use crate::query;
use crate::results::Labelling;
use graph::AccountId;

/// What a review takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReviewConfig {
    /// Hours that there are.
    pub hours: f64,
    /// Minutes for a network.
    pub minutes_a_network: f64,
    /// Minutes more for each of its accounts.
    pub minutes_an_account: f64,
}

impl Default for ReviewConfig {
    /// A day's work, twenty minutes a network.
    fn default() -> Self {
        ReviewConfig { hours: 8.0, minutes_a_network: 20.0, minutes_an_account: 0.0 }
    }
}

/// What to review, and what for.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Review {
    /// Hours that there are.
    pub hours: f64,
    /// Hours that the choice takes.
    pub hours_taken: f64,
    /// Networks to review, in this order.
    pub networks: Vec<Reviewed>,
    /// How many of them are expected to be networks.
    pub expected_networks: f64,
    /// Exchanges that their unbanned accounts are expected to stop for, of those of all that wait for a review.
    pub worth: f64,
    /// The same of all that wait for a review.
    pub worth_waiting: f64,
    /// Networks that wait for a review.
    pub waiting: u64,
    /// Networks that were decided about.
    pub decided: u64,
    /// Of these, how many were confirmed.
    pub confirmed: u64,
    /// How many of the first of the ranking are expected to be networks.
    pub precision: Vec<Precision>,
    /// What became of all networks that people decided about, ranked or not.
    pub verdicts: Verdicts,
}

/// How many of the first `k` networks of the ranking are ones: an estimate from verdicts, and from chances where there is none.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Precision {
    /// Networks looked at, from the first.
    pub k: u64,
    /// Of these, confirmed.
    pub confirmed: u64,
    /// Of these, rejected.
    pub rejected: u64,
    /// Confirmed ones, and the chances of those without a verdict.
    pub expected: f64,
    /// 95% interval of the number, if chances are what they say and independent.
    pub interval: (u64, u64),
    /// `expected` over `k`.
    pub share: f64,
}

/// Verdicts on networks, of all detections.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Verdicts {
    /// Cases of networks that were confirmed.
    pub confirmed: u64,
    /// Cases of networks that were rejected.
    pub rejected: u64,
    /// The share that was confirmed, of those decided.
    pub share: Option<f64>,
    /// 95% interval of the share among networks such as these (Jeffreys).
    pub interval: Option<(f64, f64)>,
}

/// One network to review.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Reviewed {
    /// Its rank.
    pub rank: u32,
    /// Its id.
    pub id: String,
    /// Accounts that belong.
    pub accounts: u64,
    /// Those that aren't banned.
    pub live: u64,
    /// Exchanges of those.
    pub live_exchanges: u64,
    /// The chance that it is a network.
    pub chance: f64,
    /// Minutes that its review takes.
    pub minutes: f64,
    /// Hours taken when it is done.
    pub hours_then: f64,
    /// Where its case stands.
    pub state: State,
}

/// Chooses what to review.
///
/// # Errors
/// [`Error::Usage`] for hours or minutes that aren't positive numbers; [`Error::CaseLog`]; as [`crate::calibrate()`] for
/// q-values.
pub fn review(dataset: &Dataset, results: &Labelling, config: &ReviewConfig) -> Result<Review, Error> {
    let ReviewConfig { hours, minutes_a_network, minutes_an_account } = *config;
    let sound = |number: f64| number.is_finite() && number >= 0.0;
    if !(sound(hours) && hours > 0.0 && sound(minutes_a_network) && sound(minutes_an_account))
        || minutes_a_network + minutes_an_account <= 0.0
    {
        return Err(Error::Usage("a review takes some minutes, and there have to be some hours".to_owned()));
    }
    results.check_of(dataset)?;
    let cases = dataset.cases()?;
    let chances = Chances::of(dataset, results)?;
    let mut review = Review {
        hours,
        hours_taken: 0.0,
        networks: Vec::new(),
        expected_networks: 0.0,
        worth: 0.0,
        worth_waiting: 0.0,
        waiting: 0,
        decided: 0,
        confirmed: 0,
        precision: Vec::new(),
        verdicts: verdicts(&cases),
    };
    let (mut waiting, mut ranked) = (Vec::new(), Vec::new());
    for (place, (state, verdict, live, live_exchanges)) in standing(dataset, results, &cases).into_iter().enumerate() {
        let head = results.head(place);
        let chance = chances.with(place, verdict);
        ranked.push((verdict, chance));
        match state {
            State::Confirmed | State::Rejected | State::Closed => {
                review.decided += 1;
                review.confirmed += u64::from(verdict == Some(true));
                continue;
            }
            State::New | State::Triage | State::Monitoring => {}
        }
        waiting.push(Reviewed {
            rank: place as u32 + 1,
            id: head.id.clone(),
            accounts: head.accounts,
            live,
            live_exchanges,
            chance,
            minutes: minutes_a_network + minutes_an_account * head.accounts as f64,
            hours_then: 0.0,
            state,
        });
    }
    let mut first: Vec<usize> = FIRST.iter().map(|&k| k.min(ranked.len())).filter(|&k| k > 0).collect();
    first.dedup();
    review.precision = first.into_iter().map(|k| precision(&ranked[..k])).collect();
    review.waiting = waiting.len() as u64;
    review.worth_waiting = waiting.iter().map(worth).sum();
    review.networks = chosen(waiting, hours * 60.0);
    for network in &mut review.networks {
        review.hours_taken += network.minutes / 60.0;
        network.hours_then = review.hours_taken;
        review.expected_networks += network.chance;
        review.worth += worth(network);
    }
    Ok(review)
}

/// The chances that networks are ones, as this module defines them.
pub(crate) struct Chances<'a> {
    results: &'a Labelling,
    /// By network the share of all that score as much which chance or a harmless story explains; `None` without a calibration.
    explained: Option<Vec<Option<f64>>>,
    /// The share of all networks that chance explains. That of the best of them is how seldom chance gives its score, and where
    /// every null copy has a network that is seldom without saying anything.
    false_share: f64,
}

impl<'a> Chances<'a> {
    /// # Errors
    /// As [`crate::calibrate()`] for its copies.
    pub(crate) fn of(dataset: &Dataset, results: &'a Labelling) -> Result<Self, Error> {
        let calibration = calibrate::current(dataset, results)?.filter(|calibration| calibration.is_telling());
        let false_share = calibration.as_ref().map_or(0.0, |calibration| calibration.false_share(results));
        Ok(Chances { results, explained: calibration.map(|calibration| calibration.expected_shares(results)), false_share })
    }

    /// The chance that the network at a place is one, given what people decided about it.
    pub(crate) fn with(&self, place: usize, verdict: Option<bool>) -> f64 {
        let by_score = chance_of(self.results.head(place).score, self.results.run.even_bits);
        let explained = self.explained.as_ref().and_then(|explained| explained[place]);
        match verdict {
            Some(verdict) => f64::from(u8::from(verdict)),
            None => explained.map_or(by_score, |share| by_score.min(1.0 - share.max(self.false_share).clamp(0.0, 1.0))),
        }
    }

    /// What is held of a network whose accounts are given, by the verdicts of a store.
    pub(crate) fn of_members(&self, dataset: &Dataset, cases: &Cases, place: usize, members: &[AccountId]) -> Belief {
        let verdict = cases::standing_of(dataset, cases, members).verdict;
        Belief { verdict, chance: self.with(place, verdict) }
    }
}

/// What is held of a network.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Belief {
    /// Whether people found it to be one (true) or harmless, if they decided.
    pub verdict: Option<bool>,
    /// The chance that it is one.
    pub chance: f64,
}

impl Belief {
    /// Whether people found it harmless.
    pub fn is_rejected(&self) -> bool {
        self.verdict == Some(false)
    }
}

/// What is held of every network, by rank.
pub(crate) fn beliefs(dataset: &Dataset, results: &Labelling) -> Result<Vec<Belief>, Error> {
    let (chances, cases) = (Chances::of(dataset, results)?, dataset.cases()?);
    let places = 0..results.heads().len();
    Ok(places.map(|place| chances.of_members(dataset, &cases, place, &results.belonging(place))).collect())
}

/// The chance of a score, where odds are even at a score of `even`.
fn chance_of(score: f64, even: f64) -> f64 {
    1.0 / (1.0 + (even - score).exp2())
}

/// Of so many of the first it is told how many are expected to be networks; of all where there are fewer.
const FIRST: [usize; 4] = [5, 10, 20, 50];

/// How many of these, by verdict and chance, are networks.
fn precision(first: &[(Option<bool>, f64)]) -> Precision {
    let count = |wanted: bool| first.iter().filter(|(verdict, _)| *verdict == Some(wanted)).count() as u64;
    let open = || first.iter().filter(|(verdict, _)| verdict.is_none()).map(|&(_, chance)| chance);
    let (confirmed, k) = (count(true), first.len() as u64);
    let (low, high) = poisson_binomial(open());
    let expected = confirmed as f64 + open().sum::<f64>();
    Precision {
        k,
        confirmed,
        rejected: count(false),
        expected,
        interval: (confirmed + low, confirmed + high),
        share: expected / k.max(1) as f64,
    }
}

/// All verdicts on networks.
fn verdicts(cases: &Cases) -> Verdicts {
    let networks = cases.cases().iter().filter(|case| case.subject == Some(Subject::Network));
    let (mut confirmed, mut rejected) = (0, 0);
    for verdict in networks.filter_map(|case| cases::verdict_of(cases, case)) {
        *(if verdict { &mut confirmed } else { &mut rejected }) += 1;
    }
    let decided = confirmed + rejected;
    Verdicts {
        confirmed,
        rejected,
        share: (decided > 0).then(|| confirmed as f64 / decided as f64),
        interval: (decided > 0).then(|| jeffreys(confirmed, decided)),
    }
}

/// Exchanges that a review is expected to stop.
fn worth(network: &Reviewed) -> f64 {
    network.chance * network.live_exchanges as f64
}

/// Those that fit, by worth of a minute, ties to the higher rank.
fn chosen(mut waiting: Vec<Reviewed>, minutes: f64) -> Vec<Reviewed> {
    waiting.retain(|network| network.minutes <= minutes && worth(network) > 0.0);
    let rate = |network: &Reviewed| worth(network) / network.minutes.max(f64::MIN_POSITIVE);
    waiting.sort_by(|a, b| rate(b).total_cmp(&rate(a)).then(a.rank.cmp(&b.rank)));
    let best = waiting.iter().max_by(|a, b| worth(a).total_cmp(&worth(b)).then(b.rank.cmp(&a.rank))).cloned();
    let mut left = minutes;
    waiting.retain(|network| {
        let fits = network.minutes <= left;
        left -= if fits { network.minutes } else { 0.0 };
        fits
    });
    match best {
        Some(best) if worth(&best) > waiting.iter().map(worth).sum() => vec![best],
        _ => waiting,
    }
}

/// By network: where its case stands, the verdict, its accounts that aren't banned, and their exchanges.
fn standing(dataset: &Dataset, results: &Labelling, cases: &Cases) -> Vec<(State, Option<bool>, u64, u64)> {
    let mut members: Vec<Vec<AccountId>> = vec![Vec::new(); results.heads().len()];
    for account in (0..dataset.graph().account_count() as u32).map(AccountId) {
        if results.membership_of(account).is_some_and(|(_, how)| how.belongs()) {
            members[results.network_of[account.index()] as usize].push(account);
        }
    }
    let standing = members.into_iter().map(|members| {
        let NetworkStanding { state, verdict } = cases::standing_of(dataset, cases, &members);
        let live = members.into_iter().filter(|&account| !dataset.is_banned(account));
        live.fold((state, verdict, 0, 0), |(state, verdict, live, exchanges), account| {
            (state, verdict, live + 1, exchanges + query::exchanges_of(dataset, account))
        })
    });
    standing.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn network(rank: u32, live_exchanges: u64, chance: f64, minutes: f64) -> Reviewed {
        let (id, state) = (format!("PN-{rank}"), State::New);
        Reviewed { rank, id, accounts: 1, live: 1, live_exchanges, chance, minutes, hours_then: 0.0, state }
    }

    #[test]
    fn a_long_review_waits_unless_it_is_worth_more_than_all_others() {
        let ranks = |networks: Vec<Reviewed>, minutes| chosen(networks, minutes).iter().map(|one| one.rank).collect::<Vec<_>>();
        let networks = vec![network(1, 100, 1.0, 60.0), network(2, 30, 1.0, 10.0), network(3, 40, 0.5, 10.0)];
        assert_eq!(ranks(networks.clone(), 80.0), [2, 3, 1]);
        // An hour holds the two short ones or the long one, which is worth more.
        assert_eq!(ranks(networks.clone(), 60.0), [1]);
        assert_eq!(ranks(networks, 20.0), [2, 3]);
        assert!(ranks(vec![network(1, 0, 1.0, 1.0)], 60.0).is_empty());
    }

    #[test]
    fn at_the_threshold_chances_are_even_and_a_bit_doubles_the_odds() {
        assert_eq!((chance_of(5.0, 5.0), chance_of(6.0, 5.0), chance_of(4.0, 5.0)), (0.5, 2.0 / 3.0, 1.0 / 3.0));
        assert_eq!((chance_of(f64::INFINITY, 5.0), chance_of(f64::NEG_INFINITY, 5.0)), (1.0, 0.0));
    }

    #[test]
    fn of_the_first_those_with_a_verdict_are_known_and_the_others_expected() {
        let found = precision(&[(Some(true), 0.1), (None, 0.5), (Some(false), 0.9), (None, 1.0)]);
        assert_eq!((found.k, found.confirmed, found.rejected, found.expected), (4, 1, 1, 2.5));
        // One is known, one sure, one even: two or three.
        assert_eq!((found.interval, found.share), ((2, 3), 0.625));
    }

    proptest! {
        /// Against all choices: it fits, and is worth half of the best at least; with equal times, all of it.
        #[test]
        fn half_of_the_best_is_had(
            networks in prop::collection::vec((0u64..50, 0.0f64..1.0, 1u32..30), 0..9),
            minutes in 0u32..60,
            equal: bool,
        ) {
            let networks: Vec<Reviewed> = (1u32..)
                .zip(&networks)
                .map(|(rank, &(exchanges, chance, minutes))| {
                    network(rank, exchanges, chance, if equal { 7.0 } else { f64::from(minutes) })
                })
                .collect();
            let minutes = f64::from(minutes);
            let found = chosen(networks.clone(), minutes);
            prop_assert!(found.iter().map(|network| network.minutes).sum::<f64>() <= minutes);
            let mut best = 0.0f64;
            for set in 0..1u32 << networks.len() {
                let taken = || networks.iter().filter(|network| set >> (network.rank - 1) & 1 == 1);
                if taken().map(|network| network.minutes).sum::<f64>() <= minutes {
                    best = best.max(taken().map(worth).sum());
                }
            }
            let share = if equal { 1.0 } else { 0.5 };
            prop_assert!(found.iter().map(worth).sum::<f64>() >= share * best - 1e-9);
        }
    }
}
