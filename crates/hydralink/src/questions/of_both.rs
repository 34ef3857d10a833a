//! What does the group that two accounts are both in say of them?
//!
//! What two share speaks for one operator as if nothing but chance could explain it. Whether a harmless story does (an
//! office on one card, a campus behind one address) only the whole group shows, so what is held of two accounts goes by the
//! candidate that both are in, where there is one, and by people's decisions before that:
//!
//! | both | held |
//! |---|---|
//! | belong to a flagged network, or one that people confirmed | [`Held::OneOperator`] |
//! | are in one that people found harmless, or whose story leaves its case below 0 bits | [`Held::Harmless`] |
//! | are in another candidate, or in none and tied by what they share | [`Held::Undecided`] |
//! | are in none, and not tied | [`Held::Apart`] |
//!
//! Cost: O(accounts of the group), for people's decisions.

use graph::AccountId;
use serde::Serialize;

use crate::cases::Label;
use crate::dataset::Dataset;
use crate::error::Error;
use crate::results::Labelling;
use crate::review::{Belief, Chances};

/// What is held of two accounts, all things considered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Held {
    /// One operator runs both.
    OneOperator,
    /// What they share has a harmless explanation.
    Harmless,
    /// Something ties them, and nothing says whether that is harmless.
    Undecided,
    /// Nothing ties them.
    Apart,
}

/// The candidate network that two accounts are both in.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GroupOfBoth {
    /// Its id.
    pub network: String,
    /// Whether its score is over the threshold.
    pub flagged: bool,
    /// Whether both belong to it, as core or fringe; else one of them touches it.
    pub both_belong: bool,
    /// Accounts that belong to it.
    pub accounts: u64,
    /// Evidence in bits for one operator against the story.
    pub score: f64,
    /// The harmless story that explains it best.
    pub benign_hypothesis: String,
    /// The chance that it is one operator's ([`crate::review`]).
    pub chance: f64,
    /// What people decided about it: that it is a network (true), or harmless.
    pub decided: Option<bool>,
}

impl GroupOfBoth {
    /// The candidate that both are in.
    pub(crate) fn of(dataset: &Dataset, results: &Labelling, both: [AccountId; 2]) -> Result<Option<Self>, Error> {
        let [Some((head, first)), Some((other, second))] = both.map(|account| results.membership_of(account)) else {
            return Ok(None);
        };
        if head.id != other.id {
            return Ok(None);
        }
        let place = dataset.network_index(results, &head.id)?;
        let card = results.network(dataset, place)?;
        let (chances, cases) = (Chances::of(dataset, results)?, dataset.cases()?);
        let Belief { verdict, chance } = chances.of_members(dataset, &cases, place, &results.belonging(place));
        Ok(Some(GroupOfBoth {
            network: card.id,
            flagged: card.flagged,
            both_belong: [first, second].iter().all(|how| how.belongs()),
            accounts: card.accounts,
            score: card.score,
            benign_hypothesis: card.benign_hypothesis,
            chance,
            decided: verdict,
        }))
    }

    /// What it says of two accounts in it.
    fn held(&self) -> Held {
        match self.decided {
            Some(false) => Held::Harmless,
            _ if !self.both_belong => Held::Undecided,
            Some(true) => Held::OneOperator,
            None if self.flagged => Held::OneOperator,
            None if self.score < 0.0 => Held::Harmless,
            None => Held::Undecided,
        }
    }

    /// What it is, in words that follow the names of two accounts.
    pub(crate) fn text(&self, threshold: f64) -> String {
        let GroupOfBoth { network, flagged, both_belong, score, decided, .. } = self;
        let story = self.benign_hypothesis.replace('_', " ");
        let are = if *both_belong { "both belong to" } else { "both are in, or touch," };
        match (decided, flagged) {
            (Some(false), _) => format!("{are} {network}, which people found harmless"),
            (Some(true), _) | (None, true) => format!("{are} {network}"),
            (None, false) if *score < 0.0 => format!(
                "{are} {network}, a candidate of which a harmless story ({story}) explains more than one operator would: {score:.1} bits, \
                 where {threshold:.1} flag a network"
            ),
            (None, false) => {
                format!(
                    "{are} {network}, a candidate with {score:.1} bits for one operator, where {threshold:.1} flag a network"
                )
            }
        }
    }
}

/// What is held of two accounts that are in this group, if any, and are tied by what they share, or not.
pub(crate) fn held(dataset: &Dataset, group: Option<&GroupOfBoth>, both: [AccountId; 2], tied: bool) -> Result<Held, Error> {
    let cases = dataset.cases()?;
    if both.iter().all(|&account| cases.label_of(dataset.account_name(account)) == Some(Label::Rejected)) {
        return Ok(Held::Harmless);
    }
    Ok(match group {
        Some(group) => group.held(),
        None if tied => Held::Undecided,
        None => Held::Apart,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_of_two_goes_by_their_group() {
        let group = |score: f64, decided: Option<bool>, both_belong: bool| GroupOfBoth {
            network: "PN-1".to_owned(),
            flagged: score >= 5.0,
            both_belong,
            accounts: 40,
            score,
            benign_hypothesis: "office".to_owned(),
            chance: 0.5,
            decided,
        };
        assert_eq!(group(9.0, None, true).held(), Held::OneOperator);
        assert_eq!(group(9.0, None, false).held(), Held::Undecided);
        assert_eq!(group(9.0, Some(false), true).held(), Held::Harmless);
        assert_eq!(group(2.0, None, true).held(), Held::Undecided);
        assert_eq!(group(-18.0, None, true).held(), Held::Harmless);
        assert_eq!(group(-18.0, Some(true), true).held(), Held::OneOperator);
        let told = group(-18.0, None, true).text(5.0);
        assert!(told.contains("PN-1") && told.contains("harmless story (office)") && told.contains("-18.0 bits"), "{told}");
    }
}
