//! Which other accounts does a flagged network's queue deal to?
//!
//! A pool with an address and a card for many of its accounts is found by those that share: chains of addresses and cards, in
//! pieces where no chain leads from one to another. What all of them have in common is the queue behind them. So once something
//! is flagged, its rounds (module `behaviour::rounds`) tell who else has turns in it, whatever that account shares.
//!
//! 1. *Ask*, the largest flagged candidate first, of all accounts that no flagged candidate has: who it is that its rounds tell.
//!    A flagged candidate most of whose accounts they tell is a piece of the network, and belongs to it as a whole, also one
//!    whose own rounds tell nobody, as those of several queues at once don't.
//! 2. *Ask again* with those, until few are added.
//! 3. *Describe* the whole. Who joined by turns alone is fringe, with the bits of its returns; the others stay as firm as they
//!    were, or are as firm as the whole makes them.
//!
//! Then the same of accounts whose equal shares propose them (module `equal_shares`), in no flagged candidate: where their rounds
//! tell half of them, these and whom they tell are a network that nothing but its queue holds together, if it is large enough
//! for a profile.
//!
//! A proposal only: the caller decides of each whole whether it is flagged itself, before anybody else is asked; what isn't kept
//! takes nobody. Other candidates lose whom a whole takes from them, and are described anew. Known-good accounts are never asked,
//! nor are networks whose own accounts their rounds don't tell, as those of people, nor more than the [`MOST`] largest.

use std::collections::BTreeSet;

use crate::behaviour::BehaviourConfig;
use crate::behaviour::rounds::{Asked, Asking, Returns, Served, Told, told_by_rounds};
use crate::candidate::{Candidate, Member, Origin, Role};
use crate::equal_shares::propose_equal_shares;
use crate::members::Corroborator;

/// Times that a network's rounds are asked.
const ROUNDS: usize = 4;
/// Fewer than one new account in so many of a network's aren't worth asking again.
const FEW: usize = 64;
/// Flagged candidates whose rounds are asked: each asks of everybody who comes as often.
const MOST: usize = 256;

/// Whom a network's rounds tell, given those who aren't asked.
type Tell<'a> = dyn Fn(Asking<'_>, &BTreeSet<u32>) -> Option<Told> + Sync + 'a;

/// A search for networks by their rounds.
struct Search<'a> {
    told: &'a Tell<'a>,
    /// The flagged candidates that are in no whole yet, and whose rounds told nobody so far.
    pieces: Vec<Piece>,
    /// Accounts of these.
    of_pieces: BTreeSet<u32>,
    /// Accounts of networks whose rounds tell somebody.
    taken: BTreeSet<u32>,
}

/// A flagged candidate.
struct Piece {
    /// Its place among the candidates.
    at: usize,
    accounts: BTreeSet<u32>,
}

/// What rounds make of accounts.
struct Grown {
    accounts: BTreeSet<u32>,
    /// Flagged candidates that are in it.
    pieces: Vec<Piece>,
    by_turns: Vec<Served>,
}

impl Search<'_> {
    /// The accounts, of whom some are there by turns, and those whom their rounds tell, with what these tell, until they are few;
    /// `None` where their own rounds tell nobody. The pieces in it are taken out.
    fn grown(&mut self, accounts: BTreeSet<u32>, by_turns: Vec<Served>) -> Option<Grown> {
        let mut grown = Grown { accounts, pieces: Vec::new(), by_turns };
        for round in 0..ROUNDS {
            let members: Vec<u32> = grown.accounts.iter().copied().collect();
            let asking = Asking::network(&members, grown.by_turns.len());
            let Some(Told { others, .. }) = (self.told)(asking, &self.taken) else {
                return (round > 0).then_some(grown);
            };
            let told: BTreeSet<u32> = others.iter().map(|of| of.account).collect();
            let is_inside = |piece: &Piece| 2 * piece.accounts.intersection(&told).count() > piece.accounts.len();
            let inside: Vec<Piece> = self.pieces.extract_if(.., |piece| is_inside(piece)).collect();
            if !inside.is_empty() {
                self.count_pieces();
            }
            let new: Vec<Served> = others.into_iter().filter(|of| !self.of_pieces.contains(&of.account)).collect();
            let few = new.len() * FEW <= members.len();
            grown.accounts.extend(new.iter().map(|of| of.account));
            grown.by_turns.extend(new);
            grown.accounts.extend(inside.iter().flat_map(|piece| &piece.accounts));
            grown.pieces.extend(inside);
            if few {
                break;
            }
        }
        Some(grown)
    }

    fn put_back(&mut self, pieces: Vec<Piece>) {
        if !pieces.is_empty() {
            self.pieces.extend(pieces);
            self.count_pieces();
        }
    }

    fn count_pieces(&mut self) {
        self.of_pieces = self.pieces.iter().flat_map(|piece| &piece.accounts).copied().collect();
    }

    fn is_free(&self, account: u32) -> bool {
        !self.taken.contains(&account) && !self.of_pieces.contains(&account)
    }
}

/// A network with those whom its queue deals to.
#[derive(Clone, Debug, PartialEq)]
pub struct Whole {
    /// The network.
    pub network: Candidate,
    /// The flagged candidates that are in it, by place; none where only its queue tells it.
    pub pieces: Vec<usize>,
}

impl Corroborator<'_> {
    /// Networks whose queue deals to more accounts than they have, and those that nothing but their queue tells (module
    /// `served`). `flagged`: by candidate. `is_kept`: asked of each in its turn.
    pub fn served(
        &self,
        networks: &[Candidate],
        flagged: &[bool],
        config: &BehaviourConfig,
        mut is_kept: impl FnMut(&Candidate) -> bool,
    ) -> Vec<Whole> {
        if !self.facts.tell_times() {
            return Vec::new();
        }
        let (facts, join_bits) = (self.facts, self.judge.config.join_bits);
        let returns = Returns::of(facts, i64::from(config.session_gap) * 1_000);
        let mut flagged: Vec<usize> = (0..networks.len()).filter(|&at| flagged[at]).collect();
        flagged.sort_by_key(|&at| networks[at].place());
        let mut search = Search {
            told: &|asking, taken| {
                let asked = |account| if taken.contains(&account) { Asked::Nothing } else { Asked::Both };
                told_by_rounds(facts, &returns, asking, asked, join_bits, config)
            },
            pieces: Vec::new(),
            of_pieces: BTreeSet::new(),
            taken: BTreeSet::new(),
        };
        search.put_back(flagged.iter().map(|&at| Piece { at, accounts: networks[at].accounts().collect() }).collect());
        let mut wholes = Vec::new();
        for at in flagged.into_iter().take(MOST) {
            let Some(place) = search.pieces.iter().position(|piece| piece.at == at) else { continue };
            let piece = search.pieces.remove(place);
            let Some(mut grown) = search.grown(piece.accounts.clone(), Vec::new()) else {
                search.pieces.push(piece);
                continue;
            };
            let is_more = grown.accounts.len() > piece.accounts.len();
            grown.pieces.insert(0, piece);
            let whole = is_more.then(|| self.whole(networks, &grown, networks[at].origin));
            if whole.as_ref().is_some_and(|whole| !is_kept(&whole.network)) {
                search.put_back(grown.pieces);
                continue;
            }
            wholes.extend(whole);
            search.taken.extend(&grown.accounts);
            search.count_pieces();
        }
        for seed in propose_equal_shares(facts, &returns, |account| search.is_free(account), join_bits) {
            let free: Vec<u32> = seed.iter().copied().filter(|&account| search.is_free(account)).collect();
            if 2 * free.len() < seed.len() {
                continue;
            }
            // Whoever has equal shares by chance isn't told.
            let Some(Told { own, others }) = (search.told)(Asking::seed(&free), &search.taken) else { continue };
            let told: Vec<Served> = own.into_iter().chain(others).filter(|of| search.is_free(of.account)).collect();
            let accounts = told.iter().map(|of| of.account).collect();
            let Some(grown) = search.grown(accounts, told) else { continue };
            let origin = grown.pieces.first().map_or(Origin::Queue, |piece| networks[piece.at].origin);
            let is_large = grown.accounts.len() >= self.judge.config.profile_size as usize;
            match is_large.then(|| self.whole(networks, &grown, origin)).filter(|whole| is_kept(&whole.network)) {
                Some(whole) => {
                    search.taken.extend(&grown.accounts);
                    wholes.push(whole);
                }
                None => search.put_back(grown.pieces),
            }
        }
        wholes
    }

    /// The bits of a list's own turns for those of its accounts that nothing else ties: each half of the list tells the other.
    /// Whoever is told is untied no longer; where that is most of the list, it is one of a queue ([`Origin::Queue`]). `untied`:
    /// ascending, as [`Corroborator::given`] gives them.
    pub fn in_turn(&self, candidate: &mut Candidate, untied: &mut Vec<u32>, config: &BehaviourConfig) {
        if untied.is_empty() || !self.facts.tell_times() {
            return;
        }
        let returns = Returns::of(self.facts, i64::from(config.session_gap) * 1_000);
        let listed: Vec<u32> = candidate.members.iter().map(|member| member.account).collect();
        let half = |rest: usize| listed.iter().copied().skip(rest).step_by(2).collect::<Vec<u32>>();
        let mut told: Vec<Served> = Vec::new();
        for one in [half(0), half(1)] {
            let is_listed = |account: u32| listed.binary_search(&account).is_ok();
            let asked = |account: u32| if is_listed(account) { Asked::Told } else { Asked::Compared };
            let found =
                told_by_rounds(self.facts, &returns, Asking::network(&one, 0), asked, self.judge.config.join_bits, config);
            told.extend(found.into_iter().flat_map(|found| found.others));
        }
        told.sort_by_key(|of| of.account);
        let before = untied.len();
        untied.retain(|&account| {
            let Ok(at) = told.binary_search_by_key(&account, |of| of.account) else { return true };
            if let Ok(place) = listed.binary_search(&account) {
                candidate.members[place] = Member::of_odds(account, Role::Fringe, told[at].bits);
            }
            false
        });
        if 2 * (before - untied.len()) > listed.len() {
            candidate.origin = Origin::Queue;
        }
    }

    fn whole(&self, networks: &[Candidate], grown: &Grown, origin: Origin) -> Whole {
        let pieces: Vec<usize> = grown.pieces.iter().map(|piece| piece.at).collect();
        let accounts: Vec<u32> = grown.accounts.iter().copied().collect();
        let (mut network, untied) = self.given(&accounts);
        let place = |network: &Candidate, account: u32| network.members.binary_search_by_key(&account, |member| member.account);
        let mut firmer = |member: Member| {
            if let Ok(at) = place(&network, member.account) {
                let known = &mut network.members[at];
                let is_untied = untied.binary_search(&member.account).is_ok();
                if is_untied || (member.role, -member.bits) < (known.role, -known.bits) {
                    *known = Member {
                        bits: known.bits.max(member.bits),
                        confidence: known.confidence.max(member.confidence),
                        ..member
                    };
                }
            }
        };
        grown.by_turns.iter().for_each(|of| firmer(Member::of_odds(of.account, Role::Fringe, of.bits)));
        let of_pieces = || pieces.iter().flat_map(|&at| &networks[at].members);
        of_pieces().filter(|member| member.role != Role::Ambiguous).for_each(|&member| firmer(member));
        network.members.extend(of_pieces().filter(|member| accounts.binary_search(&member.account).is_err()));
        network.members.sort_by_key(|member| member.account);
        network.members.dedup_by_key(|member| member.account);
        network.origin = origin;
        Whole { network, pieces }
    }

    /// The candidates with these wholes in place of their pieces. Others lose whom a whole takes from them, and are described
    /// anew where that were members.
    pub fn with_served(&self, networks: &[Candidate], wholes: Vec<Whole>) -> Vec<Candidate> {
        let taken: BTreeSet<u32> = wholes.iter().flat_map(|whole| whole.network.accounts()).collect();
        let pieces: BTreeSet<usize> = wholes.iter().flat_map(|whole| whole.pieces.iter().copied()).collect();
        let least = self.judge.config.network_size.max(2) as usize;
        let others = (0..networks.len()).filter(|at| !pieces.contains(at)).map(|at| {
            let mut network = networks[at].clone();
            network.members.retain(|member| !taken.contains(&member.account));
            if network.accounts().count() < networks[at].accounts().count() { self.left_of(&network) } else { network }
        });
        let mut found: Vec<Candidate> = others.filter(|network| network.accounts().count() >= least).collect();
        found.extend(wholes.into_iter().map(|whole| {
            let mut network = whole.network;
            network.members.retain(|member| member.role != Role::Ambiguous || !taken.contains(&member.account));
            network
        }));
        found.sort_by_key(Candidate::place);
        found
    }

    /// What is left of a candidate that lost members: these, as firm as they were at most, and what they have in common now.
    fn left_of(&self, network: &Candidate) -> Candidate {
        let accounts: Vec<u32> = network.accounts().collect();
        if accounts.is_empty() {
            return network.clone();
        }
        let (described, _) = self.given(&accounts);
        let members = network.members.iter().map(|&member| match described.member(member.account) {
            Some(&now) if member.role != Role::Ambiguous && now.bits < member.bits => {
                Member { role: now.role.max(member.role), ..now }
            }
            _ => member,
        });
        Candidate { members: members.collect(), origin: network.origin, ..described }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::behaviour::toy::Toy;
    use crate::classify::classify_identifiers;
    use crate::config::LinkageConfig;
    use crate::members::Ties;
    use crate::weigh::weigh_sightings;

    const BENIGN: u32 = 600;
    const POOL: std::ops::Range<u32> = BENIGN..BENIGN + 120;

    /// What a search makes of a world where nobody shares anything.
    fn in_world<T>(seed: u64, search: impl FnOnce(&Corroborator<'_>) -> T) -> T {
        let (world, config) = (Toy::in_turn(BENIGN as usize, POOL.len(), 60, 8, seed), LinkageConfig::default());
        let facts = world.facts();
        let classification = classify_identifiers(facts, &config.classify);
        let weights = weigh_sightings(facts, &classification, &config.weigh);
        let ties = Ties::of_rule(facts, &classification, &weights, &config.members);
        search(&Corroborator::new(facts, &classification, &weights, &ties, &config.members))
    }

    /// What becomes of candidates of these accounts, all of them flagged or none.
    fn found(pieces: &[Vec<u32>], flagged: bool, seed: u64) -> (Vec<Whole>, Vec<Candidate>) {
        in_world(seed, |corroborator| {
            let networks: Vec<Candidate> = pieces.iter().map(|accounts| corroborator.given(accounts).0).collect();
            let wholes = corroborator.served(&networks, &vec![flagged; networks.len()], &BehaviourConfig::default(), |_| true);
            (wholes.clone(), corroborator.with_served(&networks, wholes))
        })
    }

    fn strangers(of: &Candidate) -> usize {
        of.accounts().filter(|account| !POOL.contains(account)).count()
    }

    #[test]
    fn pieces_of_one_queue_are_one_network_with_all_whom_it_deals_to() {
        for seed in 0..3 {
            let pieces = [POOL.step_by(3).collect::<Vec<u32>>(), POOL.skip(1).step_by(6).collect()];
            let (wholes, networks) = found(&pieces, true, seed);
            assert_eq!((wholes.len(), networks.len()), (1, 1), "{seed}");
            assert_eq!(wholes[0].pieces, [0, 1]);
            assert!(networks[0].accounts().count() >= 110 && strangers(&networks[0]) == 0, "{seed}: {networks:?}");
            // Nothing but turns ties those who joined.
            let joined = networks[0].members.iter().filter(|member| (member.account - BENIGN) % 6 == 2);
            assert!(joined.clone().count() >= 15 && joined.clone().all(|member| member.role == Role::Fringe));
        }
    }

    #[test]
    fn a_queue_is_a_network_though_its_accounts_share_nothing() {
        let mut all = (0, 0);
        for seed in 0..8 {
            let (wholes, networks) = found(&[], true, seed);
            let sizes = || wholes.iter().map(|whole| whole.network.members.len()).collect::<Vec<_>>();
            assert_eq!(networks.len(), 1, "{seed}: {:?}", sizes());
            assert_eq!(networks[0].origin, Origin::Queue);
            let (found, strange) = (networks[0].accounts().count(), strangers(&networks[0]));
            assert!(found - strange >= 110, "{seed}: {found}, {strange}");
            all = (all.0 + found, all.1 + strange);
        }
        // At most one in fifty in the mean.
        assert!(50 * all.1 <= all.0, "{all:?}");
    }

    #[test]
    fn what_is_not_kept_takes_nobody() {
        in_world(1, |corroborator| {
            let pieces = [POOL.step_by(3).collect::<Vec<u32>>(), POOL.skip(1).step_by(6).collect()];
            let networks: Vec<Candidate> = pieces.iter().map(|accounts| corroborator.given(accounts).0).collect();
            let mut asked = Vec::new();
            let config = BehaviourConfig::default();
            let wholes = corroborator.served(&networks, &[true; 2], &config, |whole| {
                asked.push(whole.accounts().count());
                asked.len() > 1
            });
            // The largest is asked first and not kept; the second has all of them all the same.
            assert!(asked.len() == 2 && asked[1] >= 110 && wholes.len() == 1, "{asked:?}");
            assert_eq!(wholes[0].pieces, [1, 0]);
        });
    }

    #[test]
    fn candidates_that_are_not_flagged_lose_whom_a_queue_takes() {
        // People, and two of the pool with whom they share a gateway, say.
        let (_, networks) = found(&[vec![1, 2, 3, BENIGN, BENIGN + 1]], false, 1);
        let left: Vec<u32> =
            networks.iter().find(|network| network.origin != Origin::Queue).expect("it stays").accounts().collect();
        assert!(left.starts_with(&[1, 2, 3]) && left.len() < 5, "{left:?}");
    }

    #[test]
    fn each_half_of_a_list_tells_the_other_where_a_queue_deals_to_both() {
        let untied = |accounts: &[u32]| {
            in_world(1, |corroborator| {
                let (mut candidate, mut untied) = corroborator.given(accounts);
                let before = untied.len();
                corroborator.in_turn(&mut candidate, &mut untied, &BehaviourConfig::default());
                assert_eq!(candidate.origin == Origin::Queue, 2 * (before - untied.len()) > accounts.len());
                (before, untied.len())
            })
        };
        let (before, after) = untied(&POOL.collect::<Vec<u32>>());
        assert!(before == POOL.len() && after <= 20, "{before} {after}");
        assert_eq!(untied(&(1..61).collect::<Vec<u32>>()), (60, 60));
    }

    #[test]
    fn people_are_no_queue() {
        let people = (0..BENIGN).filter(|account| account % 4 != 0).take(60).collect::<Vec<u32>>();
        let (wholes, _) = found(&[people], true, 1);
        assert!(wholes.iter().all(|whole| whole.pieces.is_empty()), "{wholes:?}");
    }
}
