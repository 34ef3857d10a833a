//! How deep in the shared infrastructure does an account stand?
//!
//! The *(alpha, beta)-core* is the largest part of the graph in which every account has at least `alpha` identifiers and every
//! identifier at least `beta` accounts: `alpha_beta_core(2, 3)` drops whoever shares only one thing, or only with one other,
//! until nothing more drops. The *core number* of a vertex is the largest `k` such that it is in the (k, k)-core.
//!
//! Steps: 1. count degrees over the open identifiers; 2. peel: take away a vertex below its bound, lower its neighbours'
//! degrees, repeat. [`core_numbers`] peels in ascending order of remaining degree, kept by counting sort with swaps; the
//! remaining degree at its turn, never less than that of an earlier turn, is a vertex's core number. Both results are unique,
//! whatever the order.
//!
//! Cost: O(vertices + sightings), 16 bytes a vertex.
//!
//! Reference: Batagelj, Zaversnik (2011), Fast algorithms for determining (generalized) core groups in social networks,
//! doi:10.1007/s11634-010-0079-y; Liu, Yuan, Lin, Qin, Zhang, Zhou (2019), Efficient (alpha, beta)-core computation, WWW,
//! doi:10.1145/3308558.3313522.

use crate::filter::{OpenRows, Rows};
use crate::{AccountId, BipartiteGraph, IdentifierFilter, IdentifierId};

/// The members of an (alpha, beta)-core, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AlphaBetaCore {
    /// Accounts with `alpha` identifiers or more in the core.
    pub accounts: Vec<AccountId>,
    /// Identifiers with `beta` accounts or more in the core.
    pub identifiers: Vec<IdentifierId>,
}

/// The core number of each vertex; 0 for who has no open sighting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CoreNumbers {
    /// Of each account.
    pub accounts: Vec<u32>,
    /// Of each identifier.
    pub identifiers: Vec<u32>,
}

/// The (alpha, beta)-core over the identifiers that the filter lets through. Closed identifiers are not in it, not even for a
/// `beta` of 0.
///
/// # Panics
/// If the filter marks another number of identifiers than the graph has.
pub fn alpha_beta_core(graph: &BipartiteGraph, filter: &IdentifierFilter<'_>, alpha: u32, beta: u32) -> AlphaBetaCore {
    let rows = OpenRows::new(graph, filter);
    let account_count = rows.account_count();
    let bound = |vertex: u32| if (vertex as usize) < account_count { alpha } else { beta };
    let mut degrees = open_degrees(&rows);
    let mut gone: Vec<bool> = (0..degrees.len() as u32).map(|vertex| degrees[vertex as usize] < bound(vertex)).collect();
    let mut queue: Vec<u32> = (0..degrees.len() as u32).filter(|&vertex| gone[vertex as usize]).collect();
    while let Some(vertex) = queue.pop() {
        for neighbor in rows.neighbors(vertex) {
            degrees[neighbor as usize] -= 1;
            if !gone[neighbor as usize] && degrees[neighbor as usize] < bound(neighbor) {
                gone[neighbor as usize] = true;
                queue.push(neighbor);
            }
        }
    }
    let accounts = (0..account_count).filter(|&account| !gone[account]).map(|account| AccountId(account as u32)).collect();
    let identifiers = (0..rows.open().len())
        .filter(|&identifier| rows.open()[identifier] && !gone[account_count + identifier])
        .map(|identifier| IdentifierId(identifier as u32))
        .collect();
    AlphaBetaCore { accounts, identifiers }
}

/// The core number of every vertex over the identifiers that the filter lets through.
///
/// # Panics
/// If the filter marks another number of identifiers than the graph has.
pub fn core_numbers(graph: &BipartiteGraph, filter: &IdentifierFilter<'_>) -> CoreNumbers {
    let rows = OpenRows::new(graph, filter);
    let mut peeling = Peeling::new(open_degrees(&rows));
    for turn in 0..peeling.order.len() {
        let vertex = peeling.order[turn];
        for neighbor in rows.neighbors(vertex) {
            peeling.lower(neighbor, peeling.degrees[vertex as usize]);
        }
    }
    let identifiers = peeling.degrees.split_off(rows.account_count());
    CoreNumbers { accounts: peeling.degrees, identifiers }
}

fn open_degrees(rows: &OpenRows<'_>) -> Vec<u32> {
    (0..rows.vertex_count() as u32).map(|vertex| rows.neighbors(vertex).count() as u32).collect()
}

/// Vertices in ascending order of remaining degree.
struct Peeling {
    degrees: Vec<u32>,
    order: Vec<u32>,
    /// Where each vertex stands in `order`.
    place_of: Vec<u32>,
    /// Where the vertices of each degree begin in `order`.
    start_of: Vec<u32>,
}

impl Peeling {
    fn new(degrees: Vec<u32>) -> Self {
        let largest = degrees.iter().copied().max().unwrap_or(0) as usize;
        let mut start_of = vec![0u32; largest + 2];
        degrees.iter().for_each(|&degree| start_of[degree as usize + 1] += 1);
        (1..start_of.len()).for_each(|degree| start_of[degree] += start_of[degree - 1]);
        let mut next = start_of.clone();
        let (mut order, mut place_of) = (vec![0; degrees.len()], vec![0; degrees.len()]);
        for (vertex, &degree) in degrees.iter().enumerate() {
            let place = &mut next[degree as usize];
            order[*place as usize] = vertex as u32;
            place_of[vertex] = *place;
            *place += 1;
        }
        Peeling { degrees, order, place_of, start_of }
    }

    /// Takes 1 from the remaining degree of a vertex, unless that is at the floor already: then its turn has come or is coming.
    fn lower(&mut self, vertex: u32, floor: u32) {
        let degree = self.degrees[vertex as usize];
        if degree <= floor {
            return;
        }
        // Swap it with the first of its degree, and let that degree begin one later.
        let (place, first_place) = (self.place_of[vertex as usize], self.start_of[degree as usize]);
        let first = self.order[first_place as usize];
        self.order.swap(place as usize, first_place as usize);
        self.place_of[first as usize] = place;
        self.place_of[vertex as usize] = first_place;
        self.start_of[degree as usize] += 1;
        self.degrees[vertex as usize] = degree - 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Keep;
    use crate::testing::{any_bipartite, bipartite};

    #[test]
    fn cores_by_hand() {
        // Accounts 0 to 2 share all of identifiers 0 to 2; account 3 has identifiers 2 and 3, account 4 only 3.
        let mut pairs: Vec<_> = (0..3).flat_map(|account| (0..3).map(move |identifier| (account, identifier))).collect();
        pairs.extend([(3, 2), (3, 3), (4, 3)]);
        let graph = bipartite(6, 4, &pairs);
        let all = IdentifierFilter::default();
        let numbers = core_numbers(&graph, &all);
        assert_eq!(numbers.accounts, [3, 3, 3, 1, 1, 0]);
        assert_eq!(numbers.identifiers, [3, 3, 3, 1]);
        let core = alpha_beta_core(&graph, &all, 2, 2);
        assert_eq!(core.accounts, [0, 1, 2].map(AccountId));
        assert_eq!(alpha_beta_core(&graph, &all, 1, 4).identifiers, [IdentifierId(2)]);
        assert_eq!(alpha_beta_core(&graph, &all, 3, 4), AlphaBetaCore::default());
        let filter = IdentifierFilter { keep: Keep::Marked(&[true, true, false, true]), ..Default::default() };
        assert_eq!(core_numbers(&graph, &filter).accounts, [2, 2, 2, 1, 1, 0]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn as_dropping_until_nothing_drops(graph in any_bipartite(), alpha in 0u32..5, beta in 0u32..5) {
            let mut kept: Vec<bool> = vec![true; graph.vertex_count()];
            let accounts = graph.account_count();
            loop {
                let before = kept.clone();
                for vertex in 0..kept.len() {
                    let remaining = |neighbors: &[u32], shift: usize| {
                        neighbors.iter().filter(|&&neighbor| before[neighbor as usize + shift]).count() as u32
                    };
                    kept[vertex] &= if vertex < accounts {
                        remaining(graph.identifiers_of(AccountId(vertex as u32)), accounts) >= alpha
                    } else {
                        remaining(graph.accounts_of(IdentifierId((vertex - accounts) as u32)), 0) >= beta
                    };
                }
                if kept == before {
                    break;
                }
            }
            let core = alpha_beta_core(&graph, &IdentifierFilter::default(), alpha, beta);
            let expected: Vec<usize> = (0..kept.len()).filter(|&vertex| kept[vertex]).collect();
            let found: Vec<usize> = core.accounts.iter().map(|account| account.index())
                .chain(core.identifiers.iter().map(|identifier| accounts + identifier.index()))
                .collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn a_core_number_is_the_deepest_core(graph in any_bipartite(), marks in prop::collection::vec(any::<bool>(), 16)) {
            let filter = IdentifierFilter { keep: Keep::Marked(&marks[..graph.identifier_count()]), ..Default::default() };
            let numbers = core_numbers(&graph, &filter);
            for k in 1..12 {
                let core = alpha_beta_core(&graph, &filter, k, k);
                let accounts: Vec<_> =
                    (0..graph.account_count()).filter(|&at| numbers.accounts[at] >= k).map(|at| AccountId(at as u32)).collect();
                let identifiers: Vec<_> = (0..graph.identifier_count())
                    .filter(|&at| numbers.identifiers[at] >= k)
                    .map(|at| IdentifierId(at as u32))
                    .collect();
                prop_assert_eq!(core, AlphaBetaCore { accounts, identifiers });
            }
        }
    }
}
