//! How many bits tie the members of a network, pair by pair?
//!
//! Identifiers are ranked as a tie adds them up, by kind and in each the most telling first, so that what a pair shares comes in
//! that order and needs no sorting.
//!
//! 1. *All pairs*: for one member after the other, each of its identifiers is put down for all members behind it that have it. A
//!    pair costs what it shares, not what the two have.
//! 2. *Neighbours*: the pairs that stand next to each other on some identifier. A member's identifiers are marked once for all that
//!    stand before it.

use rayon::prelude::*;

use super::Edge;
use super::common::Common;

/// What members have, by rank.
pub(super) struct Ranked<'c, 't, 'a> {
    common: &'c Common<'t, 'a>,
    /// By rank: the place.
    places: Vec<u32>,
    /// By position of the member: ranks, ascending.
    rows: Vec<Vec<u32>>,
}

impl<'c, 't, 'a> Ranked<'c, 't, 'a> {
    /// Ranks what the members share. O(sightings), sorted once.
    pub(super) fn of(common: &'c Common<'t, 'a>) -> Self {
        let mut places: Vec<u32> = (0..common.bits.len() as u32).collect();
        places.par_sort_unstable_by(|&a, &b| {
            let (kinds, bits) = ([a, b].map(|place| common.kind(place)), [a, b].map(|place| common.bits[place as usize]));
            kinds[0].cmp(&kinds[1]).then(bits[1].total_cmp(&bits[0])).then(a.cmp(&b))
        });
        let mut rank_of = vec![0u32; places.len()];
        places.iter().zip(0u32..).for_each(|(&place, rank)| rank_of[place as usize] = rank);
        let row = |row: &Vec<u32>| {
            let mut ranks: Vec<u32> = row.iter().map(|&place| rank_of[place as usize]).collect();
            ranks.sort_unstable();
            ranks
        };
        Ranked { common, places, rows: common.rows.par_iter().map(row).collect() }
    }

    /// The ties between any two members that share anything.
    pub(super) fn all(&self) -> Vec<Edge> {
        let mut holders = vec![Vec::new(); self.places.len()];
        for (row, position) in self.rows.iter().zip(0u32..) {
            row.iter().for_each(|&rank| holders[rank as usize].push(position));
        }
        let of_member = |shared: &mut Vec<Vec<u32>>, first: u32| {
            for &rank in &self.rows[first as usize] {
                let holders = &holders[rank as usize];
                let behind = holders.partition_point(|&holder| holder <= first);
                holders[behind..].iter().for_each(|&second| shared[second as usize].push(rank));
            }
            let behind = (first + 1..self.rows.len() as u32).zip(&mut shared[first as usize + 1..]);
            let edge = |(second, ranks): (u32, &mut Vec<u32>)| {
                let edge = self.edge(first, second, ranks);
                ranks.clear();
                edge
            };
            behind.filter_map(edge).collect::<Vec<Edge>>()
        };
        let members = (0..self.rows.len() as u32).into_par_iter().with_min_len(8);
        members.map_init(|| vec![Vec::new(); self.rows.len()], of_member).flatten_iter().collect()
    }

    /// The ties between members that follow each other on an identifier.
    pub(super) fn neighbouring(&self) -> Vec<Edge> {
        let pairs = self.common.neighbouring_pairs();
        let of_member = |mark: &mut Vec<u32>, pairs: &[(u32, u32)]| {
            let second = pairs[0].1;
            // Of every member the mark is another, so that none has to be taken off.
            self.rows[second as usize].iter().for_each(|&rank| mark[rank as usize] = second);
            let edge = |&(first, _): &(u32, u32)| {
                let ranks = self.rows[first as usize].iter().copied().filter(|&rank| mark[rank as usize] == second);
                self.edge(first, second, &ranks.collect::<Vec<u32>>())
            };
            pairs.iter().filter_map(edge).collect::<Vec<Edge>>()
        };
        let members: Vec<&[(u32, u32)]> = pairs.chunk_by(|one, other| one.1 == other.1).collect();
        let members = members.into_par_iter().with_min_len(16);
        members.map_init(|| vec![u32::MAX; self.places.len()], of_member).flatten_iter().collect()
    }

    fn edge(&self, first: u32, second: u32, ranks: &[u32]) -> Option<Edge> {
        let bits =
            if ranks.is_empty() { 0.0 } else { self.common.tie(ranks.iter().map(|&rank| self.places[rank as usize])).bits };
        (bits > 0.0).then_some(Edge { bits, first, second })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dataset::Dataset;
    use crate::observe::Unobserved;
    use crate::testing::store_of_events;
    use crate::ties::Ties;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        /// Against the rule asked of one pair after the other.
        #[test]
        fn pairs_are_tied_as_the_rule_says(rows in prop::collection::vec((0u32..9, 1u32..12, 0u32..12, 0u32..4), 30..90)) {
            let folder = tempfile::tempdir().unwrap();
            // A crowd around the nine, so that what they share is rare.
            let crowd = (100..160).map(|account| (account, 100 + account % 90, account, 0));
            let path = store_of_events(folder.path(), "store", &rows.into_iter().chain(crowd).collect::<Vec<_>>());
            crate::detect::detect(&path, &crate::detect::DetectConfig::default(), &Unobserved).unwrap();
            let dataset = Dataset::open(&path).unwrap();
            let results = dataset.labelling().unwrap();
            let ties = Ties::of(&dataset, &results).unwrap();
            for network in 0..results.heads().len() {
                let members = results.belonging(network);
                let common = Common::of(&ties, network, &members);
                let ranked = Ranked::of(&common);
                let mut expected = Vec::new();
                for first in 0..members.len() {
                    for second in first + 1..members.len() {
                        let bits = ties.between(members[first], members[second]).bits;
                        expected.extend((bits > 0.0).then_some(Edge { bits, first: first as u32, second: second as u32 }));
                    }
                }
                prop_assert_eq!(&ranked.all(), &expected);
                let neighbours = ranked.neighbouring();
                prop_assert!(neighbours.iter().all(|edge| expected.contains(edge)));
                prop_assert_eq!(neighbours.len(), common.neighbouring_pairs().len());
            }
        }
    }
}
