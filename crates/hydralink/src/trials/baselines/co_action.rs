//! Percentile co-action: pairs of accounts that repeatedly use one object within seconds of each other.
//!
//! 1. *co-actions*: two events of different accounts with one prompt template at most `window` apart;
//! 2. w(a, b) = co-actions of the pair; pairs with fewer than `least` are dropped;
//! 3. *percentile*: pairs whose weight exceeds the given quantile of the weights that are left stay;
//! 4. connected components of these are the groups.
//!
//! Cost O(events log events + co-actions); templates with most co-actions are left out until the rest fits the pair budget, and
//! the note says how many. Memory 16 bytes an event and 8 a co-action. Reference: Righetti and Balluff, CooRTweet,
//! doi:10.5117/CCR2025.1.7.RIGH (its defaults: 10 s, 2, .5); Pacheco et al., ICWSM 2021, doi:10.1609/icwsm.v15i1.18075.

use std::collections::HashMap;

use graph::{AccountId, Activity, NONE_U32, Partition, WeightedGraph};
use rayon::prelude::*;

use super::Groups;

/// How near in time, and how often, a pair acts together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CoActionConfig {
    /// Longest time between the two events of a co-action, in milliseconds.
    pub window: i64,
    /// Fewest co-actions of a pair.
    pub least: u32,
    /// Quantile of weights that a pair must exceed.
    pub percentile: f64,
}

impl Default for CoActionConfig {
    fn default() -> Self {
        CoActionConfig { window: 10_000, least: 2, percentile: 0.5 }
    }
}

/// An event: its template, its time in milliseconds, its account.
type Action = (u32, i64, u32);

/// Finds the groups. No template column, no groups: the note says so.
pub(crate) fn co_action(activity: &Activity, pair_budget: u64, config: &CoActionConfig) -> Groups {
    let mut events: Vec<Action> = (0..activity.account_count() as u32)
        .flat_map(|account| {
            let of = activity.of(AccountId(account));
            let timed = of.template.iter().zip(of.time).filter(|(template, _)| **template != NONE_U32);
            timed.map(move |(&template, &time)| (template, time, account))
        })
        .collect();
    if events.is_empty() {
        let note = Some("not available: no event has both a time and a prompt template".to_owned());
        return Groups { group_of: vec![NONE_U32; activity.account_count()], note };
    }
    events.par_sort_unstable();
    let mut objects: Vec<(u64, &[Action])> =
        events.par_chunk_by(|a, b| a.0 == b.0).map(|object| (count(object, config.window), object)).collect();
    // Few co-actions first; those that no longer fit are left out.
    objects.sort_by_key(|&(count, object)| (count, object[0].0));
    let (mut sum, mut taken) = (0u64, 0);
    while taken < objects.len() && sum + objects[taken].0 <= pair_budget {
        sum += objects[taken].0;
        taken += 1;
    }
    let mut pairs: Vec<u64> = Vec::with_capacity(sum as usize);
    for (_, object) in &objects[..taken] {
        within(object, config.window, |a, b| pairs.push(u64::from(a.min(b)) << 32 | u64::from(a.max(b))));
    }
    pairs.par_sort_unstable();
    let weights = pairs.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u32));
    let weights: Vec<(u64, u32)> = weights.filter(|&(_, weight)| weight >= config.least).collect();
    let bar = quantile(weights.iter().map(|&(_, weight)| weight).collect(), config.percentile);
    let edges: Vec<(u32, u32, f32)> = weights
        .iter()
        .filter(|&&(_, weight)| f64::from(weight) > bar)
        .map(|&(pair, weight)| ((pair >> 32) as u32, pair as u32, weight as f32))
        .collect();
    let left_out = objects.len() - taken;
    let note = (left_out > 0).then(|| {
        let least = objects[taken].0;
        format!("{left_out} templates with {least} or more co-actions left out: they would exceed the budget of {pair_budget}")
    });
    let partition = WeightedGraph::from_edges(activity.account_count(), &edges)
        .map_or_else(|_| Partition::singletons(activity.account_count()), |graph| graph::connected_components(&graph));
    Groups { note, ..Groups::of_labels(partition.labels(), 2) }
}

/// How many pairs of different accounts' events [`within`] shows. O(events), however many pairs there are.
fn count(events: &[Action], window: i64) -> u64 {
    let mut in_window: HashMap<u32, u64> = HashMap::new();
    let (mut from, mut pairs) = (0, 0);
    for (at, event) in events.iter().enumerate() {
        while events[from].1 < event.1 - window {
            in_window.entry(events[from].2).and_modify(|count| *count -= 1);
            from += 1;
        }
        let own = in_window.entry(event.2).or_default();
        pairs += (at - from) as u64 - *own;
        *own += 1;
    }
    pairs
}

/// Shows the pairs of different accounts' events within the window. Events of one object, by time.
fn within(events: &[Action], window: i64, mut each: impl FnMut(u32, u32)) {
    let mut from = 0;
    for (at, event) in events.iter().enumerate() {
        while events[from].1 < event.1 - window {
            from += 1;
        }
        events[from..at].iter().filter(|earlier| earlier.2 != event.2).for_each(|earlier| each(earlier.2, event.2));
    }
}

/// The quantile by linear interpolation between order statistics (type 7 of Hyndman and Fan 1996); infinite for nothing.
fn quantile(mut weights: Vec<u32>, share: f64) -> f64 {
    weights.sort_unstable();
    let Some(last) = weights.len().checked_sub(1) else { return f64::INFINITY };
    let place = share * last as f64;
    let (low, high) = (f64::from(weights[place.floor() as usize]), f64::from(weights[place.ceil() as usize]));
    low + (place - place.floor()) * (high - low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use graph::build::{Moment, activity_from_moments};
    use graph::{NONE_U16, Seconds};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pairs_are_counted_as_they_are_shown(mut events in prop::collection::vec((0i64..200, 0u32..5), 0..80), window in 0i64..30) {
            events.sort_unstable();
            let events: Vec<Action> = events.into_iter().map(|(at, account)| (7, at, account)).collect();
            let mut shown = 0;
            within(&events, window, |_, _| shown += 1);
            prop_assert_eq!(count(&events, window), shown);
        }
    }

    fn activity(events: &[(u32, Seconds, u32)]) -> Activity {
        let moment = |seconds, template| Moment {
            seconds,
            millis: 0,
            model: NONE_U16,
            capability: NONE_U16,
            status: NONE_U16,
            template,
            requests: 1,
            tokens: 0,
        };
        activity_from_moments(events.iter().map(|&(account, at, template)| (account, moment(at, template))).collect(), 6)
            .unwrap()
    }

    #[test]
    fn pairs_that_act_together_again_and_again() {
        // 0 and 1 meet at five objects, 2 and 3 at two, 4 and 5 at one; 11 s is too late.
        let mut events = vec![(4, 100, 9), (5, 105, 9), (4, 200, 8), (5, 211, 8)];
        for object in 0..5 {
            events.extend([(0, 1_000 * (object + 1), object), (1, 1_000 * (object + 1) + 10, object)]);
        }
        for object in 0..2 {
            events.extend([(2, 50_000 * (object + 1), object), (3, 50_000 * (object + 1) + 1, object)]);
        }
        let found = co_action(&activity(&events), 1_000, &CoActionConfig::default());
        // Weights 5 and 2 reach the least; the median is 3.5.
        assert_eq!(found, Groups { group_of: vec![0, 0, NONE_U32, NONE_U32, NONE_U32, NONE_U32], note: None });
        let lower = co_action(&activity(&events), 1_000, &CoActionConfig { percentile: 0.0, least: 1, ..Default::default() });
        assert_eq!(lower.group_of[..4], [0, 0, 1, 1]);
    }

    #[test]
    fn a_busy_template_is_left_out_and_said_to_be() {
        let events: Vec<(u32, Seconds, u32)> = (0..6).map(|account| (account, 100, 7)).collect();
        let found = co_action(&activity(&events), 14, &CoActionConfig::default());
        assert!(found.note.is_some_and(|note| note.contains("1 templates with 15 or more co-actions")));
        let none = co_action(&activity(&[(0, 5, NONE_U32)]), 14, &CoActionConfig::default());
        assert!(none.note.is_some_and(|note| note.starts_with("not available")));
    }

    #[test]
    fn quantiles_by_hand() {
        assert_eq!(quantile(vec![4, 1, 2, 3], 0.5), 2.5);
        assert_eq!(quantile(vec![7], 0.9), 7.0);
        assert_eq!(quantile(vec![], 0.5), f64::INFINITY);
    }
}
