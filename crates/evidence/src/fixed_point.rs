//! Which group do the identifiers of each account speak for?
//!
//! Step 3 of [`crate::members`], round by round until nothing changes. What a round says of an account depends on its own
//! group, and on who else has its identifiers; so from the second round on only those are asked again whose answer can differ:
//!
//! 1. *Moved*: accounts that the last round gave another group. The groups that they left and joined are *changed*.
//! 2. *Recount* the identifiers of those that moved ([`Holdings::recounted`]).
//! 3. *Ask* the accounts of changed groups, and every account that a changed group without a profile would now accept; what a
//!    group with a profile says of others is not heard. All other accounts keep their group: what it says of them is as it was,
//!    and more than every group says that hasn't changed.
//!
//! No group without a profile accepts an account for one identifier alone, unless one could be enough for anybody ([`fewest`]):
//! what a single one says is not looked at.
//!
//! Cost: O(sightings) for the first round; then the sightings of those asked, of everybody those that changed groups hold, and
//! a bit for each of the others.

use fixedbitset::FixedBitSet;
use graph::{AccountId, IdentifierId, NONE_U32};
use rayon::prelude::*;

use crate::Facts;
use crate::classify::Classification;
use crate::config::MemberConfig;
use crate::holdings::{Holdings, hold, identifiers_of};
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
    let mut asked = Asked::everybody(facts, rule, config.profile_size);
    for _ in 0..config.rounds {
        let next = reassign(facts, rule, &groups, &holdings, &asked, config.profile_size);
        if next == groups {
            break;
        }
        let moved: FixedBitSet = (0..groups.len()).filter(|&account| groups[account] != next[account]).collect();
        let counted = holdings.recounted(facts, classification, &next, &identifiers_of(facts, &moved));
        asked = asked.after(facts, rule, &groups, (&next, &counted), config.profile_size);
        (groups, holdings) = (next, counted);
    }
    groups
}

/// Whose group may be another one in the next round.
struct Asked {
    accounts: FixedBitSet,
    /// Everybody whom one of these would accept ...
    groups: FixedBitSet,
    /// ... for some of the identifiers that they hold a notable share of.
    identifiers: FixedBitSet,
    /// How many identifiers it takes, at least.
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
    fn everybody(facts: Facts<'_>, rule: &TieRule<'_>, profile_size: u32) -> Self {
        let mut accounts = FixedBitSet::with_capacity(facts.graph.account_count());
        accounts.insert_range(..);
        let (groups, identifiers) = (FixedBitSet::new(), FixedBitSet::new());
        Asked { accounts, groups, identifiers, fewest: fewest(facts, rule, profile_size) }
    }

    /// After accounts moved: their groups before, groups and holdings now.
    fn after(
        self,
        facts: Facts<'_>,
        rule: &TieRule<'_>,
        groups: &[u32],
        (next, counted): (&[u32], &Holdings),
        profile_size: u32,
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
        let heard: FixedBitSet = changed.ones().filter(|&group| counted.sizes[group] < profile_size).collect();
        let names_heard = |&identifier: &u32| {
            let mut here = counted.of(identifier).iter();
            here.any(|&(group, _)| heard.contains(group as usize)) && rule.says(identifier)
        };
        let all = (0..facts.graph.identifier_count() as u32).into_par_iter().with_min_len(4096);
        let named: Vec<u32> = all.filter(names_heard).collect();
        let identifiers = named.into_iter().map(|identifier| identifier as usize).collect();
        Asked { accounts, groups: heard, identifiers, fewest: self.fewest }
    }
}

/// One account as groups see it.
#[derive(Clone, Copy)]
pub(crate) struct Ballot<'a> {
    pub(crate) facts: Facts<'a>,
    pub(crate) rule: &'a TieRule<'a>,
    pub(crate) holdings: &'a Holdings,
    pub(crate) account: u32,
    /// Its group, or `NONE_U32`.
    pub(crate) home: u32,
}

impl<'a> Ballot<'a> {
    /// The account's identifiers that say something, each with the groups `heard` that hold a notable share of it: (group,
    /// identifier, accounts of the group that have it), ascending.
    fn voices(self, identifiers: impl Iterator<Item = u32>, heard: impl Fn(u32) -> bool, out: &mut Vec<(u32, u32, u32)>) {
        out.clear();
        for identifier in identifiers {
            let here = self.holdings.of(identifier);
            if !here.is_empty() && self.rule.says(identifier) {
                let heard = here.iter().filter(|&&(group, _)| heard(group));
                out.extend(heard.map(|&(group, held)| (group, identifier, held)));
            }
        }
        out.sort_unstable();
    }

    /// The account's identifiers, ascending.
    fn row(self) -> impl Iterator<Item = u32> + Clone + 'a {
        self.facts.graph.identifiers_of(AccountId(self.account)).iter().copied()
    }

    /// The identifiers among these voices for one group, with the bits that speak for it.
    fn bits_of(self, voices: &[(u32, u32, u32)]) -> impl Iterator<Item = (u32, f64)> {
        let bits = move |&(group, identifier, held): &(u32, u32, u32)| {
            let degree = self.facts.graph.identifier_degree(IdentifierId(identifier)) as u32;
            // The account's own sighting doesn't speak for the account.
            let own = u32::from(group == self.home);
            let size = self.holdings.sizes[group as usize] - own;
            (identifier, self.rule.membership_bits(identifier, held - own, size, degree - 1))
        };
        voices.iter().map(bits).filter(|&(_, bits)| bits > 0.0)
    }

    /// The (identifier, bits) of the account's identifiers that speak for a group, ascending.
    pub(crate) fn speaking_for(self, group: u32) -> Vec<(u32, f64)> {
        let mut voices = Vec::new();
        self.voices(self.row(), |of| of == group, &mut voices);
        self.bits_of(&voices).collect()
    }

    /// The group that voices speak for most, if they say enough; `fewest` of them, unless it is the account's own.
    fn best(self, voices: &[(u32, u32, u32)], fewest: usize) -> u32 {
        let Ballot { facts, rule, home, .. } = self;
        let (mut best, mut best_bits) = (NONE_U32, 0.0);
        for of_group in voices.chunk_by(|left, right| left.0 == right.0) {
            let group = of_group[0].0;
            if of_group.len() < fewest && group != home {
                continue;
            }
            let size = self.holdings.sizes[group as usize] - u32::from(group == home);
            // Most groups that an account has something of are far from accepting it.
            let most = self.bits_of(of_group).map(|(_, bits)| bits).sum();
            if !rule.could_accept(most, group == home, size) {
                continue;
            }
            let tie = rule.sum(facts, self.bits_of(of_group));
            let odds = tie.bits + rule.size_bits(size);
            // A member keeps its group at equal odds.
            if rule.accepts(&rule.joining(tie, group == home), size)
                && (odds > best_bits || (odds == best_bits && group == home))
            {
                (best, best_bits) = (group, odds);
            }
        }
        best
    }
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
        .map_init(Vec::new, |voices: &mut Vec<(u32, u32, u32)>, account| {
            if facts.is_allowed_account(account) {
                return NONE_U32;
            }
            let home = groups[account as usize];
            let ballot = Ballot { facts, rule, holdings, account, home };
            if !asked.accounts.contains(account as usize) {
                let anew = ballot.row().filter(|&identifier| asked.identifiers.contains(identifier as usize));
                if anew.clone().nth(asked.fewest - 1).is_none() {
                    return home;
                }
                ballot.voices(anew, |group| group != home && asked.groups.contains(group as usize), voices);
                if ballot.best(voices, asked.fewest) == NONE_U32 {
                    return home;
                }
            }
            // Whom a group with a profile takes in, its profile decides.
            let heard = |group: u32| group == home || holdings.sizes[group as usize] < profile_size;
            ballot.voices(ballot.row(), heard, voices);
            ballot.best(voices, asked.fewest)
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
                let everybody = Asked { fewest: 1, ..Asked::everybody(facts, &ties.rule, config.members.profile_size) };
                expected = reassign(facts, &ties.rule, &expected, &holdings, &everybody, config.members.profile_size);
            }
            prop_assert_eq!(settle(facts, &ties.rule, &classification, start, &config.members), expected);
        }
    }
}
