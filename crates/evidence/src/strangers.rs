//! Which parts of a group have nothing to do with each other?
//!
//! Candidates are put together by chains: a crowd with one prompt set and the customers of one gateway become one by the few who
//! are both. Parts of a group, in different communities, belong together if accounts of one share as much with accounts of the
//! other, of what the group keeps to itself, as accounts of one part do with each other (module `interlock`).
//!
//! Only parts that hang together by themselves, and have `profile_size` accounts, are anybody's host: so what every two parts
//! share is counted of pairs with one of these. A large pool may have one part for each account, which would be the square of
//! them.
//!
//! Cost: O(sightings), and for each identifier that a group keeps to itself the pairs of its parts of which one stands, up to
//! [`PAIRS_OF_IDENTIFIER`] each and [`PAIRS_OF_PARTS`] together.

use ahash::AHashMap;
use graph::{DisjointSets, IdentifierId, NONE_U32};
use rayon::prelude::*;

use crate::Facts;
use crate::classify::Classification;
use crate::config::MemberConfig;
use crate::holdings::{hold, sizes_of};
use crate::interlock::{LEAST_INTERLOCK, is_exclusive};

/// Identifiers that one task takes at least.
const TASK: usize = 64;
/// Pairs of parts that are counted at most, once for each identifier that they share.
const PAIRS_OF_PARTS: usize = 1 << 27;
/// An identifier of more pairs of parts, as of 4,096 of which all stand, isn't counted: it would take the place of most others.
const PAIRS_OF_IDENTIFIER: usize = 1 << 24;

/// Which parts of a group stay though they don't hang together pair by pair.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loose {
    /// Those of so few accounts.
    pub(crate) few: u32,
    /// Those that share so much with a part that does, of what two accounts of that one share.
    pub(crate) share: f64,
}

/// Takes groups apart whose parts, in different communities, have nothing to do with each other: a crowd with one prompt set
/// and the customers of one gateway, put together by the few who are both. Parts that hang together pair by pair stay in one
/// group if two accounts of different parts share at least `part_share` of what two accounts of the less interlocked part do;
/// any other part stays with the one that it shares most with, as `loose` has it. A group without any such part hangs together by
/// chains, and is left as it is.
pub(crate) fn separate_strangers(
    facts: Facts<'_>,
    classification: &Classification,
    communities: &[u32],
    groups: &mut [u32],
    config: &MemberConfig,
    loose: Loose,
) {
    let mut rows: Vec<(u32, u32, u32)> = (0..groups.len())
        .filter(|&account| groups[account] != NONE_U32)
        .map(|account| (groups[account], communities[account], account as u32))
        .collect();
    rows.sort_unstable();
    // Parts are named by their smallest account.
    let mut parts = vec![NONE_U32; groups.len()];
    for part in rows.chunk_by(|left, right| (left.0, left.1) == (right.0, right.1)) {
        part.iter().for_each(|&(.., account)| parts[account as usize] = part[0].2);
    }
    let sizes = sizes_of(&parts);
    let shares = Shares::new(facts, classification, groups, &parts, config);
    let own = shares.own(&sizes);
    let stands = |part: u32| sizes[part as usize] >= config.profile_size && own[part as usize] >= LEAST_INTERLOCK;
    let mut joined = DisjointSets::new(groups.len());
    // By part that doesn't stand: the host that it shares most with, and how much of what that one's accounts share.
    let mut best: AHashMap<u32, (u32, f64)> = AHashMap::new();
    for ((left, right), between) in shares.with_standing(&sizes, stands) {
        let (host, part) = if stands(left) { (left, right) } else { (right, left) };
        if stands(part) {
            if between >= config.part_share * own[left as usize].min(own[right as usize]) {
                joined.join(left, right);
            }
            continue;
        }
        let share = between / own[host as usize];
        let most = best.entry(part).or_insert((host, share));
        if share > most.1 || (share == most.1 && host < most.0) {
            *most = (host, share);
        }
    }
    for of_group in rows.chunk_by(|left, right| left.0 == right.0) {
        let mut names: Vec<u32> = of_group.iter().map(|&(.., account)| parts[account as usize]).collect();
        names.sort_unstable();
        names.dedup();
        let (standing, others): (Vec<u32>, Vec<u32>) = names.into_iter().partition(|&part| stands(part));
        // Without any share to reach, those that share nothing are one as well.
        let as_one = if standing.is_empty() { &others } else { &standing };
        if standing.is_empty() || config.part_share == 0.0 {
            as_one.windows(2).for_each(|pair| {
                joined.join(pair[0], pair[1]);
            });
        }
        for &part in others.iter().filter(|_| !standing.is_empty()) {
            let (host, share) = best.get(&part).copied().unwrap_or((standing[0], 0.0));
            if sizes[part as usize] <= loose.few || share >= loose.share {
                joined.join(part, host);
            }
        }
    }
    for (account, group) in groups.iter_mut().enumerate().filter(|(_, group)| **group != NONE_U32) {
        *group = joined.root_of(parts[account]);
    }
}

/// (group, part, accounts of the part) of one identifier, ascending.
type Holders = Vec<(u32, u32, u32)>;

/// Who has the identifiers that are exclusive to a group, by its parts.
struct Shares {
    /// Of each such identifier.
    held: Vec<Holders>,
}

impl Shares {
    fn new(facts: Facts<'_>, classification: &Classification, groups: &[u32], parts: &[u32], config: &MemberConfig) -> Shares {
        let of_groups = hold(facts, classification, groups);
        // A part's accounts may be few of an identifier's, as those of one card are among all who use an exit: a share that is
        // notable for a group isn't asked of parts.
        let of_identifier = |identifier: u32| -> Holders {
            let owners: Vec<u32> = of_groups
                .of(identifier)
                .iter()
                .filter(|&&(_, held)| is_exclusive(facts, identifier, held, config))
                .map(|&(group, _)| group)
                .collect();
            if owners.is_empty() {
                return Vec::new();
            }
            let accounts = facts.graph.accounts_of(IdentifierId(identifier)).iter().map(|&account| account as usize);
            let owned = accounts.filter(|&account| owners.contains(&groups[account]));
            let mut rows: Vec<(u32, u32)> = owned.map(|account| (groups[account], parts[account])).collect();
            rows.sort_unstable();
            rows.chunk_by(|left, right| left == right).map(|run| (run[0].0, run[0].1, run.len() as u32)).collect()
        };
        let identifiers = 0..facts.graph.identifier_count() as u32;
        let held = identifiers.into_par_iter().with_min_len(TASK).map(of_identifier).filter(|rows| !rows.is_empty());
        Shares { held: held.collect() }
    }

    /// By part: the identifiers that two of its accounts share.
    fn own(&self, sizes: &[u32]) -> Vec<f64> {
        let mut shared = vec![0u64; sizes.len()];
        for &(_, part, held) in self.held.iter().flatten() {
            shared[part as usize] += u64::from(held) * u64::from(held - 1);
        }
        let mean = |(&size, shared): (&u32, u64)| shared as f64 / (f64::from(size) * (f64::from(size) - 1.0).max(1.0)).max(1.0);
        sizes.iter().zip(shared).map(mean).collect()
    }

    /// By (part, part) of one group, of which one or both stand: the identifiers that an account of the one shares with an
    /// account of the other; pairs that share none are left out. So is what has more than [`PAIRS_OF_IDENTIFIER`] such pairs
    /// itself; where the others have more than [`PAIRS_OF_PARTS`] together, some are left out, evenly, and the numbers are of
    /// those that stay.
    fn with_standing(&self, sizes: &[u32], stands: impl Fn(u32) -> bool) -> AHashMap<(u32, u32), f64> {
        let of_group = |rows: &[(u32, u32, u32)]| rows.len() * rows.iter().filter(|row| stands(row.1)).count();
        let pairs_of = |rows: &Holders| rows.chunk_by(|left, right| left.0 == right.0).map(of_group).sum::<usize>();
        let numbers = self.held.iter().map(|rows| (rows, pairs_of(rows)));
        let counted: Vec<(&Holders, usize)> = numbers.filter(|&(_, pairs)| pairs > 0 && pairs <= PAIRS_OF_IDENTIFIER).collect();
        let stride = counted.iter().map(|&(_, pairs)| pairs).sum::<usize>().div_ceil(PAIRS_OF_PARTS).max(1);
        // (part, part, pairs of accounts that share an identifier).
        let mut shared: AHashMap<(u32, u32), u64> = AHashMap::new();
        for (rows, _) in counted.into_iter().step_by(stride) {
            for of_group in rows.chunk_by(|left, right| left.0 == right.0) {
                for &(_, host, one) in of_group.iter().filter(|row| stands(row.1)) {
                    for &(_, part, other) in of_group.iter().filter(|row| row.1 > host || (row.1 < host && !stands(row.1))) {
                        *shared.entry((host.min(part), host.max(part))).or_default() += u64::from(one) * u64::from(other);
                    }
                }
            }
        }
        let pairs = |(left, right): (u32, u32)| f64::from(sizes[left as usize]) * f64::from(sizes[right as usize]);
        shared.into_iter().map(|(pair, shared)| (pair, (shared * stride as u64) as f64 / pairs(pair))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KindRole;
    use crate::classify::classify_identifiers;
    use crate::config::LinkageConfig;
    use crate::interlock::crowds;
    use crate::toy::{Touch, Toy};

    fn separated(toy: &Toy, communities: &[u32], mut groups: Vec<u32>) -> Vec<u32> {
        let config = LinkageConfig::default();
        let classification = classify_identifiers(toy.facts(), &config.classify);
        separate_strangers(
            toy.facts(),
            &classification,
            communities,
            &mut groups,
            &config.members,
            Loose { few: 0, share: 0.02 },
        );
        groups
    }

    #[test]
    fn two_crowds_in_one_group_are_taken_apart() {
        let (toy, communities) = crowds();
        // The first community and the tool's users.
        let mut groups = vec![NONE_U32; 320];
        groups[..80].fill(0);
        let after = separated(&toy, &communities, groups);
        assert!(after[..40].iter().all(|&group| group == 0));
        assert!(after[40..80].iter().all(|&group| group == 40), "{after:?}");
    }

    #[test]
    fn one_operator_in_two_communities_stays_one() {
        let (toy, mut communities) = crowds();
        communities[20..40].fill(9);
        let mut groups = vec![NONE_U32; 320];
        groups[..40].fill(0);
        assert_eq!(separated(&toy, &communities, groups.clone()), groups);
    }

    #[test]
    fn the_accounts_of_one_card_belong_together_with_those_whom_they_meet_on_large_exits() {
        // 640 accounts, sixteen to a card, each on 40 of 160 exits: four of a card are among the 160 of an exit.
        let touches: Vec<Touch> = (0..640u32)
            .flat_map(|account| {
                let exits = (0..40).map(move |at| (account, 0, (account * 7 + at * 4) % 160, 0));
                exits.chain([(account, 1, 160 + account / 16, 0)])
            })
            .collect();
        let toy = Toy::new(&[KindRole::Address, KindRole::Payment], 640, &touches);
        let cards: Vec<u32> = (0..640).map(|account| account / 16 * 16).collect();
        assert_eq!(separated(&toy, &cards, vec![0; 640]), vec![0; 640]);
    }

    #[test]
    fn a_chain_is_left_as_it_is() {
        // Each account shares one identifier with the next.
        let touches: Vec<Touch> = (0..40).flat_map(|at| [(at, 0, at, 0), (at, 0, at + 1, 0)]).collect();
        let toy = Toy::new(&[KindRole::Payment], 40, &touches);
        let communities: Vec<u32> = (0..40).map(|account| account / 20).collect();
        assert_eq!(separated(&toy, &communities, vec![0; 40]), vec![0; 40]);
    }
}
