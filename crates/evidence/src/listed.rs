//! What do lists of pairs make of the candidates?
//!
//! People may know that two accounts are one operator's, or that they are not ([`Facts::must`], [`Facts::cannot`]). Evidence
//! proposes, and lists have the last word:
//!
//! 1. *Join*: accounts that must be one and of which at least one is a member of a candidate are all its members; candidates
//!    that they join are one. Lists make no candidate by themselves.
//! 2. *Part*: a candidate with two members that cannot be one is cut between them where least holds it together: the minimum
//!    cut of members and the identifiers they share, each sighting as strong as its identifier's bits. Where one account hangs
//!    on by a little, it leaves; where two pools were taken for one, each keeps its own. Accounts that must be one stay together.
//! 3. *Describe*: what changed is judged anew by ties and profiles, as any group is. An account that must belong and whose own
//!    evidence isn't enough is fringe, with the bits that it has.
//!
//! Known-good accounts belong to nothing, whatever a list joins them to. Of the two sides of a minimum cut the one around the
//! account with less to hold it is the smallest there is, so the answer depends on no order. Cost: O(accounts + sightings of the
//! candidates that change) and, for each pair to be parted, a search of the candidate for each path that the flow takes (Edmonds
//! & Karp 1972, doi:10.1145/321694.321699).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use graph::{AccountId, DisjointSets, NONE_U32};

use crate::Facts;
use crate::candidate::{Candidate, Member, Origin, Role};
use crate::members::Corroborator;
use crate::ties::TieRule;

/// Capacity of a sighting for each bit of its identifier.
const UNITS_A_BIT: f64 = 256.0;

/// Candidates that lists made one, as accounts.
#[derive(Default)]
struct Whole {
    /// Their places.
    places: Vec<usize>,
    accounts: BTreeSet<u32>,
    changed: bool,
}

impl Corroborator<'_> {
    /// The candidates as lists have them, in their order; `None` if they change nothing.
    pub fn as_listed(&self, networks: &[Candidate]) -> Option<Vec<Candidate>> {
        let facts = self.facts;
        if facts.must.is_empty() && facts.cannot.is_empty() {
            return None;
        }
        let good = |&&(one, other): &&(u32, u32)| !facts.is_allowed_account(one) && !facts.is_allowed_account(other);
        let must: Vec<(u32, u32)> = facts.must.iter().filter(good).copied().collect();
        let mut ones = DisjointSets::new(facts.graph.account_count());
        for &(one, other) in &must {
            ones.join(one, other);
        }
        let listed: BTreeSet<u32> = must.iter().flat_map(|&(one, other)| [one, other]).collect();
        let mut wholes = joined(networks, &listed, &mut ones);
        let mut cannot = Apart::new();
        for &(one, other) in facts.cannot {
            cannot.entry(one).or_default().insert(other);
            cannot.entry(other).or_default().insert(one);
        }
        let mut parts: Vec<(usize, Vec<u32>)> = Vec::new();
        for (at, whole) in wholes.iter_mut().enumerate() {
            let others = |&one: &u32| apart_from(&cannot, one).filter(move |&other| other > one).map(move |other| (one, other));
            let pairs = whole.accounts.iter().flat_map(others).filter(|pair| whole.accounts.contains(&pair.1));
            let pairs: Vec<(u32, u32)> = pairs.collect();
            let near = || whole.places.iter().flat_map(|&place| ambiguous(&networks[place]));
            let touched = near().any(|member| is_apart(&cannot, member.account, &whole.accounts));
            whole.changed |= !pairs.is_empty() || touched;
            if !whole.changed {
                continue;
            }
            let mut of_whole = vec![whole.accounts.iter().copied().collect::<Vec<u32>>()];
            for pair in pairs {
                let held = |part: &Vec<u32>| [pair.0, pair.1].iter().all(|account| part.binary_search(account).is_ok());
                if let Some(part) = of_whole.iter().position(held) {
                    let (leaves, stays) = part_of(facts, &self.ties.rule, &of_whole.swap_remove(part), pair, &mut ones);
                    of_whole.extend([stays, leaves]);
                }
            }
            parts.extend(of_whole.into_iter().map(|part| (at, part)));
        }
        if parts.is_empty() {
            return None;
        }
        let same = wholes.iter().filter(|whole| !whole.changed).flat_map(|whole| whole.places.iter().copied());
        let mut found: Vec<Candidate> = same.map(|place| networks[place].clone()).collect();
        // Whoever a list puts elsewhere no longer touches these.
        let taken: BTreeSet<u32> = parts.iter().flat_map(|(_, part)| part.iter().copied()).collect();
        for network in &mut found {
            network.members.retain(|member| member.role != Role::Ambiguous || !taken.contains(&member.account));
        }
        found.extend(self.judged(networks, &wholes, &parts, (&listed, &taken, &cannot)));
        found.sort_by_key(Candidate::place);
        Some(found)
    }

    /// The parts of wholes that changed, as candidates.
    fn judged(
        &self,
        networks: &[Candidate],
        wholes: &[Whole],
        parts: &[(usize, Vec<u32>)],
        (listed, taken, cannot): (&BTreeSet<u32>, &BTreeSet<u32>, &Apart),
    ) -> Vec<Candidate> {
        let account_count = self.facts.graph.account_count();
        let mut groups = vec![NONE_U32; account_count];
        for (_, part) in parts {
            part.iter().for_each(|&account| groups[account as usize] = part[0]);
        }
        let (refined, holdings) = self.as_grouped(groups);
        let mut largest: BTreeMap<usize, (usize, std::cmp::Reverse<u32>)> = BTreeMap::new();
        for (whole, part) in parts {
            let size = (part.len(), std::cmp::Reverse(part[0]));
            largest.entry(*whole).and_modify(|most| *most = size.max(*most)).or_insert(size);
        }
        let least = self.judge.config.network_size.max(2) as usize;
        let describe = |(at, part): &(usize, Vec<u32>)| {
            let whole = &wholes[*at];
            let mut origins = whole.places.iter().map(|&place| networks[place].origin);
            let origin = origins.next().filter(|first| origins.all(|other| other == *first)).unwrap_or(Origin::Common);
            let mut network = self.candidate_of(&refined, &holdings, part, origin);
            for member in network.members.iter_mut().filter(|member| member.role == Role::Ambiguous) {
                // Whom turns tied is tied still.
                let known = whole.places.iter().find_map(|&place| networks[place].member(member.account));
                match known.filter(|known| known.role == Role::Fringe && known.bits > member.bits) {
                    Some(known) => *member = *known,
                    None if listed.contains(&member.account) => member.role = Role::Fringe,
                    None => {}
                }
            }
            if largest[at].1.0 == part[0] {
                let inside: BTreeSet<u32> = part.iter().copied().collect();
                let near = whole.places.iter().flat_map(|&place| ambiguous(&networks[place]));
                let near = near.filter(|member| !taken.contains(&member.account));
                network.members.extend(near.filter(|member| !is_apart(cannot, member.account, &inside)).copied());
                network.members.sort_unstable_by_key(|member| member.account);
            }
            network
        };
        let large = parts.iter().filter(|(_, part)| part.len() >= least);
        large.map(describe).filter(|network| network.accounts().count() >= least).collect()
    }
}

fn ambiguous(network: &Candidate) -> impl Iterator<Item = &Member> {
    network.members.iter().filter(|member| member.role == Role::Ambiguous)
}

/// Of accounts that cannot be one with some others, those others.
type Apart = BTreeMap<u32, BTreeSet<u32>>;

/// The accounts that one cannot be one with, ascending.
fn apart_from(cannot: &Apart, account: u32) -> impl Iterator<Item = u32> + '_ {
    cannot.get(&account).into_iter().flatten().copied()
}

/// Whether an account cannot be one with any of these.
fn is_apart(cannot: &Apart, account: u32, accounts: &BTreeSet<u32>) -> bool {
    apart_from(cannot, account).any(|other| accounts.contains(&other))
}

/// Candidates with those made one that accounts join which must be one, in the order of their first.
fn joined(networks: &[Candidate], listed: &BTreeSet<u32>, ones: &mut DisjointSets) -> Vec<Whole> {
    let mut home = vec![NONE_U32; ones.member_count()];
    for (place, network) in (0u32..).zip(networks) {
        network.accounts().for_each(|account| home[account as usize] = place);
    }
    let mut of_one: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for &account in listed {
        of_one.entry(ones.root_of(account)).or_default().push(account);
    }
    let mut hosts = DisjointSets::new(networks.len());
    let mut joining: Vec<(u32, u32)> = Vec::new();
    for accounts in of_one.values() {
        let homes: BTreeSet<u32> =
            accounts.iter().map(|&account| home[account as usize]).filter(|&home| home != NONE_U32).collect();
        let Some(&host) = homes.first() else { continue };
        for other in homes {
            hosts.join(host, other);
        }
        joining.extend(accounts.iter().filter(|&&account| home[account as usize] == NONE_U32).map(|&account| (host, account)));
    }
    let mut wholes: BTreeMap<u32, Whole> = BTreeMap::new();
    for (place, network) in networks.iter().enumerate() {
        let whole = wholes.entry(hosts.root_of(place as u32)).or_default();
        whole.places.push(place);
        whole.accounts.extend(network.accounts());
        whole.changed |= whole.places.len() > 1;
    }
    for (host, account) in joining {
        let whole = wholes.entry(hosts.root_of(host)).or_default();
        whole.accounts.insert(account);
        whole.changed = true;
    }
    wholes.into_values().collect()
}

/// The two sides of a part between two of its accounts: what leaves, around the one with less to hold it, and what stays. Both
/// ascending. `ones`: accounts that must be one, as a union-find.
fn part_of(
    facts: Facts<'_>,
    rule: &TieRule<'_>,
    part: &[u32],
    pair: (u32, u32),
    ones: &mut DisjointSets,
) -> (Vec<u32>, Vec<u32>) {
    // Vertices: first those that must be one, then identifiers.
    let mut vertex_of: BTreeMap<u32, u32> = BTreeMap::new();
    let mut of_account: Vec<u32> = Vec::with_capacity(part.len());
    for &account in part {
        let next = vertex_of.len() as u32;
        of_account.push(*vertex_of.entry(ones.root_of(account)).or_insert(next));
    }
    let mut sightings: Vec<(u32, u32)> = Vec::new();
    for (&account, &vertex) in part.iter().zip(&of_account) {
        let said = facts.graph.identifiers_of(AccountId(account)).iter().filter(|&&identifier| rule.says(identifier));
        sightings.extend(said.map(|&identifier| (identifier, vertex)));
    }
    sightings.sort_unstable();
    let (mut flow, mut held) = (Flow::default(), vec![0u64; vertex_of.len()]);
    let mut identifiers = vertex_of.len() as u32;
    for of_identifier in sightings.chunk_by(|left, right| left.0 == right.0) {
        if of_identifier.iter().all(|sighting| sighting.1 == of_identifier[0].1) {
            continue;
        }
        let units = (rule.surprise(of_identifier[0].0) * UNITS_A_BIT).round().max(1.0) as u64;
        for &(_, vertex) in of_identifier {
            flow.edges.push((vertex, identifiers, units));
            held[vertex as usize] += units;
        }
        identifiers += 1;
    }
    let vertex = |account: u32| of_account[part.partition_point(|&other| other < account)];
    let (one, other) = (vertex(pair.0), vertex(pair.1));
    let from_one = (held[one as usize], other) < (held[other as usize], one);
    let (from, to) = if from_one { (one, other) } else { (other, one) };
    let leaves = flow.side_of(identifiers as usize, from, to);
    let sides = part.iter().zip(&of_account).partition::<Vec<(&u32, &u32)>, _>(|&(_, &vertex)| leaves[vertex as usize]);
    let accounts = |side: Vec<(&u32, &u32)>| side.into_iter().map(|(&account, _)| account).collect();
    (accounts(sides.0), accounts(sides.1))
}

/// An undirected network of capacities.
#[derive(Default)]
struct Flow {
    /// Ends and capacity.
    edges: Vec<(u32, u32, u64)>,
}

impl Flow {
    /// By vertex: whether it is on the source's side of the minimum cut whose side is smallest.
    fn side_of(&self, vertices: usize, source: u32, target: u32) -> Vec<bool> {
        let mut starts = vec![0u32; vertices + 1];
        for &(one, other, _) in &self.edges {
            starts[one as usize + 1] += 1;
            starts[other as usize + 1] += 1;
        }
        (0..vertices).for_each(|vertex| starts[vertex + 1] += starts[vertex]);
        // Arc 2e leads from the first end of edge e to the second, arc 2e + 1 back.
        let (mut next, mut arcs) = (starts.clone(), vec![0u32; 2 * self.edges.len()]);
        for (edge, &(one, other, _)) in (0u32..).zip(&self.edges) {
            for (end, arc) in [(one, 2 * edge), (other, 2 * edge + 1)] {
                arcs[next[end as usize] as usize] = arc;
                next[end as usize] += 1;
            }
        }
        let mut left: Vec<u64> = self.edges.iter().flat_map(|edge| [edge.2, edge.2]).collect();
        let head = |arc: u32| {
            let (one, other, _) = self.edges[arc as usize / 2];
            if arc.is_multiple_of(2) { other } else { one }
        };
        loop {
            let mut by: Vec<u32> = vec![NONE_U32; vertices];
            let mut seen = vec![false; vertices];
            seen[source as usize] = true;
            let mut open = VecDeque::from([source]);
            while let Some(vertex) = open.pop_front().filter(|_| !seen[target as usize]) {
                for &arc in &arcs[starts[vertex as usize] as usize..starts[vertex as usize + 1] as usize] {
                    let reached = head(arc) as usize;
                    if left[arc as usize] > 0 && !seen[reached] {
                        (seen[reached], by[reached]) = (true, arc);
                        open.push_back(reached as u32);
                    }
                }
            }
            if !seen[target as usize] {
                return seen;
            }
            let mut path = Vec::new();
            let mut at = target;
            while at != source {
                path.push(by[at as usize]);
                at = head(by[at as usize] ^ 1);
            }
            let most = path.iter().map(|&arc| left[arc as usize]).min().unwrap_or(0);
            for arc in path {
                left[arc as usize] -= most;
                left[arc as usize ^ 1] += most;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::classify_identifiers;
    use crate::config::LinkageConfig;
    use crate::members::{Proposals, tied_accounts};
    use crate::toy::{Toy, planted};
    use crate::weigh::weigh_sightings;
    use graph::Partition;
    use proptest::prelude::*;

    /// What is asked of the candidates that a toy has before lists are looked at.
    fn of_candidates<T>(toy: &Toy, ask: impl FnOnce(&Corroborator<'_>, Vec<Candidate>) -> T) -> T {
        let config = LinkageConfig::default();
        let facts = toy.facts();
        let classification = classify_identifiers(facts, &config.classify);
        let weights = weigh_sightings(facts, &classification, &config.weigh);
        let ties = tied_accounts(facts, &classification, &weights, &config.members);
        let communities = Partition::from_labels(vec![0; toy.graph.vertex_count()]);
        let proposals = Proposals { tied: &communities, communities: &[&communities] };
        let corroborator = Corroborator::new(facts, &classification, &weights, &ties, &config.members);
        let before = corroborator.candidates(&proposals).networks;
        ask(&corroborator, before)
    }

    /// Members of each candidate as lists have them, and before.
    fn found(toy: &Toy) -> (Vec<Vec<u32>>, Vec<Vec<u32>>) {
        let accounts = |network: &Candidate| network.accounts().collect::<Vec<u32>>();
        of_candidates(toy, |corroborator, before| {
            let after = corroborator.as_listed(&before).unwrap_or_else(|| before.clone());
            (after.iter().map(accounts).collect(), before.iter().map(accounts).collect())
        })
    }

    #[test]
    fn whom_turns_tie_stays_whatever_lists_say_of_others() {
        let (mut toy, network) = planted(3_000, 300);
        toy.must = vec![(1, network.start)];
        of_candidates(&toy, |corroborator, mut before| {
            let by_turns = Member::of_odds(0, Role::Fringe, 9.0);
            before[0].members.insert(0, by_turns);
            let after = corroborator.as_listed(&before).expect("a list that says something");
            assert_eq!(after[0].members[0], by_turns);
            assert_eq!(after[0].accounts().count(), 302);
        });
    }

    #[test]
    fn lists_have_the_last_word_on_who_belongs() {
        let (mut toy, network) = planted(3_000, 300);
        let (first, last) = (network.start, network.end - 1);
        assert_eq!(found(&toy).0, [network.clone().collect::<Vec<_>>()]);
        // A stranger that must be one with a member is a member; two strangers make no candidate.
        toy.must = vec![(0, first), (1, 2)];
        let with_stranger: Vec<u32> = std::iter::once(0).chain(network.clone()).collect();
        assert_eq!(found(&toy).0, [with_stranger]);
        // ... unless it is known-good.
        toy.allowed_accounts = (0..toy.graph.account_count()).map(|account| account == 0).collect();
        assert_eq!(found(&toy).0, [network.clone().collect::<Vec<_>>()]);
        // Of two members that cannot be one, one leaves, and takes along whom it must be one with.
        toy.must = vec![(last, last - 1)];
        toy.cannot = vec![(last, first)];
        let (after, _) = found(&toy);
        let together = |one: u32, other: u32| after.iter().any(|part| part.contains(&one) && part.contains(&other));
        assert!(!together(first, last) && after[0].len() >= 297, "{:?}", after.iter().map(Vec::len).collect::<Vec<_>>());
        assert_eq!(after[0].contains(&last), after[0].contains(&(last - 1)));
    }

    #[test]
    fn whoever_a_list_puts_into_one_candidate_touches_no_other() {
        let (mut toy, network) = planted(3_000, 300);
        toy.must = vec![(0, network.start)];
        let touching = of_candidates(&toy, |corroborator, networks| {
            let member = |account, role| Member { account, role, ..networks[0].members[0] };
            let others = (10..20).map(|account| member(account, Role::Core)).chain([member(0, Role::Ambiguous)]);
            let mut other = Candidate { members: others.collect(), ..networks[0].clone() };
            other.members.sort_unstable_by_key(|member| member.account);
            let found = corroborator.as_listed(&[networks[0].clone(), other]).expect("the list changes the first");
            found.iter().filter(|network| network.members.iter().any(|member| member.account == 0)).count()
        });
        assert_eq!(touching, 1);
    }

    #[test]
    fn two_pools_that_were_taken_for_one_are_parted_between_them() {
        // Two rings of four with heavy edges, and one light bridge.
        let ring = |at: u32| (0..4).map(move |step| (at + step, at + (step + 1) % 4, 10));
        let flow = Flow { edges: ring(0).chain(ring(4)).chain([(2, 6, 3)]).collect() };
        assert_eq!(flow.side_of(8, 0, 5), [true, true, true, true, false, false, false, false]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Against all cuts of small graphs.
        #[test]
        fn the_cut_is_the_least_and_its_side_the_smallest(edges in prop::collection::vec((0u32..7, 0u32..7, 1u64..9), 1..16)) {
            let edges: Vec<(u32, u32, u64)> = edges.into_iter().filter(|edge| edge.0 != edge.1).collect();
            let across = |side: u32| -> u64 {
                edges.iter().filter(|edge| (side >> edge.0 & 1) != (side >> edge.1 & 1)).map(|edge| edge.2).sum()
            };
            let sides = || (0u32..128).filter(|side| side & 1 == 1 && side >> 6 & 1 == 0);
            let least = sides().map(across).min().unwrap();
            let smallest = sides().filter(|&side| across(side) == least).fold(127, |all, side| all & side);
            let found = Flow { edges: edges.clone() }.side_of(7, 0, 6);
            let found = (0..7).filter(|&vertex| found[vertex as usize]).fold(0u32, |side, vertex| side | 1 << vertex);
            prop_assert_eq!(found, smallest);
        }
    }
}
