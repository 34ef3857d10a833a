//! What an account has for itself, beside the other accounts of its network.

use std::cmp::Reverse;

use graph::{AccountId, Seconds, Sighting};
use serde::Serialize;

use crate::counted::counted;
use crate::dataset::Dataset;
use crate::node::Node;
use crate::ties::Group;
use crate::time::rfc3339;

/// What an account has of a kind and the network's others don't.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Apart {
    /// The kind.
    pub kind: String,
    /// Identifiers of it that no other account of the network has.
    pub identifiers: u64,
    /// The one that most of its exchanges showed.
    pub most_used: String,
    /// Its exchanges that showed one of them.
    pub exchanges: u64,
    /// Its exchanges that showed any identifier of the kind.
    pub of_exchanges: u64,
}

/// When an account was made, the nearest of nine tenths of the network's others, and how many of the rest lie beyond it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MadeApart {
    /// When it was made, a day.
    pub created: String,
    /// When the first of these nine tenths was made if it is earlier than they are, else the last.
    pub others: String,
    /// Whether it is earlier than they are.
    pub earlier: bool,
    /// Of all the network's others, how many were made before it if it is earlier, else after it.
    pub beyond: u64,
}

impl Apart {
    /// The same in a sentence.
    pub(super) fn line(&self) -> String {
        let others = if self.identifiers > 1 { format!(" and {} more", self.identifiers - 1) } else { String::new() };
        format!(
            "{} of its {} with any {} {} with {}{others}, which no other account of the network has.",
            self.exchanges,
            counted(self.of_exchanges, "exchange"),
            self.kind,
            if self.exchanges == 1 { "is" } else { "are" },
            self.most_used
        )
    }
}

impl MadeApart {
    /// The same in a sentence.
    pub(super) fn line(&self) -> String {
        let (or, side) = if self.earlier { ("later", "before") } else { ("earlier", "after") };
        let beyond = if self.beyond == 0 { "none".to_owned() } else { self.beyond.to_string() };
        format!(
            "It was made on {}; nine tenths of the network's others were made on {} or {or}, and {beyond} {side} it.",
            self.created, self.others
        )
    }
}

/// What an account has that no other account of a group has, nor any that touches it.
pub(super) fn apart(dataset: &Dataset, account: AccountId, group: &Group<'_>) -> Vec<Apart> {
    let graph = dataset.graph();
    let own = group.beside(account).own;
    // A row goes kind by kind.
    let row: Vec<Sighting> = graph.sightings_of(account).collect();
    let of_kind = |of_kind: &[Sighting]| {
        let is_own = |sighting: &&Sighting| group.held(sighting.identifier) <= own;
        let exchanges =
            |sightings: &mut dyn Iterator<Item = &Sighting>| sightings.map(|sighting| u64::from(sighting.count)).sum();
        let own = || of_kind.iter().filter(is_own);
        // Of equal ones the first.
        let most_used = own().max_by_key(|sighting| (sighting.count, Reverse(sighting.identifier)))?.identifier;
        Some(Apart {
            kind: dataset.kind_name(graph.kind_of(most_used)).to_owned(),
            identifiers: own().count() as u64,
            most_used: dataset.label_of(Node::Identifier(most_used)),
            exchanges: exchanges(&mut own()),
            of_exchanges: exchanges(&mut of_kind.iter()),
        })
    };
    row.chunk_by(|left, right| graph.kind_of(left.identifier) == graph.kind_of(right.identifier)).filter_map(of_kind).collect()
}

/// Whether an account was made before or after nine tenths of a network's others.
pub(super) fn made_apart(dataset: &Dataset, account: AccountId, belonging: &[AccountId]) -> Option<MadeApart> {
    let created_of =
        |account: AccountId| dataset.accounts().created_at.get(account.index()).copied().filter(|&time| time != graph::NO_TIME);
    let created = created_of(account)?;
    if !dataset.naming().shows_account_table() {
        return None;
    }
    let others = belonging.iter().filter(|&&other| other != account);
    made_beside(created, others.filter_map(|&other| created_of(other)).collect())
}

/// Where a creation lies beside nine tenths of others, which are at least ten, by days.
fn made_beside(created: Seconds, mut others: Vec<Seconds>) -> Option<MadeApart> {
    const FEWEST: usize = 10;
    if others.len() < FEWEST {
        return None;
    }
    others.sort_unstable();
    let (first, last) = (others[others.len() / 10], others[others.len() - 1 - others.len() / 10]);
    let day = |time: Seconds| rfc3339(time).map_or("?".to_owned(), |text| text[..10].to_owned());
    let apart = |earlier: bool, other: Seconds, beyond: usize| {
        Some(MadeApart { created: day(created), others: day(other), earlier, beyond: beyond as u64 })
    };
    match created {
        created if day(created) < day(first) => apart(true, first, others.partition_point(|&other| other < created)),
        created if day(created) > day(last) => {
            apart(false, last, others.len() - others.partition_point(|&other| other <= created))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_made_before_it_is_told_beside_who_was_made_after() {
        const DAY: Seconds = 86_400;
        let begin = 1_767_571_440; // 2026-01-05T00:04
        // Eight on the first day before it, and a hundred from the next day on.
        let others: Vec<Seconds> = (0..8).map(|at| begin + at).chain((0..100).map(|at| begin + DAY + at)).collect();
        let made = made_beside(begin + 60, others).expect("it is apart");
        assert_eq!(
            (made.created.as_str(), made.others.as_str(), made.earlier, made.beyond),
            ("2026-01-05", "2026-01-06", true, 8)
        );
        assert_eq!(
            made.line(),
            "It was made on 2026-01-05; nine tenths of the network's others were made on 2026-01-06 or later, and 8 before it."
        );
        assert_eq!(made_beside(begin, vec![begin + DAY; 9]), None);
    }
}
