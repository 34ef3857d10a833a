//! Which group do the identifiers of each account speak for?
//!
//! Step 3 of [`crate::members`], round by round until nothing changes. What a round says of an account depends on its own
//! group, and on who else has its identifiers; so from the second round on only those are asked again whose answer can differ:
//!
//! 1. *Moved*: accounts that the last round gave another group. The groups that they left and joined are *changed*.
//! 2. *Recount* the identifiers of those that moved ([`Holdings::recounted`]).
//! 3. *Ask* the accounts of changed groups, and every account with two identifiers (one, if one could be enough for anybody: see
//!    [`fewest`]) that changed groups without a profile hold a notable share of, before or after; what a group with a profile
//!    says of others is not heard. All other accounts keep their group: of their own nothing is new, and a new one would need
//!    more than they have.
//!
//! Cost: O(sightings) for the first round; then the sightings of those asked, and a bit for each of the others.

use fixedbitset::FixedBitSet;
use graph::{AccountId, IdentifierId, NONE_U32};
use rayon::prelude::*;

use crate::Facts;
use crate::classify::Classification;
use crate::config::MemberConfig;
use crate::holdings::{Holdings, hold};
use crate::terms::Tie;
use crate::ties::TieRule;

/// Lets accounts move between groups until nobody does, at most `rounds` times.
pub(crate) fn settle(
    facts: Facts<'_>,
    rule: &TieRule<'_>,
    classification: &Classification,
    mut groups: Vec<u32>,
    config: &MemberConfig,
) -> Vec<u32> {
    let mut holdings = hold(facts, classification, &groups);
    let mut asked = Asked::everybody(facts);
    let fewest = fewest(facts, rule, config.profile_size);
    for _ in 0..config.rounds {
        let next = reassign(facts, rule, &groups, &holdings, &asked, config.profile_size);
        if next == groups {
            break;
        }
        let moved: FixedBitSet = (0..groups.len()).filter(|&account| groups[account] != next[account]).collect();
        let counted = holdings.recounted(facts, classification, &next, &identifiers_of(facts, &moved));
        asked = Asked::after(facts, rule, (&groups, &holdings), (&next, &counted), (config.profile_size, fewest));
        (groups, holdings) = (next, counted);
    }
    groups
}

/// Whose group may be another one in the next round.
struct Asked {
    accounts: FixedBitSet,
    /// Everybody who has so many of these.
    identifiers: FixedBitSet,
    fewest: usize,
}

/// How many identifiers it takes, at least, to join a group without a profile: two if even the most surprising one, on as many
/// members as such a group can have, is not accepted alone.
fn fewest(facts: Facts<'_>, rule: &TieRule<'_>, profile_size: u32) -> usize {
    let all = (0..facts.graph.identifier_count() as u32).into_par_iter().with_min_len(4096);
    let most = all.filter(|&identifier| rule.says(identifier)).map(|identifier| rule.surprise(identifier));
    let most = most.reduce(|| 0.0, f64::max) + f64::from(profile_size.max(1)).log2();
    let alone = rule.joining(Tie { bits: most, corroborated: false }, false);
    if rule.accepts(&alone, profile_size) { 1 } else { 2 }
}

impl Asked {
    fn everybody(facts: Facts<'_>) -> Self {
        let mut accounts = FixedBitSet::with_capacity(facts.graph.account_count());
        accounts.insert_range(..);
        Asked { accounts, identifiers: FixedBitSet::with_capacity(facts.graph.identifier_count()), fewest: 1 }
    }

    /// After accounts moved: groups and holdings before and now.
    fn after(
        facts: Facts<'_>,
        rule: &TieRule<'_>,
        (groups, holdings): (&[u32], &Holdings),
        (next, counted): (&[u32], &Holdings),
        (profile_size, fewest): (u32, usize),
    ) -> Self {
        let moves = groups.iter().zip(next).filter(|(before, now)| before != now);
        let mut changed = FixedBitSet::with_capacity(groups.len());
        for group in moves.flat_map(|(&before, &now)| [before, now]).filter(|&group| group != NONE_U32) {
            changed.insert(group as usize);
        }
        // Those that have left all groups have changed theirs, too.
        let of_changed = |&account: &usize| {
            let (before, now) = (groups[account], next[account]);
            before != now || (now != NONE_U32 && changed.contains(now as usize))
        };
        let accounts: FixedBitSet = (0..groups.len()).filter(of_changed).collect();
        let is_heard = |group: usize| [holdings, counted].iter().any(|held| held.sizes[group] < profile_size);
        let heard: FixedBitSet = changed.ones().filter(|&group| is_heard(group)).collect();
        let names_heard = |holdings: &Holdings, identifier: u32| {
            holdings.of(identifier).iter().any(|&(group, _)| heard.contains(group as usize))
        };
        let counts_anew = |&identifier: &u32| {
            rule.says(identifier) && (names_heard(holdings, identifier) || names_heard(counted, identifier))
        };
        let all = (0..facts.graph.identifier_count() as u32).into_par_iter().with_min_len(4096);
        let anew: Vec<u32> = all.filter(counts_anew).collect();
        let identifiers = anew.into_iter().map(|identifier| identifier as usize).collect();
        Asked { accounts, identifiers, fewest }
    }

    fn contains(&self, facts: Facts<'_>, account: u32) -> bool {
        let row = facts.graph.identifiers_of(AccountId(account)).iter();
        self.accounts.contains(account as usize)
            || row.filter(|&&identifier| self.identifiers.contains(identifier as usize)).nth(self.fewest - 1).is_some()
    }
}

/// The identifiers of some accounts.
fn identifiers_of(facts: Facts<'_>, accounts: &FixedBitSet) -> FixedBitSet {
    let mut identifiers = FixedBitSet::with_capacity(facts.graph.identifier_count());
    for account in accounts.ones() {
        let row = facts.graph.identifiers_of(AccountId(account as u32));
        row.iter().for_each(|&identifier| identifiers.insert(identifier as usize));
    }
    identifiers
}

/// The (group, identifier, bits) of one account's identifiers that speak for one of the groups `heard`, ascending.
pub(crate) fn ballots(
    facts: Facts<'_>,
    rule: &TieRule<'_>,
    groups: &[u32],
    holdings: &Holdings,
    account: u32,
    heard: impl Fn(u32) -> bool,
    out: &mut Vec<(u32, u32, f64)>,
) {
    out.clear();
    let home = groups[account as usize];
    for &identifier in facts.graph.identifiers_of(AccountId(account)) {
        let holdings_here = holdings.of(identifier);
        if holdings_here.is_empty() || !rule.says(identifier) {
            continue;
        }
        for &(group, held) in holdings_here.iter().filter(|&&(group, _)| heard(group)) {
            let degree = facts.graph.identifier_degree(IdentifierId(identifier)) as u32;
            // The account's own sighting doesn't speak for the account.
            let own = u32::from(group == home);
            let (held, size) = (held - own, holdings.sizes[group as usize] - own);
            let bits = rule.membership_bits(identifier, held, size, degree - 1);
            if bits > 0.0 {
                out.push((group, identifier, bits));
            }
        }
    }
    out.sort_unstable_by_key(|&(group, identifier, _)| (group, identifier));
}

/// The group that each account's identifiers speak for most, if they say enough; of those not asked the one they have.
fn reassign(
    facts: Facts<'_>,
    rule: &TieRule<'_>,
    groups: &[u32],
    holdings: &Holdings,
    asked: &Asked,
    profile_size: u32,
) -> Vec<u32> {
    (0..facts.graph.account_count() as u32)
        .into_par_iter()
        .with_min_len(1024)
        .map_init(Vec::new, |out: &mut Vec<(u32, u32, f64)>, account| {
            if facts.is_allowed_account(account) {
                return NONE_U32;
            }
            let home = groups[account as usize];
            if !asked.contains(facts, account) {
                return home;
            }
            // Whom a group with a profile takes in, its profile decides.
            let heard = |group: u32| group == home || holdings.sizes[group as usize] < profile_size;
            ballots(facts, rule, groups, holdings, account, heard, out);
            let (mut best, mut best_bits) = (NONE_U32, 0.0);
            for of_group in out.chunk_by(|left, right| left.0 == right.0) {
                let group = of_group[0].0;
                let size = holdings.sizes[group as usize] - u32::from(group == home);
                let tie = rule.sum(facts, of_group.iter().map(|&(_, identifier, bits)| (identifier, bits)));
                let odds = tie.bits + rule.size_bits(size);
                // A member keeps its group at equal odds.
                if rule.accepts(&rule.joining(tie, group == home), size)
                    && (odds > best_bits || (odds == best_bits && group == home))
                {
                    (best, best_bits) = (group, odds);
                }
            }
            best
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KindRole;
    use crate::classify::classify_identifiers;
    use crate::config::LinkageConfig;
    use crate::members::tied_accounts;
    use crate::toy::{Touch, Toy};
    use crate::weigh::weigh_sightings;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Asking only those whose answer can differ gives what asking everybody in every round gives, wherever it starts.
        #[test]
        fn who_is_not_asked_would_have_said_the_same(
            records in prop::collection::vec((0u32..40, 0u32..30, 0u32..20, 0u32..8), 20..120),
            rounds in 1u32..6,
        ) {
            let touches: Vec<Touch> = (0..).zip(&records).flat_map(|(account, &(a, b, c, _))| {
                [(account, 0, a, 0), (account, 1, b, 0), (account, 2, c, 0)]
            }).collect();
            let toy = Toy::new(&[KindRole::Other; 3], records.len() as u32, &touches);
            let config = LinkageConfig { members: MemberConfig { rounds, margin_bits: -6.0, ..Default::default() }, ..Default::default() };
            let facts = toy.facts();
            let classification = classify_identifiers(facts, &config.classify);
            let weights = weigh_sightings(facts, &classification, &config.weigh);
            let ties = tied_accounts(facts, &classification, &weights, &config.members);
            // Groups at random, named by their first account.
            let first_of = |of: u32| records.iter().position(|record| record.3 == of).map_or(NONE_U32, |first| first as u32);
            let start: Vec<u32> = records.iter().map(|record| if record.3 == 0 { NONE_U32 } else { first_of(record.3) }).collect();
            let mut expected = start.clone();
            for _ in 0..rounds {
                let holdings = hold(facts, &classification, &expected);
                let everybody = Asked::everybody(facts);
                expected = reassign(facts, &ties.rule, &expected, &holdings, &everybody, config.members.profile_size);
            }
            prop_assert_eq!(settle(facts, &ties.rule, &classification, start, &config.members), expected);
        }
    }
}
