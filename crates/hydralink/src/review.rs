//! Which networks are worth the hours that there are to look at them?
//!
//! An analyst has so many hours, and a review takes so many minutes for the network and so many for each of its accounts. What
//! it is worth are the exchanges that would go on without it: those of its accounts that aren't banned, times the chance that
//! the network is one. The chance is `1 - q` where the store is calibrated ([`crate::calibrate()`]), else that of the score as
//! odds, `2^score / (1 + 2^score)`, which holds if scores are what they say.
//!
//! 1. Networks whose case is confirmed, rejected or closed need no review. 2. The others, also below the threshold, are taken
//!    by what an hour of them is worth, most first, while they fit. 3. If the most valuable one that fits alone is worth more
//!    than all of these, it is the choice. So at least half of the best choice is had, all of it where every review takes the
//!    same time. Cost: O(accounts).
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
//! assert!(review(&dataset, &labels, &morning)?.networks.iter().all(|network| network.id != first));
//! # Ok::<(), hydralink::Error>(())
//! ```

use serde::Serialize;

use crate::cases::{self, Cases, State};
use crate::dataset::Dataset;
use crate::error::Error;
use crate::query;
use crate::results::{Labelling, Membership};
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

/// What to review, and what for.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
}

/// One network to review.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
    let cases = dataset.cases()?;
    let q_values = crate::calibrate::current_q_values(dataset, results)?;
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
    };
    let mut waiting = Vec::new();
    for (place, (state, live, live_exchanges)) in standing(dataset, results, &cases).into_iter().enumerate() {
        match state {
            State::Confirmed | State::Rejected | State::Closed => {
                review.decided += 1;
                review.confirmed += u64::from(state == State::Confirmed);
                continue;
            }
            State::New | State::Triage | State::Monitoring => {}
        }
        let head = results.head(place);
        let by_score = 1.0 / (1.0 + (-head.score).exp2());
        let q_value = q_values.as_ref().and_then(|q_values| q_values[place]);
        waiting.push(Reviewed {
            rank: place as u32 + 1,
            id: head.id.clone(),
            accounts: head.accounts,
            live,
            live_exchanges,
            chance: q_value.map_or(by_score, |q| 1.0 - q.clamp(0.0, 1.0)),
            minutes: minutes_a_network + minutes_an_account * head.accounts as f64,
            hours_then: 0.0,
            state,
        });
    }
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

/// By network: where its case stands, its accounts that aren't banned, and their exchanges.
fn standing(dataset: &Dataset, results: &Labelling, cases: &Cases) -> Vec<(State, u64, u64)> {
    let mut members: Vec<Vec<AccountId>> = vec![Vec::new(); results.heads().len()];
    for account in (0..dataset.graph().account_count() as u32).map(AccountId) {
        if results.membership_of(account).is_some_and(|(_, how)| how != Membership::Ambiguous) {
            members[results.network_of[account.index()] as usize].push(account);
        }
    }
    let standing = members.into_iter().map(|members| {
        let state = cases::state_of(dataset, cases, &members);
        let live = members.into_iter().filter(|&account| !dataset.is_banned(account));
        live.fold((state, 0, 0), |(state, live, exchanges), account| {
            (state, live + 1, exchanges + query::exchanges_of(dataset, account))
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
