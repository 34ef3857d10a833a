//! Do new templates reach the members all at once?
//!
//! Definition: for a template most of whose users are members, the fan-out time is the time from its first user's first use to
//! the first use by half of its users. Statistic of a group: -mean ln(60 s + fan-out time) over at most [`TEMPLATES`] such
//! templates. Null: as many templates of the same power of two of users, drawn from the population's, those
//! apart that are mostly the group's; where there are fewer than 20, of down to a quarter or a sixteenth of
//! the users. Value: hours, back from the logarithm. Bits in favour count by the share of members who use any such template:
//! what a few members brought along says nothing of the others. Assumption: a starter template of a class or a hackathon
//! spreads as fast; popular templates (viral prompts) are in the null. Not kept apart: what was in use before the observation
//! began is met soon after by whoever is busy, and whoever is busy takes up sooner what is new, a busy company's users too; and
//! a group's templates are drawn as if each came by itself. So this is no evidence against stories that bring it. Cost: first
//! uses of at most [`USERS`] users a template. Reference: Goel et al. 2016, "The structural virality of online diffusion",
//! doi:10.1287/mnsc.2015.2158 (fan-out of broadcasts).

use std::collections::BTreeMap;

use graph::{AccountId, IdentifierId, NO_TIME};
use rayon::prelude::*;

use super::chance::monte_carlo;
use super::population::mostly;
use super::random::{Stream, group_key, key, sample};
use super::{BehaviourConfig, Population};
use crate::{Facts, KindRole, Signal};

/// Templates of a group that are looked at.
pub const TEMPLATES: usize = 64;
/// Users of a template that are looked at.
pub const USERS: usize = 1_024;
/// Reference templates for each power of two of users.
const REFERENCE: usize = 512;
/// A null of fewer templates is none.
pub(crate) const FEWEST_REFERENCES: usize = 20;
/// Templates with fewer users have no fan-out.
pub(crate) const FEWEST_USERS: usize = 4;

/// Tests a group for fast fan-out of its templates.
pub fn template_fan_out(
    facts: &Facts<'_>,
    population: &Population,
    members: &[AccountId],
    config: &BehaviourConfig,
) -> Option<Signal> {
    let sampled = sample(members, config.sampled_accounts, config.seed);
    let templates = templates_of(facts, members, &sampled);
    let mut of_group: Vec<IdentifierId> = templates.clone();
    of_group.sort_unstable();
    let timed = templates.iter().filter_map(|&template| fan_out(facts, template));
    let own: Vec<(u8, f64)> = timed.take(TEMPLATES).map(|(bucket, time, _)| (bucket, time)).collect();
    // What is the group's own is no part of its null.
    let others = |bucket: u8| reference_of(population, bucket, &of_group);
    let mut by_bucket = BTreeMap::<u8, Vec<f64>>::new();
    for &(bucket, _) in &own {
        by_bucket.entry(bucket).or_insert_with(|| others(bucket));
    }
    let references: Vec<&[f64]> = own.iter().map(|(bucket, _)| by_bucket[bucket].as_slice()).collect();
    if own.is_empty() || references.iter().any(|reference| reference.len() < FEWEST_REFERENCES) {
        return None;
    }
    let mean = |sum: f64| -sum / own.len() as f64;
    let observed = mean(own.iter().map(|template| template.1).sum());
    let seed = group_key(config.seed, 8, members);
    let chance = monte_carlo(&[observed], config.draws, |draw, out| {
        let mut stream = Stream::new(key(&[seed, draw as u64]));
        out[0] = mean(references.iter().map(|reference| reference[stream.below(reference.len())]).sum());
    });
    let users = sampled.iter().filter(|&&account| {
        facts.graph.identifiers_of(account).iter().any(|&identifier| of_group.binary_search(&IdentifierId(identifier)).is_ok())
    });
    let coverage = users.count() as f64 / sampled.len() as f64;
    let hours = |statistic: f64| ((-statistic).exp() - 60.0) / 3_600.0;
    Some(Signal {
        value: hours(observed),
        expected: hours(chance.expected[0]),
        bits: if chance.bits > 0.0 { coverage * chance.bits } else { chance.bits },
        p_value: Some(chance.p_value),
        power: None,
    })
}

/// Templates of sampled members, most of whose users are members; those with the most users, ties to the lower id.
fn templates_of(facts: &Facts<'_>, members: &[AccountId], sampled: &[AccountId]) -> Vec<IdentifierId> {
    let mut templates: Vec<u32> = sampled
        .iter()
        .flat_map(|&account| facts.graph.identifiers_of(account).iter().copied())
        .filter(|&identifier| facts.role_of(identifier) == KindRole::Template)
        .collect();
    templates.sort_unstable();
    let mut shared: Vec<(usize, IdentifierId)> = templates
        .chunk_by(|left, right| left == right)
        .map(|uses| (facts.graph.identifier_degree(IdentifierId(uses[0])), IdentifierId(uses[0])))
        .filter(|&(degree, _)| (FEWEST_USERS..=2 * members.len()).contains(&degree))
        .collect();
    shared.sort_unstable_by(|left, right| right.0.cmp(&left.0).then(left.1.cmp(&right.1)));
    shared.into_iter().map(|entry| entry.1).filter(|&template| mostly(facts, template, members)).collect()
}

/// (power of two of users, ln(60 s + fan-out time), template); `None` where too few users have a time.
fn fan_out(facts: &Facts<'_>, template: IdentifierId) -> Option<(u8, f64, IdentifierId)> {
    let sightings = facts.graph.sightings_of_identifier(template);
    let first_seen = facts.graph.columns().first_seen.as_slice();
    let stride = sightings.len().div_ceil(USERS).max(1);
    let mut times: Vec<u32> = sightings
        .iter()
        .step_by(stride)
        .map(|&position| first_seen[position as usize])
        .filter(|&time| time != NO_TIME)
        .collect();
    times.sort_unstable();
    let half = *times.get(times.len() / 2).filter(|_| times.len() >= FEWEST_USERS)?;
    Some((sightings.len().ilog2() as u8, f64::from(half - times[0] + 60).ln(), template))
}

/// Logarithms of the times of reference templates with about as many users, but for the group's own.
fn reference_of(population: &Population, bucket: u8, own: &[IdentifierId]) -> Vec<f64> {
    let all = &population.fan_out;
    let until = all.partition_point(|template| template.0 <= bucket);
    let others = |from: usize, until: usize| -> Vec<f64> {
        let found = all[from..until].iter().filter(|template| own.binary_search(&template.2).is_err());
        found.map(|template| template.1).collect()
    };
    let exact = others(all.partition_point(|template| template.0 < bucket), until);
    if exact.len() >= FEWEST_REFERENCES {
        return exact;
    }
    // The few largest templates are compared with each other, and with smaller ones if these are the group's.
    let wider = [2, 4].map(|reach| others(all.partition_point(|template| template.0 + reach < bucket), all.len()));
    let [near, far] = wider;
    if near.len() >= FEWEST_REFERENCES { near } else { far }
}

/// Reference templates: at most [`REFERENCE`] for each power of two of users, those with the smallest hashes.
pub(crate) fn reference(facts: &Facts<'_>, config: &BehaviourConfig) -> Vec<(u8, f64, IdentifierId)> {
    let mut ranked: Vec<(u32, u64, IdentifierId)> = (facts.graph.kinds())
        .filter(|kind| facts.roles[kind.index()] == KindRole::Template)
        .collect::<Vec<_>>()
        .into_par_iter()
        .flat_map(|kind| facts.graph.identifiers_of_kind(kind).into_par_iter().map(IdentifierId))
        .filter(|&template| facts.graph.identifier_degree(template) >= FEWEST_USERS)
        .map(|template| (facts.graph.identifier_degree(template).ilog2(), key(&[config.seed, u64::from(template.0)]), template))
        .collect();
    ranked.par_sort_unstable();
    let chosen: Vec<IdentifierId> = ranked
        .chunk_by(|left, right| left.0 == right.0)
        .flat_map(|group| group.iter().take(REFERENCE).map(|entry| entry.2))
        .collect();
    chosen.into_par_iter().filter_map(|template| fan_out(facts, template)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::toy::{self, Toy};
    use super::*;

    #[test]
    fn null_is_super_uniform_and_a_roll_out_is_found() {
        let config = BehaviourConfig { draws: 99, ..BehaviourConfig::default() };
        let world = Toy::mixed(400, 30, 20, 12);
        let facts = world.facts();
        let population = Population::new(&facts, &config);
        let test = |members: &[AccountId]| template_fan_out(&facts, &population, members, &config);
        // A null group: the users of one ordinary template, each of another world, as templates have users in common.
        toy::assert_super_uniform(100, |seed| {
            let world = Toy::mixed(400, 4, 20, 100 + seed);
            let population = Population::new(&world.facts(), &config);
            let users = world.users_of_template(seed as usize % 60);
            template_fan_out(&world.facts(), &population, &users, &config)?.p_value
        });
        let planted = test(&world.planted()).unwrap();
        assert!(planted.p_value.unwrap() <= 0.02 && planted.value < 1.0, "{planted:?}");
    }
}
