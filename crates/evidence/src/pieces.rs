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
//!    pieces. Two are one network if more identifiers lead from the one into the other than chance gives. Given which
//!    identifiers of kind k one of them has, the other accounts of each are drawn from all other sightings of the kind:
//!
//! ```text
//! lambda(A -> B) = sum over kinds k and identifiers i of A:  1 - (1 - S_k(B) / (S_k - S_k(A)))^(d_i - a_i)
//! bits(A, B)     = c log2(c / lambda) - (c - lambda) log2 e        lambda: the larger of lambda(A -> B) and lambda(B -> A)
//! ```
//!
//! `S_k` are sightings of identifiers of two accounts or more, `d_i` accounts of i and `a_i` of them in A. `c` is the number of
//! identifiers in common, and no more than the accounts of A that have one, or of B: one account that is at home in both, or
//! one address of everybody's, is a single link. The bits are Chernoff's bound for a sum of independent draws. They must exceed
//! the log2 of the number of pieces, which each could have joined, by `join_bits`, and there must be two links. What was joined
//! is a piece of its own in the next round, until no two are enough. Only identifiers that link on their own count.
//! Communities are cut where little crosses, so what crosses by chance is less than `lambda`: the test errs towards leaving
//! pieces apart.
//!
//! Cost: O(sightings), and a round for each join at most, of the pieces' sightings.

use std::collections::{BTreeMap, BTreeSet};

use graph::{DisjointSets, IdentifierId, KindId, NONE_U32};

use crate::Facts;
use crate::classify::{Classification, Policy};
use crate::config::MemberConfig;
use crate::interlock::{Loose, separate_strangers};
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
fn gathered(mut rows: Vec<(u32, u32)>, config: &MemberConfig) -> Vec<Vec<u32>> {
    rows.sort_unstable();
    let groups = rows.chunk_by(|left, right| left.0 == right.0);
    let large = groups.filter(|accounts| accounts.len() >= config.profile_size as usize);
    large.map(|rows| rows.iter().map(|&(_, account)| account).collect()).collect()
}

/// Fewest links between two pieces of one network.
const FEWEST_LINKS: usize = 2;

/// What pieces hold of an identifier that links on its own.
#[derive(Clone, Debug)]
struct Held {
    kind: KindId,
    /// Accounts of the identifier.
    degree: u32,
    /// (account, piece) of those that are in one.
    accounts: Vec<(u32, u32)>,
}

/// What of a network leads elsewhere.
#[derive(Clone, Debug, Default)]
struct Open {
    /// By kind: sightings of identifiers of several accounts.
    sightings: Vec<f64>,
    /// (kind, accounts of an identifier that are elsewhere): identifiers.
    identifiers: BTreeMap<(KindId, u32), u32>,
}

impl Open {
    /// The identifiers that lead into another network by chance; `all`: by kind, everybody's sightings.
    fn expected(&self, other: &Open, all: &[f64]) -> f64 {
        let led = |(&(kind, elsewhere), &identifiers): (&(KindId, u32), &u32)| {
            let kind = kind.index();
            let share = (other.sightings[kind] / (all[kind] - self.sightings[kind]).max(1.0)).min(1.0);
            f64::from(identifiers) * (1.0 - (1.0 - share).powf(f64::from(elsewhere)))
        };
        self.identifiers.iter().map(led).sum()
    }
}

/// What leads from one network into another.
#[derive(Clone, Debug, Default)]
struct Links {
    identifiers: usize,
    accounts: [BTreeSet<u32>; 2],
}

impl Links {
    fn count(&self) -> usize {
        let [left, right] = &self.accounts;
        self.identifiers.min(left.len()).min(right.len())
    }

    /// How much more than `expected`, in bits; 0 if it isn't.
    fn bits(&self, expected: f64) -> f64 {
        let count = self.count() as f64;
        if self.count() < FEWEST_LINKS || count <= expected {
            return 0.0;
        }
        count * (count / expected).log2() - (count - expected) * std::f64::consts::LOG2_E
    }
}

/// The identifiers that link on their own and have two accounts or more.
struct Linking {
    /// By kind: everybody's sightings.
    all: Vec<f64>,
    /// Those of which a piece holds any.
    held: Vec<Held>,
}

impl Linking {
    /// `piece_of`: by account, or `NONE_U32`.
    fn of(facts: Facts<'_>, classification: &Classification, piece_of: &[u32]) -> Self {
        let mut all = vec![0.0; facts.graph.kind_count()];
        let mut held = Vec::new();
        for identifier in (0..facts.graph.identifier_count() as u32).map(IdentifierId) {
            let (accounts, kind) = (facts.graph.accounts_of(identifier), facts.graph.kind_of(identifier));
            let links = classification.policies[identifier.index()] == Policy::Keep && !facts.roles[kind.index()].is_interest();
            if accounts.len() < 2 || !links {
                continue;
            }
            let degree = accounts.len() as u32;
            all[kind.index()] += f64::from(degree);
            let of_pieces = accounts.iter().map(|&account| (account, piece_of[account as usize]));
            let accounts: Vec<(u32, u32)> = of_pieces.filter(|&(_, piece)| piece != NONE_U32).collect();
            if !accounts.is_empty() {
                held.push(Held { kind, degree, accounts });
            }
        }
        Linking { all, held }
    }

    /// By pair of networks that have an identifier in common: how much more leads from one into the other than chance gives, in
    /// bits. `networks`: by piece, its network.
    fn between(&self, networks: &[u32]) -> Vec<((u32, u32), f64)> {
        let nothing = Open { sightings: vec![0.0; self.all.len()], ..Open::default() };
        let mut open = vec![nothing; networks.len()];
        let mut between: BTreeMap<(u32, u32), Links> = BTreeMap::new();
        for Held { kind, degree, accounts } in &self.held {
            let mut here: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
            accounts.iter().for_each(|&(account, piece)| here.entry(networks[piece as usize]).or_default().push(account));
            for (&network, accounts) in &here {
                let (open, inside) = (&mut open[network as usize], accounts.len() as u32);
                open.sightings[kind.index()] += f64::from(inside);
                if *degree > inside {
                    *open.identifiers.entry((*kind, degree - inside)).or_default() += 1;
                }
                for (&other, others) in here.range(network + 1..) {
                    let links = between.entry((network, other)).or_default();
                    links.identifiers += 1;
                    links.accounts[0].extend(accounts);
                    links.accounts[1].extend(others);
                }
            }
        }
        let bits = |((left, right), links): ((u32, u32), Links)| {
            let (one, other) = (&open[left as usize], &open[right as usize]);
            ((left, right), links.bits(one.expected(other, &self.all).max(other.expected(one, &self.all))))
        };
        between.into_iter().map(bits).collect()
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
    let linking = Linking::of(facts, classification, &piece_of);
    let needed = (pieces.len() as f64).log2() + config.join_bits;
    let mut networks = DisjointSets::new(pieces.len());
    let mut joined = true;
    while joined {
        joined = false;
        let roots: Vec<u32> = (0..pieces.len() as u32).map(|piece| networks.root_of(piece)).collect();
        for ((left, right), bits) in linking.between(&roots) {
            if bits >= needed {
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
