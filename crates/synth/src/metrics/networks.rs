//! Network by network: the best match of each true one, splits and merges, and the legitimate accounts that were flagged.

use serde::{Deserialize, Serialize};

use super::contingency::{Cell, Table};
use super::{Comparison, NONE, Unlabelled};

/// Accounts that two networks must share to count as a part of one another.
const LEAST_OVERLAP: u64 = 2;

/// A true network and the found one that holds most of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NetworkMatch {
    /// The true network.
    pub truth: String,
    /// Its accounts.
    pub accounts: u64,
    /// The found network with most of its accounts; the better rank where two have as many.
    pub best_network: Option<String>,
    /// That network's rank, from 1.
    pub rank: Option<u32>,
    /// Share of the found network that belongs to the true one.
    pub precision: f64,
    /// Share of the true network that is in the found one.
    pub recall: f64,
}

/// The largest found network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Largest {
    /// Its id.
    pub network: String,
    /// Its accounts.
    pub accounts: u64,
    /// Share that belongs to one true network.
    pub purity: f64,
    /// Share of that true network that is in it.
    pub completeness: f64,
}

/// A true network in several pieces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Split {
    /// The true network.
    pub truth: String,
    /// Found networks with at least two of its accounts, by rank.
    pub networks: Vec<String>,
    /// Its accounts in each.
    pub accounts: Vec<u64>,
}

/// A found network of several true ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Merge {
    /// The found network.
    pub network: String,
    /// True networks with at least two accounts in it.
    pub truths: Vec<String>,
    /// Accounts of each.
    pub accounts: Vec<u64>,
}

/// A look-alike group with members in found networks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BenignGroup {
    /// The group.
    pub group: String,
    /// Its members in found networks.
    pub accounts: u64,
    /// Its members in all.
    pub members: u64,
    /// Rank of the found network with most of them, from 1.
    pub rank: u32,
    /// Share of that network which the group makes up: near 1, the network is the group; near 0, a few members strayed in.
    pub share_of_network: f64,
}

pub(crate) fn matches(table: &Table, comparison: &Comparison<'_>) -> Vec<NetworkMatch> {
    let mut best: Vec<Option<Cell>> = vec![None; table.truth.len()];
    for cell in table.shared() {
        let slot = &mut best[cell.truth as usize];
        // Cells come by rank, so the better rank stays where two have as many.
        if slot.is_none_or(|other| other.accounts < cell.accounts) {
            *slot = Some(*cell);
        }
    }
    let mut order: Vec<usize> = (0..table.truth.len()).filter(|&truth| table.truth[truth] > 0).collect();
    order.sort_by_key(|&truth| (std::cmp::Reverse(table.truth[truth]), truth));
    let describe = |truth: usize| NetworkMatch {
        truth: comparison.truth_names[truth].clone(),
        accounts: table.truth[truth],
        best_network: best[truth].map(|cell| comparison.found_names[cell.found as usize].clone()),
        rank: best[truth].map(|cell| cell.found + 1),
        precision: best[truth].map_or(0.0, |cell| cell.accounts as f64 / table.found[cell.found as usize] as f64),
        recall: best[truth].map_or(0.0, |cell| cell.accounts as f64 / table.truth[truth] as f64),
    };
    order.into_iter().map(describe).collect()
}

pub(crate) fn largest(table: &Table, comparison: &Comparison<'_>) -> Option<Largest> {
    let found = (0..table.found.len()).rev().max_by_key(|&found| table.found[found])?;
    let accounts = table.found[found];
    let best = table.shared().filter(|cell| cell.found as usize == found).max_by_key(|cell| cell.accounts);
    (accounts > 0).then(|| Largest {
        network: comparison.found_names[found].clone(),
        accounts,
        purity: best.map_or(0.0, |cell| cell.accounts as f64 / accounts as f64),
        completeness: best.map_or(0.0, |cell| cell.accounts as f64 / table.truth[cell.truth as usize] as f64),
    })
}

pub(crate) fn splits(table: &Table, comparison: &Comparison<'_>) -> Vec<Split> {
    let parts: Vec<Cell> = table.shared().filter(|cell| cell.accounts >= LEAST_OVERLAP).copied().collect();
    parts
        .chunk_by(|a, b| a.truth == b.truth)
        .filter(|parts| parts.len() > 1)
        .map(|parts| Split {
            truth: comparison.truth_names[parts[0].truth as usize].clone(),
            networks: parts.iter().map(|cell| comparison.found_names[cell.found as usize].clone()).collect(),
            accounts: parts.iter().map(|cell| cell.accounts).collect(),
        })
        .collect()
}

pub(crate) fn merges(table: &Table, comparison: &Comparison<'_>) -> Vec<Merge> {
    let parts = table.shared_of_found().into_iter().map(|mut cells| {
        cells.retain(|cell| cell.accounts >= LEAST_OVERLAP);
        cells
    });
    parts
        .filter(|cells| cells.len() > 1)
        .map(|cells| Merge {
            network: comparison.found_names[cells[0].found as usize].clone(),
            truths: cells.iter().map(|cell| comparison.truth_names[cell.truth as usize].clone()).collect(),
            accounts: cells.iter().map(|cell| cell.accounts).collect(),
        })
        .collect()
}

/// Legitimate accounts in found networks.
pub(crate) struct Benign {
    pub(crate) flagged: u64,
    pub(crate) per_million: f64,
    pub(crate) groups: Vec<BenignGroup>,
}

pub(crate) fn benign(comparison: &Comparison<'_>) -> Benign {
    let group_of = |at: usize| comparison.groups.get(at).copied().unwrap_or(NONE);
    let is_benign =
        |at: usize| comparison.truth[at] == NONE && (comparison.unlabelled == Unlabelled::Benign || group_of(at) != NONE);
    let (mut flagged, mut total) = (0u64, 0u64);
    let mut members = vec![0u64; comparison.group_names.len()];
    let mut size = vec![0u64; comparison.found_names.len()];
    let mut cells = Vec::new();
    for (at, &found) in comparison.found.iter().enumerate() {
        if found != NONE {
            size[found as usize] += 1;
        }
        if !is_benign(at) {
            continue;
        }
        total += 1;
        flagged += u64::from(found != NONE);
        if group_of(at) != NONE {
            members[group_of(at) as usize] += 1;
            if found != NONE {
                cells.push((group_of(at), found));
            }
        }
    }
    cells.sort_unstable();
    let mut groups = Vec::new();
    for of_group in cells.chunk_by(|a, b| a.0 == b.0) {
        let mut most: Option<(usize, u32)> = None;
        for part in of_group.chunk_by(|a, b| a == b) {
            if most.is_none_or(|(count, _)| count < part.len()) {
                most = Some((part.len(), part[0].1));
            }
        }
        if let Some((count, found)) = most {
            groups.push(BenignGroup {
                group: comparison.group_names[of_group[0].0 as usize].clone(),
                accounts: of_group.len() as u64,
                members: members[of_group[0].0 as usize],
                rank: found + 1,
                share_of_network: count as f64 / size[found as usize] as f64,
            });
        }
    }
    groups.sort_by(|a, b| (a.rank, &a.group).cmp(&(b.rank, &b.group)));
    Benign { flagged, per_million: if total == 0 { 0.0 } else { flagged as f64 * 1e6 / total as f64 }, groups }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{compare, names};
    use super::super::{Comparison, Unlabelled, evaluate};
    use super::*;

    #[test]
    fn splits_and_merges_are_told_apart() {
        let truth = [0, 0, 0, 0, 0, 1, 1, 2, 2, NONE];
        let found = [0, 0, 1, 1, 1, 2, 2, 2, 2, NONE];
        let score = compare(&truth, &found);
        assert_eq!(score.splits.len(), 1);
        assert_eq!((&score.splits[0].truth[..], &score.splits[0].accounts[..]), ("n0", &[2, 3][..]));
        assert_eq!(score.merges.len(), 1);
        assert_eq!((&score.merges[0].network[..], score.merges[0].truths.len()), ("n2", 2));
        assert_eq!(score.networks[0].rank, Some(2), "three of five are in the second network");
        let largest = score.largest.expect("three networks were found");
        assert_eq!((largest.accounts, largest.purity, largest.completeness), (4, 0.5, 1.0));
    }

    #[test]
    fn a_group_that_is_the_network_differs_from_a_stray_member() {
        let truth = [0, 0, 0, NONE, NONE, NONE, NONE, NONE];
        let found = [0, 0, 0, 0, 1, 1, NONE, NONE];
        let groups = [NONE, NONE, NONE, 0, 1, 1, 1, 0];
        let all = names(2);
        let comparison = Comparison {
            truth: &truth,
            truth_names: &all,
            found: &found,
            found_names: &all,
            groups: &groups,
            group_names: &all,
            unlabelled: Unlabelled::Benign,
        };
        let score = evaluate(&comparison).expect("columns fit");
        let [stray, campus] = &score.benign_groups[..] else { panic!("two groups: {:?}", score.benign_groups) };
        assert_eq!((stray.accounts, stray.members, stray.rank, stray.share_of_network), (1, 2, 1, 0.25));
        assert_eq!((campus.accounts, campus.members, campus.rank, campus.share_of_network), (2, 3, 2, 1.0));
        assert_eq!(score.benign_flagged, 3);
    }
}
