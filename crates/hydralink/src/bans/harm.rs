//! Whom do actions hit?

use std::collections::BTreeMap;

use graph::NONE_U16;

use super::stopped::Reach;
use super::{Collateral, Harm, Reviewed};
use crate::dataset::Dataset;
use crate::error::Error;
use crate::interval::{clopper_pearson, poisson_binomial};

/// Whom the actions taken hit.
pub(super) fn harm(reach: &Reach<'_>) -> Result<Harm, Error> {
    let dataset = reach.stakes.dataset;
    let (accounts, tables) = (dataset.accounts(), dataset.tables());
    Ok(Harm {
        benign_expected: benign_expected(reach),
        benign_interval: benign_interval(reach),
        benign_exchanges_expected: reach.benign_stopped(),
        benign_by_country: collateral(reach, &accounts.country, &tables.countries),
        benign_by_pathway: collateral(reach, &accounts.pathway, &tables.pathways),
        benign_by_tier: collateral(reach, &accounts.tier, &tables.tiers),
        reviewed: reviewed(dataset, reach.hit().filter(|(_, hit)| hit.banned).count())?,
    })
}

pub(super) fn benign_interval(reach: &Reach<'_>) -> (u64, u64) {
    poisson_binomial(reach.hit().map(|(account, _)| reach.stakes.risk_of(account)))
}

pub(super) fn benign_expected(reach: &Reach<'_>) -> f64 {
    reach.hit().map(|(account, _)| reach.stakes.risk_of(account)).sum()
}

/// Accounts hit by the word of a column of the account table.
fn collateral(reach: &Reach<'_>, column: &[u16], names: &[String]) -> BTreeMap<String, Collateral> {
    let mut groups: BTreeMap<u16, Collateral> = BTreeMap::new();
    for (account, _) in reach.hit() {
        let Some(&word) = column.get(account as usize).filter(|&&word| word != NONE_U16) else { continue };
        let group = groups.entry(word).or_default();
        group.hit += 1;
        group.risks.push(reach.stakes.risk_of(account));
    }
    for &word in column {
        if let Some(group) = groups.get_mut(&word) {
            group.accounts += 1;
        }
    }
    let named = groups.into_iter().filter_map(|(word, mut group)| {
        group.benign_expected = group.risks.iter().sum();
        group.benign_interval = poisson_binomial(group.risks.iter().copied());
        Some((names.get(word as usize)?.clone(), group))
    });
    named.collect()
}

/// What people decided, and what it says about the accounts that a plan bans.
fn reviewed(dataset: &Dataset, banned: usize) -> Result<Option<Reviewed>, Error> {
    let cases = dataset.cases()?;
    let harmless = cases.rejected_accounts().count() as u64;
    let decided = harmless + cases.confirmed_accounts().count() as u64;
    if decided == 0 {
        return Ok(None);
    }
    let share = clopper_pearson(harmless, decided);
    Ok(Some(Reviewed {
        decided,
        harmless,
        harmless_share_interval: share,
        benign_banned_interval: (share.0 * banned as f64, share.1 * banned as f64),
    }))
}
