//! Which accounts stand on one infrastructure, though no two of them are tied and nobody knows what they ask?
//!
//! A pool that gives each account its own work, or logs that don't say what was asked, leave chains: an account shares an
//! address with one other, a card with a third. No pair is tied by that, and neighbours on a carrier's addresses hang together
//! in the same way. What tells them apart is what they do, so they are proposed, and the tests decide.
//!
//! 1. *Propose* the accounts in no candidate (where nobody knows what accounts ask: in none that has a profile, since of chains
//!    some links are ties) of each community of the infrastructure alone ([`crate::infrastructure_graph`]), if they are
//!    `profile_size` or more; nothing where nobody knows when accounts act. The caller keeps those that behave alike, and the
//!    profile decides account by account ([`crate::profile`]). Other candidates stay as they are.
//! 2. *Join* candidates that only infrastructure proposed and whose score is over the threshold: modularity cuts a chain into
//!    pieces. Two are one network if more identifiers that link on their own lead from the one into the other than chance
//!    gives (module `crossing`). Communities are cut where little crosses, so what crosses by chance is less than its null says:
//!    the test errs towards leaving pieces apart.
//!
//! Cost: O(sightings), and a round for each join at most, of the pieces' sightings.

use graph::{KindId, NONE_U32};

use crate::Facts;
use crate::classify::Classification;
use crate::config::MemberConfig;
use crate::crossing::{Crossing, Drawn};
use crate::members::Candidates;
use crate::strangers::{Loose, separate_strangers};

/// The free accounts of each community of `infrastructure`, taken apart again where parts in different `communities` of the
/// graph have nothing to do with each other ([`separate_strangers`]).
pub(crate) fn propose_infrastructure(
    facts: Facts<'_>,
    classification: &Classification,
    (infrastructure, communities): (&[u32], &[u32]),
    is_free: &dyn Fn(u32) -> bool,
    config: &MemberConfig,
) -> Vec<Vec<u32>> {
    if !facts.tell_times() {
        return Vec::new();
    }
    let accounts = 0..facts.graph.account_count() as u32;
    let free = accounts.filter(|&account| is_free(account) && !facts.is_allowed_account(account));
    let of_communities = gathered(free.map(|account| (infrastructure[account as usize], account)).collect(), config);
    let mut groups = groups_of(&of_communities, facts.graph.account_count());
    let loose = Loose { few: 0, share: config.loose_share };
    separate_strangers(facts, classification, communities, &mut groups, config, loose);
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
pub(crate) fn gathered(mut rows: Vec<(u32, u32)>, config: &MemberConfig) -> Vec<Vec<u32>> {
    rows.sort_unstable();
    let groups = rows.chunk_by(|left, right| left.0 == right.0);
    let large = groups.filter(|accounts| accounts.len() >= config.profile_size as usize);
    large.map(|rows| rows.iter().map(|&(_, account)| account).collect()).collect()
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
    let accounts: Vec<Vec<u32>> = pieces.iter().map(|&candidate| candidates.networks[candidate].accounts().collect()).collect();
    let links = |kind: KindId| !facts.roles[kind.index()].is_interest();
    let crossing = Crossing::of(facts, classification, &accounts, &links, Drawn::OfShared);
    let wholes = crossing.joined(config.join_bits);
    let named = |whole: &Vec<usize>| whole.iter().map(|&piece| (pieces[piece], pieces[whole[0]])).collect::<Vec<_>>();
    wholes.iter().flat_map(named).collect()
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
                    fragility: crate::candidate::Fragility { identifier: None, lost: 0 },
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
