//! How much does a group use? Descriptive features, no test: volume alone accuses nobody.
//!
//! Definition: exchanges = sum of `requests` (1 an event where the column is missing). Cost: O(events of the group).

use graph::AccountId;

use crate::Facts;

/// Volume of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Volume {
    /// Members with at least one event.
    pub active_accounts: u32,
    /// Events with a time.
    pub events: u64,
    /// Exchanges that the events stand for.
    pub exchanges: u64,
    /// Exchanges of the median active member.
    pub median_exchanges: f64,
    /// Share of the exchanges made by the busiest tenth of the active members (at least one member).
    pub top_tenth_share: f64,
}

/// Adds a group up; `None` if nobody was active.
pub fn volume(facts: &Facts<'_>, members: &[AccountId]) -> Option<Volume> {
    let mut found = Volume::default();
    let mut each: Vec<u64> = Vec::new();
    for &account in members {
        let events = facts.activity.of(account);
        if events.time.is_empty() {
            continue;
        }
        found.events += events.time.len() as u64;
        each.push(match events.requests {
            [] => events.time.len() as u64,
            requests => requests.iter().map(|&count| u64::from(count)).sum(),
        });
    }
    each.sort_unstable();
    let middle = |at: usize| each.get(at).map(|&count| count as f64);
    found.median_exchanges = (middle(each.len() / 2)? + middle((each.len() - 1) / 2)?) / 2.0;
    found.active_accounts = each.len() as u32;
    found.exchanges = each.iter().sum();
    let top: u64 = each.iter().rev().take(each.len().div_ceil(10)).sum();
    found.top_tenth_share = top as f64 / found.exchanges.max(1) as f64;
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::super::toy::Toy;
    use super::*;

    #[test]
    fn adds_up() {
        let world = Toy::independent(4, 10, 1);
        let found = volume(&world.facts(), &world.members(4)).unwrap();
        assert_eq!(found.active_accounts, 4);
        assert_eq!(found.exchanges, found.events);
        assert!(found.top_tenth_share >= 0.25);
        assert_eq!(volume(&world.facts(), &[]), None);
    }
}
