//! Whom do false alarms hit?

use std::collections::{BTreeMap, BTreeSet};

use evidence::KindRole;
use graph::{AccountId, IdentifierId, KindId, NONE_U32};
use serde::Serialize;

use super::{Truth, Unlabelled, predicted};
use crate::dataset::Dataset;
use crate::error::Error;
use crate::results::Results;

/// The attribute of the classes of addresses.
pub const ADDRESS: &str = "address";

/// Legitimate accounts flagged among those of one country, pathway or class of addresses.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FairnessLine {
    /// `country`, `pathway` or `address`.
    pub attribute: String,
    /// Its value; of `address` a class of [`crate::query::Hub`], which an account has that was seen at one of the class.
    pub value: String,
    /// Legitimate accounts that have it.
    pub benign: u64,
    /// Flagged ones among them.
    pub flagged: u64,
    /// Flagged in a million.
    pub per_million: f64,
    /// Its rate over the rate of all other legitimate accounts; `None` where none of the others is flagged (then all false alarms are
    /// its, if there are any).
    pub ratio: Option<f64>,
    /// Fisher's exact probability, one-sided, of at least so many flagged if the flagged were drawn at random from all
    /// legitimate accounts. Members of one network are flagged together, so it is too small where a whole group was flagged.
    pub p_value: f64,
}

/// Whom false alarms hit: rates among legitimate accounts by country, pathway and the classes of their addresses (a carrier's
/// gateways, a VPN's exits ...), most uneven first. An account has one country and one pathway, and may have addresses of several
/// classes. With partial truth only accounts of known look-alike groups count as legitimate. O(sightings of addresses).
///
/// # Errors
/// [`Error::Usage`] if the results are of another store, or of it before an update.
pub fn fairness(dataset: &Dataset, results: &Results, truth: &Truth) -> Result<Vec<FairnessLine>, Error> {
    results.labelling().check_of(dataset)?;
    let found = predicted(results);
    let known_benign = |account: usize| {
        let grouped = truth.groups.label_of.get(account).is_some_and(|&group| group != NONE_U32);
        truth.networks.label_of[account] == NONE_U32 && (grouped || truth.unlabelled == Unlabelled::Benign)
    };
    let benign: Vec<usize> = (0..found.len()).filter(|&account| known_benign(account)).collect();
    let is_flagged = |account: usize| found[account] != NONE_U32;
    let all =
        Count { benign: benign.len() as u64, flagged: benign.iter().filter(|&&account| is_flagged(account)).count() as u64 };
    let (tables, accounts) = (dataset.tables(), dataset.accounts());
    let mut counts: BTreeMap<(&str, &str), Count> = BTreeMap::new();
    let mut count = |attribute, value, account| {
        let count: &mut Count = counts.entry((attribute, value)).or_default();
        count.benign += 1;
        count.flagged += u64::from(is_flagged(account));
    };
    for &account in &benign {
        for (attribute, column, names) in
            [("country", &accounts.country, &tables.countries), ("pathway", &accounts.pathway, &tables.pathways)]
        {
            if let Some(value) = column.get(account).and_then(|&value| names.get(usize::from(value))) {
                count(attribute, value.as_str(), account);
            }
        }
        for class in classes_of_addresses(dataset, results, AccountId(account as u32)) {
            count(ADDRESS, class, account);
        }
    }
    let mut lines: Vec<FairnessLine> = counts.into_iter().map(|(of, count)| line(of, count, all)).collect();
    lines.sort_by(|a, b| a.p_value.total_cmp(&b.p_value).then(b.flagged.cmp(&a.flagged)));
    Ok(lines)
}

/// Legitimate accounts, and the flagged among them.
#[derive(Clone, Copy, Default)]
struct Count {
    benign: u64,
    flagged: u64,
}

impl Count {
    fn rate(self) -> f64 {
        if self.benign == 0 { 0.0 } else { self.flagged as f64 / self.benign as f64 }
    }
}

fn line((attribute, value): (&str, &str), count: Count, all: Count) -> FairnessLine {
    let others = Count { benign: all.benign - count.benign, flagged: all.flagged - count.flagged }.rate();
    FairnessLine {
        attribute: attribute.to_owned(),
        value: value.to_owned(),
        benign: count.benign,
        flagged: count.flagged,
        per_million: count.rate() * 1e6,
        ratio: (all.flagged > 0 && others > 0.0).then(|| count.rate() / others),
        p_value: hypergeometric_tail(all.benign, all.flagged, count.benign, count.flagged),
    }
}

/// The classes of the addresses that an account was seen at, each once.
fn classes_of_addresses<'r>(dataset: &Dataset, results: &'r Results, account: AccountId) -> BTreeSet<&'r str> {
    let graph = dataset.graph();
    let kinds = (0u8..).map(KindId).zip(dataset.roles()).filter(|&(_, role)| *role == KindRole::Address);
    let identifiers = kinds.flat_map(|(kind, _)| graph.identifiers_within(account, &graph.identifiers_of_kind(kind)));
    identifiers.map(|&identifier| results.labelling().class_of(IdentifierId(identifier))).collect()
}

/// P(X >= hit) for the number X of marked ones among `drawn` of `total`, `marked` of which are marked: a sum of exact terms,
/// each from the one before.
fn hypergeometric_tail(total: u64, marked: u64, drawn: u64, hit: u64) -> f64 {
    let most = marked.min(drawn);
    let least = (marked + drawn).saturating_sub(total);
    if hit <= least {
        return 1.0;
    }
    let ln_choose =
        |n: u64, k: u64| -> f64 { (0..k.min(n - k)).map(|at| ((n - at) as f64).ln() - ((at + 1) as f64).ln()).sum() };
    let chance =
        |hit: u64| -> f64 { (ln_choose(marked, hit) + ln_choose(total - marked, drawn - hit) - ln_choose(total, drawn)).exp() };
    // Chances fall away from the most likely number on either side: a sum that begins beyond it begins with what is 0 by its size.
    let ratio =
        |at: u64| (marked - at) as f64 * (drawn - at) as f64 / ((at + 1) as f64 * (total + at + 1 - marked - drawn) as f64);
    let mode = ((marked + 1) as f64 * (drawn + 1) as f64 / (total + 2) as f64) as u64;
    let mut sum = 0.0;
    if hit > mode {
        let mut term = chance(hit);
        for at in hit..=most {
            sum += term;
            term *= ratio(at);
        }
        return sum.min(1.0);
    }
    let mut term = chance(hit - 1);
    for at in (least..hit).rev() {
        sum += term;
        if at > least {
            term /= ratio(at - 1);
        }
    }
    (1.0 - sum).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_by_hand() {
        // Of 10, 4 marked, 5 drawn: P(X >= 3) = (4 x 15 + 1 x 6) / 252.
        assert!((hypergeometric_tail(10, 4, 5, 3) - 66.0 / 252.0).abs() < 1e-12);
        assert!((hypergeometric_tail(10, 4, 5, 4) - 6.0 / 252.0).abs() < 1e-12);
        assert_eq!(hypergeometric_tail(10, 4, 5, 0), 1.0);
        // 8 of 10 drawn leave 2: at least 2 of 4 marked are drawn.
        assert_eq!(hypergeometric_tail(10, 4, 8, 2), 1.0);
        assert!((hypergeometric_tail(20_000, 100, 4_000, 1) - 1.0).abs() < 1e-6);
        // The chance of so few is 0 by its size, and that of at least so many was, too.
        assert!((hypergeometric_tail(24_218, 595, 23_583, 1) - 1.0).abs() < 1e-9);
        // Below the most likely number the one and the other sum are of one whole: by hand, P(X >= 1) = 1 - 6 / 252.
        assert!((hypergeometric_tail(10, 4, 5, 1) - (1.0 - 6.0 / 252.0)).abs() < 1e-12);
        assert!((hypergeometric_tail(10, 4, 5, 2) - (1.0 - 66.0 / 252.0)).abs() < 1e-12);
    }
}
