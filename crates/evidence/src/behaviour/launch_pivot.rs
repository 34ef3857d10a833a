//! TMP-4: when a model is released, does the group move to it as one?
//!
//! Definition: an account's adoption of a release is the mean, over [`HORIZONS`] in which it was active, of the new model's
//! share of its events in the horizon; a group's is the mean over its active accounts; value = the largest over releases.
//! Nulls: (1) *accounts*: as many accounts drawn from the population, matched on pathway and volume: early adopters are spread
//! over everybody; (2) *clusters*: accounts that share an address, a card or a credential, of a size within a factor 4: an
//! office may move together. p is the larger of the two (both nulls must fail: an intersection-union test, valid without
//! correction). The account null alone counts where fewer than 19 clusters of that size were active. Cost: two binary searches
//! and one window of events for each account, release and horizon. Reference: Berger 1982, "Multiparameter hypothesis testing
//! and acceptance sampling", doi:10.1080/00401706.1982.10487790.

use graph::{AccountId, IdentifierId};
use rayon::prelude::*;

use super::chance::{bits_of_p, monte_carlo};
use super::population::Matched;
use super::random::{Stream, group_key, key, sample};
use super::{BehaviourConfig, Population};
use crate::{Facts, Signal};

/// Hours after a release.
pub const HORIZONS: [i64; 4] = [6, 12, 24, 48];
/// Fewer active accounts give no signal.
pub(crate) const FEWEST_ADOPTERS: usize = 4;
/// Fewer reference clusters give no cluster null.
const FEWEST_CLUSTERS: usize = 19;
const HOUR: i64 = 3_600_000;

/// Tests a group for a joint move to a new model.
pub fn launch_pivot(
    facts: &Facts<'_>,
    population: &Population,
    members: &[AccountId],
    config: &BehaviourConfig,
) -> Option<Signal> {
    if facts.releases.is_empty() || facts.activity.columns().model.is_empty() {
        return None;
    }
    let chosen = sample(members, config.sampled_accounts, config.seed);
    let own: Vec<Vec<f32>> = chosen.iter().map(|&account| adoption(facts, account)).collect();
    let (release, observed) = best_release(&own)?;
    let active = |shares: &[f32]| shares.get(release).is_some_and(|share| !share.is_nan());
    let adopters: Vec<AccountId> =
        chosen.iter().zip(&own).filter(|(_, shares)| active(shares)).map(|(&account, _)| account).collect();
    let matched = Matched::new(facts, population, &adopters, members)?
        .keep(|position| population.features[position].launch.iter().any(|share| !share.is_nan()))?;
    let seed = group_key(config.seed, 4, members);
    // The null group also takes its best release, so that the choice is part of what is tested.
    let chance = monte_carlo(&[observed], config.draws, |draw, out| {
        let mut stream = Stream::new(key(&[seed, draw as u64]));
        let group: Vec<&[f32]> =
            matched.draw(&mut stream).map(|position| population.features[position].launch.as_slice()).collect();
        out[0] = best_release(&group).map_or(0.0, |best| best.1);
    });
    let clusters = cluster_p(population, members.len(), observed);
    let p_value = chance.p_value.max(clusters.unwrap_or(0.0));
    let bits = clusters.map_or(chance.bits, |p| chance.bits.min(bits_of_p(p)));
    Some(Signal { value: observed, expected: chance.expected[0], bits, p_value: Some(p_value) })
}

/// (1 + clusters that moved at least as much) / (1 + clusters) among clusters of a size within a factor 4.
fn cluster_p(population: &Population, size: usize, observed: f64) -> Option<f64> {
    let (low, high) = ((size / 4) as u32, (size * 4).min(u32::MAX as usize) as u32);
    let from = population.cluster_launch.partition_point(|cluster| cluster.0 < low);
    let to = population.cluster_launch.partition_point(|cluster| cluster.0 <= high);
    let clusters = &population.cluster_launch[from..to];
    let reached = clusters.iter().filter(|cluster| cluster.1 >= observed).count();
    (clusters.len() >= FEWEST_CLUSTERS).then(|| (1 + reached) as f64 / (1 + clusters.len()) as f64)
}

/// For each release, the mean share of the new model over the horizons in which the account was active; NaN if it wasn't.
pub(crate) fn adoption(facts: &Facts<'_>, account: AccountId) -> Vec<f32> {
    let events = facts.activity.of(account);
    if events.model.is_empty() {
        return Vec::new();
    }
    let share = |&(model, release): &(u16, graph::Seconds)| {
        let start = i64::from(release) * 1000;
        let from = events.time.partition_point(|&at| at < start);
        let (mut sum, mut horizons, mut to, mut new) = (0.0, 0.0, from, 0usize);
        for hours in HORIZONS {
            while to < events.time.len() && events.time[to] < start + hours * HOUR {
                new += usize::from(events.model[to] == model);
                to += 1;
            }
            if to > from {
                sum += new as f32 / (to - from) as f32;
                horizons += 1.0;
            }
        }
        if horizons > 0.0 { sum / horizons } else { f32::NAN }
    };
    facts.releases.iter().map(share).collect()
}

/// The release with the largest mean adoption among those with enough active accounts.
fn best_release<S: AsRef<[f32]>>(group: &[S]) -> Option<(usize, f64)> {
    let releases = group.iter().map(|shares| shares.as_ref().len()).max()?;
    let mean = |release: usize| {
        let known = group.iter().filter_map(|shares| shares.as_ref().get(release)).filter(|share| !share.is_nan());
        let (sum, count) = known.fold((0.0, 0), |(sum, count), &share| (sum + f64::from(share), count + 1));
        (count >= FEWEST_ADOPTERS).then(|| (release, sum / f64::from(count as u32)))
    };
    (0..releases).filter_map(mean).reduce(|best, next| if next.1 > best.1 { next } else { best })
}

/// Adoption of reference clusters: (size, statistic), sorted.
pub(crate) fn reference_clusters(facts: &Facts<'_>, clusters: &[IdentifierId], config: &BehaviourConfig) -> Vec<(u32, f64)> {
    if facts.releases.is_empty() || facts.activity.columns().model.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<(u32, f64)> = clusters
        .par_iter()
        .filter_map(|&identifier| {
            let members: Vec<AccountId> = facts.graph.accounts_of(identifier).iter().map(|&id| AccountId(id)).collect();
            // A cluster's mean needs few accounts: 32 of them.
            let group: Vec<Vec<f32>> =
                sample(&members, 32, config.seed).into_iter().map(|account| adoption(facts, account)).collect();
            Some((members.len() as u32, best_release(&group)?.1))
        })
        .collect();
    found.sort_unstable_by(|left, right| left.0.cmp(&right.0).then(left.1.total_cmp(&right.1)));
    found
}

#[cfg(test)]
mod tests {
    use super::super::toy::{self, Toy};
    use super::*;

    #[test]
    fn null_is_uniform_and_a_pivot_is_found() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        let world = Toy::mixed(400, 30, 20, 9);
        let facts = world.facts();
        let population = Population::new(&facts, &config);
        let test = |members: &[AccountId]| launch_pivot(&facts, &population, members, &config);
        toy::assert_super_uniform(300, |seed| test(&world.random_group(10, seed)).and_then(|signal| signal.p_value));
        let planted = test(&world.planted()).unwrap();
        assert!(planted.p_value.unwrap() <= 0.01 && planted.value > 0.7, "{planted:?}");
    }

    #[test]
    fn no_releases_no_signal() {
        let world = Toy::mixed(60, 30, 20, 9);
        let facts = Facts { releases: &[], ..world.facts() };
        let population = Population::new(&facts, &BehaviourConfig::default());
        assert_eq!(launch_pivot(&facts, &population, &world.planted(), &BehaviourConfig::default()), None);
    }
}
