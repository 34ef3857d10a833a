//! Who belongs to which network, and how sure is that?
//!
//! A community is a proposal: it sweeps in customers of shared addresses and users of popular templates, and it may cut a large
//! network in two or lump small ones together. Membership is decided on *corroboration* instead.
//!
//! 1. *Ties* (module `ties`): two accounts are tied when the identifiers they share carry more bits than chance gives among all
//!    accounts and all pairs of identifiers that were tried. Pairs of identifiers are grouped, never pairs of accounts: an
//!    identifier of degree d costs d, not d squared.
//! 2. *Groups*: connected components of the ties inside each community; two groups of different communities become one when
//!    ties cross that involve at least `merge_share` of the smaller. So a network keeps together what modularity split, and
//!    falls apart where modularity lumped.
//! 3. *Fixed point* (module `fixed_point`): each identifier of an account speaks for a group by the likelihood ratio of being
//!    seen with it inside the group against outside, the account's own sighting left out. An account belongs to the group with
//!    the best odds, if these suffice; an account that wasn't tied into it pays `join_bits` more, and joins no group that is
//!    large enough for a profile: summed bits would let a crowd grow without end. Repeat until nothing changes, at most
//!    `rounds` times.
//! 4. *Profile*: in larger groups the profile of the others decides who stays, leaves and joins (module `profile`).
//! 5. *Interlock*: groups whose parts have nothing to do with each other are taken apart, communities of the graph whose
//!    members are alike pair by pair are proposed though nothing ties them (module `interlock`), and profiles decide again. The
//!    caller gives communities of more than one resolution: a pool that is swept together with a crowd in a coarse one, and so
//!    isn't alike pair by pair there, is alone in a finer one.
//!    Accounts whose cards other identifiers cross are proposed too (module `cross_linked`), and later, if they behave alike,
//!    accounts of communities that are a little alike (module `loose`) and that take turns at one prompt (module `dealt`).
//!    Candidates that one set of cards pays for are tried as one (module `fragments`). What takes over each other's rejected
//!    requests comes late (module `handed_on`), and last of all whom the queue of a network deals to (module `served`).
//! 6. *Roles*: core members are tied by identifiers of two kinds (or, where the data has one kind, by two identifiers) even
//!    without any single one of their strongest; fringe members by enough bits otherwise; the rest of the group is ambiguous.
//!    A known-good account is tied to nobody and joins nothing; it still counts among those seen with an identifier.
//! 7. *Fragility*: the largest loss of members when any one identifier is removed.
//!
//! Cost: O(sightings) a round, plus the ties.

use std::collections::BTreeSet;

use graph::{NONE_U32, Partition};

use crate::candidate::{Candidate, Origin};
use crate::classify::Classification;
use crate::config::MemberConfig;
use crate::cross_linked::{cross_linked_signal, propose_linked};
use crate::dealt::turns_signal;
use crate::fixed_point::settle;
use crate::interlock::propose_interlocked;
use crate::loose::unjudged;
use crate::pieces::{groups_of, join_pieces, propose_infrastructure};
use crate::profile::{Refined, name_by_smallest_member, refine_by_profile, refine_free};
use crate::standing::{Judge, Standing};
use crate::strangers::{Loose, separate_strangers};
use crate::terms::TieTerms;
use crate::ties::{TieRule, groups_of_ties, tied_pairs};
use crate::weigh::Weights;
use crate::{Facts, Signal};

/// Parts of so few accounts stay where a profile has put them.
const JUDGED: u32 = 2;
/// How many of a member's strongest identifiers are left out, one at a time.
pub const LEFT_OUT: usize = 4;

/// All candidates, largest first, ties by their smallest member.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidates {
    /// The candidates.
    pub networks: Vec<Candidate>,
    /// What ties were judged by.
    pub terms: TieTerms,
    /// Among how many templates those were looked for that accounts take turns at.
    pub templates_asked: usize,
    /// What ties and work in common hold together.
    pub(crate) settled: Refined,
    /// Accounts that turns proposed.
    pub(crate) in_turn: BTreeSet<u32>,
    /// What only infrastructure proposed of the others.
    pub(crate) free: Refined,
}

/// Which accounts are tied, and the rule that ties.
#[derive(Clone, Debug)]
pub struct Ties<'a> {
    /// The pairs of accounts that are tied, ascending, without repetition: edges of a graph whose communities are the proposals
    /// of [`Corroborator::candidates`]. Not all tied pairs are listed, but every tied account is in one.
    pub pairs: Vec<(u32, u32)>,
    pub(crate) rule: TieRule<'a>,
}

impl<'a> Ties<'a> {
    /// The rule that ties, and no pairs: for who asks about accounts that are given ([`Corroborator::given`]). O(sightings).
    pub fn of_rule(facts: Facts<'_>, classification: &'a Classification, weights: &'a Weights, config: &MemberConfig) -> Self {
        Ties { pairs: Vec::new(), rule: TieRule::new(facts, classification, weights, config) }
    }
}

/// Finds the accounts that are tied.
pub fn tied_accounts<'a>(
    facts: Facts<'_>,
    classification: &'a Classification,
    weights: &'a Weights,
    config: &MemberConfig,
) -> Ties<'a> {
    let ties = Ties::of_rule(facts, classification, weights, config);
    Ties { pairs: tied_pairs(facts, &ties.rule, config), ..ties }
}

/// Partitions of the graph's vertices that are looked at for networks; the first labels of each are the accounts'.
#[derive(Clone, Copy, Debug)]
pub struct Proposals<'a> {
    /// Communities of the ties ([`tied_accounts`]).
    pub tied: &'a Partition,
    /// Communities of the graph itself, from coarse to fine, for what ties don't hold together.
    pub communities: &'a [&'a Partition],
}

/// Turns communities into candidates, and pieces of one network into one.
#[derive(Debug)]
pub struct Corroborator<'a> {
    pub(crate) facts: Facts<'a>,
    pub(crate) weights: &'a Weights,
    pub(crate) ties: &'a Ties<'a>,
    pub(crate) judge: Judge<'a>,
}

impl<'a> Corroborator<'a> {
    /// Counts everybody's identifiers. O(sightings).
    pub fn new(
        facts: Facts<'a>,
        classification: &'a Classification,
        weights: &'a Weights,
        ties: &'a Ties<'a>,
        config: &'a MemberConfig,
    ) -> Self {
        Corroborator { facts, weights, ties, judge: Judge::new(facts, classification, &weights.nested, config) }
    }

    /// Turns communities into candidates.
    ///
    /// # Panics
    /// If a partition has fewer vertices than the graph has accounts.
    pub fn candidates(&self, proposals: &Proposals<'_>) -> Candidates {
        let Corroborator { facts, ties: Ties { pairs: ties, rule }, judge, .. } = self;
        let facts = *facts;
        let (classification, config, account_count) = (judge.classification, judge.config, facts.graph.account_count());
        let groups = groups_of_ties(ties, &proposals.tied.labels()[..account_count], config);
        let groups = settle(facts, rule, classification, groups, config);
        let mut refined = refine_by_profile(judge, ties, groups, Vec::new());
        // Only now, so that whoever belongs to a small network isn't taken for one of the large one's.
        let mut groups = refined.groups.clone();
        let of_accounts = || proposals.communities.iter().map(|partition| &partition.labels()[..account_count]);
        let take_apart = |groups: &mut Vec<u32>, loose: Loose| {
            for communities in of_accounts() {
                separate_strangers(facts, classification, communities, groups, config, loose);
            }
        };
        // What coarse communities lump together, finer ones may tell apart: all of them before any proposes.
        take_apart(&mut groups, Loose { few: 0, share: config.loose_share });
        for communities in of_accounts() {
            propose_interlocked(facts, classification, communities, &mut groups, config);
        }
        propose_linked(judge, &mut groups);
        if groups != refined.groups {
            refined = refine_by_profile(judge, ties, groups, Vec::new());
            // A profile says how much of its own a group has, and not that all have the same: crowds that were proposed together
            // accept each other, and so do a pool and the customers of its addresses. Of single accounts it has judged.
            let mut groups = refined.groups.clone();
            take_apart(&mut groups, Loose { few: JUDGED, share: config.part_share });
            if groups != refined.groups {
                refined = refine_by_profile(judge, ties, groups, Vec::new());
            }
        }
        let networks = self.described(&refined, Origin::Common);
        Candidates {
            networks,
            terms: rule.terms.clone(),
            templates_asked: 0,
            settled: refined,
            in_turn: BTreeSet::new(),
            free: Refined::default(),
        }
    }

    /// The candidates, and what the profiles make of these groups of accounts that are in no candidate of some size beside
    /// theirs.
    pub(crate) fn with_groups(&self, mut candidates: Candidates, proposed: &[Vec<u32>]) -> Candidates {
        if proposed.is_empty() {
            return candidates;
        }
        let Refined { mut groups, standings: mut left } = std::mem::take(&mut candidates.settled);
        proposed.iter().flatten().for_each(|&account| groups[account as usize] = NONE_U32);
        // What is left of the groups that they were in isn't named by any of them.
        name_by_smallest_member(&mut groups, &mut left);
        proposed.iter().for_each(|accounts| accounts.iter().for_each(|&account| groups[account as usize] = accounts[0]));
        let settled = refine_by_profile(&self.judge, &self.ties.pairs, groups, left);
        self.redescribed(candidates, settled)
    }

    /// The candidates that other settled groups make; none of infrastructure.
    pub(crate) fn redescribed(&self, candidates: Candidates, settled: Refined) -> Candidates {
        let mut networks = self.described(&settled, Origin::Common);
        for network in &mut networks {
            let mostly = network.accounts().filter(|account| candidates.in_turn.contains(account)).count();
            if 2 * mostly > network.accounts().count() {
                network.origin = Origin::Turns;
            }
        }
        Candidates { networks, settled, ..candidates }
    }

    /// Whether accounts are more than harmless parts (module `cross_linked`); `None` where nobody knows what they pay with nor
    /// which devices they use. `accounts`: ascending, without repeats.
    pub fn cross_linked(&self, accounts: &[u32]) -> Option<Signal> {
        cross_linked_signal(&self.judge, accounts)
    }

    /// How seldom requests with a candidate's own prompts repeat the account before (module `dealt`); `None` unless turns are
    /// what proposed it, of so many templates that were asked.
    pub fn turns(&self, candidate: &Candidate, templates_asked: usize) -> Option<Signal> {
        (candidate.origin == Origin::Turns).then(|| turns_signal(self.facts, candidate, templates_asked))
    }

    /// Accounts in no candidate that stand on one infrastructure (module `pieces`), ascending; where nobody knows what accounts
    /// ask also those of candidates too small for a profile; none where nobody knows when accounts act. The partitions are those
    /// of [`crate::infrastructure_graph`] and of the graph itself.
    ///
    /// # Panics
    /// As [`Corroborator::candidates`].
    pub fn on_infrastructure(&self, candidates: &Candidates, (of, whole): (&Partition, &Partition)) -> Vec<Vec<u32>> {
        let settled = &candidates.settled;
        let is_unjudged = unjudged(self.facts, &settled.groups, self.judge.config);
        let any = !self.facts.tell_content();
        let is_free = |account: u32| {
            settled.is_free(account) || any && settled.standings[account as usize].is_none() && is_unjudged(account)
        };
        propose_infrastructure(
            self.facts,
            self.judge.classification,
            (of.labels(), whole.labels()),
            &is_free,
            self.judge.config,
        )
    }

    /// The candidates, and what the profiles of these groups of accounts ([`Corroborator::on_infrastructure`]) make of them.
    pub fn beside(&self, mut candidates: Candidates, proposed: &[Vec<u32>]) -> Candidates {
        if proposed.is_empty() {
            return candidates;
        }
        let bound: Vec<u32> =
            proposed.iter().flatten().copied().filter(|&account| !candidates.settled.is_free(account)).collect();
        if !bound.is_empty() {
            let settled = std::mem::take(&mut candidates.settled).without(bound.into_iter());
            candidates = self.redescribed(candidates, settled);
        }
        let groups = groups_of(proposed, self.facts.graph.account_count());
        self.with_free(candidates, groups, Vec::new())
    }

    /// The candidates with those made one that only infrastructure proposed and that are pieces of one network (module
    /// `pieces`); `None` if none are. `flagged`: by candidate, whether its score is over the threshold.
    pub fn joined(&self, candidates: &Candidates, flagged: &[bool]) -> Option<Candidates> {
        let pieces = join_pieces(self.facts, self.judge.classification, candidates, flagged, self.judge.config);
        if pieces.is_empty() {
            return None;
        }
        let Refined { mut groups, standings } = candidates.free.clone();
        for (piece, whole) in pieces {
            let name = candidates.networks[whole].members[0].account;
            // Those that a piece's profile put out stand before that of the whole.
            candidates.networks[piece].members.iter().for_each(|member| groups[member.account as usize] = name);
        }
        Some(self.with_free(candidates.clone(), groups, standings))
    }

    /// The candidates with other groups of free accounts.
    fn with_free(&self, mut candidates: Candidates, groups: Vec<u32>, left: Vec<Option<Standing>>) -> Candidates {
        candidates.free = refine_free(&self.judge, &candidates.settled, groups, left);
        candidates.networks.retain(|network| !network.is_of_infrastructure());
        candidates.networks.extend(self.described(&candidates.free, Origin::Infrastructure));
        candidates.networks.sort_by_key(Candidate::place);
        candidates
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KindRole;
    use crate::candidate::{Fragility, Role};
    use crate::classify::classify_identifiers;
    use crate::config::LinkageConfig;
    use crate::toy::{Touch, Toy, planted};
    use crate::weigh::weigh_sightings;
    use proptest::prelude::*;

    /// Everything in one community, as raw components would have it.
    fn found_in(toy: &Toy, communities: Option<Vec<u32>>) -> Candidates {
        let config = LinkageConfig::default();
        let facts = toy.facts();
        let classification = classify_identifiers(facts, &config.classify);
        let weights = weigh_sightings(facts, &classification, &config.weigh);
        let labels = communities.unwrap_or_else(|| vec![0; toy.graph.vertex_count()]);
        let ties = tied_accounts(facts, &classification, &weights, &config.members);
        let communities = Partition::from_labels(labels);
        let proposals = Proposals { tied: &communities, communities: &[&communities] };
        Corroborator::new(facts, &classification, &weights, &ties, &config.members).candidates(&proposals)
    }

    fn accounts_of(candidate: &Candidate) -> Vec<u32> {
        candidate.members.iter().map(|member| member.account).collect()
    }

    #[test]
    fn the_network_is_found_whole_and_its_customers_fall_out() {
        let (toy, network) = planted(3_000, 300);
        let found = found_in(&toy, None);
        assert_eq!(accounts_of(&found.networks[0]), network.collect::<Vec<_>>());
        // Neighbours at one address with one popular template are no network of their own.
        assert_eq!(found.networks.len(), 1);
        assert!(found.networks[0].members.iter().all(|member| member.role != Role::Ambiguous));
        assert!(found.networks[0].members.iter().all(|member| member.confidence > 0.5));
    }

    #[test]
    fn a_known_good_account_is_never_a_member() {
        let (mut toy, network) = planted(3_000, 300);
        let good: Vec<u32> = network.clone().filter(|account| account % 3 == 0).collect();
        toy.allowed_accounts = (0..toy.graph.account_count() as u32).map(|account| good.contains(&account)).collect();
        let found = found_in(&toy, None);
        let members: Vec<u32> = found.networks.iter().flat_map(accounts_of).collect();
        assert!(good.iter().all(|account| !members.contains(account)));
        assert!(members.len() > 100, "the others are still found: {}", members.len());
        toy.allowed_accounts = vec![true; toy.graph.account_count()];
        assert_eq!(found_in(&toy, None).networks, []);
    }

    #[test]
    fn a_network_that_communities_cut_in_two_stays_one() {
        let (toy, network) = planted(3_000, 300);
        let half = |vertex: u32| u32::from(vertex >= network.start + 150);
        let found = found_in(&toy, Some((0..toy.graph.vertex_count() as u32).map(half).collect()));
        assert_eq!(accounts_of(&found.networks[0]), network.clone().collect::<Vec<_>>());
    }

    #[test]
    fn crowds_that_one_community_lumps_together_do_not_become_one() {
        // Two crowds of forty, with twenty and ten each of forty prompts of their own; and everybody has one of four more, so that
        // the second, which isn't proposed by itself, joins the first.
        let own = |first: u32, prompts: u32, each: u32| {
            (0..40u32).flat_map(move |at| (0..each).map(move |of| (first + at, 0, prompts + (at + of * 40 / each) % 40, 0)))
        };
        let met = (0..80u32).map(|account| (account, 0, 200 + account % 4, 0));
        let strangers =
            (80..400u32).flat_map(|account| (0..20).map(move |of| (account, 0, 1_000 + (account + 2 * of) % 600, 0)));
        let touches: Vec<Touch> = own(0, 0, 20).chain(own(40, 100, 10)).chain(met).chain(strangers).collect();
        let toy = Toy::new(&[KindRole::Template], 400, &touches);
        let found = |partitions: &[Vec<u32>]| {
            let config = LinkageConfig::default();
            let classification = classify_identifiers(toy.facts(), &config.classify);
            let weights = weigh_sightings(toy.facts(), &classification, &config.weigh);
            let ties = Ties::of_rule(toy.facts(), &classification, &weights, &config.members);
            let partitions: Vec<Partition> = partitions.iter().cloned().map(Partition::from_labels).collect();
            let corroborator = Corroborator::new(toy.facts(), &classification, &weights, &ties, &config.members);
            let proposals = Proposals { tied: &partitions[0], communities: &partitions.iter().collect::<Vec<_>>() };
            let of_networks = corroborator.candidates(&proposals).networks;
            of_networks.iter().map(accounts_of).collect::<Vec<_>>()
        };
        let vertices = toy.graph.vertex_count() as u32;
        let apart: Vec<u32> = (0..vertices).map(|at| if at < 80 { at / 40 } else { at }).collect();
        let together: Vec<u32> = (0..vertices).map(|at| if at < 80 { 0 } else { at }).collect();
        let crowds: [Vec<u32>; 2] = [(0..40).collect(), (40..80).collect()];
        assert_eq!(found(&[apart, together.clone()]), crowds);
        // Where no resolution tells them apart, they are one.
        assert_eq!(found(&[together]), [(0..80).collect::<Vec<u32>>()]);
    }

    #[test]
    fn one_identifier_alone_makes_no_network() {
        // Twenty accounts on one card among two thousand that share nothing else.
        let touches: Vec<Touch> =
            (0..2_000).flat_map(|account| [(account, 0, account / 2, 0), (account, 1, account.max(19) - 19, 0)]).collect();
        let toy = Toy::new(&[KindRole::Address, KindRole::Payment], 2_000, &touches);
        let found = found_in(&toy, None);
        // Only those pairs of the twenty that also share an address are tied.
        assert!(found.networks.iter().all(|network| network.members.len() <= 2), "{:?}", found.networks);
    }

    #[test]
    fn the_identifier_that_a_network_hangs_on_is_named() {
        // Five pairs, each with its own address, all on one card: a tie needs both, and without either the pair falls.
        let mut touches: Vec<Touch> =
            (0..1_000).flat_map(|account| [(account, 0, account, 0), (account, 1, account, 0)]).collect();
        touches.extend((0..10).flat_map(|at| [(1_000 + at, 0, 1_000 + at / 2, 0), (1_000 + at, 1, 1_000, 0)]));
        let toy = Toy::new(&[KindRole::Address, KindRole::Payment], 1_010, &touches);
        let found = found_in(&toy, None);
        assert_eq!(found.networks.iter().map(|network| network.members.len()).collect::<Vec<_>>(), [2; 5]);
        for (pair, network) in found.networks.iter().enumerate() {
            // Address and card lose both members; the lower id is named.
            let address = toy.identifier(0, 1_000 + pair as u32).0;
            assert_eq!(network.fragility, Fragility { identifier: Some(address), lost: 2 });
            assert!(network.members.iter().all(|member| member.role == Role::Fringe));
        }
    }

    #[test]
    fn one_thread_and_many_agree() {
        let (toy, _) = planted(2_000, 200);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| found_in(&toy, None))
        };
        assert_eq!(run(1), run(4));
    }

    #[test]
    fn nothing_gives_nothing() {
        let toy = Toy::new(&[KindRole::Address], 3, &[]);
        assert_eq!(found_in(&toy, None).networks, []);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Renaming the accounts renames the members and changes nothing else.
        #[test]
        fn the_order_of_accounts_does_not_matter(
            records in prop::collection::vec((0u32..30, 0u32..40, 0u32..20), 20..60),
            rotation in 1u32..50,
        ) {
            let number = records.len() as u32;
            let rename = |account: u32| (account + rotation) % number;
            let touches = |rename: &dyn Fn(u32) -> u32| -> Vec<Touch> {
                records.iter().enumerate().flat_map(|(at, &(a, b, c))| {
                    let account = rename(at as u32);
                    [(account, 0, a, 0), (account, 1, b, 0), (account, 2, c, 0)]
                }).collect()
            };
            let roles = [KindRole::Other, KindRole::Other, KindRole::Other];
            let plain = found_in(&Toy::new(&roles, number, &touches(&|account| account)), None);
            let renamed = found_in(&Toy::new(&roles, number, &touches(&rename)), None);
            let mut expected: Vec<Vec<u32>> = plain.networks.iter().map(|network| {
                let mut accounts: Vec<u32> = accounts_of(network).into_iter().map(rename).collect();
                accounts.sort_unstable();
                accounts
            }).collect();
            let mut actual: Vec<Vec<u32>> = renamed.networks.iter().map(accounts_of).collect();
            expected.sort();
            actual.sort();
            prop_assert_eq!(expected, actual);
        }
    }
}
