//! Why did that happen to a network? What a detection can tell of it, and no more.
//!
//! | event | cause |
//! |---|---|
//! | `born` | `new`: no network on record was the same; `split`, `merged`, `regrouped` out of others; else as of a return |
//! | `resurrected` | `active_again` after silence, or after a ban of everybody; else `score_rose` above the threshold, `threshold_lowered` below its score, `confirmed` by people though it scores less, or `found_again` after a detection that found nothing like it |
//! | `grew`, `changed` | `accounts_gained`, `accounts_changed` |
//! | `shrank` | `accounts_lost`: the detection lets them go; `expired`, `forgotten`, `not_in_the_logs`: the store has nothing of them any more, but for that it would not have shrunk; the first two also where the detection lets accounts go because all that came is such a loss |
//! | `split`, `merged`, `regrouped` | the same words |
//! | `replaced` | `banned_and_replaced`, or other accounts with the `same_identifiers`; else `accounts_changed` |
//! | `dormant` | `silent` |
//! | `closed` | `all_banned`; `merged` into others; `rejected_by_people`; a candidate still, but `score_fell`, `threshold_raised` or `confirmation_withdrawn`; `expired`, `forgotten`, `not_in_the_logs`: nothing of it is left, or by the first two, where nothing else came, too little; `not_found` |
//!
//! Where a store of an earlier version didn't note what it takes, there is no cause.

use serde::{Deserialize, Serialize};

use super::history::{History, Remembered};
use super::record::Scene;
use crate::cases::State;
use crate::results::Results;

/// Why something happened to a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cause {
    /// Nothing on record was the same.
    New,
    /// It was a candidate, and is over the threshold.
    ScoreRose,
    /// It was a candidate with a score that is now enough.
    ThresholdLowered,
    /// It scores less than the threshold, and people confirmed most of its accounts.
    Confirmed,
    /// The detection before found nothing that was the same.
    FoundAgain,
    /// Somebody acts again after silence, or not everybody is banned any more.
    ActiveAgain,
    /// Accounts came.
    AccountsGained,
    /// The detection lets accounts go.
    AccountsLost,
    /// As many others came as went.
    AccountsChanged,
    /// It is several now.
    Split,
    /// Several are one now.
    Merged,
    /// Several are several others now.
    Regrouped,
    /// Bans hit it, and others came.
    BannedAndReplaced,
    /// Most accounts are others, with the same identifiers.
    SameIdentifiers,
    /// Nobody acted for a week.
    Silent,
    /// Every account is banned.
    AllBanned,
    /// People found it harmless.
    RejectedByPeople,
    /// It is a candidate with a score that is no longer enough.
    ScoreFell,
    /// It is a candidate with a score that was enough before.
    ThresholdRaised,
    /// It never scored enough, and people no longer confirm it.
    ConfirmationWithdrawn,
    /// What was seen of accounts is too old to be kept.
    Expired,
    /// Accounts were forgotten.
    Forgotten,
    /// The store was built from logs that don't have the accounts.
    NotInTheLogs,
    /// No candidate is the same.
    NotFound,
}

impl Cause {
    /// The word used in every output.
    pub fn name(self) -> &'static str {
        match self {
            Cause::New => "new",
            Cause::ScoreRose => "score_rose",
            Cause::ThresholdLowered => "threshold_lowered",
            Cause::Confirmed => "confirmed",
            Cause::FoundAgain => "found_again",
            Cause::ActiveAgain => "active_again",
            Cause::AccountsGained => "accounts_gained",
            Cause::AccountsLost => "accounts_lost",
            Cause::AccountsChanged => "accounts_changed",
            Cause::Split => "split",
            Cause::Merged => "merged",
            Cause::Regrouped => "regrouped",
            Cause::BannedAndReplaced => "banned_and_replaced",
            Cause::SameIdentifiers => "same_identifiers",
            Cause::Silent => "silent",
            Cause::AllBanned => "all_banned",
            Cause::RejectedByPeople => "rejected_by_people",
            Cause::ScoreFell => "score_fell",
            Cause::ThresholdRaised => "threshold_raised",
            Cause::ConfirmationWithdrawn => "confirmation_withdrawn",
            Cause::Expired => "expired",
            Cause::Forgotten => "forgotten",
            Cause::NotInTheLogs => "not_in_the_logs",
            Cause::NotFound => "not_found",
        }
    }

    /// Whether the event's own word says as much.
    pub(super) fn goes_without_saying(self, event: &str) -> bool {
        use Cause::{AccountsChanged, AccountsGained, AccountsLost, Merged, New, Regrouped, Silent, Split};
        match self {
            New | AccountsGained | AccountsLost | AccountsChanged | Silent => true,
            Split | Merged | Regrouped => event != "born",
            _ => false,
        }
    }
}

/// What became of one network's score between two detections.
pub(super) struct Causes<'a> {
    pub(super) history: &'a History,
    pub(super) results: &'a Results,
}

impl Causes<'_> {
    fn known(&self, id: &str) -> Option<&Remembered> {
        self.history.networks.iter().find(|network| network.id == id)
    }

    fn threshold(&self) -> f64 {
        self.results.labelling.run.threshold
    }

    /// The threshold of the detection before.
    fn threshold_before(&self, run: u32) -> Option<f64> {
        self.history.runs.get((run as usize).checked_sub(1)?)?.threshold
    }

    /// Why a network is flagged that wasn't.
    pub(super) fn of_rise(&self, id: &str, run: u32) -> Option<Cause> {
        let network = self.results.networks.iter().find(|network| network.id == id)?;
        if network.score < self.threshold() {
            return Some(Cause::Confirmed);
        }
        match self.known(id) {
            None => Some(Cause::New),
            Some(known) if known.last_run + 1 < run => Some(Cause::FoundAgain),
            // What it scored before tells which of the two moved.
            Some(known) => Some(if known.score? >= self.threshold() { Cause::ThresholdLowered } else { Cause::ScoreRose }),
        }
    }

    /// Why a network isn't flagged that was, and went into no other.
    pub(super) fn of_fall(&self, id: &str, scene: &Scene<'_>) -> Option<Cause> {
        let rejected = || {
            let cases = scene.dataset.cases().ok();
            cases.is_some_and(|cases| cases.case_of(id).is_some_and(|case| case.state == State::Rejected))
        };
        let (known, before) = (self.known(id)?, self.threshold_before(scene.run));
        match self.results.networks.iter().find(|network| network.id == id && network.accounts > 0) {
            _ if rejected() => Some(Cause::RejectedByPeople),
            _ if self.history.less.is_some() => known.most_gone().or(self.history.less),
            Some(found) => {
                let (was, before) = (known.score?, before?);
                Some(if was < before {
                    Cause::ConfirmationWithdrawn
                } else if found.score >= before {
                    Cause::ThresholdRaised
                } else {
                    Cause::ScoreFell
                })
            }
            None if known.current().next().is_none() => Some(known.most_gone().unwrap_or(Cause::NotFound)),
            None => Some(Cause::NotFound),
        }
    }
}
