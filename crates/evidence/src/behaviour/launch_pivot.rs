//! When a model is released, does the group move to it as one?
//!
//! Definition: an account's adoption of a release is the mean, over [`HORIZONS`] in which it was active, of the new model's
//! share of its events in the horizon; a group's is the mean over its active accounts; value = the largest over releases at
//! which enough were active. Nulls: (1) *accounts*: for each of these releases as many accounts that were active at it, drawn
//! from the population, matched on pathway and volume, and the largest of their means: early adopters are spread over
//! everybody; (2) *clusters*: accounts that share an address, a card or a credential, of a size within a factor 4: an office
//! may move together. p is the larger of the two (both nulls must fail: an intersection-union test, valid without correction).
//! Where fewer than 19 clusters of that size were active, those of any size count: the means of smaller ones scatter more, so
//! that says less. Where there are fewer than 19 of all, nobody knows how offices move, and there is no signal. Cost: two binary
//! searches and one window of events for each account, release and horizon. Reference: Berger 1982, "Multiparameter hypothesis
//! testing and acceptance sampling", doi:10.1080/00401706.1982.10487790.

use graph::{AccountId, IdentifierId};
use rayon::prelude::*;

use super::chance::{bits_of_p, monte_carlo};
use super::population::{Matched, mostly};
use super::random::{Stream, group_key, key, sample};
use super::{BehaviourConfig, Population};
use crate::{Facts, Signal};

/// Hours after a release.
pub const HORIZONS: [i64; 4] = [6, 12, 24, 48];
/// Fewer active accounts give no signal.
pub(crate) const FEWEST_ADOPTERS: usize = 4;
/// Fewer reference clusters give no cluster null, and without it there is no signal.
pub(crate) const FEWEST_CLUSTERS: usize = 19;
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
    let share_of = |position: usize, release: usize| population.features[position].launch.get(release).copied();
    // For each release that enough of the group were active at: as many accounts like these that were active at it, too.
    let mut observed = f64::NEG_INFINITY;
    let mut nulls = Vec::new();
    for release in 0..facts.releases.len() {
        let active = |shares: &[f32]| shares.get(release).filter(|share| !share.is_nan()).copied();
        let adopters: Vec<(AccountId, f32)> =
            chosen.iter().zip(&own).filter_map(|(&account, shares)| Some((account, active(shares)?))).collect();
        let accounts: Vec<AccountId> = adopters.iter().map(|adopter| adopter.0).collect();
        if accounts.len() < FEWEST_ADOPTERS {
            continue;
        }
        let is_known = |position: usize| share_of(position, release).is_some_and(|share| !share.is_nan());
        let Some(matched) = Matched::new(facts, population, &accounts, members)?.keep(population, members, is_known) else {
            continue;
        };
        observed = observed.max(mean(adopters.iter().map(|adopter| adopter.1)));
        nulls.push((release, matched));
    }
    if nulls.is_empty() {
        return None;
    }
    let seed = group_key(config.seed, 4, members);
    // The null group takes its best release as well, so that the choice is part of what is tested.
    let chance = monte_carlo(&[observed], config.draws, |draw, out| {
        let mut stream = Stream::new(key(&[seed, draw as u64]));
        let of_release = |(release, matched): &(usize, Matched)| {
            mean(matched.draw(&mut stream).filter_map(|position| share_of(position, *release)))
        };
        out[0] = nulls.iter().map(of_release).fold(f64::NEG_INFINITY, f64::max);
    });
    let clusters = cluster_p(facts, population, members, observed)?;
    let p_value = chance.p_value.max(clusters);
    let bits = chance.bits.min(bits_of_p(clusters));
    Some(Signal { value: observed, expected: chance.expected[0], bits, p_value: Some(p_value), power: None })
}

fn mean(shares: impl Iterator<Item = f32>) -> f64 {
    let (sum, count) = shares.fold((0.0, 0u32), |(sum, count), share| (sum + f64::from(share), count + 1));
    sum / f64::from(count.max(1))
}

/// (1 + clusters that moved at least as much) / (1 + clusters) among clusters of a size within a factor 4, or of any, that aren't
/// mostly members.
fn cluster_p(facts: &Facts<'_>, population: &Population, members: &[AccountId], observed: f64) -> Option<f64> {
    let size = members.len();
    let alike = ((size / 4) as u32, (size * 4).min(u32::MAX as usize) as u32);
    [alike, (0, u32::MAX)].into_iter().find_map(|sizes| cluster_p_among(facts, population, members, observed, sizes))
}

/// The same among clusters of sizes from `low` to `high`; `None` if there are too few.
fn cluster_p_among(
    facts: &Facts<'_>,
    population: &Population,
    members: &[AccountId],
    observed: f64,
    (low, high): (u32, u32),
) -> Option<f64> {
    let from = population.cluster_launch.partition_point(|cluster| cluster.0 < low);
    let to = population.cluster_launch.partition_point(|cluster| cluster.0 <= high);
    let clusters = population.cluster_launch[from..to].iter();
    let others = clusters.filter(|&&(.., identifier)| !mostly(facts, identifier, members));
    let (others, reached) =
        others.fold((0, 0), |(others, reached), cluster| (others + 1, reached + usize::from(cluster.1 >= observed)));
    (others >= FEWEST_CLUSTERS).then(|| (1 + reached) as f64 / (1 + others) as f64)
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

/// The largest mean adoption of a release among those with enough active accounts.
fn best_release(group: &[Vec<f32>]) -> Option<f64> {
    let releases = group.iter().map(Vec::len).max()?;
    let of_release = |release: usize| {
        let known: Vec<f32> =
            group.iter().filter_map(|shares| shares.get(release).copied()).filter(|share| !share.is_nan()).collect();
        (known.len() >= FEWEST_ADOPTERS).then(|| mean(known.into_iter()))
    };
    (0..releases).filter_map(of_release).reduce(f64::max)
}

/// Adoption of reference clusters: (size, statistic, what its accounts share), sorted.
pub(crate) fn reference_clusters(
    facts: &Facts<'_>,
    clusters: &[IdentifierId],
    config: &BehaviourConfig,
) -> Vec<(u32, f64, IdentifierId)> {
    if facts.releases.is_empty() || facts.activity.columns().model.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<(u32, f64, IdentifierId)> = clusters
        .par_iter()
        .filter_map(|&identifier| {
            let members: Vec<AccountId> = facts.graph.accounts_of(identifier).iter().map(|&id| AccountId(id)).collect();
            // A cluster's mean needs few accounts: 32 of them.
            let group: Vec<Vec<f32>> =
                sample(&members, 32, config.seed).into_iter().map(|account| adoption(facts, account)).collect();
            Some((members.len() as u32, best_release(&group)?, identifier))
        })
        .collect();
    found.sort_unstable_by(|left, right| left.0.cmp(&right.0).then(left.1.total_cmp(&right.1)).then(left.2.cmp(&right.2)));
    found
}

#[cfg(test)]
mod tests {
    use super::super::toy::{self, Toy};
    use super::*;

    /// A population in which so many offices, of other sizes than what is tested, were slow to adopt.
    fn with_offices(facts: &Facts<'_>, config: &BehaviourConfig, offices: usize) -> Population {
        let mut population = Population::new(facts, config);
        let not_planted = IdentifierId(facts.graph.identifier_count() as u32 - 1);
        population.cluster_launch = vec![(200, -1.0, not_planted); offices];
        population
    }

    #[test]
    fn null_is_uniform_and_a_pivot_is_found() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        let world = Toy::mixed(400, 30, 20, 9);
        let facts = world.facts();
        let population = with_offices(&facts, &config, 999);
        let test = |members: &[AccountId]| launch_pivot(&facts, &population, members, &config);
        toy::assert_super_uniform(300, |seed| test(&world.random_group(10, seed)).and_then(|signal| signal.p_value));
        let planted = test(&world.planted()).unwrap();
        assert!(planted.p_value.unwrap() <= 0.01 && planted.value > 0.7, "{planted:?}");
        // As many offices as there are bound it, and of fewer nobody learns how offices move.
        let among = |offices: usize| launch_pivot(&facts, &with_offices(&facts, &config, offices), &world.planted(), &config);
        assert_eq!((among(18), among(19).and_then(|signal| signal.p_value)), (None, Some(0.05)));
    }

    #[test]
    fn what_the_group_itself_shares_is_no_office_however_slow_it_was() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        let world = Toy::mixed(400, 30, 20, 9);
        let facts = world.facts();
        let p_value = |offices: usize, own: f64| {
            let mut population = with_offices(&facts, &config, offices);
            // Of the first template all users are planted.
            population.cluster_launch.extend(vec![(200, own, IdentifierId(0)); 980]);
            launch_pivot(&facts, &population, &world.planted(), &config).and_then(|signal| signal.p_value)
        };
        for own in [-1.0, 1.0] {
            assert_eq!((p_value(18, own), p_value(19, own)), (None, Some(0.05)));
        }
    }

    #[test]
    fn whoever_is_rarely_active_does_not_pivot_by_that() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        let world = Toy::sparse(3_000, 3);
        let facts = world.facts();
        let population = with_offices(&facts, &config, 999);
        for size in [16, 24] {
            toy::assert_super_uniform(200, |seed| {
                launch_pivot(&facts, &population, &world.random_group(size, seed), &config)?.p_value
            });
        }
    }

    #[test]
    fn no_releases_no_signal() {
        let world = Toy::mixed(60, 30, 20, 9);
        let facts = Facts { releases: &[], ..world.facts() };
        let population = Population::new(&facts, &BehaviourConfig::default());
        assert_eq!(launch_pivot(&facts, &population, &world.planted(), &BehaviourConfig::default()), None);
    }
}
