//! Which accounts stand on one infrastructure, though no two of them are tied and nobody knows what they ask?
//!
//! A pool that gives each account its own work, or logs that don't say what was asked, leave chains: an account shares an
//! address with one other, a card with a third. No pair is tied by that, and neighbours on a carrier's addresses hang together
//! in the same way. What tells them apart is what they do, so they are proposed, and the tests decide.
//!
//! 1. *Propose* the accounts in no candidate of each community of the infrastructure alone ([`crate::infrastructure_graph`]),
//!    if they are `profile_size` or more; nothing where nobody knows when accounts act or what they ask. The caller keeps those
//!    that behave alike, and the profile decides account by account ([`crate::profile`]). Other candidates stay as they are.
//! 2. *Join* candidates that only infrastructure proposed and whose score is over the threshold: modularity cuts a chain into
//!    pieces. Two are one network if they have more identifiers in common than chance gives:
//!
//! ```text
//! lambda_k(A, B) = sum over identifiers of kind k of d (d - 1) * S_k(A) S_k(B) / S_k^2          S_k: sightings of the kind
//! bits(A, B)     = sum over kinds of max(0, c log2(c / lambda) - (c - lambda) log2 e)           c: identifiers in common
//! ```
//!
//! `lambda` is the expected number of pairs of accounts, one of each, on one identifier in a random graph with these degrees,
//! no less than the expected number of identifiers. The bits must exceed the log2 of the number of pieces, which each could
//! have joined, by `join_bits`. Counts and expectations of joined pieces add up, and joining goes on until no two are enough.
//! Only identifiers that link on their own count. Communities are cut where little crosses, so what crosses by chance is less
//! than `lambda`: the test errs towards leaving pieces apart.
//!
//! Cost: O(sightings), and the square of the number of flagged pieces.

use std::collections::BTreeMap;

use graph::{DisjointSets, IdentifierId, NONE_U32};

use crate::Facts;
use crate::classify::{Classification, Policy};
use crate::config::MemberConfig;
use crate::holdings::runs;
use crate::interlock::separate_strangers;
use crate::members::Candidates;

/// The free accounts of each community of `infrastructure`, taken apart again where parts in different `communities` of the
/// graph have nothing to do with each other ([`separate_strangers`]).
pub(crate) fn propose_infrastructure(
    facts: Facts<'_>,
    classification: &Classification,
    (infrastructure, communities): (&[u32], &[u32]),
    is_free: &dyn Fn(u32) -> bool,
    config: &MemberConfig,
) -> Vec<Vec<u32>> {
    if !facts.tell_behaviour() {
        return Vec::new();
    }
    let accounts = 0..facts.graph.account_count() as u32;
    let free = accounts.filter(|&account| is_free(account) && !facts.is_allowed_account(account));
    let of_communities = gathered(free.map(|account| (infrastructure[account as usize], account)).collect(), config);
    let mut groups = groups_of(&of_communities, facts.graph.account_count());
    separate_strangers(facts, classification, communities, &mut groups, config, 0);
    let grouped = (0u32..).zip(&groups).filter(|&(_, &group)| group != NONE_U32);
    gathered(grouped.map(|(account, &group)| (group, account)).collect(), config)
}

/// By account: its list, named by the first account in it, or `NONE_U32`.
pub(crate) fn groups_of(lists: &[Vec<u32>], account_count: usize) -> Vec<u32> {
    let mut groups = vec![NONE_U32; account_count];
    for accounts in lists {
        accounts.iter().for_each(|&account| groups[account as usize] = accounts[0]);
    }
    groups
}

/// The accounts of each group of `profile_size` or more, by (group, account).
fn gathered(mut rows: Vec<(u32, u32)>, config: &MemberConfig) -> Vec<Vec<u32>> {
    rows.sort_unstable();
    let groups = rows.chunk_by(|left, right| left.0 == right.0);
    let large = groups.filter(|accounts| accounts.len() >= config.profile_size as usize);
    large.map(|rows| rows.iter().map(|&(_, account)| account).collect()).collect()
}

/// What two pieces have in common of one kind, and what chance gives.
#[derive(Clone, Copy, Debug, Default)]
struct Crossing {
    common: f64,
    expected: f64,
}

impl Crossing {
    fn bits(self) -> f64 {
        if self.common <= self.expected {
            return 0.0;
        }
        self.common * (self.common / self.expected).log2() - (self.common - self.expected) * std::f64::consts::LOG2_E
    }
}

/// Pieces of one network among the flagged candidates that only infrastructure proposed: (piece, the first of its network) of
/// every piece of a network that has several.
pub(crate) fn join_pieces(
    facts: Facts<'_>,
    classification: &Classification,
    candidates: &Candidates,
    flagged: &[bool],
    config: &MemberConfig,
) -> Vec<(usize, usize)> {
    let pieces: Vec<usize> =
        (0..candidates.networks.len()).filter(|&at| flagged[at] && candidates.networks[at].is_of_infrastructure()).collect();
    if pieces.len() < 2 {
        return Vec::new();
    }
    let mut piece_of = vec![NONE_U32; facts.graph.account_count()];
    for (piece, &candidate) in (0u32..).zip(&pieces) {
        candidates.networks[candidate].accounts().for_each(|account| piece_of[account as usize] = piece);
    }
    let kinds = facts.graph.kind_count();
    // By kind: the sightings of all, the pairs of accounts on one identifier, and by piece its sightings.
    let (mut all, mut pairs) = (vec![0.0; kinds], vec![0.0; kinds]);
    let mut own = vec![vec![0.0; pieces.len()]; kinds];
    let mut common: BTreeMap<(u32, u32), Vec<f64>> = BTreeMap::new();
    let mut here: Vec<u32> = Vec::new();
    for identifier in (0..facts.graph.identifier_count() as u32).map(IdentifierId) {
        let accounts = facts.graph.accounts_of(identifier);
        if accounts.len() < 2 || classification.policies[identifier.index()] != Policy::Keep {
            continue;
        }
        let (kind, degree) = (facts.graph.kind_of(identifier).index(), accounts.len() as f64);
        if facts.roles[kind].is_interest() {
            continue;
        }
        all[kind] += degree;
        pairs[kind] += degree * (degree - 1.0);
        here.clear();
        here.extend(accounts.iter().map(|&account| piece_of[account as usize]).filter(|&piece| piece != NONE_U32));
        here.sort_unstable();
        runs(&here).for_each(|(piece, held)| own[kind][piece as usize] += f64::from(held));
        here.dedup();
        for (at, &left) in here.iter().enumerate() {
            here[at + 1..]
                .iter()
                .for_each(|&right| common.entry((left, right)).or_insert_with(|| vec![0.0; kinds])[kind] += 1.0);
        }
    }
    let needed = (pieces.len() as f64).log2() + config.join_bits;
    let mut networks = DisjointSets::new(pieces.len());
    let mut joined = true;
    while joined {
        joined = false;
        // By pair of networks and kind: the sums over their pieces.
        let mut sums: BTreeMap<(u32, u32), Vec<Crossing>> = BTreeMap::new();
        let mut owned = vec![vec![0.0; pieces.len()]; kinds];
        for (kind, of_kind) in own.iter().enumerate() {
            for (piece, &sightings) in (0u32..).zip(of_kind) {
                owned[kind][networks.root_of(piece) as usize] += sightings;
            }
        }
        for (&(left, right), counts) in &common {
            let (left, right) = (networks.root_of(left), networks.root_of(right));
            if left == right {
                continue;
            }
            let crossings = sums.entry((left.min(right), left.max(right))).or_insert_with(|| vec![Crossing::default(); kinds]);
            crossings.iter_mut().zip(counts).for_each(|(crossing, count)| crossing.common += count);
        }
        for (&(left, right), crossings) in &mut sums {
            for (kind, crossing) in crossings.iter_mut().enumerate().filter(|(_, crossing)| crossing.common > 0.0) {
                let share = |piece: u32| owned[kind][piece as usize] / all[kind];
                crossing.expected = pairs[kind] * share(left) * share(right);
            }
            if crossings.iter().map(|crossing| crossing.bits()).sum::<f64>() >= needed {
                joined |= networks.join(left, right).is_some();
            }
        }
    }
    let roots = networks.into_roots();
    let mut sizes = vec![0u32; pieces.len()];
    roots.iter().for_each(|&root| sizes[root as usize] += 1);
    let of_several = (0..pieces.len()).filter(|&piece| sizes[roots[piece] as usize] > 1);
    of_several.map(|piece| (pieces[piece], pieces[roots[piece] as usize])).collect()
}

#[cfg(test)]
mod tests {
    use graph::Partition;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::KindRole;
    use crate::classify::classify_identifiers;
    use crate::config::LinkageConfig;
    use crate::members::{Corroborator, Proposals, tied_accounts};
    use crate::toy::{Touch, Toy};
    use crate::weigh::{infrastructure_graph, weigh_sightings};

    const HOUSES: u32 = 1_500;
    const POOL: std::ops::Range<u32> = 3_000..3_080;

    /// Two accounts to a house, each with its own card; then a pool whose accounts have 12 addresses and one card each. Of two
    /// accounts in a row one card is the same, and each shares each of two addresses with a random other: chains without a tie.
    fn chains(seed: u64, shared: bool) -> Toy {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut touches: Vec<Touch> =
            (0..2 * HOUSES).flat_map(|account| [(account, 0, account / 2, 0), (account, 1, account, 0)]).collect();
        let (mut address, mut card) = (HOUSES, 2 * HOUSES);
        for account in POOL {
            touches.extend((0..10).map(|at| (account, 0, address + at, 0)));
            address += 10;
            card += u32::from(account % 2 == 0 || !shared);
            touches.push((account, 1, card, 0));
            for _ in 0..u32::from(shared) {
                touches.extend([(account, 0, address, 0), (rng.random_range(POOL), 0, address, 0)]);
                address += 1;
            }
        }
        let mut toy = Toy::new(&[KindRole::Address, KindRole::Payment], POOL.end, &touches);
        toy.act();
        toy
    }

    /// Candidates of a toy whose pool the partition of infrastructure cuts into `pieces` of equal size, all flagged; and
    /// joined.
    fn found(toy: &Toy, pieces: u32) -> (Candidates, Option<Candidates>) {
        let config = LinkageConfig::default();
        let facts = toy.facts();
        let classification = classify_identifiers(facts, &config.classify);
        let weights = weigh_sightings(facts, &classification, &config.weigh);
        let ties = tied_accounts(facts, &classification, &weights, &config.members);
        let corroborator = Corroborator::new(facts, &classification, &weights, &ties, &config.members);
        let piece = |vertex: u32| {
            if POOL.contains(&vertex) { POOL.start + (vertex - POOL.start) * pieces / POOL.len() as u32 } else { vertex }
        };
        let cut = Partition::from_labels((0..toy.graph.vertex_count() as u32).map(piece).collect());
        let none = Partition::from_labels((0..toy.graph.vertex_count() as u32).collect());
        let alone = corroborator.candidates(&Proposals { tied: &none, communities: &[] });
        let proposed = corroborator.on_infrastructure(&alone, (&cut, &cut));
        let beside = corroborator.beside(alone, &proposed);
        let joined = corroborator.joined(&beside, &vec![true; beside.networks.len()]);
        (beside, joined)
    }

    fn of_pool(candidates: &Candidates) -> Vec<(usize, bool)> {
        let all_of_pool = |network: &crate::Candidate| network.members.iter().all(|member| POOL.contains(&member.account));
        candidates.networks.iter().map(|network| (network.members.len(), all_of_pool(network))).collect()
    }

    #[test]
    fn chains_without_a_tie_are_proposed_and_their_pieces_become_one() {
        let toy = chains(1, true);
        let (beside, joined) = found(&toy, 4);
        assert_eq!(of_pool(&beside), [(20, true); 4], "four pieces of the pool, and no neighbours");
        assert!(beside.networks.iter().all(|network| network.is_of_infrastructure()));
        assert_eq!(of_pool(&joined.expect("chains cross the cuts")), [(80, true)]);
    }

    #[test]
    fn accounts_that_share_nothing_are_no_piece_nor_is_what_is_not_flagged() {
        let toy = chains(1, true);
        let (beside, _) = found(&toy, 2);
        let alone = found(&chains(1, false), 2);
        assert_eq!((of_pool(&alone.0), alone.1), (Vec::new(), None), "nothing shared, nothing proposed");
        assert_eq!(beside.networks.len(), 2);
        let config = LinkageConfig::default();
        let classification = classify_identifiers(toy.facts(), &config.classify);
        let joined = |flagged: &[bool]| join_pieces(toy.facts(), &classification, &beside, flagged, &config.members);
        assert_eq!(joined(&[true, true]), [(0, 0), (1, 0)]);
        assert_eq!(joined(&[true, false]), [], "what isn't flagged is nobody's piece");
    }

    #[test]
    fn where_nobody_knows_what_accounts_do_nothing_is_proposed() {
        let mut toy = chains(3, true);
        toy.rest();
        assert!(found(&toy, 4).0.networks.iter().all(|network| !network.is_of_infrastructure()));
    }

    /// Random graphs: pieces drawn at random share what degrees give, and are joined no more often than the bits say.
    #[test]
    fn by_chance_no_pieces_are_joined() {
        let mut joined = 0;
        for seed in 0..40 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let touches: Vec<Touch> = (0..400)
                .flat_map(|account| (0..6).map(move |_| account))
                .map(|account| (account, 0, rng.random_range(0..1_200), 0))
                .collect();
            let mut toy = Toy::new(&[KindRole::Address], 400, &touches);
            toy.act();
            let config = LinkageConfig::default();
            let classification = classify_identifiers(toy.facts(), &config.classify);
            let weights = weigh_sightings(toy.facts(), &classification, &config.weigh);
            let ties = tied_accounts(toy.facts(), &classification, &weights, &config.members);
            let corroborator = Corroborator::new(toy.facts(), &classification, &weights, &ties, &config.members);
            let vertices = toy.graph.vertex_count() as u32;
            let none = Partition::from_labels((0..vertices).collect());
            let mut candidates = corroborator.candidates(&Proposals { tied: &none, communities: &[] });
            let member = |account| crate::Member { account, role: crate::Role::Core, bits: 1.0, confidence: 0.7 };
            candidates.networks = (0..4)
                .map(|piece| crate::Candidate {
                    members: (0..40).map(|at| member(piece * 40 + at)).collect(),
                    identifiers: Vec::new(),
                    suppressed: 0,
                    fragility: crate::members::Fragility { identifier: None, lost: 0 },
                    origin: crate::Origin::Infrastructure,
                })
                .collect();
            joined +=
                usize::from(!join_pieces(toy.facts(), &classification, &candidates, &[true; 4], &config.members).is_empty());
        }
        // Each asks three others at 2^-(3 + 2): the expectation is no more than 40 * 6 / 32, and lambda counts pairs, not
        // identifiers.
        assert!(joined <= 4, "{joined} of 40");
    }

    #[test]
    fn the_graph_of_infrastructure_leaves_work_out() {
        let touches: Vec<Touch> =
            (0..40).flat_map(|account| [(account, 0, account / 2, 0), (account, 1, account / 10, 0)]).collect();
        let toy = Toy::new(&[KindRole::Address, KindRole::Template], 40, &touches);
        let config = LinkageConfig::default();
        let classification = classify_identifiers(toy.facts(), &config.classify);
        let weights = weigh_sightings(toy.facts(), &classification, &config.weigh);
        let graph = infrastructure_graph(toy.facts(), &weights).expect("the weights are its").expect("another kind");
        let components = graph::connected_components(&graph);
        assert_eq!(components.labels()[..4], [0, 0, 1, 1]);
        let toy = Toy::new(&[KindRole::Address], 4, &[(0, 0, 0, 0), (1, 0, 0, 0)]);
        let classification = classify_identifiers(toy.facts(), &config.classify);
        let weights = weigh_sightings(toy.facts(), &classification, &config.weigh);
        assert!(infrastructure_graph(toy.facts(), &weights).expect("the weights are its").is_none());
    }
}
